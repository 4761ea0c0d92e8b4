/*
 * map.c: maps with integer keys: types, make, look-up, assign, delete, clear (map.go,
 * map_fast32.go, map_fast64.go of Go up to 1.23; go-facts §1).
 *
 * An operation of one map has one writer, or any number of readers: callers lock.
 * The order of an assign: poll, growth work, search, growth, everything it may need allocated, the
 * points gc/map_assign and gc/write, then the stores, which nothing interrupts.  So at each safepoint the map is
 * whole, and a refused allocation leaves contents, count and iterators as they were (the layout may
 * have moved on).
 *
 * Where this departs from Go, and why (docs/fidelity.md):
 *  - Out of memory is an answer (-ENOMEM), not the end: see map_grow.c for how growth waits.  A
 * refused growth refuses the insert, even where an overflow bucket could still take it: one rule,
 * easy to predict.
 *  - delete never fails: the growth work in it is dropped when memory is refused.
 *  - Go makes the element object and the overflow bucket after it has begun to change the bucket;
 * here before.
 *  - The hash is portable (hash.h); Go's is AES where the machine has it.
 *  - nevacuate has 48 bits; the 16 above hold the map's shape, so that the heap check can read any
 * map.
 *  - flag 4 (a write is going on) is reserved; concurrent use is not yet detected.
 */
#include "runtime/data/data.h"

#include "runtime/data/map_priv.h"
#include "runtime/data/pool_priv.h"
#include "runtime/data/sync_map.h"

#include "faults/gate.h"

#include <errno.h>

/* words: count, flags/b/noverflow/hash0, buckets*, old_buckets*, nevacuate, extra* */
static const uint64_t map_header_mask = 0x2c, map_extra_mask = 7, map_pointer_mask = 1;
const struct mrt_type map_header_type = {"map", sizeof(struct mrt_map), 6, &map_header_mask};
const struct mrt_type map_extra_type = {"map.extra", sizeof(struct map_extra), 3, &map_extra_mask};
const struct mrt_type map_list_type = {"map.list", sizeof(struct map_list), 1, &map_pointer_mask};
const struct mrt_type map_pointer_type = {"pointer", sizeof(void *), 1, &map_pointer_mask};

/* ------------------------------------------------------------------- random */

static _Atomic uint64_t data_random_seed, data_random_count;

/* Written before any goroutine runs. */
static enum mrt_rounding data_rule;

void data_init(enum mrt_rounding rounding)
{
	data_rule = rounding;
	atomic_store_explicit(&data_random_seed, prim_seed(), memory_order_relaxed);
	atomic_store_explicit(&data_random_count, 0, memory_order_relaxed);
	gc_check_register(&map_header_type, map_check);
	sync_map_init();
	pool_init();
}

enum mrt_rounding data_rounding(void)
{
	return data_rule;
}

uint64_t data_random(void)
{
	/* Relaxed: values only have to differ. */
	uint64_t n = atomic_fetch_add_explicit(&data_random_count, 1, memory_order_relaxed);

	n += atomic_load_explicit(&data_random_seed, memory_order_relaxed);
	return data_fold(n * DATA_HASH_B ^ DATA_HASH_A, DATA_HASH_C ^ n);
}

/* -------------------------------------------------------------------- types */

/* Pointer words of a bucket: those of eight slots, then the overflow word. */
static void map_bucket_pointers(struct mrt_map_type *mt)
{
	static const uint64_t pointer = 1;
	const uint64_t *mask = mt->indirect ? &pointer : mt->elem->ptrmask;
	uint32_t slot_words = mt->slot_bytes / 8, words = mt->bucket_bytes / 8;
	uint32_t ptr_words = mt->indirect ? 1 : mt->elem->ptr_words;
	uint32_t first = 1 + mt->key;

	for (uint32_t i = 0; i < MAP_SLOTS; i++) {
		for (uint32_t w = 0; w < ptr_words; w++) {
			uint32_t at = first + i * slot_words + w;

			if ((mask[w / 64] >> (w % 64)) & 1)
				mt->bucket_mask[at / 64] |= (uint64_t)1 << (at % 64);
		}
	}
	mt->bucket_mask[(words - 1) / 64] |= (uint64_t)1 << ((words - 1) % 64);
	mt->bucket.ptr_words = words;
	mt->bucket.ptrmask = mt->bucket_mask;
}

