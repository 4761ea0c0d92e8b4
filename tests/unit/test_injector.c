/*
 * test_injector.c: faults of system calls: a child stands for the target. It loads the filter, makes
 * the calls it is told to, and says what came of them; the injector answers. Every point: reached,
 * fired, with its effect, recovered from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/run/injector.h"

#include "faults/listener.h"
#include "faults/points.h"
#include "faults/sandbox.h"
#include "faults/syscalls.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS	   INT64_C(1000000)
#define MAP_BYTES  (37 * 4096) /* no other mapping here is as long: sanitizers map too */
#define CHILD_LINE 3
#define CHILD_FAR  7 /* a descriptor from GCS_SYSCALLS_FD on */
#define SLEEPERS   8
#define CONNS	   4 /* of the poller: descriptors from CHILD_CONN on; before them what breaks its sleep */
#define CHILD_CONN (CHILD_FAR + 3)
#define CHILD_BROKEN (1 << CONNS)
#define WAIT_MS	   40
#define HELD_NS	   (200 * MS) /* by the fault of test_look_held */
#define DEADLINE_S 60
#define RUN_NS	   (5000 * MS) /* a run as the plan has it: less than the machine is up */

/* What the child is told to do, and what it says. */
enum act { ACT_MMAP, ACT_MPROTECT, ACT_MADVISE, ACT_MUNMAP, ACT_CLONE, ACT_SLEEP, ACT_FUTEX, ACT_READ,
	   ACT_WRITE, ACT_SLEEPERS, ACT_LOOK, ACT_WAIT, ACT_WAIT_BEGIN, ACT_WAIT_END, ACT_END };
struct said {
	int64_t err, ns, found; /* found: a mask of connections, CHILD_BROKEN with them */
};

/* ---- the child */

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct said child_said(int64_t from_ns, long r)
{
	return (struct said){.err = r < 0 ? errno : 0, .ns = now_ns() - from_ns};
}

static struct said child_look(int timeout_ms)
{
	struct epoll_event event[CONNS + 1];
	struct timespec ts = {.tv_nsec = timeout_ms * MS};
	int64_t from = now_ns();
	/* With an end, in the way that counts it in ns. */
	long n = timeout_ms > 0 ? syscall(SYS_epoll_pwait2, CHILD_FAR + 1, event, CONNS + 1, &ts, NULL, 0)
				: syscall(SYS_epoll_pwait, CHILD_FAR + 1, event, CONNS + 1, timeout_ms, NULL, 0);
	struct said said = child_said(from, n);
	for (long i = 0; i < n; i++)
		said.found |= INT64_C(1) << event[i].data.u32;
	return said;
}

/* A look of a thread of its own, for as long as it takes. */
static void *child_waiter(void *arg)
{
	*(struct said *)arg = child_look(-1);
	return NULL;
}

static struct said child_wait(bool begin)
{
	static struct said said;
	static pthread_t thread;
	if (begin ? pthread_create(&thread, NULL, child_waiter, &said) : pthread_join(thread, NULL))
		_exit(9);
	return begin ? (struct said){0} : said;
}

