/*
 * scenario_faults.c: of the faults of a scenario: point, action, triggers, match, and their
 * windows.
 *
 * A fault's first window starts at its phase's start, or at the start or end of the fault that
 * `after` names (end: of its last window), plus `at`; it lasts `for`, or until the phase ends.
 * Repeats start `every` apart, until `times` or the phase is used up; with `jitter` each start is
 * drawn from the seed within that distance. All windows of a fault lie inside one phase.
 */
#include "harness/scenario/driver.h"
#include "harness/measure/recovery.h"
#include "harness/scenario/scenario_priv.h"
#include "harness/base/units.h"

#include "faults/points.h"
#include "faults/syscalls.h"

#include <string.h>

#define RESOLVE_HINT	    GCS_RESOLVE_HINT
#define RESOLVE_DEADLINE_NS INT64_C(15000000000)

/* ---- faults: point and action */

static const char *resolve_actions(uint32_t actions, char *ret, size_t cap)
{
	size_t len = 0;
	ret[0] = '\0';
	for (uint32_t bit = 1; bit && bit <= actions && len < cap; bit <<= 1)
		if (actions & bit)
			len += (size_t)snprintf(ret + len, cap - len, "%s%s", len ? ", " : "",
						gcs_action_name((enum gcs_action)bit));
	return ret;
}

/* The points of the family that `name` begins with: of all there are too many to read. */
static const char *resolve_family(const char *name, char *ret, size_t cap)
{
	size_t count, len = 0, family = strcspn(name, "/") + 1;
	const struct gcs_point_info *all = gcs_points(&count);
	for (size_t i = 0; i < count && len < cap; i++)
		if (!gcs_point_sabotages(&all[i]) && strncmp(all[i].name, name, family) == 0)
			len += (size_t)snprintf(ret + len, cap - len, "%s%s", len ? ", " : "",
						all[i].name);
	return len ? ret : "one of `gcstorm list faults`";
}

static const struct gcs_point_info *resolve_point(const struct gcs_node *n, struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[1024];
	const struct gcs_node *c = gcs_node_get(n, "point");
	const struct gcs_point_info *p = gcs_point_by_name(c->text);
	size_t count;
	const struct gcs_point_info *all = gcs_points(&count);
	if (!p)
		gcs_diag_at(d, gcs_place_of(c), resolve_family(c->text, names, sizeof names),
			    gcs_resolve_near(hint, c->text, &all[0].name, count, sizeof all[0]),
			    "there is no fault point '%s'", c->text);
	return p;
}

/* Actions that take their time. */
#define RESOLVE_TIMED ((uint32_t)(GCS_ACT_DELAY | GCS_ACT_COALESCE))

/* Keys of `fire` that mean something to some actions only. */
static const struct {
	const char *key;
	uint32_t actions;
} resolve_only[] = {
	{"delay", RESOLVE_TIMED},
	{"jitter", RESOLVE_TIMED},
	{"double", RESOLVE_TIMED},
	{"error", GCS_ACT_FAIL},
	{"by", GCS_ACT_BIAS},
};
#define RESOLVE_ONLY (sizeof resolve_only / sizeof resolve_only[0])

static bool resolve_fits(const struct gcs_node *fire, enum gcs_action action)
{
	for (size_t i = 0; i < RESOLVE_ONLY; i++)
		if (gcs_node_get(fire, resolve_only[i].key) &&
		    !(resolve_only[i].actions & (uint32_t)action))
			return false;
	if (action == GCS_ACT_BIAS)
		return gcs_node_get(fire, "by") != NULL;
	return !(RESOLVE_TIMED & (uint32_t)action) || gcs_node_get(fire, "delay");
}

/* The actions that can be had at the point on the scenario's runtime; 0 after an error. */
static uint32_t resolve_reach(const struct gcs_scenario *s, const struct gcs_point_info *p,
			      const struct gcs_node *n, struct gcs_diag *d)
{
	enum gcs_runtime runtime = gcs_scenario_runtime(s);
	uint32_t actions = gcs_point_reach(p, runtime);
	if (!actions)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(n, "point")), NULL, NULL,
			    "%s cannot be had with the runtime %s: %s", p->name, gcs_runtime_name(runtime),
			    gcs_point_reach_words(p, runtime));
	return actions;
}

