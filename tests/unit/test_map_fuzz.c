/*
 * test_map_fuzz.c: programs of map operations from a seeded generator, given to the entry that libFuzzer
 * uses too. The entry aborts when something does not hold; the seed of the program at fault is
 * printed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_map.c"
#include "tests/unit/test_draw.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define INPUTS	    3000
#define INPUT_BYTES 700

static uint64_t first = 0x2481;

/* Half of them love few numbers: NaNs and zeros, or the same keys over and over. */
static size_t make_program(uint8_t *input)
{
	size_t n = 4 + draw(INPUT_BYTES - 4);
	bool few = draw(2) == 0;
	uint8_t base = (uint8_t)draw(256);

	for (size_t i = 0; i < n; i++)
		input[i] = (uint8_t)(few && i > 2 && i % 2 ? base + draw(8) : draw(256));
	return n;
}

static void bent_programs(mrt_g *g, void *arg)
{
	static uint8_t input[INPUT_BYTES];

	(void)arg;
	fuzz_g = g;
	for (uint64_t i = 0; i < INPUTS; i++) {
		size_t n;

		draw_state = seed_of_input = first + i;
		n = make_program(input);
		if (LLVMFuzzerTestOneInput(input, n) != 0)
			abort();
	}
}

static void test_bent_programs(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	struct mrt_options opt = {.procs = 2, .seed = 1, .gc_every = 2000, .clobber = true};

	(void)state;
	if (given != NULL)
		first = strtoull(given, NULL, 0);
	printf("# GCS_TEST_SEED=0x%llx, and %d after it\n", (unsigned long long)first, INPUTS - 1);
	assert_int_equal(mrt_run(&opt, bent_programs, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bent_programs)};
	struct prim_options prim = {.seed = 1};

	signal(SIGABRT, draw_on_abort);
	if (prim_init(&prim) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
