/*
 * test_runtime_metrics.c: runtime/metrics: the table; the buckets of times; every figure against MemStats; sums, while several goroutines
 * churn and cycles run.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"

#include <math.h>
#include <string.h>

#define METRICS_MAX 64u

static const struct mrt_type byte_type = {.name = "byte", .size = 1};
static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

/* -------------------------------------------------------------------- the table */

static const char *unit_of(const char *name)
{
	return strchr(name, ':') != NULL ? strchr(name, ':') + 1 : "";
}

static void test_table(void **state)
{
	(void)state;
	assert_true(mrt_metrics_count > 40 && mrt_metrics_count <= METRICS_MAX);
	for (size_t i = 0; i < mrt_metrics_count; i++) {
		const struct mrt_metric *m = &mrt_metrics[i];
		bool seconds = strcmp(unit_of(m->name), "seconds") == 0, sum = strstr(m->name, "/total:") != NULL;

		assert_true(i == 0 || strcmp(mrt_metrics[i - 1].name, m->name) < 0);
		assert_true(m->name[0] == '/' && *unit_of(m->name) != 0 && *m->how != 0);
		assert_true(m->since >= 19 && m->since <= 26);
		assert_int_equal(m->kind == MRT_METRIC_FLOAT64, strcmp(unit_of(m->name), "cpu-seconds") == 0 || (seconds && sum));
		assert_int_equal(m->kind == MRT_METRIC_HISTOGRAM, (seconds && !sum) || strstr(m->name, "-by-size") != NULL);
		assert_true(m->cumulative || m->kind == MRT_METRIC_UINT64);
	}
}

/* --------------------------------------------------------------- buckets of times */

static void layout_bounds(enum watch_time_layout layout, uint32_t octave_cells)
{
	uint32_t cells = watch_time_hist_cells(layout);

	assert_true(isinf(watch_time_hist_bound(layout, 0)) && watch_time_hist_bound(layout, 0) < 0);
	assert_true(isinf(watch_time_hist_bound(layout, cells)));
	for (uint32_t i = 1; i < cells; i++) {
		double low = watch_time_hist_bound(layout, i), high = watch_time_hist_bound(layout, i + 1);

		assert_true(low < high);
		/* As wide as 1 of so many of an octave, at most. */
		if (low >= 512e-9 && i + 1 < cells)
			assert_true((high - low) * octave_cells <= low * 1.0000001);
	}
}

/* Go's figures. */
static void test_bounds(void **state)
{
	(void)state;
	assert_int_equal(watch_time_hist_cells(WATCH_TIME_1_19), 721);
	assert_int_equal(watch_time_hist_cells(WATCH_TIME_1_20), 162);
	layout_bounds(WATCH_TIME_1_19, 16);
	layout_bounds(WATCH_TIME_1_20, 4);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_19, 1) == 0);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_19, 17) == 16e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_19, 33) == 32e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_19, 34) == 34e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_20, 2) == 64e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_20, 5) == 256e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_20, 10) == 640e-9);
	assert_true(watch_time_hist_bound(WATCH_TIME_1_20, 161) == (double)(UINT64_C(1) << 47) / 1e9);
}

/* One value is in the one cell that its layout has for it. */
static void value_in_cell(int64_t ns, enum watch_time_layout layout)
{
	uint64_t count[WATCH_TIME_CELLS_1_19];
	struct watch_time_hist h = {0};
	uint32_t found = 0;

	watch_time_hist_add(&h, ns);
	watch_time_hist_read(&h, layout, count);
	for (uint32_t i = 0; i < watch_time_hist_cells(layout); i++) {
		if (count[i] == 0)
			continue;
		assert_int_equal(count[i], 1);
		/* Doubles of whole nanoseconds below 2^53. */
		assert_true(watch_time_hist_bound(layout, i) <= (double)ns / 1e9);
		assert_true((double)ns / 1e9 < watch_time_hist_bound(layout, i + 1));
		found++;
	}
	assert_int_equal(found, 1);
}

