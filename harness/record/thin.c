/*
 * thin.c: see thin.h.
 *
 * A new file is filled from the old one with ATTACH, table by table, so that a large record costs
 * no second copy of itself. Before that the old one's log is folded in: a log that stayed behind
 * would be read into the new file.
 */
#include "harness/base/db.h"
#include "harness/record/thin.h"
#include "harness/record/record.h"
#include "harness/measure/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THIN_PATH 4200
#define THIN_PAGE 1024 /* many small tables: small pages waste less */
#define TEXT(x)	  THIN_STR(x)
#define THIN_STR(x) #x

/* ---- statements */

static int thin_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return rc == SQLITE_DONE ? -EINVAL : gcs_db_errno(db, rc);
}

/* ---- functions for SQL: or_all(n), hist_add(blob), hist_p99(blob) */

static void thin_or_step(sqlite3_context *x, int n, sqlite3_value **v)
{
	int64_t *acc = sqlite3_aggregate_context(x, sizeof(*acc));
	(void)n;
	if (acc)
		*acc |= sqlite3_value_int64(v[0]);
}

static void thin_or_final(sqlite3_context *x)
{
	const int64_t *acc = sqlite3_aggregate_context(x, 0);
	sqlite3_result_int64(x, acc ? *acc : 0);
}

static void thin_hist_step(sqlite3_context *x, int n, sqlite3_value **v)
{
	struct watch_hist_sum **acc = sqlite3_aggregate_context(x, sizeof(*acc)), more;
	const void *bytes = sqlite3_value_blob(v[0]);
	(void)n;
	if (!acc || !bytes)
		return;
	if (!*acc)
		*acc = calloc(1, sizeof(**acc));
	if (!*acc)
		sqlite3_result_error_nomem(x);
	else if (gcs_hist_decode(&more, bytes, (size_t)sqlite3_value_bytes(v[0])))
		sqlite3_result_error(x, "not a histogram", -1);
	else
		watch_hist_sum_add(*acc, &more);
}

static void thin_hist_final(sqlite3_context *x)
{
	struct watch_hist_sum **acc = sqlite3_aggregate_context(x, 0);
	unsigned char *bytes = NULL;
	if (!acc || !*acc)
		return;
	size_t n = gcs_hist_encode(*acc, &bytes);
	if (bytes)
		sqlite3_result_blob(x, bytes, (int)n, free);
	else
		sqlite3_result_error_nomem(x);
	free(*acc);
}

static void thin_hist_p99(sqlite3_context *x, int n, sqlite3_value **v)
{
	struct watch_hist_sum h;
	const void *bytes = sqlite3_value_blob(v[0]);
	(void)n;
	if (bytes && gcs_hist_decode(&h, bytes, (size_t)sqlite3_value_bytes(v[0])) == 0)
		sqlite3_result_int64(x, (int64_t)watch_hist_sum_at(&h, 990000));
}

static int thin_functions(sqlite3 *db)
{
	const int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
	int rc = sqlite3_create_function(db, "or_all", 1, how, NULL, NULL, thin_or_step,
					 thin_or_final);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function(db, "hist_add", 1, how, NULL, NULL, thin_hist_step,
					     thin_hist_final);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function(db, "hist_p99", 1, how, NULL, thin_hist_p99, NULL,
					     NULL);
	return gcs_db_errno(db, rc);
}

/* ---- what of a table stays */

