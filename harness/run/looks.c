/*
 * looks.c: see looks.h.
 *
 * A poller is an epoll instance of the target, found by the number of its descriptor and compared
 * with what was behind that number before (kcmp(2)): a number may be closed and used anew. Its
 * events stand in the order in which they were taken, each with the time from which it may be
 * given; one that is held lets later ones pass, as a late wake does.
 */
#define _GNU_SOURCE 1
#include "harness/run/looks.h"

#include "faults/listener.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define LOOKS_CALLS_MAX	     1024  /* that wait at once; more go on in the kernel */
#define LOOKS_BATCH	     128u  /* events of one look */
#define LOOKS_KEPT_MAX	     8192u /* of one poller: the rest stays in the kernel */
#define LOOKS_LEVEL_MAX	     64u
#define LOOKS_LEVEL_AGE	     INT64_C(1000000000) /* the list is read again, at a firing */

struct look_event {
	struct epoll_event event;
	int64_t taken_ns, due_ns;
	uint64_t firing; /* of the first event of a look that fired; 0 */
	uint32_t turned; /* with it: so many events were turned round; 0: they were held */
};

struct look_poller {
	int number, fd; /* in the target (-1: something else is there now), and here */
	uint32_t nkept, ncalls;
	uint32_t nlevel;
	int64_t level_ns; /* when they were read */
	uint64_t level[LOOKS_LEVEL_MAX]; /* data of what is level-triggered */
	struct look_event kept[LOOKS_KEPT_MAX];
};

struct look_call {
	uint64_t id, at; /* at: where its events go, in the target */
	uint32_t thread, max;
	int64_t until_ns; /* 0: it does not block; INT64_MAX: without end */
	struct look_poller *poller;
};

struct gcs_looks {
	struct gcs_looks_sink sink;
	pid_t pid;
	int pidfd;
	uint32_t ncalls, npollers;
	struct look_call call[LOOKS_CALLS_MAX]; /* in the order in which they came */
	struct look_poller *poller[GCS_LOOKS_POLLERS];
};

/* ---- what the system allows */

static int looks_getfd(int pidfd, int number)
{
	long fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	return fd < 0 ? -errno : (int)fd;
}

/* Whole, or not at all. */
static bool looks_copy(const struct gcs_looks *l, uint64_t there, void *here, size_t bytes,
		       bool out)
{
	struct iovec mine = {.iov_base = here, .iov_len = bytes},
		     its = {.iov_base = (void *)(uintptr_t)there, .iov_len = bytes};
	ssize_t n = out ? process_vm_writev(l->pid, &mine, 1, &its, 1, 0)
			: process_vm_readv(l->pid, &mine, 1, &its, 1, 0);
	return n == (ssize_t)bytes;
}

static FILE *looks_fdinfo(pid_t pid, int number)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, number);
	return fopen(path, "re");
}

static int looks_try(const struct gcs_looks *l, int fd, uint64_t at, const char **ret_what)
{
	uint64_t word;
	*ret_what = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
	if (!gcs_listener_waits_killable())
		return -EINVAL;
	*ret_what = "pidfd_open";
	if (l->pidfd < 0)
		return -errno;
	*ret_what = "pidfd_getfd";
	int dup = looks_getfd(l->pidfd, fd);
	if (dup < 0)
		return dup;
	close(dup);
	*ret_what = "/proc/PID/fdinfo";
	FILE *info = looks_fdinfo(l->pid, fd);
	if (!info)
		return -errno;
	fclose(info);
	*ret_what = "process_vm_readv";
	if (!looks_copy(l, at, &word, sizeof word, false))
		return -errno;
	*ret_what = "process_vm_writev";
	return looks_copy(l, at, &word, sizeof word, true) ? 0 : -errno;
}

int gcs_looks_allowed(pid_t pid, int fd, uint64_t at, const char **ret_what)
{
	struct gcs_looks *l;
	*ret_what = "pidfd_open";
	int e = gcs_looks_create(&l, pid, NULL);
	if (e)
		return e;
	e = looks_try(l, fd, at, ret_what);
	gcs_looks_destroy(l);
	return e;
}

/* ---- pollers */

/* What the kernel tells of again and again is known by the word that goes with it. */
static void poller_read_level(const struct gcs_looks *l, struct look_poller *po, int64_t now_ns)
{
	char line[256];
	unsigned int events;
	uint64_t data;
	FILE *info = looks_fdinfo(l->pid, po->number);
	po->level_ns = now_ns;
	if (!info)
		return;
	po->nlevel = 0;
	while (po->nlevel < LOOKS_LEVEL_MAX && fgets(line, sizeof line, info))
		if (sscanf(line, "tfd: %*d events: %x data: %" SCNx64, &events, &data) == 2 &&
		    (events & ((uint32_t)EPOLLET | (uint32_t)EPOLLONESHOT)) == 0)
			po->level[po->nlevel++] = data;
	fclose(info);
}

