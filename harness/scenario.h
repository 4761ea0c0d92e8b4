/*
 * scenario.h: a scenario, resolved: every default filled in, every name checked, every time absolute (ns from t0).
 *
 * Bound from YAML by a strict table (scenario_bind.c): an unknown or doubled key, a wrong unit, a value out of range is an
 * error with file, line, column, the source line, a caret and what was expected. All strings are owned by the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GCS_WORKLOADS_MAX 16
#define GCS_PHASES_MAX 32
#define GCS_FAULTS_MAX 32
#define GCS_WINDOWS_MAX 256   /* of one fault, repeats included */
#define GCS_CHECKS_MAX 32
#define GCS_SIGNALS_MAX 8

enum gcs_dist { GCS_DIST_FIXED, GCS_DIST_UNIFORM, GCS_DIST_ZIPF };
struct gcs_size { enum gcs_dist dist; uint64_t min, max; uint32_t s_milli; };

struct gcs_workload {
	char *id, *driver, *handler;
	uint32_t workers, conns;
	uint64_t rate;        /* ops/s over all workers; 0: closed loop */
	uint64_t keys;
	char *value;          /* "u64", "inline", "indirect", "ptr" */
	uint64_t value_bytes;
	uint32_t mix_insert, mix_delete, mix_lookup; /* percent, sum 100 */
	struct gcs_size size;
	uint64_t retain;      /* bytes of short headers kept alive (slice-append) */
};

struct gcs_phase { char *id; int64_t start_ns, end_ns; bool record; };

struct gcs_window { int64_t start_ns, end_ns; };

struct gcs_fault {
	char *id;
	const char *point, *action;    /* of points.def */
	int err;
	uint32_t p_ppb;
	uint64_t nth, every, times;
	int64_t delay_ns, jitter_ns;
	struct gcs_window window[GCS_WINDOWS_MAX];
	uint32_t nwindows;
};

/* `check` texts are parsed when loaded (check.h); phases empty: all recorded ones. */
struct gcs_check { char *id, *text; int64_t window_ns; char *phases[GCS_PHASES_MAX]; uint32_t nphases; bool abort; uint32_t line, column; };

struct gcs_recovery {
	char *signal[GCS_SIGNALS_MAX];
	uint32_t nsignals;
	uint32_t band_milli;      /* 1250: within 1.25 of the baseline */
	int64_t window_ns;
	uint32_t windows;         /* consecutive good windows that mean steady */
	int64_t deadline_ns;
};

struct gcs_scenario {
	char *name, *about, *path;
	char *text;               /* the source, as read */
	uint64_t seed;
	uint32_t procs;
	int gogc;                 /* -1 off */
	uint64_t memlimit, heap_reserve;
	char *oom, *map;          /* "return"; "classic" */
	uint64_t gc_every; bool clobber, check_edges;   /* target.stress */
	struct gcs_workload workload[GCS_WORKLOADS_MAX]; uint32_t nworkloads;
	struct gcs_phase phase[GCS_PHASES_MAX]; uint32_t nphases;
	struct gcs_fault fault[GCS_FAULTS_MAX]; uint32_t nfaults;
	struct gcs_check slo[GCS_CHECKS_MAX]; uint32_t nslos;
	struct gcs_check expect[GCS_CHECKS_MAX]; uint32_t nexpects;
	struct gcs_recovery recovery;
	int64_t end_ns;           /* end of the last phase */
};

/* What was wrong, ready to print. */
struct gcs_scenario_error { char *text; /* several lines: path:line:column: error: …, source, caret, hint */ };

struct gcs_override { const char *key, *value; };     /* --set key=value */

/* Read, bind, resolve. 0; -EINVAL with *ret_error (free with _error_fini); -ENOENT/-EACCES with text too. */
int gcs_scenario_load(struct gcs_scenario **ret, const char *path, const struct gcs_override *set, size_t nset,
		      struct gcs_scenario_error *ret_error);
void gcs_scenario_destroy(struct gcs_scenario *s);
void gcs_scenario_error_fini(struct gcs_scenario_error *e);
/* The resolved scenario as JSON text (recorded; enough to run again). malloc'd. */
char *gcs_scenario_json(const struct gcs_scenario *s);
/* The `load` line of docs/control-protocol.md. malloc'd. */
char *gcs_scenario_plan(const struct gcs_scenario *s);
/* Phase in progress at t (ns from t0), -1: none. */
int gcs_scenario_phase_at(const struct gcs_scenario *s, int64_t t_ns);
