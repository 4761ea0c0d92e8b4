/*
 * test_sched_rules.c: the scheduler's rules one by one (proc.go, time.go of Go 1.19), in the simulation, where each of them
 * can be seen: in what order a P looks for work, what a queue gives away and when, who steals how much, how
 * many look at a time, when the poller is asked and by whom, what sysmon does and how often.
 *
 * What happens is kept as a text of one letter an event, in the order of virtual time: goroutines put theirs, and
 *   s  a look into another P's queue (the gate of sched/steal)
 *   z  the sleep before another P's next goroutine is taken
 *   p  a look of the poller that does not block, by an M with a P; m: by sysmon
 *   B  one that blocks
 * The gate is this file's own, and the linker puts three functions of prim between (--wrap).
 */
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
	uint32_t n;
} log_;

static void log_put(char what)
{
	CHECK(log_.n + 1 < LOG_MAX);
	log_.text[log_.n] = what;
	log_.at_ns[log_.n++] = prim_now_ns();
	log_.text[log_.n] = '\0';
}

static void log_clear(void)
{
	memset(&log_, 0, sizeof(log_));
}

/* Up to the first look that blocks. */
static const char *log_to_block(void)
{
	char *block = strchr(log_.text, 'B');

	if (block != NULL)
		block[1] = '\0';
	return log_.text;
}

static void log_must_be(const char *text, const char *wanted)
{
	if (strcmp(text, wanted) == 0)
		return;
	fprintf(stderr, "happened: %s\nwanted:   %s\n", text, wanted);
	CHECK(!"the order is another one");
}

static void mark(mrt_g *g, void *arg)
{
	log_.tick[log_.n] = atomic_load(&p_of(g)->sched_tick);
	log_put(*(const char *)arg);
}

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];

bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	(void)site;
	(void)ret;
	CHECK(point == GCS_POINT_sched_steal);
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

static bool memory_refused;

void *__real_prim_pages_alloc(size_t bytes);
void *__wrap_prim_pages_alloc(size_t bytes);

void *__wrap_prim_pages_alloc(size_t bytes)
{
	return memory_refused ? NULL : __real_prim_pages_alloc(bytes);
}

/* Busy, and not at a safepoint. */
static void busy_until(int64_t until_ns)
{
	while (prim_now_ns() < until_ns)
		prim_step_n(PRIM_COST_WORK, 500);
}

static void start(mrt_g *from, mrt_go_fn *fn, const char *name)
{
	struct mrt_go_options opt = {.name = name, .driver = 0xffff};

	CHECK(mrt_go(from, fn, (void *)(uintptr_t)name, &opt) == 0);
}

/* ------------------------------------------------------------ a collector's workers */

static struct {
	struct sched_g *g;
	bool dedicated, idle; /* to be handed out once */
} worker;

static void worker_run(mrt_g *g, void *arg)
{
	for (;;) {
		mark(g, arg);
		sched_park(sched_of(g), SCHED_WAIT_GC_WORKER, NULL, NULL);
	}
}

static struct sched_g *worker_find(struct sched_p *p, bool idle)
{
	bool *wanted = idle ? &worker.idle : &worker.dedicated;

	(void)p;
	if (!*wanted)
		return NULL;
	*wanted = false;
	return worker.g;
}

static void worker_start(const char *name)
{
	CHECK(sched_go_system(name, MRT_WORKER_MARK0, worker_run, (void *)(uintptr_t)name, true, &worker.g) == 0);
}

static void rules_run(uint32_t procs, mrt_go_fn *fn, void *arg)
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

static void net_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns, const void *reply)
{
	(void)arg;
	(void)conn;
	(void)intended_ns;
	(void)done_ns;
	(void)reply;
}

static void net_read(mrt_g *g, void *arg)
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
static void net_start(mrt_g *g, int64_t ready_ns, int64_t later_ns)
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

/* ----------------------------------------------------------- the order of looking */

static int64_t sleeper_until_ns;
static struct sched_g *sleeper_g;

static void sleeper(mrt_g *g, void *arg)
{
	sleeper_g = sched_of(g);
	mrt_sleep_until(g, sleeper_until_ns);
	mark(g, arg);
}

