/*
 * op_big.c: large values (incident I5): a map with the values inline, a map of pointers to them, a sync.Map of pointers. By one goroutine
 * that has the map to itself, and by two on two Ps, the maps then under an RWMutex.
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <stdlib.h>

#define BIG_KEYS    10000u
#define BIG_TURNS   2000000u
#define BIG_BYTES   1024u
#define BIG_SHARERS 2u
#define BIG_SEED    11u

static const struct mrt_type bench_big = {"[1024]byte", BIG_BYTES, 0, NULL}, big_nanoseconds = {"uint32", 4, 0, NULL};

struct big_map;

/* roots: the map, and room for a value that is about to go in. */
struct big_design {
	int (*create)(mrt_g *g, struct big_map *m, void **ret);
	int (*put)(mrt_g *g, struct big_map *m, void **roots, uint64_t key);
	uint64_t (*get)(mrt_g *g, struct big_map *m, void **roots, uint64_t key); /* its first word */
};

struct big_map {
	const struct big_design *design;
	struct bench *b;
	struct mrt_map_type type;
	void *map; /* rooted by the main goroutine, which outlives the others */
	bool shared;
	mrt_rwmutex lock; /* of the map, if it is shared */
	uint64_t turns;	  /* of each goroutine */
	uint32_t *took_ns; /* each goroutine has turns of them */
	_Atomic uint64_t started, checksum, failed;
	mrt_wg done;
};

static void big_lock(mrt_g *g, struct big_map *m)
{
	if (m->shared)
		mrt_rw_lock(g, &m->lock);
}
static void big_unlock(mrt_g *g, struct big_map *m)
{
	if (m->shared)
		mrt_rw_unlock(g, &m->lock);
}
static void big_rlock(mrt_g *g, struct big_map *m)
{
	if (m->shared)
		mrt_rw_rlock(g, &m->lock);
}
static void big_runlock(mrt_g *g, struct big_map *m)
{
	if (m->shared)
		mrt_rw_runlock(g, &m->lock);
}

/* -------------------------------------------------------------------- designs */

static int big_create_of(mrt_g *g, struct big_map *m, const struct mrt_type *elem, void **ret)
{
	int rc = mrt_map_type_init(&m->type, MRT_KEY_U64, elem);

	return rc < 0 ? rc : mrt_map_new(g, &m->type, 0, ret);
}

static int big_inline_create(mrt_g *g, struct big_map *m, void **ret)
{
	return big_create_of(g, m, &bench_big, ret);
}
static int big_inline_put(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	uint64_t value[BIG_BYTES / 8] = {key};
	int rc;

	big_lock(g, m);
	rc = mrt_map_put(g, &m->type, roots[0], key, value);
	big_unlock(g, m);
	return rc;
}
static uint64_t big_inline_get(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	uint64_t first;

	big_rlock(g, m);
	first = *(const uint64_t *)mrt_map_get(g, &m->type, roots[0], key);
	big_runlock(g, m);
	return first;
}

static int big_value(mrt_g *g, uint64_t key, void **ret)
{
	int rc = mrt_new(g, &bench_big, ret);

	if (rc == 0)
		*(uint64_t *)*ret = key;
	return rc;
}

static int big_pointer_create(mrt_g *g, struct big_map *m, void **ret)
{
	return big_create_of(g, m, &bench_pointer, ret);
}
static int big_pointer_put(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	int rc = big_value(g, key, &roots[1]);

	if (rc < 0)
		return rc;
	big_lock(g, m);
	rc = mrt_map_put(g, &m->type, roots[0], key, &roots[1]);
	big_unlock(g, m);
	return rc;
}
static uint64_t big_pointer_get(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	uint64_t first;

	big_rlock(g, m);
	first = **(uint64_t *const *)mrt_map_get(g, &m->type, roots[0], key);
	big_runlock(g, m);
	return first;
}

static int big_sync_create(mrt_g *g, struct big_map *m, void **ret)
{
	(void)m;
	return mrt_sync_map_new(g, ret);
}
static int big_sync_put(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	int rc = big_value(g, key, &roots[1]);

	(void)m;
	return rc < 0 ? rc : mrt_sync_map_store(g, roots[0], key, roots[1]);
}
static uint64_t big_sync_get(mrt_g *g, struct big_map *m, void **roots, uint64_t key)
{
	(void)m;
	return *(const uint64_t *)mrt_sync_map_load(g, roots[0], key);
}

static const struct big_design big_inline_design = {big_inline_create, big_inline_put, big_inline_get},
			       big_pointer_design = {big_pointer_create, big_pointer_put, big_pointer_get},
			       big_sync_design = {big_sync_create, big_sync_put, big_sync_get};

