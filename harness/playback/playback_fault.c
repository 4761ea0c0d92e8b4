/*
 * playback_fault.c: faults and their occurrences at a moment of a record.
 *
 * An occurrence's row says how it ended. What was known of it at t follows from its times: a signal's leaving its band is known when
 * the window in which it did closes; a decision that the row does not date (it never came back, it could not be judged) is put where
 * recovery.c takes it: on the clock, which runs while nothing is armed.
 */
#include "harness/playback/playback_priv.h"

#include "harness/measure/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- clocks, decisions, marks */

static int fault_order(const void *a, const void *b)
{
	const struct playback_mark *x = a, *y = b;
	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return (int)x->what - (int)y->what;
}

static void fault_mark(struct gcs_playback *p, int64_t t_ns, const struct playback_occ *o, int what)
{
	struct playback_mark *m = playback_more(p, &p->mark, &p->nmarks, &p->marks_cap, sizeof *m);
	if (m)
		*m = (struct playback_mark){t_ns, o->fault, o->number, what};
}

static bool fault_inside(const struct gcs_playback *p, uint32_t fault, int64_t t_ns)
{
	for (size_t i = 0; i < p->noccs; i++)
		if (p->occ[i].fault == fault && t_ns >= p->occ[i].start_ns &&
		    (p->occ[i].end_ns < 0 || t_ns <= p->occ[i].end_ns))
			return true;
	return false;
}

#define FAULT_ALONE_NS 1000000000 /* firings by hand that are closer than this are one edge */

/* Firings of a fault that was not armed: by hand. */
static void fault_mark_alone(struct gcs_playback *p, uint32_t fault)
{
	const struct playback_times *f = &p->fired[fault];
	int64_t last_ns = INT64_MIN / 2;
	for (size_t i = 0; i < f->n; i++) {
		if (f->t[i] - last_ns < FAULT_ALONE_NS || fault_inside(p, fault, f->t[i]))
			continue;
		last_ns = f->t[i];
		fault_mark(p, last_ns, &(struct playback_occ){.fault = fault}, PLAYBACK_FIRE);
	}
}

/* When the clock last began to run for an occurrence that ended at end_ns, and when it stopped again: INT64_MAX it did not. */
static int64_t fault_quiet(const struct gcs_playback *p, int64_t end_ns, int64_t *ret_until)
{
	int armed = 0;
	int64_t from = -1;
	*ret_until = INT64_MAX;
	for (size_t i = 0; i < p->nmarks; i++) {
		const struct playback_mark *m = &p->mark[i];
		armed += m->what == PLAYBACK_ARM ? 1 : m->what == PLAYBACK_DISARM ? -1 : 0;
		if (m->t_ns < end_ns)
			continue;
		if (from < 0 && armed == 0 && m->what == PLAYBACK_DISARM)
			from = m->t_ns;
		else if (from >= 0 && armed > 0) {
			*ret_until = m->t_ns;
			break;
		}
	}
	return from;
}

/* The end of the first window that begins on the clock and ends after `after_ns`, and `skip` windows on. */
static int64_t fault_window(const struct gcs_playback *p, int64_t clock_ns, int64_t after_ns, uint32_t skip)
{
	for (size_t i = playback_closed(p, clock_ns); i < p->nwindows; i++)
		if (p->window[i].start_ns >= clock_ns && p->window[i].end_ns > after_ns && skip-- == 0)
			return p->window[i].end_ns;
	return INT64_MAX;
}

static void fault_decide(struct gcs_playback *p, struct playback_occ *o)
{
	const struct gcs_recovery *r = &p->scenario->recovery;
	int64_t until_ns = INT64_MAX, clock_ns = o->end_ns < 0 ? -1 : fault_quiet(p, o->end_ns, &until_ns);
	int64_t at_ns = INT64_MAX;
	o->clock_ns = clock_ns < 0 ? INT64_MAX : clock_ns;
	o->decided_ns = o->steady_ns >= 0 ? o->steady_ns : INT64_MAX;
	if (o->steady_ns >= 0 || (o->state != GCS_REC_NEVER && o->state != GCS_REC_UNJUDGED))
		return;
	/* another arming stops the clock and the next quiet starts it anew */
	while (clock_ns >= 0) {
		if (o->state == GCS_REC_NEVER && r->deadline_ns > 0)
			at_ns = fault_window(p, clock_ns, clock_ns + r->deadline_ns, 0);
		else if (o->state == GCS_REC_UNJUDGED)
			at_ns = fault_window(p, clock_ns, clock_ns, (r->windows ? r->windows : 5) - 1);
		if (at_ns <= until_ns || until_ns == INT64_MAX)
			break;
		clock_ns = fault_quiet(p, until_ns, &until_ns);
	}
	int64_t end_ns = gcs_playback_end(p);
	o->decided_ns = at_ns < end_ns || !p->finished ? at_ns : end_ns;
}

