/*
 * test_gc_fixture.h: what the collector's tests share: running a body as the main goroutine, a
 * seeded generator, and a check that may fail on any goroutine's stack (cmocka's asserts jump, and
 * may not).
 */
#pragma once

#include "runtime/mrt.h"
#include "runtime/prim/prim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GC_TEST_MUST(cond)                                                                         \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s does not hold (GCS_TEST_SEED=%llu)\n",          \
				__FILE__, __LINE__, #cond, (unsigned long long)gc_test_seed());    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline uint64_t gc_test_seed(void)
{
	const char *text = getenv("GCS_TEST_SEED");

	return text != NULL ? strtoull(text, NULL, 0) : 0x2481;
}

static inline uint64_t gc_test_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Once a process. */
static inline int gc_test_setup(void **state)
{
	struct prim_options opt = {.seed = gc_test_seed()};

	(void)state;
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)gc_test_seed());
	return prim_init(&opt);
}

static inline void gc_test_run(struct mrt_options opt, mrt_go_fn *fn, void *arg)
{
	if (opt.procs == 0)
		opt.procs = 2;
	if (opt.seed == 0)
		opt.seed = gc_test_seed();
	if (opt.heap_reserve == 0)
		opt.heap_reserve = (size_t)1 << 30;
	assert_int_equal(mrt_run(&opt, fn, arg), 0);
}
