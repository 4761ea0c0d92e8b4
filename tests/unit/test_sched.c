/*
 * test_sched.c: goroutines, queues, park and ready, timers, stops, ragged calls, scans, blocking calls, mutexes.
 *
 * One source for both back ends.  Each test starts and ends the scheduler, so that is tested
 * all the time.  GCS_TEST_SEED sets the seed; the seed is printed.
 */
#include "runtime/sched/sched.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)

/* ThreadSanitizer takes milliseconds to make a fiber. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_STACKS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(SLOW_STACKS)
#define SLOW_STACKS 1
#endif
#if defined(SLOW_STACKS)
#define FEWER(n) ((n) / 16)
#else
#define FEWER(n) (n)
#endif

static uint64_t seed = 1;

/* ------------------------------------------------------------ a collector's hooks */

static _Atomic uint32_t p_live;

static void hook_scan_self(struct sched_g *g);

static struct sched_g *hook_find_worker(struct sched_p *p, bool idle)
{
	(void)p;
	(void)idle;
	return NULL;
}

static int hook_p_init(struct sched_p *p)
{
	(void)p;
	atomic_fetch_add(&p_live, 1);
	return 0;
}

static void hook_p_fini(struct sched_p *p)
{
	(void)p;
	atomic_fetch_sub(&p_live, 1);
}

static void hook_sysmon(int64_t now_ns)
{
	(void)now_ns;
}

static bool hook_has_work(void)
{
	return false;
}

static const struct sched_gc_hooks hooks = {
	.scan_self = hook_scan_self,
	.find_worker = hook_find_worker,
	.p_init = hook_p_init,
	.p_fini = hook_p_fini,
	.sysmon = hook_sysmon,
	.has_work = hook_has_work,
};

static int run_with(uint32_t procs, const struct sched_gc_hooks *gc, mrt_go_fn *fn, void *arg)
{
	struct sched_options opt = {.procs = procs, .seed = seed, .gc = gc};
	int r;

	assert_int_equal(sched_init(&opt), 0);
	assert_int_equal(atomic_load(&p_live), procs);
	r = sched_main(fn, arg);
	sched_fini();
	assert_int_equal(atomic_load(&p_live), 0);
	return r;
}

static void run(uint32_t procs, mrt_go_fn *fn, void *arg)
{
	assert_int_equal(run_with(procs, &hooks, fn, arg), 0);
}

