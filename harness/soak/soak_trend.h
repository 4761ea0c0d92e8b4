/*
 * soak_trend.h: does a figure grow from round to round?
 *
 * The slope is the median of the slopes of all pairs of rounds of one scenario (Theil and Sen): no
 * single round can bend it, and scenarios of different size do not either. The first tenth of the
 * rounds is left out while more than twenty are there: what is set up once is not growth.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GCS_TREND_MAX	 256 /* rounds looked at, evenly spread */
#define GCS_TREND_MIN	 5
#define GCS_TREND_KIB	 1024 /* rising: more than this over the soak */
#define GCS_TREND_SHARE	 0.05 /* and more than this share of the median, */
#define GCS_TREND_RISING 0.75 /* and so many of the pairs that differ rise */

struct gcs_trend_point {
	uint64_t round;
	uint32_t scenario;
	double kib;
};
enum gcs_trend_word { GCS_TREND_INCONCLUSIVE, GCS_TREND_FLAT, GCS_TREND_RISES };
struct gcs_trend {
	enum gcs_trend_word word;
	size_t rounds;
	double first_kib, last_kib, median_kib, max_kib;
	double slope_kib; /* a round */
	double rising;	  /* share of the pairs that differ */
};
extern const char gcs_trend_rule[]; /* one sentence */
const char *gcs_trend_name(enum gcs_trend_word w);
/* Points in the order of rounds; they are overwritten. 0, -ENOMEM. */
int gcs_trend_of(struct gcs_trend_point *p, size_t n, struct gcs_trend *ret);
