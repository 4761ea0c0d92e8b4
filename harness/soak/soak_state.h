/*
 * soak_state.h: what a soak knows of itself, in one SQLite file, DIR/soak.db.
 *
 * Each change is one transaction, flushed to the disk before the call returns (WAL, synchronous
 * FULL): after kill -9 or a power cut at any moment the file says what had happened up to the last
 * call. Times of day are ns since 1970; everything else ns. One thread. Errors: -errno, -ENOSPC
 * when the disk is full.
 */
#pragma once

#include "harness/soak/soak_plan.h"

#define GCS_SOAK_DB		"soak.db"
#define GCS_SOAK_LOCK		"lock"
#define GCS_SOAK_APPLICATION_ID 0x6763736b /* "gcsk" */
#define GCS_SOAK_VERSION	1

/* What became of a round's record. Numbers are in the file. */
enum gcs_soak_record {
	GCS_SOAK_NONE,	/* the run made none */
	GCS_SOAK_WHOLE, /* as the run left it */
	GCS_SOAK_THIN,
	GCS_SOAK_GONE /* removed for want of room */
};
const char *gcs_soak_record_name(enum gcs_soak_record r); /* "whole" */

struct gcs_soak_round {
	uint64_t number, seed;
	uint32_t scenario;
	bool finished; /* else begun only */
	int64_t begun_wall_ns;
	int64_t spent_ns;    /* of the clock on the wall, thinning left out */
	int64_t duration_ns; /* of the run; in the simulation modelled */
	int exit;
	char word[24], sentence[200], hash[32], file[80]; /* file: of the record, without a path */
	int64_t stw_max_ns, recovery_max_ns; /* -1: none; a recovery is no finer than measured */
	enum gcs_soak_record record;
	uint64_t record_bytes;
	uint64_t harness_rss, target_rss; /* 0: not known */
	bool by_hand;			  /* somebody armed or fired in it */
};
struct gcs_soak_recovery {
	const char *fault, *state; /* state as in a record's table occurrences */
	uint32_t number;
	int64_t recovery_ns; /* -1: none */
};

struct gcs_soak_state;
/* A new file in an existing directory, with the plan in it. ret_text (malloc'd, may be NULL) says
 * what failed. -EEXIST: there is one. */
int gcs_soak_state_create(struct gcs_soak_state **ret, const char *dir,
			  const struct gcs_soak_plan *p, char **ret_text);
/* -ENOENT: there is no soak in dir. reading: nothing will be written. The plan is the caller's to
 * free. */
int gcs_soak_state_open(struct gcs_soak_state **ret, const char *dir, bool reading,
			struct gcs_soak_plan *ret_plan, char **ret_text);
void gcs_soak_state_close(struct gcs_soak_state *s);

/* ---- changes */
int gcs_soak_state_limits(struct gcs_soak_state *s, const struct gcs_soak_plan *p);
/* number, scenario, seed, begun_wall_ns, file */
int gcs_soak_state_begin(struct gcs_soak_state *s, const struct gcs_soak_round *r);
/* Everything of a finished round, its recoveries, and the time that the soak has taken so far. */
int gcs_soak_state_finish(struct gcs_soak_state *s, const struct gcs_soak_round *r,
			  const struct gcs_soak_recovery *list, size_t n, int64_t spent_ns);
/* The round in progress was cut off: its row goes, a note stays. */
int gcs_soak_state_cut(struct gcs_soak_state *s, uint64_t number, const char *note,
		       int64_t spent_ns);
int gcs_soak_state_record(struct gcs_soak_state *s, uint64_t number, enum gcs_soak_record record,
			  uint64_t bytes);
int gcs_soak_state_note(struct gcs_soak_state *s, const char *text);

/* ---- questions; a number that cannot be read is 0, and the next change tells of the error */
struct gcs_soak_progress {
	uint64_t finished, last; /* last: highest number of a finished round */
	uint64_t in_flight;	 /* 0: none */
	int last_exit;
	int64_t spent_ns;
	uint64_t record_bytes; /* of all records that are there */
};
int gcs_soak_state_progress(struct gcs_soak_state *s, struct gcs_soak_progress *ret);
/* Each round for which `where` holds (SQL over the table rounds, with ORDER BY and LIMIT if need
 * be), until fn returns not 0. Returns that, or -errno. */
int gcs_soak_state_each(struct gcs_soak_state *s, const char *where,
			int (*fn)(void *self, const struct gcs_soak_round *r), void *self);
/* 1: the first round of those, 0: there is none, -errno. */
int gcs_soak_state_first(struct gcs_soak_state *s, const char *where, struct gcs_soak_round *ret);
/* First column of the first row as a number; `none` when there is no row or it is NULL. */
int64_t gcs_soak_state_number(struct gcs_soak_state *s, const char *sql, int64_t none);
/* Each row of `sql`: its first column as text, the others as numbers (up to 8). */
int gcs_soak_state_rows(struct gcs_soak_state *s, const char *sql,
			void (*fn)(void *self, const char *text, const int64_t *value, int n),
			void *self);
