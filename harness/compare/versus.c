/*
 * versus.c: pairs of runs, their figures and verdicts; see versus.h.
 *
 * What a side shows of a figure is the median of its runs that count, with its own interval where there are runs enough: the interval of the ratios to
 * 1, so that one rule makes both.
 */
#include "harness/compare/versus_priv.h"

#include "harness/compare/figure.h"
#include "harness/measure/agreement.h"
#include "harness/playback/playback.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct versus_pair {
	uint32_t run[GCS_VERSUS_SIDES];
};

/* While it is made, and what it keeps. */
struct versus {
	struct gcs_versus v; /* first: the address of both */
	const struct gcs_versus_input *const *in;
	const struct gcs_versus_input *pattern; /* NULL: nothing could be read */
	struct versus_pair pair[GCS_VERSUS_RUNS_MAX];
	struct gcs_playback *picture[GCS_VERSUS_SIDES];
};

static const char *const versus_words[] = {[GCS_VERSUS_UNKNOWN] = "-",	   [GCS_VERSUS_SAME] = "same",	 [GCS_VERSUS_OPEN] = "open",
					   [GCS_VERSUS_BETTER] = "better", [GCS_VERSUS_WORSE] = "WORSE", [GCS_VERSUS_DIFFERS] = "differs"};

/* ---- runs */

static void versus_run_name(const char *path, char *ret, size_t cap)
{
	const char *slash = strrchr(path, '/');
	snprintf(ret, cap, "%s", slash ? slash + 1 : path);
	char *suffix = strstr(ret, ".gcrun");
	if (suffix)
		*suffix = '\0';
}

/* The first run of A that is fit by itself, else the first that could be read; of B where A has none. */
static const struct gcs_versus_input *versus_pattern(const struct versus *o)
{
	const struct gcs_versus_input *readable = NULL;
	char why[160];
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < o->v.side[side].nruns; i++) {
			const struct gcs_versus_input *in = &o->in[side][i];
			if (in->trouble[0])
				continue;
			versus_unfit(in, why, sizeof why);
			if (!why[0])
				return in;
			readable = readable ? readable : in;
		}
	return readable;
}

static void versus_run(const struct versus *o, const struct gcs_versus_input *in, struct gcs_versus_run *ret)
{
	const struct report *r = &in->report;
	versus_run_name(in->path, ret->name, sizeof ret->name);
	ret->seed = r->seed;
	snprintf(ret->verdict, sizeof ret->verdict, "%s", in->trouble[0] ? "UNREADABLE" : r->finished ? r->word : "UNFINISHED");
	snprintf(ret->why, sizeof ret->why, "%s", in->trouble);
	if (!ret->why[0])
		versus_foreign(o->pattern, in, ret->why, sizeof ret->why); /* says more than how it ended */
	if (!ret->why[0])
		versus_unfit(in, ret->why, sizeof ret->why);
}

static void versus_about(const struct gcs_versus_side *side, const struct gcs_versus_input *drawn, char *ret, size_t cap)
{
	if (drawn->trouble[0])
		snprintf(ret, cap, "cannot be read");
	else if (side->nruns == 1)
		snprintf(ret, cap, "%s/%uP, seed 0x%" PRIx64 ", %s", drawn->report.target, drawn->report.procs, drawn->report.seed,
			 side->run[0].verdict);
	else
		snprintf(ret, cap, "%s/%uP, %u of %u count", drawn->report.target, drawn->report.procs, side->ncounted, side->nruns);
}

static void versus_side(struct versus *o, int at)
{
	struct gcs_versus_side *side = &o->v.side[at];
	bool any = false;
	for (uint32_t i = 0; i < side->nruns; i++) {
		versus_run(o, &o->in[at][i], &side->run[i]);
		bool counts = !side->run[i].why[0];
		if (counts && side->ncounted == 0)
			side->drawn = i;
		else if (side->ncounted == 0 && !any && !o->in[at][i].trouble[0])
			side->drawn = i;
		any |= !o->in[at][i].trouble[0];
		side->ncounted += counts;
	}
	const struct gcs_versus_input *drawn = &o->in[at][side->drawn];
	if (side->nruns == 1)
		memcpy(side->name, side->run[0].name, sizeof side->name);
	else
		snprintf(side->name, sizeof side->name, "%u runs of %.40s", side->nruns, drawn->trouble[0] ? "?" : drawn->report.name);
	versus_about(side, drawn, side->about, sizeof side->about);
}

