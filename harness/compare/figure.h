/*
 * figure.h: what is compared of several runs of one scenario: figures over the recorded phases, read off their records.
 */
#pragma once

#include "harness/report/report_priv.h"

struct gcs_figure {
	const char *metric, *label; /* "op.latency.p99", "p99" */
	enum gcs_unit unit;
	/* i: of which workload. false: the run has none. */
	bool (*read)(const struct report *r, size_t i, double *ret);
	bool only_some; /* worth a line only where it is not 0 */
	int worse;	/* 1: more is worse, -1: less is, 0: neither */
};

/* A figure, of a workload or a fault if it is of one. */
struct gcs_figure_row {
	const struct gcs_figure *figure;
	const char *workload; /* the report's; NULL: of the run */
	const char *fault;    /* likewise; of records side by side alone */
	size_t index;
};

/* All rows of the runs of a scenario, of which one is the pattern (NULL: there are none): at = 0, 1, ... until false. */
bool gcs_figure_row(const struct report *pattern, size_t at, struct gcs_figure_row *ret);
/* false: the run has no such figure. May be without end (recovery that never came). */
bool gcs_figure_value(const struct report *r, const struct gcs_figure_row *row, double *ret);

/* Of records side by side (versus.h), which are not made to be compared: more of the collector, and what came of each fault. Rows likewise, those of
 * the run first. */
bool gcs_figure_versus_row(const struct report *pattern, size_t at, struct gcs_figure_row *ret);
/* A row of one run, read off another: its workload or fault of the same id. */
bool gcs_figure_value_by_id(const struct report *r, const struct gcs_figure_row *row, double *ret);
/* What is less than this was not told apart from it: the resolution of recovery times. 0: no such bound. */
double gcs_figure_least(const struct report *pattern, const struct gcs_figure_row *row);

#define GCS_FIGURES_MAX 32
/* Names of all that there are, each once. Their number. */
size_t gcs_figure_metrics(const char *ret[GCS_FIGURES_MAX]);
