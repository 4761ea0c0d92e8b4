/*
 * view_maps.c: the maps screen: each map that a worker has at hand, how far from its next growth it is and how far the one that goes on
 * has come; what the figures of the chosen one mean; and how many were growing, over time, with the faults.
 */
#include "tui/format.h"
#include "tui/map_facts.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAPS_DETAIL	 (1 + MAP_FACTS_LINES) /* rows, rule included */
#define MAPS_STRIP	 6		       /* likewise, at the least */
#define MAPS_STRIP_MOST	 16
#define MAPS_BESIDE_FROM 158 /* columns from which on the detail stands beside the strip */

enum { PANE_TABLE, PANE_DETAIL, PANE_STRIP, MAPS_PANES };

const char *const tui_maps_reading[] = {
	"  A row is the map that a worker has at hand, as it stood when it last",
	"  looked. load: entries a bucket; the bar is full at 6.5, where a new key",
	"  doubles the map (Swiss: 7 of a group's 8 slots). overflow: buckets, and how",
	"  near they are to a same-size growth (Swiss: tombstones). growing: x2 or",
	"  same, and how much of the old buckets is evacuated, by Go's mark. x2/same:",
	"  growths that the worker's maps have begun so far. Bars: # all, : half a",
	"  step, . none. Below: what that means for the chosen map; how many maps were",
	"  growing when; = a fault was armed, O it fired.",
	NULL,
};

/* ---------------------------------------------------------------- which maps */

static int maps_count(const struct gcs_snapshot *s)
{
	return s->nmaps < GCS_MAPS_SHOWN ? (int)s->nmaps : GCS_MAPS_SHOWN;
}

enum maps_order { BY_WORKER, BY_LOAD, BY_OVERFLOW, BY_ENTRY, MAPS_ORDERS };

/* What is largest comes first; in thousandths of where it grows, or bytes. */
static uint64_t maps_weight(const struct gcs_map_view *m, int order)
{
	uint64_t load = map_facts_load_limit_milli(m), overflow = map_facts_overflow_limit(m);
	switch (order) {
	case BY_LOAD: return load ? m->load_milli * 1000 / load : m->amended && m->dirty ? m->misses * 1000 / m->dirty : 0;
	case BY_OVERFLOW: return overflow ? m->overflow * 1000 / overflow : 0;
	case BY_ENTRY: return m->count ? m->bytes / m->count : m->bytes;
	default: return 0;
	}
}

/* Places in s->map in the order of the table; those of equal weight stay by workload, then worker. */
static void maps_sort(const struct gcs_snapshot *s, const struct tui_state *st, int ret[GCS_MAPS_SHOWN])
{
	for (int i = 0; i < maps_count(s); i++) {
		uint64_t weight = maps_weight(&s->map[i], st->maps.order);
		int at = i;
		for (; at > 0 && maps_weight(&s->map[ret[at - 1]], st->maps.order) < weight; at--)
			ret[at] = ret[at - 1];
		ret[at] = i;
	}
}

/* The one that was chosen; if it is gone, the next of its workload; -1: there is none. */
static int maps_chosen(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int n = maps_count(s), first[GCS_MAPS_SHOWN] = {0};
	for (int i = 0; i < n && st->maps.placed; i++)
		if (s->map[i].workload > st->maps.workload ||
		    (s->map[i].workload == st->maps.workload && s->map[i].worker >= st->maps.worker))
			return i;
	if (!st->maps.placed)
		maps_sort(s, st, first);
	return n == 0 ? -1 : st->maps.placed ? n - 1 : first[0];
}

/* Its row in the table. */
static int maps_at(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int sorted[GCS_MAPS_SHOWN], chosen = maps_chosen(s, st);
	maps_sort(s, st, sorted);
	for (int i = 0; i < maps_count(s); i++)
		if (sorted[i] == chosen)
			return i;
	return -1;
}

/* The one in a row. */
static void maps_choose(struct tui_state *st, const struct gcs_snapshot *s, int to)
{
	int n = maps_count(s), sorted[GCS_MAPS_SHOWN];
	to = to >= n ? n - 1 : to < 0 ? 0 : to;
	if (n == 0)
		return;
	maps_sort(s, st, sorted);
	st->maps.placed = true;
	st->maps.workload = s->map[sorted[to]].workload;
	st->maps.worker = s->map[sorted[to]].worker;
}

static const char *maps_name(const struct gcs_snapshot *s, const struct gcs_map_view *m, char *ret, size_t cap)
{
	const char *id = m->workload < s->scenario->nworkloads ? s->work[m->workload].id : "?";
	snprintf(ret, cap, "%s/%" PRIu32, id, m->worker);
	return ret;
}

