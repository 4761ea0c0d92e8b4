/*
 * view_compare.c: two sides beside each other: every figure of both with the ratio and the verdict, and the pauses of both on one time axis; in place of
 * the figures what is behind one of them.
 *
 * All of it is made already (harness/versus.h); what is chosen here is which part of it is in sight.
 */
#include "tui/format.h"
#include "tui/versus_behind.h"
#include "tui/versus_strip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COMPARE_STRIP_MAX  10 /* rows of a strip */
#define COMPARE_RANGE_FROM 140 /* columns from which on each median has its interval */

enum { PANE_FIGURES, PANE_STRIPS, COMPARE_PANES };

static const char *const compare_kind[TUI_KINDS] = {[TUI_KIND_STW] = "STW PAUSE", [TUI_KIND_STOPPING] = "TIME TO STOP", [TUI_KIND_ASSIST] = "MARK ASSIST",
						    [TUI_KIND_WAKE] = "NETPOLL WAKE LAG", [TUI_KIND_OP] = "OPERATION P99"};

const char *const tui_compare_reading[] = {
	"  Figures are those of recorded phases, as a report has them: of several runs",
	"  the median. B/A is taken within a pair of runs, those of one seed if there",
	"  are any, with the interval of its median. same: all of that is within the",
	"  band (1/1.25 to 1.25); open: part of it; better, WORSE: none of it; and",
	"  differs: none, of a figure that is neither. One run against one has no",
	"  interval and no verdict. Runs that do not count are named, with the reason.",
	"  Below: the longest of each column, A over B; = a fault armed, O it fired.",
	NULL,
};

/* ---------------------------------------------------------------- where things are */

struct compare_layout { struct tui_box head, figures, strips; bool has_head, has_figures, has_strips; };

static int compare_pane(const struct tui_state *st)
{
	return st->pane % COMPARE_PANES;
}

static const struct gcs_versus_run *compare_left_out(const struct gcs_versus *v, int *ret_side, uint32_t *ret_n)
{
	const struct gcs_versus_run *first = NULL;
	*ret_n = 0;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < v->side[side].nruns; i++) {
			const struct gcs_versus_run *r = &v->side[side].run[i];
			if (!r->why[0])
				continue;
			*ret_side = first ? *ret_side : side;
			first = first ? first : r;
			(*ret_n)++;
		}
	return first;
}

/* A, B, what is decided; what is otherwise; who does not count. */
static int compare_head_rows(const struct gcs_versus *v)
{
	int side;
	uint32_t n;
	return 3 + (v->settings[0] != '\0') + (compare_left_out(v, &side, &n) != NULL);
}

/* The strips get what the figures do not need, within bounds; Tab gives them more. */
static struct compare_layout compare_layout(const struct tui_box *box, const struct gcs_versus *v, const struct tui_state *st, bool whole)
{
	struct compare_layout l = {.has_head = true, .has_figures = true, .has_strips = true};
	bool strips = compare_pane(st) == PANE_STRIPS;
	int head = compare_head_rows(v), strip = strips ? box->rows / 5 : box->rows / 7, spare;
	if (!whole) {
		l.has_head = l.has_figures = !strips;
		l.has_strips = strips;
		head = strips ? 0 : box->rows > 10 ? 3 : 1;
		strip = strips ? (box->rows - 4) / 2 : 0;
	}
	spare = box->rows - head - 1 - (int)v->nrows;
	strip = whole && strip < (spare - 4) / 2 ? (spare - 4) / 2 : strip;
	strip = strip > COMPARE_STRIP_MAX ? COMPARE_STRIP_MAX : strip < 1 ? 1 : strip;
	int below = l.has_strips ? 4 + 2 * strip : 0;
	l.head = (struct tui_box){box->row, box->col, head, box->cols};
	l.figures = (struct tui_box){box->row + head, box->col, box->rows - head - below, box->cols};
	l.strips = (struct tui_box){box->row + box->rows - below, box->col, below, box->cols};
	return l;
}

/* ---------------------------------------------------------------- the head */

