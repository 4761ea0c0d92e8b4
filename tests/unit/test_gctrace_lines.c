/*
 * test_gctrace_lines.c: the lines of the Go runtime that are no cycles of today: every field of
 * every form (the scheduler's: test_gctrace_sched.c), every form cut and interrupted at every byte,
 * and values that are rendered and read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fuzz/gctrace_render.h"
#include "tests/unit/test_draw.h"
#include "tests/unit/test_gctrace_line.h"

/* ---- Go 1.0 to 1.4 */

#define GO_1_0                                                                                     \
	"gc7(2): 12+1+3 ms, 9 -> 8 MB 152494 -> 5295 (355981-350686) objects, 4(36) handoff, "     \
	"20/17/5 yields"
#define GO_1_1                                                                                     \
	"gc9(6): 95+1+0 ms, 181 -> 180 MB 1829916 -> 1769962 (1905130-135168) objects, "           \
	"26020(1566302) handoff, 32(1595) steal, 103738/20211/1902 yields"
#define GO_1_3_BEFORE                                                                              \
	"gc59(8): 564+287+183 ms, 458 -> 262 MB, 7 (9-2) objects, 71/60/11 sweeps, 1(2) handoff, " \
	"3(4) steal, 5/6/7 yields"
#define GO_1_3                                                                                     \
	"gc3(1): 2+4+135+8 us, 1 -> 3 MB, 33 (41-8) objects, 19/12/1 sweeps, 1(2) handoff, 3(4) "  \
	"steal, 5/6/7 yields"
#define GO_1_4                                                                                     \
	"gc7993(4): 8+9+1060+6 us, 2 -> 4 MB, 77327 (431357683-431280356) objects, 33 "            \
	"goroutines, 779/676/2 sweeps, 17(1319) handoff, 6(35) steal, 69/1/3 yields"

static void test_go_1_0(void **state)
{
	(void)state;
	struct gcs_gctrace_old g = parsed(GO_1_0, GCS_GCTRACE_OLD).old;
	assert_int_equal(g.number, 7);
	assert_int_equal(g.markers, 2);
	assert_int_equal(g.parts, 3);
	assert_int_equal(g.part_ns[0], 12000000);
	assert_int_equal(g.part_ns[1], 1000000);
	assert_int_equal(g.part_ns[2], 3000000);
	assert_int_equal(g.pause_ns, 16000000);
	assert_true(g.swept);
	assert_int_equal(g.heap_first_mib, 9);
	assert_int_equal(g.heap_second_mib, 8);
	assert_int_equal(g.objects_first, 152494);
	assert_int_equal(g.objects, 5295);
	assert_int_equal(g.allocated, 355981);
	assert_int_equal(g.freed, 350686);
	assert_false(g.has_steals || g.has_sweeps || g.has_goroutines);
	assert_int_equal(g.handoffs, 4);
	assert_int_equal(g.handoff_objects, 36);
	assert_int_equal(g.yields_spin, 20);
	assert_int_equal(g.yields_os, 17);
	assert_int_equal(g.sleeps, 5);
}

static void test_go_1_1(void **state)
{
	(void)state;
	struct gcs_gctrace_old g = parsed(GO_1_1, GCS_GCTRACE_OLD).old;
	assert_true(g.swept && g.has_steals);
	assert_int_equal(g.handoffs, 26020);
	assert_int_equal(g.steals, 32);
	assert_int_equal(g.steal_objects, 1595);
	assert_int_equal(g.yields_spin, 103738);
	g = parsed(GO_1_3_BEFORE, GCS_GCTRACE_OLD).old;
	assert_true(!g.swept && g.has_sweeps && !g.has_goroutines);
	assert_int_equal(g.parts, 3);
	assert_int_equal(g.pause_ns, 1034000000);
	assert_int_equal(g.objects, 7);
	assert_int_equal(g.objects_first, 0);
	assert_int_equal(g.spans, 71);
}

