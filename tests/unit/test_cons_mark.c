/*
 * test_cons_mark.c: cons/mark in fixed point against the formulas of mgcpacer.go in double precision:
 * the controller of Go 1.19 and the largest of five of 1.21; where the two must differ.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"

#include <math.h>
#include <string.h>

/* Fixed point is exact to 2^-48 a step, doubles to 2^-53 of the largest figure that came in. */
#define PI_TOLERANCE  1e-11
#define Q32_TOLERANCE 1e-5

static double value_of(const struct gc_cons_mark *c)
{
	struct watch_ratio r = gc_cons_mark_ratio(c);

	return (r.negative ? -1.0 : 1.0) * (double)r.num / (double)r.den;
}

/* As endCycle has it. */
static double sample_of(const struct gc_cons_mark_sample *s)
{
	double u = 0.25, idle = 0;

	if (s->mark_ns > 0) {
		u += (double)s->assist_ns / (double)(s->mark_ns * (int64_t)s->procs);
		idle = (double)s->idle_ns / (double)(s->mark_ns * (int64_t)s->procs);
	}
	return (double)s->grown * (u + idle) / ((double)s->work * (1 - u));
}

/* The PI controller. False: reset. */
struct reference {
	double cons_mark, integral;
};

static bool reference_next(struct reference *r, double sample)
{
	double raw = 0.9 * (sample - r->cons_mark) + r->integral, out = raw;

	if (!isfinite(raw)) {
		*r = (struct reference){0, 0};
		return false;
	}
	out = out < -1000 ? -1000 : out > 1000 ? 1000 : out;
	r->integral += 0.9 / 4 * (sample - r->cons_mark) + (out - raw) / 1000;
	r->cons_mark = out;
	return true;
}

/* Marking of 10 us to a second on 1 to 64 Ps, of which assists took up to two thirds. wild: bytes of any
 * size. */
static struct gc_cons_mark_sample random_sample(uint64_t *rng, bool wild)
{
	struct gc_cons_mark_sample s = {.procs = 1 + (uint32_t)(gc_test_random(rng) % 64)};
	uint64_t cpu;

	s.mark_ns = 10000 + (int64_t)(gc_test_random(rng) % 1000000000);
	cpu = (uint64_t)s.mark_ns * s.procs;
	s.assist_ns = (int64_t)(gc_test_random(rng) % 3 != 0 ? 0 : gc_test_random(rng) % (cpu * 2 / 3));
	s.idle_ns = (int64_t)(gc_test_random(rng) % 2 != 0 ? 0 : gc_test_random(rng) % (cpu / 2));
	s.grown = 1 + (gc_test_random(rng) >> (wild ? 24 + gc_test_random(rng) % 24 : 40));
	s.work = 1000 + (gc_test_random(rng) >> (wild ? 24 + gc_test_random(rng) % 24 : 40));
	return s;
}

static void test_controller(void **state)
{
	uint64_t rng = gc_test_seed(), clipped = 0, negative = 0;
	double worst = 0;

	(void)state;
	for (uint32_t round = 0; round < 500; round++) {
		struct gc_cons_mark c;
		struct reference r = {0, 0};
		double largest = 1;

		gc_cons_mark_init(&c, MRT_PACER_1_19);
		for (uint32_t i = 0; i < 200; i++) {
			struct gc_cons_mark_sample s = random_sample(&rng, round % 4 == 0);
			double sample = sample_of(&s);

			largest = sample > largest ? sample : largest;
			assert_true(gc_cons_mark_add(&c, &s));
			assert_true(reference_next(&r, sample));
			worst = fmax(worst, fabs(value_of(&c) - r.cons_mark) / largest);
			clipped += fabs(r.cons_mark) == 1000;
			negative += r.cons_mark < 0;
		}
	}
	printf("# off by %g of the largest sample; %llu of 100000 clipped, %llu negative\n", worst,
	       (unsigned long long)clipped, (unsigned long long)negative);
	assert_true(worst < PI_TOLERANCE);
	assert_true(clipped > 1000 && negative > 10000);
}

