/*
 * test_point_cycle.c: the points at the edges of a cycle: what paces it (gc/pacer, gc/gogc), where it is
 * held still (gc/roots, gc/mark, gc/termination, gc/sweep_start), mark workers that leave it
 * (gc/worker, drop), and a loop without a safepoint that a stop waits for (stw/spin).
 */
#include "tests/unit/test_point_fixture.h"

#define WANTED	 4u	  /* firings */
#define MORE	 3000000u /* turns at most until there were as many */
#define LIVE	 10000u
#define DELAY_NS INT64_C(2000000)
#define MIB	 (UINT64_C(1) << 20)

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
	mrt_gc(g); /* nothing is left behind for the next */
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static uint64_t gauge(const _Atomic uint64_t *word)
{
	return atomic_load(word);
}

/* --------------------------------------------------------------------- load */

struct load {
	uint32_t faults, turns;
	uint64_t mark_ns_max;
};

static bool load_wanted(const struct load *l)
{
	bool fired = true;

	for (uint32_t i = 0; i < l->faults; i++)
		fired = fired && POINT_FAULT(i, fired) >= WANTED;
	return l->turns < LIVE || (!fired && l->turns < MORE);
}

/* Garbage, and a table of live numbers that is replaced all the time. */
static void load_body(mrt_g *g, void *arg)
{
	struct load *l = arg;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, LIVE, &roots[0]) == 0);
	point_arm_all(l->faults);
	for (; load_wanted(l); l->turns++) {
		uint64_t mark_ns = gauge(&point_telemetry->gauges.mark_ns_last);

		GC_TEST_MUST(mrt_new(g, &number_type, &roots[1]) == 0);
		*(uint64_t *)roots[1] = l->turns;
		mrt_store(g, (void **)roots[0] + l->turns % LIVE, roots[1]);
		GC_TEST_MUST(mrt_new(g, &blob_type, &roots[1]) == 0);
		l->mark_ns_max = mark_ns > l->mark_ns_max ? mark_ns : l->mark_ns_max;
	}
	mrt_gc(g); /* one with nobody to help */
	heap_is_whole(g);
	for (uint32_t k = l->turns - LIVE; k < l->turns; k++)
		GC_TEST_MUST(*((uint64_t **)roots[0])[k % LIVE] == k);
}

static struct load load(const struct gcs_fault_spec *spec, uint32_t faults, uint32_t procs)
{
	struct load l = {.faults = faults};

	point_run(spec, faults, (struct mrt_options){.procs = procs, .check_edges = true},
		  load_body, &l);
	for (uint32_t i = 0; i < faults; i++)
		assert_true(POINT_FAULT(i, fired) >= WANTED);
	return l;
}

/* ------------------------------------------------------------ held at an edge */

/* Every firing is a cycle's, once, and holds it up for as long as was ordered at least. */
static struct load held(enum gcs_point point, uint32_t procs)
{
	struct gcs_fault_spec spec = {.point = point,
				      .action = GCS_ACT_DELAY,
				      .every = 2,
				      .times = WANTED,
				      .delay_ns = DELAY_NS};
	struct load l = load(&spec, 1, procs);

	assert_int_equal(POINT_FAULT(0, fired), WANTED);
	assert_int_equal(point_log.n, WANTED);
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_GC);
		assert_int_equal(point_log.f[i].late, 1);
		assert_true(point_log.f[i].value >= (uint64_t)DELAY_NS);
	}
	return l;
}

static uint32_t assists_of_all(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < point_log.n; i++)
		n += point_log.f[i].assists;
	return n;
}

/* The cycle carries the firing from its beginning. How many allocations in debt waited for it. */
static uint32_t held_marking_once(enum gcs_point point, uint32_t procs)
{
	struct load l = held(point, procs);

	assert_true(l.mark_ns_max >= (uint64_t)DELAY_NS);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].cycles, 1);
	return assists_of_all();
}

/* On a busy machine who allocates may not have run at all while it was held: then once more. */
static void held_marking(enum gcs_point point)
{
	for (uint32_t procs = 1; procs <= 4; procs += 3) {
		uint32_t assists = 0;

		for (uint32_t i = 0; i < 50 && assists == 0; i++)
			assists = held_marking_once(point, procs);
		assert_true(assists > 0);
	}
}

