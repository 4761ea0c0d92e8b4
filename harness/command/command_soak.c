/* command_soak.c: gcstorm soak: its arguments, and the scenarios as given. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/base/place.h"
#include "harness/command/command_priv.h"
#include "harness/base/paths.h"
#include "harness/soak/soak.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static_assert(GCS_SOAK_SETS_MAX >= GCS_SETS_MAX, "every --set finds its place");
static_assert(GCS_SOAK_SCENARIOS_MAX >= GCS_WORDS_MAX, "every scenario finds its place");

/* ---- options: 0, or the exit code, with everything said */

static int soak_option(const struct gcs_arguments *a, int id, const char *like, int e)
{
	if (e == 0)
		return 0;
	return gcs_command_usage(NULL, "--%s wants a number like %s, not '%s'",
				 gcs_options[id].name, like, a->value[id]);
}

static int soak_limits(const struct gcs_arguments *a, struct gcs_soak_plan *p)
{
	const char *text;
	int code = 0;
	if ((text = a->value[GCS_OPT_FOR]) != NULL)
		code = soak_option(a, GCS_OPT_FOR, "8h or 30m",
				   gcs_parse_duration(text, &p->for_ns) || p->for_ns == 0);
	if (code == 0 && (text = a->value[GCS_OPT_ROUNDS]) != NULL)
		code = soak_option(a, GCS_OPT_ROUNDS, "100",
				   gcs_parse_count(text, &p->rounds) || p->rounds == 0);
	if (code == 0 && (text = a->value[GCS_OPT_DISK]) != NULL)
		code = soak_option(a, GCS_OPT_DISK, "2GiB", gcs_parse_bytes(text, &p->disk_bytes));
	if (code == 0 && text && p->disk_bytes < GCS_SOAK_DISK_MIN)
		code = gcs_command_usage(NULL, "--disk %s is too little: at least 64MiB", text);
	return code;
}

static int soak_seed(const struct gcs_arguments *a, struct gcs_soak_plan *p)
{
	const char *text = a->value[GCS_OPT_SEED];
	for (size_t i = 0; i < a->nsets; i++)
		if (strcmp(a->set[i].key, "seed") == 0)
			return gcs_command_usage(
				"--seed is the seed that those of all rounds come from",
				"--set seed is not for a soak");
	if (text)
		return soak_option(a, GCS_OPT_SEED, "7 or 0x2481",
				   gcs_parse_number(text, &p->seed));
	if (getrandom(&p->seed, sizeof p->seed, 0) != (ssize_t)sizeof p->seed) {
		fprintf(stderr, "gcstorm: no seed can be drawn: %s\n", strerror(errno));
		return GCS_EXIT_UNSUPPORTED;
	}
	return 0;
}