static void compare_head(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v)
{
	int row = 0, at = 0;
	uint32_t n = 0;
	const struct gcs_versus_run *out = compare_left_out(v, &at, &n);
	for (int side = 0; side < GCS_VERSUS_SIDES && box->rows > 2; side++, row++) {
		int col = tui_print(c, box, row, 1, TUI_TITLE, "%c ", 'A' + side);
		col = tui_print(c, box, row, col, TUI_PLAIN, "%.*s", box->cols > 120 ? 63 : 34, v->side[side].name);
		tui_print(c, box, row, col, TUI_DIM, "  %s", v->side[side].about);
	}
	tui_print(c, box, row++, 1, v->pairs > 1 ? TUI_PLAIN : TUI_WARN, "%s", v->said);
	if (v->settings[0] && row < box->rows)
		tui_print(c, box, row++, 1, TUI_PLAIN, "otherwise on B: %s", v->settings);
	if (out && row < box->rows && v->side[at].nruns == 1)
		tui_print(c, box, row, 1, TUI_WARN, "%c does not count: %s", 'A' + at, out->why);
	else if (out && row < box->rows)
		tui_print(c, box, row, 1, TUI_WARN, "%u not counted (Enter): %c %s: %s", n, 'A' + at, out->name, out->why);
}

/* ---------------------------------------------------------------- figures */

/* Columns of a line: the name of the figure, the sides, their ratio, the verdict. */
struct compare_columns { int name, value, range, ratio; };

static struct compare_columns compare_columns(const struct tui_box *box)
{
	struct compare_columns k = {.value = 12, .range = box->cols >= COMPARE_RANGE_FROM ? 22 : 0, .ratio = box->cols >= 72 ? 21 : 6};
	k.name = box->cols - 1 - 2 * (k.value + k.range) - 2 - k.ratio - 8;
	k.name = k.name > 40 ? 40 : k.name < 8 ? 8 : k.name;
	return k;
}

static void compare_number(double x, char ret[16])
{
	if (isinf(x))
		snprintf(ret, 16, "inf");
	else
		snprintf(ret, 16, x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x);
}

static void compare_ratio(const struct gcs_versus_row *row, bool brief, char ret[64])
{
	char ratio[16], low[16], high[16];
	snprintf(ret, 64, "%s", row->check ? "" : "-");
	if (row->pairs == 0)
		return;
	compare_number(row->ratio, ratio);
	compare_number(row->low, low);
	compare_number(row->high, high);
	if (brief || row->pairs == 1)
		snprintf(ret, 64, "%s", ratio);
	else
		snprintf(ret, 64, "%s (%s to %s)", ratio, low, high);
}

static enum tui_role compare_role(const struct gcs_versus_row *row)
{
	switch (row->verdict) {
	case GCS_VERSUS_WORSE: return TUI_BAD;
	case GCS_VERSUS_BETTER: return TUI_GOOD;
	case GCS_VERSUS_DIFFERS:
	case GCS_VERSUS_OPEN: return TUI_WARN;
	case GCS_VERSUS_SAME:
	case GCS_VERSUS_UNKNOWN: break;
	}
	return TUI_PLAIN;
}

static void compare_row(struct tui_canvas *c, const struct tui_box *box, int at, const struct gcs_versus_row *row, bool chosen)
{
	struct compare_columns k = compare_columns(box);
	char ratio[64];
	int col = 1 + k.name;
	tui_print(c, box, at, 0, chosen ? TUI_CURSOR : TUI_KEY, "%s", chosen ? ">" : " ");
	struct tui_box name = {box->row + at, box->col + 1, 1, k.name};
	tui_print(c, &name, 0, 0, chosen ? TUI_SELECTED : TUI_PLAIN, "%s", row->metric);
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		struct tui_box value = {box->row + at, box->col + col, 1, k.value};
		const char *shown = row->side[side].shown;
		size_t n = strlen(shown) < (size_t)k.value ? strlen(shown) : strcspn(shown, " "); /* ok, FAIL without their figure */
		tui_print_right(c, &value, 0, 0, row->side[side].failed ? TUI_BAD : TUI_PLAIN, "%.*s", (int)n, shown);
		col += k.value;
		if (k.range && row->side[side].range[0])
			tui_print(c, box, at, col, TUI_DIM, " %-*.*s", k.range - 1, k.range - 1, row->side[side].range);
		col += k.range;
	}
	compare_ratio(row, k.ratio < 20, ratio);
	tui_print(c, box, at, col + 2, TUI_PLAIN, "%-*s", k.ratio, ratio);
	tui_print(c, box, at, col + 2 + k.ratio, compare_role(row), "%s", row->word);
}

