/*
 * cycle.c: a collection from its decision to its last flush (mgc.go).
 *
 *   off --gc_start: finish the old sweep, stop, grey the Ps' tiny blocks, phase = mark, restart-->
 *   mark: workers and assists drain; the last one out calls gc_mark_done-->
 *   gc_mark_done: ragged barrier over all Ps, again while it finds anything; stop; if work is left,
 * restart and again--> mark termination (stopped): totals, sweepgen += 2, pacing, phase = off,
 * restart--> ragged flush of the span caches; report; waiters run; sweeping goes on in the
 * background.
 *
 * `busy` covers all of it, so that no cycle begins before every cache has seen the end of the one
 * before. What the two stops cost grows with the number of Ps, never with the heap (heap checks
 * left aside).
 */
#include "runtime/gc/gc_priv.h"

#include "runtime/watch/gctrace.h"
#include "runtime/watch/heap_profile.h"

#include <errno.h>
#include <string.h>

struct gc_state gc_st;

static struct {
	prim_mutex lock;
	struct sched_g *head;
	_Atomic uint32_t count; /* waiting or about to; written under the lock */
} waiters;

enum gc_phase gc_phase(void)
{
	return (enum gc_phase)gc_phase_now();
}
uint32_t gc_cycle(void)
{
	return atomic_load_explicit(&gc_st.cycle, memory_order_relaxed);
}

void gc_emit(struct sched_g *g, enum watch_kind kind, uint64_t a, uint64_t b, uint64_t c,
	     uint64_t d, uint64_t e, uint64_t f)
{
	struct watch_record rec = {
		.t_ns = prim_now_ns(),
		.kind = (uint16_t)kind,
		.p = (uint16_t)g->p->id,
		.a = a,
		.b = b,
		.c = c,
		.d = d,
		.e = e,
		.f = f,
	};

	if (gc_st.opt.telemetry != NULL)
		watch_emit(gc_st.opt.telemetry, g->p->ring, &rec);
}

int64_t gc_cpu_available_ns(int64_t now_ns)
{
	return (now_ns - gc_st.init_ns) * (int64_t)gc_st.procs;
}

static void cycle_gauges(int64_t now_ns)
{
	struct mrt_telemetry *t = gc_st.opt.telemetry;

	if (t == NULL)
		return;
	atomic_store_explicit(&t->gauges.gc_cycle, gc_cycle(), memory_order_relaxed);
	atomic_store_explicit(&t->gauges.gc_phase, gc_phase_now(), memory_order_relaxed);
	atomic_store_explicit(&t->gauges.heap_live, gc_heap_live(), memory_order_relaxed);
	atomic_store_explicit(&t->gauges.gc_cpu_ns, (uint64_t)gc_counted(&gc_st.cpu_ns),
			      memory_order_relaxed);
	atomic_store_explicit(&t->gauges.cpu_ns_available, (uint64_t)gc_cpu_available_ns(now_ns),
			      memory_order_relaxed);
}

/* A stop of the cycle is over: how long it was. No safepoint since the world runs again. */
static int64_t cycle_stopped(const struct sched_stw *stw)
{
	watch_time_hist_add(&gc_st.pauses, stw->start_ns - stw->request_ns);
	watch_time_hist_add(&gc_st.stopping, stw->stopped_ns - stw->request_ns);
	return stw->start_ns - stw->request_ns;
}

/* --------------------------------------------------------------- to an end: waiting */

static bool cycle_reached(uint32_t target)
{
	/* Sequentially consistent, as waiters.count before it: pairs with cycle_publish. */
	return (int32_t)(atomic_load(&gc_st.marks_done) - target) >= 0;
}

static bool cycle_settled(uint32_t unused)
{
	(void)unused;
	/* Sequentially consistent, as waiters.count before it: see gc_unclaim. */
	return atomic_load(&gc_st.busy) != GC_BUSY_CYCLE || gc_phase_now() != GC_OFF;
}

static bool cycle_over(uint32_t unused)
{
	(void)unused;
	return atomic_load(&gc_st.busy) != GC_BUSY_CYCLE; /* as in cycle_settled */
}

struct cycle_wait {
	bool (*over)(uint32_t target);
	uint32_t target;
};

