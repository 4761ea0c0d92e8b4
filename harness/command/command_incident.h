/*
 * command_incident.h: --at and --timeline of gcstorm import: the incident that a log was taken for.
 */
#pragma once

#include "harness/import/import.h"

struct gcs_arguments;
struct json_t;

struct command_incident {
	struct gcs_wall wall;
	struct gcs_seen *seen; /* NULL: --at alone */
	struct gcs_joined joined;
	struct gcs_import_incident told; /* points to the above: not to be copied */
	bool given;			 /* --at was */
};

/* Before the log is read: the options alone. An exit code, its text printed; 0. ret is to be
 * given back in any case. */
int command_incident_options(const struct gcs_arguments *a, struct command_incident *ret);
/* The timeline, joined with the log's longest part (of two cycles at least, or nothing is done).
 * An exit code; 0. */
int command_incident_join(const struct gcs_arguments *a, const struct gcs_gctrace_log *log,
			  struct command_incident *c);
/* What was made of it, on standard error. told NULL: nothing. */
void command_incident_say(const struct gcs_import_incident *told, const struct gcs_import *im);
/* The same as an object; null where told is NULL. */
struct json_t *command_incident_json(const struct gcs_import_incident *told,
				     const struct gcs_import *im);
void command_incident_fini(struct command_incident *c);
