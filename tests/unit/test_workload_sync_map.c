/*
 * test_workload_sync_map.c: the driver sync-map: workers that share one map under a collector that never rests and with allocations that
 * fail, without a contradiction and without a byte left over; and each contradiction found that is made on purpose.
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
#include "workloads/workload.h"
#include "tests/unit/test_integrity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREW_MAX    4u
#define WORKER_ID   200u
#define VALUE_BYTES 48u

static uint64_t test_seed = 1;

/* In goroutines, where cmocka cannot jump out of. */
#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);         \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

enum { STEP_BEGIN = 1, STEP_CHECK, STEP_LEAVE };

struct crew {
	struct plan plan;
	struct work_env env;
	struct crew_one {
		struct crew *crew;
		struct work_unit *unit;
		void **root;
		uint64_t ops, failed;
		int error;
	} one[CREW_MAX];
	uint32_t n;
	mrt_wg ready, stopped, checked, left;
	_Atomic uint32_t step; /* what the workers may do: begin, check, leave */
	void (*broken)(mrt_g *g, struct crew *c); /* when all have stopped */
	struct mrt_sync_map_info info;		  /* then */
	struct watch_map map;			  /* as the first worker told it last */
	_Atomic uint64_t promoted;		  /* times that a worker has seen dirty gone */
	uint64_t seen_by_other; /* contradictions that a worker found in another's keys */
	uint64_t live_before, live_after, objects_before, objects_after;
	int heap_broken;
};

static void crew_init(struct crew *c, uint32_t n, uint64_t keys)
{
	memset(c, 0, sizeof(*c));
	c->n = n;
	c->plan.runtime = (struct mrt_options){.procs = 4,
					       .gogc = 100,
					       .seed = test_seed,
					       .clobber = true,
					       .heap_reserve = (size_t)1 << 30};
	c->plan.nworkloads = 1;
	c->plan.workload[0] = (struct plan_workload){
		.id = "shared",
		.driver = "sync-map",
		.workers = n,
		.keys = keys,
		.value_bytes = VALUE_BYTES,
		.mix_insert = 30,
		.mix_delete = 26,
		.mix_lookup = 42,
		.mix_range = 2,
		.handler = -1,
	};
	c->env.plan = &c->plan;
}

/* Of one that works alone the figures are those of that moment. */
static void crew_look(mrt_g *g, struct crew_one *me, const struct mrt_sync_map_info *info)
{
	struct crew *c = me->crew;
	struct watch_map *m = &c->map;
	struct mrt_map_growths growths;

	mrt_map_growths(g, &growths);
	me->unit->driver->look(me->unit, &growths, m);
	if (c->n > 1)
		return;
	MUST(m->kind == WATCH_MAP_SYNC && m->amended == info->amended && m->misses == info->misses);
	MUST(m->count == info->read_len && m->dirty == info->dirty_len);
	MUST(m->evacuated <= m->old_buckets);
}

static void crew_work(mrt_g *g, struct crew_one *me)
{
	struct crew *c = me->crew;
	bool was_amended = false;

	for (uint64_t i = 0; i < me->ops; i++) {
		int r = me->unit->driver->op(g, me->unit);

		if (r != 0 && r != -ENOMEM)
			me->error = r;
		me->failed += r == -ENOMEM;
		if (i % 16 == 0) {
			struct mrt_sync_map_info info;

			mrt_sync_map_inspect(g, *me->root, &info);
			c->promoted += was_amended && !info.amended;
			was_amended = info.amended;
			crew_look(g, me, &info);
		}
	}
}

static void crew_worker(mrt_g *g, void *arg)
{
	struct crew_one *me = arg;
	struct crew *c = me->crew;
	struct work_unit_options opt = {
		.env = &c->env,
		.w = &c->plan.workload[0],
		.worker = (uint32_t)(me - c->one),
		.share = c->n,
	};
	MRT_ROOTS(g, root, 1);

	me->root = &root[0];
	me->error = work_driver_by_name("sync-map")->create(g, &opt, &root[0], &me->unit);
	mrt_wg_done(g, &c->ready);
	while (c->step < STEP_BEGIN)
		mrt_yield(g);
	if (me->error == 0)
		crew_work(g, me);
	mrt_wg_done(g, &c->stopped);
	while (c->step < STEP_CHECK)
		mrt_yield(g);
	if (me->unit != NULL)
		me->unit->driver->verify(g, me->unit);
	mrt_wg_done(g, &c->checked);
	while (c->step < STEP_LEAVE)
		mrt_yield(g);
	root[0] = NULL;
	mrt_wg_done(g, &c->left);
}

static void crew_live(mrt_g *g, uint64_t *bytes, uint64_t *objects)
{
	struct mrt_memstats stats;

	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &stats);
	*bytes = stats.heap_alloc;
	*objects = stats.heap_objects;
}

static void crew_start(mrt_g *g, struct crew *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct mrt_go_options opt = {.name = "worker", .worker = WORKER_ID + i, .driver = 0};

		c->one[i].crew = c;
		MUST(mrt_go(g, crew_worker, &c->one[i], &opt) == 0);
	}
}

