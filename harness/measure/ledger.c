/*
 * ledger.c: charging.
 *
 * Limits: the last firing of a worker sits in a hashed slot, and a colliding worker takes it over;
 * cycles are remembered for GCS_LEDGER_CYCLES cycles. A charge that cannot be proven is not made:
 * it counts as due to nobody.
 */
#include "harness/measure/ledger.h"

const char *const gcs_due_name[GCS_DUES] = {"stw",	"assist",   "alloc_stall",
					    "wake_lag", "gc_cycle", "op_error"};

static int64_t ledger_median(const struct gcs_measure *m, enum gcs_series s)
{
	return m->series[s] ? (int64_t)watch_hist_sum_at(m->series[s], 500000) : 0;
}

void gcs_ledger_usual(struct gcs_ledger *l, const struct gcs_measure *before)
{
	l->usual_ns[GCS_DUE_STW] = ledger_median(before, GCS_STW);
	l->usual_ns[GCS_DUE_ASSIST] = ledger_median(before, GCS_ASSIST);
	l->usual_ns[GCS_DUE_ALLOC_STALL] = ledger_median(before, GCS_ALLOC_STALL);
	l->usual_ns[GCS_DUE_WAKE] = ledger_median(before, GCS_WAKE);
}

void gcs_ledger_fired(struct gcs_ledger *l, uint32_t worker, uint64_t firing, int64_t t_ns)
{
	uint32_t i = worker % GCS_LEDGER_WORKERS;
	l->last[i].worker = worker;
	l->last[i].firing = firing;
	l->last[i].t_ns = t_ns;
}

void gcs_ledger_cycle(struct gcs_ledger *l, uint64_t cycle, uint64_t firing)
{
	l->cycle[cycle % GCS_LEDGER_CYCLES].cycle = cycle;
	l->cycle[cycle % GCS_LEDGER_CYCLES].firing = firing;
}

uint64_t gcs_ledger_firing(const struct gcs_ledger *l, uint64_t firing, uint64_t cycle,
			   uint32_t worker, int64_t t_ns)
{
	if (firing)
		return firing;
	if (cycle && l->cycle[cycle % GCS_LEDGER_CYCLES].cycle == cycle &&
	    l->cycle[cycle % GCS_LEDGER_CYCLES].firing)
		return l->cycle[cycle % GCS_LEDGER_CYCLES].firing;
	uint32_t i = worker % GCS_LEDGER_WORKERS;
	bool recent = worker != UINT32_MAX && l->last[i].worker == worker &&
		      l->last[i].t_ns <= t_ns && t_ns - l->last[i].t_ns < GCS_LEDGER_RECENT_NS;
	return recent ? l->last[i].firing : 0;
}

void gcs_ledger_charge(struct gcs_ledger *l, enum gcs_due what, uint64_t firing, int64_t ns)
{
	int fault = gcs_firing_fault(firing);
	struct gcs_ledger_entry *e =
		fault >= 0 && fault < GCS_FAULTS_MAX ? &l->due[fault][what] : &l->undue[what];
	e->count++;
	e->total_ns += ns;
	if (ns > l->usual_ns[what])
		e->excess_ns += ns - l->usual_ns[what];
	if (ns > e->max_ns)
		e->max_ns = ns;
}
