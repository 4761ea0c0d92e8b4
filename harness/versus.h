/*
 * versus.h: two sides put beside each other, a record or several on each: what the screen of a comparison shows, and nothing else.
 *
 * Made by harness/compare/versus.h, which owns all that is pointed to; it does not change. Figures are those of recorded phases, as a report has
 * them. Times are ns from t0 of the run that is drawn.
 */
#pragma once

#include "harness/snapshot.h"

#define GCS_VERSUS_RUNS_MAX 256u /* of a side */

enum gcs_versus_side_id { GCS_VERSUS_A, GCS_VERSUS_B, GCS_VERSUS_SIDES };

/* What the ratios of the pairs say (measure/agreement.h). WORSE and BETTER: none of the interval lies within the band, and B is on that side of it;
 * DIFFERS: the same of a figure of which neither is. */
enum gcs_versus_verdict {
	GCS_VERSUS_UNKNOWN, /* too few pairs */
	GCS_VERSUS_SAME,
	GCS_VERSUS_OPEN,
	GCS_VERSUS_BETTER,
	GCS_VERSUS_WORSE,
	GCS_VERSUS_DIFFERS
};

struct gcs_versus_run {
	char name[64]; /* of its file, without .gcrun */
	char verdict[20];
	char why[160]; /* it does not count because of that; "" it does */
	uint64_t seed;
};

/* A figure of both sides, or what was judged: an SLO or an expectation, of which `shown` says in how many runs it held. */
struct gcs_versus_row {
	char metric[96]; /* as scenarios write it: op.latency.p99@maps; of a fault's occurrences the longest: recovery.time.max@oom */
	int unit;	 /* enum gcs_unit */
	bool check;
	double least; /* nothing is measured more finely: a value of this is "at most", and what is compared is never less; 0: none */
	struct {
		char shown[24];	     /* the median of the runs that count; of one that does not count alone, its figure; "-": none */
		char range[52];	     /* the median's own interval; "": fewer runs than an interval takes */
		bool failed;	     /* of a check: it did, in a run that counts */
		const double *value; /* of each run of the side; NAN: it has none; of a check 1: it held, 0: it failed */
	} side[GCS_VERSUS_SIDES];
	uint32_t pairs;		 /* in which both have it; of a check 0 */
	double ratio, low, high; /* B over A within a pair: the median, and its interval; NAN: of no pair */
	enum gcs_versus_verdict verdict;
	const char *word; /* of the verdict: "same", "open", "better", "WORSE", "differs", "-"; of a check "" */
};

struct gcs_versus_side {
	char name[64]; /* of its run, or how many they are: "6 runs of looked-at" */
	char about[96]; /* "embedded, 2P, seed 0x4d" */
	struct gcs_versus_run *run;
	uint32_t nruns, ncounted;
	uint32_t drawn; /* the run whose pauses are drawn: the first that counts, or the first */
	/* Of that one: what its record has of its pauses and faults, cell by cell (history->cell); NULL: it cannot be drawn. */
	const struct gcs_history *history;
	const struct gcs_scenario *scenario;
	int64_t end_ns;
};

struct gcs_versus {
	uint32_t serial; /* of all that this process made: another one is another comparison */
	struct gcs_versus_side side[GCS_VERSUS_SIDES];
	struct gcs_versus_row *row;
	uint32_t nrows;
	uint32_t pairs;	   /* runs that stand against each other */
	uint32_t unpaired; /* runs that count and have no partner */
	bool by_seed;	   /* partners have one seed; else they are in the order in which they began */
	bool sim;	   /* times are modelled: must be said */
	double band, confidence; /* the latter of the intervals: 0.96875 of six pairs; 0: there are none */
	char settings[200];	 /* what is otherwise on B, in its scenario: "gogc 100 -> 50"; "": nothing but the seed */
	char said[200];		 /* one sentence: what can be decided by it */
};
