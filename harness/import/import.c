/*
 * import.c: see import.h. From the lines of a log to a curve and to scales; GOGC is
 * import_gogc.c's, the text import_text.c's.
 */
#include "harness/import/import_priv.h"
#include "harness/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_SMOOTH	48	      /* rounds: a bend reaches that many cycles */
#define IMPORT_LIVE_MIN (1.0 / 16)    /* MiB: no program keeps less */

#define IMPORT_LIVE_MAX	(1u << 20)    /* MiB; a scenario knows no more */
#define IMPORT_RATE_MAX	(1u << 16)    /* MiB a second; nothing allocates faster */
#define IMPORT_LEAD_MAX 120.0	      /* Go collects every two minutes at least */
#define IMPORT_WARMUP_MAX 3600.0 /* as written */
#define IMPORT_PHASE_MIN 0.1	  /* as written: no phase is shorter */
#define IMPORT_SCALE_LO 0.01
#define IMPORT_SCALE_HI 10000.0
#define IMPORT_RUN_MIN_S 2.0
#define IMPORT_PERIOD_LO INT64_C(20000000) /* of a cycle that is repeated */
#define IMPORT_PERIOD_HI INT64_C(120000000000) /* Go collects every two minutes at least */

/* ---- which cycles */

static int64_t import_at(const struct import_model *m, uint32_t i)
{
	return m->cycle[i].entry->cycle.at_ns;
}

/* What was seen of the incident, and the moment of it that must be taken; false: nothing was. */
static bool import_onset(const struct gcs_import_options *opt, int64_t *ret_ns)
{
	bool seen = opt->incident && opt->incident->seen;
	if (seen)
		*ret_ns = opt->incident->joined->onset_ns;
	return seen;
}

/* Of a part what lies within the margin of the incident. */
static struct gcs_gctrace_part import_margin(const struct gcs_gctrace_log *log, struct gcs_gctrace_part part,
					     const struct gcs_import_options *opt)
{
	const struct gcs_import_incident *i = opt->incident;
	if (!i || !i->seen || i->seen->margin_ns < 0)
		return part;
	int64_t margin_ns = i->seen->margin_ns, from_ns = i->joined->onset_ns - margin_ns,
		to_ns = i->joined->end_ns < INT64_MAX - margin_ns ? i->joined->end_ns + margin_ns : INT64_MAX;
	const struct gcs_gctrace_entry *e = log->entry;
	for (; part.n > 0 && e[part.first].cycle.at_ns < from_ns; part.n--)
		part.first++;
	while (part.n > 0 && e[part.first + part.n - 1].cycle.at_ns > to_ns)
		part.n--;
	return part;
}

/* The most cycles that fit a scenario: by number, and by the hours that a run may have. */
static struct gcs_gctrace_part import_stretch(const struct gcs_gctrace_log *log, struct gcs_gctrace_part part,
					      const struct gcs_import_options *opt)
{
	const struct gcs_gctrace_entry *e = log->entry + part.first;
	const int64_t most_ns = GCS_IMPORT_HOURS * INT64_C(3600000000000);
	uint32_t max = GCS_LOGGED_MAX < GCS_FOLLOW_MAX ? GCS_LOGGED_MAX : GCS_FOLLOW_MAX;
	struct gcs_gctrace_part best = {0};
	int64_t onset_ns = 0;
	bool onset = import_onset(opt, &onset_ns), has = false; /* best has the onset in it */
	max -= 8; /* points of the warm-up and the end */
	for (uint32_t from = 0, to = 0; to < part.n; to++) {
		while (to - from >= max || e[to].cycle.at_ns - e[from].cycle.at_ns > most_ns)
			from++;
		bool in = onset && e[from].cycle.at_ns <= onset_ns && onset_ns <= e[to].cycle.at_ns;
		if (in > has || (in == has && to - from + 1 > best.n)) {
			best = (struct gcs_gctrace_part){part.first + from, to - from + 1};
			has = in;
		}
	}
	return best;
}

/* Begins are told to the millisecond: cycles of the same one are spread over it. */
static void import_times(struct import_model *m)
{
	for (uint32_t i = 0, to; i < m->n; i = to) {
		for (to = i + 1; to < m->n && import_at(m, to) == import_at(m, i);)
			to++;
		for (uint32_t j = i; j < to; j++)
			m->cycle[j].at =
				(double)import_at(m, i) * 1e-9 + 1e-3 * (j - i) / (double)(to - i);
	}
}

