/*
 * test_map_iter.c: iteration while the map grows, shrinks and is cleared: each entry that stays is
 * seen exactly once, one deleted before it was reached never, values are those of now, the order is
 * random.
 */
#include "map_model.h"

enum { SEEN = 1, DELETED = 2, ADDED = 4 };

struct walk {
	struct model_pair pair;
	uint64_t first_free; /* ids from here on were never in the map */
	uint64_t order_hash;
};

static void walk_visit(struct walk *w, const struct mrt_map_iter *it)
{
	struct model *ref = &w->pair.ref;
	uint64_t id = model_id(w->pair.kind, it->key);

	CHECK(id < ref->universe);
	CHECK(!(ref->seen[id] & (SEEN | DELETED)));
	CHECK(model_elem_ok(&w->pair.kind->elem, it->key, ref->version[id], it->elem));
	ref->seen[id] |= SEEN;
	w->order_hash = data_fold(w->order_hash ^ id, DATA_HASH_A);
}

/* Change the map under the iterator. `mode` 0: nothing, 1: deletes, 2: inserts (growth), 3: both
 * and updates. */
static void walk_disturb(struct walk *w, int mode)
{
	struct model *ref = &w->pair.ref;
	uint64_t id = model_below(w->first_free);

	if (mode & 1) {
		if (ref->version[id] != 0)
			ref->seen[id] |= ref->seen[id] & SEEN ? 0 : DELETED;
		model_delete(&w->pair, id);
	}
	for (int i = 0; (mode & 2) && i < 3 && w->first_free < ref->universe; i++) {
		ref->seen[w->first_free] |= ADDED;
		CHECK(model_put(&w->pair, w->first_free++) == 0);
	}
	id = model_below(w->first_free);
	if (mode == 3 && ref->version[id] != 0)
		CHECK(model_put(&w->pair, id) == 0);
}

static void walk_once(struct walk *w, int mode)
{
	struct model *ref = &w->pair.ref;
	uint64_t visits = 0;

	memset(ref->seen, 0, ref->universe);
	w->order_hash = 0;
	MRT_MAP_ITER(w->pair.g, &w->pair.mt, w->pair.m, it);
	while (mrt_map_iter_next(w->pair.g, &it)) {
		walk_visit(w, &it);
		walk_disturb(w, mode);
		if (++visits % 64 == 0)
			model_check_map(w->pair.m);
	}
	CHECK(!mrt_map_iter_next(w->pair.g, &it));
	for (uint64_t id = 0; id < w->first_free; id++)
		if (ref->version[id] != 0 && !(ref->seen[id] & ADDED))
			CHECK(ref->seen[id] & SEEN);
}

static void walk_kind(mrt_g *g, struct model_kind *kind, uint64_t size)
{
	static struct walk walk;
	struct walk *w = &walk;
	MRT_ROOTS(g, root, 1);

	for (int mode = 0; mode < 4; mode++) {
		*w = (struct walk){.pair = {.g = g, .kind = kind}};
		model_kind_init(kind, &w->pair.mt);
		model_map_init(&w->pair.ref, size * 40);
		CHECK(mrt_map_new(g, &w->pair.mt, 0, &root[0]) == 0);
		w->pair.m = root[0];
		/* Stop at every state of growth as the map fills. */
		for (w->first_free = 0; w->first_free < size;) {
			CHECK(model_put(&w->pair, w->first_free++) == 0);
			if (w->first_free > 30 && w->first_free % 17 != 0 &&
			    !map_growing(w->pair.m))
				continue;
			walk_once(w, mode);
			if (w->first_free > size * 39)
				break;
		}
		walk_once(w, mode);
		model_compare(&w->pair);
		model_map_fini(&w->pair.ref);
	}
}

static void walk_all(mrt_g *g, void *arg)
{
	static const int kinds[] = {0, 2, 3, 6, 8, 10, 11};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		walk_kind(g, &model_kinds[kinds[i]], *(int *)arg);
}

static void test_walks(void **state)
{
	int size = 150;

	(void)state;
	model_run(walk_all, &size, false);
}

static void test_walks_stress(void **state)
{
	int size = 20;

	(void)state;
	model_run(walk_all, &size, true);
}

/* ------------------------------------------------------------------------ order */

/* Over many walks of a full bucket each entry comes first equally often; of a larger map the orders
 * differ. */
