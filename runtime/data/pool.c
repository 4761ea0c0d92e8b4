/*
 * pool.c: sync.Pool of Go 1.19: caches of each P, stealing, the victim cache.
 *
 * A cache is one managed array, an element a P, made by the first who needs it in a cycle. The pool's two pointers to caches are
 * global roots; the first stop of a cycle, before anything is marked, moves the one to the other (pool_clear_stopped).
 *
 * Go pins the goroutine to its P. Here it stays there because nothing between `pinned` and the end of the operation is a safepoint; an
 * allocation is one, so what is needed is allocated first, and then everything is looked at anew (pool_pin, mrt_pool_put).
 *
 * Objects move by stores with the barrier: one that leaves the cache while marking runs is shaded, as its new owner's roots may have
 * been scanned.
 */
#include "runtime/data/data.h"
#include "runtime/data/pool_priv.h"

#include <errno.h>
#include <string.h>

#define POOL_PUT_TRIES 8u /* after which a ring is taken that has not the size it should */

enum { POOL_CACHE, POOL_VICTIM };

/* Of one P, alone on its lines. */
struct pool_local {
	void *private; /* the holder's of the P */
	struct pool_chain shared;
	void *pad[13];
};
_Static_assert(sizeof(struct pool_local) == 128, "two lines of 64 bytes, or one pair that is fetched together");

static const uint64_t pool_local_mask = 7;
static const struct mrt_type pool_local_type = {"pool.local", sizeof(struct pool_local), 3, &pool_local_mask};

static struct {
	prim_mutex lock;
	mrt_pool *first;
} pools;

/* ------------------------------------------------------------------------ pools */

/* World stopped, nothing is being marked: no barrier. */
static void pool_clear_stopped(void)
{
	for (mrt_pool *p = pools.first; p != NULL; p = p->next) {
		prim_step(PRIM_COST_ATOMIC);
		__atomic_store_n(&p->caches[POOL_VICTIM], mrt_load(&p->caches[POOL_CACHE]),
				 __ATOMIC_RELEASE);
		__atomic_store_n(&p->caches[POOL_CACHE], NULL, __ATOMIC_RELEASE);
		atomic_store_explicit(&p->victim_left, mrt_load(&p->caches[POOL_VICTIM]) != NULL,
				      memory_order_relaxed);
	}
}

void pool_init(void)
{
	prim_mutex_init(&pools.lock, PRIM_RANK_WATCH);
	pools.first = NULL;
	gc_on_start(pool_clear_stopped);
}

int mrt_pool_init(mrt_g *g, mrt_pool *pool, mrt_pool_new_fn *fresh, void *arg)
{
	int rc;

	(void)g;
	*pool = (mrt_pool){.fresh = fresh, .arg = arg};
	rc = mrt_globals_add(pool->caches, 2);
	if (rc < 0)
		return rc;
	prim_mutex_lock(&pools.lock);
	pool->next = pools.first;
	pools.first = pool;
	prim_mutex_unlock(&pools.lock);
	return 0;
}

void mrt_pool_fini(mrt_g *g, mrt_pool *pool)
{
	(void)g;
	prim_mutex_lock(&pools.lock);
	for (mrt_pool **at = &pools.first; *at != NULL; at = &(*at)->next) {
		if (*at != pool)
			continue;
		*at = pool->next;
		break;
	}
	prim_mutex_unlock(&pools.lock);
	mrt_globals_remove(pool->caches);
}

/* ----------------------------------------------------------------------- caches */

/* Acquire: pairs with the release that published the cache: it is zero. */
static struct pool_local *pool_cache(mrt_pool *pool, unsigned which)
{
	return __atomic_load_n(&pool->caches[which], __ATOMIC_ACQUIRE);
}

/* Make this cycle's cache. Of two who do one wins. Safepoint. -ENOMEM. */
static __attribute__((noinline)) int pool_cache_make(mrt_g *g, mrt_pool *pool)
{
	int rc;
	MRT_ROOTS(g, root, 1);

	rc = mrt_new_array(g, &pool_local_type, sched_procs(), &root[0]);
	if (rc == 0)
		gc_cas(sched_of(g), &pool->caches[POOL_CACHE], NULL, root[0]);
	return rc;
}

/* The cache, all of it; g is on its P until the next safepoint. Safepoint before. -ENOMEM. */
static int pool_pin(mrt_g *g, mrt_pool *pool, struct pool_local **ret)
{
	struct pool_local *cache = pool_cache(pool, POOL_CACHE);

	if (PRIM_UNLIKELY(cache == NULL)) {
		int rc = pool_cache_make(g, pool);

		if (rc < 0)
			return rc;
		cache = pool_cache(pool, POOL_CACHE);
	}
	*ret = cache;
	return 0;
}

/* -------------------------------------------------------------------------- put */

