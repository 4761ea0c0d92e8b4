/*
 * test_mutex.c: the mutex of goroutines and its semaphore: each rule of the two modes by itself,
 * spinning (in the simulation, where it can be told what the other P does meanwhile), and many
 * goroutines under random schedules.
 *
 * What depends on how long something took is asserted when it took so long: in the simulation
 * always.
 */
#include "tests/unit/test_sched_fixture.h"

#include "runtime/sched/sched_priv.h"

#define LOCKED	 MRT_MUTEX_LOCKED
#define WOKEN	 MRT_MUTEX_WOKEN
#define STARVING MRT_MUTEX_STARVING
#define WAITER	 MRT_MUTEX_WAITER

#define CREW 4

/* Goroutines that lock once, each when it is started, and say in which order they got the mutex. */
struct crew {
	mrt_mutex m;
	mrt_wg done;
	_Atomic uint32_t hired, come, order;
	uint32_t got[CREW];	       /* by number of coming: the place */
	uint32_t state[CREW];	       /* with the mutex held, by number of coming */
	int64_t waited_ns[CREW];       /* likewise; from before the lock */
	_Atomic(mrt_g *) g[CREW];
	_Atomic uint32_t hold;	       /* this less 1: whose holder yields on */
};

static void crew_run(mrt_g *g, void *arg)
{
	struct crew *c = arg;
	uint32_t me = atomic_fetch_add(&c->hired, 1);
	int64_t since_ns = mrt_now_ns();

	atomic_store(&c->g[me], g);
	atomic_fetch_add(&c->come, 1);
	mrt_lock(g, &c->m);
	c->waited_ns[me] = mrt_now_ns() - since_ns;
	c->state[me] = c->m.state;
	c->got[me] = atomic_fetch_add(&c->order, 1);
	while (atomic_load(&c->hold) == me + 1)
		mrt_yield(g);
	mrt_unlock(g, &c->m);
	mrt_wg_done(g, &c->done);
}

/* One more, until it waits. */
static void crew_queue(mrt_g *g, struct crew *c)
{
	uint32_t waiters = c->m.state / WAITER;

	mrt_wg_add(&c->done, 1);
	CHECK(mrt_go(g, crew_run, c, NULL) == 0);
	while (c->m.state / WAITER != waiters + 1)
		mrt_yield(g);
}

static void crew_end(mrt_g *g, struct crew *c)
{
	mrt_wg_wait(g, &c->done);
	CHECK(c->m.state == 0 && c->m.sema.permits == 0);
	CHECK(c->m.sema.head == NULL && c->m.sema.tail == NULL);
}

/* Held by the caller, who unlocks it and is quicker than the first waiter, which queues again. */
static void crew_barge(mrt_g *g, struct crew *c)
{
	uint32_t waiters = c->m.state / WAITER;

	mrt_unlock(g, &c->m);
	CHECK(c->m.state == WOKEN + (waiters - 1) * WAITER && c->m.sema.permits == 1);
	CHECK(mrt_try_lock(g, &c->m));
	CHECK(c->m.state == LOCKED + WOKEN + (waiters - 1) * WAITER);
	while (c->m.state / WAITER != waiters)
		mrt_yield(g);
	CHECK((c->m.state & (LOCKED | WOKEN)) == LOCKED && c->m.sema.permits == 0);
}

/* ----------------------------------------------------------------- normal mode */

