/*
 * test_point_condition.c: conditions on the state of the runtime, and matches on type and goroutine: the visits that count are those at which
 * they hold, compared with what the program itself knows; what cannot be asked at a point is refused when the faults are loaded.
 */
#include "tests/unit/test_point_fixture.h"

#define NEVER	 4000000000u /* as nth: a fault that counts and does not fire */
#define KEYS	 3000u
#define PIECES	 100u
#define WANTED	 20u
#define MORE_MAX 2000000u

#define STATE(id)	  {.code = GCS_CONDITION_STATE, .state = GCS_RT_##id}
#define CONSTANT(kind, v) {.code = GCS_CONDITION_CONSTANT, .type = GCS_OPERAND_##kind, .value = (v)}
#define OPERATOR(op)	  {.code = GCS_CONDITION_##op}

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};
static const struct mrt_type letter_type = {.name = "letter", .size = 32};

/* ----------------------------------------------------------------- state of a map */

struct map_truth {
	uint64_t all, growing, large, buckets, small_rest;
};

/* One goroutine, no collection: what the map is after a put it was at the visit, but for the new entry. */
static void map_body(mrt_g *g, void *arg)
{
	struct map_truth *truth = arg;
	struct mrt_map_type mt;
	MRT_ROOTS(g, roots, 1);

	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &number_type) == 0);
	GC_TEST_MUST(mrt_map_new(g, &mt, 0, &roots[0]) == 0);
	point_arm_all(5);
	for (uint64_t i = 0; i < 2 * KEYS; i++) {
		uint64_t key = i % 5 == 4 ? i / 2 : i, before = mrt_map_count(roots[0]);
		struct mrt_map_info now;

		GC_TEST_MUST(mrt_map_put(g, &mt, roots[0], key, &i) == 0);
		mrt_map_inspect(roots[0], &now);
		truth->all++;
		truth->growing += now.growing;
		truth->large += before >= 500;
		truth->buckets += now.b == 5;
		truth->small_rest += !now.growing && before < 100;
	}
}

static void test_map(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .nth = NEVER},
		{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .nth = NEVER,
		 .condition = {1, {STATE(map_growing)}}},
		{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .nth = NEVER,
		 .condition = {3, {STATE(map_count), CONSTANT(NUMBER, 500000), OPERATOR(GE)}}},
		{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .nth = NEVER,
		 .condition = {3, {STATE(map_b), CONSTANT(NUMBER, 5000), OPERATOR(EQ)}}},
		{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .nth = NEVER,
		 .condition = {6, {STATE(map_growing), OPERATOR(NOT), STATE(map_count), CONSTANT(NUMBER, 100000),
				   OPERATOR(LT), OPERATOR(AND)}}},
	};
	struct map_truth truth = {0};

	(void)state;
	point_run(specs, 5, (struct mrt_options){.procs = 1, .gogc = -1}, map_body, &truth);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(POINT_FAULT(i, visits), truth.all);
	assert_int_equal(POINT_FAULT(0, eligible), truth.all);
	assert_int_equal(POINT_FAULT(1, eligible), truth.growing);
	assert_int_equal(POINT_FAULT(2, eligible), truth.large);
	assert_int_equal(POINT_FAULT(3, eligible), truth.buckets);
	assert_int_equal(POINT_FAULT(4, eligible), truth.small_rest);
	assert_true(truth.growing > 100 && truth.buckets > 100 && truth.small_rest > 10);
}

/* At an evacuation a map grows, whatever else it does; an iteration and a deletion know their map too. */
static void every_site_body(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U32, &pointer_type) == 0);
	GC_TEST_MUST(mrt_map_new(g, &mt, 0, &roots[0]) == 0);
	point_arm_all(4);
	for (uint64_t key = 0; key < KEYS; key++) {
		void *none = NULL;

		GC_TEST_MUST(mrt_map_put(g, &mt, roots[0], key, &none) == 0);
	}
	MRT_MAP_ITER(g, &mt, roots[0], it);
	while (mrt_map_iter_next(g, &it))
		;
	for (uint64_t key = 0; key < KEYS; key++)
		GC_TEST_MUST(mrt_map_delete(g, &mt, roots[0], key));
}

