/* command_list.c: the commands that tell what there is: list, report, version. */
#include "harness/command/command_priv.h"
#include "harness/collect/collect.h"
#include "harness/scenario/driver.h"
#include "harness/measure/metric.h"
#include "harness/base/page.h"
#include "harness/base/paths.h"
#include "harness/scenario/scenario_schema.h"
#include "harness/soak/soak.h"
#include "harness/base/suggest.h"

#include "faults/condition.h"
#include "faults/points.h"
#include "faults/reach.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION GCS_VERSION_UNKNOWN
#endif

#define LIST_ABOUT_MIN 8u /* columns left, or it is not worth wrapping */

/* Rows of text, printed as a table or as a JSON list of objects. */
struct list_out {
	bool json;
	json_t *rows;
	int width;
	uint32_t cols; /* of the terminal, to wrap at; 0: none, and a row is a line */
};

static void list_row(struct list_out *o, const char *name, const char *key, const char *extra,
		     const char *about)
{
	if (o->json) {
		json_t *row = json_pack("{s:s,s:s}", "name", name, "about", about);
		if (row && extra)
			json_object_set_new(row, key, json_string(extra));
		json_array_append_new(o->rows, row);
		return;
	}
	int at = extra ? printf("%-*s %-8s ", o->width, name, extra) : printf("%-*s ", o->width, name);
	if (o->cols > (uint32_t)at + LIST_ABOUT_MIN)
		gcs_page_wrap(stdout, about, (uint32_t)at, (uint32_t)o->width + (extra ? 10 : 1), o->cols);
	else
		puts(about);
}

/* A line between rows. */
static void list_line(const struct list_out *o, const char *text)
{
	putchar('\n');
	if (o->cols)
		gcs_page_wrap(stdout, text, 0, 0, o->cols);
	else
		puts(text);
}

static void list_actions(char *ret, size_t cap, uint32_t actions)
{
	*ret = '\0';
	for (uint32_t bit = 1; bit && bit <= actions; bit <<= 1)
		if (actions & bit)
			snprintf(ret + strlen(ret), cap - strlen(ret), "%s%s", *ret ? "," : "",
				 gcs_action_name((enum gcs_action)bit));
}

/* What of the catalogue a Go program reaches, outside os/. */
static void list_go_faults(struct list_out *o)
{
	size_t n;
	const struct gcs_point_info *p = gcs_points(&n);
	o->width = 25;
	for (size_t i = 0; i < n; i++) {
		uint32_t reach = gcs_point_reach(&p[i], GCS_RUNTIME_GO);
		char actions[64];
		if (!reach || !gcs_point_in_target(&p[i]))
			continue;
		list_actions(actions, sizeof actions, reach);
		list_row(o, p[i].name, "actions", actions, gcs_point_reach_words(&p[i], GCS_RUNTIME_GO));
	}
}

static void list_faults(struct list_out *o)
{
	size_t n;
	const struct gcs_point_info *p = gcs_points(&n);
	bool apart = false;
	o->width = 25;
	for (size_t i = 0; i < n; i++) {
		char actions[64];
		if (gcs_point_sabotages(&p[i]) && !apart && !o->json)
			list_line(o, "Saboteurs break the runtime on purpose, to prove that its checks find it. They fire "
				     "only in a scenario that names them:");
		apart = apart || gcs_point_sabotages(&p[i]);
		list_actions(actions, sizeof actions, p[i].actions);
		list_row(o, p[i].name, "actions", actions, p[i].sentence);
	}
}

static void list_workloads(struct list_out *o)
{
	size_t n;
	const struct gcs_driver_info *d = gcs_drivers(&n);
	o->width = 14;
	for (size_t i = 0; i < n; i++)
		list_row(o, d[i].name, NULL, NULL, d[i].sentence);
}

