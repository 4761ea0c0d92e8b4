/*
 * collect_view.c: the snapshot: what a screen may know, filled anew at each tick.
 */
#include "harness/collect/collect_priv.h"

#include "harness/base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---------------------------------------------------------------- events */

void collect_say(struct gcs_collect *c, int64_t t_ns, int level, const char *format, ...)
{
	struct gcs_snapshot *s = &c->snap;
	struct gcs_event_view *e = gcs_snapshot_event(s);
	va_list args;
	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	e->t_ns = t_ns;
	e->level = level;
	collect_history_event(c, e);
	gcs_record_put(c->record, GCS_ROW_EVENT, gcs_int(t_ns), gcs_int(level), gcs_text(e->text));
}

/* ---------------------------------------------------------------- what does not change */

void collect_view_what(const struct gcs_fault *f, char ret[256])
{
	const size_t cap = 256;
	char delay[GCS_UNIT_TEXT] = "", when[GCS_UNIT_TEXT];
	int used = snprintf(ret, cap, "%s", f->action ? f->action : "");
	if (f->delay_ns)
		used += snprintf(ret + used, cap - (size_t)used, " %s",
				 gcs_show_duration(delay, f->delay_ns));
	if (f->delay_max_ns)
		used += snprintf(ret + used, cap - (size_t)used, "…%s",
				 gcs_show_duration(delay, f->delay_max_ns));
	if (f->by_milli)
		used += snprintf(ret + used, cap - (size_t)used, " by %g", f->by_milli / 1e3);
	if (f->where)
		used += snprintf(ret + used, cap - (size_t)used, " %s", f->where);
	if (f->mode || f->edge)
		used += snprintf(ret + used, cap - (size_t)used, " %s",
				 f->edge ? "edge" : f->mode);
	if (f->nth)
		used += snprintf(ret + used, cap - (size_t)used, " nth %s",
				 gcs_show_count(when, f->nth));
	if (f->every)
		used += snprintf(ret + used, cap - (size_t)used, " every %s",
				 gcs_show_count(when, f->every));
	if (f->after)
		used += snprintf(ret + used, cap - (size_t)used, " after %s",
				 gcs_show_count(when, f->after));
	if (f->p_ppb && f->p_ppb < 1000000000)
		used += snprintf(ret + used, cap - (size_t)used, " p=%s", gcs_show_share(when, f->p_ppb));
	if (f->condition) /* at the end: it may be cut off */
		snprintf(ret + used, cap - (size_t)used, " while %s", f->condition);
}

void collect_view_begin(struct gcs_collect *c, const struct gcs_collect_options *opt)
{
	struct gcs_snapshot *s = &c->snap;
	s->sim = opt->sim;
	s->history = c->history;
	s->resolution_ns = collect_resolution(c);
	snprintf(s->run_id, sizeof(s->run_id), "%s", opt->run_id ? opt->run_id : "");
	snprintf(s->record_path, sizeof(s->record_path), "%s", opt->record_path);
	snprintf(s->headline, sizeof(s->headline), "Starting the target.");
	gcs_strip_init(s);
	gcs_snapshot_begin(s, c->scenario);
	for (uint32_t i = 0; i < c->scenario->nfaults; i++) {
		collect_view_what(&c->scenario->fault[i], c->what[i]);
		s->fault[i].what = c->what[i];
		c->limit_ns[i] = -1;
	}
}

/* ---------------------------------------------------------------- parts */

static uint64_t view_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void view_pcts(const struct watch_hist_sum *h, struct gcs_pcts *ret)
{
	if (h)
		gcs_hist_pcts(h, ret);
	else
		memset(ret, 0, sizeof(*ret));
}

/* The last ten seconds: closed windows, and the open one so far. */
static void view_recent(const struct gcs_collect *c, struct gcs_measure *sum)
{
	for (uint32_t i = 0; i < c->nrecent; i++)
		gcs_measure_merge_runtime(sum, &c->recent[i]->m);
	if (c->window)
		gcs_measure_merge_runtime(sum, &c->window->m);
	for (uint32_t i = 0; i < c->intervals.nopen; i++)
		gcs_measure_merge_runtime(sum, &c->intervals.open[i]->m);
}

