/*
 * test_slice.c: growslice's capacities (go-facts §3), append, sub-slices and what aliases see,
 * copy, refusals.
 */
#include "map_model.h"

#include "runtime/data/data.h"

/* Capacities seen when one element is appended at a time, from nil: Go 1.19, and Go 1.26 where it differs. */
struct growth {
	size_t elem;
	enum mrt_rounding rounding;
	bool pointers;
	size_t cap[24];
};

static const struct growth growths[] = {
	{1,
	 MRT_ROUNDING_1_19,
	 false,
	 {8,	16,   32,   64,	  128,	 256,	512,   896,   1408,  2048,  3072,
	  4096, 5376, 6912, 9472, 12288, 16384, 21760, 28672, 40960, 57344, 73728}},
	{8, MRT_ROUNDING_1_19, true, {1,    2,	  4,	8,    16,   32,	  64,	 128,	256,   512,   848,   1280,
				      1792, 2560, 3408, 5120, 7168, 9216, 12288, 16384, 21504, 27648, 34816, 44032}},
	{16, MRT_ROUNDING_1_19, false, {1,    2,    4,	  8,	16,   32,   64,	   128,	  256,	 512,	848,   1280,
					1792, 2560, 3584, 5120, 6656, 8704, 11264, 14336, 18432, 23552, 29696, 37376}},
	{24, MRT_ROUNDING_1_19, false, {1,    2,    4,	  8,	16,   32,   64,	   128,	  256,	 512,	853,   1365,
					2048, 3072, 4096, 5461, 7168, 9216, 11946, 15360, 19456, 24576, 31061, 39253}},
	{1024,
	 MRT_ROUNDING_1_19,
	 true,
	 {1,   2,    4,	   8,	 16,   32,   64,   128,	 256,  512,
	  832, 1232, 1736, 2368, 3152, 4136, 5368, 6904, 8824, 11224}},
	{24, MRT_ROUNDING_1_22, false, {1,    2,    4,	  8,	16,   32,   64,	   128,	  256,	 512,	853,   1365,
					2048, 3072, 4096, 5461, 7168, 9216, 11946, 15360, 19456, 24576, 31061, 39253}},
	{8, MRT_ROUNDING_1_22, true, {1,    2,	  4,	8,    16,   32,	  64,	143,   287,   607,
				      1023, 1535, 2303, 3071, 4095, 6144, 8192, 11264, 14336, 18432}},
	{16, MRT_ROUNDING_1_22, true, {1,   2,	 4,    8,    16,   32,	 71,   143,
				       303, 591, 1023, 1535, 2560, 3584, 5120, 6656}},
	{24, MRT_ROUNDING_1_22, true, {1,   2,	 4,   8,    16,	  37,	74,   170,
				       341, 682, 1135, 1706, 2389, 3413, 4778}},
	{1024, MRT_ROUNDING_1_22, true, {1,   2,   4,	9,    18,   40,	  80,	160,
					 320, 592, 936, 1368, 1904, 2576, 3416, 4464}},
};

static size_t next_cap(size_t elem_bytes, size_t old_cap, size_t need)
{
	return mrt_slice_next_cap((struct mrt_growth){elem_bytes, true, MRT_ROUNDING_1_19}, old_cap, need);
}

static void test_next_cap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++) {
		const struct growth *g = &growths[i];
		struct mrt_growth of = {g->elem, !g->pointers, g->rounding};
		size_t cap = 0;

		for (size_t n = 0; n < 24 && g->cap[n] != 0; n++) {
			cap = mrt_slice_next_cap(of, cap, cap + 1);
			assert_int_equal(cap, g->cap[n]);
		}
	}
	assert_int_equal(next_cap(8, 4, 9), 10); /* more than double: what is needed, rounded */
	assert_int_equal(next_cap(8, 4, 8), 8);
	assert_int_equal(next_cap(8, 255, 256), 512); /* the last that doubles */
	assert_int_equal(next_cap(8, 256, 257), 512);
	/* 257 + (257 + 768) / 4 = 513: 4104 bytes, class 4864 */
	assert_int_equal(next_cap(8, 257, 258), 608);
	assert_int_equal(next_cap(0, 3, 1000), 1000);
	assert_int_equal(next_cap(8, 1, (size_t)1 << 46), 0);
	assert_int_equal(next_cap(8, SIZE_MAX / 2, SIZE_MAX), 0);
	assert_int_equal(next_cap(0, 3, (size_t)PTRDIFF_MAX), PTRDIFF_MAX);
	assert_int_equal(next_cap(0, 3, (size_t)PTRDIFF_MAX + 1), 0); /* a negative length */
}