static void test_every_site_of_a_map(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_gc_evacuate, .action = GCS_ACT_FORCE, .nth = NEVER, .ntypes = 1, .type = {"pointer"},
		 .condition = {1, {STATE(map_growing)}}},
		{.point = GCS_POINT_map_iterate, .action = GCS_ACT_FORCE, .nth = NEVER, .ntypes = 1, .type = {"pointer"},
		 .condition = {3, {STATE(map_count), CONSTANT(NUMBER, KEYS * 1000), OPERATOR(EQ)}}},
		{.point = GCS_POINT_gc_map_delete, .action = GCS_ACT_FORCE, .nth = NEVER, .ntypes = 2,
		 .type = {"number", "pointer"},
		 .condition = {3, {STATE(map_count), CONSTANT(NUMBER, 1000000), OPERATOR(LE)}}},
		{.point = GCS_POINT_map_grow, .action = GCS_ACT_FAIL, .nth = NEVER, .ntypes = 1, .type = {"pointer"},
		 .condition = {3, {STATE(map_b), CONSTANT(NUMBER, 3000), OPERATOR(GE)}}},
	};

	(void)state;
	point_run(specs, 4, (struct mrt_options){.procs = 1, .gogc = -1}, every_site_body, NULL);
	assert_true(POINT_FAULT(0, visits) > 100);
	assert_int_equal(POINT_FAULT(0, eligible), POINT_FAULT(0, visits));
	assert_int_equal(POINT_FAULT(1, visits), KEYS + 1); /* the last step finds the end */
	assert_int_equal(POINT_FAULT(1, eligible), KEYS + 1);
	assert_int_equal(POINT_FAULT(2, visits), KEYS);
	assert_int_equal(POINT_FAULT(2, eligible), 1000);
	/* 3000 keys: it grew to 2^1, 2^2, … 2^9 buckets, from 2^3 on six times */
	assert_int_equal(POINT_FAULT(3, eligible), 6);
}

/* ------------------------------------------------------------- state of the collector */

/* Garbage over a live list, so that marking has something to do, until both of what is asked for came. */
static void collected_body(mrt_g *g, void *arg)
{
	uint32_t *refused = arg;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = 0; i < 20000; i++) {
		GC_TEST_MUST(mrt_new(g, &pointer_type, &roots[1]) == 0);
		mrt_store(g, roots[1], roots[0]);
		roots[0] = roots[1];
	}
	point_arm_all(3);
	for (uint32_t i = 0; i < MORE_MAX; i++) {
		if (POINT_FAULT(1, fired) >= WANTED && POINT_FAULT(0, eligible) >= WANTED &&
		    POINT_FAULT(2, eligible) >= WANTED)
			return;
		*refused += mrt_new_array(g, &letter_type, 8, &roots[1]) == -ENOMEM;
	}
}

/* Firings and the phases they were at. */
static void read_phases(uint32_t ret[4])
{
	static struct watch_record rec[4096];
	size_t n;

	while ((n = watch_drain(point_telemetry, rec, 4096)) > 0)
		for (size_t i = 0; i < n; i++)
			if (rec[i].kind == WATCH_FIRE)
				ret[(rec[i].e & 0xff) < 3 ? rec[i].e & 0xff : 3]++;
}

