/* command_replay.c: the commands that make a recorded run again: replay, shrink. */
#include "harness/base/paths.h"
#include "harness/command/command_priv.h"
#include "harness/explore/replay.h"
#include "harness/explore/shrink.h"

#include <errno.h>

int gcs_command_record(const char *arg, char ret[4096])
{
	int e = gcs_path_record(arg, ret);
	if (e == -ENOTUNIQ)
		return gcs_command_usage("`gcstorm list runs` names them", "several runs are called '%s'", arg);
	if (e)
		return gcs_command_usage("`gcstorm list runs` names them; `last` is the newest", "there is no run '%s'", arg);
	return 0;
}

int gcs_command_replay(const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES];
	int code = gcs_command_record(a->word[0], path);
	const struct gcs_replay_options opt = {
		.record = path, .output = a->value[GCS_OPT_OUTPUT], .format = a->format, .out = stdout, .err = stderr};
	return code ? code : (int)gcs_replay(&opt);
}

int gcs_command_shrink(const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES];
	int code = gcs_command_record(a->word[0], path);
	const struct gcs_shrink_options opt = {.record = path, .output = a->value[GCS_OPT_OUTPUT], .out = stdout, .err = stderr};
	return code ? code : (int)gcs_shrink(&opt);
}
