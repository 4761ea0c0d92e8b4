/*
 * map_iter.c: randomised iteration that survives growth (map.go: mapiterinit, mapiternext).
 *
 * The iterator walks the array it found at its start, from a random bucket and a random cell
 * offset, and wraps once.  What growth has moved away meanwhile it looks up again, so it returns
 * the value of now, or passes over what was deleted.  If growth was under way at its start, a chain
 * that has not moved yet is read in the old array, and of its cells those that will move to the
 * bucket at hand.  Each entry that stays is returned exactly once; one that is deleted before it is
 * reached, never; one that is added, perhaps.
 *
 * A growth that was under way at the start is known by the new array, which is the iterator's; Go
 * compares the number of buckets, and asks whether the growth is of the same size only at the cell.
 * There a second growth in one iteration, to as many buckets as the first, can give entries twice or
 * lose them; with growth at will (map/grow, map/iterate) that is no rarity.
 *
 * Nothing is allocated, and an iteration cannot fail.  Old buckets are kept alive by the iterator's
 * own root frame: the array, and for a map without pointers the lists of overflow buckets
 * (map_grow.c).
 */
#include "runtime/data/map_priv.h"

#include "faults/gate.h"

#define MAP_ITER_ANY UINT64_MAX /* check_bucket: every cell of the chain belongs to us */

enum { MAP_ROOT_MAP, MAP_ROOT_ARRAY, MAP_ROOT_BUCKET, MAP_ROOT_LIST, MAP_ROOT_OLD_LIST };

void mrt_map_iter_init(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, struct mrt_map_iter *it)
{
	uint64_t random;

	memset(it, 0, sizeof(*it));
	it->frame = mrt_frame_init(g, it->roots, sizeof(it->roots) / sizeof(it->roots[0]));
	mrt_frame_push(&it->frame);
	it->mt = mt;
	it->roots[MAP_ROOT_MAP] = m;
	mrt_safepoint(g);
	it->done = m == NULL || m->count == 0;
	if (it->done)
		return;
	if (!mt->has_pointers && m->extra != NULL) {
		it->roots[MAP_ROOT_LIST] = m->extra->overflow;
		it->roots[MAP_ROOT_OLD_LIST] = m->extra->old_overflow;
	}
	random = data_random();
	it->roots[MAP_ROOT_ARRAY] = m->buckets;
	it->b = m->b;
	it->seed = m->hash0;
	it->start_bucket = it->bucket = random & map_mask(m->b);
	it->offset = (random >> m->b) & (MAP_SLOTS - 1);
	it->check_bucket = MAP_ITER_ANY;
	if (!map_flag(m, MAP_ITERATOR) || !map_flag(m, MAP_OLD_ITERATOR))
		atomic_fetch_or_explicit(&m->flags, MAP_ITERATOR | MAP_OLD_ITERATOR,
					 memory_order_relaxed);
}

void mrt_map_iter_fini(struct mrt_map_iter *it)
{
	mrt_frame_pop(&it->frame);
}

/* Enter the next chain; false: the round is complete. */
static bool map_iter_chain(struct mrt_map *m, struct mrt_map_iter *it)
{
	uint32_t bytes = it->mt->bucket_bytes;
	uint8_t *bucket;

	if (it->wrapped && it->bucket == it->start_bucket)
		return false;
	bucket = (uint8_t *)it->roots[MAP_ROOT_ARRAY] + it->bucket * bytes;
	it->check_bucket = MAP_ITER_ANY;
	if (map_growing(m) && m->buckets == it->roots[MAP_ROOT_ARRAY]) {
		uint8_t *old = m->old_buckets + (it->bucket & (map_old_count(m) - 1)) * bytes;

		if (!map_evacuated(old)) {
			bucket = old;
			if (!map_same_size(m))
				it->check_bucket = it->bucket;
		}
	}
	it->roots[MAP_ROOT_BUCKET] = bucket;
	it->i = 0;
	if (++it->bucket > map_mask(it->b)) {
		it->bucket = 0;
		it->wrapped = true;
	}
	return true;
}

/* A live cell of a chain that will split: does it go to the bucket at hand? */
static bool map_iter_ours(const struct mrt_map *m, const struct mrt_map_iter *it,
			  const struct map_keys *k, const void *key, uint8_t top)
{
	if (map_key_whole(k, key))
		return (map_hash_key(m, k, map_key_from(k, key)) & map_mask(it->b)) ==
		       it->check_bucket;
	/* As the chain's NaNs are split (map_grow.c): this iterator has set the flag. */
	return it->check_bucket >> (it->b - 1) == (top & 1);
}

/* The cell has moved meanwhile: where is its entry now, if it is still there? A NaN can neither have been
 * deleted nor updated, and is as it was in its old cell, unless all was cleared. */
static bool map_iter_moved(const struct mrt_map *m, const struct mrt_map_iter *it,
			   const struct map_keys *k, const void *key, struct map_place *at)
{
	if (!map_key_whole(k, key))
		return !it->emptied;
	prim_step(PRIM_COST_MAP_OP);
	return m->count != 0 && map_find(it->mt, m, map_key_from(k, key), at);
}

