/*
 * check.c: walking every span, and every invariant of mem/ in one place.
 *
 * The check goes once over the page table and the free runs side by side:
 * each page belongs to exactly one of the two.  Then the sets and caches are
 * walked, and must between them hold each span exactly once.
 */
#include "runtime/mem/mem_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* World stopped: no entry changes under us. */
static struct mem_span *check_entry(uint32_t page)
{
	return atomic_load_explicit(&mem_layout.page_table[page], memory_order_acquire);
}

int mem_walk_spans(int (*fn)(struct mem_span *, void *), void *arg)
{
	uint32_t page = 0;
	int r = 0;

	while (r == 0 && page < mem_heap.grown_pages) {
		struct mem_span *s = check_entry(page);

		page += s != NULL ? (uint32_t)s->npages : 1;
		if (s != NULL)
			r = fn(s, arg);
	}
	return r;
}

static int check_add_marked(struct mem_span *s, void *arg)
{
	uint64_t *sum = arg;

	*sum += mem_span_popcount(s->mark_bits, mem_span_words(s)) * s->elem_bytes;
	return 0;
}

uint64_t mem_marked_bytes(void)
{
	uint64_t sum = 0;

	mem_walk_spans(check_add_marked, &sum);
	return sum;
}

/* -------------------------------------------------------------------- check */

struct check {
	char *text;
	size_t cap;
	uint32_t page;	/* every page below is accounted for */
	uint64_t spans; /* found in the page table */
	uint64_t held;	/* found in sets and caches */
	uint64_t used_pages, free_pages, released_pages;
	uint64_t live_objects, live_bytes;
	uint64_t unswept, specials;
};

static int __attribute__((format(printf, 2, 3)))
check_broken(struct check *k, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(k->text, k->cap, format, ap);
	va_end(ap);
	return -EUCLEAN;
}

/* S2, S3 and S5, object by object. */
static int check_objects(struct check *k, const struct mem_span *s)
{
	uint32_t allocated = 0;

	for (uint32_t i = 0; i < s->nelems; i++) {
		const struct mem_obj o = {.span = (struct mem_span *)(uintptr_t)s, .index = i};
		bool is = mem_span_allocated(s, i);

		allocated += is;
		if (!is && mem_marked(&o))
			return check_broken(k, "S3: span %#lx: object %u is marked and free",
					    (unsigned long)s->base, i);
		if (!is && mem_scanned(&o))
			return check_broken(k, "S5: span %#lx: object %u was scanned and is free",
					    (unsigned long)s->base, i);
	}
	k->live_objects += allocated;
	k->live_bytes += allocated * s->elem_bytes;
	if (allocated != s->alloc_count)
		return check_broken(k, "S3: span %#lx: %u objects allocated, counted %u",
				    (unsigned long)s->base, allocated, s->alloc_count);
	return 0;
}

static bool check_gen_known(const struct mem_span *s)
{
	uint32_t h = mem_sweepgen(), g = atomic_load_explicit(&s->sweepgen, memory_order_relaxed);

	return g == h - 2 || g == h - 1 || g == h || g == h + 1 || g == h + 3;
}

static int check_span(struct check *k, struct mem_span *s)
{
	uint32_t class = s->spanclass / 2;
	size_t bytes = class == 0 ? s->npages << MEM_PAGE_SHIFT : mem_class_size[class];
	unsigned long base = s->base;

	if (s->base != mem_layout.base + ((uintptr_t)k->page << MEM_PAGE_SHIFT))
		return check_broken(k, "page table: page %u names span %#lx", k->page, base);
	if (atomic_load_explicit(&s->state, memory_order_relaxed) !=
		    (class == 0 ? MEM_SPAN_LARGE : MEM_SPAN_IN_USE) ||
	    (atomic_load_explicit(&s->gen, memory_order_relaxed) & 1) != 0)
		return check_broken(k, "page table: span %#lx is not in use", base);
	for (uint32_t i = 0; i < s->npages; i++)
		if (check_entry(k->page + i) != s)
			return check_broken(k, "page table: page %u of span %#lx names another", i,
					    base);
	if (s->elem_bytes != bytes || s->nelems * s->elem_bytes > s->npages * MEM_PAGE_BYTES)
		return check_broken(k, "S1: span %#lx: %u objects of %zu bytes in %zu pages", base,
				    s->nelems, s->elem_bytes, s->npages);
	if (s->nelems != mem_span_capacity(s->spanclass, s->npages) || s->free_index > s->nelems)
		return check_broken(k, "S2: span %#lx: free index %u of %u", base, s->free_index,
				    s->nelems);
	if (!check_gen_known(s))
		return check_broken(k, "S4: span %#lx: sweepgen %u, heap %u", base,
				    atomic_load_explicit(&s->sweepgen, memory_order_relaxed),
				    mem_sweepgen());
	if (mem_released_count(k->page, (uint32_t)s->npages) != 0)
		return check_broken(k, "released: span %#lx has a page that is released", base);
	if (!mem_special_check(s, &k->specials))
		return check_broken(k, "specials: span %#lx has one of a free object", base);
	k->spans++;
	k->used_pages += s->npages;
	k->page += (uint32_t)s->npages;
	return check_objects(k, s);
}

