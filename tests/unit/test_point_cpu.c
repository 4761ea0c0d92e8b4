/*
 * test_point_cpu.c: sched/preempt (a goroutine makes room at a safepoint, as if its time slice had
 * ended) and sched/starve (a P loses its CPU, and what waits for it waits longer): everything ends all
 * the same, and is as quick as before when the fault is over.
 */
#include "tests/unit/test_point_echo.h"

#include "runtime/sched/sched.h"

#define US	 INT64_C(1000)
#define LOOPS	 3u
#define TURNS	 1500u
#define STORM_TURNS 600u /* each a firing: where they take long all of them are logged, and have to fit into a ring and into point_log */
#define DELAY_NS (2 * MS)
#define CYCLES_MAX 20000u

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

struct loops {
	mrt_wg wg;
	_Atomic bool end;
	_Atomic uint32_t started;
	bool system;
	uint32_t turns;		   /* of each; 0: TURNS */
	_Atomic uint32_t last;	   /* who turned last; exact with one P alone */
	_Atomic uint32_t switches; /* turns of another than the last */
};

static void whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* A chain of the last few objects that is kept, and is as long as it should be. */
static void loop_turn(mrt_g *g, uint32_t i, void **roots)
{
	uint32_t chain = 0;

	for (void *at = roots[0]; at != NULL; at = mrt_load(at))
		chain++;
	GC_TEST_MUST(chain == i % 16);
	GC_TEST_MUST(mrt_new(g, &pointer_type, &roots[1]) == 0);
	mrt_store(g, roots[1], roots[0]);
	roots[0] = i % 16 == 15 ? NULL : roots[1];
	prim_step_n(PRIM_COST_WORK, 300);
}

static void loops_go(mrt_g *g, struct loops *l, mrt_go_fn *fn)
{
	mrt_wg_add(&l->wg, LOOPS);
	for (uint32_t i = 0; i < LOOPS; i++) {
		struct mrt_go_options opt = {.driver = (uint16_t)i,
					     .worker = MRT_WORKER_FIRST + i,
					     .system = l->system};

		GC_TEST_MUST(mrt_go(g, fn, l, &opt) == 0);
	}
}

/* --------------------------------------------------------------- sched/preempt */

static void turns_body(mrt_g *g, void *arg)
{
	struct loops *l = arg;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = 0; i < (l->turns != 0 ? l->turns : TURNS); i++) {
		loop_turn(g, i, roots);
		if (atomic_exchange(&l->last, mrt_worker(g)) != mrt_worker(g))
			atomic_fetch_add(&l->switches, 1);
	}
	mrt_wg_done(g, &l->wg);
}

/* Under the fault, and once more without it. */
static void preempt_body(mrt_g *g, void *arg)
{
	struct loops *l = arg, after = {0};
	uint64_t fired;

	point_arm_all(1);
	loops_go(g, l, turns_body);
	mrt_wg_wait(g, &l->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	fired = POINT_FAULT(0, fired);
	loops_go(g, &after, turns_body);
	mrt_wg_wait(g, &after.wg);
	whole(g);
	GC_TEST_MUST(POINT_FAULT(0, fired) == fired);
	/* A busy machine ends real time slices. */
	if (MRT_SIM && sched_procs() == 1 && !l->system)
		GC_TEST_MUST(atomic_load(&after.switches) < atomic_load(&l->switches) / 4);
}

static void test_preempt(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_preempt, .action = GCS_ACT_FORCE, .every = 20};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct loops l = {0};
		uint64_t made_room = 0;

		point_run(&spec, 1, (struct mrt_options){.procs = procs, .clobber = true}, preempt_body,
			  &l);
		/* All but those where it made room anyway. */
		assert_true(POINT_FAULT(0, visits) >= LOOPS * TURNS);
		assert_true(POINT_FAULT(0, eligible) >= LOOPS * TURNS / 10 * 9);
		assert_true(POINT_FAULT(0, fired) >= LOOPS * (TURNS / 20) / 10 * 9);
		assert_int_equal(point_log.n, POINT_FAULT(0, fired));
		for (uint32_t i = 0; i < point_log.n; i++) {
			const struct point_firing *f = &point_log.f[i];

			assert_true(f->worker >= MRT_WORKER_MAIN && f->sched[2] == 1);
			assert_true(f->value > 0);
			made_room += f->arg > 0;
		}
		/* With one P who waits there runs next. */
		if (procs == 1)
			assert_true(made_room > LOOPS && atomic_load(&l.switches) >= made_room / 2);
	}
}