/* On one P nobody runs while we do: all of it is certain. */
static void barge_main(mrt_g *g, void *arg)
{
	struct crew c = {0};
	int64_t since_ns;

	(void)arg;
	mrt_lock(g, &c.m);
	CHECK(c.m.state == LOCKED && !mrt_try_lock(g, &c.m));
	since_ns = mrt_now_ns();
	crew_queue(g, &c);
	crew_queue(g, &c);
	CHECK(c.m.state == LOCKED + 2 * WAITER);
	sched_busy_until(since_ns + 900 * US); /* not yet 1 ms */
	for (int i = 0; i < 3 && (c.m.state & STARVING) == 0; i++) {
		crew_barge(g, &c);
		/* It queues in front again. */
		CHECK(c.m.sema.head == c.g[0] && c.m.sema.tail == c.g[1]);
		CHECK((c.m.state & STARVING) == 0 || mrt_now_ns() - since_ns > MS);
	}
	CHECK(!MRT_SIM || (c.m.state & STARVING) == 0);
	CHECK(c.order == 0);
	mrt_unlock(g, &c.m);
	crew_end(g, &c);
	CHECK(c.got[0] == 0 && c.got[1] == 1);
}

static void test_barging(void **state)
{
	(void)state;
	run(1, barge_main, NULL);
}

/* Nobody is woken while somebody is on the way; the next unlock need not wake either. */
static void woken_main(mrt_g *g, void *arg)
{
	struct crew c = {0};

	(void)arg;
	mrt_lock(g, &c.m);
	crew_queue(g, &c);
	crew_queue(g, &c);
	mrt_unlock(g, &c.m);
	for (int i = 0; i < 5; i++) {
		CHECK(c.m.state == WOKEN + WAITER && c.m.sema.permits == 1);
		mrt_lock(g, &c.m); /* free: no safepoint */
		CHECK(c.m.state == LOCKED + WOKEN + WAITER);
		mrt_unlock(g, &c.m);
	}
	crew_end(g, &c);
	CHECK(c.got[0] == 0 && c.got[1] == 1);
}

static void test_woken(void **state)
{
	(void)state;
	run(1, woken_main, NULL);
}

/* --------------------------------------------------------------- starving mode */

/* Two wait, both longer than 1 ms; the first is woken, loses, and says so. */
static void crew_starve(mrt_g *g, struct crew *c)
{
	mrt_lock(g, &c->m);
	crew_queue(g, c);
	crew_queue(g, c);
	sched_busy_until(mrt_now_ns() + MS + 500 * US);
	CHECK(c->m.state == LOCKED + 2 * WAITER); /* nobody has woken: nobody knows yet */
	crew_barge(g, c);
	CHECK(c->m.state == LOCKED + STARVING + 2 * WAITER);
	CHECK(c->m.sema.head == c->g[0]);
}

static void starve_main(mrt_g *g, void *arg)
{
	struct crew c = {0};

	(void)arg;
	crew_starve(g, &c);
	crew_queue(g, &c); /* a newcomer, at the tail */
	CHECK(c.m.sema.head == c.g[0] && c.m.sema.tail == c.g[2]);
	/* The last ends it, however long it waited. */
	sched_busy_until(mrt_now_ns() + MS + 100 * US);
	atomic_store(&c.hold, 1);
	mrt_unlock(g, &c.m);
	/* The receiver ran before we came back, and others wait: still starving. */
	CHECK(c.order == 1 && c.waited_ns[0] > MS);
	CHECK(c.state[0] == LOCKED + STARVING + 2 * WAITER && c.m.sema.permits == 0);
	CHECK(!mrt_try_lock(g, &c.m));
	atomic_store(&c.hold, 0);
	crew_end(g, &c);
	CHECK(c.got[0] == 0 && c.got[1] == 1 && c.got[2] == 2);
	CHECK(c.state[1] == LOCKED + STARVING + WAITER);
	CHECK(c.state[2] == LOCKED && c.waited_ns[2] > MS);
}

/* One that has waited no more than 1 ms ends it, even if others wait. */
static void recover_main(mrt_g *g, void *arg)
{
	struct crew c = {0};

	(void)arg;
	crew_starve(g, &c);
	crew_queue(g, &c);
	crew_queue(g, &c);
	mrt_unlock(g, &c.m);
	crew_end(g, &c);
	for (uint32_t i = 0; i < CREW; i++)
		CHECK(c.got[i] == i);
	CHECK(c.state[1] == LOCKED + STARVING + 2 * WAITER);
	if (c.waited_ns[2] <= MS) /* a loaded machine may have taken longer */
		CHECK(c.state[2] == LOCKED + WAITER);
	CHECK(!MRT_SIM || c.waited_ns[2] <= MS);
	CHECK(c.state[3] == LOCKED);
}

