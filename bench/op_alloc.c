/*
 * op_alloc.c: objects of four sizes without pointers and with some, trees, and what an object and an entry cost beyond themselves.
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#include <errno.h>

#define OVERHEAD_COUNT	1000000u

static const uint64_t alloc_one = 1, alloc_three = 3;
static const struct mrt_type alloc_plain16 = {"16 bytes", 16, 0, NULL},
			     alloc_plain64 = {"64 bytes", 64, 0, NULL},
			     alloc_plain512 = {"512 bytes", 512, 0, NULL},
			     alloc_plain64k = {"64 KiB", 65536, 0, NULL};
static const struct mrt_type alloc_pointers16 = {"16 bytes, a pointer", 16, 1, &alloc_one},
			     alloc_pointers64 = {"64 bytes, two pointers", 64, 2, &alloc_three},
			     alloc_pointers512 = {"512 bytes, two pointers", 512, 2, &alloc_three},
			     alloc_pointers64k = {"64 KiB, two pointers", 65536, 2, &alloc_three};
static const struct mrt_type alloc_node = {"node", 16, 2, &alloc_three};

/* The last BENCH_RING objects stay reachable. */
static void alloc_objects(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	const struct mrt_type *type = b->op->type;
	size_t last = type->size / 8 - 1;
	int64_t start_ns;
	MRT_ROOTS(g, roots, 2);

	b->error = mrt_new_array(g, &bench_pointer, BENCH_RING, &roots[0]);
	start_ns = prim_now_ns();
	for (uint64_t i = 0; i < b->ops && b->error == 0; i++) {
		void **ring = roots[0];

		b->error = mrt_new(g, type, &roots[1]);
		if (b->error == 0) {
			((uint64_t *)roots[1])[last] = i;
			mrt_store(g, &ring[i % BENCH_RING], roots[1]);
		}
	}
	b->ns = prim_now_ns() - start_ns;
	for (uint64_t i = 0; i < BENCH_RING && i < b->ops && b->error == 0; i++)
		b->checksum += ((uint64_t **)roots[0])[i][last];
}

/* ---------------------------------------------------------------------- trees */

/* From the leaves up; *ret is a root slot. */
static int tree_build(mrt_g *g, uint32_t depth, void **ret)
{
	int rc;
	MRT_ROOTS(g, child, 2);

	for (uint32_t i = 0; i < 2 && depth > 0; i++) {
		rc = tree_build(g, depth - 1, &child[i]);
		if (rc < 0)
			return rc;
	}
	rc = mrt_new(g, &alloc_node, ret);
	if (rc < 0 || depth == 0)
		return rc;
	for (uint32_t i = 0; i < 2; i++)
		mrt_store(g, (void **)*ret + i, child[i]);
	return 0;
}

static uint64_t tree_count(void *const *node)
{
	return node == NULL ? 0 : 1 + tree_count(node[0]) + tree_count(node[1]);
}

static void alloc_trees(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	int64_t start_ns = prim_now_ns();
	MRT_ROOTS(g, tree, 2);

	b->error = tree_build(g, BENCH_TREE_LONG, &tree[0]);
	for (uint32_t i = 0; i < b->n && b->error == 0; i++) {
		b->error = tree_build(g, BENCH_TREE_SHORT, &tree[1]);
		b->checksum += tree_count(tree[1]);
	}
	b->checksum += tree_count(tree[0]);
	b->ns = prim_now_ns() - start_ns;
}

/* ------------------------------------------------------------------- overhead */

/* What is held for objects and to manage them. */
static uint64_t overhead_held(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_gc(g);
	mrt_memstats_read(g, &s);
	return s.heap_inuse + s.mspan_inuse + s.gc_sys;
}

static void overhead_object(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	uint64_t before;
	MRT_ROOTS(g, roots, 2);

	b->error = mrt_new_array(g, &bench_pointer, b->n, &roots[0]);
	before = overhead_held(g);
	for (uint64_t i = 0; i < b->n && b->error == 0; i++) {
		b->error = mrt_new(g, b->op->type, &roots[1]);
		if (b->error == 0)
			mrt_store(g, (void **)roots[0] + i, roots[1]);
	}
	bench_tell(b, "bytes",
		   (double)(overhead_held(g) - before) / (double)b->n - (double)b->op->type->size, "B");
}

static void overhead_entry(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct mrt_map_type type;
	uint64_t before = overhead_held(g);
	MRT_ROOTS(g, map, 1);

	b->error = mrt_map_type_init(&type, MRT_KEY_U64, &bench_word);
	if (b->error == 0)
		b->error = mrt_map_new(g, &type, 0, &map[0]);
	for (uint64_t i = 0; i < b->n && b->error == 0; i++)
		b->error = mrt_map_put(g, &type, map[0], bench_key(i), &i);
	bench_tell(b, "bytes", (double)(overhead_held(g) - before) / (double)b->n - 16, "B");
}

const struct bench_op bench_alloc_ops[] = {
	{.name = "alloc_16_noscan", .fn = alloc_objects, .type = &alloc_plain16, .ops = 20000000},
	{.name = "alloc_16_pointers", .fn = alloc_objects, .type = &alloc_pointers16, .ops = 20000000},
	{.name = "alloc_64_noscan", .fn = alloc_objects, .type = &alloc_plain64, .ops = 10000000},
	{.name = "alloc_64_pointers", .fn = alloc_objects, .type = &alloc_pointers64, .ops = 10000000},
	{.name = "alloc_512_noscan", .fn = alloc_objects, .type = &alloc_plain512, .ops = 4000000},
	{.name = "alloc_512_pointers", .fn = alloc_objects, .type = &alloc_pointers512, .ops = 4000000},
	{.name = "alloc_64k_noscan", .fn = alloc_objects, .type = &alloc_plain64k, .ops = 100000},
	{.name = "alloc_64k_pointers", .fn = alloc_objects, .type = &alloc_pointers64k, .ops = 100000},
	{.name = "binary_trees",
	 .fn = alloc_trees,
	 .n = BENCH_TREES,
	 .ops = BENCH_TREES_NODES},
	{.name = "overhead_object_64", .fn = overhead_object, .type = &alloc_pointers64, .n = OVERHEAD_COUNT},
	{.name = "overhead_entry", .fn = overhead_entry, .n = OVERHEAD_COUNT},
	{0},
};
