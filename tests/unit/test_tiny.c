/*
 * test_tiny.c: the tiny allocator (malloc.go) against a model of one P's block: where each request lies,
 * what is counted, what keeps a block alive; the block that is current when a cycle begins; several Ps;
 * and one visit of mem/malloc for each request.
 */
#include "tests/unit/test_gc_fixture.h"

#include "faults/fault.h"
#include "runtime/gc/gc.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <string.h>

static const struct mrt_type byte_type = {.name = "byte", .size = 1};
static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const uint32_t worker_ids[] = {MRT_WORKER_MAIN};

#define BLOCK 16u

/* One P's current block, by the rules of mallocgc. */
struct model {
	bool have;
	uintptr_t block;
	size_t used;
	uint64_t blocks, requests;
};

static size_t model_offset(const struct model *m, size_t bytes)
{
	size_t align = bytes % 8 == 0 ? 8 : bytes % 4 == 0 ? 4 : bytes % 2 == 0 ? 2 : 1;

	return (m->used + align - 1) / align * align;
}

/* Allocate `bytes`, and compare with what the model says. */
static void model_alloc(mrt_g *g, struct model *m, size_t bytes, void **root)
{
	size_t at = model_offset(m, bytes);
	bool fits = m->have && at + bytes <= BLOCK;
	uintptr_t p;

	GC_TEST_MUST(mrt_new_array(g, &byte_type, bytes, root) == 0);
	p = (uintptr_t)*root;
	m->requests++;
	for (size_t i = 0; i < bytes; i++)
		GC_TEST_MUST(((const uint8_t *)p)[i] == 0);
	if (fits) {
		GC_TEST_MUST(p == m->block + at);
		m->used = at + bytes;
		return;
	}
	GC_TEST_MUST(p % BLOCK == 0 && (!m->have || p != m->block));
	m->blocks++;
	if (!m->have || bytes < m->used)
		*m = (struct model){.have = true,
				    .block = p,
				    .used = bytes,
				    .blocks = m->blocks,
				    .requests = m->requests};
}

/* ------------------------------------------------------------------ packing */

#define PACKED 20000u

static void packing_body(mrt_g *g, void *arg)
{
	struct mrt_memstats before, after;
	uint64_t rng = gc_test_seed();
	struct model m = {0};
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	mrt_memstats_read(g, &before);
	for (uint32_t i = 0; i < PACKED; i++) {
		size_t bytes = 1 + gc_test_random(&rng) % 15;

		model_alloc(g, &m, bytes, &roots[0]);
		memset(roots[0], 0xff, bytes);
	}
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(m.blocks > PACKED / 4 && m.blocks < PACKED * 3 / 4);
	GC_TEST_MUST(after.mallocs - before.mallocs == PACKED);
	GC_TEST_MUST(after.frees - before.frees == PACKED - m.blocks);
	GC_TEST_MUST(after.heap_objects - before.heap_objects == m.blocks);
	GC_TEST_MUST(after.total_alloc - before.total_alloc == m.blocks * BLOCK);
	GC_TEST_MUST(after.heap_alloc - before.heap_alloc == m.blocks * BLOCK);
}

static void test_packing(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1}, packing_body, NULL);
}

/* Neither what has pointers nor what has 16 bytes and more shares anything. */
static void apart_body(mrt_g *g, void *arg)
{
	struct mrt_memstats before, after;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	mrt_memstats_read(g, &before);
	for (uint32_t i = 0; i < 100; i++) {
		GC_TEST_MUST(mrt_new(g, &pointer_type, &roots[0]) == 0);
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 16, &roots[1]) == 0);
	}
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(after.mallocs - before.mallocs == 200 && after.frees == before.frees);
	GC_TEST_MUST(after.total_alloc - before.total_alloc == 100 * (8 + 16));
}

static void test_apart(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1}, apart_body, NULL);
}

/* ------------------------------------------------------------------- liveness */