/* A quarter is the workers', three quarters the assists': nothing is left for the program. */
static void test_reset(void **state)
{
	struct gc_cons_mark_sample steady = {.mark_ns = 4000, .procs = 4, .grown = 900, .work = 100},
				   all = steady, more = steady, none = steady, still = steady;
	struct gc_cons_mark c;

	(void)state;
	all.assist_ns = 12000;
	more.assist_ns = 12500;
	none.work = 0;
	still.grown = 0;
	gc_cons_mark_init(&c, MRT_PACER_1_19);
	assert_true(gc_cons_mark_add(&c, &steady));
	/* 900 / 100 * 0.25 / 0.75 = 3, of which 0.9 */
	assert_true(fabs(value_of(&c) - 2.7) < 1e-12);
	assert_true(gc_cons_mark_add(&c, &still));
	assert_true(fabs(value_of(&c) - 2.7) < 1e-12);
	assert_false(gc_cons_mark_add(&c, &all));
	assert_true(c.q48 == 0 && c.integral == 0);
	assert_true(gc_cons_mark_add(&c, &steady));
	assert_false(gc_cons_mark_add(&c, &none));
	assert_true(c.q48 == 0 && c.integral == 0);
	assert_true(gc_cons_mark_add(&c, &more));
	/* 9 * 1.03125 / -0.03125 * 0.9 */
	assert_true(fabs(value_of(&c) + 267.3) < 1e-9);
	/* Out of range of any heap: as an overflow is. */
	more.work = 1;
	more.assist_ns = 12001;
	more.grown = UINT64_MAX / 4;
	assert_false(gc_cons_mark_add(&c, &more));
	assert_true(c.q48 == 0 && c.integral == 0);
}

static void test_runway(void **state)
{
	struct gc_cons_mark c = {.pacer = MRT_PACER_1_19};

	(void)state;
	c.q48 = (int64_t)1 << 47; /* a half */
	assert_int_equal(gc_cons_mark_runway(&c, 1001), 1501);
	c.q48 = 1000 * ((int64_t)1 << 48);
	assert_int_equal(gc_cons_mark_runway(&c, (uint64_t)1 << 40), 3000 * ((uint64_t)1 << 40));
	/* Negative: what amd64 makes of it is beyond every goal, unless it is cut to 0. */
	c.q48 = -((int64_t)1 << 47);
	assert_true(gc_cons_mark_runway(&c, 1000) == UINT64_MAX);
	c.q48 = -1;
	assert_int_equal(gc_cons_mark_runway(&c, 1000), 0);
	c = (struct gc_cons_mark){.pacer = MRT_PACER_1_21, .q32 = GC_Q32 / 2};
	assert_int_equal(gc_cons_mark_runway(&c, 1001), 1501);
}

/* Where neither bound of the fixed point is met: u up to 63/64, a ratio from 2^-12 to 256. */
static void test_largest(void **state)
{
	uint64_t rng = gc_test_seed();
	uint32_t compared = 0;

	(void)state;
	for (uint32_t round = 0; round < 500; round++) {
		double last[5] = {0};
		struct gc_cons_mark c;

		gc_cons_mark_init(&c, MRT_PACER_1_21);
		for (uint32_t i = 0; i < 100; i++) {
			struct gc_cons_mark_sample s = random_sample(&rng, true);
			double sample, largest = 0;

			s.work = (s.work % 1000 + 100) * (uint64_t)16384;
			s.grown = (s.grown % 1000 + 100) * (uint64_t)16384;
			sample = sample_of(&s);
			assert_true(gc_cons_mark_add(&c, &s));
			last[i % 5] = sample;
			for (uint32_t k = 0; k < 5; k++)
				largest = fmax(largest, last[k]);
			assert_true(fabs(value_of(&c) - largest) <= Q32_TOLERANCE * largest);
			compared++;
		}
	}
	assert_int_equal(compared, 50000);
}

/* One cycle in a burst of allocation: 1.21 keeps its ratio for four more, 1.19 swings below what is
 * asked for at the next one. */
static void test_versions(void **state)
{
	struct gc_cons_mark_sample calm = {.mark_ns = 4000, .procs = 4, .grown = 300, .work = 100},
				   burst = calm;
	struct gc_cons_mark late, early;

	(void)state;
	burst.grown = 3000;
	gc_cons_mark_init(&late, MRT_PACER_1_21);
	gc_cons_mark_init(&early, MRT_PACER_1_19);
	gc_cons_mark_add(&late, &burst);
	gc_cons_mark_add(&early, &burst);
	for (uint32_t i = 0; i < 4; i++) {
		gc_cons_mark_add(&late, &calm);
		gc_cons_mark_add(&early, &calm);
		assert_true(fabs(value_of(&late) - 10) < 1e-6);
		assert_true(i != 0 || value_of(&early) < 0); /* 0.9 * (1 - 9) + 2.25 */
	}
	gc_cons_mark_add(&late, &calm);
	assert_true(fabs(value_of(&late) - 1) < 1e-6);
	for (uint32_t i = 0; i < 100; i++)
		gc_cons_mark_add(&early, &calm);
	/* In the end it settles where the samples are. */
	assert_true(fabs(value_of(&early) - 1) < 1e-3);
}

static int setup(void **state)
{
	(void)state;
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)gc_test_seed());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controller), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_runway),	   cmocka_unit_test(test_largest),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
