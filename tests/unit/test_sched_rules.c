/*
 * test_sched_rules.c: the scheduler's rules one by one (proc.go of Go 1.19), in the simulation, where each of them
 * can be seen: in what order a P looks for work, who steals how much, and when, how many look at a time, what shares
 * a time slice.
 */
#include "tests/unit/test_sched_log.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_every_61st),
		cmocka_unit_test(test_steal_order),
		cmocka_unit_test(test_steal_timer),
		cmocka_unit_test(test_spinning),
		cmocka_unit_test(test_inherited_slice),
	};

	return fixture_main("sched_rules", tests, sizeof(tests) / sizeof(tests[0]));
}
