/*
 * sync_map.c: sync.Map of Go up to 1.23; sync_map.h has the layout and the states, sync_map_dirty.c what happens to the dirty map.
 *
 * Readers take no lock because what they read is never written after it was published with release: the read object, its map, the
 * buckets. Only the entries change, by compare and swap. Nothing that a reader holds can be freed under it: it reaches no safepoint
 * between its load of `read` and that of the entry.
 *
 * An operation without the lock may have found its entry before another one cleared the map, and change it after: it counts as the
 * earlier of the two.
 *
 * The lock is a goroutine's: safepoints under it are allowed, and the heap check sees the states in between (sync_map_check.c).
 */
#include "runtime/data/sync_map.h"

#include <errno.h>

/* words: lock (4), read*, dirty*, spare*, misses */
static const uint64_t sync_map_mask = 0x70;
const struct mrt_type sync_map_type = {"sync.map", sizeof(struct mrt_sync_map), 7, &sync_map_mask};
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

/* *ret_previous: what it held; NULL: nothing. False: expunged. Safepoint before *ret_previous is known, not after. */
static bool sync_map_entry_swap(mrt_g *g, struct sync_entry *e, void *value, void **ret_previous)
{
	MRT_ROOTS(g, root, 1);

	root[0] = e;
	for (;;) {
		void *p = sync_map_acquire(&e->p);

		if (p == SYNC_MAP_EXPUNGED)
			return false;
		if (mrt_cas(g, &e->p, p, value)) {
			*ret_previous = p;
			return true;
		}
	}
}

/* What it held; NULL: nothing. The lock is held, and dirty has e. Safepoint, as above. */
static void *sync_map_entry_swap_locked(mrt_g *g, struct sync_entry *e, void *value)
{
	void *previous;

	if (sync_map_entry_swap(g, e, value, &previous))
		return previous;
	/* Nobody else takes an entry out of this state. */
	if (!mrt_cas(g, &e->p, SYNC_MAP_EXPUNGED, value))
		prim_die(134, "sync map: an expunged entry has changed under the lock\n");
	return NULL;
}

/* value NULL: deletes. False: it does not hold `old`, which is not NULL. Safepoint. */
static bool sync_map_entry_compare_and_swap(mrt_g *g, struct sync_entry *e, void *old, void *value)
{
	MRT_ROOTS(g, root, 1);

	root[0] = e;
	while (sync_map_acquire(&e->p) == old)
		if (mrt_cas(g, &e->p, old, value))
			return true;
	return false;
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

/* ----------------------------------------------------------------------- load */

/* The entry of a key that read lacks, the lock held; it counts as a miss. NULL: the key is in neither. No safepoint. */
static struct sync_entry *sync_map_find_dirty_locked(struct sched_g *g, mrt_sync_map *m,
						     uint64_t key)
{
	struct sync_entry *e = sync_map_find(m->dirty, key);

	sync_map_missed_locked(g, m);
	return e;
}

/* The entry of a key that read lacked, an amended one. NULL: the key is not there. Safepoint before, not after. */
static __attribute__((noinline)) struct sync_entry *sync_map_find_slow(mrt_g *g, mrt_sync_map *m,
								       uint64_t key)
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
	return e;
}

static void *sync_map_load_slow(mrt_g *g, mrt_sync_map *m, uint64_t key)
{
	struct sync_entry *e = sync_map_find_slow(g, m, key);

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

/* ------------------------------------------------------------- store and swap */

/* *ret_previous, a root: what the key had; as it was: nothing. -ENOMEM: unchanged. Safepoints. */
static int sync_map_swap_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value,
				void **ret_previous)
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
	*ret_previous = sync_map_entry_swap_locked(g, root[0], value);
	return 0;
}

static __attribute__((noinline)) int sync_map_swap_slow(mrt_g *g, mrt_sync_map *m, uint64_t key,
							void *value, void **ret_previous)
{
	int rc;
	MRT_ROOTS(g, previous, 1);

	mrt_lock(g, &m->lock);
	rc = sync_map_swap_locked(g, m, key, value, previous);
	mrt_unlock(g, &m->lock);
	if (rc == 0)
		*ret_previous = previous[0];
	return rc;
}

