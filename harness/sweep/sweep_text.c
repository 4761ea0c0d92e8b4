/* sweep_text.c: what a sweep found, as a table and as JSON. */
#include "harness/sweep/sweep.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static uint64_t text_sum(const struct gcs_sweep *s, int class, int phase)
{
	uint64_t n = 0;
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		for (int p = 0; p < GCS_SWEEP_PHASES; p++)
			if ((class < 0 ? c != GCS_SWEEP_NOT_REACHED : c == class) &&
			    (phase < 0 || p == phase))
				n += s->table[c][p];
	return n;
}

static void text_cell(FILE *out, uint64_t n, const char *none)
{
	if (n)
		fprintf(out, "  %16" PRIu64, n);
	else
		fprintf(out, "  %16s", none);
}

static void text_row(const struct gcs_sweep *s, int class, const char *name, const char *none,
		     FILE *out)
{
	fprintf(out, "  %-17s", name);
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		text_cell(out, text_sum(s, class, p), none);
	text_cell(out, text_sum(s, class, -1), none);
	putc('\n', out);
}

static void text_table(const struct gcs_sweep *s, FILE *out)
{
	fprintf(out, "  %-17s", "collector:");
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		fprintf(out, "  %16s", gcs_sweep_phase_name(p));
	fprintf(out, "  %16s\n", "all");
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		if (text_sum(s, c, -1))
			text_row(s, c, gcs_sweep_class_name(c), "-", out);
	text_row(s, -1, "fired", "not reached", out);
}

static const char *text_word(enum gcs_exit code)
{
	return code == GCS_EXIT_PASS	       ? "PASS"
	       : code == GCS_EXIT_FAIL	       ? "FAIL"
	       : code == GCS_EXIT_INCONCLUSIVE ? "INCONCLUSIVE"
					       : "not finished";
}

static void text_failures(const struct gcs_sweep *s, const struct gcs_sweep_options *opt, FILE *out)
{
	for (uint32_t i = 0; i < s->nfailures; i++) {
		const struct gcs_sweep_failure *f = &s->failure[i];
		fprintf(out, "visit %" PRIu64 ": %s, collector %s%s%s\n", f->visit,
			gcs_sweep_class_name(f->what), gcs_sweep_phase_name(f->phase),
			f->words[0] ? ": " : "", f->words);
		if (opt->repeat)
			fprintf(out, "  repeat: %s --point %s --visit %" PRIu64 "\n", opt->repeat,
				opt->point->name, f->visit);
	}
}

static bool text_threw(const struct gcs_sweep *s)
{
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		if (s->table[GCS_SWEEP_THROW][p])
			return true;
	return false;
}

void gcs_sweep_text(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
		    enum gcs_exit code, FILE *out)
{
	fprintf(out, "sweep of %s over %s, %s%s: %" PRIu64 " of %" PRIu64 " visits\n",
		opt->point->name, opt->scenario->name,
		opt->persistent ? "each and all later ones" : "each once",
		opt->sim ? ", simulated" : "", s->position, s->count);
	if (s->count && s->stacks.n)
		fprintf(out,
			"  %" PRIu64 " of %" PRIu32
			" call stacks%s that the visits come from, then the others\n",
			s->position < s->stacks.n ? s->position : s->stacks.n, s->stacks.n,
			s->stacks.n == GCS_SWEEP_STACKS_MAX ? " (and more)" : "");
	else if (s->count)
		fprintf(out, "  call stacks are not told here: one pass over all visits\n");
	text_table(s, out);
	text_failures(s, opt, out);
	fprintf(out, "%s%s\n", text_word(code),
		code != GCS_EXIT_PASS ? ""
		: text_threw(s)	      ? ": all clean, masked or the death that oom: throw asks for"
				      : ": all clean or masked");
}

/* ---- several points */

static void text_map_row(const struct gcs_sweep_entry *e, FILE *out)
{
	const char *none = e->sweep && e->sweep->count ? "not reached" : "not visited";
	fprintf(out, "  %-20s", e->point->name);
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		text_cell(out, e->sweep ? text_sum(e->sweep, -1, p) : 0, e->sweep ? none : "-");
	fprintf(out, "  %s\n", e->sweep ? text_word(e->code) : "not begun");
}

void gcs_sweeps_text(const struct gcs_sweeps *all, const struct gcs_sweep_options *opt, FILE *out)
{
	struct gcs_sweep_options one = *opt;
	for (uint32_t i = 0; i < all->n && all->entry[i].sweep; i++) {
		const struct gcs_sweep_entry *e = &all->entry[i];
		one.point = e->point;
		gcs_sweep_text(e->sweep, &one, e->code, out);
		fprintf(out, "%s%s\n", e->text, e->text[0] ? "\n" : "");
	}
	fprintf(out, "where in the collector's cycle each point has failed, over %s, %s\n  %-20s",
		opt->scenario->name, opt->persistent ? "each and all later ones" : "each once", "");
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		fprintf(out, "  %16s", gcs_sweep_phase_name(p));
	putc('\n', out);
	for (uint32_t i = 0; i < all->n; i++)
		text_map_row(&all->entry[i], out);
}

static json_t *json_classes(const struct gcs_sweep *s)
{
	json_t *all = json_object();
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++) {
		json_t *row = json_object();
		for (int p = 0; p < GCS_SWEEP_PHASES; p++)
			json_object_set_new(row, gcs_sweep_phase_name(p),
					    json_integer((json_int_t)s->table[c][p]));
		json_object_set_new(all, gcs_sweep_class_name(c), row);
	}
	return all;
}

static json_t *json_sweep(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
			  enum gcs_exit code)
{
	json_t *failures = json_array();
	for (uint32_t i = 0; i < s->nfailures; i++) {
		const struct gcs_sweep_failure *f = &s->failure[i];
		json_array_append_new(
			failures,
			json_pack("{s:I,s:s,s:s,s:s}", "visit", (json_int_t)f->visit, "class",
				  gcs_sweep_class_name(f->what), "phase",
				  gcs_sweep_phase_name(f->phase), "words", f->words));
	}
	return json_pack(
		"{s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:o,s:o,s:i}", "scenario", opt->scenario->name,
		"point", opt->point->name, "mode", opt->persistent ? "persistent" : "once", "sim",
		(int)opt->sim, "seed", (json_int_t)opt->scenario->seed, "visits",
		(json_int_t)s->count, "swept", (json_int_t)s->position, "stacks",
		(json_int_t)s->stacks.n, "classes", json_classes(s), "failures", failures, "exit",
		(int)code);
}

static void json_print(json_t *o, FILE *out)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	fprintf(out, "%s\n", text ? text : "{}");
	free(text);
	json_decref(o);
}

void gcs_sweep_json(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
		    enum gcs_exit code, FILE *out)
{
	json_print(json_sweep(s, opt, code), out);
}

void gcs_sweeps_json(const struct gcs_sweeps *all, const struct gcs_sweep_options *opt,
		     enum gcs_exit code, FILE *out)
{
	struct gcs_sweep_options one = *opt;
	json_t *list = json_array();
	for (uint32_t i = 0; i < all->n && all->entry[i].sweep; i++) {
		one.point = all->entry[i].point;
		json_array_append_new(list, json_sweep(all->entry[i].sweep, &one, all->entry[i].code));
	}
	json_print(json_pack("{s:o,s:i}", "sweeps", list, "exit", (int)code), out);
}
