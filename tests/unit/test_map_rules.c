/*
 * test_map_rules.c: the rules of keys one by one: layout of buckets, NaNs, the two zeros, which of two
 * equal keys is kept, what a deletion clears, shapes, wrong use.
 */
#include "tests/unit/map_keys.h"

#include <math.h>
#include <sys/wait.h>

/* --------------------------------------------------------------------- layout */

static struct keys_kind *kind_of(const char *name)
{
	for (int k = 0; k < KEYS_KINDS; k++)
		if (strcmp(keys_kinds[k].name, name) == 0)
			return &keys_kinds[k];
	abort();
}

static void test_layout(void **state)
{
	static const struct {
		const char *key;
		int elem;
		uint32_t key_bytes, bucket;
		bool indirect, pointers;
		uint64_t mask;
	} want[] = {
		{"string", 2, 16, 8 + 128 + 64 + 8, false, true, 0x200aaaa},
		{"string", 8, 16, 8 + 128 + 64 + 8, false, true, 0x3feaaaa},
		{"f64", 2, 8, 144, false, false, 0},
		{"f32", 8, 4, 8 + 32 + 64 + 8, false, true, 0x3fe0},
		{"no bytes", 0, 0, 16, false, false, 0},
		{"3 bytes", 2, 3, 8 + 24 + 64 + 8, false, false, 0},
		{"128 bytes", 2, 128, 8 + 1024 + 64 + 8, false, false, 0},
		{"129 bytes, indirect", 2, 8, 144, true, true, 0x201fe},
		{"300 bytes, indirect", 8, 8, 144, true, true, 0x3fffe},
		{"pointer", 2, 8, 144, false, true, 0x201fe},
		/* tophash, eight times {word, pointer, pointer, word}, overflow */
		{"struct with two pointers", 0, 32, 8 + 256 + 8, false, true, 0x2cccccccc},
	};
	struct mrt_map_type mt;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		keys_type_init(kind_of(want[i].key), &model_kinds[want[i].elem], &mt);
		assert_int_equal(mt.key_bytes, want[i].key_bytes);
		assert_int_equal(mt.bucket_bytes, want[i].bucket);
		assert_int_equal(mt.key_indirect, want[i].indirect);
		assert_int_equal(mt.has_pointers, want[i].pointers);
		assert_int_equal(mt.bucket.ptr_words, want[i].pointers ? want[i].bucket / 8 : 0);
		assert_int_equal(mt.bucket_mask[0], want[i].mask);
	}
}

static void test_refused(void **state)
{
	static const uint64_t one = 1;
	struct mrt_type odd = {"odd", 12, 1, &one}, bytes = {"bytes", 12, 0, NULL};
	struct mrt_key_type key = {.kind = MRT_KEY_MEMORY};
	struct mrt_map_type mt;

	(void)state;
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &bytes), -EINVAL); /* no layout */
	key.layout = &odd;
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &bytes), -EINVAL);
	key.layout = &bytes;
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &odd), -EINVAL);
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &bytes), 0);
	key.kind = MRT_KEY_CUSTOM;
	key.hash = keys_mixed_hash;
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &bytes), -EINVAL); /* no equal */
	key.kind = (enum mrt_key)3;
	assert_int_equal(mrt_map_type_init_key(&mt, &key, &bytes), -EINVAL);
}

/* ------------------------------------------------------------------------ NaN */

struct nan_kind {
	enum mrt_key key;
	int elem; /* u64, or a pointer */
};

static void nan_make(const struct nan_kind *kind, void *out)
{
	double wide = NAN;
	float narrow = NAN;

	memcpy(out, kind->key == MRT_KEY_F64 ? (void *)&wide : &narrow,
	       kind->key == MRT_KEY_F64 ? 8 : 4);
}

static void number_make(const struct nan_kind *kind, uint64_t n, void *out)
{
	double wide = (double)n;
	float narrow = (float)n;

	memcpy(out, kind->key == MRT_KEY_F64 ? (void *)&wide : &narrow,
	       kind->key == MRT_KEY_F64 ? 8 : 4);
}

