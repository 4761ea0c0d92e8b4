/*
 * record.h: writing a run's record: one SQLite file, NAME.gcrun.
 *
 * The caller puts rows; a thread of the record's own writes them, one transaction a tick, so a disk
 * never holds the harness up for longer than the queue lasts. After kill -9 the file is whole up to
 * the last tick that was committed. Not thread-safe: one caller. docs: the schema is the text in
 * record_schema.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCS_RECORD_APPLICATION_ID 0x67637275 /* "gcru" */
#define GCS_RECORD_VERSION	  4
#define GCS_RECORD_QUEUE	  16384 /* rows waiting to be written */

enum gcs_row {
	GCS_ROW_RUN,
	GCS_ROW_RUN_STARTED,
	GCS_ROW_RUN_END,
	GCS_ROW_RUN_NOW,
	GCS_ROW_HOST,
	GCS_ROW_SCENARIO,
	GCS_ROW_PHASE,
	GCS_ROW_WORKLOAD,
	GCS_ROW_FAULT,
	GCS_ROW_FAULT_NOW,
	GCS_ROW_OCCURRENCE,
	GCS_ROW_OCCURRENCE_SIGNAL,
	GCS_ROW_SIGNAL,
	GCS_ROW_FIRING,
	GCS_ROW_EFFECT,
	GCS_ROW_LEDGER,
	GCS_ROW_GC_START,
	GCS_ROW_GC_MARK_END,
	GCS_ROW_GC_END,
	GCS_ROW_GC_SWEEP,
	GCS_ROW_GC_HEAP,
	GCS_ROW_PAUSE,
	GCS_ROW_DISTURBED,
	GCS_ROW_INTERVAL,
	GCS_ROW_INTERVAL_HIST,
	GCS_ROW_INTERVAL_OPS,
	GCS_ROW_LOOK,
	GCS_ROW_TOTAL,
	GCS_ROW_TOTAL_OPS,
	GCS_ROW_COUNTER,
	GCS_ROW_EVENT,
	GCS_ROW_GCTRACE,
	GCS_ROW_OPERATOR,
	GCS_ROW_REPORTED,
	GCS_ROW_LOGGED,
	GCS_ROW_FIDELITY,
	GCS_ROW_CURVE,
	GCS_ROW_SLO,
	GCS_ROW_EXPECT,
	GCS_ROW_VERDICT,
	GCS_ROW_REASON,
	GCS_ROW_HARNESS,
	GCS_ROWS
};

struct gcs_row_sql {
	const char *sql;
	uint32_t nvalues;
	bool optional; /* routine rows: dropped, and counted, when the queue is nearly full */
};
extern const struct gcs_row_sql gcs_rows[GCS_ROWS]; /* record_schema.c */
extern const char gcs_record_schema[];

enum gcs_value_kind {
	GCS_VALUE_NULL,
	GCS_VALUE_INT,
	GCS_VALUE_REAL,
	GCS_VALUE_TEXT,
	GCS_VALUE_BLOB
};
struct gcs_value {
	enum gcs_value_kind kind;
	union {
		int64_t i;
		double d;
		const void *p;
	};
	size_t n; /* of a text or blob */
};
static inline struct gcs_value gcs_int(int64_t i)
{
	return (struct gcs_value){.kind = GCS_VALUE_INT, .i = i};
}
static inline struct gcs_value gcs_u64(uint64_t u)
{
	return gcs_int((int64_t)u);
}
static inline struct gcs_value gcs_real(double d)
{
	return (struct gcs_value){.kind = GCS_VALUE_REAL, .d = d};
}
struct gcs_value gcs_text(const char *s); /* NULL is NULL */
static inline struct gcs_value gcs_blob(const void *p, size_t n)
{
	return (struct gcs_value){.kind = p ? GCS_VALUE_BLOB : GCS_VALUE_NULL, .p = p, .n = n};
}
/* -1 means "not (yet)" in the collector and NULL in the record. */
static inline struct gcs_value gcs_time(int64_t t_ns)
{
	return t_ns < 0 ? (struct gcs_value){.kind = GCS_VALUE_NULL} : gcs_int(t_ns);
}

struct gcs_record_options {
	const char *path;
	uint64_t max_bytes; /* 0: as the disk allows */
};

struct gcs_record;
/* A new file, 0600. 0; -EEXIST, -EACCES, -ENOSPC, -EIO ... with *ret_text (malloc'd, may be NULL).
 */
int gcs_record_create(struct gcs_record **ret, const struct gcs_record_options *opt,
		      char **ret_text);
/* Queue a row (values are copied). Waits while the queue is full; after an error, or with r NULL
 * (closed), rows are swallowed. */
void gcs_record_row(struct gcs_record *r, enum gcs_row row, const struct gcs_value *values,
		    uint32_t n);
#define gcs_record_put(r, row, ...)                                                                \
	gcs_record_row(r, row, (const struct gcs_value[]){__VA_ARGS__},                            \
		       sizeof((const struct gcs_value[]){__VA_ARGS__}) / sizeof(struct gcs_value))
/* End of a tick: commit what was put. Returns what the writer has met so far: 0, -ENOSPC, -EIO. */
int gcs_record_tick(struct gcs_record *r);
/* Wait until everything put so far is committed or has failed. Returns as _tick. */
int gcs_record_sync(struct gcs_record *r);
uint64_t gcs_record_dropped(struct gcs_record *r);
/* Write the rest, fold the log in, close: one file is the whole run. Frees r. 0, -ENOSPC, -EIO. */
int gcs_record_close(struct gcs_record *r);
/* What _close would have done to a record whose writer was killed: fold the log in, so that one file is
 * the whole run. 0; -EBUSY (somebody has it open), -ENOSPC, -EIO: it stays as it is, and whole. */
int gcs_record_fold(const char *path);
