/*
 * gctrace_reader.h: the lines of the Go runtime (gctrace_line.h) out of a stream that comes piece
 * by piece, such as a log or the standard error of a process that runs. Its memory is constant: a
 * line and what may go on. Each find is told by a call as soon as its line has ended.
 *
 * A terminal or a mailer may have wrapped a line, at a blank or inside a word. So a line that
 * breaks off (GCS_GCTRACE_CUT) is kept; if the next ones go on so that the whole is well formed,
 * and do not begin with anything themselves, it is told as one that was wrapped, else as broken:
 * then a line or more later than it came. What may stand at a line's end or not, such as the ticks
 * of a SCHED line, is not looked for on the next.
 *
 * One owner, no locks.
 */
#pragma once

#include "harness/import/gctrace_line.h"

#define GCS_GCTRACE_LINE_BYTES_MAX (64u << 10) /* what follows on a longer line is passed over */
#define GCS_GCTRACE_WRAP_BYTES_MAX 2048u       /* of a line that was wrapped */
#define GCS_GCTRACE_WRAP_LINES_MAX 16u

/* What was found, or a line with nothing. */
struct gcs_gctrace_find {
	struct gcs_gctrace_line line;
	const char *text; /* its own; of OTHER the line. Not terminated, and gone after the call */
	size_t bytes;	  /* of text; line.from is 0, line.to this, and line.sched counts from it */
	uint64_t first_line; /* 1 is the first */
	uint64_t last_line;  /* more than first_line: wrapped */
	uint64_t offset;     /* of the first byte of the first line */
};

/* 0, or what gcs_gctrace_reader_feed shall return; what is fed is then to be no more. */
typedef int gcs_gctrace_found(void *arg, const struct gcs_gctrace_find *find);

/* What was read so far; what may still go on on the next line is not counted. */
struct gcs_gctrace_counts {
	uint64_t bytes, lines;
	uint64_t kind[GCS_GCTRACE_KINDS]; /* finds; OTHER: lines with nothing */
	uint64_t wrapped, wrapped_lines;  /* finds on more than one line, and their lines */
	struct {
		uint64_t count, first_line;
	} reason[GCS_GCTRACE_REASONS];
	uint64_t long_lines, nul_bytes;
};

struct gcs_gctrace_reader {
	struct gcs_gctrace_counts count;
	gcs_gctrace_found *found;
	void *arg;
	unsigned char head[4]; /* the first bytes: what kind of file it is */
	char *line;	       /* the one that is being read */
	size_t line_bytes;
	uint64_t line_offset;
	bool line_long;
	struct { /* what broke off, joined so far */
		char text[GCS_GCTRACE_WRAP_BYTES_MAX];
		size_t bytes; /* 0: nothing did */
		char before[64]; /* what stood before it: a quote may be there again */
		size_t before_bytes;
		struct gcs_gctrace_line line; /* as it was read alone */
		size_t alone;		      /* its bytes then */
		uint64_t first_line, offset;
		struct { /* lines that went on: each for itself, should it not become whole */
			size_t at, bytes; /* of text */
			uint64_t line, offset;
		} more[GCS_GCTRACE_WRAP_LINES_MAX];
		unsigned nmore;
	} open;
};

void gcs_gctrace_reader_init(struct gcs_gctrace_reader *r, gcs_gctrace_found *found, void *arg);
void gcs_gctrace_reader_fini(struct gcs_gctrace_reader *r);
/* The next piece, cut anywhere. 0; -ENOMEM; what `found` returned. */
int gcs_gctrace_reader_feed(struct gcs_gctrace_reader *r, const char *bytes, size_t n);
/* The end: a last line without newline is one too. The same. */
int gcs_gctrace_reader_finish(struct gcs_gctrace_reader *r);
/* For the owner: counts a whole cycle that was not taken. */
void gcs_gctrace_reader_skip(struct gcs_gctrace_reader *r, enum gcs_gctrace_reason why,
			     uint64_t line);
