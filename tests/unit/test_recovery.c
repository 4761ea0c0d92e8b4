/*
 * test_recovery.c: the recovery state machine over made-up series, one row a case.
 *
 * A series is a text, one character an interval of 1 s: '.' good, 'X' latency ten times the
 * baseline, 'r' half the rate, 'e' errors,
 * '-' nothing measured. The fault line below it: 'A' armed and firing in that second, 'a' armed,
 * not firing, ' ' off; a second fault may have a line of its own.
 */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/recovery.h"
#include "harness/measure/verdict.h"

#include <stdio.h>

struct want {
	enum gcs_rec_state state;
	int recovery_s; /* -1 never, or nothing to come back from; 0 less than a second */
	bool overlapped;
};
struct row {
	const char *name, *series, *fault, *other;
	int deadline_s;
	struct want want[4]; /* in the order of arming */
	uint32_t nwant;
};

/* The lines below each other are what this table is. */
/* clang-format off */
static const struct row rows[] = {
	{ "never left",              "..........................", "     AAA", "", 8, { { GCS_REC_UNTOUCHED, -1, false } }, 1 },
	{ "degraded and back",       ".....XXXXX................", "     AAA", "", 8, { { GCS_REC_STEADY, 2, false } }, 1 },
	{ "back by the end",         ".....XX...................", "     AAA", "", 8, { { GCS_REC_STEADY, 0, false } }, 1 },
	{ "rate falls",              ".....rrrr.................", "     AAA", "", 8, { { GCS_REC_STEADY, 1, false } }, 1 },
	{ "errors",                  ".....eeee.................", "     AAA", "", 8, { { GCS_REC_STEADY, 1, false } }, 1 },
	{ "relapse starts anew",     ".....XXX..X..X............", "     AAA", "", 12, { { GCS_REC_STEADY, 6, false } }, 1 },
	{ "late degradation",        "........XX................", "     AAA", "", 8, { { GCS_REC_STEADY, 2, false } }, 1 },
	{ "never recovers",          ".....XXXXXXXXXXXXXXXXXXXXX", "     AAA", "", 8, { { GCS_REC_NEVER, -1, false } }, 1 },
	{ "the run ends too early",  ".....XXXXX..",               "     AAA", "", 8, { { GCS_REC_NEVER, -1, false } }, 1 },
	{ "never disarmed",          ".....XXXXX..",               "     AAAAAAA", "", 8, { { GCS_REC_NEVER, -1, false } }, 1 },
	{ "armed, never fired",      ".....XXXX.................", "     aaa", "", 8, { { GCS_REC_UNTOUCHED, -1, false } }, 1 },
	{ "bad before it fires",     ".....XX...................", "     aaaA", "", 8, { { GCS_REC_UNTOUCHED, -1, false } }, 1 },
	{ "nothing measured",        ".....--------.............", "     AAA", "", 8, { { GCS_REC_UNTOUCHED, -1, false } }, 1 },
	{ "two occurrences",         ".....XXXX.....XXX.........", "     AA       AA", "", 8,
	  { { GCS_REC_STEADY, 2, false }, { GCS_REC_STEADY, 1, false } }, 2 },
	{ "second before steady",    ".....XX.XX................", "     AA A", "", 8,
	  { { GCS_REC_STEADY, 1, true }, { GCS_REC_STEADY, 1, false } }, 2 },
	{ "two faults overlapping",  ".....XXXXXXXXXXX..........", "     AAA", "       AAAAA", 8,
	  { { GCS_REC_STEADY, 4, true }, { GCS_REC_STEADY, 4, true } }, 2 },
	{ "harmless, then another",  "........XXXX..............", "     A", "       AA", 8,
	  { { GCS_REC_UNTOUCHED, -1, true }, { GCS_REC_STEADY, 3, false } }, 2 },
	{ "no time to tell",         ".......XXXX...............", "     AA", "       AA", 8,
	  { { GCS_REC_STEADY, 2, true }, { GCS_REC_STEADY, 2, false } }, 2 },
	{ "other fault stays armed", ".....XX...................", "     AA", "     aaaaaaaaaaa", 8,
	  { { GCS_REC_STEADY, 0, true }, { GCS_REC_UNTOUCHED, -1, true } }, 2 },
};
/* clang-format on */

static bool armed_at(const char *line, size_t t)
{
	return t < strlen(line) && line[t] != ' ';
}

