/*
 * ward.h: the program under guard: started, watched, started again, ended with all that it started.
 *
 * It has a process group of its own. What leaves that group, and loses its parent, becomes a child of this process, which is their subreaper: so
 * nothing outlives it.
 */
#pragma once

#include "harness/guard/tee.h"
#include "harness/guard/trace.h"
#include "harness/run/injector.h"
#include "workloads/plan.h"

#include <sys/types.h>

struct guard_ward {
	const char *path;
	char *const *argv;
	const struct plan *plan;
	struct mrt_telemetry *telemetry;
	struct gcs_injector *injector; /* NULL: no system call is named */
	struct guard_tee tee;
	struct guard_trace trace;
	char *fatal; /* the first line that says what it dies of, which a traceback follows; NULL: none */
	int out_fd, null_fd; /* its stdout */
	pid_t pid; /* 0: none runs */
};

/* prefix: of the files for its stdout and stderr, PREFIX.out and PREFIX.err; NULL: they are lost, but for the lines that the harness gets. load: the
 * plan as it came. 0; -errno. */
int guard_ward_init(struct guard_ward *w, const char *prefix, const char *load);
void guard_ward_fini(struct guard_ward *w);
/* 0: it runs. -errno of exec too. */
int guard_ward_start(struct guard_ward *w, int64_t now_ns);
/* After SIGCHLD. True: the program has ended, with this wait status; all its group is gone, and all it said is read. */
bool guard_ward_reap(struct guard_ward *w, int *ret_status);
/* To its whole group. */
void guard_ward_signal(const struct guard_ward *w, int sig);
/* What fires no more must not hold anybody either. */
void guard_ward_release(struct guard_ward *w);
/* The line that says what it died of; NULL: none of its last words does. */
const char *guard_ward_fatal(const struct guard_ward *w);
/* Kill what it has left behind, whatever its group. */
void guard_ward_sweep(struct guard_ward *w);
