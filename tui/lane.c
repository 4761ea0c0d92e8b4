/* lane.c: see lane.h. */
#include "tui/lane.h"

#include "harness/measure/ledger.h"
#include "tui/dots.h"
#include "tui/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LANE_COLS_MAX 2048 /* of a screen; with dots each is two */

#define LANE_LOW_NS  1e3 /* lengths on a log axis, from here */
#define LANE_DECADES 5	 /* to 100 ms */

/* ---------------------------------------------------------------- marks */

static int64_t lane_end(const struct lane_span *at)
{
	return at->span.from_ns + at->span.col_ns * at->span.cols;
}

/* Columns of a stretch of time, both ends included, cut to what is shown. false: nothing is. */
static bool lane_cols(const struct lane_span *at, int64_t from_ns, int64_t to_ns, int *ret_from, int *ret_to)
{
	int64_t from = tui_span_col(&at->span, from_ns), to = tui_span_col(&at->span, to_ns);
	if (to < 0 || from >= at->span.cols || to < from)
		return false;
	*ret_from = from < 0 ? 0 : (int)from;
	*ret_to = to >= at->span.cols ? at->span.cols - 1 : (int)to;
	return true;
}

static void lane_fill(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, int64_t from_ns, int64_t to_ns,
		      enum tui_role role, uint32_t ch)
{
	int from, to;
	if (!lane_cols(at, from_ns, to_ns, &from, &to))
		return;
	for (int col = from; col <= to; col++)
		tui_put(c, box, 0, col, role, ch);
}

static void lane_mark(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, int64_t t_ns, enum tui_role role,
		      uint32_t ch)
{
	if (t_ns >= at->span.from_ns && t_ns < lane_end(at))
		tui_put(c, box, 0, (int)tui_span_col(&at->span, t_ns), role, ch);
}

/* A column as high as its share (0 to 1) of the lane; what is more than nothing is at least an eighth of a row. */
static void lane_bar(struct tui_canvas *c, const struct tui_box *box, int col, enum tui_role role, double share)
{
	static const char ascii[] = " .:-=+*#@";
	if (tui_dots_wanted(c)) {
		tui_dots_bar(c, box, col, share <= 0 ? 0 : (int)lround(share * (box->rows * TUI_DOTS_HIGH - 1)) + 1, role);
		return;
	}
	int eighths = share <= 0 ? 0 : (int)lround(share * (box->rows * 8 - 1)) + 1;
	for (int row = box->rows - 1; row >= 0; row--, eighths -= 8) {
		int step = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
		tui_put(c, box, row, col, role, c->ascii ? (uint32_t)ascii[step] : step ? 0x2580u + (uint32_t)step : ' ');
	}
}

/* What lane_bar has for columns: with dots those of a lane in halves. */
static struct lane_span lane_bars(const struct tui_canvas *c, const struct lane_span *at)
{
	struct lane_span half = *at;
	if (!tui_dots_wanted(c))
		return half;
	half.span.col_ns = half.span.col_ns > 1 ? half.span.col_ns / TUI_DOTS_WIDE : 1;
	half.span.cols *= TUI_DOTS_WIDE;
	half.fine |= half.span.col_ns < half.s->history->cell_ns;
	return half;
}

static double lane_log(int64_t ns)
{
	double share = ns > 0 ? log10((double)ns / LANE_LOW_NS) / LANE_DECADES : 0;
	return ns <= 0 ? 0 : share < 0.001 ? 0.001 : share > 1 ? 1 : share;
}

/* What the strip has of a column. */
struct lane_cell { uint32_t armed, fired, gc_count, maps, runq; int64_t stw_ns, assist_ns, wake_ns; uint64_t heap; };

static struct lane_cell lane_cell(const struct lane_span *at, int col)
{
	const struct gcs_history *h = at->s->history;
	struct lane_cell r = {0};
	int64_t from_ns = at->span.from_ns + col * at->span.col_ns, to_ns = from_ns + at->span.col_ns;
	if (h->cell_ns <= 0 || from_ns < 0)
		return r;
	for (int64_t i = from_ns / h->cell_ns; i <= (to_ns - 1) / h->cell_ns && i < (int64_t)h->ncells; i++) {
		const struct gcs_cell *cell = &h->cell[i];
		r.armed |= cell->faults_armed;
		r.fired |= cell->faults_fired;
		r.gc_count += cell->gc_count;
		r.stw_ns = cell->stw_max_ns > r.stw_ns ? cell->stw_max_ns : r.stw_ns;
		r.assist_ns = cell->assist_max_ns > r.assist_ns ? cell->assist_max_ns : r.assist_ns;
		r.wake_ns = cell->wake_max_ns > r.wake_ns ? cell->wake_max_ns : r.wake_ns;
		r.heap = cell->heap_live_max > r.heap ? cell->heap_live_max : r.heap;
		r.maps = cell->maps_growing > r.maps ? cell->maps_growing : r.maps;
		r.runq = cell->runq_max > r.runq ? cell->runq_max : r.runq;
	}
	return r;
}

