/*
 * view_timeline.c: the timeline screen: lanes of what happened, one under the other on one time axis, a cursor, and what there was at
 * the cursor's moment.
 *
 * Of a run the cursor is the user's; until it is moved it is at now. Of a record it is where we are in it: moving it scrubs.
 */
#include "tui/format.h"
#include "tui/lane.h"

#include "harness/measure/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_LABEL 9	   /* columns of the lanes' names */
#define TIME_READOUT 5	   /* rows of the readout, rule included */
#define TIME_COL_LEAST_NS 1000
#define TIME_ZOOM_MAX 30
#define TIME_LANE_ROWS 8  /* of one lane, at most */
#define TIME_LANES_MAX (GCS_FAULTS_MAX + 11)

const char *const tui_timeline_reading[] = {
	"  Lanes: [===] a fault was armed, O it fired; # marking, - sweeping; pauses",
	"  as heights, log, 1 us to 100 ms; |---| recovery, from the moment on which",
	"  nothing was armed; events . info * note ! bad. Where there were any: maps",
	"  that were growing and runq, goroutines that waited for a P, full at the",
	"  most that is shown; stall, allocations that waited, log. ^ is the cursor;",
	"  below stand its moment and the longest pauses of its column. Zoomed in,",
	"  single pauses are those that the record has rows of.",
	NULL,
};

/* ---------------------------------------------------------------- what is shown */

static int64_t time_end(const struct gcs_snapshot *s)
{
	int64_t end_ns = s->playback.active ? s->playback.record_end_ns : s->now_ns;
	return end_ns > 1000000 ? end_ns : 1000000;
}

static int64_t time_cursor(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int64_t end_ns = time_end(s), at_ns = s->playback.active || !st->line.placed ? s->now_ns : st->line.at_ns;
	return at_ns < 0 ? 0 : at_ns >= end_ns ? end_ns - 1 : at_ns;
}

/* All of it, or 1/2^zoom around the cursor. Columns begin at multiples of their length, so that they do not flicker. */
static struct lane_span time_span(const struct gcs_snapshot *s, const struct tui_state *st, int cols)
{
	int64_t end_ns = time_end(s), all = cols > 0 ? cols : 1, col_ns = (end_ns + all - 1) / all >> st->line.zoom;
	col_ns = col_ns < TIME_COL_LEAST_NS ? TIME_COL_LEAST_NS : col_ns;
	int64_t cursor = time_cursor(s, st) / col_ns, last = (end_ns - 1) / col_ns;
	int64_t from = cursor - all / 2;
	from = from > last - all + 1 ? last - all + 1 : from;
	from = from < 0 || st->line.zoom == 0 ? 0 : from;
	bool fine = s->history && col_ns < s->history->cell_ns;
	return (struct lane_span){s, {from * col_ns, col_ns, (int)all}, fine};
}

struct time_lane { const char *name; lane_fn *draw; uint32_t index; enum tui_role role; int rows; };

/* Whether there was any of it in the whole run so far, of a record in all of it: a lane does not come and go as one scrubs. */
static bool time_has(const struct gcs_snapshot *s, enum lane_count what)
{
	const struct gcs_history *h = s->history;
	for (uint32_t i = 0; h && i < h->ncells; i++)
		if (what == LANE_MAPS ? h->cell[i].maps_growing > 0 : h->cell[i].runq_max > 0)
			return true;
	return false;
}

static bool time_stalled(const struct gcs_snapshot *s)
{
	const struct gcs_history *h = s->history;
	for (uint32_t i = 0; h && i < h->npauses; i++)
		if (h->pause[i].kind == GCS_PAUSE_ALLOC_STALL)
			return true;
	return false;
}

