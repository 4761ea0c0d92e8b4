/*
 * scenario_json.c: the resolved scenario as JSON: for the record, and as the load line of
 * docs/control-protocol.md.
 *
 * Both are made of the same parts; the record's adds what only the harness needs (checks, recovery,
 * record flags).
 */
#include "harness/scenario.h"

#include "faults/fault.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const json_dists[] = {
	[GCS_DIST_FIXED] = "fixed", [GCS_DIST_UNIFORM] = "uniform", [GCS_DIST_ZIPF] = "zipf"};

#define INT(x) ((json_int_t)(x))

/* A path need not be UTF-8. */
static json_t *json_any(const char *text)
{
	json_t *o = json_string(text ? text : "");
	return o ? o : json_string("?");
}

static json_t *json_phases(const struct gcs_scenario *s, bool whole)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nphases; i++) {
		const struct gcs_phase *p = &s->phase[i];
		json_t *o = json_pack("{s:s,s:I,s:I}", "id", p->id, "start_ns", INT(p->start_ns),
				      "end_ns", INT(p->end_ns));
		if (whole)
			json_object_set_new(o, "record", json_boolean(p->record));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_follow(const struct gcs_workload *w)
{
	json_t *rows = json_array();
	for (uint32_t i = 0; i < w->nfollow; i++) {
		const struct gcs_follow_point *p = &w->follow[i];
		json_array_append_new(rows, json_pack("[I,I,I,i,b]", INT(p->at_ns), INT(p->live),
						      INT(p->alloc_per_s), p->gogc, p->forced));
	}
	return rows;
}

static json_t *json_workload(const struct gcs_workload *w)
{
	json_t *o = json_pack(
		"{s:s,s:s,s:I,s:I,s:I,s:s,s:I,s:{s:I,s:I,s:I},s:{s:s,s:I,s:I,s:I},s:I,s:s,s:I}",
		"id", w->id, "driver", w->driver, "workers", INT(w->workers), "rate", INT(w->rate),
		"keys", INT(w->keys), "value", w->value, "value_bytes", INT(w->value_bytes), "mix",
		"insert", INT(w->mix_insert), "delete", INT(w->mix_delete), "lookup",
		INT(w->mix_lookup), "size", "dist", json_dists[w->size.dist], "min",
		INT(w->size.min), "max", INT(w->size.max), "s_milli", INT(w->size.s_milli), "conns",
		INT(w->conns), "handler", w->handler, "retain", INT(w->retain));
	if (w->key && strcmp(w->key, "u64") != 0)
		json_object_set_new(o, "key", json_string(w->key));
	if (w->mix_range)
		json_object_set_new(json_object_get(o, "mix"), "range", json_integer(w->mix_range));
	if (w->url)
		json_object_set_new(o, "url", json_any(w->url));
	if (w->nfollow)
		json_object_set_new(o, "pointers", json_integer(w->pointers));
	if (w->renew)
		json_object_set_new(o, "renew", json_integer(w->renew));
	if (w->nfollow)
		json_object_set_new(o, "follow", json_follow(w));
	return o;
}

static json_t *json_workloads(const struct gcs_scenario *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nworkloads; i++)
		json_array_append_new(list, json_workload(&s->workload[i]));
	return list;
}

/* A program, a step an item: an operator, a state or a word by its name, a number in thousandths, or {"bytes": thousandths}. */
static json_t *json_step(const struct gcs_condition_step *step)
{
	size_t n;
	const struct gcs_state_word *word = gcs_state_words(&n);
	if (step->code == GCS_CONDITION_STATE)
		return json_string(gcs_state_by_id(step->state)->name);
	if (step->code != GCS_CONDITION_CONSTANT)
		return json_string(gcs_condition_code_name((enum gcs_condition_code)step->code));
	if (step->type == GCS_OPERAND_BYTES)
		return json_pack("{s:I}", "bytes", INT(step->value));
	for (size_t i = 0; i < n; i++)
		if ((uint32_t)word[i].type == step->type && word[i].value == step->value)
			return json_string(word[i].name);
	return json_integer(INT(step->value));
}

