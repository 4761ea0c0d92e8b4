/*
 * lane.h: a lane of the timeline: what there was of one thing in each column of a stretch of time.
 *
 * Columns that are at least as long as a cell of the strip are drawn from the strip, which has everything. Shorter ones are drawn from
 * the lists of the history, which have the newest, exactly in time; before the oldest of a list its lane goes on with the strip.
 */
#pragma once

#include "tui/view.h"

struct lane_span {
	const struct gcs_snapshot *s;
	struct tui_span span;
	bool fine; /* columns are shorter than cells of the strip */
};

typedef void lane_fn(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index);

lane_fn lane_phases;
lane_fn lane_fault;     /* index: of the fault. [====] armed, O fired */
lane_fn lane_gc;        /* # marking, - sweeping; the cycle's number where there is room */
/* These three may have more than one row. */
lane_fn lane_pauses;    /* index: enum gcs_pause_kind. The longest, as a height on a log axis from 1 us to 100 ms */
lane_fn lane_heap;      /* live bytes as a height */
enum lane_count { LANE_MAPS /* that were growing at once */, LANE_RUNQ /* goroutines that waited for a P, all queues */ };
lane_fn lane_counts;    /* index: enum lane_count. The most, as a height, full at the most of what is shown */
lane_fn lane_recovery;  /* |---| from the moment that the clock runs to the end of the last bad slice */
lane_fn lane_events;    /* ! bad, * note, . info */
