/*
 * stats.c: histograms as bytes, and robust statistics.
 *
 * The bytes of a histogram are a few hundred for a thousand values: only cells that hold something
 * are written. Decoding trusts nothing: a record may be damaged or made by somebody else.
 */
#include "harness/measure/stats.h"

#include "harness/measure/varint.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HIST_FORMAT 1u

void gcs_hist_pcts(const struct watch_hist_sum *h, struct gcs_pcts *ret)
{
	ret->count = h->count;
	ret->p50_ns = (int64_t)watch_hist_sum_at(h, 500000);
	ret->p90_ns = (int64_t)watch_hist_sum_at(h, 900000);
	ret->p99_ns = (int64_t)watch_hist_sum_at(h, 990000);
	ret->p999_ns = (int64_t)watch_hist_sum_at(h, 999000);
	ret->max_ns = (int64_t)h->max_ns;
}

size_t gcs_hist_encode(const struct watch_hist_sum *h, unsigned char **ret)
{
	size_t used = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++)
		used += h->cell[i] != 0;
	unsigned char *out = malloc(GCS_VARINT_MAX * (3 + 2 * used));
	*ret = out;
	if (!out)
		return 0;
	size_t n = gcs_varint_put(out, HIST_FORMAT);
	n += gcs_varint_put(out + n, h->sum_ns);
	n += gcs_varint_put(out + n, h->max_ns);
	uint32_t next = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		if (h->cell[i] == 0)
			continue;
		n += gcs_varint_put(out + n, i - next);
		n += gcs_varint_put(out + n, h->cell[i]);
		next = i + 1;
	}
	return n;
}

/* Into NULL: only whether they are such cells. */
static int hist_add_cells(struct watch_hist_sum *into, const unsigned char *p, size_t left)
{
	uint64_t index = 0;
	while (left > 0) {
		uint64_t gap, count;
		size_t n = gcs_varint_get(p, left, &gap);
		size_t m = n ? gcs_varint_get(p + n, left - n, &count) : 0;
		if (m == 0 || gap >= WATCH_HIST_CELLS || index + gap >= WATCH_HIST_CELLS)
			return -EPROTO;
		index += gap;
		if (into) {
			into->cell[index] += count;
			into->count += count;
		}
		index++;
		p += n + m;
		left -= n + m;
	}
	return 0;
}

int gcs_hist_add(struct watch_hist_sum *into, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t head[3];
	for (int i = 0; i < 3; i++) {
		size_t used = gcs_varint_get(p, n, &head[i]);
		if (used == 0)
			return -EPROTO;
		p += used;
		n -= used;
	}
	if (head[0] != HIST_FORMAT || hist_add_cells(NULL, p, n) != 0)
		return -EPROTO;
	hist_add_cells(into, p, n);
	into->sum_ns += head[1];
	if (head[2] > into->max_ns)
		into->max_ns = head[2];
	return 0;
}

int gcs_hist_decode(struct watch_hist_sum *ret, const void *bytes, size_t n)
{
	memset(ret, 0, sizeof(*ret));
	return gcs_hist_add(ret, bytes, n);
}

static int stats_order(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double gcs_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), stats_order);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double gcs_spread(double *v, size_t n, double middle)
{
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(v[i] - middle);
	return 1.4826 * gcs_median(v, n);
}
