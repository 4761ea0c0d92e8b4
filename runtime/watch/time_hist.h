/*
 * time_hist.h: a histogram of times with the buckets of runtime/metrics (runtime/histogram.go), in two layouts:
 *
 *   1.19  16 buckets an octave, of 1 ns below 32 ns, up to 2^48 ns; one below 0; the last one is open
 *   1.20  4 buckets an octave, of 64 ns below 512 ns, up to 2^47 ns; one below 0 and one for all that is longer
 *
 * Every bound of the second is one of the first, so that what was counted by the first adds up exactly to the second.
 */
#pragma once

#include <stdint.h>

#define WATCH_TIME_CELLS      (45u * 16u)	    /* 0 ns .. 2^48 - 1 ns */
#define WATCH_TIME_CELLS_1_19 (WATCH_TIME_CELLS + 1) /* below 0 */
#define WATCH_TIME_CELLS_1_20 (40u * 4u + 2)	    /* below 0; 2^47 ns and above */

enum watch_time_layout { WATCH_TIME_1_19, WATCH_TIME_1_20 };

/* Plain words: one writer, and readers that exclude it. Zero is empty. */
struct watch_time_hist {
	uint64_t below, cell[WATCH_TIME_CELLS];
};

void watch_time_hist_add(struct watch_time_hist *h, int64_t ns);
/* Adds what `from` has. */
void watch_time_hist_sum(struct watch_time_hist *to, const struct watch_time_hist *from);
uint32_t watch_time_hist_cells(enum watch_time_layout layout);
/* Where cell i begins, in seconds; i may be the number of cells: where the last one ends. -inf and inf at the ends. */
double watch_time_hist_bound(enum watch_time_layout layout, uint32_t i);
/* ret: as many as the layout has cells. */
void watch_time_hist_read(const struct watch_time_hist *h, enum watch_time_layout layout, uint64_t *ret);
