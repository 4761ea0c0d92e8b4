/* palette.c: the colour scheme; see palette.h. */
#include "tui/palette.h"

/* Of the eight that every terminal with colours has. */
enum { ANSI_OWN = -1, ANSI_RED = 1, ANSI_GREEN, ANSI_YELLOW, ANSI_BLUE, ANSI_MAGENTA, ANSI_CYAN };

static const struct {
	struct tui_shade many; /* of the 6x6x6 cube and up */
	struct tui_shade few, none;
} palette_rows[TUI_ROLES] = {
	[TUI_PLAIN] = {{.colour = -1}, {.colour = ANSI_OWN}, {.colour = -1}},
	[TUI_DIM] = {{.colour = -1, .dim = true}, {.colour = ANSI_OWN, .dim = true}, {.colour = -1}},
	[TUI_RULE] = {{.colour = 67}, {.colour = ANSI_BLUE}, {.colour = -1}},
	[TUI_TITLE] = {{.colour = -1, .bold = true}, {.colour = ANSI_OWN, .bold = true}, {.colour = -1, .bold = true}},
	[TUI_GOOD] = {{.colour = 30}, {.colour = ANSI_GREEN}, {.colour = -1}},
	[TUI_WARN] = {{.colour = 136, .bold = true}, {.colour = ANSI_YELLOW, .bold = true}, {.colour = -1, .bold = true}},
	[TUI_BAD] = {{.colour = 166, .bold = true}, {.colour = ANSI_RED, .bold = true}, {.colour = -1, .reverse = true}},
	[TUI_FAULT] = {{.colour = 133, .bold = true}, {.colour = ANSI_MAGENTA, .bold = true}, {.colour = -1, .bold = true}},
	[TUI_BAR] = {{.colour = 32}, {.colour = ANSI_CYAN}, {.colour = -1}},
	[TUI_HEAP] = {{.colour = 30}, {.colour = ANSI_GREEN}, {.colour = -1}},
	[TUI_GOAL] = {{.colour = 136}, {.colour = ANSI_YELLOW}, {.colour = -1}},
	[TUI_KEY] = {{.colour = 32, .bold = true}, {.colour = ANSI_CYAN, .bold = true}, {.colour = -1, .bold = true}},
	[TUI_SELECTED] = {{.colour = -1, .bold = true}, {.colour = ANSI_OWN, .bold = true}, {.colour = -1, .bold = true}},
	[TUI_CURSOR] = {{.colour = -1, .reverse = true}, {.colour = ANSI_OWN, .reverse = true}, {.colour = -1, .reverse = true}},
};

/* Where there are more than 256 a number is not one of the cube, but red, green and blue in its bits; the first eight remain. */
struct tui_shade tui_palette(enum tui_role role, int colours)
{
	return colours < 8 ? palette_rows[role].none : colours == 256 ? palette_rows[role].many : palette_rows[role].few;
}
