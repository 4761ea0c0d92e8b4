/*
 * test_history.c: what a run did, in bounded memory: rows of lengths against the histograms they are made from, columns that are added
 * up, lists that forget, pauses that are thinned, and when the clock of recovery runs. Seeds are printed and taken from GCS_TEST_SEED.
 */
#include "harness/measure/history.h"
#include "harness/measure/metric.h"
#include "tests/unit/test_draw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static void seed(void)
{
	const char *given = getenv("GCS_TEST_SEED");
	draw_state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	print_message("seed 0x%llx\n", (unsigned long long)draw_state);
}

/* A length up to 1000 s, as likely of any magnitude. */
static int64_t any_length(void)
{
	return (int64_t)(draw(UINT64_C(1) << (1 + draw(40))));
}

/* ---------------------------------------------------------------- heat */

static void test_rows_tile_the_lengths(void **state)
{
	(void)state;
	int64_t low, high, next = 0;
	for (uint32_t row = 0; row < GCS_HEAT_ROWS; row++) {
		gcs_heat_bounds(row, &low, &high);
		assert_int_equal(low, next);
		assert_true(high > low);
		assert_int_equal(gcs_heat_row(low), row);
		assert_int_equal(gcs_heat_row(high), row);
		next = high < INT64_MAX ? high + 1 : high;
	}
	assert_int_equal(high, INT64_MAX);
	/* decades begin where a row does, to a histogram's cell */
	int64_t decade = 100;
	for (uint32_t row = 0; row < GCS_HEAT_ROWS; row += GCS_HEAT_PER_DECADE, decade *= 10) {
		gcs_heat_bounds(row, &low, &high);
		assert_int_equal(gcs_heat_row(decade), row);
		assert_true(row == 0 || (low <= decade && decade - low <= decade / 60 + 1));
	}
}

/* Counts of a history of windows, one by one. */
static void test_counts_are_those_of_the_windows(void **state)
{
	(void)state;
	enum { WINDOWS = 1500 };
	static uint64_t model[WINDOWS][GCS_HEAT_ROWS];
	seed();
	struct gcs_history *h = gcs_history_create(S);
	for (int i = 0; i < WINDOWS; i++) {
		struct gcs_measure m = {0};
		for (uint64_t k = draw(20); k > 0; k--) {
			int64_t ns = any_length();
			gcs_measure_add(&m, GCS_STW, (uint64_t)ns);
			model[i][gcs_heat_row(ns)]++;
		}
		gcs_heat_window(&h->heat, i * S, (i + 1) * S, &m, 0);
		gcs_measure_fini(&m);
	}
	assert_int_equal(h->heat.col_ns, 4 * S);
	assert_int_equal(h->heat.ncols, WINDOWS / 4);
	assert_int_equal(h->heat.end_ns, WINDOWS * S);
	for (int col = 0; col < WINDOWS / 4; col++)
		for (int row = 0; row < GCS_HEAT_ROWS; row++) {
			uint64_t n = 0;
			for (int k = 0; k < 4; k++)
				n += model[4 * col + k][row];
			assert_int_equal(h->heat.count[GCS_HEAT_STW][col][row], n);
			assert_int_equal(h->heat.count[GCS_HEAT_WAKE][col][row], 0);
		}
	gcs_history_destroy(h);
}

/* Operations of every workload; windows of a thinned record are long; counts end at the most that fits. */
static void test_operations_and_long_windows(void **state)
{
	(void)state;
	struct gcs_history *h = gcs_history_create(S / 2);
	struct watch_hist_sum *many = calloc(1, sizeof *many);
	struct gcs_measure m = {0};
	watch_hist_sum_put(many, 1000000);
	many->cell[watch_hist_index(1000000)] = UINT64_C(1) << 40;
	many->count = UINT64_C(1) << 40;
	gcs_measure_op(&m, 0, many);
	gcs_measure_op(&m, 2, many);
	gcs_heat_window(&h->heat, 0, 3 * S, &m, 3);
	assert_int_equal(h->heat.col_ns, 4 * S);
	assert_int_equal(h->heat.count[GCS_HEAT_OP][0][gcs_heat_row(1000000)], UINT32_MAX);
	gcs_measure_fini(&m);
	memset(&m, 0, sizeof m);
	gcs_measure_add(&m, GCS_ASSIST, 5);
	gcs_heat_window(&h->heat, 3 * S, 6 * S, &m, 3); /* its middle is in the second column */
	assert_int_equal(h->heat.count[GCS_HEAT_ASSIST][1][0], 1);
	gcs_heat_window(&h->heat, -S, 0, &m, 3); /* before the run */
	gcs_heat_window(&h->heat, S, S, &m, 3);
	assert_int_equal(h->heat.count[GCS_HEAT_ASSIST][0][0], 0);
	gcs_measure_fini(&m);
	free(many);
	gcs_history_destroy(h);
}

/* ---------------------------------------------------------------- lists */