static bool poller_level(const struct look_poller *po, uint64_t data)
{
	for (uint32_t i = 0; i < po->nlevel; i++)
		if (po->level[i] == data)
			return true;
	return false;
}

/* Where the kernel does not compare, the number must do. */
static bool poller_same(const struct look_poller *po, int fd)
{
	long differ = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, po->fd, fd);
	return differ <= 0;
}

static void poller_free(struct gcs_looks *l, uint32_t i)
{
	close(l->poller[i]->fd);
	free(l->poller[i]);
	l->poller[i] = l->poller[--l->npollers];
}

/* The number stands for something else now. What was taken there is nobody's any more, but of who
 * still waits. */
static void poller_forget(struct gcs_looks *l, uint32_t i)
{
	l->poller[i]->number = -1;
	if (l->poller[i]->ncalls == 0)
		poller_free(l, i);
}

/* fd is the poller's from now on. NULL: not here. */
static struct look_poller *poller_new(struct gcs_looks *l, int number, int fd, int64_t now_ns)
{
	struct look_poller *po = l->npollers < GCS_LOOKS_POLLERS ? calloc(1, sizeof *po) : NULL;
	if (!po) {
		close(fd);
		return NULL;
	}
	po->number = number;
	po->fd = fd;
	poller_read_level(l, po, now_ns);
	return l->poller[l->npollers++] = po;
}

static struct look_poller *poller_of(struct gcs_looks *l, int number, int64_t now_ns)
{
	int fd = looks_getfd(l->pidfd, number);
	if (fd < 0)
		return NULL;
	for (uint32_t i = 0; i < l->npollers; i++) {
		if (l->poller[i]->number != number)
			continue;
		if (poller_same(l->poller[i], fd)) {
			close(fd);
			return l->poller[i];
		}
		poller_forget(l, i);
		break;
	}
	return poller_new(l, number, fd, now_ns);
}

static bool poller_room(const struct look_poller *po)
{
	return po->nkept + LOOKS_BATCH <= LOOKS_KEPT_MAX;
}

/* ---- events */

struct look_batch {
	struct epoll_event event[LOOKS_BATCH];
	uint32_t n;
};

/* Out of the kernel. What is level-triggered is put into *ret_level, the rest into *ret_edge; 0,
 * -errno. */
static int events_take(const struct look_poller *po, struct look_batch *ret_edge,
		       struct look_batch *ret_level)
{
	struct epoll_event all[LOOKS_BATCH];
	int n = epoll_wait(po->fd, all, LOOKS_BATCH, 0);
	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct look_batch *to = poller_level(po, all[i].data.u64) ? ret_level : ret_edge;
		to->event[to->n++] = all[i];
	}
	return 0;
}

static void events_turn(struct look_batch *b)
{
	for (uint32_t i = 0, k = b->n; i + 1 < k; i++) {
		struct epoll_event first = b->event[i];
		b->event[i] = b->event[--k];
		b->event[k] = first;
	}
}

static void events_keep(struct look_poller *po, const struct look_batch *b, int64_t now_ns,
			const struct gcs_firing *fired)
{
	bool held = fired->action == GCS_ACT_DELAY;
	for (uint32_t i = 0; i < b->n; i++)
		po->kept[po->nkept++] = (struct look_event){
			.event = b->event[i],
			.taken_ns = now_ns,
			.due_ns = now_ns + (held ? fired->delay_ns : 0),
			.firing = i == 0 ? fired->id : 0,
			.turned = fired->action == GCS_ACT_REORDER ? b->n : 0,
		};
}

/* New events are taken and their fate decided. 0, -errno. */
static int events_look(struct gcs_looks *l, struct look_poller *po, struct look_batch *ret_level,
		       int64_t now_ns)
{
	struct gcs_firing fired = {.action = GCS_ACT_NONE};
	struct look_batch edge;
	edge.n = 0;
	int e = poller_room(po) ? events_take(po, &edge, ret_level) : 0;
	if (e || edge.n == 0)
		return e;
	if (l->sink.found(l->sink.self, edge.n, now_ns, &fired) &&
	    now_ns - po->level_ns >= LOOKS_LEVEL_AGE)
		poller_read_level(l, po, now_ns);
	if (fired.action == GCS_ACT_REORDER)
		events_turn(&edge);
	events_keep(po, &edge, now_ns, &fired);
	return 0;
}

