/*
 * test_pacertrace.c: the lines of gcpacertrace: numbers as Go's print has them, whole lines as Go 1.19
 * wrote them, and what a run prints; our own reader of logs knows each of them.
 */
#include "tests/unit/test_gc_fixture.h"

#include "harness/import/gctrace_log.h"
#include "runtime/gc/gc_priv.h"
#include "runtime/watch/pacertrace.h"

#include <math.h>
#include <regex.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_ratio(void **state)
{
	static const struct {
		struct watch_ratio r;
		const char *text;
	} v[] = {
		{{false, 0, 1}, "+0.000000e+000"},
		{{false, 1, 1}, "+1.000000e+000"},
		{{false, 1, 4}, "+2.500000e-001"},
		{{true, 1, 12}, "-8.333333e-002"},
		{{false, 2, 3}, "+6.666667e-001"},
		{{false, 1234567, 1000}, "+1.234567e+003"},
		{{false, 12345674999, 1}, "+1.234567e+010"},
		{{false, 12345675000, 1}, "+1.234568e+010"},
		{{false, 99999994, 10000000}, "+9.999999e+000"},
		{{false, 99999995, 10000000}, "+1.000000e+001"},
		{{false, 99999995, 1000000000}, "+1.000000e-001"},
		{{false, INT64_MAX, 1}, "+9.223372e+018"},
		{{true, 1, INT64_MAX}, "-1.084202e-019"},
		{{false, INT64_MAX, INT64_MAX}, "+1.000000e+000"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(watch_ratio_format(text, sizeof(text), v[i].r), 14);
		assert_string_equal(text, v[i].text);
	}
	assert_int_equal(watch_ratio_format(text, 8, v[0].r), 7);
	assert_string_equal(text, "+0.0000");
}

static void test_ratio_random(void **state)
{
	uint64_t rng = gc_test_seed();

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		struct watch_ratio r = {
			.num = 1 + (gc_test_random(&rng) >> (2 + gc_test_random(&rng) % 61)),
			.den = 1 + (gc_test_random(&rng) >> (2 + gc_test_random(&rng) % 61))};
		long double is = (long double)r.num / (long double)r.den, read;
		char text[32];

		assert_int_equal(watch_ratio_format(text, sizeof(text), r), 14);
		read = strtold(text, NULL);
		/* Half of the last digit, of a number that begins with 1 at the worst. */
		assert_true(fabsl(read - is) <= 5.00001e-7L * is);
	}
}

/* As Go 1.19 printed them; bytes of megabytes are made up. */
static void test_lines(void **state)
{
	struct watch_pacer_start start = {
		.assist = {false, 1912279, 1000000},
		.scan = 143848,
		.live = 3997696,
		.goal = 4194304,
		.fractional = {false, 2, 8},
	};
	struct watch_pacer_end end = {
		.cpu_percent = 25,
		.heap_work = 186176,
		.stack_work = 1344,
		.globals_work = 360304,
		.expected_work = 547760,
		.triggered = 17698307,
		.live = 28547152,
		.goal = 28547152 - 7700784,
		.cons_mark = {true, 9334326, 10000000},
	};
	struct watch_pacer_sweep sweep = {
		.live = 4 << 20,
		.allocated = 1 << 19,
		.pages = 647,
		.pages_per_byte = {false, 2447977, 10000000000},
	};
	char line[WATCH_PACER_LINE_BYTES];
	size_t n = watch_pacer_start_format(line, sizeof(line), &start);

	(void)state;
	assert_int_equal(n, strlen(line));
	assert_string_equal(line, "pacer: assist ratio=+1.912279e+000 (scan 0 MB in 3->4 MB) "
				  "workers=0++2.500000e-001\n");
	n = watch_pacer_end_format(line, sizeof(line), &end);
	assert_int_equal(n, strlen(line));
	assert_string_equal(line,
			    "pacer: 25% CPU (25 exp.) for 186176+1344+360304 B work (547760 B exp.) in "
			    "17698307 B -> 28547152 B (∆goal 7700784, cons/mark -9.334326e-001)\n");
	end.goal = end.live + 5;
	end.reset = true;
	watch_pacer_end_format(line, sizeof(line), &end);
	assert_non_null(strstr(line, "(∆goal -5, cons/mark -9.334326e-001)[controller reset]\n"));
	n = watch_pacer_sweep_format(line, sizeof(line), &sweep);
	assert_int_equal(n, strlen(line));
	assert_string_equal(line, "pacer: sweep done at heap size 4MB; allocated 0MB during sweep; "
				  "swept 647 pages at +2.447977e-004 pages/byte\n");
}

/* --------------------------------------------------------------------- in a run */

struct item {
	struct item *next;
	uint64_t filler[31];
};
static const uint64_t item_mask[] = {1};
static const struct mrt_type item_type = {
	.name = "item", .size = sizeof(struct item), .ptr_words = 1, .ptrmask = item_mask};

#define KEPT 20000u

/* A list of 5 MiB again and again, and a collection by hand; with virtual time, one for its age. What
 * little is done between two objects makes some cycles long in bytes and others short. */