static bool is_nan(const struct nan_kind *kind, const void *key)
{
	double wide;
	float narrow;

	memcpy(&wide, key, kind->key == MRT_KEY_F64 ? 8 : 4);
	memcpy(&narrow, key, 4);
	return kind->key == MRT_KEY_F64 ? isnan(wide) : isnan(narrow);
}

/* The element is the number by which a NaN is known: itself, or in an object. */
static int nan_put(mrt_g *g, const struct mrt_map_type *mt, struct mrt_map *m, const void *key,
		   uint64_t n)
{
	uint64_t *payload;
	MRT_ROOTS(g, root, 1);

	if (!mt->has_pointers)
		return mrt_map_put_key(g, mt, m, key, &n);
	if (mrt_new(g, &model_payload_type, &root[0]) < 0)
		return -ENOMEM;
	payload = root[0];
	payload[0] = n;
	return mrt_map_put_key(g, mt, m, key, &root[0]);
}

static uint64_t nan_number(const struct mrt_map_type *mt, const void *elem)
{
	return mt->has_pointers ? **(uint64_t *const *)elem : *(const uint64_t *)elem;
}

/* As many NaNs as are put are there, met once each, and never found. */
static void nan_run(mrt_g *g, void *arg)
{
	enum { MANY = 1500 };
	const struct nan_kind *kind = arg;
	static uint8_t seen[MANY];
	struct mrt_key_type key = {.kind = kind->key};
	struct mrt_map_type mt;
	uint64_t nan = 0, met = 0;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;

	model_kinds[kind->elem].elem.ptrmask = model_kinds[kind->elem].mask;
	CHECK(mrt_map_type_init_key(&mt, &key, &model_kinds[kind->elem].elem) == 0);
	CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	m = root[0];
	nan_make(kind, &nan);
	for (uint64_t n = 0; n < MANY; n++) {
		CHECK(nan_put(g, &mt, m, &nan, n) == 0);
		CHECK(mrt_map_get_key(g, &mt, m, &nan) == NULL);
		CHECK(!mrt_map_delete_key(g, &mt, m, &nan));
		CHECK(mrt_map_count(m) == n + 1);
		if (n % 16 == 0)
			model_check_map(m);
	}
	/* They are spread: 1500 in 2^8 buckets need no more overflow than keys do. */
	CHECK(m->b == 8 && m->noverflow < 120);
	memset(seen, 0, sizeof(seen));
	{
		MRT_MAP_ITER(g, &mt, m, it);
		while (mrt_map_iter_next(g, &it)) {
			uint64_t n = nan_number(&mt, it.elem);

			CHECK(is_nan(kind, it.key_ptr) && n < MANY && !seen[n]);
			seen[n] = 1;
			met++;
		}
		CHECK(met == MANY);
	}
	MRT_MAP_ITER(g, &mt, m, it);
	CHECK(mrt_map_iter_next(g, &it));
	CHECK(mrt_map_clear(g, &mt, m) == 0 && mrt_map_count(m) == 0);
	CHECK(!mrt_map_iter_next(g, &it));
	model_check_map(m);
}

/*
 * NaNs and numbers, and puts of both between the steps of an iteration that began while the map grew
 * (and so it does again and again): each NaN that was there at the start is met once.
 */
