/*
 * waitgroup.c: a wait group for goroutines.
 *
 * Everything under the guard, since the waiter may free the group as soon as it sees zero: the last
 * touch of whoever brings the count to zero is the release of the guard.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

/* The waiter to wake, when n brings the count to zero. */
static struct sched_g *wg_change(mrt_wg *wg, int64_t n)
{
	struct sched_g *waiter = NULL;
	int64_t count;

	sched_guard_take(&wg->guard);
	count = atomic_load_explicit(&wg->count, memory_order_relaxed) + n;
	atomic_store_explicit(&wg->count, count, memory_order_relaxed);
	if (count < 0)
		prim_die(2, "panic: sync: negative WaitGroup counter\n");
	if (count == 0) {
		waiter = wg->waiter;
		wg->waiter = NULL;
	}
	sched_guard_give(&wg->guard);
	return waiter;
}

void mrt_wg_add(mrt_wg *wg, int64_t n)
{
	struct sched_g *waiter;

	prim_step(PRIM_COST_ATOMIC);
	waiter = wg_change(wg, n);
	if (waiter != NULL)
		sched_ready(NULL, waiter, false);
}

void mrt_wg_done(mrt_g *pub, mrt_wg *wg)
{
	struct sched_g *waiter;

	prim_step(PRIM_COST_ATOMIC);
	waiter = wg_change(wg, -1);
	if (waiter != NULL)
		sched_ready(sched_of(pub)->p, waiter, true);
}

void mrt_wg_wait(mrt_g *pub, mrt_wg *wg)
{
	struct sched_g *g = sched_of(pub);

	prim_step(PRIM_COST_ATOMIC);
	sched_guard_take(&wg->guard);
	if (atomic_load_explicit(&wg->count, memory_order_relaxed) == 0) {
		sched_guard_give(&wg->guard);
		return;
	}
	if (wg->waiter != NULL)
		prim_die(2, "panic: sync: a WaitGroup has one waiter\n");
	wg->waiter = g;
	sched_park(g, SCHED_WAIT_GROUP, sched_guard_commit, &wg->guard);
	sched_safepoint(g);
}
