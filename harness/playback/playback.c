/*
 * playback.c: a record's life in memory, and the picture of a moment; see playback.h.
 *
 * Opening reads everything but the pauses' details (they are asked for when one is looked for). A seek adds the windows between the
 * nearest kept sum and the moment, joins the history's cells, and looks the rest up.
 */
#include "harness/playback/playback_priv.h"

#include "runtime/gc/gc.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PLAYBACK_FRESH_NS 5000000000 /* a record that has grown since then goes on growing */

static int64_t playback_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* ---------------------------------------------------------------- life */

static void playback_begin(struct gcs_playback *p)
{
	struct gcs_snapshot *s = &p->snap;
	gcs_snapshot_begin(s, p->scenario);
	s->sim = p->sim;
	snprintf(s->run_id, sizeof s->run_id, "%s", p->id);
	snprintf(s->record_path, sizeof s->record_path, "%s", p->path);
	s->history = p->history;
	s->playback.active = true;
	s->playback.begun_wall_ns = p->begun_wall_ns;
}

static void playback_update(struct gcs_playback *p)
{
	playback_faults(p);
	playback_replay(p);
	playback_cells(p);
	playback_history(p);
	playback_track(p, &p->snap);
	p->shown_ns = -1;
}

/* The file or its log was written a moment ago. */
static bool playback_warm(const char *path)
{
	static const char *const suffix[] = {"", "-wal"};
	char name[4096];
	struct stat st;
	int64_t now_ns = playback_clock(CLOCK_REALTIME);
	for (int i = 0; i < 2; i++)
		if (snprintf(name, sizeof name, "%s%s", path, suffix[i]) < (int)sizeof name && stat(name, &st) == 0 &&
		    now_ns - (st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec) < PLAYBACK_FRESH_NS)
			return true;
	return false;
}

int gcs_playback_open(struct gcs_playback **ret, const char *path, char **ret_text)
{
	struct gcs_playback *p = calloc(1, sizeof *p);
	*ret_text = NULL;
	if (!p || !(p->path = strdup(path))) {
		free(p);
		return -ENOMEM;
	}
	p->shown_ns = -1;
	int e = playback_load(p, ret_text);
	if (e >= 0) {
		playback_begin(p);
		playback_update(p);
		e = p->error;
	}
	if (e < 0) {
		gcs_playback_close(p);
		return e;
	}
	p->grown_at_ns = playback_warm(path) ? playback_clock(CLOCK_MONOTONIC) : 0;
	*ret = p;
	return 0;
}

int gcs_playback_refresh(struct gcs_playback *p)
{
	char *text = NULL;
	if (p->finished)
		return 0;
	int e = playback_load(p, &text);
	free(text);
	if (e == 0)
		return 0;
	/* what has been read of a record that then failed is shown too */
	playback_update(p);
	if (e > 0)
		p->grown_at_ns = playback_clock(CLOCK_MONOTONIC);
	return p->error ? p->error : e;
}

void gcs_playback_close(struct gcs_playback *p)
{
	if (!p)
		return;
	playback_replay_fini(p);
	for (size_t i = 0; i < p->windows_cap && i < p->nwindows; i++)
		free(p->window[i].ops);
	for (size_t i = 0; i < p->nevents; i++)
		free(p->event[i].text);
	playback_hand_fini(p);
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++)
		free(p->fired[i].t);
	void *arrays[] = {p->path, p->bytes, p->window, p->occ, p->gc, p->stop, p->event, p->mark, p->cell, p->line};
	for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
		free(arrays[i]);
	gcs_history_destroy(p->history);
	gcs_scenario_destroy(p->scenario);
	free(p);
}

const char *gcs_playback_thinned(const struct gcs_playback *p)
{
	return p->thinned[0] ? p->thinned : NULL;
}

bool gcs_playback_finished(const struct gcs_playback *p)
{
	return p->finished;
}

int64_t gcs_playback_end(const struct gcs_playback *p)
{
	int64_t end_ns = p->end_ns >= 0 ? p->end_ns : p->now_ns;
	return end_ns > 0 ? end_ns : 0;
}

