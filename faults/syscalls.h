/*
 * syscalls.h: the points of os/: which system calls each one stands for.
 *
 * Their sites are not in the target's code: the kernel holds the call and asks the harness
 * (harness/run/injector.h), through a filter that names exactly the calls of the points in use.
 */
#pragma once

#include "faults/gate.h"

#include <stddef.h>

#define GCS_SYSCALLS_MAX 4

struct gcs_syscalls {
	enum gcs_point point;
	bool hot;	 /* asked all the time: a scenario must allow it by name */
	bool connection; /* only descriptors from GCS_SYSCALLS_FD on, never the target's own lines */
	int8_t size_arg; /* which argument the size is; -1: none */
	uint8_t count;
	int nr[GCS_SYSCALLS_MAX];
	bool seldom;	     /* an embedded target that is warm may not make it at all */
	const char *reached; /* when it makes it: "when ..." */
};

/* Below are stdio, the control socket, the telemetry (docs/control-protocol.md). */
#define GCS_SYSCALLS_FD 5

/* NULL: the point is no system call. */
const struct gcs_syscalls *gcs_syscalls_of(enum gcs_point point);
/* NULL: no point stands for the call of this number. */
const struct gcs_syscalls *gcs_syscalls_by_nr(int nr);
