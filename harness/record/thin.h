/*
 * thin.h: a finished record made small: what it says of the run stays, what led there goes.
 *
 * Kept as they are: run, host, scenario, phases, workloads, faults, occurrences, signals, ledger,
 * totals, counters, SLOs, expectations, verdict, reasons, and every table that is not named here.
 * Kept in part: the GCS_THIN_STOPS longest stops of the world and the GCS_THIN_PAUSES longest
 * pauses of each other kind in recorded phases, as many in the others, with the firings and GC
 * cycles they name (all cycles when the run followed a log), the GCS_THIN_EVENTS gravest and newest
 * events, the last gctrace line. Intervals are merged within their phase until about
 * GCS_THIN_INTERVALS are left; histograms of pauses are added exactly, those of operations leave
 * their exact p99; of looks at scheduler and maps the last of each is left, and the most that waited or
 * grew. Effects go. `gcstorm report` says the same before and after, and one line more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GCS_THIN_STOPS	   100
#define GCS_THIN_PAUSES	   20
#define GCS_THIN_EVENTS	   500
#define GCS_THIN_INTERVALS 60
#define GCS_THIN_KEY	   "thinned"  /* of table host: a sentence that says what is gone */
#define GCS_THIN_SUFFIX	   ".thinning" /* of the new file until it takes the old one's place */

/* Told between the steps ("thin.built", "thin.synced", "thin.renamed"), so that a test can stop
 * there; may be NULL. */
struct gcs_thin_steps {
	void (*at)(void *self, const char *step);
	void *self;
};

/* Makes the thin record beside the old one, flushes it, and renames it over the old one: after
 * kill -9 or a power cut one of the two is there, whole. A record that is thin already is left
 * alone. 0; -EBUSY: somebody has it open; -EINVAL: no finished record of this version; -ENOSPC,
 * -EACCES, -EIO. ret_bytes: its size then; may be NULL. */
int gcs_thin(const char *path, const struct gcs_thin_steps *steps, uint64_t *ret_bytes);
