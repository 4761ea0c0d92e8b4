/*
 * real_poll.c: edge-triggered readiness from epoll(7).
 *
 * A break is one byte-less wake through an eventfd, level-triggered: a poll
 * that does not block sees it, leaves it, and the next blocking one takes
 * it.  A flag keeps breaks from piling up: whoever sets it writes; the
 * blocking poll that reads the eventfd clears it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/real_conn.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define POLL_MS_MAX 86400000 /* a day: longer waits are taken in turns */

static struct {
	int epoll_fd, break_fd; /* -1 before prim_poll_init */
	_Atomic uint32_t broken;
	_Atomic bool no_pwait2; /* this kernel has no epoll_pwait2 */
	_Atomic uint32_t told;	/* descriptors that the kernel was told of; see poll_control */
} poller = {.epoll_fd = -1, .break_fd = -1};

int prim_poll_init(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &poller};
	int r;

	if (poller.epoll_fd >= 0)
		return 0;
	poller.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poller.epoll_fd < 0)
		return -errno;
	poller.break_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (poller.break_fd < 0) {
		r = -errno;
		goto fail_eventfd;
	}
	if (epoll_ctl(poller.epoll_fd, EPOLL_CTL_ADD, poller.break_fd, &event) < 0) {
		r = -errno;
		goto fail_add;
	}
	return 0;

fail_add:
	close(poller.break_fd);
	poller.break_fd = -1;
fail_eventfd:
	close(poller.epoll_fd);
	poller.epoll_fd = -1;
	return r;
}

static int poll_control(int what, const prim_conn *conn, void *tag)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = tag, /* never the connection: it may be gone when the event is taken */
	};

	/* Release: pairs with the load in prim_poll_wait: who is told of a tag sees what it points to. The kernel orders the
	 * two anyhow; the language does not know that. */
	atomic_fetch_add_explicit(&poller.told, 1, memory_order_release);
	return epoll_ctl(poller.epoll_fd, what, conn->fd, &event) < 0 ? -errno : 0;
}

int prim_poll_add(prim_conn *conn, void *tag)
{
	return poll_control(EPOLL_CTL_ADD, conn, tag);
}

/* The kernel looks at what is ready when an entry is modified, and reports it. */
void prim_poll_rearm(prim_conn *conn, void *tag)
{
	int r = poll_control(EPOLL_CTL_MOD, conn, tag);

	if (r < 0 && r != -ENOENT)
		prim_dief("prim: a connection cannot be polled again: errno %d", -r);
}

void prim_poll_remove(prim_conn *conn)
{
	struct epoll_event unused = {0};

	epoll_ctl(poller.epoll_fd, EPOLL_CTL_DEL, conn->fd, &unused);
}

/* Milliseconds, rounded up, for kernels without epoll_pwait2. */
static int poll_timeout_ms(int64_t wait_ns)
{
	int64_t ms = wait_ns / 1000000 + (wait_ns % 1000000 != 0);

	return ms > POLL_MS_MAX ? POLL_MS_MAX : (int)ms;
}

/* One wait of at most wait_ns; PRIM_FOREVER: without end. */
static int poll_kernel(struct epoll_event *raw, int max, int64_t wait_ns)
{
	struct timespec ts = prim_timespec(wait_ns);
	long n;

	if (wait_ns == 0)
		return epoll_wait(poller.epoll_fd, raw, max, 0);
	if (wait_ns == PRIM_FOREVER)
		return epoll_wait(poller.epoll_fd, raw, max, -1);
	/* Relaxed: only a remembered fact about the kernel. */
	if (!atomic_load_explicit(&poller.no_pwait2, memory_order_relaxed)) {
		n = syscall(SYS_epoll_pwait2, poller.epoll_fd, raw, max, &ts, NULL, 0);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)n;
		atomic_store_explicit(&poller.no_pwait2, true, memory_order_relaxed);
	}
	return epoll_wait(poller.epoll_fd, raw, max, poll_timeout_ms(wait_ns));
}

static uint32_t poll_translate(uint32_t raw)
{
	uint32_t events = 0;

	if (raw & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		events |= PRIM_POLL_IN;
	if (raw & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		events |= PRIM_POLL_OUT;
	if (raw & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		events |= PRIM_POLL_HUP;
	return events;
}

static void poll_take_break(void)
{
	uint64_t count;

	while (read(poller.break_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	/* Release after the read: pairs with the breaker's acquire-release
	 * exchange, so that its write comes after our read, never before. */
	atomic_store_explicit(&poller.broken, 0, memory_order_release);
}

static int poll_collect(struct prim_event *events, const struct epoll_event *raw, int n,
			bool blocking, bool *ret_broken)
{
	int64_t now = n > 0 ? prim_now_ns() : 0;
	int count = 0;

	*ret_broken = false;
	for (int i = 0; i < n; i++) {
		if (raw[i].data.ptr == &poller) {
			if (blocking)
				poll_take_break();
			*ret_broken = true;
			continue;
		}
		events[count].tag = raw[i].data.ptr;
		events[count].events = poll_translate(raw[i].events);
		events[count].ready_ns = now;
		count++;
	}
	return count;
}

int prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns)
{
	struct epoll_event raw[PRIM_POLL_EVENTS_MAX];
	bool blocking = deadline_ns != 0, broken;
	int64_t wait_ns = 0;
	int n;

	if (max > PRIM_POLL_EVENTS_MAX)
		max = PRIM_POLL_EVENTS_MAX;
	for (;;) {
		if (blocking) {
			wait_ns = PRIM_FOREVER;
			if (deadline_ns != PRIM_FOREVER)
				wait_ns = deadline_ns - prim_now_ns();
			if (wait_ns < 0)
				wait_ns = 0;
		}
		n = poll_kernel(raw, max, wait_ns);
		if (n < 0 && errno != EINTR)
			return -errno;
		atomic_load_explicit(&poller.told, memory_order_acquire); /* as in poll_control */
		n = poll_collect(events, raw, n, blocking, &broken);
		if (n > 0 || broken || wait_ns == 0)
			return n;
	}
}

void prim_poll_break(void)
{
	uint64_t one = 1;

	/* Acquire-release: pairs with the store in poll_take_break. */
	if (atomic_exchange_explicit(&poller.broken, 1, memory_order_acq_rel) != 0)
		return;
	while (write(poller.break_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
