/*
 * kept_file.h: a file beside the record that the target writes: a heap profile, an execution trace. Made before the run, removed
 * if nothing came.
 *
 * The target may open no file, so it is given one that is open. It is always a new file: so it can be taken away again when
 * the target did not get to writing it, and one that was there is never lost to a run that died.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct gcs_kept_file {
	const char *what; /* "heap profile" */
	const char *path; /* the caller's; NULL: none is wanted */
	int fd;		  /* -1: none */
	bool told, kept;  /* the target has said what came of it; it is whole */
	int error;
};

/* On storage with fd -1; path is the caller's, until close. 0; -EEXIST, other -errno: nothing was made. */
int gcs_kept_file_open(struct gcs_kept_file *k, const char *what, const char *path);
/* The target's word for it: 0, or -errno of making or writing it; -ENODATA: there was nothing to write. */
void gcs_kept_file_made(struct gcs_kept_file *k, int e);
/* One line: where it is, or why there is none. false: it was wanted, and is not there. */
bool gcs_kept_file_tell(const struct gcs_kept_file *k, FILE *out);
/* Removes what is not whole. */
void gcs_kept_file_close(struct gcs_kept_file *k);