/* Columns up to here are drawn from the strip; since_ns: from when on a list has everything. */
static int lane_coarse(const struct lane_span *at, int64_t since_ns)
{
	int64_t col = at->fine ? tui_span_col(&at->span, since_ns) + 1 : at->span.cols;
	return col < 0 ? 0 : col > at->span.cols ? at->span.cols : (int)col;
}

/* ---------------------------------------------------------------- lanes */

void lane_phases(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	const struct gcs_scenario *sc = at->s->scenario;
	(void)index;
	for (uint32_t i = 0; i < sc->nphases; i++) {
		const struct gcs_phase *p = &sc->phase[i];
		int from, to;
		if (!lane_cols(at, p->start_ns, p->end_ns - 1, &from, &to))
			continue;
		for (int col = from; col <= to; col++)
			tui_put(c, box, 0, col, TUI_DIM, p->record ? '-' : '.');
		if (p->start_ns >= at->span.from_ns)
			tui_put(c, box, 0, from, TUI_RULE, '|');
		struct tui_box name = {box->row, box->col + from + 1, 1, to - from};
		if (name.cols >= 3)
			tui_print(c, &name, 0, 0, (int)i == at->s->phase ? TUI_TITLE : TUI_PLAIN, "%s", p->id);
	}
}

static void lane_fault_occurrences(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t fault)
{
	const struct gcs_history *h = at->s->history;
	for (uint32_t i = 0; i < h->noccs; i++) {
		const struct gcs_occ_row *o = &h->occ[i];
		int64_t end_ns = o->end_ns < 0 ? lane_end(at) : o->end_ns;
		if (o->fault != fault)
			continue;
		lane_fill(c, box, at, o->start_ns, end_ns, TUI_FAULT, '=');
		if (at->fine)
			lane_mark(c, box, at, o->end_ns, TUI_FAULT, ']');
		lane_mark(c, box, at, o->start_ns, TUI_FAULT, '[');
	}
}

void lane_fault(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	const struct gcs_history *h = at->s->history;
	int coarse = lane_coarse(at, h->firings_dropped ? h->firing[0].t_ns : INT64_MIN / 2);
	for (int col = 0; col < coarse; col++)
		if (lane_cell(at, col).armed >> index & 1)
			tui_put(c, box, 0, col, TUI_FAULT, '=');
	lane_fault_occurrences(c, box, at, index);
	for (int col = 0; col < coarse; col++)
		if (lane_cell(at, col).fired >> index & 1)
			tui_put(c, box, 0, col, TUI_FAULT, 'O');
	for (uint32_t i = 0; i < h->nfirings && at->fine; i++)
		if (gcs_firing_fault(h->firing[i].firing) == (int)index)
			lane_mark(c, box, at, h->firing[i].t_ns, TUI_FAULT, 'O');
}

static void lane_cycle(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, const struct gcs_cycle_row *g)
{
	int64_t mark_end_ns = g->mark_end_ns >= 0 ? g->mark_end_ns : lane_end(at);
	int from, to;
	if (g->end_ns >= 0 && g->sweep_end_ns >= 0)
		lane_fill(c, box, at, g->end_ns, g->sweep_end_ns, TUI_DIM, '-');
	if (g->start_ns < 0 || !lane_cols(at, g->start_ns, mark_end_ns, &from, &to))
		return;
	lane_fill(c, box, at, g->start_ns, mark_end_ns, TUI_HEAP, '#');
	struct tui_box name = {box->row, box->col + from + 1, 1, to - from - 1};
	if (name.cols >= 7)
		tui_print(c, &name, 0, 0, TUI_HEAP, "GC#%u", g->cycle);
}

void lane_gc(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	const struct gcs_history *h = at->s->history;
	int coarse = lane_coarse(at, h->cycles_dropped ? h->cycle[0].start_ns : INT64_MIN / 2);
	(void)index;
	for (int col = 0; col < coarse; col++)
		if (lane_cell(at, col).gc_count)
			tui_put(c, box, 0, col, TUI_HEAP, '#');
	for (uint32_t i = 0; i < h->ncycles; i++)
		lane_cycle(c, box, at, &h->cycle[i]);
}

/* The longest of each column of those that have rows, and whether a firing is behind it. */
static void lane_longest(const struct lane_span *at, uint32_t kind, int64_t longest[LANE_COLS_MAX], bool due[LANE_COLS_MAX])
{
	const struct gcs_history *h = at->s->history;
	memset(longest, 0, LANE_COLS_MAX * sizeof longest[0]);
	for (uint32_t i = 0; i < h->npauses; i++) {
		const struct gcs_pause_row *p = &h->pause[i];
		int from, to;
		if (p->kind != kind || p->t_ns < at->span.from_ns || !lane_cols(at, p->t_ns - p->dur_ns, p->t_ns, &from, &to))
			continue;
		for (int col = from; col <= to && col < LANE_COLS_MAX; col++)
			if (p->dur_ns > longest[col]) {
				longest[col] = p->dur_ns;
				due[col] = p->firing != 0;
			}
	}
}

