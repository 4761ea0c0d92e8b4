/*
 * The drivers inside a runtime: many operations without a contradiction, every allocation failing
 * once, the oracle finding what is broken on purpose, and the pace charging a stall to everything
 * it delayed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "faults/fault.h"
#include "runtime/mrt.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"
#include "workloads/pace.h"
#include "workloads/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_WORKER 200u

static uint64_t test_seed = 1;

/* A plan of one workload, filled in by hand. */
struct bench {
	struct plan plan;
	struct work_env env;
	struct work_unit *unit;
	void (*body)(mrt_g *g, struct bench *b);
	void *root;   /* of the test's goroutine while it runs */
	uint64_t nth; /* which allocation fails */
	uint64_t fired, failed;
	bool heap_broken;
	mrt_wg done;
};

static const char *bench_driver[] = {"map-churn", "map-churn", "map-churn",
				     "map-churn", "map-churn", "slice-append"};
static const enum plan_value bench_value[] = {PLAN_VALUE_U64, PLAN_VALUE_INLINE,
					      PLAN_VALUE_INDIRECT, PLAN_VALUE_PTR,
					      PLAN_VALUE_POOLED, PLAN_VALUE_U64};
static const uint32_t bench_bytes[] = {8, 120, 136, 48, 64, 8};
#define PTR    3
#define POOLED 4
#define KINDS  (sizeof(bench_driver) / sizeof(bench_driver[0]))

static void bench_init(struct bench *b, size_t kind, uint64_t keys)
{
	struct plan_workload *w = &b->plan.workload[0];

	memset(b, 0, sizeof(*b));
	b->plan.runtime = (struct mrt_options){.procs = 2,
					       .gogc = 100,
					       .seed = test_seed,
					       .clobber = true,
					       .heap_reserve = (size_t)1 << 30};
	b->plan.nworkloads = 1;
	b->plan.end_ns = 1000000000;
	*w = (struct plan_workload){
		.workers = 1,
		.keys = keys,
		.value = bench_value[kind],
		.value_bytes = bench_bytes[kind],
		.mix_insert = 40,
		.mix_delete = 40,
		.mix_lookup = 20,
		.retain = 100000,
		.handler = -1,
		.size = {PLAN_DIST_ZIPF, 64, 65536, 1100},
	};
	snprintf(w->driver, sizeof(w->driver), "%s", bench_driver[kind]);
	b->env.plan = &b->plan;
}

static void bench_goroutine(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct work_unit_options opt = {.env = &b->env, .w = &b->plan.workload[0], .share = 1};
	MRT_ROOTS(g, root, 1);

	if (work_driver_by_name(opt.w->driver)->create(g, &opt, &root[0], &b->unit) == 0) {
		b->root = root[0];
		b->body(g, b);
	}
	mrt_wg_done(g, &b->done);
}

static void bench_main(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct mrt_go_options opt = {.name = "test", .worker = TEST_WORKER, .driver = 0};
	char text[256];

	mrt_wg_add(&b->done, 1);
	if (mrt_go(g, bench_goroutine, b, &opt) < 0)
		return;
	mrt_wg_wait(g, &b->done);
	b->heap_broken = mrt_heap_check(g, text, sizeof(text)) != 0;
}

static void bench_run(struct bench *b, void (*body)(mrt_g *, struct bench *))
{
	b->body = body;
	assert_int_equal(mrt_run(&b->plan.runtime, bench_main, b), 0);
	assert_non_null(b->unit);
	assert_false(b->heap_broken);
	b->unit->driver->destroy(b->unit);
}

/* ---------------------------------------------------------------- operations */

static void body_many(mrt_g *g, struct bench *b)
{
	for (int i = 0; i < 20000; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	mrt_gc(g);
	mrt_gc(g);
	b->unit->driver->verify(g, b->unit);
}

static void test_many(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct bench b;

		bench_init(&b, k, 3000);
		b.plan.runtime.gc_every = 997;
		bench_run(&b, body_many);
		assert_int_equal(b.failed, 0);
		assert_int_equal(b.env.integrity_errors, 0);
		assert_true(b.env.checked > 500);
	}
}

static void body_residue(mrt_g *g, struct bench *b)
{
	struct mrt_map_info before, after;

	mrt_map_inspect(b->root, &before);
	for (int i = 0; i < 60000; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	mrt_map_inspect(b->root, &after);
	b->fired = after.overflow;
	b->failed += after.b != before.b || after.count > 3375 || after.count < 2625;
}

/* Incident I1: entries come and go in equal volume, the map keeps its buckets, and chains of
 * overflow stay. */
static void test_churn_leaves_residue(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, PTR, 3000);
	bench_run(&b, body_residue);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.env.integrity_errors, 0);
	assert_true(b.fired > 0);
}

