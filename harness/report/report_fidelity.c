/*
 * report_fidelity.c: logged and reproduced cycles side by side, and the scores, from the record's tables
 * `logged`, `gc_cycles` and `fidelity`, as text and as JSON.
 */
#include "harness/report/report_priv.h"

#include "harness/measure/fidelity.h"
#include "runtime/gc/gc.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST  10u /* lines of a long table: the first, the worst, the last */
#define TEXT_WORST  5u
#define TEXT_LAST   5u
#define TEXT_WHOLE  25u /* up to so many all are shown */
#define TEXT_WIDTH  100
#define TEXT_INDENT 6
#define MIB	    1048576.0

struct follow_row { /* of table fidelity */
	char *what, *note;
	bool has_logged, has_reproduced, scored;
	double logged, reproduced, score;
};

struct follow_side {
	struct gcs_fidelity_cycle *cycle;
	size_t n, cap;
};

struct report_follow {
	struct follow_side logged, reproduced;
	struct follow_row *row;
	size_t nrows;
};

const char report_logged_sql[] =
	"SELECT cycle,at_ns,forced,heap_start,heap_end,heap_marked,goal,stop_first_ns,mark_ns,"
	"stop_second_ns,procs FROM logged ORDER BY idx";
const char report_followed_sql[] =
	"SELECT cycle,start_ns,cause,heap_start,heap_end,heap_marked,goal,stop_first_ns,mark_ns,"
	"stop_second_ns FROM gc_cycles WHERE EXISTS(SELECT 1 FROM logged) AND stop_second_ns IS NOT "
	"NULL AND start_ns IS NOT NULL ORDER BY start_ns";
const char report_fidelity_sql[] =
	"SELECT what,logged,reproduced,score,note FROM fidelity ORDER BY rowid";

/* ---------------------------------------------------------------- rows */

static struct report_follow *follow_of(struct report *r)
{
	if (!r->follow)
		r->follow = calloc(1, sizeof(*r->follow));
	return r->follow;
}

static struct gcs_fidelity_cycle *follow_more(struct follow_side *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		void *grown = reallocarray(s->cycle, cap, sizeof(*s->cycle));
		if (!grown)
			return NULL;
		s->cycle = grown;
		s->cap = cap;
	}
	return &s->cycle[s->n++];
}

static void follow_cycle(struct follow_side *s, sqlite3_stmt *q, bool forced)
{
	struct gcs_fidelity_cycle *c = follow_more(s);
	if (!c)
		return;
	*c = (struct gcs_fidelity_cycle){
		.number = (uint64_t)sqlite3_column_int64(q, 0),
		.at_ns = sqlite3_column_int64(q, 1),
		.forced = forced,
		.heap_start = (uint64_t)sqlite3_column_int64(q, 3),
		.heap_end = (uint64_t)sqlite3_column_int64(q, 4),
		.heap_marked = (uint64_t)sqlite3_column_int64(q, 5),
		.goal = (uint64_t)sqlite3_column_int64(q, 6),
		.stop_first_ns = sqlite3_column_int64(q, 7),
		.mark_ns = sqlite3_column_int64(q, 8),
		.stop_second_ns = sqlite3_column_int64(q, 9),
	};
}

void report_logged_row(struct report *r, sqlite3_stmt *q)
{
	if (follow_of(r))
		follow_cycle(&r->follow->logged, q, sqlite3_column_int(q, 2));
}

void report_followed_row(struct report *r, sqlite3_stmt *q)
{
	if (follow_of(r))
		follow_cycle(&r->follow->reproduced, q,
			     sqlite3_column_int(q, 2) == GC_TRIGGER_FORCED);
}

void report_fidelity_row(struct report *r, sqlite3_stmt *q)
{
	struct report_follow *f = follow_of(r);
	void *grown = f ? reallocarray(f->row, f->nrows + 1, sizeof(*f->row)) : NULL;
	if (!grown)
		return;
	f->row = grown;
	const char *what = (const char *)sqlite3_column_text(q, 0);
	const char *note = (const char *)sqlite3_column_text(q, 4);
	f->row[f->nrows++] = (struct follow_row){
		.what = strdup(what ? what : ""),
		.has_logged = sqlite3_column_type(q, 1) != SQLITE_NULL,
		.logged = sqlite3_column_double(q, 1),
		.has_reproduced = sqlite3_column_type(q, 2) != SQLITE_NULL,
		.reproduced = sqlite3_column_double(q, 2),
		.scored = sqlite3_column_type(q, 3) != SQLITE_NULL,
		.score = sqlite3_column_double(q, 3),
		.note = note && *note ? strdup(note) : NULL,
	};
}