/* Those that may be given now, in their order, up to max. */
static uint32_t events_due(const struct look_poller *po, struct epoll_event *ret, uint32_t max,
			   int64_t now_ns)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < po->nkept && n < max; i++)
		if (po->kept[i].due_ns <= now_ns)
			ret[n++] = po->kept[i].event;
	return n;
}

/* The first n of them have been given. */
static void events_given(struct gcs_looks *l, struct look_poller *po, uint32_t n, int64_t now_ns)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < po->nkept; i++) {
		const struct look_event *e = &po->kept[i];
		if (n == 0 || e->due_ns > now_ns) {
			po->kept[left++] = *e;
			continue;
		}
		n--;
		if (e->firing)
			l->sink.effect(l->sink.self, e->firing,
				       e->turned ? GCS_EFFECT_REVERSED : GCS_EFFECT_HELD,
				       e->turned ? e->turned : (uint64_t)(now_ns - e->taken_ns),
				       now_ns);
	}
	po->nkept = left;
}

/* ---- calls */

static void call_remove(struct gcs_looks *l, uint32_t i)
{
	l->call[i].poller->ncalls--;
	l->ncalls--;
	memmove(&l->call[i], &l->call[i + 1], (l->ncalls - i) * sizeof l->call[0]);
}

/* What there is for it; true: it has been answered, or is gone. Level-triggered events are given
 * once. */
static bool call_give(struct gcs_looks *l, const struct look_call *c, struct look_batch *level,
		      int64_t now_ns)
{
	struct epoll_event out[LOOKS_BATCH];
	uint32_t max = c->max < LOOKS_BATCH ? c->max : LOOKS_BATCH,
		 again = level->n < max ? level->n : max;
	memcpy(out, level->event, again * sizeof out[0]);
	uint32_t due = events_due(c->poller, out + again, max - again, now_ns), n = again + due;
	if (n == 0)
		return false;
	if (!looks_copy(l, c->at, out, n * sizeof out[0], true))
		l->sink.answer(l->sink.self, c->id, 0, EFAULT);
	else if (l->sink.answer(l->sink.self, c->id, n, 0)) {
		events_given(l, c->poller, due, now_ns);
		level->n = 0;
	}
	return true;
}

/* One poller: what came, and whose time is over. */
static void poller_serve(struct gcs_looks *l, struct look_poller *po, int64_t now_ns)
{
	struct look_batch level;
	level.n = 0;
	int e = events_look(l, po, &level, now_ns);
	for (uint32_t i = 0; i < l->ncalls;) {
		struct look_call *c = &l->call[i];
		bool over = c->poller == po;
		if (over && e)
			l->sink.go_on(l->sink.self, c->id); /* the kernel says what is wrong */
		else if (over && !call_give(l, c, &level, now_ns)) {
			over = c->until_ns <= now_ns;
			if (over)
				l->sink.answer(l->sink.self, c->id, 0, 0);
		}
		if (over)
			call_remove(l, i);
		else
			i++;
	}
}

