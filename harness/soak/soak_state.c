/* soak_state.c: see soak_state.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/base/db.h"
#include "harness/soak/soak_state.h"
#include "harness/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE_BUSY_MS 5000 /* a reader that folds the log */
#define STATE_COLUMNS                                                                              \
	"number, scenario, seed, finished, begun_wall_ns, spent_ns, duration_ns, exit, word, "     \
	"sentence, hash, file, stw_max_ns, recovery_max_ns, record, record_bytes, harness_rss, "   \
	"target_rss, by_hand"

/* Seeds are stored as the signed number with the same bits, as in a record. */
static const char state_schema[] =
	"CREATE TABLE soak(key TEXT PRIMARY KEY, value);"
	"CREATE TABLE scenarios(idx INTEGER PRIMARY KEY, name TEXT, given TEXT, file TEXT);"
	"CREATE TABLE sets(idx INTEGER PRIMARY KEY, key TEXT, value TEXT);"
	"CREATE TABLE rounds(number INTEGER PRIMARY KEY, scenario INTEGER, seed INTEGER, finished "
	"INTEGER, begun_wall_ns INTEGER, spent_ns INTEGER, duration_ns INTEGER, exit INTEGER, word "
	"TEXT, sentence TEXT, hash TEXT, file TEXT, stw_max_ns INTEGER, recovery_max_ns INTEGER, "
	"record INTEGER, record_bytes INTEGER, harness_rss INTEGER, target_rss INTEGER, by_hand "
	"INTEGER);"
	"CREATE INDEX rounds_record ON rounds(record, exit);"
	"CREATE TABLE recoveries(round INTEGER, fault TEXT, number INTEGER, recovery_ns INTEGER, "
	"state TEXT);"
	"CREATE INDEX recoveries_ns ON recoveries(recovery_ns);"
	"CREATE TABLE notes(wall_ns INTEGER, text TEXT);";

struct gcs_soak_state {
	sqlite3 *db;
};

const char *gcs_soak_record_name(enum gcs_soak_record r)
{
	static const char *const names[] = {"none", "whole", "thinned", "removed"};
	return names[r];
}

/* ---- sqlite */

static int state_exec(struct gcs_soak_state *s, const char *sql)
{
	return gcs_db_exec(s->db, sql);
}

/* One statement that returns no row. Arguments by letter: i int64_t, t text (may be NULL), n
 * int64_t of which -1 is NULL. */
static int state_run(struct gcs_soak_state *s, const char *sql, const char *kinds, ...)
{
	sqlite3_stmt *q = NULL;
	va_list ap;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	va_start(ap, kinds);
	for (int i = 0; rc == SQLITE_OK && kinds[i]; i++) {
		if (kinds[i] == 't') {
			rc = sqlite3_bind_text(q, i + 1, va_arg(ap, const char *), -1,
					       SQLITE_TRANSIENT);
			continue;
		}
		int64_t v = va_arg(ap, int64_t);
		rc = kinds[i] == 'n' && v == -1 ? sqlite3_bind_null(q, i + 1)
						: sqlite3_bind_int64(q, i + 1, v);
	}
	va_end(ap);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	int e = gcs_db_errno(s->db, rc);
	sqlite3_finalize(q);
	return e;
}

