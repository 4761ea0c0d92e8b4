/*
 * test_tui_fuzz.c: keys and presses at random against snapshots at random: nothing breaks, and what is chosen exists.
 *
 * A snapshot grows, shrinks and jumps between keys, as those of a record do when it is scrubbed; a screen keeps its state over that.
 */
#include "tests/unit/test_tui_fixture.h"
#include "tui/heat_grid.h"
#include "tui/screen.h"

#include <time.h>

static uint64_t seed;
static bool drawn[TUI_SCREENS];

static uint32_t any(uint32_t n)
{
	return (uint32_t)(fixture_next(&seed) % n);
}

static void change_maps(struct gcs_snapshot *s)
{
	s->nmaps = any(5) ? any(GCS_MAPS_SHOWN + 1) : 0;
	for (uint32_t i = 0; i < s->nmaps; i++)
		s->map[i] = (struct gcs_map_view){.workload = i / 20, .worker = i % 20 + any(2), .kind = (enum gcs_map_kind)(1 + any(3)),
						  .growing = (enum gcs_map_growing)any(3), .b = any(40), .count = (uint64_t)any(1u << 30) << any(30),
						  .overflow = any(70000), .old_buckets = (uint64_t)any(3) << any(39), .evacuated = any(1u << 30),
						  .load_milli = any(20000), .bytes = (uint64_t)any(1u << 30) << any(33), .grown = any(50),
						  .regrown = any(5000), .amended = any(2), .misses = any(100000), .dirty = any(100000)};
}

static void change_sched(struct gcs_snapshot *s)
{
	s->sched.at_ns = any(4) ? s->now_ns : -1;
	s->sched.nps = any(3) ? any(GCS_PS_SHOWN + 1) : 0;
	for (uint32_t i = 0; i < s->sched.nps; i++)
		s->sched.p[i] = (struct gcs_p_view){(enum gcs_p_status)any(6), any(4) ? any(258) : any(1u << 31), (uint64_t)any(1u << 31) << any(20), any(1u << 31)};
	s->sched.threads = any(3) ? any(3000) : GCS_UNTOLD;
	s->sched_total.count = any(2);
	s->nstalls = any(4) ? any(GCS_STALLS_SHOWN + 1) : 0;
	for (uint32_t i = 0; i < s->nstalls; i++) {
		s->stall[i] = (struct gcs_stall_view){.slot = i, .workload = i / 40, .worker = i % 40};
		for (int kind = 0; kind < GCS_STALL_KINDS; kind++) {
			s->stall[i].by[kind].count = any(3) ? any(1u << 31) : 0;
			s->stall[i].by[kind].max_ns = (int64_t)any(1u << 30) << any(10);
			s->stall[i].by[kind].max_at_ns = (int64_t)any(26000) * 1000000;
			s->stall[i].by[kind].max_firing = any(2) ? firing_of(any(5), any(65536), any(1u << 31)) : 0;
		}
	}
}

/* Another moment, other lengths of all that has one. */
static void change(struct gcs_snapshot *s, const struct gcs_history *whole, struct gcs_history *h)
{
	bool has_history = any(8) > 0;
	s->now_ns = any(10) ? (int64_t)any(26000) * 1000000 : (int64_t)any(2) * INT64_C(864000000000000);
	s->ncells = any(GCS_STRIP_CELLS + 1);
	s->nevents = any(whole->nevents + 1);
	s->nrecs = any(2);
	s->nslos = any(2);
	s->history = has_history ? h : NULL;
	h->ncells = any(whole->ncells + 1);
	h->npauses = any(whole->npauses + 1);
	h->nevents = any(whole->nevents + 1);
	h->nfirings = any(whole->nfirings + 1);
	h->ncycles = any(whole->ncycles + 1);
	h->noccs = any(whole->noccs + 1);
	s->playback.record_end_ns = any(6) ? 26 * S : (int64_t)any(3) * S;
	s->playback.paused = any(2);
	s->playback.live = any(2);
	s->playback.following = s->playback.live && any(2);
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		s->fault[i].armed = any(2);
	change_maps(s);
	change_sched(s);
}

static int any_key(void)
{
	switch (any(6)) {
	case 0: return TUI_KEY_UP + (int)any(TUI_KEY_MOUSE - TUI_KEY_UP + 1);
	case 1: return TUI_KEY_F1 + (int)any(12);
	case 2: return (int)any(256);
	default: return ' ' + (int)any(0x5f);
	}
}

