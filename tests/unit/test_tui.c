/* test_tui.c: the live screen, read from its canvas: nothing overflows, the figures are there, keys do what they say. */
#include "harness/playback/playback.h"
#include "tests/unit/test_tui_fixture.h"
#include "tui/format.h"
#include "tui/screen.h"

#include <time.h>

/* What does not fit says so; blanks that do not fit are nothing. */
static void test_cut(void **state)
{
	static const struct { const char *text; bool ascii; const char *shown; } rows[] = {
		{"delay by 40ms", false, "delay by 4\xe2\x80\xa6"}, {"delay by 40ms", true, "delay by 4~"},
		{"delay 400ms", false, "delay 400ms"}, {"delay 40ms    ", false, "delay 40ms"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tui_canvas c = {.ascii = rows[i].ascii};
		struct tui_box box = {0, 2, 1, 11};
		char row[128];
		assert_int_equal(tui_canvas_resize(&c, 1, 40), 0);
		tui_print(&c, &box, 0, 0, TUI_PLAIN, "%s", rows[i].text);
		tui_print(&c, &box, 0, 11, TUI_PLAIN, "%s", "beyond");
		tui_canvas_row(&c, 0, row, sizeof row);
		assert_string_equal(row + 2, rows[i].shown);
		tui_canvas_fini(&c);
	}
}

static void test_main_screen_has_the_figures(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	static const int size[][2] = {{24, 80}, {30, 100}, {50, 140}, {24, 200}, {70, 80}};
	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		struct tui_state st = {0};
		char *text = render(s, &st, size[i][0], size[i][1], true);
		static const char *const wanted[] = {"map-delete-residue", "FAULTING oom", "0:26/0:48", "38.1", "61.8", "3,684",
						     "live 201  goal 402  rss 455", "GC #1842", "maps", "[x]1 oom", "212/500",
						     "oom#1", "steady", "in 9.7s", "integrity.errors == 0", "oom#1 armed",
						     "All SLOs hold", "disarm all", "storm"};
		for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++)
			if (strstr(text, wanted[w]) == NULL)
				fail_msg("%dx%d lacks '%s':\n%s", size[i][1], size[i][0], wanted[w], text);
		for (const char *p = text; *p != '\0'; p++)
			assert_true((unsigned char)*p < 0x80);
		free(text);
	}
	free(s);
	free(sc);
}

/* Whether an occurrence was overlapped is said where there is room for it, and never over the time. */
static void test_overlapped(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	s->rec[0].recovery_ns = 100000000;
	s->resolution_ns = 100000000;
	s->rec[0].overlapped = true;
	for (int cols = 80; cols <= 160; cols += 20) {
		struct tui_state st = {0};
		char *text = render(s, &st, 24, cols, true);
		assert_non_null(strstr(text, "in <0.1s "));
		assert_non_null(strstr(text, " ov"));
		free(text);
	}
	s->rss = 0; /* not known, as of a simulated target */
	struct tui_state st = {0};
	char *text = render(s, &st, 24, 80, true);
	assert_null(strstr(text, "rss"));
	free(text);
	free(s);
	free(sc);
}

static void test_every_size_is_safe(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc), *empty = calloc(1, sizeof *empty);
	empty->scenario = sc;
	for (int rows = 1; rows < 64; rows += 3)
		for (int cols = 1; cols < 220; cols += 13) {
			struct tui_state st = {.help = rows % 2, .zoom = cols % 5, .kind = (enum tui_kind)(cols % TUI_KINDS),
					       .selected = 2, .event_scroll = 3};
			free(render(s, &st, rows, cols, cols % 2));
			free(render(empty, &st, rows, cols, false));
		}
	struct tui_state st = {0};
	char *text = render(s, &st, 4, 60, true);
	assert_non_null(strstr(text, "too small"));
	free(text);
	free(empty);
	free(s);
	free(sc);
}