static void test_phase(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {3, {STATE(gc_phase), CONSTANT(PHASE, 0), OPERATOR(EQ)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .times = WANTED,
		 .condition = {3, {STATE(gc_phase), CONSTANT(PHASE, 1), OPERATOR(EQ)}}},
		/* swept in the background or by the allocations themselves: at some visits it is not done */
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {6, {STATE(gc_sweeping), STATE(gc_cycle), CONSTANT(ZERO, 0), OPERATOR(GT), OPERATOR(AND),
				   OPERATOR(NOT)}}},
	};
	struct mrt_options opt = {.procs = 2, .seed = gc_test_seed(), .heap_reserve = (size_t)1 << 30};
	uint32_t refused = 0, at[4] = {0};
	struct gcs_fault_spec spread[3];

	(void)state;
	memcpy(spread, specs, sizeof(spread));
	spread[1].times = 0; /* the split would leave the main goroutine one */
	point_load(spread, 3, 2);
	opt.telemetry = point_telemetry;
	assert_int_equal(mrt_run(&opt, collected_body, &refused), 0);
	gcs_faults_clear();
	read_phases(at);
	assert_true(POINT_FAULT(1, fired) >= WANTED);
	assert_int_equal(refused, POINT_FAULT(1, fired));
	assert_int_equal(at[1] + POINT_FAULT(1, log_dropped), POINT_FAULT(1, fired));
	assert_int_equal(at[0] + at[2] + at[3], 0);
	/* One goroutine at a visit: it is at one phase, and these are all that it can be at. */
	assert_int_equal(POINT_FAULT(0, eligible) + POINT_FAULT(1, eligible), POINT_FAULT(0, visits));
	assert_true(POINT_FAULT(2, eligible) >= WANTED);
	assert_int_equal(POINT_FAULT(2, visits), POINT_FAULT(0, visits) - POINT_FAULT(1, fired));
}

