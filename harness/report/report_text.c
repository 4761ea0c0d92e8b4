/*
 * report_text.c: the report as one page for a person: the verdict first, then what it rests on, the
 * file last.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/report/report_priv.h"

#include "faults/points.h"
#include "harness/base/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN		 REPORT_COUNT_BYTES
#define TEXT_COLS	 132u /* where no terminal says */
#define TEXT_OCCURRENCES 6 /* of one fault, told one by one */

struct shown {
	char text[SHOWN];
};

static struct shown show_ns(int64_t ns)
{
	struct shown s;
	gcs_metric_show(GCS_UNIT_NS, (double)ns, s.text, sizeof(s.text));
	return s;
}

static struct shown show_unit(int unit, double v)
{
	struct shown s;
	gcs_metric_show((enum gcs_unit)unit, v, s.text, sizeof(s.text));
	return s;
}

const char *report_count(char ret[REPORT_COUNT_BYTES], uint64_t v)
{
	char digits[REPORT_COUNT_BYTES];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v), to = 0;
	for (int i = 0; i < n && to < REPORT_COUNT_BYTES - 2; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			ret[to++] = ',';
		ret[to++] = digits[i];
	}
	ret[to] = '\0';
	return ret;
}

const char *report_ns(char ret[REPORT_COUNT_BYTES], int64_t ns)
{
	gcs_metric_show(GCS_UNIT_NS, (double)ns, ret, REPORT_COUNT_BYTES);
	return ret;
}

void report_wrap(FILE *out, const char *text, uint32_t at, uint32_t indent)
{
	int fd = fileno(out);
	gcs_page_wrap(out, text, at, indent, fd >= 0 && isatty(fd) ? gcs_page_of(fd).cols : TEXT_COLS);
}

static struct shown show_count(uint64_t v)
{
	struct shown s;
	report_count(s.text, v);
	return s;
}

/* Near the verdict: it is not that of the scenario alone. */
static void text_modified(const struct report *r, FILE *out)
{
	const struct report_act *first = NULL;
	for (size_t i = 0; i < r->nacts && !first; i++)
		first = r->act[i].modifies ? &r->act[i] : NULL;
	if (first)
		fprintf(out, "OPERATOR-MODIFIED: %zu act%s by hand, the first at %.1f s.\n",
			r->nmodifying, r->nmodifying == 1 ? "" : "s", (double)first->t_ns / 1e9);
}

/* Near the verdict: a failure is what it is for. */
static void text_sabotaged(const struct report *r, FILE *out)
{
	bool any = false;
	for (size_t i = 0; i < r->nfaults; i++) {
		const struct gcs_point_info *p = gcs_point_by_name(r->fault[i].point);
		if (!p || !gcs_point_sabotages(p))
			continue;
		fprintf(out, "%s%s", any ? ", " : "SABOTAGED: the runtime is broken on purpose, by ", p->name);
		any = true;
	}
	if (any)
		fputs(".\n", out);
}

static void text_acts(const struct report *r, FILE *out)
{
	if (r->nacts)
		fprintf(out, "\nBY HAND (s)\n");
	for (size_t i = 0; i < r->nacts; i++) {
		const struct report_act *a = &r->act[i];
		bool named = a->fault >= 0 && (size_t)a->fault < r->nfaults;
		fprintf(out, "  %8.3f  %-9s %s%s%s%s%s\n", (double)a->t_ns / 1e9, a->source, a->act,
			named ? " " : "", named ? r->fault[a->fault].id : "", *a->text ? ": " : "",
			a->text);
	}
}

static void text_head(const struct report *r, FILE *out)
{
	if (r->finished)
		fprintf(out, "%s: %s.\n", r->word, r->sentence);
	else
		fprintf(out,
			"UNFINISHED: there is no verdict: the run still goes on, its harness died, or nothing "
			"more could be written; the record goes up to %.1f s.\n",
			(double)r->duration_ns / 1e9);
	for (size_t i = 1; i < r->nreasons; i++)
		fprintf(out, "  also: %s.\n", r->reason[i].text);
	text_modified(r, out);
	text_sabotaged(r, out);
	fprintf(out, "\n%s  run %s  seed 0x%" PRIx64 "  %s", r->name, r->id, r->seed, r->target);
	if (r->procs)
		fprintf(out, "/%uP", r->procs);
	fprintf(out, "  %.1f s%s", (double)r->duration_ns / 1e9, r->finished ? "" : ", unfinished");
	if (r->hash[0])
		fprintf(out, "  hash %s", r->hash);
	if (r->finished)
		fprintf(out, "  exit %d", r->exit);
	fputc('\n', out);
	if (r->sim)
		fprintf(out, "SIMULATED: every time in this report is modelled, none is measured.\n");
}

