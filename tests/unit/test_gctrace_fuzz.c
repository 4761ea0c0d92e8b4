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
	"gc76(1): 2+1+1390+1 us, 1 -> 3 MB, 16397 (1015746-999349) objects",
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
