/* figure.c: see figure.h. */
#include "harness/compare/figure.h"

#include <math.h>
#include <string.h>

static bool figure_seen(double v, bool seen, double *ret)
{
	*ret = v;
	return seen;
}

static bool figure_rate(const struct report *r, size_t i, double *ret)
{
	return figure_seen((double)r->ops[i].count * 1e9 / (double)r->recorded_ns,
			   r->recorded_ns > 0, ret);
}

static bool figure_errors(const struct report *r, size_t i, double *ret)
{
	return figure_seen((double)r->ops[i].errors, r->recorded_ns > 0, ret);
}

static bool figure_p50(const struct report *r, size_t i, double *ret)
{
	return figure_seen((double)r->ops[i].p.p50_ns, r->ops[i].p.count > 0, ret);
}

static bool figure_p99(const struct report *r, size_t i, double *ret)
{
	return figure_seen((double)r->ops[i].p.p99_ns, r->ops[i].p.count > 0, ret);
}

static bool figure_max(const struct report *r, size_t i, double *ret)
{
	return figure_seen((double)r->ops[i].p.max_ns, r->ops[i].p.count > 0, ret);
}

static bool figure_cpu_per_op(const struct report *r, size_t i, double *ret)
{
	double ops = 0;
	(void)i;
	for (size_t k = 0; k < r->nops; k++)
		ops += (double)r->ops[k].count;
	return figure_seen((double)r->used_ns / ops, r->used_ns > 0 && ops > 0, ret);
}

static bool figure_stw(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->series[GCS_STW].p99_ns, r->series[GCS_STW].count > 0, ret);
}

static bool figure_mark(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->series[GCS_MARK].p50_ns, r->series[GCS_MARK].count > 0, ret);
}

static bool figure_cycles(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->gc_cycles, r->recorded_ns > 0, ret);
}

static bool figure_gc_cpu(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->gc_cpu_ns / (double)r->cpu_ns, r->cpu_ns > 0, ret);
}

static bool figure_live(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->heap_live_max, r->heap_live_max > 0, ret);
}

static bool figure_rss(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->rss_max, r->rss_max > 0, ret);
}

static bool figure_degraded(const struct report *r, size_t i, double *ret)
{
	double n = 0;
	(void)i;
	for (size_t k = 0; k < r->noccs; k++)
		n += r->occ[k].degraded_ns >= 0;
	return figure_seen(n, r->noccs > 0, ret);
}

/* Without end when an occurrence never came back. */
static bool figure_recovery(const struct report *r, size_t i, double *ret)
{
	double longest = -1;
	(void)i;
	for (size_t k = 0; k < r->noccs; k++) {
		double back = strcmp(r->occ[k].state, "never") == 0 ? (double)INFINITY
								    : (double)r->occ[k].recovery_ns;
		longest = fmax(longest, back);
	}
	return figure_seen(longest, longest >= 0, ret);
}

static const struct gcs_figure figures_ops[] = {
	{"ops.rate", "rate", GCS_UNIT_RATE, figure_rate, false},
	{"ops.errors", "errors", GCS_UNIT_COUNT, figure_errors, true},
	{"op.latency.p50", "p50", GCS_UNIT_NS, figure_p50, false},
	{"op.latency.p99", "p99", GCS_UNIT_NS, figure_p99, false},
	{"op.latency.max", "max", GCS_UNIT_NS, figure_max, false},
};
static const struct gcs_figure figures_run[] = {
	{"cpu.per_op", "processor time an op", GCS_UNIT_NS, figure_cpu_per_op, false},
	{"pause.stw.p99", "world stopped p99", GCS_UNIT_NS, figure_stw, false},
	{"gc.mark.p50", "concurrent mark p50", GCS_UNIT_NS, figure_mark, false},
	{"gc.cycles", "GC cycles", GCS_UNIT_COUNT, figure_cycles, false},
	{"gc.cpu", "GC share of processors", GCS_UNIT_RATIO, figure_gc_cpu, false},
	{"heap.live.max", "live heap max", GCS_UNIT_BYTES, figure_live, false},
	{"rss.max", "resident max", GCS_UNIT_BYTES, figure_rss, false},
	{"recovery.degraded", "occurrences that degraded", GCS_UNIT_COUNT,
	 figure_degraded, false},
	{"recovery.time.max", "recovery max", GCS_UNIT_NS, figure_recovery, false},
};
#define FIGURES_OPS (sizeof(figures_ops) / sizeof(figures_ops[0]))
#define FIGURES_RUN (sizeof(figures_run) / sizeof(figures_run[0]))

bool gcs_figure_row(const struct report *pattern, size_t at, struct gcs_figure_row *ret)
{
	size_t of_ops = pattern ? pattern->nops * FIGURES_OPS : 0;
	*ret = (struct gcs_figure_row){0};
	if (!pattern || at >= of_ops + FIGURES_RUN)
		return false;
	ret->figure = at < of_ops ? &figures_ops[at % FIGURES_OPS] : &figures_run[at - of_ops];
	ret->index = at < of_ops ? at / FIGURES_OPS : 0;
	ret->workload = at < of_ops ? pattern->ops[ret->index].id : NULL;
	return true;
}

bool gcs_figure_value(const struct report *r, const struct gcs_figure_row *row, double *ret)
{
	if (row->workload && row->index >= r->nops)
		return false;
	return row->figure->read(r, row->index, ret);
}

_Static_assert(FIGURES_OPS + FIGURES_RUN <= GCS_FIGURES_MAX, "all have room in a list");

size_t gcs_figure_metrics(const char *ret[GCS_FIGURES_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < FIGURES_OPS; i++)
		ret[n++] = figures_ops[i].metric;
	for (size_t i = 0; i < FIGURES_RUN; i++)
		ret[n++] = figures_run[i].metric;
	return n;
}
