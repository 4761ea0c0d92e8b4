/*
 * test_point_mem_limit.c: mem/limit: while it is armed the goal of the next cycle is set by a lower
 * memory limit, so that there are more cycles; afterwards by the one that is set. Contents are as
 * without it.
 */
#include "tests/unit/test_point_fixture.h"

#define MIB	   ((uint64_t)1 << 20)
#define LIMIT	   (512 * MIB)
#define LIVE	   20000u
#define GARBAGE	   (200 * MIB) /* over the squeezed limit, far below the real one */
#define GOAL_STEPS 6u

struct item {
	struct item *next;
	uint64_t number, filler[30];
};
static const uint64_t item_mask[] = {1};
static const struct mrt_type item_type = {
	.name = "item", .size = sizeof(struct item), .ptr_words = 1, .ptrmask = item_mask};
static const struct mrt_type byte_type = {.name = "byte", .size = 1};

struct goals {
	uint64_t goal[3];   /* before, while armed, afterwards */
	uint32_t num_gc[3]; /* cycles that the same garbage took */
};

static void items_make(mrt_g *g, void **roots)
{
	for (uint32_t i = 0; i < LIVE; i++) {
		GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
		((struct item *)roots[1])->number = i;
		mrt_store(g, (void **)&((struct item *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
	roots[1] = NULL;
}

static void items_verify(const struct item *at)
{
	uint32_t left = LIVE;

	for (; at != NULL; at = mrt_load((void *const *)&at->next)) {
		GC_TEST_MUST(left > 0 && at->number == --left);
		for (uint32_t i = 0; i < 30; i++)
			GC_TEST_MUST(at->filler[i] == 0);
	}
	GC_TEST_MUST(left == 0);
}

/* One stretch: cycles by hand set the goal, then garbage passes. */
static void stretch(mrt_g *g, void **roots, struct goals *out, uint32_t i, uint64_t garbage)
{
	struct mrt_memstats s;
	uint32_t before;

	for (uint32_t k = 0; k < GOAL_STEPS; k++)
		mrt_gc(g);
	mrt_memstats_read(g, &s);
	out->goal[i] = s.next_gc;
	before = s.num_gc;
	for (uint64_t bytes = 0; bytes < garbage; bytes += 16384)
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 16384, &roots[1]) == 0);
	roots[1] = NULL;
	mrt_gc(g); /* one that is under way ends before it */
	mrt_memstats_read(g, &s);
	out->num_gc[i] = s.num_gc - before - 1;
	items_verify(roots[0]);
}

static void goals_body(mrt_g *g, void *arg)
{
	struct goals *out = arg;
	char text[256];
	MRT_ROOTS(g, roots, 2);

	items_make(g, roots);
	stretch(g, roots, out, 0, 0); /* pages once touched stay mapped: none yet */
	point_arm_all(1);
	stretch(g, roots, out, 1, GARBAGE);
	gcs_faults_disarm_all(false, mrt_now_ns());
	stretch(g, roots, out, 2, GARBAGE);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void test_squeezed(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_limit, .action = GCS_ACT_BIAS, .by_milli = 250};
	struct goals out = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1, .memlimit = LIMIT}, goals_body, &out);
	assert_true(out.goal[0] > LIMIT / 2 && out.goal[0] < LIMIT);
	assert_true(out.goal[1] < LIMIT / 4);
	assert_true(out.goal[2] > LIMIT / 2 && out.goal[2] < LIMIT);
	assert_true(out.num_gc[1] > 0);
	assert_int_equal(out.num_gc[2], 0);
	/* Every cycle of the stretch, by hand or not, was a visit and fired. */
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, visits));
	assert_int_equal(POINT_FAULT(0, fired), GOAL_STEPS + out.num_gc[1] + 1);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_GC);
		assert_int_equal(point_log.f[i].biased, 1);
		assert_int_equal(point_log.f[i].value, LIMIT / 4);
		assert_int_equal(point_log.f[i].arg, LIMIT);
	}
}

/* times is one account: the collector's, whoever ends a cycle. */
static void test_times(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_limit,
				      .action = GCS_ACT_BIAS,
				      .by_milli = 250,
				      .every = 2,
				      .times = 3};
	struct goals out = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1, .memlimit = LIMIT}, goals_body, &out);
	assert_int_equal(POINT_FAULT(0, fired), 3);
	assert_true(POINT_FAULT(0, eligible) >= GOAL_STEPS);
}

/* Without a limit there is nothing to squeeze: visited, never eligible. */
static void test_no_limit(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_limit, .action = GCS_ACT_BIAS, .by_milli = 500};
	struct goals out = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = 100}, goals_body, &out);
	assert_true(POINT_FAULT(0, visits) >= GOAL_STEPS);
	assert_int_equal(POINT_FAULT(0, eligible), 0);
	assert_int_equal(out.goal[0], out.goal[1]);
}

/* A bias that says not by how much, or where there is none, is refused. */
static void test_refused(void **state)
{
	static const struct gcs_fault_spec bad[] = {
		{.point = GCS_POINT_mem_limit, .action = GCS_ACT_BIAS},
		{.point = GCS_POINT_mem_limit, .action = GCS_ACT_BIAS, .by_milli = 100001},
		{.point = GCS_POINT_mem_span, .action = GCS_ACT_BIAS, .by_milli = 500},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			gcs_faults_load(&(struct gcs_faults_options){.spec = &bad[i], .nspecs = 1}),
			-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_squeezed),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_refused),
	};

	return point_main("limit", tests, sizeof(tests) / sizeof(tests[0]));
}
