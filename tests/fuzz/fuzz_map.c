/*
 * fuzz_map.c: any bytes as a program of operations on one map: kind of key, kind of element, then puts,
 * look-ups, deletions, clears, iterations with operations between their steps, collections, and
 * allocations that are refused.  A plain reference says what must be there; after each program the
 * invariants of map_check.c are checked too.
 *
 * The entry runs on a goroutine, fuzz_g.  With libFuzzer it is started by fuzz_main below:
 *
 *   clang -O1 -g -DMRT_SIM=1 -DFUZZ_MAIN -fsanitize=fuzzer-no-link,address,undefined -I. -Ibuild tests/fuzz/fuzz_map.c \
 *           (the sources of libmrt_sim.a) libclang_rt.fuzzer_no_main-x86_64.a -lstdc++ -lpthread -lm
 *
 * and it is given programs drawn from printed seeds in tests/unit/test_map_fuzz.c.
 */
#include "faults/gate.h"
#include "runtime/data/data.h"
#include "runtime/data/map_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define FUZZ_IDS     256u
#define FUZZ_OPS     1500u /* of one program; each makes one NaN at most */
#define FUZZ_KEY_MAX 200u

mrt_g *fuzz_g; /* whose stack we are on */

/* ---------------------------------------------------------------- refused memory */

static uint32_t fuzz_refuse_in; /* the how manieth allocation is refused; 0: none */

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];
bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	if (point != GCS_POINT_mem_malloc || site->worker != mrt_worker(fuzz_g) ||
	    fuzz_refuse_in == 0 || --fuzz_refuse_in != 0)
		return false;
	*ret = (struct gcs_firing){.id = 1, .action = GCS_ACT_FAIL, .err = ENOMEM};
	return true;
}
uint32_t gcs_armed_where(enum gcs_point point)
{
	(void)point;
	return 0;
}
void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	(void)site, (void)firing, (void)effect, (void)value;
}

/* --------------------------------------------------------------------- the keys */

/* A key is made from a number below 256. Some numbers are the same key (the two zeros), some are NaN. */
struct fuzz_keys {
	struct mrt_key_type type;
	struct mrt_type layout;
	uint64_t mask;
};

struct fuzz_mixed {
	struct mrt_string s;
	double f;
};

static uint64_t fuzz_mixed_hash(const void *key, uint64_t seed)
{
	const struct fuzz_mixed *k = key;

	return mrt_hash_f64(k->f, mrt_hash_string(&k->s, seed));
}
static bool fuzz_mixed_equal(const void *a, const void *b)
{
	const struct fuzz_mixed *x = a, *y = b;

	return x->f == y->f && x->s.bytes == y->s.bytes &&
	       (x->s.bytes == 0 || memcmp(x->s.data, y->s.data, x->s.bytes) == 0);
}

enum { FUZZ_U32, FUZZ_U64, FUZZ_STRING, FUZZ_F64, FUZZ_F32, FUZZ_3, FUZZ_200, FUZZ_MIXED, FUZZ_KINDS };

static struct fuzz_keys fuzz_keys[FUZZ_KINDS] = {
	[FUZZ_U32] = {.type = {.kind = MRT_KEY_U32}, .layout = {.size = 4}},
	[FUZZ_U64] = {.type = {.kind = MRT_KEY_U64}, .layout = {.size = 8}},
	[FUZZ_STRING] = {.type = {.kind = MRT_KEY_STRING}, .layout = {.size = 16}},
	[FUZZ_F64] = {.type = {.kind = MRT_KEY_F64}, .layout = {.size = 8}},
	[FUZZ_F32] = {.type = {.kind = MRT_KEY_F32}, .layout = {.size = 4}},
	[FUZZ_3] = {.type = {.kind = MRT_KEY_MEMORY}, .layout = {"3", 3, 0, NULL}},
	[FUZZ_200] = {.type = {.kind = MRT_KEY_MEMORY}, .layout = {"200", FUZZ_KEY_MAX, 0, NULL}},
	[FUZZ_MIXED] = {.type = {.kind = MRT_KEY_CUSTOM,
				 .hash = fuzz_mixed_hash,
				 .equal = fuzz_mixed_equal,
				 .irreflexive = true,
				 .update = true},
			.layout = {"mixed", sizeof(struct fuzz_mixed), 1, NULL},
			.mask = 1},
};

