/*
 * interval.h: the run, cut into windows of equal length (the recovery window), counted from t0, and
 * each window into equal slices.
 *
 * Slices are what is filled and closed, in order; a few are open at a time: those that records or
 * samples may still fall into. A window is the sum of its slices. A window that its parts do not
 * divide has slices that differ by a nanosecond.
 */
#pragma once

#include "harness/measure/look.h"
#include "harness/measure/metric.h"

struct gcs_interval {
	uint64_t index;
	int64_t start_ns, end_ns;
	int phase;	/* at its middle, -1 none */
	bool recorded;	/* that phase counts */
	bool coarse;	/* its operations were sampled together with neighbours' */
	uint32_t armed; /* bit i: fault i was armed in it */
	uint64_t fires;
	int64_t run_delay_ns, steal_ns, stall_ns;
	struct gcs_measure m;
	struct gcs_look *look; /* at scheduler and maps; NULL: nobody looked */
};

#define GCS_SLICE_NS   100000000 /* no slice is shorter, unless the window is */
#define GCS_SLICES_MAX 10	 /* of a window */

struct gcs_intervals {
	const struct gcs_scenario *scenario;
	int64_t window_ns;
	uint32_t parts; /* slices of a window */
	uint64_t first; /* index of the oldest open one */
	uint32_t nopen, cap;
	struct gcs_interval **open;
};
void gcs_intervals_init(struct gcs_intervals *is, const struct gcs_scenario *s, int64_t window_ns,
			uint32_t parts);
/* Into how many slices a window is cut. */
uint32_t gcs_intervals_parts(int64_t window_ns);
/* The window that a slice begins: its place and phase, nothing in it yet. NULL: no memory. */
struct gcs_interval *gcs_intervals_window(const struct gcs_intervals *is, uint64_t slice);
/* A slice goes into its window, but for its looks. */
void gcs_interval_merge(struct gcs_interval *window, const struct gcs_interval *slice);
void gcs_intervals_fini(struct gcs_intervals *is);
/* The interval of a moment, opened if need be; moments before the oldest open one go to that one.
 * NULL: no memory. */
struct gcs_interval *gcs_intervals_at(struct gcs_intervals *is, int64_t t_ns);
/* Take out the oldest when it ends at or before t; NULL: it does not. The caller destroys it. */
struct gcs_interval *gcs_intervals_close(struct gcs_intervals *is, int64_t t_ns);
void gcs_interval_destroy(struct gcs_interval *i);

/* Deals `total`, which accrued evenly over (from, to], out to intervals: call next until NULL; the
 * shares add up to total. */
struct gcs_share {
	struct gcs_intervals *is;
	int64_t from_ns, to_ns, at_ns;
	uint64_t total, dealt;
};
struct gcs_interval *gcs_share_next(struct gcs_share *s, uint64_t *ret_part);
