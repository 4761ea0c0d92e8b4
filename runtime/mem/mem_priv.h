/*
 * mem_priv.h: what the files of mem/ share among themselves.
 *
 * Locks, in rising rank: a central's (which spans of a class lie in which
 * set), the heap's (free runs, descriptors, bitmaps, the list of caches),
 * persist's.  No step of the simulation is charged under the first two but
 * for what it costs that the heap grows.
 */
#pragma once

#include "runtime/mem/mem.h"

#define MEM_CHUNK_PAGES ((uint32_t)(MEM_CHUNK_BYTES >> MEM_PAGE_SHIFT))
#define MEM_CLOBBER	UINT64_C(0xdeadbeefdeadbeef)
/* Spans a refill sweeps before it asks for fresh pages (mcentral.go spanBudget). */
#define MEM_SWEEP_BUDGET 100u
/* mark and alloc bits: 1, 2, 4, 8 or 16 words (1024 objects a span at most). */
#define MEM_BITMAP_SIZES 5u

/* A programmer's mistake in or above mem: no way on. */
static inline void mem_must(bool ok, const char *broken)
{
	if (PRIM_UNLIKELY(!ok))
		prim_die(2, broken);
}

extern const struct mem_hooks *mem_hooks;

/* A failure site: true: it is armed, and this visit is refused. */
static inline bool mem_refused(enum gcs_point point, size_t bytes)
{
	return gcs_gate(point) && mem_hooks->refuse != NULL && mem_hooks->refuse(point, bytes);
}

/* ------------------------------------------------------------- run.c: the treap of free runs */

static inline uint32_t mem_runs_longest(const struct mem_run *root)
{
	return root ? root->max : 0;
}
static inline uint32_t mem_runs_backed(const struct mem_run *root)
{
	return root ? root->backed_all : 0;
}
/* Cut npages off the first run, by address, that is long enough (the caller knows there is one).
 * *ret_spent: its node when it was used up, else NULL. */
struct mem_run *mem_runs_take(struct mem_run *root, uint32_t npages, uint32_t *ret_page,
			      struct mem_run **ret_spent);
/* Pages anywhere in a run; `rest`: a node for what lies behind them. */
struct mem_cut {
	struct mem_run *run, *rest;
	uint32_t page, npages;
};
/* Up to two nodes come out unused. */
struct mem_run *mem_runs_cut(struct mem_run *root, const struct mem_cut *cut,
			     struct mem_run *ret_spent[2]);
/* The last run, by address, with pages that are backed; NULL: there are none. */
struct mem_run *mem_runs_last_backed(struct mem_run *root);
/* The first of the longest ones. NULL: none. */
struct mem_run *mem_runs_first_longest(struct mem_run *root);
/* Insert a run (page, npages, backed, high), joined with its neighbours; up to two nodes come out unused. */
struct mem_run *mem_runs_put(struct mem_run *root, struct mem_run *run,
			     struct mem_run *ret_spent[2]);
/* In address order; fn returns non-zero to end. */
int mem_runs_walk(const struct mem_run *root, int (*fn)(const struct mem_run *, void *), void *arg);

/* ----------------------------------------------- scavenge.c: a bit a page: it is released.
 * Under the heap's lock. Set only in free runs. */

void mem_released_set(uint32_t page, uint32_t npages);
uint32_t mem_released_count(uint32_t page, uint32_t npages);
/* Clear them; how many were set. */
uint32_t mem_released_take(uint32_t page, uint32_t npages);

/* ------------------------------------------------------------------- heap.c */

struct mem_heap {
	prim_mutex lock;
	struct mem_run *runs;
	struct mem_span *spare; /* unused descriptors, by next */
	_Atomic uint64_t
		*spare_bits[2][MEM_BITMAP_SIZES]; /* unused pairs and triples of bitmaps, linked by their first word */
	struct mem_cache *caches, *spare_caches;
	uint32_t reserved_pages;
	uint32_t grown_pages;	/* committed, from the base */
	uint32_t table_pages;	/* page table and pointer bitmap committed for so many (>= grown) */
	uint32_t free_pages;	/* in the runs */
	uint32_t releasing_pages; /* out of the runs while the system is asked to take them */
	uint32_t released_pages;  /* bits that are set in `released` */
	uint64_t *released;
	uint64_t mapped; /* bytes backed by the system: heap, its tables and bitmaps */
	uint64_t spans, caches_count;
	uint64_t span_sys, bitmap_sys,
		cache_sys;		     /* bytes of descriptors, mark bits, caches ever made */
	size_t page_table_bytes, bits_bytes, released_bytes; /* reserved */
	bool clobber;
};
extern struct mem_heap mem_heap;

int mem_heap_init(size_t reserve_bytes, bool clobber);
void mem_heap_fini(void);
/* A span of npages, published, alloc_count 0, sweepgen the heap's; sweeps what is unswept before it
 * gives up. -ENOMEM. */