static int maps_growing(const struct gcs_snapshot *s)
{
	int growing = 0;
	for (int i = 0; i < maps_count(s); i++)
		growing += s->map[i].growing != GCS_MAP_STILL;
	return growing;
}

/* Why there is nothing to see. */
static const char *maps_why(const struct gcs_snapshot *s)
{
	static const char *const drivers[] = {"map-churn", "sync-map", "echo"};
	bool any = s->scenario->nworkloads == 0; /* exec: what it does is not known */
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		for (size_t k = 0; k < sizeof drivers / sizeof drivers[0]; k++)
			any |= s->scenario->workload[i].driver && strcmp(s->scenario->workload[i].driver, drivers[k]) == 0;
	if (!any)
		return "no workload of this run has a map (drivers map-churn, sync-map, echo do)";
	if (gcs_scenario_runtime(s->scenario) != GCS_RUNTIME_EMBEDDED)
		return "nothing is known of the maps: this target has not told of them";
	return s->playback.active ? "the record has no look at a map at this moment" : "no worker has looked at its map yet";
}

/* ---------------------------------------------------------------- where things are */

struct maps_layout { struct tui_box table, detail, strip; };

static struct maps_layout maps_layout(const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st, bool whole)
{
	struct maps_layout l = {{0}, {0}, {0}};
	struct tui_box *pane[MAPS_PANES] = {&l.table, &l.detail, &l.strip};
	if (!whole) {
		*pane[st->pane % MAPS_PANES] = *box;
		return l;
	}
	bool beside = box->cols >= MAPS_BESIDE_FROM;
	int under = beside ? MAPS_STRIP : MAPS_DETAIL + MAPS_STRIP, spare = box->rows - under - 2 - maps_count(s);
	int strip = spare <= 0 ? MAPS_STRIP : MAPS_STRIP + spare < MAPS_STRIP_MOST ? MAPS_STRIP + spare : MAPS_STRIP_MOST;
	int detail_cols = beside ? MAP_FACTS_COLS + 1 : box->cols;
	l.strip = (struct tui_box){box->row + box->rows - strip, box->col, strip, beside ? box->cols - detail_cols - 1 : box->cols};
	l.detail = (struct tui_box){l.strip.row - MAPS_DETAIL, box->col, MAPS_DETAIL, detail_cols};
	if (beside)
		l.detail = (struct tui_box){l.strip.row, box->col + box->cols - detail_cols, strip, detail_cols};
	l.table = (struct tui_box){box->row, box->col, (beside ? l.strip.row : l.detail.row) - box->row, box->cols};
	return l;
}

/* ---------------------------------------------------------------- the table */

enum maps_field { COL_NAME, COL_KIND, COL_ENTRIES, COL_B, COL_LOAD, COL_OVERFLOW, COL_GROWTH, COL_BYTES, COL_EACH, COL_GROWN, MAPS_COLS };

/* Together they fill 80 columns; the last two are for wider terminals, and what is left over goes to the bars. */
#define MAPS_COLS_LEAST 79 /* after the mark of the chosen one */
static const struct { const char *head; int cols; bool bar; } maps_field[MAPS_COLS] = {
	[COL_NAME] = {"map", 11, false},	    [COL_KIND] = {"kind", 8, false},   [COL_ENTRIES] = {"entries", 10, false},
	[COL_B] = {"B", 3, false},		    [COL_LOAD] = {"load", 12, true},   [COL_OVERFLOW] = {"overflow", 12, false},
	[COL_GROWTH] = {"growing", 17, true}, [COL_BYTES] = {"bytes", 6, false}, [COL_EACH] = {"B/entry", 8, false},
	[COL_GROWN] = {"x2/same", 11, false},
};

/* Where a field is in a row; no columns: it is not shown, for the head of a figure is not to be taken for the whole. */
static struct tui_box maps_cell(const struct tui_box *table, int row, enum maps_field field)
{
	bool wide = table->cols >= 1 + MAPS_COLS_LEAST + maps_field[COL_EACH].cols + maps_field[COL_GROWN].cols;
	int used = MAPS_COLS_LEAST + (wide ? maps_field[COL_EACH].cols + maps_field[COL_GROWN].cols : 0), col = 1;
	int more = table->cols > used + 1 ? (table->cols - used - 1) / 3 : 0; /* for each bar, and the name */
	more = more > 16 ? 16 : more;
	for (int i = 0; i < MAPS_COLS; i++) {
		bool hidden = i > COL_BYTES && !wide;
		int cols = hidden ? 0 : maps_field[i].cols + (maps_field[i].bar || i == COL_NAME ? more : 0);
		if (i == (int)field)
			return (struct tui_box){table->row + row, table->col + col, 1, col + cols <= table->cols ? cols : 0};
		col += cols;
	}
	return (struct tui_box){0};
}

