/*
 * test_sched_look.c: the scheduler looked at from outside: of a state that is known every figure is right, of one that moves each is
 * possible, and a look changes nothing.
 */
#include "tests/unit/test_sched_fixture.h"

#include "runtime/sched/conn_priv.h"
#include "runtime/sched/sched_priv.h"

/* ------------------------------------------------------------------------ a state that rests */

#define QUEUED 300u

static struct sched_g *made[QUEUED];

/* The scheduler without a thread that runs it; goroutines that never do. */
static void rest_init(uint32_t procs)
{
	struct sched_options opt = {.procs = procs, .seed = seed, .gc = &hooks};
	struct sched_g_options g = {.name = "queued", .driver = 0xffff};

	assert_int_equal(sched_init(&opt), 0);
	for (uint32_t i = 0; i < QUEUED; i++)
		assert_int_equal(sched_g_create(NULL, &g, &made[i]), 0);
}

static void rest_timers(uint32_t p, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		sched_g_status(made[i], SCHED_G_IDLE, SCHED_G_WAITING);
		made[i]->wait = SCHED_WAIT_OTHER;
		sched_timer_add(sched_p(p), made[i], prim_now_ns() + 3600 * 1000 * MS);
	}
}

/* p0: a ring of 5 and one in `next`; p1: `next` alone; p2: nothing; p3: its ring ran over. 4 wait globally. */
static void rest_fill(void)
{
	uint32_t i = 0;

	for (; i < 5; i++)
		sched_runq_put(sched_p(0), made[i], false);
	sched_runq_put(sched_p(0), made[i++], true);
	sched_runq_put(sched_p(1), made[i++], true);
	for (; i < 11; i++)
		sched_global_put(made[i]);
	rest_timers(0, 20, 3);
	rest_timers(2, 30, 4);
	sched_netpoll_waiter(9);
	atomic_store(&sched_p(1)->status, SCHED_P_BLOCKED);
	atomic_store(&sched_p(2)->status, SCHED_P_STOPPED);
	atomic_store(&sched_p(3)->status, SCHED_P_RUNNING);
	atomic_store(&sched_p(3)->sched_tick, 41);
	atomic_store(&sched_p(3)->call_tick, 42);
	atomic_store(&sched.idle, 1);
	atomic_store(&sched.spinning, 2);
}

static void test_at_rest(void **state)
{
	static const uint32_t status[] = {WATCH_P_IDLE, WATCH_P_SYSCALL, WATCH_P_GC_STOP, WATCH_P_RUNNING};
	static const uint32_t queued[] = {6, 1, 0, 0};
	struct watch_sched s = {0};

	(void)state;
	rest_init(4);
	rest_fill();
	sched_look(&s, 77);
	assert_int_equal(s.at_ns, 77);
	assert_int_equal(s.ps_known, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(s.p[i].status, status[i]);
		assert_int_equal(s.p[i].runq, queued[i]);
	}
	assert_int_equal(s.p[3].sched_ticks, 41);
	assert_int_equal(s.p[3].syscall_ticks, 42);
	assert_int_equal(s.goroutines, atomic_load(&sched.goroutines));
	assert_int_equal(s.global_runq, 4);
	assert_int_equal(s.idle_ps, 1);
	assert_int_equal(s.spinning, 2);
	assert_int_equal(s.timers, 7);
	assert_int_equal(s.poll_waiters, 9);
	assert_int_equal(s.threads, 2); /* the first one and sysmon, as Go counts */
	assert_int_equal(s.idle_threads, 0);
	sched_fini();
}

/* 256 are all that a ring holds: the older half and one go to the global queue. */
static void test_overflow(void **state)
{
	struct watch_sched s = {0};

	(void)state;
	rest_init(1);
	for (uint32_t i = 0; i < QUEUED; i++) {
		sched_runq_put(sched_p(0), made[i], false);
		sched_look(&s, i);
		assert_int_equal(s.p[0].runq + s.global_runq, i + 1);
		assert_true(s.p[0].runq <= SCHED_RUNQ);
	}
	assert_int_equal(s.global_runq, 129);
	sched_fini();
}

/* ------------------------------------------------------------------------ one that moves */

#define WORKERS 12u
#define CALLS	20u

struct watched {
	struct watch_sched s;
	_Atomic bool end;
	_Atomic uint64_t looks;
	mrt_wg done;
	uint32_t procs;
};

/* From a thread of its own, as the control thread does. It may lose its CPU between two Ps, while who sleeps on one of them wakes
 * and sleeps on the next: timers of a look are bounded for each P alone. */
