/*
 * test_versus.c: two sides beside each other: which runs count, who stands against whom, and verdicts, which are those of agreement.h for the same
 * pairs.
 */
#include "tests/unit/test_versus_fixture.h"

#include "harness/measure/agreement.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static const struct gcs_versus_row *row_of(const struct gcs_versus *v, const char *metric)
{
	for (uint32_t i = 0; i < v->nrows; i++)
		if (strcmp(v->row[i].metric, metric) == 0)
			return &v->row[i];
	fail_msg("no row '%s'", metric);
	return NULL;
}

static bool has_row(const struct gcs_versus *v, const char *metric)
{
	bool has = false;
	for (uint32_t i = 0; i < v->nrows; i++)
		has |= strcmp(v->row[i].metric, metric) == 0;
	return has;
}

static struct gcs_versus *compared(struct versus_fixture *f)
{
	struct gcs_versus *v = make_versus_of(f);
	assert_non_null(v);
	return v;
}

/* ---- verdicts */

static void test_what_is_planted_is_found(void **state)
{
	(void)state;
	struct gcs_versus *v = make_versus(6, 6);
	assert_non_null(v);
	assert_int_equal(v->pairs, 5); /* one of B is inconclusive, and its partner has none */
	assert_int_equal(v->unpaired, 1);
	assert_true(v->by_seed && v->sim);
	const struct gcs_versus_row *r = row_of(v, "pause.stw.p99");
	assert_string_equal(r->word, "WORSE");
	assert_int_equal(r->pairs, 5);
	assert_true(r->low == 2 && r->high == 2);
	assert_string_equal(row_of(v, "ops.rate@slices")->word, "better");
	assert_string_equal(row_of(v, "gc.cycles")->word, "differs"); /* neither way is worse */
	assert_string_equal(row_of(v, "op.latency.p99@maps")->word, "open");
	assert_string_equal(row_of(v, "pause.stw.p50")->word, "same");
	assert_string_equal(row_of(v, "recovery.time.max@oom")->word, "same");
	assert_string_equal(v->side[GCS_VERSUS_B].run[5].why, "INCONCLUSIVE: oom fired 0 < 20");
	assert_string_equal(v->settings, "target.gogc 100 -> 50");
	assert_string_equal(row_of(v, "stops: pause.stw.p99 < 5ms")->side[GCS_VERSUS_A].shown, "6 of 6 ok");
	assert_string_equal(row_of(v, "stops: pause.stw.p99 < 5ms")->side[GCS_VERSUS_B].shown, "4 of 5 ok");
	assert_true(row_of(v, "stops: pause.stw.p99 < 5ms")->side[GCS_VERSUS_B].failed);
	assert_string_equal(row_of(v, "stops: pause.stw.p99 < 5ms")->word, "");
	assert_int_equal(gcs_versus_exit(v), GCS_EXIT_FAIL);
	gcs_versus_close(v);
}

static void test_equal_sides_are_the_same(void **state)
{
	(void)state;
	struct versus_fixture *f = make_versus_fixture(6, 6);
	f->band = 1;
	struct gcs_versus *v = compared(f);
	assert_int_equal(v->pairs, 6);
	for (uint32_t i = 0; i < v->nrows; i++)
		if (!v->row[i].check)
			assert_string_equal(v->row[i].word, "same");
	assert_true(v->nrows > 15);
	assert_int_equal(gcs_versus_exit(v), GCS_EXIT_PASS);
	assert_string_equal(row_of(v, "pause.stw.p99")->side[GCS_VERSUS_A].range, "1.20 ms to 1.25 ms"); /* of six the least and the greatest */
	assert_string_equal(v->settings, "");
	gcs_versus_close(v);
	free(f);
}

