/*
 * injector.c: see injector.h.
 *
 * One thread, which waits for the listener and for the earliest deadline among the calls held. They
 * lie in no order in an array: there are never more than the target has threads.
 *
 * Limit: the arguments are read from the call's registers only; what they point to may change under
 * a reader, so nothing is decided by it. (A look's timeout is, as the kernel would read it.)
 */
#define _GNU_SOURCE 1
#include "harness/run/injector.h"

#include "faults/fault.h"
#include "faults/listener.h"
#include "faults/syscalls.h"
#include "harness/run/looks.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"
#include "workloads/plan_edit.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INJECTOR_HELD_MAX    4096u /* beyond it, calls are let go on at once */
#define INJECTOR_TAKE_MAX    64	   /* calls taken before the deadlines are looked at again */
#define INJECTOR_PRICE_CALLS 300

struct injector_call {
	uint64_t id;
	int64_t due_ns;
};

struct gcs_injector {
	struct plan *plan;		 /* NULL: everything is let go on */
	struct mrt_telemetry *telemetry; /* NULL with it */
	int listener, wake;		 /* -1 */
	bool started, wants_looks, armed_here;
	struct gcs_looks *looks; /* the thread's; NULL: they are let go on */
	pthread_t thread;
	_Atomic bool stop, release;
	struct seccomp_notif *call; /* as long as this kernel's */
	struct seccomp_notif_resp *answer;
	struct seccomp_notif_sizes sizes;
	struct injector_call held[INJECTOR_HELD_MAX]; /* the thread's */
	uint32_t nheld;
};

static int64_t injector_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const struct gcs_fault *gcs_injector_wanted(const struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (!s->fault[i].elsewhere && strncmp(s->fault[i].point, "os/", 3) == 0)
			return &s->fault[i];
	return NULL;
}

bool gcs_injector_looks(const struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (!s->fault[i].elsewhere && strcmp(s->fault[i].point, "os/epoll_pwait") == 0)
			return true;
	return false;
}

/* ---- answering */

/* False: the call is gone, its thread was killed. */
static bool injector_send(struct gcs_injector *in, uint64_t id, int64_t value, int err,
			  uint32_t flags)
{
	int r;
	memset(in->answer, 0, in->sizes.seccomp_notif_resp);
	in->answer->id = id;
	in->answer->val = value;
	in->answer->error = -err;
	in->answer->flags = flags;
	while ((r = ioctl(in->listener, SECCOMP_IOCTL_NOTIF_SEND, in->answer)) && errno == EINTR)
		;
	return r == 0;
}

