/*
 * playback_scenario.c: a resolved scenario from its JSON, for who looks at a record.
 *
 * Tolerant: a record of a newer gcstorm may say more, one of an older gcstorm less. Strings are owned by the scenario; points and
 * actions are those of the table, "?" where it does not know them.
 */
#include "harness/playback/playback.h"

#include "faults/points.h"
#include "harness/base/units.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *of_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return strdup(text ? text : "");
}

/* NULL where it is not there. */
static char *of_text_if(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text && *text ? strdup(text) : NULL;
}

static int64_t of_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static uint32_t of_u32(const json_t *o, const char *key)
{
	return (uint32_t)of_int(o, key);
}

/* Elements of a list, no more than fit. */
static uint32_t of_count(const json_t *list, size_t max)
{
	size_t n = json_array_size(list);
	return (uint32_t)(n < max ? n : max);
}

static void of_phases(const json_t *list, struct gcs_scenario *s)
{
	s->nphases = of_count(list, GCS_PHASES_MAX);
	for (uint32_t i = 0; i < s->nphases; i++) {
		const json_t *o = json_array_get(list, i);
		s->phase[i] = (struct gcs_phase){of_text(o, "id"), of_int(o, "start_ns"), of_int(o, "end_ns"),
						 json_is_true(json_object_get(o, "record"))};
	}
}

static void of_workloads(const json_t *list, struct gcs_scenario *s)
{
	s->nworkloads = of_count(list, GCS_WORKLOADS_MAX);
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		const json_t *o = json_array_get(list, i);
		struct gcs_workload *w = &s->workload[i];
		w->id = of_text(o, "id");
		w->driver = of_text(o, "driver");
		w->handler = of_text(o, "handler");
		w->key = of_text_if(o, "key"); /* only if it is not the usual kind */
		if (!w->key)
			w->key = strdup("u64");
		w->url = of_text_if(o, "url");
		w->value = of_text(o, "value");
		w->workers = of_u32(o, "workers");
		w->conns = of_u32(o, "conns");
		w->renew = of_u32(o, "renew");
		w->rate = (uint64_t)of_int(o, "rate");
		w->keys = (uint64_t)of_int(o, "keys");
		w->value_bytes = (uint64_t)of_int(o, "value_bytes");
	}
}

static void of_fault(const json_t *o, struct gcs_fault *f)
{
	const json_t *windows = json_object_get(o, "windows");
	const char *point = json_string_value(json_object_get(o, "point"));
	const char *action = json_string_value(json_object_get(o, "action"));
	const struct gcs_point_info *info = point ? gcs_point_by_name(point) : NULL;
	enum gcs_action act = action ? gcs_action_by_name(action) : GCS_ACT_NONE;
	f->id = of_text(o, "id");
	f->point = info ? info->name : "?";
	f->action = act != GCS_ACT_NONE ? gcs_action_name(act) : "?";
	f->times = (uint64_t)of_int(o, "times");
	f->delay_ns = of_int(o, "delay_ns");
	f->left_out = json_is_true(json_object_get(o, "left_out"));
	f->elsewhere = json_is_true(json_object_get(o, "elsewhere"));
	f->by_milli = (uint32_t)of_int(o, "by_milli");
	f->where = of_text_if(o, "where");
	f->mode = of_text_if(o, "mode");
	f->edge = json_is_true(json_object_get(o, "edge"));
	f->nwindows = of_count(windows, GCS_WINDOWS_MAX);
	for (uint32_t i = 0; i < f->nwindows; i++) {
		const json_t *w = json_array_get(windows, i);
		f->window[i] = (struct gcs_window){json_integer_value(json_array_get(w, 0)),
						   json_integer_value(json_array_get(w, 1))};
	}
}

static void of_checks(const json_t *list, struct gcs_check *check, uint32_t *ret_n)
{
	*ret_n = of_count(list, GCS_CHECKS_MAX);
	for (uint32_t i = 0; i < *ret_n; i++) {
		const json_t *o = json_array_get(list, i), *phases = json_object_get(o, "phases");
		struct gcs_check *c = &check[i];
		c->id = of_text(o, "id");
		c->text = of_text(o, "check");
		c->window_ns = of_int(o, "window_ns");
		c->nphases = of_count(phases, GCS_PHASES_MAX);
		for (uint32_t k = 0; k < c->nphases; k++) {
			const char *id = json_string_value(json_array_get(phases, k));
			c->phases[k] = strdup(id ? id : "");
		}
	}
}

