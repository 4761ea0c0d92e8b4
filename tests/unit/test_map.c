/*
 * test_map.c: maps against a reference, the points of growth, the rules of delete, clear and
 * layout, and the invariant check against maps broken on purpose.
 */
#include "map_model.h"

/* --------------------------------------------------------------------- layout */

static void test_layout(void **state)
{
	static const struct {
		int kind;
		uint32_t slot, bucket;
		bool indirect, pointers;
	} want[] = {
		{0, 0, 8 + 64 + 0 + 8, false, false},	   {1, 4, 8 + 32 + 32 + 8, false, false},
		{2, 8, 8 + 64 + 64 + 8, false, false},	   {4, 13, 8 + 64 + 104 + 8, false, false},
		{5, 128, 8 + 64 + 1024 + 8, false, false}, {6, 8, 144, true, true},
		{7, 8, 8 + 32 + 64 + 8, true, true},	   {8, 8, 144, false, true},
		{10, 32, 8 + 64 + 256 + 8, false, true},   {11, 8, 144, true, true},
	};
	struct mrt_map_type mt;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		model_kind_init(&model_kinds[want[i].kind], &mt);
		assert_int_equal(mt.slot_bytes, want[i].slot);
		assert_int_equal(mt.bucket_bytes, want[i].bucket);
		assert_int_equal(mt.indirect, want[i].indirect);
		assert_int_equal(mt.has_pointers, want[i].pointers);
		assert_int_equal(mt.bucket.ptr_words, want[i].pointers ? want[i].bucket / 8 : 0);
	}
	/* words: tophash, 8 keys, 8 slots of {word, pointer, word, pointer}, overflow */
	model_kind_init(&model_kinds[10], &mt);
	assert_int_equal(mt.bucket_mask[0], 0x35555555400);
	/* 4-byte keys: tophash, 4 words of keys, 8 pointers, overflow */
	model_kind_init(&model_kinds[9], &mt);
	assert_int_equal(mt.bucket_mask[0], 0x3fe0);
	struct mrt_type odd = {"odd", 12, 1, model_kinds[8].mask};
	assert_int_equal(mrt_map_type_init(&mt, MRT_KEY_U64, &odd), -EINVAL);
	assert_int_equal(mrt_map_type_init(&mt, (enum mrt_key)5, &model_kinds[2].elem), -EINVAL);
}

/* ------------------------------------------------------- against the reference */

static void mixed_step(struct model_pair *p, uint64_t insert_share)
{
	uint64_t id = model_below(p->ref.universe), dice = model_below(100);

	if (dice < insert_share)
		CHECK(model_put(p, id) == 0);
	else if (dice < 85)
		model_delete(p, id);
	else
		model_get(p, id);
}

/* Grow to most of the universe, churn, shrink to nothing, some clears. */
static void mixed(mrt_g *g, struct model_kind *kind, uint64_t universe, uint64_t steps)
{
	static struct model_pair pair;
	struct model_pair *p = &pair;
	MRT_ROOTS(g, root, 1);

	*p = (struct model_pair){.g = g, .kind = kind};
	model_kind_init(kind, &p->mt);
	model_map_init(&p->ref, universe);
	CHECK(mrt_map_new(g, &p->mt, (int64_t)model_below(universe) - 10, &root[0]) == 0);
	p->m = root[0];
	for (uint64_t phase = 0; phase < 6; phase++) {
		static const uint64_t share[] = {80, 45, 10, 60, 43, 0};

		for (uint64_t i = 0; i < steps; i++)
			mixed_step(p, share[phase]);
		model_compare(p);
		if (phase == 3 && model_below(2) == 0) {
			CHECK(mrt_map_clear(g, &p->mt, p->m) == 0);
			memset(p->ref.version, 0, universe * sizeof(*p->ref.version));
			p->ref.count = 0;
			model_compare(p);
		}
	}
	for (uint64_t id = 0; id < universe; id++)
		model_delete(p, id);
	model_compare(p);
	CHECK(mrt_map_count(p->m) == 0);
	model_map_fini(&p->ref);
}

