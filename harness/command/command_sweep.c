/* command_sweep.c: gcstorm sweep: every visit of a point fails once. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/command/command_priv.h"

#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/soak/soak_plan.h"
#include "harness/sweep/sweep.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t sweep_interrupted;

static void sweep_on_signal(int sig)
{
	sweep_interrupted = sig;
}

/* ---- options: 0, or the exit code, with everything said */

static int sweep_point(const struct gcs_arguments *a, const struct gcs_point_info **ret)
{
	const char *name = a->value[GCS_OPT_POINT];
	char hint[120];
	size_t n;
	*ret = gcs_point_by_name(name);
	if (!*ret) {
		const struct gcs_point_info *all = gcs_points(&n);
		const char *near = gcs_suggest(name, &all[0].name, n, sizeof all[0]);
		snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "mem/malloc");
		return gcs_command_usage(near ? hint : "`gcstorm list faults` names those there are",
					 "there is no fault point '%s'", name);
	}
	if (gcs_sweep_action(*ret) == GCS_ACT_NONE)
		return gcs_command_usage("a sweep is for points that fail, force or break",
					 "nothing can fail at %s", name);
	if (!gcs_point_in_target(*ret) && !a->value[GCS_OPT_REAL])
		return gcs_command_usage("--real", "%s is a system call, and a simulated target makes none", name);
	return 0;
}

static int sweep_count(const struct gcs_arguments *a, int id, uint64_t *ret)
{
	const char *text = a->value[id];
	if (text && (gcs_parse_count(text, ret) || *ret == 0))
		return gcs_command_usage(NULL, "--%s wants a number like 100, not '%s'",
					 gcs_options[id].name, text);
	return 0;
}

static int sweep_mode(const struct gcs_arguments *a, bool *ret)
{
	const char *mode = a->value[GCS_OPT_MODE];
	*ret = mode && strcmp(mode, "persistent") == 0;
	if (!mode || *ret || strcmp(mode, "once") == 0)
		return 0;
	return gcs_command_usage(NULL, "--mode is once or persistent, not '%s'", mode);
}

/* One point, or all that a pattern means: then the options have none. */
static int sweep_points(const struct gcs_arguments *a, struct gcs_sweep_options *opt,
			struct gcs_sweeps *ret)
{
	const char *name = a->value[GCS_OPT_POINT];
	*ret = (struct gcs_sweeps){0};
	if (!name)
		return gcs_command_usage("`gcstorm list faults` names those there are",
					 "sweep wants --point POINT, like mem/malloc or 'mem/*'");
	if (!strchr(name, '*'))
		return sweep_point(a, &opt->point);
	if (a->value[GCS_OPT_VISIT])
		return gcs_command_usage(NULL, "--visit wants one point, not '%s'", name);
	if (gcs_sweep_match(ret, name, !a->value[GCS_OPT_REAL]))
		return 0;
	return gcs_command_usage("a star stands at the end: 'mem/*'; simulated, no system call is made",
				 "no point that can be swept is meant by '%s'", name);
}

static int sweep_options(const struct gcs_arguments *a, struct gcs_sweep_options *opt,
			 struct gcs_sweeps *ret_many, uint64_t *ret_visit)
{
	int code = sweep_points(a, opt, ret_many);
	if (code == 0)
		code = sweep_mode(a, &opt->persistent);
	if (code == 0)
		code = sweep_count(a, GCS_OPT_LIMIT, &opt->limit);
	if (code == 0)
		code = sweep_count(a, GCS_OPT_VISIT, ret_visit);
	if (code == 0 && a->value[GCS_OPT_SIM] && a->value[GCS_OPT_REAL])
		code = gcs_command_usage(NULL, "--sim and --real exclude each other");
	opt->sim = !a->value[GCS_OPT_REAL];
	opt->state = a->value[GCS_OPT_RESUME];
	opt->run = gcs_sweep_run;
	opt->progress = stderr;
	opt->interrupted = &sweep_interrupted;
	return code;
}

static void sweep_repeat_option(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, " --%s ", name);
	gcs_soak_quote(out, value);
}

