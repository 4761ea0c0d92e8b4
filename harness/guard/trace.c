/* trace.c: see trace.h. */
#include "harness/guard/trace.h"

#include "harness/import/gctrace_log.h"
#include "runtime/gc/gc.h"
#include "runtime/sched/sched.h"

#include <string.h>

#define TRACE_MIB (UINT64_C(1) << 20)

void guard_trace_init(struct guard_trace *t, struct mrt_telemetry *telemetry)
{
	*t = (struct guard_trace){.telemetry = telemetry, .from_ns = INT64_MAX, .to_ns = INT64_MAX};
}

void guard_trace_begin(struct guard_trace *t, int64_t now_ns)
{
	if (t->begun_ns)
		t->cpu_ns_before += (uint64_t)(now_ns - t->begun_ns) * t->procs;
	t->begun_ns = now_ns;
	guard_trace_due(t, INT64_MAX); /* no line comes any more of the one before */
	t->cycles_before += t->cycles > t->answered ? t->cycles : t->answered;
	t->cycles = t->answered = t->forced = 0;
	t->gc_cpu_ns += t->vars_cpu_ns;
	t->vars_cpu_ns = 0;
	t->several = t->asked = t->silent = false;
	memset(t->cycle, 0, sizeof t->cycle);
}

void guard_trace_emit(const struct guard_trace *t, enum watch_kind kind, int64_t t_ns,
		      struct watch_record rec)
{
	rec.t_ns = t_ns > t->begun_ns ? t_ns : t->begun_ns;
	rec.kind = (uint16_t)kind;
	rec.p = 0xffff;
	watch_emit_shared(t->telemetry, &rec);
}

/* 0: off. */
static uint64_t trace_goal(const struct gcs_gctrace_cycle *c)
{
	return c->goal_mib == GCS_GCTRACE_GOAL_OFF ? 0 : c->goal_mib * TRACE_MIB;
}

static uint64_t trace_ns32(int64_t ns)
{
	return ns > UINT32_MAX ? UINT32_MAX : (uint64_t)ns;
}

/* t: of a stop its end, as sched/stw.c says it. */
static void trace_cycle(const struct guard_trace *t, const struct gcs_gctrace_cycle *c, uint64_t number,
			int64_t end_ns)
{
	int64_t marked_ns = end_ns - c->stop_second_ns, first_ns = marked_ns - c->mark_ns;
	uint64_t start = c->heap_start_mib * TRACE_MIB, end = c->heap_end_mib * TRACE_MIB,
		 live = c->heap_live_mib * TRACE_MIB, goal = trace_goal(c);
	uint64_t trigger = c->forced ? GC_TRIGGER_FORCED : GC_TRIGGER_HEAP;
	guard_trace_emit(t, WATCH_STW, first_ns,
		   (struct watch_record){.a = SCHED_STW_GC_START, .b = WATCH_UNKNOWN,
					 .c = (uint64_t)c->stop_first_ns, .d = number});
	guard_trace_emit(t, WATCH_GC_START, first_ns - c->stop_first_ns,
		   (struct watch_record){.a = number, .b = trigger, .c = start, .d = goal});
	guard_trace_emit(t, WATCH_GC_MARK_END, marked_ns,
		   (struct watch_record){.a = number, .b = (uint64_t)c->mark_ns, .c = end, .d = live,
					 .e = (uint64_t)c->cpu_assist_ns,
					 .f = (uint64_t)c->cpu_background_ns});
	guard_trace_emit(t, WATCH_STW, end_ns,
		   (struct watch_record){.a = SCHED_STW_GC_END, .b = WATCH_UNKNOWN,
					 .c = (uint64_t)c->stop_second_ns, .d = number});
	guard_trace_emit(t, WATCH_GC_H, end_ns,
		   (struct watch_record){.a = number, .b = start, .c = end, .d = live, .e = goal,
					 .f = trace_ns32(c->stop_first_ns) << 32 |
					      trace_ns32(c->stop_second_ns)});
	guard_trace_emit(t, WATCH_GC_END, end_ns,
		   (struct watch_record){.a = number, .b = goal, .c = c->stacks_mib * TRACE_MIB,
					 .f = (uint64_t)c->cpu_idle_ns});
}

static void trace_set(_Atomic uint64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed); /* each gauge on its own */
}

/* The heap is what it was when the cycle ended: nothing is known of it in between. The goal is the one the cycle ran under. */
static void trace_gauges(const struct guard_trace *t, const struct gcs_gctrace_cycle *c,
			 uint64_t number, int64_t now_ns)
{
	struct watch_gauges *g = &t->telemetry->gauges;
	trace_set(&g->heap_live, c->heap_live_mib * TRACE_MIB);
	trace_set(&g->heap_marked, c->heap_live_mib * TRACE_MIB);
	trace_set(&g->heap_goal, trace_goal(c));
	trace_set(&g->gc_cycle, number);
	trace_set(&g->mark_ns_last, (uint64_t)c->mark_ns);
	trace_set(&g->gc_cpu_ns, t->gc_cpu_ns + t->vars_cpu_ns);
	trace_set(&g->cpu_ns_available,
		  t->cpu_ns_before + (uint64_t)(now_ns - t->begun_ns) * t->procs);
	if (c->forced)
		atomic_fetch_add_explicit(&g->gc_forced, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&g->assist_ns_total, (uint64_t)c->cpu_assist_ns,
				  memory_order_relaxed);
}

/* The collector's processor time without the idle workers', which nobody else wanted: as Go's percentage counts. */
static uint64_t trace_cpu(const struct gcs_gctrace_cycle *c)
{
	return (uint64_t)(c->cpu_stop_first_ns + c->cpu_assist_ns + c->cpu_background_ns +
			  c->cpu_stop_second_ns);
}

/* False: MemStats have told it, its line is late. */
static bool trace_is_new(struct guard_trace *t, const struct gcs_gctrace_cycle *line, int64_t now_ns)
{
	struct guard_cycle *c = guard_trace_cycle(t, line->number);
	if (c->by_vars)
		return false;
	/* A number that came before is of another process with the same stderr: told as before. */
	t->exact.by_line += now_ns >= t->from_ns;
	c->by_line = true;
	c->line_ns = line->stop_first_ns + line->stop_second_ns;
	guard_trace_count(t, c);
	return true;
}

static void trace_one(struct guard_trace *t, const struct gcs_gctrace_cycle *c, int64_t now_ns)
{
	uint64_t number = t->cycles_before + c->number;
	if (now_ns > t->to_ns || !trace_is_new(t, c, now_ns))
		return;
	t->cycles = c->number;
	t->procs = c->procs;
	t->gc_cpu_ns += trace_cpu(c);
	trace_cycle(t, c, number, now_ns);
	trace_gauges(t, c, number, now_ns);
}

void guard_trace_line(struct guard_trace *t, const char *line, int64_t now_ns)
{
	struct gcs_gctrace_line got;
	size_t bytes = strlen(line), from = 0;
	for (; from < bytes; from += got.to) {
		enum gcs_gctrace_kind kind = gcs_gctrace_parse(line + from, bytes - from, &got);
		if (kind == GCS_GCTRACE_CYCLE)
			trace_one(t, &got.cycle, now_ns);
		else if (kind == GCS_GCTRACE_SCHED)
			guard_trace_sched(t, &got.sched, line + from, now_ns);
		else
			return;
	}
}