static void nan_iterate(mrt_g *g, void *arg)
{
	enum { MANY = 4000 };
	const struct nan_kind *kind = arg;
	static uint8_t seen[MANY];
	struct mrt_key_type key = {.kind = kind->key};
	struct mrt_map_type mt;
	uint64_t nan = 0, number = 0, rounds = 0;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;

	model_kinds[kind->elem].elem.ptrmask = model_kinds[kind->elem].mask;
	CHECK(mrt_map_type_init_key(&mt, &key, &model_kinds[kind->elem].elem) == 0);
	CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	m = root[0];
	nan_make(kind, &nan);
	for (uint64_t n = 0; n < MANY / 2;) {
		uint64_t first;

		CHECK(nan_put(g, &mt, m, &nan, n++) == 0);
		if (!map_growing(m) && model_below(20) != 0)
			continue;
		first = n;
		memset(seen, 0, sizeof(seen));
		MRT_MAP_ITER(g, &mt, m, it);
		while (mrt_map_iter_next(g, &it)) {
			uint64_t id = nan_number(&mt, it.elem);

			if (!is_nan(kind, it.key_ptr))
				continue;
			CHECK(id < n && !seen[id]);
			seen[id] = 1;
			if (model_below(8) != 0 || n >= MANY)
				continue;
			number_make(kind, model_below(500), &number);
			CHECK(nan_put(g, &mt, m, &number, 0) == 0);
			CHECK(nan_put(g, &mt, m, &nan, n++) == 0);
		}
		for (uint64_t id = 0; id < first; id++)
			CHECK(seen[id]);
		model_check_map(m);
		rounds++;
	}
	CHECK(rounds > 20);
}

/* An iterator whose array has been left behind holds NaNs that moved, and that a clear has removed since. */
static void nan_cleared(mrt_g *g, void *arg)
{
	const struct nan_kind *kind = arg;
	struct mrt_key_type key = {.kind = kind->key};
	struct mrt_map_type mt;
	uint64_t nan = 0;
	MRT_ROOTS(g, root, 1);

	model_kinds[kind->elem].elem.ptrmask = model_kinds[kind->elem].mask;
	CHECK(mrt_map_type_init_key(&mt, &key, &model_kinds[kind->elem].elem) == 0);
	nan_make(kind, &nan);
	for (int clears = 0; clears < 2; clears++) {
		uint64_t met = 0;

		CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
		for (uint64_t n = 0; n < 8; n++)
			CHECK(nan_put(g, &mt, root[0], &nan, n) == 0);
		MRT_MAP_ITER(g, &mt, root[0], it);
		CHECK(mrt_map_iter_next(g, &it));
		for (uint64_t n = 8; n < 14 || map_growing(root[0]); n++)
			CHECK(nan_put(g, &mt, root[0], &nan, n) == 0);
		CHECK(((struct mrt_map *)root[0])->buckets != it.roots[1]);
		if (clears)
			CHECK(mrt_map_clear(g, &mt, root[0]) == 0);
		while (mrt_map_iter_next(g, &it))
			met++;
		CHECK(met == (clears ? 0 : 7));
	}
}

/* With an iterator that began during the growth a NaN goes by the lowest bit of its tophash, and gets a
 * new one; without, it keeps it, and goes anywhere. */
static void nan_split(mrt_g *g, void *arg)
{
	const struct nan_kind *kind = arg;
	struct mrt_key_type key = {.kind = kind->key};
	struct mrt_map_type mt;
	uint64_t nan = 0, kept[2] = {0}, by_top[2] = {0}, cells[2] = {0};
	MRT_ROOTS(g, root, 1);

	CHECK(mrt_map_type_init_key(&mt, &key, &model_kinds[2].elem) == 0);
	nan_make(kind, &nan);
	for (int round = 0; round < 200; round++) {
		int iterated = round & 1;
		uint8_t top[8], *old, *to[2];
		struct mrt_map *m;

		CHECK(mrt_map_new(g, &mt, 52, &root[0]) == 0); /* 2^3 */
		m = root[0];
		while (!map_growing(m))
			CHECK(nan_put(g, &mt, m, &nan, 1) == 0);
		MRT_MAP_ITER(g, &mt, iterated ? m : NULL, it);
		old = m->old_buckets + 7 * mt.bucket_bytes;
		if (map_evacuated(old) || map_overflow(old, mt.bucket_bytes) != NULL)
			continue;
		memcpy(top, old, 8);
		to[0] = m->buckets + 7 * mt.bucket_bytes;
		to[1] = m->buckets + 15 * mt.bucket_bytes;
		while (!map_evacuated(old))
			mrt_map_delete_key(g, &mt, m, &nan); /* growth work, and finds nothing */
		for (unsigned i = 0, at[2] = {0, 0}; i < 8; i++) {
			unsigned up = old[i] == MAP_EVACUATED_Y;

			if (top[i] < MAP_TOP_MIN)
				continue;
			cells[iterated]++;
			kept[iterated] += to[up][at[up]++] == top[i];
			by_top[iterated] += up == (top[i] & 1);
		}
	}
	CHECK(cells[0] > 100 && cells[1] > 100);
	CHECK(kept[0] == cells[0] && by_top[0] < cells[0] * 3 / 4 && by_top[0] > cells[0] / 4);
	CHECK(by_top[1] == cells[1] && kept[1] < cells[1] / 10);
}