static void play_fault(struct gcs_recoveries *r, uint32_t fault, const char *line, size_t t,
		       uint32_t *number)
{
	int64_t now_ns = (int64_t)t * S_NS;
	if (armed_at(line, t) && (t == 0 || !armed_at(line, t - 1)))
		gcs_recoveries_arm(r, fault, (*number)++, false, now_ns);
	if (armed_at(line, t) && line[t] == 'A')
		gcs_recoveries_fire(r, fault, now_ns);
	if (t > 0 && !armed_at(line, t) && armed_at(line, t - 1))
		gcs_recoveries_disarm(r, fault, now_ns);
}

/* Signals of the fixture: latency, stw, rate, errors, wake. */
static void play_interval(struct gcs_recoveries *r, char what, size_t t)
{
	double v[GCS_SIGNALS_MAX] = {what == 'X' ? 10e6 : 1e6, 1e5, what == 'r' ? 1000 : 2000,
				     what == 'e' ? 7 : 0, 3e4};
	gcs_recoveries_interval(r, (int64_t)t * S_NS, (int64_t)(t + 1) * S_NS, true, v,
				what == '-' ? 0 : 0x1f);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct gcs_scenario *s = fixture_scenario();
		struct gcs_recoveries r;
		uint32_t number[2] = {0, 0};
		s->recovery.deadline_ns = row->deadline_s * S_NS;
		assert_int_equal(gcs_recoveries_init(&r, s), 0);
		size_t n = strlen(row->series);
		for (size_t t = 0; t < n; t++) {
			play_fault(&r, 0, row->fault, t, &number[0]);
			play_fault(&r, 1, row->other, t, &number[1]);
			play_interval(&r, row->series[t], t);
		}
		gcs_recoveries_finish(&r, (int64_t)n * S_NS);
		if (r.nocc != row->nwant)
			print_error("%s: %u occurrences\n", row->name, r.nocc);
		assert_int_equal(r.nocc, row->nwant);
		for (uint32_t k = 0; k < r.nocc; k++) {
			const struct gcs_occurrence *o = &r.occ[k];
			const struct want *w = &row->want[k];
			int64_t got_s = o->recovery_ns < 0 ? -1 : o->recovery_ns / S_NS;
			if (o->state != w->state || got_s != w->recovery_s ||
			    o->overlapped != w->overlapped)
				print_error("%s, occurrence %u: %s after %lld ns, overlapped %d\n",
					    row->name, k, gcs_rec_state_name(o->state),
					    (long long)o->recovery_ns, o->overlapped);
			assert_int_equal(o->state, w->state);
			assert_int_equal(got_s, w->recovery_s);
			assert_int_equal(o->overlapped, w->overlapped);
			assert_true(o->decided);
			assert_true((o->degraded_ns >= 0) == (w->state != GCS_REC_UNTOUCHED));
		}
		gcs_recoveries_fini(&r);
		fixture_scenario_free(s);
	}
}

static void begin(struct gcs_recoveries *r, struct gcs_scenario **s)
{
	*s = fixture_scenario();
	assert_int_equal(gcs_recoveries_init(r, *s), 0);
}

/* Each signal has its own way back. */
static void test_by_signal(void **state)
{
	(void)state;
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	for (size_t t = 0; t < 20; t++) {
		play_fault(&r, 0, "     AAA", t, &(uint32_t){0});
		double v[GCS_SIGNALS_MAX] = {t >= 5 && t < 9 ? 20e6 : 1e6, 1e5,
					     t >= 6 && t < 11 ? 500 : 2000, 0, 3e4};
		gcs_recoveries_interval(&r, (int64_t)t * S_NS, (int64_t)(t + 1) * S_NS, true, v,
					0x1f);
	}
	const struct gcs_occurrence *o = &r.occ[0];
	assert_int_equal(o->state, GCS_REC_STEADY);
	assert_int_equal(o->signal[0].recovery_ns, 1 * S_NS);
	assert_false(o->signal[1].left);
	assert_int_equal(o->signal[1].recovery_ns, -1);
	assert_int_equal(o->signal[2].recovery_ns, 3 * S_NS);
	assert_int_equal(o->recovery_ns, 3 * S_NS);
	assert_int_equal(o->degraded_ns, 5 * S_NS);
	assert_int_equal(o->steady_ns, 14 * S_NS);
	assert_float_equal(o->signal[0].peak, 20e6, 0);
	assert_float_equal(o->signal[0].peak_ratio, 20, 1e-9);
	assert_float_equal(o->signal[2].peak_ratio, 4, 1e-9);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
}

/* One text an interval of ten slices; an interval is bad as soon as three of its slices are. The
 * fault is armed in intervals 5 and 6. */
