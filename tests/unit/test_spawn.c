/* test_spawn.c: what surrounds the target: descriptors of a child, lines from a pipe, where things
 * are looked for. */
#define _GNU_SOURCE 1 /* pipe2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/run/kept_file.h"
#include "harness/run/lease.h"
#include "harness/base/lines.h"
#include "harness/base/paths.h"
#include "harness/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 16384

static char dir[64];

static char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_spawn.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* ---- lines */

struct got {
	char text[TEXT_MAX];
	size_t longest;
	unsigned n;
};

static void on_line(void *self, char *line)
{
	struct got *g = self;
	size_t n = strlen(line);
	g->n++;
	g->longest = n > g->longest ? n : g->longest;
	if (strlen(g->text) + n + 2 < sizeof g->text)
		strcat(strcat(g->text, line), "|");
}

static void test_lines(void **state)
{
	struct gcs_lines l = {0};
	struct got g = {.n = 0};
	int p[2];
	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(gcs_lines_read(&l, p[0], on_line, &g), 0);
	assert_int_equal(write(p[1], "one\ntw", 6), 6);
	assert_int_equal(gcs_lines_read(&l, p[0], on_line, &g), 0);
	assert_string_equal(g.text, "one|");
	assert_int_equal(write(p[1], "o\n\nthree", 8), 8);
	assert_int_equal(gcs_lines_read(&l, p[0], on_line, &g), 0);
	assert_string_equal(g.text, "one|two||");
	close(p[1]);
	assert_int_equal(gcs_lines_read(&l, p[0], on_line, &g), -EPIPE);
	assert_string_equal(g.text, "one|two||three|"); /* what is left is a line too */
	close(p[0]);
	gcs_lines_fini(&l);
}

/* A line without end is cut, and a flood does not hold the reader. */
static void test_long_line(void **state)
{
	struct gcs_lines l = {0};
	struct got g = {.n = 0};
	char path[256];
	(void)state;
	snprintf(path, sizeof path, "%s", in_dir("flood"));
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 3 * GCS_LINE_BYTES_MAX; i++)
		putc('x', f);
	fclose(f);
	int fd = open(path, O_RDONLY), calls = 1;
	while (gcs_lines_read(&l, fd, on_line, &g) == 0)
		calls++;
	assert_true(calls > 1);
	assert_true(g.n >= 3);
	assert_true(g.longest <= GCS_LINE_BYTES_MAX + 65536);
	close(fd);
	gcs_lines_fini(&l);
}

/* ---- spawn */

