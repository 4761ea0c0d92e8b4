/*
 * test_point_map.c: map/evacuate (held, left undone), map/hash, map/iterate with action reorder: a
 * growth that is kept from its end, keys that collide and a map that grows under an iteration change
 * neither what a map holds nor what is seen of it, and all of it passes with the fault.
 */
#include "tests/unit/test_point_table.h"

#define US     INT64_C(1000)
#define WANTED 3u /* firings */

struct outcome {
	struct table table;
	uint64_t growing, evacuated;
	struct mrt_map_info plain, fired, again; /* map/hash */
	_Atomic bool ended;
	mrt_wg wg;
};

/* ---------------------------------------------------------- map/evacuate, held */

/* Collections meanwhile: they find the chain in its old and in its new bucket. */
static void collector_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;

	while (!atomic_load(&o->ended)) {
		mrt_gc(g);
		mrt_sleep_until(g, mrt_now_ns() + 50 * US);
	}
	mrt_wg_done(g, &o->wg);
}

static void held_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	mrt_wg_add(&o->wg, 1);
	GC_TEST_MUST(mrt_go(g, collector_body, o, NULL) == 0);
	point_arm_all(1);
	for (uint64_t key = 0; key < KEYS; key++) {
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
		if (key % 3 == 2)
			table_delete(t, key / 2);
	}
	table_iterate(t, NULL);
	table_verify(t);
	gcs_faults_disarm_all(false, mrt_now_ns());
	atomic_store(&o->ended, true);
	mrt_wg_wait(g, &o->wg);
	heap_is_whole(g);
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(table_put(t, key, key + 9) == 0);
	table_verify(t);
}

static void test_evacuate_held(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_map_evacuate,
				      .action = GCS_ACT_DELAY,
				      .every = 12,
				      .delay_ns = 200 * US,
				      .jitter_ns = 100 * US};

	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.check_edges = true, .clobber = true},
			  held_body, &o);
		assert_true(POINT_FAULT(0, fired) >= WANTED);
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / 12);
		assert_int_equal(point_log.n, POINT_FAULT(0, fired));
		for (uint32_t i = 0; i < point_log.n; i++)
			assert_true(point_log.f[i].late == 1 &&
				    point_log.f[i].value >= (uint64_t)(200 * US));
	}
}

/* --------------------------------------------------- map/evacuate, left undone */

/* Fill a map until it grows, with much of it still to do. */
static uint64_t fill_until_growing(struct table *t, uint64_t least)
{
	struct mrt_map_info info;
	uint64_t key = 0;

	do {
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
		key++;
		mrt_map_inspect(t->map, &info);
	} while (!info.growing || info.count < least);
	return key;
}

/* Deletions alone move nothing; insertions only what they write. */
static void dropped_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	struct mrt_map_info before, after;
	uint64_t filled;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	filled = fill_until_growing(t, KEYS / 4);
	point_arm_all(1);
	mrt_map_inspect(t->map, &before);
	for (uint64_t key = 0; key < filled / 2; key++)
		table_delete(t, key);
	mrt_map_inspect(t->map, &after);
	o->evacuated = after.evacuated - before.evacuated;
	GC_TEST_MUST(after.growing && after.old_buckets == before.old_buckets);
	mrt_gc(g);
	heap_is_whole(g);
	for (uint64_t key = 0; after.growing && key < KEYS; key++) {
		GC_TEST_MUST(table_put(t, key, key + 11) == 0);
		mrt_map_inspect(t->map, &after);
		o->growing++;
	}
	table_verify(t);
	table_iterate(t, NULL);
	gcs_faults_disarm_all(false, mrt_now_ns());
	/* What was left undone gets done: at most one chain an operation was missing. */
	for (uint64_t i = 0; i <= before.old_buckets; i++)
		GC_TEST_MUST(table_put(t, i % filled, i + 1) == 0);
	mrt_map_inspect(t->map, &after);
	GC_TEST_MUST(!after.growing || after.old_buckets != before.old_buckets);
	table_verify(t);
	heap_is_whole(g);
}

