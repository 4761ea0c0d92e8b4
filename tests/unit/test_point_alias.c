/*
 * test_point_alias.c: slice/alias: without room to spare two appends to one slice give two arrays,
 * with more of it they go on sharing one; what the slices hold is right either way.
 */
#include "tests/unit/test_point_fixture.h"

#define APPENDS 1000u
#define TRIES	40u

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};

struct outcome {
	uint64_t grown, capacity;     /* of one slice, appended to one by one */
	uint64_t shared, parted;      /* two appends to one slice */
	uint64_t grown_after;	      /* the same once more, disarmed */
};

static void append(mrt_g *g, struct mrt_slice *s, uint64_t value)
{
	MRT_ROOTS(g, roots, 1);

	GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
	*(uint64_t *)roots[0] = value;
	GC_TEST_MUST(mrt_append(g, &pointer_type, s, &roots[0], 1) == 0);
}

static uint64_t value_at(const struct mrt_slice *s, size_t i)
{
	return *((uint64_t **)s->array)[i];
}

static void holds(const struct mrt_slice *s, uint64_t len)
{
	GC_TEST_MUST(s->len == len && s->cap >= len);
	for (size_t i = 0; i < len; i++)
		GC_TEST_MUST(value_at(s, i) == i);
}

/* How often does a slice that grows one by one move? */
static uint64_t grow(mrt_g *g, struct outcome *o)
{
	struct mrt_slice s = {0};
	uint64_t grown = 0;
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);

	for (uint64_t i = 0; i < APPENDS; i++) {
		bool full = s.len == s.cap;
		const void *before = s.array;

		append(g, &s, i);
		GC_TEST_MUST((s.array != before) == full);
		grown += full;
	}
	holds(&s, APPENDS);
	o->capacity = s.cap;
	return grown;
}

/* a := append(s, x); b := append(s, y): one array if s has room, and then x is gone. */
static void append_twice(mrt_g *g, struct outcome *o, uint64_t n)
{
	struct mrt_slice s[3] = {{0}}; /* s, a, b */
	MRT_ROOT_SLOTS(g, s_frame, &s[0].array, 1);
	MRT_ROOT_SLOTS(g, a_frame, &s[1].array, 1);
	MRT_ROOT_SLOTS(g, b_frame, &s[2].array, 1);

	for (uint64_t i = 0; i < n; i++)
		append(g, &s[0], i);
	s[1] = s[0];
	s[2] = s[0];
	append(g, &s[1], n);
	append(g, &s[2], n + 1);
	holds(&s[0], n);
	GC_TEST_MUST(value_at(&s[2], n) == n + 1);
	GC_TEST_MUST(value_at(&s[1], n) == (s[0].cap > n ? n + 1 : n));
	GC_TEST_MUST((s[1].array == s[2].array) == (s[0].cap > n));
	o->shared += s[0].cap > n;
	o->parted += s[0].cap == n;
}

static void alias_body(mrt_g *g, void *arg)
{
	struct outcome *o = arg;
	struct outcome plain = {0};
	char text[256];

	point_arm_all(1);
	o->grown = grow(g, o);
	for (uint64_t n = 1; n <= TRIES; n++)
		append_twice(g, o, n);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	o->grown_after = grow(g, &plain);
}

static struct outcome alias_run(struct gcs_fault_spec spec)
{
	struct outcome o = {0};

	spec.point = GCS_POINT_slice_alias;
	point_run(&spec, 1, (struct mrt_options){.clobber = true}, alias_body, &o);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		/* The size is that of the array as Go would make it. */
		assert_true(f->data[2] == 1 && f->figure > 0 && f->arg >= sizeof(void *));
	}
	assert_true(o.grown_after < 30); /* 1 2 4 … 512 848 1280 1792 2560 */
	return o;
}

/* Every append moves, no two slices share. */
static void test_no_room(void **state)
{
	struct outcome o = alias_run((struct gcs_fault_spec){.action = GCS_ACT_FORCE});

	(void)state;
	assert_int_equal(o.grown, APPENDS);
	assert_int_equal(o.capacity, APPENDS);
	assert_int_equal(o.shared, 0);
	assert_int_equal(o.parted, TRIES);
	/* One element at a time leaves nothing to take away where Go gives none. */
	assert_true(POINT_FAULT(0, visits) > POINT_FAULT(0, eligible));
}

static void test_less_room(void **state)
{
	struct outcome o =
		alias_run((struct gcs_fault_spec){.action = GCS_ACT_BIAS, .by_milli = 100});

	(void)state;
	assert_true(o.grown > 2 * o.grown_after && o.grown < APPENDS);
	assert_true(o.parted > 0);
}

static void test_more_room(void **state)
{
	struct outcome o =
		alias_run((struct gcs_fault_spec){.action = GCS_ACT_BIAS, .by_milli = 20000});

	(void)state;
	assert_true(2 * o.grown <= o.grown_after + 1);
	assert_true(o.capacity > 2 * APPENDS);
	assert_true(o.shared > o.parted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_room),
					   cmocka_unit_test(test_less_room),
					   cmocka_unit_test(test_more_room)};

	return point_main("alias", tests, sizeof(tests) / sizeof(tests[0]));
}