/* ---------------------------------------------------------------------- turns */

/* Each turn on the clock, seven reads to three writes. */
static void big_turns(mrt_g *g, void *arg)
{
	struct big_map *m = arg;
	uint64_t number = atomic_fetch_add_explicit(&m->started, 1, memory_order_relaxed), checksum = 0;
	uint64_t state = BIG_SEED + number, keys = m->b->n;
	uint32_t *took_ns = m->took_ns + number * m->turns;
	int rc = 0;
	MRT_ROOTS(g, roots, 2);

	roots[0] = m->map;
	for (uint64_t i = 0; i < m->turns && rc == 0; i++) {
		uint64_t draw = bench_next(&state), key = draw / 10 % keys;
		int64_t start_ns = prim_now_ns();

		if (draw % 10 < 7)
			checksum += m->design->get(g, m, roots, key);
		else
			rc = m->design->put(g, m, roots, key);
		took_ns[i] = (uint32_t)(prim_now_ns() - start_ns);
	}
	/* Relaxed: handed over by the wait group. */
	atomic_fetch_add_explicit(&m->checksum, checksum, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->failed, rc < 0, memory_order_relaxed);
	if (m->shared)
		mrt_wg_done(g, &m->done);
}

static void big_share(mrt_g *g, struct big_map *m)
{
	struct mrt_go_options opt = {.name = "sharer"};

	mrt_wg_add(&m->done, BIG_SHARERS);
	for (uint32_t i = 0; i < BIG_SHARERS; i++)
		if (mrt_go(g, big_turns, m, &opt) < 0) {
			atomic_fetch_add_explicit(&m->failed, 1, memory_order_relaxed);
			mrt_wg_done(g, &m->done);
		}
	mrt_wg_wait(g, &m->done);
}

static int big_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void big_tell(struct bench *b, uint32_t *took_ns, uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++)
		b->ns += took_ns[i];
	qsort(took_ns, turns, sizeof(*took_ns), big_order);
	bench_tell(b, "at_p99", took_ns[turns * 99 / 100], "ns");
}

static void big_run(mrt_g *g, struct bench *b, const struct big_design *design, bool shared)
{
	struct big_map m = {.design = design, .b = b, .shared = shared};
	MRT_ROOTS(g, roots, 3); /* map, value, what the turns took: in the heap as in Go, whose goal it raises */

	m.turns = shared ? b->ops / BIG_SHARERS : b->ops;
	b->error = mrt_new_array(g, &big_nanoseconds, b->ops, &roots[2]);
	if (b->error == 0)
		b->error = design->create(g, &m, &roots[0]);
	m.took_ns = roots[2];
	m.map = roots[0];
	for (uint64_t i = 0; i < b->n && b->error == 0; i++)
		b->error = design->put(g, &m, roots, i);
	if (b->error == 0) {
		if (shared)
			big_share(g, &m);
		else
			big_turns(g, &m);
		b->checksum = atomic_load_explicit(&m.checksum, memory_order_relaxed);
		if (atomic_load_explicit(&m.failed, memory_order_relaxed) != 0)
			b->error = -ENOMEM;
		big_tell(b, m.took_ns, b->ops);
	}
}

static void big_inline(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_inline_design, false);
}
static void big_pointer(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_pointer_design, false);
}
static void big_sync(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_sync_design, false);
}
static void big_inline_shared(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_inline_design, true);
}
static void big_pointer_shared(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_pointer_design, true);
}
static void big_sync_shared(mrt_g *g, void *arg)
{
	big_run(g, arg, &big_sync_design, true);
}

const struct bench_op bench_big_ops[] = {
	{.name = "big_value_inline", .fn = big_inline, .n = BIG_KEYS, .ops = BIG_TURNS},
	{.name = "big_value_pointer", .fn = big_pointer, .n = BIG_KEYS, .ops = BIG_TURNS},
	{.name = "big_value_sync", .fn = big_sync, .n = BIG_KEYS, .ops = BIG_TURNS},
	{.name = "big_value_inline_2p", .fn = big_inline_shared, .n = BIG_KEYS, .ops = BIG_TURNS, .procs = 2},
	{.name = "big_value_pointer_2p", .fn = big_pointer_shared, .n = BIG_KEYS, .ops = BIG_TURNS, .procs = 2},
	{.name = "big_value_sync_2p", .fn = big_sync_shared, .n = BIG_KEYS, .ops = BIG_TURNS, .procs = 2},
	{0},
};
