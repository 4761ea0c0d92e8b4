/*
 * old_line.h: a cycle as Go 1.0 to 1.4 print it with GOGCTRACE=1 or GODEBUG=gctrace=1. The world
 * stood still for all of it. By version:
 *
 *   1.0      gc7(4): 12+1+0 ms, 9 -> 8 MB 152494 -> 5295 (355981-350686) objects, 4(36) handoff,
 *            20/17/3 yields
 *   1.1, 1.2 the same with `32(1595) steal` after the handoff
 *   to 1.3   gc7(4): 12+1+0 ms, 9 -> 8 MB, 5295 (355981-350686) objects, 77/12/0 sweeps, ...
 *   1.3      gc7(4): 8+9+1060+6 us, 2 -> 4 MB, 77327 (431357683-431280356) objects, 77/12/0 sweeps,
 *            17(1319) handoff, 6(35) steal, 69/0/0 yields
 *   1.4      the same with `33 goroutines` after the objects
 *
 * What no form prints: when the cycle was, the heap goal, whether it was forced, and the Ps (only
 * how many threads collected). Source of the rule: gc() in Go's mgc0.c.
 */
#pragma once

#include "harness/import/line_cursor.h"

struct gcs_gctrace_old {
	uint64_t number;   /* of completed cycles in the process, this one included */
	uint32_t markers;  /* threads that collected: at most the Ps, the CPUs and a constant */
	uint32_t parts;	   /* clock parts: 3 in ms, 4 in us */
	/* Three: mark, sweep, the rest (of the form with sweeps the order is not known). Four:
	 * stopping the world, what the last cycle left unswept, mark, the rest. */
	int64_t part_ns[4];
	int64_t pause_ns; /* their sum: the world stood still */
	/* With `swept`: heap in use when the cycle began, and when it was over. Without: what the
	 * last cycle left, as Go estimates it from the goal, and heap in use when this one began. */
	uint32_t heap_first_mib, heap_second_mib;
	uint64_t objects_first; /* with `swept`: before the cycle; else 0 */
	uint64_t objects;	/* with `swept`: after it; else with this cycle's garbage */
	uint64_t allocated, freed; /* objects, since the program started */
	uint64_t goroutines;	   /* 0 without has_goroutines */
	uint64_t spans, swept_background, swept_paused; /* 0 without has_sweeps */
	uint64_t handoffs, handoff_objects, steals, steal_objects; /* between threads that mark */
	uint64_t yields_spin, yields_os, sleeps; /* of threads that had nothing to mark */
	bool swept; /* the sweep was part of the stop: Go 1.0 to 1.2 */
	bool has_goroutines, has_sweeps, has_steals;
};

/* The cycle at the cursor's "gc7(4):". *meant: so far it is there. */
bool gcs_old_line(struct line_cursor *c, bool *meant, struct gcs_gctrace_old *ret);
