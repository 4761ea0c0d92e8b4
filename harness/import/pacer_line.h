/*
 * pacer_line.h: the pacer's lines, GODEBUG=gcpacertrace=1. At a cycle's begin, at its end (Go 1.18
 * and later; Go 1.5 to 1.17), and when the sweep is over:
 *
 *   pacer: assist ratio=+1.232155e+000 (scan 1 MB in 70->71 MB) workers=2+0
 *   pacer: 25% CPU (25 exp.) for 123+4+5 B work (130 B exp.) in 70 B -> 71 B (∆goal -9, cons/mark
 *   +1.000000e+000)[controller reset]
 *   pacer: H_m_prev=30488736 h_t=+2.334071e-001 H_T=37605024 h_a=+1.409842e+000 H_a=73473040
 *   h_g=+1.000000e+000 H_g=60977472 u_a=+2.500000e-001 u_g=+2.500000e-001 W_a=308200
 *   goalΔ=+7.665929e-001 actualΔ=+1.176435e+000 u_a/u_g=+1.000000e+000
 *   pacer: sweep done at heap size 29MB; allocated 0MB during sweep; swept 3752 pages at
 *   +6.183550e-004 pages/byte
 *
 * Older versions print the second number of workers as 0 or 1, later ones as a share; older ones
 * `of spans` instead of `during sweep`, and Go 1.6 no pages/byte. Source of the rule: Go's
 * mgcpacer.go and mgcsweep.go (mgc.go).
 */
#pragma once

#include "harness/import/line_cursor.h"

enum gcs_pacer_form { GCS_PACER_START, GCS_PACER_END, GCS_PACER_OLD_END, GCS_PACER_SWEEP };

/* Numbers as printed; floats may be NaN and infinite. */
struct gcs_pacer_line {
	enum gcs_pacer_form form;
	/* START */
	double assist_ratio; /* bytes to scan a byte allocated */
	uint64_t scan_mib, heap_mib, goal_mib;
	int64_t dedicated;
	double fractional; /* the share that fractional workers have to reach */
	bool whole_fraction; /* printed as 0 or 1 */
	/* END */
	int64_t cpu_percent, cpu_goal_percent;
	int64_t work_heap_bytes, work_stack_bytes, work_globals_bytes, work_expected_bytes;
	uint64_t trigger_bytes, heap_bytes;
	int64_t over_goal_bytes; /* heap at the end less the goal */
	double cons_mark;	 /* of the cycle before */
	bool reset;		 /* the controller began anew; Go 1.26 does not print it */
	/* OLD_END, in the pacer's letters: heaps in bytes, growth and utilization as shares */
	uint64_t h_m_prev, h_trigger, h_actual, h_goal; /* H_m_prev H_T H_a H_g */
	double growth_trigger, growth_actual, growth_goal; /* h_t h_a h_g */
	double util_actual, util_goal, util_ratio;	   /* u_a u_g u_a/u_g */
	int64_t work_actual;				   /* W_a */
	double goal_delta, actual_delta;
	/* SWEEP */
	uint64_t swept_heap_mib, swept_allocated_mib, swept_pages;
	double pages_per_byte;
	bool has_rate;
};

/* The line at the cursor. *meant: `pacer: ` and how a form goes on. */
bool gcs_pacer_line(struct line_cursor *c, bool *meant, struct gcs_pacer_line *ret);
