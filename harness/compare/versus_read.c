/* versus_read.c: what a comparison reads of a record; see versus.h. */
#include "harness/compare/versus.h"

#include "harness/record/record_read.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static char *read_text(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	char *text = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(q, 0);
		text = column ? strdup(column) : NULL;
	}
	sqlite3_finalize(q);
	return text;
}

/* Memory and kernel may change; these are what a machine is known by. */
static void read_machine(struct gcs_versus_input *in, sqlite3 *db)
{
	char *text = read_text(db, "SELECT group_concat(value, ', ') FROM (SELECT value FROM host WHERE key IN ('name', 'machine', 'cpu', 'processors')"
				   " ORDER BY key = 'name' DESC, key)");
	snprintf(in->machine, sizeof in->machine, "%s", text ? text : "");
	free(text);
}

/* report_load's words without the program's name and the newline. */
static char *read_trouble(const char *said)
{
	static const char own[] = "gcstorm: ";
	const char *from = strncmp(said, own, sizeof own - 1) == 0 ? said + sizeof own - 1 : said;
	return strndup(from, strcspn(from, "\n"));
}

static int read_report(struct report *r, const char *path, char **ret_text)
{
	char *said = NULL;
	size_t bytes = 0;
	FILE *err = open_memstream(&said, &bytes);
	if (!err)
		return -ENOMEM;
	int e = report_load(r, path, err);
	if (fclose(err) == 0 && e)
		*ret_text = read_trouble(said);
	free(said);
	return e;
}

int gcs_versus_read(struct gcs_versus_input *ret, const char *path, char **ret_text)
{
	sqlite3 *db = NULL;
	memset(ret, 0, sizeof *ret);
	*ret_text = NULL;
	int e = read_report(&ret->report, path, ret_text);
	if (e)
		return e;
	ret->path = strdup(path);
	e = ret->path ? gcs_record_read(path, &db, ret_text) : -ENOMEM;
	if (e == 0) {
		ret->resolved = read_text(db, "SELECT resolved FROM scenario");
		read_machine(ret, db);
		sqlite3_close(db);
		return 0;
	}
	gcs_versus_input_fini(ret);
	return e;
}

void gcs_versus_input_fini(struct gcs_versus_input *in)
{
	report_fini(&in->report);
	free(in->path);
	free(in->resolved);
	memset(in, 0, sizeof *in);
}

void gcs_versus_paths_fini(struct gcs_versus_paths *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->path[i]);
	p->n = 0;
}
