/*
 * view_ps.c: the scheduler at the last look: its Ps with their queues (what GODEBUG=schedtrace=1000,scheddetail=1 tells of them), what
 * waits in the global queue, threads, timers, the poller; and how late wakes were and, on real Go, how long runnable goroutines waited.
 */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>

#define PS_QUEUE_LEAST 8  /* goroutines that a whole bar stands for, at least */
#define PS_TICKS       21 /* columns of the two counts of ticks */

static int ps_count(const struct gcs_snapshot *s)
{
	return s->sched.nps < GCS_PS_SHOWN ? (int)s->sched.nps : GCS_PS_SHOWN;
}

/* Why there is nothing to see; NULL: there is. */
static const char *ps_why(const struct gcs_snapshot *s)
{
	if (s->sched.at_ns >= 0)
		return NULL;
	if (gcs_scenario_runtime(s->scenario) == GCS_RUNTIME_COMMAND)
		return "told if its GODEBUG has schedtrace=100";
	return s->playback.active ? "the record has no look at it by now" : "nobody has looked yet";
}

/* ---------------------------------------------------------------- Ps */

static uint32_t ps_longest(const struct gcs_snapshot *s)
{
	uint32_t longest = PS_QUEUE_LEAST;
	for (int i = 0; i < ps_count(s); i++)
		longest = s->sched.p[i].runq > longest ? s->sched.p[i].runq : longest;
	return longest;
}

static void ps_row(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_p_view *p, int number, uint32_t longest)
{
	static const struct { const char *name; enum tui_role role; } status[] = {
		[GCS_P_UNKNOWN] = {"?", TUI_DIM},	[GCS_P_IDLE] = {"idle", TUI_DIM},	[GCS_P_RUNNING] = {"running", TUI_GOOD},
		[GCS_P_SYSCALL] = {"syscall", TUI_WARN}, [GCS_P_GC_STOP] = {"gcstop", TUI_BAD}, [GCS_P_DEAD] = {"dead", TUI_DIM}};
	char a[TUI_NUMBER], b[TUI_NUMBER];
	int known = p->status <= GCS_P_DEAD ? (int)p->status : GCS_P_UNKNOWN, bar = box->cols - 17 - PS_TICKS;
	int col = tui_print(c, box, row, 1, TUI_PLAIN, "%2d ", number);
	col = tui_print(c, box, row, col, status[known].role, "%-8s", status[known].name);
	bar = bar > 40 ? 40 : bar;
	if (bar > 0)
		col = tui_meter(c, box, row, col, bar, TUI_BAR, p->runq, longest);
	col = tui_print(c, box, row, col, p->runq ? TUI_TITLE : TUI_PLAIN, "%4" PRIu32, p->runq);
	struct tui_box ticks = {box->row + row, box->col + col, 1, PS_TICKS};
	if (col + ticks.cols > box->cols)
		return; /* the head of a figure is not to be taken for the whole */
	tui_print_right(c, &ticks, 0, 9, TUI_PLAIN, "%s", tui_count(a, p->sched_ticks));
	tui_print_right(c, &ticks, 0, 0, TUI_DIM, "%s", tui_count(b, p->syscall_ticks));
}

static void ps_head(struct tui_canvas *c, const struct tui_box *box, uint32_t longest)
{
	int bar = box->cols - 17 - PS_TICKS;
	bar = bar > 40 ? 40 : bar < 0 ? 0 : bar;
	tui_print(c, box, 1, 1, TUI_DIM, " P status");
	tui_print(c, box, 1, 12, TUI_DIM, "runq of %" PRIu32, longest);
	struct tui_box ticks = {box->row + 1, box->col + 16 + bar, 1, PS_TICKS};
	if (16 + bar + ticks.cols > box->cols)
		return;
	tui_print_right(c, &ticks, 0, 9, TUI_DIM, "schedtick");
	tui_print_right(c, &ticks, 0, 0, TUI_DIM, "syscall");
}

int tui_ps_room(const struct tui_box *box)
{
	return box->rows > 2 ? box->rows - 2 : 0;
}

int tui_ps_last(const struct gcs_snapshot *s, const struct tui_box *box)
{
	int room = tui_ps_room(box), last = room > 0 ? ps_count(s) - room : 0;
	return last > 0 ? last : 0;
}

static void ps_none(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	const char *why = ps_why(s);
	if (why) {
		tui_print(c, box, 1, 1, TUI_DIM, "%s", why);
		return;
	}
	tui_print(c, box, 1, 1, TUI_DIM, "%s", "this target does not tell its Ps apart;");
	tui_print(c, box, 2, 1, TUI_DIM, "%s", "what it tells of all is beside");
}

