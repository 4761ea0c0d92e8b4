/*
 * metric.c: the table of metrics, measures, and looking a name up.
 *
 * Every percentile of every series is one row, made by a macro; a row names the function that reads
 * it. Where a metric is of workloads and none is named, latencies are those of the worst workload
 * and counts are sums. Limit: the measure of a window holds whole intervals only.
 */
#include "harness/measure/metric.h"

#include "harness/base/suggest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const gcs_series_name[GCS_SERIES] = {"pause.stw", "pause.stopping", "pause.stopped",
						 "assist",    "alloc.stall",	"wake.lag",
						 "gc.mark",   "sched.latency"};
const int64_t gcs_pulse_ns[GCS_PULSE_KINDS] = {100000000, 1000000000};

#define LAG_PART 10 /* a lag is a tenth of the pulse that it is looked for in */

/* ---------------------------------------------------------------- measures */

static struct watch_hist_sum *measure_hist(struct watch_hist_sum **slot)
{
	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	return *slot;
}

void gcs_measure_add(struct gcs_measure *m, enum gcs_series s, uint64_t ns)
{
	struct watch_hist_sum *h = measure_hist(&m->series[s]);
	if (h)
		watch_hist_sum_put(h, ns);
}

void gcs_measure_op(struct gcs_measure *m, uint32_t workload, const struct watch_hist_sum *h)
{
	struct watch_hist_sum *to = h->count ? measure_hist(&m->op[workload]) : NULL;
	if (to)
		watch_hist_sum_add(to, h);
}

void gcs_measure_slowest(struct gcs_measure *m, uint32_t workload, int64_t end_ns, int64_t ns)
{
	for (int k = 0; k < GCS_PULSE_KINDS; k++)
		if (ns >= gcs_pulse_ns[k])
			gcs_pulses_add(&m->pulses[k][workload], end_ns - ns, end_ns);
}

void gcs_measure_lag(struct gcs_measure *m, int64_t end_ns, int64_t ns)
{
	for (int k = 0; k < GCS_PULSE_KINDS; k++)
		if (ns >= gcs_pulse_ns[k] / LAG_PART)
			gcs_pulses_add(&m->lags[k], end_ns - ns, end_ns);
}

void gcs_measure_heap(struct gcs_measure *m, uint64_t live, uint64_t goal, uint64_t rss)
{
	if (live > m->heap_live_max)
		m->heap_live_max = live;
	if (live && (m->heap_live_min == 0 || live < m->heap_live_min))
		m->heap_live_min = live;
	if (goal > m->heap_goal_max)
		m->heap_goal_max = goal;
	if (rss > m->rss_max)
		m->rss_max = rss;
}

void gcs_measure_merge_ops(struct gcs_measure *to, const struct gcs_measure *from)
{
	for (uint32_t w = 0; w < GCS_WORKLOADS_MAX; w++) {
		if (from->op[w])
			gcs_measure_op(to, w, from->op[w]);
		to->ops[w] += from->ops[w];
		to->errors[w] += from->errors[w];
		for (int k = 0; k < GCS_PULSE_KINDS; k++)
			gcs_pulses_merge(&to->pulses[k][w], &from->pulses[k][w]);
	}
}

void gcs_measure_merge_runtime(struct gcs_measure *to, const struct gcs_measure *from)
{
	for (int s = 0; s < GCS_SERIES; s++) {
		struct watch_hist_sum *h = from->series[s] ? measure_hist(&to->series[s]) : NULL;
		if (h)
			watch_hist_sum_add(h, from->series[s]);
	}
	to->span_ns += from->span_ns;
	to->gc_cycles += from->gc_cycles;
	to->gc_forced += from->gc_forced;
	to->gc_cpu_ns += from->gc_cpu_ns;
	to->cpu_ns += from->cpu_ns;
	to->assist_ns += from->assist_ns;
	to->used_ns += from->used_ns;
	for (int k = 0; k < GCS_PULSE_KINDS; k++)
		gcs_pulses_merge(&to->lags[k], &from->lags[k]);
	gcs_measure_heap(to, from->heap_live_max, from->heap_goal_max, from->rss_max);
	gcs_measure_heap(to, from->heap_live_min, 0, 0);
	if (from->heap_marked)
		to->heap_marked = from->heap_marked;
}

