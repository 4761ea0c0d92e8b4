/*
 * view_pauses.c: the pauses screen: a heat map of how many there were of which length, and the pauses of the cell under the cursor,
 * each with the firing that it is due to.
 *
 * The map counts every one, from the histograms of closed windows. Single ones are known of those that the record has rows of: the
 * longest of each kind and the first of each window; the list says how many of the cell's it has. Operations have none.
 */
#include "tui/format.h"
#include "tui/heat_grid.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PAUSES_LABEL 7	  /* columns of the length axis */
#define PAUSES_LISTED 256 /* longest first */
#define PAUSES_SIDE 36
#define PAUSES_SIDE_FROM 112 /* columns from which on there is a side panel */

enum { PANE_MAP, PANE_LIST, PAUSES_PANES };

static const char *const pauses_name[TUI_KINDS] = {[TUI_KIND_STW] = "stw", [TUI_KIND_STOPPING] = "stopping", [TUI_KIND_ASSIST] = "assist",
						   [TUI_KIND_WAKE] = "wake", [TUI_KIND_OP] = "op"};
static const char *const pauses_what[TUI_KINDS] = {[TUI_KIND_STW] = "stops", [TUI_KIND_STOPPING] = "stops", [TUI_KIND_ASSIST] = "assists",
						   [TUI_KIND_WAKE] = "late wakes", [TUI_KIND_OP] = "operations"};

const char *const tui_pauses_reading[] = {
	"  A cell counts what ended in that time and was that long; its glyph says how",
	"  many. ^ and > point at the cursor's cell; ! among the faults is where you",
	"  are in a record. Below: the cell's pauses, longest first, each with its",
	"  collection and the firing that it is due to: fault and occurrence, visit",
	"  and worker (w). Every pause is counted; listed are the longest of the run",
	"  and the first of each window. Operations are counted only.",
	NULL,
};

/* ---------------------------------------------------------------- where things are */

struct pauses_layout { struct tui_box map, list, side; bool has_map, has_list, has_side; };

static int pauses_pane(const struct tui_state *st)
{
	return st->pane % PAUSES_PANES;
}

/* The map with its rule, its axis and the row of faults; the list with its rule. */
static struct pauses_layout pauses_layout(const struct tui_box *box, const struct tui_state *st, bool whole)
{
	struct pauses_layout l = {.has_map = true, .has_list = true, .has_side = whole && box->cols >= PAUSES_SIDE_FROM};
	int cols = l.has_side ? box->cols - PAUSES_SIDE - 1 : box->cols, rows = box->rows;
	int map = pauses_pane(st) == PANE_LIST ? rows * 5 / 10 : rows * 7 / 10;
	if (!whole) {
		l.has_map = pauses_pane(st) == PANE_MAP;
		l.has_list = !l.has_map;
		map = l.has_map ? rows : 0;
	}
	l.map = (struct tui_box){box->row, box->col, map, cols};
	l.list = (struct tui_box){box->row + map, box->col, rows - map, cols};
	l.side = (struct tui_box){box->row, box->col + cols + 1, rows, PAUSES_SIDE};
	return l;
}

/* The list gets the rows that the map does not need. */
static void pauses_fit(struct pauses_layout *l, const struct heat_grid *g)
{
	int spare = l->map.rows - (g->nrows + 3);
	if (!l->has_map || !l->has_list || spare <= 0)
		return;
	l->map.rows -= spare;
	l->list.row -= spare;
	l->list.rows += spare;
}

static struct heat_grid pauses_grid(const struct gcs_snapshot *s, const struct tui_state *st, const struct pauses_layout *l)
{
	int rows = (l->has_map ? l->map.rows : l->list.rows) - 3; /* rule, axis, faults */
	return heat_grid(s, st, rows, l->map.cols - PAUSES_LABEL - 1);
}

/* ---------------------------------------------------------------- the pauses of a cell */

struct pauses_list { int n; uint64_t known; const struct gcs_pause_row *row[PAUSES_LISTED]; };

