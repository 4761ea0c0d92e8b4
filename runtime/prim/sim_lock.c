/*
 * sim_lock.c: notes and mutexes between coroutines.
 *
 * A holder may stand back while it holds a lock, so contention is real.  An
 * unlock hands the lock to whoever waits longest: at the price of a cache
 * line when that one would still be spinning, of a wake when it would be
 * asleep by now.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_priv.h"

#define LOCK_FREE    0u
#define LOCK_HELD    1u
#define LOCK_SPIN_NS 1000 /* a contender spins this long before it sleeps */

/* All orders below are relaxed: there is one OS thread. */

static inline uint32_t lock_word(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void lock_set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/* -------------------------------------------------------------------- notes */

void prim_note_wake(prim_note *note)
{
	if (MRT_DEBUG && lock_word(&note->key) != 0)
		prim_dief("prim: a note was woken twice");
	lock_set(&note->key, 1);
	if (note->sim_sleeper != 0) {
		prim_thread *sleeper = sim_thread_at(note->sim_sleeper - 1);

		note->sim_sleeper = 0;
		sim_wake(sleeper, prim_now_ns(), PRIM_COST_WAKE);
	}
	prim_step(PRIM_COST_OS_CALL);
}

bool prim_note_sleep(prim_note *note, int64_t deadline_ns)
{
	prim_step(PRIM_COST_SLEEP);
	if (lock_word(&note->key) != 0)
		return true;
	if (deadline_ns <= prim_now_ns())
		return false;
	if (note->sim_sleeper != 0)
		prim_dief("prim: two threads sleep on one note");
	note->sim_sleeper = prim_thread_id() + 1;
	if (sim_block(SIM_WAIT_NOTE, note, deadline_ns))
		return true;
	note->sim_sleeper = 0;
	return lock_word(&note->key) != 0;
}

void prim_note_clear(prim_note *note)
{
	lock_set(&note->key, 0);
}

/* -------------------------------------------------------------------- mutexes */

void prim_mutex_init(prim_mutex *m, enum prim_rank rank)
{
	atomic_init(&m->word, LOCK_FREE);
	m->rank = (uint16_t)rank;
	m->sim_waiters = 0;
	m->owner = NULL;
}

static void lock_taken(prim_mutex *m)
{
	prim_thread *self = sim_self();

	lock_set(&m->word, LOCK_HELD);
	m->owner = self;
	if (MRT_DEBUG)
		prim_rank_push(&self->held, m);
}

void prim_mutex_lock(prim_mutex *m)
{
	prim_thread *self = sim_self();

	if (MRT_DEBUG)
		prim_rank_check(&self->held, m);
	prim_step(PRIM_COST_LOCK);
	if (lock_word(&m->word) != LOCK_FREE) {
		m->sim_waiters++;
		sim_block(SIM_WAIT_LOCK, m, PRIM_FOREVER);
	}
	lock_taken(m);
}

bool prim_mutex_trylock(prim_mutex *m)
{
	prim_step(PRIM_COST_LOCK);
	if (lock_word(&m->word) != LOCK_FREE)
		return false;
	lock_taken(m);
	return true;
}

/* The one that has waited longest. */
static prim_thread *lock_next(const prim_mutex *m)
{
	prim_thread *next = NULL, *thread;

	for (uint32_t id = 0; (thread = sim_thread_at(id)) != NULL; id++) {
		if (thread->state != SIM_BLOCKED || thread->wait != SIM_WAIT_LOCK ||
		    thread->wait_on != m)
			continue;
		if (next == NULL || thread->wait_order < next->wait_order)
			next = thread;
	}
	return next;
}

/* The word stays HELD: nobody can come between. */
static void lock_hand_over(prim_mutex *m)
{
	prim_thread *next = lock_next(m);
	int64_t now = prim_now_ns();
	bool spinning = now - next->wait_since <= LOCK_SPIN_NS;

	m->sim_waiters--;
	m->owner = next;
	sim_wake(next, now, spinning ? PRIM_COST_COPY_CACHELINE : PRIM_COST_WAKE);
}

void prim_mutex_unlock(prim_mutex *m)
{
	if (m->owner != sim_self())
		prim_dief("prim: unlock of %s (%p) by a thread that does not hold it",
			  prim_rank_name(m->rank), (const void *)m);
	if (MRT_DEBUG)
		prim_rank_pop(&sim_self()->held, m);
	if (m->sim_waiters > 0) {
		lock_hand_over(m);
		return;
	}
	m->owner = NULL;
	lock_set(&m->word, LOCK_FREE);
}

void prim_mutex_assert_held(const prim_mutex *m)
{
	if (MRT_DEBUG && m->owner != sim_self())
		prim_dief("prim: %s (%p) is not held by this thread", prim_rank_name(m->rank),
			  (const void *)m);
}
