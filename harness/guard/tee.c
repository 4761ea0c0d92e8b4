/* tee.c: see tee.h. */
#include "harness/guard/tee.h"

#include "harness/guard/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static void tee_keep(struct guard_tee *t)
{
	char **slot = &t->word[t->nwords++ % TEE_LAST_WORDS];
	free(*slot);
	*slot = strndup(t->text, t->used);
}

/* The line is whole, or cut: whoever reads lines gets it. */
static void tee_line(struct guard_tee *t)
{
	t->text[t->used] = '\0';
	t->line(t->self, t->text);
	if (t->used && !guard_trace_is(t->text))
		tee_keep(t);
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

size_t guard_tee_words(const struct guard_tee *t, const char *ret[TEE_LAST_WORDS])
{
	size_t n = t->nwords < TEE_LAST_WORDS ? t->nwords : TEE_LAST_WORDS;
	for (size_t i = 0; i < n; i++)
		ret[i] = t->word[(t->nwords - n + i) % TEE_LAST_WORDS];
	return n;
}

void guard_tee_forget(struct guard_tee *t)
{
	t->nwords = 0;
}

void guard_tee_fini(struct guard_tee *t)
{
	for (size_t i = 0; i < TEE_LAST_WORDS; i++)
		free(t->word[i]);
	if (t->from >= 0)
		close(t->from);
	if (t->file >= 0)
		close(t->file);
}