static const uint32_t proc_counts[] = {1, 2, 4, 8};
#define FOR_PROCS(n)                                                                               \
	for (uint32_t n##_i = 0, n; n##_i < 4 && (n = proc_counts[n##_i], true); n##_i++)

/* Goroutines cannot jump out of their stack: failures die at once. */
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s (seed %llu)\n", __FILE__, __LINE__, #x,          \
				(unsigned long long)seed);                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A signal that one goroutine waits for: 0, signalled, or the goroutine. */
struct event {
	_Atomic uintptr_t state;
};

#define EVENT_SET ((uintptr_t)1)

static bool event_commit(struct sched_g *g, void *arg)
{
	struct event *e = arg;
	uintptr_t none = 0;

	return atomic_compare_exchange_strong(&e->state, &none, (uintptr_t)g);
}

static void event_wait(mrt_g *g, struct event *e)
{
	uintptr_t set = EVENT_SET;

	if (!atomic_compare_exchange_strong(&e->state, &set, 0))
		sched_park(sched_of(g), SCHED_WAIT_OTHER, event_commit, e);
	atomic_store(&e->state, 0);
}

static void event_signal(struct sched_p *p, struct event *e)
{
	uintptr_t old = atomic_exchange(&e->state, EVENT_SET);

	if (old > EVENT_SET)
		sched_ready(p, (struct sched_g *)old, true);
}

static struct sched_p *p_of(mrt_g *g)
{
	return sched_of(g)->p;
}

/* A few hundred nanoseconds of work with a safepoint. */
static void work(mrt_g *g)
{
	prim_step_n(PRIM_COST_WORK, 200);
	for (uint32_t i = 0; i < 50; i++)
		prim_spin_wait(0);
	mrt_safepoint(g);
}

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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	FOR_PROCS (procs) {
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
	_Atomic int64_t ready_ns, woke_ns;
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
	CHECK(sched_of(g)->wake_lag_ns >= 3 * MS);
	mrt_wg_done(g, &d->wg);
}

static void delay_main(mrt_g *g, void *arg)
{
	struct delay *d = arg;

	for (int i = 0; i < 5; i++) {
		atomic_store(&d->waiting, NULL);
		mrt_wg_add(&d->wg, 1);
		CHECK(mrt_go(g, delay_waiter, d, NULL) == 0);
		while (atomic_load(&d->waiting) == NULL)
			mrt_yield(g);
		atomic_store(&d->ready_ns, mrt_now_ns() + 3 * MS);
		sched_ready_at(i % 2 != 0 ? p_of(g) : NULL, atomic_load(&d->waiting),
			       atomic_load(&d->ready_ns), 0);
		mrt_wg_wait(g, &d->wg);
		CHECK(atomic_load(&d->woke_ns) >= atomic_load(&d->ready_ns));
		if (MRT_SIM)
			CHECK(atomic_load(&d->woke_ns) < atomic_load(&d->ready_ns) + 60 * US);
	}
}

static void test_delayed_ready(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct delay d = {0};

		run(procs, delay_main, &d);
	}
}

/* ------------------------------------------------------------- stopping the world */

#define WORKERS 6
#define STOPPERS 3
#define STOPS 15

struct storm {
	mrt_wg workers, stoppers;
	_Atomic bool end;
	_Atomic uint64_t steps[WORKERS];
	_Atomic uint32_t next;
	_Atomic uint32_t inside; /* stoppers that hold the world */
	_Atomic uint32_t stops;
	uint32_t p_calls[64];    /* written by ragged calls; a P runs one thing at a time */
	_Atomic uint32_t p_called;
	_Atomic bool thread_done;
	bool with_blocking;
};

static void storm_worker(mrt_g *g, void *arg)
{
	struct storm *s = arg;
	uint32_t i = atomic_fetch_add(&s->next, 1);

	for (uint32_t round = 1; !atomic_load(&s->end); round++) {
		/* Relaxed: the stop has to order these. */
		atomic_fetch_add_explicit(&s->steps[i], 1, memory_order_relaxed);
		work(g);
		if (i % 3 == 1 || round % 64 == 0)
			mrt_yield(g);
		if (i % 3 == 2 && s->with_blocking) {
			mrt_block_enter(g);
			prim_sleep_until(prim_now_ns() + 30 * US);
			mrt_block_exit(g);
		}
	}
	mrt_wg_done(g, &s->workers);
}

/* With the world stopped nobody moves. */
static void storm_stopped(struct storm *s, struct sched_g *g)
{
	struct sched_stw stw = {0};
	uint64_t before[WORKERS];
	int64_t until;

	sched_stop_world(g, SCHED_STW_OTHER, &stw);
	CHECK(sched_world_stopped());
	CHECK(atomic_fetch_add(&s->inside, 1) == 0);
	for (uint32_t i = 0; i < WORKERS; i++)
		before[i] = atomic_load_explicit(&s->steps[i], memory_order_relaxed);
	until = prim_now_ns() + 20 * US;
	for (uint32_t round = 0; prim_now_ns() < until; round++)
		prim_spin_wait(round);
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK(before[i] == atomic_load_explicit(&s->steps[i], memory_order_relaxed));
	for (uint32_t i = 0; i < sched_procs(); i++)
		CHECK(atomic_load(&sched_p(i)->running) == (sched_p(i)->m != NULL ? g : NULL));
	CHECK(atomic_fetch_sub(&s->inside, 1) == 1);
	if (g != NULL)
		sched_safepoint(g); /* runs on: it is the stopper */
	CHECK(sched_world_stopped());
	sched_start_world(g, &stw, 0, 0);
	CHECK(stw.request_ns > 0 && stw.request_ns <= stw.stopped_ns);
	CHECK(stw.stopped_ns + 20 * US <= stw.start_ns);
	atomic_fetch_add(&s->stops, 1);
}