static void test_lists_keep_the_newest(void **state)
{
	(void)state;
	struct gcs_history *h = gcs_history_create(S);
	const uint32_t n = 3 * GCS_HISTORY_FIRINGS + 17;
	for (uint32_t i = 0; i < n; i++) {
		gcs_history_firing(h, i, i);
		gcs_history_cycle(h, i + 1)->start_ns = i;
		gcs_history_cycle(h, i + 1)->end_ns = i; /* the same one */
		gcs_history_event(h)->t_ns = i;
	}
	assert_int_equal(h->nfirings + h->firings_dropped, n);
	assert_int_equal(h->ncycles + h->cycles_dropped, n);
	assert_int_equal(h->nevents + h->events_dropped, n);
	assert_true(h->nfirings >= GCS_HISTORY_FIRINGS * 3 / 4 && h->ncycles >= GCS_HISTORY_CYCLES * 3 / 4);
	for (uint32_t i = 0; i < h->nfirings; i++)
		assert_int_equal(h->firing[i].t_ns, h->firings_dropped + i);
	for (uint32_t i = 0; i < h->ncycles; i++) {
		assert_int_equal(h->cycle[i].start_ns, h->cycles_dropped + i);
		assert_int_equal(h->cycle[i].end_ns, h->cycles_dropped + i);
		assert_int_equal(h->cycle[i].mark_end_ns, -1);
	}
	for (uint32_t i = 0; i < h->nevents; i++)
		assert_int_equal(h->event[i].t_ns, h->events_dropped + i);
	gcs_history_destroy(h);
}

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* However many there are, those that are left are in order, and the longest of each kind are among them. */
static void test_pauses_are_thinned(void **state)
{
	(void)state;
	enum { N = 200000, LONGEST = 500 };
	static int64_t all[GCS_PAUSE_KINDS][N], left[GCS_HISTORY_PAUSES];
	size_t n[GCS_PAUSE_KINDS] = {0};
	seed();
	struct gcs_history *h = gcs_history_create(S), *again = gcs_history_create(S);
	for (uint32_t i = 0; i < N; i++) {
		struct gcs_pause_row row = {.t_ns = i * INT64_C(3000000), .dur_ns = 1000 + any_length(), .stopping_ns = -1,
					    .kind = (uint8_t)draw(GCS_PAUSE_KINDS)};
		all[row.kind][n[row.kind]++] = row.dur_ns;
		gcs_history_pause(h, &row);
		gcs_history_pause(again, &row);
		assert_true(h->npauses <= GCS_HISTORY_PAUSES);
	}
	assert_int_equal(h->npauses + h->pauses_dropped, N);
	assert_true(h->npauses >= GCS_HISTORY_PAUSES / 8);
	assert_memory_equal(h, again, sizeof *h); /* it depends on the pauses alone */
	for (int kind = 0; kind < GCS_PAUSE_KINDS; kind++) {
		size_t kept = 0;
		int64_t last_ns = -1;
		for (uint32_t i = 0; i < h->npauses; i++) {
			assert_true(h->pause[i].t_ns > last_ns);
			last_ns = h->pause[i].t_ns;
			if (h->pause[i].kind == kind)
				left[kept++] = h->pause[i].dur_ns;
		}
		qsort(all[kind], n[kind], sizeof all[kind][0], by_length);
		qsort(left, kept, sizeof left[0], by_length);
		assert_true(kept >= LONGEST);
		/* lengths spread over forty octaves: the longest row alone is more than fits, so the bound is by length there */
		assert_int_equal(left[kept - 1], all[kind][n[kind] - 1]);
	}
	gcs_history_destroy(h);
	gcs_history_destroy(again);
}

/* Of routine pauses beside a few long ones the long ones stay, all of them. */
static void test_long_pauses_stay(void **state)
{
	(void)state;
	struct gcs_history *h = gcs_history_create(S);
	uint32_t found = 0;
	for (uint32_t i = 0; i < 300000; i++) {
		struct gcs_pause_row row = {.t_ns = i * INT64_C(1000000), .dur_ns = i % 1000 == 7 ? 50000000 + i : 60000 + i % 64, .kind = GCS_PAUSE_STW};
		gcs_history_pause(h, &row);
	}
	for (uint32_t i = 0; i < h->npauses; i++)
		found += h->pause[i].dur_ns > 1000000;
	assert_int_equal(found, 300);
	gcs_history_destroy(h);
}

/* ---------------------------------------------------------------- recovery */

static void test_clock(void **state)
{
	(void)state;
	struct gcs_history *h = gcs_history_create(S);
	const struct gcs_occ_row occ[] = {
		{.fault = 0, .start_ns = 10, .end_ns = 20, .steady_ns = 60, .state = GCS_REC_STEADY},
		{.fault = 1, .start_ns = 15, .end_ns = 30, .steady_ns = 60, .state = GCS_REC_STEADY},  /* overlaps the first */
		{.fault = 2, .start_ns = 40, .end_ns = 45, .steady_ns = 60, .state = GCS_REC_STEADY},  /* before those are steady */
		{.fault = 0, .start_ns = 100, .end_ns = 110, .steady_ns = -1, .state = GCS_REC_NEVER},
		{.fault = 1, .start_ns = 200, .end_ns = 210, .steady_ns = -1, .state = GCS_REC_RECOVERING},
		{.fault = 2, .start_ns = 205, .end_ns = -1, .steady_ns = -1, .state = GCS_REC_ARMED},
	};
	const int64_t clock[] = {45, 45, 45, 110, -1, -1};
	gcs_history_occs(h, 6);
	for (size_t i = 0; i < 6; i++)
		*gcs_history_occ(h) = occ[i];
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(gcs_history_clock(h, &h->occ[i]), clock[i]);
	gcs_history_occs(h, GCS_HISTORY_OCCS + 5);
	assert_int_equal(h->noccs, 0);
	assert_int_equal(h->occs_dropped, 5);
	gcs_history_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_tile_the_lengths),	    cmocka_unit_test(test_counts_are_those_of_the_windows),
		cmocka_unit_test(test_operations_and_long_windows), cmocka_unit_test(test_lists_keep_the_newest),
		cmocka_unit_test(test_pauses_are_thinned),	    cmocka_unit_test(test_long_pauses_stay),
		cmocka_unit_test(test_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
