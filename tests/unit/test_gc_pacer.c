/*
 * test_gc_pacer.c: goals and triggers against the formulas of mgcpacer.go; in a running heap: the
 * goal after a collection, how far the heap overshoots it, that a storm of allocations is made to
 * assist, and MemStats.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc.h"
#include "runtime/gc/gc_priv.h"
#include "runtime/watch/telemetry.h"

#include <string.h>

#define MIB ((uint64_t)1 << 20)

static void test_percent_goal(void **state)
{
	(void)state;
	/* marked + (marked + roots) * GOGC / 100, floor 4 MiB * GOGC / 100. */
	assert_int_equal(gc_pacer_percent_goal(100 * MIB, 0, 100), 200 * MIB);
	assert_int_equal(gc_pacer_percent_goal(100 * MIB, 10 * MIB, 100), 210 * MIB);
	assert_int_equal(gc_pacer_percent_goal(100 * MIB, 10 * MIB, 50), 155 * MIB);
	assert_int_equal(gc_pacer_percent_goal(0, 0, 100), 4 * MIB);
	assert_int_equal(gc_pacer_percent_goal(MIB, 0, 200), 8 * MIB);
	assert_true(gc_pacer_percent_goal(MIB, 0, -1) == UINT64_MAX);
}

/* limit, mapped, free, allocated, marked */
static uint64_t limit_goal(uint64_t limit, uint64_t mapped, uint64_t heap_free, uint64_t heap_alloc,
			   uint64_t marked)
{
	return gc_pacer_limit_goal(&(struct gc_limit_figures){limit, mapped, heap_free, heap_alloc,
							      marked},
				   MRT_PACER_1_21);
}

static void test_limit_goal(void **state)
{
	(void)state;
	assert_true(limit_goal(0, 100 * MIB, 0, 50 * MIB, 10 * MIB) == UINT64_MAX);
	/* 512 - 20 of other memory = 492; headroom 3 % of it. */
	assert_int_equal(limit_goal(512 * MIB, 120 * MIB, 20 * MIB, 80 * MIB, 10 * MIB),
			 492 * MIB - 492 * MIB / 100 * 3);
	/* 20 over the limit is taken off once more. */
	assert_int_equal(limit_goal(100 * MIB, 120 * MIB, 0, 110 * MIB, 10 * MIB),
			 70 * MIB - 70 * MIB / 100 * 3);
	/* At least 1 MiB of headroom; below twice that the goal is the headroom; never below what
	 * is marked. */
	assert_int_equal(limit_goal(11 * MIB, 2 * MIB, 0, MIB, 0), 9 * MIB);
	assert_int_equal(limit_goal(3 * MIB, 2 * MIB, 0, MIB / 2, 0), MIB);
	assert_int_equal(limit_goal(11 * MIB, 2 * MIB, 0, MIB, 10 * MIB), 10 * MIB);
	assert_int_equal(limit_goal(10 * MIB, 20 * MIB, 0, 8 * MIB, 7 * MIB), 7 * MIB);
}

/* 1.19: 1 MiB of headroom, whatever the size. */
static void test_limit_goal_1_19(void **state)
{
	struct gc_limit_figures f = {512 * MIB, 120 * MIB, 20 * MIB, 80 * MIB, 10 * MIB};

	(void)state;
	assert_int_equal(gc_pacer_limit_goal(&f, MRT_PACER_1_19), 491 * MIB);
	f.marked = 500 * MIB;
	assert_int_equal(gc_pacer_limit_goal(&f, MRT_PACER_1_19), 500 * MIB);
	f = (struct gc_limit_figures){3 * MIB, 3 * MIB / 2, 0, 0, 0};
	assert_int_equal(gc_pacer_limit_goal(&f, MRT_PACER_1_19), MIB);
	f = (struct gc_limit_figures){0, MIB, 0, 0, 0};
	assert_true(gc_pacer_limit_goal(&f, MRT_PACER_1_19) == UINT64_MAX);
}

/* From 90 to 100 for 40 of work; there is more, up to the next cycle's goal. */
static void test_stretched_goal(void **state)
{
	struct gc_stretch s = {
		.goal = 100 * MIB, .triggered = 90 * MIB, .expected = 40, .worst = 60, .gogc = 100};

	(void)state;
	assert_int_equal(gc_pacer_stretched_goal(&s), 105 * MIB);
	s.worst = 400;
	assert_int_equal(gc_pacer_stretched_goal(&s), 190 * MIB);
	s.worst = 4000;
	assert_int_equal(gc_pacer_stretched_goal(&s), 200 * MIB);
	s.gogc = 50;
	assert_int_equal(gc_pacer_stretched_goal(&s), 150 * MIB);
	/* Begun beyond it. */
	s = (struct gc_stretch){
		.goal = 80 * MIB, .triggered = 90 * MIB, .expected = 40, .worst = 60, .gogc = 100};
	assert_int_equal(gc_pacer_stretched_goal(&s), 75 * MIB);
	s.worst = 400;
	assert_int_equal(gc_pacer_stretched_goal(&s), 0);
}