/* Keeps the list in order, longest first. */
static void pauses_insert(struct pauses_list *l, const struct gcs_pause_row *p, enum gcs_heat_kind kind)
{
	int64_t length_ns = heat_grid_length(p, kind);
	int low = 0, high = l->n;
	while (low < high) {
		int middle = (low + high) / 2;
		if (heat_grid_length(l->row[middle], kind) >= length_ns)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == PAUSES_LISTED)
		return;
	l->n += l->n < PAUSES_LISTED;
	memmove(&l->row[low + 1], &l->row[low], (size_t)(l->n - low - 1) * sizeof(const struct gcs_pause_row *));
	l->row[low] = p;
}

static void pauses_collect(const struct gcs_snapshot *s, const struct heat_grid *g, struct pauses_list *ret)
{
	const struct gcs_history *h = s->history;
	int64_t from_ns, to_ns, low_ns, high_ns;
	ret->n = 0;
	ret->known = 0;
	if (!g->heat)
		return;
	heat_grid_times(g, g->col, &from_ns, &to_ns);
	heat_grid_lengths(g, g->row, &low_ns, &high_ns);
	for (uint32_t i = 0; i < h->npauses; i++) {
		const struct gcs_pause_row *p = &h->pause[i];
		int64_t length_ns = heat_grid_length(p, g->kind);
		if (length_ns < low_ns || length_ns > high_ns || length_ns < 0 || p->t_ns < from_ns || p->t_ns >= to_ns)
			continue;
		ret->known++;
		pauses_insert(ret, p, g->kind);
	}
}

/* ---------------------------------------------------------------- the map */

/* 0: none. ASCII: twice as many a step; else four times. */
static uint32_t pauses_glyph(const struct tui_canvas *c, uint64_t n)
{
	static const char ascii[] = " .:-=+*#%@";
	static const uint32_t shade[] = {' ', 0x00b7, 0x2591, 0x2592, 0x2593, 0x2588};
	int step = 0;
	for (int by = c->ascii ? 1 : 2; n > 0; n >>= by)
		step++;
	if (c->ascii)
		return (uint32_t)ascii[step > 9 ? 9 : step];
	return shade[step > 5 ? 5 : step];
}

static void pauses_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			 const struct tui_state *st, const struct heat_grid *g)
{
	char per[TUI_NUMBER];
	tui_rule(c, box, 0, NULL);
	int col = tui_print(c, box, 0, 1, TUI_TITLE, " PAUSES ");
	for (int k = 0; k < TUI_KINDS; k++)
		col = tui_print(c, box, 0, col, k == (int)st->kind ? TUI_CURSOR : TUI_DIM, k == (int)st->kind ? "[%s]" : " %s ",
				pauses_name[k]);
	if (!g->heat)
		return;
	tui_duration(per, (int64_t)g->per_col * g->heat->col_ns);
	tui_print(c, box, 0, col, TUI_TITLE, " %s a column, %s%s ", per,
		  c->ascii ? ".:-=+*#%@ x2 a step" : "\xc2\xb7\xe2\x96\x91\xe2\x96\x92\xe2\x96\x93\xe2\x96\x88 x4 a step",
		  s->playback.active && box->cols > 96 ? ", whole record" : "");
}

static void pauses_lengths(struct tui_canvas *c, const struct tui_box *map, const struct heat_grid *g)
{
	for (int row = 0; row < g->nrows; row++) {
		int at = map->rows - 1 - row, heat_row = g->low + row * g->per_row;
		tui_put(c, map, at, PAUSES_LABEL - 1, TUI_RULE, 0x2502);
		if (heat_row % GCS_HEAT_PER_DECADE == 0)
			tui_print(c, map, at, 0, TUI_DIM, "%5g", pow(10, heat_row / GCS_HEAT_PER_DECADE + GCS_HEAT_LOW_EXP - 6));
		if (row == g->row)
			tui_put(c, map, at, PAUSES_LABEL - 1, TUI_TITLE, '>');
	}
}

/* Faults armed and fired in a stretch of time. */
static void pauses_armed(const struct gcs_history *h, int64_t from_ns, int64_t to_ns, uint32_t *ret_armed, uint32_t *ret_fired)
{
	*ret_armed = *ret_fired = 0;
	for (int64_t i = from_ns / h->cell_ns; i <= (to_ns - 1) / h->cell_ns && i < (int64_t)h->ncells; i++) {
		*ret_armed |= h->cell[i].faults_armed;
		*ret_fired |= h->cell[i].faults_fired;
	}
}

