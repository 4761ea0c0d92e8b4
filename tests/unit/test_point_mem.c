/*
 * test_point_mem.c: mem/refill, mem/large, mem/span, mem/os_reserve and mem/os_commit: refused below
 * the policy, so that an emergency collection and one retry follow. Masked when memory comes in the
 * end, else the operation failed and changed nothing.
 */
#include "tests/unit/test_point_fixture.h"

#define BLOCKS	    300u
#define BLOCK_BYTES 24000u
#define CHUNK	    ((size_t)4 << 20)

struct block {
	uint64_t number, word[BLOCK_BYTES / 8 - 1];
};
static const uint64_t table_mask[] = {1};
static const struct mrt_type block_type = {.name = "block", .size = sizeof(struct block)};
static const struct mrt_type slot_type = {
	.name = "slot", .size = sizeof(void *), .ptr_words = 1, .ptrmask = table_mask};
static const struct mrt_type byte_type = {.name = "byte", .size = 1};

/* What a body found out. */
struct outcome {
	uint32_t came, refused;
	uint32_t nfaults; /* to be armed; 0: one */
};

static void block_fill(struct block *b, uint64_t number)
{
	b->number = number;
	for (size_t i = 0; i < sizeof(b->word) / sizeof(b->word[0]); i++)
		b->word[i] = number * 31 + i;
}

static void block_verify(const struct block *b, uint64_t number)
{
	GC_TEST_MUST(b->number == number);
	for (size_t i = 0; i < sizeof(b->word) / sizeof(b->word[0]); i++)
		GC_TEST_MUST(b->word[i] == number * 31 + i);
}

static void heap_is_whole(mrt_g *g)
{
	char text[256];
	int broken = mrt_heap_check(g, text, sizeof(text));

	if (broken != 0)
		fprintf(stderr, "heap check %d: %s\n", broken, text);
	GC_TEST_MUST(broken == 0);
}

/* Live blocks in a table, with the faults armed; afterwards without: what was refused comes. */
static void blocks_body(mrt_g *g, void *arg)
{
	struct outcome *out = arg;
	MRT_ROOTS(g, roots, 2);
	void **table;

	GC_TEST_MUST(mrt_new_array(g, &slot_type, BLOCKS, &roots[0]) == 0);
	table = roots[0];
	for (uint32_t pass = 0; pass < 2; pass++) {
		if (pass == 0)
			point_arm_all(1);
		for (uint32_t i = 0; i < BLOCKS; i++) {
			void *before = roots[1];
			int r;

			if (mrt_load(&table[i]) != NULL)
				continue;
			r = mrt_new(g, &block_type, &roots[1]);
			GC_TEST_MUST(r == 0 || (r == -ENOMEM && pass == 0 && roots[1] == before));
			out->came += r == 0;
			out->refused += r != 0;
			if (r == 0) {
				block_fill(roots[1], i);
				mrt_store(g, &table[i], roots[1]);
			}
		}
		gcs_faults_disarm_all(false, mrt_now_ns());
		heap_is_whole(g);
	}
	mrt_gc(g);
	for (uint32_t i = 0; i < BLOCKS; i++)
		block_verify(mrt_load(&table[i]), i);
}

/* Every second span or refill refused: the retry, a visit of its own, brings it. */
static void blocks_masked(enum gcs_point point)
{
	struct gcs_fault_spec spec = {.point = point, .action = GCS_ACT_FAIL, .every = 2};
	struct outcome out = {0};

	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, blocks_body, &out);
	assert_int_equal(out.refused, 0);
	assert_int_equal(out.came, BLOCKS);
	assert_true(POINT_FAULT(0, fired) >= 20);
	assert_int_equal(POINT_FAULT(0, masked), POINT_FAULT(0, fired));
	assert_int_equal(POINT_FAULT(0, eligible) / 2, POINT_FAULT(0, fired));
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	assert_int_equal(point_log.emergency_cycles, point_log.n);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_MAIN);
		assert_true(f->arg > 0 && f->arg % 8192 == 0);
		assert_true(f->masked == 1 && f->failed == 0);
		assert_true(f->stalls == 1 && f->cycles == 1 && f->stops >= 2);
	}
}

static void test_span_masked(void **state)
{
	(void)state;
	blocks_masked(GCS_POINT_mem_span);
}