/* Runs off g's stack. Both conditions come true before cycle_wake takes the lock. */
static bool cycle_wait_commit(struct sched_g *g, void *arg)
{
	const struct cycle_wait *wait = arg;
	bool queue;

	prim_mutex_lock(&waiters.lock);
	atomic_fetch_add(&waiters.count, 1);
	queue = !wait->over(wait->target);
	if (queue) {
		g->next = waiters.head;
		waiters.head = g;
	} else {
		atomic_fetch_sub(&waiters.count, 1);
	}
	prim_mutex_unlock(&waiters.lock);
	return queue;
}

static void cycle_wait(struct sched_g *g, struct cycle_wait wait)
{
	while (!wait.over(wait.target))
		sched_park(g, SCHED_WAIT_GC_DONE, cycle_wait_commit, &wait);
}

void gc_wait_marks(struct sched_g *g, uint32_t target)
{
	cycle_wait(g, (struct cycle_wait){.over = cycle_reached, .target = target});
}

void gc_wait_settled(struct sched_g *g)
{
	cycle_wait(g, (struct cycle_wait){.over = cycle_settled});
}

/* Everyone looks at his condition again. */
static void cycle_wake(struct sched_g *g)
{
	struct sched_g *chain, *next;

	prim_mutex_lock(&waiters.lock);
	chain = waiters.head;
	waiters.head = NULL;
	atomic_store(&waiters.count, 0);
	prim_mutex_unlock(&waiters.lock);
	for (; chain != NULL; chain = next) {
		next = chain->next;
		chain->next = NULL;
		sched_ready(g->p, chain, false);
	}
}

static void cycle_publish(struct sched_g *g, uint32_t cycle)
{
	/* The end first: who finds busy 0 begins the next cycle, whose end comes after. Sequentially consistent, before the look
	 * at waiters.count in gc_unclaim: either that sees who waits for this cycle, or he sees that it is over. */
	atomic_store(&gc_st.marks_done, cycle);
	gc_unclaim(g);
}

uint32_t gc_wait_full(struct sched_g *g, enum gc_trigger why, uint64_t firing)
{
	uint32_t target = gc_cycle() + 1;

	gc_wait_marks(g, target - 1);
	while (!cycle_reached(target)) {
		/* Refused while another one begins or ends: look again when it has. */
		if (gc_start(g, why, firing) == 0 && gc_phase_now() == GC_OFF)
			gc_wait_settled(g);
		else
			gc_wait_marks(g, target);
	}
	if (gc_cycle() == target)
		gc_sweep_finish(g);
	return target;
}

void mrt_gc(mrt_g *g)
{
	uint32_t done = gc_wait_full(sched_of(g), GC_TRIGGER_FORCED, 0), cycle = gc_cycle();

	/* No other mark phase has ended, and none can before this goroutine's next safepoint. */
	if (cycle == done || (cycle == done + 1 && gc_phase_now() == GC_MARK))
		watch_profile_flush_swept();
	while (gc_work_free_one())
		; /* the sweeper does it too, later: what is read of memory after this shall be what is in use */
}

/* -------------------------------------------------------------------- start */

/* World stopped: everything of one P that counts by the cycle. */
static void cycle_begin_p(struct gc_local *l)
{
	gc_must(gc_work_local_empty(l) && l->barrier_n == 0,
		"gc: work left over from the last cycle\n");
	l->bytes_marked = 0;
	l->flushed = false;
	gc_count(&gc_pacer.heap_scan, (int64_t)l->scan_alloc);
	l->scan_alloc = 0;
}

void gc_on_start(void (*fn)(void))
{
	gc_st.on_start = fn;
}

/* World stopped, of one P: what will be put into its tiny block in this cycle is to live (gcMarkTinyAllocs).
 * The caches that are stale have been flushed: it is no block that a sweep may have freed. */
static void cycle_grey_tiny(struct sched_p *p)
{
	if (p->mc->tiny != 0)
		gc_grey(p->gc, p->mc->tiny);
}

