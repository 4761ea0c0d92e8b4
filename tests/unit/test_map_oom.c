/*
 * test_map_oom.c: every allocation of a map operation fails once, then all from there on: the
 * operation answers -ENOMEM and nothing that the program can see has changed; deletes and look-ups
 * go on; with memory back, so does everything.
 */
#include "map_model.h"

/* ------------------------------------------------------------ sweep: the Nth fails */

struct sweep {
	struct model_pair pair;
	uint64_t refused, steps;
	bool persistent;
};

static void sweep_step(struct sweep *s)
{
	struct model_pair *p = &s->pair;
	uint64_t id = model_below(p->ref.universe), dice = model_below(100);
	uint64_t share =
		s->steps / 3 % 2 == 0 ? 75 : 40; /* rise and fall, so that chains grow and empty */

	if (dice < share) {
		int rc = model_put(p, id);

		CHECK(rc == 0 || rc == -ENOMEM);
		if (rc == 0)
			return;
		s->refused++;
		model_compare(p);
		if (!s->persistent)
			CHECK(model_put(p, id) == 0); /* a later attempt succeeds */
	} else {
		model_delete(p, id);
	}
}

/* One whole life of a map with allocation `at` failing. true: some allocation failed. */
static bool sweep_run(mrt_g *g, struct model_kind *kind, uint64_t universe, uint64_t at,
		      bool persistent)
{
	static struct sweep sweep;
	struct sweep *s = &sweep;
	uint64_t failed;
	int rc;
	MRT_ROOTS(g, root, 1);

	*s = (struct sweep){.pair = {.g = g, .kind = kind}, .persistent = persistent};
	model_random_state = model_seed + universe;
	model_kind_init(kind, &s->pair.mt);
	model_map_init(&s->pair.ref, universe);
	model_fail(at, persistent);
	rc = mrt_map_new(g, &s->pair.mt, at % 2 ? 0 : (int64_t)universe / 2, &root[0]);
	CHECK(rc == 0 || (rc == -ENOMEM && root[0] == NULL));
	if (rc < 0) {
		model_fail(0, false);
		CHECK(mrt_map_new(g, &s->pair.mt, 0, &root[0]) == 0);
		model_fail(at, persistent);
	}
	s->pair.m = root[0];
	for (s->steps = 0; s->steps < universe * 4; s->steps++)
		sweep_step(s);
	failed = model_gate.failed;
	model_compare(&s->pair);
	model_fail(0, false); /* memory is back */
	for (uint64_t id = 0; id < universe; id++)
		CHECK(model_put(&s->pair, id) == 0);
	model_compare(&s->pair);
	for (uint64_t id = 0; id < universe; id++)
		model_delete(&s->pair, id);
	model_compare(&s->pair);
	model_map_fini(&s->pair.ref);
	return failed > 0;
}

struct sweep_plan {
	uint64_t universe;
	bool persistent, stress;
};

static void sweep_all(mrt_g *g, void *arg)
{
	const struct sweep_plan *plan = arg;
	static const int kinds[] = {0, 2, 3, 6, 8, 10, 11};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t at = 1, step = 1;

		while (sweep_run(g, &model_kinds[kinds[i]], plan->universe, at, plan->persistent)) {
			at += step;
			if (at >
			    (plan->stress
				     ? 8
				     : 40)) /* the first ones all, then further and further apart */
				step += 1 + step / 8;
		}
		CHECK(at >= 3); /* at least the header and a bucket */
	}
}

static void sweep(uint64_t universe, bool persistent, bool stress)
{
	struct sweep_plan plan = {universe, persistent, stress};

	model_run(sweep_all, &plan, stress);
}

static void test_once(void **state)
{
	(void)state;
	sweep(12, false, false);
	sweep(200, false, false);
}

static void test_persistent(void **state)
{
	(void)state;
	sweep(12, true, false);
	sweep(200, true, false);
}

static void test_stress(void **state)
{
	(void)state;
	sweep(60, false, true);
	sweep(60, true, true);
}

/* ------------------------------------------------- an evacuation that has to wait */

/* Keys of the chain at old bucket 0 of 2^2, all of which stay in the lower half: 17, so X needs two
 * overflow buckets. */
struct waiting {
	struct mrt_map_type mt;
	struct mrt_map *m;
	uint64_t key[20], other; /* other: lies in old bucket 1 */
	uint64_t from;
};

static uint64_t waiting_key(struct waiting *w, uint64_t mask, uint64_t bucket)
{
	while ((map_hash(w->m, ++w->from, 8) & mask) != bucket)
		;
	return w->from;
}

static void waiting_make(mrt_g *g, struct waiting *w, int kind, void **root)
{
	uint64_t elem = 3;
	MRT_ROOTS(g, payload, 1);
	const void *value = &elem;

	model_kind_init(&model_kinds[kind], &w->mt);
	CHECK(mrt_map_new(g, &w->mt, 26, root) == 0);
	w->m = *root;
	if (w->mt.has_pointers) {
		CHECK(mrt_new(g, &model_payload_type, &payload[0]) == 0);
		value = &payload[0];
	}
	for (int i = 0; i < 17; i++) {
		w->key[i] = waiting_key(w, 7, 0);
		CHECK(mrt_map_put(g, &w->mt, w->m, w->key[i], value) == 0);
	}
	for (int i = 0; i < 9; i++) {
		w->other = waiting_key(w, 3, 1 + (uint64_t)i % 3);
		CHECK(mrt_map_put(g, &w->mt, w->m, w->other, value) == 0);
	}
	CHECK(!map_growing(w->m) && w->m->count == 26);
	w->other = waiting_key(w, 3, 1);
}

