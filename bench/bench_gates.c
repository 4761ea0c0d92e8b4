/*
 * bench_gates.c: what every fault point costs, as the rows of a table:
 *
 *   | point | gate, disarmed | armed: not eligible | eligible, not firing | firing |
 *
 * The gate: a loop with it, minus the same loop without, the point known to the compiler as at a site.
 * Armed: a visit as a site makes it (reading the clock, filling struct gcs_site, gcs_decide, and
 * gcs_effect when it fires), minus the loop with the disarmed gate; the action itself is not taken.
 * Not firing is a probability that is drawn at each visit; firing goes through libfiu, is counted, and
 * logged up to the bound of the log.
 *
 * Rounds alternate the order of the five loops; a figure is the median over the rounds' differences,
 * with the least and the most.  Points of os/ have no gate: the harness answers them, and each run
 * prints their price.
 */
#include "faults/fault.h"
#include "faults/points.h"
#include "runtime/mrt.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS	    15 /* odd */
#define GATE_LOOPS  2000000u
#define VISIT_LOOPS 20000u
#define NEVER_PPB   1u /* of a thousand million visits one would fire */

enum gates_case {
	GATES_EMPTY,
	GATES_DISARMED,
	GATES_NOT_ELIGIBLE,
	GATES_NOT_FIRING,
	GATES_FIRING,
	GATES_CASES
};

/* What the visits of a loop are like, read by the cold path alone. */
static struct {
	bool eligible;
	uint64_t fired;
	struct mrt_telemetry *telemetry;
} gates;

static __attribute__((noinline, cold)) void gates_visit(enum gcs_point point)
{
	struct gcs_site site = {
		.worker = MRT_WORKER_MAIN,
		.driver = 0xffff,
		.p = 0,
		.eligible = gates.eligible,
		.now_ns = prim_now_ns(),
		.ring = &gates.telemetry->ring[0],
	};
	struct gcs_firing firing;

	if (!gcs_decide(point, &site, &firing))
		return;
	gates.fired++;
	gcs_effect(&site, firing.id, 6, 0);
}

typedef int64_t gates_loop(uint32_t loops);

static __attribute__((noinline)) int64_t gates_empty(uint32_t loops)
{
	int64_t start_ns = prim_now_ns();

	for (uint32_t i = 0; i < loops; i++)
		__asm__ volatile("" ::: "memory");
	return prim_now_ns() - start_ns;
}