/* The run's target is there, by pid and name: pids are used again. */
static bool playback_target_lives(int64_t pid)
{
	char path[64], name[32] = "";
	if (pid <= 0)
		return false;
	snprintf(path, sizeof path, "/proc/%" PRId64 "/comm", pid);
	FILE *f = fopen(path, "re");
	bool read = f && fgets(name, sizeof name, f);
	if (f)
		fclose(f);
	return read && strncmp(name, "gcstorm-target", strlen("gcstorm-target")) == 0;
}

bool gcs_playback_live(const struct gcs_playback *p)
{
	if (p->finished)
		return false;
	bool fresh = p->grown_at_ns > 0 && playback_clock(CLOCK_MONOTONIC) - p->grown_at_ns < PLAYBACK_FRESH_NS;
	return fresh || playback_target_lives(p->pid);
}

/* ---------------------------------------------------------------- the picture */

static void show_pcts(const struct watch_hist_sum *h, struct gcs_pcts *ret)
{
	if (h)
		gcs_hist_pcts(h, ret);
	else
		memset(ret, 0, sizeof *ret);
}

static double show_share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* "now": the last windows of n. */
static void show_now(struct gcs_playback *p, struct gcs_snapshot *s, size_t n)
{
	const struct gcs_recovery *r = &p->scenario->recovery;
	size_t keep = gcs_snapshot_recent(r->window_ns > 0 ? r->window_ns : 1000000000);
	struct gcs_measure sum = {0};
	for (size_t i = n > keep ? n - keep : 0; i < n; i++) /* those of a thinned record are long */
		if (i + 1 == n || p->window[i].end_ns > s->now_ns - GCS_NOW_NS)
			playback_add(p, &sum, &p->window[i]);
	show_pcts(sum.series[GCS_STW], &s->stw_now);
	show_pcts(sum.series[GCS_ASSIST], &s->assist_now);
	show_pcts(sum.series[GCS_WAKE], &s->wake_now);
	show_pcts(sum.series[GCS_SCHED], &s->sched_now);
	s->gc_cpu = show_share((double)sum.gc_cpu_ns, (double)sum.cpu_ns);
	s->assist_share = show_share((double)sum.assist_ns, (double)sum.cpu_ns);
	s->stw_share = sum.series[GCS_STW] ? show_share((double)sum.series[GCS_STW]->sum_ns, (double)sum.span_ns) : 0;
	gcs_measure_fini(&sum);
}

static void show_steady(struct gcs_snapshot *s, const struct gcs_measure *steady)
{
	show_pcts(steady->series[GCS_STW], &s->stw_steady);
	show_pcts(steady->series[GCS_STOPPING], &s->stopping_steady);
	show_pcts(steady->series[GCS_ASSIST], &s->assist_steady);
	show_pcts(steady->series[GCS_WAKE], &s->wake_steady);
}

static double show_baseline(const struct gcs_playback *p, int64_t t_ns)
{
	int64_t first_ns = p->noccs ? p->occ[0].start_ns : INT64_MAX, span_ns = 0;
	double ops = 0;
	for (size_t i = 0; i < p->nwindows && p->window[i].end_ns <= first_ns && p->window[i].end_ns <= t_ns; i++) {
		const struct playback_window *w = &p->window[i];
		for (uint32_t k = 0; k < p->scenario->nworkloads && w->recorded && w->ops; k++)
			ops += (double)w->ops[k].count;
		span_ns += w->recorded ? w->end_ns - w->start_ns : 0;
	}
	return show_share(ops * 1e9, (double)span_ns);
}

static void show_work(struct gcs_playback *p, struct gcs_snapshot *s, size_t n, const struct gcs_measure *sum)
{
	while (n > 1 && p->window[n - 1].phase < 0)
		n--; /* what came after the last phase says nothing about the load */
	const struct playback_window *last = n ? &p->window[n - 1] : NULL;
	s->ops_rate = 0;
	for (uint32_t i = 0; i < p->scenario->nworkloads; i++) {
		struct gcs_work_view *v = &s->work[i];
		bool has = last && last->ops;
		v->rate = has ? show_share((double)last->ops[i].count * 1e9, (double)(last->end_ns - last->start_ns)) : 0;
		v->p99_now_ns = has ? last->ops[i].p99_ns : 0;
		v->ops = sum->ops[i];
		v->errors = sum->errors[i];
		show_pcts(sum->op[i], &v->total);
		if (s->now_ns >= gcs_playback_end(p) && p->total_ops[i].count > 0)
			v->total = p->total_ops[i]; /* a thinned record has no others */
		s->ops_rate += v->rate;
	}
	s->ops_rate_baseline = show_baseline(p, s->now_ns);
}

