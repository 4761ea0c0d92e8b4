/*
 * pacer_line.c: see pacer_line.h.
 */
#include "harness/import/pacer_line.h"

/* Delta: Greek in the older lines, the mathematical sign in the newer; as JSON escapes them too. */
static bool pacer_delta(struct line_cursor *c, const char *utf8, const char *escaped)
{
	return line_at(c, "\\") ? line_is(c, escaped) : line_is(c, utf8);
}

static bool pacer_float(struct line_cursor *c, const char *key, double *ret)
{
	return line_is(c, key) && line_float(c, ret);
}

static bool pacer_signed(struct line_cursor *c, int64_t *ret, const char *after)
{
	return line_signed(c, INT64_MAX, ret) && line_is(c, after);
}

/* After `assist ratio=`. */
static bool pacer_start(struct line_cursor *c, struct gcs_pacer_line *p)
{
	uint32_t whole;
	p->form = GCS_PACER_START;
	if (!line_float(c, &p->assist_ratio) || !line_is(c, " (scan ") ||
	    !line_number_then(c, UINT64_MAX, &p->scan_mib, " MB in ") ||
	    !line_number(c, UINT64_MAX, &p->heap_mib) || !line_arrow(c) ||
	    !line_number_then(c, UINT64_MAX, &p->goal_mib, " MB) workers=") ||
	    !pacer_signed(c, &p->dedicated, "+"))
		return false;
	p->whole_fraction = line_digit(c);
	if (!p->whole_fraction)
		return line_float(c, &p->fractional);
	if (!line_u32(c, 1, &whole))
		return false;
	p->fractional = whole;
	return true;
}

/* `25% CPU (25 exp.) for …`, from its begin. */
static bool pacer_end(struct line_cursor *c, struct gcs_pacer_line *p)
{
	p->form = GCS_PACER_END;
	if (!pacer_signed(c, &p->cpu_percent, "% CPU (") ||
	    !pacer_signed(c, &p->cpu_goal_percent, " exp.) for ") ||
	    !pacer_signed(c, &p->work_heap_bytes, "+") ||
	    !pacer_signed(c, &p->work_stack_bytes, "+") ||
	    !pacer_signed(c, &p->work_globals_bytes, " B work (") ||
	    !pacer_signed(c, &p->work_expected_bytes, " B exp.) in ") ||
	    !line_number_then(c, UINT64_MAX, &p->trigger_bytes, " B ") || !line_arrow(c) ||
	    !line_is(c, " ") || !line_number_then(c, UINT64_MAX, &p->heap_bytes, " B (") ||
	    !pacer_delta(c, "∆goal ", "\\u2206goal ") ||
	    !pacer_signed(c, &p->over_goal_bytes, ", cons/mark ") ||
	    !line_float(c, &p->cons_mark) || !line_is(c, ")"))
		return false;
	p->reset = line_may(c, "[controller reset]", 1);
	return !p->reset || line_is(c, "[controller reset]");
}

/* After `H_m_prev=`. */
static bool pacer_old_end(struct line_cursor *c, struct gcs_pacer_line *p)
{
	p->form = GCS_PACER_OLD_END;
	return line_number(c, UINT64_MAX, &p->h_m_prev) &&
	       pacer_float(c, " h_t=", &p->growth_trigger) && line_is(c, " H_T=") &&
	       line_number(c, UINT64_MAX, &p->h_trigger) &&
	       pacer_float(c, " h_a=", &p->growth_actual) && line_is(c, " H_a=") &&
	       line_number(c, UINT64_MAX, &p->h_actual) &&
	       pacer_float(c, " h_g=", &p->growth_goal) && line_is(c, " H_g=") &&
	       line_number(c, UINT64_MAX, &p->h_goal) && pacer_float(c, " u_a=", &p->util_actual) &&
	       pacer_float(c, " u_g=", &p->util_goal) && line_is(c, " W_a=") &&
	       line_signed(c, INT64_MAX, &p->work_actual) && line_is(c, " goal") &&
	       pacer_delta(c, "Δ", "\\u0394") && pacer_float(c, "=", &p->goal_delta) &&
	       line_is(c, " actual") && pacer_delta(c, "Δ", "\\u0394") &&
	       pacer_float(c, "=", &p->actual_delta) && pacer_float(c, " u_a/u_g=", &p->util_ratio);
}

/* After `sweep done at heap size `. */
static bool pacer_sweep(struct line_cursor *c, struct gcs_pacer_line *p)
{
	p->form = GCS_PACER_SWEEP;
	if (!line_number_then(c, UINT64_MAX, &p->swept_heap_mib, "MB; allocated ") ||
	    !line_number_then(c, UINT64_MAX, &p->swept_allocated_mib, "MB ") ||
	    !(line_try(c, "during sweep; swept ") || line_is(c, "of spans; swept ")) ||
	    !line_number_then(c, UINT64_MAX, &p->swept_pages, " pages"))
		return false;
	p->has_rate = line_may(c, " at ", 2);
	return !p->has_rate ||
	       (pacer_float(c, " at ", &p->pages_per_byte) && line_is(c, " pages/byte"));
}

bool gcs_pacer_line(struct line_cursor *c, bool *meant, struct gcs_pacer_line *ret)
{
	*ret = (struct gcs_pacer_line){0};
	*meant = false;
	if (!line_try(c, "pacer: "))
		return false;
	*meant = true;
	if (line_try(c, "assist ratio="))
		return pacer_start(c, ret);
	if (line_try(c, "H_m_prev="))
		return pacer_old_end(c, ret);
	if (line_try(c, "sweep done at heap size "))
		return pacer_sweep(c, ret);
	struct line_cursor ahead = *c;
	int64_t percent;
	*meant = c->p == c->end ||
		 (line_signed(&ahead, INT64_MAX, &percent) && line_is(&ahead, "% CPU (")) ||
		 ahead.fault == LINE_CUT;
	return *meant ? pacer_end(c, ret) : line_fail(c);
}