static void compare_columns_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v, bool focus)
{
	struct compare_columns k = compare_columns(box);
	int a = 1 + k.name + k.value - 2, b = a + k.range + k.value;
	tui_rule(c, box, 0, v->sim ? "FIGURES, modelled times" : "FIGURES");
	if (focus)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	tui_print(c, box, 0, a, TUI_TITLE, " A ");
	tui_print(c, box, 0, b, TUI_TITLE, " B ");
	tui_print(c, box, 0, 1 + k.name + 2 * (k.value + k.range) + 1, TUI_TITLE, " B/A ");
}

static int compare_chosen(const struct gcs_versus *v, const struct tui_state *st)
{
	int last = (int)v->nrows - 1, at = st->versus.row;
	at = at > last ? last : at;
	return at < 0 ? 0 : at;
}

/* The first that is shown: the chosen one is in the middle, but for the ends. */
static int compare_top(int at, int count, int room)
{
	int top = at - room / 2;
	top = top > count - room ? count - room : top;
	return top < 0 ? 0 : top;
}

static void compare_figures(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v, const struct tui_state *st)
{
	int at = compare_chosen(v, st), room = box->rows - 1, top = compare_top(at, (int)v->nrows, room);
	compare_columns_title(c, box, v, compare_pane(st) == PANE_FIGURES);
	for (int i = top; i < (int)v->nrows && i - top < room; i++)
		compare_row(c, box, 1 + i - top, &v->row[i], i == at);
}

/* ---------------------------------------------------------------- what is behind one */

static int compare_first_line(const struct tui_state *st, int count, int room)
{
	int last = count - room, at = st->versus.run > last ? last : st->versus.run;
	return at < 0 ? 0 : at;
}

static void compare_behind(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	struct versus_line line[VERSUS_BEHIND_LINES];
	int at = compare_chosen(s->versus, st), n = versus_behind(s, at, box->cols, line);
	int room = box->rows - 1, top = compare_first_line(st, n, room);
	char title[160];
	snprintf(title, sizeof title, "BEHIND %.80s%s", s->versus->row[at].metric, n > room ? "  (more: arrows)" : "");
	tui_rule(c, box, 0, title);
	for (int i = top; i < n && i - top < room; i++)
		tui_print(c, box, 1 + i - top, 1, line[i].role, "%s", line[i].text);
}

/* ---------------------------------------------------------------- strips, and what is read off them */

static const char *compare_length(const struct versus_at *at, char ret[TUI_NUMBER])
{
	return at->value_ns < 0 ? "over" : at->value_ns ? tui_duration(ret, at->value_ns) : "none";
}

/* "  A: oom fired late": what was armed. */
static void compare_faults(const struct gcs_versus_side *of, const struct versus_at *at, const char *who, char *ret, size_t cap)
{
	size_t used = at->armed | at->fired ? (size_t)snprintf(ret, cap, "  %s", who) : 0;
	for (uint32_t i = 0; of->scenario && i < of->scenario->nfaults && used < cap; i++)
		if ((at->armed | at->fired) >> i & 1)
			used += (size_t)snprintf(ret + used, cap - used, "%s%s", of->scenario->fault[i].id, at->fired >> i & 1 ? " fired " : " ");
	ret[used && used < cap ? used - 1 : used < cap ? 0 : cap - 1] = '\0';
}

/* At the column of the cursor: " AT 0:17.00  A 36.1ms  B 72.1ms  oom fired late ". */
static void compare_readout(struct tui_canvas *c, const struct tui_box *box, int col, const struct gcs_versus *v, const struct tui_state *st,
			    const struct tui_span *span)
{
	const struct gcs_versus_side *a = &v->side[GCS_VERSUS_A], *b = &v->side[GCS_VERSUS_B];
	int64_t cursor_ns = versus_cursor(v, st), from_ns = span->from_ns + tui_span_col(span, cursor_ns) * span->col_ns;
	struct versus_at of_a = versus_at(a, st->kind, from_ns, from_ns + span->col_ns), of_b = versus_at(b, st->kind, from_ns, from_ns + span->col_ns);
	bool both = of_a.armed == of_b.armed && of_a.fired == of_b.fired;
	char at[TUI_NUMBER], length[TUI_NUMBER], faults_a[96] = "", faults_b[96] = "";
	compare_faults(a, &of_a, both ? "" : "A: ", faults_a, sizeof faults_a);
	if (!both)
		compare_faults(b, &of_b, "B: ", faults_b, sizeof faults_b);
	col = tui_print(c, box, 0, col, TUI_TITLE, " AT %s  A %s", tui_clock_fine(at, cursor_ns), compare_length(&of_a, length));
	tui_print(c, box, 0, col, TUI_TITLE, "  B %s%s%s ", compare_length(&of_b, length), faults_a, faults_b);
}

