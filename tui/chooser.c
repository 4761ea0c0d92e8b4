/* chooser.c: the list of runs: moving in it, filtering it, drawing it. */
#include "tui/terminal.h"
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- what passes the filter */

static bool chooser_passes(const struct tui_chooser *ch, const struct gcs_choice *c)
{
	return tui_filter_has(c->name, ch->filter) || tui_filter_has(c->verdict, ch->filter) || tui_filter_has(c->when, ch->filter) ||
	       (c->by_hand && tui_filter_has("by hand", ch->filter)) || (c->sim && tui_filter_has("simulated", ch->filter));
}

static int chooser_count(const struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n)
{
	int count = 0;
	for (uint32_t i = 0; i < n; i++)
		count += chooser_passes(ch, &choice[i]);
	return count;
}

/* ---------------------------------------------------------------- keys */

static struct gcs_request chooser_chosen(const struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, enum gcs_act act)
{
	int at = 0;
	for (uint32_t i = 0; i < n; i++)
		if (chooser_passes(ch, &choice[i]) && at++ == ch->at)
			return (struct gcs_request){.act = act, .fault = i};
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static int chooser_step(int key)
{
	switch (key) {
	case 'k': case TUI_KEY_UP: return -1;
	case 'j': case TUI_KEY_DOWN: return 1;
	case TUI_KEY_PAGE_UP: return -10;
	case TUI_KEY_PAGE_DOWN: return 10;
	case 'g': case TUI_KEY_HOME: return -(1 << 20);
	case 'G': case TUI_KEY_END: return 1 << 20;
	default: return 0;
	}
}

struct gcs_request tui_chooser_key(struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, int key)
{
	struct gcs_request none = {.act = GCS_DO_NOTHING};
	if (ch->typing && key != TUI_KEY_ENTER && key != TUI_KEY_ESCAPE && key != TUI_KEY_UP && key != TUI_KEY_DOWN) {
		tui_filter_type(ch->filter, sizeof ch->filter, key);
		ch->at = 0;
		return none;
	}
	bool typed = ch->typing;
	ch->typing = false;
	if (key == TUI_KEY_ESCAPE && !typed && !ch->filter[0] && ch->with[0])
		return (struct gcs_request){.act = GCS_DO_LIST};
	if (key == TUI_KEY_ESCAPE)
		ch->filter[0] = '\0';
	if (key == 'c' || key == ' ')
		return chooser_chosen(ch, choice, n, GCS_DO_COMPARE);
	if (key == TUI_KEY_ENTER && !typed)
		return chooser_chosen(ch, choice, n, GCS_DO_CHOOSE);
	if (key == '/')
		ch->typing = true;
	if (key == 'q' || key == TUI_KEY_F1 + 9)
		return (struct gcs_request){.act = GCS_DO_QUIT};
	int to = ch->at + chooser_step(key), last = chooser_count(ch, choice, n) - 1;
	ch->at = to > last ? last : to;
	ch->at = ch->at < 0 ? 0 : ch->at;
	return none;
}

struct gcs_request tui_chooser_point(struct tui_chooser *ch, const struct gcs_choice *choice, uint32_t n, struct tui_mouse at)
{
	int last = chooser_count(ch, choice, n) - 1, to = ch->top + at.row - 1; /* row 0 is the rule */
	if (at.act != TUI_MOUSE_PRESS)
		return tui_chooser_key(ch, choice, n, at.act == TUI_MOUSE_WHEEL_UP ? TUI_KEY_UP : TUI_KEY_DOWN);
	ch->typing = false;
	if (at.row < 1 || at.row > ch->room || to > last)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	if (to == ch->at)
		return chooser_chosen(ch, choice, n, GCS_DO_CHOOSE);
	ch->at = to;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* ---------------------------------------------------------------- the picture */

static void chooser_row(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_choice *r, bool selected)
{
	enum tui_role base = selected ? TUI_SELECTED : TUI_PLAIN;
	enum tui_role verdict = r->failed || r->unreadable ? TUI_BAD : r->unfinished ? TUI_WARN : TUI_GOOD;
	int when = box->cols >= 110 ? 19 : 16; /* with seconds, or without */
	int name = box->cols - when - 42 < 48 ? box->cols - when - 42 : 48;
	name = name < 8 ? 8 : name;
	tui_print(c, box, row, 0, TUI_KEY, "%s%s", selected ? ">" : " ", r->marked ? "*" : "");
	bool bare = !r->read || r->unreadable;
	int col = tui_print(c, box, row, 2, base, "%-*.*s", name, bare ? name + when + 1 : name, r->name);
	if (!r->read)
		return;
	if (!bare)
		tui_print(c, box, row, col + 1, TUI_DIM, "%-*.*s", when, when, r->when);
	col = 2 + name + 1 + when;
	col = tui_print(c, box, row, col, base, " %8s  ", r->length);
	col = tui_print(c, box, row, col, verdict, "%-14s", r->verdict);
	tui_print(c, box, row, col + 1, TUI_WARN, "%s", r->by_hand ? "by hand" : r->sim ? "simulated" : "");
}

static void chooser_keys(struct tui_canvas *c, const struct tui_box *box, int row, const struct tui_chooser *ch)
{
	const char *enter = ch->with[0] ? "compare" : "look at it", *esc = ch->with[0] && !ch->filter[0] ? "back" : "no filter";
	const struct { const char *key, *what; } keys[] = {
		{"j k", "choose"}, {"Enter", enter}, {"c", "compare"}, {"/", "filter"}, {"Esc", esc}, {"q", "quit"}};
	int col = 1;
	if (ch->typing) {
		col = tui_print(c, box, row, col, TUI_KEY, "/%s", ch->filter);
		tui_print(c, box, row, col, TUI_SELECTED, "_");
		return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (keys[i].key[0] == 'c' && ch->with[0])
			continue;
		col = tui_print(c, box, row, col, TUI_KEY, "%s", keys[i].key);
		col = tui_print(c, box, row, col, TUI_DIM, " %s  ", keys[i].what);
	}
}

void tui_view_chooser(struct tui_canvas *c, const struct tui_box *box, const struct gcs_choice *choice, uint32_t n,
		      struct tui_chooser *ch)
{
	char title[192], what[96];
	int count = chooser_count(ch, choice, n), room = box->rows - 3, at = 0;
	room = room < 1 ? 1 : room;
	ch->room = room;
	ch->at = ch->at >= count ? count - 1 : ch->at;
	ch->at = ch->at < 0 ? 0 : ch->at;
	ch->top = ch->at < ch->top ? ch->at : ch->at >= ch->top + room ? ch->at - room + 1 : ch->top;
	snprintf(what, sizeof what, "%s%.40s%s", ch->with[0] ? "COMPARE " : "RUNS", ch->with, ch->with[0] ? " WITH" : "");
	if (ch->filter[0] != '\0')
		snprintf(title, sizeof title, "%s, newest first  %d of %u have '%s'", what, count, n, ch->filter);
	else
		snprintf(title, sizeof title, "%s, newest first  %u", what, n);
	tui_rule(c, box, 0, title);
	for (uint32_t i = 0; i < n; i++) {
		if (!chooser_passes(ch, &choice[i]))
			continue;
		struct tui_box row = {box->row + 1, box->col, room, box->cols};
		chooser_row(c, &row, at - ch->top, &choice[i], at == ch->at);
		at++;
	}
	if (count == 0)
		tui_print(c, box, 2, 2, TUI_DIM, "%s", "none has that; Esc shows all of them again");
	tui_rule(c, box, box->rows - 2, NULL);
	chooser_keys(c, box, box->rows - 1, ch);
}
