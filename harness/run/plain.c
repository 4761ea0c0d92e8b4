/*
 * plain.c: a run, or a record, without a picture: lines of text in the order of time, for files, pipes and screen readers. Nothing is drawn,
 * moved or coloured; a figure has its words beside it.
 *
 *   time, phase, what happened     an event; what is bad begins so
 *   time, phase, state: ...        each time that it changes
 *   time, phase, now: ...          each five seconds of the run: figures; and the series of pauses that went on since they were told last,
 *                                  of the last 10 s and since the start; and each occurrence of a fault that is not decided, or has been
 *   time, ended, ...               at the end the sentence of the verdict; of a record, after which no report comes, before it the series once
 *                                  more, each occurrence and each SLO; its first line says what it is of
 *
 * A snapshot carries the latest events only, in the order in which they became known; each is told once. What happens in the target is
 * known a little later than what the harness says itself, so lines wait for PLAIN_HOLD_NS of the run and are printed in the order of time.
 */
#include "harness/display.h"

#include "faults/reach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_EVERY_NS INT64_C(5000000000)
/* A window closes so late at most, and is told of then. */
#define PLAIN_HOLD_NS  INT64_C(300000000)
#define PLAIN_HELD_MAX (4 * GCS_EVENTS_SHOWN)
#define PLAIN_SAID_MAX (2 * GCS_EVENTS_SHOWN)
#define PLAIN_RECS	64
#define PLAIN_TIME	32

struct plain_line {
	int64_t t_ns;
	char text[320];
};

/* Those that have percentiles. */
enum plain_series { PLAIN_STOPS, PLAIN_ASSISTS, PLAIN_WAKES, PLAIN_SERIES };

struct plain {
	FILE *out;
	bool alone; /* no report follows, and nothing has said whose run it is */
	bool begun;
	struct gcs_event_view said[PLAIN_SAID_MAX]; /* the newest, in a ring */
	uint32_t nsaid;
	int64_t next_ns;
	enum gcs_state state;
	uint64_t counted[PLAIN_SERIES]; /* when it was told last */
	struct { uint32_t fault, occurrence; enum gcs_rec_state state; } rec[PLAIN_RECS]; /* as told last */
	uint32_t nrecs;
	struct plain_line held[PLAIN_HELD_MAX]; /* by time, oldest first */
	uint32_t nheld;
	char *ending; /* what is said when nothing comes any more; NULL: it has not ended */
};

static int plain_begin(void **ret_self, FILE *out, bool alone)
{
	struct plain *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->out = out;
	p->alone = alone;
	p->next_ns = PLAIN_EVERY_NS;
	p->state = GCS_STARTING;
	*ret_self = p;
	return 0;
}

static int plain_open(void **ret_self)
{
	return plain_begin(ret_self, stderr, false);
}

static int plain_open_out(void **ret_self)
{
	return plain_begin(ret_self, stdout, true);
}

/* ---------------------------------------------------------------- lines */

static void plain_print(struct plain *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fputs(p->held[i].text, p->out);
	if (n > 0)
		fflush(p->out);
	p->nheld -= n;
	memmove(p->held, p->held + n, p->nheld * sizeof(p->held[0]));
}

/* Behind the held lines of its time and before the later ones: room to write its text. */
static char *plain_hold(struct plain *p, int64_t t_ns)
{
	if (p->nheld == PLAIN_HELD_MAX)
		plain_print(p, 1);
	uint32_t at = p->nheld++;
	for (; at > 0 && p->held[at - 1].t_ns > t_ns; at--)
		p->held[at] = p->held[at - 1];
	p->held[at].t_ns = t_ns;
	return p->held[at].text;
}

static void plain_print_until(struct plain *p, int64_t t_ns)
{
	uint32_t n = 0;
	while (n < p->nheld && p->held[n].t_ns <= t_ns)
		n++;
	plain_print(p, n);
}

static const char *plain_phase(const struct gcs_snapshot *s, int64_t t_ns)
{
	int phase = gcs_scenario_phase_at(s->scenario, t_ns);
	return phase >= 0 ? s->scenario->phase[phase].id : "-";
}

/* A line of this moment. */
static __attribute__((format(printf, 4, 5))) void plain_say(struct plain *p, const struct gcs_snapshot *s, int64_t t_ns, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(plain_hold(p, t_ns), sizeof p->held[0].text, "%8.3fs %-8.40s %s\n", (double)t_ns / 1e9, plain_phase(s, t_ns), text);
}

