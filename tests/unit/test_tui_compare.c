/*
 * test_tui_compare.c: the screen of a comparison, read from its canvas against the comparison that it was drawn from; its keys and the mouse; the list of
 * runs as it asks for the other record.
 */
#include "tests/unit/test_tui_fixture.h"
#include "tests/unit/test_versus_fixture.h"
#include "tui/format.h"
#include "tui/screen.h"
#include "tui/versus_behind.h"
#include "tui/versus_strip.h"

#include <time.h>

static struct gcs_scenario *sc;
static struct gcs_history *h, *other;
static struct gcs_snapshot *live, *record;
static struct gcs_versus *several, *one;

/* B stopped for twice as long where a fault was armed, and ended earlier. */
static void draw(struct gcs_versus *v)
{
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		v->side[side].history = side ? other : h;
		v->side[side].scenario = sc;
		v->side[side].end_ns = (side ? 22 : 26) * S;
	}
}

static int setup(void **state)
{
	(void)state;
	sc = make_scenario();
	h = make_history();
	other = make_history();
	other->ncells = 220;
	for (uint32_t i = 0; i < other->ncells; i++)
		other->cell[i].stw_max_ns *= other->cell[i].faults_armed ? 2 : 1;
	live = make_snapshot(sc);
	record = make_record(sc);
	with_history(live, h);
	with_history(record, h);
	record->playback.record_end_ns = 26 * S;
	several = make_versus(6, 6);
	one = make_versus(1, 1);
	assert_true(several && one);
	draw(several);
	draw(one);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gcs_versus_close(several);
	gcs_versus_close(one);
	free(live);
	free(record);
	gcs_history_destroy(h);
	gcs_history_destroy(other);
	free(sc);
	return 0;
}

static struct tui_state compare_at(int rows, int cols)
{
	return (struct tui_state){.screen = TUI_SCREEN_COMPARE, .rows = rows, .cols = cols};
}

static struct gcs_request press(struct tui_state *st, int key)
{
	return tui_screen_key(st, record, key);
}

static char *show(const struct tui_state *st, bool ascii)
{
	return render(record, st, st->rows, st->cols, ascii);
}

static void shows(const struct tui_state *st, const char *what)
{
	char *text = show(st, true);
	must_show(text, what);
	free(text);
}

static void hides(const struct tui_state *st, const char *what)
{
	char *text = show(st, true);
	if (strstr(text, what))
		fail_msg("still has '%s':\n%s", what, text);
	free(text);
}

/* ---------------------------------------------------------------- figures */

static const int sizes[][2] = {{24, 80}, {32, 100}, {60, 200}};

/* Every figure can be gone to, and its line has what the comparison has; ASCII and UTF-8 say the same. */
static void every_figure(const struct gcs_versus *v, int rows, int cols)
{
	record->versus = v;
	struct tui_state st = compare_at(rows, cols);
	for (uint32_t i = 0; i < v->nrows; i++, press(&st, TUI_KEY_DOWN)) {
		const struct gcs_versus_row *r = &v->row[i];
		assert_int_equal(st.versus.row, i);
		for (int ascii = 0; ascii < 2; ascii++) {
			char *text = show(&st, ascii), want[64], *line;
			snprintf(want, sizeof want, "\n>%.20s", r->metric);
			must_show(text, want);
			line = strndup(strstr(text, want) + 1, strcspn(strstr(text, want) + 1, "\n"));
			for (int side = 0; side < GCS_VERSUS_SIDES; side++)
				must_show(line, strlen(r->side[side].shown) < 12 ? r->side[side].shown : "FAIL");
			must_show(line, r->word);
			snprintf(want, sizeof want, "  %.2f (%.2f to %.2f)", r->ratio, r->low, r->high);
			if (r->pairs > 1)
				must_show(line, want);
			if (r->pairs == 1 && strchr(line, '('))
				fail_msg("an interval of one pair: %s", line);
			free(line);
			free(text);
		}
	}
	press(&st, TUI_KEY_END);
	assert_int_equal(st.versus.row, v->nrows - 1);
	press(&st, TUI_KEY_HOME);
	assert_int_equal(st.versus.row, 0);
}

