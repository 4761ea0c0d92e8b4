/*
 * variants.h: `run --variants`: a scenario as it is, then with each of its variants, one run after
 * another, and one table over all of them.
 */
#pragma once

#include "harness/compare/batch.h"

#define GCS_VARIANT_BASE_SHOWN "as it is"

struct gcs_variants_options {
	const char *path;		  /* of the scenario */
	struct gcs_scenario_options load; /* its variant is chosen here */
	struct gcs_run_options run;	  /* scenario, record and quiet are set here */
	const char *record; /* of the first run, FILE.gcrun; a variant's is FILE+ID.gcrun. NULL:
			       new files among the runs */
};

/* A scenario without variants is refused, and what is wrong with any is said, before anything runs
 * (exit 2). An interrupt ends the series; the table of what there is goes to out in any case. The exit code: the
 * gravest of the runs'. */
enum gcs_exit gcs_variants_run(const struct gcs_variants_options *opt, FILE *out);

/* ---- the table (variants_table.c) */

struct gcs_variant_run {
	char *id, *about; /* owned; the scenario itself: "as it is" */
	struct gcs_run_result result;
	bool has_report; /* there is a record, and it could be read */
	struct report report;
};

struct gcs_variant_runs {
	char *scenario; /* owned */
	uint32_t planned, n;
	struct gcs_variant_run of[1 + GCS_VARIANTS_MAX];
};
void gcs_variant_runs_fini(struct gcs_variant_runs *v);
/* In the order of DESIGN §6; PASS when all passed. */
enum gcs_exit gcs_variant_runs_exit(const struct gcs_variant_runs *v);
void gcs_variant_runs_text(const struct gcs_variant_runs *v, FILE *out);
/* 0, -ENOMEM, -EIO */
int gcs_variant_runs_json(const struct gcs_variant_runs *v, FILE *out);