/* The scenario's `about`; a broken one says so. */
static void list_incidents(struct list_out *o)
{
	struct gcs_incident *list;
	size_t n = gcs_path_incidents(&list);
	o->width = 28;
	for (size_t i = 0; i < n; i++) {
		struct gcs_scenario *s = NULL;
		struct gcs_scenario_error error = {NULL};
		int e = gcs_scenario_load(&s, list[i].path, NULL, 0, &error);
		list_row(o, list[i].name, "path", o->json ? list[i].path : NULL,
			 e	    ? "(cannot be read: gcstorm check says why)"
			 : s->about ? s->about
				    : "");
		gcs_scenario_error_fini(&error);
		gcs_scenario_destroy(s);
	}
	gcs_path_incidents_free(list, n);
}

static void list_metrics(struct list_out *o)
{
	static const char *const units[] = {
		[GCS_UNIT_COUNT] = "count", [GCS_UNIT_NS] = "time",	[GCS_UNIT_BYTES] = "bytes",
		[GCS_UNIT_RATE] = "rate",   [GCS_UNIT_RATIO] = "share",
	};
	o->width = 28;
	for (size_t i = 0; i < gcs_metrics_count; i++)
		list_row(o, gcs_metrics[i].name, "unit", units[gcs_metrics[i].unit],
			 gcs_metrics[i].about);
}

/* The names of runtime/metrics; the rest of a row is the runtime's business. */
static void list_go_metrics(struct list_out *o)
{
#define METRIC_U64(id, name, cumulative, since, how, value)	    {name, "1." #since, how},
#define METRIC_F64(id, name, cumulative, since, how, value)	    {name, "1." #since, how},
#define METRIC_HIST(id, name, cumulative, since, how, function) {name, "1." #since, how},
	static const struct {
		const char *name, *since, *how;
	} rows[] = {
#include "runtime/watch/metrics.def"
	};
#undef METRIC_U64
#undef METRIC_F64
#undef METRIC_HIST
	o->width = 45;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		list_row(o, rows[i].name, "since", rows[i].since, rows[i].how);
}

static const char *const list_types[] = {
	[GCS_T_TEXT] = "text",	   [GCS_T_ID] = "id",	      [GCS_T_WORD] = "word",
	[GCS_T_COUNT32] = "count", [GCS_T_COUNT] = "count",   [GCS_T_BYTES] = "bytes",
	[GCS_T_LIMIT] = "bytes",   [GCS_T_RATE] = "rate",     [GCS_T_TIME] = "time",
	[GCS_T_SHARE] = "share",   [GCS_T_FACTOR] = "factor", [GCS_T_PERCENT] = "percent",
	[GCS_T_NUMBER] = "number", [GCS_T_GOGC] = "percent",  [GCS_T_BOOL] = "bool",
	[GCS_T_SIZE] = "sizes",	   [GCS_T_ERRNO] = "errno",   [GCS_T_NAME] = "name",
	[GCS_T_NAMES] = "names",   [GCS_T_SECTION] = "map",   [GCS_T_LIST] = "list",
	[GCS_T_ANY_OF] = "names",  [GCS_T_FLOW] = "rate",     [GCS_T_RANGE] = "sizes",
	[GCS_T_MOMENT] = "moment",
	[GCS_T_CLOCK] = "time",	   [GCS_T_SETS] = "map",
};

/* Half a sentence, the words it may be, and whether it must be there. */
static void list_about(const struct gcs_field *f, char *ret, size_t cap)
{
	int n = snprintf(ret, cap, "%s", f->about ? f->about : "");
	for (size_t i = 0; f->words && f->words[i] && n >= 0 && (size_t)n < cap; i++)
		n += snprintf(ret + n, cap - (size_t)n, "%s%s", i ? ", " : ": ", f->words[i]);
	if (f->required && n >= 0 && (size_t)n < cap)
		snprintf(ret + n, cap - (size_t)n, " (required)");
}

static void list_section(struct list_out *o, const struct gcs_section *section, const char *above)
{
	for (size_t i = 0; i < section->nfields; i++) {
		const struct gcs_field *f = &section->field[i];
		char key[96], about[256];
		snprintf(key, sizeof key, "%s%s%s", above, f->key, f->type == GCS_T_LIST ? "[]" : "");
		list_about(f, about, sizeof about);
		list_row(o, key, "type", list_types[f->type], about);
		if (!f->section)
			continue;
		strncat(key, ".", sizeof key - strlen(key) - 1);
		list_section(o, f->section, key);
	}
}

