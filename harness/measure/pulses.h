/*
 * pulses.h: stretches of time in which something was the matter, as a set: they never overlap and
 * lie in order; what touches becomes one. Times are ns from t0. All zero is an empty set.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gcs_pulse {
	int64_t start_ns, end_ns;
};

struct gcs_pulses {
	struct gcs_pulse *of;
	uint32_t n, cap;
};

/* Add [start, end]; most come in the order of their ends, and cost little then. Without memory it
 * is left out. */
void gcs_pulses_add(struct gcs_pulses *p, int64_t start_ns, int64_t end_ns);
void gcs_pulses_merge(struct gcs_pulses *to, const struct gcs_pulses *from);
void gcs_pulses_fini(struct gcs_pulses *p);
/* Medians of their lengths, and of the distances from start to start. false: too few. */
bool gcs_pulses_width(const struct gcs_pulses *p, double *ret);
bool gcs_pulses_period(const struct gcs_pulses *p, double *ret);
/* How many of them share a moment with one of the others. */
uint32_t gcs_pulses_shared(const struct gcs_pulses *p, const struct gcs_pulses *others);
