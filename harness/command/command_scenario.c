/* command_scenario.c: the commands that take a scenario: run, check. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/command/command_priv.h"
#include "harness/base/place.h"
#include "harness/run/run.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/compare/variants.h"
#include "faults/points.h"
#include "faults/syscalls.h"
#include "runtime/mrt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_QUOTED(x) #x
#define RUN_TEXT(x)   RUN_QUOTED(x)

static int scenario_missing(const char *arg)
{
	struct gcs_incident *list;
	char hint[160] = "";
	size_t n = gcs_path_incidents(&list);
	const char *near = n ? gcs_suggest(arg, &list[0].name, n, sizeof list[0]) : NULL;
	if (near)
		snprintf(hint, sizeof hint, "did you mean '%s'?", near);
	int code = gcs_command_usage(
		near ? hint
		     : "`gcstorm list incidents` names those there are; anything else is a path",
		"there is no scenario '%s'", arg);
	gcs_path_incidents_free(list, n);
	return code;
}

int gcs_command_scenario_path(const struct gcs_arguments *a, char ret[GCS_PATH_BYTES])
{
	return gcs_path_scenario(a->word[0], ret) ? scenario_missing(a->word[0]) : 0;
}

/* --seed is one more --set, the last. */
static size_t scenario_overrides(const struct gcs_arguments *a,
				 struct gcs_override set[GCS_SETS_MAX + 1])
{
	memcpy(set, a->set, a->nsets * sizeof set[0]);
	if (!a->value[GCS_OPT_SEED])
		return a->nsets;
	set[a->nsets] = (struct gcs_override){"seed", a->value[GCS_OPT_SEED]};
	return a->nsets + 1;
}

/* What the command line says about a scenario. */
struct scenario_request {
	char path[GCS_PATH_BYTES];
	struct gcs_override set[GCS_SETS_MAX + 1];
	struct gcs_scenario_options load; /* points into set */
};

/* 0, or the exit code, with everything said. */
static int scenario_request(const struct gcs_arguments *a, struct scenario_request *ret)
{
	if (a->value[GCS_OPT_SEED] && !*a->value[GCS_OPT_SEED])
		return gcs_command_usage(NULL, "--seed wants a number");
	int code = gcs_command_scenario_path(a, ret->path);
	if (code)
		return code;
	ret->load = (struct gcs_scenario_options){
		.set = ret->set,
		.nset = scenario_overrides(a, ret->set),
		.variant = a->value[GCS_OPT_VARIANT],
		.time_scale = a->value[GCS_OPT_TIME_SCALE],
		.heap_scale = a->value[GCS_OPT_HEAP_SCALE],
	};
	return 0;
}

int gcs_command_scenario(const struct gcs_arguments *a, struct gcs_scenario **ret)
{
	struct scenario_request request;
	struct gcs_scenario_error error;
	int e = scenario_request(a, &request);
	if (e)
		return e;
	e = gcs_scenario_load_with(ret, request.path, &request.load, &error);
	if (e == 0)
		return 0;
	fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
	gcs_scenario_error_fini(&error);
	return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
}

int gcs_command_place(const struct gcs_arguments *a, const char *kind, const char *name, char ret[GCS_PATH_BYTES])
{
	switch (gcs_place_given(a->value[GCS_OPT_OUTPUT], kind, name, ret)) {
	case 0:
		return 0;
	case -EINVAL:
		return gcs_command_usage(NULL, "--output wants a directory");
	case -ENAMETOOLONG:
		return gcs_command_usage(NULL, "--output: the path is too long");
	default:
		return gcs_command_usage("--output DIR says where",
					 "no place for what is found: neither $XDG_STATE_HOME nor $HOME is set");
	}
}

void gcs_command_doubts(const struct gcs_scenario *s)
{
	for (uint32_t i = 0; gcs_scenario_runtime(s) == GCS_RUNTIME_EMBEDDED && i < s->nfaults; i++) {
		const struct gcs_fault *f = &s->fault[i];
		const struct gcs_syscalls *call = gcs_syscalls_of(gcs_point_by_name(f->point)->id);
		if (call && call->seldom)
			fprintf(stderr,
				"gcstorm: fault '%s' (%s) may not be reached: the target makes this "
				"call %s\n",
				f->id, f->point, call->reached);
	}
}

const struct gcs_display *gcs_command_display(const struct gcs_arguments *a)
{
	const char *term = getenv("TERM");
	bool terminal =
		isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	bool wanted = a->value[GCS_OPT_TUI] || (terminal && !a->value[GCS_OPT_PLAIN]);
	return wanted && a->screen ? a->screen : &gcs_display_plain;
}

