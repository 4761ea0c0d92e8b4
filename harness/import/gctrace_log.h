/*
 * gctrace_log.h: reading logs with the lines of GODEBUG=gctrace=1.
 *
 * A cycle is one line, written by the Go runtime when the cycle is over (the numbers of Go 1.19):
 *
 *   gc 7 @1.234s 3%: 0.024+289+0.021 ms clock, 0.096+0.50/72/0+0.086 ms cpu, 100->110->55 MB,
 *   112 MB goal, 3 MB stacks, 0 MB globals, 4 P (forced)
 *
 * Read are the forms of Go 1.5 (five clock parts), 1.6 to 1.17 (three), 1.18 and later (stacks and
 * globals) and 1.26 (a remark after the percentage). Anything may stand before and after: times,
 * names of pods, JSON around it (there `>` may be written \u003e or &gt;). The line is the product
 * of print in a process that prints other things too, so it can be torn, cut and glued: what is not
 * whole is never guessed at, but named with a reason.
 *
 * Pure: no allocation and no state in gcs_gctrace_parse; a log is one owner's, no locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a line is. */
enum gcs_gctrace_kind {
	GCS_GCTRACE_OTHER,   /* nothing about GC */
	GCS_GCTRACE_CYCLE,   /* a cycle, whole */
	GCS_GCTRACE_RUNTIME, /* a line of the runtime's other traces: scavenger, scheduler, pacer */
	GCS_GCTRACE_BROKEN,  /* of a cycle, but not usable: see the reason */
};

/* Why a line (or, the last three, a whole cycle) was not taken. */
enum gcs_gctrace_reason {
	GCS_GCTRACE_WHOLE,	 /* none */
	GCS_GCTRACE_CUT,	 /* the line ends before the cycle does */
	GCS_GCTRACE_INTERRUPTED, /* something else stands in the middle of it */
	GCS_GCTRACE_REST,	 /* the end of a cycle whose beginning is not on this line */
	GCS_GCTRACE_OLD,	 /* Go 1.0 to 1.4: gc7(4): ... us */
	GCS_GCTRACE_NO_GOAL,	 /* Go 1.5 before its release: no heap goal */
	GCS_GCTRACE_RANGE,	 /* a number that no program reaches */
	GCS_GCTRACE_REPEATED,	 /* the same cycle as the one before */
	GCS_GCTRACE_FULL,	 /* past the number of cycles that are kept */
	GCS_GCTRACE_REASONS
};
/* "the line ends before the cycle does" */
const char *gcs_gctrace_reason_text(enum gcs_gctrace_reason r);

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
};

struct gcs_gctrace_line {
	enum gcs_gctrace_kind kind;
	enum gcs_gctrace_reason reason;	 /* WHOLE unless BROKEN */
	struct gcs_gctrace_cycle cycle;	 /* of a CYCLE */
	size_t from, to;		 /* of a CYCLE: its text is [from, to) of the line */
};

/* One line, its newline dropped or not; no terminating 0 is needed. A line that holds several
 * cycles (newlines lost on the way): the first whole one, and `to` says where to go on. Returns
 * ret->kind. */
enum gcs_gctrace_kind gcs_gctrace_parse(const char *text, size_t bytes,
					struct gcs_gctrace_line *ret);

/* ---- a log, read piece by piece */

#define GCS_GCTRACE_LINE_BYTES_MAX (64u << 10) /* what follows on a longer line is passed over */
#define GCS_GCTRACE_CYCLES_MAX	   (1u << 20)

/* A cycle and where it came from. */
struct gcs_gctrace_entry {
	struct gcs_gctrace_cycle cycle;
	uint64_t line;	 /* 1 is the first */
	uint64_t offset; /* of the line's first byte */
	size_t text;	 /* offset of its text (0-terminated, "gc 7 @..." to its end) in log->text */
};

/* A run of cycles of one process: a new part begins where the number or the time goes back. */
struct gcs_gctrace_part {
	uint32_t first, n; /* entries */
};

struct gcs_gctrace_log {
	struct gcs_gctrace_entry *entry;
	uint32_t n, cap;
	struct gcs_gctrace_part *part;
	uint32_t nparts, parts_cap;
	char *text;
	size_t text_bytes, text_cap;
	uint64_t bytes, lines, other, runtime, broken; /* lines of each kind; broken: not usable */
	struct {
		uint64_t count, first_line;
	} reason[GCS_GCTRACE_REASONS];
	uint64_t long_lines, nul_bytes;
	unsigned char head[4]; /* the first bytes: what kind of file it is */
	char *line;	       /* the one that is being read */
	size_t line_bytes;
	uint64_t line_offset;
	bool line_long;
};

void gcs_gctrace_log_init(struct gcs_gctrace_log *log);
void gcs_gctrace_log_fini(struct gcs_gctrace_log *log);
/* The next piece of the log, cut anywhere. 0; -ENOMEM (what was read before stays). */
int gcs_gctrace_log_feed(struct gcs_gctrace_log *log, const char *bytes, size_t n);
/* The end: a last line without newline is one too. 0; -ENOMEM. */
int gcs_gctrace_log_finish(struct gcs_gctrace_log *log);
/* Everything up to the end of fd. 0; -ENOMEM; -errno of the read. */
int gcs_gctrace_log_read(struct gcs_gctrace_log *log, int fd);
/* The part with the most cycles, the first of equals; n == 0: there is none. */
struct gcs_gctrace_part gcs_gctrace_log_longest(const struct gcs_gctrace_log *log);