/* Runs come in another order on B, and every seed has figures of its own: only pairs of one seed are equal. */
static void test_pairs_are_of_one_seed(void **state)
{
	(void)state;
	struct versus_fixture *f = make_versus_fixture(6, 6);
	f->band = 1;
	for (uint32_t i = 0; i < 6; i++) {
		versus_fixture_report(&f->run[GCS_VERSUS_B][i], 6 - i);
		f->run[GCS_VERSUS_A][i].in.report.heap_live_max = (i + 1) << 20;
		f->run[GCS_VERSUS_B][i].in.report.heap_live_max = (6 - i) << 20;
	}
	struct gcs_versus *v = compared(f);
	const struct gcs_versus_row *r = row_of(v, "heap.live.max");
	assert_true(v->by_seed && r->low == 1 && r->high == 1);
	gcs_versus_close(v);
	/* no seed on both sides: the first that began stands against the first */
	for (uint32_t i = 0; i < 6; i++)
		f->run[GCS_VERSUS_B][i].in.report.seed += 100;
	v = compared(f);
	r = row_of(v, "heap.live.max");
	assert_true(!v->by_seed && v->pairs == 6 && r->low == 1 && r->high == 1); /* they began in the order of their seeds */
	for (uint32_t i = 0; i < 6; i++)
		f->run[GCS_VERSUS_B][i].in.report.begun_wall_ns = -(int64_t)f->run[GCS_VERSUS_B][i].in.report.begun_wall_ns;
	gcs_versus_close(v);
	v = compared(f);
	r = row_of(v, "heap.live.max");
	assert_true(r->low < 0.2 && r->high > 5);
	gcs_versus_close(v);
	free(f);
}

static void test_one_against_one_decides_nothing(void **state)
{
	(void)state;
	struct gcs_versus *v = make_versus(1, 1);
	assert_non_null(v);
	const struct gcs_versus_row *r = row_of(v, "pause.stw.p99");
	assert_true(r->ratio == 2);
	assert_int_equal(r->pairs, 1);
	assert_string_equal(r->word, "-");
	assert_string_equal(r->side[GCS_VERSUS_A].range, "");
	assert_string_equal(row_of(v, "stops: pause.stw.p99 < 5ms")->side[GCS_VERSUS_B].shown, "FAIL 1.2 ms");
	assert_non_null(strstr(v->said, "no interval"));
	assert_int_equal(gcs_versus_exit(v), GCS_EXIT_INCONCLUSIVE);
	assert_true(v->confidence == 0);
	gcs_versus_close(v);
	v = make_versus(4, 5); /* four pairs are too few */
	assert_non_null(v);
	assert_int_equal(v->pairs, 4);
	assert_string_equal(row_of(v, "pause.stw.p99")->word, "-");
	gcs_versus_close(v);
}

/* Whatever the figures are: the verdict of a row is what agreement.h says of its pairs, turned by which way is worse. */
static void test_verdicts_are_those_of_a_diff(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	uint32_t seen[GCS_VERSUS_DIFFERS + 1] = {0};
	for (int k = 0; k < 300; k++) {
		struct versus_fixture *f = make_versus_fixture(5 + (uint32_t)k % 4, 5 + (uint32_t)k % 4);
		double a[VERSUS_FIXTURE_RUNS], b[VERSUS_FIXTURE_RUNS], by = 0.4 + rand() % 200 / 100.0;
		struct gcs_agreement x;
		for (uint32_t i = 0; i < f->n[0]; i++) {
			int64_t first = 1000000 + rand() % 200000;
			int64_t second = (int64_t)((double)first * by * (1 + rand() % (k % 3 ? 20 : 90) / 100.0));
			a[i] = (double)(f->run[0][i].in.report.series[GCS_STW].p99_ns = first);
			b[i] = (double)(f->run[1][i].in.report.series[GCS_STW].p99_ns = second);
		}
		struct gcs_versus *v = compared(f);
		const struct gcs_versus_row *r = row_of(v, "pause.stw.p99");
		gcs_agreement(&x, a, b, f->n[0], f->band);
		assert_true(r->ratio == x.ratio && r->low == x.low && r->high == x.high && r->pairs == x.rounds);
		enum gcs_versus_verdict want = x.agree == GCS_AGREE_SAME ? GCS_VERSUS_SAME : x.agree == GCS_AGREE_OPEN ? GCS_VERSUS_OPEN
					       : x.ratio > 1		? GCS_VERSUS_WORSE
									: GCS_VERSUS_BETTER;
		assert_int_equal(r->verdict, want);
		seen[want]++;
		gcs_versus_close(v);
		free(f);
	}
	assert_true(seen[GCS_VERSUS_SAME] && seen[GCS_VERSUS_OPEN] && seen[GCS_VERSUS_WORSE] && seen[GCS_VERSUS_BETTER]);
}

