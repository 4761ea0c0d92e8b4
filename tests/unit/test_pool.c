/*
 * test_pool.c: sync.Pool: how long an unused object lives, who gets which, against a model on one P; stealing, many goroutines on many
 * Ps with a collector that never rests, refused memory.
 */
#include "map_model.h"

#include "runtime/sched/sched.h"

#if MRT_SIM || MODEL_SLOW
#define FEW(n) ((n) / 8)
#else
#define FEW(n) (n)
#endif

struct item {
	uint64_t number;
	_Atomic uint32_t owned;
	uint32_t uses; /* plain: the owner's */
	uint64_t payload[4];
};
static const struct mrt_type item_type = {.name = "item", .size = sizeof(struct item)};

static int item_new(mrt_g *g, uint64_t number, void **ret)
{
	int rc = mrt_new(g, &item_type, ret);
	struct item *item;

	if (rc < 0)
		return rc;
	item = *ret;
	item->number = number;
	for (int i = 0; i < 4; i++)
		item->payload[i] = data_fold(number, DATA_HASH_A + (uint64_t)i);
	return 0;
}

static const struct item *item_check(const void *p)
{
	const struct item *item = p;

	for (int i = 0; i < 4; i++)
		CHECK(item->payload[i] == data_fold(item->number, DATA_HASH_A + (uint64_t)i));
	return item;
}

static void put_new(mrt_g *g, mrt_pool *pool, uint64_t number)
{
	MRT_ROOTS(g, root, 1);

	CHECK(item_new(g, number, root) == 0);
	CHECK(mrt_pool_put(g, pool, root[0]) == 0);
}

/* The number of what is got; 0: nothing. */
static uint64_t get_number(mrt_g *g, mrt_pool *pool)
{
	MRT_ROOTS(g, root, 1);

	CHECK(mrt_pool_get(g, pool, root) == 0);
	return root[0] != NULL ? item_check(root[0])->number : 0;
}

