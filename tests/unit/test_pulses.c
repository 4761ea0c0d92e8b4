/* test_pulses.c: stretches of time as a set, against a bitmap; and the metrics of slow operations in a played run: how many pulses,
 * how wide, how far apart, what share of operations, with or without a lag beside them. */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/pulses.h"
#include "harness/collect/reported.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define LINE 400 /* moments of the bitmap; a pulse covers whole ones, touching ones included */

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

/* Even places are moments, odd ones what lies between two: so [1,2] and [3,4] do not touch, [1,2] and [2,3] do. */
static uint32_t mark(bool *line, int64_t from, int64_t to)
{
	uint32_t runs = 0;
	for (int64_t t = 2 * from; t <= 2 * to; t++)
		line[t] = true;
	for (int64_t t = 0; t < 2 * LINE; t++)
		runs += line[t] && (t == 0 || !line[t - 1]);
	return runs;
}

static void check_set(const struct gcs_pulses *p, const bool *line)
{
	for (uint32_t i = 0; i < p->n; i++) {
		assert_true(p->of[i].start_ns <= p->of[i].end_ns);
		assert_true(i == 0 || p->of[i - 1].end_ns < p->of[i].start_ns);
		for (int64_t t = 2 * p->of[i].start_ns; t <= 2 * p->of[i].end_ns; t++)
			assert_true(line[t]);
	}
}

static void test_set(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct gcs_pulses p = {0}, twice = {0};
		bool line[2 * LINE + 2] = {false};
		for (int i = 0; i < 60; i++) {
			int64_t from = (int64_t)random_below(LINE - 20);
			int64_t to = from + (int64_t)random_below(20);
			gcs_pulses_add(&p, from, to);
			assert_int_equal(p.n, mark(line, from, to));
			check_set(&p, line);
		}
		gcs_pulses_merge(&twice, &p);
		gcs_pulses_merge(&twice, &p);
		assert_int_equal(twice.n, p.n);
		assert_memory_equal(twice.of, p.of, p.n * sizeof(*p.of));
		gcs_pulses_fini(&p);
		gcs_pulses_fini(&twice);
	}
}

static void test_figures(void **state)
{
	(void)state;
	struct gcs_pulses p = {0}, lags = {0};
	double v;
	assert_false(gcs_pulses_width(&p, &v));
	assert_int_equal(gcs_pulses_shared(&p, &lags), 0);
	gcs_pulses_add(&p, 100, 120);
	assert_true(gcs_pulses_width(&p, &v) && v == 20);
	assert_false(gcs_pulses_period(&p, &v));
	gcs_pulses_add(&p, 140, 150);
	gcs_pulses_add(&p, 200, 230);
	assert_true(gcs_pulses_width(&p, &v) && v == 20);
	assert_true(gcs_pulses_period(&p, &v) && v == 50); /* 40 and 60 */
	gcs_pulses_add(&lags, 90, 99);
	gcs_pulses_add(&lags, 121, 139);
	gcs_pulses_add(&lags, 231, 300);
	assert_int_equal(gcs_pulses_shared(&p, &lags), 0);
	gcs_pulses_add(&lags, 145, 146);
	assert_int_equal(gcs_pulses_shared(&p, &lags), 1);
	gcs_pulses_add(&lags, 80, 100);
	gcs_pulses_add(&lags, 230, 230);
	assert_int_equal(gcs_pulses_shared(&p, &lags), 3);
	gcs_pulses_fini(&p);
	gcs_pulses_fini(&lags);
}

static void ask(struct gcs_scenario *s, const char *metric, const char *phase)
{
	struct gcs_reported *r = &s->reported[s->nreported++];
	r->what = fixture_dup(metric);
	r->value = fixture_dup("?");
	r->metric = fixture_dup(metric);
	r->phases[r->nphases++] = fixture_dup(phase);
}

/* For one tick operations of `ns` end, and there is a wake that was late by `wake_ns`. */
static void slow(struct run *r, int64_t at_ns, int64_t ns, int64_t wake_ns)
{
	struct play calm = r->play;
	run_until(r, at_ns);
	r->play.op_ns = ns;
	r->play.wake_ns = wake_ns;
	run_until(r, at_ns + TICK_NS);
	r->play = calm;
}

static void answer(const struct run *r, double *ret, size_t n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(gcs_report(r->path, "json", out, stderr), 0);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL), *list = json_object_get(root, "reported");
	assert_int_equal(json_array_size(list), n);
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(json_array_get(list, i), "value");
		ret[i] = json_is_null(v) ? -1 : json_number_value(v);
	}
	json_decref(root);
	free(text);
}

static void test_metrics(void **state)
{
	(void)state;
	struct run r;
	double v[13];
	static const char *const storm[] = {
		"op.pulses.1s.count",	      "op.pulses.1s.width",
		"op.pulses.1s.period",	      "op.pulses.1s.with_lag",
		"op.pulses.100ms.count@net",  "op.pulses.100ms.with_lag@net",
		"op.over.1s@maps",	      "op.over.10ms",
		"op.over.2s",		      "gc.mark.p50",
		"gc.mark.count"};
	run_init(&r);
	for (size_t i = 0; i < 11; i++)
		ask(r.s, storm[i], "storm");
	ask(r.s, "op.pulses.100ms.count", "steady");
	ask(r.s, "op.pulses.100ms.width", "steady");
	run_start(&r);
	slow(&r, 13900 * MS_NS, 1500 * MS_NS, 200 * MS_NS); /* from 12.5 to 14 s */
	slow(&r, 16900 * MS_NS, 1200 * MS_NS, 90 * MS_NS);  /* from 15.8 to 17 s; the lag is too short */
	slow(&r, 18900 * MS_NS, 300 * MS_NS, 20 * MS_NS);   /* only 0.3 s */
	run_until(&r, 32 * S_NS);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	answer(&r, v, 13);
	assert_true(v[0] == 2);
	assert_float_equal(v[1], (1.5e9 + 1.2e9) / 2, 0.11e9);
	assert_float_equal(v[2], 3.3e9, 0.11e9);
	assert_true(v[3] == 0.5);
	assert_true(v[4] == 3);
	assert_true(v[5] == 1);
	assert_float_equal(v[6], 2.0 / 80, 1e-6);
	assert_float_equal(v[7], 3.0 / 80, 1e-6);
	assert_true(v[8] == 0);
	assert_float_equal(v[9], 3e6, 0.1e6);
	assert_true(v[10] == 8);
	assert_true(v[11] == 0);
	assert_true(v[12] == -1); /* there was none: no width, not a width of 0 */
	run_fini(&r);
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_metrics),
	};
	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
