/* timeline.c: edges, a fault in words, JSON. */
#define _GNU_SOURCE 1 /* strerrorname_np */
#include "harness/scenario/timeline.h"

#include "harness/base/units.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- edges */

static int timeline_order(const void *a, const void *b)
{
	const struct gcs_edge *x = a, *y = b;
	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

struct gcs_edge *gcs_timeline_edges(const struct gcs_scenario *s, size_t *ret_count)
{
	size_t n = s->nphases + 1, at = 0;
	for (uint32_t i = 0; i < s->nfaults; i++)
		n += 2 * (size_t)s->fault[i].nwindows;
	struct gcs_edge *edge = calloc(n, sizeof *edge);
	if (!edge)
		return NULL;
	for (uint32_t i = 0; i < s->nphases; i++)
		edge[at++] = (struct gcs_edge){s->phase[i].start_ns, GCS_EDGE_PHASE, i, 0};
	for (uint32_t i = 0; i < s->nfaults; i++) {
		const struct gcs_fault *f = &s->fault[i];
		for (uint32_t k = 0; k < f->nwindows; k++) {
			edge[at++] = (struct gcs_edge){f->window[k].start_ns, GCS_EDGE_ARM, i, k};
			edge[at++] = (struct gcs_edge){f->window[k].end_ns, GCS_EDGE_DISARM, i, k};
		}
	}
	edge[at++] = (struct gcs_edge){s->end_ns, GCS_EDGE_END, 0, 0};
	qsort(edge, n, sizeof *edge, timeline_order);
	*ret_count = n;
	return edge;
}

/* ---- words */

struct timeline_words {
	char *text;
	size_t n, cap;
};

static __attribute__((format(printf, 2, 3))) void words_add(struct timeline_words *w,
							    const char *fmt, ...)
{
	va_list ap;
	if (w->n >= w->cap)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(w->text + w->n, w->cap - w->n, fmt, ap);
	va_end(ap);
	w->n += n > 0 ? (size_t)n : 0;
}

static const char *words_ordinal(uint64_t n)
{
	if (n % 100 / 10 == 1)
		return "th";
	return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

/* What is made to happen there, where it is no collection. */
static const char *words_forced(const char *point)
{
	static const struct {
		const char *point, *words;
	} other[] = {
		{"gc/barrier_flush", "flush the barrier's buffer"},
		{"map/grow", "force a growth"},
		{"slice/alias", "leave no room in the new array"},
		{"sched/preempt", "end a time slice"},
	};
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		if (strcmp(point, other[i].point) == 0)
			return other[i].words;
	return "force a collection";
}

/* Of gc/write. */
static const char *words_where(const char *where)
{
	return strcmp(where, "after_shade") == 0   ? "between barrier and store"
	       : strcmp(where, "after_store") == 0 ? "after the store"
						   : "before the barrier";
}

static void words_action(struct timeline_words *w, const struct gcs_fault *f)
{
	char t[GCS_UNIT_TEXT];
	if (strcmp(f->action, "fail") == 0) {
		const char *name = strerrorname_np(f->err);
		words_add(w, "fail with %s", name ? name : "an error");
	} else if (strcmp(f->action, "delay") == 0 || strcmp(f->action, "coalesce") == 0) {
		words_add(w, "%s %s", strcmp(f->action, "delay") == 0 ? "delay by" : "coalesce for",
			  gcs_show_duration(t, f->delay_ns));
		if (f->jitter_ns)
			words_add(w, " to %s", gcs_show_duration(t, f->delay_ns + f->jitter_ns));
		if (f->delay_max_ns)
			words_add(w, ", doubling up to %s", gcs_show_duration(t, f->delay_max_ns));
	} else if (strcmp(f->action, "force") == 0) {
		words_add(w, "%s",
			  f->edge || (f->mode && strcmp(f->mode, "cycle") == 0)
				  ? "wait for a whole collection"
				  : words_forced(f->point));
		if (f->where)
			words_add(w, " %s", words_where(f->where));
	} else if (f->by_milli) {
		words_add(w, "%s by a factor of %g", f->action, f->by_milli / 1e3);
	} else {
		words_add(w, "%s", f->action);
	}
}

static void words_trigger(struct timeline_words *w, const struct gcs_fault *f)
{
	char text[GCS_UNIT_TEXT];
	if (f->nth)
		words_add(w, ", the %" PRIu64 "%s visit of each worker", f->nth,
			  words_ordinal(f->nth));
	if (f->every > 1)
		words_add(w, ", every %" PRIu64 "%s visit", f->every, words_ordinal(f->every));
	if (f->p_ppb)
		words_add(w, ", %.7g%% of %svisits", f->p_ppb / 1e7, f->every > 1 ? "these " : "");
	if (!f->nth && f->every <= 1 && (!f->p_ppb))
		words_add(w, ", every visit");
	if (f->edge)
		words_add(w, " that is its goroutine's first since the barrier went on");
	if (f->after)
		words_add(w, ", not the first %s of each worker", gcs_show_count(text, f->after));
	if (f->burst > 1)
		words_add(w, ", %s in a row", gcs_show_count(text, f->burst));
	if (f->times)
		words_add(w, ", at most %s in all", gcs_show_count(text, f->times));
}

static void words_match(struct timeline_words *w, const struct gcs_scenario *s,
			const struct gcs_match *m)
{
	char a[GCS_UNIT_TEXT], b[GCS_UNIT_TEXT];
	if (m->size_min && m->size_min == m->size_max)
		words_add(w, "; of %s", gcs_show_bytes(a, m->size_min));
	else if (m->size_min && m->size_max)
		words_add(w, "; of %s to %s", gcs_show_bytes(a, m->size_min),
			  gcs_show_bytes(b, m->size_max));
	else if (m->size_min)
		words_add(w, "; of %s or more", gcs_show_bytes(a, m->size_min));
	else if (m->size_max)
		words_add(w, "; of %s or less", gcs_show_bytes(a, m->size_max));
	const char *before = "; in ";
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		if (!(m->workloads & 1u << i))
			continue;
		words_add(w, "%s%s", before, s->workload[i].id);
		before = ", ";
	}
	for (uint32_t i = 0; i < m->ngoroutines; i++) {
		const struct gcs_goroutines *g = &m->goroutine[i];
		words_add(w, "%s%s/%u", i ? ", " : "; by ", s->workload[g->workload].id, g->first);
		if (g->last > g->first)
			words_add(w, "..%u", g->last);
	}
	for (uint32_t i = 0; i < m->ntypes; i++)
		words_add(w, "%s%s", i ? ", " : "; type ", m->type[i]);
}

void gcs_fault_words(const struct gcs_scenario *s, const struct gcs_fault *f,
		     char ret[GCS_FAULT_WORDS])
{
	struct timeline_words w = {ret, 0, GCS_FAULT_WORDS};
	words_action(&w, f);
	words_trigger(&w, f);
	words_match(&w, s, &f->match);
	if (f->condition)
		words_add(&w, "; while %s", f->condition);
	if (f->condition_scaled)
		words_add(&w, " (bytes divided by the heap scale, %g)", s->heap_scale_milli / 1e3);
}

char *gcs_span_words(char ret[GCS_SPAN_WORDS], int64_t ns)
{
	int64_t s = (ns + 500000000) / 1000000000;
	if (ns < 120 * INT64_C(1000000000)) {
		snprintf(ret, GCS_SPAN_WORDS, "%.4g s", (double)ns / 1e9);
		return ret;
	}
	bool hours = s >= 2 * 3600;
	int64_t unit = hours ? 3600 : 60;
	int64_t rest = hours ? s % 3600 / 60 : s % 60;
	int n = snprintf(ret, GCS_SPAN_WORDS, "%" PRId64 " %s", s / unit, hours ? "h" : "min");
	if (rest)
		snprintf(ret + n, (size_t)(GCS_SPAN_WORDS - n), " %" PRId64 " %s", rest,
			 hours ? "min" : "s");
	return ret;
}

/* ---- JSON */

static json_t *timeline_edge(const struct gcs_scenario *s, const struct gcs_edge *e)
{
	static const char *const what[] = {[GCS_EDGE_DISARM] = "disarm",
					   [GCS_EDGE_PHASE] = "phase",
					   [GCS_EDGE_ARM] = "arm",
					   [GCS_EDGE_END] = "end"};
	char clock[16];
	json_t *o = json_pack("{s:I,s:s}", "t_ns", (json_int_t)e->t_ns, "what", what[e->kind]);
	if (gcs_scenario_clock(s, e->t_ns, clock))
		json_object_set_new(o, "clock", json_string(clock));
	if (e->kind == GCS_EDGE_PHASE)
		json_object_set_new(o, "id", json_string(s->phase[e->index].id));
	if (e->kind == GCS_EDGE_ARM || e->kind == GCS_EDGE_DISARM) {
		json_object_set_new(o, "id", json_string(s->fault[e->index].id));
		json_object_set_new(o, "window", json_integer(e->window));
	}
	return o;
}

char *gcs_timeline_json(const struct gcs_scenario *s)
{
	size_t n;
	char *text = gcs_scenario_json(s);
	json_t *o = text ? json_loads(text, 0, NULL) : NULL, *edges = json_array();
	struct gcs_edge *edge = gcs_timeline_edges(s, &n);
	free(text);
	for (size_t i = 0; edge && i < n; i++)
		json_array_append_new(edges, timeline_edge(s, &edge[i]));
	free(edge);
	json_object_set_new(o, "edges", edges);
	text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(o);
	return text;
}
