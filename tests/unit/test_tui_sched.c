/*
 * test_tui_sched.c: the scheduler's screen, read from its canvas against what it was drawn from; the lanes of the timeline that go
 * with it; and what a footer says of screens at each width.
 */
#include "tests/unit/test_tui_pair.h"
#include "tui/format.h"
#include "tui/screen.h"

#include <inttypes.h>

/* The row of a picture that has a text. */
static int row_of(const struct gcs_snapshot *s, const struct tui_state *st, const char *what)
{
	char *text = render(s, st, st->rows, st->cols, true);
	const char *at = strstr(text, what);
	int row = 0;
	if (!at)
		fail_msg("lacks '%s':\n%s", what, text);
	for (const char *c = text; c < at; c++)
		row += *c == '\n';
	free(text);
	return row;
}

/* ---------------------------------------------------------------- figures */

static void test_figures(void **state)
{
	(void)state;
	static const char *const wanted[] = {
		"Ps  at 0:25.98", "runq of 17", " 0 running ", " 1 syscall ", "1,234,567", "765,432", "12,345", "SCHEDULER", "WAITING FOR A P",
		"ms: WAKE LAG", "STALLS ms  3 workers, longest first", "oom visit 17 of w128", "late visit 5 of w2", "no firing"};
	for (int size = 0; size < SIZES; size++)
		for (int kind = 0; kind < 2; kind++) {
			struct tui_state st = on_screen(TUI_SCREEN_SCHED, size);
			char *text = render(kind ? record : live, &st, st.rows, st.cols, true);
			for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
				must_show(text, wanted[i]);
			must_show(text, "goroutines           41");
			must_show(text, "global runq           3");
			must_show(text, "idle Ps               0 of 2");
			must_show(text, "threads               7 idle 2");
			must_show(text, "spinning threads      1");
			must_show(text, size ? "timers               12" : "timers 12  netpoll waiters 5");
			must_show(text, size ? "netpoll waiters       5" : "timers 12  netpoll waiters 5");
			free(text);
		}
}

static void test_bars(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_SCHED, 0);
	s->sched.p[0].runq = 16;
	s->sched.p[1].runq = 4;
	shows(s, &st, " 0 running ########  16");
	shows(s, &st, " 1 syscall ##......   4");
	s->sched.p[0].runq = 2; /* a short queue is not shown as a long one */
	s->sched.p[1].runq = 0;
	shows(s, &st, "runq of 8");
	shows(s, &st, " 0 running ##......   2");
	shows(s, &st, " 1 syscall ........   0");
	free(s);
}

static void test_status(void **state)
{
	(void)state;
	static const char *const name[] = {"?", "idle", "running", "syscall", "gcstop", "dead"};
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_SCHED, 0);
	for (int i = 0; i <= GCS_P_DEAD; i++) {
		char want[32];
		s->sched.p[1].status = (enum gcs_p_status)i;
		snprintf(want, sizeof want, "  1 %s ", name[i]);
		shows(s, &st, want);
	}
	free(s);
}

/* More Ps than rows: each can be seen, and the longest queue is the scale of all. */
static void test_many_ps(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	s->sched.nps = GCS_PS_SHOWN;
	for (uint32_t i = 0; i < s->sched.nps; i++)
		s->sched.p[i] = (struct gcs_p_view){GCS_P_RUNNING, i, i, i};
	for (int size = 0; size < SIZES; size++) {
		struct tui_state st = on_screen(TUI_SCREEN_SCHED, size);
		bool seen[GCS_PS_SHOWN] = {false};
		shows(s, &st, ", P0 to P");
		shows(s, &st, " of 64");
		shows(s, &st, "runq of 63");
		tui_screen_key(&st, s, '\t');
		shows(s, &st, "> Ps");
		for (int k = 0; k < GCS_PS_SHOWN; k++, tui_screen_key(&st, s, TUI_KEY_DOWN)) {
			char *text = render(s, &st, st.rows, st.cols, true), want[32];
			for (int i = 0; i < GCS_PS_SHOWN; i++) {
				snprintf(want, sizeof want, "\n %2d running", i);
				seen[i] |= strstr(text, want) != NULL;
			}
			free(text);
		}
		for (int i = 0; i < GCS_PS_SHOWN; i++)
			assert_true(seen[i]);
		tui_screen_key(&st, s, 'g');
		assert_int_equal(st.sched.top, 0);
		assert_false(st.sched.placed); /* the stalls were not meant */
	}
	free(s);
}