/* roundupsize at its edges: (bytes, without pointers by both rules, with them from 1.22 on). */
static void test_round_up(void **state)
{
	static const size_t row[][3] = {
		{0, 0, 0},	     {1, 8, 8},		  {512, 512, 512},	{513, 576, 568},
		{568, 576, 568},     {569, 576, 632},	  {1016, 1024, 1016},	{1017, 1024, 1144},
		{1024, 1024, 1144},  {1144, 1152, 1144},  {1145, 1152, 1272},	{32752, 32768, 32760},
		{32760, 32768, 32760}, {32761, 32768, 32768}, {32768, 32768, 32768}, {32769, 40960, 40960},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t bytes = row[i][0];

		assert_int_equal(data_round_up_by(MRT_ROUNDING_1_19, bytes, true), row[i][1]);
		assert_int_equal(data_round_up_by(MRT_ROUNDING_1_19, bytes, false), row[i][1]);
		assert_int_equal(data_round_up_by(MRT_ROUNDING_1_22, bytes, true), row[i][1]);
		assert_int_equal(data_round_up_by(MRT_ROUNDING_1_22, bytes, false), row[i][2]);
	}
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
			struct mrt_growth of = {kind->elem.size, kind->elem.ptr_words == 0,
						model_rounding};
			size_t want = i < cap ? cap : mrt_slice_next_cap(of, cap, i + 1);

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
	model_rounding = MRT_ROUNDING_1_22;
	model_run(append_run, &many, false);
	model_run(append_run, &few, true);
	model_rounding = MRT_ROUNDING_1_19;
}

static uint64_t total_alloc(mrt_g *g)
{
	struct mrt_memstats m;

	mrt_memstats_read(g, &m);
	return m.total_alloc;
}

/* What the capacity says is what there is: every element can be written, and the allocator took the
 * class that they fit in. The capacities are those of Go 1.26. */
static void header_run(mrt_g *g, void *arg)
{
	static const size_t want[] = {1, 2, 4, 8, 16, 32, 64, 143, 287, 607, 1023, 1535, 2303};
	struct model_kind *kind = &model_kinds[8];
	struct mrt_slice s = {0};
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);
	uint64_t before;

	(void)arg;
	kind->elem.ptrmask = kind->mask;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		void *null = NULL;

		before = total_alloc(g);
		CHECK(mrt_append(g, &kind->elem, &s, &null, 1) == 0);
		CHECK(s.cap == want[i]);
		CHECK(total_alloc(g) - before == mem_round_up(want[i] * 8));
		while (s.len < s.cap)
			CHECK(append_nth(g, kind, &s, s.len) == 0);
		CHECK(s.cap == want[i]);
		mrt_gc(g);
		CHECK(mrt_heap_check(g, (char[256]){0}, 256) == 0);
	}
}

static void test_header(void **state)
{
	(void)state;
	model_rounding = MRT_ROUNDING_1_22;
	model_run(header_run, NULL, false);
	model_rounding = MRT_ROUNDING_1_19;
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

/* Of an array only a slice of one element in its middle is left: all of it stays, what lies before and
 * behind too, and what that points to. */
static void whole_run(mrt_g *g, void *arg)
{
	enum { ALL = 200, AT = 77 };
	static const int kinds[] = {8, 10};

	(void)arg;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct model_kind *kind = &model_kinds[kinds[k]];
		struct mrt_slice s = {0}, part = {0}, all;
		MRT_ROOT_SLOTS(g, f0, &s.array, 1);
		MRT_ROOT_SLOTS(g, f1, &part.array, 1);

		kind->elem.ptrmask = kind->mask;
		for (uint64_t i = 0; i < ALL; i++)
			CHECK(append_nth(g, kind, &s, i) == 0);
		CHECK(mrt_slice_sub(g, &kind->elem, &s, AT, AT + 1, ALL, &part) == 0);
		s = (struct mrt_slice){0};
		for (int i = 0; i < 3; i++)
			mrt_gc(g);
		CHECK(part.len == 1 && part.cap == ALL - AT);
		/* part[:cap], as Go allows, and backwards, as only the collector sees it */
		CHECK(mrt_slice_sub(g, &kind->elem, &part, 0, part.cap, part.cap, &s) == 0);
		CHECK(slice_ok(kind, &s, AT));
		all = (struct mrt_slice){(char *)part.array - AT * kind->elem.size, ALL, ALL};
		CHECK(slice_ok(kind, &all, 0));
	}
}