static void compare_strips(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v, const struct tui_state *st)
{
	struct tui_box below = {box->row + 1, box->col, box->rows - 1, box->cols};
	struct tui_span span = versus_span(v, st, box->cols - VERSUS_STRIP_LABEL - 1);
	char per[TUI_NUMBER];
	tui_rule(c, box, 0, NULL);
	if (compare_pane(st) == PANE_STRIPS)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	int col = tui_print(c, box, 0, 1, TUI_TITLE, " %s, max per %s ", compare_kind[st->kind], tui_duration(per, span.col_ns));
	compare_readout(c, box, col + 1, v, st, &span);
	versus_strips(c, &below, v, st);
}

/* ---------------------------------------------------------------- the screen */

static void compare_nothing(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	static const char *const of_run[] = {"A run that goes on is not compared: its figures are not all there.", "",
					     "When it is over, F7 in `gcstorm view last` asks for another record,", "and `gcstorm view A B` puts two beside each other."};
	static const char *const of_record[] = {"Nothing is compared yet. c asks for the record to put beside this one.", "",
						"`gcstorm view A B` does so at once; each of the two may be several runs:", "`gcstorm view A1 A2 A3 -- B1 B2 B3`, or directories."};
	tui_rule(c, box, 0, "COMPARE");
	for (int i = 0; i < 4; i++)
		tui_print(c, box, 2 + i, 2, i ? TUI_DIM : TUI_PLAIN, "%s", s->playback.active ? of_record[i] : of_run[i]);
}

void tui_view_compare(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	const struct gcs_versus *v = s->versus;
	if (!v || v->nrows == 0) {
		compare_nothing(c, box, s);
		return;
	}
	struct compare_layout l = compare_layout(box, v, st, tui_frame_whole(c->rows, c->cols));
	if (l.has_head)
		compare_head(c, &l.head, v);
	if (l.has_figures && st->versus.runs)
		compare_behind(c, &l.figures, s, st);
	else if (l.has_figures)
		compare_figures(c, &l.figures, v, st);
	if (l.has_strips)
		compare_strips(c, &l.strips, v, st);
}

/* ---------------------------------------------------------------- keys */

static struct compare_layout compare_places(const struct tui_state *st, const struct gcs_snapshot *s)
{
	struct tui_box box = tui_frame_body(s, st);
	return compare_layout(&box, s->versus, st, st->rows == 0 || tui_frame_whole(st->rows, st->cols));
}

/* What is behind a figure is scrolled; figures are chosen. */
static void compare_choose(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	const struct gcs_versus *v = s->versus;
	struct compare_layout l = compare_places(st, s);
	int room = l.figures.rows - 1, last = (int)v->nrows - 1;
	if (st->versus.runs) {
		struct versus_line line[VERSUS_BEHIND_LINES];
		int n = versus_behind(s, compare_chosen(v, st), l.figures.cols, line), to = compare_first_line(st, n, room) + by;
		to = to > n - room ? n - room : to;
		st->versus.run = to < 0 ? 0 : to;
		return;
	}
	int to = compare_chosen(v, st) + by;
	st->versus.row = to > last ? last : to < 0 ? 0 : to;
}

static void compare_go(struct tui_state *st, const struct gcs_versus *v, int64_t to_ns)
{
	int64_t last_ns = versus_end(v) - 1;
	st->versus.placed = true;
	st->versus.at_ns = to_ns < 0 ? 0 : to_ns > last_ns ? last_ns : to_ns;
}

static void compare_move(struct tui_state *st, const struct gcs_snapshot *s, int columns)
{
	struct tui_span span = versus_span(s->versus, st, tui_frame_body(s, st).cols - VERSUS_STRIP_LABEL - 1);
	compare_go(st, s->versus, versus_cursor(s->versus, st) + columns * span.col_ns);
}

