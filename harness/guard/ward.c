/* ward.c: see ward.h. */
#include "harness/guard/ward.h"

#include "faults/syscalls.h"
#include "harness/base/throw.h"
#include "harness/guard/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARD_PATH_BYTES 4200
#define WARD_SWEEPS_MAX 200 /* generations of orphans */

static int ward_file(const char *prefix, const char *suffix)
{
	char path[WARD_PATH_BYTES];
	if (!prefix)
		return -1;
	snprintf(path, sizeof path, "%s%s", prefix, suffix);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static void ward_line(void *self, const char *line)
{
	struct guard_ward *w = self;
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	guard_trace_line(&w->trace, line, (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
	if (!w->fatal && gcs_fatal_line(&line, 1))
		w->fatal = strdup(line);
}

static bool ward_asks(const struct plan *p)
{
	for (uint32_t i = 0; i < p->nfaults; i++)
		if (gcs_syscalls_of(p->spec[i].point) != NULL)
			return true;
	return false;
}

int guard_ward_init(struct guard_ward *w, const char *prefix, const char *load)
{
	w->tee = (struct guard_tee){.from = -1, .file = -1, .to = 2, .line = ward_line, .self = w};
	w->out_fd = -1;
	guard_trace_init(&w->trace, w->telemetry);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || fcntl(2, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	w->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (w->null_fd < 0)
		return -errno;
	w->out_fd = prefix ? ward_file(prefix, ".out") : -1;
	w->tee.file = prefix ? ward_file(prefix, ".err") : -1;
	if (prefix && (w->out_fd < 0 || w->tee.file < 0))
		return w->out_fd < 0 ? w->out_fd : w->tee.file;
	int e = ward_asks(w->plan) ? gcs_injector_create(&w->injector, load, w->telemetry) : 0;
	if (w->injector)
		gcs_injector_armed_here(w->injector);
	return e;
}

void guard_ward_fini(struct guard_ward *w)
{
	gcs_injector_destroy(w->injector);
	guard_tee_fini(&w->tee);
	free(w->fatal);
	if (w->out_fd >= 0)
		close(w->out_fd);
}

/* ---- starting */

static int ward_listen(void *self, int listener, pid_t pid)
{
	return gcs_injector_listen(((struct guard_ward *)self)->injector, listener, pid);
}

static int ward_launch(struct guard_ward *w, int err_fd)
{
	enum gcs_point point[WATCH_FAULTS_MAX];
	for (uint32_t i = 0; i < w->plan->nfaults; i++)
		point[i] = w->plan->spec[i].point;
	return guard_launch(&(struct guard_launch){.path = w->path,
						   .argv = w->argv,
						   .point = point,
						   .npoints = w->plan->nfaults,
						   .out_fd = w->out_fd >= 0 ? w->out_fd : w->null_fd,
						   .err_fd = err_fd,
						   .listen = ward_listen,
						   .self = w},
			    &w->pid);
}

int guard_ward_start(struct guard_ward *w, int64_t now_ns)
{
	int pipe_fd[2];
	if (pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	if (w->tee.from >= 0)
		close(w->tee.from);
	w->tee.from = pipe_fd[0];
	fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK); /* our end: the other has flags of its own */
	free(w->fatal);
	w->fatal = NULL;
	guard_trace_begin(&w->trace, now_ns);
	int e = ward_launch(w, pipe_fd[1]);
	close(pipe_fd[1]);
	return e;
}

/* ---- ending */

void guard_ward_signal(const struct guard_ward *w, int sig)
{
	if (w->pid > 0)
		kill(-w->pid, sig);
}

void guard_ward_release(struct guard_ward *w)
{
	if (w->injector)
		gcs_injector_release(w->injector);
}

/* Ended, and not waited for yet: its number, which is its group's, belongs to nobody else as long. */
static bool ward_is_over(const struct guard_ward *w)
{
	siginfo_t info = {0};
	return w->pid > 0 &&
	       waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == w->pid;
}

/* Orphans that ended. */
static void ward_reap_others(const struct guard_ward *w)
{
	siginfo_t info = {0};
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0 &&
	       info.si_pid != w->pid) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

bool guard_ward_reap(struct guard_ward *w, int *ret_status)
{
	ward_reap_others(w);
	if (!ward_is_over(w))
		return false;
	kill(-w->pid, SIGKILL);
	waitpid(w->pid, ret_status, 0);
	w->pid = 0;
	guard_ward_sweep(w);
	guard_tee_read(&w->tee);
	return true;
}

/* The children of this process, by their numbers. */
static size_t ward_children(pid_t *ret, size_t max)
{
	char path[64];
	size_t n = 0;
	int pid;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	while (f && n < max && fscanf(f, "%d", &pid) == 1)
		ret[n++] = pid;
	if (f)
		fclose(f);
	return n;
}

void guard_ward_sweep(struct guard_ward *w)
{
	pid_t child[256];
	for (int i = 0; i < WARD_SWEEPS_MAX; i++) {
		size_t n = ward_children(child, sizeof child / sizeof child[0]);
		if (n == 0)
			return;
		for (size_t k = 0; k < n; k++)
			kill(child[k], SIGKILL);
		for (size_t k = 0; k < n; k++)
			waitpid(child[k], NULL, 0);
	}
	w->pid = 0;
}

const char *guard_ward_fatal(const struct guard_ward *w)
{
	return w->fatal;
}
