/*
 * test_point_mem_slow.c: mem/slow: a span with pages that nobody has touched comes late, by the
 * delay, to the goroutine that asked; pages used before come at once. Contents are as without it.
 */
#include "tests/unit/test_point_fixture.h"

#define MS	     INT64_C(1000000)
#define DELAY_NS     (2 * MS)
#define LARGE_BYTES  ((size_t)1 << 20)
#define OBJECTS	     40u
#define SMALL_BYTES  24000u /* one object a span of 24576 bytes */
#define WORKERS	     6u
#define WORKER_STEPS 60u

static const struct mrt_type byte_type = {.name = "byte", .size = 1};

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void filled(const unsigned char *o, size_t bytes, unsigned char with)
{
	for (size_t k = 0; k < bytes; k++)
		GC_TEST_MUST(o[k] == with);
}

/* Objects that are kept; all is zero when it comes. Returns how long it took. */
static int64_t objects_make(mrt_g *g, void **roots, size_t bytes)
{
	int64_t begin_ns = mrt_now_ns();

	for (uint32_t i = 0; i < OBJECTS; i++) {
		GC_TEST_MUST(mrt_new_array(g, &byte_type, bytes, &roots[i]) == 0);
		filled(roots[i], bytes, 0);
		memset(roots[i], (int)i + 1, bytes);
	}
	return mrt_now_ns() - begin_ns;
}

struct pages {
	size_t bytes;	/* of an object */
	bool used;	/* the pages were used before */
	int64_t took_ns; /* with the fault armed */
};

static void pages_body(mrt_g *g, void *arg)
{
	struct pages *p = arg;
	MRT_ROOTS(g, roots, OBJECTS);

	if (p->used) {
		objects_make(g, roots, p->bytes);
		memset(roots, 0, OBJECTS * sizeof(roots[0]));
		mrt_gc(g);
	}
	point_arm_all(1);
	p->took_ns = objects_make(g, roots, p->bytes);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	for (uint32_t i = 0; i < OBJECTS; i++)
		filled(roots[i], p->bytes, (unsigned char)(i + 1));
	mrt_gc(g);
	heap_is_whole(g);
}

/* Every fourth fresh span is late, and the goroutine with it. */
static void pages_late(size_t bytes, size_t span_bytes)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_slow,
				      .action = GCS_ACT_DELAY,
				      .every = 4,
				      .delay_ns = DELAY_NS};
	struct pages p = {.bytes = bytes};

	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, pages_body, &p);
	assert_int_equal(POINT_FAULT(0, eligible), OBJECTS);
	assert_int_equal(POINT_FAULT(0, fired), OBJECTS / 4);
	assert_int_equal(POINT_FAULT(0, masked), 0);
	assert_int_equal(point_log.n, OBJECTS / 4);
	assert_true(p.took_ns >= (int64_t)(OBJECTS / 4) * DELAY_NS);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_MAIN);
		assert_int_equal(f->arg, span_bytes);
		assert_int_equal(f->late, 1);
		assert_true(f->value >= (uint64_t)DELAY_NS);
	}
}

static void test_large_late(void **state)
{
	(void)state;
	pages_late(LARGE_BYTES, LARGE_BYTES);
}

static void test_small_late(void **state)
{
	(void)state;
	pages_late(SMALL_BYTES, 24576);
}

static void test_used_pages_are_there(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_slow, .action = GCS_ACT_DELAY, .delay_ns = DELAY_NS};
	struct pages p = {.bytes = SMALL_BYTES, .used = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, pages_body, &p);
	assert_int_equal(POINT_FAULT(0, visits), 0);
}

/* ------------------------------------------------------- who and what is meant */

struct one {
	mrt_wg *wg;
	bool system;
};

static void worker_body(mrt_g *g, void *arg)
{
	struct one *o = arg;
	MRT_ROOTS(g, roots, WORKER_STEPS);

	for (uint32_t i = 0; i < WORKER_STEPS; i++) {
		size_t bytes = i % 2 ? 100000 : SMALL_BYTES;

		GC_TEST_MUST(mrt_new_array(g, &byte_type, bytes, &roots[i]) == 0);
		memset(roots[i], (int)i, bytes);
	}
	for (uint32_t i = 0; i < WORKER_STEPS; i++)
		filled(roots[i], i % 2 ? 100000 : SMALL_BYTES, (unsigned char)i);
	mrt_wg_done(g, o->wg);
}

/* Drivers 2 and 3 by turns; the last two are the runtime's own. */
static void workers_body(mrt_g *g, void *arg)
{
	mrt_wg wg = {0};
	struct one one[WORKERS];

	(void)arg;
	mrt_wg_add(&wg, WORKERS);
	point_arm_all(1);
	for (uint32_t i = 0; i < WORKERS; i++) {
		one[i] = (struct one){&wg, i >= 4};
		struct mrt_go_options opt = {.driver = (uint16_t)(2 + i % 2),
					     .system = one[i].system,
					     .worker = MRT_WORKER_FIRST + i};

		GC_TEST_MUST(mrt_go(g, worker_body, &one[i], &opt) == 0);
	}
	mrt_wg_wait(g, &wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
}

/* Only pages of spans above 64 KiB, only of workload 3, while collections go on around it: they
 * wait for whoever sleeps, and end. */
static void test_match(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_slow,
				      .action = GCS_ACT_DELAY,
				      .every = 3,
				      .delay_ns = DELAY_NS / 4,
				      .jitter_ns = DELAY_NS / 4,
				      .size_min = 65536,
				      .workloads = 1u << 3};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 4, .gc_every = 20}, workers_body, NULL);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	assert_true(point_log.stops > 0);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker == MRT_WORKER_FIRST + 1 || f->worker == MRT_WORKER_FIRST + 3);
		assert_true(f->arg >= 65536 && f->arg % 8192 == 0);
		assert_true(f->late == 1 && f->value >= (uint64_t)DELAY_NS / 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_late),
		cmocka_unit_test(test_small_late),
		cmocka_unit_test(test_used_pages_are_there),
		cmocka_unit_test(test_match),
	};

	return point_main("slow", tests, sizeof(tests) / sizeof(tests[0]));
}
