/*
 * test_map_keys.c: maps with keys of every kind against a reference: under random operations with
 * collections inside every few allocations, while iterating, with every allocation failing once and
 * for good, and with four Ps behind a lock.
 */
#include "tests/unit/map_keys.h"

/* Elements that each kind of key is tried with. */
static const int elems[] = {0, 2, 4, 6, 8, 11};
#define ELEMS (int)(sizeof(elems) / sizeof(elems[0]))

/* ------------------------------------------------------- against the reference */

static void mixed_step(struct keys_pair *p, uint64_t insert_share)
{
	uint64_t id = model_below(p->ref.universe), dice = model_below(100);

	if (dice < insert_share)
		CHECK(keys_put(p, id) == 0);
	else if (dice < 85)
		keys_delete(p, id);
	else
		keys_get(p, id);
}

static void mixed(mrt_g *g, struct keys_kind *kind, struct model_kind *elem, uint64_t universe,
		  uint64_t steps)
{
	static const uint64_t share[] = {80, 45, 10, 60, 43};
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	MRT_ROOTS(g, root, 1);

	keys_pair_init(p, g, kind, elem, universe);
	CHECK(mrt_map_new(g, &p->mt, (int64_t)model_below(universe) - 10, &root[0]) == 0);
	p->m = root[0];
	for (size_t phase = 0; phase < sizeof(share) / sizeof(share[0]); phase++) {
		for (uint64_t i = 0; i < steps; i++)
			mixed_step(p, share[phase]);
		keys_compare(p);
		if (phase == 3 && model_below(2) == 0) {
			keys_clear(p);
			keys_compare(p);
		}
	}
	for (uint64_t id = 0; id < p->ref.universe; id++)
		keys_delete(p, id);
	keys_compare(p);
	CHECK(mrt_map_count(p->m) == 0);
	keys_pair_fini(p);
}

