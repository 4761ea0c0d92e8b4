/*
 * playback.h: a record, opened read-only, as snapshots of any of its moments.
 *
 * A snapshot at t shows what a screen at t showed, as exactly as the record has it:
 *   exact: armed faults, events, collections, the firings that are listed, recovery of occurrences that are decided, the worst
 *     pause of a column; percentiles, rates, SLOs, the scheduler, maps, who was held up: as of the last window that had closed by
 *     t;
 *   bounds: firings of an occurrence that goes on are counted from the list, which a busy fault overflows (fired_least); a routine
 *     pause that has no row of its own is shown in the middle of its window; rss and operation P99 are those of whole windows;
 *     between two edges of collections the live heap is drawn as a straight line; a signal's peak is measured in whole windows;
 *   of the end only: what the record keeps as one last figure (integrity, losses, injector cost, goroutines: unknown before).
 *
 * A record that is still written is read again by _refresh. No content is ever changed; the file is open only while it is read.
 * Times are ns from t0. One thread.
 */
#pragma once

#include "harness/measure/pauses.h"
#include "harness/snapshot.h"

struct gcs_playback;

/* 0; -errno with a sentence in *ret_text (malloc'd, may be NULL): missing, foreign, of another version, damaged;
 * -EAGAIN: no run is in it, not yet perhaps. Runs that never
 * began can be opened: they end at 0. */
int gcs_playback_open(struct gcs_playback **ret, const char *path, char **ret_text);
void gcs_playback_close(struct gcs_playback *p);
/* Read what was written since. 1 there was something; 0; -errno: it cannot be read now (what was read before stands). */
int gcs_playback_refresh(struct gcs_playback *p);

bool gcs_playback_finished(const struct gcs_playback *p); /* there is a verdict */
/* What is gone from it (thin.h), NULL: it is whole. */
const char *gcs_playback_thinned(const struct gcs_playback *p);
/* It has no verdict, and its target lives or the record has just grown: more may come. */
bool gcs_playback_live(const struct gcs_playback *p);
int64_t gcs_playback_end(const struct gcs_playback *p);   /* the last moment */

/* The picture at t, clamped to the record; stands until the next call. Field `playback` has active, finished, live, the track and
 * times; the rest of it is the player's. */
struct gcs_snapshot *gcs_playback_at(struct gcs_playback *p, int64_t t_ns);

/* The next (forward) or previous edge of a fault after t: a fault armed, disarmed, or fired while it was not armed. What it is goes
 * to ret_text. -1: there is none. */
int64_t gcs_playback_edge(const struct gcs_playback *p, int64_t t_ns, bool forward, char *ret_text, size_t cap);
/* The end of the next window after t, or of the last one before it. */
int64_t gcs_playback_window(const struct gcs_playback *p, int64_t t_ns, bool forward);

enum gcs_worst { GCS_WORST_STW, GCS_WORST_STOPPING, GCS_WORST_ASSIST, GCS_WORST_WAKE, GCS_WORST_OP /* a window's P99 */,
	GCS_WORST_ANY /* stop, assist, stall or late wake */ };
/* When the worst one ended (rank 0; 1 is the next worst, ...), and a sentence on it. -1: there are not so many. */
int64_t gcs_playback_worst(struct gcs_playback *p, enum gcs_worst kind, uint32_t rank, char *ret_text, size_t cap);

/* playback_scenario.c: what the views need of a resolved scenario (scenario_json.c), from its text; fields that are unknown are
 * ignored, ones that are missing are empty. 0; -EPROTO, -ENOMEM. Free with gcs_scenario_destroy. */
int gcs_scenario_of_json(const char *text, struct gcs_scenario **ret);
