/*
 * heap-follow: the curve's integral and its inverse; the driver holding what the curve says, object
 * for object, letting the collector alone but where a point says forced; every allocation failing
 * once; and the oracle finding what is broken on purpose.
 */
#include "tests/unit/test_gc_fixture.h"

#include "faults/fault.h"
#include "workloads/curve.h"
#include "workloads/workload.h"

#include <errno.h>
#include <string.h>

#define MIB	    (UINT64_C(1) << 20)
#define SECOND	    INT64_C(1000000000)
#define TEST_WORKER 200u

/* --------------------------------------------------------------------- curve */

/* Bytes due at t, by small sums: what the integral is compared with. */
static double slow_integral(const struct plan_follow *p, uint32_t n, int64_t t_ns)
{
	double sum = 0;

	for (uint32_t i = 0; i < n && p[i].at_ns < t_ns; i++) {
		int64_t end = i + 1 < n && p[i + 1].at_ns < t_ns ? p[i + 1].at_ns : t_ns;
		double dt = (double)(end - p[i].at_ns) / 1e9, slope = 0;

		if (i + 1 < n && p[i + 1].at_ns > p[i].at_ns)
			slope = ((double)p[i + 1].alloc_per_s - (double)p[i].alloc_per_s) /
				((double)(p[i + 1].at_ns - p[i].at_ns) / 1e9);
		sum += ((double)p[i].alloc_per_s + slope * dt / 2) * dt;
	}
	return sum;
}

static void test_curve_inverts_its_integral(void **state)
{
	uint64_t random = gc_test_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct plan_follow p[12] = {{0}};
		uint32_t n = 1 + (uint32_t)(gc_test_random(&random) % 12);
		uint32_t workers = 1 + (uint32_t)(gc_test_random(&random) % 5);
		uint64_t bytes = 0;
		struct curve c;
		int64_t last = 0;

		for (uint32_t i = 0; i < n; i++) {
			if (i > 0)
				p[i].at_ns = p[i - 1].at_ns +
					     (int64_t)(gc_test_random(&random) % 4 * SECOND / 3);
			p[i].alloc_per_s = gc_test_random(&random) % 3 * 10 * MIB;
		}
		assert_int_equal(curve_init(&c, p, n, workers), 0);
		for (int k = 0; k < 400; k++) {
			int64_t t;
			double due;

			bytes += gc_test_random(&random) % 40000;
			t = curve_due(&c, bytes);
			if (t == CURVE_NEVER) {
				assert_int_equal(p[n - 1].alloc_per_s, 0);
				due = slow_integral(p, n, p[n - 1].at_ns + SECOND) / workers;
				assert_true(due <= (double)bytes + 64);
				break;
			}
			assert_true(t >= last); /* time does not go back */
			last = t;
			due = slow_integral(p, n, t) / workers;
			/* to within what the steps of a parabola leave out */
			assert_true(due > (double)bytes - 200 && due < (double)bytes + 200);
		}
		curve_fini(&c);
	}
}

/* An hour and more behind the last point the schedule is still exact to a byte's time. */
static void test_curve_does_not_drift(void **state)
{
	const struct plan_follow p[] = {{.alloc_per_s = 3000000}, {.at_ns = SECOND, .alloc_per_s = 7000001}};
	struct curve c;

	(void)state;
	assert_int_equal(curve_init(&c, p, 2, 1), 0);
	for (int64_t s = 1; s < 10000; s += 7) {
		uint64_t bytes = 5000000 + (uint64_t)s * 7000001;
		int64_t t = curve_due(&c, bytes);

		assert_true(t >= (s + 1) * SECOND - 1000 && t <= (s + 1) * SECOND + 1000);
	}
	curve_fini(&c);
}

static void test_curve_live(void **state)
{
	const struct plan_follow p[] = {
		{.live = 1000}, {.at_ns = 10, .live = 3000}, {.at_ns = 10, .live = 500}, {.at_ns = 20, .live = 0}};
	struct curve c;

	(void)state;
	assert_int_equal(curve_init(&c, p, 4, 2), 0);
	assert_int_equal(curve_live_max(&c), 1500);
	assert_int_equal(curve_live(&c, 0), 500);
	assert_int_equal(curve_live(&c, 5), 1000);
	assert_int_equal(curve_live(&c, 10), 250); /* a step */
	assert_int_equal(curve_live(&c, 15), 125);
	assert_int_equal(curve_live(&c, 20), 0);
	assert_int_equal(curve_live(&c, 1000), 0);
	assert_int_equal(curve_due(&c, 1), CURVE_NEVER);
	curve_fini(&c);
}

/* -------------------------------------------------------------------- driver */

