/*
 * timeline_picture.c: the timeline as a picture: a bar of phases, a lane a fault, a lane a curve.
 *
 * One column is one length of time, the same in all lanes. A column that a window covers at least
 * half is full, one that it only touches is a stroke: so no window, however short, is lost.
 */
#include "harness/measure/metric.h"
#include "harness/scenario/timeline.h"

#include <string.h>

#define PICTURE_COLS_MIN   60u
#define PICTURE_COLS_MAX   100u
#define PICTURE_LABEL_MAX  16u
#define PICTURE_TICK_APART 10u /* columns, at least: a clock is 8 wide */

struct picture {
	const struct gcs_scenario *s;
	FILE *out;
	uint32_t label, cols;
};

static uint32_t picture_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Time at which a column begins. */
static int64_t picture_time(const struct picture *p, uint32_t col)
{
	return (int64_t)((__int128)p->s->end_ns * col / p->cols);
}

static uint32_t picture_col(const struct picture *p, int64_t t_ns)
{
	return (uint32_t)(((__int128)t_ns * p->cols + p->s->end_ns / 2) / p->s->end_ns);
}

static void picture_label(const struct picture *p, const char *name)
{
	fprintf(p->out, "  %-*.*s  ", (int)p->label, (int)p->label, name);
}

/* ---- ticks */

/* The smallest round step whose ticks stand far enough apart. */
static int64_t picture_step(const struct picture *p)
{
	static const int32_t rounds[] = {
		100,	200,	500,	1000,	2000,	 5000,	  10000,   15000,    30000,   60000,
		120000, 300000, 600000, 900000, 1800000, 3600000, 7200000, 10800000, 21600000};
	int64_t least = picture_time(p, PICTURE_TICK_APART);
	size_t n = sizeof rounds / sizeof rounds[0];
	for (size_t i = 0; i < n; i++)
		if (rounds[i] * INT64_C(1000000) >= least)
			return rounds[i] * INT64_C(1000000);
	int64_t day = INT64_C(86400000000000);
	return (least + day - 1) / day * day;
}

static void picture_tick_text(const struct picture *p, int64_t t_ns, bool clock, char ret[24])
{
	if (clock) {
		gcs_scenario_clock(p->s, t_ns, ret);
		return;
	}
	int64_t ms = t_ns / 1000000, s = ms / 1000;
	if (p->s->end_ns < 120 * INT64_C(1000000000))
		snprintf(ret, 24, "%.4g s", (double)ms / 1e3);
	else if (s < 3600)
		snprintf(ret, 24, "%d:%02d", (int)(s / 60), (int)(s % 60));
	else
		snprintf(ret, 24, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
			 (int)(s % 60));
}

static void picture_ticks(const struct picture *p, bool clock)
{
	int64_t step = picture_step(p);
	uint32_t at = 0;
	picture_label(p, clock ? "clock" : "time");
	for (int64_t t = 0; t < p->s->end_ns; t += step) {
		char text[24];
		uint32_t col = picture_col(p, t);
		picture_tick_text(p, t, clock, text);
		if (col < at || col + strlen(text) > p->cols)
			continue;
		at += (uint32_t)fprintf(p->out, "%*s%s", (int)(col - at), "", text);
	}
	fputc('\n', p->out);
}

/* ---- lanes */

static void picture_phases(const struct picture *p)
{
	picture_label(p, "phases");
	for (uint32_t i = 0; i < p->s->nphases; i++) {
		const struct gcs_phase *ph = &p->s->phase[i];
		uint32_t from = picture_col(p, ph->start_ns), to = picture_col(p, ph->end_ns);
		if (from == to)
			continue;
		int room = (int)(to - from - 1);
		bool bracket = !ph->record && (int)strlen(ph->id) + 2 <= room;
		int n = fprintf(p->out, "│%s%.*s%s", bracket ? "(" : "", room, ph->id,
				bracket ? ")" : "") -
			(int)strlen("│");
		fprintf(p->out, "%*s", room - n, "");
	}
	fputs("│\n", p->out);
}

/* How much of a column the windows of a fault cover: 0 nothing, 1 a touch, 2 half or more. */
static int picture_cover(const struct gcs_fault *f, int64_t from, int64_t to)
{
	int64_t covered = 0;
	bool touched = false;
	for (uint32_t i = 0; i < f->nwindows; i++) {
		int64_t a = f->window[i].start_ns > from ? f->window[i].start_ns : from,
			b = f->window[i].end_ns < to ? f->window[i].end_ns : to;
		covered += b > a ? b - a : 0;
		touched |= b > a;
	}
	return !touched ? 0 : 2 * covered >= to - from ? 2 : 1;
}

static void picture_fault(const struct picture *p, const struct gcs_fault *f)
{
	static const char *const cell[] = {"·", "▌", "█"};
	picture_label(p, f->id);
	if (f->manual)
		fputs("by hand", p->out);
	for (uint32_t c = 0; !f->manual && c < p->cols; c++)
		fputs(cell[picture_cover(f, picture_time(p, c), picture_time(p, c + 1))], p->out);
	fputc('\n', p->out);
}

/* Live bytes at a time: straight lines between points, level behind the last. */
static double picture_live(const struct gcs_workload *w, int64_t t_ns)
{
	uint32_t i = 0;
	while (i + 1 < w->nfollow && w->follow[i + 1].at_ns <= t_ns)
		i++;
	const struct gcs_follow_point *a = &w->follow[i], *b = a + (i + 1 < w->nfollow);
	double part = b == a ? 0 : (double)(t_ns - a->at_ns) / (double)(b->at_ns - a->at_ns);
	return (double)a->live + part * ((double)b->live - (double)a->live);
}

static void picture_curve(const struct picture *p, const struct gcs_workload *w)
{
	static const char *const cell[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	double max = 1, at;
	char text[32];
	for (uint32_t i = 0; i < w->nfollow; i++)
		max = (double)w->follow[i].live > max ? (double)w->follow[i].live : max;
	picture_label(p, w->id);
	for (uint32_t c = 0; c < p->cols; c++) {
		at = picture_live(w, picture_time(p, c));
		fputs(cell[at >= max ? 7 : (int)(at / max * 8)], p->out);
	}
	gcs_metric_show(GCS_UNIT_BYTES, max, text, sizeof text);
	fprintf(p->out, "\n  %*s  live bytes, up to %s\n", (int)p->label, "", text);
}

void gcs_timeline_picture(const struct gcs_scenario *s, uint32_t cols, FILE *out)
{
	struct picture p = {.s = s, .out = out, .label = (uint32_t)strlen("phases")};
	for (uint32_t i = 0; i < s->nfaults; i++)
		p.label = (uint32_t)strlen(s->fault[i].id) > p.label
				  ? (uint32_t)strlen(s->fault[i].id)
				  : p.label;
	p.label = picture_min(p.label, PICTURE_LABEL_MAX);
	uint32_t used = p.label + 5; /* margins and the last stroke */
	p.cols = cols > used + PICTURE_COLS_MIN ? picture_min(cols - used, PICTURE_COLS_MAX)
						: PICTURE_COLS_MIN;
	picture_ticks(&p, false);
	if (s->clock)
		picture_ticks(&p, true);
	picture_phases(&p);
	for (uint32_t i = 0; i < s->nfaults; i++)
		picture_fault(&p, &s->fault[i]);
	for (uint32_t i = 0; i < s->nworkloads; i++)
		if (s->workload[i].nfollow)
			picture_curve(&p, &s->workload[i]);
}
