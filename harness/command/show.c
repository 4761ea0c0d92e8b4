/* show.c: see show.h. */
#define _GNU_SOURCE 1 /* strerrorname_np */
#include "harness/command/show.h"

#include "faults/syscalls.h"
#include "harness/scenario/scenario_schema.h"
#include "harness/command/story.h"
#include "harness/scenario/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOW_STORY_BYTES_MAX ((size_t)1 << 20)
#define SHOW_LABEL	     11 /* columns */

/* A text for the page, written by `write`, shown as the page can. */
struct show_buffer {
	FILE *out;
	char *text;
	size_t bytes;
};

static bool show_open(struct show_buffer *b)
{
	*b = (struct show_buffer){0};
	b->out = open_memstream(&b->text, &b->bytes);
	return b->out != NULL;
}

static void show_close(struct show_buffer *b, const struct gcs_page *page, FILE *out)
{
	fclose(b->out);
	gcs_page_put(out, b->text ? b->text : "", page);
	free(b->text);
}

static void show_line(FILE *out, const char *label, const char *text, const struct gcs_page *page)
{
	fprintf(out, "  %-*s ", SHOW_LABEL, label);
	gcs_page_wrap(out, text, SHOW_LABEL + 3, SHOW_LABEL + 3, page->cols);
}

/* "what  NAME" and the sentence. */
static void show_head(FILE *out, const char *name, const char *kind, const char *sentence,
		      const struct gcs_page *page)
{
	fprintf(out, "%s: %s\n\n  ", name, kind);
	gcs_page_wrap(out, sentence, 2, 2, page->cols);
	fputc('\n', out);
}

/* ---- incidents */

/* One more of a list: what stands before it, and what in brackets behind it (NULL: nothing). */
static void show_add(char *ret, size_t cap, const char *before, const char *name,
		     const char *bracket)
{
	size_t n = strlen(ret);
	if (n < cap)
		snprintf(ret + n, cap - n, "%s%s%s%s%s", before, name, bracket ? " (" : "",
			 bracket ? bracket : "", bracket ? ")" : "");
}

/* One line: what it runs, and how long. */
static void show_scenario(FILE *out, const struct gcs_scenario *s, const struct gcs_page *page)
{
	char text[4096] = "", span[GCS_SPAN_WORDS];
	for (uint32_t i = 0; i < s->nworkloads; i++)
		show_add(text, sizeof text, i ? ", " : "", s->workload[i].id,
			 s->workload[i].driver);
	for (uint32_t i = 0; i < s->nfaults; i++)
		show_add(text, sizeof text, i ? ", " : "; faults ", s->fault[i].id,
			 s->fault[i].point);
	for (uint32_t i = 0; i < s->nvariants; i++)
		show_add(text, sizeof text, i ? ", " : "; variants ", s->variant[i].id, NULL);
	uint32_t at =
		(uint32_t)fprintf(out, "%s runs %s: ", s->name, gcs_span_words(span, s->end_ns));
	gcs_page_wrap(out, text, at, 2, page->cols);
}

/* NAME.md beside NAME.yaml; NULL: there is none. */
static char *show_story_text(const char *path)
{
	size_t n = strlen(path);
	char *name = malloc(n + 4), *text = NULL;
	if (!name)
		return NULL;
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	if (!dot || (slash && dot < slash))
		dot = path + n;
	snprintf(name, n + 4, "%.*s.md", (int)(dot - path), path);
	FILE *f = fopen(name, "re");
	free(name);
	if (f && (text = malloc(SHOW_STORY_BYTES_MAX + 1)) != NULL)
		text[fread(text, 1, SHOW_STORY_BYTES_MAX, f)] = '\0';
	if (f)
		fclose(f);
	return text;
}

int gcs_show_incident(const char *path, const struct gcs_page *page, FILE *out,
		      struct gcs_scenario_error *ret_error)
{
	struct gcs_scenario *s;
	struct show_buffer b;
	int e = gcs_scenario_load(&s, path, NULL, 0, ret_error);
	if (e)
		return e;
	char *story = show_story_text(path);
	if (!show_open(&b)) {
		free(story);
		gcs_scenario_destroy(s);
		ret_error->text = NULL;
		return -ENOMEM;
	}
	show_scenario(b.out, s, page);
	fputc('\n', b.out);
	if (!story) {
		gcs_page_wrap(b.out, s->about ? s->about : "It has no story.", 0, 0, page->cols);
		fprintf(b.out, "\n`gcstorm plan %s` shows its timeline.\n", path);
	}
	show_close(&b, page, out);
	if (story)
		gcs_story_render(story, page, out);
	free(story);
	gcs_scenario_destroy(s);
	return 0;
}

