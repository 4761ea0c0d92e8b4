/*
 * scavenge.c: how much free memory goes back to the system, and when (mgcscavenge.go, rules since
 * Go 1.22). Which pages, and how: runtime/mem/scavenge.c.
 *
 *  goal A  1.1 * (next goal / goal of the cycle that ended) * pages in use at its end: what is
 *          retained, in use or free and backed, comes down to it
 *  goal B  95 % of the memory limit: so does all that the runtime has mapped
 *
 * A goroutine releases in the background, woken by the end of each sweep, a millisecond of work at
 * a time; then it sleeps for so long that the work is 1 % of the Ps' time. (Go steers to that by a
 * controller, here it is by the clock alone.) An allocation does it at once, whatever it costs,
 * when the fresh pages that it took lie beyond the limit, unless the CPU limiter is on, or when the heap
 * grew beyond goal A.
 *
 * Pages that the system does not take are tried again, after 10 ms at first, then twice as long, up
 * to a second. (Go ignores the error and counts them as released.)
 */
#include "runtime/gc/gc_priv.h"

#define SCAVENGE_OFF	  UINT64_MAX
#define SCAVENGE_WORK_NS  INT64_C(1000000)  /* at a stretch */
#define SCAVENGE_WORK_MAX INT64_C(10000000) /* that counts: a thread may have been put aside */
#define SCAVENGE_PERCENT  1
#define SCAVENGE_RETRY_NS INT64_C(10000000)
#define SCAVENGE_RETRY_MAX INT64_C(1000000000)

static struct {
	struct sched_g *g;
	_Atomic uint32_t parked; /* 1: in WAITING, may be made ready by who sets it to 0 */
	_Atomic uint32_t asked;	 /* 1: woken since it last looked at what there is to do */
	_Atomic uint64_t goal;	 /* A, bytes; written while the world is stopped */
	/* Given back in the background since the last line of scavtrace, bytes. Relaxed: a figure for people. */
	_Atomic uint64_t work;
	/* Time so far, in allocations and in the background. Relaxed: sums. */
	_Atomic int64_t assist_ns, background_ns;
	uint64_t last_inuse, last_goal; /* at the end of the last mark phase; 0: none yet */
} scavenge;

void gc_scavenge_init(void)
{
	scavenge.g = NULL;
	atomic_store_explicit(&scavenge.parked, 0, memory_order_relaxed);
	atomic_store_explicit(&scavenge.asked, 0, memory_order_relaxed);
	atomic_store_explicit(&scavenge.goal, SCAVENGE_OFF, memory_order_relaxed);
	atomic_store_explicit(&scavenge.work, 0, memory_order_relaxed);
	atomic_store_explicit(&scavenge.assist_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&scavenge.background_ns, 0, memory_order_relaxed);
	scavenge.last_inuse = scavenge.last_goal = 0;
}

void gc_scavenge_trace(void)
{
	gc_trace_scav(atomic_exchange_explicit(&scavenge.work, 0, memory_order_relaxed), false);
}

/* ---------------------------------------------------------------------- goals */

uint64_t gc_scavenge_goal(uint64_t inuse, uint64_t goal, uint64_t last_goal)
{
	unsigned __int128 retain;

	if (last_goal == 0)
		return SCAVENGE_OFF;
	retain = (unsigned __int128)inuse * goal / last_goal;
	retain += retain / 10;
	return retain < SCAVENGE_OFF ? (uint64_t)retain : SCAVENGE_OFF;
}

void gc_scavenge_note(void)
{
	scavenge.last_inuse = mem_pages_in_use() << MEM_PAGE_SHIFT;
	scavenge.last_goal = gc_heap_goal();
}

void gc_scavenge_pace(void)
{
	/* Relaxed: a goal that is seen late is the last cycle's. */
	atomic_store_explicit(
		&scavenge.goal,
		gc_scavenge_goal(scavenge.last_inuse, gc_heap_goal(), scavenge.last_goal),
		memory_order_relaxed);
}

