/*
 * test_tui_dots.c: pictures of dots: what is set is read back, and is the character that Unicode says; strip and heap in dots say what they say
 * in eighths, each dot being within half a dot of its value.
 */
#include "harness/measure/history.h"
#include "tests/unit/test_tui_fixture.h"
#include "tui/dots.h"

#include <math.h>

static uint64_t seed;
static int compared; /* pictures that had the same columns and the same axis in dots and eighths */

static uint32_t below(uint32_t n)
{
	return (uint32_t)(fixture_next(&seed) % n);
}

/* Dots 1 to 8 of braille, as Unicode numbers them: bit n - 1. */
static const struct { int x, y, number; } numbered[] = {
	{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {1, 0, 4}, {1, 1, 5}, {1, 2, 6}, {0, 3, 7}, {1, 3, 8},
};

static void test_each_dot(void **state)
{
	(void)state;
	struct tui_box box = {0, 0, 1, 1};
	for (size_t i = 0; i < sizeof numbered / sizeof numbered[0]; i++) {
		struct tui_canvas c = {.braille = true};
		assert_int_equal(tui_canvas_resize(&c, 1, 1), 0);
		tui_dot(&c, &box, numbered[i].x, numbered[i].y, TUI_BAR);
		assert_int_equal(c.cell[0].ch, 0x2800 + (1 << (numbered[i].number - 1)));
		assert_int_equal(c.cell[0].role, TUI_BAR);
		tui_canvas_fini(&c);
	}
}

/* At random, some beside the box: the dots are those of a model, and nothing else of the canvas changes. */
static void test_read_back(void **state)
{
	enum { ROWS = 7, COLS = 11, HIGH = ROWS * TUI_DOTS_HIGH, WIDE = COLS * TUI_DOTS_WIDE };
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct tui_canvas c = {.braille = true};
		struct tui_box box = {2, 3, ROWS, COLS};
		bool set[HIGH][WIDE] = {{false}};
		assert_int_equal(tui_canvas_resize(&c, ROWS + 5, COLS + 6), 0);
		for (int n = 0; n < 10 + round * 8; n++) {
			int x = (int)below(WIDE + 8) - 4, y = (int)below(HIGH + 8) - 4;
			tui_dot(&c, &box, x, y, TUI_HEAP);
			if (x >= 0 && y >= 0 && x < WIDE && y < HIGH)
				set[y][x] = true;
		}
		for (int y = -4; y < HIGH + 4; y++)
			for (int x = -4; x < WIDE + 4; x++)
				assert_int_equal(tui_dot_at(&c, &box, x, y), x >= 0 && y >= 0 && x < WIDE && y < HIGH && set[y][x]);
		for (int row = 0; row < c.rows; row++)
			for (int col = 0; col < c.cols; col++)
				if (row < 2 || col < 3 || row >= 2 + ROWS || col >= 3 + COLS)
					assert_int_equal(c.cell[row * c.cols + col].ch, ' ');
		tui_canvas_fini(&c);
	}
}

/* What a cell had before is replaced, not mixed up with dots. */
static void test_over_text(void **state)
{
	(void)state;
	struct tui_canvas c = {.braille = true};
	struct tui_box box = {0, 0, 1, 2};
	assert_int_equal(tui_canvas_resize(&c, 1, 2), 0);
	tui_put(&c, &box, 0, 0, TUI_PLAIN, 0x2588);
	assert_false(tui_dot_at(&c, &box, 0, 0));
	tui_dot(&c, &box, 1, 3, TUI_BAR);
	assert_int_equal(c.cell[0].ch, 0x2880);
	tui_canvas_fini(&c);
}

/* ---------------------------------------------------------------- pictures */

/* Dots of a column, which stand one on the other from the bottom up. */
static int dots_high(const struct tui_canvas *c, const struct tui_box *plot, int x)
{
	int bottom = plot->rows * TUI_DOTS_HIGH, n = 0;
	while (n < bottom && tui_dot_at(c, plot, x, bottom - 1 - n))
		n++;
	for (int y = bottom - 1 - n; y >= 0; y--)
		assert_false(tui_dot_at(c, plot, x, y));
	return n;
}

static int eighths_high(const struct tui_canvas *c, const struct tui_box *plot, int col)
{
	int n = 0;
	for (int row = 0; row < plot->rows; row++) {
		uint32_t ch = c->cell[(plot->row + row) * c->cols + plot->col + col].ch;
		n += ch >= 0x2581 && ch <= 0x2588 ? (int)(ch - 0x2580) : 0;
	}
	return n;
}

