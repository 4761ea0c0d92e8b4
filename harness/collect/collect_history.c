/*
 * collect_history.c: the run's history for the screen (history.h): told of everything that gets a row in the record, when it gets it,
 * so that who reads the record makes the same.
 */
#include "harness/collect/collect_priv.h"

#include <string.h>

void collect_history_window(struct gcs_collect *c, const struct gcs_interval *window)
{
	if (c->history && window->start_ns < c->scenario->end_ns) /* later: the contents are being checked */
		gcs_heat_window(&c->history->heat, window->start_ns, window->end_ns, &window->m, c->scenario->nworkloads);
}

/* The newest occurrence of the firing's fault that had begun by then, counted from 1; 0 none. */
static uint16_t history_occurrence(const struct gcs_collect *c, uint64_t firing, int64_t t_ns)
{
	const struct gcs_recoveries *r = &c->recoveries;
	int fault = gcs_firing_fault(firing);
	for (uint32_t i = r->nocc; fault >= 0 && i-- > 0;)
		if (r->occ[i].fault == (uint32_t)fault && r->occ[i].start_ns <= t_ns)
			return (uint16_t)(r->occ[i].number + 1);
	return 0;
}

void collect_history_pause(struct gcs_collect *c, enum gcs_pause_kind kind, const struct watch_record *r, int64_t dur_ns,
			   uint64_t firing, uint64_t cycle)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	bool parts = kind == GCS_PAUSE_STW && r->b != WATCH_UNKNOWN;
	struct gcs_pause_row row = {.t_ns = t_ns,
				    .dur_ns = dur_ns,
				    .stopping_ns = parts ? (int64_t)r->b : -1,
				    .firing = firing,
				    .cycle = (uint32_t)cycle,
				    .occurrence = history_occurrence(c, firing, t_ns - dur_ns),
				    .kind = (uint8_t)kind};
	if (c->history)
		gcs_history_pause(c->history, &row);
}

void collect_history_firing(struct gcs_collect *c, int64_t t_ns, uint64_t firing)
{
	if (c->history)
		gcs_history_firing(c->history, t_ns, firing);
}

void collect_history_gc(struct gcs_collect *c, const struct watch_record *r)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	if (!c->history)
		return;
	struct gcs_cycle_row *row = gcs_history_cycle(c->history, (uint32_t)r->a);
	switch (r->kind) {
	case WATCH_GC_START:
		row->cause = (int32_t)r->b;
		row->start_ns = t_ns;
		break;
	case WATCH_GC_MARK_END:
		row->mark_end_ns = t_ns;
		break;
	case WATCH_GC_END:
		row->end_ns = t_ns;
		break;
	case WATCH_SWEEP_END:
		row->sweep_end_ns = t_ns;
		break;
	default:
		break;
	}
}

void collect_history_event(struct gcs_collect *c, const struct gcs_event_view *event)
{
	if (c->history)
		*gcs_history_event(c->history) = *event;
}

static void history_occurrences(const struct gcs_collect *c)
{
	const struct gcs_recoveries *r = &c->recoveries;
	gcs_history_occs(c->history, r->nocc);
	for (uint32_t i = r->nocc > GCS_HISTORY_OCCS ? r->nocc - GCS_HISTORY_OCCS : 0; i < r->nocc; i++) {
		const struct gcs_occurrence *o = &r->occ[i];
		*gcs_history_occ(c->history) = (struct gcs_occ_row){o->fault,	 o->number,	    o->state,
								     o->by_operator, o->start_ns,   o->first_fired_ns,
								     o->end_ns,	 o->steady_ns,	    o->recovery_ns};
	}
}

void collect_history_now(struct gcs_collect *c)
{
	struct gcs_history *h = c->history;
	if (!h)
		return;
	history_occurrences(c);
	memcpy(h->cell, c->snap.cell, sizeof(h->cell));
	h->ncells = c->snap.ncells;
	h->cell_ns = c->snap.cell_ns;
}