/* It sleeps when this returns. */
static void sleeper_start(mrt_g *g, int64_t until_ns)
{
	sleeper_until_ns = until_ns;
	sleeper_g = NULL;
	start(g, sleeper, "S");
	do
		mrt_yield(g);
	while (sleeper_g == NULL || atomic_load(&sleeper_g->status) != SCHED_G_WAITING);
}

struct order {
	uint64_t tick; /* at the first look */
	bool net;
};

/* Something in every place at once, then the only P looks again and again. */
static void order_main(mrt_g *g, void *arg)
{
	const struct order *o = arg;
	int64_t begin_ns = prim_now_ns();

	worker_start("W");
	sleeper_start(g, begin_ns + 200 * US);
	if (o->net)
		net_start(g, begin_ns + 200 * US, 0);
	busy_until(begin_ns + 300 * US);
	log_clear();
	start(g, mark, "a"); /* in `next`, and pushed into the ring by the second one */
	start(g, mark, "b");
	start(NULL, mark, "X"); /* global */
	start(NULL, mark, "Y");
	worker.dedicated = worker.idle = true;
	atomic_store(&p_of(g)->sched_tick, o->tick);
	mrt_sleep_until(g, begin_ns + 5 * MS);
}

/* The timer's goroutine comes into `next` and pushes b behind a; the worker comes before all queues; the
 * second look is the one that begins with the global queue, or it is not, and takes a share of that only when the
 * queue of its own is empty. Then the poller, and when there is nothing an idle worker, before it blocks. */
static void test_order(void **state)
{
	(void)state;
	rules_run(1, order_main, &(struct order){.tick = 60, .net = true});
	log_must_be(log_to_block(), "WXSabYpNWB");
	rules_run(1, order_main, &(struct order){.tick = 57, .net = true});
	log_must_be(log_to_block(), "WSabXYpNWB");
	/* Nobody waits for a connection: no look of the poller but the one that waits for the timer. */
	rules_run(1, order_main, &(struct order){.tick = 60, .net = false});
	log_must_be(log_to_block(), "WXSabYWB");
}

static void often_main(mrt_g *g, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 200; i++)
		start(g, mark, "l");
	for (uint32_t i = 0; i < 3; i++)
		start(NULL, mark, "X");
	atomic_store(&p_of(g)->sched_tick, 1);
	mrt_sleep_until(g, prim_now_ns() + 5 * MS);
}

/* While its own queue is full of work a P looks at the global one every 61st time, and takes one. */
static void test_every_61st(void **state)
{
	uint32_t global = 0, local = 0;

	(void)state;
	rules_run(1, often_main, NULL);
	for (uint32_t i = 0; i < log_.n; i++) {
		if (log_.text[i] == 'l')
			local++;
		if (log_.text[i] != 'X')
			continue;
		global++;
		assert_int_equal(log_.tick[i], global * SCHED_GLOBAL_EVERY + 1);
		assert_in_range(local, 1, 199);
	}
	assert_int_equal(global, 3);
	assert_int_equal(local, 200);
}

/* ------------------------------------------------------------------------ queues */

#define QUEUE_MAX 1000u

static struct sched_g *queue_g[QUEUE_MAX];

/* The scheduler without a thread that runs it; goroutines that never do. */
static void queue_init(uint32_t procs, uint32_t n)
{
	struct sched_options opt = {.procs = procs, .seed = seed, .gc = &hooks};
	struct sched_g_options g = {.name = "queued", .driver = 0xffff};

	assert_int_equal(sched_init(&opt), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(sched_g_create(NULL, &g, &queue_g[i]), 0);
}

static uint32_t queue_index(const struct sched_g *g)
{
	for (uint32_t i = 0; i < QUEUE_MAX; i++)
		if (queue_g[i] == g)
			return i;
	return UINT32_MAX;
}

/* p's ring holds these, in this order, and `next` is empty. */
static void queue_must_be(struct sched_p *p, uint32_t first, uint32_t n)
{
	bool inherit = true;

	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(queue_index(sched_runq_get(p, &inherit)), first + i);
		assert_false(inherit);
	}
	assert_null(sched_runq_get(p, &inherit));
}

static void queue_put(struct sched_p *p, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sched_runq_put(p, queue_g[first + i], false);
}

static void queue_put_global(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sched_global_put(queue_g[i]);
}