static void trace_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	for (uint32_t i = 0; i < 16 * KEPT; i++) {
		if (MRT_SIM && i / KEPT % 4 != 0)
			prim_step_n(PRIM_COST_WORK, 2000);
		GC_TEST_MUST(mrt_new(g, &item_type, &roots[1]) == 0);
		if (i % KEPT != 0)
			mrt_store(g, (void **)&((struct item *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
	mrt_gc(g);
	if (MRT_SIM)
		mrt_sleep_until(g, mrt_now_ns() + INT64_C(125000000000));
}

struct traced {
	uint32_t cycles, starts, ends, sweeps, negative, forced, other;
	char *text;
	size_t bytes;
};

static void traced_line(struct traced *t, const char *line, size_t n)
{
#define FLOAT "[-+][0-9]\\.[0-9]{6}e[-+][0-9]{3}"
	static const char *const form[] = {
		"^gc [0-9]+ @",
		"^pacer: assist ratio=" FLOAT
		" \\(scan [0-9]+ MB in [0-9]+->[0-9]+ MB\\) workers=0\\+\\+2\\.500000e-001$",
		"^pacer: [0-9]+% CPU \\(25 exp\\.\\) for [0-9]+\\+[0-9]+\\+[0-9]+ B work \\([0-9]+ B "
		"exp\\.\\) in [0-9]+ B -> [0-9]+ B \\(∆goal -?[0-9]+, cons/mark " FLOAT
		"\\)(\\[controller reset\\])?$",
		"^pacer: sweep done at heap size [0-9]+MB; allocated [0-9]+MB during sweep; swept [0-9]+ "
		"pages at " FLOAT " pages/byte$",
	};
	uint32_t *count[] = {&t->cycles, &t->starts, &t->ends, &t->sweeps};
	struct gcs_gctrace_line read;
	uint32_t known = 0;
	regex_t re;

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(regcomp(&re, form[i], REG_EXTENDED | REG_NOSUB), 0);
		if (regexec(&re, line, 0, NULL, 0) == 0) {
			++*count[i];
			known++;
			assert_int_equal(gcs_gctrace_parse(line, n, &read),
					 i == 0 ? GCS_GCTRACE_CYCLE : GCS_GCTRACE_PACER);
			static const enum gcs_pacer_form is[] = {0, GCS_PACER_START, GCS_PACER_END, GCS_PACER_SWEEP};
			assert_true(i == 0 || read.pacer.form == is[i]);
		}
		regfree(&re);
	}
	t->other += known != 1;
	t->negative += strstr(line, "cons/mark -") != NULL;
	t->forced += strstr(line, "(forced)") != NULL;
}

/* In a process of its own, so that each begins as the others did. Its last words are in the file too. */
static int traced_child(const struct mrt_options *opt, FILE *file)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(file), 2);
		_exit(mrt_run(opt, trace_body, NULL) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct traced traced_run(enum mrt_pacer pacer)
{
	struct mrt_options opt = {.procs = 2,
				  .gctrace = true,
				  .pacertrace = true,
				  .pacer = pacer,
				  .seed = gc_test_seed(),
				  .heap_reserve = (size_t)1 << 28};
	struct traced t = {0};
	FILE *file = tmpfile();
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	assert_non_null(file);
	assert_int_equal(traced_child(&opt, file), 0);
	rewind(file);
	while ((n = getline(&line, &cap, file)) > 0) {
		line[--n] = '\0';
		traced_line(&t, line, (size_t)n);
	}
	t.bytes = (size_t)ftell(file);
	t.text = malloc(t.bytes);
	assert_non_null(t.text);
	rewind(file);
	assert_int_equal(fread(t.text, 1, t.bytes, file), t.bytes);
	free(line);
	fclose(file);
	return t;
}

static void test_run(void **state)
{
	struct traced late = traced_run(MRT_PACER_1_21), early = traced_run(MRT_PACER_1_19);
	const struct traced *both[] = {&late, &early};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		const struct traced *t = both[i];

		assert_int_equal(t->other, 0);
		assert_true(t->cycles >= 4);
		assert_int_equal(t->starts, t->cycles);
		/* One that did not grow prints no end; the last sweep may not have come to its own. */
		assert_true(t->ends >= 3 && t->ends <= t->cycles);
		assert_true(t->sweeps + 1 >= t->cycles);
		assert_int_equal(t->forced, 1);
	}
	assert_int_equal(late.negative, 0);
#if MRT_SIM
	{
		struct traced again = traced_run(MRT_PACER_1_19);

		/* The controller swings below zero, and the first cycle begins at 61/64 of 4 MiB. */
		assert_true(early.negative >= 1);
		assert_non_null(memmem(early.text, early.bytes, " in 3997696 B -> ", 17));
		assert_int_equal(again.bytes, early.bytes);
		assert_memory_equal(again.text, early.text, early.bytes);
		free(again.text);
	}
#endif
	free(late.text);
	free(early.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_ratio_random),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
