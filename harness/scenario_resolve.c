/*
 * scenario_resolve.c: what one key says against another, and all times from t0.
 *
 * Phases lie end to end from 0. A fault's first window starts at its phase's start, or at the start
 * or end of the fault that `after` names (end: of its last window), plus `at`; it lasts `for`, or
 * until the phase ends. Repeats start `every` apart, until `times` or the phase is used up. All
 * windows of a fault lie inside one phase.
 */
#include "harness/check.h"
#include "harness/recovery.h"
#include "harness/scenario_priv.h"
#include "harness/suggest.h"
#include "harness/units.h"

#include "faults/points.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE_HINT	    96
#define RESOLVE_DEADLINE_NS INT64_C(15000000000)
/* Goroutines that carry fault worker ids (runtime/mrt.h, MRT_WORKER_FIRST..MRT_WORKER_MAX). */
#define RESOLVE_GOROUTINES_MAX 3968u

/* NULL when nothing is near. */
static const char *resolve_near(char hint[RESOLVE_HINT], const char *word, const void *list,
				size_t n, size_t stride)
{
	const char *near = gcs_suggest(word, list, n, stride);
	if (!near)
		return NULL;
	snprintf(hint, RESOLVE_HINT, "did you mean '%s'?", near);
	return hint;
}

/* "a, b, c" of a list of names. */
static const char *resolve_list(char *ret, size_t cap, const void *list, size_t n, size_t stride)
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

static const struct {
	const char *key;
	const char *drivers;
} resolve_keys[] = {
	{"workers", "map-churn slice-append"},
	{"keys", "map-churn"},
	{"value", "map-churn"},
	{"value_bytes", "map-churn"},
	{"mix", "map-churn"},
	{"size", "slice-append"},
	{"retain", "slice-append"},
	{"conns", "echo"},
	{"handler", "echo"},
};

static bool resolve_driver_has(const char *drivers, const char *driver)
{
	size_t n = strlen(driver);
	for (const char *p = drivers; (p = strstr(p, driver)) != NULL; p += n)
		if ((p == drivers || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static void resolve_foreign_keys(const struct gcs_workload *w, const struct gcs_node *n,
				 struct gcs_diag *d)
{
	for (size_t i = 0; i < sizeof resolve_keys / sizeof resolve_keys[0]; i++) {
		const struct gcs_node *c = gcs_node_get(n, resolve_keys[i].key);
		if (c && !resolve_driver_has(resolve_keys[i].drivers, w->driver))
			gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
				    "the driver %s of workload '%s' has no '%s' (%s has)",
				    w->driver, w->id, resolve_keys[i].key, resolve_keys[i].drivers);
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
	};
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
	uint32_t sum = w->mix_insert + w->mix_delete + w->mix_lookup;
	if (!mix) {
		w->mix_insert = w->mix_delete = 50;
		return;
	}
	if (sum != 100)
		gcs_diag_at(d, gcs_place_of(mix), "insert + delete + lookup = 100", NULL,
			    "the mix of workload '%s' adds up to %u", w->id, sum);
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
		if (strcmp(s->workload[i].driver, "echo") == 0)
			gcs_diag_at(d, gcs_place_of(c), "a workload of map-churn or slice-append",
				    NULL, "an echo workload cannot be a handler");
		return;
	}
	gcs_diag_at(
		d, gcs_place_of(c), "the id of another workload",
		resolve_near(hint, name, &s->workload[0].id, s->nworkloads, sizeof s->workload[0]),
		"there is no workload '%s'", name);
}

static void resolve_workload(struct gcs_scenario *s, uint32_t i, const struct gcs_node *n,
			     struct gcs_diag *d)
{
	struct gcs_workload *w = &s->workload[i];
	bool echo = strcmp(w->driver, "echo") == 0;
	resolve_foreign_keys(w, n, d);
	resolve_value(w, n, d);
	resolve_mix(w, n, d);
	resolve_handler(s, w, n, d);
	if (w->keys == 0)
		w->keys = 100000;
	if (w->size.max == 0)
		w->size = (struct gcs_size){.dist = GCS_DIST_FIXED, .min = 1024, .max = 1024};
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
			    rate ? "echo workload '%s' cannot have the rate max"
				 : "echo workload '%s' has no 'rate'",
			    w->id);
	}
}

