/*
 * sync_map_dirty.c: how a sync.Map's dirty map is made, gets new keys, and becomes the read one. All of it under the map's lock.
 *
 * Out of memory. What a new key needs is allocated before the first visible change; while a dirty map is made, entries of read are
 * expunged, and when it is refused halfway that is taken back under the same lock (nobody stores to an expunged entry without it). An
 * entry that comes back from expunged is put into dirty first and gets its value after. Promotion uses a read object that was allocated
 * with the dirty map: so loads, deletions and Range cannot fail.
 */
#include "runtime/data/sync_map.h"

static const uint64_t sync_map_pointer_mask = 1;
static const struct mrt_type sync_map_read_type = {"sync.map.read", sizeof(struct sync_read), 1,
						   &sync_map_pointer_mask};
static const struct mrt_type sync_map_entry_type = {"sync.map.entry", sizeof(struct sync_entry), 1,
						    &sync_map_pointer_mask};

/* ------------------------------------------------------------------ promotion */

void sync_map_promote_locked(struct sched_g *g, mrt_sync_map *m)
{
	struct sync_read *read = m->spare;

	prim_step(PRIM_COST_ATOMIC);
	gc_store(g, (void **)&read->map, m->dirty);
	gc_store(g, (void **)&m->read, read);
	gc_store(g, (void **)&m->dirty, NULL);
	gc_store(g, (void **)&m->spare, NULL);
	map_set(m->misses, 0);
}

void sync_map_missed_locked(struct sched_g *g, mrt_sync_map *m)
{
	map_set(m->misses, m->misses + 1);
	if (m->misses >= mrt_map_count(m->dirty))
		sync_map_promote_locked(g, m);
}

/* -------------------------------------------------------------- copy and amend */

/* Is it deleted, and so is not to be in the dirty map that is made? No safepoint. */
static bool sync_map_entry_expunge_locked(struct sched_g *g, struct sync_entry *e)
{
	for (;;) {
		void *p = sync_map_acquire(&e->p);

		if (p != NULL)
			return p == SYNC_MAP_EXPUNGED;
		if (gc_cas(g, &e->p, NULL, SYNC_MAP_EXPUNGED))
			return true;
	}
}

/* All entries of read that are not deleted into dirty; the others are expunged. -ENOMEM: in part. Safepoints. */
static int sync_map_copy_locked(mrt_g *g, struct mrt_map *read, struct mrt_map *dirty)
{
	int rc = 0;
	MRT_ROOTS(g, root, 1);
	MRT_MAP_ITER(g, &sync_map_entries, read, it);

	while (rc == 0 && map_iter_next_shared(g, &it)) {
		root[0] = mrt_load(it.elem);
		if (!sync_map_entry_expunge_locked(sched_of(g), root[0]))
			rc = mrt_map_put(g, &sync_map_entries, dirty, it.key, &root[0]);
	}
	return rc;
}

/* Take back what sync_map_copy_locked has expunged: there was no dirty map, so nothing was before. Safepoints. */
static void sync_map_restore_locked(mrt_g *g, struct mrt_map *read)
{
	MRT_MAP_ITER(g, &sync_map_entries, read, it);

	while (map_iter_next_shared(g, &it)) {
		struct sync_entry *e = mrt_load(it.elem);

		if (sync_map_acquire(&e->p) == SYNC_MAP_EXPUNGED)
			gc_cas(sched_of(g), &e->p, SYNC_MAP_EXPUNGED, NULL);
	}
}

enum { AMEND_ENTRY, AMEND_READ, AMEND_SPARE, AMEND_DIRTY, AMEND_ROOTS };

/* The dirty map that is there, which mrt_sync_map_clear has left empty, with its spare; or new ones. Safepoints. */
static int sync_map_amend_dirty_locked(mrt_g *g, mrt_sync_map *m, struct mrt_map *read, void **roots)
{
	int rc;

	roots[AMEND_DIRTY] = m->dirty;
	roots[AMEND_SPARE] = m->spare;
	if (m->dirty != NULL)
		return 0;
	rc = mrt_new(g, &sync_map_read_type, &roots[AMEND_SPARE]);
	if (rc < 0)
		return rc;
	return mrt_map_new(g, &sync_map_entries, (int64_t)mrt_map_count(read), &roots[AMEND_DIRTY]);
}

/* What an amended map needs, in order; the entries are copied, and the new one is among them. Safepoints. */
static int sync_map_amend_prepare_locked(mrt_g *g, mrt_sync_map *m, struct mrt_map *read,
					 uint64_t key, void **roots)
{
	int rc = mrt_new(g, &sync_map_read_type, &roots[AMEND_READ]);

	if (rc == 0)
		rc = sync_map_amend_dirty_locked(g, m, read, roots);
	if (rc < 0)
		return rc;
	rc = sync_map_copy_locked(g, read, roots[AMEND_DIRTY]);
	if (rc == 0)
		rc = mrt_map_put(g, &sync_map_entries, roots[AMEND_DIRTY], key,
				 &roots[AMEND_ENTRY]);
	if (rc < 0)
		sync_map_restore_locked(g, read);
	return rc;
}

/* The first new key since read was published. -ENOMEM: unchanged. Safepoints. */
static int sync_map_amend_locked(mrt_g *pub, mrt_sync_map *m, uint64_t key, void **roots)
{
	struct mrt_map *map = sync_map_read_map(m->read);
	struct sched_g *g = sched_of(pub);
	struct sync_read *read;
	int rc = sync_map_amend_prepare_locked(pub, m, map, key, roots);

	if (rc < 0)
		return rc;
	read = roots[AMEND_READ];
	gc_store(g, (void **)&read->map, map);
	read->amended = 1;
	gc_store(g, (void **)&m->dirty, roots[AMEND_DIRTY]);
	gc_store(g, (void **)&m->spare, roots[AMEND_SPARE]);
	gc_store(g, (void **)&m->read, read);
	return 0;
}

int sync_map_insert_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value)
{
	struct sync_entry *e;
	int rc;
	MRT_ROOTS(g, roots, AMEND_ROOTS);

	rc = mrt_new(g, &sync_map_entry_type, &roots[AMEND_ENTRY]);
	if (rc < 0)
		return rc;
	e = roots[AMEND_ENTRY];
	gc_store(sched_of(g), &e->p, value);
	if (sync_map_amended(m->read))
		return mrt_map_put(g, &sync_map_entries, m->dirty, key, &roots[AMEND_ENTRY]);
	return sync_map_amend_locked(g, m, key, roots);
}

int sync_map_unexpunge_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void **slot)
{
	struct sync_entry *e = *slot;

	if (sync_map_acquire(&e->p) != SYNC_MAP_EXPUNGED)
		return 0;
	return mrt_map_put(g, &sync_map_entries, m->dirty, key, slot);
}