static void import_look(struct import_model *m)
{
	struct gcs_import *im = m->im;
	const struct gcs_gctrace_entry *first = m->cycle[0].entry,
				       *last = m->cycle[m->n - 1].entry;
	im->n = m->n;
	im->number_first = first->cycle.number;
	im->number_last = last->cycle.number;
	im->line_first = first->line;
	im->line_last = last->line;
	im->procs_first = im->procs_min = im->procs_max = first->cycle.procs;
	im->scanned = first->cycle.scanned;
	im->five_parts = first->cycle.five_parts;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct gcs_gctrace_cycle *g = &m->cycle[i].entry->cycle;
		im->forced += g->forced;
		im->procs_min = g->procs < im->procs_min ? g->procs : im->procs_min;
		im->procs_max = g->procs > im->procs_max ? g->procs : im->procs_max;
		if (g->goal_mib != GCS_GCTRACE_GOAL_OFF)
			im->goal_mib = fmax(im->goal_mib, g->goal_mib);
		if (i + 1 == m->n)
			break;
		uint64_t skip = m->cycle[i + 1].entry->cycle.number - g->number - 1;
		m->cycle[i].next = skip == 0;
		im->gaps += skip > 0;
		im->missing += skip;
	}
	im->procs = im->procs_max < m->opt->cpus ? im->procs_max : m->opt->cpus;
	im->procs = im->procs < 1 ? 1 : im->procs > 64 ? 64 : im->procs;
	im->at_first_ns = first->cycle.at_ns;
	im->at_last_ns = last->cycle.at_ns;
	im->span_ns = last->cycle.at_ns - first->cycle.at_ns;
}

/* ---- sizes */

/* The smoothest values within [lo, hi], from their middles. v, lo, hi: n each. */
static void import_smooth(double *v, const double *lo, const double *hi, uint32_t n)
{
	for (unsigned round = 0; round < IMPORT_SMOOTH; round++) {
		double before = n ? v[0] : 0;
		for (uint32_t i = 0; i < n; i++) {
			double after = i + 1 < n ? v[i + 1] : v[i],
			       mean = (before + 2 * v[i] + after) / 4;
			before = v[i];
			v[i] = fmin(fmax(mean, lo[i]), hi[i]);
		}
	}
}

/* What each line leaves open, and the smoothest choice: bytes born while marking, bytes marked. */
static void import_sizes(struct import_model *m, double *v, double *lo, double *hi)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct gcs_gctrace_cycle *g = &m->cycle[i].entry->cycle;
		double born = (double)g->heap_end_mib - g->heap_start_mib;
		lo[i] = fmax(0, born - 1);
		hi[i] = fmax(0, born + 1);
		v[i] = fmax(0, born);
	}
	import_smooth(v, lo, hi, m->n);
	for (uint32_t i = 0; i < m->n; i++)
		m->cycle[i].born = v[i];
	for (uint32_t i = 0; i < m->n; i++) {
		lo[i] = m->cycle[i].entry->cycle.heap_live_mib;
		hi[i] = lo[i] + 1;
		gcs_import_narrow(m, i, &lo[i], &hi[i]);
		v[i] = (lo[i] + hi[i]) / 2;
	}
	import_smooth(v, lo, hi, m->n);
	for (uint32_t i = 0; i < m->n; i++) {
		struct import_cycle *c = &m->cycle[i];
		c->marked = v[i];
		double kept = m->im->reachable ? fmax(v[i] - c->born, v[i] / 8) : v[i];
		c->live = fmin(fmax(kept, IMPORT_LIVE_MIN), IMPORT_LIVE_MAX);
		m->im->live_mib = fmax(m->im->live_mib, c->live);
	}
}

/* The heap at the begin of cycle i. Where the runtime starts a cycle is known well enough to say
 * more than the rounded figure: at the minimum exactly up to Go 1.17, later, for a heap that is
 * marked quickly, 61/64 of the way from what was marked before to the goal. */
