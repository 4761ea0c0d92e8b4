/*
 * test_sync_map_many.c: sync.Map in the hands of many goroutines, with a collector that never rests: readers beside writers, one who
 * moves values about, races for the same keys, counters by compare-and-swap, swaps, a map that is cleared meanwhile.
 */
#include "test_sync_map_value.h"

#define WRITERS	 4
#define READERS	 3
#define MANY_KEYS 64

struct many {
	mrt_sync_map *m;
	mrt_wg writers, others;
	_Atomic uint32_t writer_next, reader_next;
	_Atomic bool stop;
	_Atomic uint64_t cycles, hits;
	uint64_t steps;
};

static void storm_body(mrt_g *g, void *arg)
{
	struct many *s = arg;

	while (!s->stop) {
		mrt_gc(g);
		s->cycles++;
		mrt_yield(g);
	}
	mrt_wg_done(g, &s->others);
}

/* Alone to write its keys: what it finds there is known. */
static void writer_body(mrt_g *g, void *arg)
{
	struct many *s = arg;
	uint64_t me = atomic_fetch_add(&s->writer_next, 1), random = model_seed * 97 + me, version = 1;
	uint64_t held[MANY_KEYS] = {0};
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 0; i < s->steps; i++) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B);
		uint64_t k = z % (MANY_KEYS / WRITERS) * WRITERS + me, dice = z >> 32 & 15;
		bool loaded;

		if (dice < 6) {
			value_check(mrt_sync_map_load(g, s->m, k), k, held[k]);
		} else if (dice < 9) {
			value_check(mrt_sync_map_load_and_delete(g, s->m, k), k, held[k]);
			held[k] = 0;
		} else {
			CHECK(value_new(g, k, version, &root[0]) == 0);
			if (dice < 12) {
				CHECK(mrt_sync_map_load_or_store(g, s->m, k, root[0], &root[1],
								 &loaded) == 0);
				CHECK(loaded == (held[k] != 0));
				held[k] = loaded ? held[k] : version;
				value_check(root[1], k, held[k]);
			} else {
				CHECK(mrt_sync_map_store(g, s->m, k, root[0]) == 0);
				held[k] = version;
			}
			version++;
		}
	}
	for (uint64_t k = me; k < MANY_KEYS; k += WRITERS)
		value_check(mrt_sync_map_load(g, s->m, k), k, held[k]);
	mrt_wg_done(g, &s->writers);
}

struct watch {
	uint64_t seen[MANY_KEYS]; /* the newest version of each key: none that is older comes after */
	bool now[MANY_KEYS];
};

static void watch_one(struct watch *w, uint64_t key, const struct value *v)
{
	CHECK(key < MANY_KEYS && v->key == key && v->version >= w->seen[key]);
	w->seen[key] = v->version;
}

static bool watch_range(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct watch *w = arg;

	(void)g;
	CHECK(key < MANY_KEYS && !w->now[key]);
	w->now[key] = true;
	watch_one(w, key, value);
	return true;
}

static void reader_body(mrt_g *g, void *arg)
{
	struct many *s = arg;
	uint64_t random = model_seed * 89 + atomic_fetch_add(&s->reader_next, 1);
	struct watch w = {0};

	while (!s->stop) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B), k = z % (MANY_KEYS + 8);
		const struct value *v = mrt_sync_map_load(g, s->m, k);

		CHECK(v == NULL || k < MANY_KEYS);
		if (v != NULL) {
			watch_one(&w, k, v);
			s->hits++;
		}
		if ((z >> 32 & 255) == 0) {
			memset(w.now, 0, sizeof(w.now));
			mrt_sync_map_range(g, s->m, watch_range, &w);
		}
		if ((z >> 50 & 31) == 0)
			mrt_yield(g);
	}
	mrt_wg_done(g, &s->others);
}

