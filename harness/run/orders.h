/*
 * orders.h: orders by hand to a run that goes on: from the screen's keys, and from `gcstorm ctl`.
 *
 * It owns the run's directory (rundir.h) and the socket in it (ctl.h), says what keeps an order
 * from being carried out, passes it on to the target, and writes it down: whoever does something by
 * hand makes the run operator-modified. All on the caller's thread, the harness's main one; nothing
 * here waits.
 *
 * A fault that is armed by hand stays so until it is disarmed, its next window begins or ends, or its
 * time is up: GCS_ARM_NS, if nothing else was said. The limit is kept here, not by the target: it is
 * as exact as the harness's loop (milliseconds, when the machine is not busy). What fiu-ctrl arms has
 * none, as whoever speaks libfiu's words expects.
 */
#pragma once

#include "harness/collect/collect.h"
#include "harness/display.h"
#include "harness/run/ctl.h"
#include "harness/run/target.h"

struct gcs_orders;

enum gcs_orders_time { GCS_ORDERS_EARLY, GCS_ORDERS_NOW, GCS_ORDERS_LATE };

/* The run that they are for; all of it outlives the orders. */
struct gcs_orders_run {
	const struct gcs_scenario *scenario;
	const char *id;
	bool sim;
	struct gcs_collect *collect;
	struct gcs_target *target;
	void *self;
	enum gcs_orders_time (*time)(void *self); /* has it begun, is it ending? */
};

/* 0; -ENOMEM. */
int gcs_orders_create(struct gcs_orders **ret, const struct gcs_orders_run *run);
/* Directory and socket, before the target is spawned; without them the run goes on out of reach,
 * and says so. */
void gcs_orders_open(struct gcs_orders *o);
/* The target is ready, as this process: how to lay hands on it is told. */
void gcs_orders_ready(struct gcs_orders *o, int pid);
/* It is another process now. */
void gcs_orders_target(struct gcs_orders *o, int pid);

/* Somebody spoke to the target itself, with fiu-ctrl, or the target could not carry out an order: as of gcs_target_sink. */
void gcs_orders_told(struct gcs_orders *o, const char *source, const char *act, int fault,
		     const char *text);

/* Disarm what is armed by hand and has had its time. */
void gcs_orders_due(struct gcs_orders *o);
/* When that is next (CLOCK_MONOTONIC); INT64_MAX: never. */
int64_t gcs_orders_next_ns(const struct gcs_orders *o);
/* Descriptors to wait on; their number. */
int gcs_orders_fds(const struct gcs_orders *o, struct pollfd fds[GCS_CTL_FDS]);
/* Answer what has come. */
void gcs_orders_poll(struct gcs_orders *o);
/* A request of the screen; those that are no orders are left alone. */
void gcs_orders_request(struct gcs_orders *o, struct gcs_request req);
/* When the target is gone. NULL is fine. */
void gcs_orders_destroy(struct gcs_orders *o);
