/* tee.c: see tee.h. */
#include "harness/guard/tee.h"

#include <errno.h>
#include <unistd.h>

#define TEE_READ_BYTES 65536
#define TEE_READS_MAX  16 /* of one call: a flood must not hold the timeline */

static void tee_store(struct guard_tee *t, const char *bytes, size_t n)
{
	while (n && t->file >= 0) {
		ssize_t got = write(t->file, bytes, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			t->failed = t->failed ? t->failed : got < 0 ? errno : ENOSPC;
			return;
		}
		bytes += got;
		n -= (size_t)got;
	}
}

/* The line is whole, or cut: whoever reads lines gets it. */
static void tee_line(struct guard_tee *t)
{
	t->text[t->used] = '\0';
	t->line(t->self, t->text);
	t->text[t->used] = '\n';
	/* A pipe takes up to PIPE_BUF whole or not at all. */
	if (t->to >= 0 && write(t->to, t->text, t->used + 1) < 0)
		t->dropped++;
	t->used = 0;
}

static void tee_cut(struct guard_tee *t, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\n')
			t->text[t->used++] = bytes[i] ? bytes[i] : ' ';
		if (bytes[i] == '\n' || t->used == TEE_LINE_BYTES - 1)
			tee_line(t);
	}
}

bool guard_tee_read(struct guard_tee *t)
{
	char bytes[TEE_READ_BYTES];
	for (int i = 0; i < TEE_READS_MAX; i++) {
		ssize_t n = read(t->from, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return true;
		if (n == 0) {
			if (t->used)
				tee_line(t);
			return false;
		}
		tee_store(t, bytes, (size_t)n);
		tee_cut(t, bytes, (size_t)n);
	}
	return true;
}

void guard_tee_fini(struct guard_tee *t)
{
	if (t->from >= 0)
		close(t->from);
	if (t->file >= 0)
		close(t->file);
}
