/*
 * block.c: bracketed blocking calls.
 *
 * On entry the P is marked BLOCKED and left behind.  From then on whoever swaps the mark has it:
 * the goroutine itself when it comes back soon, the stopper, a ragged call, or sysmon after a
 * tick.  When others wait for a P, or a request is pending, the P is handed off at once.
 *
 * Store the mark, then read the poll word, here; set the poll word, then read the mark, there: one
 * of the two sees the other, so a request is never left lying on a P without anybody.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

static bool block_others_wait(const struct sched_p *p)
{
	return !sched_runq_empty(p) || atomic_load(&sched.global_count) > 0;
}

void mrt_block_enter(mrt_g *pub)
{
	struct sched_g *g = sched_of(pub);
	struct sched_p *p;
	uint64_t tick;

	sched_safepoint(g);
	p = g->p;
	g->m->old_p = p;
	g->m->p = NULL;
	sched_g_status(g, SCHED_G_RUNNING, SCHED_G_BLOCKED);
	atomic_fetch_add_explicit(&sched.blocked, 1, memory_order_relaxed);
	atomic_store_explicit(&p->running, NULL, memory_order_relaxed);
	/* The owner alone writes it; sysmon reads. */
	tick = atomic_load_explicit(&p->call_tick, memory_order_relaxed);
	atomic_store_explicit(&p->call_tick, tick + 1, memory_order_relaxed);
	p->m = NULL;
	atomic_store(&p->status, SCHED_P_BLOCKED);
	if ((atomic_load(&p->poll) & (SCHED_POLL_STOP | SCHED_POLL_CALL)) == 0 &&
	    !block_others_wait(p))
		return;
	if (sched_p_swap(p, SCHED_P_BLOCKED, SCHED_P_RUNNING))
		sched_p_hand_off(p);
}

static struct sched_p *block_any_p(struct sched_p *old)
{
	struct sched_p *p;

	/* Perhaps by now another goroutine's blocked call: then that one looks for a P when it
	 * returns. */
	if (sched_p_swap(old, SCHED_P_BLOCKED, SCHED_P_RUNNING))
		return old;
	prim_mutex_lock(&sched.lock);
	p = sched_p_idle_get_locked();
	prim_mutex_unlock(&sched.lock);
	return p;
}

void mrt_block_exit(mrt_g *pub)
{
	struct sched_g *g = sched_of(pub);
	struct sched_m *m = g->m;
	struct sched_p *p;

	prim_step(PRIM_COST_ATOMIC);
	p = block_any_p(m->old_p);
	m->old_p = NULL;
	if (p == NULL) {
		sched_leave(g, SCHED_AFTER_UNBLOCK);
		sched_safepoint(g);
		return;
	}
	sched_m_take(m, p);
	__atomic_store_n(&g->p, p, __ATOMIC_RELAXED);
	g->pub.poll = &p->poll;
	sched_g_status(g, SCHED_G_BLOCKED, SCHED_G_RUNNING);
	atomic_fetch_sub_explicit(&sched.blocked, 1, memory_order_relaxed);
	atomic_store_explicit(&p->running, g, memory_order_relaxed);
	if (atomic_load(&g->scan_asked) != 0)
		atomic_fetch_or(&p->poll, SCHED_POLL_SCAN);
	sched_safepoint(g);
}
