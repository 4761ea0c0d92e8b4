/*
 * metric.h: what can be measured, by name: one table for SLOs, expectations, recovery signals and
 * `list metrics`.
 *
 * A measure is what happened in a stretch of time (an interval, a window, the recorded part of a
 * run); facts are about the run as a whole. A metric reads one number from them, in ns, bytes, 1/s,
 * fractions or plain counts.
 */
#pragma once

#include "harness/measure/pulses.h"
#include "harness/measure/stats.h"

enum gcs_series {
	GCS_STW,
	GCS_STOPPING,
	GCS_STOPPED,
	GCS_ASSIST,
	GCS_ALLOC_STALL,
	GCS_WAKE,
	GCS_MARK,
	GCS_SCHED, /* real Go alone */
	GCS_SERIES
};
extern const char *const gcs_series_name[GCS_SERIES]; /* "pause.stw", ... */

/* A pulse: a stretch of time in which an operation was under way that took so long (gcs_pulse_ns).
 * A lag: one in which the world stopped, or a goroutine waited for a processor, for a tenth of
 * that. */
enum gcs_pulse_kind { GCS_PULSE_100MS, GCS_PULSE_1S, GCS_PULSE_KINDS };
extern const int64_t gcs_pulse_ns[GCS_PULSE_KINDS];

/* Histograms are made when first needed; NULL is empty. All zero is an empty measure. */
struct gcs_measure {
	int64_t span_ns;
	struct watch_hist_sum *series[GCS_SERIES];
	struct watch_hist_sum *op[GCS_WORKLOADS_MAX];
	uint64_t ops[GCS_WORKLOADS_MAX], errors[GCS_WORKLOADS_MAX];
	uint64_t gc_cycles, gc_forced /* begun by mrt_gc or by a fault */, gc_cpu_ns, cpu_ns,
		assist_ns;
	uint64_t heap_live_max, heap_live_min, heap_marked, heap_goal_max,
		rss_max;  /* 0: not seen */
	uint64_t used_ns; /* processor time of the target; 0: not known */
	struct gcs_pulses pulses[GCS_PULSE_KINDS][GCS_WORKLOADS_MAX], lags[GCS_PULSE_KINDS];
};
void gcs_measure_add(struct gcs_measure *m, enum gcs_series s, uint64_t ns);
void gcs_measure_op(struct gcs_measure *m, uint32_t workload, const struct watch_hist_sum *h);
/* The slowest operation that ended in a slice, and when the slice ended. */
void gcs_measure_slowest(struct gcs_measure *m, uint32_t workload, int64_t end_ns, int64_t ns);
/* A stop, or a wait for a processor, and when it ended. */
void gcs_measure_lag(struct gcs_measure *m, int64_t end_ns, int64_t ns);
void gcs_measure_heap(struct gcs_measure *m, uint64_t live, uint64_t goal, uint64_t rss);
/* Everything but operations; operations alone; both. */
void gcs_measure_merge_runtime(struct gcs_measure *to, const struct gcs_measure *from);
void gcs_measure_merge_ops(struct gcs_measure *to, const struct gcs_measure *from);
static inline void gcs_measure_merge(struct gcs_measure *to, const struct gcs_measure *from)
{
	gcs_measure_merge_runtime(to, from);
	gcs_measure_merge_ops(to, from);
}
/* Empty again; histograms are freed. */
void gcs_measure_fini(struct gcs_measure *m);

struct gcs_fault_facts {
	uint64_t visits, eligible, fired, masked, died; /* died: the target, of so many (0 or 1) */
	uint32_t occurrences, degraded, recovered, never;
};
struct gcs_facts {
	struct gcs_fault_facts fault[GCS_FAULTS_MAX];
	uint32_t occurrences, degraded, never, open; /* open: not yet decided */
	int64_t recovery_max_ns;
	uint64_t integrity_checked, integrity_errors, samples_lost, crashes, restarts;
	int64_t comeback_max_ns; /* of a program that died, the longest time to steady state; 0: none came back */
	bool threw; /* the crash is one that `oom: throw` asks for */
	double injector_cost;
	int64_t stall_max_ns;
};

enum gcs_unit { GCS_UNIT_COUNT, GCS_UNIT_NS, GCS_UNIT_BYTES, GCS_UNIT_RATE, GCS_UNIT_RATIO };
enum gcs_subject {
	GCS_OF_RUN,
	GCS_OF_WORKLOAD /* NAME@ID, or the worst or sum of all */,
	GCS_OF_FAULT /* fault.ID.FIELD */
};

struct gcs_reading {
	const struct gcs_measure *m;
	const struct gcs_facts *facts;
	uint32_t nworkloads;
	int subject; /* workload or fault index, -1 all */
};

struct gcs_metric {
	const char *name; /* for GCS_OF_FAULT "fault.ID.fired" */
	enum gcs_unit unit;
	enum gcs_subject subject;
	bool of_run;  /* read from facts: no windows, no phases */
	bool grows;   /* never falls while its stretch of time grows */
	int worse;    /* as a recovery signal: 1 higher is worse, -1 lower is worse, 0 is none */
	double floor; /* changes smaller than this are noise */
	/* false: nothing was measured */
	bool (*read)(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret);
	int which;   /* series or field */
	uint32_t at; /* percentile, in millionths */
	const char *about;
};
extern const struct gcs_metric gcs_metrics[];
extern const size_t gcs_metrics_count;

/* A metric with its subject, from text such as "op.latency.p99@maps". */
struct gcs_metric_ref {
	const struct gcs_metric *metric;
	int subject;
};
struct gcs_expr_error {
	uint32_t at; /* offset in the text */
	char text[192];
};
/* 0; -EINVAL with *ret_error. The text ends at n. */
int gcs_metric_find(const char *text, size_t n, const struct gcs_scenario *s,
		    struct gcs_metric_ref *ret, struct gcs_expr_error *ret_error);
/* The same for recovery signals, which only some metrics are. */
int gcs_signal_find(const char *text, const struct gcs_scenario *s, struct gcs_metric_ref *ret,
		    struct gcs_expr_error *ret_error);
static inline bool gcs_metric_read(const struct gcs_metric_ref *ref, struct gcs_reading from,
				   double *ret)
{
	from.subject = ref->subject;
	return ref->metric->read(ref->metric, &from, ret);
}
/* "1.2 ms", "4.5 MiB", "120/s", "3.1%". */
void gcs_metric_show(enum gcs_unit unit, double value, char *ret, size_t cap);
