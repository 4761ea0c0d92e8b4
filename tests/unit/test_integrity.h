/*
 * test_integrity.h: what a driver told of contents that contradict its model.
 */
#pragma once

#include "runtime/watch/telemetry.h"

/* Which kinds of contradiction were told: a bit each. Drains the records. */
static inline uint32_t integrity_kinds(struct mrt_telemetry *t)
{
	struct watch_record rec[64];
	uint32_t kinds = 0;
	size_t n;

	while ((n = watch_drain(t, rec, 64)) > 0)
		for (size_t i = 0; i < n; i++)
			if (rec[i].kind == WATCH_INTEGRITY)
				kinds |= 1u << rec[i].c;
	return kinds;
}