static int time_lanes(const struct gcs_snapshot *s, struct time_lane lane[TIME_LANES_MAX])
{
	int n = 0;
	lane[n++] = (struct time_lane){"phase", lane_phases, 0, TUI_DIM, 1};
	for (uint32_t i = 0; i < s->scenario->nfaults && i < GCS_FAULTS_MAX; i++)
		lane[n++] = (struct time_lane){s->fault[i].id, lane_fault, i, TUI_FAULT, 1};
	lane[n++] = (struct time_lane){"gc", lane_gc, 0, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"stw", lane_pauses, GCS_PAUSE_STW, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"assist", lane_pauses, GCS_PAUSE_ASSIST, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"wake", lane_pauses, GCS_PAUSE_WAKE, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"heap", lane_heap, 0, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"recovery", lane_recovery, 0, TUI_DIM, 1};
	lane[n++] = (struct time_lane){"events", lane_events, 0, TUI_DIM, 1};
	/* Last, so that they are what a small terminal hides. */
	if (time_has(s, LANE_MAPS))
		lane[n++] = (struct time_lane){"maps", lane_counts, LANE_MAPS, TUI_DIM, 1};
	if (time_has(s, LANE_RUNQ))
		lane[n++] = (struct time_lane){"runq", lane_counts, LANE_RUNQ, TUI_DIM, 1};
	if (time_stalled(s))
		lane[n++] = (struct time_lane){"stall", lane_pauses, GCS_PAUSE_ALLOC_STALL, TUI_DIM, 1};
	return n;
}

/* Rows that are left over go to the lanes that are heights, in turn. */
static void time_heights(struct time_lane *lane, int n, int spare)
{
	for (int more = 1; more < TIME_LANE_ROWS && spare > 0; more++)
		for (int i = 0; i < n && spare > 0; i++)
			if (lane[i].draw == lane_pauses || lane[i].draw == lane_heap || lane[i].draw == lane_counts) {
				lane[i].rows++;
				spare--;
			}
}

/* ---------------------------------------------------------------- the moment at the cursor */

/* What is more than nothing, where there is room for all of it. */
static int time_read_count(struct tui_canvas *c, const struct tui_box *box, int row, int col, const char *name, uint32_t n)
{
	char text[48];
	int width = snprintf(text, sizeof text, "   %s %" PRIu32, name, n);
	return n > 0 && col + width <= box->cols ? tui_print(c, box, row, col, TUI_PLAIN, "%s", text) : col;
}

static void time_read_gc(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s, int64_t t_ns)
{
	const struct gcs_history *h = s->history;
	const struct gcs_cycle_row *g = tui_cycle_at(h, t_ns);
	char a[TUI_NUMBER], b[TUI_NUMBER];
	int phase = gcs_scenario_phase_at(s->scenario, t_ns);
	int64_t cell = h->cell_ns > 0 ? t_ns / h->cell_ns : 0;
	int col = tui_print(c, box, row, 1, TUI_PLAIN, "phase %s", phase >= 0 ? s->scenario->phase[phase].id : "none");
	if (g) {
		bool marking = g->mark_end_ns < 0 || g->mark_end_ns > t_ns, sweeping = !marking && g->sweep_end_ns > t_ns;
		tui_duration(a, t_ns - (marking ? g->start_ns : g->mark_end_ns));
		col = tui_print(c, box, row, col, TUI_PLAIN, "   GC#%u %s %s%s", g->cycle,
				marking ? "marking for" : sweeping ? "sweeping, marked" : "marked", a, marking ? "" : " ago");
	}
	if (cell < (int64_t)h->ncells && h->cell[cell].heap_live_max)
		col = tui_print(c, box, row, col, TUI_PLAIN, "   heap %s%s%s MiB", tui_mib(a, h->cell[cell].heap_live_max),
			  h->cell[cell].heap_goal != UINT64_MAX ? " of " : "",
			  h->cell[cell].heap_goal != UINT64_MAX ? tui_mib(b, h->cell[cell].heap_goal) : "");
	if (cell < (int64_t)h->ncells) {
		col = time_read_count(c, box, row, col, "maps growing", h->cell[cell].maps_growing);
		time_read_count(c, box, row, col, "runq", h->cell[cell].runq_max);
	}
}

/* A busy fault fires more often than the record lists. */
static uint64_t time_firings(const struct gcs_history *h, const struct gcs_occ_row *o, int64_t t_ns)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < h->nfirings; i++)
		n += gcs_firing_fault(h->firing[i].firing) == (int)o->fault && h->firing[i].t_ns >= o->start_ns && h->firing[i].t_ns <= t_ns;
	return n;
}

