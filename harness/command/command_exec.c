/* command_exec.c: exec: a program that knows nothing of us, under the faults that reach it. */
#include "harness/command/command_priv.h"

#include "harness/base/paths.h"
#include "harness/run/run.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXEC_PATH "/usr/local/bin:/bin:/usr/bin" /* without $PATH, as execvp(3) */

static int exec_try(const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) ? -errno : 0;
}

/* As a shell finds it. 0; -ENOENT, -EACCES: a file of this name that cannot be run. */
static int exec_find(const char *word, char ret[GCS_PATH_BYTES])
{
	const char *dir = getenv("PATH");
	int found = -ENOENT;
	if (strchr(word, '/')) {
		snprintf(ret, GCS_PATH_BYTES, "%s", word);
		return exec_try(ret);
	}
	for (dir = dir ? dir : EXEC_PATH; *word; dir++) {
		int n = (int)strcspn(dir, ":");
		if (snprintf(ret, GCS_PATH_BYTES, "%.*s%s%s", n, dir, n ? "/" : "", word) <
		    GCS_PATH_BYTES) {
			int e = exec_try(ret);
			if (e == 0)
				return 0;
			found = e == -EACCES ? e : found;
		}
		dir += n;
		if (!*dir)
			break;
	}
	return found;
}

static int exec_program(const struct gcs_arguments *a, char ret[GCS_PATH_BYTES])
{
	if (a->dashes != 1 || a->nwords < 2)
		return gcs_command_usage("gcstorm exec SCENARIO -- PROGRAM [ARGUMENT]...",
					 "exec wants a scenario, then --, then the program");
	int e = exec_find(a->word[1], ret);
	if (e == -ENOENT)
		return gcs_command_usage("a path, or a name in $PATH", "there is no program '%s'",
					 a->word[1]);
	return e ? gcs_command_usage(NULL, "'%s' cannot be run: %s", a->word[1], strerror(-e)) : 0;
}

/* Whatever the scenario says of its target's runtime: it is this program now. */
static int exec_scenario(const struct gcs_arguments *a, struct gcs_scenario **ret)
{
	static char key[] = "target.runtime";
	struct gcs_arguments with = *a;
	if (with.nsets == GCS_SETS_MAX)
		return gcs_command_usage(NULL, "more than %d --set and --fault", GCS_SETS_MAX - 1);
	with.set[with.nsets++] = (struct gcs_override){key, "command"};
	return gcs_command_scenario(&with, ret);
}

int gcs_command_exec(const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES];
	const char *word[GCS_EXEC_WORDS_MAX];
	struct gcs_scenario *s;
	int code = a->value[GCS_OPT_TUI] && a->value[GCS_OPT_PLAIN]
			   ? gcs_command_usage(NULL, "--tui and --plain exclude each other")
			   : exec_program(a, path);
	if (code == 0)
		code = exec_scenario(a, &s);
	if (code)
		return code;
	for (int i = 1; i < a->nwords; i++)
		word[i - 1] = a->word[i];
	word[0] = path;
	s->command = word;
	s->ncommand = (uint32_t)a->nwords - 1;
	const struct gcs_run_options opt = {
		.scenario = s,
		.display = gcs_command_display(a),
		.record = a->value[GCS_OPT_OUTPUT],
		.format = a->format,
		.command_line = a->line ? a->line : "",
	};
	code = gcs_run(&opt, NULL);
	gcs_scenario_destroy(s);
	return code;
}
