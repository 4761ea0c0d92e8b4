/*
 * memstats.c: MemStats (mstats.go).
 *
 * The world is stopped and the caches' counters are counted in, so the sums hold exactly. Figures that
 * Go keeps twice, and compares whenever they are read, are kept twice here too: what is in use, released and
 * retained by the page heap and by spans and free runs, what was allocated and freed in total and by class,
 * what the system backs as a sum of parts and by what it was asked for. A breach is our mistake and ends the
 * process, as it does in Go 1.19; every heap check looks for one as well.
 */
#include "runtime/gc/gc_priv.h"
#include "runtime/watch/heap_profile.h"

#include <errno.h>
#include <stdio.h>
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

static void memstats_sizes(struct mrt_memstats *m, const struct mem_stats *s)
{
	for (uint32_t i = 1; i < MRT_MEMSTATS_SIZES; i++) {
		m->by_size[i].size = mem_class_size[i];
		m->by_size[i].mallocs = s->alloc_class[i];
		m->by_size[i].frees = s->freed_class[i];
	}
}

static void memstats_rest(struct mrt_memstats *m, const struct mem_stats *s, uint64_t work_sys)
{
	m->stack_inuse = sched_stack_bytes();
	m->stack_sys = sched_stack_sys();
	m->mspan_inuse = s->spans_inuse;
	m->mspan_sys = s->span_sys;
	m->mcache_inuse = s->cache_inuse;
	m->mcache_sys = s->cache_sys;
	m->buck_hash_sys = watch_profile_sys();
	m->gc_sys = s->bits_sys + work_sys;
	m->other_sys = s->other_sys - m->buck_hash_sys;
	m->sys = m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys + m->buck_hash_sys +
		 m->gc_sys + m->other_sys;
}

static void memstats_gc(struct mrt_memstats *m)
{
	int64_t available = gc_cpu_available_ns(prim_now_ns());

	m->next_gc = gc_heap_goal();
	m->last_gc_ns = (uint64_t)gc_counted(&gc_st.last_gc_ns);
	m->pause_total_ns = gc_st.pause_total_ns;
	memcpy(m->pause_ns, gc_st.pause_ns, sizeof(m->pause_ns));
	memcpy(m->pause_end, gc_st.pause_end, sizeof(m->pause_end));
	m->num_gc = gc_cycles_counted();
	m->num_forced_gc = gc_st.num_forced;
	m->gc_cpu_fraction =
		available > 0 ? (double)gc_counted(&gc_st.cpu_ns) / (double)available : 0;
	m->enable_gc = true;
}

/* ------------------------------------------------------------------ the check */

struct memstats_rule {
	bool holds;
	const char *broken;
};

static const char *memstats_first_broken(const struct memstats_rule *rule, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!rule[i].holds)
			return rule[i].broken;
	return NULL;
}
#define MEMSTATS_FIRST_BROKEN(rules) memstats_first_broken(rules, sizeof(rules) / sizeof(*(rules)))

/* Bytes of small objects, by class. */
static uint64_t memstats_bytes(const uint64_t class[MEM_CLASSES])
{
	uint64_t bytes = 0;

	for (uint32_t i = 1; i < MEM_CLASSES; i++)
		bytes += class[i] * mem_class_size[i];
	return bytes;
}

static uint64_t memstats_objects(const uint64_t class[MEM_CLASSES])
{
	uint64_t objects = 0;

	for (uint32_t i = 0; i < MEM_CLASSES; i++)
		objects += class[i];
	return objects;
}

/* What readmemstats_m compares, in its order and words. */
static const char *memstats_broken_books(const struct mrt_memstats *m,
					 const struct gc_memstats_books *b)
{
	const struct mem_stats *s = &b->mem;
	const struct memstats_rule rules[] = {
		{m->heap_inuse == s->seen_inuse, "heapInUse and consistent stats are not equal"},
		{m->heap_released == s->seen_released,
		 "heapReleased and consistent stats are not equal"},
		{m->heap_sys - m->heap_released == s->seen_retained,
		 "measures of the retained heap are not equal"},
		{m->total_alloc == memstats_bytes(s->alloc_class) + s->alloc_large_bytes,
		 "totalAlloc and consistent stats are not equal"},
		{m->total_alloc - m->alloc == memstats_bytes(s->freed_class) + s->freed_large_bytes,
		 "totalFree and consistent stats are not equal"},
		{m->sys - m->heap_released == s->mapped_ready + b->work_sys + m->stack_sys,
		 "mappedReady and other memstats are not equal"},
		{m->mallocs == memstats_objects(s->alloc_class) + s->tiny_objects_total,
		 "mallocs are not those of the classes and the tiny ones"},
		{m->frees == memstats_objects(s->freed_class) + s->tiny_objects_total,
		 "frees are not those of the classes and the tiny ones"},
	};

	return MEMSTATS_FIRST_BROKEN(rules);
}

