/*
 * playback_look.c: the scheduler, the maps and who was held up, as a screen showed them when a window had closed; see collect_look.c for
 * the other side.
 */
#include "harness/playback/playback_priv.h"

static void look_point(void *self, const struct gcs_look_point *point)
{
	playback_cell_look(self, point);
}

/* Of a thinned record only the most of a window is known: it stands in its middle. */
void playback_look_points(struct gcs_playback *p, const struct playback_window *w, const void *points, size_t n,
			  const struct gcs_look_point *most)
{
	struct gcs_look_point middle = *most;
	middle.t_ns = w->start_ns + (w->end_ns - w->start_ns) / 2;
	if (points)
		gcs_look_points_decode(points, n, look_point, p);
	else
		playback_cell_look(p, &middle);
}

/* The newest window up to `n` with such bytes: what was seen last. NULL: none. */
static const struct playback_hist *look_last(const struct gcs_playback *p, size_t n, size_t field)
{
	while (n-- > 0) {
		const struct playback_hist *h = (const struct playback_hist *)(const void *)((const char *)&p->window[n].look + field);
		if (h->n > 0)
			return h;
	}
	return NULL;
}

void playback_look_show(const struct gcs_playback *p, struct gcs_snapshot *s, size_t n)
{
	const struct playback_hist *sched = look_last(p, n, offsetof(struct playback_look, sched));
	const struct playback_hist *maps = look_last(p, n, offsetof(struct playback_look, maps));
	const struct playback_hist *stalls = look_last(p, n, offsetof(struct playback_look, stalls));
	s->sched = (struct gcs_sched_view){.at_ns = -1};
	s->nmaps = s->nstalls = 0;
	/* Bytes that are damaged show nothing. */
	if (sched)
		gcs_look_sched_decode(p->bytes + sched->at, sched->n, &s->sched);
	if (maps)
		gcs_look_maps_decode(p->bytes + maps->at, maps->n, s->map, &s->nmaps);
	if (stalls)
		gcs_look_stalls_decode(p->bytes + stalls->at, stalls->n, s->stall, &s->nstalls);
}