static void test_simulation_is_labelled(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {0};
	s->sim = true;
	s->state = GCS_STEADY;
	char *text = render(s, &st, 24, 80, true);
	assert_non_null(strstr(text, "SIMULATED"));
	free(text);
	free(s);
	free(sc);
}

static void test_strip_is_logarithmic(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	sc->nfaults = 0;
	s->ncells = 3;
	memset(s->cell, 0, sizeof s->cell);
	s->cell[0].stw_max_ns = 10000;    /* the axis runs from 0.01 to 100 ms: four decades */
	s->cell[1].stw_max_ns = 1000000;
	s->cell[2].stw_max_ns = 99999999;
	struct tui_canvas c = {0};
	struct tui_box box = {0, 0, 9, 40};
	struct tui_state st = {0};
	assert_int_equal(tui_canvas_resize(&c, 9, 40), 0);
	tui_view_strip(&c, &box, s, &st);
	int height[3] = {0};
	for (int col = 0; col < 3; col++)
		for (int row = 1; row < 9; row++) {
			uint32_t ch = c.cell[row * 40 + 7 + col].ch;
			height[col] += ch >= 0x2581 && ch <= 0x2588 ? (int)(ch - 0x2580) : 0;
		}
	assert_int_equal(height[0], 1);
	assert_in_range(height[1], 31, 34); /* half way */
	assert_int_equal(height[2], 64);
	tui_canvas_fini(&c);
	free(s);
	free(sc);
}

static void test_axis_covers_the_newest(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	for (uint32_t n = 0; n <= GCS_STRIP_CELLS; n += 7)
		for (int zoom = 0; zoom <= 6; zoom++)
			for (int cols = 1; cols < 150; cols += 11) {
				struct tui_state st = {.zoom = zoom};
				s->ncells = n;
				struct tui_axis a = tui_axis(s, &st, cols, 1);
				assert_true(a.ncols <= (uint32_t)cols);
				if (n > 0) {
					assert_true(a.ncols > 0 && a.first < n);
					assert_true(a.first + a.ncols * a.per_col >= n);
				}
			}
	free(s);
	free(sc);
}

/* How long a fault that was armed by hand stays so. */
static void test_time_limit(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {0};
	s->fault[0].operator_act = true;
	s->fault[0].limit_ns = s->now_ns + 47 * S;
	char *text = render(s, &st, 24, 80, true);
	must_show(text, "*0:47 212/500");
	free(text);
	s->fault[0].limit_ns = -1;
	text = render(s, &st, 24, 80, true);
	must_show(text, "* 212/500");
	free(text);
	free(s);
	free(sc);
}

static void test_keys(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {0};
	struct gcs_request r = tui_screen_key(&st, s, '2');
	assert_int_equal(r.act, GCS_DO_ARM);
	assert_int_equal(r.fault, 1);
	assert_int_equal(st.selected, 1);
	r = tui_screen_key(&st, s, '1');
	assert_int_equal(r.act, GCS_DO_DISARM);
	assert_int_equal(tui_screen_key(&st, s, '9').act, GCS_DO_NOTHING);
	tui_screen_key(&st, s, TUI_KEY_DOWN);
	r = tui_screen_key(&st, s, 'f');
	assert_int_equal(r.act, GCS_DO_FIRE);
	assert_int_equal(r.fault, 1);
	assert_int_equal(tui_screen_key(&st, s, 'D').act, GCS_DO_DISARM_ALL);
	assert_int_equal(tui_screen_key(&st, s, 'q').act, GCS_DO_NOTHING);
	assert_true(st.confirm_quit);
	assert_int_equal(tui_screen_key(&st, s, 'x').act, GCS_DO_NOTHING);
	assert_false(st.confirm_quit);
	tui_screen_key(&st, s, 'q');
	assert_int_equal(tui_screen_key(&st, s, 'y').act, GCS_DO_QUIT);
	tui_screen_key(&st, s, '?');
	assert_true(st.help);
	assert_int_equal(tui_screen_key(&st, s, '1').act, GCS_DO_NOTHING);
	assert_false(st.help);
	free(s);
	free(sc);
}

