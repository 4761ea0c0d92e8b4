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
#include "workloads/churn_key.h"
#include "workloads/pace.h"
#include "workloads/rates.h"
#include "workloads/workload.h"
#include "tests/unit/test_integrity.h"

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

static const struct bench_kind {
	const char *driver;
	enum plan_key key;
	enum plan_value value;
	uint32_t bytes;
} bench_kinds[] = {
	{"map-churn", PLAN_KEY_U64, PLAN_VALUE_U64, 8},
	{"map-churn", PLAN_KEY_U64, PLAN_VALUE_INLINE, 120},
	{"map-churn", PLAN_KEY_U64, PLAN_VALUE_INDIRECT, 136},
#define PTR 3
	{"map-churn", PLAN_KEY_U64, PLAN_VALUE_PTR, 48},
#define POOLED 4
	{"map-churn", PLAN_KEY_U64, PLAN_VALUE_POOLED, 64},
#define SLICE 5
	{"slice-append", PLAN_KEY_U64, PLAN_VALUE_U64, 8},
#define U32 6
	{"map-churn", PLAN_KEY_U32, PLAN_VALUE_U64, 8},
#define STRING 7
	{"map-churn", PLAN_KEY_STRING, PLAN_VALUE_U64, 8},
	{"map-churn", PLAN_KEY_STRING, PLAN_VALUE_PTR, 48},
	{"map-churn", PLAN_KEY_STRING, PLAN_VALUE_POOLED, 64},
#define BYTES32 10
	{"map-churn", PLAN_KEY_BYTES32, PLAN_VALUE_INLINE, 40},
	{"map-churn", PLAN_KEY_BYTES32, PLAN_VALUE_INDIRECT, 136},
	{"map-churn", PLAN_KEY_U32, PLAN_VALUE_PTR, 16},
};
#define KINDS (sizeof(bench_kinds) / sizeof(bench_kinds[0]))

/* Does every store make an object? */
static bool bench_always_makes(const struct bench_kind *kind)
{
	return kind->key == PLAN_KEY_STRING || kind->value == PLAN_VALUE_PTR ||
	       kind->value == PLAN_VALUE_INDIRECT;
}

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
		.key = bench_kinds[kind].key,
		.value = bench_kinds[kind].value,
		.value_bytes = bench_kinds[kind].bytes,
		.mix_insert = 40,
		.mix_delete = 40,
		.mix_lookup = 20,
		.retain = 100000,
		.handler = -1,
		.size = {PLAN_DIST_ZIPF, 64, 65536, 1100},
	};
	snprintf(w->driver, sizeof(w->driver), "%s", bench_kinds[kind].driver);
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
	b->failed += after.b != before.b || after.count > 3151 || after.count < 2449;
}

/* Incident I1: entries come and go in equal volume, the map keeps its buckets, and chains of
 * overflow stay. */
static void test_churn_leaves_residue(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, PTR, 2800); /* and an eighth: 512 buckets take 3328 */
	bench_run(&b, body_residue);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.env.integrity_errors, 0);
	assert_true(b.fired > 0);
}

/* Every growth of the unit's maps, from what is told after each operation. */
static void body_look(mrt_g *g, struct bench *b)
{
	struct watch_map now = {0}, was = {0};
	struct mrt_map_growths growths;
	uint64_t doubled, regrown = 0, midway = 0, renewed = 0;
	struct mrt_map_info info;

	mrt_map_growths(g, &growths);
	b->unit->driver->look(b->unit, &growths, &was);
	doubled = was.b; /* from one bucket on */
	b->failed += was.kind != WATCH_MAP_CLASSIC || was.grown != doubled || was.regrown != 0;
	for (int i = 0; i < 30000; i++) {
		b->failed += b->unit->driver->op(g, b->unit) != 0;
		mrt_map_growths(g, &growths);
		b->unit->driver->look(b->unit, &growths, &now);
		mrt_map_inspect(mrt_load(b->unit->root), &info);
		b->failed += now.count != info.count || now.b != info.b || now.overflow != info.overflow ||
			     now.load_milli != info.load_milli || now.bytes != info.bucket_bytes;
		if (now.b > was.b)
			doubled++;
		else if (now.growing == 2 && (was.growing != 2 || was.evacuated > now.evacuated))
			regrown++;
		midway += now.growing != 0 && now.evacuated > 0 && now.evacuated < now.old_buckets;
		b->failed += now.evacuated > now.old_buckets;
		renewed += now.count < was.count / 2;
		was = now;
	}
	b->fired = midway;
	/* A growth of few buckets is over in the operation that began it; of twice as many it shows all the same. */
	b->failed += now.grown != doubled || now.regrown < regrown || now.amended != 0;
	b->failed += renewed == 0; /* the figures go on over a new map */
}