/* Ends the transaction that `e` says the fate of. */
static int state_commit(struct gcs_soak_state *s, int e)
{
	if (e == 0)
		e = state_exec(s, "COMMIT");
	if (e && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return e;
}

static int64_t state_wall_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the plan */

static int state_put_number(struct gcs_soak_state *s, const char *key, int64_t value)
{
	return state_run(s, "INSERT OR REPLACE INTO soak VALUES(?,?)", "ti", key, value);
}

static int state_put_text(struct gcs_soak_state *s, const char *key, const char *value)
{
	return value ? state_run(s, "INSERT OR REPLACE INTO soak VALUES(?,?)", "tt", key, value)
		     : 0;
}

static int state_put_limits(struct gcs_soak_state *s, const struct gcs_soak_plan *p)
{
	int e = state_put_number(s, "for_ns", p->for_ns);
	if (e == 0)
		e = state_put_number(s, "rounds", (int64_t)p->rounds);
	return e ? e : state_put_number(s, "disk_bytes", (int64_t)p->disk_bytes);
}

static int state_put_lists(struct gcs_soak_state *s, const struct gcs_soak_plan *p)
{
	int e = 0;
	for (uint32_t i = 0; i < p->nscenarios && e == 0; i++)
		e = state_run(s, "INSERT INTO scenarios VALUES(?,?,?,?)", "ittt", (int64_t)i,
			      p->scenario[i].name, p->scenario[i].given, p->scenario[i].file);
	for (uint32_t i = 0; i < p->nsets && e == 0; i++)
		e = state_run(s, "INSERT INTO sets VALUES(?,?,?)", "itt", (int64_t)i, p->set[i].key,
			      p->set[i].value);
	return e;
}

static int state_put_plan(struct gcs_soak_state *s, const struct gcs_soak_plan *p)
{
	int e = state_put_text(s, "name", p->name);
	if (e == 0)
		e = state_put_number(s, "seed", (int64_t)p->seed);
	if (e == 0)
		e = state_put_number(s, "sim", p->sim);
	if (e == 0)
		e = state_put_number(s, "until_failure", p->until_failure);
	if (e == 0)
		e = state_put_text(s, "variant", p->variant);
	if (e == 0)
		e = state_put_text(s, "time_scale", p->time_scale);
	if (e == 0)
		e = state_put_text(s, "heap_scale", p->heap_scale);
	if (e == 0)
		e = state_put_number(s, "begun_wall_ns", state_wall_ns());
	if (e == 0)
		e = state_put_number(s, "spent_ns", 0);
	if (e == 0)
		e = state_put_limits(s, p);
	return e ? e : state_put_lists(s, p);
}

static char *state_dup(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return text ? strdup(text) : NULL;
}

static void state_take_key(struct gcs_soak_plan *p, sqlite3_stmt *q)
{
	const char *key = (const char *)sqlite3_column_text(q, 0);
	int64_t v = sqlite3_column_int64(q, 1);
	if (!key)
		return;
	if (strcmp(key, "name") == 0)
		p->name = state_dup(q, 1);
	else if (strcmp(key, "variant") == 0)
		p->variant = state_dup(q, 1);
	else if (strcmp(key, "time_scale") == 0)
		p->time_scale = state_dup(q, 1);
	else if (strcmp(key, "heap_scale") == 0)
		p->heap_scale = state_dup(q, 1);
	else if (strcmp(key, "seed") == 0)
		p->seed = (uint64_t)v;
	else if (strcmp(key, "sim") == 0)
		p->sim = v != 0;
	else if (strcmp(key, "until_failure") == 0)
		p->until_failure = v != 0;
	else if (strcmp(key, "for_ns") == 0)
		p->for_ns = v;
	else if (strcmp(key, "rounds") == 0)
		p->rounds = (uint64_t)v;
	else if (strcmp(key, "disk_bytes") == 0)
		p->disk_bytes = (uint64_t)v;
}

static void state_take_scenario(struct gcs_soak_plan *p, sqlite3_stmt *q)
{
	if (p->nscenarios == GCS_SOAK_SCENARIOS_MAX)
		return;
	p->scenario[p->nscenarios++] = (struct gcs_soak_scenario){
		state_dup(q, 0), state_dup(q, 1), state_dup(q, 2)};
}

static void state_take_set(struct gcs_soak_plan *p, sqlite3_stmt *q)
{
	if (p->nsets == GCS_SOAK_SETS_MAX)
		return;
	p->set[p->nsets].key = state_dup(q, 0);
	p->set[p->nsets++].value = state_dup(q, 1);
}

static int state_take(struct gcs_soak_state *s, const char *sql, struct gcs_soak_plan *p,
		      void (*take)(struct gcs_soak_plan *, sqlite3_stmt *))
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(q);
		if (rc == SQLITE_ROW)
			take(p, q);
	}
	sqlite3_finalize(q);
	return gcs_db_errno(s->db, rc);
}

static bool state_plan_whole(const struct gcs_soak_plan *p)
{
	bool whole = p->name && p->nscenarios > 0;
	for (uint32_t i = 0; i < p->nscenarios; i++)
		whole = whole && p->scenario[i].name && p->scenario[i].given && p->scenario[i].file;
	for (uint32_t i = 0; i < p->nsets; i++)
		whole = whole && p->set[i].key && p->set[i].value;
	return whole;
}

