/* test_replay.c: a record's run is made again; records that were tampered with stand for runs that differ. */
#include "harness/base/build.h"
#include "harness/explore/original.h"
#include "harness/explore/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct ground {
	char dir[64], record[128], scenario[GCS_PATH_BYTES];
	bool real;
	char target_sim[GCS_PATH_BYTES], target_real[GCS_PATH_BYTES], load[GCS_PATH_BYTES];
	const char *heap_scale;
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : ".";
}

static void make_run(struct ground *g, const struct gcs_override *set, size_t nset)
{
	const struct gcs_scenario_options load = {.set = set, .nset = nset, .heap_scale = g->heap_scale};
	struct gcs_trial t = {.seed = 5, .real = g->real};
	struct gcs_trial_end end;
	snprintf(t.path, sizeof(t.path), "%s", g->scenario);
	snprintf(t.record, sizeof(t.record), "%s", g->record);
	snprintf(t.log, sizeof(t.log), "%s/log", g->dir);
	unlink(g->record);
	assert_int_equal(gcs_trial_once(&t, &load, "test", &end), 0);
	assert_string_equal(end.run.record, g->record);
}

static int ground_init(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));
	char runtime[96];
	snprintf(g->target_sim, sizeof(g->target_sim), "%s/gcstorm-target-sim", environment("GCSTORM_BUILD"));
	snprintf(g->target_real, sizeof(g->target_real), "%s/gcstorm-target", environment("GCSTORM_BUILD"));
	snprintf(g->load, sizeof(g->load), "%s/gcstorm-load", environment("GCSTORM_BUILD"));
	setenv("GCSTORM_TARGET", g->target_sim, 1);
	snprintf(g->dir, sizeof(g->dir), "/tmp/gcstorm-replay-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	snprintf(runtime, sizeof(runtime), "%s/runtime", g->dir);
	assert_int_equal(mkdir(runtime, 0700), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	setenv("TMPDIR", g->dir, 1);
	snprintf(g->record, sizeof(g->record), "%s/a.gcrun", g->dir);
	snprintf(g->scenario, sizeof(g->scenario), "%s/tests/scenarios/explore.yaml", environment("GCSTORM_SOURCE"));
	*state = g;
	return 0;
}

static int ground_fini(void **state)
{
	struct ground *g = *state;
	char command[160];
	snprintf(command, sizeof(command), "rm -rf '%s'", g->dir);
	int e = system(command);
	free(g);
	return e;
}

static void tamper(const struct ground *g, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(g->record, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_true(sqlite3_changes(db) > 0);
	sqlite3_close(db);
}

static int replay(const struct ground *g, const char *format, char **ret)
{
	size_t n;
	FILE *out = open_memstream(ret, &n);
	const struct gcs_replay_options opt = {.record = g->record, .format = format, .out = out, .err = out};
	int code = (int)gcs_replay(&opt);
	fclose(out);
	printf("exit %d: %s", code, *ret);
	return code;
}

/* How often a run on real threads may be made where the machine stood still for all of a window: nothing fires then. */
static int tries(const struct ground *g)
{
	return g->real ? 10 : 1;
}

static void expect(const struct ground *g, int code, const char *a, const char *b)
{
	bool as_expected = false;
	for (int i = 0; i < tries(g) && !as_expected; i++) {
		char *text;
		as_expected = replay(g, "text", &text) == code && strstr(text, a) && strstr(text, b);
		free(text);
	}
	assert_true(as_expected);
}

static void test_the_same(void **state)
{
	struct ground *g = *state;
	const struct gcs_override set[] = {{"faults.oom.fire.probability", "3%"}, {"workload.maps.rate", "4k/s"}};
	char *text;
	make_run(g, set, 2);
	expect(g, 0, "the same to the last bit: hash ", "SLO clean failed");
	assert_int_equal(replay(g, "json", &text), 0);
	json_t *o = json_loads(text, 0, NULL);
	assert_true(json_is_true(json_object_get(o, "same")));
	assert_true(json_integer_value(json_object_get(o, "firings")) > 10);
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "now"), "build")), gcs_build_id(true));
	json_decref(o);
	free(text);
}

/* What is laid over by an option of its own counts too: with the whole heap it would be another run. */
static void test_scaled(void **state)
{
	struct ground *g = *state;
	g->heap_scale = "4";
	make_run(g, NULL, 0);
	g->heap_scale = NULL;
	expect(g, 0, "the same to the last bit", "verdict then");
}