/* ---- fault points */

/* A few visits a collection: each tenth might never come. */
static bool show_seldom(const struct gcs_point_info *point)
{
	return gcs_point_in_target(point) &&
	       (!gcs_point_has_goroutine(point) || strcmp(point->family, "gc") == 0 ||
		strcmp(point->name, "stw/stop") == 0);
}

void gcs_point_example(const struct gcs_point_info *point, enum gcs_action action,
		       char ret[GCS_EXAMPLE_BYTES])
{
	const char *fire;
	const struct gcs_syscalls *call = gcs_syscalls_of(point->id);
	bool first = (point->actions & -point->actions) == (uint32_t)action;
	char named[64] = "";
	switch (action) {
	case GCS_ACT_FAIL:
		fire = "{probability: 2%}";
		break;
	case GCS_ACT_DELAY:
	case GCS_ACT_COALESCE:
		fire = show_seldom(point) ? "{delay: 5ms, jitter: 2ms}" : "{every: 10, delay: 5ms, jitter: 2ms}";
		break;
	case GCS_ACT_FORCE:
		fire = "{every: 500}";
		break;
	case GCS_ACT_BIAS:
		fire = "{by: 0.5}";
		break;
	default:
		fire = "{probability: 10%}";
		break;
	}
	if (!first)
		snprintf(named, sizeof named, "action: %s, ", gcs_action_name(action));
	if (call && call->hot)
		strcat(named, "allow-hot: true, ");
	snprintf(ret, GCS_EXAMPLE_BYTES,
		 "{id: %s-%s, point: %s, %swhen: {phase: storm, at: 1s, for: 3s}, fire: %s}",
		 point->family, gcs_action_name(action), point->name, named, fire);
}

static void show_actions(FILE *out, const struct gcs_point_info *p, const struct gcs_page *page)
{
	static const struct {
		enum gcs_action action;
		const char *about;
	} rows[] = {
		{GCS_ACT_FAIL, "the operation returns an error (fire.error)"},
		{GCS_ACT_DELAY, "it happens later (fire.delay, fire.jitter)"},
		{GCS_ACT_FORCE, "it is made to happen"},
		{GCS_ACT_DROP, "it does not happen"},
		{GCS_ACT_DUPLICATE, "it happens twice"},
		{GCS_ACT_REORDER, "it happens out of order"},
		{GCS_ACT_BIAS, "a figure is multiplied (fire.by)"},
		{GCS_ACT_COALESCE,
		 "it waits for others, and they happen together (fire.delay, fire.jitter)"},
		{GCS_ACT_BREAK, "the runtime is broken there, on purpose"},
	};
	const char *label = "actions";
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[128];
		if (!(p->actions & rows[i].action))
			continue;
		snprintf(text, sizeof text, "%s: %s", gcs_action_name(rows[i].action),
			 rows[i].about);
		show_line(out, label, text, page);
		label = "";
	}
}

/* What a fault at the point may be bound to: sites, and states of the runtime. */
static void show_match(FILE *out, const struct gcs_point_info *point, const struct gcs_page *page)
{
	char match[256];
	enum gcs_type_of type = gcs_point_type_of(point);
	const char *head = gcs_point_in_target(point) ? "workload, driver" : "no workload";
	snprintf(match, sizeof match, "%s%s%s%s%s%s", head,
		 gcs_point_has_goroutine(point) ? ", goroutine" : "",
		 point->size_is ? "; size: " : "", point->size_is ? point->size_is : "",
		 type ? "; type: that of " : "", type ? gcs_type_of_words(type) : "");
	show_line(out, "match", match, page);
	show_line(out, "while",
		  !gcs_point_in_target(point) ? "not there: the harness decides, outside the target"
		  : gcs_point_has_map(point)
			  ? "a condition on the states of `gcstorm list states`, as map.growing and map.count > 1k"
			  : "a condition on the states of `gcstorm list states` but for map., as gc.phase == mark",
		  page);
}

