/*
 * command.h: the command line.  One table of commands and options (command_table.c) drives parsing,
 * help, and later the synopsis of the man page and completion.
 */
#pragma once

#include "harness/display.h"

#include <stdbool.h>
#include <stdint.h>

#define GCS_VERSION_UNKNOWN "0"

/* The whole program behind main: exit code. screen: shown with --tui or on a terminal; NULL: there
 * is none. */
int gcs_command_main(int argc, char **argv, const struct gcs_display *screen);

/* ---- the table */

enum gcs_option_id {
	GCS_OPT_HELP,
	GCS_OPT_SIM,
	GCS_OPT_SEED,
	GCS_OPT_SET,
	GCS_OPT_TUI,
	GCS_OPT_PLAIN,
	GCS_OPT_FORMAT,
	GCS_OPT_OUTPUT,
	GCS_OPT_TIME_SCALE,
	GCS_OPT_HEAP_SCALE,
	GCS_OPT_VARIANT,
	GCS_OPT_VARIANTS,
	GCS_OPT_FOR,
	GCS_OPT_ROUNDS,
	GCS_OPT_DISK,
	GCS_OPT_UNTIL_FAILURE,
	GCS_OPT_RESUME,
	GCS_OPT_SEEDS,
	GCS_OPT_JOBS,
	GCS_OPT_FAULT,
	GCS_OPT_POINT,
	GCS_OPT_MODE,
	GCS_OPT_LIMIT,
	GCS_OPT_VISIT,
	GCS_OPT_REAL,
	GCS_OPT_HEAP_PROFILE,
	GCS_OPT_TARGET,
	GCS_OPT_TARGETS,
	GCS_OPT_SIGNALS,
	GCS_OPT_BAND,
	GCS_OPT_AT,
	GCS_OPT_TIMELINE,
	GCS_OPT_ASCII,
	GCS_OPT_BRAILLE,
	GCS_OPT_NO_MOUSE,
	GCS_OPTIONS
};

#define GCS_OPTION_BIT(id) (UINT64_C(1) << (id))

struct gcs_option {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	const char *arg;  /* what it takes, as in help; NULL: nothing */
	bool many;	  /* may be given again */
	const char *about;
};
extern const struct gcs_option gcs_options[GCS_OPTIONS];

struct gcs_arguments;
struct gcs_command {
	const char *name;
	const char *args;   /* as in help: "SCENARIO" */
	int min, max;	    /* number of them */
	uint64_t options;   /* bits GCS_OPTION_BIT(GCS_OPT_...) */
	const char *about;  /* one line */
	const char *detail; /* paragraphs of its own help */
	int (*run)(const struct gcs_arguments *a);
};
extern const struct gcs_command gcs_commands[];
extern const size_t gcs_commands_count;
