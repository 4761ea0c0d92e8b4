/*
 * test_gctrace_log.c: lines of gctrace as versions of Go print them and as they reach a file: every
 * field, every way of being broken, and a log in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/import/gctrace_log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct gcs_gctrace_line parsed(const char *text)
{
	struct gcs_gctrace_line l;
	gcs_gctrace_parse(text, strlen(text), &l);
	return l;
}

static void test_go_1_19(void **state)
{
	(void)state;
	struct gcs_gctrace_line l =
		parsed("gc 70 @1.234s 3%: 0.024+289+0.021 ms clock, 0.096+0.50/72/0+0.086 ms cpu, "
		       "100->110->55 MB, 112 MB goal, 3 MB stacks, 1 MB globals, 4 P\n");
	const struct gcs_gctrace_cycle *g = &l.cycle;
	assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(l.reason, GCS_GCTRACE_WHOLE);
	assert_int_equal(g->number, 70);
	assert_int_equal(g->at_ns, 1234000000);
	assert_int_equal(g->cpu_percent, 3);
	assert_int_equal(g->stop_first_ns, 24000);
	assert_int_equal(g->mark_ns, 289000000);
	assert_int_equal(g->stop_second_ns, 21000);
	assert_int_equal(g->cpu_stop_first_ns, 96000);
	assert_int_equal(g->cpu_assist_ns, 500000);
	assert_int_equal(g->cpu_background_ns, 72000000);
	assert_int_equal(g->cpu_idle_ns, 0);
	assert_int_equal(g->cpu_stop_second_ns, 86000);
	assert_int_equal(g->heap_start_mib, 100);
	assert_int_equal(g->heap_end_mib, 110);
	assert_int_equal(g->heap_live_mib, 55);
	assert_int_equal(g->goal_mib, 112);
	assert_int_equal(g->stacks_mib, 3);
	assert_int_equal(g->globals_mib, 1);
	assert_int_equal(g->procs, 4);
	assert_true(g->scanned);
	assert_false(g->forced);
	assert_false(g->five_parts);
}

static void test_go_1_8(void **state)
{
	(void)state;
	struct gcs_gctrace_line l = parsed("gc 3 @0s 100%: 1.5+12345+0 ms clock, 0+0/0/0+0 ms cpu, "
					   "0->0->0 MB, 4 MB goal, 256 P (forced)");
	assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(l.cycle.at_ns, 0);
	assert_int_equal(l.cycle.stop_first_ns, 1500000);
	assert_int_equal(l.cycle.mark_ns, 12345000000);
	assert_int_equal(l.cycle.procs, 256);
	assert_true(l.cycle.forced);
	assert_false(l.cycle.scanned);
}

/* Five parts: scan and synchronising are concurrent too, and their CPU is the background's. */
static void test_go_1_5(void **state)
{
	(void)state;
	struct gcs_gctrace_line l =
		parsed("gc 88 @3.243s 9%: 0.040+16+1.0+5.9+0.34 ms clock, 0.16+16+2+18/5.7/11+1.3 "
		       "ms cpu, 32->33->19 MB, 33 MB goal, 4 P");
	assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
	assert_true(l.cycle.five_parts);
	assert_int_equal(l.cycle.stop_first_ns, 40000);
	assert_int_equal(l.cycle.mark_ns, 22900000);
	assert_int_equal(l.cycle.stop_second_ns, 340000);
	assert_int_equal(l.cycle.cpu_assist_ns, 18000000);
	assert_int_equal(l.cycle.cpu_background_ns, 23700000);
	assert_int_equal(l.cycle.cpu_idle_ns, 11000000);
}

/* The largest number, to the last digit. */
static void test_largest(void **state)
{
	(void)state;
	struct gcs_gctrace_line l = parsed("gc 18446744073709551615 @9s 3%: 1+1+1 ms clock, "
					   "1+0/1/1+1 ms cpu, 1->1->1 MB, 8 MB goal, 1 P");
	assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
	assert_true(l.cycle.number == UINT64_MAX);
}