/* Values stored since, and objects made for them. */
static void body_allocations(mrt_g *g, struct bench *b)
{
	struct mrt_memstats before, after;

	for (int i = 0; i < 20000; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	mrt_memstats_read(g, &before);
	for (int i = 0; i < 20000; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	mrt_memstats_read(g, &after);
	b->fired = after.mallocs - before.mallocs;
	b->unit->driver->verify(g, b->unit);
}

/* Four operations in ten store a value: each makes an object, unless there is a pool that has what
 * the deletions gave back; collections leave it alone. */
static void test_pool_spares_allocations(void **state)
{
	uint64_t made[2];

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct bench b;

		bench_init(&b, k == 0 ? PTR : POOLED, 3000);
		b.plan.runtime.gc_every = 97;
		bench_run(&b, body_allocations);
		assert_int_equal(b.failed, 0);
		assert_int_equal(b.env.integrity_errors, 0);
		made[k] = b.fired;
	}
	assert_true(made[0] > 7000);
	assert_true(made[1] < 1500); /* the population swings by a quarter of 3000; buckets */
}

/* Between operations 10 and 140 the fault is armed: the nth allocation fails, or every one. */
static void body_sweep(mrt_g *g, struct bench *b)
{
	for (int i = 0; i < 150; i++) {
		if (i == 10)
			gcs_fault_arm(0, 0, false, mrt_now_ns());
		if (i == 140)
			gcs_fault_disarm(0, false, mrt_now_ns());
		b->failed += b->unit->driver->op(g, b->unit) == -ENOMEM;
	}
	b->fired = atomic_load(&gcs_fault_counters(0)->fired);
	b->unit->driver->verify(g, b->unit);
}

static void sweep_one(size_t kind, const struct gcs_fault_spec *spec, struct bench *b)
{
	struct gcs_faults_options opt = {.spec = spec, .nspecs = 1, .seed = test_seed};

	bench_init(b, kind, 40);
	assert_int_equal(gcs_faults_load(&opt), 0);
	bench_run(b, body_sweep);
	gcs_faults_clear();
	assert_int_equal(b->env.integrity_errors, 0);
	assert_int_equal(b->failed, b->fired);
}

static void test_every_allocation_fails(void **state)
{
	uint64_t failed = 0;

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc,
					      .action = GCS_ACT_FAIL};
		struct bench b;
		uint64_t nth;

		sweep_one(k, &spec, &b); /* each of them */
		/* A small map of plain words may get along without a bucket of its own. */
		assert_true(b.failed > 0 || bench_value[k] == PLAN_VALUE_U64 ||
			    bench_value[k] == PLAN_VALUE_INLINE);
		for (nth = 1; nth < 400; nth++) {
			spec.nth = nth;
			sweep_one(k, &spec, &b);
			if (b.fired == 0)
				break;
			assert_int_equal(b.failed, 1);
			failed++;
		}
		assert_true(nth < 400);
	}
	assert_true(failed > 50);
}

/* ------------------------------------------------------------------- oracle */

static struct mrt_map_type oracle_mt;
static const struct mrt_type oracle_elem = {.name = "oracle", .size = 8};

static uint64_t oracle_first_key(mrt_g *g, struct bench *b)
{
	MRT_MAP_ITER(g, &oracle_mt, b->root, it);

	return mrt_map_iter_next(g, &it) ? it.key : 0;
}

static void body_lost(mrt_g *g, struct bench *b)
{
	mrt_map_delete(g, &oracle_mt, b->root, oracle_first_key(g, b));
	b->unit->driver->verify(g, b->unit);
}

static void body_stale(mrt_g *g, struct bench *b)
{
	uint64_t word = 42;

	b->failed += mrt_map_put(g, &oracle_mt, b->root, oracle_first_key(g, b), &word) != 0;
	b->unit->driver->verify(g, b->unit);
}

static void body_stranger(mrt_g *g, struct bench *b)
{
	uint64_t word = 42;

	b->failed += mrt_map_put(g, &oracle_mt, b->root, 42, &word) != 0;
	b->unit->driver->verify(g, b->unit);
}

