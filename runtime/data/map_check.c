/*
 * map_check.c: the invariants of map_priv.h (M1..M6), coded once.  The world is stopped; a map is
 * whole at every safepoint, also in the middle of a growth or of a waiting operation.  The check
 * needs no type: the header's shape (map_type.c) says how to read the buckets.  It takes time in proportion to
 * the map.
 */
#include "runtime/data/map_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A walk over one map: its layout, and what was counted. */
struct map_walk {
	struct mrt_map *m;
	const struct map_shape *shape;
	uint32_t bucket_bytes;
	uint64_t live, overflow;
	char *text;
	size_t cap;
};

static __attribute__((format(printf, 2, 3))) int map_broken(struct map_walk *w, const char *format,
							    ...)
{
	int n = snprintf(w->text, w->cap, "map %p: ", (void *)w->m);
	va_list args;

	if (n < 0 || (size_t)n >= w->cap)
		return -EUCLEAN;
	va_start(args, format);
	vsnprintf(w->text + n, w->cap - (size_t)n, format, args);
	va_end(args);
	return -EUCLEAN;
}

/* M2 for one live cell of the chain that a search for its key enters. Of a NaN nothing is known. */
static int map_check_cell(struct map_walk *w, uint8_t *head, uint8_t *bucket, unsigned i)
{
	const struct map_keys *k = &w->shape->keys;
	const void *place = map_key_place(k, bucket, i);
	struct map_place at = {0};
	struct map_key key;
	uint64_t hash;

	w->live++;
	if (place == NULL)
		return map_broken(w, "M2 a live cell without its key");
	if (!map_key_whole(k, place))
		return 0;
	key = map_key_from(k, place);
	hash = map_hash_key(w->m, k, key);
	if (bucket[i] != map_top_of(hash))
		return map_broken(w, "M2 key %" PRIu64 " has tophash %u, not %u",
				  map_key_word(k, key, hash), bucket[i], map_top_of(hash));
	if (map_chain(w->m, hash, w->bucket_bytes) != head)
		return map_broken(w,
				  "M2 key %" PRIu64 " lies in a chain that its hash does not choose",
				  map_key_word(k, key, hash));
	if (!map_search(head, w->bucket_bytes, key, hash, k, &at) || at.bucket != bucket ||
	    at.i != i)
		return map_broken(w, "M2 key %" PRIu64 " is not found where it lies",
				  map_key_word(k, key, hash));
	return 0;
}

/* M2, M3 over one chain that is not evacuated. */
static int map_check_chain(struct map_walk *w, uint8_t *head, uint64_t *ret_overflow)
{
	bool rest = false, one = false; /* seen empty_rest; the last cell was empty_one */
	uint64_t buckets = 0;
	int rc;

	for (uint8_t *b = head; b != NULL; b = map_overflow(b, w->bucket_bytes)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++) {
			uint8_t top = b[i];

			if (top > MAP_EMPTY_ONE && top < MAP_TOP_MIN)
				return map_broken(
					w, "M4 cell marked evacuated (%u) in a chain that is not",
					top);
			if (rest && top != MAP_EMPTY_REST)
				return map_broken(w, "M3 tophash %u behind empty_rest", top);
			if (one && top == MAP_EMPTY_REST)
				return map_broken(w, "M3 empty_one before empty_rest");
			rest = top == MAP_EMPTY_REST;
			one = top == MAP_EMPTY_ONE;
			rc = top >= MAP_TOP_MIN ? map_check_cell(w, head, b, i) : 0;
			if (rc < 0)
				return rc;
		}
		buckets++;
	}
	if (one)
		return map_broken(w, "M3 a chain ends in empty_one");
	*ret_overflow += buckets - 1;
	return 0;
}

static bool map_chain_unused(struct map_walk *w, uint8_t *head)
{
	return map_tops(head) == 0 && map_overflow(head, w->bucket_bytes) == NULL;
}