static uint64_t scavenge_beyond(uint64_t have, uint64_t goal)
{
	return have > goal ? have - goal : 0;
}

static uint64_t scavenge_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes to give back now: beyond the goals, as far as they are free and backed. */
static uint64_t scavenge_due(void)
{
	uint64_t limit = gc_st.opt.memlimit, due, backed;
	struct mem_stats s;

	mem_stats_read(&s);
	due = scavenge_beyond(s.heap_sys - s.heap_released,
			      atomic_load_explicit(&scavenge.goal, memory_order_relaxed));
	if (limit != 0)
		due = scavenge_max(due, scavenge_beyond(gc_pacer_mapped(&s), limit / 100 * 95));
	backed = s.heap_idle - s.heap_released;
	due = due < backed ? due : backed;
	return due >= MEM_PAGE_BYTES ? due : 0;
}

/* ------------------------------------------------------------ in an allocation */

/* The span is taken: its fresh pages are mapped already. What the heap grew by counts whole. */
static uint64_t scavenge_owed(uint64_t fresh, uint64_t grown)
{
	uint64_t limit = gc_st.opt.memlimit, owed = 0, retained;
	struct mem_stats s;

	mem_stats_read(&s);
	if (limit != 0 && !gc_limiter_on())
		owed = scavenge_beyond(gc_pacer_mapped(&s), limit);
	if (grown != 0) {
		retained = scavenge_beyond(
			s.heap_sys - s.heap_released - fresh + grown,
			atomic_load_explicit(&scavenge.goal, memory_order_relaxed));
		owed = scavenge_max(owed, retained < grown ? retained : grown);
	}
	return owed;
}

/* Until nothing is owed, the system takes no more, or the CPU limiter comes on. */
static void scavenge_pay(uint64_t owed)
{
	while (owed > 0) {
		int64_t released = mem_scavenge(owed);

		if (released <= 0 || gc_limiter_on())
			return;
		owed -= (uint64_t)released < owed ? (uint64_t)released : owed;
	}
}

void gc_scavenge_fresh(size_t bytes, size_t grown)
{
	struct sched_g *g;
	struct sched_p *p;
	int64_t begin_ns, end_ns;
	uint64_t owed;
	bool told;

	if (gc_st.opt.memlimit == 0 && grown == 0)
		return;
	owed = scavenge_owed(bytes, grown);
	if (owed == 0)
		return;
	/* Its time counts as an assist's to the limiter. */
	g = sched_current();
	p = g != NULL ? g->p : NULL;
	begin_ns = prim_now_ns();
	told = p != NULL && gc_limiter_event_begin(p, GC_LIMITER_ASSIST, begin_ns);
	scavenge_pay(owed);
	end_ns = prim_now_ns();
	if (told)
		gc_limiter_event_end(p, end_ns);
	atomic_fetch_add_explicit(&scavenge.assist_ns, end_ns - begin_ns, memory_order_relaxed);
}

/* -------------------------------------------------------------------- by hand */

void mrt_free_os_memory(mrt_g *pub)
{
	uint64_t work = 0;
	int64_t released;

	mrt_gc(pub);
	while ((released = mem_scavenge(SIZE_MAX)) > 0) {
		work += (uint64_t)released;
		mrt_safepoint(pub);
	}
	if (gc_st.opt.scavtrace)
		gc_trace_scav(work, true);
}

void gc_scavenge_cpu(int64_t *ret_assist_ns, int64_t *ret_background_ns)
{
	*ret_assist_ns = atomic_load_explicit(&scavenge.assist_ns, memory_order_relaxed);
	*ret_background_ns = atomic_load_explicit(&scavenge.background_ns, memory_order_relaxed);
}

/* ---------------------------------------------------------------- background */