static void crew_main(mrt_g *g, void *arg)
{
	struct crew *c = arg;
	char text[256];

	crew_live(g, &c->live_before, &c->objects_before);
	mrt_wg_add(&c->ready, c->n);
	mrt_wg_add(&c->stopped, c->n);
	mrt_wg_add(&c->checked, c->n);
	mrt_wg_add(&c->left, c->n);
	crew_start(g, c);
	mrt_wg_wait(g, &c->ready);
	if (c->plan.nfaults > 0)
		gcs_fault_arm(0, 0, false, mrt_now_ns());
	c->step = STEP_BEGIN;
	mrt_wg_wait(g, &c->stopped);
	if (c->plan.nfaults > 0)
		gcs_fault_disarm(0, false, mrt_now_ns());
	mrt_sync_map_inspect(g, *c->one[0].root, &c->info);
	if (c->broken != NULL)
		c->broken(g, c);
	c->step = STEP_CHECK;
	mrt_wg_wait(g, &c->checked);
	c->heap_broken = mrt_heap_check(g, text, sizeof(text));
	c->step = STEP_LEAVE;
	mrt_wg_wait(g, &c->left);
	crew_live(g, &c->live_after, &c->objects_after);
}

static void crew_run(struct crew *c, uint64_t ops)
{
	for (uint32_t i = 0; i < c->n; i++)
		c->one[i].ops = ops;
	assert_int_equal(mrt_run(&c->plan.runtime, crew_main, c), 0);
	for (uint32_t i = 0; i < c->n; i++) {
		assert_int_equal(c->one[i].error, 0);
		assert_non_null(c->one[i].unit);
		c->one[i].unit->driver->destroy(c->one[i].unit);
	}
	assert_null(c->env.shared[0]);
	assert_int_equal(c->heap_broken, 0);
}

/* Nothing of the map is left when its workers have let it go. */
static void crew_left_nothing(const struct crew *c)
{
	assert_int_equal(c->live_after, c->live_before);
	assert_int_equal(c->objects_after, c->objects_before);
}

/* ---------------------------------------------------------------- operations */

static void test_share(void **state)
{
	static const uint32_t crews[] = {1, 2, 4};

	(void)state;
	for (size_t i = 0; i < sizeof(crews) / sizeof(crews[0]); i++) {
		static struct crew c;

		crew_init(&c, crews[i], 600);
		c.plan.runtime.gc_every = 211;
		c.plan.runtime.check_edges = true;
		crew_run(&c, 8000);
		assert_int_equal(c.env.integrity_errors, 0);
		/* Each his own keys, and what is there of all: 600, and an eighth at most each way. */
		assert_true(c.env.checked >= 600 + crews[i] * 500);
		assert_true(c.promoted > 10);
		assert_int_equal(c.map.kind, WATCH_MAP_SYNC);
		assert_true(c.map.grown > 0 && c.map.bytes > 0);
		crew_left_nothing(&c);
	}
}

/* Look-ups alone change nothing, allocate nothing and end in a map that is all read. */
static void test_readers_alone(void **state)
{
	static struct crew c;

	(void)state;
	crew_init(&c, 4, 400);
	c.plan.workload[0].mix_insert = c.plan.workload[0].mix_delete = 0;
	c.plan.workload[0].mix_lookup = 100;
	c.plan.workload[0].mix_range = 0;
	crew_run(&c, 3000);
	assert_int_equal(c.env.integrity_errors, 0);
	assert_int_equal(c.info.read_len, 400);
	assert_false(c.info.amended);
	assert_int_equal(c.info.deleted + c.info.expunged, 0);
	crew_left_nothing(&c);
}

/* One allocation in a hundred fails; each firing is an operation that says so, and has changed nothing. */
static void test_no_memory(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = 10000000};
	struct gcs_faults_options opt = {.spec = &spec, .nspecs = 1, .seed = test_seed};
	static struct crew c;
	uint64_t failed = 0;

	(void)state;
	crew_init(&c, 4, 600);
	c.plan.nfaults = 1;
	c.plan.runtime.gc_every = 211;
	assert_int_equal(gcs_faults_load(&opt), 0);
	crew_run(&c, 6000);
	for (uint32_t i = 0; i < c.n; i++)
		failed += c.one[i].failed;
	assert_true(failed > 40);
	assert_int_equal(failed, atomic_load(&gcs_fault_counters(0)->fired));
	gcs_faults_clear();
	assert_int_equal(c.env.integrity_errors, 0);
	crew_left_nothing(&c);
}

/* Stores and deletions are held up by a whole collection once they are in the map, or just before; look-ups of the others go on, and must
 * know that either may be found. */
