/* view_events.c: the events screen: all that was told, newest at the bottom, filtered by text and level. */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const tui_events_reading[] = {
	"  . for information, * of note, ! bad. The newest is at the bottom; as long",
	"  as that is chosen the list goes on with the run. Of a record everything is",
	"  listed; what comes after where you are is dim.",
	NULL,
};

static const struct { const char *name; char glyph; enum tui_role role; } events_level[] = {
	{"all", '.', TUI_DIM}, {"notes and worse", '*', TUI_PLAIN}, {"bad only", '!', TUI_BAD}};
#define EVENTS_LEVELS 3

static int events_of(const struct gcs_event_view *e)
{
	return e->level < 0 ? 0 : e->level >= EVENTS_LEVELS ? EVENTS_LEVELS - 1 : e->level;
}

static bool events_passes(const struct gcs_event_view *e, const struct tui_state *st)
{
	return events_of(e) >= st->log.level && tui_filter_has(e->text, st->log.filter);
}

static int events_count(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int n = 0;
	for (uint32_t i = 0; s->history && i < s->history->nevents; i++)
		n += events_passes(&s->history->event[i], st);
	return n;
}

/* The chosen one's place among those that pass; -1: none does. */
static int events_at(const struct tui_state *st, int count)
{
	return st->log.placed && st->log.at < count ? st->log.at : count - 1;
}

static const struct gcs_event_view *events_chosen(const struct gcs_snapshot *s, const struct tui_state *st)
{
	int at = events_at(st, events_count(s, st)), k = 0;
	for (uint32_t i = 0; s->history && i < s->history->nevents; i++)
		if (events_passes(&s->history->event[i], st) && k++ == at)
			return &s->history->event[i];
	return NULL;
}

static void events_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			 const struct tui_state *st, int count)
{
	char title[128], a[TUI_NUMBER], b[TUI_NUMBER];
	uint64_t dropped = s->history ? s->history->events_dropped : 0;
	uint32_t n = s->history ? s->history->nevents : 0;
	int used = snprintf(title, sizeof title, "EVENTS  %s of %s", tui_count(a, (uint64_t)count), tui_count(b, n));
	if (st->log.filter[0])
		used += snprintf(title + used, sizeof title - (size_t)used, " have '%s'", st->log.filter);
	if (st->log.level)
		used += snprintf(title + used, sizeof title - (size_t)used, ", %s", events_level[st->log.level].name);
	if (dropped)
		snprintf(title + used, sizeof title - (size_t)used, "; %s older ones are in the record", tui_count(a, dropped));
	tui_rule(c, box, 0, title);
}

static void events_row(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s,
		       const struct gcs_event_view *e, bool chosen)
{
	char t[TUI_NUMBER], own[16] = "";
	int level = events_of(e);
	bool ahead = s->playback.active && e->t_ns > s->now_ns;
	int col = tui_print(c, box, row, 0, chosen ? TUI_CURSOR : TUI_KEY, "%s", chosen ? ">" : " ");
	col = tui_print(c, box, row, col, TUI_DIM, "%10s ", tui_clock_fine(t, e->t_ns));
	if (box->cols >= 90 && gcs_scenario_clock(s->scenario, e->t_ns, own))
		col = tui_print(c, box, row, col, TUI_DIM, "%s ", own);
	enum tui_role role = ahead ? TUI_DIM : chosen ? TUI_SELECTED : events_level[level].role;
	tui_print(c, box, row, col, role, "%c %s", events_level[level].glyph, e->text);
}

void tui_view_events(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	int count = events_count(s, st), at = events_at(st, count), room = box->rows - 1, k = 0;
	int top = tui_list_top(at, count, room);
	events_title(c, box, s, st, count);
	for (uint32_t i = 0; s->history && i < s->history->nevents && k < top + room; i++) {
		if (!events_passes(&s->history->event[i], st))
			continue;
		if (k >= top)
			events_row(c, box, 1 + k - top, s, &s->history->event[i], k == at);
		k++;
	}
	if (count == 0)
		tui_print(c, box, 1, 2, TUI_DIM, "%s",
			  st->log.filter[0] || st->log.level ? "none passes; Esc and v show all of them again" : "nothing was told yet");
}

static void events_choose(struct tui_state *st, int count, int to)
{
	st->log.at = to < 0 ? 0 : to;
	st->log.placed = to < count - 1; /* at the newest it goes with it */
}

static struct gcs_request events_go(const struct gcs_snapshot *s, const struct tui_state *st)
{
	const struct gcs_event_view *e = events_chosen(s, st);
	if (!e || !s->playback.active)
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	return (struct gcs_request){.act = GCS_DO_SEEK, .by_ns = e->t_ns - s->now_ns};
}

struct gcs_request tui_events_command(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	int count = events_count(s, st), at = events_at(st, count), page = tui_frame_body(s, st).rows - 2;
	switch (command) {
	case TUI_DO_UP: events_choose(st, count, at - 1); break;
	case TUI_DO_DOWN: events_choose(st, count, at + 1); break;
	case TUI_DO_PAGE_UP: events_choose(st, count, at - page); break;
	case TUI_DO_PAGE_DOWN: events_choose(st, count, at + page); break;
	case TUI_DO_FIRST: events_choose(st, count, 0); break;
	case TUI_DO_LAST: events_choose(st, count, count - 1); break;
	case TUI_DO_FILTER: st->log.typing = true; break;
	case TUI_DO_LEVEL: st->log.level = (st->log.level + 1) % EVENTS_LEVELS; break;
	case TUI_DO_ENTER: return events_go(s, st);
	default: break;
	}
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

struct gcs_request tui_events_point(struct tui_state *st, const struct gcs_snapshot *s, const struct tui_box *box, struct tui_mouse at)
{
	int count = events_count(s, st), chosen = events_at(st, count), to = chosen + (at.act == TUI_MOUSE_WHEEL_UP ? -1 : 1);
	if (at.act == TUI_MOUSE_PRESS)
		to = at.row >= 1 ? tui_list_top(chosen, count, box->rows - 1) + at.row - 1 : count;
	if (to < count)
		events_choose(st, count, to);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
