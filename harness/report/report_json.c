/*
 * report_json.c: the report as one JSON object; times in ns, null for what was not reached. Keys
 * are stable: scripts read them. A recovery_ns of 0 is measured: good from the first slice of
 * recovery.resolution_ns on.
 */
#include "harness/report/report_priv.h"

#include "harness/measure/ledger.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *json_time(int64_t t_ns)
{
	return t_ns < 0 ? json_null() : json_integer(t_ns);
}

static json_t *json_number(double v)
{
	if (!isfinite(v))
		return json_null();
	return v == floor(v) && fabs(v) < 1e15 ? json_integer((json_int_t)v) : json_real(v);
}

/* JSON numbers of jansson are signed: a seed beyond goes as text. */
static json_t *json_seed(uint64_t seed)
{
	char text[24];
	if (seed <= INT64_MAX)
		return json_integer((json_int_t)seed);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)seed);
	return json_string(text);
}

static json_t *json_pcts(const struct gcs_pcts *p)
{
	return json_pack("{sI sI sI sI sI sI}", "count", (json_int_t)p->count, "p50_ns",
			 (json_int_t)p->p50_ns, "p90_ns", (json_int_t)p->p90_ns, "p99_ns",
			 (json_int_t)p->p99_ns, "p999_ns", (json_int_t)p->p999_ns, "max_ns",
			 (json_int_t)p->max_ns);
}

static json_t *json_run(const struct report *r)
{
	return json_pack("{ss ss so ss sb so? ss so sI sb ss? sb sb}", "id", r->id, "name", r->name,
			 "seed", json_seed(r->seed), "target", r->target, "sim", (int)r->sim,
			 "hash", r->hash[0] ? json_string(r->hash) : json_null(), "verdict",
			 r->finished ? r->word : "UNFINISHED", "exit",
			 r->finished ? json_integer(r->exit) : json_null(), "duration_ns",
			 (json_int_t)r->duration_ns, "finished", (int)r->finished, "sentence",
			 r->sentence, "thinned", r->thinned != NULL, "operator_modified",
			 (int)(r->nmodifying > 0));
}

static json_t *json_phases(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nphases; i++)
		json_array_append_new(list, json_pack("{ss sI sI sb}", "id", r->phase[i].id,
						      "start_ns", (json_int_t)r->phase[i].start_ns,
						      "end_ns", (json_int_t)r->phase[i].end_ns,
						      "record", (int)r->phase[i].record));
	return list;
}

/* The longest of each kind; firing: fault, and the worker whose visit fired, or null. */
static json_t *json_worst(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nworst; i++) {
		const struct report_pause *p = &r->worst[i];
		int fault = gcs_firing_fault(p->firing);
		json_t *due = fault >= 0 && fault < (int)r->nfaults
				      ? json_pack("{ss sI sI}", "fault", r->fault[fault].id, "visit", (json_int_t)gcs_firing_visit(p->firing),
						  "worker", (json_int_t)gcs_firing_worker(p->firing))
				      : json_null();
		json_array_append_new(list, json_pack("{ss sI sI sI so sb}", "kind", p->kind, "t_ns", (json_int_t)p->t_ns, "dur_ns",
						      (json_int_t)p->dur_ns, "cycle", (json_int_t)p->cycle, "firing", due, "disturbed",
						      (int)p->disturbed));
	}
	return list;
}

static json_t *json_pauses(const struct report *r)
{
	json_t *stw = json_pcts(&r->series[GCS_STW]);
	json_object_set_new(stw, "stopping_max_ns", json_integer(r->series[GCS_STOPPING].max_ns));
	json_object_set_new(stw, "stopped_max_ns", json_integer(r->series[GCS_STOPPED].max_ns));
	json_t *all = json_pack("{so so so so so}", "worst", json_worst(r), "stw", stw, "assist", json_pcts(&r->series[GCS_ASSIST]),
				"wake_lag", json_pcts(&r->series[GCS_WAKE]), "alloc_stall",
				json_pcts(&r->series[GCS_ALLOC_STALL]));
	if (r->series[GCS_SCHED].count)
		json_object_set_new(all, "sched_latency", json_pcts(&r->series[GCS_SCHED]));
	return all;
}

static json_t *json_gc(const struct report *r)
{
	double fraction = r->cpu_ns ? (double)r->gc_cpu_ns / (double)r->cpu_ns : 0;
	json_t *o = json_pack("{sI sI sf sI sI sI so}", "cycles", (json_int_t)r->gc_cycles,
			      "forced", (json_int_t)r->gc_forced, "cpu_fraction", fraction,
			      "heap_live_max", (json_int_t)r->heap_live_max, "heap_goal_max",
			      (json_int_t)r->heap_goal_max, "rss_max", (json_int_t)r->rss_max,
			      "mark", json_pcts(&r->series[GCS_MARK]));
	if (o && r->limiter_cycles)
		json_object_set_new(o, "limiter",
				    json_pack("{sI sI sI sI}", "cycles",
					      (json_int_t)r->limiter_cycles, "on_ns",
					      (json_int_t)r->limiter_on_ns, "first",
					      (json_int_t)r->limiter_first, "last",
					      (json_int_t)r->limiter_last));
	return o;
}

