/*
 * view_sched.c: the scheduler screen: its Ps and queues at the last look (view_ps.c), the longest queue over time with the faults, and
 * what held the workers up: by worker and kind, the longest first, with the firing that it was due to.
 */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCHED_LEAST	 5  /* rows of the list of stalls: rule, head, three */
#define SCHED_TOP	 7  /* rows of Ps and queues, at least */
#define SCHED_MIDDLE	 7  /* rows of the strip and the latencies, at least */
#define SCHED_MIDDLE_MOST 14
#define SCHED_STALLS	 (GCS_STALLS_SHOWN * GCS_STALL_KINDS)

enum { PANE_STALLS, PANE_PS, PANE_QUEUES, PANE_STRIP, PANE_LATENCY, SCHED_PANES };

const char *const tui_sched_reading[] = {
	"  Ps and queues as they stood at the last look, in the words of schedtrace:",
	"  runq counts the goroutines in a P's queue, runnext among them; its bar is",
	"  full at the longest. schedtick counts time slices begun, syscall system",
	"  calls; - is not told. The strip: all that waited for a P, in all queues",
	"  together. Wake lag: from ready to running; sched latency: what Go tells of",
	"  itself. Stalls: what held a worker up: late wakes, mark assists,",
	"  allocations that waited; when the longest ended, and the firing behind it.",
	NULL,
};

/* ---------------------------------------------------------------- the stalls, longest first */

struct sched_stall { const struct gcs_stall_view *v; int kind; };
struct sched_list { int n; struct sched_stall row[SCHED_STALLS]; };

static int64_t sched_longest(const struct sched_stall *r)
{
	return r->v->by[r->kind].max_ns;
}

/* Those of equal length stay in the order of slots. */
static void sched_insert(struct sched_list *l, struct sched_stall r)
{
	int at = l->n++;
	for (; at > 0 && sched_longest(&l->row[at - 1]) < sched_longest(&r); at--)
		l->row[at] = l->row[at - 1];
	l->row[at] = r;
}

static void sched_collect(const struct gcs_snapshot *s, struct sched_list *ret)
{
	ret->n = 0;
	for (uint32_t i = 0; i < s->nstalls && i < GCS_STALLS_SHOWN; i++)
		for (int kind = 0; kind < GCS_STALL_KINDS; kind++)
			if (s->stall[i].by[kind].count)
				sched_insert(ret, (struct sched_stall){&s->stall[i], kind});
}

/* The one that was chosen, wherever it stands now; -1: there is none. */
static int sched_at(const struct sched_list *l, const struct tui_state *st)
{
	for (int i = 0; i < l->n && st->sched.placed; i++)
		if (l->row[i].v->slot == st->sched.slot && l->row[i].kind == st->sched.kind)
			return i;
	return l->n ? 0 : -1;
}

static void sched_choose(struct tui_state *st, const struct sched_list *l, int to)
{
	to = to >= l->n ? l->n - 1 : to < 0 ? 0 : to;
	if (l->n == 0)
		return;
	st->sched.placed = true;
	st->sched.slot = l->row[to].v->slot;
	st->sched.kind = l->row[to].kind;
}

/* ---------------------------------------------------------------- where things are */

struct sched_layout { struct tui_box ps, queues, strip, latency, stalls; };

static bool sched_whole(const struct tui_state *st)
{
	return st->rows == 0 || tui_frame_whole(st->rows, st->cols);
}

/* Of the rows that are left over Ps get what they need, up to a half; then the strip a quarter; the stalls the rest. */
static struct sched_layout sched_layout(const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st, bool whole)
{
	struct sched_layout l = {{0}, {0}, {0}, {0}, {0}};
	struct tui_box *const pane[SCHED_PANES] = {&l.stalls, &l.ps, &l.queues, &l.strip, &l.latency};
	if (!whole) {
		*pane[st->pane % SCHED_PANES] = *box;
		return l;
	}
	int cols = box->cols >= 120 ? box->cols * 38 / 100 : box->cols >= 96 ? 40 : 33, left = box->cols - cols - 1;
	int spare = box->rows - SCHED_TOP - SCHED_MIDDLE - SCHED_LEAST, wanted = (int)s->sched.nps + 2 - SCHED_TOP;
	wanted = wanted < 1 ? 1 : wanted; /* one more than the least, for the queues */
	int top = SCHED_TOP + (wanted < spare / 2 ? wanted : spare / 2);
	int middle = SCHED_MIDDLE + spare / 4;
	middle = middle > SCHED_MIDDLE_MOST ? SCHED_MIDDLE_MOST : middle;
	l.ps = (struct tui_box){box->row, box->col, top, left};
	l.queues = (struct tui_box){box->row, box->col + left + 1, top, cols};
	l.strip = (struct tui_box){box->row + top, box->col, middle, left};
	l.latency = (struct tui_box){box->row + top, box->col + left + 1, middle, cols};
	l.stalls = (struct tui_box){box->row + top + middle, box->col, box->rows - top - middle, box->cols};
	return l;
}

