/*
 * scavtrace.c: what the scavenger did since the last cycle, as Go prints it.
 */
#include "runtime/watch/scavtrace.h"

#include <inttypes.h>
#include <stdio.h>

size_t watch_scav_format(char *line, size_t cap, const struct watch_scav *t)
{
	/* Nothing is retained before the first span. Go would divide by 0. */
	uint64_t util = t->retained != 0 ? t->inuse * 100 / t->retained : 0;
	int n = snprintf(line, cap,
			 "scav %" PRIu64 " KiB work, %" PRIu64 " KiB total, %" PRIu64 "%% util%s\n",
			 t->work >> 10, t->released >> 10, util, t->forced ? " (forced)" : "");

	return n > 0 ? ((size_t)n < cap ? (size_t)n : cap - 1) : 0;
}
