/*
 * test_mem_fixture.h: what the tests of mem/ share: a seeded generator, hooks
 * that count, and an allocator as simple as the collector's.
 */
#pragma once

#include "runtime/mem/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t test_seed;
static _Atomic int64_t heap_live;
static _Atomic uint64_t debt_bytes;
static _Atomic bool black;

static inline uint64_t rng(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline void hook_live(int64_t delta)
{
	atomic_fetch_add(&heap_live, delta);
}
static inline void hook_debt(size_t bytes)
{
	atomic_fetch_add(&debt_bytes, bytes);
}
static inline bool hook_black(void)
{
	return atomic_load(&black);
}
static const struct mem_hooks hooks = {
	.live_add = hook_live, .sweep_debt = hook_debt, .alloc_black = hook_black};

static inline void heap_up(size_t reserve, bool clobber)
{
	atomic_store(&heap_live, 0);
	atomic_store(&debt_bytes, 0);
	atomic_store(&black, false);
	assert_int_equal(mem_init(reserve, &hooks, clobber), 0);
}

static inline void heap_ok(void)
{
	char text[256] = "";

	if (mem_check(text, sizeof(text)) != 0)
		fail_msg("heap check: %s", text);
}

/* NULL: no memory. What is promised to be zero must be: *ret_dirty counts the words that are not.
 */
static inline void *alloc_count_dirty(struct mem_cache *c, size_t bytes, bool noscan,
				      uint64_t *ret_dirty)
{
	bool needzero = true;
	void *p;

	if (bytes > MEM_SMALL_MAX) {
		p = mem_large_alloc(bytes, noscan, &needzero);
	} else {
		mem_spanclass sc = (mem_spanclass)(mem_class_of(bytes) * 2 + noscan);

		while ((p = mem_cache_alloc(c, sc, &needzero)) == NULL)
			if (mem_cache_refill(c, sc) < 0)
				return NULL;
	}
	for (size_t i = 0; p != NULL && !needzero && i < mem_round_up(bytes) / 8; i++)
		*ret_dirty += ((uint64_t *)p)[i] != 0;
	return p;
}

static inline void *alloc(struct mem_cache *c, size_t bytes, bool noscan)
{
	uint64_t dirty = 0;
	void *p = alloc_count_dirty(c, bytes, noscan, &dirty);

	assert_int_equal(dirty, 0);
	return p;
}

/* A whole sweep phase with nothing but c in the world. */
static inline void sweep_all(struct mem_cache *c)
{
	mem_sweep_begin();
	mem_cache_flush(c);
	while (mem_sweep_one() != 0)
		;
	assert_true(mem_sweep_done());
}

static inline int test_begin(void)
{
	const char *seed = getenv("GCS_TEST_SEED");

	test_seed = seed != NULL ? strtoull(seed, NULL, 0) : UINT64_C(0x2481);
	printf("# GCS_TEST_SEED=%#llx\n", (unsigned long long)test_seed);
	return prim_init(&(struct prim_options){.seed = test_seed | 1});
}
