/*
 * test_import.c: what is made of logs. A small model of Go's pacer writes logs of heaps that are
 * known; the imported curve is compared with them. Logs drawn at random must give scenarios that
 * load, whatever they say.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/import/import.h"
#include "harness/scenario.h"
#include "tests/unit/test_draw.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a log from a known heap */

enum form { GO_1_5, GO_1_17, GO_1_19 };

struct heap {
	enum form form;
	double live, grow;  /* MiB at the begin; a second */
	double rate;	    /* MiB a second */
	double mark;	    /* seconds of a cycle */
	int gogc, gogc_end; /* the second from the middle on; 0: the same */
	double limit;	    /* no goal is above; 0: none */
	int cycles, forced; /* every nth; 0: none */
	int skip;	    /* every nth line is not written; 0: none */
	int procs;
};

struct made {
	char *text;
	size_t bytes;
	double end; /* seconds */
};

static void put_cycle(FILE *f, const struct heap *h, int n, double at, const double size[4],
		      bool forced)
{
	const char *parts = h->form == GO_1_5 ? "0.02+0.5+0.1+0.4+0.03" : "0.02+1.0+0.03",
		   *cpu = h->form == GO_1_5 ? "0.04+0.5+0+0.1/0.4/0+0.06" : "0.04+0.1/0.9/0+0.06";
	fprintf(f, "gc %d @%.3fs 1%%: %s ms clock, %s ms cpu, %d->%d->%d MB, %d MB goal, %s%d P%s\n",
		n, floor(at * 1000) / 1000, parts, cpu, (int)size[0], (int)size[1], (int)size[2],
		(int)size[3], h->form == GO_1_19 ? "0 MB stacks, 0 MB globals, " : "", h->procs,
		forced ? " (forced)" : "");
}

/* Cycle after cycle: the goal from what was marked (Go 1.5: from what was live), the trigger near
 * it, born while marking counted as marked. */
static struct made make_log(const struct heap *h)
{
	struct made m = {0};
	FILE *f = open_memstream(&m.text, &m.bytes);
	double at = 0, heap = 0, base = h->live;
	assert_non_null(f);
	for (int n = 1; n <= h->cycles; n++) {
		int gogc = h->gogc_end && n > h->cycles / 2 ? h->gogc_end : h->gogc;
		double goal = fmax(base * (1 + gogc / 100.0), 4.0 * gogc / 100);
		bool forced = h->forced && n % h->forced == 0;
		if (h->limit > 0)
			goal = fmin(goal, h->limit);
		double start = base + (goal - base) * (forced ? 0.4 : 0.95);
		at += (start - heap) / h->rate;
		double live = h->live + h->grow * at, born = h->rate * h->mark,
		       size[4] = {start, start + born, live + born, goal};
		if (h->form != GO_1_19 && !forced && goal < start + 1)
			size[3] = start + 1;
		if (!h->skip || n % h->skip)
			put_cycle(f, h, n, at, size, forced);
		at += h->mark;
		heap = live + born;
		base = h->form == GO_1_5 ? live : heap;
	}
	m.end = at;
	assert_int_equal(fclose(f), 0);
	return m;
}

static void read_text(struct gcs_gctrace_log *log, const char *text, size_t bytes)
{
	gcs_gctrace_log_init(log);
	assert_int_equal(gcs_gctrace_log_feed(log, text, bytes), 0);
	assert_int_equal(gcs_gctrace_log_finish(log), 0);
}

/* ---- an import, loaded */

struct loaded {
	struct gcs_gctrace_log log;
	struct gcs_import im;
	struct gcs_scenario *s;
};

static struct gcs_scenario *load_text(const char *text, const char *time, const char *heap)
{
	char path[] = "/tmp/test_import.XXXXXX";
	struct gcs_scenario_options opt = {.time_scale = time, .heap_scale = heap};
	struct gcs_scenario_error error = {0};
	struct gcs_scenario *s = NULL;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	int e = gcs_scenario_load_with(&s, path, &opt, &error);
	unlink(path);
	if (e)
		print_error("%s\n%s\n", error.text ? error.text : "?", text);
	gcs_scenario_error_fini(&error);
	assert_int_equal(e, 0);
	return s;
}

