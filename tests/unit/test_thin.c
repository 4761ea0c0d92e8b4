/* test_thin.c: a thinned record says the same, is small, and is never half there. */
#include "tests/unit/test_run_fixture.h"

#include "harness/record/thin.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The first column of the first row, -1 when there is none. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q = NULL;
	int64_t v = -1;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

/* Pauses of kind stw by length, as one number: order and values both count. */
static int64_t longest(const char *path)
{
	return ask(path, "SELECT sum(place * (dur_ns % 1000003)) FROM (SELECT dur_ns,"
			 " row_number() OVER (ORDER BY dur_ns DESC, t_ns) AS place"
			 " FROM pauses WHERE kind = 'stw' AND"
			 " phase IN (SELECT idx FROM phases WHERE record)) WHERE place <= 100");
}

static bool sound(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *q = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
	bool ok = sqlite3_step(q) == SQLITE_ROW &&
		  strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
	sqlite3_finalize(q);
	sqlite3_close(db);
	return ok;
}

/* Without the last two lines: that it is thin, and where it lies. */
static char *report_of(const char *path, const char *format)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(gcs_report(path, format, out, stderr), 0);
	fclose(out);
	return text;
}

static void storm(struct run *r, uint32_t fault, int64_t from_s, int64_t to_s)
{
	run_until(r, from_s * S_NS);
	struct play calm = r->play;
	run_arm(r, fault, 0, true);
	r->play.op_ns = 3 * MS_NS;
	r->play.gc_each_tick = true;
	r->play.errors_a_tick = 2;
	while (r->now_ns < to_s * S_NS) {
		r->play.firing = run_fire(r, fault);
		r->play.stw_stopped_ns += 1000; /* no two are equally long */
		assert_int_equal(run_tick(r), 0);
	}
	run_arm(r, fault, 0, false);
	r->play = calm;
}

/* A whole run with two storms; 128 intervals of 250 ms. */
static void play(struct run *r, bool whole)
{
	run_init(r);
	r->s->recovery.window_ns = 250 * MS_NS;
	fixture_check(r->s->slo, &r->s->nslos, "p99", "op.latency.p99 < 50ms");
	fixture_check(r->s->expect, &r->s->nexpects, "", "fault.oom.fired >= 20");
	run_start(r);
	storm(r, 0, 12, 15);
	storm(r, 1, 16, 19);
	gcs_collect_gctrace(r->c, "gc 1 @0.1s 0%: first");
	gcs_collect_gctrace(r->c, "gc 2 @0.2s 0%: last");
	gcs_collect_gctrace(r->c, "pacer: sweep done");
	run_until(r, r->s->end_ns);
	if (whole)
		run_end(r);
}

static void cut_tail(char *text, const char *from)
{
	char *at = strstr(text, from);
	assert_non_null(at);
	*at = '\0';
}

static void test_says_the_same(void **state)
{
	struct run r;
	uint64_t bytes = 0;
	struct stat st;
	(void)state;
	play(&r, true);
	char *before = report_of(r.path, "text");
	int64_t fires = ask(r.path, "SELECT sum(fires) FROM intervals");
	int64_t ops = ask(r.path, "SELECT sum(count) FROM interval_ops");
	static const char stops_sql[] =
		"SELECT sum(count) FROM interval_hists WHERE series='pause.stw'";
	int64_t stops = ask(r.path, stops_sql);
	int64_t armed = ask(r.path, "SELECT count(*) FROM intervals WHERE armed");
	int64_t worst = longest(r.path);
	assert_true(ask(r.path, "SELECT count(*) FROM pauses") > 300);
	assert_true(ask(r.path, "SELECT count(*) FROM intervals") >= 120);
	assert_true(armed > 0 && fires > 0 && ops > 0 && stops > 0);

	assert_int_equal(gcs_thin(r.path, NULL, &bytes), 0);
	assert_int_equal(stat(r.path, &st), 0);
	assert_int_equal(st.st_size, bytes);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(sound(r.path));

	char *after = report_of(r.path, "text");
	assert_null(strstr(before, "THINNED"));
	assert_non_null(strstr(after, "gc 2 @0.2s 0%: last"));
	cut_tail(before, "\nrecord ");
	cut_tail(after, "THINNED ");
	assert_string_equal(before, after);
	free(before);
	free(after);

	int64_t left = ask(r.path, "SELECT count(*) FROM intervals");
	assert_true(left > r.s->nphases && left <= GCS_THIN_INTERVALS + r.s->nphases);
	assert_int_equal(ask(r.path, "SELECT max(idx) FROM intervals"), left - 1);
	assert_int_equal(
		ask(r.path, "SELECT count(DISTINCT phase) FROM intervals WHERE phase >= 0"),
		r.s->nphases);
	/* None reaches over the end of a phase, none is missing between two. */
	assert_int_equal(ask(r.path, "SELECT count(*) FROM intervals i JOIN phases p ON"
				     " p.idx = i.phase WHERE i.start_ns < p.start_ns OR"
				     " i.end_ns > p.end_ns"),
			 0);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM intervals a JOIN intervals b ON"
				     " b.idx = a.idx + 1 WHERE a.end_ns <> b.start_ns"), 0);
	assert_int_equal(ask(r.path, "SELECT sum(fires) FROM intervals"), fires);
	assert_int_equal(ask(r.path, "SELECT sum(count) FROM interval_ops"), ops);
	assert_int_equal(ask(r.path, stops_sql), stops);
	assert_true(ask(r.path, "SELECT count(*) FROM intervals WHERE armed") > 0);
	assert_true(ask(r.path, "SELECT count(*) FROM intervals WHERE armed & 2") > 0);
	assert_int_equal(longest(r.path), worst);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM effects"), 0);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM gctrace"), 1);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM gctrace WHERE line LIKE 'gc 2 %'"), 1);
	assert_true(ask(r.path, "SELECT count(*) FROM pauses") < 300);
	/* Whatever a pause names is still there. */
	assert_int_equal(ask(r.path, "SELECT count(*) FROM pauses WHERE cycle > 0 AND cycle NOT IN"
				     " (SELECT cycle FROM gc_cycles)"), 0);
	run_fini(&r);
}