/* All spans from where we are up to page `end`. */
static int check_spans_to(struct check *k, uint32_t end)
{
	int r = 0;

	while (r == 0 && k->page < end) {
		struct mem_span *s = check_entry(k->page);

		if (s == NULL)
			return check_broken(k, "pages: page %u is neither in a span nor free",
					    k->page);
		r = check_span(k, s);
	}
	if (r == 0 && k->page != end)
		return check_broken(k, "pages: a span runs into the free run at page %u", end);
	return r;
}

/* Which pages of the run are released, page by page, against what it says of them. */
static int check_released(struct check *k, const struct mem_run *run)
{
	uint32_t backed = 0, high = run->page;

	for (uint32_t i = 0; i < run->npages; i++) {
		if (mem_released_count(run->page + i, 1) != 0)
			continue;
		backed++;
		high = run->page + i + 1;
	}
	k->released_pages += run->npages - backed;
	if (backed != run->backed ||
	    (backed != 0 && (high > run->high || run->high > run->page + run->npages)))
		return check_broken(k, "released: page %u: %u of %u backed, up to %u; says %u, %u",
				    run->page, backed, run->npages, high, run->backed, run->high);
	if (run->backed_all != run->backed + mem_runs_backed(run->left) + mem_runs_backed(run->right))
		return check_broken(k, "released: page %u: wrong sum of backed pages below it",
				    run->page);
	return 0;
}

static int check_run(const struct mem_run *run, void *arg)
{
	struct check *k = arg;
	uint32_t left = mem_runs_longest(run->left), right = mem_runs_longest(run->right);
	uint32_t max = left > right ? left : right;
	int r;

	if (k->page == run->page && k->free_pages != 0 && check_entry(k->page - 1) == NULL)
		return check_broken(k, "runs: two runs touch at page %u", run->page);
	r = check_spans_to(k, run->page);
	if (r < 0)
		return r;
	if (run->npages == 0 || run->max != (run->npages > max ? run->npages : max))
		return check_broken(k, "runs: page %u: length %u, longest below %u, says %u",
				    run->page, run->npages, max, run->max);
	for (uint32_t i = 0; i < run->npages; i++)
		if (check_entry(run->page + i) != NULL)
			return check_broken(k, "pages: page %u is free and in a span",
					    run->page + i);
	k->free_pages += run->npages;
	k->page += run->npages;
	return check_released(k, run);
}

static int check_pages(struct check *k)
{
	int r = mem_runs_walk(mem_heap.runs, check_run, k);

	if (r == 0)
		r = check_spans_to(k, mem_heap.grown_pages);
	if (r < 0)
		return r;
	if (k->free_pages != mem_heap.free_pages || k->used_pages != mem_pages_in_use() ||
	    k->spans != mem_heap.spans)
		return check_broken(
			k, "counters: %lu pages free, %lu used, %lu spans; counted %u, %lu, %lu",
			(unsigned long)k->free_pages, (unsigned long)k->used_pages,
			(unsigned long)k->spans, mem_heap.free_pages,
			(unsigned long)mem_pages_in_use(), (unsigned long)mem_heap.spans);
	if (k->specials != mem_special_live())
		return check_broken(k, "specials: %lu in the spans, counted %lu",
				    (unsigned long)k->specials,
				    (unsigned long)mem_special_live());
	if (k->released_pages != mem_heap.released_pages || mem_heap.releasing_pages != 0)
		return check_broken(k, "counters: %lu pages released, counted %u; %u on their way",
				    (unsigned long)k->released_pages, mem_heap.released_pages,
				    mem_heap.releasing_pages);
	return 0;
}

static int check_set(struct check *k, const struct mem_spanset *set, uint32_t sc, bool full,
		     bool swept)
{
	uint32_t n = 0, want = swept ? mem_sweepgen() : mem_sweepgen() - 2;
	const struct mem_span *prev = NULL;

	for (const struct mem_span *s = set->head; s != NULL; prev = s, s = s->next, n++) {
		if (s->spanclass != sc || s->list != set || s->prev != prev)
			return check_broken(
				k, "sets: span %#lx is not of the set it lies in (class %u)",
				(unsigned long)s->base, sc);
		if (atomic_load_explicit(&s->sweepgen, memory_order_relaxed) != want)
			return check_broken(k, "S4: span %#lx is in a%s set",
					    (unsigned long)s->base, swept ? " swept" : "n unswept");
		if (full != (s->alloc_count == s->nelems))
			return check_broken(k, "sets: span %#lx: %u of %u in a %s set",
					    (unsigned long)s->base, s->alloc_count, s->nelems,
					    full ? "full" : "partial");
	}
	k->held += n;
	k->unswept += swept ? 0 : n;
	if (n != atomic_load_explicit(&set->count, memory_order_relaxed))
		return check_broken(k, "sets: class %u: %u spans in a set, counted %u", sc, n,
				    atomic_load_explicit(&set->count, memory_order_relaxed));
	return 0;
}

