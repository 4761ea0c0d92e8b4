/*
 * record_read.h: opening a record to read it.
 *
 * Nothing of the record's content is ever changed. A record that is still written, or whose writer
 * was killed, keeps a log beside it (NAME-wal), which can only be read along with its index, made
 * anew where it is missing; the log itself is left as it is.
 */
#pragma once

#include <sqlite3.h>

/* 0; -ENOENT, -EACCES, ... (cannot be opened); -EINVAL (no record, or one of another version);
 * -EAGAIN (an empty file: no record, or one that begins this moment). With *ret_text (malloc'd, may be NULL), a sentence without "gcstorm: ". Close with sqlite3_close. */
int gcs_record_read(const char *path, sqlite3 **ret, char **ret_text);
