/* due.c: whose firing a pause belongs to; see view.h. */
#include "tui/view.h"

#include "harness/measure/ledger.h"

#include <inttypes.h>
#include <stdio.h>

const char *tui_due(const struct gcs_snapshot *s, const struct gcs_pause_row *p, char *ret, size_t cap)
{
	int fault = gcs_firing_fault(p->firing);
	ret[0] = '\0';
	if (fault < 0 || (uint32_t)fault >= s->scenario->nfaults)
		return ret;
	const char *id = s->fault[fault].id;
	uint64_t number = p->firing & 0xffffffffffff;
	if (p->occurrence)
		snprintf(ret, cap, "%s#%u firing %" PRIu64, id, p->occurrence, number);
	else
		snprintf(ret, cap, "%s firing %" PRIu64, id, number);
	return ret;
}
