/*
 * test_parting.c: where curves part: hand-made ones, the grain and the band, windows and cuts; runs
 * drawn at random against a slow model; what a log tells of a metric, and how exact told figures
 * are.
 */
#include "harness/measure/logged.h"
#include "harness/measure/parting.h"
#include "harness/measure/told.h"
#include "tests/unit/test_draw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_NS  INT64_C(1000000000)
#define MS_NS INT64_C(1000000)
#define MIB   (UINT64_C(1) << 20)
#define MAX   300
#define DRAWS 400

struct bench {
	struct gcs_fidelity_cycle a[MAX], b[MAX]; /* logged, reproduced */
	struct gcs_parting_options o;
	struct gcs_parting p;
};

/* n cycles a side, one each 100 ms from 1 s on: 20 MiB marked, goal 40. */
static void bench_init(struct bench *b, size_t n)
{
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < n; i++) {
		b->a[i] = (struct gcs_fidelity_cycle){.number = i + 1,
						      .at_ns = S_NS + (int64_t)i * 100 * MS_NS,
						      .heap_start = 38 * MIB,
						      .heap_end = 39 * MIB,
						      .heap_marked = 20 * MIB,
						      .goal = 40 * MIB,
						      .stop_first_ns = 30000,
						      .mark_ns = 5 * MS_NS,
						      .stop_second_ns = 40000};
		b->b[i] = b->a[i];
	}
	b->o = (struct gcs_parting_options){.logged = b->a,
					    .reproduced = b->b,
					    .nlogged = n,
					    .nreproduced = n,
					    .from_ns = S_NS,
					    .to_ns = S_NS + (int64_t)n * 100 * MS_NS,
					    .grain_bytes = MIB,
					    .grain_ns = MS_NS,
					    .band_milli = GCS_PARTING_BAND_MILLI};
}

static void never_but(const struct gcs_parting *p, int signal, int32_t window)
{
	for (int s = 0; s < GCS_PARTING_JUDGED; s++)
		if (p->first[s] != (s == signal ? window : -1))
			fail_msg("%s parts at %d", gcs_parting_name[s], p->first[s]);
}

static void test_alike(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 40);
	for (int i = 0; i < 40; i++) /* another machine's stops */
		b.b[i].stop_second_ns = 9 * MS_NS;
	gcs_parting_find(&b.p, &b.o);
	assert_int_equal(b.p.n, 10);
	assert_true(b.p.window[0].from_ns == S_NS && b.p.window[9].to_ns == 5 * S_NS);
	never_but(&b.p, -1, 0);
	const struct gcs_parting_figure *f = b.p.window[3].of;
	assert_true(f[GCS_PARTING_COUNT].logged == 4 && f[GCS_PARTING_COUNT].reproduced == 4);
	assert_true(f[GCS_PARTING_PERIOD].logged == 1e8 &&
		    f[GCS_PARTING_LIVE].reproduced == 20.0 * MIB);
	assert_true(f[GCS_PARTING_STOP].logged == 40000 && f[GCS_PARTING_STOP].reproduced == 9e6 &&
		    !f[GCS_PARTING_STOP].apart);
}

/* From the 20th cycle on the live heap is larger: that signal alone parts, in the first window
 * that shows it. */
static void test_one_signal(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 40);
	for (int i = 20; i < 40; i++)
		b.b[i].heap_marked = 30 * MIB;
	gcs_parting_find(&b.p, &b.o);
	never_but(&b.p, GCS_PARTING_LIVE, 5);
	assert_true(b.p.window[5].from_ns == 3 * S_NS);
	/* the logged one as much larger: the same place */
	for (int i = 0; i < 40; i++) {
		b.a[i].heap_marked = b.b[i].heap_marked;
		b.b[i].heap_marked = 20 * MIB;
	}
	gcs_parting_find(&b.p, &b.o);
	never_but(&b.p, GCS_PARTING_LIVE, 5);
}

/* One window alone is none; nor are two that are not in a row. */
static void test_in_a_row(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 40);
	for (int i = 8; i < 12; i++) /* window 2 */
		b.b[i].goal = 90 * MIB;
	for (int i = 16; i < 20; i++) /* window 4 */
		b.b[i].goal = 90 * MIB;
	gcs_parting_find(&b.p, &b.o);
	assert_true(b.p.window[2].of[GCS_PARTING_GOAL].apart &&
		    b.p.window[4].of[GCS_PARTING_GOAL].apart);
	assert_false(b.p.window[3].of[GCS_PARTING_GOAL].apart);
	never_but(&b.p, -1, 0);
	for (int i = 20; i < 24; i++)
		b.b[i].goal = 90 * MIB;
	gcs_parting_find(&b.p, &b.o);
	never_but(&b.p, GCS_PARTING_GOAL, 4);
}