static void order_run(mrt_g *g, void *arg)
{
	enum { N = 40, WALKS = 8000 };
	static uint32_t first[8];
	static struct walk walk;
	struct walk *w = &walk;
	uint64_t last = 0, same = 0;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	*w = (struct walk){.pair = {.g = g, .kind = &model_kinds[2]}, .first_free = N};
	model_kind_init(w->pair.kind, &w->pair.mt);
	model_map_init(&w->pair.ref, N);
	CHECK(mrt_map_new(g, &w->pair.mt, 0, &root[0]) == 0);
	w->pair.m = root[0];
	memset(first, 0, sizeof(first));
	for (uint64_t id = 0; id < 8; id++)
		CHECK(model_put(&w->pair, id) == 0);
	w->first_free = 8;
	for (int i = 0; i < WALKS; i++) {
		MRT_MAP_ITER(g, &w->pair.mt, w->pair.m, it);
		CHECK(mrt_map_iter_next(g, &it));
		first[model_id(w->pair.kind, it.key)]++;
	}
	for (int i = 0; i < 8; i++)
		CHECK(first[i] > WALKS / 8 - 200 &&
		      first[i] < WALKS / 8 + 200); /* seven deviations */
	for (uint64_t id = 8; id < N; id++)
		CHECK(model_put(&w->pair, id) == 0);
	w->first_free = N;
	for (int i = 0; i < WALKS / 100; i++) {
		walk_once(w, 0);
		same += w->order_hash == last;
		last = w->order_hash;
	}
	CHECK(same < 12); /* 64 orders: 1.25 expected */
	model_map_fini(&w->pair.ref);
}

static void test_order(void **state)
{
	(void)state;
	model_run(order_run, NULL, false);
}

/* ------------------------------------------------------------- several iterators */

/* Nested iterators over one map that grows twice: each sees each old entry once. */
static void nested_run(mrt_g *g, void *arg)
{
	enum { N = 60, GROWN = 600 };
	struct mrt_map_type mt;
	uint8_t outer[N] = {0};
	uint64_t elem = 0, next = N;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;

	(void)arg;
	model_kind_init(&model_kinds[2], &mt);
	CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	m = root[0];
	for (uint64_t key = 0; key < N; key++)
		CHECK(mrt_map_put(g, &mt, m, key, &key) == 0);
	MRT_MAP_ITER(g, &mt, m, it);
	while (mrt_map_iter_next(g, &it)) {
		uint64_t inner = 0;

		if (it.key < N)
			CHECK(outer[it.key]++ == 0);
		MRT_MAP_ITER(g, &mt, m, it2);
		while (mrt_map_iter_next(g, &it2)) {
			inner += it2.key < N;
			CHECK(memcmp(it2.elem, &it2.key, 8) == 0);
			if (next < GROWN) {
				elem = next++;
				CHECK(mrt_map_put(g, &mt, m, elem, &elem) == 0);
			}
		}
		CHECK(inner == N);
	}
	for (int i = 0; i < N; i++)
		CHECK(outer[i] == 1);
	CHECK(m->count == GROWN);
	model_check_map(m);
}

static void test_nested(void **state)
{
	(void)state;
	model_run(nested_run, NULL, false);
	model_run(nested_run, NULL, true);
}

/*
 * The iterator stands in a chain of the old array; two growths end, then all is cleared (another seed)
 * and comes back. What came back is met once at most.
 */
static bool returned_round(mrt_g *g, struct mrt_map_type *mt, void **root)
{
	enum { MOST = 400 };
	uint8_t met[MOST] = {0};
	uint64_t n = 0, steps = 0;
	struct mrt_map *m;
	uint8_t *old;

	CHECK(mrt_map_new(g, mt, 0, root) == 0);
	m = *root;
	while (!map_growing(m) || m->b < 4) {
		CHECK(mrt_map_put(g, mt, m, n, &n) == 0);
		n++;
	}
	old = m->old_buckets;
	MRT_MAP_ITER(g, mt, m, it);
	do {
		if (!mrt_map_iter_next(g, &it) || ++steps > 20)
			return false;
	} while (it.check_bucket == UINT64_MAX || it.i > 3 || it.roots[1] == old);
	for (; m->b < 5 || map_growing(m); n++)
		CHECK(mrt_map_put(g, mt, m, n, &n) == 0);
	CHECK(n <= MOST && mrt_map_clear(g, mt, m) == 0);
	for (uint64_t key = 0; key < n; key++)
		CHECK(mrt_map_put(g, mt, m, key, &key) == 0);
	while (mrt_map_iter_next(g, &it)) {
		CHECK(!met[it.key]);
		met[it.key] = 1;
	}
	return true;
}

static void returned_run(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t stood = 0;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	model_kind_init(&model_kinds[2], &mt);
	for (int round = 0; round < 1500; round++)
		stood += returned_round(g, &mt, root);
	CHECK(stood > 200);
}

static void test_returned(void **state)
{
	(void)state;
	model_run(returned_run, NULL, false);
}

static void empty_run(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	model_kind_init(&model_kinds[2], &mt);
	CHECK(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	struct mrt_frame *frames = g->frames;
	{
		MRT_MAP_ITER(g, &mt, root[0], it);
		CHECK(g->frames == &it.frame && !mrt_map_iter_next(g, &it));
		MRT_MAP_ITER(g, &mt, NULL, nil);
		CHECK(!mrt_map_iter_next(g, &nil));
	}
	CHECK(g->frames == frames);
}

static void test_empty(void **state)
{
	(void)state;
	model_run(empty_run, NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks), cmocka_unit_test(test_walks_stress),
		cmocka_unit_test(test_order), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_empty), cmocka_unit_test(test_returned),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