/* Cycles begun at or before t. */
static size_t show_cycles(const struct gcs_playback *p, int64_t t_ns)
{
	size_t n = p->ngcs;
	while (n > 0 && (p->gc[n - 1].start_ns < 0 || p->gc[n - 1].start_ns > t_ns))
		n--;
	return n;
}

static void show_collector(const struct gcs_playback *p, struct gcs_snapshot *s, size_t closed)
{
	int64_t t_ns = s->now_ns, closed_ns = closed ? p->window[closed - 1].end_ns : 0;
	size_t n = show_cycles(p, t_ns);
	const struct playback_gc *g = n ? &p->gc[n - 1] : NULL;
	s->gc_cycle = g ? (uint32_t)g->cycle : 0;
	bool marking = g && (g->mark_end_ns < 0 || g->mark_end_ns > t_ns);
	bool ending = g && !marking && (g->end_ns < 0 || g->end_ns > t_ns);
	s->gc_phase = marking ? GC_MARK : ending ? GC_MARK_TERMINATION : GC_OFF;
	s->mark_ns_last = 0;
	for (size_t i = n; i > 0 && s->mark_ns_last == 0; i--)
		if (p->gc[i - 1].mark_end_ns >= 0 && p->gc[i - 1].mark_end_ns <= t_ns)
			s->mark_ns_last = p->gc[i - 1].mark_ns;
	for (size_t i = n; i > 0 && p->gc[i - 1].start_ns >= closed_ns && closed < p->nwindows; i--)
		s->gc_forced += p->gc[i - 1].cause == GC_TRIGGER_FORCED || p->gc[i - 1].cause == GC_TRIGGER_FAULT;
	playback_heap_at(p, t_ns, &s->heap_live, &s->heap_goal);
}

static void show_stop(const struct gcs_playback *p, struct gcs_snapshot *s)
{
	size_t low = 0, high = p->nstops;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->stop[middle].t_ns <= s->now_ns)
			low = middle + 1;
		else
			high = middle;
	}
	s->stw_last_stopping_ns = low ? p->stop[low - 1].stopping_ns : 0;
	s->stw_last_stopped_ns = low ? p->stop[low - 1].stopped_ns : 0;
}

static void show_events(const struct gcs_playback *p, struct gcs_snapshot *s)
{
	size_t from = p->nevents, n = 0;
	while (from > 0 && n < GCS_EVENTS_SHOWN)
		n += p->event[--from].t_ns <= s->now_ns;
	s->nevents = 0;
	for (size_t i = from; i < p->nevents; i++) {
		if (p->event[i].t_ns > s->now_ns)
			continue;
		struct gcs_event_view *e = gcs_snapshot_event(s);
		e->t_ns = p->event[i].t_ns;
		e->level = p->event[i].level;
		snprintf(e->text, sizeof e->text, "%s", p->event[i].text);
	}
}

/* As the row says it: at the end, and from when it had failed for good. */
static void show_final(struct gcs_slo_view *v, const struct playback_final *f)
{
	v->state = f->state;
	v->value = f->has ? f->value : 0;
	_Static_assert(sizeof v->shown == sizeof f->shown, "one length");
	memcpy(v->shown, f->shown, sizeof v->shown);
}