static void test_figures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		every_figure(several, sizes[i][0], sizes[i][1]);
		every_figure(one, sizes[i][0], sizes[i][1]);
	}
}

static void test_what_must_be_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct tui_state st = compare_at(sizes[i][0], sizes[i][1]);
		record->versus = several;
		shows(&st, " A 6 runs of map-delete-residue  embedded/2P, 6 of 6 count");
		shows(&st, "5 pairs of one seed, interval 93.8 %; same: all of it within 1/1.25 to 1.25");
		shows(&st, "otherwise on B: target.gogc 100 -> 50");
		shows(&st, "1 not counted (Enter): B map-delete-residue-b6: INCONCLUSIVE");
		shows(&st, "FIGURES, modelled times");
		record->versus = one;
		shows(&st, "One run against one: B/A of this pair alone, no interval; nothing is decided.");
		hides(&st, "WORSE");
		hides(&st, "not counted");
	}
}

/* Enter: who the figure is of, one by one. */
static void test_runs_behind(void **state)
{
	(void)state;
	record->versus = several;
	struct tui_state st = compare_at(32, 100);
	press(&st, TUI_KEY_DOWN); /* pause.stw.p99 */
	press(&st, TUI_KEY_ENTER);
	shows(&st, "BEHIND pause.stw.p99");
	press(&st, TUI_KEY_DOWN);
	shows(&st, "B map-delete-residue-b6");
	shows(&st, "not counted: INCONCLUSIVE: oom fired 0 < 20");
	press(&st, TUI_KEY_HOME);
	shows(&st, "A map-delete-residue-a1");
	shows(&st, "seed 0x1  drawn");
	char *text = show(&st, true), *at = strstr(text, "map-delete-residue-a3");
	assert_non_null(at);
	at[strcspn(at, "\n")] = '\0';
	must_show(at, "1.22 ms"); /* 1.2 ms and two per cent of it */
	free(text);
	press(&st, TUI_KEY_ESCAPE);
	shows(&st, ">pause.stw.p99");
	assert_int_equal(st.screen, TUI_SCREEN_COMPARE);
	press(&st, TUI_KEY_ESCAPE);
	assert_int_equal(st.screen, TUI_SCREEN_MAIN);
}

/* Of the runs that are drawn: the longest of the recorded phases, each with its collection and firing; occurrences of a fault. */
static void test_pauses_and_occurrences_behind(void **state)
{
	(void)state;
	struct versus_line line[VERSUS_BEHIND_LINES];
	char want[128], length[TUI_NUMBER], at[TUI_NUMBER];
	const struct gcs_pause_row *worst = NULL;
	record->versus = several;
	for (uint32_t i = 0; i < h->npauses; i++)
		if (h->pause[i].kind == GCS_PAUSE_STW && h->pause[i].t_ns >= 4 * S && (!worst || h->pause[i].dur_ns > worst->dur_ns))
			worst = &h->pause[i];
	struct gcs_pause_row *warming = h->pause; /* of a phase that does not count: no figure has it */
	while (warming->kind != GCS_PAUSE_STW)
		warming++;
	int64_t warming_ns = warming->dur_ns;
	assert_true(warming->t_ns < 4 * S);
	warming->dur_ns = S;
	assert_int_equal(versus_behind(record, 1, 100, line), 12 + 2 * VERSUS_BEHIND_PAUSES);
	warming->dur_ns = warming_ns;
	snprintf(want, sizeof want, "A longest %s at %s  GC#%u", tui_duration(length, worst->dur_ns), tui_clock_milli(at, worst->t_ns), worst->cycle);
	must_show(line[12].text, want);
	must_show(line[12].text, "due to oom#2");
	must_show(line[12 + VERSUS_BEHIND_PAUSES].text, "B longest ");
	for (uint32_t row = 0; row < several->nrows; row++) {
		int n = versus_behind(record, (int)row, 100, line);
		if (strcmp(several->row[row].metric, "recovery.time.max@oom") == 0) {
			assert_int_equal(n, 12 + 4);
			assert_string_equal(line[12].text, "A oom#1  armed at 0:16.000  steady in 2.4s");
			assert_string_equal(line[13].text, "A oom#2  armed at 0:24.000  degraded");
		}
		if (strncmp(several->row[row].metric, "gc.", 3) == 0)
			assert_int_equal(n, 12);
	}
}

