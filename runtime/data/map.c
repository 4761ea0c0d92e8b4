/*
 * map.c: making a map, look-up, assign (map.go, map_fast32.go, map_fast64.go, map_faststr.go of Go up
 * to 1.23; go-facts §1). Types: map_type.c; keys: map_key.h; delete and clear: map_delete.c.
 *
 * An operation of one map has one writer, or any number of readers: callers lock, and who does not is
 * told so with Go's texts where it shows (map_priv.h).
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
 *  - Go makes the key's and the element's object and the overflow bucket after it has begun to change
 * the bucket; here before.
 *  - The hash is portable (hash.h); Go's is AES where the machine has it.
 *  - nevacuate has 48 bits; the 16 above hold the number of the map's shape, so that the heap check can
 * read any map.
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

void data_random_restart(uint64_t seed)
{
	atomic_store_explicit(&data_random_seed, seed, memory_order_relaxed);
	atomic_store_explicit(&data_random_count, 0, memory_order_relaxed);
}

void data_init(enum mrt_rounding rounding)
{
	data_rule = rounding;
	data_random_restart(prim_seed());
	gc_check_register(&map_header_type, map_check);
	sync_map_init();
	pool_init();
}

enum mrt_rounding data_rounding(void)
{
	return data_rule;
}

void map_die(const char *text)
{
	prim_die(2, text);
}

void map_not_integer(void)
{
	map_die("mrt: an integer key for a map whose keys are no integers\n");
}

uint64_t data_random(void)
{
	/* Relaxed: values only have to differ. */
	uint64_t n = atomic_fetch_add_explicit(&data_random_count, 1, memory_order_relaxed);

	n += atomic_load_explicit(&data_random_seed, memory_order_relaxed);
	return data_fold(n * DATA_HASH_B ^ DATA_HASH_A, DATA_HASH_C ^ n);
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

void map_seed(struct sched_g *g, struct mrt_map *m)
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
	m->progress = (uint64_t)mt->shape << 48;
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
map_get(const struct mrt_map_type *mt, const struct mrt_map *m, struct map_key key, uint64_t hash,
	const struct map_keys *k)
{
	struct map_place at = {0};

	if (!map_search(map_chain(m, hash, mt->bucket_bytes), mt->bucket_bytes, key, hash, k, &at))
		return NULL;
	return map_elem_at(mt, at.bucket, at.i, k->slot);
}

/* An integer key, and a map with a flag that matters here, or with other keys. A tail call: who only
 * reads needs no frame. */
static __attribute__((cold, noinline)) const void *
map_get_flagged(const struct mrt_map_type *mt, const struct mrt_map *m, uint64_t word)
{
	const struct map_keys *k = map_keys_of(mt);
	struct map_key key = {.word = k->kind == MRT_KEY_U32 ? (uint32_t)word : word};

	if (!map_key_is_int(k))
		map_not_integer();
	return map_get(mt, m, key, map_hash_to_read(m, k, key), k);
}

bool map_find(const struct mrt_map_type *mt, const struct mrt_map *m, struct map_key key,
	      struct map_place *ret)
{
	const struct map_keys *k = map_keys_of(mt);
	uint64_t hash = map_hash_key(m, k, key);

	*ret = (struct map_place){0};
	return map_search(map_chain(m, hash, mt->bucket_bytes), mt->bucket_bytes, key, hash, k, ret);
}

const void *mrt_map_get(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, uint64_t key)
{
	(void)g;
	prim_step(PRIM_COST_MAP_OP);
	if (m == NULL || m->count == 0)
		return NULL;
	if (PRIM_UNLIKELY(map_flags(m) & (MAP_COLLIDING | MAP_WRITING)))
		return map_get_flagged(mt, m, key);
	if (mt->key == MRT_KEY_U64)
		return map_get(mt, m, (struct map_key){.word = key},
			       data_hash_int(key, 8, m->hash0), &map_keys_u64);
	if (PRIM_UNLIKELY(mt->key != MRT_KEY_U32))
		return map_get_flagged(mt, m, key);
	return map_get(mt, m, (struct map_key){.word = (uint32_t)key},
		       data_hash_int((uint32_t)key, 4, m->hash0), &map_keys_u32);
}

const void *mrt_map_get_key(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, const void *at)
{
	const struct map_keys *k = map_keys_of(mt);
	struct map_key key = map_key_from(k, at);

	if (map_key_is_int(k))
		return mrt_map_get(g, mt, m, key.word);
	prim_step(PRIM_COST_MAP_OP);
	if (m == NULL || m->count == 0)
		return NULL;
	if (mt->key == MRT_KEY_STRING)
		return map_get(mt, m, key, map_hash_to_read(m, &map_keys_string, key),
			       &map_keys_string);
	return map_get(mt, m, key, map_hash_to_read(m, k, key), k);
}

uint64_t mrt_map_count(const mrt_map *m)
{
	return m != NULL ? m->count : 0;
}

/* ------------------------------------------------------------------- assign */

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
	void *key, *elem; /* objects, of what is indirect */
};

static __attribute__((noinline)) int map_insert_prepare(struct sched_g *g,
							const struct mrt_map_type *mt,
							struct mrt_map *m, bool overflow,
							struct map_needs *ret)
{
	int rc = overflow ? map_reserve(g, mt, m, 1, &ret->reserve) : 0;