static void text_phases(const struct report *r, FILE *out)
{
	fprintf(out, "\nPHASES (s)\n");
	for (size_t i = 0; i < r->nphases; i++)
		fprintf(out, "  %-12s %8.1f .. %8.1f%s\n", r->phase[i].id,
			(double)r->phase[i].start_ns / 1e9, (double)r->phase[i].end_ns / 1e9,
			r->phase[i].record ? "" : "   not counted below");
}

static void text_pcts(const char *name, const struct gcs_pcts *p, FILE *out)
{
	if (p->count == 0) {
		fprintf(out, "  %-22s %12s\n", name, "none");
		return;
	}
	fprintf(out, "  %-22s %12s %10s %10s %10s %10s %10s\n", name, show_count(p->count).text,
		show_ns(p->p50_ns).text, show_ns(p->p90_ns).text, show_ns(p->p99_ns).text,
		show_ns(p->p999_ns).text, show_ns(p->max_ns).text);
}

static void text_pauses(const struct report *r, FILE *out)
{
	fprintf(out, "\nPAUSES %29s %10s %10s %10s %10s %10s\n", "count", "p50", "p90", "p99",
		"p99.9", "max");
	text_pcts("world stopped", &r->series[GCS_STW], out);
	text_pcts("  time to stop", &r->series[GCS_STOPPING], out);
	text_pcts("  time stopped", &r->series[GCS_STOPPED], out);
	text_pcts("mark assist", &r->series[GCS_ASSIST], out);
	text_pcts("allocation stall", &r->series[GCS_ALLOC_STALL], out);
	text_pcts("wake lag", &r->series[GCS_WAKE], out);
	if (r->series[GCS_SCHED].count)
		text_pcts("scheduling latency", &r->series[GCS_SCHED], out);
	if (r->nworst)
		fprintf(out, "  worst:\n");
	for (size_t i = 0; i < r->nworst; i++) {
		const struct report_pause *p = &r->worst[i];
		fprintf(out, "    %10s  %-11s at %8.3f s", show_ns(p->dur_ns).text, p->kind,
			(double)p->t_ns / 1e9);
		if (p->cycle)
			fprintf(out, "  GC#%" PRIu64, p->cycle);
		uint64_t fault = p->firing >> 48;
		if (fault >= 1 && fault <= r->nfaults)
			fprintf(out, "  due to %s", r->fault[fault - 1].id);
		fprintf(out, "%s\n", p->disturbed ? "  (the machine stood still meanwhile)" : "");
	}
}

static void text_gc(const struct report *r, FILE *out)
{
	double share = r->cpu_ns ? (double)r->gc_cpu_ns / (double)r->cpu_ns : 0;
	double assist = r->cpu_ns ? (double)r->assist_ns / (double)r->cpu_ns : 0;
	fprintf(out, "\nGC  %s cycles, %s forced; %.1f%% of the processors, %.1f%% in assists\n",
		show_count(r->gc_cycles).text, show_count(r->gc_forced).text, 100 * share,
		100 * assist);
	fprintf(out, "  live heap at most %s, goal at most %s",
		show_unit(GCS_UNIT_BYTES, (double)r->heap_live_max).text,
		show_unit(GCS_UNIT_BYTES, (double)r->heap_goal_max).text);
	if (r->rss_max)
		fprintf(out, ", resident at most %s",
			show_unit(GCS_UNIT_BYTES, (double)r->rss_max).text);
	fprintf(out, "\n");
	if (r->series[GCS_MARK].count)
		fprintf(out, "  concurrent mark %s at the median, %s at most\n",
			show_ns(r->series[GCS_MARK].p50_ns).text,
			show_ns(r->series[GCS_MARK].max_ns).text);
	if (r->limiter_cycles)
		fprintf(out, "  CPU limiter on for %s in %s cycles, gc %" PRIu64 " to %" PRIu64 "\n",
			show_ns((int64_t)r->limiter_on_ns).text,
			show_count(r->limiter_cycles).text, r->limiter_first, r->limiter_last);
	if (r->gctrace && r->gctrace[0])
		fprintf(out, "  last: %s\n", r->gctrace);
	fprintf(out, "  reading gctrace: in A+B+C ms clock only A and C stop the world; B, the "
		     "middle one, is concurrent mark.\n");
}

