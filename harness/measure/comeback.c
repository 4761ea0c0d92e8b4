/* comeback.c: see comeback.h. */
#include "harness/measure/comeback.h"

void gcs_comeback_died(struct gcs_comeback *c, int64_t now_ns)
{
	if (!c->away)
		c->died_ns = now_ns;
	c->away = true;
	c->up_ns = c->bad_ns = -1;
	c->good = 0;
}

void gcs_comeback_restarted(struct gcs_comeback *c, int64_t now_ns)
{
	c->up_ns = c->bad_ns = now_ns;
}

bool gcs_comeback_interval(struct gcs_comeback *c, int64_t start_ns, int64_t end_ns, bool good,
			   uint32_t windows)
{
	if (!c->away || c->up_ns < 0 || start_ns < c->up_ns)
		return false; /* it tells of a time before, too */
	if (!good) {
		c->good = 0;
		c->bad_ns = end_ns;
		return false;
	}
	if (++c->good < windows)
		return false;
	c->away = false;
	c->last_ns = c->bad_ns - c->died_ns;
	return true;
}
