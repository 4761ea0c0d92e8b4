/*
 * agreement.h: do two programs agree in a figure that both measured in each of several rounds?
 *
 * What is judged is the ratio of the two within a round, for what disturbs a round disturbs both. Its median lies, whatever the distribution,
 * between the r-th smallest and the r-th largest of n ratios with 1 - 2 P(B(n, 1/2) < r) (the sign test's interval: Conover, Practical
 * Nonparametric Statistics, 3.2). r is the largest for which that is 95 % at least, else 1.
 *
 * Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum gcs_agree {
	GCS_AGREE_UNKNOWN,   /* too few rounds in which both have the figure */
	GCS_AGREE_SAME,	     /* the whole interval lies within the band */
	GCS_AGREE_OPEN,	     /* part of it does: more rounds would tell */
	GCS_AGREE_DIFFERENT, /* none of it does */
};
#define GCS_AGREE_ROUNDS_MIN 5u /* an interval of less than 93 % is none */
#define GCS_AGREE_ROUNDS_MAX 1000u

struct gcs_agreement {
	enum gcs_agree agree;
	uint32_t rounds;	/* that both have */
	double ratio, low, high; /* b over a: median, and its interval; of no round NAN. Without end where a is 0 and b is not */
	double confidence;	/* of the interval: 0.96875 of six rounds */
};

/* Rounds of which either value is NAN count for none; two zeros are equal, and so are two values without end. band: 1.25 is from 1/1.25 to 1.25,
 * both ends included; at least 1. n up to GCS_AGREE_ROUNDS_MAX. */
void gcs_agreement(struct gcs_agreement *ret, const double *a, const double *b, size_t n, double band);
/* "same", "open", "differs", "-" */
const char *gcs_agree_word(enum gcs_agree agree);