#define KEPT   64u
#define ROUNDS 40u

struct kept {
	size_t bytes;
	uint8_t stamp;
};

static void kept_check(const struct kept *k, void *const *slot)
{
	for (size_t i = 0; i < k->bytes; i++)
		GC_TEST_MUST(((const uint8_t *)*slot)[i] == k->stamp);
}

/* Blocks that something kept lies in. */
static uint64_t kept_blocks(const struct kept *kept, void *const *slot)
{
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < KEPT; i++) {
		bool first = kept[i].bytes != 0;

		for (uint32_t j = 0; j < i && first; j++)
			first = kept[j].bytes == 0 || (uintptr_t)slot[j] / BLOCK !=
							      (uintptr_t)slot[i] / BLOCK;
		blocks += first;
	}
	return blocks;
}

static void liveness_round(mrt_g *g, void **slot, struct kept *kept, uint64_t *rng)
{
	for (uint32_t i = 0; i < 300; i++) {
		uint64_t r = gc_test_random(rng);
		uint32_t at = r % KEPT;

		kept_check(&kept[at], &slot[at]);
		slot[at] = NULL;
		kept[at].bytes = 0;
		if (r >> 32 & 1)
			continue;
		kept[at] = (struct kept){.bytes = 1 + (r >> 8) % 15, .stamp = (uint8_t)(r >> 16)};
		GC_TEST_MUST(mrt_new_array(g, &byte_type, kept[at].bytes, &slot[at]) == 0);
		memset(slot[at], kept[at].stamp, kept[at].bytes);
	}
}

static void liveness_body(mrt_g *g, void *arg)
{
	struct kept kept[KEPT] = {{0}};
	uint64_t rng = gc_test_seed();
	struct mrt_memstats s;
	char text[256];
	MRT_ROOTS(g, slot, KEPT);

	(void)arg;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		liveness_round(g, slot, kept, &rng);
		/* The current block lives until the second one. */
		mrt_gc(g);
		mrt_gc(g);
		mrt_memstats_read(g, &s);
		GC_TEST_MUST(s.heap_objects == kept_blocks(kept, slot));
		GC_TEST_MUST(s.heap_alloc == s.heap_objects * BLOCK);
		for (uint32_t i = 0; i < KEPT; i++)
			kept_check(&kept[i], &slot[i]);
		GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	}
}

static void test_liveness(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 3; procs++)
		gc_test_run((struct mrt_options){.procs = procs,
						 .gogc = -1,
						 .clobber = true,
						 .check_edges = true},
			    liveness_body, NULL);
}

/* ------------------------------------------------- the block when a cycle begins */

#define BALLAST	       200000u
#define CURRENT_ROUNDS 20u

/* So that marking takes longer than the first worker's share. */
static void ballast(mrt_g *g, void **table)
{
	MRT_ROOTS(g, item, 1);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, BALLAST, table) == 0);
	for (uint32_t i = 0; i < BALLAST; i++) {
		GC_TEST_MUST(mrt_new(g, &pointer_type, &item[0]) == 0);
		mrt_store(g, (void **)*table + i, item[0]);
	}
}

/* Nothing holds the block when the cycle begins; what is put into it while it is marked must live.
 * True: the cycle had not ended before. */
static bool current_round(mrt_g *g, void **root, uint64_t stamp)
{
	uint64_t block;
	bool during;

	GC_TEST_MUST(mrt_new_array(g, &byte_type, 3, root) == 0);
	block = (uintptr_t)*root / BLOCK;
	*root = NULL;
	GC_TEST_MUST(gc_start(sched_of(g), GC_TRIGGER_FORCED, 0) != 0);
	GC_TEST_MUST(mrt_new_array(g, &byte_type, 8, root) == 0);
	during = gc_phase() == GC_MARK;
	GC_TEST_MUST(!during || (uintptr_t)*root / BLOCK == block);
	*(uint64_t *)*root = stamp;
	mrt_gc(g);
	GC_TEST_MUST(*(uint64_t *)*root == stamp);
	*root = NULL;
	/* The flush after the cycle has forgotten the block. */
	GC_TEST_MUST(mrt_new_array(g, &byte_type, 1, root) == 0);
	GC_TEST_MUST((uintptr_t)*root % BLOCK == 0);
	*root = NULL;
	return during;
}

