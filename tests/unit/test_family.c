/*
 * test_family.c: a program and all that it started, as one: sums grow, what an ended process had had stays, and nobody else is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/base/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS	    INT64_C(1000000)
#define LIFE_S	    60
#define BALLAST	    ((size_t)24 << 20)
#define BURNT_NS    (60 * MS) /* several ticks of the clock that /proc counts in */

static int64_t used_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int say_fd;

/* BURNT_NS, and a byte that says so; the handler of SIGUSR1 too. */
static void burn(int sig)
{
	int64_t from_ns = sig ? used_ns() : 0;
	while (used_ns() - from_ns < BURNT_NS)
		;
	if (write(say_fd, "x", 1) != 1)
		_exit(1);
}

/* A process with BALLAST resident that has burnt once; it goes when it is killed. */
static _Noreturn void live(int say)
{
	volatile char *ballast = malloc(BALLAST);
	alarm(LIFE_S); /* where a test fails nobody kills it */
	for (size_t i = 0; i < BALLAST; i += 1024)
		ballast[i] = 1;
	say_fd = say;
	signal(SIGUSR1, burn);
	burn(0);
	for (;;)
		pause();
}

static bool has_children_files(void)
{
	return access("/proc/self/task/", F_OK) == 0 && access("/proc/thread-self/children", R_OK) == 0;
}

static void test_family(void **state)
{
	static struct gcs_family f;
	struct gcs_proc one, other;
	int pipe_fd[2];
	char byte[2];
	(void)state;
	if (!has_children_files())
		return;
	/* As the guard: what loses its parent becomes ours. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(pipe_fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)!fork(); /* two of them */
		live(pipe_fd[1]);
	}
	assert_int_equal(read(pipe_fd[0], byte, 1) + read(pipe_fd[0], byte + 1, 1), 2);
	assert_int_equal(gcs_family_read(&f, pid), 0);
	assert_int_equal(f.parent, getpid());
	assert_int_equal(f.n, 2);
	assert_true(f.sum.rss >= 2 * BALLAST);
	/* Each once, as they are now, which is as they were but for little, and not we ourselves. */
	assert_int_equal(gcs_proc_read(f.member[0].pid, &one), 0);
	assert_int_equal(gcs_proc_read(f.member[1].pid, &other), 0);
	assert_true(f.sum.rss > one.rss + other.rss - BALLAST / 2 && f.sum.rss < one.rss + other.rss + BALLAST / 2);
	assert_true(f.member[0].pid != f.member[1].pid && f.member[0].pid != getpid() && f.member[1].pid != getpid());
	assert_true(f.sum.cpu_ns >= 2 * (BURNT_NS - 20 * MS));
	uint64_t rss = f.sum.rss;
	int64_t cpu_ns = f.sum.cpu_ns, delay_ns = f.sum.run_delay_ns;
	assert_int_equal(gcs_family_read(&f, pid), 0);
	assert_true(f.sum.cpu_ns - cpu_ns < BURNT_NS); /* it is not counted anew, */
	kill(pid, SIGUSR1);
	assert_int_equal(read(pipe_fd[0], byte, 1), 1);
	assert_int_equal(gcs_family_read(&f, pid), 0);
	assert_true(f.sum.cpu_ns - cpu_ns >= BURNT_NS - 20 * MS);
	assert_true(f.sum.cpu_ns - cpu_ns < 2 * BURNT_NS); /* and by no more than it has grown */
	cpu_ns = f.sum.cpu_ns;
	/* The program ends; its child is ours now, and still of the family. */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(gcs_family_read(&f, pid), 0);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.max, 2);
	assert_true(f.sum.rss >= BALLAST && f.sum.rss < rss - BALLAST / 2);
	assert_true(f.sum.cpu_ns >= cpu_ns && f.sum.run_delay_ns >= delay_ns);
	kill(f.member[0].pid, SIGKILL);
	assert_int_equal(waitpid(f.member[0].pid, NULL, 0), f.member[0].pid);
	assert_int_equal(gcs_family_read(&f, pid), -ESRCH);
	assert_int_equal(f.sum.rss, 0);
	assert_true(f.sum.cpu_ns >= cpu_ns);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void test_nobody(void **state)
{
	static struct gcs_family f;
	pid_t pid = fork();
	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(gcs_family_read(&f, pid), -ESRCH);
	assert_int_equal(f.n + f.max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_family), cmocka_unit_test(test_nobody)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
