/* view_side.c: the right-hand column: percentiles, recovery, SLOs, events. */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct side_pick { const char *name; const struct gcs_pcts *now, *total, *steady; /* NULL: not known */ };

static struct side_pick side_pick(const struct gcs_snapshot *s, enum tui_kind kind)
{
	static const struct gcs_pcts none;
	switch (kind) {
	case TUI_KIND_ASSIST: return (struct side_pick){"ASSIST", &s->assist_now, &s->assist_total, &s->assist_steady};
	case TUI_KIND_WAKE: return (struct side_pick){"WAKE LAG", &s->wake_now, &s->wake_total, &s->wake_steady};
	case TUI_KIND_STOPPING: return (struct side_pick){"TO STOP", NULL, &s->stopping_total, &s->stopping_steady};
	case TUI_KIND_OP: return (struct side_pick){"OPS", NULL, s->scenario->nworkloads ? &s->work[0].total : &none, NULL};
	case TUI_KIND_STW:
	case TUI_KINDS: break;
	}
	return (struct side_pick){"STW", &s->stw_now, &s->stw_total, &s->stw_steady};
}

#define SIDE_ROWS 6 /* five percentiles and the count */

/* A count that is longer than `cols` in short. */
static void side_figures(char ret[SIDE_ROWS][TUI_NUMBER], const struct gcs_pcts *p, size_t cols)
{
	const int64_t ns[] = {p->p50_ns, p->p90_ns, p->p99_ns, p->p999_ns, p->max_ns};
	for (int i = 0; i < SIDE_ROWS - 1; i++)
		if (p->count)
			tui_ms(ret[i], ns[i]);
		else
			snprintf(ret[i], TUI_NUMBER, "-");
	if (strlen(tui_count(ret[SIDE_ROWS - 1], p->count)) > cols)
		tui_rate(ret[SIDE_ROWS - 1], (double)p->count);
}

/* One column of figures, `cols` wide, under its head, which stands in the rule; its last character is `from_right` columns before the edge. */
static void side_column(struct tui_canvas *c, const struct tui_box *box, int from_right, int cols, const char *head,
			const struct gcs_pcts *p)
{
	char text[SIDE_ROWS][TUI_NUMBER];
	if (!p)
		return;
	side_figures(text, p, (size_t)cols - 1);
	tui_print_right(c, box, 0, from_right - 1, TUI_TITLE, " %s ", head);
	for (int i = 0; i < SIDE_ROWS; i++)
		tui_print_right(c, box, 1 + i, from_right, i + 1 < SIDE_ROWS ? TUI_PLAIN : TUI_DIM, "%s", text[i]);
}

void tui_view_percentiles(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			  const struct tui_state *st)
{
	static const char *const label[SIDE_ROWS] = {"p50", "p90", "p99", "p99.9", "max", "count"};
	struct side_pick pick = side_pick(s, st->kind);
	bool wide = box->cols >= 50;
	int step = wide ? 12 : box->cols >= 40 ? 9 : 7;
	char a[TUI_NUMBER], b[TUI_NUMBER], title[48];
	snprintf(title, sizeof title, "%s ms", pick.name);
	tui_rule(c, box, 0, title);
	for (int i = 0; i < SIDE_ROWS; i++)
		tui_print(c, box, 1 + i, 1, i + 1 < SIDE_ROWS ? TUI_PLAIN : TUI_DIM, "%s", label[i]);
	side_column(c, box, 1 + 2 * step, step, wide ? "last 10 s" : "10 s", pick.now);
	side_column(c, box, 1 + step, step, "total", pick.total);
	side_column(c, box, 1, step, "steady", pick.steady);
	if (box->rows > 8 && s->stw_last_stopping_ns < 0)
		tui_print(c, box, 7, 1, TUI_DIM, "last: %s, the time to stop in it",
			  tui_duration(b, s->stw_last_stopped_ns));
	else if (box->rows > 8)
		tui_print(c, box, 7, 1, TUI_DIM, "last: to stop %s, stopped %s",
			  tui_duration(a, s->stw_last_stopping_ns), tui_duration(b, s->stw_last_stopped_ns));
}

static const struct { const char *text; enum tui_role role; } side_rec[] = {
	[GCS_REC_ARMED] = {"armed", TUI_FAULT},        [GCS_REC_DEGRADED] = {"degraded", TUI_BAD},
	[GCS_REC_RECOVERING] = {"recovering", TUI_WARN}, [GCS_REC_STEADY] = {"steady", TUI_GOOD},
	[GCS_REC_NEVER] = {"NEVER", TUI_BAD},          [GCS_REC_UNTOUCHED] = {"unmoved", TUI_DIM},
	[GCS_REC_UNJUDGED] = {"unjudged", TUI_DIM},
};

