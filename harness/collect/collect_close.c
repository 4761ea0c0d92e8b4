/*
 * collect_close.c: a closed slice goes to recovery and into its window, a closed window to
 * recovery, to the judges, into the totals and into the record; and the rows that say how things
 * stand.
 *
 * For recovery an interval in which a workload that used to be busy ended no operation is not a gap
 * but the worst case: its latency counts as the length of the interval, which it is at least. So
 * for a slice; pauses and lags of which a slice holds none are not measured in it, in a window they
 * are 0.
 */
#include "harness/collect/collect_priv.h"

#include "harness/base/build.h"
#include "harness/base/host.h"
#include "harness/scenario/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOSE_BUSY_OPS 10 /* mean operations an interval from which on none is a standstill */

/* ---------------------------------------------------------------- recovery */

static bool close_stands_still(const struct gcs_collect *c, const struct gcs_interval *i,
			       int workload)
{
	uint64_t parts = (uint64_t)(c->intervals.window_ns / i->m.span_ns);
	uint64_t busy = CLOSE_BUSY_OPS * parts * (c->closed + 1);
	for (uint32_t w = 0; w < c->scenario->nworkloads; w++) {
		bool asked = workload < 0 || (uint32_t)workload == w;
		if (asked && i->m.ops[w] == 0 && c->all_ops[w] > busy)
			return true;
	}
	return false;
}

static bool close_signal(const struct gcs_collect *c, const struct gcs_interval *i,
			 const struct gcs_signal *sig, double *ret)
{
	struct gcs_reading from = {
		.m = &i->m, .facts = &c->facts, .nworkloads = c->scenario->nworkloads};
	bool has = gcs_metric_read(&sig->ref, from, ret);
	bool latency =
		sig->ref.metric->subject == GCS_OF_WORKLOAD && sig->ref.metric->unit == GCS_UNIT_NS;
	if (latency && close_stands_still(c, i, sig->ref.subject) &&
	    (!has || *ret < (double)i->m.span_ns)) {
		*ret = (double)i->m.span_ns;
		return true;
	}
	return has;
}

static void close_tell(struct gcs_collect *c, struct gcs_occurrence *o, int64_t t_ns)
{
	o->told = true;
	const char *id = c->scenario->fault[o->fault].id;
	int64_t resolution_ns = collect_resolution(c);
	bool at_once = o->recovery_ns <= resolution_ns;
	if (o->state == GCS_REC_STEADY)
		collect_say(c, t_ns, 1, "%s#%u steady again, %s%.1f s %s %s", id, o->number + 1,
			    at_once ? "within " : "",
			    (double)(at_once ? resolution_ns : o->recovery_ns) / 1e9,
			    at_once ? "of" : "after",
			    o->overlapped ? "the last disarm" : "its end");
	else if (o->state == GCS_REC_NEVER)
		collect_say(c, t_ns, 2, "%s#%u did not come back in time", id, o->number + 1);
	else if (o->state == GCS_REC_UNTOUCHED && o->fired && !c->facts.fault[o->fault].died)
		collect_say(c, t_ns, 0, "%s#%u moved no signal", id, o->number + 1);
	else if (o->state == GCS_REC_UNJUDGED)
		collect_say(c, t_ns, 1, "%s#%u could not be judged: there was no baseline yet", id,
			    o->number + 1);
}

/* In a slice a count is scaled to its window, and a series that holds nothing says nothing. */
static bool close_slice_signal(const struct gcs_collect *c, const struct gcs_interval *i,
			       const struct gcs_signal *sig, double *ret)
{
	const struct gcs_metric *metric = sig->ref.metric;
	bool series = metric->subject == GCS_OF_RUN && metric->unit == GCS_UNIT_NS;
	if (series && !i->m.series[metric->which])
		return false;
	if (!close_signal(c, i, sig, ret))
		return false;
	if (metric->unit == GCS_UNIT_COUNT)
		*ret *= c->intervals.parts;
	return true;
}

