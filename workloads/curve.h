/*
 * curve.h: the curve of heap-follow as one of its workers sees it: live bytes at a time, and the
 * time at which a byte is due.
 *
 * Between two points live bytes and rate run in a straight line; behind the last both stay. The bytes
 * due by a time are the integral of the rate, kept at every point, so however long the run there is no
 * drift. Integers only: the same on every machine. A worker has an equal share of everything.
 *
 * Times never go back: each function's argument is at least what it was before.
 */
#pragma once

#include "workloads/plan.h"

#define CURVE_NEVER INT64_MAX

struct curve {
	const struct plan_follow *point; /* of the plan */
	uint32_t n, workers;
	uint64_t *sum; /* bytes due at each point, over all workers */
	/* where we are: by live, and in the integral, which runs straight from (t0, b0) to (t1, b1) */
	uint32_t live_at, due_at;
	int64_t t0_ns, t1_ns;
	uint64_t b0, b1;
};

int curve_init(struct curve *c, const struct plan_follow *point, uint32_t n, uint32_t workers); /* -ENOMEM */
void curve_fini(struct curve *c);
/* The worker's share of the live bytes at t. */
uint64_t curve_live(struct curve *c, int64_t t_ns);
/* When so many bytes of the worker's are due; CURVE_NEVER: the curve allocates no more. */
int64_t curve_due(struct curve *c, uint64_t bytes);
/* The largest share of live bytes of all points. */
uint64_t curve_live_max(const struct curve *c);
