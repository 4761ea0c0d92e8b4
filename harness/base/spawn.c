/*
 * spawn.c: fork and exec.
 *
 * The caller's descriptors may carry numbers that the child wants for others: all are first lifted
 * above the wanted range, then put in place. Between fork and exec only async-signal-safe calls are
 * made (the harness has threads).
 */
#define _GNU_SOURCE 1 /* pipe2, close_range */
#include "harness/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPAWN_FIRST_FD	3
#define SPAWN_FDS_MAX	4096u
#define SPAWN_FDS_SWEPT 65536u

static int spawn_lift(int fd, int above)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, above);
}

/* Inherited by accident, or ours: none of them lives beyond exec. Not every kernel can do it at
 * once. */
static void spawn_close_on_exec(unsigned from)
{
	if (close_range(from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (unsigned fd = from; fd < SPAWN_FDS_SWEPT; fd++)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

/* In the child: 0, or the errno. `lifted` is scratch for nfds numbers. */
static int spawn_place_fds(const struct gcs_spawn *s, int *lifted, int *report)
{
	int above = SPAWN_FIRST_FD + (int)s->nfds;
	int err = spawn_lift(s->err_fd, above), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*report = spawn_lift(*report, above);
	if (err < 0 || null < 0 || *report < 0)
		return errno;
	for (unsigned i = 0; i < s->nfds; i++)
		if ((lifted[i] = spawn_lift(s->fd[i], above)) < 0)
			return errno;
	if (dup2(null, 0) < 0 || dup2(err, 1) < 0 || dup2(err, 2) < 0)
		return errno;
	for (unsigned i = 0; i < s->nfds; i++)
		if (dup2(lifted[i], SPAWN_FIRST_FD + (int)i) < 0)
			return errno;
	spawn_close_on_exec(SPAWN_FIRST_FD + s->nfds);
	return 0;
}

static void spawn_signals(void)
{
	sigset_t none;
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL); /* fails for a few, harmlessly */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static size_t spawn_count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* Is a variable of this name among those that are added? */
static bool spawn_replaced(const struct gcs_spawn *s, const char *ours)
{
	for (size_t i = 0; i < spawn_count(s->env); i++)
		if (strncmp(ours, s->env[i], strcspn(s->env[i], "=") + 1) == 0)
			return true;
	return false;
}

/* Ours with s->env in place of what has its names; freed by the caller, the strings are not its own.
 * NULL: no memory. */
static char **spawn_environment(const struct gcs_spawn *s)
{
	size_t n = 0, to = 0, more = spawn_count(s->env);
	while (environ[n])
		n++;
	char **env = malloc((n + more + 1) * sizeof *env);
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!spawn_replaced(s, environ[i]))
			env[to++] = environ[i];
	for (size_t i = 0; i < more; i++)
		env[to++] = (char *)(uintptr_t)s->env[i];
	env[to] = NULL;
	return env;
}

/* Freed by the caller, the strings are not its own. NULL: no memory. */
static char **spawn_arguments(const struct gcs_spawn *s)
{
	size_t n = spawn_count(s->args);
	char **argv = malloc((n + 2) * sizeof *argv);
	if (!argv)
		return NULL;
	argv[0] = (char *)(uintptr_t)s->path;
	for (size_t i = 0; i < n; i++)
		argv[1 + i] = (char *)(uintptr_t)s->args[i];
	argv[1 + n] = NULL;
	return argv;
}

static _Noreturn void spawn_child(const struct gcs_spawn *s, char **argv, char **env, int *lifted,
				  int report, pid_t parent)
{
	int e = 0;
	if (s->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		e = errno ? errno : ESRCH;
	if (e == 0 && setpgid(0, s->group))
		e = errno;
	if (e == 0)
		e = spawn_place_fds(s, lifted, &report);
	if (e == 0) {
		spawn_signals();
		execve(s->path, argv, env);
		e = errno;
	}
	while (write(report, &e, sizeof e) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* The child's errno, 0 when the pipe closed by exec. */
static int spawn_report(int fd)
{
	int e = 0;
	ssize_t n;
	do
		n = read(fd, &e, sizeof e);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof e ? e : 0;
}

/* With what only exec wants already made. */
static int spawn_made(const struct gcs_spawn *s, char **argv, char **env, pid_t *ret_pid)
{
	int report[2], lifted[SPAWN_FDS_MAX];
	pid_t parent = getpid();
	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		spawn_child(s, argv, env, lifted, report[1], parent);
	int e = pid < 0 ? errno : 0;
	close(report[1]);
	if (e == 0 && (e = spawn_report(report[0])) != 0)
		waitpid(pid, NULL, 0);
	close(report[0]);
	if (e == 0)
		*ret_pid = pid;
	return -e;
}

int gcs_spawn(const struct gcs_spawn *s, pid_t *ret_pid)
{
	if (s->nfds > SPAWN_FDS_MAX)
		return -EMFILE;
	char **argv = spawn_arguments(s), **env = spawn_environment(s);
	int e = argv && env ? spawn_made(s, argv, env, ret_pid) : -ENOMEM;
	free(argv);
	free(env);
	return e;
}