int mrt_map_type_init(struct mrt_map_type *mt, enum mrt_key key, const struct mrt_type *elem)
{
	if ((key != MRT_KEY_U32 && key != MRT_KEY_U64) ||
	    (elem->ptr_words > 0 && elem->size % 8 != 0))
		return -EINVAL;
	memset(mt, 0, sizeof(*mt));
	mt->key = key;
	mt->elem = elem;
	mt->indirect = elem->size > MAP_INLINE_MAX;
	mt->slot_bytes = mt->indirect ? (uint32_t)sizeof(void *) : (uint32_t)elem->size;
	mt->bucket_bytes =
		MAP_SLOTS + MAP_SLOTS * key + MAP_SLOTS * mt->slot_bytes + (uint32_t)sizeof(void *);
	mt->has_pointers = mt->indirect || elem->ptr_words > 0;
	mt->bucket.name = "map.bucket";
	mt->bucket.size = mt->bucket_bytes;
	if (mt->has_pointers)
		map_bucket_pointers(mt);
	return 0;
}

static uint16_t map_shape_bits(const struct mrt_map_type *mt)
{
	struct map_shape shape = {.key_bytes = (uint16_t)mt->key & 63,
				  .indirect = mt->indirect,
				  .pointers = mt->has_pointers,
				  .slot_bytes = mt->slot_bytes & 255};
	uint16_t bits;

	memcpy(&bits, &shape, sizeof(bits));
	return bits;
}

/* ------------------------------------------------------------------- making */

static uint8_t map_b_for(const struct mrt_map_type *mt, int64_t hint)
{
	uint64_t bytes;
	uint8_t b = 0;

	if (hint < 0 || __builtin_mul_overflow((uint64_t)hint, mt->bucket_bytes, &bytes) ||
	    bytes > MAP_ALLOC_MAX)
		hint = 0;
	while (map_overloaded((uint64_t)hint, b))
		b++;
	return b;
}

/* map/hash: keys are to fall into `by_milli` thousandths of the buckets at most. */
static void map_collide(struct mrt_map *m, uint32_t by_milli)
{
	uint32_t bits = 1;

	while (by_milli << bits < 1000)
		bits++;
	m->hash0 = (m->hash0 & ~MAP_COLLIDE_BITS) | bits;
	atomic_fetch_or_explicit(&m->flags, MAP_COLLIDING, memory_order_relaxed);
}

static __attribute__((cold, noinline)) void map_hash_point(struct sched_g *g, struct mrt_map *m)
{
	struct gcs_site site = gc_site(g, !g->system, m->hash0);
	struct gcs_firing firing;

	if (!gcs_decide(GCS_POINT_map_hash, &site, &firing) || firing.action != GCS_ACT_BIAS)
		return;
	map_collide(m, firing.by_milli);
	gcs_effect(&site, firing.id, GCS_EFFECT_COLLIDES, (uint64_t)1 << (m->hash0 & MAP_COLLIDE_BITS));
}

/* A new seed, for a map without entries: nothing has been placed by the old one. */
static void map_seed(struct sched_g *g, struct mrt_map *m)
{
	m->hash0 = (uint32_t)data_random();
	if (PRIM_UNLIKELY(map_flag(m, MAP_COLLIDING)))
		atomic_fetch_and_explicit(&m->flags, (uint8_t)~MAP_COLLIDING, memory_order_relaxed);
	if (gcs_gate(GCS_POINT_map_hash))
		map_hash_point(g, m);
}

static int map_make(struct sched_g *g, const struct mrt_map_type *mt, int64_t hint,
		    struct mrt_map **ret)
{
	uint8_t b = map_b_for(mt, hint), *array = NULL, *spare = NULL;
	struct map_list *list = NULL;
	struct mrt_map *m;
	void *obj;
	int rc = gc_alloc(g, &map_header_type, 1, &obj);

