/*
 * trace.h: telemetry of a program that says of itself no more than lines of gctrace.
 *
 * A line comes when its cycle is over, so the moment it is read stands for the cycle's end and everything in it is dated back from there. As
 * precise as the line is: three digits of a time, whole MiB of a size. Its two stops include the time to stop (WATCH_UNKNOWN): Go measures from
 * before the world is asked to stop.
 */
#pragma once

#include "runtime/watch/telemetry.h"

struct guard_trace {
	struct mrt_telemetry *telemetry;
	int64_t begun_ns;	/* when the program was started, CLOCK_MONOTONIC */
	uint64_t cycles_before; /* of those that ran before it: numbers go on */
	uint64_t cycles, gc_cpu_ns, cpu_ns_before;
	uint32_t procs;
};

void guard_trace_init(struct guard_trace *t, struct mrt_telemetry *telemetry);
/* A program begins now, the first one or the next. */
void guard_trace_begin(struct guard_trace *t, int64_t now_ns);
/* One line of its stderr, read now: of gctrace, or anything else, which is passed over. */
void guard_trace_line(struct guard_trace *t, const char *line, int64_t now_ns);