/* Counts, and below the axis which faults there were. */
static void pauses_column(struct tui_canvas *c, const struct tui_box *plot, const struct gcs_snapshot *s, const struct heat_grid *g,
			  int col)
{
	int64_t from_ns, to_ns;
	uint32_t armed = 0, fired = 0;
	heat_grid_times(g, col, &from_ns, &to_ns);
	if (s->history->cell_ns > 0)
		pauses_armed(s->history, from_ns, to_ns, &armed, &fired);
	for (int row = 0; row < g->nrows; row++) {
		uint64_t n = heat_grid_count(g, col, row);
		bool cursor = col == g->col && row == g->row;
		enum tui_role role = cursor ? TUI_CURSOR : armed ? TUI_FAULT : TUI_BAR;
		for (int k = 0; k < g->wide && (n > 0 || cursor); k++)
			tui_put(c, plot, g->nrows - 1 - row, col * g->wide + k, role, pauses_glyph(c, n));
	}
	bool here = s->playback.active && s->now_ns >= from_ns && s->now_ns < to_ns;
	for (int k = 0; k < g->wide; k++)
		tui_put(c, plot, g->nrows + 1, col * g->wide + k, here ? TUI_TITLE : TUI_FAULT, here ? '!' : fired ? 'O' : armed ? '=' : ' ');
}

static void pauses_map(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st,
		       const struct heat_grid *g)
{
	pauses_title(c, box, s, st, g);
	if (!g->heat) {
		tui_print(c, box, 1, 1, TUI_DIM, "no %s so far; K: another kind", pauses_what[st->kind]);
		return;
	}
	struct tui_box map = {box->row + 1, box->col, g->nrows, box->cols};
	struct tui_box plot = {map.row, box->col + PAUSES_LABEL, g->nrows + 2, box->cols - PAUSES_LABEL};
	struct tui_span span = {(int64_t)g->first * g->heat->col_ns, (int64_t)g->per_col * g->heat->col_ns / g->wide, g->ncols * g->wide};
	pauses_lengths(c, &map, g);
	tui_span_axis(c, &plot, g->nrows, &span);
	for (int col = 0; col < g->ncols; col++)
		pauses_column(c, &plot, s, g, col);
	for (int k = 0; k < g->wide; k++)
		tui_put(c, &plot, g->nrows, g->col * g->wide + k, TUI_CURSOR, '^');
	struct tui_box label = {map.row + g->nrows, box->col, 2, PAUSES_LABEL};
	tui_print(c, &label, 0, 0, TUI_DIM, "%5s", "ms");
	tui_print(c, &label, 1, 0, TUI_FAULT, "%s", s->scenario->nfaults ? "faults" : "");
}

/* ---------------------------------------------------------------- the list */

static void pauses_cell_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			      const struct tui_state *st, const struct heat_grid *g, const struct pauses_list *l)
{
	char from[TUI_NUMBER], to[TUI_NUMBER], low[TUI_NUMBER], high[TUI_NUMBER], n[TUI_NUMBER], known[48] = "";
	int64_t from_ns, to_ns, low_ns, high_ns;
	uint64_t count = heat_grid_count(g, g->col, g->row);
	(void)s;
	tui_rule(c, box, 0, NULL);
	if (pauses_pane(st) == PANE_LIST)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	heat_grid_times(g, g->col, &from_ns, &to_ns);
	heat_grid_lengths(g, g->row, &low_ns, &high_ns);
	if (g->kind != GCS_HEAT_OP && l->known < count)
		snprintf(known, sizeof known, ", %" PRIu64 " of them known one by one", l->known);
	tui_print(c, box, 0, 1, TUI_TITLE, " %s to %s, %s%s%s: %s %.*s%s ", tui_clock_fine(from, from_ns), tui_clock_fine(to, to_ns),
		  tui_duration(low, low_ns), high_ns == INT64_MAX ? " and more" : " to ",
		  high_ns == INT64_MAX ? "" : tui_duration(high, high_ns + 1), tui_count(n, count),
		  (int)strlen(pauses_what[st->kind]) - (count == 1), pauses_what[st->kind], known);
}

