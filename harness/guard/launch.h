/*
 * launch.h: starting a program that is not ours, with one filter that asks about the system calls of a scenario.
 *
 * The filter names the calls of the points it is given and no others; without a point there is none, and every call runs at native
 * speed. It is loaded before the program is, in the process that becomes it, and all that the program starts inherits it. With a filter comes
 * NO_NEW_PRIVS: a set-user-ID program runs without its privileges.
 *
 * Of the calls on connections (os/read, os/write) those on descriptors from 3 on are asked about: 0, 1 and 2 are its stdio.
 */
#pragma once

#include "faults/gate.h"

#include <stddef.h>
#include <sys/types.h>

struct guard_launch {
	const char *path;
	char *const *argv;
	const enum gcs_point *point; /* of os/; others are passed over */
	size_t npoints;
	int out_fd, err_fd; /* its 1 and 2; 0 is /dev/null */
	/* The listener, which is the callee's, and who is asked about; the program waits meanwhile. 0, -errno: it is not started. */
	int (*listen)(void *self, int listener, pid_t pid);
	void *self;
};
/* In a process group of its own; the kernel kills it when the calling thread ends. 0: the program runs; -errno, also of exec. */
int guard_launch(const struct guard_launch *l, pid_t *ret_pid);

/*
 * Become the program, which speaks the control protocol itself: the listener goes over the control socket (descriptor 3) with the line
 * `listener`, before anything is asked about, and descriptors are left as they are. Of calls on connections those on descriptors from
 * GCS_SYSCALLS_FD on are asked about. Returns only an error: -errno.
 */
int guard_become(const char *path, char *const *argv, const enum gcs_point *point, size_t npoints);
