/*
 * scenario.h: a scenario, resolved: every default filled in, every name checked, every time absolute (ns from t0).
 *
 * Bound from YAML by a strict table (scenario_bind.c): an unknown or doubled key, a wrong unit, a value out of range is an
 * error with file, line, column, the source line, a caret and what was expected. All strings are owned by the scenario.
 */
#pragma once

#include "faults/fault.h"
#include "faults/reach.h"

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
#define GCS_FOLLOW_MAX 8192   /* points of a curve to follow */
#define GCS_LOGGED_MAX 8192   /* logged cycles */
#define GCS_VARIANTS_MAX 16
#define GCS_REPORTED_MAX 32
#define GCS_VARIANT_SETS_MAX 16
#define GCS_LAID_MAX 64

#define GCS_POINTERS 50 /* percent of the objects of heap-follow that have pointers, unless it is said */

enum gcs_dist { GCS_DIST_FIXED, GCS_DIST_UNIFORM, GCS_DIST_ZIPF };
struct gcs_size { enum gcs_dist dist; uint64_t min, max; uint32_t s_milli; };

/* heap-follow: from `at_ns` on, up to the next point. Live bytes and rate change in a straight line between two points,
 * gogc by steps. Scaled already: what the run is to do. */
struct gcs_follow_point { int64_t at_ns; uint64_t live, alloc_per_s; int gogc; /* -1 off, 0 as before */ bool forced; /* a GC by hand here */ };

struct gcs_workload {
	char *id, *driver, *handler;
	uint32_t workers, conns;
	uint64_t rate;        /* ops/s over all workers; 0: closed loop */
	uint64_t keys;
	char *key;            /* "u64", "u32", "string", "bytes32" */
	char *value;          /* "u64", "inline", "indirect", "ptr", "pooled" */
	uint64_t value_bytes;
	uint32_t mix_insert, mix_delete, mix_lookup, mix_range; /* percent, sum 100; range: sync-map */
	struct gcs_size size;
	char *url;            /* http: what its clients ask for; NULL: none */
	uint64_t retain;      /* bytes of short headers kept alive (slice-append) */
	uint32_t pointers;    /* heap-follow: percent of its objects that have pointers */
	uint32_t renew;       /* operations after which a map or a registration is replaced; 0: never */
	struct gcs_follow_point *follow; uint32_t nfollow; /* heap-follow; owned */
};

struct gcs_phase { char *id; int64_t start_ns, end_ns; bool record; };

struct gcs_window { int64_t start_ns, end_ns; };

/* Sites that a fault is bound to; all that is given must hold, other visits are not eligible. */
struct gcs_match {
	uint64_t size_min, size_max; /* bytes asked for, both ends included; 0, 0: any. Points whose site has a size. */
	uint32_t workloads;          /* bit i: workload i; 0: any (from `workload: [ids]` or `driver: [names]`) */
	const char *type[GCS_MATCH_TYPES_MAX]; uint32_t ntypes;  /* names of type descriptors, static; 0: any */
	struct gcs_goroutines { uint32_t workload, first, last; } goroutine[GCS_MATCH_GOROUTINES_MAX]; /* indices within the workload, both ends included */
	uint32_t ngoroutines;        /* 0: any */
};

