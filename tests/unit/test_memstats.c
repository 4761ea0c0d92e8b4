/*
 * test_memstats.c: MemStats: by size against what was allocated, the invariants while several goroutines churn and
 * cycles run, the ring of pauses beyond its length; and every invariant's check sees a figure that is off by one.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"

#include <string.h>

static const struct mrt_type byte_type = {.name = "byte", .size = 1};
static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

/* From the figures alone, as a reader of Go's documentation would. */
static void must_hold(const struct mrt_memstats *m)
{
	uint64_t live = 0;

	GC_TEST_MUST(m->alloc == m->heap_alloc && m->heap_objects == m->mallocs - m->frees);
	GC_TEST_MUST(m->heap_sys == m->heap_inuse + m->heap_idle);
	GC_TEST_MUST(m->heap_idle >= m->heap_released && m->heap_inuse >= m->heap_alloc);
	GC_TEST_MUST(m->sys == m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys +
				       m->buck_hash_sys + m->gc_sys + m->other_sys);
	GC_TEST_MUST(m->lookups == 0 && m->enable_gc && !m->debug_gc);
	for (uint32_t i = 0; i < MRT_MEMSTATS_SIZES; i++)
		live += (m->by_size[i].mallocs - m->by_size[i].frees) * m->by_size[i].size;
	GC_TEST_MUST(live <= m->heap_alloc);
}

/* -------------------------------------------------------------------- by size */

static void by_size_body(mrt_g *g, void *arg)
{
	struct mrt_memstats a, b, c;
	uint64_t rng = gc_test_seed(), count[MEM_CLASSES] = {0}, bytes = 0;
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	mrt_memstats_read(g, &a);
	for (uint32_t i = 0; i < 20000; i++) {
		size_t n = 2 + gc_test_random(&rng) % (i % 100 == 0 ? 8000 : 200);

		GC_TEST_MUST(mrt_new_array(g, &pointer_type, n, &roots[0]) == 0);
		bytes += mem_round_up(n * 8);
		count[n * 8 <= MEM_SMALL_MAX ? mem_class_of(n * 8) : 0]++;
	}
	mrt_memstats_read(g, &b);
	roots[0] = NULL;
	mrt_gc(g);
	mrt_memstats_read(g, &c);
	GC_TEST_MUST(count[0] > 0 && b.total_alloc - a.total_alloc == bytes);
	GC_TEST_MUST(b.by_size[0].size == 0 && b.by_size[0].mallocs == 0);
	for (uint32_t i = 1; i < MRT_MEMSTATS_SIZES; i++) {
		GC_TEST_MUST(b.by_size[i].size == mem_class_size[i]);
		GC_TEST_MUST(b.by_size[i].mallocs - a.by_size[i].mallocs == count[i]);
		GC_TEST_MUST(b.by_size[i].frees == a.by_size[i].frees);
		GC_TEST_MUST(c.by_size[i].frees - a.by_size[i].frees == count[i]);
		GC_TEST_MUST(c.by_size[i].mallocs == b.by_size[i].mallocs);
	}
	GC_TEST_MUST(c.heap_alloc == a.heap_alloc && c.frees - a.frees == 20000);
}

static void test_by_size(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1}, by_size_body, NULL);
}

/* ---------------------------------------------------------------------- churn */

#define CHURNERS 5u
#define CHURN_SLOTS 32u

struct churner {
	mrt_wg *wg;
	uint64_t seed;
};

static void churner_body(mrt_g *g, void *arg)
{
	static const size_t largest[] = {15, 500, 40000, 300000};
	struct churner *c = arg;
	uint64_t rng = c->seed;
	struct mrt_memstats m;
	MRT_ROOTS(g, slot, CHURN_SLOTS);

	for (uint32_t i = 0; i < 1500; i++) {
		uint64_t r = gc_test_random(&rng);
		size_t bytes = 1 + (r >> 8) % largest[r % 16 == 0 ? r >> 4 & 3 : r >> 4 & 1];

		GC_TEST_MUST((r >> 40 & 1 ? mrt_new_array(g, &byte_type, bytes,
							  &slot[(r >> 32) % CHURN_SLOTS])
					  : mrt_new_array(g, &pointer_type, bytes / 8 + 1,
							  &slot[(r >> 32) % CHURN_SLOTS])) == 0);
		if (i % 100 != 0)
			continue;
		mrt_memstats_read(g, &m);
		must_hold(&m);
	}
	mrt_wg_done(g, c->wg);
}

