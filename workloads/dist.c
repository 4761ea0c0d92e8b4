/*
 * dist.c: fixed, uniform and zipf sizes.
 *
 * Zipf: the chance of a size x is proportional to x^-s over min..max. The range is cut into cells,
 * at most eight an octave; a cell weighs its width times (its middle)^-s, and within a cell sizes
 * are even: under s = 2 the error of that step is below one per cent of the cell's weight. x^-s is
 * 2^(-s * log2 x) in fixed point: the logarithm by repeated squaring, the power from the square
 * roots of one half. No floating point anywhere.
 */
#include "workloads/dist.h"

#define DIST_FRACTION_BITS 32u
#define DIST_ONE	   (UINT64_C(1) << 62) /* 1.0 of a power of two */

/* log2(x) with 32 fraction bits. x >= 1. */
static uint64_t dist_log2(uint64_t x)
{
	uint32_t whole = 63u - (uint32_t)__builtin_clzll(x);
	unsigned __int128 m = (unsigned __int128)x << (62u - whole); /* in [1, 2) of 62 bits */
	uint64_t fraction = 0;

	for (uint32_t i = 0; i < DIST_FRACTION_BITS; i++) {
		m = m * m >> 62;
		fraction <<= 1;
		if (m >> 63 != 0) {
			fraction |= 1;
			m >>= 1;
		}
	}
	return (uint64_t)whole << DIST_FRACTION_BITS | fraction;
}

static uint64_t dist_sqrt(unsigned __int128 x)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 63; bit != 0; bit >>= 1) {
		unsigned __int128 next = root | bit;

		if (next * next <= x)
			root |= bit;
	}
	return root;
}

/* 2^-x, x with 32 fraction bits; 62 fraction bits. */
static uint64_t dist_exp2_neg(uint64_t x)
{
	uint64_t whole = x >> DIST_FRACTION_BITS, result = DIST_ONE, root = DIST_ONE / 2;

	if (whole >= 62)
		return 0;
	for (uint32_t i = 0; i < DIST_FRACTION_BITS; i++) {
		root = dist_sqrt((unsigned __int128)root << 62); /* 2^-(1/2^(i+1)) */
		if ((x >> (DIST_FRACTION_BITS - 1 - i) & 1) != 0)
			result = (uint64_t)((unsigned __int128)result * root >> 62);
	}
	return result >> whole;
}

/* (x / min)^-s, 62 fraction bits: relative to the smallest, so that big sizes keep their digits. */
static uint64_t dist_power(uint64_t x, uint64_t min, uint32_t s_milli)
{
	unsigned __int128 e = (unsigned __int128)(dist_log2(x) - dist_log2(min)) * s_milli / 1000;

	return dist_exp2_neg((uint64_t)e);
}

static void dist_cells(struct dist *d, uint64_t min, uint64_t max)
{
	uint64_t low = min;

	while (low <= max && d->ncells < DIST_CELLS_MAX) {
		uint64_t octave = UINT64_C(1) << (63u - (uint32_t)__builtin_clzll(low));
		uint64_t width = octave >= 8 ? octave / 8 : 1;

		d->low[d->ncells++] = low;
		low = (low / width + 1) * width;
	}
	d->low[d->ncells] = max + 1;
}

void dist_init(struct dist *d, const struct plan_size *size)
{
	unsigned __int128 total = 0, seen = 0;
	unsigned __int128 weight[DIST_CELLS_MAX];

	d->ncells = 0;
	if (size->dist != PLAN_DIST_ZIPF) {
		d->low[0] = size->min;
		d->low[1] = (size->dist == PLAN_DIST_FIXED ? size->min : size->max) + 1;
		d->upto[0] = UINT64_C(1) << 32;
		d->ncells = 1;
		return;
	}
	dist_cells(d, size->min, size->max);
	for (uint32_t i = 0; i < d->ncells; i++) {
		uint64_t width = d->low[i + 1] - d->low[i];
		uint64_t middle = d->low[i] + (width - 1) / 2;

		weight[i] = (unsigned __int128)dist_power(middle, size->min, size->s_milli) * width;
		total += weight[i];
	}
	for (uint32_t i = 0; i < d->ncells; i++) {
		seen += weight[i];
		/* total stays below 2^(62+30+1): shift both so that the quotient fits. */
		d->upto[i] = (uint64_t)((seen << 32) / total);
	}
	d->upto[d->ncells - 1] = UINT64_C(1) << 32;
}

uint64_t dist_draw(const struct dist *d, uint64_t random)
{
	uint64_t pick = random >> 32, inside = random & UINT32_MAX;
	uint32_t from = 0, to = d->ncells - 1;

	while (from < to) {
		uint32_t middle = (from + to) / 2;

		if (pick < d->upto[middle])
			to = middle;
		else
			from = middle + 1;
	}
	return d->low[from] + (inside * (d->low[from + 1] - d->low[from]) >> 32);
}