static void body_torn_slice(mrt_g *g, struct bench *b)
{
	struct mrt_slice *header = b->root;

	for (int i = 0; i < 50; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	while (header->len == 0)
		header++;
	((uint64_t *)header->array)[header->len - 1] ^= 1;
	b->unit->driver->verify(g, b->unit);
}

static void body_short_slice(mrt_g *g, struct bench *b)
{
	struct mrt_slice *header = b->root;

	for (int i = 0; i < 50; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	while (header->len == 0)
		header++;
	header->len--;
	b->unit->driver->verify(g, b->unit);
}

/* Buffers of the pool that somebody still writes to. */
static void body_pool_in_use(mrt_g *g, struct bench *b)
{
	struct {
		void *map;
		uint64_t **shelf;
	} *hold = b->root;
	uint64_t free = 0;

	for (int i = 0; i < 500; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	for (; hold->shelf[free] != NULL; free++)
		hold->shelf[free][0] ^= 1;
	b->failed += free == 0;
	for (int i = 0; i < 50; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
}

/* Which kinds of contradiction were told: a bit each. */
static uint32_t oracle_kinds(struct mrt_telemetry *t)
{
	struct watch_record rec[64];
	uint32_t kinds = 0;
	size_t n;

	while ((n = watch_drain(t, rec, 64)) > 0)
		for (size_t i = 0; i < n; i++)
			if (rec[i].kind == WATCH_INTEGRITY)
				kinds |= 1u << rec[i].c;
	return kinds;
}

static void test_oracle(void **state)
{
	static const struct {
		size_t kind;
		void (*body)(mrt_g *, struct bench *);
		uint32_t expected;
	} cases[] = {
		{0, body_lost, 1u << WORK_MISSING | 1u << WORK_COUNT | 1u << WORK_TWICE},
		{0, body_stale, 1u << WORK_VALUE},
		{0, body_stranger, 1u << WORK_UNEXPECTED | 1u << WORK_COUNT | 1u << WORK_TWICE},
		{5, body_torn_slice, 1u << WORK_VALUE},
		{5, body_short_slice, 1u << WORK_HEADER},
		{POOLED, body_pool_in_use, 1u << WORK_VALUE},
	};
	struct mrt_telemetry *t = calloc(1, sizeof(*t));

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 2);
	assert_int_equal(mrt_map_type_init(&oracle_mt, MRT_KEY_U64, &oracle_elem), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_init(&b, cases[i].kind, 500);
		b.env.telemetry = t;
		bench_run(&b, cases[i].body);
		assert_int_equal(b.failed, 0);
		assert_true(b.env.integrity_errors > 0);
		assert_int_equal(oracle_kinds(t), cases[i].expected);
	}
	free(t);
}

/* --------------------------------------------------------------------- pace */

/* 2000 operations a second; the 200th takes 100 ms. */
static void body_stall(mrt_g *g, struct bench *b)
{
	struct watch_ops *ops = &b->env.telemetry->ops[0];
	struct pace pace;
	int i = 0;

	b->env.t0_ns = mrt_now_ns() + 1000000;
	pace_init(&pace, &b->env, &b->plan.workload[0], 0, ops);
	while (pace_next(g, &pace)) {
		if (++i == 200)
			mrt_sleep_until(g, mrt_now_ns() + 100000000);
		pace_done(&pace, 0);
	}
}

static void test_stall_is_charged_to_all(void **state)
{
	struct mrt_telemetry *t = calloc(1, sizeof(*t));
	static struct watch_hist_sum sum;
	struct bench b;
	uint64_t over = 0;

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 2);
	bench_init(&b, 0, 10);
	b.env.telemetry = t;
	b.plan.workload[0].rate = 2000;
	bench_run(&b, body_stall);
	watch_hist_read(&t->ops[0].latency, &sum);
	if (MRT_SIM)
		assert_int_equal(sum.count, 2000); /* the schedule did not slow down */
	else
		assert_true(sum.count > 1500); /* the machine may be late at the end */
	for (uint32_t i = watch_hist_index(50000000); i < WATCH_HIST_CELLS; i++)
		over += sum.cell[i];
	/* Those due in the first half of the stall waited 50 ms and more: a hundred, not one. */
	assert_true(over >= 95);
	if (MRT_SIM)
		assert_true(over <= 105);
	assert_true(sum.max_ns >= 99000000);
	assert_true(atomic_load(&t->ops[0].late_ns_max) >= 98000000);
	free(t);
}

static void test_pace_shares_the_rate(void **state)
{
	struct pace a = {.t0_ns = 5, .rate = 3, .workers = 2, .worker = 0};
	struct pace b = {.t0_ns = 5, .rate = 3, .workers = 2, .worker = 1};

	(void)state;
	for (uint64_t k = 0; k < 1000000; k += 9999) { /* no drift, however long */
		assert_int_equal(pace_intended(&a, k), 5 + (int64_t)(k * 2 * 1000000000 / 3));
		assert_int_equal(pace_intended(&b, k), 5 + (int64_t)((k * 2 + 1) * 1000000000 / 3));
	}
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_churn_leaves_residue),
		cmocka_unit_test(test_pool_spares_allocations),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_stall_is_charged_to_all),
		cmocka_unit_test(test_pace_shares_the_rate),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