static void show_checks(const struct gcs_playback *p, struct gcs_snapshot *s, size_t n)
{
	const struct gcs_scenario *sc = p->scenario;
	bool last = p->finished && s->now_ns >= gcs_playback_end(p);
	for (uint32_t i = 0; i < p->nchecks; i++) {
		bool slo = i < sc->nslos;
		uint32_t at = slo ? i : i - sc->nslos;
		const struct playback_final *f = &p->final[slo ? at : GCS_CHECKS_MAX + at];
		bool has_row = at < (slo ? p->nfinal_slos : p->nfinal_expects);
		struct gcs_slo_view *v = &s->slo[i];
		v->state = 0;
		v->value = 0;
		snprintf(v->shown, sizeof v->shown, "-");
		if (has_row && (last || (f->failed_ns >= 0 && f->failed_ns <= s->now_ns))) {
			show_final(v, f);
			continue;
		}
		if (n == 0 || n > p->nreplayed || !p->judged[i])
			continue;
		const struct playback_judged *j = &p->check[(n - 1) * p->nchecks + i];
		v->state = j->state;
		v->value = j->value;
		if (j->has)
			gcs_metric_show(p->judge[i].expr.ref.metric->unit, j->value, v->shown, sizeof v->shown);
	}
}

static void show_last(const struct gcs_playback *p, struct gcs_snapshot *s)
{
	bool last = s->now_ns >= gcs_playback_end(p);
	double stall_ns = p->last.stall_ns > p->last.late_ns ? p->last.stall_ns : p->last.late_ns;
	s->integrity_checked = last ? p->last.checked : 0;
	s->integrity_errors = last ? p->last.errors : 0;
	s->crashes = last ? p->last.crashes : 0;
	s->machine_stall_max_ns = last ? (int64_t)stall_ns : 0;
	/* these say what the record is worth, at any moment of it */
	s->samples_lost = p->last.lost;
	s->injector_cost = p->last.cost;
}

static void show_state(const struct gcs_playback *p, struct gcs_snapshot *s)
{
	bool last = s->now_ns >= gcs_playback_end(p), open = false;
	for (uint32_t i = 0; i < s->nrecs; i++)
		open |= s->rec[i].state < GCS_REC_STEADY;
	if (p->pid < 0 && !p->finished)
		s->state = GCS_STARTING;
	else if (last && (p->finished || !s->playback.live))
		s->state = GCS_ENDED;
	else
		s->state = gcs_snapshot_state(s, s->nrecs > 0, open);
	if (last && p->finished)
		snprintf(s->headline, sizeof s->headline, "%s: %.100s.", p->verdict, p->sentence);
	else if (last && !s->playback.live)
		snprintf(s->headline, sizeof s->headline, "UNFINISHED: the record ends here; its harness was killed.");
	else
		gcs_snapshot_headline(s);
}

struct gcs_snapshot *gcs_playback_at(struct gcs_playback *p, int64_t t_ns)
{
	struct gcs_snapshot *s = &p->snap;
	int64_t end_ns = gcs_playback_end(p);
	t_ns = t_ns < 0 ? 0 : t_ns > end_ns ? end_ns : t_ns;
	s->playback.finished = p->finished;
	s->playback.record_end_ns = end_ns;
	s->playback.live = gcs_playback_live(p);
	s->operator_modified = p->operator_modified;
	s->resolution_ns = p->resolution_ns;
	s->now_ns = t_ns;
	if (p->shown_ns != t_ns) {
		size_t n = p->finished && t_ns == end_ns ? p->nwindows : playback_closed(p, t_ns);
		const struct gcs_measure *sum = playback_sum(p, n);
		s->phase = gcs_scenario_phase_at(p->scenario, t_ns);
		show_pcts(sum->series[GCS_STW], &s->stw_total);
		show_pcts(sum->series[GCS_STOPPING], &s->stopping_total);
		show_pcts(sum->series[GCS_ASSIST], &s->assist_total);
		show_pcts(sum->series[GCS_WAKE], &s->wake_total);
		show_pcts(sum->series[GCS_SCHED], &s->sched_total);
		show_steady(s, playback_steady(p, n));
		s->gc_forced = (uint32_t)sum->gc_forced;
		s->rss_max = sum->rss_max;
		s->rss = n ? p->window[n - 1].rss : 0;
		show_now(p, s, n);
		show_work(p, s, n, sum);
		show_collector(p, s, n);
		show_stop(p, s);
		show_events(p, s);
		playback_show_faults(p, s, t_ns);
		playback_hand_show(p, s, t_ns);
		show_checks(p, s, n);
		show_last(p, s);
		playback_cells_show(p, s, t_ns);
		playback_look_show(p, s, n);
	}
	p->shown_ns = t_ns;
	show_state(p, s);
	return s;
}
