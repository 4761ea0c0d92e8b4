/*
 * collect_go.c: what only Go's own gctrace lines tell of a cycle on real Go: how long it marked,
 * by whom, and its heap.
 *
 * The agent tells of each cycle's begin and end by its number; the line of that number came on
 * stderr at the same time, and waits here until the end is handled, COLLECT_GRACE_NS behind the
 * clock. A line that comes later than that is in the record, and nowhere else.
 */
#include "harness/collect/collect_priv.h"

#include <string.h>

#define GO_MIB (UINT64_C(1) << 20)

void collect_go_line(struct gcs_collect *c, const char *line)
{
	struct gcs_gctrace_line l;
	if (gcs_scenario_runtime(c->scenario) == GCS_RUNTIME_GO &&
	    gcs_gctrace_parse(line, strlen(line), &l) == GCS_GCTRACE_CYCLE)
		c->traced[l.cycle.number % COLLECT_TRACED] = l.cycle;
}

bool collect_go_cycle(struct gcs_collect *c, struct watch_record *end,
		struct watch_record *ret_mark, struct watch_record *ret_heap)
{
	const struct gcs_gctrace_cycle *g = &c->traced[end->a % COLLECT_TRACED];
	uint64_t goal = g->goal_mib == GCS_GCTRACE_GOAL_OFF ? 0 : g->goal_mib * GO_MIB;
	if (g->number == 0 || g->number != end->a)
		return false;
	end->f = (uint64_t)g->cpu_idle_ns;
	*ret_mark = *ret_heap = *end;
	ret_mark->kind = WATCH_GC_MARK_END;
	ret_mark->b = (uint64_t)g->mark_ns;
	ret_mark->c = g->heap_end_mib * GO_MIB;
	ret_mark->d = g->heap_live_mib * GO_MIB;
	ret_mark->e = (uint64_t)g->cpu_assist_ns;
	ret_mark->f = (uint64_t)g->cpu_background_ns;
	ret_heap->kind = WATCH_GC_H;
	ret_heap->b = g->heap_start_mib * GO_MIB;
	ret_heap->c = g->heap_end_mib * GO_MIB;
	ret_heap->d = g->heap_live_mib * GO_MIB;
	ret_heap->e = goal;
	ret_heap->f = (uint64_t)g->stop_first_ns << 32 | (uint64_t)g->stop_second_ns;
	return true;
}
