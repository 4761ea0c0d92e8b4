/*
 * reported.c: what is reproduced of each reported figure.
 *
 * Windows are added up as for an SLO without a window: one that lies across two phases belongs to
 * the phase of its middle.
 */
#include "harness/collect/reported.h"

#include "harness/record/record.h"

#include <errno.h>
#include <stdio.h>
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

void gcs_reproductions_interval(struct gcs_reproductions *r, const struct gcs_measure *m, int phase)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct gcs_reproduced *o = &r->of[i];
		bool asked = o->ref.metric && !o->ref.metric->of_run;
		if (asked && phase >= 0 && (o->phases >> phase & 1))
			gcs_measure_merge(&o->acc, m);
	}
}

bool gcs_reproduced_read(const struct gcs_reproductions *r, uint32_t i,
			 const struct gcs_facts *facts, double *ret)
{
	const struct gcs_reproduced *o = &r->of[i];
	struct gcs_reading from = {
		.m = &o->acc, .facts = facts, .nworkloads = r->scenario->nworkloads};
	if (!o->ref.metric || (!o->ref.metric->of_run && o->acc.span_ns == 0))
		return false; /* a phase that was never reached has no zero to show */
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

void gcs_reproductions_rows(const struct gcs_reproductions *r, const struct gcs_facts *facts,
			    struct gcs_record *record)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const struct gcs_reproduced *o = &r->of[i];
		const struct gcs_reported *from = o->reported;
		char phases[REPORTED_PHASES_BYTES], shown[32];
		double value = 0;
		bool has = gcs_reproduced_read(r, i, facts, &value);
		reproduced_phase_names(from, phases, sizeof(phases));
		if (has)
			gcs_metric_show(o->ref.metric->unit, value, shown, sizeof(shown));
		gcs_record_put(record, GCS_ROW_REPORTED, gcs_u64(i), gcs_text(from->what),
			       gcs_text(from->value), gcs_text(from->metric), gcs_text(phases),
			       has ? gcs_real(value) : gcs_time(-1), gcs_text(has ? shown : NULL),
			       gcs_text(from->note));
	}
}
