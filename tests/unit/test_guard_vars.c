/*
 * test_guard_vars.c: what a Go program says of itself at /debug/vars: reading it, whatever bytes come, and telling each of its cycles once, whether a line of
 * gctrace or MemStats come first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/guard/backoff.h"
#include "harness/guard/play.h"
#include "harness/guard/trace.h"
#include "runtime/gc/gc.h"
#include "tests/unit/test_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MS    INT64_C(1000000)
#define S     (1000 * MS)
#define BEGUN (100 * S)
#define WALL  INT64_C(1700000000000000000) /* CLOCK_REALTIME less CLOCK_MONOTONIC */

/* ---- the text */

struct text {
	char *bytes;
	size_t n;
};

static void text_list(FILE *f, const char *name, const uint64_t *value, size_t n)
{
	fprintf(f, ",\"%s\":[", name);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%" PRIu64, i ? "," : "", value[i]);
	fprintf(f, "]");
}

/* As package expvar writes it. goal: as text. */
static struct text text_of(uint64_t cycles, const char *goal, size_t npauses)
{
	uint64_t pause[GUARD_VARS_PAUSES + 1] = {0}, end[GUARD_VARS_PAUSES + 1] = {0};
	struct text t = {0};
	FILE *f = open_memstream(&t.bytes, &t.n);
	for (uint64_t c = cycles > 256 ? cycles - 255 : 1; c <= cycles; c++) {
		pause[(c + 255) % 256] = 1000 * c + 7;
		end[(c + 255) % 256] = (uint64_t)(WALL + BEGUN) + c * (uint64_t)MS;
	}
	fprintf(f,
		"{\n\"cmdline\": [\"./server\"],\n\"memstats\": {\"Alloc\":5,\"HeapAlloc\":1048577,\"HeapInuse\":2097152,"
		"\"HeapSys\":4194304,\"Sys\":8388608,\"NextGC\":%s,\"NumGC\":%" PRIu64
		",\"NumForcedGC\":1,\"PauseTotalNs\":123456789,\"GCCPUFraction\":0.0125,\"LastGC\":%" PRIu64
		",\"EnableGC\":true",
		goal, cycles, cycles ? end[(cycles + 255) % 256] : 0);
	text_list(f, "PauseNs", pause, npauses);
	text_list(f, "PauseEnd", end, npauses);
	fprintf(f, ",\"BySize\":[{\"Size\":0,\"Mallocs\":0,\"Frees\":0}]}\n}\n");
	fclose(f);
	return t;
}

static int parse(struct guard_vars *ret, const char *text)
{
	const char *why;
	return guard_vars_parse(ret, text, strlen(text), &why);
}

static void test_parse(void **state)
{
	struct guard_vars v;
	struct text t = text_of(300, "4194304", 256);
	(void)state;
	assert_int_equal(parse(&v, t.bytes), 0);
	free(t.bytes);
	assert_int_equal(v.heap_alloc, 1048577);
	assert_int_equal(v.heap_inuse, 2 << 20);
	assert_int_equal(v.heap_sys, 4 << 20);
	assert_int_equal(v.sys, 8 << 20);
	assert_int_equal(v.goal, 4 << 20);
	assert_int_equal(v.cycles, 300);
	assert_int_equal(v.forced, 1);
	assert_int_equal(v.pause_total_ns, 123456789);
	assert_int_equal(v.gc_cpu_ppb, 12500000);
	assert_true(v.has_pauses);
	assert_int_equal(v.pause_ns[(300 + 255) % 256], 300007);
	assert_int_equal(v.pause_ns[(45 + 255) % 256], 45007);
	int64_t off = v.end_wall_ns[(300 + 255) % 256] - (WALL + BEGUN + 300 * MS);
	assert_true(off >= -256 && off <= 256);
	/* GOGC=off: no signed integer holds it. */
	t = text_of(0, "18446744073709551615", 256);
	assert_int_equal(parse(&v, t.bytes), 0);
	assert_int_equal(v.goal, 0);
	assert_int_equal(v.cycles, 0);
	free(t.bytes);
}