/* Unscaled: figures as in the log. */
static void import_text_of(struct loaded *l, const char *text, size_t bytes)
{
	struct gcs_import_options opt = {.source = "test.log", .cpus = 2};
	read_text(&l->log, text, bytes);
	assert_int_equal(gcs_import(&l->log, &opt, &l->im), 0);
	l->s = load_text(l->im.text, "1", "1");
}

static void import_heap(struct loaded *l, const struct heap *h)
{
	struct made m = make_log(h);
	import_text_of(l, m.text, m.bytes);
	free(m.text);
}

static void drop(struct loaded *l)
{
	gcs_scenario_destroy(l->s);
	gcs_import_fini(&l->im);
	gcs_gctrace_log_fini(&l->log);
}

static double mib(uint64_t bytes) { return (double)bytes / (1 << 20); }

/* Bytes that the curve allocates in [from, to], MiB: straight lines between points. */
static double curve_bytes(const struct gcs_workload *w, double from, double to)
{
	double sum = 0;
	for (uint32_t i = 0; i + 1 < w->nfollow; i++) {
		const struct gcs_follow_point *a = &w->follow[i], *b = a + 1;
		double t0 = (double)a->at_ns * 1e-9, t1 = (double)b->at_ns * 1e-9,
		       lo = fmax(from, t0), hi = fmin(to, t1), r0 = mib(a->alloc_per_s),
		       slope = (mib(b->alloc_per_s) - r0) / (t1 - t0);
		if (lo < hi)
			sum += (hi - lo) * (r0 + slope * ((lo + hi) / 2 - t0));
	}
	return sum;
}

/* Where the curve of the log begins: the end of the warm-up, and the lead before the first cycle. */
static double curve_begin(const struct loaded *l)
{
	return (double)l->s->phase[0].end_ns * 1e-9;
}

/* Number of the point at the first cycle of the log. */
static uint32_t curve_first(const struct loaded *l)
{
	const struct gcs_workload *w = &l->s->workload[0];
	double at = curve_begin(l) + (double)l->log.entry[0].cycle.at_ns * 1e-9 - 1e-6;
	uint32_t p = 0;
	while (p < w->nfollow && (double)w->follow[p].at_ns * 1e-9 < at)
		p++;
	assert_true(p < w->nfollow);
	return p;
}

/* ---- tests */

/* A log from the program's start: nothing is live and nothing allocated before, and as much as the
 * first cycle found until it. */
static void test_from_the_start(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 10, .procs = 4};
	struct loaded l;
	(void)state;
	import_heap(&l, &h);
	const struct gcs_workload *w = &l.s->workload[0];
	double begin = curve_begin(&l), first = (double)w->follow[curve_first(&l)].at_ns * 1e-9;
	assert_int_equal(w->follow[0].live, 0);
	assert_true(curve_bytes(w, 0, begin) < 1);
	assert_true(fabs(curve_bytes(w, begin, first) - 117) < 2);
	drop(&l);
}

/* One that begins later: the first live set is there when its curve begins. */
static void test_from_the_middle(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 10, .procs = 4};
	struct made m = make_log(&h);
	struct loaded l;
	(void)state;
	char *second = strchr(m.text, '\n') + 1;
	import_text_of(&l, second, strlen(second));
	const struct gcs_workload *w = &l.s->workload[0];
	assert_true(curve_bytes(w, 0, curve_begin(&l)) >= 60);
	for (uint32_t p = 1; p < w->nfollow; p++)
		assert_true(fabs(mib(w->follow[p].live) - 60) < 1.5);
	drop(&l);
	free(m.text);
}

/* What the rounding of a goal leaves open, in percent of GOGC. */
static double gogc_room(const struct heap *h) { return (h->form == GO_1_5 ? 600 : 300) / h->live; }

