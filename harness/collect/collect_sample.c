/*
 * collect_sample.c: what is read from shared memory and /proc at each tick: gauges, operation
 * histograms, the target's process.
 *
 * Counters and histograms say how much there was since the last tick, not when: counts are dealt
 * out to the slices by time, the histogram belongs to the slice in the middle. A tick that spans
 * several windows (a harness that was stopped, or a fast simulation) gives each of them the whole
 * histogram, and marks them coarse. Operation latencies may so be attributed one tick too early or
 * too late (not in the simulation, which waits at slice edges); pauses, wakes and cycles never are,
 * they carry their own time.
 */
#include "harness/collect/collect_priv.h"

#include "harness/base/host.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLE_WINDOWS_MAX 256 /* a histogram is given to so many of the newest at most */

static uint64_t sample_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static uint64_t sample_grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* ---------------------------------------------------------------- operations */

/* What one tick brought of one workload. */
struct sample_ops {
	uint64_t ops, errors;
	struct watch_hist_sum hist;
};

static void sample_slot(struct gcs_collect *c, uint32_t slot, struct sample_ops *to)
{
	const struct watch_ops *src = &c->tel->ops[slot];
	struct collect_ops *seen = c->ops[slot];
	uint64_t ops = sample_load(&src->ops), errors = sample_load(&src->errors);
	to->ops += sample_grown(ops, seen->ops);
	to->errors += sample_grown(errors, seen->errors);
	seen->ops = ops;
	seen->errors = errors;
	if (sample_load(&src->latency.count) == seen->before.count)
		return;
	struct watch_hist_sum now, grown;
	watch_hist_read(&src->latency, &now);
	grown = now;
	watch_hist_sum_since(&grown, &seen->before);
	seen->before = now;
	watch_hist_sum_add(&to->hist, &grown);
}

static void sample_ops_count(struct gcs_collect *c, uint32_t w, const struct sample_ops *ops,
			     int64_t from_ns, int64_t to_ns)
{
	struct gcs_share count = {
		.is = &c->intervals, .from_ns = from_ns, .to_ns = to_ns, .total = ops->ops};
	struct gcs_share errors = {
		.is = &c->intervals, .from_ns = from_ns, .to_ns = to_ns, .total = ops->errors};
	struct gcs_interval *i;
	uint64_t part, bad;
	while ((i = gcs_share_next(&count, &part)) && gcs_share_next(&errors, &bad)) {
		i->m.ops[w] += part;
		i->m.errors[w] += bad;
		i->coarse |= to_ns - from_ns > c->intervals.window_ns;
	}
}

/* To the slice in the middle of what a window shares with the tick. */
static void sample_ops_hist(struct gcs_collect *c, uint32_t w, const struct sample_ops *ops,
			    int64_t from_ns, int64_t to_ns)
{
	struct gcs_interval *i = gcs_intervals_at(&c->intervals, from_ns + (to_ns - from_ns) / 2);
	if (i)
		gcs_measure_op(&i->m, w, &ops->hist);
}

static void sample_ops_spread(struct gcs_collect *c, uint32_t w, const struct sample_ops *ops,
			      int64_t from_ns, int64_t to_ns)
{
	int64_t window_ns = c->intervals.window_ns, newest_ns = SAMPLE_WINDOWS_MAX * window_ns;
	int64_t at_ns = to_ns - from_ns > newest_ns ? to_ns - newest_ns : from_ns;
	while (at_ns < to_ns) {
		int64_t end_ns = at_ns - at_ns % window_ns + window_ns;
		if (end_ns > to_ns)
			end_ns = to_ns;
		if (end_ns - at_ns >= window_ns / 2)
			sample_ops_hist(c, w, ops, at_ns, end_ns);
		at_ns = end_ns;
	}
}

static void sample_ops_deal(struct gcs_collect *c, uint32_t w, const struct sample_ops *ops,
			    int64_t from_ns, int64_t to_ns)
{
	int64_t middle_ns = from_ns + (to_ns - from_ns) / 2,
		p99 = (int64_t)watch_hist_sum_at(&ops->hist, 990000);
	const struct gcs_interval *middle = gcs_intervals_at(&c->intervals, middle_ns);
	if (middle_ns <= collect_end(c))
		gcs_strip_max(&gcs_strip_at(&c->snap, middle_ns)->op_p99_ns, p99);
	c->tick_p99_ns[w] = p99;
	c->all_ops[w] += ops->ops;
	c->all_errors[w] += ops->errors;
	sample_ops_count(c, w, ops, from_ns, to_ns);
	if (to_ns - from_ns > c->intervals.window_ns)
		sample_ops_spread(c, w, ops, from_ns, to_ns);
	else
		sample_ops_hist(c, w, ops, from_ns, to_ns);
	if (!middle || !middle->recorded)
		return;
	gcs_measure_op(&c->total, w, &ops->hist);
	c->total.ops[w] += ops->ops;
	c->total.errors[w] += ops->errors;
}

/* A slot counts for its workload: clients do where there are any, else the workers inside. */
static bool sample_counts(struct gcs_collect *c, uint32_t slot)
{
	const struct watch_ops *src = &c->tel->ops[slot];
	/* acquire: pairs with the release by which the worker says that workload, worker and
	 * is_client are filled in */
	if (!atomic_load_explicit(&src->used, memory_order_acquire) ||
	    src->workload >= c->scenario->nworkloads)
		return false;
	if (src->is_client)
		c->has_clients[src->workload] = true;
	if (!c->ops[slot])
		c->ops[slot] = calloc(1, sizeof(*c->ops[slot]));
	return c->ops[slot] && (src->is_client || !c->has_clients[src->workload]);
}

