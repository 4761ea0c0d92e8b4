/* sweep_state.c: what is kept of a sweep, so that a kill loses no more than a moment of it. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/sweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_WHAT "gcstorm sweep"

static json_t *state_table(const struct gcs_sweep *s)
{
	json_t *list = json_array();
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		for (int p = 0; p < GCS_SWEEP_PHASES; p++)
			json_array_append_new(list, json_integer((json_int_t)s->table[c][p]));
	return list;
}

static json_t *state_failures(const struct gcs_sweep *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->nfailures; i++) {
		const struct gcs_sweep_failure *f = &s->failure[i];
		json_t *words = json_string(f->words);
		json_array_append_new(list, json_pack("[I,i,i,o]", (json_int_t)f->visit,
						      (int)f->what, (int)f->phase,
						      words ? words : json_string("?")));
	}
	return list;
}

static json_t *state_stacks(const struct gcs_sweep *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->stacks.n; i++)
		json_array_append_new(list, json_integer((json_int_t)s->stacks.first[i]));
	return list;
}

static int state_write(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static int state_replace(const char *path, const char *text)
{
	char *fresh;
	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int e = fd < 0 ? -errno : state_write(fd, text);
	if (fd >= 0 && close(fd) && e == 0)
		e = -errno;
	if (e == 0 && rename(fresh, path))
		e = -errno;
	if (e && fd >= 0)
		unlink(fresh);
	free(fresh);
	return e;
}

int gcs_sweep_save(const struct gcs_sweep *s, const char *path)
{
	json_t *o = json_pack("{s:s,s:i,s:I,s:I,s:I,s:b,s:o,s:o,s:o}", "what", STATE_WHAT, "version", 2,
			      "identity", (json_int_t)s->identity, "count", (json_int_t)s->count,
			      "position", (json_int_t)s->position, "closed", (int)s->closed, "table",
			      state_table(s), "stacks", state_stacks(s), "failures",
			      state_failures(s));
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	int e = text ? state_replace(path, text) : -ENOMEM;
	free(text);
	json_decref(o);
	return e;
}

static int state_read_failures(struct gcs_sweep *s, const json_t *list)
{
	json_t *row;
	size_t i;
	if (!json_is_array(list) || json_array_size(list) > GCS_SWEEP_FAILURES_MAX)
		return -EINVAL;
	json_array_foreach(list, i, row)
	{
		json_int_t visit;
		int what, phase;
		const char *words;
		if (json_unpack(row, "[I,i,i,s]", &visit, &what, &phase, &words) < 0 ||
		    what < 0 || what >= GCS_SWEEP_CLASSES || phase < 0 ||
		    phase >= GCS_SWEEP_PHASES)
			return -EINVAL;
		struct gcs_sweep_failure *f = &s->failure[s->nfailures++];
		*f = (struct gcs_sweep_failure){(uint64_t)visit, (enum gcs_sweep_class)what,
						(enum gcs_sweep_phase)phase, ""};
		snprintf(f->words, sizeof f->words, "%s", words);
	}
	return 0;
}

static int state_read_stacks(struct gcs_sweep *s, const json_t *list)
{
	uint64_t before = 0;
	if (!json_is_array(list) || json_array_size(list) > GCS_SWEEP_STACKS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t visit = json_integer_value(json_array_get(list, i));
		if (visit <= (json_int_t)before || (uint64_t)visit > s->count)
			return -EINVAL;
		s->stacks.first[s->stacks.n++] = before = (uint64_t)visit;
	}
	return 0;
}

static int state_read(struct gcs_sweep *s, json_t *o)
{
	json_int_t identity, count, position;
	json_t *table, *failures, *stacks;
	const char *what;
	int version, closed;
	if (json_unpack(o, "{s:s,s:i,s:I,s:I,s:I,s:b,s:o,s:o,s:o}", "what", &what, "version", &version,
			"identity", &identity, "count", &count, "position", &position, "closed",
			&closed, "table", &table, "stacks", &stacks, "failures", &failures) < 0)
		return -EINVAL;
	if (strcmp(what, STATE_WHAT) != 0 || version != 2 || count < 0 || position < 0 ||
	    position > count ||
	    json_array_size(table) != (size_t)GCS_SWEEP_CLASSES * GCS_SWEEP_PHASES)
		return -EINVAL;
	s->identity = (uint64_t)identity;
	s->count = (uint64_t)count;
	s->position = (uint64_t)position;
	s->closed = closed;
	for (size_t i = 0; i < json_array_size(table); i++)
		s->table[i / GCS_SWEEP_PHASES][i % GCS_SWEEP_PHASES] =
			(uint64_t)json_integer_value(json_array_get(table, i));
	int e = state_read_stacks(s, stacks);
	return e ? e : state_read_failures(s, failures);
}

int gcs_sweep_load(struct gcs_sweep *s, const char *path)
{
	struct gcs_sweep read = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	FILE *f = fdopen(fd, "r");
	json_t *o = f ? json_loadf(f, JSON_REJECT_DUPLICATES, NULL) : NULL;
	int e = o ? state_read(&read, o) : -EINVAL;
	json_decref(o);
	if (f)
		fclose(f);
	else
		close(fd);
	if (e == 0)
		*s = read;
	return e;
}
