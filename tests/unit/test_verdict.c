/* test_verdict.c: which exit code, when several would apply (DESIGN §6). */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

struct case_ {
	struct gcs_scenario *s;
	struct gcs_facts facts;
	struct gcs_recoveries rec;
	struct gcs_judge slo[2], expect[2];
	struct gcs_grounds g;
	struct gcs_verdict v;
};

/* A run with which all is well. */
static void case_init(struct case_ *c)
{
	memset(c, 0, sizeof(*c));
	c->s = fixture_scenario();
	fixture_check(c->s->slo, &c->s->nslos, "p99", "op.latency.p99 < 2ms");
	fixture_check(c->s->expect, &c->s->nexpects, "", "ops.count > 5");
	for (uint32_t i = 0; i < 2; i++) {
		c->s->fault[i].nwindows = 1;
		c->facts.fault[i] = (struct gcs_fault_facts){.visits = 100,
							     .eligible = 90,
							     .fired = 5,
							     .occurrences = 2,
							     .degraded = 2,
							     .recovered = 2};
	}
	c->facts.occurrences = c->facts.degraded = 4;
	c->facts.recovery_max_ns = 3 * S_NS;
	assert_int_equal(gcs_recoveries_init(&c->rec, c->s), 0);
	c->rec.steady = 1;
	assert_int_equal(gcs_judge_init(&c->slo[0], &c->s->slo[0], c->s), 0);
	assert_int_equal(gcs_judge_init(&c->expect[0], &c->s->expect[0], c->s), 0);
	c->slo[0].state = c->expect[0].state = 1;
	c->slo[0].has = c->expect[0].has = true;
	c->g = (struct gcs_grounds){.scenario = c->s,
				    .facts = &c->facts,
				    .recoveries = &c->rec,
				    .slo = c->slo,
				    .expect = c->expect,
				    .started = true,
				    .crash_text = "the target was killed",
				    .duration_ns = 32 * S_NS};
}

static void case_fini(struct case_ *c)
{
	gcs_judge_fini(&c->slo[0]);
	gcs_judge_fini(&c->expect[0]);
	gcs_recoveries_fini(&c->rec);
	fixture_scenario_free(c->s);
}

static void on_int(struct case_ *c)
{
	c->g.interrupted = SIGINT;
}
static void on_term(struct case_ *c)
{
	c->g.interrupted = SIGTERM;
}
static void on_io(struct case_ *c)
{
	c->g.harness_error = -EIO;
}
static void on_full(struct case_ *c)
{
	c->g.harness_error = -ENOSPC;
}
static void on_crash(struct case_ *c)
{
	c->g.target_crashed = true;
}
static void on_slo(struct case_ *c)
{
	c->slo[0].state = -1;
}
static void on_integrity(struct case_ *c)
{
	c->facts.integrity_errors = 1;
}
static void on_never(struct case_ *c)
{
	c->facts.fault[0].never = 1;
	c->facts.never = 1;
}
static void on_unsteady(struct case_ *c)
{
	c->rec.steady = -1;
	strcpy(c->rec.why_not, "it drifted");
}
static void on_expect(struct case_ *c)
{
	c->expect[0].state = -1;
}
static void on_unreached(struct case_ *c)
{
	c->facts.fault[1] = (struct gcs_fault_facts){.occurrences = 1};
}
static void on_early(struct case_ *c)
{
	c->g.ended_early = true;
}
static void on_lost(struct case_ *c)
{
	c->facts.samples_lost = 1;
}
static void on_cost(struct case_ *c)
{
	c->facts.injector_cost = 0.2;
}
static void on_stall(struct case_ *c)
{
	c->g.stall_total_ns = 4 * S_NS;
	c->facts.stall_max_ns = S_NS;
}

static const struct {
	const char *name;
	void (*on)(struct case_ *);
	enum gcs_exit exit;
} grounds[] = {
	{"SIGINT", on_int, GCS_EXIT_INT},
	{"SIGTERM", on_term, GCS_EXIT_TERM},
	{"record", on_io, GCS_EXIT_HARNESS},
	{"disk full", on_full, GCS_EXIT_UNSUPPORTED},
	{"crash", on_crash, GCS_EXIT_CRASH},
	{"slo", on_slo, GCS_EXIT_FAIL},
	{"integrity", on_integrity, GCS_EXIT_FAIL},
	{"never back", on_never, GCS_EXIT_FAIL},
	{"unsteady", on_unsteady, GCS_EXIT_INCONCLUSIVE},
	{"expectation", on_expect, GCS_EXIT_INCONCLUSIVE},
	{"never reached", on_unreached, GCS_EXIT_INCONCLUSIVE},
	{"ended early", on_early, GCS_EXIT_INCONCLUSIVE},
	{"lost", on_lost, GCS_EXIT_UNTRUSTED},
	{"cost", on_cost, GCS_EXIT_UNTRUSTED},
	{"stall", on_stall, GCS_EXIT_UNTRUSTED},
};
#define NGROUNDS (sizeof(grounds) / sizeof(grounds[0]))

