/*
 * scenario_set.c: `--set key=value` and what a variant sets, laid over the tree before it is bound,
 * so that their errors are those of the file.
 *
 * A path names keys, and in a list the `id` of an item or its number from 0. The value is YAML, so
 * a list or mapping can be given too. A key that is not there yet is added; whether it may be is
 * for the table to say.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/scenario/scenario_priv.h"
#include "harness/base/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct set_path {
	struct gcs_doc *doc;
	const struct gcs_source *source;
	struct gcs_diag *d;
	uint32_t line, column; /* of the path */
	uint32_t at;	       /* of the segment, from 0 */
	uint32_t length;
	char *segment;
};

static struct gcs_place set_place(const struct set_path *p)
{
	return (struct gcs_place){p->source, p->line, p->column + p->at, p->length ? p->length : 1};
}

static struct gcs_node *set_list_item(const struct set_path *p, const struct gcs_node *list)
{
	const char *ids[GCS_FAULTS_MAX + GCS_PHASES_MAX];
	size_t nids = 0;
	uint32_t index = 0;
	char *end;
	unsigned long number = strtoul(p->segment, &end, 10);
	bool numeric = *p->segment >= '0' && *p->segment <= '9' && !*end;
	for (struct gcs_node *c = list->first; c; c = c->next, index++) {
		const char *id = gcs_node_text(c, "id");
		if ((id && strcmp(id, p->segment) == 0) || (numeric && number == index))
			return c;
		if (id && nids < sizeof ids / sizeof ids[0])
			ids[nids++] = id;
	}
	const char *near = gcs_suggest(p->segment, ids, nids, sizeof ids[0]);
	char hint[96];
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	gcs_diag_at(p->d, set_place(p), "the id of an item, or its number from 0",
		    near ? hint : NULL, "nothing in this list is called '%s'", p->segment);
	return NULL;
}

static struct gcs_node *set_map_child(const struct set_path *p, struct gcs_node *map)
{
	for (struct gcs_node *c = map->first; c; c = c->next)
		if (strcmp(c->key->text, p->segment) == 0)
			return c;
	struct gcs_node *key = gcs_node_new(p->doc, GCS_NODE_SCALAR, p->source);
	struct gcs_node *value = gcs_node_new(p->doc, GCS_NODE_MAP, p->source);
	if (!key || !value || !(key->text = strdup(p->segment)))
		return NULL;
	key->line = p->line;
	key->column = p->column + p->at;
	key->length = p->length;
	value->line = key->line;
	value->column = key->column;
	value->length = key->length;
	value->key = key;
	gcs_node_append(map, value);
	return value;
}

static struct gcs_node *set_step(const struct set_path *p, struct gcs_node *n)
{
	if (p->length == 0) {
		gcs_diag_at(p->d, set_place(p),
			    "names with points between them, such as workload.maps.keys", NULL,
			    "an empty name in the path");
		return NULL;
	}
	if (n->kind == GCS_NODE_MAP)
		return set_map_child(p, n);
	if (n->kind == GCS_NODE_LIST)
		return set_list_item(p, n);
	gcs_diag_at(p->d, set_place(p), NULL, NULL, "there is nothing inside a plain value");
	return NULL;
}

static struct gcs_node *set_walk(struct set_path *p, const char *key)
{
	struct gcs_node *n = p->doc->root;
	for (const char *at = key; n; at += p->length + 1) {
		p->at = (uint32_t)(at - key);
		p->length = (uint32_t)strcspn(at, ".");
		p->segment = strndup(at, p->length);
		n = p->segment ? set_step(p, n) : NULL;
		free(p->segment);
		if (at[p->length] == '\0')
			break;
	}
	return n;
}

/* The value takes the old node's place, its key stays. */
static void set_replace(struct gcs_node *old, struct gcs_node *value)
{
	char *text = old->text;
	old->kind = value->kind;
	old->source = value->source;
	old->line = value->line;
	old->column = value->column;
	old->length = value->length;
	old->plain = value->plain;
	old->first = value->first;
	old->last = value->last;
	old->text = value->text;
	value->text = text; /* freed with the document */
}

/* value belongs to the document and has no other place in it. */
static int set_value(struct set_path *p, const char *key, struct gcs_node *value)
{
	uint32_t before = p->d->errors;
	struct gcs_node *n = set_walk(p, key);
	if (!n)
		return p->d->errors > before ? -EINVAL : -ENOMEM;
	set_replace(n, value);
	return 0;
}

/* text is taken over; the value in it begins at shift. */
static int set_parsed(struct gcs_doc *doc, const char *name, char *text, size_t shift,
		      const char *key, struct gcs_diag *d)
{
	const struct gcs_source *source =
		text ? gcs_doc_source(doc, name, text, (uint32_t)shift) : NULL;
	struct gcs_node *value;
	if (!source)
		return -ENOMEM;
	int e = gcs_yaml_parse(doc, source, &value, d);
	struct set_path p = {.doc = doc, .source = source, .d = d, .line = 1, .column = 1};
	return e ? e : set_value(&p, key, value);
}

int gcs_set_apply(struct gcs_doc *doc, const struct gcs_override *set, struct gcs_diag *d)
{
	char *text = NULL;
	if (strcmp(set->key, GCS_OVERRIDE_FAULT) == 0)
		return gcs_compact_fault(doc, set->key, set->value, d);
	if (asprintf(&text, "%s=%s", set->key, set->value) < 0)
		return -ENOMEM;
	return set_parsed(doc, "--set", text, strlen(set->key) + 1, set->key, d);
}

int gcs_set_option(struct gcs_doc *doc, const char *option, const struct gcs_override *set,
		   struct gcs_diag *d)
{
	return set_parsed(doc, option, strdup(set->value), 0, set->key, d);
}

int gcs_set_variant(struct gcs_doc *doc, const struct gcs_node *set,
		    const struct gcs_source *source, struct gcs_diag *d)
{
	int e = 0;
	for (const struct gcs_node *c = set->first; e == 0 && c; c = c->next) {
		struct gcs_node *value = gcs_node_copy(doc, c, source);
		struct set_path p = {.doc = doc,
				     .source = source ? source : c->key->source,
				     .d = d,
				     .line = c->key->line,
				     .column = c->key->column + !c->key->plain};
		e = value ? set_value(&p, c->key->text, value) : -ENOMEM;
	}
	return e;
}
