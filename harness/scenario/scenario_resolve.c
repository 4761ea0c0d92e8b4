/*
 * scenario_resolve.c: what one key says against another, and all times from t0.
 *
 * Phases lie end to end from 0. Faults and their windows: scenario_faults.c.
 */
#include "harness/measure/check.h"
#include "harness/measure/told.h"
#include "harness/scenario/driver.h"
#include "harness/scenario/scenario_priv.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE_HINT GCS_RESOLVE_HINT
/* So that the load line stays below what the target reads (4 MiB). */
#define RESOLVE_POINTS_MAX (3u * GCS_FOLLOW_MAX)
/* Goroutines that carry fault worker ids (runtime/mrt.h, MRT_WORKER_FIRST..MRT_WORKER_MAX). */
#define RESOLVE_GOROUTINES_MAX 3968u
#define RESOLVE_URL_BYTES      390u
#define RESOLVE_RESTARTS_MAX   1000u

const char *gcs_resolve_near(char hint[GCS_RESOLVE_HINT], const char *word, const void *list,
			     size_t n, size_t stride)
{
	const char *near = gcs_suggest(word, list, n, stride);
	if (!near)
		return NULL;
	snprintf(hint, RESOLVE_HINT, "did you mean '%s'?", near);
	return hint;
}

const char *gcs_resolve_list(char *ret, size_t cap, const void *list, size_t n, size_t stride)
{
	size_t len = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < n && len < cap; i++) {
		const char *name;
		memcpy(&name, (const char *)list + i * stride, sizeof name);
		len += (size_t)snprintf(ret + len, cap - len, "%s%s", i ? ", " : "", name);
	}
	return ret;
}

/* ---- workloads */

static void resolve_foreign_keys(const struct gcs_workload *w, const struct gcs_node *n,
				 struct gcs_diag *d)
{
	const struct gcs_driver_info *driver = gcs_driver_by_name(w->driver);
	size_t count;
	const struct gcs_driver_info *all = gcs_drivers(&count);
	for (const struct gcs_node *c = n->first; c; c = c->next) {
		const char *key = c->key->text, *have[8];
		char names[128];
		size_t nhave = 0;
		if (strcmp(key, "id") == 0 || strcmp(key, "driver") == 0 ||
		    gcs_driver_has(driver, key))
			continue;
		for (size_t i = 0; i < count; i++)
			if (gcs_driver_has(&all[i], key))
				have[nhave++] = all[i].name;
		gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
			    "the driver %s of workload '%s' has no '%s' (%s %s)", w->driver, w->id,
			    key, gcs_resolve_list(names, sizeof names, have, nhave, sizeof have[0]),
			    nhave > 1 ? "have" : "has");
	}
}

static void resolve_value(struct gcs_workload *w, const struct gcs_node *n, struct gcs_diag *d)
{
	static const struct {
		const char *value;
		uint64_t usual, min, max;
		const char *say;
	} kinds[] = {
		{"u64", 8, 8, 8, "8B, the size of a u64"},
		{"inline", 64, 8, 128, "8B to 128B: larger values do not stand in the bucket"},
		{"indirect", 256, 129, 1 << 20, "129B to 1MiB: smaller values stand in the bucket"},
		{"ptr", 32, 8, 1 << 20, "8B to 1MiB"},
		{"pooled", 32, 8, 1 << 20, "8B to 1MiB"},
	};
	if (!w->key)
		w->key = strdup("u64");
	if (!w->value)
		w->value = strdup("ptr");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!w->value || strcmp(w->value, kinds[i].value) != 0)
			continue;
		const struct gcs_node *bytes = gcs_node_get(n, "value_bytes");
		if (!bytes)
			w->value_bytes = kinds[i].usual;
		else if (w->value_bytes < kinds[i].min || w->value_bytes > kinds[i].max)
			gcs_diag_at(d, gcs_place_of(bytes), kinds[i].say, NULL,
				    "a value '%s' cannot have %s", w->value, bytes->text);
	}
}

static void resolve_mix(struct gcs_workload *w, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *mix = gcs_node_get(n, "mix");
	uint32_t sum = w->mix_insert + w->mix_delete + w->mix_lookup + w->mix_range;
	bool ranges = strcmp(w->driver, "sync-map") == 0;
	if (!mix) {
		w->mix_insert = w->mix_delete = 50;
		return;
	}
	if (sum != 100)
		gcs_diag_at(d, gcs_place_of(mix),
			    ranges ? "insert + delete + lookup + range = 100"
				   : "insert + delete + lookup = 100",
			    NULL, "the mix of workload '%s' adds up to %u", w->id, sum);
	if (w->mix_range && !ranges)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(mix, "range")), NULL, NULL,
			    "the driver %s of workload '%s' has no 'range' in its mix (sync-map has)",
			    w->driver, w->id);
}

