/*
 * units.h: numbers as people write them in a scenario, read whole or not at all.
 *
 * All arithmetic is on integers: a decimal fraction is exact or refused, and nothing depends on the
 * locale. Traps that are refused on purpose: an exponent (1e6), a number without the unit it needs,
 * a leading zero (octal for some readers), a digit group, white space between number and unit.
 */
#pragma once

#include "harness/scenario.h"

/* All: 0; -EINVAL: not of this form; -ERANGE: of this form, but too large, or a fraction finer than
 * the smallest unit. */
int gcs_parse_duration(const char *text, int64_t *ret_ns); /* 5s 2.5ms 100us 7ns 1m 2h */
int gcs_parse_bytes(const char *text,
		    uint64_t *ret); /* 64B 512MiB 1.5GiB; kB MB GB are powers of ten */
int gcs_parse_count(const char *text, uint64_t *ret); /* 100 200k 1.5M 2G */
int gcs_parse_rate(const char *text, uint64_t *ret);  /* 5k/s */
int gcs_parse_share(const char *text,
		    uint32_t *ret_ppb); /* 2% or 0.02, at most 1, in parts of 10^9 */
int gcs_parse_factor(const char *text, uint32_t *ret_milli); /* 1.25, in thousandths */
int gcs_parse_number(const char *text, uint64_t *ret);	     /* 17 or 0x2481, up to 2^64-1 */
int gcs_parse_bool(const char *text, bool *ret);	     /* true or false and nothing else */
int gcs_parse_size(const char *text,
		   struct gcs_size *ret); /* 4KiB, uniform(64B, 4KiB), zipf(1.2, 64B, 8MiB) */
int gcs_parse_flow(const char *text, uint64_t *ret); /* 5MiB/s, bytes a second */
/* 1KiB..8KiB, 1KiB.., ..8KiB, 64B (that size alone); both ends included, an open end is 0. */
int gcs_parse_range(const char *text, uint64_t *ret_min, uint64_t *ret_max);
int gcs_parse_clock(const char *text, int64_t *ret_ns); /* 03:10:22 or 03:10:22.25, since midnight */
int gcs_parse_errno(const char *text, int *ret);	/* ENOMEM; positive */

/* Shortest exact text with its unit ("2.5ms", "512MiB"); cap of 32 is enough. Returns ret. */
#define GCS_UNIT_TEXT 32
char *gcs_show_duration(char ret[GCS_UNIT_TEXT], int64_t ns);
char *gcs_show_bytes(char ret[GCS_UNIT_TEXT], uint64_t bytes);
char *gcs_show_count(char ret[GCS_UNIT_TEXT], uint64_t count);
char *gcs_show_share(char ret[GCS_UNIT_TEXT], uint32_t ppb);
