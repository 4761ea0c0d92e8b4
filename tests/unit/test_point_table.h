/*
 * test_point_table.h: a map under a fault point beside a plain array of what it must hold.
 */
#pragma once

#include "tests/unit/test_point_fixture.h"

#define KEYS 1500u

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};

/* A map under test: values are numbers, or objects that nothing but the map holds. */
struct table {
	mrt_g *g;
	struct mrt_map_type mt;
	mrt_map *map;	 /* kept by a root of the body */
	uint64_t *model; /* KEYS; 0: not in the map */
	uint64_t count;
	bool objects;
	enum mrt_key key;
};

static inline void heap_is_whole(mrt_g *g)
{
	char text[256];
	int broken = mrt_heap_check(g, text, sizeof(text));

	if (broken != 0)
		fprintf(stderr, "heap check %d: %s\n", broken, text);
	GC_TEST_MUST(broken == 0);
}

static inline void table_new(mrt_g *g, struct table *t, void **root)
{
	static uint64_t model[KEYS];

	memset(model, 0, sizeof(model));
	t->g = g;
	t->model = model;
	t->count = 0;
	GC_TEST_MUST(mrt_map_type_init(&t->mt, t->key, t->objects ? &pointer_type : &number_type) ==
		     0);
	GC_TEST_MUST(mrt_map_new(g, &t->mt, 0, root) == 0);
	t->map = *root;
}

static inline int table_put(struct table *t, uint64_t key, uint64_t value)
{
	MRT_ROOTS(t->g, roots, 1);
	const void *elem = &value;
	int r;

	if (t->objects) {
		GC_TEST_MUST(mrt_new(t->g, &number_type, &roots[0]) == 0);
		*(uint64_t *)roots[0] = value;
		elem = &roots[0];
	}
	r = mrt_map_put(t->g, &t->mt, t->map, key, elem);
	if (r == 0) {
		t->count += t->model[key] == 0;
		t->model[key] = value;
	}
	GC_TEST_MUST(mrt_map_count(t->map) == t->count);
	return r;
}

static inline void table_delete(struct table *t, uint64_t key)
{
	bool was = t->model[key] != 0;

	GC_TEST_MUST(mrt_map_delete(t->g, &t->mt, t->map, key) == was);
	t->count -= was;
	t->model[key] = 0;
}

static inline uint64_t table_value(const struct table *t, const void *elem)
{
	if (elem == NULL)
		return 0;
	return t->objects ? **(uint64_t *const *)elem : *(const uint64_t *)elem;
}

static inline void table_verify(const struct table *t)
{
	GC_TEST_MUST(mrt_map_count(t->map) == t->count);
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(table_value(t, mrt_map_get(t->g, &t->mt, t->map, key)) ==
			     t->model[key]);
}

/* One round of an iteration; `step` runs at each entry. Every key that was there before is seen once,
 * with the value of now. */
static inline void table_iterate(struct table *t, void (*step)(struct table *, uint64_t key))
{
	static uint8_t seen[KEYS], was[KEYS];

	memset(seen, 0, sizeof(seen));
	for (uint64_t key = 0; key < KEYS; key++)
		was[key] = t->model[key] != 0;
	MRT_MAP_ITER(t->g, &t->mt, t->map, it);
	while (mrt_map_iter_next(t->g, &it)) {
		GC_TEST_MUST(it.key < KEYS && !seen[it.key]);
		seen[it.key] = 1;
		GC_TEST_MUST(table_value(t, it.elem) == t->model[it.key]);
		if (step != NULL)
			step(t, it.key);
	}
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(!was[key] || seen[key]);
}
