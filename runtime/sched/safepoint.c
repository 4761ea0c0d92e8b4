/*
 * safepoint.c: what a running goroutine does when its P's poll word says so.
 *
 * A request stays in the word until it is served: STOP is taken back by the stopper, CALL and SCAN
 * are cleared by whoever serves them, PREEMPT by the next time slice.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

static void safepoint_scan(struct sched_g *g)
{
	atomic_fetch_and(&g->p->poll, ~(uint32_t)SCHED_POLL_SCAN);
	/* Acquire-release: after the requester's work, before its next look at scan_gen. */
	if (atomic_exchange_explicit(&g->scan_asked, 0, memory_order_acq_rel) != 0)
		sched.gc->scan_self(g);
}

void sched_safepoint(struct sched_g *g)
{
	struct sched_p *p;
	uint32_t bits;

	prim_step(PRIM_COST_SAFEPOINT);
	for (;;) {
		p = g->p;
		/* Acquire: pairs with the requester's read-modify-write. */
		bits = atomic_load_explicit(&p->poll, memory_order_acquire);
		if (PRIM_LIKELY(bits == 0))
			return;
		if (bits & SCHED_POLL_SCAN)
			safepoint_scan(g);
		if (bits & SCHED_POLL_CALL)
			sched_ragged_run(p);
		if ((bits & (SCHED_POLL_STOP | SCHED_POLL_PREEMPT)) == 0)
			continue;
		/* The stopper itself runs on. */
		if (atomic_load_explicit(&p->status, memory_order_relaxed) == SCHED_P_STOPPED)
			return;
		if (bits & SCHED_POLL_STOP) {
			sched_leave(g, SCHED_AFTER_FRONT);
		} else {
			atomic_fetch_and(&p->poll, ~(uint32_t)SCHED_POLL_PREEMPT);
			sched_leave(g, SCHED_AFTER_YIELD);
		}
	}
}

void mrt_safepoint_slow(mrt_g *g)
{
	sched_safepoint(sched_of(g));
}
