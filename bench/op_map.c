/*
 * op_map.c: maps: filling, finding, missing, deleting, walking, churning, at a size that fits the caches and one that does not; slices that
 * grow; large values (incident I5).
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAP_TURNS	4000000u /* operations a sample, whatever the map's size */
#define MAP_WALK	20000000u /* entries walked over a sample */
#define CHURN_KEYS	1000000u
#define APPEND_LEN	1000000u
#define APPEND_ROUNDS	20u
#define BIG_KEYS	10000u
#define BIG_TURNS	2000000u
#define BIG_BYTES	1024u

static const struct mrt_type bench_big = {"[1024]byte", BIG_BYTES, 0, NULL};

/* A map of the operation, and its type. */
struct bench_map {
	struct mrt_map_type type;
	void *roots[2]; /* the map; what is about to go in */
};

static void map_init(mrt_g *g, struct bench *b, struct bench_map *m, const struct mrt_type *elem)
{
	b->error = mrt_map_type_init(&m->type, MRT_KEY_U64, elem);
	if (b->error == 0)
		b->error = mrt_map_new(g, &m->type, 0, &m->roots[0]);
}

static void map_fill(mrt_g *g, struct bench *b, struct bench_map *m)
{
	for (uint64_t i = 0; i < b->op->n && b->error == 0; i++)
		b->error = mrt_map_put(g, &m->type, m->roots[0], bench_key(i), &i);
}

/* A new map each round. */
static void map_insert(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	int64_t start_ns = prim_now_ns();
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	for (uint64_t round = 0; round < MAP_TURNS / b->op->n && b->error == 0; round++) {
		map_init(g, b, &m, &bench_word);
		map_fill(g, b, &m);
		b->checksum += mrt_map_count(m.roots[0]);
	}
	b->ns = prim_now_ns() - start_ns;
}

/* Keys first..first + n - 1 at random. */
static void map_look_up(mrt_g *g, struct bench *b, uint64_t first)
{
	struct bench_map m = {0};
	uint64_t state = 7;
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, b, &m, &bench_word);
	map_fill(g, b, &m);
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < MAP_TURNS && b->error == 0; i++) {
		const uint64_t *value = mrt_map_get(g, &m.type, m.roots[0],
						    bench_key(first + bench_next(&state) % b->op->n));

		b->checksum += value != NULL ? *value : 1;
	}
	b->ns = prim_now_ns() - start_ns;
}

static void map_hit(mrt_g *g, void *arg)
{
	map_look_up(g, arg, 0);
}
static void map_miss(mrt_g *g, void *arg)
{
	map_look_up(g, arg, ((struct bench *)arg)->op->n);
}

/* Filling is outside the clock. */
static void map_delete(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, b, &m, &bench_word);
	for (uint64_t round = 0; round < MAP_TURNS / b->op->n && b->error == 0; round++) {
		int64_t start_ns;

		map_fill(g, b, &m);
		start_ns = prim_now_ns();
		for (uint64_t i = 0; i < b->op->n; i++)
			b->checksum += mrt_map_delete(g, &m.type, m.roots[0], bench_key(i));
		b->ns += prim_now_ns() - start_ns;
	}
}

static void map_iterate(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, b, &m, &bench_word);
	map_fill(g, b, &m);
	start_ns = prim_now_ns();
	for (uint64_t round = 0; round < MAP_WALK / b->op->n && b->error == 0; round++) {
		MRT_MAP_ITER(g, &m.type, m.roots[0], it);
		while (mrt_map_iter_next(g, &it))
			b->checksum += it.key ^ *(const uint64_t *)it.elem;
	}
	b->ns = prim_now_ns() - start_ns;
}

static int map_churn_insert(mrt_g *g, struct bench_map *m, uint64_t key)
{
	uint64_t *value;
	int rc = mrt_new(g, &bench_value, &m->roots[1]);

	if (rc < 0)
		return rc;
	value = m->roots[1];
	value[0] = key;
	value[3] = key ^ 0x5a;
	return mrt_map_put(g, &m->type, m->roots[0], key, &m->roots[1]);
}

/* Half inserts, half deletes of random keys in a map that holds about half of them. */
static void map_churn(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	uint64_t state = 42;
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, b, &m, &bench_pointer);
	for (uint64_t i = 0; i < b->op->n / 2 && b->error == 0; i++)
		b->error = map_churn_insert(g, &m, bench_next(&state) % b->op->n);
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < b->op->ops / 2 && b->error == 0; i++) {
		b->error = map_churn_insert(g, &m, bench_next(&state) % b->op->n);
		mrt_map_delete(g, &m.type, m.roots[0], bench_next(&state) % b->op->n);
	}
	b->ns = prim_now_ns() - start_ns;
	MRT_MAP_ITER(g, &m.type, m.roots[0], it);
	while (mrt_map_iter_next(g, &it)) {
		const uint64_t *value = *(uint64_t *const *)it.elem;

		b->checksum += it.key * 3 + value[3];
	}
}

