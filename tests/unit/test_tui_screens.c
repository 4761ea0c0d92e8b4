/*
 * test_tui_screens.c: the screens beside the main one, read from their canvases against the history they were drawn from; the table of
 * keys against what the keys do; and anything typed, at any size.
 */
#include "tests/unit/test_tui_pair.h"
#include "tui/format.h"
#include "tui/heat_grid.h"
#include "tui/screen.h"

#include <time.h>

static struct gcs_request press(struct tui_state *st, const struct gcs_snapshot *s, int key)
{
	st->rows = st->rows ? st->rows : 24;
	st->cols = st->cols ? st->cols : 80;
	return tui_screen_key(st, s, key);
}

/* ---------------------------------------------------------------- from screen to screen */

static void test_going_about(void **state)
{
	(void)state;
	struct tui_state st = {0};
	press(&st, live, TUI_KEY_F1 + 2);
	shows(live, &st, "PAUSES [stw]");
	press(&st, live, TUI_KEY_F1 + 3);
	shows(live, &st, "TIMELINE  0:00.00 to ");
	press(&st, live, TUI_KEY_F1 + 5);
	shows(live, &st, "EVENTS  12 of 12");
	press(&st, live, TUI_KEY_F1 + 5); /* the same key again */
	shows(live, &st, "STW PAUSE ms");
	press(&st, live, TUI_KEY_F1 + 3);
	assert_int_equal(press(&st, live, TUI_KEY_ESCAPE).act, GCS_DO_NOTHING);
	assert_int_equal(st.screen, TUI_SCREEN_MAIN);
	/* of a record: Esc leads to the main screen first, then to the list */
	st = (struct tui_state){0};
	press(&st, record, TUI_KEY_F1 + 2);
	assert_int_equal(press(&st, record, TUI_KEY_ESCAPE).act, GCS_DO_NOTHING);
	assert_int_equal(press(&st, record, TUI_KEY_ESCAPE).act, GCS_DO_LIST);
	/* what holds everywhere holds there */
	st = (struct tui_state){0};
	press(&st, live, TUI_KEY_F1 + 2);
	assert_int_equal(press(&st, live, '2').act, GCS_DO_ARM);
	assert_int_equal(press(&st, live, 'D').act, GCS_DO_DISARM_ALL);
	press(&st, live, 'q');
	assert_int_equal(press(&st, live, 'y').act, GCS_DO_QUIT);
	assert_int_equal(press(&st, record, ']').by_ns, 10 * S);
}

static void test_panes(void **state)
{
	(void)state;
	struct tui_state st = {0};
	press(&st, live, TUI_KEY_DOWN);
	assert_int_equal(st.selected, 1);
	press(&st, live, '\t'); /* to the events: arrows scroll there */
	press(&st, live, TUI_KEY_UP);
	assert_int_equal(st.selected, 1);
	assert_int_equal(st.event_scroll, 1);
	press(&st, live, TUI_KEY_BACK_TAB);
	press(&st, live, TUI_KEY_UP);
	assert_int_equal(st.selected, 0);
	/* below 80x24 one pane, and Tab shows the next */
	static const char *const pane[TUI_PANES] = {"STW PAUSE ms", "p99.9", "HEAP MiB", "RECOVERY", "GC #", "SLO and", "FAULTS", "EVENTS"};
	st = (struct tui_state){.rows = 14, .cols = 60};
	for (int i = 0; i < TUI_PANES; i++) {
		shows(live, &st, pane[i]);
		hides(live, &st, pane[(i + 1) % TUI_PANES]);
		press(&st, live, '\t');
	}
	shows(live, &st, pane[0]);
	press(&st, live, TUI_KEY_F1 + 2);
	shows(live, &st, "PAUSES");
	hides(live, &st, ": 1 stop ");
	press(&st, live, '\t');
	shows(live, &st, ": 1 stop ");
	hides(live, &st, "PAUSES");
}

/* ---------------------------------------------------------------- pauses */

