/*
 * test_tui_maps.c: the maps screen, read from its canvas against the maps it was drawn from; limits of maps against those of Go, and
 * the words for a map's state.
 */
#include "tests/unit/test_tui_pair.h"
#include "tui/format.h"
#include "tui/map_facts.h"
#include "tui/screen.h"

#include <inttypes.h>
#include <time.h>

/* The line of a text that has a word. */
static void line_of(const char *text, const char *word, char *ret, size_t cap)
{
	const char *at = strstr(text, word);
	if (!at)
		fail_msg("no line has '%s':\n%s", word, text);
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(ret, cap, "%.*s", (int)strcspn(at, "\n"), at);
}

static void must_have(const char *line, const char *what)
{
	if (!strstr(line, what))
		fail_msg("lacks '%s': %s", what, line);
}

/* ---------------------------------------------------------------- limits */

/* overLoadFactor and tooManyOverflowBuckets of runtime/map.go, as Go computes them. */
static bool go_over_load(uint64_t count, uint32_t b)
{
	return count > 8 && count > 13 * ((UINT64_C(1) << b) / 2);
}

static void test_limits_are_those_of_go(void **state)
{
	(void)state;
	for (uint32_t b = 0; b < 32; b++) {
		struct gcs_map_view m = {.kind = GCS_MAP_CLASSIC, .b = b};
		uint64_t holds = map_facts_holds(&m);
		assert_false(go_over_load(holds, b));
		assert_true(go_over_load(holds + 1, b));
		assert_int_equal(map_facts_overflow_limit(&m), UINT64_C(1) << (b < 15 ? b : 15));
		m.overflow = map_facts_overflow_limit(&m) / 2;
		assert_int_equal(map_facts_chain_centi(&m), b == 0 ? 100 : 150);
		m.kind = GCS_MAP_SWISS;
		assert_int_equal(map_facts_load_limit_milli(&m), b == 0 ? 8000 : 7000);
		assert_int_equal(map_facts_holds(&m), 0);
		assert_int_equal(map_facts_overflow_limit(&m), 0);
		m.kind = GCS_MAP_SYNC;
		assert_int_equal(map_facts_load_limit_milli(&m), 0);
	}
}

static void test_residue(void **state)
{
	(void)state;
	struct gcs_map_view m = {.kind = GCS_MAP_CLASSIC, .b = 10, .load_milli = 1624}; /* of 6.5: less than a quarter */
	assert_true(map_facts_residue(&m));
	m.load_milli = 1625;
	assert_false(map_facts_residue(&m));
	m.load_milli = 0;
	assert_true(map_facts_residue(&m));
	m.growing = GCS_MAP_DOUBLES;
	assert_false(map_facts_residue(&m));
	m = (struct gcs_map_view){.kind = GCS_MAP_CLASSIC, .b = 3};
	assert_false(map_facts_residue(&m));
	m = (struct gcs_map_view){.kind = GCS_MAP_SWISS, .b = 10};
	assert_true(map_facts_residue(&m));
	m = (struct gcs_map_view){.kind = GCS_MAP_SYNC, .b = 10};
	assert_false(map_facts_residue(&m));
}

/* ---------------------------------------------------------------- words */

static void tells(const struct gcs_map_view *m, const char *what)
{
	struct map_fact line[MAP_FACTS_LINES];
	int n = map_facts_tell(m, line);
	for (int i = 0; i < n; i++)
		if (strstr(line[i].text, what))
			return;
	fail_msg("none of %d lines has '%s'; the first: %s", n, what, n ? line[0].text : "");
}