static void test_go_1_4(void **state)
{
	(void)state;
	struct gcs_gctrace_old g = parsed(GO_1_4, GCS_GCTRACE_OLD).old;
	assert_int_equal(g.parts, 4);
	assert_int_equal(g.part_ns[2], 1060000);
	assert_int_equal(g.pause_ns, 1083000);
	assert_false(g.swept);
	assert_int_equal(g.heap_first_mib, 2);
	assert_int_equal(g.heap_second_mib, 4);
	assert_int_equal(g.objects, 77327);
	assert_true(g.has_goroutines && g.has_sweeps && g.has_steals);
	assert_int_equal(g.goroutines, 33);
	assert_int_equal(g.spans, 779);
	assert_int_equal(g.swept_background, 676);
	assert_int_equal(g.swept_paused, 2);
	assert_int_equal(g.sleeps, 3);
	g = parsed(GO_1_3, GCS_GCTRACE_OLD).old;
	assert_false(g.has_goroutines);
	assert_int_equal(g.part_ns[3], 8000);
	g = parsed("{\"log\":\"gc1(1): 1+2+3+4 us, 5 -\\u003e 6 MB, 7 (8-1) objects, 0/0/0 sweeps, 0(0) "
		   "handoff, 0(0) steal, 0/0/0 yields\\n\"}",
		   GCS_GCTRACE_OLD)
		    .old;
	assert_int_equal(g.heap_second_mib, 6);
}

/* ---- the scavenger */

static void test_scvg(void **state)
{
	(void)state;
	struct gcs_scav_line s =
		parsed("scvg7: inuse: 5236, idle: 425, sys: 5662, released: 418, consumed: 5244 (MB)",
		       GCS_GCTRACE_SCAV)
			.scav;
	assert_int_equal(s.form, GCS_SCAV_SUMMARY);
	assert_true(s.has_number);
	assert_int_equal(s.number, 7);
	assert_int_equal(s.inuse_mib, 5236);
	assert_int_equal(s.idle_mib, 425);
	assert_int_equal(s.sys_mib, 5662);
	assert_int_equal(s.released_mib, 418);
	assert_int_equal(s.consumed_mib, 5244);
	/* Go's own sum below 0. */
	s = parsed("scvg0: inuse: 17592186044400, idle: 15, sys: 1, released: 0, consumed: 1 (MB)",
		   GCS_GCTRACE_SCAV)
		    .scav;
	assert_int_equal(s.inuse_mib, 17592186044400);
	s = parsed("12:00 scvg-1: 12 MB released", GCS_GCTRACE_SCAV).scav;
	assert_int_equal(s.form, GCS_SCAV_RELEASED);
	assert_int_equal(s.number, -1);
	assert_int_equal(s.work_kib, 12288);
	s = parsed("scvg4: 0x4a MB released", GCS_GCTRACE_SCAV).scav;
	assert_int_equal(s.work_kib, 74 * 1024);
	s = parsed("scvg: 8 KB released", GCS_GCTRACE_SCAV).scav;
	assert_int_equal(s.work_kib, 8);
	assert_false(s.has_number);
	s = parsed("scvg1: GC forced", GCS_GCTRACE_SCAV).scav;
	assert_int_equal(s.form, GCS_SCAV_FORCED);
}

static void test_scav(void **state)
{
	(void)state;
	struct gcs_scav_line s =
		parsed("scav 4 2560 KiB work, 3064 KiB total, 79% util", GCS_GCTRACE_SCAV).scav;
	assert_int_equal(s.form, GCS_SCAV_WORK);
	assert_true(s.has_number && !s.split && !s.forced && !s.reset);
	assert_int_equal(s.number, 4);
	assert_int_equal(s.work_kib, 2560);
	assert_int_equal(s.released_kib, 3064);
	assert_int_equal(s.util_percent, 79);
	s = parsed("scav 2560 KiB work, 3064 KiB total, 79% util (forced)", GCS_GCTRACE_SCAV).scav;
	assert_true(!s.has_number && s.forced);
	assert_int_equal(s.work_kib, 2560);
	s = parsed("scav 8 KiB work (bg), 16 KiB work (eager), 3128 KiB now, 87% util [controller reset]",
		   GCS_GCTRACE_SCAV)
		    .scav;
	assert_true(s.split && s.reset);
	assert_int_equal(s.work_kib, 8);
	assert_int_equal(s.eager_kib, 16);
	assert_int_equal(s.released_kib, 3128);
}

