/*
 * scan.c: hold one goroutine still and look at its roots.
 *
 * The SCAN bit in a status is a lock: only a status other than RUNNING takes it, and nobody changes
 * a status that has it.  So a scanner and the goroutine exclude each other, and so do two
 * scanners.  A running goroutine is asked, and looks itself at its next safepoint; the request is
 * kept with the goroutine, so it survives a park or a move to another P.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

/* True: it was running and has been asked. */
static bool scan_ask(struct sched_g *g)
{
	struct sched_p *p;

	/* Sequentially consistent, as the status swap in run_begin and its look at scan_asked:
	 * either that sees the request, or we see the status, and with it the P, that it set. */
	atomic_store(&g->scan_asked, 1);
	do {
		p = __atomic_load_n(&g->p, __ATOMIC_RELAXED);
		atomic_fetch_or(&p->poll, SCHED_POLL_SCAN);
		if (atomic_load(&g->status) != SCHED_G_RUNNING)
			return false;
	} while (p != __atomic_load_n(&g->p, __ATOMIC_RELAXED));
	return true;
}

static void scan_held(struct sched_g *g, uint32_t status, void (*scan)(struct sched_g *, void *),
		      void *arg)
{
	atomic_store_explicit(&g->scan_asked, 0, memory_order_relaxed);
	prim_ctx_check(g->ctx);
	scan(g, arg);
	/* Release: pairs with the acquire in sched_g_status and in the next scanner's swap. */
	atomic_store_explicit(&g->status, status, memory_order_release);
}

enum sched_scan sched_scan_g(struct sched_g *g, void (*scan)(struct sched_g *, void *), void *arg)
{
	uint32_t status, round = 0;

	for (;;) {
		status = atomic_load_explicit(&g->status, memory_order_acquire);
		if (status == SCHED_G_IDLE || status == SCHED_G_DEAD)
			return SCHED_SCAN_DONE;
		if (status & SCHED_G_SCAN) {
			prim_spin_wait(round++);
			continue;
		}
		if (status == SCHED_G_RUNNING) {
			if (scan_ask(g))
				return SCHED_SCAN_ASKED;
			prim_spin_wait(round++);
			continue;
		}
		if (!atomic_compare_exchange_strong_explicit(
			    &g->status, &status, status | SCHED_G_SCAN, memory_order_acquire,
			    memory_order_relaxed))
			continue;
		scan_held(g, status, scan, arg);
		return SCHED_SCAN_DONE;
	}
}
