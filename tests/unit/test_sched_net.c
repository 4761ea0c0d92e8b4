/*
 * test_sched_net.c: connections and the poller: real socket pairs, or virtual peers in the
 * simulation.
 *
 * The fault gate is this file's own: every n-th wake of a parked goroutine is delayed, and what the
 * scheduler tells about it is checked.
 */
#include "faults/gate.h"
#include "runtime/sched/sched.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s (seed %llu)\n", __FILE__, __LINE__, #x,         \
				(unsigned long long)seed);                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t seed = 1;
static const uint32_t proc_counts[] = {1, 2, 4, 8};

/* ---------------------------------------------------------------- the fault gate */

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];

static struct {
	uint32_t every;
	int64_t delay_ns;
	uint32_t visits, fired; /* plain: the poller sees to one event at a time */
	_Atomic uint32_t effects;
	_Atomic uint64_t least_lag_ns;
} fault;

bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	CHECK(point == GCS_POINT_netpoll_wake && site->worker == MRT_WORKER_NETPOLL);
	if (site->actions == GCS_ACT_REORDER) /* of the look as a whole */
		return false;
	CHECK(site->eligible && site->arg >= MRT_WORKER_FIRST && site->driver == 7);
	CHECK(site->gc_cycle == 42 && site->gc_phase == 1);
	if (++fault.visits % fault.every != 0)
		return false;
	fault.fired++;
	*ret = (struct gcs_firing){
		.id = fault.fired, .action = GCS_ACT_DELAY, .delay_ns = fault.delay_ns};
	return true;
}

void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	uint64_t least = atomic_load(&fault.least_lag_ns);

	CHECK(site->worker == MRT_WORKER_NETPOLL && firing != 0 && effect == 4);
	while (value < least && !atomic_compare_exchange_weak(&fault.least_lag_ns, &least, value))
		;
	atomic_fetch_add(&fault.effects, 1);
}

/* ------------------------------------------------------------ a collector's hooks */

static void hook_scan_self(struct sched_g *g)
{
	(void)g;
}

static struct sched_g *hook_find_worker(struct sched_p *p, bool idle)
{
	(void)p;
	(void)idle;
	return NULL;
}

static int hook_p_init(struct sched_p *p)
{
	(void)p;
	return 0;
}

static void hook_p_fini(struct sched_p *p)
{
	(void)p;
}

static void hook_sysmon(int64_t now_ns)
{
	(void)now_ns;
}

static void hook_where(uint32_t *ret_cycle, uint8_t *ret_phase)
{
	*ret_cycle = 42;
	*ret_phase = 1;
}

static const struct sched_gc_hooks hooks = {
	.scan_self = hook_scan_self,
	.find_worker = hook_find_worker,
	.p_init = hook_p_init,
	.p_fini = hook_p_fini,
	.sysmon = hook_sysmon,
	.where = hook_where,
};

static struct mrt_telemetry *telemetry;

static void run(uint32_t procs, mrt_go_fn *fn, void *arg)
{
	struct sched_options opt = {
		.procs = procs, .seed = seed, .gc = &hooks, .telemetry = telemetry};

	assert_int_equal(sched_init(&opt), 0);
	assert_int_equal(sched_main(fn, arg), 0);
	sched_fini();
}

static const struct mrt_go_options driver7 = {.driver = 7};

/* ------------------------------------------------------------------------ echo */

#define CONNS	32
#define MESSAGE 64

struct echo {
	mrt_wg wg;
	mrt_conn *server[CONNS], *client[CONNS];
	_Atomic uint32_t next_server, next_client;
	uint32_t rounds;
	_Atomic uint32_t served, parked;
	_Atomic uint64_t lag_ns_max;
	int64_t period_ns;
};

static void echo_note_lag(struct echo *e, const mrt_conn *c)
{
	uint64_t lag = (uint64_t)mrt_conn_wake_lag_ns(c), max = atomic_load(&e->lag_ns_max);

	if (lag == 0)
		return;
	atomic_fetch_add(&e->parked, 1);
	while (lag > max && !atomic_compare_exchange_weak(&e->lag_ns_max, &max, lag))
		;
}