static void close_slice_recovery(struct gcs_collect *c, const struct gcs_interval *i)
{
	double value[GCS_SIGNALS_MAX] = {0};
	uint32_t has = 0;
	struct gcs_recoveries *r = &c->recoveries;
	if (i->phase < 0 || i->end_ns > c->scenario->end_ns || i->m.span_ns <= 0)
		return;
	for (uint32_t k = 0; k < r->nsignals; k++)
		has |= (uint32_t)close_slice_signal(c, i, &r->signal[k], &value[k]) << k;
	gcs_recoveries_slice(r, i->end_ns, i->recorded, value, has);
}

/* After a death: the end of the last bad interval before it was steady. */
static void close_comeback(struct gcs_collect *c, const struct gcs_interval *i, const double *value,
			   uint32_t has)
{
	const struct gcs_recoveries *r = &c->recoveries;
	bool measured = false, bad = false;
	for (uint32_t k = 0; k < r->nsignals; k++) {
		if (!(has & 1u << k) || !r->signal[k].has_base)
			continue;
		measured = true;
		bad |= gcs_signal_beyond(&r->signal[k], value[k]);
	}
	if (!gcs_comeback_interval(&c->comeback, i->start_ns, i->end_ns, measured && !bad, r->windows))
		return;
	if (c->comeback.last_ns > c->facts.comeback_max_ns)
		c->facts.comeback_max_ns = c->comeback.last_ns;
	collect_say(c, i->end_ns, 1, "steady again %.3f s after the program died",
		    (double)c->comeback.last_ns / 1e9);
}

static void close_recovery(struct gcs_collect *c, const struct gcs_interval *i)
{
	double value[GCS_SIGNALS_MAX] = {0};
	uint32_t has = 0;
	struct gcs_recoveries *r = &c->recoveries;
	bool whole = i->end_ns - i->start_ns == c->intervals.window_ns;
	if (i->phase < 0 || i->end_ns > c->scenario->end_ns || !whole)
		return;
	for (uint32_t k = 0; k < r->nsignals; k++)
		has |= (uint32_t)close_signal(c, i, &r->signal[k], &value[k]) << k;
	if (i->recorded && (r->first_arm_ns < 0 || i->end_ns <= r->first_arm_ns))
		gcs_measure_merge_runtime(&c->steady, &i->m);
	gcs_recoveries_interval(r, i->start_ns, i->end_ns, i->recorded, value, has);
	close_comeback(c, i, value, has);
	for (uint32_t k = 0; k < r->nocc; k++)
		if (r->occ[k].decided && !r->occ[k].told)
			close_tell(c, &r->occ[k], i->end_ns);
}

/* ---------------------------------------------------------------- rows */

static void rows_hist(struct gcs_collect *c, const struct gcs_interval *i)
{
	for (int s = 0; s < GCS_SERIES; s++) {
		const struct watch_hist_sum *h = i->m.series[s];
		unsigned char *bytes;
		if (!h || h->count == 0)
			continue;
		size_t n = gcs_hist_encode(h, &bytes);
		gcs_record_put(c->record, GCS_ROW_INTERVAL_HIST, gcs_u64(i->index),
			       gcs_text(gcs_series_name[s]), gcs_u64(h->count), gcs_u64(h->max_ns),
			       gcs_blob(bytes, n));
		free(bytes);
	}
	for (uint32_t w = 0; w < c->scenario->nworkloads; w++) {
		const struct watch_hist_sum *h = i->m.op[w];
		unsigned char *bytes = NULL;
		size_t n = h ? gcs_hist_encode(h, &bytes) : 0;
		gcs_record_put(c->record, GCS_ROW_INTERVAL_OPS, gcs_u64(i->index), gcs_u64(w),
			       gcs_u64(i->m.ops[w]), gcs_u64(i->m.errors[w]),
			       h ? gcs_u64(watch_hist_sum_at(h, 990000)) : gcs_time(-1),
			       gcs_blob(bytes, n));
		free(bytes);
	}
}

