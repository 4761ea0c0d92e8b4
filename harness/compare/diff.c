/* diff.c: the rounds; see diff.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/compare/diff.h"

#include "harness/base/place.h"
#include "harness/base/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- targets */

static int target_lay(struct gcs_diff_target *t, const char *key, const char *value)
{
	if (t->nsets == GCS_DIFF_SETS_MAX)
		return -E2BIG;
	t->set[t->nsets++] = (struct gcs_override){key, value};
	return 0;
}

/* "go=PATH" is two values: the runtime, and its toolchain. */
static int target_runtime(struct gcs_diff_target *t, const char *word)
{
	const char *toolchain = gcs_target_toolchain(word);
	if (!toolchain)
		return target_lay(t, "target.runtime", word);
	int e = *toolchain ? target_lay(t, "target.runtime", gcs_runtime_name(GCS_RUNTIME_GO)) : -EINVAL;
	return e ? e : target_lay(t, "target.go", toolchain);
}

int gcs_diff_target_parse(struct gcs_diff_target *ret, const char *text, const char **ret_why)
{
	*ret = (struct gcs_diff_target){.label = strdup(text), .text = strdup(text)};
	if (!ret->label || !ret->text)
		return -ENOMEM;
	char *rest = ret->text, *word = strsep(&rest, ":");
	*ret_why = "a target is embedded, go or go=PATH";
	int e = *word ? target_runtime(ret, word) : -EINVAL;
	while (e == 0 && (word = strsep(&rest, ":"))) {
		char *value = strchr(word, '=');
		*ret_why = value && value != word ? "too many values for one target"
						  : "what stands behind a target's colon is KEY=VALUE";
		if (!value || value == word)
			return -EINVAL;
		*value++ = '\0';
		e = target_lay(ret, word, value);
	}
	return e ? -EINVAL : 0;
}

void gcs_diff_target_fini(struct gcs_diff_target *t)
{
	free(t->label);
	free(t->text);
	*t = (struct gcs_diff_target){0};
}

/* ---- loading */

struct diff_sets {
	struct gcs_override *set;
	size_t n;
	char seed[24];
};

/* The command line's, the target's, the round's seed. */
static int diff_sets(const struct gcs_diff_options *opt, uint32_t target, const uint64_t *seed, struct diff_sets *ret)
{
	const struct gcs_diff_target *t = &opt->target[target];
	ret->n = 0;
	ret->set = calloc(opt->load.nset + t->nsets + 1, sizeof *ret->set);
	if (!ret->set)
		return -ENOMEM;
	for (size_t i = 0; i < opt->load.nset; i++)
		ret->set[ret->n++] = opt->load.set[i];
	for (size_t i = 0; i < t->nsets; i++)
		ret->set[ret->n++] = t->set[i];
	if (seed) {
		snprintf(ret->seed, sizeof ret->seed, "0x%" PRIx64, *seed);
		ret->set[ret->n++] = (struct gcs_override){"seed", ret->seed};
	}
	return 0;
}

/* seed NULL: the scenario's own. What is wrong is said. */
static int diff_load(const struct gcs_diff_options *opt, uint32_t target, const uint64_t *seed, struct gcs_scenario **ret)
{
	struct gcs_scenario_options load = opt->load;
	struct gcs_scenario_error error = {0};
	struct diff_sets sets;
	int e = diff_sets(opt, target, seed, &sets);
	if (e == 0) {
		load.set = sets.set;
		load.nset = sets.n;
		e = gcs_scenario_load_with(ret, opt->path, &load, &error);
		free(sets.set);
	}
	if (e) {
		fprintf(stderr, "gcstorm: target %s:\n", opt->target[target].label);
		fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
		gcs_scenario_error_fini(&error);
	}
	return e;
}

/* "metric" or "metric@workload". */
static bool diff_names(const char *signal, const char *metric, const char *workload)
{
	size_t n = strcspn(signal, "@");
	return strlen(metric) == n && strncmp(signal, metric, n) == 0 &&
	       (!signal[n] || (workload && strcmp(signal + n + 1, workload) == 0));
}

