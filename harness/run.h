/*
 * run.h: one run from start to verdict.
 */
#pragma once

#include "harness/collect.h"
#include "harness/display.h"

struct gcs_run_options {
	const struct gcs_scenario *scenario;
	bool sim;
	const struct gcs_display *display; /* falls back to plain lines when it cannot open */
	const char *record;		   /* NULL: a new file among the runs */
	const char *format;		   /* of the summary: "text" or "json" */
	const char *command_line;
};
/* Runs to the end, prints summary and place of the record on stdout, troubles on stderr. The exit
 * code. */
enum gcs_exit gcs_run(const struct gcs_run_options *opt);
