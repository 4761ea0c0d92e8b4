/*
 * fidelity_note.c: why a score is low, as far as the figures tell. A reason stands only where its own
 * condition holds; none is given for show.
 */
#include "harness/measure/fidelity_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_FEW	20   /* cycles: below it one more or less weighs 5 % */
#define NOTE_TRIGGER	0.08 /* of the way to the goal */
#define NOTE_STALL	0.02 /* of the window */
#define NOTE_GRAIN	0.1  /* of what it is the grain of */
#define NOTE_FLOOR	0.05 /* of the goals */
#define NOTE_MARKING	0.1  /* of the time, more than in the log */
#define NOTE_RHYTHM	0.05
#define NOTE_LEAP	1.5  /* from one cycle to the next: live bytes leap */
#define NOTE_LEAPS	0.15 /* of the cycles */
#define NOTE_TIMER_NS	120e9 /* the runtime collects when it has not for so long */
#define NOTE_TIMERS	0.05 /* of the cycles */

static __attribute__((format(printf, 3, 4))) void note_add(char *note, size_t cap,
							    const char *format, ...)
{
	size_t before = strlen(note), len = before;
	va_list ap;
	if (len > 0)
		len += (size_t)snprintf(note + len, cap - len, "; ");
	if (len >= cap)
		len = cap - 1;
	va_start(ap, format);
	int n = vsnprintf(note + len, cap - len, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= cap - len)
		note[before] = '\0'; /* no half reasons */
}

#define ADD(s, ...) note_add((s)->note, sizeof((s)->note), __VA_ARGS__)

/* The goals that the log asks for and the runtime cannot have. */
static double note_floor_share(const struct fidelity_work *w)
{
	size_t below = 0;
	for (size_t i = 0; i < w->logged.n; i++)
		below += !w->logged.cycle[i].forced &&
			 w->logged.cycle[i].goal + w->opt->grain_bytes <= w->opt->facts.goal_min;
	return w->logged.n > 0 ? (double)below / (double)w->logged.n : 0;
}

static void note_floor(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	double share = note_floor_share(w);
	if (share > NOTE_FLOOR)
		ADD(s, "%.0f%% of the log's goals are, at heap scale %g, below the %.1f MiB that a goal is at least",
		    100 * share, w->opt->facts.heap_scale,
		    (double)w->opt->facts.goal_min / (1 << 20));
}

/* Live bytes that change by half from cycle to cycle: the curve between them is a guess. */
static void note_leaps(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	size_t leaps = 0;
	for (size_t i = 1; i < w->logged.n; i++) {
		double a = (double)w->logged.cycle[i - 1].heap_marked + (double)w->opt->grain_bytes;
		double b = (double)w->logged.cycle[i].heap_marked + (double)w->opt->grain_bytes;
		leaps += fmax(a, b) > NOTE_LEAP * fmin(a, b);
	}
	if ((double)leaps > NOTE_LEAPS * (double)w->logged.n)
		ADD(s, "the log's live heap leaps at %.0f%% of the cycles, and what lies between two is not told",
		    100 * (double)leaps / (double)(w->logged.n - 1));
}

/* Cycles that the log had because there was none for two minutes: time is scaled, that timer is not. */
static void note_timer(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	double due_ns = NOTE_TIMER_NS / w->opt->facts.time_scale;
	size_t timers = 0;
	for (size_t i = 1; i < w->logged.n; i++) {
		const struct gcs_fidelity_cycle *c = &w->logged.cycle[i];
		double gap_ns = (double)(c->at_ns - c[-1].at_ns);
		timers += gap_ns > 0.99 * due_ns && gap_ns < 1.01 * due_ns &&
			  c->heap_start < c->goal - c->goal / 4;
	}
	if (fabs(w->opt->facts.time_scale - 1) > 0.02 &&
	    (double)timers > NOTE_TIMERS * (double)w->logged.n)
		ADD(s, "%zu of the log's cycles came by the two-minute timer, which time scale %g does not scale",
		    timers, w->opt->facts.time_scale);
}

static void note_trigger(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	const struct gcs_fidelity_score *t = &w->ret->of[GCS_FIDELITY_TRIGGER];
	if (t->has && fabs(t->logged - t->reproduced) > NOTE_TRIGGER)
		ADD(s, "cycles began at %.0f%% of the way to the goal, in the log at %.0f%%",
		    100 * t->reproduced, 100 * t->logged);
}

static void note_machine(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	const struct gcs_fidelity_facts *f = &w->opt->facts;
	double window = (double)(w->ret->to_ns - w->ret->from_ns);
	double period = w->ret->of[GCS_FIDELITY_PERIOD].logged;
	if ((double)f->stall_ns > NOTE_STALL * window)
		ADD(s, "the machine stood still for %.1f s", (double)f->stall_ns / 1e9);
	if ((double)f->late_ns > 0.02 * window && (double)f->late_ns > period)
		ADD(s, "workers fell behind the curve by up to %.1f s", (double)f->late_ns / 1e9);
}

