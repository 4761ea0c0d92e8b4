/* paths.c: see paths.h.  Places are tried in a fixed order; the first that exists wins. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef GCS_LIBEXECDIR
#define GCS_LIBEXECDIR "/usr/local/libexec/gcstorm"
#endif
#ifndef GCS_PKGDATADIR
#define GCS_PKGDATADIR "/usr/local/share/gcstorm"
#endif

#define PATHS_INCIDENTS_MAX 512u
#define PATHS_TIME_CHARS    15u /* YYYYMMDD-HHMMSS */

static int paths_join(char ret[GCS_PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(ret, GCS_PATH_BYTES, "%s/%s", dir, name);
	return n < 0 || n >= GCS_PATH_BYTES ? -ENAMETOOLONG : 0;
}

static bool paths_is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Directory of the running program, "" when it cannot be told. */
static const char *paths_own_dir(void)
{
	static char dir[GCS_PATH_BYTES];
	if (dir[0])
		return dir;
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
	dir[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return dir;
}

/* ---- programs */

static int paths_program_in(const char *dir, const char *below, const char *name,
			    char ret[GCS_PATH_BYTES])
{
	int n = snprintf(ret, GCS_PATH_BYTES, "%s%s/%s", dir, below, name);
	return n > 0 && n < GCS_PATH_BYTES && paths_is_file(ret) && access(ret, X_OK) == 0
		       ? 0
		       : -ENOENT;
}

int gcs_path_program(const char *name, char ret[GCS_PATH_BYTES])
{
	const char *own = paths_own_dir();
	const char *set = getenv(strcmp(name, "gcstorm-load") == 0    ? "GCSTORM_LOAD"
				 : strcmp(name, "gcstorm-guard") == 0 ? "GCSTORM_GUARD"
								      : "GCSTORM_TARGET");
	if (set && *set)
		return strlen(set) < GCS_PATH_BYTES && paths_is_file(set) ? (strcpy(ret, set), 0)
									  : -ENOENT;
	if (*own && (paths_program_in(own, "", name, ret) == 0 ||
		     paths_program_in(own, "/workloads", name, ret) == 0 ||
		     paths_program_in(own, "/../workloads", name, ret) == 0))
		return 0;
	return paths_program_in(GCS_LIBEXECDIR, "", name, ret);
}

/* ---- incidents */

/* The i-th place to look; NULL: no more, "": not this one. */
static const char *paths_incident_dir(unsigned i, char buf[GCS_PATH_BYTES])
{
	const char *set = getenv("GCSTORM_INCIDENTS"), *own = paths_own_dir();
	buf[0] = '\0';
	switch (i) {
	case 0:
		return set ? set : "";
	case 1:
		return *own && paths_join(buf, own, "incidents") == 0 ? buf : "";
	case 2:
		return *own && paths_join(buf, own, "../incidents") == 0 ? buf : "";
	case 3:
		return GCS_PKGDATADIR "/incidents";
	default:
		return NULL;
	}
}

int gcs_path_scenario(const char *arg, char ret[GCS_PATH_BYTES])
{
	char buf[GCS_PATH_BYTES], file[512];
	const char *dir;
	if (strlen(arg) >= GCS_PATH_BYTES)
		return -ENAMETOOLONG;
	bool path = strchr(arg, '/') || paths_is_file(arg);
	if (path || snprintf(file, sizeof file, "%s.yaml", arg) >= (int)sizeof file)
		return paths_is_file(arg) || path ? (strcpy(ret, arg), 0) : -ENOENT;
	for (unsigned i = 0; (dir = paths_incident_dir(i, buf)) != NULL; i++)
		if (*dir && paths_join(ret, dir, file) == 0 && paths_is_file(ret))
			return 0;
	return -ENOENT;
}

static bool paths_known(const struct gcs_incident *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

static size_t paths_scan(const char *dir, struct gcs_incident *list, size_t n)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && n < PATHS_INCIDENTS_MAX && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);
		if (len <= 5 || e->d_name[0] == '.' || strcmp(e->d_name + len - 5, ".yaml") != 0)
			continue;
		char *name = strndup(e->d_name, len - 5), *path = NULL;
		if (!name || paths_known(list, n, name) ||
		    asprintf(&path, "%s/%s", dir, e->d_name) < 0) {
			free(name);
			continue;
		}
		list[n++] = (struct gcs_incident){name, path};
	}
	if (d)
		closedir(d);
	return n;
}

