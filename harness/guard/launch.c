/*
 * launch.c: see launch.h.
 *
 * Between fork and exec only what is async-signal-safe happens (the injector is a thread), and once the filter is loaded nothing that it may ask
 * about: the listener goes out over descriptor 0, below those that are. What went wrong is told in shared memory, since a write might be asked about.
 */
#include "harness/guard/launch.h"

#include "faults/listener.h"
#include "faults/sandbox.h"
#include "faults/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCH_FIRST_FD	  3
#define LAUNCH_CONTROL_FD 3
#define LAUNCH_FAILED	  127

/* What parent and child share. */
struct launch {
	const struct guard_launch *l;
	struct sock_fprog filter; /* len 0: none */
	int pair[2], null;	  /* -1 */
	int *failed;		  /* shared memory: -errno of the child */
	pid_t parent;
};

static void launch_fini(struct launch *x)
{
	for (int i = 0; i < 2; i++)
		if (x->pair[i] >= 0)
			close(x->pair[i]);
	if (x->null >= 0)
		close(x->null);
	if (x->failed)
		munmap(x->failed, sizeof *x->failed);
	if (x->filter.len)
		munmap(x->filter.filter, x->filter.len * sizeof *x->filter.filter);
}

static int launch_init(struct launch *x)
{
	int e = gcs_sandbox_ask_program(x->l->point, x->l->npoints, LAUNCH_FIRST_FD, &x->filter);
	if (e)
		return e;
	x->failed = mmap(NULL, sizeof *x->failed, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (x->failed == MAP_FAILED) {
		x->failed = NULL;
		return -errno;
	}
	x->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (x->null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, x->pair))
		return -errno;
	return 0;
}

/* ---- the child */

static void launch_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL); /* fails for a few, harmlessly */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int launch_place(const struct launch *x)
{
	if (setpgid(0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	if (getppid() != x->parent)
		return -ESRCH;
	launch_signals();
	if (dup2(x->l->out_fd, 1) < 0 || dup2(x->l->err_fd, 2) < 0 ||
	    dup2(x->filter.len ? x->pair[1] : x->null, 0) < 0)
		return -errno;
	return 0;
}

static _Noreturn void launch_child(struct launch *x)
{
	int e = launch_place(x);
	if (e == 0 && x->filter.len) {
		int listener = gcs_listener_load(&x->filter);
		e = listener < 0 ? listener : gcs_listener_send(0, listener, "x", 1);
		if (e == 0 && dup2(x->null, 0) < 0)
			e = -errno;
	}
	if (e == 0) {
		execv(x->l->path, x->l->argv);
		e = -errno;
	}
	*x->failed = e;
	_exit(LAUNCH_FAILED);
}

/* ---- the parent */

/* The listener, once the child has it. -ENODATA: it never will. */
static int launch_receive(int from)
{
	struct pollfd pfd = {.fd = from, .events = POLLIN};
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	return gcs_listener_receive(from);
}

static int launch_listen(struct launch *x, pid_t pid)
{
	int listener = launch_receive(x->pair[0]);
	if (listener >= 0)
		return x->l->listen(x->l->self, listener, pid);
	return listener == -ENODATA ? 0 : listener; /* it says itself why not */
}

/* Until the child's end is closed, by exec or by its end. */
static void launch_await(int from)
{
	char byte;
	ssize_t n;
	do
		n = recv(from, &byte, 1, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
}

static int launch_started(struct launch *x, pid_t pid)
{
	int e = x->filter.len ? launch_listen(x, pid) : 0;
	if (e)
		kill(pid, SIGKILL);
	launch_await(x->pair[0]);
	return e ? e : *x->failed;
}

int guard_launch(const struct guard_launch *l, pid_t *ret_pid)
{
	struct launch x = {.l = l, .pair = {-1, -1}, .null = -1, .parent = getpid()};
	int e = launch_init(&x);
	pid_t pid = e ? -1 : fork();
	if (pid == 0)
		launch_child(&x);
	if (e == 0 && pid < 0)
		e = -errno;
	if (pid > 0) {
		close(x.pair[1]);
		x.pair[1] = -1;
		e = launch_started(&x, pid);
		if (e)
			waitpid(pid, NULL, 0);
		else
			*ret_pid = pid;
	}
	launch_fini(&x);
	return e;
}

/* ---- in place */

int guard_become(const char *path, char *const *argv, const enum gcs_point *point, size_t npoints)
{
	static const char line[] = "{\"ev\":\"listener\"}\n";
	struct sock_fprog filter;
	int e = gcs_sandbox_ask_program(point, npoints, GCS_SYSCALLS_FD, &filter);
	if (e)
		return e;
	if (filter.len) {
		int listener = gcs_listener_load(&filter);
		e = listener < 0 ? listener
				 : gcs_listener_send(LAUNCH_CONTROL_FD, listener, line, sizeof line - 1);
		if (e)
			return e;
		close(listener); /* the harness's alone, so that its death is known */
	}
	execv(path, argv);
	return -errno;
}
