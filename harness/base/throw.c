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

/* Of death.def. */
static enum gcs_death death_listed(const char *line)
{
	static const struct {
		enum gcs_death death;
		const char *begins;
	} list[] = {
#define DEATH(class, text) {GCS_DEATH_##class, text},
#include "harness/base/death.def"
#undef DEATH
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (fatal_begins(line, list[i].begins))
			return list[i].death;
	return GCS_DEATH_OTHER;
}

enum gcs_death gcs_death_of(const char *line)
{
	enum gcs_death listed = line ? death_listed(line) : GCS_DEATH_OTHER;
	if (!line || listed != GCS_DEATH_OTHER)
		return listed;
	if (gcs_is_throw(line))
		return strcmp(line, "fatal error: newosproc") == 0 ? GCS_DEATH_THREAD : GCS_DEATH_MEMORY;
	return fatal_begins(line, "fatal error: ") ? GCS_DEATH_FATAL
	       : fatal_begins(line, "panic: ")	   ? GCS_DEATH_PANIC
						   : GCS_DEATH_OTHER;
}

const char *gcs_death_words(enum gcs_death death)
{
	static const char *const words[] = {
		[GCS_DEATH_MEMORY] = "memory was refused",
		[GCS_DEATH_THREAD] = "a thread was refused",
		[GCS_DEATH_STACK] = "a stack outgrew its limit",
		[GCS_DEATH_FATAL] = "a fatal error of the runtime",
		[GCS_DEATH_PANIC] = "a panic",
		[GCS_DEATH_OTHER] = NULL,
	};
	return words[death];
}

/* What stands before a fatal error and says more is not the line itself. */
static bool fatal_is(const char *line)
{
	return fatal_begins(line, "fatal error: ") || fatal_begins(line, "panic: ") ||
	       fatal_begins(line, "runtime/cgo: pthread_create failed: ") || gcs_is_throw(line);
}

const char *gcs_fatal_line(const char *const line[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] && fatal_is(line[i]))
			return line[i];
	return NULL;
}