static void resolve_workloads(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	uint32_t slots = 0, goroutines = 0;
	if (s->nworkloads == 0)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(b->root, "workload")),
			    "at least one workload", NULL, "the list is empty");
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		resolve_workload(s, i, b->workload_node[i], d);
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

static int resolve_phase(const struct gcs_scenario *s, const struct gcs_node *n, struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[256];
	int i = resolve_phase_named(s, n->text);
	if (i < 0)
		gcs_diag_at(d, gcs_place_of(n),
			    resolve_list(names, sizeof names, &s->phase[0].id, s->nphases,
					 sizeof s->phase[0]),
			    resolve_near(hint, n->text, &s->phase[0].id, s->nphases,
					 sizeof s->phase[0]),
			    "there is no phase '%s'", n->text);
	return i;
}

/* ---- faults: point and action */

static const char *resolve_actions(const struct gcs_point_info *p, char *ret, size_t cap)
{
	size_t len = 0;
	ret[0] = '\0';
	for (uint32_t bit = 1; bit && bit <= p->actions && len < cap; bit <<= 1)
		if (p->actions & bit)
			len += (size_t)snprintf(ret + len, cap - len, "%s%s", len ? ", " : "",
						gcs_action_name((enum gcs_action)bit));
	return ret;
}

static const struct gcs_point_info *resolve_point(const struct gcs_node *n, struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[512];
	const struct gcs_node *c = gcs_node_get(n, "point");
	const struct gcs_point_info *p = gcs_point_by_name(c->text);
	size_t count;
	const struct gcs_point_info *all = gcs_points(&count);
	if (!p)
		gcs_diag_at(d, gcs_place_of(c),
			    resolve_list(names, sizeof names, &all[0].name, count, sizeof all[0]),
			    resolve_near(hint, c->text, &all[0].name, count, sizeof all[0]),
			    "there is no fault point '%s'", c->text);
	return p;
}

/* The action named, or what the given keys and the point leave; GCS_ACT_NONE after an error. */
static enum gcs_action resolve_action(const struct gcs_point_info *p, const struct gcs_node *n,
				      struct gcs_diag *d)
{
	char actions[128];
	const struct gcs_node *c = gcs_node_get(n, "action");
	if (!c) {
		if (gcs_node_get(gcs_node_get(n, "fire"), "delay") && (p->actions & GCS_ACT_DELAY))
			return GCS_ACT_DELAY;
		return (enum gcs_action)(p->actions & -p->actions); /* the first it has */
	}
	enum gcs_action action = gcs_action_by_name(c->text);
	if ((p->actions & (uint32_t)action) != 0)
		return action;
	gcs_diag_at(d, gcs_place_of(c), resolve_actions(p, actions, sizeof actions), NULL,
		    action == GCS_ACT_NONE ? "there is no action '%s' (at %s)"
					   : "the action '%s' cannot happen at %s",
		    c->text, p->name);
	return GCS_ACT_NONE;
}

static void resolve_fire(struct gcs_fault *f, const struct gcs_point_info *p,
			 enum gcs_action action, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *fire = gcs_node_get(n, "fire");
	static const struct {
		const char *key;
		enum gcs_action action;
	} only[] = {
		{"delay", GCS_ACT_DELAY},
		{"jitter", GCS_ACT_DELAY},
		{"error", GCS_ACT_FAIL},
	};
	for (size_t i = 0; i < sizeof only / sizeof only[0]; i++) {
		const struct gcs_node *c = gcs_node_get(fire, only[i].key);
		if (c && action != only[i].action)
			gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
				    "'%s' means nothing to the action %s of fault '%s'",
				    only[i].key, gcs_action_name(action), f->id);
	}
	if (action == GCS_ACT_DELAY && f->delay_ns == 0)
		gcs_diag_at(d, gcs_place_of(fire ? fire : n), "fire: {delay: 5ms}", NULL,
			    "fault '%s' delays, but not by how much", f->id);
	if (action == GCS_ACT_FAIL && f->err == 0)
		f->err = p->default_errno;
	const struct gcs_node *probability = gcs_node_get(fire, "probability");
	if (probability && f->p_ppb == 0)
		gcs_diag_at(d, gcs_place_of(probability), "more than 0", NULL,
			    "fault '%s' can never fire", f->id);
	if (f->nth == 0 && f->every == 0 && f->p_ppb == 0)
		f->every = 1;
	const struct gcs_node *nth = gcs_node_get(fire, "nth");
	if (nth && f->every > 1 && f->nth % f->every != 0)
		gcs_diag_at(d, gcs_place_of(nth), NULL, NULL,
			    "fault '%s' can never fire: its nth visit is none of every %s", f->id,
			    gcs_node_text(fire, "every"));
}

