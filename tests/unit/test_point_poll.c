/*
 * test_point_poll.c: netpoll/poll (a look of the poller ends late) and netpoll/wake with action
 * duplicate (the same readiness is reported twice): every message is answered all the same.
 */
#include "tests/unit/test_point_echo.h"

#define DELAY_NS (2 * MS)

static void check_served(const struct echo *e)
{
	for (uint32_t i = 0; i < e->conns; i++)
		assert_int_equal(e->served[i], e->rounds);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
}

/* How many ran late for it. */
static uint32_t late_look(uint32_t procs)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_poll,
				      .action = GCS_ACT_DELAY,
				      .every = 3,
				      .delay_ns = DELAY_NS,
				      .jitter_ns = DELAY_NS / 2};
	struct echo e = {.conns = 8, .rounds = 6, .wanted = 3};
	uint32_t carried = 0;

	point_run(&spec, 1, (struct mrt_options){.procs = procs}, echo_body, &e);
	check_served(&e);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_NETPOLL);
		assert_int_equal(f->late, 1);
		assert_true(f->ran == f->lags);
		/* Who was found by it ran after it. */
		assert_true(f->lags == 0 || f->lag_ns >= (uint64_t)DELAY_NS);
		carried += f->lags;
	}
	return carried;
}

/* What a late look finds may be for goroutines that do not wait: busy, or not begun; then there is another run. */
static void test_late_look(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		uint32_t carried = 0;

		for (uint32_t i = 0; i < 50 && carried == 0; i++)
			carried = late_look(procs);
		assert_true(carried > 0);
	}
}

/* Each is reported again, unless the run ended before the next look. */
static void check_duplicates(const struct echo *e)
{
	uint32_t again = 0, woke = 0;

	check_served(e);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->idle <= 1 && f->ran <= 1 && f->lags == f->ran);
		again += f->idle;
		woke += f->ran;
	}
	assert_true(again > 0 && again + 2 * e->conns >= point_log.n);
	if (MRT_SIM) /* some have parked anew by then, and wake for nothing */
		assert_true(woke > 0);
}

static void test_duplicate(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_DUPLICATE};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct echo e = {.conns = 8, .rounds = 6, .wanted = 8};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, echo_body, &e);
		check_duplicates(&e);
	}
}

/* Beside dropped wakes: who is lost may be found by what was reported twice. */
static void test_duplicate_and_drop(void **state)
{
	struct gcs_fault_spec spec[2] = {
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DUPLICATE, .every = 2},
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 2},
	};
	struct echo e = {.conns = 6, .rounds = 6, .wanted = 6, .more_faults = 1};

	(void)state;
	point_run(spec, 2, (struct mrt_options){.procs = 3}, echo_body, &e);
	for (uint32_t i = 0; i < e.conns; i++)
		assert_int_equal(e.served[i], e.rounds);
	assert_true(POINT_FAULT(0, fired) > 0 && POINT_FAULT(1, fired) > 0);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		if (f->id >> 48 == 2) /* the second fault: each dropped wake ran in the end */
			assert_true(f->ran == 1 && f->lags == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_look),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_duplicate_and_drop),
	};

	return point_main("poll", tests, sizeof(tests) / sizeof(tests[0]));
}