	if (rc < 0)
		return rc;
	m = obj;
	if (b > 0)
		rc = map_array_alloc(g, mt, b, &array, &spare);
	if (rc == 0)
		rc = map_lists_alloc(g, mt, m, b, spare != NULL, &list);
	if (rc < 0)
		return rc;
	map_seed(g, m);
	m->shape_bits = map_shape_bits(mt);
	m->b = b;
	map_store(g, &m->buckets, array);
	if (m->extra != NULL) {
		map_store(g, &m->extra->next_spare, spare);
		map_store(g, &m->extra->overflow, list);
	}
	*ret = m;
	return 0;
}

int mrt_map_new(mrt_g *pub, const struct mrt_map_type *mt, int64_t hint, void **ret_map)
{
	struct sched_g *g = sched_of(pub);
	struct mrt_map *m;
	int rc;

	sched_op_enter(g);
	rc = map_make(g, mt, hint, &m);
	if (rc == 0)
		*ret_map = m;
	sched_op_leave(g);
	return rc;
}

/* ------------------------------------------------------------------ look-up */

static inline __attribute__((always_inline)) const void *
map_get(const struct mrt_map_type *mt, struct mrt_map *m, uint64_t key, unsigned kb)
{
	uint64_t hash = map_hash(m, key, kb);
	struct map_place at = {0};

	if (!map_search(map_chain(m, hash, mt->bucket_bytes), mt->bucket_bytes, key, hash, kb, &at))
		return NULL;
	return map_elem_at(mt, at.bucket, at.i, kb);
}

const void *mrt_map_get(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, uint64_t key)
{
	(void)g;
	prim_step(PRIM_COST_MAP_OP);
	if (m == NULL || m->count == 0)
		return NULL;
	return mt->key == MRT_KEY_U64 ? map_get(mt, m, key, 8) : map_get(mt, m, (uint32_t)key, 4);
}

uint64_t mrt_map_count(const mrt_map *m)
{
	return m != NULL ? m->count : 0;
}

/* ------------------------------------------------------------------- assign */

static inline void map_elem_write(struct sched_g *g, const struct mrt_type *elem, void *dst,
				  const void *src)
{
	if (elem->ptr_words == 0) {
		if (elem->size == 8)
			memcpy(dst, src, 8);
		else
			memcpy(dst, src, elem->size);
	} else if (elem->size == sizeof(void *)) {
		map_store(g, dst, *(void *const *)src);
	} else {
		gc_copy_typed(g, elem, dst, src, 1);
	}
}

/* First bucket, or growth under way. */
static __attribute__((noinline)) int map_assign_prepare(struct sched_g *g,
							const struct mrt_map_type *mt,
							struct mrt_map *m, uint64_t hash)
{
	void *bucket;
	int rc;

	if (map_growing(m)) {
		map_grow_work(g, mt, m, hash & map_mask(m->b), true);
		return 0;
	}
	rc = gc_alloc(g, &mt->bucket, 1, &bucket);
	if (rc == 0)
		map_store(g, &m->buckets, bucket);
	return rc;
}

/* What a new cell needs besides an empty place. */
struct map_needs {
	struct map_reserve reserve;
	void *object; /* of an indirect element */
};

static __attribute__((noinline)) int map_insert_prepare(struct sched_g *g,
							const struct mrt_map_type *mt,
							struct mrt_map *m, bool overflow,
							struct map_needs *ret)
{
	int rc = overflow ? map_reserve(g, mt, m, 1, &ret->reserve) : 0;

	if (rc == 0 && mt->indirect)
		rc = gc_alloc(g, mt->elem, 1, &ret->object);
	return rc;
}

/* Is there room for a new key as the map stands? 1: yes; 0: it has begun to grow, look again;
 * -ENOMEM. grown: it has begun for this key before, which map/grow does not force twice. */
