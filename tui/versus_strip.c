/* versus_strip.c: see versus_strip.h. */
#include "tui/versus_strip.h"

#include "tui/format.h"

#include <math.h>
#include <stdio.h>

#define STRIP_ZOOM_MAX 16

static bool strip_drawn(const struct gcs_versus_side *side)
{
	return side->history && side->history->cell_ns > 0;
}

struct versus_at versus_at(const struct gcs_versus_side *side, enum tui_kind kind, int64_t from_ns, int64_t to_ns)
{
	struct versus_at at = {-1, 0, 0};
	if (!strip_drawn(side) || from_ns >= side->end_ns)
		return at;
	const struct gcs_history *h = side->history;
	at.value_ns = 0;
	for (int64_t i = from_ns / h->cell_ns; i <= (to_ns - 1) / h->cell_ns && i < (int64_t)h->ncells; i++) {
		int64_t value_ns = tui_cell_value(&h->cell[i], kind);
		at.value_ns = value_ns > at.value_ns ? value_ns : at.value_ns;
		at.armed |= h->cell[i].faults_armed;
		at.fired |= h->cell[i].faults_fired;
	}
	return at;
}

int64_t versus_end(const struct gcs_versus *v)
{
	int64_t a_ns = v->side[GCS_VERSUS_A].end_ns, b_ns = v->side[GCS_VERSUS_B].end_ns, end_ns = a_ns > b_ns ? a_ns : b_ns;
	return end_ns > 1 ? end_ns : 1;
}

int64_t versus_worst(const struct gcs_versus *v, enum tui_kind kind)
{
	int64_t at_ns = 0, longest_ns = 0;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		const struct gcs_history *h = v->side[side].history;
		for (uint32_t i = 0; strip_drawn(&v->side[side]) && i < h->ncells; i++) {
			int64_t value_ns = tui_cell_value(&h->cell[i], kind);
			if (value_ns <= longest_ns)
				continue;
			longest_ns = value_ns;
			at_ns = i * h->cell_ns + h->cell_ns / 2;
		}
	}
	return at_ns;
}

int64_t versus_cursor(const struct gcs_versus *v, const struct tui_state *st)
{
	int64_t at_ns = st->versus.placed ? st->versus.at_ns : versus_worst(v, st->kind), last_ns = versus_end(v) - 1;
	return at_ns < 0 ? 0 : at_ns > last_ns ? last_ns : at_ns;
}

/* Of one side: the nearest edge beyond t. */
static int64_t strip_edge(const struct gcs_versus_side *side, int64_t t_ns, bool forward)
{
	const struct gcs_history *h = side->history;
	int64_t found_ns = -1;
	for (uint32_t i = 1; strip_drawn(side) && i < h->ncells; i++) {
		int64_t at_ns = i * h->cell_ns;
		if (h->cell[i].faults_armed == h->cell[i - 1].faults_armed || (forward ? at_ns <= t_ns : at_ns >= t_ns))
			continue;
		if (forward)
			return at_ns;
		found_ns = at_ns;
	}
	return found_ns;
}

int64_t versus_edge(const struct gcs_versus *v, int64_t t_ns, bool forward)
{
	int64_t a_ns = strip_edge(&v->side[GCS_VERSUS_A], t_ns, forward), b_ns = strip_edge(&v->side[GCS_VERSUS_B], t_ns, forward);
	if (a_ns < 0 || b_ns < 0)
		return a_ns < 0 ? b_ns : a_ns;
	return (a_ns < b_ns) == forward ? a_ns : b_ns;
}

struct tui_span versus_span(const struct gcs_versus *v, const struct tui_state *st, int cols)
{
	int64_t end_ns = versus_end(v), cursor_ns = versus_cursor(v, st);
	int zoom = st->versus.zoom < STRIP_ZOOM_MAX ? st->versus.zoom : STRIP_ZOOM_MAX;
	cols = cols < 1 ? 1 : cols;
	int64_t col_ns = ((end_ns >> zoom) + cols - 1) / cols, from_ns = 0;
	col_ns = col_ns < 1 ? 1 : col_ns;
	if (zoom) {
		from_ns = cursor_ns - col_ns * cols / 2;
		from_ns = from_ns > end_ns - col_ns * cols ? end_ns - col_ns * cols : from_ns;
		from_ns = from_ns < 0 ? 0 : from_ns;
	}
	return (struct tui_span){from_ns, col_ns, cols};
}

/* ---------------------------------------------------------------- the picture */

static struct versus_at strip_col(const struct gcs_versus_side *side, enum tui_kind kind, const struct tui_span *span, int col)
{
	int64_t from_ns = span->from_ns + col * span->col_ns;
	return versus_at(side, kind, from_ns, from_ns + span->col_ns);
}

