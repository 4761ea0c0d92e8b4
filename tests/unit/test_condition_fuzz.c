/*
 * test_condition_fuzz.c: conditions and programs bent by a seeded generator, given to the entry that libFuzzer uses too. The entry aborts
 * when something does not hold; the seed of the input at fault is printed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_condition.c"
#include "tests/unit/test_draw.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define INPUTS	    40000
#define INPUT_BYTES 600

static const char *const scraps[] = {
	"gc.phase",  "gc.sweeping", "heap.live", "heap.goal", "map.growing", "map.count", "goroutines",
	"mark",	     "off",	    "true",	 "0",	      "10k",	     "0.9",	  "90%",
	"64MiB",     "99999999999", "8EiB",	 "1.5GiB",    "0.0001",	     "(",	  ")",
	" == ",	     " != ",	    " < ",	 " >= ",      " and ",	     " or ",	  "not ",
	"!",	     " && ",	    " || ",	 " + ",	      " - ",	     " * ",	  "=",
	"((((((((",  "not not not", "gc.phase == mark", "heap.live > 0.9 * heap.goal", " / ", "\xc3\xa9", ".",
};

static size_t make_text(char *input, size_t n)
{
	for (uint64_t i = 1 + draw(30); i > 0; i--) {
		const char *s = scraps[draw(sizeof scraps / sizeof scraps[0])];
		size_t bytes = strlen(s);
		if (n + bytes + 1 > INPUT_BYTES)
			break;
		memcpy(input + n, s, bytes);
		n += bytes;
		if (draw(3) == 0)
			input[n++] = ' ';
	}
	for (uint64_t i = draw(3) ? 0 : draw(4); i > 0 && n > 2; i--)
		input[2 + draw(n - 2)] = (char)draw(256);
	return n;
}

/* Points with a map are few: half of the inputs are for one. */
static void test_bent_conditions(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 0x2481;
	static char input[INPUT_BYTES];
	(void)state;
	printf("# GCS_TEST_SEED=0x%llx, and %d after it\n", (unsigned long long)first, INPUTS - 1);
	for (uint64_t i = 0; i < INPUTS; i++) {
		size_t n = 2, map = 0;
		draw_state = seed_of_input = first + i;
		while (!gcs_point_has_map(fuzz_point((uint8_t)map)))
			map++;
		input[0] = (char)draw(256);
		input[1] = (char)(draw(2) ? map : draw(256));
		if (input[0] % 4 != 0)
			n = make_text(input, n);
		else
			for (uint64_t k = draw(150); k > 0; k--)
				input[n++] = (char)draw(256);
		assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)input, n), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bent_conditions)};
	signal(SIGABRT, draw_on_abort);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
