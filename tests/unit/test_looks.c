/*
 * test_looks.c: looks answered in the kernel's place: this process is the target as well, and its
 * calls are made up. Nothing that the kernel told once may be lost, whatever becomes of a call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/run/looks.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define MS    INT64_C(1000000)
#define CONNS 4u
#define BREAK 77u /* the tag of the descriptor that is level-triggered */
#define NEVER INT64_MAX

/* A target: a poller, connections that tell of each edge once, and what breaks its sleep. */
static struct {
	int poller, near[CONNS], far[CONNS], wakes;
	struct gcs_looks *looks;
	struct epoll_event out[256];
	/* What the next look that finds something gets. */
	struct gcs_firing fire;
	/* What has been said. */
	uint32_t found, answers, went_on, effects;
	uint64_t id;
	uint32_t count, effect;
	uint64_t value;
	int err;
	bool gone; /* calls are not there any more */
} t;

static bool said_found(void *self, uint32_t events, int64_t now_ns, struct gcs_firing *ret)
{
	(void)self;
	assert_true(now_ns > 0);
	t.found += events;
	*ret = t.fire;
	t.fire.action = GCS_ACT_NONE;
	return ret->action != GCS_ACT_NONE;
}

static void said_effect(void *self, uint64_t firing, enum gcs_effect effect, uint64_t value, int64_t now_ns)
{
	(void)self;
	assert_true(firing == 9 && now_ns > 0);
	t.effect = effect;
	t.value = value;
	t.effects++;
}

static bool said_answer(void *self, uint64_t id, uint32_t count, int err)
{
	(void)self;
	t.id = id;
	t.count = count;
	t.err = err;
	t.answers++;
	return !t.gone;
}

static void said_go_on(void *self, uint64_t id)
{
	(void)self;
	t.id = id;
	t.went_on++;
}

static void target_watch(int fd, uint64_t tag, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};
	assert_int_equal(epoll_ctl(t.poller, EPOLL_CTL_ADD, fd, &event), 0);
}

static int target_begin(void **state)
{
	const struct gcs_looks_sink sink = {.found = said_found,
					    .effect = said_effect,
					    .answer = said_answer,
					    .go_on = said_go_on};
	(void)state;
	memset(&t, 0, sizeof t);
	t.poller = epoll_create1(EPOLL_CLOEXEC);
	t.wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(t.poller >= 0 && t.wakes >= 0);
	target_watch(t.wakes, BREAK, EPOLLIN);
	for (uint32_t i = 0; i < CONNS; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		t.near[i] = pair[0];
		t.far[i] = pair[1];
		target_watch(pair[0], i, EPOLLIN | EPOLLRDHUP | (uint32_t)EPOLLET);
	}
	return gcs_looks_create(&t.looks, getpid(), &sink);
}

static int target_end(void **state)
{
	(void)state;
	gcs_looks_let_go(t.looks, true, 1);
	gcs_looks_destroy(t.looks);
	for (uint32_t i = 0; i < CONNS; i++) {
		close(t.near[i]);
		close(t.far[i]);
	}
	close(t.wakes);
	close(t.poller);
	return 0;
}

static void peer_says(uint32_t conn)
{
	assert_int_equal(write(t.far[conn], "x", 1), 1);
}

static void runtime_breaks(void)
{
	uint64_t one = 1;
	assert_int_equal(write(t.wakes, &one, sizeof one), sizeof one);
}

static void runtime_takes_break(void)
{
	uint64_t count;
	assert_int_equal(read(t.wakes, &count, sizeof count), sizeof count);
}

static struct seccomp_notif call(uint64_t id, int64_t timeout_ms)
{
	return (struct seccomp_notif){
		.id = id,
		.pid = (uint32_t)getpid(),
		.data = {.nr = SYS_epoll_pwait,
			 .args = {(uint64_t)t.poller, (uint64_t)(uintptr_t)t.out, 256,
				  (uint64_t)timeout_ms}},
	};
}

/* A call of another thread than the last. */
static struct seccomp_notif call_by(uint32_t thread, uint64_t id, int64_t timeout_ms)
{
	struct seccomp_notif n = call(id, timeout_ms);
	n.pid = thread;
	return n;
}

static bool look_in(enum gcs_looks_mode mode, const struct seccomp_notif *n, int64_t now_ns)
{
	return gcs_looks_take(t.looks, n, mode, now_ns);
}

static bool look(uint64_t id, int64_t timeout_ms, int64_t now_ns)
{
	struct seccomp_notif n = call(id, timeout_ms);
	return look_in(GCS_LOOKS_ARMED, &n, now_ns);
}