/* Where all are shown, the stalls and the Ps take keys; on a small terminal the one that is shown does. */
static int sched_pane(const struct tui_state *st)
{
	return sched_whole(st) ? st->pane % 2 : st->pane % SCHED_PANES;
}

/* ---------------------------------------------------------------- the list of stalls */

/* Columns of a worker's name: what it works on, which of those it is, and the slot by which firings name it. */
static int sched_name_cols(const struct tui_box *box)
{
	return box->cols >= 100 ? 24 : 13;
}

static void sched_head(struct tui_canvas *c, const struct tui_box *box)
{
	tui_print(c, box, 1, 1, TUI_DIM, "%-*s %-7s%8s%8s%8s%10s %s", sched_name_cols(box), "worker", "kind", "count", "in all", "longest", "ended",
		  "due to");
}

static void sched_row(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s, const struct sched_stall *r,
		      bool chosen)
{
	static const char *const kind[GCS_STALL_KINDS] = {[GCS_STALL_WAKE] = "wake", [GCS_STALL_ASSIST] = "assist", [GCS_STALL_ALLOC] = "alloc"};
	const struct gcs_stall_view *v = r->v;
	const char *id = v->workload < s->scenario->nworkloads ? s->work[v->workload].id : "?";
	char name[64], n[TUI_NUMBER], total[TUI_NUMBER], max[TUI_NUMBER], at[TUI_NUMBER], due[64];
	struct gcs_pause_row pause = {.firing = v->by[r->kind].max_firing};
	snprintf(name, sizeof name, "%.*s/%" PRIu32 " w%" PRIu32, sched_name_cols(box) - 6, id, v->worker, v->slot);
	int col = tui_print(c, box, row, 0, chosen ? TUI_CURSOR : TUI_KEY, "%s", chosen ? ">" : " ");
	struct tui_box who = {box->row + row, box->col + col, 1, sched_name_cols(box)};
	tui_print(c, &who, 0, 0, chosen ? TUI_SELECTED : TUI_PLAIN, "%s", name);
	col = tui_print(c, box, row, col + who.cols + 1, TUI_PLAIN, "%-7s%8s", kind[r->kind], tui_count(n, v->by[r->kind].count));
	if (col + 16 > box->cols)
		return; /* the head of a figure is not to be taken for the whole */
	col = tui_print(c, box, row, col, TUI_PLAIN, "%8s", tui_ms(total, v->by[r->kind].total_ns));
	col = tui_print(c, box, row, col, TUI_TITLE, "%8s", tui_ms(max, v->by[r->kind].max_ns));
	if (col + 10 > box->cols)
		return;
	col = tui_print(c, box, row, col, TUI_DIM, "%10s ", tui_clock_milli(at, v->by[r->kind].max_at_ns));
	tui_due(s, &pause, due, sizeof due);
	tui_print(c, box, row, col, due[0] ? TUI_FAULT : TUI_DIM, "%s", due[0] ? due : "no firing");
}

static void sched_stalls(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	struct sched_list l;
	char title[96];
	sched_collect(s, &l);
	int at = sched_at(&l, st), room = box->rows - 2, top = tui_list_top(at, l.n, room);
	int used = snprintf(title, sizeof title, "STALLS ms  %d worker%s, longest first", (int)s->nstalls, s->nstalls == 1 ? "" : "s");
	if (l.n > room && room > 0)
		snprintf(title + used, sizeof title - (size_t)used, ", listed %d to %d of %d", top + 1, top + room, l.n);
	tui_rule(c, box, 0, title);
	if (sched_pane(st) == PANE_STALLS)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	if (l.n == 0) {
		tui_print(c, box, 1, 1, TUI_DIM, "%s", "nothing has held a worker up so far, as far as is told");
		return;
	}
	sched_head(c, box);
	for (int i = top; i < l.n && i - top < room; i++)
		sched_row(c, box, 2 + i - top, s, &l.row[i], i == at);
}

/* ---------------------------------------------------------------- the screen */

static uint32_t sched_of_cell(const struct gcs_cell *cell)
{
	return cell->runq_max;
}

void tui_view_sched(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	bool whole = tui_frame_whole(c->rows, c->cols);
	struct sched_layout l = sched_layout(box, s, st, whole);
	if (l.ps.rows > 0) {
		tui_view_ps(c, &l.ps, s, st);
		if (sched_pane(st) == PANE_PS)
			tui_put(c, &l.ps, 0, 0, TUI_TITLE, '>');
	}
	if (l.queues.rows > 0)
		tui_view_queues(c, &l.queues, s, st);
	if (l.strip.rows > 0)
		tui_counts(c, &l.strip, s, st, "WAITING FOR A P", sched_of_cell);
	if (l.latency.rows > 0)
		tui_view_latency(c, &l.latency, s, st);
	if (l.stalls.rows > 0)
		sched_stalls(c, &l.stalls, s, st);
	struct tui_box middle = {box->row, box->col + l.ps.cols, whole ? l.stalls.row - box->row : 0, 1};
	for (int row = 0; row < middle.rows; row++)
		tui_put(c, &middle, row, 0, TUI_RULE, row == 0 || row == l.strip.row - box->row ? 0x253c : 0x2502);
}

