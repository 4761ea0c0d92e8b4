/*
 * map_grow.c: bucket arrays, overflow buckets, growth and evacuation (map.go: makeBucketArray,
 * newoverflow, hashGrow, growWork, evacuate).
 *
 * Growth is incremental: a new array is hung in, and every assign or delete moves the chain its key
 * belongs to, and one more. A chain splits into the lower half (X, same index) and the upper (Y),
 * or is compacted (same size).
 *
 * What differs from Go: nothing here is half done when memory is refused.
 *  - The overflow buckets that the destinations of one chain need are counted and set aside before
 * its first cell moves.  Refused, that chain stays in the old array, complete, and is found,
 * updated and deleted there; the next assign or delete that comes by tries again.  Only a new key
 * of that chain has no place: -ENOMEM.
 *  - A chain of one bucket needs none (each half has room for all eight), so it can always move.
 *  - Several overflow buckets set aside at once are one allocation, not one each.
 *  - The list that keeps the overflow buckets of a noscan map alive is made with its array (from
 * 2^1 on; a single bucket never overflows), not by the first overflow bucket or iterator: so an
 * iteration cannot fail.
 */
#include "runtime/data/data.h"
#include "runtime/data/map_priv.h"

#include "faults/gate.h"

/* ------------------------------------------------------------ bucket arrays */

uint64_t map_array_count(uint32_t bucket_bytes, bool noscan, uint8_t b)
{
	uint64_t n = (uint64_t)1 << b;
	size_t bytes, rounded;

	if (b < 4)
		return n;
	n += (uint64_t)1 << (b - 4);
	bytes = n * bucket_bytes;
	rounded = data_round_up_by(data_rounding(), bytes, noscan);
	return rounded == bytes ? n : rounded / bucket_bytes;
}

uint8_t *map_array_spares(struct sched_g *g, const struct mrt_map_type *mt, uint8_t *array,
			  uint8_t b, uint64_t n)
{
	uint64_t base = (uint64_t)1 << b;

	if (n == base)
		return NULL;
	map_overflow_set(g, mt, array + (n - 1) * mt->bucket_bytes, array);
	return array + base * mt->bucket_bytes;
}

int map_array_alloc(struct sched_g *g, const struct mrt_map_type *mt, uint8_t b,
		    uint8_t **ret_array, uint8_t **ret_spare)
{
	uint64_t n = map_array_count(mt->bucket_bytes, !mt->has_pointers, b);
	void *array;
	int rc = gc_alloc(g, &mt->bucket, n, &array);

	if (rc < 0)
		return rc;
	*ret_array = array;
	*ret_spare = map_array_spares(g, mt, array, b, n);
	return 0;
}

/* --------------------------------------------------------- overflow buckets */

int map_extra_ensure(struct sched_g *g, struct mrt_map *m)
{
	void *extra;
	int rc;

	if (m->extra != NULL)
		return 0;
	rc = gc_alloc(g, &map_extra_type, 1, &extra);
	if (rc == 0)
		map_store(g, &m->extra, extra);
	return rc;
}

int map_lists_alloc(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint8_t b,
		    bool spares, struct map_list **ret)
{
	void *list = NULL;
	bool need = !mt->has_pointers && b > 0;
	int rc = need || spares ? map_extra_ensure(g, m) : 0;

	if (rc == 0 && need)
		rc = gc_alloc(g, &map_list_type, 1, &list);
	if (rc == 0)
		*ret = list;
	return rc;
}

/* Room for n more entries. */
static int map_list_reserve(struct sched_g *g, struct map_list *list, uint64_t n)
{
	size_t cap;
	void *array;
	int rc;

	if (list->len + n <= list->cap)
		return 0;
	cap = mrt_slice_next_cap((struct mrt_growth){.elem_bytes = sizeof(void *),
						     .rounding = data_rounding()},
				 list->cap, list->len + n);
	rc = gc_alloc(g, &map_pointer_type, cap, &array);
	if (rc < 0)
		return rc;
	if (list->len > 0)
		gc_copy_typed(g, &map_pointer_type, array, list->array, list->len);
	map_store(g, &list->array, array);
	list->cap = cap;
	return 0;
}

/* Spare buckets still in the array, counted up to `limit`. */
static uint64_t map_spares_left(const struct mrt_map_type *mt, const struct mrt_map *m,
				uint64_t limit)
{
	uint8_t *spare = m->extra != NULL ? m->extra->next_spare : NULL;
	uint64_t n = 0;

	while (spare != NULL && n < limit) {
		n++;
		if (map_overflow(spare, mt->bucket_bytes) != NULL)
			break;
		spare += mt->bucket_bytes;
	}
	return n;
}