int mem_heap_alloc(size_t npages, mem_spanclass sc, struct mem_span **ret);
/* In no set, in no cache, nobody's. */
void mem_heap_free(struct mem_span *s);
/* Of the bits of released pages of a heap of so many pages: bytes that are touched. */
static inline uint64_t mem_released_touched(uint32_t pages)
{
	return ((uint64_t)pages / 8 + PRIM_PAGE_BYTES - 1) / PRIM_PAGE_BYTES * PRIM_PAGE_BYTES;
}
/* A descriptor that is not in use; NULL: no memory. */
struct mem_span *mem_heap_spare_get_locked(void);
struct mem_span *mem_heap_spare_try_locked(void); /* as mem_persist_try */
void mem_heap_spare_put_locked(struct mem_span *s);
/* s->run (page, npages, backed, high) becomes free, and the descriptor the heap's. */
void mem_heap_run_put_locked(struct mem_span *s);
/* Pages out of a run; two of the descriptors may become unused. */
void mem_heap_run_cut_locked(const struct mem_cut *cut);

/* ------------------------------------------------------------------- span.c */

static inline uint32_t mem_span_words(const struct mem_span *s)
{
	return (s->nelems + 63) / 64;
}
/* Its spans are scanned whole (mem_span_batched). */
static inline bool mem_spanclass_batched(mem_spanclass sc)
{
	return (sc & 1) == 0 && sc / 2 != 0 && mem_class_size[sc / 2] <= MEM_BATCH_MAX;
}
/* Objects a span of this class and length holds. */
uint32_t mem_span_capacity(mem_spanclass sc, size_t npages);
/* Fill in a free descriptor and let mem_find see it. `bits`: zeroed bitmaps of `words`, three for
 * a span that is batched (mem_spanclass_batched), else two. */
void mem_span_publish(struct mem_span *s, uint32_t page, size_t npages, mem_spanclass sc,
		      _Atomic uint64_t *bits, uint32_t words, bool needzero);
/* Undo: mem_find no longer resolves it. */
void mem_span_withdraw(struct mem_span *s);
/* Make a span with room ready for mem_cache_alloc. */
void mem_span_load(struct mem_span *s);
/* Free what is unmarked; the caller has moved sweepgen to h-1. keep: it stays the caller's, even
 * empty. Else it goes to its set or to the page heap. Returns the pages freed. */
size_t mem_span_sweep(struct mem_span *s, bool keep);
bool mem_span_allocated(const struct mem_span *s, uint32_t index);
uint32_t mem_span_popcount(const _Atomic uint64_t *bits, uint32_t words);
void mem_span_zero_bits(_Atomic uint64_t *bits, uint32_t words);

/* ---------------------------------------------------------------- special.c */

void mem_special_init(void);
/* Those whose object has no mark come out, and are told. The caller owns the span, and no lock. */
void mem_special_sweep(struct mem_span *s);
/* World stopped: count them; false: one is of a free object. */
bool mem_special_check(const struct mem_span *s, uint64_t *count);
uint64_t mem_special_live(void);

/* ---------------------------------------------------------------- central.c */

/* First in, first out (mspanset.go): so spans that were found with room are used up in the order of the sweep. */
struct mem_spanset {
	struct mem_span *head, *tail; /* under the central's lock; empty: head is NULL, tail anything */
	_Atomic uint32_t count; /* written under the lock; read without it as a hint */
};

struct mem_central {
	_Alignas(64) prim_mutex lock;
	/* [(sweepgen/2)%2] is swept, the other one unswept. */
	struct mem_spanset partial[2], full[2];
};
extern struct mem_central mem_centrals[MEM_SPAN_CLASSES];

void mem_central_init(void);
/* A span with room for a cache, sweepgen h+3. -ENOMEM. */
int mem_central_take(mem_spanclass sc, struct mem_span **ret);
/* Back from a cache; true: it was stale and has been swept here. */
bool mem_central_give(struct mem_span *s);
/* Into the swept set it belongs to, sweepgen h. */
void mem_central_put_swept(struct mem_span *s);
/* Sweep unswept large spans until npages came free or none is left. */
void mem_central_reclaim_large(size_t npages);
/* Sweep one span of the sets; 0: none left, else its pages. */
size_t mem_central_sweep_one(size_t *ret_freed);

/* ------------------------------------------------------- counters (stats.c), caches, persist */

struct mem_counters {
	_Atomic uint64_t alloc_bytes, alloc_objects, freed_bytes, freed_objects;
	_Atomic uint64_t alloc_class[MEM_CLASSES], freed_class[MEM_CLASSES]; /* objects */
	_Atomic uint64_t alloc_large_bytes, freed_large_bytes, tiny_objects;
	_Atomic uint64_t pages_in_use, pages_swept;
	_Atomic uint64_t unswept; /* spans in unswept sets or being swept from there */
};
extern struct mem_counters mem_counters;

/* Relaxed: statistics; read exactly only while the world is stopped. */
static inline void mem_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}
static inline void mem_uncount(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(counter, n, memory_order_relaxed);
}
static inline uint64_t mem_counted(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A span no object comes from: what an empty slot of a cache holds. */
extern struct mem_span mem_span_none;

void mem_persist_init(void);
void mem_persist_fini(void);
uint64_t mem_persist_sys(void); /* bytes taken from the OS */
