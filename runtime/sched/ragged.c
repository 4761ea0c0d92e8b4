/*
 * ragged.c: one function, once for each P, without stopping the world.
 *
 * Every P gets the CALL bit and whoever has the P takes the bit and runs the function: at a
 * safepoint, when looking for work, before giving the P up.  The caller takes the idle Ps and those
 * in a blocking call, runs it for them, and hands them on.  The call has the same turn as a stop.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

static struct {
	void (*fn)(struct sched_p *, void *);
	void *arg;
	_Atomic uint32_t left;
	prim_note done;
} ragged;

void sched_ragged_run(struct sched_p *p)
{
	/* Relaxed: a hint; the exchange decides, and acquires what the caller has set. */
	if (PRIM_LIKELY((atomic_load_explicit(&p->poll, memory_order_relaxed) & SCHED_POLL_CALL) ==
			0))
		return;
	if ((atomic_fetch_and(&p->poll, ~(uint32_t)SCHED_POLL_CALL) & SCHED_POLL_CALL) == 0)
		return;
	ragged.fn(p, ragged.arg);
	/* Release: the caller sees what fn did; acquire: the last one has all of it to pass on. */
	if (atomic_fetch_sub_explicit(&ragged.left, 1, memory_order_acq_rel) == 1)
		prim_note_wake(&ragged.done);
}

/* Announce under the lock, so that no P becomes idle unseen; take the free ones. */
static uint32_t ragged_announce_locked(struct sched_p *own, struct sched_p **ret_taken)
{
	uint32_t n = 0;

	prim_mutex_assert_held(&sched.lock);
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct sched_p *p = sched.p[i];
		uint32_t status;

		/* Sequentially consistent before the look at the status: see block.c. */
		atomic_fetch_or(&p->poll, SCHED_POLL_CALL);
		if (p == own)
			continue;
		status = atomic_load(&p->status);
		if (status == SCHED_P_IDLE) {
			sched_p_idle_remove_locked(p);
			ret_taken[n++] = p;
		} else if (status == SCHED_P_BLOCKED &&
			   sched_p_swap(p, SCHED_P_BLOCKED, SCHED_P_RUNNING)) {
			p->m = NULL;
			ret_taken[n++] = p;
		}
	}
	return n;
}

void sched_for_each_p(struct sched_g *g, void (*fn)(struct sched_p *, void *), void *arg)
{
	struct sched_p *taken[WATCH_PS_MAX], *own;
	uint32_t n;

	sched_turn_take(g);
	own = g != NULL ? g->p : NULL;
	ragged.fn = fn;
	ragged.arg = arg;
	prim_note_clear(&ragged.done);
	atomic_store_explicit(&ragged.left, sched.procs, memory_order_relaxed);
	prim_mutex_lock(&sched.lock);
	n = ragged_announce_locked(own, taken);
	prim_mutex_unlock(&sched.lock);
	for (uint32_t i = 0; i < n; i++) {
		sched_ragged_run(taken[i]);
		sched_p_hand_off(taken[i]);
	}
	if (own != NULL)
		sched_ragged_run(own);
	prim_note_sleep(&ragged.done, PRIM_FOREVER);
	sched_turn_give(g);
}
