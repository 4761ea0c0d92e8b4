/*
 * test_point_scavenge.c: mem/os_release, mem/scavenge, mem/fragment: while they are armed memory is
 * retained, late, or in pieces; afterwards it goes back as without them. Contents are right all
 * along.
 */
#include "tests/unit/test_point_fixture.h"

#define MS	   INT64_C(1000000)
#define MIB	   ((uint64_t)1 << 20)
#define PIECE	   ((uint64_t)64 << 10)
#define PAGE	   ((uint64_t)8192)
#define OBJECTS	   48u
#define LIVE	   8u
#define PATIENCE   (60000 * MS)
#define RELEASE_NS (20 * MS)
#define STALL_NS   (300 * MS)

static const struct mrt_type byte_type = {.name = "byte", .size = 1};

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void object_make(mrt_g *g, void **root, size_t bytes, unsigned char with)
{
	GC_TEST_MUST(mrt_new_array(g, &byte_type, bytes, root) == 0);
	for (size_t k = 0; k < bytes; k++)
		GC_TEST_MUST(((unsigned char *)*root)[k] == 0);
	memset(*root, with, bytes);
}

static void objects_make(mrt_g *g, void **roots, uint32_t n, size_t bytes)
{
	for (uint32_t i = 0; i < n; i++)
		object_make(g, &roots[i], bytes, (unsigned char)(i + 1));
}

static void objects_verify(void *const *roots, uint32_t n, size_t bytes)
{
	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < bytes; k++)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == (unsigned char)(i + 1));
}

static uint64_t retained(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	return s.heap_sys - s.heap_released;
}

/* 48 MiB, of which 8 stay; three cycles, and the goal is 8.8. */
static void drop_and_collect(mrt_g *g, void **roots)
{
	objects_make(g, roots, OBJECTS, MIB);
	memset(&roots[LIVE], 0, (OBJECTS - LIVE) * sizeof(roots[0]));
	for (uint32_t i = 0; i < 3; i++)
		mrt_gc(g);
}

static void wait_for(mrt_g *g, bool (*over)(mrt_g *))
{
	int64_t until_ns = mrt_now_ns() + PATIENCE;

	while (!over(g)) {
		GC_TEST_MUST(mrt_now_ns() < until_ns);
		mrt_sleep_until(g, mrt_now_ns() + 5 * MS);
	}
}

static bool at_goal(mrt_g *g)
{
	return retained(g) <= LIVE * MIB / 10 * 11 + 2 * PAGE;
}

/* ------------------------------------------------------------- mem/os_release */

static bool refused_often(mrt_g *g)
{
	(void)g;
	return POINT_FAULT(0, fired) >= 4;
}

static void refused_body(mrt_g *g, void *arg)
{
	uint64_t *while_armed = arg;
	MRT_ROOTS(g, roots, OBJECTS);

	point_arm_all(1);
	drop_and_collect(g, roots);
	wait_for(g, refused_often);
	*while_armed = retained(g);
	heap_is_whole(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	wait_for(g, at_goal);
	heap_is_whole(g);
	objects_verify(roots, LIVE, MIB);
	objects_make(g, &roots[LIVE], OBJECTS - LIVE, MIB);
}

static void test_release_refused(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_os_release, .action = GCS_ACT_FAIL};
	uint64_t while_armed = 0;

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true}, refused_body, &while_armed);
	assert_true(while_armed >= OBJECTS * MIB);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, visits));
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_SCAVENGER);
		assert_int_equal(f->arg, PIECE);
		assert_int_equal(f->kept, 1);
		assert_int_equal(f->value, PIECE);
	}
}

static bool late_often(mrt_g *g)
{
	(void)g;
	return POINT_FAULT(0, fired) >= 3;
}

/* The world waits for who is late; then everything goes on. */
static void late_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	point_arm_all(1);
	drop_and_collect(g, roots);
	wait_for(g, late_often);
	gcs_faults_disarm_all(false, mrt_now_ns());
	wait_for(g, at_goal);
	heap_is_whole(g);
	objects_verify(roots, LIVE, MIB);
}