/* Collections when the test says so, and no others. */
static void pool_run(mrt_go_fn *fn, void *arg, uint32_t procs)
{
	struct mrt_options opt = {.procs = procs,
				  .gogc = -1,
				  .seed = model_seed,
				  .clobber = true,
				  .check_edges = true};
	struct model_run run = {fn, arg};

	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

/* ---------------------------------------------------------------------- a life */

#define BIG_BYTES ((size_t)1 << 20)
#define BIG_MANY  16

static const struct mrt_type big_type = {.name = "big", .size = BIG_BYTES};

static void life_put(mrt_g *g, mrt_pool *pool)
{
	MRT_ROOTS(g, root, 1);

	for (int i = 0; i < BIG_MANY; i++) {
		CHECK(mrt_new(g, &big_type, &root[0]) == 0);
		CHECK(mrt_pool_put(g, pool, root[0]) == 0);
	}
}

static void life_is(mrt_g *g, mrt_pool *pool, uint64_t fresh, uint64_t victim)
{
	struct mrt_pool_info info;
	struct mrt_memstats stats;
	uint64_t bytes = (fresh + victim) * BIG_BYTES;

	mrt_pool_inspect(g, pool, &info);
	CHECK(info.fresh == fresh && info.victim == victim);
	mrt_memstats_read(g, &stats);
	CHECK(stats.heap_alloc >= bytes && stats.heap_alloc < bytes + BIG_BYTES / 2);
}

static void life_body(mrt_g *g, void *arg)
{
	mrt_pool pool;

	(void)arg;
	CHECK(mrt_pool_init(g, &pool, NULL, NULL) == 0);
	life_put(g, &pool);
	life_is(g, &pool, BIG_MANY, 0);
	mrt_gc(g);
	life_is(g, &pool, 0, BIG_MANY);
	mrt_gc(g);
	life_is(g, &pool, 0, 0);
	/* Of a later cycle beside those of the one before: each dies in its own turn. */
	life_put(g, &pool);
	mrt_gc(g);
	life_put(g, &pool);
	life_is(g, &pool, BIG_MANY, BIG_MANY);
	mrt_gc(g);
	life_is(g, &pool, 0, BIG_MANY);
	mrt_gc(g);
	life_is(g, &pool, 0, 0);
	/* A pool that has ended holds nothing. */
	life_put(g, &pool);
	mrt_pool_fini(g, &pool);
	mrt_gc(g);
	CHECK(mrt_pool_init(g, &pool, NULL, NULL) == 0);
	life_is(g, &pool, 0, 0);
	mrt_pool_fini(g, &pool);
}

static void test_life(void **state)
{
	(void)state;
	pool_run(life_body, NULL, 1);
	pool_run(life_body, NULL, 4);
}

/* ------------------------------------------------------------------- on one P: who is next */

static void queues_are(mrt_g *g, mrt_pool *pool, uint64_t objects, uint64_t queues, uint32_t cap)
{
	struct mrt_pool_info info;

	mrt_pool_inspect(g, pool, &info);
	CHECK(info.fresh == objects && info.queues == queues && info.queue_cap_max == cap);
}

static int order_new(mrt_g *g, void *arg, void **ret)
{
	++*(uint64_t *)arg;
	return item_new(g, 1000, ret);
}

static int refuse_new(mrt_g *g, void *arg, void **ret)
{
	(void)g;
	(void)arg;
	(void)ret;
	return -ENOMEM;
}

static void order_body(mrt_g *g, void *arg)
{
	uint64_t made = 0;
	mrt_pool pool;

	(void)arg;
	CHECK(mrt_pool_init(g, &pool, order_new, &made) == 0);
	CHECK(mrt_pool_put(g, &pool, NULL) == 0);
	queues_are(g, &pool, 0, 0, 0);
	for (uint64_t i = 1; i <= 1 + 8 + 16 + 1; i++) {
		put_new(g, &pool, i);
		if (i == 1)
			queues_are(g, &pool, 1, 0, 0);
		if (i == 9)
			queues_are(g, &pool, 9, 1, 8);
		if (i == 10)
			queues_are(g, &pool, 10, 2, 16);
	}
	queues_are(g, &pool, 26, 3, 32);
	/* Private, then the head: the youngest first. */
	CHECK(get_number(g, &pool) == 1);
	for (uint64_t i = 26; i > 10; i--)
		CHECK(get_number(g, &pool) == i);
	mrt_gc(g);
	put_new(g, &pool, 100);
	/* The victim cache after the primary one, and from the tail; New last. */
	CHECK(get_number(g, &pool) == 100);
	for (uint64_t i = 2; i <= 10; i++)
		CHECK(get_number(g, &pool) == i);
	CHECK(made == 0 && get_number(g, &pool) == 1000 && made == 1);
	mrt_pool_fini(g, &pool);
	CHECK(mrt_pool_init(g, &pool, NULL, NULL) == 0);
	CHECK(get_number(g, &pool) == 0);
	mrt_pool_fini(g, &pool);
}

static void test_order(void **state)
{
	(void)state;
	pool_run(order_body, NULL, 1);
}

/* --------------------------------------------------------------------- a model of one P */

#define MODEL_OBJECTS 4096

struct cache {
	uint64_t private, queue[MODEL_OBJECTS];
	uint32_t head, tail;
};

struct pool_model {
	struct cache fresh, victim;
	bool victim_left;
	uint64_t got_private, got_head, got_victim, got_none;
};

static void cache_put(struct cache *c, uint64_t number)
{
	if (c->private == 0)
		c->private = number;
	else
		c->queue[c->head++ % MODEL_OBJECTS] = number;
}

static uint64_t ref_private(struct cache *c)
{
	uint64_t number = c->private;

	c->private = 0;
	return number;
}

static uint64_t ref_victim(struct pool_model *m)
{
	uint64_t number;

	if (!m->victim_left)
		return 0;
	number = ref_private(&m->victim);
	if (number == 0 && m->victim.tail != m->victim.head)
		number = m->victim.queue[m->victim.tail++ % MODEL_OBJECTS];
	m->victim_left = number != 0;
	m->got_victim += number != 0;
	return number;
}

static uint64_t ref_get(struct pool_model *m)
{
	uint64_t number = ref_private(&m->fresh);

	m->got_private += number != 0;
	if (number == 0 && m->fresh.tail != m->fresh.head) {
		m->got_head++;
		return m->fresh.queue[--m->fresh.head % MODEL_OBJECTS];
	}
	if (number == 0)
		number = ref_victim(m);
	m->got_none += number == 0;
	return number;
}

static void ref_gc(struct pool_model *m, bool *ret_used)
{
	m->victim = m->fresh;
	m->victim_left = *ret_used;
	*ret_used = false;
	m->fresh = (struct cache){0};
}

/* Bursts of puts and of gets, with collections; what refuses memory changes nothing. */
static void pool_model_body(mrt_g *g, void *arg)
{
	static struct pool_model m;
	uint64_t numbers = 0, refused = 0, steps = *(uint64_t *)arg;
	bool used = false; /* there is a cache of this cycle */
	mrt_pool pool;
	MRT_ROOTS(g, root, 1);

	m = (struct pool_model){0};
	CHECK(mrt_pool_init(g, &pool, NULL, NULL) == 0);
	for (uint64_t step = 0; step < steps; step++) {
		bool puts = step / 50 % 2 == 0;
		int rc;

		if (model_below(100) == 0) {
			mrt_gc(g);
			ref_gc(&m, &used);
		}
		if (model_below(10) < (puts ? 8u : 1u) && m.fresh.head - m.fresh.tail < MODEL_OBJECTS) {
			CHECK(item_new(g, ++numbers, root) == 0);
			model_fail(model_below(4) == 0 ? 1 + model_below(2) : 0, true);
			rc = mrt_pool_put(g, &pool, root[0]);
			if (rc == 0)
				cache_put(&m.fresh, numbers);
		} else {
			uint64_t got;

			model_fail(model_below(4) == 0, true);
			root[0] = &pool; /* outside the heap */
			rc = mrt_pool_get(g, &pool, root);
			CHECK(rc == 0 || root[0] == &pool);
			got = rc == 0 && root[0] != NULL ? item_check(root[0])->number : 0;
			CHECK(rc != 0 || got == ref_get(&m));
		}
		CHECK(rc == 0 || (rc == -ENOMEM && model_gate.failed > 0));
		refused += rc != 0;
		used = used || rc == 0;
		model_fail(0, false);
	}
	CHECK(refused > steps / 500 && m.got_private > 10 && m.got_head > 10);
	CHECK(m.got_victim > 10 && m.got_none > 10);
	mrt_pool_fini(g, &pool);
}

static void test_model(void **state)
{
	uint64_t steps = 40000;

	(void)state;
	pool_run(pool_model_body, &steps, 1);
}

/* ------------------------------------------------------------------------ no memory */

/* One allocation after the other fails, and then none: puts that need a cache, a ring, its slots. */
static void refuse_put(mrt_g *g, mrt_pool *pool, void *obj, uint64_t allocations)
{
	struct mrt_pool_info before, after;
	uint64_t at;

	mrt_pool_inspect(g, pool, &before);
	for (at = 1;; at++) {
		int rc;

		model_fail(at, true);
		rc = mrt_pool_put(g, pool, obj);
		model_fail(0, false);
		mrt_pool_inspect(g, pool, &after);
		if (rc == 0)
			break;
		CHECK(rc == -ENOMEM && after.fresh == before.fresh);
		CHECK(after.victim == before.victim && after.queues == before.queues);
	}
	CHECK(at == allocations + 1 && after.fresh == before.fresh + 1);
}

static void refuse_body(mrt_g *g, void *arg)
{
	mrt_pool pool;
	MRT_ROOTS(g, root, 2);

	(void)arg;
	CHECK(mrt_pool_init(g, &pool, refuse_new, NULL) == 0);
	CHECK(item_new(g, 7, root) == 0);
	model_fail(1, true);
	root[1] = root[0];
	CHECK(mrt_pool_get(g, &pool, &root[1]) == -ENOMEM && root[1] == root[0]); /* no cache */
	model_fail(0, false);
	CHECK(mrt_pool_get(g, &pool, &root[1]) == -ENOMEM && root[1] == root[0]); /* New's */
	mrt_gc(g);
	refuse_put(g, &pool, root[0], 1); /* the cache; private */
	refuse_put(g, &pool, root[0], 2); /* a ring, its slots */
	for (int i = 0; i < 7; i++)
		refuse_put(g, &pool, root[0], 0);
	refuse_put(g, &pool, root[0], 2);
	mrt_pool_fini(g, &pool);
}

static void test_refuse(void **state)
{
	(void)state;
	pool_run(refuse_body, NULL, 1);
}

/* ------------------------------------------------------------------------- stealing */

#define THEFT_PROCS 4
#define STOLEN	    500

/* After a put or get a goroutine is on the P that it was done on: no safepoint comes after it. */
struct theft {
	mrt_pool pool;
	mrt_wg done;
	_Atomic uint32_t from; /* id + 1 of the P that was filled last; 0: not yet */
	_Atomic bool over;
	bool victim; /* they are a victim cache by then */
	uint32_t put_on[STOLEN + 1];
	bool seen[STOLEN + 1];
	uint64_t newest[THEFT_PROCS], got, stolen;
};

static uint32_t p_id(mrt_g *g)
{
	return sched_of(g)->p->id;
}

/* From one P the oldest is stolen first. */
static void theft_note(mrt_g *g, struct theft *t, uint64_t number)
{
	uint32_t from = t->put_on[number];

	CHECK(number <= STOLEN && !t->seen[number]);
	t->seen[number] = true;
	t->got++;
	if (from == p_id(g))
		return;
	CHECK(number > t->newest[from]);
	t->newest[from] = number;
	t->stolen++;
}

/* Until nothing is left but what lies in other Ps' private places. */
static void thief_body(mrt_g *g, void *arg)
{
	struct theft *t = arg;
	MRT_ROOTS(g, root, 1);

	while (t->from == 0)
		mrt_yield(g);
	do {
		while (p_id(g) + 1 == t->from)
			mrt_yield(g);
		CHECK(mrt_pool_get(g, &t->pool, root) == 0);
		if (root[0] != NULL)
			theft_note(g, t, item_check(root[0])->number);
	} while (root[0] != NULL);
	t->over = true;
	mrt_wg_done(g, &t->done);
}

/* Keeps a P busy after that, so that the thief can run elsewhere. */
static void filler_body(mrt_g *g, void *arg)
{
	struct theft *t = arg;

	for (uint64_t i = 1; i <= STOLEN; i++) {
		put_new(g, &t->pool, i);
		t->put_on[i] = p_id(g);
	}
	if (t->victim)
		mrt_gc(g);
	t->from = t->put_on[STOLEN] + 1;
	while (!t->over) {
		prim_step_n(PRIM_COST_WORK, 500);
		mrt_safepoint(g);
	}
	mrt_wg_done(g, &t->done);
}

static void theft_body(mrt_g *g, void *arg)
{
	static struct theft t;

	t = (struct theft){.victim = *(bool *)arg};
	CHECK(mrt_pool_init(g, &t.pool, NULL, NULL) == 0);
	mrt_wg_add(&t.done, 2);
	CHECK(mrt_go(g, filler_body, &t, NULL) == 0);
	CHECK(mrt_go(g, thief_body, &t, NULL) == 0);
	mrt_wg_wait(g, &t.done);
	CHECK(t.got >= STOLEN - THEFT_PROCS && t.stolen > 0);
	mrt_pool_fini(g, &t.pool);
}

static void test_theft(void **state)
{
	bool victim = true, fresh = false;

	(void)state;
	pool_run(theft_body, &fresh, THEFT_PROCS);
	pool_run(theft_body, &victim, THEFT_PROCS);
}

/* --------------------------------------------------------------------------- many */

#define USERS 8
#define HELD  6

struct many {
	mrt_pool pool;
	mrt_wg users, storm;
	_Atomic bool stop;
	_Atomic uint64_t made, got, cycles, next;
	uint64_t steps;
};

static int many_new(mrt_g *g, void *arg, void **ret)
{
	struct many *s = arg;

	return item_new(g, atomic_fetch_add(&s->made, 1) + 1, ret);
}

static void many_get(mrt_g *g, struct many *s, void **slot, uint32_t *uses)
{
	struct item *item;

	CHECK(mrt_pool_get(g, &s->pool, slot) == 0);
	item = *slot;
	item_check(item);
	CHECK(atomic_exchange_explicit(&item->owned, 1, memory_order_relaxed) == 0);
	*uses = ++item->uses;
	s->got++;
}

static void many_put(mrt_g *g, struct many *s, void **slot, uint32_t uses)
{
	struct item *item = *slot;

	item_check(item);
	CHECK(item->uses == uses);
	CHECK(atomic_exchange_explicit(&item->owned, 0, memory_order_relaxed) == 1);
	CHECK(mrt_pool_put(g, &s->pool, item) == 0);
	*slot = NULL;
}

static void user_body(mrt_g *g, void *arg)
{
	struct many *s = arg;
	uint64_t random = model_seed * 31 + atomic_fetch_add(&s->next, 1);
	uint32_t uses[HELD] = {0};
	MRT_ROOTS(g, held, HELD);

	for (uint64_t i = 0; i < s->steps; i++) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B), at = z % HELD;

		if (held[at] == NULL)
			many_get(g, s, &held[at], &uses[at]);
		else
			many_put(g, s, &held[at], uses[at]);
		if ((z >> 32 & 15) == 0)
			mrt_yield(g);
	}
	for (int i = 0; i < HELD; i++)
		if (held[i] != NULL)
			many_put(g, s, &held[i], uses[i]);
	mrt_wg_done(g, &s->users);
}