void gcs_measure_fini(struct gcs_measure *m)
{
	for (int s = 0; s < GCS_SERIES; s++)
		free(m->series[s]);
	for (uint32_t w = 0; w < GCS_WORKLOADS_MAX; w++)
		free(m->op[w]);
	for (int k = 0; k < GCS_PULSE_KINDS; k++) {
		gcs_pulses_fini(&m->lags[k]);
		for (uint32_t w = 0; w < GCS_WORKLOADS_MAX; w++)
			gcs_pulses_fini(&m->pulses[k][w]);
	}
	memset(m, 0, sizeof(*m));
}

/* ---------------------------------------------------------------- reading */

#define AT_COUNT UINT32_MAX /* in `at`: the count, not a percentile */

static bool read_series(const struct gcs_metric *metric, const struct gcs_reading *from,
			double *ret)
{
	const struct watch_hist_sum *h = from->m->series[metric->which];
	*ret = 0; /* nothing stopped or waited: that is a zero, not a gap */
	if (h)
		*ret = metric->at == AT_COUNT ? (double)h->count
					      : (double)watch_hist_sum_at(h, metric->at);
	return true;
}

static bool read_latency(const struct gcs_metric *metric, const struct gcs_reading *from,
			 double *ret)
{
	bool any = false;
	for (uint32_t w = 0; w < from->nworkloads; w++) {
		const struct watch_hist_sum *h = from->m->op[w];
		if ((from->subject >= 0 && (uint32_t)from->subject != w) || !h || h->count == 0)
			continue;
		double v = (double)watch_hist_sum_at(h, metric->at);
		*ret = any ? fmax(*ret, v) : v;
		any = true;
	}
	return any;
}

/* Share of the operations that took longer than `which` ms, true to a cell of the histogram. */
static bool read_over(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret)
{
	uint32_t first = watch_hist_index((uint64_t)metric->which * 1000000) + 1;
	bool any = false;
	for (uint32_t w = 0; w < from->nworkloads; w++) {
		const struct watch_hist_sum *h = from->m->op[w];
		uint64_t over = 0;
		if ((from->subject >= 0 && (uint32_t)from->subject != w) || !h || h->count == 0)
			continue;
		for (uint32_t i = first; i < WATCH_HIST_CELLS; i++)
			over += h->cell[i];
		double v = (double)over / (double)h->count;
		*ret = any ? fmax(*ret, v) : v;
		any = true;
	}
	return any;
}

enum { PULSE_COUNT, PULSE_WIDTH, PULSE_PERIOD, PULSE_LAG };

/* `at` is the kind. Of all workloads: a pulse of any of them. */
static bool read_pulses(const struct gcs_metric *metric, const struct gcs_reading *from,
			double *ret)
{
	struct gcs_pulses p = {0};
	bool has = true;
	for (uint32_t w = 0; w < from->nworkloads; w++)
		if (from->subject < 0 || (uint32_t)from->subject == w)
			gcs_pulses_merge(&p, &from->m->pulses[metric->at][w]);
	switch (metric->which) {
	case PULSE_COUNT:
		*ret = p.n;
		break;
	case PULSE_WIDTH:
		has = gcs_pulses_width(&p, ret);
		break;
	case PULSE_PERIOD:
		has = gcs_pulses_period(&p, ret);
		break;
	default:
		has = p.n > 0;
		if (has)
			*ret = gcs_pulses_shared(&p, &from->m->lags[metric->at]) / (double)p.n;
	}
	gcs_pulses_fini(&p);
	return has;
}

enum { OPS_COUNT, OPS_RATE, OPS_ERRORS, OPS_ERROR_RATE };

static bool read_ops(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret)
{
	double sum = 0;
	bool errors = metric->which == OPS_ERRORS || metric->which == OPS_ERROR_RATE;
	for (uint32_t w = 0; w < from->nworkloads; w++)
		if (from->subject < 0 || (uint32_t)from->subject == w)
			sum += (double)(errors ? from->m->errors[w] : from->m->ops[w]);
	bool rate = metric->which == OPS_RATE || metric->which == OPS_ERROR_RATE;
	if (rate && from->m->span_ns <= 0)
		return false;
	*ret = rate ? sum * 1e9 / (double)from->m->span_ns : sum;
	return true;
}

