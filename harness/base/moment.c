/* moment.c: see moment.h. */
#include "harness/base/moment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOMENT_YEAR_MIN 1971
#define MOMENT_YEAR_MAX 2199
#define MOMENT_S	INT64_C(1000000000)
#define MOMENT_MS	INT64_C(1000000)

/* ---- reading */

/* n digits at *p; *p behind them. */
static bool moment_digits(const char **p, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		char c = (*p)[i];
		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*p += n;
	*ret = v;
	return true;
}

static bool moment_char(const char **p, char c)
{
	bool is = **p == c;
	*p += is;
	return is;
}

/* Days since 1970-01-01 (Gregorian; years that begin in March, so that February's end is the
 * year's). */
static int64_t moment_days(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int moment_month_days(int year, int month)
{
	static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

/* HH:MM[:SS[.fff]], seconds asked for or not. */
static int moment_day(const char **p, bool seconds, int64_t *ret_ns)
{
	int h, m, s = 0;
	int64_t fraction = 0, unit = MOMENT_S;
	if (!moment_digits(p, 2, &h) || !moment_char(p, ':') || !moment_digits(p, 2, &m))
		return -EINVAL;
	bool has = moment_char(p, ':');
	if ((seconds && !has) || (has && !moment_digits(p, 2, &s)))
		return -EINVAL;
	if (has && moment_char(p, '.')) {
		int digit;
		if (**p < '0' || **p > '9')
			return -EINVAL;
		for (; moment_digits(p, 1, &digit); fraction += digit * unit)
			unit /= 10; /* finer than 1 ns: nothing */
	}
	if (h > 23 || m > 59 || s > (h == 23 && m == 59 ? 60 : 59))
		return -ERANGE;
	*ret_ns = ((int64_t)h * 3600 + m * 60 + s) * MOMENT_S + fraction;
	return 0;
}

static int moment_zone(const char **p, int32_t *ret_s)
{
	int h, m;
	*ret_s = 0;
	if (moment_char(p, 'Z') || moment_char(p, 'z'))
		return 0;
	int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0;
	*p += sign != 0;
	if (!sign || !moment_digits(p, 2, &h) || !moment_char(p, ':') || !moment_digits(p, 2, &m))
		return -EINVAL;
	if (h > 23 || m > 59)
		return -ERANGE;
	*ret_s = sign * (h * 3600 + m * 60);
	return 0;
}

static int moment_dated(const char *p, struct gcs_moment *ret)
{
	int year, month, day, wrong = 0;
	int64_t ns = 0;
	int32_t zone_s = 0;
	if (!moment_digits(&p, 4, &year) || !moment_char(&p, '-') ||
	    !moment_digits(&p, 2, &month) ||
	    !moment_char(&p, '-') || !moment_digits(&p, 2, &day))
		return -EINVAL;
	if (year < MOMENT_YEAR_MIN || year > MOMENT_YEAR_MAX || month < 1 || month > 12 ||
	    day < 1 ||
	    day > moment_month_days(year, month))
		wrong = -ERANGE;
	if (!moment_char(&p, 'T') && !moment_char(&p, 't') && !moment_char(&p, ' '))
		return -EINVAL;
	int e = moment_day(&p, true, &ns);
	if (e == 0)
		e = moment_zone(&p, &zone_s);
	if (e == 0 && *p)
		e = -EINVAL;
	if (e || wrong)
		return e ? e : wrong;
	ns += (moment_days(year, month, day) * 86400 - zone_s) * MOMENT_S;
	*ret = (struct gcs_moment){.given = true, .dated = true, .zone_s = zone_s, .ns = ns};
	return 0;
}

int gcs_parse_moment(const char *text, struct gcs_moment *ret)
{
	const char *p = text;
	int64_t ns = 0;
	if (strlen(text) > 4 && text[4] == '-')
		return moment_dated(text, ret);
	int e = moment_day(&p, false, &ns);
	if (e == 0 && *p)
		e = -EINVAL;
	if (e == 0 && ns >= GCS_DAY_NS)
		e = -ERANGE; /* 23:59:60 of no day */
	if (e == 0)
		*ret = (struct gcs_moment){.given = true, .ns = ns};
	return e;
}

/* ---- showing */

static int64_t moment_floor(int64_t v, int64_t by)
{
	int64_t q = v / by;
	return q - (v % by < 0);
}

/* ns after midnight of its own zone, any day. */
static int64_t moment_local_ns(const struct gcs_moment *m)
{
	return m->dated ? m->ns + m->zone_s * MOMENT_S : m->ns;
}

int64_t gcs_moment_day_ns(const struct gcs_moment *m)
{
	int64_t ns = moment_local_ns(m);
	return ns - moment_floor(ns, GCS_DAY_NS) * GCS_DAY_NS;
}

static int moment_put_clock(char *ret, int64_t day_ns)
{
	int64_t s = day_ns / MOMENT_S, ms = day_ns % MOMENT_S / MOMENT_MS;
	int n = snprintf(ret, GCS_MOMENT_TEXT, "%02d:%02d:%02d", (int)(s / 3600),
			 (int)(s / 60 % 60), (int)(s % 60));
	if (ms) {
		n += snprintf(ret + n, GCS_MOMENT_TEXT - (size_t)n, ".%03d", (int)ms);
		while (ret[n - 1] == '0')
			ret[--n] = '\0';
	}
	return n;
}

/* The civil date of a day since 1970-01-01: moment_days, backwards. */
static int moment_put_date(char *ret, int64_t days)
{
	int year = (int)(1970 + moment_floor(days * 400, 146097)), month = 12;
	while (moment_days(year, 1, 1) > days)
		year--;
	while (moment_days(year + 1, 1, 1) <= days)
		year++;
	while (moment_days(year, month, 1) > days)
		month--;
	return snprintf(ret, GCS_MOMENT_TEXT, "%04d-%02d-%02dT", year, month,
			(int)(days - moment_days(year, month, 1)) + 1);
}

char *gcs_show_moment_clock(char ret[GCS_MOMENT_TEXT], const struct gcs_moment *m, int64_t ns)
{
	int64_t at = moment_local_ns(m) + ns;
	moment_put_clock(ret, at - moment_floor(at, GCS_DAY_NS) * GCS_DAY_NS);
	return ret;
}

char *gcs_show_moment(char ret[GCS_MOMENT_TEXT], const struct gcs_moment *m, int64_t ns)
{
	char clock[GCS_MOMENT_TEXT];
	int n = 0, zone = m->zone_s < 0 ? -m->zone_s : m->zone_s;
	gcs_show_moment_clock(clock, m, ns);
	if (m->dated)
		n = moment_put_date(ret, moment_floor(moment_local_ns(m) + ns, GCS_DAY_NS));
	n += snprintf(ret + n, GCS_MOMENT_TEXT - (size_t)n, "%.15s", clock);
	if (m->dated && m->zone_s == 0)
		snprintf(ret + n, GCS_MOMENT_TEXT - (size_t)n, "Z");
	else if (m->dated)
		snprintf(ret + n, GCS_MOMENT_TEXT - (size_t)n, "%c%02d:%02d",
			 m->zone_s < 0 ? '-' : '+',
			 zone / 3600, zone / 60 % 60);
	return ret;
}
