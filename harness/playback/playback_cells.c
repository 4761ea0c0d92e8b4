/*
 * playback_cells.c: a record's history in cells of a tenth of a second (longer ones where the record is longer than two hours), and
 * its heap as a line.
 *
 * Pauses that have rows of their own stand where they ended. Of a window's other pauses only the longest is known: where no row is
 * as long, it stands in the window's middle. Operation P99 is that of the window, all along it.
 */
#include "harness/playback/playback_priv.h"

#include "harness/measure/strip.h"


#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- cells */

static void cells_halve(struct gcs_playback *p)
{
	for (size_t i = 0; i < p->ncells; i++) {
		struct gcs_cell cell = p->cell[i];
		if (i % 2)
			gcs_strip_join(&p->cell[i / 2], &cell);
		else
			p->cell[i / 2] = cell;
	}
	size_t kept = (p->ncells + 1) / 2;
	memset(p->cell + kept, 0, (p->ncells - kept) * sizeof p->cell[0]);
	p->ncells = kept;
	p->cell_ns *= 2;
}

/* NULL: no memory. */
static struct gcs_cell *cells_at(struct gcs_playback *p, int64_t t_ns)
{
	if (!p->cell) {
		p->cell = calloc(PLAYBACK_CELLS_MAX, sizeof *p->cell);
		p->cell_ns = GCS_STRIP_FIRST_NS;
		if (!p->cell) {
			p->error = -ENOMEM;
			return NULL;
		}
	}
	t_ns = t_ns < 0 ? 0 : t_ns;
	while (t_ns / p->cell_ns >= PLAYBACK_CELLS_MAX)
		cells_halve(p);
	size_t at = (size_t)(t_ns / p->cell_ns);
	if (at >= p->ncells)
		p->ncells = at + 1;
	return &p->cell[at];
}

void playback_cell_pause(struct gcs_playback *p, enum gcs_pause_kind kind, int64_t t_ns, int64_t dur_ns, int64_t stopping_ns)
{
	struct gcs_cell *c = cells_at(p, t_ns);
	if (!c)
		return;
	switch (kind) {
	case GCS_PAUSE_STW:
		gcs_strip_max(&c->stw_max_ns, dur_ns);
		gcs_strip_max(&c->stopping_max_ns, stopping_ns);
		c->stw_count++;
		break;
	case GCS_PAUSE_ASSIST:
		gcs_strip_max(&c->assist_max_ns, dur_ns);
		break;
	case GCS_PAUSE_WAKE:
		gcs_strip_max(&c->wake_max_ns, dur_ns);
		break;
	case GCS_PAUSE_ALLOC_STALL:
	case GCS_PAUSE_KINDS:
		break;
	}
}

void playback_cell_fire(struct gcs_playback *p, uint32_t fault, int64_t t_ns)
{
	struct gcs_cell *c = cells_at(p, t_ns);
	if (!c)
		return;
	c->fires++;
	c->faults_fired |= 1u << fault;
}

void playback_cell_look(struct gcs_playback *p, const struct gcs_look_point *point)
{
	struct gcs_cell *c = cells_at(p, point->t_ns);
	if (!c)
		return;
	if (point->runq > c->runq_max)
		c->runq_max = point->runq;
	if (point->growing > c->maps_growing)
		c->maps_growing = point->growing;
}

static int64_t *cells_field(struct gcs_cell *c, int series)
{
	switch (series) {
	case GCS_STW:
		return &c->stw_max_ns;
	case GCS_STOPPING:
		return &c->stopping_max_ns;
	case GCS_ASSIST:
		return &c->assist_max_ns;
	case GCS_WAKE:
		return &c->wake_max_ns;
	default:
		return NULL;
	}
}

