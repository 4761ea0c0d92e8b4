/*
 * map_keys.h: what the tests of map keys share: kinds of keys that are made from a number and known by
 * it again, and a map beside its reference (map_model.h's kinds of elements).
 *
 * Keys with pointers are in the hands of the map alone: the reference remembers addresses where the
 * collector does not look. `look` is what differs between equal keys: which of them does the map hold?
 */
#pragma once

#include "tests/unit/map_model.h"

#define KEYS_BYTES_MAX 304
#define KEYS_TEXT_MAX  320

struct keys_pair;

struct keys_kind {
	const char *name;
	struct mrt_key_type type;
	struct mrt_type layout;
	uint64_t mask[3];
	uint64_t universe_max;
	/* Write key `id` to out. fresh: what it points to is to be new, for storing: in roots, else -ENOMEM. */
	int (*make)(struct keys_pair *p, uint64_t id, bool fresh, void **roots, void *out);
	uint64_t (*id)(const void *key);
	uint64_t (*look)(const void *key); /* NULL: equal keys are the same */
	bool update;
};

struct keys_pair {
	mrt_g *g;
	struct keys_kind *kind;
	struct model_kind *elem_kind;
	struct mrt_map_type mt;
	struct mrt_map *m; /* rooted by the test */
	struct model ref;
	void **object;	/* by id: what a key with a pointer points to, if it is in the map */
	uint64_t *look; /* by id */
	uint64_t elem[MODEL_ELEM_MAX / 8];
};

static const struct mrt_type keys_byte_type = {"byte", 1, 0, NULL};

/* ------------------------------------------------------------- bytes, numbers */

static inline uint64_t keys_id_bytes(const void *key, size_t bytes)
{
	uint64_t id = 0;

	memcpy(&id, key, bytes < 4 ? bytes : 4);
	return id;
}

/* The number, then bytes that follow from it. */
static inline void keys_fill(uint64_t id, size_t bytes, void *out)
{
	unsigned char *p = out;

	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(i < 4 ? id >> 8 * i : model_word(id, 7, i) >> 8);
}

static inline int keys_make_bytes(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				  void *out)
{
	(void)fresh;
	(void)roots;
	keys_fill(id, p->kind->layout.size, out);
	return 0;
}
static inline uint64_t keys_id_any(const void *key)
{
	return keys_id_bytes(key, 4);
}
static inline uint64_t keys_id_3(const void *key)
{
	return keys_id_bytes(key, 3);
}
static inline uint64_t keys_id_1(const void *key)
{
	return keys_id_bytes(key, 1);
}
static inline uint64_t keys_id_0(const void *key)
{
	(void)key;
	return 0;
}

static inline int keys_make_f64(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				void *out)
{
	double f = id != 0 ? (double)id * 1.25 : model_below(2) ? 0.0 : -0.0;

	(void)p, (void)fresh, (void)roots;
	memcpy(out, &f, 8);
	return 0;
}
static inline uint64_t keys_id_f64(const void *key)
{
	double f;

	memcpy(&f, key, 8);
	return (uint64_t)(f / 1.25);
}
static inline uint64_t keys_look_f64(const void *key)
{
	uint64_t bits;

	memcpy(&bits, key, 8);
	return bits >> 63;
}
static inline int keys_make_f32(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				void *out)
{
	float f = id != 0 ? (float)id * 0.5f : model_below(2) ? 0.0f : -0.0f;

	(void)p, (void)fresh, (void)roots;
	memcpy(out, &f, 4);
	return 0;
}
static inline uint64_t keys_id_f32(const void *key)
{
	float f;

	memcpy(&f, key, 4);
	return (uint64_t)(f * 2);
}
static inline uint64_t keys_look_f32(const void *key)
{
	uint32_t bits;

	memcpy(&bits, key, 4);
	return bits >> 31;
}

/* -------------------------------------------------------------------- strings */

/* Of id 0 the empty one; else the number and more, of several lengths, some long. */
static inline size_t keys_text_bytes(uint64_t id)
{
	return id == 0 ? 0 : id % 50 == 1 ? KEYS_TEXT_MAX - id % 16 : 4 + id * 7 % 61;
}