/* Before the release of 1.5: a cycle, and no goal is made up for it. */
static void test_goalless(void **state)
{
	(void)state;
	struct gcs_gctrace_line l = parsed("gc #1 @0.2s 0%: 0+0+0+58+0 ms clock, 0+0+0+0/0/0+0 ms "
					   "cpu, 4->262->261 MB, 1 P (forced)");
	assert_int_equal(l.kind, GCS_GCTRACE_NO_GOAL);
	assert_true(l.cycle.no_goal && l.cycle.forced && l.cycle.five_parts);
	assert_int_equal(l.cycle.goal_mib, 0);
	assert_int_equal(l.cycle.number, 1);
	assert_int_equal(l.cycle.mark_ns, 58000000);
	assert_int_equal(l.cycle.heap_live_mib, 261);
	assert_int_equal(l.cycle.procs, 1);
}

/* GOGC=off, as Go 1.8, 1.19 and 1.26 print the goal. */
static void test_goal_off(void **state)
{
	static const char *const goal[] = {"17592186044415", "8796093022198", "8532210231537"};
	char text[256];
	(void)state;
	for (size_t i = 0; i < sizeof goal / sizeof goal[0]; i++) {
		snprintf(text, sizeof text,
			 "gc 1 @0.501s 0%%: 0.063+0.20+0.002 ms clock, 0.12+0/0.091/0.057+0.004 ms "
			 "cpu, 15->15->0 MB, %s MB goal, 2 P (forced)",
			 goal[i]);
		struct gcs_gctrace_line l = parsed(text);
		assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
		assert_int_equal(l.cycle.goal_mib, GCS_GCTRACE_GOAL_OFF);
	}
}

#define CYCLE                                                                                      \
	"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB goal, " \
	"2 P"

static void test_around(void **state)
{
	enum { TORN = 9 }; /* the one with a torn cycle before */
	static const struct {
		const char *before, *after;
	} v[] = {
		{"", ""},
		{"", "\r\n"},
		{"   ", "  "},
		{"2024-01-02T03:04:05.000000Z stderr F ", ""},
		{"Jan  2 03:04:05 host app[7]: ", ""},
		{"[pod/api-7f/app] ", ""},
		{"BenchmarkMap-8    \t", ""},
		{"{\"log\":\"", "\\n\",\"stream\":\"stderr\"}"},
		{"panic: x", "PASS: TestSet (0.00s)"},
		{"gc 3 @2.4s 1%: 0.1+2", "gc"},
		{"the gc 9 of us gc5 ", "。"},
	};
	char text[512];
	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		snprintf(text, sizeof text, "%s%s%s", v[i].before, CYCLE, v[i].after);
		struct gcs_gctrace_line l = parsed(text);
		assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
		assert_int_equal(l.from, strlen(v[i].before));
		assert_int_equal(l.to, strlen(v[i].before) + strlen(CYCLE));
		assert_int_equal(l.cycle.number, 4);
		assert_int_equal(l.cycle.goal_mib, 11);
		assert_false(l.cycle.forced);
		assert_int_equal(l.reason, i == TORN ? GCS_GCTRACE_INTERRUPTED : GCS_GCTRACE_WHOLE);
	}
}

static void test_variants(void **state)
{
	static const char *const v[] = {
		"gc #4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 "
		"MB goal, 2 P",
		"gc 4 @2.5s 1% (checking for goroutine leaks): 0.1+2+0.3 ms clock, "
		"0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB goal, 0 MB stacks, 0 MB globals, 2 "
		"P",
		"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, "
		"9-\\u003e10-\\u003e5 MB, 11 MB goal, 2 P\\n",
		"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9-&gt;10-&gt;5 MB, "
		"11 MB goal, 2 P",
	};
	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct gcs_gctrace_line l = parsed(v[i]);
		assert_int_equal(l.kind, GCS_GCTRACE_CYCLE);
		assert_int_equal(l.cycle.number, 4);
		assert_int_equal(l.cycle.heap_live_mib, 5);
		assert_int_equal(l.cycle.procs, 2);
	}
}