/* False: there is no room: it takes a ring of *ret_cap slots, which `ring` (NULL: none) is not. No safepoint. */
static bool pool_put_pinned(struct sched_g *g, struct pool_local *l, void *obj,
			    struct pool_ring *ring, bool any_size, uint32_t *ret_cap)
{
	if (l->private == NULL) {
		gc_store(g, &l->private, obj);
		return true;
	}
	if (pool_chain_push(g, &l->shared, obj))
		return true;
	*ret_cap = pool_chain_next_cap(&l->shared);
	if (ring == NULL || (ring->cap != *ret_cap && !any_size))
		return false;
	pool_chain_add(g, &l->shared, ring);
	return pool_chain_push(g, &l->shared, obj);
}

int mrt_pool_put(mrt_g *g, mrt_pool *pool, void *obj)
{
	uint32_t cap = 0;
	MRT_ROOTS(g, ring, 1);

	if (obj == NULL)
		return 0;
	mrt_safepoint(g);
	prim_step(PRIM_COST_ATOMIC);
	/* Again after each allocation: another P, another cycle's cache. */
	for (uint32_t tries = 0;; tries++) {
		struct pool_local *cache;
		int rc = pool_pin(g, pool, &cache);

		if (rc < 0)
			return rc;
		if (pool_put_pinned(sched_of(g), &cache[sched_of(g)->p->id], obj, ring[0],
				    tries >= POOL_PUT_TRIES, &cap))
			return 0;
		rc = pool_ring_alloc(g, cap, &ring[0]);
		if (rc < 0)
			return rc;
	}
}

/* -------------------------------------------------------------------------- get */

static void *pool_private_take(struct sched_g *g, struct pool_local *l)
{
	void *obj = l->private;

	if (obj != NULL)
		gc_store(g, &l->private, NULL);
	return obj;
}

/* The tails of all, from `first` on. */
static void *pool_steal(struct sched_g *g, struct pool_local *cache, uint32_t first)
{
	uint32_t procs = sched_procs();

	for (uint32_t i = 0; i < procs; i++) {
		void *obj = pool_chain_pop_tail(g, &cache[(first + i) % procs].shared);

		if (obj != NULL)
			return obj;
	}
	return NULL;
}

/* After all primary caches, so that what is here ages out if it can. */
static void *pool_victim_take(struct sched_g *g, mrt_pool *pool)
{
	struct pool_local *victim = pool_cache(pool, POOL_VICTIM);
	void *obj;

	/* Relaxed: a hint, set anew while the world is stopped. */
	if (atomic_load_explicit(&pool->victim_left, memory_order_relaxed) == 0)
		return NULL;
	obj = pool_private_take(g, &victim[g->p->id]);
	if (obj == NULL)
		obj = pool_steal(g, victim, g->p->id);
	/* Another P's private one may be left: it is forgotten, as in Go. */
	if (obj == NULL)
		atomic_store_explicit(&pool->victim_left, 0, memory_order_relaxed);
	return obj;
}

/* No safepoint. */
static void *pool_get_pinned(struct sched_g *g, mrt_pool *pool, struct pool_local *cache)
{
	uint32_t p = g->p->id;
	void *obj = pool_private_take(g, &cache[p]);

	if (obj == NULL)
		obj = pool_chain_pop_head(g, &cache[p].shared);
	if (obj == NULL)
		obj = pool_steal(g, cache, p + 1);
	return obj != NULL ? obj : pool_victim_take(g, pool);
}

int mrt_pool_get(mrt_g *g, mrt_pool *pool, void **ret)
{
	struct pool_local *cache;
	void *obj;
	int rc;

	mrt_safepoint(g);
	prim_step(PRIM_COST_ATOMIC);
	rc = pool_pin(g, pool, &cache);
	if (rc < 0)
		return rc;
	obj = pool_get_pinned(sched_of(g), pool, cache);
	if (obj == NULL && pool->fresh != NULL)
		return pool->fresh(g, pool->arg, ret);
	*ret = obj;
	return 0;
}

/* ---------------------------------------------------------------------- inspect */

static uint64_t pool_count_stopped(struct pool_local *cache, struct mrt_pool_info *info)
{
	uint64_t count = 0;

	for (uint32_t i = 0; cache != NULL && i < sched_procs(); i++)
		count += (cache[i].private != NULL) +
			 pool_chain_count(&cache[i].shared, &info->queues, &info->queue_cap_max);
	return count;
}

void mrt_pool_inspect(mrt_g *g, mrt_pool *pool, struct mrt_pool_info *ret)
{
	struct sched_stw stw = {0};

	memset(ret, 0, sizeof(*ret));
	sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
	ret->fresh = pool_count_stopped(pool_cache(pool, POOL_CACHE), ret);
	ret->victim = pool_count_stopped(pool_cache(pool, POOL_VICTIM), ret);
	sched_start_world(sched_of(g), &stw, gc_cycle(), 0);
}
