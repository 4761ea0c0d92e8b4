/* trace_vars.c: what MemStats add to the lines of gctrace: see trace.h. */
#include "harness/guard/trace.h"

#include "runtime/gc/gc.h"
#include "runtime/sched/sched.h"

static void vars_set(_Atomic uint64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed); /* each gauge on its own */
}

struct guard_cycle *guard_trace_cycle(struct guard_trace *t, uint64_t number)
{
	struct guard_cycle *c = &t->cycle[number % GUARD_VARS_PAUSES];
	if (c->number != number)
		*c = (struct guard_cycle){.number = number, .pause_ns = -1};
	return c;
}

void guard_trace_count(struct guard_trace *t, struct guard_cycle *c)
{
	struct guard_exact *x = &t->exact;
	if (c->counted || c->pause_ns < 0 || !(c->by_line || c->by_vars))
		return;
	c->counted = true;
	c->wait_ns = 0;
	if (c->end_ns < t->from_ns || c->end_ns > t->to_ns)
		return;
	x->cycles++;
	x->total_ns += c->pause_ns;
	if (c->pause_ns > x->max_ns) {
		x->max_ns = c->pause_ns;
		x->max_number = t->cycles_before + c->number;
	}
	x->both += c->by_line;
	x->both_ns += c->by_line ? c->pause_ns : 0;
	x->line_ns += c->by_line ? c->line_ns : 0;
}

/* One stop at the cycle's end. When it began, and what its heap was, nobody has said: 0, which counts for nothing. */
static void vars_tell(struct guard_trace *t, struct guard_cycle *c)
{
	uint64_t number = t->cycles_before + c->number;
	if (c->end_ns > t->to_ns)
		return;
	uint64_t trigger = c->forced ? GC_TRIGGER_FORCED : GC_TRIGGER_HEAP;
	c->by_vars = true;
	t->silent = t->cycles == 0;
	t->exact.by_vars += c->end_ns >= t->from_ns;
	guard_trace_emit(t, WATCH_GC_START, c->end_ns - c->pause_ns,
			 (struct watch_record){.a = number, .b = trigger});
	guard_trace_emit(t, WATCH_STW, c->end_ns,
			 (struct watch_record){.a = SCHED_STW_GC_END, .b = WATCH_UNKNOWN,
					       .c = (uint64_t)c->pause_ns, .d = number});
	guard_trace_emit(t, WATCH_GC_END, c->end_ns, (struct watch_record){.a = number});
	vars_set(&t->telemetry->gauges.gc_cycle, number);
	if (c->forced)
		atomic_fetch_add_explicit(&t->telemetry->gauges.gc_forced, 1, memory_order_relaxed);
	guard_trace_count(t, c);
}

void guard_trace_due(struct guard_trace *t, int64_t now_ns)
{
	/* In the order of their numbers. */
	for (uint64_t k = 1; k <= GUARD_VARS_PAUSES; k++) {
		struct guard_cycle *c = &t->cycle[(t->answered + k) % GUARD_VARS_PAUSES];
		if (c->wait_ns && c->wait_ns <= now_ns) {
			c->wait_ns = 0;
			vars_tell(t, c);
		}
	}
}

/* ---- one answer */

static int64_t vars_end(const struct guard_trace *t, const struct guard_vars *v, uint64_t number,
			int64_t now_ns, int64_t wall_ns)
{
	int64_t end = v->end_wall_ns[(number + GUARD_VARS_PAUSES - 1) % GUARD_VARS_PAUSES] - (wall_ns - now_ns);
	return end > now_ns ? now_ns : end < t->begun_ns ? t->begun_ns : end;
}

/* The oldest cycle that it knows ended before the program was there. */
static bool vars_is_older(const struct guard_trace *t, const struct guard_vars *v, int64_t now_ns,
			  int64_t wall_ns)
{
	uint64_t oldest = v->cycles > GUARD_VARS_PAUSES ? v->cycles - GUARD_VARS_PAUSES + 1 : 1;
	int64_t end = v->has_pauses ? v->end_wall_ns[(oldest + GUARD_VARS_PAUSES - 1) % GUARD_VARS_PAUSES]
				    : v->last_gc_wall_ns;
	return v->cycles > 0 && end > 0 && end - (wall_ns - now_ns) < t->begun_ns - TRACE_OLDER_NS;
}

/* Cycles that are new since the last answer. forced: so many of them; which ones is not told, the first are taken. */
static void vars_cycles(struct guard_trace *t, const struct guard_vars *v, int64_t now_ns, int64_t wall_ns)
{
	uint64_t forced = v->forced > t->forced ? v->forced - t->forced : 0, from = t->answered + 1;
	if (v->cycles >= from + GUARD_VARS_PAUSES) {
		t->exact.unseen += v->cycles - GUARD_VARS_PAUSES + 1 - from;
		from = v->cycles - GUARD_VARS_PAUSES + 1;
	}
	for (uint64_t n = from; n <= v->cycles; n++) {
		struct guard_cycle *c = guard_trace_cycle(t, n);
		c->pause_ns = (int64_t)v->pause_ns[(n + GUARD_VARS_PAUSES - 1) % GUARD_VARS_PAUSES];
		c->end_ns = vars_end(t, v, n, now_ns, wall_ns);
		c->forced = forced > 0;
		forced -= c->forced;
		c->wait_ns = now_ns + TRACE_LINE_WAIT_NS;
		guard_trace_count(t, c);
	}
}

/* Of a program that has said no line: its share of the time up to the end of its last cycle. */
static void vars_cpu(struct guard_trace *t, const struct guard_vars *v, int64_t now_ns, int64_t wall_ns)
{
	struct watch_gauges *g = &t->telemetry->gauges;
	int64_t last_ns = v->last_gc_wall_ns - (wall_ns - now_ns);
	if (!t->silent || t->cycles || last_ns < t->begun_ns)
		return;
	t->procs = t->telemetry->procs;
	double available = (double)(last_ns - t->begun_ns) * t->procs;
	uint64_t used = (uint64_t)(available * ((double)v->gc_cpu_ppb / 1e9));
	t->vars_cpu_ns = used > t->vars_cpu_ns ? used : t->vars_cpu_ns;
	vars_set(&g->gc_cpu_ns, t->gc_cpu_ns + t->vars_cpu_ns);
	vars_set(&g->cpu_ns_available,
		 t->cpu_ns_before + (uint64_t)(now_ns - t->begun_ns) * t->procs);
}

static void vars_gauges(const struct guard_trace *t, const struct guard_vars *v)
{
	struct watch_gauges *g = &t->telemetry->gauges;
	vars_set(&g->heap_live, v->heap_alloc);
	vars_set(&g->heap_goal, v->goal);
	vars_set(&g->heap_inuse, v->heap_inuse);
	vars_set(&g->heap_sys, v->heap_sys);
}

enum guard_fit guard_trace_vars(struct guard_trace *t, const struct guard_vars *v, int64_t now_ns,
				int64_t wall_ns)
{
	if (vars_is_older(t, v, now_ns, wall_ns))
		return GUARD_OLDER;
	vars_gauges(t, v);
	t->several |= t->asked && v->cycles < t->answered;
	t->asked = true;
	if (t->several)
		return GUARD_SEVERAL;
	vars_cpu(t, v, now_ns, wall_ns);
	if (v->has_pauses)
		vars_cycles(t, v, now_ns, wall_ns);
	t->answered = v->cycles;
	t->forced = v->forced;
	return GUARD_FITS;
}
