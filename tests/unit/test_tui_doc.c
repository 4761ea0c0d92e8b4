/*
 * test_tui_doc.c: docs/tui.md shows every screen, and every key, as they are. Its parts between `<!-- NAME -->` and `<!-- end -->` are
 * made here, from a run made by hand; with GCS_TEST_WRITE set the file is written anew.
 */
#include "tests/unit/test_tui_fixture.h"
#include "tests/unit/test_versus_fixture.h"
#include "tui/screen.h"

static struct gcs_scenario *sc;
static struct gcs_history *h;
static struct gcs_snapshot *live, *record;
static struct gcs_versus *one, *several;

static void fence(FILE *out, const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols, bool ascii)
{
	char *text = render(s, st, rows, cols, ascii);
	fprintf(out, "```text\n%s```\n", text);
	free(text);
}

/* Those that are everybody's stand once, as they are on the main screen. */
static void make_keys_of(FILE *out, enum tui_screen screen)
{
	char keys[64];
	for (size_t i = 0; i < tui_bindings_count; i++) {
		const struct tui_binding *b = &tui_bindings[i];
		bool own = b->help && b->screens != (1u << TUI_SCREENS) - 1;
		if (!tui_binding_leads(b) || !(b->screens >> screen & 1) || !(own || screen == TUI_SCREEN_MAIN))
			continue;
		tui_binding_keys(b, screen, b->when == TUI_WHEN_RECORD, keys, sizeof keys);
		if (keys[0])
			fprintf(out, "| %s | %s | %s | %s |\n", own ? tui_screens[screen].name : "every",
				b->when == TUI_WHEN_RECORD ? "record" : b->when == TUI_WHEN_LIVE ? "run" : "both", keys, b->help);
	}
}

static void make_keys(FILE *out)
{
	fputs("| screen | of a | keys | |\n|---|---|---|---|\n", out);
	for (int i = 0; i < TUI_SCREENS; i++)
		make_keys_of(out, (enum tui_screen)i);
}

static void make_main(FILE *out)
{
	fence(out, live, &(struct tui_state){0}, 24, 80, false);
}

static void make_record_screen(FILE *out)
{
	fence(out, record, &(struct tui_state){0}, 24, 80, true);
}

static void make_maps(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_MAPS}, 24, 80, false);
}

static void make_maps_same(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_MAPS, .maps = {.placed = true, .worker = 2}}, 32, 100, true);
}

static void make_sched(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_SCHED}, 24, 80, false);
}

/* As real Go is seen. */
static void make_sched_go(FILE *out)
{
	struct gcs_snapshot *s = malloc(sizeof *s);
	assert_non_null(s);
	*s = *live;
	s->sched.nps = 0;
	s->sched.global_runq = 24;
	s->sched.idle_ps = s->sched.idle_threads = s->sched.spinning = s->sched.timers = s->sched.poll_waiters = GCS_UNTOLD;
	s->sched_now = (struct gcs_pcts){41200, 2000, 9000, 71000, 1200000, 6100000};
	s->sched_total = (struct gcs_pcts){250000, 2000, 8000, 64000, 900000, 7100000};
	fence(out, s, &(struct tui_state){.screen = TUI_SCREEN_SCHED}, 32, 100, true);
	free(s);
}

static void make_pauses(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_PAUSES}, 24, 80, false);
}

static void make_pauses_wide(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_PAUSES, .kind = TUI_KIND_ASSIST}, 32, 120, true);
}

static void make_timeline(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_TIMELINE, .line = {.placed = true, .at_ns = 17 * S}}, 24, 80, false);
}

static void make_timeline_close(FILE *out)
{
	fence(out, live, &(struct tui_state){.screen = TUI_SCREEN_TIMELINE, .line = {.placed = true, .at_ns = 19 * S, .zoom = 4}}, 24, 80, true);
}

static void make_events(FILE *out)
{
	fence(out, record, &(struct tui_state){.screen = TUI_SCREEN_EVENTS, .log = {.filter = "oom"}}, 24, 80, false);
}

static void compare(FILE *out, struct gcs_versus *v, const struct tui_state *st, int rows, int cols, bool ascii)
{
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		v->side[side].history = h;
		v->side[side].scenario = sc;
		v->side[side].end_ns = (side ? 21 : 26) * S; /* B ended earlier */
	}
	record->versus = v;
	fence(out, record, st, rows, cols, ascii);
	record->versus = NULL;
}

static void make_compare(FILE *out)
{
	compare(out, several, &(struct tui_state){.screen = TUI_SCREEN_COMPARE, .versus = {.row = 1, .placed = true, .at_ns = 17 * S}}, 24, 80, false);
}