static void resolve_handler(struct gcs_scenario *s, struct gcs_workload *w,
			    const struct gcs_node *n, struct gcs_diag *d)
{
	char hint[RESOLVE_HINT];
	const struct gcs_node *c = gcs_node_get(n, "handler");
	const char *name = c ? c->text : "";
	w->handler = strdup(name);
	if (!c)
		return;
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		if (strcmp(s->workload[i].id, name) != 0)
			continue;
		if (strcmp(s->workload[i].driver, "echo") == 0 ||
		    strcmp(s->workload[i].driver, "heap-follow") == 0)
			gcs_diag_at(d, gcs_place_of(c), "a workload of map-churn, slice-append or sync-map",
				    NULL, "the driver %s cannot be a handler",
				    s->workload[i].driver);
		return;
	}
	gcs_diag_at(d, gcs_place_of(c), "the id of another workload",
		    gcs_resolve_near(hint, name, &s->workload[0].id, s->nworkloads,
				     sizeof s->workload[0]),
		    "there is no workload '%s'", name);
}

/* Points in time order, the first at the start. */
static void resolve_follow(struct gcs_workload *w, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *list = gcs_node_get(n, "follow");
	if (strcmp(w->driver, "heap-follow") != 0)
		return;
	if (!list || w->nfollow == 0) {
		gcs_diag_at(d, gcs_place_of(list ? list : n),
			    "follow: [{at: 0s, live: 10MiB, alloc: 5MiB/s}, …]", NULL,
			    list ? "'follow' of workload '%s' is an empty list"
				 : "heap-follow workload '%s' has no 'follow'",
			    w->id);
		return;
	}
	const struct gcs_node *p = list->first;
	if (w->follow[0].at_ns != 0)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(p, "at")), "at: 0s", NULL,
			    "the curve of workload '%s' does not begin at the start", w->id);
	for (uint32_t i = 1; i < w->nfollow; i++) {
		p = p->next;
		if (w->follow[i].at_ns > w->follow[i - 1].at_ns)
			continue;
		gcs_diag_at(d, gcs_place_of(gcs_node_get(p, "at")), "points in time order", NULL,
			    "point %u of workload '%s' is not later than the one before it", i + 1,
			    w->id);
		return;
	}
}

/* A program under exec has no driver of ours in it, but clients; and nothing else has clients of http. */
static void resolve_outside(const struct gcs_scenario *s, const struct gcs_workload *w,
			    const struct gcs_node *n, struct gcs_diag *d)
{
	bool http = strcmp(w->driver, "http") == 0,
	     command = gcs_scenario_runtime(s) == GCS_RUNTIME_COMMAND;
	const struct gcs_node *driver = gcs_node_get(n, "driver"), *url = gcs_node_get(n, "url");
	if (command && !http)
		gcs_diag_at(d, gcs_place_of(driver), "http, or no workload", NULL,
			    "the driver %s of workload '%s' cannot run in a program that is not changed",
			    w->driver, w->id);
	else if (http && !command)
		gcs_diag_at(d, gcs_place_of(driver), NULL, "gcstorm exec SCENARIO -- PROGRAM",
			    "the driver http of workload '%s' is for a program under exec", w->id);
	else if (http && (!w->url || strncmp(w->url, "http://", 7) != 0 || strpbrk(w->url, " \r\n") ||
			  strlen(w->url) > RESOLVE_URL_BYTES))
		gcs_diag_at(d, gcs_place_of(url ? url : n), "url: http://127.0.0.1:8080/", NULL,
			    url ? "the 'url' of workload '%s' cannot be asked for"
				: "http workload '%s' has no 'url'",
			    w->id);
}

