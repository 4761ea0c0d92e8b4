/*
 * scenario_bind.c: values out of the tree into structs, by the table of scenario_schema.c.
 *
 * Everything wrong with one key alone is found here: unknown and doubled keys, missing ones, the
 * wrong kind of value, a number without its unit, a value out of range. Defaults are what stood in
 * the struct before.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/scenario/scenario_schema.h"
#include "harness/base/moment.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BIND_LABEL    96
#define BIND_EXPECTED 320
#define BIND_KEYS     100000u /* when the scenario says nothing */

/* ---- words about a field */

static void bind_range(const struct gcs_field *f, char *ret, size_t cap,
		       char *(*show)(char *, uint64_t))
{
	char a[GCS_UNIT_TEXT], b[GCS_UNIT_TEXT];
	ret[0] = '\0';
	if (f->max && f->min == f->max)
		snprintf(ret, cap, ", exactly %s", show(a, f->max));
	else if (f->max && f->min)
		snprintf(ret, cap, " from %s to %s", show(a, f->min), show(b, f->max));
	else if (f->max)
		snprintf(ret, cap, " up to %s", show(b, f->max));
}

static char *bind_show_time(char *ret, uint64_t v)
{
	return gcs_show_duration(ret, (int64_t)v);
}
static char *bind_show_plain(char *ret, uint64_t v)
{
	snprintf(ret, GCS_UNIT_TEXT, "%" PRIu64, v);
	return ret;
}
static char *bind_show_rate(char *ret, uint64_t v)
{
	return strcat(gcs_show_count(ret, v), "/s");
}
static char *bind_show_flow(char *ret, uint64_t v)
{
	return strcat(gcs_show_bytes(ret, v), "/s");
}
static char *bind_show_milli(char *ret, uint64_t v)
{
	return gcs_scale_show(ret, (uint32_t)v);
}

static const struct {
	const char *what, *example;
	char *(*show)(char *, uint64_t);
} bind_type[] = {
	[GCS_T_TEXT] = {"text", NULL, NULL},
	[GCS_T_ID] = {"a name of a-z, 0-9, - and _, a letter first, at most 31 characters", NULL,
		      NULL},
	[GCS_T_WORD] = {"one of", NULL, NULL},
	[GCS_T_COUNT32] = {"a count", NULL, bind_show_plain},
	[GCS_T_COUNT] = {"a count", ", such as 500, 20k or 1M", gcs_show_count},
	[GCS_T_BYTES] = {"bytes with their unit", ", such as 64B, 4KiB or 512MiB", gcs_show_bytes},
	[GCS_T_LIMIT] = {"none, or bytes with their unit", ", such as 512MiB", gcs_show_bytes},
	[GCS_T_RATE] = {"max, or a rate", ", such as 500/s or 20k/s", bind_show_rate},
	[GCS_T_TIME] = {"a time with its unit", ", such as 250ms, 5s or 2m", bind_show_time},
	[GCS_T_SHARE] = {"a probability from 0 to 1", ", such as 0.02 or 2%", NULL},
	[GCS_T_FACTOR] = {"a factor", ", such as 1.25", bind_show_milli},
	[GCS_T_PERCENT] = {"a whole percentage from 0 to 100", NULL, NULL},
	[GCS_T_NUMBER] = {"a whole number", ", decimal or 0x…", bind_show_plain},
	[GCS_T_GOGC] = {"off, or a whole number", NULL, bind_show_plain},
	[GCS_T_BOOL] = {"true or false", NULL, NULL},
	[GCS_T_SIZE] = {"4KiB, uniform(64B, 4KiB) or zipf(1.2, 64B, 8MiB); sizes", NULL,
			gcs_show_bytes},
	[GCS_T_ERRNO] = {"the name of an errno, such as ENOMEM", NULL, NULL},
	[GCS_T_NAME] = {"a name", NULL, NULL},
	[GCS_T_NAMES] = {"a list of names", NULL, NULL},
	[GCS_T_ANY_OF] = {"a name, or a list of names", NULL, NULL},
	[GCS_T_FLOW] = {"bytes a second", ", such as 5MiB/s", bind_show_flow},
	[GCS_T_RANGE] = {"1KiB..8KiB, 1KiB.., ..8KiB, or one size; sizes", NULL, gcs_show_bytes},
	[GCS_T_CLOCK] = {"a time of day, such as \"03:10:22\"", NULL, NULL},
	[GCS_T_MOMENT] = {"a moment", ", such as 2024-05-03T03:12:00Z or 03:12:00", NULL},
	[GCS_T_SETS] = {"a mapping", ", such as {workload.maps.keys: 10k}", NULL},
	[GCS_T_SECTION] = {"a mapping", NULL, NULL},
	[GCS_T_LIST] = {"a list", NULL, NULL},
};