static void test_refill_masked(void **state)
{
	(void)state;
	blocks_masked(GCS_POINT_mem_refill);
	for (uint32_t i = 0; i < point_log.n; i++) /* the blocks' size class */
		assert_int_equal(point_log.f[i].arg, 24576);
}

/* Everything refused, the retry too: the operation fails, once, and names its last firing. */
static void blocks_failed(enum gcs_point point)
{
	struct gcs_fault_spec spec = {.point = point, .action = GCS_ACT_FAIL};
	struct outcome out = {0};
	uint32_t failed = 0;

	spec.times = (POINT_WORKERS + 1) * 40; /* forty for the main goroutine */
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, blocks_body, &out);
	assert_int_equal(out.refused, 20);
	assert_int_equal(POINT_FAULT(0, fired), 40);
	assert_int_equal(POINT_FAULT(0, masked), 0);
	for (uint32_t i = 0; i < point_log.n; i++) {
		failed += point_log.f[i].failed;
		assert_true(point_log.f[i].failed == 0 || point_log.f[i].value == ENOMEM);
	}
	assert_int_equal(failed, 20);
	assert_int_equal(point_log.stalls, 20);
}

static void test_span_failed(void **state)
{
	(void)state;
	blocks_failed(GCS_POINT_mem_span);
}

static void test_refill_failed(void **state)
{
	(void)state;
	blocks_failed(GCS_POINT_mem_refill);
}

/* Half of the objects of every span are let go: then central has room, and the page heap is not
 * asked. The first fault is mem/refill, the second mem/span. */
static void room_body(mrt_g *g, void *arg)
{
	struct outcome *out = arg;
	MRT_ROOTS(g, roots, 2);
	void **table;

	GC_TEST_MUST(mrt_new_array(g, &slot_type, 2048, &roots[0]) == 0);
	table = roots[0];
	for (uint32_t i = 0; i < 2048; i++) {
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 512, &roots[1]) == 0);
		memset(roots[1], (int)(i % 251), 512);
		if (i % 2 == 0)
			mrt_store(g, &table[i], roots[1]);
	}
	roots[1] = NULL;
	mrt_gc(g);
	point_arm_all(2);
	for (uint32_t i = 1; i < 1024; i += 2) {
		out->came += mrt_new_array(g, &byte_type, 512, &roots[1]) == 0;
		memset(roots[1], (int)(i % 251), 512);
		mrt_store(g, &table[i], roots[1]);
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	for (uint32_t i = 0; i < 2048; i++) {
		const unsigned char *o = mrt_load(&table[i]);

		GC_TEST_MUST((o != NULL) == (i % 2 == 0 || i < 1024));
		for (uint32_t k = 0; o != NULL && k < 512; k++)
			GC_TEST_MUST(o[k] == i % 251);
	}
}

static void test_refill_above_span(void **state)
{
	struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_mem_refill, .action = GCS_ACT_FAIL, .every = 2},
		{.point = GCS_POINT_mem_span, .action = GCS_ACT_FAIL},
	};
	struct outcome out = {0};

	(void)state;
	point_run(spec, 2, (struct mrt_options){.gogc = -1}, room_body, &out);
	assert_int_equal(out.came, 512);
	assert_true(POINT_FAULT(0, fired) >= 5);
	assert_int_equal(POINT_FAULT(0, masked), POINT_FAULT(0, fired));
	assert_int_equal(POINT_FAULT(1, visits), 0);
}

/* Large objects, kept, of a megabyte: the heap must grow for them. */
static void grow_body(mrt_g *g, void *arg)
{
	struct outcome *out = arg;
	MRT_ROOTS(g, roots, 40);

	GC_TEST_MUST(mrt_new_array(g, &byte_type, 1, &roots[0]) == 0);
	point_arm_all(out->nfaults != 0 ? out->nfaults : 1);
	for (uint32_t i = 1; i < 40; i++) {
		int r = mrt_new_array(g, &byte_type, (size_t)1 << 20, &roots[i]);

		GC_TEST_MUST(r == 0 || (r == -ENOMEM && roots[i] == NULL));
		out->came += r == 0;
		out->refused += r != 0;
		if (r == 0)
			memset(roots[i], (int)i, (size_t)1 << 20);
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	for (uint32_t i = 1; i < 40; i++)
		for (size_t k = 0; roots[i] != NULL && k < (size_t)1 << 20; k += 4093)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == i);
}