/* Half as many cycles from the middle on: their number and the period part there. */
static void test_fewer(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 40);
	size_t n = 20;
	for (int i = 20; i < 40; i += 2)
		b.b[n++] = b.a[i];
	b.o.nreproduced = n;
	gcs_parting_find(&b.p, &b.o);
	assert_int_equal(b.p.first[GCS_PARTING_COUNT], 5);
	assert_int_equal(b.p.first[GCS_PARTING_PERIOD], 5);
	assert_int_equal(b.p.first[GCS_PARTING_LIVE], -1);
	/* and none at all: only the number can say it */
	b.o.nreproduced = 20;
	gcs_parting_find(&b.p, &b.o);
	assert_int_equal(b.p.first[GCS_PARTING_COUNT], 5);
	assert_int_equal(b.p.first[GCS_PARTING_PERIOD], -1);
}

static void test_band(void **state)
{
	struct gcs_parting_options o = {.grain_bytes = MIB, .grain_ns = MS_NS, .band_milli = 1250};
	static const struct {
		enum gcs_parting_signal signal;
		double logged, reproduced;
		bool apart;
	} rows[] = {
		{GCS_PARTING_COUNT, 0, 1, false},
		{GCS_PARTING_COUNT, 1, 0, false},
		{GCS_PARTING_COUNT, 0, 2, true},
		{GCS_PARTING_COUNT, 4, 5, false},
		{GCS_PARTING_COUNT, 4, 6, true},
		{GCS_PARTING_COUNT, 8, 10, false},
		{GCS_PARTING_COUNT, 10, 8, false},
		{GCS_PARTING_COUNT, 10, 7, true},
		{GCS_PARTING_LIVE, 0, 1.2 * MIB, false},
		{GCS_PARTING_LIVE, 0, 1.3 * MIB, true},
		{GCS_PARTING_LIVE, 4.0 * MIB, 3.2 * MIB, false},
		{GCS_PARTING_LIVE, 4.0 * MIB, 3.1 * MIB, true},
		{GCS_PARTING_GOAL, 7.0 * MIB, 10.0 * MIB, false},
		{GCS_PARTING_GOAL, 7.0 * MIB, 10.1 * MIB, true},
		{GCS_PARTING_PERIOD, 1e6, 2.5e6, false},
		{GCS_PARTING_PERIOD, 1e6, 2.6e6, true},
		{GCS_PARTING_PERIOD, 101e6, 80e6, false},
		{GCS_PARTING_PERIOD, 101e6, 79e6, true},
		{GCS_PARTING_STOP, 1, 1e9, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (gcs_parting_apart(&o, rows[i].signal, rows[i].logged,
				      rows[i].reproduced) != rows[i].apart)
			fail_msg("row %zu", i);
}

/* Cuts are edges of windows; those outside count for nothing. */
static void test_cuts(void **state)
{
	struct bench b;
	const int64_t cut[] = {0, S_NS, 2350 * MS_NS, 2360 * MS_NS, 4 * S_NS, 5 * S_NS, 9 * S_NS};
	(void)state;
	bench_init(&b, 40);
	b.o.cut = cut;
	b.o.ncuts = 7;
	gcs_parting_find(&b.p, &b.o);
	unsigned found = 0;
	for (uint32_t i = 0; i < b.p.n; i++) {
		assert_true(b.p.window[i].to_ns > b.p.window[i].from_ns);
		assert_true(i + 1 == b.p.n || b.p.window[i].to_ns == b.p.window[i + 1].from_ns);
		for (int k = 2; k < 5; k++)
			found += b.p.window[i].from_ns == cut[k];
	}
	assert_int_equal(found, 3);
	assert_true(b.p.window[0].from_ns == S_NS && b.p.window[b.p.n - 1].to_ns == 5 * S_NS);
	b.o.to_ns = b.o.from_ns;
	gcs_parting_find(&b.p, &b.o);
	assert_int_equal(b.p.n, 0);
	never_but(&b.p, -1, 0);
}

/* Goals that are none say nothing. */
static void test_off(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 40);
	for (int i = 0; i < 40; i++)
		b.a[i].goal = UINT64_MAX >> 1;
	gcs_parting_find(&b.p, &b.o);
	for (uint32_t i = 0; i < b.p.n; i++)
		assert_false(b.p.window[i].of[GCS_PARTING_GOAL].has_logged ||
			     b.p.window[i].of[GCS_PARTING_GOAL].apart);
	bench_init(&b, 40);
	for (int i = 0; i < 40; i++)
		b.b[i].goal = UINT64_MAX >> 1;
	gcs_parting_find(&b.p, &b.o);
	for (uint32_t i = 0; i < b.p.n; i++)
		assert_false(b.p.window[i].of[GCS_PARTING_GOAL].has_reproduced ||
			     b.p.window[i].of[GCS_PARTING_GOAL].apart);
}

/* ---- the model */

static int64_t model_draw(struct gcs_fidelity_cycle *c, size_t *ret_n)
{
	size_t n = draw(MAX);
	int64_t at_ns = S_NS + (int64_t)draw(100 * MS_NS);
	for (size_t i = 0; i < n; i++) {
		c[i] = (struct gcs_fidelity_cycle){.number = i + 1,
						   .at_ns = at_ns,
						   .heap_start = draw(40) * MIB,
						   .heap_marked = (10 + draw(20)) * MIB,
						   .goal = draw(20) ? (20 + draw(40)) * MIB
								    : UINT64_MAX >> 1,
						   .stop_first_ns = (int64_t)draw(MS_NS),
						   .stop_second_ns = (int64_t)draw(MS_NS)};
		at_ns += 1 + (int64_t)draw(300 * MS_NS);
	}
	*ret_n = n;
	return at_ns;
}

static double model_mean(const struct gcs_fidelity_cycle *c, size_t n,
			 const struct gcs_parting_window *w, enum gcs_parting_signal s,
				double *ret_n)
{
	double sum = 0;
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (c[i].at_ns < w->from_ns || c[i].at_ns >= w->to_ns)
			continue;
		if (s == GCS_PARTING_PERIOD && i == 0)
			continue;
		++*ret_n;
		sum += s == GCS_PARTING_PERIOD ? (double)(c[i].at_ns - c[i - 1].at_ns) : 0;
	}
	return *ret_n > 0 ? sum / *ret_n : 0;
}