static int paths_by_name(const void *a, const void *b)
{
	const struct gcs_incident *x = a, *y = b;
	return strcmp(x->name, y->name);
}

size_t gcs_path_incidents(struct gcs_incident **ret)
{
	char buf[GCS_PATH_BYTES];
	const char *dir;
	size_t n = 0;
	struct gcs_incident *list = calloc(PATHS_INCIDENTS_MAX, sizeof *list);
	for (unsigned i = 0; list && (dir = paths_incident_dir(i, buf)) != NULL; i++)
		if (*dir)
			n = paths_scan(dir, list, n);
	if (n)
		qsort(list, n, sizeof *list, paths_by_name);
	*ret = list;
	return n;
}

void gcs_path_incidents_free(struct gcs_incident *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		free(list[i].path);
	}
	free(list);
}

/* ---- records */

int gcs_path_make(char *path)
{
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		int e = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
		*p = was;
		if (e || !was)
			return e;
	}
}

int gcs_path_runs(char ret[GCS_PATH_BYTES], int make)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (state && state[0] == '/')
		n = snprintf(ret, GCS_PATH_BYTES, "%s/gcstorm/runs", state);
	else if (home && home[0] == '/')
		n = snprintf(ret, GCS_PATH_BYTES, "%s/.local/state/gcstorm/runs", home);
	else
		return -ENOENT;
	if (n < 0 || n >= GCS_PATH_BYTES)
		return -ENAMETOOLONG;
	return make ? gcs_path_make(ret) : 0;
}

int gcs_path_runtime(unsigned i, char ret[GCS_PATH_BYTES])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	bool usable = xdg && xdg[0] == '/' && (stat(xdg, &st) != 0 || st.st_uid == geteuid());
	unsigned uid = (unsigned)geteuid(), place = usable ? i : i + 1;
	int n = 0;
	if (place == 0)
		n = snprintf(ret, GCS_PATH_BYTES, "%s/gcstorm", xdg);
	else if (place == 1)
		n = snprintf(ret, GCS_PATH_BYTES, "/tmp/gcstorm-%u", uid);
	else if (place == 2)
		n = snprintf(ret, GCS_PATH_BYTES, "/run/user/%u/gcstorm", uid);
	return n == 0 ? -ENOENT : n >= GCS_PATH_BYTES ? -ENAMETOOLONG : 0;
}

/* Of a file name NAME-YYYYMMDD-HHMMSS-xxxx.gcrun: where the time begins. */
static const char *paths_record_time(const char *file)
{
	size_t len = strlen(file);
	return len >= 26 ? file + len - 26 : file;
}

/* Later than the best so far, by the second in the name, then by the file's own time. */
static bool paths_newer(int dir, const char *file, const char *best)
{
	struct stat a, b;
	int order = strncmp(paths_record_time(file), paths_record_time(best), PATHS_TIME_CHARS);
	if (order != 0 || !*best || fstatat(dir, file, &a, 0) || fstatat(dir, best, &b, 0))
		return order > 0;
	return a.st_mtim.tv_sec != b.st_mtim.tv_sec ? a.st_mtim.tv_sec > b.st_mtim.tv_sec
						    : a.st_mtim.tv_nsec > b.st_mtim.tv_nsec;
}

int gcs_path_record(const char *arg, char ret[GCS_PATH_BYTES])
{
	char dir[GCS_PATH_BYTES], best[256] = "";
	bool last = strcmp(arg, "last") == 0;
	struct dirent *e;
	unsigned found = 0;
	if (strchr(arg, '/') || paths_is_file(arg))
		return paths_is_file(arg) && strlen(arg) < GCS_PATH_BYTES ? (strcpy(ret, arg), 0)
									  : -ENOENT;
	if (gcs_path_runs(dir, 0))
		return -ENOENT;
	DIR *d = opendir(dir);
	while (d && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);
		if (len <= 6 || strcmp(e->d_name + len - 6, ".gcrun") != 0 ||
		    (!last && !strstr(e->d_name, arg)))
			continue;
		found++;
		if (paths_newer(dirfd(d), e->d_name, best))
			snprintf(best, sizeof best, "%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (found == 0)
		return -ENOENT;
	return found > 1 && !last ? -ENOTUNIQ : paths_join(ret, dir, best);
}