static void grow_masked(enum gcs_point point, size_t unit)
{
	struct gcs_fault_spec spec = {.point = point, .action = GCS_ACT_FAIL, .every = 3};
	struct outcome out = {0};

	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, grow_body, &out);
	assert_int_equal(out.refused, 0);
	assert_true(POINT_FAULT(0, fired) >= 3);
	assert_int_equal(POINT_FAULT(0, masked), POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg >= unit && point_log.f[i].arg % unit == 0);
}

static void test_commit_masked(void **state)
{
	(void)state;
	grow_masked(GCS_POINT_mem_os_commit, CHUNK);
}

static void test_reserve_masked(void **state)
{
	(void)state;
	grow_masked(GCS_POINT_mem_os_reserve, CHUNK);
}

/* An object more, not a chunk more: so there are more firings, each with its emergency cycle. */
static void test_large_masked(void **state)
{
	(void)state;
	grow_masked(GCS_POINT_mem_large, (size_t)1 << 20);
	assert_int_equal(POINT_FAULT(0, fired), 19); /* of 39 objects and 19 retries every third */
	assert_int_equal(point_log.emergency_cycles, 19);
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_int_equal(point_log.f[i].arg, (size_t)1 << 20);
		assert_true(point_log.f[i].cycles == 1 && point_log.f[i].stalls == 1);
	}
}

static void grow_failed(enum gcs_point point)
{
	struct gcs_fault_spec spec = {.point = point, .action = GCS_ACT_FAIL};
	struct outcome out = {0};
	uint32_t failed = 0;

	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, grow_body, &out);
	/* What was committed before is used up, then nothing comes. */
	assert_true(out.came >= 2 && out.came <= 4 && out.refused >= 35);
	assert_int_equal(POINT_FAULT(0, masked), 0);
	assert_true(POINT_FAULT(0, fired) >= 2 * (uint64_t)out.refused);
	for (uint32_t i = 0; i < point_log.n; i++)
		failed += point_log.f[i].failed;
	assert_int_equal(failed, out.refused);
}

static void test_commit_failed(void **state)
{
	(void)state;
	grow_failed(GCS_POINT_mem_os_commit);
}

static void test_reserve_failed(void **state)
{
	(void)state;
	grow_failed(GCS_POINT_mem_os_reserve);
}

/* The reservation is asked before the system is. */
static void test_reserve_before_commit(void **state)
{
	struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_mem_os_commit, .action = GCS_ACT_FAIL, .every = 2},
		{.point = GCS_POINT_mem_os_reserve, .action = GCS_ACT_FAIL, .every = 2},
	};
	struct outcome out = {.nfaults = 2};

	(void)state;
	point_run(spec, 2, (struct mrt_options){.gogc = -1}, grow_body, &out);
	assert_true(POINT_FAULT(0, fired) > 0 && POINT_FAULT(1, fired) > 0);
	assert_int_equal(POINT_FAULT(0, visits), POINT_FAULT(1, visits) - POINT_FAULT(1, fired));
}

static void test_large_failed(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_large, .action = GCS_ACT_FAIL};
	struct outcome out = {0};
	uint32_t failed = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, grow_body, &out);
	assert_int_equal(out.came, 0);
	assert_int_equal(out.refused, 39);
	assert_int_equal(POINT_FAULT(0, fired), 2 * 39);
	for (uint32_t i = 0; i < point_log.n; i++)
		failed += point_log.f[i].failed;
	assert_int_equal(failed, 39);
}

/* Small objects take no large span, whatever their spans are. */
static void test_large_not_small(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_large, .action = GCS_ACT_FAIL};
	struct outcome out = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, blocks_body, &out);
	assert_int_equal(out.came, BLOCKS);
	assert_int_equal(POINT_FAULT(0, visits), 0);
}

/* What fits into pages that came free asks the system for nothing. */
static void swept_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 1);
	uint64_t cycles;

	(void)arg;
	for (uint32_t i = 0; i < 64; i++)
		GC_TEST_MUST(mrt_new(g, &block_type, &roots[0]) == 0);
	roots[0] = NULL;
	cycles = atomic_load(&point_telemetry->gauges.gc_cycle);
	mrt_gc(g);
	point_arm_all(1);
	for (uint32_t i = 0; i < 64; i++) /* fits into what is free */
		GC_TEST_MUST(mrt_new(g, &block_type, &roots[0]) == 0);
	gcs_faults_disarm_all(false, mrt_now_ns());
	GC_TEST_MUST(atomic_load(&point_telemetry->gauges.gc_cycle) <= cycles + 1);
	heap_is_whole(g);
}

