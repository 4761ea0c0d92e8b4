/*
 * test_point_thread.c: sched/thread: the system refuses new threads. With those there are everything
 * ends all the same, from one thread and four Ps on; what a blocked call waits for runs as soon as a
 * thread is to be had, and a thread that sleeps in the poller comes to help. Under oom: throw the
 * program dies with Go's text.
 */
#include "tests/unit/test_point_fixture.h"

#include "runtime/sched/sched_priv.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define US	 INT64_C(1000)
#define MS	 INT64_C(1000000)
#define WORKERS	 8u
#define TURNS	 60u
#define PROCS	 4u
#define REFUSALS 5u
#define SPELL	 40u /* `times`; all of them in the log */
#define ANY	 UINT32_MAX
#define LONG_NS	 (60000 * MS) /* what would be for ever */

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

/* As point_run, but the fault is armed before the runtime starts: there is one M. */
static void run_refused(const struct gcs_fault_spec *spec, mrt_go_fn *fn, void *arg)
{
	point_load(spec, 1, PROCS);
	point_arm_all(1);
	gc_test_run((struct mrt_options){.procs = PROCS, .telemetry = point_telemetry}, fn, arg);
	gcs_faults_clear();
	point_read();
}

struct crew {
	mrt_wg wg;
	mrt_mutex lock;
	uint64_t turns;
	_Atomic uint32_t elsewhere; /* turns on another thread than the first */
};

/* A bit of all that leaves a P without its M, or a goroutine without a P. */
static void crew_turn(mrt_g *g, struct crew *c, uint32_t i, void **roots)
{
	switch (i % 6) {
	case 0:
		mrt_yield(g);
		break;
	case 1:
		mrt_lock(g, &c->lock);
		c->turns++;
		mrt_yield(g);
		mrt_unlock(g, &c->lock);
		break;
	case 2:
		mrt_sleep_until(g, mrt_now_ns() + 20 * US);
		break;
	case 3:
		mrt_block_enter(g);
		prim_sleep_until(prim_now_ns() + 200 * US);
		mrt_block_exit(g);
		break;
	case 4:
		if (i % 24 == 4)
			mrt_gc(g);
		break;
	default:
		for (uint32_t k = 0; k < 200; k++) {
			GC_TEST_MUST(mrt_new(g, &pointer_type, &roots[1]) == 0);
			mrt_store(g, roots[1], k != 0 ? roots[0] : NULL);
			roots[0] = roots[1];
		}
	}
}

static void crew_one(mrt_g *g, void *arg)
{
	struct crew *c = arg;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = mrt_worker(g); i < mrt_worker(g) + TURNS; i++) {
		crew_turn(g, c, i, roots);
		if (prim_thread_id() != 0)
			atomic_fetch_add(&c->elsewhere, 1);
	}
	mrt_wg_done(g, &c->wg);
}

static void crew_go(mrt_g *g, struct crew *c)
{
	mrt_wg_add(&c->wg, WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i};

		GC_TEST_MUST(mrt_go(g, crew_one, c, &opt) == 0);
	}
	mrt_wg_wait(g, &c->wg);
}

static void whole(mrt_g *g)
{
	char text[256];

	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* Every firing was a thread that there is not. Some begin a time without an M for a P, which ends with
 * one (`came` of them, or ANY number: who comes may be the only M, that had nothing to do for a moment), or with
 * its work done by others: how many of those is returned. */
static uint32_t check_refused(uint64_t wanted, uint32_t came)
{
	uint32_t with = 0, without = 0;

	assert_true(POINT_FAULT(0, fired) >= wanted);
	assert_int_equal(POINT_FAULT(0, visits), POINT_FAULT(0, eligible));
	assert_true(point_log.n > 0);
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		/* The log is bounded: what became of a firing may be there without it, and so
		 * without its worker. */
		assert_true(f->worker == MRT_WORKER_SCHED || f->worker == 0);
		assert_true(f->sched[0] <= 1 && f->sched[1] + f->sched[4] <= 1);
		with += f->sched[1];
		without += f->sched[4];
	}
	if (came != ANY)
		assert_int_equal(with, came);
	return without;
}

/* ------------------------------------------------------------------ never a thread */

static void alone_body(mrt_g *g, void *arg)
{
	struct crew *c = arg;

	crew_go(g, c);
	/* Nobody else was there, not even for a while. */
	GC_TEST_MUST(atomic_load(&c->elsewhere) == 0 && prim_thread_id() == 0);
	GC_TEST_MUST(c->turns == WORKERS * TURNS / 6);
	whole(g);
}

static void test_alone(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread, .action = GCS_ACT_FAIL};
	struct crew c = {0};

	(void)state;
	run_refused(&spec, alone_body, &c);
	check_refused(WORKERS, ANY);
	assert_int_equal(POINT_FAULT(0, fired), POINT_FAULT(0, eligible));
}

/* Refused so often, then not: the others come. */
static void later_body(mrt_g *g, void *arg)
{
	struct crew *c = arg;

	for (uint32_t i = 0; atomic_load(&c->elsewhere) == 0; i++) {
		GC_TEST_MUST(i < 1000);
		crew_go(g, c);
	}
	GC_TEST_MUST(POINT_FAULT(0, fired) == SPELL);
	whole(g);
}

static void test_later(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread,
				      .action = GCS_ACT_FAIL,
				      .err = ENOMEM,
				      .times = SPELL};
	struct crew c = {0};
	uint32_t ended = 0;

	(void)state;
	run_refused(&spec, later_body, &c);
	assert_int_equal(point_log.n, SPELL);
	for (uint32_t i = 0; i < SPELL; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->sched[0] == 1 && f->value > 0);
		ended += f->sched[1] + f->sched[4];
	}
	assert_true(ended > 0);
}

