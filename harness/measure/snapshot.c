/* snapshot.c: what the makers of snapshots share; see snapshot.h. */
#include "harness/snapshot.h"

#include "harness/measure/metric.h"

#include <string.h>

static void snapshot_checks(struct gcs_snapshot *s, const struct gcs_check *check, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct gcs_slo_view *v = &s->slo[s->nslos++];
		v->id = check[i].id ? check[i].id : "expect";
		v->text = check[i].text;
		snprintf(v->shown, sizeof(v->shown), "-");
	}
}

void gcs_snapshot_begin(struct gcs_snapshot *s, const struct gcs_scenario *sc)
{
	s->scenario = sc;
	s->end_ns = sc->end_ns;
	s->memlimit = sc->memlimit;
	s->phase = -1;
	s->sched.at_ns = -1;
	for (uint32_t i = 0; i < sc->nfaults; i++) {
		s->fault[i].id = sc->fault[i].id;
		s->fault[i].point = sc->fault[i].point;
		s->fault[i].what = "";
		s->fault[i].times = sc->fault[i].times;
		s->fault[i].limit_ns = -1;
	}
	for (uint32_t i = 0; i < sc->nworkloads; i++) {
		s->work[i].id = sc->workload[i].id;
		s->work[i].driver = sc->workload[i].driver;
		s->work[i].rate_wanted = (double)sc->workload[i].rate;
	}
	s->nslos = 0;
	snapshot_checks(s, sc->slo, sc->nslos);
	snapshot_checks(s, sc->expect, sc->nexpects);
}

int64_t gcs_snapshot_next_edge(const struct gcs_fault *f, int64_t now_ns)
{
	int64_t next = -1;
	for (uint32_t i = 0; i < f->nwindows; i++) {
		int64_t edge = f->window[i].start_ns > now_ns ? f->window[i].start_ns
							      : f->window[i].end_ns;
		if (edge > now_ns && (next < 0 || edge < next))
			next = edge;
	}
	return next;
}

enum gcs_state gcs_snapshot_state(const struct gcs_snapshot *s, bool armed_before, bool open)
{
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		if (s->fault[i].armed)
			return GCS_FAULTING;
	if (armed_before)
		return open ? GCS_RECOVERING : GCS_RECOVERED;
	return s->phase >= 0 && s->scenario->phase[s->phase].record ? GCS_STEADY : GCS_WARMING;
}

/* The fault whose window opens next; -1 none. */
static int snapshot_next_fault(const struct gcs_snapshot *s, int64_t *ret_ns)
{
	int next = -1;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++) {
		int64_t edge = s->fault[i].next_edge_ns;
		if (s->fault[i].armed || edge < 0 || (next >= 0 && edge >= *ret_ns))
			continue;
		next = (int)i;
		*ret_ns = edge;
	}
	return next;
}

static const struct gcs_slo_view *snapshot_failing(const struct gcs_snapshot *s)
{
	for (uint32_t i = 0; i < s->scenario->nslos; i++)
		if (s->slo[i].state < 0)
			return &s->slo[i];
	return NULL;
}

void gcs_snapshot_headline(struct gcs_snapshot *s)
{
	char worst[32];
	int64_t edge_ns = 0;
	int used, next = snapshot_next_fault(s, &edge_ns);
	const struct gcs_slo_view *failing = snapshot_failing(s);
	gcs_metric_show(GCS_UNIT_NS, (double)s->stw_total.max_ns, worst, sizeof(worst));
	if (failing)
		used = snprintf(s->headline, sizeof(s->headline), "SLO %.24s fails: %.60s.",
				failing->id, failing->text);
	else
		used = snprintf(s->headline, sizeof(s->headline), "%s; worst pause %s.",
				s->scenario->nslos ? "All SLOs hold" : "No SLO is set", worst);
	if (next >= 0 && used > 0 && (size_t)used < sizeof(s->headline))
		snprintf(s->headline + used, sizeof(s->headline) - (size_t)used,
			 " Next: %.20s in %.0f s.", s->scenario->fault[next].id,
			 (double)(edge_ns - s->now_ns) / 1e9);
}

struct gcs_event_view *gcs_snapshot_event(struct gcs_snapshot *s)
{
	if (s->nevents == GCS_EVENTS_SHOWN)
		memmove(s->event, s->event + 1, --s->nevents * sizeof(s->event[0]));
	return &s->event[s->nevents++];
}

uint32_t gcs_snapshot_recent(int64_t window_ns)
{
	int64_t n = window_ns > 0 ? GCS_NOW_NS / window_ns : 1;
	return n < 1 ? 1 : n > GCS_RECENT_MAX ? GCS_RECENT_MAX : (uint32_t)n;
}
