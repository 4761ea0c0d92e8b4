/*
 * versus.h: records that exist, put beside each other: which of them may be compared, their figures, and what the figures say.
 *
 * Every figure is read off the records, over recorded phases (figure.h), and judged as those of a diff are: by the ratios within pairs of runs
 * (measure/agreement.h); there are no other statistics. A pair is a run of each side: of one seed where any seed is on both sides, else the first that
 * began with the first, and so on; what is left over is counted. One run on each side is a pair without an interval: then nothing is decided.
 *
 * The first run of A that is fit by itself is the pattern. Runs that do not count are left out of medians and pairs, and say why: without a verdict,
 * with another one than PASS or FAIL (cut short, or not to be relied on), changed by hand; of another scenario than the pattern (name, phases,
 * workloads with their drivers, faults with their points), simulated where the pattern is not, or on another machine. Settings that differ within one
 * scenario are no reason: they are what is compared, and are named.
 */
#pragma once

#include "harness/report/report_priv.h"
#include "harness/versus.h"

/* A record, as far as it is needed. */
struct gcs_versus_input {
	struct report report;
	char *path, *resolved; /* the scenario as JSON; NULL: the record has none */
	char machine[256];     /* what tells machines apart; "" not known */
	char trouble[160];     /* it could not be read: why; report is empty then */
};
/* 0; -errno with a sentence in *ret_text (malloc'd, may be NULL). */
int gcs_versus_read(struct gcs_versus_input *ret, const char *path, char **ret_text);
void gcs_versus_input_fini(struct gcs_versus_input *in);

/* Paths of the records of a side. */
struct gcs_versus_paths {
	char *path[GCS_VERSUS_RUNS_MAX];
	uint32_t n;
};
void gcs_versus_paths_fini(struct gcs_versus_paths *p);

/* The picture of runs that were read, without the strips of pauses; inputs are the caller's, and may go at once. At least one on each side, at most
 * GCS_VERSUS_RUNS_MAX. band as gcs_agreement takes it. 0, -ENOMEM. */
int gcs_versus_create(struct gcs_versus **ret, const struct gcs_versus_input *const side[GCS_VERSUS_SIDES], const uint32_t n[GCS_VERSUS_SIDES],
		      double band);
/* The same from files, with strips. Of several on a side those that cannot be read are said to be so, and do not count. 0; -errno with a sentence in
 * *ret_text when none of a side can be read, or there is no memory. */
int gcs_versus_open(struct gcs_versus **ret, const struct gcs_versus_paths side[GCS_VERSUS_SIDES], double band, char **ret_text);
void gcs_versus_close(struct gcs_versus *v); /* NULL: nothing */
/* A value of a row that is no check, as gcs_metric_show; "<0.1 s" where it is a bound. */
void gcs_versus_show(const struct gcs_versus_row *row, double value, char *ret, size_t cap);

/* ---- versus_table.c */

/* 99 when a figure is WORSE, or differs where neither way is; 5 when one is open or nothing can be decided; else 0. */
int gcs_versus_exit(const struct gcs_versus *v);
void gcs_versus_text(const struct gcs_versus *v, FILE *out);
/* 0, -ENOMEM, -EIO */
int gcs_versus_json(const struct gcs_versus *v, FILE *out);