static void test_another_firing(void **state)
{
	struct ground *g = *state;
	make_run(g, NULL, 0);
	tamper(g, "UPDATE firings SET ordinal = ordinal + 1 WHERE rowid = (SELECT max(rowid) FROM firings)");
	expect(g, 99, "ANOTHER RUN, by the same programs", "the first difference is a firing at 0.");
	tamper(g, "UPDATE host SET value = '0-0' WHERE key = 'build'");
	expect(g, 5, "ANOTHER RUN, by other programs", "build 0-0 then, ");
}

static void test_a_firing_less(void **state)
{
	struct ground *g = *state;
	make_run(g, NULL, 0);
	tamper(g, "DELETE FROM firings WHERE rowid = (SELECT max(rowid) FROM firings)");
	expect(g, 99, "then: nothing", "now:  fault ");
}

static void test_another_hash(void **state)
{
	struct ground *g = *state;
	make_run(g, NULL, 0);
	tamper(g, "UPDATE run SET hash = '0123456789abcdef'");
	tamper(g, "UPDATE gc_cycles SET heap_start = heap_start + 8 WHERE cycle = 1");
	expect(g, 99, "hash 0123456789abcdef then, ", "the first difference is a collection at 0.");
}

/* Another build, and the same run nevertheless. */
static void test_another_build(void **state)
{
	struct ground *g = *state;
	make_run(g, NULL, 0);
	tamper(g, "UPDATE host SET value = '0-0' WHERE key = 'build'");
	expect(g, 0, "the same to the last bit", "build 0-0 then, ");
}

static const struct gcs_override aborts[] = {
	{"faults.oom.fire.probability", "10%"}, {"slo.clean.check", "ops.errors == 0"}, {"slo.clean.abort", "true"}};

/* It ended itself early: where it did is part of it. */
static void test_aborted(void **state)
{
	struct ground *g = *state;
	make_run(g, aborts, 3);
	expect(g, 0, "the same to the last bit: hash ", "SLO clean failed");
	tamper(g, "UPDATE run SET hash = '0123456789abcdef'");
	expect(g, 99, "ANOTHER RUN", "hash 0123456789abcdef then, ");
}

/* Somebody ended it: the end is not compared. */
static void test_cut_short(void **state)
{
	struct ground *g = *state;
	make_run(g, aborts, 3);
	tamper(g, "UPDATE run SET hash = '0123456789abcdef'");
	tamper(g, "INSERT INTO operator VALUES(1, 'screen', 'quit', -1, '')");
	expect(g, 0, "the same up to 0.4", "where it was cut short");
	tamper(g, "UPDATE firings SET t_ns = t_ns + 1 WHERE rowid = (SELECT min(rowid) FROM firings)");
	expect(g, 99, "ANOTHER RUN", "the first difference is a firing");
}

static void test_refused(void **state)
{
	struct ground *g = *state;
	make_run(g, NULL, 0);
	tamper(g, "INSERT INTO operator VALUES(1, 'ctl', 'arm', 0, '')");
	expect(g, 3, "by hand", "");
	tamper(g, "UPDATE verdict SET exit = 130");
	expect(g, 3, "interrupted", "");
	tamper(g, "DELETE FROM verdict");
	expect(g, 3, "not finished", "");
	tamper(g, "UPDATE scenario SET resolved = '{}'");
	expect(g, 3, "of an older gcstorm", "");
	unlink(g->record);
	expect(g, 2, "cannot open", "");
}

/* ---- on real threads */

static const struct gcs_override real_set[] = {
	/* Where these fire a run comes, however busy the machine is. */
	{"faults.oom.fire", "{nth: 4, burst: 3}"}, {"faults.oom.match", "{workload: [slices]}"}, {"faults.oom.when", "{phase: storm}"},
	{"faults.late.fire", "{every: 2, delay: 100us}"}, {"faults.late.limit", "{times: 3}"}, {"faults.late.when", "{phase: storm}"},
	{"faults.gcnow.fire", "{nth: 1000000}"}, {"faults.grown.fire", "{nth: 1000000}"}, {"phases.storm.for", "500ms"},
};
#define REAL_SETS (sizeof(real_set) / sizeof(real_set[0]))

#define REAL_FIRINGS 6 /* three of each that fires */

static int64_t recorded(const struct ground *g)
{
	sqlite3 *db;
	sqlite3_stmt *q = NULL;
	assert_int_equal(sqlite3_open(g->record, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM firings", -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static void real_run(struct ground *g)
{
	int64_t n = 0;
	g->real = true;
	setenv("GCSTORM_TARGET", g->target_real, 1);
	setenv("GCSTORM_LOAD", g->load, 1);
	for (int i = 0; i < tries(g) && n < REAL_FIRINGS; i++) {
		make_run(g, real_set, REAL_SETS);
		n = recorded(g);
	}
	assert_int_equal(n, REAL_FIRINGS);
}

static int real_fini(void **state)
{
	struct ground *g = *state;
	g->real = false;
	setenv("GCSTORM_TARGET", g->target_sim, 1);
	return 0;
}

static json_int_t number(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static const json_t *fault_of(const json_t *o, const char *id)
{
	const json_t *list = json_object_get(o, "faults");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "id")), id) == 0)
			return json_array_get(list, i);
	fail_msg("no fault %s", id);
	return NULL;
}

