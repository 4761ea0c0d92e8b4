/* told.c: see told.h. */
#include "harness/measure/told.h"

#include "harness/measure/check.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the last digit that tells something is worth, in the unit that the text is written in. */
static double told_grain(const char *digits, size_t n)
{
	const char *dot = memchr(digits, '.', n);
	if (dot)
		return pow(10, -(double)(digits + n - dot - 1));
	size_t zeros = 0;
	while (zeros + 1 < n && digits[n - 1 - zeros] == '0')
		zeros++;
	return pow(10, (double)zeros);
}

/* A rate that is no whole number, 1.6/s, which a check has not: digits, a point, digits, /s. */
static int told_fraction_rate(const char *text, size_t n, double *ret)
{
	const char *dot = memchr(text, '.', n);
	if (!dot || dot == text || dot + 1 == text + n || strchr(dot + 1, '.') ||
	    strcmp(text + n, "/s") != 0)
		return -EINVAL;
	*ret = strtod(text, NULL);
	return 0;
}

int gcs_told_parse(const char *text, enum gcs_unit unit, uint32_t within_ppb, struct gcs_told *ret)
{
	size_t n = strspn(text, "0123456789.");
	double value, half = 0;
	int e = gcs_value_parse(text, unit, &value);
	if (e && unit == GCS_UNIT_RATE)
		e = told_fraction_rate(text, n, &value);
	if (e)
		return e;
	/* of plain digits: no locale has another point in "C", and we never leave it */
	double written = strtod(text, NULL);
	if (within_ppb)
		half = value * within_ppb / 1e9;
	else if (written > 0)
		half = told_grain(text, n) / 2 * (value / written);
	*ret = (struct gcs_told){value, fmax(0, value - half), value + half};
	return 0;
}
