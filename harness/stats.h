/*
 * stats.h: private histograms and small-sample statistics of the harness.
 *
 * A gcs_hist has the cells of watch_hist (runtime/watch/hist.h), but is plain memory: snapshots of shared histograms, their
 * differences, and sums over workers and intervals, all exact. The sparse encoding is what the record keeps.
 */
#pragma once

#include "harness/snapshot.h"
#include "runtime/watch/hist.h"

struct gcs_hist {
	uint64_t count, sum_ns, max_ns;
	uint64_t cell[WATCH_HIST_CELLS];
};

void gcs_hist_add(struct gcs_hist *h, uint64_t ns);
void gcs_hist_merge(struct gcs_hist *to, const struct gcs_hist *from);
void gcs_hist_clear(struct gcs_hist *h);

/* What stands in a shared histogram now. The count is that of the cells read, so cells and count always agree. */
void gcs_hist_snapshot(struct gcs_hist *ret, const struct watch_hist *shared);
/*
 * now - before, cell by cell. The maximum is exact when a new maximum was set in between, otherwise the top of the
 * highest cell that grew (never above now's maximum).
 */
void gcs_hist_diff(struct gcs_hist *ret, const struct gcs_hist *now, const struct gcs_hist *before);

/* The value that a share of all values does not exceed; milli_percent 99900 is p99.9, 100000 the maximum. 0 when empty. */
int64_t gcs_hist_at(const struct gcs_hist *h, uint32_t milli_percent);
void gcs_hist_pcts(const struct gcs_hist *h, struct gcs_pcts *ret);
/* Values in cells wholly above ns. */
uint64_t gcs_hist_over(const struct gcs_hist *h, uint64_t ns);

/* Sparse bytes: version, sum, max, then (gap, count) pairs, all varints. Returns the length; *ret is malloc'd, NULL when there is no memory. */
size_t gcs_hist_encode(const struct gcs_hist *h, unsigned char **ret);
/* 0; -EPROTO: not such bytes (ret is then empty). */
int gcs_hist_decode(struct gcs_hist *ret, const void *bytes, size_t n);

/* Sorts v. 0 when n is 0. */
double gcs_median(double *v, size_t n);
/* Median of |v - middle|, times 1.4826 (the standard deviation of a normal sample). Overwrites v. */
double gcs_spread(double *v, size_t n, double middle);
