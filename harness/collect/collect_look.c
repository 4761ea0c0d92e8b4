/*
 * collect_look.c: the scheduler and the maps as shared memory shows them at a tick: for the screen, for the strip's columns, and for the
 * row of the interval that the tick ends.
 *
 * A look at the edge of two intervals belongs to the first: whoever looks at the record at that moment has seen that one close.
 */
#include "harness/collect/collect_priv.h"

#include <stdlib.h>

static uint64_t look_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static uint32_t look_load32(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* ---------------------------------------------------------------- scheduler */

static void look_p(const struct watch_p *from, struct gcs_p_view *to)
{
	uint32_t status = look_load32(&from->status);
	*to = (struct gcs_p_view){
		.status = status <= WATCH_P_DEAD ? (enum gcs_p_status)status : GCS_P_UNKNOWN,
		.runq = look_load32(&from->runq),
		.sched_ticks = look_load(&from->sched_ticks),
		.syscall_ticks = look_load(&from->syscall_ticks),
	};
}

static void look_sched(const struct gcs_collect *c, struct gcs_sched_view *to)
{
	const struct watch_sched *from = &c->tel->sched;
	/* acquire: pairs with the release behind the figures of that look */
	int64_t at_ns = atomic_load_explicit(&from->at_ns, memory_order_acquire);
	uint64_t ps = look_load(&from->ps_known);
	if (at_ns == 0 || at_ns < c->t0_abs_ns) { /* nobody has looked in this run */
		uint64_t goroutines = look_load(&c->tel->gauges.goroutines); /* real Go tells this at least; there is one, so 0 is nothing told */
		to->goroutines = goroutines ? goroutines : GCS_UNTOLD;
		return;
	}
	*to = (struct gcs_sched_view){
		.at_ns = collect_rel(c, at_ns),
		.nps = ps < GCS_PS_SHOWN ? (uint32_t)ps : GCS_PS_SHOWN,
		.goroutines = look_load(&from->goroutines),
		.global_runq = look_load(&from->global_runq),
		.idle_ps = look_load(&from->idle_ps),
		.threads = look_load(&from->threads),
		.idle_threads = look_load(&from->idle_threads),
		.spinning = look_load(&from->spinning),
		.timers = look_load(&from->timers),
		.poll_waiters = look_load(&from->poll_waiters),
	};
	for (uint32_t i = 0; i < to->nps; i++)
		look_p(&from->p[i], &to->p[i]);
}

_Static_assert((int)WATCH_P_DEAD == (int)GCS_P_DEAD && (int)WATCH_P_GC_STOP == (int)GCS_P_GC_STOP &&
		       WATCH_PS_MAX == GCS_PS_SHOWN,
	       "one numbering");

/* ---------------------------------------------------------------- maps */

/* False: there is none. */
static bool look_map(const struct gcs_collect *c, uint32_t slot, struct gcs_map_view *to)
{
	const struct watch_map *from = &c->tel->map[slot];
	const struct watch_ops *who = &c->tel->ops[slot];
	uint32_t kind = look_load32(&from->kind), growing = look_load32(&from->growing);
	/* acquire: pairs with the release by which the worker says who it is */
	if (kind == WATCH_MAP_NONE || kind > WATCH_MAP_SYNC ||
	    !atomic_load_explicit(&who->used, memory_order_acquire) || who->workload >= c->scenario->nworkloads)
		return false;
	*to = (struct gcs_map_view){
		.workload = who->workload,
		.worker = who->worker,
		.kind = (enum gcs_map_kind)kind,
		.growing = growing <= GCS_MAP_SAME_SIZE ? (enum gcs_map_growing)growing : GCS_MAP_STILL,
		.b = look_load32(&from->b),
		.count = look_load(&from->count),
		.overflow = look_load(&from->overflow),
		.old_buckets = look_load(&from->old_buckets),
		.evacuated = look_load(&from->evacuated),
		.load_milli = look_load(&from->load_milli),
		.bytes = look_load(&from->bytes),
		.grown = look_load(&from->grown),
		.regrown = look_load(&from->regrown),
		.amended = look_load32(&from->amended) != 0,
		.misses = look_load(&from->misses),
		.dirty = look_load(&from->dirty),
	};
	return true;
}

_Static_assert((int)WATCH_MAP_SYNC == (int)GCS_MAP_SYNC && (int)WATCH_MAP_SWISS == (int)GCS_MAP_SWISS &&
		       WATCH_HISTS <= GCS_MAPS_SHOWN,
	       "one numbering, and room for all of them");

/* Slots are dealt out by workload, then worker. */
static void look_maps(const struct gcs_collect *c, struct gcs_snapshot *s)
{
	s->nmaps = 0;
	for (uint32_t slot = 0; slot < WATCH_HISTS; slot++)
		s->nmaps += look_map(c, slot, &s->map[s->nmaps]);
}

/* ---------------------------------------------------------------- of a tick */

static void look_cell(struct gcs_cell *cell, const struct gcs_look_point *p)
{
	if (p->runq > cell->runq_max)
		cell->runq_max = p->runq;
	if (p->growing > cell->maps_growing)
		cell->maps_growing = p->growing;
}

/* After the end of the run nothing is looked at any more: what was seen last stays, and counts no more. */
void collect_look(struct gcs_collect *c, int64_t now_ns)
{
	struct gcs_snapshot *s = &c->snap;
	struct gcs_interval *i = gcs_intervals_at(&c->intervals, now_ns > 0 ? now_ns - 1 : 0);
	look_sched(c, &s->sched);
	look_maps(c, s);
	if (s->sched.at_ns < 0 && s->nmaps == 0)
		return;
	struct gcs_look_point point = {now_ns, gcs_look_runq(&s->sched), gcs_look_growing(s->map, s->nmaps)};
	bool kept = i && gcs_look_set(&i->look, &s->sched, s->map, s->nmaps);
	if (now_ns > collect_end(c))
		return;
	look_cell(gcs_strip_at(s, now_ns), &point);
	if (kept)
		gcs_look_mark(i->look, &point);
}

/* ---------------------------------------------------------------- its row */

/* The window closes: its looks, and who was held up until now. */
void collect_look_row(struct gcs_collect *c, struct gcs_interval *window)
{
	struct gcs_look *look = window->look;
	struct gcs_look_point most = look ? gcs_look_most(look) : (struct gcs_look_point){0};
	unsigned char *points = NULL, *sched = NULL, *maps = NULL, *stalls = NULL;
	struct gcs_snapshot *s = &c->snap;
	size_t npoints, nsched, nmaps, nstalls;
	s->nstalls = gcs_stalls_show(&c->stalls, s->stall);
	npoints = look ? gcs_look_points_encode(look, &points) : 0;
	nsched = look && look->sched.at_ns >= 0 ? gcs_look_sched_encode(&look->sched, &sched) : 0;
	nmaps = look && look->nmaps ? gcs_look_maps_encode(look->map, look->nmaps, &maps) : 0;
	nstalls = s->nstalls ? gcs_look_stalls_encode(s->stall, s->nstalls, &stalls) : 0;
	if (look || stalls)
		gcs_record_put(c->record, GCS_ROW_LOOK, gcs_u64(window->index), gcs_u64(most.runq), gcs_u64(most.growing),
			       gcs_blob(points, npoints), gcs_blob(sched, nsched), gcs_blob(maps, nmaps), gcs_blob(stalls, nstalls));
	free(points);
	free(sched);
	free(maps);
	free(stalls);
	gcs_look_destroy(look);
	window->look = NULL;
}
