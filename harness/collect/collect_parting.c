/*
 * collect_parting.c: the log's and the run's curves along the log's time, cut where phases begin:
 * table `curves` of the record.
 */
#include "harness/collect/collect_priv.h"

#include "harness/measure/parting.h"

static void parting_row(struct gcs_collect *c, const struct gcs_parting *p, uint32_t i, int signal)
{
	const struct gcs_scenario *s = c->scenario;
	const struct gcs_parting_window *w = &p->window[i];
	const struct gcs_parting_figure *f = &w->of[signal];
	const struct gcs_value none = {.kind = GCS_VALUE_NULL};
	bool parts = signal < GCS_PARTING_JUDGED && p->first[signal] == (int32_t)i;
	int phase = gcs_scenario_phase_at(s, w->from_ns);
	char clock[16];
	gcs_record_put(c->record, GCS_ROW_CURVE, gcs_u64(i), gcs_int(w->from_ns), gcs_int(w->to_ns),
		       gcs_text(gcs_scenario_clock(s, w->from_ns, clock) ? clock : NULL),
		       gcs_text(phase >= 0 ? s->phase[phase].id : NULL),
		       gcs_text(gcs_parting_name[signal]),
		       f->has_logged ? gcs_real(f->logged) : none,
		       f->has_reproduced ? gcs_real(f->reproduced) : none, gcs_int(f->apart),
		       gcs_int(parts));
}

void collect_parting_rows(struct gcs_collect *c, const struct gcs_fidelity_options *opt,
			  const struct gcs_fidelity *fidelity)
{
	const struct gcs_scenario *s = c->scenario;
	int64_t cut[GCS_PHASES_MAX];
	struct gcs_parting p;
	_Static_assert(GCS_PHASES_MAX <= GCS_PARTING_CUTS_MAX, "each phase may be a cut");
	for (uint32_t i = 0; i < s->nphases; i++)
		cut[i] = s->phase[i].start_ns;
	gcs_parting_find(&p, &(struct gcs_parting_options){
				     .logged = opt->logged,
				     .reproduced = opt->reproduced,
				     .nlogged = opt->nlogged,
				     .nreproduced = opt->nreproduced,
				     .from_ns = fidelity->from_ns,
				     .to_ns = fidelity->to_ns,
				     .cut = cut,
				     .ncuts = s->nphases,
				     .grain_bytes = opt->grain_bytes,
				     .grain_ns = opt->grain_ns,
				     .band_milli = GCS_PARTING_BAND_MILLI,
			     });
	for (uint32_t i = 0; i < p.n; i++)
		for (int signal = 0; signal < GCS_PARTING_SIGNALS; signal++)
			parting_row(c, &p, i, signal);
}