/* On its way to the receiver a mutex is nobody's. */
static void transit_main(mrt_g *g, void *arg)
{
	mrt_mutex m = {.state = STARVING + WAITER};

	(void)arg;
	CHECK(!mrt_try_lock(g, &m) && m.state == STARVING + WAITER);
}

static void test_starvation(void **state)
{
	(void)state;
	run(1, starve_main, NULL);
	run(1, recover_main, NULL);
	run(1, transit_main, NULL);
}

/* ------------------------------------------------------------------- spinning */

#if MRT_SIM
static void until(bool (*is)(struct crew *c), struct crew *c)
{
	for (uint32_t round = 0; !is(c); round++)
		prim_spin_wait(round & 15);
}

static bool one_came(struct crew *c)
{
	return c->come == 1;
}

static bool two_came(struct crew *c)
{
	return c->come == 2;
}

static bool one_waits(struct crew *c)
{
	return c->m.state / WAITER == 1;
}

static void crew_start(mrt_g *g, struct crew *c)
{
	mrt_wg_add(&c->done, 1);
	CHECK(mrt_go(g, crew_run, c, NULL) == 0);
}

/* The owner stays on its P; the other one comes to the other P. */
static void spin_main(mrt_g *g, void *arg)
{
	struct crew c = {0};

	(void)arg;
	mrt_lock(g, &c.m);
	crew_start(g, &c);
	until(one_came, &c);
	prim_step_n(PRIM_COST_WORK, 2000); /* of the 4800 that it spins */
	CHECK(c.m.state == LOCKED && c.m.sema.head == NULL && c.order == 0);
	mrt_unlock(g, &c.m);
	CHECK(c.m.state == 0);
	crew_end(g, &c);
	CHECK(c.order == 1 && c.state[0] == LOCKED);
}

/* Four rounds, then it waits. */
static void spin_enough_main(mrt_g *g, void *arg)
{
	struct crew c = {0};
	int64_t since_ns;

	(void)arg;
	mrt_lock(g, &c.m);
	crew_start(g, &c);
	until(one_came, &c);
	since_ns = mrt_now_ns();
	until(one_waits, &c);
	since_ns = mrt_now_ns() - since_ns;
	/* 4 * 30 turns of 40, and the turns in which we look. */
	CHECK(since_ns > 3600 && since_ns < 8000);
	mrt_unlock(g, &c.m);
	crew_end(g, &c);
}

/* One waits, one spins: the unlock wakes nobody. */
static void spin_woken_main(mrt_g *g, void *arg)
{
	struct crew c = {0};

	(void)arg;
	mrt_lock(g, &c.m);
	crew_start(g, &c);
	until(one_waits, &c);
	crew_start(g, &c);
	until(two_came, &c);
	prim_step_n(PRIM_COST_WORK, 2000);
	CHECK(c.m.state == LOCKED + WOKEN + WAITER);
	mrt_unlock(g, &c.m);
	CHECK(c.m.state == WOKEN + WAITER && c.m.sema.permits == 0);
	crew_end(g, &c);
	CHECK(c.got[1] == 0 && c.state[1] == LOCKED + WAITER);
	CHECK(c.got[0] == 1 && c.state[0] == LOCKED);
}

/* With one P, or something else to run on this one, it waits at once. */
static void spin_not_run(mrt_g *g, void *arg)
{
	struct crew *c = arg;

	atomic_fetch_add(&c->come, 1);
	CHECK(mrt_go(g, crew_run, c, NULL) == 0);
	mrt_lock(g, &c->m);
	mrt_unlock(g, &c->m);
	mrt_wg_done(g, &c->done);
}