/* Straight between the two reproduced cycles around t, found by looking at all of them. */
static double model_curve(const struct gcs_fidelity_cycle *c, size_t n, int64_t t_ns)
{
	const struct gcs_fidelity_cycle *before = NULL, *after = NULL;
	for (size_t i = 0; i < n; i++) {
		if (c[i].at_ns <= t_ns)
			before = &c[i];
		else if (!after)
			after = &c[i];
	}
	if (!before || !after)
		return (double)(before ? before : after)->heap_marked;
	double share = (double)(t_ns - before->at_ns) / (double)(after->at_ns - before->at_ns);
	return (double)before->heap_marked + ((double)after->heap_marked - (double)before->heap_marked) * share;
}

static void model_live(const struct bench *b, const struct gcs_parting_window *w)
{
	const struct gcs_parting_figure *f = &w->of[GCS_PARTING_LIVE];
	double n = 0, logged = 0, reproduced = 0;
	for (size_t i = 0; i < b->o.nlogged; i++) {
		if (b->a[i].at_ns < w->from_ns || b->a[i].at_ns >= w->to_ns)
			continue;
		n++;
		logged += (double)b->a[i].heap_marked;
		reproduced += b->o.nreproduced ? model_curve(b->b, b->o.nreproduced,
							     b->a[i].at_ns) : 0;
	}
	assert_true(f->has_logged == (n > 0));
	assert_true(f->has_reproduced == (n > 0 && b->o.nreproduced > 0));
	assert_true(n == 0 || fabs(f->logged - logged / n) < 1);
	assert_true(!f->has_reproduced || fabs(f->reproduced - reproduced / n) < 16);
}

