/*
 * gctrace.h: the line that GODEBUG=gctrace=1 prints for a cycle, byte for byte in Go's format
 * (mgc.go, 1.19 to 1.26).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times in ns, heap figures in bytes. */
struct watch_gctrace {
	uint32_t cycle;
	int64_t since_start_ns; /* the runtime's start to the cycle's beginning */
	uint32_t cpu_percent;	/* of the whole run so far, idle marking left out */
	int64_t stw1_ns, mark_ns, stw2_ns;
	uint32_t stop_cpus; /* CPUs that a stop costs: min(procs, ncpu) */
	int64_t assist_ns, background_ns, idle_ns;
	uint64_t heap_start, heap_end, heap_marked, goal, stack_bytes, global_bytes;
	uint32_t procs;
	bool forced;
};

/* The line with its newline; returns its length (less than cap: 256 is always enough). */
size_t watch_gctrace_format(char *line, size_t cap, const struct watch_gctrace *t);
/* Go's fmtNSAsMS: 10 ms and more whole, below two significant digits and at most three decimals.
 * Returns the length. */
size_t watch_gctrace_ms(char *text, size_t cap, int64_t ns);