/* Real Go does not tell its Ps apart, and nobody need have looked. */
static void test_what_is_not_known(void **state)
{
	(void)state;
	char command[16];
	struct gcs_snapshot *s = make_snapshot(sc), *r = make_record(sc);
	struct tui_state st = on_screen(TUI_SCREEN_SCHED, 0);
	s->sched.nps = 0;
	s->sched.idle_ps = s->sched.threads = s->sched.idle_threads = s->sched.timers = GCS_UNTOLD;
	shows(s, &st, "this target does not tell its Ps apart");
	shows(s, &st, "runnable              3"); /* in whatever queue */
	hides(s, &st, "global runq");
	shows(s, &st, "idle Ps               -\n");
	shows(s, &st, "threads               -\n");
	shows(s, &st, "timers -  netpoll waiters 5");
	s->sched.at_ns = r->sched.at_ns = -1;
	shows(s, &st, "nobody has looked yet");
	shows(s, &st, "the rest is not known");
	hides(s, &st, "global runq");
	hides(s, &st, "schedtick");
	shows(s, &st, "goroutines           41");
	shows(r, &st, "the record has no look at it");
	s->nstalls = 0;
	shows(s, &st, "nothing has held a worker up");
	s->sched.goroutines = GCS_UNTOLD;
	shows(s, &st, "goroutines            -");
	assert_int_equal(tui_screen_key(&st, s, TUI_KEY_ENTER).act, GCS_DO_NOTHING);
	assert_int_equal(st.screen, TUI_SCREEN_SCHED);
	snprintf(command, sizeof command, "%s", gcs_runtime_name(GCS_RUNTIME_COMMAND));
	sc->runtime = command;
	shows(s, &st, "told if its GODEBUG has schedtrace");
	sc->runtime = NULL;
	free(s);
	free(r);
}

static void test_latencies(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_SCHED, 1);
	s->wake_now = (struct gcs_pcts){12, 31000, 52000, 5100000, 5300000, 5390000};
	s->wake_total = (struct gcs_pcts){1204, 30000, 51000, 410000, 5200000, 5390000};
	shows(s, &st, "ms: WAKE LAG -");
	shows(s, &st, " p99     5.10 0.410");
	shows(s, &st, " count     12  1.2k");
	shows(s, &st, "sched latency: told by real Go");
	s->sched_now = (struct gcs_pcts){9000, 2000, 9000, 71000, 1200000, 6100000};
	s->sched_total = (struct gcs_pcts){250000, 2000, 8000, 64000, 900000, 7100000};
	shows(s, &st, "ms: WAKE LAG, SCHED LATENCY");
	shows(s, &st, " p99     5.10 0.410  0.071 0.064");
	shows(s, &st, " max     5.39  5.39   6.10  7.10");
	hides(s, &st, "told by real Go");
	free(s);
}

/* ---------------------------------------------------------------- stalls */

static void test_longest_first(void **state)
{
	(void)state;
	for (int size = 0; size < SIZES; size++) {
		struct tui_state st = on_screen(TUI_SCREEN_SCHED, size);
		int first = row_of(live, &st, "oom visit 17"), second = row_of(live, &st, "late visit 5"), last = row_of(live, &st, " 3.05 ");
		assert_int_equal(second, first + 1);
		assert_int_equal(last, first + 2);
		assert_int_equal(row_of(live, &st, ">maps/0 w128"), first);
		shows(live, &st, "alloc         3    41.0    36.0  0:17.650 oom visit 17 of w128");
		shows(live, &st, "wake      1,204    1140    5.39  0:14.315 late visit 5 of w2");
	}
}

/* The one that was chosen remains it when a longer one comes. */
static void test_choosing(void **state)
{
	(void)state;
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = on_screen(TUI_SCREEN_SCHED, 1);
	tui_screen_key(&st, s, TUI_KEY_DOWN);
	shows(s, &st, ">net/0 w144");
	s->stall[1].by[GCS_STALL_ASSIST].max_ns = 80000000; /* now the longest */
	shows(s, &st, ">net/0 w144");
	assert_int_equal(row_of(s, &st, ">net/0 w144"), row_of(s, &st, " 80.0 ") + 2);
	tui_screen_key(&st, s, TUI_KEY_UP);
	tui_screen_key(&st, s, TUI_KEY_UP);
	tui_screen_key(&st, s, TUI_KEY_UP);
	shows(s, &st, ">maps/1 w129");
	tui_screen_key(&st, s, 'G');
	shows(s, &st, ">maps/0 w128              assist ");
	s->nstalls = 0;
	shows(s, &st, "STALLS ms  0 workers");
	free(s);
}