static void resolve_fault(struct gcs_fault *f, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_point_info *p = resolve_point(n, d);
	enum gcs_action action = p ? resolve_action(p, n, d) : GCS_ACT_NONE;
	if (action == GCS_ACT_NONE)
		return;
	f->point = p->name;
	f->action = gcs_action_name(action);
	resolve_fire(f, p, action, n, d);
}

/* ---- faults: windows */

struct resolve_windows {
	struct gcs_bound *b;
	struct gcs_diag *d;
	enum { WIN_NEW, WIN_BUSY, WIN_DONE, WIN_BAD } state[GCS_FAULTS_MAX];
};

static bool resolve_window(struct resolve_windows *r, uint32_t i);

/* Time that `after: ID.start|end` means. */
static bool resolve_after(struct resolve_windows *r, const struct gcs_node *n, int64_t *ret)
{
	const struct gcs_scenario *s = r->b->s;
	char hint[RESOLVE_HINT], id[64];
	const char *dot = strrchr(n->text, '.');
	bool end = dot && strcmp(dot, ".end") == 0;
	if (!dot || (!end && strcmp(dot, ".start") != 0) || dot - n->text >= (int)sizeof id) {
		gcs_diag_at(r->d, gcs_place_of(n), "FAULT.start or FAULT.end", NULL,
			    "'after' cannot be '%s'", n->text);
		return false;
	}
	memcpy(id, n->text, (size_t)(dot - n->text));
	id[dot - n->text] = '\0';
	for (uint32_t i = 0; i < s->nfaults; i++) {
		const struct gcs_fault *f = &s->fault[i];
		if (strcmp(f->id, id) != 0)
			continue;
		if (r->state[i] == WIN_BUSY)
			gcs_diag_at(r->d, gcs_place_of(n), NULL, NULL, "'%s' waits for itself",
				    n->text);
		if (r->state[i] == WIN_BUSY || !resolve_window(r, i))
			return false;
		*ret = end ? f->window[f->nwindows - 1].end_ns : f->window[0].start_ns;
		return true;
	}
	gcs_diag_at(r->d, gcs_place_of(n), "FAULT.start or FAULT.end",
		    resolve_near(hint, id, &s->fault[0].id, s->nfaults, sizeof s->fault[0]),
		    "there is no fault '%s'", id);
	return false;
}

/* Phase and start of a fault's first window. */
static bool resolve_start(struct resolve_windows *r, uint32_t i, int *ret_phase, int64_t *ret_ns)
{
	const struct gcs_scenario *s = r->b->s;
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when");
	const struct gcs_node *phase = gcs_node_get(when, "phase"),
			      *after = gcs_node_get(when, "after");
	int64_t from = 0;
	if (!phase && !after) {
		gcs_diag_at(r->d, gcs_place_of(when), "phase: ID, or after: FAULT.end", NULL,
			    "fault '%s' does not say when", s->fault[i].id);
		return false;
	}
	int p = phase ? resolve_phase(s, phase, r->d) : -1;
	if ((phase && p < 0) || (after && !resolve_after(r, after, &from)))
		return false;
	*ret_ns = (after ? from : s->phase[p].start_ns) + r->b->fault[i].at_ns;
	*ret_phase = phase ? p : gcs_scenario_phase_at(s, *ret_ns);
	if (*ret_phase >= 0 && *ret_ns >= s->phase[*ret_phase].start_ns &&
	    *ret_ns < s->phase[*ret_phase].end_ns)
		return true;
	char a[GCS_UNIT_TEXT], lo[GCS_UNIT_TEXT], hi[GCS_UNIT_TEXT], say[RESOLVE_HINT];
	snprintf(say, sizeof say, "a start from %s up to %s",
		 gcs_show_duration(lo, phase ? s->phase[p].start_ns : 0),
		 gcs_show_duration(hi, phase ? s->phase[p].end_ns : s->end_ns));
	const struct gcs_node *at = gcs_node_get(when, "at");
	gcs_diag_at(r->d,
		    gcs_place_of(at	 ? at
				 : after ? after
					 : when),
		    say, NULL, "fault '%s' would start at %s, outside %s%s", s->fault[i].id,
		    gcs_show_duration(a, *ret_ns), phase ? "phase " : "the run",
		    phase ? phase->text : "");
	return false;
}

