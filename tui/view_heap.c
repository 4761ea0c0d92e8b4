/* view_heap.c: the live heap's saw-tooth with its goal, on a linear axis: bars with dashes above them, or dots (dots.h), two columns to a cell. */
#include "tui/dots.h"
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

#define HEAP_LIMIT_TIMES 3u /* a memory limit up to so many times what else is shown makes the axis longer */

struct heap_col { uint64_t low, high, goal; };

static struct heap_col heap_col(const struct gcs_snapshot *s, const struct tui_axis *a, uint32_t col)
{
	struct heap_col r = {UINT64_MAX, 0, 0};
	for (uint32_t i = a->first + col * a->per_col; i < a->first + (col + 1) * a->per_col && i < s->ncells; i++) {
		const struct gcs_cell *cell = &s->cell[i];
		if (cell->heap_live_max == 0)
			continue;
		r.low = cell->heap_live_min < r.low ? cell->heap_live_min : r.low;
		r.high = cell->heap_live_max > r.high ? cell->heap_live_max : r.high;
		r.goal = cell->heap_goal > r.goal ? cell->heap_goal : r.goal;
	}
	return r;
}

/* The next round figure (1, 2, 5 times a power of two mebibytes would confuse: plain powers and halves). */
static uint64_t heap_top(uint64_t max)
{
	uint64_t top = 4u << 20;
	while (top < max)
		top = top % 3 == 0 ? top / 3 * 4 : top / 2 * 3;
	return top;
}

/* Of so many steps, how many a size is high. */
static int heap_steps(uint64_t bytes, int steps, uint64_t top)
{
	return (int)(bytes / 8 * (uint64_t)steps / (top / 8)); /* a limit can be so high that the product would not fit */
}

static void heap_bars(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, struct tui_axis a, uint64_t top)
{
	int steps = plot->rows * 8;
	for (uint32_t col = 0; col < a.ncols; col++) {
		struct heap_col v = heap_col(s, &a, col);
		int full = (int)(v.high * (uint64_t)steps / top);
		for (int row = plot->rows - 1, left = full; row >= 0 && left > 0; row--, left -= 8)
			tui_put(c, plot, row, (int)col, TUI_HEAP, 0x2580u + (uint32_t)(left >= 8 ? 8 : left));
		int goal = heap_steps(v.goal, steps, top);
		int row = plot->rows - 1 - (goal - 1) / 8;
		if (v.goal > 0 && v.goal <= top && (full + 7) / 8 < plot->rows - row)
			tui_put(c, plot, row, (int)col, TUI_GOAL, '-');
	}
}

/* The goal is a line of dots over the bars where there is a gap between them. A cell that has both is of the heap's colour. */
static void heap_dots(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, struct tui_axis a, uint64_t top)
{
	int steps = plot->rows * TUI_DOTS_HIGH;
	struct tui_axis half = tui_axis_parts(a, TUI_DOTS_WIDE);
	for (uint32_t x = 0; x < half.ncols; x++) {
		struct heap_col v = heap_col(s, &half, x);
		int goal = heap_steps(v.goal, steps, top);
		if (v.goal > 0 && v.goal <= top && goal > heap_steps(v.high, steps, top) + 1)
			tui_dot(c, plot, (int)x, steps - goal, TUI_GOAL);
	}
	for (uint32_t x = 0; x < half.ncols; x++)
		tui_dots_bar(c, plot, (int)x, heap_steps(heap_col(s, &half, x).high, steps, top), TUI_HEAP);
}

static bool heap_limited(const struct gcs_snapshot *s)
{
	return s->memlimit > 0 && s->memlimit < INT64_MAX; /* beyond: none, as math.MaxInt64 is to Go */
}

/* The memory limit behind bars and goal. It is of all memory, so the heap stays below it. */
static void heap_limit(struct tui_canvas *c, const struct tui_box *plot, uint64_t limit, uint64_t top)
{
	char n[TUI_NUMBER];
	int row = plot->rows - 1 - (heap_steps(limit, plot->rows * 8, top) - 1) / 8;
	for (int col = 0; col < plot->cols; col++)
		tui_put(c, plot, row, col, TUI_DIM, 0x00b7);
	tui_print(c, plot, row, 1, TUI_DIM, " limit %s ", tui_mib(n, limit));
}

/* A limit beyond the picture is told in words; they stand closer then, for 80 columns. */
static void heap_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, bool beyond)
{
	char live[TUI_NUMBER], goal[TUI_NUMBER], rss[TUI_NUMBER], limit[TUI_NUMBER], title[128];
	const char *gap = beyond ? " " : "  ";
	snprintf(title, sizeof title, "HEAP MiB%slive %s%sgoal %s%s%s%s%s%s%s", gap, tui_mib(live, s->heap_live), gap,
		 s->heap_goal == UINT64_MAX ? "off" : tui_mib(goal, s->heap_goal), s->rss ? gap : "", s->rss ? "rss " : "",
		 s->rss ? tui_mib(rss, s->rss) : "", /* a simulated target has none */
		 beyond ? gap : "", beyond ? "limit " : "", beyond ? tui_mib(limit, s->memlimit) : "");
	tui_rule(c, box, 0, title);
}

void tui_view_heap(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	bool dots = tui_dots_wanted(c);
	struct tui_axis a = tui_axis(s, st, box->cols - 8, dots ? TUI_DOTS_WIDE : 1);
	struct tui_box plot = {box->row + 1, box->col + 7, box->rows - 1, box->cols - 8};
	struct tui_box axis = {box->row + 1, box->col, box->rows - 1, 7};
	char n[TUI_NUMBER];
	uint64_t max = 0;
	for (uint32_t col = 0; col < a.ncols; col++) {
		struct heap_col v = heap_col(s, &a, col);
		max = v.high > max ? v.high : max;
		if (v.goal != UINT64_MAX && v.goal > max)
			max = v.goal;
	}
	bool limited = heap_limited(s);
	if (limited && s->memlimit <= HEAP_LIMIT_TIMES * max)
		max = s->memlimit > max ? s->memlimit : max;
	uint64_t top = heap_top(max);
	bool drawn = limited && s->memlimit <= top;
	heap_title(c, box, s, limited && !drawn);
	for (int row = 0; row < plot.rows; row++)
		tui_put(c, &axis, row, 6, TUI_RULE, 0x2502);
	tui_print(c, &axis, 0, 0, TUI_DIM, "%5s", tui_mib(n, top));
	tui_print(c, &axis, plot.rows - 1, 0, TUI_DIM, "%5s", "0");
	if (drawn)
		heap_limit(c, &plot, s->memlimit, top);
	(dots ? heap_dots : heap_bars)(c, &plot, s, a, top);
}
