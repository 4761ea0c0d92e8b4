/* due.c: whose firing a pause belongs to; see view.h. */
#include "tui/view.h"

#include "harness/measure/ledger.h"

#include <stdio.h>

const char *tui_due(const struct gcs_snapshot *s, const struct gcs_pause_row *p, char *ret, size_t cap)
{
	int fault = gcs_firing_fault(p->firing);
	ret[0] = '\0';
	if (fault < 0 || (uint32_t)fault >= s->scenario->nfaults)
		return ret;
	const char *id = s->fault[fault].id;
	uint32_t visit = gcs_firing_visit(p->firing), worker = gcs_firing_worker(p->firing);
	if (p->occurrence)
		snprintf(ret, cap, "%s#%u visit %u of w%u", id, p->occurrence, visit, worker);
	else
		snprintf(ret, cap, "%s visit %u of w%u", id, visit, worker);
	return ret;
}
