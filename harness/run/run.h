/*
 * run.h: one run from start to verdict.
 */
#pragma once

#include "harness/collect/collect.h"
#include "harness/display.h"

/* Behind the record's name: the execution trace of a fault that has `trace`. */
#define GCS_TRACE_SUFFIX ".trace"

struct gcs_run_options {
	const struct gcs_scenario *scenario;
	bool sim;
	const struct gcs_display *display; /* falls back to plain lines when it cannot open */
	const char *record;		   /* NULL: a new file among the runs */
	const char *heap_profile; /* a new file for the heap profile, of which the scenario has a rate; NULL: it is not kept */
	const char *format;		   /* of the summary: "text" or "json" */
	const char *command_line;
	bool quiet; /* no summary on stdout: the caller reads the record (soak, variants) */
};
/* What is left of a run, for callers that make many. */
struct gcs_run_result {
	enum gcs_exit exit;
	char run_id[24];
	char record[4096];  /* "": none was made */
	char sentence[200]; /* the verdict's; of a run that never began, the trouble */
	int64_t duration_ns;
	uint64_t target_rss_max;
	bool operator_modified;
	bool threw; /* exit is 4, for the target died as `oom: throw` asks, and nothing else went wrong */
};
/* Runs to the end, prints summary and place of the record on stdout, troubles on stderr. The exit
 * code. ret may be NULL. May be called again and again in one process. */
enum gcs_exit gcs_run(const struct gcs_run_options *opt, struct gcs_run_result *ret);
