/*
 * gctrace_line.h: what a line says, of those that the Go runtime writes to standard error with
 * GODEBUG=gctrace=1 (or 2), gcpacertrace=1, scavtrace=1 and schedtrace=MS; Go 1.0 to 1.26.
 *
 * Anything may stand before and after: times, names of pods, JSON around it (there `>` may be
 * written \u003e or &gt;). The line is the product of print in a process that prints other things
 * too, so it can be torn, cut and glued: what is not whole is never guessed at, but named with a
 * reason. A number that ends a line without a word after it may have been cut or grown by what
 * follows; that cannot be seen, and concerns nothing but the last figure of P lines and of
 * SCHED lines with detail.
 *
 * Pure: no allocation and no state; any thread.
 */
#pragma once

#include "harness/import/cycle_line.h"
#include "harness/import/old_line.h"
#include "harness/import/pacer_line.h"
#include "harness/import/scan_line.h"
#include "harness/import/scav_line.h"
#include "harness/import/sched_line.h"

/* What a line is. */
enum gcs_gctrace_kind {
	GCS_GCTRACE_OTHER,   /* nothing of the runtime's traces */
	GCS_GCTRACE_CYCLE,   /* a cycle, whole */
	GCS_GCTRACE_NO_GOAL, /* the same of a Go 1.5 before its release, without a goal */
	GCS_GCTRACE_OLD,     /* a cycle of Go 1.0 to 1.4: no time, no goal */
	GCS_GCTRACE_FORCED,  /* `GC forced`: no GC for two minutes; since Go 1.4 */
	GCS_GCTRACE_SCAN,    /* objects scanned (gctrace=2) */
	GCS_GCTRACE_SCAV,    /* the scavenger's */
	GCS_GCTRACE_SCHED,   /* the scheduler's */
	GCS_GCTRACE_PACER,   /* the pacer's */
	GCS_GCTRACE_BROKEN,  /* of one of these, but not whole: see the reason */
	GCS_GCTRACE_KINDS
};
/* What follows a number of lines: "cycles", "of the scavenger"; a word for JSON: "scavenger". */
const char *gcs_gctrace_kind_text(enum gcs_gctrace_kind k);
const char *gcs_gctrace_kind_name(enum gcs_gctrace_kind k);

/* Why a line (or, the last four, a whole cycle) was not taken. */
enum gcs_gctrace_reason {
	GCS_GCTRACE_WHOLE,	 /* none */
	GCS_GCTRACE_CUT,	 /* the line ends before it does */
	GCS_GCTRACE_INTERRUPTED, /* something else stands in the middle of it */
	GCS_GCTRACE_REST,	 /* the end of a cycle whose beginning is not on this line */
	GCS_GCTRACE_RANGE,	 /* a number that no program reaches */
	GCS_GCTRACE_TOO_OLD,	 /* Go 1.0 to 1.4 */
	GCS_GCTRACE_GOALLESS,	 /* Go 1.5 before its release: no heap goal */
	GCS_GCTRACE_REPEATED,	 /* the same cycle as the one before */
	GCS_GCTRACE_FULL,	 /* past the number of cycles that are kept */
	GCS_GCTRACE_REASONS
};
/* "the line ends before it does" */
const char *gcs_gctrace_reason_text(enum gcs_gctrace_reason r);

struct gcs_gctrace_line {
	enum gcs_gctrace_kind kind;
	/* BROKEN: why. Else WHOLE, or why something before `from` on the line is broken. */
	enum gcs_gctrace_reason reason;
	enum gcs_gctrace_kind meant; /* what that was to be; OTHER for the REST of a cycle */
	/* Its text is [from, to) of the line; a BROKEN one's goes to the line's end. */
	size_t from, to;
	union {
		struct gcs_gctrace_cycle cycle; /* CYCLE, NO_GOAL */
		struct gcs_gctrace_old old;
		struct gcs_scan_line scan;
		struct gcs_scav_line scav;
		struct gcs_sched_line sched; /* its offsets are the line's */
		struct gcs_pacer_line pacer;
	};
};

/* One line, its newline dropped or not; no terminating 0 is needed. A line that holds several
 * (newlines lost on the way): the first whole one, and `to` says where to go on. Returns
 * ret->kind. */
enum gcs_gctrace_kind gcs_gctrace_parse(const char *text, size_t bytes,
					struct gcs_gctrace_line *ret);
/* The same, only of what begins with the text: whole, BROKEN, or OTHER where nothing does. */
enum gcs_gctrace_kind gcs_gctrace_parse_start(const char *text, size_t bytes,
					      struct gcs_gctrace_line *ret);