void gcs_show_point(const struct gcs_point_info *point, const struct gcs_page *page, FILE *out)
{
	const struct gcs_syscalls *call = gcs_syscalls_of(point->id);
	struct show_buffer b;
	if (!show_open(&b))
		return;
	show_head(b.out, point->name, "a fault point", point->sentence, page);
	show_actions(b.out, point, page);
	if (gcs_point_has_places(point)) {
		show_line(b.out, "where", "before_shade, after_shade, after_store (fire.where)", page);
		show_line(b.out, "mode",
			  "start: while no cycle runs; cycle: at any store, for the whole of one (fire.mode); "
			  "of these only the first since the barrier went on (fire.edge)",
			  page);
	}
	if (point->default_errno) {
		const char *name = strerrorname_np(point->default_errno);
		show_line(b.out, "error", name ? name : "", page);
	}
	if (point->benign)
		show_line(b.out, "harm", "none: the program may do without", page);
	if (call)
		show_line(b.out, "reached", call->reached, page);
	if (call && call->seldom)
		show_line(b.out, "", "a target that is warm may not make this call at all", page);
	show_match(b.out, point, page);
	if (gcs_point_reach_words(point, GCS_RUNTIME_GO))
		show_line(b.out, gcs_point_reach(point, GCS_RUNTIME_GO) ? "on Go" : "not on Go", gcs_point_reach_words(point, GCS_RUNTIME_GO), page);
	show_line(b.out, "counted as",
		  "fault.ID.visits, .eligible, .fired, .masked, for expect and slo", page);
	fputs("\n  faults:\n", b.out);
	for (uint32_t bit = 1; bit && bit <= point->actions; bit <<= 1) {
		char example[GCS_EXAMPLE_BYTES];
		if (!(point->actions & bit))
			continue;
		gcs_point_example(point, (enum gcs_action)bit, example);
		fprintf(b.out, "    - %s\n", example);
	}
	show_close(&b, page, out);
}

/* ---- states */

void gcs_state_example(const struct gcs_state_info *state, char ret[GCS_EXAMPLE_BYTES])
{
	static const char *const compared[] = {[GCS_OPERAND_BOOL] = "",
					       [GCS_OPERAND_PHASE] = " == mark",
					       [GCS_OPERAND_COUNT] = " > 4",
					       [GCS_OPERAND_BYTES] = " > 64MiB"};
	snprintf(ret, GCS_EXAMPLE_BYTES,
		 "{id: %s, when: {phase: storm, at: 1s, for: 3s}, fire: {probability: 2%%}, while: %s%s}",
		 state->swiss	 ? "grow, point: gc/map_assign, only: go"
		 : state->of_map ? "grow, point: map/grow"
				 : "oom-then, point: mem/malloc",
		 state->name,
		 compared[state->type]);
}

void gcs_show_state(const struct gcs_state_info *state, const struct gcs_page *page, FILE *out)
{
	char example[GCS_EXAMPLE_BYTES];
	struct show_buffer b;
	if (!show_open(&b))
		return;
	show_head(b.out, state->name, "a state that a fault's condition may ask for", state->sentence, page);
	show_line(b.out, "is", gcs_operand_name(state->type), page);
	show_line(b.out, "asked at",
		  state->of_map ? "points that are about a map: `gcstorm show POINT` says which"
				: "every point but those of os/",
		  page);
	gcs_state_example(state, example);
	fprintf(b.out, "\n  faults:\n    - %s\n", example);
	show_close(&b, page, out);
}

/* ---- drivers */

static void show_fields(FILE *out, const struct gcs_section *section,
			const struct gcs_driver_info *only, const char *above,
			const struct gcs_page *page)
{
	for (size_t i = 0; i < section->nfields; i++) {
		const struct gcs_field *f = &section->field[i];
		char key[64], about[256];
		if (only && !gcs_driver_has(only, f->key))
			continue;
		snprintf(key, sizeof key, "%s%s%s", above, f->key,
			 f->type == GCS_T_LIST ? "[]" : "");
		snprintf(about, sizeof about, "%s", f->about);
		for (size_t w = 0; f->words && f->words[w]; w++)
			show_add(about, sizeof about, w ? ", " : ": ", f->words[w], NULL);
		fprintf(out, "  %-16s ", key);
		gcs_page_wrap(out, about, 19, 19, page->cols);
		if (!f->section)
			continue;
		strncat(key, ".", sizeof key - strlen(key) - 1);
		show_fields(out, f->section, NULL, key, page);
	}
}

const char *gcs_driver_example(const struct gcs_driver_info *driver)
{
	static const char *const examples[][2] = {
		{"map-churn",
		 "{id: m, driver: map-churn, workers: 2, rate: 20k/s, keys: 100k, value: "
		 "inline, value_bytes: 64B}"},
		{"slice-append",
		 "{id: s, driver: slice-append, rate: 5k/s, size: \"zipf(1.2, 64B, 256KiB)\", "
		 "retain: 16MiB}"},
		{"echo", "{id: e, driver: echo, rate: 1k/s, conns: 16, handler: maps}"},
		{"http", "{id: web, driver: http, url: \"http://127.0.0.1:8080/\", rate: 500/s, conns: 16}"},
		{"heap-follow",
		 "{id: h, driver: heap-follow, size: \"uniform(256B, 8KiB)\", follow: [{at: 0s, "
		 "live: 10MiB, alloc: 5MiB/s}]}"},
		{"sync-map",
		 "{id: s, driver: sync-map, workers: 4, rate: 50k/s, keys: 10k, mix: {insert: 5, "
		 "delete: 4, lookup: 90, range: 1}}"},
	};
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
		if (strcmp(examples[i][0], driver->name) == 0)
			return examples[i][1];
	return "";
}

