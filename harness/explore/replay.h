/*
 * replay.h: the run of a record once more, and the two compared.
 *
 * On real threads: no trigger holds, the recorded (fault, worker, ordinal) fire and nothing else; told is which of them were never reached.
 * Nothing more is promised: when they fire, and what else happens, is another run's.  What the record does not list (beyond the log's
 * bound, or thinned) cannot be fired, and is counted.
 *
 * In simulation, same: the hash of the events and each logged firing. That holds for a run that ended itself early (an SLO with abort, a crash) as for any
 * other. When one of the two ended early and the other did not, or somebody ended it by hand, what is compared is what lies before the end of
 * the last whole interval that both have.
 */
#pragma once

#include "harness/exit.h"

#include <stdio.h>

struct gcs_replay_options {
	const char *record;
	const char *output; /* the new record; NULL: it is not kept */
	const char *format;
	FILE *out, *err;
};
/* Simulated: 0: the same; 99: another, by the same programs; 5: another, by other programs. Real threads: 0: all that fired then has
 * fired; 5: not all; 99: something else fired. 2: no record; 3: it cannot be repeated; else what ended the new run before it began, or by
 * a signal. */
enum gcs_exit gcs_replay(const struct gcs_replay_options *opt);
