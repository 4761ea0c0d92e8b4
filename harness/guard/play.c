/* play.c: see play.h. An operator's arm holds until the fault's next edge; its occurrences count on behind those of the windows. */
#include "harness/guard/play.h"

#include "faults/fault.h"

#include <errno.h>
#include <stdlib.h>

#define PLAY_BEFORE_NS INT64_C(1000000000)

static int play_order(const void *a, const void *b)
{
	const struct guard_edge *x = a, *y = b;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void play_add(struct guard_play *p, int64_t at_ns, enum guard_edge_kind kind, uint32_t index,
		     uint32_t window)
{
	p->edge[p->nedges++] = (struct guard_edge){at_ns, kind, index, window};
}

int guard_play_init(struct guard_play *p, const struct plan *plan, struct mrt_telemetry *telemetry)
{
	size_t n = 2 * (size_t)plan->nphases + 1;
	*p = (struct guard_play){.plan = plan, .telemetry = telemetry};
	for (uint32_t i = 0; i < plan->nfaults; i++)
		n += 2 * (size_t)plan->fault[i].nwindows;
	p->edge = calloc(n, sizeof *p->edge);
	if (!p->edge)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->nphases; i++) {
		play_add(p, plan->phase[i].start_ns, GUARD_PHASE_START, i, 0);
		play_add(p, plan->phase[i].end_ns, GUARD_PHASE_END, i, 0);
	}
	for (uint32_t i = 0; i < plan->nfaults; i++)
		for (uint32_t k = 0; k < plan->fault[i].nwindows; k++) {
			play_add(p, plan->fault[i].window[k].start_ns, GUARD_ARM, i, k);
			play_add(p, plan->fault[i].window[k].end_ns, GUARD_DISARM, i, k);
		}
	play_add(p, plan->end_ns, GUARD_END, 0, 0);
	qsort(p->edge, p->nedges, sizeof *p->edge, play_order);
	return 0;
}

void guard_play_fini(struct guard_play *p)
{
	free(p->edge);
	p->edge = NULL;
}

void guard_play_begin(struct guard_play *p, int64_t now_ns)
{
	p->t0_ns = now_ns;
}

static void play_phase(const struct guard_play *p, const struct guard_edge *e, int64_t now_ns)
{
	const struct watch_record rec = {
		.t_ns = now_ns,
		.kind = WATCH_PHASE,
		.p = 0xffff,
		.a = e->index,
		.b = e->kind == GUARD_PHASE_START,
	};
	watch_emit_shared(p->telemetry, &rec);
}

/* True: the end. */
static bool play_one(struct guard_play *p, const struct guard_edge *e, int64_t now_ns)
{
	switch (e->kind) {
	case GUARD_PHASE_START:
	case GUARD_PHASE_END:
		play_phase(p, e, now_ns);
		break;
	case GUARD_ARM:
		if (p->cancelled)
			break;
		gcs_fault_disarm(e->index, true, now_ns); /* an operator's arm ends here */
		gcs_fault_arm(e->index, e->window, false, now_ns);
		break;
	case GUARD_DISARM:
		gcs_fault_disarm(e->index, false, now_ns);
		if (p->disarmed && !p->cancelled)
			p->disarmed(p->self, e->index, e->window);
		break;
	case GUARD_END:
		return true;
	}
	return false;
}

bool guard_play_due(struct guard_play *p, int64_t now_ns)
{
	bool end = false;
	while (guard_play_next_ns(p) <= now_ns)
		end |= play_one(p, &p->edge[p->next++], now_ns);
	return end;
}

int64_t guard_play_next_ns(const struct guard_play *p)
{
	return p->t0_ns && p->next < p->nedges ? p->t0_ns + p->edge[p->next].at_ns : INT64_MAX;
}

int64_t guard_play_steady_ns(const struct plan *plan)
{
	int64_t first = INT64_MAX;
	for (uint32_t i = 0; i < plan->nfaults; i++)
		for (uint32_t k = 0; k < plan->fault[i].nwindows; k++)
			if (plan->fault[i].window[k].start_ns < first)
				first = plan->fault[i].window[k].start_ns;
	if (first == INT64_MAX)
		return plan->end_ns / 2;
	return first > 2 * PLAY_BEFORE_NS ? first - PLAY_BEFORE_NS : first / 2;
}

void guard_play_cancel(struct guard_play *p, bool by_operator, int64_t now_ns)
{
	p->cancelled = true;
	gcs_faults_disarm_all(by_operator, now_ns);
}

void guard_play_operator(struct guard_play *p, uint32_t fault, bool arm, int64_t now_ns)
{
	if (!arm)
		gcs_fault_disarm(fault, true, now_ns);
	else if (!gcs_fault_armed(fault))
		gcs_fault_arm(fault, p->plan->fault[fault].nwindows + p->acts[fault]++, true, now_ns);
}
