/*
 * safepoint.c: what a running goroutine does when its P's poll word says so.
 *
 * A request stays in the word until it is served: STOP is taken back by the stopper, CALL and SCAN
 * are cleared by whoever serves them, PREEMPT by the next time slice; a SCAN whose goroutine left
 * before it came to a safepoint by the next goroutine to run there.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#define SAFEPOINT_BUSY_NS INT64_C(10000) /* simulated work between two looks at the clock */

static void safepoint_scan(struct sched_g *g)
{
	atomic_fetch_and(&g->p->poll, ~(uint32_t)SCHED_POLL_SCAN);
	/* Acquire-release: after the requester's work, before its next look at scan_gen. */
	if (atomic_exchange_explicit(&g->scan_asked, 0, memory_order_acq_rel) == 0)
		return;
	prim_ctx_check(g->ctx);
	sched.gc->scan_self(g);
}

int64_t sched_busy_until(int64_t until_ns)
{
	int64_t now_ns;

	while ((now_ns = prim_now_ns()) < until_ns) {
		int64_t left = until_ns - now_ns;

		prim_step_n(PRIM_COST_WORK,
			    (uint32_t)(left < SAFEPOINT_BUSY_NS ? left : SAFEPOINT_BUSY_NS));
		prim_spin_wait(0);
	}
	return now_ns;
}

/*
 * The gate of stw/stop is armed and the world waits for g: it may come late, busy all the while as a
 * loop without a safepoint is. The request at the end of a run is no stop.
 */
static void safepoint_late(struct sched_g *g)
{
	struct gcs_site site = sched_site(g->p, g, g->worker);
	struct gcs_firing firing;
	int64_t asked_ns = site.now_ns;

	if (!atomic_load(&sched.stopping) || !gcs_decide(GCS_POINT_stw_stop, &site, &firing) ||
	    firing.action != GCS_ACT_DELAY)
		return;
	site.now_ns = sched_busy_until(asked_ns + firing.delay_ns);
	/* Before the P is given up: who comes last is the last to write. */
	atomic_store(&sched.late_firing, firing.id);
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - asked_ns));
}

/*
 * The gate of sched/preempt is armed: does g's time slice end here? Not where it makes room anyway,
 * and not while it stops the world. What else could run is told with the firing, how long g was
 * away with the effect.
 */
static __attribute__((cold, noinline)) void safepoint_preempted(struct sched_g *g)
{
	struct sched_p *p = g->p;
	struct gcs_site site = sched_site(p, g, g->worker);
	struct gcs_firing firing;
	int64_t begin_ns = site.now_ns;

	site.eligible =
		site.eligible &&
		(atomic_load_explicit(&p->poll, memory_order_relaxed) &
		 (SCHED_POLL_STOP | SCHED_POLL_PREEMPT)) == 0 &&
		atomic_load_explicit(&p->status, memory_order_relaxed) != SCHED_P_STOPPED;
	site.arg = sched_runq_count(p) +
		   atomic_load_explicit(&sched.global_count, memory_order_relaxed);
	if (!gcs_decide(GCS_POINT_sched_preempt, &site, &firing) || firing.action != GCS_ACT_FORCE)
		return;
	sched_leave(g, SCHED_AFTER_YIELD);
	site = sched_site(g->p, g, g->worker);
	gcs_effect(&site, firing.id, GCS_EFFECT_PREEMPTED, (uint64_t)(site.now_ns - begin_ns));
}

/*
 * The gate of stw/spin is armed: g may loop here, busy, and not look at its poll word. Nobody has asked
 * it to stop yet; whoever does before it looks again waits for it.
 */
void sched_spin_point(struct sched_g *g)
{
	struct gcs_site site = sched_site(g->p, g, g->worker);
	struct gcs_firing firing;
	int64_t begin_ns = site.now_ns;

	site.eligible = !g->system && !atomic_load(&sched.stopping);
	if (!gcs_decide(GCS_POINT_stw_spin, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	site.now_ns = sched_busy_until(begin_ns + firing.delay_ns);
	if (!atomic_load(&sched.stopping)) {
		gcs_effect(&site, firing.id, GCS_EFFECT_IDLE, (uint64_t)(site.now_ns - begin_ns));
		return;
	}
	/* The stop is not over before the P is given up, as in safepoint_late. */
	atomic_store(&sched.late_firing, firing.id);
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - atomic_load(&sched.asked_ns)));
}

void sched_safepoint(struct sched_g *g)
{
	struct sched_p *p;
	uint32_t bits;

	prim_step(PRIM_COST_SAFEPOINT);
	if (gcs_gate(GCS_POINT_sched_preempt))
		safepoint_preempted(g);
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
			if (gcs_gate(GCS_POINT_stw_stop))
				safepoint_late(g);
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
