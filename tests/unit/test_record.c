/* test_record.c: the record: private, readable while written, whole after kill -9, one file at the
 * end, honest when the disk is full. */
#include "tests/unit/test_run_fixture.h"

#include "harness/record/record_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

struct place {
	char dir[64], path[128];
};

static void place_init(struct place *p)
{
	strcpy(p->dir, "/tmp/gcstorm-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/run.gcrun", p->dir);
}

static void place_fini(struct place *p)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < 4; i++) {
		char path[160];
		snprintf(path, sizeof(path), "%s%s", p->path, tails[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(p->dir), 0);
}

/* The first column of the first row, -1 when there is none. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q = NULL;
	int64_t v = -1;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 2000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
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

static struct gcs_record *open_record(const char *path, uint64_t max_bytes)
{
	struct gcs_record *r = NULL;
	char *text = NULL;
	struct gcs_record_options opt = {.path = path, .max_bytes = max_bytes};
	int rc = gcs_record_create(&r, &opt, &text);
	if (rc)
		print_error("%s\n", text);
	assert_int_equal(rc, 0);
	return r;
}

static void put_event(struct gcs_record *r, int64_t t_ns, const char *text)
{
	gcs_record_put(r, GCS_ROW_EVENT, gcs_int(t_ns), gcs_int(0), gcs_text(text));
}

static void test_whole(void **state)
{
	(void)state;
	struct place p;
	struct stat st;
	place_init(&p);
	mode_t before = umask(0);
	struct gcs_record *r = open_record(p.path, 0);
	umask(before);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	char blob[3000];
	memset(blob, 7, sizeof(blob));
	for (int i = 0; i < 5000; i++) {
		put_event(r, i, "something");
		if (i % 100 == 0)
			gcs_record_put(r, GCS_ROW_TOTAL, gcs_text("x"),
				       gcs_blob(blob, sizeof(blob)));
		if (i % 50 == 49)
			assert_int_equal(gcs_record_tick(r), 0);
	}
	gcs_record_put(r, GCS_ROW_RUN_END, gcs_time(-1), gcs_text(NULL));
	assert_int_equal(gcs_record_close(r), 0);
	char path[160];
	snprintf(path, sizeof(path), "%s-wal", p.path);
	assert_int_equal(access(path, F_OK), -1); /* one file is the whole run */
	assert_int_equal(ask(p.path, "SELECT count(*) FROM events"), 5000);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM events WHERE t_ns = rowid - 1"),
			 5000); /* in order */
	assert_int_equal(ask(p.path, "SELECT length(hist) FROM totals WHERE series='x'"), 3000);
	assert_int_equal(ask(p.path, "PRAGMA application_id"), GCS_RECORD_APPLICATION_ID);
	assert_int_equal(ask(p.path, "PRAGMA user_version"), GCS_RECORD_VERSION);
	assert_true(sound(p.path));
	place_fini(&p);
}

/* Who looks while a record is made sees no record yet, or one with all its tables. */
static void test_read_while_made(void **state)
{
	(void)state;
	struct place p;
	place_init(&p);
	gcs_record_close(open_record(p.path, 0));
	int64_t tables = ask(p.path, "SELECT count(*) FROM sqlite_master"), seen = 0;
	for (int round = 0; round < 20; round++) {
		int status;
		unlink(p.path);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct gcs_record *r = NULL;
			struct gcs_record_options opt = {.path = p.path};
			_exit(gcs_record_create(&r, &opt, NULL) == 0 && gcs_record_close(r) == 0 ? 0 : 1);
		}
		for (int rc = -EAGAIN; rc != 0;) {
			sqlite3 *db = NULL;
			char *text = NULL;
			rc = gcs_record_read(p.path, &db, &text);
			if (rc == 0)
				seen += ask(p.path, "SELECT count(*) FROM sqlite_master");
			else
				assert_true(rc == -EAGAIN || rc == -ENOENT);
			free(text);
			sqlite3_close(db);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_true(tables > 10);
	assert_int_equal(seen, 20 * tables);
	place_fini(&p);
}

static void test_refused(void **state)
{
	(void)state;
	struct place p;
	struct gcs_record *r;
	char *text = NULL;
	place_init(&p);
	gcs_record_close(open_record(p.path, 0));
	struct gcs_record_options opt = {.path = p.path};
	assert_int_equal(gcs_record_create(&r, &opt, &text),
			 -EEXIST); /* no run is ever written over */
	assert_non_null(strstr(text, p.path));
	free(text);
	text = NULL;
	opt.path = "/nonexistent/x.gcrun";
	assert_int_equal(gcs_record_create(&r, &opt, &text), -ENOENT);
	assert_non_null(strstr(text, "/nonexistent/x.gcrun"));
	free(text);
	place_fini(&p);
}

/* A reader in another connection sees each committed tick while the writer goes on. */
static void test_read_while_written(void **state)
{
	(void)state;
	struct place p;
	place_init(&p);
	struct gcs_record *r = open_record(p.path, 0);
	for (int i = 0; i < 20; i++) {
		put_event(r, i, "tick");
		assert_int_equal(gcs_record_sync(r), 0);
		assert_int_equal(ask(p.path, "SELECT count(*) FROM events"), i + 1);
	}
	assert_int_equal(gcs_record_close(r), 0);
	place_fini(&p);
}

/* Killed in the middle: whatever a tick had committed is there, and the file is sound. */
static void test_killed(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		struct place p;
		int pipes[2];
		place_init(&p);
		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct gcs_record *r = NULL;
			struct gcs_record_options opt = {.path = p.path};
			if (gcs_record_create(&r, &opt, NULL) != 0)
				_exit(1);
			for (int64_t tick = 0;; tick++) {
				for (int i = 0; i < 20; i++)
					put_event(r, tick, "in the life of a run");
				if (gcs_record_sync(r) != 0 ||
				    write(pipes[1], &tick, sizeof(tick)) != sizeof(tick))
					_exit(1);
			}
		}
		close(pipes[1]);
		int64_t tick = -1;
		while (tick < 30 + round * 17)
			assert_int_equal(read(pipes[0], &tick, sizeof(tick)), sizeof(tick));
		assert_int_equal(kill(pid, SIGKILL), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		while (read(pipes[0], &tick, sizeof(tick)) ==
		       sizeof(tick)) /* ticks it had told of before it died */
			;
		close(pipes[0]);
		assert_true(ask(p.path, "SELECT max(t_ns) FROM events") >= tick);
		assert_int_equal(ask(p.path, "SELECT count(*) % 20 FROM events"),
				 0); /* whole ticks */
		assert_true(sound(p.path));
		place_fini(&p);
	}
}

