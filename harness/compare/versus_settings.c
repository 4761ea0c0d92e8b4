/* versus_settings.c: in which settings two resolved scenarios differ, in words. */
#include "harness/compare/versus_priv.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_SAID 3
#define SETTINGS_PATH 128
#define SETTINGS_DEEP 8

struct settings {
	char *ret;
	size_t cap, used;
	uint32_t n;
};

/* What is drawn from the seed, says where a file lies, or says a second time what other keys say. */
static bool settings_left_out(const char *key)
{
	static const char *const keys[] = {"seed",     "path",  "about",    "laid",   "variants", "variant", "reported",
					   "logged", "clock", "windows", "left_out", "fired",	"stacks",	 "unscaled_end_ns"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void settings_value(const json_t *o, char ret[48])
{
	if (json_is_string(o))
		snprintf(ret, 48, "%s", json_string_value(o));
	else if (json_is_integer(o))
		snprintf(ret, 48, "%" JSON_INTEGER_FORMAT, json_integer_value(o));
	else if (json_is_real(o))
		snprintf(ret, 48, "%g", json_real_value(o));
	else if (json_is_boolean(o))
		snprintf(ret, 48, "%s", json_is_true(o) ? "true" : "false");
	else
		snprintf(ret, 48, "%s", !o || json_is_null(o) ? "none" : "other");
}

static void settings_say(struct settings *s, const char *path, const json_t *a, const json_t *b)
{
	char first[48], second[48];
	if (s->n++ >= SETTINGS_SAID || s->used >= s->cap)
		return;
	settings_value(a, first);
	settings_value(b, second);
	int wrote = snprintf(s->ret + s->used, s->cap - s->used, "%s%s %s -> %s", s->used ? ", " : "", path, first, second);
	s->used += wrote > 0 ? (size_t)wrote : 0;
}

static void settings_walk(struct settings *s, const char *path, int deep, const json_t *a, const json_t *b);

/* "runtime" is what a scenario calls target, and nobody writes the lists' numbers: elements have ids. */
static void settings_below(struct settings *s, const char *path, int deep, const char *key, const json_t *a, const json_t *b)
{
	char below[SETTINGS_PATH];
	const char *shown = deep == 0 && strcmp(key, "runtime") == 0 ? "target" : key;
	if (snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", shown) < (int)sizeof below)
		settings_walk(s, below, deep + 1, a, b);
}

static void settings_object(struct settings *s, const char *path, int deep, const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
		if (!settings_left_out(key))
			settings_below(s, path, deep, key, value, json_object_get(b, key));
	json_object_foreach((json_t *)(uintptr_t)b, key, value)
		if (!settings_left_out(key) && !json_object_get(a, key))
			settings_below(s, path, deep, key, NULL, value);
}

static void settings_list(struct settings *s, const char *path, int deep, const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
		const char *id = json_string_value(json_object_get(x, "id"));
		char number[24];
		snprintf(number, sizeof number, "%zu", i);
		settings_below(s, path, deep + 1, id && *id ? id : number, x, y);
	}
}

static void settings_walk(struct settings *s, const char *path, int deep, const json_t *a, const json_t *b)
{
	if (a && b && json_equal(a, b))
		return;
	if (deep < SETTINGS_DEEP && json_is_object(a) && json_is_object(b))
		settings_object(s, path, deep, a, b);
	else if (deep < SETTINGS_DEEP && json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b))
		settings_list(s, path, deep, a, b);
	else
		settings_say(s, path, a, b);
}

void versus_settings(const char *a, const char *b, char *ret, size_t cap)
{
	struct settings s = {ret, cap, 0, 0};
	json_t *first = a ? json_loads(a, 0, NULL) : NULL, *second = b ? json_loads(b, 0, NULL) : NULL;
	ret[0] = '\0';
	if (first && second)
		settings_walk(&s, "", 0, first, second);
	if (s.n > SETTINGS_SAID && s.used < cap)
		snprintf(ret + s.used, cap - s.used, " and %u more", s.n - SETTINGS_SAID);
	json_decref(first);
	json_decref(second);
}
