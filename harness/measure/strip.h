/*
 * strip.h: the columns of history in a snapshot.
 *
 * Cells have one length in time; when the strip is full, neighbours are joined and the length
 * doubles.
 */
#pragma once

#include "harness/snapshot.h"

#define GCS_STRIP_FIRST_NS 100000000ll /* length of a cell at first */

void gcs_strip_init(struct gcs_snapshot *s);
/* The cell of a moment; the strip is extended to it. Moments before t0 fall into the first. */
struct gcs_cell *gcs_strip_at(struct gcs_snapshot *s, int64_t t_ns);
/* `from` happened in the same time as `to`, or right after it. */
void gcs_strip_join(struct gcs_cell *to, const struct gcs_cell *from);
void gcs_strip_heap(struct gcs_cell *c, uint64_t live, uint64_t goal);
/* Mark (from, to] with the faults armed in it. */
void gcs_strip_armed(struct gcs_snapshot *s, int64_t from_ns, int64_t to_ns, uint32_t faults);
static inline void gcs_strip_max(int64_t *slot, int64_t v)
{
	if (v > *slot)
		*slot = v;
}
