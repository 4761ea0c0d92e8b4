/* versus_table.c: a comparison as text and as JSON, in 80 columns; see versus.h. */
#include "harness/compare/versus.h"

#include "harness/exit.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define TABLE_LABEL 26
#define TABLE_VALUE 11
#define TABLE_RATIO 19

int gcs_versus_exit(const struct gcs_versus *v)
{
	int code = GCS_EXIT_PASS;
	bool decided = false;
	for (uint32_t i = 0; i < v->nrows; i++) {
		switch (v->row[i].verdict) {
		case GCS_VERSUS_WORSE:
		case GCS_VERSUS_DIFFERS: return GCS_EXIT_FAIL;
		case GCS_VERSUS_OPEN: code = GCS_EXIT_INCONCLUSIVE; break;
		case GCS_VERSUS_SAME:
		case GCS_VERSUS_BETTER: decided = true; break;
		case GCS_VERSUS_UNKNOWN: break;
		}
	}
	return decided ? code : GCS_EXIT_INCONCLUSIVE;
}

/* ---- text */

static void table_number(double v, char ret[16])
{
	if (isinf(v))
		snprintf(ret, 16, "inf");
	else
		snprintf(ret, 16, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v);
}

static void table_ratio(const struct gcs_versus_row *row, char ret[64])
{
	char ratio[16], low[16], high[16];
	snprintf(ret, 64, "%s", row->check ? "" : "-");
	if (row->pairs == 0)
		return;
	table_number(row->ratio, ratio);
	table_number(row->low, low);
	table_number(row->high, high);
	if (row->pairs == 1)
		snprintf(ret, 64, "%s", ratio);
	else
		snprintf(ret, 64, "%s (%s to %s)", ratio, low, high);
}

static void table_row(const struct gcs_versus_row *row, FILE *out)
{
	char ratio[64];
	table_ratio(row, ratio);
	if (row->check) { /* its text may be long */
		fprintf(out, "%s\n%*s %*s %*s\n", row->metric, TABLE_LABEL, "", TABLE_VALUE, row->side[GCS_VERSUS_A].shown, TABLE_VALUE,
			row->side[GCS_VERSUS_B].shown);
		return;
	}
	fprintf(out, "%-*s %*s %*s  %-*s %s\n", TABLE_LABEL, row->metric, TABLE_VALUE, row->side[GCS_VERSUS_A].shown, TABLE_VALUE,
		row->side[GCS_VERSUS_B].shown, TABLE_RATIO, ratio, row->word);
}

static void table_left_out(const struct gcs_versus *v, FILE *out)
{
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < v->side[side].nruns; i++)
			if (v->side[side].run[i].why[0])
				fprintf(out, "not counted: %c %s: %s\n", 'A' + side, v->side[side].run[i].name, v->side[side].run[i].why);
	if (v->unpaired)
		fprintf(out, "%u run%s no partner on the other side.\n", v->unpaired, v->unpaired == 1 ? " has" : "s have");
}

void gcs_versus_text(const struct gcs_versus *v, FILE *out)
{
	fprintf(out, "COMPARISON, over recorded phases%s\n", v->sim ? "; simulated: every time is modelled" : "");
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		fprintf(out, "%c = %s: %s\n", 'A' + side, v->side[side].name, v->side[side].about);
	if (v->settings[0])
		fprintf(out, "otherwise on B: %s\n", v->settings);
	table_left_out(v, out);
	fprintf(out, "\n%-*s %*s %*s  B / A\n", TABLE_LABEL, "", TABLE_VALUE, "A", TABLE_VALUE, "B");
	for (uint32_t i = 0; i < v->nrows; i++)
		table_row(&v->row[i], out);
	fprintf(out, "\n%s\n", v->said);
}

/* ---- JSON */

static json_t *table_json_number(double v)
{
	return isinf(v) ? json_string("never") : isfinite(v) ? json_real(v) : json_null();
}

/* What was cut to fit may end within a character; a file's name need not be UTF-8. */
static json_t *table_json_text(const char *text)
{
	size_t n = strlen(text), least = n > 3 ? n - 3 : 0;
	json_t *o = json_stringn(text, n);
	while (!o && n > least)
		o = json_stringn(text, --n);
	return o ? o : json_string("?");
}

static json_t *table_json_side(const struct gcs_versus_side *side)
{
	json_t *runs = json_array();
	for (uint32_t i = 0; i < side->nruns; i++) {
		const struct gcs_versus_run *r = &side->run[i];
		char seed[24];
		snprintf(seed, sizeof seed, "0x%" PRIx64, r->seed);
		json_array_append_new(runs, json_pack("{so ss ss sb so}", "run", table_json_text(r->name), "seed", seed, "verdict", r->verdict,
						      "counts", !r->why[0], "why_not", r->why[0] ? table_json_text(r->why) : json_null()));
	}
	return json_pack("{so so so}", "side", table_json_text(side->name), "about", table_json_text(side->about), "runs", runs);
}

static json_t *table_json_values(const struct gcs_versus *v, const struct gcs_versus_row *row, int side)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < v->side[side].nruns; i++)
		json_array_append_new(list, table_json_number(row->side[side].value[i]));
	return list;
}

static json_t *table_json_row(const struct gcs_versus *v, const struct gcs_versus_row *row)
{
	json_t *a = table_json_values(v, row, GCS_VERSUS_A), *b = table_json_values(v, row, GCS_VERSUS_B);
	if (row->check)
		return json_pack("{so ss ss so so}", "check", table_json_text(row->metric), "a_shown", row->side[0].shown, "b_shown", row->side[1].shown, "a", a, "b", b);
	return json_pack("{so sI sf so so so ss so so}", "metric", table_json_text(row->metric), "pairs", (json_int_t)row->pairs, "least", row->least, "ratio", table_json_number(row->ratio),
			 "low", table_json_number(row->low), "high", table_json_number(row->high), "verdict",
			 row->verdict == GCS_VERSUS_UNKNOWN ? "unknown" : row->word, "a", a, "b", b);
}

int gcs_versus_json(const struct gcs_versus *v, FILE *out)
{
	json_t *rows = json_array();
	for (uint32_t i = 0; i < v->nrows; i++)
		json_array_append_new(rows, table_json_row(v, &v->row[i]));
	json_t *root = json_pack("{sb si sI sI sb sf sf so ss so so so}", "simulated", (int)v->sim, "exit", gcs_versus_exit(v), "pairs",
				 (json_int_t)v->pairs, "unpaired", (json_int_t)v->unpaired, "by_seed", (int)v->by_seed, "band", v->band, "confidence",
				 v->confidence, "settings", table_json_text(v->settings), "said", v->said, "a", table_json_side(&v->side[0]), "b",
				 table_json_side(&v->side[1]), "rows", rows);
	if (!root)
		return -ENOMEM;
	int rc = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 ? 0 : -EIO;
	fputc('\n', out);
	json_decref(root);
	return rc;
}