static double view_share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void view_pauses(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	struct gcs_measure sum = {0};
	view_recent(c, &sum);
	view_pcts(sum.series[GCS_STW], &s->stw_now);
	view_pcts(sum.series[GCS_ASSIST], &s->assist_now);
	view_pcts(sum.series[GCS_WAKE], &s->wake_now);
	view_pcts(sum.series[GCS_SCHED], &s->sched_now);
	s->gc_cpu = view_share((double)sum.gc_cpu_ns, (double)sum.cpu_ns);
	s->assist_share = view_share((double)sum.assist_ns, (double)sum.cpu_ns);
	s->stw_share = sum.series[GCS_STW] ? view_share((double)sum.series[GCS_STW]->sum_ns,
							(double)sum.span_ns)
					   : 0;
	gcs_measure_fini(&sum);
}

/* Since t0, every phase: closed slices, and the open ones so far. */
static void view_totals(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	struct gcs_measure sum = {0};
	gcs_measure_merge_runtime(&sum, &c->all);
	for (uint32_t i = 0; i < c->intervals.nopen; i++)
		if (c->intervals.open[i]->start_ns < collect_end(c))
			gcs_measure_merge_runtime(&sum, &c->intervals.open[i]->m);
	view_pcts(sum.series[GCS_STW], &s->stw_total);
	view_pcts(sum.series[GCS_STOPPING], &s->stopping_total);
	view_pcts(sum.series[GCS_ASSIST], &s->assist_total);
	view_pcts(sum.series[GCS_WAKE], &s->wake_total);
	view_pcts(sum.series[GCS_SCHED], &s->sched_total);
	s->gc_forced = (uint32_t)sum.gc_forced;
	gcs_measure_fini(&sum);
}

static void view_steady(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	view_pcts(c->steady.series[GCS_STW], &s->stw_steady);
	view_pcts(c->steady.series[GCS_STOPPING], &s->stopping_steady);
	view_pcts(c->steady.series[GCS_ASSIST], &s->assist_steady);
	view_pcts(c->steady.series[GCS_WAKE], &s->wake_steady);
}

static void view_gauges(struct gcs_collect *c)
{
	const struct watch_gauges *g = &c->tel->gauges;
	struct gcs_snapshot *s = &c->snap;
	s->heap_live = view_load(&g->heap_live);
	s->heap_goal = view_load(&g->heap_goal);
	s->heap_trigger = view_load(&g->heap_trigger);
	s->rss = c->rss;
	if (c->rss > s->rss_max)
		s->rss_max = c->rss;
	s->gc_cycle = (uint32_t)view_load(&g->gc_cycle);
	s->gc_phase = (uint32_t)view_load(&g->gc_phase);
	if (s->mark_ns_last == 0)
		s->mark_ns_last = (int64_t)view_load(&g->mark_ns_last);
}

static void view_work(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	uint32_t n = c->nrecent;
	while (n > 1 && c->recent[n - 1]->phase < 0)
		n--; /* what came after the last phase says nothing about the load */
	const struct gcs_interval *last = n ? c->recent[n - 1] : NULL;
	double calm_s = (double)c->calm.span_ns / 1e9, calm_ops = 0;
	s->ops_rate = 0;
	for (uint32_t w = 0; w < c->scenario->nworkloads; w++) {
		struct gcs_work_view *v = &s->work[w];
		v->rate = last ? view_share((double)last->m.ops[w] * 1e9, (double)last->m.span_ns)
			       : 0;
		v->p99_now_ns = last && last->m.op[w]
					? (int64_t)watch_hist_sum_at(last->m.op[w], 990000)
					: 0;
		v->ops = c->all_ops[w];
		v->errors = c->all_errors[w];
		view_pcts(c->total.op[w], &v->total);
		s->ops_rate += v->rate;
		calm_ops += (double)c->calm.ops[w];
	}
	s->ops_rate_baseline = view_share(calm_ops, calm_s);
}

