/*
 * trace.c: what gcpacertrace=1 prints of the pacer, where Go prints it: the two lines of a cycle while
 * the world is stopped, the sweep's by whoever finds it done; and after that what scavtrace=1 prints.
 * Formats: runtime/watch/pacertrace.h, runtime/watch/scavtrace.h.
 */
#include "runtime/gc/gc_priv.h"

void gc_trace_pacer_start(uint64_t goal)
{
	char line[WATCH_PACER_LINE_BYTES];
	int64_t scan = gc_counted(&gc_pacer.heap_scan);
	struct watch_pacer_start t = {
		.assist = gc_pacer_assist_ratio(),
		.scan = scan > 0 ? (uint64_t)scan : 0,
		.live = gc_st.heap_at_start,
		.goal = goal,
	};

	gc_workers_shares(&t.dedicated, &t.fractional);
	prim_log(line, watch_pacer_start_format(line, sizeof(line), &t));
}

/* A quarter and the assists' share of so much of the Ps' time, cut to a whole. */
static uint64_t trace_cpu_percent(int64_t mark_ns)
{
	uint64_t assist_ns = (uint64_t)gc_counted(&gc_pacer.assist_ns);

	if (mark_ns <= 0)
		return 25;
	return 25 + (uint64_t)((unsigned __int128)assist_ns * 100 /
			       ((uint64_t)mark_ns * gc_st.procs));
}

void gc_trace_pacer_end(const struct gc_cons_mark_sample *s, struct watch_ratio cons_mark, bool reset)
{
	char line[WATCH_PACER_LINE_BYTES];
	struct watch_pacer_end t = {
		.cpu_percent = trace_cpu_percent(s->mark_ns),
		.heap_work = (uint64_t)gc_counted(&gc_pacer.heap_work),
		.stack_work = (uint64_t)gc_counted(&gc_pacer.stack_work),
		.globals_work = (uint64_t)gc_counted(&gc_pacer.globals_work),
		.expected_work = gc_pacer.last_heap_scan + gc_pacer.last_stack_scan +
				 gc_pacer.globals_scan,
		.triggered = gc_pacer.triggered,
		.live = gc_heap_live(),
		.goal = gc_heap_goal(),
		.cons_mark = cons_mark,
		.reset = reset,
	};

	prim_log(line, watch_pacer_end_format(line, sizeof(line), &t));
}

void gc_trace_pacer_sweep(uint64_t basis_live, struct watch_ratio pages_per_byte)
{
	char line[WATCH_PACER_LINE_BYTES];
	uint64_t live = gc_heap_live();
	struct watch_pacer_sweep t = {
		.live = live,
		.allocated = live - basis_live,
		.pages = mem_pages_swept(),
		.pages_per_byte = pages_per_byte,
	};

	prim_log(line, watch_pacer_sweep_format(line, sizeof(line), &t));
}

void gc_trace_scav(uint64_t work, bool forced)
{
	char line[WATCH_SCAV_LINE_BYTES];
	struct mem_stats s;
	struct watch_scav t = {.work = work, .forced = forced};

	mem_stats_read(&s);
	t.released = s.heap_released;
	t.inuse = s.heap_inuse;
	t.retained = s.heap_sys - s.heap_released;
	prim_log(line, watch_scav_format(line, sizeof(line), &t));
}
