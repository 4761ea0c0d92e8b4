/*
 * heat_grid.h: the part of the heat (heat.h) that fits on a screen: which of its columns and rows a place there stands for.
 *
 * A place is as many whole columns and rows of the heat as are needed to fit, so nothing is counted twice or left out; rows are 1, 2,
 * 5 or 10 tenths of a decade, so that decades begin where a row does.
 */
#pragma once

#include "tui/view.h"

struct heat_grid {
	const struct gcs_heat *heat; /* NULL: there is none, all else is 0 */
	enum gcs_heat_kind kind;
	uint32_t first, per_col;     /* columns of the heat: the first that is shown, of each place */
	int ncols, wide;	     /* places; columns of the screen that each takes: more than one where there is room */
	int low, per_row, nrows;     /* rows likewise, from the bottom */
	int col, row;		     /* of the cursor, within what is shown */
};

enum gcs_heat_kind heat_grid_kind(enum tui_kind kind);
/* How long a pause was as one of that kind; -1: it is none. */
int64_t heat_grid_length(const struct gcs_pause_row *p, enum gcs_heat_kind kind);
/* What fits into rows x cols places, with the cursor in sight: where it was put, else at the longest of the kind. */
struct heat_grid heat_grid(const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols);
/* How many are in a place; row 0 at the bottom. */
uint64_t heat_grid_count(const struct heat_grid *g, int col, int row);
/* Its times, from included, to not; and lengths, both included. */
void heat_grid_times(const struct heat_grid *g, int col, int64_t *ret_from_ns, int64_t *ret_to_ns);
void heat_grid_lengths(const struct heat_grid *g, int row, int64_t *ret_low_ns, int64_t *ret_high_ns);
/* Puts the cursor of a state onto a place. */
void heat_grid_place(const struct heat_grid *g, struct tui_state *st, int col, int row);