static void test_heap(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {5, {STATE(heap_live), CONSTANT(NUMBER, 800), STATE(heap_goal), OPERATOR(MUL),
				   OPERATOR(GT)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 10,
		 .condition = {5, {STATE(heap_live), STATE(heap_goal), CONSTANT(NUMBER, 800), OPERATOR(MUL),
				   OPERATOR(LE)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {7, {STATE(heap_trigger), STATE(heap_goal), OPERATOR(LE), STATE(heap_live),
				   CONSTANT(BYTES, 100000000), OPERATOR(GE), OPERATOR(AND)}}},
	};
	struct mrt_options opt = {.procs = 2, .seed = gc_test_seed(), .heap_reserve = (size_t)1 << 30};
	uint32_t refused = 0;

	(void)state;
	point_load(specs, 3, 2);
	opt.telemetry = point_telemetry;
	assert_int_equal(mrt_run(&opt, collected_body, &refused), 0);
	gcs_faults_clear();
	assert_true(POINT_FAULT(0, eligible) >= WANTED && POINT_FAULT(1, fired) >= WANTED);
	assert_int_equal(refused, POINT_FAULT(1, fired));
	/* The live list alone has more than 100 kB, and a trigger is never above its goal. */
	assert_int_equal(POINT_FAULT(2, eligible), POINT_FAULT(2, visits));
	assert_int_equal(POINT_FAULT(2, visits), POINT_FAULT(0, visits) - POINT_FAULT(1, fired));
}

/* ------------------------------------------------------------- state of the scheduler */

struct crowd {
	_Atomic bool stop;
	mrt_wg wg;
};

static void spin_body(mrt_g *g, void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(&c->stop))
		mrt_yield(g);
	mrt_wg_done(g, &c->wg);
}

/* On one P: while main runs, the three others stand in a queue. */
static void crowd_body(mrt_g *g, void *arg)
{
	struct crowd *c = arg;
	MRT_ROOTS(g, roots, 1);

	point_arm_all(2);
	for (uint32_t i = 0; i < PIECES; i++)
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
	for (uint32_t i = 0; i < 3; i++) {
		mrt_wg_add(&c->wg, 1);
		GC_TEST_MUST(mrt_go(g, spin_body, c, &(struct mrt_go_options){.name = "spin"}) == 0);
	}
	for (uint32_t i = 0; i < PIECES; i++)
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
	atomic_store(&c->stop, true);
	mrt_wg_wait(g, &c->wg);
}

static void test_crowd(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {3, {STATE(goroutines), CONSTANT(NUMBER, 4000), OPERATOR(EQ)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER,
		 .condition = {3, {STATE(runnable), CONSTANT(NUMBER, 3000), OPERATOR(GE)}}},
	};
	struct crowd c = {0};

	(void)state;
	point_run(specs, 2, (struct mrt_options){.procs = 1, .gogc = -1}, crowd_body, &c);
	assert_int_equal(POINT_FAULT(0, visits), 2 * PIECES);
	assert_int_equal(POINT_FAULT(0, eligible), PIECES);
	assert_int_equal(POINT_FAULT(1, eligible), PIECES);
}

/* ---------------------------------------------------------------- types and goroutines */

struct pair {
	mrt_wg wg;
	uint32_t failed[2];
};

/* Three numbers to each letter; what failed is counted by who asked for it. */
static void maker_body(mrt_g *g, void *arg)
{
	struct pair *p = arg;
	uint32_t i = mrt_worker(g) - MRT_WORKER_FIRST;
	MRT_ROOTS(g, roots, 1);

	for (uint32_t k = 0; k < 4 * PIECES; k++)
		p->failed[i] += mrt_new(g, k % 4 == 0 ? &letter_type : &number_type, &roots[0]) != 0;
	mrt_wg_done(g, &p->wg);
}

static void makers_body(mrt_g *g, void *arg)
{
	struct pair *p = arg;

	point_arm_all(4);
	for (uint32_t i = 0; i < 2; i++) {
		struct mrt_go_options opt = {.name = "maker", .worker = MRT_WORKER_FIRST + i};

		mrt_wg_add(&p->wg, 1);
		GC_TEST_MUST(mrt_go(g, maker_body, p, &opt) == 0);
	}
	mrt_wg_wait(g, &p->wg);
}

static void test_type_and_goroutine(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER, .ntypes = 1, .type = {"letter"}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER, .ngoroutines = 2,
		 .goroutine = {{MRT_WORKER_FIRST + 5, MRT_WORKER_FIRST + 9}, {MRT_WORKER_FIRST, MRT_WORKER_FIRST}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER, .ntypes = 2, .type = {"lette", "letters"}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 2, .ntypes = 1, .type = {"letter"},
		 .ngoroutines = 1, .goroutine = {{MRT_WORKER_FIRST + 1, MRT_WORKER_FIRST + 7}}},
	};
	struct pair p = {0};

	(void)state;
	point_run(specs, 4, (struct mrt_options){.procs = 2}, makers_body, &p);
	assert_int_equal(POINT_FAULT(0, visits), 8 * PIECES);
	assert_int_equal(POINT_FAULT(0, eligible), 2 * PIECES);
	assert_int_equal(POINT_FAULT(1, eligible), 4 * PIECES);
	assert_int_equal(POINT_FAULT(2, eligible), 0);
	assert_int_equal(POINT_FAULT(3, eligible), PIECES);
	assert_int_equal(POINT_FAULT(3, fired), PIECES / 2);
	assert_int_equal(p.failed[0], 0);
	assert_int_equal(p.failed[1], PIECES / 2);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].worker == MRT_WORKER_FIRST + 1 && point_log.f[i].failed == 1);
}

/* `times` is split among those that can fire, so none of it is lost. */
static void test_times_of_a_goroutine(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .times = 11, .ngoroutines = 1,
		 .goroutine = {{MRT_WORKER_FIRST + 1, MRT_WORKER_FIRST + 1}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .times = 7, .ngoroutines = 2,
		 .goroutine = {{MRT_WORKER_FIRST, MRT_WORKER_FIRST}, {MRT_WORKER_FIRST + 1, MRT_WORKER_FIRST + 1}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = NEVER},
	};
	struct pair p = {0};

	(void)state;
	point_run(specs, 4, (struct mrt_options){.procs = 2}, makers_body, &p);
	assert_int_equal(POINT_FAULT(0, fired), 11);
	assert_int_equal(POINT_FAULT(1, fired), 7);
	assert_int_equal(p.failed[0], 4);
	assert_int_equal(p.failed[1], 14);
}