static void *child_map(void)
{
	return mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A process that ends at once: what a thread of this one would do, without the C library. */
static struct said child_clone(void)
{
	int64_t from = now_ns();
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	struct said said = child_said(from, pid);
	while (pid > 0 && waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		;
	return said;
}

static struct said child_sleep(void)
{
	struct timespec ts = {.tv_nsec = 1};
	int64_t from = now_ns();
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	return child_said(from, errno ? -1 : 0);
}

static void *child_sleeper(void *arg)
{
	(void)arg;
	child_sleep();
	return NULL;
}

static struct said child_sleepers(void)
{
	pthread_t thread[SLEEPERS];
	int64_t from = now_ns();
	for (int i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread[i], NULL, child_sleeper, NULL))
			_exit(3);
	for (int i = 0; i < SLEEPERS; i++)
		pthread_join(thread[i], NULL);
	return child_said(from, 0);
}

/* Every act but the last two. area is of MAP_BYTES. */
static struct said child_act(enum act act, char *area)
{
	uint32_t word = 0;
	char byte = 'x';
	int64_t from = now_ns();
	void *at;
	switch (act) {
	case ACT_MMAP:
		at = child_map();
		return child_said(from, at == MAP_FAILED ? -1 : 0);
	case ACT_MADVISE:
		return child_said(from, madvise(area, MAP_BYTES, MADV_DONTNEED));
	case ACT_MUNMAP:
		return child_said(from, syscall(SYS_munmap, area, MAP_BYTES));
	case ACT_MPROTECT:
		return child_said(from, mprotect(area, MAP_BYTES, PROT_READ | PROT_WRITE));
	case ACT_LOOK:
	case ACT_WAIT:
		return child_look(act == ACT_WAIT ? WAIT_MS : 0);
	case ACT_WAIT_BEGIN:
	case ACT_WAIT_END:
		return child_wait(act == ACT_WAIT_BEGIN);
	case ACT_FUTEX:
		return child_said(from, syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	case ACT_READ:
		return child_said(from, syscall(SYS_read, CHILD_FAR, &byte, 1));
	case ACT_WRITE:
		return child_said(from, syscall(SYS_write, CHILD_FAR, &byte, 1));
	case ACT_CLONE:
		return child_clone();
	default:
		return act == ACT_SLEEP ? child_sleep() : child_sleepers();
	}
}

static void child_watch(int poller, int number, uint32_t tag, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = tag};
	if (epoll_ctl(poller, EPOLL_CTL_ADD, number, &event))
		_exit(10);
}

/* To fixed places: first up, out of each other's way. near: of the connections, then of the break. */
static void child_fds(int line, int far, const int near[CONNS + 1])
{
	int poller = epoll_create1(0);
	if (dup2(far, 40) < 0 || dup2(poller, 41) < 0 || dup2(line, 42) < 0)
		_exit(4);
	for (int i = 0; i <= CONNS; i++)
		if (dup2(near[i], 43 + i) < 0)
			_exit(4);
	for (int i = 0; i <= CONNS; i++)
		if (dup2(43 + i, i == CONNS ? CHILD_CONN - 1 : CHILD_CONN + i) < 0)
			_exit(4);
	if (dup2(42, CHILD_LINE) < 0 || dup2(40, CHILD_FAR) < 0 || dup2(41, CHILD_FAR + 1) < 0)
		_exit(4);
	child_watch(CHILD_FAR + 1, CHILD_CONN - 1, CONNS, EPOLLIN);
	for (uint32_t i = 0; i < CONNS; i++)
		child_watch(CHILD_FAR + 1, CHILD_CONN + (int)i, i, EPOLLIN | (uint32_t)EPOLLET);
}

static _Noreturn void child_main(int line, const int near[CONNS + 1], enum gcs_point point)
{
	struct sandbox_options opt = {.point = &point, .npoints = 1}; /* confine: clone has more */
	enum sandbox_state state;
	int listener, far[2];
	char act, *area = child_map();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, far) || area == MAP_FAILED || write(far[1], "yyyyyyyy", 8) != 8)
		_exit(5);
	child_fds(line, far[0], near);
	int r = gcs_sandbox_enter_with(&opt, &state, &listener);
	if (r < 0) { /* no filter: nothing is asked about, the errno says why */
		struct said said = {.err = -r};
		_exit(write(CHILD_LINE, &said, sizeof said) == (ssize_t)sizeof said ? 77 : 6);
	}
	r = gcs_listener_send(CHILD_LINE, listener, "l", 1);
	close(listener);
	while (r == 0 && read(CHILD_LINE, &act, 1) == 1 && act != ACT_END) {
		struct said said = child_act((enum act)act, area);
		if (write(CHILD_LINE, &said, sizeof said) != (ssize_t)sizeof said)
			_exit(7);
	}
	_exit(r == 0 ? 0 : 8);
}

/* ---- the parent */

struct rig {
	pid_t pid;
	int line, peer[CONNS], wakes; /* peer: of the connections that the child's poller watches */
	struct mrt_telemetry *telemetry;
	struct gcs_injector *in;
};

static bool unsupported; /* this system has no user notification */

