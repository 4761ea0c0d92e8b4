/* heat_grid.c: see heat_grid.h. */
#include "tui/heat_grid.h"

#define GRID_WIDE_MAX 4

_Static_assert((int)TUI_KINDS == (int)GCS_HEAT_KINDS && (int)TUI_KIND_WAKE == (int)GCS_HEAT_WAKE &&
		       (int)TUI_KIND_STOPPING == (int)GCS_HEAT_STOPPING && (int)TUI_KIND_OP == (int)GCS_HEAT_OP,
	       "kinds of the screen are those of the heat");

enum gcs_heat_kind heat_grid_kind(enum tui_kind kind)
{
	return (enum gcs_heat_kind)kind;
}

int64_t heat_grid_length(const struct gcs_pause_row *p, enum gcs_heat_kind kind)
{
	static const int pause_kind[GCS_HEAT_KINDS] = {[GCS_HEAT_STW] = GCS_PAUSE_STW, [GCS_HEAT_STOPPING] = GCS_PAUSE_STW,
						       [GCS_HEAT_ASSIST] = GCS_PAUSE_ASSIST, [GCS_HEAT_WAKE] = GCS_PAUSE_WAKE,
						       [GCS_HEAT_OP] = -1};
	if (p->kind != pause_kind[kind])
		return -1;
	return kind == GCS_HEAT_STOPPING ? p->stopping_ns : p->dur_ns;
}

/* The column of the longest that is known by itself, if it is in the map yet; else *col stands. */
static void grid_longest(const struct gcs_history *h, enum gcs_heat_kind kind, uint32_t *col)
{
	int64_t longest_ns = 0;
	for (uint32_t i = 0; i < h->npauses; i++) {
		int64_t ns = heat_grid_length(&h->pause[i], kind);
		if (ns <= longest_ns || h->pause[i].t_ns < 0 || h->pause[i].t_ns >= h->heat.end_ns)
			continue;
		longest_ns = ns;
		*col = (uint32_t)(h->pause[i].t_ns / h->heat.col_ns);
	}
}

/* The lowest and highest row that holds anything, and the newest column of the highest. false: nothing does. */
static bool grid_extent(const struct heat_grid *g, int *ret_low, int *ret_high, uint32_t *ret_col)
{
	int low = GCS_HEAT_ROWS, high = -1;
	for (uint32_t col = 0; col < g->heat->ncols; col++) {
		const uint32_t *count = g->heat->count[g->kind][col];
		for (int row = 0; row < low; row++)
			low = count[row] ? row : low;
		int top = GCS_HEAT_ROWS - 1;
		while (top > 0 && count[top] == 0)
			top--;
		if (count[top] && top >= high) {
			high = top;
			*ret_col = col;
		}
	}
	*ret_low = low;
	*ret_high = high;
	return high >= 0;
}

/* Whole decades, at least two. */
static void grid_rows(struct heat_grid *g, int low, int high, int rows)
{
	static const int per_row[] = {1, 2, 5, 10};
	int from = low / GCS_HEAT_PER_DECADE * GCS_HEAT_PER_DECADE, to = (high / GCS_HEAT_PER_DECADE + 1) * GCS_HEAT_PER_DECADE;
	if (to - from < 2 * GCS_HEAT_PER_DECADE)
		from = to >= 2 * GCS_HEAT_PER_DECADE ? to - 2 * GCS_HEAT_PER_DECADE : 0;
	g->per_row = GCS_HEAT_PER_DECADE;
	for (int i = 3; i >= 0; i--)
		if ((to - from + per_row[i] - 1) / per_row[i] <= rows)
			g->per_row = per_row[i];
	g->nrows = (to - from) / g->per_row;
	g->low = from;
	if (g->nrows > rows) { /* what is long is kept in sight */
		g->low = to - rows * g->per_row;
		g->nrows = rows;
	}
}

