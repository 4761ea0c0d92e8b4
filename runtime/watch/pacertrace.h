/*
 * pacertrace.h: the lines that GODEBUG=gcpacertrace=1 prints for a cycle, byte for byte in Go's format
 * (mgcpacer.go, mgcsweep.go): at the beginning of marking, at its end, at the end of sweeping.
 *
 * Ratios are printed as Go's print does a floating point number up to 1.25: +d.dddddde+ddd. (1.26 writes
 * the shortest text that reads back the same.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_PACER_LINE_BYTES 512 /* enough for any of them */

/* num / den, exactly; den above 0, and both below 2^63. */
struct watch_ratio {
	bool negative;
	uint64_t num, den;
};

/* Seven digits, the last one rounded, half up; integers alone, so that every compiler prints the same.
 * Returns the length: 14, less only when cap is too small. */
size_t watch_ratio_format(char *text, size_t cap, struct watch_ratio r);

/* Bytes, unless it says otherwise. */
struct watch_pacer_start {
	struct watch_ratio assist; /* scan work a byte allocated */
	uint64_t scan, live, goal;
	uint32_t dedicated;
	struct watch_ratio fractional;
};
struct watch_pacer_end {
	uint64_t cpu_percent; /* a quarter and the assists' */
	uint64_t heap_work, stack_work, globals_work, expected_work;
	uint64_t triggered, live, goal;
	struct watch_ratio cons_mark; /* that the cycle was paced by */
	bool reset;		      /* 1.19: the controller was */
};
struct watch_pacer_sweep {
	uint64_t live, allocated, pages;
	struct watch_ratio pages_per_byte; /* den 0: nobody was to sweep in debt */
};

/* A line with its newline; returns its length, less than cap. */
size_t watch_pacer_start_format(char *line, size_t cap, const struct watch_pacer_start *t);
size_t watch_pacer_end_format(char *line, size_t cap, const struct watch_pacer_end *t);
size_t watch_pacer_sweep_format(char *line, size_t cap, const struct watch_pacer_sweep *t);
