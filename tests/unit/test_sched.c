/*
 * test_sched.c: goroutines, queues, park and ready, timers, stops, ragged calls, scans, blocking calls, mutexes.
 *
 * One source for both back ends.  Each test starts and ends the scheduler, so that is tested
 * all the time.  GCS_TEST_SEED sets the seed; the seed is printed.
 */
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

static uint64_t seed = 1;

/* ------------------------------------------------------------ a collector's hooks */

static _Atomic uint32_t p_live;

static void hook_scan_self(struct sched_g *g);

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

static int run_with(uint32_t procs, const struct sched_gc_hooks *gc, mrt_go_fn *fn, void *arg)
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

static void run(uint32_t procs, mrt_go_fn *fn, void *arg)
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
			fprintf(stderr, "%s:%d: %s (seed %llu)\n", __FILE__, __LINE__, #x,          \
				(unsigned long long)seed);                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ------------------------------------------------------------- start, run, end */

struct many {
	mrt_wg wg;
	_Atomic uint32_t ran;
	uint32_t count;
};

static void many_one(mrt_g *g, void *arg)
{
	struct many *m = arg;

	mrt_yield(g);
	atomic_fetch_add(&m->ran, 1);
	mrt_wg_done(g, &m->wg);
}

static void many_main(mrt_g *g, void *arg)
{
	struct many *m = arg;

	for (int round = 0; round < 3; round++) {
		mrt_wg_add(&m->wg, m->count);
		for (uint32_t i = 0; i < m->count; i++)
			CHECK(mrt_go(g, many_one, m, NULL) == 0);
		mrt_wg_wait(g, &m->wg);
	}
}

static void test_many(void **state)
{
	(void)state;
	FOR_PROCS (procs) {
		struct many m = {.count = 2000};

		run(procs, many_main, &m);
		assert_int_equal(atomic_load(&m.ran), 3 * m.count);
	}
}

static void hook_scan_self(struct sched_g *g)
{
	(void)g;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
	};
	const char *text = getenv("GCS_TEST_SEED");
	struct prim_options opt = {0};

	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	opt.seed = seed;
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
