/*
 * barrier.c: the hybrid write barrier (mbarrier.go, mwbbuf.go).
 *
 * Specification: shade what the slot holds (Yuasa: nothing reachable at the start of the cycle is
 * lost), and what is stored while the goroutine's roots are grey (Dijkstra). As in Go both are
 * queued always. The queue is the P's: 512 words, and a full one is marked from directly. No
 * safepoint lies between the barrier and its store, so the ragged barrier at the end of marking
 * finds either both or none.
 */
#include "runtime/gc/gc_priv.h"

#include <string.h>

_Atomic uint32_t gc_barrier_on;

void gc_barrier_flush(struct gc_local *l)
{
	uint32_t n = l->barrier_n;

	if (n == 0)
		return;
	prim_step(PRIM_COST_BARRIER_FLUSH);
	for (uint32_t i = 0; i < n; i++)
		gc_grey(l, l->barrier[i]);
	l->barrier_n = 0;
}

/* The gate of gc/barrier_flush is armed. */
static __attribute__((noinline)) void barrier_flush_point(struct sched_g *g)
{
	struct gc_local *l = gc_local_of(g);
	uint32_t n = l->barrier_n;
	struct gcs_site site = gc_site(g, !g->system && n != 0, n);
	struct gcs_firing firing;

	if (!gcs_decide(GCS_POINT_gc_barrier_flush, &site, &firing) ||
	    firing.action != GCS_ACT_FORCE)
		return;
	gc_barrier_flush(l);
	gc_workers_answer();
	gcs_effect(&site, firing.id, GCS_EFFECT_FLUSHED, n);
}

void gc_barrier(struct sched_g *g, void *old_value, void *new_value)
{
	struct gc_local *l = gc_local_of(g);

	g->store_cycle = gc_cycle();
	prim_step(PRIM_COST_BARRIER);
	if (gcs_gate(GCS_POINT_gc_barrier_flush))
		barrier_flush_point(g);
	if (gcs_gate(GCS_POINT_sabotage_skip_barrier) &&
	    gc_sabotage(g, GCS_POINT_sabotage_skip_barrier, 0))
		return;
	if (l->barrier_n > GC_BARRIER_PTRS - 2) {
		gc_barrier_flush(l);
		gc_workers_answer();
	}
	if (old_value != NULL)
		l->barrier[l->barrier_n++] = (uintptr_t)old_value;
	if (new_value != NULL)
		l->barrier[l->barrier_n++] = (uintptr_t)new_value;
}

static inline bool barrier_is_pointer(const struct mrt_type *elem, size_t word)
{
	return word < elem->ptr_words && (elem->ptrmask[word / 64] >> (word % 64) & 1) != 0;
}

/* One element, word by word: pointers atomically, since a marker may be reading them. */
static void barrier_copy_one(struct sched_g *g, const struct mrt_type *elem, char *dst,
			     const char *src)
{
	void **to = (void **)(void *)dst;
	void *const *from = (void *const *)(const void *)src;
	size_t head = elem->ptr_words * sizeof(void *);

	for (size_t w = 0; w < elem->ptr_words; w++) {
		if (barrier_is_pointer(elem, w))
			gc_store(g, &to[w], mrt_load(&from[w]));
		else
			memcpy(&to[w], &from[w], sizeof(void *));
	}
	if (elem->size != head)
		memmove(dst + head, src + head, elem->size - head);
}

/* The barrier is off and stays off: there is no safepoint in here. Every word atomically. */
static void barrier_copy_words(void **to, void *const *from, size_t words)
{
	/* Release: see gc_store. */
	if ((uintptr_t)to < (uintptr_t)from) {
		for (size_t w = 0; w < words; w++)
			__atomic_store_n(&to[w], mrt_load(&from[w]), __ATOMIC_RELEASE);
	} else {
		for (size_t w = words; w-- > 0;)
			__atomic_store_n(&to[w], mrt_load(&from[w]), __ATOMIC_RELEASE);
	}
}

/* Overlapping ranges: from the end that is not overwritten first. */
static void barrier_copy_all(struct sched_g *g, const struct mrt_type *elem, char *to,
			     const char *from, size_t n)
{
	if ((uintptr_t)to < (uintptr_t)from) {
		for (size_t i = 0; i < n; i++)
			barrier_copy_one(g, elem, to + i * elem->size, from + i * elem->size);
	} else {
		for (size_t i = n; i-- > 0;)
			barrier_copy_one(g, elem, to + i * elem->size, from + i * elem->size);
	}
}

void gc_copy_typed(struct sched_g *g, const struct mrt_type *elem, void *dst, const void *src,
		   size_t n)
{
	if (n == 0 || dst == src)
		return;
	prim_step_n(PRIM_COST_COPY_CACHELINE, (uint32_t)(n * elem->size / 64 + 1));
	if (elem->ptr_words == 0)
		memmove(dst, src, n * elem->size);
	else if (!gc_barrier_enabled() && elem->size % sizeof(void *) == 0)
		barrier_copy_words(dst, src, n * elem->size / sizeof(void *));
	else
		barrier_copy_all(g, elem, dst, src, n);
}