/* What a fault is bound to besides sizes and workloads. */
static void json_bound(json_t *o, const struct gcs_fault *f)
{
	json_t *types = json_array(), *goroutines = json_array(), *program = json_array();
	for (uint32_t i = 0; i < f->match.ntypes; i++)
		json_array_append_new(types, json_string(f->match.type[i]));
	for (uint32_t i = 0; i < f->match.ngoroutines; i++)
		json_array_append_new(goroutines,
				      json_pack("[I,I,I]", INT(f->match.goroutine[i].workload),
						INT(f->match.goroutine[i].first),
						INT(f->match.goroutine[i].last)));
	for (uint32_t i = 0; i < f->program.n; i++)
		json_array_append_new(program, json_step(&f->program.step[i]));
	if (f->match.ntypes)
		json_object_set(o, "match_types", types);
	if (f->match.ngoroutines)
		json_object_set(o, "match_goroutines", goroutines);
	if (f->program.n)
		json_object_set(o, "while", program);
	json_decref(types);
	json_decref(goroutines);
	json_decref(program);
}

/* gc/write: what is not the default. */
static void json_write(json_t *o, const struct gcs_fault *f)
{
	if (f->where)
		json_object_set_new(o, "where", json_string(f->where));
	if (f->mode || f->edge)
		json_object_set_new(o, "mode", json_string(f->mode ? f->mode : "cycle"));
	if (f->edge)
		json_object_set_new(o, "edge", json_true());
}

/* A row a worker: its id, the first ordinal, then by how much each lies behind the one before. */
static json_t *json_fired(const struct gcs_fault *f)
{
	json_t *rows = json_array(), *row = NULL;
	for (uint32_t i = 0; i < f->nfired; i++) {
		const struct gcs_fired *x = &f->fired[i], *before = i ? x - 1 : x;
		bool more = i && before->worker == x->worker;
		if (!more) {
			row = json_pack("[I]", INT(x->worker));
			json_array_append_new(rows, row);
		}
		json_array_append_new(row, json_integer(INT(x->ordinal - (more ? before->ordinal : 0))));
	}
	return rows;
}

static json_t *json_fault(const struct gcs_fault *f)
{
	json_t *windows = json_array();
	for (uint32_t i = 0; i < f->nwindows; i++)
		json_array_append_new(windows, json_pack("[I,I]", INT(f->window[i].start_ns),
							 INT(f->window[i].end_ns)));
	json_t *o = json_pack(
		"{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "id",
			 f->id, "point", f->point, "action", f->action, "errno", INT(f->err),
			 "p_ppb", INT(f->p_ppb), "nth", INT(f->nth), "every", INT(f->every),
			 "times", INT(f->times), "delay_ns", INT(f->delay_ns), "jitter_ns",
			 INT(f->jitter_ns), "burst", INT(f->burst), "size_min",
			 INT(f->match.size_min), "size_max", INT(f->match.size_max),
			 "match_workloads", INT(f->match.workloads), "windows", windows);
	json_object_set_new(o, "after", json_integer(INT(f->after)));
	json_object_set_new(o, "delay_max_ns", json_integer(f->delay_max_ns));
	json_object_set_new(o, "by_milli", json_integer(f->by_milli));
	json_bound(o, f);
	json_write(o, f);
	if (o && f->trace)
		json_object_set_new(o, "trace", json_true());
	if (o && f->replays)
		json_object_set_new(o, "fired", json_fired(f));
	if (o && f->visit) {
		json_object_set_new(o, "visit", json_integer(INT(f->visit)));
		json_object_set_new(o, "visit_on", json_boolean(f->visit_on));
		json_object_set_new(o, "stacks", json_boolean(f->stacks));
	}
	return o;
}