/* A chain of NaNs whose evacuation is refused stays; counting and moving agree when it is not. */
static void nan_oom(mrt_g *g, void *arg)
{
	const struct nan_kind *kind = arg;
	struct mrt_key_type key = {.kind = kind->key};
	struct mrt_map_type mt;
	uint64_t nan = 0, refused = 0;
	MRT_ROOTS(g, root, 1);

	model_kinds[kind->elem].elem.ptrmask = model_kinds[kind->elem].mask;
	CHECK(mrt_map_type_init_key(&mt, &key, &model_kinds[kind->elem].elem) == 0);
	nan_make(kind, &nan);
	for (uint64_t every = 1; every < 30; every++) {
		uint64_t count = 0;

		model_fail(0, false);
		CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
		for (int i = 0; i < 400; i++) {
			model_fail(1 + model_below(every), i % 3 == 0);
			if (nan_put(g, &mt, root[0], &nan, 1) == 0)
				count++;
			else
				refused++;
			CHECK(mrt_map_count(root[0]) == count);
			if (i % 8 == 0)
				model_check_map(root[0]);
		}
	}
	CHECK(refused > 100);
	model_fail(0, false);
}

static void test_nan(void **state)
{
	static mrt_go_fn *const bodies[] = {nan_run, nan_iterate, nan_cleared, nan_split,
					   nan_oom};
	struct nan_kind kinds[] = {
		{MRT_KEY_F64, 2}, {MRT_KEY_F32, 2}, {MRT_KEY_F64, 8}, {MRT_KEY_F32, 8}};

	(void)state;
	for (size_t b = 0; b < sizeof(bodies) / sizeof(bodies[0]); b++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			model_run(bodies[b], &kinds[k], false);
			if (kinds[k].elem == 8 && bodies[b] != nan_iterate)
				model_run(bodies[b], &kinds[k], true);
		}
}

/* ---------------------------------------------------------- which key is kept */

static void kept_run(mrt_g *g, void *arg)
{
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	const struct mrt_string *held;
	double minus = -0.0, plus = 0.0;
	uint64_t elem = 1;
	char copy[] = "key";
	struct mrt_string first = {"key", 3}, second = {copy, 3};
	MRT_ROOTS(g, root, 1);

	(void)arg;
	keys_pair_init(p, g, kind_of("f64"), &model_kinds[2], 1);
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	CHECK(mrt_map_put_key(g, &p->mt, root[0], &plus, &elem) == 0);
	CHECK(mrt_map_put_key(g, &p->mt, root[0], &minus, &elem) == 0);
	CHECK(mrt_map_count(root[0]) == 1 && mrt_map_get_key(g, &p->mt, root[0], &plus) != NULL);
	CHECK(signbit(*(double *)map_key_at(((struct mrt_map *)root[0])->buckets, 0, 8)));
	CHECK(mrt_map_delete_key(g, &p->mt, root[0], &plus));
	keys_pair_fini(p);
	keys_pair_init(p, g, kind_of("string"), &model_kinds[2], 1);
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	CHECK(mrt_map_put_key(g, &p->mt, root[0], &first, &elem) == 0);
	held = (void *)map_key_at(((struct mrt_map *)root[0])->buckets, 0, 16);
	CHECK(held->data == first.data);
	CHECK(mrt_map_put_key(g, &p->mt, root[0], &second, &elem) == 0);
	CHECK(held->data == second.data && mrt_map_count(root[0]) == 1);
	keys_pair_fini(p);
}