static void storm_body(mrt_g *g, void *arg)
{
	struct many *s = arg;

	while (!s->stop) {
		mrt_gc(g);
		s->cycles++;
		for (int i = 0; i < 50; i++)
			mrt_yield(g);
	}
	mrt_wg_done(g, &s->storm);
}

static void many_body(mrt_g *g, void *arg)
{
	static struct many s;
	struct mrt_pool_info info;
	char text[200];

	s = (struct many){.steps = *(uint64_t *)arg};
	CHECK(mrt_pool_init(g, &s.pool, many_new, &s) == 0);
	mrt_wg_add(&s.users, USERS);
	mrt_wg_add(&s.storm, 1);
	CHECK(mrt_go(g, storm_body, &s, NULL) == 0);
	for (int i = 0; i < USERS; i++)
		CHECK(mrt_go(g, user_body, &s, NULL) == 0);
	mrt_wg_wait(g, &s.users);
	while (s.cycles < 4)
		mrt_yield(g);
	s.stop = true;
	mrt_wg_wait(g, &s.storm);
	CHECK(s.got > s.made && s.made >= HELD);
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
	mrt_gc(g);
	mrt_gc(g);
	mrt_pool_inspect(g, &s.pool, &info);
	CHECK(info.fresh == 0 && info.victim == 0);
	mrt_pool_fini(g, &s.pool);
}

/* gc_every 3: also a cycle inside the allocation of most caches and rings. */
static void many_run(uint64_t steps, uint32_t procs, uint64_t gc_every)
{
	struct mrt_options opt = {.procs = procs,
				  .seed = model_seed,
				  .gc_every = gc_every,
				  .clobber = true,
				  .check_edges = true};
	struct model_run run = {many_body, &steps};

	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

static void test_many(void **state)
{
	(void)state;
	many_run(FEW(40000), 1, 50);
	many_run(FEW(40000), 2, 50);
	many_run(FEW(40000), 8, 50);
	many_run(FEW(2000), 2, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),   cmocka_unit_test(test_order),
		cmocka_unit_test(test_model),  cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_theft),  cmocka_unit_test(test_many),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