/* ---- who counts */

static void test_one_that_never_came_back(void **state)
{
	(void)state;
	static char never[] = "never";
	struct versus_fixture *f = make_versus_fixture(6, 6);
	for (uint32_t i = 0; i < 6; i++) {
		f->run[GCS_VERSUS_B][i].occ[0].state = never;
		f->run[GCS_VERSUS_B][i].occ[0].recovery_ns = -1;
	}
	struct gcs_versus *v = compared(f);
	const struct gcs_versus_row *r = row_of(v, "recovery.time.max@oom");
	assert_string_equal(r->side[GCS_VERSUS_B].shown, "never");
	assert_string_equal(r->word, "WORSE");
	assert_string_equal(row_of(v, "recovery.time.max@late")->word, "same"); /* of that fault alone */
	assert_string_equal(row_of(v, "recovery.degraded@oom")->side[GCS_VERSUS_A].shown, "1");
	assert_false(has_row(v, "recovery.degraded@late")); /* not worth a line */
	gcs_versus_close(v);
	free(f);
}

/* Nothing is told apart below the resolution: within it is the same as within it, and not infinitely less than what came back later. */
static void test_within_the_resolution(void **state)
{
	(void)state;
	struct versus_fixture *f = make_versus_fixture(6, 6);
	for (uint32_t i = 0; i < 6; i++) {
		f->run[GCS_VERSUS_A][i].occ[0].recovery_ns = 0;
		f->run[GCS_VERSUS_B][i].occ[0].recovery_ns = i % 2 ? 400000000 : 300000000;
		f->run[GCS_VERSUS_A][i].occ[1].recovery_ns = 0;
		f->run[GCS_VERSUS_B][i].occ[1].recovery_ns = 90000000;
	}
	struct gcs_versus *v = compared(f);
	const struct gcs_versus_row *r = row_of(v, "recovery.time.max@oom");
	assert_string_equal(r->side[GCS_VERSUS_A].shown, "<100 ms");
	assert_string_equal(r->side[GCS_VERSUS_A].range, "<100 ms to <100 ms");
	assert_string_equal(r->side[GCS_VERSUS_B].shown, "350 ms");
	assert_true(r->low == 3 && r->high == 4);
	assert_string_equal(r->word, "WORSE");
	r = row_of(v, "recovery.time.max@late");
	assert_string_equal(r->side[GCS_VERSUS_B].shown, "<100 ms");
	assert_true(r->ratio == 1);
	gcs_versus_close(v);
	free(f);
}

/* The first of B is changed, and has figures that would be seen: it does not count, and says why. */
static void left_out(void (*change)(struct versus_fixture_run *r), bool real, const char *why)
{
	struct versus_fixture *f = make_versus_fixture(6, 6);
	for (int side = 0; real && side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < 6; i++)
			f->run[side][i].in.report.sim = false;
	f->run[GCS_VERSUS_B][0].in.report.series[GCS_STW].p50_ns *= 1000;
	change(&f->run[GCS_VERSUS_B][0]);
	struct gcs_versus *v = compared(f);
	if (why && !strstr(v->side[GCS_VERSUS_B].run[0].why, why))
		fail_msg("'%s', not '%s'", v->side[GCS_VERSUS_B].run[0].why, why);
	if (!why)
		assert_string_equal(v->side[GCS_VERSUS_B].run[0].why, "");
	assert_int_equal(v->side[GCS_VERSUS_B].ncounted, why ? 5 : 6);
	assert_int_equal(v->side[GCS_VERSUS_B].drawn, why ? 1 : 0);
	assert_int_equal(v->pairs, why ? 5 : 6);
	const struct gcs_versus_row *r = row_of(v, "pause.stw.p50");
	assert_int_equal(r->high == 1, why != NULL);
	assert_int_equal(strstr(r->side[GCS_VERSUS_B].range, "82 ms") == NULL, why != NULL);
	gcs_versus_close(v);
	/* alone it is shown, and against nothing */
	f->n[0] = f->n[1] = 1;
	v = compared(f);
	r = row_of(v, "pause.stw.p50");
	assert_int_equal(r->pairs, why ? 0 : 1);
	assert_true(isnan(r->ratio) == (why != NULL));
	assert_true(!why || strstr(v->said, "no run of B counts"));
	assert_int_equal(gcs_versus_exit(v), GCS_EXIT_INCONCLUSIVE);
	gcs_versus_close(v);
	free(f);
}

