/*
 * gctrace.c: one line a cycle, as Go prints it.
 */
#include "runtime/watch/gctrace.h"

#include <stdio.h>

/* value / 10^decimals, exactly, with that many decimals. */
static size_t gctrace_decimal(char *text, size_t cap, uint64_t value, uint32_t decimals)
{
	uint64_t scale = 1;
	int n;

	for (uint32_t i = 0; i < decimals; i++)
		scale *= 10;
	if (decimals == 0)
		n = snprintf(text, cap, "%llu", (unsigned long long)value);
	else
		n = snprintf(text, cap, "%llu.%0*llu", (unsigned long long)(value / scale),
			     (int)decimals, (unsigned long long)(value % scale));
	return n > 0 ? (size_t)n : 0;
}

size_t watch_gctrace_ms(char *text, size_t cap, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	uint32_t decimals = 3;

	if (us >= 10000)
		return gctrace_decimal(text, cap, us / 1000, 0);
	if (us == 0)
		return gctrace_decimal(text, cap, 0, 0);
	while (us >= 100) {
		us /= 10;
		decimals--;
	}
	return gctrace_decimal(text, cap, us, decimals);
}

static unsigned long long gctrace_mb(uint64_t bytes)
{
	return (unsigned long long)(bytes >> 20);
}

size_t watch_gctrace_format(char *line, size_t cap, const struct watch_gctrace *t)
{
	int64_t ns[8] = {
		t->stw1_ns,   t->mark_ns,	t->stw2_ns, t->stw1_ns * (int64_t)t->stop_cpus,
		t->assist_ns, t->background_ns, t->idle_ns, t->stw2_ns * (int64_t)t->stop_cpus,
	};
	char ms[8][24], at[24];
	int n;

	for (int i = 0; i < 8; i++)
		watch_gctrace_ms(ms[i], sizeof(ms[i]), ns[i]);
	gctrace_decimal(at, sizeof(at),
			(uint64_t)(t->since_start_ns > 0 ? t->since_start_ns : 0) / 1000000, 3);
	n = snprintf(
		line, cap,
		"gc %u @%ss %u%%: %s+%s+%s ms clock, %s+%s/%s/%s+%s ms cpu, %llu->%llu->%llu MB, "
		"%llu MB goal, %llu MB stacks, %llu MB globals, %u P%s\n",
		t->cycle, at, t->cpu_percent, ms[0], ms[1], ms[2], ms[3], ms[4], ms[5], ms[6],
		ms[7], gctrace_mb(t->heap_start), gctrace_mb(t->heap_end),
		gctrace_mb(t->heap_marked), gctrace_mb(t->goal), gctrace_mb(t->stack_bytes),
		gctrace_mb(t->global_bytes), t->procs, t->forced ? " (forced)" : "");
	return n > 0 ? ((size_t)n < cap ? (size_t)n : cap - 1) : 0;
}
