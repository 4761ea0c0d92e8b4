/*
 * test_gc_scavenge.c: how much the runtime retains: the goals against the formulas of
 * mgcscavenge.go; in a running heap: what a dropped heap leaves goes back in the background, down to
 * the goal and not further; near a memory limit an allocation gives back what it takes; what comes
 * back is zero; by hand all of it goes.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"

#include <string.h>

#define MIB	 ((uint64_t)1 << 20)
#define MS	 INT64_C(1000000)
#define OBJECTS	 64u
#define PAGE	 ((uint64_t)8192)
#define PATIENCE (60000 * MS) /* how long a busy machine may take */

static const struct mrt_type byte_type = {.name = "byte", .size = 1};

static void test_goal(void **state)
{
	(void)state;
	/* 1.1 * inuse * goal / last goal. */
	assert_int_equal(gc_scavenge_goal(100 * MIB, 50 * MIB, 50 * MIB), 110 * MIB);
	assert_int_equal(gc_scavenge_goal(100 * MIB, 25 * MIB, 50 * MIB), 55 * MIB);
	assert_int_equal(gc_scavenge_goal(10 * MIB, 80 * MIB, 20 * MIB), 44 * MIB);
	/* No cycle yet; no goal before or after; too much for a word. */
	assert_true(gc_scavenge_goal(MIB, MIB, 0) == UINT64_MAX);
	assert_int_equal(gc_scavenge_goal(10 * MIB, UINT64_MAX, UINT64_MAX), 11 * MIB);
	assert_true(gc_scavenge_goal(MIB, UINT64_MAX, MIB) == UINT64_MAX);
}

static void test_rest(void **state)
{
	static const uint32_t procs[] = {1, 2, 4, 8, 64};

	(void)state;
	/* work / ((work + rest) * procs) is 1 %. */
	for (size_t i = 0; i < sizeof(procs) / sizeof(procs[0]); i++) {
		int64_t work = 2 * MS, rest = gc_scavenge_rest_ns(work, procs[i]);

		assert_int_equal(100 * work / procs[i], work + rest);
	}
	/* A thread that was put aside for a second has not worked for so long. */
	assert_int_equal(gc_scavenge_rest_ns(1000 * MS, 1), gc_scavenge_rest_ns(10 * MS, 1));
}

/* ------------------------------------------------------------- in a running heap */

static void fill(mrt_g *g, void **roots, uint32_t n, size_t bytes)
{
	for (uint32_t i = 0; i < n; i++) {
		unsigned char *o;

		GC_TEST_MUST(mrt_new_array(g, &byte_type, bytes, &roots[i]) == 0);
		o = roots[i];
		for (size_t k = 0; k < bytes; k++)
			GC_TEST_MUST(o[k] == 0);
		memset(o, (int)i + 1, bytes);
	}
}

static void filled(void *const *roots, uint32_t n, size_t bytes)
{
	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < bytes; k += 97)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == (unsigned char)(i + 1));
}

static uint64_t retained(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	return s.heap_sys - s.heap_released;
}

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* As far as it comes: to the goal, or, no more being free, to what is in use. */
static void retained_falls_to(mrt_g *g, uint64_t bytes)
{
	int64_t until_ns = mrt_now_ns() + PATIENCE;

	while (retained(g) > bytes) {
		GC_TEST_MUST(mrt_now_ns() < until_ns);
		mrt_sleep_until(g, mrt_now_ns() + 5 * MS);
	}
}

/*
 * 64 MiB live, then 8: of three cycles the last finds both goals at 16 MiB and 8 in use: 8.8 may be
 * retained. Nothing more goes.
 */
static void background_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	int64_t begin_ns;
	uint64_t floor;
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	fill(g, roots, OBJECTS, MIB);
	GC_TEST_MUST(retained(g) >= OBJECTS * MIB);
	memset(&roots[8], 0, (OBJECTS - 8) * sizeof(roots[0]));
	begin_ns = mrt_now_ns();
	mrt_gc(g);
	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	floor = s.heap_inuse + s.heap_inuse / 10;
	retained_falls_to(g, floor + PAGE);
	/* 1 % of two Ps: what it did cannot have been done at once. */
	GC_TEST_MUST(mrt_now_ns() - begin_ns > MS);
	for (uint32_t i = 0; i < 20; i++) {
		mrt_sleep_until(g, mrt_now_ns() + 5 * MS);
		GC_TEST_MUST(retained(g) + PAGE > floor);
	}
	heap_is_whole(g);
	filled(roots, 8, MIB);
	fill(g, &roots[8], OBJECTS - 8, MIB); /* comes back zero: fill looks */
	heap_is_whole(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_sys == s.heap_inuse + s.heap_idle && s.heap_idle >= s.heap_released);
}