/* Of which no more than these are not reached. */
static json_t *replay_json(const struct ground *g, int code, json_int_t unreached_max)
{
	json_t *o = NULL;
	for (int i = 0; i < tries(g) && (!o || number(o, "unreached") > unreached_max); i++) {
		char *text;
		int is = replay(g, "json", &text);
		json_decref(o);
		o = json_loads(text, 0, NULL);
		free(text);
		assert_non_null(o);
		assert_int_equal(number(o, "exit"), is);
	}
	assert_int_equal(number(o, "exit"), code);
	return o;
}

/* All that fired fires once more; a burst is three firings, none of which begins another. */
static void test_real_fires_the_same(void **state)
{
	struct ground *g = *state;
	real_run(g);
	json_t *o = replay_json(g, 0, 0);
	assert_int_equal(number(fault_of(o, "oom"), "fired"), 3);
	assert_int_equal(number(fault_of(o, "late"), "fired"), 3);
	assert_int_equal(number(o, "fired"), number(o, "recorded"));
	assert_int_equal(number(o, "others"), 0);
	json_decref(o);
	expect(g, 0, " firings recorded, ", " 0 not reached");
}

/* Others than the triggers would have chosen: the record is what counts. */
static void test_real_fires_what_is_recorded(void **state)
{
	struct ground *g = *state;
	real_run(g);
	tamper(g, "UPDATE firings SET ordinal = 2 * ordinal - 7 WHERE fault = (SELECT idx FROM faults WHERE id = 'oom')");
	json_t *o = replay_json(g, 0, 0);
	assert_int_equal(number(fault_of(o, "oom"), "fired"), 3);
	json_decref(o);
}

static void test_real_not_reached(void **state)
{
	struct ground *g = *state;
	real_run(g);
	tamper(g, "UPDATE firings SET ordinal = 4000000000 WHERE rowid = (SELECT max(rowid) FROM firings WHERE fault = "
		  "(SELECT idx FROM faults WHERE id = 'oom'))");
	expect(g, 5, " firings recorded, ", "oom: 1 not reached: worker 129's visit 4000000000");
	json_t *o = replay_json(g, 5, 1);
	assert_int_equal(number(fault_of(o, "oom"), "unreached"), 1);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(json_object_get(fault_of(o, "oom"), "first_unreached"), 0), 1)),
			 4000000000);
	json_decref(o);
}

/* A run that does less than the recorded one did comes to fewer visits. */
static void test_real_does_less(void **state)
{
	struct ground *g = *state;
	real_run(g);
	tamper(g, "UPDATE scenario SET source = replace(source, 'rate: 1k/s', 'rate: 1/s')");
	json_t *o = replay_json(g, 5, INT64_MAX);
	assert_true(number(fault_of(o, "oom"), "unreached") > 0);
	assert_int_equal(number(o, "unreached") + number(o, "fired"), number(o, "recorded"));
	json_decref(o);
}

/* Counted, and beyond the log's bound. */
static void test_real_not_listed(void **state)
{
	struct ground *g = *state;
	real_run(g);
	tamper(g, "UPDATE faults SET fired = fired + 35, log_dropped = 35 WHERE id = 'oom'");
	expect(g, 5, "oom: 35 of its 38 firings are counted and not listed", " 0 not reached");
}

static void test_real_nothing_to_replay(void **state)
{
	struct ground *g = *state;
	real_run(g);
	tamper(g, "DELETE FROM firings");
	expect(g, 3, "lists no firing", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same),
		cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_another_firing),
		cmocka_unit_test(test_a_firing_less),
		cmocka_unit_test(test_another_hash),
		cmocka_unit_test(test_another_build),
		cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_refused),
		cmocka_unit_test_teardown(test_real_fires_the_same, real_fini),
		cmocka_unit_test_teardown(test_real_fires_what_is_recorded, real_fini),
		cmocka_unit_test_teardown(test_real_not_reached, real_fini),
		cmocka_unit_test_teardown(test_real_does_less, real_fini),
		cmocka_unit_test_teardown(test_real_not_listed, real_fini),
		cmocka_unit_test_teardown(test_real_nothing_to_replay, real_fini),
	};
	return cmocka_run_group_tests(tests, ground_init, ground_fini);
}
