/*
 * scenario_match.c: of a fault: the types and goroutines that it is bound to, and its condition.
 */
#include "harness/scenario/condition.h"
#include "harness/scenario/driver.h"
#include "harness/scenario/scenario_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_TYPES_ALL 64u

/* One of a fault's bindings being resolved. */
struct match_cursor {
	const struct gcs_scenario *s;
	struct gcs_fault *f;
	const struct gcs_point_info *point;
	struct gcs_diag *d;
};

/* ---- types */

static const struct gcs_driver_type *match_driver_type(const char *driver, const char *name)
{
	const struct gcs_driver_info *info = gcs_driver_by_name(driver);
	for (size_t i = 0; info && i < info->ntypes; i++)
		if (strcmp(info->type[i].name, name) == 0)
			return &info->type[i];
	return NULL;
}

/* Does the workload make objects of this type, itself or in what its handler does? */
static const struct gcs_driver_type *match_workload_type(const struct gcs_scenario *s,
							 const struct gcs_workload *w,
							 const char *name)
{
	const struct gcs_driver_type *type = match_driver_type(w->driver, name);
	for (uint32_t i = 0; !type && w->handler && *w->handler && i < s->nworkloads; i++)
		if (strcmp(s->workload[i].id, w->handler) == 0)
			type = match_driver_type(s->workload[i].driver, name);
	return type;
}

/* Of several drivers that have the name, one that the point knows, if there is one. */
static const struct gcs_driver_type *match_any_type(const struct gcs_point_info *point,
						    const char *name)
{
	size_t n;
	const struct gcs_driver_info *all = gcs_drivers(&n);
	const struct gcs_driver_type *type = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct gcs_driver_type *t = match_driver_type(all[i].name, name);
		if (t && (!type || (t->of & gcs_point_type_of(point))))
			type = t;
	}
	return type;
}

/* Does a workload that the fault is bound to have it, so that its point knows it? */
static bool match_type_here(const struct match_cursor *c, const char *name)
{
	for (uint32_t w = 0; w < c->s->nworkloads; w++) {
		const struct gcs_driver_type *type = NULL;
		if (c->f->match.workloads == 0 || c->f->match.workloads >> w & 1)
			type = match_workload_type(c->s, &c->s->workload[w], name);
		if (type && (type->of & gcs_point_type_of(c->point)))
			return true;
	}
	return false;
}

static bool match_listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Names that could stand there, each once; `here`: of the workloads that the fault is bound to alone. */
static size_t match_type_names(const struct match_cursor *c, bool here,
			       const char *ret[MATCH_TYPES_ALL])
{
	size_t ndrivers, n = 0;
	const struct gcs_driver_info *driver = gcs_drivers(&ndrivers);
	for (size_t i = 0; i < ndrivers; i++) {
		for (size_t k = 0; k < driver[i].ntypes && n < MATCH_TYPES_ALL; k++) {
			const struct gcs_driver_type *type = &driver[i].type[k];
			if ((here ? match_type_here(c, type->name)
				  : (type->of & gcs_point_type_of(c->point)) != 0) &&
			    !match_listed(ret, n, type->name))
				ret[n++] = type->name;
		}
	}
	return n;
}

static void match_type(const struct match_cursor *c, const struct gcs_node *n)
{
	const char *names[MATCH_TYPES_ALL];
	char list[512], hint[GCS_RESOLVE_HINT];
	const struct gcs_driver_type *type = match_any_type(c->point, n->text);
	size_t here = match_type_names(c, true, names);
	for (size_t i = 0; i < here; i++) {
		if (strcmp(names[i], n->text) != 0)
			continue;
		c->f->match.type[c->f->match.ntypes++] = type->name;
		return;
	}
	gcs_resolve_list(list, sizeof list, names, here, sizeof names[0]);
	const char *expected = here ? list : "a workload whose objects come by there";
	if (type && !(type->of & gcs_point_type_of(c->point)))
		gcs_diag_at(c->d, gcs_place_of(n), expected, NULL,
			    "%s compares the type of %s, and '%s' is none", c->point->name,
			    gcs_type_of_words(gcs_point_type_of(c->point)), n->text);
	else if (type)
		gcs_diag_at(c->d, gcs_place_of(n), expected, NULL,
			    "no workload that fault '%s' is bound to has the type '%s'", c->f->id,
			    n->text);
	else
		gcs_diag_at(c->d, gcs_place_of(n), expected,
			    gcs_resolve_near(hint, n->text, names, match_type_names(c, false, names),
					     sizeof names[0]),
			    "there is no type '%s'", n->text);
}

/* ---- goroutines */

/* N or N..M, behind the slash. */
static bool match_indices(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || v > UINT32_MAX)
		return false;
	*ret_first = *ret_last = (uint32_t)v;
	if (*end == '\0')
		return true;
	if (end[0] != '.' || end[1] != '.' || !isdigit((unsigned char)end[2]))
		return false;
	v = strtoul(end + 2, &end, 10);
	*ret_last = (uint32_t)v;
	return *end == '\0' && v <= UINT32_MAX && *ret_last >= *ret_first;
}

static int match_workload(const struct match_cursor *c, const char *id, size_t bytes)
{
	for (uint32_t i = 0; i < c->s->nworkloads; i++)
		if (strlen(c->s->workload[i].id) == bytes &&
		    memcmp(c->s->workload[i].id, id, bytes) == 0)
			return (int)i;
	return -1;
}

