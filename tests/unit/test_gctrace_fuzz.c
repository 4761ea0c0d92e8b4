/*
 * test_gctrace_fuzz.c: logs bent by a seeded generator, given to the entry that libFuzzer uses too.
 * The entry aborts when something does not hold; the seed of the log at fault is printed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_gctrace_log.c"
#include "tests/unit/test_draw.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOGS	  4000
#define LOG_BYTES 4096

static const char *const scraps[] = {
	"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB goal, 2 "
	"P",
	"gc 88 @3.243s 9%: 0.040+16+1.0+5.9+0.34 ms clock, 0.16+16+2+18/5.7/11+1.3 ms cpu, "
	"32->33->19 MB, 33 MB goal, 4 P",
	"gc 70 @1.234s 3%: 0.024+289+0.021 ms clock, 0.096+0.50/72/0+0.086 ms cpu, 100->110->55 "
	"MB, 112 MB goal, 3 MB stacks, 1 MB globals, 4 P (forced)",
	"gc #70 @1.2s 3%: 0+0+0+58+0 ms clock, 0+0+0+0/0/0+0 ms cpu, 4->262->262 MB, 1 P",
	"gc76(1): 2+1+1390+1 us, 1 -> 3 MB, 16397 (1015746-999349) objects, 12 goroutines, "
	"1436/1/0 sweeps, 0(0) handoff, 0(0) steal, 0/0/0 yields",
	"gc7(2): 12+1+3 ms, 9 -> 8 MB 152494 -> 5295 (355981-350686) objects, 4(36) handoff, "
	"20/17/5 yields",
	"SCHED 9ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=2 needspinning=1 "
	"idlethreads=3 runqueue=6 [ 4 5 ] schedticks=[ 7 8 ]",
	"SCHED 9ms: gomaxprocs=1 idleprocs=0 threads=2 idlethreads=0 runqueue=0 gcwaiting=1 "
	"nmidlelocked=2 nmspinning=3 stopwait=-4 sysmonwait=0",
	"  P3: status=1 schedtick=7 syscalltick=2 m=nil runqsize=4 gfreecnt=6 timerslen=8",
	"  M4: p=2 curg=19 mallocing=1 throwing=0 preemptoff= locks=5 dying=0 spinning=1 blocked=0 "
	"lockedg=-1",
	"  G18: status=4(force gc (idle)) m=nil lockedm=3",
	"pacer: assist ratio=+5.573086e-003 (scan 52 MB in 9556->19028 MB) workers=2++2.500000e-001",
	"pacer: 26% CPU (25 exp.) for 123+4+5 B work (130 B exp.) in 41 B -> 50 B (∆goal -9, "
	"cons/mark +1.500000e+000)[controller reset]",
	"pacer: H_m_prev=30488736 h_t=+2.334071e-001 H_T=37605024 h_a=+1.409842e+000 H_a=73473040 "
	"h_g=+1.000000e+000 H_g=60977472 u_a=+2.500000e-001 u_g=+Inf W_a=308200 "
	"goalΔ=+7.665929e-001 actualΔ=-1.176435e+000 u_a/u_g=NaN",
	"pacer: sweep done at heap size 29MB; allocated 3MB of spans; swept 3752 pages at "
	"+6.183550e-004 pages/byte",
	"scav 4 2560 KiB work, 3064 KiB total, 79% util (forced)",
	"scav 8 KiB work (bg), 16 KiB work (eager), 31 KiB now, 87% util [controller reset]",
	"scvg-1: 0x4a MB released",
	"scvg: 8 KB released",
	"scan: class 64B 5+3+2=10 objs, 2+1=3 spans",
	"GC forced",
	"scvg1: inuse: 12, idle: 13, sys: 14, released: 15, consumed: 16 (MB)",
	" MB goal,",
	" ms cpu,",
	"->",
	"-\\u003e",
	"-&gt;",
	"gc ",
	"gc #",
	" @",
	"99999999999999999999999",
	"\n",
	"\r\n",
	"\n",
};

static size_t put(char *log, size_t n, const char *text, size_t bytes)
{
	if (bytes > LOG_BYTES - n)
		bytes = LOG_BYTES - n;
	memcpy(log + n, text, bytes);
	return n + bytes;
}

/* Scraps, whole or cut, then some bytes changed. */
static size_t make_log(char *log)
{
	size_t n = 0;
	for (uint64_t i = 1 + draw(24); i > 0; i--) {
		const char *s = scraps[draw(sizeof scraps / sizeof scraps[0])];
		size_t bytes = strlen(s), from = draw(4) ? 0 : draw(bytes + 1);
		n = put(log, n, s + from, draw(4) ? bytes - from : draw(bytes - from + 1));
		if (draw(3) == 0)
			n = put(log, n, "\n", 1);
	}
	for (uint64_t i = n && draw(2) ? draw(8) : 0; i > 0; i--)
		log[draw(n)] = (char)(draw(2) ? '0' + draw(10) : draw(256));
	return n;
}

static void test_bent_logs(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 0x2481;
	static char log[LOG_BYTES];
	(void)state;
	printf("# GCS_TEST_SEED=0x%llx, and %d after it\n", (unsigned long long)first, LOGS - 1);
	for (uint64_t i = 0; i < LOGS; i++) {
		draw_state = seed_of_input = first + i;
		size_t n = make_log(log);
		assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)log, n), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bent_logs)};
	signal(SIGABRT, draw_on_abort);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