/* What runs a visit again, but for point and number. malloc'd, NULL: no memory. */
static char *sweep_repeat(const struct gcs_arguments *a)
{
	static const int kept[] = {GCS_OPT_MODE, GCS_OPT_SEED, GCS_OPT_TIME_SCALE, GCS_OPT_HEAP_SCALE,
				   GCS_OPT_VARIANT};
	char *text = NULL, *pair;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return NULL;
	fprintf(out, "gcstorm sweep%s ", a->value[GCS_OPT_REAL] ? " --real" : "");
	gcs_soak_quote(out, a->word[0]);
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		sweep_repeat_option(out, gcs_options[kept[i]].name, a->value[kept[i]]);
	for (size_t i = 0; i < a->nsets; i++) {
		if (asprintf(&pair, "%s=%s", a->set[i].key, a->set[i].value) < 0)
			continue;
		sweep_repeat_option(out, "set", pair);
		free(pair);
	}
	return fclose(out) == 0 ? text : NULL;
}

/* ---- doing it */

static int sweep_one(const struct gcs_sweep_options *opt, uint64_t visit)
{
	struct gcs_sweep_facts f;
	enum gcs_sweep_class what;
	char text[400] = "";
	enum gcs_exit code = gcs_sweep_one(opt, visit, &f, &what, text, sizeof text);
	if (text[0])
		fprintf(stderr, "gcstorm: %s\n", text);
	else
		printf("visit %" PRIu64 " of %s: %s, collector %s; %" PRIu64 " fired, %" PRIu64
		       " masked, %" PRIu64 " operation%s failed, %" PRIu64
		       " entries wrong, %" PRIu64 " bytes live in the end%s%s\n",
		       visit, opt->point->name, gcs_sweep_class_name(what),
		       gcs_sweep_phase_name(f.phase), f.fired, f.masked, f.errors, f.errors == 1 ? "" : "s", f.integrity,
		       f.live_bytes, f.words[0] ? ": " : "", f.words);
	return (int)code;
}

static int sweep_all(const struct gcs_arguments *a, const struct gcs_sweep_options *opt)
{
	struct gcs_sweep *s = calloc(1, sizeof *s);
	char text[400];
	if (!s)
		return GCS_EXIT_UNSUPPORTED;
	enum gcs_exit code = gcs_sweep(s, opt, text, sizeof text);
	if (code == GCS_EXIT_INT && sweep_interrupted == SIGTERM)
		code = GCS_EXIT_TERM;
	if (s->position || s->closed || code == GCS_EXIT_INCONCLUSIVE) {
		if (strcmp(a->format, "json") == 0)
			gcs_sweep_json(s, opt, code, stdout);
		else
			gcs_sweep_text(s, opt, code, stdout);
	}
	if (text[0])
		fprintf(stderr, "gcstorm: %s\n", text);
	free(s);
	return (int)code;
}

static int sweep_many(const struct gcs_arguments *a, const struct gcs_sweep_options *opt,
		      struct gcs_sweeps *many)
{
	enum gcs_exit code = gcs_sweep_many(many, opt);
	if (code == GCS_EXIT_INT && sweep_interrupted == SIGTERM)
		code = GCS_EXIT_TERM;
	if (strcmp(a->format, "json") == 0)
		gcs_sweeps_json(many, opt, code, stdout);
	else
		gcs_sweeps_text(many, opt, stdout);
	gcs_sweeps_fini(many);
	return (int)code;
}

int gcs_command_sweep(const struct gcs_arguments *a)
{
	struct gcs_sweep_options opt = {0};
	struct gcs_sweeps many;
	struct gcs_scenario *s;
	uint64_t visit = 0;
	int code = sweep_options(a, &opt, &many, &visit);
	if (code == 0 && !GCS_FAULTS) {
		fprintf(stderr, "gcstorm: built with --disable-faults: there is nothing to sweep\n");
		return GCS_EXIT_UNSUPPORTED;
	}
	if (code == 0)
		code = gcs_command_scenario(a, &s);
	if (code)
		return code;
	opt.scenario = s;
	char *repeat = sweep_repeat(a);
	opt.repeat = repeat;
	signal(SIGINT, sweep_on_signal);
	signal(SIGTERM, sweep_on_signal);
	signal(SIGPIPE, SIG_IGN);
	code = visit    ? sweep_one(&opt, visit)
	       : many.n ? sweep_many(a, &opt, &many)
			: sweep_all(a, &opt);
	free(repeat);
	gcs_scenario_destroy(s);
	return code;
}
