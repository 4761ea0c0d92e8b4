/*
 * heap.c: the page heap: one reservation, opened from its base upwards in
 * 4 MiB chunks, free runs in a treap (run.c), first fit by address.
 *
 * The page table (8 bytes a page) and the pointer bitmap (1/64 of the heap)
 * are reservations of their own, committed along with the chunks.  Whatever
 * the OS refuses, what was committed before stays usable and counted.
 *
 * Of every page it is known whether the system backs it (scavenge.c). Those that it does not back, never
 * touched or given back, read as zero.
 */
#include "runtime/mem/mem_priv.h"
#include "runtime/mem/throw.h"

#include <errno.h>
#include <string.h>

struct mem_heap mem_heap;
struct mem_layout mem_layout;

#define HEAP_PAGES_MAX ((size_t)UINT32_MAX / 2)
/* mem_bits_get reads two words: there is always one more page of bitmap. */
#define HEAP_BITS_EXTRA	   PRIM_PAGE_BYTES
#define HEAP_BITS_PER_PAGE (MEM_PAGE_BYTES / 64)

/* ----------------------------------------------------- descriptors, bitmaps */

static struct mem_span *heap_of_run(struct mem_run *run)
{
	return (struct mem_span *)((char *)run - offsetof(struct mem_span, run));
}

static struct mem_span *heap_spare_locked(void *(*persist)(size_t bytes, size_t align))
{
	struct mem_span *s = mem_heap.spare;

	prim_mutex_assert_held(&mem_heap.lock);
	if (s != NULL) {
		mem_heap.spare = s->next;
		return s;
	}
	s = persist(sizeof(*s), _Alignof(struct mem_span));
	if (s == NULL)
		return NULL;
	mem_heap.span_sys += sizeof(*s);
	/* Relaxed: no page table entry names it yet. Odd: not a span. */
	atomic_store_explicit(&s->gen, 1, memory_order_relaxed);
	return s;
}

struct mem_span *mem_heap_spare_get_locked(void)
{
	return heap_spare_locked(mem_persist);
}

struct mem_span *mem_heap_spare_try_locked(void)
{
	return heap_spare_locked(mem_persist_try);
}

void mem_heap_spare_put_locked(struct mem_span *s)
{
	s->next = mem_heap.spare;
	mem_heap.spare = s;
}

static uint32_t heap_bitmap_size(uint32_t words)
{
	return words <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(words - 1);
}

/* Two bitmaps of at least `words`, or three, not cleared. NULL: no memory. */
static _Atomic uint64_t *heap_bitmap_get_locked(uint32_t words, bool three)
{
	uint32_t size = heap_bitmap_size(words);
	_Atomic uint64_t *bits = mem_heap.spare_bits[three][size];
	size_t align = (size_t)16 << size, bytes = align + (three ? align / 2 : 0);

	if (bits != NULL) {
		mem_heap.spare_bits[three][size] =
			(_Atomic uint64_t *)(uintptr_t)atomic_load_explicit(bits,
									    memory_order_relaxed);
		return bits;
	}
	bits = mem_persist(bytes, align < 64 ? align : 64);
	if (bits != NULL)
		mem_heap.bitmap_sys += bytes;
	return bits;
}

static void heap_bitmap_put_locked(_Atomic uint64_t *bits, uint32_t words, bool three)
{
	uint32_t size = heap_bitmap_size(words);

	/* Relaxed: the heap lock orders it. */
	atomic_store_explicit(bits, (uintptr_t)mem_heap.spare_bits[three][size],
			      memory_order_relaxed);
	mem_heap.spare_bits[three][size] = bits;
}

/* ------------------------------------------------------------------- growth */

static void heap_spent_put_locked(struct mem_run *const spent[2])
{
	for (int i = 0; i < 2; i++)
		if (spent[i] != NULL)
			mem_heap_spare_put_locked(heap_of_run(spent[i]));
}

void mem_heap_run_put_locked(struct mem_span *s)
{
	struct mem_run *spent[2];

	prim_mutex_assert_held(&mem_heap.lock);
	mem_heap.free_pages += s->run.npages;
	mem_heap.runs = mem_runs_put(mem_heap.runs, &s->run, spent);
	heap_spent_put_locked(spent);
}

void mem_heap_run_cut_locked(const struct mem_cut *cut)
{
	struct mem_run *spent[2];

	prim_mutex_assert_held(&mem_heap.lock);
	mem_heap.runs = mem_runs_cut(mem_heap.runs, cut, spent);
	mem_heap.free_pages -= cut->npages;
	heap_spent_put_locked(spent);
}