static void test_background(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .clobber = true}, background_body, NULL);
}

/* Nothing has been collected: there is no goal, and all stays. */
static void no_goal_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	fill(g, roots, 4, MIB);
	mrt_sleep_until(g, mrt_now_ns() + 50 * MS);
	GC_TEST_MUST(retained(g) >= 4 * MIB);
}

static void test_no_goal(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1}, no_goal_body, NULL);
}

/* ------------------------------------------------------------ in an allocation */

#define LIMIT (40 * MIB)

static uint64_t mapped(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	return s.sys - s.heap_released;
}

/*
 * 40 MiB of which every other one is dropped: 20 MiB lie free in holes too small for what comes,
 * and goal A is 44. The heap grows by 16, and holes go back for it: 12 MiB because of goal A, or 16
 * and more because of the limit.
 */
static void assist_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	bool limited = *(bool *)arg;
	MRT_ROOTS(g, roots, OBJECTS);

	fill(g, roots, 40, MIB);
	for (uint32_t i = 0; i < 40; i += 2)
		roots[i] = NULL;
	mrt_gc(g);
	GC_TEST_MUST(limited || retained(g) == 40 * MIB);
	fill(g, &roots[40], 1, 16 * MIB);
	if (limited)
		GC_TEST_MUST(mapped(g) <= LIMIT + PAGE);
	else
		GC_TEST_MUST(retained(g) <= 44 * MIB && retained(g) > 44 * MIB - 2 * PAGE);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_inuse >= 36 * MIB); /* live is live */
	heap_is_whole(g);
	for (uint32_t i = 1; i < 40; i += 2)
		for (size_t k = 0; k < MIB; k += 97)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == (unsigned char)(i + 1));
	fill(g, &roots[41], 12, MIB); /* into the holes, some of them zero again */
	heap_is_whole(g);
}

static void test_assist(void **state)
{
	bool limited = true;

	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .memlimit = LIMIT}, assist_body,
		    &limited);
	limited = false;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1}, assist_body, &limited);
}

/* With a limit that is exceeded by what is live, all that is free goes, and the program goes on. */
static void beyond_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	fill(g, roots, 60, MIB);
	memset(&roots[56], 0, 4 * sizeof(roots[0]));
	mrt_gc(g);
	fill(g, &roots[60], 1, 8 * MIB);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_inuse > LIMIT);
	retained_falls_to(g, s.heap_inuse + PAGE);
	filled(roots, 56, MIB);
	heap_is_whole(g);
}

static void test_beyond(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1, .memlimit = LIMIT}, beyond_body,
		    NULL);
}

/* FreeOSMemory: one forced cycle, nothing that is free stays backed, and what lives is as it was. */
static void by_hand_body(mrt_g *g, void *arg)
{
	struct mrt_memstats before, after;
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	fill(g, roots, OBJECTS, 10 * PAGE);
	for (uint32_t i = 1; i < OBJECTS; i += 2)
		roots[i] = NULL;
	mrt_memstats_read(g, &before);
	mrt_free_os_memory(g);
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(after.num_gc == before.num_gc + 1);
	GC_TEST_MUST(after.num_forced_gc == before.num_forced_gc + 1);
	GC_TEST_MUST(after.heap_idle >= OBJECTS / 2 * 10 * PAGE);
	GC_TEST_MUST(after.heap_released == after.heap_idle);
	for (uint32_t i = 0; i < OBJECTS; i += 2)
		for (size_t k = 0; k < 10 * PAGE; k += 97)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == (unsigned char)(i + 1));
	heap_is_whole(g);
}

static void test_by_hand(void **state)
{
	/* One P: nobody is giving back while the figures are read. */
	struct mrt_options opt = {.procs = 1, .gogc = -1, .seed = gc_test_seed(), .heap_reserve = (size_t)1 << 28};

	(void)state;
	assert_int_equal(mrt_run(&opt, by_hand_body, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goal),   cmocka_unit_test(test_rest),
		cmocka_unit_test(test_background), cmocka_unit_test(test_no_goal),
		cmocka_unit_test(test_assist), cmocka_unit_test(test_beyond), cmocka_unit_test(test_by_hand),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
