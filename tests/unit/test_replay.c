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
	struct gcs_trial t = {.seed = 5};
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
	char target[GCS_PATH_BYTES], runtime[96];
	snprintf(target, sizeof(target), "%s/gcstorm-target-sim", environment("GCSTORM_BUILD"));
	setenv("GCSTORM_TARGET", target, 1);
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

static void expect(const struct ground *g, int code, const char *a, const char *b)
{
	char *text;
	assert_int_equal(replay(g, "text", &text), code);
	assert_non_null(strstr(text, a));
	assert_non_null(strstr(text, b));
	free(text);
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
	tamper(g, "UPDATE run SET sim = 0");
	expect(g, 3, "real threads", "");
	unlink(g->record);
	expect(g, 2, "cannot open", "");
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
	};
	return cmocka_run_group_tests(tests, ground_init, ground_fini);
}
