/*
 * batch.h: run after run in one process, each read back from its record.
 *
 * Signals that end a run are blocked for the whole batch: one that comes between two runs ends it like one that comes in a run, and what
 * there is can still be shown.
 */
#pragma once

#include "harness/report/report_priv.h"
#include "harness/run/run.h"

#include <signal.h>

struct gcs_batch {
	sigset_t before;
};
void gcs_batch_begin(struct gcs_batch *s);
/* Signals of an impatient user that came since are taken: what comes next is shown. */
void gcs_batch_end(struct gcs_batch *s);
/* Between begin and end: has a signal come since the last run ended? It is taken: GCS_EXIT_INT, _TERM; else _PASS. */
enum gcs_exit gcs_batch_interrupted(void);

/* One run without a summary, and its record read back. false: there is no report. */
bool gcs_batch_run(const struct gcs_run_options *opt, struct gcs_run_result *ret, struct report *ret_report);
/* After a run that ended so, is there sense in another? */
bool gcs_batch_goes_on(enum gcs_exit code);
/* The one that counts for more, in the order of DESIGN §6. */
enum gcs_exit gcs_batch_graver(enum gcs_exit a, enum gcs_exit b);
