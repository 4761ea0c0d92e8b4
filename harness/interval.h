/*
 * interval.h: the run, cut into pieces of equal length (the recovery window), counted from t0.
 *
 * A few are open at a time: those that records or samples may still fall into. They are closed in
 * order.
 */
#pragma once

#include "harness/metric.h"

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
};

struct gcs_intervals {
	const struct gcs_scenario *scenario;
	int64_t length_ns;
	uint64_t first; /* index of the oldest open one */
	uint32_t nopen, cap;
	struct gcs_interval **open;
};
void gcs_intervals_init(struct gcs_intervals *is, const struct gcs_scenario *s, int64_t length_ns);
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
