/* command_incident.c: see command_incident.h. */
#include "harness/command/command_incident.h"

#include "harness/base/units.h"
#include "harness/command/command_priv.h"
#include "harness/exit.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define INCIDENT_HINT                                                                              \
	"what the clock showed when the logged program started, as 2024-05-03T03:10:00Z or 03:10, "  \
	"or at some @TIME of the log: 03:10:22@95.4s"

int command_incident_options(const struct gcs_arguments *a, struct command_incident *ret)
{
	const char *at = a->value[GCS_OPT_AT];
	*ret = (struct command_incident){.given = at != NULL};
	if (!at && a->value[GCS_OPT_TIMELINE])
		return gcs_command_usage(INCIDENT_HINT, "--timeline needs --at");
	int e = at ? gcs_parse_wall(at, &ret->wall) : 0;
	if (e == -ERANGE)
		return gcs_command_usage(INCIDENT_HINT, "--at %s: there is no such moment", at);
	if (e)
		return gcs_command_usage(INCIDENT_HINT, "--at %s", at);
	return 0;
}

/* "03:12:00 to 03:29:00", "from 03:12:00 on" */
static void incident_range(const struct command_incident *c, char *ret, size_t cap)
{
	char from[GCS_MOMENT_TEXT], to[GCS_MOMENT_TEXT];
	gcs_wall_show(from, &c->wall, c->joined.onset_ns);
	if (c->joined.end_ns == INT64_MAX)
		snprintf(ret, cap, "from %s on", from);
	else
		snprintf(ret, cap, "%s to %s", from, gcs_wall_show(to, &c->wall, c->joined.end_ns));
}

static int incident_outside(const struct command_incident *c, const char *path, int64_t first_ns,
			    int64_t last_ns)
{
	char range[2 * GCS_MOMENT_TEXT + 16], from[GCS_MOMENT_TEXT], to[GCS_MOMENT_TEXT];
	incident_range(c, range, sizeof range);
	gcs_wall_show(from, &c->wall, first_ns);
	gcs_wall_show(to, &c->wall, last_ns);
	return gcs_command_usage(
		"is --at the start of the program, and of this process? --at 03:10:22@95.4s tells it "
		"by a line of the log",
		"the incident of '%s' lies outside of the log: it was %s, and the log goes from %s "
		"(@%.3fs) to %s (@%.3fs)",
		path, range, from, (double)first_ns * 1e-9, to, (double)last_ns * 1e-9);
}

int command_incident_join(const struct gcs_arguments *a, const struct gcs_gctrace_log *log,
			  struct command_incident *c)
{
	const char *path = a->value[GCS_OPT_TIMELINE];
	struct gcs_gctrace_part part = gcs_gctrace_log_longest(log);
	struct gcs_scenario_error error;
	c->told = (struct gcs_import_incident){.wall = &c->wall};
	if (!path || part.n < 2)
		return 0;
	int64_t first_ns = log->entry[part.first].cycle.at_ns;
	int64_t last_ns = log->entry[part.first + part.n - 1].cycle.at_ns;
	int e = gcs_seen_load(&c->seen, &c->joined, path, &c->wall, first_ns, last_ns, &error);
	if (e) {
		fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
		gcs_scenario_error_fini(&error);
		return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
	}
	c->told.seen = c->seen;
	c->told.joined = &c->joined;
	if (gcs_joined_outside(&c->joined, first_ns, last_ns))
		return incident_outside(c, path, first_ns, last_ns);
	return 0;
}

static void incident_say_seen(const struct gcs_import_incident *told, const struct gcs_import *im)
{
	const struct gcs_seen *s = told->seen;
	char from[GCS_MOMENT_TEXT], to[GCS_MOMENT_TEXT];
	bool ends = told->joined->end_ns != INT64_MAX;
	fprintf(stderr, "  incident %s: from %s", s->incident,
		gcs_wall_show(from, told->wall, told->joined->onset_ns));
	if (ends)
		fprintf(stderr, " to %s", gcs_wall_show(to, told->wall, told->joined->end_ns));
	fprintf(stderr, " (@%.3fs to ", (double)told->joined->onset_ns * 1e-9);
	if (ends)
		fprintf(stderr, "@%.3fs)", (double)told->joined->end_ns * 1e-9);
	else
		fprintf(stderr, "the log's end)");
	fprintf(stderr, "; %u thing%s seen", s->nsaw, s->nsaw == 1 ? "" : "s");
	if (im->sights_out)
		fprintf(stderr, ", %u of them outside of what is taken: not compared",
			im->sights_out);
	fputc('\n', stderr);
	if (s->margin_ns >= 0)
		fprintf(stderr, "  of the log %u cycle%s left out, being farther than %s from the incident\n",
			im->cut, im->cut == 1 ? " is" : "s are",
			gcs_show_duration(from, s->margin_ns));
	if (told->joined->onset_ns < im->at_first_ns)
		fprintf(stderr, "  it began before what is taken of the log\n");
	if (ends && told->joined->end_ns > im->at_last_ns)
		fprintf(stderr, "  it ended after what is taken of the log\n");
}

void command_incident_say(const struct gcs_import_incident *told, const struct gcs_import *im)
{
	char from[GCS_MOMENT_TEXT], to[GCS_MOMENT_TEXT];
	if (!told)
		return;
	fprintf(stderr, "  clock: the cycles taken began from %s to %s\n",
		gcs_wall_show(from, told->wall, im->at_first_ns),
		gcs_wall_show(to, told->wall, im->at_last_ns));
	if (told->seen)
		incident_say_seen(told, im);
}

static json_t *incident_json_seen(const struct gcs_import_incident *told, const struct gcs_import *im)
{
	const struct gcs_joined *j = told->joined;
	const struct gcs_seen *s = told->seen;
	char onset[GCS_MOMENT_TEXT], end[GCS_MOMENT_TEXT];
	bool ends = j->end_ns != INT64_MAX;
	return json_pack("{ss ss? ss sI ss? so si si si}", "incident", s->incident, "source",
			 s->source, "onset", gcs_wall_show(onset, told->wall, j->onset_ns),
			 "onset_log_ns", (json_int_t)j->onset_ns, "end",
			 ends ? gcs_wall_show(end, told->wall, j->end_ns) : NULL, "end_log_ns",
			 ends ? json_integer(j->end_ns) : json_null(), "saw", (int)s->nsaw,
			 "outside", (int)im->sights_out, "cycles_cut", (int)im->cut);
}

json_t *command_incident_json(const struct gcs_import_incident *told, const struct gcs_import *im)
{
	char from[GCS_MOMENT_TEXT], to[GCS_MOMENT_TEXT];
	if (!told)
		return json_null();
	json_t *o = json_pack("{ss ss}", "log_from", gcs_wall_show(from, told->wall, im->at_first_ns),
			      "log_to", gcs_wall_show(to, told->wall, im->at_last_ns));
	json_t *seen = o && told->seen ? incident_json_seen(told, im) : NULL;
	if (seen)
		json_object_update(o, seen);
	json_decref(seen);
	return o;
}

void command_incident_fini(struct command_incident *c)
{
	gcs_seen_destroy(c->seen);
	c->seen = NULL;
}
