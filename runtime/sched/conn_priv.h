/*
 * conn_priv.h: a connection as the poller sees it.
 *
 * A slot says who waits for one direction: nobody; nobody, but something has been seen (READY); a
 * goroutine on its way to park (WAIT); a parked goroutine (its address).
 */
#pragma once

#include "runtime/sched/sched.h"

#define CONN_NONE  ((uintptr_t)0)
#define CONN_READY ((uintptr_t)1)
#define CONN_WAIT  ((uintptr_t)2)

#define CONN_CLOSED UINT32_C(0x80000000)

struct mrt_conn {
	prim_conn *prim;
	_Atomic uintptr_t reader, writer; /* slots */
	_Atomic uint32_t
		users; /* operations under way, and one for being open; CONN_CLOSED: no new ones */
	int64_t wake_lag_ns;
	struct mrt_conn *all_next;
};

/* The slot is ready (seen) or, for a close, not to be waited for any more. The goroutine that was
 * parked on it, or NULL. */
struct sched_g *sched_conn_unblock(_Atomic uintptr_t *slot, bool ready);
void sched_netpoll_waiter(int n);