/* In the heap if it is to be fresh, except for every third: those are as static as literals. */
static inline int keys_make_string(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				   void *out)
{
	static char text[4][KEYS_TEXT_MAX], literal[4096][KEYS_TEXT_MAX];
	static unsigned turn;
	struct mrt_string s = {text[turn++ % 4], keys_text_bytes(id)};

	CHECK(id < 4096);
	keys_fill(id, s.bytes, text[(turn - 1) % 4]);
	if (fresh && id % 3 == 0) {
		s.data = memcpy(literal[id], s.data, s.bytes);
	} else if (fresh && s.bytes > 0) {
		int rc = mrt_new_array(p->g, &keys_byte_type, s.bytes, &roots[0]);

		if (rc < 0)
			return rc;
		s.data = memcpy(roots[0], s.data, s.bytes);
	}
	memcpy(out, &s, sizeof(s));
	return 0;
}
static inline uint64_t keys_id_string(const void *key)
{
	struct mrt_string s;
	char text[KEYS_TEXT_MAX];
	uint64_t id;

	memcpy(&s, key, sizeof(s));
	if (s.bytes == 0)
		return 0;
	id = keys_id_bytes(s.data, 4);
	CHECK(s.bytes == keys_text_bytes(id));
	keys_fill(id, s.bytes, text);
	CHECK(memcmp(text, s.data, s.bytes) == 0);
	return id;
}
static inline uint64_t keys_look_string(const void *key)
{
	struct mrt_string s;

	memcpy(&s, key, sizeof(s));
	return s.bytes == 0 ? 0 : (uintptr_t)s.data;
}

/* ------------------------------------------------------------------- pointers */

struct keys_object {
	uint64_t id, check;
};
static const struct mrt_type keys_object_type = {"key object", sizeof(struct keys_object), 0, NULL};

/* The object of a key that is in the map; else a new one, or, to look only, what is nobody's. */
static inline int keys_object_of(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				 void **ret)
{
	static char nobody[4096];
	struct keys_object *object;
	int rc;

	*ret = p->object[id] != NULL ? p->object[id] : &nobody[id];
	if (p->object[id] != NULL || !fresh)
		return 0;
	rc = mrt_new(p->g, &keys_object_type, &roots[0]);
	if (rc < 0)
		return rc;
	object = *ret = roots[0];
	*object = (struct keys_object){id, model_word(id, 1, 2)};
	return 0;
}

static inline uint64_t keys_object_id(const void *object)
{
	const struct keys_object *o = object;

	CHECK(o->check == model_word(o->id, 1, 2));
	return o->id;
}

/* Words, the pointers of which are the same object; the others follow from the number. */
static inline int keys_make_pointers(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				     void *out)
{
	void *object;
	int rc = keys_object_of(p, id, fresh, roots, &object);

	for (size_t w = 0; rc == 0 && w < p->kind->layout.size / 8; w++) {
		uint64_t word = model_is_pointer(&p->kind->layout, w) ? (uintptr_t)object
								      : model_word(id, 3, w);

		memcpy((char *)out + w * 8, &word, 8);
	}
	return rc;
}
static inline uint64_t keys_id_pointer(const void *key)
{
	return keys_object_id(*(void *const *)key);
}
static inline uint64_t keys_id_struct(const void *key)
{
	CHECK(((void *const *)key)[1] == ((void *const *)key)[2]);
	return keys_object_id(((void *const *)key)[1]);
}
static inline uint64_t keys_id_large(const void *key)
{
	return keys_object_id(((void *const *)key)[16]);
}

/* --------------------------------------------------------------------- custom */

/* A string, a float and a number; `junk` is no part of the key. */
struct keys_mixed {
	struct mrt_string s;
	double f;
	uint32_t n, junk;
};

static inline uint64_t keys_mixed_hash(const void *key, uint64_t seed)
{
	const struct keys_mixed *k = key;

	seed = mrt_hash_string(&k->s, seed);
	seed = mrt_hash_f64(k->f, seed);
	return mrt_hash_memory(&k->n, sizeof(k->n), seed);
}
static inline bool keys_mixed_equal(const void *a, const void *b)
{
	const struct keys_mixed *x = a, *y = b;

	return x->n == y->n && x->f == y->f && x->s.bytes == y->s.bytes &&
	       (x->s.bytes == 0 || memcmp(x->s.data, y->s.data, x->s.bytes) == 0);
}
static inline int keys_make_mixed(struct keys_pair *p, uint64_t id, bool fresh, void **roots,
				  void *out)
{
	struct keys_mixed k = {.f = id % 2 ? -0.5 : 0.0, .n = (uint32_t)(id / 7)};
	int rc = keys_make_string(p, id, fresh, roots, &k.s);

	k.junk = (uint32_t)model_random();
	memset(out, 0x5a, p->kind->layout.size); /* all that is behind it is junk, too */
	memcpy(out, &k, sizeof(k));
	return rc;
}
static inline uint64_t keys_id_mixed(const void *key)
{
	const struct keys_mixed *k = key;

	return keys_id_string(&k->s);
}
static inline uint64_t keys_look_mixed(const void *key)
{
	return ((const struct keys_mixed *)key)->junk;
}

/* ---------------------------------------------------------------------- kinds */

#define KEYS_BYTES(label, n, most, id_)                                                            \
	{                                                                                          \
		.name = label, .type = {.kind = MRT_KEY_MEMORY}, .layout = {label, n, 0, NULL},    \
		.universe_max = most, .make = keys_make_bytes, .id = id_                           \
	}
