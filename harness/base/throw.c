/* throw.c: what a target died of, by its own words. */
#include "harness/base/throw.h"

#include <string.h>

bool gcs_is_throw(const char *line)
{
	static const char *const throws[] = {
#define THROW(ident, text) text,
#include "runtime/mem/throw.def"
#undef THROW
	};
	for (size_t i = 0; i < sizeof(throws) / sizeof(throws[0]); i++)
		if (strcmp(line, throws[i]) == 0)
			return true;
	return false;
}

static bool fatal_begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

const char *gcs_fatal_line(const char *const line[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] && (fatal_begins(line[i], "fatal error: ") || fatal_begins(line[i], "panic: ") ||
				gcs_is_throw(line[i])))
			return line[i];
	return NULL;
}