struct bench {
	struct plan plan;
	struct work_env env;
	struct work_unit *unit;
	void *const *root;
	void (*body)(mrt_g *g, struct bench *b);
	int error;
	uint64_t failed, fired;
	mrt_wg done;
};

static void bench_init(struct bench *b, struct plan_follow *follow, uint32_t n)
{
	struct plan_workload *w = &b->plan.workload[0];

	memset(b, 0, sizeof(*b));
	b->plan.runtime = (struct mrt_options){.procs = 2,
					       .seed = gc_test_seed(),
					       .gogc = 100,
					       .clobber = true,
					       .heap_reserve = (size_t)1 << 30};
	b->plan.nworkloads = 1;
	b->plan.end_ns = 100 * SECOND;
	*w = (struct plan_workload){
		.pointers = PLAN_POINTERS,
		.workers = 1,
		.handler = -1,
		.size = {PLAN_DIST_UNIFORM, 256, 2048, 0},
		.follow = follow,
		.nfollow = n,
	};
	memcpy(w->driver, "heap-follow", sizeof("heap-follow"));
	b->env.plan = &b->plan;
}

static void bench_goroutine(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct work_unit_options opt = {.env = &b->env, .w = &b->plan.workload[0], .share = 1};
	MRT_ROOTS(g, root, 1);

	b->root = &root[0];
	b->error = work_driver_by_name("heap-follow")->create(g, &opt, &root[0], &b->unit);
	if (b->error == 0)
		b->body(g, b);
	mrt_wg_done(g, &b->done);
}

static void bench_main(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct mrt_go_options opt = {.name = "test", .worker = TEST_WORKER, .driver = 0};
	char text[256];

	mrt_wg_add(&b->done, 1);
	GC_TEST_MUST(mrt_go(g, bench_goroutine, b, &opt) == 0);
	mrt_wg_wait(g, &b->done);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void bench_run(struct bench *b, void (*body)(mrt_g *, struct bench *))
{
	char text[256];

	b->body = body;
	assert_int_equal(work_driver_by_name("heap-follow")->accept(&b->plan.workload[0], text, sizeof(text)), 0);
	assert_int_equal(mrt_run(&b->plan.runtime, bench_main, b), 0);
	assert_int_equal(b->error, 0);
	b->unit->driver->destroy(b->unit);
}

/* Operate up to time t of the curve, as fast as it goes. */
static void bench_until(mrt_g *g, struct bench *b, int64_t t_ns)
{
	while (b->unit->driver->due(b->unit) <= t_ns) {
		mrt_safepoint(g);
		b->failed += b->unit->driver->op(g, b->unit) != 0;
	}
}

/* What lives after a collection, all of it reachable: the driver's and nothing else. */
static uint64_t bench_live(mrt_g *g)
{
	struct mrt_memstats m;

	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &m);
	return m.heap_alloc;
}

static uint64_t bench_total(mrt_g *g, uint32_t *ret_cycles, uint32_t *ret_forced)
{
	struct mrt_memstats m;

	mrt_memstats_read(g, &m);
	*ret_cycles = m.num_gc;
	*ret_forced = m.num_forced_gc;
	return m.total_alloc;
}

/* Up, level, down by a step, empty, up again. */
static struct plan_follow hill[] = {
	{.at_ns = 0, .live = 2 * MIB, .alloc_per_s = 16 * MIB, .gogc = 100},
	{.at_ns = SECOND, .live = 6 * MIB, .alloc_per_s = 16 * MIB},
	{.at_ns = 2 * SECOND, .live = 6 * MIB, .alloc_per_s = 4 * MIB, .gogc = 50},
	{.at_ns = 3 * SECOND, .live = 6 * MIB, .alloc_per_s = 4 * MIB},
	{.at_ns = 3 * SECOND, .live = MIB, .alloc_per_s = 4 * MIB, .forced = true},
	{.at_ns = 4 * SECOND, .live = 0, .alloc_per_s = 0},
	{.at_ns = 5 * SECOND, .live = 0, .alloc_per_s = 8 * MIB},
	{.at_ns = 6 * SECOND, .live = 3 * MIB, .alloc_per_s = 8 * MIB},
};
#define HILL (sizeof(hill) / sizeof(hill[0]))

