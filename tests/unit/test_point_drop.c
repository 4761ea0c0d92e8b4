/*
 * test_point_drop.c: netpoll/wake with action drop: the goroutine stays parked although its data is
 * there, and the back-stop finds it. None stays lost: with every wake dropped, disarmed meanwhile, with
 * all Ps asleep, closed meanwhile.
 */
#include "tests/unit/test_point_echo.h"

#define BACKSTOP_NS (10 * MS)

/* Each firing is over: found by the back-stop, or woken by something newer; run either way. */
static uint32_t check_drops(const struct echo *e)
{
	uint32_t repaired = 0;

	for (uint32_t i = 0; i < e->conns; i++)
		assert_int_equal(e->served[i], e->rounds);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_NETPOLL);
		assert_true(f->ran == 1 && f->lags == 1 && f->repaired <= 1);
		repaired += f->repaired;
	}
	return repaired;
}

/* Every wake that may be: each is lost once, and comes through the second time. */
static void test_all_dropped(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct echo e = {.conns = 8, .rounds = 4, .wanted = 8};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, echo_body, &e);
		assert_true(check_drops(&e) > 0);
		assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
	}
}

/* Alone, and nothing else to wake it: the lag is the back-stop's. */
static void test_one_dropped(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 3};
	struct echo e = {.conns = 1, .rounds = 12, .wanted = 3};
	uint64_t longest = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	assert_true(check_drops(&e) >= 2);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		longest = f->repaired == 1 && f->lag_ns > longest ? f->lag_ns : longest;
		if (MRT_SIM && f->repaired == 1) { /* virtual time: no noise */
			assert_true(f->lag_ns >= (uint64_t)BACKSTOP_NS);
			assert_true(f->lag_ns < (uint64_t)(BACKSTOP_NS + MS));
		}
	}
	assert_true(longest >= (uint64_t)BACKSTOP_NS);
}

/* Nobody has run for long, sysmon sleeps for a minute: a drop wakes it. The other end waits for the
 * reply, so nothing else does. */
static void test_asleep(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .nth = 1};
	struct echo e = {.conns = 1, .rounds = 1, .wanted = 1, .idle_ns = 400 * MS};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	assert_int_equal(check_drops(&e), 1);
	if (MRT_SIM)
		assert_true(point_log.f[0].lag_ns < (uint64_t)(BACKSTOP_NS + MS));
}

static void test_disarmed_meanwhile(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP};
	struct echo e = {.conns = 4, .rounds = 6, .wanted = 1, .disarm = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	check_drops(&e);
}

/* ------------------------------------------------------------- closed meanwhile */

/* The list of lost wakes is looked through once more, with nobody on it. */
static void closing_and_backstop(mrt_g *g, void *arg)
{
	closing_body(g, arg);
	mrt_sleep_until(g, mrt_now_ns() + 3 * BACKSTOP_NS);
}

static void test_closed_meanwhile(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP};

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct echo e = {.conns = 1, .rounds = MRT_SIM, .wanted = 1, .one_way = true};

		point_run(&spec, 1, (struct mrt_options){.procs = 2}, closing_and_backstop, &e);
		assert_int_equal(point_log.n, POINT_FAULT(0, fired));
		for (uint32_t k = 0; k < point_log.n; k++)
			assert_true(point_log.f[k].ran == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_dropped), cmocka_unit_test(test_one_dropped),
		cmocka_unit_test(test_asleep),	    cmocka_unit_test(test_disarmed_meanwhile),
		cmocka_unit_test(test_closed_meanwhile),
	};

	return point_main("drop", tests, sizeof(tests) / sizeof(tests[0]));
}
