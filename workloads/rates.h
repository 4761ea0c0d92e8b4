/*
 * rates.h: how the rate of a workload has changed since the run began: an operator's doing.
 *
 * Who is told of a change writes it down; those who work look there before each operation (pace.h).
 * A list that only grows: what fell due before a change stays due at the rate that held then,
 * however late its worker is.
 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RATES_MAX 256u /* changes of a workload */

struct rates_change {
	int64_t from_ns; /* absolute; never falling */
	uint64_t rate;	 /* operations a second over all workers, not 0 */
};

struct rates {
	_Atomic uint32_t n;
	struct rates_change change[RATES_MAX];
};

/* One thread. 0; -E2BIG. */
static inline int rates_add(struct rates *r, int64_t from_ns, uint64_t rate)
{
	uint32_t n = atomic_load_explicit(&r->n, memory_order_relaxed);

	if (n == RATES_MAX)
		return -E2BIG;
	r->change[n] = (struct rates_change){from_ns, rate};
	/* Release: pairs with the acquire of rates_at. */
	atomic_store_explicit(&r->n, n + 1, memory_order_release);
	return 0;
}

/* Change i, from 0; NULL: there is none (yet). Any thread; r may be NULL. */
static inline const struct rates_change *rates_at(const struct rates *r, uint32_t i)
{
	if (r == NULL || i >= atomic_load_explicit(&r->n, memory_order_acquire))
		return NULL;
	return &r->change[i];
}
