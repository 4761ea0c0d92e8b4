/*
 * sync_map.c: sync.Map of Go up to 1.23; sync_map.h has the layout and the states.
 *
 * Readers take no lock because what they read is never written after it was published with release: the read object, its map, the
 * buckets. Only the entries change, by compare and swap. Nothing that a reader holds can be freed under it: it reaches no safepoint
 * between its load of `read` and that of the entry.
 *
 * Out of memory. A store allocates everything before its first visible change; while it builds a dirty map it expunges entries of read,
 * and when it is refused halfway it takes that back under the same lock (nobody stores to an expunged entry without it). An entry that
 * comes back from expunged is put into dirty first and gets its value after. Promotion uses a read object that was allocated with the
 * dirty map: so loads, deletions and Range cannot fail.
 *
 * The lock is a goroutine's: safepoints under it are allowed, and the heap check sees the states in between (sync_map_check.c).
 */
#include "runtime/data/sync_map.h"

#include <errno.h>

/* words: lock (4), read*, dirty*, spare*, misses */
static const uint64_t sync_map_mask = 0x70, sync_map_pointer_mask = 1;
const struct mrt_type sync_map_type = {"sync.map", sizeof(struct mrt_sync_map), 7, &sync_map_mask};
static const struct mrt_type sync_map_read_type = {"sync.map.read", sizeof(struct sync_read), 1,
						   &sync_map_pointer_mask};
static const struct mrt_type sync_map_entry_type = {"sync.map.entry", sizeof(struct sync_entry), 1,
						    &sync_map_pointer_mask};
struct mrt_map_type sync_map_entries;
const char sync_map_expunged[8];

void sync_map_init(void)
{
	/* Cannot fail: 8-byte keys, pointer elements. */
	(void)mrt_map_type_init(&sync_map_entries, MRT_KEY_U64, &map_pointer_type);
	gc_check_register(&sync_map_type, sync_map_check);
}

int mrt_sync_map_new(mrt_g *g, void **ret_map)
{
	return mrt_new(g, &sync_map_type, ret_map);
}

/* -------------------------------------------------------------------- entries */

/* NULL: deleted, expunged or not. */
static void *sync_map_entry_load(const struct sync_entry *e)
{
	void *p = sync_map_acquire(&e->p);

	return p != SYNC_MAP_EXPUNGED ? p : NULL;
}

/* False: expunged. Safepoint. */
static bool sync_map_entry_store(mrt_g *g, struct sync_entry *e, void *value)
{
	MRT_ROOTS(g, root, 1);

	root[0] = e;
	for (;;) {
		void *p = sync_map_acquire(&e->p);

		if (p == SYNC_MAP_EXPUNGED)
			return false;
		if (mrt_cas(g, &e->p, p, value))
			return true;
	}
}

/* The lock is held, and dirty has e. Safepoint. */
static void sync_map_entry_store_locked(mrt_g *g, struct sync_entry *e, void *value)
{
	if (sync_map_entry_store(g, e, value))
		return;
	/* Nobody else takes an entry out of this state. */
	if (!mrt_cas(g, &e->p, SYNC_MAP_EXPUNGED, value))
		prim_die(134, "sync map: an expunged entry has changed under the lock\n");
}

/* What the entry holds, or `value` and *ret_loaded false; NULL: expunged. Safepoint before the value is known, not after. */
static void *sync_map_entry_load_or_store(mrt_g *g, struct sync_entry *e, void *value,
					  bool *ret_loaded)
{
	MRT_ROOTS(g, root, 1);

	root[0] = e;
	for (;;) {
		void *p = sync_map_acquire(&e->p);

		if (p == SYNC_MAP_EXPUNGED)
			return NULL;
		*ret_loaded = p != NULL;
		if (p != NULL)
			return p;
		if (mrt_cas(g, &e->p, NULL, value))
			return value;
	}
}

/* What it held; NULL: nothing. Safepoint, as above. */
static void *sync_map_entry_delete(mrt_g *g, struct sync_entry *e)
{
	MRT_ROOTS(g, root, 1);

	root[0] = e;
	for (;;) {
		void *p = sync_map_entry_load(e);

		if (p == NULL || mrt_cas(g, &e->p, p, NULL))
			return p;
	}
}

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

/* ------------------------------------------------------------- read and dirty */

static struct sync_read *sync_map_read(mrt_sync_map *m)
{
	return sync_map_acquire(&m->read);
}

/* The dirty map becomes the read one. No safepoint, no allocation. */
static void sync_map_promote_locked(struct sched_g *g, mrt_sync_map *m)
{
	struct sync_read *read = m->spare;

	prim_step(PRIM_COST_ATOMIC);
	gc_store(g, (void **)&read->map, m->dirty);
	gc_store(g, (void **)&m->read, read);
	gc_store(g, (void **)&m->dirty, NULL);
	gc_store(g, (void **)&m->spare, NULL);
	m->misses = 0;
}