/* ---------------------------------------------------------------- strips */

static int64_t longest(const struct gcs_history *of, int64_t from_ns, int64_t to_ns)
{
	int64_t most_ns = 0;
	for (uint32_t i = 0; i < of->ncells; i++)
		if ((i + 1) * of->cell_ns > from_ns && i * of->cell_ns < to_ns && of->cell[i].stw_max_ns > most_ns)
			most_ns = of->cell[i].stw_max_ns;
	return most_ns;
}

/* At whatever moment: what is read off is what the histories have there, column by column. */
static void test_readout(void **state)
{
	(void)state;
	record->versus = several;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct tui_state st = compare_at(sizes[i][0], sizes[i][1]);
		shows(&st, " AT "); /* begins at the longest of both */
		assert_true(longest(other, versus_cursor(several, &st), versus_cursor(several, &st) + 1) == longest(other, 0, 26 * S));
		for (int k = 0; k < 120; k++) {
			press(&st, k % 7 == 3 ? TUI_KEY_SHIFT_LEFT : k % 5 == 1 ? TUI_KEY_RIGHT : k == 60 ? '+' : k == 90 ? 'N' : TUI_KEY_LEFT);
			if (k == 30)
				st.versus.at_ns = 25 * S;
			struct tui_span span = versus_span(several, &st, st.cols - VERSUS_STRIP_LABEL - 1);
			int64_t col = tui_span_col(&span, versus_cursor(several, &st)), from_ns = span.from_ns + col * span.col_ns;
			assert_in_range(col, 0, span.cols - 1);
			char want[128], a[TUI_NUMBER], b[TUI_NUMBER], at[TUI_NUMBER];
			int64_t a_ns = longest(h, from_ns, from_ns + span.col_ns), b_ns = longest(other, from_ns, from_ns + span.col_ns);
			snprintf(want, sizeof want, " AT %s  A %s", tui_clock_fine(at, versus_cursor(several, &st)), a_ns ? tui_duration(a, a_ns) : "none");
			char *text = show(&st, false);
			must_show(text, want);
			snprintf(want, sizeof want, "B %s", from_ns >= 22 * S ? "over" : b_ns ? tui_duration(b, b_ns) : "none");
			must_show(strstr(text, " AT "), want);
			free(text);
		}
	}
}

static void test_going_to_edges(void **state)
{
	(void)state;
	record->versus = several;
	struct tui_state st = compare_at(24, 80);
	st.versus.placed = true;
	static const int64_t edges[] = {14 * S, 16 * S, 19 * S, 20 * S, 24 * S};
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		press(&st, 'n');
		assert_true(st.versus.at_ns == edges[i]);
	}
	press(&st, 'n'); /* there is no other */
	assert_true(st.versus.at_ns == 24 * S);
	press(&st, 'N');
	assert_true(st.versus.at_ns == 20 * S);
	shows(&st, " AT 0:20.00");
	press(&st, 'w');
	assert_true(longest(other, st.versus.at_ns, st.versus.at_ns + 1) == longest(other, 0, 26 * S));
	for (int i = 0; i < 30; i++)
		press(&st, '+');
	assert_in_range(st.versus.zoom, 1, 12);
	struct tui_span span = versus_span(several, &st, 72);
	assert_in_range(tui_span_col(&span, versus_cursor(several, &st)), 0, 71);
	press(&st, 'K');
	shows(&st, " TIME TO STOP, max per ");
	for (int i = 0; i < 40; i++)
		press(&st, '-');
	assert_int_equal(st.versus.zoom, 0);
}

