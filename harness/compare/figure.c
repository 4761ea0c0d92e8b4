/* figure.c: see figure.h. */
#include "harness/compare/figure.h"

#include <math.h>
#include <stdint.h>
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

/* A percentile of a series. */
#define FIGURE_SERIES(name, series_id, field)                                                      \
	static bool name(const struct report *r, size_t i, double *ret)                            \
	{                                                                                          \
		const struct gcs_pcts *p = &r->series[series_id];                                  \
		(void)i;                                                                           \
		return figure_seen((double)p->field, p->count > 0, ret);                           \
	}
FIGURE_SERIES(figure_stw_p50, GCS_STW, p50_ns)
FIGURE_SERIES(figure_stw, GCS_STW, p99_ns)
FIGURE_SERIES(figure_stw_max, GCS_STW, max_ns)
FIGURE_SERIES(figure_stopping, GCS_STOPPING, p99_ns)
FIGURE_SERIES(figure_assist_p99, GCS_ASSIST, p99_ns)
FIGURE_SERIES(figure_assist_max, GCS_ASSIST, max_ns)
FIGURE_SERIES(figure_wake_p99, GCS_WAKE, p99_ns)
FIGURE_SERIES(figure_wake_max, GCS_WAKE, max_ns)
FIGURE_SERIES(figure_mark, GCS_MARK, p50_ns)
#undef FIGURE_SERIES

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

static bool figure_forced(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->gc_forced, r->recorded_ns > 0, ret);
}

static bool figure_goal(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->heap_goal_max, r->heap_goal_max > 0, ret);
}

static bool figure_rss(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_seen((double)r->rss_max, r->rss_max > 0, ret);
}

#define FIGURE_ANY_FAULT SIZE_MAX

static bool figure_is_of(const struct report_occurrence *o, size_t fault)
{
	return fault == FIGURE_ANY_FAULT || o->fault == fault;
}

/* Occurrences of a fault, or of all, that degraded what recovery is judged by. */
static bool figure_degraded_of(const struct report *r, size_t fault, double *ret)
{
	double n = 0;
	size_t all = 0;
	for (size_t k = 0; k < r->noccs; k++) {
		bool of = figure_is_of(&r->occ[k], fault);
		all += of;
		n += of && r->occ[k].degraded_ns >= 0;
	}
	return figure_seen(n, all > 0, ret);
}

/* The longest. Without end when an occurrence never came back. */
static bool figure_recovery_of(const struct report *r, size_t fault, double *ret)
{
	double longest = -1;
	for (size_t k = 0; k < r->noccs; k++) {
		double back = strcmp(r->occ[k].state, "never") == 0 ? (double)INFINITY
								    : (double)r->occ[k].recovery_ns;
		if (figure_is_of(&r->occ[k], fault))
			longest = fmax(longest, back);
	}
	return figure_seen(longest, longest >= 0, ret);
}

static bool figure_degraded(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_degraded_of(r, FIGURE_ANY_FAULT, ret);
}

static bool figure_recovery(const struct report *r, size_t i, double *ret)
{
	(void)i;
	return figure_recovery_of(r, FIGURE_ANY_FAULT, ret);
}

static const struct gcs_figure figures_ops[] = {
	{"ops.rate", "rate", GCS_UNIT_RATE, figure_rate, false, -1},
	{"ops.errors", "errors", GCS_UNIT_COUNT, figure_errors, true, 1},
	{"op.latency.p50", "p50", GCS_UNIT_NS, figure_p50, false, 1},
	{"op.latency.p99", "p99", GCS_UNIT_NS, figure_p99, false, 1},
	{"op.latency.max", "max", GCS_UNIT_NS, figure_max, false, 1},
};
static const struct gcs_figure figures_run[] = {
	{"cpu.per_op", "processor time an op", GCS_UNIT_NS, figure_cpu_per_op, false, 1},
	{"pause.stw.p99", "world stopped p99", GCS_UNIT_NS, figure_stw, false, 1},
	{"gc.mark.p50", "concurrent mark p50", GCS_UNIT_NS, figure_mark, false, 1},
	{"gc.cycles", "GC cycles", GCS_UNIT_COUNT, figure_cycles, false, 0},
	{"gc.cpu", "GC share of processors", GCS_UNIT_RATIO, figure_gc_cpu, false, 1},
	{"heap.live.max", "live heap max", GCS_UNIT_BYTES, figure_live, false, 1},
	{"rss.max", "resident max", GCS_UNIT_BYTES, figure_rss, false, 1},
	{"recovery.degraded", "occurrences that degraded", GCS_UNIT_COUNT,
	 figure_degraded, false, 1},
	{"recovery.time.max", "recovery max", GCS_UNIT_NS, figure_recovery, false, 1},
};
#define FIGURES_OPS (sizeof(figures_ops) / sizeof(figures_ops[0]))
#define FIGURES_RUN (sizeof(figures_run) / sizeof(figures_run[0]))

