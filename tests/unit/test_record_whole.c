/* test_record_whole.c: a record whose writer is killed, at any moment, is whole as SQLite sees it,
 * and goes as far as it was told to have come. With arguments: are these files whole? For the
 * scripts, which have no sqlite3 at hand. */
#define _GNU_SOURCE 1 /* pipe2 */
#include "tests/unit/test_run_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

/* First cell of an answer; false, with a line on stderr: there is none. */
static bool ask(const char *path, const char *sql, char *ret, size_t cap)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	bool got = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
		   sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
		   sqlite3_busy_timeout(db, 10000) == SQLITE_OK &&
		   sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
		   sqlite3_step(q) == SQLITE_ROW;
	if (got)
		snprintf(ret, cap, "%s", (const char *)sqlite3_column_text(q, 0));
	else
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
	sqlite3_finalize(q);
	sqlite3_close(db);
	return got;
}

static int check_files(int n, char **path)
{
	int broken = 0;
	for (int i = 0; i < n; i++) {
		char text[512];
		bool ok = ask(path[i], "PRAGMA integrity_check", text, sizeof text);
		if (ok && strcmp(text, "ok") != 0)
			fprintf(stderr, "%s: %s\n", path[i], text);
		broken += !ok || strcmp(text, "ok") != 0;
	}
	return broken != 0;
}

/* Writes as fast as it can, and tells of each tick. */
static void write_on(struct run *r, int told)
{
	run_start(r);
	r->play.gc_each_tick = true;
	for (;;)
		if (run_tick(r) != 0 || write(told, "x", 1) != 1)
			_exit(1);
}

static void test_killed(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : 1;
	(void)state;
	print_message("# seed %u (GCS_TEST_SEED)\n", seed);
	for (int round = 0; round < 5; round++) {
		struct run r;
		char text[512], *path = r.path, byte;
		int told[2], ticks = 20 + rand_r(&seed) % 200;
		run_init(&r);
		assert_int_equal(pipe2(told, O_CLOEXEC), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_on(&r, told[1]);
		close(told[1]);
		for (int i = 0; i < ticks; i++)
			assert_int_equal(read(told[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(told[0]);
		assert_int_equal(check_files(1, &path), 0);
		/* A thread writes behind the ticks, with a queue between: how far is not ours to
		 * say. */
		assert_true(ask(path, "SELECT count(*) FROM run WHERE id='t-01'", text, sizeof text));
		assert_true(strcmp(text, "1") == 0 || strcmp(text, "0") == 0);
		assert_true(ask(path, "SELECT count(*) FROM intervals WHERE (SELECT count(*) FROM run) = 0", text,
				sizeof text));
		assert_string_equal(text, "0"); /* nothing before the run itself */
		assert_true(ask(path, "SELECT count(*) FROM verdict", text, sizeof text));
		assert_string_equal(text, "0");
		run_fini(&r);
	}
}

/* It does see what is broken. */
static void test_broken(void **state)
{
	struct run r;
	char *path = r.path;
	(void)state;
	run_init(&r);
	run_start(&r);
	run_until(&r, 32 * S_NS);
	run_end(&r);
	assert_int_equal(check_files(1, &path), 0);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int page = 4; page < 40; page++)
		assert_int_equal(pwrite(fd, "broken by the test", 18, page * 4096), 18);
	close(fd);
	assert_int_equal(check_files(1, &path), 1);
	run_fini(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_broken),
	};
	if (argc > 1)
		return check_files(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
