/* view_title.c: who runs, in which state, and where on its timeline. */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *text;
	enum tui_role role;
} title_state[] = {
	[GCS_STARTING] = {"STARTING", TUI_DIM},    [GCS_WARMING] = {"WARMING UP", TUI_DIM},
	[GCS_STEADY] = {"STEADY", TUI_GOOD},       [GCS_FAULTING] = {"FAULTING", TUI_BAD},
	[GCS_RECOVERING] = {"RECOVERING", TUI_WARN}, [GCS_RECOVERED] = {"RECOVERED", TUI_GOOD},
	[GCS_ENDED] = {"ENDED", TUI_PLAIN},
};

/* "FAULTING oom+late": which faults are on just now. */
static void title_armed(const struct gcs_snapshot *s, char *ret, size_t cap)
{
	size_t used = 0;
	ret[0] = '\0';
	for (uint32_t i = 0; i < s->scenario->nfaults && used + 2 < cap; i++)
		if (s->fault[i].armed)
			used += (size_t)snprintf(ret + used, cap - used, "%s%s", used ? "+" : " ", s->fault[i].id);
}

static int title_col(const struct gcs_snapshot *s, int64_t t_ns, int cols)
{
	if (s->end_ns <= 0)
		return 0;
	int64_t col = t_ns / 1000 * cols / (s->end_ns / 1000 + 1);
	return col < 0 ? 0 : col >= cols ? cols - 1 : (int)col;
}

static void title_timeline(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	struct tui_box bar = {box->row + 1, box->col + 1, 1, box->cols - 14};
	const struct gcs_scenario *sc = s->scenario;
	int now = title_col(s, s->now_ns, bar.cols);
	for (int col = 0; col < bar.cols; col++)
		tui_put(c, &bar, 0, col, col <= now ? TUI_PLAIN : TUI_DIM, col < now ? '=' : col == now ? '>' : '.');
	for (uint32_t f = 0; f < sc->nfaults; f++)
		for (uint32_t w = 0; w < sc->fault[f].nwindows; w++) {
			int from = title_col(s, sc->fault[f].window[w].start_ns, bar.cols);
			int to = title_col(s, sc->fault[f].window[w].end_ns, bar.cols);
			for (int col = from; col <= to; col++)
				if (col != now)
					tui_put(c, &bar, 0, col, TUI_FAULT, col == from ? 'O' : col < now ? '#' : 'o');
		}
	for (uint32_t p = 0; p < sc->nphases; p++) {
		int col = title_col(s, sc->phase[p].start_ns, bar.cols);
		int next = p + 1 < sc->nphases ? title_col(s, sc->phase[p + 1].start_ns, bar.cols) : bar.cols;
		tui_put(c, &bar, 0, col, TUI_RULE, '|');
		struct tui_box name = {bar.row, bar.col + col + 1, 1, next - col - 2};
		if (name.cols >= 3 && (int)p != s->phase)
			tui_print(c, &name, 0, 0, TUI_DIM, "%s", sc->phase[p].id);
		else if (name.cols >= 3)
			tui_print(c, &name, 0, 0, TUI_TITLE, "%s", sc->phase[p].id);
	}
	tui_print(c, box, 1, 0, TUI_RULE, "[");
	tui_print(c, box, 1, bar.cols + 1, TUI_RULE, "]");
	char left[TUI_NUMBER];
	tui_print_right(c, box, 1, 1, TUI_DIM, "left %s", tui_clock(left, s->end_ns - s->now_ns));
}

void tui_view_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		    const struct tui_state *st)
{
	const struct gcs_scenario *sc = s->scenario;
	char now[TUI_NUMBER], end[TUI_NUMBER], armed[64];
	int col = tui_print(c, box, 0, 1, TUI_TITLE, "%s", sc->name);
	if (box->cols >= 100)
		col = tui_print(c, box, 0, col, TUI_DIM, "  run %s", s->run_id);
	col = tui_print(c, box, 0, col, TUI_DIM, "  seed 0x%" PRIx64 "  embedded/%uP", sc->seed, sc->procs);
	if (s->sim)
		tui_print(c, box, 0, col + 2, TUI_WARN, "SIMULATED: times modelled");
	title_armed(s, armed, sizeof armed);
	if (s->state != GCS_FAULTING)
		armed[0] = '\0';
	tui_print_right(c, box, 0, 1, TUI_PLAIN, "%s/%s", tui_clock(now, s->now_ns), tui_clock(end, s->end_ns));
	tui_print_right(c, box, 0, 14, title_state[s->state].role, "%s%s%s", st->frozen ? "FROZEN " : "",
			title_state[s->state].text, armed);
	title_timeline(c, box, s);
}