static void test_ring(void **state)
{
	struct sched_p *p;
	bool inherit = false;

	(void)state;
	queue_init(1, SCHED_RUNQ + 2);
	p = sched_p(0);
	queue_put(p, 0, SCHED_RUNQ);
	assert_int_equal(sched_runq_count(p), 256);
	assert_int_equal(atomic_load(&sched.global_count), 0);
	/* `next` lies beside the ring; who is pushed out of it goes to the end, here of a full one: the older half goes,
	 * and it. */
	sched_runq_put(p, queue_g[SCHED_RUNQ], true);
	assert_int_equal(atomic_load(&sched.global_count), 0);
	sched_runq_put(p, queue_g[SCHED_RUNQ + 1], true);
	assert_int_equal(atomic_load(&sched.global_count), 129);
	assert_int_equal(queue_index(sched_runq_get(p, &inherit)), SCHED_RUNQ + 1);
	assert_true(inherit);
	queue_must_be(p, 128, 128);
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(queue_index(sched_global_get(p, 1)), i);
	assert_int_equal(queue_index(sched_global_get(p, 1)), SCHED_RUNQ);
	assert_null(sched_global_get(p, 1));
	sched_fini();
}

/* One to run and the rest of a share: min(size / Ps + 1, 128). */
static void test_global_share(void **state)
{
	static const struct {
		uint32_t procs, size, max, share;
	} cases[] = {{4, 10, 0, 3}, {4, 10, 1, 1}, {4, 1, 0, 1}, {1, 5, 0, 5},
		     {2, 7, 0, 4},  {2, 7, 3, 3},  {8, 7, 0, 1}, {2, 1000, 0, 128}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		queue_init(cases[i].procs, cases[i].size);
		queue_put_global(cases[i].size);
		assert_int_equal(queue_index(sched_global_get(sched_p(0), cases[i].max)), 0);
		assert_int_equal(atomic_load(&sched.global_count), cases[i].size - cases[i].share);
		queue_must_be(sched_p(0), 1, cases[i].share - 1);
		sched_fini();
	}
}

/* Half, the larger one; the newest of them is run. `next` only when it is asked for and the ring is empty. */
static void test_steal_half(void **state)
{
	static const uint32_t sizes[] = {1, 2, 7, 8, 255, 256};
	struct sched_p *thief, *victim;

	(void)state;
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t n = sizes[i], half = n - n / 2;

		queue_init(2, SCHED_RUNQ + 1);
		thief = sched_p(0);
		victim = sched_p(1);
		queue_put(victim, 0, n);
		sched_runq_put(victim, queue_g[n], true);
		assert_int_equal(queue_index(sched_runq_steal(thief, victim, true)), half - 1);
		queue_must_be(thief, 0, half - 1);
		assert_int_equal(sched_runq_count(victim), n - half + 1);
		while (sched_runq_count(victim) > 1) {
			sched_runq_steal(thief, victim, false);
			while (sched_runq_get(thief, &(bool){false}) != NULL)
				;
		}
		assert_null(sched_runq_steal(thief, victim, false));
		assert_int_equal(queue_index(sched_runq_steal(thief, victim, true)), n);
		assert_null(sched_runq_steal(thief, victim, true));
		sched_fini();
	}
}

/* ---------------------------------------------------------------------- stealing */

static void steal_main(mrt_g *g, void *arg)
{
	(void)arg;
	worker_start("I");
	busy_until(prim_now_ns() + 100 * US);
	log_clear();
	worker.idle = true;
	start(g, mark, "a");
	start(g, mark, "b");
	start(g, mark, "c");
	start(g, mark, "d"); /* stays in `next` */
	busy_until(prim_now_ns() + 200 * US);
}

/* The other P: two of three, the newest of them first; the third; in the fourth pass of a look, after a sleep, `next`;
 * when four passes have found nothing the idle worker. */
static void test_steal_order(void **state)
{
	(void)state;
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 1);
	rules_run(2, steal_main, NULL);
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 0);
	assert_true(log_.n >= 18);
	log_.text[18] = '\0'; /* what comes after has to do with the end */
	log_must_be(log_.text, "sbascsssszdssssIss");
}