/* Every pause is somewhere on the map, at whatever size and zoom. */
static void test_the_map_counts_every_pause(void **state)
{
	(void)state;
	static const int series[TUI_KINDS] = {GCS_PAUSE_STW, GCS_PAUSE_STW, GCS_PAUSE_ASSIST, GCS_PAUSE_WAKE, -1};
	for (int kind = 0; kind < TUI_KIND_OP; kind++) {
		uint64_t all = 0;
		for (uint32_t i = 0; i < h->npauses; i++)
			all += h->pause[i].kind == series[kind];
		for (int rows = 9; rows < 60; rows += 10)
			for (int cols = 5; cols < 200; cols += 13) {
				struct tui_state st = {.kind = (enum tui_kind)kind};
				struct heat_grid g = heat_grid(live, &st, rows, cols);
				uint64_t n = 0;
				assert_true(g.ncols <= cols && g.nrows <= rows && g.col < g.ncols && g.row < g.nrows);
				for (int col = 0; col < g.ncols; col++)
					for (int row = 0; row < g.nrows; row++)
						n += heat_grid_count(&g, col, row);
				assert_int_equal(n, all);
			}
	}
}

/* The cursor begins at the longest: the cell that it is in has it, and the list says what caused it. */
static void worst_of(enum tui_kind kind, int rows, int cols)
{
	const struct gcs_pause_row *worst = NULL;
	char text[32], due[64];
	struct tui_state st = {.screen = TUI_SCREEN_PAUSES, .kind = kind, .rows = rows, .cols = cols};
	for (uint32_t i = 0; i < h->npauses; i++)
		if (heat_grid_length(&h->pause[i], heat_grid_kind(kind)) > (worst ? heat_grid_length(worst, heat_grid_kind(kind)) : 0))
			worst = &h->pause[i];
	assert_non_null(worst);
	shows(live, &st, tui_clock_milli(text, worst->t_ns));
	shows(live, &st, tui_due(live, worst, due, sizeof due));
	press(&st, live, TUI_KEY_LEFT);
	press(&st, live, TUI_KEY_LEFT);
	hides(live, &st, tui_clock_milli(text, worst->t_ns));
	press(&st, live, 'w');
	shows(live, &st, tui_clock_milli(text, worst->t_ns));
}

static void test_the_worst_is_found(void **state)
{
	(void)state;
	for (int kind = 0; kind < TUI_KIND_OP; kind++) {
		worst_of((enum tui_kind)kind, 24, 80);
		worst_of((enum tui_kind)kind, 32, 100);
		worst_of((enum tui_kind)kind, 60, 200);
	}
	const struct gcs_pause_row *stop = &h->pause[0];
	char due[64];
	for (uint32_t i = 0; i < h->npauses; i++)
		if (h->pause[i].kind == GCS_PAUSE_STW && h->pause[i].dur_ns > stop->dur_ns)
			stop = &h->pause[i];
	assert_non_null(strstr(tui_due(live, stop, due, sizeof due), "oom#2 visit ")); /* as it was made */
}

/* What the list has of a cell is what the history has of it, wherever the cursor goes. */
static void test_cells_are_what_is_listed(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_PAUSES, .rows = 40, .cols = 100};
	static const int moves[] = {'h', 'j', 'k', 'l', TUI_KEY_LEFT, TUI_KEY_RIGHT, TUI_KEY_UP, TUI_KEY_DOWN, '+', '-'};
	press(&st, live, 'w');
	for (int i = 0; i < 400; i++) {
		press(&st, live, moves[i * 7919 % 10]);
		struct heat_grid g = heat_grid(live, &st, 30, 92);
		int64_t from_ns, to_ns, low_ns, high_ns;
		uint64_t n = 0;
		heat_grid_times(&g, g.col, &from_ns, &to_ns);
		heat_grid_lengths(&g, g.row, &low_ns, &high_ns);
		for (uint32_t k = 0; k < h->npauses; k++)
			n += h->pause[k].kind == GCS_PAUSE_STW && h->pause[k].t_ns >= from_ns && h->pause[k].t_ns < to_ns &&
			     h->pause[k].dur_ns >= low_ns && h->pause[k].dur_ns <= high_ns;
		assert_int_equal(heat_grid_count(&g, g.col, g.row), n);
	}
}

