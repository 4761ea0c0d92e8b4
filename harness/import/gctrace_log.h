/*
 * gctrace_log.h: the cycles of a log with the lines of GODEBUG=gctrace=1, kept in their order, and
 * counts of everything else that the runtime has written there. What a line says: gctrace_line.h;
 * how lines come together: gctrace_reader.h, which is also what reads a log without keeping it.
 *
 * Kept are the cycles of Go 1.5 to 1.26. Those of Go 1.4 and older tell neither when they were nor
 * what the goal was, and those before the release of 1.5 no goal: they are read and counted.
 *
 * A log is one owner's, no locks.
 */
#pragma once

#include "harness/import/gctrace_reader.h"

#define GCS_GCTRACE_CYCLES_MAX (1u << 20)

/* A cycle and where it came from. */
struct gcs_gctrace_entry {
	struct gcs_gctrace_cycle cycle;
	uint64_t line;	 /* 1 is the first; of a cycle that was wrapped, where it begins */
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
	uint64_t entry_line; /* the last line of the last entry */
	struct gcs_gctrace_reader reader; /* reader.count: what was read */
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