static void test_kept(void **state)
{
	(void)state;
	model_run(kept_run, NULL, false);
}

/* -------------------------------------------------------- what deletion clears */

/* Keys with pointers are cleared, others stay (as mapdelete does); the object that only the key held
 * is collected. */
static void cleared_run(mrt_g *g, void *arg)
{
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	for (int k = 0; k < KEYS_KINDS; k++) {
		static const uint8_t zero[MAP_INLINE_MAX];
		const uint8_t *slot;
		uint8_t before[MAP_INLINE_MAX];

		keys_pair_init(p, g, &keys_kinds[k], &model_kinds[2], 20);
		CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
		p->m = root[0];
		CHECK(keys_put(p, p->ref.universe - 1) == 0);
		slot = map_key_at(p->m->buckets, 0, p->mt.key_bytes);
		memcpy(before, slot, p->mt.key_bytes);
		keys_delete(p, p->ref.universe - 1);
		CHECK(memcmp(slot, p->mt.key_slot->ptr_words > 0 ? zero : before,
			     p->mt.key_bytes) == 0);
		keys_pair_fini(p);
	}
}

static void test_cleared(void **state)
{
	(void)state;
	model_run(cleared_run, NULL, false);
}

/* ------------------------------------------------------------ the check itself */

/* A key that changes in its place is found by the check, of whatever kind it is; unless the new one has
 * the old one's tophash. */
static void check_run(mrt_g *g, void *arg)
{
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	for (int k = 0; k < KEYS_KINDS; k++) {
		const struct map_keys *keys;
		unsigned found = 0;
		uint8_t *key;

		if (keys_kinds[k].layout.size == 0)
			continue;
		keys_pair_init(p, g, &keys_kinds[k], &model_kinds[2], 20);
		keys = map_keys_of(&p->mt);
		CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
		p->m = root[0];
		CHECK(keys_put(p, p->ref.universe - 1) == 0);
		key = map_key_place(keys, p->m->buckets, 0);
		if (keys_kinds[k].make == keys_make_string || keys_kinds[k].make == keys_make_mixed)
			key = *(uint8_t **)(void *)key;
		for (unsigned bit = 0; bit < 8; bit++) {
			char text[200] = "";

			key[0] ^= (uint8_t)(1u << bit);
			found += map_check(p->m, text, sizeof(text)) == -EUCLEAN &&
				 strstr(text, "M2 key ") != NULL;
			key[0] ^= (uint8_t)(1u << bit);
		}
		CHECK(found >= 6);
		model_check_map(p->m);
		keys_pair_fini(p);
	}
}

static void test_check_finds(void **state)
{
	(void)state;
	model_run(check_run, NULL, false);
}

/* ------------------------------------------------------------------ wrong use */

static void wrong_body(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t elem = 1;
	MRT_ROOTS(g, root, 1);
	struct mrt_string key = {"k", 1};

	keys_type_init(kind_of("string"), &model_kinds[2], &mt);
	CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	CHECK(mrt_map_put_key(g, &mt, root[0], &key, &elem) == 0);
	switch (*(int *)arg) {
	case 0:
		mrt_map_put(g, &mt, root[0], 1, &elem);
		break;
	case 1:
		mrt_map_get(g, &mt, root[0], 1);
		break;
	case 2:
		mrt_map_delete(g, &mt, root[0], 1);
		break;
	}
}

/* An integer key for a map of strings ends the program; it does not read an integer as an address. */
static void test_wrong(void **state)
{
	(void)state;
	for (int op = 0; op < 3; op++) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct mrt_options opt = {.procs = 1, .seed = 1};

			close(2);
			mrt_run(&opt, wrong_body, &op);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nan),    cmocka_unit_test(test_kept),
		cmocka_unit_test(test_cleared), cmocka_unit_test(test_check_finds),
		cmocka_unit_test(test_wrong),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
