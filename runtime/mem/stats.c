/*
 * stats.c: bringing the heap up and down, and its figures.
 */
#include "runtime/mem/mem_priv.h"

#include <string.h>

struct mem_counters mem_counters;
const struct mem_hooks *mem_hooks;

int mem_init(size_t reserve_bytes, const struct mem_hooks *hooks, bool clobber)
{
	int r = mem_heap_init(reserve_bytes, clobber);

	if (r < 0)
		return r;
	mem_hooks = hooks;
	memset(&mem_counters, 0, sizeof(mem_counters));
	mem_central_init();
	mem_persist_init();
	mem_special_init();
	return 0;
}

void mem_fini(void)
{
	mem_heap_fini();
	mem_persist_fini();
	mem_hooks = NULL;
}

uint64_t mem_pages_in_use(void)
{
	return mem_counted(&mem_counters.pages_in_use);
}

uint64_t mem_pages_swept(void)
{
	return mem_counted(&mem_counters.pages_swept);
}

static void stats_heap_locked(struct mem_stats *st)
{
	const struct mem_heap *h = &mem_heap;
	uint64_t tables = (uint64_t)h->table_pages * sizeof(struct mem_span *) +
			  mem_released_touched(h->table_pages);
	uint64_t persist = mem_persist_sys();

	prim_mutex_assert_held(&h->lock);
	st->heap_sys = (uint64_t)h->grown_pages << MEM_PAGE_SHIFT;
	st->heap_idle = (uint64_t)(h->free_pages + h->releasing_pages) << MEM_PAGE_SHIFT;
	st->heap_inuse = st->heap_sys - st->heap_idle;
	st->heap_released = (uint64_t)h->released_pages << MEM_PAGE_SHIFT;
	st->spans_inuse = h->spans * sizeof(struct mem_span);
	st->span_sys = h->span_sys;
	st->cache_inuse = h->caches_count * sizeof(struct mem_cache);
	st->cache_sys = h->cache_sys;
	st->bits_sys =
		h->bitmap_sys + PRIM_PAGE_BYTES + (uint64_t)h->table_pages * (MEM_PAGE_BYTES / 64);
	st->other_sys = persist - h->span_sys - h->cache_sys - h->bitmap_sys + tables;
	st->mapped_ready = h->mapped + persist;
}

/* What stats_heap_locked says, by other books. */
static void stats_seen_locked(struct mem_stats *st)
{
	uint64_t backed = mem_runs_backed(mem_heap.runs) + mem_heap.releasing_pages;

	st->seen_inuse = mem_pages_in_use() << MEM_PAGE_SHIFT;
	st->seen_released = (mem_heap.free_pages + mem_heap.releasing_pages - backed)
			    << MEM_PAGE_SHIFT;
	st->seen_retained = st->seen_inuse + (backed << MEM_PAGE_SHIFT);
}

static void stats_classes(struct mem_stats *st)
{
	for (uint32_t i = 0; i < MEM_CLASSES; i++) {
		st->alloc_class[i] = mem_counted(&mem_counters.alloc_class[i]);
		st->freed_class[i] = mem_counted(&mem_counters.freed_class[i]);
	}
	st->alloc_large_bytes = mem_counted(&mem_counters.alloc_large_bytes);
	st->freed_large_bytes = mem_counted(&mem_counters.freed_large_bytes);
}

void mem_stats_read(struct mem_stats *ret)
{
	struct mem_stats st = {
		.alloc_bytes_total = mem_counted(&mem_counters.alloc_bytes),
		.alloc_objects_total = mem_counted(&mem_counters.alloc_objects),
		.freed_bytes_total = mem_counted(&mem_counters.freed_bytes),
		.freed_objects_total = mem_counted(&mem_counters.freed_objects),
		.tiny_objects_total = mem_counted(&mem_counters.tiny_objects),
	};

	prim_mutex_lock(&mem_heap.lock);
	stats_heap_locked(&st);
	stats_seen_locked(&st);
	prim_mutex_unlock(&mem_heap.lock);
	stats_classes(&st);
	*ret = st;
}
