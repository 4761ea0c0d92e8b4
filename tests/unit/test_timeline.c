/* test_timeline.c: what `plan` shows: edges in order, faults in words, the picture to scale, the
 * page at any width and in any locale, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/scenario/timeline.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEC	 INT64_C(1000000000)
#define TEXT_MAX 65536

static const char base[] = "version: 1\nname: base\nworkload:\n  - {id: maps, driver: map-churn}\n"
			   "  - {id: net, driver: echo, rate: 1k/s}\n"
			   "phases:\n  - {id: steady, for: 10s}\n  - {id: storm, for: 20s}\n  - "
			   "{id: heal, for: 30s}\n";

static struct gcs_scenario *load_path(const char *path)
{
	struct gcs_scenario *s;
	struct gcs_scenario_error error;
	if (gcs_scenario_load(&s, path, NULL, 0, &error))
		fail_msg("%s", error.text);
	return s;
}

static struct gcs_scenario *load(const char *more)
{
	char path[] = "/tmp/test_timeline.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "%s%s", base, more);
	close(fd);
	struct gcs_scenario *s = load_path(path);
	unlink(path);
	return s;
}

static struct gcs_scenario *load_everything(char path[4096])
{
	const char *source = getenv("GCSTORM_SOURCE");
	snprintf(path, 4096, "%s/tests/scenarios/good/everything.yaml", source ? source : ".");
	return load_path(path);
}

static char *page_text(const struct gcs_scenario *s, uint32_t cols, bool utf8)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	gcs_timeline_text(s, &(struct gcs_page){cols, utf8}, out);
	fclose(out);
	return text;
}

static void test_words(void **state)
{
	static const char *const rows[][2] = {
		{"point: mem/malloc, fire: {probability: 2%, error: EIO}, limit: {times: 500}",
		 "fail with EIO, 2% of visits, at most 500 in all"},
		{"point: mem/malloc", "fail with ENOMEM, every visit"},
		{"point: mem/malloc, fire: {nth: 12}",
		 "fail with ENOMEM, the 12th visit of each worker"},
		{"point: mem/malloc, fire: {nth: 22}",
		 "fail with ENOMEM, the 22nd visit of each worker"},
		{"point: gc/write, fire: {every: 3, probability: 0.5}",
		 "force a collection, every 3rd visit, 50% of these visits"},
		{"point: gc/write, fire: {where: after_store, nth: 3}",
		 "force a collection after the store, the 3rd visit of each worker"},
		{"point: gc/write, fire: {mode: cycle, where: after_shade}",
		 "wait for a whole collection between barrier and store, every visit"},
		{"point: gc/write, fire: {edge: true, where: before_shade, every: 2}",
		 "wait for a whole collection before the barrier, every 2nd visit that is its "
		 "goroutine's first since the barrier went on"},
		{"point: netpoll/wake, fire: {delay: 5ms, jitter: 2ms, burst: 3}",
		 "delay by 5ms to 7ms, every visit, 3 in a row"},
		{"point: stw/stop, fire: {delay: 5ms, double: {max: 1s}, after: 30, every: 4}",
		 "delay by 5ms, doubling up to 1s, every 4th visit, not the first 30 of each worker"},
		{"point: netpoll/wake, action: coalesce, fire: {delay: 5ms, every: 2}",
		 "coalesce, held for 5ms, every 2nd visit"},
		{"point: stw/spin, fire: {delay: 5ms}", "loop for 5ms, every visit"},
		{"point: mem/fragment, fire: {every: 5}",
		 "split the longest free run, every 5th visit"},
		{"point: map/iterate, action: reorder, fire: {every: 5}",
		 "begin a growth of the map, every 5th visit"},
		{"point: netpoll/wake, match: {driver: echo}", "drop, every visit; in net"},
		{"point: mem/span, match: {size: 1KiB..8KiB, workload: [maps, net]}",
		 "fail with ENOMEM, every visit; of 1KiB to 8KiB; in maps, net"},
		{"point: mem/limit, fire: {by: 0.5, every: 2}",
		 "bias by a factor of 0.5, every 2nd visit"},
		{"point: mem/span, match: {size: 64B}", "fail with ENOMEM, every visit; of 64B"},
		{"point: mem/span, match: {size: 64B..}",
		 "fail with ENOMEM, every visit; of 64B or more"},
		{"point: mem/span, match: {size: ..64B}",
		 "fail with ENOMEM, every visit; of 64B or less"},
		{"point: mem/malloc, match: {workload: maps, type: churn value, goroutine: [maps/0, maps/0..0]}, "
		 "while: gc.phase == mark and heap.live > 64MiB",
		 "fail with ENOMEM, every visit; in maps; by maps/0, maps/0; type churn value; while gc.phase == mark and "
		 "heap.live > 64MiB"},
		{"point: sched/ready, fire: {delay: 1ms}, match: {goroutine: net/0..7}",
		 "delay by 1ms, every visit; by net/0..7"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[512], words[GCS_FAULT_WORDS];
		snprintf(text, sizeof text, "faults: [{id: f, when: {phase: storm}, %s}]\n",
			 rows[i][0]);
		struct gcs_scenario *s = load(text);
		gcs_fault_words(s, &s->fault[0], words);
		assert_string_equal(words, rows[i][1]);
		gcs_scenario_destroy(s);
	}
}

static void test_spans(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{SEC / 2, "0.5 s"},   {50 * SEC, "50 s"},	 {119 * SEC, "119 s"},
		{120 * SEC, "2 min"}, {230 * SEC, "3 min 50 s"}, {3600 * SEC, "60 min"},
		{7200 * SEC, "2 h"},  {7320 * SEC, "2 h 2 min"}, {86400 * SEC, "24 h"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[GCS_SPAN_WORDS];
		assert_string_equal(gcs_span_words(text, rows[i].ns), rows[i].text);
	}
}

/* Every phase and window once, in time order; at one time the end of a window comes first. */
static void test_edges(void **state)
{
	struct gcs_scenario *s = load("faults:\n"
				      "  - {id: late, point: netpoll/wake, when: {phase: storm, "
				      "at: 10s}, fire: {delay: 1ms}}\n"
				      "  - {id: oom, point: mem/malloc, when: {phase: storm, for: "
				      "5s, repeat: {every: 10s}}}\n"
				      "  - {id: hand, point: mem/malloc, when: {manual: true}}\n");
	static const struct gcs_edge expected[] = {
		{0, GCS_EDGE_PHASE, 0, 0},	   {10 * SEC, GCS_EDGE_PHASE, 1, 0},
		{10 * SEC, GCS_EDGE_ARM, 1, 0},	   {15 * SEC, GCS_EDGE_DISARM, 1, 0},
		{20 * SEC, GCS_EDGE_ARM, 0, 0},	   {20 * SEC, GCS_EDGE_ARM, 1, 1},
		{25 * SEC, GCS_EDGE_DISARM, 1, 1}, {30 * SEC, GCS_EDGE_DISARM, 0, 0},
		{30 * SEC, GCS_EDGE_PHASE, 2, 0},  {60 * SEC, GCS_EDGE_END, 0, 0},
	};
	size_t n;
	struct gcs_edge *edge = gcs_timeline_edges(s, &n);
	(void)state;
	assert_int_equal(n, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(edge[i].t_ns, expected[i].t_ns);
		assert_int_equal(edge[i].kind, expected[i].kind);
		assert_int_equal(edge[i].index, expected[i].index);
		assert_int_equal(edge[i].window, expected[i].window);
	}
	free(edge);
	gcs_scenario_destroy(s);
}

