/*
 * mutex.c: the mutex of goroutines (sync/mutex.go and sync_runtime_canSpin of proc.go, Go 1.19).
 *
 * One word: LOCKED, WOKEN, STARVING, and above them the number of waiters. It has two modes.
 *
 * Normal: an unlock leaves the mutex free and wakes the first waiter, unless somebody is on the way
 * already: that is WOKEN. The woken one competes with whoever comes; those run already and often
 * win. The loser waits at the front of the queue. Who comes to a locked mutex spins a little, if
 * its owner may be running on another P, and says WOKEN meanwhile, so that the unlock wakes nobody.
 *
 * Starving: who is woken, has waited more than 1 ms and finds the mutex locked says STARVING. From
 * then on an unlock hands the mutex to the first waiter: LOCKED is not set on the way, STARVING
 * keeps everybody else off, and newcomers queue at the tail, without spinning. Who receives it so
 * goes back to normal if it is the last waiter or has waited no more than 1 ms.
 *
 * Invariants: STARVING implies a waiter. WOKEN belongs to one goroutine, woken or spinning, which
 * clears it with its next change of the word. The count has those who wait, less the woken one; in
 * a hand-over the receiver takes itself off. With the mutex free and waiters counted, WOKEN or
 * STARVING is set or the goroutine that unlocked is about to look.
 *
 * Order: what was done under the mutex is published by the unlock's subtraction (release) and seen
 * by the compare and swap that sets LOCKED, or the receiver's addition (acquire). Every change in
 * between is a read-modify-write, so the later one reads from the release however many there were.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#define MUTEX_STARVE_NS	 INT64_C(1000000)
#define MUTEX_SPINS	 4u
#define MUTEX_SPIN_TURNS 30u

/* One goroutine on its way to a mutex. */
struct mutex_attempt {
	int64_t since_ns; /* of its first wait */
	uint32_t spins;	  /* since it came, or was woken */
	bool waited;
	bool woken; /* WOKEN is its own */
	bool starving;
};

/* Acquire: pairs with the release in mrt_unlock. */
static inline bool mutex_swap(mrt_mutex *m, uint32_t *state, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(&m->state, state, to, memory_order_acquire,
						       memory_order_relaxed);
}

bool mrt_try_lock(mrt_g *pub, mrt_mutex *m)
{
	/* Relaxed: a guess, which the swap verifies. */
	uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);

	(void)pub;
	prim_step(PRIM_COST_ATOMIC);
	return (state & (MRT_MUTEX_LOCKED | MRT_MUTEX_STARVING)) == 0 &&
	       mutex_swap(m, &state, state | MRT_MUTEX_LOCKED);
}

/* -------------------------------------------------------------------- waiting */

/* Is there another P whose goroutine may unlock soon, and nothing to run here? All of it is a
 * hint. */
static bool mutex_may_spin(const struct sched_g *g, uint32_t spins)
{
	uint32_t idle;

	if (spins >= MUTEX_SPINS || prim_ncpu() < 2)
		return false;
	idle = (uint32_t)__builtin_popcountll(
		atomic_load_explicit(&sched.idle, memory_order_relaxed));
	idle += atomic_load_explicit(&sched.spinning, memory_order_relaxed);
	return sched.procs > idle + 1 && sched_runq_empty(g->p);
}

/* Spin once, if that makes sense. */
static bool mutex_spin(const struct sched_g *g, mrt_mutex *m, struct mutex_attempt *a,
		       uint32_t state)
{
	if ((state & (MRT_MUTEX_LOCKED | MRT_MUTEX_STARVING)) != MRT_MUTEX_LOCKED ||
	    !mutex_may_spin(g, a->spins))
		return false;
	if (!a->woken && (state & MRT_MUTEX_WOKEN) == 0 && state >= MRT_MUTEX_WAITER)
		a->woken = mutex_swap(m, &state, state | MRT_MUTEX_WOKEN);
	prim_pause(MUTEX_SPIN_TURNS);
	a->spins++;
	return true;
}

/* What the attempt makes of a state: locked, or one waiter more. */
static uint32_t mutex_next(const struct mutex_attempt *a, uint32_t state)
{
	uint32_t next = state;

	if ((state & MRT_MUTEX_STARVING) == 0)
		next |= MRT_MUTEX_LOCKED;
	if ((state & (MRT_MUTEX_LOCKED | MRT_MUTEX_STARVING)) != 0)
		next += MRT_MUTEX_WAITER;
	/* Not of a free one: it would have no waiter. */
	if (a->starving && (state & MRT_MUTEX_LOCKED) != 0)
		next |= MRT_MUTEX_STARVING;
	if (a->woken && (state & MRT_MUTEX_WOKEN) == 0)
		prim_die(134, "mrt: a mutex has lost its woken flag\n");
	if (a->woken)
		next &= ~MRT_MUTEX_WOKEN;
	return next;
}

