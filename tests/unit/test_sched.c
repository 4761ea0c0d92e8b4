/*
 * test_sched.c: goroutines: their lives, queues, stealing, slices, timers, locks, the collector's
 * worker.
 */
#include "tests/unit/test_sched_fixture.h"

/* ------------------------------------------------------------- start, run, end */

struct many {
	mrt_wg wg;
	_Atomic uint32_t ran;
	uint32_t count;
};

static void many_one(mrt_g *g, void *arg)
{
	struct many *m = arg;

	mrt_yield(g);
	atomic_fetch_add(&m->ran, 1);
	mrt_wg_done(g, &m->wg);
}

static void many_main(mrt_g *g, void *arg)
{
	struct many *m = arg;

	for (int round = 0; round < 3; round++) {
		mrt_wg_add(&m->wg, m->count);
		for (uint32_t i = 0; i < m->count; i++)
			CHECK(mrt_go(g, many_one, m, NULL) == 0);
		mrt_wg_wait(g, &m->wg);
	}
}

static void test_many(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct many m = {.count = FEWER(3200)};

		run(procs, many_main, &m);
		assert_int_equal(atomic_load(&m.ran), 3 * m.count);
	}
}

static void forever(mrt_g *g, void *arg)
{
	if (arg != NULL)
		event_signal(p_of(g), arg);
	for (;;)
		work(g);
}

static void parked(mrt_g *g, void *arg)
{
	struct event *never = arg;

	event_wait(g, never);
}

static void blocked_a_while(mrt_g *g, void *arg)
{
	_Atomic uint32_t *blocked = arg;

	mrt_block_enter(g);
	atomic_fetch_add(blocked, 1);
	prim_sleep_until(prim_now_ns() + 5 * MS);
	mrt_block_exit(g);
	for (;;)
		work(g);
}

struct left {
	struct event started, never;
	_Atomic uint32_t blocked;
	bool system;
};

static void left_main(mrt_g *g, void *arg)
{
	struct left *left = arg;
	struct mrt_go_options opt = {.system = left->system, .driver = 0xffff};

	CHECK(mrt_go(g, forever, &left->started, &opt) == 0);
	CHECK(mrt_go(g, parked, &left->never, &opt) == 0);
	CHECK(mrt_go(g, blocked_a_while, &left->blocked, &opt) == 0);
	event_wait(g, &left->started);
	while (atomic_load(&left->blocked) == 0)
		mrt_yield(g);
}

/* Goroutines that are still alive: refused, unless they are the system's. */
static void test_left_behind(void **state)
{
	struct sched_options bad = {.procs = 0, .gc = &hooks};

	(void)state;
	assert_int_equal(sched_init(&bad), -EINVAL);
	bad.procs = 65;
	assert_int_equal(sched_init(&bad), -EINVAL);
	FOR_PROCS(procs)
	{
		struct left left = {.system = false};

		assert_int_equal(run_with(procs, &hooks, left_main, &left), -EBUSY);
		left = (struct left){.system = true};
		assert_int_equal(run_with(procs, &hooks, left_main, &left), 0);
	}
}

struct ids {
	mrt_wg wg;
	struct event go[3];
	_Atomic uint32_t seen[3];
	_Atomic uint32_t next;
};

static void ids_one(mrt_g *g, void *arg)
{
	struct ids *ids = arg;
	uint32_t i = atomic_fetch_add(&ids->next, 1);

	atomic_store(&ids->seen[i], mrt_worker(g));
	event_wait(g, &ids->go[i]);
	mrt_wg_done(g, &ids->wg);
}

