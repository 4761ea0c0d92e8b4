/*
 * assist.c: who allocates during marking pays with marking (mgcmark.go gcAssistAlloc).
 *
 * A goroutine has a credit in bytes, fresh with each cycle. An allocation takes its size from it;
 * in debt, the goroutine first steals the background workers' credit, then drains itself, and if
 * there is nothing to drain it waits in a FIFO queue until background work pays its debt or the
 * phase ends. Ratios come from the pacer. While the CPU limiter is on nobody pays: the debt stays, and
 * who waits already is paid by background work alone.
 */
#include "runtime/gc/gc_priv.h"

static struct {
	prim_mutex lock;
	struct sched_g *head, *tail;
	_Atomic uint32_t waiting; /* length; written under the lock */
	_Atomic int64_t credit;	  /* background scan work nobody has claimed */
} assist;

void gc_assist_init(void)
{
	prim_mutex_init(&assist.lock, PRIM_RANK_ASSIST);
	assist.head = assist.tail = NULL;
	atomic_store_explicit(&assist.waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&assist.credit, 0, memory_order_relaxed);
}

void gc_assist_begin(void)
{
	atomic_store_explicit(&assist.credit, 0, memory_order_relaxed);
}

bool gc_assist_queue_empty(void)
{
	return atomic_load_explicit(&assist.waiting, memory_order_relaxed) == 0;
}

/* -------------------------------------------------------------------- queue */

static void assist_push_locked(struct sched_g *g)
{
	prim_mutex_assert_held(&assist.lock);
	g->next = NULL;
	if (assist.tail != NULL)
		assist.tail->next = g;
	else
		assist.head = g;
	assist.tail = g;
	atomic_fetch_add_explicit(&assist.waiting, 1, memory_order_relaxed);
}

static struct sched_g *assist_pop_locked(void)
{
	struct sched_g *g = assist.head;

	prim_mutex_assert_held(&assist.lock);
	if (g == NULL)
		return NULL;
	assist.head = g->next;
	if (assist.head == NULL)
		assist.tail = NULL;
	g->next = NULL;
	atomic_fetch_sub_explicit(&assist.waiting, 1, memory_order_relaxed);
	return g;
}

/* Ready a chain linked by next; outside the lock. */
static void assist_ready_chain(struct sched_g *g, struct sched_g *chain)
{
	while (chain != NULL) {
		struct sched_g *next = chain->next;

		chain->next = NULL;
		sched_ready(g->p, chain, false);
		chain = next;
	}
}

/* Pay waiters in order with `bytes`; the last one may get a part and moves to the end. Returns the
 * bytes left. */
static int64_t assist_pay_locked(int64_t bytes, struct sched_g **ret_chain)
{
	struct sched_g **link = ret_chain;

	while (bytes > 0 && assist.head != NULL) {
		struct sched_g *g = assist_pop_locked();

		if (bytes + g->assist_credit < 0) {
			g->assist_credit += bytes;
			assist_push_locked(g);
			return 0;
		}
		bytes += g->assist_credit;
		g->assist_credit = 0;
		*link = g;
		link = &g->next;
	}
	return bytes;
}

void gc_assist_credit(struct sched_g *g, int64_t work)
{
	uint64_t bytes_per_work =
		atomic_load_explicit(&gc_pacer.bytes_per_work, memory_order_relaxed);
	uint64_t work_per_byte =
		atomic_load_explicit(&gc_pacer.work_per_byte, memory_order_relaxed);
	struct sched_g *chain = NULL;
	int64_t left;

	if (work <= 0)
		return;
	/* Relaxed: a waiter that comes just now looks at the credit after it has queued. */
	if (gc_assist_queue_empty()) {
		gc_count(&assist.credit, work);
		return;
	}
	prim_mutex_lock(&assist.lock);
	left = assist_pay_locked((int64_t)gc_q32_mul((uint64_t)work, bytes_per_work), &chain);
	if (left > 0)
		gc_count(&assist.credit, (int64_t)gc_q32_mul((uint64_t)left, work_per_byte));
	prim_mutex_unlock(&assist.lock);
	assist_ready_chain(g, chain);
}

void gc_assist_wake_all(struct sched_g *g)
{
	struct sched_g *chain = NULL, **link = &chain, *waiter;

	prim_mutex_lock(&assist.lock);
	while ((waiter = assist_pop_locked()) != NULL) {
		*link = waiter;
		link = &waiter->next;
	}
	prim_mutex_unlock(&assist.lock);
	assist_ready_chain(g, chain);
}

/* Runs off g's stack: queue, unless there is no need to wait any more. */
static bool assist_queue(struct sched_g *g, void *arg)
{
	bool wait;

	(void)arg;
	prim_mutex_lock(&assist.lock);
	/* Phase and credit are looked at under the lock that wake_all and credit take. */
	wait = gc_phase_now() == GC_MARK && gc_counted(&assist.credit) <= 0;
	if (wait)
		assist_push_locked(g);
	prim_mutex_unlock(&assist.lock);
	return wait;
}

/* ------------------------------------------------------------------- paying */

/* Take from the background credit what covers the debt, or all there is. Returns the work still
 * owed. */