static void test_words(void **state)
{
	(void)state;
	const struct gcs_map_view *m = live->map;
	tells(&m[0], "load 4.11 of 6.5 a bucket: 33,750 of 53,248 entries, then doubles");
	tells(&m[0], "overflow 812 of 8,192, then a same-size growth; chains average 1.09");
	tells(&m[0], "the worker's maps doubled 13 times, same-size growths 2");
	tells(&m[0], "1,310,720 bytes of buckets: 38 an entry");
	tells(&m[1], "doubling: 4,587 of 8,192 old buckets evacuated, up to 2 a write");
	tells(&m[1], "arrays, old and new");
	tells(&m[2], "same size: 512 of 4,096 old buckets evacuated, up to 2 a write");
	tells(&m[2], "why: it had as many overflow buckets as buckets");
	tells(&m[3], "residue: 0.3% full");
	tells(&m[4], "load 5.85 of 7 a group: 1,500 entries and 64 tombstones in slots");
	tells(&m[5], "1,234 keys in read, deleted ones among them; 1,300 in dirty");
	tells(&m[5], "misses 1,196 of 1,300");
	struct gcs_map_view other = m[5];
	other.amended = false;
	other.dirty = 0;
	tells(&other, "read has everything, and a load takes no lock");
	tells(&other, "the next new key copies all of read");
	other = m[5];
	other.growing = GCS_MAP_DOUBLES;
	tells(&other, "dirty: doubling: 0 of 0 old buckets evacuated");
	other = m[0];
	other.b = 16; /* from here on Go counts by chance */
	tells(&other, "overflow ~812 of 32,768");
	other = m[0];
	other.count = 0;
	tells(&other, "and no entry");
}

/* No line is longer than its panel, whatever a map of up to 2^27 buckets is like. */
static void test_words_fit(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	print_message("seed %" PRIu64 "\n", seed);
	for (int i = 0; i < 20000; i++) {
		struct gcs_map_view m = {.kind = (enum gcs_map_kind)(1 + fixture_next(&seed) % 3), .growing = (enum gcs_map_growing)(fixture_next(&seed) % 3),
					 .b = (uint32_t)(fixture_next(&seed) % 28), .overflow = fixture_next(&seed) % 65536};
		struct map_fact line[MAP_FACTS_LINES];
		m.count = fixture_next(&seed) % ((UINT64_C(8) << m.b) + 1);
		m.load_milli = m.count * 1000 >> m.b;
		m.old_buckets = m.growing == GCS_MAP_STILL ? 0 : UINT64_C(1) << m.b;
		m.evacuated = m.old_buckets ? fixture_next(&seed) % (m.old_buckets + 1) : 0;
		m.bytes = fixture_next(&seed) % 2 ? (UINT64_C(272) << m.b) : 0;
		m.grown = fixture_next(&seed) % 28;
		m.regrown = fixture_next(&seed) % 1000000;
		m.amended = fixture_next(&seed) % 2;
		m.dirty = m.count + fixture_next(&seed) % 1000;
		m.misses = fixture_next(&seed) % (m.dirty + 1);
		int n = map_facts_tell(&m, line);
		assert_in_range(n, 1, MAP_FACTS_LINES);
		for (int k = 0; k < n; k++)
			if (strlen(line[k].text) > MAP_FACTS_COLS)
				fail_msg("%zu columns: %s", strlen(line[k].text), line[k].text);
	}
}

/* ---------------------------------------------------------------- the screen */

static void row_has_its_figures(const struct gcs_map_view *m, const char *line)
{
	char n[TUI_NUMBER], want[64];
	must_have(line, tui_count(n, m->count));
	if (m->kind == GCS_MAP_SYNC) {
		must_have(line, "1,196 of 1,300 misses, amended");
		return;
	}
	snprintf(want, sizeof want, " %" PRIu32 " ", m->b);
	must_have(line, want);
	snprintf(want, sizeof want, "%" PRIu64 ".%02" PRIu64 " ", m->load_milli / 1000, m->load_milli / 10 % 100);
	must_have(line, want);
	if (m->growing == GCS_MAP_STILL)
		return;
	must_have(line, m->growing == GCS_MAP_DOUBLES ? " x2 " : " same ");
	snprintf(want, sizeof want, " %d%%", (int)(m->evacuated * 100 / m->old_buckets)); /* cut: 100 % is all of them */
	must_have(line, want);
}

