/*
 * map_delete.c: delete and clear (map.go: mapdelete, mapclear; the rules of order and of the flag are in
 * map.c).  Neither can fail.
 */
#include "runtime/data/map_priv.h"

#include "faults/gate.h"

/* ------------------------------------------------------------------- delete */

/* The cell has become empty: if nothing live is behind it, it and the empty ones before it say so.
 */
static inline void map_empty_back(uint8_t *head, uint8_t *bucket, unsigned i, uint32_t bucket_bytes)
{
	uint8_t *next;

	bucket[i] = MAP_EMPTY_ONE;
	next = i < MAP_SLOTS - 1 ? bucket + i + 1 : map_overflow(bucket, bucket_bytes);
	if (next != NULL && *next != MAP_EMPTY_REST)
		return;
	while (bucket[i] == MAP_EMPTY_ONE) {
		bucket[i] = MAP_EMPTY_REST;
		if (i > 0) {
			i--;
			continue;
		}
		if (bucket == head)
			return;
		next = bucket;
		for (bucket = head; map_overflow(bucket, bucket_bytes) != next;)
			bucket = map_overflow(bucket, bucket_bytes);
		i = MAP_SLOTS - 1;
	}
}

/* The flag is held; the key is looked for in the chain that begins at head. */
static inline __attribute__((always_inline)) bool
map_delete_hashed(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		  struct map_key key, uint64_t hash, const struct map_keys *k)
{
	struct map_place at = {0};
	uint8_t *head;

	if (PRIM_UNLIKELY(map_growing(m))) {
		sched_op_enter(g);
		map_grow_work(g, mt, m, hash & map_mask(m->b), false);
		sched_op_leave(g);
	}
	head = map_chain(m, hash, mt->bucket_bytes);
	if (!map_search(head, mt->bucket_bytes, key, hash, k, &at))
		return false;
	if (gcs_gate(GCS_POINT_gc_map_delete))
		gc_force_point_about(
			g, GCS_POINT_gc_map_delete,
			(struct gc_about){map_key_word(k, key, hash), mt->elem->name, m});
	if (k->pointers) /* one without stays, as in Go */
		map_typed_clear(g, mt->key_slot, map_key_at(at.bucket, at.i, k->slot));
	map_typed_clear(g, mt->elem_slot, map_slot_at(at.bucket, at.i, k->slot, mt->slot_bytes));
	map_empty_back(head, at.bucket, at.i, mt->bucket_bytes);
	map_set(m->count, m->count - 1);
	if (m->count == 0)
		map_seed(g, m);
	return true;
}

static inline __attribute__((always_inline)) bool
map_delete(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, struct map_key key,
	   const struct map_keys *k)
{
	uint64_t hash = map_hash_to_write(m, k, key);
	bool was = map_delete_hashed(g, mt, m, key, hash, k);

	map_write_ends(m);
	return was;
}

/* false: there is nothing to delete. */
static inline bool map_delete_begin(mrt_g *g, const struct mrt_map *m)
{
	mrt_safepoint(g);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(g));
	prim_step(PRIM_COST_MAP_OP);
	return m != NULL && m->count != 0;
}

bool mrt_map_delete(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, uint64_t word)
{
	struct sched_g *g = sched_of(pub);
	struct map_key key = {.word = word};

	if (!map_delete_begin(pub, m))
		return false;
	if (mt->key == MRT_KEY_U64)
		return map_delete(g, mt, m, key, &map_keys_u64);
	if (PRIM_UNLIKELY(mt->key != MRT_KEY_U32))
		map_not_integer();
	key.word = (uint32_t)word;
	return map_delete(g, mt, m, key, &map_keys_u32);
}

bool mrt_map_delete_key(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, const void *at)
{
	const struct map_keys *k = map_keys_of(mt);
	struct map_key key = map_key_from(k, at);
	struct sched_g *g = sched_of(pub);

	if (map_key_is_int(k))
		return mrt_map_delete(pub, mt, m, key.word);
	if (!map_delete_begin(pub, m))
		return false;
	if (mt->key == MRT_KEY_STRING)
		return map_delete(g, mt, m, key, &map_keys_string);
	return map_delete(g, mt, m, key, k);
}

/* -------------------------------------------------------------------- clear */

/* Iterators that are still on their way find nothing more (1.21). Overflow buckets are let go, so
 * they must not be found from one another either. */
static void map_mark_empty(struct sched_g *g, const struct mrt_map_type *mt, uint8_t *array,
			   uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint8_t *bucket = array + i * mt->bucket_bytes, *next;

		for (; bucket != NULL; bucket = next) {
			next = map_overflow(bucket, mt->bucket_bytes);
			memset(bucket, MAP_EMPTY_REST, MAP_SLOTS);
			if (next != NULL)
				map_overflow_set(g, mt, bucket, NULL);
		}
	}
}

/* Forget the overflow buckets; the list of the array stays, empty. */
static void map_extra_clear(struct sched_g *g, struct map_extra *extra, uint8_t *spare)
{
	struct map_list *list = extra->overflow;

	map_store(g, &extra->old_overflow, NULL);
	map_store(g, &extra->next_spare, spare);
	if (list == NULL)
		return;
	list->len = list->cap = 0;
	map_store(g, &list->array, NULL);
}

static void map_clear(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m)
{
	uint64_t n = map_array_count(mt->bucket_bytes, !mt->has_pointers, m->b);
	uint8_t *spare;

	map_mark_empty(g, mt, m->buckets, map_mask(m->b) + 1);
	if (map_growing(m))
		map_mark_empty(g, mt, m->old_buckets, map_old_count(m));
	atomic_fetch_and_explicit(&m->flags, (uint8_t)~MAP_SAME_SIZE, memory_order_relaxed);
	map_store(g, &m->old_buckets, NULL);
	map_nevacuate_set(m, 0);
	map_set(m->noverflow, 0);
	map_set(m->count, 0);
	map_seed(g, m);
	gc_clear_typed(g, &mt->bucket, m->buckets, n);
	spare = map_array_spares(g, mt, m->buckets, m->b, n);
	if (m->extra != NULL)
		map_extra_clear(g, m->extra, spare);
}

/* Keeps the array; allocates nothing and cannot fail. */
int mrt_map_clear(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m)
{
	mrt_safepoint(pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(pub));
	if (m == NULL || m->count == 0)
		return 0;
	prim_step_n(PRIM_COST_MAP_BUCKET, (uint32_t)map_mask(m->b) + 1);
	map_write_begins(m);
	map_clear(sched_of(pub), mt, m);
	map_write_ends(m);
	return 0;
}