static void time_read_faults(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s, int64_t t_ns)
{
	const struct gcs_history *h = s->history;
	char a[TUI_NUMBER], n[TUI_NUMBER];
	int col = tui_print(c, box, row, 1, TUI_DIM, "%s", "armed: ");
	bool any = false;
	for (uint32_t i = 0; i < h->noccs; i++) {
		const struct gcs_occ_row *o = &h->occ[i];
		if (o->start_ns > t_ns || (o->end_ns >= 0 && o->end_ns <= t_ns))
			continue;
		any = true;
		col = tui_print(c, box, row, col, TUI_FAULT, "%s#%u%s for %s, %s listed firings  ", s->fault[o->fault].id, o->number + 1,
				o->by_operator ? " by hand" : "", tui_duration(a, t_ns - o->start_ns), tui_count(n, time_firings(h, o, t_ns)));
	}
	if (!any)
		tui_print(c, box, row, col, TUI_DIM, "%s", "nothing");
}

/* The longest that ended in the column: "STW 61.8ms GC#1833 oom#1 firing 17". */
static int time_read_pause(struct tui_canvas *c, const struct tui_box *box, int row, int col, const struct lane_span *at,
			   int64_t cursor_ns, const char *name, uint8_t kind)
{
	const struct gcs_history *h = at->s->history;
	const struct gcs_pause_row *worst = NULL;
	char a[TUI_NUMBER], due[64], cycle[24] = "";
	int64_t cell = tui_span_col(&at->span, cursor_ns);
	for (uint32_t i = 0; i < h->npauses; i++)
		if (h->pause[i].kind == kind && tui_span_col(&at->span, h->pause[i].t_ns) == cell && (!worst || h->pause[i].dur_ns > worst->dur_ns))
			worst = &h->pause[i];
	if (!worst)
		return col;
	tui_due(at->s, worst, due, sizeof due);
	if (worst->cycle)
		snprintf(cycle, sizeof cycle, " GC#%u", worst->cycle);
	return tui_print(c, box, row, col, due[0] ? TUI_FAULT : TUI_PLAIN, "%s %s%s%s%s   ", name, tui_duration(a, worst->dur_ns), cycle,
			 due[0] ? " due to " : "", due);
}

/* The event at or before t (by -1), or after it (by 1); NULL none. */
static const struct gcs_event_view *time_event(const struct gcs_history *h, int64_t t_ns, int by)
{
	const struct gcs_event_view *found = NULL;
	for (uint32_t i = 0; i < h->nevents; i++) {
		const struct gcs_event_view *e = &h->event[i];
		if (by < 0 && e->t_ns <= t_ns && (!found || e->t_ns >= found->t_ns))
			found = e;
		if (by > 0 && e->t_ns > t_ns && (!found || e->t_ns < found->t_ns))
			found = e;
	}
	return found;
}

static void time_read_events(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s, int64_t t_ns)
{
	const struct gcs_event_view *last = time_event(s->history, t_ns, -1), *next = time_event(s->history, t_ns, 1);
	char a[TUI_NUMBER], b[TUI_NUMBER];
	struct tui_box half = {box->row, box->col, box->rows, box->cols / 2};
	if (last)
		tui_print(c, &half, row, 1, last->level > 1 ? TUI_BAD : TUI_PLAIN, "%s ago: %s", tui_duration(a, t_ns - last->t_ns), last->text);
	if (next)
		tui_print(c, box, row, half.cols + 1, next->level > 1 ? TUI_BAD : TUI_DIM, "in %s: %s", tui_duration(b, next->t_ns - t_ns), next->text);
}

static void time_readout(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, int64_t cursor_ns)
{
	char t[TUI_NUMBER], title[48];
	snprintf(title, sizeof title, "AT %s", tui_clock_milli(t, cursor_ns));
	tui_rule(c, box, 0, title);
	time_read_gc(c, box, 1, at->s, cursor_ns);
	time_read_faults(c, box, 2, at->s, cursor_ns);
	int col = tui_print(c, box, 3, 1, TUI_DIM, "%s", "longest: "), from = col;
	col = time_read_pause(c, box, 3, col, at, cursor_ns, "STW", GCS_PAUSE_STW);
	col = time_read_pause(c, box, 3, col, at, cursor_ns, "assist", GCS_PAUSE_ASSIST);
	col = time_read_pause(c, box, 3, col, at, cursor_ns, "wake", GCS_PAUSE_WAKE);
	col = time_read_pause(c, box, 3, col, at, cursor_ns, "stall", GCS_PAUSE_ALLOC_STALL);
	if (col == from)
		tui_print(c, box, 3, col, TUI_DIM, "%s", "none of its own in this column");
	time_read_events(c, box, 4, at->s, cursor_ns);
}

