/*
 * span.c: one span: how it becomes visible, hands out objects and is swept.
 *
 * A span owns two bitmaps for its whole life, a bit an object.  During a
 * sweep they change places: the marks become the alloc bits, the old alloc
 * bits are cleared and become the next cycle's marks.  So a sweep allocates
 * nothing and cannot fail.  A span whose objects are scanned together has a
 * third one, of those that were; the sweep clears it.
 *
 * An object is allocated when its index is below free_index or its alloc bit
 * is set.  free_index moves up as the owner allocates and is 0 after a sweep.
 */
#include "runtime/mem/mem_priv.h"

/* Statically allocated, never written: every cache of every P may hold it. */
struct mem_span mem_span_none;

uint32_t mem_span_capacity(mem_spanclass sc, size_t npages)
{
	uint32_t class = sc / 2;

	return class == 0 ? 1 : (uint32_t)((npages << MEM_PAGE_SHIFT) / mem_class_size[class]);
}

/* Relaxed, here and below: by now the bitmap is one thread's, or the world is stopped. */
static inline uint64_t span_bits(const _Atomic uint64_t *bits, uint32_t word)
{
	return atomic_load_explicit(&bits[word], memory_order_relaxed);
}

static inline bool span_bit(const _Atomic uint64_t *bits, uint32_t index)
{
	return (span_bits(bits, index / 64) >> (index % 64) & 1) != 0;
}

uint32_t mem_span_popcount(const _Atomic uint64_t *bits, uint32_t words)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < words; i++)
		count += (uint32_t)__builtin_popcountll(span_bits(bits, i));
	return count;
}

void mem_span_zero_bits(_Atomic uint64_t *bits, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		atomic_store_explicit(&bits[i], 0, memory_order_relaxed);
}

static void span_table_set(uint32_t page, size_t npages, struct mem_span *s)
{
	struct mem_span *_Atomic *entry = &mem_layout.page_table[page];

	/* Release: pairs with the acquire in mem_find. */
	for (size_t i = 0; i < npages; i++)
		atomic_store_explicit(&entry[i], s, memory_order_release);
}

void mem_span_publish(struct mem_span *s, uint32_t page, size_t npages, mem_spanclass sc,
		      _Atomic uint64_t *bits, uint32_t words, bool needzero)
{
	uint32_t class = sc / 2, gen = atomic_load_explicit(&s->gen, memory_order_relaxed);
	size_t elem_bytes = class == 0 ? npages << MEM_PAGE_SHIFT : mem_class_size[class];

	MEM_SPAN_SET(s, base, mem_layout.base + ((uintptr_t)page << MEM_PAGE_SHIFT));
	MEM_SPAN_SET(s, npages, npages);
	MEM_SPAN_SET(s, elem_bytes, elem_bytes);
	MEM_SPAN_SET(s, nelems, mem_span_capacity(sc, npages));
	MEM_SPAN_SET(s, div_magic, class == 0 ? 0 : UINT32_MAX / (uint32_t)elem_bytes + 1);
	s->elem_bytes32 = class == 0 ? 0 : (uint32_t)elem_bytes;
	s->spanclass = sc;
	s->needzero = needzero;
	s->specials = NULL;
	s->alloc_bits = bits;
	s->mark_bits = bits + words;
	s->scan_bits = mem_spanclass_batched(sc) ? bits + 2 * words : NULL;
	/* Relaxed: gen publishes it. */
	atomic_store_explicit(&s->grey, s->scan_bits != NULL ? MEM_GREY_NONE : MEM_GREY_OBJECTS,
			      memory_order_relaxed);
	s->alloc_cache = 0;
	s->cache_word = s->free_index = s->alloc_count = 0;
	s->next = s->prev = NULL;
	s->list = NULL;
	/* Relaxed: the span is not in any set yet; gen publishes it. */
	atomic_store_explicit(&s->sweepgen, mem_sweepgen(), memory_order_relaxed);
	atomic_store_explicit(&s->state, class == 0 ? MEM_SPAN_LARGE : MEM_SPAN_IN_USE,
			      memory_order_release);
	/* Release: pairs with the acquire of gen in mem_find. */
	atomic_store_explicit(&s->gen, gen + 1, memory_order_release);
	span_table_set(page, npages, s);
}

void mem_span_withdraw(struct mem_span *s)
{
	uint32_t gen = atomic_load_explicit(&s->gen, memory_order_relaxed);

	span_table_set((uint32_t)((s->base - mem_layout.base) >> MEM_PAGE_SHIFT), s->npages, NULL);
	atomic_store_explicit(&s->state, MEM_SPAN_FREE, memory_order_release);
	/* Odd. The release stores of the next publish come after it. */
	atomic_store_explicit(&s->gen, gen + 1, memory_order_release);
}

