/*
 * import_incident.c: what a scenario says of the incident that a log was taken for: its clock,
 * phases that begin where the incident does and ends, and the figures that people told, each with
 * the stretch of the run that it tells of.
 */
#include "harness/import/import_priv.h"

#include "harness/base/units.h"

#include <math.h>
#include <string.h>

#define INCIDENT_SECTION_MIN 0.1 /* seconds: no phase is shorter, as written or as it runs */
#define INCIDENT_MOMENT_MIN  1.0 /* a figure of a moment is of so much at least, as written, ... */
#define INCIDENT_MOMENT_PERIODS 2 /* ... and of so many periods: a moment has no cycle in it */

static double incident_at(const struct import_span *span, int64_t log_ns)
{
	return log_ns == INT64_MAX ? INFINITY : span->begin + (double)log_ns * 1e-9;
}

void import_incident_clock(FILE *f, const struct import_model *m, const struct import_span *span)
{
	char clock[GCS_MOMENT_TEXT];
	const struct gcs_import_incident *i = m->opt->incident;
	gcs_wall_clock(clock, i->wall, -llround(span->begin * 1e9));
	fprintf(f, "clock: \"%s\" # before the warm-up", clock);
	if (i->seen) {
		gcs_wall_show(clock, i->wall, i->joined->onset_ns);
		fprintf(f, "; the incident began at %s", clock);
	}
	fputc('\n', f);
}

unsigned import_incident_sections(const struct import_model *m, const struct import_span *span,
				  struct import_section ret[IMPORT_SECTIONS_MAX])
{
	const struct gcs_import_incident *i = m->opt->incident;
	double least = INCIDENT_SECTION_MIN * fmax(1, m->im->time_scale_milli / 1000.0);
	unsigned n = 0;
	ret[n++] = (struct import_section){"log", span->warmup};
	if (!i || !i->seen)
		return n;
	double onset = incident_at(span, i->joined->onset_ns);
	double end = fmax(incident_at(span, i->joined->end_ns), onset + least);
	ret[0].id = "before";
	if (onset < span->warmup + least)
		ret[0].id = "incident";
	else if (onset <= span->end - least)
		ret[n++] = (struct import_section){"incident", onset};
	if (end >= ret[n - 1].from + least && end <= span->end - least)
		ret[n++] = (struct import_section){"after", end};
	else if (end < ret[n - 1].from + least)
		ret[0].id = "after"; /* it was over when the log began */
	return n;
}

_Static_assert(IMPORT_TEXT_NUMBER >= GCS_UNIT_TEXT, "shares and times are written into one buffer");

static const char *incident_figure(const struct gcs_sight *s)
{
	return s->value ? s->value : s->peak ? s->peak : s->errors ? s->errors : "seen";
}

/* The stretch of the run that a sight tells of. false: it lies outside of what was taken. */
static bool incident_stretch(const struct import_model *m, const struct import_span *span,
			     uint32_t k, double *ret_at, double *ret_for)
{
	const struct gcs_joined *j = m->opt->incident->joined;
	double at = incident_at(span, j->saw[k].at_ns);
	double until = incident_at(span, j->saw[k].until_ns);
	if (j->saw[k].at_ns == j->saw[k].until_ns)
		until = at + fmax(INCIDENT_MOMENT_MIN,
				  INCIDENT_MOMENT_PERIODS * (double)m->im->period_ns * 1e-9);
	at = fmax(at, span->warmup);
	until = fmin(until, span->end);
	*ret_at = ceil(at * 1e3) / 1e3;
	*ret_for = floor((until - *ret_at) * 1e3) / 1e3;
	return *ret_for >= 1e-3;
}

static void incident_note(FILE *f, const struct gcs_sight *s, bool within)
{
	const char *why = !within     ? "outside of the log that was taken: not compared"
			  : !s->metric ? "told; no metric is named for it"
				       : NULL;
	if (!s->note && !why)
		return;
	char both[1024];
	snprintf(both, sizeof both, "%s%s%s", s->note ? s->note : "",
		 s->note && !within ? "; " : "", !s->note || !within ? why : "");
	fprintf(f, "\n    note: ");
	import_text_quoted(f, both);
}

static void incident_one(FILE *f, const struct import_model *m, const struct import_span *span,
			 uint32_t k)
{
	const struct gcs_sight *s = &m->opt->incident->seen->saw[k];
	char a[IMPORT_TEXT_NUMBER], b[IMPORT_TEXT_NUMBER];
	double at, length;
	bool within = incident_stretch(m, span, k, &at, &length);
	fprintf(f, "  - what: ");
	import_text_quoted(f, s->what);
	fprintf(f, "\n    value: ");
	import_text_quoted(f, incident_figure(s));
	if (within && s->metric) {
		fprintf(f, "\n    metric: ");
		import_text_quoted(f, s->metric);
		if (s->peak)
			fprintf(f, "\n    peak: true");
		if (s->within_ppb)
			fprintf(f, "\n    within: %s", gcs_show_share(b, s->within_ppb));
	}
	if (within)
		fprintf(f, "\n    at: %s\n    for: %s", import_text_time(a, at),
			import_text_time(b, length));
	incident_note(f, s, within);
	fputc('\n', f);
	m->im->sights_out += !within;
}

void import_incident_reported(FILE *f, const struct import_model *m, const struct import_span *span)
{
	const struct gcs_seen *s = m->opt->incident->seen;
	if (s->nsaw)
		fprintf(f, "\n# What people saw of incident %s", s->incident);
	if (s->nsaw && s->source) {
		fprintf(f, ", by ");
		import_text_quoted(f, s->source);
	}
	if (s->nsaw)
		fprintf(f, ".\nreported:\n");
	for (uint32_t k = 0; k < s->nsaw; k++)
		incident_one(f, m, span, k);
}
