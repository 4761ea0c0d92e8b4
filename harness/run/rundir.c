/*
 * rundir.c: see rundir.h.
 *
 * Making a directory and removing dead ones happen under a lock of the place itself, so that nobody
 * takes a directory for dead that has no lock yet.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUNDIR_LOCK	    "lock"
#define RUNDIR_PLACE_LOCK   ".lock"
#define RUNDIR_LOCK_TRIES   100
#define RUNDIR_LOCK_WAIT_NS 10000000L
#define RUNDIR_ID_SHAPE	    "dddddddd-dddddd-xxxx"

static int rundir_fail(char **ret_text, int e, const char *path, const char *what)
{
	if (asprintf(ret_text, "%s: %s", path, what ? what : strerror(-e)) < 0)
		*ret_text = NULL;
	return e;
}

/* "20260726-101112-ab12" */
static bool rundir_is_id(const char *name)
{
	static const char shape[] = RUNDIR_ID_SHAPE;
	if (strlen(name) != sizeof shape - 1)
		return false;
	for (size_t i = 0; name[i]; i++)
		if (shape[i] == '-' ? name[i] != '-'
				    : !strchr("0123456789abcdef", name[i]) ||
					      (shape[i] == 'd' && name[i] > '9'))
			return false;
	return true;
}

/* Ours, and nobody else can write into it. */
static int rundir_place(const char *path, char **ret_text)
{
	struct stat st;
	if (mkdir(path, 0700) && errno != EEXIST)
		return rundir_fail(ret_text, -errno, path, NULL);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int e = fd < 0 || fstat(fd, &st) ? -errno : 0;
	if (e == 0 && (st.st_uid != geteuid() || (st.st_mode & 077) != 0))
		e = -EPERM;
	if (e == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rundir_fail(ret_text, e, path, e == -EPERM ? "somebody else may write there" : NULL);
}

/* Everything in a directory that has no directories. */
static void rundir_empty(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	if (!d) {
		if (again >= 0)
			close(again);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

/* A descriptor that holds the lock; -EWOULDBLOCK: somebody lives there. */
static int rundir_lock(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int e = -errno;
	close(fd);
	return e;
}

static void rundir_clean(int place)
{
	int again = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	while (d && (e = readdir(d)) != NULL) {
		if (!rundir_is_id(e->d_name))
			continue;
		int fd = openat(place, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int lock = fd >= 0 ? rundir_lock(fd, RUNDIR_LOCK, 0) : -EWOULDBLOCK;
		if (lock >= 0 || lock == -ENOENT) {
			rundir_empty(fd);
			unlinkat(place, e->d_name, AT_REMOVEDIR);
		}
		if (lock >= 0)
			close(lock);
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
}

/* Under the place's lock. */
static int rundir_make_locked(struct gcs_rundir *d, int place, const char *run_id)
{
	rundir_clean(place);
	if (mkdirat(place, run_id, 0700))
		return -errno;
	d->fd = openat(place, run_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d->lock_fd = d->fd >= 0 ? rundir_lock(d->fd, RUNDIR_LOCK, O_CREAT) : -errno;
	if (d->lock_fd >= 0)
		return 0;
	int e = d->lock_fd;
	gcs_rundir_remove(d);
	unlinkat(place, run_id, AT_REMOVEDIR);
	return e;
}

/* Others hold it for moments; one that was stopped in such a moment is not waited for. */
static int rundir_lock_place(int place)
{
	const struct timespec wait = {.tv_nsec = RUNDIR_LOCK_WAIT_NS};
	int fd = -EWOULDBLOCK;
	for (int i = 0; i < RUNDIR_LOCK_TRIES && fd == -EWOULDBLOCK; i++) {
		fd = rundir_lock(place, RUNDIR_PLACE_LOCK, O_CREAT);
		if (fd == -EWOULDBLOCK)
			nanosleep(&wait, NULL);
	}
	return fd;
}

int gcs_rundir_make(struct gcs_rundir *d, const char *run_id, char **ret_text)
{
	char base[GCS_PATH_BYTES];
	*d = (struct gcs_rundir){.fd = -1, .lock_fd = -1};
	int e = gcs_path_runtime(0, base);
	if (e == 0 && (strlen(base) > GCS_PATH_BYTES - 64 || strlen(run_id) > 60))
		e = -ENAMETOOLONG;
	if (e)
		return rundir_fail(ret_text, e, "$XDG_RUNTIME_DIR", NULL);
	int place = rundir_place(base, ret_text);
	if (place < 0)
		return place;
	int lock = rundir_lock_place(place);
	e = lock < 0 ? lock : rundir_make_locked(d, place, run_id);
	if (lock >= 0)
		close(lock);
	close(place);
	if (e == 0)
		snprintf(d->path, sizeof d->path, "%.*s/%s", GCS_PATH_BYTES - 64, base, run_id);
	return e ? rundir_fail(ret_text, e, base, NULL) : 0;
}

void gcs_rundir_remove(struct gcs_rundir *d)
{
	if (d->fd >= 0) {
		rundir_empty(d->fd);
		close(d->fd);
	}
	if (d->path[0])
		rmdir(d->path);
	if (d->lock_fd >= 0)
		close(d->lock_fd); /* last: until here it is nobody else's to remove */
	*d = (struct gcs_rundir){.fd = -1, .lock_fd = -1};
}

int gcs_rundir_find(const char *run_id, char ret[GCS_PATH_BYTES])
{
	char base[GCS_PATH_BYTES];
	for (unsigned i = 0; rundir_is_id(run_id) && gcs_path_runtime(i, base) == 0; i++) {
		if (snprintf(ret, GCS_PATH_BYTES, "%s/%s", base, run_id) >= GCS_PATH_BYTES)
			continue;
		int fd = open(ret, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}