/* World stopped, since asked_ns asked to. */
static void cycle_begin(struct sched_g *g, enum gc_trigger why, uint64_t firing, int64_t asked_ns)
{
	uint64_t goal;

	gc_sweep_finish_stopped();
	mem_caches_flush_stale();
	if (gc_st.on_start != NULL)
		gc_st.on_start();
	gc_check_edge("start of marking", false);
	gc_st.trigger_why = why;
	gc_st.heap_at_start = gc_heap_live();
	atomic_fetch_add_explicit(&gc_st.cycle, 1, memory_order_relaxed);
	for (uint32_t i = 0; i < gc_st.procs; i++)
		cycle_begin_p(sched_p(i)->gc);
	gc_roots_prepare();
	for (uint32_t i = 0; i < gc_st.procs; i++)
		cycle_grey_tiny(sched_p(i));
	gc_assist_begin();
	goal = gc_heap_goal();
	gc_pacer_start();
	gc_workers_begin();
	gc_limiter_transition(true, asked_ns);
	gc_st.goal_at_start = gc_heap_goal();
	/* 1.19 prints the goal before it is moved away from the trigger. */
	if (gc_st.opt.pacertrace)
		gc_trace_pacer_start(gc_st.opt.pacer == MRT_PACER_1_19 ? goal
									: gc_st.goal_at_start);
	gc_st.stw_aborted_ns = 0;
	prim_step(PRIM_COST_GC_PHASE);
	gc_st.mark_start_ns = prim_now_ns();
	atomic_store_explicit(&gc_st.phase, GC_MARK, memory_order_relaxed);
	atomic_store_explicit(&gc_st.firing, firing, memory_order_relaxed);
	gc_stages_begin(g);
	atomic_store_explicit(&gc_barrier_on, 1, memory_order_relaxed);
}

static bool cycle_claim(enum gc_busy as)
{
	for (uint32_t round = 0;; round++) {
		uint32_t busy = GC_BUSY_NO;

		/* Acquire among them: pairs with cycle_publish; the end of the last cycle is seen
		 * whole. */
		if (atomic_compare_exchange_strong(&gc_st.busy, &busy, as))
			return true;
		if (busy != GC_BUSY_ASKED)
			return false;
		prim_spin_wait(round);
	}
}

bool gc_claim(void)
{
	return cycle_claim(GC_BUSY_CYCLE);
}

bool gc_claim_to_ask(void)
{
	return cycle_claim(GC_BUSY_ASKED);
}

void gc_claim_wait(struct sched_g *g)
{
	while (!gc_claim())
		cycle_wait(g, (struct cycle_wait){.over = cycle_over});
}

void gc_unclaim(struct sched_g *g)
{
	/* Sequentially consistent: either we see the waiter's count, or it sees nobody busy. */
	atomic_store(&gc_st.busy, GC_BUSY_NO);
	if (atomic_load(&waiters.count) != 0)
		cycle_wake(g);
}

uint32_t gc_start(struct sched_g *g, enum gc_trigger why, uint64_t firing)
{
	return gc_claim() ? gc_start_claimed(g, why, firing) : 0;
}

/* The firing behind a cycle that none asks for: held back by one, or due when one has set. */
static uint64_t cycle_firing(enum gc_trigger why)
{
	uint64_t held = gc_hold_firing();

	return held != 0 || why != GC_TRIGGER_HEAP ? held : gc_pacer.firing;
}

void gc_held_up_by(uint64_t firing)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong_explicit(&gc_st.firing, &none, firing, memory_order_relaxed,
						memory_order_relaxed);
}

uint32_t gc_start_claimed(struct sched_g *g, enum gc_trigger why, uint64_t firing)
{
	struct sched_stw stw = {0};
	uint32_t cycle;

	atomic_store(&gc_st.busy, GC_BUSY_CYCLE);
	firing = firing != 0 ? firing : cycle_firing(why);
	gc_sweep_finish(g);
	gc_st.start_ns = prim_now_ns();
	sched_stop_world(g, SCHED_STW_GC_START, &stw);
	cycle_begin(g, why, firing, stw.request_ns);
	cycle = gc_cycle();
	/* As in Go every running goroutine is put back: so that dedicated and fractional workers
	 * get their Ps. */
	for (uint32_t i = 0; i < gc_st.procs; i++)
		atomic_fetch_or_explicit(&sched_p(i)->poll, SCHED_POLL_PREEMPT,
					 memory_order_relaxed);
	sched_start_world(g, &stw, cycle, firing);
	gc_limiter_transition_end(stw.start_ns);
	gc_st.stw1_ns = cycle_stopped(&stw);
	gc_emit(g, WATCH_GC_START, cycle, why, gc_st.heap_at_start, gc_st.goal_at_start,
		gc_firing(), 0);
	gc_hold_end(g);
	cycle_gauges(stw.start_ns);
	cycle_wake(g);
	sched_wake();
	return cycle;
}

