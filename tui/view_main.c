/*
 * view_main.c: the main screen: how its panels share the body.
 *
 * Left: what happens (strip, heap, collector and workloads, faults). Right: what it means (percentiles, recovery, SLOs,
 * events). At 80x24 each has its least height; more rows go to strip, heap, and the lists in turn. On less there is one panel.
 */
#include "tui/view.h"

enum { BAND_STRIP, BAND_HEAP, BAND_WORK, BAND_FAULTS, BANDS };
#define MAIN_ROWS 20 /* of the bands at their least */
#define MAIN_CYCLE_SPARE 5 /* rows left over from which on the cycle's phases have one */

static const struct {
	int least;   /* rows, rule included */
	int share;   /* of what is left over, in tenths */
	tui_view_fn *left, *right;
} band[BANDS] = {
	[BAND_STRIP] = {8, 4, tui_view_strip, tui_view_percentiles},
	[BAND_HEAP] = {4, 3, tui_view_heap, tui_view_recovery},
	[BAND_WORK] = {4, 0, tui_view_work, tui_view_slo},
	[BAND_FAULTS] = {4, 3, tui_view_faults, tui_view_last},
};

static tui_view_fn *const main_pane[TUI_PANES] = {
	[TUI_PANE_STRIP] = tui_view_strip,	   [TUI_PANE_PERCENTILES] = tui_view_percentiles,
	[TUI_PANE_HEAP] = tui_view_heap,	   [TUI_PANE_RECOVERY] = tui_view_recovery,
	[TUI_PANE_WORK] = tui_view_work,	   [TUI_PANE_SLO] = tui_view_slo,
	[TUI_PANE_FAULTS] = tui_view_faults,	   [TUI_PANE_EVENTS] = tui_view_last,
};

const char *const tui_main_reading[] = {
	"  STW is the time the world stood: time to stop + time stopped. Concurrent",
	"  mark is not a pause; assists and late wakes are shown as their own kinds.",
	"  Bars in the fault colour: a fault was armed in that column. Under them",
	"  = means armed, O means it fired. RECOVERY counts from the disarming to the",
	"  first of the steady windows; x1.8 is the peak against the baseline. Figures",
	"  under steady: of the recorded windows before anything was armed.",
	"  Mouse: a press chooses a pane, a fault, an event, a cell, a moment (of a",
	"  record also on its track); the wheel scrolls lists, and elsewhere zooms.",
	NULL,
};

/* Where all are shown, the faults and the events take keys; on a small terminal the one that is shown does. */
enum tui_pane tui_main_pane(const struct tui_state *st)
{
	if (st->rows > 0 && !tui_frame_whole(st->rows, st->cols))
		return (enum tui_pane)(st->pane % TUI_PANES);
	return st->pane % 2 ? TUI_PANE_EVENTS : TUI_PANE_FAULTS;
}

/* Where the panels of each band are. */
static void main_layout(const struct tui_box *box, const struct gcs_snapshot *s, struct tui_box left[BANDS], struct tui_box right[BANDS])
{
	int cols = box->cols >= 120 ? box->cols * 38 / 100 : box->cols >= 96 ? 40 : 33, row = 0;
	int short_by = s->playback.active; /* the player's row, which the strip gives */
	int spare = box->rows + short_by - MAIN_ROWS;
	for (int i = 0; i < BANDS; i++) {
		int rows = band[i].least + spare * band[i].share / 10 - (i == BAND_STRIP ? short_by : 0);
		rows += i == BAND_WORK && spare >= MAIN_CYCLE_SPARE;
		if (i == BANDS - 1)
			rows = box->rows - row;
		left[i] = (struct tui_box){box->row + row, box->col, rows, box->cols - cols - 1};
		right[i] = (struct tui_box){box->row + row, box->col + box->cols - cols, rows, cols};
		row += rows;
	}
}

