/*
 * variants_table.c: what the runs of a series have in common, side by side.
 *
 * Every figure comes from the runs' records, over their recorded phases. Rows are made once, for
 * the page and for JSON; a figure that a run does not have is left out of its column.
 */
#include "harness/compare/figure.h"
#include "harness/compare/variants.h"

#include "harness/measure/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_COLUMNS 3 /* side by side, in 100 columns; the first run stands in every block */
#define TABLE_LABEL   32
#define TABLE_VALUE   12 /* at least; as wide as the longest id */
#define TABLE_ID      24 /* what is shown of one */
#define TABLE_NOTE    7 /* of the difference, behind a value */
#define TABLE_KEY     96

void gcs_variant_runs_fini(struct gcs_variant_runs *v)
{
	for (uint32_t i = 0; i < v->n; i++) {
		free(v->of[i].id);
		free(v->of[i].about);
		if (v->of[i].has_report)
			report_fini(&v->of[i].report);
	}
	free(v->scenario);
	memset(v, 0, sizeof(*v));
}

enum gcs_exit gcs_variant_runs_exit(const struct gcs_variant_runs *v)
{
	enum gcs_exit gravest = GCS_EXIT_PASS;
	for (uint32_t i = 0; i < v->n; i++)
		gravest = gcs_batch_graver(gravest, v->of[i].result.exit);
	return gravest;
}

/* ---------------------------------------------------------------- figures */

/* Rows are those of the first run that has a record; NULL: none has. */
static const struct report *table_pattern(const struct gcs_variant_runs *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (v->of[i].has_report)
			return &v->of[i].report;
	return NULL;
}

static bool table_value(const struct gcs_variant_run *run, const struct gcs_figure_row *row,
			double *ret)
{
	return run->has_report && gcs_figure_value(&run->report, row, ret);
}

/* Is it worth a line? Errors are when there were any. */
static bool table_says(const struct gcs_variant_runs *v, const struct gcs_figure_row *row)
{
	double value;
	bool any = false;
	for (uint32_t i = 0; i < v->n; i++)
		any |= table_value(&v->of[i], row, &value) &&
		       (value != 0 || !row->figure->only_some);
	return any;
}

static const char *table_verdict(const struct gcs_variant_run *run)
{
	return gcs_verdict_word(run->result.exit);
}

/* Why; a run without a record has only what the harness said. */
static const char *table_sentence(const struct gcs_variant_run *run)
{
	bool told = run->has_report && run->report.finished && run->report.sentence;
	return told ? run->report.sentence : run->result.sentence;
}

/* ---------------------------------------------------------------- text */

/* "=", "+12%", "x2.4" */
static void table_difference(double v, double base, char *ret, size_t cap)
{
	double ratio = base != 0 ? v / base : v == 0 ? 1 : NAN;
	ret[0] = '\0';
	if (!isfinite(ratio))
		return;
	if (fabs(ratio - 1) < 0.005)
		snprintf(ret, cap, "=");
	else if (ratio >= 2 || ratio <= 0.5)
		snprintf(ret, cap, ratio >= 10 ? "x%.0f" : ratio >= 0.1 ? "x%.1f" : "x%.2f", ratio);
	else
		snprintf(ret, cap, "%+.0f%%", 100 * (ratio - 1));
}

/* The runs of a block: the first one of all, and up to TABLE_COLUMNS - 1 from `first` on. */
struct table_block {
	uint32_t run[TABLE_COLUMNS], n;
	int width; /* of a value */
};

static struct table_block table_block(const struct gcs_variant_runs *v, uint32_t first)
{
	struct table_block b = {.n = 1, .width = TABLE_VALUE};
	for (uint32_t i = first; i < v->n && b.n < TABLE_COLUMNS; i++)
		b.run[b.n++] = i;
	for (uint32_t k = 0; k < b.n; k++) {
		size_t n = strlen(v->of[b.run[k]].id);
		if ((int)n > b.width)
			b.width = n < TABLE_ID ? (int)n : TABLE_ID;
	}
	return b;
}

/* Column k of a line; the last one ends it. */
static void table_cell(const struct table_block *b, uint32_t k, const char *value,
		       const char *difference, FILE *out)
{
	fprintf(out, "  %*.*s", b->width, b->width, value);
	if (k > 0 && (k + 1 < b->n || difference[0]))
		fprintf(out, " %-*s", k + 1 < b->n ? TABLE_NOTE : 0, difference);
	if (k + 1 == b->n)
		fputc('\n', out);
}

static void table_label(const char *label, FILE *out)
{
	fprintf(out, "  %-*.*s", TABLE_LABEL, TABLE_LABEL, label);
}

static void table_text_row(const struct gcs_variant_runs *v, const struct table_block *b,
			   const struct gcs_figure_row *row, FILE *out)
{
	char label[TABLE_KEY], value[32], difference[16];
	double base, x;
	bool has_base = table_value(&v->of[0], row, &base);
	snprintf(label, sizeof(label), "%s%s%s", row->workload ? row->workload : "",
		 row->workload ? " " : "", row->figure->label);
	table_label(label, out);
	for (uint32_t k = 0; k < b->n; k++) {
		bool has = table_value(&v->of[b->run[k]], row, &x);
		snprintf(value, sizeof(value), "-");
		difference[0] = '\0';
		if (has)
			gcs_metric_show(row->figure->unit, x, value, sizeof(value));
		if (has && has_base)
			table_difference(x, base, difference, sizeof(difference));
		table_cell(b, k, value, difference, out);
	}
}