static void test_look(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct bench b;

		if (bench_kinds[k].driver[0] != 'm' || bench_kinds[k].value == PLAN_VALUE_POOLED)
			continue;
		bench_init(&b, k, 3000);
		b.plan.workload[0].renew = 9000;
		bench_run(&b, body_look);
		assert_int_equal(b.failed, 0);
		assert_int_equal(b.env.integrity_errors, 0);
		assert_true(b.fired > 10); /* growths on their way */
	}
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

/* Values of a word: the integers' stores make nothing, a string's make its text, and look-ups and deletions do not. */
static void test_stores_make_keys(void **state)
{
	uint64_t made[2], looked;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct bench b;

		bench_init(&b, k == 0 ? U32 : STRING, 3000);
		if (k == 2)
			b.plan.workload[0].mix_insert = b.plan.workload[0].mix_delete = 0;
		bench_run(&b, body_allocations);
		assert_int_equal(b.failed, 0);
		assert_int_equal(b.env.integrity_errors, 0);
		*(k < 2 ? &made[k] : &looked) = b.fired;
	}
	assert_true(made[0] < 500); /* buckets */
	assert_true(made[1] > 7000);
	assert_true(made[1] < 9000); /* 8000 stores */
	assert_int_equal(looked, 0);
}

/* ------------------------------------------------------------- what keys take */

#define TEXT_KEYS_MAX 1024u

struct texts {
	char text[TEXT_KEYS_MAX][CHURN_TEXT_BYTES_MAX];
	struct mrt_string key[TEXT_KEYS_MAX]; /* of those */
	uintptr_t block[TEXT_KEYS_MAX];
	size_t n, nblocks;
	uint64_t bytes; /* of the texts in the heap: slots, or the blocks that small ones share */
};

static void texts_block(struct texts *t, uintptr_t block)
{
	for (size_t i = 0; i < t->nblocks; i++)
		if (t->block[i] == block)
			return;
	t->block[t->nblocks++] = block;
	t->bytes += 16;
}

static void texts_take(struct texts *t, const struct mrt_string *s)
{
	if (t->n == TEXT_KEYS_MAX || s->bytes > CHURN_TEXT_BYTES_MAX)
		return;
	t->key[t->n] = (struct mrt_string){memcpy(t->text[t->n], s->data, s->bytes), s->bytes};
	t->n++;
	if (s->bytes < 16)
		texts_block(t, (uintptr_t)s->data & ~(uintptr_t)15);
	else
		t->bytes += mrt_slice_next_cap(
			(struct mrt_growth){.elem_bytes = 1, .noscan = true}, 0, s->bytes);
}

static void texts_collect(mrt_g *g, const struct mrt_map_type *mt, struct bench *b, struct texts *t)
{
	MRT_MAP_ITER(g, mt, b->root, it);

	while (mrt_map_iter_next(g, &it))
		texts_take(t, it.key_ptr);
}

static uint64_t texts_heap_alloc(mrt_g *g)
{
	struct mrt_memstats stats;

	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &stats);
	return stats.heap_alloc;
}

/* The map gets its own keys again, from memory that is not the heap's: what that frees is what its texts took. */
static void body_key_bytes(mrt_g *g, struct bench *b)
{
	static struct texts t;
	static struct mrt_map_type mt;
	static const struct mrt_key_type string = {.kind = MRT_KEY_STRING};
	static const struct mrt_type word = {.name = "churn element", .size = 8};
	struct mrt_map_info info = {.growing = true};
	uint64_t before;

	memset(&t, 0, sizeof(t));
	b->failed += mrt_map_type_init_key(&mt, &string, &word) != 0;
	for (int i = 0; i < 20000 || info.growing; i++) {
		b->failed += b->unit->driver->op(g, b->unit) != 0;
		mrt_map_inspect(b->root, &info);
	}
	before = texts_heap_alloc(g);
	texts_collect(g, &mt, b, &t);
	for (size_t i = 0; i < t.n; i++)
		b->failed += mrt_map_put_key(g, &mt, b->root, &t.key[i],
					     mrt_map_get_key(g, &mt, b->root, &t.key[i])) != 0;
	b->failed += t.n != info.count || t.nblocks == 0 || t.nblocks == t.n;
	b->fired = before - texts_heap_alloc(g);
	b->nth = t.bytes;
	b->unit->driver->verify(g, b->unit);
}