static void test_cells(void **state)
{
	static const int64_t edge[] = {-1, 0, 1, 15, 16, 31, 32, 63, 64, 255, 256, 511, 512, (INT64_C(1) << 47) - 1,
				       INT64_C(1) << 47, (INT64_C(1) << 48) - 1, INT64_C(1) << 48, INT64_C(1) << 52};
	uint64_t rng = gc_test_seed();

	(void)state;
	for (size_t i = 0; i < sizeof(edge) / sizeof(edge[0]); i++) {
		value_in_cell(edge[i], WATCH_TIME_1_19);
		value_in_cell(edge[i], WATCH_TIME_1_20);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		int64_t ns = (int64_t)(gc_test_random(&rng) >> (12 + gc_test_random(&rng) % 52));

		value_in_cell(ns, WATCH_TIME_1_19);
		value_in_cell(ns, WATCH_TIME_1_20);
	}
}

/* ---------------------------------------------------------------------- reading */

struct reading {
	struct mrt_metric_sample sample[METRICS_MAX];
	uint64_t count[METRICS_MAX][MRT_METRIC_CELLS_MAX];
};

static void read_all(mrt_g *g, struct reading *r)
{
	for (size_t i = 0; i < mrt_metrics_count; i++)
		r->sample[i] = (struct mrt_metric_sample){.name = mrt_metrics[i].name, .count = r->count[i]};
	mrt_metrics_read(g, r->sample, mrt_metrics_count);
	for (size_t i = 0; i < mrt_metrics_count; i++)
		GC_TEST_MUST(r->sample[i].kind == mrt_metrics[i].kind);
}

static const struct mrt_metric_sample *find(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < mrt_metrics_count; i++)
		if (strcmp(r->sample[i].name, name) == 0)
			return &r->sample[i];
	GC_TEST_MUST(false);
	return NULL;
}

static uint64_t u64_of(const struct reading *r, const char *name)
{
	return find(r, name)->u64;
}

static uint64_t counted(const struct reading *r, const char *name)
{
	const struct mrt_metric_sample *s = find(r, name);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->cells; i++)
		sum += s->count[i];
	return sum;
}

static double seconds_of(const struct reading *r, const char *name)
{
	return find(r, name)->f64;
}

/* Nothing of the time that Ps have is missing, nor counted twice: what a stop takes of a P that was idle until then is seen a moment later. */
static void cpu_sums_hold(const struct reading *r)
{
	double user = seconds_of(r, "/cpu/classes/user:cpu-seconds"), idle = seconds_of(r, "/cpu/classes/idle:cpu-seconds"),
	       scavenge = seconds_of(r, "/cpu/classes/scavenge/total:cpu-seconds"),
	       gc = seconds_of(r, "/cpu/classes/gc/total:cpu-seconds"), total = seconds_of(r, "/cpu/classes/total:cpu-seconds");

	GC_TEST_MUST(fabs(scavenge - seconds_of(r, "/cpu/classes/scavenge/assist:cpu-seconds") -
			  seconds_of(r, "/cpu/classes/scavenge/background:cpu-seconds")) < 1e-9);
	GC_TEST_MUST(fabs(user + idle + scavenge + gc - total) < 1e-6);
	GC_TEST_MUST(idle >= 0 && idle <= total && user >= -1e-3 * (1 + total));
}

