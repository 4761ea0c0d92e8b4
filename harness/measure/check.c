/*
 * check.c: reading and judging SLOs and expectations.
 *
 * Judging: intervals of the phases that count are added up; a windowed check does so until its
 * window is full, decides and begins anew, and one bad window fails it. A window ends with its
 * phase (a rest of less than half a window is not judged). Without a window, the sum over the run
 * decides at the end; a bound on something that only grows fails as soon as it is passed.
 */
#include "harness/measure/check.h"

#include "harness/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- parsing */

static const char *const check_units_say[] = {
	[GCS_UNIT_COUNT] = "expected a count, such as 20 or 3k",
	[GCS_UNIT_NS] = "expected a time with its unit, such as 2ms (ns, us, ms, s, m, h)",
	[GCS_UNIT_BYTES] = "expected a size, such as 64MiB (B, KiB, MiB, GiB, kB, MB, GB)",
	[GCS_UNIT_RATE] = "expected a rate, such as 200k/s",
	[GCS_UNIT_RATIO] = "expected a fraction, such as 5% or 0.05",
};

static const char *check_skip(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static int check_refuse(struct gcs_expr_error *e, const char *text, const char *p, const char *say)
{
	e->at = (uint32_t)(p - text);
	snprintf(e->text, sizeof(e->text), "%s", say);
	return -EINVAL;
}

/* Length of the operator, 0: none. */
static size_t check_op(const char *p, enum gcs_op *ret)
{
	static const struct {
		const char *text;
		enum gcs_op op;
	} ops[] = {
		{"<=", GCS_LE}, {">=", GCS_GE}, {"==", GCS_EQ},
		{"!=", GCS_NE}, {"<", GCS_LT},	{">", GCS_GT},
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strncmp(p, ops[i].text, strlen(ops[i].text)) == 0) {
			*ret = ops[i].op;
			return strlen(ops[i].text);
		}
	}
	return 0;
}

/* One of units.h's readers; the numbers of a check have the forms that numbers have everywhere in a
 * scenario. */
int gcs_value_parse(const char *word, enum gcs_unit unit, double *ret)
{
	uint64_t u = 0;
	int64_t ns = 0;
	uint32_t ppb = 0;
	int rc;
	switch (unit) {
	case GCS_UNIT_NS:
		rc = strcmp(word, "0") == 0 ? 0 : gcs_parse_duration(word, &ns);
		*ret = (double)ns;
		return rc;
	case GCS_UNIT_BYTES:
		rc = strcmp(word, "0") == 0 ? 0 : gcs_parse_bytes(word, &u);
		break;
	case GCS_UNIT_RATE:
		rc = strcmp(word, "0") == 0 ? 0 : gcs_parse_rate(word, &u);
		break;
	case GCS_UNIT_RATIO:
		rc = gcs_parse_share(word, &ppb);
		*ret = (double)ppb / 1e9;
		return rc;
	default:
		rc = gcs_parse_count(word, &u);
	}
	*ret = (double)u;
	return rc;
}

const char *gcs_value_expected(enum gcs_unit unit)
{
	return check_units_say[unit] + strlen("expected ");
}

static int check_value(const char *text, const char *p, enum gcs_unit unit, double *ret,
		       struct gcs_expr_error *e)
{
	char word[32];
	double v = 0;
	size_t n = strcspn(p, " \t\r\n");
	if (n == 0 || n >= sizeof(word))
		return check_refuse(e, text, p, check_units_say[unit]);
	memcpy(word, p, n);
	word[n] = '\0';
	if (gcs_value_parse(word, unit, &v) != 0)
		return check_refuse(e, text, p, check_units_say[unit]);
	const char *rest = check_skip(p + n);
	if (*rest)
		return check_refuse(e, text, rest, "expected nothing more");
	*ret = v;
	return 0;
}

int gcs_check_parse(const char *text, const struct gcs_scenario *s, struct gcs_expr *ret,
		    struct gcs_expr_error *e)
{
	struct gcs_expr parsed;
	const char *name = check_skip(text);
	const char *p = name;
	while (*p && !isspace((unsigned char)*p) && !strchr("<>=!", *p))
		p++;
	if (p == name)
		return check_refuse(e, text, p,
				    "expected METRIC OP VALUE, such as op.latency.p99 < 2ms");
	int rc = gcs_metric_find(name, (size_t)(p - name), s, &parsed.ref, e);
	if (rc != 0) {
		e->at += (uint32_t)(name - text);
		return rc;
	}
	p = check_skip(p);
	size_t used = check_op(p, &parsed.op);
	if (used == 0)
		return check_refuse(e, text, p, "expected one of < <= > >= == !=");
	rc = check_value(text, check_skip(p + used), parsed.ref.metric->unit, &parsed.value, e);
	if (rc == 0)
		*ret = parsed;
	return rc;
}

bool gcs_expr_holds(const struct gcs_expr *e, double v)
{
	switch (e->op) {
	case GCS_LT:
		return v < e->value;
	case GCS_LE:
		return v <= e->value;
	case GCS_GT:
		return v > e->value;
	case GCS_GE:
		return v >= e->value;
	case GCS_EQ:
		return v == e->value;
	default:
		return v != e->value;
	}
}

