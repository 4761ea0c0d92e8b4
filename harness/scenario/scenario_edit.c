/*
 * scenario_edit.c: numbers of a fault, and rates of workloads, as an operator changes them while the
 * run goes on.
 *
 * The scenario is built again from what it was built from, with the change laid over its tree. So
 * what is wrong with a change is found by the code that loads scenarios, and said in its words; and
 * the scales apply to it as to the file.
 */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct edit {
	struct gcs_scenario *s;
	struct gcs_doc doc;
	struct gcs_diag d;
};

static int edit_begin(struct edit *e, const struct gcs_scenario *of)
{
	e->s = calloc(1, sizeof *e->s);
	if (!e->s || gcs_diag_init(&e->d)) {
		free(e->s);
		e->s = NULL;
		return -ENOMEM;
	}
	gcs_doc_init(&e->doc);
	return gcs_scenario_tree(of, e->s, &e->doc, &e->d);
}

static int edit_end(struct edit *e, int r, struct gcs_scenario **ret,
		    struct gcs_scenario_error *ret_error)
{
	if (r == 0)
		r = gcs_scenario_build(e->s, e->doc.root, &e->d);
	gcs_doc_fini(&e->doc);
	char *text = gcs_diag_fini(&e->d);
	if (r) {
		gcs_scenario_destroy(e->s);
		ret_error->text = text;
		return r;
	}
	free(text);
	*ret = e->s;
	return 0;
}

/* The fault's mapping. */
static struct gcs_node *edit_fault(const struct edit *e, uint32_t index)
{
	struct gcs_node *n = e->doc.root->first;
	while (n && strcmp(n->key->text, "faults") != 0)
		n = n->next;
	for (n = n ? n->first : NULL; n && index > 0; index--)
		n = n->next;
	return n;
}

int gcs_scenario_edit(struct gcs_scenario **ret, const struct gcs_scenario *s, uint32_t fault,
		      const char *before, const char *text, struct gcs_scenario_error *ret_error)
{
	struct edit e;
	ret_error->text = NULL;
	int r = edit_begin(&e, s);
	if (!e.s)
		return r;
	struct gcs_node *n = r ? NULL : edit_fault(&e, fault);
	if (r == 0 && !n)
		r = -ENOENT;
	if (r == 0 && before && *before)
		r = gcs_compact_edit(&e.doc, "edit", before, n, &e.d);
	if (r == 0)
		r = gcs_compact_edit(&e.doc, "edit", text, n, &e.d);
	return edit_end(&e, r, ret, ret_error);
}

int gcs_scenario_rerate(struct gcs_scenario **ret, const struct gcs_scenario *s, uint32_t workload,
			const char *rate, struct gcs_scenario_error *ret_error)
{
	struct edit e;
	char key[64];
	ret_error->text = NULL;
	int r = edit_begin(&e, s);
	if (!e.s)
		return r;
	snprintf(key, sizeof key, "workload.%s.rate", s->workload[workload].id);
	if (r == 0)
		r = gcs_set_option(&e.doc, "rate", &(struct gcs_override){key, rate}, &e.d);
	return edit_end(&e, r, ret, ret_error);
}

/* Does the text say something of the key that begins at word? */
static bool edit_says(const char *text, const char *word)
{
	size_t bytes = strcspn(word, "=,");
	for (const char *at = text; *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strcspn(at, "=,") == bytes && memcmp(at, word, bytes) == 0)
			return true;
	}
	return false;
}

char *gcs_scenario_edits(const char *before, const char *text)
{
	char *ret = NULL;
	size_t bytes, kept = 0;
	FILE *out = open_memstream(&ret, &bytes);
	if (!out)
		return NULL;
	for (const char *at = before ? before : ""; *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (!edit_says(text, at))
			fprintf(out, "%s%.*s", kept++ ? "," : "", (int)strcspn(at, ","), at);
	}
	fprintf(out, "%s%s", kept ? "," : "", text);
	return fclose(out) ? NULL : ret;
}
