/*
 * fidelity: scores of hand-made cycles, the grain of a log, the window, the reasons; and pairs, each
 * cycle once, in the order of time.
 */
#include "harness/measure/fidelity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_NS  INT64_C(1000000000)
#define MS_NS INT64_C(1000000)
#define MIB   (UINT64_C(1) << 20)
#define MAX   400

static uint64_t test_seed = 1;

static uint64_t test_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct bench {
	struct gcs_fidelity_cycle a[MAX], b[MAX]; /* logged, reproduced */
	struct gcs_fidelity_options o;
	struct gcs_fidelity f;
};

/* n cycles a side, one each 100 ms from 1 s on, 20 MiB marked, goal 40, begun at 38. */
static void bench_init(struct bench *b, size_t n)
{
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < MAX; i++) {
		b->a[i] = (struct gcs_fidelity_cycle){
			.number = i + 1,
			.at_ns = S_NS + (int64_t)i * 100 * MS_NS,
			.heap_start = 38 * MIB,
			.heap_end = 39 * MIB,
			.heap_marked = 20 * MIB,
			.goal = 40 * MIB,
			.stop_first_ns = 30000,
			.mark_ns = 5 * MS_NS,
			.stop_second_ns = 40000,
			.procs = 2,
		};
		b->b[i] = b->a[i];
		b->b[i].mark_ns = MS_NS;
	}
	b->o = (struct gcs_fidelity_options){
		.logged = b->a,
		.nlogged = n,
		.reproduced = b->b,
		.nreproduced = n,
		.end_ns = 100 * S_NS,
		.facts = {.goal_min = 4 * MIB, .heap_scale = 1, .time_scale = 1, .procs = 2},
	};
}

static void bench_compare(struct bench *b)
{
	assert_int_equal(gcs_fidelity_compare(&b->f, &b->o), 0);
}

static double score(const struct bench *b, enum gcs_fidelity_what what)
{
	assert_true(b->f.of[what].scored);
	return b->f.of[what].score;
}

#define NEAR(x, y) assert_true(fabs((x) - (y)) < 1e-6)

static void test_alike(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 50);
	bench_compare(&b);
	assert_true(b.f.has);
	NEAR(b.f.overall, 1);
	for (int what = 0; what < GCS_FIDELITY_SCORED; what++) {
		NEAR(score(&b, (enum gcs_fidelity_what)what), 1);
		assert_string_equal(b.f.of[what].note, "");
	}
	assert_string_equal(b.f.note, "");
	NEAR(b.f.of[GCS_FIDELITY_PERIOD].logged, 100e6);
	NEAR(b.f.of[GCS_FIDELITY_LIVE].reproduced, 20.0 * MIB);
	/* shown, not scored */
	NEAR(b.f.of[GCS_FIDELITY_TRIGGER].logged, 0.9);
	NEAR(b.f.of[GCS_FIDELITY_MARK].logged, 5e6);
	NEAR(b.f.of[GCS_FIDELITY_MARK].reproduced, 1e6);
	assert_false(b.f.of[GCS_FIDELITY_MARK].scored);
}

/* Twice the cycles, or half of them: the same score. */
static void test_count_and_period(void **state)
{
	for (int swap = 0; swap < 2; swap++) {
		struct bench b;
		struct gcs_fidelity_cycle *twice = swap ? b.a : b.b;

		(void)state;
		bench_init(&b, 40);
		for (size_t i = 0; i < 80; i++)
			twice[i].at_ns = S_NS + (int64_t)i * 50 * MS_NS;
		*(swap ? &b.o.nlogged : &b.o.nreproduced) = 79;
		bench_compare(&b);
		assert_true(fabs(score(&b, GCS_FIDELITY_COUNT) - 0.5) < 0.02);
		NEAR(score(&b, GCS_FIDELITY_PERIOD), 0.5);
		NEAR(score(&b, GCS_FIDELITY_LIVE), 1);
		NEAR(b.f.overall, fmin(score(&b, GCS_FIDELITY_COUNT), 0.5));
		assert_non_null(strstr(b.f.of[GCS_FIDELITY_PERIOD].note, "see count"));
	}
}