/* Free pages at the very end of what is committed. */
static uint32_t heap_tail_pages_locked(void)
{
	const struct mem_run *t = mem_heap.runs;

	while (t != NULL && t->right != NULL)
		t = t->right;
	return t != NULL && t->page + t->npages == mem_heap.grown_pages ? t->npages : 0;
}

static int heap_commit_tables_locked(uint32_t end)
{
	uint32_t from = mem_heap.table_pages, more = end - from;
	int r;

	if (end <= from)
		return 0;
	r = prim_pages_commit((void *)(uintptr_t)&mem_layout.page_table[from],
			      more * sizeof(struct mem_span *));
	if (r == 0)
		r = prim_pages_commit((void *)((uintptr_t)mem_layout.bits + HEAP_BITS_EXTRA +
					       (size_t)from * HEAP_BITS_PER_PAGE),
				      (size_t)more * HEAP_BITS_PER_PAGE);
	if (r < 0 && mem_throws())
		mem_throw_arena();
	if (r < 0)
		return -ENOMEM;
	prim_step_n(PRIM_COST_FAULT, (uint32_t)(more * (sizeof(struct mem_span *) +
							HEAP_BITS_PER_PAGE) / PRIM_PAGE_BYTES));
	mem_heap.mapped += more * (sizeof(struct mem_span *) + HEAP_BITS_PER_PAGE) +
			   mem_released_touched(end) - mem_released_touched(from);
	mem_heap.table_pages = end;
	return 0;
}

/* The armed gates of growth, in the order in which the system would refuse. */
static bool heap_growth_refused(const void *addr, size_t bytes)
{
	if (mem_refused(GCS_POINT_mem_os_reserve, bytes))
		return true;
	if (!mem_refused(GCS_POINT_mem_os_commit, bytes))
		return false;
	if (mem_throws())
		mem_throw_map(addr, bytes, ENOMEM);
	return true;
}

static int heap_commit_chunks(void *addr, size_t bytes)
{
	int r = prim_pages_commit(addr, bytes);

	if (r < 0 && mem_throws())
		mem_throw_map(addr, bytes, -r);
	return r < 0 ? -ENOMEM : 0;
}

/* Open chunks until npages lie free together at the end. */
static int heap_grow_locked(uint32_t npages)
{
	uint32_t from = mem_heap.grown_pages, need = npages - heap_tail_pages_locked();
	uint32_t more = (need + MEM_CHUNK_PAGES - 1) / MEM_CHUNK_PAGES * MEM_CHUNK_PAGES;
	char *addr = (char *)mem_layout.base + ((size_t)from << MEM_PAGE_SHIFT);
	struct mem_span *s;
	int r;

	if (more > mem_heap.reserved_pages - from)
		return -ENOMEM;
	if (heap_growth_refused(addr, (size_t)more << MEM_PAGE_SHIFT))
		return -ENOMEM;
	s = mem_heap_spare_get_locked();
	if (s == NULL)
		return -ENOMEM;
	r = heap_commit_tables_locked(from + more);
	if (r == 0)
		r = heap_commit_chunks(addr, (size_t)more << MEM_PAGE_SHIFT);
	if (r < 0) {
		mem_heap_spare_put_locked(s);
		return r;
	}
	mem_poison(addr, (size_t)more << MEM_PAGE_SHIFT);
	mem_heap.grown_pages = from + more;
	/* Release: pairs with the acquire in mem_in_heap. */
	atomic_store_explicit(&mem_layout.bytes, (size_t)mem_heap.grown_pages << MEM_PAGE_SHIFT,
			      memory_order_release);
	mem_released_set(from, more);
	s->run = (struct mem_run){.page = from, .npages = more};
	mem_heap_run_put_locked(s);
	return 0;
}

/* --------------------------------------------------------------- alloc, free */

struct heap_cut {
	struct mem_span *span;
	_Atomic uint64_t *bits;
	uint32_t page;
	uint32_t fresh;	 /* pages of it that the system did not back until now */
	uint32_t grown;	 /* pages by which the heap grew for it */
	uint64_t firing; /* of mem/fragment; 0: none */
	uint32_t longest; /* with it: pages of the longest run that is left */
};

/* The first run that is long enough. */
static void heap_place_first_locked(uint32_t npages, struct heap_cut *cut)
{
	struct mem_run *spent = NULL;

	mem_heap.runs = mem_runs_take(mem_heap.runs, npages, &cut->page, &spent);
	mem_heap.free_pages -= npages;
	if (spent != NULL)
		mem_heap_spare_put_locked(heap_of_run(spent));
}

/* The gate of mem/fragment is armed: in the middle of the longest run, so that something is left on
 * both sides; false: it does not fire, or cannot. */