static double fuzz_float(uint32_t id)
{
	return id >= 250 ? (double)__builtin_nanf("") : id == 100 ? 0.0 : id == 101 ? -0.0 : ((double)id - 100) * 0.5;
}

/* Of a mixed key the float is made from the upper half of the number. */
static uint32_t fuzz_float_part(int kind, uint32_t id)
{
	static const uint8_t part[16] = {90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 250, 104};

	return kind == FUZZ_MIXED ? part[id >> 4] : kind == FUZZ_F64 || kind == FUZZ_F32 ? id : 0;
}
static bool fuzz_is_nan(int kind, uint32_t id)
{
	return fuzz_float_part(kind, id) >= 250;
}
/* The number by which all equal keys go. */
static uint32_t fuzz_one(int kind, uint32_t id)
{
	if (fuzz_float_part(kind, id) != 101)
		return id;
	return kind == FUZZ_MIXED ? id - 16 : 100;
}

static const struct mrt_type fuzz_byte = {"byte", 1, 0, NULL};

/* In the heap if root is not NULL. -ENOMEM. */
static int fuzz_string(uint32_t id, void **root, struct mrt_string *ret)
{
	static char text[FUZZ_IDS][80];
	size_t bytes = id % 7 == 0 ? id % 3 : 1 + id % 79;
	int rc;

	memset(text[id], (int)id, sizeof(text[id]));
	*ret = (struct mrt_string){text[id], bytes};
	if (id % 7 == 0) /* the shorter ones must differ, too */
		*ret = (struct mrt_string){text[id], 79 - id % 2};
	if (id == 0)
		ret->bytes = 0;
	if (root == NULL || ret->bytes == 0)
		return 0;
	rc = mrt_new_array(fuzz_g, &fuzz_byte, ret->bytes, root);
	if (rc == 0)
		ret->data = memcpy(*root, text[id], ret->bytes);
	return rc;
}

static int fuzz_key(int kind, uint32_t id, void **root, void *out)
{
	double f = fuzz_float(fuzz_float_part(kind, id));
	float narrow = (float)f;
	struct fuzz_mixed mixed = {.f = f};
	uint64_t word = id * DATA_HASH_A;
	int rc = 0;

	switch (kind) {
	case FUZZ_F64:
		memcpy(out, &f, 8);
		break;
	case FUZZ_F32:
		memcpy(out, &narrow, 4);
		break;
	case FUZZ_STRING:
		return fuzz_string(id, root, out);
	case FUZZ_MIXED:
		rc = fuzz_string(id & 15, root, &mixed.s);
		memcpy(out, &mixed, sizeof(mixed));
		break;
	default:
		memset(out, (int)id, fuzz_keys[kind].layout.size);
		if (kind == FUZZ_U64)
			memcpy(out, &word, 8);
		break;
	}
	return rc;
}

/* ----------------------------------------------------------------- the elements */

static const uint64_t fuzz_pointer_mask = 1;
static const struct mrt_type fuzz_elems[] = {
	{"nothing", 0, 0, NULL},
	{"number", 8, 0, NULL},
	{"136 bytes", 136, 0, NULL},
	{"pointer", 8, 1, &fuzz_pointer_mask},
};
static const struct mrt_type fuzz_object = {"object", 16, 0, NULL};

/* -ENOMEM */
static int fuzz_elem(int kind, uint64_t version, void **root, uint64_t *out)
{
	for (int i = 0; i < 17; i++)
		out[i] = version;
	if (kind != 3)
		return 0;
	if (mrt_new(fuzz_g, &fuzz_object, root) < 0)
		return -ENOMEM;
	*(uint64_t *)*root = version;
	memcpy(out, root, 8);
	return 0;
}