/* Cut at every byte: never a cycle, always a reason, once it can be known that one was meant. */
static void test_cut_everywhere(void **state)
{
	static const char text[] = "gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, "
				   "9->10->5 MB, 11 MB goal, 3 MB stacks, 1 MB globals, 2 P";
	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct gcs_gctrace_line l;
		gcs_gctrace_parse(text, n, &l);
		assert_int_equal(l.kind, n < 4 ? GCS_GCTRACE_OTHER : GCS_GCTRACE_BROKEN);
		assert_int_equal(l.reason, n < 4 ? GCS_GCTRACE_WHOLE : GCS_GCTRACE_CUT);
	}
}

/* Something else at every byte: never a cycle of other numbers. */
static void test_interrupted_everywhere(void **state)
{
	(void)state;
	for (size_t n = 4; n < strlen(CYCLE); n++) {
		char text[512];
		snprintf(text, sizeof text, "%.*s<hello>%s", (int)n, CYCLE, CYCLE + n);
		struct gcs_gctrace_line l = parsed(text);
		assert_int_equal(l.kind, GCS_GCTRACE_BROKEN);
		assert_int_equal(l.reason, GCS_GCTRACE_INTERRUPTED);
	}
}

static void test_not_usable(void **state)
{
	static const struct {
		const char *text;
		enum gcs_gctrace_reason reason;
	} v[] = {
		{"gc76(1): 2+1+1390+1 us, 1 -> 3 MB, 16397 (1015746-999349) objects",
		 GCS_GCTRACE_CUT},
		{"> gc18(1): 120+0+59+0 us, 155 -> 155 MB", GCS_GCTRACE_CUT},
		{"6(35) steal, 69/0/0 yields", GCS_GCTRACE_REST},
		{"69/0/0 yields", GCS_GCTRACE_REST},
		{"gc 1 @0.1s 8%: 0.1+2+0.3 ms clock,", GCS_GCTRACE_CUT},
		{"gc 12", GCS_GCTRACE_CUT},
		{"0.02+1.4+0+86/59/0+1.6 ms cpu, 44->60->49 MB, 60 MB goal, 2 P", GCS_GCTRACE_REST},
		{"192->192->128 MB, 193 MB goal, 12 P", GCS_GCTRACE_REST},
		{"gc #5602015/07/23 01:46:49 allocated", GCS_GCTRACE_INTERRUPTED},
		{"gc 2 @0.07s 3%: 68+0.3+0.5 ms clock, 205+0/16/89+1.5 ms cpu, "
		 "11111111111111111111111111->84->42 MB, 86 MB goal, 3 P",
		 GCS_GCTRACE_RANGE},
		{"gc 2 @99999999999s 3%: 68+0.3+0.5 ms clock, 205+0/16/89+1.5 ms cpu, 1->1->1 MB, "
		 "86 MB goal, 3 P",
		 GCS_GCTRACE_RANGE},
		{"gc 2 @9s 3%: 68+0.3+0.5 ms clock, 205+0/16/89+1.5 ms cpu, 1->1->1 MB, 86 MB "
		 "goal, 0 P",
		 GCS_GCTRACE_RANGE},
		{"gc 2 @9s 3%: 68+0.3+0.5+1 ms clock, 205+0/16/89+1.5 ms cpu, 1->1->1 MB, 86 MB "
		 "goal, 1 P",
		 GCS_GCTRACE_INTERRUPTED},
		{"gc 2 @9s 3%: 68+0.+0.5 ms clock, 205+0/16/89+1.5 ms cpu, 1->1->1 MB, 86 MB "
		 "goal, 1 P",
		 GCS_GCTRACE_INTERRUPTED},
		{"gc 18446744073709551616 @9s 3%: 1+1+1 ms clock, 1+0/1/1+1 ms cpu, 1->1->1 MB, 8 "
		 "MB goal, 1 P",
		 GCS_GCTRACE_RANGE},
		{"gc 2 @9s 3%: 68,1+0,3+0,5 ms clock", GCS_GCTRACE_INTERRUPTED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct gcs_gctrace_line l = parsed(v[i].text);
		assert_int_equal(l.kind, GCS_GCTRACE_BROKEN);
		assert_string_equal(gcs_gctrace_reason_text(l.reason),
				    gcs_gctrace_reason_text(v[i].reason));
	}
}

static void test_nothing(void **state)
{
	static const char *const other[] = {
		"",
		"gc",
		"the gc 7 of them",
		"log: gc 5 workers started",
		"gcc 4.7 @home",
		"upload at 5 ms cpu",
		"fastgc: off",
		"a MB goal, b MB goal",
		"SCHED is late",
		"in the field it yields, and 3 yields",
		"what does scvg: mean",
		"the scav 7 of them",
		"pacer: a horse",
		"scan: total loss",
		"bursts of \"GC forced\"",
		"the GC forced us to wait",
		"P1: status= unknown",
		"M2: p is for pressure",
		"myscvg7: 23 MB too many",
		"RESCHED 9ms: none",
	};
	(void)state;
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		assert_int_equal(parsed(other[i]).kind, GCS_GCTRACE_OTHER);
}

/* ---- a log */

#define AT(n, t)                                                                                   \
	"gc " n " @" t "s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB " \
	"goal, 2 P"

static void read_log(struct gcs_gctrace_log *log, const char *text, size_t bytes, size_t step)
{
	gcs_gctrace_log_init(log);
	for (size_t at = 0; at < bytes; at += step)
		assert_int_equal(
			gcs_gctrace_log_feed(log, text + at, bytes - at < step ? bytes - at : step),
			0);
	assert_int_equal(gcs_gctrace_log_finish(log), 0);
}

static void test_log(void **state)
{
	static const char text[] = "starting\n" AT("1", "0.1") "\n"
				   "scvg: 8 KB released\r\n" AT("2", "0.2") "\r\n" AT("2", "0.2")
				   "\ngc 3 @0.3s 1%: 0.1\n" AT("4", "0.4") "\\n" AT("5", "0.5")
				   " (forced)gc 6 @\n"
				   /* the process starts again */
				   AT("1", "0.1") "\n" AT("2", "0.4");
	(void)state;
	for (size_t step = 1; step < sizeof text; step += 7) {
		struct gcs_gctrace_log log;
		read_log(&log, text, sizeof text - 1, step);
		assert_int_equal(log.reader.count.bytes, sizeof text - 1);
		assert_int_equal(log.reader.count.lines, 9);
		assert_int_equal(log.reader.count.kind[GCS_GCTRACE_OTHER], 1);
		assert_int_equal(log.reader.count.kind[GCS_GCTRACE_SCAV], 1);
		assert_int_equal(log.reader.count.kind[GCS_GCTRACE_BROKEN], 2);
		assert_int_equal(log.reader.count.reason[GCS_GCTRACE_CUT].count, 2);
		assert_int_equal(log.reader.count.reason[GCS_GCTRACE_CUT].first_line, 6);
		assert_int_equal(log.reader.count.reason[GCS_GCTRACE_REPEATED].count, 1);
		assert_int_equal(log.reader.count.reason[GCS_GCTRACE_REPEATED].first_line, 5);
		assert_int_equal(log.n, 6);
		assert_int_equal(log.nparts, 2);
		struct gcs_gctrace_part part = gcs_gctrace_log_longest(&log);
		assert_int_equal(part.first, 0);
		assert_int_equal(part.n, 4);
		assert_int_equal(log.entry[1].line, 4);
		assert_string_equal(log.text + log.entry[1].text, AT("2", "0.2"));
		assert_string_equal(log.text + log.entry[3].text, AT("5", "0.5") " (forced)");
		assert_memory_equal(text + log.entry[0].offset, "gc 1 @", 6);
		assert_int_equal(log.entry[5].cycle.number, 2);
		gcs_gctrace_log_fini(&log);
	}
}

/* Many cycles, and many parts. */
static void test_log_grows(void **state)
{
	struct gcs_gctrace_log log;
	char line[256];
	(void)state;
	gcs_gctrace_log_init(&log);
	for (int i = 0; i < 3000; i++) {
		int n = snprintf(line, sizeof line,
				 "gc %d @%d.5s 1%%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, "
				 "9->10->5 MB, 11 MB goal, 2 P\n",
				 1 + i % 10, i % 10);
		assert_int_equal(gcs_gctrace_log_feed(&log, line, (size_t)n), 0);
	}
	assert_int_equal(gcs_gctrace_log_finish(&log), 0);
	assert_int_equal(log.n, 3000);
	assert_int_equal(log.nparts, 300);
	for (uint32_t i = 0; i < log.nparts; i++)
		assert_int_equal(log.part[i].n, 10);
	gcs_gctrace_log_fini(&log);
}

static void test_log_arrows(void **state)
{
	static const char text[] =
		"{\"log\":\"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 "
		"ms cpu, 9-\\u003e10-\\u003e5 MB, 11 MB goal, 2 P\\n\"}\n";
	struct gcs_gctrace_log log;
	(void)state;
	read_log(&log, text, sizeof text - 1, 11);
	assert_int_equal(log.n, 1);
	assert_string_equal(log.text + log.entry[0].text, CYCLE);
	gcs_gctrace_log_fini(&log);
}

static void test_log_empty(void **state)
{
	struct gcs_gctrace_log log;
	(void)state;
	read_log(&log, "", 0, 1);
	assert_int_equal(log.reader.count.lines, 0);
	assert_int_equal(gcs_gctrace_log_longest(&log).n, 0);
	gcs_gctrace_log_fini(&log);
	read_log(&log, "\0\0\n", 3, 1);
	assert_int_equal(log.reader.count.lines, 1);
	assert_int_equal(log.reader.count.nul_bytes, 2);
	gcs_gctrace_log_fini(&log);
}

/* A line longer than what is kept: its beginning counts, and the next line is whole. */
static void test_log_long_line(void **state)
{
	struct gcs_gctrace_log log;
	char filler[4096];
	(void)state;
	memset(filler, 'x', sizeof filler);
	gcs_gctrace_log_init(&log);
	assert_int_equal(gcs_gctrace_log_feed(&log, CYCLE, strlen(CYCLE)), 0);
	for (size_t n = 0; n < 2 * GCS_GCTRACE_LINE_BYTES_MAX; n += sizeof filler)
		assert_int_equal(gcs_gctrace_log_feed(&log, filler, sizeof filler), 0);
	static const char end[] = "\n" AT("5", "3.0");
	assert_int_equal(gcs_gctrace_log_feed(&log, end, sizeof end - 1), 0);
	assert_int_equal(gcs_gctrace_log_finish(&log), 0);
	assert_int_equal(log.reader.count.lines, 2);
	assert_int_equal(log.reader.count.long_lines, 1);
	assert_int_equal(log.n, 2);
	assert_int_equal(log.entry[1].offset, log.reader.count.bytes - strlen(AT("5", "3.0")));
	gcs_gctrace_log_fini(&log);
}

static void test_log_from_fd(void **state)
{
	struct gcs_gctrace_log log;
	int fd[2];
	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], CYCLE "\n", strlen(CYCLE) + 1), (ssize_t)strlen(CYCLE) + 1);
	close(fd[1]);
	gcs_gctrace_log_init(&log);
	assert_int_equal(gcs_gctrace_log_read(&log, fd[0]), 0);
	assert_int_equal(log.n, 1);
	gcs_gctrace_log_fini(&log);
	close(fd[0]);
	gcs_gctrace_log_init(&log);
	assert_int_not_equal(gcs_gctrace_log_read(&log, fd[0]), 0);
	gcs_gctrace_log_fini(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_1_19),
		cmocka_unit_test(test_go_1_8),
		cmocka_unit_test(test_go_1_5),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_goalless),
		cmocka_unit_test(test_goal_off),
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_interrupted_everywhere),
		cmocka_unit_test(test_not_usable),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_grows),
		cmocka_unit_test(test_log_arrows),
		cmocka_unit_test(test_log_empty),
		cmocka_unit_test(test_log_long_line),
		cmocka_unit_test(test_log_from_fd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
