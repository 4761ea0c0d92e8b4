/* view_player.c: the line of a record that is looked at: where, how fast, and its faults on a track. */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

static uint8_t player_bits(const struct gcs_snapshot *s, int col, int cols)
{
	uint8_t bits = 0;
	int from = col * GCS_TRACK_CELLS / cols, to = ((col + 1) * GCS_TRACK_CELLS - 1) / cols;
	for (int i = from; i <= to && i < GCS_TRACK_CELLS; i++)
		bits |= s->playback.track[i];
	return bits;
}

static void player_track(struct tui_canvas *c, const struct tui_box *bar, const struct gcs_snapshot *s)
{
	int64_t end_ns = s->playback.record_end_ns;
	int now = end_ns > 0 ? (int)((double)s->now_ns / (double)end_ns * (bar->cols - 1)) : 0;
	for (int col = 0; col < bar->cols; col++) {
		uint8_t bits = player_bits(s, col, bar->cols);
		uint32_t ch = bits & GCS_TRACK_FIRED ? 'O' : bits & GCS_TRACK_ARMED ? '=' : col < now ? '-' : '.';
		tui_put(c, bar, 0, col, bits ? TUI_FAULT : TUI_DIM, ch);
	}
	tui_put(c, bar, 0, now, TUI_TITLE, '>');
}

/* What stands before the track, drawn where there is a canvas; the column after it. */
static int player_head(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s)
{
	char at[TUI_NUMBER], end[TUI_NUMBER];
	bool behind = s->playback.live && !s->playback.following;
	const char *state = s->playback.following ? "FOLLOWING" : s->playback.paused ? "PAUSED" : "PLAYING";
	int col = tui_print(c, box, 0, 1, s->playback.paused ? TUI_WARN : TUI_GOOD, "%-9s", state);
	col = tui_print(c, box, 0, col + 1, TUI_TITLE, "%s", tui_clock_fine(at, s->now_ns));
	col = tui_print(c, box, 0, col, TUI_DIM, " of %s", tui_clock_fine(end, s->playback.record_end_ns));
	col = tui_print(c, box, 0, col, behind ? TUI_WARN : TUI_DIM, behind ? " so far" : "");
	return tui_print(c, box, 0, col, TUI_PLAIN, "  x%g ", s->playback.speed);
}

static struct tui_box player_bar(const struct tui_box *box, int col)
{
	return (struct tui_box){box->row, box->col + col + 1, 1, box->cols - col - 3};
}

void tui_view_player(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		     const struct tui_state *st)
{
	(void)st;
	int col = player_head(c, box, s);
	struct tui_box bar = player_bar(box, col);
	if (bar.cols < 1)
		return;
	tui_put(c, box, 0, col, TUI_RULE, '[');
	player_track(c, &bar, s);
	tui_put(c, box, 0, col + 1 + bar.cols, TUI_RULE, ']');
}

int64_t tui_player_at(const struct gcs_snapshot *s, const struct tui_box *box, int col)
{
	struct tui_canvas nowhere = {0};
	struct tui_box bar = player_bar(box, player_head(&nowhere, box, s));
	int at = box->col + col - bar.col;
	if (at < 0 || at >= bar.cols || bar.cols < 2)
		return -1;
	return (int64_t)((double)s->playback.record_end_ns * at / (bar.cols - 1));
}
