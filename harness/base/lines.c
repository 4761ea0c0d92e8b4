/* lines.c: see lines.h. */
#include "harness/base/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_READ_BYTES 65536u
#define LINES_READS_MAX	 16 /* of one call: a flood must not hold the caller */

static int lines_room(struct gcs_lines *l)
{
	if (l->cap - l->used > LINES_READ_BYTES)
		return 0;
	size_t cap = l->cap ? 2 * l->cap : 2 * LINES_READ_BYTES;
	char *buf = realloc(l->buf, cap);
	if (!buf)
		return -ENOMEM;
	l->buf = buf;
	l->cap = cap;
	return 0;
}

static void lines_cut(struct gcs_lines *l, bool all, void (*line)(void *self, char *text),
		      void *self)
{
	size_t from = 0;
	for (char *nl; (nl = memchr(l->buf + from, '\n', l->used - from)) != NULL;
	     from = (size_t)(nl - l->buf) + 1) {
		*nl = '\0';
		line(self, l->buf + from);
	}
	if (l->used > from && (all || l->used - from >= GCS_LINE_BYTES_MAX)) {
		l->buf[l->used] = '\0'; /* lines_room left a place */
		line(self, l->buf + from);
		from = l->used;
	}
	memmove(l->buf, l->buf + from, l->used - from);
	l->used -= from;
}

int gcs_lines_read(struct gcs_lines *l, int fd, void (*line)(void *self, char *text), void *self)
{
	for (int reads = 0; reads < LINES_READS_MAX; reads++) {
		if (lines_room(l))
			return -ENOMEM;
		ssize_t n = read(fd, l->buf + l->used, LINES_READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n > 0)
			l->used += (size_t)n;
		lines_cut(l, n <= 0, line, self);
		if (n <= 0)
			return -EPIPE;
	}
	return 0;
}

void gcs_lines_fini(struct gcs_lines *l)
{
	free(l->buf);
	*l = (struct gcs_lines){0};
}
