/*
 * snapshot.h: what a screen shows: one immutable picture of a run, published each tick.
 *
 * Made by the collector of a live run (collect.c) and by the reader of a record (playback.h). A view
 * reads it and nothing else. Times are ns from t0; durations ns.
 */
#pragma once

#include "harness/scenario.h"

#define GCS_STRIP_CELLS 512   /* history columns kept: fixed time a cell, doubled when full */
#define GCS_EVENTS_SHOWN 64
#define GCS_TRACK_CELLS 256
#define GCS_NOW_NS 10000000000   /* "now": the last 10 s, in whole windows */
#define GCS_RECENT_MAX 64        /* windows that "now" is at most */

struct gcs_history; /* harness/measure/history.h */
struct gcs_versus;  /* harness/versus.h */

enum gcs_state { GCS_STARTING, GCS_WARMING, GCS_STEADY, GCS_FAULTING, GCS_RECOVERING, GCS_RECOVERED, GCS_ENDED };

struct gcs_pcts { uint64_t count; int64_t p50_ns, p90_ns, p99_ns, p999_ns, max_ns; };

enum gcs_track { GCS_TRACK_ARMED = 1, GCS_TRACK_FIRED = 2, GCS_TRACK_EDGE = 4 /* a fault's arming */, GCS_TRACK_HAND = 8 /* armed by hand */ };

/* One column of history. */
struct gcs_cell {
	int64_t stw_max_ns, stopping_max_ns, assist_max_ns, wake_max_ns, op_p99_ns;
	uint64_t heap_live_max, heap_live_min, heap_goal;
	uint32_t stw_count, over_count, gc_count, fires;   /* over_count: pauses over the first pause/latency SLO, if any */
	uint32_t faults_armed;   /* bit i: fault i was armed in it */
	uint32_t faults_fired;
	uint32_t runq_max;       /* goroutines that waited for a P at a look: all queues */
	uint8_t maps_growing;    /* most maps that were growing at a look */
};

struct gcs_fault_view {
	const char *id, *point, *what;   /* what: "fail p=0.02", "delay 5ms every 100" */
	bool armed, operator_act;
	uint64_t visits, eligible, fired, masked, times;
	bool fired_least;                /* fired at least so often: the record does not list every firing */
	int64_t next_edge_ns;            /* of its windows; -1 none */
	int64_t limit_ns;                /* armed by hand: when that ends by itself; -1: it does not, or is not */
	uint32_t occurrence;
};

enum gcs_rec_state { GCS_REC_ARMED, GCS_REC_DEGRADED, GCS_REC_RECOVERING, GCS_REC_STEADY, GCS_REC_NEVER, GCS_REC_UNTOUCHED,
	GCS_REC_UNJUDGED /* armed before there was a baseline */ };
struct gcs_rec_view {
	uint32_t fault, occurrence;
	enum gcs_rec_state state;
	bool overlapped;
	int64_t start_ns, end_ns, recovery_ns;  /* -1 unknown; at most resolution_ns: back within that */
	uint32_t nsignals;
	struct { const char *name; int64_t recovery_ns; /* -1 not (yet) back */ double peak_ratio; bool left; /* its band */ } signal[GCS_SIGNALS_MAX];
};

struct gcs_work_view { const char *id, *driver; double rate, rate_wanted /* as changed by hand; 0: a closed loop */; uint64_t ops, errors; struct gcs_pcts total; int64_t p99_now_ns; };
/* A map that a worker has at hand, as it stood when the worker last looked (each 10 ms; of a map that several share the first of them does). What the figures
 * mean of a sync.Map and of a Swiss one: struct watch_map of runtime/watch/telemetry.h. */
enum gcs_map_kind { GCS_MAP_CLASSIC = 1, GCS_MAP_SWISS, GCS_MAP_SYNC };
enum gcs_map_growing { GCS_MAP_STILL, GCS_MAP_DOUBLES, GCS_MAP_SAME_SIZE };
struct gcs_map_view {
	uint32_t workload, worker; /* worker: index within the workload */
	enum gcs_map_kind kind;
	enum gcs_map_growing growing;
	uint32_t b;                /* log2 of its buckets (Swiss: groups) */
	uint64_t count, overflow, old_buckets, evacuated, load_milli; /* load_milli: entries a bucket (Swiss: a group), times 1000 */
	uint64_t bytes;            /* of its buckets; 0: not known (real Go) */
	uint64_t grown, regrown;   /* growths that began so far: twice the size; the same size */
	bool amended;              /* sync: dirty holds more than read */
	uint64_t misses, dirty;    /* sync */
};
#define GCS_MAPS_SHOWN 96

/* The scheduler at one look. */
#define GCS_UNTOLD UINT64_MAX  /* a figure of struct gcs_sched_view that the runtime does not tell (real Go, SCHED lines) */
enum gcs_p_status { GCS_P_UNKNOWN, GCS_P_IDLE, GCS_P_RUNNING, GCS_P_SYSCALL, GCS_P_GC_STOP, GCS_P_DEAD };
struct gcs_p_view { enum gcs_p_status status; uint32_t runq; uint64_t sched_ticks, syscall_ticks; };
#define GCS_PS_SHOWN 64
struct gcs_sched_view {
	int64_t at_ns;             /* of the look; -1: none yet, or nobody looks: the rest is 0 */
	uint32_t nps;              /* 0: Ps are not told apart */
	struct gcs_p_view p[GCS_PS_SHOWN];
	uint64_t goroutines;       /* but the runtime's own; may be GCS_UNTOLD, as those of the last line. Told even if at_ns is -1 */
	uint64_t global_runq;      /* nps 0: goroutines that wait for a P, in whatever queue */
	uint64_t idle_ps, threads, idle_threads, spinning, timers, poll_waiters; /* each may be GCS_UNTOLD */
};

