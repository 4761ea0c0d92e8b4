/* original.c: reading a record to make its run again. */
#include "harness/explore/original.h"

#include "harness/record/record_read.h"
#include "harness/record/thin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *original_text(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return strdup(text ? text : "");
}

/* One row of the columns that are asked for, all as text. */
static int original_row(sqlite3 *db, const char *sql, char **const *ret, int n)
{
	sqlite3_stmt *q = NULL;
	int e = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK ? 0 : -EINVAL;
	bool row = e == 0 && sqlite3_step(q) == SQLITE_ROW;
	for (int i = 0; i < n; i++)
		if (!(*ret[i] = row ? original_text(q, i) : strdup("")))
			e = -ENOMEM;
	sqlite3_finalize(q);
	return e;
}

static int64_t original_number(sqlite3 *db, const char *sql, int64_t otherwise)
{
	sqlite3_stmt *q = NULL;
	int64_t value = otherwise;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
	    sqlite3_column_type(q, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return value;
}

static void original_laid(struct gcs_original *o)
{
	const json_t *laid = json_object_get(o->resolved, "laid");
	o->known = json_is_array(laid) && json_array_size(laid) <= GCS_TRIAL_SETS_MAX;
	for (size_t i = 0; o->known && i < json_array_size(laid); i++) {
		const json_t *pair = json_array_get(laid, i);
		const char *key = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
		if (!key || !value)
			o->known = false;
		else
			o->set[o->load.nset++] = (struct gcs_override){key, value};
	}
	o->load.set = o->set;
	o->load.variant = *o->variant ? o->variant : NULL;
}

static int original_read(struct gcs_original *o)
{
	char *resolved = NULL;
	int e = original_row(o->db, "SELECT id, name, hash FROM run", (char **const[]){&o->id, &o->name, &o->hash}, 3);
	if (e == 0)
		e = original_row(o->db, "SELECT source, resolved, path FROM scenario",
				 (char **const[]){&o->text, &resolved, &o->given}, 3);
	if (e == 0)
		e = original_row(o->db, "SELECT value FROM host WHERE key='build'", (char **const[]){&o->build}, 1);
	if (e == 0)
		e = original_row(o->db, "SELECT word, sentence FROM verdict", (char **const[]){&o->word, &o->sentence}, 2);
	o->resolved = e == 0 ? json_loads(resolved, 0, NULL) : NULL;
	free(resolved);
	if (e)
		return e;
	const char *variant = json_string_value(json_object_get(o->resolved, "variant"));
	o->variant = strdup(variant ? variant : "");
	o->sim = original_number(o->db, "SELECT sim FROM run", 0) != 0;
	o->seed = (uint64_t)original_number(o->db, "SELECT seed FROM run", 0);
	o->exit = (int)original_number(o->db, "SELECT exit FROM verdict", -1);
	o->end_ns = original_number(o->db, "SELECT coalesce(end_ns, now_ns) FROM run", 0);
	o->early = o->end_ns < original_number(o->db, "SELECT max(end_ns) FROM phases", 0);
	o->by_hand = original_number(o->db, "SELECT count(*) FROM operator WHERE act NOT IN ('mark', 'refused', 'quit')", 0) > 0;
	o->quit = original_number(o->db, "SELECT count(*) FROM operator WHERE act = 'quit'", 0) > 0;
	o->thinned = original_number(o->db, "SELECT count(*) FROM host WHERE key='" GCS_THIN_KEY "'", 0) > 0;
	if (!o->variant)
		return -ENOMEM;
	original_laid(o);
	return 0;
}

int gcs_original_open(struct gcs_original *o, const char *record, char **ret_text)
{
	memset(o, 0, sizeof(*o));
	*ret_text = NULL;
	snprintf(o->record, sizeof(o->record), "%s", record);
	int e = gcs_record_read(record, &o->db, ret_text);
	return e ? e : original_read(o);
}

const char *gcs_original_refusal(const struct gcs_original *o, bool real)
{
	if (!o->sim && !real)
		return "it ran on real threads: only a run that repeats can be shrunk (gcstorm run --sim)";
	if (!*o->text || !o->known)
		return "its record does not say what the run was made of: it is of an older gcstorm";
	if (o->exit < 0)
		return "it is not finished";
	if (o->exit == GCS_EXIT_INT || o->exit == GCS_EXIT_TERM)
		return "it was interrupted";
	if (o->by_hand)
		return "somebody armed, fired or changed something by hand in it";
	return NULL;
}

/* ---- scratch */

int gcs_original_unpack(struct gcs_original *o)
{
	const char *tmp = getenv("TMPDIR");
	char dir[GCS_PATH_BYTES];
	if (snprintf(dir, sizeof(dir), "%s/gcstorm-again-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= (int)sizeof(dir) - 64)
		return -ENAMETOOLONG;
	if (!mkdtemp(dir))
		return -errno;
	memcpy(o->dir, dir, sizeof(dir));
	snprintf(o->scenario, sizeof(o->scenario), "%s/scenario.yaml", dir);
	FILE *f = fopen(o->scenario, "wxe");
	if (!f)
		return -errno;
	int e = fputs(o->text, f) < 0 ? -EIO : 0;
	return fclose(f) && e == 0 ? -errno : e;
}

static void original_sweep(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0); /* fails for . and .. */
	if (dir)
		closedir(dir);
	rmdir(path);
}

void gcs_original_close(struct gcs_original *o)
{
	char *const text[] = {o->id, o->name, o->text, o->hash, o->build, o->word, o->sentence, o->variant, o->given};
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		free(text[i]);
	if (o->dir[0])
		original_sweep(o->dir);
	json_decref(o->resolved);
	sqlite3_close(o->db);
	memset(o, 0, sizeof(*o));
}