#define KEYS_POINTERS(label, n, words, m0, id_)                                                    \
	{                                                                                          \
		.name = label, .type = {.kind = MRT_KEY_MEMORY},                                   \
		.layout = {label, n, words, NULL}, .mask = {m0}, .universe_max = 4096,             \
		.make = keys_make_pointers, .id = id_                                              \
	}
#define KEYS_MIXED(label, n, updates)                                                              \
	{                                                                                          \
		.name = label,                                                                     \
		.type = {.kind = MRT_KEY_CUSTOM, .hash = keys_mixed_hash,                          \
			 .equal = keys_mixed_equal, .irreflexive = true, .update = updates},       \
		.layout = {label, n, 1, NULL}, .mask = {1}, .universe_max = 4096,                  \
		.make = keys_make_mixed, .id = keys_id_mixed, .look = keys_look_mixed,             \
		.update = updates                                                                  \
	}

static struct keys_kind keys_kinds[] = {
	{.name = "u32",
	 .type = {.kind = MRT_KEY_U32},
	 .layout = {"u32", 4, 0, NULL},
	 .universe_max = 1 << 20,
	 .make = keys_make_bytes,
	 .id = keys_id_any},
	{.name = "u64",
	 .type = {.kind = MRT_KEY_U64},
	 .layout = {"u64", 8, 0, NULL},
	 .universe_max = 1 << 20,
	 .make = keys_make_bytes,
	 .id = keys_id_any},
	{.name = "string",
	 .type = {.kind = MRT_KEY_STRING},
	 .layout = {"string", 16, 0, NULL},
	 .universe_max = 4096,
	 .make = keys_make_string,
	 .id = keys_id_string,
	 .look = keys_look_string,
	 .update = true},
	{.name = "f64",
	 .type = {.kind = MRT_KEY_F64},
	 .layout = {"f64", 8, 0, NULL},
	 .universe_max = 1 << 20,
	 .make = keys_make_f64,
	 .id = keys_id_f64,
	 .look = keys_look_f64,
	 .update = true},
	{.name = "f32",
	 .type = {.kind = MRT_KEY_F32},
	 .layout = {"f32", 4, 0, NULL},
	 .universe_max = 1 << 20,
	 .make = keys_make_f32,
	 .id = keys_id_f32,
	 .look = keys_look_f32,
	 .update = true},
	KEYS_BYTES("no bytes", 0, 1, keys_id_0),
	KEYS_BYTES("1 byte", 1, 256, keys_id_1),
	KEYS_BYTES("3 bytes", 3, 1 << 20, keys_id_3),
	KEYS_BYTES("16 bytes", 16, 1 << 20, keys_id_any),
	KEYS_BYTES("32 bytes", 32, 1 << 20, keys_id_any),
	KEYS_BYTES("128 bytes", 128, 1 << 20, keys_id_any),
	KEYS_BYTES("129 bytes, indirect", 129, 1 << 20, keys_id_any),
	KEYS_BYTES("300 bytes, indirect", 300, 1 << 20, keys_id_any),
	KEYS_POINTERS("pointer", 8, 1, 1, keys_id_pointer),
	KEYS_POINTERS("struct with two pointers", 32, 3, 6, keys_id_struct),
	KEYS_POINTERS("struct of 136 bytes with a pointer, indirect", 136, 17, 0x10000,
		      keys_id_large),
	KEYS_MIXED("struct by functions", sizeof(struct keys_mixed), false),
	KEYS_MIXED("struct of 160 bytes by functions, updated, indirect", 160, true),
};
#define KEYS_KINDS ((int)(sizeof(keys_kinds) / sizeof(keys_kinds[0])))

static inline void keys_type_init(struct keys_kind *kind, struct model_kind *elem,
				  struct mrt_map_type *mt)
{
	bool whole = kind->type.kind == MRT_KEY_MEMORY || kind->type.kind == MRT_KEY_CUSTOM;

	kind->layout.ptrmask = kind->mask;
	kind->type.layout = whole ? &kind->layout : NULL;
	elem->elem.ptrmask = elem->mask;
	CHECK(mrt_map_type_init_key(mt, &kind->type, &elem->elem) == 0);
}

/* ----------------------------------------------------------------- operations */

static inline void keys_pair_init(struct keys_pair *p, mrt_g *g, struct keys_kind *kind,
				  struct model_kind *elem, uint64_t universe)
{
	*p = (struct keys_pair){.g = g, .kind = kind, .elem_kind = elem};
	keys_type_init(kind, elem, &p->mt);
	universe = universe < kind->universe_max ? universe : kind->universe_max;
	model_map_init(&p->ref, universe);
	p->object = calloc(universe, sizeof(*p->object));
	p->look = calloc(universe, sizeof(*p->look));
	CHECK(p->object != NULL && p->look != NULL);
}

