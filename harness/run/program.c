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

static int program_ours(struct gcs_program *ret, const char *name, char **ret_text)
{
	if (gcs_path_program(name, ret->path) == 0)
		return 0;
	if (asprintf(ret_text, "%s: %s", name, strerror(ENOENT)) < 0)
		*ret_text = NULL;
	return -ENOENT;
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

/* The points of system calls that the scenario has faults at, "os/mmap,os/madvise"; "": none. */
static void program_points(const struct gcs_scenario *s, char *ret, size_t cap)
{
	size_t len = 0;
	ret[0] = '\0';
	for (uint32_t i = 0; i < s->nfaults; i++) {
		const char *point = s->fault[i].point;
		if (strncmp(point, "os/", 3) == 0 && !s->fault[i].elsewhere && !strstr(ret, point) && len < cap)
			len += (size_t)snprintf(ret + len, cap - len, "%s%s", len ? "," : "", point);
	}
}

/* A Go program cannot install a filter before its own first instruction: the guard does, and becomes it. */
static int program_filtered(struct gcs_program *p, const struct gcs_scenario *s, char **ret_text)
{
	program_points(s, p->points, sizeof p->points);
	if (!p->points[0])
		return 0;
	memcpy(p->agent, p->path, sizeof p->agent);
	p->args[0] = "--in-place";
	p->args[1] = p->points;
	p->args[2] = "--";
	p->args[3] = p->agent;
	return program_ours(p, "gcstorm-guard", ret_text);
}

/* The agent. What the runtime reads at its start, before the program runs, is in its environment; what the user has there of these is replaced. */
static int program_go(struct gcs_program *ret, const struct gcs_scenario *s, char **ret_text)
{
	char debug[128];
	int e = gcs_go_agent_build(ret->path, s->go, ret_text);
	e = e ? e : program_filtered(ret, s, ret_text);
	if (e)
		return e;
	/* The agent refers to the heap profile, so Go would keep one by itself. */
	snprintf(debug, sizeof debug, "gctrace=1,memprofilerate=%" PRIu64 "%s%s%s", s->heap_profile_rate, program_spins(s) ? ",asyncpreemptoff=1" : "",
		 s->pacertrace ? ",gcpacertrace=1" : "", s->scavtrace ? ",scavtrace=1" : "");
	e = gcs_program_setenv(ret, "GODEBUG", debug);
	e = e ? e : program_setenv_number(ret, "GOMAXPROCS", s->procs, "");
	e = e ? e : s->gogc < 0 ? gcs_program_setenv(ret, "GOGC", "off") : program_setenv_number(ret, "GOGC", (uint64_t)s->gogc, "");
	e = e ? e : s->memlimit ? program_setenv_number(ret, "GOMEMLIMIT", s->memlimit, "B") : gcs_program_setenv(ret, "GOMEMLIMIT", "off");
	return e;
}

static int program_refuse(char **ret_text, const char *text)
{
	*ret_text = strdup(text);
	return -EINVAL;
}

/* ---- a command */

/* The traces of a Go runtime, behind what the caller's own GODEBUG says; the last of one name counts. */
static int command_godebug(struct gcs_program *p, const struct gcs_scenario *s)
{
	const char *own = getenv("GODEBUG");
	char *text = NULL;
	if (asprintf(&text, "%s%sgctrace=1%s%s", own ? own : "", own && *own ? "," : "",
		     s->pacertrace ? ",gcpacertrace=1" : "", s->scavtrace ? ",scavtrace=1" : "") < 0)
		return -ENOMEM;
	int e = gcs_program_setenv(p, "GODEBUG", text);
	free(text);
	return e;
}

/* What the scenario says itself; the rest stays the program's and its environment's. */
static int command_env(struct gcs_program *p, const struct gcs_scenario *s)
{
	char text[32];
	int e = command_godebug(p, s);
	snprintf(text, sizeof text, "%u", s->procs);
	if (e == 0 && s->sets_procs)
		e = gcs_program_setenv(p, "GOMAXPROCS", text);
	snprintf(text, sizeof text, "%d", s->gogc);
	if (e == 0 && s->sets_gogc)
		e = gcs_program_setenv(p, "GOGC", s->gogc < 0 ? "off" : text);
	snprintf(text, sizeof text, "%" PRIu64, s->memlimit);
	if (e == 0 && s->sets_memlimit)
		e = gcs_program_setenv(p, "GOMEMLIMIT", s->memlimit ? text : "off");
	return e;
}

/* What the guard asks the program for; returns how many words it is. */
static size_t command_debug(struct gcs_program *p, const struct gcs_scenario *s)
{
	size_t n = 2;
	if (!s->debug.url)
		return 0;
	snprintf(p->every, sizeof p->every, "%" PRId64, s->debug.every_ns);
	p->args[n++] = "--debug";
	p->args[n++] = s->debug.url;
	p->args[n++] = "--every";
	p->args[n++] = p->every;
	if (s->debug.profiles) {
		p->args[n++] = "--profiles";
		p->args[n++] = s->debug.profiles;
	}
	return n - 2;
}

static int command_find(struct gcs_program *p, const struct gcs_scenario *s, char **ret_text)
{
	size_t n = 0;
	if (s->ncommand == 0)
		return program_refuse(ret_text, "the scenario is one for a program: gcstorm exec SCENARIO -- PROGRAM");
	if (s->ncommand + 10 > GCS_PROGRAM_WORDS)
		return program_refuse(ret_text, "too many arguments");
	snprintf(p->number, sizeof p->number, "%u", s->restarts);
	p->args[n++] = "--restart";
	p->args[n++] = p->number;
	n += command_debug(p, s);
	p->args[n++] = "--";
	for (uint32_t i = 0; i < s->ncommand; i++)
		p->args[n++] = s->command[i];
	int e = program_ours(p, "gcstorm-guard", ret_text);
	return e ? e : command_env(p, s);
}

int gcs_program_find(struct gcs_program *ret, const struct gcs_scenario *s, bool sim, char **ret_text)
{
	*ret = (struct gcs_program){.path = ""};
	if (gcs_scenario_runtime(s) == GCS_RUNTIME_COMMAND)
		return command_find(ret, s, ret_text);
	if (gcs_scenario_runtime(s) == GCS_RUNTIME_GO)
		return program_go(ret, s, ret_text);
	return program_ours(ret, sim ? "gcstorm-target-sim" : "gcstorm-target", ret_text);
}