/* In this order: what later ones keep hangs on `pauses`. A table without SQL is copied. */
static const struct {
	const char *table, *sql;
} thin_rules[] = {
	{"pauses",
	 "INSERT INTO main.pauses SELECT * FROM src.pauses WHERE rowid IN (SELECT row FROM"
	 " (SELECT rowid AS row, kind, row_number() OVER (PARTITION BY kind, phase IN"
	 " (SELECT idx FROM src.phases WHERE record) ORDER BY dur_ns DESC, rowid) AS place"
	 " FROM src.pauses)"
	 " WHERE place <= CASE kind WHEN 'stw' THEN " TEXT(GCS_THIN_STOPS) " ELSE " TEXT(
		 GCS_THIN_PAUSES) " END) ORDER BY rowid"},
	{"firings", "INSERT INTO main.firings SELECT * FROM src.firings WHERE id IN"
		    " (SELECT firing FROM main.pauses) ORDER BY rowid"},
	{"effects", ""},
	{"gc_cycles", "INSERT INTO main.gc_cycles SELECT * FROM src.gc_cycles WHERE cycle IN"
		      " (SELECT cycle FROM main.pauses) OR EXISTS (SELECT 1 FROM src.logged)"},
	{"events", "INSERT INTO main.events SELECT * FROM src.events WHERE rowid IN (SELECT rowid"
		   " FROM src.events ORDER BY level DESC, rowid DESC LIMIT " TEXT(
			   GCS_THIN_EVENTS) ") ORDER BY rowid"},
	{"gctrace", "INSERT INTO main.gctrace SELECT * FROM src.gctrace WHERE rowid ="
		    " (SELECT max(rowid) FROM src.gctrace WHERE line LIKE 'gc %')"},
	/* A part is a stretch of one phase; thin_map says which old interval goes where. */
	{"intervals",
	 "CREATE TEMP TABLE thin_map AS SELECT idx AS old, dense_rank() OVER (ORDER BY part, nth)"
	 " - 1 AS new FROM (SELECT idx, part, (row_number() OVER (PARTITION BY part ORDER BY idx)"
	 " - 1) / (SELECT max(1, (count(*) + " TEXT(GCS_THIN_INTERVALS) " - 1) / " TEXT(
		 GCS_THIN_INTERVALS) ") FROM src.intervals) AS nth FROM (SELECT idx, sum(edge)"
	 " OVER (ORDER BY idx) AS part FROM (SELECT idx, phase IS NOT lag(phase) OVER (ORDER BY"
	 " idx) AS edge FROM src.intervals)));"
	 "CREATE UNIQUE INDEX temp.thin_map_old ON thin_map(old);"
	 "INSERT INTO main.intervals SELECT new, min(start_ns), max(end_ns), min(phase),"
	 " or_all(armed), sum(fires), ifnull(min(nullif(heap_live_min, 0)), 0),"
	 " max(heap_live_max), max(heap_marked), max(heap_goal), max(rss), sum(gc_cycles),"
	 " sum(gc_forced), sum(gc_cpu_ns), sum(cpu_ns), sum(assist_ns), sum(run_delay_ns),"
	 " sum(steal_ns), sum(stall_ns), max(coarse)"
	 " FROM src.intervals JOIN thin_map ON old = idx GROUP BY new"},
	{"interval_hists",
	 "INSERT INTO main.interval_hists SELECT new, series, sum(count), max(max_ns),"
	 " hist_add(hist) FROM src.interval_hists JOIN thin_map ON old = interval"
	 " GROUP BY new, series"},
	{"looks",
	 "INSERT INTO main.looks SELECT m.new, m.runq, m.growing, NULL, l.sched, l.maps, l.stalls FROM (SELECT new, max(old) AS last,"
	 " max(runq_max) AS runq, max(maps_growing) AS growing FROM src.looks JOIN thin_map ON old = interval GROUP BY new) AS m"
	 " JOIN src.looks AS l ON l.interval = m.last"},
	{"interval_ops",
	 "INSERT INTO main.interval_ops SELECT new, workload, sum(count), sum(errors),"
	 " hist_p99(hist_add(hist)), NULL FROM src.interval_ops JOIN thin_map ON old = interval"
	 " GROUP BY new, workload"},
};
#define THIN_RULES (sizeof(thin_rules) / sizeof(thin_rules[0]))

static bool thin_has_rule(const char *table)
{
	for (size_t i = 0; i < THIN_RULES; i++)
		if (strcmp(thin_rules[i].table, table) == 0)
			return true;
	return false;
}

/* The statements that make the tables, then those that fill the ones without a rule; malloc'd. */
static char *thin_script(sqlite3 *db, int *ret_error)
{
	sqlite3_stmt *q = NULL;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int rc = sqlite3_prepare_v2(db,
				    "SELECT type, name, sql FROM src.sqlite_master WHERE sql IS NOT"
				    " NULL ORDER BY type = 'table' DESC, rowid",
				    -1, &q, NULL);
	while (f && rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(q, 0);
		const char *name = (const char *)sqlite3_column_text(q, 1);
		rc = SQLITE_OK;
		fprintf(f, "%s;\n", (const char *)sqlite3_column_text(q, 2));
		if (strcmp(type, "table") == 0 && !thin_has_rule(name))
			fprintf(f, "INSERT INTO main.\"%s\" SELECT * FROM src.\"%s\";\n", name,
				name);
	}
	*ret_error = f ? gcs_db_errno(db, rc) : -ENOMEM;
	sqlite3_finalize(q);
	if (f && fclose(f))
		*ret_error = -ENOMEM;
	return text;
}