/* The same median, but pairs close together: the deciles say so. */
static void test_rhythm(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 60);
	for (size_t i = 0; i < 60; i++)
		b.b[i].at_ns = S_NS + (int64_t)(i / 3 * 300 + i % 3 * 100 + (i % 3 == 2 ? 90 : 0)) *
						      MS_NS; /* 100, 190, 10, 100, 190, 10 ... */
	bench_compare(&b);
	NEAR(b.f.of[GCS_FIDELITY_PERIOD].reproduced, 100e6);
	assert_true(score(&b, GCS_FIDELITY_PERIOD) < 0.75 && score(&b, GCS_FIDELITY_PERIOD) > 0.4);
	assert_true(score(&b, GCS_FIDELITY_COUNT) > 0.98); /* the last one lies behind the window */
	assert_non_null(strstr(b.f.of[GCS_FIDELITY_PERIOD].note, "rhythm"));
}

static void test_heap(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 40);
	for (size_t i = 0; i < 40; i++) {
		b.b[i].heap_marked = i < 20 ? 10 * MIB : 40 * MIB; /* half, then twice */
		b.b[i].goal = 50 * MIB;
		b.b[i].at_ns += 50 * MS_NS; /* beside the logged ones: a curve, not a pairing */
	}
	bench_compare(&b);
	assert_true(fabs(score(&b, GCS_FIDELITY_LIVE) - 0.5) < 0.02);
	NEAR(score(&b, GCS_FIDELITY_GOAL), 0.8);
	assert_true(b.f.overall < 0.52);
	assert_non_null(b.f.of[GCS_FIDELITY_LIVE].note);
}

/* Whole MiB and whole ms, scaled: what may have been the truth agrees entirely. */
static void test_grain(void **state)
{
	uint64_t random = test_seed;
	struct bench b;

	(void)state;
	bench_init(&b, 200);
	b.o.grain_bytes = MIB / 8;
	b.o.grain_ns = MS_NS / 4;
	for (size_t i = 0; i < 200; i++) {
		uint64_t bytes = test_random(&random) % (MIB / 8);

		b.b[i].heap_marked = b.a[i].heap_marked + bytes;
		b.b[i].goal = b.a[i].goal + bytes;
		b.b[i].at_ns = b.a[i].at_ns + (int64_t)(test_random(&random) % 125000);
	}
	bench_compare(&b);
	for (int what = 0; what < GCS_FIDELITY_SCORED; what++)
		NEAR(score(&b, (enum gcs_fidelity_what)what), 1);
	for (size_t i = 0; i < 200; i++)
		b.b[i].heap_marked = b.a[i].heap_marked + MIB / 4;
	bench_compare(&b);
	NEAR(score(&b, GCS_FIDELITY_LIVE), (20 + 1 / 8.0) / 20.25);
}

/* What comes before and behind the log is not compared; nor what the run did not reach. */
static void test_window(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 100);
	b.o.logged = b.a + 30;
	b.o.nlogged = 40;
	bench_compare(&b);
	assert_int_equal(b.f.nlogged, 40);
	assert_int_equal(b.f.nreproduced, 40);
	NEAR(b.f.overall, 1);
	assert_int_equal(b.f.from_ns, b.a[30].at_ns - 50 * MS_NS);
	b.o.end_ns = b.a[50].at_ns; /* after 20 of them */
	bench_compare(&b);
	assert_int_equal(b.f.nlogged, 20);
	assert_int_equal(b.f.nreproduced, 20);
	NEAR(b.f.overall, 1);
	assert_non_null(strstr(b.f.note, "20 of its 40 cycles"));
	b.o.end_ns = b.a[30].at_ns;
	bench_compare(&b);
	assert_false(b.f.has);
}

