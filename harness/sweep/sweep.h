/*
 * sweep.h: every visit of a fault point fails once, each in a fresh target.
 *
 * A first run (the prime) counts the eligible visits of the point and says what a run without
 * faults leaves. Then visit after visit is chosen, once or with all later ones, and each run is
 * judged by one class. The fault's window is the first four fifths of the scenario; the last fifth
 * is the workload once more, without faults: errors in its second half mean that it did not
 * recover. Faults of the scenario itself are left out.
 *
 * Order: a first pass takes of each call stack the first visit that comes from it; the prime tells
 * them. The second pass takes all others: first the first visit, then the middle, then the quarters,
 * and so on (gcs_sweep_visit_at): what is reached early is spread over the whole run, and nothing is
 * left out in the end. The last runs choose visits beyond the last, until nothing fires. Where
 * call stacks cannot be told there is the second pass alone, and the report says so.
 *
 * The runner is a function: tests have one of their own. One thread; nothing here is shared.
 */
#pragma once

#include "faults/points.h"
#include "harness/exit.h"
#include "harness/scenario.h"

#include <signal.h>
#include <stdio.h>

#define GCS_SWEEP_WORDS	       160u
#define GCS_SWEEP_FAILURES_MAX 50u /* kept with their particulars; all are counted */
#define GCS_SWEEP_STACKS_MAX   3072u /* GCS_STACKS_MAX; visits from others come in the second pass */

/* What a run left to be judged. */
struct gcs_sweep_facts {
	bool done;    /* it came to its end, contents were checked */
	bool hung;    /* not done at the deadline, and killed */
	bool started; /* false: it was refused before it began */
	int status;   /* wait status when it was not done */
	uint64_t eligible, fired, masked;
	uint64_t errors;	 /* operations that failed */
	uint64_t errors_late;	 /* of those told of: long after the fault was over */
	int other_errno;	 /* of an operation, not the fault's; 0: none */
	uint64_t integrity;	 /* errors of heap check and contents */
	uint64_t live_bytes, live_objects;
	uint32_t phase;		 /* enum gcs_sweep_phase of the first firing */
	int64_t wall_ns;
	char words[GCS_SWEEP_WORDS]; /* the last thing it said, or why it was refused */
};

/* Of each call stack the first visit, rising. */
struct gcs_sweep_stacks {
	uint32_t n;
	uint64_t first[GCS_SWEEP_STACKS_MAX];
};

enum gcs_sweep_class {
	GCS_SWEEP_CLEAN,	/* it failed, the program was told, and everything holds */
	GCS_SWEEP_MASKED,	/* memory came after all, or the failure does no harm */
	GCS_SWEEP_THROW,	/* the death that `oom: throw` asks for */
	GCS_SWEEP_SWALLOWED,	/* it failed, and nobody was told */
	GCS_SWEEP_MISTRANSLATED, /* the program was told another error */
	GCS_SWEEP_PARTIAL,	/* contents or heap are not as they must be, or it errs on without a fault */
	GCS_SWEEP_LEAK,		/* more or less is live in the end than without faults */
	GCS_SWEEP_HANG,
	GCS_SWEEP_THROW_WRONG,	/* it gave up, and nobody asked for that */
	GCS_SWEEP_CRASH,
	GCS_SWEEP_NOT_REACHED,	/* nothing fired (real threads: visits do not repeat exactly) */
	GCS_SWEEP_CLASSES
};
const char *gcs_sweep_class_name(enum gcs_sweep_class c);
bool gcs_sweep_class_fails(enum gcs_sweep_class c);

/* What a sweep does at a point: it fails, else forces, else (a saboteur) breaks; GCS_ACT_NONE: none of
 * these is possible there. */
enum gcs_action gcs_sweep_action(const struct gcs_point_info *point);

/* Of the collector, when the (first) failure happened. */
enum gcs_sweep_phase { GCS_SWEEP_OFF, GCS_SWEEP_MARK, GCS_SWEEP_TERMINATION, GCS_SWEEP_PHASES };
const char *gcs_sweep_phase_name(enum gcs_sweep_phase p);

struct gcs_sweep_options {
	const struct gcs_scenario *scenario;
	const struct gcs_point_info *point;
	bool persistent; /* the chosen visit and every later one; else the chosen one alone */
	bool sim;
	uint64_t limit;	    /* so many visits at most, 0: all */
	const char *state;  /* file that the sweep goes on from, and keeps; NULL: none */
	const char *repeat; /* command that runs one visit again, but for point and number; NULL */
	int64_t patience_ns; /* with one run, at least; 0: a minute. What takes longer, and many times as
			      * long as the prime, hangs */
	FILE *progress;	    /* NULL: none */
	const volatile sig_atomic_t *interrupted; /* not 0: end after the run that goes on; NULL */
	/* One run, visit `visit` chosen; deadline_ns from now. 0; -errno: it could not be run. */
	int (*run)(const struct gcs_sweep_options *opt, uint64_t visit, int64_t deadline_ns,
		   struct gcs_sweep_facts *ret);
	struct gcs_sweep_stacks *stacks; /* what a run fills that has any; of the prime, else NULL */
	void *self;			 /* the runner's own */
};
/* A visit that is never reached: of the prime. */
#define GCS_SWEEP_NO_VISIT (UINT64_C(1) << 62)

