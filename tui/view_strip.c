/*
 * view_strip.c: the pause strip: the longest pause of each column on a logarithmic axis, an eighth of a
 * row being the smallest step, and under it which faults were armed and fired. With dots (dots.h) a column is
 * two, each with a maximum of its own, and a quarter of a row the smallest step.
 */
#include "tui/dots.h"
#include "tui/format.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>

static const char *const strip_title[TUI_KINDS] = {
	[TUI_KIND_STW] = "STW PAUSE ms",
	[TUI_KIND_STOPPING] = "TIME TO STOP ms",
	[TUI_KIND_ASSIST] = "MARK ASSIST ms",
	[TUI_KIND_WAKE] = "NETPOLL WAKE LAG ms",
	[TUI_KIND_OP] = "OPERATION P99 ms",
};

struct strip_col { int64_t value_ns; uint32_t armed, fired; };

static struct strip_col strip_col(const struct gcs_snapshot *s, const struct tui_axis *a, uint32_t col,
				  enum tui_kind kind)
{
	struct strip_col r = {0, 0, 0};
	for (uint32_t i = a->first + col * a->per_col; i < a->first + (col + 1) * a->per_col && i < s->ncells; i++) {
		int64_t v = tui_cell_value(&s->cell[i], kind);
		r.value_ns = v > r.value_ns ? v : r.value_ns;
		r.armed |= s->cell[i].faults_armed;
		r.fired |= s->cell[i].faults_fired;
	}
	return r;
}

/* Decades that hold all values: at least two, from 1 µs. */
static void strip_decades(const struct gcs_snapshot *s, const struct tui_axis *a, enum tui_kind kind, int *ret_low,
			  int *ret_high)
{
	int64_t low = INT64_MAX, high = 0;
	for (uint32_t col = 0; col < a->ncols; col++) {
		int64_t v = strip_col(s, a, col, kind).value_ns;
		if (v > 0 && v < low)
			low = v;
		if (v > high)
			high = v;
	}
	*ret_low = high == 0 ? 4 : (int)floor(log10((double)low));
	*ret_high = high == 0 ? 6 : (int)floor(log10((double)high)) + 1;
	if (*ret_low < 3)
		*ret_low = 3;
	if (*ret_high < *ret_low + 2)
		*ret_high = *ret_low + 2;
}

static void strip_axis(struct tui_canvas *c, const struct tui_box *box, int low, int high)
{
	for (int row = 0; row < box->rows; row++)
		tui_put(c, box, row, 6, TUI_RULE, 0x2502);
	for (int d = low; d <= high; d++) {
		int row = box->rows - 1 - (d - low) * (box->rows - 1) / (high - low);
		char label[16];
		snprintf(label, sizeof label, "%g", pow(10, d - 6));
		tui_print(c, box, row, 0, TUI_DIM, "%5s", label);
	}
}

/* How many of so many steps a value is high, from 1 at the foot of the axis to all of them at its top; none: 0. */
static int strip_steps(int64_t v, int low, int high, int steps)
{
	return v <= 0 ? 0 : (int)lround((log10((double)v) - low) / (high - low) * (steps - 1)) + 1;
}

static void strip_bar(struct tui_canvas *c, const struct tui_box *plot, int col, int eighths, enum tui_role role)
{
	for (int row = plot->rows - 1; row >= 0 && eighths > 0; row--, eighths -= 8)
		tui_put(c, plot, row, col, role, 0x2580u + (uint32_t)(eighths >= 8 ? 8 : eighths));
}

/* What was longest while a fault was armed comes last: a cell of two columns has its colour then. */
static void strip_dots(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, struct tui_axis a,
		       enum tui_kind kind, int low, int high)
{
	struct tui_axis half = tui_axis_parts(a, TUI_DOTS_WIDE);
	for (int armed = 0; armed < 2; armed++)
		for (uint32_t x = 0; x < half.ncols; x++) {
			struct strip_col v = strip_col(s, &half, x, kind);
			if ((v.armed != 0) == (armed != 0))
				tui_dots_bar(c, plot, (int)x, strip_steps(v.value_ns, low, high, plot->rows * TUI_DOTS_HIGH),
					     armed ? TUI_FAULT : TUI_BAR);
		}
}

static void strip_bars(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, struct tui_axis a,
		       enum tui_kind kind, int low, int high)
{
	for (uint32_t col = 0; col < a.ncols; col++) {
		struct strip_col v = strip_col(s, &a, col, kind);
		strip_bar(c, plot, (int)col, strip_steps(v.value_ns, low, high, plot->rows * 8), v.armed ? TUI_FAULT : TUI_BAR);
	}
}

/* One row a fault when there is room, else one for all: '=' armed, O fired. */
static void strip_marks(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			const struct tui_axis *a, int rows)
{
	uint32_t n = s->scenario->nfaults;
	bool each = rows > 1;
	for (int row = 0; row < rows; row++) {
		uint32_t mask = each ? 1u << row : ~0u;
		if (each && (uint32_t)row >= n)
			return;
		tui_print(c, &(struct tui_box){box->row + row, box->col, 1, 7}, 0, 0, TUI_FAULT, "%.6s",
			  each ? s->fault[row].id : "faults");
		for (uint32_t col = 0; col < a->ncols; col++) {
			struct strip_col v = strip_col(s, a, col, TUI_KIND_STW);
			if (v.fired & mask)
				tui_put(c, box, row, 7 + (int)col, TUI_FAULT, 'O');
			else if (v.armed & mask)
				tui_put(c, box, row, 7 + (int)col, TUI_FAULT, '=');
		}
	}
}

void tui_view_strip(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		    const struct tui_state *st)
{
	bool dots = tui_dots_wanted(c);
	uint32_t parts = dots ? TUI_DOTS_WIDE : 1;
	struct tui_axis a = tui_axis(s, st, box->cols - 8, parts);
	int nf = (int)s->scenario->nfaults;
	int marks = nf > 1 && box->rows >= 8 + nf ? nf : nf > 0 ? 1 : 0;
	struct tui_box chart = {box->row + 1, box->col, box->rows - 1 - marks, box->cols};
	struct tui_box plot = {chart.row, box->col + 7, chart.rows, box->cols - 8};
	struct tui_box below = {chart.row + chart.rows, box->col, marks, box->cols};
	int low, high;

	char per[TUI_NUMBER], title[96];
	tui_duration(per, s->cell_ns * (int64_t)(a.per_col / parts));
	snprintf(title, sizeof title, "%s, log, max per %s", strip_title[st->kind], per);
	tui_rule(c, box, 0, title);
	struct tui_axis bars = tui_axis_parts(a, parts);
	strip_decades(s, &bars, st->kind, &low, &high);
	strip_axis(c, &chart, low, high);
	(dots ? strip_dots : strip_bars)(c, &plot, s, a, st->kind, low, high);
	strip_marks(c, &below, s, &a, marks);
}
