/*
 * map_key.h: keys of maps: what the bodies of search, assign, delete and evacuation know of them, how
 * they are hashed and compared (alg.go, map.go's t.key, map_fast32.go, map_fast64.go,
 * map_faststr.go of Go up to 1.23).
 *
 * There is one body for each operation.  It is inlined with the constants map_keys_u32, map_keys_u64
 * and map_keys_string, which leave nothing of the other kinds in it, and once for all the rest.
 *
 * A key that differs from itself (a NaN) hashes to something else each time.  It is never found;
 * iteration and growth take it by its cell.
 */
#pragma once

#include "runtime/data/hash.h"
#include "runtime/mrt.h"
#include "runtime/prim/prim.h"

#define MAP_SHAPES_MAX 4096u

struct map_keys {
	enum mrt_key kind;
	uint32_t bytes; /* of a key */
	uint32_t slot;	/* of its place in the bucket */
	bool indirect;	/* the slot points to the key */
	bool pointers;	/* there are pointers in the slot */
	bool reflexive; /* every key equals itself */
	bool update;	/* equal keys may look different: an update stores the key too */
	uint64_t (*hash)(const void *key, uint64_t seed); /* CUSTOM, else NULL */
	bool (*equal)(const void *a, const void *b);
};

/* All that must be known to read a map without its type, as the heap check does. */
struct map_shape {
	struct map_keys keys;
	uint32_t slot_bytes; /* of an element's slot */
	uint32_t bucket_bytes;
	bool indirect;
	bool pointers; /* of the bucket */
};

static const struct map_keys map_keys_u32 = {
	.kind = MRT_KEY_U32, .bytes = 4, .slot = 4, .reflexive = true};
static const struct map_keys map_keys_u64 = {
	.kind = MRT_KEY_U64, .bytes = 8, .slot = 8, .reflexive = true};
static const struct map_keys map_keys_string = {.kind = MRT_KEY_STRING,
						.bytes = 16,
						.slot = 16,
						.pointers = true,
						.reflexive = true,
						.update = true};

/* A key in hand: integers by value, everything else by address. */
struct map_key {
	uint64_t word;
	const void *at;
};

static inline bool map_key_is_int(const struct map_keys *k)
{
	return k->kind == MRT_KEY_U64 || k->kind == MRT_KEY_U32;
}

static inline struct map_key map_key_from(const struct map_keys *k, const void *at)
{
	struct map_key key = {0, at};
	uint32_t narrow;

	if (k->kind == MRT_KEY_U64) {
		memcpy(&key.word, at, 8);
	} else if (k->kind == MRT_KEY_U32) {
		memcpy(&narrow, at, 4);
		key.word = narrow;
	}
	return key;
}

static inline bool map_string_equal(const struct mrt_string *a, const struct mrt_string *b)
{
	return a->bytes == b->bytes &&
	       (a->data == b->data || a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static inline uint64_t map_string_hash(const struct mrt_string *s, uint64_t seed)
{
	if (PRIM_UNLIKELY(s->bytes >= 64))
		prim_step_n(PRIM_COST_COPY_CACHELINE, (uint32_t)(s->bytes / 64));
	return data_hash_bytes(s->data, s->bytes, seed);
}

/* ---- map_type.c */

/* The kinds that have no body of their own. */
uint64_t map_key_hash_other(const struct map_keys *k, const void *key, uint64_t seed);
bool map_key_equal_other(const struct map_keys *k, const void *a, const void *b);
/* The shape with this number, as of a type or a map's header; it never changes. */
const struct map_shape *map_shape_at(uint16_t number);

/* ---- one key */

static inline __attribute__((always_inline)) uint64_t
map_key_hash(const struct map_keys *k, struct map_key key, uint64_t seed)
{
	if (map_key_is_int(k))
		return data_hash_int(key.word, k->bytes, seed);
	if (k->kind == MRT_KEY_STRING)
		return map_string_hash(key.at, seed);
	return map_key_hash_other(k, key.at, seed);
}

/* stored: where the key itself lies; NULL, which an evacuated cell of indirect keys may hold: equal to nothing. */
static inline __attribute__((always_inline)) bool
map_key_equal(const struct map_keys *k, const void *stored, struct map_key key)
{
	if (map_key_is_int(k))
		return map_key_from(k, stored).word == key.word;
	if (k->kind == MRT_KEY_STRING)
		return map_string_equal(stored, key.at);
	return stored != NULL && map_key_equal_other(k, stored, key.at);
}

/* Does this key equal itself? */
static inline bool map_key_whole(const struct map_keys *k, const void *key)
{
	return k->reflexive || map_key_equal_other(k, key, key);
}
