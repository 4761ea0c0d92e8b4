/*
 * test_point_gc.c: the points of gc/ in maps and allocations, which force a cycle, and those at which
 * the collector is late: a due cycle, the sweeper, a mark worker, a long stop. Each is reached,
 * fires, has its effect, and is recovered from: contents and heap are whole.
 */
#include "tests/unit/test_point_fixture.h"

#define KEYS	 600u
#define ROUND	 3000u /* operations on one map; then a new one grows */
#define OPS	 6000u
#define WANTED	 3u	  /* firings */
#define MORE	 3000000u /* operations at most until there were as many */
#define LIVE	 20000u
#define DELAY_NS INT64_C(2000000)

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};
static const struct mrt_type blob_type = {.name = "blob", .size = 1000};

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* -------------------------------------------------------------------- forced */

struct churn {
	uint32_t ops, deleted;
	uint64_t model[KEYS];
};

static bool churn_wanted(const struct churn *c)
{
	return c->ops < OPS || (POINT_FAULT(0, fired) < WANTED && c->ops < MORE);
}

static void churn_compare(mrt_g *g, const struct mrt_map_type *mt, struct churn *c, void *map)
{
	for (uint64_t key = 0; key < KEYS; key++) {
		void *const *slot = mrt_map_get(g, mt, map, key);

		GC_TEST_MUST((slot != NULL) == (c->model[key] != 0));
		GC_TEST_MUST(slot == NULL || **(uint64_t *const *)slot == c->model[key]);
	}
	memset(c->model, 0, sizeof(c->model));
}

/* Values are objects that nothing but the map holds. */
static void churn_op(mrt_g *g, const struct mrt_map_type *mt, struct churn *c, void **roots,
		     uint64_t draw)
{
	uint64_t key = draw % KEYS;

	c->ops++;
	if (draw >> 32 & 1) {
		bool there = mrt_map_delete(g, mt, roots[0], key);

		GC_TEST_MUST(there == (c->model[key] != 0));
		c->deleted += there;
		c->model[key] = 0;
		return;
	}
	GC_TEST_MUST(mrt_new(g, &number_type, &roots[1]) == 0);
	*(uint64_t *)roots[1] = c->ops;
	GC_TEST_MUST(mrt_map_put(g, mt, roots[0], key, &roots[1]) == 0);
	c->model[key] = c->ops;
	roots[1] = NULL;
}

static void churn_body(mrt_g *g, void *arg)
{
	struct churn *c = arg;
	struct mrt_map_type mt;
	uint64_t rng = gc_test_seed();
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &pointer_type) == 0);
	point_arm_all(1);
	while (churn_wanted(c)) {
		GC_TEST_MUST(mrt_map_new(g, &mt, 0, &roots[0]) == 0);
		for (uint32_t i = 0; i < ROUND; i++)
			churn_op(g, &mt, c, roots, gc_test_random(&rng));
		churn_compare(g, &mt, c, roots[0]);
	}
	heap_is_whole(g);
}

/* Each firing began exactly one cycle, whose stops carry it. */
static void check_forced(uint64_t every)
{
	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / every);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->began == 1 && f->cycles == 1 && f->stops >= 2 && f->value > 0);
	}
}

static struct churn force(enum gcs_point point, struct gcs_fault_spec spec)
{
	struct churn c = {0};

	spec.point = point;
	spec.action = GCS_ACT_FORCE;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true, .clobber = true}, churn_body,
		  &c);
	check_forced(spec.every);
	return c;
}

static void test_map_delete(void **state)
{
	struct churn c = force(GCS_POINT_gc_map_delete, (struct gcs_fault_spec){.every = 25});

	(void)state;
	assert_int_equal(POINT_FAULT(0, visits), c.deleted);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg < KEYS);
}

static void test_evacuate(void **state)
{
	force(GCS_POINT_gc_evacuate, (struct gcs_fault_spec){.every = 5});
	(void)state;
	for (uint32_t i = 0; i < point_log.n; i++) /* an old bucket */
		assert_true(point_log.f[i].arg < KEYS);
}

static void test_alloc(void **state)
{
	struct churn c = force(GCS_POINT_gc_alloc, (struct gcs_fault_spec){.every = 50});

	(void)state;
	assert_true(POINT_FAULT(0, visits) >= c.ops - 2 * c.deleted - c.ops / 2);
}

static void test_alloc_size(void **state)
{
	force(GCS_POINT_gc_alloc,
	      (struct gcs_fault_spec){.every = 3, .size_min = 100, .size_max = 4000});
	(void)state;
	assert_true(POINT_FAULT(0, eligible) < POINT_FAULT(0, visits));
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].arg >= 100 && point_log.f[i].arg <= 4000);
}

/* ---------------------------------------------------------------------- late */

struct late {
	enum gcs_point point;
	uint64_t mark_ns_max;
	uint32_t past; /* looks that found the heap past its trigger with no cycle running */
};

static uint64_t late_gauge(const _Atomic uint64_t *gauge)
{
	return atomic_load(gauge);
}

static void late_look(struct late *l)
{
	const struct watch_gauges *at = &point_telemetry->gauges;
	uint64_t mark_ns = late_gauge(&at->mark_ns_last);

	if (mark_ns > l->mark_ns_max)
		l->mark_ns_max = mark_ns;
	l->past += late_gauge(&at->gc_phase) == 0 &&
		   late_gauge(&at->heap_live) > late_gauge(&at->heap_trigger);
}

static bool late_wanted(const struct late *l, uint32_t i)
{
	return i < LIVE || (i < MORE && (POINT_FAULT(0, fired) < WANTED ||
					 (l->point == GCS_POINT_gc_start && l->past == 0)));
}