static void mixed_all(mrt_g *g, void *arg)
{
	bool stress = *(bool *)arg;
	static const uint64_t universe[] = {1, 9, 100, 2000};

	for (int k = 0; k < KEYS_KINDS; k++)
		for (int e = 0; e < ELEMS; e++)
			for (int u = 0; u < (stress ? 3 : 4); u++)
				mixed(g, &keys_kinds[k], &model_kinds[elems[e]], universe[u],
				      universe[u] / (stress ? 2 : 1) + 30);
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

/* ------------------------------------------------------------------ iterating */

/* Puts and deletions between the steps: what stays all the while is met once, what was deleted before
 * it was met never, what came perhaps. */
static void iterate_kind(mrt_g *g, struct keys_kind *kind, struct model_kind *elem,
			 uint64_t universe)
{
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	uint8_t *stayed = malloc(universe);
	MRT_ROOTS(g, root, 1);

	CHECK(stayed != NULL);
	keys_pair_init(p, g, kind, elem, universe);
	universe = p->ref.universe;
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	p->m = root[0];
	for (int round = 0; round < 6; round++) {
		for (uint64_t i = 0; i < universe / 3; i++)
			CHECK(keys_put(p, model_below(universe)) == 0);
		for (uint64_t id = 0; id < universe; id++)
			stayed[id] = p->ref.version[id] != 0;
		memset(p->ref.seen, 0, universe);
		MRT_MAP_ITER(g, &p->mt, p->m, it);
		while (mrt_map_iter_next(g, &it)) {
			uint64_t id = keys_entry(p, &it);

			CHECK(!p->ref.seen[id]);
			p->ref.seen[id] = 1;
			for (uint64_t n = model_below(4); n > 0; n--) {
				id = model_below(universe);
				if (model_below(3) == 0) {
					keys_delete(p, id);
					stayed[id] = 0;
					p->ref.seen[id] = 0; /* it may come back */
				} else {
					CHECK(keys_put(p, id) == 0);
				}
			}
		}
		for (uint64_t id = 0; id < universe; id++)
			CHECK(!stayed[id] || p->ref.seen[id]);
		keys_compare(p);
	}
	keys_pair_fini(p);
	free(stayed);
}

static void iterate_all(mrt_g *g, void *arg)
{
	uint64_t universe = *(uint64_t *)arg;

	for (int k = 0; k < KEYS_KINDS; k++)
		for (int e = 1; e < ELEMS; e += 3) /* u64; pointer */
			iterate_kind(g, &keys_kinds[k], &model_kinds[elems[e]], universe);
}

static void test_iterate(void **state)
{
	uint64_t many = 600, few = 60;

	(void)state;
	model_run(iterate_all, &many, false);
	model_run(iterate_all, &few, true);
}

/* -------------------------------------------------------------- without memory */

/* One life of a map with allocation `at` failing. true: some allocation failed. */
static bool oom_life(mrt_g *g, struct keys_kind *kind, struct model_kind *elem, uint64_t at,
		     bool persistent)
{
	static struct keys_pair pair;
	struct keys_pair *p = &pair;
	uint64_t failed, universe = 60;
	MRT_ROOTS(g, root, 1);

	model_random_state = model_seed + at;
	keys_pair_init(p, g, kind, elem, universe);
	universe = p->ref.universe;
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	p->m = root[0];
	model_fail(at, persistent);
	for (uint64_t i = 0; i < universe * 4; i++) {
		uint64_t id = model_below(universe);
		int rc = 0;

		if (model_below(100) < 70)
			rc = keys_put(p, id);
		else
			keys_delete(p, id);
		CHECK(rc == 0 || rc == -ENOMEM);
		if (rc == -ENOMEM)
			keys_compare(p);
	}
	failed = model_gate.failed;
	model_fail(0, false);
	for (uint64_t id = 0; id < universe; id++)
		CHECK(keys_put(p, id) == 0);
	keys_compare(p);
	keys_pair_fini(p);
	return failed > 0;
}

static void oom_all(mrt_g *g, void *arg)
{
	bool persistent = *(bool *)arg;

	for (int k = 0; k < KEYS_KINDS; k++) {
		uint64_t at = 1, step = 1;
		struct model_kind *elem = &model_kinds[k % 2 ? 11 : 2];

		while (oom_life(g, &keys_kinds[k], elem, at, persistent)) {
			at += step;
			step += at > 30;
		}
		CHECK(at >= 2);
	}
}

static void test_oom(void **state)
{
	bool once = false, persistent = true;

	(void)state;
	model_run(oom_all, &once, false);
	model_run(oom_all, &persistent, false);
	model_run(oom_all, &persistent, true);
}

/* -------------------------------------------------------- many Ps behind a lock */

#define WORKERS	   6
#define SHARED_OPS (MODEL_SLOW ? 400 : 3000)

struct shared {
	struct keys_pair pair;
	mrt_mutex lock;
	mrt_wg done;
	void *root; /* global */
};

static void shared_worker(mrt_g *g, void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < SHARED_OPS; i++) {
		mrt_lock(g, &s->lock);
		s->pair.g = g;
		mixed_step(&s->pair, 50);
		mrt_unlock(g, &s->lock);
	}
	mrt_wg_done(g, &s->done);
}

static void shared_kind(mrt_g *g, struct keys_kind *kind, struct model_kind *elem)
{
	static struct shared shared;
	struct shared *s = &shared;

	memset(s, 0, sizeof(*s));
	keys_pair_init(&s->pair, g, kind, elem, 500);
	CHECK(mrt_globals_add(&s->root, 1) == 0);
	{
		MRT_ROOTS(g, fresh, 1);

		CHECK(mrt_map_new(g, &s->pair.mt, 0, &fresh[0]) == 0);
		mrt_store(g, &s->root, fresh[0]);
	}
	s->pair.m = s->root;
	mrt_wg_add(&s->done, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		CHECK(mrt_go(g, shared_worker, s, NULL) == 0);
	mrt_wg_wait(g, &s->done);
	s->pair.g = g;
	keys_compare(&s->pair);
	mrt_globals_remove(&s->root);
	keys_pair_fini(&s->pair);
}

static void shared_all(mrt_g *g, void *arg)
{
	(void)arg;
	model_g = g;
	for (int k = 0; k < KEYS_KINDS; k++)
		shared_kind(g, &keys_kinds[k], &model_kinds[k % 2 ? 8 : 2]);
}

static void test_shared(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs += 3) {
		struct mrt_options opt = {.procs = procs,
					  .seed = model_seed,
					  .gc_every = 500,
					  .clobber = true,
					  .check_edges = true};

		model_random_state = model_seed;
		assert_int_equal(mrt_run(&opt, shared_all, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),	cmocka_unit_test(test_mixed_stress),
		cmocka_unit_test(test_iterate), cmocka_unit_test(test_oom),
		cmocka_unit_test(test_shared),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