static inline int map_room(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
			   uint64_t hash, bool grown)
{
	if (PRIM_UNLIKELY(map_growing(m)))
		return map_evacuated(m->old_buckets +
				     (hash & (map_old_count(m) - 1)) * mt->bucket_bytes)
			       ? 1
			       : -ENOMEM;
	if (PRIM_LIKELY(!map_overloaded(m->count + 1, m->b) &&
			!map_too_many_overflow(m->noverflow, m->b)))
		return !gcs_gate(GCS_POINT_map_grow) || grown || !map_grow_forced(g, mt, m);
	return map_grow_start(g, mt, m);
}

static inline __attribute__((always_inline)) void
map_insert(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint64_t key,
	   uint64_t hash, const void *elem, unsigned kb, struct map_place *at,
	   struct map_needs *needs)
{
	void *slot;

	if (PRIM_UNLIKELY(at->bucket == NULL)) {
		at->bucket = map_overflow_take(g, mt, m, at->tail, &needs->reserve);
		at->i = 0;
	}
	slot = map_slot_at(at->bucket, at->i, kb, mt->slot_bytes);
	if (mt->indirect) {
		map_elem_write(g, mt->elem, needs->object, elem);
		map_store(g, slot, needs->object);
	} else {
		map_elem_write(g, mt->elem, slot, elem);
	}
	map_key_write(at->bucket, at->i, kb, key);
	at->bucket[at->i] = map_top_of(hash);
	m->count++;
}

/* Before the stores of an assign: everything is allocated, rooted or pinned, and the map is whole. */
static inline void map_assign_point(struct sched_g *g, const struct mrt_map_type *mt,
				    const struct mrt_map *m, uint64_t key, void *dst,
				    const void *elem)
{
	if (gcs_gate(GCS_POINT_gc_map_assign))
		gc_force_point_about(g, GCS_POINT_gc_map_assign,
				     (struct gc_about){key, mt->elem->name, m});
	if (gcs_gate(GCS_POINT_gc_write))
		gc_write_begin(g, mt->elem, dst, elem, 1);
}

/* sabotage/stale_evacuation: the old chain of a key, if its cells have moved; NULL: nothing fires. */
static __attribute__((cold, noinline)) uint8_t *map_stale_chain(struct sched_g *g,
								const struct mrt_map_type *mt,
								struct mrt_map *m, uint64_t hash)
{
	uint8_t *old;

	if (!map_growing(m))
		return NULL;
	old = m->old_buckets + (hash & (map_old_count(m) - 1)) * mt->bucket_bytes;
	return map_evacuated(old) && gc_sabotage(g, GCS_POINT_sabotage_stale_evacuation, 0) ? old
											    : NULL;
}

static inline __attribute__((always_inline)) int map_assign(struct sched_g *g,
							    const struct mrt_map_type *mt,
							    struct mrt_map *m, uint64_t key,
							    const void *elem, unsigned kb)
{
	uint64_t hash = map_hash(m, key, kb);
	bool grown = false;

	for (;;) {
		struct map_place at = {0};
		struct map_needs needs;
		uint8_t *head = NULL;
		int rc;

		if (PRIM_UNLIKELY(m->buckets == NULL || map_growing(m))) {
			rc = map_assign_prepare(g, mt, m, hash);
			if (rc < 0)
				return rc;
			if (gcs_gate(GCS_POINT_sabotage_stale_evacuation))
				head = map_stale_chain(g, mt, m, hash);
		}
		if (PRIM_LIKELY(head == NULL))
			head = map_chain(m, hash, mt->bucket_bytes);
		if (map_search(head, mt->bucket_bytes, key, hash, kb, &at)) {
			void *dst = map_elem_at(mt, at.bucket, at.i, kb);

			map_assign_point(g, mt, m, key, dst, elem);
			map_elem_write(g, mt->elem, dst, elem);
			return 0;
		}
		rc = map_room(g, mt, m, hash, grown);
		if (rc < 0)
			return rc;
		if (PRIM_UNLIKELY(rc == 0)) {
			grown = true;
			continue;
		}
		if (PRIM_UNLIKELY(at.bucket == NULL || mt->indirect)) {
			rc = map_insert_prepare(g, mt, m, at.bucket == NULL, &needs);
			if (rc < 0)
				return rc;
		}
		map_assign_point(g, mt, m, key, NULL, elem);
		map_insert(g, mt, m, key, hash, elem, kb, &at, &needs);
		return 0;
	}
}