/* The collector in the middle of a storm: every safepoint of all goroutines. */
static void storm_body(mrt_g *g, void *arg)
{
	struct loops *l = arg;

	point_arm_all(1);
	loops_go(g, l, turns_body);
	for (uint32_t i = 0; i < 5; i++)
		mrt_gc(g);
	mrt_wg_wait(g, &l->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	whole(g);
}

static void test_storm(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_preempt, .action = GCS_ACT_FORCE};
	struct loops l = {.turns = STORM_TURNS};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 3, .clobber = true, .check_edges = true},
		  storm_body, &l);
	/* All but those where the world was waiting anyway. */
	assert_true(POINT_FAULT(0, visits) >= LOOPS * STORM_TURNS);
	assert_true(POINT_FAULT(0, fired) >= LOOPS * STORM_TURNS / 10 * 9);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
	assert_true(point_log.stops >= 10);
}

/* The runtime's own do not make room. */
static void test_preempt_system(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_preempt, .action = GCS_ACT_FORCE};
	struct loops l = {.system = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 1}, preempt_body, &l);
	assert_true(POINT_FAULT(0, visits) >= LOOPS * TURNS);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_MAIN);
}

/* ---------------------------------------------------------------- sched/starve */

/* The scheduler is asked often for the next one. */
static void yield_body(mrt_g *g, void *arg)
{
	struct loops *l = arg;
	MRT_ROOTS(g, roots, 2);

	atomic_fetch_add(&l->started, 1);
	for (uint32_t i = 0; !atomic_load(&l->end); i++) {
		loop_turn(g, i, roots);
		if (i % 8 == 0)
			mrt_yield(g);
	}
	mrt_wg_done(g, &l->wg);
}

static void starve_body(mrt_g *g, void *arg)
{
	struct loops *l = arg;
	uint64_t fired;

	loops_go(g, l, yield_body);
	while (atomic_load(&l->started) < LOOPS)
		mrt_yield(g);
	point_arm_all(1);
	/* The next stop begins when the last is over: each P without its CPU is waited for. */
	for (uint32_t i = 0; i < CYCLES_MAX && POINT_FAULT(0, fired) < 20; i++)
		mrt_gc(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	for (uint32_t i = 0; i < 3; i++)
		mrt_gc(g); /* a visit that began before the disarm is over */
	fired = POINT_FAULT(0, fired);
	for (uint32_t i = 0; i < 5; i++)
		mrt_gc(g);
	GC_TEST_MUST(POINT_FAULT(0, fired) == fired);
	atomic_store(&l->end, true);
	mrt_wg_wait(g, &l->wg);
	whole(g);
}

static void test_starve(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_starve,
				      .action = GCS_ACT_DELAY,
				      .every = 100,
				      .delay_ns = DELAY_NS,
				      .jitter_ns = DELAY_NS / 2};
	struct loops l = {0};
	uint32_t held_up = 0;
	uint64_t longest = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = LOOPS + 1}, starve_body, &l);
	assert_true(POINT_FAULT(0, fired) >= 20);
	assert_int_equal(POINT_FAULT(0, visits), POINT_FAULT(0, eligible));
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_SCHED);
		assert_true(f->late == 1 && f->value >= (uint64_t)DELAY_NS && f->stops <= 1);
		held_up += f->stops;
		longest = f->stopping_ns > longest ? f->stopping_ns : longest;
	}
	assert_true(held_up > 0 && longest >= (uint64_t)DELAY_NS / 4);
}

/* Who is woken by the poller and has a P without its CPU comes late, and says why. */
static void test_starve_wake(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_starve,
				      .action = GCS_ACT_DELAY,
				      .every = 3,
				      .workloads = 1u << 5, /* the servers */
				      .delay_ns = DELAY_NS};
	struct echo e = {.conns = 8, .rounds = 12, .wanted = 12};
	uint32_t carried = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, echo_body, &e);
	for (uint32_t i = 0; i < e.conns; i++)
		assert_int_equal(e.served[i], e.rounds);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->late == 1 && f->lags == f->ran && f->lags <= 1);
		assert_true(f->lags == 0 || f->lag_ns >= (uint64_t)DELAY_NS);
		carried += f->lags;
	}
	assert_true(carried > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preempt),	       cmocka_unit_test(test_storm),
		cmocka_unit_test(test_preempt_system), cmocka_unit_test(test_starve),
		cmocka_unit_test(test_starve_wake),
	};

	return point_main("cpu", tests, sizeof(tests) / sizeof(tests[0]));
}
