/*
 * map_priv.h: what the map files share: the layout of a map and its buckets, and the inline search.
 *
 * A map (48 bytes, the order of Go's hmap) points to an array of 2^b buckets.  A bucket:
 *
 *   8 tophash bytes | 8 keys | 8 element slots | overflow word
 *
 * The overflow word is a pointer if keys or elements hold pointers; else the bucket is noscan, and
 * every overflow bucket is kept alive by extra->overflow.  Invariants (coded in map_check.c): M1
 * count is the number of live cells in all reachable chains M2 a live cell's tophash is its key's,
 * it lies in its key's chain, and a search finds it and no other (a NaN: lies anywhere) M3 a cell is empty_rest exactly if
 * it is empty and no later cell of its chain is live M4 old buckets below nevacuate are evacuated;
 * the destinations of one that is not are empty M5 noverflow is the number of overflow buckets of
 * the current array (b < 16), the list of a noscan map holds each of them once M6 an array of
 * buckets is an object of its own with room for all of them
 *
 * The search looks at the eight tophash bytes at once (one word): for integer keys too, unlike Go's
 * fast variants, since it touches one cache line where comparing keys touches two; what is stored
 * is the same.
 */
#pragma once

#include "runtime/data/map_key.h"
#include "runtime/gc/gc.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "cell i is byte i of the tophash word");

#define MAP_SLOTS	8u
#define MAP_INLINE_MAX	128u
#define MAP_ALLOC_MAX	((uint64_t)1 << 48)
#define MAP_COLLIDE_BITS 15u /* of hash0, in a colliding map */
#define MAP_ADVANCE_MAX 1024u /* buckets looked at by one step of the evacuation mark */

enum map_top {
	MAP_EMPTY_REST = 0,
	MAP_EMPTY_ONE = 1,
	MAP_EVACUATED_X = 2,
	MAP_EVACUATED_Y = 3,
	MAP_EVACUATED_EMPTY = 4,
	MAP_TOP_MIN = 5
};

enum map_flag {
	MAP_ITERATOR = 1,
	MAP_OLD_ITERATOR = 2,
	MAP_WRITING = 4,
	MAP_SAME_SIZE = 8,
	MAP_COLLIDING = 16 /* not Go's: map/hash has fired for this seed (map_hash) */
};

/* Pointers to the buckets that nothing else keeps alive: a growing array in two objects, as a Go
 * slice. */
struct map_list {
	void **array;
	size_t len, cap;
};

struct map_extra {
	struct map_list *overflow, *old_overflow;
	uint8_t *next_spare; /* spare bucket of the array; NULL: none left */
};

struct mrt_map {
	uint64_t count; /* count, b, noverflow, progress are written by map_set: mrt_map_inspect looks */
	_Atomic uint8_t flags; /* readers that iterate side by side set bits in it */
	uint8_t b;
	uint16_t noverflow;
	uint32_t hash0;
	uint8_t *buckets;
	uint8_t *old_buckets;
	uint64_t progress; /* nevacuate: 48 bits (Go's has the whole word); above, the shape's number, 0 in no map that is made */
	struct map_extra *extra;
};
_Static_assert(sizeof(struct mrt_map) == 48 && sizeof(struct map_extra) == 24 &&
		       sizeof(struct map_list) == 24,
	       "the sizes of hmap, mapextra and a slice header");

#define MAP_NEVACUATE_MAX (((uint64_t)1 << 48) - 1)

extern const struct mrt_type map_header_type, map_extra_type, map_list_type, map_pointer_type;

/* ---- header */

/* A store to a field that mrt_map_inspect reads from elsewhere. Relaxed: each for itself. */
#define map_set(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

static inline uint64_t map_nevacuate(const struct mrt_map *m)
{
	return m->progress & MAP_NEVACUATE_MAX;
}
static inline void map_nevacuate_set(struct mrt_map *m, uint64_t n)
{
	map_set(m->progress, (m->progress & ~MAP_NEVACUATE_MAX) | n);
}
static inline uint16_t map_shape_number(const struct mrt_map *m)
{
	return (uint16_t)(m->progress >> 48);
}
static inline const struct map_keys *map_keys_of(const struct mrt_map_type *mt)
{
	return &map_shape_at(mt->shape)->keys;
}
static inline uint64_t map_mask(uint8_t b)
{
	return ((uint64_t)1 << b) - 1;
}
static inline bool map_growing(const struct mrt_map *m)
{
	return m->old_buckets != NULL;
}
static inline uint8_t map_flags(const struct mrt_map *m)
{
	return atomic_load_explicit(&m->flags, memory_order_relaxed);
}
static inline bool map_flag(const struct mrt_map *m, enum map_flag f)
{
	return (map_flags(m) & f) != 0;
}
static inline bool map_same_size(const struct mrt_map *m)
{
	return map_flag(m, MAP_SAME_SIZE);
}
static inline uint64_t map_old_count(const struct mrt_map *m)
{
	return (uint64_t)1 << (m->b - (map_same_size(m) ? 0 : 1));
}
static inline bool map_overloaded(uint64_t count, uint8_t b)
{
	return count > MAP_SLOTS && count > 13 * (((uint64_t)1 << b) / 2);
}
static inline bool map_too_many_overflow(uint16_t noverflow, uint8_t b)
{
	return noverflow >= (uint32_t)1 << (b < 15 ? b : 15);
}
static inline uint8_t map_top_of(uint64_t hash)
{
	uint8_t top = (uint8_t)(hash >> 56);

	return top < MAP_TOP_MIN ? top + MAP_TOP_MIN : top;
}

