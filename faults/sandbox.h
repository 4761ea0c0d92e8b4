/*
 * sandbox.h: what a target may ask of the kernel: an allow-list, kept by seccomp.
 *
 * A target lives on descriptors that it was given and on memory; it opens nothing (but, for
 * writing, the one path at which fiu-ctrl waits for a reply) and starts nothing. A call that a sane
 * target never makes kills the process; a few that the C library tries and can do without (opening
 * a file, ioctl on stderr) get EPERM.
 */
#pragma once

#include "faults/gate.h"

#include <stddef.h>

enum sandbox_state {
	SANDBOX_ON = 0,
	SANDBOX_OFF_SANITIZER = 1, /* sanitizers read /proc and more: not restricted */
	SANDBOX_OFF_KERNEL = 2,	   /* this kernel or container does not let us */
};

/* Restrict the calling process and all threads it will have. Irreversible. reply_path: what
 * gcs_sandbox_open_reply may open later, by the place of its text, which must lie in memory that is
 * never written again; NULL: nothing. -errno when the filter could not be built. */
int gcs_sandbox_enter(enum sandbox_state *ret, const char *reply_path);

/* The same filter, which besides asks about system calls (faults/syscalls.h), and nothing but them:
 * a listener of faults/listener.h comes with it. */
struct sandbox_options {
	const char *reply_path;
	bool confine;		     /* false: everything else is allowed; implied by sanitizers */
	const enum gcs_point *point; /* of os/; others are passed over */
	size_t npoints;
	int first_fd; /* 0: GCS_SYSCALLS_FD */
};
/* The program of a filter that asks and does nothing else, for a process that is not a target of ours and is never sandboxed. first_fd: of calls
 * on connections (faults/syscalls.h), only those on descriptors from this one on. ret->len 0: no point of os/ is among them. For
 * gcs_listener_load, which may be called in a child that was forked among threads: its memory is mapped, and never given back. -errno. */
struct sock_fprog;
int gcs_sandbox_ask_program(const enum gcs_point *point, size_t npoints, int first_fd,
			    struct sock_fprog *ret);
/* *ret_listener: -1 when no point of os/ is among them; the filter is then gcs_sandbox_enter's, or
 * none. Else a system that does not allow it is an error: -errno of gcs_listener_load, -EOPNOTSUPP
 * of libseccomp. */
int gcs_sandbox_enter_with(const struct sandbox_options *opt, enum sandbox_state *ret,
			   int *ret_listener);
/* Open the reply_path, this very pointer, for writing and without waiting. A descriptor; -ENXIO:
 * nobody reads there yet; -errno. */
int gcs_sandbox_open_reply(const char *path);
/* A sentence for the state; NULL when it is on. */
const char *gcs_sandbox_notice(enum sandbox_state state);
