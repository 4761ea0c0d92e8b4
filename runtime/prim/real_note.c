/*
 * real_note.c: a note is one futex word: clear, woken, or clear with a
 * sleeper.  Only the last costs the waker a system call.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>

#define NOTE_CLEAR 0u
#define NOTE_WOKEN 1u
#define NOTE_SLEPT 2u

void prim_note_wake(prim_note *note)
{
	/* Release: pairs with the acquires in prim_note_sleep. */
	uint32_t old = atomic_exchange_explicit(&note->key, NOTE_WOKEN, memory_order_release);

	if (old == NOTE_SLEPT)
		prim_futex_wake(&note->key, 1);
	else if (MRT_DEBUG && old == NOTE_WOKEN)
		prim_dief("prim: a note was woken twice");
}

/* From `from` to `to`; what it was.  When woken, the wake is acquired. */
static uint32_t note_change(prim_note *note, uint32_t from, uint32_t to)
{
	/* Acquire: what the waker did before the wake is seen after it. */
	atomic_compare_exchange_strong_explicit(&note->key, &from, to, memory_order_acquire,
						memory_order_acquire);
	return from;
}

bool prim_note_sleep(prim_note *note, int64_t deadline_ns)
{
	switch (note_change(note, NOTE_CLEAR, NOTE_SLEPT)) {
	case NOTE_WOKEN:
		return true;
	case NOTE_SLEPT:
		prim_dief("prim: two threads sleep on one note");
	}
	for (;;) {
		int r = prim_futex_wait(&note->key, NOTE_SLEPT, deadline_ns);

		/* Acquire: as in note_change. */
		if (atomic_load_explicit(&note->key, memory_order_acquire) == NOTE_WOKEN)
			return true;
		if (r == -ETIMEDOUT)
			return note_change(note, NOTE_SLEPT, NOTE_CLEAR) == NOTE_WOKEN;
	}
}

void prim_note_clear(prim_note *note)
{
	/* Relaxed: by contract nobody else touches it now. */
	atomic_store_explicit(&note->key, NOTE_CLEAR, memory_order_relaxed);
}
