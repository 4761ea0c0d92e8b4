/*
 * test_sched_poller.c: when the poller is asked, and by whom; what sysmon does, and how often (proc.go of Go 1.19), in the
 * simulation.
 */
#include "tests/unit/test_sched_log.h"

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

static void blocked_main(mrt_g *g, void *arg)
{
	int64_t begin_ns = prim_now_ns();

	(void)arg;
	net_start(g, begin_ns + 2 * MS, 0);
	for (int i = 1; i <= 10; i++)
		mrt_sleep_until(g, begin_ns + i * 100 * US);
	log_clear();
	mrt_sleep_until(g, begin_ns + 3 * MS);
}

/* Somebody waits for a connection, and an M in the poller: nobody else looks there (test_sched_log.h sees to it), and
 * that one brings it. */
static void test_poll_blocked(void **state)
{
	(void)state;
	rules_run(2, blocked_main, NULL);
	assert_in_range(net.read_ns, net.ready_ns, net.ready_ns + 50 * US);
}

static uint32_t awake_others;

static void awake_main(mrt_g *g, void *arg)
{
	(void)arg;
	mrt_sleep_until(g, prim_now_ns() + MS);
	log_clear();
	busy_until(prim_now_ns() + 50 * US);
	awake_others = 0;
	for (uint32_t i = 0; i < log_.n; i++)
		awake_others += log_.text[i] == 's' && log_.p[i] != p_of(g)->id;
}

/* Who finds work after it has waited in the poller calls the next one to look: four passes, and four of who waits then. */
static void test_next_is_called(void **state)
{
	(void)state;
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 1);
	rules_run(2, awake_main, NULL);
	atomic_store(&gcs_gates[GCS_POINT_sched_steal], 0);
	assert_in_range(awake_others, 4, 8);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_until_timer),
		cmocka_unit_test(test_poll_blocked),
		cmocka_unit_test(test_next_is_called),
		cmocka_unit_test(test_poll_stale),
		cmocka_unit_test(test_poll_at_start),
		cmocka_unit_test(test_poller_for_the_last),
		cmocka_unit_test(test_sysmon_pace),
		cmocka_unit_test(test_retake),
	};

	return fixture_main("sched_poller", tests, sizeof(tests) / sizeof(tests[0]));
}
