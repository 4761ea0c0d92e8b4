/*
 * test_tui_mouse.c: reports of the mouse, whole, cut and broken; and what a press and the wheel do on each screen, against what stands
 * at that place of the picture.
 */
#include "tests/unit/test_tui_pair.h"
#include "tui/heat_grid.h"
#include "tui/palette.h"
#include "tui/screen.h"

#include <math.h>
#include <time.h>

/* ---------------------------------------------------------------- reports */

/* Whether the bytes behind a head are one report, and which. */
static int feed(bool sgr, const char *bytes, struct tui_mouse *ret)
{
	struct tui_mouse_reader r;
	int got = 0;
	tui_mouse_begin(&r, sgr);
	for (const char *b = bytes; *b; b++) {
		assert_true(r.reading);
		got = tui_mouse_feed(&r, (unsigned char)*b, ret);
		if (got != 0) {
			assert_int_equal(b[1], 0);
			return got;
		}
	}
	return r.reading ? 2 : 0; /* 2: it takes more */
}

static void test_reports(void **state)
{
	(void)state;
	struct tui_mouse m;
	assert_int_equal(feed(true, "0;12;5M", &m), 1);
	assert_true(m.row == 4 && m.col == 11 && m.act == TUI_MOUSE_PRESS);
	assert_int_equal(feed(true, "0;12;5m", &m), 0); /* let go */
	assert_int_equal(feed(true, "16;200;60M", &m), 1); /* with Ctrl */
	assert_true(m.row == 59 && m.col == 199 && m.act == TUI_MOUSE_PRESS);
	assert_int_equal(feed(true, "64;1;1M", &m), 1);
	assert_int_equal(m.act, TUI_MOUSE_WHEEL_UP);
	assert_int_equal(feed(true, "65;1;1M", &m), 1);
	assert_int_equal(m.act, TUI_MOUSE_WHEEL_DOWN);
	assert_int_equal(feed(true, "2;1;1M", &m), 0);
	assert_int_equal(feed(true, "35;1;1M", &m), 0);
	assert_int_equal(feed(false, " !!", &m), 1);
	assert_true(m.row == 0 && m.col == 0 && m.act == TUI_MOUSE_PRESS);
	assert_int_equal(feed(false, "a+%", &m), 1);
	assert_true(m.row == 4 && m.col == 10 && m.act == TUI_MOUSE_WHEEL_DOWN);
	assert_int_equal(feed(false, "#!!", &m), 0); /* let go */
}

static void test_no_reports(void **state)
{
	(void)state;
	struct tui_mouse m;
	assert_int_equal(feed(true, "0;12M", &m), -1);
	assert_int_equal(feed(true, "0;12;5;", &m), -1);
	assert_int_equal(feed(true, "x", &m), -1);
	assert_int_equal(feed(true, "0;999999", &m), -1);
	assert_int_equal(feed(true, "0;0;0M", &m), 0);
	assert_int_equal(feed(true, "0;12;", &m), 2);
	assert_int_equal(feed(false, " \033", &m), -1);
	assert_int_equal(feed(false, " ! ", &m), 0); /* row 0: there is none */
	/* anything: it ends, and what it says is on a terminal */
	srand(7);
	for (int i = 0; i < 200000; i++) {
		struct tui_mouse_reader r;
		int bytes = 0, got = 0;
		tui_mouse_begin(&r, i % 2);
		for (; r.reading && got == 0 && bytes < 64; bytes++)
			got = tui_mouse_feed(&r, rand() % 3 ? '0' + rand() % 12 : rand() % 256, &m);
		assert_true(bytes < 64);
		if (got > 0)
			assert_true(m.row >= 0 && m.col >= 0 && m.row <= 99999 && m.col <= 99999);
	}
}

/* ---------------------------------------------------------------- places */

static struct gcs_request point(struct tui_state *st, const struct gcs_snapshot *s, int row, int col, enum tui_mouse_act act)
{
	st->rows = st->rows ? st->rows : 24;
	st->cols = st->cols ? st->cols : 80;
	return tui_screen_mouse(st, s, (struct tui_mouse){row, col, act});
}

/* The row and column where the picture has a text. */
static void find(const struct gcs_snapshot *s, const struct tui_state *st, const char *what, int *ret_row, int *ret_col)
{
	char *text = render(s, st, st->rows ? st->rows : 24, st->cols ? st->cols : 80, true), *at = strstr(text, what), *line = text;
	if (!at)
		fail_msg("lacks '%s':\n%s", what, text);
	*ret_row = 0;
	for (char *c = text; c < at; c++)
		if (*c == '\n')
			(*ret_row)++, line = c + 1;
	*ret_col = (int)(at - line);
	free(text);
}