static void test_pass(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_PASS);
	assert_string_equal(c.v.word, "PASS");
	assert_non_null(strstr(c.v.sentence, "3.0 s"));
	assert_int_equal(c.v.nreasons, 0);
	case_fini(&c);
}

/* Each ground alone gives its code; of two, the one earlier in the table (which is in DESIGN's
 * order) decides, and both are told. */
static void test_precedence(void **state)
{
	(void)state;
	for (size_t i = 0; i < NGROUNDS; i++) {
		for (size_t k = i; k < NGROUNDS; k++) {
			struct case_ c;
			case_init(&c);
			grounds[k].on(&c);
			grounds[i].on(&c);
			gcs_verdict_decide(&c.v, &c.g);
			bool signals =
				i == 0 &&
				k == 1; /* one run is interrupted by one signal: the one set last */
			bool disk = (i == 2 && k == 3); /* and a record fails once */
			bool waived =
				grounds[k].on == on_early &&
				grounds[i].on ==
					on_never; /* a run cut short had no time to come back */
			enum gcs_exit want = waived ? GCS_EXIT_INCONCLUSIVE : grounds[i].exit;
			if (c.v.exit != want)
				print_error("%s and %s: %d\n", grounds[i].name, grounds[k].name,
					    c.v.exit);
			assert_int_equal(c.v.exit, want);
			assert_true(strlen(c.v.sentence) > 5);
			if (i != k && !signals && !disk && !waived)
				assert_true(c.v.nreasons >= 2);
			case_fini(&c);
		}
	}
}

/* Who speaks of recovery, or of a fault, takes the judgement over. */
static void test_spoken(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	fixture_check(c.s->slo, &c.s->nslos, "back", "recovery.never <= 1");
	assert_int_equal(gcs_judge_init(&c.slo[1], &c.s->slo[1], c.s), 0);
	c.slo[1].state = 1;
	c.slo[1].has = true;
	on_never(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_PASS);
	fixture_check(c.s->expect, &c.s->nexpects, "", "fault.late.fired == 0");
	assert_int_equal(gcs_judge_init(&c.expect[1], &c.s->expect[1], c.s), 0);
	c.expect[1].state = 1;
	c.expect[1].has = true;
	on_unreached(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_PASS);
	gcs_judge_fini(&c.slo[1]);
	gcs_judge_fini(&c.expect[1]);
	case_fini(&c);
}

static void test_not_begun(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	c.g.started = false;
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_HARNESS);
	on_crash(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_CRASH); /* that is why it never began */
	case_fini(&c);
}

static bool threw(struct case_ *c)
{
	gcs_verdict_decide(&c->v, &c->g);
	return c->v.threw;
}

/* A death that was asked for is a crash still, and nothing else if nothing that was measured failed. */
static void test_threw(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	on_crash(&c);
	assert_false(threw(&c));
	c.facts.threw = true;
	assert_true(threw(&c));
	assert_int_equal(c.v.exit, GCS_EXIT_CRASH);
	c.slo[0].state = -1;
	assert_false(threw(&c));
	c.slo[0].has = false; /* it did not live to be measured */
	assert_true(threw(&c));
	c.facts.integrity_errors = 1;
	assert_false(threw(&c));
	c.facts.integrity_errors = 0;
	on_int(&c);
	assert_false(threw(&c));
	case_fini(&c);
}

/* More reasons than there is room for: cut, the first still decides. */
static void test_many(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	while (c.s->nfaults < GCS_FAULTS_MAX) {
		fixture_fault(c.s, "f", "gc/write", "force");
		c.facts.fault[c.s->nfaults - 1].occurrences = 1;
	}
	on_slo(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_FAIL);
	assert_int_equal(c.v.nreasons, GCS_REASONS_MAX);
	case_fini(&c);
}

/* on_exit: expect: the death is what was wanted, and what it cut off is not asked for; a run without it proves nothing. */
static void test_expected_death(void **state)
{
	(void)state;
	struct case_ c;
	case_init(&c);
	c.s->expects_death = true;
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_INCONCLUSIVE);
	assert_non_null(strstr(c.v.sentence, "expected to die"));
	on_crash(&c);
	gcs_verdict_decide(&c.v, &c.g); /* somebody else killed it, or the guard */
	assert_int_equal(c.v.exit, GCS_EXIT_CRASH);
	c.g.died_as_expected = true;
	on_never(&c);
	c.facts.fault[1] = (struct gcs_fault_facts){.visits = 1};
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_PASS);
	assert_non_null(strstr(c.v.sentence, "as expected, the target was killed"));
	on_slo(&c); /* up to its death it must have been well */
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_FAIL);
	c.slo[0].state = 1;
	on_expect(&c);
	gcs_verdict_decide(&c.v, &c.g);
	assert_int_equal(c.v.exit, GCS_EXIT_INCONCLUSIVE);
	case_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pass),   cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_spoken), cmocka_unit_test(test_not_begun),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_threw),
		cmocka_unit_test(test_expected_death),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