static int check_sets(struct check *k)
{
	uint32_t swept = mem_sweepgen() / 2 % 2;
	int r = 0;

	for (uint32_t sc = 0; r == 0 && sc < MEM_SPAN_CLASSES; sc++) {
		for (uint32_t i = 0; r == 0 && i < 2; i++) {
			r = check_set(k, &mem_centrals[sc].partial[i], sc, false, i == swept);
			if (r == 0)
				r = check_set(k, &mem_centrals[sc].full[i], sc, true, i == swept);
		}
	}
	if (r == 0 && k->unswept != mem_counted(&mem_counters.unswept))
		return check_broken(k, "sets: %lu spans unswept, counted %lu",
				    (unsigned long)k->unswept,
				    (unsigned long)mem_counted(&mem_counters.unswept));
	return r;
}

/* And count what the totals do not know yet. */
static int check_cached(struct check *k, const struct mem_cache *c, uint32_t sc, uint64_t *objects,
			uint64_t *bytes)
{
	const struct mem_span *s = c->span[sc];
	uint32_t gen = atomic_load_explicit(&s->sweepgen, memory_order_relaxed);
	uint64_t below;

	if (s == &mem_span_none)
		return 0;
	k->held++;
	*objects += s->alloc_count - c->counted[sc];
	*bytes += (s->alloc_count - c->counted[sc]) * s->elem_bytes;
	if (s->spanclass != sc || s->list != NULL)
		return check_broken(k, "cache: span %#lx is not of class %u, or in a set too",
				    (unsigned long)s->base, sc);
	if (gen != mem_sweepgen() + (mem_cache_stale(c) ? 1 : 3))
		return check_broken(k, "S4: cached span %#lx: sweepgen %u, heap %u",
				    (unsigned long)s->base, gen, mem_sweepgen());
	if (s->alloc_cache == 0)
		return 0;
	below = s->free_index > s->cache_word * 64 + 63 ? ~UINT64_C(0)
							: (UINT64_C(1) << (s->free_index % 64)) - 1;
	if ((s->alloc_cache &
	     (atomic_load_explicit(&s->alloc_bits[s->cache_word], memory_order_relaxed) | below)) !=
	    0)
		return check_broken(k, "cache: span %#lx offers an allocated object",
				    (unsigned long)s->base);
	return 0;
}

static int check_tiny(struct check *k, const struct mem_cache *c)
{
	struct mem_obj o;

	if (c->tiny == 0)
		return 0;
	if (!mem_find((const void *)c->tiny, &o) || o.base != c->tiny ||
	    o.span->spanclass != MEM_TINY_SPANCLASS || !mem_allocated(&o))
		return check_broken(k, "tiny: %#lx is no block, or free", (unsigned long)c->tiny);
	if (c->tiny_used == 0 || c->tiny_used > MEM_TINY_BYTES)
		return check_broken(k, "tiny: block %#lx: %u bytes used", (unsigned long)c->tiny,
				    c->tiny_used);
	return 0;
}

/* Whole only while no other thread moves a span, as in a stopped world. */
static int check_held(struct check *k)
{
	uint64_t objects =
		mem_counted(&mem_counters.alloc_objects) - mem_counted(&mem_counters.freed_objects);
	uint64_t bytes =
		mem_counted(&mem_counters.alloc_bytes) - mem_counted(&mem_counters.freed_bytes);
	int r = 0;

	for (const struct mem_cache *c = mem_heap.caches; c != NULL; c = c->next) {
		for (uint32_t sc = 0; r == 0 && sc < MEM_SPAN_CLASSES; sc++)
			r = check_cached(k, c, sc, &objects, &bytes);
		if (r == 0)
			r = check_tiny(k, c);
	}
	if (r < 0)
		return r;
	if (k->held != k->spans)
		return check_broken(k, "sets: %lu spans, %lu of them in a set or cache",
				    (unsigned long)k->spans, (unsigned long)k->held);
	if (objects != k->live_objects || bytes != k->live_bytes)
		return check_broken(
			k,
			"counters: %lu objects, %lu bytes allocated and not freed; found %lu, %lu",
			(unsigned long)objects, (unsigned long)bytes,
			(unsigned long)k->live_objects, (unsigned long)k->live_bytes);
	return 0;
}

int mem_check(char *text, size_t cap)
{
	struct check k = {.text = text, .cap = cap};
	int r;

	prim_mutex_lock(&mem_heap.lock);
	r = check_pages(&k);
	if (r == 0)
		r = check_sets(&k);
	if (r == 0)
		r = check_held(&k);
	prim_mutex_unlock(&mem_heap.lock);
	return r;
}
