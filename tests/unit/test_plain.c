/*
 * test_plain.c: a run told in lines: every event once and in the order of time, each change of state, percentiles and recovery regularly, one
 * sentence at the end; and nothing in it that a terminal would take for more than text.
 */
#include "harness/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

static char name_run[] = "hand-made", id_steady[] = "steady", id_storm[] = "storm", id_oom[] = "oom", id_late[] = "late";

struct told {
	struct gcs_scenario *sc;
	struct gcs_snapshot *s;
	const struct gcs_display *display;
	void *self;
	int fd, keep; /* that the display writes to, and where it led before */
	FILE *file;
	char *text;
};

static void told_begin(struct told *t, const struct gcs_display *display, int fd)
{
	*t = (struct told){.sc = calloc(1, sizeof *t->sc), .s = calloc(1, sizeof *t->s), .display = display, .fd = fd};
	t->sc->name = name_run;
	t->sc->seed = 0x2481;
	t->sc->procs = 2;
	t->sc->nphases = t->sc->nfaults = 2;
	t->sc->phase[0] = (struct gcs_phase){id_steady, 0, 10 * S, true};
	t->sc->phase[1] = (struct gcs_phase){id_storm, 10 * S, 30 * S, true};
	t->sc->fault[0].id = id_oom;
	t->sc->fault[1].id = id_late;
	t->sc->end_ns = t->s->end_ns = 30 * S;
	t->s->scenario = t->sc;
	t->s->fault[0].id = id_oom;
	t->s->fault[1].id = id_late;
	t->s->state = GCS_STEADY;
	t->s->resolution_ns = 100 * MS;
	strcpy(t->s->run_id, "8f3a-07");
	t->file = tmpfile();
	assert_non_null(t->file);
	fflush(NULL);
	t->keep = dup(fd);
	assert_true(dup2(fileno(t->file), fd) >= 0);
	assert_int_equal(display->open(&t->self), 0);
}

static void told_frame(struct told *t, int64_t now_ns)
{
	t->s->now_ns = now_ns;
	t->display->frame(t->self, t->s);
}

static const char *told_end(struct told *t)
{
	t->display->close(t->self);
	fflush(NULL);
	dup2(t->keep, t->fd);
	close(t->keep);
	t->text = calloc(1, 1 << 18);
	rewind(t->file);
	assert_true(fread(t->text, 1, (1 << 18) - 1, t->file) < (1 << 18) - 1);
	return t->text;
}

static void told_fini(struct told *t)
{
	fclose(t->file);
	free(t->text);
	free(t->s);
	free(t->sc);
}

static void told_event(struct told *t, int64_t t_ns, int level, const char *text)
{
	struct gcs_event_view *e = gcs_snapshot_event(t->s);
	*e = (struct gcs_event_view){.t_ns = t_ns, .level = level};
	snprintf(e->text, sizeof e->text, "%s", text);
}

