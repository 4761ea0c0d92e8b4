/* test_reported.c: reported figures beside reproduced ones: phases, figures that nothing measures, those of another variant, and both
 * ways of printing them. */
#include "tests/unit/test_run_fixture.h"

#include "harness/collect/reported.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

static struct gcs_reported *told(struct gcs_scenario *s, const char *what, const char *value,
				 const char *metric, const char *phase, const char *note)
{
	struct gcs_reported *r = &s->reported[s->nreported++];
	r->what = fixture_dup(what);
	r->value = fixture_dup(value);
	r->metric = metric ? fixture_dup(metric) : NULL;
	r->note = note ? fixture_dup(note) : NULL;
	if (phase)
		r->phases[r->nphases++] = fixture_dup(phase);
	return r;
}

/* A latency of 20 us, in the storm one of 4 ms. */
static void play(struct run *r, int64_t until_s)
{
	run_start(r);
	run_until(r, (until_s < 12 ? until_s : 12) * S_NS);
	r->play.op_ns = 4 * MS_NS;
	run_until(r, (until_s < 20 ? until_s : 20) * S_NS);
	r->play.op_ns = 20 * US_NS;
	run_until(r, until_s * S_NS);
}

static json_t *reported(const char *path, char **ret_text)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(gcs_report(path, "json", out, stderr), 0);
	fclose(out);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(root);
	out = open_memstream(ret_text, &n);
	assert_int_equal(gcs_report(path, "text", out, stderr), 0);
	fclose(out);
	json_t *list = json_incref(json_object_get(root, "reported"));
	json_decref(root);
	assert_true(json_is_array(list));
	return list;
}

static double value(json_t *list, size_t i)
{
	json_t *v = json_object_get(json_array_get(list, i), "value");
	assert_true(json_is_number(v));
	return json_number_value(v);
}

static void test_phases(void **state)
{
	(void)state;
	struct run r;
	char *text;
	run_init(&r);
	told(r.s, "P99 before", "320 ms", "op.latency.p99@net", "steady", NULL);
	told(r.s, "P99 in it", "2800 ms", "op.latency.p99@net", "storm", "a note of this figure");
	struct gcs_reported *both =
		told(r.s, "requests", "4000", "ops.count@net", "steady", NULL);
	both->phases[both->nphases++] = fixture_dup("heal");
	told(r.s, "requests of all", "9000", "ops.count@net", NULL, NULL);
	told(r.s, "errors", "4.7 %", NULL, NULL, "no client here gives up");
	play(&r, 32);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	json_t *list = reported(r.path, &text);
	assert_int_equal(json_array_size(list), 5);
	assert_true(fabs(value(list, 0) - 21e3) < 1e3);
	assert_true(fabs(value(list, 1) - 4e6) < 1e5);
	assert_true(value(list, 2) == 1000 * (10 + 12));
	assert_true(value(list, 3) == 1000 * 30); /* the warm-up does not count */
	assert_true(json_is_null(json_object_get(json_array_get(list, 4), "value")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 4), "metric")));
	json_t *phases = json_object_get(json_array_get(list, 2), "phases");
	assert_int_equal(json_array_size(phases), 2);
	assert_string_equal(json_string_value(json_array_get(phases, 1)), "heal");
	static const char *const says[] = {"REPORTED AND REPRODUCED",
					   "320 ms",
					   "op.latency.p99@net in storm",
					   "ops.count@net in steady, heal",
					   "a note of this figure",
					   "no client here gives up",
					   "22000"};
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (!strstr(text, says[i]))
			fail_msg("no '%s' in:\n%s", says[i], text);
	json_decref(list);
	free(text);
	run_fini(&r);
}

/* Ended before the phase began: no figure, not a zero. */
static void test_phase_not_reached(void **state)
{
	(void)state;
	struct run r;
	char *text;
	run_init(&r);
	told(r.s, "collections", "3", "gc.cycles", "heal", NULL);
	told(r.s, "collections", "3", "gc.cycles", "steady", NULL);
	play(&r, 15);
	gcs_collect_exit(r.c, 0, true, NULL);
	gcs_collect_finish(r.c, 2);
	json_t *list = reported(r.path, &text);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "value")));
	assert_true(value(list, 1) == 10);
	json_decref(list);
	free(text);
	run_fini(&r);
}