static void test_into_the_list(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_PAUSES};
	press(&st, record, 'w');
	press(&st, record, TUI_KEY_ENTER);
	assert_int_equal(st.pane, 1);
	struct gcs_request r = press(&st, record, TUI_KEY_ENTER); /* of a record: there */
	int64_t worst_ns = 0, at_ns = 0;
	for (uint32_t i = 0; i < h->npauses; i++)
		if (h->pause[i].kind == GCS_PAUSE_STW && h->pause[i].dur_ns > worst_ns) {
			worst_ns = h->pause[i].dur_ns;
			at_ns = h->pause[i].t_ns;
		}
	assert_int_equal(r.act, GCS_DO_SEEK);
	assert_int_equal(record->now_ns + r.by_ns, at_ns);
	press(&st, record, TUI_KEY_ESCAPE);
	assert_int_equal(st.pane, 0);
	assert_int_equal(st.screen, TUI_SCREEN_PAUSES);
	/* of a run there is nowhere to go; operations have no rows */
	assert_int_equal(press(&st, live, TUI_KEY_ENTER).act, GCS_DO_NOTHING);
	assert_int_equal(press(&st, live, TUI_KEY_ENTER).act, GCS_DO_NOTHING);
	st.kind = TUI_KIND_OP;
	st.heat.placed = false;
	shows(live, &st, "counted, not listed");
	press(&st, live, 'K');
	assert_int_equal(st.kind, TUI_KIND_STW);
}

static void test_an_empty_map(void **state)
{
	(void)state;
	struct gcs_history *none = gcs_history_create(S);
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {.screen = TUI_SCREEN_PAUSES};
	s->history = none;
	shows(s, &st, "no stops so far");
	press(&st, s, TUI_KEY_LEFT);
	press(&st, s, TUI_KEY_ENTER);
	s->history = NULL;
	for (int screen = 0; screen < TUI_SCREENS; screen++) {
		st.screen = (enum tui_screen)screen;
		free(show(s, &st));
	}
	free(s);
	gcs_history_destroy(none);
}

/* ---------------------------------------------------------------- timeline */

/* A lane's row: what stands right of its name. */
static void lane_of(const char *text, const char *name, char *ret, size_t cap)
{
	char want[16];
	snprintf(want, sizeof want, "\n%-9.9s", name);
	const char *at = strstr(text, want);
	if (!at)
		fail_msg("no lane '%s':\n%s", name, text);
	size_t n = strcspn(at + 10, "\n");
	memset(ret, ' ', cap); /* blanks at the end are not in the text */
	memcpy(ret, at + 10, n < cap - 1 ? n : cap - 1);
	ret[cap - 1] = '\0';
}

static void test_lanes(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = 30, .cols = 90}; /* 80 columns of 325 ms */
	char *text = show(live, &st), lane[128];
	int64_t col_ns = 26 * S / 80;
	lane_of(text, "oom", lane, sizeof lane);
	for (int64_t t = 0; t < 26 * S; t += col_ns) {
		int col = (int)(t / col_ns);
		bool armed = (t >= 16 * S && t + col_ns <= 19 * S) || (t >= 24 * S && t + col_ns <= 26 * S);
		bool never = t + col_ns < 16 * S - col_ns || (t > 19 * S + col_ns && t + col_ns < 24 * S - col_ns);
		if (armed)
			assert_int_equal(lane[col], 'O'); /* it fired ten times a second */
		if (never && lane[col] != ' ' && lane[col] != ':')
			fail_msg("column %d of '%s'", col, lane);
	}
	lane_of(text, "recovery", lane, sizeof lane);
	assert_int_equal(lane[20 * S / col_ns], '|'); /* late held the clock up till 20 s */
	assert_int_equal(lane[22400000000 / col_ns], '|');
	assert_non_null(strstr(lane, "2.4s"));
	lane_of(text, "events", lane, sizeof lane);
	assert_int_equal(lane[22 * S / col_ns], '!');
	assert_int_equal(lane[16 * S / col_ns], '*');
	lane_of(text, "gc", lane, sizeof lane);
	for (uint32_t i = 0; i < h->ncycles; i++)
		assert_int_equal(lane[h->cycle[i].start_ns / col_ns], '#');
	must_show(text, "AT 0:25.999");
	must_show(text, "oom#2 for 2.0s, 20 listed firings");
	free(text);
}

