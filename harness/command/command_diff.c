/* command_diff.c: gcstorm diff. */
#include "harness/base/place.h"
#include "harness/base/units.h"
#include "harness/command/command_priv.h"
#include "harness/compare/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The pieces between commas, in a copy that *ret_copy owns. Their number; -E2BIG. */
static int diff_pieces(const char *text, const char **ret, int max, char **ret_copy)
{
	char *rest = *ret_copy = strdup(text), *piece;
	int n = 0;
	while ((piece = strsep(&rest, ","))) {
		if (n == max)
			return -E2BIG;
		ret[n++] = piece;
	}
	return n;
}

static int diff_targets(const struct gcs_arguments *a, struct gcs_diff_options *opt)
{
	const char *text = a->value[GCS_OPT_TARGETS], *piece[GCS_DIFF_TARGETS_MAX], *why;
	char *copy = NULL;
	int code = 0;
	if (!text)
		return gcs_command_usage("--targets embedded,go or --targets go=/usr/lib/go-1.19/bin/go,go",
					 "diff wants the targets that it shall compare");
	int n = diff_pieces(text, piece, GCS_DIFF_TARGETS_MAX, &copy);
	if (n < 2)
		code = gcs_command_usage("--targets embedded,go", n == 1 ? "--targets wants two at least, not '%s' alone"
									 : "--targets takes no more than 8: '%s'",
					 text);
	for (int i = 0; i < n && code == 0; i++)
		if (gcs_diff_target_parse(&opt->target[opt->ntargets++], piece[i], &why))
			code = gcs_command_usage(why, "--targets: no target can be '%s'", piece[i]);
	free(copy);
	return code;
}

int gcs_command_band(const struct gcs_arguments *a, double *ret)
{
	const char *band = a->value[GCS_OPT_BAND];
	char *end = NULL;
	*ret = band ? strtod(band, &end) : GCS_DIFF_BAND;
	if (band && (end == band || *end || !(*ret >= 1 && *ret <= 100)))
		return gcs_command_usage("--band 1.25: within 1/1.25 and 1.25", "--band wants a factor from 1 to 100, not '%s'",
					 band);
	return 0;
}

static int diff_numbers(const struct gcs_arguments *a, struct gcs_diff_options *opt)
{
	const char *rounds = a->value[GCS_OPT_ROUNDS];
	uint64_t n = GCS_DIFF_ROUNDS;
	if (rounds && (gcs_parse_count(rounds, &n) || n == 0 || n > GCS_AGREE_ROUNDS_MAX))
		return gcs_command_usage(NULL, "--rounds wants a number from 1 to %u, not '%s'", GCS_AGREE_ROUNDS_MAX, rounds);
	opt->rounds = (uint32_t)n;
	return gcs_command_band(a, &opt->band);
}

static int diff_signals(const struct gcs_arguments *a, struct gcs_diff_options *opt, char **ret_copy)
{
	const char *text = a->value[GCS_OPT_SIGNALS];
	if (!text)
		return 0;
	int n = diff_pieces(text, opt->signal, GCS_DIFF_SIGNALS_MAX, ret_copy);
	if (n < 0)
		return gcs_command_usage(NULL, "--signals takes no more than %d", GCS_DIFF_SIGNALS_MAX);
	opt->nsignals = (uint32_t)n;
	return 0;
}

static int diff_run(const struct gcs_arguments *a, struct gcs_diff_options *opt)
{
	char path[GCS_PATH_BYTES], dir[GCS_PATH_BYTES], name[64];
	int code = gcs_command_scenario_path(a, path);
	if (code)
		return code;
	const char *last = strrchr(path, '/');
	last = last ? last + 1 : path;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(last, "."), last);
	code = gcs_command_place(a, "diffs", name, dir);
	if (code)
		return code;
	opt->path = path;
	opt->dir = dir;
	return (int)gcs_diff(opt, stdout);
}

int gcs_command_diff(const struct gcs_arguments *a)
{
	struct gcs_diff_options opt = {
		.load = {.set = a->set,
			 .nset = a->nsets,
			 .variant = a->value[GCS_OPT_VARIANT],
			 .time_scale = a->value[GCS_OPT_TIME_SCALE],
			 .heap_scale = a->value[GCS_OPT_HEAP_SCALE]},
		.run = {.display = &gcs_display_plain,
			.sim = a->value[GCS_OPT_SIM] != NULL,
			.format = a->format,
			.command_line = a->line ? a->line : ""},
	};
	struct gcs_override seeded[GCS_SETS_MAX + 1];
	char *signals = NULL;
	memcpy(seeded, a->set, a->nsets * sizeof seeded[0]);
	if (a->value[GCS_OPT_SEED]) {
		seeded[opt.load.nset++] = (struct gcs_override){"seed", a->value[GCS_OPT_SEED]};
		opt.load.set = seeded;
	}
	int code = diff_targets(a, &opt);
	code = code ? code : diff_numbers(a, &opt);
	code = code ? code : diff_signals(a, &opt, &signals);
	code = code ? code : diff_run(a, &opt);
	for (uint32_t i = 0; i < opt.ntargets; i++)
		gcs_diff_target_fini(&opt.target[i]);
	free(signals);
	return code;
}
