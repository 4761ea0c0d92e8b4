/*
 * test_slice.c: growslice's capacities (go-facts §3), append, sub-slices and what aliases see,
 * copy, refusals.
 */
#include "map_model.h"

/* Capacities seen when one element is appended at a time, from nil; Go 1.19. */
struct growth {
	size_t elem;
	size_t cap[24];
};

static const struct growth growths[] = {
	{1, {8,	   16,	 32,   64,   128,   256,   512,	  896,	 1408,	2048,  3072,
	     4096, 5376, 6912, 9472, 12288, 16384, 21760, 28672, 40960, 57344, 73728}},
	{8, {1,	   2,	 4,    8,    16,   32,	 64,	128,   256,   512,   848,   1280,
	     1792, 2560, 3408, 5120, 7168, 9216, 12288, 16384, 21504, 27648, 34816, 44032}},
	{16, {1,    2,	  4,	8,    16,   32,	  64,	 128,	256,   512,   848,   1280,
	      1792, 2560, 3584, 5120, 6656, 8704, 11264, 14336, 18432, 23552, 29696, 37376}},
	{24, {1,    2,	  4,	8,    16,   32,	  64,	 128,	256,   512,   853,   1365,
	      2048, 3072, 4096, 5461, 7168, 9216, 11946, 15360, 19456, 24576, 31061, 39253}},
	{1024, {1,   2,	   4,	 8,    16,   32,   64,	 128,  256,  512,
		832, 1232, 1736, 2368, 3152, 4136, 5368, 6904, 8824, 11224}},
};

static void test_next_cap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++) {
		const struct growth *g = &growths[i];
		size_t cap = 0;

		for (size_t n = 0; n < 24 && g->cap[n] != 0; n++) {
			size_t next = mrt_slice_next_cap(g->elem, cap, cap + 1);

			assert_int_equal(next, g->cap[n]);
			cap = next;
		}
	}
	assert_int_equal(mrt_slice_next_cap(8, 4, 9),
			 10); /* more than double: what is needed, rounded */
	assert_int_equal(mrt_slice_next_cap(8, 4, 8), 8);
	assert_int_equal(mrt_slice_next_cap(8, 255, 256), 512); /* the last that doubles */
	assert_int_equal(mrt_slice_next_cap(8, 256, 257), 512);
	assert_int_equal(mrt_slice_next_cap(8, 257, 258),
			 608); /* 257 + (257 + 768) / 4 = 513: 4104 bytes, class 4864 */
	assert_int_equal(mrt_slice_next_cap(0, 3, 1000), 1000);
	assert_int_equal(mrt_slice_next_cap(8, 1, (size_t)1 << 46), 0);
	assert_int_equal(mrt_slice_next_cap(8, SIZE_MAX / 2, SIZE_MAX), 0);
}

/* ----------------------------------------------------------------------- append */

/* Element number i of a slice of this kind: two payload pointers at most. */
static int append_nth(mrt_g *g, struct model_kind *kind, struct mrt_slice *s, uint64_t i)
{
	static uint64_t elem[MODEL_ELEM_MAX / 8];
	MRT_ROOTS(g, roots, MODEL_POINTERS_MAX);
	int rc = model_elem_make(g, &kind->elem, i, 1, roots, elem);

	return rc < 0 ? rc : mrt_append(g, &kind->elem, s, elem, 1);
}

static bool slice_ok(const struct model_kind *kind, const struct mrt_slice *s, uint64_t first)
{
	for (uint64_t i = 0; i < s->len; i++)
		if (!model_elem_ok(&kind->elem, first + i, 1,
				   (char *)s->array + i * kind->elem.size))
			return false;
	return true;
}

