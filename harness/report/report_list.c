/*
 * report_list.c: the runs below a directory, newest first (gcstorm list runs).
 *
 * Only files named *.gcrun in the directory and one level below it; what cannot be read is listed
 * as such.
 */
#include "harness/collect/collect.h"

#include "harness/report/report_priv.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LIST_MAX    4096
#define LIST_SUFFIX ".gcrun"

struct list_run {
	char *path;
	struct timespec changed;
};
struct list {
	struct list_run run[LIST_MAX];
	size_t n;
};

static void list_add(struct list *l, const char *path, const struct stat *st)
{
	if (l->n == LIST_MAX)
		return;
	char *copy = strdup(path);
	if (copy)
		l->run[l->n++] = (struct list_run){copy, st->st_mtim};
}

static int list_scan(struct list *l, const char *dir, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	if (!d)
		return -errno;
	while ((entry = readdir(d))) {
		struct stat st;
		char path[4096];
		size_t n = strlen(entry->d_name);
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >=
			    (int)sizeof(path) ||
		    lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			list_scan(l, path, depth - 1);
		else if (S_ISREG(st.st_mode) && n > strlen(LIST_SUFFIX) &&
			 strcmp(entry->d_name + n - strlen(LIST_SUFFIX), LIST_SUFFIX) == 0)
			list_add(l, path, &st);
	}
	closedir(d);
	return 0;
}

static int list_order(const void *a, const void *b)
{
	const struct list_run *x = a, *y = b;
	if (x->changed.tv_sec != y->changed.tv_sec)
		return x->changed.tv_sec < y->changed.tv_sec ? 1 : -1;
	if (x->changed.tv_nsec != y->changed.tv_nsec)
		return x->changed.tv_nsec < y->changed.tv_nsec ? 1 : -1;
	return strcmp(y->path, x->path);
}

static void list_text(const struct report *r, const char *path, FILE *out)
{
	char when[32] = "";
	time_t begun = (time_t)(r->begun_wall_ns / 1000000000);
	struct tm tm;
	if (localtime_r(&begun, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(out, "%s  %-12s %7.1f s  %-24s %s%s%s\n", when,
		r->finished ? r->word : "UNFINISHED", (double)r->duration_ns / 1e9, r->name, path,
		r->sim ? "  (simulated)" : "", r->nmodifying ? "  (operator-modified)" : "");
}

static json_t *list_json(const struct report *r, const char *path)
{
	return json_pack("{ss ss ss ss so sI sI sb sb}", "path", path, "id", r->id, "name", r->name,
			 "verdict", r->finished ? r->word : "UNFINISHED", "exit",
			 r->finished ? json_integer(r->exit) : json_null(), "begun_wall_ns",
			 (json_int_t)r->begun_wall_ns, "duration_ns", (json_int_t)r->duration_ns,
			 "sim", (int)r->sim, "operator_modified", (int)(r->nmodifying > 0));
}

static void list_print(const struct list *l, bool json, FILE *out)
{
	json_t *all = json ? json_array() : NULL;
	FILE *nowhere = fopen("/dev/null", "we");
	for (size_t i = 0; i < l->n && nowhere; i++) {
		struct report r;
		if (report_load(&r, l->run[i].path, nowhere) != 0) {
			if (!json)
				fprintf(out, "%-19s  %-12s %s\n", "", "UNREADABLE", l->run[i].path);
			continue;
		}
		if (json)
			json_array_append_new(all, list_json(&r, l->run[i].path));
		else
			list_text(&r, l->run[i].path, out);
		report_fini(&r);
	}
	if (nowhere)
		fclose(nowhere);
	if (!json)
		return;
	json_dumpf(all, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(all);
}

int gcs_record_paths(const char *dir, char ***ret, size_t *ret_n)
{
	struct list *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int rc = list_scan(l, dir, 1);
	char **paths = rc == 0 ? calloc(l->n + 1, sizeof(*paths)) : NULL;
	if (rc == 0 && !paths)
		rc = -ENOMEM;
	if (rc == 0) {
		if (l->n > 1)
			qsort(l->run, l->n, sizeof(l->run[0]), list_order);
		*ret = paths;
		*ret_n = l->n;
	}
	for (size_t i = 0; i < l->n; i++) {
		if (paths)
			paths[i] = l->run[i].path;
		else
			free(l->run[i].path);
	}
	free(l);
	return rc;
}

int gcs_record_list(const char *dir, const char *format, FILE *out)
{
	struct list *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int rc = list_scan(l, dir, 1);
	if (rc == 0) {
		if (l->n > 1)
			qsort(l->run, l->n, sizeof(l->run[0]), list_order);
		list_print(l, format && strcmp(format, "json") == 0, out);
	}
	for (size_t i = 0; i < l->n; i++)
		free(l->run[i].path);
	free(l);
	return rc;
}