static void appends_body(mrt_g *g, void *arg)
{
	struct mrt_slice numbers = {0}, letters = {0};
	char letter[32] = "a";
	uint64_t number = 7;
	MRT_ROOT_SLOTS(g, n_frame, &numbers.array, 1);
	MRT_ROOT_SLOTS(g, l_frame, &letters.array, 1);

	(void)arg;
	point_arm_all(3);
	for (uint32_t i = 0; i < PIECES; i++) {
		GC_TEST_MUST(mrt_append(g, &number_type, &numbers, &number, 1) == 0);
		if (i % 2 == 0)
			GC_TEST_MUST(mrt_append(g, &letter_type, &letters, letter, 1) == 0);
	}
}

static void test_type_of_a_slice(void **state)
{
	static const struct gcs_fault_spec specs[] = {
		{.point = GCS_POINT_gc_append, .action = GCS_ACT_FORCE, .nth = NEVER, .ntypes = 1, .type = {"letter"}},
		{.point = GCS_POINT_slice_grow, .action = GCS_ACT_FAIL, .nth = NEVER, .ntypes = 1, .type = {"letter"}},
		{.point = GCS_POINT_gc_alloc, .action = GCS_ACT_FORCE, .nth = NEVER, .ntypes = 1, .type = {"letter"}},
	};

	(void)state;
	point_run(specs, 3, (struct mrt_options){.procs = 1, .gogc = -1}, appends_body, NULL);
	assert_int_equal(POINT_FAULT(0, visits), PIECES + PIECES / 2);
	assert_int_equal(POINT_FAULT(0, eligible), PIECES / 2);
	assert_true(POINT_FAULT(1, eligible) >= 4 && POINT_FAULT(1, eligible) < POINT_FAULT(1, visits));
	assert_int_equal(POINT_FAULT(2, eligible), POINT_FAULT(1, eligible)); /* an array a growth */
}

/* ----------------------------------------------------------------------- refused */

static void test_refused(void **state)
{
	const struct gcs_fault_spec bad[] = {
		{.point = GCS_POINT_mem_span, .action = GCS_ACT_FAIL, .ntypes = 1, .type = {"number"}},
		{.point = GCS_POINT_gc_sweep, .action = GCS_ACT_DELAY, .delay_ns = 1, .ngoroutines = 1,
		 .goroutine = {{128, 128}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .ntypes = GCS_MATCH_TYPES_MAX + 1},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .ngoroutines = GCS_MATCH_GOROUTINES_MAX + 1},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {STATE(map_growing)}}},
		{.point = GCS_POINT_os_mmap, .action = GCS_ACT_FAIL, .condition = {1, {STATE(gc_sweeping)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {STATE(heap_live)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {OPERATOR(NOT)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {2, {STATE(gc_sweeping), OPERATOR(AND)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL,
		 .condition = {2, {STATE(gc_sweeping), STATE(gc_sweeping)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {{.code = GCS_CONDITION_STATE}}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {CONSTANT(BOOL, 1)}}},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {.n = GCS_CONDITION_STEPS_MAX + 1}},
	};
	const struct gcs_fault_spec good = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .condition = {1, {STATE(gc_sweeping)}}};
	struct gcs_faults_options opt = {.nspecs = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		opt.spec = &bad[i];
		assert_int_equal(gcs_faults_load(&opt), -EINVAL);
	}
	opt.spec = &good;
	assert_int_equal(gcs_faults_load(&opt), 0);
	gcs_faults_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_every_site_of_a_map),
		cmocka_unit_test(test_phase),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_type_and_goroutine),
		cmocka_unit_test(test_times_of_a_goroutine),
		cmocka_unit_test(test_type_of_a_slice),
		cmocka_unit_test(test_refused),
	};

	return point_main("point_condition", tests, sizeof(tests) / sizeof(tests[0]));
}