/* The last call was answered with these tags, in this order. */
static void gives(uint64_t id, const char *tags)
{
	assert_int_equal(t.id, id);
	assert_int_equal(t.err, 0);
	assert_int_equal(t.count, strlen(tags));
	for (uint32_t i = 0; i < t.count; i++)
		assert_int_equal(t.out[i].data.u64,
				 tags[i] == 'b' ? BREAK : (uint64_t)(tags[i] - '0'));
}

static void delay(int64_t ns)
{
	t.fire = (struct gcs_firing){.id = 9, .action = GCS_ACT_DELAY, .delay_ns = ns};
}

/* ---- tests */

/* What is found is given at its time, once; another look meanwhile ends at once, with nothing. */
static void test_held(void **state)
{
	(void)state;
	assert_true(look(1, -1, 1 * MS));
	assert_int_equal(t.answers, 0);
	assert_int_equal(gcs_looks_due_ns(t.looks), NEVER);
	delay(5 * MS);
	peer_says(2);
	gcs_looks_serve(t.looks, 10 * MS);
	assert_int_equal(t.answers, 0);
	assert_int_equal(t.found, 1);
	assert_int_equal(gcs_looks_due_ns(t.looks), 15 * MS);
	struct seccomp_notif other = call_by((uint32_t)getppid(), 2, 0);
	assert_false(look_in(GCS_LOOKS_ARMED, &other, 11 * MS)); /* no thread of ours */
	gcs_looks_serve(t.looks, 15 * MS - 1);
	assert_int_equal(t.answers, 0);
	gcs_looks_serve(t.looks, 15 * MS + 3);
	gives(1, "2");
	assert_int_equal(t.effects, 1);
	assert_int_equal(t.effect, 30);
	assert_int_equal(t.value, 5 * MS + 3);
	assert_true(look(3, 0, 20 * MS));
	gives(3, "");
	assert_int_equal(t.answers, 2);
	assert_int_equal(t.found, 1);
}

/* A later event passes one that is held; the one held is not forgotten. */
static void test_passes(void **state)
{
	(void)state;
	delay(1000 * MS);
	peer_says(0);
	assert_true(look(1, 0, 1 * MS));
	gives(1, "");
	peer_says(1);
	assert_true(look(2, -1, 2 * MS));
	gives(2, "1");
	peer_says(0); /* the edge is told again, for it is a new one */
	assert_true(look(3, -1, 3 * MS));
	gives(3, "0");
	assert_true(look(4, 0, 1001 * MS));
	gives(4, "0");
	assert_true(look(5, 0, 1002 * MS));
	gives(5, "");
}

/* The runtime's own break is never held, and ends a look that waits for what is held. */
static void test_break(void **state)
{
	(void)state;
	assert_true(look(1, -1, 1 * MS));
	delay(1000 * MS);
	peer_says(3);
	runtime_breaks();
	gcs_looks_serve(t.looks, 2 * MS);
	gives(1, "b");
	assert_true(look(2, 0, 3 * MS)); /* still there: it was not taken */
	gives(2, "b");
	runtime_takes_break();
	assert_true(look(3, -1, 4 * MS));
	assert_int_equal(t.answers, 2);
	assert_int_equal(gcs_looks_due_ns(t.looks), 1002 * MS);
	gcs_looks_serve(t.looks, 1002 * MS);
	gives(3, "3");
}

static void test_timeout(void **state)
{
	struct timespec ts = {.tv_nsec = 300};
	struct seccomp_notif n = call(2, 0);
	(void)state;
	assert_true(look(1, 7, 1 * MS));
	assert_int_equal(gcs_looks_due_ns(t.looks), 8 * MS);
	delay(1000 * MS);
	peer_says(1);
	gcs_looks_serve(t.looks, 8 * MS - 1);
	assert_int_equal(t.answers, 0);
	gcs_looks_serve(t.looks, 8 * MS);
	gives(1, "");
	n.data.nr = SYS_epoll_pwait2;
	n.data.args[3] = (uint64_t)(uintptr_t)&ts;
	assert_true(look_in(GCS_LOOKS_CALM, &n, 9 * MS));
	assert_int_equal(gcs_looks_due_ns(t.looks), 9 * MS + 300);
	gcs_looks_serve(t.looks, 9 * MS + 300);
	gives(2, "");
	n.id = 3;
	n.data.args[3] = 0; /* for ever: until the one held is due */
	assert_true(look_in(GCS_LOOKS_CALM, &n, 10 * MS));
	assert_int_equal(gcs_looks_due_ns(t.looks), 1007 * MS + MS - 1);
	gcs_looks_serve(t.looks, 1008 * MS);
	gives(3, "1");
}

