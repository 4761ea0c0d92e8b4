/*
 * rwmutex.c: the reader/writer mutex (sync/rwmutex.go of Go 1.19).
 *
 * reader_count counts the readers that read or wait. A writer takes `w` first, which settles it with
 * other writers, then takes 2^30 from reader_count: a reader that finds it negative waits on
 * reader_sema. How many read at that moment goes into reader_wait, which each of them, leaving,
 * counts down; the last one wakes the writer. Some may have counted before the writer adds: then the
 * sum may be zero at once, and it does not wait. The unlock gives the 2^30 back and wakes exactly the
 * readers that had come meanwhile, before it gives `w` up: so readers and writers take turns.
 *
 * Whoever is due a permit need not wait yet: a semaphore keeps permits for those who are on their way
 * to it. There are never more than are on their way. As in Go, a reader that the next writer holds back
 * may take the permit of one that is woken and does not run yet, and that one waits in its place: the
 * counts are the same.
 *
 * Order: the two counters are changed by sequentially consistent read-modify-writes. What a writer
 * wrote is seen by a reader through reader_count (its unlock, the reader's lock) or the semaphore;
 * what a reader did is before the writer through reader_count or reader_wait, and the semaphore.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#define RW_READERS_MAX (INT32_C(1) << 30)

/* ---------------------------------------------------------------------- readers */

void mrt_rw_rlock(mrt_g *g, mrt_rwmutex *rw)
{
	prim_step(PRIM_COST_ATOMIC);
	/* Pairs with the writer's subtraction and, when it is over, its addition. */
	if (PRIM_UNLIKELY(atomic_fetch_add(&rw->reader_count, 1) < 0))
		sched_sema_acquire(sched_of(g), &rw->reader_sema, false);
}

bool mrt_rw_try_rlock(mrt_g *g, mrt_rwmutex *rw)
{
	int32_t count = atomic_load_explicit(&rw->reader_count, memory_order_relaxed);

	(void)g;
	prim_step(PRIM_COST_ATOMIC);
	/* As in mrt_rw_rlock. */
	while (count >= 0)
		if (atomic_compare_exchange_weak(&rw->reader_count, &count, count + 1))
			return true;
	return false;
}

/* There is a writer, or no reader. */
static __attribute__((noinline)) void rw_runlock_slow(struct sched_g *g, mrt_rwmutex *rw,
						      int32_t count)
{
	if (count == 0 || count == -RW_READERS_MAX)
		prim_die(2, "fatal error: sync: RUnlock of unlocked RWMutex\n");
	/* Pairs with the writer's addition: one of the two finds the sum zero. */
	if (atomic_fetch_sub(&rw->reader_wait, 1) == 1)
		sched_sema_release(g, &rw->writer_sema, 1);
}

void mrt_rw_runlock(mrt_g *g, mrt_rwmutex *rw)
{
	int32_t count;

	prim_step(PRIM_COST_ATOMIC);
	/* Pairs with the writer's subtraction. */
	count = atomic_fetch_sub(&rw->reader_count, 1);
	if (PRIM_UNLIKELY(count <= 0))
		rw_runlock_slow(sched_of(g), rw, count);
}

/* ---------------------------------------------------------------------- writers */

void mrt_rw_lock(mrt_g *g, mrt_rwmutex *rw)
{
	int32_t readers;

	mrt_lock(g, &rw->w);
	prim_step(PRIM_COST_ATOMIC);
	readers = atomic_fetch_sub(&rw->reader_count, RW_READERS_MAX);
	/* Pairs with the leaving readers' subtractions. */
	if (readers != 0 && atomic_fetch_add(&rw->reader_wait, readers) + readers != 0)
		sched_sema_acquire(sched_of(g), &rw->writer_sema, false);
}

bool mrt_rw_try_lock(mrt_g *g, mrt_rwmutex *rw)
{
	int32_t none = 0;

	if (!mrt_try_lock(g, &rw->w))
		return false;
	prim_step(PRIM_COST_ATOMIC);
	if (atomic_compare_exchange_strong(&rw->reader_count, &none, -RW_READERS_MAX))
		return true;
	mrt_unlock(g, &rw->w);
	return false;
}

void mrt_rw_unlock(mrt_g *g, mrt_rwmutex *rw)
{
	int32_t readers;

	prim_step(PRIM_COST_ATOMIC);
	/* Pairs with the readers that come: each is either counted here, or finds no writer. */
	readers = atomic_fetch_add(&rw->reader_count, RW_READERS_MAX) + RW_READERS_MAX;
	if (readers >= RW_READERS_MAX)
		prim_die(2, "fatal error: sync: Unlock of unlocked RWMutex\n");
	if (readers != 0)
		sched_sema_release(sched_of(g), &rw->reader_sema, (uint32_t)readers);
	mrt_unlock(g, &rw->w);
}
