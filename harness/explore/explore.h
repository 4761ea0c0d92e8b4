/*
 * explore.h: one scenario in simulation with many seeds, some at once; what fails is kept.
 *
 * Seeds are first, first + 1, …  A run fails when its exit is 99 or 4. A failing run keeps its record (SEED.gcrun) and its log; the others are
 * deleted. Of more than GCS_EXPLORE_KEEP failing ones those are kept that took the least time. The directory also has the scenario
 * (scenario.yaml, the source as read) and summary.json.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/exit.h"
#include "harness/scenario.h"

#define GCS_EXPLORE_KEEP     100 /* records */
#define GCS_EXPLORE_SEEDS    UINT64_C(100)
#define GCS_EXPLORE_SEEDS_MAX UINT64_C(1000000)

struct gcs_explore_options {
	const struct gcs_scenario *scenario;	 /* as loaded with `load`: gives name, text and first seed */
	const struct gcs_scenario_options *load; /* a seed in it is not used */
	uint64_t seeds;
	unsigned jobs;
	const char *dir; /* made; it may be there if it is empty */
	const char *format;
	FILE *out, *err; /* summary; progress, failures and the first undecided as they are found */
	bool terminal;	 /* err is one */
};
/* The exit code: 130 and 143; 1, 2 and 3 when that ended it; 99 when any failed; 5 or 7 when any did not pass else; 0. */
enum gcs_exit gcs_explore(const struct gcs_explore_options *opt);