void gc_clear_typed(struct sched_g *g, const struct mrt_type *elem, void *dst, size_t n)
{
	char *obj = dst;

	if (elem->ptr_words == 0) {
		memset(dst, 0, n * elem->size);
		return;
	}
	for (size_t i = 0; i < n; i++, obj += elem->size) {
		void **words = (void **)(void *)obj;

		for (size_t w = 0; w < elem->ptr_words; w++) {
			if (barrier_is_pointer(elem, w))
				gc_store(g, &words[w], NULL);
			else
				words[w] = NULL;
		}
		memset(obj + elem->ptr_words * sizeof(void *), 0,
		       elem->size - elem->ptr_words * sizeof(void *));
	}
}

/* ----------------------------------------------------------------- gc/write */

/* The next pointer store of g is its first since the barrier went on. */
static bool write_at_edge(const struct sched_g *g)
{
	return gc_barrier_enabled() && g->store_cycle != gc_cycle();
}

/* What the barrier of the store would shade; it will do so again. */
static void write_shade_one(struct sched_g *g, const struct mrt_type *elem, void *const *dst,
			    void *const *src)
{
	for (size_t w = 0; w < elem->ptr_words; w++)
		if (barrier_is_pointer(elem, w))
			gc_barrier(g, dst != NULL ? mrt_load(&dst[w]) : NULL, mrt_load(&src[w]));
}

static void write_shade(struct sched_g *g, const struct mrt_type *elem, const char *dst,
			const char *src, size_t n)
{
	for (size_t at = 0; at < n * elem->size && gc_barrier_enabled(); at += elem->size)
		write_shade_one(g, elem, (void *const *)(const void *)(dst != NULL ? dst + at : NULL),
				(void *const *)(const void *)(src + at));
}

void gc_write_begin(struct sched_g *g, const struct mrt_type *elem, void *dst, const void *src,
		    size_t n)
{
	uint32_t where = gcs_armed_where(GCS_POINT_gc_write);

	if (where & 1u << GCS_WHERE_BEFORE_SHADE)
		gc_write_point(g, GCS_WHERE_BEFORE_SHADE, write_at_edge(g));
	g->store_edge = write_at_edge(g);
	if (where & 1u << GCS_WHERE_AFTER_SHADE) {
		write_shade(g, elem, dst, src, n);
		gc_write_point(g, GCS_WHERE_AFTER_SHADE, g->store_edge);
	}
	/* One without pointers has no barrier. */
	if (gc_barrier_enabled())
		g->store_cycle = gc_cycle();
}

void gc_write_end(struct sched_g *g)
{
	if (gcs_armed_where(GCS_POINT_gc_write) & 1u << GCS_WHERE_AFTER_STORE)
		gc_write_point(g, GCS_WHERE_AFTER_STORE, g->store_edge);
	g->store_edge = false;
}

static const uint64_t barrier_pointer_mask[] = {1};
static const struct mrt_type barrier_pointer = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = barrier_pointer_mask};

/* Interior pointers resolve to their object: the pin of the slot keeps the one that it lies in alive. */
static void store_visit(struct sched_g *g, void **slot, void *value, void *expected)
{
	sched_op_enter(g);
	sched_pin(g, value);
	sched_pin(g, slot);
	sched_pin(g, expected);
	gc_write_begin(g, &barrier_pointer, slot, &value, 1);
}

static void store_visited(struct sched_g *g)
{
	gc_write_end(g);
	sched_op_leave(g);
}

static __attribute__((noinline)) void store_at_point(struct sched_g *g, void **slot, void *value)
{
	store_visit(g, slot, value, NULL);
	gc_store(g, slot, value);
	store_visited(g);
}

void mrt_store(mrt_g *pub, void **slot, void *value)
{
	struct sched_g *g = sched_of(pub);

	prim_step(PRIM_COST_STORE_PTR);
	if (gcs_gate(GCS_POINT_gc_write))
		store_at_point(g, slot, value);
	else
		gc_store(g, slot, value);
}

/* What is expected is pinned too: it must not become another object at the same address. */
static __attribute__((noinline)) bool cas_at_point(struct sched_g *g, void **slot, void *expected,
						   void *value)
{
	bool done;

	store_visit(g, slot, value, expected);
	done = gc_cas(g, slot, expected, value);
	store_visited(g);
	return done;
}

bool mrt_cas(mrt_g *pub, void **slot, void *expected, void *value)
{
	struct sched_g *g = sched_of(pub);

	prim_step(PRIM_COST_ATOMIC);
	if (gcs_gate(GCS_POINT_gc_write))
		return cas_at_point(g, slot, expected, value);
	return gc_cas(g, slot, expected, value);
}
