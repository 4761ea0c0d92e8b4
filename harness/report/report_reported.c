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
	"SELECT what,reported,metric,phases,value,shown,note,at_ns,for_ns,clock,until,peak,low,high,told,"
	"logged,logged_shown,logged_apart,apart FROM reported ORDER BY idx";

static char *reported_str(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return text && *text ? strdup(text) : NULL;
}

static int reported_judged(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? -1 : sqlite3_column_int(q, column);
}

static void reported_stretch(struct report_reported *f, sqlite3_stmt *q)
{
	f->timed = sqlite3_column_type(q, 7) != SQLITE_NULL;
	f->at_ns = sqlite3_column_int64(q, 7);
	f->for_ns = sqlite3_column_int64(q, 8);
	f->clock = reported_str(q, 9);
	f->until = reported_str(q, 10);
	f->peak = sqlite3_column_int(q, 11);
	f->has_told = sqlite3_column_type(q, 12) != SQLITE_NULL;
	f->low = sqlite3_column_double(q, 12);
	f->high = sqlite3_column_double(q, 13);
	f->told = reported_str(q, 14);
	f->has_logged = sqlite3_column_type(q, 15) != SQLITE_NULL;
	f->logged = sqlite3_column_double(q, 15);
	f->logged_shown = reported_str(q, 16);
	f->logged_apart = reported_judged(q, 17);
	f->apart = reported_judged(q, 18);
}

void report_reported_row(struct report *r, sqlite3_stmt *q)
{
	void *grown = reallocarray(r->reported, r->nreported + 1, sizeof(*r->reported));
	if (!grown)
		return;
	r->reported = grown;
	struct report_reported *f = &r->reported[r->nreported++];
	*f = (struct report_reported){
		.what = reported_str(q, 0),
		.value_told = reported_str(q, 1),
		.metric = reported_str(q, 2),
		.phases = reported_str(q, 3),
		.has = sqlite3_column_type(q, 4) != SQLITE_NULL,
		.value = sqlite3_column_double(q, 4),
		.shown = reported_str(q, 5),
		.note = reported_str(q, 6),
	};
	reported_stretch(f, q);
}

void report_reported_fini(struct report *r)
{
	for (size_t i = 0; i < r->nreported; i++) {
		struct report_reported *f = &r->reported[i];
		char *texts[] = {f->what, f->value_told, f->metric, f->phases, f->shown,
				 f->note, f->clock,	f->until,  f->told,   f->logged_shown};
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

/* Characters of UTF-8, not bytes. */
static size_t reported_chars(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void reported_column(const char *text, int width, FILE *out)
{
	int more = (int)(strlen(text) - reported_chars(text));
	fprintf(out, "  %-*s", width + more, text);
}

static int reported_width(const struct report *r, bool what)
{
	size_t width = TEXT_COLUMN_MIN;
	for (size_t i = 0; i < r->nreported; i++) {
		const char *text = what ? r->reported[i].what : r->reported[i].value_told;
		size_t n = reported_chars(reported_or(text, ""));
		if (n > width)
			width = n;
	}
	return (int)(width < TEXT_COLUMN_MAX ? width : TEXT_COLUMN_MAX);
}

static bool reported_has_log(const struct report *r)
{
	for (size_t i = 0; i < r->nreported; i++)
		if (r->reported[i].has_logged)
			return true;
	return false;
}

/* Where it was read: phases, or the stretch by the incident's clock, else by the run's. */
static void reported_where(const struct report_reported *f, FILE *out)
{
	if (f->metric)
		fprintf(out, "  %s", f->metric);
	if (f->metric && f->phases)
		fprintf(out, " in %s", f->phases);
	if (f->timed && f->peak)
		fprintf(out, ", its worst window");
	if (f->timed && f->clock && f->until)
		fprintf(out, "  %s to %s", f->clock, f->until);
	else if (f->timed)
		fprintf(out, "  %.3f s to %.3f s", (double)f->at_ns / 1e9,
			(double)(f->at_ns + f->for_ns) / 1e9);
	if (f->told)
		fprintf(out, "; told %s to scale", f->told);
	fputc('\n', out);
}

/* A figure, with a star where it is not what was told. */
static void reported_figure(const char *shown, int apart, int width, FILE *out)
{
	char text[40];
	snprintf(text, sizeof(text), "%s%s", shown ? shown : "-", apart > 0 ? "*" : "");
	fprintf(out, "  %-*s", width, text);
}

void report_reported_text(const struct report *r, FILE *out)
{
	int what = reported_width(r, true), value = reported_width(r, false);
	bool logged = reported_has_log(r);
	if (r->nreported)
		fprintf(out,
			"\nREPORTED AND REPRODUCED (another machine's figures: compare shapes)\n"
			"  %-*s  %-*s  %s%s\n",
			what, "", value, "reported", logged ? "logged        " : "", "here");
	for (size_t i = 0; i < r->nreported; i++) {
		const struct report_reported *f = &r->reported[i];
		reported_column(reported_or(f->what, ""), what, out);
		reported_column(reported_or(f->value_told, ""), value, out);
		if (logged)
			reported_figure(f->has_logged ? f->logged_shown : NULL, f->logged_apart, 12,
					out);
		reported_figure(f->has ? f->shown : NULL, f->apart, f->metric ? 12 : 0, out);
		reported_where(f, out);
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

static json_t *reported_real(bool has, double v)
{
	return has && isfinite(v) ? json_real(v) : json_null();
}

static json_t *reported_judgement(int apart)
{
	return apart < 0 ? json_null() : json_boolean(apart);
}

/* What a figure of a stretch of time has besides. */
static json_t *reported_stretch_json(const struct report_reported *f)
{
	return json_pack("{sI sI ss? ss? sb so so so ss? so so}", "at_ns", (json_int_t)f->at_ns, "for_ns",
			 (json_int_t)f->for_ns, "clock", f->clock, "until", f->until, "peak",
			 (int)f->peak, "low", reported_real(f->has_told, f->low), "high",
			 reported_real(f->has_told, f->high), "logged",
			 reported_real(f->has_logged, f->logged), "logged_shown", f->logged_shown,
			 "logged_apart", reported_judgement(f->logged_apart), "apart",
			 reported_judgement(f->apart));
}

json_t *report_reported_json(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nreported; i++) {
		const struct report_reported *f = &r->reported[i];
		json_t *o = json_pack("{ss ss ss? so so ss? ss?}", "what",
				      reported_or(f->what, ""), "reported",
				      reported_or(f->value_told, ""), "metric", f->metric,
				      "phases", reported_phases(f->phases), "value",
				      reported_value(f), "shown", f->shown, "note", f->note);
		json_t *stretch = f->timed ? reported_stretch_json(f) : NULL;
		if (o && stretch)
			json_object_update(o, stretch);
		json_decref(stretch);
		json_array_append_new(list, o);
	}
	return list;
}