static int state_get_plan(struct gcs_soak_state *s, struct gcs_soak_plan *p)
{
	int e = state_take(s, "SELECT key, value FROM soak", p, state_take_key);
	if (e == 0)
		e = state_take(s, "SELECT name, given, file FROM scenarios ORDER BY idx", p,
			       state_take_scenario);
	if (e == 0)
		e = state_take(s, "SELECT key, value FROM sets ORDER BY idx", p, state_take_set);
	if (e == 0 && !state_plan_whole(p))
		e = -EIO;
	return e;
}

/* ---- opening */

__attribute__((format(printf, 3, 4))) static int state_fail(int e, char **ret_text,
							    const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (ret_text && vasprintf(ret_text, format, ap) < 0)
		*ret_text = NULL;
	va_end(ap);
	return e;
}

static int state_place(const char *dir, char ret[GCS_PATH_BYTES])
{
	int n = snprintf(ret, GCS_PATH_BYTES, "%s/" GCS_SOAK_DB, dir);
	return n < GCS_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int state_open(struct gcs_soak_state **ret, const char *path)
{
	struct gcs_soak_state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	/* A reader opens it for writing too: the log of a killed soak needs its index made. */
	int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK && s->db) {
		sqlite3_close(s->db);
		rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL);
	}
	int e = gcs_db_errno(s->db, rc);
	if (e) {
		gcs_soak_state_close(s);
		return e;
	}
	sqlite3_busy_timeout(s->db, STATE_BUSY_MS);
	*ret = s;
	return 0;
}

static int state_fill(struct gcs_soak_state *s, const struct gcs_soak_plan *p)
{
	char pragma[96];
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 GCS_SOAK_APPLICATION_ID, GCS_SOAK_VERSION);
	int e = state_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
	if (e == 0)
		e = state_exec(s, "BEGIN IMMEDIATE");
	if (e == 0)
		e = state_exec(s, pragma);
	if (e == 0)
		e = state_exec(s, state_schema);
	if (e == 0)
		e = state_put_plan(s, p);
	return state_commit(s, e);
}

int gcs_soak_state_create(struct gcs_soak_state **ret, const char *dir,
			  const struct gcs_soak_plan *p, char **ret_text)
{
	char path[GCS_PATH_BYTES];
	struct gcs_soak_state *s;
	int e = state_place(dir, path);
	int fd = e ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		e = e ? e : -errno;
		return state_fail(e, ret_text, "cannot create %s/" GCS_SOAK_DB ": %s", dir,
				  strerror(-e));
	}
	close(fd);
	e = state_open(&s, path);
	if (e == 0) {
		e = state_fill(s, p);
		if (e)
			gcs_soak_state_close(s);
	}
	if (e) {
		unlink(path);
		return state_fail(e, ret_text, "cannot write %s: %s", path, strerror(-e));
	}
	*ret = s;
	return 0;
}

int gcs_soak_state_open(struct gcs_soak_state **ret, const char *dir, bool reading,
			struct gcs_soak_plan *ret_plan, char **ret_text)
{
	char path[GCS_PATH_BYTES];
	struct gcs_soak_state *s;
	int e = state_place(dir, path);
	memset(ret_plan, 0, sizeof(*ret_plan));
	if (e == 0 && access(path, F_OK))
		e = -errno;
	if (e == -ENOENT || e == -ENOTDIR)
		return state_fail(-ENOENT, ret_text, "there is no soak in %s", dir);
	if (e == 0)
		e = state_open(&s, path);
	if (e)
		return state_fail(e, ret_text, "cannot open %s: %s", path, strerror(-e));
	if (gcs_soak_state_number(s, "PRAGMA application_id", 0) != GCS_SOAK_APPLICATION_ID) {
		gcs_soak_state_close(s);
		return state_fail(-ENOENT, ret_text, "%s is not the state of a soak", path);
	}
	int64_t version = gcs_soak_state_number(s, "PRAGMA user_version", 0);
	if (version != GCS_SOAK_VERSION)
		e = state_fail(-EINVAL, ret_text,
			       "%s is of version %d, this gcstorm reads version %d", path,
			       (int)version, GCS_SOAK_VERSION);
	if (e == 0 && !reading)
		e = state_exec(s, "PRAGMA synchronous=FULL");
	if (e == 0 && (e = state_get_plan(s, ret_plan)) != 0)
		state_fail(e, ret_text, "cannot read %s: %s", path, strerror(-e));
	if (e) {
		gcs_soak_plan_fini(ret_plan);
		gcs_soak_state_close(s);
		return e;
	}
	*ret = s;
	return 0;
}