static void test_figures(void **state)
{
	(void)state;
	for (int size = 0; size < SIZES; size++)
		for (int kind = 0; kind < 2; kind++) {
			struct tui_state st = on_screen(TUI_SCREEN_MAPS, size);
			const struct gcs_snapshot *s = kind ? record : live;
			char *text = render(s, &st, st.rows, st.cols, true), line[512], name[32];
			must_show(text, "MAPS  6 at hand, 2 growing");
			for (uint32_t i = 0; i < s->nmaps && (size || i < 4); i++) { /* 80x24 has not room for all */
				snprintf(name, sizeof name, "%s/%" PRIu32 " ", s->work[s->map[i].workload].id, s->map[i].worker);
				line_of(text, name, line, sizeof line);
				row_has_its_figures(&s->map[i], line);
			}
			must_show(text, "maps/0  classic, B 13: 8,192 buckets of 8 slots");
			must_show(text, "MAPS GROWING at once");
			free(text);
		}
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 1);
	shows(live, &st, " 38       13/2"); /* bytes an entry, growths: from 100 columns on */
	shows(live, &st, "1.2M");
	st = on_screen(TUI_SCREEN_MAPS, 2);
	shows(live, &st, "swiss");
	shows(live, &st, " 64 tomb ");
}

/* A full bar is all of it, whatever rounding makes of the share. */
static void test_meter(void **state)
{
	(void)state;
	static const struct { uint64_t part, whole; const char *bar; } rows[] = {
		{0, 0, "......"}, {5, 0, "......"}, {0, 9, "......"}, {1, UINT64_MAX, ":....."}, {UINT64_MAX - 1, UINT64_MAX, "#####:"},
		{UINT64_MAX, UINT64_MAX, "######"}, {9, 8, "######"}, {1, 2, "###..."}, {7, 12, "###:.."}};
	struct tui_canvas c = {.ascii = true};
	struct tui_box box = {0, 0, 1, 20};
	char text[64];
	assert_int_equal(tui_canvas_resize(&c, 1, 20), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		tui_canvas_clear(&c);
		assert_int_equal(tui_meter(&c, &box, 0, 0, 6, TUI_BAR, rows[i].part, rows[i].whole), 6);
		tui_canvas_row(&c, 0, text, sizeof text);
		assert_string_equal(text, rows[i].bar);
	}
	tui_canvas_fini(&c);
}

/* Full cells for what is evacuated, half a step rounded down. */
static void test_bars(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	static const struct { uint64_t evacuated; const char *bar; } rows[] = {
		{0, "x2   ......   0%"}, {1, "x2   :.....   0%"}, {2048, "x2   #:....  25%"}, {4096, "x2   ###...  50%"},
		{8191, "x2   #####:  99%"}, {8192, "x2   ###### 100%"}};
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		s->map[1].evacuated = rows[i].evacuated;
		shows(s, &st, rows[i].bar);
	}
	s->map[0].load_milli = 6500;
	shows(s, &st, " ###### 6.50");
	s->map[0].load_milli = 6499;
	shows(s, &st, " #####: 6.49");
	free(s);
}

static void test_choosing(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 0);
	shows(s, &st, ">maps/0 ");
	tui_screen_key(&st, s, TUI_KEY_DOWN);
	tui_screen_key(&st, s, 'j');
	shows(s, &st, ">maps/2 ");
	shows(s, &st, "maps/2  classic, B 12");
	/* another worker's is gone: it is still the same that is chosen */
	memmove(&s->map[0], &s->map[1], --s->nmaps * sizeof s->map[0]);
	shows(s, &st, ">maps/2 ");
	shows(s, &st, "maps/2  classic, B 12");
	tui_screen_key(&st, s, 'G');
	shows(s, &st, ">net/0 ");
	shows(s, &st, "net/0  sync.Map, amended");
	s->nmaps = 2; /* gone: the last */
	shows(s, &st, ">maps/2 ");
	tui_screen_key(&st, s, 'g');
	shows(s, &st, ">maps/1 ");
	s->nmaps = 0;
	tui_screen_key(&st, s, TUI_KEY_DOWN);
	tui_screen_key(&st, s, TUI_KEY_PAGE_UP);
	shows(s, &st, "NO MAP");
	free(s);
}

