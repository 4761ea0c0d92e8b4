/*
 * map_type.c: types of maps: the layout of buckets (reflectdata's MapBucketType), the kinds of keys
 * (alg.go), and the table of shapes by which the heap check reads a map that it finds.
 *
 * A map's header has 48 bytes, as Go's, and no pointer to its type; it holds the number of its shape
 * (16 bits of nevacuate's word).  Shapes are told apart by content and stay for the life of the
 * process, so types may come and go, on the stack too.
 */
#include "runtime/data/map_priv.h"

#include <errno.h>

static const uint64_t type_pointer_mask = 1;
static const struct mrt_type type_string = {"string", sizeof(struct mrt_string), 1,
					    &type_pointer_mask};
static const struct mrt_type type_u32 = {"u32", 4, 0, NULL}, type_u64 = {"u64", 8, 0, NULL};

/* ------------------------------------------------------------------- shapes */

enum { SHAPE_FREE, SHAPE_BEING_WRITTEN, SHAPE_READY };

static struct {
	_Atomic uint32_t state; /* READY: release, pairs with the acquire of who looks for a shape */
	struct map_shape shape;
} map_shapes[MAP_SHAPES_MAX];

const struct map_shape *map_shape_at(uint16_t number)
{
	return &map_shapes[number - 1].shape;
}

/* Its number, 1..; 0: the table is full. Two threads that bring the same at once may both get in:
 * then it has two numbers, which does no harm, and nobody waits. */
static uint16_t map_shape_register(const struct map_shape *shape)
{
	for (uint16_t i = 0; i < MAP_SHAPES_MAX; i++) {
		uint32_t state = atomic_load_explicit(&map_shapes[i].state, memory_order_acquire);

		if (state == SHAPE_READY &&
		    memcmp(&map_shapes[i].shape, shape, sizeof(*shape)) == 0)
			return i + 1;
		if (state != SHAPE_FREE ||
		    !atomic_compare_exchange_strong_explicit(&map_shapes[i].state, &state,
							     SHAPE_BEING_WRITTEN,
							     memory_order_relaxed,
							     memory_order_relaxed))
			continue;
		memcpy(&map_shapes[i].shape, shape, sizeof(*shape));
		atomic_store_explicit(&map_shapes[i].state, SHAPE_READY, memory_order_release);
		return i + 1;
	}
	return 0;
}

/* --------------------------------------------------------------------- keys */

/* Floats by their bits: the same in every build. exp_bits: an infinity's, all shifted left by one. */
static uint64_t map_float_hash(uint64_t bits, unsigned bytes, uint64_t seed)
{
	uint64_t shifted = bits << (bytes == 8 ? 1 : 33);

	if (shifted == 0)
		return data_hash_int(0, bytes, seed);
	if (shifted > (bytes == 8 ? (uint64_t)0x7ff << 53 : (uint64_t)0xff << 56))
		return data_hash_int(data_random(), bytes, seed);
	return data_hash_int(bits, bytes, seed);
}

static bool map_float_equal(uint64_t a, uint64_t b, unsigned bytes)
{
	uint64_t shifted = a << (bytes == 8 ? 1 : 33);

	if (shifted > (bytes == 8 ? (uint64_t)0x7ff << 53 : (uint64_t)0xff << 56))
		return false;
	return a == b || (shifted == 0 && b << (bytes == 8 ? 1 : 33) == 0);
}

static uint64_t map_bits(const void *p, size_t bytes)
{
	uint64_t bits = 0;

	memcpy(&bits, p, bytes);
	return bits;
}

uint64_t mrt_hash_memory(const void *p, size_t bytes, uint64_t seed)
{
	if (bytes >= 64)
		prim_step_n(PRIM_COST_COPY_CACHELINE, (uint32_t)(bytes / 64));
	return data_hash_bytes(p, bytes, seed);
}

uint64_t mrt_hash_string(const struct mrt_string *s, uint64_t seed)
{
	return map_string_hash(s, seed);
}

uint64_t mrt_hash_f32(float f, uint64_t seed)
{
	return map_float_hash(map_bits(&f, 4), 4, seed);
}

uint64_t mrt_hash_f64(double f, uint64_t seed)
{
	return map_float_hash(map_bits(&f, 8), 8, seed);
}