static int64_t sliced(const char *const *tail, size_t n, enum gcs_rec_state want)
{
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	for (size_t t = 0; t < n + 5; t++) {
		play_fault(&r, 0, "     AA", t, &(uint32_t){0});
		const char *slices = t < 5 ? "...X......" : tail[t - 5];
		int bad = 0;
		for (size_t k = 0; k < 10; k++) {
			double v[GCS_SIGNALS_MAX] = {slices[k] == 'X' ? 10e6 : 1e6, 1e5, 2000, 0,
						     3e4};
			bad += slices[k] == 'X';
			gcs_recoveries_slice(&r, (int64_t)(10 * t + k + 1) * S_NS / 10, true, v,
					     slices[k] == '-' ? 0x1e : 0x1f);
		}
		play_interval(&r, bad >= 3 ? 'X' : '.', t);
	}
	assert_int_equal(r.occ[0].state, want);
	assert_true(r.occ[0].signal[0].left);
	int64_t recovery_ns = r.occ[0].recovery_ns;
	assert_int_equal(recovery_ns, r.occ[0].signal[0].recovery_ns);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
	return recovery_ns;
}

#define BAD  "XXXXXXXXXX"
#define GOOD ".........."

static void test_slices(void **state)
{
	(void)state;
	static const struct {
		const char *tail[8];
		int64_t ms;
		enum gcs_rec_state state;
	} cases[] = {
		{{BAD, BAD, GOOD, GOOD, GOOD}, 0, GCS_REC_STEADY}, /* back at once */
		{{BAD, BAD, "X.........", GOOD, GOOD}, 100, GCS_REC_STEADY},
		{{BAD, BAD, "X.......X.", GOOD, GOOD}, 100, GCS_REC_STEADY}, /* later: noise */
		{{BAD, BAD, ".XX.......", GOOD, GOOD}, 0, GCS_REC_STEADY},
		{{BAD, BAD, "X-X.......", GOOD, GOOD},
		 300,
		 GCS_REC_STEADY}, /* no news in between */
		{{BAD, BAD, "XXXX......", GOOD, GOOD, GOOD}, 400, GCS_REC_STEADY},
		{{BAD, BAD, "X..XX...X.", GOOD, GOOD, GOOD}, 900, GCS_REC_STEADY},
		{{BAD, BAD, BAD, "XX........", GOOD, GOOD}, 1200, GCS_REC_STEADY},
		{{BAD, BAD, BAD, "XXXX......", "X.........", GOOD, GOOD}, 1400, GCS_REC_STEADY},
		{{BAD, BAD, GOOD, "...XXX....", GOOD, GOOD, GOOD},
		 1600,
		 GCS_REC_STEADY},						    /* relapse */
		{{BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD}, -1, GCS_REC_RECOVERING}, /* not yet */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = 0;
		while (n < 8 && cases[i].tail[n])
			n++;
		int64_t got = sliced(cases[i].tail, n, cases[i].state);
		int64_t want = cases[i].ms < 0 ? -1 : cases[i].ms * 1000000;
		if (got != want)
			print_error("case %zu: %lld ns\n", i, (long long)got);
		assert_int_equal(got, want);
	}
}

/* Microseconds of noise are no degradation, however many times the baseline; nor is the machine's
 * own spread. */
static void test_noise(void **state)
{
	(void)state;
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	for (size_t t = 0; t < 20; t++) {
		play_fault(&r, 0, "            AAA", t, &(uint32_t){0});
		double jitter = t % 3 == 0 ? 0.85 : t % 3 == 1 ? 1.0 : 1.2;
		double v[GCS_SIGNALS_MAX] = {t < 12 ? 20e3 : 300e3, t < 12 ? 10e6 * jitter : 14e6,
					     2000, 0, 3e4};
		gcs_recoveries_interval(&r, (int64_t)t * S_NS, (int64_t)(t + 1) * S_NS, true, v,
					0x1f);
	}
	assert_int_equal(r.steady, 1);
	assert_false(r.occ[0].signal[0].left); /* 20 -> 300 us: under the floor of 500 us */
	assert_false(r.occ[0].signal[1]
			     .left); /* 14 ms: beyond 1.25 x 10, within the spread seen before */
	assert_true(r.signal[1].limit > 14e6);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
}

