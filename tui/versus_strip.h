/*
 * versus_strip.h: the pauses of both sides of a comparison (harness/versus.h) on one time axis from t0, and what there was of each at a moment.
 *
 * Columns are times, the same of both; what a column shows of a side is the longest of the cells of its history that it touches. Both sides have one
 * log axis of lengths.
 */
#pragma once

#include "harness/versus.h"
#include "tui/view.h"

struct versus_at {
	int64_t value_ns; /* the longest; 0: none, -1: the run was over, or cannot be drawn */
	uint32_t armed, fired;
};
/* Of the cells of a stretch of time, from included, to not. */
struct versus_at versus_at(const struct gcs_versus_side *side, enum tui_kind kind, int64_t from_ns, int64_t to_ns);

/* Where the later of both ends; at least 1. */
int64_t versus_end(const struct gcs_versus *v);
/* What is read off: where the cursor was put, else the longest of both. */
int64_t versus_cursor(const struct gcs_versus *v, const struct tui_state *st);
/* The middle of the cell that has the longest of the kind on either side; 0: there is none. */
int64_t versus_worst(const struct gcs_versus *v, enum tui_kind kind);
/* The next (previous) moment at which what is armed changes on either side; -1: there is none. */
int64_t versus_edge(const struct gcs_versus *v, int64_t t_ns, bool forward);
/* The stretch that so many columns show: by the zoom of the state 1/2^n of the whole, around the cursor. */
struct tui_span versus_span(const struct gcs_versus *v, const struct tui_state *st, int cols);

#define VERSUS_STRIP_LABEL 7 /* columns before the first of time */
/* A over the axis of time over B, each with a row of its faults: rows of a strip are what is left of the box by three, halved. */
void versus_strips(struct tui_canvas *c, const struct tui_box *box, const struct gcs_versus *v, const struct tui_state *st);