static void read_all(int fd, char *text)
{
	size_t n = 0;
	ssize_t r;
	while ((r = read(fd, text + n, TEXT_MAX - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
}

/* The child has 0 to 2, those it was given, in their order, and nothing else, though we hold many;
 * signals are as new. */
static void test_descriptors(void **state)
{
	char text[TEXT_MAX], script[256];
	int err[2], a[2], b[2], leak = dup(2), given[3], status;
	sigset_t mask, old;
	pid_t pid;
	(void)state;
	snprintf(script, sizeof script, "%s", in_dir("child"));
	write_file(
		script,
		"#!/bin/sh\n"
		"for n in 0 1 2 3 4 5 6 7 8 9 10 20 30; do [ -e /proc/$$/fd/$n ] && printf '%s ' "
		"$n; done\n"
		"echo; head -c 5 <&3; head -c 5 <&4; head -c 5 <&5; echo; read line && echo stdin\n"
		/* Read by the shell itself: while it starts another program it blocks signals. */
		"while read -r key word; do [ \"$key\" = SigBlk: ] && echo \"$word\" >&2; done "
		"< /proc/$$/status\n"
		"read -r pid name state parent group rest < /proc/$$/stat; echo \"$group\" >&2\n",
		0700);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	int file = open(script, O_RDONLY);
	assert_int_equal(write(a[1], "first", 5), 5);
	assert_int_equal(write(b[1], "other", 5), 5);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &old);
	given[0] = b[0]; /* their numbers are in the way of each other */
	given[1] = a[0];
	given[2] = file;
	assert_int_equal(gcs_spawn(
				 &(struct gcs_spawn){
					 .path = script, .err_fd = err[1], .fd = given, .nfds = 3},
				 &pid),
			 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(err[1]);
	read_all(err[0], text);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* 10 may be the shell's own, for the script. */
	char *ten = strstr(text, " 10 \n");
	if (ten)
		memmove(ten + 1, ten + 4, strlen(ten + 4) + 1);
	char expected[256];
	snprintf(expected, sizeof expected, "0 1 2 3 4 5 \notherfirst#!/bi\n0000000000000000\n%d\n",
		 (int)pid);
	assert_string_equal(text, expected);
	close(leak);
	close(err[0]);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	close(file);
}

/* Arguments; one more variable, one in the place of ours, both; everything else as we have it. */
static void test_environment(void **state)
{
	static const char *const given[][3] = {
		{"GCS_TEST_NEW=one=1"}, {"GCS_TEST_OLD=new"}, {"GCS_TEST_OLD=new", "GCS_TEST_NEW="}, {NULL}};
	static const char *const args[][3] = {{"one", "a b"}, {"--"}, {""}, {NULL}};
	static const char *const expected[] = {"one=1/old 2 one|a b\n", "/new 1 --|\n", "/new 1 |\n", "/old 0 |\n"};
	char text[TEXT_MAX], script[256];
	int err[2], status;
	pid_t pid;
	(void)state;
	setenv("GCS_TEST_OLD", "old", 1);
	snprintf(script, sizeof script, "%s", in_dir("env"));
	write_file(script, "#!/bin/sh\necho \"$GCS_TEST_NEW/$GCS_TEST_OLD $# $1|$2\" >&2\n", 0700);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pipe2(err, O_CLOEXEC), 0);
		struct gcs_spawn s = {.path = script, .err_fd = err[1], .env = given[i], .args = args[i]};
		assert_int_equal(gcs_spawn(&s, &pid), 0);
		close(err[1]);
		read_all(err[0], text);
		close(err[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_string_equal(text, expected[i]);
	}
	assert_string_equal(getenv("GCS_TEST_OLD"), "old");
	assert_null(getenv("GCS_TEST_NEW"));
}

static void test_spawn_errors(void **state)
{
	pid_t pid = -1;
	(void)state;
	assert_int_equal(gcs_spawn(&(struct gcs_spawn){.path = "/nonexistent", .err_fd = 2}, &pid),
			 -ENOENT);
	write_file(in_dir("plain"), "no program", 0600);
	assert_int_equal(gcs_spawn(&(struct gcs_spawn){.path = in_dir("plain"), .err_fd = 2}, &pid),
			 -EACCES);
	assert_int_equal(gcs_spawn(&(struct gcs_spawn){.path = "/bin/true", .err_fd = 999}, &pid),
			 -EBADF);
	assert_int_equal(pid, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child was left behind */
	assert_int_equal(errno, ECHILD);
}

/* ---- the lease */

/* It moves whatever its owner does, and no more when it is over. */
static void test_lease(void **state)
{
	static _Atomic uint64_t beat;
	struct gcs_lease *lease;
	int64_t from_ns = -1;
	(void)state;
	assert_int_equal(gcs_lease_start(&lease, &beat), 0);
	for (int i = 0; atomic_load(&beat) < 4; i++) {
		assert_true(i < 600); /* a minute */
		usleep(100000);
	}
	int64_t gap = gcs_lease_gap(lease, &from_ns);
	assert_true(gap >= 0 && from_ns >= 0);
	gcs_lease_stop(lease);
	uint64_t last = atomic_load(&beat);
	usleep(3 * GCS_LEASE_BEAT_NS / 1000);
	assert_int_equal(atomic_load(&beat), last);
	gcs_lease_stop(NULL);
}

/* ---- paths */

static void test_records(void **state)
{
	char path[GCS_PATH_BYTES], expected[GCS_PATH_BYTES];
	struct stat st;
	(void)state;
	setenv("XDG_STATE_HOME", in_dir("state"), 1);
	assert_int_equal(gcs_path_record("last", path), -ENOENT);
	assert_int_equal(gcs_path_runs(path, 1), 0);
	assert_string_equal(path, in_dir("state/gcstorm/runs"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(gcs_path_runs(path, 1), 0); /* again */
	write_file(in_dir("state/gcstorm/runs/b-20260101-000000-0001.gcrun"), "", 0600);
	write_file(in_dir("state/gcstorm/runs/a-20270101-000000-0001.gcrun"), "", 0600);
	write_file(in_dir("state/gcstorm/runs/a-20270101-000000-0001.gcrun-wal"), "", 0600);
	write_file(in_dir("state/gcstorm/runs/c-20260601-000000-0002.gcrun"), "", 0600);
	assert_int_equal(gcs_path_record("last", path), 0);
	snprintf(expected, sizeof expected, "%s",
		 in_dir("state/gcstorm/runs/a-20270101-000000-0001.gcrun"));
	assert_string_equal(path, expected); /* by time, not by name */
	/* Of one second: the one that was written later, whatever the rest of the name. */
	struct timespec times[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
	write_file(in_dir("state/gcstorm/runs/z-20270101-000000-ffff.gcrun"), "", 0600);
	assert_int_equal(utimensat(AT_FDCWD, expected, times, 0), 0);
	assert_int_equal(gcs_path_record("last", path), 0);
	assert_string_equal(path, expected);
	times[0].tv_sec = times[1].tv_sec = 1000000000;
	assert_int_equal(utimensat(AT_FDCWD, expected, times, 0), 0);
	assert_int_equal(gcs_path_record("last", path), 0);
	assert_string_not_equal(path, expected);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gcs_path_record("0002", path), 0);
	assert_int_equal(gcs_path_record("0001", path), -ENOTUNIQ);
	assert_int_equal(gcs_path_record("zzz", path), -ENOENT);
	assert_int_equal(gcs_path_record(expected, path), 0);
	assert_int_equal(gcs_path_record("/nonexistent/x.gcrun", path), -ENOENT);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", in_dir("home"), 1);
	assert_int_equal(gcs_path_runs(path, 0), 0);
	assert_string_equal(path, in_dir("home/.local/state/gcstorm/runs"));
	setenv("HOME", "relative", 1);
	assert_int_equal(gcs_path_runs(path, 0), -ENOENT);
}

static void test_incidents(void **state)
{
	char path[GCS_PATH_BYTES];
	struct gcs_incident *list;
	(void)state;
	assert_int_equal(mkdir(in_dir("incidents"), 0700), 0);
	write_file(in_dir("incidents/zebra.yaml"), "", 0600);
	write_file(in_dir("incidents/aardvark.yaml"), "", 0600);
	write_file(in_dir("incidents/aardvark.md"), "", 0600);
	setenv("GCSTORM_INCIDENTS", in_dir("incidents"), 1);
	assert_int_equal(gcs_path_scenario("zebra", path), 0);
	assert_string_equal(path, in_dir("incidents/zebra.yaml"));
	assert_int_equal(gcs_path_scenario("no-such-incident", path), -ENOENT);
	assert_int_equal(gcs_path_scenario("some/where.yaml", path),
			 0); /* a path is taken as it is */
	size_t n = gcs_path_incidents(&list), zebra = 0, aardvark = 0;
	for (size_t i = 0; i < n; i++) {
		zebra += strcmp(list[i].name, "zebra") == 0 ? i + 1 : 0;
		aardvark += strcmp(list[i].name, "aardvark") == 0 ? i + 1 : 0;
	}
	assert_true(aardvark > 0 && aardvark < zebra);
	gcs_path_incidents_free(list, n);
	setenv("GCSTORM_TARGET", in_dir("none"), 1);
	assert_int_equal(gcs_path_program("gcstorm-target", path), -ENOENT);
	setenv("GCSTORM_TARGET", "/bin/sh", 1);
	assert_int_equal(gcs_path_program("gcstorm-target-sim", path), 0);
	assert_string_equal(path, "/bin/sh");
}

/* ---- a file that the target writes */

/* What is told of p, and is the file there once p is closed? */
static bool kept_told(struct gcs_kept_file *p, const char *expected)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	bool kept = gcs_kept_file_tell(p, out);
	fclose(out);
	assert_non_null(strstr(text, expected));
	free(text);
	const char *path = p->path;
	gcs_kept_file_close(p);
	assert_int_equal(access(path, F_OK) == 0, kept);
	return kept;
}

static void test_kept_file(void **state)
{
	static const struct {
		int e;
		const char *text;
	} bad[] = {
		{-ENOSPC, "No space left on device"},
		{5, "Protocol error"}, /* a target may say anything */
		{INT_MIN, "Protocol error"},
		{-ENODATA, "no heap profile at"},
		{-ENODATA, "there was nothing to write"},
	};
	struct gcs_kept_file p = {.fd = -1}, none = {.fd = -1};
	const char *path = in_dir("profile");
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(gcs_kept_file_open(&p, "heap profile", path), 0);
		gcs_kept_file_made(&p, bad[i].e);
		assert_false(kept_told(&p, bad[i].text));
	}
	assert_int_equal(gcs_kept_file_open(&p, "heap profile", path), 0);
	assert_false(kept_told(&p, "before it could be written"));
	assert_int_equal(gcs_kept_file_open(&p, "heap profile", path), 0);
	gcs_kept_file_made(&p, 0);
	assert_true(kept_told(&p, "heap profile: "));
	assert_int_equal(gcs_kept_file_open(&p, "heap profile", path), -EEXIST);
	assert_int_equal(p.fd, -1);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	gcs_kept_file_made(&none, 0); /* the scenario has a rate, nobody asked for the file */
	assert_true(gcs_kept_file_tell(&none, stderr));
	gcs_kept_file_close(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	    cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_spawn_errors),
		cmocka_unit_test(test_records),	    cmocka_unit_test(test_incidents),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_lease),
		cmocka_unit_test(test_kept_file),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
