/*
 * fiu_rc.h: one command of libfiu's remote control, as fiu-ctrl sends it:
 *
 *   enable name=N | enable_random name=N,probability=P | disable name=N
 *
 * with failnum=, failinfo= and onetime allowed after every enable. A name that ends in '*' stands
 * for all that begin so, as in libfiu; enabled, a saboteur must be named in full. What a firing does (the errno, the delay) is the scenario's
 * to say: failnum and failinfo are read, and change nothing. enable_stack and enable_stack_by_name
 * are refused: coroutines have no stack that libfiu could read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GCS_FIU_NAME_BYTES 64u
#define GCS_FIU_ALWAYS_PPB 1000000000u

enum gcs_fiu_act { GCS_FIU_ENABLE, GCS_FIU_DISABLE };

struct gcs_fiu_command {
	enum gcs_fiu_act act;
	char name[GCS_FIU_NAME_BYTES];
	uint32_t p_ppb; /* 1 … GCS_FIU_ALWAYS_PPB */
	bool onetime;	/* enabled for one firing */
};

/* 0; -EINVAL, -ENOTSUP with *ret_why, a static text. */
int gcs_fiu_parse(struct gcs_fiu_command *ret, const char *line, const char **ret_why);
/* Does the command speak of this point? */
bool gcs_fiu_matches(const struct gcs_fiu_command *c, const char *point);