static void steal_timer_main(mrt_g *g, void *arg)
{
	(void)arg;
	sleeper_start(g, prim_now_ns() + 300 * US);
	busy_until(sleeper_until_ns - 100 * US);
	log_clear();
	busy_until(sleeper_until_ns + 200 * US);
	log_put('e');
}

/* The P that has the timer is busy: who waited in the poller for it takes it in its last pass. */
static void test_steal_timer(void **state)
{
	(void)state;
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 1);
	rules_run(2, steal_timer_main, NULL);
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 0);
	assert_true(log_.n > 5);
	log_.text[4] = '\0';
	log_must_be(log_.text, "sssS");
	assert_in_range(log_.at_ns[3], sleeper_until_ns, sleeper_until_ns + 20 * US);
}

/* -------------------------------------------------------------------- spinning */

#define SPIN_PS 8u

static struct {
	mrt_wg wg;
	_Atomic uint32_t arrived;
	int64_t end_ns; /* of all */
	uint32_t max;
} spin;

static struct sched_g *spin_find(struct sched_p *p, bool idle)
{
	uint32_t n = atomic_load(&sched.spinning);

	(void)p;
	if (idle && n > spin.max)
		spin.max = n;
	return NULL;
}

/* Once each P has one all of them end at one moment, and eight Ms look for work. */
static void spin_one(mrt_g *g, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&spin.arrived, 1) + 1 == SPIN_PS)
		spin.end_ns = prim_now_ns() + 50 * US;
	while (atomic_load(&spin.arrived) < SPIN_PS)
		prim_step_n(PRIM_COST_WORK, 100);
	busy_until(spin.end_ns);
	mrt_wg_done(g, &spin.wg);
}

static void spin_main(mrt_g *g, void *arg)
{
	(void)arg;
	for (uint32_t round = 0; round < 5; round++) {
		atomic_store(&spin.arrived, 0);
		mrt_wg_add(&spin.wg, SPIN_PS);
		for (uint32_t i = 0; i < SPIN_PS; i++)
			CHECK(mrt_go(g, spin_one, NULL, NULL) == 0);
		mrt_wg_wait(g, &spin.wg);
	}
}

/* An M begins to look while twice those that do are fewer than the busy Ps: of eight never more than four. */
static void test_spinning(void **state)
{
	struct sched_gc_hooks with_find = hooks;

	(void)state;
	memset(&spin, 0, sizeof(spin));
	with_find.find_worker = spin_find;
	assert_int_equal(run_with(SPIN_PS, &with_find, spin_main, NULL), 0);
	assert_in_range(spin.max, 2, SPIN_PS / 2);
}

/* ------------------------------------------------------------------------ slices */

struct pair {
	struct event ping, pong;
	uint64_t ticks;
	int64_t asked_after_ns;
	bool over;
};

static void pair_partner(mrt_g *g, void *arg)
{
	struct pair *pair = arg;

	while (!pair->over) {
		event_wait(g, &pair->ping);
		event_signal(p_of(g), &pair->pong);
	}
}

static void pair_turn(mrt_g *g, struct pair *pair)
{
	prim_step_n(PRIM_COST_WORK, 500);
	event_signal(p_of(g), &pair->ping);
	event_wait(g, &pair->pong);
}

static void pair_main(mrt_g *g, void *arg)
{
	struct pair *pair = arg;
	int64_t begin_ns;

	CHECK(mrt_go(g, pair_partner, pair, NULL) == 0);
	pair_turn(g, pair);
	mrt_yield(g); /* a slice begins */
	begin_ns = prim_now_ns();
	pair->ticks = atomic_load(&p_of(g)->sched_tick);
	while ((atomic_load(&p_of(g)->poll) & SCHED_POLL_PREEMPT) == 0 && prim_now_ns() < begin_ns + 50 * MS)
		pair_turn(g, pair);
	pair->asked_after_ns = prim_now_ns() - begin_ns;
	pair->ticks = atomic_load(&p_of(g)->sched_tick) - pair->ticks;
	pair->over = true;
	pair_turn(g, pair);
}

/* Two that wake each other into `next` share one time slice, and sysmon sees it end: after 10 ms and one of its own
 * periods at most. */
static void test_inherited_slice(void **state)
{
	struct pair pair = {.over = false};

	(void)state;
	rules_run(1, pair_main, &pair);
	assert_int_equal(pair.ticks, 0);
	assert_in_range(pair.asked_after_ns, 9900 * US, 20100 * US);
}

