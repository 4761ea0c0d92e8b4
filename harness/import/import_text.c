/*
 * import_text.c: the scenario of an import as a person would write it: times as in the log, from
 * the end of the warm-up on; sizes in sixteenths of a MiB.
 *
 * heap-follow draws straight lines between points. The rate between two cycles is known as a mean,
 * so it is a step where it changes: a point just before the next one, unless the two rates are near
 * each other, or there are too many points.
 */
#include "harness/import/import_priv.h"
#include "harness/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_NEAR    0.25 /* rates that differ by less, of the larger, are joined */
/* Of heap-follow's objects on Go 1.26, one processor of 2026: 4 KiB without pointers took 13 us a MiB, half of 1 KiB with them 355. */
#define TEXT_MARK_BARE_US     30.0
#define TEXT_MARK_POINTERS_US 680.0
#define TEXT_PHASE_S (12 * 3600.0)
#define TEXT_NUMBER  IMPORT_TEXT_NUMBER

/* ---- numbers */

/* 12.0625MiB, 256KiB, 0KiB: to one part in a thousand, exact for the reader of scenarios. */
static const char *text_mib(char ret[TEXT_NUMBER], double mib)
{
	double kib = round(mib * 1024);
	if (mib >= 16)
		snprintf(ret, TEXT_NUMBER, "%.12gMiB", round(mib * 16) / 16);
	else if (kib >= 1024)
		snprintf(ret, TEXT_NUMBER, "%.12gMiB", round(mib * 64) / 64);
	else
		snprintf(ret, TEXT_NUMBER, "%.0fKiB", kib);
	return ret;
}

/* Seconds to the microsecond. */
const char *import_text_time(char ret[TEXT_NUMBER], double s)
{
	int n = snprintf(ret, TEXT_NUMBER, "%.6f", s);
	while (n > 0 && ret[n - 1] == '0')
		n--;
	if (n > 0 && ret[n - 1] == '.')
		n--;
	ret[n] = 's';
	ret[n + 1] = '\0';
	return ret;
}

static const char *text_gogc(char ret[TEXT_NUMBER], int gogc)
{
	if (gogc < 0)
		snprintf(ret, TEXT_NUMBER, "off");
	else
		snprintf(ret, TEXT_NUMBER, "%d", gogc);
	return ret;
}

static const char *text_scale(char ret[TEXT_NUMBER], uint32_t milli)
{
	snprintf(ret, TEXT_NUMBER, "%.10g", milli / 1000.0);
	return ret;
}

/* In double quotes, plain ASCII: a log may hold anything. */
static void text_quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s >= ' ' && *s <= '~' ? *s : '?', f);
	}
	fputc('"', f);
}

void import_text_quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc((unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s, f);
	}
	fputc('"', f);
}