/* fire: JSON keys of the one fault, after "id" and "point". */
static char *rig_plan(const char *point, const char *fire)
{
	char *plan = NULL;
	int n = asprintf(&plan,
			 "{\"cmd\":\"load\",\"version\":1,\"runtime\":{\"procs\":1,\"gogc\":100,\"memlimit\":0,"
			 "\"seed\":7,\"oom\":\"return\",\"gc_every\":0,\"clobber\":false,\"check_edges\":false,"
			 "\"gctrace\":false,\"heap_reserve\":0},\"end_ns\":%" PRId64 ","
			 "\"phases\":[{\"id\":\"p\",\"start_ns\":0,\"end_ns\":%" PRId64 "}],"
			 "\"workloads\":[{\"id\":\"m\",\"driver\":\"map-churn\",\"workers\":1,\"rate\":1,\"keys\":1,"
			 "\"value\":\"u64\",\"value_bytes\":8,\"mix\":{\"insert\":50,\"delete\":50,\"lookup\":0},"
			 "\"size\":{\"dist\":\"fixed\",\"min\":8,\"max\":8,\"s_milli\":0},\"conns\":0,"
			 "\"handler\":\"\",\"retain\":0}],"
			 "\"faults\":[{\"id\":\"f\",\"point\":\"%s\",%s,\"windows\":[]}]}",
			 RUN_NS, RUN_NS, point, fire);
	assert_true(n > 0);
	return plan;
}

static void rig_wait_line(const struct rig *r)
{
	struct pollfd pfd = {.fd = r->line, .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, DEADLINE_S * 1000), 1);
}

static void rig_connect(struct rig *r, int ret_near[CONNS + 1])
{
	int pair[2];
	for (int i = 0; i < CONNS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		ret_near[i] = pair[0];
		r->peer[i] = pair[1];
	}
	ret_near[CONNS] = r->wakes = eventfd(0, 0);
	assert_true(r->wakes >= 0);
}