void report_fidelity_fini(struct report *r)
{
	struct report_follow *f = r->follow;
	if (!f)
		return;
	for (size_t i = 0; i < f->nrows; i++) {
		free(f->row[i].what);
		free(f->row[i].note);
	}
	free(f->row);
	free(f->logged.cycle);
	free(f->reproduced.cycle);
	free(f);
	r->follow = NULL;
}

static const struct follow_row *follow_find(const struct report_follow *f, const char *what)
{
	for (size_t i = 0; i < f->nrows; i++)
		if (f->row[i].what && strcmp(f->row[i].what, what) == 0)
			return &f->row[i];
	return NULL;
}

/* The window's cycles of the run (all of it, if it has not ended), paired. malloc'd; *ret_n 0: none. */
static struct gcs_fidelity_pair *follow_pairs(const struct report_follow *f, size_t *ret_n)
{
	const struct follow_row *window = follow_find(f, "window");
	const struct gcs_fidelity_cycle *c = f->reproduced.cycle;
	size_t n = f->reproduced.n, first = 0;
	struct gcs_fidelity_pair *pair = malloc((f->logged.n + n + 1) * sizeof(*pair));
	*ret_n = 0;
	if (!pair)
		return NULL;
	while (window && first < n && (double)c[first].at_ns < window->logged)
		first++;
	while (n > first && (c[n - 1].at_ns < 0 ||
			     (window && (double)c[n - 1].at_ns >= window->reproduced)))
		n--;
	*ret_n = gcs_fidelity_pairs(f->logged.cycle, f->logged.n, c + first, n - first, pair);
	return pair;
}

/* ---------------------------------------------------------------- text: figures */

/* Three digits. */
static void text_digits(char *ret, size_t cap, double v)
{
	snprintf(ret, cap, "%.*f", v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v);
}

/* Two digits, as Go prints them. */
static void text_ms(char *ret, size_t cap, int64_t ns)
{
	double ms = (double)ns / 1e6;
	snprintf(ret, cap, "%.*f", ms >= 9.95 ? 0 : ms >= 0.995 ? 1 : ms >= 0.0995 ? 2 : 3, ms);
}

static void text_side(const struct gcs_fidelity_cycle *c, FILE *out)
{
	char heap[4][16], clock[3][16], line[64];
	if (!c) {
		fprintf(out, "%55s", "");
		return;
	}
	const uint64_t bytes[4] = {c->heap_start, c->heap_end, c->heap_marked, c->goal};
	const int64_t ns[3] = {c->stop_first_ns, c->mark_ns, c->stop_second_ns};
	for (int i = 0; i < 4; i++)
		text_digits(heap[i], sizeof(heap[i]), (double)bytes[i] / MIB);
	if (bytes[3] >> 60)
		snprintf(heap[3], sizeof(heap[3]), "off");
	for (int i = 0; i < 3; i++)
		text_ms(clock[i], sizeof(clock[i]), ns[i]);
	snprintf(line, sizeof(line), "%s+%s+%s", clock[0], clock[1], clock[2]);
	fprintf(out, "%5" PRIu64 "%s %8.3f %5s %5s %5s %5s %-15s", c->number, c->forced ? "f" : " ",
		(double)c->at_ns / 1e9, heap[0], heap[1], heap[2], heap[3], line);
}

static void text_pair(const struct gcs_fidelity_pair *p, FILE *out)
{
	fprintf(out, "  ");
	text_side(p->logged, out);
	fprintf(out, " | ");
	text_side(p->reproduced, out);
	fprintf(out, "\n");
}

/* ---------------------------------------------------------------- text: the table */

static int follow_worse(const void *a, const void *b)
{
	const struct gcs_fidelity_pair *const *x = a, *const *y = b;
	return ((*x)->off < (*y)->off) - ((*x)->off > (*y)->off);
}

