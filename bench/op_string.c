/*
 * op_string.c: maps from strings of 16 to 24 bytes: what op_map.c does, at both sizes.
 *
 * A key that goes in is a string of the managed heap, an object of its own without pointers; they are made before the clock is started,
 * but for the churn, which makes one for each insert as it makes a value. One that is looked up or deleted is made on the stack, as
 * from what was just read: it never is the very string that the map has.
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#include <string.h>

#define STRING_TURNS 4000000u
#define STRING_WALK  20000000u
#define STRING_WORDS 3u /* of the longest */

static const uint64_t string_one = 1;
static const struct mrt_type string_byte = {"byte", 1, 0, NULL},
			     string_header = {"string", sizeof(struct mrt_string), 1, &string_one};

/* What an operation has. roots: the map; the array of all keys; a value; a key's bytes. */
struct string_map {
	struct mrt_map_type type;
	void *roots[4];
};

/* The bytes of key i, 16 to 24 of them; no two keys are equal. */
static struct mrt_string string_key(uint64_t i, uint64_t word[STRING_WORDS])
{
	word[0] = bench_key(i);
	word[1] = word[0] * 0x9e3779b97f4a7c15ull;
	word[2] = word[0] ^ word[1];
	return (struct mrt_string){(const char *)word, 16 + word[1] % 9};
}

static void string_map_init(mrt_g *g, struct bench *b, struct string_map *m, const struct mrt_type *elem)
{
	struct mrt_key_type key = {.kind = MRT_KEY_STRING};

	b->error = mrt_map_type_init_key(&m->type, &key, elem);
	if (b->error == 0)
		b->error = mrt_map_new(g, &m->type, 0, &m->roots[0]);
}

/* Key i in the heap; its bytes are rooted in roots[3]. */
static int string_new(mrt_g *g, struct string_map *m, uint64_t i, struct mrt_string *ret)
{
	uint64_t word[STRING_WORDS];
	struct mrt_string key = string_key(i, word);
	int rc = mrt_new_array(g, &string_byte, key.bytes, &m->roots[3]);

	if (rc < 0)
		return rc;
	memcpy(m->roots[3], key.data, key.bytes);
	*ret = (struct mrt_string){m->roots[3], key.bytes};
	return 0;
}

/* An array of the first n keys. */
static void string_keys(mrt_g *g, struct bench *b, struct string_map *m)
{
	b->error = mrt_new_array(g, &string_header, b->n, &m->roots[1]);
	for (uint64_t i = 0; i < b->n && b->error == 0; i++) {
		struct mrt_string key, *slot = (struct mrt_string *)m->roots[1] + i;

		b->error = string_new(g, m, i, &key);
		if (b->error < 0)
			break;
		slot->bytes = key.bytes;
		mrt_store(g, (void **)(uintptr_t)&slot->data, m->roots[3]);
	}
}

static void string_fill(mrt_g *g, struct bench *b, struct string_map *m)
{
	const struct mrt_string *keys = m->roots[1];

	for (uint64_t i = 0; i < b->n && b->error == 0; i++)
		b->error = mrt_map_put_key(g, &m->type, m->roots[0], &keys[i], &i);
}

/* A new map each round. */
static void string_insert(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct string_map m = {0};
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 4);

	string_keys(g, b, &m);
	start_ns = prim_now_ns();
	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
		string_map_init(g, b, &m, &bench_word);
		string_fill(g, b, &m);
		b->checksum += mrt_map_count(m.roots[0]);
	}
	b->ns = prim_now_ns() - start_ns;
}

/* Keys, and a map of them; false: no memory. */
static bool string_prepare(mrt_g *g, struct bench *b, struct string_map *m)
{
	string_keys(g, b, m);
	if (b->error == 0)
		string_map_init(g, b, m, &bench_word);
	if (b->error == 0)
		string_fill(g, b, m);
	return b->error == 0;
}

/* Keys first..first + n - 1 at random. */
static void string_look_up(mrt_g *g, struct bench *b, uint64_t first)
{
	struct string_map m = {0};
	uint64_t state = 7, word[STRING_WORDS];
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 4);

	if (!string_prepare(g, b, &m))
		return;
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < b->ops; i++) {
		struct mrt_string key = string_key(first + bench_next(&state) % b->n, word);
		const uint64_t *value = mrt_map_get_key(g, &m.type, m.roots[0], &key);

		b->checksum += value != NULL ? *value : 1;
	}
	b->ns = prim_now_ns() - start_ns;
}

static void string_hit(mrt_g *g, void *arg)
{
	string_look_up(g, arg, 0);
}
static void string_miss(mrt_g *g, void *arg)
{
	string_look_up(g, arg, ((struct bench *)arg)->n);
}

