/*
 * soak_disk.c: the records of a soak: thinning, room, and order after a kill.
 *
 * The state is told first when a record is to go, and last when one has become thin: whatever is
 * killed in between, no record that the state counts on is missing, and thinning is done again.
 */
#include "harness/soak/soak_priv.h"
#include "harness/record/thin.h"
#include "harness/base/units.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const disk_tails[] = {"", GCS_TRACE_SUFFIX, "-wal", "-shm", "-journal", GCS_THIN_SUFFIX,
					 GCS_THIN_SUFFIX "-journal"};
#define DISK_TAILS (sizeof(disk_tails) / sizeof(disk_tails[0]))

void soak_record_path(const struct soak *s, const char *file, char ret[GCS_PATH_BYTES])
{
	/* The directory is checked to leave room for it when the soak begins. */
	if (snprintf(ret, GCS_PATH_BYTES, "%s/%s", s->dir, file) >= GCS_PATH_BYTES)
		ret[0] = '\0';
}

static bool disk_beside(const char *path, const char *tail, char ret[GCS_PATH_BYTES])
{
	return snprintf(ret, GCS_PATH_BYTES, "%s%s", path, tail) < GCS_PATH_BYTES;
}

uint64_t soak_record_bytes(const char *path)
{
	char beside[GCS_PATH_BYTES];
	uint64_t bytes = 0;
	for (size_t i = 0; i < DISK_TAILS; i++) {
		struct stat st;
		if (disk_beside(path, disk_tails[i], beside) && stat(beside, &st) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

void soak_record_remove(const char *path)
{
	char beside[GCS_PATH_BYTES];
	for (size_t i = DISK_TAILS; i-- > 0;)
		if (disk_beside(path, disk_tails[i], beside))
			unlink(beside);
}

/* ---- thinning */

static void disk_step(void *self, const char *step)
{
	soak_at(self, step);
}

int soak_disk_thin(struct soak *s, uint64_t number, const char *file)
{
	char path[GCS_PATH_BYTES];
	uint64_t bytes = 0;
	const struct gcs_thin_steps steps = {disk_step, s};
	soak_record_path(s, file, path);
	int e = gcs_thin(path, &steps, &bytes);
	if (e)
		return e;
	e = gcs_soak_state_record(s->state, number, GCS_SOAK_THIN, bytes);
	soak_at(s, "thinned");
	return e;
}

/* ---- room */

static int disk_drop(struct soak *s, const struct gcs_soak_round *r)
{
	char path[GCS_PATH_BYTES];
	soak_record_path(s, r->file, path);
	int e = gcs_soak_state_record(s->state, r->number, GCS_SOAK_GONE, 0);
	if (e)
		return e;
	soak_at(s, "drop.marked");
	soak_record_remove(path);
	soak_at(s, "drop.removed");
	return 0;
}

/* What goes when there is no room, in this order, the oldest first. The last failing round's record
 * stays as it is. */
static const struct {
	const char *where;
	bool drop; /* else thin */
	const char *what;
} disk_order[] = {
	{"exit = 0 AND record IN (1, 2) ORDER BY number LIMIT 1", true, "passed"},
	{"exit IN (5, 7) AND record = 1 ORDER BY number LIMIT 1", false, "decided nothing"},
	{"exit IN (5, 7) AND record = 2 ORDER BY number LIMIT 1", true, "decided nothing"},
	{SOAK_SQL_FAILING " AND record = 1 AND number < (SELECT max(number) FROM rounds WHERE"
			  " finished AND " SOAK_SQL_FAILING ") ORDER BY number LIMIT 1",
	 false, "failed"},
	{SOAK_SQL_FAILING " AND record = 2 AND number < (SELECT max(number) FROM rounds WHERE"
			  " finished AND " SOAK_SQL_FAILING ") ORDER BY number LIMIT 1",
	 true, "failed"},
};
#define DISK_ORDER (sizeof(disk_order) / sizeof(disk_order[0]))

/* 1: something was done, 0: nothing is left to do. */
static int disk_make_room(struct soak *s)
{
	struct gcs_soak_round r;
	for (size_t i = 0; i < DISK_ORDER; i++) {
		int e = gcs_soak_state_first(s->state, disk_order[i].where, &r);
		if (e < 0)
			return e;
		if (e == 0)
			continue;
		bool drop = disk_order[i].drop;
		e = drop ? disk_drop(s, &r) : soak_disk_thin(s, r.number, r.file);
		if (e && !drop && e != -ENOSPC && e != -EIO) { /* it cannot be thinned, but go */
			drop = true;
			e = disk_drop(s, &r);
		}
		if (e)
			return e;
		soak_tell(s, "disk: the record of round %" PRIu64 " (%s) is %s", r.number,
			  disk_order[i].what, drop ? "removed" : "thinned");
		return 1;
	}
	return 0;
}

static void disk_tell_full(struct soak *s)
{
	char limit[GCS_UNIT_TEXT];
	gcs_show_bytes(limit, s->plan.disk_bytes);
	if (!s->told_full)
		soak_tell(s, "disk: the last failing record alone is larger than %s; it stays",
			  limit);
	s->told_full = true;
}

int soak_disk_keep(struct soak *s)
{
	struct gcs_soak_progress p;
	int e = gcs_soak_state_progress(s->state, &p);
	while (e == 0 && p.record_bytes > s->plan.disk_bytes) {
		int done = disk_make_room(s);
		if (done < 0)
			return done;
		if (done == 0) {
			disk_tell_full(s);
			return 0;
		}
		e = gcs_soak_state_progress(s->state, &p);
	}
	return e;
}

/* ---- after a kill */

struct disk_list {
	struct soak *s;
	struct gcs_soak_round *round;
	size_t n, cap;
};

static int disk_collect(void *self, const struct gcs_soak_round *r)
{
	struct disk_list *l = self;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct gcs_soak_round *grown = reallocarray(l->round, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->round = grown;
		l->cap = cap;
	}
	l->round[l->n++] = *r;
	return 0;
}

/* A record that the state knows: gone, or of another size, or to be thinned. */
static int disk_settle(struct soak *s, const struct gcs_soak_round *r)
{
	char path[GCS_PATH_BYTES];
	soak_record_path(s, r->file, path);
	uint64_t bytes = soak_record_bytes(path);
	if (bytes == 0) {
		soak_tell(s, "the record of round %" PRIu64 " is gone", r->number);
		return gcs_soak_state_record(s->state, r->number, GCS_SOAK_GONE, 0);
	}
	if (r->exit != GCS_EXIT_PASS || r->record != GCS_SOAK_WHOLE)
		return 0;
	int e = soak_disk_thin(s, r->number, r->file);
	return e == -ENOSPC || e == -EIO ? e : 0; /* what cannot be thinned stays whole */
}

static int disk_settle_all(struct soak *s)
{
	struct disk_list l = {.s = s};
	int e = gcs_soak_state_each(s->state, "finished AND record IN (1, 2) ORDER BY number",
				    disk_collect, &l);
	for (size_t i = 0; i < l.n && e == 0; i++)
		e = disk_settle(s, &l.round[i]);
	free(l.round);
	return e;
}

static bool disk_known(struct soak *s, const char *name)
{
	char where[160], file[96];
	struct gcs_soak_round r;
	const char *end = strstr(name, ".gcrun");
	if (!end || strchr(name, '\''))
		return true; /* nothing of ours */
	snprintf(file, sizeof(file), "%.*s", (int)(end - name) + 6, name);
	snprintf(where, sizeof(where), "finished AND record IN (1, 2) AND file = '%s'", file);
	int found = gcs_soak_state_first(s->state, where, &r);
	/* Of a known record only what thinning left beside it goes. */
	return found < 0 || (found && strstr(end, GCS_THIN_SUFFIX) == NULL);
}

static void disk_sweep(struct soak *s)
{
	char path[GCS_PATH_BYTES];
	struct dirent *e;
	DIR *d = opendir(s->dir);
	while (d && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "round-", 6) != 0 || disk_known(s, e->d_name))
			continue;
		soak_record_path(s, e->d_name, path);
		unlink(path);
	}
	if (d)
		closedir(d);
}

int soak_disk_recover(struct soak *s)
{
	disk_sweep(s);
	return disk_settle_all(s);
}
