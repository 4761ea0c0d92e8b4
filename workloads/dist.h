/*
 * dist.h: sizes drawn from a distribution, with integers only: the same draws give the same sizes
 * on every machine.
 */
#pragma once

#include "workloads/plan.h"

#define DIST_CELLS_MAX 512u

struct dist {
	uint32_t ncells;
	/* cell i holds low[i] .. low[i+1]-1, and draws below upto[i] (of 2^32) fall in it or before
	 */
	uint64_t low[DIST_CELLS_MAX + 1];
	uint64_t upto[DIST_CELLS_MAX];
};

void dist_init(struct dist *d, const struct plan_size *size);
/* random: 64 evenly distributed bits. */
uint64_t dist_draw(const struct dist *d, uint64_t random);
