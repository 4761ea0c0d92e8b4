/*
 * import_priv.h: what the steps of an import share. Sizes in MiB, times in seconds of the log.
 */
#pragma once

#include "harness/import/import.h"

#include <stdio.h>

struct import_cycle {
	const struct gcs_gctrace_entry *entry;
	double at;     /* begin; no two alike */
	double marked; /* L */
	double born;   /* E - S, allocated while marking */
	double live;   /* marked; of Go 1.5 without born */
	double rate;   /* allocated a second up to the next begin; the last: as before it */
	bool next;     /* the cycle after it is the next one of the process */
	int gogc;      /* in force at its end: it made the goal of the next; -1 off */
};

struct import_model {
	const struct gcs_gctrace_log *log;
	struct import_cycle *cycle;
	uint32_t n;
	bool start;	  /* the log has the program's start: nothing is live before */
	double lead;	  /* from the begin of the curve to the first cycle */
	double lead_rate; /* allocated a second meanwhile */
	double end;  /* from the begin of the last cycle to where the log ends */
	double tail; /* ... to the end of the curve */
	struct gcs_import *im;
	const struct gcs_import_options *opt;
};

/* import_gogc.c: cycle[].gogc, and what explains the goals in *im. 0; -ENOMEM. */
int gcs_import_gogc(struct import_model *m);
/* The room that goal and GOGC leave for the marked bytes of cycle i, narrowing [*lo, *hi]. */
void gcs_import_narrow(const struct import_model *m, uint32_t i, double *lo, double *hi);
/* MiB below which Go lets no goal fall. */
static inline double import_minimum(int gogc)
{
	return gogc < 0 ? 4 : 4.0 * gogc / 100;
}
/* import_incident.c: what the scenario says of the incident. All of it as written, from the start of the run: begin is that of the log's 0,
 * warmup and end those of the curve. */
struct import_span {
	double begin, warmup, end;
};
void import_incident_clock(FILE *f, const struct import_model *m, const struct import_span *span);
/* Where sections of the curve begin, with their names, in the order of time; at least one. Returns how many. */
struct import_section {
	const char *id;
	double from;
};
#define IMPORT_SECTIONS_MAX 3u
unsigned import_incident_sections(const struct import_model *m, const struct import_span *span, struct import_section ret[IMPORT_SECTIONS_MAX]);
void import_incident_reported(FILE *f, const struct import_model *m, const struct import_span *span);
/* import_text.c: seconds to the microsecond, "12.5s"; in double quotes, in one line. */
#define IMPORT_TEXT_NUMBER 48
const char *import_text_time(char ret[IMPORT_TEXT_NUMBER], double s);
void import_text_quoted(FILE *f, const char *s);
/* import_text.c: im->text. 0; -ENOMEM. */
int gcs_import_text(struct import_model *m);
