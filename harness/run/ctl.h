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
#define GCS_CTL_TEXT_BYTES 400	/* what a client may say in one word */
#define GCS_CTL_SAID_BYTES 2048 /* what is answered */

struct gcs_ctl_about {
	int pid;	  /* of the target, 0 unknown */
	bool going;	  /* begun and not yet told to end */
	int64_t now_ns;	  /* from t0; fresher than the snapshot's, which is of the last tick */
	const char *fifo; /* what fiu-ctrl is given in place of a pid; NULL: there are no FIFOs */
};
/* What the run does for it. */
struct gcs_ctl_sink {
	void *self;
	/* An order; fault and workload are of the run, where the act is about one. GCS_EXIT_PASS: done,
	 * ret_text may hold a remark; else why not: a sentence, or lines as of a scenario's errors. */
	enum gcs_exit (*order)(void *self, const struct gcs_request *order,
			       char ret_text[GCS_CTL_SAID_BYTES]);
	const struct gcs_snapshot *(*snapshot)(void *self);
	const struct watch_fault *(*counters)(void *self, uint32_t fault); /* live */
	/* When an arm by hand ends by itself, from t0; -1: it does not. */
	int64_t (*limit)(void *self, uint32_t fault);
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

/* "arm", "disarm", "fire", "disarm-all", "mark", "edit", "rate"; NULL: no order. */
const char *gcs_ctl_act_name(enum gcs_act act);

/* The client's end: a connection to the socket in dir_fd. A descriptor; -errno. */
int gcs_ctl_connect(int dir_fd);