/* ---- a record that is looked at */

static void test_record_screen(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_record(sc);
	static const int size[][2] = {{24, 80}, {32, 100}, {40, 120}, {50, 200}};
	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		struct tui_state st = {0};
		char *text = render(s, &st, size[i][0], size[i][1], true);
		static const char *const wanted[] = {"RECORD ", "map-delete-residue", "FAULTING oom", "PAUSED", "0:26.00 of 0:44.12", "x4",
						     "===", "O", "n fault", "w worst", "q quit", "[x]1 oom", ">212/500", "in 9.7s",
						     "All SLOs hold", "storm"};
		for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++)
			must_show(text, wanted[w]);
		assert_null(strstr(text, "disarm"));
		free(text);
	}
	struct tui_state st = {.help = true};
	char *text = render(s, &st, 24, 80, true);
	must_show(text, "KEYS OF A RECORD");
	must_show(text, "any key closes");
	free(text);
	s->playback.active = false;
	text = render(s, &st, 24, 80, true);
	must_show(text, "arm or disarm that fault");
	free(text);
	free(s);
	free(sc);
}

static void test_record_says_what_it_is(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_record(sc);
	struct tui_state st = {0};
	s->sim = s->operator_modified = true;
	char *text = render(s, &st, 24, 80, true);
	must_show(text, "SIMULATED");
	must_show(text, "BY HAND");
	must_show(text, "RECORD");
	must_show(text, "map-delete-residue");
	free(text);
	text = render(s, &st, 30, 160, true);
	must_show(text, "OPERATOR-MODIFIED");
	must_show(text, "times modelled");
	free(text);
	s->playback.active = false; /* so does a live run */
	text = render(s, &st, 24, 80, true);
	must_show(text, "SIMULATED");
	must_show(text, "BY HAND");
	free(text);
	s->playback.active = s->playback.live = s->playback.following = true;
	s->playback.paused = false;
	strcpy(s->playback.notice, "Worst: STW 61.8 ms");
	text = render(s, &st, 24, 80, true);
	must_show(text, "FOLLOWING");
	must_show(text, "Worst: STW 61.8 ms");
	assert_null(strstr(text, "F follow"));
	free(text);
	s->playback.following = false;
	text = render(s, &st, 24, 80, true);
	must_show(text, "F follow");
	must_show(text, "so far");
	free(text);
	free(s);
	free(sc);
}

static void test_incident_clock(void **state)
{
	(void)state;
	static char clock[] = "03:10:00";
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_record(sc);
	struct tui_state st = {0};
	sc->clock = clock;
	sc->clock_ns = (3 * 3600 + 600) * S;
	sc->time_scale_milli = 10000;
	char *text = render(s, &st, 24, 80, true);
	must_show(text, "03:14:20"); /* 26 s, ten times faster */
	free(text);
	s->playback.active = false;
	text = render(s, &st, 24, 80, true);
	must_show(text, "03:14:20  0:26/0:48");
	free(text);
	free(s);
	free(sc);
}

