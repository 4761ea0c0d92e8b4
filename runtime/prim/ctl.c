/*
 * ctl.c: the control line: one JSON text a line over a stream descriptor.
 *
 * Bytes are read into a buffer of our own that grows up to the caller's
 * bound, so a line may arrive in pieces over many calls.  A line beyond the
 * bound is dropped up to its newline and reported once.
 *
 * Each descriptor that is waited on has a buffer, by its place in the call.
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
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CTL_BYTES_MIN	  ((size_t)1 << 16)
#define CTL_WAIT_NS_MAX	  INT64_C(3600000000000)
#define CTL_READER_YIELDS 100u

/* The line buffer of a descriptor; only the control thread touches them. */
struct ctl_line {
	int fd;
	bool open;     /* fd is valid */
	bool skipping; /* dropping the rest of a line that was too long */
	char *buf;
	size_t cap, used, scanned; /* no newline before scanned */
};
static struct ctl_line ctl_lines[PRIM_CTL_FDS_MAX];

static void ctl_consume(struct ctl_line *l, size_t n)
{
	memmove(l->buf, l->buf + n, l->used - n);
	l->used -= n;
	l->scanned = 0;
}

/* Room for at least one more byte below the bound. */
static int ctl_grow(struct ctl_line *l, size_t bound)
{
	size_t cap = l->cap == 0 ? CTL_BYTES_MIN : l->cap * 2;
	char *buf;

	if (l->used < l->cap)
		return 0;
	if (l->used > bound)
		return -E2BIG;
	buf = prim_map(cap);
	if (buf == NULL)
		return -ENOMEM;
	if (l->buf != NULL) {
		memcpy(buf, l->buf, l->used);
		prim_unmap(l->buf, l->cap);
	}
	l->buf = buf;
	l->cap = cap;
	return 0;
}

/* A whole line out of the buffer: 0, -EAGAIN none yet, -E2BIG. */
static int ctl_take(struct ctl_line *l, char *line, size_t cap)
{
	char *newline;
	size_t len;
	bool skipped = l->skipping;

	newline = l->used > l->scanned ? memchr(l->buf + l->scanned, '\n', l->used - l->scanned)
				       : NULL;
	if (newline == NULL) {
		l->scanned = l->used;
		if (l->skipping)
			ctl_consume(l, l->used);
		if (l->used < cap)
			return -EAGAIN;
		l->skipping = true;
		ctl_consume(l, l->used);
		return -E2BIG;
	}
	len = (size_t)(newline - l->buf);
	l->skipping = false;
	if (!skipped && len < cap) {
		memcpy(line, l->buf, len);
		line[len] = '\0';
		ctl_consume(l, len + 1);
		return 0;
	}
	ctl_consume(l, len + 1);
	return skipped ? ctl_take(l, line, cap) : -E2BIG;
}

/* One read: 0 got something, -EAGAIN nothing there, -EPIPE the end. */
static int ctl_fill(struct ctl_line *l, size_t bound)
{
	int r = ctl_grow(l, bound);
	ssize_t n;

	if (r < 0)
		return r;
	n = read(l->fd, l->buf + l->used, l->cap - l->used);
	if (n > 0) {
		l->used += (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	l->open = false; /* half a line is worth nothing, and the number may come again */
	return -EPIPE;
}

/* Wait in real time for one of them: 0, -EAGAIN. */
static int ctl_poll(struct pollfd *pfd, uint32_t n, int64_t wait_ns)
{
	struct timespec ts;
	int r;

	if (wait_ns > CTL_WAIT_NS_MAX)
		wait_ns = CTL_WAIT_NS_MAX;
	ts.tv_sec = wait_ns / 1000000000;
	ts.tv_nsec = wait_ns % 1000000000;
	r = ppoll(pfd, n, &ts, NULL);
	return r > 0 ? 0 : -EAGAIN;
}

static void ctl_attach(struct ctl_line *l, int fd)
{
	if (l->open && l->fd == fd)
		return;
	l->fd = fd;
	l->open = true;
	l->skipping = false;
	l->used = l->scanned = 0;
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

/* Whatever the first n lines hold: 0, -EAGAIN, -E2BIG. */
static int ctl_take_any(uint32_t n, uint32_t *ret_which, char *line, size_t cap)
{
	int r = -EAGAIN;

	for (uint32_t i = 0; i < n && r == -EAGAIN; i++) {
		*ret_which = i;
		r = ctl_take(&ctl_lines[i], line, cap);
	}
	return r;
}

/* Wait, then read what is ready: 0 some came, -EAGAIN none, -EPIPE an end. */
static int ctl_fill_any(uint32_t n, uint32_t *ret_which, size_t bound, int64_t wait_ns)
{
	struct pollfd pfd[PRIM_CTL_FDS_MAX];
	int r;

	for (uint32_t i = 0; i < n; i++)
		pfd[i] = (struct pollfd){.fd = ctl_lines[i].fd, .events = POLLIN};
	r = ctl_poll(pfd, n, wait_ns);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		*ret_which = i;
		if (pfd[i].revents != 0 && (r = ctl_fill(&ctl_lines[i], bound)) == -EAGAIN)
			r = 0; /* nothing after all: the others may have something */
	}
	return r;
}

int prim_ctl_recv_any(const int *fd, uint32_t nfds, uint32_t *ret_which, char *line, size_t cap,
		      int64_t deadline_ns)
{
	for (uint32_t i = 0; i < nfds; i++)
		ctl_attach(&ctl_lines[i], fd[i]);
	for (;;) {
		int64_t wait_ns;
		int r = ctl_take_any(nfds, ret_which, line, cap);

		if (r != -EAGAIN)
			return r;
		wait_ns = ctl_wait_ns(deadline_ns);
		r = ctl_fill_any(nfds, ret_which, cap, wait_ns);
		if (r == 0 || (r == -EAGAIN && wait_ns > 0))
			continue;
		if (r == -EAGAIN && MRT_SIM)
			prim_sleep_until(deadline_ns);
		return r;
	}
}

int prim_ctl_recv(int fd, char *line, size_t cap, int64_t deadline_ns)
{
	uint32_t which;

	return prim_ctl_recv_any(&fd, 1, &which, line, cap, deadline_ns);
}

/* Sockets report a lost reader without a signal; pipes do as the process likes. */
static ssize_t ctl_write_some(int fd, const char *text, size_t len)
{
	ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(fd, text, len) : n;
}

static void ctl_wait_room(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	ctl_poll(&pfd, 1, CTL_WAIT_NS_MAX);
}

static int ctl_send_whole(int fd, const char *line, size_t len)
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
			ctl_wait_room(fd);
		else if (n == 0 || errno == ECONNRESET)
			return -EPIPE;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* A line takes several calls, its newline one more: one line after the other. A mutex of the OS, which costs no
 * step of the simulation; nobody stands back while he has it. */
int prim_ctl_send(int fd, const char *line, size_t len)
{
	static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;
	int r;

	pthread_mutex_lock(&sending);
	r = ctl_send_whole(fd, line, len);
	pthread_mutex_unlock(&sending);
	return r;
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
