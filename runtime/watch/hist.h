/*
 * hist.h: a log-linear latency histogram, in shared memory, one writer each.
 *
 * Values are ns, 0 .. 2^42-1 (73 min; larger ones count in the last cell). 64 linear cells an octave: a cell's
 * width is at most 1/64 of its value (1.6 %). Cells of the same layout add exactly, so histograms of
 * workers and intervals add without loss. Percentiles return the highest value of the cell (HdrHistogram's
 * convention), never above max.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_HIST_SUB_BITS 6
#define WATCH_HIST_SUB (1u << WATCH_HIST_SUB_BITS)
#define WATCH_HIST_OCTAVES 36 /* 2^6 .. 2^42 */
#define WATCH_HIST_CELLS (WATCH_HIST_SUB * (WATCH_HIST_OCTAVES + 1))

struct watch_hist {
	_Atomic uint64_t count, sum_ns, max_ns;
	_Atomic uint64_t cell[WATCH_HIST_CELLS];
};

static inline uint32_t watch_hist_index(uint64_t ns)
{
	if (ns < WATCH_HIST_SUB)
		return (uint32_t)ns;
	uint32_t octave = 63u - (uint32_t)__builtin_clzll(ns) - WATCH_HIST_SUB_BITS; /* 0: [64,128) */
	if (octave >= WATCH_HIST_OCTAVES)
		return WATCH_HIST_CELLS - 1;
	return WATCH_HIST_SUB * (octave + 1) + (uint32_t)((ns >> octave) & (WATCH_HIST_SUB - 1));
}

/* Highest value that falls in a cell. */
static inline uint64_t watch_hist_cell_top(uint32_t index)
{
	if (index < WATCH_HIST_SUB)
		return index;
	uint32_t octave = index / WATCH_HIST_SUB - 1;
	uint64_t low = (uint64_t)(WATCH_HIST_SUB + index % WATCH_HIST_SUB) << octave;
	return low + ((uint64_t)1 << octave) - 1;
}

/* Single writer: plain load and store, relaxed; readers take snapshots. */
static inline void watch_hist_add(struct watch_hist *h, uint64_t ns)
{
#define WATCH_BUMP(field, by) \
	atomic_store_explicit(&(field), atomic_load_explicit(&(field), memory_order_relaxed) + (by), memory_order_relaxed)
	WATCH_BUMP(h->cell[watch_hist_index(ns)], 1);
	WATCH_BUMP(h->sum_ns, ns);
	if (ns > atomic_load_explicit(&h->max_ns, memory_order_relaxed))
		atomic_store_explicit(&h->max_ns, ns, memory_order_relaxed);
	/* count last, release: a reader that acquires it sees at least so many in the cells */
	atomic_store_explicit(&h->count, atomic_load_explicit(&h->count, memory_order_relaxed) + 1, memory_order_release);
#undef WATCH_BUMP
}

/* ---- reader: plain sums, private to who holds them. */
struct watch_hist_sum {
	uint64_t count, sum_ns, max_ns;
	uint64_t cell[WATCH_HIST_CELLS];
};

/* Snapshot of a histogram that may be written meanwhile; count always equals the sum of the cells. */
void watch_hist_read(const struct watch_hist *h, struct watch_hist_sum *ret);
/* Add exactly. */
void watch_hist_sum_add(struct watch_hist_sum *into, const struct watch_hist_sum *more);
/* Add one value (aggregates made by the reader itself: pauses, stalls). */
void watch_hist_sum_put(struct watch_hist_sum *into, uint64_t ns);
/* later -= earlier, two snapshots of one histogram: what happened in between. max_ns is exact when the maximum moved,
 * else the top of the highest cell in use. */
void watch_hist_sum_since(struct watch_hist_sum *later, const struct watch_hist_sum *earlier);
/* The value at a quantile in millionths (500000 median, 990000 p99, 999000 p99.9); 0 when empty. */
uint64_t watch_hist_sum_at(const struct watch_hist_sum *s, uint32_t ppm);