static void table_text_block(const struct gcs_variant_runs *v, const struct table_block *b,
			     FILE *out)
{
	const struct report *pattern = table_pattern(v);
	struct gcs_figure_row row;
	fputc('\n', out);
	table_label("", out);
	for (uint32_t k = 0; k < b->n; k++)
		table_cell(b, k, v->of[b->run[k]].id, "", out);
	table_label("verdict", out);
	for (uint32_t k = 0; k < b->n; k++)
		table_cell(b, k, table_verdict(&v->of[b->run[k]]), "", out);
	for (size_t at = 0; gcs_figure_row(pattern, at, &row); at++)
		if (table_says(v, &row))
			table_text_row(v, b, &row, out);
}

static const struct report_reported *table_reported(const struct gcs_variant_run *run,
						    const char *what)
{
	for (size_t i = 0; run->has_report && i < run->report.nreported; i++)
		if (run->report.reported[i].what && strcmp(run->report.reported[i].what, what) == 0)
			return &run->report.reported[i];
	return NULL;
}

/* Two lines: what was told of each, and what is measured here. */
static void table_text_reported(const struct gcs_variant_runs *v, const struct table_block *b,
				const char *what, FILE *out)
{
	for (int here = 0; here < 2; here++) {
		table_label(here ? "    here" : what, out);
		for (uint32_t k = 0; k < b->n; k++) {
			const struct report_reported *f = table_reported(&v->of[b->run[k]], what);
			const char *text = !f ? NULL : here ? f->shown : f->value_told;
			table_cell(b, k, text ? text : "-", "", out);
		}
	}
}

/* Was the figure named in a run before this one? */
static bool table_named(const struct gcs_variant_runs *v, uint32_t before, const char *what)
{
	for (uint32_t i = 0; i < before; i++)
		if (table_reported(&v->of[i], what))
			return true;
	return false;
}

static void table_text_all_reported(const struct gcs_variant_runs *v, const struct table_block *b,
				    FILE *out)
{
	bool titled = false;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct report *r = &v->of[i].report;
		for (size_t k = 0; v->of[i].has_report && k < r->nreported; k++) {
			const char *what = r->reported[k].what;
			if (!what || !r->reported[k].metric || table_named(v, i, what))
				continue; /* what nothing measures needs its note: `report` */
			if (!titled)
				fprintf(out, "\n  reported (on another machine) and reproduced\n");
			titled = true;
			table_text_reported(v, b, what, out);
		}
	}
}

static void table_text_end(const struct gcs_variant_runs *v, FILE *out)
{
	fputc('\n', out);
	for (uint32_t i = 0; i < v->n; i++)
		if (v->of[i].result.exit != GCS_EXIT_PASS)
			fprintf(out, "  %s: %s: %s.\n", v->of[i].id, table_verdict(&v->of[i]),
				table_sentence(&v->of[i]));
	if (v->n < v->planned)
		fprintf(out, "  The series ended after %u of %u runs.\n", v->n, v->planned);
	fprintf(out, "  One pass each, one after another: differences of some percent prove nothing; "
		     "repeat what matters.\n");
	for (uint32_t i = 0; i < v->n; i++)
		if (v->of[i].result.record[0])
			fprintf(out, "record %s\n", v->of[i].result.record);
}

void gcs_variant_runs_text(const struct gcs_variant_runs *v, FILE *out)
{
	uint32_t first = 1;
	fprintf(out, "VARIANTS of %s, and the difference to the scenario as it is\n", v->scenario);
	for (uint32_t i = 1; i < v->n; i++)
		if (v->of[i].about[0])
			fprintf(out, "  %-12s %s\n", v->of[i].id, v->of[i].about);
	do {
		struct table_block b = table_block(v, first);
		table_text_block(v, &b, out);
		table_text_all_reported(v, &b, out);
		first += TABLE_COLUMNS - 1;
	} while (first < v->n);
	table_text_end(v, out);
}

/* ---------------------------------------------------------------- JSON */

static json_t *table_json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* Of each figure that the run has: its value, and that over the first run's. */
static json_t *table_json_metrics(const struct gcs_variant_runs *v, const struct gcs_variant_run *run)
{
	const struct report *pattern = table_pattern(v);
	json_t *all = json_object();
	struct gcs_figure_row row;
	for (size_t at = 0; gcs_figure_row(pattern, at, &row); at++) {
		char key[TABLE_KEY];
		double x, base;
		if (!table_value(run, &row, &x))
			continue;
		bool has_base = table_value(&v->of[0], &row, &base) && base != 0;
		snprintf(key, sizeof(key), "%s%s%s", row.figure->metric, row.workload ? "@" : "",
			 row.workload ? row.workload : "");
		json_object_set_new(all, key,
				    json_pack("{so so}", "value", table_json_number(x), "over_base",
					      has_base ? table_json_number(x / base) : json_null()));
	}
	return all;
}

static json_t *table_json_run(const struct gcs_variant_runs *v, const struct gcs_variant_run *run)
{
	return json_pack("{ss ss si ss ss ss ss so so}", "id", run->id, "about", run->about, "exit",
			 (int)run->result.exit, "verdict", table_verdict(run), "sentence",
			 table_sentence(run), "run", run->result.run_id, "record",
			 run->result.record, "metrics", table_json_metrics(v, run), "reported",
			 run->has_report ? report_reported_json(&run->report) : json_array());
}

int gcs_variant_runs_json(const struct gcs_variant_runs *v, FILE *out)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < v->n; i++)
		json_array_append_new(list, table_json_run(v, &v->of[i]));
	json_t *root = json_pack("{ss si sI sb so}", "scenario", v->scenario, "exit",
				 (int)gcs_variant_runs_exit(v), "planned", (json_int_t)v->planned,
				 "complete", (int)(v->n == v->planned), "variants", list);
	if (!root)
		return -ENOMEM;
	int rc = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 ? 0 : -EIO;
	fputc('\n', out);
	json_decref(root);
	return rc;
}
