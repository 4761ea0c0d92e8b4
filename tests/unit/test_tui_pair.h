/*
 * test_tui_pair.h: what tests of single screens share: a run that goes on and a record of the same scenario with one history, and what
 * stands on a screen of them. For one test program each.
 */
#pragma once

#include "tests/unit/test_tui_fixture.h"

static struct gcs_scenario *sc;
static struct gcs_history *h;
static struct gcs_snapshot *live, *record;

/* cmocka's, of a group. */
static int setup(void **state)
{
	(void)state;
	sc = make_scenario();
	h = make_history();
	live = make_snapshot(sc);
	record = make_record(sc);
	with_history(live, h);
	with_history(record, h);
	record->playback.record_end_ns = 26 * S;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(live);
	free(record);
	gcs_history_destroy(h);
	free(sc);
	return 0;
}

/* Rows and columns. */
static const int sizes[][2] = {{24, 80}, {32, 100}, {60, 200}};
#define SIZES 3

static inline struct tui_state on_screen(enum tui_screen screen, int size)
{
	return (struct tui_state){.screen = screen, .rows = sizes[size][0], .cols = sizes[size][1]};
}

/* In ASCII; 80x24 if the state says no size. */
static inline char *show(const struct gcs_snapshot *s, const struct tui_state *st)
{
	return render(s, st, st->rows ? st->rows : 24, st->cols ? st->cols : 80, true);
}

static inline void shows(const struct gcs_snapshot *s, const struct tui_state *st, const char *what)
{
	char *text = show(s, st);
	must_show(text, what);
	free(text);
}

static inline void hides(const struct gcs_snapshot *s, const struct tui_state *st, const char *what)
{
	char *text = show(s, st);
	if (strstr(text, what))
		fail_msg("still has '%s':\n%s", what, text);
	free(text);
}