/* err 0: go on. A call that is gone is no error. */
static void injector_answer(struct gcs_injector *in, uint64_t id, int err)
{
	injector_send(in, id, 0, err, err ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static void injector_hold(struct gcs_injector *in, uint64_t id, int64_t due_ns)
{
	if (in->nheld == INJECTOR_HELD_MAX)
		injector_answer(in, id, 0);
	else
		in->held[in->nheld++] = (struct injector_call){id, due_ns};
}

/* Those that are due, or all. */
static void injector_let_go(struct gcs_injector *in, int64_t now_ns, bool all)
{
	for (uint32_t i = 0; i < in->nheld;) {
		if (!all && in->held[i].due_ns > now_ns) {
			i++;
			continue;
		}
		injector_answer(in, in->held[i].id, 0);
		in->held[i] = in->held[--in->nheld];
	}
}

static int64_t injector_earliest(const struct gcs_injector *in)
{
	int64_t due = INT64_MAX;
	for (uint32_t i = 0; i < in->nheld; i++)
		due = in->held[i].due_ns < due ? in->held[i].due_ns : due;
	return due;
}

/* ---- deciding */

/* When the run ends; INT64_MAX: it has not begun. */
static int64_t injector_end(const struct gcs_injector *in)
{
	int64_t t0_ns = atomic_load_explicit(&in->telemetry->t0_ns, memory_order_relaxed);
	return t0_ns > 0 ? t0_ns + in->plan->end_ns : INT64_MAX;
}

static void injector_follow(const struct gcs_injector *in)
{
	for (uint32_t i = 0; i < in->plan->nfaults && !in->armed_here; i++)
		gcs_fault_follow(i, atomic_load_explicit(&in->telemetry->fault[i].armed,
							 memory_order_relaxed) != 0);
}

static struct gcs_site injector_site(const struct gcs_injector *in, int64_t now_ns)
{
	const struct watch_gauges *g = &in->telemetry->gauges;
	return (struct gcs_site){
		.worker = MRT_WORKER_SYSCALL,
		.driver = 0xffff,
		.p = 0xffff,
		.gc_cycle = (uint32_t)atomic_load_explicit(&g->gc_cycle, memory_order_relaxed),
		.gc_phase = (uint8_t)atomic_load_explicit(&g->gc_phase, memory_order_relaxed),
		.eligible = true,
		.now_ns = now_ns,
	};
}

static bool injector_decide(struct gcs_injector *in, const struct gcs_syscalls *s,
			    const struct seccomp_data *data, int64_t now_ns, struct gcs_firing *ret)
{
	injector_follow(in);
	struct gcs_site site = injector_site(in, now_ns);
	site.arg = s->size_arg >= 0 ? data->args[s->size_arg] : 0;
	return gcs_gate(s->point) && gcs_decide(s->point, &site, ret);
}

/* Nothing fires any more, and nothing is held. */
static bool injector_quiet(const struct gcs_injector *in, int64_t now_ns)
{
	/* Acquire: pairs with gcs_injector_release. */
	return !in->plan || atomic_load_explicit(&in->release, memory_order_acquire) ||
	       injector_end(in) <= now_ns;
}

static enum gcs_looks_mode injector_mode(const struct gcs_injector *in, int64_t now_ns)
{
	if (!in->plan)
		return GCS_LOOKS_ARMED; /* what is priced */
	if (injector_quiet(in, now_ns))
		return GCS_LOOKS_QUIET;
	injector_follow(in);
	return gcs_gate(GCS_POINT_os_epoll_pwait) ? GCS_LOOKS_ARMED : GCS_LOOKS_CALM;
}

static void injector_handle(struct gcs_injector *in)
{
	struct gcs_firing fired = {.action = GCS_ACT_NONE};
	const struct gcs_syscalls *s = gcs_syscalls_by_nr(in->call->data.nr);
	int64_t now = injector_now();
	bool look = s && s->point == GCS_POINT_os_epoll_pwait;
	if (look && in->looks && gcs_looks_take(in->looks, in->call, injector_mode(in, now), now))
		return;
	if (s && !look && !injector_quiet(in, now))
		injector_decide(in, s, &in->call->data, now, &fired);
	if (fired.action == GCS_ACT_DELAY)
		injector_hold(in, in->call->id, now + fired.delay_ns);
	else
		injector_answer(in, in->call->id, fired.action == GCS_ACT_FAIL ? fired.err : 0);
}

/* ---- for looks */

static bool look_found(void *self, uint32_t events, int64_t now_ns, struct gcs_firing *ret)
{
	struct gcs_injector *in = self;
	if (!in->plan)
		return false;
	injector_follow(in);
	struct gcs_site site = injector_site(in, now_ns);
	site.actions = events > 1 ? 0 : GCS_ACT_DELAY; /* one has no order */
	return gcs_gate(GCS_POINT_os_epoll_pwait) &&
	       gcs_decide(GCS_POINT_os_epoll_pwait, &site, ret);
}

static void look_effect(void *self, uint64_t firing, enum gcs_effect effect, uint64_t value,
			int64_t now_ns)
{
	struct gcs_site site = injector_site(self, now_ns);
	gcs_effect(&site, firing, effect, value);
}

static bool look_answer(void *self, uint64_t id, uint32_t count, int err)
{
	return injector_send(self, id, count, err, 0);
}

static void look_go_on(void *self, uint64_t id)
{
	injector_answer(self, id, 0);
}

static int injector_start_looks(struct gcs_injector *in, pid_t pid)
{
	const struct gcs_looks_sink sink = {.self = in,
					    .found = look_found,
					    .effect = look_effect,
					    .answer = look_answer,
					    .go_on = look_go_on};
	return in->wants_looks ? gcs_looks_create(&in->looks, pid, &sink) : 0;
}

/* ---- the thread */

/* One call out of the listener; false: there is none. */
static bool injector_take(struct gcs_injector *in)
{
	memset(in->call, 0, in->sizes.seccomp_notif);
	return ioctl(in->listener, SECCOMP_IOCTL_NOTIF_RECV, in->call) == 0;
}

/* How long may be waited; NULL: for as long as nothing happens. */
static struct timespec *injector_left(const struct gcs_injector *in, struct timespec *ts)
{
	int64_t due = injector_earliest(in), look = in->looks ? gcs_looks_due_ns(in->looks) : due;
	due = look < due ? look : due;
	if (due == INT64_MAX)
		return NULL;
	if (in->plan && injector_end(in) < due)
		due = injector_end(in);
	int64_t left = due - injector_now();
	if (left < 0)
		left = 0;
	*ts = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
	return ts;
}

static void injector_take_all(struct gcs_injector *in)
{
	struct pollfd again = {.fd = in->listener, .events = POLLIN};
	for (int i = 0; i < INJECTOR_TAKE_MAX; i++) {
		if (injector_take(in))
			injector_handle(in);
		if (poll(&again, 1, 0) <= 0 || !(again.revents & POLLIN))
			break;
	}
}

/* Until something happens; false: nobody is left who could call. */
static bool injector_wait(struct gcs_injector *in)
{
	struct pollfd fds[2 + GCS_LOOKS_POLLERS] = {{.fd = in->listener, .events = POLLIN},
						    {.fd = in->wake, .events = POLLIN}};
	struct timespec ts;
	uint64_t count;
	int n = 2 + (in->looks ? gcs_looks_fds(in->looks, &fds[2]) : 0);
	if (ppoll(fds, (nfds_t)n, injector_left(in, &ts), NULL) <= 0)
		return true;
	if (fds[1].revents && read(in->wake, &count, sizeof count) < 0)
		return true; /* it was taken by an earlier look */
	if (fds[0].revents & POLLIN)
		injector_take_all(in);
	return (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

static void injector_serve(struct gcs_injector *in)
{
	int64_t now = injector_now();
	bool all = in->plan && injector_quiet(in, now);
	injector_let_go(in, now, all);
	if (in->looks && all)
		gcs_looks_let_go(in->looks, false, now);
	else if (in->looks)
		gcs_looks_serve(in->looks, now);
}

static void *injector_run(void *arg)
{
	struct gcs_injector *in = arg;
	prctl(PR_SET_TIMERSLACK, 1UL); /* deadlines to the nanosecond, not to 50 us */
	bool going = true;
	/* Acquire: pairs with the release in injector_hush. */
	while (going && !atomic_load_explicit(&in->stop, memory_order_acquire)) {
		going = injector_wait(in);
		injector_serve(in);
	}
	injector_let_go(in, 0, true);
	if (in->looks)
		gcs_looks_let_go(in->looks, true, injector_now());
	return NULL;
}

/* ---- life */

static int injector_alloc(struct gcs_injector **ret)
{
	struct gcs_injector *in = calloc(1, sizeof *in);
	if (!in)
		return -ENOMEM;
	in->listener = -1;
	in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &in->sizes) == 0 && in->wake >= 0) {
		if (in->sizes.seccomp_notif < sizeof *in->call)
			in->sizes.seccomp_notif = sizeof *in->call;
		if (in->sizes.seccomp_notif_resp < sizeof *in->answer)
			in->sizes.seccomp_notif_resp = sizeof *in->answer;
		in->call = calloc(1, in->sizes.seccomp_notif);
		in->answer = calloc(1, in->sizes.seccomp_notif_resp);
		errno = ENOMEM;
	}
	if (!in->call || !in->answer) {
		int e = -errno;
		gcs_injector_destroy(in);
		return e;
	}
	*ret = in;
	return 0;
}

static int injector_load(struct gcs_injector *in, const char *text)
{
	char why[256];
	int e = plan_parse(&in->plan, text, why, sizeof why);
	if (e)
		return e;
	for (uint32_t i = 0; i < in->plan->nfaults; i++)
		in->wants_looks |= in->plan->spec[i].point == GCS_POINT_os_epoll_pwait;
	static const uint32_t worker = MRT_WORKER_SYSCALL;
	return gcs_faults_load(&(struct gcs_faults_options){.spec = in->plan->spec,
							    .nspecs = in->plan->nfaults,
							    .seed = in->plan->runtime.seed,
							    .worker = &worker,
							    .nworkers = 1,
							    .telemetry = in->telemetry});
}

int gcs_injector_create(struct gcs_injector **ret, const char *plan,
			struct mrt_telemetry *telemetry)
{
	struct gcs_injector *in;
	int e = injector_alloc(&in);
	if (e)
		return e;
	in->telemetry = telemetry;
	e = injector_load(in, plan);
	if (e)
		gcs_injector_destroy(in);
	else
		*ret = in;
	return e;
}

static void injector_wake(struct gcs_injector *in)
{
	uint64_t one = 1;
	while (write(in->wake, &one, sizeof one) < 0 && errno == EINTR)
		;
}

/* Nobody is answered any more. */
static void injector_hush(struct gcs_injector *in)
{
	if (in->started) {
		atomic_store_explicit(&in->stop, true, memory_order_release);
		injector_wake(in);
		pthread_join(in->thread, NULL);
	}
	if (in->listener >= 0)
		close(in->listener);
	gcs_looks_destroy(in->looks);
	in->started = false;
	in->listener = -1;
	in->looks = NULL;
	in->nheld = 0;
	atomic_store_explicit(&in->stop, false, memory_order_relaxed); /* no thread is there */
}

int gcs_injector_listen(struct gcs_injector *in, int listener, pid_t pid)
{
	injector_hush(in);
	in->listener = listener;
	int e = injector_start_looks(in, pid);
	if (e)
		return e;
	e = -pthread_create(&in->thread, NULL, injector_run, in);
	in->started = e == 0;
	return e;
}

void gcs_injector_armed_here(struct gcs_injector *in)
{
	in->armed_here = true;
}

bool gcs_injector_listens(const struct gcs_injector *in)
{
	return in->started;
}

void gcs_injector_fire(struct gcs_injector *in, uint32_t fault)
{
	if (!atomic_load_explicit(&in->release, memory_order_relaxed))
		gcs_fault_fire_once(fault);
}

int gcs_injector_edit(struct gcs_injector *in, const char *line)
{
	struct gcs_fault_spec spec;
	uint32_t fault;
	json_t *o = json_loads(line, 0, NULL);
	int e = plan_edit_fault(in->plan, o, &fault, &spec);
	json_decref(o);
	return e ? e : gcs_fault_edit(fault, &spec);
}

void gcs_injector_release(struct gcs_injector *in)
{
	atomic_store_explicit(&in->release, true, memory_order_release);
	injector_wake(in);
}

void gcs_injector_destroy(struct gcs_injector *in)
{
	if (!in)
		return;
	injector_hush(in);
	if (in->wake >= 0)
		close(in->wake);
	if (in->plan)
		gcs_faults_clear();
	plan_destroy(in->plan);
	free(in->call);
	free(in->answer);
	free(in);
}

/* ---- the price */

/* What the child says at the end. */
struct price_said {
	int64_t failed; /* there is no filter: -errno */
	int64_t call_ns[INJECTOR_PRICE_CALLS], look_ns[INJECTOR_PRICE_CALLS];
};

/* getppid and epoll_pwait are asked about, everything else is not. */
static int price_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	return gcs_listener_load(
		&(struct sock_fprog){.len = sizeof code / sizeof code[0], .filter = code});
}

static int price_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t price_median(int64_t ns[INJECTOR_PRICE_CALLS])
{
	qsort(ns, INJECTOR_PRICE_CALLS, sizeof ns[0], price_order);
	return ns[INJECTOR_PRICE_CALLS / 2];
}

/* A poller that finds something at every look. */
static int price_poller(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int poller = epoll_create1(EPOLL_CLOEXEC), ready = eventfd(1, EFD_CLOEXEC);
	if (poller < 0 || ready < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, ready, &event))
		return -errno;
	return poller;
}