static void rows_interval(struct gcs_collect *c, const struct gcs_interval *i)
{
	const struct gcs_measure *m = &i->m;
	gcs_record_put(c->record, GCS_ROW_INTERVAL, gcs_u64(i->index), gcs_int(i->start_ns),
		       gcs_int(i->end_ns), gcs_int(i->phase), gcs_u64(i->armed), gcs_u64(i->fires),
		       gcs_u64(m->heap_live_min), gcs_u64(m->heap_live_max),
		       gcs_u64(m->heap_marked), gcs_u64(m->heap_goal_max), gcs_u64(m->rss_max),
		       gcs_u64(m->gc_cycles), gcs_u64(m->gc_forced), gcs_u64(m->gc_cpu_ns),
		       gcs_u64(m->cpu_ns), gcs_u64(m->assist_ns), gcs_int(i->run_delay_ns),
		       gcs_int(i->steal_ns), gcs_int(i->stall_ns), gcs_int(i->coarse));
	rows_hist(c, i);
}

static void rows_totals(struct gcs_collect *c)
{
	for (int s = 0; s < GCS_SERIES; s++) {
		unsigned char *bytes;
		if (!c->total.series[s])
			continue;
		size_t n = gcs_hist_encode(c->total.series[s], &bytes);
		gcs_record_put(c->record, GCS_ROW_TOTAL, gcs_text(gcs_series_name[s]),
			       gcs_blob(bytes, n));
		free(bytes);
	}
	for (uint32_t w = 0; w < c->scenario->nworkloads; w++) {
		unsigned char *bytes = NULL;
		size_t n = c->total.op[w] ? gcs_hist_encode(c->total.op[w], &bytes) : 0;
		gcs_record_put(c->record, GCS_ROW_TOTAL_OPS, gcs_u64(w), gcs_u64(c->total.ops[w]),
			       gcs_u64(c->total.errors[w]), gcs_blob(bytes, n));
		free(bytes);
	}
}

static void rows_counters(struct gcs_collect *c)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{"recorded_ns", (uint64_t)c->total.span_ns},
		{"resolution_ns", (uint64_t)collect_resolution(c)},
		{"gc_cycles", c->total.gc_cycles},
		{"gc_forced", c->total.gc_forced},
		{"gc_cpu_ns", c->total.gc_cpu_ns},
		{"cpu_ns", c->total.cpu_ns},
		{"used_ns", c->total.used_ns},
		{"assist_ns", c->total.assist_ns},
		{"heap_live_max", c->total.heap_live_max},
		{"heap_live_min", c->total.heap_live_min},
		{"heap_goal_max", c->total.heap_goal_max},
		{"rss_max", c->total.rss_max},
		{"run_delay_ns", (uint64_t)c->run_delay_ns},
		{"processes_max", c->family.max},
		{"limiter_cycles", c->limiter.cycles},
		{"limiter_on_ns", c->limiter.on_ns},
		{"limiter_first", c->limiter.first},
		{"limiter_last", c->limiter.last},
		{"integrity_checked", c->facts.integrity_checked},
		{"integrity_errors", c->facts.integrity_errors},
		{"crashes", c->facts.crashes},
		{"restarts", c->facts.restarts},
		{"comeback_max_ns", (uint64_t)c->facts.comeback_max_ns},
		{"samples_lost", c->facts.samples_lost},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gcs_record_put(c->record, GCS_ROW_COUNTER, gcs_text(rows[i].key),
			       gcs_u64(rows[i].value));
}

