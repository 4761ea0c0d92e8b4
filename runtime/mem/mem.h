/*
 * mem.h: the heap below the collector: size classes, spans, per-P caches,
 * central lists, the page heap, large objects.  Knows objects and bits; knows no goroutine,
 * no phase.  Rules: go-facts §4 (sizeclasses.go, mcache.go, mcentral.go, mheap.go of Go 1.19).
 *
 *   mem_cache (one a P, no lock) -> mem_central (one a span class, a lock)
 *     -> page heap (one lock, 8 KiB pages) -> prim (4 MiB chunks committed inside one reservation)
 *
 * The heap is one reservation at prim_heap_base(). A flat table maps page -> span.
 * A flat bitmap (1 bit a word, layout of Go 1.20) says which words of scannable
 * objects are pointers; noscan spans have none.
 *
 * Failure sites: `mem/refill` when a cache asks central for a span (cache.c), `mem/large` when a large
 * object asks for its own (large.c), `mem/span` when a span is asked of the page heap, `mem/os_reserve`
 * when the page heap takes more of its reservation, `mem/os_commit` when it asks the system to back
 * that (heap.c). They fail as the real thing does: unswept spans are swept before a heap that cannot
 * grow is final, and -ENOMEM goes up to the policy. `mem/slow` (heap.c) is no failure: a span with pages
 * that nobody has touched, or none since they were given back, comes late. Neither is `mem/fragment`
 * (heap.c): a span comes from the middle of the longest free run. `mem/os_release` (scavenge.c): free
 * pages are not given back, or late.
 *
 * Under the policy `throw` (throw.h) it is not that simple: what Go cannot do without (a chunk that the system does not
 * back, its tables, metadata) is the end where it is refused; a heap that finds no address space, and what is refused at
 * another site, goes up as -ENOMEM, and who asked dies.
 */
#pragma once

#include "faults/gate.h"
#include "runtime/prim/prim.h"

#define MEM_PAGE_SHIFT	 13
#define MEM_PAGE_BYTES	 ((size_t)1 << MEM_PAGE_SHIFT)
#define MEM_CLASSES	 68
#define MEM_SPAN_CLASSES (MEM_CLASSES * 2)
#define MEM_SMALL_MAX	 32768u
#define MEM_CHUNK_BYTES	 ((size_t)4 << 20)

/* class*2 + noscan */
typedef uint8_t mem_spanclass;

extern const uint32_t mem_class_size[MEM_CLASSES];
extern const uint8_t mem_class_pages[MEM_CLASSES];
/* Smallest class that holds `bytes` (<= MEM_SMALL_MAX). */
static inline uint32_t mem_class_of(size_t bytes);
/* Bytes really handed out for a request (roundupsize, msize.go 1.19). */
size_t mem_round_up(size_t bytes);
/*
 * What Go from 1.22 on gives for a request (roundupsize, msize.go): an object with pointers above MEM_HEADER_ABOVE bytes
 * has its type in a word before it, and that word is part of its slot. This allocator has no such word: the
 * rule is for those who reckon sizes as Go does (runtime/data), what they ask for then is bytes without it.
 */
#define MEM_HEADER_BYTES 8u
#define MEM_HEADER_ABOVE 512u
size_t mem_round_up_1_22(size_t bytes, bool noscan);

enum mem_span_state { MEM_SPAN_FREE, MEM_SPAN_IN_USE, MEM_SPAN_LARGE };

/* A run of free pages, a node of the page heap's treap (run.c). Private to mem. */
struct mem_run {
	struct mem_run *left, *right;
	uint32_t page, npages; /* first page, counted from the heap's base */
	uint32_t max;	       /* longest run in this subtree */
	uint32_t prio;
	uint32_t backed;     /* of its pages, those that are not released */
	uint32_t backed_all; /* of those in this subtree */
	uint32_t high;	     /* while backed is not 0: no page from here on is backed */
};

enum mem_span_grey {
	MEM_GREY_OBJECTS, /* its objects go to work buffers one by one: large, above
			     MEM_BATCH_MAX, or without pointers (those go nowhere) */
	MEM_GREY_NONE,	  /* it is in no queue: every marked object has been taken to be scanned */
	MEM_GREY_WAITS	  /* it is in a queue, once */
};
/* Objects of at most this size: sixteen and more share a span of one page. */
#define MEM_BATCH_MAX 512u