static bool resolve_repeat(struct resolve_windows *r, uint32_t i, int phase, int64_t start,
			   int64_t length)
{
	const struct gcs_bound_fault *b = &r->b->fault[i];
	struct gcs_fault *f = &r->b->s->fault[i];
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when"),
			      *repeat = gcs_node_get(when, "repeat");
	int64_t end = r->b->s->phase[phase].end_ns;
	uint32_t times = b->repeat_times ? b->repeat_times : repeat ? GCS_WINDOWS_MAX + 1 : 1;
	for (uint32_t k = 0; k < times; k++, start += b->repeat_every_ns) {
		if (start + length > end && !b->repeat_times && k > 0)
			return true; /* until the phase ends */
		if (start + length > end) {
			char at[GCS_UNIT_TEXT], stop[GCS_UNIT_TEXT];
			gcs_diag_at(
				r->d,
				gcs_place_of(k ? gcs_node_get(repeat, "times")
					       : gcs_node_get(when, "for")),
				NULL, NULL,
				"window %u of fault '%s' would end at %s, after phase '%s' (%s)",
				k + 1, f->id, gcs_show_duration(at, start + length),
				r->b->s->phase[phase].id, gcs_show_duration(stop, end));
			return false;
		}
		if (k == GCS_WINDOWS_MAX) {
			gcs_diag_at(r->d, gcs_place_of(repeat), "at most 256 windows",
				    "give times, or a longer every", "fault '%s' repeats too often",
				    f->id);
			return false;
		}
		f->window[f->nwindows++] = (struct gcs_window){start, start + length};
	}
	return true;
}

static bool resolve_windows_of(struct resolve_windows *r, uint32_t i)
{
	const struct gcs_bound_fault *b = &r->b->fault[i];
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when"),
			      *repeat = gcs_node_get(when, "repeat");
	int64_t start;
	int phase;
	if (!resolve_start(r, i, &phase, &start))
		return false;
	if (repeat && b->for_ns == 0) {
		gcs_diag_at(r->d, gcs_place_of(repeat->key), "for: 2s beside it", NULL,
			    "fault '%s' repeats, but 'when' has no 'for'", b->f.id);
		return false;
	}
	if (repeat && b->repeat_every_ns <= b->for_ns) {
		gcs_diag_at(r->d, gcs_place_of(gcs_node_get(repeat, "every")), "more than 'for'",
			    NULL, "windows of fault '%s' would run into each other", b->f.id);
		return false;
	}
	return resolve_repeat(r, i, phase, start,
			      b->for_ns ? b->for_ns : r->b->s->phase[phase].end_ns - start);
}

static bool resolve_window(struct resolve_windows *r, uint32_t i)
{
	if (r->state[i] == WIN_NEW) {
		r->state[i] = WIN_BUSY;
		r->state[i] = resolve_windows_of(r, i) ? WIN_DONE : WIN_BAD;
	}
	return r->state[i] == WIN_DONE;
}

static bool resolve_faults(struct gcs_bound *b, struct gcs_diag *d)
{
	struct resolve_windows r = {.b = b, .d = d};
	bool good = true;
	for (uint32_t i = 0; i < b->s->nfaults; i++) {
		resolve_fault(&b->s->fault[i], b->fault_node[i], d);
		good &= resolve_window(&r, i);
	}
	return good;
}

/* ---- before the first fault, and after the last */