static __attribute__((cold, noinline)) bool heap_place_apart_locked(uint32_t npages,
								    struct heap_cut *cut)
{
	struct mem_run *run = mem_runs_first_longest(mem_heap.runs);
	struct mem_span *rest = mem_heap_spare_try_locked();
	bool choice = rest != NULL && run->npages >= npages + 2;

	cut->firing = mem_hooks->fragment != NULL
			      ? mem_hooks->fragment((size_t)npages << MEM_PAGE_SHIFT, choice)
			      : 0;
	if (!choice || cut->firing == 0) {
		if (rest != NULL)
			mem_heap_spare_put_locked(rest);
		cut->firing = 0;
		return false;
	}
	cut->page = run->page + (run->npages - npages) / 2;
	mem_heap_run_cut_locked(&(struct mem_cut){
		.run = run, .rest = &rest->run, .page = cut->page, .npages = npages});
	cut->longest = mem_runs_longest(mem_heap.runs);
	return true;
}

static int heap_take_pages_locked(uint32_t npages, struct heap_cut *cut)
{
	uint32_t before = mem_heap.grown_pages;
	int r;

	if (mem_runs_longest(mem_heap.runs) < npages) {
		r = heap_grow_locked(npages);
		if (r < 0)
			return r;
	}
	if (!gcs_gate(GCS_POINT_mem_fragment) || !heap_place_apart_locked(npages, cut))
		heap_place_first_locked(npages, cut);
	cut->fresh = mem_released_take(cut->page, npages);
	mem_heap.mapped += (uint64_t)cut->fresh << MEM_PAGE_SHIFT;
	cut->grown = mem_heap.grown_pages - before;
	return 0;
}

/* Everything a span needs, or nothing. */
static int heap_cut_locked(uint32_t npages, uint32_t words, bool batched, struct heap_cut *cut)
{
	int r;

	prim_mutex_assert_held(&mem_heap.lock);
	cut->span = mem_heap_spare_get_locked();
	if (cut->span == NULL)
		return -ENOMEM;
	cut->bits = heap_bitmap_get_locked(words, batched);
	r = cut->bits == NULL ? -ENOMEM : heap_take_pages_locked(npages, cut);
	if (r < 0) {
		if (cut->bits != NULL)
			heap_bitmap_put_locked(cut->bits, words, batched);
		mem_heap_spare_put_locked(cut->span);
		return r;
	}
	mem_heap.spans++;
	return 0;
}

/* Pages of the span come into use for the first time, or again. No lock is held. */
static void heap_fault_in(const struct heap_cut *cut)
{
	size_t bytes = (size_t)cut->fresh << MEM_PAGE_SHIFT;

	prim_step_n(PRIM_COST_FAULT, (uint32_t)(bytes / PRIM_PAGE_BYTES));
	if (mem_hooks->fresh != NULL)
		mem_hooks->fresh(bytes, (size_t)cut->grown << MEM_PAGE_SHIFT);
	if (gcs_gate(GCS_POINT_mem_slow) && mem_hooks->fault_in != NULL)
		mem_hooks->fault_in(bytes);
}

static int heap_try_alloc(size_t npages, mem_spanclass sc, struct mem_span **ret)
{
	uint32_t words = (mem_span_capacity(sc, npages) + 63) / 64;
	bool batched = mem_spanclass_batched(sc);
	struct heap_cut cut = {0};
	int r;

	if (npages > mem_heap.reserved_pages)
		return -ENOMEM;
	prim_mutex_lock(&mem_heap.lock);
	r = heap_cut_locked((uint32_t)npages, words, batched, &cut);
	prim_mutex_unlock(&mem_heap.lock);
	prim_step(PRIM_COST_ALLOC_SLOW);
	if (r < 0)
		return r;
	/* The pages are nobody else's now: the long part needs no lock. */
	mem_span_zero_bits(cut.bits, words * (batched ? 3 : 2));
	mem_span_publish(cut.span, cut.page, npages, sc, cut.bits, words, cut.fresh < npages);
	mem_count(&mem_counters.pages_in_use, npages);
	if (PRIM_UNLIKELY(cut.firing != 0))
		mem_hooks->fragmented(cut.firing, (size_t)cut.longest << MEM_PAGE_SHIFT);
	if (cut.fresh != 0)
		heap_fault_in(&cut);
	*ret = cut.span;
	return 0;
}

int mem_heap_alloc(size_t npages, mem_spanclass sc, struct mem_span **ret)
{
	int r;

	if (mem_refused(GCS_POINT_mem_span, npages << MEM_PAGE_SHIFT))
		return -ENOMEM;
	r = heap_try_alloc(npages, sc, ret);
	if (r != -ENOMEM || mem_sweep_done())
		return r;
	while (mem_sweep_one() != 0)
		;
	return heap_try_alloc(npages, sc, ret);
}