/* Values from 10 us to below 10 ms: three decades, with both ends among the newest: the shortest for long, so that any column has it. */
static void draw_cells(struct gcs_snapshot *s, uint32_t n)
{
	memset(s->cell, 0, sizeof s->cell);
	s->ncells = n;
	for (uint32_t i = 0; i < n; i++) {
		struct gcs_cell *cell = &s->cell[i];
		cell->stw_max_ns = below(5) ? (int64_t)(1e4 * pow(10, below(2999) / 1000.0)) : 0;
		cell->faults_armed = below(7) == 0;
		cell->heap_live_max = (uint64_t)(1 + below(99)) << 20;
		cell->heap_live_min = cell->heap_live_max / 2;
	}
	for (uint32_t i = n > 60 ? n - 60 : 0; i < n; i++)
		s->cell[i].stw_max_ns = i == n - 1 ? 9900000 : 10000;
}

static int64_t longest(const struct gcs_snapshot *s, const struct tui_axis *a, uint32_t col)
{
	int64_t max = 0;
	for (uint32_t i = a->first + col * a->per_col; i < a->first + (col + 1) * a->per_col && i < s->ncells; i++)
		max = s->cell[i].stw_max_ns > max ? s->cell[i].stw_max_ns : max;
	return max;
}

static bool armed(const struct gcs_snapshot *s, const struct tui_axis *a, uint32_t col)
{
	bool any = false;
	for (uint32_t i = a->first + col * a->per_col; i < a->first + (col + 1) * a->per_col && i < s->ncells; i++)
		any |= s->cell[i].faults_armed != 0;
	return any;
}

/* Where on the axis a bar of so many steps stands: its foot is 0, the top 1. */
static double place(int high, int steps)
{
	return (high - 1) / (double)(steps - 1);
}

static void must_be_near(double a, double b, double by)
{
	if (fabs(a - b) > by + 1e-9)
		fail_msg("%g and %g are further apart than %g", a, b, by);
}

struct pictures { struct tui_canvas dots, eighths; struct tui_box plot; };

static void pictures_draw(struct pictures *p, tui_view_fn *view, const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols,
			  int marks)
{
	struct tui_box box = {0, 0, rows, cols};
	*p = (struct pictures){.dots = {.braille = true}, .plot = {1, 7, rows - 1 - marks, cols - 8}};
	assert_int_equal(tui_canvas_resize(&p->dots, rows, cols), 0);
	assert_int_equal(tui_canvas_resize(&p->eighths, rows, cols), 0);
	view(&p->dots, &box, s, st);
	view(&p->eighths, &box, s, st);
}

static void pictures_fini(struct pictures *p)
{
	tui_canvas_fini(&p->dots);
	tui_canvas_fini(&p->eighths);
}

/* The decades that hold all that is drawn, from 1 us, two at least: where the axis begins and ends. */
static void decades(const struct gcs_snapshot *s, const struct tui_axis *a, int *ret_low, int *ret_high)
{
	int64_t least = INT64_MAX, most = 0;
	for (uint32_t col = 0; col < a->ncols; col++) {
		int64_t v = longest(s, a, col);
		least = v > 0 && v < least ? v : least;
		most = v > most ? v : most;
	}
	for (*ret_low = 3; pow(10, *ret_low + 1) <= (double)least;)
		++*ret_low;
	for (*ret_high = *ret_low + 2; pow(10, *ret_high) <= (double)most;)
		++*ret_high;
}

static void check_strip(const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols)
{
	struct pictures p;
	pictures_draw(&p, tui_view_strip, s, st, rows, cols, 0);
	int steps = p.plot.rows * TUI_DOTS_HIGH;
	struct tui_axis cells = tui_axis(s, st, p.plot.cols, TUI_DOTS_WIDE), half = tui_axis_parts(cells, TUI_DOTS_WIDE);
	struct tui_axis eighth = tui_axis(s, st, p.plot.cols, 1);
	int low, high_end, eighth_low, eighth_high;
	decades(s, &half, &low, &high_end);
	decades(s, &eighth, &eighth_low, &eighth_high);
	bool alike = cells.per_col == eighth.per_col && cells.first == eighth.first && low == eighth_low && high_end == eighth_high;
	compared += alike;
	for (uint32_t x = 0; x < half.ncols; x++) {
		int64_t v = longest(s, &half, x);
		int high = dots_high(&p.dots, &p.plot, (int)x);
		assert_int_equal(high > 0, v > 0);
		if (v > 0)
			must_be_near(place(high, steps), (log10((double)v) - low) / (high_end - low), 0.5 / (steps - 1));
		if (v > 0 && armed(s, &half, x))
			assert_int_equal(p.dots.cell[p.dots.cols * (p.plot.row + p.plot.rows - 1) + p.plot.col + (int)x / 2].role, TUI_FAULT);
	}
	for (uint32_t col = 0; col < cells.ncols && alike; col++) {
		int left = dots_high(&p.dots, &p.plot, 2 * (int)col), right = dots_high(&p.dots, &p.plot, 2 * (int)col + 1);
		int high = eighths_high(&p.eighths, &p.plot, (int)col), dots = left > right ? left : right;
		assert_int_equal(dots > 0, high > 0);
		if (high > 0)
			must_be_near(place(dots, steps), place(high, p.plot.rows * 8), 1.0 / (steps - 1));
	}
	pictures_fini(&p);
}

