/* test_variants.c: the table over a series of runs, from their records; and which exit code the series has. */
#include "tests/unit/test_run_fixture.h"

#include "harness/compare/variants.h"

#include <jansson.h>
#include <stdio.h>

/* A played run of operations of op_ns, as variant `id` (NULL: the scenario itself), into the series. */
static void series_add(struct gcs_variant_runs *v, const char *id, int64_t op_ns, bool told)
{
	struct gcs_variant_run *to = &v->of[v->n++];
	struct run r;
	run_init(&r);
	r.s->chosen = id ? fixture_dup(id) : NULL;
	r.play.op_ns = op_ns;
	if (told) {
		struct gcs_reported *f = &r.s->reported[r.s->nreported++];
		f->what = fixture_dup("median of the bench");
		f->value = fixture_dup(id ? "89 us" : "186 us");
		f->metric = fixture_dup("op.latency.p50@net");
	}
	run_start(&r);
	run_until(&r, 32 * S_NS);
	to->result.exit = run_end(&r);
	to->id = fixture_dup(id ? id : GCS_VARIANT_BASE_SHOWN);
	to->about = fixture_dup(id ? "values behind pointers" : "");
	snprintf(to->result.record, sizeof(to->result.record), "%s", r.path);
	assert_int_equal(report_load(&to->report, r.path, stderr), 0);
	to->has_report = true;
	run_fini(&r);
}

static struct gcs_variant_runs *series(void)
{
	struct gcs_variant_runs *v = calloc(1, sizeof(*v));
	assert_non_null(v);
	v->scenario = fixture_dup("hand-made");
	return v;
}

static void series_free(struct gcs_variant_runs *v)
{
	gcs_variant_runs_fini(v);
	free(v);
}

static char *printed(const struct gcs_variant_runs *v, bool json)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	if (json)
		assert_int_equal(gcs_variant_runs_json(v, out), 0);
	else
		gcs_variant_runs_text(v, out);
	fclose(out);
	return text;
}

/* The first line that has the word; its columns after the label. */
static void line(const char *text, const char *label, char *ret, size_t cap)
{
	const char *at = strstr(text, label);
	if (!at)
		fail_msg("no '%s' in:\n%s", label, text);
	snprintf(ret, cap, "%.*s", (int)strcspn(at, "\n"), at);
}

static void test_text(void **state)
{
	(void)state;
	struct gcs_variant_runs *v = series();
	char row[256];
	series_add(v, NULL, 100 * US_NS, true);
	series_add(v, "ptr", 40 * US_NS, true);
	series_add(v, "pooled", 130 * US_NS, false);
	v->planned = 3;
	char *text = printed(v, false);
	line(text, "as it is  ", row, sizeof(row));
	assert_non_null(strstr(row, "ptr"));
	assert_non_null(strstr(row, "pooled"));
	line(text, "verdict", row, sizeof(row));
	assert_non_null(strstr(row, "PASS"));
	line(text, "net p50", row, sizeof(row));
	assert_non_null(strstr(row, "x0.4"));
	assert_non_null(strstr(row, "%"));
	assert_non_null(strstr(row, "+"));
	line(text, "net rate", row, sizeof(row));
	assert_non_null(strstr(row, " ="));
	line(text, "median of the bench", row, sizeof(row));
	assert_non_null(strstr(row, "186 us"));
	assert_non_null(strstr(row, "89 us"));
	assert_null(strstr(text, "errors")); /* there were none */
	assert_null(strstr(text, "The series ended"));
	assert_non_null(strstr(text, "prove nothing"));
	assert_non_null(strstr(text, "values behind pointers"));
	free(text);
	series_free(v);
}

