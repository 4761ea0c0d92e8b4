/* mouse.c: reports of the mouse; see mouse.h. */
#include "tui/mouse.h"

#define MOUSE_VALUE_MAX 9999 /* no terminal is larger */
enum { MOUSE_BUTTON, MOUSE_COL, MOUSE_ROW, MOUSE_VALUES };
/* In the button: modifiers, which change nothing; a move; the wheel. */
enum { MOUSE_MODIFIERS = 4 | 8 | 16, MOUSE_MOVE = 32, MOUSE_WHEEL = 64 };

void tui_mouse_begin(struct tui_mouse_reader *r, bool sgr)
{
	*r = (struct tui_mouse_reader){.reading = true, .sgr = sgr};
}

static int mouse_whole(const struct tui_mouse_reader *r, struct tui_mouse *ret)
{
	int button = r->value[MOUSE_BUTTON] & ~MOUSE_MODIFIERS;
	if (r->value[MOUSE_COL] < 1 || r->value[MOUSE_ROW] < 1)
		return 0;
	if (button != 0 && button != MOUSE_WHEEL && button != MOUSE_WHEEL + 1)
		return 0; /* another button, a move; in the old form 3 is any that is let go */
	ret->row = r->value[MOUSE_ROW] - 1;
	ret->col = r->value[MOUSE_COL] - 1;
	ret->act = button == 0 ? TUI_MOUSE_PRESS : button == MOUSE_WHEEL ? TUI_MOUSE_WHEEL_UP : TUI_MOUSE_WHEEL_DOWN;
	return 1;
}

static int mouse_old(struct tui_mouse_reader *r, int byte, struct tui_mouse *ret)
{
	r->value[r->n++] = byte - 32;
	r->reading = byte >= 32 && r->n < MOUSE_VALUES;
	if (byte < 32)
		return -1;
	return r->n == MOUSE_VALUES ? mouse_whole(r, ret) : 0;
}

static int mouse_sgr(struct tui_mouse_reader *r, int byte, struct tui_mouse *ret)
{
	int *value = &r->value[r->n];
	if (byte >= '0' && byte <= '9' && *value <= MOUSE_VALUE_MAX) {
		*value = *value * 10 + byte - '0';
		return 0;
	}
	if (byte == ';' && r->n + 1 < MOUSE_VALUES) {
		r->n++;
		return 0;
	}
	r->reading = false;
	if ((byte != 'M' && byte != 'm') || r->n + 1 != MOUSE_VALUES)
		return -1;
	return byte == 'M' ? mouse_whole(r, ret) : 0;
}

int tui_mouse_feed(struct tui_mouse_reader *r, int byte, struct tui_mouse *ret)
{
	return r->sgr ? mouse_sgr(r, byte, ret) : mouse_old(r, byte, ret);
}
