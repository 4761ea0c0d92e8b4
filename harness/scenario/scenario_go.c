/*
 * scenario_go.c: what a scenario may ask for that the agent on real Go cannot do: an error when it
 * is loaded, not a run that leaves it out. Which points it reaches: faults/reach.def.
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

static void go_fault(const struct gcs_fault *f, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *fire = gcs_node_get(n, "fire"), *condition = gcs_node_get(n, "while");
	const struct gcs_node *where = gcs_node_get(fire, "where"), *edge = gcs_node_get(fire, "edge");
	if (f->elsewhere)
		return;
	if (condition)
		gcs_diag_at(d, gcs_place_of(condition->key), NULL, NULL,
			    "'while' of fault '%s' cannot be had with the runtime go: Go does not "
			    "tell a driver what its collector is at", f->id);
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
	if (s->heap_profile_rate)
		gcs_diag_at(d, gcs_place_of(n), NULL, NULL, "a heap profile cannot be had with the "
				"runtime go yet");
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
		return;
	}
	go_target(s, target, d);
	for (uint32_t i = 0; i < s->nworkloads; i++)
		go_workload(&s->workload[i], b->workload_node[i], d);
	for (uint32_t i = 0; i < s->nfaults; i++)
		go_fault(&s->fault[i], b->fault_node[i], d);
}