static double import_start(const struct import_model *m, uint32_t i)
{
	const struct gcs_gctrace_cycle *g = &m->cycle[i].entry->cycle;
	double lo = g->heap_start_mib, hint = lo + 0.5, minimum = import_minimum(m->im->gogc);
	if (g->forced || g->goal_mib == GCS_GCTRACE_GOAL_OFF)
		return hint;
	if (!g->scanned && lo == floor(minimum) && g->goal_mib == lo + 1)
		hint = minimum + 0.05;
	if (g->scanned && i > 0 && m->cycle[i - 1].next && m->cycle[i - 1].gogc > 0) {
		double part = m->cycle[i - 1].gogc / 100.0, before = m->cycle[i - 1].marked,
		       goal = fmax(before * (1 + part), import_minimum(m->cycle[i - 1].gogc));
		hint = fmax(before + (goal - before) * 61 / 64, goal - 4);
	}
	return hint >= lo && hint < lo + 1 ? hint : lo + 0.5;
}

/* What was allocated from cycle i to the next, in MiB. At least what became live. */
static double import_allocated(const struct import_model *m, uint32_t i)
{
	const struct import_cycle *c = &m->cycle[i];
	double bytes = c->born + import_start(m, i + 1) - c->marked;
	return fmax(fmax(bytes, m->cycle[i + 1].live - c->live), 0);
}

/* The same where cycles are missing between i and the next: each is thought to have allocated what
 * the two at its sides did. */
static double import_bridged(const struct import_model *m, uint32_t i)
{
	const struct import_cycle *a = &m->cycle[i], *b = a + 1;
	double begun = a->entry->cycle.number < b->entry->cycle.number
			       ? (double)(b->entry->cycle.number - a->entry->cycle.number)
			       : 1,
	       first = fmax(a->born + import_start(m, i) - a->marked, 0),
	       second = fmax(b->born + import_start(m, i + 1) - b->marked, 0);
	return fmax(begun * (first + second) / 2, b->live - a->live);
}

/* Allocated a second from each begin to the next. */
static void import_rates(struct import_model *m)
{
	/* times are told to the millisecond, so a rate can be anything */
	for (uint32_t i = 0; i + 1 < m->n; i++) {
		struct import_cycle *c = &m->cycle[i];
		double bytes = c->next ? import_allocated(m, i) : import_bridged(m, i);
		c->rate = fmin(bytes / (m->cycle[i + 1].at - c->at), IMPORT_RATE_MAX);
	}
	m->cycle[m->n - 1].rate = m->cycle[m->n - 2].rate;
}

/* ---- time before the first and after the last */

/* One period before the first cycle, so that n cycles have n periods. When the log has the
 * program's start, that: the heap of the first cycle is all that was allocated. */
static void import_ends(struct import_model *m)
{
	const struct import_cycle *c = m->cycle;
	const struct gcs_gctrace_cycle *last = &c[m->n - 1].entry->cycle;
	double first = m->n > 1 ? c[1].at - c[0].at : 1;
	m->start = c[0].entry->cycle.number == 1 && c[0].at <= IMPORT_LEAD_MAX;
	m->lead = fmax(m->start ? c[0].at : fmin(first, IMPORT_LEAD_MAX), 1e-3);
	m->lead_rate = m->start ? fmin(import_start(m, 0) / m->lead, IMPORT_RATE_MAX) : c[0].rate;
	double clock = (double)(last->stop_first_ns + last->mark_ns + last->stop_second_ns) * 1e-9,
	       mean = (c[m->n - 1].at - c[0].at) / (m->n - 1);
	m->end = fmax(fmin(clock, 2 * mean), 0.1 * mean);
	m->tail = fmax(m->end, IMPORT_PHASE_MIN - m->lead - (c[m->n - 1].at - c[0].at));
}

/* ---- scales */

static int import_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of n sorted. */
static double import_quantile(const double *sorted, uint32_t n, double share)
{
	uint32_t i = (uint32_t)(share * n);
	return sorted[i < n ? i : n - 1];
}

/* Two digits, up or down: 17.3 is 18 or 17. */
static double import_two_digits(double v, bool up)
{
	double unit = pow(10, floor(log10(v)) - 1);
	return unit * (up ? ceil(v / unit - 1e-9) : floor(v / unit + 1e-9));
}

static uint32_t import_milli(double v)
{
	return (uint32_t)lround(fmin(fmax(v, IMPORT_SCALE_LO), IMPORT_SCALE_HI) * 1000);
}

