/*
 * scenario_yaml.c: YAML text into a tree of nodes with places.
 *
 * libfyaml delivers events; the tree is ours, so that duplicates, depth and places are ours to
 * judge. Of YAML a scenario uses mappings, lists and scalars; anchors, aliases, tags, several
 * documents and mappings as keys are refused by name.
 */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

int gcs_doc_init(struct gcs_doc *doc)
{
	*doc = (struct gcs_doc){.what = "scenario"};
	return 0;
}

void gcs_doc_fini(struct gcs_doc *doc)
{
	for (struct gcs_node *n = doc->all, *next; n; n = next) {
		next = n->all;
		free(n->text);
		free(n);
	}
	for (uint32_t i = 0; i < doc->nsources; i++) {
		free(doc->source[i]->name);
		free(doc->source[i]->text);
		free(doc->source[i]);
	}
	*doc = (struct gcs_doc){0};
}

const struct gcs_source *gcs_doc_source(struct gcs_doc *doc, const char *name, char *text,
					uint32_t shift)
{
	struct gcs_source *s = NULL;
	if (doc->nsources < sizeof doc->source / sizeof doc->source[0])
		s = calloc(1, sizeof *s);
	if (!s || !(s->name = strdup(name))) {
		free(s);
		free(text);
		return NULL;
	}
	s->text = text;
	s->shift = shift;
	doc->source[doc->nsources++] = s;
	return s;
}

struct gcs_node *gcs_node_new(struct gcs_doc *doc, enum gcs_node_kind kind,
			      const struct gcs_source *source)
{
	struct gcs_node *n = doc->nodes < GCS_NODES_MAX ? calloc(1, sizeof *n) : NULL;
	if (!n)
		return NULL;
	doc->nodes++;
	n->kind = kind;
	n->source = source;
	n->line = n->column = n->length = 1;
	n->all = doc->all;
	doc->all = n;
	return n;
}