static void resolve_baseline(struct gcs_bound *b, uint32_t first, struct gcs_diag *d)
{
	const struct gcs_scenario *s = b->s;
	char want[GCS_UNIT_TEXT], say[RESOLVE_HINT];
	int64_t start = s->fault[first].window[0].start_ns, recorded = 0;
	int64_t need = GCS_BASELINE_MIN * s->recovery.window_ns;
	for (uint32_t i = 0; i < s->nphases; i++) {
		int64_t end = s->phase[i].end_ns < start ? s->phase[i].end_ns : start;
		if (s->phase[i].record && end > s->phase[i].start_ns)
			recorded += end - s->phase[i].start_ns;
	}
	if (recorded >= need)
		return;
	snprintf(say, sizeof say, "at least %s of a recorded phase before it",
		 gcs_show_duration(want, need));
	gcs_diag_at(d, gcs_place_of(gcs_node_get(b->fault_node[first], "when")), say, NULL,
		    "no baseline before fault '%s': steady state would be unknown",
		    s->fault[first].id);
}

static void resolve_deadline(struct gcs_bound *b, uint32_t last, int64_t end, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	const struct gcs_node *recovery = gcs_node_get(b->root, "recovery"),
			      *deadline = gcs_node_get(recovery, "deadline");
	int64_t left = s->end_ns - end, need = s->recovery.window_ns * s->recovery.windows;
	char a[GCS_UNIT_TEXT], c[GCS_UNIT_TEXT];
	if (left < need)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(b->fault_node[last], "when")),
			    "a phase to heal in at the end", NULL,
			    "after fault '%s' %s are left, and steady needs %s", s->fault[last].id,
			    gcs_show_duration(a, left), gcs_show_duration(c, need));
	else if (deadline && s->recovery.deadline_ns > left)
		gcs_diag_at(d, gcs_place_of(deadline), NULL, NULL,
			    "the deadline is longer than the %s that are left after fault '%s'",
			    gcs_show_duration(a, left), s->fault[last].id);
	else if (deadline && s->recovery.deadline_ns < need)
		gcs_diag_at(d, gcs_place_of(deadline), NULL, NULL,
			    "the deadline is shorter than the %s that steady needs",
			    gcs_show_duration(a, need));
	if (!deadline)
		s->recovery.deadline_ns = left < RESOLVE_DEADLINE_NS ? left : RESOLVE_DEADLINE_NS;
}

static void resolve_edges(struct gcs_bound *b, struct gcs_diag *d)
{
	const struct gcs_scenario *s = b->s;
	uint32_t first = 0, last = 0;
	int64_t start = INT64_MAX, end = -1;
	for (uint32_t i = 0; i < s->nfaults; i++) {
		const struct gcs_fault *f = &s->fault[i];
		if (f->window[0].start_ns < start) {
			start = f->window[0].start_ns;
			first = i;
		}
		if (f->window[f->nwindows - 1].end_ns > end) {
			end = f->window[f->nwindows - 1].end_ns;
			last = i;
		}
	}
	if (s->nfaults == 0) {
		if (b->s->recovery.deadline_ns == 0)
			b->s->recovery.deadline_ns = RESOLVE_DEADLINE_NS;
		return;
	}
	resolve_baseline(b, first, d);
	resolve_deadline(b, last, end, d);
}

/* ---- checks and signals */

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

static void resolve_check(const struct gcs_scenario *s, struct gcs_check *check,
			  const struct gcs_node *n, struct gcs_diag *d)
{
	struct gcs_expr expr;
	const struct gcs_node *phases = gcs_node_get(n, "phases"),
			      *window = gcs_node_get(n, "window");
	resolve_expr(s, check, gcs_node_get(n, "check"), &expr, d);
	for (const struct gcs_node *i = phases ? phases->first : NULL; i; i = i->next) {
		if (resolve_phase(s, i, d) >= 0 && check->nphases < GCS_PHASES_MAX)
			check->phases[check->nphases++] = strdup(i->text);
	}
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

void gcs_resolve(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	resolve_workloads(b, d);
	resolve_phases(b, d);
	if (resolve_faults(b, d))
		resolve_edges(b, d);
	for (uint32_t i = 0; i < s->nslos; i++)
		resolve_check(s, &s->slo[i], b->slo_node[i], d);
	for (uint32_t i = 0; i < s->nexpects; i++) {
		struct gcs_expr expr;
		resolve_expr(s, &s->expect[i], b->expect_node[i], &expr, d);
	}
	resolve_signals(b, d);
}
