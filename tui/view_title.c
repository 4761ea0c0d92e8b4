/* view_title.c: who runs, in which state, and where on its timeline. */
#include "tui/format.h"
#include "tui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *text;
	enum tui_role role;
} title_state[] = {
	[GCS_STARTING] = {"STARTING", TUI_DIM},    [GCS_WARMING] = {"WARMING UP", TUI_DIM},
	[GCS_STEADY] = {"STEADY", TUI_GOOD},       [GCS_FAULTING] = {"FAULTING", TUI_BAD},
	[GCS_RECOVERING] = {"RECOVERING", TUI_WARN}, [GCS_RECOVERED] = {"RECOVERED", TUI_GOOD},
	[GCS_ENDED] = {"ENDED", TUI_PLAIN},
};

/* What stands on the left of the first row, the most wanted first where there is not room for all. */
enum { PIECE_RECORD, PIECE_NAME, PIECE_RUN, PIECE_SEED, PIECE_TARGET, PIECE_SIM, PIECE_HAND, PIECES };
static const int title_wanted[PIECES] = {PIECE_NAME, PIECE_SIM, PIECE_HAND, PIECE_RECORD, PIECE_SEED, PIECE_TARGET, PIECE_RUN};
#define TITLE_MUST 4 /* of these, shortened before one is left out */

struct title_piece {
	char text[64];
	enum tui_role role;
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
	if (s->end_ns > s->now_ns)
		tui_print_right(c, box, 1, 1, TUI_DIM, "left %s", tui_clock(left, s->end_ns - s->now_ns));
}

static void title_when(const struct gcs_snapshot *s, bool brief, char *ret, size_t cap)
{
	time_t begun = (time_t)(s->playback.begun_wall_ns / 1000000000);
	struct tm tm;
	char when[32] = "";
	if (begun > 0 && localtime_r(&begun, &tm))
		strftime(when, sizeof when, brief ? " %m-%d %H:%M" : " %Y-%m-%d %H:%M", &tm);
	snprintf(ret, cap, "RECORD%s", when);
}

static void title_pieces(const struct gcs_snapshot *s, bool brief, struct title_piece piece[PIECES])
{
	static const enum tui_role role[PIECES] = {[PIECE_RECORD] = TUI_KEY, [PIECE_NAME] = TUI_TITLE, [PIECE_RUN] = TUI_DIM,
						   [PIECE_SEED] = TUI_DIM, [PIECE_TARGET] = TUI_DIM, [PIECE_SIM] = TUI_WARN,
						   [PIECE_HAND] = TUI_WARN};
	for (int i = 0; i < PIECES; i++)
		piece[i] = (struct title_piece){"", role[i]};
	if (s->playback.active)
		title_when(s, brief, piece[PIECE_RECORD].text, sizeof piece->text);
	snprintf(piece[PIECE_NAME].text, sizeof piece->text, "%.*s", brief ? 24 : 48, s->scenario->name);
	snprintf(piece[PIECE_RUN].text, sizeof piece->text, "run %s", s->run_id);
	snprintf(piece[PIECE_SEED].text, sizeof piece->text, "seed 0x%" PRIx64, s->scenario->seed);
	snprintf(piece[PIECE_TARGET].text, sizeof piece->text, "%s/%uP", gcs_runtime_name(gcs_scenario_runtime(s->scenario)),
		 s->scenario->procs);
	if (s->sim)
		snprintf(piece[PIECE_SIM].text, sizeof piece->text, "%s", brief ? "SIMULATED" : "SIMULATED: times modelled");
	if (s->operator_modified)
		snprintf(piece[PIECE_HAND].text, sizeof piece->text, "%s", brief ? "BY HAND" : "OPERATOR-MODIFIED");
}

static int title_width(const struct title_piece *piece)
{
	return piece->text[0] != '\0' ? (int)strlen(piece->text) + 2 : 0;
}

static void title_left(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, int room)
{
	struct title_piece piece[PIECES];
	bool on[PIECES] = {false};
	int must = room + 1, col = 1;
	for (int brief = 0; brief < 2 && must > room; brief++) {
		title_pieces(s, brief, piece);
		must = 0;
		for (int i = 0; i < TITLE_MUST; i++)
			must += title_width(&piece[title_wanted[i]]);
	}
	for (int i = 0; i < PIECES; i++) {
		int width = title_width(&piece[title_wanted[i]]);
		on[title_wanted[i]] = width > 0 && width <= room;
		room -= on[title_wanted[i]] ? width : 0;
	}
	for (int i = 0; i < PIECES; i++)
		if (on[i])
			col = tui_print(c, box, 0, col, piece[i].role, "%s", piece[i].text) + 2;
}

/* Where a record is looked at, its player says when; the incident's own clock stands here in either case. */
static void title_clock(const struct gcs_snapshot *s, char *ret, size_t cap)
{
	char now[TUI_NUMBER], end[TUI_NUMBER], own[16] = "";
	if (!gcs_scenario_clock(s->scenario, s->now_ns, own))
		own[0] = '\0';
	if (s->playback.active)
		snprintf(ret, cap, "%s", own);
	else
		snprintf(ret, cap, "%s%s%s/%s", own, own[0] ? "  " : "", tui_clock(now, s->now_ns), tui_clock(end, s->end_ns));
}

void tui_view_title(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		    const struct tui_state *st)
{
	char clock[80], armed[40], state[96];
	title_armed(s, armed, sizeof armed);
	title_clock(s, clock, sizeof clock);
	snprintf(state, sizeof state, "%s%s%s", st->frozen && !s->playback.active ? "FROZEN " : "", title_state[s->state].text,
		 s->state == GCS_FAULTING ? armed : "");
	int right = clock[0] ? (int)strlen(clock) + 3 : 1;
	tui_print_right(c, box, 0, 1, TUI_PLAIN, "%s", clock);
	tui_print_right(c, box, 0, right, title_state[s->state].role, "%s", state);
	title_left(c, box, s, box->cols - 1 - right - (int)strlen(state));
	if (box->rows > 1)
		title_timeline(c, box, s);
}