/* Stores to pointer words of the header and its parts. */
#define map_store(g, slot, value) gc_store((g), (void **)(slot), (value))

/* ---- who is at work (hashWriting). Relaxed, and no lock: best effort, as in Go. A writer holds the flag from
 * the hash to the last store, over all safepoints between; it pairs with the looks of all others. The
 * flag is no atomic exchange: a lawful writer is alone, and an unlawful one is found by whoever looks
 * next, at the latest by the writer whose flag is gone. */

_Noreturn void map_die(const char *text) __attribute__((cold)); /* map.c */

/* Of writers that hash no key. */
static inline void map_write_begins(struct mrt_map *m)
{
	uint8_t flags = map_flags(m);

	if (PRIM_UNLIKELY(flags & MAP_WRITING))
		map_die("fatal error: concurrent map writes\n");
	atomic_store_explicit(&m->flags, flags ^ MAP_WRITING, memory_order_relaxed);
}
static inline void map_write_ends(struct mrt_map *m)
{
	uint8_t flags = map_flags(m);

	if (PRIM_UNLIKELY(!(flags & MAP_WRITING)))
		map_die("fatal error: concurrent map writes\n");
	atomic_store_explicit(&m->flags, flags ^ MAP_WRITING, memory_order_relaxed);
}

/* ---- bucket; kb is the width of a key's slot, a constant wherever speed counts */

static inline uint8_t *map_key_at(uint8_t *bucket, unsigned i, unsigned kb)
{
	return bucket + MAP_SLOTS + (size_t)i * kb;
}
static inline uint64_t map_key_load(uint8_t *bucket, unsigned i, unsigned kb)
{
	return map_key_from(kb == 8 ? &map_keys_u64 : &map_keys_u32, map_key_at(bucket, i, kb)).word;
}
/* Where the key of a cell lies: in its slot, or in the object that the slot points to. */
static inline void *map_key_place(const struct map_keys *k, uint8_t *bucket, unsigned i)
{
	uint8_t *slot = map_key_at(bucket, i, k->slot);

	return k->indirect ? mrt_load((void **)(void *)slot) : slot;
}
static inline uint8_t *map_slot_at(uint8_t *bucket, unsigned i, unsigned kb, uint32_t slot_bytes)
{
	return bucket + MAP_SLOTS + MAP_SLOTS * kb + (size_t)i * slot_bytes;
}
/* The overflow word is read by the marker in pointer buckets: relaxed atomic everywhere. */
static inline void **map_overflow_slot(uint8_t *bucket, uint32_t bucket_bytes)
{
	return (void **)(void *)(bucket + bucket_bytes - sizeof(void *));
}
static inline uint8_t *map_overflow(uint8_t *bucket, uint32_t bucket_bytes)
{
	return mrt_load(map_overflow_slot(bucket, bucket_bytes));
}
/* The overflow word: a pointer with its barrier, or an integer in noscan buckets. */
static inline void map_overflow_set(struct sched_g *g, const struct mrt_map_type *mt,
				    uint8_t *bucket, uint8_t *next)
{
	void **slot = map_overflow_slot(bucket, mt->bucket_bytes);

	if (mt->has_pointers)
		gc_store(g, slot, next);
	else
		__atomic_store_n(slot, next, __ATOMIC_RELAXED);
}
static inline bool map_evacuated(const uint8_t *bucket)
{
	return bucket[0] >= MAP_EVACUATED_X && bucket[0] <= MAP_EVACUATED_EMPTY;
}
/* What an element's slot stands for: the element itself, or the object it points to. */
static inline void *map_elem_at(const struct mrt_map_type *mt, uint8_t *bucket, unsigned i,
				unsigned kb)
{
	uint8_t *slot = map_slot_at(bucket, i, kb, mt->slot_bytes);

	return mt->indirect ? mrt_load((void **)(void *)slot) : slot;
}

/* ---- hash */

/* Of a colliding map the seed's low bits say how many bits of the bucket's number are zero; the
 * tophash is as good as ever. The flag changes with the seed alone, when the map is empty. */