static void test_release_late(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_os_release,
				      .action = GCS_ACT_DELAY,
				      .times = 3,
				      .delay_ns = RELEASE_NS};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.check_edges = true}, late_body, NULL);
	assert_int_equal(POINT_FAULT(0, fired), 3); /* one account has them all */
	assert_int_equal(point_log.n, 3);
	for (uint32_t i = 0; i < point_log.n; i++) {
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_SCAVENGER);
		assert_int_equal(point_log.f[i].late, 1);
		assert_true(point_log.f[i].value >= (uint64_t)RELEASE_NS);
	}
}

/* ------------------------------------------- an allocation that gives back itself */

#define LIMIT (40 * MIB)

struct assist {
	uint64_t mapped; /* after the allocation */
	uint64_t refused;
};

/* 20 MiB in holes, then 16 at once. The scavenger stalls, so all is the allocation's own doing. */
static void assist_body(mrt_g *g, void *arg)
{
	struct assist *a = arg;
	struct mrt_memstats s;
	MRT_ROOTS(g, roots, OBJECTS);

	objects_make(g, roots, 40, MIB);
	for (uint32_t i = 0; i < 40; i += 2)
		roots[i] = NULL;
	point_arm_all(2);
	mrt_gc(g);
	a->refused = POINT_FAULT(0, fired);
	object_make(g, &roots[40], 16 * MIB, 41);
	mrt_memstats_read(g, &s);
	a->mapped = s.sys - s.heap_released;
	a->refused = POINT_FAULT(0, fired) - a->refused;
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	for (uint32_t i = 1; i < 40; i += 2)
		for (size_t k = 0; k < MIB; k += 97)
			GC_TEST_MUST(((unsigned char *)roots[i])[k] == (unsigned char)(i + 1));
}

static struct assist assist_run(bool refuse)
{
	struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_mem_os_release,
		 .action = GCS_ACT_FAIL,
		 .size_min = refuse ? 0 : MIB /* never */},
		{.point = GCS_POINT_mem_scavenge, .action = GCS_ACT_DELAY, .delay_ns = 600000 * MS}};
	struct assist a = {0};

	point_run(spec, 2,
		  (struct mrt_options){.procs = 1, .gogc = -1, .memlimit = LIMIT, .check_edges = true},
		  assist_body, &a);
	return a;
}

/* It succeeds all the same, and is over the limit then. */
static void test_assist(void **state)
{
	struct assist a;

	(void)state;
	a = assist_run(false);
	assert_true(a.mapped <= LIMIT + PAGE);
	assert_int_equal(a.refused, 0);
	assert_true(POINT_FAULT(0, visits) >= 16 * MIB / PIECE);
	a = assist_run(true);
	assert_true(a.mapped > LIMIT);
	assert_true(a.refused >= 1);
}

/* --------------------------------------------------------------- mem/scavenge */

struct stall {
	uint64_t during;
	bool timely; /* it was looked at before it woke */
};

static bool stalled(mrt_g *g)
{
	(void)g;
	return POINT_FAULT(0, fired) >= 1;
}

static bool nothing_due(mrt_g *g)
{
	(void)g;
	return POINT_FAULT(0, visits) > POINT_FAULT(0, eligible);
}

/* What is retained when it has just stalled is so until it wakes. */
static void stall_body(mrt_g *g, void *arg)
{
	struct stall *s = arg;
	int64_t begin_ns;
	uint64_t later;
	MRT_ROOTS(g, roots, OBJECTS);

	objects_make(g, roots, OBJECTS, MIB);
	memset(&roots[LIVE], 0, (OBJECTS - LIVE) * sizeof(roots[0]));
	point_arm_all(1);
	begin_ns = mrt_now_ns();
	for (uint32_t i = 0; i < 3; i++)
		mrt_gc(g);
	wait_for(g, stalled);
	s->during = retained(g);
	s->timely = mrt_now_ns() - begin_ns < STALL_NS; /* else the machine had no time for us */
	if (mrt_now_ns() - begin_ns < STALL_NS / 2)
		mrt_sleep_until(g, begin_ns + STALL_NS / 2);
	later = retained(g);
	GC_TEST_MUST(later == s->during || mrt_now_ns() - begin_ns >= STALL_NS);
	heap_is_whole(g);
	wait_for(g, at_goal);
	GC_TEST_MUST(mrt_now_ns() - begin_ns >= STALL_NS);
	wait_for(g, nothing_due); /* it looks once more, and has no reason to stall */
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
	objects_verify(roots, LIVE, MIB);
}

