/*
 * map_model.h: what the map and slice tests share: a plain reference map, element kinds whose
 * contents can be checked, allocations that fail on order, and the frame in which a test runs
 * inside the runtime.
 *
 * Checks run on a goroutine's stack, where cmocka's assertions cannot jump from: CHECK ends the
 * program.
 */
#pragma once

#include "faults/gate.h"
#include "runtime/data/map_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: failed: %s (seed %llu)\n", __FILE__, __LINE__, \
				__func__, #cond, (unsigned long long)model_seed);                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static uint64_t model_seed = 1;
static enum mrt_rounding model_rounding; /* of the next model_run */
static bool model_clobber;		  /* the same: clobber without stress */

/* ------------------------------------------------- allocations that fail on order */

/*
 * In place of faults/: the gate of mem/malloc fails the visit number `at` (and, if `on`, all
 * later).  Under stress a whole collection runs inside every ALLOC_EVERYth allocation, and every
 * WRITE_EVERYth gc/write point begins a cycle: what an operation holds there must be rooted or
 * pinned, and the map whole.
 */
#if defined(__SANITIZE_THREAD__)
#define MODEL_SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MODEL_SLOW 1
#endif
#endif
#ifndef MODEL_SLOW
#define MODEL_SLOW 0
#endif
#define MODEL_ALLOC_EVERY (MODEL_SLOW ? 101 : 7)
#define MODEL_WRITE_EVERY 61

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];
static bool model_stress;
static mrt_g *model_g; /* the test's goroutine */
static struct {
	_Atomic uint64_t visits, at, failed, collections;
	_Atomic bool on;
	uint32_t allocs, writes; /* of the test's goroutine, in this run */
} model_gate;

/* Is this one of the visits of the test's goroutine that count? */
static inline bool model_due(const struct gcs_site *site, uint32_t *visits, uint32_t every)
{
	return model_stress && site->worker == mrt_worker(model_g) && (*visits)++ % every == 0;
}

/* The points of maps, whose gates the test arms: an eligible visit fires with one chance in `one_in`,
 * drawn from how many there were. */
static struct {
	uint32_t one_in, by_milli;
	uint64_t visits;
	uint64_t fired[GCS_POINT_COUNT_MAX];
	uint64_t held, dropped, grown; /* map/evacuate, both ways; map/iterate */
} model_points;

static inline bool model_point_decide(enum gcs_point point, const struct gcs_site *site,
				      struct gcs_firing *ret)
{
	uint32_t may = point == GCS_POINT_map_hash ? GCS_ACT_BIAS : site->actions;

	may &= ~(uint32_t)GCS_ACT_FORCE; /* collections come by themselves here */
	if (!site->eligible || may == 0 ||
	    data_fold(++model_points.visits, DATA_HASH_B) % model_points.one_in != 0)
		return false;
	*ret = (struct gcs_firing){.id = 3,
				   .action = (enum gcs_action)may,
				   .delay_ns = 1000,
				   .by_milli = model_points.by_milli};
	model_points.fired[point]++;
	model_points.held += may == GCS_ACT_DELAY;
	model_points.dropped += may == GCS_ACT_DROP;
	model_points.grown += may == GCS_ACT_REORDER;
	return true;
}

bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	uint64_t n;

	if (point == GCS_POINT_map_evacuate || point == GCS_POINT_map_hash ||
	    point == GCS_POINT_map_iterate)
		return model_point_decide(point, site, ret);
	if (point == GCS_POINT_gc_write && (site->modes & 1u << GCS_MODE_START)) {
		*ret = (struct gcs_firing){.id = 2, .action = GCS_ACT_FORCE};
		return model_due(site, &model_gate.writes, MODEL_WRITE_EVERY);
	}
	if (point != GCS_POINT_mem_malloc)
		return false;
	if (model_due(site, &model_gate.allocs, MODEL_ALLOC_EVERY)) {
		model_gate.collections++;
		mrt_gc(model_g);
	}
	n = ++model_gate.visits;
	if (model_gate.at == 0 || n < model_gate.at || (n > model_gate.at && !model_gate.on))
		return false;
	model_gate.failed++;
	*ret = (struct gcs_firing){.id = 1, .action = GCS_ACT_FAIL, .err = ENOMEM};
	return true;
}

uint32_t gcs_armed_where(enum gcs_point point)
{
	(void)point;
	return 1u << GCS_WHERE_BEFORE_SHADE;
}

void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	(void)site;
	(void)firing;
	(void)effect;
	(void)value;
}

/* From now on: fail allocation number `at` (0: none), and all later ones if `on`. */
static inline void model_fail(uint64_t at, bool on)
{
	model_gate.visits = 0;
	model_gate.failed = 0;
	model_gate.at = at;
	model_gate.on = on;
	gcs_gates[GCS_POINT_mem_malloc] = at != 0 || model_stress;
	gcs_gates[GCS_POINT_gc_write] = model_stress;
}

/* --------------------------------------------------------------------- random */