char *gcs_scenario_edit_line(const struct gcs_scenario *s, uint32_t index)
{
	const struct gcs_fault *f = &s->fault[index];
	json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "cmd", "edit",
			      "fault", INT(index), "errno", INT(f->err), "p_ppb", INT(f->p_ppb), "nth",
			      INT(f->nth), "every", INT(f->every), "after", INT(f->after), "burst",
			      INT(f->burst), "times", INT(f->times), "delay_ns", INT(f->delay_ns),
			      "jitter_ns", INT(f->jitter_ns), "delay_max_ns", INT(f->delay_max_ns),
			      "by_milli", INT(f->by_milli), "size_min", INT(f->match.size_min),
			      "size_max", INT(f->match.size_max));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

/* What a target is told of a fault that is for another runtime, so that the others keep their places: never armed, at a point that all have. */
static json_t *json_nothing(const struct gcs_fault *f)
{
	const struct gcs_fault nothing = {.id = f->id, .point = "gc/alloc", .action = "force", .every = 1};
	return json_fault(&nothing);
}

static json_t *json_faults(const struct gcs_scenario *s, bool whole)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nfaults; i++) {
		json_t *o = s->fault[i].elsewhere && !whole ? json_nothing(&s->fault[i]) : json_fault(&s->fault[i]);
		if (whole) {
			json_object_set_new(o, "manual", json_boolean(s->fault[i].manual));
			json_object_set_new(o, "left_out", json_boolean(s->fault[i].left_out));
			if (s->fault[i].only)
				json_object_set_new(o, "only", json_string(s->fault[i].only));
			if (s->fault[i].elsewhere)
				json_object_set_new(o, "elsewhere", json_true());
		}
		if (whole && s->fault[i].condition)
			json_object_set_new(o, "condition", json_any(s->fault[i].condition));
		if (whole && s->fault[i].allow_hot)
			json_object_set_new(o, "allow_hot", json_true());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_runtime(const struct gcs_scenario *s)
{
	json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:s,s:s,s:I,s:b,s:b,s:b,s:I}", "procs", INT(s->procs),
			      "gogc", INT(s->gogc), "memlimit", INT(s->memlimit), "seed",
			      INT(s->seed), "oom", s->oom, "rounding", s->rounding, "gc_every",
			      INT(s->gc_every), "clobber", s->clobber, "check_edges", s->check_edges, "gctrace", 1,
			      "heap_reserve", INT(s->heap_reserve));
	if (o)
		json_object_set_new(o, "pacer", json_string(s->pacer));
	if (o && gcs_scenario_runtime(s) != GCS_RUNTIME_EMBEDDED)
		json_object_set_new(o, "runtime", json_string(s->runtime));
	if (o && s->restarts)
		json_object_set_new(o, "restarts", json_integer(s->restarts));
	if (o && s->expects_death)
		json_object_set_new(o, "expects_death", json_true());
	if (o && s->debug.url)
		json_object_set_new(o, "debug", json_pack("{s:s,s:I,s:s?}", "url", s->debug.url, "every_ns",
							  INT(s->debug.every_ns), "profiles", s->debug.profiles));
	if (o && s->go)
		json_object_set_new(o, "go", json_string(s->go));
	if (o && s->pacertrace)
		json_object_set_new(o, "gcpacertrace", json_true());
	if (o && s->scavtrace)
		json_object_set_new(o, "scavtrace", json_true());
	if (o && s->heap_profile_rate)
		json_object_set_new(o, "heap_profile_rate", json_integer(INT(s->heap_profile_rate)));
	if (o && s->count_live)
		json_object_set_new(o, "count_live", json_true());
	return o;
}

static json_t *json_names(char *const *name, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, json_any(name[i]));
	return list;
}

static json_t *json_checks(const struct gcs_check *check, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++) {
		json_t *phases = json_names(check[i].phases, check[i].nphases);
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:I,s:b,s:o}", "id", check[i].id, "check",
						check[i].text, "window_ns", INT(check[i].window_ns),
						"abort", check[i].abort, "phases", phases));
	}
	return list;
}