/* ---- pairs */

struct versus_order {
	uint64_t seed;
	int64_t begun_wall_ns;
	uint32_t run;
};

static int versus_by_seed(const void *a, const void *b)
{
	const struct versus_order *x = a, *y = b;
	if (x->seed != y->seed)
		return x->seed < y->seed ? -1 : 1;
	return (x->run > y->run) - (x->run < y->run);
}

static int versus_by_begin(const void *a, const void *b)
{
	const struct versus_order *x = a, *y = b;
	if (x->begun_wall_ns != y->begun_wall_ns)
		return x->begun_wall_ns < y->begun_wall_ns ? -1 : 1;
	return (x->run > y->run) - (x->run < y->run);
}

/* Those of a side that count. */
static uint32_t versus_counting(const struct versus *o, int at, struct versus_order order[GCS_VERSUS_RUNS_MAX])
{
	const struct gcs_versus_side *side = &o->v.side[at];
	uint32_t n = 0;
	for (uint32_t i = 0; i < side->nruns; i++)
		if (!side->run[i].why[0])
			order[n++] = (struct versus_order){side->run[i].seed, o->in[at][i].report.begun_wall_ns, i};
	return n;
}

static void versus_pair_seeds(struct versus *o, struct versus_order *const order[GCS_VERSUS_SIDES], const uint32_t n[GCS_VERSUS_SIDES])
{
	uint32_t a = 0, b = 0;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		qsort(order[side], n[side], sizeof order[side][0], versus_by_seed);
	while (a < n[0] && b < n[1]) {
		uint64_t x = order[0][a].seed, y = order[1][b].seed;
		if (x == y)
			o->pair[o->v.pairs++] = (struct versus_pair){{order[0][a].run, order[1][b].run}};
		a += x <= y;
		b += y <= x;
	}
}

static void versus_pair_all(struct versus *o)
{
	struct versus_order a[GCS_VERSUS_RUNS_MAX], b[GCS_VERSUS_RUNS_MAX];
	struct versus_order *const order[GCS_VERSUS_SIDES] = {a, b};
	const uint32_t n[GCS_VERSUS_SIDES] = {versus_counting(o, 0, a), versus_counting(o, 1, b)};
	versus_pair_seeds(o, order, n);
	o->v.by_seed = o->v.pairs > 0;
	if (!o->v.by_seed) {
		qsort(a, n[0], sizeof a[0], versus_by_begin);
		qsort(b, n[1], sizeof b[0], versus_by_begin);
		for (; o->v.pairs < n[0] && o->v.pairs < n[1]; o->v.pairs++)
			o->pair[o->v.pairs] = (struct versus_pair){{a[o->v.pairs].run, b[o->v.pairs].run}};
	}
	o->v.unpaired = n[0] + n[1] - 2 * o->v.pairs;
}

/* ---- one row */

/* Room for a value of each run. */
static int versus_values(struct versus *o, double *ret[GCS_VERSUS_SIDES])
{
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		ret[side] = malloc(o->v.side[side].nruns * sizeof **ret);
		for (uint32_t i = 0; ret[side] && i < o->v.side[side].nruns; i++)
			ret[side][i] = (double)NAN;
	}
	if (ret[0] && ret[1])
		return 0;
	free(ret[0]);
	free(ret[1]);
	return -ENOMEM;
}

/* Is the run's figure part of what its side shows? Where none counts, that of the run that is drawn is. */
static bool versus_shown(const struct gcs_versus_side *side, uint32_t run)
{
	return side->ncounted ? !side->run[run].why[0] : run == side->drawn;
}

void gcs_versus_show(const struct gcs_versus_row *row, double value, char *ret, size_t cap)
{
	size_t used = 0;
	if (row->least > 0 && value <= row->least && cap > 1)
		ret[used++] = '<';
	gcs_metric_show((enum gcs_unit)row->unit, value, ret + used, cap - used);
}

static void versus_show_side(const struct gcs_versus_side *side, struct gcs_versus_row *row, int at)
{
	double ones[GCS_VERSUS_RUNS_MAX], counted[GCS_VERSUS_RUNS_MAX];
	const double *value = row->side[at].value;
	char low[24], high[24];
	struct gcs_agreement x;
	for (uint32_t i = 0; i < side->nruns; i++) {
		ones[i] = 1;
		counted[i] = versus_shown(side, i) ? value[i] : (double)NAN;
	}
	gcs_agreement(&x, ones, counted, side->nruns, 1);
	if (x.rounds == 0)
		return;
	gcs_versus_show(row, x.ratio, row->side[at].shown, sizeof row->side[at].shown);
	if (x.rounds < GCS_AGREE_ROUNDS_MIN)
		return;
	gcs_versus_show(row, x.low, low, sizeof low);
	gcs_versus_show(row, x.high, high, sizeof high);
	snprintf(row->side[at].range, sizeof row->side[at].range, "%s to %s", low, high);
}