/* ---- the pacer */

#define OLD_END                                                                                    \
	"pacer: H_m_prev=30488736 h_t=+2.334071e-001 H_T=37605024 h_a=+1.409842e+000 "             \
	"H_a=73473040 h_g=+1.000000e+000 H_g=60977472 u_a=+2.500000e-001 u_g=+3.000000e-001 "      \
	"W_a=308200 goalΔ=+7.665929e-001 actualΔ=-1.176435e+000 u_a/u_g=+1.500000e+000"

static void test_pacer(void **state)
{
	(void)state;
	struct gcs_pacer_line p =
		parsed("2016/07/04 12:00:55 pacer: assist ratio=+5.573086e-003 (scan 52 MB in "
		       "9556->19028 MB) workers=2+0",
		       GCS_GCTRACE_PACER)
			.pacer;
	assert_int_equal(p.form, GCS_PACER_START);
	assert_true(p.assist_ratio == 5.573086e-003);
	assert_int_equal(p.scan_mib, 52);
	assert_int_equal(p.heap_mib, 9556);
	assert_int_equal(p.goal_mib, 19028);
	assert_int_equal(p.dedicated, 2);
	assert_true(p.whole_fraction && p.fractional == 0);
	p = parsed("pacer: assist ratio=+1.232155e+000 (scan 1 MB in 70->71 MB) workers=0+1",
		   GCS_GCTRACE_PACER)
		    .pacer;
	assert_true(p.whole_fraction && p.fractional == 1);
	p = parsed("pacer: assist ratio=+1.232155e+000 (scan 1 MB in 70-\\u003e71 MB) "
		   "workers=0++2.500000e-001",
		   GCS_GCTRACE_PACER)
		    .pacer;
	assert_true(!p.whole_fraction && p.fractional == 0.25);
	assert_int_equal(p.goal_mib, 71);
	p = parsed("pacer: sweep done at heap size 29MB; allocated 3MB of spans; swept 3752 pages at "
		   "+6.183550e-004 pages/byte",
		   GCS_GCTRACE_PACER)
		    .pacer;
	assert_int_equal(p.form, GCS_PACER_SWEEP);
	assert_int_equal(p.swept_heap_mib, 29);
	assert_int_equal(p.swept_allocated_mib, 3);
	assert_int_equal(p.swept_pages, 3752);
	assert_true(p.has_rate && p.pages_per_byte == 6.183550e-004);
	p = parsed("pacer: sweep done at heap size 29MB; allocated 3MB of spans; swept 3752 pages",
		   GCS_GCTRACE_PACER)
		    .pacer;
	assert_false(p.has_rate);
}

static void test_pacer_end(void **state)
{
	(void)state;
	struct gcs_pacer_line p =
		parsed("pacer: 26% CPU (25 exp.) for 123+4+5 B work (130 B exp.) in 4194304 B -> "
		       "5000000 B (∆goal -9, cons/mark +1.500000e+000)[controller reset]",
		       GCS_GCTRACE_PACER)
			.pacer;
	assert_int_equal(p.form, GCS_PACER_END);
	assert_int_equal(p.cpu_percent, 26);
	assert_int_equal(p.cpu_goal_percent, 25);
	assert_int_equal(p.work_heap_bytes, 123);
	assert_int_equal(p.work_stack_bytes, 4);
	assert_int_equal(p.work_globals_bytes, 5);
	assert_int_equal(p.work_expected_bytes, 130);
	assert_int_equal(p.trigger_bytes, 4194304);
	assert_int_equal(p.heap_bytes, 5000000);
	assert_int_equal(p.over_goal_bytes, -9);
	assert_true(p.cons_mark == 1.5 && p.reset);
	p = parsed(OLD_END, GCS_GCTRACE_PACER).pacer;
	assert_int_equal(p.form, GCS_PACER_OLD_END);
	assert_int_equal(p.h_m_prev, 30488736);
	assert_int_equal(p.h_trigger, 37605024);
	assert_int_equal(p.h_actual, 73473040);
	assert_int_equal(p.h_goal, 60977472);
	assert_true(p.growth_trigger == 2.334071e-001 && p.growth_actual == 1.409842 &&
		    p.growth_goal == 1);
	assert_true(p.util_actual == 0.25 && p.util_goal == 0.3 && p.util_ratio == 1.5);
	assert_int_equal(p.work_actual, 308200);
	assert_true(p.goal_delta == 7.665929e-001 && p.actual_delta == -1.176435);
}

