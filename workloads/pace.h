/*
 * pace.h: when a worker's operations are due, and how long they took.
 *
 * Open loop: operation k of a worker is intended at t0 + (k * workers + worker) / rate, whatever
 * happened before. A worker that is late does not slow the schedule down: it works off what is due
 * without a pause, and each operation's latency counts from its intended start. So a stall of 300
 * ms is charged to every operation that it delayed, not to the one that it hit (a closed loop would
 * leave the others out: coordinated omission).
 *
 * A worker may run up to PACE_AHEAD_NS ahead of its schedule, so that it need not sleep between two
 * operations 20 µs apart; an early operation counts from its actual start: latency = end -
 * min(actual start, intended start).
 *
 * The rate may change in mid-run (rates.h): operations that were intended before stay where they
 * were, the first after the change begins a new row: at its moment, plus worker / rate.
 *
 * Rate 0 is a closed loop: latency is the operation's own duration. A driver with a clock of its own
 * (work_driver.due) says itself when each operation is intended; the rest is the same.
 */
#pragma once

#include "workloads/workload.h"

#define PACE_AHEAD_NS INT64_C(1000000)

struct pace {
	struct work_env *env;
	struct watch_ops *ops; /* NULL: not recorded */
	uint64_t rate, k;
	uint32_t worker, workers;
	const struct rates *rates; /* NULL: the rate stays */
	uint32_t nchanges;	   /* of which so many are behind operation k */
	uint64_t base_k;	   /* the first operation at this rate, and when it began */
	int64_t base_ns;
	int64_t t0_ns, end_ns, now_ns, from_ns;
	struct work_unit *unit; /* whose driver has a clock of its own; NULL: none */
};

void pace_init(struct pace *p, struct work_env *env, const struct plan_workload *w, uint32_t worker,
	       struct watch_ops *ops);
/* Wait for the next operation's turn; false: the run is over. A safepoint. */
bool pace_next(mrt_g *g, struct pace *p);
/* The operation has ended with r (0 or -errno). */
void pace_done(struct pace *p, int r);
/* Intended start of operation k, at the present rate. */
int64_t pace_intended(const struct pace *p, uint64_t k);