/* bytes, 0 at the end of the stream. */
static int64_t echo_read_all(mrt_g *g, struct echo *e, mrt_conn *c, char *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		int64_t n = mrt_conn_read(g, c, buf + done, bytes - done);

		CHECK(n >= 0);
		echo_note_lag(e, c);
		if (n == 0)
			return 0;
		done += (size_t)n;
	}
	return (int64_t)done;
}

static void echo_server(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	mrt_conn *c = e->server[atomic_fetch_add(&e->next_server, 1)];
	char buf[MESSAGE];

	while (echo_read_all(g, e, c, buf, sizeof(buf)) > 0) {
		CHECK(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
		atomic_fetch_add(&e->served, 1);
	}
	mrt_conn_close(g, c);
	CHECK(mrt_conn_read(g, c, buf, sizeof(buf)) == -ECANCELED);
	mrt_wg_done(g, &e->wg);
}

#if MRT_SIM

static struct {
	uint32_t replies, late;
	uint64_t hash;
} peer;

static void peer_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
		       const void *reply)
{
	(void)arg;
	(void)reply;
	peer.replies++;
	peer.late += done_ns - intended_ns >= 2 * MS;
	peer.hash = peer.hash * 31 + (uint64_t)(done_ns - intended_ns) + conn;
}

static void echo_open(mrt_g *g, struct echo *e)
{
	int64_t start = mrt_now_ns() + 100 * US;
	struct prim_peer_options opt = {
		.conns = CONNS,
		.start_ns = start,
		.stop_ns = start + (int64_t)e->rounds * CONNS * e->period_ns,
		.period_ns = e->period_ns,
		.request_bytes = MESSAGE,
		.reply_bytes = MESSAGE,
		.on_reply = peer_reply,
	};
	prim_conn *conns[CONNS];

	memset(&peer, 0, sizeof(peer));
	CHECK(prim_peer_start(&opt, conns) == 0);
	for (int i = 0; i < CONNS; i++)
		CHECK(mrt_conn_open(g, conns[i], &e->server[i]) == 0);
}

static void echo_clients(mrt_g *g, struct echo *e)
{
	(void)g;
	(void)e;
}

#else

static void echo_client(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	mrt_conn *c = e->client[atomic_fetch_add(&e->next_client, 1)];
	char out[MESSAGE], in[MESSAGE];

	for (uint32_t i = 0; i < e->rounds; i++) {
		memset(out, (int)(i + 1), sizeof(out));
		CHECK(mrt_conn_write_all(g, c, out, sizeof(out)) == MESSAGE);
		CHECK(echo_read_all(g, e, c, in, sizeof(in)) == MESSAGE);
		CHECK(memcmp(in, out, sizeof(in)) == 0);
	}
	mrt_conn_close(g, c);
	mrt_conn_close(g, c); /* once more does nothing */
	mrt_wg_done(g, &e->wg);
}

static mrt_conn *open_fd(mrt_g *g, int fd)
{
	prim_conn *prim;
	mrt_conn *c;

	CHECK(prim_conn_open_fd(&prim, fd) == 0);
	CHECK(mrt_conn_open(g, prim, &c) == 0);
	return c;
}

static void open_pair(mrt_g *g, mrt_conn **ret_a, mrt_conn **ret_b)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	*ret_a = open_fd(g, fds[0]);
	*ret_b = open_fd(g, fds[1]);
}

static void echo_open(mrt_g *g, struct echo *e)
{
	for (int i = 0; i < CONNS; i++)
		open_pair(g, &e->server[i], &e->client[i]);
}

static void echo_clients(mrt_g *g, struct echo *e)
{
	mrt_wg_add(&e->wg, CONNS);
	for (int i = 0; i < CONNS; i++)
		CHECK(mrt_go(g, echo_client, e, &driver7) == 0);
}

