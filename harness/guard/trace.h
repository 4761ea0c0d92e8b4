/*
 * trace.h: telemetry of a program that says of itself no more than lines of gctrace, and what its /debug/vars answers.
 *
 * A line comes when its cycle is over, so the moment it is read stands for the cycle's end and everything in it is dated back from there. As
 * precise as the line is: three digits of a time, whole MiB of a size. Its two stops include the time to stop (WATCH_UNKNOWN): Go measures from
 * before the world is asked to stop.
 *
 * MemStats (vars.h) tell the heap and its goal as they are now, and of each of the last 256 cycles for how long it stopped the world, exactly, but both stops
 * together. A cycle is told once, by its number: by its line, or, where none has come within TRACE_LINE_WAIT_NS, by MemStats, as one stop at its end. What its
 * line said stays as it was told; how far it is from the exact time is in `exact`. (Go 1.26 begins PauseNs behind the scheduler's lock, and its line's first stop
 * before it; a mark termination that was given up is in PauseNs and in no stop of the line.)
 */
#pragma once

#include "harness/guard/vars.h"
#include "runtime/watch/telemetry.h"

#define TRACE_LINE_WAIT_NS INT64_C(200000000)
#define TRACE_OLDER_NS	   INT64_C(1000000000) /* wall clocks are compared: a step of that much is no other program */

/* One cycle as far as it is told, at number % GUARD_VARS_PAUSES. */
struct guard_cycle {
	uint64_t number; /* the program's own; 0: none */
	bool by_line, by_vars, counted;
	int64_t line_ns;	  /* both stops, of its line */
	int64_t pause_ns, end_ns; /* of MemStats; pause -1: not known yet */
	int64_t wait_ns;	  /* for its line, until then; 0: no more */
	bool forced;
};

/* Of cycles that ended in the run. */
struct guard_exact {
	uint64_t by_line, by_vars; /* cycles told by either */
	uint64_t cycles, unseen;   /* with their exact stop; more than 256 between two answers */
	int64_t total_ns, max_ns;
	uint64_t max_number;
	uint64_t both; /* of `cycles`: with a line too, which said line_ns of both_ns */
	int64_t both_ns, line_ns;
};

struct guard_trace {
	struct mrt_telemetry *telemetry;
	int64_t begun_ns;	/* when the program was started, CLOCK_MONOTONIC */
	uint64_t cycles_before; /* of those that ran before it: numbers go on */
	uint64_t cycles, gc_cpu_ns, cpu_ns_before;
	bool silent;	      /* this program says no line: its processor time is that of MemStats, */
	uint64_t vars_cpu_ns; /* which is this */
	uint32_t procs;
	int64_t from_ns, to_ns; /* the run; INT64_MAX: not yet. What ends behind it is not told */
	bool several;		/* more than one process answers: its cycles are told by lines alone */
	bool asked;		/* MemStats have come from this program */
	uint64_t answered, forced; /* cycles, and forced ones, of the last ones */
	struct guard_cycle cycle[GUARD_VARS_PAUSES];
	struct guard_exact exact;
	uint32_t sched_ps; /* of the last SCHED line, and timers of the P lines behind it */
	uint64_t timers;
};

void guard_trace_init(struct guard_trace *t, struct mrt_telemetry *telemetry);
/* A program begins now, the first one or the next. */
void guard_trace_begin(struct guard_trace *t, int64_t now_ns);
/* One line of its stderr, read now: of gctrace, of schedtrace, or anything else, which is passed over. */
void guard_trace_line(struct guard_trace *t, const char *line, int64_t now_ns);

/* ---- trace_sched.c: a line of the scheduler's, read now; offsets in it count from text */
struct gcs_sched_line;
void guard_trace_sched(struct guard_trace *t, const struct gcs_sched_line *s, const char *text, int64_t now_ns);

/* ---- trace_vars.c */

enum guard_fit {
	GUARD_FITS,
	GUARD_OLDER,   /* it collected before the program was started: another one, nothing of it is used */
	GUARD_SEVERAL, /* NumGC fell: processes answer in turn; of these gauges alone are used */
};
/* Read now, when CLOCK_REALTIME was wall_ns. */
enum guard_fit guard_trace_vars(struct guard_trace *t, const struct guard_vars *v, int64_t now_ns, int64_t wall_ns);
/* Tell the cycles whose line has been waited for long enough. INT64_MAX: of all, nothing more comes. */
void guard_trace_due(struct guard_trace *t, int64_t now_ns);

/* ---- between the two files */

void guard_trace_emit(const struct guard_trace *t, enum watch_kind kind, int64_t t_ns, struct watch_record rec);
/* A cycle's place; it is another's no more. */
struct guard_cycle *guard_trace_cycle(struct guard_trace *t, uint64_t number);
/* Both its line and MemStats may have told it now: into `exact`, once. */
void guard_trace_count(struct guard_trace *t, struct guard_cycle *c);
