/*
 * cmocka.h: the part of cmocka that the runtime's tests use, for a machine whose cmocka is not at hand
 * (tests/integration/aarch64.sh). A failed assertion ends the process, as it may on any goroutine's stack.
 */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

static inline void cmocka_must(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
	_Exit(1);
}

static inline void cmocka_must_equal(uintmax_t a, uintmax_t b, bool equal, const char *file, int line)
{
	if ((a == b) == equal)
		return;
	fprintf(stderr, "%s:%d: %#" PRIxMAX " and %#" PRIxMAX " are %s\n", file, line, a, b, equal ? "different" : "equal");
	_Exit(1);
}

static inline void cmocka_must_lie(uintmax_t value, uintmax_t low, uintmax_t high, const char *file, int line)
{
	if (value >= low && value <= high)
		return;
	fprintf(stderr, "%s:%d: %ju is not from %ju to %ju\n", file, line, value, low, high);
	_Exit(1);
}

#define assert_true(cond)	      cmocka_must((cond), #cond, __FILE__, __LINE__)
#define assert_false(cond)	      cmocka_must(!(cond), "not " #cond, __FILE__, __LINE__)
#define assert_null(p)		      cmocka_must((p) == NULL, #p " == NULL", __FILE__, __LINE__)
#define assert_non_null(p)	      cmocka_must((p) != NULL, #p " != NULL", __FILE__, __LINE__)
#define assert_int_equal(a, b)	      cmocka_must_equal((uintmax_t)(a), (uintmax_t)(b), true, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)    cmocka_must_equal((uintmax_t)(a), (uintmax_t)(b), false, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)	      cmocka_must_equal((uintptr_t)(a), (uintptr_t)(b), true, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)    cmocka_must_equal((uintptr_t)(a), (uintptr_t)(b), false, __FILE__, __LINE__)
#define assert_in_range(v, low, high) cmocka_must_lie((v), (low), (high), __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)  cmocka_must(memcmp((a), (b), (n)) == 0, #a " equals " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)     cmocka_must(strcmp((a), (b)) == 0, #a " equals " #b, __FILE__, __LINE__)
#define fail_msg(...)                                                                                        \
	do {                                                                                                 \
		fprintf(stderr, __VA_ARGS__);                                                                \
		cmocka_must(false, " that", __FILE__, __LINE__);                                             \
	} while (0)

#define cmocka_unit_test(f) {.name = #f, .run = (f)}
#define cmocka_unit_test_setup_teardown(f, up, down) {.name = #f, .run = (f), .setup = (up), .teardown = (down)}

/* cmocka's own name of it: tests that choose among their cases call it. */
static inline int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n, int (*setup)(void **),
					  int (*teardown)(void **))
{
	void *state = NULL;

	printf("# %s\n", group);
	cmocka_must(setup == NULL || setup(&state) == 0, "the setup", __FILE__, __LINE__);
	for (size_t i = 0; i < n; i++) {
		printf("[ RUN      ] %s\n", tests[i].name);
		fflush(stdout);
		cmocka_must(tests[i].setup == NULL || tests[i].setup(&state) == 0, "a setup", __FILE__, __LINE__);
		tests[i].run(&state);
		cmocka_must(tests[i].teardown == NULL || tests[i].teardown(&state) == 0, "a teardown", __FILE__, __LINE__);
		printf("[       OK ] %s\n", tests[i].name);
	}
	return teardown != NULL ? teardown(&state) : 0;
}
#define cmocka_run_group_tests_name(name, tests, up, down)                                                   \
	_cmocka_run_group_tests((name), (tests), sizeof(tests) / sizeof((tests)[0]), (up), (down))
#define cmocka_run_group_tests(tests, up, down) cmocka_run_group_tests_name(#tests, tests, up, down)
#define print_message printf