/* "840 ns", "82 us", "1.25 ms": three digits at most. */
static const char *plain_time(char ret[PLAIN_TIME], int64_t ns)
{
	double ms = (double)ns / 1e6;
	if (ns < 1000)
		snprintf(ret, PLAIN_TIME, "%" PRId64 " ns", ns);
	else if (ns < 999500)
		snprintf(ret, PLAIN_TIME, "%.*f us", ns < 10000 ? 1 : 0, (double)ns / 1e3);
	else
		snprintf(ret, PLAIN_TIME, "%.*f ms", ms < 10 ? 2 : ms < 100 ? 1 : 0, ms);
	return ret;
}

/* ---------------------------------------------------------------- events and states */

static bool plain_same(const struct gcs_event_view *a, const struct gcs_event_view *b)
{
	return a->t_ns == b->t_ns && a->level == b->level && strcmp(a->text, b->text) == 0;
}

static bool plain_was_said(const struct plain *p, const struct gcs_event_view *e)
{
	uint32_t n = p->nsaid < PLAIN_SAID_MAX ? p->nsaid : PLAIN_SAID_MAX;
	for (uint32_t i = 1; i <= n; i++) /* the newest first */
		if (plain_same(&p->said[(p->nsaid - i) % PLAIN_SAID_MAX], e))
			return true;
	return false;
}

static void plain_events(struct plain *p, const struct gcs_snapshot *s)
{
	for (uint32_t i = 0; i < s->nevents; i++) {
		const struct gcs_event_view *e = &s->event[i];
		if (plain_was_said(p, e))
			continue;
		plain_say(p, s, e->t_ns, "%s%s", e->level >= 2 ? "bad: " : "", e->text);
		p->said[p->nsaid++ % PLAIN_SAID_MAX] = *e;
	}
}

static const char *const plain_state_words[] = {
	[GCS_STARTING] = "starting",	 [GCS_WARMING] = "warming up", [GCS_STEADY] = "steady", [GCS_FAULTING] = "faulting",
	[GCS_RECOVERING] = "recovering", [GCS_RECOVERED] = "recovered", [GCS_ENDED] = "ended",
};

/* Which faults are armed: ", armed: oom, late". */
static const char *plain_armed(const struct gcs_snapshot *s, char *ret, size_t cap)
{
	size_t used = 0;
	ret[0] = '\0';
	for (uint32_t i = 0; i < s->scenario->nfaults && used + 1 < cap; i++)
		if (s->fault[i].armed)
			used += (size_t)snprintf(ret + used, cap - used, "%s%s", used ? ", " : ", armed: ", s->fault[i].id);
	return ret;
}

static void plain_state(struct plain *p, const struct gcs_snapshot *s)
{
	char armed[160];
	if (s->state == p->state || s->state == GCS_ENDED)
		return;
	p->state = s->state;
	plain_say(p, s, s->now_ns, "state: %s%s", plain_state_words[s->state], plain_armed(s, armed, sizeof armed));
}

/* ---------------------------------------------------------------- figures */

struct plain_figures { const char *word; const struct gcs_pcts *now, *total; };

static struct plain_figures plain_figures(const struct gcs_snapshot *s, enum plain_series which)
{
	switch (which) {
	case PLAIN_ASSISTS: return (struct plain_figures){"mark assists", &s->assist_now, &s->assist_total};
	case PLAIN_WAKES: return (struct plain_figures){"wakes of the poller, late by", &s->wake_now, &s->wake_total};
	case PLAIN_STOPS:
	case PLAIN_SERIES: break;
	}
	return (struct plain_figures){"stops of the world", &s->stw_now, &s->stw_total};
}

/* "since the start P50 80 us, P99 1.12 ms, longest 38.1 ms, 3684 of them" */
static const char *plain_pcts(char *ret, size_t cap, const char *since, const struct gcs_pcts *q)
{
	char a[PLAIN_TIME], b[PLAIN_TIME], c[PLAIN_TIME];
	if (q->count == 0)
		snprintf(ret, cap, "%s none", since);
	else
		snprintf(ret, cap, "%s P50 %s, P99 %s, longest %s, %" PRIu64 " of them", since, plain_time(a, q->p50_ns),
			 plain_time(b, q->p99_ns), plain_time(c, q->max_ns), q->count);
	return ret;
}

