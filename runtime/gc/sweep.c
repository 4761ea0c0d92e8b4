/*
 * sweep.c: when spans are swept (mgcsweep.go).
 *
 * Sweeping is lazy: a background goroutine sweeps ten spans between yields, and an allocator owes,
 * before it takes a span, as many pages as keep the rest of the sweep ahead of the next cycle:
 * pages left / bytes until the trigger. A new cycle sweeps what is left first.
 */
#include "runtime/gc/gc_priv.h"

#define SWEEP_BATCH	   10u
#define SWEEP_MIN_DISTANCE ((uint64_t)1 << 20)
#define SWEEP_FLOOR_BYTES  ((uint64_t)8192)

static struct {
	struct sched_g *g;
	_Atomic uint32_t parked;	 /* 1: in WAITING, may be made ready by who sets it to 0 */
	_Atomic uint64_t pages_per_byte; /* Q32; 0: nothing owed */
	_Atomic uint64_t basis_live, basis_pages;
	/* What pages_per_byte was made of, for the trace. Written while the world is stopped. */
	uint64_t paced_pages, paced_bytes;
	int64_t begin_ns;
	uint32_t cycle;		/* whose marks are swept */
	_Atomic uint32_t ended; /* cycle whose sweep was reported */
	_Atomic uint64_t firing; /* that stalled the sweeper in this cycle's sweep; 0 none */
} sweep;

void gc_sweep_init(void)
{
	sweep.g = NULL;
	atomic_store_explicit(&sweep.parked, 0, memory_order_relaxed);
	atomic_store_explicit(&sweep.pages_per_byte, 0, memory_order_relaxed);
	atomic_store_explicit(&sweep.ended, 0, memory_order_relaxed);
	atomic_store_explicit(&sweep.firing, 0, memory_order_relaxed);
	sweep.cycle = 0;
}

bool gc_sweeping(void)
{
	return !mem_sweep_done();
}

void gc_sweep_begin(void)
{
	mem_sweep_begin();
	sweep.begin_ns = prim_now_ns();
	sweep.cycle = gc_cycle();
	atomic_store_explicit(&sweep.firing, 0, memory_order_relaxed);
}

void gc_sweep_pace(void)
{
	uint64_t live = gc_heap_live(),
		 trigger = atomic_load_explicit(&gc_pacer.trigger, memory_order_relaxed);
	uint64_t in_use = mem_pages_in_use(), swept = mem_pages_swept(),
		 distance = SWEEP_FLOOR_BYTES, ratio = 0;

	if (trigger > live + SWEEP_MIN_DISTANCE + SWEEP_FLOOR_BYTES)
		distance = trigger - live - SWEEP_MIN_DISTANCE;
	if (!mem_sweep_done() && in_use > swept)
		ratio = gc_q32_div(in_use - swept, distance);
	sweep.paced_pages = ratio != 0 ? in_use - swept : 0;
	sweep.paced_bytes = distance;
	atomic_store_explicit(&sweep.basis_live, live, memory_order_relaxed);
	atomic_store_explicit(&sweep.basis_pages, swept, memory_order_relaxed);
	atomic_store_explicit(&sweep.pages_per_byte, ratio, memory_order_relaxed);
}

/* Hook of mem, before a span of span_bytes is taken. */
void gc_sweep_debt(size_t span_bytes)
{
	uint64_t ratio = atomic_load_explicit(&sweep.pages_per_byte, memory_order_relaxed);
	uint64_t live = gc_heap_live() + span_bytes, basis, target;

	if (ratio == 0 || gc_phase_now() != GC_OFF)
		return;
	basis = atomic_load_explicit(&sweep.basis_live, memory_order_relaxed);
	target = live > basis ? gc_q32_mul(live - basis, ratio) : 0;
	target += atomic_load_explicit(&sweep.basis_pages, memory_order_relaxed);
	while (mem_pages_swept() < target) {
		if (mem_sweep_one() == 0) {
			atomic_store_explicit(&sweep.pages_per_byte, 0, memory_order_relaxed);
			return;
		}
	}
}