/* ---------------------------------------------------------------------- end */

/* Ragged: whatever a P still holds becomes visible. *arg: whether it held anything since the last
 * time. */
static void cycle_flush_p(struct sched_p *p, void *arg)
{
	struct gc_local *l = p->gc;
	_Atomic uint32_t *flushed = arg;

	gc_barrier_flush(l);
	gc_work_flush(l);
	gc_assist_flush(l);
	if (l->flushed) {
		l->flushed = false;
		atomic_fetch_add_explicit(flushed, 1, memory_order_relaxed);
	}
}

static void cycle_flush_cache(struct sched_p *p, void *arg)
{
	(void)arg;
	if (mem_cache_stale(p->mc))
		mem_cache_flush(p->mc);
}

static bool cycle_work_left_stopped(void)
{
	bool left = gc_work_shared() || gc_roots_left();

	for (uint32_t i = 0; i < gc_st.procs; i++) {
		struct gc_local *l = sched_p(i)->gc;

		gc_barrier_flush(l);
		gc_assist_flush(l);
		left = left || !gc_work_local_empty(l);
	}
	return left || gc_work_shared();
}

static uint64_t cycle_marked_stopped(void)
{
	uint64_t marked = 0;

	for (uint32_t i = 0; i < gc_st.procs; i++)
		marked += sched_p(i)->gc->bytes_marked;
	return marked + gc_roots_orphan_marked();
}

static void cycle_retire_work_stopped(void)
{
	for (uint32_t i = 0; i < gc_st.procs; i++)
		gc_work_release(sched_p(i)->gc);
	gc_work_retire();
}

/* World stopped, since asked_ns asked to; nothing grey left. */
static void cycle_end_stopped(int64_t asked_ns)
{
	int64_t mark_ns = gc_st.mark_end_ns - gc_st.mark_start_ns;
	uint64_t marked = cycle_marked_stopped();

	gc_limiter_transition(false, asked_ns);
	atomic_store_explicit(&gc_st.phase, GC_MARK_TERMINATION, memory_order_relaxed);
	gc_st.heap_at_end = gc_heap_live();
	gc_sabotage_marked();
	gc_check_edge("end of marking", true);
	gc_sabotage_checked();
	gc_check_forget_dead();
	gc_pacer_end(mark_ns, marked);
	atomic_store_explicit(&gc_barrier_on, 0, memory_order_relaxed);
	atomic_store_explicit(&gc_st.phase, GC_OFF, memory_order_relaxed);
	cycle_retire_work_stopped();
	gc_scavenge_note();
	gc_sweep_begin();
	gc_pacer_commit(true);
	gc_sweep_pace();
	gc_scavenge_pace();
	watch_profile_next_cycle();
	prim_step(PRIM_COST_GC_PHASE);
	gc_limiter_transition_end(prim_now_ns());
}

struct cycle_cpu {
	int64_t assist, background, idle, total;
};

/* No safepoint lies between the restart of the world and this: who stops it next sees a cycle counted with its
 * pause, or neither. */
static void cycle_account(struct cycle_cpu *cpu, int64_t end_ns)
{
	int64_t pause = gc_st.stw1_ns + gc_st.stw2_ns + gc_st.stw_aborted_ns;
	uint32_t counted = gc_cycles_counted();

	/* Exchange: a straggler's time goes to the next cycle. */
	cpu->assist = atomic_exchange_explicit(&gc_pacer.assist_ns, 0, memory_order_relaxed);
	cpu->background =
		atomic_exchange_explicit(&gc_pacer.dedicated_ns, 0, memory_order_relaxed) +
		atomic_exchange_explicit(&gc_pacer.fractional_ns, 0, memory_order_relaxed);
	cpu->idle = atomic_exchange_explicit(&gc_pacer.idle_ns, 0, memory_order_relaxed);
	cpu->total = cpu->assist + cpu->background + pause * (int64_t)gc_st.procs;
	gc_count(&gc_st.cpu_ns, cpu->total);
	gc_st.cpu.assist_ns += cpu->assist;
	gc_st.cpu.background_ns += cpu->background;
	gc_st.cpu.idle_ns += cpu->idle;
	gc_st.cpu.pause_ns += pause * (int64_t)gc_st.procs;
	gc_scavenge_cpu(&gc_st.cpu.scavenge_assist_ns, &gc_st.cpu.scavenge_background_ns);
	gc_st.cpu.ps_idle_ns = sched_idle_ns(end_ns);
	gc_st.cpu.available_ns = gc_cpu_available_ns(end_ns);
	gc_st.pause_total_ns += (uint64_t)pause;
	gc_st.pause_ns[counted % 256] = (uint64_t)pause;
	gc_st.pause_end[counted % 256] = (uint64_t)end_ns;
	atomic_store_explicit(&gc_st.num_gc, counted + 1, memory_order_relaxed);
	gc_st.num_forced += gc_st.trigger_why == GC_TRIGGER_FORCED;
	atomic_store_explicit(&gc_st.last_gc_ns, end_ns, memory_order_relaxed);
}

