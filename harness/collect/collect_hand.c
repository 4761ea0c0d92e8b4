/* collect_hand.c: acts by hand, as the record, the events and the snapshot know them. */
#include "harness/collect/collect_priv.h"

#include "harness/base/units.h"

#include <string.h>

void gcs_collect_operator(struct gcs_collect *c, const char *source, const char *act, int fault,
			  const char *text)
{
	collect_clock(c);
	bool named = fault >= 0 && (uint32_t)fault < c->scenario->nfaults;
	gcs_record_put(c->record, GCS_ROW_OPERATOR, gcs_int(c->now_ns), gcs_text(source),
		       gcs_text(act), gcs_int(fault), gcs_text(text));
	collect_say(c, c->now_ns, 1, "operator (%s): %s%s%s%s%s", source, act, named ? " " : "",
		    named ? c->scenario->fault[fault].id : "", text && *text ? ": " : "",
		    text ? text : "");
	if (strcmp(act, "mark") != 0 && strcmp(act, "refused") != 0 && strcmp(act, "quit") != 0)
		c->snap.operator_modified = true;
}

void gcs_collect_edit(struct gcs_collect *c, const char *source, uint32_t fault,
		      const struct gcs_fault *now, const char *text)
{
	char said[sizeof c->what[0] + 512];
	collect_view_what(now, c->what[fault]);
	c->snap.fault[fault].times = now->times;
	snprintf(said, sizeof said, "%.480s" GCS_COLLECT_NOW "%s", text, c->what[fault]);
	gcs_collect_operator(c, source, "edit", (int)fault, said);
}

void gcs_collect_rate(struct gcs_collect *c, const char *source, uint32_t workload, uint64_t rate)
{
	char said[96], count[GCS_UNIT_TEXT];
	c->snap.work[workload].rate_wanted = (double)rate;
	snprintf(said, sizeof said, "%s %s/s", c->scenario->workload[workload].id,
		 gcs_show_count(count, rate));
	gcs_collect_operator(c, source, "rate", -1, said);
}

void gcs_collect_limit(struct gcs_collect *c, uint32_t fault, int64_t at_ns)
{
	c->limit_ns[fault] = at_ns;
}

void gcs_collect_time_up(struct gcs_collect *c, uint32_t fault, int64_t for_ns)
{
	char time[GCS_UNIT_TEXT];
	collect_clock(c);
	c->limit_ns[fault] = -1;
	collect_say(c, c->now_ns, 1, "time limit: %s is disarmed after %s by hand",
		    c->scenario->fault[fault].id, gcs_show_duration(time, for_ns));
}
