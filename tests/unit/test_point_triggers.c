/*

 * test_point_triggers.c: after, burst, match, doubling delays and an operator's own trigger against a plain model, over
 * random visits.
 *
 * The model asks a first load of the same fault, without burst, match and times, which ordinals
 * its draw hits: that is a pure function, so the second load must agree whatever else the visits
 * carry.
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
#include <string.h>

#define WORKERS	 4u
#define VISITS	 6000u
#define ORDINALS (VISITS + 1)

static uint64_t test_seed = 1;
static const uint32_t test_workers[WORKERS] = {128, 129, 130, 131};

static uint64_t test_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void load(const struct gcs_fault_spec *spec)
{
	struct gcs_faults_options opt = {.spec = spec,
					 .nspecs = 1,
					 .seed = test_seed,
					 .worker = test_workers,
					 .nworkers = WORKERS};

	assert_int_equal(gcs_faults_load(&opt), 0);
}

static bool visit(const struct gcs_site *site)
{
	struct gcs_firing firing;

	return gcs_gate(GCS_POINT_mem_malloc) &&
	       gcs_decide(GCS_POINT_mem_malloc, site, &firing);
}

/* ---------------------------------------------------------------- the model */

struct model_worker {
	uint64_t ordinal, burst_end, fired, share;
};

struct model {
	struct gcs_fault_spec spec;
	uint32_t own_ppb; /* probability + 1 while the operator's trigger holds */
	struct model_worker w[WORKERS];
	uint64_t visits, eligible;
};

/* hit[worker][ordinal]: does the draw of this probability hit? */
static uint8_t hit_spec[WORKERS][ORDINALS], hit_own[WORKERS][ORDINALS];

static void learn_draws(uint32_t p_ppb, uint8_t hit[WORKERS][ORDINALS])
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = p_ppb};

	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct gcs_site site = {.worker = test_workers[w], .eligible = true, .now_ns = 5};

		for (uint32_t o = 1; o < ORDINALS; o++)
			hit[w][o] = visit(&site);
	}
	gcs_faults_clear();
}

static bool model_matches(const struct gcs_fault_spec *s, const struct gcs_site *site)
{
	bool size = site->arg >= s->size_min && (s->size_max == 0 || site->arg <= s->size_max);
	bool workload = s->workloads == 0;

	for (uint32_t i = 0; i < 32; i++)
		workload |= (s->workloads >> i & 1) != 0 && site->driver == i;
	return size && workload;
}

static bool model_schedule(const struct model *m, uint32_t w, uint64_t ordinal)
{
	const struct gcs_fault_spec *s = &m->spec;

	if (m->own_ppb != 0)
		return m->own_ppb == 1000000001 || (m->own_ppb != 1 && hit_own[w][ordinal]);
	return ordinal > s->after && (s->nth == 0 || ordinal == s->nth) && (s->every == 0 || ordinal % s->every == 0) &&
	       (s->p_ppb == 0 || hit_spec[w][ordinal]);
}

static bool model_visit(struct model *m, uint32_t w, const struct gcs_site *site)
{
	struct model_worker *k = &m->w[w];
	bool along;

	m->visits++;
	if (!site->eligible || !model_matches(&m->spec, site))
		return false;
	m->eligible++;
	k->ordinal++;
	along = k->ordinal <= k->burst_end;
	if ((!along && !model_schedule(m, w, k->ordinal)) || k->fired >= k->share)
		return false;
	k->fired++;
	if (!along && m->spec.burst > 1)
		k->burst_end = k->ordinal + m->spec.burst - 1;
	return true;
}

/* ------------------------------------------------------------ random visits */

static struct gcs_fault_spec random_spec(uint64_t *r)
{
	struct gcs_fault_spec s = {.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL};
	uint64_t low = test_random(r) % 4096;

	s.p_ppb = test_random(r) % 2 ? 20000000 : 0;
	s.nth = test_random(r) % 4 ? 0 : 1 + test_random(r) % 40;
	s.every = test_random(r) % 2 ? 1 + test_random(r) % 30 : 0;
	s.burst = test_random(r) % 3 ? test_random(r) % 9 : 0;
	s.after = test_random(r) % 3 ? 0 : test_random(r) % 60;
	s.times = test_random(r) % 2 ? 1 + test_random(r) % 100 : 0;
	s.size_min = test_random(r) % 3 ? low : 0;
	s.size_max = test_random(r) % 3 ? low + test_random(r) % 4096 + 1 : 0;
	s.workloads = test_random(r) % 2 ? (uint32_t)(test_random(r) % 31 + 1) : 0;
	return s;
}