static void cycle_trace(const struct cycle_cpu *cpu, int64_t end_ns)
{
	int64_t available = gc_cpu_available_ns(end_ns);
	struct watch_gctrace t = {
		.cycle = gc_cycles_counted(),
		.since_start_ns = gc_st.start_ns - gc_st.init_ns,
		.cpu_percent =
			available > 0 ? (uint32_t)(gc_counted(&gc_st.cpu_ns) * 100 / available) : 0,
		.stw1_ns = gc_st.stw1_ns,
		.mark_ns = gc_st.mark_end_ns - gc_st.mark_start_ns,
		.stw2_ns = gc_st.stw2_ns,
		.stop_cpus = gc_st.stop_cpus,
		.assist_ns = cpu->assist,
		.background_ns = cpu->background,
		.idle_ns = cpu->idle,
		.heap_start = gc_st.heap_at_start,
		.heap_end = gc_st.heap_at_end,
		.heap_marked = gc_pacer.heap_marked,
		.goal = gc_st.goal_at_start,
		.stack_bytes = gc_roots_stack_bytes(),
		.global_bytes = gc_pacer.globals_scan,
		.procs = gc_st.procs,
		.forced = gc_st.trigger_why == GC_TRIGGER_FORCED,
	};
	char line[256];
	size_t n = watch_gctrace_format(line, sizeof(line), &t);

	prim_log(line, n);
}

static uint64_t cycle_ns32(int64_t ns)
{
	return ns < 0 ? 0 : ns > UINT32_MAX ? UINT32_MAX : (uint64_t)ns;
}

/* The CPU limiter was on in this cycle, or after the one before. */
static void cycle_report_limiter(struct sched_g *g, uint32_t cycle)
{
	struct gc_limiter_counts now;

	gc_limiter_counts(&now);
	if (now.on_ns == gc_st.limited.on_ns && now.turned_on == gc_st.limited.turned_on)
		return;
	gc_emit(g, WATCH_LIMITER, cycle, (uint64_t)(now.on_ns - gc_st.limited.on_ns),
		now.turned_on - gc_st.limited.turned_on, 0, 0, 0);
	gc_st.limited = now;
}

static void cycle_report(struct sched_g *g, const struct cycle_cpu *cpu, int64_t end_ns)
{
	uint32_t cycle = gc_cycle();
	int64_t mark_ns = gc_st.mark_end_ns - gc_st.mark_start_ns;
	struct mrt_telemetry *t = gc_st.opt.telemetry;

	gc_emit(g, WATCH_GC_MARK_END, cycle, (uint64_t)mark_ns, gc_st.heap_at_end,
		gc_pacer.heap_marked, (uint64_t)cpu->assist, (uint64_t)cpu->background);
	gc_emit(g, WATCH_GC_H, cycle, gc_st.heap_at_start, gc_st.heap_at_end, gc_pacer.heap_marked,
		gc_st.goal_at_start, cycle_ns32(gc_st.stw1_ns) << 32 | cycle_ns32(gc_st.stw2_ns));
	gc_emit(g, WATCH_GC_END, cycle, gc_heap_goal(), gc_roots_stack_bytes(),
		(uint64_t)gc_counted(&gc_st.cpu_ns), (uint64_t)gc_cpu_available_ns(end_ns),
		(uint64_t)cpu->idle);
	cycle_report_limiter(g, cycle);
	cycle_gauges(end_ns);
	if (t == NULL)
		return;
	atomic_store_explicit(&t->gauges.gc_forced, gc_st.num_forced, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.mark_ns_last, (uint64_t)mark_ns, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.assist_ns_total, (uint64_t)gc_st.cpu.assist_ns,
			      memory_order_relaxed);
}