static int times(const char *text, const char *what)
{
	int n = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

static void must_count(const char *text, const char *what, int n)
{
	if (times(text, what) != n)
		fail_msg("'%s' stands there %d times, not %d:\n%s", what, times(text, what), n, text);
}

/* Each stands there, behind the one before it. */
static void must_follow(const char *text, const char *const *what, size_t n)
{
	const char *at = text;
	for (size_t i = 0; i < n; i++) {
		at = strstr(at, what[i]);
		if (!at)
			fail_msg("'%s' does not stand where it should:\n%s", what[i], text);
		at += strlen(what[i]);
	}
}

/* ---------------------------------------------------------------- */

static void test_states(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	static const struct { enum gcs_state state; bool oom, late; } steps[] = {
		{GCS_STARTING, false, false}, {GCS_WARMING, false, false}, {GCS_STEADY, false, false}, {GCS_FAULTING, true, true},
		{GCS_RECOVERING, false, false}, {GCS_RECOVERED, false, false}, {GCS_ENDED, false, false},
	};
	int64_t now_ns = 0;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		for (int k = 0; k < 3; k++) {
			t.s->state = steps[i].state;
			t.s->fault[0].armed = steps[i].oom;
			t.s->fault[1].armed = steps[i].late;
			told_frame(&t, now_ns += 100 * MS);
		}
	const char *text = told_end(&t);
	static const char *const wanted[] = {"state: warming up\n", "state: steady\n", "state: faulting, armed: oom, late\n", "state: recovering\n",
					     "state: recovered\n"};
	must_follow(text, wanted, sizeof wanted / sizeof wanted[0]);
	must_count(text, "state: ", 5); /* each once; that it starts the command has said, and how it ends the end does */
	told_fini(&t);
}

static void test_figures(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	t.s->stw_now = (struct gcs_pcts){121, 110000, 420000, 3200000, 3800000, 6180000};
	t.s->assist_total = (struct gcs_pcts){3, 1000, 2000, 3000, 4000, 5000};
	t.s->heap_live = 201u << 20;
	t.s->heap_goal = 402u << 20;
	t.s->ops_rate = 98000;
	t.s->gc_cycle = 18;
	t.s->gc_forced = 2;
	t.s->fault[0].fired = 212;
	for (int64_t now_ns = 100 * MS; now_ns <= 22 * S; now_ns += 100 * MS) {
		t.s->stw_total = (struct gcs_pcts){(uint64_t)(now_ns / S), 80000, 210000, 1120000, 38100000, now_ns / 1000};
		told_frame(&t, now_ns);
	}
	const char *text = told_end(&t);
	static const char *const wanted[] = {
		"5.000s steady   now: 98000 operations a second, P99 0 ns; collection 18, 2 forced; heap 201.0 MiB, goal 402.0 MiB; faults fired 212 times\n",
		"5.000s steady   stops of the world: last 10 s P50 110 us, P99 3.20 ms, longest 6.18 ms, 121 of them; since the start P50 80 us, P99 1.12 ms, longest 5.00 ms, 5 of them\n",
		"5.000s steady   mark assists: last 10 s none; since the start P50 1.0 us, P99 3.0 us, longest 5.0 us, 3 of them",
		"10.000s storm    now: ", "longest 10.0 ms, 10 of them\n", "15.000s storm    now: ", "longest 15.0 ms, 15 of them\n", "20.000s storm    now: "};
	must_follow(text, wanted, sizeof wanted / sizeof wanted[0]);
	must_count(text, " now: ", 4);
	must_count(text, "stops of the world", 4);
	must_count(text, "mark assists", 1); /* nothing came after */
	must_count(text, "wakes", 0);
	told_fini(&t);
}

static void test_no_goal(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	t.s->heap_goal = UINT64_MAX; /* GOGC=off */
	told_frame(&t, 5 * S);
	must_count(told_end(&t), "heap 0.0 MiB, no goal;", 1);
	told_fini(&t);
}

/* One that is open is told each time, one that is decided once. */
static void test_recovery(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	t.s->nrecs = 2;
	t.s->rec[0] = (struct gcs_rec_view){.fault = 0, .state = GCS_REC_STEADY, .recovery_ns = 2400 * MS, .nsignals = 2,
					    .signal = {{"gc.rate", 0, 2.5, true}, {"pause.stw.p99", 0, 18.5, true}}};
	t.s->rec[1] = (struct gcs_rec_view){.fault = 1, .occurrence = 1, .state = GCS_REC_DEGRADED, .recovery_ns = -1, .overlapped = true};
	told_frame(&t, 5 * S);
	told_frame(&t, 10 * S);
	t.s->rec[1].state = GCS_REC_STEADY;
	t.s->rec[1].recovery_ns = 50 * MS;
	told_frame(&t, 15 * S);
	told_frame(&t, 20 * S);
	const char *text = told_end(&t);
	must_count(text, "recovery: oom, occurrence 1: steady again after 2.4 s, worst pause.stw.p99, at 18.5 times its baseline\n", 1);
	must_count(text, "recovery: late, occurrence 2: degraded, overlapped by another\n", 2);
	must_count(text, "recovery: late, occurrence 2: steady again within 0.1 s, overlapped by another\n", 1);
	must_count(text, "recovery: ", 4);
	told_fini(&t);
}

/* An event is known late, before one that happened earlier, or when others have pushed it almost out. */
static void test_events_once(void **state)
{
	(void)state;
	struct told t;
	char text[32];
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	told_event(&t, 2000 * MS, 1, "second");
	told_frame(&t, 2050 * MS);
	t.s->nevents = 0; /* as a record has them: in the order in which they were known, but only those of that moment */
	told_event(&t, 2100 * MS, 2, "third");
	told_event(&t, 2000 * MS, 1, "second");
	told_frame(&t, 2150 * MS);
	told_event(&t, 1990 * MS, 0, "first");
	told_frame(&t, 2250 * MS);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "number %d.", i);
		told_event(&t, 3 * S + i * 10 * MS, 0, text);
		told_frame(&t, 3 * S + i * 10 * MS);
	}
	const char *all = told_end(&t);
	static const char *const wanted[] = {"1.990s steady   first\n", "2.000s steady   second\n", "2.100s steady   bad: third\n", "number 0.", "number 299."};
	must_follow(all, wanted, sizeof wanted / sizeof wanted[0]);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		must_count(all, wanted[i], 1);
	must_count(all, "number ", 300);
	told_fini(&t);
}