static void churn_body(mrt_g *g, void *arg)
{
	struct churner c[CHURNERS];
	struct mrt_memstats m;
	char text[256];
	mrt_wg wg = {0};

	(void)arg;
	mrt_wg_add(&wg, CHURNERS);
	for (uint32_t i = 0; i < CHURNERS; i++) {
		c[i] = (struct churner){.wg = &wg, .seed = gc_test_seed() + i};
		GC_TEST_MUST(mrt_go(g, churner_body, &c[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &m);
	must_hold(&m);
	GC_TEST_MUST(m.heap_objects == 0 && m.heap_alloc == 0 && m.num_gc > 2);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void test_churn(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 4, .check_edges = true}, churn_body, NULL);
	/* With a limit that has the scavenger and the pacer read them too. */
	gc_test_run((struct mrt_options){.procs = 3,
					 .memlimit = (uint64_t)24 << 20,
					 .check_edges = true},
		    churn_body, NULL);
}

/* --------------------------------------------------------------------- pauses */

static void pauses_body(mrt_g *g, void *arg)
{
	struct mrt_memstats m;
	uint64_t total = 0, last = 0;

	(void)arg;
	for (uint32_t i = 1; i <= 300; i++) {
		uint32_t newest = (i + 255) % 256;

		mrt_gc(g);
		mrt_memstats_read(g, &m);
		GC_TEST_MUST(m.num_gc == i && m.num_forced_gc == i);
		GC_TEST_MUST(m.pause_ns[newest] != 0);
		total += m.pause_ns[newest];
		GC_TEST_MUST(m.pause_total_ns == total);
		GC_TEST_MUST(m.pause_end[newest] == m.last_gc_ns && m.last_gc_ns > last);
		last = m.last_gc_ns;
	}
}

static void test_pauses(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2}, pauses_body, NULL);
}

/* ------------------------------------------------------ each check can fail */

/* A figure, and what is said when it is one more than it should be. NULL: all is well. */
struct bent {
	size_t at;
	bool books, narrow; /* of the books, not of the figures; 32 bits */
	const char *expected;
};
#define FIGURE(field, text) {offsetof(struct mrt_memstats, field), false, false, text}
#define FIGURE32(field, text) {offsetof(struct mrt_memstats, field), false, true, text}
#define BOOK(field, text) {offsetof(struct gc_memstats_books, field), true, false, text}