static json_t *json_ops(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nops; i++) {
		json_t *o = json_pcts(&r->ops[i].p);
		json_object_set_new(o, "workload", json_string(r->ops[i].id));
		json_object_set_new(o, "count", json_integer((json_int_t)r->ops[i].count));
		json_object_set_new(o, "errors", json_integer((json_int_t)r->ops[i].errors));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_signals(const struct report_occurrence *o)
{
	json_t *all = json_object();
	for (uint32_t k = 0; k < o->nsignals; k++) {
		const struct report_signal *s = &o->signal[k];
		json_object_set_new(all, s->name,
				    json_pack("{sb so so so so so}", "left", (int)s->left,
					      "recovery_ns", json_time(s->recovery_ns), "baseline",
					      json_number(s->baseline), "limit",
					      json_number(s->bound), "peak", json_number(s->peak),
					      "peak_ratio", json_number(s->peak_ratio)));
	}
	return all;
}

static json_t *json_occurrences(const struct report *r, size_t fault)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->noccs; i++) {
		const struct report_occurrence *o = &r->occ[i];
		if (o->fault != fault)
			continue;
		bool steady = strcmp(o->state, "steady") == 0 || strcmp(o->state, "untouched") == 0;
		json_array_append_new(
			list,
			json_pack("{si so so so sb sb so so so sI sb sb ss so}", "number",
				  (int)o->number, "start_ns", json_time(o->start_ns), "end_ns",
				  json_time(o->end_ns), "first_fired_ns",
				  json_time(o->first_fired_ns), "degraded", o->degraded_ns >= 0,
				  "steady", (int)steady, "degraded_ns", json_time(o->degraded_ns),
				  "steady_ns", json_time(o->steady_ns), "recovery_ns",
				  json_time(o->recovery_ns), "fired", (json_int_t)o->fired,
				  "overlapped", (int)o->overlapped, "by_operator",
				  (int)o->by_operator, "state", o->state, "by_signal",
				  json_signals(o)));
	}
	return list;
}

static json_t *json_dues(const struct report *r, size_t fault)
{
	json_t *all = json_object();
	for (size_t i = 0; i < r->ndues; i++) {
		const struct report_due *d = &r->due[i];
		if (d->fault == fault)
			json_object_set_new(all, d->what,
					    json_pack("{sI sI sI sI}", "count",
						      (json_int_t)d->count, "total_ns",
						      (json_int_t)d->total_ns, "excess_ns",
						      (json_int_t)d->excess_ns, "max_ns",
						      (json_int_t)d->max_ns));
	}
	return all;
}

static json_t *json_faults(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nfaults; i++) {
		const struct report_fault *f = &r->fault[i];
		json_array_append_new(
			list, json_pack("{ss ss ss ss sI sI sI sI so so so}", "id", f->id, "point",
					f->point, "what", f->what, "outcome", f->outcome, "visits",
					(json_int_t)f->visits, "eligible", (json_int_t)f->eligible,
					"fired", (json_int_t)f->fired, "masked",
					(json_int_t)f->masked, "occurrences",
					json_occurrences(r, i), "ledger", json_dues(r, i), "effects",
					report_effects_json(r, i)));
	}
	return list;
}

static json_t *json_checks(const struct report_check *c, size_t n, bool slo)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{ss so so}", "check", c[i].text, "ok",
				      c[i].left_out ? json_null() : json_boolean(c[i].ok), "value",
				      c[i].has ? json_number(c[i].value) : json_null());
		if (slo)
			json_object_set_new(o, "id", json_string(c[i].id));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_reasons(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nreasons; i++)
		json_array_append_new(list, json_pack("{si ss}", "exit", r->reason[i].level, "text",
						      r->reason[i].text));
	return list;
}

static json_t *json_acts(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->nacts; i++) {
		const struct report_act *a = &r->act[i];
		bool named = a->fault >= 0 && (size_t)a->fault < r->nfaults;
		json_array_append_new(
			list, json_pack("{sI ss ss ss? ss}", "t_ns", (json_int_t)a->t_ns, "source",
					a->source, "act", a->act, "fault",
					named ? r->fault[a->fault].id : NULL, "text", a->text));
	}
	return list;
}

int report_json(const struct report *r, FILE *out)
{
	json_t *root = json_pack(
		"{so so s{sI} so so so so so so so so s{sI sI sI} s{sI sf sf sf sI}}", "run",
		json_run(r), "operator", json_acts(r), "recovery", "resolution_ns",
		(json_int_t)r->resolution_ns, "phases", json_phases(r), "pauses", json_pauses(r),
		"gc", json_gc(r), "ops", json_ops(r), "faults", json_faults(r), "slo",
		json_checks(r->slo, r->nslos, true), "expect",
		json_checks(r->expect, r->nexpects, false), "reasons", json_reasons(r), "integrity",
		"checked", (json_int_t)r->integrity_checked, "errors",
		(json_int_t)r->integrity_errors, "crashes", (json_int_t)r->crashes, "harness",
		"samples_lost", (json_int_t)r->samples_lost, "injector_cost", r->injector_cost,
		"target_stall_max_ns", r->stall_max_ns, "own_late_max_ns", r->own_late_max_ns,
		"rows_dropped", (json_int_t)r->rows_dropped);
	if (!root)
		return -ENOMEM;
	if (r->restarts) /* of a program under exec; comeback 0: it never came back */
		json_object_set_new(root, "restarts",
				    json_pack("{sI sI}", "count", (json_int_t)r->restarts,
					      "comeback_max_ns", (json_int_t)r->comeback_max_ns));
	json_object_set_new(root, "program", report_program_json(r));
	json_object_set_new(root, "reported", report_reported_json(r));
	json_object_set_new(root, "fidelity", report_fidelity_json(r));
	json_object_set_new(root, "parting", report_parting_json(r));
	int rc = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 ? 0 : -EIO;
	fputc('\n', out);
	json_decref(root);
	return rc;
}