static void storm_call(struct sched_p *p, void *arg)
{
	struct storm *s = arg;

	s->p_calls[p->id]++;
	atomic_fetch_add(&s->p_called, 1);
}

static void storm_ragged(struct storm *s, struct sched_g *g)
{
	sched_for_each_p(g, storm_call, s);
}

static void storm_stopper(mrt_g *g, void *arg)
{
	struct storm *s = arg;

	for (int i = 0; i < STOPS; i++) {
		storm_stopped(s, sched_of(g));
		storm_ragged(s, sched_of(g));
		work(g);
	}
	mrt_wg_done(g, &s->stoppers);
}

static void storm_thread(void *arg)
{
	struct storm *s = arg;

	for (int i = 0; i < STOPS; i++) {
		storm_stopped(s, NULL);
		storm_ragged(s, NULL);
	}
	atomic_store(&s->thread_done, true);
}

static void storm_main(mrt_g *g, void *arg)
{
	struct storm *s = arg;
	prim_thread *thread;

	mrt_wg_add(&s->workers, WORKERS);
	mrt_wg_add(&s->stoppers, STOPPERS);
	for (int i = 0; i < WORKERS; i++)
		CHECK(mrt_go(g, storm_worker, s, NULL) == 0);
	CHECK(prim_thread_create(&thread, "stopper", storm_thread, s) == 0);
	for (int i = 0; i < STOPPERS; i++)
		CHECK(mrt_go(g, storm_stopper, s, NULL) == 0);
	mrt_wg_wait(g, &s->stoppers);
	mrt_block_enter(g);
	prim_thread_join(thread);
	mrt_block_exit(g);
	CHECK(atomic_load(&s->thread_done));
	atomic_store(&s->end, true);
	mrt_wg_wait(g, &s->workers);
	CHECK(!sched_world_stopped());
}

static void test_stop_storm(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct storm s = {.with_blocking = procs != 2};

		run(procs, storm_main, &s);
		assert_int_equal(atomic_load(&s.stops), STOPS * (STOPPERS + 1));
		/* Each ragged call reached each P once. */
		assert_int_equal(atomic_load(&s.p_called), STOPS * (STOPPERS + 1) * procs);
		for (uint32_t i = 0; i < procs; i++)
			assert_int_equal(s.p_calls[i], STOPS * (STOPPERS + 1));
	}
}

/* -------------------------------------------------------------------- scanning */

#define SCANNED 24
#define SCANS 30

struct scanned {
	struct scan *all;
	struct event go;
	_Atomic(struct sched_g *) g;
	uint32_t kind;
	uint32_t scans, self_scans; /* guarded by the scan's exclusion */
};

struct scan {
	mrt_wg wg, scanners;
	_Atomic uint32_t gen;
	_Atomic bool end;
	struct scanned one[SCANNED];
};

/* The two words of a root frame are equal whenever anybody may look. */
static void scan_look(struct sched_g *g, void *arg)
{
	struct scan *all = arg;
	struct mrt_frame *frame = g->pub.frames;
	uint32_t gen = atomic_load(&all->gen);
	struct scanned *s;
	void *first;

	if (atomic_load(&g->scan_gen) == gen || g->fn == NULL || frame == NULL)
		return;
	s = g->arg;
	first = frame->slots[0];
	for (uint32_t i = 0; i < 20; i++) {
		CHECK(frame->slots[0] == first && frame->slots[1] == first);
		prim_step(PRIM_COST_MARK_WORD);
	}
	atomic_store(&g->scan_gen, gen);
	s->scans++;
}

