/*
 * pacer.c: when to begin a cycle and how hard mutators must help (mgcpacer.go, the rules of Go 1.19
 * or those since 1.21).
 *
 *  goal     marked + (marked + goroutine roots + globals) * GOGC/100, floor 4 MiB * GOGC/100; a memory
 *           limit may lower it
 *  trigger  goal - runway, kept between 0.70 and 0.95 of the way from marked to goal
 *  runway   3 * cons/mark * (heap scan + roots): what mutators allocate while a quarter of the CPU marks
 *  assist   work left / bytes left until the goal
 *
 * The formulas are pacer_goal.c's and cons_mark.c's. Between the versions: how cons/mark follows its
 * samples; where a cycle counts as begun (1.19: at the trigger as computed, later: where the heap was);
 * the headroom under a memory limit.
 *
 * Go computes with floating point. Here every ratio is an integer with fractional bits and 128-bit
 * products, so that a simulated run decides the same whatever compiled it.
 */
#include "runtime/gc/gc_priv.h"

#define PACER_MIN_WORK 1000
#define PACER_START_SLACK                                                                          \
	((uint64_t)64 << 10) /* goal of a running cycle: at least so far above its trigger */
#define PACER_SWEEP_SLACK   ((uint64_t)1 << 20)

struct gc_pacer gc_pacer;

static uint64_t pacer_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
static uint64_t pacer_live(void)
{
	int64_t live = gc_counted(&gc_pacer.heap_live);

	return live > 0 ? (uint64_t)live : 0;
}

void gc_pacer_init(void)
{
	int gogc = gc_st.opt.gogc;

	gc_pacer = (struct gc_pacer){.heap_marked = 0};
	gc_cons_mark_init(&gc_pacer.cons_mark, gc_st.opt.pacer);
	gc_pacer_gogc(gogc);
	/* As if the cycle before the first had marked what makes the floor the goal. In Go, since
	 * 1.19, nothing counts as marked. */
	if (gc_st.opt.pacer != MRT_PACER_1_19 && gogc >= 0)
		gc_pacer.heap_marked =
			GC_HEAP_MINIMUM / 100 * (uint64_t)gogc * 100 / (100 + (uint64_t)gogc);
	gc_pacer.last_heap_scan = gc_pacer.heap_marked;
	gc_pacer_commit(false);
}

void gc_pacer_gogc(int64_t percent)
{
	atomic_store_explicit(&gc_pacer.gogc_set, percent, memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.gogc, percent, memory_order_relaxed);
}

/* ------------------------------------------------------------ goal, trigger */

static uint64_t pacer_root_scan(void)
{
	return gc_pacer.last_stack_scan + gc_pacer.globals_scan;
}

uint64_t gc_pacer_mapped(const struct mem_stats *s)
{
	return s->heap_sys + sched_stack_sys() + s->span_sys + s->cache_sys + s->bits_sys +
	       s->other_sys + gc_work_sys() - s->heap_released;
}

static uint64_t pacer_limit_goal_now(void)
{
	uint64_t limit = gc_st.opt.memlimit;
	struct mem_stats s;

	if (gcs_gate(GCS_POINT_mem_limit))
		limit = gc_limit_point(limit);
	if (limit == 0)
		return UINT64_MAX;
	mem_stats_read(&s);
	return gc_pacer_limit_goal(
		&(struct gc_limit_figures){
			.limit = limit,
			.mapped = gc_pacer_mapped(&s),
			.heap_free = s.heap_idle - s.heap_released,
			.heap_alloc = s.alloc_bytes_total - s.freed_bytes_total,
			.marked = gc_pacer.heap_marked,
		},
		gc_st.opt.pacer);
}

static void pacer_publish(uint64_t goal, uint64_t trigger)
{
	struct mrt_telemetry *t = gc_st.opt.telemetry;

	atomic_store_explicit(&gc_pacer.goal, goal, memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.trigger, trigger, memory_order_relaxed);
	if (t == NULL)
		return;
	atomic_store_explicit(&t->gauges.heap_goal, goal, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.heap_trigger, trigger, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.heap_marked, gc_pacer.heap_marked, memory_order_relaxed);
}

/* Neither goal nor trigger of what is not limited lies before it; 0: there is nothing to sweep. */
static uint64_t pacer_sweep_least(void)
{
	return mem_sweep_done() ? 0 : pacer_live() + PACER_SWEEP_SLACK;
}