static void ids_main(mrt_g *g, void *arg)
{
	struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + 1};
	struct mrt_go_options beyond = {.worker = MRT_WORKER_MAX};
	struct ids *ids = arg;
	uint32_t sum = 0;

	CHECK(mrt_worker(g) == MRT_WORKER_MAIN);
	CHECK(mrt_go(g, ids_one, ids, &beyond) == -EINVAL);
	for (int round = 0; round < 2; round++) {
		atomic_store(&ids->next, 0);
		mrt_wg_add(&ids->wg, 3);
		CHECK(mrt_go(g, ids_one, ids, &opt) == 0);
		CHECK(mrt_go(g, ids_one, ids, NULL) == 0);
		CHECK(mrt_go(NULL, ids_one, ids, NULL) == 0);
		while (atomic_load(&ids->next) < 3)
			mrt_yield(g);
		for (uint32_t i = 0; i < 3; i++)
			event_signal(p_of(g), &ids->go[i]);
		mrt_wg_wait(g, &ids->wg);
		sum = 0;
		for (uint32_t i = 0; i < 3; i++)
			sum |= 1u << (atomic_load(&ids->seen[i]) - MRT_WORKER_FIRST);
		CHECK(sum == 7); /* the lowest free ones, around the one that was asked for */
		/* The last one gives its id back a moment after its done. */
		struct sched_counts counts;
		do {
			mrt_yield(g);
			sched_counts(&counts);
		} while (counts.goroutines > 1);
	}
}

static void test_worker_ids(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct ids ids = {0};

		run(procs, ids_main, &ids);
	}
}

/* --------------------------------------------------------------- park and ready */

struct pair {
	struct event ping, pong;
	struct pong *all;
	uint32_t left, right;
};

struct pong {
	mrt_wg wg;
	struct pair *pairs;
	uint32_t count, rounds;
};

static void pong_left(mrt_g *g, void *arg)
{
	struct pair *pair = arg;

	for (uint32_t i = 0; i < pair->all->rounds; i++) {
		pair->left++;
		event_signal(i % 3 != 0 ? p_of(g) : NULL, &pair->ping);
		event_wait(g, &pair->pong);
		CHECK(pair->right == pair->left);
	}
	mrt_wg_done(g, &pair->all->wg);
}

static void pong_right(mrt_g *g, void *arg)
{
	struct pair *pair = arg;

	for (uint32_t i = 0; i < pair->all->rounds; i++) {
		event_wait(g, &pair->ping);
		pair->right++;
		CHECK(pair->right == pair->left);
		event_signal(p_of(g), &pair->pong);
	}
	mrt_wg_done(g, &pair->all->wg);
}

static void pong_main(mrt_g *g, void *arg)
{
	struct pong *all = arg;

	mrt_wg_add(&all->wg, 2 * all->count);
	for (uint32_t i = 0; i < all->count; i++) {
		all->pairs[i].all = all;
		CHECK(mrt_go(g, pong_left, &all->pairs[i], NULL) == 0);
		CHECK(mrt_go(g, pong_right, &all->pairs[i], NULL) == 0);
	}
	mrt_wg_wait(g, &all->wg);
}

static void test_ping_pong(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct pong all = {.count = FEWER(1600), .rounds = 30};

		all.pairs = calloc(all.count, sizeof(*all.pairs));
		run(procs, pong_main, &all);
		for (uint32_t i = 0; i < all.count; i++)
			assert_int_equal(all.pairs[i].right, all.rounds);
		free(all.pairs);
	}
}

struct starve {
	struct event ping, pong;
	mrt_wg wg;
	_Atomic bool third_ran;
	_Atomic uint64_t rounds;
};

static void starve_left(mrt_g *g, void *arg)
{
	struct starve *s = arg;

	while (!atomic_load(&s->third_ran)) {
		event_signal(p_of(g), &s->ping);
		event_wait(g, &s->pong);
	}
	event_signal(p_of(g), &s->ping);
	mrt_wg_done(g, &s->wg);
}

static void starve_right(mrt_g *g, void *arg)
{
	struct starve *s = arg;

	for (;;) {
		event_wait(g, &s->ping);
		if (atomic_load(&s->third_ran))
			break;
		atomic_fetch_add(&s->rounds, 1);
		event_signal(p_of(g), &s->pong);
	}
	event_signal(p_of(g), &s->pong);
	mrt_wg_done(g, &s->wg);
}

static void starve_third(mrt_g *g, void *arg)
{
	struct starve *s = arg;

	while (atomic_load(&s->rounds) < 1000)
		mrt_yield(g); /* to the global queue */
	atomic_store(&s->third_ran, true);
	mrt_wg_done(g, &s->wg);
}

