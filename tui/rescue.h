/*
 * rescue.h: gives the terminal back out of a signal handler, which may only write what was made ready before and set modes.
 *
 * - A signal that the program dies of and nobody handles (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT): then the signal has the effect that it would have
 *   had without us (a core, a sanitizer's report).
 * - SIGTSTP (Ctrl-Z), where curses has a handler of its own: that one draws, and so allocates, in whatever was interrupted. Ours gives the terminal
 *   back, stops, takes it again; the whole screen is to be drawn anew then.
 *
 * One terminal at a time, one thread that arms and disarms; the handlers run on whichever thread is hit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#define TUI_RESCUE_BYTES 256

/* What makes the terminal as it was, or ours again: bytes for it, in order. */
struct tui_rescue_bytes {
	char text[TUI_RESCUE_BYTES];
	size_t n;
};

/* One more of them, without its padding, which only old terminals want. NULL, or one that does not fit: left out. */
void tui_rescue_add(struct tui_rescue_bytes *b, const char *capability);

/* fd_in, fd_out: the terminal; before: its modes as we found them; leave and enter: as above, copied. After curses has begun, with its handlers. */
void tui_rescue_arm(int fd_in, int fd_out, const struct termios *before, const struct tui_rescue_bytes *leave,
		    const struct tui_rescue_bytes *enter);
/* Idempotent. Before curses ends. */
void tui_rescue_disarm(void);
/* Were we stopped and continued since it was asked last? */
bool tui_rescue_continued(void);
