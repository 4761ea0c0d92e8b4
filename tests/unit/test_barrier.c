/*
 * test_barrier.c: the two halves of the write barrier, each where nothing else keeps the object
 * alive, for stores and for compare-and-swap. A fault holds marking still while the program runs.
 *
 *   new value  before any root is scanned, an object is stored into one that is born black, and
 *              dropped from the stack: the black one is never scanned
 *   old value  when all roots are scanned and no object is, an object is loaded to the stack and
 *              its only slot overwritten: the stack is never scanned again
 *
 * The heap check at the end of marking, and the object's content after the sweep, tell.
 */
#include "tests/unit/test_point_fixture.h"

#include "runtime/gc/gc_priv.h"

#define DELAY_NS INT64_C(20000000)
#define TRIES	 200u
#define CONTENT	 UINT64_C(0x5eed0b1ec7)

struct holder {
	void *slot;
};
static const uint64_t holder_mask[] = {1};
static const struct mrt_type holder_type = {
	.name = "holder", .size = sizeof(struct holder), .ptr_words = 1, .ptrmask = holder_mask};
static const struct mrt_type number_type = {.name = "number", .size = 64}; /* no tiny block's, which a cycle greys itself */

struct scene {
	bool cas;
	uint32_t hits; /* times the moment was met from its beginning to its end */
	_Atomic bool collected;
};

static void scene_collector(mrt_g *g, void *arg)
{
	struct scene *s = arg;

	mrt_gc(g);
	atomic_store(&s->collected, true);
}

static void scene_write(mrt_g *g, const struct scene *s, void **slot, void *was, void *is)
{
	if (s->cas)
		GC_TEST_MUST(mrt_cas(g, slot, was, is));
	else
		mrt_store(g, slot, is);
}

/* Marking stands still before its roots. */
static bool roots_held(void)
{
	return gc_phase_now() == GC_MARK && gc_stage_closed(GC_STAGE_ROOTS);
}

/* Marking stands still with every root scanned, the caller's too, and no object. */
static bool heap_held(void)
{
	return gc_phase_now() == GC_MARK && gc_stage_closed(GC_STAGE_HEAP) && !gc_roots_left();
}

/* A cycle begins; true: it has come to the moment, false: it is over. */
static bool scene_meet(mrt_g *g, struct scene *s, bool (*held)(void))
{
	atomic_store(&s->collected, false);
	GC_TEST_MUST(mrt_go(g, scene_collector, s, NULL) == 0);
	while (!held() && !atomic_load(&s->collected))
		mrt_yield(g);
	return held();
}

static void scene_end(mrt_g *g, struct scene *s)
{
	while (!atomic_load(&s->collected))
		mrt_yield(g);
}

static void new_value_body(mrt_g *g, void *arg)
{
	struct scene *s = arg;
	MRT_ROOTS(g, roots, 2); /* the object; the holder */

	point_arm_all(1);
	for (uint32_t i = 0; i < TRIES && s->hits < 3; i++) {
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
		*(uint64_t *)roots[0] = CONTENT + i;
		if (scene_meet(g, s, roots_held)) {
			/* As who has worked in this cycle: else it waits for marking. */
			sched_of(g)->assist_gen = gc_cycle();
			sched_of(g)->assist_credit = 4096;
			GC_TEST_MUST(mrt_new(g, &holder_type, &roots[1]) == 0);
			scene_write(g, s, &((struct holder *)roots[1])->slot, NULL, roots[0]);
			roots[0] = NULL;
			s->hits += roots_held();
		}
		scene_end(g, s);
		if (roots[1] != NULL)
			GC_TEST_MUST(*(uint64_t *)((struct holder *)roots[1])->slot == CONTENT + i);
		roots[1] = NULL;
	}
}

static void old_value_body(mrt_g *g, void *arg)
{
	struct scene *s = arg;
	MRT_ROOTS(g, roots, 2);

	point_arm_all(1);
	for (uint32_t i = 0; i < TRIES && s->hits < 3; i++) {
		void **slot;

		GC_TEST_MUST(mrt_new(g, &holder_type, &roots[1]) == 0);
		slot = &((struct holder *)roots[1])->slot;
		GC_TEST_MUST(mrt_new(g, &number_type, &roots[0]) == 0);
		*(uint64_t *)roots[0] = CONTENT + i;
		mrt_store(g, slot, roots[0]);
		roots[0] = NULL;
		if (scene_meet(g, s, heap_held)) {
			roots[0] = mrt_load(slot);
			scene_write(g, s, slot, roots[0], NULL);
			s->hits += heap_held();
		}
		scene_end(g, s);
		if (roots[0] != NULL)
			GC_TEST_MUST(*(uint64_t *)roots[0] == CONTENT + i);
		roots[0] = NULL;
	}
}

static void scene(enum gcs_point point, mrt_go_fn *body, bool cas)
{
	const struct gcs_fault_spec spec = {
		.point = point, .action = GCS_ACT_DELAY, .delay_ns = DELAY_NS};

	for (uint32_t procs = 1; procs <= 2; procs++) {
		struct scene s = {.cas = cas};

		point_run(&spec, 1, (struct mrt_options){.procs = procs, .check_edges = true, .clobber = true},
			  body, &s);
		assert_int_equal(s.hits, 3);
	}
}

static void test_store_shades_new(void **state)
{
	(void)state;
	scene(GCS_POINT_gc_roots, new_value_body, false);
}

static void test_cas_shades_new(void **state)
{
	(void)state;
	scene(GCS_POINT_gc_roots, new_value_body, true);
}

static void test_store_shades_old(void **state)
{
	(void)state;
	scene(GCS_POINT_gc_mark, old_value_body, false);
}

static void test_cas_shades_old(void **state)
{
	(void)state;
	scene(GCS_POINT_gc_mark, old_value_body, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_shades_new),
		cmocka_unit_test(test_cas_shades_new),
		cmocka_unit_test(test_store_shades_old),
		cmocka_unit_test(test_cas_shades_old),
	};

	return point_main("barrier", tests, sizeof(tests) / sizeof(tests[0]));
}