static void pauses_row(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s,
		       const struct gcs_pause_row *p, enum gcs_heat_kind kind, bool chosen)
{
	char t[TUI_NUMBER], a[TUI_NUMBER], b[TUI_NUMBER], due[64];
	int col = tui_print(c, box, row, 0, chosen ? TUI_CURSOR : TUI_KEY, "%s", chosen ? ">" : " ");
	col = tui_print(c, box, row, col, TUI_DIM, "%10s ", tui_clock_milli(t, p->t_ns));
	col = tui_print(c, box, row, col, TUI_TITLE, "%9s ", tui_duration(a, heat_grid_length(p, kind)));
	if (p->kind == GCS_PAUSE_STW && p->stopping_ns >= 0)
		col = tui_print(c, box, row, col, TUI_PLAIN, " stop %s + %s", tui_duration(a, p->stopping_ns),
				tui_duration(b, p->dur_ns - p->stopping_ns));
	col = col < 44 && box->cols >= 80 ? 44 : col + 1;
	if (p->cycle)
		col = tui_print(c, box, row, col, TUI_DIM, "GC#%u ", p->cycle);
	tui_due(s, p, due, sizeof due);
	tui_print(c, box, row, col < 54 && box->cols >= 80 ? 54 : col, due[0] ? TUI_FAULT : TUI_DIM, "%s", due[0] ? due : "no firing behind it");
}

/* The first of the list that is shown. */
static int pauses_top(int at, int room)
{
	return at >= room ? at - room + 1 : 0;
}

static void pauses_list_draw(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			     const struct tui_state *st, const struct heat_grid *g)
{
	struct pauses_list l;
	if (!g->heat)
		return;
	pauses_collect(s, g, &l);
	pauses_cell_title(c, box, s, st, g, &l);
	int room = box->rows - 1, at = st->heat.list >= l.n ? l.n - 1 : st->heat.list, top = pauses_top(at, room);
	for (int i = top; i < l.n && i - top < room; i++)
		pauses_row(c, box, 1 + i - top, s, l.row[i], g->kind, pauses_pane(st) == PANE_LIST && i == at);
	if (l.n == 0)
		tui_print(c, box, 1, 1, TUI_DIM, "%s",
			  g->kind == GCS_HEAT_OP ? "operations are counted, not listed"
			  : heat_grid_count(g, g->col, g->row) ? "none of them has a row of its own: routine ones of a busy window"
							       : "nothing was that long then");
}

/* ---------------------------------------------------------------- the screen */

void tui_view_pauses(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	struct pauses_layout l = pauses_layout(box, st, tui_frame_whole(c->rows, c->cols));
	struct heat_grid g = pauses_grid(s, st, &l);
	pauses_fit(&l, &g);
	if (l.has_map)
		pauses_map(c, &l.map, s, st, &g);
	if (l.has_list)
		pauses_list_draw(c, &l.list, s, st, &g);
	if (!l.has_side)
		return;
	for (int row = 0; row < box->rows; row++)
		tui_put(c, box, row, l.side.col - box->col - 1, TUI_RULE, 0x2502);
	struct tui_box pcts = l.side, rec = l.side;
	pcts.rows = 9;
	rec.row += 9;
	rec.rows -= 9;
	tui_view_percentiles(c, &pcts, s, st);
	tui_view_recovery(c, &rec, s, st);
}

static struct gcs_request pauses_enter(struct tui_state *st, const struct gcs_snapshot *s, const struct heat_grid *g)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	struct pauses_list l;
	if (pauses_pane(st) == PANE_MAP) {
		st->pane = PANE_LIST;
		st->heat.list = 0;
		return none;
	}
	pauses_collect(s, g, &l);
	if (!s->playback.active || l.n == 0)
		return none;
	const struct gcs_pause_row *p = l.row[st->heat.list < l.n ? st->heat.list : l.n - 1];
	return (struct gcs_request){.act = GCS_DO_SEEK, .by_ns = p->t_ns - s->now_ns};
}

