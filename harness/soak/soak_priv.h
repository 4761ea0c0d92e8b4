/*
 * soak_priv.h: a soak in progress, as its parts share it: the loop (soak.c), records and room
 * (soak_disk.c), what is printed (soak_tell.c, soak_summary.c), the line of progress
 * (soak_progress.c).
 */
#pragma once

#include "harness/soak/soak.h"
#include "harness/soak/soak_state.h"

#include <string.h>

struct soak {
	const struct gcs_soak_options *opt;
	const struct gcs_soak_world *world;
	struct gcs_soak_plan plan;
	struct gcs_soak_state *state;
	char dir[GCS_PATH_BYTES]; /* absolute */
	int lock;
	int64_t spent_before_ns, sat_down_ns; /* of the sittings before; when this one began */
	enum gcs_exit stopped;		      /* INT or TERM; PASS: nobody stopped it */
	enum gcs_exit trouble;		      /* HARNESS or UNSUPPORTED when that ended it */
	unsigned broken;		      /* rounds in a row in which the harness failed */
	bool told_full;			      /* that the last failing record alone is too large */
};

static inline bool soak_json(const struct soak *s)
{
	return strcmp(s->opt->format, "json") == 0;
}
static inline void soak_at(const struct soak *s, const char *step)
{
	if (s->world->at)
		s->world->at(s->world->self, step);
}
/* A round that counts as failed: an SLO or a content check, a crash, the harness. */
static inline bool soak_failing(int exit)
{
	return exit == GCS_EXIT_FAIL || exit == GCS_EXIT_CRASH || exit == GCS_EXIT_HARNESS;
}
#define SOAK_SQL_FAILING "exit IN (99, 4, 1)"

/* ---- soak_disk.c. 0, -errno; steps are committed one by one. */
void soak_record_path(const struct soak *s, const char *file, char ret[GCS_PATH_BYTES]);
uint64_t soak_record_bytes(const char *path); /* with its log; 0: not there */
void soak_record_remove(const char *path);    /* and what SQLite and thinning left beside it */
int soak_disk_thin(struct soak *s, uint64_t number, const char *file);
/* Removes and thins until all records together fit into plan.disk_bytes. */
int soak_disk_keep(struct soak *s);
/* After a kill: thins what should be thin, forgets what is gone, removes what nobody knows. */
int soak_disk_recover(struct soak *s);

/* ---- soak_tell.c */
void soak_tell_head(struct soak *s, bool resumed);
void soak_tell_round(struct soak *s, const struct gcs_soak_round *r);
/* One sentence, a line of its own; in JSON {"note": …}. */
void soak_tell(struct soak *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- soak_summary.c */
/* Why no more rounds are begun; NULL: they are. */
const char *soak_over(const struct soak *s, const struct gcs_soak_progress *p, int64_t spent_ns);
int soak_summary(struct soak *s, FILE *out);
/* By the rounds alone. */
enum gcs_exit soak_exit_of_rounds(struct soak *s);

/* ---- soak_progress.c: one at a time */
/* What the next run is shown with; label before each line. */
const struct gcs_display *soak_display(const struct gcs_display *inner, const char *label);
/* The user of the screen asked to end the run since soak_display was called. */
bool soak_display_quit(void);