static void mixed_all(mrt_g *g, void *arg)
{
	bool stress = *(bool *)arg;
	static const uint64_t universe[] = {1, 8, 9, 100, 3000};

	for (int k = 0; k < MODEL_KINDS; k++)
		for (size_t u = 0; u < sizeof(universe) / sizeof(universe[0]); u++)
			mixed(g, &model_kinds[k], universe[u] / (stress && u > 3 ? 8 : 1),
			      universe[u] * 2 / (stress ? 4 : 1) + 30);
}

static void test_mixed(void **state)
{
	bool stress = false;

	(void)state;
	model_run(mixed_all, &stress, stress);
}

static void test_mixed_stress(void **state)
{
	bool stress = true;

	(void)state;
	model_run(mixed_all, &stress, stress);
}

static void large_run(mrt_g *g, void *arg)
{
	(void)arg;
	mixed(g, &model_kinds[2], 100000, 100000);
	mixed(g, &model_kinds[8], 100000, 60000);
}

static void test_large(void **state)
{
	(void)state;
	model_run(large_run, NULL, false);
}

/* --------------------------------------------------------------- growth points */

static uint8_t b_of(const struct mrt_map *m)
{
	struct mrt_map_info info;

	mrt_map_inspect(m, &info);
	return info.b;
}

static void growth_points(mrt_g *g, void *arg)
{
	static const uint64_t first[] = {0, 9, 14, 27, 53, 105, 209, 417, 833, 1665, 3329};
	static struct model_pair pair;
	struct model_pair *p = &pair;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	*p = (struct model_pair){.g = g, .kind = &model_kinds[2]};
	model_kind_init(p->kind, &p->mt);
	model_map_init(&p->ref, 4000);
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	p->m = root[0];
	CHECK(p->m->buckets == NULL); /* made at the first assign */
	for (uint64_t n = 1; n <= 4000; n++) {
		uint8_t b = 0;

		CHECK(model_put(p, n - 1) == 0);
		for (uint8_t i = 1; i < sizeof(first) / sizeof(first[0]); i++)
			if (n >= first[i])
				b = i;
		CHECK(b_of(p->m) == b);
		model_check_map(p->m);
	}
	for (uint64_t id = 0; id < 4000; id++) {
		model_delete(p, id);
		CHECK(b_of(p->m) == 10); /* never shrinks */
	}
	model_map_fini(&p->ref);
}

static void test_growth_points(void **state)
{
	(void)state;
	model_run(growth_points, NULL, false);
}

/* With a hint, the map takes that many without growing. */
static void hints_run(mrt_g *g, void *arg)
{
	static const struct {
		int64_t hint;
		uint8_t b;
	} want[] = {
		{INT64_MIN, 0}, {-1, 0},	{0, 0},
		{8, 0},		{9, 1},		{13, 1},
		{14, 2},	{26, 2},	{27, 3},
		{52, 3},	{53, 4},	{104, 4},
		{105, 5},	{208, 5},	{209, 6},
		{1000, 8},	{INT64_MAX, 0}, {INT64_C(1) << 42, 0},
	};
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	model_kind_init(&model_kinds[2], &mt);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct mrt_map *m;

		CHECK(mrt_map_new(g, &mt, want[i].hint, &root[0]) == 0);
		m = root[0];
		CHECK(b_of(m) == want[i].b);
		CHECK((m->buckets != NULL) == (want[i].b > 0));
		CHECK((m->extra != NULL) == (want[i].b > 0));
		CHECK((m->extra != NULL && m->extra->next_spare != NULL) == (want[i].b >= 4));
		for (int64_t n = 0; n < want[i].hint && want[i].b > 0; n++)
			CHECK(mrt_map_put(g, &mt, m, (uint64_t)n, &n) == 0);
		CHECK(b_of(m) == want[i].b && !map_growing(m));
		model_check_map(m);
	}
}