static const char *memstats_broken_sums(const struct mrt_memstats *m)
{
	const struct memstats_rule rules[] = {
		{m->alloc == m->heap_alloc, "alloc is not heap_alloc"},
		{m->alloc <= m->total_alloc, "alloc is above total_alloc"},
		{m->mallocs >= m->frees && m->heap_objects == m->mallocs - m->frees,
		 "heap_objects is not mallocs - frees"},
		{m->heap_sys == m->heap_inuse + m->heap_idle, "heap_sys is not heap_inuse + heap_idle"},
		{m->heap_idle >= m->heap_released, "heap_idle is below heap_released"},
		{m->heap_alloc <= m->heap_inuse, "heap_alloc is above heap_inuse"},
		{m->sys == m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys +
				   m->buck_hash_sys + m->gc_sys + m->other_sys,
		 "sys is not the sum of its parts"},
		{m->stack_inuse <= m->stack_sys && m->mspan_inuse <= m->mspan_sys &&
			 m->mcache_inuse <= m->mcache_sys,
		 "more is in use than there is"},
		{m->lookups == 0 && m->enable_gc && !m->debug_gc, "lookups, enable_gc, debug_gc"},
	};

	return MEMSTATS_FIRST_BROKEN(rules);
}

static const char *memstats_broken_sizes(const struct mrt_memstats *m)
{
	uint64_t objects = 0, bytes = 0;

	for (uint32_t i = 0; i < MRT_MEMSTATS_SIZES; i++) {
		if (m->by_size[i].size != mem_class_size[i] ||
		    m->by_size[i].mallocs < m->by_size[i].frees)
			return "by_size: a wrong size, or more freed than allocated";
		objects += m->by_size[i].mallocs - m->by_size[i].frees;
		bytes += (m->by_size[i].mallocs - m->by_size[i].frees) * m->by_size[i].size;
	}
	return objects > m->heap_objects || bytes > m->heap_alloc
		       ? "by_size: more lives than on the heap"
		       : NULL;
}

/* One entry a cycle, the newest at (num_gc + 255) % 256. */
static const char *memstats_broken_pauses(const struct mrt_memstats *m)
{
	uint32_t newest = (m->num_gc + 255) % 256;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 256; i++) {
		if (i >= m->num_gc && (m->pause_ns[i] != 0 || m->pause_end[i] != 0))
			return "pause_ns: a pause of a cycle that has not been";
		sum += m->pause_ns[i];
	}
	if (m->num_gc <= 256 ? sum != m->pause_total_ns : sum > m->pause_total_ns)
		return "pause_total_ns is not the sum of pause_ns";
	if (m->num_gc != 0 && m->pause_end[newest] != m->last_gc_ns)
		return "pause_end: the newest pause is not the last one's";
	return m->num_forced_gc > m->num_gc ? "num_forced_gc is above num_gc" : NULL;
}

const char *gc_memstats_broken(const struct mrt_memstats *m, const struct gc_memstats_books *b)
{
	const char *broken = memstats_broken_books(m, b);

	if (broken == NULL)
		broken = memstats_broken_sums(m);
	if (broken == NULL)
		broken = memstats_broken_sizes(m);
	return broken != NULL ? broken : memstats_broken_pauses(m);
}

/* -------------------------------------------------------------------- reading */

void gc_memstats_collect(struct mrt_memstats *ret, struct gc_memstats_books *ret_books)
{
	for (uint32_t i = 0; i < sched_procs(); i++)
		mem_cache_flush_stats(sched_p(i)->mc);
	mem_stats_read(&ret_books->mem);
	ret_books->work_sys = gc_work_sys();
	memset(ret, 0, sizeof(*ret));
	memstats_heap(ret, &ret_books->mem);
	memstats_sizes(ret, &ret_books->mem);
	memstats_rest(ret, &ret_books->mem, ret_books->work_sys);
	memstats_gc(ret);
}

int gc_memstats_check(char *text, size_t cap)
{
	struct gc_memstats_books books;
	struct mrt_memstats m;
	const char *broken;

	gc_memstats_collect(&m, &books);
	broken = gc_memstats_broken(&m, &books);
	if (broken == NULL)
		return 0;
	snprintf(text, cap, "memstats: %s", broken);
	return -EUCLEAN;
}

void mrt_memstats_read(mrt_g *pub, struct mrt_memstats *ret)
{
	struct sched_g *g = sched_of(pub);
	struct gc_memstats_books books;
	struct sched_stw stw = {0};
	const char *broken;
	char line[160];

	sched_stop_world(g, SCHED_STW_MEMSTATS, &stw);
	for (uint32_t i = 0; i < sched_procs(); i++)
		mem_cache_flush(sched_p(i)->mc);
	gc_memstats_collect(ret, &books);
	sched_start_world(g, &stw, gc_cycle(), 0);
	broken = gc_memstats_broken(ret, &books);
	if (broken == NULL)
		return;
	snprintf(line, sizeof(line), "fatal error: %s\n", broken);
	prim_die(134, line);
}