/*
 * A span: a run of pages holding equal objects.
 * Invariants (mem_check):
 *  S1 nelems*elem_bytes <= npages*MEM_PAGE_BYTES
 *  S2 free_index <= nelems; an object is allocated if it lies below it or its alloc bit is set
 *  S3 alloc_count == number of allocated objects; every marked object is allocated
 *  S4 sweepgen is one of the five states of mheap.go relative to the heap's
 *  S5 an object's scan bit is set only if it is allocated
 *
 * The first cache line is what markers read; it changes only while `gen` is odd. The second is the
 * owner's.
 */
struct mem_span {
	uintptr_t base;
	size_t npages;
	size_t elem_bytes;
	_Atomic uint64_t *mark_bits; /* set by markers (or); becomes alloc_bits at sweep */
	_Atomic uint32_t gen; /* odd: free or being built; a reader takes its fields between two
				 equal even reads */
	uint32_t nelems;
	uint32_t div_magic;	   /* index = offset*magic >> 32; 0 for a large span */
	uint32_t elem_bytes32;	   /* elem_bytes of a small span, 0 for a large one */
	_Atomic uint32_t sweepgen; /* h-2 needs sweep; h-1 sweeping; h ready; h+1 cached unswept;
				      h+3 cached swept */
	_Atomic uint8_t state;	   /* enum mem_span_state; release store last */
	mem_spanclass spanclass;
	bool needzero;
	_Atomic uint8_t grey; /* enum mem_span_grey */

	_Alignas(64) uint64_t alloc_cache; /* free objects of the 64 at cache_word*64: inverted
					      alloc bits, taken ones cleared */
	uint32_t cache_word;
	uint32_t free_index;
	uint32_t alloc_count;
	_Atomic uint64_t *alloc_bits; /* owner's; atomic only because the two change places */
	_Atomic uint64_t *scan_bits;  /* MEM_GREY_NONE and _WAITS: the marked objects that a marker
					 has taken to scan, or that were born black */
	struct mem_special *specials; /* owner's; see mem_special_add */
	struct mem_span *next, *prev; /* lists of central or heap; under that lock */
	void *list;
	struct mem_run run; /* the free run, once the span is free */
};

/* Objects without pointers below this size share blocks of it (malloc.go, maxTinySize). */
#define MEM_TINY_BYTES	   16u
#define MEM_TINY_SPANCLASS ((mem_spanclass)(2 * 2 + 1))

/* Per-P cache. Owner: whoever holds the P. Counters are flushed by mem_cache_flush_stats.
 * The tiny block is an object of MEM_TINY_SPANCLASS like any other: it has one mark, and dies when nothing
 * points into it any more. A cycle that begins marks it, and the flush that follows every cycle forgets it. */
struct mem_cache {
	struct mem_span *span[MEM_SPAN_CLASSES];
	uint32_t counted[MEM_SPAN_CLASSES]; /* of the span's alloc_count: is in the totals already */
	uintptr_t tiny;	     /* the block that has room; 0: none */
	uint32_t tiny_used;  /* bytes of it, from its base */
	uint64_t tiny_count; /* allocations out of a block that was there, since the last flush */
	uint64_t sample_left; /* bytes until the heap profile samples; the collector's. 0 when created */
	uint64_t flush_gen;	/* mem_sweepgen() of the last flush; see mem_cache_stale */
	struct mem_cache *next; /* every cache of the process; private to mem */
};

/* All in bytes but for *_objects_*. Exact while the world is stopped and caches are flushed:
 * heap_sys = heap_inuse + heap_idle, heap_idle >= heap_released. heap_released counts free pages
 * that the system does not back: never touched, or given back. A tiny block is one object;
 * tiny_objects_total counts what was put into one after its first. */
struct mem_stats {
	uint64_t alloc_bytes_total, alloc_objects_total, freed_bytes_total, freed_objects_total;
	uint64_t tiny_objects_total;
	uint64_t heap_sys, heap_inuse, heap_idle, heap_released; /* bytes */
	uint64_t spans_inuse, span_sys, cache_inuse, cache_sys, bits_sys, other_sys;
	/* Objects by class; class 0: large ones. Their bytes. */
	uint64_t alloc_class[MEM_CLASSES], freed_class[MEM_CLASSES];
	uint64_t alloc_large_bytes, freed_large_bytes;
	/* The same figures once more, from what is kept for another purpose (memstats.c compares): in use by
	 * the spans, released and backed by the free runs, and everything that the system backs by what was
	 * asked of it and given back. */
	uint64_t seen_inuse, seen_released, seen_retained, mapped_ready;
};

