/*
 * cache.c: the per-P cache: one span a span class, taken from and given back
 * to central (mcache.go).  Only the holder of the P touches it, or whoever
 * stopped the world.
 *
 * A refill adds the room of the new span to heapLive at once; giving a span
 * back takes away what was not used, unless a mark phase has counted anew.
 *
 * What was allocated is counted span by span, when one is given back or the figures are asked for: the
 * span counts its objects anyway, and an allocation counts nothing else.
 */
#include "runtime/mem/mem_priv.h"

#include <errno.h>
#include <string.h>

static void cache_link(struct mem_cache *c)
{
	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < MEM_SPAN_CLASSES; i++)
		c->span[i] = &mem_span_none;
	c->flush_gen = mem_sweepgen();
	c->next = mem_heap.caches;
	mem_heap.caches = c;
	mem_heap.caches_count++;
}

int mem_cache_create(struct mem_cache **ret)
{
	struct mem_cache *c;

	prim_mutex_lock(&mem_heap.lock);
	c = mem_heap.spare_caches;
	if (c != NULL) {
		mem_heap.spare_caches = c->next;
	} else {
		c = mem_persist(sizeof(*c), 64);
		if (c != NULL)
			mem_heap.cache_sys += sizeof(*c);
	}
	if (c != NULL)
		cache_link(c);
	prim_mutex_unlock(&mem_heap.lock);
	if (c == NULL)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void mem_cache_destroy(struct mem_cache *c)
{
	struct mem_cache **at = &mem_heap.caches;

	mem_cache_flush(c);
	prim_mutex_lock(&mem_heap.lock);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->next = mem_heap.spare_caches;
	mem_heap.spare_caches = c;
	mem_heap.caches_count--;
	prim_mutex_unlock(&mem_heap.lock);
}

static void cache_count(struct mem_cache *c, mem_spanclass sc)
{
	const struct mem_span *s = c->span[sc];
	uint32_t n = s->alloc_count - c->counted[sc];

	if (n == 0)
		return;
	c->counted[sc] = s->alloc_count;
	mem_count(&mem_counters.alloc_objects, n);
	mem_count(&mem_counters.alloc_bytes, n * s->elem_bytes);
	mem_count(&mem_counters.alloc_class[sc / 2], n);
}

void mem_cache_flush_stats(struct mem_cache *c)
{
	for (uint32_t i = 0; i < MEM_SPAN_CLASSES; i++)
		cache_count(c, (mem_spanclass)i);
	mem_count(&mem_counters.tiny_objects, c->tiny_count);
	c->tiny_count = 0;
}

/* Give the span of one class back; the change of heapLive it brings. */
static int64_t cache_release(struct mem_cache *c, mem_spanclass sc)
{
	struct mem_span *s = c->span[sc];
	int64_t unused;

	if (s == &mem_span_none)
		return 0;
	/* First: a sweep of a stale span counts objects freed that must have been counted
	 * allocated. */
	cache_count(c, sc);
	unused = (int64_t)(s->nelems - s->alloc_count) * (int64_t)s->elem_bytes;
	c->span[sc] = &mem_span_none;
	c->counted[sc] = 0;
	return mem_central_give(s) ? 0 : -unused;
}

void mem_cache_flush(struct mem_cache *c)
{
	int64_t delta = 0;

	mem_cache_flush_stats(c);
	c->tiny = c->tiny_used = 0;
	for (uint32_t i = 0; i < MEM_SPAN_CLASSES; i++)
		delta += cache_release(c, (mem_spanclass)i);
	c->flush_gen = mem_sweepgen();
	if (delta != 0)
		mem_hooks->live_add(delta);
}

void mem_caches_flush_stale(void)
{
	for (struct mem_cache *c = mem_heap.caches; c != NULL; c = c->next)
		if (mem_cache_stale(c))
			mem_cache_flush(c);
}

int mem_cache_refill(struct mem_cache *c, mem_spanclass sc)
{
	struct mem_span *s = NULL;
	int64_t delta;
	int r;

	mem_must(sc >= 2 && sc < MEM_SPAN_CLASSES, "mem: refill of no small class");
	if (mem_cache_stale(c))
		mem_cache_flush(c);
	prim_step(PRIM_COST_ALLOC_SLOW);
	if (mem_refused(GCS_POINT_mem_refill, mem_class_size[sc / 2]))
		return -ENOMEM;
	r = mem_central_take(sc, &s);
	if (r < 0)
		return r;
	delta = cache_release(c, sc);
	c->span[sc] = s;
	c->counted[sc] = s->alloc_count;
	delta += (int64_t)(s->npages << MEM_PAGE_SHIFT) - (int64_t)(s->alloc_count * s->elem_bytes);
	mem_hooks->live_add(delta);
	return 0;
}
