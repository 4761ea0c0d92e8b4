/* logged.c: see logged.h. */
#include "harness/measure/logged.h"

#include <stdlib.h>
#include <string.h>

#define LOGGED_GOAL_MAX ((uint64_t)1 << 60) /* from there on: GOGC off */

struct logged_stretch {
	const struct gcs_fidelity_cycle *c;
	size_t n;
	int64_t span_ns;
	double *work;
};

static int logged_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The pth millionth of n values, the smallest that so many do not exceed. */
static double logged_percentile(double *v, size_t n, uint32_t at)
{
	qsort(v, n, sizeof(*v), logged_order);
	size_t rank = (size_t)(((unsigned __int128)n * at + 999999) / 1000000);
	return v[rank > 0 ? rank - 1 : 0];
}

/* pause.stw and gc.mark: "count", "max" or a percentile (metric->at). */
static bool logged_series(const struct gcs_metric *m, const struct logged_stretch *s, bool stops,
			  double *ret)
{
	const char *field = strrchr(m->name, '.') + 1;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		s->work[n++] = (double)(stops ? s->c[i].stop_first_ns : s->c[i].mark_ns);
		if (stops)
			s->work[n++] = (double)s->c[i].stop_second_ns;
	}
	if (strcmp(field, "count") == 0) {
		*ret = (double)n;
		return true;
	}
	if (n > 0)
		*ret = logged_percentile(s->work, n, m->at);
	return n > 0;
}

static bool logged_count(const struct gcs_metric *m, const struct logged_stretch *s, double *ret)
{
	bool forced = strcmp(m->name, "gc.forced") == 0;
	double n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += !forced || s->c[i].forced;
	if (strcmp(m->name, "gc.rate") == 0)
		n /= (double)s->span_ns * 1e-9;
	*ret = n;
	return s->span_ns > 0;
}

static uint64_t logged_bytes(const struct gcs_fidelity_cycle *c, bool goal)
{
	if (!goal)
		return c->heap_end;
	return c->goal < LOGGED_GOAL_MAX ? c->goal : 0;
}

static bool logged_heap(const struct gcs_metric *m, const struct logged_stretch *s, double *ret)
{
	uint64_t most = 0;
	if (s->n > 0 && strcmp(m->name, "heap.live") == 0) {
		*ret = (double)s->c[s->n - 1].heap_marked;
		return true;
	}
	for (size_t i = 0; i < s->n; i++) {
		uint64_t bytes = logged_bytes(&s->c[i], strcmp(m->name, "heap.goal.max") == 0);
		most = bytes > most ? bytes : most;
	}
	*ret = (double)most;
	return most > 0;
}

bool gcs_logged_metric(const struct gcs_metric *metric, const struct gcs_fidelity_cycle *c,
		       size_t n, int64_t from_ns, int64_t to_ns,
		       double *work, double *ret)
{
	static const char *const counts[] = {"gc.cycles", "gc.forced", "gc.rate"},
				*const heaps[] = {"heap.live", "heap.live.max", "heap.goal.max"};
	struct logged_stretch s = {.c = c, .span_ns = to_ns - from_ns, .work = work};
	for (; n > 0 && s.c->at_ns < from_ns; n--)
		s.c++;
	while (s.n < n && s.c[s.n].at_ns < to_ns)
		s.n++;
	bool stops = strncmp(metric->name, "pause.stw.", 10) == 0;
	if (stops || strncmp(metric->name, "gc.mark.", 8) == 0)
		return logged_series(metric, &s, stops, ret);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (strcmp(metric->name, counts[i]) == 0)
			return logged_count(metric, &s, ret);
		if (strcmp(metric->name, heaps[i]) == 0)
			return logged_heap(metric, &s, ret);
	}
	return false;
}
