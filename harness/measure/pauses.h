/*
 * pauses.h: which pauses get a row of their own in the record.
 *
 * Growth is bounded, and the worst GCS_PAUSES_WORST of each kind are always there: a pause is kept
 * when, at its time, it is among the worst so far, or one of the first GCS_PAUSES_ROUTINE of its
 * kind in its interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GCS_PAUSES_WORST   1000
#define GCS_PAUSES_ROUTINE 64

enum gcs_pause_kind {
	GCS_PAUSE_STW,
	GCS_PAUSE_ASSIST,
	GCS_PAUSE_ALLOC_STALL,
	GCS_PAUSE_WAKE,
	GCS_PAUSE_KINDS
};
extern const char *const gcs_pause_name[GCS_PAUSE_KINDS];

struct gcs_pauses {
	struct {
		uint32_t n;
		int64_t worst[GCS_PAUSES_WORST]; /* a heap, the least of them first */
		uint64_t interval;
		uint32_t routine;
	} kind[GCS_PAUSE_KINDS];
};
bool gcs_pauses_keep(struct gcs_pauses *p, enum gcs_pause_kind kind, int64_t dur_ns,
		     uint64_t interval);