void gcs_node_append(struct gcs_node *parent, struct gcs_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

const struct gcs_node *gcs_node_get(const struct gcs_node *n, const char *key)
{
	if (!n || n->kind != GCS_NODE_MAP)
		return NULL;
	for (const struct gcs_node *c = n->first; c; c = c->next)
		if (strcmp(c->key->text, key) == 0)
			return c;
	return NULL;
}

const char *gcs_node_text(const struct gcs_node *n, const char *key)
{
	const struct gcs_node *c = gcs_node_get(n, key);
	return c && c->kind == GCS_NODE_SCALAR ? c->text : NULL;
}

const char *gcs_node_kind_name(const struct gcs_node *n)
{
	switch (n->kind) {
	case GCS_NODE_LIST:
		return "a list";
	case GCS_NODE_MAP:
		return "a mapping";
	case GCS_NODE_SCALAR:
		break;
	}
	return n->plain && !*n->text ? "nothing" : "text";
}

struct gcs_node *gcs_node_copy(struct gcs_doc *doc, const struct gcs_node *n,
			       const struct gcs_source *source)
{
	struct gcs_node *copy = gcs_node_new(doc, n->kind, source ? source : n->source);
	if (!copy)
		return NULL;
	copy->line = n->line;
	copy->column = n->column;
	copy->length = n->length;
	copy->plain = n->plain;
	if ((n->text && !(copy->text = strdup(n->text))) ||
	    (n->key && !(copy->key = gcs_node_copy(doc, n->key, source))))
		return NULL;
	for (const struct gcs_node *c = n->first; c; c = c->next) {
		struct gcs_node *child = gcs_node_copy(doc, c, source);
		if (!child)
			return NULL;
		gcs_node_append(copy, child);
	}
	return copy;
}

/* Quoted where it was, so that it reads back as the same. */
static void node_write_scalar(FILE *out, const struct gcs_node *n)
{
	if (n->plain) {
		fputs(n->text, out);
		return;
	}
	fputc('"', out);
	for (const char *p = n->text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		if (*p == '\n')
			fputs("\\n", out);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static void node_write(FILE *out, const struct gcs_node *n)
{
	if (n->kind == GCS_NODE_SCALAR) {
		node_write_scalar(out, n);
		return;
	}
	fputc(n->kind == GCS_NODE_MAP ? '{' : '[', out);
	for (const struct gcs_node *c = n->first; c; c = c->next) {
		if (n->kind == GCS_NODE_MAP) {
			node_write_scalar(out, c->key);
			fputs(": ", out);
		}
		node_write(out, c);
		if (c->next)
			fputs(", ", out);
	}
	fputc(n->kind == GCS_NODE_MAP ? '}' : ']', out);
}

char *gcs_node_flow(const struct gcs_node *n)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return NULL;
	node_write(out, n);
	fclose(out);
	return text;
}

/* ---- events to nodes */

struct yaml_build {
	struct gcs_doc *doc;
	const struct gcs_source *source;
	struct gcs_diag *d;
	struct gcs_node *stack[GCS_DEPTH_MAX];
	uint32_t depth;
	struct gcs_node *root, *key; /* key: waiting for its value */
	bool second;		     /* document */
};

static struct gcs_place yaml_place(const struct gcs_source *source, int line, int column)
{
	uint32_t l = line > 0 ? (uint32_t)line : 0, c = column > 0 ? (uint32_t)column : 0;
	return (struct gcs_place){source, l + 1, c + 1 + (l == 0 ? source->shift : 0), 1};
}

static struct gcs_place yaml_event_place(const struct yaml_build *b, struct fy_event *e)
{
	const struct fy_mark *from = fy_event_start_mark(e), *to = fy_event_end_mark(e);
	if (!from)
		return yaml_place(b->source, 0, 0);
	struct gcs_place place = yaml_place(b->source, from->line, from->column);
	if (to && to->line == from->line && to->column > from->column)
		place.length = (uint32_t)(to->column - from->column);
	return place;
}

static int yaml_refuse(struct yaml_build *b, struct fy_event *e, const char *text,
		       const char *expected)
{
	gcs_diag_at(b->d, yaml_event_place(b, e), expected, NULL, "%s", text);
	return -EINVAL;
}

/* What YAML has and our files have not: "anchors are not used in scenarios". */
static int yaml_unused(struct yaml_build *b, struct fy_event *e, const char *what)
{
	gcs_diag_at(b->d, yaml_event_place(b, e), NULL, NULL, "%s are not used in %ss", what,
		    b->doc->what);
	return -EINVAL;
}

static struct gcs_node *yaml_node(struct yaml_build *b, struct fy_event *e, enum gcs_node_kind kind)
{
	struct gcs_node *n = gcs_node_new(b->doc, kind, b->source);
	if (n) {
		struct gcs_place place = yaml_event_place(b, e);
		n->line = place.line;
		n->column = place.column;
		n->length = place.length;
	}
	return n;
}

/* Put a finished or opened node where it belongs. */
static int yaml_add(struct yaml_build *b, struct fy_event *e, struct gcs_node *n)
{
	if (!n) {
		gcs_diag_at(b->d, yaml_event_place(b, e), NULL, NULL, "the %s is too large",
			    b->doc->what);
		return -EINVAL;
	}
	struct gcs_node *parent = b->depth ? b->stack[b->depth - 1] : NULL;
	if (!parent) {
		b->root = n;
	} else if (parent->kind == GCS_NODE_LIST) {
		gcs_node_append(parent, n);
	} else if (!b->key) {
		if (n->kind != GCS_NODE_SCALAR)
			return yaml_refuse(b, e, "a mapping or list cannot be a key",
					   "a word as key");
		b->key = n;
	} else {
		n->key = b->key;
		b->key = NULL;
		gcs_node_append(parent, n);
	}
	return 0;
}

static int yaml_scalar(struct yaml_build *b, struct fy_event *e)
{
	struct fy_token *t = fy_event_get_token(e);
	size_t len = 0;
	const char *text = t ? fy_token_get_text(t, &len) : NULL;
	if (!text)
		len = 0;
	if (len && memchr(text, '\0', len))
		return yaml_refuse(b, e, "text with a NUL in it", NULL);
	struct gcs_node *n = yaml_node(b, e, GCS_NODE_SCALAR);
	if (n) {
		n->text = len ? strndup(text, len) : strdup("");
		n->plain = !t || fy_token_scalar_style(t) == FYSS_PLAIN;
		if (!n->text)
			return -ENOMEM;
	}
	return yaml_add(b, e, n);
}

static int yaml_open(struct yaml_build *b, struct fy_event *e, enum gcs_node_kind kind)
{
	if (b->depth == GCS_DEPTH_MAX)
		return yaml_refuse(b, e, "nested too deep", NULL);
	struct gcs_node *n = yaml_node(b, e, kind);
	int err = yaml_add(b, e, n);
	if (err == 0)
		b->stack[b->depth++] = n;
	return err;
}

/* Where the tag itself stands: what it belongs to may be nothing. */
static int yaml_tag(struct yaml_build *b, struct fy_token *tag)
{
	const struct fy_mark *from = fy_token_start_mark(tag), *to = fy_token_end_mark(tag);
	struct gcs_place place =
		from ? yaml_place(b->source, from->line, from->column) : yaml_place(b->source, 0, 0);
	if (from && to && to->line == from->line && to->column > from->column)
		place.length = (uint32_t)(to->column - from->column);
	gcs_diag_at(b->d, place, NULL, "a text that begins with ! stands in quotes",
		    "tags are not used in %ss", b->doc->what);
	return -EINVAL;
}

static int yaml_event(struct yaml_build *b, struct fy_event *e)
{
	if (e->type == FYET_SCALAR || e->type == FYET_MAPPING_START ||
	    e->type == FYET_SEQUENCE_START) {
		if (fy_event_get_anchor_token(e))
			return yaml_unused(b, e, "anchors");
		if (fy_event_get_tag_token(e))
			return yaml_tag(b, fy_event_get_tag_token(e));
	}
	switch (e->type) {
	case FYET_SCALAR:
		return yaml_scalar(b, e);
	case FYET_MAPPING_START:
		return yaml_open(b, e, GCS_NODE_MAP);
	case FYET_SEQUENCE_START:
		return yaml_open(b, e, GCS_NODE_LIST);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		b->depth--;
		return 0;
	case FYET_ALIAS:
		return yaml_unused(b, e, "aliases");
	case FYET_DOCUMENT_START:
		if (b->second) {
			gcs_diag_at(b->d, yaml_event_place(b, e), NULL, NULL,
				    "a second document in one %s", b->doc->what);
			return -EINVAL;
		}
		b->second = true;
		return 0;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return 0;
}

/* libfyaml reports what is missing at the end on a line that is not there: say the end of the last
 * one. */
static struct gcs_place yaml_clamp(struct gcs_place place)
{
	const char *text = place.source->text;
	uint32_t lines = 1;
	size_t len = strlen(text);
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	const char *last = text;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			continue;
		lines++;
		last = text + i + 1;
	}
	if (place.line > lines) {
		place.line = lines;
		place.column = (uint32_t)(text + len - last) + 1;
	}
	return place;
}

/* The first thing that libfyaml complained about. */
static void yaml_report(struct yaml_build *b, struct fy_diag *diag)
{
	void *iter = NULL;
	struct fy_diag_error *err = fy_diag_errors_iterate(diag, &iter);
	struct gcs_place place = yaml_place(b->source, 0, 0);
	if (err && err->line > 0)
		place = yaml_clamp(yaml_place(b->source, err->line - 1, err->column - 1));
	gcs_diag_at(b->d, place, NULL, NULL, "not YAML: %s",
		    err && err->msg ? err->msg : "cannot be read");
}

static int yaml_run(struct yaml_build *b, struct fy_parser *parser)
{
	struct fy_event *e;
	int err = 0;
	while (err == 0 && (e = fy_parser_parse(parser)) != NULL) {
		err = yaml_event(b, e);
		fy_parser_event_free(parser, e);
	}
	return err;
}

static int yaml_parse_with(struct yaml_build *b, struct fy_diag *diag)
{
	const char *text = b->source->text + b->source->shift;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					    FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
				   .diag = diag};
	struct fy_parser *parser = fy_parser_create(&cfg);
	if (!parser)
		return -ENOMEM;
	int err = fy_parser_set_string(parser, text, strlen(text)) ? -ENOMEM : yaml_run(b, parser);
	/* A stream that ended too early ends like one that was complete: ask the diagnostics. */
	if (err == 0 && fy_diag_got_error(diag)) {
		yaml_report(b, diag);
		err = -EINVAL;
	}
	fy_parser_destroy(parser);
	return err;
}

int gcs_yaml_parse(struct gcs_doc *doc, const struct gcs_source *source, struct gcs_node **ret,
		   struct gcs_diag *d)
{
	struct yaml_build b = {.doc = doc, .source = source, .d = d};
	struct fy_diag_cfg cfg;
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	cfg.level = FYET_ERROR;
	struct fy_diag *diag = fy_diag_create(&cfg);
	if (!diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(diag, true);
	int err = yaml_parse_with(&b, diag);
	fy_diag_destroy(diag);
	if (err)
		return err;
	if (!b.root || b.depth) {
		gcs_diag_at(d, yaml_place(source, 0, 0), NULL, NULL, "there is nothing in it");
		return -EINVAL;
	}
	*ret = b.root;
	return 0;
}