int map_reserve(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint64_t n,
		struct map_reserve *ret)
{
	uint64_t missing = n - map_spares_left(mt, m, n);
	void *fresh = NULL;
	int rc = 0;

	if (!mt->has_pointers)
		rc = map_list_reserve(g, m->extra->overflow, n);
	if (rc == 0 && missing > 0)
		rc = gc_alloc(g, &mt->bucket, missing, &fresh);
	if (rc < 0)
		return rc;
	ret->fresh = fresh;
	ret->nfresh = missing;
	return 0;
}

static uint8_t *map_spare_take(struct sched_g *g, const struct mrt_map_type *mt,
			       struct map_extra *extra)
{
	uint8_t *bucket = extra->next_spare, *next = NULL;

	if (map_overflow(bucket, mt->bucket_bytes) == NULL)
		next = bucket + mt->bucket_bytes;
	else
		map_overflow_set(g, mt, bucket, NULL); /* the last one's mark */
	map_store(g, &extra->next_spare, next);
	return bucket;
}

/* Exact below b 16, then a coin (incrnoverflow). */
static void map_overflow_count(struct mrt_map *m)
{
	uint64_t mask = m->b < 16 ? 0 : map_mask((uint8_t)(m->b - 15));

	if (m->noverflow == UINT16_MAX || (mask != 0 && (data_random() & mask) != 0))
		return;
	map_set(m->noverflow, m->noverflow + 1);
}

uint8_t *map_overflow_take(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
			   uint8_t *tail, struct map_reserve *r)
{
	uint8_t *bucket;

	if (m->extra != NULL && m->extra->next_spare != NULL) {
		bucket = map_spare_take(g, mt, m->extra);
	} else {
		bucket = r->fresh;
		r->fresh += mt->bucket_bytes;
		r->nfresh--;
	}
	map_overflow_count(m);
	if (!mt->has_pointers) {
		struct map_list *list = m->extra->overflow;

		map_store(g, &list->array[list->len], bucket);
		list->len++;
	}
	map_overflow_set(g, mt, tail, bucket);
	return bucket;
}

/* ------------------------------------------------------------------- growth */

/* Hang the new array in. Everything is allocated. */
static void map_grow_commit(struct sched_g *g, struct mrt_map *m, uint8_t b, uint8_t *array,
			    uint8_t *spare, struct map_list *list)
{
	uint8_t flags = map_flags(m);

	if (m->extra != NULL && m->extra->old_overflow != NULL)
		map_die("fatal error: oldoverflow is not nil\n");
	flags = (flags & (MAP_COLLIDING | MAP_WRITING)) | ((flags & MAP_ITERATOR) ? MAP_OLD_ITERATOR : 0);
	if (b == m->b)
		flags |= MAP_SAME_SIZE;
	*(b == m->b ? &g->maps_regrown : &g->maps_doubled) += 1;
	atomic_store_explicit(&m->flags, flags, memory_order_relaxed);
	map_store(g, &m->old_buckets, m->buckets);
	map_store(g, &m->buckets, array);
	map_set(m->b, b);
	map_nevacuate_set(m, 0);
	map_set(m->noverflow, 0);
	if (m->extra == NULL)
		return;
	map_store(g, &m->extra->old_overflow, m->extra->overflow);
	map_store(g, &m->extra->overflow, list);
	map_store(g, &m->extra->next_spare, spare);
}

static int map_grow_to(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		       uint8_t b)
{
	uint8_t *array, *spare;
	struct map_list *list;
	int rc = map_array_alloc(g, mt, b, &array, &spare);

	if (rc == 0)
		rc = map_lists_alloc(g, mt, m, b, spare != NULL, &list);
	if (rc < 0)
		return rc;
	map_grow_commit(g, m, b, array, spare, list);
	return 0;
}

/* One visit of map/grow, before a growth to 2^b buckets: what may the fault do to it? */
static bool map_grow_visit(const struct sched_g *g, const struct mrt_map_type *mt,
			   const struct mrt_map *m, uint8_t b, enum gcs_action may,
			   struct gcs_site *ret_site, struct gcs_firing *ret)
{
	*ret_site = gc_site(g, !g->system, map_array_count(mt->bucket_bytes, !mt->has_pointers, b) * mt->bucket_bytes);
	ret_site->type = mt->elem->name;
	ret_site->map = m;
	ret_site->actions = (uint16_t)may;
	return gcs_decide(GCS_POINT_map_grow, ret_site, ret);
}