/* Texts that were let go, by deletions and by updates, are gone; those of the map are there, to the byte. */
static void test_key_bytes(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, STRING, 700);
	b.plan.runtime.gc_every = 97;
	bench_run(&b, body_key_bytes);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.env.integrity_errors, 0);
	assert_true(b.nth > 700 * 16);
	assert_int_equal(b.fired, b.nth);
}

/* When all 32-bit keys have been, they come again, but for those that are there. */
static void test_keys_come_again(void **state)
{
	static const struct mrt_type word = {.name = "churn element", .size = 8};
	const uint64_t again = UINT64_C(1) << 31;
	struct churn_keys keys;
	struct model m;
	uint64_t next = 0, number[100];

	(void)state;
	assert_int_equal(churn_keys_init(&keys, PLAN_KEY_U32, test_seed, &word), 0);
	assert_int_equal(model_init(&m, 100), 0);
	for (uint64_t i = 0; i < 100; i++) {
		number[i] = churn_key_fresh(&keys, &m, &next);
		assert_true(number[i] != 0 && number[i] <= UINT32_MAX);
		assert_null(model_find(&m, number[i]));
		model_put(&m, number[i], 1);
		next++;
	}
	for (uint64_t i = 0; i < 10000; i++)
		assert_null(model_find(&m, churn_key_absent(&keys, i)));
	next += again - 100;
	model_delete(&m, number[60]);
	assert_int_equal(churn_key_fresh(&keys, &m, &next), number[60]);
	assert_int_equal(next, again + 60);
	model_fini(&m);
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
		/* A small map of plain words may get along without a bucket of its own, and with a pool. */
		assert_true(b.failed > 0 || !bench_always_makes(&bench_kinds[k]));
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

static void *oracle_first_key_ptr(mrt_g *g, struct bench *b, const struct mrt_map_type *mt)
{
	MRT_MAP_ITER(g, mt, b->root, it);

	return mrt_map_iter_next(g, &it) ? (void *)(uintptr_t)it.key_ptr : NULL;
}

/* The last byte of a key, for as long as contents are compared (the heap check would find it too): what it begins with still says which
 * one it was. */
static void torn_key(mrt_g *g, struct bench *b, char *last)
{
	*last ^= 1;
	b->unit->driver->verify(g, b->unit);
	*last ^= 1;
}

static void body_torn_string(mrt_g *g, struct bench *b)
{
	static struct mrt_map_type mt;
	static const struct mrt_key_type key = {.kind = MRT_KEY_STRING};
	struct mrt_string *s;

	b->failed += mrt_map_type_init_key(&mt, &key, &oracle_elem) != 0;
	s = oracle_first_key_ptr(g, b, &mt);
	torn_key(g, b, (char *)(uintptr_t)s->data + s->bytes - 1);
}

static void body_torn_array(mrt_g *g, struct bench *b)
{
	static struct mrt_map_type mt;
	static const struct mrt_type layout = {.name = "oracle", .size = 32},
				     elem = {.name = "oracle", .size = 40};
	static const struct mrt_key_type key = {.kind = MRT_KEY_MEMORY, .layout = &layout};

	b->failed += mrt_map_type_init_key(&mt, &key, &elem) != 0;
	torn_key(g, b, (char *)oracle_first_key_ptr(g, b, &mt) + 31);
}

/* Buffers of the pool that somebody still writes to. */
static void body_pool_in_use(mrt_g *g, struct bench *b)
{
	struct {
		void *map;
		uint64_t **shelf;
	} *hold = b->root;
	uint64_t free = 0;

	/* At its fullest the map would take nothing more. */
	for (int i = 0; i < 500 || mrt_map_count(hold->map) > 500; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	for (; hold->shelf[free] != NULL; free++)
		hold->shelf[free][0] ^= 1;
	b->failed += free == 0;
	b->plan.workload[0].mix_insert = 60; /* the shelf is a stack: the map grows until it is down to those */
	b->plan.workload[0].mix_lookup = 0;
	for (int i = 0; i < 500; i++)
		b->failed += b->unit->driver->op(g, b->unit) != 0;
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
		{STRING, body_torn_string, 1u << WORK_MISSING | 1u << WORK_UNEXPECTED},
		{BYTES32, body_torn_array, 1u << WORK_MISSING | 1u << WORK_UNEXPECTED},
		{SLICE, body_torn_slice, 1u << WORK_VALUE},
		{SLICE, body_short_slice, 1u << WORK_HEADER},
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
		assert_int_equal(integrity_kinds(t), cases[i].expected);
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

#define PACE_RUNS 20u /* at most, of a second each, until a real machine was not late at the end of one */

/* One run. False: the machine was late at its end, and what was due then has not been done. */
static bool stall_run(struct watch_hist_sum *ret, uint64_t *ret_late_ns_max)
{
	struct mrt_telemetry *t = calloc(1, sizeof(*t));
	struct bench b;

	assert_non_null(t);
	watch_layout_init(t, 2);
	bench_init(&b, 0, 10);
	b.env.telemetry = t;
	b.plan.workload[0].rate = 2000;
	bench_run(&b, body_stall);
	watch_hist_read(&t->ops[0].latency, ret);
	*ret_late_ns_max = atomic_load(&t->ops[0].late_ns_max);
	free(t);
	assert_true(ret->count <= 2000);
	return ret->count > (MRT_SIM ? 1999 : 1500); /* in the simulation the schedule does not slow down */
}

static void test_stall_is_charged_to_all(void **state)
{
	static struct watch_hist_sum sum;
	uint64_t over = 0, late_ns_max = 0;
	bool timely = false;

	(void)state;
	for (uint32_t i = 0; i < (MRT_SIM ? 1 : PACE_RUNS) && !timely; i++)
		timely = stall_run(&sum, &late_ns_max);
	assert_true(timely);
	for (uint32_t i = watch_hist_index(50000000); i < WATCH_HIST_CELLS; i++)
		over += sum.cell[i];
	/* Those due in the first half of the stall waited 50 ms and more: a hundred, not one. */
	assert_true(over >= 95);
	if (MRT_SIM)
		assert_true(over <= 105);
	assert_true(sum.max_ns >= 99000000);
	assert_true(late_ns_max >= 98000000);
}

static void test_pace_shares_the_rate(void **state)
{
	struct pace a = {.base_ns = 5, .rate = 3, .workers = 2, .worker = 0};
	struct pace b = {.base_ns = 5, .rate = 3, .workers = 2, .worker = 1};

	(void)state;
	for (uint64_t k = 0; k < 1000000; k += 9999) { /* no drift, however long */
		assert_int_equal(pace_intended(&a, k), 5 + (int64_t)(k * 2 * 1000000000 / 3));
		assert_int_equal(pace_intended(&b, k), 5 + (int64_t)((k * 2 + 1) * 1000000000 / 3));
	}
}

/* Changes of the rate, from t0. */
static const struct rates_change rate_steps[] = {
	{300000000, 4000}, {600000000, 100}, {600000001, 700}, {800000000, 3000}};
#define RATE_STEPS (sizeof(rate_steps) / sizeof(rate_steps[0]))

/* Operations of a worker that are intended within a span, counted one by one. */
static uint64_t rate_count(uint64_t rate, uint32_t workers, uint32_t worker, int64_t span_ns)
{
	uint64_t n = 0;

	while ((int64_t)((n * workers + worker) * 1000000000 / rate) < span_ns)
		n++;
	return n;
}

/* From t0 to a moment, at 1000/s first. */
static uint64_t rate_count_until(uint32_t workers, uint32_t worker, int64_t until_ns)
{
	uint64_t n = 0, rate = 1000;
	int64_t from = 0;

	for (size_t i = 0; i < RATE_STEPS && rate_steps[i].from_ns <= until_ns; i++) {
		n += rate_count(rate, workers, worker, rate_steps[i].from_ns - from);
		from = rate_steps[i].from_ns;
		rate = rate_steps[i].rate;
	}
	return n + rate_count(rate, workers, worker, until_ns - from);
}

/* What is told of a worker that lies behind is what was due, through all the changes. */
static bool rates_told(const struct bench *b, const struct pace *p)
{
	uint64_t due = rate_count_until(3, 1, p->now_ns - b->env.t0_ns),
		 told = atomic_load(&b->env.telemetry->ops[0].intended);

	return told <= due && told + 1 >= due;
}

/* Worker 1 of 3, which stands still from 0.25 s to 0.7 s, while the rate changes three times. */
static void body_rates(mrt_g *g, struct bench *b)
{
	static struct rates rates;
	struct watch_ops *ops = &b->env.telemetry->ops[0];
	struct pace pace;
	int64_t last_ns = 0, done_ns;
	bool stalled = false;

	memset(&rates, 0, sizeof(rates));
	b->env.rates = &rates;
	b->env.t0_ns = mrt_now_ns() + 1000000;
	pace_init(&pace, &b->env, &b->plan.workload[0], 1, ops);
	for (size_t i = 0; i < RATE_STEPS; i++)
		b->failed += rates_add(&rates, b->env.t0_ns + rate_steps[i].from_ns,
				       rate_steps[i].rate) != 0;
	while (done_ns = pace.now_ns, pace_next(g, &pace)) {
		b->failed += pace.from_ns < last_ns; /* never back */
		/* Who slept, and too long, has told before it slept. */
		if (pace.k % 64 == 0 && pace.now_ns == done_ns && pace.now_ns > pace.from_ns + 10000000) {
			b->failed += !rates_told(b, &pace);
			b->nth++;
		}
		last_ns = pace.from_ns;
		if (!stalled && pace.from_ns >= b->env.t0_ns + 250000000) {
			stalled = true;
			mrt_sleep_until(g, b->env.t0_ns + 700000000);
		}
		pace_done(&pace, 0);
	}
	b->fired = pace.k;
}

/* One run, of which so many operations are due. False: the machine was late at its end. */
static bool rates_run(uint64_t all, struct watch_hist_sum *ret)
{
	struct mrt_telemetry *t = calloc(1, sizeof(*t));
	uint64_t told;
	struct bench b;

	assert_non_null(t);
	watch_layout_init(t, 2);
	bench_init(&b, 0, 10);
	b.env.telemetry = t;
	b.plan.workload[0].rate = 1000;
	b.plan.workload[0].workers = 3;
	bench_run(&b, body_rates);
	assert_int_equal(b.failed, 0);
	watch_hist_read(&t->ops[0].latency, ret);
	told = atomic_load(&t->ops[0].intended);
	free(t);
	assert_int_equal(ret->count, b.fired);
	assert_true(b.fired <= all && told <= all);
	if (MRT_SIM) { /* not one lost, not one twice; told each 64 operations, and before each sleep */
		assert_int_equal(b.fired, all);
		assert_true(told >= all - 64);
	}
	/* The second: it was looked at. */
	return b.fired > all / 2 && b.nth >= 4;
}

static void test_rates_change(void **state)
{
	static struct watch_hist_sum sum;
	uint64_t all = rate_count_until(3, 1, 1000000000), late = 0;
	bool timely = false;

	(void)state;
	for (uint32_t i = 0; i < (MRT_SIM ? 1 : PACE_RUNS) && !timely; i++)
		timely = rates_run(all, &sum);
	assert_true(timely);
	/* What fell due before a change stayed due: those of 0.3 s to 0.5 s waited 200 ms and more. */
	for (uint32_t i = watch_hist_index(200000000); i < WATCH_HIST_CELLS; i++)
		late += sum.cell[i];
	assert_true(late >= rate_count(4000, 3, 1, 195000000));
}

static void test_rates_are_bounded(void **state)
{
	static struct rates r;

	(void)state;
	assert_null(rates_at(&r, 0));
	assert_null(rates_at(NULL, 0));
	for (uint32_t i = 0; i < RATES_MAX; i++)
		assert_int_equal(rates_add(&r, i, i + 1), 0);
	assert_int_equal(rates_add(&r, 0, 1), -E2BIG);
	assert_int_equal(rates_at(&r, RATES_MAX - 1)->rate, RATES_MAX);
	assert_null(rates_at(&r, RATES_MAX));
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_churn_leaves_residue),
		cmocka_unit_test(test_pool_spares_allocations),
		cmocka_unit_test(test_stores_make_keys),
		cmocka_unit_test(test_key_bytes),
		cmocka_unit_test(test_keys_come_again),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_stall_is_charged_to_all),
		cmocka_unit_test(test_pace_shares_the_rate),
		cmocka_unit_test(test_rates_change),
		cmocka_unit_test(test_rates_are_bounded),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
