/*
 * ask.c: orders to the run that need words: a fault's numbers, a workload's rate, how long to arm, what to mark.
 *
 * What is typed stands in the headline; Enter gives the order, Esc drops it. Whether the run takes it is the run's to say: the events
 * tell.
 */
#include "tui/view.h"

#include "harness/base/units.h"

#include <stdio.h>
#include <string.h>

void tui_notice(struct tui_state *st, const struct gcs_snapshot *s, const char *text, const char *what)
{
	snprintf(st->notice, sizeof st->notice, "%s%s", text, what);
	st->notice_until_ns = s->now_ns + 3000000000;
}

void tui_ask_begin(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command command)
{
	bool of_fault = command == TUI_DO_ARM_FOR || command == TUI_DO_EDIT;
	if (of_fault && s->scenario->nfaults == 0) {
		tui_notice(st, s, "This scenario has no faults.", "");
		return;
	}
	st->ask.what = command;
	st->ask.fault = (uint32_t)st->selected;
	st->ask.text[0] = '\0';
	if (command == TUI_DO_RATE && s->scenario->nworkloads == 1) /* which one needs no saying */
		snprintf(st->ask.text, sizeof st->ask.text, "%s=", s->work[0].id);
}

void tui_ask_says(const struct tui_state *st, const struct gcs_snapshot *s, char *ret, size_t cap)
{
	const struct gcs_fault_view *f = &s->fault[st->ask.fault];
	ret[0] = '\0';
	switch (st->ask.what) {
	case TUI_DO_ARM_FOR: snprintf(ret, cap, "Arm %s for (30s, 5m, keep): %s_", f->id, st->ask.text); break;
	case TUI_DO_EDIT: snprintf(ret, cap, "%s, now %.40s: %s_", f->id, f->what, st->ask.text); break;
	case TUI_DO_RATE: snprintf(ret, cap, "Rate (WORKLOAD=500/s): %s_", st->ask.text); break;
	case TUI_DO_MARK_WORDS: snprintf(ret, cap, "Mark: %s_", st->ask.text); break;
	default: break;
	}
}

/* ---------------------------------------------------------------- the orders */

static struct gcs_request ask_arm(struct tui_state *st, const struct gcs_snapshot *s)
{
	int64_t for_ns = GCS_ARM_KEEP;
	if (strcmp(st->ask.sent, "keep") != 0 && (gcs_parse_duration(st->ask.sent, &for_ns) != 0 || for_ns <= 0)) {
		tui_notice(st, s, "Not a time such as 30s, 5m, or keep: ", st->ask.sent);
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
	tui_notice(st, s, "Arming ", s->fault[st->ask.fault].id);
	return (struct gcs_request){.act = GCS_DO_ARM, .fault = st->ask.fault, .for_ns = for_ns};
}

static struct gcs_request ask_rate(struct tui_state *st, const struct gcs_snapshot *s)
{
	size_t id = strcspn(st->ask.sent, "=");
	for (uint32_t i = 0; i < s->scenario->nworkloads && st->ask.sent[id] == '='; i++)
		if (strlen(s->work[i].id) == id && strncmp(s->work[i].id, st->ask.sent, id) == 0) {
			tui_notice(st, s, "Another rate for ", s->work[i].id);
			return (struct gcs_request){.act = GCS_DO_RATE, .workload = i, .text = st->ask.sent + id + 1};
		}
	tui_notice(st, s, "Not WORKLOAD=RATE of a workload of this run: ", st->ask.sent);
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static struct gcs_request ask_order(struct tui_state *st, const struct gcs_snapshot *s, enum tui_command what)
{
	switch (what) {
	case TUI_DO_ARM_FOR: return ask_arm(st, s);
	case TUI_DO_RATE: return ask_rate(st, s);
	case TUI_DO_EDIT:
		tui_notice(st, s, "Other numbers for ", s->fault[st->ask.fault].id);
		return (struct gcs_request){.act = GCS_DO_EDIT, .fault = st->ask.fault, .text = st->ask.sent};
	case TUI_DO_MARK_WORDS:
		tui_notice(st, s, "Marked: ", st->ask.sent);
		return (struct gcs_request){.act = GCS_DO_MARK, .text = st->ask.sent};
	default: return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
}

struct gcs_request tui_ask_key(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	enum tui_command what = st->ask.what;
	if (key != TUI_KEY_ENTER && key != TUI_KEY_ESCAPE) {
		tui_filter_type(st->ask.text, sizeof st->ask.text, key);
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	}
	st->ask.what = TUI_DO_NOTHING;
	if (key == TUI_KEY_ESCAPE || st->ask.text[0] == '\0')
		return (struct gcs_request){.act = GCS_DO_NOTHING};
	memcpy(st->ask.sent, st->ask.text, sizeof st->ask.sent);
	return ask_order(st, s, what);
}
