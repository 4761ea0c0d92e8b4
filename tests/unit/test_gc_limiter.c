/*
 * test_gc_limiter.c: the CPU limiter: its bucket against a model; in a running heap, that it leaves an
 * ordinary program alone, and that a heap as large as its memory limit leaves half of the CPU to the
 * program.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc.h"
#include "runtime/gc/gc_priv.h"

#include <string.h>

#define MIB    ((uint64_t)1 << 20)
#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static void test_bucket(void **state)
{
	static const struct {
		int64_t mutator, gc;
		uint64_t fill, overflow;
		bool on;
	} v[] = {
		{0, 0, 0, 0, false},	  {10, 0, 0, 0, false},	 {0, 40, 40, 0, false},
		{30, 10, 20, 0, false},	  {25, 100, 95, 0, false}, {0, 5, 100, 0, true},
		{7, 7, 100, 0, true},	  {0, 12, 100, 12, true},	 {3, 2, 99, 12, false},
		{5, 5, 99, 12, false},	  {0, 4, 100, 15, true},	 {1000, 1, 0, 15, false},
		{-3, 10, 13, 15, false},
	};
	struct gc_bucket b = {.capacity_ns = 100};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(gc_bucket_add(&b, v[i].mutator, v[i].gc), v[i].on);
		assert_int_equal(b.fill_ns, v[i].fill);
		assert_int_equal(b.overflow_ns, v[i].overflow);
	}
}

/* The level is a sum that is cut at both ends. */
static void test_bucket_model(void **state)
{
	uint64_t rng = gc_test_seed();

	(void)state;
	for (uint32_t round = 0; round < 200; round++) {
		struct gc_bucket b = {.capacity_ns = 1 + gc_test_random(&rng) % 1000};
		int64_t level = 0, over = 0;

		for (uint32_t i = 0; i < 500; i++) {
			int64_t mutator = (int64_t)(gc_test_random(&rng) % 200);
			int64_t gc = (int64_t)(gc_test_random(&rng) % 200);
			bool on = gc_bucket_add(&b, mutator, gc);

			level += gc - mutator;
			if (level > (int64_t)b.capacity_ns) {
				over += level - (int64_t)b.capacity_ns;
				level = (int64_t)b.capacity_ns;
			}
			level = level < 0 ? 0 : level;
			assert_int_equal(b.fill_ns, level);
			assert_int_equal(b.overflow_ns, over);
			assert_int_equal(on, level == (int64_t)b.capacity_ns);
		}
	}
}

/* ------------------------------------------------------------- in a running heap */

#define KEPT 2048u /* of 4 KiB each, all of it to be scanned: 8 MiB */

struct node {
	struct node *pointer[512];
};
static const uint64_t node_mask[] = {[0 ... 7] = UINT64_MAX};
static const struct mrt_type node_type = {
	.name = "node", .size = sizeof(struct node), .ptr_words = 512, .ptrmask = node_mask};
static const uint64_t table_mask[KEPT / 64] = {[0 ... KEPT / 64 - 1] = UINT64_MAX};
static const struct mrt_type table_type = {
	.name = "table", .size = KEPT * 8, .ptr_words = KEPT, .ptrmask = table_mask};

/* Fills a table and replaces what is in it until that time. */
static void churn_until(mrt_g *g, void **roots, int64_t end_ns)
{
	uint64_t rng = gc_test_seed();

	for (uint64_t i = 0; mrt_now_ns() < end_ns; i++) {
		uint64_t at = i < KEPT ? i : gc_test_random(&rng) % KEPT;

		GC_TEST_MUST(mrt_new(g, &node_type, &roots[1]) == 0);
		mrt_store(g, (void **)roots[0] + at, roots[1]);
	}
}

/* An ordinary heap: three cycles, and the limiter has nothing to do. On real threads a machine that is busy with other things may
 * take the mutators' time away, so that collecting has its half all the same: then what is counted must agree. */
static void ordinary_body(mrt_g *g, void *arg)
{
	struct gc_limiter_counts n;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	GC_TEST_MUST(mrt_new(g, &table_type, &roots[0]) == 0);
	while (gc_cycles_counted() < 3)
		churn_until(g, roots, mrt_now_ns() + 50 * MS);
	gc_limiter_counts(&n);
	GC_TEST_MUST(n.last_cycle <= gc_cycles_counted() + 1);
#if MRT_SIM
	GC_TEST_MUST(n.turned_on == 0 && n.overflow_ns == 0);
	GC_TEST_MUST(!gc_limiter_on());
#endif
}

/* Each figure by itself is right at any moment; what they say of each other, when nobody counts any more. */
static void test_ordinary(void **state)
{
	struct gc_limiter_counts n;

	(void)state;
	gc_test_run((struct mrt_options){.procs = 2}, ordinary_body, NULL);
	gc_limiter_counts(&n);
	assert_int_equal(n.turned_on == 0, n.on_ns == 0 && n.last_cycle == 0);
}

#if MRT_SIM
/* The collector's share of the one P, in so much time from now. */
static int64_t spiral_share_percent(mrt_g *g, void **roots, int64_t ns)
{
	int64_t at_ns = mrt_now_ns(), cpu_ns = gc_counted(&gc_st.cpu_ns);

	churn_until(g, roots, at_ns + ns);
	return (gc_counted(&gc_st.cpu_ns) - cpu_ns) * 100 / (mrt_now_ns() - at_ns);
}

/* What the table points to comes to the memory limit: without the limiter who allocates does little but
 * assist. */
static void spiral_body(mrt_g *g, void *arg)
{
	int64_t before_percent, after_percent;
	struct gc_limiter_counts n;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	GC_TEST_MUST(mrt_new(g, &table_type, &roots[0]) == 0);
	before_percent = spiral_share_percent(g, roots, 500 * MS);
	gc_limiter_counts(&n);
	GC_TEST_MUST(n.turned_on == 0);
	churn_until(g, roots, mrt_now_ns() + 500 * MS);
	after_percent = spiral_share_percent(g, roots, SECOND);
	gc_limiter_counts(&n);
	fprintf(stderr,
		"# collecting took %lld %%, then %lld %% of the CPU; the limiter was on for %lld ms, "
		"%llu times, last in cycle %u of %u\n",
		(long long)before_percent, (long long)after_percent, (long long)(n.on_ns / MS),
		(unsigned long long)n.turned_on, n.last_cycle, gc_cycles_counted());
	GC_TEST_MUST(before_percent >= 80);
	/* Counted is half: a quarter for workers that did not take all of it, and the rest for assists. */
	GC_TEST_MUST(after_percent >= 20 && after_percent <= 50);
	GC_TEST_MUST(n.turned_on > 0 && n.on_ns > 100 * MS && n.on_ns < 1500 * MS);
	GC_TEST_MUST(n.last_cycle > 1 && n.last_cycle <= gc_cycles_counted() + 1);
}

static void test_spiral(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .memlimit = 9 * MIB}, spiral_body, NULL);
}

static void test_spiral_1_19(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .memlimit = 9 * MIB, .pacer = MRT_PACER_1_19},
		    spiral_body, NULL);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_model),
		cmocka_unit_test(test_ordinary),
#if MRT_SIM
		cmocka_unit_test(test_spiral), /* virtual seconds */
		cmocka_unit_test(test_spiral_1_19),
#endif
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
