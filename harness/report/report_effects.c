/*
 * report_effects.c: what became of a fault's firings, from the record's table of effects, as text and
 * as JSON. The log of effects is bounded (faults/gate.c), so the record may know of fewer than fired.
 */
#include "harness/report/report_priv.h"

#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* c of WATCH_EFFECT (runtime/watch/telemetry.h). */
enum {
	EFFECT_RAN = 4,
	EFFECT_REPAIRED = 5,
	EFFECT_LATE = 6,
	EFFECT_LEFT_UNDONE = 20,
	EFFECT_COLLIDES = 21,
	EFFECT_CAPACITY = 22,
	EFFECT_REORDERED = 23,
	EFFECT_BATCH = 24,
};

static const struct {
	uint32_t effect;
	const char *name;
} effect_names[] = {
	{1, "masked"},
	{2, "began"},
	{3, "failed"},
	{EFFECT_RAN, "ran"},
	{EFFECT_REPAIRED, "repaired"},
	{EFFECT_LATE, "late"},
	{7, "no_credit"},
	{8, "flushed"},
	{9, "nothing"},
	{12, "biased"},
	{EFFECT_LEFT_UNDONE, "left_undone"},
	{EFFECT_COLLIDES, "collides"},
	{EFFECT_CAPACITY, "capacity"},
	{EFFECT_REORDERED, "reordered"},
	{EFFECT_BATCH, "batch"},
};

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
	uint64_t fired = r->fault[fault].fired, ran = effect_of(r, fault, EFFECT_RAN).count;
	struct report_effect repaired = effect_of(r, fault, EFFECT_REPAIRED);
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

/* In words; false: another part of the report tells of it. */
static bool text_effect(const struct report_effect *e, FILE *out)
{
	char count[REPORT_COUNT_BYTES], total[REPORT_COUNT_BYTES], max[REPORT_COUNT_BYTES];
	report_count(count, e->count);
	report_count(total, e->total);
	report_count(max, e->max);
	switch (e->effect) {
	case EFFECT_LATE:
		fprintf(out, "held up %s times, %.3g ms at most", count, effect_ms(e->max));
		return true;
	case EFFECT_LEFT_UNDONE:
		fprintf(out, "%s shares of a map's growth left undone, up to %s chains to move yet",
			count, max);
		return true;
	case EFFECT_COLLIDES:
		fprintf(out, "%s maps whose keys fall into one bucket of %s", count, max);
		return true;
	case EFFECT_CAPACITY:
		fprintf(out, "%s new arrays of another capacity", count);
		return true;
	case EFFECT_REORDERED:
		fprintf(out, "%s looks with %s wakes in another place", count, total);
		return true;
	case EFFECT_BATCH:
		fprintf(out, "%s batches of %s wakes in all, %s at most", count, total, max);
		return true;
	default:
		return false;
	}
}

void report_effects_text(const struct report *r, size_t fault, FILE *out)
{
	const struct report_fault *f = &r->fault[fault];
	const char *lead = "    came to: ";
	if (strcmp(f->point, "netpoll/wake") == 0 && strncmp(f->what, "drop", 4) == 0)
		text_dropped(r, fault, out);
	for (size_t i = 0; i < r->neffects; i++) {
		const struct report_effect *e = &r->effect[i];
		char *words = NULL;
		size_t bytes;
		FILE *text = e->fault == fault ? open_memstream(&words, &bytes) : NULL;
		if (!text)
			continue;
		bool told = text_effect(e, text);
		fclose(text);
		if (told) {
			fprintf(out, "%s%s", lead, words);
			if (e->count < f->fired)
				fprintf(out, " (as far as the record tells)");
			lead = ", ";
		}
		free(words);
	}
	if (*lead == ',')
		fprintf(out, "\n");
}

/* ---------------------------------------------------------------- JSON */

static const char *effect_name(uint32_t effect)
{
	for (size_t i = 0; i < sizeof(effect_names) / sizeof(effect_names[0]); i++)
		if (effect_names[i].effect == effect)
			return effect_names[i].name;
	return NULL;
}

json_t *report_effects_json(const struct report *r, size_t fault)
{
	json_t *all = json_object();
	for (size_t i = 0; i < r->neffects; i++) {
		const struct report_effect *e = &r->effect[i];
		const char *name = effect_name(e->effect);
		char number[24];
		snprintf(number, sizeof(number), "effect_%u", e->effect);
		if (e->fault == fault)
			json_object_set_new(all, name ? name : number,
					    json_pack("{sI sI sI}", "count", (json_int_t)e->count,
						      "total", (json_int_t)e->total, "max",
						      (json_int_t)e->max));
	}
	return all;
}