static void compare_edge(struct tui_state *st, const struct gcs_versus *v, bool forward)
{
	int64_t to_ns = versus_edge(v, versus_cursor(v, st), forward);
	if (to_ns >= 0)
		compare_go(st, v, to_ns);
}

static void compare_zoom(struct tui_state *st, const struct gcs_versus *v, int by)
{
	int to = st->versus.zoom + by;
	compare_go(st, v, versus_cursor(v, st)); /* what was read off stays in sight */
	st->versus.zoom = to < 0 ? 0 : to > 12 ? 12 : to;
}

struct gcs_request tui_compare_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	const struct gcs_versus *v = s->versus && s->versus->nrows ? s->versus : NULL;
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	if (command == TUI_DO_OTHER)
		return (struct gcs_request){.act = GCS_DO_COMPARE};
	if (!v)
		return none;
	int page = compare_places(st, s).figures.rows - 2;
	page = page < 1 ? 1 : page;
	switch (command) {
	case TUI_DO_UP: compare_choose(st, s, -1); break;
	case TUI_DO_DOWN: compare_choose(st, s, 1); break;
	case TUI_DO_PAGE_UP: compare_choose(st, s, -page); break;
	case TUI_DO_PAGE_DOWN: compare_choose(st, s, page); break;
	case TUI_DO_FIRST: compare_choose(st, s, -(1 << 20)); break;
	case TUI_DO_LAST: compare_choose(st, s, 1 << 20); break;
	case TUI_DO_ENTER: st->versus.runs = !st->versus.runs, st->versus.run = 0; break;
	case TUI_DO_LEFT: compare_move(st, s, -1); break;
	case TUI_DO_RIGHT: compare_move(st, s, 1); break;
	case TUI_DO_FAR_LEFT: compare_move(st, s, -10); break;
	case TUI_DO_FAR_RIGHT: compare_move(st, s, 10); break;
	case TUI_DO_WORST_CELL: compare_go(st, v, versus_worst(v, st->kind)); break;
	case TUI_DO_NEXT_EVENT: compare_edge(st, v, true); break;
	case TUI_DO_PREV_EVENT: compare_edge(st, v, false); break;
	case TUI_DO_ZOOM_IN: compare_zoom(st, v, 1); break;
	case TUI_DO_ZOOM_OUT: compare_zoom(st, v, -1); break;
	case TUI_DO_PANE_NEXT:
	case TUI_DO_PANE_PREV: st->pane = (compare_pane(st) + 1) % COMPARE_PANES; break;
	default: break;
	}
	return none;
}

/* ---------------------------------------------------------------- the mouse */

static void compare_press(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, const struct compare_layout *l,
			  struct tui_mouse at)
{
	int row = at.row - (l->figures.row - box->row) - 1, room = l->figures.rows - 1;
	struct tui_span span = versus_span(s->versus, st, box->cols - VERSUS_STRIP_LABEL - 1);
	int to = compare_top(compare_chosen(s->versus, st), (int)s->versus->nrows, room) + row;
	if (l->has_strips && at.row > l->strips.row - box->row && at.col >= VERSUS_STRIP_LABEL)
		compare_go(st, s->versus, span.from_ns + (at.col - VERSUS_STRIP_LABEL) * span.col_ns);
	else if (l->has_figures && !st->versus.runs && row >= 0 && row < room && to < (int)s->versus->nrows)
		st->versus.row = to;
}

struct gcs_request tui_compare_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	if (!s->versus || s->versus->nrows == 0)
		return none;
	struct compare_layout l = compare_layout(box, s->versus, st, tui_frame_whole(st->rows, st->cols));
	bool on_strips = l.has_strips && at.row >= l.strips.row - box->row, up = at.act == TUI_MOUSE_WHEEL_UP;
	if (at.act == TUI_MOUSE_PRESS)
		compare_press(st, s, box, &l, at);
	else if (on_strips)
		return tui_compare_command(st, s, up ? TUI_DO_ZOOM_IN : TUI_DO_ZOOM_OUT);
	else
		return tui_compare_command(st, s, up ? TUI_DO_UP : TUI_DO_DOWN);
	return none;
}
