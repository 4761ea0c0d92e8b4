/*
 * palette.h: the colour scheme: what each meaning looks like on terminals with many, few and no colours.
 *
 * With 256 colours each is readable on black and on white (a contrast of 3 and more to both), and no two that stand for opposites
 * differ in red against green alone. With 8 and 16 they are the terminal's own, whose owner knows its background. What a colour
 * says, a word or glyph beside it says too.
 */
#pragma once

#include "tui/canvas.h"

struct tui_shade {
	short colour; /* -1: the terminal's own for text */
	bool bold, dim, reverse;
};

/* colours: how many the terminal has; 0: none, or none are wanted. */
struct tui_shade tui_palette(enum tui_role role, int colours);
