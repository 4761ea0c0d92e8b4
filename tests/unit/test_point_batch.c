/*
 * test_point_batch.c: netpoll/wake with the actions reorder and coalesce: wakes of one look in reverse,
 * wakes that wait for one another. Each message is answered, each wake that comes later for it carries
 * the firing, and nobody is held beyond the time given.
 */
#include "tests/unit/test_point_echo.h"

#define HOLD_NS	  (3 * MS)
#define MANY	  140u
#define MANY_HELD 128u /* a batch is full */

static void check_served(const struct echo *e)
{
	for (uint32_t i = 0; i < e->conns; i++)
		assert_int_equal(e->served[i], e->rounds);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
}

/* --------------------------------------------------------------------- reorder */

struct order {
	struct echo *echo;
	_Atomic uint32_t next;
	uint32_t first[CONNS_MAX]; /* whose first message was answered when */
	_Atomic bool ended;
	mrt_wg busy;
};

struct reader {
	struct order *order;
	uint32_t i;
};

/* Keeps its P for long, so that a look finds more than one. */
static void busy_body(mrt_g *g, void *arg)
{
	struct order *o = arg;

	while (!atomic_load(&o->ended)) {
		int64_t until = mrt_now_ns() + 20 * MS;

		while (mrt_now_ns() < until)
			prim_step(PRIM_COST_MAP_OP);
		mrt_sleep_until(g, mrt_now_ns() + MS / 10);
	}
	mrt_wg_done(g, &o->busy);
}

static void reader_body(mrt_g *g, void *arg)
{
	struct reader *r = arg;
	struct echo *e = r->order->echo;
	mrt_conn *c = e->conn[r->i];
	char buf[MESSAGE];
	size_t have = 0;
	int64_t n;

	while ((n = mrt_conn_read(g, c, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		if (have < sizeof(buf))
			continue;
		if (e->served[r->i]++ == 0)
			r->order->first[atomic_fetch_add(&r->order->next, 1)] = r->i;
		GC_TEST_MUST(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
		have = 0;
	}
	mrt_conn_close(g, c);
	mrt_wg_done(g, &e->wg);
}

static void order_body(mrt_g *g, void *arg)
{
	struct order *o = arg;
	struct echo *e = o->echo;
	struct reader reader[CONNS_MAX];
	prim_conn *prim[CONNS_MAX];

	clients_start(e, prim);
	mrt_wg_add(&e->wg, e->conns);
	mrt_wg_add(&o->busy, 1);
	point_arm_all(1);
	for (uint32_t i = 0; i < e->conns; i++) {
		struct mrt_go_options opt = {.driver = 5, .worker = MRT_WORKER_FIRST + i % 8};

		GC_TEST_MUST(mrt_conn_open(g, prim[i], &e->conn[i]) == 0);
		reader[i] = (struct reader){o, i};
		GC_TEST_MUST(mrt_go(g, reader_body, &reader[i], &opt) == 0);
	}
	mrt_yield(g); /* they park */
	GC_TEST_MUST(mrt_go(g, busy_body, o, NULL) == 0);
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	atomic_store(&o->ended, true);
	mrt_wg_wait(g, &o->busy);
	clients_join(e);
}

static struct order order_run(const struct gcs_fault_spec *spec, struct echo *e)
{
	struct order o = {.echo = e};

	point_run(spec, 1, (struct mrt_options){.procs = 1}, order_body, &o);
	for (uint32_t i = 0; i < e->conns; i++)
		assert_int_equal(e->served[i], e->rounds);
	return o;
}

static void test_reorder(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_REORDER,
				      .workloads = 1u << 5}; /* all wakes are of that one */
	struct echo e = {.conns = 8, .rounds = 4, .wanted = 3};

	(void)state;
	order_run(&spec, &e);
	assert_true(POINT_FAULT(0, fired) >= (MRT_SIM ? 1 : 3));
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->arg >= 2 && f->arg <= e.conns);
		assert_true(f->data[3] == 1 && f->figure == f->arg / 2 * 2);
		/* The half that comes later for it. */
		assert_true(f->lags == f->arg / 2 && f->ran == f->lags);
	}
}

