/* seen.c: reading what people saw, strictly, as scenarios are read; see seen.h. */
#include "harness/import/seen.h"

#include "harness/measure/check.h"
#include "harness/measure/told.h"
#include "harness/scenario/scenario_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define AT(type, field) .offset = offsetof(struct type, field)
#define SECTION(label, table, ...) {.name = label, .field = table, .nfields = sizeof table / sizeof table[0], ##__VA_ARGS__}
#define HOUR_NS (3600 * INT64_C(1000000000))

static const struct gcs_field fields_sight[] = {
	{"what", GCS_T_TEXT, AT(gcs_sight, what), .required = true, .about = "as it was told, \"heap doubled\""},
	{"at", GCS_T_MOMENT, AT(gcs_sight, at), .about = "when; absent: the whole incident"},
	{"until", GCS_T_MOMENT, AT(gcs_sight, until), .about = "up to when; absent: that moment"},
	{"metric", GCS_T_TEXT, AT(gcs_sight, metric), .about = "of `gcstorm list metrics`, what reproduces it; absent: nothing does"},
	{"value", GCS_T_TEXT, AT(gcs_sight, value), .about = "of all that time, in the metric's unit"},
	{"peak", GCS_T_TEXT, AT(gcs_sight, peak), .about = "the worst of it, in the metric's unit"},
	{"errors", GCS_T_TEXT, AT(gcs_sight, errors), .about = "what failed, 4.7% or 1200"},
	{"within", GCS_T_SHARE, AT(gcs_sight, within_ppb), .min = 1, .max = 1000000000, .about = "how exact the figure is, to either side; absent: as its digits say"},
	{"note", GCS_T_TEXT, AT(gcs_sight, note), .about = "what to know about it"},
};
static const struct gcs_section section_sight = SECTION("sight", fields_sight);

static const struct gcs_field fields_seen[] = {
	{"version", GCS_T_NUMBER, .offset = SIZE_MAX, .required = true, .min = 1, .max = 1, .about = "of this format"},
	{"incident", GCS_T_ID, AT(gcs_seen, incident), .required = true, .about = "its name"},
	{"source", GCS_T_TEXT, AT(gcs_seen, source), .about = "who tells it"},
	{"onset", GCS_T_MOMENT, AT(gcs_seen, onset), .required = true, .about = "when it began"},
	{"end", GCS_T_MOMENT, AT(gcs_seen, end), .about = "when it was over; absent: not before the log's end"},
	{"margin", GCS_T_TIME, AT(gcs_seen, margin_ns), .max = 24 * HOUR_NS, .about = "take so much of the log before the onset and behind the end; absent: all of it"},
	{"saw", GCS_T_LIST, .section = &section_sight, .max = GCS_SEEN_MAX, .about = "what people saw"},
};
static const struct gcs_section section_seen = SECTION("the timeline", fields_seen);
/* clang-format on */

/* ---- what one key says against another */

static void seen_refused(const struct gcs_node *n, const char *expected, const char *text,
			 struct gcs_diag *d)
{
	gcs_diag_at(d, gcs_place_of(n), expected, NULL, "%s", text);
}

/* The one figure of a sight; *ret_node NULL: it has none. */
static void seen_figure(const struct gcs_node *n, const struct gcs_node **ret_node,
			struct gcs_diag *d)
{
	static const char *const keys[] = {"value", "peak", "errors"};
	*ret_node = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct gcs_node *child = gcs_node_get(n, keys[i]);
		if (child && *ret_node)
			gcs_diag_at(d, gcs_place_of(child->key), "one of value, peak, errors",
				    NULL, "a sight has one figure: '%s' stands here already",
				    (*ret_node)->key->text);
		else if (child)
			*ret_node = child;
	}
}

static void seen_metric(const struct gcs_sight *s, const struct gcs_node *metric,
			const struct gcs_node *figure, struct gcs_diag *d)
{
	/* what an import makes: one workload of that name */
	static char heap[] = "heap", follow[] = "heap-follow";
	struct gcs_scenario *made = calloc(1, sizeof *made);
	struct gcs_metric_ref ref;
	struct gcs_expr_error e;
	struct gcs_told told;
	if (!made)
		return;
	made->nworkloads = 1;
	made->workload[0].id = heap;
	made->workload[0].driver = follow;
	if (gcs_metric_find(s->metric, strlen(s->metric), made, &ref, &e)) {
		gcs_diag_at(d, gcs_place_in(metric, e.at), "one of `gcstorm list metrics`", NULL,
			    "%s", e.text);
	} else if (ref.metric->of_run) {
		gcs_diag_at(d, gcs_place_of(metric), "a metric of a stretch of time", NULL,
			    "'%s' is about a run as a whole", ref.metric->name);
	} else if (!figure) {
		seen_refused(metric, "value, peak or errors", "there is no figure for the metric",
			     d);
	} else if (gcs_told_parse(figure->text, ref.metric->unit, s->within_ppb, &told)) {
		gcs_diag_at(d, gcs_place_of(figure), gcs_value_expected(ref.metric->unit), NULL,
			    "'%s' is no value of '%s'", figure->text,
			    ref.metric->name);
	}
	free(made);
}