static void current_body(mrt_g *g, void *arg)
{
	uint32_t during = 0;
	struct mrt_memstats s;
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	ballast(g, &roots[1]);
	for (uint32_t i = 1; i <= CURRENT_ROUNDS; i++)
		during += current_round(g, &roots[0], i);
	GC_TEST_MUST(during > 0);
	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_objects == BALLAST + 1);
}

static void test_current(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1,
					 .gogc = -1,
					 .clobber = true,
					 .check_edges = true},
		    current_body, NULL);
}

/* ---------------------------------------------------------------- several Ps */

#define SHARERS 6u

struct sharer {
	mrt_wg *wg;
	uint64_t seed;
};

static void sharer_body(mrt_g *g, void *arg)
{
	struct kept kept[KEPT] = {{0}};
	struct sharer *s = arg;
	uint64_t rng = s->seed;
	MRT_ROOTS(g, slot, KEPT);

	for (uint32_t round = 0; round < 60; round++) {
		liveness_round(g, slot, kept, &rng);
		mrt_yield(g);
	}
	for (uint32_t i = 0; i < KEPT; i++)
		kept_check(&kept[i], &slot[i]);
	mrt_wg_done(g, s->wg);
}

static void sharing_body(mrt_g *g, void *arg)
{
	struct sharer s[SHARERS];
	struct mrt_memstats m;
	mrt_wg wg = {0};

	(void)arg;
	mrt_wg_add(&wg, SHARERS);
	for (uint32_t i = 0; i < SHARERS; i++) {
		s[i] = (struct sharer){.wg = &wg, .seed = gc_test_seed() + i};
		GC_TEST_MUST(mrt_go(g, sharer_body, &s[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &m);
	GC_TEST_MUST(m.heap_objects == 0 && m.heap_alloc == 0);
}

static void test_sharing(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 4,
					 .gc_every = 400,
					 .clobber = true,
					 .check_edges = true},
		    sharing_body, NULL);
}

/* --------------------------------------------------------------------- faults */

static void fault_body(mrt_g *g, void *arg)
{
	struct mrt_memstats before, after;
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	mrt_memstats_read(g, &before);
	gcs_fault_arm(0, 0, false, mrt_now_ns());
	for (uint32_t i = 1; i <= 1000; i++)
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 1 + i % 15, &roots[0]) ==
			     (i % 7 == 0 ? -ENOMEM : 0));
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(after.mallocs - before.mallocs == 1000 - 1000 / 7);
}

static void test_each_request_is_a_visit(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 7};
	struct mrt_telemetry *t = prim_pages_alloc(sizeof(*t));
	struct gcs_faults_options opt = {.spec = &spec,
					 .nspecs = 1,
					 .seed = gc_test_seed(),
					 .worker = worker_ids,
					 .nworkers = 1,
					 .telemetry = t};

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 1);
	assert_int_equal(gcs_faults_load(&opt), 0);
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .telemetry = t}, fault_body,
		    NULL);
	assert_int_equal(atomic_load(&t->fault[0].visits), 1000);
	assert_int_equal(atomic_load(&t->fault[0].fired), 1000 / 7);
	gcs_faults_clear();
	prim_pages_free(t, sizeof(*t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packing),	 cmocka_unit_test(test_apart),
		cmocka_unit_test(test_liveness), cmocka_unit_test(test_current),
		cmocka_unit_test(test_sharing),	 cmocka_unit_test(test_each_request_is_a_visit),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