static void match_goroutine_known(const struct match_cursor *c, const struct gcs_node *n,
				  struct gcs_goroutines g)
{
	const struct gcs_workload *w = &c->s->workload[g.workload];
	uint32_t has = w->conns ? w->conns : w->workers;
	char say[GCS_RESOLVE_HINT];
	if (c->f->match.workloads && !(c->f->match.workloads >> g.workload & 1)) {
		gcs_diag_at(c->d, gcs_place_of(n), NULL, "workload and goroutine must both hold",
			    "'%s' is none of the workloads that fault '%s' is bound to", n->text,
			    c->f->id);
		return;
	}
	if (g.last < has) {
		c->f->match.goroutine[c->f->match.ngoroutines++] = g;
		return;
	}
	snprintf(say, sizeof say, has > 1 ? "%s/0 to %s/%u" : "%s/0", w->id, w->id, has - 1);
	gcs_diag_at(c->d, gcs_place_of(n), say, "they are counted from 0",
		    "workload '%s' has %u %s%s, so there is no '%s'", w->id, has,
		    w->conns ? "connection" : "worker", has == 1 ? "" : "s", n->text);
}

static void match_goroutine(const struct match_cursor *c, const struct gcs_node *n)
{
	static const char form[] = "WORKLOAD/INDEX, as maps/1, or a range of them, as maps/0..3";
	char hint[GCS_RESOLVE_HINT], id[64];
	const char *slash = strchr(n->text, '/');
	size_t bytes = slash ? (size_t)(slash - n->text) : strlen(n->text);
	struct gcs_goroutines g = {0, 0, 0};
	int w = match_workload(c, n->text, bytes);
	snprintf(id, sizeof id, "%.*s", (int)(bytes < sizeof id ? bytes : sizeof id - 1), n->text);
	if (w < 0) {
		gcs_diag_at(c->d, gcs_place_of(n), form,
			    gcs_resolve_near(hint, id, &c->s->workload[0].id, c->s->nworkloads,
					     sizeof c->s->workload[0]),
			    "there is no workload '%s'", id);
		return;
	}
	g.workload = (uint32_t)w;
	if (slash && match_indices(slash + 1, &g.first, &g.last))
		match_goroutine_known(c, n, g);
	else
		gcs_diag_at(c->d, gcs_place_of(n), form,
			    slash ? NULL : "all of a workload: match: {workload: …}",
			    "'goroutine' cannot be '%s'", n->text);
}

/* ---- both */

static void match_each(const struct match_cursor *c, const struct gcs_node *n, uint32_t max,
		       void (*one)(const struct match_cursor *, const struct gcs_node *))
{
	uint32_t count = 0;
	if (n->kind == GCS_NODE_SCALAR) {
		one(c, n);
		return;
	}
	for (const struct gcs_node *i = n->first; i; i = i->next) {
		if (++count > max) {
			gcs_diag_at(c->d, gcs_place_of(i), NULL, NULL,
				    "more than %u items in '%s' of fault '%s'", max, n->key->text,
				    c->f->id);
			return;
		}
		one(c, i);
	}
}

void gcs_resolve_match(const struct gcs_scenario *s, struct gcs_fault *f, const struct gcs_node *n,
		       struct gcs_diag *d)
{
	const struct match_cursor c = {s, f, gcs_point_by_name(f->point), d};
	const struct gcs_node *match = gcs_node_get(n, "match"),
			      *type = gcs_node_get(match, "type"),
			      *goroutine = gcs_node_get(match, "goroutine");
	if (type && gcs_point_type_of(c.point) == GCS_TYPE_OF_NONE)
		gcs_diag_at(d, gcs_place_of(type->key), NULL, NULL,
			    "a visit of %s (fault '%s') has no type to match", f->point, f->id);
	else if (type)
		match_each(&c, type, GCS_MATCH_TYPES_MAX, match_type);
	if (goroutine && !gcs_point_has_goroutine(c.point))
		gcs_diag_at(d, gcs_place_of(goroutine->key), NULL, NULL,
			    "a visit of %s (fault '%s') is about no goroutine of a workload", f->point,
			    f->id);
	else if (goroutine)
		match_each(&c, goroutine, GCS_MATCH_GOROUTINES_MAX, match_goroutine);
}

/* ---- the condition */

/* Bytes of the condition in its source; the whole scalar when quoting hides where they are. */
static struct gcs_place condition_place(const struct gcs_node *n, uint32_t at, uint32_t bytes)
{
	struct gcs_place place = gcs_place_of(n);
	size_t length = strlen(n->text);
	bool quoted = !n->plain && place.length == length + 2;
	if (place.length != length && !quoted)
		return place;
	place.column += at + quoted;
	place.length = bytes;
	return place;
}

void gcs_resolve_condition(const struct gcs_scenario *s, struct gcs_fault *f,
			   const struct gcs_node *n, struct gcs_diag *d)
{
	struct gcs_condition_error e;
	const struct gcs_node *c = gcs_node_get(n, "while");
	if (!c)
		return;
	if (gcs_condition_parse(c->text, gcs_point_by_name(f->point), &f->program, &e) < 0)
		gcs_diag_at(d, condition_place(c, e.at, e.bytes), e.expected[0] ? e.expected : NULL,
			    e.hint[0] ? e.hint : NULL, "'while' of fault '%s': %s", f->id, e.text);
	else if (s->heap_scale_milli != 1000)
		f->condition_scaled = gcs_condition_scale(&f->program, s->heap_scale_milli);
}
