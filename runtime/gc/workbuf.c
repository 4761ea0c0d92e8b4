/*
 * workbuf.c: buffers of grey objects (mgcwork.go).
 *
 * A P has two: it fills and drains the first, and swaps when that is full or empty, so that a P at
 * a boundary does not run to the shared lists with every object. Full and empty buffers lie on two
 * lists under one short lock, taken once in 253 objects. Buffers are carved from 32 KiB chunks; when
 * the OS refuses one, there is no way on (as in Go).
 *
 * Spans that hold grey objects (mem_span_batched) go through buffers of their own, first in, first
 * out, here and in the shared list: the longer one waits, the more of its objects are found before
 * it is scanned. Two a P: one is filled, the other drained.
 *
 * A cycle that has met much at once, an array of
 * a million pointers say, leaves many of them: at its end those above a few are put aside, and the
 * sweeper gives them back (freeSomeWbufs; Go keeps none, but takes them from its heap, not from
 * the system).
 */
#include "runtime/gc/gc_priv.h"
#include "runtime/mem/throw.h"

#define WORK_CHUNK_BYTES ((size_t)32 << 10)
#define WORK_CHUNK_BUFS	 (WORK_CHUNK_BYTES / GC_WORKBUF_BYTES - 1)
#define WORK_CHUNKS_KEPT 16u

struct work_chunk {
	struct work_chunk *next;
};

static struct {
	prim_mutex lock;
	struct gc_workbuf *full, *empty;
	struct gc_workbuf *spans, **spans_end; /* full ones of spans, the oldest first */
	/* Of both lists; written under the lock, read without it as a hint. */
	_Atomic uint32_t full_count, spans_count;
	struct work_chunk *chunks;  /* carved into buffers */
	struct work_chunk *kept;    /* to be carved again */
	struct work_chunk *retired; /* to be given back */
	uint32_t nchunks;
	_Atomic uint64_t sys;
} work;

void gc_work_init(void)
{
	prim_mutex_init(&work.lock, PRIM_RANK_WORKBUF);
	work.full = work.empty = work.spans = NULL;
	work.spans_end = &work.spans;
	work.chunks = work.kept = work.retired = NULL;
	work.nchunks = 0;
	atomic_store_explicit(&work.full_count, 0, memory_order_relaxed);
	atomic_store_explicit(&work.spans_count, 0, memory_order_relaxed);
	atomic_store_explicit(&work.sys, 0, memory_order_relaxed);
}

static void work_chunks_free(struct work_chunk *chunk)
{
	while (chunk != NULL) {
		struct work_chunk *next = chunk->next;

		prim_pages_free(chunk, WORK_CHUNK_BYTES);
		chunk = next;
	}
}

void gc_work_fini(void)
{
	work_chunks_free(work.chunks);
	work_chunks_free(work.kept);
	work_chunks_free(work.retired);
	work.chunks = work.kept = work.retired = NULL;
}

/* Every buffer of a chunk is empty; the first one's place holds the chunk's link. */
static void work_carve_locked(struct work_chunk *chunk)
{
	prim_mutex_assert_held(&work.lock);
	for (size_t i = 1; i <= WORK_CHUNK_BUFS; i++) {
		struct gc_workbuf *w =
			(struct gc_workbuf *)(void *)((char *)chunk + i * GC_WORKBUF_BYTES);

		w->next = work.empty;
		work.empty = w;
	}
}

static void work_grow_locked(void)
{
	struct work_chunk *chunk = work.kept;

	prim_mutex_assert_held(&work.lock);
	if (chunk != NULL) {
		work.kept = chunk->next;
	} else {
		chunk = prim_pages_alloc(WORK_CHUNK_BYTES);
		if (chunk == NULL)
			mem_throw_heap(WORK_CHUNK_BYTES); /* under either policy */
		atomic_fetch_add_explicit(&work.sys, WORK_CHUNK_BYTES, memory_order_relaxed);
	}
	chunk->next = work.chunks;
	work.chunks = chunk;
	work.nchunks++;
	work_carve_locked(chunk);
}

/* The end of the list that begins there. */
static struct work_chunk **work_list_end(struct work_chunk **at)
{
	while (*at != NULL)
		at = &(*at)->next;
	return at;
}

void gc_work_retire(void)
{
	struct work_chunk **rest = &work.chunks;

	if (work.nchunks <= WORK_CHUNKS_KEPT)
		return;
	gc_must(work.full == NULL && work.spans == NULL, "gc: work left at the end of a cycle\n");
	prim_mutex_lock(&work.lock);
	for (uint32_t i = 0; i < WORK_CHUNKS_KEPT; i++)
		rest = &(*rest)->next;
	/* The sweeper has had a cycle's time for the last ones: as a rule there are none. */
	*work_list_end(&work.retired) = *rest;
	*rest = NULL;
	*work_list_end(&work.kept) = work.chunks;
	work.chunks = NULL;
	work.nchunks = 0;
	work.empty = NULL;
	prim_mutex_unlock(&work.lock);
}