static bool diff_decides(const struct gcs_diff_options *opt, const char *metric, const char *workload)
{
	for (uint32_t i = 0; i < opt->nsignals; i++)
		if (diff_names(opt->signal[i], metric, workload))
			return true;
	return opt->nsignals == 0;
}

static int diff_signal_known(const char *signal, const struct gcs_scenario *s)
{
	const char *known[GCS_FIGURES_MAX];
	size_t n = gcs_figure_metrics(known), name = strcspn(signal, "@");
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		any |= diff_names(signal, known[i], NULL);
		for (uint32_t w = 0; w < s->nworkloads; w++)
			any |= diff_names(signal, known[i], s->workload[w].id);
	}
	if (any)
		return 0;
	char word[64];
	snprintf(word, sizeof word, "%.*s", (int)name, signal);
	const char *near = gcs_suggest(word, known, n, sizeof known[0]);
	fprintf(stderr, "gcstorm: nothing called '%s' is compared\n", signal);
	if (near && strcmp(near, word) != 0)
		fprintf(stderr, "  hint: did you mean '%s'?\n", near);
	else if (near)
		fprintf(stderr, "  hint: behind the @ stands the id of a workload\n");
	else
		for (size_t i = 0; i < n; i++)
			fprintf(stderr, "%s%s", i ? ", " : "  hint: one of ", known[i]);
	if (!near)
		fputc('\n', stderr);
	return -EINVAL;
}

/* Everything that will run can run, as far as reading tells. *ret: the first target's. */
static int diff_check(const struct gcs_diff_options *opt, struct gcs_scenario **ret)
{
	int e = diff_load(opt, 0, NULL, ret);
	if (e)
		return e;
	for (uint32_t i = 1; i < opt->ntargets && e == 0; i++) {
		struct gcs_scenario *s;
		e = diff_load(opt, i, NULL, &s);
		if (e == 0)
			gcs_scenario_destroy(s);
	}
	for (uint32_t i = 0; i < opt->nsignals && e == 0; i++)
		e = diff_signal_known(opt->signal[i], *ret);
	if (e)
		gcs_scenario_destroy(*ret);
	return e;
}

/* ---- figures */

static size_t diff_cell(const struct gcs_diff *d, uint32_t target, uint32_t round)
{
	return (size_t)target * d->opt->rounds + round;
}

/* The rows are those of the first report that there is. */
static int diff_rows(struct gcs_diff *d, const struct report *pattern)
{
	struct gcs_figure_row of;
	size_t n = 0, cells = (size_t)d->opt->ntargets * d->opt->rounds;
	while (gcs_figure_row(pattern, n, &of))
		n++;
	d->row = calloc(n, sizeof *d->row);
	for (; d->row && d->nrows < n; d->nrows++) {
		struct gcs_diff_row *row = &d->row[d->nrows];
		gcs_figure_row(pattern, d->nrows, &of);
		row->figure = of.figure;
		row->workload = of.workload ? strdup(of.workload) : NULL;
		row->value = malloc(cells * sizeof *row->value);
		if (!row->value || (of.workload && !row->workload)) {
			free(row->workload);
			free(row->value);
			return -ENOMEM;
		}
		row->decides = diff_decides(d->opt, of.figure->metric, of.workload);
		for (size_t i = 0; i < cells; i++)
			row->value[i] = (double)NAN;
	}
	return d->row ? 0 : -ENOMEM;
}

static int diff_keep(struct gcs_diff *d, uint32_t target, uint32_t round, const struct report *r)
{
	struct gcs_figure_row of;
	double value;
	int e = d->row ? 0 : diff_rows(d, r);
	for (size_t i = 0; e == 0 && i < d->nrows; i++)
		if (gcs_figure_row(r, i, &of) && gcs_figure_value(r, &of, &value))
			d->row[i].value[diff_cell(d, target, round)] = value;
	return e;
}

