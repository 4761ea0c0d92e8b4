/* program.c: see program.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/program.h"
#include "harness/run/go_agent.h"

#include <errno.h>
#include <inttypes.h>
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

static int program_setenv_number(struct gcs_program *p, const char *name, uint64_t value, const char *unit)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64 "%s", value, unit);
	return gcs_program_setenv(p, name, text);
}

static bool program_spins(const struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (strcmp(s->fault[i].point, "stw/spin") == 0)
			return true;
	return false;
}

/* The agent. What the runtime reads at its start, before the program runs, is in its environment; what the user has there of these is replaced. */
static int program_go(struct gcs_program *ret, const struct gcs_scenario *s, char **ret_text)
{
	char debug[96];
	int e = gcs_go_agent_build(ret->path, s->go, ret_text);
	if (e)
		return e;
	snprintf(debug, sizeof debug, "gctrace=1%s%s%s", program_spins(s) ? ",asyncpreemptoff=1" : "",
		 s->pacertrace ? ",gcpacertrace=1" : "", s->scavtrace ? ",scavtrace=1" : "");
	e = gcs_program_setenv(ret, "GODEBUG", debug);
	e = e ? e : program_setenv_number(ret, "GOMAXPROCS", s->procs, "");
	e = e ? e : s->gogc < 0 ? gcs_program_setenv(ret, "GOGC", "off") : program_setenv_number(ret, "GOGC", (uint64_t)s->gogc, "");
	e = e ? e : s->memlimit ? program_setenv_number(ret, "GOMEMLIMIT", s->memlimit, "B") : gcs_program_setenv(ret, "GOMEMLIMIT", "off");
	return e;
}

int gcs_program_find(struct gcs_program *ret, const struct gcs_scenario *s, bool sim, char **ret_text)
{
	const char *name = sim ? "gcstorm-target-sim" : "gcstorm-target";
	*ret = (struct gcs_program){.path = ""};
	if (gcs_scenario_runtime(s) == GCS_RUNTIME_GO)
		return program_go(ret, s, ret_text);
	if (gcs_path_program(name, ret->path) == 0)
		return 0;
	if (asprintf(ret_text, "%s: %s", name, strerror(ENOENT)) < 0)
		*ret_text = NULL;
	return -ENOENT;
}
