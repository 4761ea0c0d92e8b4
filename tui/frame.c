/*
 * frame.c: what is around every screen: the run's title and timeline above, a record's player, the footer below, the help over it;
 * and the table of screens.
 */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

const struct tui_screen_info tui_screens[TUI_SCREENS] = {
#define SCREEN(ID, fkey, name, word, about)                                                                                 \
	[TUI_SCREEN_##ID] = {#name, about, fkey, tui_view_##name, tui_##name##_command, tui_##name##_point,	\
				tui_##name##_reading},
#include "tui/screens.def"
#undef SCREEN
};

#define FRAME_LEAST_ROWS 5 /* below, only a sentence */
#define FRAME_LEAST_COLS 24

/* ---------------------------------------------------------------- footer */

/* A line's word where the run or record says otherwise; NULL: it is not for now. */
static const char *frame_word(const struct gcs_snapshot *s, const struct tui_state *st, const struct tui_binding *b)
{
	const char *word = strchr(b->footer, ' ');
	if (b->command == TUI_DO_PLAY)
		return s->playback.paused ? "play" : "pause";
	if (b->command == TUI_DO_FOLLOW && (!s->playback.live || s->playback.following))
		return NULL;
	if (b->command == TUI_DO_MAIN && st->screen == TUI_SCREEN_MAIN)
		return NULL;
	if (b->command == TUI_DO_LIST && !s->playback.from_list)
		return NULL;
	return word ? word + 1 : NULL;
}

static bool frame_must(const struct tui_binding *b)
{
	return b->command == TUI_DO_HELP || b->command == TUI_DO_QUIT;
}

static int frame_key_width(const struct gcs_snapshot *s, const struct tui_state *st, const struct tui_binding *b)
{
	if (!tui_binding_leads(b) || b->footer[0] == '\0' || !tui_binding_holds(b, st->screen, s->playback.active))
		return 0;
	if (b->command == (enum tui_command)(TUI_DO_SCREEN + (int)st->screen))
		return 0; /* here we are */
	/* a line of everybody's whose first key a screen has taken for itself */
	if (tui_key_command(b->first, st->screen, s->playback.active) != b->command)
		return 0;
	const char *word = frame_word(s, st, b);
	return word ? (int)(strcspn(b->footer, " ") + strlen(word)) + 2 : 0;
}

static bool frame_leads_to_screen(const struct tui_binding *b)
{
	return b->command >= TUI_DO_SCREEN && b->command <= TUI_DO_SCREEN_LAST;
}

/* What the keys of all screens take. */
static int frame_screens_width(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int width = 0;
	for (size_t i = 0; i < tui_bindings_count; i++)
		width += frame_leads_to_screen(&tui_bindings[i]) ? frame_key_width(s, st, &tui_bindings[i]) : 0;
	return width;
}

/* All of them in short, where there is no room to name each: the help does. Takes its columns off the room. */
static int frame_screens(struct tui_canvas *c, const struct tui_box *box, int row, int col, int *room)
{
	int first = 0, last = 0;
	char keys[16];
	for (int i = 0; i < TUI_SCREENS; i++) {
		int fkey = tui_screens[i].fkey;
		first = fkey && (!first || fkey < first) ? fkey : first;
		last = fkey > last ? fkey : last;
	}
	int width = snprintf(keys, sizeof keys, "F%d-F%d", first, last) + (int)sizeof " screens";
	if (width > *room)
		return col;
	*room -= width;
	col = tui_print(c, box, row, col, TUI_KEY, "%s", keys);
	return tui_print(c, box, row, col, TUI_DIM, " %s ", "screens");
}

/* As many as there is room for; help and quit always. */
static void frame_keys(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s,
		       const struct tui_state *st, int room)
{
	enum { UNKNOWN, NAMED, IN_SHORT } screens = UNKNOWN;
	int col = 1;
	for (size_t i = 0; i < tui_bindings_count; i++)
		if (frame_must(&tui_bindings[i]))
			room -= frame_key_width(s, st, &tui_bindings[i]);
	for (size_t i = 0; i < tui_bindings_count; i++) {
		const struct tui_binding *b = &tui_bindings[i];
		int width = frame_key_width(s, st, b);
		if (width && screens == UNKNOWN && frame_leads_to_screen(b)) {
			screens = frame_screens_width(s, st) <= room ? NAMED : IN_SHORT;
			col = screens == IN_SHORT ? frame_screens(c, box, row, col, &room) : col;
		}
		if (screens == IN_SHORT && frame_leads_to_screen(b))
			continue;
		if (width == 0 || (!frame_must(b) && width > room))
			continue;
		room -= frame_must(b) ? 0 : width;
		col = tui_print(c, box, row, col, TUI_KEY, "%.*s", (int)strcspn(b->footer, " "), b->footer);
		col = tui_print(c, box, row, col, TUI_DIM, " %s ", frame_word(s, st, b));
	}
}

static void frame_headline(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			   const struct tui_state *st)
{
	char ask[TUI_ASK_TEXT + 96];
	tui_ask_says(st, s, ask, sizeof ask);
	if (st->confirm_quit)
		tui_print(c, box, 0, 1, TUI_BAD, "%s", "Stop the run? Every fault is disarmed first.  y yes   any other key no");
	else if (ask[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", ask);
	else if (st->log.typing)
		tui_print(c, box, 0, 1, TUI_TITLE, "/%s_   Enter keeps it, Esc drops it", st->log.filter);
	else if (st->notice[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", st->notice);
	else if (s->playback.notice[0] != '\0')
		tui_print(c, box, 0, 1, TUI_TITLE, "%s", s->playback.notice);
	else
		tui_print(c, box, 0, 1, s->integrity_errors ? TUI_BAD : TUI_PLAIN, "%s", s->headline);
}

void tui_view_footer(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	char cost[64];
	frame_headline(c, box, s, st);
	snprintf(cost, sizeof cost, "lost %llu  inj %.1f%% ", (unsigned long long)s->samples_lost, s->injector_cost * 100);
	bool told = box->cols >= 100;
	frame_keys(c, box, 1, s, st, box->cols - 2 - (told ? (int)strlen(cost) + 2 : 0));
	if (told)
		tui_print_right(c, box, 1, 1, s->samples_lost ? TUI_BAD : TUI_DIM, "%s", cost);
}

/* ---------------------------------------------------------------- the whole */

static struct tui_box frame_body(const struct tui_box *box, const struct gcs_snapshot *s)
{
	int above = tui_frame_whole(box->rows, box->cols) ? 2 + s->playback.active : 1;
	int below = tui_frame_whole(box->rows, box->cols) ? 2 : 1;
	return (struct tui_box){box->row + above, box->col, box->rows - above - below, box->cols};
}

struct tui_box tui_frame_body(const struct gcs_snapshot *s, const struct tui_state *st)
{
	struct tui_box all = {0, 0, st->rows > 0 ? st->rows : 24, st->cols > 0 ? st->cols : 80};
	return frame_body(&all, s);
}

static void frame_sentence(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	tui_print(c, box, 0, 0, TUI_WARN, "%dx%d is too small", box->cols, box->rows);
	tui_print(c, box, 1, 0, TUI_PLAIN, "%s %s", s->scenario->name, tui_clock(a, s->now_ns));
	tui_print(c, box, 2, 0, TUI_PLAIN, "STW p99 %s max %s", tui_duration(a, s->stw_total.p99_ns),
		  tui_duration(b, s->stw_total.max_ns));
	tui_print(c, box, 3, 0, TUI_PLAIN, "%s", "q quit");
}

/* One row of title, one pane, one row of footer. */
static void frame_small(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			const struct tui_state *st)
{
	struct tui_box title = {box->row, box->col, 1, box->cols};
	struct tui_box foot = {box->row + box->rows - 1, box->col, 1, box->cols}, body = frame_body(box, s);
	tui_view_title(c, &title, s, st);
	tui_screens[st->screen].draw(c, &body, s, st);
	if (st->confirm_quit || st->ask.what || st->log.typing || st->notice[0] || s->playback.notice[0]) {
		frame_headline(c, &foot, s, st);
		return;
	}
	int col = tui_print(c, &foot, 0, 0, TUI_KEY, "Tab");
	col = tui_print(c, &foot, 0, col, TUI_DIM, " pane ");
	col = tui_print(c, &foot, 0, col, TUI_KEY, "?");
	col = tui_print(c, &foot, 0, col, TUI_DIM, " help ");
	col = tui_print(c, &foot, 0, col, TUI_KEY, "q");
	tui_print(c, &foot, 0, col, TUI_DIM, " quit   all of it from 80x24");
}

static void frame_whole(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			const struct tui_state *st)
{
	struct tui_box title = {box->row, box->col, 2, box->cols}, track = {box->row + 2, box->col, 1, box->cols};
	struct tui_box foot = {box->row + box->rows - 2, box->col, 2, box->cols}, body = frame_body(box, s);
	tui_view_title(c, &title, s, st);
	if (s->playback.active)
		tui_view_player(c, &track, s, st);
	tui_screens[st->screen].draw(c, &body, s, st);
	tui_view_footer(c, &foot, s, st);
}

void tui_view_frame(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		    const struct tui_state *st)
{
	if (box->rows < FRAME_LEAST_ROWS || box->cols < FRAME_LEAST_COLS)
		frame_sentence(c, box, s);
	else if (tui_frame_whole(box->rows, box->cols))
		frame_whole(c, box, s, st);
	else
		frame_small(c, box, s, st);
	if (st->help && box->rows >= FRAME_LEAST_ROWS)
		tui_view_help(c, box, s, st);
}