/* A key was looked up in dirty, be it there or not. No safepoint. */
static void sync_map_missed_locked(struct sched_g *g, mrt_sync_map *m)
{
	if (++m->misses >= mrt_map_count(m->dirty))
		sync_map_promote_locked(g, m);
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

/* What an amended map needs, in order; the entries are copied, and the new one is among them. Safepoints. */
static int sync_map_amend_prepare_locked(mrt_g *g, struct mrt_map *read, uint64_t key, void **roots)
{
	int rc = mrt_new(g, &sync_map_read_type, &roots[AMEND_READ]);

	if (rc == 0)
		rc = mrt_new(g, &sync_map_read_type, &roots[AMEND_SPARE]);
	if (rc == 0)
		rc = mrt_map_new(g, &sync_map_entries, (int64_t)mrt_map_count(read),
				 &roots[AMEND_DIRTY]);
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
	int rc = sync_map_amend_prepare_locked(pub, map, key, roots);

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

/* A key that neither part has. -ENOMEM: unchanged. Safepoints. */
static int sync_map_insert_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value)
{
	struct sync_entry *e;
	int rc;
	MRT_ROOTS(g, roots, AMEND_ROOTS);

	rc = mrt_new(g, &sync_map_entry_type, &roots[AMEND_ENTRY]);
	if (rc < 0)
		return rc;
	e = roots[AMEND_ENTRY];
	gc_store(sched_of(g), &e->p, value);
	if (m->dirty != NULL)
		return mrt_map_put(g, &sync_map_entries, m->dirty, key, &roots[AMEND_ENTRY]);
	return sync_map_amend_locked(g, m, key, roots);
}

/* An entry of read is about to get a value: if it is expunged it must be in dirty before. *slot: a root. -ENOMEM. Safepoint. */
static int sync_map_unexpunge_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void **slot)
{
	struct sync_entry *e = *slot;

	if (sync_map_acquire(&e->p) != SYNC_MAP_EXPUNGED)
		return 0;
	return mrt_map_put(g, &sync_map_entries, m->dirty, key, slot);
}

/* ----------------------------------------------------------------------- load */

/* The entry of a key that read lacks, the lock held; it counts as a miss. NULL: the key is in neither. No safepoint. */
static struct sync_entry *sync_map_find_dirty_locked(struct sched_g *g, mrt_sync_map *m,
						     uint64_t key)
{
	struct sync_entry *e = sync_map_find(m->dirty, key);

	sync_map_missed_locked(g, m);
	return e;
}

static __attribute__((noinline)) void *sync_map_load_slow(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	struct sync_read *read;
	struct sync_entry *e;
	MRT_ROOTS(g, root, 1);

	mrt_lock(g, &m->lock);
	read = sync_map_read(m);
	/* It may have been promoted while we waited. */
	e = sync_map_find(sync_map_read_map(read), key);
	if (e == NULL && sync_map_amended(read))
		e = sync_map_find_dirty_locked(sched_of(g), m, key);
	root[0] = e;
	mrt_unlock(g, &m->lock);
	return e != NULL ? sync_map_entry_load(e) : NULL;
}

void *mrt_sync_map_load(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	struct sync_read *read;
	struct sync_entry *e;

	mrt_safepoint(g);
	read = sync_map_read(m);
	e = sync_map_find(sync_map_read_map(read), key);
	if (e != NULL)
		return sync_map_entry_load(e);
	return sync_map_amended(read) ? sync_map_load_slow(g, m, key) : NULL;
}

/* ---------------------------------------------------------------------- store */

static int sync_map_store_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value)
{
	int rc = 0;
	MRT_ROOTS(g, root, 1);

	root[0] = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	if (root[0] != NULL)
		rc = sync_map_unexpunge_locked(g, m, key, root);
	else
		root[0] = sync_map_find(m->dirty, key);
	if (rc < 0)
		return rc;
	if (root[0] == NULL)
		return sync_map_insert_locked(g, m, key, value);
	sync_map_entry_store_locked(g, root[0], value);
	return 0;
}

int mrt_sync_map_store(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value)
{
	struct sync_entry *e;
	int rc;

	if (value == NULL)
		return -EINVAL;
	mrt_safepoint(g);
	e = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	if (e != NULL && sync_map_entry_store(g, e, value))
		return 0;
	mrt_lock(g, &m->lock);
	rc = sync_map_store_locked(g, m, key, value);
	mrt_unlock(g, &m->lock);
	return rc;
}

/* -------------------------------------------------------------- load or store */