int mrt_sync_map_swap(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value, void **ret_previous)
{
	struct sync_entry *e;

	if (value == NULL)
		return -EINVAL;
	mrt_safepoint(g);
	e = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	if (e != NULL && sync_map_entry_swap(g, e, value, ret_previous))
		return 0;
	return sync_map_swap_slow(g, m, key, value, ret_previous);
}

int mrt_sync_map_store(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value)
{
	void *previous;

	return mrt_sync_map_swap(g, m, key, value, &previous);
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
			sync_map_entry_swap_locked(g, root[0], value);
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

/* ---------------------------------------------------------- compare and change */

/* A miss only if dirty has the key, as in Go. Safepoints. */
static bool sync_map_compare_and_swap_locked(mrt_g *g, mrt_sync_map *m, uint64_t key, void *old,
					     void *value)
{
	bool swapped;
	MRT_ROOTS(g, root, 1);

	root[0] = sync_map_find(sync_map_read_map(sync_map_read(m)), key);
	if (root[0] != NULL)
		return sync_map_entry_compare_and_swap(g, root[0], old, value);
	root[0] = sync_map_find(m->dirty, key);
	if (root[0] == NULL)
		return false;
	swapped = sync_map_entry_compare_and_swap(g, root[0], old, value);
	sync_map_missed_locked(sched_of(g), m);
	return swapped;
}

static __attribute__((noinline)) bool sync_map_compare_and_swap_slow(mrt_g *g, mrt_sync_map *m,
								     uint64_t key, void *old,
								     void *value)
{
	bool swapped;

	mrt_lock(g, &m->lock);
	swapped = sync_map_compare_and_swap_locked(g, m, key, old, value);
	mrt_unlock(g, &m->lock);
	return swapped;
}

bool mrt_sync_map_compare_and_swap(mrt_g *g, mrt_sync_map *m, uint64_t key, void *old, void *value)
{
	struct sync_read *read;
	struct sync_entry *e;

	mrt_safepoint(g);
	if (old == NULL || value == NULL)
		return false;
	read = sync_map_read(m);
	e = sync_map_find(sync_map_read_map(read), key);
	if (e != NULL)
		return sync_map_entry_compare_and_swap(g, e, old, value);
	return sync_map_amended(read) && sync_map_compare_and_swap_slow(g, m, key, old, value);
}

bool mrt_sync_map_compare_and_delete(mrt_g *g, mrt_sync_map *m, uint64_t key, void *old)
{
	struct sync_read *read;
	struct sync_entry *e;

	mrt_safepoint(g);
	if (old == NULL)
		return false;
	read = sync_map_read(m);
	e = sync_map_find(sync_map_read_map(read), key);
	/* One of dirty alone stays there, nil: whether it is to be deleted at all is not known before. */
	if (e == NULL && sync_map_amended(read))
		e = sync_map_find_slow(g, m, key);
	return e != NULL && sync_map_entry_compare_and_swap(g, e, old, NULL);
}

/* ---------------------------------------------------------------------- clear */

void mrt_sync_map_clear(mrt_g *g, mrt_sync_map *m)
{
	struct sync_read *read;

	mrt_safepoint(g);
	read = sync_map_read(m);
	if (!sync_map_amended(read) && mrt_map_count(sync_map_read_map(read)) == 0)
		return;
	mrt_lock(g, &m->lock);
	gc_store(sched_of(g), (void **)&m->read, NULL);
	map_set(m->misses, 0);
	/* Its array stays, for the keys to come; clearing cannot fail. */
	if (m->dirty != NULL)
		(void)mrt_map_clear(g, &sync_map_entries, m->dirty);
	mrt_unlock(g, &m->lock);
}

/* ---------------------------------------------------------------------- range */

static __attribute__((noinline)) void sync_map_promote(mrt_g *g, mrt_sync_map *m)
{
	mrt_lock(g, &m->lock);
	if (sync_map_amended(m->read))
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

void mrt_sync_map_look(mrt_sync_map *m, struct mrt_sync_map_parts *ret)
{
	const struct sync_read *read = sync_map_read(m);

	ret->amended = sync_map_amended(read);
	/* Relaxed: pairs with map_set under the lock. */
	ret->misses = __atomic_load_n(&m->misses, __ATOMIC_RELAXED);
	mrt_map_inspect(sync_map_read_map(read), &ret->read);
	/* Acquire: a map that is found is found whole. It lasts until the caller's next safepoint. */
	mrt_map_inspect(sync_map_acquire(&m->dirty), &ret->dirty);
}
