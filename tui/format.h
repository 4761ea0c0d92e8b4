/*
 * format.h: numbers as people read them on a screen.  Results are in a caller's buffer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TUI_NUMBER 24

/* Milliseconds with three significant digits: 0.082, 1.12, 38.1, 1240; "-" where negative. */
const char *tui_ms(char *ret, int64_t ns);
/* A duration with its unit: 840ns, 82µs, 4.1ms, 9.70s, 14:07. */
const char *tui_duration(char *ret, int64_t ns);
/* m:ss of a run. */
const char *tui_clock(char *ret, int64_t ns);
/* m:ss.cc of a run. */
const char *tui_clock_fine(char *ret, int64_t ns);
/* m:ss.mmm of a run. Cut, not rounded, as every moment on the screen is. */
const char *tui_clock_milli(char *ret, int64_t ns);
/* 1,234,567 */
const char *tui_count(char *ret, uint64_t n);
/* 181k, 4.9k, 12, 1.2M */
const char *tui_rate(char *ret, double per_second);
/* Mebibytes: 0.4, 12, 1024 */
const char *tui_mib(char *ret, uint64_t bytes);
