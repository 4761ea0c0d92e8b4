/* soak_trend.c: see soak_trend.h. */
#include "harness/soak/soak_trend.h"
#include "harness/measure/stats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TREND_WARM_UP 20

const char gcs_trend_rule[] =
	"rising: by the median slope more than 1 MiB and 5% over the soak, and three of four pairs "
	"of rounds rise; fewer than five rounds say nothing";

const char *gcs_trend_name(enum gcs_trend_word w)
{
	static const char *const names[] = {"inconclusive", "flat", "rising"};
	return names[w];
}

/* At most GCS_TREND_MAX of them, evenly spread, the last one among them. */
static size_t trend_spread(struct gcs_trend_point *p, size_t n)
{
	if (n <= GCS_TREND_MAX)
		return n;
	for (size_t i = 0; i < GCS_TREND_MAX; i++)
		p[i] = p[i * (n - 1) / (GCS_TREND_MAX - 1)];
	return GCS_TREND_MAX;
}

struct trend_pairs {
	double *slope;
	size_t n, up, down;
};

static void trend_pairs(struct trend_pairs *t, const struct gcs_trend_point *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			double rise = p[k].kib - p[i].kib;
			if (p[k].scenario != p[i].scenario || p[k].round <= p[i].round)
				continue;
			t->slope[t->n++] = rise / (double)(p[k].round - p[i].round);
			t->up += rise > 0;
			t->down += rise < 0;
		}
	}
}

static void trend_levels(struct gcs_trend *t, const struct gcs_trend_point *p, size_t n)
{
	double kib[GCS_TREND_MAX];
	for (size_t i = 0; i < n; i++) {
		kib[i] = p[i].kib;
		if (kib[i] > t->max_kib)
			t->max_kib = kib[i];
	}
	t->median_kib = gcs_median(kib, n);
}

static bool trend_rises(const struct gcs_trend *t, double over_rounds)
{
	double grown = t->slope_kib * over_rounds;
	return grown > GCS_TREND_KIB && grown > GCS_TREND_SHARE * t->median_kib &&
	       t->rising >= GCS_TREND_RISING;
}

int gcs_trend_of(struct gcs_trend_point *p, size_t n, struct gcs_trend *ret)
{
	struct gcs_trend t = {.rounds = n};
	if (n) {
		t.first_kib = p[0].kib;
		t.last_kib = p[n - 1].kib;
	}
	if (n > TREND_WARM_UP) {
		p += n / 10;
		n -= n / 10;
	}
	n = trend_spread(p, n);
	trend_levels(&t, p, n);
	struct trend_pairs pairs = {.slope = calloc(n * n / 2 + 1, sizeof(double))};
	if (!pairs.slope)
		return -ENOMEM;
	trend_pairs(&pairs, p, n);
	if (n >= GCS_TREND_MIN && pairs.n) {
		t.slope_kib = gcs_median(pairs.slope, pairs.n);
		if (pairs.up + pairs.down)
			t.rising = (double)pairs.up / (double)(pairs.up + pairs.down);
		t.word = trend_rises(&t, (double)(p[n - 1].round - p[0].round)) ? GCS_TREND_RISES
										: GCS_TREND_FLAT;
	}
	free(pairs.slope);
	*ret = t;
	return 0;
}
