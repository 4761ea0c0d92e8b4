/*
 * report_reported.c: reported figures beside the reproduced ones, from the record's table of that
 * name, as text and as JSON.
 */
#include "harness/report/report_priv.h"

#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_COLUMN_MIN 14
#define TEXT_COLUMN_MAX 44
#define TEXT_WIDTH	100
#define TEXT_INDENT	6

const char report_reported_sql[] =
	"SELECT what,reported,metric,phases,value,shown,note FROM reported ORDER BY idx";

static char *reported_str(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return text && *text ? strdup(text) : NULL;
}

void report_reported_row(struct report *r, sqlite3_stmt *q)
{
	void *grown = reallocarray(r->reported, r->nreported + 1, sizeof(*r->reported));
	if (!grown)
		return;
	r->reported = grown;
	r->reported[r->nreported++] = (struct report_reported){
		.what = reported_str(q, 0),
		.value_told = reported_str(q, 1),
		.metric = reported_str(q, 2),
		.phases = reported_str(q, 3),
		.has = sqlite3_column_type(q, 4) != SQLITE_NULL,
		.value = sqlite3_column_double(q, 4),
		.shown = reported_str(q, 5),
		.note = reported_str(q, 6),
	};
}

void report_reported_fini(struct report *r)
{
	for (size_t i = 0; i < r->nreported; i++) {
		struct report_reported *f = &r->reported[i];
		char *texts[] = {f->what, f->value_told, f->metric, f->phases, f->shown, f->note};
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			free(texts[k]);
	}
	free(r->reported);
}

/* ---------------------------------------------------------------- text */

static const char *reported_or(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

/* A sentence, broken between words, each line indented. */
static void reported_wrap(const char *text, FILE *out)
{
	size_t at = TEXT_INDENT;
	fprintf(out, "%*s", TEXT_INDENT, "");
	while (*text) {
		size_t space = strspn(text, " \n"), word = strcspn(text + space, " \n");
		if (at > TEXT_INDENT && at + 1 + word > TEXT_WIDTH) {
			fprintf(out, "\n%*s", TEXT_INDENT, "");
			at = TEXT_INDENT;
		}
		if (word)
			at += (size_t)fprintf(out, "%s%.*s", at > TEXT_INDENT ? " " : "", (int)word,
					      text + space);
		text += space + word;
	}
	fputc('\n', out);
}

static int reported_width(const struct report *r, bool what)
{
	size_t width = TEXT_COLUMN_MIN;
	for (size_t i = 0; i < r->nreported; i++) {
		const char *text = what ? r->reported[i].what : r->reported[i].value_told;
		size_t n = strlen(reported_or(text, ""));
		if (n > width)
			width = n;
	}
	return (int)(width < TEXT_COLUMN_MAX ? width : TEXT_COLUMN_MAX);
}

void report_reported_text(const struct report *r, FILE *out)
{
	int what = reported_width(r, true), value = reported_width(r, false);
	if (r->nreported)
		fprintf(out,
			"\nREPORTED AND REPRODUCED (another machine's figures: compare shapes)\n"
			"  %-*s  %-*s  %s\n",
			what, "", value, "reported", "here");
	for (size_t i = 0; i < r->nreported; i++) {
		const struct report_reported *f = &r->reported[i];
		fprintf(out, "  %-*s  %-*s  %-*s", what, reported_or(f->what, ""), value,
			reported_or(f->value_told, ""), f->metric ? 12 : 0,
			f->has ? reported_or(f->shown, "-") : "-");
		if (f->metric)
			fprintf(out, "  %s", f->metric);
		if (f->metric && f->phases)
			fprintf(out, " in %s", f->phases);
		fputc('\n', out);
		if (f->note)
			reported_wrap(f->note, out);
	}
}

/* ---------------------------------------------------------------- JSON */

/* What "a, b" names. */
static json_t *reported_phases(const char *text)
{
	json_t *list = json_array();
	while (text && *text) {
		size_t n = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, n));
		text += n + strspn(text + n, ", ");
	}
	return list;
}

static json_t *reported_value(const struct report_reported *f)
{
	if (!f->has || !isfinite(f->value))
		return json_null();
	return f->value == floor(f->value) && fabs(f->value) < 1e15
		       ? json_integer((json_int_t)f->value)
		       : json_real(f->value);
}

json_t *report_reported_json(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nreported; i++) {
		const struct report_reported *f = &r->reported[i];
		json_array_append_new(
			list, json_pack("{ss ss ss? so so ss? ss?}", "what",
					reported_or(f->what, ""), "reported",
					reported_or(f->value_told, ""), "metric", f->metric,
					"phases", reported_phases(f->phases), "value",
					reported_value(f), "shown", f->shown, "note", f->note));
	}
	return list;
}