/* The picture of 60 columns: one second each; a tenth of a second is not lost. */
static void test_picture(void **state)
{
	struct gcs_scenario *s =
		load("clock: \"23:59:40\"\n"
		     "faults:\n"
		     "  - {id: oom, point: mem/malloc, when: {phase: storm, at: 2s, for: 3s}}\n"
		     "  - {id: blip, point: mem/malloc, when: {phase: storm, at: 500ms, for: "
		     "100ms, repeat: "
		     "{every: 10s}}}\n"
		     "  - {id: hand, point: mem/malloc, when: {manual: true}}\n");
	static const char expected[] =
		"  time    0 s       10 s      20 s      30 s      40 s      50 s\n"
		"  clock   23:59:40  23:59:50  00:00:00  00:00:10  00:00:20  00:00:30\n"
		"  phases  │steady   │storm              │heal                         │\n"
		"  oom     ············███·············································\n"
		"  blip    ··········▌·········▌·······································\n"
		"  hand    by hand\n";
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	(void)state;
	gcs_timeline_picture(s, 40, out); /* narrower than it can be */
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	gcs_scenario_destroy(s);
}

/* A curve has a lane: straight lines between its points, level behind the last. */
static void test_curve(void **state)
{
	char path[] = "/tmp/test_timeline.XXXXXX", *text = NULL;
	size_t bytes;
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "version: 1\nname: curve\nphases: [{id: all, for: 60s}]\nworkload:\n"
		    "  - id: heap\n    driver: heap-follow\n    follow:\n"
		    "      - {at: 0s, live: 0B, alloc: 1MiB/s}\n"
		    "      - {at: 40s, live: 80MiB, alloc: 1MiB/s}\n"
		    "      - {at: 50s, live: 20MiB, alloc: 1MiB/s}\n");
	close(fd);
	struct gcs_scenario *s = load_path(path);
	unlink(path);
	FILE *out = open_memstream(&text, &bytes);
	gcs_timeline_picture(s, 71, out);
	fclose(out);
	/* 60 columns, a second each; 2 MiB a second up, 6 down */
	assert_non_null(strstr(text, "\n  heap    ▁▁▁▁▁▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇██████"
				     "█▇▇▆▆▅▄▄▃▃▃▃▃▃▃▃▃▃▃\n          live bytes, up to 80 MiB\n"));
	free(text);
	gcs_scenario_destroy(s);
}