int map_grow_start(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m)
{
	uint8_t b = map_overloaded(m->count + 1, m->b) ? m->b + 1 : m->b;
	struct gcs_firing firing;
	struct gcs_site site;

	if (gcs_gate(GCS_POINT_map_grow) &&
	    map_grow_visit(g, mt, m, b, GCS_ACT_FAIL, &site, &firing))
		return gc_fault_fails(g, &site, &firing, site.arg);
	return map_grow_to(g, mt, m, b);
}

/* To how many buckets a map grows that need not: so that its memory stays bounded. */
static uint8_t map_grow_size(const struct mrt_map *m)
{
	return m->b + (m->b == 0 || map_overloaded(2 * (m->count + 1), m->b));
}

bool map_grow_forced(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m)
{
	uint8_t b = map_grow_size(m);
	struct gcs_firing firing;
	struct gcs_site site;

	if (!map_grow_visit(g, mt, m, b, GCS_ACT_FORCE, &site, &firing) ||
	    map_grow_to(g, mt, m, b) < 0)
		return false;
	site = gc_site(g, true, site.arg); /* another P perhaps */
	gcs_effect(&site, firing.id, GCS_EFFECT_BEGAN, map_mask(b) + 1);
	return true;
}

void map_grow_midway(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		     uint64_t bucket, uint64_t firing)
{
	struct gcs_site site;
	int rc;

	map_write_begins(m);
	rc = map_grow_to(g, mt, m, map_grow_size(m));
	site = gc_site(g, true, 0); /* another P perhaps */
	gcs_effect(&site, firing, rc == 0 ? GCS_EFFECT_BEGAN : GCS_EFFECT_IDLE, rc == 0 ? map_mask(m->b) + 1 : 0);
	if (rc == 0)
		map_grow_work(g, mt, m, bucket, false);
	map_write_ends(m);
}

/* --------------------------------------------------------------- evacuation */

/* Where the next cell of one half goes. */
struct map_half {
	uint8_t *bucket;
	unsigned i;
};

/*
 * How the cells of one chain are split. Counting and moving must come to the same, and a NaN hashes
 * differently each time: so one draw decides for all NaNs of the chain, by their place in it. While an
 * iterator is on its way that began after the growth, a NaN goes by the lowest bit of its tophash instead
 * (the iterator goes by it, too, before the chain has moved), and gets a new tophash.
 */
struct map_split {
	uint64_t nold;
	bool same_size, by_top;
	uint64_t draw;
	uint64_t cells; /* looked at */
};

static inline struct map_split map_split_make(const struct mrt_map *m, const struct map_keys *k)
{
	return (struct map_split){.nold = map_old_count(m),
				  .same_size = map_same_size(m),
				  .by_top = map_flag(m, MAP_ITERATOR),
				  .draw = k->reflexive ? 0 : data_random()};
}

/* A live cell: which half? *top may be drawn anew. */
static inline __attribute__((always_inline)) bool
map_goes_up(const struct mrt_map *m, const struct map_keys *k, struct map_split *split,
	    uint8_t *bucket, unsigned i, uint8_t *top)
{
	const void *key;
	uint64_t hash;
	bool up;

	if (split->same_size)
		return false;
	key = map_key_place(k, bucket, i);
	if (k->reflexive || map_key_whole(k, key))
		return (map_hash_key(m, k, map_key_from(k, key)) & split->nold) != 0;
	hash = data_fold(split->draw ^ ++split->cells, DATA_HASH_A);
	if (!split->by_top)
		return hash & 1;
	up = *top & 1;
	*top = map_top_of(hash);
	return up;
}

/* Overflow buckets that the halves of this old chain will need. */
static uint64_t map_evacuation_need(const struct mrt_map_type *mt, const struct mrt_map *m,
				    struct map_split split, uint8_t *bucket)
{
	const struct map_keys *k = map_keys_of(mt);
	uint64_t n[2] = {0, 0};

	if (map_overflow(bucket, mt->bucket_bytes) == NULL)
		return 0;
	for (; bucket != NULL; bucket = map_overflow(bucket, mt->bucket_bytes)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++) {
			uint8_t top = bucket[i];

			if (top >= MAP_TOP_MIN)
				n[map_goes_up(m, k, &split, bucket, i, &top)]++;
		}
	}
	return (n[0] > 0 ? (n[0] - 1) / MAP_SLOTS : 0) + (n[1] > 0 ? (n[1] - 1) / MAP_SLOTS : 0);
}