enum {
	GC_CYCLES,
	GC_FORCED,
	GC_RATE,
	GC_CPU,
	GC_ASSIST,
	HEAP_LIVE_MAX,
	HEAP_MARKED,
	HEAP_GOAL_MAX,
	RSS_MAX,
	CPU_PER_OP
};

static bool read_ratio(double part, double whole, double *ret)
{
	if (whole <= 0)
		return false;
	*ret = part / whole;
	return true;
}

static bool read_seen(uint64_t v, double *ret)
{
	*ret = (double)v;
	return v != 0;
}

static bool read_cpu_per_op(const struct gcs_reading *from, double *ret)
{
	uint64_t ops = 0;
	for (uint32_t w = 0; w < from->nworkloads; w++)
		ops += from->m->ops[w];
	return from->m->used_ns && read_ratio((double)from->m->used_ns, (double)ops, ret);
}

static bool read_gc(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret)
{
	const struct gcs_measure *m = from->m;
	switch (metric->which) {
	case GC_CYCLES:
		*ret = (double)m->gc_cycles;
		return true;
	case GC_FORCED:
		*ret = (double)m->gc_forced;
		return true;
	case GC_RATE:
		return read_ratio((double)m->gc_cycles * 1e9, (double)m->span_ns, ret);
	case GC_CPU:
		return read_ratio((double)m->gc_cpu_ns, (double)m->cpu_ns, ret);
	case GC_ASSIST:
		return read_ratio((double)m->assist_ns, (double)m->cpu_ns, ret);
	case HEAP_LIVE_MAX:
		return read_seen(m->heap_live_max, ret);
	case HEAP_MARKED:
		return read_seen(m->heap_marked, ret);
	case HEAP_GOAL_MAX:
		return read_seen(m->heap_goal_max, ret);
	case CPU_PER_OP:
		return read_cpu_per_op(from, ret);
	default:
		return read_seen(m->rss_max, ret);
	}
}

enum {
	REC_TIME_MAX,
	REC_NEVER,
	REC_OCCURRENCES,
	REC_DEGRADED,
	INTEGRITY_ERRORS,
	INTEGRITY_CHECKED,
	LOST,
	COST,
	STALL_MAX,
	CRASHES,
	RESTARTS,
	COMEBACK_MAX
};

static bool read_run(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret)
{
	const struct gcs_facts *f = from->facts;
	const double value[] = {
		[REC_TIME_MAX] = f->never ? (double)INFINITY : (double)f->recovery_max_ns,
		[REC_NEVER] = (double)f->never,
		[REC_OCCURRENCES] = (double)f->occurrences,
		[REC_DEGRADED] = (double)f->degraded,
		[INTEGRITY_ERRORS] = (double)f->integrity_errors,
		[INTEGRITY_CHECKED] = (double)f->integrity_checked,
		[LOST] = (double)f->samples_lost,
		[COST] = f->injector_cost,
		[STALL_MAX] = (double)f->stall_max_ns,
		[CRASHES] = (double)f->crashes,
		[RESTARTS] = (double)f->restarts,
		[COMEBACK_MAX] = (double)f->comeback_max_ns,
	};
	*ret = value[metric->which];
	if (metric->which == COMEBACK_MAX)
		return f->comeback_max_ns > 0;
	return metric->which != REC_TIME_MAX || f->occurrences > f->open;
}

enum { F_VISITS, F_ELIGIBLE, F_FIRED, F_MASKED, F_OCCURRENCES, F_DEGRADED, F_RECOVERED, F_NEVER };

static bool read_fault(const struct gcs_metric *metric, const struct gcs_reading *from, double *ret)
{
	const struct gcs_fault_facts *f = &from->facts->fault[from->subject];
	const double value[] = {
		[F_VISITS] = (double)f->visits,
		[F_ELIGIBLE] = (double)f->eligible,
		[F_FIRED] = (double)f->fired,
		[F_MASKED] = (double)f->masked,
		[F_OCCURRENCES] = (double)f->occurrences,
		[F_DEGRADED] = (double)f->degraded,
		[F_RECOVERED] = (double)f->recovered,
		[F_NEVER] = (double)f->never,
	};
	*ret = value[metric->which];
	return true;
}

/* ---------------------------------------------------------------- the table */

#define US  1e3
#define MS  1e6
#define MIB (1024.0 * 1024)