/* Close by, marks are where things were to the column. */
static void test_zoomed_in(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = 30, .cols = 90};
	press(&st, live, TUI_KEY_HOME);
	for (int i = 0; i < 5; i++)
		press(&st, live, 'n'); /* late armed, oom armed, oom disarmed, late disarmed, oom armed */
	assert_int_equal(st.line.at_ns, 24 * S);
	press(&st, live, 'N');
	press(&st, live, 'N');
	assert_int_equal(st.line.at_ns, 19 * S);
	for (int i = 0; i < 5; i++)
		press(&st, live, '+');
	char *text = show(live, &st), lane[128];
	lane_of(text, "oom", lane, sizeof lane);
	int end = (int)(strchr(lane, ']') - lane), fires = 0;
	assert_non_null(strchr(lane, ']'));
	for (int col = 0; col < 80; col++) {
		fires += lane[col] == 'O';
		assert_true(col > end ? lane[col] == ' ' : strchr("O=]", lane[col]) != NULL);
	}
	assert_in_range(fires, 3, 5); /* every 100 ms of the 400 before the end */
	must_show(text, "AT 0:19.000");
	free(text);
	for (int i = 0; i < 40; i++)
		press(&st, live, '+');
	shows(live, &st, "a column"); /* a microsecond is the end of it */
	free(show(live, &st));
	for (int i = 0; i < 80; i++)
		press(&st, live, '-');
	assert_int_equal(st.line.zoom, 0);
}

static void test_readout_names_the_worst(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = 30, .cols = 160};
	for (uint32_t i = 0; i < h->npauses; i++) {
		if (h->pause[i].kind != GCS_PAUSE_STW || h->pause[i].firing == 0)
			continue;
		char want[96], a[TUI_NUMBER], due[64];
		st.line.placed = true;
		st.line.at_ns = h->pause[i].t_ns;
		st.line.zoom = 12;
		snprintf(want, sizeof want, "STW %s GC#%u due to %s", tui_duration(a, h->pause[i].dur_ns), h->pause[i].cycle,
			 tui_due(live, &h->pause[i], due, sizeof due));
		char *text = render(live, &st, 30, 160, false);
		must_show(text, want);
		free(text);
	}
}

static void test_scrubbing(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = 30, .cols = 90};
	record->now_ns = 10 * S;
	struct gcs_request r = press(&st, record, TUI_KEY_RIGHT);
	assert_int_equal(r.act, GCS_DO_SEEK);
	assert_int_equal(r.by_ns, 26 * S / 80);
	assert_int_equal(press(&st, record, TUI_KEY_SHIFT_LEFT).by_ns, -26 * S / 8);
	assert_int_equal(press(&st, record, 'e').by_ns, 4 * S);  /* phase storm */
	assert_int_equal(press(&st, record, 'E').by_ns, -6 * S); /* phase steady */
	assert_int_equal(press(&st, record, 'n').act, GCS_DO_NEXT_FAULT);
	assert_int_equal(press(&st, record, TUI_KEY_HOME).act, GCS_DO_HOME);
	assert_false(st.line.placed);
	shows(record, &st, "AT 0:10.000");
	record->now_ns = 26 * S;
}

/* ---------------------------------------------------------------- events */

static void test_events(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_EVENTS};
	shows(live, &st, ">   0:25.90 . mark: looks quiet from here");
	shows(live, &st, "    0:22.00 ! SLO stops fails");
	press(&st, live, TUI_KEY_UP);
	shows(live, &st, ">   0:24.00 * oom#2 armed");
	press(&st, live, 'g');
	shows(live, &st, ">   0:00.00 . phase warmup");
	press(&st, live, '/');
	for (const char *k = "OOM"; *k; k++)
		assert_int_equal(press(&st, live, *k).act, GCS_DO_NOTHING);
	shows(live, &st, "/OOM_");
	shows(live, &st, "EVENTS  3 of 12 have 'OOM'");
	hides(live, &st, "phase storm");
	press(&st, live, TUI_KEY_ENTER);
	hides(live, &st, "/OOM_");
	shows(live, &st, "3 of 12");
	press(&st, live, TUI_KEY_ESCAPE);
	assert_int_equal(st.screen, TUI_SCREEN_EVENTS);
	shows(live, &st, "12 of 12");
	press(&st, live, 'v');
	press(&st, live, 'v');
	shows(live, &st, "EVENTS  1 of 12, bad only");
	press(&st, live, 'v');
	press(&st, record, TUI_KEY_UP);
	struct gcs_request r = press(&st, record, TUI_KEY_ENTER);
	assert_int_equal(r.act, GCS_DO_SEEK);
	assert_int_equal(record->now_ns + r.by_ns, 24 * S);
	/* the newest chosen: the list goes on with the run */
	press(&st, live, 'G');
	struct gcs_history *grown = malloc(sizeof *grown);
	struct gcs_snapshot *s = make_snapshot(sc);
	*grown = *h;
	s->history = grown;
	for (int i = 0; i < 3000; i++) {
		struct gcs_event_view *e = gcs_history_event(grown);
		e->t_ns = 26 * S;
		snprintf(e->text, sizeof e->text, "event %d", i);
	}
	shows(s, &st, "0:26.00 . event 2999");
	shows(s, &st, "older ones are in the record");
	press(&st, s, TUI_KEY_PAGE_UP);
	hides(s, &st, "> event 2999");
	free(s);
	free(grown);
}

