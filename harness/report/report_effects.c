/*
 * report_effects.c: what became of a fault's firings, from the record's table of effects, as text and
 * as JSON. The log of effects is bounded (faults/gate.c), so the record may know of fewer than fired.
 */
#include "harness/report/report_priv.h"

#include "faults/gate.h"

#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static const struct effect_info {
	enum gcs_effect effect;
	const char *name, *words;
} effect_table[] = {
#define EFFECT(id, ident, name, words, figure) {GCS_EFFECT_##ident, name, words},
#include "faults/effects.def"
#undef EFFECT
};

static const struct effect_info *effect_info(uint32_t effect)
{
	for (size_t i = 0; i < sizeof(effect_table) / sizeof(effect_table[0]); i++)
		if ((uint32_t)effect_table[i].effect == effect)
			return &effect_table[i];
	return NULL;
}

const char report_effects_sql[] = "SELECT (firing >> 48) - 1, effect, count(*), sum(value), max(value) "
				  "FROM effects GROUP BY 1, 2 ORDER BY 1, 2";

void report_effects_row(struct report *r, sqlite3_stmt *q)
{
	void *grown = reallocarray(r->effect, r->neffects + 1, sizeof(*r->effect));
	if (!grown)
		return;
	r->effect = grown;
	r->effect[r->neffects++] = (struct report_effect){
		.fault = (uint32_t)sqlite3_column_int64(q, 0),
		.effect = (uint32_t)sqlite3_column_int64(q, 1),
		.count = (uint64_t)sqlite3_column_int64(q, 2),
		.total = (uint64_t)sqlite3_column_int64(q, 3),
		.max = (uint64_t)sqlite3_column_int64(q, 4),
	};
}

void report_effects_fini(struct report *r)
{
	free(r->effect);
}

/* None: all zero. */
static struct report_effect effect_of(const struct report *r, size_t fault, uint32_t effect)
{
	for (size_t i = 0; i < r->neffects; i++)
		if (r->effect[i].fault == fault && r->effect[i].effect == effect)
			return r->effect[i];
	return (struct report_effect){0};
}

/* ---------------------------------------------------------------- text */

static double effect_ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* A dropped wake is over when its goroutine has run, and who found it is known. */
static void text_dropped(const struct report *r, size_t fault, FILE *out)
{
	char a[REPORT_COUNT_BYTES], b[REPORT_COUNT_BYTES];
	uint64_t fired = r->fault[fault].fired, ran = effect_of(r, fault, GCS_EFFECT_WOKE).count;
	struct report_effect repaired = effect_of(r, fault, GCS_EFFECT_REPAIRED);
	if (fired == 0)
		return;
	fprintf(out, "    dropped wakes: %s of %s ran in the end", report_count(a, ran),
		report_count(b, fired));
	if (repaired.count)
		fprintf(out,
			", %s found by the 10 ms back-stop poll (%.1f ms after the loss at the "
			"latest)",
			report_count(a, repaired.count), effect_ms(repaired.max));
	if (ran > repaired.count)
		fprintf(out, ", %s woken before that", report_count(a, ran - repaired.count));
	if (ran < fired)
		fprintf(out, "; of %s the record does not tell", report_count(a, fired - ran));
	fprintf(out, "\n");
}

/* One figure of the words (faults/effects.def). */
static void text_figure(char letter, const struct report_effect *e, const struct report_fault *f,
			FILE *out)
{
	char text[REPORT_COUNT_BYTES];
	uint64_t v = letter == 'N' ? e->count : letter == 'T' ? e->total : e->max;
	if (letter == 'S')
		fputs(report_ns(text, (int64_t)v), out);
	else
		fputs(report_count(text, v), out);
	if (letter == 'U')
		fputs(strcmp(f->point, "gc/gogc") == 0 ? "%" : " bytes", out);
}

/* A collection that began is told as what is due to the fault; the growth of a map is told here. */
static const struct effect_info *effect_told(const struct report_effect *e, const struct report_fault *f)
{
	const struct effect_info *info = effect_info(e->effect);
	bool collection = e->effect == GCS_EFFECT_BEGAN &&
			  (strncmp(f->point, "map/", 4) != 0 || strstr(f->what, "collection"));
	return info && info->words && !collection ? info : NULL;
}

/* In words, the figures in their places. */
static void text_effect(const char *words, const struct report_effect *e, const struct report_fault *f,
			FILE *out)
{
	for (const char *p = words; *p; p++) {
		bool alone = (p == words || p[-1] == ' ') && (p[1] == ' ' || p[1] == ',' || p[1] == '\0');
		if (alone && strchr("NTMSU", *p))
			text_figure(*p, e, f, out);
		else if (*p == '(' && e->count == 1)
			p = strchr(p, ')');
		else if (*p != '(' && *p != ')')
			fputc(*p, out);
	}
}

void report_effects_text(const struct report *r, size_t fault, FILE *out)
{
	const struct report_fault *f = &r->fault[fault];
	const char *lead = "came to: ";
	char *text = NULL;
	size_t bytes;
	FILE *line;
	if (strcmp(f->point, "netpoll/wake") == 0 && strncmp(f->what, "drop", 4) == 0)
		text_dropped(r, fault, out);
	line = open_memstream(&text, &bytes);
	if (!line)
		return;
	for (size_t i = 0; i < r->neffects; i++) {
		const struct report_effect *e = &r->effect[i];
		const struct effect_info *info = e->fault == fault ? effect_told(e, f) : NULL;
		if (!info)
			continue;
		fputs(lead, line);
		text_effect(info->words, e, f, line);
		if (e->count < f->fired)
			fprintf(line, " (as far as the record tells)");
		lead = ", ";
	}
	fclose(line);
	if (*lead == ',') {
		fputs("    ", out);
		report_wrap(out, text, 4, 6);
	}
	free(text);
}

/* ---------------------------------------------------------------- JSON */

json_t *report_effects_json(const struct report *r, size_t fault)
{
	json_t *all = json_object();
	for (size_t i = 0; i < r->neffects; i++) {
		const struct report_effect *e = &r->effect[i];
		const struct effect_info *info = effect_info(e->effect);
		char number[24];
		snprintf(number, sizeof(number), "effect_%u", e->effect);
		if (e->fault == fault)
			json_object_set_new(all, info ? info->name : number,
					    json_pack("{sI sI sI}", "count", (json_int_t)e->count,
						      "total", (json_int_t)e->total, "max",
						      (json_int_t)e->max));
	}
	return all;
}