/* -------------------------------------------------------------------- the poller */

static void idle_sleeper(mrt_g *g, void *arg)
{
	mrt_sleep_until(g, *(const int64_t *)arg);
}

static void idle_main(mrt_g *g, void *arg)
{
	int64_t *until = arg;
	int64_t begin_ns = prim_now_ns();

	for (int i = 0; i < 4; i++) {
		until[i] = begin_ns + (i + 1) * MS;
		CHECK(mrt_go(g, idle_sleeper, &until[i], NULL) == 0);
	}
	busy_until(begin_ns + 500 * US);
	log_clear();
	mrt_sleep_until(g, begin_ns + 5 * MS);
}

/* Four Ps, all idle: one M waits in the poller (the simulation dies of two), without a P, until the next timer. */
static void test_block_until_timer(void **state)
{
	int64_t until[4];
	uint32_t next = 0;

	(void)state;
	rules_run(4, idle_main, until);
	for (uint32_t i = 0; i < log_.n; i++) {
		if (log_.text[i] != 'B' || log_.at_ns[i] < until[0] - 400 * US)
			continue;
		while (next < 4 && until[next] < log_.at_ns[i])
			next++;
		if (next < 4)
			assert_int_equal(log_.until_ns[i], until[next]);
	}
	assert_int_equal(next, 4);
}

static void stale_main(mrt_g *g, void *arg)
{
	int64_t begin_ns = prim_now_ns();

	if (*(bool *)arg)
		net_start(g, begin_ns + MS, 0);
	log_clear();
	busy_until(begin_ns + 60 * MS);
	if (*(bool *)arg) {
		CHECK(atomic_load(&net.g->status) == SCHED_G_RUNNABLE);
		CHECK(atomic_load(&sched.global_count) == 1);
	}
	log_clear();
	mrt_yield(g);
}

static int64_t stale_at_ns[16];
static uint32_t stale_n;

static void stale_sysmon(int64_t now_ns)
{
	if (log_.n > 0 && log_.text[log_.n - 1] == 'm' && stale_n < 16) {
		stale_at_ns[stale_n++] = now_ns;
		log_clear();
	}
}

/* The only P is busy and looks nowhere: sysmon looks when that was last done more than 10 ms ago, and puts what it
 * finds into the global queue. If nobody waits it does not look. */
static void test_poll_stale(void **state)
{
	struct sched_gc_hooks with_sysmon = hooks;
	bool waits = true;
	int64_t begin_ns = prim_now_ns();

	(void)state;
	with_sysmon.sysmon = stale_sysmon;
	stale_n = 0;
	assert_int_equal(run_with(1, &with_sysmon, stale_main, &waits), 0);
	assert_int_equal(stale_n, 1); /* then nobody waits any more */
	assert_in_range(stale_at_ns[0] - begin_ns, 10 * MS, 21 * MS);
	waits = false;
	stale_n = 0;
	assert_int_equal(run_with(1, &with_sysmon, stale_main, &waits), 0);
	assert_int_equal(stale_n, 0);
}

static void restart_main(mrt_g *g, void *arg)
{
	struct sched_stw stw;
	int64_t begin_ns = prim_now_ns();

	(void)arg;
	net_start(g, begin_ns + 200 * US, 0);
	busy_until(begin_ns + 300 * US);
	CHECK(atomic_load(&net.g->status) == SCHED_G_WAITING);
	log_clear();
	sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
	CHECK(log_.n == 0);
	sched_start_world(sched_of(g), &stw, 0, 0);
	log_must_be(log_.text, "p");
	CHECK(atomic_load(&net.g->status) == SCHED_G_RUNNABLE);
	mrt_yield(g);
}

static void test_poll_at_start(void **state)
{
	(void)state;
	rules_run(1, restart_main, NULL);
}

static void last_main(mrt_g *g, void *arg)
{
	int64_t begin_ns = prim_now_ns();

	(void)arg;
	/* When it begins to wait the other P has long given up. */
	net_start(g, begin_ns + 29300 * US, 300 * US);
	busy_until(prim_now_ns() + 300 * US);
	net.then = sched_of(g);
	event_signal(p_of(g), &net.go);
	sched_park(sched_of(g), SCHED_WAIT_OTHER, NULL, NULL);
	CHECK(!sched_netpoll_blocked() && atomic_load(&net.g->status) == SCHED_G_WAITING);
	mrt_block_enter(g);
	prim_sleep_until(begin_ns + 60 * MS);
	mrt_block_exit(g);
}