	if (rc == 0 && mt->key_indirect)
		rc = gc_alloc(g, mt->key_layout, 1, &ret->key);
	if (rc == 0 && mt->indirect)
		rc = gc_alloc(g, mt->elem, 1, &ret->elem);
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
map_key_write(struct sched_g *g, const struct mrt_map_type *mt, const struct map_keys *k,
	      struct map_key key, void *dst)
{
	if (map_key_is_int(k))
		memcpy(dst, &key.word, k->bytes); /* little endian */
	else
		map_typed_write(g, mt->key_layout, dst, key.at);
}

static inline __attribute__((always_inline)) void
map_insert(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, struct map_key key,
	   uint64_t hash, const void *elem, const struct map_keys *k, struct map_place *at,
	   struct map_needs *needs)
{
	void *slot, *key_slot;

	if (PRIM_UNLIKELY(at->bucket == NULL)) {
		at->bucket = map_overflow_take(g, mt, m, at->tail, &needs->reserve);
		at->i = 0;
	}
	slot = map_slot_at(at->bucket, at->i, k->slot, mt->slot_bytes);
	key_slot = map_key_at(at->bucket, at->i, k->slot);
	if (mt->indirect) {
		map_typed_write(g, mt->elem, needs->elem, elem);
		map_store(g, slot, needs->elem);
	} else {
		map_typed_write(g, mt->elem, slot, elem);
	}
	if (k->indirect) {
		map_key_write(g, mt, k, key, needs->key);
		map_store(g, key_slot, needs->key);
	} else {
		map_key_write(g, mt, k, key, key_slot);
	}
	at->bucket[at->i] = map_top_of(hash);
	map_set(m->count, m->count + 1);
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

/* The flag is held. */
static inline __attribute__((always_inline)) int
map_assign_hashed(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		  struct map_key key, uint64_t hash, const void *elem, const struct map_keys *k)
{
	uint64_t word = map_key_word(k, key, hash);
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
		if (map_search(head, mt->bucket_bytes, key, hash, k, &at)) {
			void *dst = map_elem_at(mt, at.bucket, at.i, k->slot);

			map_assign_point(g, mt, m, word, dst, elem);
			if (k->update)
				map_key_write(g, mt, k, key, map_key_place(k, at.bucket, at.i));
			map_typed_write(g, mt->elem, dst, elem);
			return 0;
		}
		rc = map_room(g, mt, m, hash, grown);
		if (rc < 0)
			return rc;
		if (PRIM_UNLIKELY(rc == 0)) {
			grown = true;
			continue;
		}
		if (PRIM_UNLIKELY(at.bucket == NULL || mt->indirect || k->indirect)) {
			rc = map_insert_prepare(g, mt, m, at.bucket == NULL, &needs);
			if (rc < 0)
				return rc;
		}
		map_assign_point(g, mt, m, word, NULL, elem);
		map_insert(g, mt, m, key, hash, elem, k, &at, &needs);
		return 0;
	}
}

static inline __attribute__((always_inline)) int
map_assign(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, struct map_key key,
	   const void *elem, const struct map_keys *k)
{
	uint64_t hash = map_hash_to_write(m, k, key);
	int rc = map_assign_hashed(g, mt, m, key, hash, elem, k);

	map_write_ends(m);
	return rc;
}

/* A nil map is a programmer's mistake, answered with Go's text. */
static inline void map_put_begin(struct sched_g *g, const struct mrt_map *m)
{
	if (PRIM_UNLIKELY(m == NULL))
		map_die("panic: assignment to entry in nil map\n");
	mrt_safepoint(&g->pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(g);
	prim_step(PRIM_COST_MAP_OP);
	sched_op_enter(g);
}

static inline int map_put_end(struct sched_g *g, int rc)
{
	if (gcs_gate(GCS_POINT_gc_write) && rc == 0)
		gc_write_end(g);
	sched_op_leave(g);
	return rc;
}

int mrt_map_put(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, uint64_t word,
		const void *elem)
{
	struct map_key key = {.word = word};
	struct sched_g *g = sched_of(pub);
	int rc;

	map_put_begin(g, m);
	if (mt->key == MRT_KEY_U64) {
		rc = map_assign(g, mt, m, key, elem, &map_keys_u64);
	} else {
		if (PRIM_UNLIKELY(mt->key != MRT_KEY_U32))
			map_not_integer();
		key.word = (uint32_t)word;
		rc = map_assign(g, mt, m, key, elem, &map_keys_u32);
	}
	return map_put_end(g, rc);
}

int mrt_map_put_key(mrt_g *pub, const struct mrt_map_type *mt, mrt_map *m, const void *at,
		    const void *elem)
{
	const struct map_keys *k = map_keys_of(mt);
	struct map_key key = map_key_from(k, at);
	struct sched_g *g = sched_of(pub);
	int rc;

	if (map_key_is_int(k))
		return mrt_map_put(pub, mt, m, key.word, elem);
	map_put_begin(g, m);
	if (mt->key == MRT_KEY_STRING)
		rc = map_assign(g, mt, m, key, elem, &map_keys_string);
	else
		rc = map_assign(g, mt, m, key, elem, k);
	return map_put_end(g, rc);
}
