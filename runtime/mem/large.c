/*
 * large.c: objects above 32 KiB: whole pages, a span each.
 *
 * While a sweep is under way, large spans are swept first until as many
 * pages came free as the object needs, so that a loop that replaces one large
 * object does not grow the heap.  (Go's reclaimer looks for any unmarked
 * span, large or small; here the small ones are left to the sweeper unless
 * the heap cannot grow, and then all are swept.)
 */
#include "runtime/mem/mem_priv.h"

void *mem_large_alloc(size_t bytes, bool noscan, bool *ret_needzero)
{
	size_t npages = bytes / MEM_PAGE_BYTES + (bytes % MEM_PAGE_BYTES != 0);
	struct mem_span *s;
	void *obj;

	mem_must(bytes > 0, "mem: large object of no bytes");
	if (npages > mem_heap.reserved_pages)
		return NULL;
	mem_hooks->sweep_debt(npages << MEM_PAGE_SHIFT);
	if (!mem_sweep_done())
		mem_central_reclaim_large(npages);
	prim_step(PRIM_COST_ALLOC_LARGE);
	if (mem_refused(GCS_POINT_mem_large, npages << MEM_PAGE_SHIFT))
		return NULL;
	if (mem_heap_alloc(npages, noscan, &s) < 0)
		return NULL;
	s->alloc_count = 1;
	s->free_index = 1;
	*ret_needzero = s->needzero;
	obj = (void *)s->base;
	mem_unpoison(obj, s->elem_bytes);
	mem_count(&mem_counters.alloc_objects, 1);
	mem_count(&mem_counters.alloc_class[0], 1);
	mem_count(&mem_counters.alloc_large_bytes, s->elem_bytes);
	mem_count(&mem_counters.alloc_bytes, s->elem_bytes);
	mem_hooks->live_add((int64_t)s->elem_bytes);
	mem_central_put_swept(s);
	return obj;
}