static void many_body(mrt_g *g, void *arg)
{
	static struct many s;
	char text[200];
	MRT_ROOTS(g, root, 1);

	s = (struct many){.steps = *(uint64_t *)arg};
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.writers, WRITERS);
	mrt_wg_add(&s.others, READERS + 1);
	CHECK(mrt_go(g, storm_body, &s, NULL) == 0);
	for (int i = 0; i < READERS; i++)
		CHECK(mrt_go(g, reader_body, &s, NULL) == 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK(mrt_go(g, writer_body, &s, NULL) == 0);
	mrt_wg_wait(g, &s.writers);
	while (s.cycles < 3 || s.hits < 100)
		mrt_yield(g);
	s.stop = true;
	mrt_wg_wait(g, &s.others);
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/*
 * The only reference to a value moves from the map into a hand of roots, which the collector may have scanned already, stays there for
 * about as long as a cycle, and goes back under another key: deletion shades what it takes, a store what it gives.
 */
#define HAND 200
#define SHUFFLED 600

struct shuffle {
	struct many *s;
	void **hand;
	uint64_t held[HAND], at[SHUFFLED]; /* versions; 0: empty */
};

static void shuffle_step(mrt_g *g, struct shuffle *h)
{
	uint64_t slot = model_below(HAND), k = model_below(SHUFFLED);

	if (h->held[slot] == 0 && h->at[k] != 0) {
		h->hand[slot] = mrt_sync_map_load_and_delete(g, h->s->m, k);
		h->held[slot] = h->at[k];
		h->at[k] = 0;
	} else if (h->held[slot] != 0 && h->at[k] == 0) {
		CHECK(mrt_sync_map_store(g, h->s->m, k, h->hand[slot]) == 0);
		h->at[k] = h->held[slot];
		h->held[slot] = 0;
		h->hand[slot] = NULL;
		return;
	}
	if (h->held[slot] != 0)
		value_check(h->hand[slot], 0, h->held[slot]);
}

static void shuffle_body(mrt_g *g, void *arg)
{
	static struct many s;
	static struct shuffle h;
	MRT_ROOTS(g, root, HAND + 1);

	s = (struct many){.steps = *(uint64_t *)arg};
	h = (struct shuffle){.s = &s, .hand = root + 1};
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	for (uint64_t k = 0; k < SHUFFLED * 2 / 3; k++) {
		CHECK(value_new(g, 0, k + 1, &h.hand[0]) == 0);
		CHECK(mrt_sync_map_store(g, s.m, k, h.hand[0]) == 0);
		h.at[k] = k + 1;
	}
	h.hand[0] = NULL;
	mrt_wg_add(&s.others, 1);
	CHECK(mrt_go(g, storm_body, &s, NULL) == 0);
	for (uint64_t i = 0; i < s.steps || s.cycles < 5; i++)
		shuffle_step(g, &h);
	s.stop = true;
	mrt_wg_wait(g, &s.others);
	for (uint64_t k = 0; k < SHUFFLED; k++)
		value_check(mrt_sync_map_load(g, s.m, k), 0, h.at[k]);
}

static void test_shuffle(void **state)
{
	struct mrt_options opt = {.procs = 2, .seed = model_seed, .clobber = true, .check_edges = true};
	uint64_t steps = FEW(2000000);
	struct model_run run = {shuffle_body, &steps};

	(void)state;
	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

/* Everybody stores the same new keys, then everybody deletes them: one does each. */
#define RACERS	   6
#define RACE_KEYS  200

struct race {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next, ready;
	bool deletes;
	uint64_t got[RACERS][RACE_KEYS];
	_Atomic uint32_t won[RACE_KEYS];
};

static void racer_store(mrt_g *g, struct race *r, uint64_t me, uint64_t k)
{
	bool loaded;
	MRT_ROOTS(g, root, 2);

	CHECK(value_new(g, k, me + 1, &root[0]) == 0);
	CHECK(mrt_sync_map_load_or_store(g, r->m, k, root[0], &root[1], &loaded) == 0);
	CHECK(loaded || root[0] == root[1]);
	r->won[k] += !loaded;
	r->got[me][k] = ((struct value *)root[1])->version;
}

static void racer_body(mrt_g *g, void *arg)
{
	struct race *r = arg;
	uint64_t me = atomic_fetch_add(&r->next, 1);

	r->ready++;
	while (r->ready < RACERS)
		mrt_yield(g);
	for (uint64_t k = 0; k < RACE_KEYS; k++) {
		if (r->deletes)
			r->won[k] += mrt_sync_map_load_and_delete(g, r->m, k) != NULL;
		else
			racer_store(g, r, me, k);
	}
	mrt_wg_done(g, &r->done);
}

static void race_start(mrt_g *g, struct race *r, bool deletes)
{
	r->next = r->ready = 0;
	r->deletes = deletes;
	memset(r->won, 0, sizeof(r->won));
	mrt_wg_add(&r->done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, racer_body, r, NULL) == 0);
	mrt_wg_wait(g, &r->done);
	for (int k = 0; k < RACE_KEYS; k++)
		CHECK(r->won[k] == 1);
}

static void race_body(mrt_g *g, void *arg)
{
	static struct race r;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	CHECK(mrt_sync_map_new(g, root) == 0);
	r = (struct race){.m = root[0]};
	for (int round = 0; round < 5; round++) {
		race_start(g, &r, false);
		for (int k = 0; k < RACE_KEYS; k++)
			for (int i = 1; i < RACERS; i++)
				CHECK(r.got[i][k] == r.got[0][k]);
		race_start(g, &r, true);
	}
}

/*
 * Counters: whoever would add reads a value, makes its successor and swaps it for the one that was read; what is in the end is how often
 * that was done. Now and then one is taken out by comparison and begins anew: what it had been counts on.
 */
#define COUNTED 6

struct counters {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next;
	_Atomic uint64_t added[COUNTED], taken[COUNTED];
	uint64_t steps;
};

static void counter_add(mrt_g *g, struct counters *c, uint64_t k)
{
	MRT_ROOTS(g, root, 3);

	for (;;) {
		bool loaded;

		root[0] = mrt_sync_map_load(g, c->m, k);
		CHECK(value_new(g, k, root[0] != NULL ? ((struct value *)root[0])->version + 1 : 1,
				&root[1]) == 0);
		if (root[0] != NULL) {
			if (mrt_sync_map_compare_and_swap(g, c->m, k, root[0], root[1]))
				break;
			continue;
		}
		CHECK(mrt_sync_map_load_or_store(g, c->m, k, root[1], &root[2], &loaded) == 0);
		if (!loaded)
			break;
	}
	c->added[k]++;
}

static void counter_take(mrt_g *g, struct counters *c, uint64_t k)
{
	MRT_ROOTS(g, root, 1);

	root[0] = mrt_sync_map_load(g, c->m, k);
	if (root[0] != NULL && mrt_sync_map_compare_and_delete(g, c->m, k, root[0]))
		c->taken[k] += ((struct value *)root[0])->version;
}

static void counter_body(mrt_g *g, void *arg)
{
	struct counters *c = arg;
	uint64_t random = model_seed * 83 + atomic_fetch_add(&c->next, 1);

	for (uint64_t i = 0; i < c->steps; i++) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B), k = z % COUNTED;
		uint64_t dice = z >> 32 & 63;

		if (dice == 0)
			counter_take(g, c, k);
		else if (dice < 8) /* misses: dirty is promoted */
			mrt_sync_map_load(g, c->m, COUNTED);
		else
			counter_add(g, c, k);
	}
	mrt_wg_done(g, &c->done);
}

