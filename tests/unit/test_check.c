/* test_check.c: the language of SLOs and expectations, and how they are judged over time. */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static void test_parse(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	const struct {
		const char *text, *metric;
		int subject;
		enum gcs_op op;
		double value;
	} good[] = {
		{"op.latency.p99 < 2ms", "op.latency.p99", -1, GCS_LT, 2e6},
		{"op.latency.p99@net<=1.5s", "op.latency.p99", 1, GCS_LE, 1.5e9},
		{"  pause.stw.max   <  250us ", "pause.stw.max", -1, GCS_LT, 250e3},
		{"integrity.errors == 0", "integrity.errors", -1, GCS_EQ, 0},
		{"recovery.time.max < 10s", "recovery.time.max", -1, GCS_LT, 10e9},
		{"recovery.time.max != 0", "recovery.time.max", -1, GCS_NE, 0},
		{"fault.oom.fired >= 20", "fault.ID.fired", 0, GCS_GE, 20},
		{"fault.late.recovered>2k", "fault.ID.recovered", 1, GCS_GT, 2000},
		{"gc.cpu < 25%", "gc.cpu", -1, GCS_LT, 0.25},
		{"gc.cpu < 0.05", "gc.cpu", -1, GCS_LT, 0.05},
		{"heap.live.max <= 64MiB", "heap.live.max", -1, GCS_LE, 64.0 * 1024 * 1024},
		{"ops.rate@maps > 5k/s", "ops.rate", 0, GCS_GT, 5000},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct gcs_expr e;
		struct gcs_expr_error err = {0};
		int rc = gcs_check_parse(good[i].text, s, &e, &err);
		if (rc)
			print_error("%s: %s\n", good[i].text, err.text);
		assert_int_equal(rc, 0);
		assert_string_equal(e.ref.metric->name, good[i].metric);
		assert_int_equal(e.ref.subject, good[i].subject);
		assert_int_equal(e.op, good[i].op);
		assert_float_equal(e.value, good[i].value, fabs(good[i].value) * 1e-9);
	}
	fixture_scenario_free(s);
}