static inline __attribute__((always_inline)) uint64_t
map_hash_key(const struct mrt_map *m, const struct map_keys *k, struct map_key key)
{
	uint64_t hash = map_key_hash(k, key, m->hash0);

	if (PRIM_UNLIKELY(map_flag(m, MAP_COLLIDING)))
		hash &= UINT64_MAX << (m->hash0 & MAP_COLLIDE_BITS);
	return hash;
}
/* The same for an operation that begins: dies if a writer is at work. One load of the flags for both; they are
 * *ret_flags. */
static inline __attribute__((always_inline)) uint64_t
map_hash_alone(const struct mrt_map *m, const struct map_keys *k, struct map_key key,
	       const char *text, uint8_t *ret_flags)
{
	uint64_t hash = map_key_hash(k, key, m->hash0);
	uint8_t flags = map_flags(m);

	if (PRIM_UNLIKELY(flags & (MAP_COLLIDING | MAP_WRITING))) {
		if (flags & MAP_WRITING)
			map_die(text);
		hash &= UINT64_MAX << (m->hash0 & MAP_COLLIDE_BITS);
	}
	*ret_flags = flags;
	return hash;
}
static inline __attribute__((always_inline)) uint64_t
map_hash_to_read(const struct mrt_map *m, const struct map_keys *k, struct map_key key)
{
	uint8_t flags;

	return map_hash_alone(m, k, key, "fatal error: concurrent map read and map write\n", &flags);
}
/* Holds the flag from here on: map_write_ends. */
static inline __attribute__((always_inline)) uint64_t
map_hash_to_write(struct mrt_map *m, const struct map_keys *k, struct map_key key)
{
	uint8_t flags;
	uint64_t hash = map_hash_alone(m, k, key, "fatal error: concurrent map writes\n", &flags);

	atomic_store_explicit(&m->flags, flags ^ MAP_WRITING, memory_order_relaxed);
	return hash;
}
/* An integer key. */
static inline uint64_t map_hash(const struct mrt_map *m, uint64_t key, unsigned kb)
{
	return map_hash_key(m, kb == 8 ? &map_keys_u64 : &map_keys_u32, (struct map_key){.word = key});
}

/* ---- search */

#define MAP_BYTES(x) (0x0101010101010101ull * (x))

static inline uint64_t map_tops(const uint8_t *bucket)
{
	uint64_t word;

	memcpy(&word, bucket, 8);
	return word;
}
/* Bit 7 of each byte of `word` that is zero; bytes above the first zero may be reported falsely. */
static inline uint64_t map_zero_bytes(uint64_t word)
{
	return (word - MAP_BYTES(1)) & ~word & MAP_BYTES(0x80);
}
static inline unsigned map_first_byte(uint64_t marks)
{
	return (unsigned)__builtin_ctzll(marks) >> 3;
}

struct map_place {
	uint8_t *bucket; /* found: the cell's; else the first with an empty cell, NULL: none has one
			  */
	uint8_t *tail;	 /* not found: the last bucket looked at */
	unsigned i;
};

/*
 * Search one chain for a key; without it, the place where it would go. *ret comes zeroed. A byte
 * falsely reported by map_zero_bytes belongs to a live cell (its top hash differs in the lowest
 * bit), whose key cannot match.
 */
static inline __attribute__((always_inline)) bool map_search(uint8_t *bucket, uint32_t bucket_bytes,
							     struct map_key key, uint64_t hash,
							     const struct map_keys *k,
							     struct map_place *ret)
{
	const uint64_t wanted = MAP_BYTES(map_top_of(hash));

	for (;;) {
		uint64_t tops = map_tops(bucket), marks = map_zero_bytes(tops ^ wanted);
		uint8_t *next;

		for (; marks != 0; marks &= marks - 1) {
			unsigned i = map_first_byte(marks);

			if (map_key_equal(k, map_key_place(k, bucket, i), key)) {
				ret->bucket = bucket;
				ret->i = i;
				return true;
			}
		}
		if (ret->bucket == NULL) {
			uint64_t empty = map_zero_bytes(tops & MAP_BYTES(0xfe));

			if (empty != 0) {
				ret->bucket = bucket;
				ret->i = map_first_byte(empty);
			}
		}
		ret->tail = bucket;
		if (map_zero_bytes(tops) != 0) /* an empty_rest: nothing behind */
			return false;
		next = map_overflow(bucket, bucket_bytes);
		if (next == NULL)
			return false;
		bucket = next;
		prim_step(PRIM_COST_MAP_BUCKET);
	}
}