struct gcs_fired;
struct gcs_fault {
	char *id;
	const char *point, *action;    /* of points.def */
	int err;
	uint32_t p_ppb;
	uint64_t nth, every, times;
	bool replays; const struct gcs_fired *fired; uint32_t nfired; /* set by a replay, in place of the triggers: fault.h; not owned */
	uint64_t visit; bool visit_on; /* set by a sweep, in place of the triggers: fault.h; 0: not */
	bool stacks;                   /* of a sweep's prime: the target tells the call stacks of the visits */
	uint64_t burst;                /* a firing draws the next burst - 1 eligible visits of its worker along; 0, 1: none */
	int64_t delay_ns, jitter_ns;
	uint64_t after;                /* the first so many eligible visits of each worker never fire */
	int64_t delay_max_ns;          /* the delay doubles at each firing of a worker, up to this; 0: it does not */
	uint32_t by_milli;             /* bias: what it is times this, in 10^-3; 0: not given */
	char *where, *mode;            /* gc/write: as written; NULL: not given, which is before_shade and start (with edge: cycle) */
	bool edge;                     /* gc/write: only the first store of a goroutine since the barrier went on */
	struct gcs_match match;
	char *condition;               /* `while`, as written; NULL: none */
	struct gcs_condition program;  /* what it compiles to; its bytes are scaled */
	bool condition_scaled;         /* by the heap scale */
	bool trace;                    /* an execution trace is made around its first window (go) */
	bool allow_hot;                /* a system call that is asked all the time is meant */
	bool left_out;                 /* not drawn for this run (activation): it has no windows; by hand it can be armed all the same */
	char *only;                    /* the runtime that it is for; NULL: any */
	bool elsewhere;                /* it is for another runtime than this run's: left out, and out of reach */
	bool manual;                   /* no window: armed by hand only (ctl, screen, fiu-ctrl) */
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

/* The same incident with something changed. */
#define GCS_VARIANT_BASE "as-it-is" /* the scenario itself, where a variant can be named */
struct gcs_variant { char *id, *about; char *key[GCS_VARIANT_SETS_MAX], *value[GCS_VARIANT_SETS_MAX]; uint32_t nsets; };

/* A figure that people reported, and the metric that reproduces it. */
struct gcs_reported {
	char *what, *value;              /* as told: "P99 before", "320 ms" */
	char *metric;                    /* of `list metrics`; NULL: nothing here measures it, `note` says why */
	char *note;                      /* may be NULL */
	char *variant;                   /* it tells of this variant only, GCS_VARIANT_BASE of none; NULL: of each run */
	char *phases[GCS_PHASES_MAX]; uint32_t nphases; /* of the metric; 0: all recorded ones */
	int64_t at_ns, for_ns;           /* in place of phases: the stretch it tells of, from t0, scaled; for 0: not given */
	bool peak;                       /* of that stretch the worst window's; else of the stretch as a whole */
	uint32_t within_ppb;             /* how exact it is: told.h */
	uint32_t line, column;
};

/* A production log that this scenario follows (import). Lines are gctrace lines, whole, as logged: unscaled. */
struct gcs_logged {
	char *source; char **line; uint32_t nlines;
	int64_t at_ns; /* run time at which the first line's cycle began, scaled; -1: at the start of phase `follow`, else at t0 */
};

struct gcs_scenario {
	char *name, *about, *path;
	char *text;               /* the source, as read */
	uint64_t seed;
	uint32_t activation_ppb;  /* each fault is live with this probability, drawn from seed and its id; 0: all are */
	char *runtime, *go;       /* what runs it, as written (NULL: embedded): gcs_scenario_runtime; of go: the toolchain's program, NULL: the one that is found */
	const char *const *command; uint32_t ncommand; /* set by exec: the program (a path) and its arguments; not owned */
	char *on_exit; uint32_t restarts; /* as written; how often a program that died is started again, 0: it fails the run */
	bool expects_death;       /* on_exit: expect: the run proves nothing if the target does not die */
	/* exec: what the program serves about itself. url NULL: nothing; profiles: "heap,goroutine", NULL: none. */
	struct { char *url, *profiles; int64_t every_ns; } debug;
	bool sets_procs, sets_gogc, sets_memlimit; /* the scenario says so itself, it is no default */
	uint32_t procs;
	int gogc;                 /* -1 off */
	uint64_t memlimit, heap_reserve;
	char *oom, *map;          /* "return"; "classic" */
	char *rounding;           /* "1.19", "1.22": mrt_rounding */
	char *pacer; bool pacertrace, scavtrace; /* "1.21" or "1.19" */
	uint64_t heap_profile_rate; /* MemProfileRate, bytes; 0: no profile */
	uint64_t gc_every; bool clobber, check_edges;   /* target.stress */
	struct gcs_workload workload[GCS_WORKLOADS_MAX]; uint32_t nworkloads;
	struct gcs_phase phase[GCS_PHASES_MAX]; uint32_t nphases;
	struct gcs_fault fault[GCS_FAULTS_MAX]; uint32_t nfaults;
	struct gcs_check slo[GCS_CHECKS_MAX]; uint32_t nslos;
	struct gcs_check expect[GCS_CHECKS_MAX]; uint32_t nexpects;
	struct gcs_recovery recovery;
	int64_t end_ns;           /* end of the last phase */
	bool count_live;          /* set by a sweep: the target counts what is live when it has let everything go */
	/* DESIGN 5. In thousandths; 1000 is as written. Everything above is scaled already. */
	uint32_t time_scale_milli, heap_scale_milli;
	int64_t unscaled_end_ns;
	char *clock;              /* "03:10:00", "03:10:00.25": what the incident's own clock showed at t0; NULL: none */
	int64_t clock_ns;         /* the same, ns since midnight; -1 none */
	struct gcs_variant variant[GCS_VARIANTS_MAX]; uint32_t nvariants;
	char *chosen;             /* id of the variant that is laid over, NULL: none */
	struct gcs_reported reported[GCS_REPORTED_MAX]; uint32_t nreported;
	struct gcs_logged logged;
	/* What the command line laid over `text` after the variant, in order, the scales (scale.time, scale.heap) too: with it and `chosen`
	 * the text can be loaded again as it was. */
	struct { char *key, *value; } laid[GCS_LAID_MAX]; uint32_t nlaid;
};

/* What was wrong, ready to print. */
struct gcs_scenario_error { char *text; /* several lines: path:line:column: error: …, source, caret, hint */ };

/* --set key=value; with this key, --fault value: one more fault, POINT:key=value,… (scenario_compact.c). Laid over in their order. */
#define GCS_OVERRIDE_FAULT "--fault"
struct gcs_override { const char *key, *value; };

/* What the command line says besides the file. */
struct gcs_scenario_options {
	const struct gcs_override *set; size_t nset;   /* laid over last */
	const char *variant;                           /* its `set` is laid over before; NULL none */
	const char *time_scale, *heap_scale;           /* "60", "2.5"; NULL: the scenario's own `scale`, else 1 */
};
int gcs_scenario_load_with(struct gcs_scenario **ret, const char *path, const struct gcs_scenario_options *opt,
			   struct gcs_scenario_error *ret_error);
/* The file with all of opt laid over and without what `drop` names (paths as of --set), as YAML text that loads by itself; malloc'd. NULL:
 * no memory, or with *ret_error what is wrong (_error_fini in either case). */
char *gcs_scenario_reduced(const char *path, const struct gcs_scenario_options *opt, const char *const *drop, size_t ndrop,
			   struct gcs_scenario_error *ret_error);
/* The incident's own clock at t (ns from t0): t * time scale after `clock`; "03:15:22". false: it has none. */
bool gcs_scenario_clock(const struct gcs_scenario *s, int64_t t_ns, char ret[16]);

/* Read, bind, resolve. 0; -EINVAL with *ret_error (free with _error_fini); -ENOENT/-EACCES with text too. */
int gcs_scenario_load(struct gcs_scenario **ret, const char *path, const struct gcs_override *set, size_t nset,
		      struct gcs_scenario_error *ret_error);
void gcs_scenario_destroy(struct gcs_scenario *s);
void gcs_scenario_error_fini(struct gcs_scenario_error *e);
/* The resolved scenario as JSON text (recorded; enough to run again). malloc'd. */
char *gcs_scenario_json(const struct gcs_scenario *s);
/* The `load` line of docs/control-protocol.md. malloc'd. */
char *gcs_scenario_plan(const struct gcs_scenario *s);
/* The `edit` line: the numbers of fault `index` of s. malloc'd. */
char *gcs_scenario_edit_line(const struct gcs_scenario *s, uint32_t index);

/* ---- scenario_edit.c: what an operator changes while the run goes on */
/* s with other numbers of a fault: key=value,… as of --fault, of the keys that may change in mid-run (the message for another names them);
 * `none` takes a key out. before: what was said of the fault earlier, in the same form; NULL: nothing. Checked as a scenario is that is loaded, in the
 * same words, with `edit` in the place of the file's name; it takes as long as that (an imported log of MiB: tenths of a second). 0; -EINVAL with *ret_error; -ENOMEM. */
int gcs_scenario_edit(struct gcs_scenario **ret, const struct gcs_scenario *s, uint32_t fault, const char *before, const char *text,
		      struct gcs_scenario_error *ret_error);
/* s with another rate of a workload, as its key `rate` says it. The same; `rate` for the file's name. */
int gcs_scenario_rerate(struct gcs_scenario **ret, const struct gcs_scenario *s, uint32_t workload, const char *rate,
			struct gcs_scenario_error *ret_error);
/* What was said before and what is said now, as one text in the same form: of each key what was said last. malloc'd. */
char *gcs_scenario_edits(const char *before, const char *text);
/* How a command names a target: of "go=PATH" the PATH, which may be ""; NULL: it is a runtime's name alone. */
const char *gcs_target_toolchain(const char *text);
enum gcs_runtime gcs_scenario_runtime(const struct gcs_scenario *s);
/* Is there a fault with `trace` that is for this runtime? */
bool gcs_scenario_traces(const struct gcs_scenario *s);
/* Phase in progress at t (ns from t0), -1: none. */
int gcs_scenario_phase_at(const struct gcs_scenario *s, int64_t t_ns);
