/*
 * scenario_variants.c: each variant of a scenario, tried when the scenario is loaded.
 *
 * A variant is laid over a copy of the file's tree, without what the command line says, and taken
 * through all steps. What it breaks is said at its `set`: at the very value when that is what is
 * wrong, else at the entry (or at `set`, when it has several).
 */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct gcs_node *gcs_variant_node(const struct gcs_node *root, const char *id)
{
	const struct gcs_node *list = gcs_node_get(root, "variants");
	if (!list || list->kind != GCS_NODE_LIST)
		return NULL;
	for (const struct gcs_node *v = list->first; v; v = v->next) {
		const char *text = gcs_node_text(v, "id");
		if (text && strcmp(text, id) == 0)
			return v;
	}
	return NULL;
}

/* All steps with `set` laid over a copy (NULL: nothing). Nodes of the copy that come from set have
 * the source `within`. */
static int variant_try(const struct gcs_node *root, const char *path, const struct gcs_node *set,
		       const struct gcs_source *within, struct gcs_diag *d)
{
	struct gcs_scenario *s = calloc(1, sizeof *s);
	struct gcs_doc doc;
	gcs_doc_init(&doc);
	int e = -ENOMEM;
	doc.root = s && (s->path = strdup(path)) ? gcs_node_copy(&doc, root, NULL) : NULL;
	if (doc.root)
		e = set ? gcs_set_variant(&doc, set, within, d) : 0;
	if (e == 0)
		e = gcs_scenario_build(s, doc.root, d);
	gcs_doc_fini(&doc);
	gcs_scenario_destroy(s);
	return e;
}

/* Does the file hold without any variant? */
static bool variant_file_good(const struct gcs_doc *doc, const char *path)
{
	struct gcs_diag d;
	if (gcs_diag_init(&d))
		return false;
	int e = variant_try(doc->root, path, NULL, NULL, &d);
	free(gcs_diag_fini(&d));
	return e == 0;
}

static int variant_check(const struct gcs_doc *doc, const char *path, const struct gcs_node *v,
			 struct gcs_diag *d)
{
	const char *id = gcs_node_text(v, "id");
	const struct gcs_node *set = gcs_node_get(v, "set");
	struct gcs_diag own;
	if (!id || !set || set->kind != GCS_NODE_MAP || !set->first)
		return 0; /* said when the list is bound */
	if (gcs_diag_init(&own))
		return -ENOMEM;
	const struct gcs_source within = *set->source; /* told from the file by its address */
	own.variant = id;
	own.within = &within;
	own.blame = gcs_place_of(set->first->next ? set->key : set->first->key);
	int e = variant_try(doc->root, path, set, &within, &own);
	uint32_t errors = own.errors;
	char *text = gcs_diag_fini(&own);
	if (e == -EINVAL && variant_file_good(doc, path)) {
		fputs(text, d->out);
		d->errors += errors;
	}
	free(text);
	return e == -ENOMEM ? e : 0;
}

int gcs_variants_check(const struct gcs_doc *doc, const char *path, struct gcs_diag *d)
{
	const struct gcs_node *list = gcs_node_get(doc->root, "variants");
	uint32_t n = 0;
	int e = 0;
	if (!list || list->kind != GCS_NODE_LIST)
		return 0;
	for (const struct gcs_node *v = list->first; e == 0 && v && n < GCS_VARIANTS_MAX;
	     v = v->next, n++)
		e = variant_check(doc, path, v, d);
	return e ? e : d->errors ? -EINVAL : 0;
}