static size_t note_forced(const struct fidelity_side *side)
{
	size_t n = 0;
	for (size_t i = 0; i < side->n; i++)
		n += side->cycle[i].forced;
	return n;
}

/* Time from start to start in which marking went on. */
static double note_marking(const struct gcs_fidelity *f, bool logged)
{
	const struct gcs_fidelity_score *m = &f->of[GCS_FIDELITY_MARK], *p = &f->of[GCS_FIDELITY_PERIOD];
	double mark = logged ? m->logged : m->reproduced, period = logged ? p->logged : p->reproduced;
	return m->has && p->has && period > 0 ? mark / period : 0;
}

static void note_count(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	size_t logged = note_forced(&w->logged), reproduced = note_forced(&w->reproduced);
	if (w->logged.n < NOTE_FEW)
		ADD(s, "the log has only %zu cycles", w->logged.n);
	note_floor(w, s);
	note_timer(w, s);
	note_leaps(w, s);
	note_trigger(w, s);
	if (logged != reproduced)
		ADD(s, "%zu forced cycles, in the log %zu", reproduced, logged);
	note_machine(w, s);
	if (w->opt->facts.others)
		ADD(s, "other workloads or faults took part");
}

static double note_middle(const struct gcs_fidelity_score *s)
{
	double high = fmax(s->logged, s->reproduced), low = fmin(s->logged, s->reproduced);
	return high > 0 ? low / high : 1;
}

static void note_period(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	const struct gcs_fidelity_score *count = &w->ret->of[GCS_FIDELITY_COUNT];
	if (w->logged.n < NOTE_FEW)
		ADD(s, "the log has only %zu cycles", w->logged.n);
	if (note_middle(s) > s->score + NOTE_RHYTHM)
		ADD(s, "the rhythm is another one, though the median agrees to %.0f%%",
		    100 * note_middle(s));
	if (w->opt->grain_ns > 0 && (double)w->opt->grain_ns > NOTE_GRAIN * s->logged)
		ADD(s, "the log's clock shows %.3g ms, a large part of a period",
		    (double)w->opt->grain_ns / 1e6);
	if (count->scored && count->score < GCS_FIDELITY_GOOD) {
		ADD(s, "see count");
		return;
	}
	note_leaps(w, s);
	note_trigger(w, s);
	note_machine(w, s);
}

static void note_live(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	double logged = note_marking(w->ret, true), reproduced = note_marking(w->ret, false);
	if ((double)w->opt->grain_bytes > NOTE_GRAIN * s->logged)
		ADD(s, "the log tells whole MiB, a large part of what is live");
	note_leaps(w, s);
	if (s->reproduced > s->logged && reproduced > logged + NOTE_MARKING)
		ADD(s, "marking took %.0f%% of the time, in the log %.0f%%: what is allocated meanwhile counts as live",
		    100 * reproduced, 100 * logged);
	if (w->ret->nreproduced * 2 < w->ret->nlogged)
		ADD(s, "too few cycles to see it");
	note_machine(w, s);
	if (w->opt->facts.others)
		ADD(s, "other workloads or faults took part");
}

static void note_goal(struct fidelity_work *w, struct gcs_fidelity_score *s)
{
	const struct gcs_fidelity_score *live = &w->ret->of[GCS_FIDELITY_LIVE];
	note_floor(w, s);
	if ((double)w->opt->grain_bytes > NOTE_GRAIN * s->logged)
		ADD(s, "the log tells whole MiB, a large part of a goal");
	note_leaps(w, s);
	if (live->scored && live->score < GCS_FIDELITY_GOOD)
		ADD(s, "it follows the live heap: see live");
}

static void note_whole(struct fidelity_work *w)
{
	struct gcs_fidelity *f = w->ret;
	if (w->logged.n < w->opt->nlogged)
		ADD(f, "the run ended before the log: %zu of its %zu cycles are compared", w->logged.n,
		    w->opt->nlogged);
	if (w->logged.n > 0 && w->logged.cycle[0].procs != w->opt->facts.procs)
		ADD(f, "%" PRIu32 " Ps, in the log %" PRIu32, w->opt->facts.procs,
		    w->logged.cycle[0].procs);
}

void fidelity_notes(struct fidelity_work *w)
{
	static void (*const of[GCS_FIDELITY_SCORED])(struct fidelity_work *,
						     struct gcs_fidelity_score *) = {
		[GCS_FIDELITY_COUNT] = note_count,
		[GCS_FIDELITY_PERIOD] = note_period,
		[GCS_FIDELITY_LIVE] = note_live,
		[GCS_FIDELITY_GOAL] = note_goal,
	};
	note_whole(w);
	for (int what = 0; what < GCS_FIDELITY_SCORED; what++) {
		struct gcs_fidelity_score *s = &w->ret->of[what];
		if (s->scored && s->score < GCS_FIDELITY_GOOD)
			of[what](w, s);
	}
}