static void rig_begin(struct rig *r, const char *point, const char *fire)
{
	int pair[2], near[CONNS + 1];
	*r = (struct rig){0};
	r->telemetry = mmap(NULL, sizeof *r->telemetry, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(r->telemetry != MAP_FAILED);
	watch_layout_init(r->telemetry, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	rig_connect(r, near);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0)
		child_main(pair[1], near, gcs_point_by_name(point)->id);
	close(pair[1]);
	for (int i = 0; i < CONNS; i++)
		close(near[i]);
	r->line = pair[0];
	char *plan = rig_plan(point, fire), byte;
	assert_int_equal(gcs_injector_create(&r->in, plan, r->telemetry), 0);
	free(plan);
	rig_wait_line(r);
	int listener = gcs_listener_receive(r->line);
	assert_true(listener >= 0);
	assert_int_equal(read(r->line, &byte, 1), 1);
	assert_int_equal(gcs_injector_listen(r->in, listener, r->pid), 0);
	assert_true(gcs_injector_listens(r->in));
}

static void rig_tell(struct rig *r, enum act act)
{
	char byte = (char)act;
	assert_int_equal(write(r->line, &byte, 1), 1);
}

static struct said rig_hear(struct rig *r)
{
	struct said said;
	rig_wait_line(r);
	assert_int_equal(recv(r->line, &said, sizeof said, MSG_WAITALL), sizeof said);
	return said;
}

static struct said rig_ask(struct rig *r, enum act act)
{
	rig_tell(r, act);
	return rig_hear(r);
}

/* As the target's control thread would. */
static void rig_arm(struct rig *r, bool armed)
{
	atomic_store(&r->telemetry->fault[0].armed, armed);
}

static uint64_t rig_fired(const struct rig *r)
{
	return atomic_load(&r->telemetry->fault[0].fired);
}

/* Firings in the ring, all of them by the one worker and of the one fault; effects are only summed. */
static uint64_t rig_logged_with(struct rig *r, uint64_t ret_effect[32])
{
	static struct watch_record rec[64];
	size_t n = watch_drain(r->telemetry, rec, 64);
	uint64_t fires = 0;
	for (size_t i = 0; i < n; i++) {
		if (rec[i].kind == WATCH_EFFECT) {
			assert_true(rec[i].a == 0 && rec[i].b != 0 && rec[i].c < 32);
			ret_effect[rec[i].c] += rec[i].d;
			continue;
		}
		assert_int_equal(rec[i].kind, WATCH_FIRE);
		assert_int_equal(rec[i].b, MRT_WORKER_SYSCALL);
		assert_int_equal(rec[i].a >> 32, 0);
		assert_true(rec[i].c > 0 && rec[i].d != 0);
		fires++;
	}
	return fires;
}

static uint64_t rig_logged(struct rig *r)
{
	uint64_t effect[32] = {0};
	return rig_logged_with(r, effect);
}

static int rig_end(struct rig *r)
{
	int status;
	rig_tell(r, ACT_END);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	close(r->line);
	close(r->wakes);
	for (int i = 0; i < CONNS; i++)
		close(r->peer[i]);
	gcs_injector_destroy(r->in);
	munmap(r->telemetry, sizeof *r->telemetry);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- tests */

static const struct {
	const char *point;
	enum act act;
	bool sized;
} points[] = {
	{"os/mmap", ACT_MMAP, true},     {"os/madvise", ACT_MADVISE, true},
	{"os/munmap", ACT_MUNMAP, true}, {"os/clone", ACT_CLONE, false},
	{"os/nanosleep", ACT_SLEEP, false}, {"os/mprotect", ACT_MPROTECT, true},
	{"os/futex", ACT_FUTEX, false},  {"os/read", ACT_READ, false},
	{"os/write", ACT_WRITE, false},
}; /* and os/epoll_pwait, of which what is found is held, not the call */
#define POINTS (sizeof points / sizeof points[0])

static void fire_text(char ret[256], size_t i, const char *rest)
{
	snprintf(ret, 256, "%s%s", rest,
		 points[i].sized ? ",\"size_min\":151552,\"size_max\":151552" : "");
	assert_int_equal(MAP_BYTES, 151552);
}

static void test_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < POINTS && !unsupported; i++) {
		struct rig r;
		char fire[256];
		int err = gcs_point_by_name(points[i].point)->default_errno;
		fire_text(fire, i, "\"action\":\"fail\",\"every\":2");
		rig_begin(&r, points[i].point, fire);
		assert_int_equal(rig_ask(&r, points[i].act).err, 0);
		assert_int_equal(atomic_load(&r.telemetry->fault[0].visits), 0);
		rig_arm(&r, true);
		for (int k = 1; k <= 4; k++)
			assert_int_equal(rig_ask(&r, points[i].act).err, k % 2 == 0 ? err : 0);
		rig_arm(&r, false);
		assert_int_equal(rig_ask(&r, points[i].act).err, 0);
		assert_int_equal(rig_ask(&r, points[i].act).err, 0);
		assert_true(atomic_load(&r.telemetry->fault[0].visits) >= 4);
		assert_int_equal(atomic_load(&r.telemetry->fault[0].eligible), 4);
		assert_int_equal(rig_fired(&r), 2);
		assert_int_equal(rig_logged(&r), 2);
		assert_int_equal(rig_end(&r), 0);
	}
}

static void test_delay(void **state)
{
	(void)state;
	for (size_t i = 0; i < POINTS && !unsupported; i++) {
		struct rig r;
		char fire[256];
		fire_text(fire, i, "\"action\":\"delay\",\"delay_ns\":30000000,\"every\":1,\"times\":2");
		rig_begin(&r, points[i].point, fire);
		rig_arm(&r, true);
		for (int k = 0; k < 2; k++) {
			struct said said = rig_ask(&r, points[i].act);
			assert_int_equal(said.err, 0); /* it ran after all */
			assert_true(said.ns >= 30 * MS);
		}
		assert_int_equal(rig_ask(&r, points[i].act).err, 0); /* beyond times */
		rig_arm(&r, false);
		assert_int_equal(rig_ask(&r, points[i].act).err, 0);
		assert_int_equal(rig_fired(&r), 2);
		assert_int_equal(rig_logged(&r), 2);
		assert_int_equal(rig_end(&r), 0);
	}
}

/* Until the counter says so; on a busy machine what comes together may be found, and fire, one by one. */
static void wait_fired(const struct rig *r, uint64_t wanted)
{
	int64_t until = now_ns() + DEADLINE_S * 1000 * MS;
	while (rig_fired(r) < wanted && now_ns() < until)
		poll(NULL, 0, 1);
	assert_true(rig_fired(r) >= wanted);
}

