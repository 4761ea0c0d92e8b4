/*
 * original.h: a record, as what is needed to make its run again.
 *
 * The scenario's text as it was read, the variant, what the command line laid over it and the seed are in the record: where the file lies
 * now, and whether it still does, is no matter.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/explore/trial.h"

#include <jansson.h>
#include <sqlite3.h>

struct gcs_original {
	char record[GCS_PATH_BYTES];
	char *id, *name, *text, *hash, *build, *word, *sentence, *variant, *given; /* "": none; given: the scenario's path then */
	bool sim, by_hand, thinned, known; /* known: what was laid over is told (records of older versions do not) */
	bool early, quit;		   /* it ended before the last phase did; somebody ended it */
	uint64_t seed;
	int exit; /* -1: unfinished */
	int64_t end_ns;
	struct gcs_override set[GCS_TRIAL_SETS_MAX];
	struct gcs_scenario_options load; /* set and variant */
	json_t *resolved;		  /* owns the strings of `set` */
	sqlite3 *db;
	char dir[GCS_PATH_BYTES]; /* scratch, with scenario.yaml in it; "": none yet */
	char scenario[GCS_PATH_BYTES + 32];
};
/* 0; -errno with *ret_text (malloc'd, may be NULL). In either case _close. */
int gcs_original_open(struct gcs_original *o, const char *record, char **ret_text);
/* A scratch directory with the scenario in it. 0, -errno. */
int gcs_original_unpack(struct gcs_original *o);
/* The scratch directory goes with all that is in it. */
void gcs_original_close(struct gcs_original *o);
/* NULL, or why this record's run cannot be made again: a sentence. real: may it have run on real threads? */
const char *gcs_original_refusal(const struct gcs_original *o, bool real);