static uint64_t fuzz_version(int kind, const void *elem)
{
	const uint64_t *word = elem;

	if (kind == 3)
		word = *(void *const *)elem;
	FUZZ_HOLDS(kind != 2 || word[0] == word[16]);
	return word[0];
}

/* -------------------------------------------------------------------- a program */

/* An iteration: what has stayed since its start must be met once. Version 0: absent. */
struct fuzz_walk {
	uint8_t stays[FUZZ_IDS], met[FUZZ_IDS];
	uint8_t nan_stays[FUZZ_OPS + 1], nan_met[FUZZ_OPS + 1]; /* by version */
	struct fuzz_walk *up;
};

struct fuzz {
	const uint8_t *at, *end;
	int key, elem;
	struct mrt_map_type mt;
	struct mrt_map *m;
	uint64_t version[FUZZ_IDS], versions, count;
	uint8_t nan[FUZZ_OPS + 1]; /* by version: is in the map */
	struct fuzz_walk *walk;
	uint32_t ops, collections, walks;
};

static uint8_t fuzz_byte_of(struct fuzz *f)
{
	return f->at < f->end ? *f->at++ : 0;
}

static void fuzz_put(struct fuzz *f, uint32_t id)
{
	uint64_t key[(FUZZ_KEY_MAX + 7) / 8], elem[17], version = f->versions + 1;
	uint32_t one = fuzz_one(f->key, id);
	MRT_ROOTS(fuzz_g, roots, 2);
	int rc = fuzz_key(f->key, id, &roots[0], key);

	if (rc == 0)
		rc = fuzz_elem(f->elem, version, &roots[1], elem);
	if (rc == 0)
		rc = mrt_map_put_key(fuzz_g, &f->mt, f->m, key, elem);
	FUZZ_HOLDS(rc == 0 || rc == -ENOMEM);
	if (rc < 0)
		return;
	f->versions++;
	if (fuzz_is_nan(f->key, id)) {
		f->nan[version] = 1;
		f->count++;
		return;
	}
	f->count += f->version[one] == 0;
	f->version[one] = version;
}

static void fuzz_get(struct fuzz *f, uint32_t id)
{
	uint64_t key[(FUZZ_KEY_MAX + 7) / 8];
	uint64_t version = fuzz_is_nan(f->key, id) ? 0 : f->version[fuzz_one(f->key, id)];
	const void *elem;

	fuzz_key(f->key, id, NULL, key);
	elem = mrt_map_get_key(fuzz_g, &f->mt, f->m, key);
	FUZZ_HOLDS((elem != NULL) == (version != 0));
	FUZZ_HOLDS(elem == NULL || f->elem == 0 || fuzz_version(f->elem, elem) == version);
}

static void fuzz_delete(struct fuzz *f, uint32_t id)
{
	uint64_t key[(FUZZ_KEY_MAX + 7) / 8];
	uint32_t one = fuzz_one(f->key, id);
	bool there = !fuzz_is_nan(f->key, id) && f->version[one] != 0;

	fuzz_key(f->key, id, NULL, key);
	FUZZ_HOLDS(mrt_map_delete_key(fuzz_g, &f->mt, f->m, key) == there);
	if (!there)
		return;
	f->version[one] = 0;
	f->count--;
	for (struct fuzz_walk *w = f->walk; w != NULL; w = w->up)
		w->stays[one] = w->met[one] = 0;
}

static void fuzz_clear(struct fuzz *f)
{
	FUZZ_HOLDS(mrt_map_clear(fuzz_g, &f->mt, f->m) == 0);
	memset(f->version, 0, sizeof(f->version));
	memset(f->nan, 0, sizeof(f->nan));
	f->count = 0;
	for (struct fuzz_walk *w = f->walk; w != NULL; w = w->up) {
		memset(w->stays, 0, sizeof(w->stays));
		memset(w->met, 0, sizeof(w->met));
		memset(w->nan_stays, 0, sizeof(w->nan_stays));
	}
}