static void test_parse_others(void **state)
{
	static const char *const none[] = {
		"", "hello", "{}", "[]", "null", "{\"memstats\":3}", "{\"memstats\":{}}", "{\"memstats\":[1,2]}",
		"{\"memstats\":{\"HeapAlloc\":1,\"NextGC\":2,\"NumGC\":3}}",
		"{\"memstats\":{\"HeapAlloc\":\"1\",\"NextGC\":2,\"NumGC\":3,\"Sys\":4}}",
		"{\"memstats\":{\"HeapAlloc\":1,\"NextGC\":2,\"NumGC\":1e999,\"Sys\":4}}",
		"<html>404 page not found</html>",
	};
	struct guard_vars v;
	struct text t;
	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_int_equal(parse(&v, none[i]), -EPROTO);
	/* Pauses that are none leave the rest as it is. */
	for (size_t n = 255; n <= 257; n++) {
		t = text_of(3, "1", n);
		assert_int_equal(parse(&v, t.bytes), 0);
		assert_int_equal(v.has_pauses, n == 256);
		free(t.bytes);
	}
	assert_int_equal(parse(&v, "{\"memstats\":{\"HeapAlloc\":-1,\"NextGC\":2.5,\"NumGC\":1e300,\"Sys\":4,"
				   "\"GCCPUFraction\":17}}"),
			 0);
	assert_int_equal(v.heap_alloc, 0);
	assert_int_equal(v.cycles, 0);
	assert_int_equal(v.goal, 2);
	assert_int_equal(v.gc_cpu_ppb, 0);
}

/* Any bytes: never more than no. What is accepted is in range. */
static void test_parse_bent(void **state)
{
	const char *given = getenv("GCS_TEST_SEED"), *why;
	struct text t = text_of(300, "4194304", 256);
	struct guard_vars v;
	(void)state;
	draw_state = given ? strtoull(given, NULL, 0) : 0x2481;
	printf("# GCS_TEST_SEED=0x%" PRIx64 "\n", draw_state);
	char *bent = malloc(t.n);
	for (int i = 0; i < 3000; i++) {
		memcpy(bent, t.bytes, t.n);
		size_t n = draw(4) ? t.n : draw(t.n);
		for (uint64_t k = draw(6); k > 0 && n; k--)
			bent[draw(n)] = "0123456789-.eE[]{},:\"x\xff"[draw(22)];
		if (guard_vars_parse(&v, bent, n, &why) == 0) {
			assert_true(v.gc_cpu_ppb <= 1000000000);
			assert_true(v.heap_alloc <= INT64_MAX && v.pause_ns[9] <= INT64_MAX);
		} else {
			assert_non_null(why);
		}
	}
	free(bent);
	free(t.bytes);
}

/* ---- telling cycles once */

struct told {
	struct mrt_telemetry *t;
	struct guard_trace trace;
	struct guard_vars v;
	struct watch_record rec[4096];
	size_t n;
};

static void told_init(struct told *x)
{
	memset(x, 0, sizeof *x);
	x->t = calloc(1, sizeof *x->t);
	watch_layout_init(x->t, 4);
	guard_trace_init(&x->trace, x->t);
	guard_trace_begin(&x->trace, BEGUN);
	x->trace.from_ns = BEGUN;
}

static void told_fini(struct told *x)
{
	free(x->t);
}

/* Cycle number n ends at BEGUN + n * 10 ms, and stopped for n us + 7 ns. */
static int64_t end_of(uint64_t n)
{
	return BEGUN + (int64_t)n * 10 * MS;
}

static enum guard_fit look(struct told *x, uint64_t cycles, int64_t now_ns)
{
	x->v = (struct guard_vars){.heap_alloc = 77 << 20,
				   .goal = 99 << 20,
				   .cycles = cycles,
				   .has_pauses = true,
				   .gc_cpu_ppb = 20000000,
				   .last_gc_wall_ns = WALL + end_of(cycles)};
	for (uint64_t n = cycles > 256 ? cycles - 255 : 1; n <= cycles; n++) {
		x->v.pause_ns[(n + 255) % 256] = 1000 * n + 7;
		x->v.end_wall_ns[(n + 255) % 256] = WALL + end_of(n);
	}
	return guard_trace_vars(&x->trace, &x->v, now_ns, WALL + now_ns);
}

