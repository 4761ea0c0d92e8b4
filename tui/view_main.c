/*
 * view_main.c: how the panels share the screen.
 *
 * Left: what happens (strip, heap, collector and workloads, faults). Right: what it means (percentiles, recovery, SLOs,
 * events). At 80x24 each has its least height; more rows go to strip, heap, and the lists in turn.
 */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

enum { BAND_STRIP, BAND_HEAP, BAND_WORK, BAND_FAULTS, BANDS };

static const struct {
	int least;   /* rows, rule included */
	int share;   /* of what is left over, in tenths */
	tui_view_fn *left, *right;
} band[BANDS] = {
	[BAND_STRIP] = {8, 4, tui_view_strip, tui_view_percentiles},
	[BAND_HEAP] = {4, 3, tui_view_heap, tui_view_recovery},
	[BAND_WORK] = {4, 0, tui_view_work, tui_view_slo},
	[BAND_FAULTS] = {4, 3, tui_view_faults, tui_view_events},
};

static void main_too_small(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	tui_print(c, box, 0, 0, TUI_WARN, "%dx%d is too small: 80x24 needed", box->cols, box->rows);
	tui_print(c, box, 1, 0, TUI_PLAIN, "%s %s", s->scenario->name, tui_clock(a, s->now_ns));
	tui_print(c, box, 2, 0, TUI_PLAIN, "STW p99 %s max %s", tui_duration(a, s->stw_total.p99_ns),
		  tui_duration(b, s->stw_total.max_ns));
	tui_print(c, box, 3, 0, TUI_PLAIN, "%s", "q quit");
}

static void main_footer_keys(struct tui_canvas *c, const struct tui_box *box, int row)
{
	static const struct { const char *key, *what; } keys[] = {
		{"SPC", "freeze"}, {"1-9", "arm"}, {"f", "fire"}, {"D", "disarm all"}, {"k", "kind"}, {"+-", "zoom"},
		{"m", "mark"}, {"?", "help"}, {"q", "quit"},
	};
	int col = 1;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		col = tui_print(c, box, row, col, TUI_KEY, "%s", keys[i].key);
		col = tui_print(c, box, row, col, TUI_DIM, " %s ", keys[i].what);
	}
}

void tui_view_footer(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	char inj[32];
	if (st->confirm_quit)
		tui_print(c, box, 0, 1, TUI_BAD, "%s", "Stop the run? Every fault is disarmed first.  y yes   any other key no");
	else if (st->notice[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", st->notice);
	else
		tui_print(c, box, 0, 1, s->integrity_errors ? TUI_BAD : TUI_PLAIN, "%s", s->headline);
	main_footer_keys(c, box, 1);
	snprintf(inj, sizeof inj, " inj %.1f%% ", s->injector_cost * 100);
	if (box->cols >= 100)
		tui_print_right(c, box, 1, 1, s->samples_lost ? TUI_BAD : TUI_DIM, "lost %llu %s",
				(unsigned long long)s->samples_lost, inj);
}

void tui_view_main(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	if (box->rows < TUI_MIN_ROWS || box->cols < TUI_MIN_COLS) {
		main_too_small(c, box, s);
		return;
	}
	int right = box->cols >= 120 ? box->cols * 38 / 100 : box->cols >= 96 ? 40 : 33;
	int left = box->cols - right - 1, row = 2, spare = box->rows - TUI_MIN_ROWS;
	struct tui_box title = {box->row, box->col, 2, box->cols};
	struct tui_box foot = {box->row + box->rows - 2, box->col, 2, box->cols};
	tui_view_title(c, &title, s, st);
	for (int i = 0; i < BANDS; i++) {
		int rows = i == BANDS - 1 ? box->rows - 2 - row : band[i].least + spare * band[i].share / 10;
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
	tui_view_footer(c, &foot, s, st);
	if (st->help)
		tui_view_help(c, box, s, st);
}