/* What held one worker up, by kind: how often, how long in all, the longest and what that was due to. */
enum gcs_stall_kind { GCS_STALL_WAKE, GCS_STALL_ASSIST, GCS_STALL_ALLOC, GCS_STALL_KINDS };
struct gcs_stall_view {
	uint32_t slot, workload, worker; /* slot: as records name it; the others: whose that is (echo: the connection) */
	struct { uint64_t count; int64_t total_ns, max_ns, max_at_ns; uint64_t max_firing; } by[GCS_STALL_KINDS];
};
#define GCS_STALLS_SHOWN 96

struct gcs_slo_view { const char *id, *text; int state; /* 0 wait, 1 ok, -1 failed */ double value; char shown[32]; };
struct gcs_event_view { int64_t t_ns; int level; /* 0 info 1 note 2 bad */ char text[96]; };

struct gcs_snapshot {
	const struct gcs_scenario *scenario;
	char run_id[24];
	char record_path[512];
	bool sim;               /* times are modelled: must be said on the screen */
	bool operator_modified; /* somebody armed, disarmed, fired or changed something by hand: must be said on the screen */
	struct {                /* of a record that is looked at (playback.h); a live run has active false */
		bool active, following, paused; /* following: the run goes on and we are at its end */
		bool live;              /* the run goes on, as far as can be seen from outside */
		bool finished;          /* the record has a verdict */
		bool from_list;         /* there is a list to go back to */
		double speed;           /* of playing; record seconds a second */
		int64_t record_end_ns;  /* last moment that it holds; now_ns is where we look */
		int64_t begun_wall_ns;  /* when the run began, ns since 1970 */
		uint8_t track[GCS_TRACK_CELLS]; /* the whole record in equal parts: enum gcs_track bits */
		char notice[112];       /* what the last jump found; "" none */
	} playback;
	enum gcs_state state;
	int64_t now_ns, end_ns;
	int phase;
	char headline[128];     /* one sentence: "All SLOs hold; worst pause …" */

	struct gcs_cell cell[GCS_STRIP_CELLS]; uint32_t ncells; int64_t cell_ns;

	struct gcs_pcts stw_now, stw_total, stopping_total, assist_now, assist_total, wake_now, wake_total;
	/* now: last 10 s; total: since t0, every phase, so now is part of it. A report counts recorded phases. steady: recorded windows before
	 * anything was armed, what the baseline of recovery is made of. */
	struct gcs_pcts stw_steady, stopping_steady, assist_steady, wake_steady;
	double ops_rate, ops_rate_baseline;
	uint64_t heap_live, heap_goal, heap_trigger, rss, rss_max, memlimit;
	uint32_t gc_cycle, gc_phase;
	uint32_t gc_forced;     /* cycles since t0 that mrt_gc or a fault began (GC_TRIGGER_FORCED, _FAULT) */
	double gc_cpu, assist_share, stw_share;  /* fractions */
	int64_t mark_ns_last, stw_last_stopping_ns /* -1: not known apart, it is in the other */, stw_last_stopped_ns;
	struct gcs_sched_view sched;
	struct gcs_pcts sched_now, sched_total; /* real Go: runnable -> running; count 0: not told */
	struct gcs_map_view map[GCS_MAPS_SHOWN]; uint32_t nmaps;        /* by workload, then worker */
	struct gcs_stall_view stall[GCS_STALLS_SHOWN]; uint32_t nstalls; /* workers that were held up since t0, by slot; of more those that were for longest */

	struct gcs_fault_view fault[GCS_FAULTS_MAX];
	struct gcs_rec_view rec[64]; uint32_t nrecs;   /* newest last */
	int64_t resolution_ns;                         /* of recovery times */
	struct gcs_work_view work[GCS_WORKLOADS_MAX];
	struct gcs_slo_view slo[2 * GCS_CHECKS_MAX]; uint32_t nslos;   /* SLOs, then expectations */
	struct gcs_event_view event[GCS_EVENTS_SHOWN]; uint32_t nevents; /* newest last */
	uint64_t integrity_checked, integrity_errors, crashes;
	uint64_t samples_lost; double injector_cost;   /* fraction of target CPU */
	int64_t machine_stall_max_ns;

	/* Item by item, of the whole run or record. The maker's own, which goes on filling it between frames: to keep a picture, copy
	 * it. NULL: there was no memory for it. */
	const struct gcs_history *history;
	/* What the record is put beside, and what came of it; does not change. NULL: nothing is compared. */
	const struct gcs_versus *versus;
};

/* ---- snapshot.c: what the makers of snapshots (collector, playback) share */

/* Ids, rates and texts of faults, workloads and checks, from the scenario, which outlives the snapshot. A fault's `what` is the
 * caller's. */
void gcs_snapshot_begin(struct gcs_snapshot *s, const struct gcs_scenario *sc);
/* The next edge of a fault's windows after now, -1 none. */
int64_t gcs_snapshot_next_edge(const struct gcs_fault *f, int64_t now_ns);
/* While it runs: from the armed faults, the phase and the occurrences so far (open: not decided yet). */
enum gcs_state gcs_snapshot_state(const struct gcs_snapshot *s, bool armed_before, bool open);
/* While it runs: a failing SLO or the worst pause, and the fault that is next. Needs faults, SLOs, totals. */
void gcs_snapshot_headline(struct gcs_snapshot *s);
/* The newest event; the oldest makes room. */
struct gcs_event_view *gcs_snapshot_event(struct gcs_snapshot *s);
/* How many windows of that length "now" is. */
uint32_t gcs_snapshot_recent(int64_t window_ns);
