/*
 * player.h: looking at a record as at a film: where we are in it, whether it plays, and what the keys of a viewer do.
 *
 * No terminal, no clock of its own: the caller says how much time has passed. One thread.
 */
#pragma once

#include "harness/display.h"
#include "harness/playback/playback.h"

#define GCS_PLAYER_REFRESH_NS 500000000 /* how often a record that may grow is read again */
#define GCS_PLAYER_FRAME_NS   100000000 /* while it plays */

struct gcs_player;
/* p outlives it. A run that goes on is followed; a finished one is shown at its end. from_list: there is a list to go back to.
 * NULL: no memory. */
struct gcs_player *gcs_player_create(struct gcs_playback *p, bool from_list);
void gcs_player_destroy(struct gcs_player *pl);

/* What the record is put beside, from now on; NULL: nothing. The caller's, for as long as snapshots are taken. */
void gcs_player_versus(struct gcs_player *pl, const struct gcs_versus *v);
/* Said for a while where the last jump says what it found. */
void gcs_player_say(struct gcs_player *pl, const char *text);

/* An order; those that act on a run are answered with a notice. */
void gcs_player_do(struct gcs_player *pl, struct gcs_request req);
/* So much real time has passed. */
void gcs_player_tick(struct gcs_player *pl, int64_t elapsed_ns);
/* After this much time a tick changes something; -1: nothing moves by itself. */
int64_t gcs_player_wait(const struct gcs_player *pl);
/* Stands until the next call. */
const struct gcs_snapshot *gcs_player_snapshot(struct gcs_player *pl);
