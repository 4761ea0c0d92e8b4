/* db.c: see db.h. */
#include "harness/base/db.h"

#include <errno.h>
#include <stddef.h>

int gcs_db_errno(sqlite3 *db, int rc)
{
	int os = db ? sqlite3_system_errno(db) : 0;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_ERROR: /* a table that should be there is not */
		return -EINVAL;
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return os ? -os : -EACCES;
	default:
		return os == ENOSPC || os == EDQUOT || os == EFBIG ? -ENOSPC : -EIO;
	}
}

int gcs_db_exec(sqlite3 *db, const char *sql)
{
	return gcs_db_errno(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}
