/*
 * bench_libgc.c: the operations of bench-runtime that libgc (Boehm, Demers, Weiser: a conservative collector that does not move, for C) can
 * do, under the same names, in the same output lines. Built where libgc is found; nothing needs it.
 *
 *   bench-libgc list         the operations
 *   bench-libgc op NAME      one sample of one of them
 *   bench-libgc version      of the library, and with how many threads it marks
 *
 * Its own settings are left as they are: when it collects, how many threads mark (GC_MARKERS); they are started, which in a program with
 * threads the first one does. What it does otherwise than we and Go:
 * memory without pointers is not zeroed (GC_MALLOC_ATOMIC); it looks at every word of an object with pointers, and of the stack; it
 * collects with the world stopped; a collection leaves the sweep to who allocates.
 */
#include "bench/bench.h"

#define GC_THREADS 1 /* as the library is built; it may mark with several */
#include <gc.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Descriptors of this program's operations: a size, and pointers or not. */
static const struct mrt_type libgc_plain16 = {"16 bytes", 16, 0, NULL}, libgc_plain64 = {"64 bytes", 64, 0, NULL},
			     libgc_plain512 = {"512 bytes", 512, 0, NULL},
			     libgc_plain64k = {"64 KiB", 65536, 0, NULL};
static const struct mrt_type libgc_pointers16 = {"16 bytes, a pointer", 16, 1, NULL},
			     libgc_pointers64 = {"64 bytes, two pointers", 64, 2, NULL},
			     libgc_pointers512 = {"512 bytes, two pointers", 512, 2, NULL},
			     libgc_pointers64k = {"64 KiB, two pointers", 65536, 2, NULL};

static int64_t libgc_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The last BENCH_RING objects stay reachable. */
static int libgc_objects(struct bench *b)
{
	const struct mrt_type *type = b->op->type;
	size_t last = type->size / 8 - 1;
	uint64_t **ring = GC_MALLOC(BENCH_RING * sizeof(*ring));
	int64_t start_ns = libgc_now_ns();

	for (uint64_t i = 0; i < b->ops && ring != NULL; i++) {
		uint64_t *object = type->ptr_words > 0 ? GC_MALLOC(type->size) : GC_MALLOC_ATOMIC(type->size);

		if (object == NULL)
			return -ENOMEM;
		object[last] = i;
		ring[i % BENCH_RING] = object;
	}
	b->ns = libgc_now_ns() - start_ns;
	for (uint64_t i = 0; i < BENCH_RING && i < b->ops && ring != NULL; i++)
		b->checksum += ring[i][last];
	return ring != NULL ? 0 : -ENOMEM;
}

/* From the leaves up. NULL: no memory. */
static void **libgc_tree(uint32_t depth)
{
	void *child[2] = {NULL, NULL}, **node;

	for (uint32_t i = 0; i < 2 && depth > 0; i++) {
		child[i] = libgc_tree(depth - 1);
		if (child[i] == NULL)
			return NULL;
	}
	node = GC_MALLOC(sizeof(child));
	if (node != NULL)
		memcpy(node, child, sizeof(child));
	return node;
}

static uint64_t libgc_tree_count(void *const *node)
{
	return node == NULL ? 0 : 1 + libgc_tree_count(node[0]) + libgc_tree_count(node[1]);
}

static int libgc_trees(struct bench *b)
{
	int64_t start_ns = libgc_now_ns();
	void **stays = libgc_tree(BENCH_TREE_LONG);

	for (uint64_t i = 0; i < b->n; i++)
		b->checksum += libgc_tree_count(libgc_tree(BENCH_TREE_SHORT));
	b->checksum += libgc_tree_count(stays);
	b->ns = libgc_now_ns() - start_ns;
	return 0; /* a tree that lacks memory shows in the checksum */
}

/* n bytes of nodes, each with two pointers to others, drawn at random: the array of all. NULL: no memory. */
static void **libgc_graph(uint64_t bytes)
{
	uint64_t nodes = bytes / BENCH_NODE_BYTES, state = 5;
	void **all = GC_MALLOC(nodes * sizeof(*all));

	for (uint64_t i = 0; i < nodes && all != NULL; i++) {
		void **node = GC_MALLOC(BENCH_NODE_BYTES);

		if (node == NULL)
			return NULL;
		all[i] = node;
		for (uint32_t k = 0; k < 2; k++)
			node[k] = all[bench_next(&state) % (i + 1)];
	}
	return all;
}

static int libgc_mark_heap(struct bench *b)
{
	int64_t least_ns = INT64_MAX;
	void **all = libgc_graph(b->n);

	if (all == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < BENCH_MARK_ROUNDS; i++) {
		int64_t start_ns = libgc_now_ns(), took_ns;

		GC_gcollect();
		took_ns = libgc_now_ns() - start_ns;
		if (took_ns < least_ns)
			least_ns = took_ns;
	}
	GC_reachable_here(all);
	bench_tell(b, "cycle", (double)least_ns / 1e6, "ms");
	return 0;
}

static const struct bench_op libgc_ops[] = {
	{.name = "alloc_16_noscan", .alone = libgc_objects, .type = &libgc_plain16, .ops = 20000000},
	{.name = "alloc_16_pointers", .alone = libgc_objects, .type = &libgc_pointers16, .ops = 20000000},
	{.name = "alloc_64_noscan", .alone = libgc_objects, .type = &libgc_plain64, .ops = 10000000},
	{.name = "alloc_64_pointers", .alone = libgc_objects, .type = &libgc_pointers64, .ops = 10000000},
	{.name = "alloc_512_noscan", .alone = libgc_objects, .type = &libgc_plain512, .ops = 4000000},
	{.name = "alloc_512_pointers", .alone = libgc_objects, .type = &libgc_pointers512, .ops = 4000000},
	{.name = "alloc_64k_noscan", .alone = libgc_objects, .type = &libgc_plain64k, .ops = 100000},
	{.name = "alloc_64k_pointers", .alone = libgc_objects, .type = &libgc_pointers64k, .ops = 100000},
	{.name = "binary_trees", .alone = libgc_trees, .n = BENCH_TREES, .ops = BENCH_TREES_NODES},
	{.name = "mark_1gib", .alone = libgc_mark_heap, .n = (uint64_t)1 << 30},
	{0},
};
static const struct bench_op *const libgc_tables[] = {libgc_ops, NULL};

static int libgc_run(struct bench *b)
{
	return b->op->alone(b);
}

static int libgc_version(void)
{
	unsigned v = GC_get_version();

	printf("libgc%u.%u.%u, %d marking threads\n", v >> 16, v >> 8 & 255, v & 255, GC_get_parallel() + 1);
	return 0;
}

int main(int argc, char **argv)
{
	GC_INIT();
	GC_allow_register_threads(); /* as in a program with threads: it locks, and marks in parallel */
	if (argc == 3 && strcmp(argv[1], "op") == 0)
		return bench_sample(libgc_tables, argv[2], libgc_run);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return bench_list(libgc_tables);
	if (argc == 2 && strcmp(argv[1], "version") == 0)
		return libgc_version();
	fprintf(stderr, "usage: bench-libgc list | op NAME | version\n");
	return 2;
}
