/*
 * hand.h: orders by hand, as the target carries them out: those that the harness passes on, and
 * those of fiu-ctrl, of which the harness is told, since they mark the run. Numbers of faults and
 * rates of workloads, which only the harness changes, are checked before they come here.
 *
 * Called from the control thread.
 */
#pragma once

#include "workloads/workload.h"

#include <jansson.h>

struct hand {
	struct work_env *env;
	int fd; /* the control socket */
	uint32_t acts[WATCH_FAULTS_MAX]; /* occurrences by hand, by fault */
};

/* arm, disarm, fire, edit, rate: a line of the harness. What there is not is passed over; an edit or
 * a rate that cannot be is told to the harness. */
void hand_order(struct hand *h, const char *cmd, json_t *object);
/* A line of fiu-ctrl; not_now: why nothing can be done at present, NULL: it can. NULL: done, and the
 * harness has been told; else why not. */
const char *hand_fiu(struct hand *h, const char *line, const char *not_now);
/* Tell the harness of a line that was refused. */
void hand_fiu_refused(struct hand *h, const char *line, const char *why);