/* What must hold at any moment. */
static void sums_hold(const struct reading *r)
{
	uint64_t classes = 0;
	double cpu = 0;

	for (size_t i = 0; i < mrt_metrics_count; i++) {
		const struct mrt_metric_sample *s = &r->sample[i];

		if (strncmp(s->name, "/memory/classes/", 16) == 0 && strcmp(s->name, "/memory/classes/total:bytes") != 0)
			classes += s->u64;
		if (strncmp(s->name, "/cpu/classes/gc/", 16) == 0 && strstr(s->name, "total") == NULL)
			cpu += s->f64;
	}
	GC_TEST_MUST(classes == u64_of(r, "/memory/classes/total:bytes"));
	cpu_sums_hold(r);
	GC_TEST_MUST(counted(r, "/sched/pauses/total/other:seconds") == counted(r, "/sched/pauses/stopping/other:seconds"));
	GC_TEST_MUST(u64_of(r, "/sched/goroutines-created:goroutines") >= u64_of(r, "/sched/goroutines:goroutines"));
	GC_TEST_MUST(fabs(cpu - find(r, "/cpu/classes/gc/total:cpu-seconds")->f64) < 1e-9);
	GC_TEST_MUST(u64_of(r, "/gc/cycles/total:gc-cycles") ==
		     u64_of(r, "/gc/cycles/automatic:gc-cycles") + u64_of(r, "/gc/cycles/forced:gc-cycles"));
	GC_TEST_MUST(u64_of(r, "/gc/scan/total:bytes") == u64_of(r, "/gc/scan/globals:bytes") +
								  u64_of(r, "/gc/scan/heap:bytes") +
								  u64_of(r, "/gc/scan/stack:bytes"));
	GC_TEST_MUST(counted(r, "/gc/heap/allocs-by-size:bytes") == u64_of(r, "/gc/heap/allocs:objects"));
	GC_TEST_MUST(counted(r, "/gc/heap/frees-by-size:bytes") == u64_of(r, "/gc/heap/frees:objects"));
	GC_TEST_MUST(u64_of(r, "/gc/heap/objects:objects") ==
		     u64_of(r, "/gc/heap/allocs:objects") - u64_of(r, "/gc/heap/frees:objects"));
	GC_TEST_MUST(u64_of(r, "/memory/classes/heap/objects:bytes") ==
		     u64_of(r, "/gc/heap/allocs:bytes") - u64_of(r, "/gc/heap/frees:bytes"));
	GC_TEST_MUST(counted(r, "/gc/pauses:seconds") == counted(r, "/sched/pauses/total/gc:seconds"));
	GC_TEST_MUST(counted(r, "/gc/pauses:seconds") == counted(r, "/sched/pauses/stopping/gc:seconds"));
	GC_TEST_MUST(counted(r, "/gc/pauses:seconds") >= 2 * u64_of(r, "/gc/cycles/total:gc-cycles"));
}