void gcs_soak_state_close(struct gcs_soak_state *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s);
}

/* ---- changes */

int gcs_soak_state_limits(struct gcs_soak_state *s, const struct gcs_soak_plan *p)
{
	int e = state_exec(s, "BEGIN IMMEDIATE");
	return state_commit(s, e ? e : state_put_limits(s, p));
}

int gcs_soak_state_begin(struct gcs_soak_state *s, const struct gcs_soak_round *r)
{
	return state_run(s,
			 "INSERT INTO rounds(number, scenario, seed, finished, begun_wall_ns, "
			 "file, record) VALUES(?,?,?,0,?,?,0)",
			 "iiiit", (int64_t)r->number, (int64_t)r->scenario, (int64_t)r->seed,
			 r->begun_wall_ns, r->file);
}

static int state_finish_row(struct gcs_soak_state *s, const struct gcs_soak_round *r)
{
	return state_run(
		s,
		"UPDATE rounds SET finished=1, spent_ns=?, duration_ns=?, exit=?, word=?, "
		"sentence=?, hash=?, stw_max_ns=?, recovery_max_ns=?, record=?, record_bytes=?, "
		"harness_rss=?, target_rss=?, by_hand=? WHERE number=?",
		"iiitttnniiiiii", r->spent_ns, r->duration_ns, (int64_t)r->exit, r->word,
		r->sentence, r->hash, r->stw_max_ns, r->recovery_max_ns, (int64_t)r->record,
		(int64_t)r->record_bytes, (int64_t)r->harness_rss, (int64_t)r->target_rss,
		(int64_t)r->by_hand, (int64_t)r->number);
}

int gcs_soak_state_finish(struct gcs_soak_state *s, const struct gcs_soak_round *r,
			  const struct gcs_soak_recovery *list, size_t n, int64_t spent_ns)
{
	int e = state_exec(s, "BEGIN IMMEDIATE");
	if (e == 0)
		e = state_finish_row(s, r);
	for (size_t i = 0; i < n && e == 0; i++)
		e = state_run(s, "INSERT INTO recoveries VALUES(?,?,?,?,?)", "itint",
			      (int64_t)r->number, list[i].fault, (int64_t)list[i].number,
			      list[i].recovery_ns, list[i].state);
	if (e == 0)
		e = state_put_number(s, "spent_ns", spent_ns);
	return state_commit(s, e);
}

static int state_put_note(struct gcs_soak_state *s, const char *text)
{
	return state_run(s, "INSERT INTO notes VALUES(?,?)", "it", state_wall_ns(), text);
}

int gcs_soak_state_cut(struct gcs_soak_state *s, uint64_t number, const char *note,
		       int64_t spent_ns)
{
	int e = state_exec(s, "BEGIN IMMEDIATE");
	if (e == 0)
		e = state_run(s, "DELETE FROM rounds WHERE number=? AND NOT finished", "i",
			      (int64_t)number);
	if (e == 0)
		e = state_put_note(s, note);
	if (e == 0)
		e = state_put_number(s, "spent_ns", spent_ns);
	return state_commit(s, e);
}

int gcs_soak_state_record(struct gcs_soak_state *s, uint64_t number, enum gcs_soak_record record,
			  uint64_t bytes)
{
	return state_run(s, "UPDATE rounds SET record=?, record_bytes=? WHERE number=?", "iii",
			 (int64_t)record, (int64_t)bytes, (int64_t)number);
}

int gcs_soak_state_note(struct gcs_soak_state *s, const char *text)
{
	return state_put_note(s, text);
}

/* ---- questions */