static void test_whole(void **state)
{
	(void)state;
	model_run(whole_run, NULL, false);
	model_run(whole_run, NULL, true);
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

/*
 * Overlapping copies of pointers while a cycle marks: an array of three oblets (gc.h), its upper two thirds
 * moved down or the lower two up, and what then is there twice cleared. Without the barrier a marker
 * that has been at one end finds what it has not seen in no place.
 */
#define MARKED_PART   ((size_t)(128 << 10) / 8)
#define MARKED_ENOUGH 3u /* copies each way */
#define MARKED_LINKS  (MODEL_SLOW ? 50000 : 300000)

/* Was the barrier on during the copy? A cycle may have ended before its starter runs again. */
static bool marked_move(mrt_g *g, const struct model_kind *kind, struct mrt_slice *s, bool up)
{
	struct mrt_slice to = {0}, from = {0}, none = {0};
	MRT_ROOT_SLOTS(g, f0, &to.array, 1);
	MRT_ROOT_SLOTS(g, f1, &from.array, 1);
	MRT_ROOT_SLOTS(g, f2, &none.array, 1);
	size_t at = up ? MARKED_PART : 0, n = 2 * MARKED_PART, gone = up ? 0 : n;
	bool on;

	CHECK(mrt_slice_make(g, &kind->elem, MARKED_PART, MARKED_PART, &none) == 0);
	CHECK(mrt_slice_sub(g, &kind->elem, s, at, at + n, s->cap, &to) == 0);
	CHECK(mrt_slice_sub(g, &kind->elem, s, MARKED_PART - at, MARKED_PART - at + n, s->cap, &from) == 0);
	gc_start(sched_of(g), GC_TRIGGER_STRESS, 0);
	CHECK(mrt_slice_copy(g, &kind->elem, &to, &from) == (int64_t)n);
	on = gc_barrier_enabled(); /* no safepoint since the copy */
	CHECK(mrt_slice_sub(g, &kind->elem, s, gone, gone + MARKED_PART, s->cap, &from) == 0);
	CHECK(mrt_slice_copy(g, &kind->elem, &from, &none) == (int64_t)MARKED_PART);
	mrt_gc(g);
	CHECK(slice_ok(kind, &to, up ? 0 : MARKED_PART));
	return on;
}

/* A list so long that a marker, which must follow it link by link, is busy while the copy runs. */
static void marked_ballast(mrt_g *g, void **list)
{
	static const uint64_t first = 1;
	static const struct mrt_type link = {"link", 16, 1, &first};
	MRT_ROOTS(g, fresh, 1);

	for (int i = 0; i < MARKED_LINKS; i++) {
		CHECK(mrt_new(g, &link, &fresh[0]) == 0);
		mrt_store(g, fresh[0], *list);
		*list = fresh[0];
	}
}

static void marked_run(mrt_g *g, void *arg)
{
	uint32_t marked[2] = {0, 0};
	MRT_ROOTS(g, list, 1);
	struct model_kind *kind = &model_kinds[8];
	struct mrt_slice s = {0};
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);

	(void)arg;
	kind->elem.ptrmask = kind->mask;
	marked_ballast(g, &list[0]);
	for (int round = 0; marked[0] < MARKED_ENOUGH || marked[1] < MARKED_ENOUGH; round++) {
		CHECK(round < 500);
		s = (struct mrt_slice){0};
		for (uint64_t i = 0; i < 3 * MARKED_PART; i++)
			CHECK(append_nth(g, kind, &s, i) == 0);
		marked[round % 2] += marked_move(g, kind, &s, round % 2 != 0);
	}
}

static void test_copy_marked(void **state)
{
	(void)state;
	model_clobber = true;
	model_run(marked_run, NULL, false);
	model_clobber = false;
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
	CHECK(mrt_slice_make(g, &model_kinds[0].elem, 0, (size_t)PTRDIFF_MAX + 1, &made) ==
	      -EOVERFLOW);
	CHECK(mrt_append(g, &kind->elem, &s, &payload[0], SIZE_MAX - 10) == -EOVERFLOW &&
	      s.len == 1500);
	CHECK(mrt_append(g, &kind->elem, &s, &payload[0], (size_t)1 << 46) == -EOVERFLOW &&
	      s.len == 1500);
	CHECK(mrt_slice_make(g, &model_kinds[0].elem, 5, 5, &made) == 0);
	CHECK(mrt_append(g, &model_kinds[0].elem, &made, &payload[0], PTRDIFF_MAX) == -EOVERFLOW &&
	      made.len == 5 && made.cap == 5);
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
		cmocka_unit_test(test_next_cap), cmocka_unit_test(test_round_up),
		cmocka_unit_test(test_append),	 cmocka_unit_test(test_header),
		cmocka_unit_test(test_alias),	 cmocka_unit_test(test_whole),
		cmocka_unit_test(test_copy),	 cmocka_unit_test(test_copy_marked),
		cmocka_unit_test(test_refuse),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
