/*
 * spawn.h: a child process with exactly the descriptors it is meant to have.
 */
#pragma once

#include <sys/types.h>

struct gcs_spawn {
	const char *path;
	const char *const *args; /* behind the path, NULL at the end; NULL: none */
	int err_fd;    /* becomes 1 and 2; 0 is /dev/null */
	const int *fd; /* become 3, 4, ... */
	unsigned nfds;
	const char *const *env; /* "NAME=VALUE": added to ours, NULL at the end; NULL: nothing */
	pid_t group;	     /* 0: a new process group */
	int die_with_parent; /* the kernel kills it when this thread ends */
};
/* Everything else is closed, signals are unblocked and at their defaults. 0; -errno, also of a
 * failing exec. */
int gcs_spawn(const struct gcs_spawn *s, pid_t *ret_pid);