static void must_hold(const struct tui_state *st, const struct gcs_snapshot *s, struct gcs_request r)
{
	int nfaults = (int)s->scenario->nfaults;
	assert_in_range(r.act, GCS_DO_NOTHING, GCS_DO_CHOOSE);
	assert_true(st->screen < TUI_SCREENS && st->kind < TUI_KINDS && st->pane >= 0 && st->pane < TUI_PANES);
	assert_true(st->selected >= 0 && (st->selected < nfaults || st->selected == 0));
	assert_in_range(st->zoom, 0, 6);
	assert_true(st->event_scroll >= 0 && st->help_top >= 0 && st->heat.zoom >= 0 && st->heat.list >= 0 && st->heat.list < 256);
	assert_true(st->line.top >= 0 && st->line.zoom >= 0 && st->line.zoom <= 30 && st->log.at >= 0 && st->log.level >= 0 && st->log.level <= 2);
	assert_in_range(st->maps.order, 0, 3);
	assert_true(st->sched.top >= 0 && st->sched.top < GCS_PS_SHOWN && st->sched.kind >= 0 && st->sched.kind < GCS_STALL_KINDS);
	assert_true(strlen(st->log.filter) < TUI_FILTER && strlen(st->ask.text) < TUI_ASK_TEXT);
	if (!s->playback.active && (r.act == GCS_DO_ARM || r.act == GCS_DO_DISARM || r.act == GCS_DO_FIRE || r.act == GCS_DO_EDIT))
		assert_true(r.fault < (uint32_t)nfaults);
	if (r.act == GCS_DO_RATE)
		assert_true(r.workload < s->scenario->nworkloads && r.text);
	if (r.act == GCS_DO_SEEK && st->screen == TUI_SCREEN_TIMELINE)
		assert_true(r.by_ns + s->now_ns >= -10 * S);
	if (s->playback.active)
		assert_true(!st->confirm_quit && !st->frozen);
}

static struct gcs_request once(struct tui_state *st, const struct gcs_snapshot *s)
{
	if (any(4))
		return tui_screen_key(st, s, any_key());
	struct tui_mouse at = {(int)any((uint32_t)st->rows + 3), (int)any((uint32_t)st->cols + 3), (enum tui_mouse_act)any(3)};
	return tui_screen_mouse(st, s, at);
}

static void episode(struct gcs_snapshot *s, const struct gcs_history *whole, struct gcs_history *h)
{
	struct tui_state st = {.rows = 24, .cols = 80};
	for (int i = 0; i < 400; i++) {
		struct gcs_request r = once(&st, s);
		must_hold(&st, s, r);
		if (any(12) == 0)
			change(s, whole, h);
		if (any(10) == 0) {
			st.rows = any(3) ? 24 + (int)any(37) : 1 + (int)any(30);
			st.cols = any(3) ? 80 + (int)any(121) : 1 + (int)any(90);
		}
		if (any(6) == 0) {
			free(render(s, &st, st.rows, st.cols, any(2)));
			drawn[st.screen] |= tui_frame_whole(st.rows, st.cols);
		}
	}
}

static void test_anything(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)seed);
	struct gcs_scenario *sc = make_scenario();
	struct gcs_history *whole = make_history(), *h = malloc(sizeof *h);
	assert_non_null(h);
	for (int i = 0; i < 150; i++) {
		struct gcs_snapshot *s = i % 2 ? make_record(sc) : make_snapshot(sc);
		sc->nfaults = any(4);
		sc->nworkloads = any(4);
		*h = *whole;
		with_history(s, h);
		if (sc->nfaults < 3) { /* what is told of the others is none of this scenario's */
			h->noccs = h->npauses = h->nfirings = 0;
			s->nrecs = 0;
		}
		struct gcs_history bound = *h;
		episode(s, &bound, h);
		free(s);
		sc->nfaults = sc->nworkloads = 3;
	}
	for (int i = 0; i < TUI_SCREENS; i++)
		if (!drawn[i])
			fail_msg("the %s screen was never reached", tui_screens[i].name);
	free(h);
	gcs_history_destroy(whole);
	free(sc);
}

/* The list of runs, which gets shorter and longer under what is typed. */
static void test_any_list(void **state)
{
	(void)state;
	struct gcs_choice *choice = calloc(60, sizeof *choice);
	struct tui_chooser ch = {0};
	struct tui_canvas c = {.ascii = true};
	for (int i = 0; i < 60; i++)
		snprintf(choice[i].name, sizeof choice[i].name, "%c%c-%d", 'a' + i % 7, 'a' + i % 5, i);
	uint32_t n = 60;
	for (int i = 0; i < 30000; i++) {
		struct gcs_request r = any(4) ? tui_chooser_key(&ch, choice, n, any_key())
					      : tui_chooser_point(&ch, choice, n, (struct tui_mouse){(int)any(40), (int)any(90), (enum tui_mouse_act)any(3)});
		if (r.act == GCS_DO_CHOOSE)
			assert_true(r.fault < n);
		assert_true(ch.at >= 0 && ch.top >= 0 && strlen(ch.filter) < TUI_FILTER);
		if (any(20) == 0) {
			int rows = 1 + (int)any(60), cols = 1 + (int)any(200);
			struct tui_box all = {0, 0, rows, cols};
			n = any(61);
			assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
			tui_view_chooser(&c, &all, choice, n, &ch);
			assert_true(ch.at == 0 || ch.at < (int)n);
		}
	}
	tui_canvas_fini(&c);
	free(choice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_anything), cmocka_unit_test(test_any_list)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
