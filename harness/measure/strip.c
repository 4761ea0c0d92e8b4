/* strip.c: cells by time; joining takes maxima of maxima, sums of counts, unions of sets. */
#include "harness/measure/strip.h"

#include <string.h>

void gcs_strip_init(struct gcs_snapshot *s)
{
	s->ncells = 0;
	s->cell_ns = GCS_STRIP_FIRST_NS;
}

void gcs_strip_heap(struct gcs_cell *c, uint64_t live, uint64_t goal)
{
	if (live > c->heap_live_max)
		c->heap_live_max = live;
	if (live && (c->heap_live_min == 0 || live < c->heap_live_min))
		c->heap_live_min = live;
	if (goal)
		c->heap_goal = goal;
}

void gcs_strip_join(struct gcs_cell *to, const struct gcs_cell *from)
{
	gcs_strip_max(&to->stw_max_ns, from->stw_max_ns);
	gcs_strip_max(&to->stopping_max_ns, from->stopping_max_ns);
	gcs_strip_max(&to->assist_max_ns, from->assist_max_ns);
	gcs_strip_max(&to->wake_max_ns, from->wake_max_ns);
	gcs_strip_max(&to->op_p99_ns, from->op_p99_ns);
	gcs_strip_heap(to, from->heap_live_max, from->heap_goal);
	gcs_strip_heap(to, from->heap_live_min, 0);
	to->stw_count += from->stw_count;
	to->over_count += from->over_count;
	to->gc_count += from->gc_count;
	to->fires += from->fires;
	to->faults_armed |= from->faults_armed;
	to->faults_fired |= from->faults_fired;
	if (from->runq_max > to->runq_max)
		to->runq_max = from->runq_max;
	if (from->maps_growing > to->maps_growing)
		to->maps_growing = from->maps_growing;
}

static void strip_halve(struct gcs_snapshot *s)
{
	for (uint32_t i = 0; i < s->ncells; i++) {
		struct gcs_cell cell = s->cell[i];
		if (i % 2)
			gcs_strip_join(&s->cell[i / 2], &cell);
		else
			s->cell[i / 2] = cell;
	}
	s->ncells = (s->ncells + 1) / 2;
	s->cell_ns *= 2;
}

struct gcs_cell *gcs_strip_at(struct gcs_snapshot *s, int64_t t_ns)
{
	if (t_ns < 0)
		t_ns = 0;
	while (t_ns / s->cell_ns >= GCS_STRIP_CELLS)
		strip_halve(s);
	uint32_t at = (uint32_t)(t_ns / s->cell_ns);
	if (at >= s->ncells) {
		memset(&s->cell[s->ncells], 0, (at + 1 - s->ncells) * sizeof(s->cell[0]));
		s->ncells = at + 1;
	}
	return &s->cell[at];
}

void gcs_strip_armed(struct gcs_snapshot *s, int64_t from_ns, int64_t to_ns, uint32_t faults)
{
	if (faults == 0 || to_ns < 0)
		return;
	gcs_strip_at(s, to_ns); /* may double the cells: only then count in them */
	int64_t first = (from_ns < 0 ? 0 : from_ns) / s->cell_ns, last = to_ns / s->cell_ns;
	for (int64_t i = first; i <= last; i++)
		s->cell[i].faults_armed |= faults;
}
