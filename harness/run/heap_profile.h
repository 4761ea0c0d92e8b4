/*
 * heap_profile.h: the file of `run --heap-profile`: made before the run, written by the target, removed if nothing came.
 *
 * The target may open no file, so it is given one that is open. It is always a new file: so it can be taken away again when
 * the target did not get to writing it, and a profile that was there is never lost to a run that died.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct gcs_heap_profile {
	const char *path; /* the caller's; NULL: none is wanted */
	int fd;		  /* -1: none */
	bool told, kept;  /* the target has said what came of it; it is whole */
	int error;
};

/* On storage with fd -1. 0; -EEXIST, other -errno: nothing was made. */
int gcs_heap_profile_open(struct gcs_heap_profile *p, const char *path);
/* The target's word for it: 0, or -errno of making or writing it. */
void gcs_heap_profile_made(struct gcs_heap_profile *p, int e);
/* One line: where it is, or why there is none. false: it was wanted, and is not there. */
bool gcs_heap_profile_tell(const struct gcs_heap_profile *p, FILE *out);
/* Removes what is not whole. */
void gcs_heap_profile_close(struct gcs_heap_profile *p);