static bool price_call(struct price_said *said, bool looks, int poller)
{
	struct epoll_event event;
	for (int i = 0; i < INJECTOR_PRICE_CALLS; i++) {
		int64_t from = injector_now();
		syscall(SYS_getppid);
		said->call_ns[i] = injector_now() - from;
	}
	for (int i = 0; looks && i < INJECTOR_PRICE_CALLS; i++) {
		int64_t from = injector_now();
		if (syscall(SYS_epoll_pwait, poller, &event, 1, -1, NULL, 0) != 1)
			return false;
		said->look_ns[i] = injector_now() - from;
	}
	return true;
}

/* In the child, which may have been forked among threads: system calls only. It sends the listener
 * with the number of its poller, and then what it has to say, or an error alone. */
static _Noreturn void price_child(int to, bool looks)
{
	static struct price_said said;
	int poller = price_poller(), listener = poller < 0 ? poller : price_filter();
	said.failed = listener < 0 ? listener : 0;
	if (listener >= 0) {
		if (gcs_listener_send(to, listener, (const char *)&poller, sizeof poller))
			_exit(1);
		close(listener);
		if (!price_call(&said, looks, poller))
			said.failed = -EIO;
	}
	_exit(send(to, &said, sizeof said, MSG_NOSIGNAL) == (ssize_t)sizeof said ? 0 : 1);
}

