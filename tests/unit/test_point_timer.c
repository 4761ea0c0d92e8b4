/*
 * test_point_timer.c: sched/timer: a goroutine that sleeps is woken late, from when it was due; or its
 * sleep is made shorter or longer when it begins. Each runs on, and later sleeps are as they should be.
 */
#include "tests/unit/test_point_fixture.h"

#define US	 INT64_C(1000)
#define MS	 INT64_C(1000000)
#define SLEEPERS 6u
#define SLEEPS	 30u
#define DELAY_NS (300 * US)
#define EARLY	 20u  /* sleeps */
#define TRIES	 400u /* at most */

struct sleepers {
	mrt_wg wg;
	int64_t sleep_ns;
	bool system;
	_Atomic uint32_t early, late; /* sleeps that ended before their time; after twice theirs */
};

static void sleeper_body(mrt_g *g, void *arg)
{
	struct sleepers *s = arg;

	for (uint32_t i = 0; i < SLEEPS; i++) {
		int64_t begin = mrt_now_ns(), now;

		mrt_sleep_until(g, begin + s->sleep_ns);
		now = mrt_now_ns();
		GC_TEST_MUST(now >= begin);
		if (now < begin + s->sleep_ns)
			atomic_fetch_add(&s->early, 1);
		if (now >= begin + 2 * s->sleep_ns)
			atomic_fetch_add(&s->late, 1);
	}
	mrt_wg_done(g, &s->wg);
}

static void sleepers_go(mrt_g *g, struct sleepers *s)
{
	mrt_wg_add(&s->wg, SLEEPERS);
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i,
					     .driver = (uint16_t)(i % 2),
					     .system = s->system};

		GC_TEST_MUST(mrt_go(g, sleeper_body, s, &opt) == 0);
	}
	mrt_wg_wait(g, &s->wg);
}

/* Under the fault, and once more without it: nobody is early then, whatever the machine does. */
static void sleepers_body(mrt_g *g, void *arg)
{
	struct sleepers *s = arg, after = {.sleep_ns = s->sleep_ns};
	uint64_t fired;
	char text[256];

	point_arm_all(1);
	sleepers_go(g, s);
	gcs_faults_disarm_all(false, mrt_now_ns());
	fired = POINT_FAULT(0, fired);
	sleepers_go(g, &after);
	GC_TEST_MUST(POINT_FAULT(0, fired) == fired && atomic_load(&after.early) == 0);
	if (MRT_SIM) /* there nobody else takes the CPU */
		GC_TEST_MUST(atomic_load(&after.late) == 0);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* ------------------------------------------------------------------------ late */

/* Both sites are visits of the point; each is for one action only. A real sleep may be over before
 * it has begun. */
static void check_sites(uint64_t sleeps)
{
	assert_true(POINT_FAULT(0, visits) >= 2 * POINT_FAULT(0, eligible));
	assert_true(POINT_FAULT(0, fired) > 0 && POINT_FAULT(0, eligible) <= sleeps);
	if (MRT_SIM)
		assert_int_equal(POINT_FAULT(0, eligible), sleeps);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
}

static void test_late(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_timer,
				      .action = GCS_ACT_DELAY,
				      .every = 3,
				      .delay_ns = DELAY_NS,
				      .jitter_ns = DELAY_NS};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct sleepers s = {.sleep_ns = 100 * US};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, sleepers_body, &s);
		check_sites(SLEEPERS * SLEEPS);
		assert_true(POINT_FAULT(0, fired) <= POINT_FAULT(0, eligible) / 3);
		assert_true(atomic_load(&s.early) == 0);
		assert_true(atomic_load(&s.late) >= POINT_FAULT(0, fired));
		for (uint32_t i = 0; i < point_log.n; i++) {
			const struct point_firing *f = &point_log.f[i];

			assert_true(f->worker >= MRT_WORKER_FIRST && f->ran == 1 && f->lags == 1);
			/* How late it was already counts too. */
			assert_true(f->lag_ns >= (uint64_t)DELAY_NS + f->arg);
		}
	}
}

