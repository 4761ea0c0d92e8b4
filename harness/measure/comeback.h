/*
 * comeback.h: from a program's death to steady state, whatever was armed meanwhile.
 *
 * Steady is as in recovery.h: so many consecutive intervals in which a signal was measured and none lay beyond its limit; those count that lie behind the
 * restart as a whole. The time runs from the death (the first of several that no steady state lies between) to the end of the last bad interval; without
 * a bad one, to the restart. So it is measured to one interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gcs_comeback {
	bool away;	 /* it died, and has not come back */
	int64_t died_ns; /* from t0 */
	int64_t up_ns;	 /* when it ran again; -1: not yet */
	int64_t bad_ns;	 /* end of the last bad interval, at first up_ns */
	uint32_t good;	 /* intervals in a row */
	int64_t last_ns; /* the time of the last comeback, above 0 */
};

void gcs_comeback_died(struct gcs_comeback *c, int64_t now_ns);
void gcs_comeback_restarted(struct gcs_comeback *c, int64_t now_ns);
/* An interval has closed. True: it is back with this one, last_ns says after how long. windows: good ones that mean steady. */
bool gcs_comeback_interval(struct gcs_comeback *c, int64_t start_ns, int64_t end_ns, bool good,
			   uint32_t windows);
