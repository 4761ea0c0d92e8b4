/* view_side.c: the right-hand column: percentiles, recovery, SLOs, events. */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct side_pick { const char *name; const struct gcs_pcts *now, *total; };

static struct side_pick side_pick(const struct gcs_snapshot *s, enum tui_kind kind)
{
	static const struct gcs_pcts none;
	switch (kind) {
	case TUI_KIND_ASSIST: return (struct side_pick){"ASSIST", &s->assist_now, &s->assist_total};
	case TUI_KIND_WAKE: return (struct side_pick){"WAKE LAG", &s->wake_now, &s->wake_total};
	case TUI_KIND_STOPPING: return (struct side_pick){"TO STOP", NULL, &s->stopping_total};
	case TUI_KIND_OP: return (struct side_pick){"OPS", NULL, s->scenario->nworkloads ? &s->work[0].total : &none};
	case TUI_KIND_STW:
	case TUI_KINDS: break;
	}
	return (struct side_pick){"STW", &s->stw_now, &s->stw_total};
}

void tui_view_percentiles(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
			  const struct tui_state *st)
{
	struct side_pick pick = side_pick(s, st->kind);
	char a[TUI_NUMBER], b[TUI_NUMBER], title[48];
	snprintf(title, sizeof title, "%s ms", pick.name);
	tui_rule(c, box, 0, title);
	tui_print_right(c, box, 0, 0, TUI_TITLE, "%s", pick.now ? " last 10 s      total " : "         total ");
	const struct { const char *label; int64_t now, total; } row[] = {
		{"p50", pick.now ? pick.now->p50_ns : -1, pick.total->p50_ns},
		{"p90", pick.now ? pick.now->p90_ns : -1, pick.total->p90_ns},
		{"p99", pick.now ? pick.now->p99_ns : -1, pick.total->p99_ns},
		{"p99.9", pick.now ? pick.now->p999_ns : -1, pick.total->p999_ns},
		{"max", pick.now ? pick.now->max_ns : -1, pick.total->max_ns},
	};
	for (int i = 0; i < (int)(sizeof row / sizeof row[0]); i++)
		tui_print(c, box, 1 + i, 1, TUI_PLAIN, "%-6s%13s%11s", row[i].label,
			  pick.now ? tui_ms(a, row[i].now) : "", tui_ms(b, row[i].total));
	tui_print(c, box, 6, 1, TUI_DIM, "%-6s%13s%11s", "count", pick.now ? tui_count(a, pick.now->count) : "",
		  tui_count(b, pick.total->count));
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
