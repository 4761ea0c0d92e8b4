/*
 * vars.h: what /debug/vars of a Go program says of its memory (package expvar: the variable `memstats`, a runtime.MemStats).
 *
 * Sizes are bytes, as precise as JSON's numbers are read here (a double: exact up to 2^53). Of the pauses MemStats has the last 256, one a cycle: all the time
 * for which that cycle stopped the world, both stops together (runtime/mgc.go: work.pauseNS), to the nanosecond.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_VARS_PAUSES 256

struct guard_vars {
	uint64_t heap_alloc; /* objects, dead ones that are not swept yet too */
	uint64_t heap_inuse, heap_sys, sys;
	uint64_t goal; /* NextGC; 0: no goal (GOGC=off) */
	uint64_t cycles, forced;
	uint64_t pause_total_ns;
	uint32_t gc_cpu_ppb; /* of the processors since the program's start, up to the end of the last cycle */
	int64_t last_gc_wall_ns; /* CLOCK_REALTIME; 0: none yet */
	bool has_pauses;
	uint64_t pause_ns[GUARD_VARS_PAUSES]; /* of cycle n (counted from 1) at (n + 255) % 256 */
	int64_t end_wall_ns[GUARD_VARS_PAUSES]; /* when it ended, CLOCK_REALTIME to 256 ns */
};

/* 0; -EPROTO with *ret_why (static): no JSON, or not a Go program's. Any bytes may come; what is there and no number from 0 on counts as missing. */
int guard_vars_parse(struct guard_vars *ret, const char *text, size_t bytes, const char **ret_why);