static struct scan *scan_now;

static void hook_scan_self(struct sched_g *g)
{
	if (scan_now == NULL || g->pub.frames == NULL)
		return;
	if (atomic_load(&g->scan_gen) != atomic_load(&scan_now->gen))
		((struct scanned *)g->arg)->self_scans++;
	scan_look(g, scan_now);
}

static void scan_step(mrt_g *g, struct scanned *s, void **roots)
{
	roots[0] = (void *)((uintptr_t)roots[0] + 1);
	prim_step(PRIM_COST_STORE_PTR);
	roots[1] = (void *)((uintptr_t)roots[1] + 1);
	switch (s->kind) {
	case 0:
		mrt_yield(g);
		break;
	case 1:
		mrt_sleep_until(g, mrt_now_ns() + 15 * US);
		break;
	case 2:
		mrt_block_enter(g);
		prim_sleep_until(prim_now_ns() + 15 * US);
		mrt_block_exit(g);
		break;
	case 3:
		event_signal(p_of(g), &s->all->one[(s - s->all->one + 4) % SCANNED].go);
		event_wait(g, &s->go);
		break;
	default:
		work(g);
		if ((uintptr_t)roots[0] % 64 == 0)
			mrt_yield(g);
	}
}

static void scanned_run(mrt_g *g, void *arg)
{
	struct scanned *s = arg;
	MRT_ROOTS(g, roots, 2);

	atomic_store(&s->g, sched_of(g));
	while (!atomic_load(&s->all->end))
		scan_step(g, s, roots);
	event_signal(p_of(g), &s->all->one[(s - s->all->one + 4) % SCANNED].go);
	mrt_wg_done(g, &s->all->wg);
}

/* Ask until every one has been scanned in this generation. */
static void scan_all(mrt_g *g, struct scan *all)
{
	uint32_t gen = atomic_load(&all->gen);

	for (uint32_t i = 0; i < SCANNED; i++) {
		struct sched_g *one = atomic_load(&all->one[i].g);

		while (atomic_load(&one->scan_gen) != gen) {
			if (sched_scan_g(one, scan_look, all) == SCHED_SCAN_ASKED)
				mrt_yield(g);
		}
	}
}

static void scanner_run(mrt_g *g, void *arg)
{
	struct scan *all = arg;

	scan_all(g, all);
	mrt_wg_done(g, &all->scanners);
}

static void scan_main(mrt_g *g, void *arg)
{
	struct scan *all = arg;

	mrt_wg_add(&all->wg, SCANNED);
	for (uint32_t i = 0; i < SCANNED; i++) {
		all->one[i].all = all;
		all->one[i].kind = i % 5 < 4 ? i % 4 : 4;
		CHECK(mrt_go(g, scanned_run, &all->one[i], NULL) == 0);
	}
	for (uint32_t i = 0; i < SCANNED; i++)
		while (atomic_load(&all->one[i].g) == NULL)
			mrt_yield(g);
	for (uint32_t gen = 1; gen <= SCANS; gen++) {
		/* All were scanned in the last one, and nobody asks: the change is seen by all. */
		atomic_store(&all->gen, gen);
		mrt_wg_add(&all->scanners, 2);
		CHECK(mrt_go(g, scanner_run, all, NULL) == 0);
		CHECK(mrt_go(g, scanner_run, all, NULL) == 0);
		mrt_wg_wait(g, &all->scanners);
	}
	atomic_store(&all->end, true);
	mrt_wg_wait(g, &all->wg);
	/* The dead have nothing to look at. */
	for (uint32_t i = 0; i < SCANNED; i++) {
		struct sched_g *one = atomic_load(&all->one[i].g);

		while (atomic_load(&one->status) != SCHED_G_DEAD)
			mrt_yield(g);
		CHECK(sched_scan_g(one, scan_look, all) == SCHED_SCAN_DONE);
		CHECK(all->one[i].scans == SCANS);
	}
}

