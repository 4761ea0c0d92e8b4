/*
 * sync_map.h: the layout of a sync.Map, and what its states mean (sync/map.go of Go 1.19; the same to 1.23, which has
 * more operations).
 *
 *   read   {map, amended}, an object that is replaced and never changed after it was published; nor is its map. Its entries are.
 *   dirty  the map of the next read, under the lock: all entries of read but the expunged ones, and the new keys
 *   entry  p: a value; NULL: deleted (and still in dirty, if there is one); expunged: deleted, and not in dirty
 *
 * Without the lock an entry goes from value or NULL to value, and from value to NULL. Under it from NULL to expunged (while a dirty map
 * is made), and from expunged to value (once it is in the dirty map).
 *
 * Invariants (coded in sync_map_check.c):
 *  S1  the dirty map and the spare read object are there together, or neither; with them read is amended, or, since the map was cleared,
 *      NULL
 *  S2  misses is below the number of dirty's keys; when read is not amended both are 0
 *  S3  while nobody holds the lock: an entry of read is expunged exactly if there is a dirty map that lacks its key; else dirty, if there
 *      is one, has this very entry
 *  S4  an entry of dirty that is not in read is not expunged (it is NULL when it was compared and deleted)
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
	uint64_t misses; /* written by map_set: mrt_sync_map_look looks */
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

static inline struct sync_read *sync_map_read(mrt_sync_map *m)
{
	return sync_map_acquire(&m->read);
}
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

/* ---- sync_map_dirty.c, the lock held */

/* The dirty map becomes the read one. No safepoint, no allocation. */
void sync_map_promote_locked(struct sched_g *g, mrt_sync_map *m);
/* A key was looked up in dirty, be it there or not. No safepoint. */
void sync_map_missed_locked(struct sched_g *g, mrt_sync_map *m);
/* A key that neither part has. -ENOMEM: unchanged. Safepoints. */
int sync_map_insert_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value);
/* An entry of read is about to get a value: if it is expunged it must be in dirty before. *slot: a root. -ENOMEM. Safepoint. */
int sync_map_unexpunge_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void **slot);
