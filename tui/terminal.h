/*
 * terminal.h: the one place that knows curses.
 */
#pragma once

#include "tui/canvas.h"

enum tui_key {
	TUI_KEY_NONE = -1, /* nothing typed */
	TUI_KEY_UP = 0x1000, TUI_KEY_DOWN, TUI_KEY_PAGE_UP, TUI_KEY_PAGE_DOWN, TUI_KEY_LEFT, TUI_KEY_RIGHT,
	TUI_KEY_SHIFT_LEFT, TUI_KEY_SHIFT_RIGHT, TUI_KEY_HOME, TUI_KEY_END,
	TUI_KEY_ENTER, TUI_KEY_BACKSPACE, TUI_KEY_ESCAPE, TUI_KEY_BACK_TAB,
	TUI_KEY_F1 = 0x1100 /* + n - 1 */
};

/* Takes the terminal over. 0; -ENOTTY; -ENXIO: the terminal is of an unknown type. */
int tui_terminal_open(bool no_colour);
void tui_terminal_close(void);   /* idempotent */
/* The size now; asks the kernel, so that no signal has to be caught. */
void tui_terminal_size(int *ret_rows, int *ret_cols);
bool tui_terminal_ascii(void);   /* the locale shows no more than ASCII */
void tui_terminal_show(const struct tui_canvas *c);
/* A character, an enum tui_key, or TUI_KEY_NONE; never waits. */
int tui_terminal_key(void);
