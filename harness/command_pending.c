/* command_pending.c: commands that are not there yet. Each goes away with the file that brings it. */
#include "harness/command_priv.h"

#define PENDING(name)                                                                              \
	int gcs_command_##name(const struct gcs_arguments *a)                                      \
	{                                                                                          \
		(void)a;                                                                           \
		return gcs_command_usage(NULL, #name " is not in this version");                   \
	}

PENDING(plan)
PENDING(show)
