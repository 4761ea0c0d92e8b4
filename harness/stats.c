/*
 * stats.c: histogram arithmetic and robust statistics.
 *
 * Limits: a percentile is right to the width of a cell, at most 1/64 of the value; the maximum of a difference
 * may be a cell's top. Counts of a snapshot may miss the operations that ended while it was being read; the next one has them.
 */
#include "harness/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HIST_FORMAT 1u
#define VARINT_MAX 10

void gcs_hist_add(struct gcs_hist *h, uint64_t ns)
{
	h->cell[watch_hist_index(ns)]++;
	h->count++;
	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

void gcs_hist_merge(struct gcs_hist *to, const struct gcs_hist *from)
{
	if (from->count == 0)
		return;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++)
		to->cell[i] += from->cell[i];
	to->count += from->count;
	to->sum_ns += from->sum_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
}

void gcs_hist_clear(struct gcs_hist *h)
{
	memset(h, 0, sizeof(*h));
}

void gcs_hist_snapshot(struct gcs_hist *ret, const struct watch_hist *shared)
{
	/* acquire pairs with the release of count in watch_hist_add: the cells below hold at least that many */
	(void)atomic_load_explicit(&shared->count, memory_order_acquire);
	uint64_t count = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		ret->cell[i] = atomic_load_explicit(&shared->cell[i], memory_order_relaxed);
		count += ret->cell[i];
	}
	ret->count = count;
	ret->sum_ns = atomic_load_explicit(&shared->sum_ns, memory_order_relaxed);
	ret->max_ns = atomic_load_explicit(&shared->max_ns, memory_order_relaxed);
}

void gcs_hist_diff(struct gcs_hist *ret, const struct gcs_hist *now, const struct gcs_hist *before)
{
	uint32_t top = 0;
	uint64_t count = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		uint64_t grown = now->cell[i] - before->cell[i];
		ret->cell[i] = grown;
		count += grown;
		if (grown)
			top = i;
	}
	ret->count = count;
	ret->sum_ns = count ? now->sum_ns - before->sum_ns : 0;
	ret->max_ns = 0;
	if (count == 0)
		return;
	uint64_t cell_top = watch_hist_cell_top(top);
	bool fresh = now->max_ns > before->max_ns && watch_hist_index(now->max_ns) == top;
	ret->max_ns = fresh || cell_top > now->max_ns ? now->max_ns : cell_top;
}

int64_t gcs_hist_at(const struct gcs_hist *h, uint32_t milli_percent)
{
	if (h->count == 0)
		return 0;
	if (milli_percent >= 100000)
		return (int64_t)h->max_ns;
	uint64_t rank = (uint64_t)(((unsigned __int128)h->count * milli_percent + 99999) / 100000);
	if (rank == 0)
		rank = 1;
	uint64_t seen = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		seen += h->cell[i];
		if (seen >= rank) {
			uint64_t top = watch_hist_cell_top(i);
			bool last = i == WATCH_HIST_CELLS - 1; /* holds everything above, too */
			return (int64_t)(last || top > h->max_ns ? h->max_ns : top);
		}
	}
	return (int64_t)h->max_ns;
}

void gcs_hist_pcts(const struct gcs_hist *h, struct gcs_pcts *ret)
{
	ret->count = h->count;
	ret->p50_ns = gcs_hist_at(h, 50000);
	ret->p90_ns = gcs_hist_at(h, 90000);
	ret->p99_ns = gcs_hist_at(h, 99000);
	ret->p999_ns = gcs_hist_at(h, 99900);
	ret->max_ns = (int64_t)h->max_ns;
}

uint64_t gcs_hist_over(const struct gcs_hist *h, uint64_t ns)
{
	uint64_t over = 0;
	for (uint32_t i = watch_hist_index(ns) + 1; i < WATCH_HIST_CELLS; i++)
		over += h->cell[i];
	return over;
}

static size_t hist_put(unsigned char *to, uint64_t v)
{
	size_t n = 0;
	while (v >= 0x80) {
		to[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	to[n++] = (unsigned char)v;
	return n;
}

/* Bytes used, 0: truncated or too long. */
static size_t hist_get(const unsigned char *from, size_t left, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t n = 0; n < left && n < VARINT_MAX; n++) {
		v |= (uint64_t)(from[n] & 0x7f) << (7 * n);
		if (!(from[n] & 0x80)) {
			*ret = v;
			return n + 1;
		}
	}
	return 0;
}

size_t gcs_hist_encode(const struct gcs_hist *h, unsigned char **ret)
{
	size_t used = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++)
		used += h->cell[i] != 0;
	unsigned char *out = malloc(VARINT_MAX * (3 + 2 * used));
	*ret = out;
	if (!out)
		return 0;
	size_t n = hist_put(out, HIST_FORMAT);
	n += hist_put(out + n, h->sum_ns);
	n += hist_put(out + n, h->max_ns);
	uint32_t next = 0;
	for (uint32_t i = 0; i < WATCH_HIST_CELLS; i++) {
		if (h->cell[i] == 0)
			continue;
		n += hist_put(out + n, i - next);
		n += hist_put(out + n, h->cell[i]);
		next = i + 1;
	}
	return n;
}

static int hist_decode_cells(struct gcs_hist *ret, const unsigned char *p, size_t left)
{
	uint64_t index = 0;
	while (left > 0) {
		uint64_t gap, count;
		size_t n = hist_get(p, left, &gap);
		size_t m = n ? hist_get(p + n, left - n, &count) : 0;
		if (m == 0 || gap >= WATCH_HIST_CELLS || index + gap >= WATCH_HIST_CELLS)
			return -EPROTO;
		index += gap;
		ret->cell[index++] = count;
		ret->count += count;
		p += n + m;
		left -= n + m;
	}
	return 0;
}

int gcs_hist_decode(struct gcs_hist *ret, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t head[3];
	gcs_hist_clear(ret);
	for (int i = 0; i < 3; i++) {
		size_t used = hist_get(p, n, &head[i]);
		if (used == 0)
			return -EPROTO;
		p += used;
		n -= used;
	}
	int rc = head[0] == HIST_FORMAT ? hist_decode_cells(ret, p, n) : -EPROTO;
	if (rc != 0) {
		gcs_hist_clear(ret);
		return rc;
	}
	ret->sum_ns = head[1];
	ret->max_ns = head[2];
	return 0;
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
