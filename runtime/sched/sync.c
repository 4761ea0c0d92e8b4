/*
 * sync.c: a mutex and a wait group for goroutines.
 *
 * Mutex: state 0 free, 1 held, 2 held and others wait.  Waiters queue under a spin guard; an unlock
 * hands the mutex to the first of them, so it is never free while somebody waits.
 *
 * Wait group: everything under the guard, since the waiter may free the group as soon as it sees
 * zero: the last touch of whoever brings the count to zero is the release of the guard.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

enum { MUTEX_FREE, MUTEX_HELD, MUTEX_WAITED };

/* ----------------------------------------------------------------------- mutex */

static bool mutex_try(mrt_mutex *m)
{
	uint32_t expected = MUTEX_FREE;

	return atomic_compare_exchange_strong_explicit(&m->state, &expected, MUTEX_HELD,
						       memory_order_acquire, memory_order_relaxed);
}

static void mutex_queue(struct sched_g *g, mrt_mutex *m)
{
	struct sched_g *tail = m->tail;

	g->next = NULL;
	if (tail != NULL)
		tail->next = g;
	else
		m->head = g;
	m->tail = g;
}

bool mrt_try_lock(mrt_g *pub, mrt_mutex *m)
{
	(void)pub;
	prim_step(PRIM_COST_ATOMIC);
	return mutex_try(m);
}

void mrt_lock(mrt_g *pub, mrt_mutex *m)
{
	struct sched_g *g = sched_of(pub);

	prim_step(PRIM_COST_ATOMIC);
	if (PRIM_LIKELY(mutex_try(m)))
		return;
	sched_guard_take(&m->guard);
	/* Acquire: as in mutex_try, when it was free after all. */
	if (atomic_exchange_explicit(&m->state, MUTEX_WAITED, memory_order_acquire) == MUTEX_FREE) {
		atomic_store_explicit(&m->state, m->head != NULL ? MUTEX_WAITED : MUTEX_HELD,
				      memory_order_relaxed);
		sched_guard_give(&m->guard);
		return;
	}
	mutex_queue(g, m);
	sched_park(g, SCHED_WAIT_MUTEX, sched_guard_commit, &m->guard);
	sched_safepoint(g);
}

void mrt_unlock(mrt_g *pub, mrt_mutex *m)
{
	struct sched_g *g = sched_of(pub), *first;
	uint32_t expected = MUTEX_HELD;

	prim_step(PRIM_COST_ATOMIC);
	if (PRIM_LIKELY(atomic_compare_exchange_strong_explicit(
		    &m->state, &expected, MUTEX_FREE, memory_order_release, memory_order_relaxed)))
		return;
	sched_guard_take(&m->guard);
	first = m->head;
	if (expected == MUTEX_FREE || first == NULL)
		prim_die(2, "fatal error: sync: unlock of unlocked mutex\n");
	m->head = first->next;
	first->next = NULL;
	if (m->head == NULL) {
		m->tail = NULL;
		atomic_store_explicit(&m->state, MUTEX_HELD, memory_order_relaxed);
	}
	sched_guard_give(&m->guard);
	sched_ready(g->p, first, true);
}

/* ------------------------------------------------------------------ wait group */

/* The waiter to wake, when n brings the count to zero. */
static struct sched_g *wg_change(mrt_wg *wg, int64_t n)
{
	struct sched_g *waiter = NULL;
	int64_t count;

	sched_guard_take(&wg->guard);
	count = atomic_load_explicit(&wg->count, memory_order_relaxed) + n;
	atomic_store_explicit(&wg->count, count, memory_order_relaxed);
	if (count < 0)
		prim_die(2, "panic: sync: negative WaitGroup counter\n");
	if (count == 0) {
		waiter = wg->waiter;
		wg->waiter = NULL;
	}
	sched_guard_give(&wg->guard);
	return waiter;
}

void mrt_wg_add(mrt_wg *wg, int64_t n)
{
	struct sched_g *waiter;

	prim_step(PRIM_COST_ATOMIC);
	waiter = wg_change(wg, n);
	if (waiter != NULL)
		sched_ready(NULL, waiter, false);
}

void mrt_wg_done(mrt_g *pub, mrt_wg *wg)
{
	struct sched_g *waiter;

	prim_step(PRIM_COST_ATOMIC);
	waiter = wg_change(wg, -1);
	if (waiter != NULL)
		sched_ready(sched_of(pub)->p, waiter, true);
}

void mrt_wg_wait(mrt_g *pub, mrt_wg *wg)
{
	struct sched_g *g = sched_of(pub);

	prim_step(PRIM_COST_ATOMIC);
	sched_guard_take(&wg->guard);
	if (atomic_load_explicit(&wg->count, memory_order_relaxed) == 0) {
		sched_guard_give(&wg->guard);
		return;
	}
	if (wg->waiter != NULL)
		prim_die(2, "panic: sync: a WaitGroup has one waiter\n");
	wg->waiter = g;
	sched_park(g, SCHED_WAIT_GROUP, sched_guard_commit, &wg->guard);
	sched_safepoint(g);
}