/* Faults stand under both, where they were. */
static void test_marks(void **state)
{
	(void)state;
	record->versus = several;
	struct tui_state st = compare_at(24, 80);
	char *text = show(&st, true), *at = text;
	int64_t col_ns = versus_span(several, &st, 72).col_ns;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		at = strstr(at, "\nfaults ");
		assert_non_null(at);
		at++;
		size_t n = strcspn(at, "\n");
		assert_true(n > VERSUS_STRIP_LABEL + (size_t)(17 * S / col_ns));
		assert_int_equal(at[VERSUS_STRIP_LABEL + 17 * S / col_ns], 'O');
		assert_int_equal(at[VERSUS_STRIP_LABEL + 10 * S / col_ns], ' ');
		assert_true((n > VERSUS_STRIP_LABEL + (size_t)(25 * S / col_ns)) == (side == GCS_VERSUS_A)); /* B was over */
	}
	free(text);
}

/* ---------------------------------------------------------------- without anything to compare */

static void test_asking_for_the_other(void **state)
{
	(void)state;
	struct tui_state st = {.rows = 24, .cols = 80};
	record->versus = NULL;
	assert_int_equal(press(&st, TUI_KEY_F1 + 6).act, GCS_DO_COMPARE);
	shows(&st, "Nothing is compared yet. c asks for the record");
	assert_int_equal(press(&st, 'c').act, GCS_DO_COMPARE);
	assert_int_equal(press(&st, TUI_KEY_ENTER).act, GCS_DO_NOTHING);
	press(&st, TUI_KEY_F1 + 6);
	assert_int_equal(st.screen, TUI_SCREEN_MAIN);
	record->versus = one;
	assert_int_equal(press(&st, TUI_KEY_F1 + 6).act, GCS_DO_NOTHING); /* there is something to see */
	assert_int_equal(press(&st, 'c').act, GCS_DO_COMPARE);
	st = (struct tui_state){.rows = 24, .cols = 80};
	assert_int_equal(tui_screen_key(&st, live, TUI_KEY_F1 + 6).act, GCS_DO_NOTHING);
	char *text = render(live, &st, 24, 80, true);
	must_show(text, "A run that goes on is not compared");
	must_show(text, "gcstorm view A B");
	free(text);
	assert_int_equal(tui_screen_key(&st, live, 'c').act, GCS_DO_NOTHING);
	/* what was made is shown at once */
	st = (struct tui_state){.screen = TUI_SCREEN_PAUSES, .pane = 1, .versus = {.row = 9, .runs = true, .placed = true}};
	tui_screen_compared(&st);
	assert_true(st.screen == TUI_SCREEN_COMPARE && st.pane == 0 && st.versus.row == 0 && !st.versus.runs && !st.versus.placed);
}

static void test_the_list_asks(void **state)
{
	(void)state;
	struct gcs_choice run[5] = {0};
	struct tui_chooser ch = {0};
	struct tui_canvas c = {.ascii = true};
	struct tui_box all = {0, 0, 24, 80};
	char row[400];
	for (int i = 0; i < 5; i++)
		snprintf(run[i].name, sizeof run[i].name, "run-%d", i);
	assert_int_equal(tui_canvas_resize(&c, 24, 80), 0);
	tui_chooser_key(&ch, run, 5, 'j');
	struct gcs_request r = tui_chooser_key(&ch, run, 5, 'c');
	assert_true(r.act == GCS_DO_COMPARE && r.fault == 1);
	assert_int_equal(tui_chooser_key(&ch, run, 5, TUI_KEY_ESCAPE).act, GCS_DO_NOTHING); /* there is nothing to go back to */
	run[1].marked = true;
	strcpy(ch.with, "run-1");
	tui_view_chooser(&c, &all, run, 5, &ch);
	tui_canvas_row(&c, 0, row, sizeof row);
	must_show(row, "COMPARE run-1 WITH, newest first  5");
	tui_canvas_row(&c, 2, row, sizeof row);
	must_show(row, ">*run-1");
	tui_canvas_row(&c, 23, row, sizeof row);
	must_show(row, "Enter compare");
	must_show(row, "Esc back");
	tui_chooser_key(&ch, run, 5, 'j');
	r = tui_chooser_key(&ch, run, 5, TUI_KEY_ENTER);
	assert_true(r.act == GCS_DO_CHOOSE && r.fault == 2);
	/* Esc drops the filter first */
	tui_chooser_key(&ch, run, 5, '/');
	tui_chooser_key(&ch, run, 5, 'c'); /* typed, no order */
	assert_int_equal(tui_chooser_key(&ch, run, 5, TUI_KEY_ESCAPE).act, GCS_DO_NOTHING);
	assert_int_equal(tui_chooser_key(&ch, run, 5, TUI_KEY_ESCAPE).act, GCS_DO_LIST);
	tui_canvas_fini(&c);
}