static void maps_head(struct tui_canvas *c, const struct tui_box *table)
{
	for (int i = 0; i < MAPS_COLS; i++) {
		struct tui_box cell = maps_cell(table, 1, (enum maps_field)i);
		if (i == COL_NAME || i == COL_KIND)
			tui_print(c, &cell, 0, 0, TUI_DIM, "%s", maps_field[i].head);
		else if (maps_field[i].bar)
			tui_print(c, &cell, 0, 1, TUI_DIM, "%s", maps_field[i].head);
		else
			tui_print_right(c, &cell, 0, 0, TUI_DIM, "%s", maps_field[i].head);
	}
}

/* A bar with its figure behind it. */
static void maps_bar(struct tui_canvas *c, const struct tui_box *cell, int from, enum tui_role role, uint64_t part, uint64_t whole,
		     const char *figure)
{
	int bar = cell->cols - from - 5;
	if (bar > 0)
		tui_meter(c, cell, 0, from, bar, role, part, whole);
	tui_print_right(c, cell, 0, 0, role == TUI_BAR ? TUI_PLAIN : role, "%s", figure);
}

static void maps_load(struct tui_canvas *c, const struct tui_box *cell, const struct gcs_map_view *m)
{
	char figure[TUI_NUMBER];
	uint64_t limit = map_facts_load_limit_milli(m);
	snprintf(figure, sizeof figure, "%" PRIu64 ".%02" PRIu64, m->load_milli / 1000, m->load_milli / 10 % 100);
	maps_bar(c, cell, 1, map_facts_residue(m) ? TUI_WARN : TUI_BAR, m->load_milli, limit, figure);
}

static void maps_overflow(struct tui_canvas *c, const struct tui_box *cell, const struct gcs_map_view *m)
{
	char n[TUI_NUMBER];
	uint64_t limit = map_facts_overflow_limit(m), percent = limit ? m->overflow * 100 / limit : 0;
	if (limit == 0) /* Swiss: it has none */
		tui_print_right(c, cell, 0, 0, TUI_DIM, "%s tomb", tui_rate(n, (double)m->overflow));
	else
		tui_print_right(c, cell, 0, 0, percent >= 50 && m->b > 3 ? TUI_WARN : TUI_PLAIN, "%s%s %3" PRIu64 "%%", m->b > 15 ? "~" : "",
				tui_rate(n, (double)m->overflow), percent);
}

static void maps_growth(struct tui_canvas *c, const struct tui_box *cell, const struct gcs_map_view *m)
{
	char figure[TUI_NUMBER];
	if (m->growing == GCS_MAP_STILL) {
		tui_print(c, cell, 0, 1, TUI_DIM, "%s", "-");
		return;
	}
	bool same = m->growing == GCS_MAP_SAME_SIZE;
	snprintf(figure, sizeof figure, "%" PRIu64 "%%", m->old_buckets ? m->evacuated * 100 / m->old_buckets : 0);
	tui_print(c, cell, 0, 1, same ? TUI_WARN : TUI_TITLE, "%s", same ? "same" : "x2");
	maps_bar(c, cell, 6, same ? TUI_WARN : TUI_BAR, m->evacuated, m->old_buckets, figure);
}

/* A sync.Map has no load of its own: how near it is to making dirty the new read. */
static void maps_sync(struct tui_canvas *c, const struct tui_box *table, int row, const struct gcs_map_view *m)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	struct tui_box load = maps_cell(table, row, COL_LOAD), growth = maps_cell(table, row, COL_GROWTH);
	struct tui_box all = {load.row, load.col, 1, growth.col + growth.cols - load.col};
	if (growth.cols == 0)
		return;
	tui_meter(c, &all, 0, 1, load.cols - 6, TUI_BAR, m->amended ? m->misses : 0, m->dirty);
	if (m->amended)
		tui_print(c, &all, 0, load.cols - 4, TUI_PLAIN, "%s of %s misses, amended%s", tui_count(a, m->misses), tui_count(b, m->dirty),
			  m->growing == GCS_MAP_STILL ? "" : ", grows");
	else
		tui_print(c, &all, 0, load.cols - 4, TUI_DIM, "%s in dirty, read only", tui_count(a, m->dirty));
}