#endif

static void echo_main(mrt_g *g, void *arg)
{
	struct echo *e = arg;

	echo_open(g, e);
	mrt_wg_add(&e->wg, CONNS);
	for (int i = 0; i < CONNS; i++)
		CHECK(mrt_go(g, echo_server, e, &driver7) == 0);
	echo_clients(g, e);
	mrt_wg_wait(g, &e->wg);
}

static void test_echo(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct echo e = {.rounds = 40, .period_ns = 20 * US};

		run(proc_counts[i], echo_main, &e);
		assert_int_equal(atomic_load(&e.served), CONNS * e.rounds);
		assert_true(atomic_load(&e.parked) > 0);
		assert_true(atomic_load(&e.lag_ns_max) > 0);
#if MRT_SIM
		assert_int_equal(peer.replies, CONNS * e.rounds);
		assert_int_equal(peer.late, 0);
#endif
	}
}

/* Every fifth wake is 2 ms late: seen by the gate, the connection and the telemetry alike. */
static void test_delayed_wakes(void **state)
{
	static struct watch_record rec[WATCH_SHARED_RECORDS];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct echo e = {.rounds = 10, .period_ns = 100 * US};
		uint32_t with_firing = 0, lags = 0;
		size_t n;

		memset(&fault, 0, sizeof(fault));
		fault.every = 5;
		fault.delay_ns = 2 * MS;
		atomic_store(&fault.least_lag_ns, UINT64_MAX);
		telemetry = calloc(1, sizeof(*telemetry));
		watch_layout_init(telemetry, proc_counts[i]);
		atomic_store(&gcs_gates[GCS_POINT_netpoll_wake], 1);
		run(proc_counts[i], echo_main, &e);
		atomic_store(&gcs_gates[GCS_POINT_netpoll_wake], 0);
		assert_int_equal(atomic_load(&e.served), CONNS * e.rounds);
		assert_true(fault.fired >= 1);
		assert_int_equal(fault.fired, fault.visits / fault.every);
		assert_int_equal(atomic_load(&fault.effects), fault.fired);
		assert_true(atomic_load(&fault.least_lag_ns) >= (uint64_t)fault.delay_ns);
		assert_true(atomic_load(&e.lag_ns_max) >= (uint64_t)fault.delay_ns);
		while ((n = watch_drain(telemetry, rec, WATCH_SHARED_RECORDS)) > 0) {
			for (size_t k = 0; k < n; k++) {
				lags += rec[k].kind == WATCH_WAKE_LAG;
				with_firing += rec[k].kind == WATCH_WAKE_LAG && rec[k].e != 0;
			}
		}
		assert_int_equal(lags, fault.visits);
		assert_int_equal(with_firing, fault.fired);
		free(telemetry);
		telemetry = NULL;
#if MRT_SIM
		assert_true(peer.late >= fault.fired / 2);
#endif
	}
}

/* ----------------------------------------------------------- the poller's place */

struct busy {
	struct echo echo;
	_Atomic bool end;
	mrt_wg hogs;
};

static void busy_hog(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	while (!atomic_load(&b->end)) {
		prim_step_n(PRIM_COST_WORK, 500);
		prim_spin_wait(0);
		mrt_safepoint(g);
	}
	mrt_wg_done(g, &b->hogs);
}

static void busy_main(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	mrt_wg_add(&b->hogs, 3);
	for (int i = 0; i < 3; i++)
		CHECK(mrt_go(g, busy_hog, b, &driver7) == 0);
	echo_main(g, &b->echo);
	atomic_store(&b->end, true);
	mrt_wg_wait(g, &b->hogs);
}

/* Goroutines that never wait: connections are looked at all the same. */
static void test_busy_ps(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 2; procs++) {
		struct busy b = {.echo = {.rounds = 2, .period_ns = 50 * US}};

		run(procs, busy_main, &b);
		assert_int_equal(atomic_load(&b.echo.served), CONNS * 2);
	}
}