/* Every double of seven digits that Go prints is read as the nearest, as strtod reads it. */
static void test_floats(void **state)
{
	(void)state;
	draw_state = 0x5eed;
	for (int i = 0; i < 20000; i++) {
		char text[128], number[32];
		int exponent = (int)draw(39) - 16; /* powers of ten that are exact */
		snprintf(number, sizeof number, "%c%u.%06ue%c%03d", draw(2) ? '+' : '-',
			 1 + (unsigned)draw(9), (unsigned)draw(1000000), exponent < 0 ? '-' : '+',
			 abs(exponent));
		snprintf(text, sizeof text, "pacer: assist ratio=%s (scan 1 MB in 1->1 MB) workers=0+1",
			 number);
		assert_true(parsed(text, GCS_GCTRACE_PACER).pacer.assist_ratio ==
			    strtod(number, NULL));
	}
	double v = parsed("pacer: assist ratio=+Inf (scan 1 MB in 1->1 MB) workers=0+NaN",
			  GCS_GCTRACE_PACER)
			   .pacer.fractional;
	assert_true(isnan(v));
}

/* ---- the rest */

static void test_scan(void **state)
{
	(void)state;
	struct gcs_scan_line s =
		parsed("scan: total 5+3+2=10 objs, 2+1=3 spans", GCS_GCTRACE_SCAN).scan;
	assert_true(s.total && s.spans);
	assert_int_equal(s.objects_alone, 5);
	assert_int_equal(s.objects_sparse, 3);
	assert_int_equal(s.objects_dense, 2);
	assert_int_equal(s.spans_sparse, 2);
	assert_int_equal(s.spans_dense, 1);
	s = parsed("scan: class 64B 5 objs", GCS_GCTRACE_SCAN).scan;
	assert_true(!s.total && !s.spans);
	assert_int_equal(s.class_bytes, 64);
	s = parsed("scan: class L 7 objs", GCS_GCTRACE_SCAN).scan;
	assert_int_equal(s.class_bytes, 0);
	assert_int_equal(s.objects_alone, 7);
	static const char *const wrong[] = {"scan: total 5+3+2=11 objs, 2+1=3 spans",
					    "scan: total 5+3+2=10 objs, 2+1=4 spans"};
	for (size_t i = 0; i < 2; i++) {
		struct gcs_gctrace_line l;
		gcs_gctrace_parse(wrong[i], strlen(wrong[i]), &l);
		assert_int_equal(l.kind, GCS_GCTRACE_BROKEN);
		assert_int_equal(l.reason, GCS_GCTRACE_RANGE);
		assert_int_equal(l.meant, GCS_GCTRACE_SCAN);
	}
}

static void test_forced(void **state)
{
	static const char *const v[] = {"GC forced", "GC forced\r\n", "2016/07/03 12:01:35 GC forced",
					"{\"log\":\"GC forced\\n\",\"stream\":\"stderr\"}",
					"level=info msg=\"GC forced\""};
	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct gcs_gctrace_line l = parsed(v[i], GCS_GCTRACE_FORCED);
		assert_memory_equal(v[i] + l.from, "GC forced", l.to - l.from);
		assert_int_equal(l.to - l.from, 9);
	}
}

/* ---- every form, cut and interrupted at every byte */