static void rows_harness(struct gcs_collect *c)
{
	const struct {
		const char *key;
		double value;
	} rows[] = {
		{"samples_lost", (double)c->facts.samples_lost},
		{"injector_cost", c->facts.injector_cost},
		{"target_stall_max_ns", (double)c->facts.stall_max_ns},
		{"target_stall_total_ns", (double)c->stall_total_ns},
		{"own_late_max_ns", (double)c->late_max_ns},
		{"late_records", (double)c->late_records},
		{"rows_dropped", (double)gcs_record_dropped(c->record)},
		{"firings_unlisted", (double)c->firings_dropped},
		{"occurrences_unlisted", (double)c->recoveries.skipped},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gcs_record_put(c->record, GCS_ROW_HARNESS, gcs_text(rows[i].key),
			       gcs_real(rows[i].value));
}

static void rows_ledger(struct gcs_collect *c, int fault, const struct gcs_ledger_entry *due)
{
	for (int d = 0; d < GCS_DUES; d++)
		if (due[d].count)
			gcs_record_put(c->record, GCS_ROW_LEDGER, gcs_int(fault),
				       gcs_text(gcs_due_name[d]), gcs_u64(due[d].count),
				       gcs_int(due[d].total_ns), gcs_int(due[d].excess_ns),
				       gcs_int(due[d].max_ns));
}

static void rows_faults(struct gcs_collect *c)
{
	for (uint32_t i = 0; i < c->scenario->nfaults; i++) {
		const struct gcs_fault_facts *f = &c->facts.fault[i];
		const struct watch_fault *shared = &c->tel->fault[i];
		enum gcs_outcome outcome = 
			gcs_outcome_of(&c->scenario->fault[i], f, c->recoveries.steady > 0);
		gcs_record_put(
			c->record, GCS_ROW_FAULT_NOW, gcs_u64(i), gcs_u64(f->visits),
			gcs_u64(f->eligible), gcs_u64(f->fired), gcs_u64(f->masked),
			gcs_text(gcs_outcome_name(outcome)),
			gcs_u64(atomic_load_explicit(&shared->log_dropped, memory_order_relaxed)),
			gcs_u64(atomic_load_explicit(&shared->log_hash, memory_order_relaxed)));
		rows_ledger(c, (int)i, c->ledger.due[i]);
	}
	rows_ledger(c, -1, c->ledger.undue);
}

static void rows_occurrence(struct gcs_collect *c, const struct gcs_occurrence *o, uint32_t seq)
{
	gcs_record_put(c->record, GCS_ROW_OCCURRENCE, gcs_u64(o->fault), gcs_u64(seq),
		       gcs_u64(o->number), gcs_int(o->start_ns), gcs_time(o->first_fired_ns),
		       gcs_time(o->end_ns), gcs_time(o->degraded_ns), gcs_time(o->steady_ns),
		       gcs_time(o->recovery_ns), gcs_u64(o->fired), gcs_int(o->overlapped),
		       gcs_int(o->by_operator), gcs_text(gcs_rec_state_name(o->state)));
	for (uint32_t k = 0; k < c->recoveries.nsignals; k++) {
		const struct gcs_occ_signal *s = &o->signal[k];
		gcs_record_put(c->record, GCS_ROW_OCCURRENCE_SIGNAL, gcs_u64(o->fault),
			       gcs_u64(seq), gcs_text(c->recoveries.signal[k].name),
			       gcs_time(s->left_ns), gcs_time(s->recovery_ns), gcs_real(s->peak),
			       gcs_real(s->peak_ratio));
	}
}

static void rows_occurrences(struct gcs_collect *c)
{
	for (uint32_t i = 0; i < c->recoveries.nocc; i++) {
		struct gcs_occurrence *o = &c->recoveries.occ[i];
		if (!o->changed)
			continue;
		rows_occurrence(c, o, i);
		o->changed = false;
	}
}

static void rows_signals(struct gcs_collect *c)
{
	for (uint32_t k = 0; k < c->recoveries.nsignals; k++) {
		const struct gcs_signal *s = &c->recoveries.signal[k];
		gcs_record_put(c->record, GCS_ROW_SIGNAL, gcs_text(s->name),
			       gcs_int(s->ref.metric->unit), gcs_real(s->base), gcs_real(s->spread),
			       gcs_real(s->limit), gcs_u64(c->recoveries.nbaseline),
			       gcs_int(c->recoveries.steady));
	}
}

void collect_rows_now(struct gcs_collect *c)
{
	gcs_record_put(c->record, GCS_ROW_RUN_NOW, gcs_int(c->now_ns));
	rows_totals(c);
	rows_counters(c);
	rows_harness(c);
	rows_faults(c);
	rows_occurrences(c);
	rows_signals(c);
}

/* ---------------------------------------------------------------- closing */

static void close_recent(struct gcs_collect *c, struct gcs_interval *i)
{
	uint32_t keep = gcs_snapshot_recent(c->intervals.window_ns);
	while (c->nrecent >= keep) {
		gcs_interval_destroy(c->recent[0]);
		memmove(c->recent, c->recent + 1, --c->nrecent * sizeof(c->recent[0]));
	}
	c->recent[c->nrecent++] = i;
}

static void close_window(struct gcs_collect *c, struct gcs_interval *i)
{
	i->armed = c->armed_seen;
	c->armed_seen = c->armed;
	memset(c->firing_rows, 0, sizeof(c->firing_rows));
	close_recovery(c, i);
	collect_facts(c);
	for (uint32_t k = 0; k < c->scenario->nslos; k++)
		gcs_judge_interval(&c->slo[k], &i->m, i->phase, i->end_ns, c->scenario);
	for (uint32_t k = 0; k < c->scenario->nexpects; k++)
		gcs_judge_interval(&c->expect[k], &i->m, i->phase, i->end_ns, c->scenario);
	gcs_reproductions_interval(&c->reproductions, &i->m, i->phase, i->end_ns);
	if (i->recorded) {
		gcs_measure_merge_runtime(&c->total, &i->m);
		if (c->recoveries.first_arm_ns < 0)
			gcs_measure_merge(&c->calm, &i->m);
	}
	c->closed++;
	collect_history_window(c, i);
	rows_interval(c, i);
	collect_look_row(c, i);
	collect_rows_now(c);
	close_recent(c, i);
}

static void close_pulses(struct gcs_interval *slice, uint32_t nworkloads)
{
	for (uint32_t w = 0; w < nworkloads; w++)
		if (slice->m.op[w])
			gcs_measure_slowest(&slice->m, w, slice->end_ns,
					    (int64_t)slice->m.op[w]->max_ns);
}

void collect_close(struct gcs_collect *c, struct gcs_interval *slice)
{
	close_pulses(slice, c->scenario->nworkloads);
	close_slice_recovery(c, slice);
	if (slice->start_ns < collect_end(c))
		gcs_measure_merge_runtime(&c->all, &slice->m);
	if (!c->window)
		c->window = gcs_intervals_window(&c->intervals, slice->index);
	if (c->window) {
		gcs_interval_merge(c->window, slice);
		gcs_look_join(&c->window->look, &slice->look);
	}
	bool last = (slice->index + 1) % c->intervals.parts == 0;
	gcs_interval_destroy(slice);
	if (last)
		collect_close_cut(c, INT64_MAX);
}

void collect_close_cut(struct gcs_collect *c, int64_t end_ns)
{
	struct gcs_interval *window = c->window;
	c->window = NULL;
	if (!window)
		return;
	if (end_ns < window->end_ns)
		window->end_ns = end_ns;
	close_window(c, window);
}

/* ---------------------------------------------------------------- first and last rows */

static void rows_fact(void *arg, const char *key, const char *value)
{
	struct gcs_collect *c = arg;
	gcs_record_put(c->record, GCS_ROW_HOST, gcs_text(key), gcs_text(value));
}

void gcs_collect_fact(struct gcs_collect *c, const char *key, const char *value)
{
	rows_fact(c, key, value);
}

void collect_rows_begin(struct gcs_collect *c, const struct gcs_collect_options *opt)
{
	const struct gcs_scenario *s = c->scenario;
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	char name[256], words[GCS_FAULT_WORDS];
	snprintf(name, sizeof(name), "%s%s%s", s->name, s->chosen ? "+" : "",
		 s->chosen ? s->chosen : "");
	gcs_record_put(c->record, GCS_ROW_RUN, gcs_text(opt->run_id), gcs_text(name),
		       gcs_u64(s->seed), gcs_text(gcs_runtime_name(gcs_scenario_runtime(s))),
		       gcs_u64(s->procs), gcs_int(opt->sim),
		       gcs_text(opt->command_line),
		       gcs_int(wall.tv_sec * 1000000000ll + wall.tv_nsec));
	char *resolved = gcs_scenario_json(s);
	gcs_record_put(c->record, GCS_ROW_SCENARIO, gcs_text(s->path), gcs_text(s->text),
		       gcs_text(resolved));
	free(resolved);
	for (uint32_t i = 0; i < s->nphases; i++)
		gcs_record_put(c->record, GCS_ROW_PHASE, gcs_u64(i), gcs_text(s->phase[i].id),
			       gcs_int(s->phase[i].start_ns), gcs_int(s->phase[i].end_ns),
			       gcs_int(s->phase[i].record));
	for (uint32_t i = 0; i < s->nworkloads; i++)
		gcs_record_put(c->record, GCS_ROW_WORKLOAD, gcs_u64(i), gcs_text(s->workload[i].id),
			       gcs_text(s->workload[i].driver), gcs_u64(s->workload[i].workers),
			       gcs_u64(s->workload[i].rate));
	for (uint32_t i = 0; i < s->nfaults; i++) {
		gcs_fault_words(s, &s->fault[i], words);
		gcs_record_put(c->record, GCS_ROW_FAULT, gcs_u64(i), gcs_text(s->fault[i].id),
			       gcs_text(s->fault[i].point),
			       gcs_text(words), gcs_u64(s->fault[i].nwindows));
	}
	gcs_host_facts(rows_fact, c);
	rows_fact(c, "build", gcs_build_id(opt->sim));
	collect_fidelity_begin(c);
	rows_signals(c);
}

static void rows_judge(struct gcs_collect *c, const struct gcs_judge *j, bool slo)
{
	char shown[32] = "-";
	struct gcs_value value = j->has ? gcs_real(j->value) : gcs_time(-1);
	if (j->has)
		gcs_metric_show(j->expr.ref.metric->unit, j->value, shown, sizeof(shown));
	const struct gcs_value ok = j->left_out ? gcs_time(-1) : gcs_int(j->state > 0); /* NULL */
	if (slo)
		gcs_record_put(c->record, GCS_ROW_SLO, gcs_text(j->check->id),
			       gcs_text(j->check->text), ok, value,
			       gcs_text(shown), gcs_u64(j->windows), gcs_u64(j->windows_failed),
			       gcs_time(j->failed_ns));
	else
		gcs_record_put(c->record, GCS_ROW_EXPECT, gcs_text(j->check->text),
			       ok, value, gcs_text(shown));
}

void collect_rows_end(struct gcs_collect *c)
{
	collect_rows_now(c);
	collect_fidelity_end(c);
	for (uint32_t k = 0; k < c->scenario->nslos; k++)
		rows_judge(c, &c->slo[k], true);
	for (uint32_t k = 0; k < c->scenario->nexpects; k++)
		rows_judge(c, &c->expect[k], false);
	gcs_reproductions_rows(&c->reproductions, &c->facts, c->record);
	for (uint32_t k = 0; k < c->verdict.nreasons; k++)
		gcs_record_put(c->record, GCS_ROW_REASON, gcs_int(c->verdict.reason[k].exit),
			       gcs_text(c->verdict.reason[k].text));
	gcs_record_put(c->record, GCS_ROW_VERDICT, gcs_int(c->verdict.exit),
		       gcs_text(c->verdict.word), gcs_text(c->verdict.sentence));
	gcs_record_put(c->record, GCS_ROW_RUN_END, gcs_int(c->ended_ns),
		       gcs_text(c->hash[0] ? c->hash : NULL));
}
