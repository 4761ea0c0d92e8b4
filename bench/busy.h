/*
 * busy.h: what the screens are measured with: a snapshot in which everything moves, and a run that is fed with telemetry.
 */
#pragma once

#include "harness/display.h"
#include "harness/measure/history.h"

#define BUSY_FRAME_NS 100000000 /* ten a second */

int64_t busy_clock_ns(void);
/* CPU time of the calling thread. */
int64_t busy_cpu_ns(void);

/* ---- busy_snapshot.c: three workloads, three faults, a history as full as it gets: an hour. The snapshot's and the history's own. */
struct gcs_snapshot *busy_snapshot(void);
/* What another tenth of a second changes: every figure, every column of the strip, 64 more pauses. */
void busy_move(struct gcs_snapshot *s, int frame);

/* ---- busy_feed.c: a collector whose rings another process fills with 100,000 records a second, spread over two Ps, in their real time. */
#define FEED_RATE   100000
#define FEED_FRAMES 100 /* measured, after FEED_SETTLE in which keys arrive and memory grows */
#define FEED_SETTLE 20

struct feed_result {
	int64_t draw_ns, collect_ns; /* CPU of this thread, in the frames that are measured */
	int64_t else_ns;             /* of the process's other threads: the record's */
	int64_t wall_ns, draw_max_ns;
	uint64_t written, lost;      /* records, of the whole run; nobody has read `unread` */
	uint64_t unread;
	uint64_t stops_told, stops;  /* stops of the world that were written, and that the collector counted */
	uint64_t rss_max_kib;        /* of the process, before the run is concluded */
};
/* display NULL: without one. Runs FEED_SETTLE + FEED_FRAMES tenths of a second. 0, -errno, with a text on stderr. */
int busy_feed(const struct gcs_display *display, struct feed_result *ret);
