/*
 * lease.h: the target's lease: a word in the telemetry that a thread of its own moves every 100 ms.
 *
 * A main loop that waits for a slow terminal or disk does not end the run, since the thread goes
 * on; a harness that is stopped (SIGSTOP, Ctrl-Z) or killed does: the target sees the word stand
 * still, disarms and ends. Not for simulated targets.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define GCS_LEASE_BEAT_NS INT64_C(100000000)
/* Of the target: the lease ran out (docs/control-protocol.md). */
#define GCS_LEASE_EXIT 3

struct gcs_lease;
/* Starts the thread. `beat` outlives the lease. 0; -errno. */
int gcs_lease_start(struct gcs_lease **ret, _Atomic uint64_t *beat);
/* The longest time that the thread itself has stood still, up to this moment; *ret_from_ns: when
 * that began, CLOCK_MONOTONIC. Any thread. */
int64_t gcs_lease_gap(struct gcs_lease *l, int64_t *ret_from_ns);
/* Ends and joins the thread. NULL: nothing. */
void gcs_lease_stop(struct gcs_lease *l);