/* Free objects of word w, those past the last one left out. */
static uint64_t span_free_word(const struct mem_span *s, uint32_t w)
{
	uint32_t rest = s->nelems - w * 64;
	uint64_t free = ~span_bits(s->alloc_bits, w);

	return rest < 64 ? free & ((UINT64_C(1) << rest) - 1) : free;
}

void mem_span_load(struct mem_span *s)
{
	uint32_t w = s->free_index / 64;

	mem_must(s->free_index < s->nelems && s->alloc_count < s->nelems,
		 "mem: full span given to a cache");
	s->cache_word = w;
	s->alloc_cache = span_free_word(s, w) & ~UINT64_C(0) << (s->free_index % 64);
}

bool mem_span_next_word(struct mem_span *s)
{
	uint32_t words = mem_span_words(s);

	for (uint32_t w = s->cache_word + 1; w < words; w++) {
		uint64_t free = span_free_word(s, w);

		if (free == 0)
			continue;
		s->cache_word = w;
		s->free_index = w * 64;
		s->alloc_cache = free;
		return true;
	}
	if (s->free_index != s->nelems)
		s->free_index = s->nelems;
	return false;
}

bool mem_span_allocated(const struct mem_span *s, uint32_t index)
{
	return index < s->free_index || span_bit(s->alloc_bits, index);
}

bool mem_allocated(const struct mem_obj *o)
{
	return mem_span_allocated(o->span, o->index);
}

/* -------------------------------------------------------------------- sweep */

/* Overwrite what this sweep frees, so that a stale pointer meets garbage and ASan. */
static void span_clobber(const struct mem_span *s, uint32_t index)
{
	uint64_t *obj = (uint64_t *)(s->base + index * s->elem_bytes);

	/* The rest of a tiny block was nobody's. */
	mem_unpoison(obj, s->elem_bytes);
	for (size_t i = 0; mem_heap.clobber && i < s->elem_bytes / 8; i++)
		obj[i] = MEM_CLOBBER;
	mem_poison(obj, s->elem_bytes);
}

static void span_clobber_unmarked(const struct mem_span *s)
{
	if (!mem_heap.clobber && !MEM_ASAN)
		return;
	for (uint32_t i = 0; i < s->nelems; i++)
		if (mem_span_allocated(s, i) && !span_bit(s->mark_bits, i))
			span_clobber(s, i);
}

static void span_swap_bits(struct mem_span *s)
{
	_Atomic uint64_t *marks = s->mark_bits;

	s->mark_bits = s->alloc_bits;
	s->alloc_bits = marks;
	mem_span_zero_bits(s->mark_bits, mem_span_words(s));
	if (s->scan_bits != NULL)
		mem_span_zero_bits(s->scan_bits, mem_span_words(s));
}

size_t mem_span_sweep(struct mem_span *s, bool keep)
{
	uint32_t live = mem_span_popcount(s->mark_bits, mem_span_words(s));
	uint32_t freed = s->alloc_count - live;
	size_t npages = s->npages;

	mem_must(!mem_hooks->alloc_black(), "mem: sweep while objects are born black");
	mem_must(live <= s->alloc_count, "mem: more objects marked than allocated");
	/* Relaxed: the marking that could have changed it is over. */
	mem_must(atomic_load_explicit(&s->grey, memory_order_relaxed) != MEM_GREY_WAITS,
		 "mem: sweep of a span that waits to be scanned");
	if (PRIM_UNLIKELY(s->specials != NULL))
		mem_special_sweep(s);
	if (freed != 0) {
		span_clobber_unmarked(s);
		mem_count(&mem_counters.freed_objects, freed);
		mem_count(&mem_counters.freed_class[s->spanclass / 2], freed);
		if (s->spanclass / 2 == 0)
			mem_count(&mem_counters.freed_large_bytes, s->elem_bytes);
		mem_count(&mem_counters.freed_bytes, freed * s->elem_bytes);
	}
	mem_count(&mem_counters.pages_swept, npages);
	prim_step(PRIM_COST_SWEEP_SPAN);
	prim_step_n(PRIM_COST_SWEEP_OBJECT, s->nelems);
	if (live == 0 && !keep) {
		mem_heap_free(s);
		return npages;
	}
	span_swap_bits(s);
	s->alloc_count = live;
	s->free_index = 0;
	if (freed != 0)
		s->needzero = true;
	if (keep)
		/* Relaxed: the caller owns it and will publish it through a set. */
		atomic_store_explicit(&s->sweepgen, mem_sweepgen(), memory_order_relaxed);
	else
		mem_central_put_swept(s);
	return 0;
}