/*
 * The map has another seed: it has been empty since the last step. Nothing of then has stayed, so the rest
 * of the chain is left alone: it may be of an array that was dropped, whose cells the new seed would sort
 * wrongly, or a spare bucket that another chain has now, which the iterator is going to come by.
 */
static void map_iter_emptied(const struct mrt_map *m, struct mrt_map_iter *it)
{
	it->seed = m->hash0;
	it->emptied = true;
	it->roots[MAP_ROOT_BUCKET] = NULL;
}

static inline __attribute__((always_inline)) bool
map_iter_give(struct mrt_map_iter *it, const struct map_keys *k, uint8_t *bucket, unsigned i)
{
	it->key_ptr = map_key_place(k, bucket, i);
	it->key = map_key_from(k, it->key_ptr).word;
	it->elem = map_elem_at(it->mt, bucket, i, k->slot);
	return true;
}

/* A cell of a chain that will split, or one that has moved. */
static __attribute__((noinline)) bool map_iter_cell_growing(const struct mrt_map *m,
							    struct mrt_map_iter *it, unsigned i)
{
	const struct map_keys *k = map_keys_of(it->mt);
	uint8_t *bucket = it->roots[MAP_ROOT_BUCKET], top = bucket[i];
	struct map_place at = {.bucket = bucket, .i = i};
	const void *key = map_key_place(k, bucket, i);

	if (it->check_bucket != MAP_ITER_ANY && !map_iter_ours(m, it, k, key, top))
		return false;
	if (top < MAP_TOP_MIN && !map_iter_moved(m, it, k, key, &at))
		return false;
	return map_iter_give(it, k, at.bucket, at.i);
}

/* One cell of the current bucket: is there an entry for us? Then it is in *it. */
static inline __attribute__((always_inline)) bool map_iter_cell(const struct mrt_map *m,
								struct mrt_map_iter *it,
								const struct map_keys *k, unsigned i)
{
	uint8_t *bucket = it->roots[MAP_ROOT_BUCKET], top = bucket[i];

	if (top <= MAP_EMPTY_ONE || top == MAP_EVACUATED_EMPTY)
		return false;
	if (PRIM_UNLIKELY(it->check_bucket != MAP_ITER_ANY || top < MAP_TOP_MIN))
		return map_iter_cell_growing(m, it, i);
	return map_iter_give(it, k, bucket, i);
}

/* The gate of map/iterate is armed: a collection, or growth, in the middle. The arrays that the
 * iterator reads are in its roots. */
static __attribute__((cold, noinline)) void map_iter_point(struct sched_g *g, struct mrt_map *m,
							   struct mrt_map_iter *it)
{
	uint16_t may = !g->system && !map_growing(m) ? GCS_ACT_REORDER : 0;
	struct gc_about about = {it->bucket, it->mt->elem->name, m};
	struct gcs_firing firing;

	if (!gc_force_point_or(g, GCS_POINT_map_iterate, about, may, &firing))
		return;
	sched_op_enter(g);
	map_grow_midway(g, it->mt, m, it->bucket, firing.id);
	sched_op_leave(g);
}

/* The next entry, into *it; false: there is none. k: the map's keys, constants where speed counts. */
static inline __attribute__((always_inline)) bool
map_iter_walk(struct mrt_map *m, struct mrt_map_iter *it, const struct map_keys *k)
{
	for (;;) {
		if (it->roots[MAP_ROOT_BUCKET] == NULL && !map_iter_chain(m, it)) {
			it->done = true;
			it->elem = it->key_ptr = NULL;
			return false;
		}
		while (it->i < MAP_SLOTS) {
			unsigned i = (it->i++ + it->offset) & (MAP_SLOTS - 1);

			if (map_iter_cell(m, it, k, i))
				return true;
		}
		it->roots[MAP_ROOT_BUCKET] =
			map_overflow(it->roots[MAP_ROOT_BUCKET], it->mt->bucket_bytes);
		it->i = 0;
	}
}

static inline __attribute__((always_inline)) bool map_iter_step(struct mrt_map *m,
								struct mrt_map_iter *it)
{
	if (PRIM_UNLIKELY(m->hash0 != it->seed))
		map_iter_emptied(m, it);
	if (PRIM_LIKELY(it->mt->key == MRT_KEY_U64))
		return map_iter_walk(m, it, &map_keys_u64);
	return map_iter_walk(m, it, map_keys_of(it->mt));
}

bool mrt_map_iter_next(mrt_g *g, struct mrt_map_iter *it)
{
	struct mrt_map *m = it->roots[MAP_ROOT_MAP];

	mrt_safepoint(g);
	prim_step(PRIM_COST_MAP_ITER);
	if (it->done)
		return false;
	if (PRIM_UNLIKELY(map_flag(m, MAP_WRITING)))
		map_die("fatal error: concurrent map iteration and map write\n");
	if (gcs_gate(GCS_POINT_map_iterate))
		map_iter_point(sched_of(g), m, it);
	return map_iter_step(m, it);
}

bool map_iter_next_shared(mrt_g *g, struct mrt_map_iter *it)
{
	mrt_safepoint(g);
	prim_step(PRIM_COST_MAP_ITER);
	return !it->done && map_iter_step(it->roots[MAP_ROOT_MAP], it);
}