#define ROW(name_, unit_, subject_, run_, grows_, worse_, floor_, read_, which_, at_, about_)      \
	{                                                                                          \
		.name = name_, .unit = unit_, .subject = subject_, .of_run = run_,                 \
		.grows = grows_, .worse = worse_, .floor = floor_, .read = read_, .which = which_, \
		.at = at_, .about = about_                                                         \
	}
#define SERIES(name, s, noise, what)                                                               \
	ROW(name ".count", GCS_UNIT_COUNT, GCS_OF_RUN, false, true, 0, 0, read_series, s,          \
	    AT_COUNT, what ": how many"),                                                          \
		ROW(name ".p50", GCS_UNIT_NS, GCS_OF_RUN, false, false, 1, noise, read_series, s,  \
		    500000, what ": median"),                                                      \
		ROW(name ".p90", GCS_UNIT_NS, GCS_OF_RUN, false, false, 1, noise, read_series, s,  \
		    900000, what ": 90 %"),                                                        \
		ROW(name ".p99", GCS_UNIT_NS, GCS_OF_RUN, false, false, 1, noise, read_series, s,  \
		    990000, what ": 99 %"),                                                        \
		ROW(name ".p999", GCS_UNIT_NS, GCS_OF_RUN, false, false, 1, noise, read_series, s, \
		    999000, what ": 99.9 %"),                                                      \
		ROW(name ".max", GCS_UNIT_NS, GCS_OF_RUN, false, true, 1, noise, read_series, s,   \
		    1000000, what ": longest")
#define LATENCY(name, grows, at, what)                                                             \
	ROW(name, GCS_UNIT_NS, GCS_OF_WORKLOAD, false, grows, 1, 500 * US, read_latency, 0, at,    \
	    what)
#define OVER(ms, text)                                                                             \
	ROW("op.over." text, GCS_UNIT_RATIO, GCS_OF_WORKLOAD, false, false, 1, 0.01, read_over,    \
	    ms, 0, "share of operations that took longer than " text)
/* Their number grows but for two that an operation across both makes one: rare enough to wait for the end. */
#define PULSE(field, unit, kind, which, about)                                                     \
	ROW("op.pulses." field, unit, GCS_OF_WORKLOAD, false, which == PULSE_COUNT, 0, 0,          \
	    read_pulses, which, kind, about)
#define PULSES(text, lag, kind)                                                                    \
	PULSE(text ".count", GCS_UNIT_COUNT, kind, PULSE_COUNT,                                    \
	      "stretches in which operations took " text " or longer"),                            \
		PULSE(text ".width", GCS_UNIT_NS, kind, PULSE_WIDTH,                               \
		      "such a stretch, to the end of its last operation: median"),                 \
		PULSE(text ".period", GCS_UNIT_NS, kind, PULSE_PERIOD,                             \
		      "from the start of such a stretch to that of the next: median"),             \
		PULSE(text ".with_lag", GCS_UNIT_RATIO, kind, PULSE_LAG,                           \
		      "share of such stretches in which the world stopped or a goroutine waited "  \
		      "to run for " lag)
#define RUN(name, unit, grows, which, about)                                                       \
	ROW(name, unit, GCS_OF_RUN, true, grows, 0, 0, read_run, which, 0, about)
#define FAULT(field, grows, which, about)                                                          \
	ROW("fault.ID." field, GCS_UNIT_COUNT, GCS_OF_FAULT, true, grows, 0, 0, read_fault, which, \
	    0, about)
#define OPS(name, unit, grows, worse, noise, which, about)                                         \
	ROW(name, unit, GCS_OF_WORKLOAD, false, grows, worse, noise, read_ops, which, 0, about)
#define GC(name, unit, grows, worse, noise, which, about)                                          \
	ROW(name, unit, GCS_OF_RUN, false, grows, worse, noise, read_gc, which, 0, about)

