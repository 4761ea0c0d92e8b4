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
		cmocka_unit_test(test_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
