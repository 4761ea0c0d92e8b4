/*
 * line_cursor.c: see line_cursor.h.
 */
#include "harness/import/line_cursor.h"

#include <math.h>
#include <string.h>

bool line_fail(struct line_cursor *c)
{
	if (c->fault == LINE_NONE)
		c->fault = c->p == c->end ? LINE_CUT : LINE_INTERRUPTED;
	return false;
}

bool line_range(struct line_cursor *c)
{
	if (c->fault == LINE_NONE)
		c->fault = LINE_RANGE;
	return false;
}

bool line_try(struct line_cursor *c, const char *literal)
{
	size_t n = strlen(literal), left = (size_t)(c->end - c->p);
	if (left >= n && memcmp(c->p, literal, n) == 0) {
		c->p += n;
		return true;
	}
	if (left < n && memcmp(c->p, literal, left) == 0)
		c->p = c->end;
	return false;
}

bool line_is(struct line_cursor *c, const char *literal)
{
	return line_try(c, literal) || line_fail(c);
}

bool line_at(const struct line_cursor *c, const char *literal)
{
	size_t n = strlen(literal);
	return (size_t)(c->end - c->p) >= n && memcmp(c->p, literal, n) == 0;
}

bool line_digit(const struct line_cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

bool line_may(const struct line_cursor *c, const char *literal, size_t least)
{
	size_t n = strlen(literal), left = (size_t)(c->end - c->p);
	return memcmp(c->p, literal, left < n ? left : n) == 0 && (left >= n || left >= least);
}

bool line_number(struct line_cursor *c, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	bool large = false;
	if (!line_digit(c))
		return line_fail(c);
	for (; line_digit(c); c->p++) {
		unsigned d = (unsigned)(*c->p - '0');
		large = large || d > max || v > (max - d) / 10;
		v = large ? max : 10 * v + d;
	}
	*ret = v;
	return !large || line_range(c);
}

bool line_u32(struct line_cursor *c, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	if (!line_number(c, max, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool line_number_then(struct line_cursor *c, uint64_t max, uint64_t *ret, const char *literal)
{
	return line_number(c, max, ret) && line_is(c, literal);
}

bool line_u32_then(struct line_cursor *c, uint32_t max, uint32_t *ret, const char *literal)
{
	return line_u32(c, max, ret) && line_is(c, literal);
}

bool line_signed(struct line_cursor *c, uint64_t max, int64_t *ret)
{
	bool minus = line_at(c, "-");
	uint64_t v;
	c->p += minus;
	if (!line_number(c, max < INT64_MAX ? max : INT64_MAX, &v))
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

bool line_time(struct line_cursor *c, uint64_t max, int64_t unit_ns, int64_t *ret)
{
	uint64_t whole;
	if (!line_number(c, max, &whole))
		return false;
	int64_t ns = (int64_t)whole * unit_ns;
	if (line_at(c, ".")) {
		c->p++;
		if (!line_digit(c))
			return line_fail(c);
		for (; line_digit(c); c->p++) {
			unit_ns /= 10;
			ns += unit_ns * (*c->p - '0');
		}
	}
	*ret = ns;
	return true;
}

/* n digits, no more. */
static bool line_digits(struct line_cursor *c, unsigned n, uint32_t *ret)
{
	uint32_t v = 0;
	for (; n; n--, c->p++) {
		if (!line_digit(c))
			return line_fail(c);
		v = 10 * v + (uint32_t)(*c->p - '0');
	}
	*ret = v;
	return true;
}

/* 10^n; exact up to 22. */
static double line_power(unsigned n)
{
	double v = 1;
	for (; n; n--)
		v *= 10;
	return v;
}

/* The digits are a whole number of millionths, and powers of ten are exact up to 10^22: in that
 * range one division or multiplication rounds once, and the double is the nearest. */
static double line_scaled(uint32_t millionths, int exponent)
{
	exponent -= 6;
	return exponent < 0 ? millionths / line_power((unsigned)-exponent)
			    : millionths * line_power((unsigned)exponent);
}

bool line_float(struct line_cursor *c, double *ret)
{
	uint32_t whole, fraction, exponent;
	if (line_try(c, "NaN")) {
		*ret = NAN;
		return true;
	}
	bool minus = line_at(c, "-");
	if (!minus && !line_at(c, "+"))
		return line_fail(c);
	c->p++;
	if (line_try(c, "Inf")) {
		*ret = minus ? -INFINITY : INFINITY;
		return true;
	}
	if (!line_digits(c, 1, &whole) || !line_is(c, ".") || !line_digits(c, 6, &fraction) ||
	    !line_is(c, "e"))
		return false;
	bool small = line_at(c, "-");
	if (!small && !line_at(c, "+"))
		return line_fail(c);
	c->p++;
	if (!line_digits(c, 3, &exponent))
		return false;
	if (exponent > LINE_EXPONENT_MAX)
		return line_range(c);
	double v = line_scaled(whole * 1000000 + fraction, small ? -(int)exponent : (int)exponent);
	*ret = minus ? -v : v;
	return true;
}

bool line_arrow(struct line_cursor *c)
{
	return line_try(c, "->") || line_try(c, "-\\u003e") || line_try(c, "-&gt;") || line_fail(c);
}