/* A call that is gone, and one whose memory is: their events go to the next. */
static void test_gone(void **state)
{
	struct seccomp_notif n = call(3, 0);
	(void)state;
	assert_true(look(1, -1, 1 * MS));
	delay(5 * MS);
	peer_says(0);
	peer_says(1);
	gcs_looks_serve(t.looks, 2 * MS);
	t.gone = true;
	gcs_looks_serve(t.looks, 7 * MS);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.effects, 0);
	t.gone = false;
	n.data.args[1] = 8;
	assert_true(look_in(GCS_LOOKS_ARMED, &n, 8 * MS));
	assert_int_equal(t.err, EFAULT);
	assert_int_equal(t.effects, 0);
	assert_true(look(4, 0, 9 * MS));
	gives(4, "01");
	assert_int_equal(t.effects, 1);
	assert_int_equal(t.value, 7 * MS);
}

/* A thread that calls again does not wait in its earlier call. */
static void test_again(void **state)
{
	(void)state;
	assert_true(look(1, -1, 1 * MS));
	assert_true(look(2, -1, 2 * MS));
	peer_says(0);
	gcs_looks_serve(t.looks, 3 * MS);
	gives(2, "0");
	assert_int_equal(t.answers, 1);
}

/* Room for one: the others wait their turn. */
static void test_room(void **state)
{
	struct seccomp_notif n = call(0, 0);
	(void)state;
	n.data.args[2] = 1;
	for (uint32_t i = 0; i < CONNS; i++)
		peer_says(i);
	for (uint32_t i = 0; i < CONNS; i++) {
		char tag[2] = {(char)('0' + i), '\0'};
		n.id = 10 + i;
		assert_true(look_in(GCS_LOOKS_ARMED, &n, (int64_t)(1 + i) * MS));
		gives(10 + i, tag);
	}
	n.id = 20;
	assert_true(look_in(GCS_LOOKS_ARMED, &n, 50 * MS));
	gives(20, "");
}

static void test_reorder(void **state)
{
	(void)state;
	t.fire = (struct gcs_firing){.id = 9, .action = GCS_ACT_REORDER};
	for (uint32_t i = 0; i < CONNS; i++)
		peer_says(i);
	runtime_breaks();
	assert_true(look(1, 0, 1 * MS));
	gives(1, "b3210");
	assert_int_equal(t.effects, 1);
	assert_int_equal(t.effect, 31);
	assert_int_equal(t.value, 4);
}

/* Disarmed: what is held still comes, at its time, to whoever looks. */
static void test_calm(void **state)
{
	struct seccomp_notif n = call(2, 0);
	(void)state;
	assert_false(look_in(GCS_LOOKS_CALM, &n, 1 * MS)); /* the kernel can do that */
	delay(5 * MS);
	peer_says(0);
	assert_true(look(1, 0, 2 * MS));
	gives(1, "");
	assert_true(look_in(GCS_LOOKS_CALM, &n, 3 * MS));
	gives(2, "");
	n.id = 3;
	assert_true(look_in(GCS_LOOKS_CALM, &n, 7 * MS));
	gives(3, "0");
	n.id = 4;
	assert_false(look_in(GCS_LOOKS_CALM, &n, 8 * MS));
	n = call(5, -1);
	assert_true(look_in(GCS_LOOKS_CALM, &n, 9 * MS)); /* one that waits does so here */
}

/* The end: who waits gets what is held, or begins again; the rest goes to who comes. */
static void test_quiet(void **state)
{
	struct seccomp_notif n = call(2, -1);
	(void)state;
	delay(1000 * MS);
	peer_says(0);
	assert_true(look(1, -1, 1 * MS));
	gcs_looks_let_go(t.looks, false, 2 * MS);
	gives(1, "0");
	assert_true(look(1, -1, 3 * MS));
	gcs_looks_let_go(t.looks, false, 4 * MS);
	assert_int_equal(t.err, EINTR);
	assert_true(look(1, -1, 5 * MS));
	gcs_looks_let_go(t.looks, true, 6 * MS);
	assert_int_equal(t.went_on, 1);
	delay(1000 * MS);
	peer_says(1);
	assert_true(look(1, 0, 7 * MS));
	gives(1, "");
	assert_true(look_in(GCS_LOOKS_QUIET, &n, 8 * MS));
	gives(2, "1");
	peer_says(2);
	assert_false(look_in(GCS_LOOKS_QUIET, &n, 9 * MS));
	assert_int_equal(gcs_looks_due_ns(t.looks), NEVER);
}