static bool stall(void)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_scavenge,
				      .action = GCS_ACT_DELAY,
				      .times = 1,
				      .delay_ns = STALL_NS};
	struct stall s = {0};

	point_run(&spec, 1, (struct mrt_options){.check_edges = true}, stall_body, &s);
	assert_true(!s.timely || s.during >= OBJECTS * MIB);
	assert_int_equal(POINT_FAULT(0, fired), 1);
	assert_int_equal(point_log.n, 1);
	assert_int_equal(point_log.f[0].worker, MRT_WORKER_SCAVENGER);
	assert_int_equal(point_log.f[0].stalled, 1);
	assert_true(point_log.f[0].value >= (OBJECTS - LIVE) * MIB - LIVE * MIB / 10 - 2 * PAGE);
	assert_true(point_log.f[0].arg > 0);
	return s.timely;
}

/* Where the collections alone take as long as the stall, as on a busy machine, nothing was seen of it: so once more. */
static void test_stall(void **state)
{
	bool timely = false;

	(void)state;
	for (uint32_t i = 0; i < 50 && !timely; i++)
		timely = stall();
	assert_true(timely);
}

/* --------------------------------------------- mem/slow: pages that come back */

static void slow_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, OBJECTS);

	(void)arg;
	drop_and_collect(g, roots);
	wait_for(g, at_goal);
	point_arm_all(1);
	objects_make(g, &roots[LIVE], OBJECTS - LIVE, MIB);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
}

static void test_slow_again(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_slow, .action = GCS_ACT_DELAY, .every = 10, .delay_ns = MS};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = 100}, slow_body, NULL);
	/* All but what fits into the tenth that stayed. */
	assert_true(POINT_FAULT(0, eligible) >= OBJECTS - LIVE - 2);
	assert_true(POINT_FAULT(0, eligible) <= OBJECTS - LIVE);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible) / 10);
}

/* --------------------------------------------------------------- mem/fragment */

#define SMALL_BYTES 40960u
#define SMALLS	    12u
#define BIG_BYTES   (2 * MIB)

struct pieces {
	bool armed;
	uint64_t grown; /* by the big object */
	uint64_t again; /* by the same, when all was free in between */
};

static uint64_t heap_sys(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	return s.heap_sys;
}

static void pieces_body(mrt_g *g, void *arg)
{
	struct pieces *p = arg;
	uint64_t before;
	MRT_ROOTS(g, roots, SMALLS + 1);

	if (p->armed)
		point_arm_all(1);
	objects_make(g, roots, SMALLS, SMALL_BYTES);
	gcs_faults_disarm_all(false, mrt_now_ns());
	before = heap_sys(g);
	object_make(g, &roots[SMALLS], BIG_BYTES, 99);
	p->grown = heap_sys(g) - before;
	heap_is_whole(g);
	objects_verify(roots, SMALLS, SMALL_BYTES);
	memset(roots, 0, sizeof(roots));
	mrt_gc(g);
	before = heap_sys(g);
	object_make(g, &roots[0], BIG_BYTES, 99);
	p->again = heap_sys(g) - before;
	heap_is_whole(g);
}

static struct pieces pieces_run(bool armed)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_fragment,
				      .action = GCS_ACT_FORCE,
				      .size_min = SMALL_BYTES,
				      .size_max = SMALL_BYTES};
	struct pieces p = {.armed = armed};

	point_run(&spec, 1, (struct mrt_options){.gogc = -1, .check_edges = true}, pieces_body, &p);
	return p;
}

