/* playback_history.c: a record's rows as the history that its run's screen had (history.h); see collect_history.c for the other side. */
#include "harness/playback/playback_priv.h"

#include "harness/measure/ledger.h"

void playback_history_pause(struct gcs_playback *p, const struct gcs_pause_row *row)
{
	if (p->history)
		gcs_history_pause(p->history, row);
}

void playback_history_firing(struct gcs_playback *p, int64_t t_ns, uint64_t firing)
{
	if (p->history)
		gcs_history_firing(p->history, t_ns, firing);
}

void playback_history_cycle(struct gcs_playback *p, const struct playback_gc *g)
{
	struct gcs_cycle_row *row = p->history ? gcs_history_cycle(p->history, (uint32_t)g->cycle) : NULL;
	if (row)
		*row = (struct gcs_cycle_row){(uint32_t)g->cycle, g->cause, g->start_ns, g->mark_end_ns, g->end_ns, g->sweep_end_ns};
}

void playback_history_event(struct gcs_playback *p, const struct playback_event *e)
{
	struct gcs_event_view *row = p->history ? gcs_history_event(p->history) : NULL;
	if (!row)
		return;
	row->t_ns = e->t_ns;
	row->level = e->level;
	snprintf(row->text, sizeof row->text, "%s", e->text);
}

void playback_history_window(struct gcs_playback *p, const struct playback_window *w, const struct gcs_measure *m)
{
	if (p->history && w->start_ns < p->scenario->end_ns)
		gcs_heat_window(&p->history->heat, w->start_ns, w->end_ns, m, p->scenario->nworkloads);
}

/* The newest occurrence of the firing's fault that had begun when the pause did. */
static uint16_t history_occurrence(const struct gcs_playback *p, const struct gcs_pause_row *row)
{
	int fault = gcs_firing_fault(row->firing);
	for (size_t i = p->noccs; fault >= 0 && i-- > 0;)
		if (p->occ[i].fault == (uint32_t)fault && p->occ[i].start_ns <= row->t_ns - row->dur_ns)
			return (uint16_t)(p->occ[i].number + 1);
	return 0;
}

static void history_occurrences(const struct gcs_playback *p)
{
	struct gcs_history *h = p->history;
	gcs_history_occs(h, p->noccs);
	for (size_t i = p->noccs > GCS_HISTORY_OCCS ? p->noccs - GCS_HISTORY_OCCS : 0; i < p->noccs; i++) {
		const struct playback_occ *o = &p->occ[i];
		*gcs_history_occ(h) = (struct gcs_occ_row){o->fault,    o->number,	   o->state,  o->by_operator, o->start_ns,
							   o->first_fired_ns, o->end_ns, o->steady_ns, o->recovery_ns};
	}
}

void playback_history(struct gcs_playback *p)
{
	struct gcs_history *h = p->history;
	if (!h)
		return;
	for (uint32_t i = 0; i < h->npauses; i++) /* rows of pauses are read before those of occurrences */
		if (h->pause[i].firing && !h->pause[i].occurrence)
			h->pause[i].occurrence = history_occurrence(p, &h->pause[i]);
	history_occurrences(p);
	if (p->cell)
		playback_cells_whole(p, h);
}