static void check_steady(const struct heap *h)
{
	struct loaded l;
	import_heap(&l, h);
	const struct gcs_workload *w = &l.s->workload[0];
	double room = h->gogc % 50 ? gogc_room(h) : 0;
	assert_true(abs(l.im.gogc - h->gogc) <= room);
	assert_int_equal(l.s->gogc, l.im.gogc);
	assert_int_equal(l.im.changes, 0);
	assert_int_equal(l.im.explained, l.im.goals);
	assert_true(l.im.reachable == (h->form == GO_1_5));
	/* a cycle's bytes are known to a MiB */
	double slack = 0.02 * h->rate + 1e9 / (double)l.im.period_ns;
	assert_true(fabs(l.im.alloc_mib - h->rate) < slack);
	/* what the goals were made of: Go 1.5's without what was born while marking */
	double live = h->live + (h->form == GO_1_5 ? 0 : h->rate * h->mark);
	assert_true(fabs(l.im.live_mib - live) < 1);
	for (uint32_t p = curve_first(&l); p < w->nfollow; p++) {
		assert_true(fabs(mib(w->follow[p].live) - live) < 1);
		assert_true(fabs(mib(w->follow[p].alloc_per_s) - h->rate) < 3 * slack);
		assert_int_equal(w->follow[p].gogc, 0);
		assert_false(w->follow[p].forced);
	}
	double from = curve_begin(&l), to = (double)w->follow[w->nfollow - 1].at_ns * 1e-9;
	assert_true(fabs(curve_bytes(w, from, to) / (to - from) - h->rate) < slack);
	assert_int_equal(l.s->memlimit, 0);
	drop(&l);
}

/* Live bytes to a MiB, bytes allocated to 2 %, GOGC to what the rounding leaves. */
static void test_steady(void **state)
{
	static const enum form forms[] = {GO_1_5, GO_1_17, GO_1_19};
	static const int gogc[] = {100, 50, 200, 37, 400};
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof gogc / sizeof gogc[0]; j++) {
			struct heap h = {.form = forms[i], .live = 60.3, .rate = 50, .mark = 0.04,
					 .gogc = gogc[j], .cycles = 40, .procs = 4};
			print_message("# form %zu, GOGC %d\n", i, gogc[j]);
			check_steady(&h);
		}
}

/* Large and small, growing: live at each cycle, of which nothing but MiB is told. */
static void test_growing(void **state)
{
	(void)state;
	for (double live = 8; live < 20000; live *= 6) {
		struct heap h = {.form = GO_1_19, .live = live, .grow = live / 20,
				 .rate = live * 2, .mark = 0.02, .gogc = 100, .cycles = 30,
				 .procs = 16};
		struct loaded l;
		import_heap(&l, &h);
		const struct gcs_workload *w = &l.s->workload[0];
		double shift = (double)l.log.entry[0].cycle.at_ns * 1e-9;
		assert_int_equal(l.im.gogc, 100);
		assert_int_equal(l.s->procs, 2);
		for (uint32_t p = curve_first(&l); p < w->nfollow; p++) {
			double at = (double)w->follow[p].at_ns * 1e-9 - curve_begin(&l);
			double born = h.rate * h.mark;
			assert_true(fabs(mib(w->follow[p].live) - (live + h.grow * at + born)) <
				    1 + 0.03 * live);
		}
		assert_true(shift > 0);
		assert_true(fabs(l.im.alloc_mib / h.rate - 1) < 0.05);
		drop(&l);
	}
}

/* A heap of less than 1 MiB: what is live is between nothing and that, what is allocated is not
 * nothing, and GOGC is not told. */
static void test_tiny(void **state)
{
	static const enum form forms[] = {GO_1_17, GO_1_19};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct heap h = {.form = forms[i], .live = 0.4, .rate = 40, .mark = 0.0005,
				 .gogc = 100, .cycles = 50, .procs = 4};
		struct loaded l;
		import_heap(&l, &h);
		const struct gcs_workload *w = &l.s->workload[0];
		assert_int_equal(l.im.gogc, 100);
		assert_int_equal(l.im.said, 0);
		assert_int_equal(l.im.heap_scale_milli, 1000);
		for (uint32_t p = curve_first(&l); p < w->nfollow; p++) {
			assert_in_range(w->follow[p].live, 64 << 10, 1 << 20);
			assert_true(fabs(mib(w->follow[p].alloc_per_s) / 40 - 1) < 0.2);
		}
		drop(&l);
	}
}

static void test_gogc_changes(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 80, .rate = 60, .mark = 0.01, .gogc = 100,
			 .gogc_end = 30, .cycles = 40, .procs = 4};
	struct loaded l;
	(void)state;
	import_heap(&l, &h);
	const struct gcs_workload *w = &l.s->workload[0];
	uint32_t changes = 0;
	int last = l.s->gogc;
	for (uint32_t p = 0; p < w->nfollow; p++)
		if (w->follow[p].gogc) {
			last = w->follow[p].gogc;
			changes++;
		}
	assert_int_equal(l.im.changes, 1);
	assert_int_equal(changes, 1);
	assert_int_equal(l.s->gogc, 100);
	assert_int_equal(last, 30);
	assert_int_equal(l.im.explained, l.im.goals);
	drop(&l);
}

