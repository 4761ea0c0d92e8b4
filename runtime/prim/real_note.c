/*
 * real_note.c: a note is one futex word: 0 clear, 1 woken.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>

void prim_note_wake(prim_note *note)
{
	/* Release: pairs with the acquire loads in prim_note_sleep. */
	uint32_t old = atomic_exchange_explicit(&note->key, 1, memory_order_release);

	if (old == 0)
		prim_futex_wake(&note->key, 1);
	else if (MRT_DEBUG)
		prim_dief("prim: a note was woken twice");
}

bool prim_note_sleep(prim_note *note, int64_t deadline_ns)
{
	for (;;) {
		/* Acquire: what the waker did before the wake is seen after it. */
		if (atomic_load_explicit(&note->key, memory_order_acquire) != 0)
			return true;
		if (prim_futex_wait(&note->key, 0, deadline_ns) == -ETIMEDOUT)
			return atomic_load_explicit(&note->key, memory_order_acquire) != 0;
	}
}

void prim_note_clear(prim_note *note)
{
	/* Relaxed: by contract nobody else touches it now. */
	atomic_store_explicit(&note->key, 0, memory_order_relaxed);
}