/* Stops always; the others where there were any since they were told last. */
static void plain_pauses(struct plain *p, const struct gcs_snapshot *s)
{
	char now[112], total[112];
	for (int i = 0; i < PLAIN_SERIES; i++) {
		struct plain_figures f = plain_figures(s, (enum plain_series)i);
		if (i != PLAIN_STOPS && f.total->count == p->counted[i])
			continue;
		p->counted[i] = f.total->count;
		plain_say(p, s, s->now_ns, "%s: %s; %s", f.word, plain_pcts(now, sizeof now, "last 10 s", f.now),
			  plain_pcts(total, sizeof total, "since the start", f.total));
	}
}

static void plain_now(struct plain *p, const struct gcs_snapshot *s)
{
	char p99[PLAIN_TIME], goal[48];
	uint64_t fired = 0;
	int64_t p99_ns = 0;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		fired += s->fault[i].fired;
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		p99_ns = s->work[i].p99_now_ns > p99_ns ? s->work[i].p99_now_ns : p99_ns;
	if (s->heap_goal == UINT64_MAX)
		snprintf(goal, sizeof goal, "no goal");
	else
		snprintf(goal, sizeof goal, "goal %.1f MiB", (double)s->heap_goal / 1048576);
	plain_say(p, s, s->now_ns,
		  "now: %.0f operations a second, P99 %s; collection %u, %u forced; heap %.1f MiB, %s; faults fired %" PRIu64 " times",
		  s->ops_rate, plain_time(p99, p99_ns), s->gc_cycle, s->gc_forced, (double)s->heap_live / 1048576, goal, fired);
}

/* ---------------------------------------------------------------- recovery */

static const char *const plain_rec_words[] = {
	[GCS_REC_ARMED] = "armed", [GCS_REC_DEGRADED] = "degraded", [GCS_REC_RECOVERING] = "recovering", [GCS_REC_STEADY] = "steady again",
	[GCS_REC_NEVER] = "did not come back in time", [GCS_REC_UNTOUCHED] = "moved no signal", [GCS_REC_UNJUDGED] = "cannot be judged",
};

/* Was it told in this state, and will not change any more? */
static bool plain_rec_told(struct plain *p, const struct gcs_rec_view *r)
{
	for (uint32_t i = 0; i < p->nrecs; i++)
		if (p->rec[i].fault == r->fault && p->rec[i].occurrence == r->occurrence) {
			bool told = p->rec[i].state == r->state && r->state >= GCS_REC_STEADY;
			p->rec[i].state = r->state;
			return told;
		}
	if (p->nrecs == PLAIN_RECS)
		memmove(p->rec, p->rec + 1, --p->nrecs * sizeof p->rec[0]);
	p->rec[p->nrecs].fault = r->fault;
	p->rec[p->nrecs].occurrence = r->occurrence;
	p->rec[p->nrecs++].state = r->state;
	return false;
}

/* The signal that was furthest out: ", worst op.latency.p99, 12 times its baseline". */
static const char *plain_worst(const struct gcs_rec_view *r, char *ret, size_t cap)
{
	int worst = -1;
	for (uint32_t i = 0; i < r->nsignals; i++)
		if (r->signal[i].left && (worst < 0 || r->signal[i].peak_ratio > r->signal[worst].peak_ratio))
			worst = (int)i;
	ret[0] = '\0';
	if (worst >= 0)
		snprintf(ret, cap, ", worst %s, at %.1f times its baseline", r->signal[worst].name, r->signal[worst].peak_ratio);
	return ret;
}

/* "oom, occurrence 1: steady again after 2.4 s, worst ..." */
static const char *plain_rec(char *ret, size_t cap, const struct gcs_snapshot *s, const struct gcs_rec_view *r)
{
	char worst[120], after[48] = "";
	bool back = r->state == GCS_REC_STEADY && r->recovery_ns >= 0, at_once = r->recovery_ns <= s->resolution_ns;
	if (back)
		snprintf(after, sizeof after, " %s %.1f s", at_once ? "within" : "after", (double)(at_once ? s->resolution_ns : r->recovery_ns) / 1e9);
	snprintf(ret, cap, "%s, occurrence %u: %s%s%s%s", s->fault[r->fault].id, r->occurrence + 1, plain_rec_words[r->state], after,
		 plain_worst(r, worst, sizeof worst), r->overlapped ? ", overlapped by another" : "");
	return ret;
}

