/*
 * curve.c: walking along the curve.
 *
 * The integral between two points of different rates is a parabola. It is followed in short straight
 * steps whose ends lie on it: a thousandth of the way, but at least a millisecond (a worker may run as
 * far ahead of its schedule anyway).
 */
#include "workloads/curve.h"

#include <errno.h>
#include <stdlib.h>

#define CURVE_SECOND	 1000000000
#define CURVE_STEP_NS	 INT64_C(1000000)
#define CURVE_STEPS	 1024
#define CURVE_LAST_NS	 (INT64_C(1000) * CURVE_SECOND) /* a step behind the last point */
#define CURVE_RATE_SHIFT 16

/* Bytes of all workers between point i and dt later; dt does not reach beyond the next point. */
static uint64_t curve_integral(const struct curve *c, uint32_t i, int64_t dt_ns)
{
	const struct plan_follow *p = &c->point[i];
	__int128 from = (__int128)p->alloc_per_s << CURVE_RATE_SHIFT, to = from;

	if (i + 1 < c->n && p[1].at_ns > p->at_ns)
		to += (((__int128)p[1].alloc_per_s << CURVE_RATE_SHIFT) - from) * dt_ns /
		      (p[1].at_ns - p->at_ns);
	return (uint64_t)((from + to) * dt_ns / (2 * (__int128)CURVE_SECOND) >> CURVE_RATE_SHIFT);
}

int curve_init(struct curve *c, const struct plan_follow *point, uint32_t n, uint32_t workers)
{
	*c = (struct curve){.point = point, .n = n, .workers = workers};
	c->sum = malloc(n * sizeof(*c->sum));
	if (c->sum == NULL)
		return -ENOMEM;
	c->sum[0] = 0;
	for (uint32_t i = 0; i + 1 < n; i++)
		c->sum[i + 1] =
			c->sum[i] + curve_integral(c, i, point[i + 1].at_ns - point[i].at_ns);
	return 0;
}

void curve_fini(struct curve *c)
{
	free(c->sum);
	c->sum = NULL;
}

uint64_t curve_live(struct curve *c, int64_t t_ns)
{
	const struct plan_follow *p;
	__int128 live;

	while (c->live_at + 1 < c->n && c->point[c->live_at + 1].at_ns <= t_ns)
		c->live_at++;
	p = &c->point[c->live_at];
	live = p->live;
	if (c->live_at + 1 < c->n)
		live += ((__int128)p[1].live - live) * (t_ns - p->at_ns) / (p[1].at_ns - p->at_ns);
	return (uint64_t)live / c->workers;
}

uint64_t curve_live_max(const struct curve *c)
{
	uint64_t max = 0;

	for (uint32_t i = 0; i < c->n; i++)
		if (c->point[i].live > max)
			max = c->point[i].live;
	return max / c->workers;
}

static int64_t curve_step_ns(const struct plan_follow *p)
{
	int64_t step = (p[1].at_ns - p->at_ns) / CURVE_STEPS;

	if (p[1].alloc_per_s == p->alloc_per_s)
		return p[1].at_ns - p->at_ns;
	return step > CURVE_STEP_NS ? step : CURVE_STEP_NS;
}

/* The next straight piece. false: nothing comes any more. */
static bool curve_step(struct curve *c)
{
	const struct plan_follow *p = &c->point[c->due_at];
	bool last = c->due_at + 1 == c->n;

	if (last && p->alloc_per_s == 0)
		return false;
	if (!last && c->t1_ns >= p[1].at_ns) {
		c->due_at++;
		c->t0_ns = c->t1_ns;
		c->b0 = c->b1;
		return true;
	}
	c->t0_ns = c->t1_ns;
	c->b0 = c->b1;
	c->t1_ns += last ? CURVE_LAST_NS : curve_step_ns(p);
	if (!last && c->t1_ns > p[1].at_ns)
		c->t1_ns = p[1].at_ns;
	c->b1 = c->sum[c->due_at] + curve_integral(c, c->due_at, c->t1_ns - p->at_ns);
	if (c->b1 < c->b0)
		c->b1 = c->b0; /* a rounding at the foot of a falling rate */
	return true;
}

int64_t curve_due(struct curve *c, uint64_t bytes)
{
	uint64_t all = bytes * c->workers, inside;

	while (c->b1 < all)
		if (!curve_step(c))
			return CURVE_NEVER;
	if (all <= c->b0)
		return c->t0_ns;
	inside = all - c->b0;
	return c->t0_ns + (int64_t)((unsigned __int128)(uint64_t)(c->t1_ns - c->t0_ns) * inside /
				    (c->b1 - c->b0));
}
