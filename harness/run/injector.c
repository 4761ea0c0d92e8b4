/*
 * injector.c: see injector.h.
 *
 * One thread, which waits for the listener and for the earliest deadline among the calls held. They
 * lie in no order in an array: there are never more than the target has threads.
 *
 * Limit: the arguments are read from the call's registers only; what they point to may change under
 * a reader, so nothing is decided by it.
 */
#define _GNU_SOURCE 1
#include "harness/run/injector.h"

#include "faults/fault.h"
#include "faults/listener.h"
#include "faults/syscalls.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"
#include "workloads/plan.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
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
	bool started;
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
		if (strncmp(s->fault[i].point, "os/", 3) == 0)
			return &s->fault[i];
	return NULL;
}

/* ---- answering */

/* err 0: go on. A call that is gone (its thread was killed) is no error. */
static void injector_answer(struct gcs_injector *in, uint64_t id, int err)
{
	memset(in->answer, 0, in->sizes.seccomp_notif_resp);
	in->answer->id = id;
	in->answer->error = -err;
	in->answer->flags = err ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	while (ioctl(in->listener, SECCOMP_IOCTL_NOTIF_SEND, in->answer) && errno == EINTR)
		;
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

static bool injector_decide(struct gcs_injector *in, const struct seccomp_data *data,
			    int64_t now_ns, struct gcs_firing *ret)
{
	const struct gcs_syscalls *s = gcs_syscalls_by_nr(data->nr);
	const struct watch_gauges *g = &in->telemetry->gauges;
	if (!s)
		return false;
	for (uint32_t i = 0; i < in->plan->nfaults; i++)
		gcs_fault_follow(i, atomic_load_explicit(&in->telemetry->fault[i].armed,
							 memory_order_relaxed) != 0);
	struct gcs_site site = {
		.worker = MRT_WORKER_SYSCALL,
		.driver = 0xffff,
		.p = 0xffff,
		.gc_cycle = (uint32_t)atomic_load_explicit(&g->gc_cycle, memory_order_relaxed),
		.gc_phase = (uint8_t)atomic_load_explicit(&g->gc_phase, memory_order_relaxed),
		.eligible = true,
		.now_ns = now_ns,
		.arg = s->size_arg >= 0 ? data->args[s->size_arg] : 0,
	};
	return gcs_gate(s->point) && gcs_decide(s->point, &site, ret);
}

static void injector_handle(struct gcs_injector *in)
{
	struct gcs_firing fired = {.action = GCS_ACT_NONE};
	int64_t now = injector_now();
	bool quiet = !in->plan || atomic_load_explicit(&in->release, memory_order_acquire);
	if (!quiet)
		injector_decide(in, &in->call->data, now, &fired);
	if (fired.action == GCS_ACT_DELAY)
		injector_hold(in, in->call->id, now + fired.delay_ns);
	else
		injector_answer(in, in->call->id, fired.action == GCS_ACT_FAIL ? fired.err : 0);
}

/* ---- the thread */

/* One call out of the listener; false: there is none. */
static bool injector_take(struct gcs_injector *in)
{
	memset(in->call, 0, in->sizes.seccomp_notif);
	return ioctl(in->listener, SECCOMP_IOCTL_NOTIF_RECV, in->call) == 0;
}

/* Until something happens; false: nobody is left who could call. */
static bool injector_wait(struct gcs_injector *in)
{
	struct pollfd fds[2] = {{.fd = in->listener, .events = POLLIN},
				{.fd = in->wake, .events = POLLIN}};
	int64_t due = injector_earliest(in);
	if (due != INT64_MAX && in->plan && injector_end(in) < due)
		due = injector_end(in);
	int64_t left = due == INT64_MAX ? 0 : due - injector_now();
	if (left < 0)
		left = 0;
	struct timespec ts = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
	if (ppoll(fds, 2, due == INT64_MAX ? NULL : &ts, NULL) <= 0)
		return true;
	uint64_t count;
	if (fds[1].revents && read(in->wake, &count, sizeof count) < 0)
		return true; /* it was taken by an earlier look */
	for (int i = 0; i < INJECTOR_TAKE_MAX && (fds[0].revents & POLLIN); i++) {
		struct pollfd again = {.fd = in->listener, .events = POLLIN};
		if (injector_take(in))
			injector_handle(in);
		if (poll(&again, 1, 0) <= 0 || !(again.revents & POLLIN))
			break;
	}
	return (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

static void *injector_run(void *arg)
{
	struct gcs_injector *in = arg;
	prctl(PR_SET_TIMERSLACK, 1UL); /* deadlines to the nanosecond, not to 50 us */
	bool going = true;
	/* Acquire: pairs with the releases in gcs_injector_release and _destroy. */
	while (going && !atomic_load_explicit(&in->stop, memory_order_acquire)) {
		going = injector_wait(in);
		int64_t now = injector_now();
		bool all = atomic_load_explicit(&in->release, memory_order_acquire) ||
			   (in->plan && injector_end(in) <= now);
		injector_let_go(in, now, all);
	}
	injector_let_go(in, 0, true);
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

int gcs_injector_listen(struct gcs_injector *in, int listener)
{
	in->listener = listener;
	int e = -pthread_create(&in->thread, NULL, injector_run, in);
	in->started = e == 0;
	return e;
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

static void injector_wake(struct gcs_injector *in)
{
	uint64_t one = 1;
	while (write(in->wake, &one, sizeof one) < 0 && errno == EINTR)
		;
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
	if (in->started) {
		atomic_store_explicit(&in->stop, true, memory_order_release);
		injector_wake(in);
		pthread_join(in->thread, NULL);
	}
	if (in->listener >= 0)
		close(in->listener);
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

/* getppid is asked about, everything else is not. */
static int price_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
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

/* In the child, which may have been forked among threads: system calls only. It sends the listener
 * and then the price of each call, or an errno alone. */
static _Noreturn void price_child(int to)
{
	int64_t cost[INJECTOR_PRICE_CALLS];
	int listener = price_filter();
	int64_t failed = listener < 0 ? listener : 0;
	if (failed || gcs_listener_send(to, listener, "l", 1)) {
		if (send(to, &failed, sizeof failed, MSG_NOSIGNAL) < 0)
			_exit(1);
		_exit(0);
	}
	close(listener);
	for (int i = 0; i < INJECTOR_PRICE_CALLS; i++) {
		int64_t from = injector_now();
		syscall(SYS_getppid);
		cost[i] = injector_now() - from;
	}
	_exit(send(to, cost, sizeof cost, MSG_NOSIGNAL) == (ssize_t)sizeof cost ? 0 : 1);
}

/* Answer the child until it has sent its figures. */
static int price_serve(struct gcs_injector *in, int from, int64_t *ret_ns)
{
	int64_t cost[INJECTOR_PRICE_CALLS];
	struct pollfd pfd = {.fd = from, .events = POLLIN};
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	int listener = gcs_listener_receive(from);
	if (listener == -EAGAIN) { /* no listener came with it: it says why */
		int64_t failed = 0;
		return recv(from, &failed, sizeof failed, 0) == (ssize_t)sizeof failed && failed
			       ? (int)failed
			       : -EIO;
	}
	if (listener < 0)
		return listener;
	char byte;
	int e = gcs_injector_listen(in, listener);
	if (e == 0 && (recv(from, &byte, 1, 0) != 1 ||
		       recv(from, cost, sizeof cost, MSG_WAITALL) != (ssize_t)sizeof cost))
		e = -EIO;
	if (e)
		return e;
	qsort(cost, INJECTOR_PRICE_CALLS, sizeof cost[0], price_order);
	*ret_ns = cost[INJECTOR_PRICE_CALLS / 2];
	return 0;
}

int gcs_injector_price(int64_t *ret_ns)
{
	struct gcs_injector *in;
	int pair[2], e = injector_alloc(&in);
	if (e)
		return e;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		e = -errno;
		gcs_injector_destroy(in);
		return e;
	}
	pid_t pid = fork();
	if (pid == 0)
		price_child(pair[1]);
	close(pair[1]);
	e = pid < 0 ? -errno : price_serve(in, pair[0], ret_ns);
	close(pair[0]);
	gcs_injector_destroy(in); /* a child that still waits goes on, or gets ENOSYS */
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return e;
}
