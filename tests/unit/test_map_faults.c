/*
 * test_map_faults.c: maps beside their plain model while the fault points of maps fire at random: keys
 * collide, evacuation is held and left undone, an iteration finds its map growing. Whatever fires,
 * contents, count and invariants are the model's, an iteration gives every entry that stays exactly
 * once; and with the faults gone a growth that was kept from its end comes to it.
 */
#include "map_model.h"

enum { SEEN = 1, DELETED = 2, ADDED = 4 };

struct play {
	struct model_pair pair;
	uint32_t hash_by; /* map/hash's factor, in 10^-3 */
	uint64_t longest; /* overflow buckets at most */
};

/* Every point of maps, each eligible visit with one chance in three. */
static void play_arm(uint32_t by_milli)
{
	model_points.one_in = 3;
	model_points.by_milli = by_milli;
	gcs_gates[GCS_POINT_map_evacuate] = 1;
	gcs_gates[GCS_POINT_map_iterate] = 1;
	gcs_gates[GCS_POINT_map_hash] = by_milli != 0;
}

static void play_disarm(void)
{
	gcs_gates[GCS_POINT_map_evacuate] = 0;
	gcs_gates[GCS_POINT_map_iterate] = 0;
	gcs_gates[GCS_POINT_map_hash] = 0;
}

/* Something else happens to the map between two steps of an iteration. What is added may be met or
 * not, once. */
static void play_disturb(struct play *p)
{
	struct model *ref = &p->pair.ref;
	uint64_t id = model_below(ref->universe);
	bool there = ref->version[id] != 0;

	switch (model_below(4)) {
	case 0:
		if (there)
			ref->seen[id] |= DELETED;
		model_delete(&p->pair, id);
		break;
	case 1:
		if (!there)
			ref->seen[id] = ADDED;
		CHECK(model_put(&p->pair, id) == 0);
		break;
	default:
		break;
	}
}

static void play_walk(struct play *p, bool disturb)
{
	struct model *ref = &p->pair.ref;
	uint64_t steps = 0;

	memset(ref->seen, 0, ref->universe);
	MRT_MAP_ITER(p->pair.g, &p->pair.mt, p->pair.m, it);
	while (mrt_map_iter_next(p->pair.g, &it)) {
		uint64_t id = model_id(p->pair.kind, it.key);

		CHECK(id < ref->universe && !(ref->seen[id] & (SEEN | DELETED)));
		CHECK(model_elem_ok(&p->pair.kind->elem, it.key, ref->version[id], it.elem));
		ref->seen[id] |= SEEN;
		if (disturb)
			play_disturb(p);
		if (++steps % 32 == 0)
			model_check_map(p->pair.m);
	}
	for (uint64_t id = 0; id < ref->universe; id++)
		CHECK(ref->version[id] == 0 || (ref->seen[id] & (SEEN | ADDED)));
}

static void play_clear(struct play *p)
{
	CHECK(mrt_map_clear(p->pair.g, &p->pair.mt, p->pair.m) == 0);
	for (uint64_t id = 0; id < p->pair.ref.universe; id++)
		model_map_set(&p->pair.ref, id, 0);
}

/* Delete all that is there: the last one gives the map a new seed. */
static void play_empty(struct play *p)
{
	for (uint64_t id = 0; id < p->pair.ref.universe; id++)
		if (p->pair.ref.version[id] != 0)
			model_delete(&p->pair, id);
}

static void play_step(struct play *p, uint64_t n)
{
	struct mrt_map_info info;
	uint64_t id = model_below(p->pair.ref.universe);

	if (n % 200 == 199)
		play_walk(p, model_below(2));
	else if (n % 3001 == 3000)
		play_clear(p);
	else if (n % 4001 == 4000)
		play_empty(p);
	else if (model_below(3) == 0)
		model_delete(&p->pair, id);
	else if (model_below(4) == 0)
		model_get(&p->pair, id);
	else
		CHECK(model_put(&p->pair, id) == 0);
	mrt_map_inspect(p->pair.m, &info);
	p->longest = info.overflow > p->longest ? info.overflow : p->longest;
	if (n % 64 == 0)
		model_check_map(p->pair.m);
}

/* No fault any more: a growth ends, by the operations that come by. */
static void play_recover(struct play *p)
{
	struct mrt_map_info info;

	play_disarm();
	model_compare(&p->pair);
	mrt_map_inspect(p->pair.m, &info);
	for (uint64_t i = 0; i <= info.old_buckets; i++)
		CHECK(model_put(&p->pair, i % p->pair.ref.universe) == 0);
	mrt_map_inspect(p->pair.m, &info);
	/* The old growth has ended; another may have begun for a new key. */
	CHECK(!info.growing || info.evacuated < info.old_buckets);
	model_compare(&p->pair);
	play_walk(p, true);
}

static uint64_t play(mrt_g *g, struct model_kind *kind, uint64_t steps, uint32_t by_milli)
{
	static struct play play;
	struct play *p = &play;
	MRT_ROOTS(g, root, 1);

	*p = (struct play){.pair = {.g = g, .kind = kind}};
	model_kind_init(kind, &p->pair.mt);
	model_map_init(&p->pair.ref, 600);
	play_arm(by_milli);
	CHECK(mrt_map_new(g, &p->pair.mt, 0, &root[0]) == 0);
	p->pair.m = root[0];
	for (uint64_t n = 0; n < steps; n++)
		play_step(p, n);
	play_recover(p);
	model_map_fini(&p->pair.ref);
	return p->longest;
}

struct plays {
	uint64_t steps;
	uint64_t longest[2]; /* without and with keys that collide */
};

static void play_all(mrt_g *g, void *arg)
{
	static const int kinds[] = {0, 2, 3, 6, 8, 10, 11};
	static const uint32_t by[] = {0, 200, 1};
	struct plays *plays = arg;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t k = 0; k < sizeof(by) / sizeof(by[0]); k++) {
			uint64_t longest =
				play(g, &model_kinds[kinds[i]], plays->steps, by[k]);
			uint64_t *most = &plays->longest[by[k] != 0];

			*most = longest > *most ? longest : *most;
		}
}

/* Each action has fired, and colliding keys have made chains grow. */
static void play_check(const struct plays *plays)
{
	assert_true(model_points.fired[GCS_POINT_map_hash] > 0);
	assert_true(model_points.held > 0 && model_points.dropped > 0 && model_points.grown > 0);
	assert_true(plays->longest[1] > 2 * plays->longest[0]);
}

static void test_plays(void **state)
{
	struct plays plays = {.steps = MODEL_SLOW ? 3000 : 9000};

	(void)state;
	memset(&model_points, 0, sizeof(model_points));
	model_run(play_all, &plays, false);
	play_check(&plays);
}

/* A collection in every few allocations, cycles begun at stores, freed memory clobbered. */
static void test_plays_stress(void **state)
{
	struct plays plays = {.steps = MODEL_SLOW ? 420 : 1200};

	(void)state;
	memset(&model_points, 0, sizeof(model_points));
	model_run(play_all, &plays, true);
	assert_true(model_points.fired[GCS_POINT_map_hash] > 0 && model_points.dropped > 0 &&
		    model_points.grown > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_plays),
					   cmocka_unit_test(test_plays_stress)};

	if (!GCS_FAULTS) {
		printf("# built without faults\n");
		return 77;
	}
	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