/* The number that this key was made from, if it is one of ours. */
static uint32_t fuzz_guess(int kind, const void *key)
{
	const struct mrt_string *s = key;
	const uint8_t *byte = key;
	uint32_t high = 0;
	double f = 0;
	float narrow;

	switch (kind) {
	case FUZZ_F64:
		memcpy(&f, key, 8);
		return (uint32_t)(f * 2 + 100);
	case FUZZ_F32:
		memcpy(&narrow, key, 4);
		return (uint32_t)(narrow * 2 + 100);
	case FUZZ_STRING:
		return s->bytes > 0 ? (uint8_t)s->data[0] : 0;
	case FUZZ_MIXED:
		memcpy(&f, &((const struct fuzz_mixed *)key)->f, 8);
		while (high < 15 && fuzz_float_part(kind, high << 4) != (uint32_t)(f * 2 + 100))
			high++;
		return high << 4 | (s->bytes > 0 ? (uint8_t)s->data[0] : 0);
	case FUZZ_U64:
		return (uint8_t)(byte[0] * 183); /* the inverse of DATA_HASH_A's lowest byte */
	default:
		return byte[0];
	}
}

/* The number of the key in hand, which must be in the map; FUZZ_IDS: a NaN. */
static uint32_t fuzz_id_of(struct fuzz *f, const void *key)
{
	const struct map_keys *k = map_keys_of(&f->mt);
	uint64_t other[(FUZZ_KEY_MAX + 7) / 8];
	uint32_t id;

	if (!map_key_whole(k, key))
		return FUZZ_IDS;
	id = fuzz_guess(f->key, key);
	FUZZ_HOLDS(id < FUZZ_IDS && f->version[fuzz_one(f->key, id)] != 0);
	fuzz_key(f->key, id, NULL, other);
	FUZZ_HOLDS(map_key_equal(k, other, map_key_from(k, key)));
	return fuzz_one(f->key, id);
}

static void fuzz_met(struct fuzz *f, struct fuzz_walk *w, const struct mrt_map_iter *it)
{
	uint32_t id = fuzz_id_of(f, it->key_ptr);
	uint64_t version = f->elem != 0 ? fuzz_version(f->elem, it->elem) : 0;

	if (id == FUZZ_IDS) {
		if (f->elem == 0)
			return;
		FUZZ_HOLDS(version <= f->versions && f->nan[version] && !w->nan_met[version]);
		w->nan_met[version] = 1;
		return;
	}
	FUZZ_HOLDS(!w->met[id] && (f->elem == 0 || version == f->version[id]));
	w->met[id] = 1;
}

static void fuzz_op(struct fuzz *f);

static void fuzz_iterate(struct fuzz *f)
{
	struct fuzz_walk walk = {.up = f->walk}, *w = &walk;
	MRT_MAP_ITER(fuzz_g, &f->mt, f->m, it);

	for (uint32_t id = 0; id < FUZZ_IDS; id++)
		w->stays[id] = f->version[id] != 0;
	memcpy(w->nan_stays, f->nan, sizeof(w->nan_stays));
	f->walk = w;
	f->walks++;
	while (mrt_map_iter_next(fuzz_g, &it)) {
		fuzz_met(f, w, &it);
		for (uint8_t n = f->at < f->end ? fuzz_byte_of(f) % 4 : 0; n > 0; n--)
			fuzz_op(f);
	}
	f->walk = w->up;
	for (uint32_t id = 0; id < FUZZ_IDS; id++)
		FUZZ_HOLDS(!w->stays[id] || w->met[id]);
	for (uint64_t v = 1; f->elem != 0 && v <= f->versions; v++)
		FUZZ_HOLDS(!w->nan_stays[v] || w->nan_met[v]);
}

/* A run of keys, as growth needs them. */
static void fuzz_put_many(struct fuzz *f, uint32_t first)
{
	for (uint32_t n = fuzz_byte_of(f) % 64; n > 0 && f->ops < FUZZ_OPS; n--, f->ops++)
		fuzz_put(f, first++ % FUZZ_IDS);
}

