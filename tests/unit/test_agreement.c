/* test_agreement.c: the interval of a median by ranks, and what is said of it. */
#include "tests/unit/test_draw.h"

#include "harness/measure/agreement.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(x) (sizeof(x) / sizeof((x)[0]))

static double share(void) /* in (0, 1) */
{
	return ((double)draw(UINT64_C(1) << 53) + 0.5) / 9007199254740992.0;
}

/* The ranks of the sign test's tables, 95 %: the r-th smallest, and what it gives. */
static void test_ranks(void **state)
{
	static const struct {
		size_t n, r;
		double confidence;
	} known[] = {{1, 1, 0},		{2, 1, 0.5},	   {5, 1, 0.9375},    {6, 1, 0.96875},
		     {8, 1, 0.9921875}, {9, 2, 0.9609375}, {10, 2, 0.978515625}, {12, 3, 0.961426},
		     {20, 6, 0.958611}, {100, 40, 0.964800}};
	double a[GCS_AGREE_ROUNDS_MAX], b[GCS_AGREE_ROUNDS_MAX];
	struct gcs_agreement x;
	(void)state;
	for (size_t k = 0; k < LENGTH(known); k++) {
		size_t n = known[k].n;
		for (size_t i = 0; i < n; i++) {
			a[i] = 2;
			b[i] = 2 * (double)(i * 7 % n + 1); /* 1 to n in another order, unless 7 divides n */
		}
		gcs_agreement(&x, a, b, n, 1.25);
		assert_int_equal(x.rounds, n);
		assert_float_equal(x.low, known[k].r, 1e-9);
		assert_float_equal(x.high, n + 1 - known[k].r, 1e-9);
		assert_float_equal(x.ratio, (double)(n + 1) / 2, 1e-9);
		assert_float_equal(x.confidence, known[k].confidence, 1e-6);
	}
}

static struct gcs_agreement judged(const double *b, size_t n, double band)
{
	double a[16];
	struct gcs_agreement x;
	for (size_t i = 0; i < n; i++)
		a[i] = 1;
	gcs_agreement(&x, a, b, n, band);
	return x;
}

static void test_words(void **state)
{
	static const double edge[] = {0.8, 1.25, 0.8, 1.25, 1, 1}, out[] = {1.26, 1.3, 1.4, 1.5, 2, 3},
			    part[] = {1.2, 1.3, 1.3, 1.3, 1.3, 1.3}, under[] = {.1, .2, .3, .4, .5, .79};
	(void)state;
	assert_int_equal(judged(edge, 6, 1.25).agree, GCS_AGREE_SAME);
	assert_int_equal(judged(edge, 6, 1.24).agree, GCS_AGREE_OPEN);
	assert_int_equal(judged(out, 6, 1.25).agree, GCS_AGREE_DIFFERENT);
	assert_int_equal(judged(out, 4, 1.25).agree, GCS_AGREE_UNKNOWN);
	assert_int_equal(judged(part, 6, 1.25).agree, GCS_AGREE_OPEN);
	assert_int_equal(judged(under, 6, 1.25).agree, GCS_AGREE_DIFFERENT);
	assert_string_equal(gcs_agree_word(GCS_AGREE_DIFFERENT), "differs");
}

static void test_odd_values(void **state)
{
	const double a[] = {0, (double)INFINITY, (double)NAN, 3, 0}, b[] = {0, (double)INFINITY, 1, (double)NAN, 5};
	struct gcs_agreement x;
	(void)state;
	gcs_agreement(&x, a, b, 2, 1.25); /* nothing on both sides; never on both sides */
	assert_float_equal(x.low, 1, 0);
	assert_float_equal(x.high, 1, 0);
	gcs_agreement(&x, a, b, 5, 1.25);
	assert_int_equal(x.rounds, 3);
	assert_true(isinf(x.high));
	gcs_agreement(&x, a + 2, b + 2, 2, 1.25);
	assert_int_equal(x.rounds, 0);
	assert_true(isnan(x.ratio));
	assert_int_equal(x.agree, GCS_AGREE_UNKNOWN);
}

/* The interval holds the true median as often as it says: of a skewed distribution, over many draws. */
static void test_coverage(void **state)
{
	static const size_t rounds[] = {6, 9, 15};
	const int draws = 4000;
	const char *given = getenv("GCS_TEST_SEED");
	(void)state;
	draw_state = given ? strtoull(given, NULL, 0) : 20261128;
	printf("GCS_TEST_SEED=%llu\n", (unsigned long long)draw_state);
	for (size_t k = 0; k < LENGTH(rounds); k++) {
		int held = 0;
		double confidence = 0;
		for (int d = 0; d < draws; d++) {
			double a[16], b[16];
			struct gcs_agreement x;
			for (size_t i = 0; i < rounds[k]; i++) {
				double disturbed = 1 + 5 * share();
				a[i] = disturbed;
				b[i] = disturbed * -log(share()) / M_LN2; /* of the ratio the median is 1 */
			}
			gcs_agreement(&x, a, b, rounds[k], 1.25);
			held += x.low <= 1 && 1 <= x.high;
			confidence = x.confidence;
		}
		/* five standard deviations */
		assert_float_equal((double)held / draws, confidence, 5 * sqrt(0.04 * 0.96 / draws));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_coverage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