static void test_roots(void **state)
{
	(void)state;
	held_marking(GCS_POINT_gc_roots);
}

static void test_mark(void **state)
{
	(void)state;
	held_marking(GCS_POINT_gc_mark);
}

/* The cycle began without it; the stop that ends it is due to it. */
static void test_termination(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs += 3) {
		struct load l = held(GCS_POINT_gc_termination, procs);

		assert_true(l.mark_ns_max >= (uint64_t)DELAY_NS);
		for (uint32_t i = 0; i < point_log.n; i++) {
			assert_int_equal(point_log.f[i].cycles, 0);
			assert_true(point_log.f[i].stops >= 1);
		}
	}
}

static void test_sweep_start(void **state)
{
	uint32_t sweeps = 0;

	(void)state;
	held(GCS_POINT_gc_sweep_start, 4);
	for (uint32_t i = 0; i < point_log.n; i++)
		sweeps += point_log.f[i].sweeps;
	assert_int_equal(sweeps, WANTED);
}

/* ------------------------------------------------------------------- workers */

/* In every cycle every worker leaves; the one that is taken back marks. */
static void workers_leave(uint32_t procs)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_gc_worker, .action = GCS_ACT_DROP};
	uint32_t back = 0;

	load(&spec, 1, procs);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker == MRT_WORKER_MARK0 && f->arg < procs);
		assert_true(f->left == 1 && f->back <= 1);
		back += f->back;
	}
	assert_true(procs > 1 || back > 0);
}

static void test_all_workers_leave(void **state)
{
	(void)state;
	workers_leave(1);
	workers_leave(2);
	workers_leave(5);
}

/* One of several: the others do what it leaves. */
static void test_a_worker_leaves(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_worker, .action = GCS_ACT_DROP, .every = 3};

	(void)state;
	load(&spec, 1, 4);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].left, 1);
}

/* A main that runs on without allocating while another waits for a cycle, on one P: the worker is taken
 * back though its P has something else to run. */
struct busy {
	_Atomic bool collected;
};

static void busy_collector(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	mrt_gc(g);
	atomic_store(&b->collected, true);
}

static void busy_body(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	point_arm_all(1);
	GC_TEST_MUST(mrt_go(g, busy_collector, b, NULL) == 0);
	while (!atomic_load(&b->collected)) {
		prim_step_n(PRIM_COST_WORK, 1000);
		mrt_safepoint(g);
	}
	heap_is_whole(g);
}

static void test_busy_main(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_gc_worker, .action = GCS_ACT_DROP};
	struct busy b = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 1}, busy_body, &b);
	assert_true(POINT_FAULT(0, fired) >= 1);
	assert_int_equal(point_log.f[0].left, 1);
	assert_int_equal(point_log.f[0].back, 1);
}

/* Everything that can hold marking up, at once: it ends all the same, every time. */
static void test_everything(void **state)
{
	static const struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_gc_worker, .action = GCS_ACT_DROP, .p_ppb = 700000000},
		{.point = GCS_POINT_gc_roots, .action = GCS_ACT_DELAY, .p_ppb = 500000000, .delay_ns = DELAY_NS / 10},
		{.point = GCS_POINT_gc_mark, .action = GCS_ACT_DELAY, .p_ppb = 500000000, .delay_ns = DELAY_NS / 10},
		{.point = GCS_POINT_gc_termination, .action = GCS_ACT_DELAY, .p_ppb = 500000000, .delay_ns = DELAY_NS / 10},
		{.point = GCS_POINT_gc_sweep_start, .action = GCS_ACT_DELAY, .p_ppb = 500000000, .delay_ns = DELAY_NS / 10},
		{.point = GCS_POINT_gc_worker, .action = GCS_ACT_DELAY, .p_ppb = 500000000, .delay_ns = DELAY_NS / 10},
		{.point = GCS_POINT_gc_pacer, .action = GCS_ACT_BIAS, .by_milli = 50000, .every = 2},
		{.point = GCS_POINT_gc_gogc, .action = GCS_ACT_BIAS, .by_milli = 400, .every = 2},
	};

	(void)state;
	for (uint32_t procs = 1; procs <= 3; procs += 2)
		load(spec, sizeof(spec) / sizeof(spec[0]), procs);
}