struct gcs_sweep_failure {
	uint64_t visit;
	enum gcs_sweep_class what;
	enum gcs_sweep_phase phase;
	char words[GCS_SWEEP_WORDS];
};

struct gcs_sweep {
	uint64_t identity; /* of scenario, point and mode */
	uint64_t count;	   /* visits of the prime */
	uint64_t position; /* so many visits were swept */
	uint64_t spread;   /* places of the second pass's order behind it */
	struct gcs_sweep_stacks stacks;
	bool closed;	   /* the run beyond the last visit was made */
	uint64_t table[GCS_SWEEP_CLASSES][GCS_SWEEP_PHASES];
	struct gcs_sweep_failure failure[GCS_SWEEP_FAILURES_MAX];
	uint32_t nfailures;
	struct gcs_sweep_facts prime;
};

/* ---- sweep.c */
/* The visit (1 … count) that comes at place `position` (0 … count - 1): each once. */
uint64_t gcs_sweep_visit_at(uint64_t count, uint64_t position);
/* The visit that comes next, position < count. Each comes once. */
uint64_t gcs_sweep_visit_next(struct gcs_sweep *s);
/* Prime, sweep. text: one sentence when it cannot go on. The exit code: 0 all clean or masked, 99,
 * 5 nothing visited or no error surfaced, 2 the state is another sweep's, 4 the prime crashed, 3 and
 * 1 it cannot be run, 130 interrupted. */
enum gcs_exit gcs_sweep(struct gcs_sweep *s, const struct gcs_sweep_options *opt, char *text,
			size_t cap);
/* One visit alone, judged against a prime. As gcs_sweep; *ret_facts, *ret_class when 0 or 99. */
enum gcs_exit gcs_sweep_one(const struct gcs_sweep_options *opt, uint64_t visit,
			    struct gcs_sweep_facts *ret_facts, enum gcs_sweep_class *ret_class,
			    char *text, size_t cap);

/* ---- sweep_many.c */
#define GCS_SWEEPS_MAX 128
struct gcs_sweep_entry {
	const struct gcs_point_info *point;
	struct gcs_sweep *sweep; /* NULL: it was not come to */
	enum gcs_exit code;
	char text[400];
};
struct gcs_sweeps {
	uint32_t n;
	struct gcs_sweep_entry entry[GCS_SWEEPS_MAX];
};
/* The points that a pattern means ("mem/" and a star) and that can be swept; how many. */
uint32_t gcs_sweep_match(struct gcs_sweeps *all, const char *pattern, bool sim);
/* Sweep each; opt->point is ignored, opt->state is what the points' own states begin with. Ends early
 * with what ended a sweep early; else 99 when any failed, 5 when any was inconclusive, 0. _fini in
 * either case. */
enum gcs_exit gcs_sweep_many(struct gcs_sweeps *all, const struct gcs_sweep_options *opt);
void gcs_sweeps_fini(struct gcs_sweeps *all);

/* ---- sweep_class.c */
enum gcs_sweep_class gcs_sweep_judge(const struct gcs_sweep_options *opt,
				     const struct gcs_sweep_facts *prime,
				     const struct gcs_sweep_facts *f);

/* ---- sweep_run.c: the runner of real sweeps */
int gcs_sweep_run(const struct gcs_sweep_options *opt, uint64_t visit, int64_t deadline_ns,
		  struct gcs_sweep_facts *ret);
/* What distinguishes a sweep from others: scenario, point, mode, backend. */
uint64_t gcs_sweep_identity(const struct gcs_sweep_options *opt);

/* ---- sweep_state.c */
/* Whole or not at all: a kill at any moment leaves the old file or the new one. 0, -errno. */
int gcs_sweep_save(const struct gcs_sweep *s, const char *path);
/* Fills identity, count, position, stacks, closed, table, failures. 0; -ENOENT; -EINVAL: no state of a
 * sweep; -errno. */
int gcs_sweep_load(struct gcs_sweep *s, const char *path);

/* ---- sweep_text.c */
void gcs_sweep_text(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
		    enum gcs_exit code, FILE *out);
void gcs_sweep_json(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
		    enum gcs_exit code, FILE *out);
/* Each, then the map: where in the collector's cycle each point has failed. */
void gcs_sweeps_text(const struct gcs_sweeps *all, const struct gcs_sweep_options *opt, FILE *out);
void gcs_sweeps_json(const struct gcs_sweeps *all, const struct gcs_sweep_options *opt,
		     enum gcs_exit code, FILE *out);