static uint64_t pacer_goal(int64_t gogc, uint64_t limit_goal)
{
	uint64_t goal = gc_pacer_percent_goal(gc_pacer.heap_marked, pacer_root_scan(), gogc);

	return limit_goal < goal ? limit_goal : pacer_max(goal, pacer_sweep_least());
}

/* A cycle ends: GOGC is what is set, or what gc/gogc makes of that, until the next one does. Its
 * firing counts when the goal is another by it. */
static void pacer_gogc_next(uint64_t limit_goal)
{
	int64_t set = gc_counted(&gc_pacer.gogc_set);
	uint64_t is = set > 0 ? (uint64_t)set : 0;
	struct gcs_firing firing;

	if (gcs_gate(GCS_POINT_gc_gogc) &&
	    gc_bias_point(GCS_POINT_gc_gogc, set > 0, is, &firing)) {
		is = pacer_max(gc_biased(is, firing.by_milli), 1);
		if (pacer_goal(set, limit_goal) != pacer_goal((int64_t)is, limit_goal))
			gc_pacer.firing = firing.id;
		gc_bias_effect(firing.id, gc_pacer.firing != 0 ? (uint64_t)set : is, is);
		set = (int64_t)is;
	}
	atomic_store_explicit(&gc_pacer.gogc, set, memory_order_relaxed);
}

/* gc/pacer is armed: the runway by another cons/mark ratio. Returns the trigger. */
static uint64_t pacer_trigger_next(uint64_t goal, uint64_t runway)
{
	uint64_t marked = gc_pacer.heap_marked, least = gc_pacer.limited ? 0 : pacer_sweep_least();
	uint64_t trigger = gc_pacer_trigger_of(goal, marked, runway, least), is;
	struct gcs_firing firing;

	if (!gc_bias_point(GCS_POINT_gc_pacer, goal != UINT64_MAX && marked < goal && runway != 0,
			   trigger, &firing))
		return trigger;
	is = gc_pacer_trigger_of(goal, marked, gc_biased(runway, firing.by_milli), least);
	gc_bias_effect(firing.id, trigger, is);
	if (is != trigger && gc_pacer.firing == 0)
		gc_pacer.firing = firing.id;
	return is;
}

void gc_pacer_commit(bool cycle_ended)
{
	uint64_t limit_goal = pacer_limit_goal_now(), goal, runway, trigger, least;

	gc_pacer.firing = 0;
	if (cycle_ended)
		pacer_gogc_next(limit_goal);
	goal = pacer_goal(gc_counted(&gc_pacer.gogc), limit_goal);
	gc_pacer.limited =
		limit_goal < gc_pacer_percent_goal(gc_pacer.heap_marked, pacer_root_scan(),
						   gc_counted(&gc_pacer.gogc));
	least = gc_pacer.limited ? 0 : pacer_sweep_least();
	runway = gc_cons_mark_runway(&gc_pacer.cons_mark,
				     gc_pacer.last_heap_scan + pacer_root_scan());
	trigger = cycle_ended && gcs_gate(GCS_POINT_gc_pacer)
			  ? pacer_trigger_next(goal, runway)
			  : gc_pacer_trigger_of(goal, gc_pacer.heap_marked, runway, least);
	pacer_publish(goal, trigger);
}

bool gc_pacer_triggered(void)
{
	return pacer_live() >= atomic_load_explicit(&gc_pacer.trigger, memory_order_relaxed);
}

/* -------------------------------------------------------------------- cycle */

/* At most INT64_MAX: the trigger of a collector that is off is beyond all. */
static uint64_t pacer_begun(void)
{
	uint64_t at = gc_st.opt.pacer == MRT_PACER_1_19 ? gc_heap_trigger() : pacer_live();

	return at < INT64_MAX ? at : INT64_MAX;
}

void gc_pacer_start(void)
{
	uint64_t goal = atomic_load_explicit(&gc_pacer.goal, memory_order_relaxed);

	gc_pacer.triggered = pacer_begun();
	gc_pacer.globals_scan = gc_roots_global_bytes();
	if (!gc_pacer.limited)
		goal = pacer_max(goal, gc_pacer.triggered + PACER_START_SLACK);
	pacer_publish(goal, atomic_load_explicit(&gc_pacer.trigger, memory_order_relaxed));
	atomic_store_explicit(&gc_pacer.heap_work, 0, memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.stack_work, 0, memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.globals_work, 0, memory_order_relaxed);
	gc_pacer_revise();
}