/* ---------------------------------------------------------------- sizes, the mouse, anything */

static void test_one_pane(void **state)
{
	(void)state;
	record->versus = several;
	struct tui_state st = compare_at(14, 60);
	shows(&st, ">pause.stw.p50");
	hides(&st, "max per");
	press(&st, '\t');
	shows(&st, "STW PAUSE, max per");
	shows(&st, "faults");
	hides(&st, "pause.stw.p50");
	press(&st, '\t');
	shows(&st, ">pause.stw.p50");
}

static void test_mouse(void **state)
{
	(void)state;
	record->versus = several;
	struct tui_state st = compare_at(32, 100);
	char *text = show(&st, true), *line = text;
	int figure = 0, strip = 0;
	for (int row = 0; *line; row++, line = strchr(line, '\n') + 1) {
		figure = strncmp(line, " gc.cycles", 10) == 0 ? row : figure;
		strip = strncmp(line, "A  ", 3) == 0 ? row : strip;
	}
	free(text);
	assert_true(figure && strip);
	assert_int_equal(tui_screen_mouse(&st, record, (struct tui_mouse){figure, 10, TUI_MOUSE_PRESS}).act, GCS_DO_NOTHING);
	shows(&st, ">gc.cycles");
	tui_screen_mouse(&st, record, (struct tui_mouse){figure, 10, TUI_MOUSE_WHEEL_UP});
	hides(&st, ">gc.cycles");
	tui_screen_mouse(&st, record, (struct tui_mouse){strip, VERSUS_STRIP_LABEL + 40, TUI_MOUSE_PRESS});
	assert_true(st.versus.placed);
	struct tui_span span = versus_span(several, &st, 100 - VERSUS_STRIP_LABEL - 1);
	assert_true(st.versus.at_ns == 40 * span.col_ns);
	tui_screen_mouse(&st, record, (struct tui_mouse){strip, 50, TUI_MOUSE_WHEEL_UP});
	assert_int_equal(st.versus.zoom, 1);
}

static void test_anything(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	struct tui_state st = compare_at(24, 80);
	for (int i = 0; i < 20000; i++) {
		record->versus = i / 1000 % 3 == 0 ? one : i / 1000 % 3 == 1 ? several : NULL;
		int key = rand() % 3 ? rand() % 128 : TUI_KEY_UP + rand() % 0x120;
		st.screen = rand() % 10 ? TUI_SCREEN_COMPARE : st.screen;
		if (rand() % 4)
			press(&st, key);
		else
			tui_screen_mouse(&st, record, (struct tui_mouse){rand() % 60, rand() % 200, (enum tui_mouse_act)(rand() % 3)});
		assert_true(st.versus.row >= 0 && st.versus.run >= 0 && st.versus.at_ns >= 0 && st.versus.at_ns < 26 * S);
		if (i % 50 == 0) {
			st.rows = 1 + rand() % 60;
			st.cols = 1 + rand() % 200;
			char *text = show(&st, i % 100 == 0), *at = text;
			for (char *end; i % 100 == 0 && (end = strchr(at, '\n')); at = end + 1)
				assert_true(end - at <= st.cols);
			for (at = text; i % 100 == 0 && *at; at++)
				assert_true((unsigned char)*at < 0x80);
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),	      cmocka_unit_test(test_what_must_be_said), cmocka_unit_test(test_runs_behind),
		cmocka_unit_test(test_pauses_and_occurrences_behind),
		cmocka_unit_test(test_readout),	      cmocka_unit_test(test_going_to_edges),	cmocka_unit_test(test_marks),
		cmocka_unit_test(test_asking_for_the_other), cmocka_unit_test(test_the_list_asks), cmocka_unit_test(test_one_pane),
		cmocka_unit_test(test_mouse),	      cmocka_unit_test(test_anything),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
