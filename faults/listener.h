/*
 * listener.h: a seccomp filter that asks: loading it, and handing its listener to another process.
 *
 * The listener is a descriptor, out of which calls that the filter holds are read and into which
 * they are answered. When the last copy of it is closed, the calls held, and all that the filter
 * catches later, fail with ENOSYS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sock_fprog;

/* Load the filter for the calling thread and all that it starts. The listener, close-on-exec; or
 * -errno: -EBUSY when another filter of this process asks already, -ENOSYS, -EINVAL or -EPERM where
 * the system does not allow it. Where the kernel can, a held call is given up only for a signal
 * that kills. Irreversible. Calls nothing that is not async-signal-safe. */
int gcs_listener_load(const struct sock_fprog *prog);
/* The kernel can: what is done for a held call, writing to its memory for one, is done while the
 * call still waits. */
bool gcs_listener_waits_killable(void);
/* Send a line and the listener with it over a Unix stream socket. 0, -errno. */
int gcs_listener_send(int socket, int listener, const char *line, size_t len);
/* The listener that comes with the next byte of the socket, which stays unread; close-on-exec, the
 * caller's. -EAGAIN: nothing there yet. -ENODATA: a byte, or the end, without a listener. -errno.
 * Who reads that byte before has the kernel close the listener, and what it asks about fails. */
int gcs_listener_receive(int socket);
