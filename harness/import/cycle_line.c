/*
 * cycle_line.c: see cycle_line.h.
 */
#include "harness/import/cycle_line.h"

#define CYCLE_GOAL_MAX	  (1ull << 44)	/* 2^64 bytes: what no goal at all is printed as */
#define CYCLE_SECONDS_MAX 5000000000ull /* 150 years; in ns it fits 63 bits */

static bool cycle_ms(struct line_cursor *c, int64_t *ret)
{
	return line_time(c, LINE_MS_MAX, 1000000, ret);
}

/* `12 @1.234s 3%: `, after the "gc ". */
static bool cycle_head(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	if (line_at(c, "#"))
		c->p++; /* Go 1.5 before its release */
	if (!line_number_then(c, UINT64_MAX, &g->number, " @") ||
	    !line_time(c, CYCLE_SECONDS_MAX, 1000000000, &g->at_ns) || !line_is(c, "s "))
		return false;
	if (line_at(c, "-"))
		c->p++; /* a share that is not settled yet */
	if (!line_u32_then(c, 1000000, &g->cpu_percent, "%"))
		return false;
	line_try(c, " (checking for goroutine leaks)");
	return line_is(c, ": ");
}

static bool cycle_clock(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	int64_t part[5];
	unsigned n = 0;
	do {
		if (!cycle_ms(c, &part[n++]))
			return false;
	} while (n < 5 && line_try(c, "+"));
	if (n != 3 && n != 5)
		return line_fail(c);
	g->five_parts = n == 5;
	g->stop_first_ns = part[0];
	g->mark_ns = n == 5 ? part[1] + part[2] + part[3] : part[1];
	g->stop_second_ns = part[n - 1];
	return line_is(c, " ms clock, ");
}

static bool cycle_cpu(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	int64_t scan = 0, sync = 0;
	while (line_at(c, " "))
		c->p++; /* where a wrapped line was joined again */
	if (!cycle_ms(c, &g->cpu_stop_first_ns) || !line_is(c, "+"))
		return false;
	if (g->five_parts && (!cycle_ms(c, &scan) || !line_is(c, "+") || !cycle_ms(c, &sync) ||
			      !line_is(c, "+")))
		return false;
	if (!cycle_ms(c, &g->cpu_assist_ns) || !line_is(c, "/") ||
	    !cycle_ms(c, &g->cpu_background_ns) || !line_is(c, "/") ||
	    !cycle_ms(c, &g->cpu_idle_ns) || !line_is(c, "+") ||
	    !cycle_ms(c, &g->cpu_stop_second_ns))
		return false;
	g->cpu_background_ns += scan + sync;
	return line_is(c, " ms cpu, ");
}

/* `4 P` at the cursor: what follows is no goal. Without GOGC the goal is what is left of 2^63 or
 * 2^64 bytes, by version. */
static bool cycle_goal(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	struct line_cursor ahead = *c;
	uint64_t mib;
	if (!line_number(&ahead, CYCLE_GOAL_MAX, &mib)) {
		*c = ahead;
		return false;
	}
	g->no_goal = line_at(&ahead, " P");
	if (g->no_goal)
		return true;
	*c = ahead;
	g->goal_mib = mib > LINE_MIB_MAX ? GCS_GCTRACE_GOAL_OFF : (uint32_t)mib;
	return line_is(c, " MB goal, ");
}

static bool cycle_heap(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	return line_u32(c, LINE_MIB_MAX, &g->heap_start_mib) && line_arrow(c) &&
	       line_u32(c, LINE_MIB_MAX, &g->heap_end_mib) && line_arrow(c) &&
	       line_u32_then(c, LINE_MIB_MAX, &g->heap_live_mib, " MB, ") && cycle_goal(c, g);
}

/* `3 MB stacks, 0 MB globals, 4 P (forced)` */
static bool cycle_tail(struct line_cursor *c, struct gcs_gctrace_cycle *g)
{
	uint32_t first;
	if (!line_u32(c, LINE_MIB_MAX, &first))
		return false;
	if (!g->no_goal && line_try(c, " MB stacks, ")) {
		g->scanned = true;
		g->stacks_mib = first;
		if (!line_u32_then(c, LINE_MIB_MAX, &g->globals_mib, " MB globals, ") ||
		    !line_u32(c, LINE_PROCS_MAX, &first))
			return false;
	}
	if (!line_is(c, " P"))
		return false;
	if (first == 0 || first > LINE_PROCS_MAX)
		return line_range(c);
	g->procs = first;
	g->forced = line_may(c, " (forced)", 2);
	return !g->forced || line_is(c, " (forced)");
}

static bool cycle_meant(struct line_cursor c, bool line_begins)
{
	uint64_t n;
	if (line_at(&c, "#"))
		c.p++;
	if (!line_digit(&c))
		return false;
	line_number(&c, UINT64_MAX, &n);
	return line_begins || line_at(&c, " @");
}

bool gcs_cycle_line(struct line_cursor *c, bool line_begins, bool *meant,
		    struct gcs_gctrace_cycle *ret)
{
	*ret = (struct gcs_gctrace_cycle){0};
	*meant = line_try(c, "gc ") && cycle_meant(*c, line_begins);
	return *meant && cycle_head(c, ret) && cycle_clock(c, ret) && cycle_cpu(c, ret) &&
	       cycle_heap(c, ret) && cycle_tail(c, ret);
}