/* A name as scenarios have them: from the last part of a path, without its extension. */
static void text_name(FILE *f, const char *source)
{
	char name[32] = "";
	size_t n = 0;
	const char *dot = strrchr(source, '.');
	for (const char *p = source; *p && p != dot && n < sizeof name - 1; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = c < 0x80 && (isalnum(c) || c == '_');
		if (n == 0 && !(c < 0x80 && isalpha(c)))
			n = (size_t)snprintf(name, sizeof name, "log-");
		if (plain)
			name[n++] = (char)tolower(c);
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		name[--n] = '\0';
	fputs(n ? name : "log", f);
}

/* ---- sections */

static double text_warmup(const struct import_model *m)
{
	return (double)m->im->warmup_ns * 1e-9 * m->im->time_scale_milli / 1000;
}

static struct import_span text_span(const struct import_model *m)
{
	double warmup = text_warmup(m), first = m->cycle[0].at, last = m->cycle[m->n - 1].at;
	return (struct import_span){.begin = warmup + m->lead - first,
				    .warmup = warmup,
				    .end = warmup + m->lead + (last - first) + m->tail};
}

static void text_head(FILE *f, const struct import_model *m)
{
	const struct gcs_import *im = m->im;
	fprintf(f, "# Made by `gcstorm import` from ");
	text_quoted(f, m->opt->source);
	fprintf(f, ": cycles %llu to %llu, lines %llu to %llu.\n",
		(unsigned long long)im->number_first, (unsigned long long)im->number_last,
		(unsigned long long)im->line_first, (unsigned long long)im->line_last);
	fprintf(f, "# Live bytes, allocation and GOGC are the log's; when to collect is left to the "
		   "runtime's own pacer.\n");
	if (im->missing)
		fprintf(f,
			"# %llu cycle%s missing in %u place%s: each is thought to have allocated "
			"what those beside did.\n",
			(unsigned long long)im->missing, im->missing == 1 ? " is" : "s are", im->gaps,
			im->gaps == 1 ? "" : "s");
	fprintf(f, "version: 1\nname: ");
	text_name(f, m->opt->source);
	fprintf(f, "\nabout: \"Follows %u logged cycles of ", im->n);
	fprintf(f, "a program on %u P\"\n", im->procs_first);
	if (m->opt->incident) {
		struct import_span span = text_span(m);
		import_incident_clock(f, m, &span);
	}
}

static void text_scales(FILE *f, const struct import_model *m)
{
	const struct gcs_import *im = m->im;
	char a[TEXT_NUMBER], b[TEXT_NUMBER];
	double time = im->time_scale_milli / 1000.0, heap = im->heap_scale_milli / 1000.0;
	fprintf(f, "\n# In the log a cycle every %s, at most %.0f MiB live, %.1f MiB allocated a "
		   "second.\n",
		import_text_time(a, (double)im->period_ns * 1e-9), im->live_mib, im->alloc_mib);
	fprintf(f, "# As it runs here: every %s, %.1f MiB, %.1f MiB a second, for %.0f s.\n",
		import_text_time(a, round((double)im->period_ns * 1e-6 / time) * 1e-3),
		im->live_mib / heap, im->alloc_mib * time / heap, (double)im->run_ns * 1e-9);
	fprintf(f, "scale: {time: %s, heap: %s}\n", text_scale(a, im->time_scale_milli),
		text_scale(b, im->heap_scale_milli));
}

/* Address space for four times the largest goal, where the usual 64 GiB are less after scaling. */
static double text_reserve_gib(const struct gcs_import *im)
{
	double largest = fmax(im->goal_mib, 2 * im->live_mib);
	return largest > 16 * 1024 ? fmin(ceil(4 * largest / 1024), 1024) : 0;
}

static void text_target(FILE *f, const struct import_model *m)
{
	const struct gcs_import *im = m->im;
	char a[TEXT_NUMBER];
	double reserve = text_reserve_gib(im);
	fprintf(f, "\n# procs: the log has %u", im->procs_first);
	if (im->procs_min != im->procs_max)
		fprintf(f, " (%u to %u)", im->procs_min, im->procs_max);
	if (im->gogc < 0)
		fprintf(f, ". gogc: there is none in force.\n");
	else if (im->said == 0)
		fprintf(f, ". gogc: taken, all goals are at the minimum and do not tell.\n");
	else
		fprintf(f, ". gogc: explains %u of %u goals%s.\n", im->explained, im->goals,
			im->changes ? ", with its changes" : "");
	if (im->memlimit_mib > 0)
		fprintf(f, "# memlimit: estimated from goals that stay while live bytes change.\n");
	fprintf(f, "target: {runtime: embedded, procs: %u, gogc: %s, memlimit: ", im->procs,
		text_gogc(a, m->cycle[0].gogc));
	if (im->memlimit_mib > 0)
		fprintf(f, "%s", text_mib(a, im->memlimit_mib));
	else
		fprintf(f, "none");
	if (reserve > 0)
		fprintf(f, ", heap_reserve: %.0fGiB", reserve);
	fprintf(f, "}\n");
}

/* ---- the curve */

struct text_point {
	double at, live, rate;
	int gogc; /* 0: as before */
	bool forced;
};

static void text_point(FILE *f, const struct text_point *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void text_point(FILE *f, const struct text_point *p, const char *fmt, ...)
{
	char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], line[256];
	int n = snprintf(line, sizeof line, "      - {at: %s, live: %s, alloc: %s/s",
			 import_text_time(a, p->at), text_mib(b, p->live), text_mib(c, p->rate));
	if (p->gogc)
		n += snprintf(line + n, sizeof line - (size_t)n, ", gogc: %s",
			      text_gogc(a, p->gogc));
	n += snprintf(line + n, sizeof line - (size_t)n, "%s}", p->forced ? ", forced: true" : "");
	if (!fmt) {
		fprintf(f, "%s\n", line);
		return;
	}
	va_list args;
	va_start(args, fmt);
	fprintf(f, "%-66s # ", line);
	vfprintf(f, fmt, args);
	va_end(args);
	fputc('\n', f);
}

/* Nothing is live and nothing allocated until the program starts. */
static void text_start(FILE *f, const struct import_model *m)
{
	struct text_point p = {0};
	text_point(f, &p, "warm-up");
	p.at = text_warmup(m) * 0.999;
	text_point(f, &p, NULL);
	p.at = text_warmup(m);
	p.rate = m->lead_rate;
	text_point(f, &p, "the program starts");
}

/* The first live set is built at once, then held. */
static void text_build(FILE *f, const struct import_model *m)
{
	const struct import_cycle *c = &m->cycle[0];
	double warmup = text_warmup(m), built = 0.7 * warmup,
	       rate = fmin(fmax(c->rate, 1.2 * c->live / built), 1u << 20);
	struct text_point p = {.live = 0, .rate = rate};
	text_point(f, &p, "warm-up: the first live set is built");
	p = (struct text_point){.at = built, .live = c->live, .rate = rate};
	text_point(f, &p, NULL);
	p.at = 0.75 * warmup;
	p.rate = c->rate;
	text_point(f, &p, NULL);
}

static bool text_near(double a, double b)
{
	return fabs(a - b) <= TEXT_NEAR * fmax(a, b);
}

static void text_curve(FILE *f, const struct import_model *m)
{
	bool steps = 2 * m->n + m->im->forced + 8 <= GCS_FOLLOW_MAX;
	double begin = text_warmup(m) + m->lead - m->cycle[0].at, before = m->lead_rate;
	double time = fmax(1, m->im->time_scale_milli / 1000.0);
	int gogc = m->cycle[0].gogc;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct import_cycle *c = &m->cycle[i];
		struct text_point p = {.at = begin + c->at,
				       .live = c->live,
				       .rate = c->rate,
				       .forced = c->entry->cycle.forced};
		/* a step takes an eighth of the gap, from a microsecond to a millisecond as it runs */
		double gap = i ? c->at - m->cycle[i - 1].at : m->lead,
		       near = fmin(fmax(gap / 8, 1e-6 * time), 1e-3 * time);
		/* a program that collects by hand does so where it has let go */
		if (steps && gap > 4 * near && i && p.forced && c->live < c[-1].live) {
			struct text_point held = {p.at - 2 * near, c[-1].live, before, 0, false};
			text_point(f, &held, NULL);
			struct text_point step = {p.at - near, p.live, before, 0, false};
			text_point(f, &step, NULL);
		} else if (steps && gap > 4 * near && !text_near(before, c->rate)) {
			struct text_point step = {p.at - near, p.live, before, 0, false};
			text_point(f, &step, NULL);
		} else if (!steps || i) {
			p.rate = (before + c->rate) / 2;
		}
		if (c->gogc != gogc)
			p.gogc = gogc = c->gogc;
		text_point(f, &p, "gc %llu", (unsigned long long)c->entry->cycle.number);
		before = c->rate;
	}
	const struct import_cycle *last = &m->cycle[m->n - 1];
	if (m->tail > m->end) {
		struct text_point p = {.at = begin + last->at + m->end, .live = last->live};
		text_point(f, &p, "the log ends");
	}
}

