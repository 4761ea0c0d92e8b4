/*
 * shrink.h: from a failing simulated run to the smallest scenario that still fails in the same way: the same exit and the same SLO.
 *
 * Delta debugging, each try one simulated run of the same seed: faults go, in halves and then one by one; then repeats, workloads; then
 * windows begin earlier, are fewer and get shorter, phases go and get shorter. Nothing is taken that would change the way of failing, so the
 * result is small, not the smallest there is: no single fault, repeat, workload or phase can go, and no single length can lose an eighth.
 */
#pragma once

#include "harness/exit.h"

#include <stdio.h>

struct gcs_shrink_options {
	const char *record;
	const char *output; /* the scenario, a new file; NULL: NAME-shrunk.yaml here */
	FILE *out, *err;
};
/* 0: written; 99: the run does not fail again as it did (5: and its programs were others); 2: no record, it did not fail, or the file is there;
 * 3: it cannot be repeated; 130, 143. */
enum gcs_exit gcs_shrink(const struct gcs_shrink_options *opt);
