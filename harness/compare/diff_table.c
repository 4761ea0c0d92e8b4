/* diff_table.c: what a diff shows; see diff.h. Two targets stand side by side, the first one in each block, in 80 columns. */
#include "harness/compare/diff.h"

#include "harness/measure/stats.h"
#include "harness/measure/verdict.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIFF_LABEL 27
#define DIFF_VALUE 11
#define DIFF_RATIO 21

/* ---- judging */

static const double *diff_values(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t target)
{
	return row->value + (size_t)target * d->opt->rounds;
}

void gcs_diff_judge(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t other, struct gcs_agreement *ret)
{
	gcs_agreement(ret, diff_values(d, row, 0), diff_values(d, row, other), d->opt->rounds, d->opt->band);
}

bool gcs_diff_says(const struct gcs_diff *d, const struct gcs_diff_row *row)
{
	bool any = false;
	for (size_t i = 0; i < (size_t)d->opt->ntargets * d->opt->rounds; i++)
		any |= !isnan(row->value[i]) && (row->value[i] != 0 || !row->figure->only_some);
	return any;
}

enum gcs_exit gcs_diff_verdict(const struct gcs_diff *d)
{
	enum gcs_exit code = d->nrows ? GCS_EXIT_PASS : GCS_EXIT_INCONCLUSIVE;
	for (size_t i = 0; i < d->nrows; i++)
		for (uint32_t k = 1; k < d->opt->ntargets; k++) {
			struct gcs_agreement x;
			if (!d->row[i].decides || !gcs_diff_says(d, &d->row[i]))
				continue;
			gcs_diff_judge(d, &d->row[i], k, &x);
			if (x.agree == GCS_AGREE_DIFFERENT)
				return GCS_EXIT_FAIL;
			if (x.agree != GCS_AGREE_SAME)
				code = GCS_EXIT_INCONCLUSIVE;
		}
	return code;
}

/* The median of the rounds that have one; NAN: none. */
static double diff_median(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t target)
{
	const double *v = diff_values(d, row, target);
	double have[GCS_AGREE_ROUNDS_MAX];
	size_t n = 0;
	for (uint32_t i = 0; i < d->opt->rounds; i++)
		if (!isnan(v[i]))
			have[n++] = v[i];
	return n ? gcs_median(have, n) : (double)NAN;
}

/* ---- text */

static void diff_show_value(const struct gcs_diff_row *row, double v, char ret[32])
{
	if (isnan(v))
		snprintf(ret, 32, "-");
	else
		gcs_metric_show(row->figure->unit, v, ret, 32);
}

static void diff_show_number(double v, char ret[16])
{
	if (isinf(v))
		snprintf(ret, 16, "inf");
	else
		snprintf(ret, 16, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v);
}

static void diff_text_row(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t other, FILE *out)
{
	char label[64], first[32], second[32], ratio[16], low[16], high[16], shown[64] = "-";
	struct gcs_agreement x;
	gcs_diff_judge(d, row, other, &x);
	diff_show_value(row, diff_median(d, row, 0), first);
	diff_show_value(row, diff_median(d, row, other), second);
	diff_show_number(x.ratio, ratio);
	diff_show_number(x.low, low);
	diff_show_number(x.high, high);
	if (x.rounds)
		snprintf(shown, sizeof shown, "%s (%s to %s)", ratio, low, high);
	snprintf(label, sizeof label, "%s%s%s", row->workload ? row->workload : "", row->workload ? " " : "",
		 row->figure->label);
	fprintf(out, "%-*.*s %*s %*s  %-*s %s%s%s\n", DIFF_LABEL, DIFF_LABEL, label, DIFF_VALUE, first, DIFF_VALUE, second,
		DIFF_RATIO, shown, row->decides ? "" : "(", gcs_agree_word(x.agree), row->decides ? "" : ")");
}

/* "4 PASS, 2 FAIL" of a target's runs. */
static void diff_outcomes(const struct gcs_diff *d, uint32_t target, char *ret, size_t cap)
{
	const enum gcs_exit *of = d->exit_of + (size_t)target * d->opt->rounds;
	size_t len = 0;
	ret[0] = '\0';
	for (uint32_t i = 0; i < d->done; i++) {
		uint32_t n = 0, before = 0;
		for (uint32_t k = 0; k < d->done; k++) {
			n += of[k] == of[i];
			before += k < i && of[k] == of[i];
		}
		if (before == 0 && len < cap)
			len += (size_t)snprintf(ret + len, cap - len, "%s%u %s", len ? ", " : "", n, gcs_verdict_word(of[i]));
	}
}