static void body_holds_the_curve(mrt_g *g, struct bench *b)
{
	static const struct {
		int64_t t_ns;
		uint64_t live;
	} at[] = {
		{SECOND / 2, 4 * MIB},	 {SECOND, 6 * MIB},	{SECOND * 5 / 2, 6 * MIB},
		{SECOND * 7 / 2, MIB / 2}, {SECOND * 9 / 2, 0}, {SECOND * 11 / 2, MIB * 3 / 2},
		{SECOND * 8, 3 * MIB},
	};
	uint64_t slack = 2048 + 4096; /* the next object, and the chunk that it may need */

	GC_TEST_MUST(bench_live(g) <= 2 * MIB + 256 && bench_live(g) + slack >= 2 * MIB);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t live;

		bench_until(g, b, at[i].t_ns);
		live = bench_live(g);
		GC_TEST_MUST(live <= at[i].live + slack); /* it may fall until the next object */
		GC_TEST_MUST(live + slack >= at[i].live);
	}
	b->unit->driver->verify(g, b->unit);
}

static void test_holds_the_curve(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, hill, HILL);
	bench_run(&b, body_holds_the_curve);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.env.integrity_errors, 0);
	assert_true(b.env.checked > 1000);
}

/* 16 MiB in the first second, 10 in the second, 4 in the third; collected by hand once, and else when the
 * pacer wants to: at 100 % of 2 to 6 MiB some four to eight times in the first second. */
static void body_rates_and_cycles(mrt_g *g, struct bench *b)
{
	static const uint64_t sum[] = {16 * MIB, 26 * MIB, 30 * MIB};
	uint32_t cycles0, cycles, forced0, forced;
	uint64_t base = bench_total(g, &cycles0, &forced0), total;

	for (int i = 0; i < 3; i++) {
		bench_until(g, b, (i + 1) * SECOND - 1);
		total = bench_total(g, &cycles, &forced) - base;
		GC_TEST_MUST(total <= sum[i] && total + 8192 >= sum[i]);
		GC_TEST_MUST(forced == forced0);
		if (i == 0)
			GC_TEST_MUST(cycles - cycles0 >= 3 && cycles - cycles0 <= 12);
	}
	bench_until(g, b, 3 * SECOND);
	bench_total(g, &cycles, &forced);
	GC_TEST_MUST(forced == forced0 + 1);
}

static void test_rates_and_cycles(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, hill, HILL);
	bench_run(&b, body_rates_and_cycles);
	assert_int_equal(b.failed, 0);
}

/* GOGC is what the points say: the goal after a collection follows it. */
static void body_gogc(mrt_g *g, struct bench *b)
{
	static const uint64_t percent[] = {200, 200, 20, 0};

	for (int i = 0; i < 4; i++) {
		struct mrt_memstats m;
		uint64_t live, goal;

		bench_until(g, b, i * SECOND + SECOND / 2);
		live = bench_live(g);
		mrt_memstats_read(g, &m);
		goal = m.next_gc;
		if (percent[i] == 0)
			GC_TEST_MUST(goal > (UINT64_C(1) << 60)); /* off */
		else
			GC_TEST_MUST(goal >= live + live * percent[i] / 100 &&
				     goal <= live + live * (percent[i] + 2) / 100 + 65536);
	}
}

static void test_gogc(void **state)
{
	struct plan_follow p[] = {
		{.live = 8 * MIB, .alloc_per_s = MIB, .gogc = 200},
		{.at_ns = SECOND, .live = 8 * MIB, .alloc_per_s = MIB},
		{.at_ns = 2 * SECOND, .live = 8 * MIB, .alloc_per_s = MIB, .gogc = 20},
		{.at_ns = 3 * SECOND, .live = 8 * MIB, .alloc_per_s = MIB, .gogc = -1},
	};
	struct bench b;

	(void)state;
	bench_init(&b, p, 4);
	bench_run(&b, body_gogc);
}

/* Sizes from the smallest to large ones, a collection at every 97th allocation, freed memory clobbered. */
static void body_stress(mrt_g *g, struct bench *b)
{
	bench_until(g, b, 7 * SECOND);
	b->unit->driver->verify(g, b->unit);
}

