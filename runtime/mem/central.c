/*
 * central.c: for each span class the spans no cache holds, in four sets:
 * with room (partial) or without (full), swept or unswept.  Which of each
 * pair is the swept one follows from sweepgen, so that a sweep phase begins by
 * a change of roles (mcentral.go).
 *
 * Nothing enters an unswept set during a phase.  Whoever takes a span out of
 * one owns it; the step of its sweepgen from h-2 to h-1 says so to everyone.
 * Hence sweep_place, which only moves up in a phase, is a safe hint of where
 * the first set that is not empty may lie.
 */
#include "runtime/mem/mem_priv.h"

struct mem_central mem_centrals[MEM_SPAN_CLASSES];
static _Atomic uint32_t central_sweep_place; /* 2*spanclass + (1: partial) */

static inline uint32_t central_swept(void)
{
	return mem_sweepgen() / 2 % 2;
}

/* --------------------------------------------------------------------- sets */

static void central_push_locked(struct mem_central *c, struct mem_spanset *set, struct mem_span *s)
{
	prim_mutex_assert_held(&c->lock);
	mem_must(s->list == NULL, "mem: span in two sets");
	s->list = set;
	s->prev = set->head != NULL ? set->tail : NULL;
	s->next = NULL;
	*(s->prev != NULL ? &s->prev->next : &set->head) = s;
	set->tail = s;
	/* Relaxed: a hint for those without the lock. */
	atomic_fetch_add_explicit(&set->count, 1, memory_order_relaxed);
}

static void central_push(struct mem_central *c, struct mem_spanset *set, struct mem_span *s)
{
	prim_mutex_lock(&c->lock);
	central_push_locked(c, set, s);
	prim_mutex_unlock(&c->lock);
}

static struct mem_span *central_pop(struct mem_central *c, struct mem_spanset *set)
{
	struct mem_span *s;

	/* Relaxed: an unswept set never fills up again, a swept one may be missed. */
	if (atomic_load_explicit(&set->count, memory_order_relaxed) == 0)
		return NULL;
	prim_mutex_lock(&c->lock);
	s = set->head;
	if (s != NULL) {
		set->head = s->next;
		if (s->next != NULL)
			s->next->prev = NULL;
		s->next = NULL;
		s->list = NULL;
		atomic_fetch_sub_explicit(&set->count, 1, memory_order_relaxed);
	}
	prim_mutex_unlock(&c->lock);
	return s;
}

void mem_central_put_swept(struct mem_span *s)
{
	struct mem_central *c = &mem_centrals[s->spanclass];
	struct mem_spanset *sets = s->alloc_count < s->nelems ? c->partial : c->full;

	/* Release: whoever sees h sees the swept bits. */
	atomic_store_explicit(&s->sweepgen, mem_sweepgen(), memory_order_release);
	central_push(c, &sets[central_swept()], s);
}

/* -------------------------------------------------------------------- sweep */

/* From needs-sweep or stale to being swept, by us. */
static void central_own(struct mem_span *s, uint32_t from)
{
	/* Acquire: pairs with the release that made it h-2 (as h, a phase ago) or h+1. */
	bool ours =
		atomic_compare_exchange_strong_explicit(&s->sweepgen, &from, mem_sweepgen() - 1,
							memory_order_acquire, memory_order_relaxed);

	mem_must(ours, "mem: span swept by two, or in the wrong set");
}

/* Take one out of an unswept set and sweep it. keep: as in mem_span_sweep. */
static struct mem_span *central_sweep_from(struct mem_central *c, struct mem_spanset *set,
					   bool keep, size_t *ret_pages, size_t *ret_freed)
{
	struct mem_span *s = central_pop(c, set);
	size_t freed;

	if (s == NULL)
		return NULL;
	central_own(s, mem_sweepgen() - 2);
	*ret_pages = s->npages;
	freed = mem_span_sweep(s, keep);
	*ret_freed = freed;
	/* Release: pairs with the acquire in mem_sweep_done. */
	atomic_fetch_sub_explicit(&mem_counters.unswept, 1, memory_order_release);
	return s;
}

static struct mem_spanset *central_place(uint32_t place, struct mem_central **ret)
{
	struct mem_central *c = &mem_centrals[place / 2];

	*ret = c;
	return (place & 1) != 0 ? &c->partial[1 - central_swept()] : &c->full[1 - central_swept()];
}

/* Relaxed all through: a hint that only saves time. */
static void central_place_advance(uint32_t from)
{
	atomic_compare_exchange_strong_explicit(&central_sweep_place, &from, from + 1,
						memory_order_relaxed, memory_order_relaxed);
}