static void test_a_fault_is_chosen(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * SIZES; i++)
		for (int fault = 0; fault < 3; fault++) {
			const struct gcs_snapshot *s = i % 2 ? record : live;
			struct tui_state st = {.rows = sizes[i / 2][0], .cols = sizes[i / 2][1], .selected = (fault + 1) % 3};
			const char *const line[] = {"]1 oom", "]2 late", "]3 gcnow"};
			int row, col;
			find(s, &st, line[fault], &row, &col);
			assert_int_equal(point(&st, s, row, col, TUI_MOUSE_PRESS).act, GCS_DO_NOTHING); /* it arms nothing */
			assert_int_equal(st.selected, fault);
			assert_int_equal(tui_main_pane(&st), TUI_PANE_FAULTS);
			find(s, &st, "- EVENTS", &row, &col);
			point(&st, s, row, col + 2, TUI_MOUSE_PRESS);
			assert_int_equal(tui_main_pane(&st), TUI_PANE_EVENTS);
			assert_int_equal(st.selected, fault);
			point(&st, s, row, col + 2, TUI_MOUSE_WHEEL_UP);
			assert_int_equal(st.event_scroll, 1);
			point(&st, s, row, col + 2, TUI_MOUSE_WHEEL_DOWN);
			assert_int_equal(st.event_scroll, 0);
		}
}

static void test_an_event_is_chosen(void **state)
{
	(void)state;
	for (int i = 0; i < SIZES; i++) {
		struct tui_state st = {.screen = TUI_SCREEN_EVENTS, .rows = sizes[i][0], .cols = sizes[i][1]};
		int row, col;
		find(record, &st, "oom#1 disarmed", &row, &col);
		point(&st, record, row, col, TUI_MOUSE_PRESS);
		struct gcs_request r = tui_screen_key(&st, record, TUI_KEY_ENTER);
		assert_int_equal(r.act, GCS_DO_SEEK);
		assert_int_equal(r.by_ns, 19 * S - record->now_ns);
		point(&st, record, 10, col, TUI_MOUSE_WHEEL_DOWN);
		r = tui_screen_key(&st, record, TUI_KEY_ENTER);
		assert_int_equal(r.by_ns, 20 * S - record->now_ns); /* late#1 disarmed */
	}
}

/* A press on any place of the map moves the cursor there, and nowhere else: ^ and > of the next picture point at it. */
static void test_a_cell_is_chosen(void **state)
{
	(void)state;
	for (int i = 0; i < SIZES; i++) {
		struct tui_state st = {.screen = TUI_SCREEN_PAUSES, .rows = sizes[i][0], .cols = sizes[i][1]};
		int axis, ms, moved = 0, left = 0;
		find(live, &st, "   ms", &axis, &ms);
		for (int row = 3; row < axis; row++)
			for (int col = 8; col < 60; col += 5) {
				int at_row, at_col;
				struct tui_state was = st;
				point(&st, live, row, col, TUI_MOUSE_PRESS);
				char *text = render(live, &st, st.rows, st.cols, true), *line = text;
				for (int k = 0; k < axis; k++)
					line = strchr(line, '\n') + 1;
				at_col = (int)(strchr(line, '^') - line);
				line = text;
				for (at_row = 0; line[6] != '>' || at_row < 3; at_row++)
					line = strchr(line, '\n') + 1;
				if (at_row == row && col >= at_col && col < at_col + 16)
					moved++;
				else if (st.heat.at_ns == was.heat.at_ns && st.heat.row == was.heat.row)
					left++; /* beyond what has happened */
				else
					fail_msg("pressed %d,%d, the cursor is at %d,%d:\n%s", row, col, at_row, at_col, text);
				free(text);
			}
		assert_true(moved > 40 && left < moved);
	}
}

static void test_a_pause_is_chosen(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_PAUSES, .kind = TUI_KIND_ASSIST, .rows = 24, .cols = 80};
	int row, col, first;
	find(record, &st, " GC#", &first, &col);
	point(&st, record, first + 1, col, TUI_MOUSE_PRESS); /* the second */
	assert_int_equal(st.heat.list, 1);
	find(record, &st, ">  0:", &row, &col);
	point(&st, record, row, 20, TUI_MOUSE_WHEEL_UP);
	assert_int_equal(st.heat.list, 0);
}

/* The press goes to the moment that the axis shows there. */
static void test_a_moment_is_gone_to(void **state)
{
	(void)state;
	for (int i = 0; i < SIZES; i++) {
		struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = sizes[i][0], .cols = sizes[i][1]};
		int row, col, zoom_row = 10;
		find(record, &st, "|0:10", &row, &col);
		struct gcs_request r = point(&st, record, row + 2, col, TUI_MOUSE_PRESS);
		assert_int_equal(r.act, GCS_DO_SEEK);
		assert_in_range(r.by_ns + record->now_ns, 10 * S - 26 * S / 60, 10 * S);
		r = point(&st, live, row + 2, col, TUI_MOUSE_PRESS);
		assert_int_equal(r.act, GCS_DO_NOTHING);
		assert_true(st.line.placed && st.line.at_ns <= 10 * S && st.line.at_ns > 10 * S - 26 * S / 60);
		point(&st, live, zoom_row, col, TUI_MOUSE_WHEEL_UP);
		assert_int_equal(st.line.zoom, 1);
		point(&st, live, zoom_row, col, TUI_MOUSE_WHEEL_DOWN);
		assert_int_equal(st.line.zoom, 0);
	}
}

