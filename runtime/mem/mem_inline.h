/*
 * mem_inline.h: the short paths of mem.h, for inlining into the allocator
 * and the marker.  Included by mem.h only; nothing here is a contract.
 *
 * Publishing a span: its fields are written while `gen` is odd, then gen
 * turns even, then the page table names it.  Freeing goes the other way round.
 * Descriptors are never unmapped, so that a reader with an old page table
 * entry reads a descriptor, perhaps of another span by now: the two equal
 * reads of gen and the test that the address lies inside tell it.
 */
#pragma once

#define MEM_CLASS_BY_8	 129
#define MEM_CLASS_BY_128 249
extern const uint8_t mem_class_by_8[MEM_CLASS_BY_8];
extern const uint8_t mem_class_by_128[MEM_CLASS_BY_128];

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(MEM_ASAN)
#define MEM_ASAN 1
#endif
#ifndef MEM_ASAN
#define MEM_ASAN 0
#endif

/* Free objects and free pages are poisoned, so that ASan names a stale access. */
#if MEM_ASAN
#include <sanitizer/asan_interface.h>
static inline void mem_poison(const void *addr, size_t bytes)
{
	__asan_poison_memory_region(addr, bytes);
}
static inline void mem_unpoison(const void *addr, size_t bytes)
{
	__asan_unpoison_memory_region(addr, bytes);
}
#else
static inline void mem_poison(const void *addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
}
static inline void mem_unpoison(const void *addr, size_t bytes)
{
	(void)addr;
	(void)bytes;
}
#endif

/* Where the heap lies. `base` and the tables are set by mem_init; `bytes` grows, release, after
 * heap and tables are committed up to there. */
struct mem_layout {
	uintptr_t base;
	_Atomic size_t bytes;
	struct mem_span *_Atomic *page_table;
	_Atomic uint64_t *bits;
	_Atomic uint32_t sweepgen;
};
extern struct mem_layout mem_layout;

static inline uint32_t mem_class_of(size_t bytes)
{
	if (bytes <= 1016)
		return mem_class_by_8[(bytes + 7) / 8];
	return mem_class_by_128[(bytes - 1024 + 127) / 128];
}

/* Relaxed: changes only while the world is stopped. */
static inline uint32_t mem_sweepgen(void)
{
	return atomic_load_explicit(&mem_layout.sweepgen, memory_order_relaxed);
}

static inline bool mem_cache_stale(const struct mem_cache *c)
{
	return c->flush_gen != mem_sweepgen();
}

/* Load the next word of alloc bits that has a free object. false: the span is full. */
bool mem_span_next_word(struct mem_span *s);

static inline void *mem_cache_alloc(struct mem_cache *c, mem_spanclass sc, bool *ret_needzero)
{
	struct mem_span *s = c->span[sc];
	uint32_t index;
	void *obj;

	if (PRIM_UNLIKELY(s->alloc_cache == 0) && !mem_span_next_word(s))
		return NULL;
	index = s->cache_word * 64 + (uint32_t)__builtin_ctzll(s->alloc_cache);
	s->alloc_cache &= s->alloc_cache - 1;
	s->free_index = index + 1;
	s->alloc_count++;
	*ret_needzero = s->needzero;
	obj = (void *)(s->base + (uintptr_t)index * s->elem_bytes32);
	mem_unpoison(obj, s->elem_bytes32);
	return obj;
}

static inline void *mem_tiny_alloc(struct mem_cache *c, size_t bytes)
{
	/* The lowest bit of the size: 8 at most. */
	uint32_t align = (uint32_t)(bytes & -bytes), at = (c->tiny_used + align - 1) & -align;
	void *obj = (void *)(c->tiny + at);

	if (c->tiny == 0 || at + bytes > MEM_TINY_BYTES)
		return NULL;
	c->tiny_used = at + (uint32_t)bytes;
	c->tiny_count++;
	mem_unpoison(obj, bytes);
	return obj;
}

static inline void mem_tiny_renew(struct mem_cache *c, void *block, size_t bytes)
{
	/* Whoever writes past his few bytes meets poison, not his neighbour's room. */
	mem_poison((char *)block + bytes, MEM_TINY_BYTES - bytes);
	if (c->tiny != 0 && bytes >= c->tiny_used)
		return;
	c->tiny = (uintptr_t)block;
	c->tiny_used = (uint32_t)bytes;
}

static inline bool mem_in_heap(const void *addr)
{
	/* Acquire: pairs with the release in heap.c, tables are there below it. */
	return (uintptr_t)addr - mem_layout.base <
	       atomic_load_explicit(&mem_layout.bytes, memory_order_acquire);
}

/* A field that another thread may be rewriting. Acquire, so that no load
 * sinks below the second read of gen; pairs with the release in MEM_SPAN_SET. */
#define MEM_SPAN_GET(s, field)	      __atomic_load_n(&(s)->field, __ATOMIC_ACQUIRE)
#define MEM_SPAN_SET(s, field, value) __atomic_store_n(&(s)->field, (value), __ATOMIC_RELEASE)

