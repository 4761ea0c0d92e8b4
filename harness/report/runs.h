/*
 * runs.h: the runs there are, as a list to choose from.
 *
 * Names are there at once; what a record says of its run is read a few records at a time, so that a long list appears without a wait.
 */
#pragma once

#include "harness/display.h"

struct gcs_runs {
	char **path;
	struct gcs_choice *choice;
	uint32_t n, read; /* the first so many have been read */
};

/* Those below a directory, newest first. 0; -ENOENT: there is no such directory; -errno. */
int gcs_runs_init(struct gcs_runs *r, const char *dir);
void gcs_runs_fini(struct gcs_runs *r);
/* Reads some more. false: all are read. */
bool gcs_runs_read(struct gcs_runs *r);
/* Those that are not over, or could not be read, are read anew. */
void gcs_runs_again(struct gcs_runs *r);
