/*
 * test_gctrace_reader.c: a stream of lines as it comes: wrapped at every byte, quoted, torn, with other
 * lines between; where each find was, and what is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "harness/import/gctrace_log.h"
#include "tests/fuzz/gctrace_render.h"

#define FINDS 32

struct found {
	unsigned n;
	int fail_at; /* the find whose call fails; -1: none */
	struct {
		enum gcs_gctrace_kind kind;
		enum gcs_gctrace_reason reason;
		uint64_t first_line, last_line, offset;
		char text[1024], rendered[1024];
	} find[FINDS];
	struct gcs_gctrace_counts count;
};

static int take(void *arg, const struct gcs_gctrace_find *f)
{
	struct found *to = arg;
	static struct render r;
	if ((int)to->n == to->fail_at)
		return -42;
	assert_true(to->n < FINDS && f->bytes < sizeof to->find[0].text);
	render_line(&r, f->text, &f->line);
	to->find[to->n].kind = f->line.kind;
	to->find[to->n].reason = f->line.reason;
	to->find[to->n].first_line = f->first_line;
	to->find[to->n].last_line = f->last_line;
	to->find[to->n].offset = f->offset;
	snprintf(to->find[to->n].text, sizeof to->find[0].text, "%.*s", (int)f->bytes, f->text);
	snprintf(to->find[to->n].rendered, sizeof to->find[0].rendered, "%.*s", (int)r.n, r.text);
	to->n++;
	return 0;
}

static void read_text(struct found *ret, const char *text)
{
	static struct gcs_gctrace_reader r;
	memset(ret, 0, sizeof *ret);
	ret->fail_at = -1;
	gcs_gctrace_reader_init(&r, take, ret);
	assert_int_equal(gcs_gctrace_reader_feed(&r, text, strlen(text)), 0);
	assert_int_equal(gcs_gctrace_reader_finish(&r), 0);
	ret->count = r.count;
	gcs_gctrace_reader_fini(&r);
}

#define CYCLE(n)                                                                                   \
	"gc " n " @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB "  \
	"goal, 12 P"
#define OLD                                                                                        \
	"gc79(4): 8+9+1060+6 us, 2 -> 4 MB, 77327 (431-280) objects, 33 goroutines, 779/676/2 "    \
	"sweeps, 17(1319) handoff, 6(35) steal, 69/1/3 yields"

static const char *const forms[] = {
	CYCLE("4"),
	"gc #88 @3.243s 9%: 0.040+16+1.0+5.9+0.34 ms clock, 0.16+16+2+18/5.7/11+1.3 ms cpu, "
	"32->33->19 MB, 4 P",
	OLD,
	"gc9(6): 95+1+0 ms, 181 -> 180 MB 18 -> 17 (190-13) objects, 26020(15) handoff, 32(15) steal, "
	"103738/20211/1902 yields",
	"scvg7: inuse: 5, idle: 4, sys: 9, released: 1, consumed: 8 (MB)",
	"scvg7: 23 MB released",
	"scav 8 KiB work (bg), 16 KiB work (eager), 31 KiB now, 87% util",
	"SCHED 9ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=2 idlethreads=3 runqueue=6 "
	"[ 4 5 ]",
	"pacer: assist ratio=+5.573086e-003 (scan 52 MB in 9556->19028 MB) workers=2++2.500000e-001",
	"pacer: H_m_prev=30488736 h_t=+2.334071e-001 H_T=37605024 h_a=+1.409842e+000 H_a=73473040 "
	"h_g=+1.000000e+000 H_g=60977472 u_a=+2.500000e-001 u_g=+3.000000e-001 W_a=308200 "
	"goalΔ=+7.665929e-001 actualΔ=-1.176435e+000 u_a/u_g=+1.500000e+000",
	"scan: total 5+3+2=10 objs, 2+1=3 spans",
};
#define FORMS (sizeof forms / sizeof forms[0])

/* Wrapped after n bytes: the same values, in one find. The blank is the newline's, or the newline is
 * inside a word. False: what is before it does not tell what it is. */
static bool wrapped_at(const char *before, const char *form, size_t n, const struct found *whole)
{
	static struct found wrapped;
	char text[1024];
	struct gcs_gctrace_line l;
	int first = snprintf(text, sizeof text, "%s%.*s", before, (int)n, form);
	if (gcs_gctrace_parse(text, (size_t)first, &l) != GCS_GCTRACE_BROKEN)
		return false;
	snprintf(text + first, sizeof text - (size_t)first, "\n%s\nend", form + n + (form[n] == ' '));
	read_text(&wrapped, text);
	assert_int_equal(wrapped.n, 2);
	assert_int_equal(wrapped.find[0].kind, whole->find[0].kind);
	assert_string_equal(wrapped.find[0].rendered, whole->find[0].rendered);
	assert_int_equal(wrapped.find[0].first_line, 1);
	assert_int_equal(wrapped.find[0].last_line, 2);
	assert_int_equal(wrapped.find[1].kind, GCS_GCTRACE_OTHER);
	assert_int_equal(wrapped.find[1].first_line, 3);
	assert_int_equal(wrapped.count.wrapped, 1);
	assert_int_equal(wrapped.count.wrapped_lines, 2);
	assert_int_equal(wrapped.count.kind[GCS_GCTRACE_BROKEN], 0);
	return true;
}

