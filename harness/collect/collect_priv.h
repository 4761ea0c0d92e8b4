/*
 * collect_priv.h: the collector's state, shared by collect.c (life and ticks), collect_sample.c
 * (gauges and histograms), collect_look.c (scheduler and maps), collect_hand.c (acts by hand), collect_drain.c (telemetry records), collect_close.c (closed intervals
 * and their rows) and collect_view.c (the snapshot).
 */
#pragma once

#include "harness/base/family.h"
#include "harness/measure/check.h"
#include "harness/measure/comeback.h"
#include "harness/collect/collect.h"
#include "harness/import/gctrace_log.h"
#include "harness/measure/history.h"
#include "harness/measure/interval.h"
#include "harness/measure/ledger.h"
#include "harness/measure/look.h"
#include "harness/measure/pauses.h"
#include "harness/record/record.h"
#include "harness/measure/recovery.h"
#include "harness/collect/reported.h"
#include "harness/measure/stalls.h"
#include "harness/measure/strip.h"
#include "harness/measure/verdict.h"

#define COLLECT_TRACED 256u /* gctrace lines that wait for the end of their cycle */
/* How long a record may be on its way from its time stamp into a ring before it counts as late
 * (real back end). */
#define COLLECT_GRACE_NS	50000000
/* The same where telemetry comes from lines of gctrace, each of which tells of a whole cycle when that is over. What a longer cycle began with
 * comes late, and is counted so. */
#define COLLECT_GRACE_TRACE_NS	500000000
#define COLLECT_GRACE_LOOK_MAX_NS 5000000000 /* of the time between two looks at what a program serves about itself */
#define COLLECT_TICK_NS		100000000   /* what the caller promises */
#define COLLECT_RECENT_MAX	GCS_RECENT_MAX /* intervals kept for "now" in the snapshot */
#define COLLECT_HELD_MAX	(1u << 20)  /* records waiting for their time */
#define COLLECT_FIRINGS_MAX	1000	    /* rows a fault and interval */
#define COLLECT_DATA_EVENTS_MAX 20	    /* integrity errors told one by one */

struct collect_ops { /* of one worker slot */
	bool seen;
	uint64_t ops, errors;
	struct watch_hist_sum before;
};

struct collect_cumulative {
	uint64_t gc_cpu_ns, cpu_ns, assist_ns, used_ns /* real: the process */;
	int64_t run_delay_ns, steal_ns;
};

struct gcs_collect {
	const struct gcs_scenario *scenario;
	struct mrt_telemetry *tel;
	bool sim, started, done, exited, crashed;
	int pid, error, wait_status;
	bool program_died; /* exec: the guard says so, it has not been killed itself */
	enum gcs_exit fail; /* PASS: the harness is well */
	char fail_text[160];
	char crash_text[160], hash[40];
	int64_t t0_abs_ns, now_ns, sampled_ns, told_ns, horizon_ns, ended_ns,
		tick_abs_ns, closed_ns /* slices are closed up to here */;
	int64_t held_abs_ns, gone_abs_ns;    /* simulation: the moment at which the target waits for us; the last that we let go */
	int64_t cut_ns;			     /* an end before the scenario's; -1 none */
	int64_t late_max_ns, stall_total_ns; /* our own ticks; the target's control thread */

	struct watch_record *held; /* drained, not yet in order */
	size_t nheld, held_cap;
	uint64_t late_records;

	struct gcs_intervals intervals; /* slices of windows, still open */
	struct gcs_interval *window;	/* what its closed slices hold; NULL: none is closed */
	struct gcs_interval *recent[COLLECT_RECENT_MAX]; /* closed windows, oldest first */
	uint32_t nrecent;
	struct gcs_measure total, calm; /* recorded phases; of these, before the first fault */
	struct gcs_measure all;		/* closed slices since t0, every phase; no operations */
	struct gcs_measure steady;	/* whole recorded windows before the first arming; no operations */
	uint64_t all_ops[GCS_WORKLOADS_MAX],
		all_errors[GCS_WORKLOADS_MAX]; /* since t0, every phase */
	uint64_t closed;		       /* windows closed */

	struct collect_ops *ops[WATCH_HISTS];
	struct collect_cumulative before;
	bool has_before;
	bool has_clients[GCS_WORKLOADS_MAX];
	uint64_t rss;
	int64_t cpu_ns; /* the target's processor time */
	int64_t run_delay_ns;	  /* the target's, in the run */
	struct gcs_family family; /* a program under exec, and all that it started */
	int64_t tick_p99_ns[GCS_WORKLOADS_MAX];

	uint32_t armed, armed_seen, armed_by_operator; /* now; since the open interval began */
	int64_t armed_from_ns;			       /* strip painted up to here */
	uint64_t fired[GCS_FAULTS_MAX];		       /* by telemetry */
	uint64_t firing_rows[GCS_FAULTS_MAX];	       /* in this interval */
	uint64_t firings_dropped;
	uint64_t op_errors_told;
	struct {
		uint64_t cycles, first, last, on_ns; /* cycles: that had it on */
	} limiter;				     /* of the collector's share of the CPU */
	struct gcs_recoveries recoveries;
	struct gcs_comeback comeback; /* of a program that died, under exec */
	struct gcs_ledger ledger;
	struct gcs_facts facts;
	struct gcs_pauses pauses;
	struct gcs_stalls stalls;
	uint32_t after_rows[GCS_PAUSE_KINDS]; /* pauses recorded after the end */

