/*
 * fidelity.c: scores and pairs; the reasons are fidelity_note.c's.
 */
#include "harness/measure/fidelity_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIDELITY_DECILES 9

const char *const gcs_fidelity_name[GCS_FIDELITY_WHATS] = {
	[GCS_FIDELITY_COUNT] = "count",
	[GCS_FIDELITY_PERIOD] = "period",
	[GCS_FIDELITY_LIVE] = "live",
	[GCS_FIDELITY_GOAL] = "goal",
	[GCS_FIDELITY_TRIGGER] = "trigger",
	[GCS_FIDELITY_STOP_FIRST] = "stop_first",
	[GCS_FIDELITY_MARK] = "mark",
	[GCS_FIDELITY_STOP_SECOND] = "stop_second",
};

/* ---------------------------------------------------------------- numbers */

/* Smaller over larger of x and whichever value of [low, high] is nearest to it. */
static double fidelity_ratio(double low, double high, double x)
{
	if (x < low)
		return x > 0 ? x / low : 0;
	if (x > high)
		return high > 0 ? high / x : 0;
	return 1;
}

static int fidelity_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of n sorted values, straight between two; q from 0 to 1. */
static double fidelity_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;
	return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static double fidelity_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), fidelity_order);
	return fidelity_quantile(values, n, 0.5);
}

/* Intervals between starts, sorted: n - 1 of them. */
static size_t fidelity_intervals(const struct gcs_fidelity_cycle *c, size_t n, double *ret)
{
	for (size_t i = 1; i < n; i++)
		ret[i - 1] = (double)(c[i].at_ns - c[i - 1].at_ns);
	if (n < 2)
		return 0;
	qsort(ret, n - 1, sizeof(*ret), fidelity_order);
	return n - 1;
}

/* ---------------------------------------------------------------- the window */

static void fidelity_clip(struct fidelity_side *s, const struct gcs_fidelity_cycle *c, size_t n,
			  int64_t from_ns, int64_t to_ns)
{
	size_t first = 0, end = n;
	while (first < n && c[first].at_ns < from_ns)
		first++;
	while (end > first && c[end - 1].at_ns >= to_ns)
		end--;
	s->cycle = c + first;
	s->n = end - first;
}

static void fidelity_window(struct fidelity_work *w)
{
	const struct gcs_fidelity_options *o = w->opt;
	struct gcs_fidelity *f = w->ret;
	fidelity_clip(&w->logged, o->logged, o->nlogged, INT64_MIN, o->end_ns);
	f->from_ns = 0;
	f->to_ns = o->end_ns;
	if (w->logged.n >= 2) {
		const struct gcs_fidelity_cycle *a = w->logged.cycle, *z = a + w->logged.n - 1;
		int64_t from_ns = a->at_ns - (a[1].at_ns - a->at_ns) / 2;
		int64_t to_ns = z->at_ns + (z->at_ns - z[-1].at_ns) / 2 + 1;
		f->from_ns = from_ns > 0 ? from_ns : 0;
		f->to_ns = to_ns < o->end_ns ? to_ns : o->end_ns;
	}
	fidelity_clip(&w->reproduced, o->reproduced, o->nreproduced, f->from_ns, f->to_ns);
	f->nlogged = w->logged.n;
	f->nreproduced = w->reproduced.n;
}

/* ---------------------------------------------------------------- scores */

static void fidelity_score(struct fidelity_work *w, enum gcs_fidelity_what what, double logged,
			   double reproduced, double score)
{
	struct gcs_fidelity_score *s = &w->ret->of[what];
	s->has = true;
	s->logged = logged;
	s->reproduced = reproduced;
	if (what >= GCS_FIDELITY_SCORED)
		return;
	s->scored = true;
	s->score = score;
	if (!w->ret->has || score < w->ret->overall)
		w->ret->overall = score;
	w->ret->has = true;
}

static void fidelity_count(struct fidelity_work *w)
{
	double n = (double)w->logged.n, m = (double)w->reproduced.n;
	fidelity_score(w, GCS_FIDELITY_COUNT, n, m, fidelity_ratio(n, n, m));
}