static void test_hints(void **state)
{
	(void)state;
	model_run(hints_run, NULL, false);
}

/* ---------------------------------------------------- chains made on purpose */

/* A key that the map would put into this bucket of 2^b; `from` makes it differ from the last. */
static uint64_t key_for_bucket(const struct mrt_map *m, uint8_t b, uint64_t bucket, uint64_t *from)
{
	for (;;) {
		uint64_t key = ++*from;

		if ((map_hash(m, key, 8) & map_mask(b)) == bucket)
			return key;
	}
}

static struct mrt_map *new_u64_map(mrt_g *g, struct mrt_map_type *mt, int kind, int64_t hint,
				   void **root)
{
	model_kind_init(&model_kinds[kind], mt);
	CHECK(mrt_map_new(g, mt, hint, root) == 0);
	return *root;
}

/* 16 overflow buckets in 2^4, and few entries: the next new key starts a growth of the same size.
 */
static void same_size_run(mrt_g *g, void *arg)
{
	int kind = *(int *)arg;
	uint64_t from = 0, keys[9], elem = 1, kept[16];
	struct mrt_map_type mt;
	struct mrt_map_info info;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, kind, 104, root);
	const void *value = &elem;
	void *null = NULL;

	if (mt.has_pointers)
		value = &null;
	for (uint64_t bucket = 0; bucket < 16; bucket++) {
		for (int i = 0; i < 9; i++) {
			keys[i] = key_for_bucket(m, 4, bucket, &from);
			CHECK(mrt_map_put(g, &mt, m, keys[i], value) == 0);
			CHECK(!map_growing(m));
		}
		CHECK(m->noverflow == bucket + 1);
		for (int i = 0; i < 8; i++)
			CHECK(mrt_map_delete(g, &mt, m, keys[i]));
		kept[bucket] = keys[8]; /* in the overflow bucket */
		model_check_map(m);
	}
	CHECK(m->count == 16 && b_of(m) == 4);
	CHECK(mrt_map_put(g, &mt, m, kept[3], value) == 0); /* an update is no reason */
	CHECK(!map_growing(m));
	CHECK(mrt_map_put(g, &mt, m, key_for_bucket(m, 4, 0, &from), value) == 0);
	mrt_map_inspect(m, &info);
	CHECK(info.growing && info.same_size && info.b == 4 && info.overflow == 0 &&
	      info.old_buckets == 16);
	while (map_growing(m)) {
		model_check_map(m);
		CHECK(!mrt_map_delete(g, &mt, m, ~0ull));
	}
	CHECK(m->noverflow == 0 && m->count == 17 && !map_same_size(m));
	for (uint64_t bucket = 0; bucket < 16; bucket++) {
		CHECK(mrt_map_get(g, &mt, m, kept[bucket]) != NULL);
		CHECK(map_overflow(m->buckets + bucket * mt.bucket_bytes, mt.bucket_bytes) == NULL);
	}
	model_check_map(m);
}

static void test_same_size(void **state)
{
	int plain = 2, pointer = 8;

	(void)state;
	model_run(same_size_run, &plain, true);
	model_run(same_size_run, &pointer, true);
}

/* Tophash classes of a chain, as text: 'k' a key, '1' empty_one, '.' empty_rest, '|' next bucket.
 */
static const char *chain_text(struct mrt_map *m, const struct mrt_map_type *mt)
{
	static char text[64];
	size_t n = 0;

	for (uint8_t *b = m->buckets; b != NULL && n < sizeof(text) - 10;) {
		for (unsigned i = 0; i < 8; i++)
			text[n++] = b[i] >= MAP_TOP_MIN ? 'k' : b[i] == MAP_EMPTY_ONE ? '1' : '.';
		b = map_overflow(b, mt->bucket_bytes);
		if (b != NULL)
			text[n++] = '|';
	}
	text[n] = '\0';
	return text;
}