static void diff_text_block(const struct gcs_diff *d, uint32_t other, FILE *out)
{
	char outcomes[128];
	const uint32_t both[] = {0, other};
	fputc('\n', out);
	for (int i = 0; i < 2; i++) {
		diff_outcomes(d, both[i], outcomes, sizeof outcomes);
		fprintf(out, "%c = %s: %s\n", 'A' + i, d->opt->target[both[i]].label, outcomes[0] ? outcomes : "no whole round");
	}
	fprintf(out, "%-*s %*s %*s  B / A\n", DIFF_LABEL, "", DIFF_VALUE, "A", DIFF_VALUE, "B");
	for (size_t i = 0; i < d->nrows; i++)
		if (gcs_diff_says(d, &d->row[i]))
			diff_text_row(d, &d->row[i], other, out);
}

static void diff_text_end(const struct gcs_diff *d, FILE *out)
{
	double confidence = 0;
	for (size_t i = 0; i < d->nrows; i++) {
		struct gcs_agreement x;
		gcs_diff_judge(d, &d->row[i], 1, &x);
		confidence = fmax(confidence, x.confidence);
	}
	fprintf(out,
		"\nMedians of the rounds; the ratio within a round, with an interval of %.1f %% for its\n"
		"median. same: all of it lies between 1/%g and %g; differs: none of it; open: more\n"
		"rounds would tell; -: fewer than %u rounds have the figure.%s\n",
		100 * confidence, d->opt->band, d->opt->band, GCS_AGREE_ROUNDS_MIN,
		d->opt->nsignals ? " In brackets: does not decide." : "");
	if (d->done < d->opt->rounds)
		fprintf(out, "It ended after %u of %u rounds.\n", d->done, d->opt->rounds);
	fprintf(out, "records %s\n", d->opt->dir);
}

void gcs_diff_text(const struct gcs_diff *d, FILE *out)
{
	fprintf(out, "DIFF of %s: %u round%s, targets in turn%s\n", d->scenario, d->done, d->done == 1 ? "" : "s",
		d->opt->run.sim ? "; simulated: every time is modelled" : "");
	for (uint32_t k = 1; k < d->opt->ntargets; k++)
		diff_text_block(d, k, out);
	diff_text_end(d, out);
}

/* ---- JSON */

static json_t *diff_json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *diff_json_values(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t target)
{
	json_t *list = json_array();
	const double *v = diff_values(d, row, target);
	for (uint32_t i = 0; i < d->opt->rounds; i++)
		json_array_append_new(list, isinf(v[i]) ? json_string("never") : diff_json_number(v[i]));
	return list;
}

static json_t *diff_json_pair(const struct gcs_diff *d, const struct gcs_diff_row *row, uint32_t other)
{
	struct gcs_agreement x;
	gcs_diff_judge(d, row, other, &x);
	return json_pack("{ss sI so so so so ss}", "target", d->opt->target[other].label, "rounds", (json_int_t)x.rounds, "ratio",
			 diff_json_number(x.ratio), "low", diff_json_number(x.low), "high", diff_json_number(x.high), "confidence",
			 diff_json_number(x.confidence), "agree",
			 x.agree == GCS_AGREE_UNKNOWN ? "unknown" : gcs_agree_word(x.agree));
}

static json_t *diff_json_row(const struct gcs_diff *d, const struct gcs_diff_row *row)
{
	json_t *values = json_array(), *pairs = json_array();
	for (uint32_t k = 0; k < d->opt->ntargets; k++)
		json_array_append_new(values, diff_json_values(d, row, k));
	for (uint32_t k = 1; k < d->opt->ntargets; k++)
		json_array_append_new(pairs, diff_json_pair(d, row, k));
	return json_pack("{ss ss? sb so so}", "metric", row->figure->metric, "workload", row->workload, "decides", (int)row->decides,
			 "values", values, "against_first", pairs);
}

static json_t *diff_json_target(const struct gcs_diff *d, uint32_t target)
{
	json_t *outcomes = json_array();
	for (uint32_t i = 0; i < d->done; i++)
		json_array_append_new(outcomes,
				      json_string(gcs_verdict_word(d->exit_of[(size_t)target * d->opt->rounds + i])));
	return json_pack("{ss so}", "target", d->opt->target[target].label, "outcomes", outcomes);
}

int gcs_diff_json(const struct gcs_diff *d, FILE *out)
{
	json_t *targets = json_array(), *figures = json_array();
	for (uint32_t k = 0; k < d->opt->ntargets; k++)
		json_array_append_new(targets, diff_json_target(d, k));
	for (size_t i = 0; i < d->nrows; i++)
		if (gcs_diff_says(d, &d->row[i]))
			json_array_append_new(figures, diff_json_row(d, &d->row[i]));
	json_t *root = json_pack("{ss sb si sI sI sf so so ss}", "scenario", d->scenario, "simulated", (int)d->opt->run.sim, "exit", (int)d->code, "planned",
				 (json_int_t)d->opt->rounds, "rounds", (json_int_t)d->done, "band", d->opt->band, "targets", targets,
				 "figures", figures, "records", d->opt->dir);
	if (!root)
		return -ENOMEM;
	int rc = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 ? 0 : -EIO;
	fputc('\n', out);
	json_decref(root);
	return rc;
}
