/*
 * ledger.h: which stop, assist, stall, late wake and failed operation is due to which fault.
 *
 * Telemetry carries firing ids: a collection knows the firing that began it, a wake the firing that
 * held it back, a failed allocation the one that failed it. An allocation that stalls is charged to
 * the last firing at the same worker if it is recent. Each entry counts its time in excess of the
 * median before the first fault.
 */
#pragma once

#include "harness/measure/metric.h"

#define GCS_LEDGER_WORKERS   512
#define GCS_LEDGER_CYCLES    64
#define GCS_LEDGER_RECENT_NS 100000000 /* how long a firing answers for what its worker suffers */

enum gcs_due {
	GCS_DUE_STW,
	GCS_DUE_ASSIST,
	GCS_DUE_ALLOC_STALL,
	GCS_DUE_WAKE,
	GCS_DUE_GC,
	GCS_DUE_ERROR,
	GCS_DUES
};
extern const char *const gcs_due_name[GCS_DUES];

struct gcs_ledger_entry {
	uint64_t count;
	int64_t total_ns, excess_ns, max_ns;
};

struct gcs_ledger {
	struct gcs_ledger_entry due[GCS_FAULTS_MAX][GCS_DUES];
	struct gcs_ledger_entry undue[GCS_DUES]; /* no firing behind it */
	int64_t usual_ns[GCS_DUES];		 /* medians before the first fault */
	struct {
		uint32_t worker;
		uint64_t firing;
		int64_t t_ns;
	} last[GCS_LEDGER_WORKERS];
	struct {
		uint64_t cycle, firing;
	} cycle[GCS_LEDGER_CYCLES];
};

static inline int gcs_firing_fault(uint64_t firing)
{
	return firing ? (int)(firing >> 48) - 1 : -1;
}

/* What else its id says (faults/gate.h): the worker that visited the point, and which of its eligible visits it was. */
static inline uint32_t gcs_firing_worker(uint64_t firing)
{
	return (uint32_t)(firing >> 32) & 0xffff;
}

static inline uint32_t gcs_firing_visit(uint64_t firing)
{
	return (uint32_t)firing;
}

/* Medians of the undisturbed part of the run. */
void gcs_ledger_usual(struct gcs_ledger *l, const struct gcs_measure *before);
void gcs_ledger_fired(struct gcs_ledger *l, uint32_t worker, uint64_t firing, int64_t t_ns);
void gcs_ledger_cycle(struct gcs_ledger *l, uint64_t cycle, uint64_t firing);
/* The firing to charge: the one given, else the cycle's (0: none known), else the worker's recent
 * one. UINT32_MAX: no worker. */
uint64_t gcs_ledger_firing(const struct gcs_ledger *l, uint64_t firing, uint64_t cycle,
			   uint32_t worker, int64_t t_ns);
void gcs_ledger_charge(struct gcs_ledger *l, enum gcs_due what, uint64_t firing, int64_t ns);
