/*
 * hist.c: the reader's side of the latency histogram: snapshots, sums, differences, percentiles.
 *
 * The writer bumps a cell first and `count` last (release). A snapshot acquires `count` and then
 * reads the cells, so it holds at least the values counted by then and perhaps some later ones; the
 * count of the snapshot is therefore taken from its cells, and the two always agree.
 */
#include "runtime/watch/hist.h"

#include <string.h>

void watch_hist_read(const struct watch_hist *h, struct watch_hist_sum *ret)
{
	uint64_t count = 0;

	/* Acquire: pairs with the release store of count in watch_hist_add. */
	(void)atomic_load_explicit(&h->count, memory_order_acquire);
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		ret->cell[i] = atomic_load_explicit(&h->cell[i], memory_order_relaxed);
		count += ret->cell[i];
	}
	ret->count = count;
	ret->sum_ns = atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
	ret->max_ns = atomic_load_explicit(&h->max_ns, memory_order_relaxed);
}

void watch_hist_sum_add(struct watch_hist_sum *into, const struct watch_hist_sum *more)
{
	into->count += more->count;
	into->sum_ns += more->sum_ns;
	if (more->max_ns > into->max_ns)
		into->max_ns = more->max_ns;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++)
		into->cell[i] += more->cell[i];
}

void watch_hist_sum_put(struct watch_hist_sum *into, uint64_t ns)
{
	into->cell[watch_hist_index(ns)]++;
	into->count++;
	into->sum_ns += ns;
	if (ns > into->max_ns)
		into->max_ns = ns;
}

/* The largest value that a histogram without a known maximum can hold. */
static uint64_t hist_top(const struct watch_hist_sum *s)
{
	for (uint32_t i = WATCH_HIST_CELLS; i-- > 0;)
		if (s->cell[i] != 0)
			return watch_hist_cell_top(i);
	return 0;
}

void watch_hist_sum_since(struct watch_hist_sum *later, const struct watch_hist_sum *earlier)
{
	uint64_t top, max_before = earlier->max_ns;

	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++)
		later->cell[i] -= earlier->cell[i];
	later->count -= earlier->count;
	later->sum_ns -= earlier->sum_ns;
	if (later->max_ns > max_before)
		return; /* the maximum moved in between, so it is this interval's */
	top = hist_top(later);
	if (top < later->max_ns)
		later->max_ns = top;
}

uint64_t watch_hist_sum_at(const struct watch_hist_sum *s, uint32_t ppm)
{
	uint64_t seen = 0, rank;

	if (s->count == 0)
		return 0;
	if (ppm > 1000000)
		ppm = 1000000;
	rank = (uint64_t)(((unsigned __int128)s->count * ppm + 999999) / 1000000);
	if (rank == 0)
		rank = 1;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		seen += s->cell[i];
		if (seen >= rank) {
			uint64_t top = watch_hist_cell_top(i);

			/* The last cell is open: only the maximum knows what is in it. */
			return i == WATCH_HIST_CELLS - 1 || top > s->max_ns ? s->max_ns : top;
		}
	}
	return s->max_ns;
}