static int fault_time_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

void playback_faults(struct gcs_playback *p)
{
	p->nmarks = 0;
	for (size_t i = 0; i < p->noccs; i++) {
		fault_mark(p, p->occ[i].start_ns, &p->occ[i], PLAYBACK_ARM);
		if (p->occ[i].end_ns >= 0)
			fault_mark(p, p->occ[i].end_ns, &p->occ[i], PLAYBACK_DISARM);
	}
	for (uint32_t f = 0; f < p->scenario->nfaults; f++) {
		if (p->fired[f].disordered)
			qsort(p->fired[f].t, p->fired[f].n, sizeof p->fired[f].t[0], fault_time_order);
		p->fired[f].disordered = false;
		fault_mark_alone(p, f);
	}
	if (p->nmarks)
		qsort(p->mark, p->nmarks, sizeof p->mark[0], fault_order);
	for (size_t i = 0; i < p->noccs; i++)
		fault_decide(p, &p->occ[i]);
}

/* ---------------------------------------------------------------- counts */

size_t playback_times_until(const struct playback_times *f, int64_t t_ns)
{
	size_t low = 0, high = f->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (f->t[middle] <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t playback_armed(const struct gcs_playback *p, int64_t t_ns, uint32_t *ret_by_operator)
{
	uint32_t armed = 0;
	*ret_by_operator = 0;
	for (size_t i = 0; i < p->noccs; i++) {
		const struct playback_occ *o = &p->occ[i];
		if (o->start_ns > t_ns || (o->end_ns >= 0 && o->end_ns <= t_ns))
			continue;
		armed |= 1u << o->fault;
		*ret_by_operator |= (uint32_t)o->by_operator << o->fault;
	}
	return armed;
}

static uint64_t fault_listed(const struct playback_times *f, int64_t from_ns, int64_t to_ns)
{
	size_t until = playback_times_until(f, to_ns), before = playback_times_until(f, from_ns - 1);
	return until > before ? until - before : 0;
}

uint64_t playback_fired(const struct gcs_playback *p, uint32_t fault, int64_t t_ns, bool *ret_least)
{
	uint64_t n = 0;
	*ret_least = false;
	if (t_ns >= gcs_playback_end(p))
		return p->fault_final[fault].fired;
	for (size_t i = 0; i < p->noccs; i++) {
		const struct playback_occ *o = &p->occ[i];
		if (o->fault != fault || o->start_ns > t_ns)
			continue;
		if (o->end_ns >= 0 && o->end_ns <= t_ns) {
			n += o->fired;
			continue;
		}
		uint64_t listed = fault_listed(&p->fired[fault], o->start_ns, t_ns);
		n += listed < o->fired || o->end_ns < 0 ? listed : o->fired;
		*ret_least = fault_listed(&p->fired[fault], o->start_ns, o->end_ns < 0 ? INT64_MAX : o->end_ns) < o->fired;
	}
	for (size_t i = 0; i < p->nmarks; i++)
		n += p->mark[i].what == PLAYBACK_FIRE && p->mark[i].fault == fault && p->mark[i].t_ns <= t_ns;
	return n < p->fault_final[fault].fired ? n : p->fault_final[fault].fired;
}

/* ---------------------------------------------------------------- occurrences */

/* When the window that holds t closes: what it showed is known then. */
static int64_t fault_known(const struct gcs_playback *p, int64_t t_ns)
{
	size_t at = playback_closed(p, t_ns);
	return at < p->nwindows ? p->window[at].end_ns : t_ns;
}

enum gcs_rec_state playback_occ_state(const struct gcs_playback *p, const struct playback_occ *o, int64_t t_ns)
{
	bool last = t_ns >= gcs_playback_end(p);
	if (last || t_ns >= o->decided_ns)
		return o->state;
	bool degraded = o->degraded_ns >= 0 && t_ns >= fault_known(p, o->degraded_ns);
	if (!degraded)
		return GCS_REC_ARMED;
	return t_ns >= o->clock_ns ? GCS_REC_RECOVERING : GCS_REC_DEGRADED;
}

static void fault_facts(const struct gcs_playback *p, const struct playback_occ *o, int64_t t_ns, struct gcs_facts *to)
{
	struct gcs_fault_facts *f = &to->fault[o->fault];
	enum gcs_rec_state state = playback_occ_state(p, o, t_ns);
	bool degraded = state == GCS_REC_DEGRADED || state == GCS_REC_RECOVERING || state == GCS_REC_STEADY ||
			state == GCS_REC_NEVER;
	bool decided = state >= GCS_REC_STEADY;
	f->occurrences++;
	f->degraded += degraded;
	f->never += state == GCS_REC_NEVER;
	f->recovered += state == GCS_REC_STEADY || state == GCS_REC_UNTOUCHED;
	to->occurrences++;
	to->degraded += degraded;
	to->never += state == GCS_REC_NEVER;
	to->open += !decided;
	if (decided && o->recovery_ns > to->recovery_max_ns)
		to->recovery_max_ns = o->recovery_ns;
}

void playback_facts(const struct gcs_playback *p, int64_t t_ns, struct gcs_facts *ret)
{
	bool least, last = t_ns >= gcs_playback_end(p);
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < p->noccs; i++)
		if (p->occ[i].start_ns <= t_ns)
			fault_facts(p, &p->occ[i], t_ns, ret);
	for (uint32_t i = 0; i < p->scenario->nfaults; i++)
		ret->fault[i].fired = playback_fired(p, i, t_ns, &least);
	if (!last)
		return;
	for (uint32_t i = 0; i < p->scenario->nfaults; i++) {
		ret->fault[i].visits = p->fault_final[i].visits;
		ret->fault[i].eligible = p->fault_final[i].eligible;
		ret->fault[i].masked = p->fault_final[i].masked;
	}
	ret->integrity_checked = p->last.checked;
	ret->integrity_errors = p->last.errors;
	ret->crashes = p->last.crashes;
	ret->samples_lost = p->last.lost;
	ret->injector_cost = p->last.cost;
	ret->stall_max_ns = (int64_t)p->last.stall_ns;
}

/* ---------------------------------------------------------------- what a snapshot shows of them */

/* The worst value of a signal in the windows of an occurrence that had closed by t; NAN none. */
static double fault_peak(const struct gcs_playback *p, const struct playback_occ *o, uint32_t k, int64_t t_ns)
{
	bool high = p->signal[k].ref.metric->worse > 0;
	size_t n = playback_closed(p, t_ns);
	double worst = NAN;
	for (size_t i = playback_closed(p, o->first_fired_ns); i < n && i < p->nreplayed; i++) {
		double v = p->value[i * p->nsignals + k];
		if (!isnan(v) && (isnan(worst) || (high ? v > worst : v < worst)))
			worst = v;
	}
	return worst;
}

/* The record has the peak's ratio to the baseline; that of a smaller peak is in proportion. */
static double fault_ratio(const struct gcs_playback *p, const struct playback_occ *o, uint32_t k, int64_t t_ns)
{
	const struct playback_signal *sig = &o->signal[k];
	bool high = p->signal[k].ref.metric->worse > 0;
	double so_far = t_ns >= o->decided_ns || o->first_fired_ns < 0 ? NAN : fault_peak(p, o, k, t_ns);
	if (isnan(so_far) || sig->peak <= 0 || so_far <= 0)
		return sig->peak_ratio;
	double ratio = sig->peak_ratio * (high ? so_far / sig->peak : sig->peak / so_far);
	return ratio < sig->peak_ratio ? ratio : sig->peak_ratio;
}

static void fault_show_signals(const struct gcs_playback *p, const struct playback_occ *o, int64_t t_ns,
			       struct gcs_rec_view *v)
{
	bool decided = t_ns >= o->decided_ns || t_ns >= gcs_playback_end(p);
	v->nsignals = p->nsignals;
	for (uint32_t k = 0; k < p->nsignals; k++) {
		const struct playback_signal *sig = &o->signal[k];
		v->signal[k].name = p->signal[k].name;
		v->signal[k].left = sig->left_ns >= 0 && (decided || t_ns >= fault_known(p, sig->left_ns));
		v->signal[k].recovery_ns = decided ? sig->recovery_ns : -1;
		v->signal[k].peak_ratio = decided || v->signal[k].left ? fault_ratio(p, o, k, t_ns) : 0;
	}
}

/* Something else was armed with it, or has been armed before it was decided. */
static bool fault_overlapped(const struct gcs_playback *p, const struct playback_occ *o, int64_t t_ns)
{
	bool met = t_ns >= o->decided_ns || t_ns >= gcs_playback_end(p);
	for (size_t i = 0; i < p->noccs && o->overlapped && !met; i++) {
		const struct playback_occ *x = &p->occ[i];
		bool at_start = x->start_ns <= o->start_ns && (x->end_ns < 0 || x->end_ns > o->start_ns);
		bool since = x->start_ns > o->start_ns && x->start_ns <= t_ns;
		met = x != o && (at_start || since);
	}
	return o->overlapped && met;
}

static void fault_show_recovery(struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns)
{
	const uint32_t cap = sizeof s->rec / sizeof s->rec[0];
	size_t begun = 0, from;
	while (begun < p->noccs && p->occ[begun].start_ns <= t_ns)
		begun++;
	from = begun > cap ? begun - cap : 0;
	s->nrecs = (uint32_t)(begun - from);
	for (size_t i = from; i < begun; i++) {
		const struct playback_occ *o = &p->occ[i];
		struct gcs_rec_view *v = &s->rec[i - from];
		bool decided = t_ns >= o->decided_ns || t_ns >= gcs_playback_end(p);
		*v = (struct gcs_rec_view){.fault = o->fault,
					   .occurrence = o->number,
					   .state = playback_occ_state(p, o, t_ns),
					   .overlapped = fault_overlapped(p, o, t_ns),
					   .start_ns = o->start_ns,
					   .end_ns = o->end_ns <= t_ns ? o->end_ns : -1,
					   .recovery_ns = decided ? o->recovery_ns : -1};
		fault_show_signals(p, o, t_ns, v);
	}
}

void playback_show_faults(struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns)
{
	uint32_t by_operator, armed = playback_armed(p, t_ns, &by_operator);
	bool last = t_ns >= gcs_playback_end(p);
	for (uint32_t i = 0; i < p->scenario->nfaults; i++) {
		struct gcs_fault_view *v = &s->fault[i];
		v->what = p->what[i];
		v->armed = armed >> i & 1;
		v->operator_act = by_operator >> i & 1;
		v->fired = playback_fired(p, i, t_ns, &v->fired_least);
		v->next_edge_ns = gcs_snapshot_next_edge(&p->scenario->fault[i], t_ns);
		v->visits = last ? p->fault_final[i].visits : 0;
		v->eligible = last ? p->fault_final[i].eligible : 0;
		v->masked = last ? p->fault_final[i].masked : 0;
		v->occurrence = 0;
		for (size_t k = 0; k < p->noccs; k++)
			v->occurrence += p->occ[k].fault == i && p->occ[k].start_ns <= t_ns;
	}
	fault_show_recovery(p, s, t_ns);
}

static uint32_t fault_cell(const struct gcs_playback *p, int64_t t_ns)
{
	int64_t end_ns = gcs_playback_end(p), at = end_ns > 0 ? (int64_t)((double)t_ns / (double)end_ns * GCS_TRACK_CELLS) : 0;
	return at < 0 ? 0 : at >= GCS_TRACK_CELLS ? GCS_TRACK_CELLS - 1 : (uint32_t)at;
}

void playback_track(const struct gcs_playback *p, struct gcs_snapshot *s)
{
	uint8_t *track = s->playback.track;
	memset(track, 0, GCS_TRACK_CELLS);
	for (size_t i = 0; i < p->noccs; i++) {
		const struct playback_occ *o = &p->occ[i];
		uint32_t from = fault_cell(p, o->start_ns), to = fault_cell(p, o->end_ns < 0 ? gcs_playback_end(p) : o->end_ns);
		for (uint32_t c = from; c <= to; c++)
			track[c] |= (uint8_t)(GCS_TRACK_ARMED | (o->by_operator ? GCS_TRACK_HAND : 0));
		track[from] |= GCS_TRACK_EDGE;
	}
	for (uint32_t f = 0; f < p->scenario->nfaults; f++)
		for (size_t i = 0; i < p->fired[f].n; i++)
			track[fault_cell(p, p->fired[f].t[i])] |= GCS_TRACK_FIRED;
}
