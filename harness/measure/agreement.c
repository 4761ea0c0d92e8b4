/* agreement.c: see agreement.h. */
#include "harness/measure/agreement.h"

#include <math.h>
#include <stdlib.h>

static double agreement_ratio(double a, double b)
{
	if (a == b)
		return 1; /* zeros, and what has no end */
	return a == 0 ? (double)INFINITY : b / a;
}

static int agreement_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The largest r for which twice P(B(n, 1/2) < r) is 5 % at most, else 1; *ret_confidence is what it gives. */
static size_t agreement_rank(size_t n, double *ret_confidence)
{
	double log_term = -(double)n * M_LN2, below = 0;
	size_t r = 0;
	for (; r < n / 2; r++) {
		double with = below + exp(log_term); /* P(B <= r) = P(B < r + 1) */
		if (r > 0 && with > 0.025)
			break;
		below = with;
		log_term += log((double)(n - r) / (double)(r + 1));
	}
	*ret_confidence = r ? 1 - 2 * below : 0;
	return r ? r : 1;
}

static enum gcs_agree agreement_of(const struct gcs_agreement *x, double band)
{
	const double slack = 1e-9; /* of rounding: 1/1.25 is within */
	double least = 1 / band - slack, most = band + slack;
	if (x->rounds < GCS_AGREE_ROUNDS_MIN)
		return GCS_AGREE_UNKNOWN;
	if (x->low >= least && x->high <= most)
		return GCS_AGREE_SAME;
	return x->high < least || x->low > most ? GCS_AGREE_DIFFERENT : GCS_AGREE_OPEN;
}

void gcs_agreement(struct gcs_agreement *ret, const double *a, const double *b, size_t n, double band)
{
	double ratio[GCS_AGREE_ROUNDS_MAX];
	size_t m = 0;
	for (size_t i = 0; i < n && i < GCS_AGREE_ROUNDS_MAX; i++)
		if (!isnan(a[i]) && !isnan(b[i]))
			ratio[m++] = agreement_ratio(a[i], b[i]);
	*ret = (struct gcs_agreement){.rounds = (uint32_t)m, .ratio = NAN, .low = NAN, .high = NAN};
	if (m == 0)
		return;
	qsort(ratio, m, sizeof ratio[0], agreement_order);
	size_t r = agreement_rank(m, &ret->confidence);
	double middle = ratio[m / 2];
	if (m % 2 == 0 && ratio[m / 2 - 1] != middle)
		middle = (ratio[m / 2 - 1] + middle) / 2;
	ret->ratio = middle;
	ret->low = ratio[r - 1];
	ret->high = ratio[m - r];
	ret->agree = agreement_of(ret, band);
}

const char *gcs_agree_word(enum gcs_agree agree)
{
	static const char *const words[] = {[GCS_AGREE_UNKNOWN] = "-",
					    [GCS_AGREE_SAME] = "same",
					    [GCS_AGREE_OPEN] = "open",
					    [GCS_AGREE_DIFFERENT] = "differs"};
	return words[agree];
}