void mem_heap_free(struct mem_span *s)
{
	uint32_t page = (uint32_t)((s->base - mem_layout.base) >> MEM_PAGE_SHIFT),
		 words = mem_span_words(s);
	_Atomic uint64_t *bits = s->alloc_bits < s->mark_bits ? s->alloc_bits : s->mark_bits;
	size_t npages = s->npages;

	mem_must(s->list == NULL, "mem: a listed span freed");
	mem_span_withdraw(s);
	mem_poison((void *)s->base, npages << MEM_PAGE_SHIFT);
	mem_uncount(&mem_counters.pages_in_use, npages);
	prim_mutex_lock(&mem_heap.lock);
	heap_bitmap_put_locked(bits, words, mem_span_batched(s));
	mem_heap.spans--;
	s->run = (struct mem_run){.page = page,
				  .npages = (uint32_t)npages,
				  .backed = (uint32_t)npages,
				  .high = page + (uint32_t)npages};
	mem_heap_run_put_locked(s);
	prim_mutex_unlock(&mem_heap.lock);
}

/* ---------------------------------------------------------------- init, fini */

static int heap_reserve(size_t pages)
{
	void *heap, *table, *bits, *released;
	int r;

	mem_heap.page_table_bytes = pages * sizeof(struct mem_span *);
	mem_heap.bits_bytes = pages * HEAP_BITS_PER_PAGE + HEAP_BITS_EXTRA;
	mem_heap.released_bytes = (pages + 63) / 64 * sizeof(uint64_t);
	r = prim_pages_reserve(&heap, prim_heap_base(), pages << MEM_PAGE_SHIFT, MEM_CHUNK_BYTES);
	if (r < 0)
		return r;
	r = prim_pages_reserve(&table, 0, mem_heap.page_table_bytes, PRIM_PAGE_BYTES);
	if (r < 0)
		goto fail_table;
	r = prim_pages_reserve(&bits, 0, mem_heap.bits_bytes, PRIM_PAGE_BYTES);
	if (r < 0)
		goto fail_bits;
	r = prim_pages_reserve(&released, 0, mem_heap.released_bytes, PRIM_PAGE_BYTES);
	if (r < 0)
		goto fail_released;
	r = prim_pages_commit(bits, HEAP_BITS_EXTRA);
	if (r == 0)
		r = prim_pages_commit(released, mem_heap.released_bytes);
	if (r < 0)
		goto fail_commit;
	mem_heap.mapped = HEAP_BITS_EXTRA;
	mem_heap.released = released;
	mem_layout.base = (uintptr_t)heap;
	mem_layout.page_table = table;
	mem_layout.bits = bits;
	return 0;

fail_commit:
	prim_pages_unreserve(released, mem_heap.released_bytes);
fail_released:
	prim_pages_unreserve(bits, mem_heap.bits_bytes);
fail_bits:
	prim_pages_unreserve(table, mem_heap.page_table_bytes);
fail_table:
	prim_pages_unreserve(heap, pages << MEM_PAGE_SHIFT);
	return r;
}

int mem_heap_init(size_t reserve_bytes, bool clobber)
{
	size_t chunks = reserve_bytes / MEM_CHUNK_BYTES + (reserve_bytes % MEM_CHUNK_BYTES != 0);
	int r;

	if (chunks == 0 || chunks > HEAP_PAGES_MAX / MEM_CHUNK_PAGES)
		return -EINVAL;
	memset(&mem_heap, 0, sizeof(mem_heap));
	prim_mutex_init(&mem_heap.lock, PRIM_RANK_HEAP);
	r = heap_reserve(chunks * MEM_CHUNK_PAGES);
	if (r < 0)
		return r;
	mem_heap.reserved_pages = (uint32_t)(chunks * MEM_CHUNK_PAGES);
	mem_heap.clobber = clobber;
	atomic_store_explicit(&mem_layout.bytes, 0, memory_order_relaxed);
	atomic_store_explicit(&mem_layout.sweepgen, 2, memory_order_relaxed);
	return 0;
}

void mem_heap_fini(void)
{
	mem_unpoison((void *)mem_layout.base, atomic_load(&mem_layout.bytes));
	prim_pages_unreserve(mem_heap.released, mem_heap.released_bytes);
	prim_pages_unreserve((void *)(uintptr_t)mem_layout.bits, mem_heap.bits_bytes);
	prim_pages_unreserve((void *)(uintptr_t)mem_layout.page_table, mem_heap.page_table_bytes);
	prim_pages_unreserve((void *)mem_layout.base,
			     (size_t)mem_heap.reserved_pages << MEM_PAGE_SHIFT);
	memset(&mem_heap, 0, sizeof(mem_heap));
	memset(&mem_layout, 0, sizeof(mem_layout));
}
