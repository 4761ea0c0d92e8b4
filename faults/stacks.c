/*
 * stacks.c: the call stacks from which a fault's eligible visits come, each once.
 *
 * A stack is known by a hash of its return addresses, relative to the program: the same in every
 * run of one build, wherever it lies in memory. The table is open-addressed and never grows; who
 * comes first claims a place by its hash, and the lowest visit is kept, so what is in it in the end
 * does not depend on the order of threads. Nothing here costs virtual time (nor does its memory,
 * which is not prim's): a simulated run is the same with it and without.
 */
#include "faults/fault_priv.h"

#include "runtime/prim/prim.h"

#include <stdlib.h>

#define STACKS_PLACES 4096u /* a power of two; a quarter stays free */
#define STACKS_DEPTH  48u

_Static_assert(GCS_STACKS_MAX < STACKS_PLACES, "a search ends at a free place");

struct fault_stack {
	_Atomic uint64_t hash;	/* 0: free */
	_Atomic uint64_t first; /* the lowest visit; 0: not told yet */
};

struct fault_stacks {
	_Atomic uint32_t count;
	_Atomic uint64_t lost; /* visits from stacks that found no place */
	struct fault_stack place[STACKS_PLACES];
};

struct fault_stacks *fault_stacks_create(void)
{
	return calloc(1, sizeof(struct fault_stacks));
}

void fault_stacks_destroy(struct fault_stacks *s)
{
	free(s);
}

static uint64_t stacks_hash(const uint32_t *pc, uint32_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < n; i++)
		hash = fault_salt(hash, pc[i], i);
	return hash != 0 ? hash : 1;
}

/* The place of this hash, a fresh one perhaps; NULL: there is no room. */
static struct fault_stack *stacks_place(struct fault_stacks *s, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		struct fault_stack *p = &s->place[i % STACKS_PLACES];
		/* Relaxed: a hash never changes, and what hangs on it is an atomic of its own. */
		uint64_t found = atomic_load_explicit(&p->hash, memory_order_relaxed);

		if (found == hash)
			return p;
		if (found != 0)
			continue;
		if (atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed) >= GCS_STACKS_MAX) {
			atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
			return NULL;
		}
		if (atomic_compare_exchange_strong_explicit(&p->hash, &found, hash, memory_order_relaxed,
							    memory_order_relaxed))
			return p;
		atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
		if (found == hash)
			return p;
	}
}

void fault_stacks_note(struct fault_stacks *s, uint64_t visit)
{
	uint32_t pc[STACKS_DEPTH], n = prim_backtrace(pc, STACKS_DEPTH);
	struct fault_stack *p;
	uint64_t first;

	if (n == 0)
		return;
	p = stacks_place(s, stacks_hash(pc, n));
	if (p == NULL) {
		atomic_fetch_add_explicit(&s->lost, 1, memory_order_relaxed);
		return;
	}
	first = atomic_load_explicit(&p->first, memory_order_relaxed);
	while ((first == 0 || visit < first) &&
	       !atomic_compare_exchange_weak_explicit(&p->first, &first, visit, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

uint32_t fault_stacks_read(const struct fault_stacks *s, uint64_t *ret_first, uint64_t *ret_lost)
{
	uint32_t n = 0;

	*ret_lost = atomic_load_explicit(&s->lost, memory_order_relaxed);
	for (uint32_t i = 0; i < STACKS_PLACES && n < GCS_STACKS_MAX; i++) {
		uint64_t first = atomic_load_explicit(&s->place[i].first, memory_order_relaxed);

		if (first != 0)
			ret_first[n++] = first;
	}
	return n;
}
