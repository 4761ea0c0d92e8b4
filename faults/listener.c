/* listener.c: see listener.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "faults/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int listener_install(const struct sock_fprog *prog, unsigned long flags)
{
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);

	return fd < 0 ? -errno : (int)fd;
}

int gcs_listener_load(const struct sock_fprog *prog)
{
	const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	fd = listener_install(prog, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (fd == -EINVAL) /* a kernel before 5.19 */
		fd = listener_install(prog, flags);
	return fd;
}

bool gcs_listener_waits_killable(void)
{
	/* Flags are looked at before the program, which is none. */
	return listener_install(NULL, SECCOMP_FILTER_FLAG_NEW_LISTENER |
					      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) == -EFAULT;
}

int gcs_listener_send(int socket, int listener, const char *line, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)line, .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &listener, sizeof(int));
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO; /* a socket nobody has written to yet takes a line */
}

int gcs_listener_receive(int socket)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {0};
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(socket, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -ENODATA;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}
