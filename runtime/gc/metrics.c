/*
 * metrics.c: runtime/metrics: the rows of runtime/watch/metrics.def, reckoned from what MemStats and the collector know at one moment.
 *
 * Go reads without stopping the world, from figures that each P publishes by itself; here the world is stopped, as for MemStats, but no
 * cache is emptied.
 */
#include "runtime/gc/gc_priv.h"

#include <math.h>
#include <string.h>

/* Everything that a row may ask for, of one moment. */
struct metrics_in {
	struct mrt_memstats m;
	struct gc_memstats_books books;
	const struct gc_cpu_totals *cpu;
	struct gc_limiter_counts limiter;
	uint64_t gogc, memlimit, live, heap_scan, stack_scan, globals_scan;
	uint64_t procs, goroutines;
};

/* Too large for a goroutine's stack; whoever stops the world has it. */
static struct sched_waits metrics_waits;

/* ------------------------------------------------------------------ histograms */

/* Bounds never change: filled once, by the first runtime of the process, before it has a second thread. */
static struct {
	bool filled;
	double size[MEM_CLASSES + 1];
	double time_1_19[WATCH_TIME_CELLS_1_19 + 1], time_1_20[WATCH_TIME_CELLS_1_20 + 1];
} metrics_bound;
_Static_assert(MRT_METRIC_CELLS_MAX >= WATCH_TIME_CELLS_1_19 && MRT_METRIC_CELLS_MAX >= WATCH_TIME_CELLS_1_20 &&
		       MRT_METRIC_CELLS_MAX >= MEM_CLASSES,
	       "room for every histogram");

void gc_metrics_init(void)
{
	if (metrics_bound.filled)
		return;
	metrics_bound.filled = true;
	/* A class holds what is above the size of the one before, so it begins a byte above. */
	for (uint32_t i = 0; i < MEM_CLASSES; i++)
		metrics_bound.size[i] = (double)mem_class_size[i] + 1;
	metrics_bound.size[MEM_CLASSES] = INFINITY;
	for (uint32_t i = 0; i <= WATCH_TIME_CELLS_1_19; i++)
		metrics_bound.time_1_19[i] = watch_time_hist_bound(WATCH_TIME_1_19, i);
	for (uint32_t i = 0; i <= WATCH_TIME_CELLS_1_20; i++)
		metrics_bound.time_1_20[i] = watch_time_hist_bound(WATCH_TIME_1_20, i);
}

/* Small classes from the first on, and the large ones, class 0 here, at the end. */
static void metrics_by_size(const uint64_t class[MEM_CLASSES], struct mrt_metric_sample *s)
{
	s->cells = MEM_CLASSES;
	s->bound = metrics_bound.size;
	if (s->count == NULL)
		return;
	memcpy(s->count, &class[1], (MEM_CLASSES - 1) * sizeof(class[0]));
	s->count[MEM_CLASSES - 1] = class[0];
}

static void metrics_allocs(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	metrics_by_size(in->books.mem.alloc_class, s);
}

static void metrics_frees(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	metrics_by_size(in->books.mem.freed_class, s);
}

static void metrics_times(const struct watch_time_hist *h, enum watch_time_layout layout, struct mrt_metric_sample *s)
{
	s->cells = watch_time_hist_cells(layout);
	s->bound = layout == WATCH_TIME_1_19 ? metrics_bound.time_1_19 : metrics_bound.time_1_20;
	if (s->count != NULL)
		watch_time_hist_read(h, layout, s->count);
}

static void metrics_pauses_1_19(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&gc_st.pauses, WATCH_TIME_1_19, s);
}

static void metrics_pauses(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&gc_st.pauses, WATCH_TIME_1_20, s);
}

static void metrics_stopping(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&gc_st.stopping, WATCH_TIME_1_20, s);
}

static void metrics_latencies(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&metrics_waits.runnable, WATCH_TIME_1_20, s);
}

static void metrics_pauses_other(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&metrics_waits.other_total, WATCH_TIME_1_20, s);
}

static void metrics_stopping_other(const struct metrics_in *in, struct mrt_metric_sample *s)
{
	(void)in;
	metrics_times(&metrics_waits.other_stopping, WATCH_TIME_1_20, s);
}

