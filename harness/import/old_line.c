/*
 * old_line.c: see old_line.h.
 */
#include "harness/import/old_line.h"

/* ` -> `, as JSON and HTML write it too. */
static bool old_arrow(struct line_cursor *c)
{
	return line_is(c, " ") && line_arrow(c) && line_is(c, " ");
}

static bool old_clock(struct line_cursor *c, struct gcs_gctrace_old *g)
{
	uint64_t part[4];
	do {
		if (!line_number(c, LINE_MS_MAX, &part[g->parts++]))
			return false;
	} while (g->parts < 4 && line_try(c, "+"));
	if (g->parts < 3)
		return line_fail(c);
	for (unsigned i = 0; i < g->parts; i++) {
		g->part_ns[i] = (int64_t)part[i] * (g->parts == 3 ? 1000000 : 1000);
		g->pause_ns += g->part_ns[i];
	}
	return line_is(c, g->parts == 3 ? " ms, " : " us, ");
}

/* `9 -> 8 MB 152494 -> 5295 (355981-350686) objects, ` or `2 -> 4 MB, 77327 (…) objects, ` */
static bool old_heap(struct line_cursor *c, struct gcs_gctrace_old *g)
{
	if (!line_u32(c, LINE_MIB_MAX, &g->heap_first_mib) || !old_arrow(c) ||
	    !line_u32_then(c, LINE_MIB_MAX, &g->heap_second_mib, " MB"))
		return false;
	g->swept = g->parts == 3 && !line_at(c, ",");
	if (!line_is(c, g->swept ? " " : ", "))
		return false;
	if (g->swept && (!line_number(c, UINT64_MAX, &g->objects_first) || !old_arrow(c)))
		return false;
	return line_number_then(c, UINT64_MAX, &g->objects, " (") &&
	       line_number_then(c, UINT64_MAX, &g->allocated, "-") &&
	       line_number_then(c, UINT64_MAX, &g->freed, ") objects, ");
}

/* `33 goroutines, ` and `77/12/0 sweeps, `; up to the first number of the handoff. */
static bool old_sweeps(struct line_cursor *c, struct gcs_gctrace_old *g, uint64_t *ret_first)
{
	if (!line_number(c, UINT64_MAX, ret_first))
		return false;
	if (g->parts == 4 && line_try(c, " goroutines, ")) {
		g->has_goroutines = true;
		g->goroutines = *ret_first;
		if (!line_number(c, UINT64_MAX, ret_first))
			return false;
	}
	if (!g->swept && line_try(c, "/")) {
		g->has_sweeps = true;
		g->spans = *ret_first;
		return line_number_then(c, UINT64_MAX, &g->swept_background, "/") &&
		       line_number_then(c, UINT64_MAX, &g->swept_paused, " sweeps, ") &&
		       line_number(c, UINT64_MAX, ret_first);
	}
	return true;
}

/* `17(1319) handoff, 6(35) steal, 69/0/0 yields`, its first number read. */
static bool old_work(struct line_cursor *c, struct gcs_gctrace_old *g, uint64_t first)
{
	g->handoffs = first;
	if (!line_is(c, "(") ||
	    !line_number_then(c, UINT64_MAX, &g->handoff_objects, ") handoff, ") ||
	    !line_number(c, UINT64_MAX, &first))
		return false;
	if (line_try(c, "(")) {
		g->has_steals = true;
		g->steals = first;
		if (!line_number_then(c, UINT64_MAX, &g->steal_objects, ") steal, ") ||
		    !line_number(c, UINT64_MAX, &first))
			return false;
	}
	g->yields_spin = first;
	return line_is(c, "/") && line_number_then(c, UINT64_MAX, &g->yields_os, "/") &&
	       line_number_then(c, UINT64_MAX, &g->sleeps, " yields");
}

bool gcs_old_line(struct line_cursor *c, bool *meant, struct gcs_gctrace_old *ret)
{
	uint64_t first;
	*ret = (struct gcs_gctrace_old){0};
	*meant = line_try(c, "gc") && line_number_then(c, UINT64_MAX, &ret->number, "(") &&
		 line_u32_then(c, LINE_PROCS_MAX, &ret->markers, "):");
	return *meant && line_is(c, " ") && old_clock(c, ret) && old_heap(c, ret) &&
	       old_sweeps(c, ret, &first) && old_work(c, ret, first);
}