/* The action named, or the first of the point's that the given keys fit; else the first it has, and
 * resolve_fire says what is missing. GCS_ACT_NONE after an error. */
static enum gcs_action resolve_action(const struct gcs_scenario *s, const struct gcs_fault *f,
				      const struct gcs_point_info *p, const struct gcs_node *n,
				      struct gcs_diag *d)
{
	uint32_t reach = f->elsewhere ? p->actions : resolve_reach(s, p, n, d);
	char actions[128];
	const struct gcs_node *c = gcs_node_get(n, "action"), *fire = gcs_node_get(n, "fire");
	if (!reach)
		return GCS_ACT_NONE;
	for (uint32_t bit = 1; !c && bit && bit <= reach; bit <<= 1)
		if ((reach & bit) && resolve_fits(fire, (enum gcs_action)bit))
			return (enum gcs_action)bit;
	if (!c)
		return (enum gcs_action)(reach & -reach);
	enum gcs_action action = gcs_action_by_name(c->text);
	if ((reach & (uint32_t)action) != 0)
		return action;
	if ((p->actions & (uint32_t)action) != 0) {
		gcs_diag_at(d, gcs_place_of(c), resolve_actions(reach, actions, sizeof actions), NULL,
			    "the action '%s' cannot be had at %s with the runtime %s", c->text, p->name,
			    s->runtime);
		return GCS_ACT_NONE;
	}
	gcs_diag_at(d, gcs_place_of(c), resolve_actions(p->actions, actions, sizeof actions), NULL,
		    action == GCS_ACT_NONE ? "there is no action '%s' (at %s)"
					   : "the action '%s' cannot happen at %s",
		    c->text, p->name);
	return GCS_ACT_NONE;
}

/* Triggers and delays of which one says what the other rules out. */
static void resolve_fire_never(const struct gcs_fault *f, const struct gcs_node *fire,
			       struct gcs_diag *d)
{
	const struct gcs_node *nth = gcs_node_get(fire, "nth"),
			      *max = gcs_node_get(gcs_node_get(fire, "double"), "max");
	if (nth && f->every > 1 && f->nth % f->every != 0)
		gcs_diag_at(d, gcs_place_of(nth), NULL, NULL,
			    "fault '%s' can never fire: its nth visit is none of every %s", f->id,
			    gcs_node_text(fire, "every"));
	if (nth && f->nth <= f->after)
		gcs_diag_at(d, gcs_place_of(nth), "more than after", NULL,
			    "fault '%s' can never fire: its nth visit is not after the first %s",
			    f->id, gcs_node_text(fire, "after"));
	if (max && f->delay_max_ns < f->delay_ns)
		gcs_diag_at(d, gcs_place_of(max), "at least the delay", NULL,
			    "the delay of fault '%s' is longer than it may become", f->id);
}

