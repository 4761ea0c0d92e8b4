/*
 * playback_priv.h: what is held of a record, shared by playback.c (life, the snapshot), playback_load.c (tables),
 * playback_replay.c (windows one after the other: sums, checks), playback_cells.c (history), playback_fault.c (occurrences at
 * a moment), playback_look.c (scheduler and maps), playback_hand.c (what was done by hand until then) and playback_history.c (the lists for the screen).
 */
#pragma once

#include "harness/measure/check.h"
#include "harness/measure/history.h"
#include "harness/measure/look.h"
#include "harness/playback/playback.h"
#include "harness/measure/recovery.h"

#include <sqlite3.h>

#define PLAYBACK_CELLS_MAX (1u << 16) /* of history; then neighbours are joined */
#define PLAYBACK_SUMS_MAX  128        /* sums kept along the record: a seek adds at most 1/64 of it */
#define PLAYBACK_CHECKS    (2 * GCS_CHECKS_MAX)

/* A histogram as recorded: a place in p->bytes. n 0: there was none. */
struct playback_hist { size_t at; uint32_t n; int64_t max_ns; };
struct playback_ops { uint64_t count, errors; int64_t p99_ns; struct playback_hist hist; };

/* The looks in a window (harness/measure/look.h), the last one as bytes; what held workers up, from t0 to its end. */
struct playback_look { struct playback_hist sched, maps, stalls; };

struct playback_window {
	int64_t index, start_ns, end_ns;
	int phase;
	bool recorded;
	uint64_t fires, heap_live_min, heap_live_max, heap_marked, heap_goal, rss;
	uint64_t gc_cycles, gc_forced, gc_cpu_ns, cpu_ns, assist_ns;
	struct playback_hist series[GCS_SERIES];
	struct playback_ops *ops; /* one a workload */
	struct playback_look look;
};

struct playback_signal { int64_t left_ns, recovery_ns; double peak, peak_ratio; };
struct playback_occ {
	int64_t seq;
	uint32_t fault, number;
	int64_t start_ns, first_fired_ns, end_ns, degraded_ns, steady_ns, recovery_ns;
	int64_t clock_ns, decided_ns; /* not recorded: found from the edges; INT64_MAX never */
	uint64_t fired;
	bool overlapped, by_operator;
	enum gcs_rec_state state;
	struct playback_signal signal[GCS_SIGNALS_MAX];
};

struct playback_gc {
	int64_t cycle, start_ns, mark_end_ns, end_ns, sweep_end_ns, mark_ns;
	int cause;
	uint64_t heap_start, heap_end, heap_marked, goal; /* goal: the one that it was begun for */
};
struct playback_stop { int64_t t_ns, stopping_ns, stopped_ns; };
struct playback_event { int64_t t_ns; int level; char *text; };
/* What was done by hand, but for what occurrences tell already. Of an edit: what the fault is from then on, and its `times`. */
struct playback_act {
	int64_t t_ns;
	enum { PLAYBACK_HAND_ARM, PLAYBACK_HAND_DISARM, PLAYBACK_HAND_EDIT, PLAYBACK_HAND_RATE } kind;
	uint32_t fault, workload;
	int64_t limit_ns; /* of an arm; -1 none */
	char *what;	  /* of an edit; NULL: not told */
	bool has_times;
	uint64_t times, rate;
};
struct playback_final { bool has; int state; double value; int64_t failed_ns; char shown[32]; }; /* a check's row */
struct playback_times { int64_t *t; size_t n, cap; bool disordered; };
struct playback_point { int64_t t_ns; uint64_t live; };
struct playback_mark { int64_t t_ns; uint32_t fault, number; enum { PLAYBACK_ARM, PLAYBACK_DISARM, PLAYBACK_FIRE } what; };

/* What a window left behind. */
struct playback_judged { double value; signed char state; bool has; };

struct playback_sum { size_t windows; struct gcs_measure m; }; /* of the first so many; series, and operations of recorded phases */

struct gcs_playback {
	char *path;
	struct gcs_scenario *scenario;
	int error; /* while loading */
	/* run */
	char id[24], verdict[24], sentence[200], thinned[160];
	bool sim, began, finished, operator_modified;
	int64_t pid, begun_wall_ns, now_ns, end_ns, resolution_ns;
	int64_t grown_at_ns; /* CLOCK_MONOTONIC: when the record was last seen to grow; 0 never */
	/* tables */
	unsigned char *bytes; size_t nbytes, bytes_cap;
	struct playback_window *window; size_t nwindows, windows_cap;
	struct playback_occ *occ; size_t noccs, occs_cap;
	struct playback_gc *gc; size_t ngcs, gcs_cap;
	struct playback_stop *stop; size_t nstops, stops_cap;
	struct playback_event *event; size_t nevents, events_cap;
	struct playback_act *act; size_t nacts, acts_cap;
	struct playback_times fired[GCS_FAULTS_MAX];
	struct playback_mark *mark; size_t nmarks, marks_cap;
	struct playback_final final[PLAYBACK_CHECKS]; uint32_t nfinal_slos, nfinal_expects;
	char what[GCS_FAULTS_MAX][256];
	struct gcs_pcts total_ops[GCS_WORKLOADS_MAX]; /* recorded phases */
	struct { uint64_t visits, eligible, fired, masked; } fault_final[GCS_FAULTS_MAX];
	struct { uint64_t checked, errors, lost, crashes; double cost, stall_ns, late_ns; } last;
	int64_t look_next; /* of table `looks` */
	int64_t hist_row, ops_row, pause_row, firing_row, event_row, act_row; /* read up to here */
	/* replay */
	struct gcs_judge judge[PLAYBACK_CHECKS];
	bool judged[PLAYBACK_CHECKS]; /* it can be read */
	struct gcs_signal signal[GCS_SIGNALS_MAX]; uint32_t nsignals;
	struct gcs_measure scratch; struct watch_hist_sum *scratch_hist[GCS_SERIES + GCS_WORKLOADS_MAX];
	size_t nreplayed;
	struct playback_judged *check; /* nreplayed times nchecks */
	double *value;                 /* of signals; NAN not measured */
	uint32_t nchecks;
	size_t replay_cap;
	struct playback_sum steady; int64_t steady_first_ns; /* playback_steady */
	struct playback_sum sum[PLAYBACK_SUMS_MAX], at; size_t nsums, sum_every; /* at: where the last seek ended */
	/* history */
	struct gcs_cell *cell; size_t ncells; int64_t cell_ns;
	size_t cells_windows; /* windows that are in it */
	struct playback_point *line; size_t nlines, lines_cap; /* live bytes over time */
	struct gcs_history *history; /* NULL: no memory */
	/* the picture */
	struct gcs_snapshot snap;
	int64_t shown_ns; /* -1 none */
};