static void of_recovery(const json_t *o, struct gcs_recovery *r)
{
	const json_t *signals = json_object_get(o, "signals");
	r->nsignals = of_count(signals, GCS_SIGNALS_MAX);
	for (uint32_t i = 0; i < r->nsignals; i++) {
		const char *name = json_string_value(json_array_get(signals, i));
		r->signal[i] = strdup(name ? name : "");
	}
	r->band_milli = of_u32(o, "band_milli");
	r->window_ns = of_int(o, "window_ns");
	r->windows = of_u32(o, "windows");
	r->deadline_ns = of_int(o, "deadline_ns");
}

static void of_scale(const json_t *root, struct gcs_scenario *s)
{
	const json_t *scale = json_object_get(root, "scale");
	s->time_scale_milli = of_u32(scale, "time_milli");
	s->heap_scale_milli = of_u32(scale, "heap_milli");
	s->time_scale_milli = s->time_scale_milli ? s->time_scale_milli : 1000;
	s->heap_scale_milli = s->heap_scale_milli ? s->heap_scale_milli : 1000;
	s->unscaled_end_ns = of_int(root, "unscaled_end_ns");
	s->clock = of_text_if(root, "clock");
	s->clock_ns = -1;
	if (s->clock && gcs_parse_clock(s->clock, &s->clock_ns)) {
		free(s->clock);
		s->clock = NULL;
	}
	s->chosen = of_text_if(root, "variant");
}

/* Every string of the lists is there. */
static bool of_whole(const struct gcs_scenario *s)
{
	bool whole = s->name && s->about && s->path;
	for (uint32_t i = 0; i < s->nphases; i++)
		whole &= s->phase[i].id != NULL;
	for (uint32_t i = 0; i < s->nworkloads; i++)
		whole &= s->workload[i].id && s->workload[i].driver;
	for (uint32_t i = 0; i < s->nfaults; i++)
		whole &= s->fault[i].id != NULL;
	for (uint32_t i = 0; i < s->nslos; i++)
		whole &= s->slo[i].id && s->slo[i].text;
	for (uint32_t i = 0; i < s->nexpects; i++)
		whole &= s->expect[i].id && s->expect[i].text;
	for (uint32_t i = 0; i < s->recovery.nsignals; i++)
		whole &= s->recovery.signal[i] != NULL;
	return whole;
}

int gcs_scenario_of_json(const char *text, struct gcs_scenario **ret)
{
	json_t *root = json_loads(text, 0, NULL);
	struct gcs_scenario *s = json_is_object(root) ? calloc(1, sizeof *s) : NULL;
	if (!s) {
		int e = json_is_object(root) ? -ENOMEM : -EPROTO;
		json_decref(root);
		return e;
	}
	const json_t *runtime = json_object_get(root, "runtime"), *faults = json_object_get(root, "faults");
	s->name = of_text(root, "name");
	s->about = of_text(root, "about");
	s->path = of_text(root, "path");
	s->seed = (uint64_t)of_int(root, "seed");
	s->runtime = of_text_if(runtime, "runtime");
	s->procs = of_u32(runtime, "procs");
	s->gogc = (int)of_int(runtime, "gogc");
	s->memlimit = (uint64_t)of_int(runtime, "memlimit");
	s->rounding = of_text_if(runtime, "rounding");
	s->end_ns = of_int(root, "end_ns");
	of_phases(json_object_get(root, "phases"), s);
	of_workloads(json_object_get(root, "workloads"), s);
	s->nfaults = of_count(faults, GCS_FAULTS_MAX);
	for (uint32_t i = 0; i < s->nfaults; i++)
		of_fault(json_array_get(faults, i), &s->fault[i]);
	of_checks(json_object_get(root, "slo"), s->slo, &s->nslos);
	of_checks(json_object_get(root, "expect"), s->expect, &s->nexpects);
	of_recovery(json_object_get(root, "recovery"), &s->recovery);
	of_scale(root, s);
	json_decref(root);
	if (!of_whole(s)) {
		gcs_scenario_destroy(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}
