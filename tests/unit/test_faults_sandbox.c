/* The sandbox: what a target needs goes on, what it never does kills, what libc tries is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "faults/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static enum sandbox_state sandbox_state;
static const char *reply_path; /* of run_boxed */

/* Runs fn in a child under the sandbox; its wait status. */
static int run_boxed(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};
		enum sandbox_state state;

		setrlimit(RLIMIT_CORE, &none);
		if (gcs_sandbox_enter(&state, reply_path) < 0)
			_exit(99);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void *boxed_thread(void *arg)
{
	prctl(PR_SET_NAME, "boxed");
	return arg;
}

static void do_allowed(void)
{
	struct timespec ts = {0, 1000000};
	struct epoll_event ev = {.events = EPOLLIN};
	uint64_t one = 1;
	pthread_t thread;
	void *page, *ret = NULL;
	int poll_fd, event_fd;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_NONE) < 0 || munmap(page, 4096) < 0)
		_exit(1);
	if (pthread_create(&thread, NULL, boxed_thread, &ts) != 0 ||
	    pthread_join(thread, &ret) != 0 || ret != &ts)
		_exit(2);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	event_fd = eventfd(0, EFD_CLOEXEC);
	if (poll_fd < 0 || event_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, event_fd, &ev) < 0)
		_exit(3);
	if (write(event_fd, &one, sizeof(one)) != sizeof(one) ||
	    epoll_wait(poll_fd, &ev, 1, 0) != 1)
		_exit(4);
	if (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL) != 0)
		_exit(5);
	free(malloc(1 << 20));
}

static void do_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_exec(void)
{
	char path[] = "/bin/true", *argv[] = {path, NULL};

	execv(path, argv);
}

static void do_kill(void)
{
	kill(getppid(), 0);
}

static void do_probe(void)
{
	if (open("/proc/self/maps", O_RDONLY) >= 0 || errno != EPERM)
		_exit(1);
	if (prctl(PR_SET_DUMPABLE, 1) == 0 || errno != EPERM)
		_exit(2);
	if (isatty(2) || errno != EPERM)
		_exit(3);
}

/* The one path, by the one pointer, in the one way. */
static void do_reply(void)
{
	static char same[4096];
	int fd = gcs_sandbox_open_reply(reply_path);

	if (fd < 0 || write(fd, "x", 1) != 1)
		_exit(1);
	strcpy(same, reply_path);
	if (gcs_sandbox_open_reply(same) != -EPERM)
		_exit(2); /* the same text elsewhere proves nothing */
	if (open("/dev/null", O_WRONLY | O_NONBLOCK | O_CLOEXEC) >= 0 || errno != EPERM)
		_exit(3);
}

static void do_reply_read(void)
{
	openat(AT_FDCWD, reply_path, O_RDONLY);
}

static void test_reply(void **state)
{
	char path[] = "/tmp/test_faults_sandbox.XXXXXX", byte;
	int fd = mkstemp(path), status;

	(void)state;
	assert_true(fd >= 0);
	reply_path = path;
	if (sandbox_state == SANDBOX_ON) {
		assert_int_equal(run_boxed(do_reply), 0);
		assert_int_equal(read(fd, &byte, 1), 1);
		status = run_boxed(do_reply_read);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
	reply_path = NULL;
	close(fd);
	unlink(path);
	assert_int_equal(gcs_sandbox_open_reply(path), -ENOENT);
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(run_boxed(do_allowed), 0);
}

static void test_killed(void **state)
{
	static void (*const fns[])(void) = {do_socket, do_exec, do_kill};

	(void)state;
	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
		int status = run_boxed(fns[i]);

		if (sandbox_state != SANDBOX_ON) {
			assert_int_equal(status, 0); /* off: and it says so */
			continue;
		}
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void test_refused(void **state)
{
	(void)state;
	if (sandbox_state == SANDBOX_ON)
		assert_int_equal(run_boxed(do_probe), 0);
	else
		assert_non_null(gcs_sandbox_notice(sandbox_state));
}

/* Is it on here at all? A child tells. */
static enum sandbox_state find_state(void)
{
	enum sandbox_state state = SANDBOX_OFF_KERNEL;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(gcs_sandbox_enter(&state, NULL) < 0 ? 99 : (int)state);
	waitpid(pid, &status, 0);
	return (enum sandbox_state)WEXITSTATUS(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reply),
	};

	sandbox_state = find_state();
	print_message("# sandbox: %s\n", gcs_sandbox_notice(sandbox_state) != NULL
						 ? gcs_sandbox_notice(sandbox_state)
						 : "on");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