const struct gcs_metric gcs_metrics[] = {
	LATENCY("op.latency.p50", false, 500000,
		"latency of operations from their intended start: median"),
	LATENCY("op.latency.p90", false, 900000, "latency of operations: 90 %"),
	LATENCY("op.latency.p99", false, 990000, "latency of operations: 99 %"),
	LATENCY("op.latency.p999", false, 999000, "latency of operations: 99.9 %"),
	LATENCY("op.latency.max", true, 1000000, "latency of operations: longest"),
	OVER(10, "10ms"),
	OVER(100, "100ms"),
	OVER(1000, "1s"),
	OVER(2000, "2s"),
	PULSES("100ms", "10ms", GCS_PULSE_100MS),
	PULSES("1s", "100ms", GCS_PULSE_1S),
	OPS("ops.count", GCS_UNIT_COUNT, true, 0, 0, OPS_COUNT, "operations that ended"),
	OPS("ops.rate", GCS_UNIT_RATE, false, -1, 1, OPS_RATE, "operations a second"),
	OPS("ops.errors", GCS_UNIT_COUNT, true, 1, 0, OPS_ERRORS, "operations that failed"),
	OPS("ops.error_rate", GCS_UNIT_RATE, false, 1, 0, OPS_ERROR_RATE,
	    "failed operations a second"),
	SERIES("pause.stw", GCS_STW, 200 * US, "world stopped, stopping included"),
	SERIES("pause.stopping", GCS_STOPPING, 200 * US, "time to stop the world"),
	SERIES("pause.stopped", GCS_STOPPED, 200 * US, "time the world stood still"),
	SERIES("assist", GCS_ASSIST, 500 * US, "a goroutine made to mark"),
	SERIES("alloc.stall", GCS_ALLOC_STALL, 500 * US, "an allocation waiting for a collection"),
	SERIES("wake.lag", GCS_WAKE, 500 * US, "ready until running; on real Go sent until read"),
	SERIES("gc.mark", GCS_MARK, 2 * MS, "concurrent mark, from stop to stop"),
	SERIES("sched.latency", GCS_SCHED, 500 * US, "runnable until running, of one goroutine in eight (real Go)"),
	GC("gc.cycles", GCS_UNIT_COUNT, true, 0, 0, GC_CYCLES, "collections begun"),
	GC("gc.forced", GCS_UNIT_COUNT, true, 0, 0, GC_FORCED,
	   "collections begun by a call or a fault"),
	GC("gc.rate", GCS_UNIT_RATE, false, 1, 1, GC_RATE, "collections a second"),
	GC("gc.cpu", GCS_UNIT_RATIO, false, 1, 0.05, GC_CPU, "collector's share of the processors"),
	GC("assist.cpu", GCS_UNIT_RATIO, false, 1, 0.02, GC_ASSIST,
	   "assists' share of the processors"),
	GC("heap.live", GCS_UNIT_BYTES, false, 1, 8 * MIB, HEAP_MARKED,
	   "bytes marked by the last collection"),
	GC("heap.live.max", GCS_UNIT_BYTES, true, 1, 8 * MIB, HEAP_LIVE_MAX,
	   "largest live heap seen"),
	GC("heap.goal.max", GCS_UNIT_BYTES, true, 0, 0, HEAP_GOAL_MAX, "largest heap goal"),
	GC("rss.max", GCS_UNIT_BYTES, true, 1, 16 * MIB, RSS_MAX,
	   "largest resident set of the target"),
	GC("cpu.per_op", GCS_UNIT_NS, false, 0, 0, CPU_PER_OP,
	   "processor time of the target for each operation, the collector's included"),
	RUN("recovery.time.max", GCS_UNIT_NS, true, REC_TIME_MAX,
	    "longest way back to steady; without end if one never came back"),
	RUN("recovery.never", GCS_UNIT_COUNT, true, REC_NEVER, "occurrences that never came back"),
	RUN("recovery.occurrences", GCS_UNIT_COUNT, true, REC_OCCURRENCES, "occurrences of faults"),
	RUN("recovery.degraded", GCS_UNIT_COUNT, true, REC_DEGRADED,
	    "occurrences that moved a signal"),
	RUN("integrity.errors", GCS_UNIT_COUNT, true, INTEGRITY_ERRORS,
	    "entries lost, stale or torn"),
	RUN("integrity.checked", GCS_UNIT_COUNT, true, INTEGRITY_CHECKED,
	    "entries compared with the model"),
	RUN("target.crashes", GCS_UNIT_COUNT, true, CRASHES, "unexpected ends of the target"),
	RUN("target.restarts", GCS_UNIT_COUNT, true, RESTARTS,
	    "times that a program under exec died and was started again"),
	RUN("restart.time.max", GCS_UNIT_NS, true, COMEBACK_MAX,
	    "longest time from the death of a program under exec back to steady state"),
	RUN("harness.samples_lost", GCS_UNIT_COUNT, true, LOST, "telemetry records dropped"),
	RUN("harness.injector_cost", GCS_UNIT_RATIO, false, COST,
	    "deciding's share of the target's processor time"),
	RUN("harness.stall.max", GCS_UNIT_NS, true, STALL_MAX,
	    "longest time that the machine kept us from running"),
	FAULT("visits", true, F_VISITS, "times the point was passed while armed"),
	FAULT("eligible", true, F_ELIGIBLE, "visits at which it could fire"),
	FAULT("fired", true, F_FIRED, "firings"),
	FAULT("masked", true, F_MASKED, "firings absorbed by a retry or an emergency collection"),
	FAULT("occurrences", true, F_OCCURRENCES, "times it was armed"),
	FAULT("degraded", true, F_DEGRADED, "occurrences that moved a signal"),
	FAULT("recovered", true, F_RECOVERED, "occurrences that came back to steady"),
	FAULT("never", true, F_NEVER, "occurrences that never came back"),
};
const size_t gcs_metrics_count = sizeof(gcs_metrics) / sizeof(gcs_metrics[0]);

