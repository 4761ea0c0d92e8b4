/*
 * control.h: the control thread of the target: the harness's commands, and the timeline.
 *
 * A prim thread without a P: neither a stopped world nor a busy one keeps it from disarming a
 * fault. It plays the windows of the plan at their time, obeys the operator, and ends the run: at
 * its end, on `quit`, when the control socket closes (the harness died) or when the lease runs out
 * (the harness was stopped): then everything is disarmed and the process gone within a second.
 */
#pragma once

#include "workloads/workload.h"

#include <jansson.h>

#define CONTROL_LEASE_EXIT 3 /* status of a process whose lease ran out */

struct control;
struct fifo;

enum control_end {
	CONTROL_RUNNING,
	CONTROL_TIME,	/* end_ns came */
	CONTROL_QUIT,	/* asked to */
	CONTROL_ORPHAN, /* nobody is there any more: no checks, just go */
	CONTROL_LEASE,	/* the same: somebody is there, but stands still */
	CONTROL_FAILED, /* the run could not begin: a refusal was sent */
};

/* fd: the control socket; fifo: where fiu-ctrl speaks, may be NULL, and outlives it. env->plan is
 * loaded into the fault engine already; env->rates is made here, and goes with it. -ENOMEM, -EAGAIN. */
int control_create(struct control **ret, struct work_env *env, int fd, struct fifo *fifo);

/* ---- the main goroutine */
/* Everything is prepared: say so; wait for the start. t0 is set, or env->stop when it never came.
 */
void control_ready(mrt_g *g, struct control *c);
/* Something is missing: refuse with a sentence. Sets env->stop; after the begin the run then comes
 * to its end. */
void control_refuse(mrt_g *g, struct control *c, const char *text);
/* Wait until the run is over; faults are disarmed and env->stop is set then. */
enum control_end control_wait_end(mrt_g *g, struct control *c);

/* ---- the initial thread, after mrt_run */
/* End the thread; how it ended. */
enum control_end control_join(struct control *c);
void control_done(struct control *c, uint64_t hash); /* send `done` */
void control_destroy(struct control *c);

/* Send a line to the harness; the object is given up. */
void control_send(int fd, json_t *object);
/* Refuse before there is a thread. */
void control_send_error(int fd, const char *text);
