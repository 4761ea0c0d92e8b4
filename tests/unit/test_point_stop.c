/*
 * test_point_stop.c: stw/stop: a goroutine comes late to its safepoint and the world waits for it.
 * The stop carries the firing, takes at least as long as the goroutine was late, and everything
 * goes on after it.
 */
#include "tests/unit/test_point_fixture.h"

#include "runtime/sched/sched.h"

#define LOOPS	 3u
#define CYCLES	 25u
#define CYCLES_MAX 20000u
#define DELAY_NS INT64_C(2000000)

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

struct loops {
	mrt_wg wg;
	_Atomic bool end;
	_Atomic uint32_t started;
	bool every_system; /* the goroutines are the runtime's own */
};

struct loop {
	struct loops *all;
	uint64_t turns;
};

/* Busy, with safepoints and garbage; a chain of the last few is kept and compared. */
static void loop_body(mrt_g *g, void *arg)
{
	struct loop *l = arg;
	MRT_ROOTS(g, roots, 2);

	atomic_fetch_add(&l->all->started, 1);
	for (; !atomic_load(&l->all->end); l->turns++) {
		if (l->turns % 64 == 0)
			roots[0] = NULL;
		GC_TEST_MUST(mrt_new(g, &pointer_type, &roots[1]) == 0);
		mrt_store(g, roots[1], roots[0]);
		roots[0] = roots[1];
		prim_step_n(PRIM_COST_WORK, 300);
	}
	for (void *at = roots[0]; at != NULL; at = mrt_load(at))
		l->turns--;
	GC_TEST_MUST(l->turns % 64 == 0);
	mrt_wg_done(g, &l->all->wg);
}

static bool seen_enough(const struct loops *a)
{
	return a->every_system ? POINT_FAULT(0, visits) > 0 : POINT_FAULT(0, fired) > 0;
}

/* Disarmed, it is over: the first stop may find one that was late already, the others nobody. */
static void stops_after(mrt_g *g)
{
	struct sched_stw stw;
	int64_t least = INT64_MAX;
	uint64_t fired = 0;

	for (uint32_t i = 0; i < 20; i++) {
		sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
		GC_TEST_MUST(i == 0 || (stw.late_firing == 0 && POINT_FAULT(0, fired) == fired));
		fired = POINT_FAULT(0, fired);
		sched_start_world(sched_of(g), &stw, 0, 0);
		least = stw.stopped_ns - stw.request_ns < least ? stw.stopped_ns - stw.request_ns
								: least;
		mrt_yield(g);
	}
	GC_TEST_MUST(least < DELAY_NS);
}

static void loops_body(mrt_g *g, void *arg)
{
	struct loops *a = arg;
	struct loop loop[LOOPS];
	char text[256];

	mrt_wg_add(&a->wg, LOOPS);
	for (uint32_t i = 0; i < LOOPS; i++) {
		struct mrt_go_options opt = {.driver = (uint16_t)i,
					     .worker = MRT_WORKER_FIRST + i,
					     .system = a->every_system};

		loop[i] = (struct loop){.all = a};
		GC_TEST_MUST(mrt_go(g, loop_body, &loop[i], &opt) == 0);
	}
	while (atomic_load(&a->started) < LOOPS)
		mrt_yield(g);
	point_arm_all(1);
	/* A stop that finds no goroutine running visits nothing: until there were some. */
	for (uint32_t i = 0; i < CYCLES || (!seen_enough(a) && i < CYCLES_MAX); i++)
		mrt_gc(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	stops_after(g);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	atomic_store(&a->end, true);
	mrt_wg_wait(g, &a->wg);
}

/* Each firing was late by its delay; the stops that carry one waited for it. */
static void check_late(int64_t delay_ns)
{
	uint32_t held_up = 0;

	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker >= MRT_WORKER_MAIN && f->late == 1 && f->stops <= 1);
		assert_true(f->value >= (uint64_t)delay_ns);
		assert_true(f->stops == 0 || f->stopping_ns >= (uint64_t)delay_ns);
		held_up += f->stops;
	}
	assert_true(held_up > 0);
	/* Several may be late to one stop; the last of them is named. */
	if (point_log.n == 1)
		assert_int_equal(held_up, 1);
}

static void test_late(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_stw_stop,
				      .action = GCS_ACT_DELAY,
				      .every = 5,
				      .delay_ns = DELAY_NS,
				      .jitter_ns = DELAY_NS / 2};
	struct loops a = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = LOOPS + 1}, loops_body, &a);
	check_late(DELAY_NS);
	assert_true(POINT_FAULT(0, eligible) >= POINT_FAULT(0, fired) * 5);
}

/* One goroutine of one workload, once. */
static void test_late_once(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_stw_stop,
				      .action = GCS_ACT_DELAY,
				      .nth = 2,
				      .workloads = 1u << 1,
				      .delay_ns = 5 * DELAY_NS};
	struct loops a = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = LOOPS + 1}, loops_body, &a);
	check_late(5 * DELAY_NS);
	assert_int_equal(point_log.n, 1);
	assert_int_equal(point_log.f[0].worker, MRT_WORKER_FIRST + 1);
}

/* The runtime's own goroutines are never late. */
static void test_system(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_stw_stop, .action = GCS_ACT_DELAY, .delay_ns = DELAY_NS};
	struct loops a = {.every_system = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = LOOPS + 1}, loops_body, &a);
	assert_true(POINT_FAULT(0, visits) > 0);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_MAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_once),
		cmocka_unit_test(test_system),
	};

	return point_main("stop", tests, sizeof(tests) / sizeof(tests[0]));
}