/* What `match: {type: …}` may name, and at which points. */
static void show_types(FILE *out, const struct gcs_driver_info *driver, const struct gcs_page *page)
{
	if (driver->ntypes)
		fputs("\n  types of its objects, for match:\n", out);
	for (size_t i = 0; i < driver->ntypes; i++) {
		const struct gcs_driver_type *t = &driver->type[i];
		char about[256];
		snprintf(about, sizeof about, "%s%s", t->sentence,
			 t->of & GCS_TYPE_OF_MAP     ? "; at map/ and gc/map_ points too"
			 : t->of & GCS_TYPE_OF_SLICE ? "; at slice/grow and gc/append too"
						     : "");
		fprintf(out, "  %-16s ", t->name);
		gcs_page_wrap(out, about, 19, 19, page->cols);
	}
}

void gcs_show_driver(const struct gcs_driver_info *driver, const struct gcs_page *page, FILE *out)
{
	struct show_buffer b;
	if (!show_open(&b))
		return;
	show_head(b.out, driver->name, "a workload driver", driver->sentence, page);
	show_fields(b.out, &gcs_schema_workload, driver, "", page);
	show_types(b.out, driver, page);
	fprintf(b.out, "\n  workload:\n    - %s\n", gcs_driver_example(driver));
	show_close(&b, page, out);
}

/* ---- metrics */

void gcs_metric_example(const struct gcs_metric *metric, char ret[GCS_EXAMPLE_BYTES])
{
	static const char *const value[] = {[GCS_UNIT_COUNT] = "20",
					    [GCS_UNIT_NS] = "5ms",
					    [GCS_UNIT_BYTES] = "64MiB",
					    [GCS_UNIT_RATE] = "1k/s",
					    [GCS_UNIT_RATIO] = "25%"};
	static const char id[] = "fault.ID.";
	const char *op = metric->worse < 0 || metric->subject == GCS_OF_FAULT ? ">=" : "<";
	if (strncmp(metric->name, id, sizeof id - 1) == 0)
		snprintf(ret, GCS_EXAMPLE_BYTES, "fault.oom.%s %s %s", metric->name + sizeof id - 1,
			 op, value[metric->unit]);
	else
		snprintf(ret, GCS_EXAMPLE_BYTES, "%s%s %s %s", metric->name,
			 metric->subject == GCS_OF_WORKLOAD ? "@maps" : "", op,
			 value[metric->unit]);
}

void gcs_show_metric(const struct gcs_metric *metric, const struct gcs_page *page, FILE *out)
{
	static const char *const unit[] = {[GCS_UNIT_COUNT] = "a count",
					   [GCS_UNIT_NS] = "a time",
					   [GCS_UNIT_BYTES] = "bytes",
					   [GCS_UNIT_RATE] = "a rate",
					   [GCS_UNIT_RATIO] = "a share"};
	static const char *const of[] = {
		[GCS_OF_RUN] = "the run",
		[GCS_OF_WORKLOAD] = ("a workload (@ID behind it), or of all of them: of latencies "
				     "the worst"),
		[GCS_OF_FAULT] = "a fault of the scenario, in place of ID",
	};
	char example[GCS_EXAMPLE_BYTES];
	struct show_buffer b;
	if (!show_open(&b))
		return;
	show_head(b.out, metric->name, "a metric", metric->about, page);
	show_line(b.out, "unit", unit[metric->unit], page);
	show_line(b.out, "of", of[metric->subject], page);
	show_line(b.out, "over",
		  metric->of_run ? "the whole run: no window, no phases"
				 : "the recorded phases, or those named, or windows of them",
		  page);
	show_line(b.out, "recovery",
		  metric->worse > 0   ? "can be a signal: higher is worse"
		  : metric->worse < 0 ? "can be a signal: lower is worse"
				      : "cannot be a signal",
		  page);
	gcs_metric_example(metric, example);
	fprintf(b.out, "\n  %s\n", metric->subject == GCS_OF_FAULT ? "expect:" : "slo:");
	fprintf(b.out,
		metric->subject == GCS_OF_FAULT ? "    - \"%s\"\n"
						: "    - {id: bound, check: \"%s\"}\n",
		example);
	show_close(&b, page, out);
}
