/*
 * soak.h: scenarios round after round, for a night that is left alone.
 *
 * A soak has a directory: its state (soak_state.h), a copy of each scenario's text, and the records
 * round-NNNN-NAME.gcrun. A round is begun in the state, run, and finished in the state; only then
 * is its record thinned (pass) and room made (--disk). What is finished stays finished whatever is
 * killed when; a round that was cut off leaves a note and runs again with the same seed. A record
 * whose run had come to its verdict when the harness was killed is finished, not run again.
 */
#pragma once

#include "harness/run/run.h"
#include "harness/soak/soak_plan.h"

/* How the world is reached; a test plays it. */
struct gcs_soak_world {
	/* Runs a round; as gcs_run. */
	enum gcs_exit (*run)(void *self, const struct gcs_run_options *opt,
			     struct gcs_run_result *ret);
	int64_t (*now_ns)(void *self);
	void (*at)(void *self, const char *step); /* told between the steps; may be NULL */
	void *self;
};

struct gcs_soak_options {
	const char *dir;    /* start: made, or empty; resume: a soak's */
	const char *format; /* "text" or "json": one object a line then */
	const struct gcs_display *display; /* of each run; NULL: a line of progress on a terminal */
	FILE *out;
	const struct gcs_soak_world *world; /* NULL: gcs_run and the clock */
};

/* A new soak; text[i] is the source of the plan's i-th scenario. Takes the plan over. Exit: 130,
 * 143 interrupted; 1 and 3 when that ended the soak; else by its rounds, the first that there is of
 * 99, 4, 1, 5, 7, and 0. Everything is said on out and stderr. */
enum gcs_exit gcs_soak_start(struct gcs_soak_plan *plan, char *const *text,
			     const struct gcs_soak_options *opt);

struct gcs_soak_limits { /* what is given anew; NULL: as before */
	const int64_t *for_ns;
	const uint64_t *rounds, *disk_bytes;
};
/* Goes on with the soak in opt->dir. Of one that has reached its end: the summary and the exit code
 * once more. */
enum gcs_exit gcs_soak_resume(const struct gcs_soak_limits *limits,
			      const struct gcs_soak_options *opt);

/* The summary alone, also while the soak goes on. 0; -ENOENT: no soak there; -errno; said on err.
 */
int gcs_soak_report(const char *dir, const char *format, FILE *out, FILE *err);