static void counters_body(mrt_g *g, void *arg)
{
	static struct counters c;
	char text[200];
	MRT_ROOTS(g, root, 1);

	memset(&c, 0, sizeof(c));
	c.steps = *(uint64_t *)arg / 8;
	CHECK(mrt_sync_map_new(g, root) == 0);
	c.m = root[0];
	mrt_wg_add(&c.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, counter_body, &c, NULL) == 0);
	mrt_wg_wait(g, &c.done);
	for (uint64_t k = 0; k < COUNTED; k++) {
		const struct value *v = mrt_sync_map_load(g, c.m, k);

		CHECK(c.added[k] == c.taken[k] + (v != NULL ? v->version : 0));
	}
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* Everybody swaps values of its own in: each that went in comes out once, or is there in the end. */
#define SWAPS 2000

struct swaps {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next, left;
	uint64_t steps;
	_Atomic uint8_t out[RACERS * SWAPS + 1];
};

static void swapper_body(mrt_g *g, void *arg)
{
	struct swaps *s = arg;
	uint64_t me = atomic_fetch_add(&s->next, 1);
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 0; i < s->steps; i++) {
		uint64_t k = i % 3;

		CHECK(value_new(g, k, me * SWAPS + i + 1, &root[0]) == 0);
		CHECK(mrt_sync_map_swap(g, s->m, k, root[0], &root[1]) == 0);
		if (root[1] != NULL)
			s->out[((struct value *)root[1])->version]++;
		if (i % 64 == 0) /* a new key: expunges nothing, and makes a dirty map */
			CHECK(mrt_sync_map_store(g, s->m, 1000 + me * SWAPS + i, root[0]) == 0);
	}
	mrt_wg_done(g, &s->done);
}

