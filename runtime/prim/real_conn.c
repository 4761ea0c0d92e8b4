/*
 * real_conn.c: a connection is a non-blocking stream socket.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"
#include "runtime/prim/real_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int prim_conn_open_fd(prim_conn **ret_conn, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	prim_conn *conn;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	conn = malloc(sizeof(*conn));
	if (conn == NULL)
		return -ENOMEM;
	conn->fd = fd;
	*ret_conn = conn;
	return 0;
}

int64_t prim_conn_read(prim_conn *conn, void *buf, size_t bytes)
{
	ssize_t n;

	do {
		n = recv(conn->fd, buf, bytes, 0);
	} while (n < 0 && errno == EINTR);
	return n >= 0 ? n : -errno;
}

int64_t prim_conn_write(prim_conn *conn, const void *buf, size_t bytes)
{
	ssize_t n;

	do {
		n = send(conn->fd, buf, bytes, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n >= 0 ? n : -errno;
}

void prim_conn_close(prim_conn *conn)
{
	close(conn->fd); /* leaves the poller's set by itself */
	free(conn);
}

int prim_peer_start(const struct prim_peer_options *opt, prim_conn **ret_conns)
{
	(void)opt;
	(void)ret_conns;
	return -ENOTSUP;
}