static void model_window(const struct bench *b, const struct gcs_parting_window *w)
{
	double n, mean = model_mean(b->a, b->o.nlogged, w, GCS_PARTING_COUNT, &n);
	assert_true(w->of[GCS_PARTING_COUNT].logged == n);
	mean = model_mean(b->b, b->o.nreproduced, w, GCS_PARTING_COUNT, &n);
	assert_true(w->of[GCS_PARTING_COUNT].reproduced == n);
	mean = model_mean(b->a, b->o.nlogged, w, GCS_PARTING_PERIOD, &n);
	assert_true(w->of[GCS_PARTING_PERIOD].has_logged == (n > 0) &&
		    fabs(w->of[GCS_PARTING_PERIOD].logged - mean) < 1);
	mean = model_mean(b->b, b->o.nreproduced, w, GCS_PARTING_PERIOD, &n);
	assert_true(w->of[GCS_PARTING_PERIOD].has_reproduced == (n > 0) &&
		    fabs(w->of[GCS_PARTING_PERIOD].reproduced - mean) < 1);
	model_live(b, w);
	for (int s = 0; s < GCS_PARTING_JUDGED; s++) {
		const struct gcs_parting_figure *f = &w->of[s];
		bool apart = f->has_logged && f->has_reproduced &&
			     gcs_parting_apart(&b->o, (enum gcs_parting_signal)s, f->logged,
					       f->reproduced);
		assert_true(f->apart == apart);
	}
}

static void model_first(const struct gcs_parting *p)
{
	for (int s = 0; s < GCS_PARTING_JUDGED; s++) {
		int32_t first = -1;
		for (uint32_t i = 0; first < 0 && i + 1 < p->n; i++)
			if (p->window[i].of[s].apart && p->window[i + 1].of[s].apart)
				first = (int32_t)i;
		assert_int_equal(p->first[s], first);
	}
}

static void test_model(void **state)
{
	static struct bench b;
	int64_t cut[GCS_PARTING_CUTS_MAX];
	unsigned parted = 0;
	const char *seed = getenv("GCS_TEST_SEED");
	(void)state;
	draw_state = seed ? strtoull(seed, NULL, 0) : 0x2481;
	print_message("GCS_TEST_SEED=%llu\n", (unsigned long long)draw_state);
	for (int d = 0; d < DRAWS; d++) {
		bench_init(&b, 0);
		b.o.to_ns = model_draw(b.a, &b.o.nlogged);
		model_draw(b.b, &b.o.nreproduced);
		b.o.ncuts = (uint32_t)draw(GCS_PARTING_CUTS_MAX + 1);
		int64_t at_ns = 0;
		for (uint32_t i = 0; i < b.o.ncuts; i++)
			cut[i] = at_ns += 1 + (int64_t)draw(S_NS);
		b.o.cut = cut;
		gcs_parting_find(&b.p, &b.o);
		assert_true(b.p.n > 0 && b.p.n <= GCS_PARTING_WINDOWS_MAX);
		assert_true(b.p.window[0].from_ns == b.o.from_ns &&
			    b.p.window[b.p.n - 1].to_ns == b.o.to_ns);
		for (uint32_t i = 0; i < b.p.n; i++)
			model_window(&b, &b.p.window[i]);
		model_first(&b.p);
		parted += b.p.first[GCS_PARTING_LIVE] >= 0;
	}
	assert_true(parted > 0 && parted < DRAWS);
}

/* ---- what a log tells of a metric */

static double logged(const struct bench *b, const char *name, int64_t from_ms, int64_t to_ms)
{
	double work[2 * MAX], v = -1;
	for (size_t i = 0; i < gcs_metrics_count; i++)
		if (strcmp(gcs_metrics[i].name, name) == 0)
			return gcs_logged_metric(&gcs_metrics[i], b->a, b->o.nlogged,
						 from_ms * MS_NS, to_ms * MS_NS, work, &v) ? v : -1;
	fail_msg("no metric %s", name);
	return 0;
}