static void watcher(void *arg)
{
	struct watched *w = arg;
	uint64_t ticks = 0;

	while (!atomic_load(&w->end)) {
		uint64_t now = 0;

		sched_look(&w->s, prim_now_ns());
		atomic_fetch_add(&w->looks, 1);
		CHECK(w->s.ps_known == w->procs && w->s.idle_ps <= w->procs && w->s.spinning <= w->procs + 1);
		CHECK(w->s.threads >= 2 && w->s.idle_threads <= w->s.threads);
		CHECK(w->s.timers <= (WORKERS + 1) * w->procs && w->s.poll_waiters == 0);
		for (uint32_t i = 0; i < w->procs; i++) {
			CHECK(w->s.p[i].status >= WATCH_P_IDLE && w->s.p[i].status <= WATCH_P_GC_STOP);
			CHECK(w->s.p[i].runq <= WORKERS + 2);
			now += w->s.p[i].sched_ticks;
		}
		CHECK(now >= ticks);
		ticks = now;
		prim_sleep_until(prim_now_ns() + 20 * US);
	}
}

/* Until there has been another look: the watcher may come late to its CPU. */
static void be_seen(mrt_g *g, struct watched *w)
{
	uint64_t looks = atomic_load(&w->looks);

	while (atomic_load(&w->looks) == looks)
		mrt_yield(g);
}

static void busy_worker(mrt_g *g, void *arg)
{
	struct watched *w = arg;

	for (uint32_t i = 0; i < CALLS; i++) {
		if (i == CALLS / 2)
			be_seen(g, w);
		for (uint32_t k = 0; k < 20; k++)
			work(g);
		mrt_block_enter(g);
		mrt_block_exit(g);
		mrt_yield(g);
		mrt_sleep_until(g, mrt_now_ns() + 50 * US);
	}
	mrt_wg_done(g, &w->done);
}

static void busy_main(mrt_g *g, void *arg)
{
	struct watched *w = arg;
	struct mrt_go_options opt = {.name = "busy", .driver = 0xffff};
	struct sched_stw stw;
	prim_thread *thread;
	uint64_t calls = 0;

	CHECK(prim_thread_create(&thread, "watcher", watcher, w) == 0);
	mrt_wg_add(&w->done, WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK(mrt_go(g, busy_worker, w, &opt) == 0);
	mrt_wg_wait(g, &w->done);
	atomic_store(&w->end, true);
	mrt_block_enter(g);
	prim_thread_join(thread);
	mrt_block_exit(g);
	CHECK(atomic_load(&w->looks) > 0);
	/* The world stopped: nobody changes anything, and every P is held, the stopper's own too. */
	sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
	sched_look(&w->s, prim_now_ns());
	for (uint32_t i = 0; i < w->procs; i++) {
		CHECK(w->s.p[i].status == WATCH_P_GC_STOP);
		calls += w->s.p[i].syscall_ticks;
	}
	CHECK(calls == WORKERS * CALLS + 1 && w->s.timers == 0 && w->s.idle_ps == 0);
	sched_start_world(sched_of(g), &stw, 0, 0);
}

static void test_in_motion(void **state)
{
	(void)state;
	FOR_PROCS(n) {
		struct watched w = {.procs = n};

		run(n, busy_main, &w);
	}
}

/* ------------------------------------------------------------------------ who sleeps, and who has nothing to do */

#define SLEEPERS 7u

static void sleeper(mrt_g *g, void *arg)
{
	(void)arg;
	mrt_sleep_until(g, mrt_now_ns() + 3600 * 1000 * MS);
}

/* All the others sleep: as many timers, one P that runs, all threads but ours, the poller's and sysmon parked in the end. */
static void idle_main(mrt_g *g, void *arg)
{
	struct watched *w = arg;
	struct mrt_go_options opt = {.name = "sleeper", .driver = 0xffff};

	for (uint32_t i = 0; i < SLEEPERS; i++)
		CHECK(mrt_go(g, sleeper, NULL, &opt) == 0);
	do {
		mrt_yield(g);
		sched_look(&w->s, prim_now_ns());
	} while (w->s.timers != SLEEPERS || w->s.idle_ps != w->procs - 1 || w->s.spinning != 0);
	CHECK(w->s.p[p_of(g)->id].status == WATCH_P_RUNNING);
	CHECK(w->s.global_runq == 0);
}

static void test_asleep(void **state)
{
	(void)state;
	FOR_PROCS(n) {
		struct watched w = {.procs = n};

		/* The sleepers are left where they are. */
		assert_int_equal(run_with(n, &hooks, idle_main, &w), -EBUSY);
		assert_true(w.s.idle_threads + 2 <= w.s.threads);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_rest),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_in_motion),
		cmocka_unit_test(test_asleep),
	};

	return fixture_main("sched_look", tests, sizeof(tests) / sizeof(tests[0]));
}
