/* counts.c: a strip of counts over time, in bars or in dots (dots.h), two columns to a cell; see view.h. */
#include "tui/dots.h"
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

#define COUNTS_LABEL 7	 /* columns of the axis, as the strip of pauses has them */
#define COUNTS_TIMED 6	 /* rows from which on there is one for the time */
#define COUNTS_SINGLY 10 /* rows beside those of the faults from which on each fault has its own */

struct counts_col { uint32_t count, armed, fired; };

static struct counts_col counts_col(const struct gcs_snapshot *s, const struct tui_axis *a, uint32_t col, tui_count_fn *count)
{
	struct counts_col r = {0, 0, 0};
	for (uint32_t i = a->first + col * a->per_col; i < a->first + (col + 1) * a->per_col && i < s->ncells; i++) {
		uint32_t n = count(&s->cell[i]);
		r.count = n > r.count ? n : r.count;
		r.armed |= s->cell[i].faults_armed;
		r.fired |= s->cell[i].faults_fired;
	}
	return r;
}

/* 1, 2, 5, 10, 20, ... that is not less. */
static uint32_t counts_top(uint32_t most)
{
	uint64_t decade = 1;
	while (decade * 10 <= most)
		decade *= 10;
	return (uint32_t)(most <= decade ? decade : most <= 2 * decade ? 2 * decade : most <= 5 * decade ? 5 * decade : 10 * decade);
}

static void counts_axis(struct tui_canvas *c, const struct tui_box *chart, uint32_t top)
{
	char n[TUI_NUMBER];
	for (int row = 0; row < chart->rows; row++)
		tui_put(c, chart, row, COUNTS_LABEL - 1, TUI_RULE, 0x2502);
	tui_print(c, chart, 0, 0, TUI_DIM, "%5s", tui_rate(n, top));
	if (chart->rows > 1)
		tui_print(c, chart, chart->rows - 1, 0, TUI_DIM, "%5d", 0);
}

/* How many of so many steps a count is high; what is more than nothing is at least one. */
static int counts_steps(uint32_t count, uint32_t top, int steps)
{
	int high = (int)((uint64_t)count * (uint64_t)steps / top);
	return count && high == 0 ? 1 : high;
}

static void counts_bar(struct tui_canvas *c, const struct tui_box *plot, int col, int eighths, enum tui_role role)
{
	for (int row = plot->rows - 1; row >= 0 && eighths > 0; row--, eighths -= 8)
		tui_put(c, plot, row, col, role, 0x2580u + (uint32_t)(eighths >= 8 ? 8 : eighths));
}

/* What was while a fault was armed comes last: a cell of two columns has its colour then. */
static void counts_bars(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, const struct tui_axis *bars,
			uint32_t top, tui_count_fn *count)
{
	bool dots = tui_dots_wanted(c);
	for (int armed = 0; armed < 2; armed++)
		for (uint32_t col = 0; col < bars->ncols; col++) {
			struct counts_col v = counts_col(s, bars, col, count);
			int high = counts_steps(v.count, top, plot->rows * (dots ? TUI_DOTS_HIGH : 8));
			if ((v.armed != 0) == (armed != 0))
				(dots ? tui_dots_bar : counts_bar)(c, plot, (int)col, high, armed ? TUI_FAULT : TUI_BAR);
		}
}

static void counts_faults(struct tui_canvas *c, const struct tui_box *marks, const struct gcs_snapshot *s, const struct tui_axis *a,
			  tui_count_fn *count)
{
	for (int row = 0; row < marks->rows; row++) {
		bool each = marks->rows > 1;
		uint32_t mask = each ? 1u << row : ~0u;
		struct tui_box name = {marks->row + row, marks->col, 1, COUNTS_LABEL};
		tui_print(c, &name, 0, 0, TUI_FAULT, "%.6s", each ? s->fault[row].id : "faults");
		for (uint32_t col = 0; col < a->ncols; col++) {
			struct counts_col v = counts_col(s, a, col, count);
			if ((v.fired | v.armed) & mask)
				tui_put(c, marks, row, COUNTS_LABEL + (int)col, TUI_FAULT, v.fired & mask ? 'O' : '=');
		}
	}
}

void tui_counts(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st,
		const char *title, tui_count_fn *count)
{
	uint32_t parts = tui_dots_wanted(c) ? TUI_DOTS_WIDE : 1;
	struct tui_axis a = tui_axis(s, st, box->cols - COUNTS_LABEL - 1, parts), bars = tui_axis_parts(a, parts);
	int nf = (int)s->scenario->nfaults, marks = nf > 1 && box->rows >= COUNTS_SINGLY + nf ? nf : nf > 0 && box->rows > 3;
	int timed = box->rows >= COUNTS_TIMED;
	struct tui_box chart = {box->row + 1, box->col, box->rows - 1 - timed - marks, box->cols};
	struct tui_box plot = {chart.row, box->col + COUNTS_LABEL, chart.rows, box->cols - COUNTS_LABEL - 1};
	struct tui_box axis = {chart.row + chart.rows, plot.col, timed, plot.cols}, below = {axis.row + timed, box->col, marks, box->cols};
	struct tui_span span = {(int64_t)a.first * s->cell_ns, (int64_t)a.per_col * s->cell_ns, (int)a.ncols};
	char per[TUI_NUMBER], text[96];
	uint32_t most = 1;
	snprintf(text, sizeof text, "%s, most per %s", title, tui_duration(per, span.col_ns / (int64_t)parts));
	tui_rule(c, box, 0, text);
	for (uint32_t col = 0; col < bars.ncols; col++) {
		uint32_t n = counts_col(s, &bars, col, count).count;
		most = n > most ? n : most;
	}
	counts_axis(c, &chart, counts_top(most));
	counts_bars(c, &plot, s, &bars, counts_top(most), count);
	if (timed && span.col_ns > 0)
		tui_span_axis(c, &axis, 0, &span);
	counts_faults(c, &below, s, &a, count);
}