/* A P whose goroutine is in a long call, the other one idle, nobody in the poller: sysmon hands it to an M that waits
 * there, and what comes is not found only by the next late look. */
static void test_poller_for_the_last(void **state)
{
	(void)state;
	rules_run(2, last_main, NULL);
	assert_in_range(net.read_ns, net.ready_ns, net.ready_ns + 50 * US);
}

/* ------------------------------------------------------------------------ sysmon */

#define TICKS_MAX 256u

static struct {
	int64_t at_ns[TICKS_MAX];
	uint32_t n;
} ticks;

static void ticks_sysmon(int64_t now_ns)
{
	if (ticks.n < TICKS_MAX)
		ticks.at_ns[ticks.n++] = now_ns;
}

static void pace_main(mrt_g *g, void *arg)
{
	int64_t *blocked_ns = arg;

	busy_until(prim_now_ns() + 80 * MS);
	*blocked_ns = prim_now_ns();
	mrt_block_enter(g);
	prim_sleep_until(*blocked_ns + 30 * MS);
	mrt_block_exit(g);
}

/* From tick i on, which is the second: 51 periods of 20 us in all, then each twice the one before, then 10 ms. Returns the tick after. */
static uint32_t pace_check(uint32_t i, int64_t until_ns)
{
	int64_t want = 20 * US;

	for (uint32_t n = 1; i < ticks.n && ticks.at_ns[i] < until_ns; n++, i++) {
		int64_t period = ticks.at_ns[i] - ticks.at_ns[i - 1];

		if (n > 50)
			want = want * 2 < 10 * MS ? want * 2 : 10 * MS;
		assert_in_range(period, want, want + 5 * US); /* its own work, going to sleep */
	}
	assert_int_equal(want, 10 * MS);
	return i;
}

/* A goroutine in a call whose P nobody else could use is left alone for two looks; that P retaken, sysmon is quick
 * again. */
static void test_sysmon_pace(void **state)
{
	struct sched_gc_hooks with_sysmon = hooks;
	int64_t blocked_ns;
	uint32_t i;

	(void)state;
	memset(&ticks, 0, sizeof(ticks));
	with_sysmon.sysmon = ticks_sysmon;
	assert_int_equal(run_with(1, &with_sysmon, pace_main, &blocked_ns), 0);
	i = pace_check(1, blocked_ns);
	/* The first look sees that there is a call, the second takes the P. */
	assert_in_range(ticks.at_ns[i + 1] - ticks.at_ns[i], 10 * MS, 10 * MS + 5 * US);
	assert_in_range(ticks.at_ns[i + 2] - ticks.at_ns[i + 1], 20 * US, 60 * US);
	assert_in_range(ticks.at_ns[i + 3] - ticks.at_ns[i + 2], 20 * US, 25 * US);
}

struct call {
	int64_t long_ns;
	bool kept; /* the P, to the end */
};

static void call_main(mrt_g *g, void *arg)
{
	struct call *call = arg;
	struct sched_p *p;

	busy_until(prim_now_ns() + 100 * US);
	p = p_of(g);
	mrt_block_enter(g);
	__real_prim_sleep_until(prim_now_ns() + call->long_ns);
	call->kept = atomic_load(&p->status) == SCHED_P_BLOCKED;
	mrt_block_exit(g);
}

/* There is another P for the work that there is not: the one in a call is left with it for 10 ms. */
static void test_retake(void **state)
{
	struct call brief = {.long_ns = 9 * MS}, long_ = {.long_ns = 25 * MS};

	(void)state;
	rules_run(2, call_main, &brief);
	assert_true(brief.kept);
	rules_run(2, call_main, &long_);
	assert_false(long_.kept);
	/* There is not: two looks. */
	brief.long_ns = 100 * US;
	rules_run(1, call_main, &brief);
	assert_false(brief.kept);
}

/* ------------------------------------------------------------------------ timers */

#define TIMERS 1000u

