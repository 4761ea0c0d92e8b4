/* runs.c: see runs.h. */
#include "harness/report/runs.h"

#include "harness/collect/collect.h"
#include "harness/record/record_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS_AT_ONCE   16
#define RUNS_AGAIN_MAX 16 /* the newest ones: older ones do not change any more */

static void runs_name(const char *path, char *ret, size_t cap)
{
	const char *slash = strrchr(path, '/');
	snprintf(ret, cap, "%s", slash ? slash + 1 : path);
	char *suffix = strstr(ret, ".gcrun");
	if (suffix)
		*suffix = '\0';
}

int gcs_runs_init(struct gcs_runs *r, const char *dir)
{
	size_t n = 0;
	memset(r, 0, sizeof *r);
	int e = gcs_record_paths(dir, &r->path, &n);
	if (e)
		return e;
	r->choice = calloc(n + 1, sizeof *r->choice);
	r->n = (uint32_t)n;
	if (!r->choice) {
		gcs_runs_fini(r);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->n; i++)
		runs_name(r->path[i], r->choice[i].name, sizeof r->choice[i].name);
	return 0;
}

void gcs_runs_fini(struct gcs_runs *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->path[i]);
	free(r->path);
	free(r->choice);
	memset(r, 0, sizeof *r);
}

static void runs_row(struct gcs_choice *c, sqlite3_stmt *q)
{
	const char *name = (const char *)sqlite3_column_text(q, 0), *word = (const char *)sqlite3_column_text(q, 4);
	time_t begun = (time_t)(sqlite3_column_int64(q, 1) / 1000000000);
	int64_t s = sqlite3_column_int64(q, 2) / 1000000000;
	struct tm tm;
	if (name && *name)
		snprintf(c->name, sizeof c->name, "%s", name);
	if (localtime_r(&begun, &tm))
		strftime(c->when, sizeof c->when, "%Y-%m-%d %H:%M:%S", &tm);
	if (s >= 3600)
		snprintf(c->length, sizeof c->length, "%d:%02d:%02d", (int)(s / 3600 % 10000), (int)(s / 60 % 60), (int)(s % 60));
	else
		snprintf(c->length, sizeof c->length, "%d:%02d", (int)(s / 60), (int)(s % 60));
	c->sim = sqlite3_column_int(q, 3);
	c->unfinished = word == NULL;
	snprintf(c->verdict, sizeof c->verdict, "%s", word ? word : "UNFINISHED");
	c->failed = word && sqlite3_column_int(q, 5) != GCS_EXIT_PASS;
	c->by_hand = sqlite3_column_int(q, 6);
	c->read = true;
}

static void runs_read(struct gcs_choice *c, const char *path)
{
	static const char sql[] =
		"SELECT name, begun_wall_ns, coalesce(end_ns, now_ns, 0), sim, (SELECT word FROM verdict), (SELECT exit FROM verdict), "
		"EXISTS (SELECT 1 FROM operator WHERE act NOT IN ('mark', 'refused', 'quit')) FROM run";
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	char *text = NULL;
	int e = gcs_record_read(path, &db, &text);
	free(text);
	c->read = c->failed = c->unfinished = c->unreadable = false;
	if (e == 0 && sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		runs_row(c, q);
	if (!c->read) {
		snprintf(c->verdict, sizeof c->verdict, "UNREADABLE");
		c->read = c->unreadable = true;
	}
	sqlite3_finalize(q);
	if (e == 0)
		sqlite3_close(db);
}

bool gcs_runs_read(struct gcs_runs *r)
{
	for (int i = 0; i < RUNS_AT_ONCE && r->read < r->n; i++, r->read++)
		runs_read(&r->choice[r->read], r->path[r->read]);
	return r->read < r->n;
}

void gcs_runs_again(struct gcs_runs *r)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->read && n < RUNS_AGAIN_MAX; i++) {
		if (!r->choice[i].unfinished && !r->choice[i].unreadable)
			continue;
		runs_read(&r->choice[i], r->path[i]);
		n++;
	}
}
