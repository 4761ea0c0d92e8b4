/*
 * ctl.c: the control line: one JSON text a line over a stream descriptor.
 *
 * Bytes are read into a buffer of our own that grows up to the caller's
 * bound, so a line may arrive in pieces over many calls.  A line beyond the
 * bound is dropped up to its newline and reported once.
 *
 * The simulation stops virtual time while it reads what is already there. A
 * deadline is then slept in virtual time; PRIM_FOREVER waits in real time,
 * which is what the handshake before the start needs.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CTL_BYTES_MIN	  ((size_t)1 << 16)
#define CTL_WAIT_NS_MAX	  INT64_C(3600000000000)
#define CTL_READER_YIELDS 100u

/* The line buffer of the one descriptor in use; only the control thread touches it. */
static struct {
	int fd;
	bool open;     /* fd is valid */
	bool skipping; /* dropping the rest of a line that was too long */
	char *buf;
	size_t cap, used, scanned; /* no newline before scanned */
} ctl;

static void ctl_consume(size_t n)
{
	memmove(ctl.buf, ctl.buf + n, ctl.used - n);
	ctl.used -= n;
	ctl.scanned = 0;
}

/* Room for at least one more byte below the bound. */
static int ctl_grow(size_t bound)
{
	size_t cap = ctl.cap == 0 ? CTL_BYTES_MIN : ctl.cap * 2;
	char *buf;

	if (ctl.used < ctl.cap)
		return 0;
	if (ctl.used > bound)
		return -E2BIG;
	buf = prim_map(cap);
	if (buf == NULL)
		return -ENOMEM;
	if (ctl.buf != NULL) {
		memcpy(buf, ctl.buf, ctl.used);
		prim_unmap(ctl.buf, ctl.cap);
	}
	ctl.buf = buf;
	ctl.cap = cap;
	return 0;
}

/* A whole line out of the buffer: 0, -EAGAIN none yet, -E2BIG. */
static int ctl_take(char *line, size_t cap)
{
	char *newline;
	size_t len;
	bool skipped = ctl.skipping;

	newline = ctl.used > ctl.scanned
			  ? memchr(ctl.buf + ctl.scanned, '\n', ctl.used - ctl.scanned)
			  : NULL;
	if (newline == NULL) {
		ctl.scanned = ctl.used;
		if (ctl.skipping)
			ctl_consume(ctl.used);
		if (ctl.used < cap)
			return -EAGAIN;
		ctl.skipping = true;
		ctl_consume(ctl.used);
		return -E2BIG;
	}
	len = (size_t)(newline - ctl.buf);
	ctl.skipping = false;
	if (!skipped && len < cap) {
		memcpy(line, ctl.buf, len);
		line[len] = '\0';
		ctl_consume(len + 1);
		return 0;
	}
	ctl_consume(len + 1);
	return skipped ? ctl_take(line, cap) : -E2BIG;
}

/* One read: 0 got something, -EAGAIN nothing there, -EPIPE the end. */
static int ctl_fill(size_t bound)
{
	int r = ctl_grow(bound);
	ssize_t n;

	if (r < 0)
		return r;
	n = read(ctl.fd, ctl.buf + ctl.used, ctl.cap - ctl.used);
	if (n > 0) {
		ctl.used += (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	ctl.open = false; /* half a line is worth nothing, and the number may come again */
	return -EPIPE;
}

/* Wait in real time for something to read or the end: 0, -EAGAIN. */
static int ctl_poll(int fd, short events, int64_t wait_ns)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	struct timespec ts;
	int r;

	if (wait_ns > CTL_WAIT_NS_MAX)
		wait_ns = CTL_WAIT_NS_MAX;
	ts.tv_sec = wait_ns / 1000000000;
	ts.tv_nsec = wait_ns % 1000000000;
	r = ppoll(&pfd, 1, &ts, NULL);
	return r > 0 ? 0 : -EAGAIN;
}

static void ctl_attach(int fd)
{
	if (ctl.open && ctl.fd == fd)
		return;
	ctl.fd = fd;
	ctl.open = true;
	ctl.skipping = false;
	ctl.used = ctl.scanned = 0;
}

/* How long to wait for bytes, in real time; 0: not any more. */
static int64_t ctl_wait_ns(int64_t deadline_ns)
{
	int64_t now;

	if (deadline_ns == PRIM_FOREVER)
		return CTL_WAIT_NS_MAX;
	if (MRT_SIM)
		return 0;
	now = prim_now_ns();
	return deadline_ns > now ? deadline_ns - now : 0;
}

int prim_ctl_recv(int fd, char *line, size_t cap, int64_t deadline_ns)
{
	ctl_attach(fd);
	for (;;) {
		int64_t wait_ns;
		int r = ctl_take(line, cap);

		if (r != -EAGAIN)
			return r;
		wait_ns = ctl_wait_ns(deadline_ns);
		r = ctl_poll(fd, POLLIN, wait_ns);
		if (r == 0)
			r = ctl_fill(cap);
		if (r == 0 || (r == -EAGAIN && wait_ns > 0))
			continue;
		if (r == -EAGAIN && MRT_SIM)
			prim_sleep_until(deadline_ns);
		return r;
	}
}

/* Sockets report a lost reader without a signal; pipes do as the process likes. */
static ssize_t ctl_write_some(int fd, const char *text, size_t len)
{
	ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(fd, text, len) : n;
}

int prim_ctl_send(int fd, const char *line, size_t len)
{
	size_t done = 0, whole = len;

	if (len == 0 || line[len - 1] != '\n')
		whole++;
	while (done < whole) {
		ssize_t n = done < len ? ctl_write_some(fd, line + done, len - done)
				       : ctl_write_some(fd, "\n", 1);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			ctl_poll(fd, POLLOUT, CTL_WAIT_NS_MAX);
		else if (n == 0 || errno == ECONNRESET)
			return -EPIPE;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

bool prim_sim_wait_reader(int ctl_fd, const _Atomic uint64_t *word, uint64_t wanted)
{
	for (uint32_t round = 0;; round++) {
		struct pollfd pfd = {.fd = ctl_fd, .events = POLLRDHUP};

		/* Acquire: pairs with the reader's release of its position. */
		if (atomic_load_explicit(word, memory_order_acquire) >= wanted)
			return true;
		if (round < CTL_READER_YIELDS) {
			sched_yield();
			continue;
		}
		/* The reader has no way to ring; look again in a millisecond. */
		if (poll(&pfd, 1, 1) > 0)
			return false;
	}
}
