/*
 * worker.c: background mark workers, as many goroutines as Ps (mgcpacer.go, mgc.go).
 *
 * A quarter of the Ps' time goes to marking: dedicated workers for the whole part, and where
 * rounding that misses by more than 0.3 of it, fractional ones for the rest (table in go-facts
 * section 5). Ps with nothing else to do lend idle workers. The scheduler asks find_worker; a
 * worker that is handed out drains on whatever P it runs and parks again.
 *
 * `active` counts who drains. Who brings it to zero with no work left anywhere calls gc_mark_done:
 * so the end of marking is always noticed by somebody, and find_worker need hand out nobody while
 * there is no work.
 *
 * A worker that a fault takes out of a cycle (gc/worker, drop) is passed over until the next: its P is
 * given another that is free, as in Go, whose workers are a pool. When all have left, marking must end
 * all the same: a P with nothing else to run takes its own back at once, a busy one 10 ms after it left.
 */
#include "runtime/gc/gc_priv.h"

static struct {
	struct gc_worker worker[GC_PROCS_MAX];
	uint32_t dedicated, idle_max;
	uint64_t fraction; /* Q32 share of each P's time */
	_Atomic int32_t dedicated_owed, idle_out;
	_Atomic bool called;
	_Atomic uint32_t left; /* the cycle, and not taken back */
} workers;

/* ------------------------------------------------------------------- shares */

/* |d/(P/4) - 1| > 0.3 in integers: |4d - P| * 10 > 3 * P. */
static void workers_share(uint32_t procs)
{
	uint32_t d = (procs + 2) / 4;
	uint32_t off = 4 * d > procs ? 4 * d - procs : procs - 4 * d;

	workers.fraction = 0;
	if (off * 10 > 3 * procs) {
		if (4 * d > procs)
			d--;
		workers.fraction = gc_q32_div(procs - 4 * d, (uint64_t)4 * procs);
	}
	workers.dedicated = d;
	workers.idle_max = procs - d;
}

void gc_workers_shares(uint32_t *ret_dedicated, struct watch_ratio *ret_fractional)
{
	uint32_t missing = workers.fraction != 0 ? gc_st.procs - 4 * workers.dedicated : 0;

	*ret_dedicated = workers.dedicated;
	*ret_fractional = (struct watch_ratio){.num = missing, .den = (uint64_t)4 * gc_st.procs};
}

void gc_workers_begin(void)
{
	workers_share(gc_st.procs);
	/* The two-minute cycle finds an idle program, and need not go full blast: one that makes sure of an
	 * end, where no dedicated worker does. */
	if (gc_st.trigger_why == GC_TRIGGER_TIME)
		workers.idle_max = workers.dedicated == 0;
	atomic_store_explicit(&workers.dedicated_owed, (int32_t)workers.dedicated,
			      memory_order_relaxed);
	atomic_store_explicit(&workers.left, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < gc_st.procs; i++)
		atomic_store_explicit(&sched_p(i)->gc->fractional_ns, 0, memory_order_relaxed);
}

bool gc_work_available(const struct gc_local *l)
{
	if (PRIM_UNLIKELY(atomic_load_explicit(&gc_stages_closed, memory_order_relaxed) != 0))
		return gc_stage_work_available();
	return (l != NULL && (!gc_work_local_empty(l) || l->barrier_n != 0)) || gc_work_shared() ||
	       gc_roots_left();
}

/* Its goroutine holds no managed pointer. */
bool gc_is_worker(const struct sched_g *g)
{
	for (uint32_t i = 0; i < gc_st.procs; i++)
		if (workers.worker[i].g == g)
			return true;
	return false;
}

/* ------------------------------------------------------------- handing out */

