/* heat.c: see heat.h. */
#include "harness/measure/heat.h"

#include "harness/measure/metric.h"

#include <stdbool.h>
#include <string.h>

/* ---------------------------------------------------------------- rows */

/* Where rows begin within a decade: 10^(k/10), in thousandths. */
static const uint64_t heat_step_milli[GCS_HEAT_PER_DECADE] = {1000, 1259, 1585, 1995, 2512, 3162, 3981, 5012, 6310, 7943};

/* Where a row nominally begins. */
static uint64_t heat_begin_ns(uint32_t row)
{
	uint64_t ns = heat_step_milli[row % GCS_HEAT_PER_DECADE];
	for (uint32_t d = 0; d < row / GCS_HEAT_PER_DECADE; d++)
		ns *= 10;
	return ns / 10; /* thousandths of 10^GCS_HEAT_LOW_EXP */
}
_Static_assert(GCS_HEAT_LOW_EXP == 2, "heat_begin_ns divides by 1000 / 10^GCS_HEAT_LOW_EXP");

static uint32_t heat_row_of_cell(uint32_t cell)
{
	uint64_t top_ns = watch_hist_cell_top(cell);
	uint32_t low = 0, high = GCS_HEAT_ROWS;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;
		if (heat_begin_ns(middle) <= top_ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint32_t gcs_heat_row(int64_t ns)
{
	return heat_row_of_cell(watch_hist_index(ns < 0 ? 0 : (uint64_t)ns));
}

/* The first cell of a row: the first whose highest length is not below the row's beginning. */
static uint32_t heat_first_cell(uint32_t row)
{
	return row == 0 ? 0 : row >= GCS_HEAT_ROWS ? WATCH_HIST_CELLS : watch_hist_index(heat_begin_ns(row));
}

void gcs_heat_bounds(uint32_t row, int64_t *ret_low_ns, int64_t *ret_high_ns)
{
	uint32_t first = heat_first_cell(row), next = heat_first_cell(row + 1);
	*ret_low_ns = first ? (int64_t)watch_hist_cell_top(first - 1) + 1 : 0;
	*ret_high_ns = next < WATCH_HIST_CELLS ? (int64_t)watch_hist_cell_top(next - 1) : INT64_MAX;
}

/* ---------------------------------------------------------------- columns */

static void heat_add(uint32_t *to, uint64_t n)
{
	*to = n > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)n;
}

void gcs_heat_init(struct gcs_heat *h, int64_t window_ns)
{
	memset(h, 0, sizeof *h);
	h->col_ns = window_ns > 0 ? window_ns : 1000000000;
}

static void heat_join(uint32_t to[GCS_HEAT_ROWS], const uint32_t from[GCS_HEAT_ROWS])
{
	for (uint32_t row = 0; row < GCS_HEAT_ROWS; row++)
		heat_add(&to[row], from[row]);
}

static void heat_halve(struct gcs_heat *h)
{
	for (int kind = 0; kind < GCS_HEAT_KINDS; kind++) {
		uint32_t(*col)[GCS_HEAT_ROWS] = h->count[kind];
		for (uint32_t i = 0; i < h->ncols; i++) {
			if (i % 2)
				heat_join(col[i / 2], col[i]);
			else if (i > 0)
				memcpy(col[i / 2], col[i], sizeof col[0]);
		}
		uint32_t kept = (h->ncols + 1) / 2;
		memset(col[kept], 0, (h->ncols - kept) * sizeof col[0]);
	}
	h->ncols = (h->ncols + 1) / 2;
	h->col_ns *= 2;
}

static void heat_put(uint32_t col[GCS_HEAT_ROWS], const struct watch_hist_sum *hist)
{
	if (!hist || hist->count == 0)
		return;
	uint32_t row = 0, next = heat_first_cell(1), end = watch_hist_index(hist->max_ns) + 1;
	for (uint32_t cell = 0; cell < end; cell++) {
		if (hist->cell[cell] == 0)
			continue;
		while (cell >= next)
			next = heat_first_cell(++row + 1);
		heat_add(&col[row], hist->cell[cell]);
	}
}

void gcs_heat_window(struct gcs_heat *h, int64_t start_ns, int64_t end_ns, const struct gcs_measure *m, uint32_t nworkloads)
{
	static const enum gcs_series series[] = {
		[GCS_HEAT_STW] = GCS_STW,
		[GCS_HEAT_STOPPING] = GCS_STOPPING,
		[GCS_HEAT_ASSIST] = GCS_ASSIST,
		[GCS_HEAT_WAKE] = GCS_WAKE,
	};
	if (start_ns < 0 || end_ns <= start_ns)
		return;
	int64_t middle_ns = start_ns + (end_ns - start_ns) / 2;
	while (end_ns - start_ns > h->col_ns || middle_ns / h->col_ns >= GCS_HEAT_COLS)
		heat_halve(h);
	uint32_t at = (uint32_t)(middle_ns / h->col_ns);
	for (int kind = 0; kind < GCS_HEAT_OP; kind++)
		heat_put(h->count[kind][at], m->series[series[kind]]);
	for (uint32_t w = 0; w < nworkloads; w++)
		heat_put(h->count[GCS_HEAT_OP][at], m->op[w]);
	h->ncols = at >= h->ncols ? at + 1 : h->ncols;
	h->end_ns = end_ns > h->end_ns ? end_ns : h->end_ns;
}