/* All are held together, none waits for another; what is released goes on at once. */
static void test_many(void **state)
{
	struct rig r;
	struct pollfd pfd;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/nanosleep", "\"action\":\"delay\",\"delay_ns\":3000000000000,\"every\":1");
	rig_arm(&r, true);
	rig_tell(&r, ACT_SLEEPERS);
	wait_fired(&r, SLEEPERS);
	pfd = (struct pollfd){.fd = r.line, .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, 0), 0);
	gcs_injector_release(r.in);
	assert_int_equal(rig_hear(&r).err, 0);
	assert_int_equal(rig_ask(&r, ACT_SLEEP).err, 0);
	assert_int_equal(rig_fired(&r), SLEEPERS);
	assert_int_equal(rig_end(&r), 0);
}

/* A run that ends in `left_ns`, with a call that would be held for an hour; how often it was held. */
static uint64_t run_end_fired(int64_t left_ns)
{
	struct rig r;
	rig_begin(&r, "os/nanosleep", "\"action\":\"delay\",\"delay_ns\":3600000000000,\"every\":1");
	rig_arm(&r, true);
	atomic_store(&r.telemetry->t0_ns, now_ns() - RUN_NS + left_ns);
	assert_int_equal(rig_ask(&r, ACT_SLEEP).err, 0);
	uint64_t fired = rig_fired(&r);
	assert_int_equal(rig_end(&r), 0);
	return fired;
}

/* The end of the run lets go what is held, too. On a busy machine the end may come before the call
 * does, and nothing is held: then the run is given longer. */
static void test_run_end(void **state)
{
	int64_t left_ns = 100 * MS;
	(void)state;
	if (unsupported)
		return;
	while (run_end_fired(left_ns) == 0) {
		left_ns *= 2;
		assert_true(left_ns < RUN_NS);
	}
}

static void test_fire_once(void **state)
{
	struct rig r;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/mmap", "\"action\":\"fail\",\"every\":1,\"size_min\":151552,\"size_max\":151552");
	gcs_injector_fire(r.in, 0);
	assert_int_equal(rig_ask(&r, ACT_MMAP).err, ENOMEM);
	assert_int_equal(rig_ask(&r, ACT_MMAP).err, 0);
	assert_int_equal(rig_fired(&r), 1);
	assert_int_equal(rig_end(&r), 0);
}

/* An effect is told once the answer has been accepted: the child may be first. */
static void rig_wait_effect(struct rig *r, uint32_t effect, uint64_t fires, uint64_t least)
{
	uint64_t sum[32] = {0}, logged = 0;
	int64_t until = now_ns() + DEADLINE_S * 1000 * MS;
	while ((sum[effect] < least || logged < fires) && now_ns() < until) {
		logged += rig_logged_with(r, sum);
		poll(NULL, 0, 1);
	}
	assert_int_equal(logged, fires);
	assert_true(sum[effect] >= least);
}

static void peer_says(struct rig *r, int conn)
{
	assert_int_equal(write(r->peer[conn], "x", 1), 1);
}

/* A look that does not block finds nothing of what has been held since from_ns: unless this machine was slow, and it came when that was due. */
static int64_t held_look(struct rig *r, int64_t from_ns)
{
	int64_t found = rig_ask(r, ACT_LOOK).found;
	assert_true(found == 0 || (found == 4 && now_ns() - from_ns >= HELD_NS));
	return found;
}

/* What is found is held; its look, one that does not block and the poller's own break are not, and
 * no timeout is longer for it. */
