/*
 * verdict.c: grounds are collected in the order of DESIGN §6 (130/143, 1, 3, 4, 99, 5, 7); the
 * first one decides, all are kept.
 *
 * A run must come back after its faults: an occurrence that never did fails the run, unless an SLO
 * or an expectation about recovery says what is wanted. A fault that was armed and did not fire
 * makes it inconclusive, unless one about this fault does. Under `on_exit: expect` the target must die: what would have come after is not asked for.
 */
#include "harness/measure/verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

const char *gcs_outcome_name(enum gcs_outcome o)
{
	static const char *const names[] = {"not_armed",   "never_reached", "never_eligible",
					    "never_fired", "masked",	    "without_effect",
					    "fired",	   "died",	    "not_drawn",
					    "elsewhere"};
	return names[o];
}

enum gcs_outcome gcs_outcome_of(const struct gcs_fault *fault, const struct gcs_fault_facts *f,
				bool effects_known)
{
	if (fault->elsewhere)
		return GCS_OUT_ELSEWHERE;
	if (f->fired == 0 && f->occurrences == 0)
		return fault->left_out ? GCS_OUT_NOT_DRAWN : GCS_OUT_NOT_ARMED;
	if (f->fired == 0)
		return f->visits == 0	  ? GCS_OUT_NEVER_REACHED
		       : f->eligible == 0 ? GCS_OUT_NEVER_ELIGIBLE
					  : GCS_OUT_NEVER_FIRED;
	if (f->died)
		return GCS_OUT_DIED;
	if (f->masked >= f->fired)
		return GCS_OUT_MASKED;
	return effects_known && f->degraded == 0 ? GCS_OUT_WITHOUT_EFFECT : GCS_OUT_FIRED;
}

const char *gcs_verdict_word(enum gcs_exit exit)
{
	switch (exit) {
	case GCS_EXIT_PASS:
		return "PASS";
	case GCS_EXIT_HARNESS:
		return "HARNESS FAILED";
	case GCS_EXIT_USAGE:
		return "USAGE";
	case GCS_EXIT_UNSUPPORTED:
		return "NO RESOURCE";
	case GCS_EXIT_CRASH:
		return "CRASH";
	case GCS_EXIT_INCONCLUSIVE:
		return "INCONCLUSIVE";
	case GCS_EXIT_UNTRUSTED:
		return "UNTRUSTED";
	case GCS_EXIT_FAIL:
		return "FAIL";
	case GCS_EXIT_INT:
	case GCS_EXIT_TERM:
		return "INTERRUPTED";
	}
	return "?";
}

__attribute__((format(printf, 3, 4))) static void
verdict_reason(struct gcs_verdict *v, enum gcs_exit exit, const char *format, ...)
{
	if (v->nreasons == GCS_REASONS_MAX)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(v->reason[v->nreasons].text, sizeof(v->reason[0].text), format, args);
	va_end(args);
	v->reason[v->nreasons++].exit = exit;
}

static void verdict_run(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	if (g->interrupted)
		verdict_reason(v, g->interrupted == SIGTERM ? GCS_EXIT_TERM : GCS_EXIT_INT,
			       "interrupted by %s after %.1f s",
			       g->interrupted == SIGTERM ? "SIGTERM" : "SIGINT",
			       (double)g->duration_ns / 1e9);
	if (g->harness_error && g->harness_error != -ENOSPC)
		verdict_reason(v, GCS_EXIT_HARNESS, "the record could not be written: %s",
			       strerror(-g->harness_error));
	if (g->fail != GCS_EXIT_PASS && g->fail != GCS_EXIT_INCONCLUSIVE)
		verdict_reason(v, g->fail, "%s", g->fail_text);
	if (!g->started && !g->target_crashed && !g->interrupted && g->fail == GCS_EXIT_PASS)
		verdict_reason(v, GCS_EXIT_HARNESS, "the target never began the run");
	if (g->harness_error == -ENOSPC)
		verdict_reason(v, GCS_EXIT_UNSUPPORTED, "no space left for the record");
	if (g->target_crashed && !g->died_as_expected)
		verdict_reason(v, GCS_EXIT_CRASH, "%s", g->crash_text);
}