static void resolve_fire(struct gcs_fault *f, const struct gcs_point_info *p,
			 enum gcs_action action, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *fire = gcs_node_get(n, "fire");
	for (size_t i = 0; i < RESOLVE_ONLY; i++) {
		const struct gcs_node *c = gcs_node_get(fire, resolve_only[i].key);
		if (c && !(resolve_only[i].actions & (uint32_t)action))
			gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
				    "'%s' means nothing to the action %s of fault '%s'",
				    resolve_only[i].key, gcs_action_name(action), f->id);
	}
	if (action == GCS_ACT_DELAY && f->delay_ns == 0)
		gcs_diag_at(d, gcs_place_of(fire ? fire : n), "fire: {delay: 5ms}", NULL,
			    "fault '%s' delays, but not by how much", f->id);
	if (action == GCS_ACT_COALESCE && f->delay_ns == 0)
		gcs_diag_at(d, gcs_place_of(fire ? fire : n), "fire: {delay: 5ms}", NULL,
			    "fault '%s' coalesces, but not for how long", f->id);
	if (action == GCS_ACT_BIAS && f->by_milli == 0)
		gcs_diag_at(d, gcs_place_of(fire ? fire : n), "fire: {by: 0.5}", NULL,
			    "fault '%s' biases, but not by how much", f->id);
	if (action == GCS_ACT_BIAS && f->by_milli != 0 && !gcs_point_factor_fits(p, f->by_milli))
		gcs_diag_at(d, gcs_place_of(gcs_node_get(fire, "by")), "less than 1", NULL,
			    "%s (fault '%s') takes a share of the buckets", p->name, f->id);
	if (action == GCS_ACT_FAIL && f->err == 0)
		f->err = p->default_errno;
	if (action == GCS_ACT_FAIL && !gcs_point_error_fits(p, f->err))
		gcs_diag_at(d, gcs_place_of(gcs_node_get(fire, "error")), strerrorname_np(p->default_errno), NULL,
			    "%s cannot fail with another error", p->name);
	const struct gcs_node *probability = gcs_node_get(fire, "probability");
	if (probability && f->p_ppb == 0)
		gcs_diag_at(d, gcs_place_of(probability), "more than 0", NULL,
			    "fault '%s' can never fire", f->id);
	if (f->nth == 0 && f->every == 0 && f->p_ppb == 0)
		f->every = 1;
	resolve_fire_never(f, fire, d);
}

/* ---- faults: match */

/* Workloads of that id. */
static uint32_t resolve_match_workload(const struct gcs_scenario *s, const struct gcs_node *n,
				       struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[512];
	for (uint32_t i = 0; i < s->nworkloads; i++)
		if (strcmp(s->workload[i].id, n->text) == 0)
			return 1u << i;
	gcs_diag_at(d, gcs_place_of(n),
		    gcs_resolve_list(names, sizeof names, &s->workload[0].id, s->nworkloads,
				     sizeof s->workload[0]),
		    gcs_resolve_near(hint, n->text, &s->workload[0].id, s->nworkloads,
				     sizeof s->workload[0]),
		    "there is no workload '%s'", n->text);
	return 0;
}

/* Workloads that are driven by it. */
static uint32_t resolve_match_driver(const struct gcs_scenario *s, const struct gcs_node *n,
				     struct gcs_diag *d)
{
	char hint[RESOLVE_HINT], names[128];
	size_t count;
	const struct gcs_driver_info *all = gcs_drivers(&count);
	uint32_t bits = 0;
	for (uint32_t i = 0; i < s->nworkloads; i++)
		if (strcmp(s->workload[i].driver, n->text) == 0)
			bits |= 1u << i;
	if (bits)
		return bits;
	bool known = gcs_driver_by_name(n->text) != NULL;
	gcs_diag_at(d, gcs_place_of(n),
		    gcs_resolve_list(names, sizeof names, &all[0].name, count, sizeof all[0]),
		    known ? NULL
			  : gcs_resolve_near(hint, n->text, &all[0].name, count, sizeof all[0]),
		    known ? "no workload here has the driver '%s'" : "there is no driver '%s'",
		    n->text);
	return 0;
}

/* A name or a list of names, each with its error; 0 after one. */
static uint32_t resolve_match_any(const struct gcs_scenario *s, const struct gcs_node *n,
				  uint32_t (*one)(const struct gcs_scenario *,
						  const struct gcs_node *, struct gcs_diag *),
				  struct gcs_diag *d)
{
	uint32_t bits = 0;
	if (n->kind == GCS_NODE_SCALAR)
		return one(s, n, d);
	for (const struct gcs_node *i = n->first; i; i = i->next) {
		uint32_t bit = one(s, i, d);
		if (bit == 0)
			return 0;
		bits |= bit;
	}
	return bits;
}

