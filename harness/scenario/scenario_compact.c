/*
 * scenario_compact.c: `--fault POINT:key=value,…`, a fault in one word, laid over the tree as one
 * more item of `faults` before it is bound, so that its errors are those of the file, with a caret
 * into the option's text. And `key=value,…` laid over a fault that is there, in mid-run.
 *
 * Each key is one of a fault in a file, by its last name. The id is made of the point's name. Without
 * phase and manual its window lies in the phase that the scenario's first fault names, else in the
 * recorded phase after the steady one (the phase `steady`, or the first that is recorded).
 */
#include "harness/scenario/scenario_priv.h"
#include "harness/base/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMPACT_ID_MAX	 31
#define COMPACT_ID_STEM	 27 /* leaves room for a number */
#define COMPACT_EXPECTED 320

/* Where each key stands in a fault: at the top, in a section, or in a section of that. */
static const struct compact_key {
	const char *key, *section, *inner;
	bool live; /* an operator may change it in mid-run */
} compact_keys[] = {
	{"action", NULL, NULL, false},	    {"phase", "when", NULL, false},
	{"at", "when", NULL, false},	    {"for", "when", NULL, false},
	{"unscaled", "when", NULL, false},  {"manual", "when", NULL, false},
	{"probability", "fire", NULL, true}, {"nth", "fire", NULL, true},
	{"every", "fire", NULL, true},	    {"after", "fire", NULL, true},
	{"burst", "fire", NULL, true},	    {"delay", "fire", NULL, true},
	{"jitter", "fire", NULL, true},	    {"double", "fire", "max", true},
	{"error", "fire", NULL, true},	    {"by", "fire", NULL, true},
	{"where", "fire", NULL, false},	    {"mode", "fire", NULL, false},
	{"edge", "fire", NULL, false},	    {"size", "match", NULL, true},
	{"workload", "match", NULL, false}, {"driver", "match", NULL, false},
	{"type", "match", NULL, false},	    {"goroutine", "match", NULL, false},
	{"while", NULL, NULL, false},	    {"times", "limit", NULL, true},
	{"allow-hot", NULL, NULL, false},   {"trace", NULL, NULL, false},
	{"id", NULL, NULL, false},
};
#define COMPACT_KEYS (sizeof compact_keys / sizeof compact_keys[0])

struct compact {
	struct gcs_doc *doc;
	const struct gcs_source *source;
	struct gcs_diag *d;
	bool live; /* the fault is there, and the run goes on */
};

/* ---- nodes */

/* Bytes of text as a column from 1: continuation bytes of UTF-8 do not count. */
static uint32_t compact_columns(const char *text, size_t bytes)
{
	uint32_t n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static struct gcs_place compact_place(const struct compact *c, size_t at, size_t bytes)
{
	uint32_t length = compact_columns(c->source->text + at, bytes);
	return (struct gcs_place){c->source, 1, 1 + compact_columns(c->source->text, at),
				  length ? length : 1};
}

/* A node that stands for bytes of the option; a scalar has them, or `text`, as its text. */
static struct gcs_node *compact_node(const struct compact *c, enum gcs_node_kind kind, size_t at,
				     size_t bytes, const char *text)
{
	struct gcs_node *n = gcs_node_new(c->doc, kind, c->source);
	struct gcs_place place = compact_place(c, at, bytes);
	if (!n)
		return NULL;
	n->line = place.line;
	n->column = place.column;
	n->length = place.length;
	n->plain = true;
	if (kind != GCS_NODE_SCALAR)
		return n;
	n->text = text ? strdup(text) : strndup(c->source->text + at, bytes);
	return n->text ? n : NULL;
}

static struct gcs_node *compact_child(struct gcs_node *map, const char *key)
{
	for (struct gcs_node *n = map->first; n; n = n->next)
		if (strcmp(n->key->text, key) == 0)
			return n;
	return NULL;
}

/* value under this key, whose place is that of bytes of the option. */
static int compact_put(const struct compact *c, struct gcs_node *map, const char *key, size_t at,
		       size_t bytes, struct gcs_node *value)
{
	struct gcs_node *k = compact_node(c, GCS_NODE_SCALAR, at, bytes, key);
	if (!k || !value)
		return -ENOMEM;
	value->key = k;
	gcs_node_append(map, value);
	return 0;
}

static int compact_section(const struct compact *c, struct gcs_node *map, const char *key,
			   size_t at, size_t bytes, struct gcs_node **ret)
{
	*ret = compact_child(map, key);
	if (*ret)
		return 0;
	*ret = compact_node(c, GCS_NODE_MAP, at, bytes, NULL);
	return compact_put(c, map, key, at, bytes, *ret);
}

/* ---- key=value */

static const char *compact_names(const struct compact *c, char ret[COMPACT_EXPECTED])
{
	size_t n = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < COMPACT_KEYS && n < COMPACT_EXPECTED; i++)
		if (!c->live || compact_keys[i].live)
			n += (size_t)snprintf(ret + n, COMPACT_EXPECTED - n, "%s%s", n ? ", " : "",
					      compact_keys[i].key);
	return ret;
}