static bool workers_dedicated_take(void)
{
	int32_t n = atomic_load_explicit(&workers.dedicated_owed, memory_order_relaxed);

	while (n > 0)
		if (atomic_compare_exchange_weak_explicit(&workers.dedicated_owed, &n, n - 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

static bool workers_idle_take(void)
{
	int32_t n = atomic_load_explicit(&workers.idle_out, memory_order_relaxed);

	while (n < (int32_t)workers.idle_max)
		if (atomic_compare_exchange_weak_explicit(&workers.idle_out, &n, n + 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

/* Its share on this P is not used up. */
static bool workers_fraction_due(const struct gc_local *l)
{
	int64_t delta = prim_now_ns() - gc_st.mark_start_ns;
	uint64_t used = (uint64_t)atomic_load_explicit(&l->fractional_ns, memory_order_relaxed);

	if (workers.fraction == 0)
		return false;
	return delta <= 0 || used <= gc_q32_mul((uint64_t)delta, workers.fraction);
}

/* Above 1.2 times its share: yields. */
bool gc_fractional_over(const struct gc_local *l, int64_t begin_ns)
{
	int64_t now = prim_now_ns(), delta = now - gc_st.mark_start_ns;
	int64_t used =
		now - begin_ns + atomic_load_explicit(&l->fractional_ns, memory_order_relaxed);

	if (delta <= 0)
		return true;
	return (uint64_t)used * 10 > gc_q32_mul((uint64_t)delta * 12, workers.fraction);
}

static bool workers_mode(struct sched_p *p, bool idle, enum gc_worker_mode *ret)
{
	if (workers_dedicated_take())
		*ret = GC_WORKER_DEDICATED;
	else if (!idle && workers_fraction_due(p->gc))
		*ret = GC_WORKER_FRACTIONAL;
	else if (idle && workers_idle_take())
		*ret = GC_WORKER_IDLE;
	else
		return false;
	return true;
}

/* It was not handed out after all. */
static void workers_mode_back(enum gc_worker_mode mode)
{
	if (mode == GC_WORKER_DEDICATED)
		atomic_fetch_add_explicit(&workers.dedicated_owed, 1, memory_order_relaxed);
	else if (mode == GC_WORKER_IDLE)
		atomic_fetch_sub_explicit(&workers.idle_out, 1, memory_order_relaxed);
}

/* Has it left this cycle for good? */
static bool worker_gone(const struct gc_worker *w)
{
	uint32_t cycle = gc_cycle();

	return atomic_load_explicit(&w->left_cycle, memory_order_relaxed) == cycle &&
	       atomic_load_explicit(&w->back_cycle, memory_order_relaxed) != cycle;
}

/* Acquire: pairs with the release in worker_parked. */
static bool worker_parked_now(const struct gc_worker *w)
{
	return atomic_load_explicit(&w->out, memory_order_acquire) == 0;
}

/* One to mark on p: its own; if that has left, another that is free, or itself for want of any. */
static struct gc_worker *worker_free(struct sched_p *p, bool idle)
{
	struct gc_worker *own = &workers.worker[p->id];
	/* Acquire: pairs with the release in worker_leave; whoever left has written why and when. */
	uint32_t left = atomic_load_explicit(&workers.left, memory_order_acquire);

	if (PRIM_LIKELY(!worker_gone(own)))
		return worker_parked_now(own) ? own : NULL;
	for (uint32_t i = 0; i < gc_st.procs; i++)
		if (!worker_gone(&workers.worker[i]) && worker_parked_now(&workers.worker[i]))
			return &workers.worker[i];
	if (left == gc_st.procs && worker_parked_now(own) &&
	    (idle || prim_now_ns() - own->left_ns >= GC_WORKER_BACK_NS))
		return own;
	return NULL;
}

/* Another P may take the same one: one of them has it. False: gone, or another's. */
static bool worker_take(struct gc_worker *w, const struct sched_p *p, enum gc_worker_mode mode)
{
	uint32_t parked = 0;

	/* Acquire: as in worker_parked_now. */
	if (!atomic_compare_exchange_strong_explicit(&w->out, &parked, 1, memory_order_acquire,
						     memory_order_relaxed))
		return false;
	w->back = worker_gone(w);
	if (w->back && w != &workers.worker[p->id]) {
		atomic_store_explicit(&w->out, 0, memory_order_release);
		return false;
	}
	w->mode = mode;
	w->p = p->id;
	w->cycle = gc_cycle();
	return true;
}

struct sched_g *gc_find_worker(struct sched_p *p, bool idle)
{
	enum gc_worker_mode mode;
	struct gc_worker *w;

	if (gc_phase_now() != GC_MARK || workers.worker[p->id].g == NULL)
		return NULL;
	gc_limiter_refresh(prim_now_ns());
	if (!gc_work_available(p->gc))
		return NULL;
	while ((w = worker_free(p, idle)) != NULL && workers_mode(p, idle, &mode)) {
		if (worker_take(w, p, mode))
			return w->g;
		workers_mode_back(mode);
	}
	return NULL;
}

/*
 * Work came to the shared list. Noted first, acted on by gc_workers_answer where no lock is held:
 * waking takes the scheduler's lock, of a lower rank than the ones that work is put under.
 */
void gc_workers_call(void)
{
	atomic_store_explicit(&workers.called, true, memory_order_relaxed);
}

void gc_workers_answer(void)
{
	int32_t owed = atomic_load_explicit(&workers.dedicated_owed, memory_order_relaxed);

	if (!atomic_load_explicit(&workers.called, memory_order_relaxed) || sched_world_stopped())
		return;
	atomic_store_explicit(&workers.called, false, memory_order_relaxed);
	sched_wake();
	for (uint32_t i = 0; i < gc_st.procs && owed > 0; i++) {
		struct gc_worker *w = &workers.worker[i];

		if (atomic_load_explicit(&w->out, memory_order_relaxed) != 0)
			continue;
		atomic_fetch_or_explicit(&sched_p(i)->poll, SCHED_POLL_PREEMPT,
					 memory_order_relaxed);
		owed--;
	}
}

/* ------------------------------------------------------------------ running */

/* A dedicated worker is not preempted for its time slice; the rest of the poll word it answers. */
static void worker_answer_poll(struct sched_g *g)
{
	atomic_fetch_and_explicit(&g->p->poll, ~(uint32_t)SCHED_POLL_PREEMPT, memory_order_relaxed);
	if (atomic_load_explicit(&g->p->poll, memory_order_relaxed) != 0)
		mrt_safepoint_slow(&g->pub);
}

static const uint32_t worker_flags[] = {
	[GC_WORKER_DEDICATED] = GC_DRAIN_PREEMPT | GC_DRAIN_CREDIT,
	[GC_WORKER_FRACTIONAL] = GC_DRAIN_PREEMPT | GC_DRAIN_CREDIT | GC_DRAIN_FRACTIONAL,
	[GC_WORKER_IDLE] = GC_DRAIN_PREEMPT | GC_DRAIN_CREDIT | GC_DRAIN_IDLE,
};

/* Nothing to mark but what goroutines will find that were asked to scan themselves, at their next
 * safepoint: a moment. It is waited for (as suspendG does, preempt.go), while nobody else wants the P and
 * the share lasts: to be parked and handed out again would cost more, over and over. */
static bool worker_awaits_scans(const struct sched_g *g, enum gc_worker_mode mode, int64_t begin_ns)
{
	struct sched_counts counts;

	if (!gc_roots_awaited() || atomic_load_explicit(&g->p->poll, memory_order_relaxed) != 0)
		return false;
	if (mode == GC_WORKER_FRACTIONAL)
		return !gc_fractional_over(gc_local_of(g), begin_ns);
	sched_counts(&counts);
	return counts.runnable == 0;
}

/* Drain until this mode's run is over. A dedicated worker stays while there is work, goroutines
 * asked to scan themselves included; it answers its own safepoints meanwhile. */
static void worker_drain(struct sched_g *g, enum gc_worker_mode mode, int64_t begin_ns)
{
	for (uint32_t round = 0; gc_phase_now() == GC_MARK; round++) {
		int64_t work = gc_drain(g, worker_flags[mode], INT64_MAX, begin_ns);

		/* What waits for a closed stage to open does so between two runs. */
		if (atomic_load_explicit(&gc_stages_closed, memory_order_relaxed) != 0)
			return;
		if (mode != GC_WORKER_DEDICATED) {
			if (work != 0 || !worker_awaits_scans(g, mode, begin_ns))
				return;
			prim_spin_wait(round);
			continue;
		}
		worker_answer_poll(g);
		if (!gc_work_available(gc_local_of(g)))
			return;
		if (work == 0)
			prim_spin_wait(round);
	}
}

/* An idle worker has no safepoint: its time is one event of its P. */
static void worker_drain_timed(struct sched_g *g, enum gc_worker_mode mode, int64_t begin_ns)
{
	bool told = mode == GC_WORKER_IDLE &&
		    gc_limiter_event_begin(g->p, GC_LIMITER_IDLE_MARK, begin_ns);

	worker_drain(g, mode, begin_ns);
	if (told)
		gc_limiter_event_end(g->p, prim_now_ns());
}

static void worker_account(const struct gc_worker *w, int64_t ns)
{
	switch (w->mode) {
	case GC_WORKER_DEDICATED:
		gc_count(&gc_pacer.dedicated_ns, ns);
		/* No safepoint between the test and the count: the cycle cannot change. */
		if (w->cycle == gc_cycle())
			atomic_fetch_add_explicit(&workers.dedicated_owed, 1, memory_order_relaxed);
		break;
	case GC_WORKER_FRACTIONAL:
		gc_count(&gc_pacer.fractional_ns, ns);
		gc_count(&sched_p(w->p)->gc->fractional_ns, ns);
		break;
	case GC_WORKER_IDLE:
		gc_count(&gc_pacer.idle_ns, ns);
		atomic_fetch_sub_explicit(&workers.idle_out, 1, memory_order_relaxed);
		break;
	}
}

void gc_active_enter(void)
{
	atomic_fetch_add_explicit(&gc_st.active, 1, memory_order_acq_rel);
}

/* The last one out looks whether marking is over. Safepoint. */
void gc_active_leave(struct sched_g *g)
{
	int32_t before = atomic_fetch_sub_explicit(&gc_st.active, 1, memory_order_acq_rel);

	gc_must(before > 0, "gc: more left marking than entered\n");
	if (before == 1 && gc_phase_now() == GC_MARK && !gc_work_available(NULL))
		gc_mark_done(g);
}

/* gc/worker, drop: w leaves the cycle, its share and the work to the others, and to assists. */
static void worker_leave(struct sched_g *g, struct gc_worker *w, uint64_t firing)
{
	struct gcs_site site = gc_site(g, true, w->p);
	uint32_t left;

	gc_held_up_by(firing);
	w->left_firing = firing;
	w->left_ns = site.now_ns;
	atomic_store_explicit(&w->left_cycle, gc_cycle(), memory_order_relaxed);
	/* Release: pairs with the acquire in worker_free. */
	left = 1 + atomic_fetch_add_explicit(&workers.left, 1, memory_order_acq_rel);
	gcs_effect(&site, firing, GCS_EFFECT_LEFT, gc_st.procs - left);
}

/* It is the only one there is. */
static void worker_come_back(struct sched_g *g, struct gc_worker *w)
{
	struct gcs_site site = gc_site(g, true, w->p);

	w->back = false;
	atomic_store_explicit(&w->back_cycle, gc_cycle(), memory_order_relaxed);
	atomic_fetch_sub_explicit(&workers.left, 1, memory_order_acq_rel);
	gcs_effect(&site, w->left_firing, GCS_EFFECT_BACK, (uint64_t)(site.now_ns - w->left_ns));
}

/* The gate of gc/worker is armed, or w has left this cycle before. True: it leaves it. */
static bool worker_visit(struct sched_g *g, struct gc_worker *w)
{
	uint64_t firing;

	if (w->back)
		worker_come_back(g, w);
	if (!gcs_gate(GCS_POINT_gc_worker))
		return false;
	/* Once a cycle, or marking might never end. */
	firing = gc_worker_point(g, w->p,
				 atomic_load_explicit(&w->left_cycle, memory_order_relaxed) !=
					 gc_cycle());
	if (firing != 0)
		worker_leave(g, w, firing);
	return firing != 0;
}

static void worker_run(struct sched_g *g, struct gc_worker *w)
{
	int64_t begin_ns;
	bool leaves;

	gc_active_enter();
	leaves = (w->back || gcs_gate(GCS_POINT_gc_worker)) && worker_visit(g, w);
	if (!leaves && atomic_load_explicit(&gc_stages_closed, memory_order_relaxed) != 0)
		gc_stage_wait(g);
	begin_ns = prim_now_ns();
	if (!leaves)
		worker_drain_timed(g, w->mode, begin_ns);
	worker_account(w, prim_now_ns() - begin_ns);
	if (leaves) {
		gc_workers_call(); /* there is work, and a share to give */
		gc_workers_answer();
	}
	gc_active_leave(g);
}

static bool worker_parked(struct sched_g *g, void *arg)
{
	struct gc_worker *w = arg;

	(void)g;
	/* Release: pairs with the acquire in gc_find_worker; it is off its stack. */
	atomic_store_explicit(&w->out, 0, memory_order_release);
	return true;
}

static void worker_main(mrt_g *pub, void *arg)
{
	for (;;) {
		worker_run(sched_of(pub), arg);
		sched_park(sched_of(pub), SCHED_WAIT_GC_WORKER, worker_parked, arg);
	}
}

int gc_workers_start(void)
{
	for (uint32_t i = 0; i < gc_st.procs; i++) {
		struct gc_worker *w = &workers.worker[i];
		int r;

		atomic_store_explicit(&w->out, 0, memory_order_relaxed);
		r = sched_go_system("gc mark worker", MRT_WORKER_MARK0 + i, worker_main, w, true,
				    &w->g);
		if (r < 0)
			return r;
	}
	return 0;
}

void gc_workers_init(void)
{
	for (uint32_t i = 0; i < GC_PROCS_MAX; i++) {
		struct gc_worker *w = &workers.worker[i];

		w->g = NULL;
		w->back = false;
		/* Cycles count from 1 again. */
		atomic_store_explicit(&w->left_cycle, 0, memory_order_relaxed);
		atomic_store_explicit(&w->back_cycle, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&workers.dedicated_owed, 0, memory_order_relaxed);
	atomic_store_explicit(&workers.idle_out, 0, memory_order_relaxed);
	atomic_store_explicit(&workers.called, false, memory_order_relaxed);
}