static void resolve_match(const struct gcs_scenario *s, struct gcs_fault *f,
			  const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *match = gcs_node_get(n, "match"),
			      *size = gcs_node_get(match, "size"),
			      *workload = gcs_node_get(match, "workload"),
			      *driver = gcs_node_get(match, "driver");
	uint32_t bits = UINT32_MAX;
	if (match && !match->first)
		gcs_diag_at(d, gcs_place_of(match), "size, workload, driver, type, goroutine", NULL,
			    "'match' of fault '%s' is empty", f->id);
	if (size && !gcs_point_by_name(f->point)->size_is)
		gcs_diag_at(d, gcs_place_of(size->key), NULL, NULL,
			    "a visit of %s (fault '%s') has no size to match", f->point, f->id);
	if (workload)
		bits &= resolve_match_any(s, workload, resolve_match_workload, d);
	if (driver && bits) {
		uint32_t driven = resolve_match_any(s, driver, resolve_match_driver, d);
		if (driven && !(bits & driven))
			gcs_diag_at(
				d, gcs_place_of(driver), NULL, "workload and driver must both hold",
				"no workload matches both, so fault '%s' can never fire", f->id);
		bits &= driven;
	}
	f->match.workloads = bits == UINT32_MAX ? 0 : bits;
}

/* What is special about gc/write. */
static void resolve_write(struct gcs_fault *f, const struct gcs_point_info *p,
			  const struct gcs_node *n, struct gcs_diag *d)
{
	static const char *const keys[] = {"where", "mode", "edge"};
	const struct gcs_node *fire = gcs_node_get(n, "fire");
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct gcs_node *c = gcs_node_get(fire, keys[i]);
		if (c && !gcs_point_has_places(p))
			gcs_diag_at(d, gcs_place_of(c->key), "point: gc/write", NULL,
				    "'%s' means nothing at %s (fault '%s')", keys[i], p->name,
				    f->id);
	}
	if (f->edge && f->mode && strcmp(f->mode, "start") == 0)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(fire, "mode")), "mode: cycle", NULL,
			    "fault '%s' can never fire: while the barrier is on, a cycle runs, and no other can start",
			    f->id);
}

/* What is special about points of os/. */
static void resolve_syscall(const struct gcs_fault *f, const struct gcs_point_info *p,
			    const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_syscalls *call = gcs_syscalls_of(p->id);
	const struct gcs_node *allow = gcs_node_get(n, "allow-hot"),
			      *match = gcs_node_get(n, "match"),
			      *of = gcs_node_get(match, "workload");
	if (call && call->hot && !f->allow_hot)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(n, "point")), "allow-hot: true", NULL,
			    "the target makes this system call all the time, and each would pay to be asked about: "
			    "fault '%s' must allow it",
			    f->id);
	if (allow && !(call && call->hot))
		gcs_diag_at(d, gcs_place_of(allow->key), NULL, NULL,
			    "'allow-hot' means nothing at %s (fault '%s')", p->name, f->id);
	if (!of)
		of = gcs_node_get(match, "driver");
	if (call && of)
		gcs_diag_at(d, gcs_place_of(of->key), NULL, NULL,
			    "a system call (%s, fault '%s') belongs to no workload", p->name, f->id);
}

static void resolve_fault(const struct gcs_scenario *s, struct gcs_fault *f,
			  const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_point_info *p = resolve_point(n, d);
	f->elsewhere = f->only && strcmp(f->only, gcs_runtime_name(gcs_scenario_runtime(s))) != 0;
	enum gcs_action action = p ? resolve_action(s, f, p, n, d) : GCS_ACT_NONE;
	if (action == GCS_ACT_NONE)
		return;
	if (!f->elsewhere)
		p = gcs_point_stand_in(p, gcs_scenario_runtime(s));
	f->point = p->name;
	f->action = gcs_action_name(action);
	resolve_fire(f, p, action, n, d);
	resolve_write(f, p, n, d);
	resolve_match(s, f, n, d);
	gcs_resolve_match(s, f, n, d);
	gcs_resolve_condition(s, f, n, d);
	resolve_syscall(f, p, n, d);
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
		if (f->manual) {
			gcs_diag_at(r->d, gcs_place_of(n), NULL, NULL,
				    "fault '%s' is armed by hand: nothing can be after it", id);
			return false;
		}
		*ret = end ? f->window[f->nwindows - 1].end_ns : f->window[0].start_ns;
		return true;
	}
	gcs_diag_at(r->d, gcs_place_of(n), "FAULT.start or FAULT.end",
		    gcs_resolve_near(hint, id, &s->fault[0].id, s->nfaults, sizeof s->fault[0]),
		    "there is no fault '%s'", id);
	return false;
}