static void grid_cols(struct heat_grid *g, int zoom, uint32_t cursor, int cols)
{
	uint32_t all = g->heat->ncols, room = (uint32_t)cols, shown = all >> zoom;
	shown = shown < room ? (room < all ? room : all) : shown;
	g->per_col = (shown + room - 1) / room;
	uint32_t places = (all + g->per_col - 1) / g->per_col, at = cursor / g->per_col;
	uint32_t start = places <= room || at < room / 2 ? 0 : at - room / 2;
	start = places > room && start > places - room ? places - room : start;
	g->first = start * g->per_col;
	g->ncols = (int)(places < room ? places : room);
	g->wide = cols / g->ncols;
	g->wide = g->wide > GRID_WIDE_MAX ? GRID_WIDE_MAX : g->wide;
}

struct heat_grid heat_grid(const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols)
{
	struct heat_grid g = {.kind = heat_grid_kind(st->kind)}, none = g;
	int low = 0, high = 0;
	uint32_t newest = 0;
	if (!s->history || rows < 1 || cols < 1)
		return none;
	g.heat = &s->history->heat;
	if (!grid_extent(&g, &low, &high, &newest))
		return none;
	grid_longest(s->history, g.kind, &newest);
	int64_t at = st->heat.placed ? st->heat.at_ns / g.heat->col_ns : newest;
	uint32_t last = g.heat->ncols - 1, cursor = at < 0 ? 0 : at > (int64_t)last ? last : (uint32_t)at;
	int row = st->heat.placed ? st->heat.row : high;
	grid_rows(&g, low, high, rows);
	grid_cols(&g, st->heat.zoom, cursor, cols);
	g.col = (int)((cursor - g.first) / g.per_col);
	g.col = g.col >= g.ncols ? g.ncols - 1 : g.col;
	row = row < g.low ? 0 : (row - g.low) / g.per_row;
	g.row = row >= g.nrows ? g.nrows - 1 : row;
	return g;
}

uint64_t heat_grid_count(const struct heat_grid *g, int col, int row)
{
	uint32_t from = g->first + (uint32_t)col * g->per_col;
	int low = g->low + row * g->per_row;
	uint64_t n = 0;
	for (uint32_t i = from; i < from + g->per_col && i < g->heat->ncols; i++)
		for (int k = low; k < low + g->per_row && k < GCS_HEAT_ROWS; k++)
			n += g->heat->count[g->kind][i][k];
	return n;
}

void heat_grid_times(const struct heat_grid *g, int col, int64_t *ret_from_ns, int64_t *ret_to_ns)
{
	*ret_from_ns = (int64_t)(g->first + (uint32_t)col * g->per_col) * g->heat->col_ns;
	*ret_to_ns = *ret_from_ns + (int64_t)g->per_col * g->heat->col_ns;
}

void heat_grid_lengths(const struct heat_grid *g, int row, int64_t *ret_low_ns, int64_t *ret_high_ns)
{
	int64_t unused;
	int low = g->low + row * g->per_row, high = low + g->per_row - 1;
	gcs_heat_bounds((uint32_t)low, ret_low_ns, &unused);
	gcs_heat_bounds((uint32_t)(high < GCS_HEAT_ROWS ? high : GCS_HEAT_ROWS - 1), &unused, ret_high_ns);
}

void heat_grid_place(const struct heat_grid *g, struct tui_state *st, int col, int row)
{
	col = col < 0 ? 0 : col >= g->ncols ? g->ncols - 1 : col;
	row = row < 0 ? 0 : row >= g->nrows ? g->nrows - 1 : row;
	int64_t from_ns, to_ns;
	heat_grid_times(g, col, &from_ns, &to_ns);
	st->heat.placed = true;
	st->heat.at_ns = from_ns + (to_ns - from_ns) / 2;
	st->heat.row = g->low + row * g->per_row + g->per_row / 2;
	st->heat.list = 0;
}