static enum gcs_versus_verdict versus_verdict(const struct gcs_agreement *x, int worse, double band)
{
	switch (x->agree) {
	case GCS_AGREE_SAME: return GCS_VERSUS_SAME;
	case GCS_AGREE_OPEN: return GCS_VERSUS_OPEN;
	case GCS_AGREE_DIFFERENT:
		if (worse == 0)
			return GCS_VERSUS_DIFFERS;
		return (x->low > band) == (worse > 0) ? GCS_VERSUS_WORSE : GCS_VERSUS_BETTER;
	case GCS_AGREE_UNKNOWN: break;
	}
	return GCS_VERSUS_UNKNOWN;
}

static void versus_judge(struct versus *o, struct gcs_versus_row *row, int worse)
{
	double a[GCS_VERSUS_RUNS_MAX], b[GCS_VERSUS_RUNS_MAX];
	struct gcs_agreement x;
	for (uint32_t i = 0; i < o->v.pairs; i++) {
		a[i] = row->side[GCS_VERSUS_A].value[o->pair[i].run[GCS_VERSUS_A]];
		b[i] = row->side[GCS_VERSUS_B].value[o->pair[i].run[GCS_VERSUS_B]];
	}
	gcs_agreement(&x, a, b, o->v.pairs, o->v.band);
	row->pairs = x.rounds;
	row->ratio = x.ratio;
	row->low = x.low;
	row->high = x.high;
	row->verdict = versus_verdict(&x, worse, o->v.band);
	row->word = versus_words[row->verdict];
	if (x.rounds > 1)
		o->v.confidence = fmax(o->v.confidence, x.confidence);
}

/* false: it is not worth a line. */
static bool versus_says(const struct versus *o, double *const value[GCS_VERSUS_SIDES], bool only_some)
{
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < o->v.side[side].nruns; i++)
			if (!isnan(value[side][i]) && (value[side][i] != 0 || !only_some))
				return true;
	return false;
}

static struct gcs_versus_row *versus_add(struct versus *o, double *const value[GCS_VERSUS_SIDES])
{
	struct gcs_versus_row *grown = reallocarray(o->v.row, o->v.nrows + 1, sizeof *grown);
	if (!grown)
		return NULL;
	o->v.row = grown;
	struct gcs_versus_row *row = &grown[o->v.nrows++];
	*row = (struct gcs_versus_row){.ratio = (double)NAN, .low = (double)NAN, .high = (double)NAN, .word = ""};
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		row->side[side].value = value[side];
		snprintf(row->side[side].shown, sizeof row->side[side].shown, "-");
	}
	return row;
}

static int versus_figure(struct versus *o, const struct gcs_figure_row *of)
{
	double *value[GCS_VERSUS_SIDES], seen, least = gcs_figure_least(&o->pattern->report, of);
	const char *id = of->workload ? of->workload : of->fault;
	if (versus_values(o, value))
		return -ENOMEM;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < o->v.side[side].nruns; i++)
			if (!o->in[side][i].trouble[0] && gcs_figure_value_by_id(&o->in[side][i].report, of, &seen))
				value[side][i] = fmax(seen, least);
	bool says = versus_says(o, value, of->figure->only_some);
	struct gcs_versus_row *row = says ? versus_add(o, value) : NULL;
	if (!row) {
		free(value[0]);
		free(value[1]);
		return says ? -ENOMEM : 0;
	}
	row->unit = of->figure->unit;
	row->least = least;
	snprintf(row->metric, sizeof row->metric, "%s%s%s", of->figure->metric, id ? "@" : "", id ? id : "");
	versus_show_side(&o->v.side[GCS_VERSUS_A], row, GCS_VERSUS_A);
	versus_show_side(&o->v.side[GCS_VERSUS_B], row, GCS_VERSUS_B);
	versus_judge(o, row, of->figure->worse);
	return 0;
}

/* ---- checks */

