/* scenario_reduce.c: a scenario's tree with parts taken out, written as YAML again. Comments are gone; what is written loads as the tree did. */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct gcs_node *reduce_child(const struct gcs_node *n, const char *name, size_t length)
{
	for (struct gcs_node *c = n->first; c; c = c->next) {
		const char *text = n->kind == GCS_NODE_MAP ? c->key->text : gcs_node_text(c, "id");
		if (text && strlen(text) == length && strncmp(text, name, length) == 0)
			return c;
	}
	return NULL;
}

static void reduce_unlink(struct gcs_node *parent, const struct gcs_node *child)
{
	struct gcs_node *before = NULL;
	for (struct gcs_node *c = parent->first; c != child; c = c->next)
		before = c;
	if (before)
		before->next = child->next;
	else
		parent->first = child->next;
	if (parent->last == child)
		parent->last = before;
}

void gcs_reduce_drop(struct gcs_node *root, const char *path)
{
	struct gcs_node *parent = NULL, *n = root;
	while (n && *path) {
		size_t length = strcspn(path, ".");
		parent = n;
		n = reduce_child(n, path, length);
		path += length + (path[length] == '.');
	}
	if (n && parent)
		reduce_unlink(parent, n);
}

/* ---- writing */

static void reduce_scalar(FILE *out, const struct gcs_node *n)
{
	if (n->plain && !strpbrk(n->text, ",[]{}#:\"'\n\\")) {
		fputs(n->text, out);
		return;
	}
	fputc('"', out);
	for (const char *p = n->text; *p; p++) {
		if (*p == '\n')
			fputs("\\n", out);
		else if ((unsigned char)*p < ' ')
			fprintf(out, "\\x%02x", (unsigned char)*p);
		else
			fprintf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
	}
	fputc('"', out);
}

static void reduce_flow(FILE *out, const struct gcs_node *n)
{
	if (n->kind == GCS_NODE_SCALAR) {
		reduce_scalar(out, n);
		return;
	}
	fputc(n->kind == GCS_NODE_MAP ? '{' : '[', out);
	for (const struct gcs_node *c = n->first; c; c = c->next) {
		if (n->kind == GCS_NODE_MAP) {
			reduce_scalar(out, c->key);
			fputs(": ", out);
		}
		reduce_flow(out, c);
		fputs(c->next ? ", " : "", out);
	}
	fputc(n->kind == GCS_NODE_MAP ? '}' : ']', out);
}

void gcs_reduce_write(FILE *out, const struct gcs_node *root)
{
	for (const struct gcs_node *c = root->first; c; c = c->next) {
		if (c->kind != GCS_NODE_SCALAR && !c->first)
			continue; /* an empty list says what no list says */
		reduce_scalar(out, c->key);
		fputc(':', out);
		if (c->kind != GCS_NODE_LIST) {
			fputc(' ', out);
			reduce_flow(out, c);
		}
		fputc('\n', out);
		for (const struct gcs_node *item = c->kind == GCS_NODE_LIST ? c->first : NULL; item; item = item->next) {
			fputs("  - ", out);
			reduce_flow(out, item);
			fputc('\n', out);
		}
	}
}