static void swaps_body(mrt_g *g, void *arg)
{
	static struct swaps s;
	MRT_ROOTS(g, root, 1);

	memset(&s, 0, sizeof(s));
	s.steps = *(uint64_t *)arg / 20 < SWAPS ? *(uint64_t *)arg / 20 : SWAPS;
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, swapper_body, &s, NULL) == 0);
	mrt_wg_wait(g, &s.done);
	for (uint64_t k = 0; k < 3; k++) {
		const struct value *v = mrt_sync_map_load(g, s.m, k);

		CHECK(v != NULL && v->key == k);
		s.out[v->version]++;
	}
	for (uint64_t me = 0; me < RACERS; me++)
		for (uint64_t i = 0; i < s.steps; i++)
			CHECK(s.out[me * SWAPS + i + 1] == 1);
}

/* The map is cleared all the while: what a key has is its owner's newest value or nothing. */
static void owner_body(mrt_g *g, void *arg)
{
	struct swaps *s = arg;
	uint64_t me = atomic_fetch_add(&s->next, 1), found = 0;
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 1; i <= s->steps; i++) {
		uint64_t k = i % 7 * RACERS + me;
		const struct value *v;

		CHECK(value_new(g, k, i, &root[0]) == 0);
		CHECK(mrt_sync_map_swap(g, s->m, k, root[0], &root[1]) == 0);
		v = root[1];
		CHECK(v == NULL || (v->key == k && v->version + 7 == i));
		v = mrt_sync_map_load(g, s->m, k);
		CHECK(v == NULL || v == root[0]);
		found += v != NULL;
	}
	CHECK(found > 0);
	s->left--;
	mrt_wg_done(g, &s->done);
}

static void cleared_body(mrt_g *g, void *arg)
{
	static struct swaps s;
	struct mrt_sync_map_info info;
	char text[200];
	MRT_ROOTS(g, root, 1);

	memset(&s, 0, sizeof(s));
	s.steps = *(uint64_t *)arg / 8;
	s.left = RACERS;
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, owner_body, &s, NULL) == 0);
	while (s.left > 0) {
		mrt_sync_map_clear(g, s.m);
		mrt_yield(g);
	}
	mrt_wg_wait(g, &s.done);
	mrt_sync_map_clear(g, s.m);
	mrt_sync_map_inspect(g, s.m, &info);
	CHECK(info.read_len == 0 && info.dirty_len == 0 && !info.amended);
	for (uint64_t k = 0; k < 7 * RACERS; k++)
		CHECK(mrt_sync_map_load(g, s.m, k) == NULL);
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* Not the stress of one goroutine: cycles at every 50th allocation, and the storm's. */
static void many_run(mrt_go_fn *fn, void *arg, uint32_t procs)
{
	struct mrt_options opt = {.procs = procs,
				  .seed = model_seed,
				  .gc_every = 50,
				  .clobber = true,
				  .check_edges = true};
	struct model_run run = {fn, arg};

	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

static void test_many(void **state)
{
	static const uint32_t procs[] = {1, 2, 8};
	uint64_t steps = FEW(40000);

	(void)state;
	for (int i = 0; i < 3; i++) {
		many_run(many_body, &steps, procs[i]);
		many_run(race_body, NULL, procs[i]);
		many_run(counters_body, &steps, procs[i]);
		many_run(swaps_body, &steps, procs[i]);
		many_run(cleared_body, &steps, procs[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shuffle),
		cmocka_unit_test(test_many),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