/* Whoever sees the end first reports it. */
static void sweep_report(struct sched_g *g)
{
	uint32_t cycle = sweep.cycle,
		 ended = atomic_load_explicit(&sweep.ended, memory_order_relaxed);

	if (!mem_sweep_done() || cycle == 0 || ended == cycle)
		return;
	if (!atomic_compare_exchange_strong_explicit(&sweep.ended, &ended, cycle,
						     memory_order_relaxed, memory_order_relaxed))
		return;
	gc_emit(g, WATCH_SWEEP_END, cycle, (uint64_t)(prim_now_ns() - sweep.begin_ns),
		mem_pages_swept(), 0,
		atomic_load_explicit(&sweep.firing, memory_order_relaxed), 0);
	if (gc_st.opt.pacertrace)
		gc_trace_pacer_sweep(
			atomic_load_explicit(&sweep.basis_live, memory_order_relaxed),
			(struct watch_ratio){.num = sweep.paced_pages, .den = sweep.paced_bytes});
	if (gc_st.opt.scavtrace)
		gc_scavenge_trace();
	gc_scavenge_wake(g);
}

void gc_sweep_finish(struct sched_g *g)
{
	for (;;) {
		uint32_t n = 0;

		while (n < SWEEP_BATCH && mem_sweep_one() != 0)
			n++;
		if (n < SWEEP_BATCH && mem_sweep_done())
			break;
		mrt_safepoint(&g->pub);
		if (n == 0)
			mrt_yield(&g->pub); /* the last span is being swept by somebody else */
	}
	sweep_report(g);
}

void gc_sweep_finish_stopped(void)
{
	while (mem_sweep_one() != 0)
		;
	gc_must(mem_sweep_done(), "gc: a span is being swept while the world is stopped\n");
}

static bool sweep_parked(struct sched_g *g, void *arg)
{
	(void)g;
	(void)arg;
	/* Release: pairs with the exchange in gc_sweep_wake. */
	atomic_store_explicit(&sweep.parked, 1, memory_order_release);
	return true;
}

void gc_sweep_wake(struct sched_g *g)
{
	if (sweep.g != NULL &&
	    atomic_exchange_explicit(&sweep.parked, 0, memory_order_acq_rel) != 0)
		sched_ready(g->p, sweep.g, false);
}

void gc_sweep_hold(struct sched_g *g)
{
	gc_stall_point(g, (struct gc_stall){.point = GCS_POINT_gc_sweep_start,
					    .worker = MRT_WORKER_GC,
					    .eligible = !mem_sweep_done(),
					    .firing = &sweep.firing});
}

static void sweep_stall(struct sched_g *g)
{
	gc_stall_point(g, (struct gc_stall){.point = GCS_POINT_gc_sweep,
					    .worker = MRT_WORKER_SWEEPER,
					    .eligible = !mem_sweep_done(),
					    .firing = &sweep.firing});
}

static void sweep_main(mrt_g *pub, void *arg)
{
	struct sched_g *g = sched_of(pub);

	(void)arg;
	for (;;) {
		/* While a mark phase runs there is nothing to sweep: it swept everything before it
		 * began. */
		uint32_t n = 0;

		if (gcs_gate(GCS_POINT_gc_sweep))
			sweep_stall(g);
		while (n < SWEEP_BATCH && mem_sweep_one() != 0)
			n++;
		if (n == SWEEP_BATCH) {
			mrt_yield(pub);
			continue;
		}
		for (n = 0; n < SWEEP_BATCH && gc_work_free_one();)
			n++;
		if (n == SWEEP_BATCH) {
			mrt_yield(pub);
			continue;
		}
		sweep_report(g);
		sched_park(g, SCHED_WAIT_SWEEPER, sweep_parked, NULL);
	}
}

int gc_sweep_start(void)
{
	return sched_go_system("gc sweeper", MRT_WORKER_SWEEPER, sweep_main, NULL, false, &sweep.g);
}
