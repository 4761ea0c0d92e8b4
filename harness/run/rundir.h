/*
 * rundir.h: the directory of a run that goes on: $XDG_RUNTIME_DIR/gcstorm/RUNID, 0700, with the
 * control socket and the target's FIFOs.
 *
 * Whoever makes one holds a lock on a file in it as long as it lives; the kernel takes the lock
 * away with the process, whatever kills it. Making one removes those whose lock is free.
 */
#pragma once

#include "harness/base/paths.h"

#define GCS_RUNDIR_SOCKET "ctl.sock"
#define GCS_RUNDIR_FIFO	  "fiu" /* prefix of the target's FIFOs */

struct gcs_rundir {
	char path[GCS_PATH_BYTES]; /* "": there is none */
	int fd, lock_fd;
};

/* 0; -errno with *ret_text, a sentence. Nothing is held then. */
int gcs_rundir_make(struct gcs_rundir *d, const char *run_id, char **ret_text);
/* With all that is in it. Nothing happens when there is none. */
void gcs_rundir_remove(struct gcs_rundir *d);
/* The directory of a run that goes on, as a descriptor; its path into ret. -ENOENT. */
int gcs_rundir_find(const char *run_id, char ret[GCS_PATH_BYTES]);