static void starve_main(mrt_g *g, void *arg)
{
	struct starve *s = arg;

	mrt_wg_add(&s->wg, 3);
	CHECK(mrt_go(g, starve_third, s, NULL) == 0);
	CHECK(mrt_go(g, starve_left, s, NULL) == 0);
	CHECK(mrt_go(g, starve_right, s, NULL) == 0);
	mrt_wg_wait(g, &s->wg);
}

/* A pair that always has work on its P does not keep the global queue from running. */
static void test_no_starvation(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct starve s = {0};

		run(procs, starve_main, &s);
	}
}

/* ------------------------------------------------------------- stealing, slices */

struct spread {
	mrt_wg wg;
	_Atomic uint64_t ps;
	uint64_t wanted;
};

static void spread_one(mrt_g *g, void *arg)
{
	struct spread *s = arg;

	/* No yield: another P has to come and take the others. */
	while (atomic_load(&s->ps) != s->wanted) {
		atomic_fetch_or(&s->ps, UINT64_C(1) << p_of(g)->id);
		work(g);
	}
	mrt_wg_done(g, &s->wg);
}

static void spread_main(mrt_g *g, void *arg)
{
	struct spread *s = arg;

	for (int round = 0; round < 8; round++) {
		atomic_store(&s->ps, 0);
		mrt_wg_add(&s->wg, FEWER(1600)); /* more than a ring holds */
		for (uint32_t i = 0; i < FEWER(1600); i++)
			CHECK(mrt_go(g, spread_one, s, NULL) == 0);
		mrt_wg_wait(g, &s->wg);
	}
}

static void test_stealing(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct spread s = {.wanted = (UINT64_C(1) << procs) - 1};

		run(procs, spread_main, &s);
	}
}

struct slice {
	mrt_wg wg;
	_Atomic uint32_t turn;
};

static void slice_one(mrt_g *g, void *arg)
{
	struct slice *s = arg;

	/* Each waits for the others without ever yielding. */
	atomic_fetch_add(&s->turn, 1);
	while (atomic_load(&s->turn) < 4)
		work(g);
	mrt_wg_done(g, &s->wg);
}

static void slice_main(mrt_g *g, void *arg)
{
	struct slice *s = arg;

	mrt_wg_add(&s->wg, 4);
	for (int i = 0; i < 4; i++)
		CHECK(mrt_go(g, slice_one, s, NULL) == 0);
	mrt_wg_wait(g, &s->wg);
}

static void test_time_slices(void **state)
{
	struct slice s = {0};

	(void)state;
	run(1, slice_main, &s);
	assert_int_equal(atomic_load(&s.turn), 4);
}

/* ---------------------------------------------------------------------- timers */

#define SLEEPERS FEWER(640)

struct sleeper {
	struct sleepers *all;
	int64_t deadline_ns, woke_ns;
	uint32_t order;
};

struct sleepers {
	mrt_wg wg;
	_Atomic uint32_t woken;
	struct sleeper one[SLEEPERS];
};

static void sleeper_run(mrt_g *g, void *arg)
{
	struct sleeper *s = arg;

	mrt_sleep_until(g, s->deadline_ns);
	s->woke_ns = mrt_now_ns();
	s->order = atomic_fetch_add(&s->all->woken, 1);
	mrt_wg_done(g, &s->all->wg);
}

static void sleepers_main(mrt_g *g, void *arg)
{
	struct sleepers *all = arg;
	int64_t start = mrt_now_ns() + 20 * MS;
	uint64_t x = seed | 1;

	mrt_sleep_until(g, mrt_now_ns() - 1); /* over already */
	mrt_wg_add(&all->wg, SLEEPERS);
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		all->one[i].all = all;
		all->one[i].deadline_ns = start + (int64_t)(x >> 33) % 200 * 100 * US;
		CHECK(mrt_go(g, sleeper_run, &all->one[i], NULL) == 0);
	}
	mrt_wg_wait(g, &all->wg);
}

