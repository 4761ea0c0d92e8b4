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

#define CONN_READER 1u
#define CONN_WRITER 2u

struct mrt_conn {
	prim_conn *prim;
	_Atomic uintptr_t reader, writer; /* slots */
	_Atomic uint32_t
		users; /* operations under way, and one for being open; CONN_CLOSED: no new ones */
	int64_t wake_lag_ns;
	struct mrt_conn *all_next;
	/* Under the poller's lock: wakes that a fault dropped. */
	uint8_t lost;	  /* CONN_READER, CONN_WRITER: who waits on although it was ready */
	uint8_t rearmed;  /* of these, the back-stop has asked for a new edge */
	bool lost_listed; /* in the back-stop's list, or in its hands */
	struct mrt_conn *lost_next;
	/* Under the poller's lock: what the next look reports once more. */
	uint8_t twice; /* sides; not 0: in the poller's list */
	uint64_t twice_firing[2];
	struct mrt_conn *twice_next;
};

static inline _Atomic uintptr_t *sched_conn_slot(struct mrt_conn *c, uint8_t side)
{
	return side == CONN_READER ? &c->reader : &c->writer;
}

/* The slot is ready (seen) or, for a close, not to be waited for any more. The goroutine that was
 * parked on it, or NULL. */
struct sched_g *sched_conn_unblock(_Atomic uintptr_t *slot, bool ready);
/* Undo an unblock(ready): g waits on. False: closed meanwhile, and g is the caller's to wake. */
bool sched_conn_block_again(struct mrt_conn *c, uint8_t side, struct sched_g *g);
bool sched_conn_closed(const struct mrt_conn *c);
/* Let the poller report anew what is ready. False: closed. */
bool sched_conn_rearm(struct mrt_conn *c);
void sched_netpoll_waiter(int n);