static void end_frames(struct told *t)
{
	t->s->stw_total = (struct gcs_pcts){9, 80000, 210000, 1120000, 38100000, 61800000};
	t->s->nslos = 2;
	t->s->slo[0] = (struct gcs_slo_view){.id = "whole", .text = "integrity.errors == 0", .state = 1, .shown = "0"};
	t->s->slo[1] = (struct gcs_slo_view){.id = "stops", .text = "pause.stw.max < 2ms", .state = -1, .shown = "61.8ms"};
	t->s->nrecs = 1;
	t->s->rec[0] = (struct gcs_rec_view){.fault = 0, .state = GCS_REC_NEVER, .recovery_ns = -1};
	told_event(t, 29 * S, 1, "the last event");
	told_frame(t, 29 * S);
	t->s->state = GCS_ENDED;
	strcpy(t->s->headline, "not known yet");
	told_frame(t, 30 * S);
	told_frame(t, 30 * S);
	strcpy(t->s->headline, "FAIL: an SLO failed.");
	told_frame(t, 30 * S);
}

/* The last line is the verdict, once; before a report it is all that is said of the end. */
static void test_end(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain, STDERR_FILENO);
	end_frames(&t);
	const char *text = told_end(&t), *last = "  30.000s ended    FAIL: an SLO failed.\n";
	assert_true(strlen(text) > strlen(last));
	assert_string_equal(text + strlen(text) - strlen(last), last);
	must_count(text, "the last event", 1);
	must_count(text, "ended", 1);
	must_count(text, "not known yet", 0);
	told_fini(&t);
}

/* Of a record there is no report: whose it is, and how all of it ended. */
static void test_end_alone(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain_out, STDOUT_FILENO);
	t.s->sim = true;
	end_frames(&t);
	const char *text = told_end(&t);
	static const char *const wanted[] = {
		"record of hand-made: run 8f3a-07, seed 0x2481, embedded with 2 Ps, planned for 30.0 s; simulated, times are modelled\n",
		"the last event",
		"30.000s ended    stops of the world: since the start P50 80 us, P99 1.12 ms, longest 61.8 ms, 9 of them\n",
		"30.000s ended    recovery: oom, occurrence 1: did not come back in time\n",
		"30.000s ended    holds: integrity.errors == 0, measured 0\n",
		"30.000s ended    fails: pause.stw.max < 2ms, measured 61.8ms\n",
		"30.000s ended    FAIL: an SLO failed.\n"};
	must_follow(text, wanted, sizeof wanted / sizeof wanted[0]);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		must_count(text, wanted[i], 1);
	assert_ptr_equal(strstr(text, wanted[0]), text);
	told_fini(&t);
}

/* Text and ends of lines: no escape, no tabulator, no return, nothing beyond ASCII of its own. */
static void test_nothing_but_text(void **state)
{
	(void)state;
	struct told t;
	told_begin(&t, &gcs_display_plain_out, STDOUT_FILENO);
	t.s->fault[0].armed = true;
	t.s->state = GCS_FAULTING;
	told_event(&t, 4 * S, 2, "bad thing");
	told_frame(&t, 5 * S);
	end_frames(&t);
	const char *text = told_end(&t);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
	must_count(text, "now: ", 2); /* at 5 s and at 29 */
	told_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),	    cmocka_unit_test(test_figures),    cmocka_unit_test(test_no_goal),
		cmocka_unit_test(test_recovery),    cmocka_unit_test(test_events_once), cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_alone),   cmocka_unit_test(test_nothing_but_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