uint64_t map_key_hash_other(const struct map_keys *k, const void *key, uint64_t seed)
{
	if (k->kind == MRT_KEY_F64 || k->kind == MRT_KEY_F32)
		return map_float_hash(map_bits(key, k->bytes), k->bytes, seed);
	if (k->kind == MRT_KEY_CUSTOM)
		return k->hash(key, seed);
	return mrt_hash_memory(key, k->bytes, seed);
}

bool map_key_equal_other(const struct map_keys *k, const void *a, const void *b)
{
	if (k->kind == MRT_KEY_F64 || k->kind == MRT_KEY_F32)
		return map_float_equal(map_bits(a, k->bytes), map_bits(b, k->bytes), k->bytes);
	if (k->kind == MRT_KEY_CUSTOM)
		return k->equal(a, b);
	return memcmp(a, b, k->bytes) == 0;
}

static const struct mrt_type *map_key_layout(const struct mrt_key_type *key)
{
	switch (key->kind) {
	case MRT_KEY_U32:
	case MRT_KEY_F32:
		return &type_u32;
	case MRT_KEY_U64:
	case MRT_KEY_F64:
		return &type_u64;
	case MRT_KEY_STRING:
		return &type_string;
	case MRT_KEY_CUSTOM:
		return key->hash != NULL && key->equal != NULL ? key->layout : NULL;
	case MRT_KEY_MEMORY:
		return key->layout;
	}
	return NULL;
}

static void map_keys_init(struct map_keys *k, const struct mrt_key_type *key,
			  const struct mrt_type *layout, const struct mrt_type *slot)
{
	bool custom = key->kind == MRT_KEY_CUSTOM;
	bool floats = key->kind == MRT_KEY_F32 || key->kind == MRT_KEY_F64;

	k->kind = key->kind;
	k->bytes = (uint32_t)layout->size;
	k->slot = (uint32_t)slot->size;
	k->indirect = slot != layout;
	k->pointers = slot->ptr_words > 0;
	k->reflexive = !floats && !(custom && key->irreflexive);
	k->update = floats || key->kind == MRT_KEY_STRING || (custom && key->update);
	k->hash = custom ? key->hash : NULL;
	k->equal = custom ? key->equal : NULL;
}

/* ------------------------------------------------------------------ buckets */

/* Mark the pointers of eight slots, the first of which lies `at` bytes into the bucket. */
static void map_bucket_pointers(struct mrt_map_type *mt, const struct mrt_type *slot, size_t at)
{
	for (size_t i = 0; i < MAP_SLOTS; i++, at += slot->size)
		for (size_t w = 0; w < slot->ptr_words; w++)
			if ((slot->ptrmask[w / 64] >> (w % 64)) & 1)
				mt->bucket_mask[(at / 8 + w) / 64] |= (uint64_t)1
								      << ((at / 8 + w) % 64);
}

/* The overflow word is a pointer if anything else in the bucket is. */
static void map_bucket_init(struct mrt_map_type *mt)
{
	uint32_t words = mt->bucket_bytes / 8;

	mt->bucket.name = "map.bucket";
	mt->bucket.size = mt->bucket_bytes;
	if (!mt->has_pointers)
		return;
	map_bucket_pointers(mt, mt->key_slot, MAP_SLOTS);
	map_bucket_pointers(mt, mt->elem_slot, MAP_SLOTS + MAP_SLOTS * (size_t)mt->key_bytes);
	mt->bucket_mask[(words - 1) / 64] |= (uint64_t)1 << ((words - 1) % 64);
	mt->bucket.ptr_words = words;
	mt->bucket.ptrmask = mt->bucket_mask;
}

/* Can it lie in a slot, or be an object? */
static bool map_part_ok(const struct mrt_type *part)
{
	return part != NULL && part->size <= UINT32_MAX &&
	       (part->ptr_words == 0 || part->size % 8 == 0);
}