/* More runs than stand side by side: the first one in each block, nobody left out. */
static void test_many(void **state)
{
	(void)state;
	struct gcs_variant_runs *v = series();
	char id[24];
	uint32_t blocks = 0;
	series_add(v, NULL, 100 * US_NS, false);
	for (int i = 1; i <= 6; i++) {
		snprintf(id, sizeof(id), "variant-%d", i);
		series_add(v, id, (100 + 300 * i) * US_NS, false);
	}
	v->planned = 9;
	char *text = printed(v, false);
	for (const char *at = text; (at = strstr(at, "net p50")); at++)
		blocks++;
	assert_int_equal(blocks, 3);
	assert_non_null(strstr(text, "variant-6"));
	assert_non_null(strstr(text, "x19"));
	assert_non_null(strstr(text, "The series ended after 7 of 9 runs."));
	free(text);
	series_free(v);
}

static void test_json(void **state)
{
	(void)state;
	struct gcs_variant_runs *v = series();
	series_add(v, NULL, 100 * US_NS, true);
	series_add(v, "ptr", 50 * US_NS, true);
	v->planned = 3;
	char *text = printed(v, true);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_true(json_is_false(json_object_get(root, "complete")));
	json_t *list = json_object_get(root, "variants"), *ptr = json_array_get(list, 1);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(ptr, "id")), "ptr");
	json_t *metrics = json_object_get(ptr, "metrics");
	json_t *p50 = json_object_get(metrics, "op.latency.p50@net");
	assert_float_equal(json_number_value(json_object_get(p50, "over_base")), 0.5, 0.02);
	assert_float_equal(json_number_value(json_object_get(p50, "value")), 50.5e3, 1e3);
	json_t *rate = json_object_get(json_object_get(metrics, "ops.rate@maps"), "value");
	assert_float_equal(json_number_value(rate), 1000, 1);
	json_t *told = json_array_get(json_object_get(ptr, "reported"), 0);
	assert_string_equal(json_string_value(json_object_get(told, "reported")), "89 us");
	json_decref(root);
	free(text);
	series_free(v);
}

/* A run that left no record has a column and its sentence, and no figures. */
static void test_without_record(void **state)
{
	(void)state;
	struct gcs_variant_runs *v = series();
	series_add(v, NULL, 100 * US_NS, false);
	struct gcs_variant_run *bare = &v->of[v->n++];
	bare->id = fixture_dup("ptr");
	bare->about = fixture_dup("");
	bare->result.exit = GCS_EXIT_UNSUPPORTED;
	strcpy(bare->result.sentence, "cannot start the target");
	v->planned = 2;
	for (int base = 0; base < 2; base++) { /* and as the first one, which rows are compared with */
		char *text = printed(v, false);
		assert_non_null(strstr(text, "ptr: NO RESOURCE: cannot start the target."));
		assert_non_null(strstr(text, "net p50"));
		free(text);
		text = printed(v, true);
		json_t *root = json_loads(text, 0, NULL);
		assert_non_null(root);
		json_decref(root);
		free(text);
		struct gcs_variant_run swap = v->of[0];
		v->of[0] = v->of[1];
		v->of[1] = swap;
	}
	assert_int_equal(gcs_variant_runs_exit(v), GCS_EXIT_UNSUPPORTED);
	series_free(v);
}

static void test_exit(void **state)
{
	(void)state;
	static const enum gcs_exit order[] = {
		GCS_EXIT_TERM, GCS_EXIT_HARNESS,      GCS_EXIT_UNSUPPORTED, GCS_EXIT_CRASH,
		GCS_EXIT_FAIL, GCS_EXIT_INCONCLUSIVE, GCS_EXIT_UNTRUSTED,   GCS_EXIT_PASS};
	struct gcs_variant_runs *v = series();
	v->n = 2;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (size_t k = i; k < sizeof(order) / sizeof(order[0]); k++) {
			v->of[0].result.exit = order[i];
			v->of[1].result.exit = order[k];
			assert_int_equal(gcs_variant_runs_exit(v), order[i]);
			v->of[0].result.exit = order[k];
			v->of[1].result.exit = order[i];
			assert_int_equal(gcs_variant_runs_exit(v), order[i]);
		}
	series_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_many),
		cmocka_unit_test(test_json), cmocka_unit_test(test_without_record),
		cmocka_unit_test(test_exit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
