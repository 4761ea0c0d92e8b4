/*
 * report_parting.c: what was logged, reported and reproduced, side by side along the time, and the
 * first place where they part, from the record's tables `curves` and `reported`, as text and as
 * JSON.
 *
 * Logged and reproduced part as parting.h says; a reported figure parts from either where that lies
 * outside of what was told (told.h). The earliest of all these is the first; of several at one time
 * the curves before the figures, in their own order.
 */
#include "harness/report/report_priv.h"

#include "harness/measure/parting.h"

#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char report_curves_sql[] =
	"SELECT idx,from_ns,to_ns,clock,phase,signal,logged,reproduced,apart,parts FROM curves ORDER BY rowid";

static char *curves_str(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return text && *text ? strdup(text) : NULL;
}

void report_curves_row(struct report *r, sqlite3_stmt *q)
{
	void *grown = reallocarray(r->curve, r->ncurves + 1, sizeof(*r->curve));
	if (!grown)
		return;
	r->curve = grown;
	r->curve[r->ncurves++] = (struct report_curve){
		.idx = (uint32_t)sqlite3_column_int64(q, 0),
		.from_ns = sqlite3_column_int64(q, 1),
		.to_ns = sqlite3_column_int64(q, 2),
		.clock = curves_str(q, 3),
		.phase = curves_str(q, 4),
		.signal = curves_str(q, 5),
		.has_logged = sqlite3_column_type(q, 6) != SQLITE_NULL,
		.logged = sqlite3_column_double(q, 6),
		.has_reproduced = sqlite3_column_type(q, 7) != SQLITE_NULL,
		.reproduced = sqlite3_column_double(q, 7),
		.apart = sqlite3_column_int(q, 8),
		.parts = sqlite3_column_int(q, 9),
	};
}

void report_curves_fini(struct report *r)
{
	for (size_t i = 0; i < r->ncurves; i++) {
		free(r->curve[i].clock);
		free(r->curve[i].phase);
		free(r->curve[i].signal);
	}
	free(r->curve);
}

/* ---------------------------------------------------------------- where they part */

struct parting_place {
	const struct report_curve *curve;     /* logged and reproduced part in it, or ... */
	const struct report_reported *figure; /* ... was told otherwise */
	bool of_log;			      /* than what the log has; else than the run */
	int64_t t_ns;
	size_t order;
};

