/*
 * test_sched_fixture.h: what the tests of the scheduler share: hooks of a collector that does
 * nothing, a run for each number of Ps, events between goroutines.
 *
 * Each test starts and ends the scheduler, so that is tested all the time.
 * GCS_TEST_SEED sets the seed; the seed is printed.
 */
#pragma once

#include "runtime/sched/sched.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)

/* ThreadSanitizer takes milliseconds to make a fiber. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_STACKS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(SLOW_STACKS)
#define SLOW_STACKS 1
#endif
#if defined(SLOW_STACKS)
#define FEWER(n) ((n) / 16)
#else
#define FEWER(n) (n)
#endif

static uint64_t seed = 1;

/* ------------------------------------------------------------ a collector's hooks */

static _Atomic uint32_t p_live;

/* What scan_self does; NULL: nothing. */
static void (*fixture_scan_self)(struct sched_g *g);

static void hook_scan_self(struct sched_g *g)
{
	if (fixture_scan_self != NULL)
		fixture_scan_self(g);
}

static struct sched_g *hook_find_worker(struct sched_p *p, bool idle)
{
	(void)p;
	(void)idle;
	return NULL;
}

static int hook_p_init(struct sched_p *p)
{
	(void)p;
	atomic_fetch_add(&p_live, 1);
	return 0;
}

static void hook_p_fini(struct sched_p *p)
{
	(void)p;
	atomic_fetch_sub(&p_live, 1);
}

static void hook_sysmon(int64_t now_ns)
{
	(void)now_ns;
}

static bool hook_has_work(void)
{
	return false;
}

static const struct sched_gc_hooks hooks = {
	.scan_self = hook_scan_self,
	.find_worker = hook_find_worker,
	.p_init = hook_p_init,
	.p_fini = hook_p_fini,
	.sysmon = hook_sysmon,
	.has_work = hook_has_work,
};

static inline int run_with(uint32_t procs, const struct sched_gc_hooks *gc, mrt_go_fn *fn,
			   void *arg)
{
	struct sched_options opt = {.procs = procs, .seed = seed, .gc = gc};
	int r;

	assert_int_equal(sched_init(&opt), 0);
	assert_int_equal(atomic_load(&p_live), procs);
	r = sched_main(fn, arg);
	sched_fini();
	assert_int_equal(atomic_load(&p_live), 0);
	return r;
}

static inline void run(uint32_t procs, mrt_go_fn *fn, void *arg)
{
	assert_int_equal(run_with(procs, &hooks, fn, arg), 0);
}

static const uint32_t proc_counts[] = {1, 2, 4, 8};
#define FOR_PROCS(n)                                                                               \
	for (uint32_t n##_i = 0, n; n##_i < 4 && (n = proc_counts[n##_i], true); n##_i++)

/* Goroutines cannot jump out of their stack: failures die at once. */
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s (seed %llu)\n", __FILE__, __LINE__, #x,         \
				(unsigned long long)seed);                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A signal that one goroutine waits for: 0, signalled, or the goroutine. */
struct event {
	_Atomic uintptr_t state;
};

#define EVENT_SET ((uintptr_t)1)

static inline bool event_commit(struct sched_g *g, void *arg)
{
	struct event *e = arg;
	uintptr_t none = 0;

	return atomic_compare_exchange_strong(&e->state, &none, (uintptr_t)g);
}

static inline void event_wait(mrt_g *g, struct event *e)
{
	uintptr_t set = EVENT_SET;

	if (!atomic_compare_exchange_strong(&e->state, &set, 0))
		sched_park(sched_of(g), SCHED_WAIT_OTHER, event_commit, e);
	atomic_store(&e->state, 0);
}

static inline void event_signal(struct sched_p *p, struct event *e)
{
	uintptr_t old = atomic_exchange(&e->state, EVENT_SET);

	if (old > EVENT_SET)
		sched_ready(p, (struct sched_g *)old, true);
}

static inline struct sched_p *p_of(mrt_g *g)
{
	return sched_of(g)->p;
}

/* A few hundred nanoseconds of work with a safepoint. */
static inline void work(mrt_g *g)
{
	prim_step_n(PRIM_COST_WORK, 200);
	for (uint32_t i = 0; i < 50; i++)
		prim_spin_wait(0);
	mrt_safepoint(g);
}

/* The seed, prim, the tests. */
static inline int fixture_main(const char *group, const struct CMUnitTest *tests, size_t count)
{
	const char *text = getenv("GCS_TEST_SEED");
	struct prim_options opt = {0};

	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	opt.seed = seed;
	if (prim_init(&opt) < 0)
		return 1;
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
