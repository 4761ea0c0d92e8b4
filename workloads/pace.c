/*
 * pace.c: the open loop of a worker. The clock is read once an operation: an end is the next one's
 * beginning.
 */
#include "workloads/pace.h"

#define PACE_NAP_NS	   INT64_C(10000000) /* the longest sleep: an early end is noticed after it */
#define PACE_SECOND	   1000000000u
#define PACE_PUBLISH_EVERY 64u

void pace_init(struct pace *p, struct work_env *env, const struct plan_workload *w, uint32_t worker,
	       struct watch_ops *ops)
{
	*p = (struct pace){
		.env = env,
		.ops = ops,
		.rate = w->rate,
		.worker = worker,
		.workers = w->workers,
		.t0_ns = env->t0_ns,
		.end_ns = env->t0_ns + env->plan->end_ns,
		.now_ns = mrt_now_ns(),
	};
}

int64_t pace_intended(const struct pace *p, uint64_t k)
{
	unsigned __int128 turn = (unsigned __int128)k * p->workers + p->worker;

	return p->t0_ns + (int64_t)(turn * PACE_SECOND / p->rate);
}

/* How many operations are due by now, by the schedule. */
static void pace_publish(struct pace *p)
{
	uint64_t due = p->k;

	if (p->ops == NULL)
		return;
	if (p->rate > 0 && p->now_ns > p->t0_ns)
		due = (uint64_t)((unsigned __int128)(p->now_ns - p->t0_ns) * p->rate /
				 ((uint64_t)PACE_SECOND * p->workers));
	atomic_store_explicit(&p->ops->intended, due, memory_order_relaxed);
}

static bool pace_over(const struct pace *p)
{
	return p->now_ns >= p->end_ns || atomic_load_explicit(&p->env->stop, memory_order_relaxed);
}

static int64_t pace_intended_next(struct pace *p)
{
	int64_t due;

	if (p->unit == NULL)
		return p->rate > 0 ? pace_intended(p, p->k) : p->now_ns;
	due = p->unit->driver->due(p->unit);
	return due < p->end_ns - p->t0_ns ? p->t0_ns + due : p->end_ns;
}

bool pace_next(mrt_g *g, struct pace *p)
{
	int64_t intended = pace_intended_next(p);

	if (p->k % PACE_PUBLISH_EVERY == 0)
		pace_publish(p);
	while (!pace_over(p) && intended > p->now_ns + PACE_AHEAD_NS) {
		int64_t nap = p->now_ns + PACE_NAP_NS;

		pace_publish(p);
		mrt_sleep_until(g, intended < nap ? intended : nap);
		p->now_ns = mrt_now_ns();
	}
	mrt_safepoint(g);
	p->from_ns = intended < p->now_ns ? intended : p->now_ns;
	return !pace_over(p) && intended < p->end_ns;
}

static void pace_add(_Atomic uint64_t *counter)
{
	/* One writer: a plain add that readers can see. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

void pace_done(struct pace *p, int r)
{
	int64_t late = p->now_ns - p->from_ns;

	p->now_ns = mrt_now_ns();
	p->k++;
	if (p->ops == NULL)
		return;
	watch_hist_add(&p->ops->latency, (uint64_t)(p->now_ns - p->from_ns));
	pace_add(&p->ops->ops);
	if (r < 0)
		pace_add(&p->ops->errors);
	if (late > (int64_t)atomic_load_explicit(&p->ops->late_ns_max, memory_order_relaxed))
		atomic_store_explicit(&p->ops->late_ns_max, (uint64_t)late, memory_order_relaxed);
}