/* One more element of an array, zeroed; NULL: no memory (p->error). */
void *playback_more(struct gcs_playback *p, void *array_of, size_t *n, size_t *cap, size_t size);

/* playback_load.c: everything that is new, in one read transaction. 1, 0, -errno with *ret_text. */
int playback_load(struct gcs_playback *p, char **ret_text);

/* playback_replay.c */
int playback_replay_begin(struct gcs_playback *p);
void playback_replay(struct gcs_playback *p); /* windows that are new */
void playback_replay_fini(struct gcs_playback *p);
/* The sum of the first n windows. */
const struct gcs_measure *playback_sum(struct gcs_playback *p, size_t n);
/* Of them the recorded ones before anything was armed, what the baseline of recovery is made of. */
const struct gcs_measure *playback_steady(struct gcs_playback *p, size_t n);
/* Adds a window to a sum, but for its operations. */
void playback_add(const struct gcs_playback *p, struct gcs_measure *to, const struct playback_window *w);
/* How many windows had closed by t. */
size_t playback_closed(const struct gcs_playback *p, int64_t t_ns);

/* playback_cells.c: tell it of each pause row as it is read; then _cells brings the history up to date. */
void playback_cell_pause(struct gcs_playback *p, enum gcs_pause_kind kind, int64_t t_ns, int64_t dur_ns, int64_t stopping_ns);
void playback_cell_fire(struct gcs_playback *p, uint32_t fault, int64_t t_ns);
void playback_cell_look(struct gcs_playback *p, const struct gcs_look_point *point);
void playback_cells(struct gcs_playback *p);
void playback_cells_show(const struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns);
/* The same of the whole record. */
void playback_cells_whole(const struct gcs_playback *p, struct gcs_history *h);
/* Live bytes and goal at t. */
void playback_heap_at(const struct gcs_playback *p, int64_t t_ns, uint64_t *ret_live, uint64_t *ret_goal);

/* playback_look.c: a row of table `looks`: its points, NULL: they are gone; most: the most of them. */
void playback_look_points(struct gcs_playback *p, const struct playback_window *w, const void *points, size_t n,
			  const struct gcs_look_point *most);
/* As of the first n windows. */
void playback_look_show(const struct gcs_playback *p, struct gcs_snapshot *s, size_t n);

/* playback_history.c: tell it of rows as they are read; then _history brings in what is rewritten. */
void playback_history_pause(struct gcs_playback *p, const struct gcs_pause_row *row);
void playback_history_firing(struct gcs_playback *p, int64_t t_ns, uint64_t firing);
void playback_history_cycle(struct gcs_playback *p, const struct playback_gc *g);
void playback_history_event(struct gcs_playback *p, const struct playback_event *e);
void playback_history_window(struct gcs_playback *p, const struct playback_window *w, const struct gcs_measure *m);
void playback_history(struct gcs_playback *p);

/* playback_fault.c */
void playback_faults(struct gcs_playback *p); /* clocks, decisions and marks, after occurrences or windows have changed */
uint32_t playback_armed(const struct gcs_playback *p, int64_t t_ns, uint32_t *ret_by_operator);
uint64_t playback_fired(const struct gcs_playback *p, uint32_t fault, int64_t t_ns, bool *ret_least);
enum gcs_rec_state playback_occ_state(const struct gcs_playback *p, const struct playback_occ *o, int64_t t_ns);
void playback_facts(const struct gcs_playback *p, int64_t t_ns, struct gcs_facts *ret);
void playback_show_faults(struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns);
void playback_track(const struct gcs_playback *p, struct gcs_snapshot *s);
/* playback_hand.c: a row of table `operator`; fault -1: none. */
void playback_hand(struct gcs_playback *p, int64_t t_ns, const char *act, int64_t fault, const char *text);
void playback_hand_fini(struct gcs_playback *p);
/* Numbers and rates as they had been changed by t, and when what is armed by hand ends. After the faults are shown. */
void playback_hand_show(const struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns);
/* At or before t; how many. */
size_t playback_times_until(const struct playback_times *f, int64_t t_ns);