/* What marking took, us of processor time a marked MiB over the cycles with one at least; 0: the log does not tell. */
static double text_marking(const struct import_model *m)
{
	double us = 0, mib = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct gcs_gctrace_cycle *c = &m->cycle[i].entry->cycle;
		if (m->cycle[i].marked < 1)
			continue;
		us += (double)(c->cpu_assist_ns + c->cpu_background_ns + c->cpu_idle_ns) * 1e-3;
		mib += m->cycle[i].marked;
	}
	return mib > 0 ? us / mib : 0;
}

/* One size class without a tail: nothing else than the objects counts as live. How much of them has pointers follows from what marking cost, as the
 * pacer begins the earlier the longer it takes. */
static void text_objects(FILE *f, const struct import_model *m)
{
	double us = text_marking(m), share = (us - TEXT_MARK_BARE_US) / (TEXT_MARK_POINTERS_US - TEXT_MARK_BARE_US);
	fprintf(f, "    size: %s\n", us > 0 && us < TEXT_MARK_BARE_US ? "4KiB" : "1KiB");
	if (us > 0)
		fprintf(f, "    pointers: %.0f%%   # marking took %.0f us a MiB in the log\n",
			10 * round(10 * fmax(0, fmin(share, 1))), us);
	fprintf(f, "    follow:\n");
}