static const struct {
	enum gcs_gctrace_kind kind;
	const char *text;
	size_t shorter; /* where a shorter form is whole too */
} forms[] = {
	{GCS_GCTRACE_OLD, GO_1_0, 0},
	{GCS_GCTRACE_OLD, GO_1_1, 0},
	{GCS_GCTRACE_OLD, GO_1_3_BEFORE, 0},
	{GCS_GCTRACE_OLD, GO_1_3, 0},
	{GCS_GCTRACE_OLD, GO_1_4, 0},
	{GCS_GCTRACE_SCAV, "scvg7: inuse: 5, idle: 4, sys: 9, released: 1, consumed: 8 (MB)", 0},
	{GCS_GCTRACE_SCAV, "scvg7: 23 MB released", 0},
	{GCS_GCTRACE_SCAV, "scvg: 23 KB released", 0},
	{GCS_GCTRACE_SCAV, "scvg1: GC forced", 0},
	{GCS_GCTRACE_SCAV, "scav 4 2560 KiB work, 3064 KiB total, 79% util", 0},
	{GCS_GCTRACE_SCAV, "scav 8 KiB work (bg), 16 KiB work (eager), 31 KiB now, 87% util", 0},
	{GCS_GCTRACE_SCHED,
	 "SCHED 9ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=2 idlethreads=3 runqueue=6 "
	 "[4 5]",
	 0},
	{GCS_GCTRACE_SCHED,
	 "SCHED 9ms: gomaxprocs=1 idleprocs=1 threads=5 spinningthreads=2 needspinning=1 "
	 "idlethreads=3 runqueue=6 [ 4 ] schedticks=[ 7 ]",
	 105},
	{GCS_GCTRACE_PACER, OLD_END, 0},
	{GCS_GCTRACE_PACER,
	 "pacer: assist ratio=+5.573086e-003 (scan 52 MB in 9556->19028 MB) workers=2++2.500000e-001",
	 0},
	{GCS_GCTRACE_PACER,
	 "pacer: 26% CPU (25 exp.) for 123+4+5 B work (130 B exp.) in 41 B -> 50 B (∆goal -9, "
	 "cons/mark +1.500000e+000)",
	 0},
	{GCS_GCTRACE_SCAN, "scan: total 5+3+2=10 objs, 2+1=3 spans", 0},
	{GCS_GCTRACE_SCAN, "scan: class 64B 5 objs", 0},
};
#define FORMS (sizeof forms / sizeof forms[0])

static void test_cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		size_t bytes = strlen(forms[i].text), known = 0;
		for (size_t n = 0; n < bytes; n++) {
			struct gcs_gctrace_line l;
			gcs_gctrace_parse(forms[i].text, n, &l);
			if (forms[i].shorter && l.kind == forms[i].kind) {
				assert_true(n >= forms[i].shorter);
				continue;
			}
			known += l.kind == GCS_GCTRACE_BROKEN;
			/* Once it is known what it is, it stays so, and it is cut. */
			assert_true(l.kind == GCS_GCTRACE_BROKEN || (l.kind == GCS_GCTRACE_OTHER && !known));
			if (l.kind == GCS_GCTRACE_BROKEN) {
				assert_int_equal(l.reason, GCS_GCTRACE_CUT);
				assert_int_equal(l.meant, forms[i].kind);
				assert_int_equal(l.from, 0);
			}
		}
		assert_true(known + 16 > bytes - (forms[i].shorter ? bytes - forms[i].shorter : 0));
	}
}

/* Something else at every byte: never one of other values; and what stands before its end only. */
static void test_interrupted_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		for (size_t n = 1; n < strlen(forms[i].text); n++) {
			char text[512];
			struct gcs_gctrace_line l;
			snprintf(text, sizeof text, "%.*s<hello>%s", (int)n, forms[i].text,
				 forms[i].text + n);
			gcs_gctrace_parse(text, strlen(text), &l);
			if (forms[i].shorter && n >= forms[i].shorter)
				continue;
			if (strcmp(forms[i].text, "scvg1: GC forced") == 0 && n < 7) {
				assert_int_equal(l.kind, GCS_GCTRACE_FORCED);
				continue; /* which is what is left */
			}
			assert_true(l.kind == GCS_GCTRACE_BROKEN || l.kind == GCS_GCTRACE_OTHER);
			assert_true(n < 20 || l.kind == GCS_GCTRACE_BROKEN);
		}
	}
}

/* Two lines whose newline was lost: the first, and then the second. */
static void test_glued(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		for (size_t j = 0; j < FORMS; j++) {
			char text[1024];
			struct gcs_gctrace_line l;
			snprintf(text, sizeof text, "%s%s", forms[i].text, forms[j].text);
			size_t first = strlen(forms[i].text), bytes = strlen(text);
			assert_int_equal(gcs_gctrace_parse(text, bytes, &l), forms[i].kind);
			assert_int_equal(l.to, first);
			assert_int_equal(gcs_gctrace_parse(text + l.to, bytes - l.to, &l),
					 forms[j].kind);
			assert_int_equal(l.to, bytes - first);
		}
	}
}