/* --------------------------------------------------------------- large values */

static int big_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Each turn on the clock, seven reads to three writes. */
static void big_turns(mrt_g *g, struct bench *b, struct bench_map *m,
		      int (*put)(mrt_g *, struct bench_map *, uint64_t), uint64_t (*get)(const void *))
{
	uint32_t *took_ns = malloc(BIG_TURNS * sizeof(*took_ns));
	uint64_t state = 11;

	if (took_ns == NULL)
		b->error = -ENOMEM;
	for (uint64_t i = 0; i < BIG_KEYS && b->error == 0; i++)
		b->error = put(g, m, i);
	for (uint32_t i = 0; i < BIG_TURNS && b->error == 0; i++) {
		uint64_t draw = bench_next(&state), key = draw / 10 % BIG_KEYS;
		int64_t start_ns = prim_now_ns();

		if (draw % 10 < 7)
			b->checksum += get(mrt_map_get(g, &m->type, m->roots[0], key));
		else
			b->error = put(g, m, key);
		took_ns[i] = (uint32_t)(prim_now_ns() - start_ns);
		b->ns += took_ns[i];
	}
	if (b->error == 0) {
		qsort(took_ns, BIG_TURNS, sizeof(*took_ns), big_order);
		bench_tell(b, "at_p99", took_ns[BIG_TURNS / 100 * 99], "ns");
	}
	free(took_ns);
}

static int big_inline_put(mrt_g *g, struct bench_map *m, uint64_t key)
{
	uint64_t value[BIG_BYTES / 8] = {key};

	return mrt_map_put(g, &m->type, m->roots[0], key, value);
}
static uint64_t big_inline_get(const void *elem)
{
	return *(const uint64_t *)elem;
}
static int big_pointer_put(mrt_g *g, struct bench_map *m, uint64_t key)
{
	int rc = mrt_new(g, &bench_big, &m->roots[1]);

	if (rc < 0)
		return rc;
	*(uint64_t *)m->roots[1] = key;
	return mrt_map_put(g, &m->type, m->roots[0], key, &m->roots[1]);
}
static uint64_t big_pointer_get(const void *elem)
{
	return **(uint64_t *const *)elem;
}

static void big_inline(mrt_g *g, void *arg)
{
	struct bench_map m = {0};
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, arg, &m, &bench_big);
	big_turns(g, arg, &m, big_inline_put, big_inline_get);
}
static void big_pointer(mrt_g *g, void *arg)
{
	struct bench_map m = {0};
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, arg, &m, &bench_pointer);
	big_turns(g, arg, &m, big_pointer_put, big_pointer_get);
}

/* -------------------------------------------------------------------- slices */

static void slice_append(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct mrt_slice s;
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);

	start_ns = prim_now_ns();
	for (uint64_t round = 0; round < APPEND_ROUNDS && b->error == 0; round++) {
		s = (struct mrt_slice){0};
		for (int64_t i = 0; i < APPEND_LEN && b->error == 0; i++)
			b->error = mrt_append(g, &bench_word, &s, &i, 1);
		b->checksum += (uint64_t)((int64_t *)s.array)[s.len - 1];
	}
	b->ns = prim_now_ns() - start_ns;
}

const struct bench_op bench_map_ops[] = {
	{.name = "map_insert_1k", .fn = map_insert, .n = 1000, .ops = MAP_TURNS},
	{.name = "map_insert_1m", .fn = map_insert, .n = 1000000, .ops = MAP_TURNS},
	{.name = "map_hit_1k", .fn = map_hit, .n = 1000, .ops = MAP_TURNS},
	{.name = "map_hit_1m", .fn = map_hit, .n = 1000000, .ops = MAP_TURNS},
	{.name = "map_miss_1k", .fn = map_miss, .n = 1000, .ops = MAP_TURNS},
	{.name = "map_miss_1m", .fn = map_miss, .n = 1000000, .ops = MAP_TURNS},
	{.name = "map_delete_1k", .fn = map_delete, .n = 1000, .ops = MAP_TURNS},
	{.name = "map_delete_1m", .fn = map_delete, .n = 1000000, .ops = MAP_TURNS},
	{.name = "map_iterate_1k", .fn = map_iterate, .n = 1000, .ops = MAP_WALK},
	{.name = "map_iterate_1m", .fn = map_iterate, .n = 1000000, .ops = MAP_WALK},
	{.name = "map_churn_1k", .fn = map_churn, .n = 1000, .ops = MAP_TURNS},
	{.name = "map_churn", .fn = map_churn, .n = CHURN_KEYS, .ops = MAP_TURNS},
	{.name = "big_value_inline", .fn = big_inline, .ops = BIG_TURNS},
	{.name = "big_value_pointer", .fn = big_pointer, .ops = BIG_TURNS},
	{.name = "slice_append", .fn = slice_append, .ops = APPEND_ROUNDS * (uint64_t)APPEND_LEN},
	{0},
};
