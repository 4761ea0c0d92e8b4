/*
 * replay.h: the run of a record once more, in simulation, and the two compared.
 *
 * Same: the hash of the events and each logged firing. Of a run that ended early (an SLO with abort) what is compared is what lies before the
 * end of its last whole interval: when the target learns that it must end hangs on the harness.
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
/* 0: the same; 99: another, by the same programs; 5: another, by other programs; 2: no record; 3: it cannot be repeated; else what ended the
 * new run. */
enum gcs_exit gcs_replay(const struct gcs_replay_options *opt);
