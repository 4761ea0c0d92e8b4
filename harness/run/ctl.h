/*
 * ctl.h: the socket through which `gcstorm ctl` speaks to a run that goes on.
 *
 * Requests and replies: docs/control-protocol.md. All on the caller's thread, the harness's main
 * one; nothing here waits.
 */
#pragma once

#include "harness/collect/collect.h"
#include "harness/display.h"

#include <poll.h>

#define GCS_CTL_CLIENTS	   8
#define GCS_CTL_FDS	   (1 + GCS_CTL_CLIENTS)
#define GCS_CTL_TEXT_BYTES 200

struct gcs_ctl_about {
	int pid;	  /* of the target, 0 unknown */
	bool going;	  /* begun and not yet told to end */
	int64_t now_ns;	  /* from t0; fresher than the snapshot's, which is of the last tick */
	const char *fifo; /* what fiu-ctrl is given in place of a pid; NULL: there are no FIFOs */
};
/* What the run does for it. */
struct gcs_ctl_sink {
	void *self;
	/* An order; fault -1: none. GCS_EXIT_PASS: done, ret_text may hold a remark; else why not.
	 */
	enum gcs_exit (*order)(void *self, enum gcs_act act, int fault, const char *text,
			       char ret_text[GCS_CTL_TEXT_BYTES]);
	const struct gcs_snapshot *(*snapshot)(void *self);
	const struct watch_fault *(*counters)(void *self, uint32_t fault); /* live */
	void (*about)(void *self, struct gcs_ctl_about *ret);
};

struct gcs_ctl;
/* A socket GCS_RUNDIR_SOCKET in the directory dir_fd. 0; -errno. */
int gcs_ctl_create(struct gcs_ctl **ret, int dir_fd, const struct gcs_ctl_sink *sink);
/* Descriptors to wait on; their number. */
int gcs_ctl_fds(const struct gcs_ctl *c, struct pollfd fds[GCS_CTL_FDS]);
/* Answer what has come. */
void gcs_ctl_poll(struct gcs_ctl *c);
void gcs_ctl_destroy(struct gcs_ctl *c);

/* "arm", "disarm", "fire", "disarm-all", "mark"; NULL: no order. */
const char *gcs_ctl_act_name(enum gcs_act act);

/* The client's end: a connection to the socket in dir_fd. A descriptor; -errno. */
int gcs_ctl_connect(int dir_fd);