static void list_keys(struct list_out *o)
{
	o->width = 28;
	list_section(o, &gcs_schema, "");
}

/* What `while` may ask for, and the words it compares with. */
static void list_states(struct list_out *o)
{
	size_t n;
	const struct gcs_state_info *s = gcs_states(&n);
	static const char *const kinds[] = {[GCS_OPERAND_BOOL] = "bool",
					    [GCS_OPERAND_PHASE] = "phase",
					    [GCS_OPERAND_COUNT] = "count",
					    [GCS_OPERAND_BYTES] = "bytes"};
	o->width = 16;
	for (size_t i = 0; i < n; i++) {
		char about[256];
		snprintf(about, sizeof about, "%s%s", s[i].sentence,
			 s[i].of_map ? " (at points that are about a map)" : "");
		list_row(o, s[i].name, "kind", kinds[s[i].type], about);
	}
}

static const struct {
	const char *name;
	void (*list)(struct list_out *o);
} list_of[] = {
	{"keys", list_keys},
	{"states", list_states},
	{"faults", list_faults},
	{"workloads", list_workloads},
	{"incidents", list_incidents},
	{"metrics", list_metrics},
	{"go-faults", list_go_faults},
	{"go-metrics", list_go_metrics},
	{"runs", NULL},
};
#define LIST_OF (sizeof list_of / sizeof list_of[0])

static int list_runs(const char *format)
{
	char dir[GCS_PATH_BYTES];
	int e = gcs_path_runs(dir, 0);
	if (e == 0)
		e = gcs_record_list(dir, format, stdout);
	if (e == -ENOENT) {
		if (strcmp(format, "json") == 0)
			puts("[]");
		return 0; /* no runs yet */
	}
	if (e)
		fprintf(stderr, "gcstorm: %s: %s\n", dir, strerror(-e));
	return e ? GCS_EXIT_HARNESS : 0;
}

int gcs_command_list(const struct gcs_arguments *a)
{
	struct list_out o = {.json = strcmp(a->format, "json") == 0};
	char hint[96];
	if (isatty(STDOUT_FILENO))
		o.cols = gcs_page_of(STDOUT_FILENO).cols;
	for (size_t i = 0; i < LIST_OF; i++) {
		if (strcmp(list_of[i].name, a->word[0]) != 0)
			continue;
		if (!list_of[i].list)
			return list_runs(a->format);
		o.rows = json_array();
		list_of[i].list(&o);
		char *text = o.json ? json_dumps(o.rows, JSON_INDENT(2)) : NULL;
		if (text)
			puts(text);
		free(text);
		json_decref(o.rows);
		return 0;
	}
	const char *near = gcs_suggest(a->word[0], &list_of[0].name, LIST_OF, sizeof list_of[0]);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	return gcs_command_usage(near ? hint : a->command->args, "there is no list of '%s'",
				 a->word[0]);
}

static bool command_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int gcs_command_report(const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES];
	if (command_is_dir(a->word[0])) /* of a soak; what else it may be is said there */
		return gcs_soak_report(a->word[0], a->format, stdout, stderr) ? GCS_EXIT_USAGE : 0;
	int e = gcs_path_record(a->word[0], path);
	if (e == -ENOTUNIQ)
		return gcs_command_usage("`gcstorm list runs` names them",
					 "several runs are called '%s'", a->word[0]);
	if (e)
		return gcs_command_usage("`gcstorm list runs` names them; `last` is the newest",
					 "there is no run '%s'", a->word[0]);
	e = gcs_report(path, a->format, stdout, stderr);
	if (e == -EINVAL || e == -EAGAIN || e == -ENOENT || e == -EISDIR)
		return GCS_EXIT_USAGE; /* it names no record; that has been said */
	return e ? GCS_EXIT_HARNESS : 0;
}

int gcs_command_version(const struct gcs_arguments *a)
{
	(void)a;
	puts("gcstorm " PACKAGE_VERSION);
	return 0;
}