static void spin_not_main(mrt_g *g, void *arg)
{
	struct crew c = {0};
	int64_t since_ns;

	(void)arg;
	mrt_lock(g, &c.m);
	mrt_wg_add(&c.done, 2);
	CHECK(mrt_go(g, spin_not_run, &c, NULL) == 0);
	until(one_came, &c);
	since_ns = mrt_now_ns();
	until(one_waits, &c);
	CHECK(mrt_now_ns() - since_ns < 1200);
	mrt_unlock(g, &c.m);
	crew_end(g, &c);
}

static void spin_alone_main(mrt_g *g, void *arg)
{
	struct crew c = {0};
	int64_t since_ns;

	(void)arg;
	mrt_lock(g, &c.m);
	since_ns = mrt_now_ns();
	crew_queue(g, &c);
	CHECK(mrt_now_ns() - since_ns < 1200 + 1000); /* a stack is made in it */
	mrt_unlock(g, &c.m);
	crew_end(g, &c);
}

static void test_spinning(void **state)
{
	(void)state;
	run(2, spin_main, NULL);
	run(2, spin_enough_main, NULL);
	run(2, spin_woken_main, NULL);
	run(2, spin_not_main, NULL);
	run(1, spin_alone_main, NULL);
}
#endif

/* ------------------------------------------------------------------- semaphore */

struct passage {
	mrt_sema s;
	mrt_wg done;
	_Atomic uint32_t next, order;
	uint32_t got[3];
	_Atomic(mrt_g *) g[3];
	bool front;
};

static void passage_run(mrt_g *g, void *arg)
{
	struct passage *p = arg;
	uint32_t me = atomic_fetch_add(&p->next, 1);

	atomic_store(&p->g[me], g);
	sched_sema_acquire(sched_of(g), &p->s, p->front);
	p->got[me] = atomic_fetch_add(&p->order, 1);
	mrt_wg_done(g, &p->done);
}

static void passage_queue(mrt_g *g, struct passage *p, bool front)
{
	uint32_t n = p->next;

	p->front = front;
	mrt_wg_add(&p->done, 1);
	CHECK(mrt_go(g, passage_run, p, NULL) == 0);
	while (p->next == n || (front ? p->s.head : p->s.tail) != p->g[n])
		mrt_yield(g);
}

/* A permit on its way to a woken waiter is anybody's; who is robbed waits again. */
static void sema_main(mrt_g *g, void *arg)
{
	struct passage p = {0};

	(void)arg;
	passage_queue(g, &p, false);
	passage_queue(g, &p, false);
	passage_queue(g, &p, true);
	CHECK(p.s.head == p.g[2] && p.s.tail == p.g[1]);
	sched_sema_release(sched_of(g), &p.s, 1);
	CHECK(p.s.permits == 1 && p.s.head == p.g[0]);
	sched_sema_acquire(sched_of(g), &p.s, false);
	while (p.s.head != p.g[2])
		mrt_yield(g);
	CHECK(p.order == 0 && p.s.permits == 0);
	sched_sema_release(sched_of(g), &p.s, 4); /* one more than wait */
	mrt_wg_wait(g, &p.done);
	CHECK(p.s.permits == 1 && p.s.head == NULL && p.s.tail == NULL);
}

static void hand_over_main(mrt_g *g, void *arg)
{
	struct passage p = {0};

	(void)arg;
	passage_queue(g, &p, false);
	passage_queue(g, &p, false);
	sched_sema_hand_over(sched_of(g), &p.s);
	CHECK(p.order == 1 && p.got[0] == 0); /* it ran first */
	CHECK(p.s.permits == 0 && p.s.head == p.g[1]);
	sched_sema_hand_over(sched_of(g), &p.s);
	CHECK(p.order == 2 && p.s.head == NULL && p.s.tail == NULL);
	sched_sema_hand_over(sched_of(g), &p.s); /* nobody waits yet */
	CHECK(p.s.permits == 1);
	mrt_wg_wait(g, &p.done);
}

