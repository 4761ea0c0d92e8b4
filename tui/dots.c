/* dots.c: see dots.h. */
#include "tui/dots.h"

#define DOTS_FIRST 0x2800u
#define DOTS_ALL   0xffu

/* Unicode counts the upper six column by column, as braille had them first, and then the lowest two. */
static const uint8_t dots_bit[TUI_DOTS_HIGH][TUI_DOTS_WIDE] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

/* What a cell of the box has; 0: none, or it is outside. */
static uint32_t dots_cell(const struct tui_canvas *c, const struct tui_box *box, int row, int col)
{
	if (row < 0 || col < 0 || row >= box->rows || col >= box->cols)
		return 0;
	row += box->row;
	col += box->col;
	if (row < 0 || col < 0 || row >= c->rows || col >= c->cols)
		return 0;
	uint32_t ch = c->cell[row * c->cols + col].ch;
	return ch >= DOTS_FIRST && ch <= DOTS_FIRST + DOTS_ALL ? ch - DOTS_FIRST : 0;
}

void tui_dot(struct tui_canvas *c, const struct tui_box *box, int x, int y, enum tui_role role)
{
	if (x < 0 || y < 0)
		return;
	int row = y / TUI_DOTS_HIGH, col = x / TUI_DOTS_WIDE;
	uint32_t has = dots_cell(c, box, row, col);
	tui_put(c, box, row, col, role, DOTS_FIRST | has | dots_bit[y % TUI_DOTS_HIGH][x % TUI_DOTS_WIDE]);
}

bool tui_dot_at(const struct tui_canvas *c, const struct tui_box *box, int x, int y)
{
	return x >= 0 && y >= 0 &&
	       (dots_cell(c, box, y / TUI_DOTS_HIGH, x / TUI_DOTS_WIDE) & dots_bit[y % TUI_DOTS_HIGH][x % TUI_DOTS_WIDE]) != 0;
}

void tui_dots_bar(struct tui_canvas *c, const struct tui_box *box, int x, int high, enum tui_role role)
{
	int bottom = box->rows * TUI_DOTS_HIGH;
	for (int y = bottom - 1; y >= 0 && y >= bottom - high; y--)
		tui_dot(c, box, x, y, role);
}
