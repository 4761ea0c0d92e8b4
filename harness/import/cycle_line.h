/*
 * cycle_line.h: a cycle as Go 1.5 and later print it with GODEBUG=gctrace=1, when the cycle is over
 * (the numbers of Go 1.19):
 *
 *   gc 7 @1.234s 3%: 0.024+289+0.021 ms clock, 0.096+0.50/72/0+0.086 ms cpu, 100->110->55 MB,
 *   112 MB goal, 3 MB stacks, 0 MB globals, 4 P (forced)
 *
 * Five clock parts in Go 1.5, three since 1.6; stacks and globals since 1.18; a remark after the
 * percentage in 1.26. Before the release of 1.5 `gc #7`, and at first no goal. Source of the rule:
 * gcMarkTermination in Go's mgc.go.
 */
#pragma once

#include "harness/import/line_cursor.h"

#define GCS_GCTRACE_GOAL_OFF UINT32_MAX /* what is printed with GOGC=off: a goal of exabytes */

/* Sizes in the log are whole MiB, rounded down: 0 says "less than 1 MiB". Times are as precise as
 * printed: at_ns to 1 ms, the others to two significant digits. */
struct gcs_gctrace_cycle {
	uint64_t number; /* of completed cycles in the process, this one included */
	int64_t at_ns;	 /* since the program started, at the cycle's begin (before the first stop) */
	int64_t stop_first_ns;	/* world stopped: sweep termination, and waiting for it */
	int64_t mark_ns;	/* concurrent; of Go 1.5: scan, synchronising and mark */
	int64_t stop_second_ns; /* world stopped: mark termination, and waiting for it */
	int64_t cpu_stop_first_ns, cpu_assist_ns, cpu_background_ns, cpu_idle_ns,
		cpu_stop_second_ns;
	uint32_t heap_start_mib, heap_end_mib; /* heap in use when the cycle began, ended marking */
	uint32_t heap_live_mib;		       /* what was marked */
	uint32_t goal_mib;		       /* of this cycle; GCS_GCTRACE_GOAL_OFF */
	uint32_t stacks_mib, globals_mib;      /* 0 without `scanned` */
	uint32_t procs;
	uint32_t cpu_percent; /* of the process's CPU since it started */
	bool forced;	      /* runtime.GC or debug.FreeOSMemory, not the GC of every two minutes */
	bool scanned;	      /* stacks and globals are on the line: Go 1.18 and later */
	bool five_parts;      /* clock of Go 1.5 */
	bool no_goal;	      /* Go 1.5 before its release: not printed, and goal_mib is 0 */
};

/* The cycle at the cursor's "gc ". False: c->fault says why, and where it ended. *meant: from what
 * there is, a cycle was meant: its number and the @, or its number where the line begins so. */
bool gcs_cycle_line(struct line_cursor *c, bool line_begins, bool *meant,
		    struct gcs_gctrace_cycle *ret);
