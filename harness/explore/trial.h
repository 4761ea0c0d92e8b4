/*
 * trial.h: simulated runs (a replay: real ones too) in processes of their own, some at once.
 *
 * Each trial is a child that loads the scenario and makes one run (gcs_run); what it prints goes to its log. A trial that
 * crashes takes nothing along. The children stand in process groups of their own: an interrupt reaches the parent, which asks each
 * child once to end and waits for all. A parent that is killed takes the children along.
 */
#pragma once

#include "harness/run/run.h"

#define GCS_TRIALS_MAX 64 /* at once */
#define GCS_TRIAL_SETS_MAX 64
#define GCS_TRIAL_PATH_BYTES 4160

struct gcs_trial {
	uint64_t number;  /* the caller's own */
	uint64_t seed;
	char path[GCS_TRIAL_PATH_BYTES]; /* the scenario */
	char record[GCS_TRIAL_PATH_BYTES], log[GCS_TRIAL_PATH_BYTES];
	bool real; /* on real threads, not simulated */
	/* Last word on the scenario, in the child; NULL: none. 0, or -errno. */
	int (*prepare)(void *self, struct gcs_scenario *s);
	void *self;
};
struct gcs_trial_end {
	struct gcs_run_result run; /* exit 1 with a sentence when the child died */
	int64_t took_ns;	   /* by the clock on the wall */
};

struct gcs_trials {
	const struct gcs_scenario_options *load; /* what is laid over each; the seed comes last */
	const char *command_line;		 /* recorded with each; NULL: one that repeats it alone */
	unsigned jobs;				 /* at once, 1 to GCS_TRIALS_MAX */
	void *self;
	/* The next one; false: there is none. */
	bool (*next)(void *self, struct gcs_trial *ret);
	/* One has ended. false: begin no more. */
	bool (*ended)(void *self, const struct gcs_trial *t, const struct gcs_trial_end *end);
	/* Now and then, and after each end; NULL: nobody wants to know. */
	void (*tick)(void *self);
};
/* Returns when all that were begun have ended. 0; SIGINT, SIGTERM: interrupted; -errno: no more children can be made.
 * The calling process has one thread. */
int gcs_trials_run(const struct gcs_trials *c);

/* One trial; its output goes to t->log. As gcs_trials_run. */
int gcs_trial_once(const struct gcs_trial *t, const struct gcs_scenario_options *load, const char *command_line,
		   struct gcs_trial_end *ret);

/* The command that makes this run again, ready for a shell: malloc'd, NULL: no memory. */
char *gcs_trial_command(const char *path, const struct gcs_scenario_options *load, uint64_t seed);