static void test_strip_says_the_same(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	sc->nfaults = 0; /* no rows of marks below */
	for (int round = 0; round < 200; round++) {
		struct tui_state st = {.zoom = (int)below(3)};
		draw_cells(s, 3 + below(GCS_STRIP_CELLS - 2));
		check_strip(s, &st, 5 + (int)below(20), 30 + (int)below(150));
	}
	assert_true(compared >= 20);
	free(s);
	free(sc);
}

/* The whole run in view: each cell is drawn, in order, at twice the resolution that eighths have. */
static void test_strip_has_all(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {0};
	struct pictures p;
	sc->nfaults = 0;
	draw_cells(s, 120);
	for (uint32_t i = 0; i < 120; i++)
		s->cell[i].stw_max_ns = i % 2 ? 9900000 : 10000;
	pictures_draw(&p, tui_view_strip, s, &st, 12, 68, 0); /* 60 columns */
	for (int x = 0; x < 120; x++)
		assert_int_equal(dots_high(&p.dots, &p.plot, x), x % 2 ? p.plot.rows * TUI_DOTS_HIGH : 1);
	for (int col = 0; col < 60; col++)
		assert_int_equal(eighths_high(&p.eighths, &p.plot, col), eighths_high(&p.eighths, &p.plot, 0)); /* the maxima of pairs */
	pictures_fini(&p);
	free(s);
	free(sc);
}

static uint32_t counts_of(const struct gcs_cell *cell)
{
	return cell->runq_max;
}

static void view_counts(struct tui_canvas *c, const struct tui_box *box, const struct gcs_snapshot *s, const struct tui_state *st)
{
	tui_counts(c, box, s, st, "counts", counts_of);
}

/* Counts likewise, on their own axis: what is more than nothing is at least a dot, and a count at the top of the axis is all of it. */
static void test_counts_have_all(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {0};
	struct pictures p;
	sc->nfaults = 0;
	draw_cells(s, 120);
	for (uint32_t i = 0; i < 120; i++)
		s->cell[i].runq_max = i % 3 == 0 ? 500 : i % 3 == 1 ? 1 : 0;
	pictures_draw(&p, view_counts, s, &st, 12, 68, 1); /* 60 columns; below, the time */
	for (int x = 0; x < 120; x++) {
		assert_int_equal(dots_high(&p.dots, &p.plot, x), x % 3 == 0 ? p.plot.rows * TUI_DOTS_HIGH : x % 3 == 1);
		if (armed(s, &(struct tui_axis){0, 1, 120}, (uint32_t)x) && x % 3 < 2)
			assert_int_equal(p.dots.cell[p.dots.cols * (p.plot.row + p.plot.rows - 1) + p.plot.col + x / 2].role, TUI_FAULT);
	}
	for (int col = 0; col < 60; col++)
		assert_int_equal(eighths_high(&p.eighths, &p.plot, col), col % 3 == 1 ? 8 * p.plot.rows : col % 3 == 0 ? 8 * p.plot.rows : 1);
	pictures_fini(&p);
	free(s);
	free(sc);
}

