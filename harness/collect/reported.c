/*
 * reported.c: what is reproduced of each reported figure.
 *
 * Windows are added up as for an SLO without a window: one that lies across two phases belongs to
 * the phase of its middle.
 */
#include "harness/collect/reported.h"

#include "harness/measure/logged.h"
#include "harness/record/record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORTED_PHASES_BYTES 256

bool gcs_reported_applies(const struct gcs_reported *r, const struct gcs_scenario *s)
{
	if (!r->variant)
		return true;
	return strcmp(r->variant, s->chosen ? s->chosen : GCS_VARIANT_BASE) == 0;
}

static uint32_t reproduced_phases(const struct gcs_reported *r, const struct gcs_scenario *s)
{
	uint32_t phases = 0;
	for (uint32_t i = 0; i < s->nphases; i++) {
		phases |= (uint32_t)(r->nphases == 0 && s->phase[i].record) << i;
		for (uint32_t k = 0; k < r->nphases; k++)
			phases |= (uint32_t)(strcmp(r->phases[k], s->phase[i].id) == 0) << i;
	}
	return phases;
}

/* From the incident to the run. 1: nothing to scale. */
static double reproduced_scale(const struct gcs_metric *m, const struct gcs_scenario *s)
{
	if (m->unit == GCS_UNIT_BYTES && s->heap_scale_milli)
		return 1000.0 / s->heap_scale_milli;
	if (strcmp(m->name, "gc.rate") == 0 && s->time_scale_milli)
		return s->time_scale_milli / 1000.0;
	return 1;
}

static void reproduced_told(struct gcs_reproduced *o, const struct gcs_scenario *s)
{
	const struct gcs_reported *r = o->reported;
	o->timed = r->for_ns > 0;
	if (!o->timed || !o->ref.metric ||
	    gcs_told_parse(r->value, o->ref.metric->unit, r->within_ppb, &o->told) != 0)
		return;
	double scale = reproduced_scale(o->ref.metric, s);
	o->told.value *= scale;
	o->told.low *= scale;
	o->told.high *= scale;
	o->has_told = true;
}

int gcs_reproductions_init(struct gcs_reproductions *r, const struct gcs_scenario *s)
{
	memset(r, 0, sizeof(*r));
	r->scenario = s;
	for (uint32_t i = 0; i < s->nreported; i++) {
		const struct gcs_reported *from = &s->reported[i];
		struct gcs_reproduced *to = &r->of[r->n];
		struct gcs_expr_error e;
		if (!gcs_reported_applies(from, s))
			continue;
		if (from->metric &&
		    gcs_metric_find(from->metric, strlen(from->metric), s, &to->ref, &e) != 0)
			return -EINVAL;
		to->reported = from;
		to->phases = reproduced_phases(from, s);
		reproduced_told(to, s);
		r->n++;
	}
	return 0;
}

void gcs_reproductions_fini(struct gcs_reproductions *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		gcs_measure_fini(&r->of[i].acc);
	r->n = 0;
}

/* The window (end - span, end] belongs to the stretch. */
static bool reproduced_within(const struct gcs_reported *r, int64_t span_ns, int64_t end_ns)
{
	int64_t from_ns = end_ns - span_ns, middle_ns = from_ns + span_ns / 2,
		own_ns = r->at_ns + r->for_ns / 2;
	if (middle_ns >= r->at_ns && middle_ns < r->at_ns + r->for_ns)
		return true;
	return r->for_ns < span_ns && own_ns >= from_ns && own_ns < end_ns;
}

/* Higher is, unless the metric says that lower is: a rate of operations. */
static bool reproduced_worse(const struct gcs_metric *m, double v, double than)
{
	return m->worse < 0 ? v < than : v > than;
}

static void reproduced_peak(struct gcs_reproduced *o, const struct gcs_measure *m,
			    uint32_t nworkloads)
{
	double v;
	struct gcs_reading from = {.m = m, .nworkloads = nworkloads};
	if (!gcs_metric_read(&o->ref, from, &v))
		return;
	if (!o->has_peak || reproduced_worse(o->ref.metric, v, o->peak))
		o->peak = v;
	o->has_peak = true;
}

void gcs_reproductions_interval(struct gcs_reproductions *r, const struct gcs_measure *m, int phase,
				int64_t end_ns)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct gcs_reproduced *o = &r->of[i];
		if (!o->ref.metric || o->ref.metric->of_run)
			continue;
		if (o->timed ? !reproduced_within(o->reported, m->span_ns, end_ns)
			     : phase < 0 || !(o->phases >> phase & 1))
			continue;
		gcs_measure_merge(&o->acc, m);
		if (o->reported->peak)
			reproduced_peak(o, m, r->scenario->nworkloads);
	}
}

/* ---------------------------------------------------------------- the log */