static void test_held_up(void **state)
{
	(void)state;
	for (int after = 0; after < 2; after++) {
		struct gcs_fault_spec spec = {
			.point = GCS_POINT_gc_write,
			.action = GCS_ACT_FORCE,
			.where = after ? GCS_WHERE_AFTER_STORE : GCS_WHERE_BEFORE_SHADE,
			.mode = GCS_MODE_CYCLE,
			.every = 20};
		struct gcs_faults_options opt = {.spec = &spec, .nspecs = 1, .seed = test_seed};
		static struct crew c;

		crew_init(&c, 4, 8);
		c.plan.nfaults = 1;
		assert_int_equal(gcs_faults_load(&opt), 0);
		crew_run(&c, 2000);
		assert_true(atomic_load(&gcs_fault_counters(0)->fired) > 20);
		gcs_faults_clear();
		assert_int_equal(c.env.integrity_errors, 0);
		crew_left_nothing(&c);
	}
}

/* The nth allocation of a single worker fails, for every n there is. */
static void test_every_allocation_fails(void **state)
{
	uint64_t nth = 1, fired = 1;

	(void)state;
	for (; fired > 0; nth++) {
		struct gcs_fault_spec spec = {
			.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = nth};
		struct gcs_faults_options opt = {.spec = &spec, .nspecs = 1, .seed = test_seed};
		static struct crew c;

		crew_init(&c, 1, 30);
		c.plan.nfaults = 1;
		assert_int_equal(gcs_faults_load(&opt), 0);
		crew_run(&c, 120);
		fired = atomic_load(&gcs_fault_counters(0)->fired);
		gcs_faults_clear();
		assert_int_equal(c.one[0].failed, fired);
		assert_int_equal(c.env.integrity_errors, 0);
		crew_left_nothing(&c);
		assert_true(nth < 1000);
	}
	assert_true(nth > 40);
}

/* -------------------------------------------------------------------- oracle */

struct found {
	uint64_t key;
	void *value;
};

static bool found_first(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct found *f = arg;

	(void)g;
	f->key = key;
	f->value = value;
	return false;
}

static struct found found_one(mrt_g *g, struct crew *c)
{
	struct found f = {0};

	mrt_sync_map_range(g, *c->one[0].root, found_first, &f);
	return f;
}

static void broken_lost(mrt_g *g, struct crew *c)
{
	mrt_sync_map_load_and_delete(g, *c->one[0].root, found_one(g, c).key);
}

static void broken_stranger(mrt_g *g, struct crew *c)
{
	struct found f = found_one(g, c);

	MUST(mrt_sync_map_store(g, *c->one[0].root, 1 << 20, f.value) == 0);
}

static void broken_torn(mrt_g *g, struct crew *c)
{
	((uint64_t *)found_one(g, c).value)[VALUE_BYTES / 8 - 2] ^= 1;
}

/* The version is another's: content and version go together, so the first word gives it away. */
static void broken_stale(mrt_g *g, struct crew *c)
{
	*(uint64_t *)found_one(g, c).value ^= 1;
}

/* Two keys have one value. */
static void broken_mixed_up(mrt_g *g, struct crew *c)
{
	struct found f = found_one(g, c);
	MRT_ROOTS(g, value, 1);

	value[0] = f.value;
	for (uint64_t k = 0;; k++)
		if (k != f.key && mrt_sync_map_load(g, *c->one[0].root, k) != NULL) {
			MUST(mrt_sync_map_store(g, *c->one[0].root, k, value[0]) == 0);
			return;
		}
}

static bool found_odd(mrt_g *g, uint64_t key, void *value, void *arg)
{
	return key % 2 == 0 || found_first(g, key, value, arg);
}

/* A key of the second of two workers is gone, and the first looks keys up. */
static void broken_others(mrt_g *g, struct crew *c)
{
	struct work_unit *first = c->one[0].unit;
	struct found f = {0};

	mrt_sync_map_range(g, *c->one[0].root, found_odd, &f);
	MUST(f.key % 2 == 1);
	mrt_sync_map_load_and_delete(g, *c->one[0].root, f.key);
	c->plan.workload[0].mix_insert = c->plan.workload[0].mix_delete = 0;
	c->plan.workload[0].mix_lookup = 100;
	c->plan.workload[0].mix_range = 0;
	for (int i = 0; i < 5000; i++)
		MUST(first->driver->op(g, first) == 0);
	c->seen_by_other = c->env.integrity_errors;
}

static void test_oracle(void **state)
{
	static const struct {
		void (*broken)(mrt_g *, struct crew *);
		uint32_t expected;
	} cases[] = {
		{broken_lost, 1u << WORK_MISSING | 1u << WORK_TWICE},
		{broken_others, 1u << WORK_MISSING | 1u << WORK_TWICE},
		{broken_stranger, 1u << WORK_UNEXPECTED},
		{broken_torn, 1u << WORK_VALUE},
		{broken_stale, 1u << WORK_VALUE},
		{broken_mixed_up, 1u << WORK_VALUE},
	};
	struct mrt_telemetry *t = calloc(1, sizeof(*t));

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct crew c;

		crew_init(&c, 2, 200);
		c.env.telemetry = t;
		c.broken = cases[i].broken;
		crew_run(&c, 500);
		assert_true(c.env.integrity_errors > 0);
		assert_int_equal(integrity_kinds(t), cases[i].expected);
		assert_true(c.broken != broken_others || c.seen_by_other > 0);
	}
	free(t);
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_readers_alone),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_held_up),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_oracle),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