static void resolve_workload(struct gcs_scenario *s, uint32_t i, const struct gcs_node *n,
			     struct gcs_diag *d)
{
	struct gcs_workload *w = &s->workload[i];
	bool http = strcmp(w->driver, "http") == 0, echo = strcmp(w->driver, "echo") == 0 || http;
	resolve_foreign_keys(w, n, d);
	resolve_value(w, n, d);
	resolve_mix(w, n, d);
	resolve_handler(s, w, n, d);
	resolve_follow(w, n, d);
	if (w->size.max == 0)
		w->size = (struct gcs_size){.dist = GCS_DIST_FIXED, .min = 1024, .max = 1024};
	if (!gcs_node_get(n, "pointers"))
		w->pointers = GCS_POINTERS;
	if (echo && w->conns == 0)
		w->conns = 16;
	if (!echo && w->workers == 0)
		w->workers = 1;
	if (echo && w->rate == 0) {
		const struct gcs_node *rate = gcs_node_get(n, "rate");
		gcs_diag_at(d, gcs_place_of(rate ? rate : n),
			    "a rate, such as 2k/s: clients send by the clock and do not wait for "
			    "replies",
			    NULL,
			    rate ? "%s workload '%s' cannot have the rate max"
				 : "%s workload '%s' has no 'rate'",
			    w->driver, w->id);
	}
	resolve_outside(s, w, n, d);
}

static void resolve_workloads(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	uint32_t slots = 0, goroutines = 0, points = 0;
	const struct gcs_node *list = gcs_node_get(b->root, "workload");
	bool command = gcs_scenario_runtime(s) == GCS_RUNTIME_COMMAND;
	if (!list && !command)
		gcs_diag_at(d, gcs_place_of(b->root), "workload: …", NULL,
			    "the scenario has no 'workload'");
	else if (list && s->nworkloads == 0 && !command)
		gcs_diag_at(d, gcs_place_of(list), "at least one workload", NULL,
			    "the list is empty");
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		resolve_workload(s, i, b->workload_node[i], d);
		points += s->workload[i].nfollow;
		if (points > RESOLVE_POINTS_MAX) {
			gcs_diag_at(d, gcs_place_of(b->workload_node[i]), NULL, NULL,
				    "more than %u points in the curves of all workloads",
				    RESOLVE_POINTS_MAX);
			return;
		}
		slots += s->workload[i].conns ? 1 : s->workload[i].workers;
		goroutines += s->workload[i].conns + s->workload[i].workers;
		if (slots > WATCH_HISTS || goroutines > RESOLVE_GOROUTINES_MAX) {
			gcs_diag_at(d, gcs_place_of(b->workload_node[i]), NULL, NULL,
				    "too many workers over all workloads (%u, at most %u; with "
				    "connections %u, at most %u)",
				    slots, WATCH_HISTS, goroutines, RESOLVE_GOROUTINES_MAX);
			return;
		}
	}
}

/* ---- phases */

static void resolve_phases(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	if (s->nphases == 0)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(b->root, "phases")), "at least one phase",
			    NULL, "the list is empty");
	bool recorded = false;
	for (uint32_t i = 0; i < s->nphases; i++) {
		s->phase[i].start_ns = s->end_ns;
		s->end_ns += b->phase[i].for_ns;
		s->phase[i].end_ns = s->end_ns;
		recorded |= s->phase[i].record;
	}
	if (s->nphases && !recorded)
		gcs_diag_at(d, gcs_place_of(b->phase_node[0]), "a phase without record: false",
			    NULL, "no phase is recorded");
}

static int resolve_phase_named(const struct gcs_scenario *s, const char *name)
{
	for (uint32_t i = 0; i < s->nphases; i++)
		if (strcmp(s->phase[i].id, name) == 0)
			return (int)i;
	return -1;
}

int gcs_resolve_phase(const struct gcs_scenario *s, const struct gcs_node *n, struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[256];
	int i = resolve_phase_named(s, n->text);
	if (i < 0)
		gcs_diag_at(d, gcs_place_of(n),
			    gcs_resolve_list(names, sizeof names, &s->phase[0].id, s->nphases,
					     sizeof s->phase[0]),
			    gcs_resolve_near(hint, n->text, &s->phase[0].id, s->nphases,
					     sizeof s->phase[0]),
			    "there is no phase '%s'", n->text);
	return i;
}

/* ---- checks, reported figures and signals */

/* The sentence is check.c's and metric.c's; some begin with what they expected. */
static void resolve_refused(const struct gcs_node *n, const struct gcs_expr_error *e,
			    struct gcs_diag *d)
{
	static const char expected[] = "expected ";
	if (strncmp(e->text, expected, sizeof expected - 1) == 0)
		gcs_diag_at(d, gcs_place_in(n, e->at), e->text + sizeof expected - 1, NULL,
			    "cannot read \"%s\"", n->text);
	else
		gcs_diag_at(d, gcs_place_in(n, e->at), "one of `gcstorm list metrics`", NULL, "%s",
			    e->text);
}