int64_t gcs_soak_state_number(struct gcs_soak_state *s, const char *sql, int64_t none)
{
	sqlite3_stmt *q = NULL;
	int64_t v = none;
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

int gcs_soak_state_progress(struct gcs_soak_state *s, struct gcs_soak_progress *ret)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(
		s->db,
		"SELECT (SELECT count(*) FROM rounds WHERE finished),"
		" (SELECT max(number) FROM rounds WHERE finished),"
		" (SELECT max(number) FROM rounds WHERE NOT finished),"
		" (SELECT exit FROM rounds WHERE finished ORDER BY number DESC LIMIT 1),"
		" (SELECT value FROM soak WHERE key='spent_ns'),"
		" (SELECT sum(record_bytes) FROM rounds WHERE record IN (1, 2))",
		-1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*ret = (struct gcs_soak_progress){
			.finished = (uint64_t)sqlite3_column_int64(q, 0),
			.last = (uint64_t)sqlite3_column_int64(q, 1),
			.in_flight = (uint64_t)sqlite3_column_int64(q, 2),
			.last_exit = sqlite3_column_int(q, 3),
			.spent_ns = sqlite3_column_int64(q, 4),
			.record_bytes = (uint64_t)sqlite3_column_int64(q, 5),
		};
	sqlite3_finalize(q);
	return gcs_db_errno(s->db, rc);
}

static int64_t state_or_none(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, column);
}

static void state_text(sqlite3_stmt *q, int column, char *ret, size_t cap)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	snprintf(ret, cap, "%s", text ? text : "");
}

/* The columns of STATE_COLUMNS, in their order. */
static void state_round(sqlite3_stmt *q, struct gcs_soak_round *r)
{
	*r = (struct gcs_soak_round){
		.number = (uint64_t)sqlite3_column_int64(q, 0),
		.scenario = (uint32_t)sqlite3_column_int(q, 1),
		.seed = (uint64_t)sqlite3_column_int64(q, 2),
		.finished = sqlite3_column_int(q, 3) != 0,
		.begun_wall_ns = sqlite3_column_int64(q, 4),
		.spent_ns = sqlite3_column_int64(q, 5),
		.duration_ns = sqlite3_column_int64(q, 6),
		.exit = sqlite3_column_int(q, 7),
		.stw_max_ns = state_or_none(q, 12),
		.recovery_max_ns = state_or_none(q, 13),
		.record = (enum gcs_soak_record)(sqlite3_column_int(q, 14) & 3),
		.record_bytes = (uint64_t)sqlite3_column_int64(q, 15),
		.harness_rss = (uint64_t)sqlite3_column_int64(q, 16),
		.target_rss = (uint64_t)sqlite3_column_int64(q, 17),
		.by_hand = sqlite3_column_int(q, 18) != 0,
	};
	state_text(q, 8, r->word, sizeof(r->word));
	state_text(q, 9, r->sentence, sizeof(r->sentence));
	state_text(q, 10, r->hash, sizeof(r->hash));
	state_text(q, 11, r->file, sizeof(r->file));
}

int gcs_soak_state_each(struct gcs_soak_state *s, const char *where,
			int (*fn)(void *self, const struct gcs_soak_round *r), void *self)
{
	sqlite3_stmt *q = NULL;
	char *sql = NULL;
	int said = 0;
	if (asprintf(&sql, "SELECT " STATE_COLUMNS " FROM rounds WHERE %s", where) < 0)
		return -ENOMEM;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	free(sql);
	while (said == 0 && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
		struct gcs_soak_round r;
		rc = sqlite3_step(q);
		if (rc != SQLITE_ROW)
			break;
		state_round(q, &r);
		said = fn(self, &r);
	}
	sqlite3_finalize(q);
	int e = gcs_db_errno(s->db, rc);
	return e ? e : said;
}

static int state_keep(void *self, const struct gcs_soak_round *r)
{
	*(struct gcs_soak_round *)self = *r;
	return 1;
}

int gcs_soak_state_first(struct gcs_soak_state *s, const char *where, struct gcs_soak_round *ret)
{
	return gcs_soak_state_each(s, where, state_keep, ret);
}

int gcs_soak_state_rows(struct gcs_soak_state *s, const char *sql,
			void (*fn)(void *self, const char *text, const int64_t *value, int n),
			void *self)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		int64_t value[8];
		int n = sqlite3_column_count(q) - 1;
		rc = sqlite3_step(q);
		if (rc != SQLITE_ROW)
			break;
		for (int i = 0; i < n && i < 8; i++)
			value[i] = state_or_none(q, i + 1);
		const char *text = (const char *)sqlite3_column_text(q, 0);
		fn(self, text ? text : "", value, n < 8 ? n : 8);
	}
	sqlite3_finalize(q);
	return gcs_db_errno(s->db, rc);
}
