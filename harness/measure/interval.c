/*
 * interval.c: the queue of open intervals, and dealing counters out to them.
 *
 * Counters in shared memory are read once a tick; what accrued since the last tick is dealt out by
 * overlap. With ticks much shorter than an interval an error is at most one tick's worth at each
 * edge.
 */
#include "harness/measure/interval.h"

#include <stdlib.h>
#include <string.h>

void gcs_intervals_init(struct gcs_intervals *is, const struct gcs_scenario *s, int64_t window_ns,
			uint32_t parts)
{
	memset(is, 0, sizeof(*is));
	is->scenario = s;
	is->window_ns = window_ns;
	is->parts = parts;
}

uint32_t gcs_intervals_parts(int64_t window_ns)
{
	int64_t parts = window_ns / GCS_SLICE_NS;
	return parts < 1 ? 1 : parts > GCS_SLICES_MAX ? GCS_SLICES_MAX : (uint32_t)parts;
}

/* Where a slice begins, and the slice of a moment: each other's inverse. */
static int64_t intervals_edge(const struct gcs_intervals *is, uint64_t slice)
{
	int64_t window = (int64_t)(slice / is->parts), part = (int64_t)(slice % is->parts);
	return window * is->window_ns + part * is->window_ns / is->parts;
}

static uint64_t intervals_index(const struct gcs_intervals *is, int64_t t_ns)
{
	uint64_t window = (uint64_t)(t_ns / is->window_ns);
	int64_t rest = t_ns % is->window_ns;
	return window * is->parts + (uint64_t)(((rest + 1) * is->parts - 1) / is->window_ns);
}

void gcs_interval_destroy(struct gcs_interval *i)
{
	if (!i)
		return;
	gcs_measure_fini(&i->m);
	gcs_look_destroy(i->look);
	free(i);
}

void gcs_intervals_fini(struct gcs_intervals *is)
{
	for (uint32_t i = 0; i < is->nopen; i++)
		gcs_interval_destroy(is->open[i]);
	free(is->open);
	memset(is, 0, sizeof(*is));
}

/* Phase at t: the scenario's, by its table. */
static int interval_phase(const struct gcs_scenario *s, int64_t t_ns)
{
	for (uint32_t p = 0; p < s->nphases; p++)
		if (t_ns >= s->phase[p].start_ns && t_ns < s->phase[p].end_ns)
			return (int)p;
	return -1;
}

static struct gcs_interval *interval_new(const struct gcs_scenario *s, uint64_t index,
					 int64_t start_ns, int64_t end_ns)
{
	struct gcs_interval *i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->index = index;
	i->start_ns = start_ns;
	i->end_ns = end_ns;
	i->phase = interval_phase(s, start_ns + (end_ns - start_ns) / 2);
	i->recorded = i->phase >= 0 && s->phase[i->phase].record;
	i->m.span_ns = end_ns - start_ns;
	return i;
}

struct gcs_interval *gcs_intervals_window(const struct gcs_intervals *is, uint64_t slice)
{
	uint64_t index = slice / is->parts;
	int64_t start_ns = (int64_t)index * is->window_ns;
	struct gcs_interval *w =
		interval_new(is->scenario, index, start_ns, start_ns + is->window_ns);
	if (w)
		w->m.span_ns = 0; /* grows with its slices */
	return w;
}

void gcs_interval_merge(struct gcs_interval *window, const struct gcs_interval *slice)
{
	window->coarse |= slice->coarse;
	window->armed |= slice->armed;
	window->fires += slice->fires;
	window->run_delay_ns += slice->run_delay_ns;
	window->steal_ns += slice->steal_ns;
	window->stall_ns += slice->stall_ns;
	gcs_measure_merge(&window->m, &slice->m);
}

static bool intervals_grow(struct gcs_intervals *is)
{
	if (is->nopen == is->cap) {
		uint32_t cap = is->cap ? 2 * is->cap : 8;
		struct gcs_interval **open = realloc(is->open, cap * sizeof(*open));
		if (!open)
			return false;
		is->open = open;
		is->cap = cap;
	}
	uint64_t index = is->first + is->nopen;
	struct gcs_interval *i = interval_new(is->scenario, index, intervals_edge(is, index),
					      intervals_edge(is, index + 1));
	if (!i)
		return false;
	is->open[is->nopen++] = i;
	return true;
}

struct gcs_interval *gcs_intervals_at(struct gcs_intervals *is, int64_t t_ns)
{
	uint64_t index = t_ns > 0 ? intervals_index(is, t_ns) : 0;
	if (index < is->first)
		index = is->first;
	while (is->first + is->nopen <= index)
		if (!intervals_grow(is))
			return NULL;
	return is->open[index - is->first];
}

struct gcs_interval *gcs_intervals_close(struct gcs_intervals *is, int64_t t_ns)
{
	if (intervals_edge(is, is->first + 1) > t_ns)
		return NULL;
	if (is->nopen == 0 && !intervals_grow(is))
		return NULL;
	struct gcs_interval *i = is->open[0];
	is->nopen--;
	memmove(is->open, is->open + 1, is->nopen * sizeof(is->open[0]));
	is->first++;
	return i;
}

struct gcs_interval *gcs_share_next(struct gcs_share *s, uint64_t *ret_part)
{
	if (s->at_ns < s->from_ns)
		s->at_ns = s->from_ns;
	if (s->at_ns >= s->to_ns)
		return NULL;
	struct gcs_interval *i = gcs_intervals_at(s->is, s->at_ns);
	if (!i)
		return NULL;
	int64_t end = i->end_ns < s->to_ns && i->end_ns > s->at_ns ? i->end_ns : s->to_ns;
	unsigned __int128 upto = (unsigned __int128)s->total * (uint64_t)(end - s->from_ns) /
				 (uint64_t)(s->to_ns - s->from_ns);
	*ret_part = (uint64_t)upto - s->dealt;
	s->dealt = (uint64_t)upto;
	s->at_ns = end;
	return i;
}
