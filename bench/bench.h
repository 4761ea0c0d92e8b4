/*
 * bench.h: an operation of the bench: what it is called, what does it, what it found.
 *
 * bench/go has the same operations under the same names, doing the same work in the same order, bench_libgc.c those that a library for
 * collection in C can do; the checksums of all must agree (bench.sh compares them). Less is better in every figure.
 */
#pragma once

#include "runtime/mrt.h"

#include <stddef.h>
#include <stdint.h>

#define BENCH_FIGURES 512u

/* One line of output. Figures of one name are a sample, of which the table gives the 99th percentile. */
struct bench_figure {
	char name[40];
	double value;
	const char *unit; /* kept by pointer */
};

struct bench;

struct bench_op {
	const char *name;
	mrt_go_fn *fn;		      /* the main goroutine; arg is the struct bench */
	int (*alone)(struct bench *); /* instead of fn: without a runtime of its caller's; 0 or -errno */
	uint64_t n;		      /* entries, bytes, trees: what the operation makes of it */
	uint64_t ops;		      /* to be done; the figure is nanoseconds an operation. 0: only what bench_tell says */
	const struct mrt_type *type;
	uint64_t cycles; /* of the collector */
	uint32_t procs;	 /* 0: all */
	bool gctrace;	 /* its lines go to stderr, where bench_trace_begins says which count */
	bool heavy;	 /* minutes a sample: only if asked for */
};

struct bench {
	const struct bench_op *op;
	/* What op says; with BENCH_DIVIDE=K in the environment, which is for trying that all sides do the same, a Kth of it, at least 1.
	 * Operations look here. */
	uint64_t n, ops, cycles;
	int64_t ns; /* of all `ops` */
	uint64_t checksum;
	int error; /* 0 or -errno; each step looks at it first */
	uint32_t nfigures;
	struct bench_figure figure[BENCH_FIGURES];
};

/* A figure of its own, named OPERATION.SUFFIX. What does not fit any more is left out. */
void bench_tell(struct bench *b, const char *suffix, double value, const char *unit);
/* A line on stderr: of the lines of gctrace bench.sh counts those after it. */
void bench_trace_begins(void);

/* One sample of the operation of this name, on stdout, in the lines that bench.sh reads. Tables end with NULL, and with a NULL name.
 * Exit status: 1: it failed; 2: no such operation. */
int bench_sample(const struct bench_op *const tables[], const char *name, int (*run)(struct bench *));
/* The names, a line each; a heavy one is followed by a tab and "heavy". */
int bench_list(const struct bench_op *const tables[]);

extern const struct bench_op bench_map_ops[], bench_string_ops[], bench_big_ops[], bench_alloc_ops[], bench_gc_ops[],
	bench_sched_ops[];

/* What a client of the echo operation does on its end, in a process of its own: `bench-runtime echo-client`, the socket being descriptor 3. */
int bench_echo_client(int fd);

/* The same generator and the same scattering of keys as bench/go. */
static inline uint64_t bench_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
static inline uint64_t bench_next(uint64_t *state)
{
	return bench_mix(*state += 0x9e3779b97f4a7c15ull);
}
/* No two of them are equal. */
static inline uint64_t bench_key(uint64_t i)
{
	return bench_mix(i + 1);
}

/* Sizes that op_alloc.c, op_gc.c and bench_libgc.c share. */
#define BENCH_RING	  1024u /* objects that stay reachable */
#define BENCH_TREE_LONG	  18u	/* depth of the tree that stays */
#define BENCH_TREE_SHORT  14u
#define BENCH_TREES	  64u
#define BENCH_TREES_NODES ((2u << BENCH_TREE_LONG) - 1 + BENCH_TREES * ((2u << BENCH_TREE_SHORT) - 1))
#define BENCH_NODE_BYTES  64u
#define BENCH_MARK_ROUNDS 3u

extern const struct mrt_type bench_word, bench_pointer, bench_value;
