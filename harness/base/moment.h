/*
 * moment.h: moments as people write them in a post-mortem: with their date and zone, or a time of
 * day alone.
 *
 *   2024-05-03T03:12:00Z   2024-05-03 03:12:00.250+02:00   RFC 3339: the zone is a part of it
 *   03:12   03:12:00   03:12:00.250                        a time of day, of which day and zone others must know
 *
 * Pure. Days are of 86,400 s: a leap second, 23:59:60, is the second after it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GCS_DAY_NS (INT64_C(86400) * 1000000000)

struct gcs_moment {
	bool given;
	bool dated;	 /* ns is since 1970-01-01T00:00:00Z; else since midnight */
	int32_t zone_s; /* of a dated one: east of UTC, as written */
	int64_t ns;
};

/* 0; -EINVAL: not of this form; -ERANGE: of this form, but there is no such moment (25:00, 30
 * February), or not between the years 1971 and 2199. */
int gcs_parse_moment(const char *text, struct gcs_moment *ret);
/* Time of day in its zone, since midnight. */
int64_t gcs_moment_day_ns(const struct gcs_moment *m);

#define GCS_MOMENT_TEXT 48
/* ns later than m, in its zone: "2024-05-03T03:12:00.25+02:00", or "03:12:00.25" (times of day
 * go round). Whole milliseconds, rounded down. Returns ret. */
char *gcs_show_moment(char ret[GCS_MOMENT_TEXT], const struct gcs_moment *m, int64_t ns);
/* The same without its date: "03:12:00.25". */
char *gcs_show_moment_clock(char ret[GCS_MOMENT_TEXT], const struct gcs_moment *m, int64_t ns);