/* All that is nothing else (mstats.go, cpuStats.accumulate). */
static double metrics_user_ns(const struct gc_cpu_totals *c)
{
	return (double)(c->available_ns - c->assist_ns - c->background_ns - c->idle_ns - c->pause_ns - c->scavenge_assist_ns -
			c->scavenge_background_ns - c->ps_idle_ns);
}

/* ------------------------------------------------------------------- the table */

#define METRIC_U64(id, name, cumulative, since, how, value)	   {name, MRT_METRIC_UINT64, cumulative, since, how},
#define METRIC_F64(id, name, cumulative, since, how, value)	   {name, MRT_METRIC_FLOAT64, cumulative, since, how},
#define METRIC_HIST(id, name, cumulative, since, how, function) {name, MRT_METRIC_HISTOGRAM, cumulative, since, how},
const struct mrt_metric mrt_metrics[] = {
#include "runtime/watch/metrics.def"
};
#undef METRIC_U64
#undef METRIC_F64
#undef METRIC_HIST

#define METRIC_U64(id, ...)  METRIC_##id,
#define METRIC_F64(id, ...)  METRIC_##id,
#define METRIC_HIST(id, ...) METRIC_##id,
enum metrics_row {
#include "runtime/watch/metrics.def"
	METRICS
};
#undef METRIC_U64
#undef METRIC_F64
#undef METRIC_HIST
const size_t mrt_metrics_count = METRICS;

/* The row; METRICS: there is none. */
static size_t metrics_find(const char *name)
{
	size_t low = 0, high = METRICS;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(name, mrt_metrics[mid].name);

		if (order == 0)
			return mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return METRICS;
}

#define METRIC_U64(id, name, cumulative, since, how, value) \
	case METRIC_##id:                                   \
		s->u64 = (value);                       \
		return;
#define METRIC_F64(id, name, cumulative, since, how, value) \
	case METRIC_##id:                                   \
		s->f64 = (value);                       \
		return;
#define METRIC_HIST(id, name, cumulative, since, how, function) \
	case METRIC_##id:                                           \
		function(in, s);                            \
		return;
static void metrics_one(const struct metrics_in *in, size_t row, struct mrt_metric_sample *s)
{
	switch (row) {
#include "runtime/watch/metrics.def"
	default:
		return;
	}
}

/* --------------------------------------------------------------------- reading */

static void metrics_collect(struct metrics_in *in)
{
	int64_t scan = gc_counted(&gc_pacer.heap_scan);
	struct sched_counts counts;

	gc_memstats_collect(&in->m, &in->books);
	sched_waits_read(&metrics_waits);
	gc_limiter_counts(&in->limiter);
	sched_counts(&counts);
	in->cpu = &gc_st.cpu;
	in->gogc = (uint64_t)gc_counted(&gc_pacer.gogc_set);
	in->memlimit = gc_st.opt.memlimit != 0 ? gc_st.opt.memlimit : INT64_MAX;
	in->live = atomic_load_explicit(&gc_pacer.heap_marked, memory_order_relaxed);
	in->heap_scan = scan > 0 ? (uint64_t)scan : 0;
	in->stack_scan = gc_pacer.last_stack_scan;
	in->globals_scan = gc_pacer.globals_scan;
	in->procs = gc_st.procs;
	in->goroutines = counts.goroutines;
}

void mrt_metrics_read(mrt_g *pub, struct mrt_metric_sample *samples, size_t n)
{
	struct sched_g *g = sched_of(pub);
	struct sched_stw stw = {0};
	struct metrics_in in;

	sched_stop_world(g, SCHED_STW_MEMSTATS, &stw);
	metrics_collect(&in);
	for (size_t i = 0; i < n; i++) {
		size_t row = metrics_find(samples[i].name);

		prim_step(PRIM_COST_ATOMIC);
		samples[i].kind = row < METRICS ? mrt_metrics[row].kind : MRT_METRIC_BAD;
		metrics_one(&in, row, &samples[i]);
	}
	sched_start_world(g, &stw, gc_cycle(), 0);
}
