/*
 * reach.h: which fault points reach which runtime.
 *
 * The embedded runtime has a site for every point. Outside it there are only the system calls (os/), which the kernel tells of any process, and
 * what a driver can do from within a Go program (reach.def). What cannot be reached is an error when the scenario is loaded, never a fault
 * that silently does nothing.
 */
#pragma once

#include "faults/points.h"

enum gcs_runtime {
	GCS_RUNTIME_EMBEDDED, /* gcstorm-target */
	GCS_RUNTIME_GO,	      /* the drivers of workloads/go/, built with a Go toolchain */
	GCS_RUNTIME_COMMAND,  /* any program, not changed: gcstorm exec */
};

/* "embedded", "go", "command" */
const char *gcs_runtime_name(enum gcs_runtime runtime);
/* The actions of the point that can be had there (enum gcs_action bits); 0: none. */
uint32_t gcs_point_reach(const struct gcs_point_info *point, enum gcs_runtime runtime);
/* The point that a fault at this one has there: itself, or the system call that stands in for it. */
const struct gcs_point_info *gcs_point_stand_in(const struct gcs_point_info *point, enum gcs_runtime runtime);
/* How an action is had there where it is not as on the embedded runtime, or why the point cannot be had at all: half a sentence that goes on
 * after a colon. NULL: there is nothing to say. */
const char *gcs_point_reach_words(const struct gcs_point_info *point, enum gcs_runtime runtime);
