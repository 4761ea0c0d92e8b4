/*
 * terminal.h: the one place that knows curses.
 */
#pragma once

#include "tui/canvas.h"
#include "tui/mouse.h"

enum tui_key {
	TUI_KEY_NONE = -1, /* nothing typed */
	TUI_KEY_UP = 0x1000, TUI_KEY_DOWN, TUI_KEY_PAGE_UP, TUI_KEY_PAGE_DOWN, TUI_KEY_LEFT, TUI_KEY_RIGHT,
	TUI_KEY_SHIFT_LEFT, TUI_KEY_SHIFT_RIGHT, TUI_KEY_HOME, TUI_KEY_END,
	TUI_KEY_ENTER, TUI_KEY_BACKSPACE, TUI_KEY_ESCAPE, TUI_KEY_BACK_TAB,
	TUI_KEY_MOUSE, /* see tui_terminal_mouse */
	TUI_KEY_F1 = 0x1100 /* + n - 1 */
};

/* Takes the terminal over: that of standard input and output, or where one of them is something else, the one that the program was
 * started from (/dev/tty), so that a result can go into a file. 0; -ENOTTY: there is none; -ENXIO: its type is unknown or cannot
 * place its cursor. What it was it is again after tui_terminal_close, after a crash (rescue.h), and while Ctrl-Z lasts. */
struct tui_terminal_wishes { bool no_colour, no_mouse; };
int tui_terminal_open(struct tui_terminal_wishes wishes);
void tui_terminal_close(void);   /* idempotent; waits until the terminal has taken what makes it as it was, or is gone */
/* The size now; asks the kernel, so that no signal has to be caught. */
void tui_terminal_size(int *ret_rows, int *ret_cols);
bool tui_terminal_ascii(void);   /* the locale shows no more than ASCII */
bool tui_terminal_console(void); /* it is a Linux console: its font has few glyphs */
/* Draws what has changed. Waits so long at most for a terminal that takes it slowly; while there is something that it has not taken (Ctrl-S, a
 * connection that stalls) frames are left out, and nobody waits. */
void tui_terminal_show(const struct tui_canvas *c, int64_t patience_ns);
/* A character, an enum tui_key, or TUI_KEY_NONE; never waits. */
int tui_terminal_key(void);
/* What TUI_KEY_MOUSE, the last key, was about. */
struct tui_mouse tui_terminal_mouse(void);
/* Readable when a key is there; -1 once the terminal has gone. */
int tui_terminal_fd(void);