/* ---------------------------------------------------------------------- pacer */

/* Early: the trigger is nowhere later than it would be, and what it began carries the firing. */
static void pacer_early(uint32_t *moved, uint32_t *began)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_pacer, .action = GCS_ACT_BIAS, .by_milli = 100000};

	load(&spec, 1, 2);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_GC);
		assert_int_equal(f->biased + f->idle, 1);
		assert_true(f->biased ? f->value < f->arg : f->value == f->arg);
		assert_true(f->cycles <= f->biased);
		*moved += f->biased;
		*began += f->cycles != 0 && f->heap_at_start < f->arg;
	}
}

/* Where marking takes long, as on a busy machine, the trigger is as early as it may be without the fault: so once more. */
static void test_pacer_early(void **state)
{
	uint32_t moved = 0, began = 0;

	(void)state;
	for (uint32_t i = 0; i < 50 && (moved == 0 || began == 0); i++)
		pacer_early(&moved, &began);
	assert_true(moved > 0 && began > 0);
}

/* Late: nowhere earlier. */
static void test_pacer_late(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_pacer, .action = GCS_ACT_BIAS, .by_milli = 1, .every = 2};

	(void)state;
	load(&spec, 1, 2);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->biased + f->idle, 1);
		assert_true(f->biased ? f->value > f->arg : f->value == f->arg);
	}
}

/* ----------------------------------------------------------------------- gogc */

struct flip {
	uint64_t goal[5];
	uint32_t num_gc[5];
	int gogc;
};

static void flip_note(mrt_g *g, struct flip *f, uint32_t i)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	f->goal[i] = s.next_gc;
	f->num_gc[i] = s.num_gc;
}

/* 16 MiB live, and no garbage to speak of: the goal is GOGC's alone. */
static void flip_body(mrt_g *g, void *arg)
{
	struct flip *f = arg;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new_array(g, &number_type, 2 * MIB, &roots[0]) == 0);
	mrt_gc(g);
	mrt_gc(g);
	flip_note(g, f, 0);
	point_arm_all(1);
	flip_note(g, f, 1); /* armed, and no cycle has ended */
	mrt_gc(g);
	flip_note(g, f, 2);
	GC_TEST_MUST(mrt_new_array(g, &number_type, 8192, &roots[1]) == 0);
	GC_TEST_MUST(gauge(&point_telemetry->gauges.heap_goal) == f->goal[2]);
	gcs_faults_disarm_all(false, mrt_now_ns());
	GC_TEST_MUST(mrt_new_array(g, &number_type, 8192, &roots[1]) == 0);
	flip_note(g, f, 3);
	mrt_gc(g);
	flip_note(g, f, 4);
	heap_is_whole(g);
}

static struct flip flip(uint32_t by_milli, int gogc)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_gogc, .action = GCS_ACT_BIAS, .by_milli = by_milli};
	struct flip f = {.gogc = gogc};

	point_run(&spec, 1, (struct mrt_options){.gogc = gogc}, flip_body, &f);
	return f;
}

static void check_near(uint64_t is, uint64_t percent)
{
	uint64_t want = 16 * MIB + 16 * MIB * percent / 100;

	assert_in_range(is, want - MIB, want + MIB);
}

static void test_gogc(void **state)
{
	static const struct {
		uint32_t by_milli;
		uint64_t percent;
	} rows[] = {{500, 50}, {3000, 300}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct flip f = flip(rows[i].by_milli, 100);

		check_near(f.goal[0], 100);
		assert_int_equal(f.goal[1], f.goal[0]);
		check_near(f.goal[2], rows[i].percent);
		check_near(f.goal[3], 100); /* at once, without a cycle */
		assert_int_equal(f.num_gc[3], f.num_gc[2]);
		check_near(f.goal[4], 100);
		assert_int_equal(POINT_FAULT(0, visits), 1);
		assert_int_equal(point_log.n, 1);
		assert_true(point_log.f[0].biased == 1 && point_log.f[0].arg == 100);
		assert_int_equal(point_log.f[0].value, rows[i].percent);
	}
}

