/*
 * playback_replay.c: the windows of a record, one after the other, as the collector closed them: what the checks said after each,
 * what the recovery signals were, and sums along the way from which any moment's totals follow.
 *
 * Checks are judged by the code of a live run (check.c). Those that read facts about the run get the ones that the record dates
 * (faults, recovery); those that it keeps as one last figure only (integrity, losses) are 0 before the end.
 */
#include "harness/playback/playback_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_SUM_EVERY 64

/* ---------------------------------------------------------------- beginning */

static const struct gcs_check *replay_check(const struct gcs_scenario *s, uint32_t i)
{
	return i < s->nslos ? &s->slo[i] : &s->expect[i - s->nslos];
}

int playback_replay_begin(struct gcs_playback *p)
{
	const struct gcs_scenario *s = p->scenario;
	struct gcs_recoveries *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	p->nchecks = s->nslos + s->nexpects;
	/* A check or signal of a newer gcstorm is left out. */
	for (uint32_t i = 0; i < p->nchecks; i++)
		p->judged[i] = gcs_judge_init(&p->judge[i], replay_check(s, i), s) == 0;
	if (gcs_recoveries_init(r, s) == 0) {
		p->nsignals = r->nsignals;
		memcpy(p->signal, r->signal, r->nsignals * sizeof r->signal[0]);
	}
	gcs_recoveries_fini(r);
	free(r);
	for (int i = 0; i < GCS_SERIES + (int)s->nworkloads; i++)
		if (!(p->scratch_hist[i] = calloc(1, sizeof *p->scratch_hist[i])))
			return -ENOMEM;
	p->sum_every = REPLAY_SUM_EVERY;
	return 0;
}

void playback_replay_fini(struct gcs_playback *p)
{
	for (uint32_t i = 0; i < p->nchecks; i++)
		gcs_judge_fini(&p->judge[i]);
	for (int i = 0; i < GCS_SERIES + GCS_WORKLOADS_MAX; i++)
		free(p->scratch_hist[i]);
	for (size_t i = 0; i < p->nsums; i++)
		gcs_measure_fini(&p->sum[i].m);
	gcs_measure_fini(&p->at.m);
	gcs_measure_fini(&p->steady.m);
	free(p->check);
	free(p->value);
}

/* ---------------------------------------------------------------- sums */

static void replay_add_hist(const struct gcs_playback *p, struct watch_hist_sum **to, const struct playback_hist *h)
{
	if (h->n == 0)
		return;
	if (!*to)
		*to = calloc(1, sizeof **to);
	if (*to)
		gcs_hist_add(*to, p->bytes + h->at, h->n); /* broken bytes count as none */
}

static void replay_add_ops(const struct gcs_playback *p, struct gcs_measure *to, const struct playback_window *w, bool hists)
{
	for (uint32_t i = 0; i < p->scenario->nworkloads && w->ops; i++) {
		to->ops[i] += w->ops[i].count;
		to->errors[i] += w->ops[i].errors;
		if (hists)
			replay_add_hist(p, &to->op[i], &w->ops[i].hist);
	}
}

void playback_add(const struct gcs_playback *p, struct gcs_measure *to, const struct playback_window *w)
{
	to->span_ns += w->end_ns - w->start_ns;
	for (int s = 0; s < GCS_SERIES; s++)
		replay_add_hist(p, &to->series[s], &w->series[s]);
	to->gc_forced += w->gc_forced;
	to->gc_cycles += w->gc_cycles;
	to->gc_cpu_ns += w->gc_cpu_ns;
	to->cpu_ns += w->cpu_ns;
	to->assist_ns += w->assist_ns;
	if (w->rss > to->rss_max)
		to->rss_max = w->rss;
}

static void replay_copy(struct gcs_measure *to, const struct gcs_measure *from)
{
	gcs_measure_fini(to);
	memset(to, 0, sizeof *to);
	gcs_measure_merge(to, from);
}

static void replay_advance(struct gcs_playback *p, size_t n)
{
	for (; p->at.windows < n; p->at.windows++) {
		const struct playback_window *w = &p->window[p->at.windows];
		if (w->start_ns < p->scenario->end_ns) /* later: the contents are being checked */
			playback_add(p, &p->at.m, w);
		replay_add_ops(p, &p->at.m, w, w->recorded);
	}
}

/* Every other one goes, when there are many. */
static void replay_thin(struct gcs_playback *p)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->nsums; i++) {
		if (i % 2)
			p->sum[kept++] = p->sum[i];
		else
			gcs_measure_fini(&p->sum[i].m);
	}
	p->nsums = kept;
	p->sum_every *= 2;
}

/* Sum i is of the first (i + 1) * sum_every windows. */
static void replay_keep(struct gcs_playback *p)
{
	if (p->at.windows % p->sum_every != 0 || p->at.windows / p->sum_every != p->nsums + 1)
		return;
	memset(&p->sum[p->nsums], 0, sizeof p->sum[0]);
	p->sum[p->nsums].windows = p->at.windows;
	replay_copy(&p->sum[p->nsums++].m, &p->at.m);
	if (p->nsums == PLAYBACK_SUMS_MAX)
		replay_thin(p);
}

const struct gcs_measure *playback_sum(struct gcs_playback *p, size_t n)
{
	size_t near = n / p->sum_every;
	near = near < p->nsums ? near : p->nsums;
	size_t from = near ? p->sum[near - 1].windows : 0;
	if (p->at.windows > n || p->at.windows < from) {
		if (near)
			replay_copy(&p->at.m, &p->sum[near - 1].m);
		else
			gcs_measure_fini(&p->at.m);
		p->at.windows = from;
	}
	replay_advance(p, n);
	return &p->at.m;
}