/* Enter: to the moment it ended, of a record by its player. */
static void test_going_there(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		static const int64_t at_ns[] = {17 * S + 650000000, 14 * S + 315000000, 17 * S + 510000000};
		char want[48], t[TUI_NUMBER];
		struct tui_state st = on_screen(TUI_SCREEN_SCHED, 0);
		for (int i = 0; i < which; i++)
			tui_screen_key(&st, live, TUI_KEY_DOWN);
		struct tui_state of_record = st;
		assert_int_equal(tui_screen_key(&st, live, TUI_KEY_ENTER).act, GCS_DO_NOTHING);
		assert_int_equal(st.screen, TUI_SCREEN_TIMELINE);
		snprintf(want, sizeof want, "AT %s", tui_clock_milli(t, at_ns[which]));
		shows(live, &st, want);
		struct gcs_request r = tui_screen_key(&of_record, record, TUI_KEY_ENTER);
		assert_int_equal(r.act, GCS_DO_SEEK);
		assert_int_equal(record->now_ns + r.by_ns, at_ns[which]);
		assert_int_equal(of_record.screen, TUI_SCREEN_TIMELINE);
	}
}

static void test_mouse(void **state)
{
	(void)state;
	for (int size = 0; size < SIZES; size++) {
		struct tui_state st = on_screen(TUI_SCREEN_SCHED, size);
		int row = row_of(live, &st, "late visit 5"), ps = row_of(live, &st, " 0 running"), strip = row_of(live, &st, "WAITING FOR A P");
		tui_screen_mouse(&st, live, (struct tui_mouse){row, 5, TUI_MOUSE_PRESS});
		shows(live, &st, ">net/0 w144");
		tui_screen_mouse(&st, live, (struct tui_mouse){row, 5, TUI_MOUSE_WHEEL_UP});
		shows(live, &st, ">maps/0 w128");
		tui_screen_mouse(&st, live, (struct tui_mouse){ps, 5, TUI_MOUSE_PRESS});
		shows(live, &st, "> Ps");
		tui_screen_mouse(&st, live, (struct tui_mouse){strip + 2, 5, TUI_MOUSE_WHEEL_UP});
		assert_int_equal(st.zoom, 1);
		tui_screen_mouse(&st, live, (struct tui_mouse){row, 5, TUI_MOUSE_PRESS});
		shows(live, &st, "> STALLS");
	}
}

/* Below 80x24: one of the five; figures are whole or not there. */
static void test_small(void **state)
{
	(void)state;
	static const char *const pane[] = {"STALLS", "Ps  at", "SCHEDULER", "WAITING FOR A P", "WAKE LAG"};
	struct tui_state st = {.screen = TUI_SCREEN_SCHED, .rows = 14, .cols = 50};
	for (int i = 0; i < 5; i++) {
		shows(live, &st, pane[i]);
		hides(live, &st, pane[(i + 1) % 5]);
		tui_screen_key(&st, live, '\t');
	}
	shows(live, &st, pane[0]);
	hides(live, &st, "0:17"); /* when it ended would be cut */
	tui_screen_key(&st, live, TUI_KEY_BACK_TAB);
	shows(live, &st, pane[4]);
	st = (struct tui_state){.screen = TUI_SCREEN_SCHED, .rows = 14, .cols = 36, .pane = 1};
	shows(live, &st, " 0 running   17");
	hides(live, &st, "1,234");
}

/* ---------------------------------------------------------------- lanes */

static void lane_of(const char *text, const char *name, char *ret, size_t cap)
{
	char want[16];
	snprintf(want, sizeof want, "\n%-9.9s", name);
	const char *at = strstr(text, want);
	if (!at)
		fail_msg("no lane '%s':\n%s", name, text);
	size_t n = strcspn(at + 10, "\n");
	memset(ret, ' ', cap);
	memcpy(ret, at + 10, n < cap - 1 ? n : cap - 1);
	ret[cap - 1] = '\0';
}

