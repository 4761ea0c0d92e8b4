/*
 * key.h: what keys mean, from one table (keys.def) that the handler, the footer and the help share.
 */
#pragma once

#include "tui/terminal.h"

#include <stdbool.h>
#include <stddef.h>

enum tui_screen {
#define SCREEN(ID, ...) TUI_SCREEN_##ID,
#include "tui/screens.def"
#undef SCREEN
	TUI_SCREENS
};

enum tui_command {
	TUI_DO_NOTHING,
	/* of whoever has the focus */
	TUI_DO_LEFT, TUI_DO_RIGHT, TUI_DO_UP, TUI_DO_DOWN, TUI_DO_FAR_LEFT, TUI_DO_FAR_RIGHT, TUI_DO_PAGE_UP, TUI_DO_PAGE_DOWN, TUI_DO_FIRST,
	TUI_DO_LAST, TUI_DO_ENTER, TUI_DO_ZOOM_IN, TUI_DO_ZOOM_OUT, TUI_DO_PANE_NEXT, TUI_DO_PANE_PREV, TUI_DO_WORST_CELL, TUI_DO_NEXT_EVENT,
	TUI_DO_PREV_EVENT, TUI_DO_FILTER, TUI_DO_LEVEL, TUI_DO_ORDER,
	/* of the frame */
	TUI_DO_HELP, TUI_DO_QUIT, TUI_DO_FREEZE, TUI_DO_KIND, TUI_DO_MAIN, TUI_DO_SCREEN /* + enum tui_screen */,
	TUI_DO_SCREEN_LAST = TUI_DO_SCREEN + TUI_SCREENS - 1,
	/* orders to the run */
	TUI_DO_ARM, TUI_DO_FIRE, TUI_DO_DISARM_ALL, TUI_DO_MARK,
	/* the same, after something was typed */
	TUI_DO_ARM_FOR, TUI_DO_EDIT, TUI_DO_RATE, TUI_DO_MARK_WORDS,
	/* orders to the player of a record */
	TUI_DO_PLAY, TUI_DO_NEXT_FAULT, TUI_DO_PREV_FAULT, TUI_DO_WORST, TUI_DO_WORST_ANY, TUI_DO_BACK, TUI_DO_ON, TUI_DO_FAR_BACK,
	TUI_DO_FAR_ON, TUI_DO_FOLLOW, TUI_DO_LIST, TUI_DO_WINDOW_BACK, TUI_DO_WINDOW_ON, TUI_DO_SLOWER, TUI_DO_FASTER, TUI_DO_HOME, TUI_DO_END
};

#define TUI_WHEN_LIVE	1u
#define TUI_WHEN_RECORD 2u

struct tui_binding {
	uint32_t screens, when; /* bits: enum tui_screen; TUI_WHEN_ */
	int first, last;	/* keys */
	enum tui_command command;
	const char *footer, *help; /* NULL: it belongs to the line before; help "": no line tells of it */
};
extern const struct tui_binding tui_bindings[];
extern const size_t tui_bindings_count;

static inline uint32_t tui_when(bool record)
{
	return record ? TUI_WHEN_RECORD : TUI_WHEN_LIVE;
}

/* What a key does there. */
enum tui_command tui_key_command(int key, enum tui_screen screen, bool record);
/* The name of a key in the help. */
#define TUI_KEY_NAME 16
const char *tui_key_name(int key, char ret[TUI_KEY_NAME]);
/* A binding begins a line of the help. */
static inline bool tui_binding_leads(const struct tui_binding *b)
{
	return b->help != NULL && b->help[0] != '\0';
}
/* The line holds there. */
static inline bool tui_binding_holds(const struct tui_binding *leader, enum tui_screen screen, bool record)
{
	return (leader->screens >> screen & 1) && (leader->when & tui_when(record));
}
/* The names of a line's keys, blanks between: "Left Right h l", "1..9"; without those that mean something else there. */
const char *tui_binding_keys(const struct tui_binding *leader, enum tui_screen screen, bool record, char *ret, size_t cap);