/* Filling is outside the clock. */
static void string_delete(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct string_map m = {0};
	uint64_t word[STRING_WORDS];
	MRT_ROOT_SLOTS(g, frame, m.roots, 4);

	string_keys(g, b, &m);
	if (b->error == 0)
		string_map_init(g, b, &m, &bench_word);
	for (uint64_t round = 0; round < b->ops / b->n && b->error == 0; round++) {
		int64_t start_ns;

		string_fill(g, b, &m);
		start_ns = prim_now_ns();
		for (uint64_t i = 0; i < b->n; i++) {
			struct mrt_string key = string_key(i, word);

			b->checksum += mrt_map_delete_key(g, &m.type, m.roots[0], &key);
		}
		b->ns += prim_now_ns() - start_ns;
	}
}

static void string_iterate(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct string_map m = {0};
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 4);

	if (!string_prepare(g, b, &m))
		return;
	start_ns = prim_now_ns();
	for (uint64_t round = 0; round < b->ops / b->n; round++) {
		MRT_MAP_ITER(g, &m.type, m.roots[0], it);
		while (mrt_map_iter_next(g, &it))
			b->checksum += ((const struct mrt_string *)it.key_ptr)->bytes ^
				       *(const uint64_t *)it.elem;
	}
	b->ns = prim_now_ns() - start_ns;
}

static int string_churn_insert(mrt_g *g, struct string_map *m, uint64_t i)
{
	struct mrt_string key;
	uint64_t *value;
	int rc = string_new(g, m, i, &key);

	if (rc == 0)
		rc = mrt_new(g, &bench_value, &m->roots[2]);
	if (rc < 0)
		return rc;
	value = m->roots[2];
	value[0] = i;
	value[3] = i ^ 0x5a;
	return mrt_map_put_key(g, &m->type, m->roots[0], &key, &m->roots[2]);
}

/* Half inserts, half deletes of random keys in a map that holds about half of them. */
static void string_churn(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct string_map m = {0};
	uint64_t state = 42, word[STRING_WORDS];
	int64_t start_ns;
	MRT_ROOT_SLOTS(g, frame, m.roots, 4);

	string_map_init(g, b, &m, &bench_pointer);
	for (uint64_t i = 0; i < b->n / 2 && b->error == 0; i++)
		b->error = string_churn_insert(g, &m, bench_next(&state) % b->n);
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < b->ops / 2 && b->error == 0; i++) {
		struct mrt_string key;

		b->error = string_churn_insert(g, &m, bench_next(&state) % b->n);
		key = string_key(bench_next(&state) % b->n, word);
		mrt_map_delete_key(g, &m.type, m.roots[0], &key);
	}
	b->ns = prim_now_ns() - start_ns;
	MRT_MAP_ITER(g, &m.type, m.roots[0], it);
	while (mrt_map_iter_next(g, &it)) {
		const uint64_t *value = *(uint64_t *const *)it.elem;

		b->checksum += ((const struct mrt_string *)it.key_ptr)->bytes + value[0] * 3 + value[3];
	}
}

const struct bench_op bench_string_ops[] = {
	{.name = "map_string_insert_1k", .fn = string_insert, .n = 1000, .ops = STRING_TURNS},
	{.name = "map_string_insert_1m", .fn = string_insert, .n = 1000000, .ops = STRING_TURNS},
	{.name = "map_string_hit_1k", .fn = string_hit, .n = 1000, .ops = STRING_TURNS},
	{.name = "map_string_hit_1m", .fn = string_hit, .n = 1000000, .ops = STRING_TURNS},
	{.name = "map_string_miss_1k", .fn = string_miss, .n = 1000, .ops = STRING_TURNS},
	{.name = "map_string_miss_1m", .fn = string_miss, .n = 1000000, .ops = STRING_TURNS},
	{.name = "map_string_delete_1k", .fn = string_delete, .n = 1000, .ops = STRING_TURNS},
	{.name = "map_string_delete_1m", .fn = string_delete, .n = 1000000, .ops = STRING_TURNS},
	{.name = "map_string_iterate_1k", .fn = string_iterate, .n = 1000, .ops = STRING_WALK},
	{.name = "map_string_iterate_1m", .fn = string_iterate, .n = 1000000, .ops = STRING_WALK},
	{.name = "map_string_churn_1k", .fn = string_churn, .n = 1000, .ops = STRING_TURNS},
	{.name = "map_string_churn_1m", .fn = string_churn, .n = 1000000, .ops = STRING_TURNS},
	{0},
};
