/*
 * scenario_go.c: what a scenario may ask for that the agent on real Go cannot do, and what only that
 * can: an error when it is loaded, not a run that leaves it out. Which points it reaches:
 * faults/reach.def. Which states of a map are known depends on the toolchain: the agent says so when
 * it is loaded.
 */
#include "harness/scenario/scenario_priv.h"

#include <string.h>

#define GO_FLAT_BYTES_MAX 1024u

/* Maps of Go are compiled for the length of their arrays (workloads/go/churn_map.go has these). */
static bool go_has_map(const struct gcs_workload *w)
{
	bool flat = strcmp(w->value, "inline") == 0 || strcmp(w->value, "indirect") == 0;
	return !flat || (w->value_bytes <= GO_FLAT_BYTES_MAX &&
			(w->value_bytes & (w->value_bytes - 1)) == 0);
}

static void go_workload(const struct gcs_workload *w, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *bytes = gcs_node_get(n, "value_bytes");
	const struct gcs_node *renew = gcs_node_get(n, "renew");
	if (strcmp(w->driver, "map-churn") == 0 && !go_has_map(w))
		gcs_diag_at(d, gcs_place_of(bytes ? bytes : n), "8, 16, 32, 64, 128, 256, 512 or "
				"1024 bytes", NULL,
			    "with the runtime go there is no map for the values of '%s': Go's maps "
			    "are compiled for their sizes", w->id);
	if (w->conns && renew)
		gcs_diag_at(d, gcs_place_of(renew->key), NULL, NULL,
			    "'renew' of '%s' cannot be had with the runtime go: Go registers a "
			    "connection with its poller once", w->id);
}

/* The first state in the condition that is (or is not) of a map, is of Swiss maps; NULL: none. */
static const struct gcs_state_info *go_state(const struct gcs_fault *f, bool of_map, bool swiss)
{
	for (uint32_t i = 0; i < f->program.n; i++) {
		const struct gcs_condition_step *step = &f->program.step[i];
		const struct gcs_state_info *state = step->code == GCS_CONDITION_STATE ? gcs_state_by_id(step->state) : NULL;
		if (state && state->of_map == of_map && state->swiss == swiss)
			return state;
	}
	return NULL;
}

static void go_condition(const struct gcs_fault *f, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *condition = gcs_node_get(n, "while");
	const struct gcs_state_info *state = go_state(f, false, false);
	if (condition && state)
		gcs_diag_at(d, gcs_place_of(condition->key), "states of the map at hand: map.count, map.growing, map.growth_left, ...", NULL,
			    "'while' of fault '%s' cannot be had with the runtime go: Go does not "
			    "tell a driver of its %s", f->id, state->name);
}

static void go_fault(const struct gcs_fault *f, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *fire = gcs_node_get(n, "fire");
	const struct gcs_node *where = gcs_node_get(fire, "where"), *edge = gcs_node_get(fire, "edge");
	if (f->elsewhere)
		return;
	go_condition(f, n, d);
	if (where && f->where && strcmp(f->where, "before_shade") != 0)
		gcs_diag_at(d, gcs_place_of(where), "before_shade", NULL,
			    "fault '%s': with the runtime go there is no place within the write "
			    "barrier", f->id);
	if (edge && f->edge)
		gcs_diag_at(d, gcs_place_of(edge), NULL, NULL,
			    "fault '%s': with the runtime go a driver does not know when the write "
			    "barrier goes on", f->id);
}

static void go_target(const struct gcs_scenario *s, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *stress = gcs_node_get(n, "stress");
	if (stress && (s->gc_every || s->clobber || s->check_edges))
		gcs_diag_at(d, gcs_place_of(stress->key), NULL, NULL, "'stress' means the embedded "
				"runtime, not go");
}

/* One trace a run: Go makes one at a time, into one file. */
static void go_traces(const struct gcs_bound *b, struct gcs_diag *d)
{
	const struct gcs_fault *first = NULL;
	for (uint32_t i = 0; i < b->s->nfaults; i++) {
		const struct gcs_fault *f = &b->s->fault[i];
		if (!f->trace || f->elsewhere)
			continue;
		if (first)
			gcs_diag_at(d, gcs_place_of(gcs_node_get(b->fault_node[i], "trace")), NULL, NULL,
				    "'trace' of fault '%s': there is one trace a run, and fault '%s' has it", f->id, first->id);
		else
			first = f;
	}
}

/* What only the agent can do. */
static void go_only(const struct gcs_scenario *s, const struct gcs_fault *f, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_state_info *state = go_state(f, true, true);
	if (f->elsewhere)
		return;
	if (f->trace)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(n, "trace")), "target: {runtime: go}", NULL,
			    "'trace' of fault '%s' means the runtime go, not %s: an execution trace is the Go runtime's own",
			    f->id, gcs_runtime_name(gcs_scenario_runtime(s)));
	if (state)
		gcs_diag_at(d, gcs_place_of(gcs_node_get(n, "while")), "target: {runtime: go}, with Go 1.24 or later", NULL,
			    "'while' of fault '%s': %s is of Go's maps from 1.24 on; here they have buckets", f->id, state->name);
}

void gcs_resolve_go(const struct gcs_bound *b, struct gcs_diag *d)
{
	const struct gcs_scenario *s = b->s;
	const struct gcs_node *target = gcs_node_get(b->root, "target");
	if (gcs_scenario_runtime(s) != GCS_RUNTIME_GO) {
		if (s->go && !gcs_node_get(target, "runtime"))
			gcs_diag_at(d, gcs_place_of(gcs_node_get(target, "go")),
				    "target: {runtime: go, go: …}", NULL,
				    "'go' names a toolchain, but the runtime is %s", s->runtime);
		for (uint32_t i = 0; i < s->nfaults; i++)
			go_only(s, &s->fault[i], b->fault_node[i], d);
		return;
	}
	go_target(s, target, d);
	for (uint32_t i = 0; i < s->nworkloads; i++)
		go_workload(&s->workload[i], b->workload_node[i], d);
	for (uint32_t i = 0; i < s->nfaults; i++)
		go_fault(&s->fault[i], b->fault_node[i], d);
	go_traces(b, d);
}
