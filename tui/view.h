/*
 * view.h: the screens and their panels. Each draws one part of a snapshot into a box and nothing else: no terminal, no state of its
 * own beyond struct tui_state.
 *
 * A screen is a row of screens.def. The frame (frame.c) is common to all: title and timeline of the run, a record's player, the
 * screen's body, the footer; over it the help. Keys come as commands (keys.def): what is a screen's own goes to it.
 */
#pragma once

#include "harness/display.h"
#include "harness/measure/history.h"
#include "tui/canvas.h"
#include "tui/key.h"

enum tui_kind { TUI_KIND_STW, TUI_KIND_STOPPING, TUI_KIND_ASSIST, TUI_KIND_WAKE, TUI_KIND_OP, TUI_KINDS };

#define TUI_FILTER 32

/* What is being typed for an order to the run. */
#define TUI_ASK_TEXT 96
struct tui_ask {
	enum tui_command what; /* TUI_DO_NOTHING: nothing is */
	uint32_t fault;
	char text[TUI_ASK_TEXT], sent[TUI_ASK_TEXT]; /* sent: what the last order said */
};

/* What the user has chosen. */
struct tui_state {
	int rows, cols;      /* of the canvas as it was last drawn: what a page is */
	enum tui_screen screen;
	bool frozen, help, confirm_quit, no_colour;
	int help_top;        /* first line of the help */
	int pane;            /* of the screen; which it is that has the focus */
	int selected;        /* fault */
	enum tui_kind kind;  /* of the strip and the heat map */
	int zoom;            /* 0: the whole run so far; n: the newest 1/2^n of it */
	int event_scroll;    /* 0: newest at the bottom */
	struct tui_ask ask;
	char notice[160];    /* what the last key did; shown in the headline for a while */
	int64_t notice_until_ns;
	struct {             /* F3 */
		bool placed; /* else the cursor is at the longest */
		int64_t at_ns;
		int row;     /* of the heat */
		int zoom, list; /* list: the entry that is chosen */
	} heat;
	struct {             /* F4 */
		bool placed; /* else the cursor is at now, and goes with it; of a record it always is */
		int64_t at_ns;
		int zoom, top;
	} line;
	struct {             /* F2: which map is chosen; the first where it is none or no longer there */
		bool placed;
		uint32_t workload, worker;
		int order; /* view_maps.c */
	} maps;
	struct {             /* F5: which stall is chosen, likewise; else the longest */
		bool placed;
		uint32_t slot;
		int kind;    /* enum gcs_stall_kind */
		int top;     /* first P that is listed */
	} sched;
	struct {             /* F6 */
		bool placed; /* else the newest is chosen, and it goes with it */
		int at, level;
		char filter[TUI_FILTER];
		bool typing;
	} log;
	struct {             /* F7 */
		bool placed; /* else the cursor is at the longest of both */
		int64_t at_ns;
		int row, zoom;
		bool runs;   /* in place of the figures: what is behind the chosen one */
		int run;     /* the first line of that that is shown */
	} versus;
};

typedef void tui_view_fn(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			 const struct tui_state *st);
typedef struct gcs_request tui_command_fn(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command);
/* The mouse at a place of the body, which is `box` of the canvas: row and col count from its corner. */
typedef struct gcs_request tui_point_fn(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box,
					struct tui_mouse at);

struct tui_screen_info {
	const char *name, *about;
	int fkey; /* 0 none */
	tui_view_fn *draw;
	tui_command_fn *command;
	tui_point_fn *point;
	const char *const *reading; /* lines of the help, up to NULL */
};
extern const struct tui_screen_info tui_screens[TUI_SCREENS];

/* The whole screen: frame, body, help. Smaller than 80x24: one pane of it. */
tui_view_fn tui_view_frame;
/* Where the body of a screen is drawn, for who must know what a page of it holds. */
struct tui_box tui_frame_body(const struct gcs_snapshot *s, const struct tui_state *st);
/* There is room for a frame with all its panes. */
static inline bool tui_frame_whole(int rows, int cols)
{
	return rows >= 24 && cols >= 80;
}

#define SCREEN(ID, fkey, name, ...)                                                                                         \
	tui_view_fn tui_view_##name;                                                                                         \
	tui_command_fn tui_##name##_command;                                                                                 \
	tui_point_fn tui_##name##_point;                                                                                     \
	extern const char *const tui_##name##_reading[];
#include "tui/screens.def"
#undef SCREEN

tui_view_fn tui_view_title;     /* 2 rows: name and state; the timeline of phases and windows */
tui_view_fn tui_view_player;    /* 1 row, of a record: where, how fast, its faults on a track */
tui_view_fn tui_view_footer;    /* 2 rows: headline, keys */
tui_view_fn tui_view_help;

/* Panels of the main screen. */
tui_view_fn tui_view_strip;     /* rule, log-axis strip, fault marks */
tui_view_fn tui_view_percentiles;
tui_view_fn tui_view_heap;
tui_view_fn tui_view_recovery;
tui_view_fn tui_view_work;      /* collector line, workload lines, the cycle's phases where there is a row left */
tui_view_fn tui_view_cycle;     /* 1 row: the phases of the cycle that goes on, or of the last */
/* The cycle that goes on at t, or else the last before it. NULL: none. */
const struct gcs_cycle_row *tui_cycle_at(const struct gcs_history *h, int64_t t_ns);
tui_view_fn tui_view_slo;
tui_view_fn tui_view_faults;
tui_view_fn tui_view_last;      /* the newest events */
/* The fault that is listed first, where the list of faults has so many rows. */
int tui_faults_top(const struct tui_state *st, int room);