/* The row of each map in the table. */
static void must_be_in_order(const struct gcs_snapshot *s, const struct tui_state *st, const char *const order[], int n)
{
	char *text = render(s, st, st->rows, st->cols, true);
	const char *at = strstr(text, "\n map ");
	assert_non_null(at);
	for (int i = 0; i < n; i++) {
		const char *next = strstr(at, order[i]);
		if (!next)
			fail_msg("%s is not where it was to be:\n%s", order[i], text);
		at = next;
	}
	free(text);
}

static void test_order(void **state)
{
	(void)state;
	static const char *const by_worker[] = {"maps/0 ", "maps/1 ", "maps/2 ", "maps/3 ", "maps/4 ", "net/0 "};
	static const char *const by_load[] = {"net/0 ", "maps/4 ", "maps/0 ", "maps/1 ", "maps/2 ", "maps/3 "};
	static const char *const by_overflow[] = {"maps/3 ", "maps/0 ", "maps/2 ", "maps/1 ", "maps/4 ", "net/0 "};
	static const char *const by_entry[] = {"maps/3 ", "maps/2 ", "maps/1 ", "net/0 ", "maps/0 ", "maps/4 "};
	static const struct { const char *const *order; const char *title; } rows[] = {
		{by_worker, "2 growing -"}, {by_load, "fullest first"}, {by_overflow, "most overflow first"}, {by_entry, "most bytes an entry first"}};
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 1);
	for (int i = 0; i < 8; i++) {
		char want[32];
		must_be_in_order(live, &st, rows[i % 4].order, 6);
		shows(live, &st, rows[i % 4].title);
		snprintf(want, sizeof want, ">%s", i < 4 ? rows[i].order[0] : "maps/2 "); /* the first, until one is chosen */
		shows(live, &st, want);
		if (i == 3) {
			tui_screen_key(&st, live, TUI_KEY_DOWN); /* by its row, and it stays chosen in any order */
			shows(live, &st, ">maps/2 ");
			shows(live, &st, "maps/2  classic, B 12");
		}
		tui_screen_key(&st, live, 's');
	}
}

/* A whole screen of maps: pages, and the chosen one is always in sight. */
static void test_many(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	s->nmaps = GCS_MAPS_SHOWN;
	for (uint32_t i = 0; i < s->nmaps; i++)
		s->map[i] = (struct gcs_map_view){.worker = i, .kind = GCS_MAP_CLASSIC, .b = 5, .count = i, .load_milli = i * 1000 / 32};
	for (int size = 0; size < SIZES; size++) {
		struct tui_state st = on_screen(TUI_SCREEN_MAPS, size);
		char want[32];
		shows(s, &st, "96 at hand or more, 0 growing, listed 1 to ");
		for (int i = 0; i < 120; i++) {
			snprintf(want, sizeof want, ">maps/%d ", i < GCS_MAPS_SHOWN ? i : GCS_MAPS_SHOWN - 1);
			shows(s, &st, want);
			tui_screen_key(&st, s, TUI_KEY_DOWN);
		}
		int pages = 0;
		for (; st.maps.worker > 0 && pages < 96; pages++)
			tui_screen_key(&st, s, TUI_KEY_PAGE_UP);
		assert_in_range(pages, 1, 48);
		shows(s, &st, ">maps/0 ");
	}
	free(s);
}

