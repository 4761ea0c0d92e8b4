/*
 * recovery.h: how a run comes back after each occurrence of a fault.
 *
 * Words. Signal: a metric watched for recovery. Baseline: its median over the recorded intervals
 * before the first arm. Limit: where good ends. Occurrence: one time that a fault is armed. Clock:
 * runs from the last disarm; while anything is armed it does not run, and an occurrence that
 * another fault touches is overlapped. Steady: `windows` consecutive good intervals on the clock.
 * Recovery time: from the clock's start to the end of the last bad slice of an interval, so it is
 * measured to one slice; 0 is "good in the first slice". Times are ns from t0, -1 is "not (yet)".
 */
#pragma once

#include "harness/measure/metric.h"

#define GCS_BASELINE_MAX    600 /* intervals kept for the baseline, the newest */
#define GCS_BASELINE_MIN    3
#define GCS_OCCURRENCES_MAX 8192 /* of all faults together; further ones are counted only */

struct gcs_occ_signal {
	bool left;	     /* its band, after the first firing: the rest means nothing if not */
	bool unbroken;	     /* every slice measured on the clock was bad so far */
	int64_t left_ns;     /* start of the first bad interval */
	int64_t slice_ns;    /* end of the newest bad slice */
	int64_t stretch_ns;  /* end of the bad slices that go on from the clock's start unbroken */
	int64_t bad_ns;	     /* end of the last bad slice of the last bad interval on the clock */
	int64_t recovery_ns; /* -1 not (yet) back */
	uint32_t good;	     /* consecutive, on the clock */
	double peak, peak_ratio; /* worst value; over the baseline, or what stands for it */
};

struct gcs_occurrence {
	uint32_t fault, number;
	enum gcs_rec_state state;
	bool overlapped, by_operator, decided;
	int64_t start_ns, first_fired_ns, end_ns, clock_ns, degraded_ns, steady_ns, recovery_ns;
	uint64_t fired, fired_before; /* firings; the fault's counter when it was armed */
	uint32_t good;
	struct gcs_occ_signal signal[GCS_SIGNALS_MAX];
	bool changed, told; /* kept for readers: changed since the record last saw it; its end was
			       announced */
};

struct gcs_signal {
	struct gcs_metric_ref ref;
	const char *name;	    /* as the scenario spells it */
	double base, limit, spread; /* limit: the last good value */
	double slice_limit;	    /* the same for a slice, which is noisier */
	bool has_base;
	double sample[GCS_BASELINE_MAX];
	double slice[GCS_BASELINE_MAX]; /* the newest slices, in any order */
	uint64_t nslices;		/* seen for it */
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
/* The fault's own counter of firings at an edge, told just after the arm and just before the
 * disarm: not every firing is logged one by one, so the occurrence's count comes from it. */
void gcs_recoveries_count(struct gcs_recoveries *r, uint32_t fault, bool armed, uint64_t fired);
/* A closed slice, and after the last one of an interval that interval. recorded: it lies in a phase
 * that counts for the baseline. value[i] is signal i; has bit i: it was measured. Counts of a slice
 * are given as if it were an interval. */
void gcs_recoveries_slice(struct gcs_recoveries *r, int64_t end_ns, bool recorded,
			  const double *value, uint32_t has);
void gcs_recoveries_interval(struct gcs_recoveries *r, int64_t start_ns, int64_t end_ns,
			     bool recorded, const double *value, uint32_t has);
/* Nothing more comes: what is not steady by now never was. */
void gcs_recoveries_finish(struct gcs_recoveries *r, int64_t now_ns);
/* Sums for verdicts, into facts (only the fields about occurrences). */
void gcs_recoveries_facts(const struct gcs_recoveries *r, struct gcs_facts *facts);
/* The value of an interval lies beyond the signal's limit; false as long as it has no baseline. */
bool gcs_signal_beyond(const struct gcs_signal *sig, double value);
const char *gcs_rec_state_name(enum gcs_rec_state s);
