/*
 * test_point_force.c: gc/map_assign and gc/append: a firing is a cycle that carries its id, begun in
 * the middle of the operation, and only while none runs. Contents are as without it.
 */
#include "tests/unit/test_point_fixture.h"

#define ASSIGNS 4000u
#define KEYS	500u
#define APPENDS 3000u
#define WANTED	3u	 /* firings */
#define MORE	2000000u /* operations at most until there were as many */

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* A cycle may last as long as all operations: then there are more of them. */
static bool more_wanted(uint32_t done, uint32_t least)
{
	return done < least || (POINT_FAULT(0, fired) < WANTED && done < MORE);
}

/* Values are objects that nothing but the map holds; updates let the old one go. */
static void map_body(mrt_g *g, void *arg)
{
	static uint64_t model[KEYS];
	uint32_t *done = arg;
	struct mrt_map_type mt;
	uint64_t rng = gc_test_seed();
	MRT_ROOTS(g, roots, 2);

	memset(model, 0, sizeof(model));
	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &pointer_type) == 0);
	GC_TEST_MUST(mrt_map_new(g, &mt, 0, &roots[0]) == 0);
	point_arm_all(1);
	while (more_wanted(*done, ASSIGNS)) {
		uint64_t key = gc_test_random(&rng) % KEYS;

		GC_TEST_MUST(mrt_new(g, &number_type, &roots[1]) == 0);
		*(uint64_t *)roots[1] = ++*done;
		GC_TEST_MUST(mrt_map_put(g, &mt, roots[0], key, &roots[1]) == 0);
		model[key] = *done;
		roots[1] = NULL;
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	heap_is_whole(g);
	for (uint64_t key = 0; key < KEYS; key++) {
		void *const *slot = mrt_map_get(g, &mt, roots[0], key);

		GC_TEST_MUST((slot != NULL) == (model[key] != 0));
		GC_TEST_MUST(slot == NULL || **(uint64_t *const *)slot == model[key]);
	}
}

static void append_body(mrt_g *g, void *arg)
{
	uint32_t *done = arg;
	struct mrt_slice s = {0};
	void *value[1] = {0};
	MRT_ROOT_SLOTS(g, s_frame, &s.array, 1);
	MRT_ROOT_SLOTS(g, v_frame, value, 1);

	point_arm_all(1);
	for (; more_wanted(*done, APPENDS); ++*done) {
		uint32_t i = *done;

		GC_TEST_MUST(mrt_new(g, &number_type, &value[0]) == 0);
		*(uint64_t *)value[0] = i;
		GC_TEST_MUST(mrt_append(g, &pointer_type, &s, value, 1) == 0);
		if (i % 700 == 699) { /* grow anew */
			for (uint32_t k = 0; k < s.len; k++)
				GC_TEST_MUST(*((uint64_t **)s.array)[k] == i - s.len + 1 + k);
			s = (struct mrt_slice){0};
		}
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	heap_is_whole(g);
	for (uint32_t k = 0; k < s.len; k++)
		GC_TEST_MUST(*((uint64_t **)s.array)[k] == *done - s.len + k);
}

/* Each firing began exactly one cycle, whose stops carry it. */
static void check_firings(uint64_t visits, uint64_t every)
{
	assert_int_equal(POINT_FAULT(0, visits), visits);
	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / every);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->began == 1 && f->cycles == 1 && f->stops >= 2 && f->value > 0);
	}
}

static void test_map_assign(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .every = 40};
	uint32_t done = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true}, map_body, &done);
	check_firings(done, 40);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg < KEYS); /* the key */
}

static void test_append(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_append, .action = GCS_ACT_FORCE, .every = 40};
	uint32_t done = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true}, append_body, &done);
	check_firings(done, 40);
}

/* Only appends that grow, by the size of the new array: with the old one copied after the cycle. */
static void test_append_growing(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_append, .action = GCS_ACT_FORCE, .size_min = 16};
	uint32_t done = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true, .clobber = true},
		  append_body, &done);
	assert_int_equal(POINT_FAULT(0, visits), done);
	assert_true(POINT_FAULT(0, eligible) <= (done / 700 + 1) * 12); /* doublings to 700 */
	assert_true(POINT_FAULT(0, fired) >= WANTED);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg >= 16 && point_log.f[i].began == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_assign),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_growing),
	};

	return point_main("force", tests, sizeof(tests) / sizeof(tests[0]));
}
