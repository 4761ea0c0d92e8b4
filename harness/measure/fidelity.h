/*
 * fidelity.h: how well a run reproduced the cycles of a production log.
 *
 * Pure functions over two arrays of cycles in the order of time: the logged ones, already scaled to
 * the run (when and how large they were to be), and the reproduced ones. A score is 0 to 1:
 *
 *   count   smaller / larger number of cycles begun in the window. Every surplus or missing cycle
 *           weighs alike, whichever side has it.
 *   period  from one start to the next: the mean ratio of the nine deciles. The fifth is the
 *           median and says how often; all of them, whether the rhythm is the same (even, in
 *           bursts, slowing down). The median alone would leap where periods come in two sizes.
 *   live    heap marked by a cycle. At each logged cycle the ratio to the reproduced curve at that
 *           time (straight between its cycles); the mean over the logged cycles. A curve, not a
 *           pairing: a cycle that comes a little early is the period's business.
 *   goal    likewise; without those that are none: GOGC off, and the heap as it was, which Go up to
 *           1.8 prints for a forced cycle.
 *
 * The overall score is the smallest of them: a reproduction is as good as what it is worst at.
 *
 * Sizes in a log are whole MiB rounded down, and times whole milliseconds: what lies within that
 * grain (scaled too) agrees. The window is from half the first period before the first logged cycle to
 * half the last one behind the last, cut at the run's end; logged cycles behind the end are left out.
 *
 * Shown but not scored, being another machine's: when a cycle begins on the way to its goal, and the
 * three parts of the clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gcs_fidelity_cycle {
	uint64_t number;
	int64_t at_ns; /* its start, from t0 of the run */
	bool forced;
	uint64_t heap_start, heap_end, heap_marked, goal; /* bytes */
	int64_t stop_first_ns, mark_ns, stop_second_ns;	  /* not scaled */
	uint32_t procs;
};

enum gcs_fidelity_what {
	GCS_FIDELITY_COUNT,  /* cycles */
	GCS_FIDELITY_PERIOD, /* ns: the median */
	GCS_FIDELITY_LIVE,   /* bytes: the mean at the logged cycles */
	GCS_FIDELITY_GOAL,   /* likewise */
	GCS_FIDELITY_SCORED,
	GCS_FIDELITY_TRIGGER = GCS_FIDELITY_SCORED, /* 0..1 of the way from marked to goal; median */
	GCS_FIDELITY_STOP_FIRST,		    /* ns: medians */
	GCS_FIDELITY_MARK,
	GCS_FIDELITY_STOP_SECOND,
	GCS_FIDELITY_WHATS
};
extern const char *const gcs_fidelity_name[GCS_FIDELITY_WHATS];

#define GCS_FIDELITY_GOOD 0.8 /* below it, reasons are looked for */

/* What else is known of the run; only notes depend on it. */
struct gcs_fidelity_facts {
	int64_t stall_ns; /* the machine stood still, in all */
	int64_t late_ns;  /* a worker was behind the curve, at worst */
	uint64_t goal_min; /* the runtime's own floor of a goal */
	double heap_scale, time_scale;
	uint32_t procs;
	bool others; /* the run has other workloads and faults besides the log's curve */
};

struct gcs_fidelity_options {
	const struct gcs_fidelity_cycle *logged, *reproduced;
	size_t nlogged, nreproduced;
	uint64_t grain_bytes; /* of a logged size: it lies in [x, x + grain) */
	int64_t grain_ns;     /* of a logged start */
	int64_t end_ns;	      /* the run was over */
	struct gcs_fidelity_facts facts;
};

struct gcs_fidelity_score {
	bool has, scored; /* has: there is something to compare */
	double logged, reproduced, score;
	char note[240]; /* why it is below GCS_FIDELITY_GOOD, as far as that can be told; or "" */
};

struct gcs_fidelity {
	struct gcs_fidelity_score of[GCS_FIDELITY_WHATS];
	bool has;	/* something was scored */
	double overall; /* the smallest score */
	int64_t from_ns, to_ns;
	size_t nlogged, nreproduced; /* in the window */
	char note[240];		     /* about all of it, or "" */
};

/* 0; -ENOMEM. */
int gcs_fidelity_compare(struct gcs_fidelity *ret, const struct gcs_fidelity_options *opt);

/* One line of the table: a logged and a reproduced cycle that are each other's nearest in time, or one
 * alone. */
struct gcs_fidelity_pair {
	const struct gcs_fidelity_cycle *logged, *reproduced; /* NULL: none */
	double off; /* the largest relative difference in heap at start, marked and goal; 0 if alone */
};
/* In the order of time, every cycle once; ret has room for n + m. Returns how many. */
size_t gcs_fidelity_pairs(const struct gcs_fidelity_cycle *logged, size_t n,
			  const struct gcs_fidelity_cycle *reproduced, size_t m,
			  struct gcs_fidelity_pair *ret);
