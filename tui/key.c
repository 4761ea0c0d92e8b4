/* key.c: the table of keys, and its names; see key.h. */
#include "tui/key.h"

#include <stdio.h>

#define LIVE   TUI_WHEN_LIVE
#define RECORD TUI_WHEN_RECORD
#define BOTH   (LIVE | RECORD)

enum { /* the bits of keys.def */
#define SCREEN(ID, ...) ON_##ID = 1 << TUI_SCREEN_##ID,
#include "tui/screens.def"
#undef SCREEN
	ON_ALL = (1 << TUI_SCREENS) - 1,
	ON_TIMED = ON_MAIN | ON_MAPS | ON_PAUSES | ON_TIMELINE | ON_SCHED | ON_COMPARE, /* with a time axis */
	ON_PANED = ON_MAIN | ON_MAPS | ON_PAUSES | ON_SCHED | ON_COMPARE,
	ON_LISTS = ON_MAPS | ON_SCHED | ON_EVENTS /* that have no use for left and right */
};

/* screens and when of ALSO are 0 here: those of the line. */
const struct tui_binding tui_bindings[] = {
#define KEY(screens, when, first, last, command, footer, help) {ON_##screens, when, first, last, TUI_DO_##command, footer, help},
#define ALSO(first, last, command)			       {0, 0, first, last, TUI_DO_##command, NULL, NULL},
#define HUSH(screens, when, first, last, command)	       {ON_##screens, when, first, last, TUI_DO_##command, "", ""},
#define SCREEN_KEY(ID, fkey, word, about)                                                                                  \
	{ON_ALL, BOTH, fkey ? TUI_KEY_F1 + fkey - 1 : TUI_KEY_NONE, fkey ? TUI_KEY_F1 + fkey - 1 : TUI_KEY_NONE,            \
	 (enum tui_command)((int)TUI_DO_SCREEN + (int)TUI_SCREEN_##ID), fkey ? "F" #fkey " " word : "", fkey ? about : ""},
#include "tui/keys.def"
#undef KEY
#undef ALSO
#undef HUSH
#undef SCREEN_KEY
};
const size_t tui_bindings_count = sizeof tui_bindings / sizeof tui_bindings[0];

enum tui_command tui_key_command(int key, enum tui_screen screen, bool record)
{
	const struct tui_binding *line = tui_bindings;
	for (size_t i = 0; i < tui_bindings_count && key != TUI_KEY_NONE; i++) {
		const struct tui_binding *b = &tui_bindings[i];
		line = b->help ? b : line;
		if (key >= b->first && key <= b->last && (line->screens >> screen & 1) && (line->when & tui_when(record)))
			return b->command;
	}
	return TUI_DO_NOTHING;
}

/* ---------------------------------------------------------------- names */

const char *tui_key_name(int key, char ret[TUI_KEY_NAME])
{
	static const struct { int key; const char *name; } names[] = {
		{' ', "SPC"}, {'\t', "Tab"}, {TUI_KEY_BACK_TAB, "Shift-Tab"}, {TUI_KEY_UP, "Up"}, {TUI_KEY_DOWN, "Down"},
		{TUI_KEY_LEFT, "Left"}, {TUI_KEY_RIGHT, "Right"}, {TUI_KEY_SHIFT_LEFT, "Shift-Left"},
		{TUI_KEY_SHIFT_RIGHT, "Shift-Right"}, {TUI_KEY_PAGE_UP, "PgUp"}, {TUI_KEY_PAGE_DOWN, "PgDn"}, {TUI_KEY_HOME, "Home"},
		{TUI_KEY_END, "End"}, {TUI_KEY_ENTER, "Enter"}, {TUI_KEY_BACKSPACE, "Backspace"}, {TUI_KEY_ESCAPE, "Esc"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].key == key) {
			snprintf(ret, TUI_KEY_NAME, "%s", names[i].name);
			return ret;
		}
	if (key >= TUI_KEY_F1 && key < TUI_KEY_F1 + 12)
		snprintf(ret, TUI_KEY_NAME, "F%d", key - TUI_KEY_F1 + 1);
	else
		snprintf(ret, TUI_KEY_NAME, "%c", key > ' ' && key < 0x7f ? key : '?');
	return ret;
}

const char *tui_binding_keys(const struct tui_binding *leader, enum tui_screen screen, bool record, char *ret, size_t cap)
{
	const struct tui_binding *end = tui_bindings + tui_bindings_count, *b = leader;
	char first[TUI_KEY_NAME], last[TUI_KEY_NAME];
	size_t used = 0;
	ret[0] = '\0';
	do {
		bool taken = tui_key_command(b->first, screen, record) != b->command, range = b->last > b->first;
		if (!taken && used < cap)
			used += (size_t)snprintf(ret + used, cap - used, "%s%s%s%s", used ? " " : "", tui_key_name(b->first, first),
						 range ? ".." : "", range ? tui_key_name(b->last, last) : "");
	} while (++b < end && !b->help);
	return ret;
}
