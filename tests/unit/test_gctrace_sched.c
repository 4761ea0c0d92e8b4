/*
 * test_gctrace_sched.c: the scheduler's lines in the order of their versions: every field, and the lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/test_gctrace_line.h"

static void test_sched(void **state)
{
	static const char text[] =
		"x SCHED 1009ms: gomaxprocs=4 idleprocs=1 threads=5 spinningthreads=2 needspinning=1 "
		"idlethreads=3 runqueue=6 [ 4 5 0 12 ] schedticks=[ 7 9 3 4000000000 ]";
	static const uint32_t queue[] = {4, 5, 0, 12}, tick[] = {7, 9, 3, 4000000000};
	(void)state;
	struct gcs_sched_line s = parsed(text, GCS_GCTRACE_SCHED).sched;
	assert_int_equal(s.form, GCS_SCHED_SUMMARY);
	assert_int_equal(s.at_ns, 1009000000);
	assert_int_equal(s.gomaxprocs, 4);
	assert_int_equal(s.idleprocs, 1);
	assert_int_equal(s.threads, 5);
	assert_int_equal(s.spinningthreads, 2);
	assert_int_equal(s.needspinning, 1);
	assert_int_equal(s.idlethreads, 3);
	assert_int_equal(s.runqueue, 6);
	assert_int_equal(s.queues.n, 4);
	assert_int_equal(s.queues.sum, 21);
	assert_int_equal(s.queues.max, 12);
	assert_int_equal(s.ticks.n, 4);
	size_t q = s.queues.at, t = s.ticks.at;
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(gcs_sched_next(text, &q), queue[i]);
		assert_int_equal(gcs_sched_next(text, &t), tick[i]);
	}
}

static void test_sched_old(void **state)
{
	(void)state;
	struct gcs_sched_line s = parsed("SCHED 0ms: gomaxprocs=2 idleprocs=0 threads=2 "
					 "idlethreads=1 runqueue=7 [1 62]",
					 GCS_GCTRACE_SCHED)
					  .sched;
	assert_int_equal(s.spinningthreads, -1);
	assert_int_equal(s.needspinning, -1);
	assert_int_equal(s.queues.n, 2);
	assert_int_equal(s.queues.sum, 63);
	assert_int_equal(s.ticks.n, 0);
	s = parsed("SCHED 9ms: gomaxprocs=1 idleprocs=0 threads=2 idlethreads=0 runqueue=0 "
		   "gcwaiting=1 nmidlelocked=2 nmspinning=3 stopwait=-4 sysmonwait=0",
		   GCS_GCTRACE_SCHED)
		    .sched;
	assert_true(s.detail && s.gcwaiting && !s.sysmonwait);
	assert_int_equal(s.nmidlelocked, 2);
	assert_int_equal(s.spinningthreads, 3);
	assert_int_equal(s.stopwait, -4);
	assert_int_equal(s.queues.n, 0);
	s = parsed("SCHED 9ms: gomaxprocs=1 idleprocs=0 threads=2 spinningthreads=0 idlethreads=0 "
		   "runqueue=0 gcwaiting=false nmidlelocked=0 stopwait=0 sysmonwait=true",
		   GCS_GCTRACE_SCHED)
		    .sched;
	assert_true(s.detail && !s.gcwaiting && s.sysmonwait);
}

static void test_sched_detail(void **state)
{
	static const char g[] = "  G18: status=4(force gc (idle)) m=nil lockedm=3";
	(void)state;
	struct gcs_sched_line s =
		parsed("  P3: status=1 schedtick=7 syscalltick=2 m=5 runqsize=4 gfreecnt=6 timerslen=8",
		       GCS_GCTRACE_SCHED)
			.sched;
	assert_int_equal(s.form, GCS_SCHED_P);
	assert_int_equal(s.id, 3);
	assert_int_equal(s.status, 1);
	assert_int_equal(s.schedtick, 7);
	assert_int_equal(s.syscalltick, 2);
	assert_int_equal(s.m, 5);
	assert_int_equal(s.runqsize, 4);
	assert_int_equal(s.gfreecnt, 6);
	assert_int_equal(s.timers, 8);
	s = parsed("  P0: status=0 schedtick=1 syscalltick=0 m=-1 runqsize=0 gfreecnt=0",
		   GCS_GCTRACE_SCHED)
		    .sched;
	assert_int_equal(s.m, -1);
	assert_int_equal(s.timers, -1);
	s = parsed("  M4: p=2 curg=19 mallocing=1 throwing=0 gcing=0 locks=5 dying=0 helpgc=0 "
		   "spinning=1 blocked=0 lockedg=-1",
		   GCS_GCTRACE_SCHED)
		    .sched;
	assert_int_equal(s.form, GCS_SCHED_M);
	assert_int_equal(s.id, 4);
	assert_int_equal(s.p, 2);
	assert_int_equal(s.g, 19);
	assert_int_equal(s.locks, 5);
	assert_true(s.mallocing && s.spinning && !s.blocked && !s.dying);
	assert_int_equal(s.locked, -1);
	s = parsed("  M1: p=nil curg=nil mallocing=0 throwing=0 preemptoff=two words locks=0 dying=0 "
		   "spinning=false blocked=true lockedg=7",
		   GCS_GCTRACE_SCHED)
		    .sched;
	assert_int_equal(s.p, -1);
	assert_int_equal(s.locked, 7);
	assert_true(s.blocked);
	s = parsed(g, GCS_GCTRACE_SCHED).sched;
	assert_int_equal(s.form, GCS_SCHED_G);
	assert_int_equal(s.id, 18);
	assert_int_equal(s.status, 4);
	assert_memory_equal(g + s.reason_from, "force gc (idle)", 15);
	assert_int_equal(s.reason_to - s.reason_from, 15);
	assert_int_equal(s.m, -1);
	assert_int_equal(s.locked, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sched),
		cmocka_unit_test(test_sched_old),
		cmocka_unit_test(test_sched_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