/* ---------------------------------------------------------------- orders in words */

static struct gcs_request type_out(struct tui_state *st, int key, const char *words)
{
	assert_int_equal(press(st, live, key).act, GCS_DO_NOTHING);
	for (const char *k = words; *k; k++)
		assert_int_equal(press(st, live, *k).act, GCS_DO_NOTHING); /* typed, no order: not even q, 1 or D */
	return press(st, live, TUI_KEY_ENTER);
}

static void test_orders_in_words(void **state)
{
	(void)state;
	struct tui_state st = {.selected = 1};
	struct gcs_request r = type_out(&st, 'e', "probability=5%,every=none");
	assert_int_equal(r.act, GCS_DO_EDIT);
	assert_int_equal(r.fault, 1);
	assert_string_equal(r.text, "probability=5%,every=none");
	r = type_out(&st, 'A', "2m");
	assert_int_equal(r.act, GCS_DO_ARM);
	assert_int_equal(r.fault, 1);
	assert_int_equal(r.for_ns, 120 * S);
	assert_true(type_out(&st, 'A', "keep").for_ns == GCS_ARM_KEEP);
	assert_int_equal(type_out(&st, 'A', "soon").act, GCS_DO_NOTHING);
	shows(live, &st, "Not a time");
	assert_int_equal(type_out(&st, 'A', "-1s").act, GCS_DO_NOTHING);
	r = type_out(&st, 'R', "slices=500/s");
	assert_int_equal(r.act, GCS_DO_RATE);
	assert_int_equal(r.workload, 1);
	assert_string_equal(r.text, "500/s");
	assert_int_equal(type_out(&st, 'R', "slice=500/s").act, GCS_DO_NOTHING);
	assert_int_equal(type_out(&st, 'R', "500/s").act, GCS_DO_NOTHING);
	r = type_out(&st, 'M', "1 quiet D q");
	assert_int_equal(r.act, GCS_DO_MARK);
	assert_string_equal(r.text, "1 quiet D q");
	/* what is typed stands in sight, and can be taken back or dropped */
	press(&st, live, 'e');
	for (const char *k = "everx"; *k; k++)
		press(&st, live, *k);
	press(&st, live, TUI_KEY_BACKSPACE);
	shows(live, &st, "late, now p=0.02: ever_");
	st.rows = 12;
	st.cols = 60;
	shows(live, &st, "late, now p=0.02: ever_");
	assert_int_equal(press(&st, live, TUI_KEY_ESCAPE).act, GCS_DO_NOTHING);
	hides(live, &st, "ever_");
	assert_int_equal(type_out(&st, 'e', "").act, GCS_DO_NOTHING);
	assert_int_equal(press(&st, live, 'D').act, GCS_DO_DISARM_ALL); /* nothing is being asked any more */
	for (int i = 0; i < 300; i++) /* more than there is room for */
		press(&st, live, i ? 'x' : 'M');
	assert_int_equal(strlen(press(&st, live, TUI_KEY_ENTER).text), TUI_ASK_TEXT - 1);
	/* a record takes none */
	st = (struct tui_state){0};
	press(&st, record, 'e');
	press(&st, record, 'R');
	assert_int_equal(st.ask.what, TUI_DO_NOTHING);
}

/* ---------------------------------------------------------------- the table of keys */

/* Each line of the help: its keys do what its line says, wherever it holds, and its text fits. */
static void test_every_line_of_keys(void **state)
{
	(void)state;
	for (int where = 0; where < 2 * TUI_SCREENS; where++) {
		enum tui_screen screen = (enum tui_screen)(where / 2);
		bool is_record = where % 2;
		const struct tui_binding *line = tui_bindings;
		for (size_t i = 0; i < tui_bindings_count; i++) {
			const struct tui_binding *b = &tui_bindings[i];
			line = b->help ? b : line;
			if (b->first < 0 || !tui_binding_holds(line, screen, is_record))
				continue;
			char keys[64];
			enum tui_command does = tui_key_command(b->first, screen, is_record);
			assert_int_not_equal(does, TUI_DO_NOTHING);
			tui_binding_keys(line, screen, is_record, keys, sizeof keys);
			assert_true(strlen(keys) + 1 < sizeof keys);
			if (!tui_binding_leads(line) && does == b->command)
				assert_true(b->command >= TUI_DO_ARM); /* only what needs no telling is not told */
		}
	}
}