/* ------------------------------------------- a blocked call that waits for a goroutine */

struct depends {
	mrt_wg wg;
	_Atomic bool ran;
};

static void depends_one(mrt_g *g, void *arg)
{
	struct depends *d = arg;

	atomic_store(&d->ran, true);
	mrt_wg_done(g, &d->wg);
}

/* The only thread is in a call that ends when another goroutine has run. */
static void depends_body(mrt_g *g, void *arg)
{
	struct depends *d = arg;
	int64_t until = prim_now_ns() + LONG_NS;

	mrt_wg_add(&d->wg, 1);
	GC_TEST_MUST(mrt_go(g, depends_one, d, NULL) == 0);
	mrt_block_enter(g);
	while (POINT_FAULT(0, fired) < REFUSALS && prim_now_ns() < until)
		prim_sleep_until(prim_now_ns() + 100 * US);
	GC_TEST_MUST(POINT_FAULT(0, fired) >= REFUSALS && !atomic_load(&d->ran));
	gcs_faults_disarm_all(false, prim_now_ns());
	while (!atomic_load(&d->ran) && prim_now_ns() < until)
		prim_sleep_until(prim_now_ns() + 100 * US);
	GC_TEST_MUST(atomic_load(&d->ran));
	mrt_block_exit(g);
	mrt_wg_wait(g, &d->wg);
	whole(g);
}

static void test_blocked(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread, .action = GCS_ACT_FAIL};
	struct depends d = {0};

	(void)state;
	run_refused(&spec, depends_body, &d);
	check_refused(REFUSALS, 1);
}

/* The same, and what it waits for is a timer of the P that it left behind. */
static void timer_one(mrt_g *g, void *arg)
{
	mrt_sleep_until(g, mrt_now_ns() + 20 * MS);
	depends_one(g, arg);
}

static void timer_body(mrt_g *g, void *arg)
{
	struct depends *d = arg;

	mrt_wg_add(&d->wg, 2);
	GC_TEST_MUST(mrt_go(g, timer_one, d, NULL) == 0);
	mrt_yield(g);
	mrt_wg_done(g, &d->wg);
	depends_body(g, d);
}

static void test_blocked_timer(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread, .action = GCS_ACT_FAIL};
	struct depends d = {0};

	(void)state;
	run_refused(&spec, timer_body, &d);
	check_refused(REFUSALS, 1);
}

/* ------------------------------------------------------ the only thread is in the poller */

struct poller {
	mrt_wg wg;
	prim_thread *thread;
	_Atomic bool slept;
	bool early;
};

static void poller_one(mrt_g *g, void *arg)
{
	struct poller *p = arg;

	p->early = !atomic_load(&p->slept);
	mrt_wg_done(g, &p->wg);
}

/* Outside the runtime: a goroutine comes up while the one M waits for a timer. */
static void poller_thread(void *arg)
{
	while (!sched_netpoll_blocked())
		prim_sleep_until(prim_now_ns() + 100 * US);
	GC_TEST_MUST(mrt_go(NULL, poller_one, arg, NULL) == 0);
}

static void poller_body(mrt_g *g, void *arg)
{
	struct poller *p = arg;

	mrt_wg_add(&p->wg, 1);
	GC_TEST_MUST(prim_thread_create(&p->thread, "outside", poller_thread, p) == 0);
	mrt_sleep_until(g, mrt_now_ns() + 2000 * MS);
	atomic_store(&p->slept, true);
	mrt_wg_wait(g, &p->wg);
	prim_thread_join(p->thread);
	whole(g);
}

static void test_poller(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread, .action = GCS_ACT_FAIL};
	struct poller p = {0};

	(void)state;
	run_refused(&spec, poller_body, &p);
	/* It is the one that was called that did it. */
	assert_true(check_refused(1, 0) > 0);
	assert_true(p.early);
}

/* ----------------------------------------------------------------------- oom: throw */

static void throw_body(mrt_g *g, void *arg)
{
	for (;;)
		crew_go(g, arg);
}

static void throw_child(int fd, int err)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_sched_thread,
				      .action = GCS_ACT_FAIL,
				      .err = err,
				      .after = 2};
	struct mrt_options opt = {.procs = PROCS,
				  .seed = 1,
				  .heap_reserve = (size_t)1 << 28,
				  .oom = MRT_OOM_THROW};
	struct crew c = {0};

	dup2(fd, STDERR_FILENO);
	point_load(&spec, 1, PROCS);
	point_arm_all(1);
	mrt_run(&opt, throw_body, &c); /* until three threads were wanted */
}

static void throw_text(int err, const char *wanted)
{
	char text[256] = "";
	int fd[2], status;
	ssize_t n, have = 0;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		throw_child(fd[1], err);
		_exit(0);
	}
	close(fd[1]);
	while ((n = read(fd[0], text + have, sizeof(text) - 1 - (size_t)have)) > 0)
		have += n;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(text, wanted);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

/* The first M, sysmon and two more there are; the one that is refused counts. */
static void test_throw(void **state)
{
	(void)state;
	throw_text(EAGAIN, "runtime: failed to create new OS thread (have 5 already; errno=11)\n"
			   "runtime: may need to increase max user processes (ulimit -u)\n"
			   "fatal error: newosproc\n");
	throw_text(ENOMEM, "runtime: failed to create new OS thread (have 5 already; errno=12)\n"
			   "fatal error: newosproc\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throw), /* first: it forks, and there is one thread */
		cmocka_unit_test(test_alone),	     cmocka_unit_test(test_later),
		cmocka_unit_test(test_blocked),	     cmocka_unit_test(test_blocked_timer),
		cmocka_unit_test(test_poller),
	};

	return point_main("thread", tests, sizeof(tests) / sizeof(tests[0]));
}
