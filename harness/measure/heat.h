/*
 * heat.h: how many pauses and operations of each length there were, over the whole run: time by latency, in bounded memory.
 *
 * It is filled from the histograms of closed windows, which the record keeps, so the collector of a live run and the reader of its
 * record arrive at the same counts. A column is one window at first; when the columns run out, neighbours are added up and a column
 * is twice as long. Rows are tenths of a decade, so that a whole number of them makes a decade, a half and a fifth of one. A length
 * falls into a row with its whole histogram cell (hist.h: 1.6 % wide), by the highest length in it: gcs_heat_bounds says exactly
 * which lengths a row holds, for who counts single pauses against it.
 */
#pragma once

#include <stdint.h>

#define GCS_HEAT_COLS	    512
#define GCS_HEAT_PER_DECADE 10
#define GCS_HEAT_LOW_EXP    2 /* the lowest row begins at 10^2 ns; what is shorter is in it too */
#define GCS_HEAT_DECADES    9 /* to 100 s; what is longer is in the highest */
#define GCS_HEAT_ROWS	    (GCS_HEAT_PER_DECADE * GCS_HEAT_DECADES)

enum gcs_heat_kind {
	GCS_HEAT_STW,
	GCS_HEAT_STOPPING,
	GCS_HEAT_ASSIST,
	GCS_HEAT_WAKE,
	GCS_HEAT_OP, /* operations of all workloads */
	GCS_HEAT_KINDS
};

struct gcs_heat {
	int64_t col_ns; /* of a column */
	int64_t end_ns; /* of the last window that is in it */
	uint32_t ncols; /* up to that window's */
	uint32_t count[GCS_HEAT_KINDS][GCS_HEAT_COLS][GCS_HEAT_ROWS]; /* UINT32_MAX: so many at least */
};

struct gcs_measure;

/* window_ns: of the run's windows. */
void gcs_heat_init(struct gcs_heat *h, int64_t window_ns);
/* A closed window, in any order. It falls into the column of its middle; one that is longer than a column (of a thinned record)
 * makes the columns longer. */
void gcs_heat_window(struct gcs_heat *h, int64_t start_ns, int64_t end_ns, const struct gcs_measure *m, uint32_t nworkloads);
/* The row of a length. */
uint32_t gcs_heat_row(int64_t ns);
/* The lengths that a row holds, both included. */
void gcs_heat_bounds(uint32_t row, int64_t *ret_low_ns, int64_t *ret_high_ns);