#define CHECK_CHAIN(m, mt, want) CHECK(strcmp(chain_text(m, mt), want) == 0)

static void delete_rules_run(mrt_g *g, void *arg)
{
	uint64_t from = 0, key[18], elem = 7;
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, 2, 26, root); /* 2^2, room for 26 */
	uint32_t seed = m->hash0;

	(void)arg;
	for (int i = 0; i < 18; i++) {
		key[i] = key_for_bucket(m, 2, 0, &from);
		CHECK(mrt_map_put(g, &mt, m, key[i], &elem) == 0);
	}
	CHECK_CHAIN(m, &mt, "kkkkkkkk|kkkkkkkk|kk......");
	CHECK(mrt_map_delete(g, &mt, m, key[3]));
	CHECK_CHAIN(m, &mt, "kkk1kkkk|kkkkkkkk|kk......");
	CHECK(!mrt_map_delete(g, &mt, m, key[3]));
	CHECK(mrt_map_delete(g, &mt, m, key[16]));
	CHECK_CHAIN(m, &mt, "kkk1kkkk|kkkkkkkk|1k......");
	CHECK(mrt_map_delete(g, &mt, m, key[17])); /* walks back over the empty one */
	CHECK_CHAIN(m, &mt, "kkk1kkkk|kkkkkkkk|........");
	for (int i = 14; i >= 8; i--)
		CHECK(mrt_map_delete(g, &mt, m, key[i]));
	CHECK_CHAIN(m, &mt, "kkk1kkkk|1111111k|........");
	CHECK(mrt_map_delete(g, &mt, m, key[7]));
	CHECK_CHAIN(m, &mt, "kkk1kkk1|1111111k|........");
	model_check_map(m);
	CHECK(mrt_map_delete(g, &mt, m, key[15])); /* over a bucket's edge, up to a live cell */
	CHECK_CHAIN(m, &mt, "kkk1kkk.|........|........");
	/* The key's bytes stay, the element's do not; the bucket is never unlinked. */
	CHECK(map_key_load(m->buckets, 3, 8) == key[3]);
	elem = 0;
	CHECK(memcmp(map_slot_at(m->buckets, 3, 8, 8), &elem, 8) == 0);
	/* A new key takes the first empty cell. */
	CHECK(mrt_map_put(g, &mt, m, key[17], &elem) == 0);
	CHECK(map_key_load(m->buckets, 3, 8) == key[17]);
	CHECK_CHAIN(m, &mt, "kkkkkkk.|........|........");
	model_check_map(m);
	CHECK(m->noverflow == 2 && m->hash0 == seed);
	for (int i = 0; i < 18; i++)
		mrt_map_delete(g, &mt, m, key[i]);
	CHECK_CHAIN(m, &mt, "........|........|........");
	CHECK(m->count == 0 && m->hash0 != seed); /* drawn anew */
	model_check_map(m);
}

static void test_delete_rules(void **state)
{
	(void)state;
	model_run(delete_rules_run, NULL, false);
}