static void test_scan(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct scan *all = calloc(1, sizeof(*all));

		scan_now = all;
		run(procs, scan_main, all);
		scan_now = NULL;
		free(all);
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

/* -------------------------------------------------------------- blocking calls */

struct block {
	mrt_wg wg;
	prim_note note;
	_Atomic bool entered, woken;
};

/* Wakes the blocked one from a goroutine: only possible when the P was handed on. */
static void block_waker(mrt_g *g, void *arg)
{
	struct block *b = arg;

	while (!atomic_load(&b->entered))
		mrt_yield(g);
	atomic_store(&b->woken, true);
	prim_note_wake(&b->note);
	mrt_wg_done(g, &b->wg);
}

static void block_main(mrt_g *g, void *arg)
{
	struct block *b = arg;

	for (int i = 0; i < 20; i++) {
		atomic_store(&b->entered, false);
		atomic_store(&b->woken, false);
		mrt_wg_add(&b->wg, 1);
		CHECK(mrt_go(g, block_waker, b, NULL) == 0);
		if (i % 2 != 0)
			mrt_yield(g); /* it waits in the global queue, or elsewhere */
		mrt_block_enter(g);
		atomic_store(&b->entered, true);
		prim_note_sleep(&b->note, PRIM_FOREVER);
		CHECK(atomic_load(&b->woken));
		mrt_block_exit(g);
		prim_note_clear(&b->note);
		mrt_wg_wait(g, &b->wg);
	}
}

static void test_block(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct block b = {0};

		run(procs, block_main, &b);
	}
}

struct late {
	_Atomic bool blocked, back;
	mrt_wg wg;
};

static void late_blocker(mrt_g *g, void *arg)
{
	struct late *late = arg;

	mrt_block_enter(g);
	atomic_store(&late->blocked, true);
	/* Longer than it takes sysmon to take the P away. */
	prim_sleep_until(prim_now_ns() + 25 * MS);
	mrt_block_exit(g);
	atomic_store(&late->back, true);
	mrt_wg_done(g, &late->wg);
}

static void late_main(mrt_g *g, void *arg)
{
	struct late *late = arg;

	mrt_wg_add(&late->wg, 1);
	CHECK(mrt_go(g, late_blocker, late, NULL) == 0);
	while (!atomic_load(&late->blocked))
		mrt_yield(g);
	/* Never yields: the other comes back without a P, and gets one by pre-emption. */
	while (!atomic_load(&late->back))
		work(g);
	mrt_wg_wait(g, &late->wg);
}

static void test_block_late(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct late late = {0};

		run(procs, late_main, &late);
	}
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
	CHECK(atomic_load(&l->mutex.state) == 0 && l->mutex.head == NULL && l->mutex.tail == NULL);
}

static void test_mutex(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
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
		FOR_PROCS (procs) {
			memset(&worker, 0, sizeof(worker));
			assert_int_equal(run_with(procs, &with_worker, worker_main, NULL), 0);
		}
	}
}

static void idle_main(mrt_g *g, void *arg)
{
	int64_t idle = sched_idle_ns();

	(void)arg;
	mrt_sleep_until(g, mrt_now_ns() + 5 * MS);
	idle = sched_idle_ns() - idle;
	/* Three Ps all the time, the fourth while this slept. */
	CHECK(idle >= 15 * MS);
}

static void test_idle_time(void **state)
{
	(void)state;
	run(4, idle_main, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_worker_ids),
		cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_no_starvation),
		cmocka_unit_test(test_stealing),
		cmocka_unit_test(test_time_slices),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_delayed_ready),
		cmocka_unit_test(test_stop_storm),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_each_g),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_late),
		cmocka_unit_test(test_mutex),
		cmocka_unit_test(test_worker_hook),
		cmocka_unit_test(test_idle_time),
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
