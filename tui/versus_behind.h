/*
 * versus_behind.h: what is behind a figure of a comparison: each run with its own; and of the run of each side that is drawn the longest pauses of that
 * kind with their firings, or the occurrences of that fault with their recovery.
 */
#pragma once

#include "harness/versus.h"
#include "tui/view.h"

struct versus_line {
	char text[160];
	enum tui_role role;
};

#define VERSUS_BEHIND_PAUSES 5	/* of a side */
#define VERSUS_BEHIND_OCCS   64 /* likewise: the first */
#define VERSUS_BEHIND_LINES  (2 * ((int)GCS_VERSUS_RUNS_MAX + VERSUS_BEHIND_PAUSES + VERSUS_BEHIND_OCCS))

/* How many lines there are of row `row` of s->versus; cols: how wide they may be. */
int versus_behind(const struct gcs_snapshot *s, int row, int cols, struct versus_line line[VERSUS_BEHIND_LINES]);