/* 48, 2.1K, 812K, 1.9M: powers of 1024, cut. */
static const char *maps_bytes(char *ret, uint64_t bytes)
{
	static const char unit[] = "KMGT";
	uint64_t tenths = bytes * 10;
	int step = -1;
	for (; tenths >= 10240 && step < 3; step++)
		tenths /= 1024;
	if (step < 0)
		snprintf(ret, TUI_NUMBER, "%" PRIu64, bytes);
	else if (tenths < 100)
		snprintf(ret, TUI_NUMBER, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, unit[step]);
	else
		snprintf(ret, TUI_NUMBER, "%" PRIu64 "%c", tenths / 10, unit[step]);
	return ret;
}

static void maps_memory(struct tui_canvas *c, const struct tui_box *table, int row, const struct gcs_map_view *m)
{
	char n[TUI_NUMBER];
	struct tui_box bytes = maps_cell(table, row, COL_BYTES), each = maps_cell(table, row, COL_EACH), grown = maps_cell(table, row, COL_GROWN);
	tui_print_right(c, &bytes, 0, 0, TUI_PLAIN, "%s", m->bytes ? maps_bytes(n, m->bytes) : "-");
	if (each.cols == 0)
		return;
	tui_print_right(c, &each, 0, 0, TUI_PLAIN, "%s", m->bytes && m->count ? tui_count(n, m->bytes / m->count) : "-");
	tui_print_right(c, &grown, 0, 0, TUI_DIM, "%" PRIu64 "/%" PRIu64, m->grown, m->regrown);
}

static void maps_row(struct tui_canvas *c, const struct tui_box *table, int row, const struct gcs_snapshot *s, const struct gcs_map_view *m,
		     bool chosen)
{
	static const char *const kind[] = {[GCS_MAP_CLASSIC] = "classic", [GCS_MAP_SWISS] = "swiss", [GCS_MAP_SYNC] = "sync"};
	char text[64];
	struct tui_box cell[COL_BYTES];
	for (int i = 0; i < COL_BYTES; i++)
		cell[i] = maps_cell(table, row, (enum maps_field)i);
	tui_print(c, table, row, 0, chosen ? TUI_CURSOR : TUI_KEY, "%s", chosen ? ">" : " ");
	cell[COL_NAME].cols--;
	tui_print(c, &cell[COL_NAME], 0, 0, chosen ? TUI_SELECTED : TUI_PLAIN, "%s", maps_name(s, m, text, sizeof text));
	tui_print(c, &cell[COL_KIND], 0, 0, TUI_DIM, "%s", m->kind >= GCS_MAP_CLASSIC && m->kind <= GCS_MAP_SYNC ? kind[m->kind] : "?");
	tui_print_right(c, &cell[COL_ENTRIES], 0, 0, TUI_PLAIN, "%s", tui_count(text, m->count));
	maps_memory(c, table, row, m);
	if (m->kind == GCS_MAP_SYNC) {
		maps_sync(c, table, row, m);
		return;
	}
	tui_print_right(c, &cell[COL_B], 0, 0, TUI_PLAIN, "%" PRIu32, m->b);
	maps_load(c, &cell[COL_LOAD], m);
	maps_overflow(c, &cell[COL_OVERFLOW], m);
	maps_growth(c, &cell[COL_GROWTH], m);
}

static void maps_title(struct tui_canvas *c, const struct tui_box *table, const struct gcs_snapshot *s, int order, int top, int room)
{
	static const char *const by[MAPS_ORDERS] = {"", ", fullest first", ", most overflow first", ", most bytes an entry first"};
	char title[128];
	int n = maps_count(s), last = top + room < n ? top + room : n;
	int used = snprintf(title, sizeof title, "MAPS  %d at hand%s, %d growing%s", n, n == GCS_MAPS_SHOWN ? " or more" : "", maps_growing(s),
			    by[order]);
	if (n > room && used > 0)
		snprintf(title + used, sizeof title - (size_t)used, ", listed %d to %d", top + 1, last);
	tui_rule(c, table, 0, title);
}

static void maps_table(struct tui_canvas *c, const struct tui_box *table, const struct gcs_snapshot *s, const struct tui_state *st)
{
	int n = maps_count(s), at = maps_at(s, st), room = table->rows - 2, top = tui_list_top(at, n, room), sorted[GCS_MAPS_SHOWN];
	if (table->rows < 1)
		return;
	if (n == 0) {
		tui_rule(c, table, 0, "MAPS");
		tui_print(c, table, 1, 1, TUI_DIM, "%s", maps_why(s));
		return;
	}
	maps_title(c, table, s, st->maps.order, top, room);
	maps_head(c, table);
	maps_sort(s, st, sorted);
	for (int i = top; i < n && i - top < room; i++)
		maps_row(c, table, 2 + i - top, s, &s->map[sorted[i]], i == at);
}

