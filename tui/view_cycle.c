/* view_cycle.c: the phases of the collector's cycle in one row: which is at work, for how long, and how far marking has come if it takes as long as the last. */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

#define CYCLE_STOP_COLS  4 /* [st], [mt] */
#define CYCLE_SWEEP_COLS 15

const struct gcs_cycle_row *tui_cycle_at(const struct gcs_history *h, int64_t t_ns)
{
	for (uint32_t i = h->ncycles; i-- > 0;)
		if (h->cycle[i].start_ns >= 0 && h->cycle[i].start_ns <= t_ns)
			return &h->cycle[i];
	return NULL;
}

/* [=== text ==>    ]: so many of `cols` columns, brackets included, are filled; -1: it is over, or has not begun. */
static void cycle_part(struct tui_canvas *c, const struct tui_box *box, int col, int cols, int filled, const char *text)
{
	enum tui_role role = filled >= 0 ? TUI_BAR : TUI_DIM;
	struct tui_box inside = {box->row, box->col + col + 1, 1, cols - 2};
	tui_put(c, box, 0, col, role, '[');
	tui_put(c, box, 0, col + cols - 1, role, ']');
	for (int i = 0; i < inside.cols && i < filled; i++)
		tui_put(c, &inside, 0, i, role, i + 1 < filled || filled >= inside.cols ? '=' : '>');
	tui_print(c, &inside, 0, 1, role, "%s", text);
}

void tui_view_cycle(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	const struct gcs_cycle_row *g = s->history ? tui_cycle_at(s->history, s->now_ns) : NULL;
	int mark_cols = box->cols - 2 - 2 * CYCLE_STOP_COLS - CYCLE_SWEEP_COLS, filled = -1;
	char a[TUI_NUMBER], text[48];
	(void)st;
	if (!g || mark_cols < CYCLE_SWEEP_COLS)
		return;
	bool marking = g->mark_end_ns < 0 || g->mark_end_ns > s->now_ns;
	bool sweeping = !marking && (g->sweep_end_ns < 0 || g->sweep_end_ns > s->now_ns);
	int64_t mark_ns = (marking ? s->now_ns : g->mark_end_ns) - g->start_ns;
	if (marking && s->mark_ns_last <= 0)
		filled = 0; /* it is the first */
	else if (marking)
		filled = s->mark_ns_last > mark_ns ? (int)(mark_ns * (mark_cols - 2) / s->mark_ns_last) : mark_cols - 2;
	tui_print(c, box, 0, 1, TUI_DIM, "[st]");
	snprintf(text, sizeof text, " mark %s ", tui_duration(a, mark_ns));
	cycle_part(c, box, 1 + CYCLE_STOP_COLS, mark_cols, filled, text);
	tui_print(c, box, 0, 1 + CYCLE_STOP_COLS + mark_cols, TUI_DIM, "[mt]");
	snprintf(text, sizeof text, "sweep %s", tui_duration(a, (sweeping ? s->now_ns : g->sweep_end_ns) - g->mark_end_ns));
	cycle_part(c, box, 1 + 2 * CYCLE_STOP_COLS + mark_cols, CYCLE_SWEEP_COLS, sweeping ? 0 : -1, marking ? "sweep" : text);
}