static int follow_earlier(const void *a, const void *b)
{
	const struct gcs_fidelity_pair *const *x = a, *const *y = b;
	return (*x > *y) - (*x < *y);
}

/* Of the lines in the middle the worst pairs, in the order of time. */
static void text_worst(const struct gcs_fidelity_pair *pair, size_t n, FILE *out)
{
	const struct gcs_fidelity_pair **by = malloc(n * sizeof(const struct gcs_fidelity_pair *));
	size_t worst = n < TEXT_WORST ? n : TEXT_WORST;
	if (!by)
		return;
	for (size_t i = 0; i < n; i++)
		by[i] = &pair[i];
	qsort(by, n, sizeof(*by), follow_worse);
	qsort(by, worst, sizeof(*by), follow_earlier);
	fprintf(out, "  ... of %zu between, those that differ most:\n", n);
	for (size_t i = 0; i < worst; i++)
		text_pair(by[i], out);
	fprintf(out, "  ... the last (all: --format json):\n");
	free(by);
}

static void text_table(const struct gcs_fidelity_pair *pair, size_t n, FILE *out)
{
	static const char over[] = "          start heap MiB                clock ms";
	static const char head[] = "cycle         s  from    to  live  goal stop+mark+stop";
	size_t first = n, last = n;
	fprintf(out, "  %-55s | %s\n", "LOGGED, to scale", "REPRODUCED");
	fprintf(out, "  %-55s | %s\n  %-55s | %s\n", over, over, head, head);
	if (n > TEXT_WHOLE) {
		first = TEXT_FIRST;
		last = n - TEXT_LAST;
	}
	for (size_t i = 0; i < first; i++)
		text_pair(&pair[i], out);
	if (last > first)
		text_worst(pair + first, last - first, out);
	for (size_t i = last; i < n; i++)
		text_pair(&pair[i], out);
}

/* ---------------------------------------------------------------- text: the scores */

static const struct {
	const char *what, *said;
	int unit; /* enum gcs_unit; -1: per cent */
} follow_said[] = {
	{"count", "cycles", GCS_UNIT_COUNT},
	{"period", "period, median", GCS_UNIT_NS},
	{"live", "live heap, mean", GCS_UNIT_BYTES},
	{"goal", "goal, mean", GCS_UNIT_BYTES},
	{"trigger", "begun on the way to the goal", -1},
	{"stop_first", "clock: first stop", GCS_UNIT_NS},
	{"mark", "clock: concurrent mark", GCS_UNIT_NS},
	{"stop_second", "clock: second stop", GCS_UNIT_NS},
};

static void text_value(int unit, double v, char *ret, size_t cap)
{
	if (unit < 0)
		snprintf(ret, cap, "%.0f%%", 100 * v);
	else
		gcs_metric_show((enum gcs_unit)unit, v, ret, cap);
}

/* A sentence, broken between words, each line indented. */
static void text_note(const char *text, FILE *out)
{
	size_t at = 0;
	while (*text) {
		size_t space = strspn(text, " "), word = strcspn(text + space, " ");
		if (at == 0 || at + 1 + word > TEXT_WIDTH) {
			fprintf(out, "%s%*s", at ? "\n" : "", TEXT_INDENT, "");
			at = TEXT_INDENT;
		} else {
			fputc(' ', out);
			at++;
		}
		at += (size_t)fprintf(out, "%.*s", (int)word, text + space);
		text += space + word;
	}
	fputc('\n', out);
}

static void text_score(const struct follow_row *row, const char *said, int unit, FILE *out)
{
	char logged[32], reproduced[32], score[16] = "not scored";
	text_value(unit, row->logged, logged, sizeof(logged));
	text_value(unit, row->reproduced, reproduced, sizeof(reproduced));
	if (row->scored)
		snprintf(score, sizeof(score), "%.1f%%", 100 * row->score);
	fprintf(out, "  %-30s %12s %12s %12s\n", said, logged, reproduced, score);
	if (row->note)
		text_note(row->note, out);
}

static void text_head(const struct report_follow *f, FILE *out)
{
	const struct follow_row *source = follow_find(f, "source");
	const struct follow_row *time = follow_find(f, "time_scale"),
				*heap = follow_find(f, "heap_scale");
	fprintf(out, "\nFOLLOWED LOG");
	if (source && source->note)
		fprintf(out, "  %s", source->note);
	if (time && heap)
		fprintf(out, "  heap 1/%g, time %gx", heap->reproduced, time->reproduced);
	fprintf(out, "  (f: forced)\n");
}