static const char *resolve_unscaled_hint(const struct gcs_scenario *s,
					 const struct gcs_bound_fault *f)
{
	return f->unscaled && s->time_scale_milli > 1000
		       ? "its times are unscaled, and the phase is shorter by the time scale"
		       : NULL;
}

/* Phase and start of a fault's first window; ret_from: what no window may begin before. */
static bool resolve_start(struct resolve_windows *r, uint32_t i, int *ret_phase, int64_t *ret_ns,
			  int64_t *ret_from)
{
	const struct gcs_scenario *s = r->b->s;
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when");
	const struct gcs_node *phase = gcs_node_get(when, "phase"),
			      *after = gcs_node_get(when, "after");
	int64_t from = 0;
	if (!phase && !after) {
		gcs_diag_at(r->d, gcs_place_of(when),
			    "phase: ID, or after: FAULT.end, or manual: true", NULL,
			    "fault '%s' does not say when", s->fault[i].id);
		return false;
	}
	int p = phase ? gcs_resolve_phase(s, phase, r->d) : -1;
	if ((phase && p < 0) || (after && !resolve_after(r, after, &from)))
		return false;
	*ret_ns = (after ? from : s->phase[p].start_ns) + r->b->fault[i].at_ns;
	*ret_phase = phase ? p : gcs_scenario_phase_at(s, *ret_ns);
	if (*ret_phase >= 0)
		*ret_from =
			s->phase[*ret_phase].start_ns > from ? s->phase[*ret_phase].start_ns : from;
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
		    say, resolve_unscaled_hint(s, &r->b->fault[i]),
		    "fault '%s' would start at %s, outside %s%s", s->fault[i].id,
		    gcs_show_duration(a, *ret_ns), phase ? "phase " : "the run",
		    phase ? phase->text : "");
	return false;
}

/* Where the windows of a fault may lie, and how long each is. */
struct resolve_span {
	int phase;
	int64_t start, length, from; /* none begins before `from` */
};

/* splitmix64's finaliser */
static uint64_t resolve_mix(uint64_t v)
{
	v += UINT64_C(0x9e3779b97f4a7c15);
	v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
	return v ^ (v >> 31);
}

/* Of the seed and the fault's id, so that other faults do not change it. */
static uint64_t resolve_draw(const struct gcs_scenario *s, const struct gcs_fault *f)
{
	uint64_t draw = resolve_mix(s->seed);
	for (const char *p = f->id; *p; p++)
		draw = resolve_mix(draw ^ (unsigned char)*p);
	return draw;
}

/* Window k as the jitter of its start has it: evenly within what the phase leaves of start ±
 * jitter. */
static struct gcs_window resolve_jittered(const struct resolve_windows *r, uint32_t i,
					  const struct resolve_span *span, int64_t start,
					  uint32_t k)
{
	const struct gcs_scenario *s = r->b->s;
	int64_t jitter = r->b->fault[i].repeat_jitter_ns,
		last = s->phase[span->phase].end_ns - span->length;
	int64_t lo = start - jitter > span->from ? start - jitter : span->from,
		hi = start + jitter < last ? start + jitter : last;
	uint64_t draw = resolve_mix(resolve_draw(s, &s->fault[i]) ^ k);
	start = lo + (int64_t)((unsigned __int128)draw * (uint64_t)(hi - lo + 1) >> 64);
	return (struct gcs_window){start, start + span->length};
}

