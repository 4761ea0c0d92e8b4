/* command_show.c: show: one thing told: an incident, a fault point, a driver, a state, a metric. */
#include "harness/command/command_priv.h"

#include "harness/collect/collect.h"
#include "harness/base/paths.h"
#include "harness/command/show.h"
#include "harness/base/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "op.latency.p99@maps" is asked about as its metric, "fault.oom.fired" as fault.ID.fired. */
static const struct gcs_metric *show_metric_named(const char *name)
{
	char plain[128];
	const char *last = strrchr(name, '.');
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(name, "@"), name);
	if (strncmp(name, "fault.", 6) == 0 && last > name + 5)
		snprintf(plain, sizeof plain, "fault.ID%s", last);
	for (size_t i = 0; i < gcs_metrics_count; i++)
		if (strcmp(gcs_metrics[i].name, plain) == 0)
			return &gcs_metrics[i];
	return NULL;
}

static int show_incident(const char *path, const struct gcs_page *page)
{
	struct gcs_scenario_error error;
	int e = gcs_show_incident(path, page, stdout, &error);
	if (e == 0)
		return 0;
	fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
	gcs_scenario_error_fini(&error);
	return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
}

/* Every name there is. */
static size_t show_names(const struct gcs_incident *incident, size_t nincidents, const char ***ret)
{
	size_t npoints, ndrivers, nstates, n = 0;
	const struct gcs_point_info *point = gcs_points(&npoints);
	const struct gcs_driver_info *driver = gcs_drivers(&ndrivers);
	const struct gcs_state_info *state = gcs_states(&nstates);
	const char **name = calloc(nincidents + npoints + ndrivers + nstates + gcs_metrics_count + 1,
				   sizeof *name);
	for (size_t i = 0; name && i < nincidents; i++)
		name[n++] = incident[i].name;
	for (size_t i = 0; name && i < npoints; i++)
		name[n++] = point[i].name;
	for (size_t i = 0; name && i < ndrivers; i++)
		name[n++] = driver[i].name;
	for (size_t i = 0; name && i < nstates; i++)
		name[n++] = state[i].name;
	for (size_t i = 0; name && i < gcs_metrics_count; i++)
		name[n++] = gcs_metrics[i].name;
	*ret = name;
	return n;
}

static int show_unknown(const char *arg)
{
	struct gcs_incident *incident;
	const char **name;
	char hint[160];
	size_t nincidents = gcs_path_incidents(&incident),
	       n = show_names(incident, nincidents, &name);
	const char *near = n ? gcs_suggest(arg, name, n, sizeof *name) : NULL;
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	int code = gcs_command_usage(near ? hint
					  : "`gcstorm list incidents`, `list faults`, `list "
					    "workloads`, `list states` and `list metrics` "
					    "name what there is",
				     "there is nothing called '%s' to show", arg);
	free(name);
	gcs_path_incidents_free(incident, nincidents);
	return code;
}

/* One name can be both: heap.live is. */
static void show_figure(const struct gcs_state_info *state, const struct gcs_metric *metric,
			const struct gcs_page *page)
{
	if (state)
		gcs_show_state(state, page, stdout);
	if (state && metric)
		putchar('\n');
	if (metric)
		gcs_show_metric(metric, page, stdout);
}

int gcs_command_show(const struct gcs_arguments *a)
{
	const char *name = a->word[0];
	struct gcs_page page = gcs_page_of(STDOUT_FILENO);
	const struct gcs_point_info *point = gcs_point_by_name(name);
	const struct gcs_driver_info *driver = gcs_driver_by_name(name);
	const struct gcs_state_info *state = gcs_state_by_name(name);
	const struct gcs_metric *metric = show_metric_named(name);
	char path[GCS_PATH_BYTES];
	if (point)
		gcs_show_point(point, &page, stdout);
	else if (driver)
		gcs_show_driver(driver, &page, stdout);
	else if (state || metric)
		show_figure(state, metric, &page);
	else if (gcs_path_scenario(name, path) == 0 && access(path, F_OK) == 0)
		return show_incident(path, &page);
	else
		return show_unknown(name);
	return 0;
}
