/*
 * comeback.h: from a program's death to steady state, whatever was armed meanwhile.
 *
 * Steady is as in recovery.h: so many consecutive intervals in which a signal was measured and none lay beyond its limit. The time runs from the
 * death, the first of several that no steady state lies between, to the beginning of the first of these intervals; so it is measured to one interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gcs_comeback {
	bool away;	  /* it died, and has not come back */
	int64_t died_ns;  /* from t0 */
	int64_t up_ns;	  /* when it ran again; -1 */
	int64_t since_ns; /* start of the good intervals in a row */
	uint32_t good;	  /* their number */
	int64_t last_ns;  /* the time of the last comeback */
};

void gcs_comeback_died(struct gcs_comeback *c, int64_t now_ns);
void gcs_comeback_restarted(struct gcs_comeback *c, int64_t now_ns);
/* An interval has closed. True: it is back with this one, last_ns says after how long. windows: good ones that mean steady. */
bool gcs_comeback_interval(struct gcs_comeback *c, int64_t start_ns, int64_t end_ns, bool good,
			   uint32_t windows);