static void reproduced_logged(struct gcs_reproduced *o, const struct gcs_fidelity_cycle *logged,
			      size_t n, int64_t window_ns, double *work)
{
	const struct gcs_metric *m = o->ref.metric;
	int64_t at_ns = o->reported->at_ns, end_ns = at_ns + o->reported->for_ns;
	/* A log tells of cycles alone: a moment of it would be empty as a rule. */
	if (end_ns - at_ns < window_ns) {
		at_ns -= (window_ns - (end_ns - at_ns)) / 2;
		end_ns = at_ns + window_ns;
	}
	if (!o->reported->peak) {
		o->has_logged = gcs_logged_metric(m, logged, n, at_ns, end_ns, work, &o->logged);
		return;
	}
	for (int64_t t_ns = at_ns; t_ns < end_ns; t_ns += window_ns) {
		double v;
		if (!gcs_logged_metric(m, logged, n, t_ns, t_ns + window_ns, work, &v))
			continue;
		if (!o->has_logged || reproduced_worse(m, v, o->logged))
			o->logged = v;
		o->has_logged = true;
	}
}

int gcs_reproductions_logged(struct gcs_reproductions *r, const struct gcs_fidelity_cycle *logged,
			     size_t n, int64_t window_ns)
{
	double *work = malloc((2 * n + 1) * sizeof(*work));
	if (!work)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->of[i].timed && r->of[i].ref.metric && window_ns > 0)
			reproduced_logged(&r->of[i], logged, n, window_ns, work);
	free(work);
	return 0;
}

/* ---------------------------------------------------------------- the end */

bool gcs_reproduced_read(const struct gcs_reproductions *r, uint32_t i,
			 const struct gcs_facts *facts, double *ret)
{
	const struct gcs_reproduced *o = &r->of[i];
	struct gcs_reading from = {
		.m = &o->acc, .facts = facts, .nworkloads = r->scenario->nworkloads};
	if (!o->ref.metric || (!o->ref.metric->of_run && o->acc.span_ns == 0))
		return false; /* a phase that was never reached has no zero to show */
	if (o->timed && o->reported->peak) {
		*ret = o->peak;
		return o->has_peak;
	}
	return gcs_metric_read(&o->ref, from, ret);
}

/* "calm, incident"; empty: all recorded ones. */
static void reproduced_phase_names(const struct gcs_reported *r, char *text, size_t cap)
{
	size_t n = 0;
	text[0] = '\0';
	for (uint32_t k = 0; k < r->nphases && n < cap; k++)
		n += (size_t)snprintf(text + n, cap - n, "%s%s", k ? ", " : "", r->phases[k]);
}

/* Outside of what was told; NULL: nothing to judge. */
static struct gcs_value reproduced_apart(const struct gcs_reproduced *o, bool has, double v)
{
	if (!o->has_told || !has)
		return (struct gcs_value){.kind = GCS_VALUE_NULL};
	return gcs_int(v < o->told.low || v > o->told.high);
}

static struct gcs_value reproduced_shown(const struct gcs_reproduced *o, bool has, double v,
					 char *text, size_t cap)
{
	if (has)
		gcs_metric_show(o->ref.metric->unit, v, text, cap);
	return gcs_text(has ? text : NULL);
}

static void reproductions_row(const struct gcs_reproductions *r, uint32_t i,
			      const struct gcs_facts *facts, struct gcs_record *record)
{
	const struct gcs_reproduced *o = &r->of[i];
	const struct gcs_reported *from = o->reported;
	const struct gcs_value none = {.kind = GCS_VALUE_NULL};
	char phases[REPORTED_PHASES_BYTES], shown[32], logged[32], told[32], at[16], until[16];
	double value = 0;
	bool has = gcs_reproduced_read(r, i, facts, &value);
	bool clock = o->timed && gcs_scenario_clock(r->scenario, from->at_ns, at) &&
		     gcs_scenario_clock(r->scenario, from->at_ns + from->for_ns, until);
	bool scaled = o->has_told && reproduced_scale(o->ref.metric, r->scenario) != 1;
	reproduced_phase_names(from, phases, sizeof(phases));
	gcs_record_put(record, GCS_ROW_REPORTED, gcs_u64(i), gcs_text(from->what),
		       gcs_text(from->value), gcs_text(from->metric), gcs_text(phases),
		       has ? gcs_real(value) : gcs_time(-1),
		       reproduced_shown(o, has, value, shown, sizeof(shown)), gcs_text(from->note),
		       o->timed ? gcs_int(from->at_ns) : none,
		       o->timed ? gcs_int(from->for_ns) : none, gcs_text(clock ? at : NULL),
		       gcs_text(clock ? until : NULL), gcs_int(from->peak),
		       o->has_told ? gcs_real(o->told.low) : none,
		       o->has_told ? gcs_real(o->told.high) : none,
		       reproduced_shown(o, scaled, o->told.value, told, sizeof(told)),
		       o->has_logged ? gcs_real(o->logged) : none,
		       reproduced_shown(o, o->has_logged, o->logged, logged, sizeof(logged)),
		       reproduced_apart(o, o->has_logged, o->logged),
		       reproduced_apart(o, has, value));
}

void gcs_reproductions_rows(const struct gcs_reproductions *r, const struct gcs_facts *facts,
			    struct gcs_record *record)
{
	for (uint32_t i = 0; i < r->n; i++)
		reproductions_row(r, i, facts, record);
}
