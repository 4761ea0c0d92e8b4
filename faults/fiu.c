/*
 * fiu.c: libfiu underneath: each point in use is one of its points of failure, with our decision as
 * external callback.
 *
 * fiu_fail() knows a name only, so the visit is handed to the callback in a thread-local. The
 * callback runs under libfiu's lock: it takes a firing from the worker's share and does nothing
 * else; no yield, no wait, no allocation. The accessor of the thread-local is never inlined: a
 * coroutine that calls it may go on on another thread later, and a compiler would keep the address.
 *
 * When somebody disables the point in libfiu (fiu_disable, fiu-ctrl), nothing fires.
 */
#include "faults/fault_priv.h"

#include <errno.h>
#include <limits.h>

#ifndef FIU_ENABLE
#define FIU_ENABLE 1
#endif
#include <fiu.h>
#include <fiu-control.h>

static __thread struct fault_visit *fiu_visit_tls;

static __attribute__((noinline)) struct fault_visit **fiu_visit_slot(void)
{
	struct fault_visit **slot = &fiu_visit_tls;

	__asm__ volatile("" : "+r"(slot));
	return slot;
}

/* Take one firing of what this worker may do. */
static bool fiu_take_share(struct fault_worker *w)
{
	uint64_t taken = atomic_load_explicit(&w->taken, memory_order_relaxed);

	while ((uint32_t)taken < taken >> 32)
		if (atomic_compare_exchange_weak_explicit(&w->taken, &taken, taken + 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

static int fiu_callback(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
	struct fault_visit *visit = *fiu_visit_slot();

	(void)name;
	(void)failnum; /* libfiu's own memory, shared by all threads under its read lock: not ours
			  to write */
	(void)failinfo;
	(void)flags;
	return visit != NULL && (visit->once || fiu_take_share(visit->worker));
}

int fault_fiu_enable(const char *name)
{
	if (fiu_init(0) < 0)
		return -ENOMEM;
	return fiu_enable_external(name, 1, NULL, 0, fiu_callback) < 0 ? -ENOMEM : 0;
}

void fault_fiu_disable(const char *name)
{
	fiu_disable(name); /* fails only when it is disabled already */
}

bool fault_fiu_ask(struct fault_visit *visit)
{
	int failnum;

	*fiu_visit_slot() = visit;
	failnum = fiu_fail(visit->fault->name);
	*fiu_visit_slot() = NULL;
	return failnum != 0;
}