static json_t *json_recovery(const struct gcs_recovery *r)
{
	json_t *signals = json_names(r->signal, r->nsignals);
	return json_pack("{s:o,s:I,s:I,s:I,s:I}", "signals", signals, "band_milli",
			 INT(r->band_milli), "window_ns", INT(r->window_ns), "windows",
			 INT(r->windows), "deadline_ns", INT(r->deadline_ns));
}

static json_t *json_variants(const struct gcs_scenario *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nvariants; i++) {
		const struct gcs_variant *v = &s->variant[i];
		json_t *set = json_array();
		for (uint32_t k = 0; k < v->nsets; k++)
			json_array_append_new(set, json_pack("[o,o]", json_any(v->key[k]),
							     json_any(v->value[k])));
		json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "id", json_any(v->id),
						      "about", json_any(v->about), "set", set));
	}
	return list;
}

static json_t *json_laid(const struct gcs_scenario *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nlaid; i++)
		json_array_append_new(list, json_pack("[o,o]", json_any(s->laid[i].key), json_any(s->laid[i].value)));
	return list;
}

static json_t *json_or_null(const char *text)
{
	return text ? json_any(text) : json_null();
}

static json_t *json_reported(const struct gcs_scenario *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nreported; i++) {
		const struct gcs_reported *r = &s->reported[i];
		json_array_append_new(
			list,
			json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:I}", "what", json_any(r->what), "value",
				  json_any(r->value), "metric", json_or_null(r->metric), "note",
				  json_or_null(r->note), "variant", json_or_null(r->variant),
				  "phases", json_names(r->phases, r->nphases), "at_ns",
				  r->for_ns ? json_integer(INT(r->at_ns)) : json_null(), "for_ns",
				  r->for_ns ? json_integer(INT(r->for_ns)) : json_null(), "peak",
				  (int)r->peak, "within_ppb", INT(r->within_ppb)));
	}
	return list;
}

static char *json_text(json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(o);
	return text;
}

char *gcs_scenario_plan(const struct gcs_scenario *s)
{
	return json_text(json_pack("{s:s,s:i,s:o,s:I,s:o,s:o,s:o}", "cmd", "load", "version", 1,
				   "runtime", json_runtime(s), "end_ns", INT(s->end_ns), "phases",
				   json_phases(s, false), "workloads", json_workloads(s), "faults",
				   json_faults(s, false)));
}

char *gcs_scenario_json(const struct gcs_scenario *s)
{
	json_t *o = json_pack(
		"{s:i,s:s,s:o,s:o,s:s,s:I,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "version", 1, "name",
		s->name, "about", json_any(s->about), "path", json_any(s->path), "map", s->map,
		"seed", INT(s->seed), "runtime", json_runtime(s), "end_ns", INT(s->end_ns),
		"phases", json_phases(s, true), "workloads", json_workloads(s), "faults",
		json_faults(s, true), "slo", json_checks(s->slo, s->nslos), "expect",
		json_checks(s->expect, s->nexpects), "recovery", json_recovery(&s->recovery));
	json_t *more = json_pack(
		"{s:{s:I,s:I},s:I,s:o,s:o,s:o,s:o,s:{s:o,s:I,s:o}}", "scale", "time_milli",
		INT(s->time_scale_milli), "heap_milli", INT(s->heap_scale_milli), "unscaled_end_ns",
		INT(s->unscaled_end_ns), "clock", json_or_null(s->clock), "variant",
		json_or_null(s->chosen), "variants", json_variants(s), "reported", json_reported(s),
		"logged", "source", json_or_null(s->logged.source), "at_ns",
		INT(s->logged.at_ns), "lines",
		json_names(s->logged.line, s->logged.nlines));
	if (more)
		json_object_set_new(more, "activation_ppb", json_integer(s->activation_ppb));
	if (o && more)
		json_object_update(o, more);
	if (o)
		json_object_set_new(o, "laid", json_laid(s));
	json_decref(more);
	return json_text(o);
}