static void test_look_held(void **state)
{
	struct rig r;
	uint64_t one = 1;
	struct said said;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/epoll_pwait", "\"action\":\"delay\",\"delay_ns\":200000000,\"nth\":2");
	peer_says(&r, 0);
	assert_int_equal(rig_ask(&r, ACT_LOOK).found, 1); /* not armed */
	rig_arm(&r, true);
	rig_ask(&r, ACT_WAIT_BEGIN);
	peer_says(&r, 1); /* the first visit does not fire */
	said = rig_ask(&r, ACT_WAIT_END);
	assert_int_equal(said.found, 2);
	rig_ask(&r, ACT_WAIT_BEGIN);
	int64_t from = now_ns();
	peer_says(&r, 2);
	wait_fired(&r, 1);
	int64_t looked = held_look(&r, from);
	said = rig_ask(&r, ACT_WAIT);
	if (said.found == 0)
		assert_true(said.ns >= WAIT_MS * MS);
	else /* this machine was slow: this look came when it was due */
		assert_int_equal(said.found, 4);
	peer_says(&r, 3);
	struct said waited = rig_ask(&r, ACT_WAIT_END); /* a later one, or that which was held */
	assert_true(waited.found != 0 && (waited.found & ~(4 | 8)) == 0);
	said.found |= waited.found | looked;
	for (int i = 0; i < 1000 && said.found != (4 | 8); i++)
		said.found |= rig_ask(&r, ACT_WAIT).found;
	assert_int_equal(said.found, 4 | 8);
	assert_true(now_ns() - from >= HELD_NS);
	rig_ask(&r, ACT_WAIT_BEGIN);
	assert_int_equal(write(r.wakes, &one, sizeof one), sizeof one);
	assert_int_equal(rig_ask(&r, ACT_WAIT_END).found, CHILD_BROKEN);
	assert_int_equal(rig_fired(&r), 1);
	assert_int_equal(atomic_load(&r.telemetry->fault[0].eligible), 3);
	rig_wait_effect(&r, 30, 1, HELD_NS);
	assert_int_equal(rig_end(&r), 0);
}

/* Released, disarmed: nothing that was taken is lost. */
static void test_look_release(void **state)
{
	struct rig r;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/epoll_pwait", "\"action\":\"delay\",\"delay_ns\":3000000000000,\"every\":1");
	rig_arm(&r, true);
	rig_ask(&r, ACT_WAIT_BEGIN);
	for (int i = 0; i < CONNS; i++)
		peer_says(&r, i);
	wait_fired(&r, 1);
	rig_arm(&r, false);
	int64_t found = rig_ask(&r, ACT_LOOK).found; /* fewer were there when it fired */
	gcs_injector_release(r.in);
	found |= rig_ask(&r, ACT_WAIT_END).found;
	for (int i = 0; i < 1000 && found != CHILD_BROKEN - 1; i++)
		found |= rig_ask(&r, ACT_LOOK).found;
	assert_int_equal(found, CHILD_BROKEN - 1);
	rig_wait_effect(&r, 30, rig_fired(&r), 1);
	assert_int_equal(rig_end(&r), 0);
}

static void test_look_reorder(void **state)
{
	struct rig r;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/epoll_pwait", "\"action\":\"reorder\",\"every\":1");
	rig_arm(&r, true);
	peer_says(&r, 0);
	assert_int_equal(rig_ask(&r, ACT_LOOK).found, 1); /* one has no order */
	assert_int_equal(rig_fired(&r), 0);
	assert_int_equal(atomic_load(&r.telemetry->fault[0].visits), 1);
	for (int i = 0; i < CONNS; i++)
		peer_says(&r, i);
	assert_int_equal(rig_ask(&r, ACT_LOOK).found, CHILD_BROKEN - 1);
	rig_wait_effect(&r, 31, 1, CONNS);
	assert_int_equal(rig_end(&r), 0);
}

/* Nobody listens any more: a call that was asked about fails, and the caller is not stuck. */
static void test_dead_listener(void **state)
{
	struct rig r;
	(void)state;
	if (unsupported)
		return;
	rig_begin(&r, "os/mmap", "\"action\":\"fail\",\"every\":1");
	assert_int_equal(rig_ask(&r, ACT_MMAP).err, 0);
	gcs_injector_destroy(r.in);
	r.in = NULL;
	assert_int_equal(rig_ask(&r, ACT_MMAP).err, ENOSYS);
	assert_int_equal(rig_ask(&r, ACT_MADVISE).err, 0); /* one that is not filtered */
	assert_int_equal(rig_end(&r), 0);
}

/* What a peer of the socket sees: nothing yet, a line without a listener, a line with one (any descriptor does) that stays there
 * until it is read, the end. */
