/* counts.c: a strip of counts over time; see view.h. */
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

/* What is more than nothing is at least an eighth of a row. */
static void counts_bar(struct tui_canvas *c, const struct tui_box *plot, int col, const struct counts_col *v, uint32_t top)
{
	uint64_t steps = (uint64_t)plot->rows * 8;
	int eighths = v->count ? (int)(v->count * steps / top) : 0;
	eighths = v->count && eighths == 0 ? 1 : eighths;
	for (int row = plot->rows - 1; row >= 0 && eighths > 0; row--, eighths -= 8)
		tui_put(c, plot, row, col, v->armed ? TUI_FAULT : TUI_BAR, 0x2580u + (uint32_t)(eighths >= 8 ? 8 : eighths));
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
	struct tui_axis a = tui_axis(s, st, box->cols - COUNTS_LABEL - 1, 1);
	int nf = (int)s->scenario->nfaults, marks = nf > 1 && box->rows >= COUNTS_SINGLY + nf ? nf : nf > 0 && box->rows > 3;
	int timed = box->rows >= COUNTS_TIMED;
	struct tui_box chart = {box->row + 1, box->col, box->rows - 1 - timed - marks, box->cols};
	struct tui_box plot = {chart.row, box->col + COUNTS_LABEL, chart.rows, box->cols - COUNTS_LABEL - 1};
	struct tui_box axis = {chart.row + chart.rows, plot.col, timed, plot.cols}, below = {axis.row + timed, box->col, marks, box->cols};
	struct tui_span span = {(int64_t)a.first * s->cell_ns, (int64_t)a.per_col * s->cell_ns, (int)a.ncols};
	char per[TUI_NUMBER], text[96];
	uint32_t most = 1;
	snprintf(text, sizeof text, "%s, most per %s", title, tui_duration(per, span.col_ns));
	tui_rule(c, box, 0, text);
	for (uint32_t col = 0; col < a.ncols; col++) {
		uint32_t n = counts_col(s, &a, col, count).count;
		most = n > most ? n : most;
	}
	counts_axis(c, &chart, counts_top(most));
	for (uint32_t col = 0; col < a.ncols; col++) {
		struct counts_col v = counts_col(s, &a, col, count);
		counts_bar(c, &plot, (int)col, &v, counts_top(most));
	}
	if (timed && span.col_ns > 0)
		tui_span_axis(c, &axis, 0, &span);
	counts_faults(c, &below, s, &a, count);
}