static int parting_earlier(const void *a, const void *b)
{
	const struct parting_place *x = a, *y = b;
	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The earliest first. malloc'd; NULL: no memory, *ret_n 0. */
static struct parting_place *parting_places(const struct report *r, size_t *ret_n)
{
	struct parting_place *p = calloc(r->ncurves + 2 * r->nreported + 1, sizeof(*p));
	size_t n = 0;
	*ret_n = 0;
	if (!p)
		return NULL;
	for (size_t i = 0; i < r->ncurves; i++)
		if (r->curve[i].parts) {
			p[n] = (struct parting_place){
				.curve = &r->curve[i], .t_ns = r->curve[i].from_ns, .order = n};
			n++;
		}
	for (size_t i = 0; i < 2 * r->nreported; i++) {
		const struct report_reported *f = &r->reported[i / 2];
		bool of_log = i % 2 == 0;
		if ((of_log ? f->logged_apart : f->apart) > 0) {
			p[n] = (struct parting_place){
				.figure = f, .of_log = of_log, .t_ns = f->at_ns, .order = n};
			n++;
		}
	}
	qsort(p, n, sizeof(*p), parting_earlier);
	*ret_n = n;
	return p;
}

static bool parting_has_figures(const struct report *r)
{
	for (size_t i = 0; i < r->nreported; i++)
		if (r->reported[i].timed)
			return true;
	return false;
}

/* ---------------------------------------------------------------- text */

static const struct parting_column {
	const char *signal, *said;
	enum gcs_unit unit;
	int width; /* of each of the two figures */
} parting_column[] = {
	{"cycles", "cycles", GCS_UNIT_COUNT, 4}, {"period", "period", GCS_UNIT_NS, 8},
	{"live", "live heap", GCS_UNIT_BYTES, 8}, {"goal", "goal", GCS_UNIT_BYTES, 8},
	{"stop", "longest stop", GCS_UNIT_NS, 8},
};
#define PARTING_COLUMNS (sizeof(parting_column) / sizeof(parting_column[0]))

static const struct parting_column *parting_find_column(const char *signal)
{
	for (size_t i = 0; i < PARTING_COLUMNS; i++)
		if (signal && strcmp(parting_column[i].signal, signal) == 0)
			return &parting_column[i];
	return &parting_column[0];
}

static const char *parting_show(const struct parting_column *c, bool has, double v, char ret[32])
{
	if (!has)
		return "-";
	if (c->unit == GCS_UNIT_COUNT)
		snprintf(ret, 32, "%.0f", v);
	else
		gcs_metric_show(c->unit, v, ret, 32);
	return ret;
}

static void text_when(const char *clock, int64_t t_ns, FILE *out)
{
	fprintf(out, "  %-8s %9.3f  ", clock ? clock : "", (double)t_ns / 1e9);
}

/* A window: c[0 ..] are its signals. Returns how many there are. */
static size_t text_window(const struct report_curve *c, size_t n, FILE *out)
{
	size_t used = 0;
	text_when(c->clock, c->from_ns, out);
	for (; used < n && c[used].idx == c->idx; used++) {
		const struct report_curve *s = &c[used];
		const struct parting_column *col = parting_find_column(s->signal);
		char a[32], b[32], here[40];
		snprintf(here, sizeof(here), "%s%s",
			 parting_show(col, s->has_reproduced, s->reproduced, b), s->apart ? "*" : "");
		fprintf(out, "%*s|%-*s", col->width, parting_show(col, s->has_logged, s->logged, a),
			col->width + 1, here);
	}
	fputc('\n', out);
	return used;
}

/* A figure at its time: how it stands is told below it all. */
static void text_told(const struct report_reported *f, FILE *out)
{
	text_when(f->clock, f->at_ns, out);
	fprintf(out, "told: %s: %s", f->what ? f->what : "", f->value_told ? f->value_told : "");
	if (f->told)
		fprintf(out, ", to scale %s", f->told);
	if (f->has_logged && f->logged_shown)
		fprintf(out, "; logged %s%s", f->logged_shown, f->logged_apart > 0 ? "*" : "");
	if (f->has && f->shown)
		fprintf(out, "; here %s%s", f->shown, f->apart > 0 ? "*" : "");
	fputc('\n', out);
}

struct parting_told { /* the figures of a stretch, by their begin */
	const struct report_reported **figure;
	size_t n, next;
};

static int told_earlier(const void *a, const void *b)
{
	const struct report_reported *const *x = a, *const *y = b;
	if ((*x)->at_ns != (*y)->at_ns)
		return (*x)->at_ns < (*y)->at_ns ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

static struct parting_told told_of(const struct report *r)
{
	struct parting_told t = {.n = 0};
	t.figure = calloc(r->nreported + 1, sizeof(*t.figure));
	for (size_t i = 0; t.figure && i < r->nreported; i++)
		if (r->reported[i].timed)
			t.figure[t.n++] = &r->reported[i];
	if (t.n > 0)
		qsort(t.figure, t.n, sizeof(*t.figure), told_earlier);
	return t;
}

/* Those that are left and begin before `to`. */
static void text_told_before(struct parting_told *t, int64_t to_ns, FILE *out)
{
	while (t->next < t->n && t->figure[t->next]->at_ns < to_ns)
		text_told(t->figure[t->next++], out);
}

static void text_head(const struct report *r, FILE *out)
{
	fprintf(out,
		"\nALONG THE TIME  logged|here, to scale; *: apart by more than %u %%, or not what was told\n",
		(GCS_PARTING_BAND_MILLI - 1000) / 10);
	if (r->ncurves == 0)
		return;
	fprintf(out, "  %-8s %9s  ", r->curve[0].clock ? "clock" : "", "run s");
	for (size_t i = 0; i < PARTING_COLUMNS; i++) {
		const struct parting_column *col = &parting_column[i];
		int half = (int)strlen(col->said) / 2; /* of it on either side of the bar */
		fprintf(out, "%*s%*s", col->width + half + 1, col->said, col->width + 1 - half, "");
	}
	fputc('\n', out);
}

static void text_along(const struct report *r, FILE *out)
{
	const char *phase = NULL;
	struct parting_told told = told_of(r);
	text_head(r, out);
	for (size_t i = 0; i < r->ncurves;) {
		const struct report_curve *c = &r->curve[i];
		text_told_before(&told, c->from_ns, out);
		if (c->phase && (!phase || strcmp(phase, c->phase) != 0))
			fprintf(out, "  -- %s\n", c->phase);
		phase = c->phase;
		i += text_window(c, r->ncurves - i, out);
	}
	text_told_before(&told, INT64_MAX, out);
	free(told.figure);
}

static void text_place(const struct parting_place *p, FILE *out)
{
	const struct report_reported *f = p->figure;
	const struct report_curve *c = p->curve;
	const char *clock = f ? f->clock : c->clock;
	char a[32], b[32];
	fprintf(out, "%s%srun %.3f s: ", clock ? clock : "", clock ? ", " : "",
		(double)p->t_ns / 1e9);
	if (f) {
		const char *told = f->told ? f->told : f->value_told;
		fprintf(out, "%s: told %s, %s %s\n", f->what ? f->what : "", told ? told : "",
			p->of_log ? "logged" : "here", p->of_log ? f->logged_shown : f->shown);
		return;
	}
	const struct parting_column *col = parting_find_column(c->signal);
	fprintf(out, "%s: logged %s, here %s\n", col->said,
		parting_show(col, c->has_logged, c->logged, a),
		parting_show(col, c->has_reproduced, c->reproduced, b));
}

void report_parting_text(const struct report *r, FILE *out)
{
	size_t n;
	if (r->ncurves == 0 && !parting_has_figures(r))
		return;
	text_along(r, out);
	struct parting_place *p = parting_places(r, &n);
	if (n == 0)
		fprintf(out,
			"\nTHE CURVES PART nowhere: no two windows in a row are apart, and no figure is other than was told\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, i == 0 ? "\nTHE CURVES PART at " : "           then at ");
		text_place(&p[i], out);
	}
	free(p);
}

/* ---------------------------------------------------------------- JSON */

static json_t *json_figure(bool has, double v)
{
	return has && isfinite(v) ? json_real(v) : json_null();
}

static json_t *json_signal(const struct report_curve *s)
{
	return json_pack("{so so sb sb}", "logged", json_figure(s->has_logged, s->logged),
			 "reproduced", json_figure(s->has_reproduced, s->reproduced), "apart",
			 (int)s->apart, "parts", (int)s->parts);
}

static json_t *json_windows(const struct report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->ncurves;) {
		const struct report_curve *c = &r->curve[i];
		json_t *signals = json_object();
		for (; i < r->ncurves && r->curve[i].idx == c->idx; i++)
			json_object_set_new(signals, r->curve[i].signal ? r->curve[i].signal : "",
					    json_signal(&r->curve[i]));
		json_array_append_new(
			list, json_pack("{sI sI ss? ss? so}", "from_ns", (json_int_t)c->from_ns,
					"to_ns", (json_int_t)c->to_ns, "clock", c->clock, "phase",
					c->phase, "signals", signals));
	}
	return list;
}

static json_t *json_place_curve(const struct parting_place *p)
{
	const struct report_curve *c = p->curve;
	return json_pack("{sI ss? ss s[ss] so so}", "t_ns", (json_int_t)p->t_ns, "clock", c->clock,
			 "what", c->signal ? c->signal : "", "between", "logged", "reproduced",
			 "logged", json_figure(c->has_logged, c->logged), "reproduced",
			 json_figure(c->has_reproduced, c->reproduced));
}

/* reported: from and to, what was told */
static json_t *json_place(const struct parting_place *p)
{
	const struct report_reported *f = p->figure;
	if (!f)
		return json_place_curve(p);
	const char *other = p->of_log ? "logged" : "reproduced";
	return json_pack("{sI ss? ss s[ss] s[ff] so}", "t_ns", (json_int_t)p->t_ns, "clock",
			 f->clock, "what", f->what ? f->what : "", "between", "reported", other,
			 "reported", f->low, f->high, other,
			 json_figure(true, p->of_log ? f->logged : f->value));
}

json_t *report_parting_json(const struct report *r)
{
	size_t n;
	if (r->ncurves == 0 && !parting_has_figures(r))
		return json_null();
	struct parting_place *p = parting_places(r, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_place(&p[i]));
	json_t *first = n > 0 ? json_place(&p[0]) : json_null();
	free(p);
	return json_pack("{si si so so so}", "band_milli", (int)GCS_PARTING_BAND_MILLI, "row",
			 (int)GCS_PARTING_ROW, "windows", json_windows(r), "partings", list,
			 "first", first);
}