static uint64_t model_random_state;
static inline uint64_t model_random(void)
{
	uint64_t z = model_random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
static inline uint64_t model_below(uint64_t n)
{
	return model_random() % n;
}

/* -------------------------------------------------------------- running a test */

struct model_run {
	mrt_go_fn *fn;
	void *arg;
};

static inline void model_run_main(mrt_g *g, void *arg)
{
	struct model_run *run = arg;

	model_g = g;
	model_fail(0, false);
	run->fn(g, run->arg);
	model_stress = false;
	model_fail(0, false);
}

static inline void model_init(void)
{
	const char *text = getenv("GCS_TEST_SEED");

	if (text != NULL)
		model_seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)model_seed);
	struct prim_options opt = {.seed = model_seed};

	if (prim_init(&opt) != 0)
		abort();
}

/* Run fn as the main goroutine. stress: collections as above, and cycles started at every 50th
 * allocation; freed memory clobbered, the heap checked at every phase edge. */
static inline void model_run(mrt_go_fn *fn, void *arg, bool stress)
{
	struct mrt_options opt = {.procs = 2, .seed = model_seed, .rounding = model_rounding, .clobber = model_clobber};
	struct model_run run = {fn, arg};
	uint64_t before = model_gate.collections;

	model_stress = stress;
	model_gate.allocs = model_gate.writes = 0;
	if (stress) {
		opt.gc_every = 50;
		opt.clobber = true;
		opt.check_edges = true;
	}
	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
	assert_true(!stress || model_gate.collections > before);
}

/* ---------------------------------------------------------------- element kinds */

struct model_kind {
	const char *name;
	struct mrt_type elem;
	uint64_t mask[16]; /* ptrmask */
	enum mrt_key key;
};

#define MODEL_KIND(label, bytes, words, m0, k)                                                     \
	{                                                                                          \
		.name = label, .elem = {.name = label, .size = bytes, .ptr_words = words},         \
		.mask = {m0}, .key = k                                                             \
	}

static __attribute__((unused)) struct model_kind model_kinds[] = {
	MODEL_KIND("empty", 0, 0, 0, MRT_KEY_U64),
	MODEL_KIND("u32", 4, 0, 0, MRT_KEY_U32),
	MODEL_KIND("u64", 8, 0, 0, MRT_KEY_U64),
	MODEL_KIND("u64 by u32", 8, 0, 0, MRT_KEY_U32),
	MODEL_KIND("13 bytes", 13, 0, 0, MRT_KEY_U64),
	MODEL_KIND("128 bytes", 128, 0, 0, MRT_KEY_U64),
	MODEL_KIND("129 bytes, indirect", 129, 0, 0, MRT_KEY_U64),
	MODEL_KIND("1024 bytes, indirect", 1024, 0, 0, MRT_KEY_U32),
	MODEL_KIND("pointer", 8, 1, 1, MRT_KEY_U64),
	MODEL_KIND("pointer by u32", 8, 1, 1, MRT_KEY_U32),
	MODEL_KIND("struct with two pointers", 32, 4, 0xa, MRT_KEY_U64),
	MODEL_KIND("136 bytes, two pointers, indirect", 136, 17, 0x10002, MRT_KEY_U64),
};
#define MODEL_KINDS	   ((int)(sizeof(model_kinds) / sizeof(model_kinds[0])))
#define MODEL_ELEM_MAX	   1024
#define MODEL_POINTERS_MAX 2

static inline void model_kind_init(struct model_kind *kind, struct mrt_map_type *mt)
{
	kind->elem.ptrmask = kind->mask;
	CHECK(mrt_map_type_init(mt, kind->key, &kind->elem) == 0);
}

static const struct mrt_type model_payload_type = {"payload", 32, 0, NULL};

static inline uint64_t model_word(uint64_t key, uint64_t version, uint64_t at)
{
	return data_fold(key * DATA_HASH_A + version, DATA_HASH_C ^ (at << 17)) | 1;
}

static inline bool model_is_pointer(const struct mrt_type *t, size_t word)
{
	return word < t->ptr_words && ((t->ptrmask[word / 64] >> (word % 64)) & 1);
}

/* The element of (key, version). Pointer words get fresh payload objects, rooted in `roots`.
 * -ENOMEM. */
static inline int model_elem_make(mrt_g *g, const struct mrt_type *t, uint64_t key,
				  uint64_t version, void **roots, void *ret)
{
	char *out = ret;
	int pointers = 0;

	for (size_t at = 0; at < t->size; at += 8) {
		uint64_t word = model_word(key, version, at);
		size_t n = t->size - at < 8 ? t->size - at : 8;

		if (model_is_pointer(t, at / 8)) {
			uint64_t *payload;
			int rc = mrt_new(g, &model_payload_type, &roots[pointers]);

			if (rc < 0)
				return rc;
			payload = roots[pointers++];
			for (uint64_t i = 0; i < 4; i++)
				payload[i] = word + i;
			memcpy(out + at, &payload, 8);
		} else {
			memcpy(out + at, &word, n);
		}
	}
	return 0;
}

