/*
 * debug.h: what a program serves about itself, asked for while it runs: /debug/vars (expvar) every so often, profiles (net/http/pprof) at moments.
 *
 * One request at a time, each on a connection of its own that is closed behind it, without waiting anywhere. An answer that does not come (the program does not
 * listen yet, closes, is slow, answers with something else, or with too much) is counted by its kind; the first of each kind is told. Nothing of it is fatal.
 *
 * Each answer of /debug/vars costs the program one stop of the world (runtime.ReadMemStats), which is no stop of a cycle and is counted nowhere. Its handlers
 * and connections are the program's: system calls of theirs that the scenario names are asked about as all others.
 *
 * Profiles are saved as they come (gzip of a protobuf, `go tool pprof` reads it), as PREFIX.MOMENT.KIND.pb.gz, a new file; no collection is forced for it: a heap
 * profile is as of the last one or two cycles.
 */
#pragma once

#include "harness/guard/trace.h"
#include "workloads/load_http.h"

#include <poll.h>

#define GUARD_PROFILE_KINDS  6
#define GUARD_PROFILES_MAX   64 /* waiting */
#define GUARD_SAVED_MAX	    200 /* files; beyond it those of the end alone */
#define GUARD_MOMENT_BYTES  80
#define GUARD_VARS_BYTES_MAX ((size_t)1 << 20)
#define GUARD_PROFILE_BYTES_MAX ((uint64_t)64 << 20)
#define GUARD_ANSWER_NS	     INT64_C(5000000000) /* from asking to the last byte; beyond it is too slow */
#define GUARD_PATIENCE_NS    INT64_C(3000000000) /* a program that does not listen yet is told of after that */

/* Why an answer did not come, or was of no use. */
enum guard_miss {
	GUARD_MISS_REFUSED, /* nobody listens */
	GUARD_MISS_LOST,    /* closed in the middle, or no HTTP */
	GUARD_MISS_SLOW,
	GUARD_MISS_STATUS, /* another status than 200 */
	GUARD_MISS_ELSE,   /* 200, and something else */
	GUARD_MISS_LARGE,
	GUARD_MISS_OTHER, /* another program answers */
	GUARD_MISS_FILE,  /* it came and could not be saved */
	GUARD_MISSES
};

struct guard_profile {
	uint32_t kind;
	char moment[GUARD_MOMENT_BYTES];
};

struct guard_debug {
	/* Filled in by the caller. */
	const char *url; /* NULL: nothing is asked for */
	int64_t every_ns;
	const char *kinds;  /* "heap,goroutine"; NULL or "": no profiles */
	const char *prefix; /* of their files */
	struct guard_trace *trace;
	void (*say)(void *self, int level, const char *text);
	void *self;
	/* Its own. */
	struct http_server vars, profile[GUARD_PROFILE_KINDS];
	bool wants[GUARD_PROFILE_KINDS];
	struct http_client http;
	enum guard_asks { GUARD_ASKS_NOTHING, GUARD_ASKS_VARS, GUARD_ASKS_PROFILE } asks;
	bool runs, ending, answered; /* answered: by this program, once */
	int64_t begun_ns, asked_ns, next_ns;
	struct guard_profile queue[GUARD_PROFILES_MAX];
	size_t nqueue;
	char *text; /* of an answer of vars, GUARD_VARS_BYTES_MAX + 1 */
	size_t bytes;
	int file, file_error; /* that the profile goes to, -1: none; errno of a write */
	uint64_t file_bytes;
	enum guard_miss why; /* the body was given up */
	bool gave_up;
	char path[4400];
	uint64_t answers, profiles, missed[GUARD_MISSES], profiles_missed, sys_max;
	uint32_t gc_cpu_ppb; /* of the last answer */
	uint32_t told; /* a bit a kind of miss */
	bool told_several;
};

/* 0; -EINVAL: the address or a kind of profile is none; -ENOENT: there is no such host; -ENOMEM. */
int guard_debug_init(struct guard_debug *d);
void guard_debug_fini(struct guard_debug *d);
/* The program runs from now on (again), or runs no more: what is in flight is given up. */
void guard_debug_program(struct guard_debug *d, bool runs, int64_t now_ns);
/* All kinds of profiles, as soon as what waits has come; a moment too many is counted as missed. moment: goes into the names of files. */
void guard_debug_profile(struct guard_debug *d, const char *moment);
/* The run is over: one more answer of vars and the profiles of this moment, and nothing behind them. */
void guard_debug_end(struct guard_debug *d, const char *moment);
/* Nothing is in flight, nothing waits. */
bool guard_debug_idle(const struct guard_debug *d);
/* What poll waits for; -1 as descriptor: nothing. */
struct pollfd guard_debug_fd(const struct guard_debug *d);
/* After the wait, whatever it said: go on as far as it goes; wall_ns: CLOCK_REALTIME now. */
void guard_debug_step(struct guard_debug *d, bool ready, int64_t now_ns, int64_t wall_ns);
/* "refused", ...: for facts. */
const char *guard_miss_name(enum guard_miss miss);
