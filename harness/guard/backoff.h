/*
 * backoff.h: how long a program that died waits for being started again.
 *
 * The first time not at all; each further time twice as long as the time before, from GUARD_BACKOFF_NS to GUARD_BACKOFF_MAX_NS. One that had run for
 * GUARD_BACKOFF_WELL_NS before it died had come back: then it is as the first time.
 */
#pragma once

#include <stdint.h>

#define GUARD_BACKOFF_NS      INT64_C(100000000)
#define GUARD_BACKOFF_MAX_NS  INT64_C(5000000000)
#define GUARD_BACKOFF_WELL_NS INT64_C(10000000000)

/* One death: it had run for ran_ns. row: deaths in a row before it, 0 at the beginning; the callee's. */
static inline int64_t guard_backoff_ns(uint32_t *row, int64_t ran_ns)
{
	int64_t wait = GUARD_BACKOFF_NS;
	if (ran_ns >= GUARD_BACKOFF_WELL_NS)
		*row = 0;
	if ((*row)++ == 0)
		return 0;
	for (uint32_t i = 2; i < *row && wait < GUARD_BACKOFF_MAX_NS; i++)
		wait *= 2;
	return wait < GUARD_BACKOFF_MAX_NS ? wait : GUARD_BACKOFF_MAX_NS;
}
