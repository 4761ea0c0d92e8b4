/*
 * rank.c: the lock order, kept per thread in debug builds.
 *
 * A lock may be taken only when every ranked lock held is of a lower rank.
 * Two ranks have many locks of which a thread may hold several: TIMERS (one
 * a P) and CENTRAL (one a span class); those rise by address.  ANY stands
 * outside the order: a leaf, under which nothing ranked is taken.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

static const char *const rank_names[PRIM_RANK_COUNT] = {
	[PRIM_RANK_ANY] = "ANY",	 [PRIM_RANK_GC_START] = "GC_START",
	[PRIM_RANK_STW] = "STW",	 [PRIM_RANK_SCHED] = "SCHED",
	[PRIM_RANK_NETPOLL] = "NETPOLL", [PRIM_RANK_POLLDESC] = "POLLDESC",
	[PRIM_RANK_TIMERS] = "TIMERS",	 [PRIM_RANK_ALLG] = "ALLG",
	[PRIM_RANK_ASSIST] = "ASSIST",	 [PRIM_RANK_SWEEP] = "SWEEP",
	[PRIM_RANK_WORKBUF] = "WORKBUF", [PRIM_RANK_CENTRAL] = "CENTRAL",
	[PRIM_RANK_HEAP] = "HEAP",	 [PRIM_RANK_META] = "META",
	[PRIM_RANK_WATCH] = "WATCH",	 [PRIM_RANK_FAULTS] = "FAULTS",
};

const char *prim_rank_name(uint32_t rank)
{
	return rank < PRIM_RANK_COUNT ? rank_names[rank] : "?";
}

static bool rank_allows(const prim_mutex *held, const prim_mutex *m)
{
	if (held == m)
		return false;
	if (m->rank == PRIM_RANK_ANY)
		return true;
	if (held->rank == PRIM_RANK_ANY)
		return false;
	if (held->rank != m->rank)
		return held->rank < m->rank;
	if (m->rank != PRIM_RANK_TIMERS && m->rank != PRIM_RANK_CENTRAL)
		return false;
	return (uintptr_t)held < (uintptr_t)m;
}

void prim_rank_check(const struct prim_held *held, const prim_mutex *m)
{
	for (uint32_t i = 0; i < held->count; i++) {
		if (!rank_allows(held->locks[i], m))
			prim_dief("prim: lock order broken: taking %s (%p) while holding %s (%p)",
				  prim_rank_name(m->rank), (const void *)m,
				  prim_rank_name(held->locks[i]->rank),
				  (const void *)held->locks[i]);
	}
}

void prim_rank_push(struct prim_held *held, const prim_mutex *m)
{
	if (held->count == PRIM_HELD_MAX)
		prim_dief("prim: %d locks held, taking %s", PRIM_HELD_MAX, prim_rank_name(m->rank));
	held->locks[held->count++] = m;
}

void prim_rank_pop(struct prim_held *held, const prim_mutex *m)
{
	uint32_t i = held->count;

	while (i > 0 && held->locks[i - 1] != m)
		i--;
	if (i == 0)
		prim_dief("prim: unlock of %s (%p) by a thread that does not hold it",
			  prim_rank_name(m->rank), (const void *)m);
	for (; i < held->count; i++)
		held->locks[i - 1] = held->locks[i];
	held->count--;
}