/* To the moment of the chosen one, on the timeline; of a record the player goes there. */
static struct gcs_request sched_go(struct tui_state *st, const struct gcs_snapshot *s, const struct sched_list *l)
{
	int at = sched_at(l, st);
	int64_t t_ns = at < 0 ? -1 : l->row[at].v->by[l->row[at].kind].max_at_ns;
	if (t_ns < 0)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	st->screen = TUI_SCREEN_TIMELINE;
	st->pane = 0;
	st->line.placed = true;
	st->line.at_ns = t_ns;
	if (!s->playback.active)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	return (struct gcs_request){.act = GCS_DO_SEEK, .by_ns = t_ns - s->now_ns};
}

static void sched_scroll(struct tui_state *st, const struct gcs_snapshot *s, const struct sched_layout *l, int by)
{
	int last = tui_ps_last(s, &l->ps), to = (st->sched.top < last ? st->sched.top : last) + by;
	st->sched.top = to < 0 ? 0 : to > last ? last : to;
}

/* By so many rows; of the list in the focus. */
static void sched_move(struct tui_state *st, const struct gcs_snapshot *s, const struct sched_layout *l, int by)
{
	struct sched_list list;
	sched_collect(s, &list);
	if (sched_pane(st) == PANE_PS)
		sched_scroll(st, s, l, by);
	else
		sched_choose(st, &list, sched_at(&list, st) + by);
}

static void sched_focus(struct tui_state *st, int by)
{
	int panes = sched_whole(st) ? 2 : SCHED_PANES;
	st->pane = (st->pane % panes + panes + by) % panes;
}

struct gcs_request tui_sched_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	struct tui_box box = tui_frame_body(s, st);
	struct sched_layout l = sched_layout(&box, s, st, sched_whole(st));
	struct sched_list list;
	int page = sched_pane(st) == PANE_PS ? tui_ps_room(&l.ps) : l.stalls.rows - 3;
	page = page < 1 ? 1 : page;
	sched_collect(s, &list);
	switch (command) {
	case TUI_DO_UP: sched_move(st, s, &l, -1); break;
	case TUI_DO_DOWN: sched_move(st, s, &l, 1); break;
	case TUI_DO_PAGE_UP: sched_move(st, s, &l, -page); break;
	case TUI_DO_PAGE_DOWN: sched_move(st, s, &l, page); break;
	case TUI_DO_FIRST: sched_move(st, s, &l, -SCHED_STALLS); break;
	case TUI_DO_LAST: sched_move(st, s, &l, SCHED_STALLS); break;
	case TUI_DO_PANE_NEXT: sched_focus(st, 1); break;
	case TUI_DO_PANE_PREV: sched_focus(st, -1); break;
	case TUI_DO_ENTER: return sched_go(st, s, &list);
	case TUI_DO_ZOOM_IN: case TUI_DO_ZOOM_OUT: return tui_main_command(st, s, command); /* the same strip of time */
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* ---------------------------------------------------------------- the mouse */

static bool sched_in(const struct tui_box *pane, const struct tui_box *body, struct tui_mouse at)
{
	int row = at.row + body->row, col = at.col + body->col;
	return row >= pane->row && row < pane->row + pane->rows && col >= pane->col && col < pane->col + pane->cols;
}

static void sched_press(struct tui_state *st, const struct gcs_snapshot *s, const struct sched_layout *l, int row)
{
	struct sched_list list;
	sched_collect(s, &list);
	int to = tui_list_top(sched_at(&list, st), list.n, l->stalls.rows - 2) + row - 2;
	st->pane = PANE_STALLS;
	if (row >= 2 && to < list.n)
		sched_choose(st, &list, to);
}

struct gcs_request tui_sched_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct sched_layout l = sched_layout(box, s, st, sched_whole(st));
	bool press = at.act == TUI_MOUSE_PRESS, in_ps = sched_in(&l.ps, box, at), in_stalls = sched_in(&l.stalls, box, at);
	int by = at.act == TUI_MOUSE_WHEEL_UP ? -1 : 1;
	if (press && in_stalls)
		sched_press(st, s, &l, at.row + box->row - l.stalls.row);
	else if (press && in_ps)
		st->pane = PANE_PS;
	else if (in_ps)
		sched_scroll(st, s, &l, by);
	else if (in_stalls) {
		struct sched_list list;
		sched_collect(s, &list);
		sched_choose(st, &list, sched_at(&list, st) + by);
	} else if (!press && sched_in(&l.strip, box, at))
		return tui_main_command(st, s, by < 0 ? TUI_DO_ZOOM_IN : TUI_DO_ZOOM_OUT);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