static void test_trigger(void **state)
{
	(void)state;
	/* Between 45/64 and 61/64 of the way, or goal - 4 MiB when that is later. */
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 0, 0), 6100);
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 10000, 0), 4500);
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 1000, 0), 5400);
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 3000, 0), 4500);
	assert_int_equal(gc_pacer_trigger_of(640 * MIB, 320 * MIB, 0, 0), 636 * MIB);
	assert_int_equal(gc_pacer_trigger_of(100, 100, 5, 0), 100);
	/* Not before the sweep has room, be it at the goal. */
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 10000, 5000), 5000);
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 0, 5000), 6100);
	assert_int_equal(gc_pacer_trigger_of(6400, 0, 3000, 6400), 6400);
	assert_true(gc_pacer_trigger_of(UINT64_MAX, 5, 5, 0) == UINT64_MAX);
}

/* ------------------------------------------------------------- in a running heap */

struct item {
	struct item *next;
	uint64_t filler[31];
};
static const uint64_t item_mask[] = {1};
static const struct mrt_type item_type = {
	.name = "item", .size = sizeof(struct item), .ptr_words = 1, .ptrmask = item_mask};

static void push_items(mrt_g *g, void **roots, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
		mrt_store(g, (void **)&((struct item *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
	roots[1] = NULL;
}

static void goal_body(mrt_g *g, void *arg)
{
	static const int gogc[] = {100, 50, 200, 400};
	struct mrt_memstats s;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	push_items(g, roots, 40000); /* 10 MiB */
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t low;

		mrt_set_gogc(g, gogc[i]);
		mrt_gc(g);
		mrt_memstats_read(g, &s);
		low = s.heap_alloc + s.heap_alloc * (uint64_t)gogc[i] / 100;
		/* Roots add a few words. */
		GC_TEST_MUST(s.next_gc >= low && s.next_gc < low + 4096);
		GC_TEST_MUST(gc_heap_live() == s.heap_alloc);
	}
	mrt_set_gogc(g, -1);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.next_gc == UINT64_MAX);
}

static void test_goal(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2}, goal_body, NULL);
}

static void limit_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	/* 32 MiB may be used; 200 MiB pass through, with GOGC off. */
	push_items(g, roots, 20000);
	for (uint32_t i = 0; i < 200; i++) {
		for (uint32_t k = 0; k < 4096; k++)
			GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
	}
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.num_gc >= 5);
	/* Real threads of the collector may lose their CPU for a while, and the heap grows
	 * meanwhile. */
	GC_TEST_MUST(s.heap_inuse < (MRT_SIM ? 33 : 64) * MIB);
}

static void test_memlimit(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1, .memlimit = 32 * MIB}, limit_body,
		    NULL);
}

/* ---------------------------------------------------------------- telemetry */

struct seen {
	uint64_t starts, ends, mark_ends, sweeps, heap_lines, assists, assist_ns, stops;
	uint32_t over; /* cycles that ended above 1.1 times their goal */
	uint32_t last_cycle;
};

static void seen_add(struct seen *s, const struct watch_record *r)
{
	s->starts += r->kind == WATCH_GC_START;
	s->ends += r->kind == WATCH_GC_END;
	s->mark_ends += r->kind == WATCH_GC_MARK_END;
	s->sweeps += r->kind == WATCH_SWEEP_END;
	s->assists += r->kind == WATCH_ASSIST;
	s->stops +=
		r->kind == WATCH_STW && (r->a == SCHED_STW_GC_START || r->a == SCHED_STW_GC_END);
	if (r->kind == WATCH_ASSIST)
		s->assist_ns += r->b;
	if (r->kind != WATCH_GC_H)
		return;
	s->heap_lines++;
	GC_TEST_MUST(r->d <= r->c);
	s->over += r->c > r->e + r->e / 10;
}

static struct seen drain(struct mrt_telemetry *t)
{
	static struct watch_record rec[4096];
	struct seen s = {0};
	size_t n;

	while ((n = watch_drain(t, rec, 4096)) > 0)
		for (size_t i = 0; i < n; i++)
			seen_add(&s, &rec[i]);
	return s;
}

/* Four goroutines keep 8 MiB alive between them and replace it again and again. */
#define STORMERS   4u
#define STORM_KEPT 8192u

struct stormer {
	mrt_wg *wg;
	uint64_t seed;
	uint32_t steps;
};