static void text_ops(const struct report *r, FILE *out)
{
	fprintf(out, "\nOPERATIONS %12s %9s %10s %10s %10s %10s %10s\n", "count", "errors", "p50",
		"p90", "p99", "p99.9", "max");
	for (size_t i = 0; i < r->nops; i++) {
		const struct report_ops *o = &r->ops[i];
		fprintf(out, "  %-8.8s %12s %9s %10s %10s %10s %10s %10s\n", o->id,
			show_count(o->count).text, show_count(o->errors).text,
			show_ns(o->p.p50_ns).text, show_ns(o->p.p90_ns).text,
			show_ns(o->p.p99_ns).text, show_ns(o->p.p999_ns).text,
			show_ns(o->p.max_ns).text);
	}
}

/* "within 0.1 s of its end", "0.4 s after its end": no finer than it was measured. */
static struct shown show_back(const struct report *r, int64_t recovery_ns, const char *whose)
{
	struct shown s;
	bool at_once = recovery_ns <= r->resolution_ns;
	double back_s = (double)(at_once ? r->resolution_ns : recovery_ns) / 1e9;
	snprintf(s.text, sizeof(s.text), "%s%.1f s%s%s", at_once ? "within " : "", back_s,
		 *whose ? at_once ? " of " : " after " : "", whose);
	return s;
}

static void text_recovery(const struct report *r, const struct report_occurrence *o, FILE *out)
{
	if (strcmp(o->state, "steady") == 0)
		fprintf(out, ", steady %s",
			show_back(r, o->recovery_ns, o->overlapped ? "the last disarm" : "its end")
				.text);
	else if (strcmp(o->state, "untouched") == 0)
		fprintf(out, o->fired && strcmp(r->fault[o->fault].outcome, "died") == 0 ? "the target died"
										   : "moved no signal");
	else if (strcmp(o->state, "unjudged") == 0)
		fprintf(out, "could not be judged: there was no baseline yet");
	else if (strcmp(o->state, "never") == 0)
		fprintf(out, ", NEVER came back");
	else
		fprintf(out, "%s%s when the record ends", o->degraded_ns >= 0 ? ", " : "",
			o->state);
}

static void text_signal(const struct report *r, const struct report_signal *s, FILE *out)
{
	char back[SHOWN + 16] = "not back";
	if (!s->left)
		return;
	if (s->recovery_ns >= 0)
		snprintf(back, sizeof(back), "back %s%s",
			 s->recovery_ns > r->resolution_ns ? "after " : "",
			 show_back(r, s->recovery_ns, "").text);
	fprintf(out, "         %-20s %10s -> %-10s good up to %-10s %s\n", s->name,
		show_unit(s->unit, s->baseline).text, show_unit(s->unit, s->peak).text,
		show_unit(s->unit, s->bound).text, back);
}

static void text_occurrence(const struct report *r, const struct report_occurrence *o, FILE *out)
{
	fprintf(out, "    #%-3u %8.1f .. ", o->number + 1, (double)o->start_ns / 1e9);
	if (o->end_ns >= 0)
		fprintf(out, "%8.1f s  ", (double)o->end_ns / 1e9);
	else
		fprintf(out, "%8s    ", "?");
	if (o->degraded_ns >= 0)
		fprintf(out, "degraded after %s", show_ns(o->degraded_ns - o->start_ns).text);
	text_recovery(r, o, out);
	fprintf(out, "%s%s\n", o->overlapped ? "  [overlapped]" : "",
		o->by_operator ? "  [by hand]" : "");
	for (uint32_t k = 0; k < o->nsignals; k++)
		text_signal(r, &o->signal[k], out);
}