static struct gcs_site random_site(uint64_t *r, uint32_t *ret_w)
{
	*ret_w = (uint32_t)(test_random(r) % WORKERS);
	return (struct gcs_site){
		.worker = test_workers[*ret_w],
		.driver = test_random(r) % 20 ? (uint16_t)(test_random(r) % 6) : 0xffff,
		.p = 0xffff,
		.eligible = test_random(r) % 8 != 0,
		.now_ns = 5,
		.arg = test_random(r) % 8192,
	};
}

/* Windows end and open, the operator takes over and lets go. */
static void random_arming(uint64_t *r, struct model *m, bool *armed, uint32_t own_ppb)
{
	static const uint32_t edges[] = {0, 1000000000};

	switch (test_random(r) % 4) {
	case 0:
		gcs_fault_disarm(0, false, 1);
		*armed = false;
		m->own_ppb = 0;
		break;
	case 1:
		gcs_fault_arm(0, 0, false, 1);
		*armed = true;
		break;
	case 2:
		gcs_fault_arm_with(0, 1, own_ppb, 1);
		m->own_ppb = own_ppb + 1;
		*armed = true;
		break;
	default:
		own_ppb = edges[test_random(r) % 2];
		gcs_fault_arm_with(0, 1, own_ppb, 1);
		m->own_ppb = own_ppb + 1;
		*armed = true;
	}
}

static void one_round(uint64_t round)
{
	uint64_t r = test_seed ^ round * UINT64_C(0x2545f4914f6cdd1d);
	struct model m = {.spec = random_spec(&r)};
	uint32_t own_ppb = 300000000, fired = 0;
	bool armed = true;

	for (uint32_t w = 0; w < WORKERS; w++)
		m.w[w].share = m.spec.times == 0
				       ? UINT64_MAX
				       : m.spec.times / WORKERS + (w < m.spec.times % WORKERS);
	load(&m.spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t i = 0; i < VISITS; i++) {
		uint32_t w;
		struct gcs_site site = random_site(&r, &w);
		bool expected;

		if (test_random(&r) % 200 == 0)
			random_arming(&r, &m, &armed, own_ppb);
		expected = armed && model_visit(&m, w, &site);
		if (visit(&site) != expected)
			fail_msg("round %llu visit %u: %d expected (GCS_TEST_SEED=%llu)",
				 (unsigned long long)round, i, expected,
				 (unsigned long long)test_seed);
		fired += expected;
	}
	assert_int_equal(gcs_fault_counters(0)->visits, m.visits);
	assert_int_equal(gcs_fault_counters(0)->eligible, m.eligible);
	assert_int_equal(gcs_fault_counters(0)->fired, fired);
	gcs_faults_clear();
}

static void test_against_model(void **state)
{
	(void)state;
	learn_draws(20000000, hit_spec);
	learn_draws(300000000, hit_own);
	for (uint64_t round = 0; round < 200; round++)
		one_round(round);
}

/* ------------------------------------------------------------- by hand, exact */

static void test_burst(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc,
				      .action = GCS_ACT_FAIL,
				      .every = 10,
				      .burst = 3,
				      .times = 7 * WORKERS};
	struct gcs_site site = {.worker = 129, .p = 0xffff, .eligible = true, .now_ns = 5};

	(void)state;
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t o = 1; o <= 50; o++) /* the share of seven ends in the third burst */
		assert_int_equal(visit(&site), o >= 10 && o % 10 < 3 && o <= 30);
	gcs_faults_clear();
	spec.times = 0;
	spec.nth = 5;
	spec.every = 0;
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t o = 1; o <= 6; o++)
		assert_int_equal(visit(&site), o >= 5);
	gcs_fault_disarm(0, false, 1); /* the rest of the burst waits for the next window */
	assert_false(visit(&site));
	gcs_fault_arm(0, 1, false, 1);
	assert_true(visit(&site));
	assert_false(visit(&site));
	gcs_fault_fire_once(0); /* alone, and none of times */
	assert_true(visit(&site));
	assert_false(visit(&site));
	gcs_faults_clear();
}