static inline void keys_pair_fini(struct keys_pair *p)
{
	model_map_fini(&p->ref);
	free(p->object);
	free(p->look);
}

/* The reference follows a put of this key. */
static inline void keys_stored(struct keys_pair *p, uint64_t id, uint64_t version, const void *key)
{
	bool new = p->ref.version[id] == 0;

	model_map_set(&p->ref, id, version);
	if (p->kind->make == keys_make_pointers && new)
		for (size_t w = 0; w < p->kind->layout.size / 8; w++)
			if (model_is_pointer(&p->kind->layout, w))
				memcpy(&p->object[id], (const char *)key + w * 8, 8);
	if (p->kind->look != NULL && (new || p->kind->update))
		p->look[id] = p->kind->look(key);
}

static inline int keys_put(struct keys_pair *p, uint64_t id)
{
	uint64_t version = ++p->ref.versions, key[KEYS_BYTES_MAX / 8];
	MRT_ROOTS(p->g, roots, MODEL_POINTERS_MAX + 1);
	int rc = p->kind->make(p, id, true, &roots[MODEL_POINTERS_MAX], key);

	if (rc == 0)
		rc = model_elem_make(p->g, &p->elem_kind->elem, id, version, roots, p->elem);
	if (rc == 0)
		rc = mrt_map_put_key(p->g, &p->mt, p->m, key, p->elem);
	if (rc == 0)
		keys_stored(p, id, version, key);
	return rc;
}

static inline void keys_delete(struct keys_pair *p, uint64_t id)
{
	uint64_t key[KEYS_BYTES_MAX / 8];
	bool was = p->ref.version[id] != 0;
	MRT_ROOTS(p->g, roots, 1);

	CHECK(p->kind->make(p, id, false, roots, key) == 0);
	CHECK(mrt_map_delete_key(p->g, &p->mt, p->m, key) == was);
	model_map_set(&p->ref, id, 0);
	p->object[id] = NULL;
}

static inline void keys_get(struct keys_pair *p, uint64_t id)
{
	uint64_t key[KEYS_BYTES_MAX / 8], version = p->ref.version[id];
	const void *elem;

	CHECK(p->kind->make(p, id, false, NULL, key) == 0);
	elem = mrt_map_get_key(p->g, &p->mt, p->m, key);
	CHECK((elem != NULL) == (version != 0));
	if (elem != NULL)
		CHECK(model_elem_ok(&p->elem_kind->elem, id, version, elem));
}

/* The entry at which an iterator stands: it is of the reference. Its number. */
static inline uint64_t keys_entry(struct keys_pair *p, const struct mrt_map_iter *it)
{
	uint64_t id = p->kind->id(it->key_ptr), key[KEYS_BYTES_MAX / 8];

	CHECK(id < p->ref.universe && p->ref.version[id] != 0);
	CHECK(model_elem_ok(&p->elem_kind->elem, id, p->ref.version[id], it->elem));
	if (p->kind->look != NULL) {
		CHECK(p->kind->look(it->key_ptr) == p->look[id]);
	} else {
		CHECK(p->kind->make(p, id, false, NULL, key) == 0);
		CHECK(memcmp(key, it->key_ptr, p->kind->layout.size) == 0);
	}
	return id;
}

/* Everything is there, once, and nothing else; by look-up and by iteration. No allocation fails or
 * counts meanwhile. */
static inline void keys_compare(struct keys_pair *p)
{
	uint32_t gate = gcs_gates[GCS_POINT_mem_malloc];
	uint64_t n = 0;

	gcs_gates[GCS_POINT_mem_malloc] = 0;
	model_check_map(p->m);
	CHECK(mrt_map_count(p->m) == p->ref.count);
	for (uint64_t id = 0; id < p->ref.universe; id++)
		keys_get(p, id);
	memset(p->ref.seen, 0, p->ref.universe);
	MRT_MAP_ITER(p->g, &p->mt, p->m, it);
	while (mrt_map_iter_next(p->g, &it)) {
		uint64_t id = keys_entry(p, &it);

		CHECK(!p->ref.seen[id]);
		p->ref.seen[id] = 1;
		n++;
	}
	CHECK(n == p->ref.count);
	gcs_gates[GCS_POINT_mem_malloc] = gate;
}

static inline void keys_clear(struct keys_pair *p)
{
	CHECK(mrt_map_clear(p->g, &p->mt, p->m) == 0);
	memset(p->ref.version, 0, p->ref.universe * sizeof(*p->ref.version));
	memset(p->object, 0, p->ref.universe * sizeof(*p->object));
	p->ref.count = 0;
}
