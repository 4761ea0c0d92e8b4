/* meter.c: a share as a bar; see view.h. */
#include "tui/view.h"

static int meter_halves(int cols, uint64_t part, uint64_t whole)
{
	if (whole == 0 || part == 0)
		return 0;
	if (part >= whole)
		return 2 * cols;
	int halves = (int)((double)part / (double)whole * 2 * cols);
	return halves < 1 ? 1 : halves >= 2 * cols ? 2 * cols - 1 : halves;
}

int tui_meter(struct tui_canvas *c, const struct tui_box *box, int row, int col, int cols, enum tui_role role, uint64_t part, uint64_t whole)
{
	int halves = meter_halves(cols, part, whole);
	for (int i = 0; i < cols; i++, halves -= 2)
		tui_put(c, box, row, col + i, halves > 0 ? role : TUI_DIM, halves >= 2 ? 0x2588 : halves == 1 ? 0x2592 : 0xb7);
	return col + cols;
}