static void append_run(mrt_g *g, void *arg)
{
	uint64_t n = *(uint64_t *)arg;

	for (int k = 1; k < MODEL_KINDS; k++) {
		struct model_kind *kind = &model_kinds[k];
		struct mrt_slice s = {0};
		MRT_ROOT_SLOTS(g, frame, &s.array, 1);
		size_t cap = 0;

		kind->elem.ptrmask = kind->mask;
		for (uint64_t i = 0; i < n; i++) {
			size_t want =
				i < cap ? cap : mrt_slice_next_cap(kind->elem.size, cap, i + 1);

			CHECK(append_nth(g, kind, &s, i) == 0);
			cap = want;
			CHECK(s.len == i + 1 && s.cap == cap);
		}
		CHECK(slice_ok(kind, &s, 0));
		/* itself, doubled: the source lies in the old array */
		CHECK(mrt_append(g, &kind->elem, &s, s.array, s.len) == 0);
		CHECK(s.len == 2 * n);
		CHECK(memcmp(s.array, (char *)s.array + n * kind->elem.size, n * kind->elem.size) ==
		      0);
	}
}

static void test_append(void **state)
{
	uint64_t many = 3000, few = 150;

	(void)state;
	model_run(append_run, &many, false);
	model_run(append_run, &few, true);
}

/* ------------------------------------------------------------------------ aliases */

static const struct mrt_type word_type = {"word", 8, 0, NULL};

static uint64_t at(const struct mrt_slice *s, size_t i)
{
	return ((uint64_t *)s->array)[i];
}

static void alias_run(mrt_g *g, void *arg)
{
	struct mrt_slice s[3] = {{0}};
	MRT_ROOT_SLOTS(g, f0, &s[0].array, 1);
	MRT_ROOT_SLOTS(g, f1, &s[1].array, 1);
	MRT_ROOT_SLOTS(g, f2, &s[2].array, 1);
	uint64_t word = 100;

	(void)arg;
	CHECK(mrt_slice_make(g, &word_type, 4, 8, &s[0]) == 0);
	CHECK(s[0].len == 4 && s[0].cap == 8 && at(&s[0], 3) == 0);
	for (uint64_t i = 0; i < 4; i++)
		((uint64_t *)s[0].array)[i] = i;
	CHECK(mrt_slice_sub(g, &word_type, &s[0], 1, 3, 8, &s[1]) == 0);
	CHECK(s[1].len == 2 && s[1].cap == 7 && at(&s[1], 0) == 1);
	/* In place: the other sees it. */
	CHECK(mrt_append(g, &word_type, &s[1], &word, 1) == 0);
	CHECK(at(&s[0], 3) == 100 && s[0].len == 4 && s[1].len == 3);
	/* Capped at its length: append moves away, the other keeps its own. */
	CHECK(mrt_slice_sub(g, &word_type, &s[0], 0, 2, 2, &s[2]) == 0);
	word = 200;
	CHECK(mrt_append(g, &word_type, &s[2], &word, 1) == 0);
	CHECK(s[2].cap == 4 && at(&s[2], 2) == 200 && at(&s[0], 2) == 2);
	((uint64_t *)s[2].array)[0] = 77;
	CHECK(at(&s[0], 0) == 0);
	/* Only the small sub-slice is left: it keeps the array alive, through several collections.
	 */
	s[0] = (struct mrt_slice){0};
	s[2] = (struct mrt_slice){0};
	for (int i = 0; i < 3; i++) {
		CHECK(mrt_slice_make(g, &word_type, 64, 64, &s[2]) == 0);
		mrt_gc(g);
	}
	CHECK(at(&s[1], 0) == 1 && at(&s[1], 1) == 2 && at(&s[1], 2) == 100);
	/* Bounds, and the empty end of an array. */
	CHECK(mrt_slice_sub(g, &word_type, &s[1], 2, 1, 3, &s[2]) == -EINVAL);
	CHECK(mrt_slice_sub(g, &word_type, &s[1], 1, 4, 3, &s[2]) == -EINVAL);
	CHECK(mrt_slice_sub(g, &word_type, &s[1], 0, 1, 8, &s[2]) == -EINVAL);
	CHECK(mrt_slice_sub(g, &word_type, &s[1], 7, 7, 7, &s[2]) == 0);
	CHECK(s[2].len == 0 && s[2].cap == 0 && s[2].array == s[1].array);
	CHECK(mrt_slice_sub(g, &word_type, &s[1], 0, 1, 1, &s[1]) == 0 && s[1].len == 1 &&
	      s[1].cap == 1);
}

static void test_alias(void **state)
{
	(void)state;
	model_run(alias_run, NULL, false);
	model_run(alias_run, NULL, true);
}