/* What is left out between the first ones and the last: how they went, and the longest way back. */
static void text_folded(const struct report *r, const uint32_t *index, uint32_t n, FILE *out)
{
	int64_t longest_ns = -1;
	uint32_t alike = 0;
	fprintf(out, "    ... %u more", n);
	for (uint32_t i = 0; i < n; i += alike) {
		const char *state = r->occ[index[i]].state;
		for (alike = 0; i + alike < n; alike++) {
			const struct report_occurrence *o = &r->occ[index[i + alike]];
			if (strcmp(o->state, state) != 0)
				break;
			longest_ns = o->recovery_ns > longest_ns ? o->recovery_ns : longest_ns;
		}
		fprintf(out, "%s %u %s", i ? "," : ":", alike, state);
	}
	if (longest_ns >= 0)
		fprintf(out, ", back after %s at the longest", show_ns(longest_ns).text);
	fprintf(out, " (all: --format json)\n");
}

/* All of them, or the first ones and the last. */
static void text_occurrences(const struct report *r, size_t fault, FILE *out)
{
	uint32_t *index = calloc(r->noccs + 1, sizeof(*index)), n = 0;
	if (!index)
		return;
	for (size_t k = 0; k < r->noccs; k++)
		if (r->occ[k].fault == fault)
			index[n++] = (uint32_t)k;
	for (uint32_t k = 0; k < n; k++) {
		if (n > TEXT_OCCURRENCES && k == TEXT_OCCURRENCES / 2) {
			text_folded(r, index + k, n - 1 - k, out);
			k = n - 1;
		}
		text_occurrence(r, &r->occ[index[k]], out);
	}
	free(index);
}

static const char *text_outcome(const char *outcome)
{
	static const char *const said[][2] = {
		{"fired", "fired"},
		{"masked", "fired, but masked"},
		{"without_effect", "fired, but moved no signal"},
		{"died", "fired, and the target died of it"},
		{"never_fired", "eligible, but never fired"},
		{"never_eligible", "reached, but never eligible"},
		{"never_reached", "armed, but never reached"},
		{"not_armed", "not armed"},
		{"not_drawn", "not drawn for this run"},
		{"elsewhere", "for another runtime"},
	};
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (strcmp(said[i][0], outcome) == 0)
			return said[i][1];
	return outcome;
}

static void text_dues(const struct report *r, size_t fault, FILE *out)
{
	static const char *const said[][2] = {
		{"stw", "stops"},
		{"assist", "assists"},
		{"alloc_stall", "allocation stalls"},
		{"wake_lag", "late wakes"},
		{"gc_cycle", "collections"},
		{"op_error", "failed operations"},
	};
	const size_t late = strlen("late ");
	const char *lead = "due to it: ";
	char *text = NULL;
	size_t bytes;
	FILE *line = open_memstream(&text, &bytes);
	if (!line)
		return;
	for (size_t i = 0; i < r->ndues; i++) {
		const struct report_due *d = &r->due[i];
		const char *what = d->what;
		if (d->fault != fault)
			continue;
		for (size_t k = 0; k < sizeof(said) / sizeof(said[0]); k++)
			if (strcmp(said[k][0], d->what) == 0)
				what = said[k][1];
		if (strcmp(d->what, "wake_lag") == 0 && d->excess_ns <= 0)
			what += late; /* for nothing, but not late */
		fprintf(line, "%s%s %.*s", lead, show_count(d->count).text,
			(int)strlen(what) - (d->count == 1), what);
		if (d->excess_ns > 0)
			fprintf(line, " (+%s, worst %s)", show_ns(d->excess_ns).text,
				show_ns(d->max_ns).text);
		lead = ", ";
	}
	fclose(line);
	if (lead[0] == ',') {
		fputs("    ", out);
		report_wrap(out, text, 4, 6);
	}
	free(text);
}

