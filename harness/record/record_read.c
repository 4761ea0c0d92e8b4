/* record_read.c: see record_read.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/record/record_read.h"

#include "harness/record/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define READ_BUSY_MS 2000

static __attribute__((format(printf, 3, 4))) int read_refuse(char **ret_text, int error,
							     const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(ret_text, fmt, ap) < 0)
		*ret_text = NULL;
	va_end(ap);
	return error;
}

static int read_pragma(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int value = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		value = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return value;
}

int gcs_record_read(const char *path, sqlite3 **ret, char **ret_text)
{
	FILE *probe = fopen(path, "re");
	if (!probe)
		return read_refuse(ret_text, -errno, "cannot open %s: %s", path, strerror(errno));
	fclose(probe);
	sqlite3 *db = NULL;
	/* the log of a killed run can only be read along with its index, which the reader may have
	 * to make */
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK) {
		sqlite3_close(db);
		rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	}
	sqlite3_busy_timeout(db, READ_BUSY_MS);
	/* one look: the record may be made this moment */
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	int id = rc == SQLITE_OK ? read_pragma(db, "PRAGMA application_id") : -1;
	int version = id == GCS_RECORD_APPLICATION_ID ? read_pragma(db, "PRAGMA user_version") : -1;
	bool empty = id == 0 && read_pragma(db, "PRAGMA schema_version") == 0;
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (version == GCS_RECORD_VERSION) {
		/* a reader must not fold the log of a run that it only looks at */
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_exec(db, "PRAGMA query_only=1", NULL, NULL, NULL);
		*ret = db;
		return 0;
	}
	sqlite3_close(db);
	if (id == GCS_RECORD_APPLICATION_ID)
		return read_refuse(ret_text, -EINVAL,
				   "%s is a record of version %d, this gcstorm reads version %d",
				   path, version, GCS_RECORD_VERSION);
	return read_refuse(ret_text, empty ? -EAGAIN : -EINVAL, "%s is not a record of a run (a .gcrun file)", path);
}