static void fuzz_op(struct fuzz *f)
{
	uint8_t code = fuzz_byte_of(f), id = fuzz_byte_of(f);
	char text[200];

	if (f->at == f->end || ++f->ops >= FUZZ_OPS)
		return;
	switch (code % 16) {
	case 0 ... 4:
		fuzz_put(f, id);
		break;
	case 5:
		fuzz_put_many(f, id);
		break;
	case 6 ... 8:
		fuzz_delete(f, id);
		break;
	case 9:
	case 10:
		fuzz_get(f, id);
		break;
	case 11:
		if (f->walks < 6)
			fuzz_iterate(f);
		break;
	case 12:
		fuzz_refuse_in = id % 8;
		break;
	case 13:
		if (id < 16)
			fuzz_clear(f);
		break;
	case 14:
		if (id < 4 && f->collections++ == 0)
			mrt_gc(fuzz_g);
		break;
	case 15:
		FUZZ_HOLDS(map_check(f->m, text, sizeof(text)) == 0);
		break;
	}
}

static void fuzz_types(struct fuzz *f, uint8_t choice)
{
	struct fuzz_keys *keys = &fuzz_keys[choice % FUZZ_KINDS];

	f->key = choice % FUZZ_KINDS;
	f->elem = choice / FUZZ_KINDS % 4;
	keys->layout.ptrmask = &keys->mask;
	if (f->key >= FUZZ_3)
		keys->type.layout = &keys->layout;
	FUZZ_HOLDS(mrt_map_type_init_key(&f->mt, &keys->type, &fuzz_elems[f->elem]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;
	struct fuzz *f = &fuzz;
	char text[200];
	MRT_ROOTS(fuzz_g, root, 1);

	memset(f, 0, sizeof(*f));
	if (size < 4)
		return 0;
	f->at = data + 2;
	f->end = data + size;
	fuzz_types(f, data[0]);
	data_random_restart(data[1]);
	fuzz_refuse_in = 0;
	gcs_gates[GCS_POINT_mem_malloc] = 1;
	FUZZ_HOLDS(mrt_map_new(fuzz_g, &f->mt, data[1] % 4 ? 0 : data[1], &root[0]) == 0);
	f->m = root[0];
	while (f->at < f->end && f->ops < FUZZ_OPS)
		fuzz_op(f);
	fuzz_refuse_in = 0;
	FUZZ_HOLDS(mrt_map_count(f->m) == f->count);
	FUZZ_HOLDS(map_check(f->m, text, sizeof(text)) == 0);
	for (uint32_t id = 0; id < FUZZ_IDS; id++)
		fuzz_get(f, id);
	fuzz_iterate(f);
	gcs_gates[GCS_POINT_mem_malloc] = 0;
	return 0;
}

#ifdef FUZZ_MAIN
#include "runtime/prim/prim.h"
gcs_rt_state_fn *gcs_rt_state_source;
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*entry)(const uint8_t *data, size_t size));

struct fuzz_args {
	int argc;
	char **argv;
	mrt_wg done;
	int rc;
};

static void fuzz_main(mrt_g *g, void *arg)
{
	struct fuzz_args *a = arg;

	fuzz_g = g;
	a->rc = LLVMFuzzerRunDriver(&a->argc, &a->argv, LLVMFuzzerTestOneInput);
	mrt_wg_done(g, &a->done);
}

/* libFuzzer wants more stack than a goroutine has. */
static void fuzz_start(mrt_g *g, void *arg)
{
	struct fuzz_args *a = arg;
	struct mrt_go_options opt = {.name = "fuzz", .stack_bytes = (size_t)16 << 20};

	mrt_wg_add(&a->done, 1);
	FUZZ_HOLDS(mrt_go(g, fuzz_main, a, &opt) == 0);
	mrt_wg_wait(g, &a->done);
}

int main(int argc, char **argv)
{
	struct fuzz_args args = {.argc = argc, .argv = argv};
	struct prim_options prim = {.seed = 1};
	struct mrt_options opt = {.procs = 1, .seed = 1, .gc_every = 3000, .clobber = true};

	if (prim_init(&prim) != 0 || mrt_run(&opt, fuzz_start, &args) != 0)
		return 1;
	return args.rc;
}
#endif