static void line(struct told *x, uint64_t n, int64_t now_ns)
{
	char text[256];
	snprintf(text, sizeof text,
		 "gc %" PRIu64 " @0.%03" PRIu64 "s 5%%: 0.50+2.0+0.25 ms clock, 1.0+2.0/4.0/8.0+0.50 ms cpu, "
		 "10->12->6 MB, 11 MB goal, 1 MB stacks, 0 MB globals, 4 P",
		 n, n % 1000);
	guard_trace_line(&x->trace, text, now_ns);
}

static void take(struct told *x)
{
	size_t n;
	while ((n = watch_drain(x->t, x->rec + x->n, 4096 - x->n)) > 0)
		x->n += n;
}

static size_t starts_of(const struct told *x, uint64_t number)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n; i++)
		n += x->rec[i].kind == WATCH_GC_START && x->rec[i].a == number;
	return n;
}

static size_t stops_of(const struct told *x, uint64_t number, uint64_t *ret_ns)
{
	size_t n = 0;
	*ret_ns = 0;
	for (size_t i = 0; i < x->n; i++)
		if (x->rec[i].kind == WATCH_STW && x->rec[i].d == number) {
			*ret_ns += x->rec[i].c;
			n++;
		}
	return n;
}

static void test_line_first(void **state)
{
	struct told x;
	uint64_t ns;
	(void)state;
	told_init(&x);
	line(&x, 1, end_of(1));
	line(&x, 2, end_of(2));
	assert_int_equal(look(&x, 2, end_of(2) + 5 * MS), GUARD_FITS);
	assert_int_equal(atomic_load(&x.t->gauges.heap_live), 77 << 20); /* newer than the line's */
	assert_int_equal(atomic_load(&x.t->gauges.heap_goal), 99 << 20);
	guard_trace_due(&x.trace, INT64_MAX);
	take(&x);
	for (uint64_t c = 1; c <= 2; c++) {
		assert_int_equal(starts_of(&x, c), 1);
		assert_int_equal(stops_of(&x, c, &ns), 2);
		assert_int_equal(ns, 750000);
	}
	assert_int_equal(x.trace.exact.cycles, 2);
	assert_int_equal(x.trace.exact.total_ns, 3014);
	assert_int_equal(x.trace.exact.max_ns, 2007);
	assert_int_equal(x.trace.exact.max_number, 2);
	assert_int_equal(x.trace.exact.both, 2);
	assert_int_equal(x.trace.exact.both_ns, 3014);
	assert_int_equal(x.trace.exact.line_ns, 1500000);
	assert_int_equal(x.trace.exact.by_line, 2);
	assert_int_equal(x.trace.exact.by_vars, 0);
	line(&x, 1, end_of(3)); /* of another process with the same stderr: its stop is none of MemStats' */
	assert_int_equal(x.trace.exact.cycles, 2);
	assert_int_equal(x.trace.exact.total_ns, 3014);
	told_fini(&x);
}

