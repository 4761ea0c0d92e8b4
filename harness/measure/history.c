/*
 * history.c: lists that forget, each in its own way.
 *
 * A full list of firings, cycles or events drops its oldest quarter. A full list of pauses keeps, of each kind, stretch of time and
 * row of the heat, the longest: as many as leave half of the list free. Stretches are as many as the heat has columns, over the
 * pauses that are there, so what is kept depends on the pauses alone and a record's reader keeps the same.
 */
#include "harness/measure/history.h"

#include <stdlib.h>
#include <string.h>

struct gcs_history *gcs_history_create(int64_t window_ns)
{
	struct gcs_history *h = calloc(1, sizeof *h);
	if (h)
		gcs_heat_init(&h->heat, window_ns);
	return h;
}

void gcs_history_destroy(struct gcs_history *h)
{
	free(h);
}

/* ---------------------------------------------------------------- lists of the newest */

/* Room for one more: its place. */
static void *history_more(void *list, uint32_t *n, uint32_t cap, size_t size, uint64_t *dropped)
{
	char *bytes = list;
	if (*n == cap) {
		uint32_t gone = cap / 4;
		memmove(bytes, bytes + gone * size, (cap - gone) * size);
		*n -= gone;
		*dropped += gone;
	}
	void *slot = bytes + (size_t)(*n)++ * size;
	memset(slot, 0, size);
	return slot;
}

void gcs_history_firing(struct gcs_history *h, int64_t t_ns, uint64_t firing)
{
	struct gcs_firing_row *row =
		history_more(h->firing, &h->nfirings, GCS_HISTORY_FIRINGS, sizeof *row, &h->firings_dropped);
	*row = (struct gcs_firing_row){t_ns, firing};
}

struct gcs_cycle_row *gcs_history_cycle(struct gcs_history *h, uint32_t cycle)
{
	for (uint32_t i = h->ncycles; i-- > 0 && h->ncycles - i <= 16;) /* it is one of the last */
		if (h->cycle[i].cycle == cycle)
			return &h->cycle[i];
	struct gcs_cycle_row *row = history_more(h->cycle, &h->ncycles, GCS_HISTORY_CYCLES, sizeof *row, &h->cycles_dropped);
	*row = (struct gcs_cycle_row){cycle, -1, -1, -1, -1, -1};
	return row;
}

struct gcs_event_view *gcs_history_event(struct gcs_history *h)
{
	return history_more(h->event, &h->nevents, GCS_HISTORY_EVENTS, sizeof h->event[0], &h->events_dropped);
}

/* ---------------------------------------------------------------- occurrences */

void gcs_history_occs(struct gcs_history *h, uint64_t n)
{
	h->noccs = 0;
	h->occs_dropped = n > GCS_HISTORY_OCCS ? n - GCS_HISTORY_OCCS : 0;
}

struct gcs_occ_row *gcs_history_occ(struct gcs_history *h)
{
	uint64_t fell = h->occs_dropped; /* that is known already */
	struct gcs_occ_row *row = history_more(h->occ, &h->noccs, GCS_HISTORY_OCCS, sizeof *row, &fell);
	return row;
}

int64_t gcs_history_clock(const struct gcs_history *h, const struct gcs_occ_row *o)
{
	int64_t clock_ns = o->end_ns;
	for (bool moved = true; moved && clock_ns >= 0;) {
		moved = false;
		for (uint32_t i = 0; i < h->noccs && clock_ns >= 0; i++) {
			const struct gcs_occ_row *x = &h->occ[i];
			bool open = o->state < GCS_REC_STEADY || x->start_ns < o->steady_ns;
			if (x == o || (x->start_ns > clock_ns && !open) || (x->end_ns >= 0 && x->end_ns <= clock_ns))
				continue;
			clock_ns = x->end_ns; /* -1: it still is armed */
			moved = true;
		}
	}
	return clock_ns;
}

/* ---------------------------------------------------------------- pauses */

struct history_place { /* sorts pauses by where they belong, the longest first */
	uint32_t at, group;
	int64_t dur_ns;
};

static int history_order(const void *a, const void *b)
{
	const struct history_place *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->dur_ns != y->dur_ns)
		return x->dur_ns > y->dur_ns ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

static void history_places(const struct gcs_history *h, struct history_place *place)
{
	int64_t last_ns = 1;
	for (uint32_t i = 0; i < h->npauses; i++)
		last_ns = h->pause[i].t_ns > last_ns ? h->pause[i].t_ns : last_ns;
	for (uint32_t i = 0; i < h->npauses; i++) {
		const struct gcs_pause_row *p = &h->pause[i];
		int64_t t_ns = p->t_ns < 0 ? 0 : p->t_ns;
		uint32_t col = (uint32_t)(t_ns / (last_ns / GCS_HEAT_COLS + 1));
		place[i] = (struct history_place){
			i, (p->kind * GCS_HEAT_COLS + col) * GCS_HEAT_ROWS + gcs_heat_row(p->dur_ns), p->dur_ns};
	}
	qsort(place, h->npauses, sizeof *place, history_order);
}

/* How many of each group fit into half of the list. 0: there are too many groups. */
static uint32_t history_share(const struct history_place *place, uint32_t n)
{
	for (uint32_t share = 64; share > 0; share /= 2) {
		uint32_t kept = 0, run = 0;
		for (uint32_t i = 0; i < n; i++) {
			run = i > 0 && place[i].group == place[i - 1].group ? run + 1 : 0;
			kept += run < share;
		}
		if (kept <= GCS_HISTORY_PAUSES / 2)
			return share;
	}
	return 0;
}

#define HISTORY_GOES UINT8_MAX /* for a kind */

static void history_mark(struct gcs_history *h, const struct history_place *place, uint32_t share)
{
	uint32_t run = 0;
	for (uint32_t i = 0; i < h->npauses; i++) {
		run = i > 0 && place[i].group == place[i - 1].group ? run + 1 : 0;
		if (share ? run >= share : i >= GCS_HISTORY_PAUSES / 2)
			h->pause[place[i].at].kind = HISTORY_GOES;
	}
}

static int history_longest(const void *a, const void *b)
{
	const struct history_place *x = a, *y = b;
	if (x->dur_ns != y->dur_ns)
		return x->dur_ns > y->dur_ns ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* false: no memory. */
static bool history_choose(struct gcs_history *h)
{
	struct history_place *place = calloc(h->npauses, sizeof *place);
	if (!place)
		return false;
	history_places(h, place);
	uint32_t share = history_share(place, h->npauses);
	if (share == 0)
		qsort(place, h->npauses, sizeof *place, history_longest);
	history_mark(h, place, share);
	free(place);
	return true;
}

static void history_thin(struct gcs_history *h)
{
	uint32_t kept = 0, n = h->npauses;
	if (!history_choose(h)) /* then the oldest go */
		for (uint32_t i = 0; i < n / 2; i++)
			h->pause[i].kind = HISTORY_GOES;
	for (uint32_t i = 0; i < n; i++)
		if (h->pause[i].kind != HISTORY_GOES)
			h->pause[kept++] = h->pause[i];
	h->pauses_dropped += n - kept;
	h->npauses = kept;
}

void gcs_history_pause(struct gcs_history *h, const struct gcs_pause_row *row)
{
	if (h->npauses == GCS_HISTORY_PAUSES)
		history_thin(h);
	h->pause[h->npauses++] = *row;
}
