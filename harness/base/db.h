/*
 * db.h: what SQLite says, as an errno.
 */
#pragma once

#include <sqlite3.h>

/* 0 for OK, DONE and ROW. -ENOSPC also where the system says so of a failed write; -EINVAL for a file that is no database, is damaged,
 * or lacks a table that should be there; -EBUSY, -ENOMEM, -EACCES (or what the system said), else -EIO. db may be NULL. */
int gcs_db_errno(sqlite3 *db, int rc);
/* Statements without rows. As gcs_db_errno. */
int gcs_db_exec(sqlite3 *db, const char *sql);