/* ---------------------------------------------------------------- the screen */

/* A line down from the cursor's mark, where nothing is. */
static void time_cursor_line(struct tui_canvas *c, const struct tui_box *plot, int col)
{
	for (int row = 0; row < plot->rows; row++) {
		int at = (plot->row + row) * c->cols + plot->col + col;
		if (plot->row + row < c->rows && plot->col + col < c->cols && c->cell[at].ch == ' ')
			tui_put(c, plot, row, col, TUI_DIM, c->ascii ? ':' : 0x250a);
	}
}

static void time_title(struct tui_canvas *c, const struct tui_box *box, const struct lane_span *at, int hidden)
{
	char from[TUI_NUMBER], to[TUI_NUMBER], col[TUI_NUMBER], title[128];
	int64_t end_ns = at->span.from_ns + at->span.col_ns * at->span.cols;
	int n = snprintf(title, sizeof title, "TIMELINE  %s to %s, %s a column", tui_clock_fine(from, at->span.from_ns),
			 tui_clock_fine(to, end_ns), tui_duration(col, at->span.col_ns));
	if (hidden > 0 && n > 0)
		snprintf(title + n, sizeof title - (size_t)n, "   %d more lane%s: Down", hidden, hidden > 1 ? "s" : "");
	tui_rule(c, box, 0, title);
}

void tui_view_timeline(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		       const struct tui_state *st)
{
	struct time_lane lane[TIME_LANES_MAX];
	struct lane_span at = time_span(s, st, box->cols - TIME_LABEL - 1);
	int n = time_lanes(s, lane), read = box->rows >= 12 ? TIME_READOUT : 0, room = box->rows - 2 - read;
	int top = st->line.top > n - room ? n - room : st->line.top;
	top = top < 0 ? 0 : top;
	if (!s->history) {
		tui_rule(c, box, 0, "TIMELINE");
		tui_print(c, box, 1, 1, TUI_DIM, "%s", "there was no memory for a history");
		return;
	}
	time_title(c, box, &at, n - room - top);
	int64_t cursor_ns = time_cursor(s, st), col = tui_span_col(&at.span, cursor_ns);
	struct tui_box plot = {box->row + 1, box->col + TIME_LABEL, room + 1, at.span.cols};
	tui_span_axis(c, &plot, 0, &at.span);
	time_heights(lane, n, room - n);
	int at_row = 0;
	for (int i = top; i < n && at_row < room; i++) {
		struct tui_box row = {box->row + 2 + at_row, box->col + TIME_LABEL, lane[i].rows, at.span.cols};
		tui_print(c, &(struct tui_box){row.row + row.rows - 1, box->col, 1, TIME_LABEL - 1}, 0, 0, lane[i].role, "%s", lane[i].name);
		lane[i].draw(c, &row, &at, lane[i].index);
		at_row += lane[i].rows;
	}
	struct tui_box lanes = {plot.row + 1, plot.col, at_row, plot.cols};
	time_cursor_line(c, &lanes, (int)col);
	tui_put(c, &plot, 0, (int)col, TUI_CURSOR, '^');
	struct tui_box readout = {box->row + box->rows - read, box->col, read, box->cols};
	if (read)
		time_readout(c, &readout, &at, cursor_ns);
}

