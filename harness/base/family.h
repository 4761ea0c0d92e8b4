/*
 * family.h: what /proc says of a program and of all that it started, as one.
 *
 * Its processes are those below its parent, the guard of exec, which starts nobody else and inherits its orphans (/proc/PID/task/TID/children; where the kernel
 * has no such files, the program alone). Sums only grow: each process counts by how much it has grown since the last look, and what an ended one had had stays.
 * Missing is what a process did between the last look at it and its end, and what began and ended between two looks.
 */
#pragma once

#include "harness/base/host.h"

#include <stddef.h>

#define GCS_FAMILY_MAX 256 /* processes; more are passed over */

struct gcs_family {
	int parent; /* of the program; 0: not known yet */
	struct gcs_member {
		int pid;
		struct gcs_proc last;
	} member[GCS_FAMILY_MAX];
	size_t n, max; /* now; at most, at any look */
	struct gcs_proc sum; /* rss: now; cpu_ns and run_delay_ns: since the first process began */
};

/* pid: of the program, as long as it runs; afterwards the last one. 0; -ESRCH: nobody is there, sums stay and rss is 0. */
int gcs_family_read(struct gcs_family *f, int pid);