/* The look comes before the line; one line never comes, one comes too late. */
static void test_look_first(void **state)
{
	struct told x;
	uint64_t ns;
	int64_t at = end_of(3) + MS;
	(void)state;
	told_init(&x);
	assert_int_equal(look(&x, 3, at), GUARD_FITS);
	line(&x, 1, at + MS);
	guard_trace_due(&x.trace, at + TRACE_LINE_WAIT_NS - 1);
	take(&x);
	assert_int_equal(starts_of(&x, 1), 1);
	assert_int_equal(starts_of(&x, 2) + starts_of(&x, 3), 0);
	guard_trace_due(&x.trace, at + TRACE_LINE_WAIT_NS);
	line(&x, 3, at + TRACE_LINE_WAIT_NS + MS);
	assert_int_equal(look(&x, 3, at + S), GUARD_FITS); /* nothing new */
	guard_trace_due(&x.trace, INT64_MAX);
	take(&x);
	assert_int_equal(stops_of(&x, 1, &ns), 2);
	for (uint64_t c = 2; c <= 3; c++) {
		assert_int_equal(starts_of(&x, c), 1);
		assert_int_equal(stops_of(&x, c, &ns), 1);
		assert_int_equal(ns, 1000 * c + 7);
	}
	for (size_t i = 0; i < x.n; i++)
		if (x.rec[i].kind == WATCH_STW && x.rec[i].d == 2) {
			assert_int_equal(x.rec[i].t_ns, end_of(2));
			assert_true(x.rec[i].b == WATCH_UNKNOWN);
		}
	assert_int_equal(x.trace.exact.cycles, 3);
	assert_int_equal(x.trace.exact.by_line, 1);
	assert_int_equal(x.trace.exact.by_vars, 2);
	told_fini(&x);
}

/* Lines and looks in any order: each cycle once, each exact stop once. */
static void test_any_order(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 0x77, ns;
	(void)state;
	printf("# GCS_TEST_SEED=0x%" PRIx64 ", and 199 after it\n", first);
	for (uint64_t seed = first; seed < first + 200; seed++) {
		struct told x;
		uint64_t ended = 0, lines = 0, looked = 0;
		int64_t now = BEGUN, total = 0;
		draw_state = seed;
		told_init(&x);
		for (int step = 0; step < 200; step++) {
			now += 10 * MS;
			ended = (uint64_t)(now - BEGUN) / (uint64_t)(10 * MS);
			while (lines < ended && draw(8)) /* else it stays behind */
				line(&x, ++lines, now);
			if (lines < ended && draw(20) == 0)
				lines++; /* this one never comes */
			if (draw(10) == 0) {
				assert_int_equal(look(&x, ended, now), GUARD_FITS);
				looked = ended;
			}
			guard_trace_due(&x.trace, now);
			take(&x);
		}
		guard_trace_due(&x.trace, INT64_MAX);
		take(&x);
		for (uint64_t c = 1; c <= looked; c++) {
			assert_int_equal(starts_of(&x, c), 1);
			assert_true(stops_of(&x, c, &ns) == 2 || ns == 1000 * c + 7);
			total += (int64_t)(1000 * c + 7);
		}
		assert_int_equal(x.trace.exact.cycles, looked);
		assert_int_equal(x.trace.exact.total_ns, total);
		told_fini(&x);
	}
}

static void test_many_between(void **state)
{
	struct told x;
	(void)state;
	told_init(&x);
	assert_int_equal(look(&x, 10, end_of(10)), GUARD_FITS);
	assert_int_equal(look(&x, 1000, end_of(1000)), GUARD_FITS);
	guard_trace_due(&x.trace, INT64_MAX);
	take(&x);
	assert_int_equal(x.trace.exact.unseen, 1000 - 10 - 256);
	/* Of the first ten those whose places were taken again before their time had come are gone. */
	assert_int_equal(starts_of(&x, 744), 0);
	assert_int_equal(starts_of(&x, 745), 1);
	assert_int_equal(starts_of(&x, 1000), 1);
	told_fini(&x);
}

/* In the run, and not before or after it. */
static void test_run_only(void **state)
{
	struct told x;
	(void)state;
	told_init(&x);
	x.trace.from_ns = end_of(3);
	x.trace.to_ns = end_of(5);
	line(&x, 2, end_of(2));
	line(&x, 4, end_of(4));
	look(&x, 8, end_of(8));
	guard_trace_due(&x.trace, INT64_MAX);
	assert_int_equal(x.trace.exact.cycles, 3);
	assert_int_equal(x.trace.exact.total_ns, 12021);
	assert_int_equal(x.trace.exact.by_line, 1);
	assert_int_equal(x.trace.exact.by_vars, 2);
	told_fini(&x);
}

