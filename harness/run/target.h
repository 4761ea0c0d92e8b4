/*
 * target.h: the process under test, as seen from outside: made, spoken to, listened to, ended.
 *
 * Two processes at most: the target, and the load process when the scenario has connections and
 * time is real. Both stand in a process group of their own, so that an interrupt at the terminal
 * reaches only the harness. A harness that dies leaves closed sockets: the target ends by that, the
 * load process by its parent-death signal as well. A harness that is stopped leaves a lease that
 * runs out (lease.h): both end.
 */
#pragma once

#include "harness/scenario.h"
#include "runtime/watch/telemetry.h"

#include <poll.h>

#define GCS_TARGET_FDS 4
#define GCS_LAST_WORDS 64

/* What the target says. All are called from gcs_target_poll and gcs_target_reap, on the caller's
 * thread. */
struct gcs_target_sink {
	void *self;
	void (*ready)(void *self, int pid);
	void (*refused)(void *self, const char *text);
	void (*started)(void *self, int64_t t0_abs_ns);
	void (*done)(void *self, const char *hash, uint64_t checked, uint64_t errors);
	/* Before `done`, when the scenario asked for it (count_live). NULL: not wanted. */
	void (*live)(void *self, uint64_t bytes, uint64_t objects);
	/* Before `done`, when the scenario has a heap_profile_rate: the profile is in its file, or (-errno) it could not be made.
	 * NULL: not wanted. */
	void (*heap_profile)(void *self, int e);
	/* The same of the execution trace, when a fault has `trace`. */
	void (*trace)(void *self, int e);
	/* Before `done`, when a sweep asked for it: of each call stack that the fault's visits came from the first visit, rising. NULL: not
	 * wanted. */
	void (*stacks)(void *self, const uint64_t *first, size_t n);
	/* Somebody spoke to its FIFOs (source "fiu-ctrl"), or it could not carry out an order ("target"); fault -1: it is about none. */
	void (*operator)(void *self, const char *source, const char *act, int fault,
			 const char *text);
	void (*gctrace)(void *self, const char *line);
	/* A program under exec has ended in mid-run, with this wait status; text: what it died of by its own words, NULL: it did not say. again: it
	 * is started once more, for the restarts-th time. NULL: not wanted. */
	void (*died)(void *self, int wait_status, const char *text, bool again, uint32_t restarts);
	void (*restarted)(void *self, int pid);
	/* It has ended when it was told to, at the end of the run. */
	void (*ended)(void *self, int wait_status);
	/* Its control group was kept from its processors, so often and so long, from the start to the end of the run. */
	void (*throttled)(void *self, uint64_t times, int64_t ns);
	/* The guard says something of its program: news (level 0) or a warning (1); a figure for the report, key "program.…". NULL: not wanted. */
	void (*note)(void *self, int level, const char *text);
	void (*fact)(void *self, const char *key, uint64_t value);
	void (*exited)(void *self, int wait_status);
	void (*load_exited)(void *self, int wait_status);
};

struct gcs_target;

/* Shared memory and nothing else yet. 0; -errno with *ret_text. */
int gcs_target_create(struct gcs_target **ret, const struct gcs_scenario *s, bool sim,
		      const struct gcs_target_sink *sink, char **ret_text);
struct mrt_telemetry *gcs_target_telemetry(struct gcs_target *t);
/* Before it is spawned: it makes PREFIX-PID.in and PREFIX-PID.out for fiu-ctrl. Not when simulated.
 * The prefix is copied. */
void gcs_target_set_fifo(struct gcs_target *t, const char *prefix);
/* Before it is spawned: the file, empty and open for writing, that the heap profile goes to if the scenario has a
 * heap_profile_rate; without this it is made and dropped. The descriptor stays the caller's, who keeps it open until then. */
void gcs_target_set_heap_profile(struct gcs_target *t, int fd);
/* The same for the execution trace, if a fault has `trace`. */
void gcs_target_set_trace(struct gcs_target *t, int fd);
/* Before it is spawned: a program under exec writes its stdout to PREFIX.out and its stderr to PREFIX.err, new files. Copied. */
void gcs_target_set_output(struct gcs_target *t, const char *prefix);
/* Start the processes and send the load line. 0; -errno with *ret_text. */
int gcs_target_spawn(struct gcs_target *t, char **ret_text);

/* Descriptors to wait on, and what to do when some are ready. Returns their number. */
int gcs_target_fds(const struct gcs_target *t, struct pollfd fds[GCS_TARGET_FDS]);
void gcs_target_poll(struct gcs_target *t);
/* After SIGCHLD. */
void gcs_target_reap(struct gcs_target *t);

/* {"cmd":CMD} or, fault >= 0, {"cmd":CMD,"fault":F}. 0; -EPIPE when it is gone, -EAGAIN when it
 * does not listen. */
int gcs_target_say(struct gcs_target *t, const char *cmd, int fault);
/* The numbers of fault `index` of s, which is the target's scenario but for an edit, from now on; who decides on the fault's visits is told.
 * The same; or -errno as of gcs_fault_edit. */
int gcs_target_edit(struct gcs_target *t, const struct gcs_scenario *s, uint32_t index);
/* The rate of a workload from now on; the clients are told, if it has any. As gcs_target_say. */
int gcs_target_rate(struct gcs_target *t, uint32_t workload, uint64_t rate);
bool gcs_target_alive(const struct gcs_target *t);
/* How long the harness has stood still, at the longest, since the target was started, and when that
 * began (CLOCK_MONOTONIC); 0: it holds no lease. Any moment between spawn and destroy. */
int64_t gcs_target_lease_gap(struct gcs_target *t, int64_t *ret_from_ns);
/* Signal to the whole group. */
void gcs_target_kill(struct gcs_target *t, int sig);
/* The last lines it wrote that were no gctrace, oldest first. */
size_t gcs_target_last_words(const struct gcs_target *t, const char *ret[GCS_LAST_WORDS]);
/* Kills what is left, takes all down. */
void gcs_target_destroy(struct gcs_target *t);