static void test_record_keys(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_record(sc);
	struct tui_state st = {0};
	static const struct { int key; enum gcs_act act; int64_t by_ns; } wanted[] = {
		{TUI_KEY_LEFT, GCS_DO_SEEK, -S}, {TUI_KEY_RIGHT, GCS_DO_SEEK, S}, {'[', GCS_DO_SEEK, -10 * S}, {']', GCS_DO_SEEK, 10 * S},
		{TUI_KEY_SHIFT_LEFT, GCS_DO_SEEK, -10 * S}, {',', GCS_DO_WINDOW, -1}, {'.', GCS_DO_WINDOW, 1},
		{TUI_KEY_HOME, GCS_DO_HOME, 0}, {TUI_KEY_END, GCS_DO_END, 0}, {'p', GCS_DO_PLAY, 0}, {' ', GCS_DO_PLAY, 0},
		{'<', GCS_DO_SLOWER, 0}, {'>', GCS_DO_FASTER, 0}, {'n', GCS_DO_NEXT_FAULT, 0}, {'N', GCS_DO_PREV_FAULT, 0},
		{'F', GCS_DO_FOLLOW, 0}, {'q', GCS_DO_QUIT, 0}, {'l', GCS_DO_LIST, 0}, {'1', GCS_DO_ARM, 0}, {'f', GCS_DO_FIRE, 0},
		{'+', GCS_DO_NOTHING, 0}, {'x', GCS_DO_NOTHING, 0},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		struct gcs_request r = tui_screen_key(&st, s, wanted[i].key);
		assert_int_equal(r.act, wanted[i].act);
		assert_int_equal(r.by_ns, wanted[i].by_ns);
	}
	assert_false(st.frozen || st.confirm_quit);
	assert_int_equal(st.zoom, 1);
	assert_int_equal(tui_screen_key(&st, s, 'w').kind, GCS_WORST_STW);
	tui_screen_key(&st, s, 'k');
	assert_int_equal(tui_screen_key(&st, s, 'w').kind, GCS_WORST_STOPPING);
	assert_int_equal(tui_screen_key(&st, s, 'W').kind, GCS_WORST_ANY);
	tui_screen_key(&st, s, '?');
	assert_int_equal(tui_screen_key(&st, s, 'q').act, GCS_DO_NOTHING);
	free(s);
	free(sc);
}

static void test_any_keys(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_record(sc);
	struct tui_state st = {0};
	for (int i = 0; i < 20000; i++) {
		int key = rand() % 3 ? rand() % 256 : TUI_KEY_UP + rand() % (0x120);
		struct gcs_request r = tui_screen_key(&st, s, key);
		assert_in_range(r.act, GCS_DO_NOTHING, GCS_DO_CHOOSE);
		assert_true(r.kind >= GCS_WORST_STW && r.kind <= GCS_WORST_ANY);
		assert_in_range(st.selected, 0, (int)sc->nfaults - 1);
		assert_in_range(st.zoom, 0, 6);
		assert_true(st.kind < TUI_KINDS && !st.confirm_quit && !st.frozen);
		if (i % 500 == 0) {
			s->now_ns = rand() % 50 * S;
			s->ncells = (uint32_t)rand() % GCS_STRIP_CELLS;
			free(render(s, &st, 1 + rand() % 60, 1 + rand() % 200, i % 1000 == 0));
		}
	}
	s->playback.record_end_ns = 0;
	sc->nfaults = 0;
	st = (struct tui_state){0};
	free(render(s, &st, 24, 80, true));
	free(s);
	free(sc);
}

static char *render_list(const struct gcs_choice *choice, uint32_t n, struct tui_chooser *ch, int rows, int cols)
{
	struct tui_canvas c = {.ascii = true};
	struct tui_box all = {0, 0, rows, cols};
	assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
	tui_view_chooser(&c, &all, choice, n, ch);
	char *text = calloc(1, (size_t)rows * ((size_t)cols * 4 + 2) + 1), *at = text;
	for (int row = 0; row < rows; row++) {
		at += tui_canvas_row(&c, row, at, (size_t)cols * 4 + 1);
		*at++ = '\n';
	}
	tui_canvas_fini(&c);
	return text;
}