static void test_evacuate_dropped(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_map_evacuate, .action = GCS_ACT_DROP};

	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.clobber = true}, dropped_body, &o);
		assert_int_equal(o.evacuated, 0);
		assert_true(o.growing > 32); /* at two a time it would be 32 at most */
		assert_true(POINT_FAULT(0, fired) >= KEYS / 16);
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
		/* Insertions into chains that have not moved. */
		assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
		for (uint32_t i = 0; i < point_log.n; i++)
			assert_true(point_log.f[i].data[0] == 1 && point_log.f[i].figure > 0);
	}
}

/* ------------------------------------------------------------------- map/hash */

static void fill(struct table *t)
{
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
	table_verify(t);
	table_iterate(t, NULL);
}

/* A map without the fault, one with it that outlives it, the same one with a new seed. */
static void hash_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	fill(t);
	mrt_map_inspect(t->map, &o->plain);
	point_arm_all(1);
	table_new(g, t, &roots[0]);
	GC_TEST_MUST(POINT_FAULT(0, fired) == 1);
	for (uint64_t key = 0; key < KEYS / 2; key++)
		GC_TEST_MUST(table_put(t, key, key + 5) == 0);
	gcs_faults_disarm_all(false, mrt_now_ns());
	table_verify(t); /* what was placed is found where it lies */
	heap_is_whole(g);
	fill(t);
	mrt_map_inspect(t->map, &o->fired);
	GC_TEST_MUST(mrt_map_clear(g, &t->mt, t->map) == 0); /* a new seed */
	memset(t->model, 0, KEYS * sizeof(*t->model));
	t->count = 0;
	table_verify(t);
	fill(t);
	mrt_map_inspect(t->map, &o->again);
	mrt_gc(g);
	heap_is_whole(g);
	table_verify(t);
}

static void test_hash(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_map_hash, .action = GCS_ACT_BIAS, .by_milli = 100};

	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.clobber = true}, hash_body, &o);
		assert_int_equal(POINT_FAULT(0, fired), 1);
		assert_int_equal(point_log.n, 1);
		assert_true(point_log.f[0].data[1] == 1 && point_log.f[0].figure == 16);
		assert_int_equal(o.fired.count, KEYS);
		assert_true(o.fired.overflow > 2 * o.plain.overflow);
		assert_true(o.fired.overflow > 2 * o.again.overflow);
	}
}

/* A share of the buckets, not more of them than there are. */
static void test_hash_refused(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_map_hash, .action = GCS_ACT_BIAS, .by_milli = 1000};
	struct gcs_faults_options opt = {.spec = &spec, .nspecs = 1};

	(void)state;
	assert_int_equal(gcs_faults_load(&opt), -EINVAL);
}

/* ----------------------------------------------------------- map/iterate, reorder */

static void change(struct table *t, uint64_t key)
{
	if (key % 5 == 0)
		GC_TEST_MUST(table_put(t, key, key + 3 + t->model[key]) == 0);
}

static void iterate_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	for (uint64_t key = 0; key < KEYS; key++) {
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
		if (key != 10 && key != 100 && key != KEYS - 1)
			continue;
		point_arm_all(1);
		for (uint32_t round = 0; round < 4; round++)
			table_iterate(t, round % 2 ? change : NULL);
		gcs_faults_disarm_all(false, mrt_now_ns());
	}
	mrt_gc(g);
	heap_is_whole(g);
	table_verify(t);
	mrt_map_inspect(t->map, &o->fired);
}

static void test_iterate_grows(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_map_iterate, .action = GCS_ACT_REORDER, .every = 3};

	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.check_edges = true, .clobber = true},
			  iterate_body, &o);
		assert_true(POINT_FAULT(0, fired) >= 3 * WANTED);
		/* Not while it grows already. */
		assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / 3);
		for (uint32_t i = 0; i < point_log.n; i++) {
			const struct point_firing *f = &point_log.f[i];

			assert_true(f->began == 1 && f->cycles == 0);
			assert_true(f->value > 0 && (f->value & (f->value - 1)) == 0);
		}
		/* At most twice the buckets that it needs. */
		assert_true((13 * (UINT64_C(1) << o.fired.b)) / 8 <= KEYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evacuate_held), cmocka_unit_test(test_evacuate_dropped),
		cmocka_unit_test(test_hash),	      cmocka_unit_test(test_hash_refused),
		cmocka_unit_test(test_iterate_grows),
	};

	return point_main("map", tests, sizeof(tests) / sizeof(tests[0]));
}
