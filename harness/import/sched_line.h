/*
 * sched_line.h: the scheduler's lines, GODEBUG=schedtrace=MS, and with scheddetail=1 a line a P, M
 * and G after each:
 *
 *   SCHED 1009ms: gomaxprocs=4 idleprocs=0 threads=5 spinningthreads=0 needspinning=0
 *   idlethreads=1 runqueue=0 [ 4 4 0 0 ] schedticks=[ 7 9 3 3 ]
 *   SCHED 0ms: ... runqueue=0 gcwaiting=false nmidlelocked=0 stopwait=0 sysmonwait=false
 *     P0: status=1 schedtick=7 syscalltick=2 m=0 runqsize=4 gfreecnt=0 timerslen=0
 *     M0: p=0 curg=1 mallocing=0 throwing=0 preemptoff= locks=0 dying=0 spinning=false
 *     blocked=false lockedg=nil
 *     G1: status=4(chan receive) m=nil lockedm=nil
 *
 * Go 1.1 prints neither spinning nor needed threads, 1.19 no needed, only 1.26 the ticks, and
 * before it `[4 4 0 0]`. What is none is -1 or nil, and what is yes or no is 1 and 0 or true and
 * false. Source of the rule: schedtrace in Go's proc.go (proc.c).
 */
#pragma once

#include "harness/import/line_cursor.h"

enum gcs_sched_form { GCS_SCHED_SUMMARY, GCS_SCHED_P, GCS_SCHED_M, GCS_SCHED_G };

/* A list of numbers in the line, of any length: a number a P. */
struct gcs_sched_list {
	size_t at; /* its first number, from the line's begin */
	uint32_t n;
	uint32_t max; /* 0 without any */
	uint64_t sum;
};

struct gcs_sched_line {
	enum gcs_sched_form form;
	/* SUMMARY: of one moment, but read without stopping anything. */
	int64_t at_ns; /* since the first such line; to 1 ms */
	uint32_t gomaxprocs, idleprocs, threads, idlethreads, runqueue;
	int32_t spinningthreads; /* -1: not printed (with detail, nmspinning of old) */
	int32_t needspinning;	 /* -1: not printed (before Go 1.20) */
	struct gcs_sched_list queues; /* local run queues; n == 0 with detail, and P lines follow */
	struct gcs_sched_list ticks;  /* times each P scheduled; n == 0: not printed */
	bool detail;
	bool gcwaiting, sysmonwait; /* with detail */
	uint32_t nmidlelocked;
	int32_t stopwait;
	/* P, M and G: numbers of each other; -1: none. */
	int64_t id, p, m, g, locked; /* P: m. M: p, curg, lockedg. G: m, lockedm */
	uint32_t status;	     /* P, G: a number of Go's runtime2.go */
	uint64_t schedtick, syscalltick; /* P */
	uint32_t runqsize;		 /* P */
	int64_t gfreecnt, timers;	 /* P; timers -1: not printed (before Go 1.14) */
	int64_t locks;			 /* M */
	bool mallocing, dying, spinning, blocked; /* M */
	size_t reason_from, reason_to; /* G: why it waits, [from, to) of the line; may be empty */
};

/* The line at the cursor. *meant: `SCHED 7ms:`, or its P, M or G with a first word. text is the
 * line's begin, from which offsets are counted. */
bool gcs_sched_line(struct line_cursor *c, const char *text, bool *meant,
		    struct gcs_sched_line *ret);
/* The list's next number. *at is the list's `at` at first; n says how often there is one. */
uint32_t gcs_sched_next(const char *text, size_t *at);
