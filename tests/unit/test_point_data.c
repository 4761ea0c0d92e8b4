/*
 * test_point_data.c: map/grow, map/iterate and slice/grow: a growth that is refused changes nothing,
 * one that comes too early neither, also under an iteration; a collection in the middle of an
 * iteration loses no entry.
 */
#include "tests/unit/test_point_table.h"

#define APPENDS	 3000u
#define WANTED	 3u	  /* firings */
#define MORE_MAX 2000000u /* steps at most until there were as many */

struct outcome {
	struct table table;
	uint32_t refused, steps;
	uint64_t visits;
};

/* ----------------------------------------------------------- map/grow, refused */

/* Keys that go in until none is missing; what is refused is refused as a whole. */
static void refused_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	point_arm_all(1);
	for (uint64_t key = 0; key < KEYS; key++) {
		struct mrt_map_info before, after;
		int r;

		mrt_map_inspect(t->map, &before);
		r = table_put(t, key, key + 7);
		GC_TEST_MUST(r == 0 || r == -EDQUOT);
		if (r == 0)
			continue;
		mrt_map_inspect(t->map, &after);
		GC_TEST_MUST(before.count == after.count && before.b == after.b &&
			     before.overflow == after.overflow && !before.growing &&
			     !after.growing);
		o->refused++;
		if (t->model[key / 2] != 0) /* an update needs no growth */
			GC_TEST_MUST(table_put(t, key / 2, key) == 0);
	}
	table_verify(t);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(t->model[key] != 0 || table_put(t, key, key + 7) == 0);
	mrt_gc(g);
	heap_is_whole(g);
	table_verify(t);
	table_iterate(t, NULL);
}

static void check_failed(uint32_t refused)
{
	assert_true(refused > 0);
	assert_int_equal(POINT_FAULT(0, fired), refused);
	assert_int_equal(point_log.n, refused);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->failed == 1 && f->value == EDQUOT && f->began == 0);
		assert_true(f->arg > 0);
	}
}

static void test_grow_refused(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_map_grow,
				      .action = GCS_ACT_FAIL,
				      .err = EDQUOT,
				      .every = 2};

	(void)state;
	for (uint32_t kind = 0; kind < 4; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.clobber = true}, refused_body, &o);
		check_failed(o.refused);
		assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible)); /* no growth due */
	}
}

/* No growth to large arrays for long: what the map has room for goes in, no more. */
static void test_grow_refused_large(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_map_grow,
				      .action = GCS_ACT_FAIL,
				      .err = EDQUOT,
				      .size_min = 8192,
				      .times = (POINT_WORKERS + 1) * 300}; /* 300 for the main goroutine */
	struct outcome o = {.table = {.key = MRT_KEY_U64}};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){0}, refused_body, &o);
	check_failed(o.refused);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg >= 8192);
}

/* ------------------------------------------------------------ map/grow, forced */

static void insert_below(struct table *t, uint64_t key)
{
	uint64_t other = (key * 7 + 1) % KEYS;

	GC_TEST_MUST(table_put(t, other, other + 100) == 0);
}

/* Growth begins at insertions, also of keys that come in the middle of an iteration. */
static void forced_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	struct mrt_map_info info;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	point_arm_all(1);
	for (uint64_t key = 0; key < KEYS / 2; key++)
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
	table_iterate(t, insert_below);
	table_verify(t);
	heap_is_whole(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_map_inspect(t->map, &info);
	/* Without the fault the last growth is at 6.5 entries a bucket: at most twice as many. */
	GC_TEST_MUST((13 * (UINT64_C(1) << info.b)) / 8 <= t->count);
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(table_put(t, key, key + 9) == 0);
	mrt_gc(g);
	heap_is_whole(g);
	table_verify(t);
	table_iterate(t, NULL);
}

static void check_forced(void)
{
	uint32_t began = 0;

	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->began == 1 && f->failed == 0);
		assert_true(f->value > 0 && (f->value & (f->value - 1)) == 0); /* buckets */
		began += f->value > 1;
	}
	assert_true(began >= WANTED);
}

static void test_grow_forced(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_map_grow, .action = GCS_ACT_FORCE};

	(void)state;
	for (uint32_t kind = 0; kind < 6; kind++) {
		struct outcome o = {.table = {.objects = kind & 1,
					      .key = kind & 2 ? MRT_KEY_U32 : MRT_KEY_U64}};

		spec.every = kind < 4 ? 20 : 1;
		point_run(&spec, 1, (struct mrt_options){.clobber = true}, forced_body, &o);
		check_forced();
	}
}

