/* axis.c: which cells of history a column of the screen stands for, and what a cell says of a kind. */
#include "tui/view.h"

struct tui_axis tui_axis(const struct gcs_snapshot *s, const struct tui_state *st, int cols, uint32_t parts)
{
	struct tui_axis a = {0, parts, 0};
	if (cols < 1 || s->ncells == 0)
		return a;
	uint32_t shown = s->ncells >> st->zoom, least = (uint32_t)cols * parts;
	if (s->ncells <= least) { /* all of them, a part each */
		a.ncols = (s->ncells + parts - 1) / parts;
		return a;
	}
	if (shown < least)
		shown = least;
	a.per_col = (shown + least - 1) / least * parts;
	a.ncols = shown / a.per_col;
	/* Columns begin at multiples of per_col, so that they do not flicker as time passes. */
	uint32_t first = s->ncells - a.ncols * a.per_col;
	a.first = (first + a.per_col - 1) / a.per_col * a.per_col;
	a.ncols = (s->ncells - a.first + a.per_col - 1) / a.per_col;
	if (a.ncols > (uint32_t)cols) {
		a.first += (a.ncols - (uint32_t)cols) * a.per_col;
		a.ncols = (uint32_t)cols;
	}
	return a;
}

int64_t tui_cell_value(const struct gcs_cell *cell, enum tui_kind kind)
{
	switch (kind) {
	case TUI_KIND_STW: return cell->stw_max_ns;
	case TUI_KIND_STOPPING: return cell->stopping_max_ns;
	case TUI_KIND_ASSIST: return cell->assist_max_ns;
	case TUI_KIND_WAKE: return cell->wake_max_ns;
	case TUI_KIND_OP: return cell->op_p99_ns;
	case TUI_KINDS: break;
	}
	return 0;
}
