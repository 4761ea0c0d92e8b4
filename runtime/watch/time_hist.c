/*
 * time_hist.c: the buckets of runtime/metrics. Both layouts are one rule with other numbers: within an octave 2^bits cells of the
 * same width, and below the first octave cells as wide as those in it.
 */
#include "runtime/watch/time_hist.h"

#include <math.h>

struct time_layout {
	uint32_t bits;	/* log2 of the cells of an octave */
	uint32_t first; /* octaves are told apart from 2^first on */
	uint32_t cells; /* from 0 on; what is longer is in the last one */
};
static const struct time_layout time_layout[] = {
	[WATCH_TIME_1_19] = {4, 4, WATCH_TIME_CELLS},
	[WATCH_TIME_1_20] = {2, 8, WATCH_TIME_CELLS_1_20 - 1},
};

static uint32_t time_index(const struct time_layout *l, uint64_t ns)
{
	uint32_t octave = ns >> l->first == 0 ? 0 : 64 - l->first - (uint32_t)__builtin_clzll(ns);
	uint32_t shift = l->first - l->bits + (octave > 1 ? octave - 1 : 0);
	uint32_t i = (octave << l->bits) + (uint32_t)(ns >> shift & ((1u << l->bits) - 1));

	return i < l->cells ? i : l->cells - 1;
}

/* The least time that falls in the cell. */
static uint64_t time_low(const struct time_layout *l, uint32_t i)
{
	uint32_t octave = i >> l->bits, cell = i & ((1u << l->bits) - 1);

	if (octave == 0)
		return (uint64_t)cell << (l->first - l->bits);
	return (uint64_t)((1u << l->bits) + cell) << (l->first - l->bits + octave - 1);
}

void watch_time_hist_add(struct watch_time_hist *h, int64_t ns)
{
	if (ns < 0)
		h->below++;
	else
		h->cell[time_index(&time_layout[WATCH_TIME_1_19], (uint64_t)ns)]++;
}

void watch_time_hist_sum(struct watch_time_hist *to, const struct watch_time_hist *from)
{
	to->below += from->below;
	for (uint32_t i = 0; i < WATCH_TIME_CELLS; i++)
		to->cell[i] += from->cell[i];
}

uint32_t watch_time_hist_cells(enum watch_time_layout layout)
{
	return time_layout[layout].cells + 1;
}

double watch_time_hist_bound(enum watch_time_layout layout, uint32_t i)
{
	if (i == 0)
		return -INFINITY;
	if (i > time_layout[layout].cells)
		return INFINITY;
	return (double)time_low(&time_layout[layout], i - 1) / 1e9;
}

void watch_time_hist_read(const struct watch_time_hist *h, enum watch_time_layout layout, uint64_t *ret)
{
	const struct time_layout *l = &time_layout[layout];

	ret[0] = h->below;
	for (uint32_t i = 0; i < l->cells; i++)
		ret[1 + i] = 0;
	for (uint32_t i = 0; i < WATCH_TIME_CELLS; i++)
		ret[1 + time_index(l, time_low(&time_layout[WATCH_TIME_1_19], i))] += h->cell[i];
}