static char other_name[] = "other", variant_name[] = "map-delete-residue+small", crashed[] = "CRASH";
static void make_nothing(struct versus_fixture_run *r) { (void)r; }
static void make_variant(struct versus_fixture_run *r) { r->in.report.name = variant_name; }
static void make_failed(struct versus_fixture_run *r) { r->in.report.exit = GCS_EXIT_FAIL; }
static void make_unfinished(struct versus_fixture_run *r) { r->in.report.finished = false; }
static void make_crashed(struct versus_fixture_run *r) { r->in.report.exit = GCS_EXIT_CRASH; r->in.report.word = crashed; }
static void make_modified(struct versus_fixture_run *r) { r->in.report.nmodifying = 1; }
static void make_renamed(struct versus_fixture_run *r) { r->in.report.name = other_name; }
static void make_longer(struct versus_fixture_run *r) { r->phase[1].end_ns += 1; }
static void make_other_driver(struct versus_fixture_run *r) { r->ops[1].driver = vf_map_churn; }
static void make_fewer_workloads(struct versus_fixture_run *r) { r->in.report.nops = 1; }
static void make_other_point(struct versus_fixture_run *r) { r->fault[0].point = vf_wake; }
static void make_fewer_faults(struct versus_fixture_run *r) { r->in.report.nfaults = 1; }
static void make_real(struct versus_fixture_run *r) { r->in.report.sim = false; }
static void make_real_and_crashed(struct versus_fixture_run *r) { make_real(r); make_crashed(r); }
static void make_simulated(struct versus_fixture_run *r) { r->in.report.sim = true; }
static void make_elsewhere(struct versus_fixture_run *r) { snprintf(r->in.machine, sizeof r->in.machine, "there, another processor"); }

static void test_who_counts(void **state)
{
	(void)state;
	left_out(make_nothing, false, NULL);
	left_out(make_variant, false, NULL); /* what differs is what is compared */
	left_out(make_failed, false, NULL);  /* its figures are whole */
	left_out(make_elsewhere, false, NULL); /* the simulation is the same on any machine */
	left_out(make_unfinished, false, "no verdict");
	left_out(make_crashed, false, "CRASH: all held");
	left_out(make_modified, false, "operator-modified");
	left_out(make_renamed, false, "another scenario: other, not map-delete-residue");
	left_out(make_longer, false, "its phases");
	left_out(make_other_driver, false, "its workloads");
	left_out(make_fewer_workloads, false, "its workloads");
	left_out(make_other_point, false, "its faults");
	left_out(make_fewer_faults, false, "its faults");
	left_out(make_real, false, "real, where others are simulated");
	left_out(make_real_and_crashed, false, "real, where others are simulated"); /* says more */
	left_out(make_simulated, true, "simulated, where others are real");
	left_out(make_elsewhere, true, "another machine: there, another processor");
}