/* ---------------------------------------------------------------- looking up */

#define WORD_MAX	    64
#define FAULT_PREFIX	    "fault."
#define METRIC_FAULT_FIELDS 8

/* A word of the text, cut to what a message can hold. */
struct metric_word {
	char text[WORD_MAX];
};
static struct metric_word metric_word(const char *text, size_t n)
{
	struct metric_word w;
	snprintf(w.text, sizeof(w.text), "%.*s", (int)(n < WORD_MAX ? n : WORD_MAX - 1), text);
	return w;
}

/* "no workload 'mapz'; did you mean 'maps'?"; the candidates are pointers `stride` bytes apart. */
static int metric_refuse(struct gcs_expr_error *e, uint32_t at, const char *what, const char *word,
			 const void *list, size_t count, size_t stride)
{
	const char *near = count ? gcs_suggest(word, list, count, stride) : NULL;
	snprintf(e->text, sizeof(e->text), near ? "no %s '%s'; did you mean '%s'?" : "no %s '%s'",
		 what, word, near);
	e->at = at;
	return -EINVAL;
}

static const struct gcs_metric *metric_named(const char *text, size_t n)
{
	for (size_t i = 0; i < gcs_metrics_count; i++)
		if (strlen(gcs_metrics[i].name) == n && strncmp(gcs_metrics[i].name, text, n) == 0)
			return &gcs_metrics[i];
	return NULL;
}

static int metric_workload(const char *id, size_t n, uint32_t at, const struct gcs_scenario *s,
			   int *ret, struct gcs_expr_error *e)
{
	struct metric_word word = metric_word(id, n);
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		if (strcmp(s->workload[i].id, word.text) == 0) {
			*ret = (int)i;
			return 0;
		}
	}
	return metric_refuse(e, at, "workload", word.text, &s->workload[0].id, s->nworkloads,
			     sizeof(s->workload[0]));
}

static int metric_fault_id(const char *id, size_t n, const struct gcs_scenario *s, int *ret,
			   struct gcs_expr_error *e)
{
	struct metric_word word = metric_word(id, n);
	for (uint32_t i = 0; i < s->nfaults; i++) {
		if (strcmp(s->fault[i].id, word.text) == 0) {
			*ret = (int)i;
			return 0;
		}
	}
	return metric_refuse(e, (uint32_t)strlen(FAULT_PREFIX), "fault", word.text, &s->fault[0].id,
			     s->nfaults, sizeof(s->fault[0]));
}

static int metric_fault_field(const char *field, size_t n, uint32_t at,
			      const struct gcs_metric **ret, struct gcs_expr_error *e)
{
	struct metric_word word = metric_word(field, n);
	const char *names[METRIC_FAULT_FIELDS];
	size_t count = 0;
	for (size_t i = 0; i < gcs_metrics_count && count < METRIC_FAULT_FIELDS; i++) {
		if (gcs_metrics[i].subject != GCS_OF_FAULT)
			continue;
		names[count] = gcs_metrics[i].name + strlen("fault.ID.");
		if (strcmp(names[count++], word.text) == 0) {
			*ret = &gcs_metrics[i];
			return 0;
		}
	}
	return metric_refuse(e, at, "field of a fault", word.text, names, count, sizeof(names[0]));
}

