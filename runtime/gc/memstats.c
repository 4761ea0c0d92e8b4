/*
 * memstats.c: MemStats (mstats.go).
 *
 * The world is stopped and the caches' counters are flushed, so the sums hold exactly; a breach is
 * our mistake and ends the process, as it does in Go 1.19.
 */
#include "runtime/gc/gc_priv.h"

#include <string.h>

static void memstats_heap(struct mrt_memstats *m, const struct mem_stats *s)
{
	m->total_alloc = s->alloc_bytes_total;
	/* What lies in a tiny block counts as allocated and as freed: its life is not known. */
	m->mallocs = s->alloc_objects_total + s->tiny_objects_total;
	m->frees = s->freed_objects_total + s->tiny_objects_total;
	m->heap_alloc = m->alloc = s->alloc_bytes_total - s->freed_bytes_total;
	m->heap_objects = m->mallocs - m->frees;
	m->heap_sys = s->heap_sys;
	m->heap_idle = s->heap_idle;
	m->heap_inuse = s->heap_inuse;
	m->heap_released = s->heap_released;
}

static void memstats_rest(struct mrt_memstats *m, const struct mem_stats *s)
{
	m->stack_inuse = m->stack_sys = sched_stack_bytes();
	m->mspan_inuse = s->spans_inuse;
	m->mspan_sys = s->span_sys;
	m->mcache_inuse = s->cache_inuse;
	m->mcache_sys = s->cache_sys;
	m->gc_sys = s->bits_sys + gc_work_sys();
	m->other_sys = s->other_sys;
	m->sys = m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys + m->gc_sys +
		 m->other_sys;
}

static void memstats_gc(struct mrt_memstats *m)
{
	int64_t available = gc_cpu_available_ns(prim_now_ns());

	m->next_gc = gc_heap_goal();
	m->last_gc_ns = (uint64_t)gc_counted(&gc_st.last_gc_ns);
	m->pause_total_ns = gc_st.pause_total_ns;
	memcpy(m->pause_ns, gc_st.pause_ns, sizeof(m->pause_ns));
	m->num_gc = gc_st.num_gc;
	m->num_forced_gc = gc_st.num_forced;
	m->gc_cpu_fraction =
		available > 0 ? (double)gc_counted(&gc_st.cpu_ns) / (double)available : 0;
}

static void memstats_assert(const struct mrt_memstats *m)
{
	gc_must(m->heap_sys == m->heap_inuse + m->heap_idle,
		"memstats: heap_sys != heap_inuse + heap_idle\n");
	gc_must(m->heap_idle >= m->heap_released, "memstats: heap_idle < heap_released\n");
	gc_must(m->heap_alloc <= m->heap_inuse, "memstats: heap_alloc > heap_inuse\n");
	gc_must(m->mallocs >= m->frees, "memstats: frees > mallocs\n");
	gc_must(m->num_forced_gc <= m->num_gc, "memstats: num_forced_gc > num_gc\n");
}

void mrt_memstats_read(mrt_g *pub, struct mrt_memstats *ret)
{
	struct sched_g *g = sched_of(pub);
	struct sched_stw stw = {0};
	struct mem_stats s;

	sched_stop_world(g, SCHED_STW_MEMSTATS, &stw);
	for (uint32_t i = 0; i < sched_procs(); i++)
		mem_cache_flush_stats(sched_p(i)->mc);
	mem_stats_read(&s);
	memset(ret, 0, sizeof(*ret));
	memstats_heap(ret, &s);
	memstats_rest(ret, &s);
	memstats_gc(ret);
	sched_start_world(g, &stw, gc_cycle(), 0);
	memstats_assert(ret);
}
