/*
 * screen.c: the live screen: state, keys, frames.
 *
 * The harness calls frame() ten times a second with a new snapshot and poll() after input. A frozen screen keeps the
 * picture it had, with a copy of its history; keys go on working, and the run goes on.
 */
#include "tui/screen.h"

#include "harness/playback/playback.h"
#include "tui/dots.h"
#include "tui/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct screen {
	struct tui_state state;
	struct tui_canvas canvas;
	struct gcs_snapshot last;  /* what was drawn: keys refer to it */
	bool have;
	const char *told;          /* in the first frame: a wish that cannot be had; NULL: there is nothing to tell */
	struct gcs_history *held;  /* of a frozen picture; NULL: `last` has the maker's own */
	struct tui_chooser chooser;
	const struct gcs_choice *choice; /* the list that is shown; NULL: a snapshot is */
	uint32_t nchoices;
};

/* ---------------------------------------------------------------- orders to a run */

static struct gcs_request screen_toggle(struct tui_state *st, const struct gcs_snapshot *s, uint32_t fault)
{
	if (fault >= s->scenario->nfaults) {
		tui_notice(st, s, "There is no such fault.", "");
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
	bool armed = s->fault[fault].armed;
	st->selected = (int)fault;
	tui_notice(st, s, armed ? "Disarming " : "Arming for a minute (A: for how long): ", s->fault[fault].id);
	return (struct gcs_request){.act = armed ? GCS_DO_DISARM : GCS_DO_ARM, .fault = fault};
}

/* Of a record the player is asked all the same: it says that there is nothing to order. */
static struct gcs_request screen_order(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command, int key)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	bool record = s->playback.active;
	switch (command) {
	case TUI_DO_ARM:
		if (record)
			return (struct gcs_request){.act = GCS_DO_ARM, .fault = (uint32_t)(key - '1')};
		return screen_toggle(st, s, (uint32_t)(key - '1'));
	case TUI_DO_FIRE:
		if (!record && s->scenario->nfaults == 0)
			return none;
		if (!record)
			tui_notice(st, s, "Firing once at its next visit: ", s->fault[st->selected].id);
		return (struct gcs_request){.act = GCS_DO_FIRE, .fault = (uint32_t)st->selected};
	case TUI_DO_DISARM_ALL:
		if (!record)
			tui_notice(st, s, "Disarming everything; the windows ahead are cancelled.", "");
		return (struct gcs_request){.act = GCS_DO_DISARM_ALL};
	case TUI_DO_MARK:
		if (!record)
			tui_notice(st, s, "Marked.", "");
		return (struct gcs_request){.act = GCS_DO_MARK};
	default: return none;
	}
}

/* ---------------------------------------------------------------- orders to a player */

#define SCREEN_S INT64_C(1000000000)

static const struct { enum tui_command command; struct gcs_request req; } screen_player[] = {
	{TUI_DO_BACK, {.act = GCS_DO_SEEK, .by_ns = -SCREEN_S}}, {TUI_DO_ON, {.act = GCS_DO_SEEK, .by_ns = SCREEN_S}},
	{TUI_DO_FAR_BACK, {.act = GCS_DO_SEEK, .by_ns = -10 * SCREEN_S}}, {TUI_DO_FAR_ON, {.act = GCS_DO_SEEK, .by_ns = 10 * SCREEN_S}},
	{TUI_DO_WINDOW_BACK, {.act = GCS_DO_WINDOW, .by_ns = -1}}, {TUI_DO_WINDOW_ON, {.act = GCS_DO_WINDOW, .by_ns = 1}},
	{TUI_DO_HOME, {.act = GCS_DO_HOME}}, {TUI_DO_END, {.act = GCS_DO_END}}, {TUI_DO_PLAY, {.act = GCS_DO_PLAY}},
	{TUI_DO_SLOWER, {.act = GCS_DO_SLOWER}}, {TUI_DO_FASTER, {.act = GCS_DO_FASTER}}, {TUI_DO_NEXT_FAULT, {.act = GCS_DO_NEXT_FAULT}},
	{TUI_DO_PREV_FAULT, {.act = GCS_DO_PREV_FAULT}}, {TUI_DO_FOLLOW, {.act = GCS_DO_FOLLOW}}, {TUI_DO_LIST, {.act = GCS_DO_LIST}},
	{TUI_DO_WORST_ANY, {.act = GCS_DO_WORST_PAUSE, .kind = GCS_WORST_ANY}},
};