/* ----------------------------------------------------------------------- closing */

struct closing {
	mrt_conn *a, *b;
	mrt_wg wg;
	_Atomic uint32_t cancelled;
};

static void closing_reader(mrt_g *g, void *arg)
{
	struct closing *c = arg;
	char byte;

	if (mrt_conn_read(g, c->a, &byte, 1) == -ECANCELED)
		atomic_fetch_add(&c->cancelled, 1);
	mrt_wg_done(g, &c->wg);
}

static void closing_open(mrt_g *g, struct closing *c)
{
#if MRT_SIM
	struct prim_peer_options opt = {
		.conns = 1,
		.start_ns = mrt_now_ns() + 1000 * MS,
		.stop_ns = mrt_now_ns() + 2000 * MS,
		.period_ns = MS,
		.request_bytes = MESSAGE,
		.reply_bytes = MESSAGE,
		.on_reply = peer_reply,
	};
	prim_conn *prim;

	CHECK(prim_peer_start(&opt, &prim) == 0);
	CHECK(mrt_conn_open(g, prim, &c->a) == 0);
	c->b = NULL;
#else
	open_pair(g, &c->a, &c->b);
#endif
}

static void closing_main(mrt_g *g, void *arg)
{
	struct closing *c = arg;

	for (int i = 0; i < 60; i++) {
		closing_open(g, c);
		mrt_wg_add(&c->wg, 1);
		CHECK(mrt_go(g, closing_reader, c, &driver7) == 0);
		if (i % 3 == 0)
			mrt_sleep_until(g, mrt_now_ns() + 100 * US); /* the reader is parked */
		else if (i % 3 == 1)
			mrt_yield(g);
		mrt_conn_close(g, c->a);
		mrt_wg_wait(g, &c->wg);
		if (c->b != NULL && i % 2 != 0)
			mrt_conn_close(g, c->b); /* the others are closed at the end */
	}
	CHECK(atomic_load(&c->cancelled) == 60);
}

static void test_close(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct closing c = {0};

		run(proc_counts[i], closing_main, &c);
	}
}

#if !MRT_SIM

/* ---------------------------------------------------------------- a full socket */

#define BULK ((size_t)4 << 20)

struct bulk {
	mrt_conn *a, *b;
	mrt_wg wg;
	char *out, *in;
};

static void bulk_writer(mrt_g *g, void *arg)
{
	struct bulk *b = arg;

	CHECK(mrt_conn_write_all(g, b->a, b->out, BULK) == (int64_t)BULK);
	mrt_conn_close(g, b->a);
	mrt_wg_done(g, &b->wg);
}

static void bulk_main(mrt_g *g, void *arg)
{
	struct bulk *b = arg;
	size_t done = 0;
	int64_t n;

	open_pair(g, &b->a, &b->b);
	mrt_wg_add(&b->wg, 1);
	CHECK(mrt_go(g, bulk_writer, b, &driver7) == 0);
	while ((n = mrt_conn_read(g, b->b, b->in + done, BULK - done + 1)) > 0)
		done += (size_t)n;
	CHECK(n == 0 && done == BULK && memcmp(b->in, b->out, BULK) == 0);
	mrt_wg_wait(g, &b->wg);
}

static void test_bulk(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct bulk b = {.out = malloc(BULK), .in = malloc(BULK + 1)};

		for (size_t k = 0; k < BULK; k++)
			b.out[k] = (char)(k * 31 >> 3);
		run(proc_counts[i], bulk_main, &b);
		free(b.out);
		free(b.in);
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_delayed_wakes),
		cmocka_unit_test(test_busy_ps),
		cmocka_unit_test(test_close),
#if !MRT_SIM
		cmocka_unit_test(test_bulk),
#endif
	};
	const char *text = getenv("GCS_TEST_SEED");
	struct prim_options opt = {0};

	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	opt.seed = seed;
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