bool gc_work_free_one(void)
{
	struct work_chunk *chunk;

	prim_mutex_lock(&work.lock);
	chunk = work.retired;
	if (chunk != NULL)
		work.retired = chunk->next;
	prim_mutex_unlock(&work.lock);
	if (chunk == NULL)
		return false;
	prim_step(PRIM_COST_WORKBUF);
	prim_pages_free(chunk, WORK_CHUNK_BYTES);
	/* No safepoint since: who stops the world counts it with the pages it is. */
	atomic_fetch_sub_explicit(&work.sys, WORK_CHUNK_BYTES, memory_order_relaxed);
	return true;
}

static struct gc_workbuf *work_empty_get(void)
{
	struct gc_workbuf *w;

	prim_step(PRIM_COST_WORKBUF);
	prim_mutex_lock(&work.lock);
	if (work.empty == NULL)
		work_grow_locked();
	w = work.empty;
	work.empty = w->next;
	prim_mutex_unlock(&work.lock);
	w->n = w->at = 0;
	return w;
}

static void work_empty_put(struct gc_workbuf *w)
{
	prim_step(PRIM_COST_WORKBUF);
	prim_mutex_lock(&work.lock);
	w->next = work.empty;
	work.empty = w;
	prim_mutex_unlock(&work.lock);
}

static void work_full_put(struct gc_workbuf *w)
{
	uint32_t before;

	prim_step(PRIM_COST_WORKBUF);
	prim_mutex_lock(&work.lock);
	w->next = work.full;
	work.full = w;
	/* Sequentially consistent: an M that gives up looking sees it, or is seen by the wake that
	 * follows. */
	before = atomic_fetch_add(&work.full_count, 1);
	prim_mutex_unlock(&work.lock);
	if (before == 0)
		gc_workers_call();
}

static struct gc_workbuf *work_full_get(void)
{
	struct gc_workbuf *w = NULL;

	if (atomic_load_explicit(&work.full_count, memory_order_relaxed) == 0)
		return NULL;
	prim_step(PRIM_COST_WORKBUF);
	prim_mutex_lock(&work.lock);
	if (work.full != NULL) {
		w = work.full;
		work.full = w->next;
		atomic_fetch_sub_explicit(&work.full_count, 1, memory_order_relaxed);
	}
	prim_mutex_unlock(&work.lock);
	return w;
}

static void work_spans_put(struct gc_workbuf *w)
{
	uint32_t before;

	prim_step(PRIM_COST_WORKBUF);
	w->next = NULL;
	prim_mutex_lock(&work.lock);
	*work.spans_end = w;
	work.spans_end = &w->next;
	before = atomic_fetch_add(&work.spans_count, 1); /* as full_count */
	prim_mutex_unlock(&work.lock);
	if (before == 0)
		gc_workers_call();
}

static struct gc_workbuf *work_spans_get(void)
{
	struct gc_workbuf *w;

	if (atomic_load_explicit(&work.spans_count, memory_order_relaxed) == 0)
		return NULL;
	prim_step(PRIM_COST_WORKBUF);
	prim_mutex_lock(&work.lock);
	w = work.spans;
	if (w != NULL) {
		work.spans = w->next;
		if (work.spans == NULL)
			work.spans_end = &work.spans;
		atomic_fetch_sub_explicit(&work.spans_count, 1, memory_order_relaxed);
	}
	prim_mutex_unlock(&work.lock);
	return w;
}

bool gc_work_shared(void)
{
	return atomic_load_explicit(&work.full_count, memory_order_relaxed) != 0 ||
	       atomic_load_explicit(&work.spans_count, memory_order_relaxed) != 0;
}

uint64_t gc_work_sys(void)
{
	return atomic_load_explicit(&work.sys, memory_order_relaxed);
}

static void work_swap(struct gc_local *l)
{
	struct gc_workbuf *w = l->w1;

	l->w1 = l->w2;
	l->w2 = w;
}

static void work_local_init(struct gc_local *l)
{
	l->w1 = work_empty_get();
	l->w2 = work_empty_get();
}

static void work_put_slow(struct gc_local *l)
{
	if (l->w1 == NULL) {
		work_local_init(l);
		return;
	}
	work_swap(l);
	if (l->w1->n < GC_WORKBUF_PTRS)
		return;
	work_full_put(l->w1);
	l->flushed = true;
	l->w1 = work_empty_get();
}

void gc_work_put(struct gc_local *l, uintptr_t obj)
{
	if (PRIM_UNLIKELY(l->w1 == NULL || l->w1->n == GC_WORKBUF_PTRS))
		work_put_slow(l);
	l->w1->obj[l->w1->n++] = obj;
}

