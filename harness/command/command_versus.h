/* command_versus.h: of gcstorm view: the two sides that a command line names, and a comparison printed. */
#pragma once

#include "harness/command/command_priv.h"
#include "harness/compare/versus.h"

/* Does the command line name two sides? */
bool gcs_command_versus_two(const struct gcs_arguments *a);
/* The records of both, directories looked into. 0, or the exit code, with everything said. */
int gcs_command_versus_sides(const struct gcs_arguments *a, struct gcs_versus_paths ret[GCS_VERSUS_SIDES]);
/* What -errno of a record comes to. */
int gcs_command_versus_code(int error);
/* The exit code. */
int gcs_command_versus_print(const struct gcs_arguments *a, const struct gcs_versus *v);