static int steady_of(const char *series, const bool recorded, double drift)
{
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	size_t n = strlen(series);
	for (size_t t = 0; t < n; t++) {
		double v[GCS_SIGNALS_MAX] = {(series[t] == 'X' ? 10e6 : 1e6) *
						     (1 + drift * (double)t),
					     1e5, 2000, 0, 3e4};
		gcs_recoveries_interval(&r, (int64_t)t * S_NS, (int64_t)(t + 1) * S_NS, recorded, v,
					0x1f);
	}
	assert_int_equal(r.steady, 0); /* not asked before something is armed */
	gcs_recoveries_arm(&r, 0, 0, false, (int64_t)n * S_NS);
	int steady = r.steady;
	if (steady < 0)
		assert_true(strlen(r.why_not) > 10);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
	return steady;
}

static void test_steady_state(void **state)
{
	(void)state;
	assert_int_equal(steady_of("..........", true, 0), 1);
	assert_int_equal(steady_of("...X......", true, 0), 1);	  /* one outlier */
	assert_int_equal(steady_of(".XX.XX.X.X", true, 0), -1);	  /* no level at all */
	assert_int_equal(steady_of("..........", true, 0.5), -1); /* it climbs */
	assert_int_equal(steady_of("..", true, 0), -1);		  /* too little */
	assert_int_equal(steady_of("..........", false, 0), -1);  /* warm-up is no baseline */
}

static void test_outcomes(void **state)
{
	(void)state;
	const struct gcs_fault drawn = {0};
	const struct {
		struct gcs_fault_facts f;
		bool known;
		enum gcs_outcome want;
	} cases[] = {
		{{0}, true, GCS_OUT_NOT_ARMED},
		{{.occurrences = 1}, true, GCS_OUT_NEVER_REACHED},
		{{.occurrences = 1, .visits = 9}, true, GCS_OUT_NEVER_ELIGIBLE},
		{{.occurrences = 1, .visits = 9, .eligible = 4}, true, GCS_OUT_NEVER_FIRED},
		{{.occurrences = 1, .visits = 9, .eligible = 4, .fired = 2, .masked = 2},
		 true,
		 GCS_OUT_MASKED},
		{{.occurrences = 1, .visits = 9, .eligible = 4, .fired = 2},
		 true,
		 GCS_OUT_WITHOUT_EFFECT},
		{{.occurrences = 1, .visits = 9, .eligible = 4, .fired = 2}, false, GCS_OUT_FIRED},
		{{.occurrences = 1, .visits = 9, .eligible = 4, .fired = 2, .masked = 2, .died = 1},
		 true,
		 GCS_OUT_DIED},
		{{.occurrences = 1,
		  .visits = 9,
		  .eligible = 4,
		  .fired = 2,
		  .masked = 1,
		  .degraded = 1},
		 true,
		 GCS_OUT_FIRED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(gcs_outcome_of(&drawn, &cases[i].f, cases[i].known),
				 cases[i].want);
	assert_int_equal(gcs_outcome_of(&(struct gcs_fault){.left_out = true}, &cases[0].f, true),
			 GCS_OUT_NOT_DRAWN);
}

/* Arming twice, disarming what is off, faults out of range: ignored. */
static void test_nonsense(void **state)
{
	(void)state;
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	gcs_recoveries_disarm(&r, 0, 1);
	gcs_recoveries_fire(&r, 0, 1);
	gcs_recoveries_arm(&r, 99, 0, false, 1);
	assert_int_equal(r.nocc, 0);
	gcs_recoveries_arm(&r, 0, 0, false, 2 * S_NS);
	gcs_recoveries_arm(&r, 0, 1, true, 3 * S_NS);
	assert_int_equal(r.nocc, 1);
	gcs_recoveries_disarm(&r, 0, 4 * S_NS);
	gcs_recoveries_disarm(&r, 0, 5 * S_NS);
	assert_int_equal(r.occ[0].end_ns, 4 * S_NS);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
}

/* More occurrences than are kept: counted, nothing overrun. */
static void test_bound(void **state)
{
	(void)state;
	struct gcs_recoveries r;
	struct gcs_scenario *s;
	begin(&r, &s);
	for (uint32_t i = 0; i < GCS_OCCURRENCES_MAX + 5; i++) {
		gcs_recoveries_arm(&r, 0, i, false, i * 10);
		gcs_recoveries_disarm(&r, 0, i * 10 + 5);
	}
	assert_int_equal(r.nocc, GCS_OCCURRENCES_MAX);
	assert_int_equal(r.skipped, 5);
	assert_int_equal(r.armed, 0);
	gcs_recoveries_fini(&r);
	fixture_scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 cmocka_unit_test(test_by_signal),
		cmocka_unit_test(test_noise),	 cmocka_unit_test(test_steady_state),
		cmocka_unit_test(test_outcomes), cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_bound),	 cmocka_unit_test(test_slices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