/* The world runs again; this goroutine brings the cycle to its end. */
static void cycle_finish(struct sched_g *g, const struct sched_stw *stw)
{
	struct cycle_cpu cpu;

	gc_st.stw2_ns = cycle_stopped(stw);
	cycle_account(&cpu, stw->start_ns);
	sched_stacks_free();
	watch_profile_flush();
	gc_assist_wake_all(g);
	sched_for_each_p(g, cycle_flush_cache, NULL);
	cycle_report(g, &cpu, stw->start_ns);
	if (gc_st.opt.gctrace)
		cycle_trace(&cpu, stw->start_ns);
	if (gcs_gate(GCS_POINT_gc_sweep_start))
		gc_sweep_hold(g);
	gc_sweep_wake(g);
	cycle_publish(g, gc_cycle());
}

/* The gate of gc/termination is armed and nothing is left to mark: once a cycle. Whoever tries to
 * end it sleeps, and the others leave that to him. */
static bool cycle_end_held(struct sched_g *g)
{
	if (gc_st.held_end == gc_cycle())
		return false;
	gc_st.held_end = gc_cycle();
	return gc_stall_point(g, (struct gc_stall){.point = GCS_POINT_gc_termination,
						   .worker = MRT_WORKER_GC,
						   .eligible = true,
						   .cycle = true});
}

/* Once round: 0 the cycle has ended or there is work again; 1: look again. */
static bool cycle_try_end(struct sched_g *g)
{
	_Atomic uint32_t flushed = 0;
	struct sched_stw stw = {0};

	if (gc_phase_now() != GC_MARK ||
	    atomic_load_explicit(&gc_st.active, memory_order_acquire) != 0 ||
	    gc_work_available(NULL))
		return false;
	if (gcs_gate(GCS_POINT_gc_termination) && cycle_end_held(g))
		return true;
	sched_for_each_p(g, cycle_flush_p, &flushed);
	gc_workers_answer();
	if (atomic_load_explicit(&flushed, memory_order_relaxed) != 0)
		return true;
	gc_st.mark_end_ns = prim_now_ns();
	sched_stop_world(g, SCHED_STW_GC_END, &stw);
	if (cycle_work_left_stopped()) {
		sched_start_world(g, &stw, gc_cycle(), gc_firing());
		gc_st.stw_aborted_ns += cycle_stopped(&stw);
		gc_workers_answer();
		return true;
	}
	cycle_end_stopped(stw.request_ns);
	sched_start_world(g, &stw, gc_cycle(), gc_firing());
	cycle_finish(g, &stw);
	return false;
}

void gc_mark_done(struct sched_g *g)
{
	uint32_t seen;

	/* One tries, the others leave it a note to try again. */
	if (atomic_fetch_add_explicit(&gc_st.done_requests, 1, memory_order_acq_rel) != 0)
		return;
	do {
		seen = atomic_load_explicit(&gc_st.done_requests, memory_order_acquire);
		while (cycle_try_end(g))
			;
	} while (atomic_fetch_sub_explicit(&gc_st.done_requests, seen, memory_order_acq_rel) !=
		 seen);
}

/* ------------------------------------------------------- sysmon, periodic cycle */

static bool cycle_periodic_parked(struct sched_g *g, void *arg)
{
	(void)g;
	(void)arg;
	/* Release: pairs with the exchange in gc_sysmon. */
	atomic_store_explicit(&gc_st.periodic_parked, 1, memory_order_release);
	return true;
}

static void cycle_periodic_main(mrt_g *pub, void *arg)
{
	(void)arg;
	for (;;) {
		sched_park(sched_of(pub), SCHED_WAIT_OTHER, cycle_periodic_parked, NULL);
		gc_start(sched_of(pub), GC_TRIGGER_TIME, 0);
	}
}

void gc_sysmon(int64_t now_ns)
{
	int64_t last = gc_counted(&gc_st.last_gc_ns);

	cycle_gauges(now_ns);
	gc_limiter_refresh(now_ns);
	if (last == 0 || now_ns - last <= GC_PERIOD_NS || gc_counted(&gc_pacer.gogc) < 0 ||
	    atomic_load_explicit(&gc_st.busy, memory_order_relaxed) != GC_BUSY_NO)
		return;
	if (atomic_exchange_explicit(&gc_st.periodic_parked, 0, memory_order_acq_rel) != 0)
		sched_ready(NULL, gc_st.periodic, false);
}