/* The disk is full: said once, and every tick; what was committed stays. */
static void test_full(void **state)
{
	(void)state;
	struct place p;
	place_init(&p);
	struct gcs_record *r = open_record(p.path, 512 << 10);
	char text[2000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	int rc = 0, ticks = 0;
	while (rc == 0 && ticks < 1000) {
		for (int i = 0; i < 20; i++)
			put_event(r, ticks, text);
		rc = gcs_record_sync(r);
		ticks++;
	}
	assert_int_equal(rc, -ENOSPC);
	put_event(r, 1, "swallowed");
	assert_int_equal(gcs_record_tick(r), -ENOSPC);
	assert_int_equal(gcs_record_close(r), -ENOSPC);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM events"), 20 * (ticks - 1));
	assert_true(sound(p.path));
	place_fini(&p);
}

/* The same by the kernel's refusal: a limit on the size of files, in a process of its own. */
static void test_file_limit(void **state)
{
	(void)state;
	struct place p;
	place_init(&p);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		struct rlimit limit = {600 << 10, 600 << 10};
		struct gcs_record *r = NULL;
		struct gcs_record_options opt = {.path = p.path};
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || gcs_record_create(&r, &opt, NULL) != 0)
			_exit(1);
		int rc = 0;
		for (int tick = 0; rc == 0 && tick < 1000; tick++) {
			for (int i = 0; i < 20; i++)
				put_event(r, tick,
					  "a line that takes some room in the file, and in its "
					  "log, until there is none left");
			rc = gcs_record_sync(r);
		}
		_exit(rc == -ENOSPC && gcs_record_close(r) == -ENOSPC ? 42 : 2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	assert_true(sound(p.path));
	place_fini(&p);
}

static int64_t record_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * S_NS + t.tv_nsec;
}

/* The collector passes it on: tick says so, the verdict is exit 3. */
static void test_collector_full(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct run r;
		signal(SIGXFSZ, SIG_IGN);
		run_init(&r);
		r.s->nfaults = 0;
		run_start(&r);
		struct rlimit limit = {400 << 10, 400 << 10};
		setrlimit(RLIMIT_FSIZE, &limit);
		int rc = 0;
		while (rc == 0 && r.now_ns < 32 * S_NS) {
			for (int i = 0; i < 200; i++)
				gcs_collect_gctrace(r.c,
						    "gc 1 @0.1s 0%: 0.024+289+0.021 ms clock, "
						    "0.19+0.11/144/0.021+0.17 ms cpu, 4->4->2 MB");
			rc = run_tick(&r);
		}
		/* The writer is behind, by as much as a busy machine lets it be: its error shows once it runs. */
		for (int64_t end_ns = record_now_ns() + 60 * S_NS; rc == 0 && record_now_ns() < end_ns;) {
			sched_yield();
			rc = run_tick(&r);
		}
		int exit = run_end(&r);
		run_fini(&r);
		_exit(rc == -ENOSPC && exit == GCS_EXIT_UNSUPPORTED ? 42 : 2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

/* Far more rows than the queue holds: routine ones may be dropped (and counted), essential ones
 * never are. */
static void test_queue(void **state)
{
	(void)state;
	struct place p;
	place_init(&p);
	struct gcs_record *r = open_record(p.path, 0);
	enum { N = 3 * GCS_RECORD_QUEUE };
	for (int i = 0; i < N; i++) {
		put_event(r, i, "essential");
		gcs_record_put(r, GCS_ROW_GCTRACE, gcs_int(i), gcs_text("routine"));
	}
	assert_int_equal(gcs_record_sync(r), 0);
	int64_t dropped = (int64_t)gcs_record_dropped(r);
	assert_int_equal(gcs_record_close(r), 0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM events"), N);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM gctrace"), N - dropped);
	place_fini(&p);
}

/* Every statement fits the schema and its count of values. */
static void test_statements(void **state)
{
	(void)state;
	struct place p;
	sqlite3 *db;
	place_init(&p);
	gcs_record_close(open_record(p.path, 0));
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	for (int i = 0; i < GCS_ROWS; i++) {
		sqlite3_stmt *q;
		assert_int_equal(sqlite3_prepare_v2(db, gcs_rows[i].sql, -1, &q, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_bind_parameter_count(q), gcs_rows[i].nvalues);
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
	place_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_read_while_made),
		cmocka_unit_test(test_read_while_written),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_file_limit),
		cmocka_unit_test(test_collector_full),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_statements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