static void test_stress(void **state)
{
	static const struct plan_size size[] = {
		{PLAN_DIST_FIXED, 64, 64, 0},
		{PLAN_DIST_ZIPF, 16, 1 << 20, 1100},
		{PLAN_DIST_UNIFORM, 4096, 65536, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct bench b;

		bench_init(&b, hill, HILL);
		b.plan.workload[0].size = size[i];
		b.plan.runtime.gc_every = 997;
		b.plan.runtime.check_edges = true;
		bench_run(&b, body_stress);
		assert_int_equal(b.failed, 0);
		assert_int_equal(b.env.integrity_errors, 0);
	}
}

/* ---------------------------------------------------------------- no memory */

static struct plan_follow small[] = {
	{.live = 40000, .alloc_per_s = MIB},
	{.at_ns = SECOND / 8, .live = 90000, .alloc_per_s = MIB},
	{.at_ns = SECOND / 4, .live = 10000, .alloc_per_s = MIB},
};

static void body_fails(mrt_g *g, struct bench *b)
{
	struct plan_follow *end = &small[2];

	gcs_fault_arm(0, 0, false, mrt_now_ns());
	bench_until(g, b, end->at_ns / 2);
	gcs_fault_disarm(0, false, mrt_now_ns());
	b->fired = atomic_load(&gcs_fault_counters(0)->fired);
	GC_TEST_MUST(b->failed == b->fired);
	/* What failed was due and is not asked for again; the curve is held again soon. */
	bench_until(g, b, end->at_ns - 1);
	b->unit->driver->verify(g, b->unit);
	bench_until(g, b, end->at_ns);
	b->unit->driver->verify(g, b->unit);
}

static void fail_one(const struct gcs_fault_spec *spec, struct bench *b)
{
	struct gcs_faults_options opt = {.spec = spec, .nspecs = 1, .seed = gc_test_seed()};

	bench_init(b, small, 3);
	b->plan.workload[0].size = (struct plan_size){PLAN_DIST_UNIFORM, 64, 256, 0};
	assert_int_equal(gcs_faults_load(&opt), 0);
	bench_run(b, body_fails);
	gcs_faults_clear();
	assert_int_equal(b->env.integrity_errors, 0);
}

static void test_every_allocation_fails(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL};
	struct bench b;
	uint64_t nth;

	(void)state;
	fail_one(&spec, &b); /* each of them */
	assert_true(b.failed > 500);
	for (nth = 1; nth < 4000; nth += nth < 100 ? 1 : 37) {
		spec.nth = nth;
		fail_one(&spec, &b);
		if (b.fired == 0)
			break;
		assert_int_equal(b.failed, 1);
	}
	assert_true(nth > 500 && nth < 4000);
}

/* -------------------------------------------------------------------- oracle */

static void **oracle_slot(struct bench *b, size_t i)
{
	void **chunk = mrt_load((void **)*b->root);

	return chunk + i;
}

static void body_lost(mrt_g *g, struct bench *b)
{
	mrt_store(g, oracle_slot(b, 7), NULL);
	b->unit->driver->verify(g, b->unit);
}

static void body_torn(mrt_g *g, struct bench *b)
{
	uint64_t *object = mrt_load(oracle_slot(b, 3));

	object[3] ^= 1; /* no pointer in any layout */
	b->unit->driver->verify(g, b->unit);
}

static void body_moved(mrt_g *g, struct bench *b)
{
	void *other = mrt_load(oracle_slot(b, 4));

	mrt_store(g, oracle_slot(b, 5), other);
	b->unit->driver->verify(g, b->unit);
}

/* The first object that points to its neighbour forgets it: nothing but the check of the pointers sees it. */
static void body_cut(mrt_g *g, struct bench *b)
{
	for (size_t i = 0; i < 64; i++) {
		void **object = mrt_load(oracle_slot(b, i)), *next = mrt_load(oracle_slot(b, i + 1));

		if (object[0] != next)
			continue;
		mrt_store(g, object, NULL);
		b->fired = 1;
		break;
	}
	b->unit->driver->verify(g, b->unit);
}

static void test_oracle(void **state)
{
	void (*const bodies[])(mrt_g *, struct bench *) = {body_lost, body_torn, body_moved, body_cut};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct bench b;

		bench_init(&b, hill, HILL);
		bench_run(&b, bodies[i]);
		assert_true(b.env.integrity_errors > 0);
		assert_true(bodies[i] != body_cut || (b.fired == 1 && b.env.integrity_errors == 1));
	}
}

static void test_refuses(void **state)
{
	struct bench b;
	struct plan_workload *w = &b.plan.workload[0];
	char text[256];

	(void)state;
	bench_init(&b, hill, HILL);
	w->rate = 5;
	assert_int_equal(work_heap_follow.accept(w, text, sizeof(text)), -EINVAL);
	w->rate = 0;
	w->size.max = MIB + 1;
	assert_int_equal(work_heap_follow.accept(w, text, sizeof(text)), -EINVAL);
	w->size.max = MIB;
	assert_int_equal(work_heap_follow.accept(w, text, sizeof(text)), 0);
	w->nfollow = 0;
	assert_int_equal(work_heap_follow.accept(w, text, sizeof(text)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curve_inverts_its_integral),
		cmocka_unit_test(test_curve_does_not_drift),
		cmocka_unit_test(test_curve_live),
		cmocka_unit_test(test_holds_the_curve),
		cmocka_unit_test(test_rates_and_cycles),
		cmocka_unit_test(test_gogc),
		cmocka_unit_test(test_stress),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