void mrt_set_gogc(mrt_g *pub, int percent)
{
	gc_set_gogc(sched_of(pub), percent);
}

void gc_set_gogc(struct sched_g *g, int64_t percent)
{
	struct sched_stw stw = {0};

	sched_stop_world(g, SCHED_STW_OTHER, &stw);
	gc_pacer_gogc(percent < 0 ? -1 : percent);
	gc_pacer_commit(false);
	gc_sweep_pace();
	gc_scavenge_pace();
	if (gc_phase_now() == GC_MARK)
		gc_pacer_revise();
	sched_start_world(g, &stw, gc_cycle(), 0);
}

/* --------------------------------------------------------------- init, fini */

static int cycle_p_init(struct sched_p *p)
{
	p->gc = mem_persist(sizeof(*p->gc), 64);
	if (p->gc == NULL)
		return -ENOMEM;
	memset(p->gc, 0, sizeof(*p->gc));
	if (mem_cache_create(&p->mc) < 0)
		return -ENOMEM;
	p->gc->profile_random = gc_st.opt.seed + p->id;
	p->mc->sample_left = watch_profile_gap(&p->gc->profile_random);
	return 0;
}

static void cycle_p_fini(struct sched_p *p)
{
	mem_cache_destroy(p->mc);
	p->mc = NULL;
	p->gc = NULL; /* persistent memory */
}

static bool cycle_has_work(void)
{
	return gc_phase_now() == GC_MARK && gc_work_available(NULL);
}

static void cycle_where(uint32_t *ret_cycle, uint8_t *ret_phase)
{
	*ret_cycle = gc_cycle();
	*ret_phase = (uint8_t)gc_phase_now();
}

const struct sched_gc_hooks gc_sched_hooks = {
	.scan_self = gc_scan_self,
	.find_worker = gc_find_worker,
	.p_init = cycle_p_init,
	.p_fini = cycle_p_fini,
	.sysmon = gc_sysmon,
	.has_work = cycle_has_work,
	.where = cycle_where,
};

static bool cycle_alloc_black(void)
{
	return gc_phase_now() != GC_OFF;
}

const struct mem_hooks gc_mem_hooks = {
	.live_add = gc_live_add,
	.sweep_debt = gc_sweep_debt,
	.alloc_black = cycle_alloc_black,
	.refuse = gc_refuse,
	.fault_in = gc_fault_in,
	.fresh = gc_scavenge_fresh,
	.release = gc_release,
	.fragment = gc_fragment,
	.fragmented = gc_fragmented,
	.special_dead = gc_profile_dead,
	.dying = gc_dying,
};

int gc_init(const struct gc_options *opt)
{
	memset(&gc_st, 0, sizeof(gc_st));
	gc_st.opt = *opt;
	if (gc_st.opt.gogc == 0)
		gc_st.opt.gogc = 100;
	gc_st.procs = opt->procs;
	gc_st.stop_cpus = opt->procs < prim_ncpu() ? opt->procs : prim_ncpu();
	gc_st.init_ns = prim_now_ns();
	atomic_store_explicit(&gc_barrier_on, 0, memory_order_relaxed);
	prim_mutex_init(&waiters.lock, PRIM_RANK_GC_START);
	waiters.head = NULL;
	gc_work_init();
	gc_roots_init();
	gc_workers_init();
	gc_assist_init();
	gc_sweep_init();
	gc_scavenge_init();
	gc_metrics_init();
	gc_check_init();
	gc_pacer_init();
	gc_limiter_init(opt->procs, gc_st.init_ns);
	gc_stages_init();
	gc_point_init();
	watch_profile_init(&(struct watch_profile_options){.rate = opt->heap_profile_rate,
							   .alloc = mem_persist});
	return 0;
}

int gc_start_workers(void)
{
	int r = gc_workers_start();

	gc_pacer_commit(false);
	if (r == 0)
		r = gc_sweep_start();
	if (r == 0)
		r = gc_scavenge_start();
	if (r == 0)
		r = sched_go_system("gc periodic", MRT_WORKER_SYSMON, cycle_periodic_main, NULL,
				    false, &gc_st.periodic);
	return r;
}

void gc_fini(void)
{
	gc_work_fini();
	gc_check_fini();
	watch_profile_fini();
}