/* ---- values that are rendered */

static uint64_t any(void)
{
	return draw(UINT64_C(1) << draw(60)) + (draw(8) == 0);
}

static void draw_old(struct gcs_gctrace_old *g)
{
	g->number = any();
	g->markers = (uint32_t)draw(33);
	g->parts = 3 + (uint32_t)draw(2);
	g->swept = g->parts == 3 && draw(2);
	for (uint32_t i = 0; i < g->parts; i++) {
		g->part_ns[i] = (int64_t)draw(1000000) * (g->parts == 3 ? 1000000 : 1000);
		g->pause_ns += g->part_ns[i];
	}
	g->heap_first_mib = (uint32_t)draw(1u << 30);
	g->heap_second_mib = (uint32_t)draw(1u << 30);
	g->objects_first = g->swept ? any() : 0;
	g->objects = any();
	g->allocated = any();
	g->freed = any();
	g->has_goroutines = g->parts == 4 && draw(2);
	g->goroutines = g->has_goroutines ? any() : 0;
	g->has_sweeps = !g->swept;
	if (g->has_sweeps) {
		g->spans = any();
		g->swept_background = any();
		g->swept_paused = any();
	}
	g->handoffs = any();
	g->handoff_objects = any();
	g->has_steals = draw(2);
	g->steals = g->has_steals ? any() : 0;
	g->steal_objects = g->has_steals ? any() : 0;
	g->yields_spin = any();
	g->yields_os = any();
	g->sleeps = any();
}

static void draw_scav(struct gcs_scav_line *s)
{
	s->form = (enum gcs_scav_form)draw(4);
	s->has_number = draw(2);
	s->number = s->has_number ? (int64_t)draw(1000) - (s->form != GCS_SCAV_WORK) : 0;
	if (s->form == GCS_SCAV_SUMMARY) {
		s->inuse_mib = draw(UINT64_C(1) << 44);
		s->idle_mib = draw(1000);
		s->sys_mib = draw(1000);
		s->released_mib = draw(1000);
		s->consumed_mib = draw(1000);
	} else if (s->form == GCS_SCAV_RELEASED) {
		s->work_kib = draw(1000000);
	} else if (s->form == GCS_SCAV_WORK) {
		s->work_kib = draw(UINT64_C(1) << 54);
		s->split = draw(2);
		s->eager_kib = s->split ? draw(1000) : 0;
		s->released_kib = draw(1000000);
		s->util_percent = draw(101);
		s->forced = draw(2);
		s->reset = !s->forced && draw(2);
	}
}

static void test_rendered(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	static struct render r;
	(void)state;
	draw_state = given ? strtoull(given, NULL, 0) : 0x0c7a;
	printf("# GCS_TEST_SEED=0x%llx\n", (unsigned long long)draw_state);
	for (int i = 0; i < 20000; i++) {
		struct gcs_gctrace_line want, got;
		memset(&want, 0, sizeof want);
		want.kind = i % 2 ? GCS_GCTRACE_OLD : GCS_GCTRACE_SCAV;
		if (i % 2)
			draw_old(&want.old);
		else
			draw_scav(&want.scav);
		render_line(&r, "", &want);
		assert_int_equal(gcs_gctrace_parse(r.text, r.n, &got), want.kind);
		assert_int_equal(got.to, r.n);
		if (i % 2)
			assert_memory_equal(&got.old, &want.old, sizeof want.old);
		else
			assert_memory_equal(&got.scav, &want.scav, sizeof want.scav);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_1_0),
		cmocka_unit_test(test_go_1_1),
		cmocka_unit_test(test_go_1_4),
		cmocka_unit_test(test_scvg),
		cmocka_unit_test(test_scav),
		cmocka_unit_test(test_pacer),
		cmocka_unit_test(test_pacer_end),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_interrupted_everywhere),
		cmocka_unit_test(test_glued),
		cmocka_unit_test(test_rendered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