static const struct compact_key *compact_key(const struct compact *c, size_t at, size_t bytes)
{
	const char *word = c->source->text + at;
	char given[48], hint[64], expected[COMPACT_EXPECTED];
	const struct compact_key *k = NULL;
	for (size_t i = 0; i < COMPACT_KEYS && !k; i++)
		if (strlen(compact_keys[i].key) == bytes &&
		    memcmp(compact_keys[i].key, word, bytes) == 0)
			k = &compact_keys[i];
	if (k && (k->live || !c->live))
		return k;
	compact_names(c, expected);
	if (k) {
		gcs_diag_at(c->d, compact_place(c, at, bytes), expected, NULL,
			    "'%s' of a fault stands for the whole run", k->key);
		return NULL;
	}
	snprintf(given, sizeof given, "%.*s", (int)(bytes < 40 ? bytes : 40), word);
	const char *dot = strrchr(given, '.'), *last = dot ? dot + 1 : given; /* match.size */
	const char *near =
		gcs_suggest(last, &compact_keys[0].key, COMPACT_KEYS, sizeof compact_keys[0]);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	gcs_diag_at(c->d, compact_place(c, at, bytes), expected, near ? hint : NULL,
		    bytes ? "a fault has no '%s'" : "a key is missing here%s", given);
	return NULL;
}

/* The pair in [at, end). */
static int compact_pair(const struct compact *c, struct gcs_node *fault, size_t at, size_t end)
{
	const char *text = c->source->text;
	size_t bytes = strcspn(text + at, "=,:");
	size_t value = at + bytes + 1;
	struct gcs_node *map = fault;
	if (bytes > end - at)
		bytes = end - at;
	const struct compact_key *k = compact_key(c, at, bytes);
	if (!k)
		return -EINVAL;
	if (text[at + bytes] != '=' || value >= end) {
		gcs_diag_at(c->d, compact_place(c, at, end - at), "key=value", NULL,
			    "'%s' has no value", k->key);
		return -EINVAL;
	}
	int e = k->section ? compact_section(c, fault, k->section, at, bytes, &map) : 0;
	if (e == 0 && compact_child(map, k->key)) {
		gcs_diag_at(c->d, compact_place(c, at, bytes), NULL, NULL,
			    "'%s' is given twice", k->key);
		return -EINVAL;
	}
	if (e == 0 && k->inner)
		e = compact_section(c, map, k->key, at, bytes, &map);
	struct gcs_node *n = e ? NULL : compact_node(c, GCS_NODE_SCALAR, value, end - value, NULL);
	if (n && strcmp(k->key, "while") == 0)
		n->plain = false; /* as YAML it is quoted: ! would begin a tag there */
	return e ? e : compact_put(c, map, k->inner ? k->inner : k->key, at, bytes, n);
}