void lane_pauses(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	int64_t longest[LANE_COLS_MAX];
	bool due[LANE_COLS_MAX];
	const struct lane_span bars = lane_bars(c, at);
	bool rows = bars.fine || index == GCS_PAUSE_ALLOC_STALL; /* cells have none of these; of thinned rows the longest are left */
	int cols = bars.span.cols < LANE_COLS_MAX ? bars.span.cols : LANE_COLS_MAX;
	if (rows)
		lane_longest(&bars, index, longest, due);
	for (int col = 0; col < cols && !rows; col++) {
		struct lane_cell cell = lane_cell(&bars, col);
		longest[col] = index == GCS_PAUSE_STW ? cell.stw_ns : index == GCS_PAUSE_ASSIST ? cell.assist_ns : cell.wake_ns;
		due[col] = cell.armed != 0;
	}
	for (int fault = 0; fault < 2; fault++) /* last: a cell of two columns has its colour then */
		for (int col = 0; col < cols; col++)
			if (longest[col] > 0 && due[col] == (fault != 0))
				lane_bar(c, box, col, fault ? TUI_FAULT : TUI_BAR, lane_log(longest[col]));
}

void lane_heap(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	const struct lane_span bars = lane_bars(c, at);
	uint64_t most = 1;
	(void)index;
	for (int col = 0; col < bars.span.cols; col++) {
		uint64_t heap = lane_cell(&bars, col).heap;
		most = heap > most ? heap : most;
	}
	for (int col = 0; col < bars.span.cols; col++)
		lane_bar(c, box, col, TUI_HEAP, (double)lane_cell(&bars, col).heap / (double)most);
}

static uint32_t lane_count(const struct lane_span *at, int col, uint32_t what)
{
	struct lane_cell cell = lane_cell(at, col);
	return what == LANE_MAPS ? cell.maps : cell.runq;
}

void lane_counts(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	const struct lane_span bars = lane_bars(c, at);
	uint32_t most = 1;
	for (int col = 0; col < bars.span.cols; col++) {
		uint32_t n = lane_count(&bars, col, index);
		most = n > most ? n : most;
	}
	for (int fault = 0; fault < 2; fault++) /* as with pauses */
		for (int col = 0; col < bars.span.cols; col++)
			if ((lane_cell(&bars, col).armed != 0) == (fault != 0))
				lane_bar(c, box, col, fault ? TUI_FAULT : TUI_BAR, (double)lane_count(&bars, col, index) / (double)most);
}

/* When the clock of an occurrence that can be seen began to run; -1: it did not, or is not in sight. */
static int64_t lane_clock(const struct lane_span *at, const struct gcs_occ_row *o)
{
	bool told = o->state != GCS_REC_UNTOUCHED && o->state != GCS_REC_UNJUDGED;
	bool gone = o->steady_ns >= 0 && o->steady_ns < at->span.from_ns;
	return told && !gone && o->end_ns >= 0 && o->end_ns < lane_end(at) ? gcs_history_clock(at->s->history, o) : -1;
}

static int64_t lane_until(const struct lane_span *at, const struct gcs_occ_row *o, int64_t clock_ns)
{
	const struct gcs_snapshot *s = at->s;
	switch (o->state) {
	case GCS_REC_STEADY: return clock_ns + (o->recovery_ns > 0 ? o->recovery_ns : 0);
	case GCS_REC_NEVER: return clock_ns + s->scenario->recovery.deadline_ns;
	default: return s->playback.active ? s->playback.record_end_ns : s->now_ns;
	}
}

static void lane_recovery_one(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, const struct gcs_occ_row *o)
{
	char t[TUI_NUMBER];
	int from, to;
	bool back = o->state == GCS_REC_STEADY, never = o->state == GCS_REC_NEVER;
	enum tui_role role = back ? TUI_GOOD : never ? TUI_BAD : TUI_WARN;
	int64_t clock_ns = lane_clock(at, o), until_ns = lane_until(at, o, clock_ns);
	if (clock_ns < 0 || !lane_cols(at, clock_ns, until_ns, &from, &to))
		return;
	lane_fill(c, box, at, clock_ns, until_ns, role, '-');
	lane_mark(c, box, at, until_ns, role, back ? '|' : never ? '!' : '>');
	lane_mark(c, box, at, clock_ns, role, '|');
	if (back && to + 2 < box->cols)
		tui_print(c, box, 0, to + 1, role, "%s", tui_back(t, at->s, o->recovery_ns));
}

void lane_recovery(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	(void)index;
	for (uint32_t i = 0; i < at->s->history->noccs; i++)
		lane_recovery_one(c, box, at, &at->s->history->occ[i]);
}

void lane_events(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, uint32_t index)
{
	static const enum tui_role role[] = {TUI_DIM, TUI_PLAIN, TUI_BAD};
	const struct gcs_history *h = at->s->history;
	(void)index;
	for (int level = 0; level < 3; level++)
		for (uint32_t i = 0; i < h->nevents; i++) {
			int l = h->event[i].level < 0 ? 0 : h->event[i].level > 2 ? 2 : h->event[i].level;
			if (l == level)
				lane_mark(c, box, at, h->event[i].t_ns, role[level], (uint32_t) ".*!"[level]);
		}
}