static void test_commit_not_needed(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_os_commit, .action = GCS_ACT_FAIL};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, swept_body, NULL);
	assert_int_equal(POINT_FAULT(0, visits), 0);
}

/* ------------------------------------------------------- who and what is meant */

struct many {
	mrt_wg wg;
	_Atomic uint32_t refused[4];
};

struct one {
	struct many *many;
	uint16_t driver;
	bool system;
};

static void many_worker(mrt_g *g, void *arg)
{
	struct one *o = arg;
	MRT_ROOTS(g, roots, 1);

	for (uint32_t i = 0; i < 400; i++) {
		size_t bytes = i % 2 ? 100000 : 20000;
		int r = mrt_new_array(g, &byte_type, bytes, &roots[0]);

		GC_TEST_MUST(r == 0 || r == -ENOMEM);
		GC_TEST_MUST(r == 0 || (i % 2 && o->driver == 3 && !o->system));
		if (r != 0)
			atomic_fetch_add(&o->many->refused[o->driver], 1);
		roots[0] = NULL;
	}
	mrt_wg_done(g, &o->many->wg);
}

static void many_body(mrt_g *g, void *arg)
{
	struct many *m = arg;
	struct one one[6];

	mrt_wg_add(&m->wg, 6);
	point_arm_all(1);
	for (uint32_t i = 0; i < 6; i++) {
		one[i] = (struct one){m, (uint16_t)(2 + i % 2), i >= 4};
		struct mrt_go_options opt = {.driver = one[i].driver,
					     .system = one[i].system,
					     .worker = MRT_WORKER_FIRST + i};

		GC_TEST_MUST(mrt_go(g, many_worker, &one[i], &opt) == 0);
	}
	mrt_wg_wait(g, &m->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
}

/* Only spans above 64 KiB, only of workload 3, never a system goroutine's; collections go on
 * around it. */
static void many_matched(enum gcs_point point)
{
	struct gcs_fault_spec spec = {.point = point,
				      .action = GCS_ACT_FAIL,
				      .size_min = 65536,
				      .workloads = 1u << 3};
	struct many m = {0};

	point_run(&spec, 1, (struct mrt_options){.procs = 4, .gc_every = 100}, many_body, &m);
	assert_int_equal(atomic_load(&m.refused[2]), 0);
	assert_int_equal(atomic_load(&m.refused[3]), 2 * 200);
	assert_int_equal(POINT_FAULT(0, fired), 2 * 2 * 200); /* two goroutines; each with its retry */
	assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
	assert_int_equal(POINT_FAULT(0, masked), 0);
}

static void test_match(void **state)
{
	(void)state;
	many_matched(GCS_POINT_mem_span);
	many_matched(GCS_POINT_mem_large);
}

/* Every refill is a visit, none has the size. */
static void test_match_nothing(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_refill, .action = GCS_ACT_FAIL, .size_max = 24575};
	struct outcome out = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, blocks_body, &out);
	assert_int_equal(out.came, BLOCKS);
	assert_int_equal(POINT_FAULT(0, visits), BLOCKS);
	assert_int_equal(POINT_FAULT(0, eligible), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_masked),
		cmocka_unit_test(test_span_failed),
		cmocka_unit_test(test_refill_masked),
		cmocka_unit_test(test_refill_failed),
		cmocka_unit_test(test_refill_above_span),
		cmocka_unit_test(test_large_masked),
		cmocka_unit_test(test_large_failed),
		cmocka_unit_test(test_large_not_small),
		cmocka_unit_test(test_commit_masked),
		cmocka_unit_test(test_commit_failed),
		cmocka_unit_test(test_reserve_masked),
		cmocka_unit_test(test_reserve_failed),
		cmocka_unit_test(test_reserve_before_commit),
		cmocka_unit_test(test_commit_not_needed),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_nothing),
	};

	return point_main("mem", tests, sizeof(tests) / sizeof(tests[0]));
}