static void test_mouse(void **state)
{
	(void)state;
	for (int size = 0; size < SIZES; size++)
		for (int which = 0; which < 4; which++) {
			struct tui_state st = on_screen(TUI_SCREEN_MAPS, size);
			char *text = render(live, &st, st.rows, st.cols, true), name[32], want[64];
			int row = 0;
			snprintf(name, sizeof name, "maps/%d ", which);
			const char *line = strstr(text, name);
			assert_non_null(line);
			for (const char *c = text; c < line; c++)
				row += *c == '\n';
			free(text);
			tui_screen_mouse(&st, live, (struct tui_mouse){row, 20, TUI_MOUSE_PRESS});
			snprintf(want, sizeof want, ">maps/%d ", which);
			shows(live, &st, want);
			tui_screen_mouse(&st, live, (struct tui_mouse){row, 20, TUI_MOUSE_WHEEL_DOWN});
			assert_int_equal(st.maps.worker, which + 1);
			tui_screen_mouse(&st, live, (struct tui_mouse){row, 20, TUI_MOUSE_WHEEL_UP});
			assert_int_equal(st.maps.worker, which);
			tui_screen_mouse(&st, live, (struct tui_mouse){st.rows - 4, 20, TUI_MOUSE_WHEEL_UP}); /* the strip: time */
			assert_int_equal(st.zoom, 1);
			assert_int_equal(st.maps.worker, which);
		}
}

/* Why nothing is known. */
static void test_nothing(void **state)
{
	(void)state;
	static char churn[] = "map-churn", slices[] = "slice-append";
	char go[16];
	struct gcs_scenario *other = make_scenario();
	struct gcs_snapshot *s = make_snapshot(other), *r = make_record(other);
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 0);
	s->nmaps = r->nmaps = 0;
	for (int i = 0; i < 3; i++)
		other->workload[i].driver = slices;
	shows(s, &st, "no workload of this run has a map");
	other->workload[1].driver = churn;
	shows(s, &st, "no worker has looked at its map yet");
	shows(r, &st, "the record has no look at a map");
	snprintf(go, sizeof go, "%s", gcs_runtime_name(GCS_RUNTIME_GO));
	other->runtime = go;
	shows(s, &st, "this target has not told of them");
	free(s);
	free(r);
	free(other);
}

/* Below 80x24: one of the three; figures are whole or not there. */
static void test_small(void **state)
{
	(void)state;
	struct tui_state st = {.screen = TUI_SCREEN_MAPS, .rows = 14, .cols = 56};
	shows(live, &st, "MAPS  6 at hand");
	hides(live, &st, "maps/0  classic");
	hides(live, &st, "18k"); /* the overflow column would be cut */
	shows(live, &st, "4.11");
	tui_screen_key(&st, live, '\t');
	shows(live, &st, "maps/0  classic");
	hides(live, &st, "MAPS");
	tui_screen_key(&st, live, '\t');
	shows(live, &st, "MAPS GROWING");
	tui_screen_key(&st, live, '\t');
	shows(live, &st, "MAPS  6 at hand");
	tui_screen_key(&st, live, TUI_KEY_BACK_TAB);
	shows(live, &st, "MAPS GROWING");
}

/* The strip: its bars stand over the faults of the same time. */
static void test_strip(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_MAPS, 0);
	s->ncells = 60;
	memset(s->cell, 0, sizeof s->cell);
	s->cell[41].maps_growing = 3;
	s->cell[41].faults_armed = s->cell[41].faults_fired = 1;
	s->cell[42].faults_armed = 1;
	char *text = render(s, &st, 24, 80, true), *strip = strstr(text, "- MAPS GROWING"), line[128];
	assert_non_null(strip);
	line_of(strip, "    5 |", line, sizeof line); /* the axis: 5 is above 3 */
	line_of(strip, "    0 |", line, sizeof line);
	assert_int_equal(strlen(line), 7 + 42);
	assert_int_equal(line[7 + 41], '#');
	line_of(strip, "faults", line, sizeof line);
	assert_string_equal(line + 7 + 41, "O=");
	free(text);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_are_those_of_go), cmocka_unit_test(test_residue), cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_fit),	       cmocka_unit_test(test_figures), cmocka_unit_test(test_bars),	    cmocka_unit_test(test_meter),
		cmocka_unit_test(test_choosing),	       cmocka_unit_test(test_order),	       cmocka_unit_test(test_many),    cmocka_unit_test(test_mouse),
		cmocka_unit_test(test_nothing),		       cmocka_unit_test(test_small),   cmocka_unit_test(test_strip),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