static void test_sema(void **state)
{
	(void)state;
	run(1, sema_main, NULL);
	run(1, hand_over_main, NULL);
}

/* ------------------------------------------------------------ random schedules */

#define CROWD  8u
#define ROUNDS FEWER(800u)

struct crowd {
	mrt_mutex m;
	_Atomic uint32_t next, ended;
	uint64_t inside, entered, tried; /* plain: under the mutex */
	uint64_t starving;		 /* seen under the mutex */
	uint64_t waiting;
	_Atomic uint64_t refused;
};

static uint64_t crowd_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

static void crowd_hold(mrt_g *g, uint64_t dice)
{
	switch (dice % 8) {
	case 0:
		mrt_yield(g);
		break;
	case 1:
		mrt_safepoint(g);
		break;
	case 2:
		work(g);
		break;
	case 3:
		if (dice / 8 % 8 == 0)
			mrt_sleep_until(g, mrt_now_ns() + 700 * US);
		break;
	default:;
	}
}

static void crowd_run(mrt_g *g, void *arg)
{
	struct crowd *c = arg;
	uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + atomic_fetch_add(&c->next, 1);

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t dice = crowd_random(&x);

		if (dice % 4 == 0 && !mrt_try_lock(g, &c->m)) {
			atomic_fetch_add(&c->refused, 1);
			continue;
		}
		if (dice % 4 != 0)
			mrt_lock(g, &c->m);
		CHECK(c->inside++ == 0);
		c->entered++;
		c->starving += (c->m.state & STARVING) != 0;
		c->waiting += c->m.state >= WAITER;
		crowd_hold(g, dice >> 2);
		CHECK((c->m.state & LOCKED) != 0 && --c->inside == 0);
		mrt_unlock(g, &c->m);
		crowd_hold(g, dice >> 12);
	}
	atomic_fetch_add(&c->ended, 1);
}

/* Whoever is never woken is missed. */
static void crowd_main(mrt_g *g, void *arg)
{
	struct crowd *c = arg;
	int64_t until_ns = mrt_now_ns() + 120000 * MS;

	for (uint32_t i = 0; i < CROWD; i++)
		CHECK(mrt_go(g, crowd_run, c, NULL) == 0);
	while (atomic_load(&c->ended) < CROWD) {
		CHECK(mrt_now_ns() < until_ns);
		mrt_sleep_until(g, mrt_now_ns() + MS);
	}
	CHECK(c->entered + c->refused == CROWD * ROUNDS);
	CHECK(c->m.state == 0 && c->m.sema.permits == 0);
	CHECK(c->m.sema.head == NULL && c->m.sema.tail == NULL);
}

static void test_crowd(void **state)
{
	static const uint32_t procs[] = {1, 2, 8};
	uint64_t starving = 0, waiting = 0, refused = 0, first = seed;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (seed = first; seed < first + (MRT_SIM ? 12 : 3); seed++) {
			struct crowd c = {0};

			run(procs[i], crowd_main, &c);
			starving += c.starving;
			waiting += c.waiting;
			refused += c.refused;
		}
	seed = first;
	print_message("starving %llu, waited for %llu, refused %llu\n",
		      (unsigned long long)starving, (unsigned long long)waiting,
		      (unsigned long long)refused);
	assert_true(waiting > 0 && refused > 0 && (starving > 0 || !MRT_SIM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barging),	   cmocka_unit_test(test_woken),
		cmocka_unit_test(test_starvation), cmocka_unit_test(test_sema),
#if MRT_SIM
		cmocka_unit_test(test_spinning),
#endif
		cmocka_unit_test(test_crowd),
	};

	return fixture_main("mutex", tests, sizeof(tests) / sizeof(tests[0]));
}
