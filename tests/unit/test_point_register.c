/*
 * test_point_register.c: netpoll/register: the poller takes no connection, at its opening or when it
 * is registered anew. Who opens it gets the error and nothing is kept; tried again, it is served.
 */
#include "tests/unit/test_point_echo.h"

#include "runtime/sched/sched_priv.h"

#define RENEW_EVERY 3u
#define REFUSALS    1000u

struct outcome {
	struct echo echo;
	mrt_wg opened;
	prim_conn *prim[CONNS_MAX];
	_Atomic uint32_t refused;
	bool renew;
};

struct handler {
	struct outcome *o;
	uint32_t i;
};

static bool register_try(struct outcome *o, mrt_g *g, int r)
{
	if (r == 0)
		return true;
	GC_TEST_MUST(r == -ENOSPC);
	atomic_fetch_add(&o->refused, 1);
	mrt_sleep_until(g, mrt_now_ns() + MS / 20);
	return false;
}

/* Answers messages; registers anew after every few, until the poller takes it. */
static void handler_body(mrt_g *g, void *arg)
{
	struct handler *h = arg;
	struct outcome *o = h->o;
	struct echo *e = &o->echo;
	mrt_conn *c = NULL;
	char buf[MESSAGE];
	size_t have = 0;
	int64_t n;

	while (!register_try(o, g, mrt_conn_open(g, o->prim[h->i], &c)))
		;
	mrt_wg_done(g, &o->opened);
	while ((n = mrt_conn_read(g, c, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		if (have < sizeof(buf))
			continue;
		GC_TEST_MUST(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
		have = 0;
		if (++e->served[h->i] % RENEW_EVERY == 0 && o->renew)
			while (!register_try(o, g, mrt_conn_renew(g, c)))
				;
	}
	GC_TEST_MUST(n == 0);
	mrt_conn_close(g, c);
	GC_TEST_MUST(mrt_conn_renew(g, c) == -ECANCELED);
	mrt_wg_done(g, &e->wg);
}

static void register_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct echo *e = &o->echo;
	struct handler handler[CONNS_MAX];
	char text[256];

	clients_start(e, o->prim);
	mrt_wg_add(&e->wg, e->conns);
	mrt_wg_add(&o->opened, e->conns);
	point_arm_all(1 + e->more_faults);
	for (uint32_t i = 0; i < e->conns; i++) {
		struct mrt_go_options opt = {.driver = 5, .worker = MRT_WORKER_FIRST + i % 8};

		handler[i] = (struct handler){o, i};
		GC_TEST_MUST(mrt_go(g, handler_body, &handler[i], &opt) == 0);
	}
	mrt_wg_wait(g, &o->opened);
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	clients_join(e);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void check_register(const struct outcome *o)
{
	uint32_t refused = atomic_load(&o->refused);

	for (uint32_t i = 0; i < o->echo.conns; i++)
		assert_int_equal(o->echo.served[i], o->echo.rounds);
	assert_true(refused > 0);
	assert_int_equal(POINT_FAULT(0, fired), refused);
	assert_int_equal(point_log.n, refused);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->failed == 1 && f->value == ENOSPC);
		assert_true(f->worker >= MRT_WORKER_FIRST);
	}
}

static void test_open(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_netpoll_register, .action = GCS_ACT_FAIL, .nth = 1, .burst = 3};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct outcome o = {.echo = {.conns = 8, .rounds = 6}};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, register_body, &o);
		check_register(&o);
		assert_int_equal(POINT_FAULT(0, fired), 3 * 8);
	}
}

static void test_renew(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_netpoll_register, .action = GCS_ACT_FAIL, .every = 2};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct outcome o = {.echo = {.conns = 8, .rounds = 12}, .renew = true};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, register_body, &o);
		check_register(&o);
	}
}

/* Beside dropped wakes: the back-stop looks after connections that are off the poller just then. */
static void test_renew_and_drop(void **state)
{
	struct gcs_fault_spec spec[2] = {
		{.point = GCS_POINT_netpoll_register, .action = GCS_ACT_FAIL, .burst = 4, .every = 8},
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 2},
	};
	struct outcome o = {.echo = {.conns = 8, .rounds = 30, .more_faults = 1}, .renew = true};

	(void)state;
	point_run(spec, 2, (struct mrt_options){.procs = 3}, register_body, &o);
	for (uint32_t i = 0; i < o.echo.conns; i++)
		assert_int_equal(o.echo.served[i], o.echo.rounds);
	assert_int_equal(POINT_FAULT(0, fired), atomic_load(&o.refused));
	for (uint32_t i = 0; i < point_log.n; i++)
		if (point_log.f[i].id >> 48 == 2)
			assert_true(point_log.f[i].ran == 1);
}

/* Many refusals in a row: the connection stays the caller's, and no memory goes. */
static void refused_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	prim_conn *prim[CONNS_MAX];
	mrt_conn *c = NULL;
	char *before, *after;
	char byte;

	clients_start(e, prim);
	before = sched_arena_alloc(16);
	point_arm_all(1);
	for (uint32_t i = 0; i < REFUSALS; i++)
		GC_TEST_MUST(mrt_conn_open(g, prim[0], &c) == -ENOSPC && c == NULL);
	gcs_faults_disarm_all(false, mrt_now_ns());
	GC_TEST_MUST(mrt_conn_open(g, prim[0], &c) == 0);
	after = sched_arena_alloc(16);
	/* One connection's worth. */
	GC_TEST_MUST(before != NULL && after > before && after - before < 1024);
	while (mrt_conn_read(g, c, &byte, 1) > 0)
		e->served[0]++;
	mrt_conn_close(g, c);
	clients_join(e);
}

static void test_nothing_leaks(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_register,
				      .action = GCS_ACT_FAIL};
	struct echo e = {.conns = 1, .rounds = 0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 1}, refused_body, &e);
	assert_int_equal(POINT_FAULT(0, fired), REFUSALS);
	assert_int_equal(e.served[0], 0); /* the end, at once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_renew),
					   cmocka_unit_test(test_renew_and_drop),
					   cmocka_unit_test(test_nothing_leaks)};

	return point_main("register", tests, sizeof(tests) / sizeof(tests[0]));
}