/* Garbage, and a table of live numbers that is replaced all the time. */
static void late_body(mrt_g *g, void *arg)
{
	struct late *l = arg;
	uint32_t i = 0;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, LIVE, &roots[0]) == 0);
	point_arm_all(1);
	for (; late_wanted(l, i); i++) {
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[1]) == 0);
		*(uint64_t *)roots[1] = i;
		mrt_store(g, (void **)roots[0] + i % LIVE, roots[1]);
		GC_TEST_MUST(mrt_new(g, &blob_type, &roots[1]) == 0);
		late_look(l);
	}
	heap_is_whole(g);
	late_look(l);
	for (uint32_t k = i - LIVE; k < i; k++)
		GC_TEST_MUST(*((uint64_t **)roots[0])[k % LIVE] == k);
}

/* All firings of a split among one: `times` is met exactly. */
static struct late late(enum gcs_point point, struct gcs_fault_spec spec)
{
	struct late l = {.point = point};

	spec.point = point;
	spec.action = GCS_ACT_DELAY;
	spec.times = WANTED;
	spec.delay_ns = DELAY_NS;
	point_run(&spec, 1, (struct mrt_options){.procs = 4, .check_edges = true}, late_body, &l);
	assert_int_equal(POINT_FAULT(0, fired), WANTED);
	assert_int_equal(point_log.n, WANTED);
	return l;
}

/* Held up once, for as long as was ordered at least. Returns 1 if it was. */
static uint32_t check_held(const struct point_firing *f, uint32_t worker)
{
	assert_int_equal(f->worker, worker);
	assert_true(f->late <= 1);
	assert_true(f->late == 0 || f->value >= (uint64_t)DELAY_NS);
	return f->late;
}

static void test_start(void **state)
{
	struct late l = late(GCS_POINT_gc_start, (struct gcs_fault_spec){.every = 2});
	uint64_t last = 0;

	(void)state;
	assert_true(l.past > 0);
	for (uint32_t i = 0; i < point_log.n; i++)
		last = point_log.f[i].id > last ? point_log.f[i].id : last;
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker == MRT_WORKER_GC && f->late == 1 && f->cycles == 1);
		/* The last may have been cut short by the cycle by hand at the end. */
		assert_true(f->id == last || f->value >= (uint64_t)DELAY_NS);
	}
}

static void test_sweep(void **state)
{
	uint32_t held = 0, sweeps = 0;

	(void)state;
	late(GCS_POINT_gc_sweep, (struct gcs_fault_spec){.every = 2});
	for (uint32_t i = 0; i < point_log.n; i++) {
		held += check_held(&point_log.f[i], MRT_WORKER_SWEEPER);
		sweeps += point_log.f[i].sweeps;
	}
	/* The run may end before the last has slept enough. */
	assert_true(held >= WANTED - 1 && sweeps > 0);
}

static void test_worker(void **state)
{
	struct late l = late(GCS_POINT_gc_worker, (struct gcs_fault_spec){.every = 2});

	(void)state;
	/* Marking cannot end without it: the cycle by hand waits for the last. */
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_int_equal(check_held(&point_log.f[i], MRT_WORKER_MARK0), 1);
		assert_true(point_log.f[i].arg < 4);
	}
	assert_true(l.mark_ns_max >= (uint64_t)DELAY_NS);
}

static void test_stopped(void **state)
{
	late(GCS_POINT_stw_stopped, (struct gcs_fault_spec){.every = 2});
	(void)state;
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(check_held(f, MRT_WORKER_GC), 1);
		assert_int_equal(f->stops, 1);
		assert_true(f->stopped_ns >= (uint64_t)DELAY_NS);
	}
}

/* ------------------------------------------------- goroutines of the program */

/* What each goroutine does counts by itself: main has a ninth of `times`. */
static struct late shared(enum gcs_point point, struct gcs_fault_spec spec)
{
	struct late l = {.point = point};

	spec.point = point;
	point_run(&spec, 1, (struct mrt_options){.procs = 4, .check_edges = true}, late_body, &l);
	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_MAIN);
	return l;
}

static void test_stack_scan(void **state)
{
	struct late l = shared(GCS_POINT_gc_stack_scan,
			       (struct gcs_fault_spec){.action = GCS_ACT_DELAY,
						       .delay_ns = DELAY_NS});

	(void)state;
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(check_held(&point_log.f[i], MRT_WORKER_MAIN), 1);
	assert_true(l.mark_ns_max >= (uint64_t)DELAY_NS);
}

static void test_barrier_flush(void **state)
{
	(void)state;
	shared(GCS_POINT_gc_barrier_flush,
	       (struct gcs_fault_spec){
		       .action = GCS_ACT_FORCE, .every = 3, .times = 20 * (POINT_WORKERS + 1)});
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->flushed == 1 && f->value == f->arg && f->arg > 0);
	}
}

/* An assist that credit would have covered. */
static void test_assist(void **state)
{
	(void)state;
	shared(GCS_POINT_gc_assist, (struct gcs_fault_spec){.action = GCS_ACT_DROP,
							    .times = 20 * (POINT_WORKERS + 1)});
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->alone == 1 && f->assists == 1 && f->arg > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_delete), cmocka_unit_test(test_evacuate),
		cmocka_unit_test(test_alloc),	   cmocka_unit_test(test_alloc_size),
		cmocka_unit_test(test_start),	   cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_worker),	   cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stack_scan), cmocka_unit_test(test_barrier_flush),
		cmocka_unit_test(test_assist),
	};

	return point_main("gc", tests, sizeof(tests) / sizeof(tests[0]));
}