static inline bool mem_find(const void *addr, struct mem_obj *ret)
{
	uintptr_t base, offset;
	size_t elem_bytes, span_bytes;
	uint32_t gen, nelems, index;
	struct mem_span *s;

	if (!mem_in_heap(addr))
		return false;
	/* Acquire: pairs with the release that published the span (span.c). */
	s = atomic_load_explicit(
		&mem_layout.page_table[((uintptr_t)addr - mem_layout.base) >> MEM_PAGE_SHIFT],
		memory_order_acquire);
	if (s == NULL)
		return false;
	gen = atomic_load_explicit(&s->gen, memory_order_acquire);
	base = MEM_SPAN_GET(s, base);
	span_bytes = MEM_SPAN_GET(s, npages) << MEM_PAGE_SHIFT;
	elem_bytes = MEM_SPAN_GET(s, elem_bytes);
	nelems = MEM_SPAN_GET(s, nelems);
	offset = (uintptr_t)addr - base;
	index = (uint32_t)((uint64_t)(uint32_t)offset * MEM_SPAN_GET(s, div_magic) >> 32);
	/* Relaxed: the acquire loads above stay above it. */
	if (PRIM_UNLIKELY((gen & 1) != 0 ||
			  atomic_load_explicit(&s->gen, memory_order_relaxed) != gen))
		return false;
	if (PRIM_UNLIKELY(offset >= span_bytes || index >= nelems))
		return false;
	ret->span = s;
	ret->base = base + index * elem_bytes;
	ret->index = index;
	return true;
}

static inline _Atomic uint64_t *mem_mark_word(const struct mem_obj *o)
{
	return &o->span->mark_bits[o->index / 64];
}

static inline bool mem_marked(const struct mem_obj *o)
{
	/* Relaxed: see mem_mark. */
	return atomic_load_explicit(mem_mark_word(o), memory_order_relaxed) >>
		       (o->index % 64) &
	       1;
}

static inline bool mem_mark(const struct mem_obj *o)
{
	uint64_t bit = UINT64_C(1) << (o->index % 64);

	if (mem_marked(o))
		return false;
	/* Sequentially consistent: see mem_span_wait. Else only who was first matters; the stop of
	 * the world publishes the rest. */
	return (atomic_fetch_or(mem_mark_word(o), bit) & bit) == 0;
}

static inline bool mem_span_batched(const struct mem_span *s)
{
	/* Relaxed: whether it is changes only while nobody can know the span. */
	return atomic_load_explicit(&s->grey, memory_order_relaxed) != MEM_GREY_OBJECTS;
}

static inline bool mem_scanned(const struct mem_obj *o)
{
	/* Relaxed: the stop of the world orders it. */
	return mem_span_batched(o->span) &&
	       (atomic_load_explicit(&o->span->scan_bits[o->index / 64], memory_order_relaxed) >>
			(o->index % 64) &
		1) != 0;
}

static inline bool mem_grey(const struct mem_obj *o)
{
	return mem_span_batched(o->span) && mem_marked(o) && !mem_scanned(o);
}

static inline bool mem_mark_black(const struct mem_obj *o)
{
	/* Before the mark, which is a release: who sees that and takes the word's grey objects sees
	 * this one taken. */
	if (mem_span_batched(o->span))
		atomic_fetch_or_explicit(&o->span->scan_bits[o->index / 64],
					 UINT64_C(1) << (o->index % 64), memory_order_relaxed);
	return mem_mark(o);
}

/* A marker sets the mark and then looks whether the span waits; who takes the span says that it does
 * not and then looks at the marks. All four are sequentially consistent: so one of the two sees the
 * other, and no object stays grey in a span that does not wait. */
static inline bool mem_span_wait(struct mem_span *s)
{
	return atomic_load(&s->grey) == MEM_GREY_NONE &&
	       atomic_exchange(&s->grey, MEM_GREY_WAITS) == MEM_GREY_NONE;
}

static inline void mem_span_waited(struct mem_span *s)
{
	atomic_exchange(&s->grey, MEM_GREY_NONE);
}

static inline uint64_t mem_span_see_grey(const struct mem_span *s, uint32_t w)
{
	/* Relaxed: nothing is concluded from it. */
	return atomic_load_explicit(&s->mark_bits[w], memory_order_relaxed) &
	       ~atomic_load_explicit(&s->scan_bits[w], memory_order_relaxed);
}

static inline uint64_t mem_span_take_grey(struct mem_span *s, uint32_t w)
{
	uint64_t marks = atomic_load(&s->mark_bits[w]);
	/* Relaxed: a stale word only makes the exact one below be looked at. */
	uint64_t grey = marks & ~atomic_load_explicit(&s->scan_bits[w], memory_order_relaxed);

	if (grey == 0)
		return 0;
	/* Relaxed: only who is first matters; what the marker wrote came with the mark. */
	return grey & ~atomic_fetch_or_explicit(&s->scan_bits[w], grey, memory_order_relaxed);
}

static inline size_t mem_obj_bytes(const struct mem_obj *o)
{
	return o->span->elem_bytes;
}
static inline bool mem_obj_noscan(const struct mem_obj *o)
{
	return (o->span->spanclass & 1) != 0;
}

static inline uint64_t mem_bits_get(uintptr_t addr)
{
	size_t word = (addr - mem_layout.base) >> 3;
	const _Atomic uint64_t *bits = &mem_layout.bits[word / 64];
	uint32_t shift = word % 64;
	uint64_t low = atomic_load_explicit(&bits[0], memory_order_relaxed) >> shift;

	if (shift == 0)
		return low;
	return low | atomic_load_explicit(&bits[1], memory_order_relaxed) << (64 - shift);
}

/* That mem_bits_get will read, soon. */
static inline void mem_bits_prefetch(uintptr_t addr)
{
	__builtin_prefetch(&mem_layout.bits[(addr - mem_layout.base) >> 9]);
}