static bool resolve_too_late(struct resolve_windows *r, uint32_t i, const struct resolve_span *span,
			     int64_t start, uint32_t k)
{
	const struct gcs_scenario *s = r->b->s;
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when");
	char at[GCS_UNIT_TEXT], stop[GCS_UNIT_TEXT];
	gcs_diag_at(r->d,
		    gcs_place_of(k ? gcs_node_get(gcs_node_get(when, "repeat"), "times")
				   : gcs_node_get(when, "for")),
		    NULL, resolve_unscaled_hint(s, &r->b->fault[i]),
		    "window %u of fault '%s' would end at %s, after phase '%s' (%s)", k + 1,
		    s->fault[i].id, gcs_show_duration(at, start + span->length),
		    s->phase[span->phase].id,
		    gcs_show_duration(stop, s->phase[span->phase].end_ns));
	return false;
}

static bool resolve_repeat(struct resolve_windows *r, uint32_t i, const struct resolve_span *span)
{
	const struct gcs_bound_fault *b = &r->b->fault[i];
	struct gcs_fault *f = &r->b->s->fault[i];
	const struct gcs_node *repeat =
		gcs_node_get(gcs_node_get(r->b->fault_node[i], "when"), "repeat");
	int64_t start = span->start, end = r->b->s->phase[span->phase].end_ns;
	uint32_t times = b->repeat_times ? b->repeat_times : repeat ? GCS_WINDOWS_MAX + 1 : 1;
	for (uint32_t k = 0; k < times; k++, start += b->repeat_every_ns) {
		if (start + span->length > end && !b->repeat_times && k > 0)
			return true; /* until the phase ends */
		if (start + span->length > end)
			return resolve_too_late(r, i, span, start, k);
		if (k == GCS_WINDOWS_MAX) {
			gcs_diag_at(r->d, gcs_place_of(repeat), "at most 256 windows",
				    "give times, or a longer every", "fault '%s' repeats too often",
				    f->id);
			return false;
		}
		f->window[f->nwindows++] = resolve_jittered(r, i, span, start, k);
	}
	return true;
}

/* What repeat says fits what `for` says. */
static bool resolve_repeat_fits(struct resolve_windows *r, uint32_t i,
				const struct gcs_node *repeat)
{
	const struct gcs_bound_fault *b = &r->b->fault[i];
	char gap[GCS_UNIT_TEXT], say[RESOLVE_HINT];
	if (b->for_ns == 0) {
		gcs_diag_at(r->d, gcs_place_of(repeat->key), "for: 2s beside it", NULL,
			    "fault '%s' repeats, but 'when' has no 'for'", b->f.id);
		return false;
	}
	if (b->repeat_every_ns <= b->for_ns) {
		gcs_diag_at(r->d, gcs_place_of(gcs_node_get(repeat, "every")), "more than 'for'",
			    NULL, "windows of fault '%s' would run into each other", b->f.id);
		return false;
	}
	if (2 * b->repeat_jitter_ns < b->repeat_every_ns - b->for_ns)
		return true;
	snprintf(say, sizeof say, "less than half of the %s between two windows",
		 gcs_show_duration(gap, b->repeat_every_ns - b->for_ns));
	gcs_diag_at(r->d, gcs_place_of(gcs_node_get(repeat, "jitter")), say, NULL,
		    "windows of fault '%s' could run into each other", b->f.id);
	return false;
}

/* A window that lasts until its phase ends, made too short by the time scale. */
static bool resolve_scaled_away(struct resolve_windows *r, uint32_t i,
				const struct resolve_span *span)
{
	const struct gcs_scenario *s = r->b->s;
	int64_t written = (int64_t)((__int128)span->length * s->time_scale_milli / 1000);
	char a[GCS_UNIT_TEXT], b[GCS_UNIT_TEXT], factor[GCS_UNIT_TEXT];
	if (r->b->fault[i].for_ns || r->b->fault[i].unscaled || s->time_scale_milli <= 1000 ||
	    span->length >= GCS_WINDOW_SCALED_MIN_NS || written < GCS_WINDOW_SCALED_MIN_NS)
		return false;
	gcs_diag_at(r->d, gcs_place_of(gcs_node_get(r->b->fault_node[i], "when")), "at least 500ms",
		    "a smaller time scale, or a longer phase",
		    "the window of fault '%s' is %s as written, and %s at a time scale of %s",
		    s->fault[i].id, gcs_show_duration(a, written),
		    gcs_show_duration(b, span->length),
		    gcs_scale_show(factor, s->time_scale_milli));
	return true;
}

