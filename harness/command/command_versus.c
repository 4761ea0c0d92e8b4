/* command_versus.c: see command_versus.h. */
#include "harness/command/command_versus.h"

#include "harness/collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "--" before everything only says that no option follows. */
static bool versus_divided(const struct gcs_arguments *a)
{
	return a->dashes > 0;
}

bool gcs_command_versus_two(const struct gcs_arguments *a)
{
	return versus_divided(a) || a->nwords > 1;
}

static int versus_full(void)
{
	return gcs_command_usage(NULL, "more than %u records on one side", GCS_VERSUS_RUNS_MAX);
}

/* Every record in it, the oldest first. */
static int versus_directory(const char *dir, struct gcs_versus_paths *to)
{
	char **path = NULL;
	size_t n = 0, taken = 0;
	int e = gcs_record_paths(dir, &path, &n);
	if (e)
		return gcs_command_usage(NULL, "%s: %s", dir, strerror(-e));
	for (; taken < n && to->n < GCS_VERSUS_RUNS_MAX; taken++)
		to->path[to->n++] = path[n - 1 - taken];
	for (size_t i = 0; i < n - taken; i++)
		free(path[i]);
	free(path);
	if (n == 0)
		return gcs_command_usage("records are files called NAME.gcrun", "no record lies in %s", dir);
	return taken < n ? versus_full() : 0;
}

static int versus_word(const char *word, struct gcs_versus_paths *to)
{
	char path[GCS_PATH_BYTES];
	struct stat st;
	if (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
		return versus_directory(word, to);
	int code = gcs_command_record(word, path);
	if (code)
		return code;
	if (to->n == GCS_VERSUS_RUNS_MAX)
		return versus_full();
	to->path[to->n] = strdup(path);
	if (!to->path[to->n])
		return GCS_EXIT_UNSUPPORTED;
	to->n++;
	return 0;
}

int gcs_command_versus_sides(const struct gcs_arguments *a, struct gcs_versus_paths ret[GCS_VERSUS_SIDES])
{
	static const char hint[] = "gcstorm view A B, or gcstorm view A1 A2 A3 -- B1 B2 B3, or directories of records";
	int b = versus_divided(a) ? a->dashes : 1, code = 0;
	if (!versus_divided(a) && a->nwords > 2)
		return gcs_command_usage(hint, "which of %d records are A, and which B?", a->nwords);
	if (b >= a->nwords)
		return gcs_command_usage(hint, "nothing stands behind the --");
	for (int i = 0; i < a->nwords && code == 0; i++)
		code = versus_word(a->word[i], &ret[i < b ? GCS_VERSUS_A : GCS_VERSUS_B]);
	return code;
}

int gcs_command_versus_code(int e)
{
	if (e == -EINVAL || e == -EAGAIN || e == -ENOENT || e == -EISDIR)
		return GCS_EXIT_USAGE;
	return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_HARNESS;
}

int gcs_command_versus_print(const struct gcs_arguments *a, const struct gcs_versus *v)
{
	if (strcmp(a->format, "json") != 0)
		gcs_versus_text(v, stdout);
	else if (gcs_versus_json(v, stdout))
		return GCS_EXIT_HARNESS;
	return gcs_versus_exit(v);
}
