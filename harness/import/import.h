/*
 * import.h: from the cycles of a production gctrace log to a scenario for driver heap-follow.
 *
 * A line of gctrace says of its cycle: when it began (@, before the first stop), the heap at its
 * begin S and when marking ended E, the bytes that were marked L, and its goal G; all sizes are
 * rounded down to whole MiB. From that:
 *
 *   allocated between the begins of cycle i and i+1   (E_i - S_i) + (S_i+1 - L_i)
 *   live                                              L_i
 *     (objects that are born during a mark are kept by it, wanted or not. They count as live, since
 *     the goal does: here marking takes a hundredth of a period, where it took a third of one in
 *     the log, and what was born meanwhile would be missing. Only Go 1.5, whose goals do not count
 *     them, goes without: L_i - (E_i - S_i))
 *   GOGC, from G_i+1 = L_i (1 + GOGC/100), from Go 1.18 on with stacks and globals in it, and not
 *     below 4 MiB GOGC/100: the one value that explains most goals within the rounding; another
 *     one only where several cycles in a row depart from it and agree
 *
 *   what marking costs, from the processor time of the mark phase a marked MiB: which share of the
 *     objects has pointers. Rough: it is another machine's
 *
 * Rounding leaves each figure 1 MiB of room. The goal narrows the marked bytes before it (to half
 * a MiB with GOGC=100), and of all curves through what room there is the smoothest is taken. That
 * is exact enough for heaps of some ten MiB; of a heap below 1 MiB (4->4->0) the log says nothing
 * more than that.
 *
 * Pure: nothing is read or written but memory.
 */
#pragma once

#include "harness/import/gctrace_log.h"
#include "harness/import/seen.h"

/* An incident in the log's time. */
struct gcs_import_incident {
	const struct gcs_wall *wall;	  /* the scenario gets a clock */
	const struct gcs_seen *seen;	  /* NULL: that is all that is known */
	const struct gcs_joined *joined; /* of seen */
};

struct gcs_import_options {
	const char *source; /* name of the log: names the scenario */
	uint32_t cpus;	    /* of this machine */
	uint32_t time_scale_milli, heap_scale_milli; /* 0: one that fits a small machine */
	/* NULL: none. With what was seen, phases begin where the incident does and ends, the figures are told, and of the log the
	 * margin is taken (seen.h); a stretch of a longer log is one that has the onset, if any has. */
	const struct gcs_import_incident *incident;
};

struct gcs_import {
	char *text; /* the scenario, YAML */
	/* What was taken: cycles of one process, at most GCS_LOGGED_MAX and GCS_IMPORT_HOURS of them. */
	uint32_t n, of; /* cycles; of the longest part, or of what the margin leaves of it */
	uint32_t cut;	/* cycles that the margin left out */
	int64_t at_first_ns, at_last_ns; /* begins, in the log's time */
	uint32_t sights_out; /* figures outside of what was taken: told, and not compared */
	uint64_t number_first, number_last, line_first, line_last;
	uint32_t gaps; /* places where the numbers skip */
	uint64_t missing;
	uint32_t forced;
	uint32_t procs_first, procs_min, procs_max, procs; /* in the log; of the target */
	bool scanned, five_parts;			   /* forms of Go 1.18 and of 1.5 */
	int64_t span_ns;				   /* from the first begin to the last */
	double live_mib, goal_mib;			   /* largest */
	double alloc_mib, alloc_p90_mib;		   /* a second: mean, of nine tenths of the cycles */
	int64_t period_p10_ns, period_ns;		   /* of one tenth of the cycles; mean */
	/* GOGC, that of most cycles; -1: off. said: goals that tell it. */
	int gogc;
	uint32_t goals, explained, said, changes;
	bool reachable;	     /* goals are of what was live, not of what was marked: Go 1.5 */
	double memlimit_mib; /* 0: none seen */
	/* Scales, and what they make of it. */
	uint32_t time_scale_milli, heap_scale_milli;
	int64_t warmup_ns, run_ns; /* as it will run; run: all */
	uint32_t at_minimum;	   /* cycles whose goal is the minimum only after scaling */
	bool dense;		   /* a tenth of the cycles follows within GCS_IMPORT_PERIOD_NS */
};

#define GCS_IMPORT_HOURS     22		       /* a run is at most 24 h as written */
#define GCS_IMPORT_PERIOD_NS INT64_C(40000000) /* at least, between nine tenths of the cycles */
#define GCS_IMPORT_RUN_S     90.0	       /* at most, where that leaves the period */
#define GCS_IMPORT_RUN_MAX_S 180.0	       /* at most, whatever the period */
#define GCS_IMPORT_LIVE_MIB  192.0
#define GCS_IMPORT_LIVE_MAX_MIB 512.0 /* whatever the goals */
#define GCS_IMPORT_ALLOC_MIB 300.0 /* a second */
#define GCS_IMPORT_GOAL_LOW_MIB 64.0 /* the middle goal is not scaled below only for allocation */
#define GCS_IMPORT_GOAL_MIB  8.0 /* the middle goal is not scaled below: twice the minimum */

#define GCS_IMPORT_REPEATS 12u
/* A log of which only one cycle is known (a line in a ticket): the first cycle, GCS_IMPORT_REPEATS times, as if it were
 * typical. The time between two is the mean since the program began, what its time says by its number: an assumption, to be
 * told to whoever reads the result. ret is initialised in any case. 0; -ENOMEM; -E2BIG. */
int gcs_import_repeat(const struct gcs_gctrace_log *log, struct gcs_gctrace_log *ret, int64_t *ret_period_ns);
/* 0; -ENODATA: no two cycles of one process; -EDOM: none within the margin of the incident; -ERANGE: none within GCS_IMPORT_HOURS; -ENOMEM. */
int gcs_import(const struct gcs_gctrace_log *log, const struct gcs_import_options *opt,
	       struct gcs_import *ret);
void gcs_import_fini(struct gcs_import *im);