/* Nothing but the reading went on since m was read. */
static void equals_memstats(const struct reading *r, const struct mrt_memstats *m)
{
	const struct {
		const char *name;
		uint64_t is;
	} v[] = {
		{"/gc/cycles/automatic:gc-cycles", m->num_gc - m->num_forced_gc},
		{"/gc/cycles/forced:gc-cycles", m->num_forced_gc},
		{"/gc/heap/allocs:bytes", m->total_alloc},
		{"/gc/heap/frees:bytes", m->total_alloc - m->heap_alloc},
		{"/gc/heap/goal:bytes", m->next_gc},
		{"/gc/heap/objects:objects", m->heap_objects},
		{"/memory/classes/heap/free:bytes", m->heap_idle - m->heap_released},
		{"/memory/classes/heap/objects:bytes", m->heap_alloc},
		{"/memory/classes/heap/released:bytes", m->heap_released},
		{"/memory/classes/heap/unused:bytes", m->heap_inuse - m->heap_alloc},
		{"/memory/classes/heap/stacks:bytes", m->stack_inuse},
		{"/memory/classes/metadata/mcache/free:bytes", m->mcache_sys - m->mcache_inuse},
		{"/memory/classes/metadata/mcache/inuse:bytes", m->mcache_inuse},
		{"/memory/classes/metadata/mspan/free:bytes", m->mspan_sys - m->mspan_inuse},
		{"/memory/classes/metadata/mspan/inuse:bytes", m->mspan_inuse},
		{"/memory/classes/metadata/other:bytes", m->gc_sys},
		{"/memory/classes/os-stacks:bytes", m->stack_sys - m->stack_inuse},
		{"/memory/classes/other:bytes", m->other_sys},
		{"/memory/classes/profiling/buckets:bytes", m->buck_hash_sys},
		{"/memory/classes/total:bytes", m->sys},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		GC_TEST_MUST(u64_of(r, v[i].name) == v[i].is);
	GC_TEST_MUST(u64_of(r, "/gc/heap/allocs:objects") + u64_of(r, "/gc/heap/tiny/allocs:objects") == m->mallocs);
	GC_TEST_MUST(u64_of(r, "/gc/heap/frees:objects") + u64_of(r, "/gc/heap/tiny/allocs:objects") == m->frees);
}

static void sizes_equal(const struct reading *r, const struct mrt_memstats *m)
{
	const struct mrt_metric_sample *a = find(r, "/gc/heap/allocs-by-size:bytes"),
				       *f = find(r, "/gc/heap/frees-by-size:bytes");

	GC_TEST_MUST(a->cells == 68 && a->bound[0] == 1 && a->bound[67] == 32769 && isinf(a->bound[68]));
	for (uint32_t i = 1; i < MRT_MEMSTATS_SIZES; i++) {
		GC_TEST_MUST(a->bound[i] == m->by_size[i].size + 1);
		GC_TEST_MUST(a->count[i - 1] == m->by_size[i].mallocs && f->count[i - 1] == m->by_size[i].frees);
	}
}

/* Each pause lies in its cell: the least and the most that they can have been together. */
static void pauses_bound(const struct reading *r, const char *name, const struct mrt_memstats *m)
{
	const struct mrt_metric_sample *s = find(r, name);
	double least = 0, most = 0;

	GC_TEST_MUST(s->count[0] == 0 && s->count[s->cells - 1] == 0);
	for (uint32_t i = 1; i + 1 < s->cells; i++) {
		least += s->bound[i] * (double)s->count[i];
		most += s->bound[i + 1] * (double)s->count[i];
	}
	GC_TEST_MUST(least <= (double)m->pause_total_ns / 1e9 * 1.000001);
	GC_TEST_MUST(most * 1.000001 >= (double)m->pause_total_ns / 1e9);
}

static void alone_body(mrt_g *g, void *arg)
{
	struct reading *r = arg;
	struct mrt_memstats m;
	uint64_t rng = gc_test_seed();
	MRT_ROOTS(g, roots, 64);

	for (uint32_t i = 0; i < 30000; i++) {
		bool tiny = gc_test_random(&rng) % 2 == 0;
		size_t n = 1 + gc_test_random(&rng) % (tiny ? 15 : i % 100 == 0 ? 9000 : 200);

		GC_TEST_MUST(mrt_new_array(g, tiny ? &byte_type : &pointer_type, n, &roots[i % 64]) == 0);
		if (i % 5000 == 4999)
			mrt_gc(g);
	}
	GC_TEST_MUST(mrt_new_array(g, &byte_type, 100000, &roots[0]) == 0);
	mrt_memstats_read(g, &m);
	read_all(g, r);
	equals_memstats(r, &m);
	sizes_equal(r, &m);
	GC_TEST_MUST(u64_of(r, "/gc/heap/tiny/allocs:objects") > 5000);
	GC_TEST_MUST(find(r, "/gc/heap/allocs-by-size:bytes")->count[67] >= 1);
	sums_hold(r);
	pauses_bound(r, "/gc/pauses:seconds", &m);
	pauses_bound(r, "/sched/pauses/total/gc:seconds", &m);
	GC_TEST_MUST(fabs(find(r, "/cpu/classes/gc/pause:cpu-seconds")->f64 - (double)m.pause_total_ns / 1e9) < 1e-9);
	GC_TEST_MUST(find(r, "/cpu/classes/gc/total:cpu-seconds")->f64 <= find(r, "/cpu/classes/total:cpu-seconds")->f64);
	GC_TEST_MUST(u64_of(r, "/gc/gogc:percent") == UINT64_MAX && u64_of(r, "/gc/gomemlimit:bytes") == INT64_MAX);
	GC_TEST_MUST(u64_of(r, "/sched/gomaxprocs:threads") == 1 && u64_of(r, "/sched/goroutines:goroutines") == 1);
	GC_TEST_MUST(u64_of(r, "/gc/limiter/last-enabled:gc-cycle") == 0);
	mrt_gc(g);
	read_all(g, r);
	/* All that is there was marked. */
	GC_TEST_MUST(u64_of(r, "/gc/heap/live:bytes") == u64_of(r, "/memory/classes/heap/objects:bytes"));
	mrt_set_gogc(g, 50);
	read_all(g, r);
	GC_TEST_MUST(u64_of(r, "/gc/gogc:percent") == 50);
}

/* One P, no collection but by hand: nobody else counts anything. */
static void test_alone(void **state)
{
	struct reading *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1}, alone_body, r);
	free(r);
}

