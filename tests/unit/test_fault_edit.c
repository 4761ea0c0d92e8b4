/*
 * test_fault_edit.c: numbers of a fault changed while it is loaded: what holds from the next visit on, what is
 * left of `times` and who may use it, what is refused, and that no visit sees half of a change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "faults/fault.h"
#include "runtime/mrt.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t test_seed = 1;
static const uint32_t test_workers[] = {128, 129, 130};

static void load(const struct gcs_fault_spec *spec, uint32_t n)
{
	struct gcs_faults_options opt = {
		.spec = spec, .nspecs = n, .seed = test_seed, .worker = test_workers, .nworkers = 3};

	assert_int_equal(gcs_faults_load(&opt), 0);
	for (uint32_t i = 0; i < n; i++)
		gcs_fault_arm(i, 0, false, 1);
}

static bool visit_of(enum gcs_point point, uint32_t worker, uint64_t arg, struct gcs_firing *ret)
{
	struct gcs_site site = {
		.worker = worker, .p = 0xffff, .eligible = true, .now_ns = 5, .arg = arg};

	return gcs_gate(point) && gcs_decide(point, &site, ret);
}

/* So many of n visits fire. */
static uint32_t visits(uint32_t worker, uint32_t n)
{
	struct gcs_firing firing;
	uint32_t fired = 0;

	for (uint32_t i = 0; i < n; i++)
		fired += visit_of(GCS_POINT_mem_malloc, worker, 64, &firing);
	return fired;
}

static struct gcs_fault_spec malloc_fails(void)
{
	return (struct gcs_fault_spec){.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL};
}

/* Every number holds from the next visit on; ordinals go on where they were. */
static void test_numbers(void **state)
{
	struct gcs_fault_spec s = malloc_fails();
	struct gcs_firing firing;

	(void)state;
	s.every = 2;
	load(&s, 1);
	assert_int_equal(visits(128, 100), 50);
	s.every = 5;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 100), 20);
	s.every = 0;
	s.nth = 204; /* the fourth from here */
	s.err = EAGAIN;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 3), 0);
	assert_true(visit_of(GCS_POINT_mem_malloc, 128, 64, &firing));
	assert_int_equal(firing.err, EAGAIN);
	s.nth = 0;
	s.err = 0; /* the point's own */
	s.size_min = 100;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_false(visit_of(GCS_POINT_mem_malloc, 128, 99, &firing));
	assert_true(visit_of(GCS_POINT_mem_malloc, 128, 100, &firing));
	assert_int_equal(firing.err, ENOMEM);
	s.size_min = 0;
	s.p_ppb = 250000000;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_in_range(visits(128, 10000), 2300, 2700);
	s.p_ppb = 0;
	s.every = 100;
	s.burst = 7;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_in_range(visits(128, 10000), 694, 706);
	s.after = 1000000;
	s.burst = 0;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	visits(128, 7); /* what a burst has begun goes on */
	assert_int_equal(visits(128, 1000), 0);
	gcs_faults_clear();
}

static void test_delays(void **state)
{
	struct gcs_fault_spec s = {
		.point = GCS_POINT_stw_stop, .action = GCS_ACT_DELAY, .delay_ns = 1000};
	struct gcs_firing firing;

	(void)state;
	load(&s, 1);
	assert_true(visit_of(GCS_POINT_stw_stop, 128, 0, &firing));
	assert_int_equal(firing.delay_ns, 1000);
	s.delay_ns = 7000;
	s.delay_max_ns = 14000; /* its worker has fired once: it has doubled once */
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_true(visit_of(GCS_POINT_stw_stop, 128, 0, &firing));
	assert_int_equal(firing.delay_ns, 14000);
	s.delay_max_ns = 0;
	s.jitter_ns = 100;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	for (int i = 0; i < 100; i++) {
		assert_true(visit_of(GCS_POINT_stw_stop, 128, 0, &firing));
		assert_in_range(firing.delay_ns, 7000, 7100);
	}
	gcs_faults_clear();
}

/* What is left of `times` is for all, whoever used what was there before. */
static void test_times(void **state)
{
	struct gcs_fault_spec s = malloc_fails();

	(void)state;
	s.every = 1;
	s.times = 9; /* three each */
	load(&s, 1);
	assert_int_equal(visits(128, 10), 3);
	assert_int_equal(visits(129, 1), 1);
	s.times = 13; /* nine are left, three each again */
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 10), 3);
	assert_int_equal(visits(129, 10), 3);
	assert_int_equal(visits(130, 10), 3);
	assert_int_equal(gcs_fault_counters(0)->fired, 13);
	s.times = 5; /* more than that has fired */
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 10) + visits(129, 10) + visits(130, 10), 0);
	s.times = 17; /* the first takes two */
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 10), 2);
	assert_int_equal(visits(129, 10), 1);
	s.delay_ns = 0;
	assert_int_equal(gcs_fault_edit(0, &s), 0); /* nothing about times: nobody gets more */
	assert_int_equal(visits(128, 10) + visits(129, 10), 0);
	s.times = 0;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 1000), 1000);
	s.times = 1000; /* more than that has fired by now */
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 10) + visits(129, 10) + visits(130, 10), 0);
	gcs_faults_clear();
}

