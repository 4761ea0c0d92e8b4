/* view_help.c: the help: every screen, every key, how to read what is shown. What belongs to the screen that is open comes first. */
#include "tui/view.h"

#include <stdarg.h>
#include <stdio.h>

#define HELP_COLS 78
#define HELP_KEYS 12 /* columns of keys, unless they are more */

struct help {
	struct tui_help_line *line;
	int n;
	bool record;
};

static __attribute__((format(printf, 3, 4))) void help_add(struct help *h, bool heading, const char *fmt, ...)
{
	va_list ap;
	if (h->n == TUI_HELP_LINES)
		return;
	struct tui_help_line *l = &h->line[h->n++];
	l->heading = heading;
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof l->text, fmt, ap);
	va_end(ap);
}

static void help_screens(struct help *h)
{
	help_add(h, true, "SCREENS");
	help_add(h, false, "  F1  help");
	for (int i = 0; i < TUI_SCREENS; i++)
		if (tui_screens[i].fkey)
			help_add(h, false, "  F%d  %-8s  %s", tui_screens[i].fkey, tui_screens[i].name, tui_screens[i].about);
	help_add(h, false, "%s", "");
}

static bool help_is_own(const struct tui_binding *b)
{
	return b->screens != (1u << TUI_SCREENS) - 1;
}

static void help_key(struct help *h, const struct tui_binding *b, enum tui_screen screen)
{
	char keys[64];
	if (!tui_binding_leads(b) || !tui_binding_holds(b, screen, h->record))
		return;
	if (b->command >= TUI_DO_SCREEN && b->command <= TUI_DO_SCREEN_LAST)
		return; /* they have been told */
	tui_binding_keys(b, screen, h->record, keys, sizeof keys);
	if (keys[0])
		help_add(h, false, "  %-*s %s", HELP_KEYS, keys, b->help);
}

/* Those that are the screen's own, or everybody's. */
static void help_keys(struct help *h, enum tui_screen screen, bool own)
{
	for (size_t i = 0; i < tui_bindings_count; i++)
		if (tui_bindings[i].help && help_is_own(&tui_bindings[i]) == own)
			help_key(h, &tui_bindings[i], screen);
}

/* Everybody's lines whose keys the screen that is open has taken for itself: told with the main screen's. */
static void help_taken(struct help *h, enum tui_screen open)
{
	char keys[64];
	for (size_t i = 0; i < tui_bindings_count; i++) {
		const struct tui_binding *b = &tui_bindings[i];
		if (b->help && !help_is_own(b) && !tui_binding_keys(b, open, h->record, keys, sizeof keys)[0])
			help_key(h, b, TUI_SCREEN_MAIN);
	}
}

static void help_reading(struct help *h, enum tui_screen screen)
{
	for (const char *const *l = tui_screens[screen].reading; *l; l++)
		help_add(h, false, "%s", *l);
}

static const char *const help_of_a_record[] = {
	"  Everything is as it stood at that moment; percentiles, rates and SLOs as of",
	"  the last whole window. Until an occurrence is over, > before a count means",
	"  at least. Between collections the heap is drawn as a straight line. Losses",
	"  and injector cost are those of the whole record.",
	"  Track and strip: = a fault was armed, O it fired, > where you are.",
};

int tui_help_lines(const struct gcs_snapshot *s, const struct tui_state *st, struct tui_help_line line[TUI_HELP_LINES])
{
	struct help h = {line, 0, s->playback.active};
	help_screens(&h);
	help_add(&h, true, "%s, %s SCREEN", h.record ? "KEYS OF A RECORD" : "KEYS OF A RUN", tui_screens[st->screen].name);
	help_keys(&h, st->screen, true);
	help_keys(&h, st->screen, false);
	help_add(&h, false, "%s", "");
	help_add(&h, true, "READING IT");
	help_reading(&h, st->screen);
	for (size_t i = 0; h.record && i < sizeof help_of_a_record / sizeof help_of_a_record[0]; i++)
		help_add(&h, false, "%s", help_of_a_record[i]);
	for (int i = 0; i < TUI_SCREENS; i++) {
		if (i == (int)st->screen)
			continue;
		help_add(&h, false, "%s", "");
		help_add(&h, true, "ON THE %s SCREEN", tui_screens[i].name);
		help_keys(&h, (enum tui_screen)i, true);
		if (i == TUI_SCREEN_MAIN)
			help_taken(&h, st->screen);
		help_reading(&h, (enum tui_screen)i);
	}
	return h.n;
}

void tui_view_help(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	struct tui_help_line line[TUI_HELP_LINES];
	int n = tui_help_lines(s, st, line), rows = n + 2 < box->rows ? n + 2 : box->rows, room = rows - 2;
	int cols = box->cols < HELP_COLS ? box->cols : HELP_COLS;
	int top = st->help_top > n - room ? n - room : st->help_top;
	struct tui_box page = {box->row + (box->rows - rows) / 2, box->col + (box->cols - cols) / 2, rows, cols};
	for (int row = 0; row < box->rows; row++)
		for (int col = 0; col < box->cols; col++)
			tui_put(c, box, row, col, TUI_PLAIN, ' ');
	tui_rule(c, &page, 0, "HELP");
	for (int i = 0; i < room; i++)
		tui_print(c, &page, 1 + i, 1, line[top + i].heading ? TUI_TITLE : TUI_PLAIN, "%s", line[top + i].text);
	tui_rule(c, &page, rows - 1,
		 top + room < n ? "more below: Down, PgDn   any key closes"
		 : top > 0     ? "more above: Up, PgUp   any key closes"
			       : "any key closes");
}