static void make_compare_runs(FILE *out)
{
	compare(out, several, &(struct tui_state){.screen = TUI_SCREEN_COMPARE, .versus = {.row = 1, .runs = true}}, 32, 110, true);
}

static void make_compare_one(FILE *out)
{
	compare(out, one, &(struct tui_state){.screen = TUI_SCREEN_COMPARE}, 24, 80, true);
}

static void make_help(FILE *out)
{
	fence(out, live, &(struct tui_state){.help = true}, 24, 80, false);
}

static void make_braille(FILE *out)
{
	char *text = render_as((struct tui_canvas){.braille = true}, live, &(struct tui_state){0}, 32, 100);
	fprintf(out, "```text\n%s```\n", text);
	free(text);
}

static void make_small(FILE *out)
{
	fence(out, live, &(struct tui_state){.pane = TUI_PANE_FAULTS}, 10, 60, false);
}

static const struct { const char *name; void (*make)(FILE *out); } parts[] = {
	{"keys", make_keys}, {"main", make_main}, {"record", make_record_screen}, {"maps", make_maps},
	{"maps-same", make_maps_same}, {"sched", make_sched}, {"sched-go", make_sched_go}, {"pauses", make_pauses}, {"pauses-wide", make_pauses_wide},
	{"timeline", make_timeline}, {"timeline-close", make_timeline_close}, {"events", make_events},
	{"compare", make_compare}, {"compare-runs", make_compare_runs}, {"compare-one", make_compare_one}, {"help", make_help},
	{"small", make_small}, {"braille", make_braille},
};

/* The document with its parts made anew; how many there were. */
static size_t make_document(FILE *in, FILE *out)
{
	char line[1024], name[64];
	bool inside = false;
	size_t made = 0;
	while (fgets(line, sizeof line, in)) {
		if (strcmp(line, "<!-- end -->\n") == 0)
			inside = false;
		if (!inside)
			fputs(line, out);
		if (sscanf(line, "<!-- %63[a-z-] -->", name) != 1 || strcmp(name, "end") == 0)
			continue;
		for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
			if (strcmp(parts[i].name, name) == 0) {
				parts[i].make(out);
				inside = true;
				made++;
			}
		if (!inside)
			fail_msg("docs/tui.md asks for '%s', which nothing makes", name);
	}
	assert_false(inside);
	return made;
}

static void path_of(const char *name, char *ret, size_t cap)
{
	const char *source = getenv("GCSTORM_SOURCE");
	snprintf(ret, cap, "%s/%s", source ? source : ".", name);
}

static char *whole_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	if (!f)
		fail_msg("%s cannot be read", path);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void test_document(void **state)
{
	(void)state;
	char path[512], *made = NULL;
	size_t n = 0;
	path_of("docs/tui.md", path, sizeof path);
	FILE *in = fopen(path, "r"), *out = open_memstream(&made, &n);
	if (!in)
		fail_msg("%s cannot be read", path);
	assert_non_null(out);
	assert_int_equal(make_document(in, out), sizeof parts / sizeof parts[0]);
	fclose(in);
	fclose(out);
	if (getenv("GCS_TEST_WRITE")) {
		out = fopen(path, "w");
		assert_non_null(out);
		fputs(made, out);
		assert_int_equal(fclose(out), 0);
	}
	char *kept = whole_file(path);
	if (strcmp(kept, made) != 0)
		fail_msg("docs/tui.md is stale: GCS_TEST_WRITE=1 GCSTORM_SOURCE=. build/tests/test_tui_doc; it should be\n%s", made);
	free(kept);
	free(made);
}

/* Every screen and every line of keys is in it. */
static void test_nothing_is_left_out(void **state)
{
	(void)state;
	char path[512];
	path_of("docs/tui.md", path, sizeof path);
	char *text = whole_file(path);
	for (int i = 0; i < TUI_SCREENS; i++)
		if (tui_screens[i].fkey) {
			char want[64];
			snprintf(want, sizeof want, "## F%d, %s", tui_screens[i].fkey, tui_screens[i].name);
			must_show(text, want);
		}
	for (size_t i = 0; i < tui_bindings_count; i++)
		if (tui_binding_leads(&tui_bindings[i]))
			must_show(text, tui_bindings[i].help);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_document), cmocka_unit_test(test_nothing_is_left_out)};
	setenv("TZ", "UTC", 1); /* the title of a record says when it began */
	sc = make_scenario();
	h = make_history();
	live = make_snapshot(sc);
	record = make_record(sc);
	with_history(live, h);
	with_history(record, h);
	one = make_versus(1, 1);
	several = make_versus(6, 6);
	record->now_ns = 17 * S;
	record->playback.record_end_ns = 26 * S;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	gcs_versus_close(one);
	gcs_versus_close(several);
	free(live);
	free(record);
	gcs_history_destroy(h);
	free(sc);
	return failed;
}