static void unknown_body(mrt_g *g, void *arg)
{
	struct mrt_metric_sample s[] = {{.name = "/gc/heap/goals:bytes", .u64 = 7},
					{.name = ""},
					{.name = "/sched/pauses/total/gc:seconds"},
					{.name = "/gc/gomemlimit:bytes"}};

	(void)arg;
	mrt_metrics_read(g, s, sizeof(s) / sizeof(s[0]));
	GC_TEST_MUST(s[0].kind == MRT_METRIC_BAD && s[0].u64 == 7 && s[1].kind == MRT_METRIC_BAD);
	GC_TEST_MUST(s[2].kind == MRT_METRIC_HISTOGRAM && s[2].cells == 162 && s[2].count == NULL);
	GC_TEST_MUST(s[3].kind == MRT_METRIC_UINT64 && s[3].u64 == 64 << 20);
}

static void test_unknown(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.memlimit = 64 << 20}, unknown_body, NULL);
}

/* ------------------------------------------------------------------- together */

#define CHURNERS 3u

static mrt_wg churners;

static void churn_body(mrt_g *g, void *arg)
{
	uint64_t rng = gc_test_seed() + *(uint32_t *)arg;
	MRT_ROOTS(g, roots, 128);

	for (uint32_t i = 0; i < 20000; i++) {
		size_t n = 1 + gc_test_random(&rng) % (i % 50 == 0 ? 9000 : 40);

		GC_TEST_MUST(mrt_new_array(g, i % 2 == 0 ? &byte_type : &pointer_type, n, &roots[i % 128]) == 0);
	}
	mrt_wg_done(g, &churners);
}

static void together_body(mrt_g *g, void *arg)
{
	static uint32_t number[CHURNERS];
	struct reading *r = arg, *before = r + 1;

	mrt_wg_add(&churners, CHURNERS);
	for (uint32_t i = 0; i < CHURNERS; i++) {
		number[i] = i;
		GC_TEST_MUST(mrt_go(g, churn_body, &number[i], &(struct mrt_go_options){.name = "churner"}) == 0);
	}
	read_all(g, before);
	for (uint32_t i = 0; i < 200; i++) {
		read_all(g, r);
		sums_hold(r);
		for (size_t k = 0; k < mrt_metrics_count; k++)
			/* `user` is a difference: a microsecond may move out of it. */
			if (mrt_metrics[k].cumulative && strstr(mrt_metrics[k].name, "/user:") == NULL)
				GC_TEST_MUST(r->sample[k].u64 >= before->sample[k].u64 &&
					     r->sample[k].f64 >= before->sample[k].f64);
		memcpy(before->sample, r->sample, sizeof(r->sample));
		mrt_yield(g);
	}
	mrt_wg_wait(g, &churners);
	read_all(g, r);
	sums_hold(r);
	GC_TEST_MUST(u64_of(r, "/gc/cycles/automatic:gc-cycles") > 0);
}

static void test_together(void **state)
{
	struct reading *r = calloc(2, sizeof(*r));

	(void)state;
	assert_non_null(r);
	gc_test_run((struct mrt_options){.procs = 4}, together_body, r);
	free(r);
}

/* ----------------------------------------------------------------------- waits */

