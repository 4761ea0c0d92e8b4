/*
 * stalls.h: what held the workers up, worker by worker, over the whole run.
 *
 * Workers are the goroutines of workloads (for echo one a connection), known by the number that telemetry has of them; the runtime's own
 * goroutines are left out.
 */
#pragma once

#include "harness/snapshot.h"

struct gcs_stalls {
	struct gcs_stall_view *worker; /* by slot, from MRT_WORKER_FIRST on */
	uint32_t n;
	bool changed; /* since the last gcs_stalls_show */
};

/* -ENOMEM. */
int gcs_stalls_init(struct gcs_stalls *s, const struct gcs_scenario *scenario);
void gcs_stalls_fini(struct gcs_stalls *s);
/* at_ns: its end, from t0. firing: 0 none. */
void gcs_stalls_add(struct gcs_stalls *s, enum gcs_stall_kind kind, uint64_t slot, int64_t dur_ns, int64_t at_ns, uint64_t firing);
/* Those that were held up, by slot; of more than GCS_STALLS_SHOWN the ones that were for longest in all. How many. */
uint32_t gcs_stalls_show(struct gcs_stalls *s, struct gcs_stall_view ret[GCS_STALLS_SHOWN]);