static void pauses_choose(struct tui_state *st, const struct gcs_snapshot *s, const struct heat_grid *g, int by)
{
	struct pauses_list l;
	pauses_collect(s, g, &l);
	int to = st->heat.list + by;
	to = to >= l.n ? l.n - 1 : to;
	st->heat.list = to < 0 ? 0 : to;
}

static void pauses_worst(struct tui_state *st, const struct gcs_snapshot *s, const struct pauses_layout *l)
{
	st->heat.placed = false; /* is there */
	st->heat.list = 0;
	struct heat_grid g = pauses_grid(s, st, l);
	if (g.heat)
		heat_grid_place(&g, st, g.col, g.row);
}

static void pauses_move(struct tui_state *st, const struct gcs_snapshot *s, const struct heat_grid *g, int cols, int rows)
{
	if (pauses_pane(st) == PANE_LIST)
		pauses_choose(st, s, g, -rows);
	else
		heat_grid_place(g, st, g->col + cols, g->row + rows);
}

struct gcs_request tui_pauses_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	struct tui_box box = tui_frame_body(s, st);
	struct pauses_layout l = pauses_layout(&box, st, st->rows == 0 || tui_frame_whole(st->rows, st->cols));
	struct heat_grid g = pauses_grid(s, st, &l);
	if (command == TUI_DO_PANE_NEXT || command == TUI_DO_PANE_PREV)
		st->pane = (pauses_pane(st) + 1) % PAUSES_PANES;
	if (!g.heat)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	switch (command) {
	case TUI_DO_LEFT: pauses_move(st, s, &g, -1, 0); break;
	case TUI_DO_RIGHT: pauses_move(st, s, &g, 1, 0); break;
	case TUI_DO_UP: pauses_move(st, s, &g, 0, 1); break;
	case TUI_DO_DOWN: pauses_move(st, s, &g, 0, -1); break;
	case TUI_DO_ZOOM_IN: st->heat.zoom += g.per_col > 1; break;
	case TUI_DO_ZOOM_OUT: st->heat.zoom -= st->heat.zoom > 0; break;
	case TUI_DO_WORST_CELL: pauses_worst(st, s, &l); break;
	case TUI_DO_ENTER: return pauses_enter(st, s, &g);
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* ---------------------------------------------------------------- the mouse */

static void pauses_press_map(struct tui_state *st, const struct pauses_layout *l, const struct heat_grid *g, int row, int col)
{
	int place = (col - PAUSES_LABEL) / g->wide, length = g->nrows - row; /* row 0 is the rule */
	if (col < PAUSES_LABEL || place >= g->ncols || length < 0 || length >= g->nrows || col >= l->map.cols)
		return;
	st->pane = PANE_MAP;
	heat_grid_place(g, st, place, length);
}

static void pauses_press_list(struct tui_state *st, const struct gcs_snapshot *s, const struct pauses_layout *l,
			      const struct heat_grid *g, int row)
{
	struct pauses_list list;
	pauses_collect(s, g, &list);
	int chosen = st->heat.list >= list.n ? list.n - 1 : st->heat.list, at = pauses_top(chosen, l->list.rows - 1) + row - 1;
	st->pane = PANE_LIST;
	if (row >= 1 && at < list.n)
		st->heat.list = at;
}

struct gcs_request tui_pauses_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct pauses_layout l = pauses_layout(box, st, tui_frame_whole(st->rows, st->cols));
	struct heat_grid g = pauses_grid(s, st, &l);
	pauses_fit(&l, &g);
	bool in_list = l.has_list && at.row >= l.list.row - box->row, up = at.act == TUI_MOUSE_WHEEL_UP;
	if (!g.heat || at.col >= l.map.cols)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	if (at.act == TUI_MOUSE_PRESS && in_list)
		pauses_press_list(st, s, &l, &g, at.row - (l.list.row - box->row));
	else if (at.act == TUI_MOUSE_PRESS)
		pauses_press_map(st, &l, &g, at.row, at.col);
	else if (in_list)
		pauses_choose(st, s, &g, up ? -1 : 1);
	else
		return tui_pauses_command(st, s, up ? TUI_DO_ZOOM_IN : TUI_DO_ZOOM_OUT);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