/* Decades that hold what is in sight of both: two at least, from 1 us. */
static void strip_decades(const struct gcs_versus *v, enum tui_kind kind, const struct tui_span *span, int *ret_low, int *ret_high)
{
	int64_t low_ns = INT64_MAX, high_ns = 0;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (int col = 0; col < span->cols; col++) {
			int64_t value_ns = strip_col(&v->side[side], kind, span, col).value_ns;
			low_ns = value_ns > 0 && value_ns < low_ns ? value_ns : low_ns;
			high_ns = value_ns > high_ns ? value_ns : high_ns;
		}
	*ret_low = high_ns ? (int)floor(log10((double)low_ns)) : 4;
	*ret_low = *ret_low < 3 ? 3 : *ret_low;
	*ret_high = high_ns ? (int)floor(log10((double)high_ns)) + 1 : 6;
	*ret_high = *ret_high < *ret_low + 2 ? *ret_low + 2 : *ret_high;
}

static void strip_bar(struct tui_canvas *c, const struct tui_box *plot, int col, const struct versus_at *at, int low, int high)
{
	double share = at->value_ns > 0 ? (log10((double)at->value_ns) - low) / (high - low) : 0;
	int eighths = at->value_ns > 0 ? (int)lround((share > 0 ? share : 0) * (plot->rows * 8 - 1)) + 1 : 0;
	for (int row = plot->rows - 1; row >= 0 && eighths > 0; row--, eighths -= 8)
		tui_put(c, plot, row, col, at->armed ? TUI_FAULT : TUI_BAR, 0x2580u + (uint32_t)(eighths >= 8 ? 8 : eighths));
}

static void strip_lengths(struct tui_canvas *c, const struct tui_box *box, int low, int high)
{
	for (int row = 0; row < box->rows; row++)
		tui_put(c, box, row, VERSUS_STRIP_LABEL - 1, TUI_RULE, 0x2502);
	tui_print(c, box, 0, 1, TUI_DIM, "%5g", pow(10, high - 6));
	if (box->rows > 1)
		tui_print(c, box, box->rows - 1, 1, TUI_DIM, "%5g", pow(10, low - 6));
}

/* A strip of `rows`, and under it its faults: = armed, O fired. */
static void strip_side(struct tui_canvas *c, const struct tui_box *box, int at_row, int rows, const struct gcs_versus *v, int side,
		       const struct tui_state *st, const struct tui_span *span, int low, int high)
{
	struct tui_box chart = {box->row + at_row, box->col, rows, box->cols};
	struct tui_box plot = {chart.row, box->col + VERSUS_STRIP_LABEL, rows, box->cols - VERSUS_STRIP_LABEL};
	struct tui_box marks = {chart.row + rows, plot.col, 1, plot.cols};
	int64_t cursor = tui_span_col(span, versus_cursor(v, st));
	strip_lengths(c, &chart, low, high);
	tui_print(c, &chart, 0, 0, TUI_TITLE, "%c", 'A' + side);
	tui_print(c, box, at_row + rows, 0, TUI_FAULT, "faults");
	for (int col = 0; col < span->cols; col++) {
		struct versus_at at = strip_col(&v->side[side], st->kind, span, col);
		if (col == cursor)
			for (int row = 0; row < rows; row++)
				tui_put(c, &plot, row, col, TUI_CURSOR, c->ascii ? ':' : 0x250a);
		strip_bar(c, &plot, col, &at, low, high);
		if (at.fired || at.armed)
			tui_put(c, &marks, 0, col, TUI_FAULT, at.fired ? 'O' : '=');
	}
	if (!strip_drawn(&v->side[side]))
		tui_print(c, &plot, 0, 1, TUI_DIM, "there is no picture of this record");
}

void versus_strips(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v, const struct tui_state *st)
{
	struct tui_span span = versus_span(v, st, box->cols - VERSUS_STRIP_LABEL - 1);
	struct tui_box axis = {box->row, box->col + VERSUS_STRIP_LABEL, box->rows, box->cols - VERSUS_STRIP_LABEL};
	int rows = (box->rows - 3) / 2, low, high;
	if (rows < 1)
		return;
	strip_decades(v, st->kind, &span, &low, &high);
	strip_side(c, box, 0, rows, v, GCS_VERSUS_A, st, &span, low, high);
	tui_print(c, box, rows + 1, 1, TUI_DIM, "%4s", "ms");
	tui_span_axis(c, &axis, rows + 1, &span);
	tui_put(c, &axis, rows + 1, (int)tui_span_col(&span, versus_cursor(v, st)), TUI_CURSOR, '^');
	strip_side(c, box, rows + 2, rows, v, GCS_VERSUS_B, st, &span, low, high);
}