static void resolve_expr(const struct gcs_scenario *s, struct gcs_check *check,
			 const struct gcs_node *n, struct gcs_expr *ret, struct gcs_diag *d)
{
	struct gcs_expr_error e;
	check->line = n->line;
	check->column = n->column;
	ret->ref.metric = NULL;
	if (gcs_check_parse(n->text, s, ret, &e))
		resolve_refused(n, &e, d);
}

/* Phases that a check or figure names. */
static uint32_t resolve_phases_named(const struct gcs_scenario *s, const struct gcs_node *list,
				     char *ret[GCS_PHASES_MAX], struct gcs_diag *d)
{
	uint32_t n = 0;
	for (const struct gcs_node *i = list ? list->first : NULL; i; i = i->next)
		if (gcs_resolve_phase(s, i, d) >= 0 && n < GCS_PHASES_MAX)
			ret[n++] = strdup(i->text);
	return n;
}

/* A variant, or the scenario itself. */
static void resolve_reported_variant(const struct gcs_scenario *s, const struct gcs_node *n,
				     struct gcs_diag *d)
{
	const char *ids[1 + GCS_VARIANTS_MAX] = {GCS_VARIANT_BASE};
	char hint[RESOLVE_HINT], names[640];
	uint32_t count = 1;
	for (uint32_t i = 0; i < s->nvariants; i++)
		ids[count++] = s->variant[i].id;
	for (uint32_t i = 0; n && i < count; i++)
		if (strcmp(ids[i], n->text) == 0)
			return;
	if (n)
		gcs_diag_at(d, gcs_place_of(n),
			    gcs_resolve_list(names, sizeof names, ids, count, sizeof ids[0]),
			    gcs_resolve_near(hint, n->text, ids, count, sizeof ids[0]),
			    "there is no variant '%s'", n->text);
}

/* A figure of a stretch of time. ref: its metric, NULL in it: none. */
static void resolve_reported_stretch(const struct gcs_scenario *s, const struct gcs_reported *r,
				     const struct gcs_metric_ref *ref, const struct gcs_node *n,
				     struct gcs_diag *d)
{
	const struct gcs_node *at = gcs_node_get(n, "at"), *length = gcs_node_get(n, "for"),
			      *phases = gcs_node_get(n, "phases"), *value = gcs_node_get(n, "value"),
			      *odd = gcs_node_get(n, "peak") ? gcs_node_get(n, "peak")
							     : gcs_node_get(n, "within");
	struct gcs_told told;
	if (!at && !length) {
		if (odd)
			gcs_diag_at(d, gcs_place_of(odd->key), "at: TIME, for: TIME", NULL,
				    "'%s' of the figure '%s' is about a stretch of time, and there is none",
				    odd->key->text, r->what);
		return;
	}
	if (!at || !length) {
		gcs_diag_at(d, gcs_place_of((at ? at : length)->key), "at: TIME, for: TIME", NULL,
			    "the figure '%s' has '%s' without '%s'", r->what, at ? "at" : "for",
			    at ? "for" : "at");
		return;
	}
	if (phases)
		gcs_diag_at(d, gcs_place_of(phases->key), NULL, NULL,
			    "the figure '%s' has 'at' and 'for': it has no 'phases'", r->what);
	if (ref->metric && ref->metric->of_run)
		gcs_diag_at(d, gcs_place_of(at->key), NULL, NULL,
			    "'%s' is about the run as a whole: it has no 'at'", ref->metric->name);
	else if (ref->metric &&
		 gcs_told_parse(r->value, ref->metric->unit, r->within_ppb, &told))
		gcs_diag_at(d, gcs_place_of(value), gcs_value_expected(ref->metric->unit), NULL,
			    "'%s' is no value of '%s'", r->value, ref->metric->name);
	if (r->at_ns >= s->end_ns)
		gcs_diag_at(d, gcs_place_of(at), NULL, NULL,
			    "the figure '%s' begins after the end of the run", r->what);
}

static void resolve_reported(const struct gcs_scenario *s, struct gcs_reported *r,
			     const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *metric = gcs_node_get(n, "metric"),
			      *phases = gcs_node_get(n, "phases");
	struct gcs_metric_ref ref = {NULL, -1};
	struct gcs_expr_error e;
	r->line = n->line;
	r->column = n->column;
	r->nphases = resolve_phases_named(s, phases, r->phases, d);
	resolve_reported_variant(s, gcs_node_get(n, "variant"), d);
	if (!metric && !r->note)
		gcs_diag_at(d, gcs_place_of(n),
			    "metric: METRIC, or note: \"why nothing measures it\"", NULL,
			    "the figure '%s' has neither 'metric' nor 'note'", r->what);
	if (!metric && phases)
		gcs_diag_at(d, gcs_place_of(phases->key), NULL, NULL,
			    "without a 'metric' the figure '%s' has no 'phases'", r->what);
	if (metric && gcs_metric_find(metric->text, strlen(metric->text), s, &ref, &e))
		resolve_refused(metric, &e, d);
	else if (metric && phases && ref.metric->of_run)
		gcs_diag_at(d, gcs_place_of(phases->key), NULL, NULL,
			    "'%s' is about the run as a whole: it has no 'phases'",
			    ref.metric->name);
	resolve_reported_stretch(s, r, &ref, n, d);
}