static void plain_recovery(struct plain *p, const struct gcs_snapshot *s)
{
	char text[256];
	for (uint32_t i = 0; i < s->nrecs; i++)
		if (!plain_rec_told(p, &s->rec[i]))
			plain_say(p, s, s->now_ns, "recovery: %s", plain_rec(text, sizeof text, s, &s->rec[i]));
}

/* ---------------------------------------------------------------- the beginning and the end */

static void plain_whose(struct plain *p, const struct gcs_snapshot *s)
{
	const struct gcs_scenario *sc = s->scenario;
	if (p->alone && !p->begun)
		fprintf(p->out, "record of %s: run %s, seed 0x%" PRIx64 ", %s with %u Ps, planned for %.1f s%s%s\n", sc->name, s->run_id, sc->seed,
			gcs_runtime_name(gcs_scenario_runtime(sc)), sc->procs, (double)s->end_ns / 1e9,
			s->sim ? "; simulated, times are modelled" : "", s->operator_modified ? "; changed by hand" : "");
	p->begun = true;
}

static void plain_end_figures(FILE *f, const struct gcs_snapshot *s)
{
	double t = (double)s->now_ns / 1e9;
	char text[256];
	for (int i = 0; i < PLAIN_SERIES; i++) {
		struct plain_figures q = plain_figures(s, (enum plain_series)i);
		if (i == PLAIN_STOPS || q.total->count > 0)
			fprintf(f, "%8.3fs ended    %s: %s\n", t, q.word, plain_pcts(text, sizeof text, "since the start", q.total));
	}
	for (uint32_t i = 0; i < s->nrecs; i++)
		fprintf(f, "%8.3fs ended    recovery: %s\n", t, plain_rec(text, sizeof text, s, &s->rec[i]));
	for (uint32_t i = 0; i < s->nslos; i++) {
		const struct gcs_slo_view *v = &s->slo[i];
		fprintf(f, "%8.3fs ended    %s: %s%s%s\n", t, v->state > 0 ? "holds" : v->state < 0 ? "fails" : "undecided", v->text,
			v->shown[0] ? ", measured " : "", v->shown);
	}
}

/* The last frame that has ended knows all; so each writes it anew, and it is said when the display is closed. */
static void plain_end(struct plain *p, const struct gcs_snapshot *s)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);
	if (!f)
		return;
	if (p->alone)
		plain_end_figures(f, s);
	fprintf(f, "%8.3fs ended    %s\n", (double)s->now_ns / 1e9, s->headline);
	if (fclose(f) != 0)
		return;
	free(p->ending);
	p->ending = text;
}

/* ---------------------------------------------------------------- the display */

static void plain_frame(void *self, const struct gcs_snapshot *s)
{
	struct plain *p = self;
	plain_whose(p, s);
	plain_events(p, s);
	plain_state(p, s);
	if (s->now_ns >= p->next_ns && s->now_ns <= s->end_ns && s->state != GCS_ENDED) {
		plain_now(p, s);
		plain_pauses(p, s);
		plain_recovery(p, s);
		p->next_ns = s->now_ns - s->now_ns % PLAIN_EVERY_NS + PLAIN_EVERY_NS;
	}
	if (s->state == GCS_ENDED)
		plain_end(p, s);
	plain_print_until(p, s->state == GCS_ENDED ? INT64_MAX : s->now_ns - PLAIN_HOLD_NS);
}

static struct gcs_request plain_poll(void *self)
{
	(void)self;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static int plain_fd(void *self)
{
	(void)self;
	return -1;
}

static void plain_close(void *self)
{
	struct plain *p = self;
	plain_print(p, p->nheld);
	if (p->ending)
		fputs(p->ending, p->out);
	fflush(p->out);
	free(p->ending);
	free(p);
}

const struct gcs_display gcs_display_plain = {
	.name = "plain",
	.open = plain_open,
	.frame = plain_frame,
	.poll = plain_poll,
	.fd = plain_fd,
	.close = plain_close,
};

const struct gcs_display gcs_display_plain_out = {
	.name = "plain",
	.open = plain_open_out,
	.frame = plain_frame,
	.poll = plain_poll,
	.fd = plain_fd,
	.close = plain_close,
};
