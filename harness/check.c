/*
 * check.c: reading and judging SLOs and expectations.
 *
 * Judging: intervals of the phases that count are added up; a windowed check does so until its window is full, decides and begins
 * anew, and one bad window fails it. A window ends with its phase (a rest of less than half a window is not judged).
 * Without a window, the sum over the run decides at the end; a bound on something that only grows fails as soon as it is
 * passed.
 */
#include "harness/check.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- parsing */

struct check_unit { const char *name; double factor; };
static const struct check_unit check_units_ns[] = { { "ns", 1 }, { "us", 1e3 }, { "µs", 1e3 }, { "ms", 1e6 },
						    { "s", 1e9 }, { "m", 60e9 }, { NULL, 0 } };
static const struct check_unit check_units_bytes[] = { { "", 1 }, { "B", 1 }, { "KiB", 1024 }, { "MiB", 1048576 },
						       { "GiB", 1073741824 }, { "kB", 1e3 }, { "MB", 1e6 },
						       { "GB", 1e9 }, { NULL, 0 } };
static const struct check_unit check_units_count[] = { { "", 1 }, { "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 }, { NULL, 0 } };
static const struct check_unit check_units_rate[] = { { "", 1 }, { "/s", 1 }, { "k", 1e3 }, { "k/s", 1e3 },
						      { "M", 1e6 }, { "M/s", 1e6 }, { NULL, 0 } };
static const struct check_unit check_units_ratio[] = { { "", 1 }, { "%", 0.01 }, { NULL, 0 } };

static const struct check_unit *const check_units[] = {
	[GCS_UNIT_COUNT] = check_units_count, [GCS_UNIT_NS] = check_units_ns,     [GCS_UNIT_BYTES] = check_units_bytes,
	[GCS_UNIT_RATE] = check_units_rate,   [GCS_UNIT_RATIO] = check_units_ratio,
};
static const char *const check_units_say[] = {
	[GCS_UNIT_COUNT] = "a count, such as 20 or 3k",
	[GCS_UNIT_NS] = "a time with its unit, such as 2ms (ns, us, ms, s, m)",
	[GCS_UNIT_BYTES] = "a size, such as 64MiB (B, KiB, MiB, GiB, kB, MB, GB)",
	[GCS_UNIT_RATE] = "a rate, such as 200k/s",
	[GCS_UNIT_RATIO] = "a fraction, such as 5% or 0.05",
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
	static const struct { const char *text; enum gcs_op op; } ops[] = {
		{ "<=", GCS_LE }, { ">=", GCS_GE }, { "==", GCS_EQ }, { "!=", GCS_NE }, { "<", GCS_LT }, { ">", GCS_GT },
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strncmp(p, ops[i].text, strlen(ops[i].text)) == 0) {
			*ret = ops[i].op;
			return strlen(ops[i].text);
		}
	}
	return 0;
}

static int check_value(const char *text, const char *p, enum gcs_unit unit, double *ret, struct gcs_expr_error *e)
{
	char *end;
	if (!isdigit((unsigned char)*p) && *p != '.')
		return check_refuse(e, text, p, check_units_say[unit]);
	double v = strtod(p, &end);
	if (!isfinite(v) || (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')))
		return check_refuse(e, text, p, check_units_say[unit]);
	const char *name = check_skip(end);
	size_t n = strlen(name);
	while (n > 0 && isspace((unsigned char)name[n - 1]))
		n--;
	for (const struct check_unit *u = check_units[unit]; u->name; u++) {
		if (strlen(u->name) == n && strncmp(u->name, name, n) == 0) {
			*ret = v * u->factor;
			return 0;
		}
	}
	if (n == 0 && v == 0) {
		*ret = 0;
		return 0;
	}
	return check_refuse(e, text, name, check_units_say[unit]);
}

int gcs_check_parse(const char *text, const struct gcs_scenario *s, struct gcs_expr *ret, struct gcs_expr_error *e)
{
	struct gcs_expr parsed;
	const char *name = check_skip(text);
	const char *p = name;
	while (*p && !isspace((unsigned char)*p) && !strchr("<>=!", *p))
		p++;
	if (p == name)
		return check_refuse(e, text, p, "expected METRIC OP VALUE, such as op.latency.p99 < 2ms");
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
	struct gcs_reading from = { .m = &j->acc, .nworkloads = s->nworkloads };
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

void gcs_judge_interval(struct gcs_judge *j, const struct gcs_measure *m, int phase, int64_t end_ns, const struct gcs_scenario *s)
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

static bool judge_won(const struct gcs_expr *e)
{
	return e->ref.metric->grows && (e->op == GCS_GT || e->op == GCS_GE);
}

void gcs_judge_read(struct gcs_judge *j, const struct gcs_facts *facts, const struct gcs_scenario *s, int64_t now_ns, bool at_end)
{
	struct gcs_reading from = { .m = &j->acc, .facts = facts, .nworkloads = s->nworkloads };
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
				j->state = judge_won(&j->expr) && !at_end ? 0 : -1;
		}
	}
	if (!at_end || j->final)
		return;
	j->final = true;
	if (!j->has)
		j->state = -1;
	if (j->state < 0 && j->failed_ns < 0)
		j->failed_ns = now_ns;
}
