/* axis.c: which cells of history a column of the screen stands for. */
#include "tui/view.h"

struct tui_axis tui_axis(const struct gcs_snapshot *s, const struct tui_state *st, int cols)
{
	struct tui_axis a = {0, 1, 0};
	if (cols < 1 || s->ncells == 0)
		return a;
	uint32_t shown = s->ncells >> st->zoom;
	if (shown < (uint32_t)cols)
		shown = s->ncells < (uint32_t)cols ? s->ncells : (uint32_t)cols;
	a.per_col = (shown + (uint32_t)cols - 1) / (uint32_t)cols;
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
