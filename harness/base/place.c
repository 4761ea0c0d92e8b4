/* place.c: see place.h. */
#include "harness/base/place.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int gcs_place_new(const char *kind, const char *name, char ret[GCS_PATH_BYTES])
{
	char dir[GCS_PATH_BYTES], stamp[16];
	uint16_t salt = 0;
	time_t now = time(NULL);
	struct tm tm;
	int e = gcs_path_runs(dir, 0);
	if (e)
		return e;
	*strrchr(dir, '/') = '\0'; /* …/gcstorm */
	if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		salt = (uint16_t)getpid();
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	int n = snprintf(ret, GCS_PATH_BYTES, "%s/%s/%s-%s-%04x", dir, kind, name, stamp, salt);
	return n < GCS_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

int gcs_place_given(const char *given, const char *kind, const char *name, char ret[GCS_PATH_BYTES])
{
	char here[GCS_PATH_BYTES];
	if (!given)
		return gcs_place_new(kind, name, ret);
	if (!*given)
		return -EINVAL;
	int n = *given == '/'		       ? snprintf(ret, GCS_PATH_BYTES, "%s", given)
		: getcwd(here, sizeof(here)) ? snprintf(ret, GCS_PATH_BYTES, "%s/%s", here, given)
					       : GCS_PATH_BYTES;
	return n < GCS_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int place_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int e = 0;
	if (!dir)
		return -errno;
	while (e == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			e = -EEXIST;
	closedir(dir);
	return e;
}

int gcs_place_make(const char *path)
{
	char part[GCS_PATH_BYTES];
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	int e = gcs_path_make(part);
	return e ? e : place_is_empty(part);
}