static void test_variants(void **state)
{
	(void)state;
	struct run r;
	char *text;
	run_init(&r);
	told(r.s, "with pointers", "89 us", "op.latency.p50", NULL, NULL)->variant =
		fixture_dup("ptr");
	told(r.s, "as it was", "186 us", "op.latency.p50", NULL, NULL)->variant =
		fixture_dup(GCS_VARIANT_BASE);
	told(r.s, "always", "1", "ops.count", NULL, NULL);
	assert_false(gcs_reported_applies(&r.s->reported[0], r.s));
	assert_true(gcs_reported_applies(&r.s->reported[1], r.s));
	assert_true(gcs_reported_applies(&r.s->reported[2], r.s));
	r.s->chosen = fixture_dup("ptr");
	assert_true(gcs_reported_applies(&r.s->reported[0], r.s));
	assert_false(gcs_reported_applies(&r.s->reported[1], r.s));
	assert_true(gcs_reported_applies(&r.s->reported[2], r.s));
	play(&r, 32);
	run_end(&r);
	json_t *list = reported(r.path, &text);
	assert_int_equal(json_array_size(list), 2);
	assert_non_null(strstr(text, "with pointers"));
	assert_null(strstr(text, "as it was"));
	json_decref(list);
	free(text);
	run_fini(&r);
}

/* Of a stretch of time: its windows alone, the worst of them, judged against what was told, with the log's beside it. */
static void test_stretches(void **state)
{
	static const struct {
		const char *what, *value, *metric;
		int64_t at_ms, for_ms;
		bool peak;
		uint32_t within_ppb;
		double shown;
		int apart;
	} rows[] = {
		{"calm", "20us", "op.latency.p99@net", 2000, 10000, false, 100000000, 21e3, 0},
		{"storm's worst", "4ms", "op.latency.p99@net", 2000, 30000, true, 0, 4e6, 0},
		{"storm's worst, wrong", "40ms", "op.latency.p99@net", 2000, 30000, true, 0, 4e6, 1},
		{"before it", "4ms", "op.latency.max@net", 2000, 10000, true, 0, 20e3, 1},
		{"requests", "3000", "ops.count@net", 5000, 3000, false, 0, 3000, 0},
		{"requests, not recorded", "2000", "ops.count@net", 0, 2000, false, 0, 2000, 0},
		{"a moment", "1000", "ops.count@net", 7400, 10, false, 0, 1000, 0},
		{"collections", "3", "gc.cycles", 5000, 3000, false, 0, 3, 0},
		{"too many", "5", "gc.cycles", 5000, 3000, false, 0, 3, 1},
		{"nothing measures it", "4.7 %", NULL, 5000, 3000, false, 0, 0, -1},
	};
	(void)state;
	struct run r;
	char *text;
	run_init(&r);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gcs_reported *f = told(r.s, rows[i].what, rows[i].value, rows[i].metric, NULL, NULL);
		f->at_ns = rows[i].at_ms * MS_NS;
		f->for_ns = rows[i].for_ms * MS_NS;
		f->peak = rows[i].peak;
		f->within_ppb = rows[i].within_ppb;
	}
	r.s->clock = fixture_dup("23:59:55");
	r.s->clock_ns = (24 * 3600 - 5) * S_NS;
	r.s->time_scale_milli = 1000;
	play(&r, 32);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	json_t *list = reported(r.path, &text);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *o = json_array_get(list, i), *apart = json_object_get(o, "apart");
		if (rows[i].metric && fabs(value(list, i) - rows[i].shown) > 0.06 * rows[i].shown)
			fail_msg("%s: %g", rows[i].what, value(list, i));
		if (rows[i].apart < 0 ? !json_is_null(apart) : json_boolean_value(apart) != (rows[i].apart == 1))
			fail_msg("%s: apart", rows[i].what);
		assert_true(json_is_null(json_object_get(o, "logged"))); /* no log is followed */
		assert_true(json_integer_value(json_object_get(o, "at_ns")) == rows[i].at_ms * MS_NS);
	}
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 4), "clock")), "00:00:00");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 4), "until")), "00:00:03");
	/* the first of those that are not as told */
	static const char *const says[] = {"THE CURVES PART at 23:59:57, run 2.000 s: storm's worst, wrong: told 40ms, here",
					   "then at 00:00:00, run 5.000 s: too many: told 5, here 3",
					   "its worst window  23:59:57 to 00:00:27", "  5               3*            gc.cycles  00:00:00 to 00:00:03"};
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (!strstr(text, says[i]))
			fail_msg("no '%s' in:\n%s", says[i], text);
	json_decref(list);
	free(text);
	run_fini(&r);
}

