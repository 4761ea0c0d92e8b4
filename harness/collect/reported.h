/*
 * reported.h: figures that people reported (`reported:` of a scenario), each with what this run
 * measured of the same thing: a metric over given phases, read when the run has ended.
 */
#pragma once

#include "harness/measure/metric.h"

struct gcs_record;

/* One figure while the run lasts. */
struct gcs_reproduced {
	const struct gcs_reported *reported;
	struct gcs_metric_ref ref; /* metric NULL: nothing here measures it */
	uint32_t phases;	   /* bit i: phase i counts */
	struct gcs_measure acc;	   /* of those phases, so far */
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
/* A closed window in phase `phase`, -1 none. */
void gcs_reproductions_interval(struct gcs_reproductions *r, const struct gcs_measure *m,
				int phase);
/* As it stands. false: nothing measures it, or nothing was measured. */
bool gcs_reproduced_read(const struct gcs_reproductions *r, uint32_t i,
			 const struct gcs_facts *facts, double *ret);
/* The rows of table `reported`. */
void gcs_reproductions_rows(const struct gcs_reproductions *r, const struct gcs_facts *facts,
			    struct gcs_record *record);