static void test_little_to_compare(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 30);
	b.o.nreproduced = 0;
	bench_compare(&b);
	NEAR(b.f.overall, 0);
	for (int what = 0; what < GCS_FIDELITY_SCORED; what++)
		NEAR(score(&b, (enum gcs_fidelity_what)what), 0);
	bench_init(&b, 1);
	bench_compare(&b);
	NEAR(score(&b, GCS_FIDELITY_COUNT), 1);
	assert_false(b.f.of[GCS_FIDELITY_PERIOD].has);
	NEAR(b.f.overall, 1);
	b.o.nlogged = 0;
	bench_compare(&b);
	assert_false(b.f.has);
	/* GOGC off: there is no goal */
	bench_init(&b, 30);
	for (size_t i = 0; i < 30; i++)
		b.a[i].goal = b.b[i].goal = UINT64_MAX >> 1;
	bench_compare(&b);
	assert_false(b.f.of[GCS_FIDELITY_GOAL].has);
	NEAR(b.f.overall, 1);
	/* forced, and the heap for a goal */
	bench_init(&b, 30);
	for (size_t i = 0; i < 30; i += 2) {
		b.a[i].forced = true;
		b.a[i].goal = b.a[i].heap_start = MIB;
	}
	bench_compare(&b);
	NEAR(score(&b, GCS_FIDELITY_GOAL), 1);
	NEAR(b.f.of[GCS_FIDELITY_GOAL].logged, 40.0 * MIB);
}

static const char *note_of(const struct bench *b, enum gcs_fidelity_what what)
{
	return b->f.of[what].note;
}

static void test_reasons(void **state)
{
	struct bench b;

	(void)state;
	/* Goals of 2 MiB, where 4 is the least: half as many cycles. */
	bench_init(&b, 40);
	b.o.facts.heap_scale = 20;
	for (size_t i = 0; i < 40; i++) {
		b.a[i].heap_marked = b.b[i].heap_marked = MIB;
		b.a[i].goal = 2 * MIB;
		b.b[i].goal = 4 * MIB;
		b.b[i].at_ns = S_NS + (int64_t)i * 300 * MS_NS;
	}
	bench_compare(&b);
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "100% of the log's goals"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "heap scale 20"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_GOAL), "4.0 MiB"));
	/* None of that where the goals are above. */
	b.o.facts.goal_min = MIB;
	bench_compare(&b);
	assert_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "goals"));
	/* Two-minute cycles, at time scale 400 each 300 ms. */
	b.o.facts.time_scale = 400;
	for (size_t i = 0; i < 40; i++)
		b.a[i].at_ns = S_NS + (int64_t)i * 300 * MS_NS;
	b.o.nreproduced = 10;
	for (size_t i = 0; i < 40; i++)
		b.a[i].heap_start = MIB;
	bench_compare(&b);
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "39 of the log's cycles came by"));
	b.o.facts.time_scale = 1;
	bench_compare(&b);
	assert_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "timer"));
	/* Live bytes that leap. */
	for (size_t i = 0; i < 40; i += 3)
		b.a[i].heap_marked = 10 * MIB;
	bench_compare(&b);
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_LIVE), "leaps at 67%"));
	for (size_t i = 0; i < 40; i++) {
		b.a[i].at_ns = S_NS + (int64_t)i * 100 * MS_NS;
		b.a[i].heap_marked = MIB;
	}
	b.o.nreproduced = 40;
	/* Begun early; the machine stood still; forced by hand; too few; others. */
	for (size_t i = 0; i < 40; i++) {
		b.b[i].heap_start = 2 * MIB;
		b.a[i].heap_start = 2 * MIB;
	}
	b.a[3].forced = true;
	b.o.nlogged = 12;
	b.o.facts.stall_ns = S_NS;
	b.o.facts.late_ns = S_NS / 2;
	b.o.facts.others = true;
	bench_compare(&b);
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "only 12 cycles"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "at 33% of the way"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "0 forced cycles, in the log 1"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "stood still for 1.0 s"));
	assert_non_null(strstr(note_of(&b, GCS_FIDELITY_COUNT), "behind the curve by up to 0.5 s"));
	/* Reasons that do not fit are left out whole. */
	for (int what = 0; what < GCS_FIDELITY_SCORED; what++) {
		size_t len = strlen(note_of(&b, (enum gcs_fidelity_what)what));

		assert_true(len < sizeof(b.f.of[what].note));
		assert_true(len == 0 || note_of(&b, (enum gcs_fidelity_what)what)[len - 1] != ' ');
	}
	b.o.facts.procs = 3;
	bench_compare(&b);
	assert_string_equal(b.f.note, "3 Ps, in the log 2");
}