static void stormer_body(mrt_g *g, void *arg)
{
	const struct stormer *st = arg;
	static const uint64_t table_mask[STORM_KEPT / 64] = {[0 ... STORM_KEPT / 64 - 1] =
								     UINT64_MAX};
	static const struct mrt_type table_type = {.name = "table",
						   .size = STORM_KEPT * 8,
						   .ptr_words = STORM_KEPT,
						   .ptrmask = table_mask};
	uint64_t rng = st->seed;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new(g, &table_type, &roots[0]) == 0);
	for (uint32_t i = 0; i < st->steps; i++) {
		GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
		mrt_store(g, (void **)roots[0] + gc_test_random(&rng) % STORM_KEPT, roots[1]);
	}
	mrt_wg_done(g, st->wg);
}

static void storm_body(mrt_g *g, void *arg)
{
	struct stormer st[STORMERS];
	mrt_wg wg = {0};

	mrt_wg_add(&wg, STORMERS);
	for (uint32_t i = 0; i < STORMERS; i++) {
		st[i] = (struct stormer){
			.wg = &wg, .seed = gc_test_seed() + i, .steps = *(uint32_t *)arg};
		GC_TEST_MUST(mrt_go(g, stormer_body, &st[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
}

static void test_storm(void **state)
{
	struct mrt_telemetry *t = prim_pages_alloc(sizeof(*t));
	uint32_t steps = 60000;
	struct seen s;

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 4);
	gc_test_run((struct mrt_options){.procs = 4, .telemetry = t}, storm_body, &steps);
	s = drain(t);
	assert_int_equal(watch_lost(t), 0);
	assert_true(s.ends >= 3);
	assert_int_equal(s.starts, s.ends);
	assert_int_equal(s.mark_ends, s.ends);
	assert_int_equal(s.heap_lines, s.ends);
	assert_true(s.stops >= 2 * s.ends);
	assert_int_equal(s.sweeps, s.ends);
	assert_true(s.assists > 0 && s.assist_ns > 0);
#if MRT_SIM
	/* Virtual processors are never taken away: the pacer holds its goal. */
	assert_int_equal(s.over, 0);
#endif
	prim_pages_free(t, sizeof(*t));
}

/* ----------------------------------------------------------------- MemStats */

static void memstats_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s, before;
	uint64_t pauses = 0;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	mrt_memstats_read(g, &before);
	push_items(g, roots, 10000);
	for (uint32_t i = 0; i < 60000; i++)
		GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.alloc == s.heap_alloc);
	GC_TEST_MUST(s.mallocs - before.mallocs == 70000);
	GC_TEST_MUST(s.heap_objects == s.mallocs - s.frees && s.heap_objects == 10001);
	GC_TEST_MUST(s.total_alloc - before.total_alloc == 70000 * sizeof(struct item));
	GC_TEST_MUST(s.heap_sys == s.heap_inuse + s.heap_idle && s.heap_idle >= s.heap_released);
	GC_TEST_MUST(s.sys == s.heap_sys + s.stack_sys + s.mspan_sys + s.mcache_sys + s.gc_sys +
				      s.other_sys);
	GC_TEST_MUST(s.num_gc >= 2 && s.num_forced_gc == 1 && s.num_gc < 256);
	for (uint32_t i = 0; i < 256; i++)
		pauses += s.pause_ns[i];
	GC_TEST_MUST(pauses == s.pause_total_ns && s.pause_ns[(s.num_gc + 255) % 256] != 0);
	GC_TEST_MUST(s.gc_cpu_fraction > 0 && s.gc_cpu_fraction < 1);
	GC_TEST_MUST(s.last_gc_ns > 0 && s.next_gc > s.heap_alloc);
}

static void test_memstats(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .check_edges = true}, memstats_body, NULL);
}

/* --------------------------------------------------------- the two-minute cycle */

#if MRT_SIM
#define SECOND INT64_C(1000000000)

static void periodic_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;

	(void)arg;
	/* None before there has been one; then two minutes after the last. */
	mrt_sleep_until(g, mrt_now_ns() + 200 * SECOND);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.num_gc == 0);
	mrt_gc(g);
	mrt_sleep_until(g, mrt_now_ns() + 119 * SECOND);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.num_gc == 1);
	mrt_sleep_until(g, mrt_now_ns() + 62 * SECOND);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.num_gc == 2 && s.num_forced_gc == 1);
}

static void test_periodic(void **state)
{
	(void)state;
	/* With no dedicated worker, and with one. */
	gc_test_run((struct mrt_options){.procs = 2}, periodic_body, NULL);
	gc_test_run((struct mrt_options){.procs = 4}, periodic_body, NULL);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent_goal),
		cmocka_unit_test(test_limit_goal),
		cmocka_unit_test(test_limit_goal_1_19),
		cmocka_unit_test(test_stretched_goal),
		cmocka_unit_test(test_trigger),
		cmocka_unit_test(test_goal),
		cmocka_unit_test(test_memlimit),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_memstats),
#if MRT_SIM
		cmocka_unit_test(test_periodic), /* virtual minutes */
#endif
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