static int thin_fill(sqlite3 *db)
{
	int e;
	char *script = thin_script(db, &e);
	if (e == 0)
		e = gcs_db_exec(db, "BEGIN");
	if (e == 0)
		e = gcs_db_exec(db, script);
	free(script);
	for (size_t i = 0; i < THIN_RULES && e == 0; i++)
		e = gcs_db_exec(db, thin_rules[i].sql);
	if (e == 0)
		e = gcs_db_exec(db,
			      "INSERT OR REPLACE INTO main.host SELECT '" GCS_THIN_KEY "',"
			      " printf('%d of %d pauses and %d of %d intervals are left; firings,"
			      " effects, cycles and gctrace lines beyond those are gone',"
			      " (SELECT count(*) FROM main.pauses), (SELECT count(*) FROM"
			      " src.pauses), (SELECT count(*) FROM main.intervals),"
			      " (SELECT count(*) FROM src.intervals))");
	return e ? e : gcs_db_exec(db, "COMMIT");
}

/* ---- files */

static int thin_attach(sqlite3 *db, const char *path)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, "ATTACH ? AS src", -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(q, 1, path, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	sqlite3_finalize(q);
	return gcs_db_errno(db, rc);
}

static int thin_build(const char *path, const char *fresh)
{
	char pragma[160];
	sqlite3 *db = NULL;
	unlink(fresh); /* of a killed one before */
	int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	snprintf(pragma, sizeof(pragma),
		 "PRAGMA page_size=%d; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
		 " PRAGMA temp_store=MEMORY; PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 THIN_PAGE, GCS_RECORD_APPLICATION_ID, GCS_RECORD_VERSION);
	int e = gcs_db_errno(db, sqlite3_open_v2(fresh, &db, SQLITE_OPEN_READWRITE, NULL));
	if (e == 0)
		e = gcs_db_exec(db, pragma);
	if (e == 0)
		e = thin_functions(db);
	if (e == 0)
		e = thin_attach(db, path);
	if (e == 0)
		e = thin_fill(db);
	sqlite3_close(db);
	return e;
}

static int thin_sync(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int e = fsync(fd) ? -errno : 0;
	close(fd);
	return e;
}

static int thin_sync_dir_of(const char *path)
{
	char dir[THIN_PATH];
	snprintf(dir, sizeof(dir), "%s", path);
	char *slash = strrchr(dir, '/');
	if (!slash)
		strcpy(dir, ".");
	else
		slash[slash == dir] = '\0';
	return thin_sync(dir, O_RDONLY | O_DIRECTORY);
}

/* Folds the log in and says how the record stands. 0, 1: thin already, -errno. */
static int thin_prepare(const char *path)
{
	int64_t id = 0, version = 0, finished = 0, thin = 0;
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	int e = gcs_db_errno(db, rc);
	if (e == 0)
		e = thin_number(db, "PRAGMA application_id", &id);
	if (e == 0)
		e = thin_number(db, "PRAGMA user_version", &version);
	if (e == 0 && (id != GCS_RECORD_APPLICATION_ID || version != GCS_RECORD_VERSION))
		e = -EINVAL;
	if (e == 0)
		e = thin_number(db, "SELECT count(*) FROM verdict", &finished);
	if (e == 0)
		e = finished ? thin_number(db,
					   "SELECT count(*) FROM host WHERE key='" GCS_THIN_KEY "'",
					   &thin)
			     : -EINVAL;
	if (e == 0 && !thin) { /* the answer is a row either way; the mode that it names counts */
		rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=DELETE", -1, &q, NULL);
		rc = rc == SQLITE_OK ? sqlite3_step(q) : rc;
		e = gcs_db_errno(db, rc);
		const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : "";
		if (e == 0 && (!mode || strcmp(mode, "delete") != 0))
			e = -EBUSY;
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
	return e ? e : thin != 0;
}

static void thin_step(const struct gcs_thin_steps *steps, const char *step)
{
	if (steps && steps->at)
		steps->at(steps->self, step);
}

static int thin_replace(const char *path, const char *fresh, const struct gcs_thin_steps *steps)
{
	int e = thin_build(path, fresh);
	if (e)
		return e;
	thin_step(steps, "thin.built");
	e = thin_sync(fresh, O_RDWR);
	if (e)
		return e;
	thin_step(steps, "thin.synced");
	if (rename(fresh, path))
		return -errno;
	thin_step(steps, "thin.renamed");
	return thin_sync_dir_of(path);
}

int gcs_thin(const char *path, const struct gcs_thin_steps *steps, uint64_t *ret_bytes)
{
	char fresh[THIN_PATH];
	struct stat st;
	if (snprintf(fresh, sizeof(fresh), "%s" GCS_THIN_SUFFIX, path) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	int e = thin_prepare(path);
	if (e == 0 && (e = thin_replace(path, fresh, steps)) != 0)
		unlink(fresh);
	if (e < 0)
		return e;
	if (ret_bytes && stat(path, &st) == 0)
		*ret_bytes = (uint64_t)st.st_size;
	return 0;
}