/* Simulation: the same run with and without, up to the look that finds all at once. */
static void test_reversed(void **state)
{
	struct gcs_fault_spec never = {.point = GCS_POINT_netpoll_wake,
				       .action = GCS_ACT_REORDER,
				       .nth = 1000000},
			      first = {.point = GCS_POINT_netpoll_wake,
				       .action = GCS_ACT_REORDER,
				       .nth = 1};

	(void)state;
	if (!MRT_SIM)
		return; /* what a look finds is the kernel's affair there */
	struct echo a = {.conns = 4, .rounds = 1}, b = a;
	struct order plain = order_run(&never, &a), turned = order_run(&first, &b);

	assert_int_equal(POINT_FAULT(0, fired), 1);
	assert_int_equal(point_log.f[0].arg, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(plain.first[i], turned.first[3 - i]);
}

/* -------------------------------------------------------------------- coalesce */

static void check_batches(const struct echo *e, int64_t hold_ns)
{
	uint64_t wakes = 0;

	check_served(e);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_NETPOLL);
		assert_true(f->data[4] == 1 && f->figure == f->lags);
		assert_true(f->ran == f->lags && f->lags > 0);
		/* Who opens it waits for all of the time, unless it was full. */
		assert_true(f->lag_ns >= (uint64_t)hold_ns || f->lags == MANY_HELD);
		if (MRT_SIM) /* virtual time: no noise */
			assert_true(f->lag_ns < (uint64_t)(hold_ns + MS));
		wakes += f->lags;
	}
	assert_true(wakes > point_log.n); /* there was company */
}

static void test_coalesce(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_COALESCE,
				      .delay_ns = HOLD_NS};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct echo e = {.conns = 8, .rounds = 6, .wanted = 3};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, echo_body, &e);
		check_batches(&e, HOLD_NS);
		/* Those that join one that is open are not eligible. */
		assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
	}
}

/* Full before its time: it ends then, and the rest is the next one's. */
static void test_full(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_COALESCE,
				      .delay_ns = 400 * MS};
	struct echo e = {.conns = MANY, .rounds = 1};
	uint32_t full = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	check_batches(&e, 400 * MS);
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_true(point_log.f[i].lags <= MANY_HELD);
		full += point_log.f[i].lags == MANY_HELD;
		if (MRT_SIM && point_log.f[i].lags == MANY_HELD) /* one message a millisecond */
			assert_true(point_log.f[i].lag_ns < (uint64_t)(200 * MS));
	}
	assert_true(full > 0); /* simulated peers all hang up, too */
}

/* Disarmed while some are held: they come when their time is over. */
static void test_disarmed_meanwhile(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_COALESCE,
				      .delay_ns = 30 * MS};
	struct echo e = {.conns = 4, .rounds = 6, .wanted = 1, .disarm = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	check_served(&e);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].data[4] == 1 && point_log.f[i].lags > 0 &&
			    point_log.f[i].lag_ns >= (uint64_t)(30 * MS));
}

/* All of them at once: some wakes lost, some late, the others together and turned round. */
static void test_beside_others(void **state)
{
	struct gcs_fault_spec spec[4] = {
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 5},
		{.point = GCS_POINT_netpoll_wake,
		 .action = GCS_ACT_DELAY,
		 .every = 4,
		 .delay_ns = MS},
		{.point = GCS_POINT_netpoll_wake,
		 .action = GCS_ACT_COALESCE,
		 .every = 2,
		 .delay_ns = HOLD_NS},
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_REORDER},
	};
	struct echo e = {.conns = 8, .rounds = 12, .wanted = 6, .more_faults = 3};

	(void)state;
	point_run(spec, 4, (struct mrt_options){.procs = 3}, echo_body, &e);
	for (uint32_t i = 0; i < e.conns; i++)
		assert_int_equal(e.served[i], e.rounds);
	assert_true(POINT_FAULT(0, fired) > 0 && POINT_FAULT(1, fired) > 0 &&
		    POINT_FAULT(2, fired) > 0);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].ran == point_log.f[i].lags);
}

/* ------------------------------------------------------------- closed meanwhile */

static void test_closed_meanwhile(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake,
				      .action = GCS_ACT_COALESCE,
				      .delay_ns = HOLD_NS};

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct echo e = {.conns = 1, .rounds = MRT_SIM, .wanted = 1, .one_way = true};

		point_run(&spec, 1, (struct mrt_options){.procs = 2}, closing_body, &e);
		assert_int_equal(point_log.n, POINT_FAULT(0, fired));
		for (uint32_t k = 0; k < point_log.n; k++)
			assert_true(point_log.f[k].ran == 1 && point_log.f[k].data[4] == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_reversed),
		cmocka_unit_test(test_coalesce),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_disarmed_meanwhile),
		cmocka_unit_test(test_beside_others),
		cmocka_unit_test(test_closed_meanwhile),
	};

	return point_main("batch", tests, sizeof(tests) / sizeof(tests[0]));
}
