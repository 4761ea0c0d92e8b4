/*
 * pace.c: the open loop of a worker. The clock is read once an operation: an end is the next one's
 * beginning.
 */
#include "workloads/pace.h"
#include "workloads/rates.h"

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
		.rates = env->rates != NULL ? &env->rates[w->index] : NULL,
		.base_ns = env->t0_ns,
		.t0_ns = env->t0_ns,
		.end_ns = env->t0_ns + env->plan->end_ns,
		.now_ns = mrt_now_ns(),
	};
}

int64_t pace_intended(const struct pace *p, uint64_t k)
{
	unsigned __int128 turn = (unsigned __int128)(k - p->base_k) * p->workers + p->worker;

	return p->base_ns + (int64_t)(turn * PACE_SECOND / p->rate);
}

/* How many of its operations, the first at worker / rate, are intended within a span. */
static uint64_t pace_within(const struct pace *p, uint64_t rate, int64_t span_ns)
{
	unsigned __int128 turns =
		((unsigned __int128)span_ns * rate + PACE_SECOND - 1) / PACE_SECOND;

	return turns > p->worker
		       ? (uint64_t)((turns - p->worker + p->workers - 1) / p->workers)
		       : 0;
}

/* Due by now at the rates that held since. */
static uint64_t pace_due(const struct pace *p)
{
	uint64_t k = p->base_k, rate = p->rate;
	int64_t base_ns = p->base_ns;
	const struct rates_change *c;

	for (uint32_t i = p->nchanges;
	     (c = rates_at(p->rates, i)) != NULL && c->from_ns <= p->now_ns; i++) {
		k += pace_within(p, rate, c->from_ns - base_ns);
		base_ns = c->from_ns;
		rate = c->rate;
	}
	return k + (uint64_t)((unsigned __int128)(p->now_ns - base_ns) * rate /
			      ((uint64_t)PACE_SECOND * p->workers));
}

/* How many operations are due by now, by the schedule. */
static void pace_publish(struct pace *p)
{
	uint64_t due = p->k;

	if (p->ops == NULL)
		return;
	if (p->rate > 0 && p->now_ns > p->base_ns)
		due = pace_due(p);
	atomic_store_explicit(&p->ops->intended, due, memory_order_relaxed);
}

static bool pace_over(const struct pace *p)
{
	return p->now_ns >= p->end_ns || atomic_load_explicit(&p->env->stop, memory_order_relaxed);
}

/* The next one's start, after the changes of the rate that lie before it. */
static int64_t pace_intended_rated(struct pace *p)
{
	int64_t due = pace_intended(p, p->k);
	const struct rates_change *c;

	while ((c = rates_at(p->rates, p->nchanges)) != NULL && due >= c->from_ns) {
		p->nchanges++;
		p->base_k = p->k;
		p->base_ns = c->from_ns;
		p->rate = c->rate;
		due = pace_intended(p, p->k);
	}
	return due;
}

static int64_t pace_intended_next(struct pace *p)
{
	int64_t due;

	if (p->unit == NULL)
		return p->rate > 0 ? pace_intended_rated(p) : p->now_ns;
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
		if (p->unit == NULL) /* a change may have come meanwhile */
			intended = pace_intended_rated(p);
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