static const struct report_check *versus_find_check(const struct report *r, bool slo, const struct report_check *of)
{
	const struct report_check *list = slo ? r->slo : r->expect;
	for (size_t i = 0; i < (slo ? r->nslos : r->nexpects); i++)
		if (of->id[0] ? strcmp(list[i].id, of->id) == 0 : strcmp(list[i].text, of->text) == 0)
			return &list[i];
	return NULL;
}

/* "ok 1.2 ms" or "FAIL 3 ms" of one run, "5 of 6 ok" of several. */
static void versus_show_check(const struct versus *o, struct gcs_versus_row *row, int at, bool slo, const struct report_check *of)
{
	const struct gcs_versus_side *side = &o->v.side[at];
	uint32_t n = 0, held = 0, last = 0;
	for (uint32_t i = 0; i < side->nruns; i++) {
		if (!versus_shown(side, i) || isnan(row->side[at].value[i]))
			continue;
		n++;
		held += row->side[at].value[i] > 0;
		last = i;
	}
	const struct report_check *c = n == 1 ? versus_find_check(&o->in[at][last].report, slo, of) : NULL;
	row->side[at].failed = held < n;
	if (c)
		snprintf(row->side[at].shown, sizeof row->side[at].shown, "%s%s%s", held ? "ok" : "FAIL", c->has ? " " : "", c->has ? c->shown : "");
	else if (n)
		snprintf(row->side[at].shown, sizeof row->side[at].shown, "%u of %u ok", held, n);
}

static int versus_check(struct versus *o, bool slo, const struct report_check *of)
{
	double *value[GCS_VERSUS_SIDES];
	if (versus_values(o, value))
		return -ENOMEM;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < o->v.side[side].nruns; i++) {
			const struct report_check *c = versus_find_check(&o->in[side][i].report, slo, of);
			if (c && !c->left_out)
				value[side][i] = c->ok;
		}
	struct gcs_versus_row *row = versus_add(o, value);
	if (!row) {
		free(value[0]);
		free(value[1]);
		return -ENOMEM;
	}
	row->check = true;
	snprintf(row->metric, sizeof row->metric, "%s%s%s", of->id, of->id[0] ? ": " : "", of->text);
	versus_show_check(o, row, GCS_VERSUS_A, slo, of);
	versus_show_check(o, row, GCS_VERSUS_B, slo, of);
	return 0;
}

static int versus_rows(struct versus *o)
{
	const struct report *pattern = &o->pattern->report;
	struct gcs_figure_row of;
	int e = 0;
	for (size_t i = 0; e == 0 && gcs_figure_versus_row(pattern, i, &of); i++)
		e = versus_figure(o, &of);
	for (size_t i = 0; e == 0 && i < pattern->nslos; i++)
		e = versus_check(o, true, &pattern->slo[i]);
	for (size_t i = 0; e == 0 && i < pattern->nexpects; i++)
		e = versus_check(o, false, &pattern->expect[i]);
	return e;
}

/* ---- the whole */

static void versus_say(struct gcs_versus *v)
{
	const struct gcs_versus_side *side = v->side;
	if (v->pairs == 0)
		snprintf(v->said, sizeof v->said, "Nothing is compared: no run of %s counts.",
			 side[0].ncounted + side[1].ncounted == 0 ? "either side" : side[0].ncounted ? "B" : "A");
	else if (v->pairs == 1)
		snprintf(v->said, sizeof v->said, "One run against one: B/A of this pair alone, no interval; nothing is decided.");
	else if (v->pairs < GCS_AGREE_ROUNDS_MIN)
		snprintf(v->said, sizeof v->said, "%u pairs%s: a verdict takes %u.", v->pairs, v->by_seed ? " of one seed" : "", GCS_AGREE_ROUNDS_MIN);
	else
		snprintf(v->said, sizeof v->said, "%u pairs%s, interval %.1f %%; same: all of it within 1/%g to %g", v->pairs,
			 v->by_seed ? " of one seed" : "", 100 * v->confidence, v->band, v->band);
}

static int versus_make(struct versus *o)
{
	o->pattern = versus_pattern(o);
	if (!o->pattern)
		return -ENOENT;
	versus_side(o, GCS_VERSUS_A);
	versus_side(o, GCS_VERSUS_B);
	versus_pair_all(o);
	int e = versus_rows(o);
	const struct gcs_versus_input *a = &o->in[0][o->v.side[0].drawn], *b = &o->in[1][o->v.side[1].drawn];
	o->v.sim = o->pattern->report.sim;
	versus_settings(a->resolved, b->resolved, o->v.settings, sizeof o->v.settings);
	versus_say(&o->v);
	return e;
}