/* Panels of the scheduler's screen (view_ps.c). */
tui_view_fn tui_view_ps;        /* a row a P, from st->sched.top on */
tui_view_fn tui_view_queues;    /* what is everybody's: queues, threads, timers, the poller */
tui_view_fn tui_view_latency;   /* wake lag and, on real Go, scheduling latency */
/* How many Ps fit; the first of the last that do. */
int tui_ps_room(const struct tui_box *box);
int tui_ps_last(const struct gcs_snapshot *s, const struct tui_box *box);
/* Which of the main screen's panes the keys act on; TUI_PANES: none. */
enum tui_pane { TUI_PANE_STRIP, TUI_PANE_PERCENTILES, TUI_PANE_HEAP, TUI_PANE_RECOVERY, TUI_PANE_WORK, TUI_PANE_SLO, TUI_PANE_FAULTS,
	TUI_PANE_EVENTS, TUI_PANES };
enum tui_pane tui_main_pane(const struct tui_state *st);

/* A line of the help: text, and whether it is a heading. help.c */
struct tui_help_line { char text[96]; bool heading; };
#define TUI_HELP_LINES 192
/* How many. The keys and words of the screen that is shown come first. */
int tui_help_lines(const struct gcs_snapshot *s, const struct tui_state *st, struct tui_help_line line[TUI_HELP_LINES]);

/* filter.c: text that is typed, and what has it. */
bool tui_filter_has(const char *text, const char *part); /* letters of either case; "" is in everything */
void tui_filter_type(char *filter, size_t cap, int key);

/* ask.c: orders that need words. _begin: the command asks for them; _key: one more key of them, and the order when they are whole;
 * _says: what stands in the headline meanwhile. */
void tui_ask_begin(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command);
struct gcs_request tui_ask_key(struct tui_state *st, const struct gcs_snapshot *s, int key);
void tui_ask_says(const struct tui_state *st, const struct gcs_snapshot *s, char *ret, size_t cap);
/* Said in the headline for a while. */
void tui_notice(struct tui_state *st, const struct gcs_snapshot *s, const char *text, const char *what);

/* due.c: "oom#3 visit 17 of w4": the firing that a pause is due to: fault, occurrence, the visit at which it fired and the worker
 * whose visit that was; "" nobody's. */
const char *tui_due(const struct gcs_snapshot *s, const struct gcs_pause_row *p, char *ret, size_t cap);

/* list.c: the first row that is listed, so that the chosen one is in the middle, but for the ends of the list. */
int tui_list_top(int at, int n, int room);

/* meter.c: how much of the whole a part is, as a bar: full cells, a half one, dots for the rest. Full is all of it; anything is at
 * least half a cell. whole 0: dots. Returns the column after it. */
int tui_meter(struct tui_canvas *c, const struct tui_box *box, int row, int col, int cols, enum tui_role role, uint64_t part, uint64_t whole);

/* counts.c: a strip of counts over time on a linear axis, the most of each column, on the columns of tui_axis; under it the time and
 * which faults were armed and fired. From three rows on, rule included. */
typedef uint32_t tui_count_fn(const struct gcs_cell *cell);
void tui_counts(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st,
		const char *title, tui_count_fn *count);

/* view_side.c: how long it took to come back: 2.4s, <0.1s: nothing is measured more finely than the resolution. A TUI_NUMBER. */
const char *tui_back(char *ret, const struct gcs_snapshot *s, int64_t recovery_ns);

/* Of a record, the moment under a column of view_player.c's row, from 0; -1: that is beside the track. */
int64_t tui_player_at(const struct gcs_snapshot *s, const struct tui_box *box, int col);

/* The list of runs to choose from (chooser.c). */
struct tui_chooser {
	int at, top;             /* of the entries that pass the filter */
	int room;                /* rows of them, as it was last drawn */
	char with[64];           /* what the chosen one is put beside; "": nothing */
	char filter[TUI_FILTER]; /* part of a name, or a verdict */
	bool typing;             /* the filter is being typed */
};
void tui_view_chooser(struct tui_canvas *c, const struct tui_box *box, const struct gcs_choice *choice, uint32_t n,
		      struct tui_chooser *ch);
struct gcs_request tui_chooser_key(struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, int key);
/* The mouse on it: a press chooses, a press on what is chosen opens it. */
struct gcs_request tui_chooser_point(struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, struct tui_mouse at);

/* Which history cells a column shows (views of the strip and the heap agree on it). parts: into how many of the same length a column is
 * cut: each shows a cell at least, and per_col is a multiple of it. */
struct tui_axis { uint32_t first, per_col, ncols; };
struct tui_axis tui_axis(const struct gcs_snapshot *s, const struct tui_state *st, int cols, uint32_t parts);
/* The same axis by its parts, as columns of their own. */
static inline struct tui_axis tui_axis_parts(struct tui_axis a, uint32_t parts)
{
	return (struct tui_axis){a.first, a.per_col / parts, a.ncols * parts};
}

/* The longest of a kind in a cell; of operations their P99. ns; 0: none. */
int64_t tui_cell_value(const struct gcs_cell *cell, enum tui_kind kind);

/* A stretch of time, cut into columns. */
struct tui_span { int64_t from_ns, col_ns; int cols; };
/* Marks of time under it, round figures. */
void tui_span_axis(struct tui_canvas *c, const struct tui_box *box, int row, const struct tui_span *span);
static inline int64_t tui_span_col(const struct tui_span *span, int64_t t_ns)
{
	int64_t by_ns = t_ns - span->from_ns;
	return (by_ns >= 0 ? by_ns : by_ns - span->col_ns + 1) / span->col_ns; /* rounded down */
}
