/*
 * test_point_sched.c: sched/ready (a goroutine is made runnable late) and sched/steal (an idle P
 * finds nothing where there is something): all goroutines run to their end, in mutual exclusion.
 */
#include "tests/unit/test_point_fixture.h"

#include "runtime/sched/sched.h"

#define US	 INT64_C(1000)
#define WORKERS	 6u
#define LOCKS	 200u
#define DELAY_NS (200 * US)
#define BATCH	 48u
#define NEVER_MAX 500u /* as many as a fault logs in an interval (faults/gate.c), at least */

/* ----------------------------------------------------------------- sched/ready */

struct contended {
	mrt_wg wg;
	mrt_mutex lock;
	_Atomic uint32_t come; /* workers that run */
	uint64_t inside, entered, wanted;
	bool system;
};

/* Inside the lock others run, so that they queue up. */
static void contended_body(mrt_g *g, void *arg)
{
	struct contended *c = arg;

	atomic_fetch_add(&c->come, 1);
	for (uint32_t i = 0; i < LOCKS; i++) {
		mrt_lock(g, &c->lock);
		GC_TEST_MUST(c->inside++ == 0);
		mrt_yield(g);
		c->entered++;
		GC_TEST_MUST(--c->inside == 0);
		mrt_unlock(g, &c->lock);
	}
	mrt_wg_done(g, &c->wg);
}

/* All come before the first gets the lock: or each might be done before the next one began. */
static void contend(mrt_g *g, struct contended *c)
{
	mrt_wg_add(&c->wg, WORKERS);
	mrt_lock(g, &c->lock);
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct mrt_go_options opt = {.driver = (uint16_t)(i % 2),
					     .worker = MRT_WORKER_FIRST + i,
					     .system = c->system};

		GC_TEST_MUST(mrt_go(g, contended_body, c, &opt) == 0);
	}
	while (atomic_load(&c->come) < WORKERS)
		mrt_yield(g);
	mrt_unlock(g, &c->lock);
	mrt_wg_wait(g, &c->wg);
	GC_TEST_MUST(c->entered == WORKERS * LOCKS);
}

/* Under the fault, and once more without it: nobody is late any more. */
static void contend_body(mrt_g *g, void *arg)
{
	struct contended *c = arg, after = {.system = c->system};
	uint64_t fired;
	char text[256];

	point_arm_all(1);
	contend(g, c);
	gcs_faults_disarm_all(false, mrt_now_ns());
	fired = POINT_FAULT(0, fired);
	contend(g, &after);
	GC_TEST_MUST(POINT_FAULT(0, fired) == fired);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void check_ready(void)
{
	assert_true(POINT_FAULT(0, fired) > 0);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	assert_int_equal(point_log.lags, point_log.n); /* no wake is late but these */
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->ran == 1 && f->lags == 1);
		assert_true(f->lag_ns >= (uint64_t)DELAY_NS && f->arg == f->worker);
	}
}

static void test_ready(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_ready,
				      .action = GCS_ACT_DELAY,
				      .every = 5,
				      .delay_ns = DELAY_NS,
				      .jitter_ns = DELAY_NS};

	(void)state;
	for (uint32_t procs = 1; procs <= 4; procs *= 4) {
		struct contended c = {0};

		point_run(&spec, 1, (struct mrt_options){.procs = procs}, contend_body, &c);
		check_ready();
	}
}

/* All of one workload; the others go on. */
static void test_ready_match(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_ready,
				      .action = GCS_ACT_DELAY,
				      .workloads = 1u << 1,
				      .times = 9 * 20,
				      .delay_ns = DELAY_NS};
	struct contended c = {0};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, contend_body, &c);
	check_ready();
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_true(point_log.f[i].worker % 2 == 1); /* MRT_WORKER_FIRST is even */
}

/* The runtime's own are never late, the collector's and the workers here. */
static void test_ready_system(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_ready, .action = GCS_ACT_DELAY, .delay_ns = DELAY_NS};
	struct contended c = {.system = true};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 2}, contend_body, &c);
	assert_true(POINT_FAULT(0, visits) > WORKERS);
	for (uint32_t i = 0; i < point_log.n; i++)
		assert_int_equal(point_log.f[i].worker, MRT_WORKER_MAIN);
}

/* ----------------------------------------------------------------- sched/steal */

struct busy {
	mrt_wg wg;
	_Atomic uint64_t ran;
	_Atomic uint64_t elsewhere; /* on another P than who made them */
	uint64_t started, wanted;
	uint32_t home;
};

static void short_body(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	prim_step_n(PRIM_COST_WORK, 2000);
	mrt_safepoint(g);
	atomic_fetch_add(&b->ran, 1);
	if (sched_of(g)->p->id != b->home)
		atomic_fetch_add(&b->elsewhere, 1);
	mrt_wg_done(g, &b->wg);
}

static void batch(mrt_g *g, struct busy *b)
{
	mrt_wg_add(&b->wg, BATCH);
	b->home = sched_of(g)->p->id;
	for (uint32_t i = 0; i < BATCH; i++)
		GC_TEST_MUST(mrt_go(g, short_body, b, NULL) == 0);
	b->started += BATCH;
	for (uint32_t i = 0; i < 100; i++) { /* busy, while others look for work */
		prim_step_n(PRIM_COST_WORK, 1000);
		prim_spin_wait(0);
		mrt_safepoint(g);
	}
	mrt_wg_wait(g, &b->wg);
	GC_TEST_MUST(atomic_load(&b->ran) == b->started);
}

static void busy_body(mrt_g *g, void *arg)
{
	struct busy *b = arg;

	point_arm_all(1);
	for (uint32_t i = 0; i < 4 || POINT_FAULT(0, fired) < b->wanted; i++)
		batch(g, b);
	gcs_faults_disarm_all(false, mrt_now_ns());
	/* Others take their share again. */
	atomic_store(&b->elsewhere, 0);
	for (uint32_t i = 0; atomic_load(&b->elsewhere) == 0; i++) {
		GC_TEST_MUST(i < 10000);
		batch(g, b);
	}
}

static void check_steal(uint64_t wanted)
{
	assert_true(POINT_FAULT(0, fired) >= wanted);
	assert_true(POINT_FAULT(0, visits) >= POINT_FAULT(0, eligible));
	assert_true(point_log.n > 0);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_int_equal(f->worker, MRT_WORKER_SCHED);
		assert_true(f->idle <= 1 && (f->idle == 0 || f->value > 0));
	}
}

/* None, for long: only who made them runs them. */
static void test_steal_never(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_steal, .action = GCS_ACT_FAIL, .times = NEVER_MAX};
	struct busy b = {.wanted = 3};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 4}, busy_body, &b);
	check_steal(3);
	if (POINT_FAULT(0, fired) < NEVER_MAX)
		assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
}

static void test_steal_few(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_sched_steal, .action = GCS_ACT_FAIL, .every = 2, .times = 5};
	struct busy b = {.wanted = 5};

	(void)state;
	point_run(&spec, 1, (struct mrt_options){.procs = 3}, busy_body, &b);
	check_steal(5);
	assert_int_equal(POINT_FAULT(0, fired), 5); /* `times` is the scheduler's alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready),	     cmocka_unit_test(test_ready_match),
		cmocka_unit_test(test_ready_system), cmocka_unit_test(test_steal_never),
		cmocka_unit_test(test_steal_few),
	};

	return point_main("sched", tests, sizeof(tests) / sizeof(tests[0]));
}
