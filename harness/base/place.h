/*
 * place.h: directories for what a command leaves behind, each its own.
 */
#pragma once

#include "harness/base/paths.h"

/* $XDG_STATE_HOME/gcstorm/KIND/NAME-TIME-XXXX, not made. 0, -errno. */
int gcs_place_new(const char *kind, const char *name, char ret[GCS_PATH_BYTES]);
/* The same, or where the user says (absolute: what is printed holds in any directory). 0; -EINVAL: "" was given; -ENAMETOOLONG; -errno: no
 * place for it, neither $XDG_STATE_HOME nor $HOME is set. */
int gcs_place_given(const char *given, const char *kind, const char *name, char ret[GCS_PATH_BYTES]);
/* All that is missing of a directory, 0700. 0; -EEXIST: there is something in it; -errno. */
int gcs_place_make(const char *path);
