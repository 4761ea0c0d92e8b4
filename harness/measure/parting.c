/* parting.c: see parting.h. */
#include "harness/measure/parting.h"

#include "harness/measure/fidelity_priv.h"

#include <math.h>
#include <string.h>

const char *const gcs_parting_name[GCS_PARTING_SIGNALS] = {
	[GCS_PARTING_COUNT] = "cycles", [GCS_PARTING_PERIOD] = "period",
	[GCS_PARTING_LIVE] = "live",	[GCS_PARTING_GOAL] = "goal",
	[GCS_PARTING_STOP] = "stop",
};

/* ---- windows */

static void parting_piece(struct gcs_parting *p, int64_t from_ns, int64_t to_ns, int64_t length_ns)
{
	int64_t span_ns = to_ns - from_ns, pieces = (span_ns + length_ns / 2) / length_ns;
	pieces = pieces < 1 ? 1 : pieces;
	for (int64_t i = 0; i < pieces && p->n < GCS_PARTING_WINDOWS_MAX; i++)
		p->window[p->n++] = (struct gcs_parting_window){
			.from_ns = from_ns + (int64_t)((__int128)span_ns * i / pieces),
			.to_ns = from_ns + (int64_t)((__int128)span_ns * (i + 1) / pieces)};
}

static size_t parting_begun(const struct gcs_fidelity_cycle *c, size_t n, int64_t from_ns,
			    int64_t to_ns)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += c[i].at_ns >= from_ns && c[i].at_ns < to_ns;
	return count;
}

static void parting_windows(struct gcs_parting *p, const struct gcs_parting_options *o)
{
	size_t cycles = parting_begun(o->logged, o->nlogged, o->from_ns, o->to_ns);
	size_t pieces = cycles / GCS_PARTING_CYCLES;
	int64_t from_ns = o->from_ns;
	pieces = pieces < 1 ? 1 : pieces > GCS_PARTING_PIECES ? GCS_PARTING_PIECES : pieces;
	/* rounded up: the pieces of all stretches together are no more than that, and one a
	 * stretch */
	int64_t length_ns = (o->to_ns - o->from_ns + (int64_t)pieces - 1) / (int64_t)pieces;
	for (uint32_t i = 0; i < o->ncuts && i < GCS_PARTING_CUTS_MAX; i++) {
		if (o->cut[i] <= from_ns || o->cut[i] >= o->to_ns)
			continue;
		parting_piece(p, from_ns, o->cut[i], length_ns);
		from_ns = o->cut[i];
	}
	parting_piece(p, from_ns, o->to_ns, length_ns);
}

/* ---- figures */

struct parting_side {
	const struct gcs_fidelity_cycle *cycle;
	size_t n, at; /* at: the first of the window */
	size_t end;   /* behind its last */
};

static void parting_take(struct parting_side *s, const struct gcs_parting_window *w)
{
	while (s->at < s->n && s->cycle[s->at].at_ns < w->from_ns)
		s->at++;
	for (s->end = s->at; s->end < s->n && s->cycle[s->end].at_ns < w->to_ns;)
		s->end++;
}

static bool parting_period(const struct parting_side *s, double *ret)
{
	size_t first = s->at > 0 ? s->at : 1;
	if (s->end <= first)
		return false;
	int64_t span_ns = s->cycle[s->end - 1].at_ns - s->cycle[first - 1].at_ns;
	*ret = (double)span_ns / (double)(s->end - first);
	return true;
}

static bool parting_stop(const struct parting_side *s, double *ret)
{
	int64_t most_ns = 0;
	for (size_t i = s->at; i < s->end; i++) {
		const struct gcs_fidelity_cycle *c = &s->cycle[i];
		most_ns = c->stop_first_ns > most_ns ? c->stop_first_ns : most_ns;
		most_ns = c->stop_second_ns > most_ns ? c->stop_second_ns : most_ns;
	}
	*ret = (double)most_ns;
	return s->end > s->at;
}