/* The mutex was handed to us: set LOCKED, which nobody has, and leave the count. */
static void mutex_receive(mrt_mutex *m, const struct mutex_attempt *a, uint32_t state)
{
	uint32_t change = MRT_MUTEX_LOCKED - MRT_MUTEX_WAITER;

	if ((state & (MRT_MUTEX_LOCKED | MRT_MUTEX_WOKEN)) != 0 || state < MRT_MUTEX_WAITER)
		prim_die(134, "mrt: a mutex was handed over while it was not free\n");
	if (!a->starving || state / MRT_MUTEX_WAITER == 1)
		change -= MRT_MUTEX_STARVING;
	/* Acquire: pairs with the release in mrt_unlock. */
	atomic_fetch_add_explicit(&m->state, change, memory_order_acquire);
}

/* Counted as a waiter. True: the mutex is ours. */
static bool mutex_wait(struct sched_g *g, mrt_mutex *m, struct mutex_attempt *a)
{
	bool again = a->waited;
	uint32_t state;

	if (!again)
		a->since_ns = prim_now_ns();
	a->waited = true;
	sched_sema_acquire(g, &m->sema, again);
	a->starving = a->starving || prim_now_ns() - a->since_ns > MUTEX_STARVE_NS;
	/* Relaxed: who took the permit is after whoever gave it, by the semaphore's guard or the
	 * wake. */
	state = atomic_load_explicit(&m->state, memory_order_relaxed);
	prim_step(PRIM_COST_ATOMIC);
	if ((state & MRT_MUTEX_STARVING) != 0) {
		mutex_receive(m, a, state);
		return true;
	}
	a->woken = true;
	a->spins = 0;
	return false;
}

static __attribute__((noinline)) void mutex_lock_slow(struct sched_g *g, mrt_mutex *m)
{
	struct mutex_attempt a = {0};
	uint32_t state;

	for (;;) {
		/* Relaxed: a guess, which the swap verifies. */
		state = atomic_load_explicit(&m->state, memory_order_relaxed);
		if (mutex_spin(g, m, &a, state))
			continue;
		prim_step(PRIM_COST_ATOMIC);
		if (!mutex_swap(m, &state, mutex_next(&a, state)))
			continue;
		if ((state & (MRT_MUTEX_LOCKED | MRT_MUTEX_STARVING)) == 0)
			return;
		a.woken = false;
		if (mutex_wait(g, m, &a))
			return;
	}
}

void mrt_lock(mrt_g *pub, mrt_mutex *m)
{
	uint32_t unlocked = 0;

	prim_step(PRIM_COST_ATOMIC);
	if (PRIM_UNLIKELY(!mutex_swap(m, &unlocked, MRT_MUTEX_LOCKED)))
		mutex_lock_slow(sched_of(pub), m);
}

/* -------------------------------------------------------------------- waking */

/* Unlocked in normal mode: wake one, if there is one and nobody is on the way or has locked it
 * since. */
static void mutex_wake(struct sched_g *g, mrt_mutex *m, uint32_t state)
{
	while (state >= MRT_MUTEX_WAITER &&
	       (state & (MRT_MUTEX_LOCKED | MRT_MUTEX_WOKEN | MRT_MUTEX_STARVING)) == 0) {
		prim_step(PRIM_COST_ATOMIC);
		/* Relaxed: WOKEN says who wakes; what was done under the mutex is published
		 * already. */
		if (atomic_compare_exchange_strong_explicit(
			    &m->state, &state, (state - MRT_MUTEX_WAITER) | MRT_MUTEX_WOKEN,
			    memory_order_relaxed, memory_order_relaxed)) {
			sched_sema_release(g, &m->sema, 1);
			return;
		}
	}
}

static __attribute__((noinline)) void mutex_unlock_slow(struct sched_g *g, mrt_mutex *m,
							uint32_t before)
{
	if ((before & MRT_MUTEX_LOCKED) == 0)
		prim_die(2, "fatal error: sync: unlock of unlocked mutex\n");
	if ((before & MRT_MUTEX_STARVING) != 0)
		sched_sema_hand_over(g, &m->sema);
	else
		mutex_wake(g, m, before - MRT_MUTEX_LOCKED);
}

void mrt_unlock(mrt_g *pub, mrt_mutex *m)
{
	uint32_t before;

	prim_step(PRIM_COST_ATOMIC);
	/* Release: pairs with the acquires in mutex_swap and mutex_receive. */
	before = atomic_fetch_sub_explicit(&m->state, MRT_MUTEX_LOCKED, memory_order_release);
	if (PRIM_UNLIKELY(before != MRT_MUTEX_LOCKED))
		mutex_unlock_slow(sched_of(pub), m, before);
}