/* The longest of a window that no row accounts for. */
static void cells_unlisted(struct gcs_playback *p, const struct playback_window *w, int series)
{
	int64_t max_ns = w->series[series].max_ns, middle_ns = w->start_ns + (w->end_ns - w->start_ns) / 2;
	struct gcs_cell *middle = cells_at(p, middle_ns);
	for (size_t i = (size_t)(w->start_ns / p->cell_ns); middle && i < p->ncells && (int64_t)i * p->cell_ns < w->end_ns; i++)
		if (*cells_field(&p->cell[i], series) >= max_ns)
			return;
	if (middle)
		gcs_strip_max(cells_field(middle, series), max_ns);
}

static void cells_window(struct gcs_playback *p, const struct playback_window *w)
{
	static const int series[] = {GCS_STW, GCS_STOPPING, GCS_ASSIST, GCS_WAKE};
	int64_t p99_ns = 0;
	if (w->start_ns < 0 || w->end_ns <= w->start_ns || !cells_at(p, w->end_ns - 1))
		return;
	for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
		if (w->series[series[i]].max_ns > 0)
			cells_unlisted(p, w, series[i]);
	for (uint32_t i = 0; i < p->scenario->nworkloads && w->ops; i++)
		gcs_strip_max(&p99_ns, w->ops[i].p99_ns);
	for (int64_t t = w->start_ns; t < w->end_ns; t += p->cell_ns)
		gcs_strip_max(&cells_at(p, t)->op_p99_ns, p99_ns);
}

/* ---------------------------------------------------------------- heap */

static void heap_point(struct gcs_playback *p, int64_t t_ns, uint64_t live)
{
	struct playback_point *last = p->nlines ? &p->line[p->nlines - 1] : NULL;
	if (t_ns < 0 || live == 0 || (last && last->t_ns > t_ns))
		return;
	struct playback_point *at = playback_more(p, &p->line, &p->nlines, &p->lines_cap, sizeof *at);
	if (at)
		*at = (struct playback_point){t_ns, live};
}

/* Windows in which no collection begins or ends its marking: the heap only grows in them. */
static void heap_windows(struct gcs_playback *p, size_t *w, int64_t until_ns)
{
	for (; *w < p->nwindows && p->window[*w].end_ns <= until_ns; (*w)++)
		heap_point(p, p->window[*w].end_ns, p->window[*w].heap_live_max);
}

static void heap_line(struct gcs_playback *p)
{
	size_t w = 0;
	p->nlines = 0;
	if (p->nwindows)
		heap_point(p, 0, p->window[0].heap_live_min);
	for (size_t i = 0; i < p->ngcs; i++) {
		const struct playback_gc *g = &p->gc[i];
		const int64_t edge[] = {g->start_ns, g->mark_end_ns};
		for (int k = 0; k < 2; k++) {
			if (edge[k] < 0)
				continue;
			heap_windows(p, &w, edge[k]);
			heap_point(p, edge[k], k ? g->heap_end : g->heap_start);
			if (k)
				heap_point(p, edge[k], g->heap_marked);
			while (w < p->nwindows && p->window[w].end_ns > edge[k] && p->window[w].start_ns <= edge[k])
				w++;
		}
	}
	heap_windows(p, &w, INT64_MAX);
}