static void sample_operations(struct gcs_collect *c, int64_t from_ns, int64_t to_ns)
{
	struct sample_ops sum;
	for (uint32_t w = 0; w < c->scenario->nworkloads; w++) {
		memset(&sum, 0, sizeof(sum));
		for (uint32_t slot = 0; slot < WATCH_HISTS; slot++)
			if (sample_counts(c, slot) && c->tel->ops[slot].workload == w)
				sample_slot(c, slot, &sum);
		if (to_ns > from_ns)
			sample_ops_deal(c, w, &sum, from_ns, to_ns);
	}
}

/* ---------------------------------------------------------------- gauges */

static void sample_heap(struct gcs_collect *c, int64_t now_ns)
{
	const struct watch_gauges *g = &c->tel->gauges;
	uint64_t live = sample_load(&g->heap_live), goal = sample_load(&g->heap_goal);
	struct gcs_interval *i = gcs_intervals_at(&c->intervals, now_ns);
	if (i)
		gcs_measure_heap(&i->m, live, goal, c->rss);
	if (now_ns <= collect_end(c))
		gcs_strip_heap(gcs_strip_at(&c->snap, now_ns), live, goal);
}

static void sample_deal(struct gcs_collect *c, uint64_t total, int64_t from_ns, int64_t to_ns,
			size_t field)
{
	struct gcs_share s = {
		.is = &c->intervals, .from_ns = from_ns, .to_ns = to_ns, .total = total};
	struct gcs_interval *i;
	uint64_t part;
	while (total && (i = gcs_share_next(&s, &part))) {
		uint64_t *slot = (uint64_t *)(void *)((char *)i + field);
		*slot += part;
	}
}

/* Under exec the program and all that it started. */
static bool sample_target(struct gcs_collect *c, struct gcs_proc *ret)
{
	if (gcs_scenario_runtime(c->scenario) != GCS_RUNTIME_COMMAND)
		return gcs_proc_read(c->pid, ret) == 0;
	bool there = gcs_family_read(&c->family, c->pid) == 0;
	*ret = c->family.sum;
	return there;
}

static void sample_process(struct gcs_collect *c, struct collect_cumulative *now)
{
	struct gcs_proc proc;
	now->steal_ns = gcs_host_steal_ns();
	now->run_delay_ns = c->before.run_delay_ns;
	now->used_ns = c->before.used_ns;
	if (c->pid <= 0 || !sample_target(c, &proc))
		return;
	c->rss = proc.rss;
	now->run_delay_ns = proc.run_delay_ns;
	now->used_ns = (uint64_t)proc.cpu_ns;
	if (proc.cpu_ns > c->cpu_ns)
		c->cpu_ns = proc.cpu_ns;
}

static void sample_counters(struct gcs_collect *c, int64_t from_ns, int64_t to_ns)
{
	const struct watch_gauges *g = &c->tel->gauges;
	struct collect_cumulative now = {.gc_cpu_ns = sample_load(&g->gc_cpu_ns),
					 .cpu_ns = sample_load(&g->cpu_ns_available),
					 .assist_ns = sample_load(&g->assist_ns_total)};
	if (!c->sim)
		sample_process(c, &now);
	else
		c->cpu_ns = (int64_t)now.cpu_ns;
	if (c->has_before && to_ns > from_ns) {
		const struct collect_cumulative *was = &c->before;
		sample_deal(c, sample_grown(now.gc_cpu_ns, was->gc_cpu_ns), from_ns, to_ns,
			    offsetof(struct gcs_interval, m.gc_cpu_ns));
		sample_deal(c, sample_grown(now.cpu_ns, was->cpu_ns), from_ns, to_ns,
			    offsetof(struct gcs_interval, m.cpu_ns));
		sample_deal(c, sample_grown(now.assist_ns, was->assist_ns), from_ns, to_ns,
			    offsetof(struct gcs_interval, m.assist_ns));
		sample_deal(c, sample_grown(now.used_ns, was->used_ns), from_ns, to_ns,
			    offsetof(struct gcs_interval, m.used_ns));
		if (now.run_delay_ns > was->run_delay_ns)
			c->run_delay_ns += now.run_delay_ns - was->run_delay_ns;
		if (now.run_delay_ns > was->run_delay_ns)
			sample_deal(c, (uint64_t)(now.run_delay_ns - was->run_delay_ns), from_ns,
				    to_ns, offsetof(struct gcs_interval, run_delay_ns));
		if (now.steal_ns > was->steal_ns)
			sample_deal(c, (uint64_t)(now.steal_ns - was->steal_ns), from_ns, to_ns,
				    offsetof(struct gcs_interval, steal_ns));
	}
	c->before = now;
	c->has_before = true;
}

void collect_sample(struct gcs_collect *c, int64_t now_ns, bool last)
{
	int64_t from_ns = c->sampled_ns;
	if (now_ns <= from_ns && c->has_before) {
		if (!last)
			return; /* the clock stands: what happens meanwhile belongs to its next step
				 */
		from_ns = now_ns - 1;
	}
	sample_counters(c, from_ns, now_ns);
	sample_operations(c, from_ns, now_ns);
	sample_heap(c, now_ns);
	collect_look(c, now_ns);
	if (now_ns > c->sampled_ns)
		c->sampled_ns = now_ns;
}
