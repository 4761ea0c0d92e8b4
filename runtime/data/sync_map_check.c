/*
 * sync_map_check.c: the invariants of sync_map.h (S1..S4), coded once. The world is stopped. Whoever holds the lock may be in the middle
 * of making a dirty map, or between putting an expunged entry into it and the entry's value: S3 waits for him.
 */
#include "runtime/data/sync_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct sync_map_walk {
	const struct mrt_sync_map *m;
	struct mrt_map *read, *dirty;
	bool locked;
	char *text;
	size_t cap;
};

typedef int sync_map_walk_fn(struct sync_map_walk *w, uint64_t key, const struct sync_entry *e);

static int sync_map_broken(const struct sync_map_walk *w, const char *what, uint64_t figure)
{
	snprintf(w->text, w->cap, "sync map %p: %s %" PRIu64, (const void *)w->m, what, figure);
	return -EUCLEAN;
}

static int sync_map_walk_chain(struct sync_map_walk *w, uint8_t *bucket, sync_map_walk_fn *fn)
{
	const struct mrt_map_type *mt = &sync_map_entries;

	for (; bucket != NULL; bucket = map_overflow(bucket, mt->bucket_bytes)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++) {
			int rc = 0;

			if (bucket[i] >= MAP_TOP_MIN)
				rc = fn(w, map_key_load(bucket, i, 8),
					mrt_load(map_elem_at(mt, bucket, i, 8)));
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* Every entry of one map: of both arrays while it grows; evacuated cells are below MAP_TOP_MIN. */
static int sync_map_walk(struct sync_map_walk *w, const struct mrt_map *map, sync_map_walk_fn *fn)
{
	uint32_t bytes = sync_map_entries.bucket_bytes;
	int rc = 0;

	if (map == NULL || map->buckets == NULL)
		return 0;
	for (uint64_t i = 0; rc == 0 && i <= map_mask(map->b); i++)
		rc = sync_map_walk_chain(w, map->buckets + i * bytes, fn);
	for (uint64_t i = 0; rc == 0 && map_growing(map) && i < map_old_count(map); i++)
		rc = sync_map_walk_chain(w, map->old_buckets + i * bytes, fn);
	return rc;
}

/* As sync_map_find, but whoever holds the lock may be in the middle of a put into the dirty map: with the world stopped that map is whole. */
static const struct sync_entry *sync_map_check_find(const struct mrt_map *map, uint64_t key)
{
	const struct mrt_map_type *mt = &sync_map_entries;
	struct map_place at;

	if (map == NULL || map->buckets == NULL ||
	    !map_find(mt, map, (struct map_key){.word = key}, &at))
		return NULL;
	return mrt_load(map_elem_at(mt, at.bucket, at.i, 8));
}

/* S3 */
static int sync_map_check_read(struct sync_map_walk *w, uint64_t key, const struct sync_entry *e)
{
	const struct sync_entry *other = sync_map_check_find(w->dirty, key);
	bool expunged = mrt_load(&e->p) == SYNC_MAP_EXPUNGED;

	if (other != NULL && other != e)
		return sync_map_broken(w, "S3 read and dirty have different entries of key", key);
	if (w->locked)
		return 0;
	if (expunged && w->dirty == NULL)
		return sync_map_broken(w, "S3 there is no dirty map, but expunged is key", key);
	if (expunged && other != NULL)
		return sync_map_broken(w, "S3 dirty has the expunged key", key);
	if (!expunged && w->dirty != NULL && other == NULL)
		return sync_map_broken(w, "S3 dirty lacks key", key);
	return 0;
}

/* S4 */
static int sync_map_check_dirty(struct sync_map_walk *w, uint64_t key, const struct sync_entry *e)
{
	if (mrt_load(&e->p) == SYNC_MAP_EXPUNGED && sync_map_check_find(w->read, key) == NULL)
		return sync_map_broken(w, "S4 dirty alone has the expunged key", key);
	return 0;
}

/* S1, S2. Whoever clears the map publishes read, then misses, then clears dirty. */
static int sync_map_check_parts(const struct sync_map_walk *w)
{
	const struct mrt_sync_map *m = w->m;
	uint64_t keys = m->dirty != NULL ? mrt_map_count(m->dirty) : 0;
	bool amended = sync_map_amended(m->read);

	if ((m->dirty != NULL) != (m->spare != NULL))
		return sync_map_broken(w, "S1 dirty and spare are not together: dirty's keys are", keys);
	if (amended ? m->dirty == NULL : m->dirty != NULL && m->read != NULL)
		return sync_map_broken(w, "S1 dirty does not go with read: amended is", amended);
	if (amended ? m->misses >= keys : m->misses != 0)
		return sync_map_broken(w, "S2 misses is", m->misses);
	if (!amended && keys != 0 && !w->locked)
		return sync_map_broken(w, "S2 read is not amended, but dirty's keys are", keys);
	return 0;
}

int sync_map_check(void *obj, char *text, size_t cap)
{
	const struct mrt_sync_map *m = obj;
	struct sync_map_walk w = {
		.m = m,
		.read = sync_map_read_map(m->read),
		.dirty = m->dirty,
		.locked = (atomic_load_explicit(&m->lock.state, memory_order_relaxed) &
			   MRT_MUTEX_LOCKED) != 0,
		.text = text,
		.cap = cap,
	};
	int rc = sync_map_check_parts(&w);

	if (rc < 0)
		return rc;
	rc = sync_map_walk(&w, w.read, sync_map_check_read);
	return rc == 0 ? sync_map_walk(&w, w.dirty, sync_map_check_dirty) : rc;
}
