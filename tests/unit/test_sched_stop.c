/*
 * test_sched_stop.c: stops of the world, ragged calls, scans of one goroutine, blocking calls.
 */
#include "tests/unit/test_sched_fixture.h"

/* ------------------------------------------------------------- stopping the world */

#define WORKERS	 6
#define STOPPERS 3
#define STOPS	 15

struct storm {
	mrt_wg workers, stoppers;
	_Atomic bool end;
	_Atomic uint64_t steps[WORKERS];
	_Atomic uint32_t next;
	_Atomic uint32_t inside; /* stoppers that hold the world */
	_Atomic uint32_t stops;
	uint32_t p_calls[64]; /* written by ragged calls; a P runs one thing at a time */
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
	FOR_PROCS(procs)
	{
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
#define SCANS	30

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

static void scan_self_look(struct sched_g *g)
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
	FOR_PROCS(procs)
	{
		struct scan *all = calloc(1, sizeof(*all));

		scan_now = all;
		fixture_scan_self = scan_self_look;
		run(procs, scan_main, all);
		fixture_scan_self = NULL;
		scan_now = NULL;
		free(all);
	}
}

/*
 * A goroutine is asked to scan itself, parks before it comes to a safepoint, and is scanned by others:
 * what is left in its P's word is not for the next one there, which a mark worker would take as a
 * reason to stop, again and again.
 */
struct unasked {
	mrt_wg wg;
	uint32_t bits;
};

static void unasked_next(mrt_g *g, void *arg)
{
	struct unasked *u = arg;

	u->bits = atomic_load(&sched_of(g)->p->poll);
	mrt_wg_done(g, &u->wg);
}

static void unasked_main(mrt_g *g, void *arg)
{
	struct unasked *u = arg;

	mrt_wg_add(&u->wg, 1);
	CHECK(mrt_go(g, unasked_next, u, NULL) == 0);
	atomic_fetch_or(&sched_of(g)->p->poll, SCHED_POLL_SCAN);
	mrt_wg_wait(g, &u->wg);
}

static void test_scan_unasked(void **state)
{
	struct unasked u = {.bits = UINT32_MAX};

	(void)state;
	run(1, unasked_main, &u);
	CHECK((u.bits & SCHED_POLL_SCAN) == 0);
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
	FOR_PROCS(procs)
	{
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
	FOR_PROCS(procs)
	{
		struct late late = {0};

		run(procs, late_main, &late);
	}
}

/* ------------------------------------------------------------------------- the end */

#define LAST_RUNS 50

struct last {
	_Atomic bool begun, over;
};

static void last_over(mrt_g *g, void *arg)
{
	struct last *last = arg;

	(void)g;
	atomic_store(&last->over, true);
}

/* As the control thread does, with no P: by what it starts the main goroutine ends, at once. */
static void last_thread(void *arg)
{
	struct last *last = arg;
	struct mrt_go_options opt = {.name = "last", .driver = 0xffff, .system = true};

	for (uint32_t round = 0; !atomic_load(&last->begun); round++)
		prim_spin_wait(round);
	CHECK(mrt_go(NULL, last_over, last, &opt) == 0);
}

static void last_main(mrt_g *g, void *arg)
{
	struct last *last = arg;

	atomic_store(&last->begun, true);
	while (!atomic_load(&last->over))
		mrt_yield(g);
}

/* Nothing of the scheduler goes while a thread without a P is still in it. */
static void test_end_from_outside(void **state)
{
	(void)state;
	FOR_PROCS(procs)
	{
		for (uint32_t i = 0; i < FEWER(LAST_RUNS); i++) {
			struct last last = {0};
			prim_thread *thread;

			assert_int_equal(prim_thread_create(&thread, "last", last_thread, &last), 0);
			run(procs, last_main, &last);
			prim_thread_join(thread);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_storm),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_unasked),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_late),
		cmocka_unit_test(test_end_from_outside),
	};

	return fixture_main("sched_stop", tests, sizeof(tests) / sizeof(tests[0]));
}