/* One line that departs changes nothing. */
static void test_gogc_outlier(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 80, .rate = 60, .mark = 0.01, .gogc = 100,
			 .cycles = 40, .procs = 4};
	struct made m = make_log(&h);
	struct loaded l;
	char *goal = NULL;
	(void)state;
	for (int n = 0; n < 20; n++)
		goal = strstr(goal ? goal + 1 : m.text, " MB goal");
	goal[-1] = goal[-1] == '0' ? '9' : '0';
	goal[-2] = goal[-2] == '0' ? '9' : '0';
	import_text_of(&l, m.text, m.bytes);
	assert_int_equal(l.im.gogc, 100);
	assert_int_equal(l.im.changes, 0);
	assert_int_equal(l.im.goals - l.im.explained, 1);
	drop(&l);
	free(m.text);
}

static void test_limit(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 100, .grow = 5, .rate = 100, .mark = 0.01,
			 .gogc = 100, .limit = 260, .cycles = 40, .procs = 4};
	struct loaded l;
	(void)state;
	import_heap(&l, &h);
	assert_int_equal(l.im.gogc, 100);
	assert_true(l.im.memlimit_mib > 260 && l.im.memlimit_mib < 260 * 1.15);
	assert_true(fabs(mib(l.s->memlimit) - l.im.memlimit_mib) < 1);
	drop(&l);
	h.gogc = 10000; /* off, but for the limit */
	import_heap(&l, &h);
	assert_int_equal(l.im.gogc, -1);
	assert_int_equal(l.s->gogc, -1);
	assert_true(l.im.memlimit_mib > 260 && l.im.memlimit_mib < 260 * 1.15);
	drop(&l);
}

static void test_gogc_off(void **state)
{
	static const char text[] =
		"gc 1 @0.501s 0%: 0.063+0.20+0.002 ms clock, 0.12+0/0.091/0.057+0.004 ms cpu, "
		"15->15->7 MB, 8796093022198 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)\n"
		"gc 2 @1.004s 0%: 0.012+0.21+0.001 ms clock, 0.024+0/0.058/0.099+0.003 ms cpu, "
		"15->15->7 MB, 8796093022198 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)\n";
	struct loaded l;
	(void)state;
	import_text_of(&l, text, sizeof text - 1);
	assert_int_equal(l.s->gogc, -1);
	assert_int_equal(l.im.forced, 2);
	drop(&l);
}

static void test_forced(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 40, .rate = 60, .mark = 0.01, .gogc = 100,
			 .cycles = 40, .forced = 5, .procs = 4};
	struct loaded l;
	uint32_t forced = 0;
	(void)state;
	import_heap(&l, &h);
	const struct gcs_workload *w = &l.s->workload[0];
	for (uint32_t p = 0; p < w->nfollow; p++)
		forced += w->follow[p].forced;
	assert_int_equal(l.im.forced, 8);
	assert_int_equal(forced, 8);
	assert_int_equal(l.im.gogc, 100);
	assert_true(fabs(l.im.alloc_mib - 60) < 2);
	drop(&l);
}

/* Lines are missing: they are counted, and the allocation is what it was. */
static void test_gaps(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 60, .skip = 7, .procs = 4};
	struct loaded l;
	(void)state;
	import_heap(&l, &h);
	assert_int_equal(l.im.missing, 8);
	assert_int_equal(l.im.gaps, 8);
	assert_int_equal(l.im.gogc, 100);
	assert_true(fabs(l.im.alloc_mib - 50) < 2);
	drop(&l);
}

/* The lines as logged, each once, in order. */
static void test_logged(void **state)
{
	struct heap h = {.form = GO_1_5, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 12, .procs = 4};
	struct made m = make_log(&h);
	struct loaded l;
	(void)state;
	import_text_of(&l, m.text, m.bytes);
	assert_string_equal(l.s->logged.source, "test.log");
	assert_int_equal(l.s->logged.nlines, 12);
	char *at = m.text;
	for (uint32_t i = 0; i < 12; i++) {
		char *end = strchr(at, '\n');
		*end = '\0';
		assert_string_equal(l.s->logged.line[i], at);
		at = end + 1;
	}
	drop(&l);
	free(m.text);
}