static int metric_find_fault(const char *text, size_t n, const struct gcs_scenario *s,
			     struct gcs_metric_ref *ret, struct gcs_expr_error *e)
{
	const char *id = text + strlen(FAULT_PREFIX);
	const char *dot = memrchr(id, '.', n - strlen(FAULT_PREFIX));
	if (!dot) {
		e->at = (uint32_t)n;
		snprintf(e->text, sizeof(e->text),
			 "expected fault.ID.fired or another field of the fault");
		return -EINVAL;
	}
	int rc = metric_fault_id(id, (size_t)(dot - id), s, &ret->subject, e);
	if (rc != 0)
		return rc;
	return metric_fault_field(dot + 1, (size_t)(text + n - dot - 1), (uint32_t)(dot + 1 - text),
				  &ret->metric, e);
}

int gcs_metric_find(const char *text, size_t n, const struct gcs_scenario *s,
		    struct gcs_metric_ref *ret, struct gcs_expr_error *e)
{
	struct gcs_metric_ref found = {NULL, -1};
	int rc = 0;
	if (n > strlen(FAULT_PREFIX) && strncmp(text, FAULT_PREFIX, strlen(FAULT_PREFIX)) == 0) {
		rc = metric_find_fault(text, n, s, &found, e);
	} else {
		const char *sign = memchr(text, '@', n);
		size_t name = sign ? (size_t)(sign - text) : n;
		found.metric = metric_named(text, name);
		if (!found.metric)
			return metric_refuse(e, 0, "metric", metric_word(text, name).text,
					     &gcs_metrics[0].name, gcs_metrics_count,
					     sizeof(gcs_metrics[0]));
		if (sign && found.metric->subject != GCS_OF_WORKLOAD) {
			e->at = (uint32_t)name;
			snprintf(e->text, sizeof(e->text), "%s is not measured for each workload",
				 found.metric->name);
			return -EINVAL;
		}
		if (sign)
			rc = metric_workload(sign + 1, n - name - 1, (uint32_t)name + 1, s,
					     &found.subject, e);
	}
	if (rc == 0)
		*ret = found;
	return rc;
}

int gcs_signal_find(const char *text, const struct gcs_scenario *s, struct gcs_metric_ref *ret,
		    struct gcs_expr_error *e)
{
	struct gcs_metric_ref found;
	int rc = gcs_metric_find(text, strlen(text), s, &found, e);
	if (rc != 0)
		return rc;
	if (found.metric->worse == 0) {
		e->at = 0;
		snprintf(e->text, sizeof(e->text),
			 "%s cannot be a recovery signal: it has no better and worse", text);
		return -EINVAL;
	}
	*ret = found;
	return 0;
}

/* ---------------------------------------------------------------- showing */

struct scale {
	double at;
	const char *suffix;
};

static void metric_show_scaled(const struct scale *scale, double v, char *ret, size_t cap)
{
	double size = fabs(v) * 1.0005; /* what would be shown as 1000 us is 1 ms */
	while (scale->at > 1 && size < scale->at)
		scale++;
	double shown = v / scale->at;
	int digits = fabs(shown) >= 100 || fabs(shown - round(shown)) < 0.0005 ? 0
		     : fabs(shown) >= 10				       ? 1
									       : 2;
	snprintf(ret, cap, "%.*f%s", digits, shown, scale->suffix);
}

void gcs_metric_show(enum gcs_unit unit, double value, char *ret, size_t cap)
{
	static const struct scale times[] = {{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1, " ns"}};
	static const struct scale bytes[] = {
		{1024 * MIB, " GiB"}, {MIB, " MiB"}, {1024, " KiB"}, {1, " B"}};
	static const struct scale rates[] = {{1e6, "M/s"}, {1e3, "k/s"}, {1, "/s"}};
	if (isinf(value)) {
		snprintf(ret, cap, "never");
		return;
	}
	switch (unit) {
	case GCS_UNIT_NS:
		metric_show_scaled(times, value, ret, cap);
		break;
	case GCS_UNIT_BYTES:
		metric_show_scaled(bytes, value, ret, cap);
		break;
	case GCS_UNIT_RATE:
		metric_show_scaled(rates, value, ret, cap);
		break;
	case GCS_UNIT_RATIO:
		snprintf(ret, cap, "%.*f%%", value < 0.1 ? 2 : 1, value * 100);
		break;
	default:
		snprintf(ret, cap, "%.0f", value);
	}
}
