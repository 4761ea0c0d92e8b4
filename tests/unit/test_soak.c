/* test_soak.c: the parts of a soak that run nothing: seeds, the command that repeats a round, the
 * trend of its memory. */
#include "harness/soak/soak_plan.h"
#include "harness/soak/soak_trend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(x) (sizeof(x) / sizeof((x)[0]))

static void test_seeds(void **state)
{
	/* The published first outputs of splitmix64 from seed 0, without their highest bit. */
	static const uint64_t known[] = {0x6220a8397b1dcdaf, 0x6e789e6aa1b965f4,
					 0x06c45d188009454f};
	struct gcs_soak_plan p = {.nscenarios = 3};
	(void)state;
	for (uint64_t i = 0; i < LENGTH(known); i++)
		assert_int_equal(gcs_soak_seed_of(&p, i + 1), known[i]);
	/* A seed of its own for every round, and for every soak. */
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct gcs_soak_plan other = {.seed = seed + 1, .nscenarios = 3};
		p.seed = seed;
		for (uint64_t i = 1; i < 200; i++) {
			assert_true(gcs_soak_seed_of(&p, i) <= INT64_MAX);
			assert_true(gcs_soak_seed_of(&p, i) != gcs_soak_seed_of(&other, i));
			for (uint64_t k = 1; k < i; k++)
				assert_true(gcs_soak_seed_of(&p, i) != gcs_soak_seed_of(&p, k));
		}
	}
	const uint32_t turn[] = {0, 1, 2, 0, 1, 2, 0};
	for (uint64_t i = 0; i < LENGTH(turn); i++)
		assert_int_equal(gcs_soak_scenario_of(&p, i + 1), turn[i]);
}

static void assert_quoted(const char *word, const char *want)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	gcs_soak_quote(out, word);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void test_command(void **state)
{
	(void)state;
	assert_quoted("plain-1.yaml", "plain-1.yaml");
	assert_quoted("", "''");
	assert_quoted("a b", "'a b'");
	assert_quoted("it's", "'it'\\''s'");
	assert_quoted("$(rm)", "'$(rm)'");
	assert_quoted("~/x", "'~/x'");
	char a[] = "scenario-1-a.yaml", b[] = "scenario-2-b.yaml", key[] = "slo";
	char value[] = "[{id: x}]", variant[] = "fixed", time[] = "2.5", heap[] = "4";
	struct gcs_soak_plan p = {
		.nscenarios = 2, .sim = true, .variant = variant, .time_scale = time, .nsets = 1};
	p.scenario[0].file = a;
	p.scenario[1].file = b;
	p.set[0].key = key;
	p.set[0].value = value;
	char *text = gcs_soak_command(&p, "/tmp/a dir", 2);
	assert_string_equal(text, "gcstorm run --sim --variant fixed --time-scale 2.5 --set "
				  "'slo=[{id: x}]' --seed 0x6e789e6aa1b965f4 "
				  "'/tmp/a dir/scenario-2-b.yaml'");
	free(text);
	p = (struct gcs_soak_plan){.nscenarios = 1, .heap_scale = heap};
	p.scenario[0].file = a;
	text = gcs_soak_command(&p, "/d", 3);
	assert_string_equal(text, "gcstorm run --heap-scale 4 --seed 0x6c45d188009454f "
				  "/d/scenario-1-a.yaml");
	free(text);
}

/* n rounds of two scenarios, one of them twice as large; `grow` KiB more each round, and a saw of
 * 300 KiB on it. */
static void points(struct gcs_trend_point *p, size_t n, double grow)
{
	for (size_t i = 0; i < n; i++) {
		double level = i % 2 ? 20000 : 10000;
		double saw = (double)(i * 7919 % 13) / 13 * 300;
		p[i] = (struct gcs_trend_point){i + 1, i % 2, level + saw + grow * (double)i};
	}
}

static struct gcs_trend trend(struct gcs_trend_point *p, size_t n)
{
	struct gcs_trend t;
	assert_int_equal(gcs_trend_of(p, n, &t), 0);
	return t;
}

static void test_trend(void **state)
{
	static struct gcs_trend_point p[2000];
	(void)state;
	points(p, 400, 0);
	struct gcs_trend t = trend(p, 400);
	assert_int_equal(t.word, GCS_TREND_FLAT);
	assert_int_equal(t.rounds, 400);
	assert_true(t.slope_kib > -1 && t.slope_kib < 1);

	points(p, 400, 10); /* 4 MiB in all */
	t = trend(p, 400);
	assert_int_equal(t.word, GCS_TREND_RISES);
	assert_true(t.slope_kib > 9 && t.slope_kib < 11);
	assert_true(t.rising > 0.9);

	points(p, 400, 10); /* one in ten is of another world: nothing changes */
	for (size_t i = 5; i < 400; i += 10)
		p[i].kib = i < 200 ? 900000 : 1;
	t = trend(p, 400);
	assert_int_equal(t.word, GCS_TREND_RISES);
	assert_true(t.slope_kib > 8 && t.slope_kib < 12);

	points(p, 400, -10);
	assert_int_equal(trend(p, 400).word, GCS_TREND_FLAT);

	points(p, 40, 10); /* 400 KiB: less than 1 MiB */
	assert_int_equal(trend(p, 40).word, GCS_TREND_FLAT);

	points(p, 2000, 10); /* more rounds than are looked at */
	t = trend(p, 2000);
	assert_int_equal(t.word, GCS_TREND_RISES);
	assert_true(t.slope_kib > 9 && t.slope_kib < 11);
}

static void test_trend_warm_up(void **state)
{
	static struct gcs_trend_point p[100];
	(void)state;
	for (size_t i = 0; i < 100; i++) /* set up once, in the first ten rounds */
		p[i] = (struct gcs_trend_point){i + 1, 0, i < 10 ? 1000 + 1000 * (double)i : 11000};
	struct gcs_trend t = trend(p, 100);
	assert_int_equal(t.word, GCS_TREND_FLAT);
	assert_true(t.slope_kib == 0);
	assert_true(t.first_kib == 1000 && t.last_kib == 11000);
}

static void test_trend_of_few(void **state)
{
	struct gcs_trend_point p[6];
	(void)state;
	for (size_t n = 0; n < 5; n++) {
		points(p, n, 100000);
		assert_int_equal(trend(p, n).word, GCS_TREND_INCONCLUSIVE);
	}
	points(p, 6, 100000);
	assert_int_equal(trend(p, 6).word, GCS_TREND_RISES);
	for (size_t i = 0; i < 6; i++) /* no two of one scenario */
		p[i] = (struct gcs_trend_point){i + 1, (uint32_t)i, 1000.0 * (double)i};
	assert_int_equal(trend(p, 6).word, GCS_TREND_INCONCLUSIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds),	      cmocka_unit_test(test_command),
		cmocka_unit_test(test_trend),	      cmocka_unit_test(test_trend_warm_up),
		cmocka_unit_test(test_trend_of_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