/* Many windows: the first ones, then one line for all others. */
static void test_folding(void **state)
{
	struct gcs_scenario *s = load("faults:\n"
				      "  - {id: pulse, point: netpoll/wake, when: {phase: storm, "
				      "for: 500ms, repeat: {every: "
				      "1s}}, fire: {delay: 1ms}}\n"
				      "  - {id: few, point: mem/malloc, when: {phase: storm, for: "
				      "1s, repeat: {every: 2s, "
				      "times: 6}}}\n");
	char *text = page_text(s, 100, true);
	(void)state;
	assert_non_null(strstr(
		text, "    10.0 s    arm pulse #1: netpoll/wake: delay by 1ms, every visit\n"));
	assert_non_null(strstr(text, "    12.5 s    disarm pulse #3\n"));
	assert_non_null(strstr(text, "    13.0 s    … 17 more windows of pulse, every 1s\n"));
	assert_null(strstr(text, "pulse #4"));
	assert_non_null(strstr(text, "arm few #6\n"));
	free(text);
	gcs_scenario_destroy(s);
}

/* The whole page of the scenario that has everything. */
static void test_everything(void **state)
{
	char path[4096], *expected = calloc(1, TEXT_MAX);
	struct gcs_scenario *s = load_everything(path);
	char *text = page_text(s, 80, true);
	(void)state;
	strcpy(strrchr(path, '.'), ".plan");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(expected, 1, TEXT_MAX - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
	gcs_scenario_destroy(s);
}

/* At every width no line of words is longer, and without UTF-8 all is ASCII. */
static void test_widths(void **state)
{
	char path[4096];
	struct gcs_scenario *s = load_everything(path);
	(void)state;
	for (uint32_t cols = GCS_PAGE_COLS; cols <= 140; cols += 7) {
		char *text = page_text(s, cols, true), *save = NULL;
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (gcs_page_width(line) > cols && strchr(line, ' '))
				fail_msg("%u columns: %s", cols, line);
		free(text);
		text = page_text(s, cols, false);
		for (const char *p = text; *p; p++)
			assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
		assert_non_null(strstr(text, "groesser als noetig"));
		free(text);
	}
	gcs_scenario_destroy(s);
}

static void test_json(void **state)
{
	char path[4096];
	struct gcs_scenario *s = load_everything(path);
	char *text = gcs_timeline_json(s);
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL),
	       *edges = json_object_get(o, "edges");
	size_t n, arms = 0, disarms = 0;
	struct gcs_edge *edge = gcs_timeline_edges(s, &n);
	(void)state;
	assert_int_equal(json_array_size(edges), n);
	for (size_t i = 0; i < n; i++) {
		json_t *e = json_array_get(edges, i);
		const char *what = json_string_value(json_object_get(e, "what"));
		char clock[16];
		assert_int_equal(json_integer_value(json_object_get(e, "t_ns")), edge[i].t_ns);
		assert_true(gcs_scenario_clock(s, edge[i].t_ns, clock));
		assert_string_equal(json_string_value(json_object_get(e, "clock")), clock);
		arms += strcmp(what, "arm") == 0;
		disarms += strcmp(what, "disarm") == 0;
	}
	assert_int_equal(arms, 22);
	assert_int_equal(disarms, 22);
	assert_int_equal(json_integer_value(json_object_get(o, "end_ns")), s->end_ns);
	free(edge);
	json_decref(o);
	free(text);
	gcs_scenario_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	   cmocka_unit_test(test_spans),
		cmocka_unit_test(test_edges),	   cmocka_unit_test(test_picture),
		cmocka_unit_test(test_curve),	   cmocka_unit_test(test_folding),
		cmocka_unit_test(test_everything), cmocka_unit_test(test_widths),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
