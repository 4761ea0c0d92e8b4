/*
 * record.c: the writer thread and its queue.
 *
 * Rows travel as one allocation each through a list of bounded length. The writer takes the whole
 * list at once, writes it, and commits at each tick's mark; WAL with synchronous=NORMAL makes a
 * commit an append without a flush, which a killed process cannot undo (a power cut may undo the
 * last ticks, never the file). On an error it rolls back, keeps the first cause, and swallows what
 * follows: the run is then stopped by who called.
 */
#include "harness/base/db.h"
#include "harness/record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_PAGE    4096
#define RECORD_MARK    GCS_ROWS /* not a row: end of a tick */
#define RECORD_BUSY_MS 5000	/* how long to wait for a reader that checkpoints */

struct record_row {
	struct record_row *next;
	uint32_t row, n;
	struct gcs_value value[]; /* texts and blobs follow the last one */
};

struct gcs_record {
	sqlite3 *db; /* the writer's alone, once it runs */
	sqlite3_stmt *stmt[GCS_ROWS];
	bool in_transaction;
	pthread_t writer;
	pthread_mutex_t lock; /* covers what follows, but not the atomics */
	pthread_cond_t some, space, idle;
	struct record_row *first, **last;
	uint32_t queued;
	bool busy, stop;
	_Atomic int error; /* first one met; relaxed: it is only looked at, nothing hangs on it */
	_Atomic uint64_t dropped;
};

struct gcs_value gcs_text(const char *s)
{
	return (struct gcs_value){
		.kind = s ? GCS_VALUE_TEXT : GCS_VALUE_NULL, .p = s, .n = s ? strlen(s) : 0};
}

/* ---------------------------------------------------------------- the writer */

static bool record_no_room(int os)
{
	return os == ENOSPC || os == EDQUOT || os == EFBIG;
}

/* What the system said when the log or the file refused a write: SQLite calls a quota a general I/O
 * error. */
static int record_os_errno(sqlite3 *db)
{
	sqlite3_file *file = NULL;
	int os = 0;
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK &&
	    file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &os);
	if (!record_no_room(os))
		sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &os);
	return os;
}

static int record_errno(sqlite3 *db, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return 0;
	if ((rc & 0xff) == SQLITE_FULL)
		return -ENOSPC;
	if ((rc & 0xff) == SQLITE_NOMEM || !db)
		return -ENOMEM;
	return (rc & 0xff) == SQLITE_IOERR && record_no_room(record_os_errno(db)) ? -ENOSPC : -EIO;
}

static void record_fail(struct gcs_record *r, int rc)
{
	int expected = 0, error = record_errno(r->db, rc);
	if (error)
		atomic_compare_exchange_strong_explicit(&r->error, &expected, error,
							memory_order_relaxed, memory_order_relaxed);
	if (r->in_transaction && !sqlite3_get_autocommit(r->db))
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	r->in_transaction = false;
}