static struct gcs_run_options run_options(const struct gcs_arguments *a, struct gcs_scenario *s)
{
	return (struct gcs_run_options){
		.scenario = s,
		.sim = a->value[GCS_OPT_SIM] != NULL,
		.display = gcs_command_display(a),
		.record = a->value[GCS_OPT_OUTPUT],
		.heap_profile = a->value[GCS_OPT_HEAP_PROFILE],
		.format = a->format,
		.command_line = a->line ? a->line : "",
	};
}

static int run_variants(const struct gcs_arguments *a)
{
	struct scenario_request request;
	int code = scenario_request(a, &request);
	if (code)
		return code;
	struct gcs_variants_options opt = {
		.path = request.path,
		.load = request.load,
		.run = run_options(a, NULL),
		.record = a->value[GCS_OPT_OUTPUT],
	};
	return gcs_variants_run(&opt, stdout);
}

/* With the usual rate if a heap profile is asked for and the scenario has none. It is laid over like a --set, so that the
 * record knows: sampling is part of what a simulated run does. */
static int run_scenario(const struct gcs_arguments *a, struct gcs_scenario **ret)
{
	static char key[] = "target.heap_profile_rate", rate[] = RUN_TEXT(MRT_HEAP_PROFILE_RATE) "B";
	struct gcs_arguments with = *a;
	int code = gcs_command_scenario(a, ret);
	if (code || !a->value[GCS_OPT_HEAP_PROFILE] || (*ret)->heap_profile_rate)
		return code;
	gcs_scenario_destroy(*ret);
	if (with.nsets == GCS_SETS_MAX)
		return gcs_command_usage(NULL, "more than %d --set, --fault and --heap-profile",
					 GCS_SETS_MAX);
	with.set[with.nsets++] = (struct gcs_override){key, rate};
	return gcs_command_scenario(&with, ret);
}

int gcs_command_run(const struct gcs_arguments *a)
{
	struct gcs_scenario *s;
	if (a->value[GCS_OPT_TUI] && a->value[GCS_OPT_PLAIN])
		return gcs_command_usage(NULL, "--tui and --plain exclude each other");
	if (a->value[GCS_OPT_VARIANT] && a->value[GCS_OPT_VARIANTS])
		return gcs_command_usage(NULL, "--variant and --variants exclude each other");
	if (a->value[GCS_OPT_VARIANTS] && a->value[GCS_OPT_HEAP_PROFILE])
		return gcs_command_usage("--variant ID runs one of them",
					 "--heap-profile is of one run: not with --variants");
	if (a->value[GCS_OPT_VARIANTS])
		return run_variants(a);
	int code = run_scenario(a, &s);
	if (code)
		return code;
	struct gcs_run_options opt = run_options(a, s);
	if (gcs_scenario_runtime(s) == GCS_RUNTIME_COMMAND)
		code = gcs_command_usage("gcstorm exec SCENARIO -- PROGRAM [ARGUMENT]...",
					 "the scenario is one for a program of yours");
	else
		code = (int)gcs_run(&opt, NULL);
	gcs_scenario_destroy(s);
	return code;
}

int gcs_command_check(const struct gcs_arguments *a)
{
	struct gcs_scenario *s;
	char end[GCS_UNIT_TEXT];
	int code = gcs_command_scenario(a, &s);
	if (code)
		return code;
	if (strcmp(a->format, "json") == 0) {
		char *text = gcs_scenario_json(s);
		puts(text ? text : "{}");
		code = text ? 0 : GCS_EXIT_HARNESS;
		free(text);
	} else {
		uint32_t windows = 0;
		for (uint32_t i = 0; i < s->nfaults; i++)
			windows += s->fault[i].nwindows;
		printf("%s: ok: %s in %u phase%s, %u workload%s, %u fault%s in %u window%s, %u "
		       "SLO%s, %u expectation%s\n",
		       s->name, gcs_show_duration(end, s->end_ns), s->nphases,
		       s->nphases == 1 ? "" : "s", s->nworkloads, s->nworkloads == 1 ? "" : "s",
		       s->nfaults, s->nfaults == 1 ? "" : "s", windows, windows == 1 ? "" : "s",
		       s->nslos, s->nslos == 1 ? "" : "s", s->nexpects,
		       s->nexpects == 1 ? "" : "s");
	}
	gcs_command_doubts(s);
	gcs_scenario_destroy(s);
	return code;
}