int mrt_map_type_init_key(struct mrt_map_type *mt, const struct mrt_key_type *key,
			  const struct mrt_type *elem)
{
	const struct mrt_type *layout = map_key_layout(key);
	struct map_shape shape;

	if (!map_part_ok(layout) || !map_part_ok(elem))
		return -EINVAL;
	memset(mt, 0, sizeof(*mt));
	mt->key = key->kind;
	mt->elem = elem;
	mt->key_layout = layout;
	mt->key_indirect = layout->size > MAP_INLINE_MAX;
	mt->indirect = elem->size > MAP_INLINE_MAX;
	mt->key_slot = mt->key_indirect ? &map_pointer_type : layout;
	mt->elem_slot = mt->indirect ? &map_pointer_type : elem;
	mt->key_bytes = (uint32_t)mt->key_slot->size;
	mt->slot_bytes = (uint32_t)mt->elem_slot->size;
	mt->bucket_bytes = MAP_SLOTS + MAP_SLOTS * (mt->key_bytes + mt->slot_bytes) +
			   (uint32_t)sizeof(void *);
	mt->has_pointers = mt->key_slot->ptr_words > 0 || mt->elem_slot->ptr_words > 0;
	map_bucket_init(mt);
	memset(&shape, 0, sizeof(shape)); /* padding too: shapes are compared as bytes */
	map_keys_init(&shape.keys, key, layout, mt->key_slot);
	shape.slot_bytes = mt->slot_bytes;
	shape.bucket_bytes = mt->bucket_bytes;
	shape.indirect = mt->indirect;
	shape.pointers = mt->has_pointers;
	mt->shape = map_shape_register(&shape);
	return mt->shape != 0 ? 0 : -ENOSPC;
}

int mrt_map_type_init(struct mrt_map_type *mt, enum mrt_key key, const struct mrt_type *elem)
{
	if (key != MRT_KEY_U32 && key != MRT_KEY_U64)
		return -EINVAL;
	return mrt_map_type_init_key(mt, &(struct mrt_key_type){.kind = key}, elem);
}

/* ------------------------------------------------------------------ inspect */

/* Of the arrays, and of what overflow buckets the spare ones of the current array did not suffice for. */
static uint64_t map_info_bytes(const struct mrt_map_info *info, uint32_t bucket_bytes,
			       bool noscan)
{
	uint64_t buckets = (uint64_t)1 << info->b;
	uint64_t all = map_array_count(bucket_bytes, noscan, info->b), spares = all - buckets;

	if (info->overflow > spares)
		all += info->overflow - spares;
	if (info->growing)
		all += map_array_count(bucket_bytes, noscan, (uint8_t)__builtin_ctzll(info->old_buckets));
	return all * bucket_bytes;
}

void mrt_map_growths(const mrt_g *g, struct mrt_map_growths *ret)
{
	const struct sched_g *own = (const struct sched_g *)g;

	*ret = (struct mrt_map_growths){.doubled = own->maps_doubled, .same_size = own->maps_regrown};
}

void mrt_map_inspect(const mrt_map *m, struct mrt_map_info *ret)
{
	uint64_t progress, nevacuate;

	memset(ret, 0, sizeof(*ret));
	if (m == NULL)
		return;
	/* Relaxed: pair with the stores of map_set and gc_store; the contract promises no common moment. */
	ret->count = __atomic_load_n(&m->count, __ATOMIC_RELAXED);
	ret->b = __atomic_load_n(&m->b, __ATOMIC_RELAXED);
	ret->overflow = __atomic_load_n(&m->noverflow, __ATOMIC_RELAXED);
	ret->growing = __atomic_load_n(&m->old_buckets, __ATOMIC_RELAXED) != NULL;
	ret->same_size = map_same_size(m);
	progress = __atomic_load_n(&m->progress, __ATOMIC_RELAXED);
	nevacuate = progress & MAP_NEVACUATE_MAX;
	ret->load_milli = ret->count * 1000 >> ret->b;
	if (ret->growing) {
		uint8_t old_b = ret->b - (ret->same_size || ret->b == 0 ? 0 : 1);

		ret->old_buckets = (uint64_t)1 << old_b;
		ret->evacuated = nevacuate < ret->old_buckets ? nevacuate : ret->old_buckets;
	}
	if (__atomic_load_n(&m->buckets, __ATOMIC_RELAXED) != NULL) {
		const struct map_shape *shape = map_shape_at((uint16_t)(progress >> 48));

		ret->bucket_bytes = map_info_bytes(ret, shape->bucket_bytes, !shape->pointers);
	}
}