static void test_receive(void **state)
{
	int pair[2], fd = eventfd(0, EFD_CLOEXEC);
	char byte;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(gcs_listener_receive(pair[0]), -EAGAIN);
	assert_int_equal(write(pair[1], "a", 1), 1);
	assert_int_equal(gcs_listener_receive(pair[0]), -ENODATA);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	assert_int_equal(gcs_listener_receive(pair[0]), -EAGAIN);
	assert_int_equal(gcs_listener_send(pair[1], fd, "l", 1), 0);
	int got = gcs_listener_receive(pair[0]);
	assert_true(got >= 0);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	assert_int_equal(byte, 'l');
	close(pair[1]);
	assert_int_equal(gcs_listener_receive(pair[0]), -ENODATA);
	close(pair[0]);
	close(got);
	close(fd);
}

/* No point of os/, no listener. */
static void test_none_asked(void **state)
{
	const enum gcs_point point = GCS_POINT_mem_malloc;
	const struct sandbox_options opt = {.point = &point, .npoints = 1};
	enum sandbox_state was;
	int listener = 0;
	(void)state;
	assert_int_equal(gcs_sandbox_enter_with(&opt, &was, &listener), 0);
	assert_int_equal(listener, -1);
}

static void test_table(void **state)
{
	size_t n, calls = 0;
	const struct gcs_point_info *info = gcs_points(&n);
	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct gcs_syscalls *s = gcs_syscalls_of(info[i].id);
		bool os = strcmp(info[i].family, "os") == 0;
		assert_int_equal(s != NULL, os);
		assert_true(!os || gcs_syscalls_by_nr(s->nr[0]) == s);
		assert_true(!os || (s->size_arg >= 0) == (info[i].size_is != NULL));
		calls += os;
	}
	assert_int_equal(calls, POINTS + 1);
	assert_null(gcs_syscalls_by_nr(-1));
	assert_null(gcs_syscalls_by_nr(SYS_getppid));
}

/* From here on this process may not ask for another's descriptors, or write to its memory. */
static int refuse(long call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof code / sizeof code[0], .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* In a child: 0 when the price says what is refused, and calls alone can still be asked about. */
static int refused_price(long call, const char *what)
{
	struct gcs_injector_prices price;
	if (refuse(call))
		return 2;
	if (gcs_injector_price(true, &price) != -EPERM || strcmp(price.refused, what) != 0)
		return 3;
	return gcs_injector_price(false, &price) == 0 && price.call_ns > 0 && price.look_ns == 0 ? 0 : 4;
}

static void test_refused(void **state)
{
	static const struct {
		long call;
		const char *what;
	} refused[] = {{SYS_pidfd_open, "pidfd_open"}, {SYS_pidfd_getfd, "pidfd_getfd"},
		       {SYS_process_vm_readv, "process_vm_readv"}, {SYS_process_vm_writev, "process_vm_writev"}};
	int status;
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0] && !unsupported; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(refused_price(refused[i].call, refused[i].what));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* test_injector --refuse COMMAND...: it may not have a look of its target. For syscalls.sh. */
static int run_refused(char **argv)
{
	if (refuse(SYS_pidfd_getfd))
		return 77;
	execv(argv[0], argv);
	return 1;
}

static int look(void **state)
{
	struct gcs_injector_prices price;
	int e = gcs_injector_price(true, &price);
	(void)state;
	unsupported = e == -EPERM || e == -EINVAL || e == -ENOSYS || e == -EBUSY || e == -EACCES;
	if (unsupported)
		print_message("not here (%s: %s): nothing is asked about\n", price.refused, strerror(-e));
	else
		print_message("a notified call costs %" PRId64 " ns, a look of the poller %" PRId64 " ns\n",
			      price.call_ns, price.look_ns);
	return !unsupported && (e != 0 || price.call_ns <= 0 || price.look_ns <= 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	    cmocka_unit_test(test_none_asked),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_fail),	    cmocka_unit_test(test_delay),
		cmocka_unit_test(test_many),	    cmocka_unit_test(test_run_end),
		cmocka_unit_test(test_fire_once), cmocka_unit_test(test_dead_listener),
		cmocka_unit_test(test_look_held), cmocka_unit_test(test_look_release),
		cmocka_unit_test(test_look_reorder), cmocka_unit_test(test_refused),
	};
	if (argc > 2 && strcmp(argv[1], "--refuse") == 0)
		return run_refused(argv + 2);
	signal(SIGPIPE, SIG_IGN);
	if (look(NULL))
		return 1;
	if (unsupported)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
