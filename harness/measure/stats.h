/*
 * stats.h: what the harness does with histograms and small samples beyond adding them.
 *
 * Histograms in private memory are struct watch_hist_sum (runtime/watch/hist.h). The sparse
 * encoding here is what the record keeps.
 */
#pragma once

#include "harness/snapshot.h"
#include "runtime/watch/hist.h"

void gcs_hist_pcts(const struct watch_hist_sum *h, struct gcs_pcts *ret);

/* Sparse bytes: version, sum, max, then (gap, count) pairs, all varints. Returns the length; *ret
 * is malloc'd, NULL when there is no memory. */
size_t gcs_hist_encode(const struct watch_hist_sum *h, unsigned char **ret);
/* 0; -EPROTO: not such bytes (ret is then empty). */
int gcs_hist_decode(struct watch_hist_sum *ret, const void *bytes, size_t n);

/* Adds such bytes to a histogram. 0; -EPROTO: not such bytes, nothing is added. */
int gcs_hist_add(struct watch_hist_sum *into, const void *bytes, size_t n);

/* Sorts v. 0 when n is 0. */
double gcs_median(double *v, size_t n);
/* Median of |v - middle|, times 1.4826 (the standard deviation of a normal sample). Overwrites v.
 */
double gcs_spread(double *v, size_t n, double middle);
