/*
 * sandbox.h: what a target may ask of the kernel: an allow-list, kept by seccomp.
 *
 * A target lives on descriptors that it was given and on memory; it opens nothing and starts
 * nothing. A call that a sane target never makes kills the process; a few that the C library tries
 * and can do without (opening a file, ioctl on stderr) get EPERM.
 */
#pragma once

enum sandbox_state {
	SANDBOX_ON = 0,
	SANDBOX_OFF_SANITIZER = 1, /* sanitizers read /proc and more: not restricted */
	SANDBOX_OFF_KERNEL = 2,	   /* this kernel or container does not let us */
};

/* Restrict the calling process and all threads it will have. Irreversible. -errno when the filter
 * could not be built. */
int gcs_sandbox_enter(enum sandbox_state *ret);
/* A sentence for the state; NULL when it is on. */
const char *gcs_sandbox_notice(enum sandbox_state state);