static int sync_map_load_or_store_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value,
					 void **ret_actual, bool *ret_loaded)
{
	void *actual = NULL;
	bool in_read;
	int rc = 0;
	MRT_ROOTS(g, root, 1);

	root[0] = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	in_read = root[0] != NULL;
	if (in_read)
		rc = sync_map_unexpunge_locked(g, m, key, root);
	else
		root[0] = sync_map_find(m->dirty, key);
	if (rc == 0 && root[0] == NULL)
		rc = sync_map_insert_locked(g, m, key, value);
	if (rc < 0)
		return rc;
	*ret_loaded = false;
	if (root[0] != NULL) {
		actual = sync_map_entry_load_or_store(g, root[0], value, ret_loaded);
		if (actual == NULL) /* expunged until now, and in dirty by now */
			sync_map_entry_store_locked(g, root[0], value);
		else if (!in_read)
			sync_map_missed_locked(sched_of(g), m);
	}
	*ret_actual = actual != NULL ? actual : value;
	return 0;
}

int mrt_sync_map_load_or_store(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value,
			       void **ret_actual, bool *ret_loaded)
{
	struct sync_entry *e;
	void *actual;
	int rc;

	if (value == NULL)
		return -EINVAL;
	mrt_safepoint(g);
	e = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	actual = e != NULL ? sync_map_entry_load_or_store(g, e, value, ret_loaded) : NULL;
	if (actual != NULL) {
		*ret_actual = actual;
		return 0;
	}
	mrt_lock(g, &m->lock);
	rc = sync_map_load_or_store_locked(g, m, key, value, ret_actual, ret_loaded);
	mrt_unlock(g, &m->lock);
	return rc;
}

/* --------------------------------------------------------------------- delete */

/* The entry, taken out of dirty if read lacks it. Safepoints. */
static struct sync_entry *sync_map_take_locked(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	struct sync_read *read = sync_map_read(m);
	MRT_ROOTS(g, root, 1);

	root[0] = sync_map_find(sync_map_read_map(read), key);
	if (root[0] == NULL && sync_map_amended(read)) {
		root[0] = sync_map_find(m->dirty, key);
		mrt_map_delete(g, &sync_map_entries, m->dirty, key);
		sync_map_missed_locked(sched_of(g), m);
	}
	return root[0];
}

static __attribute__((noinline)) void *sync_map_delete_slow(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	MRT_ROOTS(g, root, 1);

	mrt_lock(g, &m->lock);
	root[0] = sync_map_take_locked(g, m, key);
	mrt_unlock(g, &m->lock);
	return root[0] != NULL ? sync_map_entry_delete(g, root[0]) : NULL;
}

void *mrt_sync_map_load_and_delete(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	struct sync_read *read;
	struct sync_entry *e;

	mrt_safepoint(g);
	read = sync_map_read(m);
	e = sync_map_find(sync_map_read_map(read), key);
	if (e != NULL)
		return sync_map_entry_delete(g, e);
	return sync_map_amended(read) ? sync_map_delete_slow(g, m, key) : NULL;
}

/* ---------------------------------------------------------------------- range */

static __attribute__((noinline)) void sync_map_promote(mrt_g *g, mrt_sync_map *m)
{
	mrt_lock(g, &m->lock);
	if (m->dirty != NULL)
		sync_map_promote_locked(sched_of(g), m);
	mrt_unlock(g, &m->lock);
}

void mrt_sync_map_range(mrt_g *g, mrt_sync_map *m,
			bool (*fn)(mrt_g *g, uint64_t key, void *value, void *arg), void *arg)
{
	MRT_ROOTS(g, root, 1);

	/* The iteration takes as long as all keys do, and so does the copy that the next new key costs. */
	if (sync_map_amended(sync_map_read(m)))
		sync_map_promote(g, m);
	MRT_MAP_ITER(g, &sync_map_entries, sync_map_read_map(sync_map_read(m)), it);
	while (map_iter_next_shared(g, &it)) {
		root[0] = sync_map_entry_load(mrt_load(it.elem));
		if (root[0] != NULL && !fn(g, it.key, root[0], arg))
			return;
	}
}

/* -------------------------------------------------------------------- inspect */

static void sync_map_count_locked(mrt_g *g, struct mrt_map *read, struct mrt_sync_map_info *ret)
{
	MRT_MAP_ITER(g, &sync_map_entries, read, it);

	while (map_iter_next_shared(g, &it)) {
		const struct sync_entry *e = mrt_load(it.elem);
		void *p = sync_map_acquire(&e->p);

		ret->deleted += p == NULL;
		ret->expunged += p == SYNC_MAP_EXPUNGED;
	}
}

void mrt_sync_map_inspect(mrt_g *g, mrt_sync_map *m, struct mrt_sync_map_info *ret)
{
	struct mrt_map *read;

	mrt_lock(g, &m->lock);
	read = sync_map_read_map(m->read);
	*ret = (struct mrt_sync_map_info){
		.amended = sync_map_amended(m->read),
		.misses = m->misses,
		.read_len = mrt_map_count(read),
		.dirty_len = mrt_map_count(m->dirty),
	};
	sync_map_count_locked(g, read, ret);
	mrt_unlock(g, &m->lock);
}