/* Told bytes are those of the incident: divided by the heap scale; a rate of collections is multiplied by the time scale. */
static void test_stretch_scaled(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_reproductions r;
	static const char *const metric[] = {"heap.live.max", "gc.rate", "pause.stw.max", "gc.cycles"};
	static const char *const told_value[] = {"512MiB", "3/s", "2ms", "30"};
	static const double scaled[] = {128.0 * 1048576, 6, 2e6, 30};
	s->heap_scale_milli = 4000;
	s->time_scale_milli = 2000;
	for (size_t i = 0; i < 4; i++)
		told(s, "x", told_value[i], metric[i], NULL, NULL)->for_ns = S_NS;
	assert_int_equal(gcs_reproductions_init(&r, s), 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(r.of[i].has_told && fabs(r.of[i].told.value - scaled[i]) < 1e-6 * scaled[i]);
	assert_true(fabs(r.of[0].told.high - 128.125 * 1048576) < 1);
	gcs_reproductions_fini(&r);
	fixture_scenario_free(s);
}

/* What the log that is followed has in the stretch; of a moment that of its window. */
static void test_stretch_logged(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_fidelity_cycle log[20];
	struct gcs_reproductions r;
	memset(log, 0, sizeof log);
	for (int i = 0; i < 20; i++)
		log[i] = (struct gcs_fidelity_cycle){.number = (uint64_t)i + 1,
						     .at_ns = (2 + i) * S_NS + S_NS / 2,
						     .heap_end = (uint64_t)(30 + i) << 20,
						     .heap_marked = (uint64_t)(20 + i) << 20,
						     .stop_first_ns = i == 7 ? 5 * MS_NS : MS_NS};
	static const struct {
		const char *metric, *value;
		int64_t at_ns, for_ns;
		bool peak;
		double logged; /* -1: none */
	} rows[] = {
		{"gc.cycles", "5", 4 * S_NS, 5 * S_NS, false, 5},	   {"gc.cycles", "1", 4 * S_NS, 5 * S_NS, true, 1},
		{"heap.live.max", "40MiB", 4 * S_NS, 5 * S_NS, false, 36.0 * 1048576},
		{"heap.live", "40MiB", 4 * S_NS, 5 * S_NS, true, 26.0 * 1048576}, {"pause.stw.max", "5ms", 9 * S_NS, S_NS, false, 5e6},
		{"gc.cycles", "1", 6 * S_NS + S_NS / 2, MS_NS, false, 1},  {"gc.cycles", "1", 30 * S_NS, S_NS, false, 0},
		{"heap.live", "40MiB", 30 * S_NS, S_NS, false, -1},	   {"op.latency.p99", "1ms", 4 * S_NS, S_NS, false, -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gcs_reported *f = told(s, "x", rows[i].value, rows[i].metric, NULL, NULL);
		f->at_ns = rows[i].at_ns;
		f->for_ns = rows[i].for_ns;
		f->peak = rows[i].peak;
	}
	assert_int_equal(gcs_reproductions_init(&r, s), 0);
	assert_int_equal(gcs_reproductions_logged(&r, log, 20, S_NS), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (r.of[i].has_logged != (rows[i].logged >= 0) || (r.of[i].has_logged && r.of[i].logged != rows[i].logged))
			fail_msg("row %zu: %d %g", i, r.of[i].has_logged, r.of[i].logged);
	gcs_reproductions_fini(&r);
	fixture_scenario_free(s);
}

static void test_unknown_metric(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_reproductions r;
	told(s, "nonsense", "1", "op.latency.p98", NULL, NULL);
	assert_int_equal(gcs_reproductions_init(&r, s), -EINVAL);
	gcs_reproductions_fini(&r);
	fixture_scenario_free(s);
}

/* Facts of the run need no phase. */
static void test_facts(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_facts facts = {.fault[1].fired = 7, .occurrences = 2, .never = 1};
	struct gcs_reproductions r;
	double v;
	told(s, "late wakes", "5", "fault.late.fired", NULL, NULL);
	told(s, "recovery", "17 min", "recovery.time.max", NULL, NULL);
	assert_int_equal(gcs_reproductions_init(&r, s), 0);
	assert_true(gcs_reproduced_read(&r, 0, &facts, &v));
	assert_true(v == 7);
	assert_true(gcs_reproduced_read(&r, 1, &facts, &v));
	assert_true(isinf(v));
	gcs_reproductions_fini(&r);
	fixture_scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases),	       cmocka_unit_test(test_phase_not_reached),
		cmocka_unit_test(test_variants),       cmocka_unit_test(test_unknown_metric),
		cmocka_unit_test(test_facts),	       cmocka_unit_test(test_stretches),
		cmocka_unit_test(test_stretch_scaled), cmocka_unit_test(test_stretch_logged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