/* One workload's; the others are on time. */
static void test_late_match(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_timer,
				      .action = GCS_ACT_DELAY,
				      .workloads = 1u << 1,
				      .delay_ns = DELAY_NS};
	struct sleepers s = {.sleep_ns = 100 * US};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, sleepers_body, &s);
	check_sites(SLEEPERS / 2 * SLEEPS);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].worker % 2 == 1); /* MRT_WORKER_FIRST is even */
}

/* The runtime's own sleep as they should. */
static void test_system(void **state)
{
	static const enum gcs_action action[] = {GCS_ACT_DELAY, GCS_ACT_BIAS};
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_timer, .by_milli = 100};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct sleepers s = {.sleep_ns = 100 * US, .system = true};

		spec.action = action[i];
		spec.delay_ns = action[i] == GCS_ACT_DELAY ? DELAY_NS : 0;
		point_run(&spec, 1, (struct mrt_options){.procs = 2}, sleepers_body, &s);
		assert_true(POINT_FAULT(0, visits) > 0);
		assert_int_equal(POINT_FAULT(0, eligible), 0);
		assert_int_equal(atomic_load(&s.early), 0);
	}
}

/* ----------------------------------------------------------------------- early */

/* A long sleep at half its length, until one was early: a busy machine may take the rest of it. */
static void early_body(mrt_g *g, void *arg)
{
	struct sleepers *s = arg;

	point_arm_all(1);
	for (uint32_t i = 0; i < TRIES && (i < EARLY || atomic_load(&s->early) == 0); i++) {
		int64_t deadline = mrt_now_ns() + s->sleep_ns;

		/* As a loop that has to be there at a time, it asks the clock and sleeps again. */
		for (uint32_t naps = 0; mrt_now_ns() < deadline; naps++) {
			mrt_sleep_until(g, deadline);
			if (mrt_now_ns() < deadline)
				atomic_fetch_add(&s->early, naps == 0);
			GC_TEST_MUST(naps < 1000);
		}
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	for (uint32_t i = 0; i < 10; i++) {
		int64_t deadline = mrt_now_ns() + US;

		mrt_sleep_until(g, deadline);
		GC_TEST_MUST(mrt_now_ns() >= deadline);
	}
}

static void test_early(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_timer, .action = GCS_ACT_BIAS, .by_milli = 500};
	struct sleepers s = {.sleep_ns = 2 * MS};
	uint32_t early = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, early_body, &s);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		/* What is left is half of the rest at most. */
		assert_true(f->sched[3] == 1 && f->lags == 0 && f->value <= f->arg - f->arg / 2);
		if (MRT_SIM && f->arg > 100000)
			assert_true(f->value > f->arg / 4);
		early += f->value > 0;
	}
	assert_true(early >= atomic_load(&s.early) && atomic_load(&s.early) > 0);
}

/* Longer sleeps are late wakes. */
static void test_longer(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_timer, .action = GCS_ACT_BIAS, .every = 2, .by_milli = 3000};
	struct sleepers s = {.sleep_ns = 200 * US};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, sleepers_body, &s);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	assert_true(POINT_FAULT(0, fired) > 0 && atomic_load(&s.early) == 0);
	if (MRT_SIM) /* a real sleep may be over before it has begun */
		assert_int_equal(POINT_FAULT(0, fired), SLEEPERS * SLEEPS / 2);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->ran == 1 && f->lags == 1 && f->sched[3] == 0);
		assert_true(f->lag_ns >= 2 * f->arg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late),  cmocka_unit_test(test_late_match),
		cmocka_unit_test(test_system), cmocka_unit_test(test_early),
		cmocka_unit_test(test_longer),
	};

	return point_main("timer", tests, sizeof(tests) / sizeof(tests[0]));
}