/* What the choice of scales is made from; room: n doubles. */
static void import_measure(struct import_model *m, double *room, double *ret_goal)
{
	struct gcs_import *im = m->im;
	double bytes = 0;
	uint32_t pairs = m->n - 1;
	for (uint32_t i = 0; i < pairs; i++) {
		room[i] = m->cycle[i + 1].at - m->cycle[i].at;
		bytes += room[i] * m->cycle[i].rate;
	}
	double span = m->cycle[m->n - 1].at - m->cycle[0].at;
	im->alloc_mib = bytes / span;
	im->period_ns = (int64_t)(span * 1e9 / pairs);
	qsort(room, pairs, sizeof room[0], import_compare);
	im->period_p10_ns = (int64_t)(import_quantile(room, pairs, 0.1) * 1e9);
	for (uint32_t i = 0; i < pairs; i++)
		room[i] = m->cycle[i].rate;
	qsort(room, pairs, sizeof room[0], import_compare);
	im->alloc_p90_mib = import_quantile(room, pairs, 0.9);
	uint32_t paced = 0; /* by the pacer: the others have no goal to be scaled */
	for (uint32_t i = 0; i < m->n; i++) {
		const struct gcs_gctrace_cycle *g = &m->cycle[i].entry->cycle;
		if (!g->forced && g->goal_mib != GCS_GCTRACE_GOAL_OFF)
			room[paced++] = g->goal_mib;
	}
	qsort(room, paced, sizeof room[0], import_compare);
	*ret_goal = paced ? import_quantile(room, paced, 0.5) : INFINITY;
}

static double import_heap_scale(const struct import_model *m, double goal)
{
	double scale = m->im->live_mib / GCS_IMPORT_LIVE_MIB;
	if (scale <= 1)
		return 1;
	double most = isfinite(goal) ? fmax(1, goal / GCS_IMPORT_GOAL_MIB) : scale,
	       least = m->im->live_mib / GCS_IMPORT_LIVE_MAX_MIB;
	return import_two_digits(fmax(fmin(scale, most), least), true);
}

/* alloc: allocated a second as it is without a time scale. */
static double import_time_scale(const struct import_model *m, double alloc)
{
	double length = m->lead + (double)m->im->span_ns * 1e-9 + m->tail,
	       scale = fmax(1, length / GCS_IMPORT_RUN_S);
	scale = fmin(scale, (double)m->im->period_p10_ns / GCS_IMPORT_PERIOD_NS);
	if (alloc > 0)
		scale = fmin(scale, GCS_IMPORT_ALLOC_MIB / alloc);
	scale = fmin(scale, length / IMPORT_RUN_MIN_S);
	double least = fmax(length / GCS_IMPORT_RUN_MAX_S, IMPORT_SCALE_LO);
	return scale > least ? import_two_digits(scale, false) : import_two_digits(least, true);
}

/* A heap that is smaller still, where that brings the allocation down to what can be done. */
static double import_heap_smaller(const struct import_model *m, double heap, double time,
				  double goal)
{
	double scale = m->im->alloc_p90_mib * time / GCS_IMPORT_ALLOC_MIB,
	       most = isfinite(goal) ? goal / GCS_IMPORT_GOAL_LOW_MIB : heap;
	scale = fmin(scale, most);
	return scale > heap ? import_two_digits(scale, true) : heap;
}

