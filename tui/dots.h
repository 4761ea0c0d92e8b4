/*
 * dots.h: pictures out of dots, two by four to a cell: the characters of braille, U+2800 to U+28FF.
 *
 * Dots are counted from the corner of a box, x to the right and y down: the dot (x, y) is in the cell (y / 4, x / 2). The canvas itself
 * keeps them: a dot is added to what its cell has, and what was there of another kind is replaced. A cell has one role for its eight
 * dots, that of the dot put last. Nothing happens outside of the box or the canvas.
 */
#pragma once

#include "tui/canvas.h"

#define TUI_DOTS_WIDE 2 /* of a cell */
#define TUI_DOTS_HIGH 4

/* Braille is wished for, and the terminal can show it. Views ask this and nothing else. */
static inline bool tui_dots_wanted(const struct tui_canvas *c)
{
	return c->braille && !c->ascii && !c->console;
}
void tui_dot(struct tui_canvas *c, const struct tui_box *box, int x, int y, enum tui_role role);
/* Is it set? */
bool tui_dot_at(const struct tui_canvas *c, const struct tui_box *box, int x, int y);
/* `high` dots one above the other, from the bottom of the box; more than there are: all of them. */
void tui_dots_bar(struct tui_canvas *c, const struct tui_box *box, int x, int high, enum tui_role role);