/* The target's timeout; false: the kernel will refuse it. */
static bool call_until(const struct gcs_looks *l, const struct seccomp_data *data, int64_t now_ns,
		       int64_t *ret_ns)
{
	struct timespec ts;
	int ms = (int)data->args[3];
	*ret_ns = INT64_MAX;
	if (data->nr != SYS_epoll_pwait2) {
		if (ms >= 0)
			*ret_ns = ms == 0 ? 0 : now_ns + INT64_C(1000000) * ms;
		return true;
	}
	if (data->args[3] == 0)
		return true;
	if (!looks_copy(l, data->args[3], &ts, sizeof ts, false) || ts.tv_sec < 0 ||
	    ts.tv_nsec < 0 || ts.tv_nsec > 999999999)
		return false;
	if (ts.tv_sec == 0 && ts.tv_nsec == 0)
		*ret_ns = 0;
	else if (ts.tv_sec < INT32_MAX)
		*ret_ns = now_ns + (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	return true;
}

/* Can it be answered from here? *ret is then complete but for its poller. */
static bool call_read(const struct gcs_looks *l, const struct seccomp_notif *n, int64_t now_ns,
		      struct look_call *ret)
{
	const struct seccomp_data *data = &n->data;
	bool masked = true;
#ifdef SYS_epoll_wait
	masked = data->nr != SYS_epoll_wait;
#endif
	masked = masked && data->args[4] != 0;
	*ret = (struct look_call){.id = n->id, .at = data->args[1], .thread = n->pid};
	if (masked || (int)data->args[2] <= 0 || !call_until(l, data, now_ns, &ret->until_ns))
		return false;
	ret->max = (uint32_t)data->args[2];
	return true;
}

/* Its threads share memory and descriptors; another process, which it started, does not. */
static bool call_ours(const struct gcs_looks *l, const struct seccomp_notif *n)
{
	char path[64];
	if ((pid_t)n->pid == l->pid)
		return true;
	snprintf(path, sizeof path, "/proc/%d/task/%u", (int)l->pid, n->pid);
	return access(path, F_OK) == 0;
}

/* A thread makes one call at a time: an earlier one of it is gone. */
static void call_forget(struct gcs_looks *l, uint32_t thread)
{
	for (uint32_t i = 0; i < l->ncalls; i++)
		if (l->call[i].thread == thread) {
			call_remove(l, i);
			return;
		}
}

/* Nothing of it is held any more. */
static void poller_ripen(struct look_poller *po, int64_t now_ns)
{
	for (uint32_t k = 0; k < po->nkept; k++)
		if (po->kept[k].due_ns > now_ns)
			po->kept[k].due_ns = now_ns;
}

/* Only what was taken before. */
static bool call_give_left(struct gcs_looks *l, const struct look_call *c, int64_t now_ns)
{
	struct look_batch none;
	none.n = 0;
	poller_ripen(c->poller, now_ns);
	return call_give(l, c, &none, now_ns);
}

static bool looks_any_kept(const struct gcs_looks *l)
{
	for (uint32_t i = 0; i < l->npollers; i++)
		if (l->poller[i]->nkept > 0)
			return true;
	return false;
}

/* ---- what the injector calls */

int gcs_looks_create(struct gcs_looks **ret, pid_t pid, const struct gcs_looks_sink *sink)
{
	struct gcs_looks *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	if (sink)
		l->sink = *sink;
	l->pid = pid;
	l->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (l->pidfd < 0) {
		int e = -errno;
		free(l);
		return e;
	}
	*ret = l;
	return 0;
}

void gcs_looks_destroy(struct gcs_looks *l)
{
	if (!l)
		return;
	while (l->npollers > 0)
		poller_free(l, l->npollers - 1);
	close(l->pidfd);
	free(l);
}

bool gcs_looks_take(struct gcs_looks *l, const struct seccomp_notif *n, enum gcs_looks_mode mode,
		    int64_t now_ns)
{
	struct look_call c;
	if (mode == GCS_LOOKS_QUIET && !looks_any_kept(l))
		return false;
	if (l->ncalls == LOOKS_CALLS_MAX || !call_ours(l, n) || !call_read(l, n, now_ns, &c))
		return false;
	if (mode == GCS_LOOKS_CALM && c.until_ns == 0 && !looks_any_kept(l))
		return false;
	c.poller = poller_of(l, (int)n->data.args[0], now_ns);
	if (!c.poller)
		return false;
	if (mode == GCS_LOOKS_QUIET)
		return call_give_left(l, &c, now_ns);
	call_forget(l, c.thread);
	l->call[l->ncalls++] = c;
	c.poller->ncalls++;
	poller_serve(l, c.poller, now_ns);
	return true;
}

int gcs_looks_fds(const struct gcs_looks *l, struct pollfd *fds)
{
	int n = 0;
	for (uint32_t i = 0; i < l->npollers; i++)
		if (l->poller[i]->ncalls > 0 && poller_room(l->poller[i]))
			fds[n++] = (struct pollfd){.fd = l->poller[i]->fd, .events = POLLIN};
	return n;
}

int64_t gcs_looks_due_ns(const struct gcs_looks *l)
{
	int64_t due = INT64_MAX;
	for (uint32_t i = 0; i < l->ncalls; i++)
		due = l->call[i].until_ns < due ? l->call[i].until_ns : due;
	for (uint32_t i = 0; i < l->npollers; i++) {
		const struct look_poller *po = l->poller[i];
		/* What nobody waits for is given to whoever comes. */
		for (uint32_t k = 0; po->ncalls > 0 && k < po->nkept; k++)
			due = po->kept[k].due_ns < due ? po->kept[k].due_ns : due;
	}
	return due;
}

void gcs_looks_serve(struct gcs_looks *l, int64_t now_ns)
{
	for (uint32_t i = 0; i < l->npollers; i++)
		if (l->poller[i]->ncalls > 0)
			poller_serve(l, l->poller[i], now_ns);
	for (uint32_t i = l->npollers; i-- > 0;)
		if (l->poller[i]->number < 0 && l->poller[i]->ncalls == 0)
			poller_free(l, i);
}

void gcs_looks_let_go(struct gcs_looks *l, bool for_good, int64_t now_ns)
{
	while (l->ncalls > 0) {
		const struct look_call *c = &l->call[0];
		bool given = call_give_left(l, c, now_ns);
		if (!given && for_good)
			l->sink.go_on(l->sink.self, c->id);
		else if (!given)
			l->sink.answer(l->sink.self, c->id, 0, EINTR);
		call_remove(l, 0);
	}
}