/* Both sides' means at the logged cycles of the window. *curve: where fidelity_curve is. */
static void parting_heap(struct gcs_parting_figure *f, const struct gcs_parting_options *o,
			 const struct parting_side *logged,
			 enum gcs_fidelity_what what, size_t *curve)
{
	const struct gcs_fidelity_options at = {.reproduced = o->reproduced,
						.nreproduced = o->nreproduced};
	size_t n = 0;
	for (size_t i = logged->at; i < logged->end; i++) {
		const struct gcs_fidelity_cycle *c = &logged->cycle[i];
		if (!fidelity_compares(c, what))
			continue;
		f->logged += (double)fidelity_bytes(c, what);
		if (o->nreproduced > 0)
			f->reproduced += fidelity_curve(&at, what, c->at_ns, curve);
		n++;
	}
	f->has_logged = n > 0;
	/* a run whose goals are none has no curve of them */
	f->has_reproduced = n > 0 && o->nreproduced > 0 && f->reproduced / (double)n < 0x1p59;
	f->logged /= n > 0 ? (double)n : 1;
	f->reproduced = f->has_reproduced ? f->reproduced / (double)n : 0;
}

bool gcs_parting_apart(const struct gcs_parting_options *o, enum gcs_parting_signal signal,
		       double logged, double reproduced)
{
	double band = o->band_milli / 1000.0, low = logged, high = logged;
	if (signal >= GCS_PARTING_JUDGED)
		return false;
	if (signal == GCS_PARTING_COUNT && fabs(logged - reproduced) <= 1)
		return false;
	if (signal == GCS_PARTING_PERIOD) {
		low -= (double)o->grain_ns;
		high += (double)o->grain_ns;
	}
	if (signal == GCS_PARTING_LIVE || signal == GCS_PARTING_GOAL)
		high += (double)o->grain_bytes;
	return reproduced * band < low || reproduced > high * band;
}

static void parting_figures(struct gcs_parting_window *w, const struct gcs_parting_options *o,
			    const struct parting_side *logged,
			    const struct parting_side *reproduced, size_t curve[2])
{
	struct gcs_parting_figure *count = &w->of[GCS_PARTING_COUNT],
				  *period = &w->of[GCS_PARTING_PERIOD],
				  *stop = &w->of[GCS_PARTING_STOP];
	count->has_logged = count->has_reproduced = true;
	count->logged = (double)(logged->end - logged->at);
	count->reproduced = (double)(reproduced->end - reproduced->at);
	period->has_logged = parting_period(logged, &period->logged);
	period->has_reproduced = parting_period(reproduced, &period->reproduced);
	stop->has_logged = parting_stop(logged, &stop->logged);
	stop->has_reproduced = parting_stop(reproduced, &stop->reproduced);
	parting_heap(&w->of[GCS_PARTING_LIVE], o, logged, GCS_FIDELITY_LIVE, &curve[0]);
	parting_heap(&w->of[GCS_PARTING_GOAL], o, logged, GCS_FIDELITY_GOAL, &curve[1]);
	for (int s = 0; s < GCS_PARTING_SIGNALS; s++) {
		struct gcs_parting_figure *f = &w->of[s];
		f->apart = f->has_logged && f->has_reproduced &&
			   gcs_parting_apart(o, (enum gcs_parting_signal)s, f->logged,
					     f->reproduced);
	}
}

/* ---- where they part */

static int32_t parting_first(const struct gcs_parting *p, int signal)
{
	uint32_t row = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		row = p->window[i].of[signal].apart ? row + 1 : 0;
		if (row == GCS_PARTING_ROW)
			return (int32_t)(i + 1 - row);
	}
	return -1;
}

void gcs_parting_find(struct gcs_parting *ret, const struct gcs_parting_options *opt)
{
	struct parting_side logged = {.cycle = opt->logged, .n = opt->nlogged},
			    reproduced = {.cycle = opt->reproduced, .n = opt->nreproduced};
	size_t curve[2] = {0, 0};
	memset(ret, 0, sizeof(*ret));
	if (opt->to_ns > opt->from_ns)
		parting_windows(ret, opt);
	for (uint32_t i = 0; i < ret->n; i++) {
		parting_take(&logged, &ret->window[i]);
		parting_take(&reproduced, &ret->window[i]);
		parting_figures(&ret->window[i], opt, &logged, &reproduced, curve);
	}
	for (int s = 0; s < GCS_PARTING_JUDGED; s++)
		ret->first[s] = parting_first(ret, s);
}
