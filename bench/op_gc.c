/*
 * op_gc.c: the collector: marking a large heap full of pointers, and the stops, assists and stalls under churn at three sizes of the live
 * heap.
 */
#include "bench/bench.h"
#include "runtime/gc/gc.h"
#include "runtime/prim/prim.h"

#include <errno.h>

#define CHURNERS	2u /* one a processor of the machine the figures are made on; the same in Go */
#define STALL_PERIOD_NS INT64_C(1000000)
#define PAUSES_KEPT	256u /* of pause_ns */

static const uint64_t gc_three = 3;
static const struct mrt_type gc_node = {"node", BENCH_NODE_BYTES, 2, &gc_three};

/* n bytes of nodes of 64, each with two pointers to others, drawn at random; *ret: the array of all. */
static int gc_graph(mrt_g *g, uint64_t bytes, void **ret)
{
	uint64_t nodes = bytes / gc_node.size, state = 5;
	int rc = mrt_new_array(g, &bench_pointer, nodes, ret);
	MRT_ROOTS(g, node, 1);

	for (uint64_t i = 0; i < nodes && rc == 0; i++) {
		void **all = *ret;

		rc = mrt_new(g, &gc_node, &node[0]);
		if (rc < 0)
			break;
		mrt_store(g, &all[i], node[0]);
		for (uint32_t k = 0; k < 2; k++)
			mrt_store(g, (void **)node[0] + k, all[bench_next(&state) % (i + 1)]);
	}
	return rc;
}

/* A whole forced cycle: marking with every processor, and the sweep behind it. */
static void gc_mark_heap(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	int64_t least_ns = INT64_MAX;
	MRT_ROOTS(g, all, 1);

	b->error = gc_graph(g, b->n, &all[0]);
	for (uint32_t i = 0; i < BENCH_MARK_ROUNDS && b->error == 0; i++) {
		int64_t start_ns = prim_now_ns(), took_ns;

		mrt_gc(g);
		took_ns = prim_now_ns() - start_ns;
		if (took_ns < least_ns)
			least_ns = took_ns;
	}
	bench_tell(b, "cycle", (double)least_ns / 1e6, "ms");
}

/* ------------------------------------------------------------------- pauses */

struct pauses {
	struct bench *b;
	void **all; /* the array of nodes; rooted by the main goroutine, which outlives the others */
	uint64_t nodes;
	_Atomic bool end;
	_Atomic uint64_t draws; /* a seed each */
	int64_t stall_ns;
	mrt_wg done;
};

/* Replaces nodes at random places by such that point nowhere, so that what is live does not grow, until told to end. */
static void pauses_churn(mrt_g *g, void *arg)
{
	struct pauses *p = arg;
	uint64_t state = atomic_fetch_add_explicit(&p->draws, 1, memory_order_relaxed);
	MRT_ROOTS(g, roots, 2);

	roots[0] = p->all;
	/* Relaxed: only the end; what is counted is handed over by the wait group. */
	while (!atomic_load_explicit(&p->end, memory_order_relaxed)) {
		uint64_t i = bench_next(&state) % p->nodes;

		if (mrt_new(g, &gc_node, &roots[1]) < 0)
			break;
		mrt_store(g, (void **)roots[0] + i, roots[1]);
	}
	mrt_wg_done(g, &p->done);
}

/* Wants to run each millisecond; by how much it came late, at most. */
static void pauses_tick(mrt_g *g, void *arg)
{
	struct pauses *p = arg;
	int64_t due_ns = mrt_now_ns() + STALL_PERIOD_NS;

	while (!atomic_load_explicit(&p->end, memory_order_relaxed)) {
		int64_t late_ns;

		mrt_sleep_until(g, due_ns);
		late_ns = mrt_now_ns() - due_ns;
		if (late_ns > p->stall_ns)
			p->stall_ns = late_ns;
		due_ns += STALL_PERIOD_NS * (1 + (late_ns > 0 ? late_ns / STALL_PERIOD_NS : 0));
	}
	mrt_wg_done(g, &p->done);
}

/* Cycles that have ended. The phase is read last: one that begins in between is not counted, nor is it if it has ended by then. */
static uint32_t pauses_cycles(void)
{
	uint32_t begun = gc_cycle();

	return begun - (gc_phase() != GC_OFF);
}

static void pauses_watch(mrt_g *g, struct pauses *p, uint64_t cycles)
{
	struct mrt_memstats s;
	uint32_t first;

	mrt_memstats_read(g, &s);
	first = s.num_gc;
	bench_trace_begins();
	while (pauses_cycles() < first + cycles)
		mrt_sleep_until(g, mrt_now_ns() + 2000000);
	atomic_store_explicit(&p->end, true, memory_order_relaxed);
	mrt_wg_wait(g, &p->done);
	mrt_memstats_read(g, &s);
	for (uint32_t i = first; i < s.num_gc && s.num_gc - i <= PAUSES_KEPT; i++)
		bench_tell(p->b, "stw_p99", (double)s.pause_ns[i % PAUSES_KEPT] / 1e3, "us");
	bench_tell(p->b, "stall_max", (double)p->stall_ns / 1e3, "us");
}

static void gc_pauses(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct pauses p = {.b = b, .nodes = b->n / gc_node.size};
	struct mrt_go_options opt = {.name = "churn"};
	MRT_ROOTS(g, all, 1);

	b->error = gc_graph(g, b->n, &all[0]);
	p.all = all[0];
	mrt_wg_add(&p.done, CHURNERS + 1);
	for (uint32_t i = 0; i < CHURNERS && b->error == 0; i++)
		b->error = mrt_go(g, pauses_churn, &p, &opt);
	if (b->error == 0)
		b->error = mrt_go(g, pauses_tick, &p, &opt);
	if (b->error == 0)
		pauses_watch(g, &p, b->cycles);
}

const struct bench_op bench_gc_ops[] = {
	{.name = "mark_1gib", .fn = gc_mark_heap, .n = (uint64_t)1 << 30},
	{.name = "pause_64m", .fn = gc_pauses, .n = (uint64_t)64 << 20, .cycles = 200, .gctrace = true},
	{.name = "pause_512m", .fn = gc_pauses, .n = (uint64_t)512 << 20, .cycles = 20, .gctrace = true, .heavy = true},
	{.name = "pause_2g", .fn = gc_pauses, .n = (uint64_t)2 << 30, .cycles = 20, .gctrace = true, .heavy = true},
	{0},
};