static void test_chooser(void **state)
{
	(void)state;
	struct gcs_choice run[40] = {0};
	struct tui_chooser ch = {0};
	for (int i = 0; i < 40; i++) {
		snprintf(run[i].name, sizeof run[i].name, "%s-%02d", i % 2 ? "residue" : "netpoll", i);
		strcpy(run[i].when, "2026-02-03 04:05:06");
		strcpy(run[i].length, "0:48");
		strcpy(run[i].verdict, i == 3 ? "FAIL" : "PASS");
		run[i].read = true;
		run[i].failed = i == 3;
	}
	run[5].by_hand = true;
	char *text = render_list(run, 40, &ch, 24, 80);
	must_show(text, "> netpoll-00");
	must_show(text, "2026-02-03 04:05     0:48  FAIL");
	must_show(text, "by hand");
	assert_null(strstr(text, "residue-39"));
	free(text);
	tui_chooser_key(&ch, run, 40, 'j');
	tui_chooser_key(&ch, run, 40, TUI_KEY_DOWN);
	struct gcs_request r = tui_chooser_key(&ch, run, 40, TUI_KEY_ENTER);
	assert_int_equal(r.act, GCS_DO_CHOOSE);
	assert_int_equal(r.fault, 2);
	tui_chooser_key(&ch, run, 40, TUI_KEY_END);
	text = render_list(run, 40, &ch, 24, 80);
	must_show(text, "> residue-39");
	free(text);
	tui_chooser_key(&ch, run, 40, '/');
	for (const char *k = "fail"; *k; k++)
		tui_chooser_key(&ch, run, 40, *k);
	text = render_list(run, 40, &ch, 24, 80);
	must_show(text, "/fail");
	must_show(text, "> residue-03");
	assert_null(strstr(text, "netpoll"));
	free(text);
	tui_chooser_key(&ch, run, 40, TUI_KEY_ENTER); /* the filter stands */
	r = tui_chooser_key(&ch, run, 40, TUI_KEY_ENTER);
	assert_int_equal(r.act, GCS_DO_CHOOSE);
	assert_int_equal(r.fault, 3);
	tui_chooser_key(&ch, run, 40, '/');
	tui_chooser_key(&ch, run, 40, 'q'); /* typed, no order */
	text = render_list(run, 40, &ch, 24, 80);
	must_show(text, "none has that");
	free(text);
	tui_chooser_key(&ch, run, 40, TUI_KEY_ESCAPE);
	assert_int_equal(tui_chooser_key(&ch, run, 40, 'q').act, GCS_DO_QUIT);
	for (int i = 0; i < 5000; i++) {
		tui_chooser_key(&ch, run, (uint32_t)(i % 41), i * 7919 % 300 + (i % 5 == 0 ? 0x1000 : 0));
		if (i % 50 == 0)
			free(render_list(run, (uint32_t)(i % 41), &ch, 1 + i % 40, 1 + i % 130));
	}
}

static void test_numbers(void **state)
{
	(void)state;
	char b[TUI_NUMBER];
	assert_string_equal(tui_ms(b, 82000), "0.082");
	assert_string_equal(tui_ms(b, 1120000), "1.12");
	assert_string_equal(tui_ms(b, 38100000), "38.1");
	assert_string_equal(tui_ms(b, 1240000000), "1240");
	assert_string_equal(tui_ms(b, -1), "-");
	assert_string_equal(tui_duration(b, 840), "840ns");
	assert_string_equal(tui_duration(b, 82000), "82µs");
	assert_string_equal(tui_duration(b, 4100000), "4.1ms");
	assert_string_equal(tui_duration(b, 847 * S), "14:07");
	assert_string_equal(tui_clock_fine(b, 26 * S + 409999999), "0:26.40");
	assert_string_equal(tui_count(b, 1234567), "1,234,567");
	assert_string_equal(tui_count(b, 999), "999");
	assert_string_equal(tui_rate(b, 181000), "181k");
	assert_string_equal(tui_rate(b, 4900), "4.9k");
	assert_string_equal(tui_mib(b, 1u << 30), "1024");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut), cmocka_unit_test(test_main_screen_has_the_figures), cmocka_unit_test(test_overlapped),
		cmocka_unit_test(test_every_size_is_safe),
		cmocka_unit_test(test_simulation_is_labelled),      cmocka_unit_test(test_strip_is_logarithmic),
		cmocka_unit_test(test_axis_covers_the_newest),      cmocka_unit_test(test_keys),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_numbers),                     cmocka_unit_test(test_record_screen),
		cmocka_unit_test(test_record_says_what_it_is),      cmocka_unit_test(test_incident_clock),
		cmocka_unit_test(test_record_keys),                 cmocka_unit_test(test_any_keys),
		cmocka_unit_test(test_chooser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