static int64_t assist_steal(struct sched_g *g, int64_t work)
{
	uint64_t bytes_per_work =
		atomic_load_explicit(&gc_pacer.bytes_per_work, memory_order_relaxed);
	int64_t credit = gc_counted(&assist.credit), stolen;

	if (credit <= 0)
		return work;
	stolen = credit < work ? credit : work;
	gc_count(&assist.credit, -stolen);
	g->assist_credit += 1 + (int64_t)gc_q32_mul((uint64_t)stolen, bytes_per_work);
	return work - stolen;
}

/* Scan work for the debt, at least GC_OVER_ASSIST_WORK, so that assists are few and long enough. */
static int64_t assist_work_owed(const struct sched_g *g)
{
	uint64_t work_per_byte =
		atomic_load_explicit(&gc_pacer.work_per_byte, memory_order_relaxed);
	int64_t work = (int64_t)gc_q32_mul((uint64_t)-g->assist_credit, work_per_byte);

	return work < GC_OVER_ASSIST_WORK ? GC_OVER_ASSIST_WORK : work;
}

void gc_assist_flush(struct gc_local *l)
{
	gc_count(&gc_pacer.assist_ns, l->assist_ns);
	l->assist_ns = 0;
}

static int64_t assist_drain(struct sched_g *g, int64_t work)
{
	uint64_t bytes_per_work =
		atomic_load_explicit(&gc_pacer.bytes_per_work, memory_order_relaxed);
	int64_t begin_ns = prim_now_ns(), done, end_ns;
	struct gc_local *l = gc_local_of(g);
	bool told = gc_limiter_event_begin(g->p, GC_LIMITER_ASSIST, begin_ns);

	gc_active_enter();
	done = gc_drain(g, GC_DRAIN_PREEMPT | GC_DRAIN_ASSIST, work, begin_ns);
	g->assist_credit += 1 + (int64_t)gc_q32_mul((uint64_t)done, bytes_per_work);
	end_ns = prim_now_ns();
	g->assist_ns_cycle += end_ns - begin_ns;
	l->assist_ns += end_ns - begin_ns;
	if (told)
		gc_limiter_event_end(g->p, end_ns);
	if (l->assist_ns > GC_ASSIST_TIME_SLACK_NS) {
		gc_assist_flush(l);
		gc_limiter_update(end_ns);
	}
	gc_active_leave(g);
	return done;
}

/* Until the debt is paid, or marking is over, or the limiter is on; `alone`: the first round without credit. Returns the
 * work done. */
static int64_t assist_pay(struct sched_g *g, bool alone)
{
	int64_t done = 0;

	while (g->assist_credit < 0 && gc_phase_now() == GC_MARK && !gc_limiter_on()) {
		int64_t work = assist_work_owed(g);

		if (!alone)
			work = assist_steal(g, work);
		alone = false;
		if (g->assist_credit >= 0)
			break;
		done += assist_drain(g, work);
		if (g->assist_credit >= 0 || gc_phase_now() != GC_MARK)
			break;
		if (atomic_load_explicit(&g->p->poll, memory_order_relaxed) != 0)
			mrt_safepoint_slow(&g->pub);
		else
			sched_park(g, SCHED_WAIT_ASSIST, assist_queue, NULL);
	}
	return done;
}

/* The gate of gc/assist is armed and g in debt. Returns the firing that keeps it from the credit
 * that there is; 0: none. */
static uint64_t assist_refused(const struct sched_g *g, size_t bytes)
{
	struct gcs_site site =
		gc_site(g, !g->system && gc_counted(&assist.credit) > 0, bytes);
	struct gcs_firing firing;

	return gcs_decide(GCS_POINT_gc_assist, &site, &firing) && firing.action == GCS_ACT_DROP
		       ? firing.id
		       : 0;
}

/* What it did instead. */
static void assist_refused_effect(const struct sched_g *g, uint64_t firing, int64_t done)
{
	struct gcs_site site = gc_site(g, true, 0);

	gcs_effect(&site, firing, GCS_EFFECT_ALONE, (uint64_t)done);
}

void gc_assist_charge(struct sched_g *g, size_t bytes)
{
	uint64_t firing = gc_firing(), refused = 0;
	uint32_t cycle = gc_cycle();
	int64_t begin_ns, done;

	if (g->assist_gen != cycle) {
		g->assist_gen = cycle;
		g->assist_credit = 0;
		g->assist_ns_cycle = 0;
	}
	g->assist_credit -= (int64_t)bytes;
	if (g->assist_credit >= 0 || gc_limiter_on())
		return;
	if (gcs_gate(GCS_POINT_gc_assist))
		refused = assist_refused(g, bytes);
	if (refused == 0 && gc_counted(&assist.credit) > 0) {
		assist_steal(g, assist_work_owed(g));
		if (g->assist_credit >= 0)
			return;
	}
	begin_ns = prim_now_ns();
	done = assist_pay(g, refused != 0);
	if (refused != 0)
		assist_refused_effect(g, refused, done);
	/* Another cycle may have begun while it waited: the record is this one's. What holds it up may
	 * have come meanwhile. */
	if (firing == 0 && gc_cycle() == cycle)
		firing = gc_firing();
	gc_emit(g, WATCH_ASSIST, g->worker, (uint64_t)(prim_now_ns() - begin_ns), cycle,
		(uint64_t)done, refused != 0 ? refused : firing, 0);
}