static void bind_words(const struct gcs_field *f, char *ret, size_t cap)
{
	size_t n = 0;
	for (const char *const *w = f->words; *w && n < cap; w++)
		n += (size_t)snprintf(ret + n, cap - n, "%s%s", w == f->words ? "" : ", ", *w);
}

static const char *bind_expected(const struct gcs_field *f, char ret[BIND_EXPECTED])
{
	char range[96] = "", words[128] = "";
	if (bind_type[f->type].show)
		bind_range(f, range, sizeof range, bind_type[f->type].show);
	if (f->type == GCS_T_WORD)
		bind_words(f, words, sizeof words);
	bool single = f->type == GCS_T_WORD && !f->words[1];
	snprintf(ret, BIND_EXPECTED, "%s%s%s%s%s (%s: %s)", single ? "" : bind_type[f->type].what,
		 single || !*words ? "" : " ", words, range,
		 bind_type[f->type].example && !(f->max && f->min == f->max)
			 ? bind_type[f->type].example
			 : "",
		 f->key, f->about);
	return ret;
}

static size_t bind_word_count(const char *const *words)
{
	size_t n = 0;
	while (words[n])
		n++;
	return n;
}

/* ---- scalars */

struct bind_cursor {
	struct gcs_diag *d;
	const char *label; /* "workload 'maps'" */
};

