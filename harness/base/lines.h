/*
 * lines.h: bytes from a descriptor, cut into lines.
 */
#pragma once

#include <stddef.h>

#define GCS_LINE_BYTES_MAX (1u << 20) /* a longer line is cut there */

struct gcs_lines {
	char *buf;
	size_t used, cap;
};

/* Take what is there without waiting; each whole line (its newline dropped) goes to `line`. At the
 * end of the stream what is left is a line too. 0: more may come; -EPIPE: the end; -ENOMEM. */
int gcs_lines_read(struct gcs_lines *l, int fd, void (*line)(void *self, char *text), void *self);
void gcs_lines_fini(struct gcs_lines *l);
