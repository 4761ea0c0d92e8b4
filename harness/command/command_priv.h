/*
 * command_priv.h: what the commands get: the arguments, parsed and checked against the table.
 */
#pragma once

#include "harness/base/paths.h"
#include "harness/command/command.h"

#define GCS_SETS_MAX  60
#define GCS_WORDS_MAX 16
#define GCS_EXEC_WORDS_MAX 1000 /* of exec alone: the program's arguments are among them */

struct gcs_arguments {
	const struct gcs_command *command;
	const char *word[GCS_EXEC_WORDS_MAX];
	int nwords;
	int dashes; /* how many words stood before --; -1: there was none */
	const char *value[GCS_OPTIONS]; /* last one given; "" for an option that takes nothing;
					   NULL: not given */
	struct gcs_override set[GCS_SETS_MAX];
	size_t nsets;
	const char *format; /* "text" or "json" */
	const struct gcs_display *screen;
	char *line; /* the command line, as recorded */
};

/* "gcstorm: …" on stderr, with a hint (may be NULL). Returns exit code 2. */
int gcs_command_usage(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NULL: there is none. */
const struct gcs_command *gcs_command_find(const char *name);
/* Says that there is no such command, with the nearest. Returns exit code 2. */
int gcs_command_unknown(const char *name);

/* Where the scenario that word[0] names lies. 0, or the exit code, with everything said. */
int gcs_command_scenario_path(const struct gcs_arguments *a, char ret[GCS_PATH_BYTES]);
/* The scenario that word[0] and the options name, loaded. 0, or the exit code, with everything said.
 */
int gcs_command_scenario(const struct gcs_arguments *a, struct gcs_scenario **ret);
/* The screen, or plain lines, by the options and the terminal. */
const struct gcs_display *gcs_command_display(const struct gcs_arguments *a);
/* A directory of its own for what a command leaves behind, not made yet: where --output says, else among those of its kind. 0, or the exit
 * code, with everything said. */
int gcs_command_place(const struct gcs_arguments *a, const char *kind, const char *name, char ret[GCS_PATH_BYTES]);
/* On stderr: the faults that the target may never reach, and why. */
void gcs_command_doubts(const struct gcs_scenario *s);

int gcs_command_run(const struct gcs_arguments *a);
int gcs_command_exec(const struct gcs_arguments *a);
int gcs_command_soak(const struct gcs_arguments *a);
int gcs_command_sweep(const struct gcs_arguments *a);
int gcs_command_plan(const struct gcs_arguments *a);
int gcs_command_show(const struct gcs_arguments *a);
int gcs_command_diff(const struct gcs_arguments *a);
int gcs_command_import(const struct gcs_arguments *a);
int gcs_command_view(const struct gcs_arguments *a);
int gcs_command_view_plain(const struct gcs_arguments *a); /* with --plain: view_plain.c */
int gcs_command_ctl(const struct gcs_arguments *a);
int gcs_command_completion(const struct gcs_arguments *a);
int gcs_command_explore(const struct gcs_arguments *a);
/* A record as the commands name it. 0, or exit code 2 with all said. */
int gcs_command_record(const char *arg, char ret[4096]);
int gcs_command_shrink(const struct gcs_arguments *a);
int gcs_command_replay(const struct gcs_arguments *a);
int gcs_command_manual(const struct gcs_arguments *a);
int gcs_command_check(const struct gcs_arguments *a);
int gcs_command_report(const struct gcs_arguments *a);
int gcs_command_list(const struct gcs_arguments *a);
int gcs_command_version(const struct gcs_arguments *a);
int gcs_command_help(const struct gcs_arguments *a);