/* To a moment: of a record the player goes there. */
static struct gcs_request time_go(struct tui_state *st, const struct gcs_snapshot *s, int64_t t_ns)
{
	int64_t end_ns = time_end(s);
	t_ns = t_ns < 0 ? 0 : t_ns > end_ns ? end_ns : t_ns;
	if (s->playback.active)
		return (struct gcs_request){.act = GCS_DO_SEEK, .by_ns = t_ns - s->now_ns};
	st->line.placed = true;
	st->line.at_ns = t_ns;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

/* The next edge of an occurrence after t (or the last before it); -1 none. */
static int64_t time_edge(const struct gcs_history *h, int64_t t_ns, bool forward)
{
	int64_t found = -1;
	for (uint32_t i = 0; i < h->noccs; i++) {
		const int64_t edge[] = {h->occ[i].start_ns, h->occ[i].end_ns};
		for (int k = 0; k < 2; k++)
			if (edge[k] >= 0 && (forward ? edge[k] > t_ns && (found < 0 || edge[k] < found) : edge[k] < t_ns && edge[k] > found))
				found = edge[k];
	}
	return found;
}

static struct gcs_request time_to_event(struct tui_state *st, const struct gcs_snapshot *s, int by)
{
	int64_t t_ns = time_cursor(s, st);
	const struct gcs_event_view *e = s->history ? time_event(s->history, by < 0 ? t_ns - 1 : t_ns, by) : NULL;
	return e ? time_go(st, s, e->t_ns) : (struct gcs_request){.act = GCS_DO_NOTHING};
}

static struct gcs_request time_to_fault(struct tui_state *st, const struct gcs_snapshot *s, bool forward)
{
	int64_t edge_ns = s->history ? time_edge(s->history, time_cursor(s, st), forward) : -1;
	return edge_ns >= 0 ? time_go(st, s, edge_ns) : (struct gcs_request){.act = GCS_DO_NOTHING};
}

static void time_zoom(struct tui_state *st, const struct lane_span *at, int by)
{
	int to = st->line.zoom + by;
	if (by > 0 && at->span.col_ns <= TIME_COL_LEAST_NS)
		return;
	st->line.zoom = to < 0 ? 0 : to > TIME_ZOOM_MAX ? TIME_ZOOM_MAX : to;
}

static void time_scroll(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, int by)
{
	struct time_lane lane[TIME_LANES_MAX];
	int hidden = time_lanes(s, lane) - (box->rows - 2 - (box->rows >= 12 ? TIME_READOUT : 0)), to = st->line.top + by;
	to = to > hidden ? hidden : to;
	st->line.top = to < 0 ? 0 : to;
}

struct gcs_request tui_timeline_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	struct tui_box box = tui_frame_body(s, st);
	struct lane_span at = time_span(s, st, box.cols - TIME_LABEL - 1);
	int64_t t_ns = time_cursor(s, st), col_ns = at.span.col_ns;
	switch (command) {
	case TUI_DO_LEFT: return time_go(st, s, t_ns - col_ns);
	case TUI_DO_RIGHT: return time_go(st, s, t_ns + col_ns);
	case TUI_DO_FAR_LEFT: return time_go(st, s, t_ns - 10 * col_ns);
	case TUI_DO_FAR_RIGHT: return time_go(st, s, t_ns + 10 * col_ns);
	case TUI_DO_FIRST: return time_go(st, s, 0);
	case TUI_DO_LAST: st->line.placed = false; break;
	case TUI_DO_NEXT_EVENT: return time_to_event(st, s, 1);
	case TUI_DO_PREV_EVENT: return time_to_event(st, s, -1);
	case TUI_DO_NEXT_FAULT: return time_to_fault(st, s, true);
	case TUI_DO_PREV_FAULT: return time_to_fault(st, s, false);
	case TUI_DO_ZOOM_IN: time_zoom(st, &at, 1); break;
	case TUI_DO_ZOOM_OUT: time_zoom(st, &at, -1); break;
	case TUI_DO_UP: time_scroll(st, s, &box, -1); break;
	case TUI_DO_DOWN: time_scroll(st, s, &box, 1); break;
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

struct gcs_request tui_timeline_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	struct lane_span span = time_span(s, st, box->cols - TIME_LABEL - 1);
	int col = at.col - TIME_LABEL;
	if (at.act != TUI_MOUSE_PRESS) {
		time_zoom(st, &span, at.act == TUI_MOUSE_WHEEL_UP ? 1 : -1);
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
	if (col < 0 || col >= span.span.cols || at.row < 1)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	return time_go(st, s, span.span.from_ns + col * span.span.col_ns);
}
