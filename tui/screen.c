/*
 * screen.c: the live screen: state, keys, frames.
 *
 * The harness calls frame() ten times a second with a new snapshot and poll() after input. A frozen screen keeps the
 * picture it had; keys go on working, and the run goes on.
 */
#include "tui/screen.h"

#include "harness/playback/playback.h"
#include "tui/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct screen {
	struct tui_state state;
	struct tui_canvas canvas;
	struct gcs_snapshot last;  /* what was drawn: keys refer to it */
	bool have;
	struct tui_chooser chooser;
	const struct gcs_choice *choice; /* the list that is shown; NULL: a snapshot is */
	uint32_t nchoices;
};

static void screen_notice(struct tui_state *st, const struct gcs_snapshot *s, const char *text, const char *what)
{
	snprintf(st->notice, sizeof st->notice, "%s%s", text, what);
	st->notice_until_ns = s->now_ns + 3000000000;
}

static struct gcs_request screen_toggle(struct tui_state *st, const struct gcs_snapshot *s, uint32_t fault)
{
	if (fault >= s->scenario->nfaults) {
		screen_notice(st, s, "There is no such fault.", "");
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
	bool armed = s->fault[fault].armed;
	st->selected = (int)fault;
	screen_notice(st, s, armed ? "Disarming " : "Arming ", s->fault[fault].id);
	return (struct gcs_request){.act = armed ? GCS_DO_DISARM : GCS_DO_ARM, .fault = fault};
}

static void screen_select(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	int n = (int)s->scenario->nfaults, to = st->selected + by;
	st->selected = to < 0 || n == 0 ? 0 : to >= n ? n - 1 : to;
}

static void screen_scroll(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	int to = st->event_scroll + by;
	st->event_scroll = to < 0 ? 0 : to > (int)s->nevents ? (int)s->nevents : to;
}

/* Keys that mean the same in a run and in a record. false: it is none of them. */
static bool screen_shared(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	switch (key) {
	case '?': case 'h': case TUI_KEY_F1: st->help = true; return true;
	case '+': case '=': st->zoom += st->zoom < 6; return true;
	case '-': st->zoom -= st->zoom > 0; return true;
	case 'k': case '\t': st->kind = (st->kind + 1) % TUI_KINDS; return true;
	case TUI_KEY_UP: screen_select(st, s, -1); return true;
	case TUI_KEY_DOWN: screen_select(st, s, 1); return true;
	case TUI_KEY_PAGE_UP: screen_scroll(st, s, 5); return true;
	case TUI_KEY_PAGE_DOWN: screen_scroll(st, s, -5); return true;
	default: return false;
	}
}

static struct gcs_request screen_worst(const struct tui_state *st)
{
	static const int kind[TUI_KINDS] = {[TUI_KIND_STW] = GCS_WORST_STW, [TUI_KIND_STOPPING] = GCS_WORST_STOPPING,
					    [TUI_KIND_ASSIST] = GCS_WORST_ASSIST, [TUI_KIND_WAKE] = GCS_WORST_WAKE,
					    [TUI_KIND_OP] = GCS_WORST_OP};
	return (struct gcs_request){.act = GCS_DO_WORST_PAUSE, .kind = kind[st->kind]};
}

#define SCREEN_S INT64_C(1000000000)

static struct gcs_request screen_playback_key(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	static const struct { int key; struct gcs_request req; } keys[] = {
		{TUI_KEY_LEFT, {.act = GCS_DO_SEEK, .by_ns = -SCREEN_S}}, {TUI_KEY_RIGHT, {.act = GCS_DO_SEEK, .by_ns = SCREEN_S}},
		{TUI_KEY_SHIFT_LEFT, {.act = GCS_DO_SEEK, .by_ns = -10 * SCREEN_S}}, {'[', {.act = GCS_DO_SEEK, .by_ns = -10 * SCREEN_S}},
		{TUI_KEY_SHIFT_RIGHT, {.act = GCS_DO_SEEK, .by_ns = 10 * SCREEN_S}}, {']', {.act = GCS_DO_SEEK, .by_ns = 10 * SCREEN_S}},
		{',', {.act = GCS_DO_WINDOW, .by_ns = -1}}, {'.', {.act = GCS_DO_WINDOW, .by_ns = 1}},
		{TUI_KEY_HOME, {.act = GCS_DO_HOME}}, {'g', {.act = GCS_DO_HOME}},
		{TUI_KEY_END, {.act = GCS_DO_END}}, {'G', {.act = GCS_DO_END}},
		{'p', {.act = GCS_DO_PLAY}}, {' ', {.act = GCS_DO_PLAY}}, {'<', {.act = GCS_DO_SLOWER}}, {'>', {.act = GCS_DO_FASTER}},
		{'n', {.act = GCS_DO_NEXT_FAULT}}, {'N', {.act = GCS_DO_PREV_FAULT}}, {'F', {.act = GCS_DO_FOLLOW}},
		{'W', {.act = GCS_DO_WORST_PAUSE, .kind = GCS_WORST_ANY}},
		{'q', {.act = GCS_DO_QUIT}}, {TUI_KEY_F1 + 9, {.act = GCS_DO_QUIT}},
		{'l', {.act = GCS_DO_LIST}}, {TUI_KEY_BACKSPACE, {.act = GCS_DO_LIST}}, {TUI_KEY_ESCAPE, {.act = GCS_DO_LIST}},
		/* the player says that a record takes no orders */
		{'f', {.act = GCS_DO_FIRE}}, {'D', {.act = GCS_DO_DISARM_ALL}}, {'m', {.act = GCS_DO_MARK}},
		{TUI_KEY_F1 + 8, {.act = GCS_DO_DISARM_ALL}}, {TUI_KEY_F1 + 7, {.act = GCS_DO_MARK}},
	};
	if (key == 'w')
		return screen_worst(st);
	if (key >= '1' && key <= '9')
		return (struct gcs_request){.act = GCS_DO_ARM, .fault = (uint32_t)(key - '1')};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (keys[i].key == key)
			return keys[i].req;
	screen_shared(st, s, key);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

struct gcs_request tui_screen_key(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	if (st->confirm_quit) {
		st->confirm_quit = false;
		return key == 'y' || key == 'Y' ? (struct gcs_request){.act = GCS_DO_QUIT} : none;
	}
	if (st->help) {
		st->help = false;
		return none;
	}
	if (s->playback.active)
		return screen_playback_key(st, s, key);
	if (screen_shared(st, s, key))
		return none;
	if (key >= '1' && key <= '9')
		return screen_toggle(st, s, (uint32_t)(key - '1'));
	switch (key) {
	case 'q': case TUI_KEY_F1 + 9: st->confirm_quit = true; return none;
	case ' ': st->frozen = !st->frozen; return none;
	case 'f':
		if (s->scenario->nfaults == 0)
			return none;
		screen_notice(st, s, "Firing once at its next visit: ", s->fault[st->selected].id);
		return (struct gcs_request){.act = GCS_DO_FIRE, .fault = (uint32_t)st->selected};
	case 'D': case TUI_KEY_F1 + 8:
		screen_notice(st, s, "Disarming everything; the windows ahead are cancelled.", "");
		return (struct gcs_request){.act = GCS_DO_DISARM_ALL};
	case 'm': case TUI_KEY_F1 + 7:
		screen_notice(st, s, "Marked.", "");
		return (struct gcs_request){.act = GCS_DO_MARK};
	default: return none;
	}
}

static int screen_open(void **ret_self)
{
	struct screen *sc = calloc(1, sizeof *sc);
	if (sc == NULL)
		return -ENOMEM;
	const char *no_colour = getenv("NO_COLOR");
	sc->state.no_colour = no_colour != NULL && no_colour[0] != '\0';
	int rc = tui_terminal_open(sc->state.no_colour);
	if (rc < 0) {
		free(sc);
		return rc;
	}
	sc->canvas.ascii = tui_terminal_ascii();
	*ret_self = sc;
	return 0;
}

static void screen_draw(struct screen *sc)
{
	int rows, cols;
	tui_terminal_size(&rows, &cols);
	if ((rows != sc->canvas.rows || cols != sc->canvas.cols) && tui_canvas_resize(&sc->canvas, rows, cols) < 0)
		return;
	tui_canvas_clear(&sc->canvas);
	struct tui_box all = {0, 0, rows, cols};
	if (sc->choice != NULL)
		tui_view_chooser(&sc->canvas, &all, sc->choice, sc->nchoices, &sc->chooser);
	else
		tui_view_main(&sc->canvas, &all, &sc->last, &sc->state);
	tui_terminal_show(&sc->canvas);
}

static void screen_frame(void *self, const struct gcs_snapshot *snap)
{
	struct screen *sc = self;
	if (sc->choice != NULL) /* what the user had chosen for one record is not for the next */
		sc->state = (struct tui_state){.no_colour = sc->state.no_colour};
	sc->choice = NULL;
	if (snap->now_ns >= sc->state.notice_until_ns)
		sc->state.notice[0] = '\0';
	if (!sc->state.frozen || !sc->have)
		sc->last = *snap;
	sc->have = true;
	screen_draw(sc);
}

/* The list outlives the frames that show it. */
static void screen_list(void *self, const struct gcs_choice *choice, uint32_t n)
{
	struct screen *sc = self;
	sc->choice = choice;
	sc->nchoices = n;
	sc->have = false;
	screen_draw(sc);
}

static struct gcs_request screen_poll(void *self)
{
	struct screen *sc = self;
	struct gcs_request req = {.act = GCS_DO_NOTHING};
	int key = 0;
	while ((sc->have || sc->choice) && req.act == GCS_DO_NOTHING && (key = tui_terminal_key()) != TUI_KEY_NONE)
		req = sc->choice ? tui_chooser_key(&sc->chooser, sc->choice, sc->nchoices, key)
				 : tui_screen_key(&sc->state, &sc->last, key);
	if (sc->have || sc->choice)
		screen_draw(sc);
	return req;
}

static int screen_fd(void *self)
{
	(void)self;
	return STDIN_FILENO;
}

static void screen_close(void *self)
{
	struct screen *sc = self;
	tui_terminal_close();
	tui_canvas_fini(&sc->canvas);
	free(sc);
}

const struct gcs_display tui_screen_display = {
	.name = "tui",
	.open = screen_open,
	.frame = screen_frame,
	.list = screen_list,
	.poll = screen_poll,
	.fd = screen_fd,
	.close = screen_close,
};