static int price_hear(int from, struct price_said *ret)
{
	if (recv(from, ret, sizeof *ret, MSG_WAITALL) != (ssize_t)sizeof *ret)
		return -EIO;
	return (int)ret->failed;
}

/* Answer the child until it has sent its figures. */
static int price_serve(struct gcs_injector *in, int from, pid_t pid,
		       struct gcs_injector_prices *ret)
{
	static struct price_said said; /* one price at a time: as the injector */
	struct pollfd pfd = {.fd = from, .events = POLLIN};
	int poller;
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	int listener = gcs_listener_receive(from);
	if (listener == -ENODATA) { /* none came with it: the child says why */
		int e = price_hear(from, &said);
		return e ? e : -EIO;
	}
	if (listener < 0)
		return listener;
	int e = recv(from, &poller, sizeof poller, MSG_WAITALL) == sizeof poller ? 0 : -EIO;
	if (e == 0 && in->wants_looks)
		/* The child was forked: its variables lie where ours do. */
		e = gcs_looks_allowed(pid, poller, (uint64_t)(uintptr_t)&said, &ret->refused);
	if (e) {
		close(listener); /* what the child asks fails */
		return e;
	}
	e = gcs_injector_listen(in, listener, pid);
	if (e == 0)
		e = price_hear(from, &said);
	if (e == 0) {
		ret->call_ns = price_median(said.call_ns);
		ret->look_ns = in->wants_looks ? price_median(said.look_ns) : 0;
	}
	return e;
}

int gcs_injector_price(bool looks, struct gcs_injector_prices *ret)
{
	struct gcs_injector *in;
	int pair[2], e = injector_alloc(&in);
	*ret = (struct gcs_injector_prices){.refused = "seccomp user notification"};
	if (e)
		return e;
	in->wants_looks = looks;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		e = -errno;
		gcs_injector_destroy(in);
		return e;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		price_child(pair[1], looks);
	}
	close(pair[1]);
	e = pid < 0 ? -errno : price_serve(in, pair[0], pid, ret);
	close(pair[0]);
	gcs_injector_destroy(in); /* a child that still waits goes on, or gets ENOSYS */
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return e;
}