static void test_the_track_is_pressed(void **state)
{
	(void)state;
	struct tui_state st = {.rows = 24, .cols = 80};
	int row, open, close, last;
	find(record, &st, "x4 [", &row, &open);
	open += 3;
	struct gcs_request r = point(&st, record, row, open + 1, TUI_MOUSE_PRESS);
	assert_int_equal(r.act, GCS_DO_SEEK);
	assert_int_equal(r.by_ns, -record->now_ns);
	find(record, &st, "]\n-", &close, &last);
	assert_int_equal(close, row);
	r = point(&st, record, row, last - 1, TUI_MOUSE_PRESS);
	assert_int_equal(r.by_ns, record->playback.record_end_ns - record->now_ns);
	assert_int_equal(point(&st, record, row, last, TUI_MOUSE_PRESS).act, GCS_DO_NOTHING);
	assert_int_equal(point(&st, record, row, 2, TUI_MOUSE_PRESS).act, GCS_DO_NOTHING);
	assert_int_equal(point(&st, live, row, open + 1, TUI_MOUSE_PRESS).act, GCS_DO_NOTHING); /* a run has none */
}

/* While a question waits for keys, and on the help, a press is no order. */
static void test_not_now(void **state)
{
	(void)state;
	struct tui_state st = {.confirm_quit = true, .selected = 2};
	assert_int_equal(point(&st, live, 20, 5, TUI_MOUSE_PRESS).act, GCS_DO_NOTHING);
	assert_true(st.confirm_quit && st.selected == 2);
	st = (struct tui_state){.help = true};
	point(&st, live, 10, 5, TUI_MOUSE_WHEEL_DOWN);
	assert_true(st.help && st.help_top == 1);
	point(&st, live, 10, 5, TUI_MOUSE_PRESS);
	assert_false(st.help);
}

static void test_a_run_is_chosen(void **state)
{
	(void)state;
	struct gcs_choice choice[40];
	struct tui_chooser ch = {0};
	struct tui_canvas c = {.ascii = true};
	struct tui_box all = {0, 0, 24, 80};
	memset(choice, 0, sizeof choice);
	for (int i = 0; i < 40; i++)
		snprintf(choice[i].name, sizeof choice[i].name, "run-%d", i);
	assert_int_equal(tui_canvas_resize(&c, 24, 80), 0);
	tui_view_chooser(&c, &all, choice, 40, &ch);
	struct gcs_request r = tui_chooser_point(&ch, choice, 40, (struct tui_mouse){8, 5, TUI_MOUSE_PRESS});
	assert_true(r.act == GCS_DO_NOTHING && ch.at == 7);
	r = tui_chooser_point(&ch, choice, 40, (struct tui_mouse){8, 5, TUI_MOUSE_PRESS});
	assert_true(r.act == GCS_DO_CHOOSE && r.fault == 7);
	tui_chooser_point(&ch, choice, 40, (struct tui_mouse){22, 5, TUI_MOUSE_PRESS}); /* the rule below */
	assert_int_equal(ch.at, 7);
	tui_chooser_point(&ch, choice, 40, (struct tui_mouse){1, 1, TUI_MOUSE_WHEEL_DOWN});
	assert_int_equal(ch.at, 8);
	tui_canvas_fini(&c);
}

/* ---------------------------------------------------------------- the palette */

static double palette_linear(int level)
{
	double v = (level ? 55 + level * 40 : 0) / 255.0;
	return v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* On black and on white alike, by WCAG's measure. */
static void test_palette_is_readable(void **state)
{
	(void)state;
	for (int r = 0; r < TUI_ROLES; r++) {
		struct tui_shade shade = tui_palette((enum tui_role)r, 256);
		if (shade.colour < 0)
			continue;
		assert_in_range(shade.colour, 16, 231);
		int n = shade.colour - 16;
		double light = 0.2126 * palette_linear(n / 36) + 0.7152 * palette_linear(n / 6 % 6) + 0.0722 * palette_linear(n % 6);
		if ((light + 0.05) / 0.05 < 3 || 1.05 / (light + 0.05) < 3)
			fail_msg("role %d: colour %d, luminance %.3f", r, shade.colour, light);
	}
	for (int r = 0; r < TUI_ROLES; r++) {
		assert_in_range(tui_palette((enum tui_role)r, 8).colour + 1, 0, 8);
		assert_in_range(tui_palette((enum tui_role)r, 16777216).colour + 1, 0, 8);
		assert_int_equal(tui_palette((enum tui_role)r, 0).colour, -1);
	}
	assert_true(tui_palette(TUI_GOOD, 256).colour != tui_palette(TUI_BAD, 256).colour);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports),	       cmocka_unit_test(test_no_reports),
		cmocka_unit_test(test_a_fault_is_chosen), cmocka_unit_test(test_an_event_is_chosen),
		cmocka_unit_test(test_a_cell_is_chosen), cmocka_unit_test(test_a_pause_is_chosen),
		cmocka_unit_test(test_a_moment_is_gone_to), cmocka_unit_test(test_the_track_is_pressed),
		cmocka_unit_test(test_not_now),	       cmocka_unit_test(test_a_run_is_chosen),
		cmocka_unit_test(test_palette_is_readable),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
