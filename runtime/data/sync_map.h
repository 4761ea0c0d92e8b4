/*
 * sync_map.h: the layout of a sync.Map, and what its states mean (sync/map.go of Go 1.19, the same to 1.23).
 *
 *   read   {map, amended}, an object that is replaced and never changed after it was published; nor is its map. Its entries are.
 *   dirty  the map of the next read, under the lock: all entries of read but the expunged ones, and the new keys
 *   entry  p: a value; NULL: deleted (and still in dirty, if there is one); expunged: deleted, and not in dirty
 *
 * Without the lock an entry goes from value or NULL to value, and from value to NULL. Under it from NULL to expunged (while a dirty map
 * is made), and from expunged to value (once it is in the dirty map).
 *
 * Invariants (coded in sync_map_check.c):
 *  S1  amended, the dirty map and the spare read object are there together, or none of them
 *  S2  misses is below the number of dirty's keys; 0 without dirty
 *  S3  while nobody holds the lock: an entry of read is expunged exactly if there is a dirty map that lacks its key; else dirty, if there
 *      is one, has this very entry
 *  S4  an entry of dirty that is not in read has a value
 */
#pragma once

#include "runtime/data/map_priv.h"

struct sync_entry {
	void *p;
};

struct sync_read {
	struct mrt_map *map; /* NULL: empty */
	uint64_t amended;    /* dirty has keys that map lacks */
};

struct mrt_sync_map {
	mrt_mutex lock;
	struct sync_read *read; /* NULL: empty, not amended. Atomic; written under the lock */
	struct mrt_map *dirty;	/* this and the rest: under the lock */
	struct sync_read *spare; /* for the promotion of dirty, so that it allocates nothing */
	uint64_t misses;
};
_Static_assert(sizeof(struct mrt_sync_map) == 64, "the mask of sync_map_type");

extern const struct mrt_type sync_map_type;
extern struct mrt_map_type sync_map_entries; /* of both maps: key to entry */

/* Outside the heap: the marker passes it by. Never dereferenced. */
extern const char sync_map_expunged[8];
#define SYNC_MAP_EXPUNGED ((void *)(uintptr_t)sync_map_expunged)

/* Part of data_init. */
void sync_map_init(void);
int sync_map_check(void *obj, char *text, size_t cap);

/* Acquire: pairs with the release of gc_store and gc_cas: who finds it finds what it points to whole. */
#define sync_map_acquire(slot) __atomic_load_n((slot), __ATOMIC_ACQUIRE)

static inline struct mrt_map *sync_map_read_map(const struct sync_read *read)
{
	return read != NULL ? mrt_load((void *const *)&read->map) : NULL;
}
static inline bool sync_map_amended(const struct sync_read *read)
{
	return read != NULL && read->amended != 0;
}
/* NULL: the key is not there. No safepoint. */
static inline struct sync_entry *sync_map_find(struct mrt_map *map, uint64_t key)
{
	void *const *slot = mrt_map_get(NULL, &sync_map_entries, map, key);

	return slot != NULL ? mrt_load(slot) : NULL;
}
