/*
 * view_main.c: how the panels share the screen.
 *
 * Left: what happens (strip, heap, collector and workloads, faults). Right: what it means (percentiles, recovery, SLOs,
 * events). At 80x24 each has its least height; more rows go to strip, heap, and the lists in turn.
 */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

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

struct main_key { const char *key, *what; };

/* As many as there is room for; the last ones, help and quit, always. */
static void main_footer_keys(struct tui_canvas *c, const struct tui_box *box, int row, const struct main_key *keys, size_t n,
			     int room)
{
	int col = 1;
	for (size_t i = n - 2; i < n; i++)
		room -= (int)(strlen(keys[i].key) + strlen(keys[i].what)) + 2;
	for (size_t i = 0; i < n; i++) {
		int width = (int)(strlen(keys[i].key) + strlen(keys[i].what)) + 2;
		if (keys[i].what[0] == '\0' || (i < n - 2 && width > room))
			continue;
		room -= i < n - 2 ? width : 0;
		col = tui_print(c, box, row, col, TUI_KEY, "%s", keys[i].key);
		col = tui_print(c, box, row, col, TUI_DIM, " %s ", keys[i].what);
	}
}

static void main_footer_live(struct tui_canvas *c, const struct tui_box *box, int row, int room)
{
	static const struct main_key keys[] = {
		{"SPC", "freeze"}, {"1-9", "arm"}, {"f", "fire"}, {"D", "disarm all"}, {"k", "kind"}, {"+-", "zoom"},
		{"m", "mark"}, {"?", "help"}, {"q", "quit"},
	};
	main_footer_keys(c, box, row, keys, sizeof keys / sizeof keys[0], room);
}

static void main_footer_playback(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s, int room)
{
	const struct main_key keys[] = {
		{"SPC", s->playback.paused ? "play" : "pause"}, {"n", "fault"}, {"w", "worst"}, {"arrows", "1s"}, {"[]", "10s"},
		{"F", s->playback.live && !s->playback.following ? "follow" : ""}, {"l", s->playback.from_list ? "list" : ""}, {"k", "kind"},
		{",.", "window"}, {"<>", "speed"}, {"+-", "zoom"}, {"Home End", "ends"}, {"?", "help"}, {"q", "quit"},
	};
	main_footer_keys(c, box, row, keys, sizeof keys / sizeof keys[0], room);
}

void tui_view_footer(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	char cost[64];
	if (st->confirm_quit)
		tui_print(c, box, 0, 1, TUI_BAD, "%s", "Stop the run? Every fault is disarmed first.  y yes   any other key no");
	else if (st->notice[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", st->notice);
	else if (s->playback.notice[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", s->playback.notice);
	else
		tui_print(c, box, 0, 1, s->integrity_errors ? TUI_BAD : TUI_PLAIN, "%s", s->headline);
	snprintf(cost, sizeof cost, "lost %llu  inj %.1f%% ", (unsigned long long)s->samples_lost, s->injector_cost * 100);
	bool told = box->cols >= 100;
	int room = box->cols - 2 - (told ? (int)strlen(cost) + 2 : 0);
	if (s->playback.active)
		main_footer_playback(c, box, 1, s, room);
	else
		main_footer_live(c, box, 1, room);
	if (told)
		tui_print_right(c, box, 1, 1, s->samples_lost ? TUI_BAD : TUI_DIM, "%s", cost);
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
	int player = s->playback.active; /* a row of its own, which the strip gives */
	struct tui_box title = {box->row, box->col, 2, box->cols};
	struct tui_box track = {box->row + 2, box->col, 1, box->cols};
	struct tui_box foot = {box->row + box->rows - 2, box->col, 2, box->cols};
	tui_view_title(c, &title, s, st);
	if (player)
		tui_view_player(c, &track, s, st);
	row += player;
	for (int i = 0; i < BANDS; i++) {
		int rows = i == BANDS - 1 ? box->rows - 2 - row : band[i].least + spare * band[i].share / 10 - (i == BAND_STRIP ? player : 0);
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