/* In each column the most of its cells: nothing where there was none, all of the height where there were the most. */
static void test_lanes(void **state)
{
	(void)state;
	struct gcs_history *own = malloc(sizeof *own);
	struct gcs_snapshot *s = make_snapshot(sc);
	struct tui_state st = {.screen = TUI_SCREEN_TIMELINE, .rows = 24, .cols = 90}; /* 80 columns of 325 ms */
	int64_t col_ns = 26 * S / 80;
	char lane[128];
	assert_non_null(own);
	*own = *h;
	s->history = own;
	for (uint32_t i = 0; i < own->ncells; i++) {
		own->cell[i].maps_growing = i == 50 ? 4 : i == 130 ? 1 : 0;
		own->cell[i].runq_max = i == 200 ? 900 : 0;
	}
	st.line.top = 99;
	char *text = render(s, &st, 24, 90, true);
	lane_of(text, "maps", lane, sizeof lane);
	for (int col = 0; col < 80; col++) {
		bool most = col == 5 * S / col_ns, some = col == 13 * S / col_ns;
		if (most ? lane[col] != '@' : some ? lane[col] == ' ' || lane[col] == '@' : lane[col] != ' ' && lane[col] != ':')
			fail_msg("column %d of '%s'", col, lane);
	}
	lane_of(text, "runq", lane, sizeof lane);
	assert_int_equal(lane[20 * S / col_ns], '@');
	lane_of(text, "stall", lane, sizeof lane);
	for (int col = 0; col < 79; col++) { /* 16.41, 17.65 (36 ms of it) and 24.2 s; elsewhere none, though wakes were late */
		bool stalled = col == 16 * S / col_ns + 1 || col == 17 * S / col_ns + 2 || col == 24 * S / col_ns + 1;
		if (stalled != (lane[col] != ' '))
			fail_msg("column %d of '%s'", col, lane);
	}
	free(text);
	/* at the cursor */
	st.line.placed = true;
	st.line.at_ns = 5 * S + 50000000;
	shows(s, &st, "maps growing 4");
	hides(s, &st, "runq 900");
	st.line.at_ns = 20 * S + 50000000;
	shows(s, &st, "runq 900");
	st.line.at_ns = 17 * S + 650000000;
	st.line.zoom = 4;
	st.cols = 160;
	shows(s, &st, "stall 36.0ms due to oom#1 visit 17 of w128");
	/* without any, no lane */
	for (uint32_t i = 0; i < own->ncells; i++)
		own->cell[i].maps_growing = 0, own->cell[i].runq_max = 0;
	st = (struct tui_state){.screen = TUI_SCREEN_TIMELINE, .rows = 40, .cols = 90};
	hides(s, &st, "\nmaps ");
	hides(s, &st, "\nrunq ");
	shows(s, &st, "\nstall ");
	shows(live, &st, "\nmaps ");
	free(s);
	free(own);
}

/* ---------------------------------------------------------------- the footer */

/* Where there is no room to name all the screens, their keys stand there in short. */
static void test_footer(void **state)
{
	(void)state;
	struct tui_state st = {.rows = 24, .cols = 80};
	shows(live, &st, "D disarm all F2-F7 screens ");
	hides(live, &st, "F3 pauses");
	shows(record, &st, "arrows 1s F2-F7 screens ");
	st.cols = 160;
	shows(live, &st, "F2 maps F3 pauses F4 time F5 sched F6 log F7 compare");
	hides(live, &st, "F2-F7");
	st.screen = TUI_SCREEN_MAPS; /* here we are */
	shows(live, &st, "F3 pauses F4 time F5 sched F6 log F7 compare");
	hides(live, &st, "F2 maps");
	for (int i = 0; i < TUI_SCREENS; i++)
		if (tui_screens[i].fkey) {
			struct tui_state at = {.rows = 24, .cols = 80};
			assert_int_equal(tui_screen_key(&at, live, TUI_KEY_F1 + tui_screens[i].fkey - 1).act, GCS_DO_NOTHING);
			assert_int_equal(at.screen, i);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),	     cmocka_unit_test(test_bars),	cmocka_unit_test(test_status),
		cmocka_unit_test(test_many_ps),	     cmocka_unit_test(test_what_is_not_known), cmocka_unit_test(test_latencies),
		cmocka_unit_test(test_longest_first), cmocka_unit_test(test_choosing),	cmocka_unit_test(test_going_there),
		cmocka_unit_test(test_mouse),	     cmocka_unit_test(test_small),	cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_footer),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
