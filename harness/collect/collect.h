/*
 * collect.h: the run's book-keeper: drains telemetry, aggregates intervals, follows recovery, writes the record, publishes
 * the snapshot, and at the end gives the verdict.  Called from the harness's main thread; the record is written by a thread of its own.
 */
#pragma once

#include "harness/exit.h"
#include "harness/scenario.h"
#include "harness/snapshot.h"
#include "runtime/watch/telemetry.h"

struct gcs_collect;
struct gcs_collect_options {
	const struct gcs_scenario *scenario; /* outlives the collector */
	struct mrt_telemetry *telemetry;
	const char *record_path;             /* NAME.gcrun, created 0600 */
	const char *run_id;
	const char *command_line;
	bool sim;
};
/* 0; -errno (record not writable, ...) with *ret_text. */
int gcs_collect_create(struct gcs_collect **ret, const struct gcs_collect_options *opt, char **ret_text);
void gcs_collect_target(struct gcs_collect *c, int pid);             /* started: /proc is read from here */
void gcs_collect_started(struct gcs_collect *c, int64_t t0_abs_ns);
/* Once each 100 ms (real) or as often as records arrive (sim). 0; 1: an SLO with abort: true has failed, stop the run;
 * -ENOSPC/-EIO: the record cannot be written any more: disarm, stop, exit 3. In the simulation the clock moves, and anything is
 * judged, only where the target waits for us: what comes of it depends on the run alone. */
int gcs_collect_tick(struct gcs_collect *c);
/* A simulated target waits, and this moment is in the books: what is sent to it now it reads at this moment of virtual time.
 * Real: false. */
bool gcs_collect_holds(const struct gcs_collect *c);
/* After each tick, when it has been acted on: a simulated target that waits goes on. */
void gcs_collect_let_go(struct gcs_collect *c);
/* The target is told to end now: what it does from here on is no part of the run. */
void gcs_collect_ending(struct gcs_collect *c);
/* The harness stood still from this moment (CLOCK_MONOTONIC) on, and the target has ended itself: nothing after it is part of the run. */
void gcs_collect_stood_still(struct gcs_collect *c, int64_t from_abs_ns);
/* One more fact about this machine, for the record. */
void gcs_collect_fact(struct gcs_collect *c, const char *key, const char *value);
void gcs_collect_event(struct gcs_collect *c, int level, const char *text); /* lands in the record and the screen */
/* An act by hand: lands in the record's table `operator` and in the events, and marks the run operator-modified. source: "screen", "ctl",
 * "fiu-ctrl", "target"; act: "arm" (text: "for 30s" if it has a limit), "disarm", "fire", "disarm_all", "mark", "refused" (text: what, and
 * why), "quit"; fault -1: none. The last three modify nothing. */
void gcs_collect_operator(struct gcs_collect *c, const char *source, const char *act, int fault, const char *text);
/* The same of an edit ("edit"; text: KEY=VALUE,… GCS_COLLECT_NOW what the fault is from now on): the fault's numbers are those of `now`. */
#define GCS_COLLECT_NOW ", now "
void gcs_collect_edit(struct gcs_collect *c, const char *source, uint32_t fault, const struct gcs_fault *now, const char *text);
/* The same of another rate ("rate"; text: the workload's id, a blank, the rate as a scenario says it). */
void gcs_collect_rate(struct gcs_collect *c, const char *source, uint32_t workload, uint64_t rate);
/* Armed by hand, the fault is disarmed at this moment (from t0); -1: there is no limit. */
void gcs_collect_limit(struct gcs_collect *c, uint32_t fault, int64_t at_ns);
/* The moment has come, after so long: an event. (The disarming itself the target tells.) */
void gcs_collect_time_up(struct gcs_collect *c, uint32_t fault, int64_t for_ns);
void gcs_collect_gctrace(struct gcs_collect *c, const char *line);
void gcs_collect_done(struct gcs_collect *c, const char *hash, uint64_t checked, uint64_t errors);
/* The harness itself has failed (a process of ours died, the target refused the plan): the verdict is exit `code`, 1 or 3; or it cannot
 * say how the run would have gone on: 5, unless something worse was found before. The first one counts; a run that was interrupted stays
 * that. */
void gcs_collect_fail(struct gcs_collect *c, enum gcs_exit code, const char *text);
/* wait status of the target; expected: it had said done or was told to quit; fatal: gcs_fatal_line of its last words. */
void gcs_collect_exit(struct gcs_collect *c, int wait_status, bool expected, const char *fatal);
/* A program under exec has died in mid-run: how ("exit status 2"), by which of its own words (NULL: it said nothing). restarts: it is started again,
 * for so many times now; 0: it is not. From here on it is watched for coming back to steady state. */
void gcs_collect_died(struct gcs_collect *c, const char *how, const char *fatal, uint32_t restarts);
/* It runs again, as pid. */
void gcs_collect_restarted(struct gcs_collect *c, int pid);
const struct gcs_snapshot *gcs_collect_snapshot(struct gcs_collect *c);
/* Final drain, verdict, checkpoint of the record. interrupted: 0, SIGINT or SIGTERM. Returns the exit code. */
enum gcs_exit gcs_collect_finish(struct gcs_collect *c, int interrupted);
/* After _finish: it died as `oom: throw` asks, and nothing else went wrong. */
bool gcs_collect_threw(const struct gcs_collect *c);
void gcs_collect_destroy(struct gcs_collect *c);

/* report.c: reads a record only. format: "text" or "json"; out: stdout. 0, -errno with text on err. */
int gcs_report(const char *record_path, const char *format, FILE *out, FILE *err);
/* The records below a directory, newest first: paths and array are malloc'd. 0, -errno. */
int gcs_record_paths(const char *dir, char ***ret, size_t *ret_n);
/* The runs below a directory, newest first, one line each (list runs). */
int gcs_record_list(const char *dir, const char *format, FILE *out);