const struct gcs_measure *playback_steady(struct gcs_playback *p, size_t n)
{
	int64_t first_ns = p->noccs ? p->occ[0].start_ns : INT64_MAX;
	if (p->steady.windows > n || p->steady_first_ns != first_ns) {
		gcs_measure_fini(&p->steady.m);
		p->steady.windows = 0;
		p->steady_first_ns = first_ns;
	}
	for (; p->steady.windows < n; p->steady.windows++) {
		const struct playback_window *w = &p->window[p->steady.windows];
		bool whole = w->end_ns - w->start_ns >= p->scenario->recovery.window_ns;
		if (w->recorded && whole && w->end_ns <= first_ns && w->end_ns <= p->scenario->end_ns)
			playback_add(p, &p->steady.m, w);
	}
	return &p->steady.m;
}

size_t playback_closed(const struct gcs_playback *p, int64_t t_ns)
{
	size_t low = 0, high = p->nwindows;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->window[middle].end_ns <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---------------------------------------------------------------- one window */

static struct watch_hist_sum *replay_hist(struct gcs_playback *p, int slot, const struct playback_hist *h)
{
	struct watch_hist_sum *to = p->scratch_hist[slot];
	return h->n && gcs_hist_decode(to, p->bytes + h->at, h->n) == 0 ? to : NULL;
}

/* Histograms are lent; pulses are its own. */
static void replay_forget(struct gcs_measure *m)
{
	for (int k = 0; k < GCS_PULSE_KINDS; k++)
		for (uint32_t w = 0; w < GCS_WORKLOADS_MAX; w++)
			gcs_pulses_fini(&m->pulses[k][w]);
	memset(m, 0, sizeof *m);
}

/* The window's measure; stands until the next one, then replay_forget. Pulses are known to a window here, live to a slice of it. */
static const struct gcs_measure *replay_measure(struct gcs_playback *p, const struct playback_window *w)
{
	struct gcs_measure *m = &p->scratch;
	m->span_ns = w->end_ns - w->start_ns;
	for (int s = 0; s < GCS_SERIES; s++)
		m->series[s] = replay_hist(p, s, &w->series[s]);
	for (uint32_t i = 0; i < p->scenario->nworkloads && w->ops; i++) {
		m->op[i] = replay_hist(p, GCS_SERIES + (int)i, &w->ops[i].hist);
		m->ops[i] = w->ops[i].count;
		m->errors[i] = w->ops[i].errors;
		if (m->op[i])
			gcs_measure_slowest(m, i, w->end_ns, (int64_t)m->op[i]->max_ns);
	}
	m->gc_cycles = w->gc_cycles;
	m->gc_forced = w->gc_forced;
	m->gc_cpu_ns = w->gc_cpu_ns;
	m->cpu_ns = w->cpu_ns;
	m->assist_ns = w->assist_ns;
	m->heap_live_min = w->heap_live_min;
	m->heap_live_max = w->heap_live_max;
	m->heap_marked = w->heap_marked;
	m->heap_goal_max = w->heap_goal;
	m->rss_max = w->rss;
	return m;
}

static void replay_checks(struct gcs_playback *p, const struct gcs_measure *m, const struct playback_window *w,
			  struct playback_judged *out)
{
	struct gcs_facts facts;
	playback_facts(p, w->end_ns, &facts);
	for (uint32_t i = 0; i < p->nchecks; i++) {
		struct gcs_judge *j = &p->judge[i];
		if (!p->judged[i])
			continue;
		gcs_judge_interval(j, m, w->phase, w->end_ns, p->scenario);
		gcs_judge_read(j, &facts, p->scenario, w->end_ns, false);
		out[i] = (struct playback_judged){j->has ? j->value : 0, (signed char)j->state, j->has};
	}
}

static void replay_signals(struct gcs_playback *p, const struct gcs_measure *m, double *out)
{
	for (uint32_t k = 0; k < p->nsignals; k++) {
		struct gcs_reading from = {.m = m, .nworkloads = p->scenario->nworkloads};
		if (!gcs_metric_read(&p->signal[k].ref, from, &out[k]))
			out[k] = NAN;
	}
}

static bool replay_room(struct gcs_playback *p)
{
	if (p->replay_cap >= p->nwindows)
		return true;
	size_t cap = p->windows_cap;
	void *check = reallocarray(p->check, cap * (p->nchecks + 1), sizeof *p->check);
	if (check)
		p->check = check;
	void *value = reallocarray(p->value, cap * (p->nsignals + 1), sizeof *p->value);
	if (value)
		p->value = value;
	if (!check || !value)
		p->error = -ENOMEM;
	else
		p->replay_cap = cap;
	return check && value;
}

void playback_replay(struct gcs_playback *p)
{
	if (!replay_room(p))
		return;
	playback_sum(p, p->nreplayed);
	for (; p->nreplayed < p->nwindows; p->nreplayed++) {
		const struct playback_window *w = &p->window[p->nreplayed];
		struct playback_judged *out = p->check + p->nreplayed * p->nchecks;
		if (p->nchecks)
			memset(out, 0, p->nchecks * sizeof *out);
		const struct gcs_measure *m = replay_measure(p, w);
		replay_checks(p, m, w, out);
		replay_signals(p, m, p->value + p->nreplayed * p->nsignals);
		playback_history_window(p, w, m);
		replay_forget(&p->scratch);
		replay_advance(p, p->nreplayed + 1);
		replay_keep(p);
	}
}