static int bind_id(const char *text, char **ret)
{
	size_t n = strlen(text);
	if (n == 0 || n > 31 || text[0] < 'a' || text[0] > 'z')
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
		      text[i] == '-' || text[i] == '_'))
			return -EINVAL;
	free(*ret);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int bind_word(const struct gcs_field *f, const char *text, char **ret)
{
	for (const char *const *w = f->words; *w; w++) {
		if (strcmp(*w, text) != 0)
			continue;
		if (f->offset == SIZE_MAX)
			return 0;
		free(*ret);
		*ret = strdup(text);
		return *ret ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

static int bind_text(const char *text, char **ret)
{
	if (!*text)
		return -EINVAL;
	free(*ret);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int bind_in_range(const struct gcs_field *f, uint64_t v)
{
	return f->max && (v < f->min || v > f->max) ? -ERANGE : 0;
}

/* A number of any unit as uint64_t. */
static int bind_number(const struct gcs_field *f, const char *text, uint64_t *ret)
{
	int64_t t = 0;
	uint32_t small = 0;
	int e;
	switch (f->type) {
	case GCS_T_TIME:
		e = gcs_parse_duration(text, &t);
		*ret = (uint64_t)t;
		break;
	case GCS_T_SHARE:
		e = gcs_parse_share(text, &small);
		*ret = small;
		break;
	case GCS_T_FACTOR:
		e = gcs_parse_factor(text, &small);
		*ret = small;
		break;
	case GCS_T_BYTES:
	case GCS_T_LIMIT:
		e = gcs_parse_bytes(text, ret);
		break;
	case GCS_T_RATE:
		e = gcs_parse_rate(text, ret);
		break;
	case GCS_T_FLOW:
		e = gcs_parse_flow(text, ret);
		break;
	case GCS_T_COUNT:
	case GCS_T_COUNT32:
		e = gcs_parse_count(text, ret);
		break;
	default:
		e = gcs_parse_number(text, ret);
		break;
	}
	return e ? e : bind_in_range(f, *ret);
}

static int bind_percent(const char *text, uint32_t *ret)
{
	char digits[8];
	uint64_t v;
	size_t n = strlen(text);
	if (n && text[n - 1] == '%')
		n--;
	if (n == 0 || n >= sizeof digits)
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = '\0';
	int e = strchr(digits, 'x') ? -EINVAL : gcs_parse_number(digits, &v);
	if (e == 0 && v > 100)
		e = -ERANGE;
	if (e == 0)
		*ret = (uint32_t)v;
	return e;
}

/* A word that stands for a number: max, none, off. */
static bool bind_special(const struct gcs_field *f, const char *text, void *at)
{
	if (f->type == GCS_T_RATE && strcmp(text, "max") == 0)
		*(uint64_t *)at = 0;
	else if (f->type == GCS_T_LIMIT && strcmp(text, "none") == 0)
		*(uint64_t *)at = 0;
	else if (f->type == GCS_T_GOGC && strcmp(text, "off") == 0)
		*(int *)at = -1;
	else
		return false;
	return true;
}

static int bind_size(const struct gcs_field *f, const char *text, struct gcs_size *ret)
{
	struct gcs_size size;
	int e = gcs_parse_size(text, &size);
	if (e == 0 && (bind_in_range(f, size.min) || bind_in_range(f, size.max)))
		e = -ERANGE;
	if (e == 0)
		*ret = size;
	return e;
}

static int bind_size_range(const struct gcs_field *f, const char *text, struct gcs_match *ret)
{
	uint64_t min, max;
	int e = gcs_parse_range(text, &min, &max);
	if (e == 0 && ((min && bind_in_range(f, min)) || (max && bind_in_range(f, max))))
		e = -ERANGE;
	if (e)
		return e;
	ret->size_min = min;
	ret->size_max = max;
	return 0;
}

static int bind_clock(const char *text, char **ret)
{
	int64_t ns;
	int e = gcs_parse_clock(text, &ns);
	return e ? e : bind_text(text, ret);
}

/* 0, -EINVAL not of this form, -ERANGE. */
static int bind_scalar(const struct gcs_field *f, const char *text, void *at)
{
	uint64_t v = 0;
	switch (f->type) {
	case GCS_T_TEXT:
		return bind_text(text, at);
	case GCS_T_ID:
		return bind_id(text, at);
	case GCS_T_WORD:
		return bind_word(f, text, at);
	case GCS_T_NAME:
		return *text ? 0 : -EINVAL;
	case GCS_T_BOOL:
		return gcs_parse_bool(text, at);
	case GCS_T_SIZE:
		return bind_size(f, text, at);
	case GCS_T_ERRNO:
		return gcs_parse_errno(text, at);
	case GCS_T_RANGE:
		return bind_size_range(f, text, at);
	case GCS_T_CLOCK:
		return bind_clock(text, at);
	case GCS_T_MOMENT:
		return gcs_parse_moment(text, at);
	case GCS_T_PERCENT:
		return bind_percent(text, at);
	case GCS_T_SETS:
	case GCS_T_ANY_OF:
	case GCS_T_NAMES:
	case GCS_T_SECTION:
	case GCS_T_LIST:
		return -EINVAL;
	default:
		break;
	}
	if (bind_special(f, text, at))
		return 0;
	int e = bind_number(f, text, &v);
	if (e || f->offset == SIZE_MAX)
		return e;
	if (f->type == GCS_T_COUNT32 || f->type == GCS_T_SHARE || f->type == GCS_T_FACTOR)
		*(uint32_t *)at = (uint32_t)v;
	else if (f->type == GCS_T_GOGC)
		*(int *)at = (int)v;
	else
		*(uint64_t *)at = v; /* int64_t alike */
	return 0;
}

static const char *bind_moment_hint(const char *text)
{
	struct gcs_moment m;
	char zoned[64];
	snprintf(zoned, sizeof zoned, "%.40sZ", text);
	if (strlen(text) > 4 && text[4] == '-' && gcs_parse_moment(zoned, &m) == 0)
		return "a date needs its zone: end it with Z, +02:00 or the like";
	return NULL;
}

static const char *bind_scalar_hint(const struct gcs_field *f, const struct gcs_node *n,
				    char hint[BIND_LABEL])
{
	const char *text = n->text;
	size_t len = strlen(text);
	if (f->type == GCS_T_WORD) {
		const char *near =
			gcs_suggest(text, f->words, bind_word_count(f->words), sizeof f->words[0]);
		if (near) {
			snprintf(hint, BIND_LABEL, "did you mean '%s'?", near);
			return hint;
		}
	}
	if (f->type == GCS_T_BOOL)
		return NULL;
	if (f->type == GCS_T_MOMENT)
		return bind_moment_hint(text);
	if (len && isdigit((unsigned char)text[0]) && strspn(text, "0123456789.eE+-") == len &&
	    strpbrk(text, "eE"))
		return "exponents are not read here: write 1M for 1e6";
	if (len > 1 && text[0] == '0' && strspn(text, "0123456789") == len)
		return "a leading zero means octal to some and nothing to others: leave it out";
	if (len && strchr(text, '_') && isdigit((unsigned char)text[0]))
		return "digits are not grouped here";
	if (len && text[0] == '-' && len > 1 && isdigit((unsigned char)text[1]))
		return "negative numbers mean nothing here";
	uint64_t count;
	if (f->type == GCS_T_RATE && gcs_parse_count(text, &count) == 0)
		return "a rate ends in /s";
	if (strpbrk(text, "0123456789") && strspn(text, "0123456789.") == len &&
	    (f->type == GCS_T_TIME || f->type == GCS_T_BYTES || f->type == GCS_T_LIMIT ||
	     f->type == GCS_T_SIZE || f->type == GCS_T_RANGE))
		return "the unit is missing";
	uint64_t bytes;
	if (f->type == GCS_T_FLOW && gcs_parse_bytes(text, &bytes) == 0)
		return "bytes a second end in /s";
	return NULL;
}

static void bind_value(const struct bind_cursor *c, const struct gcs_field *f,
		       const struct gcs_node *n, void *base)
{
	char expected[BIND_EXPECTED], hint[BIND_LABEL];
	if (n->kind != GCS_NODE_SCALAR) {
		gcs_diag_at(c->d, gcs_place_of(n), bind_expected(f, expected), NULL,
			    "'%s' of %s cannot be %s", f->key, c->label, gcs_node_kind_name(n));
		return;
	}
	int e = bind_scalar(f, n->text, (char *)base + (f->offset == SIZE_MAX ? 0 : f->offset));
	if (e == 0)
		return;
	if (n->plain && !*n->text)
		gcs_diag_at(c->d, gcs_place_of(n->key), bind_expected(f, expected), NULL,
			    "'%s' of %s has no value", f->key, c->label);
	else
		gcs_diag_at(c->d, gcs_place_of(n), bind_expected(f, expected),
			    bind_scalar_hint(f, n, hint),
			    e == -ERANGE ? "'%s' of %s is out of range: %s"
					 : "'%s' of %s cannot be '%s'",
			    f->key, c->label, n->text);
}

/* ---- mappings */

static void bind_names(const struct bind_cursor *c, const struct gcs_field *f,
		       const struct gcs_node *n)
{
	char expected[BIND_EXPECTED];
	const struct gcs_node *bad = n->kind == GCS_NODE_LIST ? NULL : n;
	for (const struct gcs_node *i = n->first; i && !bad && n->kind == GCS_NODE_LIST;
	     i = i->next)
		if (i->kind != GCS_NODE_SCALAR || !*i->text)
			bad = i;
	if (bad)
		gcs_diag_at(c->d, gcs_place_of(bad), bind_expected(f, expected), NULL,
			    "'%s' of %s cannot hold %s", f->key, c->label, gcs_node_kind_name(bad));
	else if (!n->first)
		gcs_diag_at(c->d, gcs_place_of(n), bind_expected(f, expected), NULL,
			    "'%s' of %s is an empty list", f->key, c->label);
}

static void bind_keys_of(const struct gcs_section *s, char *ret, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < s->nfields && n < cap; i++)
		n += (size_t)snprintf(ret + n, cap - n, "%s%s", i ? ", " : "", s->field[i].key);
}

static void bind_unknown(const struct bind_cursor *c, const struct gcs_section *s,
			 const struct gcs_node *key)
{
	char keys[256], hint[BIND_LABEL];
	const char *say = NULL;
	for (const struct gcs_later *l = s->later; l && l->key; l++)
		if (strcmp(l->key, key->text) == 0)
			say = l->hint;
	const char *near = gcs_suggest(key->text, s->field, s->nfields, sizeof s->field[0]);
	if (!say && near) {
		snprintf(hint, sizeof hint, "did you mean '%s'?", near);
		say = hint;
	}
	bind_keys_of(s, keys, sizeof keys);
	gcs_diag_at(c->d, gcs_place_of(key), keys, say, "unknown key '%s' in %s", key->text,
		    c->label);
}

static bool bind_doubled(const struct bind_cursor *c, const struct gcs_node *map,
			 const struct gcs_node *child)
{
	const struct gcs_node *first = gcs_node_get(map, child->key->text);
	if (first == child)
		return false;
	char hint[64];
	snprintf(hint, sizeof hint, "it is given at line %u already", first->key->line);
	gcs_diag_at(c->d, gcs_place_of(child->key), NULL, hint, "key '%s' stands twice in %s",
		    child->key->text, c->label);
	return true;
}

static const struct gcs_field *bind_find(const struct gcs_section *s, const char *key)
{
	for (size_t i = 0; i < s->nfields; i++)
		if (strcmp(s->field[i].key, key) == 0)
			return &s->field[i];
	return NULL;
}

static void bind_field(const struct bind_cursor *c, const struct gcs_field *f,
		       const struct gcs_node *n, void *base)
{
	char expected[BIND_EXPECTED], label[BIND_LABEL];
	switch (f->type) {
	case GCS_T_SECTION:
		snprintf(label, sizeof label, "%s%s%s",
			 strchr(c->label, '\'') ? f->key : f->section->name,
			 strchr(c->label, '\'') ? " of " : "",
			 strchr(c->label, '\'') ? c->label : "");
		gcs_bind_section(c->d, f->section, label, n, base);
		break;
	case GCS_T_ANY_OF:
		if (n->kind == GCS_NODE_SCALAR)
			bind_value(c,
				   &(struct gcs_field){.key = f->key,
						       .type = GCS_T_NAME,
						       .offset = SIZE_MAX,
						       .about = f->about},
				   n, base);
		else
			bind_names(c, f, n);
		break;
	case GCS_T_NAMES:
		bind_names(c, f, n);
		break;
	case GCS_T_SETS: /* what it holds: bind_sets */
		if (n->kind != GCS_NODE_MAP || !n->first)
			gcs_diag_at(c->d, gcs_place_of(n), bind_expected(f, expected), NULL,
				    n->kind == GCS_NODE_MAP ? "'%s' of %s is empty"
							    : "'%s' of %s cannot be %s",
				    f->key, c->label, gcs_node_kind_name(n));
		break;
	case GCS_T_LIST: /* its items: gcs_bind */
		if (n->kind != GCS_NODE_LIST)
			gcs_diag_at(c->d,
				    gcs_place_of(n->plain && n->kind == GCS_NODE_SCALAR && !*n->text
							 ? n->key
							 : n),
				    bind_expected(f, expected), NULL, "'%s' of %s cannot be %s",
				    f->key, c->label, gcs_node_kind_name(n));
		break;
	default:
		bind_value(c, f, n, base);
	}
}

static void bind_required(const struct bind_cursor *c, const struct gcs_section *s,
			  const struct gcs_node *n)
{
	char expected[BIND_EXPECTED];
	for (size_t i = 0; i < s->nfields; i++)
		if (s->field[i].required && !gcs_node_get(n, s->field[i].key))
			gcs_diag_at(c->d, gcs_place_of(n), bind_expected(&s->field[i], expected),
				    NULL, "%s has no '%s'", c->label, s->field[i].key);
}

void gcs_bind_section(struct gcs_diag *d, const struct gcs_section *s, const char *label,
		      const struct gcs_node *n, void *base)
{
	struct bind_cursor c = {d, label};
	if (n->kind != GCS_NODE_MAP) {
		char keys[256];
		bind_keys_of(s, keys, sizeof keys);
		gcs_diag_at(
			d,
			gcs_place_of(n->key && n->plain && n->kind == GCS_NODE_SCALAR && !*n->text
					     ? n->key
					     : n),
			keys, NULL, "%s must be a mapping, not %s", label, gcs_node_kind_name(n));
		return;
	}
	for (const struct gcs_node *child = n->first; child; child = child->next) {
		const struct gcs_field *f = bind_find(s, child->key->text);
		if (!f)
			bind_unknown(&c, s, child->key);
		else if (!bind_doubled(&c, n, child))
			bind_field(&c, f, child, base);
	}
	bind_required(&c, s, n);
}

/* ---- lists of items with ids */

static void bind_same_id(const struct gcs_bind_list *l, const char *label, size_t n, struct gcs_diag *d)
{
	const char *id = gcs_node_text(l->node[n], "id");
	for (size_t i = 0; id && i < n; i++) {
		const char *other = gcs_node_text(l->node[i], "id");
		if (!other || strcmp(other, id) != 0)
			continue;
		char hint[64];
		snprintf(hint, sizeof hint, "the other stands at line %u", l->node[i]->line);
		gcs_diag_at(d, gcs_place_of(gcs_node_get(l->node[n], "id")), NULL, hint,
			    "%s exists already", label);
		return;
	}
}

uint32_t gcs_bind_items(const struct gcs_bind_list *l, const struct gcs_node *list, const char *key,
			struct gcs_diag *d)
{
	size_t n = 0;
	if (!list || list->kind != GCS_NODE_LIST)
		return 0;
	for (const struct gcs_node *i = list->first; i; i = i->next, n++) {
		if (n == l->cap) {
			gcs_diag_at(d, gcs_place_of(i), NULL, NULL, "more than %zu items in '%s'",
				    l->cap, key);
			break;
		}
		char label[BIND_LABEL];
		const char *id = gcs_node_text(i, "id");
		if (id)
			snprintf(label, sizeof label, "%s '%.40s'", l->section->name, id);
		else
			snprintf(label, sizeof label, "%s %zu", l->section->name, n + 1);
		l->node[n] = i;
		gcs_bind_section(d, l->section, label, i, (char *)l->item + n * l->stride);
		bind_same_id(l, label, n, d);
	}
	return (uint32_t)n;
}

static void bind_expect(struct gcs_bound *b, struct gcs_diag *d)
{
	const struct gcs_node *list = gcs_node_get(b->root, "expect");
	if (!list || list->kind != GCS_NODE_LIST)
		return;
	for (const struct gcs_node *i = list->first; i; i = i->next) {
		struct gcs_check *check = &b->s->expect[b->s->nexpects];
		if (b->s->nexpects == GCS_CHECKS_MAX) {
			gcs_diag_at(d, gcs_place_of(i), NULL, NULL,
				    "more than %d items in 'expect'", GCS_CHECKS_MAX);
			return;
		}
		if (i->kind != GCS_NODE_SCALAR || !*i->text) {
			gcs_diag_at(d, gcs_place_of(i),
				    "METRIC < VALUE, as \"fault.oom.fired >= 20\"", NULL,
				    "'expect' cannot hold %s", gcs_node_kind_name(i));
			continue;
		}
		check->text = strdup(i->text);
		if (asprintf(&check->id, "expect%u", b->s->nexpects + 1) < 0)
			check->id = NULL;
		b->expect_node[b->s->nexpects++] = i;
	}
}

/* The points of one curve. */
static void bind_follow(struct gcs_bound *b, uint32_t i, struct gcs_diag *d)
{
	struct gcs_workload *w = &b->s->workload[i];
	const struct gcs_node *list = gcs_node_get(b->workload_node[i], "follow");
	uint32_t n = 0;
	if (!list || list->kind != GCS_NODE_LIST)
		return;
	for (const struct gcs_node *p = list->first; p; p = p->next)
		n++;
	if (n > GCS_FOLLOW_MAX) {
		gcs_diag_at(d, gcs_place_of(list->key), NULL, NULL,
			    "more than %d points in 'follow' (%u)", GCS_FOLLOW_MAX, n);
		return;
	}
	w->follow = calloc(n + 1, sizeof w->follow[0]);
	for (const struct gcs_node *p = list->first; w->follow && p; p = p->next) {
		char label[BIND_LABEL];
		snprintf(label, sizeof label, "point %u of workload '%s'", w->nfollow + 1,
			 w->id ? w->id : "");
		gcs_bind_section(d, &gcs_schema_follow, label, p, &w->follow[w->nfollow++]);
	}
}

/* What a variant sets, as text; gcs_set_variant applies the nodes. */
static void bind_sets(struct gcs_variant *v, const struct gcs_node *n, struct gcs_diag *d)
{
	const struct gcs_node *set = gcs_node_get(n, "set");
	if (!set || set->kind != GCS_NODE_MAP)
		return;
	for (const struct gcs_node *c = set->first; c; c = c->next) {
		if (v->nsets == GCS_VARIANT_SETS_MAX) {
			gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
				    "more than %d keys in 'set'", GCS_VARIANT_SETS_MAX);
			return;
		}
		if (strncmp(c->key->text, "variants", 8) == 0)
			gcs_diag_at(d, gcs_place_of(c->key), NULL, NULL,
				    "a variant cannot change the variants");
		v->key[v->nsets] = strdup(c->key->text);
		v->value[v->nsets++] = gcs_node_flow(c);
	}
}

static void bind_logged(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_logged *l = &b->s->logged;
	const struct gcs_node *list = gcs_node_get(gcs_node_get(b->root, "logged"), "lines");
	if (!list || list->kind != GCS_NODE_LIST)
		return;
	l->line = calloc(GCS_LOGGED_MAX, sizeof l->line[0]);
	for (const struct gcs_node *i = list->first; l->line && i; i = i->next) {
		if (l->nlines == GCS_LOGGED_MAX) {
			gcs_diag_at(d, gcs_place_of(i), NULL, NULL, "more than %d items in 'lines'",
				    GCS_LOGGED_MAX);
			return;
		}
		if (i->kind != GCS_NODE_SCALAR || !*i->text) {
			gcs_diag_at(d, gcs_place_of(i), "a gctrace line, as \"gc 1 @0.012s 2%: …\"",
				    NULL, "'lines' cannot hold %s", gcs_node_kind_name(i));
			return;
		}
		l->line[l->nlines++] = strdup(i->text);
	}
	if (l->nlines == 0)
		gcs_diag_at(d, gcs_place_of(list), "a gctrace line or more", NULL,
			    "'lines' of logged is an empty list");
}

/* What a value is when the scenario says nothing. */
static void bind_defaults(struct gcs_bound *b)
{
	struct gcs_scenario *s = b->s;
	s->seed = 1;
	s->logged.at_ns = -1;
	s->procs = 2;
	s->gogc = 100;
	s->runtime = strdup(gcs_runtime_name(GCS_RUNTIME_EMBEDDED));
	s->map = strdup("classic");
	s->oom = strdup("return");
	s->rounding = strdup("1.19");
	s->pacer = strdup("1.21");
	s->time_scale_milli = s->heap_scale_milli = 1000;
	s->clock_ns = -1;
	s->recovery.band_milli = 1250;
	s->recovery.window_ns = 1000000000;
	s->recovery.windows = 5;
	for (size_t i = 0; i < GCS_PHASES_MAX; i++)
		b->phase[i].p.record = true;
}

void gcs_bind(struct gcs_bound *b, struct gcs_diag *d)
{
	struct gcs_scenario *s = b->s;
	const struct gcs_bind_list workloads = {&gcs_schema_workload, GCS_WORKLOADS_MAX,
					    sizeof s->workload[0], s->workload, b->workload_node};
	const struct gcs_bind_list phases = {&gcs_schema_phase, GCS_PHASES_MAX, sizeof b->phase[0],
					 b->phase, b->phase_node};
	const struct gcs_bind_list faults = {&gcs_schema_fault, GCS_FAULTS_MAX, sizeof b->fault[0],
					 b->fault, b->fault_node};
	const struct gcs_bind_list slos = {&gcs_schema_slo, GCS_CHECKS_MAX, sizeof s->slo[0], s->slo,
				       b->slo_node};
	const struct gcs_bind_list variants = {&gcs_schema_variant, GCS_VARIANTS_MAX,
					   sizeof s->variant[0], s->variant, b->variant_node};
	const struct gcs_bind_list reported = {&gcs_schema_reported, GCS_REPORTED_MAX,
					   sizeof s->reported[0], s->reported, b->reported_node};
	bind_defaults(b);
	gcs_bind_section(d, &gcs_schema, gcs_schema.name, b->root, s);
	const struct gcs_node *target = gcs_node_get(b->root, "target");
	s->sets_procs = gcs_node_get(target, "procs") != NULL;
	s->sets_gogc = gcs_node_get(target, "gogc") != NULL;
	s->sets_memlimit = gcs_node_get(target, "memlimit") != NULL;
	s->nworkloads = gcs_bind_items(&workloads, gcs_node_get(b->root, "workload"), "workload", d);
	s->nphases = gcs_bind_items(&phases, gcs_node_get(b->root, "phases"), "phases", d);
	s->nfaults = gcs_bind_items(&faults, gcs_node_get(b->root, "faults"), "faults", d);
	s->nslos = gcs_bind_items(&slos, gcs_node_get(b->root, "slo"), "slo", d);
	bind_expect(b, d);
	s->nvariants = gcs_bind_items(&variants, gcs_node_get(b->root, "variants"), "variants", d);
	s->nreported = gcs_bind_items(&reported, gcs_node_get(b->root, "reported"), "reported", d);
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		if (s->workload[i].keys == 0)
			s->workload[i].keys = BIND_KEYS;
		bind_follow(b, i, d);
	}
	for (uint32_t i = 0; i < s->nvariants; i++) {
		if (s->variant[i].id && strcmp(s->variant[i].id, GCS_VARIANT_BASE) == 0)
			gcs_diag_at(d, gcs_place_of(gcs_node_get(b->variant_node[i], "id")), NULL,
				    NULL, "'" GCS_VARIANT_BASE "' is the scenario itself");
		bind_sets(&s->variant[i], b->variant_node[i], d);
	}
	bind_logged(b, d);
	for (uint32_t i = 0; i < s->nphases; i++)
		s->phase[i] = b->phase[i].p;
	for (uint32_t i = 0; i < s->nfaults; i++)
		s->fault[i] = b->fault[i].f;
}