static void test_no_pair(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 1, .procs = 4};
	struct gcs_import_options opt = {.source = "x", .cpus = 2};
	struct gcs_gctrace_log log;
	struct gcs_import im;
	struct made m = make_log(&h);
	(void)state;
	read_text(&log, "", 0);
	assert_int_equal(gcs_import(&log, &opt, &im), -ENODATA);
	gcs_gctrace_log_fini(&log);
	read_text(&log, m.text, m.bytes);
	assert_int_equal(gcs_import(&log, &opt, &im), -ENODATA);
	gcs_gctrace_log_fini(&log);
	free(m.text);
	h.cycles = 2;
	h.rate = 0.0005; /* two cycles, a day apart */
	m = make_log(&h);
	read_text(&log, m.text, m.bytes);
	assert_int_equal(gcs_import(&log, &opt, &im), -ERANGE);
	gcs_gctrace_log_fini(&log);
	free(m.text);
}

/* A large heap is made small, a long log short, a dense one is spread; what is given is taken. */
static void test_scales(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 24000, .rate = 4000, .mark = 2, .gogc = 100,
			 .cycles = 500, .procs = 48};
	struct gcs_import_options opt = {.source = "x", .cpus = 4};
	struct gcs_gctrace_log log;
	struct gcs_import im;
	struct made m = make_log(&h);
	(void)state;
	read_text(&log, m.text, m.bytes);
	assert_int_equal(gcs_import(&log, &opt, &im), 0);
	double time = im.time_scale_milli / 1e3, heap = im.heap_scale_milli / 1e3;
	assert_true(im.live_mib / heap <= GCS_IMPORT_LIVE_MIB && im.live_mib / heap > 25);
	assert_true(im.alloc_p90_mib * time / heap <= GCS_IMPORT_ALLOC_MIB);
	assert_true((double)im.run_ns * 1e-9 < GCS_IMPORT_RUN_S * 1.3);
	assert_true((double)im.period_p10_ns / time >= GCS_IMPORT_PERIOD_NS);
	assert_int_equal(im.procs, 4);
	struct gcs_scenario *s = load_text(im.text, NULL, NULL);
	assert_int_equal(s->time_scale_milli, im.time_scale_milli);
	assert_int_equal(s->heap_scale_milli, im.heap_scale_milli);
	assert_true(s->heap_reserve > (uint64_t)(im.goal_mib / heap * 2) << 20);
	assert_true(llabs(s->end_ns - im.run_ns) < 50000000);
	gcs_scenario_destroy(s);
	gcs_import_fini(&im);
	opt.time_scale_milli = 2000;
	opt.heap_scale_milli = 7500;
	assert_int_equal(gcs_import(&log, &opt, &im), 0);
	assert_int_equal(im.time_scale_milli, 2000);
	assert_int_equal(im.heap_scale_milli, 7500);
	assert_non_null(strstr(im.text, "scale: {time: 2, heap: 7.5}"));
	gcs_import_fini(&im);
	gcs_gctrace_log_fini(&log);
	free(m.text);
}

/* More cycles than a scenario holds, and more hours. */
static void test_long(void **state)
{
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 9000, .procs = 4};
	struct loaded l;
	(void)state;
	import_heap(&l, &h);
	assert_int_equal(l.im.of, 9000);
	assert_in_range(l.im.n, 8000, GCS_LOGGED_MAX);
	assert_int_equal(l.s->logged.nlines, l.im.n);
	drop(&l);
	h.cycles = 2000;
	h.rate = 0.5; /* a cycle every two minutes: 66 hours */
	import_heap(&l, &h);
	assert_true(l.im.n < 2000);
	assert_true(l.im.span_ns <= GCS_IMPORT_HOURS * INT64_C(3600000000000));
	assert_true(l.im.span_ns > (GCS_IMPORT_HOURS - 1) * INT64_C(3600000000000));
	drop(&l);
}