/* How mem tells the collector. Set once by gc before the first allocation; no NULLs. */
struct mem_hooks {
	/* heapLive moved by delta bytes: refill counts a whole span's rest at once, large objects
	 * their size (go-facts §4). */
	void (*live_add)(int64_t delta);
	/* pages swept on behalf of an allocation (sweep pacing); bytes to account */
	void (*sweep_debt)(size_t span_bytes);
	/* true while objects must be born black. The allocator marks them (mem_mark, after
	 * mem_bits_set); mem asks only to refuse a sweep then: marks of the running cycle would be
	 * taken for the last one's. */
	bool (*alloc_black)(void);
	/* An armed gate on a failure site: true: memory is refused. Optional, NULL allowed: never.
	 * It decides and logs, and does nothing else: the points mem/os_* ask under the heap's lock. */
	bool (*refuse)(enum gcs_point point, size_t bytes);
	/* The gate of mem/slow is armed, and `bytes` of a span's pages are touched for the first time
	 * or come back: may keep the calling thread waiting. Optional, NULL allowed. */
	void (*fault_in)(size_t bytes);
	/* A span took `bytes` that the system did not back until now, and the heap grew by `grown` for
	 * it (0: it did not): a limit may want as much given back (mem_scavenge). Optional, NULL
	 * allowed. */
	void (*fresh)(size_t bytes, size_t grown);
	/* The gate of mem/os_release is armed and `bytes` are about to be given back: 0, or -errno: the
	 * system refuses. May keep the calling thread waiting. Optional, NULL allowed. */
	int (*release)(size_t bytes);
	/* The gate of mem/fragment is armed and a span of `bytes` gets its pages; choice: the longest
	 * free run can be split for it. The firing, or 0. Optional, NULL allowed. */
	uint64_t (*fragment)(size_t bytes, bool choice);
	/* It was split: the longest free run is now so long. With `fragment`. */
	void (*fragmented)(uint64_t firing, size_t longest);
	/* A sweep finds the object of a special dead. Optional, NULL allowed. */
	void (*special_dead)(void *what);
	/* The process dies next (throw.h), for want of a block of `bytes` (0: not of the heap). It logs, and does
	 * nothing else: any lock may be held. Optional, NULL allowed. */
	void (*dying)(size_t bytes);
};
/* But for `refuse`, `fragment` and `dying`, hooks run with no lock of mem held. They may sweep (mem_sweep_one)
 * and scavenge; they neither park nor allocate. */

int mem_init(size_t reserve_bytes, const struct mem_hooks *hooks, bool clobber);
void mem_fini(void); /* gives every page back */

int mem_cache_create(struct mem_cache **ret);
void mem_cache_destroy(struct mem_cache *c);
/* Return the spans to central (world stopped, or by the P itself); Go's releaseAll +
 * prepareForSweep. */
void mem_cache_flush(struct mem_cache *c);
/* A sweep began since the last flush: the cache must be flushed before its P allocates again, and
 * in any case before the next mark phase begins (objects in an unswept cached span still carry old
 * marks). */
static inline bool mem_cache_stale(const struct mem_cache *c);
/* World stopped: flush every cache that is stale. */
void mem_caches_flush_stale(void);

/* Small object: NULL when the cached span is full: then mem_cache_refill and
 * again. Not zeroed when *ret_needzero. No lock, no step. */
static inline void *mem_cache_alloc(struct mem_cache *c, mem_spanclass sc, bool *ret_needzero);
/* `bytes` (below MEM_TINY_BYTES) out of the tiny block, aligned to 8, 4 or 2 if they are divisible by it.
 * Zeroed when the block was. NULL: no room; then a new block is due. The cache is not stale. */
static inline void *mem_tiny_alloc(struct mem_cache *c, size_t bytes);
/* `block`, just allocated, begins with `bytes` that are in use: it becomes the tiny block if it leaves
 * more room than the one that is. */
static inline void mem_tiny_renew(struct mem_cache *c, void *block, size_t bytes);
/* New span for sc: central, sweeping there as needed, else fresh pages. -ENOMEM. */
int mem_cache_refill(struct mem_cache *c, mem_spanclass sc);
/* Large object in a span of its own. NULL: no memory. */
void *mem_large_alloc(size_t bytes, bool noscan, bool *ret_needzero);

/* ---- objects: any address -> object */
struct mem_obj {
	struct mem_span *span;
	uintptr_t base;
	uint32_t index;
};
/* false: not inside an allocated span. Interior pointers resolve to their object. Lock-free; safe
 * concurrently with span allocation and release (acquire on state). */