static void test_timers(void **state)
{
	static struct sleepers all;

	(void)state;
	FOR_PROCS(procs)
	{
		memset(&all, 0, sizeof(all));
		run(procs, sleepers_main, &all);
		assert_int_equal(atomic_load(&all.woken), SLEEPERS);
		for (uint32_t i = 0; i < SLEEPERS; i++) {
			const struct sleeper *s = &all.one[i];

			assert_true(s->woke_ns >= s->deadline_ns);
			/* Virtual threads are never held up: bounds hold for those. */
			if (MRT_SIM)
				assert_true(s->woke_ns - s->deadline_ns < 60 * US);
			for (uint32_t j = 0; MRT_SIM && procs == 1 && j < SLEEPERS; j++)
				if (all.one[j].deadline_ns < s->deadline_ns)
					assert_true(all.one[j].order < s->order);
		}
	}
}

struct delay {
	mrt_wg wg;
	_Atomic(struct sched_g *) waiting;
	_Atomic int64_t ready_ns, woke_ns, lag_ns;
	bool from_p;
};

static bool delay_commit(struct sched_g *g, void *arg)
{
	struct delay *d = arg;

	atomic_store(&d->waiting, g);
	return true;
}

static void delay_waiter(mrt_g *g, void *arg)
{
	struct delay *d = arg;

	sched_park(sched_of(g), SCHED_WAIT_FAULT, delay_commit, d);
	atomic_store(&d->woke_ns, mrt_now_ns());
	atomic_store(&d->lag_ns, sched_of(g)->wake_lag_ns);
	mrt_wg_done(g, &d->wg);
}

static void delay_main(mrt_g *g, void *arg)
{
	struct delay *d = arg;
	int64_t after_ns;

	for (int i = 0; i < 5; i++) {
		atomic_store(&d->waiting, NULL);
		mrt_wg_add(&d->wg, 1);
		CHECK(mrt_go(g, delay_waiter, d, NULL) == 0);
		while (atomic_load(&d->waiting) == NULL)
			mrt_yield(g);
		atomic_store(&d->ready_ns, mrt_now_ns() + 3 * MS);
		sched_ready_at(i % 2 != 0 ? p_of(g) : NULL, atomic_load(&d->waiting),
			       atomic_load(&d->ready_ns), 0);
		after_ns = mrt_now_ns();
		mrt_wg_wait(g, &d->wg);
		CHECK(atomic_load(&d->woke_ns) >= atomic_load(&d->ready_ns));
		CHECK(atomic_load(&d->lag_ns) >= atomic_load(&d->ready_ns) - after_ns);
		if (MRT_SIM)
			CHECK(atomic_load(&d->woke_ns) < atomic_load(&d->ready_ns) + 60 * US);
	}
}

static void test_delayed_ready(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct delay d = {0};

		run(procs, delay_main, &d);
	}
}

static int each_count(struct sched_g *g, void *arg)
{
	uint32_t *n = arg;

	(void)g;
	return ++*n == 5 ? 77 : 0;
}

static void each_main(mrt_g *g, void *arg)
{
	struct many *m = arg;
	uint32_t n = 0;

	many_main(g, m);
	CHECK(sched_each_g(each_count, &n) == 77 && n == 5);
	CHECK(sched_stack_bytes() >= 64 << 10);
}

static void test_each_g(void **state)
{
	struct many m = {.count = 10};

	(void)state;
	run(2, each_main, &m);
}

/* ------------------------------------------------------------------------ sync */

struct locked {
	mrt_mutex mutex;
	mrt_wg wg;
	uint64_t count; /* plain: guarded by the mutex */
};

static void locked_run(mrt_g *g, void *arg)
{
	struct locked *l = arg;

	for (int i = 0; i < 200; i++) {
		mrt_lock(g, &l->mutex);
		l->count++;
		if (i % 16 == 0)
			mrt_yield(g);
		mrt_unlock(g, &l->mutex);
	}
	mrt_wg_done(g, &l->wg);
}