/* ---- rounds */

static enum gcs_exit diff_one(struct gcs_diff *d, uint32_t target, uint32_t round, uint64_t seed)
{
	struct gcs_run_options run = d->opt->run;
	struct gcs_run_result result = {0};
	struct gcs_scenario *s;
	struct report report;
	char record[GCS_PATH_BYTES];
	int e = 0;
	fprintf(stderr, "gcstorm: round %u of %u: %s\n", round + 1, d->opt->rounds, d->opt->target[target].label);
	if (diff_load(d->opt, target, &seed, &s))
		return GCS_EXIT_HARNESS; /* it could be read before */
	if (snprintf(record, sizeof record, "%s/%u-%u.gcrun", d->opt->dir, round + 1, target + 1) >= (int)sizeof record) {
		gcs_scenario_destroy(s);
		return GCS_EXIT_USAGE;
	}
	run.scenario = s;
	run.record = record;
	if (gcs_batch_run(&run, &result, &report)) {
		if (gcs_batch_goes_on(result.exit)) /* one that was cut short has the figures of another length */
			e = diff_keep(d, target, round, &report);
		report_fini(&report);
	}
	d->exit_of[diff_cell(d, target, round)] = result.exit;
	gcs_scenario_destroy(s);
	return e ? GCS_EXIT_UNSUPPORTED : result.exit;
}

static enum gcs_exit diff_rounds(struct gcs_diff *d, uint64_t seed)
{
	enum gcs_exit code = GCS_EXIT_PASS;
	struct gcs_batch batch;
	gcs_batch_begin(&batch);
	while (d->done < d->opt->rounds && gcs_batch_goes_on(code)) {
		for (uint32_t i = 0; i < d->opt->ntargets && gcs_batch_goes_on(code); i++) {
			uint32_t target = (i + d->done) % d->opt->ntargets;
			code = diff_one(d, target, d->done, seed + d->done);
			if (gcs_batch_goes_on(code))
				code = gcs_batch_interrupted();
		}
		d->done += gcs_batch_goes_on(code);
	}
	gcs_batch_end(&batch);
	return gcs_batch_goes_on(code) ? gcs_diff_verdict(d) : code;
}

static void diff_fini(struct gcs_diff *d)
{
	for (size_t i = 0; i < d->nrows; i++) {
		free(d->row[i].workload);
		free(d->row[i].value);
	}
	free(d->row);
	free(d->exit_of);
	free(d->scenario);
}

static enum gcs_exit diff_show(const struct gcs_diff *d, FILE *out)
{
	int e = 0;
	if (strcmp(d->opt->run.format, "json") == 0)
		e = gcs_diff_json(d, out);
	else
		gcs_diff_text(d, out);
	return (e || fflush(out) != 0) && d->code == GCS_EXIT_PASS ? GCS_EXIT_HARNESS : d->code;
}

enum gcs_exit gcs_diff(const struct gcs_diff_options *opt, FILE *out)
{
	struct gcs_diff d = {.opt = opt};
	struct gcs_scenario *s;
	int e = diff_check(opt, &s);
	if (e)
		return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
	uint64_t seed = s->seed;
	d.scenario = strdup(s->name);
	gcs_scenario_destroy(s);
	d.exit_of = calloc((size_t)opt->ntargets * opt->rounds, sizeof *d.exit_of);
	if ((e = gcs_place_make(opt->dir)) != 0)
		fprintf(stderr, "gcstorm: %s: %s\n", opt->dir, e == -EEXIST ? "there is something in it" : strerror(-e));
	enum gcs_exit code = e ? GCS_EXIT_USAGE : GCS_EXIT_UNSUPPORTED;
	if (e == 0 && d.scenario && d.exit_of) {
		d.code = diff_rounds(&d, seed);
		code = diff_show(&d, out);
	}
	diff_fini(&d);
	return code;
}