/* --------------------------------------------------------------------------- copy */

static void copy_run(mrt_g *g, void *arg)
{
	static const int kinds[] = {2, 4, 8, 10};

	(void)arg;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct model_kind *kind = &model_kinds[kinds[k]];
		struct mrt_slice s = {0}, part = {0}, other = {0};
		MRT_ROOT_SLOTS(g, f0, &s.array, 1);
		MRT_ROOT_SLOTS(g, f1, &part.array, 1);
		MRT_ROOT_SLOTS(g, f2, &other.array, 1);

		kind->elem.ptrmask = kind->mask;
		for (uint64_t i = 0; i < 50; i++)
			CHECK(append_nth(g, kind, &s, i) == 0);
		CHECK(mrt_slice_make(g, &kind->elem, 60, 60, &other) == 0);
		CHECK(mrt_slice_copy(g, &kind->elem, &other, &s) == 50);
		other.len = 50;
		CHECK(slice_ok(kind, &other, 0));
		/* Over itself, down and up. */
		CHECK(mrt_slice_sub(g, &kind->elem, &s, 7, 50, s.cap, &part) == 0);
		CHECK(mrt_slice_copy(g, &kind->elem, &s, &part) == 43);
		CHECK(mrt_slice_sub(g, &kind->elem, &s, 0, 43, s.cap, &part) == 0);
		CHECK(slice_ok(kind, &part, 7));
		CHECK(mrt_slice_copy(g, &kind->elem, &s, &other) == 50);
		CHECK(mrt_slice_sub(g, &kind->elem, &s, 7, 50, s.cap, &part) == 0);
		CHECK(mrt_slice_copy(g, &kind->elem, &part, &s) == 43);
		CHECK(slice_ok(kind, &part, 0));
		part.len = 0;
		CHECK(mrt_slice_copy(g, &kind->elem, &s, &part) == 0);
	}
}

static void test_copy(void **state)
{
	(void)state;
	model_run(copy_run, NULL, false);
	model_run(copy_run, NULL, true);
}

/* ------------------------------------------------------------------------ refusals */

static void refuse_run(mrt_g *g, void *arg)
{
	struct model_kind *kind = &model_kinds[8];
	struct mrt_slice s = {0}, made = {0};
	MRT_ROOT_SLOTS(g, f0, &s.array, 1);
	MRT_ROOT_SLOTS(g, f1, &made.array, 1);
	MRT_ROOTS(g, payload, 1);
	uint64_t n = 0, refused = 0;

	(void)arg;
	kind->elem.ptrmask = kind->mask;
	while (n < 1500) {
		struct mrt_slice before = s;
		int rc;

		CHECK(model_elem_make(g, &kind->elem, n, 1, payload, &payload[0]) == 0);
		model_fail(1, true);
		rc = mrt_append(g, &kind->elem, &s, &payload[0], 1);
		model_fail(0, false);
		if (rc == -ENOMEM) {
			refused++;
			CHECK(memcmp(&s, &before, sizeof(s)) == 0 && slice_ok(kind, &s, 0));
			rc = mrt_append(g, &kind->elem, &s, &payload[0], 1);
		}
		CHECK(rc == 0);
		n++;
	}
	CHECK(refused == 13 && s.len == 1500 &&
	      slice_ok(kind, &s, 0)); /* one a step of the table above */
	model_fail(1, true);
	CHECK(mrt_slice_make(g, &word_type, 1, 10, &made) == -ENOMEM && made.array == NULL);
	model_fail(0, false);
	CHECK(mrt_slice_make(g, &word_type, 2, 1, &made) == -EINVAL);
	CHECK(mrt_slice_make(g, &word_type, 0, SIZE_MAX / 4, &made) == -EOVERFLOW);
	CHECK(mrt_append(g, &kind->elem, &s, &payload[0], SIZE_MAX - 10) == -EOVERFLOW &&
	      s.len == 1500);
}

static void test_refuse(void **state)
{
	(void)state;
	model_run(refuse_run, NULL, false);
	model_run(refuse_run, NULL, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_cap), cmocka_unit_test(test_append),
		cmocka_unit_test(test_alias),	 cmocka_unit_test(test_copy),
		cmocka_unit_test(test_refuse),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
