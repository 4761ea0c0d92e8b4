/* program.c: see program.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int gcs_program_setenv(struct gcs_program *p, const char *name, const char *value)
{
	size_t n = 0;
	while (p->env[n])
		n++;
	if (n + 1 >= GCS_PROGRAM_WORDS)
		return -E2BIG;
	if (asprintf(&p->env[n], "%s=%s", name, value) < 0) {
		p->env[n] = NULL;
		return -ENOMEM;
	}
	return 0;
}

void gcs_program_fini(struct gcs_program *p)
{
	for (size_t i = 0; i < GCS_PROGRAM_WORDS && p->env[i]; i++)
		free(p->env[i]);
	p->env[0] = NULL;
}

int gcs_program_find(struct gcs_program *ret, const struct gcs_scenario *s, bool sim, char **ret_text)
{
	const char *name = sim ? "gcstorm-target-sim" : "gcstorm-target";
	(void)s; /* one runtime so far */
	*ret = (struct gcs_program){.path = ""};
	if (gcs_path_program(name, ret->path) == 0)
		return 0;
	if (asprintf(ret_text, "%s: %s", name, strerror(ENOENT)) < 0)
		*ret_text = NULL;
	return -ENOENT;
}
