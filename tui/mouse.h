/*
 * mouse.h: what a terminal reports of its mouse, byte by byte.
 *
 * Two forms: SGR (mode 1006), the head ESC [ < and then decimal numbers "button;column;row" ending in M (pressed) or m (let go); and
 * the old one, the head ESC [ M and three bytes, each 32 more than it says. The terminal may cut a report anywhere, so the reader
 * keeps what it has: the rest of one must never be taken for keys, whose figures arm faults.
 */
#pragma once

#include <stdbool.h>

enum tui_mouse_act { TUI_MOUSE_PRESS, TUI_MOUSE_WHEEL_UP, TUI_MOUSE_WHEEL_DOWN };
struct tui_mouse {
	int row, col; /* from 0 */
	enum tui_mouse_act act;
};

struct tui_mouse_reader {
	bool reading, sgr;
	int n, value[3]; /* numbers begun, and as far as they go */
};

/* A head was read. */
void tui_mouse_begin(struct tui_mouse_reader *r, bool sgr);
/* The next byte of a report that was begun. 1: *ret is what was done; 0: it takes more, or was of no interest (let go, moved, another
 * button: then `reading` ends); -1: this is no report, and the byte is none of it. */
int tui_mouse_feed(struct tui_mouse_reader *r, int byte, struct tui_mouse *ret);
