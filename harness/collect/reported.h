/*
 * reported.h: figures that people reported (`reported:` of a scenario), each with what this run
 * measured of the same thing: a metric over given phases, read when the run has ended.
 *
 * A figure of a stretch of time (at, for) is judged: it parts from what the run (or the log that is
 * followed) has where that lies outside of what was told (told.h). Its stretch takes the windows
 * whose middle lies in it, at least the one that holds its own middle. `peak`: the worst window of
 * them. Told bytes are divided by the heap scale, gc.rate is multiplied by the time scale: told are
 * those of the incident, measured those of the run.
 */
#pragma once

#include "harness/measure/fidelity.h"
#include "harness/measure/metric.h"
#include "harness/measure/told.h"

struct gcs_record;

/* One figure while the run lasts. */
struct gcs_reproduced {
	const struct gcs_reported *reported;
	struct gcs_metric_ref ref; /* metric NULL: nothing here measures it */
	uint32_t phases;	   /* bit i: phase i counts */
	struct gcs_measure acc;	   /* of those phases, or of the stretch, so far */
	bool timed, has_told;
	struct gcs_told told; /* scaled */
	bool has_peak, has_logged;
	double peak, logged;
};

struct gcs_reproductions {
	const struct gcs_scenario *scenario;
	uint32_t n;
	struct gcs_reproduced of[GCS_REPORTED_MAX];
};

/* Does the figure tell of the scenario as it was loaded (of its variant, if one is laid over)? */
bool gcs_reported_applies(const struct gcs_reported *r, const struct gcs_scenario *s);

/* The scenario outlives it. 0; -EINVAL: a metric is unknown (the loader has refused it before). */
int gcs_reproductions_init(struct gcs_reproductions *r, const struct gcs_scenario *s);
void gcs_reproductions_fini(struct gcs_reproductions *r);
/* A closed window that ended at end_ns, in phase `phase`, -1 none. */
void gcs_reproductions_interval(struct gcs_reproductions *r, const struct gcs_measure *m, int phase,
				int64_t end_ns);
/* What a log tells of the figures that have a stretch; window_ns is that of the run. 0; -ENOMEM. */
int gcs_reproductions_logged(struct gcs_reproductions *r, const struct gcs_fidelity_cycle *logged,
			     size_t n, int64_t window_ns);
/* As it stands. false: nothing measures it, or nothing was measured. */
bool gcs_reproduced_read(const struct gcs_reproductions *r, uint32_t i,
			 const struct gcs_facts *facts, double *ret);
/* The rows of table `reported`. */
void gcs_reproductions_rows(const struct gcs_reproductions *r, const struct gcs_facts *facts,
			    struct gcs_record *record);