static void test_errors(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	const struct {
		const char *text;
		uint32_t at;
		const char *says;
	} bad[] = {
		{"", 0, "METRIC OP VALUE"},
		{"op.latency.p98 < 2ms", 0, "did you mean 'op.latency.p9"},
		{"op.latencyp99 < 2ms", 0, "did you mean 'op.latency.p99'"},
		{"op.latency.p99@map < 2ms", 15, "did you mean 'maps'"},
		{"pause.stw.p99@maps < 2ms", 13, "not measured for each workload"},
		{"fault.oon.fired > 1", 6, "did you mean 'oom'"},
		{"fault.oom.fird > 1", 10, "did you mean 'fired'"},
		{"fault.oom > 1", 9, "fault.ID.fired"},
		{"op.latency.p99 2ms", 15, "one of <"},
		{"op.latency.p99 =< 2ms", 15, "one of <"},
		{"op.latency.p99 < 2", 17, "unit"},
		{"op.latency.p99 < 2MiB", 17, "time"},
		{"op.latency.p99 < ", 17, "time"},
		{"op.latency.p99 < 2ms or so", 21, "nothing more"},
		{"  gc.cpu < 2ms", 11, "fraction"},
		{"  gc.cpo < 2%", 2, "did you mean 'gc.cpu'"},
		{"fault.oom.fired > -1", 18, "count"},
		{"ops.rate > 5k", 11, "rate"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gcs_expr e;
		struct gcs_expr_error err = {0};
		assert_int_equal(gcs_check_parse(bad[i].text, s, &e, &err), -EINVAL);
		if (!strstr(err.text, bad[i].says) || err.at != bad[i].at)
			print_error("'%s' at %u: %s\n", bad[i].text, err.at, err.text);
		assert_non_null(strstr(err.text, bad[i].says));
		assert_int_equal(err.at, bad[i].at);
	}
	struct gcs_metric_ref ref;
	struct gcs_expr_error err;
	assert_int_equal(gcs_signal_find("gc.cycles", s, &ref, &err), -EINVAL);
	assert_int_equal(gcs_signal_find("op.latency.p99@maps", s, &ref, &err), 0);
	fixture_scenario_free(s);
}

/* Each metric can be parsed by its name, has words, and reads something from an empty measure
 * without harm. */
static void test_table(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_measure m = {.span_ns = S_NS};
	struct gcs_facts facts = {0};
	for (size_t i = 0; i < gcs_metrics_count; i++) {
		const struct gcs_metric *metric = &gcs_metrics[i];
		char name[64];
		struct gcs_metric_ref ref;
		struct gcs_expr_error err;
		double v = NAN;
		if (metric->subject == GCS_OF_FAULT)
			snprintf(name, sizeof(name), "fault.oom.%s",
				 metric->name + strlen("fault.ID."));
		else
			snprintf(name, sizeof(name), "%s", metric->name);
		assert_int_equal(gcs_metric_find(name, strlen(name), s, &ref, &err), 0);
		assert_ptr_equal(ref.metric, metric);
		assert_true(strlen(metric->about) > 5);
		bool has = gcs_metric_read(
			&ref, (struct gcs_reading){.m = &m, .facts = &facts, .nworkloads = 2}, &v);
		assert_true(!has || v == 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(metric->name, gcs_metrics[k].name);
	}
	fixture_scenario_free(s);
}

static void ops_of(struct gcs_measure *m, uint32_t w, uint64_t n, uint64_t ns)
{
	struct watch_hist_sum h = {0};
	for (uint64_t i = 0; i < n; i++)
		watch_hist_sum_put(&h, ns);
	gcs_measure_op(m, w, &h);
	m->ops[w] += n;
}

static double value_of(const char *name, const struct gcs_measure *m, const struct gcs_facts *f,
		       const struct gcs_scenario *s)
{
	struct gcs_metric_ref ref;
	struct gcs_expr_error err;
	double v = -1;
	assert_int_equal(gcs_metric_find(name, strlen(name), s, &ref, &err), 0);
	assert_true(gcs_metric_read(
		&ref, (struct gcs_reading){.m = m, .facts = f, .nworkloads = s->nworkloads}, &v));
	return v;
}

static void test_values(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_measure m = {
		.span_ns = 2 * S_NS, .gc_cycles = 8, .gc_cpu_ns = 100, .cpu_ns = 400};
	struct gcs_facts f = {
		.occurrences = 3, .recovery_max_ns = 5 * S_NS, .fault[1] = {.fired = 17}};
	ops_of(&m, 0, 100, 1000);
	ops_of(&m, 1, 100, 9000000);
	m.errors[1] = 4;
	assert_float_equal(value_of("op.latency.max", &m, &f, s), 9000000,
			   0); /* the worst workload */
	assert_float_equal(value_of("op.latency.max@maps", &m, &f, s), 1000, 0);
	assert_float_equal(value_of("ops.rate", &m, &f, s), 100, 0);
	assert_float_equal(value_of("ops.rate@net", &m, &f, s), 50, 0);
	assert_float_equal(value_of("ops.errors", &m, &f, s), 4, 0);
	assert_float_equal(value_of("ops.errors@maps", &m, &f, s), 0, 0);
	assert_float_equal(value_of("ops.error_rate", &m, &f, s), 2, 0);
	assert_float_equal(value_of("gc.rate", &m, &f, s), 4, 0);
	assert_float_equal(value_of("gc.cpu", &m, &f, s), 0.25, 1e-12);
	assert_float_equal(value_of("fault.late.fired", &m, &f, s), 17, 0);
	assert_float_equal(value_of("recovery.time.max", &m, &f, s), 5e9, 0);
	f.never = 1;
	assert_true(isinf(value_of("recovery.time.max", &m, &f, s)));
	struct gcs_measure twice = {0};
	gcs_measure_merge(&twice, &m);
	gcs_measure_merge(&twice, &m);
	assert_float_equal(value_of("ops.count", &twice, &f, s), 400, 0);
	assert_float_equal(value_of("ops.rate", &twice, &f, s), 100, 0);
	gcs_measure_fini(&m);
	gcs_measure_fini(&twice);
	fixture_scenario_free(s);
}

static void test_show(void **state)
{
	(void)state;
	const struct {
		enum gcs_unit unit;
		double v;
		const char *want;
	} cases[] = {
		{GCS_UNIT_NS, 0, "0 ns"},
		{GCS_UNIT_NS, 950, "950 ns"},
		{GCS_UNIT_NS, 1234567, "1.23 ms"},
		{GCS_UNIT_NS, 61.8e6, "61.8 ms"},
		{GCS_UNIT_NS, 2e9, "2 s"},
		{GCS_UNIT_NS, 999.98e6, "1 s"},
		{GCS_UNIT_NS, 998e3, "998 us"},
		{GCS_UNIT_NS, INFINITY, "never"},
		{GCS_UNIT_BYTES, 64 << 20, "64 MiB"},
		{GCS_UNIT_RATE, 181000, "181k/s"},
		{GCS_UNIT_RATIO, 0.031, "3.10%"},
		{GCS_UNIT_COUNT, 212, "212"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];
		gcs_metric_show(cases[i].unit, cases[i].v, text, sizeof(text));
		assert_string_equal(text, cases[i].want);
	}
}

/* What speaks of a fault that was not drawn is not judged, whatever is measured. */
static void test_left_out(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_facts facts = {0};
	char oom_text[] = "fault.oom.fired >= 20", id[] = "x",
	     late_text[] = "fault.late.fired == 0";
	struct gcs_check oom = {.id = id, .text = oom_text},
			 late = {.id = id, .text = late_text};
	struct gcs_judge a, b;
	s->fault[0].left_out = true;
	facts.fault[1].fired = 3;
	assert_int_equal(gcs_judge_init(&a, &oom, s), 0);
	assert_int_equal(gcs_judge_init(&b, &late, s), 0);
	gcs_judge_read(&a, &facts, s, S_NS, true);
	gcs_judge_read(&b, &facts, s, S_NS, true);
	assert_true(a.left_out);
	assert_int_equal(a.state, 0);
	assert_false(a.has);
	assert_false(b.left_out);
	assert_int_equal(b.state, -1);
	gcs_judge_fini(&a);
	gcs_judge_fini(&b);
	fixture_scenario_free(s);
}

static struct gcs_judge judge_of(struct gcs_scenario *s, struct gcs_check *c)
{
	struct gcs_judge j;
	assert_int_equal(gcs_judge_init(&j, c, s), 0);
	return j;
}

/* Feed second t (phase by the fixture's table: warmup, steady, storm, heal) with n operations of
 * one latency. */
static void feed(struct gcs_judge *j, struct gcs_scenario *s, int t, uint64_t n, uint64_t ns)
{
	struct gcs_measure m = {.span_ns = S_NS};
	int phase = t < 2 ? 0 : t < 12 ? 1 : t < 20 ? 2 : 3;
	if (n)
		ops_of(&m, 0, n, ns);
	gcs_judge_interval(j, &m, phase, (t + 1) * S_NS, s);
	gcs_measure_fini(&m);
}

/* One bad window of five seconds fails a windowed SLO, though the whole would pass; phases that do
 * not count do not. */
static void test_windows(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_facts f = {0};
	struct gcs_check c = {.id = fixture_dup("p99"),
			      .text = fixture_dup("op.latency.p99 < 2ms"),
			      .window_ns = 5 * S_NS};
	struct gcs_judge j = judge_of(s, &c), whole;
	struct gcs_check plain = c;
	plain.window_ns = 0;
	whole = judge_of(s, &plain);
	for (int t = 0; t < 32; t++) {
		bool bad = t < 2 || t == 25;
		feed(&j, s, t, t == 25 ? 5 : 100, bad ? 50000000 : 1000000);
		feed(&whole, s, t, t == 25 ? 5 : 100, bad ? 50000000 : 1000000);
		gcs_judge_read(&j, &f, s, (t + 1) * S_NS, false);
		if (t < 25)
			assert_int_equal(j.state,
					 t < 6 ? 0 : 1); /* warm-up was bad and is not looked at */
	}
	gcs_judge_read(&j, &f, s, 32 * S_NS, true);
	gcs_judge_read(&whole, &f, s, 32 * S_NS, true);
	assert_int_equal(j.state, -1);
	assert_int_equal(j.windows_failed, 1);
	/* 10 s, 8 s (5 and a rest of 3) and 12 s (5, 5, and a rest of 2 that is not judged) */
	assert_int_equal(j.windows, 2 + 2 + 2);
	assert_int_equal(j.failed_ns, 30 * S_NS);
	assert_float_equal(j.value, 50e6, 1e6);
	assert_int_equal(whole.state, 1); /* 5 of 2905 are no p99 */
	gcs_judge_fini(&j);
	gcs_judge_fini(&whole);
	fixture_free_checks(&c, 1);
	fixture_scenario_free(s);
}

static void test_phases(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_facts f = {0};
	struct gcs_check c = {.id = fixture_dup("p99"),
			      .text = fixture_dup("op.latency.max < 2ms"),
			      .nphases = 2};
	c.phases[0] = fixture_dup("steady");
	c.phases[1] = fixture_dup("heal");
	struct gcs_judge j = judge_of(s, &c);
	for (int t = 0; t < 32; t++)
		feed(&j, s, t, 10, t >= 12 && t < 20 ? 90000000 : 1000);
	gcs_judge_read(&j, &f, s, 32 * S_NS, true);
	assert_int_equal(j.state, 1);
	gcs_judge_fini(&j);
	fixture_free_checks(&c, 1);
	fixture_scenario_free(s);
}

/* When a bound is known to be broken, when one is known to be met, and when one must wait. */
static void test_final(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_facts f = {0};
	struct gcs_check c[] = {
		{.id = fixture_dup("a"), .text = fixture_dup("integrity.errors == 0")},
		{.id = fixture_dup("b"), .text = fixture_dup("fault.oom.fired >= 20")},
		{.id = fixture_dup("c"), .text = fixture_dup("op.latency.p99 < 2ms")},
		{.id = fixture_dup("d"), .text = fixture_dup("recovery.time.max < 5s")},
		{.id = fixture_dup("e"), .text = fixture_dup("fault.oom.fired == 20")},
	};
	struct gcs_judge j[5];
	for (int i = 0; i < 5; i++)
		j[i] = judge_of(s, &c[i]);
	for (int i = 0; i < 5; i++)
		gcs_judge_read(&j[i], &f, s, S_NS, false);
	assert_int_equal(j[4].state, 0); /* may come to be */
	f.fault[0].fired = 21;
	gcs_judge_read(&j[4], &f, s, S_NS, false);
	assert_int_equal(j[4].state, -1); /* cannot any more */
	assert_true(j[4].final);
	f.fault[0].fired = 0;
	assert_int_equal(j[0].state, 1);
	assert_int_equal(j[1].state, 0);
	assert_int_equal(j[2].state, 0);
	assert_int_equal(j[3].state, 0);
	f.integrity_errors = 1;
	f.fault[0].fired = 20;
	for (int i = 0; i < 4; i++)
		gcs_judge_read(&j[i], &f, s, 2 * S_NS, false);
	assert_int_equal(j[0].state, -1);
	assert_true(j[0].final);
	assert_int_equal(j[0].failed_ns, 2 * S_NS);
	assert_int_equal(j[1].state, 1);
	for (int i = 0; i < 4; i++)
		gcs_judge_read(&j[i], &f, s, 3 * S_NS, true);
	assert_int_equal(j[0].state, -1);
	assert_int_equal(j[1].state, 1);
	assert_int_equal(j[2].state, -1); /* no operation was measured: that is not a pass */
	assert_false(j[2].has);
	assert_int_equal(j[3].state,
			 1); /* nothing had to recover: what the faults did is judged elsewhere */
	for (int i = 0; i < 5; i++)
		gcs_judge_fini(&j[i]);
	fixture_free_checks(c, 5);
	fixture_scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_errors),
		cmocka_unit_test(test_table),  cmocka_unit_test(test_values),
		cmocka_unit_test(test_show),   cmocka_unit_test(test_windows),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_phases), cmocka_unit_test(test_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