static int64_t pacer_work_done(void)
{
	return gc_counted(&gc_pacer.heap_work) + gc_counted(&gc_pacer.stack_work) +
	       gc_counted(&gc_pacer.globals_work);
}

/* Expected scan work and the goal to meet it by; once more was done than expected, the worst case
 * counts. */
struct watch_ratio gc_pacer_assist_ratio(void)
{
	uint64_t goal = atomic_load_explicit(&gc_pacer.goal, memory_order_relaxed),
		 live = pacer_live();
	uint64_t done = (uint64_t)pacer_work_done();
	uint64_t expected = gc_pacer.last_heap_scan + pacer_root_scan();
	int64_t scan = gc_counted(&gc_pacer.heap_scan), gogc = gc_counted(&gc_pacer.gogc);
	uint64_t worst = (scan > 0 ? (uint64_t)scan : 0) + pacer_root_scan();
	uint64_t work_left, bytes_left;

	if (gogc < 0)
		gogc = 100000;
	if (goal > INT64_MAX)
		goal = INT64_MAX;
	if (done > expected) {
		goal = gc_pacer_stretched_goal(&(struct gc_stretch){
			.goal = goal,
			.triggered = gc_pacer.triggered,
			.expected = expected,
			.worst = worst,
			.gogc = gogc,
		});
		expected = worst;
	}
	if (live > goal) {
		goal += goal / 10;
		expected = worst;
	}
	work_left = expected > done + PACER_MIN_WORK ? expected - done : PACER_MIN_WORK;
	bytes_left = goal > live ? goal - live : 1;
	return (struct watch_ratio){.num = work_left, .den = bytes_left};
}

void gc_pacer_revise(void)
{
	struct watch_ratio r = gc_pacer_assist_ratio();

	/* Two stores: a reader that gets one old and one new ratio pays a little more or less. */
	atomic_store_explicit(&gc_pacer.work_per_byte, gc_q32_div(r.num, r.den),
			      memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.bytes_per_work, gc_q32_div(r.den, r.num),
			      memory_order_relaxed);
}

void gc_pacer_end(int64_t mark_ns, uint64_t marked)
{
	uint64_t live = pacer_live();
	struct gc_cons_mark_sample sample = {
		.mark_ns = mark_ns,
		.assist_ns = gc_counted(&gc_pacer.assist_ns),
		.idle_ns = gc_counted(&gc_pacer.idle_ns),
		.procs = gc_st.procs,
		.grown = live > gc_pacer.triggered ? live - gc_pacer.triggered : 0,
		.work = (uint64_t)pacer_work_done(),
	};
	struct watch_ratio was = gc_cons_mark_ratio(&gc_pacer.cons_mark);
	bool kept = gc_cons_mark_add(&gc_pacer.cons_mark, &sample);

	/* As in Go: a cycle in which the heap did not grow beyond its trigger tells nothing. */
	if (gc_st.opt.pacertrace && sample.grown != 0)
		gc_trace_pacer_end(&sample, was, !kept);
	gc_pacer.heap_marked = marked;
	gc_pacer.last_heap_scan = (uint64_t)gc_counted(&gc_pacer.heap_work);
	gc_pacer.last_stack_scan = gc_roots_stack_bytes();
	atomic_store_explicit(&gc_pacer.heap_live, (int64_t)marked, memory_order_relaxed);
	atomic_store_explicit(&gc_pacer.heap_scan, (int64_t)gc_pacer.last_heap_scan,
			      memory_order_relaxed);
}

/* Hook of mem: a span was taken by a cache, or a large object made, or what was counted too much
 * comes back. */
void gc_live_add(int64_t delta)
{
	int64_t live =
		atomic_fetch_add_explicit(&gc_pacer.heap_live, delta, memory_order_relaxed) + delta;

	if (gc_st.opt.telemetry != NULL)
		atomic_store_explicit(&gc_st.opt.telemetry->gauges.heap_live,
				      (uint64_t)(live > 0 ? live : 0), memory_order_relaxed);
	if (gc_phase_now() == GC_MARK)
		gc_pacer_revise();
}

uint64_t gc_heap_live(void)
{
	return pacer_live();
}
uint64_t gc_heap_goal(void)
{
	return atomic_load_explicit(&gc_pacer.goal, memory_order_relaxed);
}
uint64_t gc_heap_trigger(void)
{
	return atomic_load_explicit(&gc_pacer.trigger, memory_order_relaxed);
}
uint64_t gc_heap_marked(void)
{
	return atomic_load_explicit(&gc_pacer.heap_marked, memory_order_relaxed);
}
