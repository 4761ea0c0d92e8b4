/*
 * check.h: the small language of `slo` and `expect`: METRIC OP VALUE[unit], as in
 * "op.latency.p99@maps < 2ms".
 *
 * OP is < <= > >= == !=. Values have the forms of harness/base/units.h: times need their unit (except
 * 0), rates end in /s, fractions are 5% or 0.05, counts may end in k, M, G.
 */
#pragma once

#include "harness/measure/metric.h"

enum gcs_op { GCS_LT, GCS_LE, GCS_GT, GCS_GE, GCS_EQ, GCS_NE };

struct gcs_expr {
	struct gcs_metric_ref ref;
	enum gcs_op op;
	double value;
};

/* 0; -EINVAL with *ret_error: where in the text (offset from its start), and what was expected. Ids
 * are looked up in s, which needs its workloads and faults. */
int gcs_check_parse(const char *text, const struct gcs_scenario *s, struct gcs_expr *ret,
		    struct gcs_expr_error *ret_error);
/* A value alone, in the base of its unit. 0; -EINVAL: not of this form; -ERANGE. */
int gcs_value_parse(const char *word, enum gcs_unit unit, double *ret);
/* "a time with its unit, such as 2ms (ns, us, ms, s, m, h)" */
const char *gcs_value_expected(enum gcs_unit unit);
bool gcs_expr_holds(const struct gcs_expr *e, double value);

/* A check being judged while the run goes on. */
struct gcs_judge {
	const struct gcs_check *check;
	struct gcs_expr expr;
	uint32_t phases;	/* bit i: phase i counts */
	struct gcs_measure acc; /* of the window in progress, or of everything so far */
	int window_phase;
	uint32_t windows, windows_failed;
	bool has;
	double value;	   /* latest; windowed: the worst window */
	int state;	   /* gcs_slo_view.state */
	bool left_out;	   /* it speaks of a fault that was not drawn for this run: not judged */
	bool final;	   /* state cannot change any more */
	int64_t failed_ns; /* when it was first seen to fail for good, -1 */
};
int gcs_judge_init(struct gcs_judge *j, const struct gcs_check *check,
		   const struct gcs_scenario *s);
void gcs_judge_fini(struct gcs_judge *j);
/* One closed interval in phase `phase` that ended at end_ns. */
void gcs_judge_interval(struct gcs_judge *j, const struct gcs_measure *m, int phase, int64_t end_ns,
			const struct gcs_scenario *s);
/* Re-read; at_end: nothing more will come, decide. */
void gcs_judge_read(struct gcs_judge *j, const struct gcs_facts *facts,
		    const struct gcs_scenario *s, int64_t now_ns, bool at_end);