static void waiting_run(mrt_g *g, void *arg)
{
	static struct waiting waiting;
	struct waiting *w = &waiting;
	void *value[1] = {NULL};
	uint8_t *old;
	MRT_ROOTS(g, root, 1);

	memset(w, 0, sizeof(*w));
	waiting_make(g, w, *(int *)arg, root);
	old = w->m->buckets;
	/* Growth refused: no change but for the answer. */
	model_fail(1, true);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->other, value) == -ENOMEM);
	CHECK(!map_growing(w->m) && w->m->buckets == old && w->m->count == 26);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->key[0], value) == 0); /* an update needs nothing */
	/* The array comes (and the list of a noscan map), then nothing more: own chain moves (it
	 * needs nothing), chain 0 at the mark waits. */
	model_fail(w->mt.has_pointers ? 2 : 3, true);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->other, value) == 0);
	CHECK(map_growing(w->m) && w->m->old_buckets == old && map_nevacuate(w->m) == 0);
	CHECK(!map_evacuated(old) && map_evacuated(old + w->mt.bucket_bytes));
	model_check_map(w->m);
	/* Everything but a new key works in the old chain. */
	for (int i = 0; i < 17; i++)
		CHECK(mrt_map_get(g, &w->mt, w->m, w->key[i]) != NULL);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->key[16], value) == 0);
	CHECK(memcmp(mrt_map_get(g, &w->mt, w->m, w->key[16]), value, 8) == 0);
	w->key[17] = waiting_key(w, 7, 0);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->key[17], value) == -ENOMEM);
	CHECK(w->m->count == 27 && mrt_map_get(g, &w->mt, w->m, w->key[17]) == NULL);
	CHECK(!map_evacuated(old));
	/* So do iterators, which need no memory. */
	{
		uint64_t n = 0;
		MRT_MAP_ITER(g, &w->mt, w->m, it);

		while (mrt_map_iter_next(g, &it)) {
			CHECK(mrt_map_put(g, &w->mt, w->m, w->key[17], value) == -ENOMEM);
			n++;
		}
		CHECK(n == 27);
	}
	/* Other chains take new keys meanwhile; deletes make room in this one, until it can move
	 * after all. */
	CHECK(mrt_map_put(g, &w->mt, w->m, waiting_key(w, 3, 1), value) == 0);
	for (int i = 0; i < 9; i++) {
		CHECK(!map_evacuated(old));
		CHECK(mrt_map_delete(g, &w->mt, w->m, w->key[i]));
		model_check_map(w->m);
	}
	CHECK(mrt_map_put(g, &w->mt, w->m, w->key[17], value) == -ENOMEM || map_evacuated(old));
	model_fail(0, false);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->key[17], value) == 0);
	for (int i = 0; i < 8 && map_growing(w->m); i++)
		mrt_map_delete(g, &w->mt, w->m, ~0ull);
	CHECK(!map_growing(w->m) && w->m->count == 20);
	for (int i = 9; i < 18; i++)
		CHECK(mrt_map_get(g, &w->mt, w->m, w->key[i]) != NULL);
	model_check_map(w->m);
}

static void test_waiting(void **state)
{
	int plain = 2, pointer = 8;

	(void)state;
	model_run(waiting_run, &plain, false);
	model_run(waiting_run, &pointer, false);
	model_run(waiting_run, &plain, true);
	model_run(waiting_run, &pointer, true);
}

/* With all of it needed at once: a chain long enough for several overflow buckets moves when memory
 * is back. */
static void long_chain_run(mrt_g *g, void *arg)
{
	static struct waiting waiting;
	struct waiting *w = &waiting;
	void *value[1] = {NULL};
	MRT_ROOTS(g, root, 1);

	memset(w, 0, sizeof(*w));
	waiting_make(g, w, *(int *)arg, root);
	model_fail(w->mt.has_pointers ? 2 : 3, true);
	CHECK(mrt_map_put(g, &w->mt, w->m, w->other, value) == 0);
	CHECK(!map_evacuated(w->m->old_buckets));
	model_fail(0, false);
	CHECK(mrt_map_put(g, &w->mt, w->m, waiting_key(w, 7, 0), value) == 0);
	CHECK(w->m->noverflow == 2 && w->m->count == 28);
	model_check_map(w->m);
	for (int i = 0; i < 17; i++)
		CHECK(mrt_map_get(g, &w->mt, w->m, w->key[i]) != NULL);
}

static void test_long_chain(void **state)
{
	int plain = 2, pointer = 8;

	(void)state;
	model_run(long_chain_run, &plain, true);
	model_run(long_chain_run, &pointer, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting), cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_once),	cmocka_unit_test(test_persistent),
		cmocka_unit_test(test_stress),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