/* Of records side by side: the run, then each workload, then each fault. */
static const struct gcs_figure versus_run[] = {
	{"pause.stw.p50", "world stopped p50", GCS_UNIT_NS, figure_stw_p50, false, 1},
	{"pause.stw.p99", "world stopped p99", GCS_UNIT_NS, figure_stw, false, 1},
	{"pause.stw.max", "world stopped max", GCS_UNIT_NS, figure_stw_max, false, 1},
	{"pause.stopping.p99", "time to stop p99", GCS_UNIT_NS, figure_stopping, false, 1},
	{"assist.p99", "assist p99", GCS_UNIT_NS, figure_assist_p99, false, 1},
	{"assist.max", "assist max", GCS_UNIT_NS, figure_assist_max, false, 1},
	{"wake.lag.p99", "wake lag p99", GCS_UNIT_NS, figure_wake_p99, false, 1},
	{"wake.lag.max", "wake lag max", GCS_UNIT_NS, figure_wake_max, false, 1},
	{"gc.mark.p50", "concurrent mark p50", GCS_UNIT_NS, figure_mark, false, 1},
	{"gc.cycles", "GC cycles", GCS_UNIT_COUNT, figure_cycles, false, 0},
	{"gc.forced", "GC cycles forced", GCS_UNIT_COUNT, figure_forced, true, 0},
	{"gc.cpu", "GC share of processors", GCS_UNIT_RATIO, figure_gc_cpu, false, 1},
	{"cpu.per_op", "processor time an op", GCS_UNIT_NS, figure_cpu_per_op, false, 1},
	{"heap.live.max", "live heap max", GCS_UNIT_BYTES, figure_live, false, 1},
	{"heap.goal.max", "heap goal max", GCS_UNIT_BYTES, figure_goal, false, 0},
	{"rss.max", "resident max", GCS_UNIT_BYTES, figure_rss, false, 1},
};
static const struct gcs_figure versus_ops[] = {
	{"ops.rate", "rate", GCS_UNIT_RATE, figure_rate, false, -1},
	{"op.latency.p99", "p99", GCS_UNIT_NS, figure_p99, false, 1},
	{"op.latency.max", "max", GCS_UNIT_NS, figure_max, false, 1},
	{"ops.errors", "errors", GCS_UNIT_COUNT, figure_errors, true, 1},
};
static const struct gcs_figure versus_fault[] = {
	{"recovery.time.max", "recovery max", GCS_UNIT_NS, figure_recovery_of, false, 1},
	{"recovery.degraded", "occurrences that degraded", GCS_UNIT_COUNT, figure_degraded_of, true, 1},
};
#define VERSUS_RUN   (sizeof(versus_run) / sizeof(versus_run[0]))
#define VERSUS_OPS   (sizeof(versus_ops) / sizeof(versus_ops[0]))
#define VERSUS_FAULT (sizeof(versus_fault) / sizeof(versus_fault[0]))

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

bool gcs_figure_versus_row(const struct report *pattern, size_t at, struct gcs_figure_row *ret)
{
	*ret = (struct gcs_figure_row){0};
	if (!pattern)
		return false;
	if (at < VERSUS_RUN) {
		ret->figure = &versus_run[at];
		return true;
	}
	at -= VERSUS_RUN;
	if (at < pattern->nops * VERSUS_OPS) {
		ret->index = at / VERSUS_OPS;
		ret->figure = &versus_ops[at % VERSUS_OPS];
		ret->workload = pattern->ops[ret->index].id;
		return true;
	}
	at -= pattern->nops * VERSUS_OPS;
	if (at >= pattern->nfaults * VERSUS_FAULT)
		return false;
	ret->index = at / VERSUS_FAULT;
	ret->figure = &versus_fault[at % VERSUS_FAULT];
	ret->fault = pattern->fault[ret->index].id;
	return true;
}

bool gcs_figure_value_by_id(const struct report *r, const struct gcs_figure_row *row, double *ret)
{
	size_t i = 0;
	while (row->workload && i < r->nops && strcmp(r->ops[i].id, row->workload) != 0)
		i++;
	while (row->fault && i < r->nfaults && strcmp(r->fault[i].id, row->fault) != 0)
		i++;
	if ((row->workload && i == r->nops) || (row->fault && i == r->nfaults))
		return false;
	return row->figure->read(r, i, ret);
}

double gcs_figure_least(const struct report *pattern, const struct gcs_figure_row *row)
{
	bool recovery = row->figure->read == figure_recovery_of || row->figure->read == figure_recovery;
	return recovery && pattern->resolution_ns > 0 ? (double)pattern->resolution_ns : 0;
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
