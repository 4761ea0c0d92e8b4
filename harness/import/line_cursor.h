/*
 * line_cursor.h: reading a line of the Go runtime from left to right, one literal or number after
 * the other. Where it cannot go on, the place says why: at the end of the text the line was cut,
 * before it something else stands there. The first fault stays.
 *
 * Pure: the text is the caller's, needs no terminating 0, and nothing is read past `end`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_fault {
	LINE_NONE,
	LINE_CUT,	  /* the text ends */
	LINE_INTERRUPTED, /* something else stands there */
	LINE_RANGE,	  /* a number that no program reaches */
};

struct line_cursor {
	const char *p, *end;
	enum line_fault fault; /* of the first failure */
};

/* What no program reaches; below it nothing overflows. */
#define LINE_MIB_MAX   (1u << 30) /* 1 PiB */
#define LINE_PROCS_MAX (1u << 20)
#define LINE_MS_MAX    10000000000ull /* 116 days, and as microseconds too: in ns it fits 63 bits */
#define LINE_EXPONENT_MAX 300u

/* The fault of this place; always false. */
bool line_fail(struct line_cursor *c);
/* A fault of a number that was read; always false. */
bool line_range(struct line_cursor *c);
/* The literal, if it is there. A text that ends inside it is left at its end: it was cut. */
bool line_try(struct line_cursor *c, const char *literal);
/* The literal, or a fault. */
bool line_is(struct line_cursor *c, const char *literal);
/* At the literal; at a digit: only looked at. */
bool line_at(const struct line_cursor *c, const char *literal);
bool line_digit(const struct line_cursor *c);
/* At the literal, or the text ends inside it with at least so many bytes of it: only looked at.
 * What may stand there or not is then taken (line_is) where it is, and cut where it begins only. */
bool line_may(const struct line_cursor *c, const char *literal, size_t least);
/* Digits, at most max. */
bool line_number(struct line_cursor *c, uint64_t max, uint64_t *ret);
bool line_u32(struct line_cursor *c, uint32_t max, uint32_t *ret);
/* The number and then the literal. */
bool line_number_then(struct line_cursor *c, uint64_t max, uint64_t *ret, const char *literal);
bool line_u32_then(struct line_cursor *c, uint32_t max, uint32_t *ret, const char *literal);
/* Perhaps a minus, then digits, within +-max. */
bool line_signed(struct line_cursor *c, uint64_t max, int64_t *ret);
/* Digits, perhaps with a fraction, of what is unit_ns long. Finer than 1 ns is dropped. */
bool line_time(struct line_cursor *c, uint64_t max, int64_t unit_ns, int64_t *ret);
/* A float as Go's print writes it: +1.234567e-003, +Inf, NaN. Three digits of exponent end it. */
bool line_float(struct line_cursor *c, double *ret);
/* `->`, as JSON and HTML write it too. */
bool line_arrow(struct line_cursor *c);