void report_fidelity_text(const struct report *r, FILE *out)
{
	const struct report_follow *f = r->follow;
	size_t n = 0;
	if (!f || f->logged.n == 0)
		return;
	struct gcs_fidelity_pair *pair = follow_pairs(f, &n);
	text_head(f, out);
	if (pair)
		text_table(pair, n, out);
	free(pair);
	const struct follow_row *overall = follow_find(f, "overall");
	if (!overall) {
		fprintf(out, "\nFIDELITY  no score: %s.\n",
			f->nrows ? "the run ended before the first logged cycle"
				 : "the run has not ended, or its harness died");
		return;
	}
	fprintf(out, "\nFIDELITY  %.1f%%, the lowest of %17s %12s %12s\n", 100 * overall->score, "logged",
		"reproduced", "agreement");
	for (size_t i = 0; i < sizeof(follow_said) / sizeof(follow_said[0]); i++) {
		const struct follow_row *row = follow_find(f, follow_said[i].what);
		if (row)
			text_score(row, follow_said[i].said, follow_said[i].unit, out);
	}
	if (overall->note)
		text_note(overall->note, out);
}

/* ---------------------------------------------------------------- JSON */

static json_t *json_goal(uint64_t bytes)
{
	return bytes >> 60 ? json_null() : json_integer((json_int_t)bytes);
}

static json_t *json_cycle(const struct gcs_fidelity_cycle *c)
{
	if (!c)
		return json_null();
	return json_pack("{sI sI sb sI sI sI so sI sI sI}", "cycle", (json_int_t)c->number, "start_ns",
			 (json_int_t)c->at_ns, "forced", (int)c->forced, "heap_start",
			 (json_int_t)c->heap_start, "heap_end", (json_int_t)c->heap_end, "heap_live",
			 (json_int_t)c->heap_marked, "goal", json_goal(c->goal), "stop_first_ns",
			 (json_int_t)c->stop_first_ns, "mark_ns", (json_int_t)c->mark_ns,
			 "stop_second_ns", (json_int_t)c->stop_second_ns);
}

static json_t *json_real_or_null(bool has, double v)
{
	return has && isfinite(v) ? json_real(v) : json_null();
}

static json_t *json_scores(const struct report_follow *f)
{
	json_t *all = json_object();
	for (size_t i = 0; i < sizeof(follow_said) / sizeof(follow_said[0]); i++) {
		const struct follow_row *row = follow_find(f, follow_said[i].what);
		if (row)
			json_object_set_new(
				all, row->what,
				json_pack("{so so so ss?}", "logged",
					  json_real_or_null(row->has_logged, row->logged),
					  "reproduced",
					  json_real_or_null(row->has_reproduced, row->reproduced),
					  "score", json_real_or_null(row->scored, row->score), "note",
					  row->note));
	}
	return all;
}

static json_t *json_cycles(const struct report_follow *f)
{
	json_t *list = json_array();
	size_t n = 0;
	struct gcs_fidelity_pair *pair = follow_pairs(f, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{so so}", "logged", json_cycle(pair[i].logged),
						      "reproduced", json_cycle(pair[i].reproduced)));
	free(pair);
	return list;
}

static json_t *json_of(const struct report_follow *f, const char *what)
{
	const struct follow_row *row = follow_find(f, what);
	return json_real_or_null(row && row->has_reproduced, row ? row->reproduced : 0);
}

json_t *report_fidelity_json(const struct report *r)
{
	const struct report_follow *f = r->follow;
	if (!f || f->logged.n == 0)
		return json_null();
	const struct follow_row *source = follow_find(f, "source"), *all = follow_find(f, "overall");
	return json_pack("{ss? so so so ss? so so}", "source", source ? source->note : NULL,
			 "time_scale", json_of(f, "time_scale"), "heap_scale", json_of(f, "heap_scale"),
			 "overall", json_real_or_null(all && all->scored, all ? all->score : 0), "note",
			 all ? all->note : NULL, "scores", json_scores(f), "cycles", json_cycles(f));
}