static struct {
	int64_t when_ns[TIMERS]; /* by goroutine, which is the order of arrival too; 0: it has come out */
	uint32_t added, left, refused_most;
	uint64_t random;
} heap;

static uint32_t heap_random(uint32_t n)
{
	heap.random = heap.random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(heap.random >> 33) % n;
}

static uint32_t heap_first(void)
{
	uint32_t first = UINT32_MAX;

	for (uint32_t i = 0; i < heap.added; i++)
		if (heap.when_ns[i] != 0 && (first == UINT32_MAX || heap.when_ns[i] < heap.when_ns[first]))
			first = i;
	return first;
}

static void heap_check(const struct sched_local *l)
{
	uint32_t first = heap_first();

	for (uint32_t i = 1; i < l->timers_count; i++) {
		const struct sched_timer *up = &l->timers[(i - 1) / 4], *t = &l->timers[i];

		assert_true(up->when_ns < t->when_ns || (up->when_ns == t->when_ns && up->seq < t->seq));
	}
	assert_int_equal(l->timers_count + l->timers_spare.count, heap.left);
	assert_int_equal(atomic_load(&l->first_ns), first != UINT32_MAX ? heap.when_ns[first] : SCHED_NEVER);
	if (l->timers_spare.count > heap.refused_most)
		heap.refused_most = l->timers_spare.count;
}

static void heap_add(struct sched_p *p)
{
	uint32_t i = heap.added++;

	heap.when_ns[i] = prim_now_ns() + (1 + heap_random(60)) * MS;
	heap.left++;
	sched_g_status(queue_g[i], SCHED_G_IDLE, SCHED_G_WAITING);
	queue_g[i]->wait = SCHED_WAIT_OTHER; /* not one that runs next */
	sched_timer_add(p, queue_g[i], heap.when_ns[i]);
}

/* What is due comes out, by time and, of equal ones, by arrival; nothing else does. */
static void heap_take(struct sched_p *p)
{
	struct sched_g *g;

	prim_sleep_until(prim_now_ns() + 2 * MS);
	sched_timer_run(p, p);
	while ((g = sched_runq_get(p, &(bool){false})) != NULL) {
		uint32_t i = queue_index(g);

		assert_int_equal(i, heap_first());
		assert_true(heap.when_ns[i] <= prim_now_ns());
		heap.when_ns[i] = 0;
		heap.left--;
	}
	assert_true(heap.left == 0 || heap.when_ns[heap_first()] > prim_now_ns() - MS);
}

static void heap_run(bool refused)
{
	struct sched_p *p;

	memset(&heap, 0, sizeof(heap));
	heap.random = seed | 1;
	queue_init(1, TIMERS);
	p = sched_p(0);
	for (uint32_t i = 0; i < TIMERS; i++) {
		memory_refused = refused && i / 50 % 4 != 3;
		heap_add(p);
		heap_check(sched_local(p));
		if (i % 50 == 49) {
			heap_take(p);
			heap_check(sched_local(p));
		}
	}
	while (heap.left > 0)
		heap_take(p);
	memory_refused = false;
	heap_check(sched_local(p));
	sched_fini();
}

/* A heap of four a node. Memory for a larger one that is refused delays nobody. */
static void test_timer_heap(void **state)
{
	(void)state;
	heap_run(false);
	assert_int_equal(heap.refused_most, 0);
	heap_run(true);
	assert_in_range(heap.refused_most, 100, TIMERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),		  cmocka_unit_test(test_every_61st),
		cmocka_unit_test(test_ring),		  cmocka_unit_test(test_global_share),
		cmocka_unit_test(test_steal_half),	  cmocka_unit_test(test_steal_order),
		cmocka_unit_test(test_steal_timer),	  cmocka_unit_test(test_spinning),
		cmocka_unit_test(test_inherited_slice),	  cmocka_unit_test(test_block_until_timer),
		cmocka_unit_test(test_poll_stale),	  cmocka_unit_test(test_poll_at_start),
		cmocka_unit_test(test_poller_for_the_last), cmocka_unit_test(test_sysmon_pace),
		cmocka_unit_test(test_retake),		  cmocka_unit_test(test_timer_heap),
	};

	return fixture_main("sched_rules", tests, sizeof(tests) / sizeof(tests[0]));
}