size_t mem_central_sweep_one(size_t *ret_freed)
{
	uint32_t place = atomic_load_explicit(&central_sweep_place, memory_order_relaxed);
	struct mem_central *c;
	size_t pages = 0;

	*ret_freed = 0;
	for (; place < 2 * MEM_SPAN_CLASSES; place++) {
		struct mem_spanset *set = central_place(place, &c);

		if (central_sweep_from(c, set, false, &pages, ret_freed) != NULL)
			return pages;
		central_place_advance(place);
	}
	return 0;
}

size_t mem_sweep_one(void)
{
	size_t freed;

	return mem_central_sweep_one(&freed);
}

bool mem_sweep_done(void)
{
	/* Acquire: pairs with the release after each sweep. */
	return atomic_load_explicit(&mem_counters.unswept, memory_order_acquire) == 0;
}

void mem_central_reclaim_large(size_t npages)
{
	uint32_t unswept = 1 - central_swept();
	size_t pages, freed, sum = 0;

	for (mem_spanclass sc = 0; sc < 2; sc++) {
		struct mem_central *c = &mem_centrals[sc];

		while (sum < npages &&
		       central_sweep_from(c, &c->full[unswept], false, &pages, &freed) != NULL)
			sum += freed;
	}
}

void mem_sweep_begin(void)
{
	uint32_t swept = central_swept();
	uint64_t spans = 0;

	mem_must(mem_sweep_done(), "mem: sweep begun before the last one ended");
	for (const struct mem_cache *c = mem_heap.caches; c != NULL; c = c->next)
		mem_must(!mem_cache_stale(c),
			 "mem: sweep begun with a cache not flushed since the last one");
	for (uint32_t sc = 0; sc < MEM_SPAN_CLASSES; sc++)
		spans += atomic_load_explicit(&mem_centrals[sc].partial[swept].count,
					      memory_order_relaxed) +
			 atomic_load_explicit(&mem_centrals[sc].full[swept].count,
					      memory_order_relaxed);
	/* Relaxed: the world is stopped; its restart publishes all of it. */
	atomic_store_explicit(&mem_layout.sweepgen, mem_sweepgen() + 2, memory_order_relaxed);
	atomic_store_explicit(&mem_counters.unswept, spans, memory_order_relaxed);
	atomic_store_explicit(&mem_counters.pages_swept, 0, memory_order_relaxed);
	atomic_store_explicit(&central_sweep_place, 0, memory_order_relaxed);
}

/* ----------------------------------------------------------------- take, give */

/* Sweep from one of the unswept sets until a span with room turns up. */
static struct mem_span *central_take_unswept(struct mem_central *c, struct mem_spanset *set,
					     uint32_t *budget)
{
	size_t pages, freed;

	for (; *budget > 0; --*budget) {
		struct mem_span *s = central_sweep_from(c, set, true, &pages, &freed);

		if (s == NULL || s->alloc_count < s->nelems)
			return s;
		mem_central_put_swept(s);
	}
	return NULL;
}

static struct mem_span *central_take(struct mem_central *c)
{
	uint32_t swept = central_swept(), budget = MEM_SWEEP_BUDGET;
	struct mem_span *s = central_pop(c, &c->partial[swept]);

	if (s == NULL)
		s = central_take_unswept(c, &c->partial[1 - swept], &budget);
	if (s == NULL)
		s = central_take_unswept(c, &c->full[1 - swept], &budget);
	return s;
}

int mem_central_take(mem_spanclass sc, struct mem_span **ret)
{
	size_t npages = mem_class_pages[sc / 2];
	struct mem_span *s;
	int r;

	mem_hooks->sweep_debt(npages << MEM_PAGE_SHIFT);
	s = central_take(&mem_centrals[sc]);
	if (s == NULL) {
		r = mem_heap_alloc(npages, sc, &s);
		if (r < 0)
			return r;
	}
	mem_span_load(s);
	/* Relaxed: the span is this cache's alone. */
	atomic_store_explicit(&s->sweepgen, mem_sweepgen() + 3, memory_order_relaxed);
	*ret = s;
	return 0;
}

bool mem_central_give(struct mem_span *s)
{
	uint32_t h = mem_sweepgen();

	if (atomic_load_explicit(&s->sweepgen, memory_order_relaxed) == h + 1) {
		central_own(s, h + 1);
		mem_span_sweep(s, false);
		return true;
	}
	mem_central_put_swept(s);
	return false;
}

void mem_central_init(void)
{
	for (uint32_t i = 0; i < MEM_SPAN_CLASSES; i++) {
		struct mem_central *c = &mem_centrals[i];

		*c = (struct mem_central){0};
		prim_mutex_init(&c->lock, PRIM_RANK_CENTRAL);
	}
	atomic_store_explicit(&central_sweep_place, 0, memory_order_relaxed);
}
