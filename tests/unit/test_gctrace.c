/*
 * test_gctrace.c: the trace line: numbers as Go formats them, the whole line by example, and what a
 * run really prints.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/watch/gctrace.h"

#include <regex.h>
#include <string.h>
#include <unistd.h>

static void test_ms(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} v[] = {{0, "0"},	     {999, "0"},       {1000, "0.001"},	 {12999, "0.012"},
		 {99999, "0.099"},   {100000, "0.10"}, {159999, "0.15"}, {1000000, "1.0"},
		 {1290000, "1.2"},   {9999999, "9.9"}, {10000000, "10"}, {29400000, "29"},
		 {289000000, "289"}, {-5, "0"},	       {17967, "0.017"}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		size_t n = watch_gctrace_ms(text, sizeof(text), v[i].ns);

		assert_int_equal(n, strlen(v[i].text));
		assert_string_equal(text, v[i].text);
	}
}

static void test_line(void **state)
{
	struct watch_gctrace t = {
		.cycle = 7,
		.since_start_ns = 1234567890,
		.cpu_percent = 3,
		.stw1_ns = 24000,
		.mark_ns = 289000000,
		.stw2_ns = 21500,
		.stop_cpus = 4,
		.assist_ns = 500000,
		.background_ns = 72000000,
		.idle_ns = 0,
		.heap_start = 100 << 20,
		.heap_end = 110 << 20,
		.heap_marked = (uint64_t)55 << 20,
		.goal = 112 << 20,
		.stack_bytes = 3 << 20,
		.procs = 4,
	};
	char line[256];
	size_t n = watch_gctrace_format(line, sizeof(line), &t);

	(void)state;
	assert_int_equal(n, strlen(line));
	assert_string_equal(
		line, "gc 7 @1.234s 3%: 0.024+289+0.021 ms clock, 0.096+0.50/72/0+0.086 ms cpu, "
		      "100->110->55 MB, 112 MB goal, 3 MB stacks, 0 MB globals, 4 P\n");
	t.forced = true;
	watch_gctrace_format(line, sizeof(line), &t);
	assert_non_null(strstr(line, " 4 P (forced)\n"));
}

static const struct mrt_type chunk_type = {.name = "chunk", .size = 4096};

static void trace_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, root, 1);

	(void)arg;
	for (uint32_t i = 0; i < 4000; i++)
		GC_TEST_MUST(mrt_new(g, &chunk_type, &root[0]) == 0);
	mrt_gc(g);
}

#define MS "([0-9]+|[0-9]+\\.[0-9]{1,3})"
#define LINE                                                                                       \
	"^gc [0-9]+ @[0-9]+\\.[0-9]{3}s [0-9]+%: " MS "\\+" MS "\\+" MS " ms clock, " MS "\\+" MS  \
	"/" MS "/" MS "\\+" MS " ms cpu, [0-9]+->[0-9]+->[0-9]+ MB, [0-9]+ MB goal, [0-9]+ MB "    \
			       "stacks, [0-9]+ MB globals, 2 P"                                    \
	"( \\(forced\\))?$"

static void test_run(void **state)
{
	struct mrt_options opt = {.procs = 2,
				  .gctrace = true,
				  .seed = gc_test_seed(),
				  .heap_reserve = (size_t)1 << 28};
	uint32_t lines = 0, forced = 0;
	FILE *file = tmpfile();
	int err = dup(2), r;
	char line[512];
	regex_t re;

	(void)state;
	assert_non_null(file);
	assert_int_equal(regcomp(&re, LINE, REG_EXTENDED | REG_NOSUB), 0);
	fflush(stderr);
	dup2(fileno(file), 2);
	r = mrt_run(&opt, trace_body, NULL);
	dup2(err, 2);
	close(err);
	assert_int_equal(r, 0);
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		char head[32];

		line[strcspn(line, "\n")] = '\0';
		assert_int_equal(regexec(&re, line, 0, NULL, 0), 0);
		snprintf(head, sizeof(head), "gc %u @", ++lines);
		assert_int_equal(strncmp(line, head, strlen(head)), 0);
		forced += strstr(line, "(forced)") != NULL;
	}
	assert_true(lines >= 3);
	assert_int_equal(forced, 1);
	regfree(&re);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ms),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
