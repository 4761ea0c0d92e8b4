/*
 * test_gc_faults.c: the collector's two gates. gc/write: a firing is a cycle that carries its id,
 * from the store to the stops; never while one runs. mem/malloc: one visit an allocation, final at
 * once, with no collection. And the heap check finds what is broken.
 */
#include "tests/unit/test_gc_fixture.h"

#include "faults/fault.h"
#include "runtime/sched/sched.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <string.h>

struct cell {
	void *link[2];
	uint64_t number[2];
};
static const uint64_t cell_mask[] = {3};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 2, .ptrmask = cell_mask};
static const uint32_t worker_ids[] = {MRT_WORKER_MAIN};

static struct mrt_telemetry *telemetry_create(uint32_t procs)
{
	struct mrt_telemetry *t = prim_pages_alloc(sizeof(*t));

	GC_TEST_MUST(t != NULL);
	watch_layout_init(t, procs);
	return t;
}

static void load_one(const struct gcs_fault_spec *spec, struct mrt_telemetry *t)
{
	struct gcs_faults_options opt = {.spec = spec,
					 .nspecs = 1,
					 .seed = gc_test_seed(),
					 .worker = worker_ids,
					 .nworkers = 1,
					 .telemetry = t};

	assert_int_equal(gcs_faults_load(&opt), 0);
}

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

/* ----------------------------------------------------------------- gc/write */

#define STORES 2000u

static void write_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[0]) == 0);
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
	gcs_fault_arm(0, 0, false, mrt_now_ns());
	for (uint32_t i = 0; i < STORES; i++) {
		mrt_store(g, &((struct cell *)roots[0])->link[i % 2], roots[1]);
		if (i % 50 == 49)
			mrt_yield(g);
	}
	gcs_faults_disarm_all(false, mrt_now_ns());
	/* Any cycle under way ends before this one. */
	mrt_gc(g);
	GC_TEST_MUST(((struct cell *)roots[0])->link[0] == roots[1]);
}

struct forced {
	uint64_t id;
	uint32_t cycle, stops;
	bool began, started;
};

static struct forced *forced_find(struct forced *f, uint32_t *n, uint64_t id)
{
	for (uint32_t i = 0; i < *n; i++)
		if (f[i].id == id)
			return &f[i];
	assert_true(*n < STORES);
	f[*n] = (struct forced){.id = id};
	return &f[(*n)++];
}

static void test_write(void **state)
{
	static struct forced f[STORES];
	static struct watch_record rec[4096];
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .every = 20};
	struct mrt_telemetry *t = telemetry_create(2);
	uint32_t n = 0;
	size_t got;

	(void)state;
	load_one(&spec, t);
	gc_test_run((struct mrt_options){.procs = 2, .telemetry = t, .check_edges = true},
		    write_body, NULL);
	while ((got = watch_drain(t, rec, 4096)) > 0) {
		for (size_t i = 0; i < got; i++) {
			const struct watch_record *r = &rec[i];

			if (r->kind == WATCH_EFFECT) {
				struct forced *x = forced_find(f, &n, r->b);

				assert_int_equal(r->c, 2);
				x->began = true;
				x->cycle = (uint32_t)r->d;
			} else if (r->kind == WATCH_GC_START && r->e != 0) {
				assert_int_equal(r->b, 3 /* GC_TRIGGER_FAULT */);
				forced_find(f, &n, r->e)->started = true;
			} else if (r->kind == WATCH_STW && r->e != 0) {
				forced_find(f, &n, r->e)->stops++;
			}
		}
	}
	assert_int_equal(watch_lost(t), 0);
	assert_true(n > 0);
	for (uint32_t i = 0; i < n; i++)
		assert_true(f[i].began && f[i].started && f[i].stops >= 2 && f[i].cycle > 0);
	assert_int_equal(count_of(&t->fault[0].visits), STORES);
	assert_int_equal(count_of(&t->fault[0].fired), n);
	assert_int_equal(count_of(&t->fault[0].eligible) / 20, n);
	gcs_faults_clear();
	prim_pages_free(t, sizeof(*t));
}

/* --------------------------------------------------------------- mem/malloc */

static void malloc_body(mrt_g *g, void *arg)
{
	struct mrt_memstats before, after;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	mrt_memstats_read(g, &before);
	gcs_fault_arm(0, 0, false, mrt_now_ns());
	for (uint32_t i = 1; i <= 1000; i++) {
		void *kept = roots[0];
		int r = i % 3 == 0 ? mrt_new_array(g, &cell_type, 2000, &roots[0])
				   : mrt_new(g, &cell_type, &roots[0]);

		GC_TEST_MUST(r == (i % 7 == 0 ? -ENOMEM : 0));
		GC_TEST_MUST(r == 0 || roots[0] == kept);
	}
	/* An object of no size allocates nothing. */
	GC_TEST_MUST(mrt_new_array(g, &cell_type, 0, &roots[0]) == 0 && roots[0] != NULL);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(after.mallocs - before.mallocs == 1000 - 1000 / 7);
	GC_TEST_MUST(after.num_gc == before.num_gc);
	roots[0] = NULL;
}

static void test_failed_allocation(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 7};
	struct mrt_telemetry *t = telemetry_create(1);

	(void)state;
	load_one(&spec, t);
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .telemetry = t}, malloc_body,
		    NULL);
	assert_int_equal(count_of(&t->fault[0].visits), 1000);
	assert_int_equal(count_of(&t->fault[0].eligible), 1000);
	assert_int_equal(count_of(&t->fault[0].fired), 1000 / 7);
	gcs_faults_clear();
	prim_pages_free(t, sizeof(*t));
}

/* -------------------------------------------------------- the check finds it */

static void broken_body(mrt_g *g, void *arg)
{
	char text[256];
	void *stale;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[0]) == 0);
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	stale = roots[1];
	roots[1] = NULL;
	mrt_gc(g);
	/* A pointer kept over a safepoint, in the heap and in a frame. */
	((struct cell *)roots[0])->link[1] = stale;
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 2);
	GC_TEST_MUST(strstr(text, "points to free memory at +8") != NULL);
	((struct cell *)roots[0])->link[1] = NULL;
	roots[1] = stale;
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 3);
	roots[1] = NULL;
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void test_broken(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1}, broken_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_failed_allocation),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