/* M4 for one old bucket. */
static int map_check_old(struct map_walk *w, uint64_t index)
{
	uint64_t nold = map_old_count(w->m), not_counted = 0;
	uint8_t *old = w->m->old_buckets + index * w->bucket_bytes;

	if (map_evacuated(old)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++)
			if (old[i] < MAP_EVACUATED_X || old[i] > MAP_EVACUATED_EMPTY)
				return map_broken(
					w, "M4 old bucket %" PRIu64 " is evacuated in part", index);
		return 0;
	}
	if (index < map_nevacuate(w->m))
		return map_broken(w, "M4 old bucket %" PRIu64 " is not evacuated", index);
	if (!map_chain_unused(w, w->m->buckets + index * w->bucket_bytes) ||
	    (!map_same_size(w->m) &&
	     !map_chain_unused(w, w->m->buckets + (index + nold) * w->bucket_bytes)))
		return map_broken(w, "M4 destination of old bucket %" PRIu64 " is in use", index);
	return map_check_chain(w, old, &not_counted);
}

/* M5 */
static int map_check_overflow(struct map_walk *w)
{
	const struct map_extra *extra = w->m->extra;
	uint64_t listed = extra != NULL && extra->overflow != NULL ? extra->overflow->len : 0;

	if (w->m->b < 16 && w->m->noverflow != UINT16_MAX && w->m->noverflow != w->overflow)
		return map_broken(w, "M5 noverflow is %u, of %" PRIu64 " overflow buckets",
				  w->m->noverflow, w->overflow);
	if (!w->shape->pointers && w->m->b > 0 && (extra == NULL || extra->overflow == NULL))
		return map_broken(w, "M5 no list of overflow buckets");
	if (!w->shape->pointers && listed != w->overflow)
		return map_broken(w, "M5 %" PRIu64 " of %" PRIu64 " overflow buckets listed",
				  listed, w->overflow);
	if (!map_growing(w->m) && extra != NULL && extra->old_overflow != NULL)
		return map_broken(w, "M5 an old overflow list without old buckets");
	return 0;
}

/* M6: an array of 2^b buckets is an object of its own that has room for them. */
static int map_check_room(struct map_walk *w, const uint8_t *array, uint64_t buckets)
{
	struct mem_obj o;

	if (array == NULL)
		return 0;
	if (!mem_find(array, &o) || o.base != (uintptr_t)array)
		return map_broken(w, "M6 bucket array %p is no object", (const void *)array);
	if (mem_obj_bytes(&o) < buckets * w->bucket_bytes)
		return map_broken(w, "M6 %" PRIu64 " buckets of %u bytes in an object of %zu", buckets,
				  w->bucket_bytes, mem_obj_bytes(&o));
	return 0;
}

int map_check(void *obj, char *text, size_t cap)
{
	struct map_walk w = {.m = obj, .text = text, .cap = cap};
	uint16_t shape = map_shape_number(w.m);
	int rc = 0;

	if (shape == 0) /* being made */
		return 0;
	w.shape = map_shape_at(shape);
	w.bucket_bytes = w.shape->bucket_bytes;
	if (w.m->buckets == NULL)
		return w.m->count == 0
			       ? 0
			       : map_broken(&w, "M1 count %" PRIu64 " without buckets", w.m->count);
	rc = map_check_room(&w, w.m->buckets, map_mask(w.m->b) + 1);
	if (rc == 0 && map_growing(w.m))
		rc = map_check_room(&w, w.m->old_buckets, map_old_count(w.m));
	if (rc < 0)
		return rc;
	if (map_growing(w.m) && map_nevacuate(w.m) >= map_old_count(w.m))
		return map_broken(&w, "M4 an old array that is wholly evacuated");
	for (uint64_t i = 0; rc == 0 && map_growing(w.m) && i < map_old_count(w.m); i++)
		rc = map_check_old(&w, i);
	for (uint64_t i = 0; rc == 0 && i <= map_mask(w.m->b); i++)
		rc = map_check_chain(&w, w.m->buckets + i * w.bucket_bytes, &w.overflow);
	if (rc == 0)
		rc = map_check_overflow(&w);
	if (rc == 0 && w.live != w.m->count)
		rc = map_broken(&w, "M1 count is %" PRIu64 ", of %" PRIu64 " live cells",
				w.m->count, w.live);
	return rc;
}