/* The chain in which a key is to be sought: the old one until it is evacuated. */
static inline uint8_t *map_chain(const struct mrt_map *m, uint64_t hash, uint32_t bucket_bytes)
{
	if (PRIM_UNLIKELY(map_growing(m))) {
		uint8_t *old = m->old_buckets + (hash & (map_old_count(m) - 1)) * bucket_bytes;

		if (!map_evacuated(old))
			return old;
	}
	return m->buckets + (hash & map_mask(m->b)) * bucket_bytes;
}

/* ---- map_grow.c */

/* Overflow buckets an operation has set aside before its first store. `fresh` is pinned by the
 * operation. */
struct map_reserve {
	uint8_t *fresh;
	uint64_t nfresh;
};

/* Buckets for 2^b with the spare ones; *ret_spare NULL when there are none. Safepoint. -ENOMEM. */
int map_array_alloc(struct sched_g *g, const struct mrt_map_type *mt, uint8_t b,
		    uint8_t **ret_array, uint8_t **ret_spare);
/* Buckets of an array for 2^b, spare ones included. */
uint64_t map_array_count(uint32_t bucket_bytes, bool noscan, uint8_t b);
/* Mark the last bucket of an array as the last spare one; returns the first. */
uint8_t *map_array_spares(struct sched_g *g, const struct mrt_map_type *mt, uint8_t *array,
			  uint8_t b, uint64_t n);
/* extra exists. Safepoint. -ENOMEM. */
int map_extra_ensure(struct sched_g *g, struct mrt_map *m);
/* What a fresh array for 2^b needs beside it: extra, if it has spare buckets or a list; the list of
 * overflow buckets of a noscan map (else NULL), not hung in yet. Safepoint. -ENOMEM. */
int map_lists_alloc(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint8_t b,
		    bool spares, struct map_list **ret);
/* Make sure that map_overflow_take works n times. Safepoint. -ENOMEM: nothing visible changed. */
int map_reserve(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint64_t n,
		struct map_reserve *ret);
/* Link a reserved overflow bucket behind `tail`. Cannot fail. */
uint8_t *map_overflow_take(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
			   uint8_t *tail, struct map_reserve *r);
/* Start growing: larger or same size, by Go's rule. Safepoint. -ENOMEM (map/grow: its errno): nothing
 * visible changed. */
int map_grow_start(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m);
/* The gate of map/grow is armed, and the map has no need to grow: does it all the same? Twice the
 * buckets when it is half as full as one that must grow, else as many: so memory stays bounded. True:
 * it has begun. Safepoint. */
bool map_grow_forced(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m);
/* map/iterate has fired (reorder) at a map that does not grow: it begins to, as for map_grow_forced,
 * and `bucket`'s chain and one more move. Safepoint. */
void map_grow_midway(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		     uint64_t bucket, uint64_t firing);
/* Evacuate the old bucket behind `bucket` and one more, as far as memory allows. inserts: the bucket
 * may get a new key after this, so its old one must not be left where it is by choice. Safepoint. */
void map_grow_work(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		   uint64_t bucket, bool inserts);

/* ---- map_iter.c */

/* mrt_map_iter_next of a map that others read at the same time, without a lock: map/iterate, which may make it grow, is passed by. */
bool map_iter_next_shared(mrt_g *g, struct mrt_map_iter *it);
/* ---- map.c */

/* A function for integer keys was given a map of others. */
_Noreturn void map_not_integer(void) __attribute__((cold));
/* The cell of a key, whatever its kind. No safepoint. */
bool map_find(const struct mrt_map_type *mt, const struct mrt_map *m, struct map_key key,
	      struct map_place *ret);
/* A new seed, for a map without entries: nothing has been placed by the old one. */
void map_seed(struct sched_g *g, struct mrt_map *m);
/* For reports: an integer key, or a hash. */
static inline uint64_t map_key_word(const struct map_keys *k, struct map_key key, uint64_t hash)
{
	return map_key_is_int(k) ? key.word : hash;
}

/* ---- writing and clearing what lies in slots; `type` is that of the slot's content. No safepoint. */

static inline void map_typed_write(struct sched_g *g, const struct mrt_type *type, void *dst,
				   const void *src)
{
	if (type->ptr_words == 0) {
		if (type->size == 8)
			memcpy(dst, src, 8);
		else
			memcpy(dst, src, type->size);
	} else if (type->size == sizeof(void *)) {
		map_store(g, dst, mrt_load((void *const *)src));
	} else {
		gc_copy_typed(g, type, dst, src, 1);
	}
}
static inline void map_typed_clear(struct sched_g *g, const struct mrt_type *type, void *dst)
{
	if (type->ptr_words == 0) {
		if (type->size == 8)
			memset(dst, 0, 8);
		else
			memset(dst, 0, type->size);
	} else if (type->size == sizeof(void *)) {
		map_store(g, dst, NULL);
	} else {
		gc_clear_typed(g, type, dst, 1);
	}
}

/* ---- map_check.c */

int map_check(void *obj, char *text, size_t cap);
