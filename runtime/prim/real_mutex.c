/*
 * real_mutex.c: the three-state futex mutex (Drepper, "Futexes are tricky").
 *
 * 0 free, 1 held, 2 held and somebody may sleep.  A contender spins for a
 * moment when there is another CPU, then leaves a 2 and sleeps; whoever
 * takes the lock after a sleep leaves a 2 as well, since others may still
 * be there.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#define MUTEX_FREE  0u
#define MUTEX_HELD  1u
#define MUTEX_SLEPT 2u
#define MUTEX_SPINS 40u

static void mutex_taken(prim_mutex *m)
{
#if MRT_DEBUG
	prim_thread *self = prim_thread_self();

	/* Relaxed, and atomic only because a wrong thread may look (assert_held). */
	__atomic_store_n(&m->owner, self, __ATOMIC_RELAXED);
	if (self != NULL)
		prim_rank_push(&self->held, m);
#else
	(void)m;
#endif
}

static void mutex_order(const prim_mutex *m)
{
#if MRT_DEBUG
	prim_thread *self = prim_thread_self();

	if (self != NULL)
		prim_rank_check(&self->held, m);
#else
	(void)m;
#endif
}

/* Acquire on success pairs with the release in unlock. */
static inline bool mutex_try(prim_mutex *m)
{
	uint32_t free_word = MUTEX_FREE;

	return atomic_compare_exchange_strong_explicit(&m->word, &free_word, MUTEX_HELD,
						       memory_order_acquire, memory_order_relaxed);
}

static bool mutex_spin(prim_mutex *m)
{
	if (prim_ncpu() < 2)
		return false;
	for (uint32_t i = 0; i < MUTEX_SPINS; i++) {
		prim_cpu_pause();
		/* Relaxed: a hint; mutex_try synchronises. */
		if (atomic_load_explicit(&m->word, memory_order_relaxed) == MUTEX_FREE &&
		    mutex_try(m))
			return true;
	}
	return false;
}

static void __attribute__((noinline)) mutex_lock_slow(prim_mutex *m)
{
	if (mutex_spin(m))
		return;
	/* Acquire: as in mutex_try. */
	while (atomic_exchange_explicit(&m->word, MUTEX_SLEPT, memory_order_acquire) != MUTEX_FREE)
		prim_futex_wait(&m->word, MUTEX_SLEPT, PRIM_FOREVER);
}

void prim_mutex_init(prim_mutex *m, enum prim_rank rank)
{
	atomic_init(&m->word, MUTEX_FREE);
	m->rank = (uint16_t)rank;
	m->sim_waiters = 0;
	m->owner = NULL;
}

void prim_mutex_lock(prim_mutex *m)
{
	mutex_order(m);
	if (!mutex_try(m))
		mutex_lock_slow(m);
	mutex_taken(m);
}

bool prim_mutex_trylock(prim_mutex *m)
{
	if (!mutex_try(m))
		return false;
	mutex_taken(m);
	return true;
}

void prim_mutex_unlock(prim_mutex *m)
{
#if MRT_DEBUG
	prim_thread *self = prim_thread_self();

	if (self != NULL)
		prim_rank_pop(&self->held, m); /* dies when it is not ours */
	__atomic_store_n(&m->owner, NULL, __ATOMIC_RELAXED);
#endif
	/* Release: pairs with the acquire of the next holder. */
	if (atomic_exchange_explicit(&m->word, MUTEX_FREE, memory_order_release) == MUTEX_SLEPT)
		prim_futex_wake(&m->word, 1);
}

void prim_mutex_assert_held(const prim_mutex *m)
{
#if MRT_DEBUG
	if (__atomic_load_n(&m->owner, __ATOMIC_RELAXED) != prim_thread_self())
		prim_dief("prim: %s (%p) is not held by this thread", prim_rank_name(m->rank),
			  (const void *)m);
#else
	(void)m;
#endif
}
