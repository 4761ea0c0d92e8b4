/*
 * soak_plan.h: what a soak is to do: scenarios, options, limits, and the seed that all seeds of its
 * rounds come from. Kept in the soak's state; only the limits may be changed by who resumes it.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/scenario.h"

#include <stdio.h>

#define GCS_SOAK_SCENARIOS_MAX 16
#define GCS_SOAK_SETS_MAX      60
#define GCS_SOAK_FOR_NS	       INT64_C(3600000000000) /* where neither --for nor --rounds is said */
#define GCS_SOAK_DISK_BYTES    (UINT64_C(2) << 30)    /* where --disk is not said */
#define GCS_SOAK_DISK_MIN      (UINT64_C(64) << 20)

struct gcs_soak_scenario {
	char *name;  /* its own */
	char *given; /* on the command line */
	char *file;  /* the copy in the soak's directory, a name without a path */
};

/* Strings are malloc'd and the plan's own; NULL: not given. */
struct gcs_soak_plan {
	char *name;
	uint64_t seed;
	struct gcs_soak_scenario scenario[GCS_SOAK_SCENARIOS_MAX];
	uint32_t nscenarios;
	bool sim, until_failure;
	char *variant, *time_scale, *heap_scale;
	struct {
		char *key, *value;
	} set[GCS_SOAK_SETS_MAX];
	uint32_t nsets;
	int64_t for_ns;	 /* 0: no limit */
	uint64_t rounds; /* 0: no limit */
	uint64_t disk_bytes;
};
void gcs_soak_plan_fini(struct gcs_soak_plan *p);

/* Rounds are counted from 1 and take the scenarios in turn. */
uint32_t gcs_soak_scenario_of(const struct gcs_soak_plan *p, uint64_t round);
/* The seed of a round: the round-th output of splitmix64 from the soak's seed, its highest bit
 * cleared. It hangs on nothing else, so a round that was cut off runs again with the same one. */
uint64_t gcs_soak_seed_of(const struct gcs_soak_plan *p, uint64_t round);
/* DIR/FILE of a scenario's copy, loaded as round `round` runs it. As gcs_scenario_load_with. */
int gcs_soak_load(const struct gcs_soak_plan *p, const char *dir, uint64_t round,
		  struct gcs_scenario **ret, struct gcs_scenario_error *ret_error);
/* The command that runs this round again, ready for a shell; malloc'd, NULL: no memory. dir is
 * absolute. */
char *gcs_soak_command(const struct gcs_soak_plan *p, const char *dir, uint64_t round);
/* A word as a POSIX shell reads it back. */
void gcs_soak_quote(FILE *out, const char *word);