static inline __attribute__((always_inline)) void
map_cell_move(struct sched_g *g, const struct mrt_map_type *mt, const struct map_keys *k,
	      const struct map_half *to, uint8_t *bucket, unsigned i)
{
	uint8_t *key = map_key_at(to->bucket, to->i, k->slot);

	if (k->pointers)
		map_typed_write(g, mt->key_slot, key, map_key_at(bucket, i, k->slot));
	else
		memcpy(key, map_key_at(bucket, i, k->slot), k->slot);
	map_typed_write(g, mt->elem_slot, map_slot_at(to->bucket, to->i, k->slot, mt->slot_bytes),
			map_slot_at(bucket, i, k->slot, mt->slot_bytes));
}

/* Drop what the old base bucket holds on to: all but the tophash bytes. */
static void map_bucket_release(struct sched_g *g, const struct mrt_map_type *mt, uint8_t *bucket)
{
	uint8_t *keys = map_key_at(bucket, 0, mt->key_bytes);

	gc_clear_typed(g, mt->key_slot, keys, MAP_SLOTS);
	gc_clear_typed(g, mt->elem_slot, map_slot_at(bucket, 0, mt->key_bytes, mt->slot_bytes),
		       MAP_SLOTS);
	map_overflow_set(g, mt, bucket, NULL);
}

/* Move every cell of an old chain. Its overflow buckets are in r or spare. */
static inline __attribute__((always_inline)) void
map_chain_move(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m, uint64_t index,
	       struct map_split split, struct map_reserve *r, const struct map_keys *k)
{
	uint32_t bytes = mt->bucket_bytes, moved = 0;
	uint8_t *bucket = m->old_buckets + index * bytes;
	struct map_half half[2] = {{m->buckets + index * bytes, 0}, {NULL, 0}};

	if (!split.same_size)
		half[1].bucket = m->buckets + (index + split.nold) * bytes;
	for (; bucket != NULL; bucket = map_overflow(bucket, bytes)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++) {
			uint8_t top = bucket[i];
			struct map_half *to;
			bool up;

			if (top <= MAP_EMPTY_ONE) {
				bucket[i] = MAP_EVACUATED_EMPTY;
				continue;
			}
			if (top < MAP_TOP_MIN)
				map_die("fatal error: bad map state\n");
			up = map_goes_up(m, k, &split, bucket, i, &top);
			bucket[i] = MAP_EVACUATED_X + up;
			to = &half[up];
			if (to->i == MAP_SLOTS) {
				to->bucket = map_overflow_take(g, mt, m, to->bucket, r);
				to->i = 0;
			}
			to->bucket[to->i] = top;
			map_cell_move(g, mt, k, to, bucket, i);
			to->i++;
			moved++;
		}
	}
	prim_step_n(PRIM_COST_MAP_EVACUATE_SLOT, moved);
}

/* The chain at nevacuate has moved: pass over it and what moved before it; at the end drop the old
 * array. */
static void map_advance(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m)
{
	uint64_t nold = map_old_count(m), next = map_nevacuate(m) + 1, stop = next + MAP_ADVANCE_MAX;

	if (stop > nold)
		stop = nold;
	while (next < stop && map_evacuated(m->old_buckets + next * mt->bucket_bytes))
		next++;
	map_nevacuate_set(m, next);
	if (next < nold)
		return;
	map_store(g, &m->old_buckets, NULL);
	if (m->extra != NULL)
		map_store(g, &m->extra->old_overflow, NULL);
	atomic_fetch_and_explicit(&m->flags, (uint8_t)~MAP_SAME_SIZE, memory_order_relaxed);
}

/* sabotage/lost_bucket: the chain counts as moved, and its cells are gone. */
static __attribute__((cold, noinline)) void map_chain_lose(const struct mrt_map_type *mt,
							   uint8_t *bucket)
{
	for (; bucket != NULL; bucket = map_overflow(bucket, mt->bucket_bytes))
		memset(bucket, MAP_EVACUATED_EMPTY, MAP_SLOTS);
}

/* map/evacuate: the chain has moved, and who has moved it is held before it goes on. */
static __attribute__((cold, noinline)) void map_evacuation_held(struct sched_g *g,
								const struct mrt_map_type *mt,
								const struct mrt_map *m,
								uint64_t index)
{
	struct gcs_site site = gc_site(g, !g->system, index);
	struct gcs_firing firing;
	int64_t begin_ns = site.now_ns;

	site.actions = GCS_ACT_DELAY;
	site.type = mt->elem->name;
	site.map = m;
	if (!gcs_decide(GCS_POINT_map_evacuate, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	mrt_sleep_until(&g->pub, begin_ns + firing.delay_ns);
	site = gc_site(g, true, index); /* another P perhaps */
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - begin_ns));
}