static void verdict_slo(struct gcs_verdict *v, const struct gcs_judge *j)
{
	char value[32];
	if (!j->has) {
		verdict_reason(v, GCS_EXIT_FAIL, "SLO %s failed: nothing was measured for %s",
			       j->check->id, j->check->text);
		return;
	}
	gcs_metric_show(j->expr.ref.metric->unit, j->value, value, sizeof(value));
	if (j->windows_failed)
		verdict_reason(v, GCS_EXIT_FAIL, "SLO %s failed in %u of %u windows: %s, worst %s",
			       j->check->id, j->windows_failed, j->windows, j->check->text, value);
	else
		verdict_reason(v, GCS_EXIT_FAIL, "SLO %s failed: %s, was %s", j->check->id,
			       j->check->text, value);
}

/* Some check speaks of recovery (fault -1), or of this fault. */
static bool verdict_spoken(const struct gcs_judge *j, uint32_t n, int fault)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct gcs_metric_ref *ref = &j[i].expr.ref;
		if (fault < 0 ? strncmp(ref->metric->name, "recovery.", strlen("recovery.")) == 0
			      : ref->metric->subject == GCS_OF_FAULT && ref->subject == fault)
			return true;
	}
	return false;
}

static void verdict_fails(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	const struct gcs_scenario *s = g->scenario;
	if (g->facts->integrity_errors)
		verdict_reason(v, GCS_EXIT_FAIL, "%llu entries were lost, stale or torn",
			       (unsigned long long)g->facts->integrity_errors);
	for (uint32_t i = 0; i < s->nslos; i++)
		if (g->slo[i].state < 0)
			verdict_slo(v, &g->slo[i]);
	if (g->ended_early || g->died_as_expected || verdict_spoken(g->slo, s->nslos, -1) ||
	    verdict_spoken(g->expect, s->nexpects, -1))
		return;
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (g->facts->fault[i].never)
			verdict_reason(
				v, GCS_EXIT_FAIL,
				"after %s the run never came back to steady (%u of %u occurrences)",
				s->fault[i].id, g->facts->fault[i].never,
				g->facts->fault[i].occurrences);
}

static void verdict_fault(struct gcs_verdict *v, const struct gcs_grounds *g, uint32_t i)
{
	const struct gcs_fault *f = &g->scenario->fault[i];
	switch (gcs_outcome_of(f, &g->facts->fault[i], g->recoveries->steady > 0)) {
	case GCS_OUT_NOT_ARMED:
		if (f->nwindows && !g->died_as_expected)
			verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "fault %s was never armed", f->id);
		break;
	case GCS_OUT_NEVER_REACHED:
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE,
			       "fault %s was armed but %s was never reached", f->id, f->point);
		break;
	case GCS_OUT_NEVER_ELIGIBLE:
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "fault %s was reached but never eligible",
			       f->id);
		break;
	case GCS_OUT_NEVER_FIRED:
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE,
			       "fault %s was eligible %llu times and did not fire", f->id,
			       (unsigned long long)g->facts->fault[i].eligible);
		break;
	default:
		break;
	}
}

static void verdict_inconclusive(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	const struct gcs_scenario *s = g->scenario;
	if (g->fail == GCS_EXIT_INCONCLUSIVE)
		verdict_reason(v, g->fail, "%s", g->fail_text);
	if (s->expects_death && !g->died_as_expected)
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "the target was expected to die in the run, and did not");
	if (g->recoveries->steady < 0)
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "steady state never held: %s",
			       g->recoveries->why_not);
	for (uint32_t i = 0; i < s->nexpects; i++) {
		char value[32] = "nothing";
		const struct gcs_judge *j = &g->expect[i];
		if (j->state >= 0)
			continue;
		if (j->has)
			gcs_metric_show(j->expr.ref.metric->unit, j->value, value, sizeof(value));
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "expected %s, was %s", j->check->text,
			       value);
	}
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (!verdict_spoken(g->expect, s->nexpects, (int)i))
			verdict_fault(v, g, i);
	if (g->ended_early)
		verdict_reason(v, GCS_EXIT_INCONCLUSIVE, "the run was ended after %.1f of %.1f s",
			       (double)g->duration_ns / 1e9, (double)s->end_ns / 1e9);
}