static void test_wrapped_everywhere(void **state)
{
	static struct found whole;
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		unsigned joined = 0, prefixed = 0;
		read_text(&whole, forms[i]);
		for (size_t n = 1; n < strlen(forms[i]); n++) {
			joined += wrapped_at("", forms[i], n, &whole);
			prefixed += wrapped_at("12:00:00 ", forms[i], n, &whole);
		}
		/* Its first word tells, or the two that the pacer's begin with. */
		assert_true(joined > 0 && joined + 24 > strlen(forms[i]));
		assert_true(prefixed > 0 && prefixed + 24 > strlen(forms[i]));
	}
}

/* In three lines, quoted as mailers do, with what follows on the last. */
static void test_wrapped_quoted(void **state)
{
	static struct found f;
	(void)state;
	read_text(&f, "hello\n> gc79(4): 8+9+1060+6 us, 2 -> 4 MB, 77327 (431-280)\n"
		      ">   objects, 33 goroutines, 779/676/2 sweeps, 17(1319) handoff, 6(35)\r\n"
		      "steal, 69/1/3 yields" CYCLE("5") "\n" CYCLE("6"));
	assert_int_equal(f.n, 4);
	assert_string_equal(f.find[1].text, OLD);
	assert_int_equal(f.find[1].kind, GCS_GCTRACE_OLD);
	assert_int_equal(f.find[1].first_line, 2);
	assert_int_equal(f.find[1].last_line, 4);
	assert_int_equal(f.find[1].offset, 6);
	assert_string_equal(f.find[2].text, CYCLE("5"));
	assert_int_equal(f.find[2].first_line, 4);
	assert_string_equal(f.find[3].text, CYCLE("6"));
	assert_int_equal(f.find[3].first_line, 5);
	assert_int_equal(f.count.wrapped_lines, 3);
	assert_int_equal(f.count.reason[GCS_GCTRACE_TOO_OLD].first_line, 2);
}

/* Not joined: another line between, an empty one, one that begins by itself, too long a way. */
static void test_not_joined(void **state)
{
	static const struct {
		const char *text;
		unsigned finds, broken;
	} v[] = {
		{"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\nhello\n0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, "
		 "11 MB goal, 12 P",
		 3, 2},
		{"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\n\n0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 "
		 "MB goal, 12 P",
		 3, 2},
		{"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\n" CYCLE("5"), 2, 1},
		{"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\ngc 5 @2.6s 1%: 0.1+2+0.3 ms clock,\n", 2, 2},
		{"scvg1:\nGC forced", 2, 1}, /* of today, and not the rest of that */
		/* The one is torn, the other's end is not its end. */
		{"gc 4 @2.5s 1%: 0.1+2+0.3 ms clock, 0.4+0\n0.1+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms "
		 "cpu, 9->10->5 MB, 11 MB goal, 12 P",
		 2, 2},
		{"gc 4 @2.5s 1%: 0.1+2/\n+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB "
		 "goal, 12 P",
		 2, 2},
	};
	static struct found f;
	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		read_text(&f, v[i].text);
		assert_int_equal(f.n, v[i].finds);
		assert_int_equal(f.count.kind[GCS_GCTRACE_BROKEN], v[i].broken);
		assert_int_equal(f.count.wrapped, 0);
	}
}