#define WAITS	    16u
#define YIELDS	    (100u * 8u)
#define MUTEX_HELD_NS 2000000

struct waits {
	struct reading *before, *after;
	mrt_mutex mutex;
	mrt_wg done;
};

static void yield_body(mrt_g *g, void *arg)
{
	struct waits *w = arg;

	for (uint32_t i = 0; i < YIELDS; i++)
		mrt_yield(g);
	mrt_wg_done(g, &w->done);
}

static void start_and_wait(mrt_g *g, struct waits *w, mrt_go_fn *fn)
{
	mrt_wg_add(&w->done, 1);
	GC_TEST_MUST(mrt_go(g, fn, w, &(struct mrt_go_options){.name = "waits"}) == 0);
	mrt_wg_wait(g, &w->done);
}

static uint64_t grew(const struct waits *w, const char *name)
{
	return counted(w->after, name) - counted(w->before, name);
}

/* Of 800 times that a goroutine leaves its P and comes back 100 are counted, and few of the runtime's own. */
static void latencies_counted(mrt_g *g, struct waits *w)
{
	read_all(g, w->before);
	start_and_wait(g, w, yield_body);
	read_all(g, w->after);
	GC_TEST_MUST(grew(w, "/sched/latencies:seconds") >= YIELDS / 8 && grew(w, "/sched/latencies:seconds") <= YIELDS / 8 + 16);
	GC_TEST_MUST(u64_of(w->after, "/sched/goroutines-created:goroutines") ==
		     u64_of(w->before, "/sched/goroutines-created:goroutines") + 1);
	/* The first reading itself, once it was over. */
	GC_TEST_MUST(grew(w, "/sched/pauses/total/other:seconds") == 1);
}

static void lock_body(mrt_g *g, void *arg)
{
	struct waits *w = arg;

	mrt_lock(g, &w->mutex);
	mrt_unlock(g, &w->mutex);
	mrt_wg_done(g, &w->done);
}

/* Held until somebody waits for it, and a while longer. */
static void hold(mrt_g *g, struct waits *w)
{
	int64_t until_ns;

	mrt_wg_add(&w->done, 1);
	mrt_lock(g, &w->mutex);
	GC_TEST_MUST(mrt_go(g, lock_body, w, &(struct mrt_go_options){.name = "waits"}) == 0);
	while (atomic_load(&w->mutex.state) < MRT_MUTEX_WAITER)
		mrt_yield(g);
	until_ns = mrt_now_ns() + MUTEX_HELD_NS;
	mrt_sleep_until(g, until_ns);
	mrt_unlock(g, &w->mutex);
	mrt_wg_wait(g, &w->done);
}

/* Of 16 goroutines that wait once each two are followed, and stand for all. */
static void mutex_waits_counted(mrt_g *g, struct waits *w)
{
	int64_t begin_ns = mrt_now_ns();
	double waited;

	read_all(g, w->before);
	for (uint32_t i = 0; i < WAITS; i++)
		hold(g, w);
	read_all(g, w->after);
	waited = seconds_of(w->after, "/sync/mutex/wait/total:seconds") - seconds_of(w->before, "/sync/mutex/wait/total:seconds");
	GC_TEST_MUST(waited >= WAITS * MUTEX_HELD_NS / 1e9 / 2);
	GC_TEST_MUST(waited <= 8 * (double)(mrt_now_ns() - begin_ns) / 1e9);
}

static void waits_body(mrt_g *g, void *arg)
{
	latencies_counted(g, arg);
	mutex_waits_counted(g, arg);
}

static void test_waits(void **state)
{
	struct reading *r = calloc(2, sizeof(*r));
	struct waits w = {.before = r, .after = r + 1};

	(void)state;
	assert_non_null(r);
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1}, waits_body, &w);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	cmocka_unit_test(test_bounds),	cmocka_unit_test(test_cells),
		cmocka_unit_test(test_alone),	cmocka_unit_test(test_unknown), cmocka_unit_test(test_together),
		cmocka_unit_test(test_waits),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
