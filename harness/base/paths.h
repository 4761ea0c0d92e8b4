/*
 * paths.h: where things lie: programs beside this one, incidents, records.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define GCS_PATH_BYTES 4096

/* A program of ours ("gcstorm-target"): $GCSTORM_TARGET (for the target, real or simulated),
 * $GCSTORM_GUARD or $GCSTORM_LOAD, beside the running program, in its workloads/, in the installed place. 0; -ENOENT.
 */
int gcs_path_program(const char *name, char ret[GCS_PATH_BYTES]);

/* A scenario: a path as it is, or the name of an incident ($GCSTORM_INCIDENTS, the source tree
 * around the running program, the installed place). 0; -ENOENT. */
int gcs_path_scenario(const char *arg, char ret[GCS_PATH_BYTES]);
/* Names of all incidents, sorted, each once (the place named first wins); freed with
 * gcs_path_incidents_free. */
struct gcs_incident {
	char *name, *path;
};
size_t gcs_path_incidents(struct gcs_incident **ret);
void gcs_path_incidents_free(struct gcs_incident *list, size_t n);

/* Every directory of a path that is missing, 0700. Changed while it works, and as it was in the end. 0, -errno. */
int gcs_path_make(char *path);
/* Directory of the records, $XDG_STATE_HOME/gcstorm/runs; make: created, 0700. 0, -errno. */
int gcs_path_runs(char ret[GCS_PATH_BYTES], int make);
/* Where the directories of running runs lie: the i-th place, 0: where a new one goes:
 * $XDG_RUNTIME_DIR/gcstorm, or if that is not set or another user's /tmp/gcstorm-UID; then the
 * other places where a run of ours may have gone. 0; -ENOENT: no more; -ENAMETOOLONG. */
int gcs_path_runtime(unsigned i, char ret[GCS_PATH_BYTES]);
/* A record from a path, a part of its name that only one record has, or "last": the newest by the
 * time in its name, of one second the one written later. 0; -ENOENT; -ENOTUNIQ. */
int gcs_path_record(const char *arg, char ret[GCS_PATH_BYTES]);
