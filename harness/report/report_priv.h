/*
 * report_priv.h: a record as report.c reads it, for report_text.c and report_json.c to print.
 */
#pragma once

#include "harness/measure/metric.h"

struct report_phase {
	char *id;
	int64_t start_ns, end_ns;
	bool record;
};
struct report_ops {
	char *id, *driver;
	uint64_t count, errors;
	struct gcs_pcts p;
};
struct report_signal {
	char *name;
	bool left; /* its band */
	int64_t left_ns, recovery_ns;
	double peak, peak_ratio, baseline, bound;
	int unit;
};
struct report_occurrence {
	uint32_t fault, number;
	int64_t start_ns, first_fired_ns, end_ns, degraded_ns, steady_ns, recovery_ns;
	uint64_t fired;
	bool overlapped, by_operator;
	char *state;
	struct report_signal signal[GCS_SIGNALS_MAX];
	uint32_t nsignals;
};
struct report_due {
	uint32_t fault;
	char *what;
	uint64_t count;
	int64_t total_ns, excess_ns, max_ns;
};
/* Of one fault and one effect (WATCH_EFFECT): how often, and what came with it. */
struct report_effect {
	uint32_t fault, effect;
	uint64_t count, total, max;
};
struct report_fault {
	char *id, *point, *what, *outcome;
	uint64_t visits, eligible, fired, masked;
	uint32_t windows;
};
struct report_check {
	char *id, *text, *shown;
	bool ok, has, left_out; /* left_out: of a fault that was not drawn, not judged */
	double value;
	uint32_t windows, windows_failed;
};
struct report_event {
	int64_t t_ns;
	int level;
	char *text;
};
struct report_reported {
	char *what, *value_told, *metric, *phases, *shown, *note; /* NULL: none */
	bool has;
	double value;
	/* Of a stretch of time; clock, until, told (value_told, scaled), logged_shown: NULL none. */
	bool timed, peak, has_told, has_logged;
	int64_t at_ns, for_ns;
	char *clock, *until, *told, *logged_shown;
	double low, high, logged;
	int logged_apart, apart; /* -1: not judged */
};
/* A window of one signal of the curves along a log (parting.h). */
struct report_curve {
	uint32_t idx;
	int64_t from_ns, to_ns;
	char *clock, *phase, *signal;
	bool has_logged, has_reproduced, apart, parts;
	double logged, reproduced;
};
/* Of a program under exec: report_program.c. */
struct report_program {
	char *key;
	uint64_t value;
};
/* By hand; fault -1: none. */
struct report_act {
	int64_t t_ns;
	char *source, *act, *text;
	int fault;
	bool modifies;
};
struct report_pause {
	char *kind;
	int64_t t_ns, dur_ns, stopping_ns, stopped_ns;
	uint64_t cycle, firing;
	bool disturbed;
};

struct report {
	char *path, *id, *name, *target, *command, *hash, *word, *sentence, *gctrace,
		*thinned; /* NULL: the record is whole */
	uint64_t seed;
	bool sim, finished;
	int exit;
	int64_t duration_ns, begun_wall_ns, resolution_ns; /* the last: of recovery times */
	uint32_t procs;					   /* of the resolved scenario, 0 unknown */
	struct report_phase *phase;
	size_t nphases;
	struct report_ops *ops;
	size_t nops;
	struct report_fault *fault;
	size_t nfaults;
	struct report_occurrence *occ;
	size_t noccs;
	struct report_due *due;
	size_t ndues;
	struct report_effect *effect;
	size_t neffects;
	struct report_check *slo;
	size_t nslos;
	struct report_check *expect;
	size_t nexpects;
	struct report_event *reason;
	size_t nreasons; /* level: exit code */
	struct report_reported *reported;
	size_t nreported;
	struct report_curve *curve; /* in the order of time, each window's signals one after another */
	size_t ncurves;
	struct report_act *act;
	size_t nacts, nmodifying; /* the latter: that make the run operator-modified */
	struct report_follow *follow; /* report_fidelity.c's; NULL: no log was followed */
	struct report_program *program;
	size_t nprograms;
	struct report_pause *worst;
	size_t nworst;
	struct gcs_pcts series[GCS_SERIES];
	int64_t recorded_ns; /* of the phases that count, as far as they ran */
	uint64_t used_ns;    /* processor time of the target in them; 0: not known */
	uint64_t limiter_cycles, limiter_on_ns, limiter_first, limiter_last;
	uint64_t gc_cycles, gc_forced, gc_cpu_ns, cpu_ns, assist_ns, heap_live_max, heap_goal_max,
		rss_max;
	uint64_t integrity_checked, integrity_errors, crashes, restarts, comeback_max_ns;
	uint64_t samples_lost, rows_dropped, run_delay_ns, processes_max;
	double injector_cost, stall_max_ns, own_late_max_ns;
};

/* 0; -ENOENT, -EINVAL (not a record), -EIO with text on err. */
int report_load(struct report *r, const char *path, FILE *err);
void report_fini(struct report *r);
void report_text(const struct report *r, FILE *out);
int report_json(const struct report *r, FILE *out);

/* 1,234,567 (report_text.c) */
#define REPORT_COUNT_BYTES 48
const char *report_count(char ret[REPORT_COUNT_BYTES], uint64_t v);
/* 1.77 us (report_text.c) */
const char *report_ns(char ret[REPORT_COUNT_BYTES], int64_t ns);

/* Words to out, behind `at` columns that stand there already, the lines after the first behind `indent` blanks: within the
 * terminal's width, or 132 columns where there is none. (report_text.c) */
void report_wrap(FILE *out, const char *text, uint32_t at, uint32_t indent);

/* report_reported.c */
struct sqlite3_stmt;
struct json_t;
extern const char report_reported_sql[];
void report_reported_row(struct report *r, struct sqlite3_stmt *q);
void report_reported_fini(struct report *r);
void report_reported_text(const struct report *r, FILE *out);
struct json_t *report_reported_json(const struct report *r);

/* report_parting.c */
extern const char report_curves_sql[];
void report_curves_row(struct report *r, struct sqlite3_stmt *q);
void report_curves_fini(struct report *r);
/* Curves and timed figures along the time, and where they part; nothing where there is neither. */
void report_parting_text(const struct report *r, FILE *out);
struct json_t *report_parting_json(const struct report *r); /* null: neither */

/* report_effects.c */
extern const char report_effects_sql[];
void report_effects_row(struct report *r, struct sqlite3_stmt *q);
void report_effects_fini(struct report *r);
void report_effects_text(const struct report *r, size_t fault, FILE *out);
struct json_t *report_effects_json(const struct report *r, size_t fault);

/* report_program.c */
extern const char report_program_sql[];
void report_program_row(struct report *r, struct sqlite3_stmt *q);
void report_program_fini(struct report *r);
void report_program_text(const struct report *r, FILE *out);
struct json_t *report_program_json(const struct report *r); /* null: no program under exec */

/* report_fidelity.c */
extern const char report_logged_sql[], report_followed_sql[], report_fidelity_sql[];
void report_logged_row(struct report *r, struct sqlite3_stmt *q);
void report_followed_row(struct report *r, struct sqlite3_stmt *q);
void report_fidelity_row(struct report *r, struct sqlite3_stmt *q);
void report_fidelity_fini(struct report *r);
void report_fidelity_text(const struct report *r, FILE *out);
struct json_t *report_fidelity_json(const struct report *r); /* null: no log was followed */
