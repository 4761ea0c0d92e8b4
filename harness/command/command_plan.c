/* command_plan.c: plan: the timeline of a scenario before it runs. */
#include "harness/command/command_priv.h"

#include "harness/collect/collect.h"
#include "harness/scenario/timeline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int gcs_command_plan(const struct gcs_arguments *a)
{
	struct gcs_scenario *s;
	int code = gcs_command_scenario(a, &s);
	if (code)
		return code;
	if (strcmp(a->format, "json") == 0) {
		char *text = gcs_timeline_json(s);
		if (text)
			puts(text);
		else
			code = GCS_EXIT_UNSUPPORTED;
		free(text);
	} else {
		struct gcs_page page = gcs_page_of(STDOUT_FILENO);
		gcs_timeline_text(s, &page, stdout);
	}
	gcs_command_doubts(s);
	gcs_scenario_destroy(s);
	return code;
}
