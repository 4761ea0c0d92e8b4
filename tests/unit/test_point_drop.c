/*
 * test_point_drop.c: netpoll/wake with action drop: the goroutine stays parked although its data is
 * there, and the back-stop finds it. None stays lost: with every wake dropped, disarmed meanwhile, with
 * all Ps asleep, closed meanwhile.
 */
#include "tests/unit/test_point_fixture.h"

#if !MRT_SIM
#include <sys/socket.h>
#include <unistd.h>
#endif

#define MS	    INT64_C(1000000)
#define BACKSTOP_NS (10 * MS)
#define CONNS_MAX   16u
#define MESSAGE	    64u

struct echo {
	mrt_wg wg;
	uint32_t conns, rounds;
	uint32_t wanted; /* drops: real clients go on until there were as many (a server that is slow
			    never waits) */
	int64_t idle_ns; /* before the first message */
	bool disarm;	 /* as soon as the first wake is dropped */
	bool one_way;	 /* the other end wants no reply, and takes the end of the stream */
	mrt_conn *conn[CONNS_MAX];
	uint32_t served[CONNS_MAX];
};

struct server {
	struct echo *echo;
	uint32_t i;
};

static void server_body(mrt_g *g, void *arg)
{
	struct server *s = arg;
	mrt_conn *c = s->echo->conn[s->i];
	char buf[MESSAGE];
	size_t have = 0;
	int64_t n;

	while ((n = mrt_conn_read(g, c, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		if (have < sizeof(buf))
			continue;
		GC_TEST_MUST(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
		s->echo->served[s->i]++;
		have = 0;
	}
	GC_TEST_MUST(n == 0);
	mrt_conn_close(g, c);
	mrt_wg_done(g, &s->echo->wg);
}

/* ------------------------------------------------- the other ends, outside the runtime */

#if MRT_SIM

static void peer_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
		       const void *reply)
{
	(void)arg;
	(void)conn;
	(void)reply;
	GC_TEST_MUST(done_ns > intended_ns);
}

static void clients_start(struct echo *e, prim_conn **ret)
{
	int64_t start = mrt_now_ns() + e->idle_ns + MS;
	struct prim_peer_options opt = {
		.conns = e->conns,
		.start_ns = start,
		.stop_ns = start + (int64_t)(e->rounds * e->conns) * MS,
		.period_ns = MS,
		.request_bytes = MESSAGE,
		.reply_bytes = MESSAGE,
		.on_reply = peer_reply,
	};

	GC_TEST_MUST(prim_peer_start(&opt, ret) == 0);
}

static void clients_join(struct echo *e)
{
	(void)e;
}

#else

static int client_fd[CONNS_MAX];
static prim_thread *client_thread;

static void client_round(const struct echo *e, uint32_t round)
{
	char buf[MESSAGE];

	for (uint32_t i = 0; i < e->conns; i++) {
		memset(buf, (int)(round + i), sizeof(buf));
		GC_TEST_MUST(write(client_fd[i], buf, sizeof(buf)) == MESSAGE);
	}
	for (uint32_t i = 0; i < e->conns; i++) {
		GC_TEST_MUST(recv(client_fd[i], buf, sizeof(buf), MSG_WAITALL) == MESSAGE);
		for (uint32_t k = 0; k < MESSAGE; k++)
			GC_TEST_MUST(buf[k] == (char)(round + i));
	}
}

/* A byte now and then until one was lost on the other side. */
static void client_one_way(const struct echo *e)
{
	char byte = 0;

	while (POINT_FAULT(0, fired) < e->wanted) {
		if (send(client_fd[0], &byte, 1, MSG_NOSIGNAL) != 1)
			break; /* closed */
		prim_sleep_until(prim_now_ns() + MS);
	}
	GC_TEST_MUST(read(client_fd[0], &byte, 1) <= 0);
}

static void clients_body(void *arg)
{
	struct echo *e = arg;

	prim_sleep_until(prim_now_ns() + e->idle_ns);
	if (e->one_way)
		client_one_way(e);
	for (uint32_t i = 0; i < e->rounds || POINT_FAULT(0, fired) < e->wanted; i++) {
		client_round(e, i);
		e->rounds = i + 1 > e->rounds ? i + 1 : e->rounds;
	}
	for (uint32_t i = 0; i < e->conns; i++)
		close(client_fd[i]);
}

static void clients_start(struct echo *e, prim_conn **ret)
{
	for (uint32_t i = 0; i < e->conns; i++) {
		int fds[2];

		GC_TEST_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		GC_TEST_MUST(prim_conn_open_fd(&ret[i], fds[0]) == 0);
		client_fd[i] = fds[1];
	}
	GC_TEST_MUST(prim_thread_create(&client_thread, "clients", clients_body, e) == 0);
}

static void clients_join(struct echo *e)
{
	(void)e;
	prim_thread_join(client_thread);
}

#endif

/* Disarm when the first wake has been dropped: its goroutine is still lost then, or was. */
static void disarm_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;

	while (POINT_FAULT(0, fired) == 0)
		mrt_sleep_until(g, mrt_now_ns() + MS / 4);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_wg_done(g, &e->wg);
}

static void echo_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	struct server server[CONNS_MAX];
	prim_conn *prim[CONNS_MAX];
	char text[256];

	clients_start(e, prim);
	mrt_wg_add(&e->wg, e->conns + e->disarm);
	point_arm_all(1);
	for (uint32_t i = 0; i < e->conns; i++) {
		struct mrt_go_options opt = {.driver = 5, .worker = MRT_WORKER_FIRST + i % 8};

		GC_TEST_MUST(mrt_conn_open(g, prim[i], &e->conn[i]) == 0);
		server[i] = (struct server){e, i};
		GC_TEST_MUST(mrt_go(g, server_body, &server[i], &opt) == 0);
	}
	if (e->disarm)
		GC_TEST_MUST(mrt_go(g, disarm_body, e, NULL) == 0);
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	clients_join(e);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

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

static void closed_reader(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	char byte;
	int64_t n;

	do
		n = mrt_conn_read(g, e->conn[0], &byte, 1);
	while (n > 0);
	GC_TEST_MUST(n == -ECANCELED);
	mrt_wg_done(g, &e->wg);
}

static void closing_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	prim_conn *prim[CONNS_MAX];

	clients_start(e, prim);
	GC_TEST_MUST(mrt_conn_open(g, prim[0], &e->conn[0]) == 0);
	point_arm_all(1);
	mrt_wg_add(&e->wg, 1);
	GC_TEST_MUST(mrt_go(g, closed_reader, e, NULL) == 0);
	while (POINT_FAULT(0, fired) == 0)
		mrt_sleep_until(g, mrt_now_ns() + MS / 8);
	mrt_conn_close(g, e->conn[0]); /* most likely before the back-stop */
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	clients_join(e);
	/* The list is looked through once more, with nobody on it. */
	mrt_sleep_until(g, mrt_now_ns() + 3 * BACKSTOP_NS);
}

static void test_closed_meanwhile(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP};

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct echo e = {.conns = 1, .rounds = MRT_SIM, .wanted = 1, .one_way = true};

		point_run(&spec, 1, (struct mrt_options){.procs = 2}, closing_body, &e);
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
