/* explore_priv.h: what explore.c finds and explore_summary.c tells. */
#pragma once

#include "harness/explore/explore.h"
#include "harness/explore/trial.h"

/* A seed that failed. */
struct explore_failure {
	uint64_t seed;
	enum gcs_exit exit;
	int64_t took_ns, duration_ns; /* on the wall; simulated */
	bool kept;
	char sentence[200];
};

struct explore {
	const struct gcs_explore_options *opt;
	char path[GCS_PATH_BYTES]; /* of the scenario's copy */
	uint64_t first, begun, passed, failed, undecided;
	uint64_t threw; /* of `passed`: died as `oom: throw` asks */
	struct explore_failure *failure; /* in the order they were found, at the end the fastest first */
	uint64_t undecided_seed;	 /* the first; `undecided` is not 0 */
	enum gcs_exit undecided_exit, trouble;
	char undecided_sentence[200], trouble_sentence[200];
	int interrupted;
	int64_t began_ns, ended_ns, told_ns;
};

enum gcs_exit explore_exit(const struct explore *x);
/* On opt->out in opt->format, and summary.json. 0, -errno: the file could not be written. */
int explore_summary(const struct explore *x);