static void seen_sight(const struct gcs_sight *s, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *figure, *metric = gcs_node_get(n, "metric"),
				       *within = gcs_node_get(n, "within"),
				       *until = gcs_node_get(n, "until");
	seen_figure(n, &figure, d);
	if (metric)
		seen_metric(s, metric, figure, d);
	else if (within)
		seen_refused(within->key, "metric: METRIC",
			     "without a metric nothing is compared, however exact", d);
	if (until && !s->at.given)
		seen_refused(until->key, "at: MOMENT", "it has 'until' without 'at'", d);
}

/* ---- the whole */

static const struct gcs_node *seen_node(const struct gcs_node *root,
					const struct gcs_node *const *sight,
					const struct gcs_seen_wrong *w)
{
	const struct gcs_node *in = w->sight < 0 ? root : sight[w->sight];
	const struct gcs_node *child = gcs_node_get(in, w->key);
	return child ? child : in;
}

struct seen_load {
	const char *path;
	const struct gcs_wall *wall;
	int64_t first_ns, last_ns;
	struct gcs_joined *joined;
	const struct gcs_node *sight[GCS_SEEN_MAX];
};

static void seen_bind(struct seen_load *l, struct gcs_seen *s, const struct gcs_node *root,
		      struct gcs_diag *d)
{
	const struct gcs_bind_list saw = {&section_sight, GCS_SEEN_MAX, sizeof s->saw[0], s->saw,
					  l->sight};
	struct gcs_seen_wrong wrong;
	s->margin_ns = -1;
	gcs_bind_section(d, &section_seen, section_seen.name, root, s);
	s->nsaw = gcs_bind_items(&saw, gcs_node_get(root, "saw"), "saw", d);
	bool bound = d->errors == 0;
	for (uint32_t i = 0; bound && i < s->nsaw; i++)
		seen_sight(&s->saw[i], l->sight[i], d);
	if (d->errors == 0 && gcs_seen_join(s, l->wall, l->first_ns, l->last_ns, l->joined, &wrong))
		gcs_diag_at(d, gcs_place_of(seen_node(root, l->sight, &wrong)), NULL, wrong.hint,
			    "%s", wrong.text);
}

static int seen_steps(struct seen_load *l, struct gcs_seen *s, struct gcs_doc *doc,
		      struct gcs_diag *d)
{
	char *text = NULL;
	int e = gcs_source_read(l->path, &text);
	if (e) {
		d->errors++;
		fprintf(d->out, "%s: error: cannot read the timeline: %s\n", l->path,
			gcs_source_errno_text(e));
		return e;
	}
	const struct gcs_source *source = gcs_doc_source(doc, l->path, text, 0);
	e = source ? gcs_yaml_parse(doc, source, &doc->root, d) : -ENOMEM;
	if (e == 0)
		seen_bind(l, s, doc->root, d);
	return e ? e : d->errors ? -EINVAL : 0;
}

int gcs_seen_load(struct gcs_seen **ret, struct gcs_joined *ret_joined, const char *path,
		  const struct gcs_wall *wall, int64_t first_ns,
		  int64_t last_ns, struct gcs_scenario_error *ret_error)
{
	struct seen_load l = {.path = path, .wall = wall, .first_ns = first_ns, .last_ns = last_ns,
			      .joined = ret_joined};
	struct gcs_seen *s = calloc(1, sizeof *s);
	struct gcs_doc doc;
	struct gcs_diag d;
	ret_error->text = NULL;
	if (!s || gcs_diag_init(&d)) {
		free(s);
		return -ENOMEM;
	}
	gcs_doc_init(&doc);
	doc.what = "timeline";
	int e = seen_steps(&l, s, &doc, &d);
	gcs_doc_fini(&doc);
	char *text = gcs_diag_fini(&d);
	if (e) {
		gcs_seen_destroy(s);
		ret_error->text = text;
		return e;
	}
	free(text);
	*ret = s;
	return 0;
}

void gcs_seen_destroy(struct gcs_seen *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < GCS_SEEN_MAX; i++) {
		free(s->saw[i].what);
		free(s->saw[i].metric);
		free(s->saw[i].value);
		free(s->saw[i].peak);
		free(s->saw[i].errors);
		free(s->saw[i].note);
	}
	free(s->incident);
	free(s->source);
	free(s);
}