static int compact_pairs(const struct compact *c, struct gcs_node *fault, size_t at)
{
	const char *text = c->source->text;
	for (;;) {
		size_t end = at + strcspn(text + at, ",");
		int e = compact_pair(c, fault, at, end);
		if (e || text[end] == '\0')
			return e;
		at = end + 1;
	}
}

/* ---- what is not said */

/* "gc-write", or with the first number that no other fault has. */
static int compact_id(const struct compact *c, const struct gcs_node *list, struct gcs_node *fault,
		      size_t bytes)
{
	char id[COMPACT_ID_MAX + 1];
	size_t stem = bytes < COMPACT_ID_STEM ? bytes : COMPACT_ID_STEM;
	if (compact_child(fault, "id"))
		return 0;
	memcpy(id, c->source->text, stem);
	id[stem] = '\0';
	for (char *p = id; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_'))
			*p = '-';
	if (id[0] < 'a' || id[0] > 'z')
		id[0] = 'f';
	bool taken = true;
	for (unsigned n = 1; taken; n++) {
		if (n > 1)
			snprintf(id + stem, sizeof id - stem, "-%u", n % 1000);
		taken = false;
		for (const struct gcs_node *i = list->first; i && n < 1000; i = i->next)
			taken |= gcs_node_text(i, "id") && strcmp(gcs_node_text(i, "id"), id) == 0;
	}
	return compact_put(c, fault, "id", 0, bytes,
			   compact_node(c, GCS_NODE_SCALAR, 0, bytes, id));
}

static bool compact_recorded(const struct gcs_node *phase)
{
	const char *record = gcs_node_text(phase, "record");
	return gcs_node_text(phase, "id") && (!record || strcmp(record, "false") != 0);
}

/* NULL: no phase is recorded. */
static const char *compact_phase(const struct gcs_node *root, const struct gcs_node *faults)
{
	const struct gcs_node *phases = gcs_node_get(root, "phases"), *steady = NULL;
	for (const struct gcs_node *f = faults->first; f; f = f->next)
		if (gcs_node_text(gcs_node_get(f, "when"), "phase"))
			return gcs_node_text(gcs_node_get(f, "when"), "phase");
	for (const struct gcs_node *p = phases ? phases->first : NULL; p; p = p->next)
		if (gcs_node_text(p, "id") && strcmp(gcs_node_text(p, "id"), "steady") == 0)
			steady = p;
	for (const struct gcs_node *p = phases ? phases->first : NULL; p && !steady; p = p->next)
		if (compact_recorded(p))
			steady = p;
	for (const struct gcs_node *p = steady ? steady->next : NULL; p; p = p->next)
		if (compact_recorded(p))
			return gcs_node_text(p, "id");
	return steady ? gcs_node_text(steady, "id") : NULL;
}

static int compact_when(const struct compact *c, const struct gcs_node *list,
			struct gcs_node *fault)
{
	size_t bytes = strlen(c->source->text);
	struct gcs_node *when;
	int e = compact_section(c, fault, "when", 0, bytes, &when);
	const char *phase = compact_phase(c->doc->root, list);
	if (e || !phase || compact_child(when, "phase") || compact_child(when, "manual"))
		return e;
	return compact_put(c, when, "phase", 0, bytes,
			   compact_node(c, GCS_NODE_SCALAR, 0, bytes, phase));
}

/* ---- the whole */

/* The scenario's list of faults, made when there is none; NULL with *ret_e 0: it is no list, and
 * binding says so. */
static struct gcs_node *compact_list(const struct compact *c, int *ret_e)
{
	struct gcs_node *root = c->doc->root, *list;
	*ret_e = 0;
	if (root->kind != GCS_NODE_MAP)
		return NULL;
	list = compact_child(root, "faults");
	if (list && list->kind == GCS_NODE_LIST)
		return list;
	if (list && !(list->kind == GCS_NODE_SCALAR && !*list->text))
		return NULL;
	if (list) { /* `faults:` and nothing after it */
		list->kind = GCS_NODE_LIST;
		return list;
	}
	list = compact_node(c, GCS_NODE_LIST, 0, strlen(c->source->text), NULL);
	*ret_e = compact_put(c, root, "faults", 0, strlen(c->source->text), list);
	return *ret_e ? NULL : list;
}

int gcs_compact_fault(struct gcs_doc *doc, const char *option, const char *text,
		      struct gcs_diag *d)
{
	char *copy = strdup(text);
	struct compact c = {doc, copy ? gcs_doc_source(doc, option, copy, 0) : NULL, d, false};
	size_t bytes = strcspn(text, ":");
	int e;
	if (!c.source)
		return -ENOMEM;
	if (bytes == 0 || text[strcspn(text, "\r\n")] != '\0') {
		gcs_diag_at(d, compact_place(&c, 0, 1), "POINT:key=value,…, as gc/write:every=50k",
			    "`gcstorm list faults` names the points",
			    bytes ? "a fault is one line" : "the fault point is missing");
		return -EINVAL;
	}
	struct gcs_node *list = compact_list(&c, &e),
			*fault = compact_node(&c, GCS_NODE_MAP, 0, strlen(text), NULL);
	if (e || !list)
		return e;
	e = fault ? compact_put(&c, fault, "point", 0, bytes,
				compact_node(&c, GCS_NODE_SCALAR, 0, bytes, NULL))
		  : -ENOMEM;
	if (e == 0 && text[bytes])
		e = compact_pairs(&c, fault, bytes + 1);
	if (e == 0)
		e = compact_id(&c, list, fault, bytes);
	if (e == 0)
		e = compact_when(&c, list, fault);
	if (e == 0)
		gcs_node_append(list, fault);
	return e;
}

/* ---- over a fault that is there */

#define COMPACT_NONE "none" /* takes a key out, as if it had not been written */

static void compact_unlink(struct gcs_node *map, struct gcs_node *child)
{
	struct gcs_node *before = NULL;
	for (struct gcs_node *n = map->first; n != child; n = n->next)
		before = n;
	if (before)
		before->next = child->next;
	else
		map->first = child->next;
	if (map->last == child)
		map->last = before;
	child->next = NULL;
}

/* Take out what is none, and sections that hold nothing else; true: so is the node itself. */
static bool compact_nothing(struct gcs_node *n)
{
	struct gcs_node *next;
	if (n->kind == GCS_NODE_SCALAR)
		return strcmp(n->text, COMPACT_NONE) == 0;
	for (struct gcs_node *i = n->first; i; i = next) {
		next = i->next;
		if (compact_nothing(i))
			compact_unlink(n, i);
	}
	return !n->first;
}

/* Everything of `from` over `to`, section by section. */
static void compact_merge(struct gcs_node *to, struct gcs_node *from)
{
	struct gcs_node *next;
	for (struct gcs_node *n = from->first; n; n = next) {
		struct gcs_node *old = compact_child(to, n->key->text);
		next = n->next;
		if (n->kind == GCS_NODE_MAP && old && old->kind == GCS_NODE_MAP) {
			compact_merge(old, n);
			if (!old->first)
				compact_unlink(to, old);
			continue;
		}
		if (old)
			compact_unlink(to, old);
		compact_unlink(from, n);
		if (!compact_nothing(n))
			gcs_node_append(to, n);
	}
}

int gcs_compact_edit(struct gcs_doc *doc, const char *name, const char *text,
		     struct gcs_node *fault, struct gcs_diag *d)
{
	char *copy = strdup(text);
	struct compact c = {doc, copy ? gcs_doc_source(doc, name, copy, 0) : NULL, d, true};
	struct gcs_node *pairs =
		c.source ? compact_node(&c, GCS_NODE_MAP, 0, strlen(text), NULL) : NULL;
	if (!pairs)
		return -ENOMEM;
	int e = compact_pairs(&c, pairs, 0);
	if (e == 0)
		compact_merge(fault, pairs);
	return e;
}