	struct gcs_judge slo[GCS_CHECKS_MAX], expect[GCS_CHECKS_MAX];
	struct gcs_reproductions reproductions;
	int64_t over_ns; /* strip: pauses beyond this are over; 0 none */
	bool aborted;
	uint64_t data_errors, told_checked; /* by records */
	uint64_t done_errors, done_checked; /* by the target at its end */

	struct collect_fidelity *fidelity; /* NULL: no log is followed */
	struct gcs_gctrace_cycle traced[COLLECT_TRACED]; /* real Go: by number; number 0: none */
	struct gcs_record *record;
	struct gcs_snapshot snap;
	struct gcs_history *history; /* NULL: no memory for it; the run goes on without */
	char what[GCS_FAULTS_MAX][256];
	int64_t limit_ns[GCS_FAULTS_MAX]; /* of what is armed by hand; -1 none */
	struct gcs_verdict verdict;
};

/* collect_sample.c */
/* last: what came since the clock last moved is counted too. */
void collect_sample(struct gcs_collect *c, int64_t now_ns, bool last);
/* collect_look.c; now_ns: of the sample. The row takes the window's looks away. */
void collect_look(struct gcs_collect *c, int64_t now_ns);
void collect_look_row(struct gcs_collect *c, struct gcs_interval *window);
/* collect_drain.c: handle records up to horizon_ns, closing intervals on the way. */
void collect_drain(struct gcs_collect *c);
bool collect_drain_rings(struct gcs_collect *c); /* only make room for new ones; false: there is no more */
void collect_advance(struct gcs_collect *c, int64_t horizon_ns);
/* collect_close.c */
/* A slice; the window goes with its last one. cut: with the one that the end of the run cut. */
void collect_close(struct gcs_collect *c, struct gcs_interval *slice);
void collect_close_cut(struct gcs_collect *c, int64_t end_ns);
void collect_rows_now(
	struct gcs_collect *c); /* totals, counters, faults, occurrences as they stand */
void collect_rows_begin(struct gcs_collect *c, const struct gcs_collect_options *opt);
void collect_rows_end(struct gcs_collect *c);
/* collect_fidelity.c; all but begin do nothing where no log is followed */
void collect_fidelity_begin(struct gcs_collect *c);
void collect_fidelity_gc(struct gcs_collect *c, const struct watch_record *r);
void collect_fidelity_end(struct gcs_collect *c);
void collect_fidelity_fini(struct gcs_collect *c);
/* collect_history.c */
void collect_history_window(struct gcs_collect *c, const struct gcs_interval *window);
/* A pause that gets a row. */
void collect_history_pause(struct gcs_collect *c, enum gcs_pause_kind kind, const struct watch_record *r, int64_t dur_ns,
			   uint64_t firing, uint64_t cycle);
void collect_history_firing(struct gcs_collect *c, int64_t t_ns, uint64_t firing);
void collect_history_gc(struct gcs_collect *c, const struct watch_record *r);
void collect_history_event(struct gcs_collect *c, const struct gcs_event_view *event);
/* Occurrences and the strip, as they stand. */
void collect_history_now(struct gcs_collect *c);
/* collect_go.c */
/* A line of gctrace; of another runtime than Go it is not looked at. */
void collect_go_line(struct gcs_collect *c, const char *line);
/* The records that the line of this cycle (end: its WATCH_GC_END) stands for: WATCH_GC_MARK_END, WATCH_GC_H; false: there was none. */
bool collect_go_cycle(struct gcs_collect *c, struct watch_record *end, struct watch_record *ret_mark, struct watch_record *ret_heap);
/* collect_parting.c; fidelity: of the same cycles, compared */
struct gcs_fidelity;
struct gcs_fidelity_options;
void collect_parting_rows(struct gcs_collect *c, const struct gcs_fidelity_options *opt,
			  const struct gcs_fidelity *fidelity);
/* collect_view.c */
void collect_view_begin(struct gcs_collect *c, const struct gcs_collect_options *opt);
void collect_view(struct gcs_collect *c);
/* "fail p=2%", "delay 5ms every 100", "force every 50k while gc.phase == mark". */
void collect_view_what(const struct gcs_fault *f, char ret[256]);
void collect_say(struct gcs_collect *c, int64_t t_ns, int level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* collect.c */
void collect_clock(struct gcs_collect *c); /* now_ns, horizon_ns */
void collect_facts(struct gcs_collect *c);
/* Recovery times are measured to this: a slice. */
static inline int64_t collect_resolution(const struct gcs_collect *c)
{
	return c->intervals.window_ns / c->intervals.parts;
}
/* Until here the run is measured: what comes later (the content check, taking the target down) is
 * no part of it. */
static inline int64_t collect_end(const struct gcs_collect *c)
{
	bool cut = c->cut_ns >= 0 && c->cut_ns < c->scenario->end_ns;
	return cut ? c->cut_ns : c->scenario->end_ns;
}
static inline int64_t collect_rel(const struct gcs_collect *c, int64_t abs_ns)
{
	return abs_ns - c->t0_abs_ns;
}