void tui_view_ps(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	int n = ps_why(s) ? 0 : ps_count(s), room = tui_ps_room(box), last = tui_ps_last(s, box);
	int top = st->sched.top > last ? last : st->sched.top, end = top + room < n ? top + room : n;
	char title[96], t[TUI_NUMBER];
	int used = snprintf(title, sizeof title, "Ps");
	if (!ps_why(s))
		used += snprintf(title + used, sizeof title - (size_t)used, "  at %s", tui_clock_fine(t, s->sched.at_ns));
	if (n > room && room > 0)
		snprintf(title + used, sizeof title - (size_t)used, ", P%d to P%d of %d", top, end - 1, n);
	tui_rule(c, box, 0, title);
	if (n == 0) {
		ps_none(c, box, s);
		return;
	}
	uint32_t longest = ps_longest(s);
	ps_head(c, box, longest);
	for (int i = top; i < end; i++)
		ps_row(c, box, 2 + i - top, &s->sched.p[i], i, longest);
}

/* ---------------------------------------------------------------- what is everybody's */

/* What a runtime does not tell is no zero. */
static const char *ps_told(char *ret, uint64_t n)
{
	if (n != GCS_UNTOLD)
		return tui_count(ret, n);
	snprintf(ret, TUI_NUMBER, "-");
	return ret;
}

static void ps_figure(struct tui_canvas *c, const struct tui_box *box, int row, const char *name, uint64_t n, const char *more)
{
	char figure[TUI_NUMBER];
	tui_print(c, box, row, 1, TUI_DIM, "%s", name);
	tui_print_right(c, box, row, box->cols > 24 ? box->cols - 24 : 0, TUI_PLAIN, "%s", ps_told(figure, n));
	if (box->cols > 24)
		tui_print(c, box, row, 24, TUI_DIM, "%s", more);
}

void tui_view_queues(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	const struct gcs_sched_view *v = &s->sched;
	char a[TUI_NUMBER], b[TUI_NUMBER], more[48];
	(void)st;
	tui_rule(c, box, 0, "SCHEDULER");
	ps_figure(c, box, 1, "goroutines", s->sched.goroutines, "");
	if (ps_why(s)) {
		tui_print(c, box, 2, 1, TUI_DIM, "%s", "the rest is not known");
		return;
	}
	ps_figure(c, box, 2, v->nps ? "global runq" : "runnable", v->global_runq, "");
	snprintf(more, sizeof more, " of %" PRIu32, s->scenario->procs);
	ps_figure(c, box, 3, "idle Ps", v->idle_ps, s->scenario->procs && v->idle_ps != GCS_UNTOLD ? more : "");
	snprintf(more, sizeof more, " idle %s", ps_told(a, v->idle_threads));
	ps_figure(c, box, 4, "threads", v->threads, v->idle_threads != GCS_UNTOLD ? more : "");
	ps_figure(c, box, 5, "spinning threads", v->spinning, "");
	if (box->rows > 7) {
		ps_figure(c, box, 6, "timers", v->timers, "");
		ps_figure(c, box, 7, "netpoll waiters", v->poll_waiters, "");
		return;
	}
	tui_print(c, box, 6, 1, TUI_DIM, "timers %s  netpoll waiters %s", ps_told(a, v->timers), ps_told(b, v->poll_waiters));
}

/* ---------------------------------------------------------------- latencies */

static int64_t ps_pct(const struct gcs_pcts *p, int which)
{
	const int64_t ns[] = {p->p50_ns, p->p90_ns, p->p99_ns, p->p999_ns, p->max_ns};
	return p->count ? ns[which] : -1;
}

/* Wake lag, and beside it how long it took from runnable to running, where that is told. */
void tui_view_latency(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	static const char *const label[] = {"p50", "p90", "p99", "p99.9", "max"};
	char a[TUI_NUMBER], b[TUI_NUMBER], d[TUI_NUMBER], e[TUI_NUMBER];
	bool sched = s->sched_total.count > 0;
	int row = 1;
	(void)st;
	tui_rule(c, box, 0, sched ? "ms: WAKE LAG, SCHED LATENCY" : "ms: WAKE LAG");
	tui_print(c, box, row++, 1, TUI_DIM, "%-6s%6s%6s %s", "", "10 s", "total", sched ? "  10 s total" : "");
	for (int i = 0; i < 5; i++) {
		if (i == 1 && box->rows < 8)
			continue; /* p90 goes first */
		tui_print(c, box, row++, 1, TUI_PLAIN, "%-6s%6s%6s %6s%6s", label[i], tui_ms(a, ps_pct(&s->wake_now, i)),
			  tui_ms(b, ps_pct(&s->wake_total, i)), sched ? tui_ms(d, ps_pct(&s->sched_now, i)) : "",
			  sched ? tui_ms(e, ps_pct(&s->sched_total, i)) : "");
	}
	tui_print(c, box, row++, 1, TUI_DIM, "%-6s%6s%6s %6s%6s", "count", tui_rate(a, (double)s->wake_now.count),
		  tui_rate(b, (double)s->wake_total.count), sched ? tui_rate(d, (double)s->sched_now.count) : "",
		  sched ? tui_rate(e, (double)s->sched_total.count) : "");
	if (!sched)
		tui_print(c, box, row, 1, TUI_DIM, "%s", "sched latency: told by real Go");
}