static char *soak_dup(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int soak_plan(const struct gcs_arguments *a, struct gcs_soak_plan *p)
{
	p->disk_bytes = GCS_SOAK_DISK_BYTES;
	int code = soak_limits(a, p);
	if (code == 0)
		code = soak_seed(a, p);
	if (code)
		return code;
	if (p->for_ns == 0 && p->rounds == 0)
		p->for_ns = GCS_SOAK_FOR_NS;
	p->sim = a->value[GCS_OPT_SIM] != NULL;
	p->until_failure = a->value[GCS_OPT_UNTIL_FAILURE] != NULL;
	p->variant = soak_dup(a->value[GCS_OPT_VARIANT]);
	p->time_scale = soak_dup(a->value[GCS_OPT_TIME_SCALE]);
	p->heap_scale = soak_dup(a->value[GCS_OPT_HEAP_SCALE]);
	for (size_t i = 0; i < a->nsets; i++) {
		p->set[i].key = soak_dup(a->set[i].key);
		p->set[i].value = soak_dup(a->set[i].value);
		p->nsets++;
	}
	return 0;
}

/* ---- scenarios */

static int soak_missing(const char *arg)
{
	struct gcs_incident *list;
	char hint[160];
	size_t n = gcs_path_incidents(&list);
	const char *near = n ? gcs_suggest(arg, &list[0].name, n, sizeof list[0]) : NULL;
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	int code = gcs_command_usage(
		near ? hint
		     : "`gcstorm list incidents` names those there are; anything else is a path",
		"there is no scenario '%s'", arg);
	gcs_path_incidents_free(list, n);
	return code;
}

/* Read as the first round that takes it will read it, from where it was given. */
static int soak_scenario(const struct gcs_arguments *a, struct gcs_soak_plan *p, uint32_t i,
			 char **ret_text)
{
	char path[GCS_PATH_BYTES], seed[32];
	struct gcs_override set[GCS_SETS_MAX + 1];
	struct gcs_scenario_error error;
	struct gcs_scenario *s;
	if (gcs_path_scenario(a->word[i], path))
		return soak_missing(a->word[i]);
	memcpy(set, a->set, a->nsets * sizeof set[0]);
	snprintf(seed, sizeof seed, "0x%" PRIx64, gcs_soak_seed_of(p, i + 1));
	set[a->nsets] = (struct gcs_override){"seed", seed};
	const struct gcs_scenario_options opt = {.set = set,
						 .nset = a->nsets + 1,
						 .variant = p->variant,
						 .time_scale = p->time_scale,
						 .heap_scale = p->heap_scale};
	int e = gcs_scenario_load_with(&s, path, &opt, &error);
	if (e) {
		fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
		gcs_scenario_error_fini(&error);
		return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
	}
	struct gcs_soak_scenario *to = &p->scenario[p->nscenarios++];
	to->name = strdup(s->name);
	to->given = strdup(a->word[i]);
	if (asprintf(&to->file, "scenario-%u-%s.yaml", i + 1, s->name) < 0)
		to->file = NULL;
	*ret_text = strdup(s->text);
	gcs_scenario_destroy(s);
	return to->name && to->given && to->file && *ret_text ? 0 : GCS_EXIT_UNSUPPORTED;
}

static int soak_scenarios(const struct gcs_arguments *a, struct gcs_soak_plan *p, char **text)
{
	int code = 0;
	for (int i = 0; i < a->nwords && code == 0; i++)
		code = soak_scenario(a, p, (uint32_t)i, &text[i]);
	if (code == 0 && !(p->name = strdup(p->scenario[0].name)))
		code = GCS_EXIT_UNSUPPORTED;
	return code;
}

/* ---- the command */

static const struct gcs_display *soak_shown(const struct gcs_arguments *a)
{
	if (a->value[GCS_OPT_TUI] && a->screen)
		return a->screen;
	return a->value[GCS_OPT_PLAIN] ? &gcs_display_plain : NULL;
}

static int soak_start(const struct gcs_arguments *a, struct gcs_soak_options *opt)
{
	struct gcs_soak_plan plan = {0};
	char *text[GCS_WORDS_MAX] = {NULL}, dir[GCS_PATH_BYTES];
	int code = soak_plan(a, &plan);
	if (code == 0)
		code = soak_scenarios(a, &plan, text);
	opt->dir = a->value[GCS_OPT_OUTPUT];
	if (code == 0 && !opt->dir) {
		opt->dir = dir;
		if (gcs_place_new("soaks", plan.name, dir))
			code = gcs_command_usage(
				"--output DIR says where",
				"no place for the soak: neither $XDG_STATE_HOME nor $HOME is set");
	}
	if (code == 0)
		code = (int)gcs_soak_start(&plan, text, opt);
	gcs_soak_plan_fini(&plan);
	for (int i = 0; i < GCS_WORDS_MAX; i++)
		free(text[i]);
	return code;
}

static int soak_resume(const struct gcs_arguments *a, struct gcs_soak_options *opt)
{
	static const int not_again[] = {GCS_OPT_SIM,	    GCS_OPT_SEED,	GCS_OPT_SET,
					GCS_OPT_OUTPUT,	    GCS_OPT_TIME_SCALE, GCS_OPT_HEAP_SCALE,
					GCS_OPT_VARIANT,    GCS_OPT_UNTIL_FAILURE};
	struct gcs_soak_plan given = {0};
	if (a->nwords)
		return gcs_command_usage("the scenarios are in the soak's directory",
					 "--resume takes no scenario, and '%s' is given",
					 a->word[0]);
	for (size_t i = 0; i < sizeof not_again / sizeof not_again[0]; i++)
		if (a->value[not_again[i]] || (not_again[i] == GCS_OPT_SET && a->nsets))
			return gcs_command_usage(
				"only --for, --rounds and --disk can be given anew",
				"--resume goes on with the options of the soak: --%s is not for it",
				gcs_options[not_again[i]].name);
	int code = soak_limits(a, &given);
	if (code)
		return code;
	const struct gcs_soak_limits limits = {
		.for_ns = a->value[GCS_OPT_FOR] ? &given.for_ns : NULL,
		.rounds = a->value[GCS_OPT_ROUNDS] ? &given.rounds : NULL,
		.disk_bytes = a->value[GCS_OPT_DISK] ? &given.disk_bytes : NULL,
	};
	opt->dir = a->value[GCS_OPT_RESUME];
	return (int)gcs_soak_resume(&limits, opt);
}

int gcs_command_soak(const struct gcs_arguments *a)
{
	struct gcs_soak_options opt = {
		.format = a->format, .display = soak_shown(a), .out = stdout};
	if (a->value[GCS_OPT_TUI] && a->value[GCS_OPT_PLAIN])
		return gcs_command_usage(NULL, "--tui and --plain exclude each other");
	if (a->value[GCS_OPT_RESUME])
		return soak_resume(a, &opt);
	if (a->nwords == 0)
		return gcs_command_usage("gcstorm soak --for 8h SCENARIO..., or --resume DIR",
					 "soak wants a scenario");
	return soak_start(a, &opt);
}