static void resolve_check(const struct gcs_scenario *s, struct gcs_check *check,
			  const struct gcs_node *n, struct gcs_diag *d)
{
	struct gcs_expr expr;
	const struct gcs_node *phases = gcs_node_get(n, "phases"),
			      *window = gcs_node_get(n, "window");
	resolve_expr(s, check, gcs_node_get(n, "check"), &expr, d);
	check->nphases = resolve_phases_named(s, phases, check->phases, d);
	if (!expr.ref.metric || !expr.ref.metric->of_run)
		return;
	const struct gcs_node *odd = window ? window : phases;
	if (odd)
		gcs_diag_at(d, gcs_place_of(odd->key), NULL, NULL,
			    "'%s' is about the run as a whole: it has no '%s'",
			    expr.ref.metric->name, odd->key->text);
}

static void resolve_signals(struct gcs_bound *b, struct gcs_diag *d)
{
	static const char *const usual[] = {"op.latency.p99", "pause.stw.p99", "ops.rate",
					    "wake.lag.p99"};
	struct gcs_scenario *s = b->s;
	const struct gcs_node *list = gcs_node_get(gcs_node_get(b->root, "recovery"), "signals");
	for (size_t i = 0; !list && i < sizeof usual / sizeof usual[0]; i++)
		s->recovery.signal[s->recovery.nsignals++] = strdup(usual[i]);
	for (const struct gcs_node *i = list ? list->first : NULL; i; i = i->next) {
		struct gcs_metric_ref ref;
		struct gcs_expr_error e;
		if (s->recovery.nsignals == GCS_SIGNALS_MAX) {
			gcs_diag_at(d, gcs_place_of(i), NULL, NULL, "more than %d signals",
				    GCS_SIGNALS_MAX);
			return;
		}
		if (gcs_signal_find(i->text, s, &ref, &e))
			resolve_refused(i, &e, d);
		s->recovery.signal[s->recovery.nsignals++] = strdup(i->text);
	}
}

/* on_exit: fail, restart(N). */
static void resolve_on_exit(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	const struct gcs_node *n = gcs_node_get(gcs_node_get(b->root, "target"), "on_exit");
	unsigned times = 0;
	int end = 0;
	if (!n || !s->on_exit)
		return;
	if (sscanf(s->on_exit, "restart(%4u)%n", &times, &end) == 1 && end && !s->on_exit[end] &&
	    times >= 1 && times <= RESOLVE_RESTARTS_MAX)
		s->restarts = times;
	else if (strcmp(s->on_exit, "fail") != 0)
		gcs_diag_at(d, gcs_place_of(n), "fail, or restart(1) to restart(1000)", NULL,
			    "'on_exit' of target cannot be '%s'", s->on_exit);
	if (s->restarts && gcs_scenario_runtime(s) != GCS_RUNTIME_COMMAND)
		gcs_diag_at(d, gcs_place_of(n), NULL, "gcstorm exec SCENARIO -- PROGRAM",
			    "only a program under exec can be started again; the runtime %s cannot",
			    gcs_runtime_name(gcs_scenario_runtime(s)));
}

void gcs_resolve(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	resolve_workloads(b, d);
	resolve_on_exit(b, d);
	resolve_phases(b, d);
	if (gcs_resolve_faults(b, d))
		gcs_resolve_edges(b, d);
	gcs_resolve_activation(s);
	gcs_resolve_go(b, d);
	if (s->clock)
		gcs_parse_clock(s->clock, &s->clock_ns);
	for (uint32_t i = 0; i < s->nslos; i++)
		resolve_check(s, &s->slo[i], b->slo_node[i], d);
	for (uint32_t i = 0; i < s->nexpects; i++) {
		struct gcs_expr expr;
		resolve_expr(s, &s->expect[i], b->expect_node[i], &expr, d);
	}
	for (uint32_t i = 0; i < s->nreported; i++)
		resolve_reported(s, &s->reported[i], b->reported_node[i], d);
	resolve_signals(b, d);
}
