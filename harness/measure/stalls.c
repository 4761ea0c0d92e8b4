/* stalls.c: see stalls.h. */
#include "harness/measure/stalls.h"

#include "runtime/mrt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As workloads/plan.c deals them out. */
static uint32_t stalls_goroutines(const struct gcs_workload *w)
{
	return w->conns > 0 ? w->conns : w->workers;
}

int gcs_stalls_init(struct gcs_stalls *s, const struct gcs_scenario *scenario)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < scenario->nworkloads; i++)
		n += stalls_goroutines(&scenario->workload[i]);
	*s = (struct gcs_stalls){.worker = calloc(n ? n : 1, sizeof *s->worker)};
	if (!s->worker)
		return -ENOMEM;
	for (uint32_t i = 0; i < scenario->nworkloads; i++)
		for (uint32_t k = 0; k < stalls_goroutines(&scenario->workload[i]); k++, s->n++)
			s->worker[s->n] = (struct gcs_stall_view){.slot = MRT_WORKER_FIRST + s->n, .workload = i, .worker = k};
	return 0;
}

void gcs_stalls_fini(struct gcs_stalls *s)
{
	free(s->worker);
	*s = (struct gcs_stalls){0};
}

void gcs_stalls_add(struct gcs_stalls *s, enum gcs_stall_kind kind, uint64_t slot, int64_t dur_ns, int64_t at_ns, uint64_t firing)
{
	struct gcs_stall_view *v;
	if (slot < MRT_WORKER_FIRST || slot - MRT_WORKER_FIRST >= s->n)
		return;
	v = &s->worker[slot - MRT_WORKER_FIRST];
	s->changed = true;
	v->by[kind].total_ns += dur_ns;
	if (v->by[kind].count++ > 0 && dur_ns <= v->by[kind].max_ns)
		return;
	v->by[kind].max_ns = dur_ns;
	v->by[kind].max_at_ns = at_ns;
	v->by[kind].max_firing = firing;
}

static int64_t stalls_total(const struct gcs_stall_view *v)
{
	int64_t total_ns = 0;
	for (int k = 0; k < GCS_STALL_KINDS; k++)
		total_ns += v->by[k].total_ns;
	return total_ns;
}

static bool stalls_any(const struct gcs_stall_view *v)
{
	uint64_t n = 0;
	for (int k = 0; k < GCS_STALL_KINDS; k++)
		n += v->by[k].count;
	return n > 0;
}

/* Among the ones shown, the one held up for least is the first to go; of equals the one of the highest slot. */
static void stalls_displace(struct gcs_stall_view ret[GCS_STALLS_SHOWN], const struct gcs_stall_view *v)
{
	uint32_t least = 0;
	for (uint32_t i = 1; i < GCS_STALLS_SHOWN; i++)
		if (stalls_total(&ret[i]) <= stalls_total(&ret[least]))
			least = i;
	if (stalls_total(v) <= stalls_total(&ret[least]))
		return;
	memmove(&ret[least], &ret[least + 1], (GCS_STALLS_SHOWN - 1 - least) * sizeof ret[0]);
	ret[GCS_STALLS_SHOWN - 1] = *v;
}

uint32_t gcs_stalls_show(struct gcs_stalls *s, struct gcs_stall_view ret[GCS_STALLS_SHOWN])
{
	uint32_t shown = 0;
	s->changed = false;
	for (uint32_t i = 0; i < s->n; i++) {
		if (!stalls_any(&s->worker[i]))
			continue;
		if (shown < GCS_STALLS_SHOWN)
			ret[shown++] = s->worker[i];
		else
			stalls_displace(ret, &s->worker[i]);
	}
	return shown;
}
