/*
 * told.h: figures as people tell them, and how exactly they tell them.
 *
 * A figure tells as much as its digits: 2.8s is anything that is rounded to it, 2.75s to 2.85s.
 * Zeros at the end of a whole number tell nothing: 300ms is 250ms to 350ms, where 320ms is 315ms to
 * 325ms. `within` says it otherwise. Nought is nought.
 *
 * Pure.
 */
#pragma once

#include "harness/measure/metric.h"

struct gcs_told {
	double value, low, high; /* in the unit's base: ns, bytes, 1/s, a fraction, a count */
};

/* text as a check has it (harness/measure/check.h): 2.8s, 512MiB, 4.7%. within_ppb: a share of
 * the value to either side, in 10^-9; 0: by its digits. 0; -EINVAL; -ERANGE. */
int gcs_told_parse(const char *text, enum gcs_unit unit, uint32_t within_ppb, struct gcs_told *ret);