/* 12 times 40 KiB leave 3.5 of 4 MiB free: in one piece, or in 13. */
static void test_fragment(void **state)
{
	struct pieces p;
	uint64_t longest = 4 * MIB;

	(void)state;
	p = pieces_run(false);
	assert_int_equal(POINT_FAULT(0, visits), 0);
	assert_int_equal(p.grown, 0);
	p = pieces_run(true);
	assert_int_equal(p.grown, 4 * MIB);
	assert_int_equal(p.again, 0);
	assert_int_equal(POINT_FAULT(0, eligible), SMALLS);
	assert_int_equal(POINT_FAULT(0, fired), SMALLS);
	assert_int_equal(point_log.n, SMALLS);
	for (uint32_t i = 0; i < SMALLS; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_MAIN);
		assert_int_equal(f->arg, SMALL_BYTES);
		assert_int_equal(f->split, 1);
		assert_true(f->value <= longest);
		longest = f->value;
	}
	assert_true(longest < BIG_BYTES);
}

static void no_choice_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	point_arm_all(1);
	object_make(g, roots, 4 * MIB, 1);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
}

/* The heap grows by just what is wanted: there is one place for it. */
static void test_no_choice(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_fragment, .action = GCS_ACT_FORCE};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.gogc = -1}, no_choice_body, NULL);
	assert_int_equal(POINT_FAULT(0, visits), 1);
	assert_int_equal(POINT_FAULT(0, eligible), 0);
}

#define WORKERS 4u
#define STEPS	1500u

static void mixed_body(mrt_g *g, void *arg)
{
	uint64_t random = mrt_worker(g);
	size_t bytes[8] = {0};
	MRT_ROOTS(g, roots, 8);

	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t at = i % 8;

		for (size_t k = 0; k < bytes[at]; k += 61)
			GC_TEST_MUST(((unsigned char *)roots[at])[k] == (unsigned char)(at + 1));
		bytes[at] = 100 + gc_test_random(&random) % (i % 16 == 0 ? 400000 : 9000);
		object_make(g, &roots[at], bytes[at], (unsigned char)(at + 1));
	}
	mrt_wg_done(g, arg);
}

/* Everything at once, while collections go on and every edge is checked. */
static void all_body(mrt_g *g, void *arg)
{
	mrt_wg wg = {0};

	(void)arg;
	point_arm_all(4);
	mrt_wg_add(&wg, WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i, .driver = 1};

		GC_TEST_MUST(mrt_go(g, mixed_body, &wg, &opt) == 0);
	}
	mrt_wg_wait(g, &wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	heap_is_whole(g);
}

static void test_all(void **state)
{
	static const struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_mem_fragment, .action = GCS_ACT_FORCE, .every = 2},
		{.point = GCS_POINT_mem_os_release, .action = GCS_ACT_FAIL, .every = 5},
		{.point = GCS_POINT_mem_os_release,
		 .action = GCS_ACT_DELAY,
		 .every = 7,
		 .delay_ns = 20000},
		{.point = GCS_POINT_mem_scavenge, .action = GCS_ACT_DELAY, .every = 3, .delay_ns = MS},
	};

	(void)state;
	point_run(spec, 4,
		  (struct mrt_options){.procs = 4, .memlimit = 12 * MIB, .check_edges = true,
				       .clobber = true},
		  all_body, NULL);
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_true(POINT_FAULT(1, fired) > 0);
	assert_true(POINT_FAULT(2, fired) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release_refused),
		cmocka_unit_test(test_release_late),
		cmocka_unit_test(test_assist),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_slow_again),
		cmocka_unit_test(test_fragment),
		cmocka_unit_test(test_no_choice),
		cmocka_unit_test(test_all),
	};

	return point_main("scavenge", tests, sizeof(tests) / sizeof(tests[0]));
}