static void import_scales(struct import_model *m, double goal)
{
	struct gcs_import *im = m->im;
	double heap = m->opt->heap_scale_milli / 1000.0, time = m->opt->time_scale_milli / 1000.0;
	if (heap <= 0) {
		heap = import_heap_scale(m, goal);
		if (heap > 1)
			heap = import_heap_smaller(
				m, heap, time > 0 ? time : import_time_scale(m, 0), goal);
	}
	im->heap_scale_milli = import_milli(heap);
	heap = im->heap_scale_milli / 1000.0;
	if (time <= 0)
		time = import_time_scale(m, im->alloc_p90_mib / heap);
	im->time_scale_milli = import_milli(time);
	time = im->time_scale_milli / 1000.0;
	im->dense = (double)im->period_p10_ns < GCS_IMPORT_PERIOD_NS * time * 0.99;
	for (uint32_t i = 0; i < m->n; i++) {
		double g = m->cycle[i].entry->cycle.goal_mib, low = import_minimum(im->gogc);
		im->at_minimum += heap > 1 && g > low + 1 && g < low * heap;
	}
	/* the first live set at a third of what the machine can take, and a second to settle */
	double build = m->start ? 0 : 1 + m->cycle[0].live / heap / (GCS_IMPORT_ALLOC_MIB / 3);
	double warmup = fmin(1 + build,
			     IMPORT_WARMUP_MAX / time),
	       length = (m->lead + (m->cycle[m->n - 1].at - m->cycle[0].at) + m->tail) / time;
	warmup = fmax(warmup, IMPORT_PHASE_MIN / time);
	im->warmup_ns = (int64_t)(ceil(warmup * 1000) * 1e6);
	im->run_ns = im->warmup_ns + (int64_t)(length * 1e9);
}

/* ---- the whole */

static int import_all(struct import_model *m)
{
	double *room = calloc(m->n, 3 * sizeof room[0]), goal;
	if (!room)
		return -ENOMEM;
	import_times(m);
	import_look(m);
	int e = gcs_import_gogc(m);
	if (e == 0) {
		import_sizes(m, room, room + m->n, room + 2 * m->n);
		import_rates(m);
		import_ends(m);
		import_measure(m, room, &goal);
		import_scales(m, goal);
		e = gcs_import_text(m);
	}
	free(room);
	return e;
}

/* One more of the same cycle, i periods later. */
static int import_again(struct gcs_gctrace_log *ret, const char *text, const struct gcs_gctrace_cycle *c, unsigned i,
			int64_t period_ns)
{
	char line[1024];
	const char *rest = strchr(text, 's'); /* of "@77536.239s" */
	int64_t at_ms = (c->at_ns + i * period_ns) / 1000000;
	int n = snprintf(line, sizeof line, "gc %llu @%lld.%03lld%s\n", (unsigned long long)(c->number + i),
			 (long long)(at_ms / 1000), (long long)(at_ms % 1000), rest ? rest : "s");
	return n < (int)sizeof line ? gcs_gctrace_log_feed(ret, line, (size_t)n) : -E2BIG;
}

int gcs_import_repeat(const struct gcs_gctrace_log *log, struct gcs_gctrace_log *ret, int64_t *ret_period_ns)
{
	const struct gcs_gctrace_entry *e = log->entry;
	int64_t period_ns = e->cycle.at_ns / (int64_t)e->cycle.number;
	period_ns = period_ns < IMPORT_PERIOD_LO ? IMPORT_PERIOD_LO : period_ns;
	period_ns = period_ns > IMPORT_PERIOD_HI ? IMPORT_PERIOD_HI : period_ns;
	*ret_period_ns = period_ns;
	gcs_gctrace_log_init(ret);
	int r = 0;
	for (unsigned i = 0; i < GCS_IMPORT_REPEATS && r == 0; i++)
		r = import_again(ret, log->text + e->text, &e->cycle, i, period_ns);
	return r ? r : gcs_gctrace_log_finish(ret);
}

int gcs_import(const struct gcs_gctrace_log *log, const struct gcs_import_options *opt,
	       struct gcs_import *ret)
{
	struct gcs_gctrace_part whole = gcs_gctrace_log_longest(log), part = import_margin(log, whole, opt), take;
	struct gcs_import im = {.of = part.n, .cut = whole.n - part.n};
	struct import_model m = {.log = log, .im = &im, .opt = opt};
	if (whole.n < 2)
		return -ENODATA;
	if (part.n < 2)
		return -EDOM;
	take = import_stretch(log, part, opt);
	if (take.n < 2)
		return -ERANGE;
	m.n = take.n;
	m.cycle = calloc(m.n, sizeof m.cycle[0]);
	if (!m.cycle)
		return -ENOMEM;
	for (uint32_t i = 0; i < m.n; i++)
		m.cycle[i].entry = &log->entry[take.first + i];
	int e = import_all(&m);
	free(m.cycle);
	if (e == 0)
		*ret = im;
	else
		gcs_import_fini(&im);
	return e;
}

void gcs_import_fini(struct gcs_import *im)
{
	free(im->text);
	im->text = NULL;
}