static void test_logged(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 20);
	b.a[5].forced = true;
	b.a[7].heap_end = 50 * MIB;
	b.a[8].goal = 64 * MIB;
	b.a[9].heap_marked = 21 * MIB;
	b.a[6].stop_first_ns = MS_NS;
	b.a[6].mark_ns = 70 * MS_NS;
	/* cycles 5 to 9 */
	assert_true(logged(&b, "gc.cycles", 1500, 2000) == 5);
	assert_true(logged(&b, "gc.forced", 1500, 2000) == 1);
	assert_true(logged(&b, "gc.rate", 1500, 2000) == 10);
	assert_true(logged(&b, "heap.live", 1500, 2000) == 21.0 * MIB);
	assert_true(logged(&b, "heap.live.max", 1500, 2000) == 50.0 * MIB);
	assert_true(logged(&b, "heap.goal.max", 1500, 2000) == 64.0 * MIB);
	assert_true(logged(&b, "pause.stw.count", 1500, 2000) == 10);
	assert_true(logged(&b, "pause.stw.max", 1500, 2000) == 1e6);
	assert_true(logged(&b, "pause.stw.p50", 1500, 2000) == 40000);
	assert_true(logged(&b, "pause.stw.p90", 1500, 2000) == 40000);
	assert_true(logged(&b, "gc.mark.max", 1500, 2000) == 70e6);
	assert_true(logged(&b, "gc.mark.p50", 1500, 2000) == 5e6);
	/* the end is not in it, the begin is */
	assert_true(logged(&b, "gc.cycles", 1500, 1500) == -1);
	assert_true(logged(&b, "gc.cycles", 1500, 1501) == 1);
	assert_true(logged(&b, "gc.cycles", 1501, 1600) == 0);
	assert_true(logged(&b, "heap.live", 1501, 1600) == -1);
	assert_true(logged(&b, "pause.stw.max", 1501, 1600) == -1);
	assert_true(logged(&b, "op.latency.p99", 1500, 2000) == -1);
	assert_true(logged(&b, "rss.max", 1500, 2000) == -1);
	b.a[8].goal = UINT64_MAX >> 1;
	assert_true(logged(&b, "heap.goal.max", 1500, 2000) == 40.0 * MIB);
}

/* ---- told figures */

static void test_told(void **state)
{
	static const struct {
		const char *text;
		enum gcs_unit unit;
		uint32_t within_ppb;
		double low, high;
	} rows[] = {
		{"320ms", GCS_UNIT_NS, 0, 315e6, 325e6},
		{"300ms", GCS_UNIT_NS, 0, 250e6, 350e6},
		{"2.8s", GCS_UNIT_NS, 0, 2.75e9, 2.85e9},
		{"2.80s", GCS_UNIT_NS, 0, 2.795e9, 2.805e9},
		{"512MiB", GCS_UNIT_BYTES, 0, 511.5 * MIB, 512.5 * MIB},
		{"4.7%", GCS_UNIT_RATIO, 0, 0.0465, 0.0475},
		{"0.05", GCS_UNIT_RATIO, 0, 0.045, 0.055},
		{"3k", GCS_UNIT_COUNT, 0, 2500, 3500},
		{"1", GCS_UNIT_COUNT, 0, 0.5, 1.5},
		{"0", GCS_UNIT_COUNT, 0, 0, 0},
		{"0", GCS_UNIT_NS, 0, 0, 0},
		{"25k/s", GCS_UNIT_RATE, 0, 24500, 25500},
		{"1.6/s", GCS_UNIT_RATE, 0, 1.55, 1.65},
		{"0.25/s", GCS_UNIT_RATE, 0, 0.245, 0.255},
		{"300ms", GCS_UNIT_NS, 100000000, 270e6, 330e6},
		{"10", GCS_UNIT_COUNT, 1000000000, 0, 20},
	};
	struct gcs_told t = {.value = -1};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(gcs_told_parse(rows[i].text, rows[i].unit, rows[i].within_ppb,
						&t), 0);
		if (fabs(t.low - rows[i].low) > 1e-6 * rows[i].high ||
		    fabs(t.high - rows[i].high) > 1e-6 * rows[i].high)
			fail_msg("'%s' is %g to %g", rows[i].text, t.low, t.high);
	}
	assert_int_equal(gcs_told_parse("320", GCS_UNIT_NS, 0, &t), -EINVAL);
	assert_int_equal(gcs_told_parse("320 ms", GCS_UNIT_NS, 0, &t), -EINVAL);
	static const char *const rates[] = {"1.6", "1.6/m", ".6/s", "1./s", "1.6.2/s", "1.6x/s", "/s", ""};
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		assert_true(gcs_told_parse(rates[i], GCS_UNIT_RATE, 0, &t) < 0);
	assert_int_equal(gcs_told_parse("about 3", GCS_UNIT_COUNT, 0, &t), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_one_signal),
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_fewer),
		cmocka_unit_test(test_band),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_logged),
		cmocka_unit_test(test_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