static bool scavenge_parked(struct sched_g *g, void *arg)
{
	(void)g;
	(void)arg;
	/* Sequentially consistent, as in gc_scavenge_wake: either it sees us parked, or we see that
	 * it asked. */
	atomic_store(&scavenge.parked, 1);
	return atomic_load(&scavenge.asked) == 0 || atomic_exchange(&scavenge.parked, 0) == 0;
}

void gc_scavenge_wake(struct sched_g *g)
{
	if (scavenge.g == NULL)
		return;
	atomic_store(&scavenge.asked, 1);
	if (atomic_exchange(&scavenge.parked, 0) != 0)
		sched_ready(g->p, scavenge.g, false);
}

/* The armed gate of mem/scavenge: asleep, with so much to give back by the end of it. */
static void scavenge_stall(struct sched_g *g, uint64_t due)
{
	struct gcs_site site = gc_site(g, due != 0, due);
	struct gcs_firing firing;

	site.worker = MRT_WORKER_SCAVENGER;
	if (!gcs_decide(GCS_POINT_mem_scavenge, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	mrt_sleep_until(&g->pub, site.now_ns + firing.delay_ns);
	due = scavenge_due();
	site = gc_site(g, true, due);
	gcs_effect(&site, firing.id, GCS_EFFECT_STALLED, due);
}

struct scavenge_work {
	int64_t ns;
	bool refused;
};

/* Until a stretch is full, there is nothing left to do, or the system refuses. */
static struct scavenge_work scavenge_work(struct sched_g *g)
{
	struct scavenge_work work = {0};

	while (work.ns < SCAVENGE_WORK_NS && !work.refused) {
		int64_t begin_ns = prim_now_ns(), released = 0;
		uint64_t due = scavenge_due();

		if (due != 0)
			released = mem_scavenge(due);
		if (released == 0)
			break;
		work.refused = released < 0;
		if (released > 0)
			atomic_fetch_add_explicit(&scavenge.work, (uint64_t)released, memory_order_relaxed);
		work.ns += prim_now_ns() - begin_ns;
		mrt_safepoint(&g->pub);
	}
	atomic_fetch_add_explicit(&scavenge.background_ns, work.ns, memory_order_relaxed);
	return work;
}

int64_t gc_scavenge_rest_ns(int64_t work_ns, uint32_t procs)
{
	if (work_ns > SCAVENGE_WORK_MAX)
		work_ns = SCAVENGE_WORK_MAX;
	return work_ns * (100 - SCAVENGE_PERCENT * (int64_t)procs) /
	       (SCAVENGE_PERCENT * (int64_t)procs);
}

static void scavenge_main(mrt_g *pub, void *arg)
{
	struct sched_g *g = sched_of(pub);
	int64_t retry_ns = SCAVENGE_RETRY_NS;

	(void)arg;
	for (;;) {
		struct scavenge_work work = {0};
		int64_t rest_ns;
		uint64_t due;

		atomic_store(&scavenge.asked, 0);
		due = scavenge_due();
		if (gcs_gate(GCS_POINT_mem_scavenge))
			scavenge_stall(g, due);
		if (due != 0)
			work = scavenge_work(g);
		rest_ns = gc_scavenge_rest_ns(work.ns, gc_st.procs);
		if (work.refused) {
			rest_ns = rest_ns > retry_ns ? rest_ns : retry_ns;
			retry_ns = retry_ns < SCAVENGE_RETRY_MAX / 2 ? 2 * retry_ns
								     : SCAVENGE_RETRY_MAX;
		} else {
			retry_ns = SCAVENGE_RETRY_NS;
		}
		if (work.ns == 0)
			sched_park(g, SCHED_WAIT_SCAVENGER, scavenge_parked, NULL);
		else
			mrt_sleep_until(pub, prim_now_ns() + rest_ns);
	}
}

int gc_scavenge_start(void)
{
	return sched_go_system("gc scavenger", MRT_WORKER_SCAVENGER, scavenge_main, NULL, false,
			       &scavenge.g);
}