static void text_workload(FILE *f, const struct import_model *m)
{
	fprintf(f, "\nworkload:\n  - id: heap\n    driver: heap-follow\n    workers: %u\n",
		m->im->procs < 2 ? 1 : 2);
	text_objects(f, m);
	if (m->start)
		text_start(f, m);
	else
		text_build(f, m);
	text_curve(f, m);
}

/* A section of the curve as phases of at most twelve hours as written. */
static void text_section(FILE *f, const char *name, double length)
{
	char a[TEXT_NUMBER];
	for (unsigned i = 1; length > 0; i++) {
		double take = length > 1.5 * TEXT_PHASE_S ? TEXT_PHASE_S : length;
		char id[TEXT_NUMBER];
		snprintf(id, sizeof id, i == 1 ? "%s" : "%s-%u", name, i);
		fprintf(f, "  - {id: %s, for: %s}\n", id, import_text_time(a, take));
		length -= take;
	}
}

/* Edges of sections are told to the millisecond, the end rounded up. */
static void text_phases(FILE *f, const struct import_model *m)
{
	char a[TEXT_NUMBER];
	struct import_span span = text_span(m);
	struct import_section section[IMPORT_SECTIONS_MAX];
	unsigned n = import_incident_sections(m, &span, section);
	fprintf(f, "\nphases:\n  - {id: warmup, for: %s, record: false}\n",
		import_text_time(a, span.warmup));
	for (unsigned i = 0; i < n; i++) {
		double from = i ? round((section[i].from - span.warmup) * 1e3) : 0,
		       to = i + 1 < n ? round((section[i + 1].from - span.warmup) * 1e3)
				      : ceil((span.end - span.warmup) * 1e3);
		text_section(f, section[i].id, (to - from) / 1e3);
	}
}

static void text_logged(FILE *f, const struct import_model *m)
{
	char a[TEXT_NUMBER];
	fprintf(f, "\n# What the run is compared with.\nlogged:\n  source: ");
	text_quoted(f, m->opt->source);
	fprintf(f, "\n  at: %s\n  lines:\n", import_text_time(a, text_warmup(m) + m->lead));
	for (uint32_t i = 0; i < m->n; i++) {
		fprintf(f, "    - ");
		text_quoted(f, m->log->text + m->cycle[i].entry->text);
		fputc('\n', f);
	}
}

int gcs_import_text(struct import_model *m)
{
	size_t bytes;
	FILE *f = open_memstream(&m->im->text, &bytes);
	if (!f)
		return -ENOMEM;
	text_head(f, m);
	text_scales(f, m);
	text_target(f, m);
	text_workload(f, m);
	text_phases(f, m);
	fprintf(f, "\nslo:\n  - {id: whole, check: \"integrity.errors == 0\", abort: true}\n");
	text_logged(f, m);
	if (m->opt->incident && m->opt->incident->seen) {
		struct import_span span = text_span(m);
		import_incident_reported(f, m, &span);
	}
	bool failed = ferror(f);
	failed |= fclose(f) != 0;
	return failed ? -ENOMEM : 0;
}