static void test_gogc_off(void **state)
{
	struct flip f = flip(500, -1);

	(void)state;
	assert_int_equal(POINT_FAULT(0, visits), 1);
	assert_int_equal(POINT_FAULT(0, eligible), 0);
	assert_int_equal(f.goal[2], f.goal[0]);
}

/* Cycles that are due sooner by it carry it. */
static void test_gogc_cycles(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_gogc, .action = GCS_ACT_BIAS, .by_milli = 500};
	uint32_t began = 0;

	(void)state;
	load(&spec, 1, 2);
	for (uint32_t i = 0; i < point_log.n; i++)
		began += point_log.f[i].cycles;
	assert_true(began >= WANTED - 1);
}

/* ----------------------------------------------------------------------- spin */

#define LOOPS 3u

struct loops {
	mrt_wg wg;
	_Atomic bool end;
	_Atomic uint32_t started;
};

static void loop_body(mrt_g *g, void *arg)
{
	struct loops *a = arg;
	MRT_ROOTS(g, roots, 1);

	atomic_fetch_add(&a->started, 1);
	while (!atomic_load(&a->end)) {
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
		prim_step_n(PRIM_COST_WORK, 300);
	}
	mrt_wg_done(g, &a->wg);
}

static uint32_t spin_firings(uint32_t *ret_held)
{
	uint32_t n = 0;

	*ret_held = 0;
	for (uint32_t i = 0; i < point_log.n; i++) {
		n += point_log.f[i].late + point_log.f[i].idle;
		*ret_held += point_log.f[i].stops;
	}
	return n;
}

static void loops_body(mrt_g *g, void *arg)
{
	struct loops *a = arg;
	char text[256];

	mrt_wg_add(&a->wg, LOOPS);
	for (uint32_t i = 0; i < LOOPS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i, .driver = (uint16_t)i};

		GC_TEST_MUST(mrt_go(g, loop_body, a, &opt) == 0);
	}
	while (atomic_load(&a->started) < LOOPS)
		mrt_yield(g);
	point_arm_all(1);
	for (uint32_t i = 0; i < 20 || (POINT_FAULT(0, fired) < LOOPS && i < 20000); i++)
		mrt_gc(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	atomic_store(&a->end, true);
	mrt_wg_wait(g, &a->wg);
}

/* A stop that came meanwhile carries the firing and waited as long as that says; without one, it
 * looped for nothing. */
static void test_spin(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_stw_spin,
				      .action = GCS_ACT_DELAY,
				      .every = 5, /* they loop most of the time: a stop finds them at it */
				      .delay_ns = DELAY_NS};
	struct loops a = {0};
	uint32_t held = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = LOOPS + 1}, loops_body, &a);
	assert_true(POINT_FAULT(0, fired) >= LOOPS);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	assert_int_equal(spin_firings(&held), point_log.n);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker >= MRT_WORKER_FIRST &&
			    f->worker < MRT_WORKER_FIRST + LOOPS);
		assert_true(f->stops <= f->late);
		assert_true(f->stops == 0 || f->stopping_ns >= f->value);
		assert_true(f->idle == 0 || f->value >= (uint64_t)DELAY_NS);
	}
	assert_true(held > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_termination),
		cmocka_unit_test(test_sweep_start),
		cmocka_unit_test(test_all_workers_leave),
		cmocka_unit_test(test_a_worker_leaves),
		cmocka_unit_test(test_busy_main),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_pacer_early),
		cmocka_unit_test(test_pacer_late),
		cmocka_unit_test(test_gogc),
		cmocka_unit_test(test_gogc_off),
		cmocka_unit_test(test_gogc_cycles),
		cmocka_unit_test(test_spin),
	};

	return point_main("cycle", tests, sizeof(tests) / sizeof(tests[0]));
}
