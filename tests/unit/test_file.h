/* test_file.h: a file whole, as text, for tests that compare with one. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536

/* malloc'd, TEXT_MAX bytes, 0-terminated. */
static inline char *slurp(const char *path)
{
	char *text = calloc(1, TEXT_MAX);
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(fread(text, 1, TEXT_MAX - 1, f) < TEXT_MAX - 1);
	fclose(f);
	return text;
}