static void test_after(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 4, .after = 9};
	struct gcs_site site = {.worker = 128, .p = 0xffff, .eligible = true, .now_ns = 5};

	(void)state;
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t o = 1; o <= 30; o++)
		assert_int_equal(visit(&site), o > 9 && o % 4 == 0);
	gcs_fault_disarm(0, false, 1); /* counted over all windows */
	gcs_fault_arm(0, 1, false, 1);
	assert_false(visit(&site));
	assert_true(visit(&site)); /* the 32nd */
	site.worker = 131;	   /* for each worker anew */
	gcs_fault_fire_once(0);	   /* by hand: whatever the triggers say */
	assert_true(visit(&site));
	for (uint32_t o = 2; o <= 12; o++)
		assert_int_equal(visit(&site), o == 12);
	gcs_faults_clear();
}

static int64_t delay_of(uint32_t worker)
{
	struct gcs_site site = {.worker = worker, .p = 0xffff, .eligible = true, .now_ns = 5};
	struct gcs_firing firing = {.delay_ns = -1};

	return gcs_decide(GCS_POINT_stw_stop, &site, &firing) ? firing.delay_ns : -1;
}

static void test_doubling(void **state)
{
	static const int64_t expected[] = {3000, 6000, 12000, 24000, 48000, 50000, 50000};
	struct gcs_fault_spec spec = {.point = GCS_POINT_stw_stop,
				      .action = GCS_ACT_DELAY,
				      .every = 2,
				      .delay_ns = 3000,
				      .delay_max_ns = 50000};

	(void)state;
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(delay_of(128), -1); /* a visit that does not fire doubles nothing */
		assert_int_equal(delay_of(128), expected[i]);
	}
	assert_int_equal(delay_of(129), -1);
	assert_int_equal(delay_of(129), 3000); /* each worker has a count of its own */
	gcs_fault_fire_once(0);		       /* by hand: the next delay, and it does not count */
	assert_int_equal(delay_of(129), 6000);
	assert_int_equal(delay_of(129), 6000);
	gcs_faults_clear();
	spec.jitter_ns = 100;
	spec.delay_ns = spec.delay_max_ns = INT64_C(3600000000000);
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t i = 0; i < 200; i++) {
		int64_t d = delay_of(128);

		assert_true(i % 2 == 0 ? d == -1 : d >= spec.delay_ns && d <= spec.delay_ns + 100);
	}
	gcs_faults_clear();
}

static void test_arm_with(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 1000, .times = 40};
	struct gcs_site site = {.worker = 128, .p = 0xffff, .eligible = true, .now_ns = 5};
	uint32_t fired = 0;

	(void)state;
	load(&spec);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t i = 0; i < 100; i++)
		assert_false(visit(&site));
	gcs_fault_arm_with(0, 1, 1000000000, 2); /* armed already: the trigger alone changes */
	for (uint32_t i = 0; i < 100; i++)
		fired += visit(&site);
	assert_int_equal(fired, 40 / WORKERS); /* times holds */
	site.worker = 129;
	gcs_fault_arm_with(0, 1, 0, 3);
	assert_false(visit(&site));
	gcs_fault_arm_with(0, 1, 1000000000, 3);
	assert_true(visit(&site));
	gcs_fault_disarm(0, true, 4);
	assert_false(gcs_gate(GCS_POINT_mem_malloc));
	gcs_fault_arm(0, 2, false, 5); /* the next window: the scenario's triggers again */
	for (uint32_t i = 0; i < 100; i++)
		assert_false(visit(&site));
	gcs_fault_arm_with(7, 0, 5, 5); /* no such fault */
	gcs_faults_clear();
}

static void test_refusals(void **state)
{
	struct gcs_fault_spec bad[] = {
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .size_min = 1},
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .size_max = 1},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .size_min = 9, .size_max = 8},
		{.point = GCS_POINT_mem_span, .action = GCS_ACT_FAIL, .err = EAGAIN},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .burst = UINT64_MAX},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .delay_max_ns = 5},
		{.point = GCS_POINT_stw_stop, .action = GCS_ACT_DELAY, .delay_max_ns = 5},
		{.point = GCS_POINT_stw_stop, .action = GCS_ACT_DELAY, .delay_ns = 6, .delay_max_ns = 5},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .after = UINT64_C(1) << 32},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gcs_faults_options opt = {.spec = &bad[i], .nspecs = 1};

		assert_int_equal(gcs_faults_load(&opt), -EINVAL);
	}
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_doubling),
		cmocka_unit_test(test_arm_with),
		cmocka_unit_test(test_refusals),
	};

	if (!GCS_FAULTS) {
		printf("# built without faults\n");
		return 77;
	}
	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