uintptr_t gc_work_get(struct gc_local *l)
{
	struct gc_workbuf *w;

	if (PRIM_UNLIKELY(l->w1 == NULL))
		work_local_init(l);
	if (PRIM_UNLIKELY(l->w1->n == 0)) {
		work_swap(l);
		if (l->w1->n == 0) {
			w = work_full_get();
			if (w == NULL)
				return 0;
			work_empty_put(l->w1);
			l->w1 = w;
		}
	}
	return l->w1->obj[--l->w1->n];
}

/* -------------------------------------------------------------------- spans */

static bool work_spans_empty(const struct gc_workbuf *w)
{
	return w->at == w->n;
}

static void work_spans_give(struct gc_local *l, struct gc_workbuf **which)
{
	work_spans_put(*which);
	l->flushed = true;
	*which = work_empty_get();
}

void gc_work_put_span(struct gc_local *l, struct mem_span *s)
{
	if (PRIM_UNLIKELY(l->spans_in == NULL)) {
		l->spans_in = work_empty_get();
		l->spans_out = work_empty_get();
	}
	if (PRIM_UNLIKELY(l->spans_in->n == GC_WORKBUF_PTRS))
		work_spans_give(l, &l->spans_in);
	l->spans_in->obj[l->spans_in->n++] = (uintptr_t)s;
}

/* The next buffer to drain; false: there is none. The shared ones are older than what was put here. */
static bool work_spans_refill(struct gc_local *l)
{
	struct gc_workbuf *w = work_spans_get();

	if (w == NULL && (l->spans_in == NULL || work_spans_empty(l->spans_in)))
		return false;
	if (l->spans_in == NULL)
		l->spans_in = work_empty_get();
	else if (w != NULL)
		work_empty_put(l->spans_out);
	else {
		w = l->spans_in;
		l->spans_in = l->spans_out;
		l->spans_in->n = l->spans_in->at = 0;
	}
	l->spans_out = w;
	return true;
}

struct mem_span *gc_work_get_span(struct gc_local *l)
{
	struct gc_workbuf *w = l->spans_out;

	if (PRIM_UNLIKELY(w == NULL || work_spans_empty(w))) {
		if (!work_spans_refill(l))
			return NULL;
		w = l->spans_out;
	}
	/* What is read of the next ones, soon. */
	if (w->at + 2 < w->n)
		__builtin_prefetch((const void *)w->obj[w->at + 2]);
	return (struct mem_span *)w->obj[w->at++];
}

/* ------------------------------------------------------------ giving it away */

static void work_give(struct gc_local *l, struct gc_workbuf **which)
{
	work_full_put(*which);
	l->flushed = true;
	*which = work_empty_get();
}

static void work_flush_spans(struct gc_local *l)
{
	if (l->spans_in == NULL)
		return;
	if (!work_spans_empty(l->spans_out))
		work_spans_give(l, &l->spans_out);
	if (!work_spans_empty(l->spans_in))
		work_spans_give(l, &l->spans_in);
}

void gc_work_flush(struct gc_local *l)
{
	work_flush_spans(l);
	if (l->w1 == NULL)
		return;
	if (l->w1->n != 0)
		work_give(l, &l->w1);
	if (l->w2->n != 0)
		work_give(l, &l->w2);
}

/* Half of a buffer, as in handoff; that gives nothing of four or less, but here one may be a piece of
 * 128 KiB, and spans have buffers of their own. */
static void work_give_half(struct gc_local *l)
{
	struct gc_workbuf *from = l->w1, *to = work_empty_get();
	uint32_t n = from->n / 2;

	from->n -= n;
	to->n = n;
	for (uint32_t i = 0; i < n; i++)
		to->obj[i] = from->obj[from->n + i];
	work_full_put(to);
	l->flushed = true;
}

void gc_work_balance(struct gc_local *l)
{
	if (l->w1 != NULL && l->w2->n != 0)
		work_give(l, &l->w2);
	else if (l->w1 != NULL && l->w1->n > 1)
		work_give_half(l);
	else if (l->spans_in != NULL && l->spans_in->n > 1)
		work_spans_give(l, &l->spans_in);
}

static void work_release_spans(struct gc_local *l)
{
	if (l->spans_in == NULL)
		return;
	work_empty_put(l->spans_in);
	work_empty_put(l->spans_out);
	l->spans_in = l->spans_out = NULL;
}

void gc_work_release(struct gc_local *l)
{
	gc_must(gc_work_local_empty(l), "gc: work buffers given back with work in them\n");
	work_release_spans(l);
	if (l->w1 == NULL)
		return;
	work_empty_put(l->w1);
	work_empty_put(l->w2);
	l->w1 = l->w2 = NULL;
}

bool gc_work_local_empty(const struct gc_local *l)
{
	if (l->spans_in != NULL &&
	    !(work_spans_empty(l->spans_in) && work_spans_empty(l->spans_out)))
		return false;
	return l->w1 == NULL || (l->w1->n == 0 && l->w2->n == 0);
}
