/*
 * view_main.c: the main screen: how its panels share the body.
 *
 * Left: what happens (strip, heap, collector and workloads, faults). Right: what it means (percentiles, recovery, SLOs,
 * events). At 80x24 each has its least height; more rows go to strip, heap, and the lists in turn. On less there is one panel.
 */
#include "tui/view.h"

enum { BAND_STRIP, BAND_HEAP, BAND_WORK, BAND_FAULTS, BANDS };
#define MAIN_ROWS 20 /* of the bands at their least */

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
	"  first of the steady windows; x1.8 is the peak against the baseline.",
	NULL,
};

/* Where all are shown, the faults and the events take keys; on a small terminal the one that is shown does. */
enum tui_pane tui_main_pane(const struct tui_state *st)
{
	if (st->rows > 0 && !tui_frame_whole(st->rows, st->cols))
		return (enum tui_pane)(st->pane % TUI_PANES);
	return st->pane % 2 ? TUI_PANE_EVENTS : TUI_PANE_FAULTS;
}

void tui_view_main(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	if (!tui_frame_whole(c->rows, c->cols)) {
		main_pane[st->pane % TUI_PANES](c, box, s, st);
		return;
	}
	int right = box->cols >= 120 ? box->cols * 38 / 100 : box->cols >= 96 ? 40 : 33;
	int left = box->cols - right - 1, row = 0;
	int short_by = s->playback.active; /* the player's row, which the strip gives */
	int spare = box->rows + short_by - MAIN_ROWS;
	for (int i = 0; i < BANDS; i++) {
		int rows = band[i].least + spare * band[i].share / 10 - (i == BAND_STRIP ? short_by : 0);
		if (i == BANDS - 1)
			rows = box->rows - row;
		struct tui_box l = {box->row + row, box->col, rows, left};
		struct tui_box m = {box->row + row, box->col + left, rows, 1};
		struct tui_box r = {box->row + row, box->col + left + 1, rows, right};
		band[i].left(c, &l, s, st);
		band[i].right(c, &r, s, st);
		tui_put(c, &m, 0, 0, TUI_RULE, 0x253c);
		for (int k = 1; k < rows; k++)
			tui_put(c, &m, k, 0, TUI_RULE, 0x2502);
		row += rows;
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