/* ---------------------------------------------------------------- judging */

int gcs_judge_init(struct gcs_judge *j, const struct gcs_check *check, const struct gcs_scenario *s)
{
	struct gcs_expr_error e;
	memset(j, 0, sizeof(*j));
	j->check = check;
	j->window_phase = -1;
	j->failed_ns = -1;
	int rc = gcs_check_parse(check->text, s, &j->expr, &e);
	if (rc != 0)
		return rc;
	for (uint32_t p = 0; p < s->nphases; p++) {
		bool counts = check->nphases == 0 && s->phase[p].record;
		for (uint32_t i = 0; i < check->nphases; i++)
			counts |= strcmp(check->phases[i], s->phase[p].id) == 0;
		if (counts)
			j->phases |= 1u << p;
	}
	const struct gcs_metric_ref *ref = &j->expr.ref;
	j->left_out = j->final = ref->metric->subject == GCS_OF_FAULT && ref->subject >= 0 &&
				 s->fault[ref->subject].left_out;
	return 0;
}

void gcs_judge_fini(struct gcs_judge *j)
{
	gcs_measure_fini(&j->acc);
}

static bool judge_windowed(const struct gcs_judge *j)
{
	return j->check->window_ns > 0 && !j->expr.ref.metric->of_run;
}

/* Farther from holding than before. */
static bool judge_worse(const struct gcs_expr *e, double v, double than)
{
	if (e->op == GCS_GT || e->op == GCS_GE)
		return v < than;
	if (e->op == GCS_LT || e->op == GCS_LE)
		return v > than;
	return !gcs_expr_holds(e, v);
}

static void judge_fail(struct gcs_judge *j, int64_t now_ns)
{
	j->state = -1;
	j->final = true;
	j->failed_ns = now_ns;
}

static void judge_window_close(struct gcs_judge *j, int64_t end_ns, const struct gcs_scenario *s)
{
	double v;
	struct gcs_reading from = {.m = &j->acc, .nworkloads = s->nworkloads};
	bool enough = j->acc.span_ns * 2 >= j->check->window_ns;
	if (enough && gcs_metric_read(&j->expr.ref, from, &v)) {
		j->windows++;
		if (!j->has || judge_worse(&j->expr, v, j->value))
			j->value = v;
		j->has = true;
		if (!gcs_expr_holds(&j->expr, v)) {
			j->windows_failed++;
			if (!j->final)
				judge_fail(j, end_ns);
		} else if (!j->final) {
			j->state = 1;
		}
	}
	gcs_measure_fini(&j->acc);
}

void gcs_judge_interval(struct gcs_judge *j, const struct gcs_measure *m, int phase, int64_t end_ns,
			const struct gcs_scenario *s)
{
	bool counts = phase >= 0 && (j->phases >> phase & 1);
	if (j->expr.ref.metric->of_run)
		return;
	if (judge_windowed(j) && phase != j->window_phase && j->acc.span_ns > 0)
		judge_window_close(j, end_ns - m->span_ns, s);
	j->window_phase = phase;
	if (!counts)
		return;
	gcs_measure_merge(&j->acc, m);
	/* half an interval of slack: windows need not be multiples of intervals */
	if (judge_windowed(j) && j->acc.span_ns + m->span_ns / 2 >= j->check->window_ns)
		judge_window_close(j, end_ns, s);
}

/* A bound from above on something that only grows: once broken, broken for good. */
static bool judge_lost(const struct gcs_expr *e, double v)
{
	bool above = e->op == GCS_LT || e->op == GCS_LE || (e->op == GCS_EQ && v > e->value);
	return e->ref.metric->grows && above && !gcs_expr_holds(e, v);
}

/* A bound that something which only grows has not come to yet. */
static bool judge_open(const struct gcs_expr *e, double v)
{
	bool below = e->op == GCS_GT || e->op == GCS_GE || (e->op == GCS_EQ && v < e->value);
	return e->ref.metric->grows && below;
}

void gcs_judge_read(struct gcs_judge *j, const struct gcs_facts *facts,
		    const struct gcs_scenario *s, int64_t now_ns, bool at_end)
{
	struct gcs_reading from = {.m = &j->acc, .facts = facts, .nworkloads = s->nworkloads};
	if (judge_windowed(j)) {
		if (at_end && j->acc.span_ns > 0)
			judge_window_close(j, now_ns, s);
	} else if (!j->final) {
		double v;
		j->has = gcs_metric_read(&j->expr.ref, from, &v);
		if (j->has) {
			j->value = v;
			bool holds = gcs_expr_holds(&j->expr, v);
			if (judge_lost(&j->expr, v))
				judge_fail(j, now_ns);
			else if (holds)
				j->state = 1;
			else
				j->state = judge_open(&j->expr, v) && !at_end ? 0 : -1;
		}
	}
	if (!at_end || j->final)
		return;
	j->final = true;
	/* No latency measured is no pass. A run without a decided occurrence is judged by what its
	 * faults did, not here. */
	if (!j->has)
		j->state = j->expr.ref.metric->of_run ? 1 : -1;
	if (j->state < 0 && j->failed_ns < 0)
		j->failed_ns = now_ns;
}