const char *tui_back(char *ret, const struct gcs_snapshot *s, int64_t recovery_ns)
{
	char t[TUI_NUMBER];
	if (recovery_ns > s->resolution_ns)
		return tui_duration(ret, recovery_ns);
	snprintf(ret, TUI_NUMBER, "<%.*s", TUI_NUMBER - 2, tui_duration(t, s->resolution_ns));
	return ret;
}

static int side_recovery_one(struct tui_canvas *c, const struct tui_box *box, int row, const struct gcs_snapshot *s,
			     const struct gcs_rec_view *r, bool detail)
{
	char t[TUI_NUMBER];
	int col = tui_print(c, box, row, 1, TUI_PLAIN, "%s#%u", s->fault[r->fault].id, r->occurrence + 1);
	col = tui_print(c, box, row, col < 11 ? 11 : col + 1, side_rec[r->state].role, "%-10s", side_rec[r->state].text);
	if (r->recovery_ns >= 0 && r->state == GCS_REC_STEADY)
		col = tui_print(c, box, row, col + 1, TUI_PLAIN, "in %s", tui_back(t, s, r->recovery_ns));
	if (r->overlapped)
		tui_print_right(c, box, row, 0, TUI_DIM, "%s", col + 7 <= box->cols ? "overl." : col + 3 <= box->cols ? "ov" : "");
	row++;
	for (uint32_t i = 0; detail && i < r->nsignals; i++) {
		if (!r->signal[i].left || row >= box->rows)
			continue;
		tui_print(c, box, row++, 3, TUI_DIM, "%-16s x%-6.1f %s", r->signal[i].name, r->signal[i].peak_ratio,
			  r->signal[i].recovery_ns < 0 ? "" : tui_back(t, s, r->signal[i].recovery_ns));
	}
	return row;
}

void tui_view_recovery(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		       const struct tui_state *st)
{
	(void)st;
	tui_rule(c, box, 0, "RECOVERY of each occurrence");
	if (s->nrecs == 0) {
		tui_print(c, box, 1, 1, TUI_DIM, "%s", "no fault has been armed yet");
		return;
	}
	int room = box->rows - 1;
	uint32_t shown = s->nrecs < (uint32_t)room ? s->nrecs : (uint32_t)room;
	bool detail = room > (int)s->nrecs + 2;
	int row = 1;
	for (uint32_t i = s->nrecs - shown; i < s->nrecs && row < box->rows; i++)
		row = side_recovery_one(c, box, row, s, &s->rec[i], detail && i + 2 >= s->nrecs);
}

void tui_view_slo(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		  const struct tui_state *st)
{
	(void)st;
	tui_rule(c, box, 0, "SLO and expectations");
	int row = 1;
	/* Failed ones first: they must not scroll out of sight. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < s->nslos && row < box->rows; i++) {
			const struct gcs_slo_view *v = &s->slo[i];
			if ((v->state < 0) != (pass == 0))
				continue;
			int col = tui_print(c, box, row, 1, v->state < 0 ? TUI_BAD : v->state > 0 ? TUI_GOOD : TUI_DIM, "%s",
					    v->state < 0 ? "FAIL" : v->state > 0 ? "ok  " : "wait");
			/* The text may be cut, the figure never. */
			struct tui_box text = {box->row + row, box->col + col + 1, 1,
					       box->cols - col - 3 - (int)strlen(v->shown)};
			tui_print(c, &text, 0, 0, TUI_PLAIN, "%s", v->text);
			tui_print_right(c, box, row, 1, TUI_DIM, "%s", v->shown);
			row++;
		}
}

void tui_view_last(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	static const enum tui_role role[] = {TUI_DIM, TUI_PLAIN, TUI_BAD};
	tui_rule(c, box, 0, "EVENTS");
	if (tui_main_pane(st) == TUI_PANE_EVENTS)
		tui_put(c, box, 0, 0, TUI_TITLE, '>');
	int room = box->rows - 1, n = (int)s->nevents;
	int last = n - st->event_scroll;
	if (last < (room < n ? room : n))
		last = room < n ? room : n;
	int first = last > room ? last - room : 0;
	for (int i = first, row = 1; i < last; i++, row++) {
		const struct gcs_event_view *e = &s->event[i];
		int level = e->level < 0 ? 0 : e->level > 2 ? 2 : e->level;
		/* cut, not rounded, as every moment on the screen is */
		tui_print(c, box, row, 1, role[level], "%4" PRId64 ".%02d %s", e->t_ns / 1000000000, (int)(e->t_ns / 10000000 % 100),
			  e->text);
	}
}