static size_t heap_after(const struct gcs_playback *p, int64_t t_ns)
{
	size_t low = 0, high = p->nlines;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->line[middle].t_ns <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t heap_live(const struct gcs_playback *p, size_t after, int64_t t_ns)
{
	if (p->nlines == 0)
		return 0;
	if (after == 0 || after == p->nlines)
		return p->line[after ? after - 1 : 0].live;
	const struct playback_point *a = &p->line[after - 1], *b = &p->line[after];
	double share = b->t_ns > a->t_ns ? (double)(t_ns - a->t_ns) / (double)(b->t_ns - a->t_ns) : 0;
	return (uint64_t)((double)a->live + share * ((double)b->live - (double)a->live));
}

/* That of the first cycle to end its marking after t, from *at on; else the last window's. */
static uint64_t heap_goal(const struct gcs_playback *p, size_t *at, int64_t t_ns)
{
	while (*at < p->ngcs && p->gc[*at].mark_end_ns >= 0 && p->gc[*at].mark_end_ns <= t_ns)
		(*at)++;
	if (*at < p->ngcs && p->gc[*at].goal)
		return p->gc[*at].goal;
	size_t closed = playback_closed(p, t_ns);
	closed = closed < p->nwindows ? closed : p->nwindows ? p->nwindows - 1 : 0;
	return p->nwindows ? p->window[closed].heap_goal : 0;
}

void playback_heap_at(const struct gcs_playback *p, int64_t t_ns, uint64_t *ret_live, uint64_t *ret_goal)
{
	size_t at = 0;
	*ret_live = heap_live(p, heap_after(p, t_ns), t_ns);
	*ret_goal = heap_goal(p, &at, t_ns);
}

static void cells_heap(struct gcs_playback *p)
{
	size_t after = 0, cycle = 0;
	int64_t end_ns = gcs_playback_end(p);
	for (size_t i = 0; i < p->ncells; i++) {
		struct gcs_cell *c = &p->cell[i];
		int64_t from_ns = (int64_t)i * p->cell_ns, to_ns = from_ns + p->cell_ns;
		c->heap_live_max = c->heap_live_min = c->heap_goal = 0;
		while (after < p->nlines && p->line[after].t_ns <= from_ns)
			after++;
		gcs_strip_heap(c, heap_live(p, after, from_ns), heap_goal(p, &cycle, from_ns));
		for (; after < p->nlines && p->line[after].t_ns < to_ns; after++)
			gcs_strip_heap(c, p->line[after].live, 0);
		gcs_strip_heap(c, heap_live(p, after, to_ns < end_ns ? to_ns : end_ns), heap_goal(p, &cycle, to_ns));
	}
}

/* ---------------------------------------------------------------- all of it */

static void cells_armed(struct gcs_playback *p)
{
	for (size_t i = 0; i < p->ncells; i++)
		p->cell[i].faults_armed = p->cell[i].gc_count = 0;
	for (size_t i = 0; i < p->noccs; i++) {
		const struct playback_occ *o = &p->occ[i];
		int64_t end_ns = o->end_ns < 0 ? gcs_playback_end(p) : o->end_ns;
		for (int64_t t = o->start_ns / p->cell_ns; t <= end_ns / p->cell_ns && t < (int64_t)p->ncells; t++)
			p->cell[t].faults_armed |= 1u << o->fault;
	}
	for (size_t i = 0; i < p->ngcs; i++) {
		int64_t at = p->gc[i].start_ns / p->cell_ns;
		if (p->gc[i].start_ns >= 0 && at < (int64_t)p->ncells)
			p->cell[at].gc_count++;
	}
}

void playback_cells(struct gcs_playback *p)
{
	if (!cells_at(p, gcs_playback_end(p)))
		return;
	for (; p->cells_windows < p->nwindows; p->cells_windows++)
		cells_window(p, &p->window[p->cells_windows]);
	heap_line(p);
	cells_heap(p);
	cells_armed(p);
}

/* With cells as long as a screen at t had them, unless those here are longer. */
static uint32_t cells_join(const struct gcs_playback *p, int64_t t_ns, struct gcs_cell *to, int64_t *ret_cell_ns)
{
	int64_t cell_ns = p->cell_ns;
	while (t_ns / cell_ns >= GCS_STRIP_CELLS)
		cell_ns *= 2;
	size_t per = (size_t)(cell_ns / p->cell_ns), n = (size_t)(t_ns / p->cell_ns) + 1;
	n = n < p->ncells ? n : p->ncells;
	uint32_t joined = (uint32_t)((n + per - 1) / per);
	memset(to, 0, joined * sizeof *to);
	for (size_t i = 0; i < n; i++)
		gcs_strip_join(&to[i / per], &p->cell[i]);
	*ret_cell_ns = cell_ns;
	return joined;
}

void playback_cells_show(const struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns)
{
	s->ncells = cells_join(p, t_ns, s->cell, &s->cell_ns);
}

void playback_cells_whole(const struct gcs_playback *p, struct gcs_history *h)
{
	h->ncells = cells_join(p, gcs_playback_end(p), h->cell, &h->cell_ns);
}
