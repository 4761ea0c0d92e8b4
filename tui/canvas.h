/*
 * canvas.h: a grid of characters with meanings, filled by views and shown by terminal.c.
 *
 * Views know no terminal: they write text with a role (what it means, not its colour) into a
 * box, clipped to it.  So a view can be tested by reading the grid, and a colour scheme
 * is one table in palette.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum tui_role {
	TUI_PLAIN,
	TUI_DIM,
	TUI_RULE,     /* frames and axis */
	TUI_TITLE,
	TUI_GOOD,
	TUI_WARN,
	TUI_BAD,
	TUI_FAULT,    /* a fault, armed or fired */
	TUI_BAR,      /* a pause column */
	TUI_HEAP,
	TUI_GOAL,
	TUI_KEY,      /* the letter of a key in the help line */
	TUI_SELECTED,
	TUI_CURSOR,   /* where the keys act; a glyph beside it says the same */
	TUI_ROLES
};

struct tui_cell {
	uint32_t ch;  /* Unicode */
	uint8_t role;
};

struct tui_canvas {
	int rows, cols;
	bool ascii;   /* the terminal shows no more than ASCII */
	bool console; /* its font has of all the rest frames, halves and shades alone, as the Linux console's */
	bool braille; /* pictures of dots are wished for (dots.h) */
	struct tui_cell *cell;
};

struct tui_box {
	int row, col, rows, cols;
};

/* 0, -ENOMEM. Blank. */
int tui_canvas_resize(struct tui_canvas *c, int rows, int cols);
void tui_canvas_fini(struct tui_canvas *c);
void tui_canvas_clear(struct tui_canvas *c);

/* One character at (row, col) of the box; outside it nothing happens. Where the
 * canvas is ascii, `ch` beyond it becomes its nearest ASCII likeness; where it is a console's, what its font has not. */
void tui_put(struct tui_canvas *c, const struct tui_box *box, int row, int col, enum tui_role role,
	     uint32_t ch);
/* Formatted UTF-8 text; returns the column after it (clipped or not). Clipped, it ends in an ellipsis: the head of a figure
 * is not to be taken for the whole ("40m" of 40ms). */
int tui_print(struct tui_canvas *c, const struct tui_box *box, int row, int col, enum tui_role role,
	      const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Text that ends at the box's right edge minus `right` columns. */
void tui_print_right(struct tui_canvas *c, const struct tui_box *box, int row, int right,
		     enum tui_role role, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* A rule over the whole width of a row, and a title on it. */
void tui_rule(struct tui_canvas *c, const struct tui_box *box, int row, const char *title);

/* A row as UTF-8 without trailing blanks (tests, and the picture saved with `s`). */
size_t tui_canvas_row(const struct tui_canvas *c, int row, char *ret, size_t cap);