void tui_view_main(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	if (!tui_frame_whole(c->rows, c->cols)) {
		main_pane[st->pane % TUI_PANES](c, box, s, st);
		return;
	}
	struct tui_box left[BANDS], right[BANDS];
	main_layout(box, s, left, right);
	for (int i = 0; i < BANDS; i++) {
		struct tui_box m = {left[i].row, left[i].col + left[i].cols, left[i].rows, 1};
		band[i].left(c, &left[i], s, st);
		band[i].right(c, &right[i], s, st);
		tui_put(c, &m, 0, 0, TUI_RULE, 0x253c);
		for (int k = 1; k < m.rows; k++)
			tui_put(c, &m, k, 0, TUI_RULE, 0x2502);
	}
}
static void main_select(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	int n = (int)s->scenario->nfaults, to = st->selected + by;
	st->selected = to < 0 || n == 0 ? 0 : to >= n ? n - 1 : to;
}

static void main_scroll(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	int to = st->event_scroll + by;
	st->event_scroll = to < 0 ? 0 : to > (int)s->nevents ? (int)s->nevents : to;
}

struct gcs_request tui_main_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	bool events = tui_main_pane(st) == TUI_PANE_EVENTS;
	switch (command) {
	case TUI_DO_ZOOM_IN: st->zoom += st->zoom < 6; break;
	case TUI_DO_ZOOM_OUT: st->zoom -= st->zoom > 0; break;
	case TUI_DO_UP: events ? main_scroll(st, s, 1) : main_select(st, s, -1); break;
	case TUI_DO_DOWN: events ? main_scroll(st, s, -1) : main_select(st, s, 1); break;
	case TUI_DO_PAGE_UP: main_scroll(st, s, 5); break;
	case TUI_DO_PAGE_DOWN: main_scroll(st, s, -5); break;
	case TUI_DO_PANE_NEXT: st->pane = (st->pane + 1) % TUI_PANES; break;
	case TUI_DO_PANE_PREV: st->pane = (st->pane + TUI_PANES - 1) % TUI_PANES; break;
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* ---------------------------------------------------------------- the mouse */

/* The panel under a place of the body, and the row of it; TUI_PANES: none. */
static enum tui_pane main_pane_at(const struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at,
				  struct tui_box *ret_pane)
{
	struct tui_box left[BANDS], right[BANDS];
	if (!tui_frame_whole(st->rows, st->cols)) {
		*ret_pane = *box;
		return (enum tui_pane)(st->pane % TUI_PANES);
	}
	main_layout(box, s, left, right);
	for (int i = 0; i < BANDS; i++) {
		bool in_left = at.col < left[i].cols;
		*ret_pane = in_left ? left[i] : right[i];
		if (at.row < ret_pane->row - box->row + ret_pane->rows)
			return (enum tui_pane)(2 * i + !in_left);
	}
	return TUI_PANES;
}

static void main_press(struct tui_state *st, const struct gcs_snapshot *s, enum tui_pane pane, int row, int rows)
{
	int fault = tui_faults_top(st, rows - 1) + row - 1;
	st->pane = (int)pane;
	if (pane == TUI_PANE_FAULTS && row >= 1 && fault < (int)s->scenario->nfaults)
		st->selected = fault;
}

struct gcs_request tui_main_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct tui_box in;
	enum tui_pane pane = main_pane_at(st, s, box, at, &in);
	bool wheel = at.act != TUI_MOUSE_PRESS, up = at.act == TUI_MOUSE_WHEEL_UP;
	if (pane == TUI_PANES)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	if (!wheel)
		main_press(st, s, pane, at.row - (in.row - box->row), in.rows);
	else if (pane == TUI_PANE_EVENTS)
		main_scroll(st, s, up ? 1 : -1);
	else if (pane == TUI_PANE_FAULTS)
		main_select(st, s, up ? -1 : 1);
	else if (pane == TUI_PANE_STRIP || pane == TUI_PANE_HEAP)
		return tui_main_command(st, s, up ? TUI_DO_ZOOM_IN : TUI_DO_ZOOM_OUT);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
