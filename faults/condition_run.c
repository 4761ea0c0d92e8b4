/*
 * condition_run.c: a condition at a visit.
 *
 * Phase and cycle are those of the site, which the log shows too; everything else the runtime is asked for. Both sides of `and` and `or`
 * are always evaluated: reading a state changes nothing.
 */
#include "faults/condition.h"

gcs_rt_state_fn *gcs_rt_state_source;

static int64_t run_milli(int64_t whole)
{
	int64_t v;

	if (__builtin_mul_overflow(whole, GCS_CONDITION_MILLI, &v))
		return whole < 0 ? INT64_MIN : INT64_MAX;
	return v;
}

/* False: it cannot be told here. */
static bool run_state(const struct gcs_condition_step *step, const struct gcs_site *site,
		      int64_t *ret)
{
	const struct gcs_state_info *state = gcs_state_by_id(step->state);
	int64_t v;

	if (state == NULL || gcs_rt_state_source == NULL || (state->of_map && site->map == NULL) || state->swiss)
		return false;
	if (state->id == GCS_RT_gc_phase)
		v = site->gc_phase;
	else if (state->id == GCS_RT_gc_cycle)
		v = site->gc_cycle;
	else
		v = gcs_rt_state_source(state->id, site);
	*ret = state->type == GCS_OPERAND_BYTES || state->type == GCS_OPERAND_COUNT ? run_milli(v) : v;
	return true;
}

static int64_t run_clamp(__int128 v)
{
	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static int64_t run_binary(enum gcs_condition_code code, int64_t a, int64_t b)
{
	switch (code) {
	case GCS_CONDITION_ADD:
		return run_clamp((__int128)a + b);
	case GCS_CONDITION_SUB:
		return run_clamp((__int128)a - b);
	case GCS_CONDITION_MUL:
		return run_clamp((__int128)a * b / GCS_CONDITION_MILLI);
	case GCS_CONDITION_LT:
		return a < b;
	case GCS_CONDITION_LE:
		return a <= b;
	case GCS_CONDITION_GT:
		return a > b;
	case GCS_CONDITION_GE:
		return a >= b;
	case GCS_CONDITION_EQ:
		return a == b;
	case GCS_CONDITION_NE:
		return a != b;
	case GCS_CONDITION_AND:
		return a != 0 && b != 0;
	default:
		return a != 0 || b != 0;
	}
}

bool gcs_condition_holds(const struct gcs_condition *c, const struct gcs_site *site)
{
	int64_t stack[GCS_CONDITION_STACK_MAX] = {0};
	uint32_t n = 0; /* within the stack: gcs_condition_check */

	for (uint32_t i = 0; i < c->n; i++) {
		const struct gcs_condition_step *step = &c->step[i];

		if (step->code == GCS_CONDITION_CONSTANT) {
			stack[n++] = step->value;
		} else if (step->code == GCS_CONDITION_STATE) {
			if (!run_state(step, site, &stack[n++]))
				return false;
		} else if (step->code == GCS_CONDITION_NOT) {
			stack[n - 1] = stack[n - 1] == 0;
		} else {
			n--;
			stack[n - 1] = run_binary((enum gcs_condition_code)step->code, stack[n - 1],
						  stack[n]);
		}
	}
	return c->n == 0 || stack[0] != 0;
}