/* A random walk of changes: never more than `times` at any moment, and all of it in the end. */
static void test_times_at_random(void **state)
{
	struct gcs_fault_spec s = malloc_fails();
	uint64_t x = test_seed, fired = 0;

	(void)state;
	s.every = 1;
	s.times = 10;
	load(&s, 1);
	for (int i = 0; i < 200; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		fired += visits(test_workers[(x >> 33) % 3], (uint32_t)(x >> 40) % 8);
		if ((x >> 50) % 3 != 0)
			continue;
		s.times = 1 + (x >> 36) % 64;
		assert_int_equal(gcs_fault_edit(0, &s), 0);
		assert_int_equal(gcs_fault_counters(0)->fired, fired);
		if (s.times > fired) { /* all that is left can be had */
			for (int w = 0; w < 3; w++)
				fired += visits(test_workers[w], 64);
			assert_int_equal(fired, s.times);
		}
	}
	gcs_faults_clear();
}

static void test_refusals(void **state)
{
	const struct gcs_fired one = {128, 3};
	struct gcs_fault_spec s[3] = {malloc_fails(), malloc_fails(), malloc_fails()}, to;

	(void)state;
	s[0].every = 2;
	s[1].visit = 5;
	s[2].replays = true;
	s[2].fired = &one;
	s[2].nfired = 1;
	load(s, 3);
	assert_int_equal(gcs_fault_edit(3, &s[0]), -ENOENT);
	assert_int_equal(gcs_fault_edit(1, &s[0]), -EINVAL); /* a sweep's, a replay's */
	assert_int_equal(gcs_fault_edit(2, &s[0]), -EINVAL);
	gcs_fault_disarm(1, false, 2);
	gcs_fault_disarm(2, false, 2);
	to = s[0];
	to.p_ppb = 1000000001;
	assert_int_equal(gcs_fault_edit(0, &to), -EINVAL);
	to = s[0];
	to.delay_max_ns = 5; /* it does not delay */
	assert_int_equal(gcs_fault_edit(0, &to), -EINVAL);
	to = s[0];
	to.size_min = 9;
	to.size_max = 8;
	assert_int_equal(gcs_fault_edit(0, &to), -EINVAL);
	to = s[0];
	to.point = GCS_POINT_stw_stop; /* not looked at, nor what it does */
	to.action = GCS_ACT_DELAY;
	to.every = 4;
	assert_int_equal(gcs_fault_edit(0, &to), 0);
	assert_int_equal(visits(128, 100), 25);
	for (uint32_t i = 1; i < GCS_FAULT_EDITS_MAX; i++)
		assert_int_equal(gcs_fault_edit(0, &s[0]), 0);
	to.every = 1;
	assert_int_equal(gcs_fault_edit(0, &to), -E2BIG);
	assert_int_equal(visits(128, 100), 50);
	gcs_faults_clear();
}

/* What fiu-ctrl said holds until somebody says something else. */
static void test_the_last_word(void **state)
{
	struct gcs_fault_spec s = malloc_fails();

	(void)state;
	s.every = 10;
	load(&s, 1);
	gcs_fault_arm_with(0, 1, 1000000000, 2);
	assert_int_equal(visits(128, 10), 10);
	s.every = 5;
	assert_int_equal(gcs_fault_edit(0, &s), 0);
	assert_int_equal(visits(128, 10), 2);
	gcs_fault_arm_with(0, 1, 1000000000, 3);
	assert_int_equal(visits(128, 10), 10);
	gcs_faults_clear();
}

/* ----------------------------------------------------------- several threads */

#define THREAD_VISITS 20000u

struct thread_visits {
	uint32_t worker, fired, torn;
};

static void thread_visit(void *arg)
{
	struct thread_visits *v = arg;
	struct gcs_firing firing;

	for (uint32_t i = 0; i < THREAD_VISITS; i++) {
		if (visit_of(GCS_POINT_stw_stop, v->worker, 0, &firing)) {
			v->fired++;
			v->torn += firing.delay_ns != firing.by_milli;
		}
		prim_step(PRIM_COST_ALLOC);
	}
}

/* Two numbers that are always changed together, and a bound that grows, under visits: all or
 * nothing of a change, and never a firing too many. */
static void test_threads(void **state)
{
	struct gcs_fault_spec s = {.point = GCS_POINT_stw_stop,
				   .action = GCS_ACT_DELAY,
				   .every = 1,
				   .times = 30,
				   .delay_ns = 1,
				   .by_milli = 1};
	struct thread_visits v[3] = {{.worker = 128}, {.worker = 129}, {.worker = 130}};
	prim_thread *thread[3];
	uint32_t fired = 0, torn = 0;

	(void)state;
	load(&s, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(prim_thread_create(&thread[i], "visits", thread_visit, &v[i]), 0);
	for (uint32_t i = 2; i <= 200; i++) {
		s.delay_ns = i;
		s.by_milli = i;
		s.times += 3;
		assert_int_equal(gcs_fault_edit(0, &s), 0);
		assert_true(gcs_fault_counters(0)->fired <= s.times);
		prim_step(PRIM_COST_ALLOC);
	}
	for (int i = 0; i < 3; i++) {
		prim_thread_join(thread[i]);
		fired += v[i].fired;
		torn += v[i].torn;
	}
	assert_int_equal(torn, 0);
	/* A visit that came while the shares were taken away has fired nothing; those after the last
	 * change have used up what was left, if any thread still visited. */
	assert_true(fired <= s.times);
	for (int i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 1000; k++) {
			struct gcs_firing firing;

			fired += visit_of(GCS_POINT_stw_stop, v[i].worker, 0, &firing);
		}
	assert_int_equal(fired, s.times);
	assert_int_equal(gcs_fault_counters(0)->fired, s.times);
	gcs_faults_clear();
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	     cmocka_unit_test(test_delays),
		cmocka_unit_test(test_times),	     cmocka_unit_test(test_times_at_random),
		cmocka_unit_test(test_refusals),     cmocka_unit_test(test_the_last_word),
		cmocka_unit_test(test_threads),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
