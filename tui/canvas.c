/* canvas.c: the grid; see canvas.h. */
#include "tui/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tui_canvas_resize(struct tui_canvas *c, int rows, int cols)
{
	if (rows < 1 || cols < 1)
		return -EINVAL;
	struct tui_cell *cell = calloc((size_t)rows * (size_t)cols, sizeof *cell);
	if (cell == NULL)
		return -ENOMEM;
	free(c->cell);
	c->cell = cell;
	c->rows = rows;
	c->cols = cols;
	tui_canvas_clear(c);
	return 0;
}

void tui_canvas_fini(struct tui_canvas *c)
{
	free(c->cell);
	*c = (struct tui_canvas){0};
}

void tui_canvas_clear(struct tui_canvas *c)
{
	for (int i = 0; i < c->rows * c->cols; i++)
		c->cell[i] = (struct tui_cell){' ', TUI_PLAIN};
}

/* The ASCII likeness of the few characters that views use beyond it. */
static uint32_t canvas_ascii(uint32_t ch)
{
	if (ch < 0x80)
		return ch;
	if (ch >= 0x2581 && ch <= 0x2588) /* lower blocks: an eighth to eight eighths */
		return ch <= 0x2582 ? '.' : ch <= 0x2585 ? ':' : '#';
	switch (ch) {
	case 0x2500: return '-'; /* horizontal line */
	case 0x2502: return '|'; /* vertical line */
	case 0x252c: case 0x2534: case 0x253c: return '+';
	case 0x00b5: return 'u'; /* micro */
	case 0x00b7: return '.'; /* middle dot */
	case 0x2026: return '~'; /* ellipsis */
	case 0x2591: return '.'; /* shades */
	case 0x2592: return ':';
	case 0x2593: return '%';
	case 0x25b8: return '>';
	case 0x2713: return 'v';
	default: return '?';
	}
}

/* What a font of 256 glyphs after CP437 has, as it is; of the rest a likeness among those. */
static uint32_t canvas_console(uint32_t ch)
{
	if (ch >= 0x2581 && ch <= 0x2587)
		return ch <= 0x2582 ? '_' : ch <= 0x2585 ? 0x2584 : 0x2588;
	switch (ch) {
	case 0x2588: case 0x2584: case 0x2500: case 0x2502: case 0x253c: case 0x252c: case 0x2534: case 0x00b5: case 0x00b7: case 0x2591:
	case 0x2592: case 0x2593: return ch;
	case 0x250a: return ':';
	default: return canvas_ascii(ch);
	}
}

static uint32_t canvas_shown(const struct tui_canvas *c, uint32_t ch)
{
	return c->ascii ? canvas_ascii(ch) : c->console ? canvas_console(ch) : ch;
}

void tui_put(struct tui_canvas *c, const struct tui_box *box, int row, int col, enum tui_role role,
	     uint32_t ch)
{
	if (row < 0 || col < 0 || row >= box->rows || col >= box->cols)
		return;
	row += box->row;
	col += box->col;
	if (row < 0 || col < 0 || row >= c->rows || col >= c->cols)
		return;
	if (ch < ' ')
		ch = ' ';
	c->cell[row * c->cols + col] =
		(struct tui_cell){canvas_shown(c, ch), (uint8_t)role};
}

/* The next code point of UTF-8 text; a broken byte counts as '?'. */
static uint32_t canvas_decode(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	int more = *s < 0x80 ? 0 : *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : -1;
	if (more < 0) {
		(*text)++;
		return '?';
	}
	uint32_t ch = more == 0 ? *s : *s & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*text += i;
			return '?';
		}
		ch = ch << 6 | (s[i] & 0x3fu);
	}
	*text += more + 1;
	return ch;
}

static int canvas_text(struct tui_canvas *c, const struct tui_box *box, int row, int col,
		       enum tui_role role, const char *text)
{
	bool begun = col < box->cols, cut = false;
	while (*text != '\0') {
		uint32_t ch = canvas_decode(&text);
		cut |= col >= box->cols && ch > ' ';
		tui_put(c, box, row, col++, role, ch);
	}
	if (begun && cut)
		tui_put(c, box, row, box->cols - 1, role, 0x2026);
	return col;
}

int tui_print(struct tui_canvas *c, const struct tui_box *box, int row, int col, enum tui_role role,
	      const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return canvas_text(c, box, row, col, role, text);
}

void tui_print_right(struct tui_canvas *c, const struct tui_box *box, int row, int right,
		     enum tui_role role, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	int width = 0;
	for (const char *s = text; *s != '\0'; width++)
		canvas_decode(&s);
	canvas_text(c, box, row, box->cols - right - width, role, text);
}

void tui_rule(struct tui_canvas *c, const struct tui_box *box, int row, const char *title)
{
	for (int col = 0; col < box->cols; col++)
		tui_put(c, box, row, col, TUI_RULE, 0x2500);
	if (title != NULL)
		tui_print(c, box, row, 1, TUI_TITLE, " %s ", title);
}

static size_t canvas_encode(uint32_t ch, char *ret)
{
	if (ch < 0x80) {
		ret[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		ret[0] = (char)(0xc0 | ch >> 6);
		ret[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	ret[0] = (char)(0xe0 | ch >> 12);
	ret[1] = (char)(0x80 | (ch >> 6 & 0x3f));
	ret[2] = (char)(0x80 | (ch & 0x3f));
	return 3;
}

size_t tui_canvas_row(const struct tui_canvas *c, int row, char *ret, size_t cap)
{
	size_t used = 0, kept = 0;
	for (int col = 0; col < c->cols && used + 4 < cap; col++) {
		uint32_t ch = c->cell[row * c->cols + col].ch;
		used += canvas_encode(ch, ret + used);
		if (ch != ' ')
			kept = used;
	}
	ret[kept] = '\0';
	return kept;
}