static void locked_main(mrt_g *g, void *arg)
{
	struct locked *l = arg;

	mrt_wg_add(&l->wg, 50);
	for (int i = 0; i < 50; i++)
		CHECK(mrt_go(g, locked_run, l, NULL) == 0);
	mrt_wg_wait(g, &l->wg);
	CHECK(l->count == 50 * 200);
	CHECK(atomic_load(&l->mutex.state) == 0);
	CHECK(l->mutex.sema.head == NULL && l->mutex.sema.tail == NULL);
}

static void test_mutex(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		struct locked l = {0};

		run(procs, locked_main, &l);
	}
}

/* ------------------------------------------------------------ the collector's hooks */

static struct {
	_Atomic(struct sched_g *) parked;
	_Atomic uint32_t runs, wanted;
	struct sched_g *g;
} worker;

static bool worker_commit(struct sched_g *g, void *arg)
{
	(void)arg;
	atomic_store(&worker.parked, g);
	return true;
}

static void worker_run(mrt_g *g, void *arg)
{
	(void)arg;
	for (;;) {
		atomic_fetch_add(&worker.runs, 1);
		sched_park(sched_of(g), SCHED_WAIT_GC_WORKER, worker_commit, NULL);
	}
}

static struct sched_g *worker_find(struct sched_p *p, bool idle)
{
	struct sched_g *g;

	(void)p;
	if (!idle)
		return NULL;
	/* Parked first: then nobody can run it while the counts are compared. */
	g = atomic_exchange(&worker.parked, NULL);
	if (g != NULL && atomic_load(&worker.runs) >= atomic_load(&worker.wanted)) {
		atomic_store(&worker.parked, g);
		return NULL;
	}
	return g;
}

static bool worker_has_work(void)
{
	return atomic_load(&worker.runs) < atomic_load(&worker.wanted) &&
	       atomic_load(&worker.parked) != NULL;
}

static void worker_main(mrt_g *g, void *arg)
{
	(void)arg;
	CHECK(sched_go_system("worker", MRT_WORKER_MARK0, worker_run, NULL, true, &worker.g) == 0);
	CHECK(mrt_worker(&worker.g->pub) == MRT_WORKER_MARK0);
	atomic_store(&worker.parked, worker.g);
	for (uint32_t i = 1; i <= 20; i++) {
		atomic_store(&worker.wanted, i);
		sched_wake();
		while (atomic_load(&worker.runs) < i)
			mrt_sleep_until(g, mrt_now_ns() + 50 * US); /* leaves the P idle */
		CHECK(atomic_load(&worker.runs) == i);
	}
}

static void test_worker_hook(void **state)
{
	struct sched_gc_hooks with_worker = hooks;

	(void)state;
	with_worker.find_worker = worker_find;
	for (int asked = 0; asked < 2; asked++) {
		with_worker.has_work = asked ? worker_has_work : NULL;
		FOR_PROCS(procs)
		{
			memset(&worker, 0, sizeof(worker));
			assert_int_equal(run_with(procs, &with_worker, worker_main, NULL), 0);
		}
	}
}

static void idle_main(mrt_g *g, void *arg)
{
	int64_t idle = sched_idle_ns(mrt_now_ns());

	(void)arg;
	mrt_sleep_until(g, mrt_now_ns() + 5 * MS);
	idle = sched_idle_ns(mrt_now_ns()) - idle;
	/* Three Ps nearly all the time, the fourth while this slept; a thread may be held up before
	 * it lets go. */
	CHECK(idle >= (MRT_SIM ? 19 * MS : 5 * MS));
}

static void test_idle_time(void **state)
{
	(void)state;
	run(4, idle_main, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_worker_ids),    cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_no_starvation), cmocka_unit_test(test_stealing),
		cmocka_unit_test(test_time_slices),   cmocka_unit_test(test_timers),
		cmocka_unit_test(test_delayed_ready), cmocka_unit_test(test_each_g),
		cmocka_unit_test(test_mutex),	      cmocka_unit_test(test_worker_hook),
		cmocka_unit_test(test_idle_time),
	};

	return fixture_main("sched", tests, sizeof(tests) / sizeof(tests[0]));
}
