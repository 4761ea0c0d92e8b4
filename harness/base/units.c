/* units.c: see units.h.  One exact decimal reader under tables of units. */
#define _GNU_SOURCE 1 /* strerrorname_np */
#include "harness/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 units_wide;

struct units_unit {
	const char *name;
	uint64_t scale;
};

static const struct units_unit units_duration[] = {
	{"h", UINT64_C(3600000000000)},
	{"m", UINT64_C(60000000000)},
	{"s", 1000000000},
	{"ms", 1000000},
	{"us", 1000},
	{"ns", 1},
	{NULL, 0},
};
static const struct units_unit units_bytes[] = {
	{"TiB", UINT64_C(1) << 40},
	{"GiB", 1u << 30},
	{"MiB", 1u << 20},
	{"KiB", 1u << 10},
	{"B", 1},
	{"TB", UINT64_C(1000000000000)},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"kB", 1000},
	{NULL, 0},
};
static const struct units_unit units_count[] = {
	{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {"", 1}, {NULL, 0},
};
static const struct units_unit units_rate[] = {
	{"G/s", 1000000000}, {"M/s", 1000000}, {"k/s", 1000}, {"/s", 1}, {NULL, 0},
};
static const struct units_unit units_share[] = {{"%", 10000000}, {"", 1000000000}, {NULL, 0}};
static const struct units_unit units_factor[] = {{"", 1000}, {NULL, 0}};

static bool units_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with at most one point: *ret = digits without the point, *ret_below = how many stood
 * behind it. */
static int units_decimal(const char **text, uint64_t *ret, unsigned *ret_below)
{
	const char *p = *text;
	units_wide v = 0;
	unsigned below = 0;
	bool point = false, over = false;
	if (!units_digit(*p) || (*p == '0' && units_digit(p[1])))
		return -EINVAL;
	for (; units_digit(*p) || (*p == '.' && !point && units_digit(p[1])); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		v = v * 10 + (unsigned)(*p - '0');
		over |= v > UINT64_MAX;
		v = over ? 0 : v;
		below += point;
	}
	*text = p;
	*ret = (uint64_t)v;
	*ret_below = below;
	return over || below > 18 ? -ERANGE : 0;
}

/* A decimal times its unit, exact, or -ERANGE. */
static int units_scaled(const char *text, size_t len, const struct units_unit *unit, uint64_t *ret)
{
	const char *p = text;
	uint64_t digits;
	unsigned below;
	int e = units_decimal(&p, &digits, &below);
	if (e == -EINVAL)
		return e;
	size_t rest = len - (size_t)(p - text);
	for (; unit->name; unit++)
		if (strlen(unit->name) == rest && memcmp(unit->name, p, rest) == 0)
			break;
	if (!unit->name)
		return -EINVAL;
	if (e)
		return e;
	units_wide v = (units_wide)digits * unit->scale;
	for (; below; below--) {
		if (v % 10)
			return -ERANGE;
		v /= 10;
	}
	if (v > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

int gcs_parse_duration(const char *text, int64_t *ret_ns)
{
	uint64_t v;
	int e = units_scaled(text, strlen(text), units_duration, &v);
	if (e == 0 && v > INT64_MAX)
		e = -ERANGE;
	if (e == 0)
		*ret_ns = (int64_t)v;
	return e;
}

int gcs_parse_bytes(const char *text, uint64_t *ret)
{
	return units_scaled(text, strlen(text), units_bytes, ret);
}

int gcs_parse_count(const char *text, uint64_t *ret)
{
	return units_scaled(text, strlen(text), units_count, ret);
}

int gcs_parse_rate(const char *text, uint64_t *ret)
{
	return units_scaled(text, strlen(text), units_rate, ret);
}

static int units_small(const char *text, const struct units_unit *unit, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int e = units_scaled(text, strlen(text), unit, &v);
	if (e == 0 && v > max)
		e = -ERANGE;
	if (e == 0)
		*ret = (uint32_t)v;
	return e;
}

int gcs_parse_share(const char *text, uint32_t *ret_ppb)
{
	return units_small(text, units_share, 1000000000, ret_ppb);
}

int gcs_parse_factor(const char *text, uint32_t *ret_milli)
{
	return units_small(text, units_factor, UINT32_MAX, ret_milli);
}

static int units_hex(const char *p, uint64_t *ret)
{
	uint64_t v = 0;
	if (!*p)
		return -EINVAL;
	for (const char *q = p; *q; q++)
		if (!units_digit(*q) && !(*q >= 'a' && *q <= 'f') && !(*q >= 'A' && *q <= 'F'))
			return -EINVAL;
	if (strlen(p) > 16)
		return -ERANGE;
	for (; *p; p++)
		v = v << 4 |
		    (units_digit(*p) ? (unsigned)(*p - '0') : (unsigned)((*p | 0x20) - 'a' + 10));
	*ret = v;
	return 0;
}

int gcs_parse_number(const char *text, uint64_t *ret)
{
	static const struct units_unit plain[] = {{"", 1}, {NULL, 0}};
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return units_hex(text + 2, ret);
	if (strchr(text, '.'))
		return -EINVAL;
	return units_scaled(text, strlen(text), plain, ret);
}

int gcs_parse_bool(const char *text, bool *ret)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return -EINVAL;
	*ret = text[0] == 't';
	return 0;
}

/* ---- sizes: FIXED | uniform(MIN, MAX) | zipf(S, MIN, MAX) */

/* The next argument, blanks around it dropped, ended by `end`; its length, 0: none. Moves *p behind
 * `end`. */
static size_t units_argument(const char **p, char end, const char **ret)
{
	const char *a = *p, *stop = strchr(a, end);
	if (!stop)
		return 0;
	*p = stop + 1;
	while (*a == ' ')
		a++;
	while (stop > a && stop[-1] == ' ')
		stop--;
	*ret = a;
	return (size_t)(stop - a);
}

static int units_range(const char *p, struct gcs_size *ret)
{
	const char *a;
	size_t n = units_argument(&p, ',', &a);
	int e = n ? units_scaled(a, n, units_bytes, &ret->min) : -EINVAL;
	if (e)
		return e;
	n = units_argument(&p, ')', &a);
	e = n && !*p ? units_scaled(a, n, units_bytes, &ret->max) : -EINVAL;
	if (e == 0 && ret->min > ret->max)
		e = -ERANGE;
	return e;
}

static int units_zipf(const char *p, struct gcs_size *ret)
{
	const char *a;
	uint64_t s;
	size_t n = units_argument(&p, ',', &a);
	int e = n ? units_scaled(a, n, units_factor, &s) : -EINVAL;
	if (e)
		return e;
	if (s == 0 || s > 10000)
		return -ERANGE;
	ret->s_milli = (uint32_t)s;
	return units_range(p, ret);
}

int gcs_parse_size(const char *text, struct gcs_size *ret)
{
	struct gcs_size size = {.dist = GCS_DIST_FIXED};
	int e;
	if (strncmp(text, "zipf(", 5) == 0) {
		size.dist = GCS_DIST_ZIPF;
		e = units_zipf(text + 5, &size);
	} else if (strncmp(text, "uniform(", 8) == 0) {
		size.dist = GCS_DIST_UNIFORM;
		e = units_range(text + 8, &size);
	} else {
		e = gcs_parse_bytes(text, &size.min);
		size.max = size.min;
	}
	if (e == 0 && size.min == 0)
		e = -ERANGE;
	if (e == 0)
		*ret = size;
	return e;
}

int gcs_parse_flow(const char *text, uint64_t *ret)
{
	size_t n = strlen(text);
	if (n < 3 || memcmp(text + n - 2, "/s", 2) != 0)
		return -EINVAL;
	return units_scaled(text, n - 2, units_bytes, ret);
}

int gcs_parse_range(const char *text, uint64_t *ret_min, uint64_t *ret_max)
{
	const char *dots = strstr(text, ".."), *rest = dots ? dots + 2 : text + strlen(text);
	size_t n = dots ? (size_t)(dots - text) : strlen(text);
	uint64_t min = 0, max = 0;
	int e = n ? units_scaled(text, n, units_bytes, &min) : 0;
	if (e == 0 && *rest)
		e = gcs_parse_bytes(rest, &max);
	if (e)
		return e;
	if (n == 0 && !*rest)
		return -EINVAL;
	if (!dots)
		max = min;
	if ((n && min == 0) || (*rest && max == 0) || (max && min > max))
		return -ERANGE;
	*ret_min = min;
	*ret_max = max;
	return 0;
}

int gcs_parse_clock(const char *text, int64_t *ret_ns)
{
	static const int64_t max[3] = {23, 59, 59};
	int64_t seconds = 0;
	bool over = false;
	for (int i = 0; i < 3; i++) {
		if (!units_digit(text[0]) || !units_digit(text[1]) ||
		    (i < 2 ? text[2] != ':' : text[2] && text[2] != '.'))
			return -EINVAL;
		int64_t part = (text[0] - '0') * 10 + (text[1] - '0');
		over |= part > max[i];
		seconds = seconds * 60 + part;
		text += i < 2 ? 3 : 2;
	}
	int64_t fraction_ns = 0, unit_ns = 100000000;
	if (*text == '.' && !units_digit(*++text))
		return -EINVAL;
	for (; units_digit(*text) && unit_ns > 0; text++, unit_ns /= 10)
		fraction_ns += (*text - '0') * unit_ns;
	if (*text)
		return -EINVAL;
	if (over)
		return -ERANGE;
	*ret_ns = seconds * 1000000000 + fraction_ns;
	return 0;
}

int gcs_parse_errno(const char *text, int *ret)
{
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);
		if (name && strcmp(name, text) == 0) {
			*ret = e;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- showing */

/* The largest unit that needs at most three digits behind the point. Tables run from large to
 * small. */
static char *units_show(char *ret, uint64_t v, const struct units_unit *unit)
{
	for (; unit[1].name; unit++)
		if (v >= unit->scale && (units_wide)v * 1000 % unit->scale == 0)
			break;
	uint64_t milli = (uint64_t)((units_wide)(v % unit->scale) * 1000 / unit->scale);
	int n = snprintf(ret, GCS_UNIT_TEXT, "%" PRIu64, v / unit->scale);
	if (milli) {
		n += snprintf(ret + n, GCS_UNIT_TEXT - (size_t)n, ".%03" PRIu64, milli);
		while (ret[n - 1] == '0')
			n--;
	}
	snprintf(ret + n, GCS_UNIT_TEXT - (size_t)n, "%s", unit->name);
	return ret;
}

char *gcs_show_duration(char ret[GCS_UNIT_TEXT], int64_t ns)
{
	static const struct units_unit table[] = {
		{"h", UINT64_C(3600000000000)},
		{"s", 1000000000},
		{"ms", 1000000},
		{"us", 1000},
		{"ns", 1},
		{NULL, 0},
	};
	if (ns == 0)
		return memcpy(ret, "0s", 3);
	return units_show(ret, (uint64_t)ns, table);
}

char *gcs_show_bytes(char ret[GCS_UNIT_TEXT], uint64_t bytes)
{
	static const struct units_unit table[] = {
		{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}, {NULL, 0},
	};
	return units_show(ret, bytes, table);
}

char *gcs_show_count(char ret[GCS_UNIT_TEXT], uint64_t count)
{
	static const struct units_unit plain[] = {{"", 1}, {NULL, 0}};
	/* 1234, not 1.234k */
	return units_show(ret, count, count % 10 ? plain : units_count);
}

char *gcs_show_share(char ret[GCS_UNIT_TEXT], uint32_t ppb)
{
	uint64_t below = ppb % 1000000000u;
	int n = snprintf(ret, GCS_UNIT_TEXT, "%u", ppb / 1000000000u);
	if (below) {
		n += snprintf(ret + n, GCS_UNIT_TEXT - (size_t)n, ".%09" PRIu64, below);
		while (ret[n - 1] == '0')
			ret[--n] = '\0';
	}
	return ret;
}