/* -------------------------------------------------------------------- pairs */

static void test_pairs_by_hand(void **state)
{
	struct gcs_fidelity_pair p[MAX];
	struct bench b;
	static const int64_t at[] = {1000, 1110, 1150, 1290, 5000};

	(void)state;
	bench_init(&b, 4); /* logged at 1000, 1100, 1200, 1300 ms */
	for (size_t i = 0; i < 5; i++)
		b.b[i].at_ns = at[i] * MS_NS;
	b.b[3].goal = 50 * MIB;
	assert_int_equal(gcs_fidelity_pairs(b.a, 4, b.b, 5, p), 6);
	assert_ptr_equal(p[0].logged, &b.a[0]);
	assert_ptr_equal(p[0].reproduced, &b.b[0]);
	assert_ptr_equal(p[1].logged, &b.a[1]);
	assert_ptr_equal(p[1].reproduced, &b.b[1]);
	assert_null(p[2].logged); /* 1150 lies nearer to 1100, which has its own */
	assert_ptr_equal(p[2].reproduced, &b.b[2]);
	assert_ptr_equal(p[3].logged, &b.a[2]);
	assert_null(p[3].reproduced);
	assert_ptr_equal(p[4].logged, &b.a[3]);
	assert_ptr_equal(p[4].reproduced, &b.b[3]);
	NEAR(p[4].off, 0.2);
	assert_null(p[5].logged);
	assert_int_equal(gcs_fidelity_pairs(b.a, 0, b.b, 5, p), 5);
	assert_int_equal(gcs_fidelity_pairs(b.a, 3, b.b, 0, p), 3);
	assert_int_equal(gcs_fidelity_pairs(b.a, 0, b.b, 0, p), 0);
}

static int64_t pair_at(const struct gcs_fidelity_pair *p)
{
	if (p->logged == NULL)
		return p->reproduced->at_ns;
	if (p->reproduced == NULL || p->logged->at_ns < p->reproduced->at_ns)
		return p->logged->at_ns;
	return p->reproduced->at_ns;
}

static void test_pairs_hold_each_once(void **state)
{
	uint64_t random = test_seed;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct gcs_fidelity_pair p[2 * MAX];
		struct bench b;
		size_t n = test_random(&random) % MAX, m = test_random(&random) % MAX, count;
		size_t i = 0, j = 0;

		bench_init(&b, 0);
		for (size_t k = 1; k < MAX; k++) {
			b.a[k].at_ns = b.a[k - 1].at_ns + (int64_t)(test_random(&random) % 5);
			b.b[k].at_ns = b.b[k - 1].at_ns + (int64_t)(test_random(&random) % 7);
		}
		count = gcs_fidelity_pairs(b.a, n, b.b, m, p);
		assert_true(count <= n + m);
		for (size_t k = 0; k < count; k++) {
			assert_true(p[k].logged != NULL || p[k].reproduced != NULL);
			if (p[k].logged != NULL)
				assert_ptr_equal(p[k].logged, &b.a[i++]);
			if (p[k].reproduced != NULL)
				assert_ptr_equal(p[k].reproduced, &b.b[j++]);
			assert_true(k == 0 || p[k].logged == NULL || p[k].reproduced == NULL ||
				    pair_at(&p[k]) >= pair_at(&p[k - 1]));
		}
		assert_int_equal(i, n);
		assert_int_equal(j, m);
	}
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_count_and_period),
		cmocka_unit_test(test_rhythm),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_grain),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_little_to_compare),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_pairs_by_hand),
		cmocka_unit_test(test_pairs_hold_each_once),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)test_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