static int record_bind(sqlite3_stmt *stmt, int at, const struct gcs_value *v)
{
	switch (v->kind) {
	case GCS_VALUE_INT:
		return sqlite3_bind_int64(stmt, at, v->i);
	case GCS_VALUE_REAL:
		return sqlite3_bind_double(stmt, at, v->d);
	case GCS_VALUE_TEXT:
		return sqlite3_bind_text(stmt, at, v->p, (int)v->n, SQLITE_STATIC);
	case GCS_VALUE_BLOB:
		return sqlite3_bind_blob(stmt, at, v->p, (int)v->n, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(stmt, at);
	}
}

static int record_step(struct gcs_record *r, const struct record_row *row)
{
	int rc = SQLITE_OK;
	if (!r->in_transaction) {
		rc = sqlite3_exec(r->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return rc;
		r->in_transaction = true;
	}
	sqlite3_stmt *stmt = r->stmt[row->row];
	for (uint32_t i = 0; i < row->n && rc == SQLITE_OK; i++)
		rc = record_bind(stmt, (int)i + 1, &row->value[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int record_commit(struct gcs_record *r)
{
	if (!r->in_transaction)
		return SQLITE_OK;
	int rc = sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		r->in_transaction = false;
	return rc;
}

static void record_write(struct gcs_record *r, const struct record_row *row)
{
	if (atomic_load_explicit(&r->error, memory_order_relaxed))
		return;
	int rc = row->row == RECORD_MARK ? record_commit(r) : record_step(r, row);
	if (rc != SQLITE_OK)
		record_fail(r, rc);
}

static struct record_row *record_take(struct gcs_record *r)
{
	pthread_mutex_lock(&r->lock);
	r->busy = false;
	while (!r->first && !r->stop) {
		pthread_cond_broadcast(&r->idle);
		pthread_cond_wait(&r->some, &r->lock);
	}
	struct record_row *rows = r->first;
	r->first = NULL;
	r->last = &r->first;
	r->queued = 0;
	r->busy = rows != NULL;
	pthread_cond_broadcast(&r->space);
	pthread_mutex_unlock(&r->lock);
	return rows;
}

static void *record_writer(void *arg)
{
	struct gcs_record *r = arg;
	struct record_row *rows;
	while ((rows = record_take(r))) {
		while (rows) {
			struct record_row *row = rows;
			rows = row->next;
			record_write(r, row);
			free(row);
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- putting rows */

static struct record_row *record_row_make(uint32_t row, const struct gcs_value *values, uint32_t n)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < n; i++)
		bytes += values[i].kind == GCS_VALUE_TEXT || values[i].kind == GCS_VALUE_BLOB
				 ? values[i].n
				 : 0;
	struct record_row *made = malloc(sizeof(*made) + n * sizeof(values[0]) + bytes);
	if (!made)
		return NULL;
	made->next = NULL;
	made->row = row;
	made->n = n;
	char *tail = (char *)&made->value[n];
	for (uint32_t i = 0; i < n; i++) {
		made->value[i] = values[i];
		if (values[i].kind != GCS_VALUE_TEXT && values[i].kind != GCS_VALUE_BLOB)
			continue;
		memcpy(tail, values[i].p, values[i].n);
		made->value[i].p = tail;
		tail += values[i].n;
	}
	return made;
}

static void record_queue(struct gcs_record *r, struct record_row *row, bool optional)
{
	pthread_mutex_lock(&r->lock);
	if (optional && r->queued >= GCS_RECORD_QUEUE * 3 / 4) {
		pthread_mutex_unlock(&r->lock);
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
		free(row);
		return;
	}
	while (r->queued >= GCS_RECORD_QUEUE)
		pthread_cond_wait(&r->space, &r->lock);
	*r->last = row;
	r->last = &row->next;
	r->queued++;
	if (row->row == RECORD_MARK || r->queued >= GCS_RECORD_QUEUE / 2)
		pthread_cond_signal(&r->some);
	pthread_mutex_unlock(&r->lock);
}

void gcs_record_row(struct gcs_record *r, enum gcs_row row, const struct gcs_value *values,
		    uint32_t n)
{
	if (n != gcs_rows[row].nvalues)
		abort(); /* the caller's table and the schema disagree */
	if (!r || atomic_load_explicit(&r->error, memory_order_relaxed))
		return;
	struct record_row *made = record_row_make(row, values, n);
	if (made)
		record_queue(r, made, gcs_rows[row].optional);
	else
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
}

int gcs_record_tick(struct gcs_record *r)
{
	struct record_row *mark = record_row_make(RECORD_MARK, NULL, 0);
	if (mark)
		record_queue(r, mark, false);
	return atomic_load_explicit(&r->error, memory_order_relaxed);
}

int gcs_record_sync(struct gcs_record *r)
{
	gcs_record_tick(r);
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(&r->some); /* without memory for its mark the tick has woken nobody */
	while (r->first || r->busy)
		pthread_cond_wait(&r->idle, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return atomic_load_explicit(&r->error, memory_order_relaxed);
}

uint64_t gcs_record_dropped(struct gcs_record *r)
{
	return atomic_load_explicit(&r->dropped, memory_order_relaxed);
}

/* ---------------------------------------------------------------- opening and closing */

__attribute__((format(printf, 2, 3))) static void record_say(char **ret_text, const char *format,
							     ...)
{
	va_list args;
	if (!ret_text)
		return;
	va_start(args, format);
	if (vasprintf(ret_text, format, args) < 0)
		*ret_text = NULL;
	va_end(args);
}

/* SQLite would make the file with the process's umask: make it first, for its owner only. */
static int record_touch(const char *path, char **ret_text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		int error = -errno;
		record_say(ret_text, "cannot create the record %s: %s", path, strerror(-error));
		return error;
	}
	close(fd);
	return 0;
}

static int record_setup(struct gcs_record *r, const struct gcs_record_options *opt)
{
	char pragma[256];
	sqlite3_busy_timeout(r->db, RECORD_BUSY_MS);
	snprintf(pragma, sizeof(pragma),
		 "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA "
		 "max_page_count=%llu; BEGIN; PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 RECORD_PAGE,
		 opt->max_bytes ? (unsigned long long)(opt->max_bytes / RECORD_PAGE)
				: 4294967294ull,
		 GCS_RECORD_APPLICATION_ID, GCS_RECORD_VERSION);
	int rc = sqlite3_exec(r->db, pragma, NULL, NULL, NULL);
	/* One transaction: whoever looks sees an empty file, or a record with all its tables. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, gcs_record_schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	for (int i = 0; i < GCS_ROWS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(r->db, gcs_rows[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
					&r->stmt[i], NULL);
	return rc;
}

/* Signals are for the main thread. */
static int record_start(struct gcs_record *r)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&r->writer, NULL, record_writer, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static void record_free(struct gcs_record *r)
{
	for (int i = 0; i < GCS_ROWS; i++)
		sqlite3_finalize(r->stmt[i]);
	sqlite3_close(r->db);
	pthread_cond_destroy(&r->some);
	pthread_cond_destroy(&r->space);
	pthread_cond_destroy(&r->idle);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int gcs_record_create(struct gcs_record **ret, const struct gcs_record_options *opt,
		      char **ret_text)
{
	int error = record_touch(opt->path, ret_text);
	if (error)
		return error;
	struct gcs_record *r = calloc(1, sizeof(*r));
	if (!r) {
		unlink(opt->path);
		return -ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->some, NULL);
	pthread_cond_init(&r->space, NULL);
	pthread_cond_init(&r->idle, NULL);
	r->last = &r->first;
	int rc = sqlite3_open_v2(opt->path, &r->db, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = record_setup(r, opt);
	error = record_errno(r->db, rc);
	if (error)
		record_say(ret_text, "cannot write the record %s: %s", opt->path,
			   sqlite3_errmsg(r->db));
	else
		error = record_start(r);
	if (error) {
		record_free(r);
		unlink(opt->path);
		return error;
	}
	*ret = r;
	return 0;
}

/* The answer to a change of mode is a row either way; the mode that it names counts. */
static int record_unlog(sqlite3 *db)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=DELETE", -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	int error = gcs_db_errno(db, rc);
	const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
	if (error == 0 && (!mode || strcmp(mode, "delete") != 0))
		error = -EBUSY;
	sqlite3_finalize(q);
	return error;
}

int gcs_record_fold(const char *path)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	int error = gcs_db_errno(db, rc);
	if (error == 0)
		error = record_unlog(db);
	sqlite3_close(db);
	return error;
}

int gcs_record_close(struct gcs_record *r)
{
	gcs_record_sync(r);
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->some);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->writer, NULL);
	for (int i = 0; i < GCS_ROWS; i++) {
		sqlite3_finalize(r->stmt[i]);
		r->stmt[i] = NULL;
	}
	/* A reader that holds the file open keeps the log alive; the record is whole either way. */
	record_unlog(r->db);
	int error = atomic_load_explicit(&r->error, memory_order_relaxed);
	record_free(r);
	return error;
}
