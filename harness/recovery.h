/*
 * recovery.h: how a run comes back after each occurrence of a fault.
 *
 * Words. Signal: a metric watched for recovery. Baseline: its median over the recorded intervals
 * before the first arm. Limit: where good ends. Occurrence: one time that a fault is armed. Clock:
 * runs from the last disarm; while anything is armed it does not run, and an occurrence that
 * another fault touches is overlapped. Steady: `windows` consecutive good intervals on the clock.
 * Times are ns from t0, -1 is "not (yet)".
 */
#pragma once

#include "harness/metric.h"

#define GCS_BASELINE_MAX    600 /* intervals kept for the baseline, the newest */
#define GCS_BASELINE_MIN    3
#define GCS_OCCURRENCES_MAX 8192 /* of all faults together; further ones are counted only */

struct gcs_occ_signal {
	bool left;
	int64_t left_ns, last_bad_ns; /* start of the first, end of the last bad interval */
	int64_t recovery_ns;	 /* -1 not yet; 0 never left; else clock to the end of the last bad
				    interval, at least 1 */
	uint32_t good;		 /* consecutive, on the clock */
	double peak, peak_ratio; /* worst value; over the baseline, or what stands for it */
};

struct gcs_occurrence {
	uint32_t fault, number;
	enum gcs_rec_state state;
	bool overlapped, by_operator, decided;
	int64_t start_ns, first_fired_ns, end_ns, clock_ns, degraded_ns, steady_ns, recovery_ns;
	uint64_t fired;
	uint32_t good;
	struct gcs_occ_signal signal[GCS_SIGNALS_MAX];
	bool changed, told; /* kept for readers: changed since the record last saw it; its end was
			       announced */
};

struct gcs_signal {
	struct gcs_metric_ref ref;
	const char *name;	    /* as the scenario spells it */
	double base, limit, spread; /* limit: the last good value */
	bool has_base;
	double sample[GCS_BASELINE_MAX];
};

struct gcs_recoveries {
	uint32_t nsignals;
	struct gcs_signal signal[GCS_SIGNALS_MAX];
	uint32_t windows, band_milli;
	int64_t window_ns, deadline_ns, first_arm_ns;
	uint32_t nbaseline; /* intervals seen for it */
	int steady;	    /* 0 not asked yet, 1 steady state held, -1 it did not */
	char why_not[160];
	uint32_t armed; /* bit i: fault i */
	uint32_t nocc, cap, skipped;
	struct gcs_occurrence *occ;
};

/* 0; -EINVAL: a signal of the scenario is unknown (the loader has refused it before); -ENOMEM. */
int gcs_recoveries_init(struct gcs_recoveries *r, const struct gcs_scenario *s);
void gcs_recoveries_fini(struct gcs_recoveries *r);

/* In the order of time, mixed with the intervals. Arming what is armed and disarming what is not
 * are ignored. */
void gcs_recoveries_arm(struct gcs_recoveries *r, uint32_t fault, uint32_t number, bool by_operator,
			int64_t t_ns);
void gcs_recoveries_fire(struct gcs_recoveries *r, uint32_t fault, int64_t t_ns);
void gcs_recoveries_disarm(struct gcs_recoveries *r, uint32_t fault, int64_t t_ns);
/* A closed interval, recorded: it lies in a phase that counts for the baseline. value[i] is signal
 * i; has bit i: it was measured. */
void gcs_recoveries_interval(struct gcs_recoveries *r, int64_t start_ns, int64_t end_ns,
			     bool recorded, const double *value, uint32_t has);
/* Nothing more comes: what is not steady by now never was. */
void gcs_recoveries_finish(struct gcs_recoveries *r, int64_t now_ns);
/* Sums for verdicts, into facts (only the fields about occurrences). */
void gcs_recoveries_facts(const struct gcs_recoveries *r, struct gcs_facts *facts);
const char *gcs_rec_state_name(enum gcs_rec_state s);