/* The keys of the footer are keys of their line. */
static void test_footers_name_their_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < tui_bindings_count; i++) {
		const struct tui_binding *b = &tui_bindings[i];
		if (!tui_binding_leads(b) || b->footer[0] == '\0')
			continue;
		char keys[64], name[TUI_KEY_NAME], shown[16];
		enum tui_screen screen = TUI_SCREEN_MAIN;
		while (!(b->screens >> screen & 1))
			screen = (enum tui_screen)(screen + 1);
		snprintf(shown, sizeof shown, "%.*s", (int)strcspn(b->footer, " "), b->footer);
		tui_binding_keys(b, screen, b->when == TUI_WHEN_RECORD, keys, sizeof keys);
		bool named = strcmp(shown, tui_key_name(b->first, name)) == 0;
		bool arrows = strcmp(shown, "arrows") == 0 && (b->first == TUI_KEY_LEFT || b->first == TUI_KEY_UP);
		bool range = b->last > b->first && shown[0] == b->first && shown[2] == b->last;
		bool each = strlen(shown) == 2 && strchr(keys, shown[0]) && strchr(keys, shown[1]);
		if (!named && !arrows && !range && !each)
			fail_msg("footer '%s' of the keys '%s'", b->footer, keys);
	}
}

/* The help alone leads to every screen and every key, on any of them; no line is cut. */
static void test_help_has_everything(void **state)
{
	(void)state;
	for (int where = 0; where < 2 * TUI_SCREENS; where++) {
		const struct gcs_snapshot *s = where % 2 ? record : live;
		struct tui_state st = {.screen = (enum tui_screen)(where / 2), .rows = 24, .cols = 80};
		struct tui_help_line line[TUI_HELP_LINES];
		int n = tui_help_lines(s, &st, line);
		assert_in_range(n, 40, TUI_HELP_LINES - 1);
		for (int i = 0; i < n; i++)
			if (strlen(line[i].text) > 77)
				fail_msg("too long: '%s'", line[i].text);
		for (size_t i = 0; i < tui_bindings_count; i++) {
			const struct tui_binding *b = &tui_bindings[i];
			if (!tui_binding_leads(b) || !(b->when & tui_when(where % 2)))
				continue;
			bool told = false;
			for (int k = 0; k < n; k++)
				told |= strstr(line[k].text, b->help) != NULL;
			if (!told)
				fail_msg("the help of the %s screen lacks '%s'", tui_screens[st.screen].name, b->help);
		}
		/* scrolled from end to end, every line is seen */
		bool seen[TUI_HELP_LINES] = {false};
		press(&st, s, '?');
		for (int k = 0; k <= n; k++, press(&st, s, TUI_KEY_DOWN)) {
			char *text = show(s, &st);
			for (int i = 0; i < n; i++)
				seen[i] |= strstr(text, line[i].text) != NULL;
			free(text);
		}
		for (int i = 0; i < n; i++)
			if (!seen[i])
				fail_msg("never seen: '%s'", line[i].text);
		assert_true(st.help);
		press(&st, s, 'x');
		assert_false(st.help);
	}
}

/* A test of every screen: no line is wider than the terminal and none has more than ASCII where there is no more. */
static void test_sizes(void **state)
{
	(void)state;
	for (int where = 0; where < 2 * TUI_SCREENS; where++)
		for (int rows = 1; rows < 64; rows += 3)
			for (int cols = 1; cols < 210; cols += 11) {
				struct tui_state st = {.screen = (enum tui_screen)(where / 2), .pane = rows % 3, .help = cols % 5 == 0,
						       .kind = (enum tui_kind)(cols % TUI_KINDS), .line = {.zoom = rows % 7}};
				char *text = render(where % 2 ? record : live, &st, rows, cols, true), *at = text;
				for (char *end; (end = strchr(at, '\n')); at = end + 1)
					assert_true(end - at <= cols);
				for (at = text; *at; at++)
					assert_true((unsigned char)*at < 0x80);
				free(text);
				free(render(where % 2 ? record : live, &st, rows, cols, false));
			}
}