static void verdict_trust(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	const struct gcs_facts *f = g->facts;
	if (f->samples_lost)
		verdict_reason(v, GCS_EXIT_UNTRUSTED, "%llu telemetry records were lost",
			       (unsigned long long)f->samples_lost);
	if (f->injector_cost > GCS_COST_MAX)
		verdict_reason(v, GCS_EXIT_UNTRUSTED,
			       "the injector took %.1f%% of the target's processor time",
			       100 * f->injector_cost);
	if (!g->sim && g->duration_ns > 0 &&
	    (double)g->stall_total_ns > GCS_STALL_SHARE_MAX * (double)g->duration_ns)
		verdict_reason(
			v, GCS_EXIT_UNTRUSTED,
			"the machine stood still for %.1f%% of the run, %.0f ms at the longest",
			100 * (double)g->stall_total_ns / (double)g->duration_ns,
			(double)f->stall_max_ns / 1e6);
}

static void verdict_slos(char *ret, size_t cap, uint32_t n)
{
	if (n > 1)
		snprintf(ret, cap, "all %u SLOs hold", n);
	else
		snprintf(ret, cap, n == 1 ? "the SLO holds" : "no SLO was asked for");
}

static void verdict_pass(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	const struct gcs_facts *f = g->facts;
	bool at_once = f->recovery_max_ns <= g->resolution_ns;
	double back_s = (double)(at_once ? g->resolution_ns : f->recovery_max_ns) / 1e9;
	char slos[32];
	verdict_slos(slos, sizeof(slos), g->scenario->nslos);
	if (g->died_as_expected)
		snprintf(v->sentence, sizeof(v->sentence), "%s; as expected, %.150s", slos, g->crash_text);
	else if (g->scenario->nfaults == 0)
		snprintf(v->sentence, sizeof(v->sentence), "%s", slos);
	else if (f->degraded == 0)
		snprintf(v->sentence, sizeof(v->sentence),
			 f->occurrences == 1 ? "%s; the one occurrence did not degrade the run"
					     : "%s; none of %u occurrences degraded the run",
			 slos, f->occurrences);
	else
		snprintf(v->sentence, sizeof(v->sentence),
			 "%s; %u of %u occurrence%s degraded the run, and it was back %s %.1f s",
			 slos, f->degraded, f->occurrences, f->occurrences == 1 ? "" : "s",
			 at_once ? "within" : "after at most", back_s);
}

static bool verdict_threw(const struct gcs_grounds *g)
{
	for (uint32_t i = 0; i < g->scenario->nslos; i++)
		if (g->slo[i].state < 0 && g->slo[i].has)
			return false;
	return g->facts->threw && g->facts->integrity_errors == 0;
}

void gcs_verdict_decide(struct gcs_verdict *v, const struct gcs_grounds *g)
{
	memset(v, 0, sizeof(*v));
	verdict_run(v, g);
	verdict_fails(v, g);
	verdict_inconclusive(v, g);
	verdict_trust(v, g);
	v->exit = v->nreasons ? v->reason[0].exit : GCS_EXIT_PASS;
	v->threw = v->exit == GCS_EXIT_CRASH && verdict_threw(g);
	v->word = gcs_verdict_word(v->exit);
	if (v->nreasons)
		snprintf(v->sentence, sizeof(v->sentence), "%s", v->reason[0].text);
	else
		verdict_pass(v, g);
}
