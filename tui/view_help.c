/* view_help.c: the keys, and how to read the screen. */
#include "tui/view.h"

static const char *const help_live[] = {
	"KEYS",
	"  1..9   arm or disarm that fault, now (marks the run as changed by hand)",
	"  up down, f   choose a fault; fire it once at its next eligible visit",
	"  D F9   disarm every fault and cancel the windows ahead",
	"  k      what the strip shows: STW, time to stop, assist, wake lag, op P99",
	"  + -    zoom the time axis         SPC  freeze the picture; the run goes on",
	"  PgUp PgDn  scroll the events      m F8 put a mark into the record",
	"  q F10  stop the run               ? F1 this page",
	"",
	"READING IT",
	"  STW is the time the world stood: time to stop + time stopped. Concurrent",
	"  mark is not a pause; assists and late wakes are shown as their own kinds.",
	"  Bars in the fault colour: a fault was armed in that column. Under them",
	"  = means armed, O means it fired. RECOVERY counts from the disarming to the",
	"  first of the steady windows; x1.8 is the peak against the baseline.",
};

static const char *const help_playback[] = {
	"KEYS OF A RECORD",
	"  left right     back, on one second        [ ] shift-left shift-right  ten",
	"  , .            back, on one window         Home End  where it begins, ends",
	"  SPC p          play, pause                < >  slower, faster",
	"  n N            next, previous moment that a fault is armed, disarmed",
	"  w              worst of the kind in the strip; again: the next worst",
	"  W              the same over stops, assists, stalls and late wakes together",
	"  k              what the strip shows: STW, to stop, assist, wake lag, op",
	"  + -            zoom the time axis         F  follow a run that goes on",
	"  up down        choose a fault             PgUp PgDn  scroll the events",
	"  l Backspace    back to the list of runs   q F10  quit    ? F1  this page",
	"",
	"READING IT",
	"  Everything is as it stood at that moment; percentiles, rates and SLOs as of",
	"  the last whole window. Until an occurrence is over, > before a count means",
	"  at least. Between collections the heap is drawn as a straight line. Losses",
	"  and injector cost are those of the whole record.",
	"  Track and strip: = a fault was armed, O it fired, > where you are.",
};

void tui_view_help(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s,
		   const struct tui_state *st)
{
	const char *const *text = s->playback.active ? help_playback : help_live;
	int n = (int)(s->playback.active ? sizeof help_playback / sizeof help_playback[0] : sizeof help_live / sizeof help_live[0]);
	(void)st;
	struct tui_box page = {box->row + (box->rows - n - 2) / 2, box->col + (box->cols - 78) / 2, n + 2, 78};
	for (int row = 0; row < page.rows; row++)
		for (int col = 0; col < page.cols; col++)
			tui_put(c, &page, row, col, TUI_PLAIN, ' ');
	tui_rule(c, &page, 0, "HELP");
	for (int i = 0; i < n; i++)
		tui_print(c, &page, 1 + i, 1, text[i][0] == ' ' ? TUI_PLAIN : TUI_TITLE, "%s", text[i]);
	tui_rule(c, &page, n + 1, "any key closes");
}