/* map/evacuate: is this operation's share of the growth left undone? */
static __attribute__((cold, noinline)) bool map_evacuation_dropped(struct sched_g *g,
								   const struct mrt_map_type *mt,
								   const struct mrt_map *m,
								   bool may)
{
	struct gcs_site site = gc_site(g, may && !g->system, map_nevacuate(m));
	struct gcs_firing firing;

	site.actions = GCS_ACT_DROP;
	site.type = mt->elem->name;
	site.map = m;
	if (!gcs_decide(GCS_POINT_map_evacuate, &site, &firing) || firing.action != GCS_ACT_DROP)
		return false;
	gcs_effect(&site, firing.id, GCS_EFFECT_UNMOVED, map_old_count(m) - map_nevacuate(m));
	return true;
}

/* Move one old chain, if memory allows. */
static void map_evacuate(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
			 uint64_t index)
{
	uint8_t *old = m->old_buckets + index * mt->bucket_bytes;

	if (!map_evacuated(old)) {
		const struct map_keys *k = map_keys_of(mt);
		struct map_split split = map_split_make(m, k);
		struct map_reserve reserve = {0};
		uint64_t need = map_evacuation_need(mt, m, split, old);

		if (need > 0 && map_reserve(g, mt, m, need, &reserve) < 0)
			return;
		if (gcs_gate(GCS_POINT_sabotage_lost_bucket) &&
		    gc_sabotage(g, GCS_POINT_sabotage_lost_bucket, index))
			map_chain_lose(mt, old);
		else if (mt->key == MRT_KEY_U64)
			map_chain_move(g, mt, m, index, split, &reserve, &map_keys_u64);
		else
			map_chain_move(g, mt, m, index, split, &reserve, k);
		/* Every value is in its old and in its new bucket; whole in the sense of the check. */
		if (gcs_gate(GCS_POINT_gc_evacuate))
			gc_force_point_about(g, GCS_POINT_gc_evacuate,
					     (struct gc_about){index, mt->elem->name, m});
		if (gcs_gate(GCS_POINT_map_evacuate))
			map_evacuation_held(g, mt, m, index);
		if (mt->has_pointers && !map_flag(m, MAP_OLD_ITERATOR))
			map_bucket_release(g, mt, old);
	}
	if (index == map_nevacuate(m))
		map_advance(g, mt, m);
}

#define GROW_FAR   ((size_t)512 << 10) /* an old array above this is not in a near cache */
#define GROW_LINE  64u
#define GROW_AHEAD 192u /* bytes of a bucket that are asked for: all of one with keys and values of 8 */

static inline void map_prefetch_bucket(const uint8_t *bucket, size_t bytes)
{
	for (size_t at = 0; at < bytes && at < GROW_AHEAD; at += GROW_LINE)
		__builtin_prefetch(bucket + at, 1);
}

/* The chain lies anywhere in the old array, its cells go to two places anywhere in the new one:
 * three waits for memory at once, not one after the other. */
static void map_prefetch_chain(const struct mrt_map_type *mt, const struct mrt_map *m,
			       uint64_t index)
{
	map_prefetch_bucket(m->old_buckets + index * mt->bucket_bytes, mt->bucket_bytes);
	map_prefetch_bucket(m->buckets + index * mt->bucket_bytes, mt->bucket_bytes);
	if (!map_same_size(m))
		map_prefetch_bucket(m->buckets + (index + map_old_count(m)) * mt->bucket_bytes,
				    mt->bucket_bytes);
}

void map_grow_work(struct sched_g *g, const struct mrt_map_type *mt, struct mrt_map *m,
		   uint64_t bucket, bool inserts)
{
	uint64_t own = bucket & (map_old_count(m) - 1);

	/* A new key has no place in a chain that has not moved. */
	if (gcs_gate(GCS_POINT_map_evacuate) &&
	    map_evacuation_dropped(
		    g, mt, m, !inserts || map_evacuated(m->old_buckets + own * mt->bucket_bytes)))
		return;
	if (map_old_count(m) * mt->bucket_bytes > GROW_FAR)
		map_prefetch_chain(mt, m, own);
	map_evacuate(g, mt, m, own);
	if (map_growing(m))
		map_evacuate(g, mt, m, map_nevacuate(m));
}