static void test_anything_typed(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	struct tui_state st = {0};
	for (int i = 0; i < 30000; i++) {
		const struct gcs_snapshot *s = i / 5000 % 2 ? record : live;
		int key = rand() % 3 ? rand() % 128 : TUI_KEY_UP + rand() % 0x120;
		if (rand() % 40 == 0)
			key = TUI_KEY_F1 + 2 + rand() % 4;
		struct gcs_request r = press(&st, s, key);
		assert_in_range(r.act, GCS_DO_NOTHING, GCS_DO_CHOOSE);
		assert_true(st.screen < TUI_SCREENS && st.kind < TUI_KINDS && st.pane >= 0);
		assert_in_range(st.selected, 0, (int)sc->nfaults - 1);
		if (i % 100 == 0) {
			st.rows = 1 + rand() % 60;
			st.cols = 1 + rand() % 200;
			free(render(s, &st, st.rows, st.cols, i % 200 == 0));
		}
	}
}

/* ---------------------------------------------------------------- the main screen's bars */

/* How many '=' and '>' stand behind "[st][". */
static int filled(const struct gcs_snapshot *s, const struct tui_state *st)
{
	char *text = show(s, st), *at = strstr(text, "[st][");
	int n = 0;
	assert_non_null(at);
	for (at += strlen("[st]["); *at != ']'; at++)
		n += *at == '=' || *at == '>';
	free(text);
	return n;
}

/* The cycle that goes on, and how far it is by the length of the last one; then the one that is over. */
static void test_cycle(void **state)
{
	(void)state;
	struct tui_state st = {.rows = 32, .cols = 100};
	struct gcs_snapshot *s = malloc(sizeof *s);
	struct gcs_history *own = malloc(sizeof *own);
	*s = *live;
	*own = *h;
	s->history = own;
	struct gcs_cycle_row *g = &own->cycle[own->ncycles - 1];
	g->start_ns = s->now_ns - 30000000;
	g->mark_end_ns = g->end_ns = g->sweep_end_ns = -1;
	s->mark_ns_last = 60000000;
	shows(s, &st, " mark 30.0ms ");
	int half = filled(s, &st);
	s->mark_ns_last = 30000000;
	int whole = filled(s, &st);
	assert_true(half > 0 && whole > half);
	assert_in_range(whole - 2 * half, 10, 16); /* the words hide as much of both */
	s->mark_ns_last = 0;
	assert_int_equal(filled(s, &st), 0);
	g->mark_end_ns = g->end_ns = s->now_ns - 10000000;
	shows(s, &st, " mark 20.0ms ");
	shows(s, &st, "sweep 10.0ms");
	assert_int_equal(filled(s, &st), 0);
	g->sweep_end_ns = s->now_ns - 5000000;
	shows(s, &st, "sweep 5.0ms");
	own->ncycles = 0;
	hides(s, &st, "[st]");
	free(own);
	free(s);
}

static void test_limit(void **state)
{
	(void)state;
	struct tui_state st = {.rows = 24, .cols = 80};
	struct gcs_snapshot *s = malloc(sizeof *s);
	*s = *live;
	hides(s, &st, "limit");
	s->memlimit = INT64_MAX;
	hides(s, &st, "limit");
	s->memlimit = 300u << 20;
	shows(s, &st, "  rss 455 -");
	shows(s, &st, "|. limit 300 ...");
	s->memlimit = 9000u * (1ull << 20); /* the heap would be a line at the foot of it */
	shows(s, &st, " rss 455 ");
	st.cols = 100;
	shows(s, &st, " rss 455 limit ");
	hides(s, &st, ". limit ");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_going_about),	    cmocka_unit_test(test_panes),
		cmocka_unit_test(test_the_map_counts_every_pause), cmocka_unit_test(test_the_worst_is_found),
		cmocka_unit_test(test_cells_are_what_is_listed), cmocka_unit_test(test_into_the_list),
		cmocka_unit_test(test_an_empty_map),	    cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_zoomed_in),	    cmocka_unit_test(test_readout_names_the_worst),
		cmocka_unit_test(test_scrubbing),	    cmocka_unit_test(test_events),
		cmocka_unit_test(test_orders_in_words),	    cmocka_unit_test(test_every_line_of_keys),  cmocka_unit_test(test_footers_name_their_keys),
		cmocka_unit_test(test_help_has_everything), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_anything_typed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