/* What seemed to go on, and came to nothing: each line for itself, in order. */
static void test_went_on_in_vain(void **state)
{
	static struct found f;
	(void)state;
	read_text(&f, "gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\n0.4+0.5/0.6/0.7+0.8 ms cpu,\n9->10->5\n"
		      "bang " CYCLE("5"));
	assert_int_equal(f.n, 4);
	assert_int_equal(f.find[0].kind, GCS_GCTRACE_BROKEN);
	assert_int_equal(f.find[0].reason, GCS_GCTRACE_CUT);
	assert_string_equal(f.find[0].text, "gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,");
	assert_int_equal(f.find[1].reason, GCS_GCTRACE_REST);
	assert_int_equal(f.find[1].first_line, 2);
	assert_int_equal(f.find[1].offset, 35);
	assert_string_equal(f.find[1].text, "0.4+0.5/0.6/0.7+0.8 ms cpu,");
	assert_int_equal(f.find[2].kind, GCS_GCTRACE_OTHER);
	assert_int_equal(f.find[2].first_line, 3);
	assert_int_equal(f.find[3].kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(f.find[3].first_line, 4);
	assert_int_equal(f.count.kind[GCS_GCTRACE_BROKEN], 2);
	/* The same at the end. */
	read_text(&f, "gc 4 @2.5s 1%: 0.1+2+0.3 ms clock,\n0.4+0.5/0.6");
	assert_int_equal(f.n, 2);
	assert_int_equal(f.find[1].kind, GCS_GCTRACE_OTHER);
}

/* A reason of a goroutine is words, and not the lines that follow. */
static void test_words_end(void **state)
{
	static struct found f;
	char text[256];
	(void)state;
	read_text(&f, "  G18: status=4(chan\nreceive) m=nil lockedm=nil\n");
	assert_int_equal(f.count.wrapped, 1);
	for (int i = 64; i <= 65; i++) {
		snprintf(text, sizeof text, "G18: status=4(%.*s) m=nil lockedm=nil", i,
			 "0123456789012345678901234567890123456789012345678901234567890123456789");
		read_text(&f, text);
		assert_int_equal(f.find[0].kind, i == 64 ? GCS_GCTRACE_SCHED : GCS_GCTRACE_BROKEN);
	}
}

/* So many lines may one be wrapped over, and no more. */
static void test_most_lines(void **state)
{
	static const char head[] = "SCHED 9ms: gomaxprocs=2 idleprocs=1 threads=5 idlethreads=3 "
				   "runqueue=6 [1";
	static struct found f;
	(void)state;
	for (unsigned more = GCS_GCTRACE_WRAP_LINES_MAX; more <= GCS_GCTRACE_WRAP_LINES_MAX + 2; more++) {
		char text[1024];
		int n = snprintf(text, sizeof text, "%s", head);
		for (unsigned i = 1; i < more; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "\n%u", i);
		snprintf(text + n, sizeof text - (size_t)n, "\n7]\n");
		read_text(&f, text);
		bool fits = more <= GCS_GCTRACE_WRAP_LINES_MAX + 1;
		assert_int_equal(f.count.wrapped, fits);
		assert_int_equal(f.n, fits ? 1 : more + 1);
		assert_int_equal(f.count.lines, more + 1);
	}
}

/* Several on a line, and a torn one before a whole: all are told. */
static void test_glued(void **state)
{
	static struct found f;
	(void)state;
	read_text(&f, "scvg: 8 KB released" CYCLE("5") "GC 9\n"
		      "gc 6 @2.4s 1%: 0.1+2" CYCLE("7") " scvg7: 23 MB released gc 8 @2.6s 1%: 0.1\n"
		      "+2+0.3 ms clock, 0.4+0.5/0.6/0.7+0.8 ms cpu, 9->10->5 MB, 11 MB goal, 12 P\n");
	assert_int_equal(f.n, 5);
	assert_int_equal(f.find[0].kind, GCS_GCTRACE_SCAV);
	assert_int_equal(f.find[1].kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(f.find[2].kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(f.find[2].reason, GCS_GCTRACE_INTERRUPTED);
	assert_int_equal(f.find[3].kind, GCS_GCTRACE_SCAV);
	assert_int_equal(f.find[4].kind, GCS_GCTRACE_CYCLE);
	assert_int_equal(f.find[4].last_line, 3);
	assert_int_equal(f.count.kind[GCS_GCTRACE_BROKEN], 1);
	assert_int_equal(f.count.kind[GCS_GCTRACE_OTHER], 0);
	assert_int_equal(f.count.kind[GCS_GCTRACE_CYCLE], 3);
}

/* A call that fails ends the feeding, with its error. */
static void test_call_fails(void **state)
{
	static struct gcs_gctrace_reader r;
	static struct found f;
	static const char text[] = CYCLE("1") "\n" CYCLE("2") "\n" CYCLE("3") "\n";
	(void)state;
	memset(&f, 0, sizeof f);
	f.fail_at = 1;
	gcs_gctrace_reader_init(&r, take, &f);
	assert_int_equal(gcs_gctrace_reader_feed(&r, text, sizeof text - 1), -42);
	assert_int_equal(f.n, 1);
	gcs_gctrace_reader_fini(&r);
}

/* In a log: `(forced)` alone on the next line belongs to the cycle, later it does not. */
static void test_forced_wrapped(void **state)
{
	static struct gcs_gctrace_log log;
	static const char text[] = CYCLE("4") "\n  (forced) \n" CYCLE("5") "\nx\n(forced)\n" CYCLE(
		"6") "\n(farced)\n";
	(void)state;
	gcs_gctrace_log_init(&log);
	assert_int_equal(gcs_gctrace_log_feed(&log, text, sizeof text - 1), 0);
	assert_int_equal(gcs_gctrace_log_finish(&log), 0);
	assert_int_equal(log.n, 3);
	assert_false(log.entry[2].cycle.forced);
	assert_true(log.entry[0].cycle.forced);
	assert_false(log.entry[1].cycle.forced);
	assert_string_equal(log.text + log.entry[0].text, CYCLE("4") " (forced)");
	assert_string_equal(log.text + log.entry[1].text, CYCLE("5"));
	gcs_gctrace_log_fini(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrapped_everywhere), cmocka_unit_test(test_wrapped_quoted),
		cmocka_unit_test(test_not_joined),	   cmocka_unit_test(test_went_on_in_vain),
		cmocka_unit_test(test_words_end),	   cmocka_unit_test(test_most_lines),	   cmocka_unit_test(test_glued),
		cmocka_unit_test(test_call_fails),	   cmocka_unit_test(test_forced_wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