static void test_twice_is_once(void **state)
{
	struct run r;
	struct stat one, two;
	uint64_t bytes = 0;
	(void)state;
	play(&r, true);
	assert_int_equal(gcs_thin(r.path, NULL, NULL), 0);
	assert_int_equal(stat(r.path, &one), 0);
	assert_int_equal(gcs_thin(r.path, NULL, &bytes), 0);
	assert_int_equal(stat(r.path, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
	assert_int_equal(bytes, two.st_size);
	run_fini(&r);
}

static void test_refuses(void **state)
{
	struct run r;
	char junk[160], fresh[200];
	(void)state;
	play(&r, false); /* no verdict yet */
	int64_t pauses = ask(r.path, "SELECT count(*) FROM pauses");
	assert_int_equal(gcs_thin(r.path, NULL, NULL), -EINVAL);
	/* Its writer may add to it meanwhile. */
	assert_true(ask(r.path, "SELECT count(*) FROM pauses") >= pauses);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM host WHERE key='thinned'"), 0);
	snprintf(junk, sizeof(junk), "%s/junk", r.dir);
	FILE *f = fopen(junk, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("no record\n", f);
	fclose(f);
	assert_int_equal(gcs_thin(junk, NULL, NULL), -EINVAL);
	snprintf(fresh, sizeof(fresh), "%s" GCS_THIN_SUFFIX, junk);
	assert_int_equal(access(fresh, F_OK), -1);
	unlink(junk);
	assert_int_equal(gcs_thin(junk, NULL, NULL), -ENOENT);
	run_end(&r);
	run_fini(&r);
}

/* A log that somebody else holds open cannot be folded in: the record is left alone. */
static void test_in_use(void **state)
{
	struct run r;
	sqlite3 *db;
	(void)state;
	play(&r, true);
	assert_int_equal(sqlite3_open_v2(r.path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode=WAL; BEGIN; SELECT * FROM run", NULL,
				      NULL, NULL), SQLITE_OK);
	int64_t pauses = ask(r.path, "SELECT count(*) FROM pauses");
	assert_int_equal(gcs_thin(r.path, NULL, NULL), -EBUSY);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM pauses"), pauses);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(gcs_thin(r.path, NULL, NULL), 0);
	assert_true(sound(r.path));
	run_fini(&r);
}

static void die(void *self, const char *step)
{
	if (strcmp(self, step) == 0)
		_exit(9);
}

static void test_killed(void **state)
{
	static const char *const steps[] = {"thin.built", "thin.synced", "thin.renamed"};
	struct run r;
	(void)state;
	play(&r, true);
	for (size_t i = 0; i < 3; i++) {
		char own[32];
		int status;
		snprintf(own, sizeof(own), "%s", steps[i]);
		const struct gcs_thin_steps at = {die, own};
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(gcs_thin(r.path, &at, NULL) ? 1 : 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
		assert_true(sound(r.path));
		assert_int_equal(ask(r.path, "SELECT count(*) FROM verdict"), 1);
		assert_int_equal(ask(r.path, "SELECT count(*) FROM host WHERE key='thinned'"),
				 i == 2);
	}
	assert_int_equal(gcs_thin(r.path, NULL, NULL), 0);
	assert_int_equal(ask(r.path, "SELECT count(*) FROM host WHERE key='thinned'"), 1);
	run_fini(&r); /* nothing is left in the directory */
	assert_int_equal(access(r.dir, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_the_same), cmocka_unit_test(test_twice_is_once),
		cmocka_unit_test(test_refuses),	      cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