static inline bool model_elem_ok(const struct mrt_type *t, uint64_t key, uint64_t version,
				 const void *elem)
{
	const char *in = elem;

	for (size_t at = 0; at < t->size; at += 8) {
		uint64_t word = model_word(key, version, at);
		size_t n = t->size - at < 8 ? t->size - at : 8;

		if (model_is_pointer(t, at / 8)) {
			const uint64_t *payload;

			memcpy(&payload, in + at, 8);
			for (uint64_t i = 0; i < 4; i++)
				if (payload == NULL || payload[i] != word + i)
					return false;
		} else if (memcmp(in + at, &word, n) != 0) {
			return false;
		}
	}
	return true;
}

/* ---------------------------------------------------------------- reference map */

/* Keys are model_key(0..universe); version 0: absent. */
struct model {
	uint64_t universe, count, versions;
	uint64_t *version;
	uint8_t *seen;
};

static inline uint64_t model_key(const struct model_kind *kind, uint64_t id)
{
	return kind->key == MRT_KEY_U32 ? (uint32_t)(id * 2654435761u) : id * 0x9e3779b97f4a7c15ull;
}
static inline uint64_t model_id(const struct model_kind *kind, uint64_t key)
{
	return kind->key == MRT_KEY_U32 ? (uint32_t)(key * 244002641u)
					: key * 0xf1de83e19937733dull;
}

static inline void model_map_init(struct model *model, uint64_t universe)
{
	*model = (struct model){.universe = universe};
	model->version = calloc(universe, sizeof(*model->version));
	model->seen = calloc(universe, 1);
	CHECK(model->version != NULL && model->seen != NULL);
}
static inline void model_map_fini(struct model *model)
{
	free(model->version);
	free(model->seen);
}
static inline void model_map_set(struct model *model, uint64_t id, uint64_t version)
{
	model->count += (version != 0) - (model->version[id] != 0);
	model->version[id] = version;
}

/* A map beside its reference. */
struct model_pair {
	mrt_g *g;
	struct model_kind *kind;
	struct mrt_map_type mt;
	struct mrt_map *m; /* rooted by the test */
	struct model ref;
	uint64_t elem[MODEL_ELEM_MAX / 8];
};

static inline int model_put(struct model_pair *p, uint64_t id)
{
	uint64_t version = ++p->ref.versions, *out = p->elem;
	MRT_ROOTS(p->g, roots, MODEL_POINTERS_MAX);
	int rc = model_elem_make(p->g, &p->kind->elem, model_key(p->kind, id), version, roots, out);

	if (rc == 0)
		rc = mrt_map_put(p->g, &p->mt, p->m, model_key(p->kind, id), out);
	if (rc == 0)
		model_map_set(&p->ref, id, version);
	return rc;
}
static inline void model_delete(struct model_pair *p, uint64_t id)
{
	bool was = p->ref.version[id] != 0;

	CHECK(mrt_map_delete(p->g, &p->mt, p->m, model_key(p->kind, id)) == was);
	model_map_set(&p->ref, id, 0);
}
static inline void model_get(struct model_pair *p, uint64_t id)
{
	uint64_t key = model_key(p->kind, id), version = p->ref.version[id];
	const void *elem = mrt_map_get(p->g, &p->mt, p->m, key);

	CHECK((elem != NULL) == (version != 0));
	if (elem != NULL)
		CHECK(model_elem_ok(&p->kind->elem, key, version, elem));
}

static inline void model_check_map(struct mrt_map *m)
{
	char text[200] = "";

	if (map_check(m, text, sizeof(text)) != 0) {
		fprintf(stderr, "%s (seed %llu)\n", text, (unsigned long long)model_seed);
		_exit(1);
	}
}

/* Everything is there, once, and nothing else; by look-up and by iteration. No allocation fails or
 * counts meanwhile. */
static inline void model_compare(struct model_pair *p)
{
	uint32_t gate = gcs_gates[GCS_POINT_mem_malloc];
	uint64_t n = 0;

	gcs_gates[GCS_POINT_mem_malloc] = 0;
	model_check_map(p->m);
	CHECK(mrt_map_count(p->m) == p->ref.count);
	for (uint64_t id = 0; id < p->ref.universe; id++)
		model_get(p, id);
	memset(p->ref.seen, 0, p->ref.universe);
	MRT_MAP_ITER(p->g, &p->mt, p->m, it);
	while (mrt_map_iter_next(p->g, &it)) {
		uint64_t id = model_id(p->kind, it.key);

		CHECK(id < p->ref.universe && p->ref.version[id] != 0 && !p->ref.seen[id]);
		CHECK(model_elem_ok(&p->kind->elem, it.key, p->ref.version[id], it.elem));
		p->ref.seen[id] = 1;
		n++;
	}
	CHECK(n == p->ref.count);
	gcs_gates[GCS_POINT_mem_malloc] = gate;
}
