/* view_work.c: the collector's line, the workloads, the faults. */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

static const char *const work_gc_phase[] = {"idle", "marking", "terminating"};

void tui_view_work(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	char a[TUI_NUMBER], b[TUI_NUMBER], d[TUI_NUMBER], title[96];
	snprintf(title, sizeof title, "GC #%u %s forced %u cpu %.1f%% assist %.1f%% stw %.2f%%", s->gc_cycle,
		 work_gc_phase[s->gc_phase < 3 ? s->gc_phase : 0], s->gc_forced, s->gc_cpu * 100, s->assist_share * 100,
		 s->stw_share * 100);
	tui_rule(c, box, 0, title);
	int row = 1;
	for (uint32_t i = 0; i < s->scenario->nworkloads && row < box->rows; i++, row++) {
		const struct gcs_work_view *w = &s->work[i];
		bool slow = w->rate_wanted > 0 && w->rate < 0.9 * w->rate_wanted && s->state > GCS_WARMING;
		int col = tui_print(c, box, row, 1, TUI_PLAIN, "%-8.8s", w->id);
		col = tui_print(c, box, row, col, slow ? TUI_WARN : TUI_PLAIN, "%6s/s", tui_rate(a, w->rate));
		col = tui_print(c, box, row, col, TUI_DIM, "%s%-5s", w->rate_wanted > 0 ? " of " : "    ",
				w->rate_wanted > 0 ? tui_rate(b, w->rate_wanted) : "");
		col = tui_print(c, box, row, col, TUI_PLAIN, " p99 %-7s", tui_duration(d, w->p99_now_ns));
		if (w->errors > 0)
			tui_print(c, box, row, col, TUI_WARN, " err %s", tui_count(a, w->errors));
	}
	if (row < box->rows) {
		struct tui_box last = {box->row + box->rows - 1, box->col, 1, box->cols};
		tui_view_cycle(c, &last, s, st);
	}
}

int tui_faults_top(const struct tui_state *st, int room)
{
	return st->selected >= room ? st->selected - room + 1 : 0;
}

void tui_view_faults(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	char a[TUI_NUMBER], b[TUI_NUMBER];
	int n = (int)s->scenario->nfaults, room = box->rows - 1;
	int first = tui_faults_top(st, room);
	tui_rule(c, box, 0, s->playback.active ? "FAULTS" : "FAULTS  [key] arms and disarms");
	if (tui_main_pane(st) == TUI_PANE_FAULTS)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	if (box->cols > 44)
		tui_print_right(c, box, 0, 1, TUI_TITLE, " fired ");
	if (n == 0)
		tui_print(c, box, 1, 1, TUI_DIM, "%s", "this scenario has none");
	for (int i = first; i < n && i - first < room; i++) {
		const struct gcs_fault_view *f = &s->fault[i];
		bool firing = f->armed && f->fired > 0;
		enum tui_role role = i == st->selected ? TUI_SELECTED : TUI_PLAIN;
		int row = 1 + i - first;
		int col = tui_print(c, box, row, 0, role, "%s[%s]%d %-7.7s", i == st->selected ? ">" : " ", f->armed ? "x" : " ",
				    i + 1, f->id);
		struct tui_box what = {box->row + row, box->col + col + 1, 1, box->cols > 34 ? box->cols - 34 : 0};
		tui_print(c, &what, 0, 0, TUI_DIM, "%s", f->what);
		col += 1 + what.cols;
		col = tui_print(c, box, row, col + 1, firing ? TUI_FAULT : TUI_DIM, "%-6s", f->armed ? firing ? "FIRING" : "ARMED" : "off");
		char left[TUI_NUMBER + 4] = "";
		if (f->operator_act && f->limit_ns > s->now_ns) /* then it is disarmed by itself */
			snprintf(left, sizeof left, "*%s ", tui_clock(a, f->limit_ns - s->now_ns));
		tui_print_right(c, box, row, 1, TUI_PLAIN, "%s%s%s%s%s", left[0] ? left : f->operator_act ? "* " : "",
				f->fired_least ? ">" : "", tui_rate(a, (double)f->fired),
				f->times ? "/" : "", f->times ? tui_rate(b, (double)f->times) : "");
	}
}