static void view_faults(struct gcs_collect *c)
{
	for (uint32_t i = 0; i < c->scenario->nfaults; i++) {
		struct gcs_fault_view *v = &c->snap.fault[i];
		const struct gcs_fault_facts *f = &c->facts.fault[i];
		v->armed = c->armed >> i & 1;
		v->operator_act = v->armed && (c->armed_by_operator >> i & 1);
		v->visits = f->visits;
		v->eligible = f->eligible;
		v->fired = f->fired;
		v->masked = f->masked;
		v->occurrence = f->occurrences;
		v->next_edge_ns = gcs_snapshot_next_edge(&c->scenario->fault[i], c->now_ns);
		v->limit_ns = v->operator_act ? c->limit_ns[i] : -1;
	}
}

static void view_recovery(struct gcs_collect *c)
{
	const struct gcs_recoveries *r = &c->recoveries;
	const uint32_t cap = sizeof(c->snap.rec) / sizeof(c->snap.rec[0]);
	uint32_t from = r->nocc > cap ? r->nocc - cap : 0;
	c->snap.nrecs = r->nocc - from;
	for (uint32_t i = from; i < r->nocc; i++) {
		const struct gcs_occurrence *o = &r->occ[i];
		struct gcs_rec_view *v = &c->snap.rec[i - from];
		*v = (struct gcs_rec_view){.fault = o->fault,
					   .occurrence = o->number,
					   .state = o->state,
					   .overlapped = o->overlapped,
					   .start_ns = o->start_ns,
					   .end_ns = o->end_ns,
					   .recovery_ns = o->recovery_ns,
					   .nsignals = r->nsignals};
		for (uint32_t k = 0; k < r->nsignals; k++) {
			v->signal[k].name = r->signal[k].name;
			v->signal[k].recovery_ns = o->signal[k].recovery_ns;
			v->signal[k].peak_ratio = o->signal[k].peak_ratio;
			v->signal[k].left = o->signal[k].left;
		}
	}
}

static void view_judge(const struct gcs_judge *j, struct gcs_slo_view *v)
{
	v->state = j->state;
	v->value = j->has ? j->value : 0;
	if (j->has)
		gcs_metric_show(j->expr.ref.metric->unit, j->value, v->shown, sizeof(v->shown));
}

static void view_checks(struct gcs_collect *c)
{
	uint32_t n = c->scenario->nslos;
	for (uint32_t i = 0; i < n; i++)
		view_judge(&c->slo[i], &c->snap.slo[i]);
	for (uint32_t i = 0; i < c->scenario->nexpects; i++)
		view_judge(&c->expect[i], &c->snap.slo[n + i]);
}

/* ---------------------------------------------------------------- state and headline */

static enum gcs_state view_state(const struct gcs_collect *c)
{
	if (c->exited || c->verdict.word)
		return GCS_ENDED;
	if (!c->started)
		return GCS_STARTING;
	return gcs_snapshot_state(&c->snap, c->recoveries.first_arm_ns >= 0, c->facts.open > 0);
}

static void view_headline(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	if (c->verdict.word)
		snprintf(s->headline, sizeof(s->headline), "%s: %.100s.", c->verdict.word,
			 c->verdict.sentence);
	else if (c->started)
		gcs_snapshot_headline(s);
}

void collect_view(struct gcs_collect *c)
{
	struct gcs_snapshot *s = &c->snap;
	s->now_ns = c->now_ns;
	s->phase = c->started ? gcs_scenario_phase_at(c->scenario, c->now_ns) : -1;
	view_steady(c);
	view_gauges(c);
	view_pauses(c);
	view_totals(c);
	view_work(c);
	view_faults(c);
	view_recovery(c);
	view_checks(c);
	collect_history_now(c);
	if (c->stalls.changed)
		s->nstalls = gcs_stalls_show(&c->stalls, s->stall);
	s->integrity_checked = c->facts.integrity_checked;
	s->integrity_errors = c->facts.integrity_errors;
	s->crashes = c->facts.crashes;
	s->samples_lost = c->facts.samples_lost;
	s->injector_cost = c->facts.injector_cost;
	s->machine_stall_max_ns =
		c->facts.stall_max_ns > c->late_max_ns ? c->facts.stall_max_ns : c->late_max_ns;
	s->state = view_state(c);
	view_headline(c);
}
