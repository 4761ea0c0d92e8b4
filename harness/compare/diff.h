/*
 * diff.h: one scenario on several runtimes, round after round, and what agrees and what does not.
 *
 * A round is a run on each target, with one seed (the scenario's, one more each round); the first place goes round. Figures are those of
 * figure.h, and two targets are judged by the ratios of the rounds (measure/agreement.h): always the first target against another.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/compare/batch.h"
#include "harness/compare/figure.h"
#include "harness/measure/agreement.h"

#define GCS_DIFF_TARGETS_MAX 8
#define GCS_DIFF_SETS_MAX    8
#define GCS_DIFF_SIGNALS_MAX 32
#define GCS_DIFF_ROUNDS	     6u
#define GCS_DIFF_BAND	     1.25

/* "embedded", "go", "go=/path/to/go", each with ":KEY=VALUE" behind it, again and again, for what shall be otherwise there. */
struct gcs_diff_target {
	char *label; /* as given; owned */
	char *text;  /* cut, for `set` */
	struct gcs_override set[GCS_DIFF_SETS_MAX];
	size_t nsets;
};
/* 0; -EINVAL with *ret_why static; -ENOMEM. */
int gcs_diff_target_parse(struct gcs_diff_target *ret, const char *text, const char **ret_why);
void gcs_diff_target_fini(struct gcs_diff_target *t);

struct gcs_diff_options {
	const char *path;		  /* of the scenario */
	struct gcs_scenario_options load; /* a target's own sets are laid over behind these */
	struct gcs_run_options run;	  /* scenario and record are set here */
	struct gcs_diff_target target[GCS_DIFF_TARGETS_MAX];
	uint32_t ntargets, rounds;
	double band;
	const char *signal[GCS_DIFF_SIGNALS_MAX]; /* that decide: metric, or metric@workload; 0 of them: all */
	uint32_t nsignals;
	const char *dir; /* for the records: ROUND-TARGET.gcrun; made, may be there if it is empty */
};

/* One figure over all rounds. */
struct gcs_diff_row {
	char *workload; /* NULL: of the run */
	const struct gcs_figure *figure;
	bool decides;
	double *value; /* [target * rounds + round]; NAN: that run has none */
};
struct gcs_diff {
	const struct gcs_diff_options *opt;
	char *scenario; /* its name; owned */
	struct gcs_diff_row *row;
	size_t nrows;
	uint32_t done;		/* whole rounds */
	enum gcs_exit code;	/* of the whole */
	enum gcs_exit *exit_of; /* [target * rounds + round] */
};

/* What is wrong with the scenario on any of the targets, or with a signal's name, is said before anything runs (exit 2). The table goes to
 * out, also of what an interrupt left. Exit: 130 and 143; 1 and 3 when that ended it; 99 when a figure that decides differs; 5 when it is open
 * or unknown; 0 when all agree. */
enum gcs_exit gcs_diff(const struct gcs_diff_options *opt, FILE *out);

/* ---- what came of it (diff_table.c); `other` is a target from 1 on */

void gcs_diff_judge(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t other, struct gcs_agreement *ret);
/* Is it worth a line? */
bool gcs_diff_says(const struct gcs_diff *d, const struct gcs_diff_row *row);
/* Of the figures that decide alone: 99, 5 or 0. */
enum gcs_exit gcs_diff_verdict(const struct gcs_diff *d);
void gcs_diff_text(const struct gcs_diff *d, FILE *out);
/* 0, -ENOMEM, -EIO */
int gcs_diff_json(const struct gcs_diff *d, FILE *out);