/* An old chain whose cells are handed out by hash bit; old cells keep their marks. */
static void evacuation_run(mrt_g *g, void *arg)
{
	uint64_t from = 0, elem = 0;
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, 2, 26, root);
	uint8_t *old = m->buckets;

	(void)arg;
	while (!map_growing(m))
		CHECK(mrt_map_put(g, &mt, m, ++from, &elem) == 0);
	CHECK(m->b == 3 && m->count == 27 && m->old_buckets == old);
	/* The assign that began it has moved its own chain, and the one at the mark. */
	uint64_t own = map_hash(m, from, 8) & 3;
	CHECK(map_evacuated(old + own * mt.bucket_bytes) && map_evacuated(old));
	CHECK(map_nevacuate(m) == 1 + (own == 1));
	for (uint64_t key = 1; key <= 27; key++) {
		uint64_t hash = map_hash(m, key, 8);
		struct map_place at = {0};
		uint8_t *chain = old + (hash & 3) * mt.bucket_bytes, *b = chain;

		if (!map_evacuated(chain))
			continue;
		for (; b != NULL; b = map_overflow(b, mt.bucket_bytes))
			for (unsigned i = 0; i < 8; i++)
				if (map_key_load(b, i, 8) == key && b[i] != MAP_EVACUATED_EMPTY)
					CHECK(b[i] ==
					      (hash & 4 ? MAP_EVACUATED_Y : MAP_EVACUATED_X));
		CHECK(map_search(m->buckets + (hash & 7) * mt.bucket_bytes, mt.bucket_bytes,
				 (struct map_key){.word = key}, hash, &map_keys_u64, &at));
	}
	for (int i = 0; i < 4 && map_growing(m); i++)
		mrt_map_delete(g, &mt, m, ~0ull); /* absent: growth work all the same */
	CHECK(!map_growing(m) && m->count == 27);
	CHECK(mrt_map_get(g, &mt, m, 1) != NULL);
	model_check_map(m);
}

static void test_evacuation(void **state)
{
	(void)state;
	model_run(evacuation_run, NULL, false);
}

/* ----------------------------------------------------------------------- clear */

static void clear_run(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t elem = 5;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, 2, 0, root);

	(void)arg;
	for (uint64_t target = 1; target < 3000; target = target * 3 / 2 + 1) {
		uint64_t got = 0;
		uint32_t seed;
		uint8_t b;

		for (uint64_t key = 0; key < target; key++)
			CHECK(mrt_map_put(g, &mt, m, key, &elem) == 0);
		seed = m->hash0;
		b = m->b;
		{
			MRT_MAP_ITER(g, &mt, m, it);
			while (mrt_map_iter_next(g, &it))
				if (++got == target / 2 + 1)
					CHECK(mrt_map_clear(g, &mt, m) == 0);
		}
		CHECK(got == target / 2 + 1); /* the iterator ends */
		CHECK(m->count == 0 && m->b == b && m->hash0 != seed && !map_growing(m) &&
		      m->noverflow == 0);
		CHECK(mrt_map_get(g, &mt, m, 0) == NULL);
		model_check_map(m);
	}
	CHECK(mrt_map_clear(g, &mt, NULL) == 0);
	CHECK(mrt_map_get(g, &mt, NULL, 1) == NULL && !mrt_map_delete(g, &mt, NULL, 1));
	CHECK(mrt_map_count(NULL) == 0);
}

/* The iterator stands in an overflow bucket, which the cleared array no longer leads to. */
static void clear_overflow_run(mrt_g *g, void *arg)
{
	uint64_t from = 0, elem = 7;
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, *(int *)arg, 26, root);
	void *null = NULL;

	for (int i = 0; i < 18; i++)
		CHECK(mrt_map_put(g, &mt, m, key_for_bucket(m, 2, 0, &from),
				  mt.has_pointers ? (void *)&null : (void *)&elem) == 0);
	MRT_MAP_ITER(g, &mt, m, it);
	for (int i = 0; i < 10; i++)
		CHECK(mrt_map_iter_next(g, &it));
	CHECK(it.roots[2] != m->buckets);
	CHECK(mrt_map_clear(g, &mt, m) == 0);
	mrt_gc(g);
	CHECK(!mrt_map_iter_next(g, &it));
	model_check_map(m);
}

static void test_clear(void **state)
{
	int plain = 2, pointer = 8;

	(void)state;
	model_run(clear_run, NULL, false);
	model_run(clear_overflow_run, &plain, true);
	model_run(clear_overflow_run, &pointer, true);
}