/* A program that says no line: its share of the processors is MemStats'; the next one goes on counting. */
static void test_silent(void **state)
{
	struct told x;
	(void)state;
	told_init(&x);
	look(&x, 100, BEGUN + S);
	assert_int_equal(atomic_load(&x.t->gauges.gc_cpu_ns), 0); /* lines may come yet */
	guard_trace_due(&x.trace, BEGUN + S + TRACE_LINE_WAIT_NS);
	look(&x, 200, BEGUN + 2 * S);
	assert_int_equal(atomic_load(&x.t->gauges.cpu_ns_available), 8 * S);
	assert_in_range(atomic_load(&x.t->gauges.gc_cpu_ns), 160 * MS - 10, 160 * MS + 10);
	guard_trace_begin(&x.trace, BEGUN + 3 * S);
	line(&x, 1, BEGUN + 3 * S + 100 * MS);
	take(&x);
	assert_int_equal(starts_of(&x, 201), 1);
	assert_in_range(atomic_load(&x.t->gauges.gc_cpu_ns), 167500000 - 10, 167500000 + 10);
	assert_int_equal(atomic_load(&x.t->gauges.cpu_ns_available), 12 * S + 400 * MS);
	told_fini(&x);
}

static void test_others_answer(void **state)
{
	struct told x;
	(void)state;
	told_init(&x);
	/* It collected before our program was there. */
	x.trace.begun_ns = end_of(2) + 2 * S;
	assert_int_equal(look(&x, 2, end_of(2) + 3 * S), GUARD_OLDER);
	assert_int_equal(atomic_load(&x.t->gauges.heap_live), 0);
	x.trace.begun_ns = BEGUN;
	assert_int_equal(look(&x, 50, end_of(50)), GUARD_FITS);
	assert_int_equal(look(&x, 20, end_of(60)), GUARD_SEVERAL);
	assert_int_equal(look(&x, 60, end_of(60)), GUARD_SEVERAL);
	assert_int_equal(atomic_load(&x.t->gauges.heap_live), 77 << 20);
	guard_trace_due(&x.trace, INT64_MAX);
	take(&x);
	assert_int_equal(x.trace.exact.cycles, 50);
	assert_int_equal(starts_of(&x, 55), 0);
	guard_trace_begin(&x.trace, BEGUN + 10 * S); /* a new program: trusted anew */
	assert_int_equal(look(&x, 0, BEGUN + 11 * S), GUARD_FITS);
	told_fini(&x);
}

/* ---- waiting before a restart; the moment of the steady state */

static void test_backoff(void **state)
{
	static const int64_t want_ms[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	uint32_t row = 0;
	(void)state;
	for (size_t i = 0; i < sizeof want_ms / sizeof want_ms[0]; i++)
		assert_int_equal(guard_backoff_ns(&row, 100 * MS), want_ms[i] * MS);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(guard_backoff_ns(&row, 100 * MS), 5 * S);
	assert_int_equal(guard_backoff_ns(&row, 10 * S), 0); /* it had been well */
	assert_int_equal(guard_backoff_ns(&row, 9 * S), 100 * MS);
}

static void test_steady(void **state)
{
	struct plan *p = calloc(1, sizeof *p);
	struct plan_window late[] = {{.start_ns = 9 * S, .end_ns = 10 * S}, {.start_ns = 5 * S, .end_ns = 6 * S}};
	(void)state;
	p->end_ns = 20 * S;
	assert_int_equal(guard_play_steady_ns(p), 10 * S);
	p->nfaults = 2;
	p->fault[1].window = late;
	p->fault[1].nwindows = 2;
	assert_int_equal(guard_play_steady_ns(p), 4 * S);
	late[0].start_ns = S;
	assert_int_equal(guard_play_steady_ns(p), S / 2);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	     cmocka_unit_test(test_parse_others),
		cmocka_unit_test(test_parse_bent),   cmocka_unit_test(test_line_first),
		cmocka_unit_test(test_look_first),   cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_many_between), cmocka_unit_test(test_run_only),
		cmocka_unit_test(test_silent),	     cmocka_unit_test(test_others_answer),
		cmocka_unit_test(test_backoff),	     cmocka_unit_test(test_steady),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