/* A loop for each point: its gate is a constant there. */
#define POINT(id, family, name, ...)                                                               \
	static __attribute__((noinline)) int64_t gates_##family##_##name(uint32_t loops)           \
	{                                                                                          \
		int64_t start_ns = prim_now_ns();                                                  \
                                                                                                   \
		for (uint32_t i = 0; i < loops; i++) {                                             \
			if (gcs_gate(GCS_POINT_##family##_##name))                                 \
				gates_visit(GCS_POINT_##family##_##name);                          \
			__asm__ volatile("" ::: "memory");                                         \
		}                                                                                  \
		return prim_now_ns() - start_ns;                                                   \
	}
#include "faults/points.def"
#undef POINT

static gates_loop *const gates_loops[GCS_POINT_COUNT_MAX] = {
#define POINT(id, family, name, ...) [id] = gates_##family##_##name,
#include "faults/points.def"
#undef POINT
};

/* One fault on the point, with the first action that it has. */
static int gates_arm(const struct gcs_point_info *point, enum gates_case which)
{
	static const uint32_t worker = MRT_WORKER_MAIN;
	enum gcs_action action = (enum gcs_action)(point->actions & -point->actions);
	struct gcs_fault_spec spec = {
		.point = point->id,
		.action = action,
		.err = action == GCS_ACT_FAIL ? point->default_errno : 0,
		.p_ppb = which == GATES_FIRING ? 0 : NEVER_PPB,
		.delay_ns = action == GCS_ACT_DELAY ? 1 : 0,
		.by_milli = action == GCS_ACT_BIAS ? 500 : 0,
	};
	struct gcs_faults_options opt = {.spec = &spec,
					 .nspecs = 1,
					 .seed = 1,
					 .worker = &worker,
					 .nworkers = 1,
					 .telemetry = gates.telemetry};
	int r = gcs_faults_load(&opt);

	gates.eligible = which != GATES_NOT_ELIGIBLE;
	gates.fired = 0;
	if (r == 0)
		gcs_fault_arm(0, 0, false, prim_now_ns());
	return r;
}

/* What has been logged is taken out, as the harness does. */
static void gates_drain(void)
{
	static struct watch_record rec[1024];

	while (watch_drain(gates.telemetry, rec, 1024) > 0)
		;
}

/* One sample, ns a turn; *ret_r: -errno. */
static double gates_sample(const struct gcs_point_info *point, enum gates_case which, int *ret_r)
{
	gates_loop *loop = which == GATES_EMPTY ? gates_empty : gates_loops[point->id];
	bool armed = which >= GATES_NOT_ELIGIBLE;
	uint32_t loops = armed ? VISIT_LOOPS : GATE_LOOPS;
	int r = armed ? gates_arm(point, which) : 0;
	int64_t ns;

	if (r < 0) {
		*ret_r = r;
		return 0;
	}
	ns = loop(loops);
	if (armed && (gates.fired == loops) != (which == GATES_FIRING))
		*ret_r = -EPROTO; /* it is not what it says */
	gcs_faults_clear();
	gates_drain();
	return (double)ns / loops;
}

static int gates_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void gates_cell(double *sample, int digits)
{
	qsort(sample, ROUNDS, sizeof(*sample), gates_order);
	printf(" | %.*f ns (%.*f to %.*f)", digits, sample[ROUNDS / 2], digits, sample[0], digits,
	       sample[ROUNDS - 1]);
}

static int gates_row(const struct gcs_point_info *point)
{
	double sample[GATES_CASES][ROUNDS], extra[GATES_CASES][ROUNDS];
	int r = 0;

	for (int i = 0; i < ROUNDS && r == 0; i++)
		for (int k = 0; k < GATES_CASES; k++) {
			int which = i % 2 == 0 ? k : GATES_CASES - 1 - k;

			sample[which][i] = gates_sample(point, (enum gates_case)which, &r);
		}
	if (r < 0)
		return r;
	for (int which = GATES_DISARMED; which < GATES_CASES; which++)
		for (int i = 0; i < ROUNDS; i++)
			extra[which][i] = sample[which][i] -
					  sample[which == GATES_DISARMED ? GATES_EMPTY
									 : GATES_DISARMED][i];
	printf("| `%s`", point->name);
	for (int which = GATES_DISARMED; which < GATES_CASES; which++)
		gates_cell(extra[which], which == GATES_DISARMED ? 2 : 1);
	printf(" |\n");
	fflush(stdout);
	return 0;
}

int main(void)
{
	struct prim_options prim = {0};
	size_t count;
	const struct gcs_point_info *point = gcs_points(&count);

	if (!GCS_FAULTS) {
		fprintf(stderr, "bench-gates: built without faults: the gates are not there\n");
		return 77;
	}
	if (prim_init(&prim) < 0)
		return 1;
	gates.telemetry = prim_pages_alloc(sizeof(*gates.telemetry));
	if (gates.telemetry == NULL)
		return 1;
	watch_layout_init(gates.telemetry, 1);
	printf("| point | gate, disarmed | armed: not eligible | eligible, not firing | firing |\n"
	       "|---|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		int r;

		if (strcmp(point[i].family, "os") == 0 || gates_loops[point[i].id] == NULL)
			continue; /* no gate; a saboteur */
		r = gates_row(&point[i]);
		if (r < 0) {
			fprintf(stderr, "bench-gates: %s: %s\n", point[i].name, strerror(-r));
			return 1;
		}
	}
	return 0;
}