/* ---------------------------------------------------------------- map/iterate */

static void update(struct table *t, uint64_t key)
{
	if (key % 5 == 0)
		GC_TEST_MUST(table_put(t, key, key + 3 + t->model[key]) == 0);
}

static void iterate_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct table *t = &o->table;
	uint64_t keys = KEYS / 2;
	MRT_ROOTS(g, roots, 1);

	table_new(g, t, &roots[0]);
	for (uint64_t key = 0; key < keys; key++)
		GC_TEST_MUST(table_put(t, key, key + 7) == 0);
	point_arm_all(1);
	/* A cycle may last as long as a round: then there are more of them. */
	for (uint32_t i = 0; i < 4 || (POINT_FAULT(0, fired) < WANTED && i < MORE_MAX / keys);
	     i++) {
		table_iterate(t, i % 2 ? update : NULL);
		o->visits += keys;
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	heap_is_whole(g);
	table_verify(t);
}

static void test_iterate(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_map_iterate, .action = GCS_ACT_FORCE, .every = 60};

	(void)state;
	for (uint32_t objects = 0; objects < 2; objects++) {
		struct outcome o = {.table = {.objects = objects, .key = MRT_KEY_U64}};

		point_run(&spec, 1, (struct mrt_options){.check_edges = true, .clobber = true},
			  iterate_body, &o);
		/* The step that finds the end is one too. */
		assert_true(POINT_FAULT(0, visits) > o.visits);
		assert_true(POINT_FAULT(0, fired) >= WANTED);
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / 60);
		assert_int_equal(point_log.n, POINT_FAULT(0, fired));
		for (uint32_t i = 0; i < point_log.n; i++)
			assert_true(point_log.f[i].began == 1 && point_log.f[i].cycles == 1 &&
				    point_log.f[i].stops >= 2);
	}
}

/* ----------------------------------------------------------------- slice/grow */

/* A slice that grows one by one, shared with an older view of the same array. */
static void slice_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct mrt_slice s = {0};
	void *value[1] = {0};
	MRT_ROOT_SLOTS(g, s_frame, &s.array, 1);
	MRT_ROOT_SLOTS(g, v_frame, value, 1);

	point_arm_all(1);
	for (uint64_t i = 0; i < APPENDS;) {
		struct mrt_slice before = s;
		int r;

		GC_TEST_MUST(mrt_new(g, &number_type, &value[0]) == 0);
		*(uint64_t *)value[0] = i;
		r = mrt_append(g, &pointer_type, &s, value, 1);
		GC_TEST_MUST(r == 0 || r == -EDQUOT);
		if (r == 0) {
			i++;
			continue;
		}
		o->refused++;
		GC_TEST_MUST(memcmp(&before, &s, sizeof(s)) == 0 && s.len == s.cap);
		for (uint64_t k = 0; k < s.len; k++)
			GC_TEST_MUST(*((uint64_t **)s.array)[k] == k);
		if (o->refused % 4 == 0)
			mrt_gc(g); /* the new array is garbage now */
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	heap_is_whole(g);
	GC_TEST_MUST(s.len == APPENDS);
	for (uint64_t k = 0; k < s.len; k++)
		GC_TEST_MUST(*((uint64_t **)s.array)[k] == k);
}

static void test_slice_grow(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_slice_grow,
				      .action = GCS_ACT_FAIL,
				      .err = EDQUOT,
				      .nth = 3,
				      .burst = 9};
	struct outcome o = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.clobber = true}, slice_body, &o);
	check_failed(o.refused);
	assert_int_equal(o.refused, 9);
	assert_true(POINT_FAULT(0, visits) < 9 + 40); /* growths, not appends */

	spec = (struct gcs_fault_spec){.point = GCS_POINT_slice_grow,
				       .action = GCS_ACT_FAIL,
				       .err = EDQUOT,
				       .every = 2,
				       .size_min = 4096};
	o = (struct outcome){0};
	point_run(&spec, 1, (struct mrt_options){0}, slice_body, &o);
	check_failed(o.refused);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg >= 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow_refused), cmocka_unit_test(test_grow_refused_large),
		cmocka_unit_test(test_grow_forced),  cmocka_unit_test(test_iterate),
		cmocka_unit_test(test_slice_grow),
	};

	return point_main("data", tests, sizeof(tests) / sizeof(tests[0]));
}
