/* command_explore.c: gcstorm explore. */
#include "harness/base/units.h"
#include "harness/command/command_priv.h"
#include "harness/explore/explore.h"
#include "harness/explore/trial.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int explore_numbers(const struct gcs_arguments *a, uint64_t *ret_seeds, unsigned *ret_jobs)
{
	const char *seeds = a->value[GCS_OPT_SEEDS], *jobs = a->value[GCS_OPT_JOBS];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t n = processors > 0 ? (uint64_t)processors : 1;
	*ret_seeds = GCS_EXPLORE_SEEDS;
	if (seeds && (gcs_parse_count(seeds, ret_seeds) || *ret_seeds == 0 || *ret_seeds > GCS_EXPLORE_SEEDS_MAX))
		return gcs_command_usage(NULL, "--seeds wants a number from 1 to 1M, like 1000, not '%s'", seeds);
	if (jobs && (gcs_parse_count(jobs, &n) || n == 0 || n > GCS_TRIALS_MAX))
		return gcs_command_usage(NULL, "--jobs wants a number from 1 to %d, not '%s'", GCS_TRIALS_MAX, jobs);
	*ret_jobs = n < GCS_TRIALS_MAX ? (unsigned)n : GCS_TRIALS_MAX;
	return 0;
}

int gcs_command_explore(const struct gcs_arguments *a)
{
	struct gcs_scenario_options load = {
		.set = a->set,
		.nset = a->nsets,
		.variant = a->value[GCS_OPT_VARIANT],
		.time_scale = a->value[GCS_OPT_TIME_SCALE],
		.heap_scale = a->value[GCS_OPT_HEAP_SCALE],
	};
	struct gcs_explore_options opt = {.load = &load,
					  .format = a->format,
					  .out = stdout,
					  .err = stderr,
					  .terminal = isatty(STDERR_FILENO)};
	struct gcs_scenario *s;
	char dir[GCS_PATH_BYTES];
	int code = explore_numbers(a, &opt.seeds, &opt.jobs);
	if (code == 0)
		code = gcs_command_scenario(a, &s);
	if (code)
		return code;
	code = gcs_command_place(a, "explores", s->name, dir);
	opt.scenario = s;
	opt.dir = dir;
	if (code == 0)
		code = (int)gcs_explore(&opt);
	gcs_scenario_destroy(s);
	return code;
}
