/*
 * rescue.h: gives the terminal back when the program dies of a signal that nobody handles: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT.
 *
 * Then the signal has the effect that it would have had without us (a core, a sanitizer's report). One terminal at a time.
 */
#pragma once

#include <stddef.h>
#include <termios.h>

#define TUI_RESCUE_BYTES 256

/* before: its settings as we found them; bytes, n of them (at most TUI_RESCUE_BYTES): what makes it as it was, written to fd. */
void tui_rescue_arm(int fd, const struct termios *before, const char *bytes, size_t n);
/* Idempotent. */
void tui_rescue_disarm(void);
