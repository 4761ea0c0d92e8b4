/*
 * test_sched_log.h: what happens in the scheduler as a text, for tests of its rules in the simulation: a letter an
 * event, in the order of virtual time. Goroutines put theirs, and
 *   s  a look into another P's queue (the gate of sched/steal)
 *   z  the sleep before another P's next goroutine is taken
 *   p  a look of the poller that does not block, by an M with a P; m: by sysmon
 *   B  one that blocks
 * The gate is the program's own, and the linker puts two functions of prim between (--wrap).
 */
#pragma once

#include "tests/unit/test_sched_fixture.h"

#include "faults/gate.h"
#include "runtime/sched/sched_priv.h"

/* ------------------------------------------------------------------ what happened */

#define LOG_MAX 4096u

static struct {
	char text[LOG_MAX];
	int64_t at_ns[LOG_MAX];
	uint64_t tick[LOG_MAX]; /* of the P, of events of goroutines */
	int64_t until_ns[LOG_MAX]; /* of B */
	uint16_t p[LOG_MAX];	   /* of s: who looks */
	uint32_t n;
} log_;

static inline void log_put(char what)
{
	CHECK(log_.n + 1 < LOG_MAX);
	log_.text[log_.n] = what;
	log_.at_ns[log_.n++] = prim_now_ns();
	log_.text[log_.n] = '\0';
}

static inline void log_clear(void)
{
	memset(&log_, 0, sizeof(log_));
}

/* Up to the first look that blocks. */
static inline const char *log_to_block(void)
{
	char *block = strchr(log_.text, 'B');

	if (block != NULL)
		block[1] = '\0';
	return log_.text;
}

static inline void log_must_be(const char *text, const char *wanted)
{
	if (strcmp(text, wanted) == 0)
		return;
	fprintf(stderr, "happened: %s\nwanted:   %s\n", text, wanted);
	CHECK(!"the order is another one");
}

static inline void mark(mrt_g *g, void *arg)
{
	log_.tick[log_.n] = atomic_load(&p_of(g)->sched_tick);
	log_put(*(const char *)arg);
}

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];

bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	(void)ret;
	CHECK(point == GCS_POINT_sched_steal);
	log_.p[log_.n] = site->p;
	log_put('s');
	return false;
}

void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	(void)site;
	(void)firing;
	(void)effect;
	(void)value;
	CHECK(!"no fault fires here");
}

int __real_prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns);
int __wrap_prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns);
void __real_prim_sleep_until(int64_t deadline_ns);
void __wrap_prim_sleep_until(int64_t deadline_ns);

int __wrap_prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns)
{
	const struct sched_m *m = prim_thread_user();

	if (deadline_ns != 0) {
		CHECK(m != NULL && m->p == NULL && !m->spinning && sched_netpoll_blocked());
		log_.until_ns[log_.n] = deadline_ns;
	} else {
		CHECK(!sched_netpoll_blocked()); /* one that blocks in it finds everything */
	}
	log_put(deadline_ns != 0 ? 'B' : m == NULL ? 'm' : 'p');
	return __real_prim_poll_wait(events, max, deadline_ns);
}

void __wrap_prim_sleep_until(int64_t deadline_ns)
{
	const struct sched_m *m = prim_thread_user();

	if (m != NULL && m->p != NULL && m->g == NULL) {
		log_put('z');
		CHECK(deadline_ns == prim_now_ns() + 3 * US);
	}
	__real_prim_sleep_until(deadline_ns);
}

/* Busy, and not at a safepoint. */
static inline void busy_until(int64_t until_ns)
{
	while (prim_now_ns() < until_ns)
		prim_step_n(PRIM_COST_WORK, 500);
}

static inline void start(mrt_g *from, mrt_go_fn *fn, const char *name)
{
	struct mrt_go_options opt = {.name = name, .driver = 0xffff};

	CHECK(mrt_go(from, fn, (void *)(uintptr_t)name, &opt) == 0);
}

/* ------------------------------------------------------------ a collector's workers */

static struct {
	struct sched_g *g;
	bool dedicated, idle; /* to be handed out once */
} worker;

static inline void worker_run(mrt_g *g, void *arg)
{
	for (;;) {
		mark(g, arg);
		sched_park(sched_of(g), SCHED_WAIT_GC_WORKER, NULL, NULL);
	}
}

static inline struct sched_g *worker_find(struct sched_p *p, bool idle)
{
	bool *wanted = idle ? &worker.idle : &worker.dedicated;

	(void)p;
	if (!*wanted)
		return NULL;
	*wanted = false;
	return worker.g;
}

static inline void worker_start(const char *name)
{
	CHECK(sched_go_system(name, MRT_WORKER_MARK0, worker_run, (void *)(uintptr_t)name, true, &worker.g) == 0);
}

static inline void rules_run(uint32_t procs, mrt_go_fn *fn, void *arg)
{
	struct sched_gc_hooks with_worker = hooks;

	log_clear();
	memset(&worker, 0, sizeof(worker));
	with_worker.find_worker = worker_find;
	run_with(procs, &with_worker, fn, arg);
}

/* ------------------------------------------------------------------ a connection */

static struct {
	prim_conn *prim;
	mrt_conn *conn;
	int64_t ready_ns, read_ns;
	struct sched_g *g;
	struct event go; /* it reads only then, and some time later */
	int64_t later_ns;
	struct sched_g *then; /* runs after it on its P, without anybody being called to look */
} net;

static inline void net_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns, const void *reply)
{
	(void)arg;
	(void)conn;
	(void)intended_ns;
	(void)done_ns;
	(void)reply;
}

static inline void net_read(mrt_g *g, void *arg)
{
	char buf[32];

	net.g = sched_of(g);
	CHECK(mrt_conn_open(g, net.prim, &net.conn) == 0);
	if (net.later_ns != 0) {
		event_wait(g, &net.go);
		busy_until(prim_now_ns() + net.later_ns);
		sched_g_status(net.then, SCHED_G_WAITING, SCHED_G_RUNNABLE);
		sched_runq_put(p_of(g), net.then, true);
	}
	CHECK(mrt_conn_read(g, net.conn, buf, sizeof(buf)) == sizeof(buf));
	net.read_ns = prim_now_ns();
	mark(g, arg);
	mrt_conn_close(g, net.conn);
}

/* One message, which is there at ready_ns. */
static inline void net_start(mrt_g *g, int64_t ready_ns, int64_t later_ns)
{
	struct prim_peer_options peer = {
		.conns = 1,
		.start_ns = ready_ns - 10 * US, /* PRIM_COST_NET_WIRE */
		.stop_ns = ready_ns,
		.period_ns = 10 * US,
		.request_bytes = 32,
		.reply_bytes = 32,
		.on_reply = net_reply,
	};

	memset(&net, 0, sizeof(net));
	net.ready_ns = ready_ns;
	net.later_ns = later_ns;
	CHECK(prim_peer_start(&peer, &net.prim) == 0);
	start(g, net_read, "N");
	do
		mrt_yield(g);
	while (net.g == NULL || atomic_load(&net.g->status) != SCHED_G_WAITING);
}
