/*
 * op_map.c: maps: filling, finding, missing, deleting, walking, churning, at a size that fits the caches and one that does not; slices that
 * grow.
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#define MAP_TURNS	4000000u /* operations a sample, whatever the map's size */
#define MAP_WALK	20000000u /* entries walked over a sample */
#define CHURN_KEYS	1000000u
#define APPEND_LEN	1000000u
#define APPEND_ROUNDS	20u

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
	for (uint64_t i = 0; i < b->n && b->error == 0; i++)
		b->error = mrt_map_put(g, &m->type, m->roots[0], bench_key(i), &i);
}

/* A new map each round. */
static void map_insert(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	int64_t start_ns = prim_now_ns();
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
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
	for (uint64_t i = 0; i < b->ops && b->error == 0; i++) {
		const uint64_t *value = mrt_map_get(g, &m.type, m.roots[0],
						    bench_key(first + bench_next(&state) % b->n));

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
	map_look_up(g, arg, ((struct bench *)arg)->n);
}

/* Filling is outside the clock. */
static void map_delete(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct bench_map m = {0};
	MRT_ROOT_SLOTS(g, frame, m.roots, 2);

	map_init(g, b, &m, &bench_word);
	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
		int64_t start_ns;

		map_fill(g, b, &m);
		start_ns = prim_now_ns();
		for (uint64_t i = 0; i < b->n; i++)
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
	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
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
	for (uint64_t i = 0; i < b->n / 2 && b->error == 0; i++)
		b->error = map_churn_insert(g, &m, bench_next(&state) % b->n);
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < b->ops / 2 && b->error == 0; i++) {
		b->error = map_churn_insert(g, &m, bench_next(&state) % b->n);
		mrt_map_delete(g, &m.type, m.roots[0], bench_next(&state) % b->n);
	}
	b->ns = prim_now_ns() - start_ns;
	MRT_MAP_ITER(g, &m.type, m.roots[0], it);
	while (mrt_map_iter_next(g, &it)) {
		const uint64_t *value = *(uint64_t *const *)it.elem;

		b->checksum += it.key * 3 + value[3];
	}
}

/* -------------------------------------------------------------------- slices */

static void slice_append(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct mrt_slice s;
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);

	start_ns = prim_now_ns();
	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
		s = (struct mrt_slice){0};
		for (int64_t i = 0; i < (int64_t)b->n && b->error == 0; i++)
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
	{.name = "slice_append", .fn = slice_append, .n = APPEND_LEN, .ops = APPEND_ROUNDS * (uint64_t)APPEND_LEN},
	{0},
};
