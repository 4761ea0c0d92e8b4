/* shrink_priv.h: what shrink.c (parts that go) and shrink_timeline.c (what gets shorter) share. */
#pragma once

#include "harness/explore/original.h"
#include "harness/explore/shrink.h"

#define SHRINK_DROPS_MAX 256
#define SHRINK_NAME	 96
#define SHRINK_PARTS_MAX (GCS_FAULTS_MAX + 1)
#define SHRINK_LENGTHS	 (GCS_PHASES_MAX + 2 * GCS_FAULTS_MAX)

struct shrink {
	const struct gcs_shrink_options *opt;
	struct gcs_original o;
	struct gcs_scenario *whole; /* as it was */
	char *slo;		    /* the one that must fail; "": none did */
	char drop[SHRINK_DROPS_MAX][SHRINK_NAME];
	uint32_t ndrops;
	struct gcs_override set[GCS_TRIAL_SETS_MAX + SHRINK_LENGTHS + 1];
	size_t nsets;
	char length[SHRINK_LENGTHS][2][SHRINK_NAME]; /* keys and values of `set` that shorten */
	uint32_t nlengths;
	uint32_t tries;
	enum gcs_exit stop; /* not PASS: give up with this */
};

/* Does it still fail as it did? What cannot be loaded does not. */
bool shrink_fails(struct shrink *s);
void shrink_say(struct shrink *s, const char *what, bool fails);

/* Paths, as of --set, that may go. */
struct shrink_parts {
	char path[SHRINK_PARTS_MAX][SHRINK_NAME];
	uint32_t n;
};
/* LIST.ID and what is below it; a path that is too long stays. */
void shrink_part(struct shrink_parts *p, const char *list, const char *id, const char *below);
/* Try without halves, quarters, … ones; ones again until a whole pass removes nothing. */
void shrink_parts(struct shrink *s, struct shrink_parts *p);
bool shrink_is_left(const struct shrink *s, const char *list, const char *id);

/* shrink_timeline.c: windows begin at once, are fewer and shorter; phases go and get shorter. */
void shrink_timeline(struct shrink *s);
