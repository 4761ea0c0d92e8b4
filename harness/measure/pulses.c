/*
 * pulses.c: an array in the order of time; what is added is joined from its end backwards.
 */
#include "harness/measure/pulses.h"

#include "harness/measure/stats.h"

#include <stdlib.h>
#include <string.h>

static bool pulses_grow(struct gcs_pulses *p)
{
	uint32_t cap = p->cap ? 2 * p->cap : 8;
	struct gcs_pulse *of = realloc(p->of, cap * sizeof(*of));
	if (!of)
		return false;
	p->of = of;
	p->cap = cap;
	return true;
}

void gcs_pulses_add(struct gcs_pulses *p, int64_t start_ns, int64_t end_ns)
{
	uint32_t end = p->n, first;
	if (p->n == p->cap && !pulses_grow(p))
		return;
	while (end > 0 && p->of[end - 1].start_ns > end_ns)
		end--;
	for (first = end; first > 0 && p->of[first - 1].end_ns >= start_ns; first--) {
		if (p->of[first - 1].start_ns < start_ns)
			start_ns = p->of[first - 1].start_ns;
		if (p->of[first - 1].end_ns > end_ns)
			end_ns = p->of[first - 1].end_ns;
	}
	/* [first, end) becomes one */
	memmove(p->of + first + 1, p->of + end, (p->n - end) * sizeof(*p->of));
	p->of[first] = (struct gcs_pulse){start_ns, end_ns};
	p->n = p->n - (end - first) + 1;
}

void gcs_pulses_merge(struct gcs_pulses *to, const struct gcs_pulses *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		gcs_pulses_add(to, from->of[i].start_ns, from->of[i].end_ns);
}

void gcs_pulses_fini(struct gcs_pulses *p)
{
	free(p->of);
	memset(p, 0, sizeof(*p));
}

/* Median of n values, made by fn. */
static bool pulses_median(const struct gcs_pulses *p, uint32_t n,
			  double (*fn)(const struct gcs_pulse *), double *ret)
{
	double *v = n ? malloc(n * sizeof(*v)) : NULL;
	if (!v)
		return false;
	for (uint32_t i = 0; i < n; i++)
		v[i] = fn(&p->of[i]);
	*ret = gcs_median(v, n);
	free(v);
	return true;
}

static double pulse_width(const struct gcs_pulse *p)
{
	return (double)(p->end_ns - p->start_ns);
}

static double pulse_distance(const struct gcs_pulse *p)
{
	return (double)(p[1].start_ns - p[0].start_ns);
}

bool gcs_pulses_width(const struct gcs_pulses *p, double *ret)
{
	return pulses_median(p, p->n, pulse_width, ret);
}

bool gcs_pulses_period(const struct gcs_pulses *p, double *ret)
{
	return pulses_median(p, p->n ? p->n - 1 : 0, pulse_distance, ret);
}

uint32_t gcs_pulses_shared(const struct gcs_pulses *p, const struct gcs_pulses *others)
{
	uint32_t shared = 0, k = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		while (k < others->n && others->of[k].end_ns < p->of[i].start_ns)
			k++;
		shared += k < others->n && others->of[k].start_ns <= p->of[i].end_ns;
	}
	return shared;
}
