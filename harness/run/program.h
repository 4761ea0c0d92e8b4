/*
 * program.h: which program the target of a scenario is, with what arguments and environment.
 *
 * Whatever it is, it speaks docs/control-protocol.md on the descriptors that are listed there.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/scenario.h"

#define GCS_PROGRAM_WORDS 1030 /* arguments, and variables, with the NULL at the end */

struct gcs_program {
	char path[GCS_PATH_BYTES];
	const char *args[GCS_PROGRAM_WORDS]; /* behind the path, NULL at the end; the scenario's, or static */
	char number[16], every[24], points[256], agent[GCS_PATH_BYTES]; /* that args may be */
	char *env[GCS_PROGRAM_WORDS];	     /* "NAME=VALUE", NULL at the end; owned */
};

/* 0; -ENOENT and others, with *ret_text (malloc'd): there is none, and why. */
int gcs_program_find(struct gcs_program *ret, const struct gcs_scenario *s, bool sim, char **ret_text);
/* One more variable, copied. 0; -ENOMEM; -E2BIG. */
int gcs_program_setenv(struct gcs_program *p, const char *name, const char *value);
void gcs_program_fini(struct gcs_program *p);