static struct gcs_request screen_play(const struct tui_state *st, enum tui_command command)
{
	static const int kind[TUI_KINDS] = {[TUI_KIND_STW] = GCS_WORST_STW, [TUI_KIND_STOPPING] = GCS_WORST_STOPPING,
					    [TUI_KIND_ASSIST] = GCS_WORST_ASSIST, [TUI_KIND_WAKE] = GCS_WORST_WAKE,
					    [TUI_KIND_OP] = GCS_WORST_OP};
	if (command == TUI_DO_WORST)
		return (struct gcs_request){.act = GCS_DO_WORST_PAUSE, .kind = kind[st->kind]};
	for (size_t i = 0; i < sizeof screen_player / sizeof screen_player[0]; i++)
		if (screen_player[i].command == command)
			return screen_player[i].req;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* ---------------------------------------------------------------- the frame */

/* Its key again leads back. */
static void screen_show(struct tui_state *st, enum tui_screen screen)
{
	st->screen = st->screen == screen ? TUI_SCREEN_MAIN : screen;
	st->pane = 0;
}

/* A step back: from what was typed, from a pane, from a screen, from a record. */
static struct gcs_request screen_back(struct tui_state *st, const struct gcs_snapshot *s)
{
	if (st->screen == TUI_SCREEN_EVENTS && st->log.filter[0])
		st->log.filter[0] = '\0';
	else if (st->screen != TUI_SCREEN_MAIN && st->pane)
		st->pane = 0;
	else if (st->screen != TUI_SCREEN_MAIN)
		screen_show(st, TUI_SCREEN_MAIN);
	else if (s->playback.active)
		return (struct gcs_request){.act = GCS_DO_LIST};
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static struct gcs_request screen_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command, int key)
{
	bool record = s->playback.active;
	if (command >= TUI_DO_SCREEN && command <= TUI_DO_SCREEN_LAST)
		screen_show(st, (enum tui_screen)(command - TUI_DO_SCREEN));
	else if (command >= TUI_DO_ARM && command <= TUI_DO_MARK)
		return screen_order(st, s, command, key);
	else if (command >= TUI_DO_ARM_FOR && command <= TUI_DO_MARK_WORDS)
		tui_ask_begin(st, s, command);
	else if (command >= TUI_DO_PLAY && record)
		return screen_play(st, command);
	else if (command == TUI_DO_MAIN)
		return screen_back(st, s);
	else if (command == TUI_DO_HELP)
		st->help = true, st->help_top = 0;
	else if (command == TUI_DO_KIND)
		st->kind = (st->kind + 1) % TUI_KINDS, st->heat.placed = false;
	else if (command == TUI_DO_FREEZE)
		st->frozen = !st->frozen;
	else if (command == TUI_DO_QUIT && record)
		return (struct gcs_request){.act = GCS_DO_QUIT};
	else if (command == TUI_DO_QUIT)
		st->confirm_quit = true;
	else if (command != TUI_DO_NOTHING)
		return tui_screens[st->screen].command(st, s, command);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* What the help does with a key: it scrolls, or goes. */
static void screen_help_key(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	struct tui_help_line line[TUI_HELP_LINES];
	int page = st->rows > 4 ? st->rows - 4 : 20, last = tui_help_lines(s, st, line) - (st->rows > 2 ? st->rows - 2 : 22);
	int by = key == TUI_KEY_DOWN || key == 'j' ? 1 : key == TUI_KEY_UP || key == 'k' ? -1 : key == TUI_KEY_PAGE_DOWN ? page
		 : key == TUI_KEY_PAGE_UP ? -page : 0;
	int to = st->help_top + by;
	to = to > last ? last : to;
	st->help = by != 0;
	st->help_top = to < 0 ? 0 : to;
}

static void screen_type(struct tui_state *st, int key)
{
	st->log.typing = key != TUI_KEY_ENTER && key != TUI_KEY_ESCAPE;
	if (key == TUI_KEY_ESCAPE)
		st->log.filter[0] = '\0';
	else if (st->log.typing)
		tui_filter_type(st->log.filter, sizeof st->log.filter, key);
	st->log.placed = false;
}

struct gcs_request tui_screen_key(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	if (st->confirm_quit) {
		st->confirm_quit = false;
		return key == 'y' || key == 'Y' ? (struct gcs_request){.act = GCS_DO_QUIT} : none;
	}
	if (st->ask.what != TUI_DO_NOTHING)
		return tui_ask_key(st, s, key);
	if (st->help)
		screen_help_key(st, s, key);
	else if (st->log.typing)
		screen_type(st, key);
	else
		return screen_command(st, s, tui_key_command(key, st->screen, s->playback.active), key);
	return none;
}

/* ---------------------------------------------------------------- the mouse */

/* The row of the player, which a frame has room for where it has room for all. */
static struct gcs_request screen_scrub(const struct tui_state *st, const struct gcs_snapshot *s, struct tui_mouse at)
{
	struct tui_box row = {at.row, 0, 1, st->cols};
	int64_t to_ns = tui_player_at(s, &row, at.col);
	if (to_ns < 0 || at.act != TUI_MOUSE_PRESS)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	return (struct gcs_request){.act = GCS_DO_SEEK, .by_ns = to_ns - s->now_ns};
}

struct gcs_request tui_screen_mouse(struct tui_state *st, const struct gcs_snapshot *s, struct tui_mouse at)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	struct tui_box body = tui_frame_body(s, st);
	bool whole = tui_frame_whole(st->rows, st->cols), wheel = at.act != TUI_MOUSE_PRESS;
	if (st->confirm_quit || st->ask.what != TUI_DO_NOTHING || st->log.typing)
		return none; /* the keys are being asked */
	if (st->help) {
		screen_help_key(st, s, wheel && at.act == TUI_MOUSE_WHEEL_UP ? TUI_KEY_UP : wheel ? TUI_KEY_DOWN : TUI_KEY_ESCAPE);
		return none;
	}
	if (whole && s->playback.active && at.row == body.row - 1)
		return screen_scrub(st, s, at);
	at.row -= body.row;
	at.col -= body.col;
	if (at.row < 0 || at.col < 0 || at.row >= body.rows || at.col >= body.cols)
		return none;
	return tui_screens[st->screen].point(st, s, &body, at);
}

/* ---------------------------------------------------------------- the display */

/* A display is opened without arguments, so what was wished is the process's. */
static struct gcs_display_wishes screen_wishes;

static void screen_wish(struct gcs_display_wishes wishes)
{
	screen_wishes = wishes;
}

/* The picture stands: what it is made of must as well. false: no memory. */
static bool screen_hold(struct screen *sc)
{
	if (!sc->held)
		sc->held = malloc(sizeof *sc->held);
	if (sc->held && sc->last.history)
		*sc->held = *sc->last.history;
	if (sc->held && sc->last.history)
		sc->last.history = sc->held;
	return sc->held != NULL;
}

static void screen_release(struct screen *sc)
{
	free(sc->held);
	sc->held = NULL;
}

static int screen_open(void **ret_self)
{
	struct screen *sc = calloc(1, sizeof *sc);
	if (sc == NULL)
		return -ENOMEM;
	const char *no_colour = getenv("NO_COLOR");
	sc->state.no_colour = no_colour != NULL && no_colour[0] != '\0';
	int rc = tui_terminal_open((struct tui_terminal_wishes){sc->state.no_colour, screen_wishes.no_mouse});
	if (rc < 0) {
		free(sc);
		return rc;
	}
	sc->canvas.ascii = screen_wishes.ascii || tui_terminal_ascii();
	sc->canvas.console = tui_terminal_console();
	sc->canvas.braille = screen_wishes.braille;
	if (screen_wishes.braille && !tui_dots_wanted(&sc->canvas))
		sc->told = sc->canvas.ascii ? "No braille: the locale is not UTF-8." : "No braille: a console's font has none of it.";
	*ret_self = sc;
	return 0;
}

/* What a frame may wait for a terminal that is slow. A run has to be recorded meanwhile, and the next frame has the rest; of a record there may be
 * no next one. */
#define SCREEN_RUN_NS	 INT64_C(10000000)
#define SCREEN_RECORD_NS INT64_C(1000000000)

static void screen_draw(struct screen *sc)
{
	int rows, cols;
	tui_terminal_size(&rows, &cols);
	if ((rows != sc->canvas.rows || cols != sc->canvas.cols) && tui_canvas_resize(&sc->canvas, rows, cols) < 0)
		return;
	tui_canvas_clear(&sc->canvas);
	sc->state.rows = rows;
	sc->state.cols = cols;
	struct tui_box all = {0, 0, rows, cols};
	if (sc->choice != NULL)
		tui_view_chooser(&sc->canvas, &all, sc->choice, sc->nchoices, &sc->chooser);
	else
		tui_view_frame(&sc->canvas, &all, &sc->last, &sc->state);
	bool run = sc->choice == NULL && !sc->last.playback.active;
	tui_terminal_show(&sc->canvas, run ? SCREEN_RUN_NS : SCREEN_RECORD_NS);
}

static void screen_frame(void *self, const struct gcs_snapshot *snap)
{
	struct screen *sc = self;
	if (sc->choice != NULL) /* what the user had chosen for one record is not for the next */
		sc->state = (struct tui_state){.no_colour = sc->state.no_colour};
	sc->choice = NULL;
	if (snap->now_ns >= sc->state.notice_until_ns)
		sc->state.notice[0] = '\0';
	if (!sc->state.frozen || !sc->have) {
		screen_release(sc);
		sc->last = *snap;
	}
	sc->have = true;
	if (sc->told)
		tui_notice(&sc->state, snap, sc->told, "");
	sc->told = NULL;
	screen_draw(sc);
}

/* The list outlives the frames that show it. */
static void screen_list(void *self, const struct gcs_choice *choice, uint32_t n)
{
	struct screen *sc = self;
	sc->choice = choice;
	sc->nchoices = n;
	sc->have = false; /* what the last record's frames referred to may be gone */
	screen_release(sc);
	screen_draw(sc);
}

static struct gcs_request screen_typed(struct screen *sc, int key)
{
	if (key == TUI_KEY_MOUSE && sc->choice)
		return tui_chooser_point(&sc->chooser, sc->choice, sc->nchoices, tui_terminal_mouse());
	if (key == TUI_KEY_MOUSE)
		return tui_screen_mouse(&sc->state, &sc->last, tui_terminal_mouse());
	return sc->choice ? tui_chooser_key(&sc->chooser, sc->choice, sc->nchoices, key) : tui_screen_key(&sc->state, &sc->last, key);
}

static struct gcs_request screen_poll(void *self)
{
	struct screen *sc = self;
	struct gcs_request req = {.act = GCS_DO_NOTHING};
	int key = 0, typed = 0;
	for (; (sc->have || sc->choice) && req.act == GCS_DO_NOTHING && (key = tui_terminal_key()) != TUI_KEY_NONE; typed++) {
		if (sc->last.playback.active)
			sc->state.notice[0] = '\0'; /* its time may stand still: the next key takes it away */
		req = screen_typed(sc, key);
	}
	if (sc->state.frozen && !sc->held && !screen_hold(sc))
		sc->state.frozen = false;
	if (typed)
		screen_draw(sc);
	return req;
}

static int screen_fd(void *self)
{
	(void)self;
	return tui_terminal_fd();
}

static void screen_close(void *self)
{
	struct screen *sc = self;
	tui_terminal_close();
	tui_canvas_fini(&sc->canvas);
	screen_release(sc);
	free(sc);
}

const struct gcs_display tui_screen_display = {
	.name = "tui",
	.open = screen_open,
	.frame = screen_frame,
	.list = screen_list,
	.poll = screen_poll,
	.fd = screen_fd,
	.wish = screen_wish,
	.close = screen_close,
};
