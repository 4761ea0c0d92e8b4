/*
 * pool_priv.h: the queue of a pool, shared by pool.c and pool_queue.c (sync/poolqueue.go of Go 1.19).
 *
 * A chain of rings, each twice as large as the one before: 8, 16, ... 2^30. One producer, the holder of the P, puts and takes at the head;
 * anybody takes at the tail. All of it is managed objects, and none of it allocates: a ring is made before (pool_ring_alloc), since an
 * allocation is a safepoint, after which the goroutine may be on another P and the cache gone.
 *
 * Everything here runs without a safepoint: so the caller stays on its P, and no ring can be freed under it.
 */
#pragma once

#include "runtime/gc/gc.h"

#define POOL_RING_FIRST 8u
#define POOL_RING_MAX	((uint32_t)1 << 30)

struct pool_ring {
	/* Head in the upper half: the next slot to fill; tail in the lower: the oldest object. Both count on, modulo 2^32. */
	_Atomic uint64_t head_tail;
	void **slot; /* NULL: free; else full, or being emptied by who took it */
	uint64_t cap;
	struct pool_ring *next; /* younger; written by the producer, once */
	struct pool_ring *prev; /* older; NULL once that has been drained and dropped */
};

struct pool_chain {
	struct pool_ring *head; /* the producer's */
	struct pool_ring *tail; /* everybody's: the oldest that is not dropped */
};

/* Part of data_init. */
void pool_init(void);

/* An empty ring, for pool_chain_push. *ret: a root slot. Safepoint. -ENOMEM. */
int pool_ring_alloc(mrt_g *g, uint32_t cap, void **ret);
/* The caller holds the P. False: the head ring is full, or there is none. */
bool pool_chain_push(struct sched_g *g, struct pool_chain *c, void *obj);
/* Which ring is to be added then. */
uint32_t pool_chain_next_cap(const struct pool_chain *c);
/* The caller holds the P. ring: empty and nobody else's; the next push has room. */
void pool_chain_add(struct sched_g *g, struct pool_chain *c, struct pool_ring *ring);
/* The youngest; the caller holds the P. NULL: there is none. */
void *pool_chain_pop_head(struct sched_g *g, struct pool_chain *c);
/* The oldest; anybody. NULL: none was there at some moment. */
void *pool_chain_pop_tail(struct sched_g *g, struct pool_chain *c);
/* World stopped: how many objects; and, added up and as a maximum, rings and their size. */
uint64_t pool_chain_count(const struct pool_chain *c, uint64_t *rings, uint32_t *cap_max);