/* What is not answered from here is left to the kernel, with everything that it has to tell. */
static void test_left(void **state)
{
	uint64_t signals = 0;
	struct timespec bad = {.tv_nsec = 1000000000};
	struct seccomp_notif n = call(1, -1);
	(void)state;
	peer_says(0);
	n.data.args[4] = (uint64_t)(uintptr_t)&signals;
	assert_false(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	n = call(1, -1);
	n.data.args[2] = 0;
	assert_false(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	n = call(1, -1);
	n.data.args[0] = 9999;
	assert_false(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	n = call(1, 0);
	n.data.nr = SYS_epoll_pwait2;
	n.data.args[3] = (uint64_t)(uintptr_t)&bad;
	assert_false(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	n.data.args[3] = 8;
	assert_false(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	n = call(7, -1);
	n.data.args[0] = (uint64_t)t.wakes; /* no poller: the kernel says so */
	assert_true(look_in(GCS_LOOKS_ARMED, &n, 1 * MS));
	assert_int_equal(t.went_on, 1);
	assert_int_equal(t.id, 7);
	assert_int_equal(t.answers, 0);
	assert_true(look(2, 0, 2 * MS));
	gives(2, "0");
}

/* The number stands for another poller: what was taken from the first is not given there. */
static void test_number(void **state)
{
	int first = t.poller;
	(void)state;
	delay(5 * MS);
	peer_says(0);
	assert_true(look(1, 0, 1 * MS));
	int second = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(dup2(second, first), first);
	close(second);
	assert_true(look(2, 0, 10 * MS));
	gives(2, "");
	target_watch(t.near[1], 1, EPOLLIN | (uint32_t)EPOLLET);
	peer_says(1);
	assert_true(look(3, -1, 11 * MS));
	gives(3, "1");
}

/* A look of another poller is not answered with this one's events. */
static void test_two_pollers(void **state)
{
	int first = t.poller, second = epoll_create1(EPOLL_CLOEXEC);
	(void)state;
	delay(5 * MS);
	peer_says(0);
	assert_true(look(1, 0, 1 * MS));
	t.poller = second;
	assert_true(look(2, 0, 10 * MS));
	gives(2, "");
	t.poller = first;
	assert_true(look(3, 0, 11 * MS));
	gives(3, "0");
	close(second);
}

/* More than can be kept: the rest stays in the kernel, and comes when there is room. */
static void test_full(void **state)
{
	uint32_t told = 0, given = 0;
	int64_t now = 1 * MS;
	struct pollfd fds[GCS_LOOKS_POLLERS];
	(void)state;
	for (; told < 3 * 8192; told++, now++) {
		delay(1000 * MS);
		uint32_t before = t.found;
		peer_says(told % CONNS);
		assert_true(look(1, 0, now));
		if (t.found == before)
			break;
		char byte;
		assert_int_equal(read(t.near[told % CONNS], &byte, 1), 1);
	}
	assert_true(told > 8000 && told < 8192);
	assert_true(look(2, -1, now));
	assert_int_equal(gcs_looks_fds(t.looks, fds), 0);
	t.fire.action = GCS_ACT_NONE;
	gcs_looks_let_go(t.looks, false, now);
	given += t.count;
	for (t.count = 1; t.count > 0; given += t.count)
		assert_true(look(3, 0, now));
	assert_int_equal(given, told + 1);
}

static void test_allowed(void **state)
{
	const char *what;
	uint64_t word = 5;
	(void)state;
	assert_int_equal(gcs_looks_allowed(getpid(), t.poller, (uint64_t)(uintptr_t)&word, &what), 0);
	assert_int_equal(word, 5);
	assert_int_equal(gcs_looks_allowed(getpid(), 9999, (uint64_t)(uintptr_t)&word, &what), -EBADF);
	assert_string_equal(what, "pidfd_getfd");
	assert_int_equal(gcs_looks_allowed(getpid(), t.poller, 8, &what), -EFAULT);
	assert_string_equal(what, "process_vm_readv");
}

#define T(f) cmocka_unit_test_setup_teardown(f, target_begin, target_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_held),	 T(test_passes), T(test_break),	      T(test_timeout), T(test_gone),
		T(test_again),	 T(test_room),	 T(test_reorder),     T(test_calm),    T(test_quiet),
		T(test_left),	 T(test_number), T(test_two_pollers), T(test_full),    T(test_allowed),
	};
	const char *what;
	uint64_t word = 0;
	int e = gcs_looks_allowed(getpid(), 0, (uint64_t)(uintptr_t)&word, &what);
	if (e && e != -EBADF) {
		print_message("looks cannot be answered here (%s: %s)\n", what, strerror(-e));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
