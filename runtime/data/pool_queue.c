/*
 * pool_queue.c: rings and chains of a pool; pool_priv.h says what they are.
 *
 * Who moves the tail past a slot by compare and swap owns what is in it, and empties it after: so a slot may be outside [tail, head)
 * and not free yet. The producer looks, and takes such a ring for full. The producer's own pop races with the others' for the last
 * object, over the one word that has both ends.
 *
 * A ring that has a younger one gets no more objects: found empty after that was seen it is empty for good, and whoever finds it so
 * moves the chain's tail on. Only who succeeds clears `prev`, so that the producer does not go back further than needed and the
 * collector finds the ring no more.
 */
#include "runtime/data/pool_priv.h"

/* words: head_tail, slot*, cap, next*, prev* */
static const uint64_t pool_ring_mask = 0x1a, pool_slot_mask = 1;
static const struct mrt_type pool_ring_type = {"pool.ring", sizeof(struct pool_ring), 5, &pool_ring_mask};
static const struct mrt_type pool_slot_type = {"pool.slot", sizeof(void *), 1, &pool_slot_mask};

/* Acquire: pairs with the release of gc_store and gc_cas. */
#define pool_acquire(slot) __atomic_load_n((slot), __ATOMIC_ACQUIRE)

int pool_ring_alloc(mrt_g *g, uint32_t cap, void **ret)
{
	struct pool_ring *ring;
	int rc;
	MRT_ROOTS(g, roots, 2);

	rc = mrt_new(g, &pool_ring_type, &roots[0]);
	if (rc == 0)
		rc = mrt_new_array(g, &pool_slot_type, cap, &roots[1]);
	if (rc < 0)
		return rc;
	ring = roots[0];
	gc_store(sched_of(g), (void **)&ring->slot, roots[1]);
	ring->cap = cap;
	*ret = ring;
	return 0;
}

/* ------------------------------------------------------------------------ rings */

static uint32_t pool_head(uint64_t head_tail)
{
	return (uint32_t)(head_tail >> 32);
}

static uint32_t pool_tail(uint64_t head_tail)
{
	return (uint32_t)head_tail;
}

static uint64_t pool_pack(uint32_t head, uint32_t tail)
{
	return (uint64_t)head << 32 | tail;
}

static void **pool_slot(const struct pool_ring *r, uint32_t index)
{
	return &r->slot[index & (r->cap - 1)];
}

static bool pool_ring_push(struct sched_g *g, struct pool_ring *r, void *obj)
{
	/* Relaxed: only the tail can be newer than ours, and then there is more room. */
	uint64_t now = atomic_load_explicit(&r->head_tail, memory_order_relaxed);
	void **slot = pool_slot(r, pool_head(now));

	/* Acquire: pairs with the release that emptied the slot. */
	if (pool_head(now) - pool_tail(now) == r->cap || pool_acquire(slot) != NULL)
		return false;
	gc_store(g, slot, obj);
	/* Release: pairs with the takers' acquire: they find the slot full. */
	atomic_fetch_add_explicit(&r->head_tail, UINT64_C(1) << 32, memory_order_release);
	return true;
}

/* Empty it; the object is the caller's. */
static void *pool_slot_take(struct sched_g *g, void **slot)
{
	void *obj = pool_acquire(slot);

	/* Release: pairs with the acquire in pool_ring_push. With the barrier: a marker may not have been here. */
	gc_store(g, slot, NULL);
	return obj;
}

static void *pool_ring_pop_head(struct sched_g *g, struct pool_ring *r)
{
	uint64_t now = atomic_load_explicit(&r->head_tail, memory_order_relaxed);

	while (pool_head(now) != pool_tail(now)) {
		uint32_t head = pool_head(now) - 1;

		/* Acquire and release among the takers: one of two gets the last object. */
		if (atomic_compare_exchange_weak_explicit(
			    &r->head_tail, &now, pool_pack(head, pool_tail(now)),
			    memory_order_acq_rel, memory_order_relaxed))
			return pool_slot_take(g, pool_slot(r, head));
	}
	return NULL;
}

static void *pool_ring_pop_tail(struct sched_g *g, struct pool_ring *r)
{
	/* Acquire, here and below: pairs with the release in pool_ring_push. */
	uint64_t now = atomic_load_explicit(&r->head_tail, memory_order_acquire);

	while (pool_head(now) != pool_tail(now)) {
		uint32_t tail = pool_tail(now);

		if (atomic_compare_exchange_weak_explicit(
			    &r->head_tail, &now, pool_pack(pool_head(now), tail + 1),
			    memory_order_acq_rel, memory_order_acquire))
			return pool_slot_take(g, pool_slot(r, tail));
	}
	return NULL;
}

/* ----------------------------------------------------------------------- chains */

bool pool_chain_push(struct sched_g *g, struct pool_chain *c, void *obj)
{
	prim_step(PRIM_COST_ATOMIC);
	return c->head != NULL && pool_ring_push(g, c->head, obj);
}

uint32_t pool_chain_next_cap(const struct pool_chain *c)
{
	if (c->head == NULL)
		return POOL_RING_FIRST;
	return c->head->cap < POOL_RING_MAX ? (uint32_t)c->head->cap * 2 : POOL_RING_MAX;
}

void pool_chain_add(struct sched_g *g, struct pool_chain *c, struct pool_ring *ring)
{
	struct pool_ring *old = c->head;

	gc_store(g, (void **)&ring->prev, old);
	gc_store(g, (void **)&c->head, ring);
	/* Release: pairs with the acquire in pool_chain_pop_tail. */
	if (old == NULL)
		gc_store(g, (void **)&c->tail, ring);
	else
		gc_store(g, (void **)&old->next, ring);
}

void *pool_chain_pop_head(struct sched_g *g, struct pool_chain *c)
{
	for (struct pool_ring *r = c->head; r != NULL; r = pool_acquire(&r->prev)) {
		void *obj = pool_ring_pop_head(g, r);

		prim_step(PRIM_COST_ATOMIC);
		if (obj != NULL)
			return obj;
	}
	return NULL;
}

void *pool_chain_pop_tail(struct sched_g *g, struct pool_chain *c)
{
	struct pool_ring *r = pool_acquire(&c->tail);

	while (r != NULL) {
		/* Before the pop: if there is a younger ring now, and the pop finds nothing, nothing will come. */
		struct pool_ring *next = pool_acquire(&r->next);
		void *obj = pool_ring_pop_tail(g, r);

		prim_step(PRIM_COST_STEAL);
		if (obj != NULL || next == NULL)
			return obj;
		if (gc_cas(g, (void **)&c->tail, r, next))
			gc_store(g, (void **)&next->prev, NULL);
		r = next;
	}
	return NULL;
}

uint64_t pool_chain_count(const struct pool_chain *c, uint64_t *rings, uint32_t *cap_max)
{
	uint64_t count = 0;

	for (const struct pool_ring *r = c->tail; r != NULL; r = r->next) {
		uint64_t now = atomic_load_explicit(&r->head_tail, memory_order_relaxed);

		count += pool_head(now) - pool_tail(now);
		++*rings;
		if (r->cap > *cap_max)
			*cap_max = (uint32_t)r->cap;
	}
	return count;
}