static inline bool mem_find(const void *addr, struct mem_obj *ret);
/* Mark bit: true if this call set it. memory_order_relaxed or; the world's stop publishes. */
static inline bool mem_mark(const struct mem_obj *o);
static inline bool mem_marked(const struct mem_obj *o);
/* mem_mark for an object that is born black: nobody will be told to scan it. */
static inline bool mem_mark_black(const struct mem_obj *o);
/* The word its mark bit lies in, to be prefetched. */
static inline _Atomic uint64_t *mem_mark_word(const struct mem_obj *o);
/* Small objects with pointers are scanned a span at a time (mgcmark_greenteagc.go): what is marked
 * and not scanned is grey, and the span waits in a queue while it has such objects.
 * After mem_mark of one of them: true: the caller puts the span into a queue. */
static inline bool mem_span_batched(const struct mem_span *s);
static inline bool mem_span_wait(struct mem_span *s);
/* It has been taken out of its queue: from here on a new mark puts it there again. */
static inline void mem_span_waited(struct mem_span *s);
/* In such a span: taken, or born black. And: marked and not taken. World stopped. */
static inline bool mem_scanned(const struct mem_obj *o);
static inline bool mem_grey(const struct mem_obj *o);
/* A hint of the next: nothing is taken. */
static inline uint64_t mem_span_see_grey(const struct mem_span *s, uint32_t w);
/* The grey objects of word w (index w*64 + bit), which are the caller's to scan from now on. */
static inline uint64_t mem_span_take_grey(struct mem_span *s, uint32_t w);
/* Is it allocated (not free) by alloc bits and free_index? World stopped or owner only. */
bool mem_allocated(const struct mem_obj *o);
static inline size_t mem_obj_bytes(const struct mem_obj *o);
static inline bool mem_obj_noscan(const struct mem_obj *o);
static inline bool mem_in_heap(const void *addr);
/* The hook special_dead shall be told `what` when a sweep finds the object dead, once. By the P that has just
 * allocated it, before its next safepoint. -ENOMEM. */
int mem_special_add(const struct mem_obj *o, void *what);

/* ---- pointer bitmap */
/* Write the bits for n consecutive elements of `elem_bytes` with mask of ptr_words; the rest of the
 * object's slot reads as "no pointer". Single writer (the allocating P); relaxed word stores. */
void mem_bits_set(void *obj, size_t slot_bytes, size_t elem_bytes, uint32_t ptr_words,
		  const uint64_t *mask, size_t n);
/* 64 bits for the 64 words from addr (word aligned), relaxed. Bit i: word addr+8i is a pointer. */
static inline uint64_t mem_bits_get(uintptr_t addr);
static inline void mem_bits_prefetch(uintptr_t addr);

/* ---- sweep (gc/ paces; mem does one span) */
static inline uint32_t mem_sweepgen(void);
/* World stopped, nothing left unswept, no cache stale: sweepgen += 2, swap full/partial set roles,
 * note the pages to sweep. */
void mem_sweep_begin(void);
/* Take and sweep one unswept span of the sets; returns its pages, 0 when none is left. Any thread.
 */
size_t mem_sweep_one(void);
/* No unswept span is left in the sets and none of them is being swept. Stale caches keep theirs:
 * mem_cache_flush sweeps those. */
bool mem_sweep_done(void);
uint64_t mem_pages_in_use(void);
uint64_t mem_pages_swept(void); /* in this sweep phase */

/* ---- giving free pages back (scavenge.c; gc/ paces) */
#define MEM_SCAVENGE_BYTES ((size_t)64 << 10)
/* Give up to max_bytes of free pages back to the system, at most MEM_SCAVENGE_BYTES at once, the highest
 * first. The bytes given back; 0: there is none that the system backs; -errno: it refuses, and they
 * stay as they are. While the system is asked the pages are nobody's: an allocation that would need
 * just them makes the heap grow. Any thread. */
int64_t mem_scavenge(size_t max_bytes);

/* ---- statistics, walking, checking */
void mem_stats_read(struct mem_stats *ret);
void mem_cache_flush_stats(struct mem_cache *c);
/* Every in-use span; world stopped. fn returns non-zero to end (returned). */
int mem_walk_spans(int (*fn)(struct mem_span *, void *), void *arg);
/* S1..S4, free runs, which pages are released, page table, class sets, counters; world stopped, caches flushed or not. 0, or
 * -EUCLEAN with a text. */
int mem_check(char *text, size_t cap);
/* Live bytes by mark bits just after mark termination, before sweep begins. World stopped. */
uint64_t mem_marked_bytes(void);

/* Persistent metadata: bump allocation, never freed until mem_fini / process end. NULL: no memory; under
 * `throw` that is the end. mem_persist_try: for what one can go on without; NULL under either policy. */
void *mem_persist(size_t bytes, size_t align);
void *mem_persist_try(size_t bytes, size_t align);

#include "runtime/mem/mem_inline.h"