int gcs_versus_create(struct gcs_versus **ret, const struct gcs_versus_input *const side[GCS_VERSUS_SIDES], const uint32_t n[GCS_VERSUS_SIDES],
		      double band)
{
	static uint32_t serial; /* of one thread */
	struct versus *o = calloc(1, sizeof *o);
	int e = o ? 0 : -ENOMEM;
	for (int i = 0; e == 0 && i < GCS_VERSUS_SIDES; i++) {
		o->v.side[i].nruns = n[i];
		o->v.side[i].run = calloc(n[i], sizeof *o->v.side[i].run);
		e = o->v.side[i].run ? 0 : -ENOMEM;
	}
	if (e == 0) {
		o->in = side;
		o->v.band = band;
		o->v.serial = ++serial;
		e = versus_make(o);
		o->in = NULL;
		o->pattern = NULL;
	}
	if (e) {
		gcs_versus_close(o ? &o->v : NULL);
		return e;
	}
	*ret = &o->v;
	return 0;
}

void gcs_versus_close(struct gcs_versus *v)
{
	struct versus *o = (struct versus *)v;
	if (!o)
		return;
	for (uint32_t i = 0; i < v->nrows; i++)
		for (int side = 0; side < GCS_VERSUS_SIDES; side++)
			free((double *)(uintptr_t)v->row[i].side[side].value);
	free(v->row);
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		free(v->side[side].run);
		gcs_playback_close(o->picture[side]);
	}
	free(o);
}

/* ---- from files */

static void versus_inputs_fini(struct gcs_versus_input *in, uint32_t n)
{
	for (uint32_t i = 0; in && i < n; i++)
		gcs_versus_input_fini(&in[i]);
	free(in);
}

/* *ret_text: of the first that cannot be read, kept where all are like it. */
static int versus_read_side(const struct gcs_versus_paths *p, struct gcs_versus_input **ret, char **ret_text)
{
	struct gcs_versus_input *in = calloc(p->n ? p->n : 1, sizeof *in);
	uint32_t readable = 0;
	int first = -ENOENT;
	if (!in)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n; i++) {
		char *text = NULL;
		int e = gcs_versus_read(&in[i], p->path[i], &text);
		readable += e == 0;
		if (e == 0)
			continue;
		in[i].path = strdup(p->path[i]);
		snprintf(in[i].trouble, sizeof in[i].trouble, "%s", text ? text : strerror(-e));
		if (!*ret_text) {
			first = e;
			*ret_text = text;
			text = NULL;
		}
		free(text);
		if (!in[i].path) {
			versus_inputs_fini(in, p->n);
			return -ENOMEM;
		}
	}
	*ret = in;
	if (readable == 0)
		return first;
	free(*ret_text);
	*ret_text = NULL;
	return 0;
}

/* Without it there is a table all the same. */
static void versus_draw(struct versus *o, int at, const char *path)
{
	struct gcs_versus_side *side = &o->v.side[at];
	char *text = NULL;
	if (gcs_playback_open(&o->picture[at], path, &text) == 0) {
		const struct gcs_snapshot *s = gcs_playback_at(o->picture[at], INT64_MAX);
		side->history = s->history;
		side->scenario = s->scenario;
		side->end_ns = gcs_playback_end(o->picture[at]);
	}
	free(text);
}

int gcs_versus_open(struct gcs_versus **ret, const struct gcs_versus_paths side[GCS_VERSUS_SIDES], double band, char **ret_text)
{
	struct gcs_versus_input *in[GCS_VERSUS_SIDES] = {NULL, NULL};
	const uint32_t n[GCS_VERSUS_SIDES] = {side[0].n, side[1].n};
	*ret_text = NULL;
	int e = versus_read_side(&side[0], &in[0], ret_text);
	e = e ? e : versus_read_side(&side[1], &in[1], ret_text);
	const struct gcs_versus_input *const read[GCS_VERSUS_SIDES] = {in[0], in[1]};
	e = e ? e : gcs_versus_create(ret, read, n, band);
	for (int i = 0; i < GCS_VERSUS_SIDES; i++) {
		if (e == 0)
			versus_draw((struct versus *)*ret, i, in[i][(*ret)->side[i].drawn].path);
		versus_inputs_fini(in[i], n[i]);
	}
	return e;
}