/* ---------------------------------------------------------------- the chosen one */

static void maps_detail(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	struct map_fact line[MAP_FACTS_LINES];
	char name[64], what[64], title[144];
	int at = maps_chosen(s, st);
	if (box->rows < 1)
		return;
	if (at < 0) {
		tui_rule(c, box, 0, "NO MAP");
		return;
	}
	map_facts_name(&s->map[at], what, sizeof what);
	snprintf(title, sizeof title, "%s  %s", maps_name(s, &s->map[at], name, sizeof name), what);
	tui_rule(c, box, 0, title);
	int n = map_facts_tell(&s->map[at], line);
	for (int i = 0; i < n; i++)
		tui_print(c, box, 1 + i, 1, line[i].notable ? TUI_TITLE : TUI_PLAIN, "%s", line[i].text);
}

/* ---------------------------------------------------------------- the screen */

static uint32_t maps_of_cell(const struct gcs_cell *cell)
{
	return cell->maps_growing;
}

void tui_view_maps(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	struct maps_layout l = maps_layout(box, s, st, tui_frame_whole(c->rows, c->cols));
	maps_table(c, &l.table, s, st);
	maps_detail(c, &l.detail, s, st);
	if (l.strip.rows > 0)
		tui_counts(c, &l.strip, s, st, "MAPS GROWING at once", maps_of_cell);
	if (l.detail.rows > 0 && l.detail.row == l.strip.row) /* beside each other */
		for (int row = 0; row < l.strip.rows; row++)
			tui_put(c, &(struct tui_box){l.strip.row, l.strip.cols, l.strip.rows, 1}, row, 0, TUI_RULE, row ? 0x2502 : 0x252c);
}

static bool maps_whole(const struct tui_state *st)
{
	return st->rows == 0 || tui_frame_whole(st->rows, st->cols);
}

struct gcs_request tui_maps_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	struct tui_box box = tui_frame_body(s, st);
	int at = maps_at(s, st), page = maps_layout(&box, s, st, maps_whole(st)).table.rows - 3;
	page = page < 1 ? 1 : page;
	switch (command) {
	case TUI_DO_UP: maps_choose(st, s, at - 1); break;
	case TUI_DO_DOWN: maps_choose(st, s, at + 1); break;
	case TUI_DO_PAGE_UP: maps_choose(st, s, at - page); break;
	case TUI_DO_PAGE_DOWN: maps_choose(st, s, at + page); break;
	case TUI_DO_ORDER: st->maps.order = (st->maps.order + 1) % MAPS_ORDERS; break;
	case TUI_DO_FIRST: maps_choose(st, s, 0); break;
	case TUI_DO_LAST: maps_choose(st, s, GCS_MAPS_SHOWN); break;
	case TUI_DO_PANE_NEXT: st->pane = maps_whole(st) ? 0 : (st->pane + 1) % MAPS_PANES; break;
	case TUI_DO_PANE_PREV: st->pane = maps_whole(st) ? 0 : (st->pane + MAPS_PANES - 1) % MAPS_PANES; break;
	case TUI_DO_ZOOM_IN: case TUI_DO_ZOOM_OUT: return tui_main_command(st, s, command); /* the same strip of time */
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

struct gcs_request tui_maps_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct maps_layout l = maps_layout(box, s, st, maps_whole(st));
	int chosen = maps_at(s, st), row = at.row - (l.table.row - box->row), room = l.table.rows - 2;
	bool in_table = row >= 0 && row < l.table.rows, up = at.act == TUI_MOUSE_WHEEL_UP;
	int to = tui_list_top(chosen, maps_count(s), room) + row - 2;
	if (at.act == TUI_MOUSE_PRESS && in_table && row >= 2 && to < maps_count(s))
		maps_choose(st, s, to);
	else if (at.act != TUI_MOUSE_PRESS && in_table)
		maps_choose(st, s, chosen + (up ? -1 : 1));
	else if (at.act != TUI_MOUSE_PRESS && l.strip.rows > 0 && at.row >= l.strip.row - box->row && at.col < l.strip.cols)
		return tui_main_command(st, s, up ? TUI_DO_ZOOM_IN : TUI_DO_ZOOM_OUT);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