static const struct bent bent[] = {
	FIGURE(heap_inuse, "heapInUse and consistent stats are not equal"),
	BOOK(mem.seen_inuse, "heapInUse and consistent stats are not equal"),
	FIGURE(heap_released, "heapReleased and consistent stats are not equal"),
	BOOK(mem.seen_released, "heapReleased and consistent stats are not equal"),
	FIGURE(heap_sys, "measures of the retained heap are not equal"),
	BOOK(mem.seen_retained, "measures of the retained heap are not equal"),
	FIGURE(total_alloc, "totalAlloc and consistent stats are not equal"),
	BOOK(mem.alloc_class[3], "totalAlloc and consistent stats are not equal"),
	BOOK(mem.alloc_large_bytes, "totalAlloc and consistent stats are not equal"),
	BOOK(mem.freed_class[3], "totalFree and consistent stats are not equal"),
	BOOK(mem.freed_large_bytes, "totalFree and consistent stats are not equal"),
	FIGURE(sys, "mappedReady and other memstats are not equal"),
	BOOK(mem.mapped_ready, "mappedReady and other memstats are not equal"),
	BOOK(work_sys, "mappedReady and other memstats are not equal"),
	FIGURE(stack_sys, "mappedReady and other memstats are not equal"),
	FIGURE(mallocs, "mallocs are not those of the classes and the tiny ones"),
	BOOK(mem.alloc_class[0], "mallocs are not those of the classes and the tiny ones"),
	BOOK(mem.tiny_objects_total, "mallocs are not those of the classes and the tiny ones"),
	FIGURE(frees, "frees are not those of the classes and the tiny ones"),
	BOOK(mem.freed_class[0], "frees are not those of the classes and the tiny ones"),
	FIGURE(heap_alloc, "alloc is not heap_alloc"),
	FIGURE(heap_objects, "heap_objects is not mallocs - frees"),
	FIGURE(heap_idle, "heap_sys is not heap_inuse + heap_idle"),
	FIGURE(mspan_sys, "sys is not the sum of its parts"),
	FIGURE(mcache_sys, "sys is not the sum of its parts"),
	FIGURE(buck_hash_sys, "sys is not the sum of its parts"),
	FIGURE(gc_sys, "sys is not the sum of its parts"),
	FIGURE(other_sys, "sys is not the sum of its parts"),
	FIGURE(stack_inuse, "more is in use than there is"),
	FIGURE(mcache_inuse, "more is in use than there is"),
	FIGURE(lookups, "lookups, enable_gc, debug_gc"),
	FIGURE32(by_size[5].size, "by_size: a wrong size, or more freed than allocated"),
	FIGURE(by_size[5].frees, "by_size: a wrong size, or more freed than allocated"),
	FIGURE(pause_ns[0], "pause_total_ns is not the sum of pause_ns"),
	FIGURE(pause_total_ns, "pause_total_ns is not the sum of pause_ns"),
	FIGURE(pause_ns[200], "pause_ns: a pause of a cycle that has not been"),
	FIGURE(pause_end[200], "pause_ns: a pause of a cycle that has not been"),
	FIGURE(pause_end[1], "pause_end: the newest pause is not the last one's"),
	FIGURE(last_gc_ns, "pause_end: the newest pause is not the last one's"),
	FIGURE32(num_forced_gc, "num_forced_gc is above num_gc"),
};

static void bent_one(const struct bent *b, struct mrt_memstats m, struct gc_memstats_books books)
{
	char *at = (b->books ? (char *)&books : (char *)&m) + b->at;
	const char *said;

	if (b->narrow)
		(*(uint32_t *)at)++;
	else
		(*(uint64_t *)at)++;
	said = gc_memstats_broken(&m, &books);
	if (said == NULL || strcmp(said, b->expected) != 0)
		fprintf(stderr, "%s, said: %s\n", b->expected, said != NULL ? said : "nothing");
	GC_TEST_MUST(said != NULL && strcmp(said, b->expected) == 0);
}

/* Exactly two cycles; everything of class 5 is free; as many caches as there ever were. */
static void bent_body(mrt_g *g, void *arg)
{
	struct gc_memstats_books books;
	struct mrt_memstats m;
	struct sched_stw stw = {0};
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	GC_TEST_MUST(mrt_new_array(g, &byte_type, 48, &roots[0]) == 0);
	roots[0] = NULL;
	GC_TEST_MUST(mrt_new_array(g, &pointer_type, 5000, &roots[1]) == 0);
	mrt_gc(g);
	mrt_gc(g);
	sched_stop_world(sched_of(g), SCHED_STW_OTHER, &stw);
	gc_memstats_collect(&m, &books);
	sched_start_world(sched_of(g), &stw, gc_cycle(), 0);
	GC_TEST_MUST(gc_memstats_broken(&m, &books) == NULL);
	for (size_t i = 0; i < sizeof(bent) / sizeof(bent[0]); i++)
		bent_one(&bent[i], m, books);
	m.enable_gc = false;
	GC_TEST_MUST(gc_memstats_broken(&m, &books) != NULL);
}

static void test_each_is_seen(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1}, bent_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_size),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_each_is_seen),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