static void test_what_cannot_be_read(void **state)
{
	(void)state;
	struct versus_fixture *f = make_versus_fixture(2, 2);
	memset(&f->run[GCS_VERSUS_A][0].in.report, 0, sizeof f->run[0][0].in.report);
	snprintf(f->run[GCS_VERSUS_A][0].in.trouble, sizeof f->run[0][0].in.trouble, "a1.gcrun is not a record");
	struct gcs_versus *v = compared(f);
	assert_int_equal(v->side[GCS_VERSUS_A].ncounted, 1);
	assert_int_equal(v->side[GCS_VERSUS_A].drawn, 1);
	assert_string_equal(v->side[GCS_VERSUS_A].run[0].why, "a1.gcrun is not a record");
	assert_int_equal(v->pairs, 1);
	gcs_versus_close(v);
	/* from files: nothing of a side can be read */
	struct gcs_versus_paths side[GCS_VERSUS_SIDES] = {{.n = 1}, {.n = 1}};
	char *text = NULL;
	side[0].path[0] = strdup("/nowhere/a.gcrun");
	side[1].path[0] = strdup("/nowhere/b.gcrun");
	v = NULL;
	assert_int_equal(gcs_versus_open(&v, side, 1.25, &text), -ENOENT);
	assert_non_null(text);
	assert_non_null(strstr(text, "/nowhere/a.gcrun"));
	assert_null(v);
	free(text);
	gcs_versus_paths_fini(&side[0]);
	gcs_versus_paths_fini(&side[1]);
	free(f);
}

/* ---- what is said */

static void test_settings(void **state)
{
	(void)state;
	static char a[] = "{\"seed\": 1, \"path\": \"x\", \"runtime\": {\"gogc\": 100, \"seed\": 1}, \"workloads\": [{\"id\": \"maps\", \"rate\": 5}],"
			  " \"faults\": [{\"id\": \"oom\", \"windows\": [[1, 2]], \"p_ppb\": 7}]}",
		    b[] = "{\"seed\": 2, \"path\": \"y\", \"runtime\": {\"gogc\": 50, \"seed\": 2, \"go\": \"x\"}, \"workloads\": [{\"id\": \"maps\","
			  " \"rate\": 6}], \"faults\": [{\"id\": \"oom\", \"windows\": [[1, 3]], \"p_ppb\": 8}]}";
	struct versus_fixture *f = make_versus_fixture(1, 1);
	f->run[0][0].in.resolved = a;
	f->run[1][0].in.resolved = b;
	struct gcs_versus *v = compared(f);
	assert_string_equal(v->settings, "target.gogc 100 -> 50, target.go none -> x, workloads.maps.rate 5 -> 6 and 1 more");
	gcs_versus_close(v);
	f->run[1][0].in.resolved = NULL; /* not known is not otherwise */
	v = compared(f);
	assert_string_equal(v->settings, "");
	gcs_versus_close(v);
	free(f);
}

static void test_text_and_json(void **state)
{
	(void)state;
	struct gcs_versus *v = make_versus(6, 6);
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(v);
	assert_non_null(out);
	gcs_versus_text(v, out);
	fclose(out);
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		if (end - line > 80 && strncmp(line, "not counted", 11) != 0)
			fail_msg("wider than 80: %.*s", (int)(end - line), line);
	assert_non_null(strstr(text, "pause.stw.p99 "));
	assert_non_null(strstr(text, "2.00 (2.00 to 2.00) WORSE\n"));
	assert_non_null(strstr(text, "not counted: B map-delete-residue-b6: INCONCLUSIVE: oom fired 0 < 20\n"));
	assert_non_null(strstr(text, "1 run has no partner"));
	assert_non_null(strstr(text, "simulated: every time is modelled"));
	free(text);
	out = open_memstream(&text, &n);
	assert_int_equal(gcs_versus_json(v, out), 0);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(root, "exit")), GCS_EXIT_FAIL);
	assert_int_equal(json_array_size(json_object_get(root, "rows")), v->nrows);
	assert_int_equal(json_array_size(json_object_get(json_object_get(root, "b"), "runs")), 6);
	json_decref(root);
	free(text);
	gcs_versus_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_planted_is_found), cmocka_unit_test(test_equal_sides_are_the_same),
		cmocka_unit_test(test_pairs_are_of_one_seed),	 cmocka_unit_test(test_one_against_one_decides_nothing),
		cmocka_unit_test(test_verdicts_are_those_of_a_diff), cmocka_unit_test(test_one_that_never_came_back),
		cmocka_unit_test(test_within_the_resolution),
		cmocka_unit_test(test_who_counts),		 cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_settings),		 cmocka_unit_test(test_text_and_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
