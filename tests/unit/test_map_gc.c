/*
 * test_map_gc.c: maps and slices under a collector that never rests: every pointer has one home and
 * moves from map to root to map, slices live in heap objects, iterators outlive the arrays they
 * walk, and memory runs out for good.
 */
#include "map_model.h"

/* Some dozens of cycles' worth. */
#if MRT_SIM || MODEL_SLOW
#define MANY 300000
#else
#define MANY 3000000
#endif

/* ------------------------------------------------- a collector that never rests */

/* Only the storm's own cycles, so that operations run at full speed through all their phases. */
static void model_storm(mrt_go_fn *fn, void *arg)
{
	struct mrt_options opt = {.procs = 2, .seed = model_seed, .clobber = true};
	struct model_run run = {fn, arg};

	model_stress = false;
	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

struct storm {
	_Atomic bool stop;
	mrt_wg done;
	_Atomic uint64_t cycles;
};

static void storm_run(mrt_g *g, void *arg)
{
	struct storm *storm = arg;

	while (!storm->stop) {
		mrt_gc(g);
		storm->cycles++;
		mrt_yield(g);
	}
	mrt_wg_done(g, &storm->done);
}

static void storm_start(mrt_g *g, struct storm *storm)
{
	*storm = (struct storm){.stop = false};
	mrt_wg_add(&storm->done, 1);
	CHECK(mrt_go(g, storm_run, storm, NULL) == 0);
}

static void storm_end(mrt_g *g, struct storm *storm, uint64_t least)
{
	while (storm->cycles < least)
		mrt_yield(g);
	storm->stop = true;
	mrt_wg_wait(g, &storm->done);
}

static void payload_fill(void *payload, uint64_t id)
{
	for (uint64_t i = 0; i < 4; i++)
		((uint64_t *)payload)[i] = model_word(id, 0, i);
}

static bool payload_ok(const void *payload, uint64_t id)
{
	for (uint64_t i = 0; i < 4; i++)
		if (payload == NULL || ((const uint64_t *)payload)[i] != model_word(id, 0, i))
			return false;
	return true;
}

/*
 * The one reference to a payload moves from the map into a hand of roots, which the collector may
 * have scanned already (delete, or overwrite with another), stays there for about as long as a
 * cycle, and goes back under another key.
 */
#define HAND	 256
#define SHUFFLED 700

struct shuffle {
	mrt_g *g;
	struct mrt_map_type mt;
	struct mrt_map *m;
	void **hand;
	uint64_t held[HAND];	   /* payload id + 1; 0: empty */
	uint64_t at[2 * SHUFFLED]; /* by key: likewise */
};

/* From the map into an empty hand slot; what another slot holds takes its place, if that is full.
 */
static void shuffle_take(struct shuffle *s, uint64_t key, uint64_t into, uint64_t other)
{
	s->hand[into] = *(void *const *)mrt_map_get(s->g, &s->mt, s->m, key);
	s->held[into] = s->at[key];
	CHECK(payload_ok(s->hand[into], s->held[into] - 1));
	if (s->held[other] != 0 && other != into) {
		CHECK(mrt_map_put(s->g, &s->mt, s->m, key, &s->hand[other]) == 0);
		s->at[key] = s->held[other];
		s->held[other] = 0;
		s->hand[other] = NULL;
	} else {
		CHECK(mrt_map_delete(s->g, &s->mt, s->m, key));
		s->at[key] = 0;
	}
}

static void shuffle_step(struct shuffle *s)
{
	uint64_t slot = model_below(HAND), key = model_below(2 * SHUFFLED);

	if (s->held[slot] == 0 && s->at[key] != 0) {
		shuffle_take(s, key, slot, model_below(HAND));
	} else if (s->held[slot] != 0 && s->at[key] == 0) {
		CHECK(payload_ok(s->hand[slot], s->held[slot] - 1));
		CHECK(mrt_map_put(s->g, &s->mt, s->m, key, &s->hand[slot]) == 0);
		s->at[key] = s->held[slot];
		s->held[slot] = 0;
		s->hand[slot] = NULL;
	}
}

static void shuffle_run(mrt_g *g, void *arg)
{
	static struct shuffle shuffle;
	struct shuffle *s = &shuffle;
	struct storm storm;
	MRT_ROOTS(g, roots, HAND + 1);

	*s = (struct shuffle){.g = g, .hand = roots + 1};
	model_kind_init(&model_kinds[8], &s->mt);
	CHECK(mrt_map_new(g, &s->mt, 0, &roots[0]) == 0);
	s->m = roots[0];
	for (uint64_t key = 0; key < SHUFFLED; key++) {
		CHECK(mrt_new(g, &model_payload_type, &roots[1]) == 0);
		payload_fill(roots[1], key);
		CHECK(mrt_map_put(g, &s->mt, s->m, key, &roots[1]) == 0);
		s->at[key] = key + 1;
	}
	roots[1] = NULL;
	storm_start(g, &storm);
	for (uint64_t step = 0; step < *(uint64_t *)arg; step++)
		shuffle_step(s);
	storm_end(g, &storm, 3);
	for (uint64_t key = 0; key < 2 * SHUFFLED; key++)
		if (s->at[key] != 0)
			CHECK(payload_ok(*(void *const *)mrt_map_get(g, &s->mt, s->m, key),
					 s->at[key] - 1));
	model_check_map(s->m);
}

static void test_shuffle(void **state)
{
	uint64_t many = MANY, few = 20000;

	(void)state;
	model_storm(shuffle_run, &many);
	model_run(shuffle_run, &few, true);
}

/* Slices whose headers lie in a heap object. The last pointer of one is held for a while, then
 * appended to another. */
#define HEADERS	   16
#define HEADER_MAX 400

struct piles {
	mrt_g *g;
	struct mrt_slice *s; /* HEADERS of them, in one object */
	void **hand;
	uint64_t held[HAND]; /* payload id + 1; 0: empty */
	uint64_t id[HEADERS][HEADER_MAX], ids;
};

static const struct mrt_type *const pile_elem = &model_kinds[8].elem;

/* Take the last one off, or if there is none make a new one. */
static void pile_take(struct piles *p, uint64_t slot, uint64_t h)
{
	struct mrt_slice *s = &p->s[h];

	if (s->len == 0) {
		CHECK(mrt_new(p->g, &model_payload_type, &p->hand[slot]) == 0);
		payload_fill(p->hand[slot], p->ids++);
		p->held[slot] = p->ids;
		return;
	}
	p->hand[slot] = mrt_load((void **)s->array + s->len - 1);
	p->held[slot] = p->id[h][s->len - 1];
	CHECK(payload_ok(p->hand[slot], p->held[slot] - 1));
	mrt_store(p->g, (void **)s->array + s->len - 1, NULL);
	/* Now and then without the room behind, so that the next append moves away. */
	CHECK(mrt_slice_sub(p->g, pile_elem, s, 0, s->len - 1,
			    model_below(4) == 0 ? s->len - 1 : s->cap, s) == 0);
}

static void pile_give(struct piles *p, uint64_t slot, uint64_t h)
{
	struct mrt_slice *s = &p->s[h];

	CHECK(payload_ok(p->hand[slot], p->held[slot] - 1));
	if (s->len == HEADER_MAX)
		return;
	p->id[h][s->len] = p->held[slot];
	CHECK(mrt_append(p->g, pile_elem, s, &p->hand[slot], 1) == 0);
	p->held[slot] = 0;
	p->hand[slot] = NULL;
}

static void slices_run(mrt_g *g, void *arg)
{
	static const uint64_t mask =
		0111111111111111111ull & 0xffffffffffffull; /* word 0 of each three */
	static const struct mrt_type header_type = {"slices", HEADERS * 24, HEADERS * 3 - 2, &mask};
	static struct piles piles;
	struct piles *p = &piles;
	struct storm storm;
	MRT_ROOTS(g, roots, HAND + 1);

	*p = (struct piles){.g = g, .hand = roots + 1};
	model_kinds[8].elem.ptrmask = model_kinds[8].mask;
	CHECK(mrt_new(g, &header_type, &roots[0]) == 0);
	p->s = roots[0];
	storm_start(g, &storm);
	for (uint64_t step = 0; step < *(uint64_t *)arg; step++) {
		uint64_t slot = model_below(HAND), h = model_below(HEADERS);

		if (p->held[slot] == 0)
			pile_take(p, slot, h);
		else
			pile_give(p, slot, h);
	}
	storm_end(g, &storm, 3);
	for (int h = 0; h < HEADERS; h++)
		for (size_t i = 0; i < p->s[h].len; i++)
			CHECK(payload_ok(((void **)p->s[h].array)[i], p->id[h][i] - 1));
}

static void test_slices(void **state)
{
	uint64_t many = MANY, few = 20000;

	(void)state;
	model_storm(slices_run, &many);
	model_run(slices_run, &few, true);
}

/* ------------------------------------------------ iterators outlive their arrays */

/* 17 keys of one chain: two overflow buckets; and nine in the others, so that the next new key
 * doubles 2^2. */
static void chain_make(mrt_g *g, struct mrt_map_type *mt, struct mrt_map *m, uint64_t *from)
{
	for (int i = 0; i < 26; i++) {
		uint64_t want = i < 17 ? 0 : 1 + (uint64_t)i % 3;

		while ((map_hash(m, ++*from, 8) & 3) != want)
			;
		CHECK(mrt_map_put(g, mt, m, *from, from) == 0);
	}
	CHECK(!map_growing(m) && m->count == 26);
}

/*
 * The iterator stands in the base bucket of an old chain without pointers; then growth ends, the
 * list of old overflow buckets is dropped and everything unreachable collected. `begun`: growth
 * began before the iterator.
 */
static void outlive_run(mrt_g *g, void *arg)
{
	bool begun = *(bool *)arg;
	uint64_t from = 0, seen = 0, elem;
	struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;
	uint8_t *old;

	model_kind_init(&model_kinds[2], &mt);
	CHECK(mrt_map_new(g, &mt, 26, &root[0]) == 0);
	m = root[0];
	chain_make(g, &mt, m, &from);
	old = m->buckets;
	model_fail(begun ? 3 : 0, true); /* chain 0 waits for its overflow buckets */
	while (begun && !map_growing(m)) {
		while ((map_hash(m, ++from, 8) & 3) != 1)
			;
		CHECK(mrt_map_put(g, &mt, m, from, &from) == 0);
	}
	model_fail(0, false);
	MRT_MAP_ITER(g, &mt, m, it);
	do {
		CHECK(mrt_map_iter_next(g, &it));
		seen++;
	} while (it.roots[2] != old);
	while (!begun && !map_growing(m)) {
		from++;
		CHECK(mrt_map_put(g, &mt, m, from, &from) == 0);
	}
	while (map_growing(m))
		mrt_map_delete(g, &mt, m, ~0ull);
	mrt_gc(g);
	mrt_gc(g);
	while (mrt_map_iter_next(g, &it)) {
		memcpy(&elem, it.elem, 8);
		CHECK(elem == it.key);
		seen++;
	}
	/* X and Y of chain 0 are two buckets of the new round when growth was under way: all are
	 * seen either way. */
	CHECK(seen >= 26 && seen <= m->count);
	model_check_map(m);
}

static void test_outlive(void **state)
{
	bool begun = true, later = false;

	(void)state;
	for (int i = 0; i < 10; i++) {
		model_run(outlive_run, &later, true);
		model_run(outlive_run, &begun, true);
		model_seed++;
	}
	model_seed -= 10;
}

/* ---------------------------------------------------------- memory runs out for good */

/* Fill until refused by an emergency collection and its retry; contents are whole; deletes bring
 * room back. */
static void exhaust_kind(mrt_g *g, struct model_kind *kind, uint64_t universe)
{
	static struct model_pair pair;
	struct model_pair *p = &pair;
	uint64_t refused = 0;
	MRT_ROOTS(g, root, 1);

	*p = (struct model_pair){.g = g, .kind = kind};
	model_kind_init(kind, &p->mt);
	model_map_init(&p->ref, universe);
	CHECK(mrt_map_new(g, &p->mt, 0, &root[0]) == 0);
	p->m = root[0];
	for (uint64_t i = 0; refused < (MODEL_SLOW ? 3 : 40); i++) {
		int rc = model_put(p, model_below(universe));

		CHECK(rc == 0 || rc == -ENOMEM);
		CHECK(i < universe * 40);
		if (rc == 0)
			continue;
		if (refused++ % 10 == 0)
			model_compare(p);
		for (uint64_t n = universe / 16; n > 0; n--) {
			uint64_t id = model_below(universe);

			if (p->ref.version[id] != 0)
				model_delete(p, id);
		}
	}
	model_compare(p);
	model_map_fini(&p->ref);
}

static void exhaust_run(mrt_g *g, void *arg)
{
	(void)arg;
	exhaust_kind(g, &model_kinds[7], 16000);  /* 1024 bytes, indirect */
	exhaust_kind(g, &model_kinds[8], 160000); /* pointers to 32 bytes */
}

static void test_exhaust(void **state)
{
	struct mrt_options opt = {
		.procs = 2, .seed = model_seed, .heap_reserve = (size_t)8 << 20, .clobber = true};
	struct model_run run = {exhaust_run, NULL};

	(void)state;
	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shuffle),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_outlive),
		cmocka_unit_test(test_exhaust),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