static void fidelity_period(struct fidelity_work *w)
{
	double *a = w->value, *b = w->value + w->logged.n, grain = (double)w->opt->grain_ns, sum = 0;
	size_t n = fidelity_intervals(w->logged.cycle, w->logged.n, a);
	size_t m = fidelity_intervals(w->reproduced.cycle, w->reproduced.n, b);
	if (n == 0)
		return;
	double logged = fidelity_quantile(a, n, 0.5);
	if (m == 0) {
		fidelity_score(w, GCS_FIDELITY_PERIOD, logged, 0, 0);
		return;
	}
	for (int d = 1; d <= FIDELITY_DECILES; d++) {
		double x = fidelity_quantile(a, n, d / 10.0), y = fidelity_quantile(b, m, d / 10.0);
		sum += fidelity_ratio(x - grain, x + grain, y);
	}
	fidelity_score(w, GCS_FIDELITY_PERIOD, logged, fidelity_quantile(b, m, 0.5),
		       sum / FIDELITY_DECILES);
}

uint64_t fidelity_bytes(const struct gcs_fidelity_cycle *c, enum gcs_fidelity_what what)
{
	return what == GCS_FIDELITY_GOAL ? c->goal : c->heap_marked;
}

double fidelity_curve(const struct gcs_fidelity_options *o, enum gcs_fidelity_what what, int64_t t_ns,
		      size_t *at)
{
	const struct gcs_fidelity_cycle *c = o->reproduced;
	while (*at + 1 < o->nreproduced && c[*at + 1].at_ns <= t_ns)
		(*at)++;
	double here = (double)fidelity_bytes(&c[*at], what);
	if (*at + 1 == o->nreproduced || t_ns <= c[*at].at_ns)
		return here;
	double next = (double)fidelity_bytes(&c[*at + 1], what);
	double share = (double)(t_ns - c[*at].at_ns) / (double)(c[*at + 1].at_ns - c[*at].at_ns);
	return here + (next - here) * share;
}

/* A goal of a run without GOGC and limit is no number to compare. */
static bool fidelity_is_goal(uint64_t bytes)
{
	return bytes < (uint64_t)1 << 60;
}

/* Nor is what Go up to 1.8 prints for a forced cycle: the heap as it was. */
bool fidelity_compares(const struct gcs_fidelity_cycle *c, enum gcs_fidelity_what what)
{
	return what != GCS_FIDELITY_GOAL ||
	       (fidelity_is_goal(c->goal) && !(c->forced && c->goal <= c->heap_start));
}

static void fidelity_heap(struct fidelity_work *w, enum gcs_fidelity_what what)
{
	const struct gcs_fidelity_options *o = w->opt;
	double grain = (double)o->grain_bytes, logged = 0, reproduced = 0, sum = 0;
	size_t at = 0, n = 0;
	for (size_t i = 0; i < w->logged.n; i++) {
		const struct gcs_fidelity_cycle *c = &w->logged.cycle[i];
		double x = (double)fidelity_bytes(c, what), y = 0;
		if (!fidelity_compares(c, what))
			continue;
		if (o->nreproduced > 0)
			y = fidelity_curve(o, what, c->at_ns, &at);
		logged += x + grain / 2;
		reproduced += y;
		sum += fidelity_ratio(x, x + grain, y);
		n++;
	}
	if (n > 0)
		fidelity_score(w, what, logged / (double)n, reproduced / (double)n, sum / (double)n);
}

/* ---------------------------------------------------------------- shown only */

/* How far from what the cycle before had marked to the goal the heap was when a cycle began. Left out where
 * the grain would decide. -1: never. */
static double fidelity_trigger(const struct fidelity_side *s, uint64_t grain, double *value)
{
	size_t n = 0;
	for (size_t i = 1; i < s->n; i++) {
		const struct gcs_fidelity_cycle *c = &s->cycle[i];
		uint64_t marked = c[-1].heap_marked;
		if (c->forced || !fidelity_is_goal(c->goal) || c->goal < marked + 8 * grain + 1)
			continue;
		value[n++] = ((double)c->heap_start - (double)marked) / (double)(c->goal - marked);
	}
	return n > 0 ? fidelity_median(value, n) : -1;
}

static int64_t fidelity_clock(const struct gcs_fidelity_cycle *c, enum gcs_fidelity_what what)
{
	if (what == GCS_FIDELITY_MARK)
		return c->mark_ns;
	return what == GCS_FIDELITY_STOP_FIRST ? c->stop_first_ns : c->stop_second_ns;
}

