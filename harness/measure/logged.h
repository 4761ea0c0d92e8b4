/*
 * logged.h: what a production log tells of a metric, from its cycles in a stretch of the run.
 *
 * gc.cycles, gc.forced, gc.rate; heap.live (marked by the last cycle begun), heap.live.max (the
 * largest heap at the end of a mark, which is all that is known between two cycles), heap.goal.max;
 * pause.stw.* and gc.mark.* (count, percentiles, max: both stops of a cycle are pauses). Of
 * anything else a log says nothing. Pure.
 */
#pragma once

#include "harness/measure/fidelity.h"
#include "harness/measure/metric.h"

/* Cycles begun in [from, to), of c[n] in the order of time. Sizes are those of the run (scaled),
 * clock parts as logged. work: room for 2 n numbers. false: the log does not tell it, or no
 * cycle began meanwhile that could. */
bool gcs_logged_metric(const struct gcs_metric *metric, const struct gcs_fidelity_cycle *c,
		       size_t n, int64_t from_ns, int64_t to_ns,
		       double *work, double *ret);
