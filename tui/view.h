/*
 * view.h: the panels of the live screen. Each draws one part of a snapshot into a box and nothing else: no terminal, no
 * state of its own beyond struct tui_state.
 */
#pragma once

#include "harness/display.h"
#include "tui/canvas.h"

enum tui_kind { TUI_KIND_STW, TUI_KIND_STOPPING, TUI_KIND_ASSIST, TUI_KIND_WAKE, TUI_KIND_OP, TUI_KINDS };

/* What the user has chosen. */
struct tui_state {
	bool frozen, help, confirm_quit, no_colour;
	int selected;        /* fault */
	enum tui_kind kind;  /* of the strip */
	int zoom;            /* 0: the whole run so far; n: the newest 1/2^n of it */
	int event_scroll;    /* 0: newest at the bottom */
	char notice[80];     /* what the last key did; shown in the headline for a while */
	int64_t notice_until_ns;
};

typedef void tui_view_fn(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			 const struct tui_state *st);

tui_view_fn tui_view_title;     /* 2 rows: name and state; the timeline of phases and windows */
tui_view_fn tui_view_player;    /* 1 row, of a record: where, how fast, its faults on a track */
tui_view_fn tui_view_strip;     /* rule, log-axis strip, fault marks */
tui_view_fn tui_view_percentiles;
tui_view_fn tui_view_heap;
tui_view_fn tui_view_recovery;
tui_view_fn tui_view_work;      /* collector line, workload lines */
tui_view_fn tui_view_slo;
tui_view_fn tui_view_faults;
tui_view_fn tui_view_events;
tui_view_fn tui_view_footer;    /* 2 rows: headline, keys */
tui_view_fn tui_view_help;

/* The whole live screen. Smaller than 80x24: a sentence that says so, with the figures that matter. */
tui_view_fn tui_view_main;

/* The list of runs to choose from (chooser.c). */
#define TUI_FILTER 32
struct tui_chooser {
	int at, top;             /* of the entries that pass the filter */
	char filter[TUI_FILTER]; /* part of a name, or a verdict */
	bool typing;             /* the filter is being typed */
};
void tui_view_chooser(struct tui_canvas *c, const struct tui_box *box, const struct gcs_choice *choice, uint32_t n,
		      struct tui_chooser *ch);
struct gcs_request tui_chooser_key(struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, int key);

#define TUI_MIN_ROWS 24
#define TUI_MIN_COLS 80

/* Which history cells a column shows (views of the strip and the heap agree on it). */
struct tui_axis { uint32_t first, per_col, ncols; };
struct tui_axis tui_axis(const struct gcs_snapshot *s, const struct tui_state *st, int cols);
