/*
 * parting.h: along the time of a log, where the logged and the reproduced curves part.
 *
 * The time that is compared (struct gcs_fidelity's window) is cut at given moments (phases), and
 * what lies between two of them into equal windows, long enough for GCS_PARTING_CYCLES logged
 * cycles on average; at most GCS_PARTING_PIECES of them before the cuts. A window has of each
 * signal a logged and a reproduced figure:
 *
 *   cycles  begun in it
 *   period  mean time from the cycle before to each of them (its begin to their begin)
 *   live    heap marked: the mean over its logged cycles, beside that of the reproduced curve at the same moments (straight between two
 *           cycles: a cycle that comes a little early is the period's business)
 *   goal    likewise, without those that are none (fidelity.h)
 *   stop    the longest stop of the world: shown, and never judged; that is another machine's
 *
 * A figure is apart when larger over smaller is more than the band and the log's grain does not
 * explain it: sizes are whole MiB rounded down, times whole ms, and a cycle at the edge of a window
 * may fall to either side of it, so one more or less is none apart. What only one side has is not
 * apart: that no cycle came is said by their number.
 *
 * A signal parts in the first of GCS_PARTING_ROW windows in a row in which it is apart. The curves
 * part where the first signal does.
 *
 * Pure functions.
 */
#pragma once

#include "harness/measure/fidelity.h"

#define GCS_PARTING_PIECES	24u
#define GCS_PARTING_CYCLES	4u
#define GCS_PARTING_CUTS_MAX	40u
#define GCS_PARTING_WINDOWS_MAX (GCS_PARTING_PIECES + GCS_PARTING_CUTS_MAX + 1)
#define GCS_PARTING_ROW		2u
#define GCS_PARTING_BAND_MILLI	1250u

enum gcs_parting_signal {
	GCS_PARTING_COUNT,  /* cycles */
	GCS_PARTING_PERIOD, /* ns */
	GCS_PARTING_LIVE,   /* bytes */
	GCS_PARTING_GOAL,   /* bytes */
	GCS_PARTING_JUDGED,
	GCS_PARTING_STOP = GCS_PARTING_JUDGED, /* ns */
	GCS_PARTING_SIGNALS
};
extern const char *const gcs_parting_name[GCS_PARTING_SIGNALS]; /* "cycles", ... */

struct gcs_parting_figure {
	bool has_logged, has_reproduced, apart;
	double logged, reproduced;
};

struct gcs_parting_window {
	int64_t from_ns, to_ns;
	struct gcs_parting_figure of[GCS_PARTING_SIGNALS];
};

struct gcs_parting {
	struct gcs_parting_window window[GCS_PARTING_WINDOWS_MAX];
	uint32_t n;			   /* 0: nothing to compare */
	int32_t first[GCS_PARTING_JUDGED]; /* window in which it parts; -1: never */
};

struct gcs_parting_options {
	const struct gcs_fidelity_cycle *logged, *reproduced; /* in the order of time */
	size_t nlogged, nreproduced;
	int64_t from_ns, to_ns;
	const int64_t *cut; /* rising; those outside count for nothing */
	uint32_t ncuts;	    /* at most GCS_PARTING_CUTS_MAX */
	uint64_t grain_bytes;
	int64_t grain_ns;
	uint32_t band_milli; /* above 1000 */
};

void gcs_parting_find(struct gcs_parting *ret, const struct gcs_parting_options *opt);
/* Is `reproduced` apart from `logged` by that definition? */
bool gcs_parting_apart(const struct gcs_parting_options *opt, enum gcs_parting_signal signal,
		       double logged, double reproduced);