/* manual excludes all else of `when`. */
static bool resolve_manual(struct resolve_windows *r, uint32_t i, const struct gcs_node *when)
{
	for (const struct gcs_node *c = when->first; c; c = c->next) {
		if (strcmp(c->key->text, "manual") == 0)
			continue;
		gcs_diag_at(r->d, gcs_place_of(c->key), NULL, NULL,
			    "fault '%s' is armed by hand: it has no '%s'", r->b->s->fault[i].id,
			    c->key->text);
		return false;
	}
	return true;
}

static bool resolve_windows_of(struct resolve_windows *r, uint32_t i)
{
	const struct gcs_bound_fault *b = &r->b->fault[i];
	const struct gcs_node *when = gcs_node_get(r->b->fault_node[i], "when"),
			      *repeat = gcs_node_get(when, "repeat");
	struct resolve_span span;
	if (b->f.manual)
		return resolve_manual(r, i, when);
	if (!resolve_start(r, i, &span.phase, &span.start, &span.from) ||
	    (repeat && !resolve_repeat_fits(r, i, repeat)))
		return false;
	span.length = b->for_ns ? b->for_ns : r->b->s->phase[span.phase].end_ns - span.start;
	return !resolve_scaled_away(r, i, &span) && resolve_repeat(r, i, &span);
}

static bool resolve_window(struct resolve_windows *r, uint32_t i)
{
	if (r->state[i] == WIN_NEW) {
		r->state[i] = WIN_BUSY;
		r->state[i] = resolve_windows_of(r, i) ? WIN_DONE : WIN_BAD;
	}
	return r->state[i] == WIN_DONE;
}

bool gcs_resolve_faults(struct gcs_bound *b, struct gcs_diag *d)
{
	struct resolve_windows r = {.b = b, .d = d};
	bool good = true;
	for (uint32_t i = 0; i < b->s->nfaults; i++) {
		resolve_fault(b->s, &b->s->fault[i], b->fault_node[i], d);
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

void gcs_resolve_edges(struct gcs_bound *b, struct gcs_diag *d)
{
	const struct gcs_scenario *s = b->s;
	uint32_t first = 0, last = 0;
	int64_t start = INT64_MAX, end = -1;
	for (uint32_t i = 0; i < s->nfaults; i++) {
		const struct gcs_fault *f = &s->fault[i];
		if (f->nwindows == 0)
			continue;
		if (f->window[0].start_ns < start) {
			start = f->window[0].start_ns;
			first = i;
		}
		if (f->window[f->nwindows - 1].end_ns > end) {
			end = f->window[f->nwindows - 1].end_ns;
			last = i;
		}
	}
	if (end < 0) { /* none, or by hand alone */
		if (b->s->recovery.deadline_ns == 0)
			b->s->recovery.deadline_ns = RESOLVE_DEADLINE_NS;
		return;
	}
	resolve_baseline(b, first, d);
	resolve_deadline(b, last, end, d);
}

/* ---- which faults are live in this run */

#define RESOLVE_LIVE UINT64_C(0x616374697661) /* tells these draws from those of jitter */

void gcs_resolve_activation(struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < s->nfaults; i++) {
		struct gcs_fault *f = &s->fault[i];
		f->left_out = f->elsewhere;
		if (f->elsewhere)
			f->nwindows = 0;
		if (f->elsewhere || !s->activation_ppb)
			continue;
		unsigned __int128 draw = resolve_mix(resolve_draw(s, f) ^ RESOLVE_LIVE);
		/* a saboteur is there because somebody wants to see it found */
		if (f->manual || gcs_point_sabotages(gcs_point_by_name(f->point)) || (uint64_t)(draw * 1000000000 >> 64) < s->activation_ppb)
			continue;
		f->left_out = true;
		f->nwindows = 0;
	}
}