/*
 * The element's pointers must be rooted by the caller, and `elem` must not point into the map.  A
 * nil map (m NULL) is a programmer's mistake, answered with Go's text.
 */
int mrt_map_put(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, uint64_t key,
		const void *elem)
{
	struct sched_g *g = sched_of(pub);
	int rc;

	if (PRIM_UNLIKELY(m == NULL))
		prim_die(2, "panic: assignment to entry in nil map\n");
	mrt_safepoint(pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(pub));
	prim_step(PRIM_COST_MAP_OP);
	sched_op_enter(g);
	if (mt->key == MRT_KEY_U64)
		rc = map_assign(g, mt, m, key, elem, 8);
	else
		rc = map_assign(g, mt, m, (uint32_t)key, elem, 4);
	if (gcs_gate(GCS_POINT_gc_write) && rc == 0)
		gc_write_end(g);
	sched_op_leave(g);
	return rc;
}

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

static inline void map_slot_clear(struct sched_g *g, const struct mrt_map_type *mt, void *slot)
{
	if (!mt->has_pointers) {
		if (mt->slot_bytes == 8)
			memset(slot, 0, 8);
		else
			memset(slot, 0, mt->slot_bytes);
	} else if (mt->slot_bytes == sizeof(void *)) {
		map_store(g, slot, NULL);
	} else {
		gc_clear_typed(g, mt->elem, slot, 1);
	}
}

static inline __attribute__((always_inline)) bool map_delete(struct sched_g *g,
							     const struct mrt_map_type *mt,
							     struct mrt_map *m, uint64_t key,
							     unsigned kb)
{
	uint64_t hash = map_hash(m, key, kb);
	struct map_place at = {0};
	uint8_t *head;

	if (PRIM_UNLIKELY(map_growing(m))) {
		sched_op_enter(g);
		map_grow_work(g, mt, m, hash & map_mask(m->b), false);
		sched_op_leave(g);
	}
	head = map_chain(m, hash, mt->bucket_bytes);
	if (!map_search(head, mt->bucket_bytes, key, hash, kb, &at))
		return false;
	if (gcs_gate(GCS_POINT_gc_map_delete))
		gc_force_point_about(g, GCS_POINT_gc_map_delete,
				     (struct gc_about){key, mt->elem->name, m});
	map_slot_clear(g, mt, map_slot_at(at.bucket, at.i, kb, mt->slot_bytes));
	map_empty_back(head, at.bucket, at.i, mt->bucket_bytes);
	if (--m->count == 0)
		map_seed(g, m);
	return true;
}

bool mrt_map_delete(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, uint64_t key)
{
	mrt_safepoint(pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(pub));
	prim_step(PRIM_COST_MAP_OP);
	if (m == NULL || m->count == 0)
		return false;
	if (mt->key == MRT_KEY_U64)
		return map_delete(sched_of(pub), mt, m, key, 8);
	return map_delete(sched_of(pub), mt, m, (uint32_t)key, 4);
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
	uint64_t n = map_array_count(mt, m->b);
	uint8_t *spare;

	map_mark_empty(g, mt, m->buckets, map_mask(m->b) + 1);
	if (map_growing(m))
		map_mark_empty(g, mt, m->old_buckets, map_old_count(m));
	atomic_fetch_and_explicit(&m->flags, (uint8_t)~MAP_SAME_SIZE, memory_order_relaxed);
	map_store(g, &m->old_buckets, NULL);
	m->nevacuate = 0;
	m->noverflow = 0;
	m->count = 0;
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
	map_clear(sched_of(pub), mt, m);
	return 0;
}

/* ------------------------------------------------------------------ inspect */

void mrt_map_inspect(const mrt_map *m, struct mrt_map_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (m == NULL)
		return;
	ret->count = m->count;
	ret->b = m->b;
	ret->overflow = m->noverflow;
	ret->growing = map_growing(m);
	ret->same_size = map_same_size(m);
	if (ret->growing) {
		ret->evacuated = m->nevacuate;
		ret->old_buckets = map_old_count(m);
	}
}