/* 32-bit keys: what is above does not count. */
static void narrow_run(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t elem = 5;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, 3, 0, root);

	(void)arg;
	CHECK(mrt_map_put(g, &mt, m, 0x100000007ull, &elem) == 0);
	CHECK(mrt_map_put(g, &mt, m, 7, &elem) == 0);
	CHECK(m->count == 1 && mrt_map_get(g, &mt, m, 0xf00000007ull) != NULL);
	CHECK(mrt_map_delete(g, &mt, m, 7) && m->count == 0);
}

static void test_narrow(void **state)
{
	(void)state;
	model_run(narrow_run, NULL, false);
}

/* ------------------------------------------------------------ the check itself */

/* Break one thing, see it named, mend it. */
#define CHECK_FINDS(m, what, breaks, mends)                                                        \
	do {                                                                                       \
		char text_[200] = "";                                                              \
		breaks;                                                                            \
		CHECK(map_check(m, text_, sizeof(text_)) == -EUCLEAN);                             \
		CHECK(strstr(text_, what) != NULL);                                                \
		mends;                                                                             \
		model_check_map(m);                                                                \
	} while (0)

static unsigned live_cell(const uint8_t *bucket)
{
	unsigned i = 0;

	while (bucket[i] < MAP_TOP_MIN)
		i++;
	return i;
}

static void check_run(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t elem = 5;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m = new_u64_map(g, &mt, 2, 0, root);

	(void)arg;
	for (uint64_t key = 0; key < 105; key++)
		CHECK(mrt_map_put(g, &mt, m, key, &elem) == 0);
	CHECK(map_growing(m) && map_nevacuate(m) > 0 && map_nevacuate(m) < 15);
	uint8_t *moved = m->buckets + 0 * mt.bucket_bytes;
	unsigned i = live_cell(moved);
	uint8_t top = moved[i];
	uint64_t key = map_key_load(moved, i, 8), other = key + 1;

	CHECK_FINDS(m, "M1", m->count++, m->count--);
	CHECK_FINDS(m, "M2", moved[i] = top == 99 ? 98 : 99, moved[i] = top);
	while ((map_hash(m, other, 8) & 15) == 0 || map_top_of(map_hash(m, other, 8)) != top)
		other++;
	CHECK_FINDS(m, "M2", memcpy(map_key_at(moved, i, 8), &other, 8),
		    memcpy(map_key_at(moved, i, 8), &key, 8));
	CHECK_FINDS(m, "M3", moved[i] = MAP_EMPTY_REST, moved[i] = top);
	CHECK_FINDS(m, "M4", moved[i] = MAP_EVACUATED_X, moved[i] = top);
	CHECK_FINDS(m, "M4", m->progress += 15, m->progress -= 15);
	CHECK_FINDS(m, "M5", m->noverflow++, m->noverflow--);
	for (uint64_t bucket = 0; bucket < 16; bucket++) {
		uint8_t *old = m->old_buckets + bucket * mt.bucket_bytes;
		uint8_t *to = m->buckets + bucket * mt.bucket_bytes;

		if (map_evacuated(old))
			CHECK_FINDS(m, "M4", i = old[5]; old[5] = 77, old[5] = (uint8_t)i);
		else
			CHECK_FINDS(m, "M4", to[2] = 77, to[2] = MAP_EMPTY_REST);
	}
	while (map_growing(m))
		mrt_map_delete(g, &mt, m, ~0ull);
	if (m->extra->overflow != NULL && m->extra->overflow->len > 0)
		CHECK_FINDS(m, "M5", m->extra->overflow->len--, m->extra->overflow->len++);
}

static void test_check_finds(void **state)
{
	(void)state;
	model_run(check_run, NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_growth_points),
		cmocka_unit_test(test_hints),	     cmocka_unit_test(test_same_size),
		cmocka_unit_test(test_delete_rules), cmocka_unit_test(test_evacuation),
		cmocka_unit_test(test_clear),	     cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_check_finds),  cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_mixed_stress), cmocka_unit_test(test_large),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