static void text_fault_head(const struct report_fault *f, FILE *out)
{
	char *text;
	fprintf(out, "  %s  ", f->id);
	if (asprintf(&text, "%s: %s", f->point, f->what) >= 0) {
		report_wrap(out, text, (uint32_t)strlen(f->id) + 4, 6);
		free(text);
	}
	fprintf(out, "    %s", text_outcome(f->outcome));
}

/* How often it fired, or how far it came. */
static void text_visits(const struct report_fault *f, FILE *out)
{
	if (f->eligible)
		fprintf(out, ": %s of %s eligible visits", show_count(f->fired).text,
			show_count(f->eligible).text);
	else if (f->visits)
		fprintf(out, ": %s visit%s", show_count(f->visits).text, f->visits == 1 ? "" : "s");
	fprintf(out, f->masked ? ", %s masked\n" : "\n", show_count(f->masked).text);
}

static void text_faults(const struct report *r, FILE *out)
{
	if (r->nfaults)
		fprintf(out, "\nFAULTS (recovery is measured to %.1f s)\n",
			(double)r->resolution_ns / 1e9);
	for (size_t i = 0; i < r->nfaults; i++) {
		const struct report_fault *f = &r->fault[i];
		text_fault_head(f, out);
		if (strcmp(f->outcome, "not_drawn") == 0) {
			fprintf(out, "\n");
			continue;
		}
		text_visits(f, out);
		text_dues(r, i, out);
		report_effects_text(r, i, out);
		text_occurrences(r, i, out);
	}
}

static void text_checks(const char *title, const char *good, const char *bad,
			const struct report_check *c, size_t n, FILE *out)
{
	if (n)
		fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < n; i++) {
		if (c[i].left_out) {
			fprintf(out, "  %-6s %-10s %-36s not judged: its fault is left out\n",
				"-", c[i].id, c[i].text);
			continue;
		}
		fprintf(out, "  %-6s %-10s %-36s was %s", c[i].ok ? good : bad, c[i].id, c[i].text,
			c[i].shown);
		if (c[i].windows)
			fprintf(out, " at worst in %u windows", c[i].windows);
		if (c[i].windows_failed)
			fprintf(out, ", %u failed", c[i].windows_failed);
		fprintf(out, "\n");
	}
}

static void text_honesty(const struct report *r, FILE *out)
{
	fprintf(out, "\nINTEGRITY  %s entries compared with the model, %s wrong",
		show_count(r->integrity_checked).text, show_count(r->integrity_errors).text);
	fprintf(out, r->crashes ? "; the target crashed\n" : "\n");
	if (r->restarts)
		fprintf(out, "RESTARTS   %s: the program died and was started again",
			show_count(r->restarts).text);
	if (r->comeback_max_ns)
		fprintf(out, "; back to steady state after %.3f s at the longest",
			(double)r->comeback_max_ns / 1e9);
	if (r->restarts)
		fprintf(out, "%s\n", r->comeback_max_ns ? "" : "; it did not come back to steady state");
	fprintf(out, "HARNESS    samples lost %s; injector cost %.2f%%",
		show_count(r->samples_lost).text, 100 * r->injector_cost);
	if (!r->sim)
		fprintf(out, "; longest stand-still of the machine %s, of the harness %s",
			show_ns((int64_t)r->stall_max_ns).text,
			show_ns((int64_t)r->own_late_max_ns).text);
	if (r->rows_dropped)
		fprintf(out, "; routine rows left out %s", show_count(r->rows_dropped).text);
	fprintf(out, "\n");
}

void report_text(const struct report *r, FILE *out)
{
	text_head(r, out);
	text_phases(r, out);
	text_pauses(r, out);
	text_gc(r, out);
	text_ops(r, out);
	text_faults(r, out);
	text_acts(r, out);
	text_checks("SLO", "ok", "FAILED", r->slo, r->nslos, out);
	text_checks("EXPECTED", "met", "NOT", r->expect, r->nexpects, out);
	report_reported_text(r, out);
	report_fidelity_text(r, out);
	report_parting_text(r, out);
	text_honesty(r, out);
	report_program_text(r, out);
	if (r->thinned)
		fprintf(out, "THINNED    %s\n", r->thinned);
	fprintf(out, "\nrecord %s\n", r->path);
}