static void check_heap(const struct gcs_snapshot *s, int rows, int cols)
{
	struct tui_state st = {0};
	struct pictures p;
	pictures_draw(&p, tui_view_heap, s, &st, rows, cols, 0);
	struct tui_axis cells = tui_axis(s, &st, p.plot.cols, TUI_DOTS_WIDE), eighth = tui_axis(s, &st, p.plot.cols, 1);
	double dots = p.plot.rows * TUI_DOTS_HIGH, eighths = p.plot.rows * 8;
	for (uint32_t col = 0; col < cells.ncols && cells.per_col == eighth.per_col && cells.first == eighth.first; col++) {
		int left = dots_high(&p.dots, &p.plot, 2 * (int)col), right = dots_high(&p.dots, &p.plot, 2 * (int)col + 1);
		must_be_near((left > right ? left : right) / dots, eighths_high(&p.eighths, &p.plot, (int)col) / eighths, 1 / dots);
	}
	pictures_fini(&p);
}

static void test_heap_says_the_same(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	for (int round = 0; round < 200; round++) {
		draw_cells(s, 3 + below(GCS_STRIP_CELLS - 2));
		check_heap(s, 3 + (int)below(20), 30 + (int)below(150));
	}
	free(s);
	free(sc);
}

/* A goal stands over the bars as a line, with a gap. */
static void test_goal(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_canvas c = {.braille = true};
	struct tui_box box = {0, 0, 9, 68}, plot = {1, 7, 8, 60};
	struct tui_state st = {0};
	draw_cells(s, 120);
	for (uint32_t i = 0; i < 120; i++) {
		s->cell[i].heap_live_max = s->cell[i].heap_live_min = i < 60 ? 32u << 20 : 63u << 20; /* of 64 */
		s->cell[i].heap_goal = 64u << 20;
	}
	assert_int_equal(tui_canvas_resize(&c, 9, 68), 0);
	tui_view_heap(&c, &box, s, &st);
	for (int x = 0; x < 120; x++) {
		assert_int_equal(tui_dot_at(&c, &plot, x, 0), x < 60); /* else there is no room for a gap */
		assert_false(tui_dot_at(&c, &plot, x, 1) && x < 60);
		assert_true(tui_dot_at(&c, &plot, x, 16));
	}
	tui_canvas_fini(&c);
	free(s);
	free(sc);
}

/* ---------------------------------------------------------------- screens */

static bool has_braille(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)text[0] == 0xe2 && ((unsigned char)text[1] & 0xfc) == 0xa0)
			return true;
	return false;
}

static bool has_eighths(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)text[0] == 0xe2 && (unsigned char)text[1] == 0x96 && (unsigned char)text[2] >= 0x81 && (unsigned char)text[2] <= 0x87)
			return true;
	return false;
}

/* With the wish, where it can be had, at any size; without, or where it cannot, as ever. */
static void test_screens(void **state)
{
	(void)state;
	struct gcs_scenario *sc = make_scenario();
	struct gcs_snapshot *s = make_snapshot(sc);
	struct gcs_history *h = make_history();
	with_history(s, h);
	static const enum tui_screen screens[] = {TUI_SCREEN_MAIN, TUI_SCREEN_TIMELINE, TUI_SCREEN_MAPS, TUI_SCREEN_SCHED};
	for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++)
		for (int rows = 6; rows < 70; rows += 9)
			for (int cols = 26; cols < 230; cols += 17) {
				struct tui_state st = {.screen = screens[i], .pane = i ? 0 : TUI_PANE_STRIP, .line = {.placed = true, .at_ns = 17 * S, .zoom = rows % 5}};
				struct tui_canvas with = {.braille = true}, console = {.braille = true, .console = true},
						  ascii = {.braille = true, .ascii = true}, none = {.braille = false};
				char *text[] = {render_as(with, s, &st, rows, cols), render_as(console, s, &st, rows, cols),
						render_as(ascii, s, &st, rows, cols), render_as(none, s, &st, rows, cols)};
				bool whole = rows >= 24 && cols >= 80;
				assert_true(!whole || has_braille(text[0]));
				assert_false(has_eighths(text[0]));
				assert_false(has_braille(text[1]) || has_braille(text[2]) || has_braille(text[3]));
				assert_true(!whole || i > 1 || has_eighths(text[3])); /* few counts are whole rows */
				for (size_t k = 0; k < 4; k++)
					free(text[k]);
			}
	gcs_history_destroy(h);
	free(s);
	free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_dot),	    cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_over_text),	    cmocka_unit_test(test_strip_says_the_same),
		cmocka_unit_test(test_strip_has_all),	    cmocka_unit_test(test_heap_says_the_same),
		cmocka_unit_test(test_goal),		    cmocka_unit_test(test_screens),
		cmocka_unit_test(test_counts_have_all),
	};
	const char *given = getenv("GCS_TEST_SEED");
	seed = given ? strtoull(given, NULL, 0) : 2481;
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