static double fidelity_clock_median(struct fidelity_work *w, const struct fidelity_side *s,
				    enum gcs_fidelity_what what)
{
	for (size_t i = 0; i < s->n; i++)
		w->value[i] = (double)fidelity_clock(&s->cycle[i], what);
	return s->n > 0 ? fidelity_median(w->value, s->n) : 0;
}

static void fidelity_shown(struct fidelity_work *w)
{
	double logged = fidelity_trigger(&w->logged, w->opt->grain_bytes, w->value);
	double reproduced = fidelity_trigger(&w->reproduced, 0, w->value);
	if (logged >= 0 && reproduced >= 0)
		fidelity_score(w, GCS_FIDELITY_TRIGGER, logged, reproduced, 0);
	for (int what = GCS_FIDELITY_STOP_FIRST; what < GCS_FIDELITY_WHATS && w->logged.n > 0; what++) {
		logged = fidelity_clock_median(w, &w->logged, (enum gcs_fidelity_what)what);
		reproduced = fidelity_clock_median(w, &w->reproduced, (enum gcs_fidelity_what)what);
		fidelity_score(w, (enum gcs_fidelity_what)what, logged, reproduced, 0);
	}
}

int gcs_fidelity_compare(struct gcs_fidelity *ret, const struct gcs_fidelity_options *opt)
{
	struct fidelity_work w = {.opt = opt, .ret = ret};
	memset(ret, 0, sizeof(*ret));
	w.value = malloc((opt->nlogged + opt->nreproduced + 1) * sizeof(*w.value));
	if (!w.value)
		return -ENOMEM;
	fidelity_window(&w);
	if (w.logged.n > 0) {
		fidelity_count(&w);
		fidelity_period(&w);
		fidelity_heap(&w, GCS_FIDELITY_LIVE);
		fidelity_heap(&w, GCS_FIDELITY_GOAL);
		fidelity_shown(&w);
	}
	fidelity_notes(&w);
	free(w.value);
	return 0;
}

/* ---------------------------------------------------------------- pairs */

/* Move *at to the cycle of b that is nearest to t, the earlier of two; t never falls. */
static void fidelity_nearest(int64_t t_ns, const struct gcs_fidelity_cycle *b, size_t m, size_t *at)
{
	while (*at + 1 < m && llabs(b[*at + 1].at_ns - t_ns) < llabs(b[*at].at_ns - t_ns))
		(*at)++;
}

static double fidelity_apart(uint64_t a, uint64_t b)
{
	uint64_t high = a > b ? a : b, low = a > b ? b : a;
	return high > 0 ? (double)(high - low) / (double)high : 0;
}

static struct gcs_fidelity_pair fidelity_pair(const struct gcs_fidelity_cycle *a,
					      const struct gcs_fidelity_cycle *b)
{
	struct gcs_fidelity_pair p = {.logged = a, .reproduced = b};
	if (a && b)
		p.off = fmax(fmax(fidelity_apart(a->heap_start, b->heap_start),
				  fidelity_apart(a->heap_marked, b->heap_marked)),
			     fidelity_apart(a->goal, b->goal));
	return p;
}

/* Two are a pair if each is the other's nearest; in sorted arrays such pairs never cross. */
size_t gcs_fidelity_pairs(const struct gcs_fidelity_cycle *logged, size_t n,
			  const struct gcs_fidelity_cycle *reproduced, size_t m,
			  struct gcs_fidelity_pair *ret)
{
	size_t i = 0, j = 0, to_b = 0, to_a = 0, count = 0;
	while (i < n || j < m) {
		bool a = i < n, b = j < m;
		if (a && b) {
			fidelity_nearest(logged[i].at_ns, reproduced, m, &to_b);
			fidelity_nearest(reproduced[j].at_ns, logged, n, &to_a);
			bool both = to_b == j && to_a == i;
			bool first = logged[i].at_ns <= reproduced[j].at_ns;
			a = both || first;
			b = both || !first;
		}
		ret[count++] = fidelity_pair(a ? &logged[i] : NULL, b ? &reproduced[j] : NULL);
		i += a;
		j += b;
	}
	return count;
}