static void test_names(void **state)
{
	static const struct {
		const char *source, *name;
	} v[] = {
		{"api.log", "api"},
		{"057-gc.txt", "log-057-gc"},
		{"standard input", "standard-input"},
		{"A \"quoted\" \\ name\n.log", "a-quoted-name"},
		{".log", "log"},
		{"\xc3\xa4\xff.log", "log"},
		{"a-name-that-is-longer-than-any-name-may-be.gctrace.log",
		 "a-name-that-is-longer-than-any"},
	};
	struct heap h = {.form = GO_1_19, .live = 60, .rate = 50, .mark = 0.02, .gogc = 100,
			 .cycles = 5, .procs = 4};
	struct made m = make_log(&h);
	struct gcs_gctrace_log log;
	(void)state;
	read_text(&log, m.text, m.bytes);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct gcs_import_options opt = {.source = v[i].source, .cpus = 2};
		struct gcs_import im;
		assert_int_equal(gcs_import(&log, &opt, &im), 0);
		struct gcs_scenario *s = load_text(im.text, NULL, NULL);
		assert_string_equal(s->name, v[i].name);
		gcs_scenario_destroy(s);
		gcs_import_fini(&im);
	}
	gcs_gctrace_log_fini(&log);
	free(m.text);
}

/* ---- anything */

/* Cycles that agree with nothing, but for number and time going on. */
static struct made draw_log(void)
{
	struct made m = {0};
	FILE *f = open_memstream(&m.text, &m.bytes);
	uint64_t number = 1 + draw(1000), ms = draw(1000000), step = 1ull << draw(18),
		 size = 1ull << draw(20);
	bool scanned = draw(2);
	assert_non_null(f);
	for (uint64_t i = 2 + draw(60); i > 0; i--) {
		uint64_t goal = draw(20) ? draw(size) : 8796093022198;
		fprintf(f,
			"gc %llu @%llu.%03llus %llu%%: 0.02+%llu+0.03 ms clock, 0+0/0/0+0 ms cpu, "
			"%llu->%llu->%llu MB, %llu MB goal, %s%llu P%s\n",
			(unsigned long long)number, (unsigned long long)ms / 1000,
			(unsigned long long)ms % 1000, (unsigned long long)draw(100),
			(unsigned long long)draw(step), (unsigned long long)draw(size),
			(unsigned long long)draw(size), (unsigned long long)draw(size),
			(unsigned long long)goal, scanned ? "1 MB stacks, 0 MB globals, " : "",
			(unsigned long long)(1 + draw(300)), draw(4) ? "" : " (forced)");
		number += draw(8) ? 1 : 1 + draw(1000);
		ms += draw(3) ? draw(step) : 0;
	}
	assert_int_equal(fclose(f), 0);
	return m;
}

static void test_anything(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 0x2481;
	uint32_t imported = 0;
	(void)state;
	for (uint64_t seed = first; seed < first + 300; seed++) {
		struct gcs_import_options opt = {.source = "any.log", .cpus = 2};
		struct gcs_gctrace_log log;
		struct gcs_import im;
		draw_state = seed;
		struct made m = draw_log();
		print_message("# GCS_TEST_SEED=0x%llx\n", (unsigned long long)seed);
		read_text(&log, m.text, m.bytes);
		int e = gcs_import(&log, &opt, &im);
		assert_true(e == 0 || e == -ENODATA || e == -ERANGE);
		if (e == 0) {
			struct gcs_scenario *s = load_text(im.text, NULL, NULL);
			assert_int_equal(s->logged.nlines, im.n);
			assert_true(s->workload[0].nfollow >= im.n);
			gcs_scenario_destroy(s);
			gcs_import_fini(&im);
			imported++;
		}
		gcs_gctrace_log_fini(&log);
		free(m.text);
	}
	assert_true(imported > 100 || given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_the_start), cmocka_unit_test(test_from_the_middle),
		cmocka_unit_test(test_steady),	    cmocka_unit_test(test_growing),
		cmocka_unit_test(test_tiny),	    cmocka_unit_test(test_gogc_changes),
		cmocka_unit_test(test_gogc_outlier), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_gogc_off),    cmocka_unit_test(test_forced),
		cmocka_unit_test(test_gaps),	    cmocka_unit_test(test_logged),
		cmocka_unit_test(test_no_pair),	    cmocka_unit_test(test_scales),
		cmocka_unit_test(test_long),	    cmocka_unit_test(test_names),
		cmocka_unit_test(test_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
