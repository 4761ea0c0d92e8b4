/*
 * fault.h: the faults of a run: load them once, arm and disarm them from the target's control
 * thread.
 *
 * A fault is a point of the catalogue with an action and triggers.  All triggers that are given
 * must hold at an eligible visit for it to fire: `nth` (the visit of that ordinal), `every`
 * (ordinal divisible), `probability` (mix(seed, point, worker, ordinal) < p). Ordinals count from
 * 1, per worker and fault, at eligible visits while the fault is armed. `burst` makes several of a
 * firing: the worker's next burst - 1 ordinals fire as well, whatever the other triggers say (in the
 * next window, when this one ends before), and none of them begins a burst of its own. The first
 * `after` ordinals of a worker fire neither way; they count all the same, so `nth` and `every` mean
 * the same visits with it. With `delay_max_ns` the delay doubles at each firing of its worker, up
 * to that; jitter comes on top. A visit that
 * size, workload, type, goroutine or condition do not match is counted as a visit and is not eligible. `times` bounds the firings
 * of the whole run; it is split among the workers when the faults are loaded, so that who fires
 * never depends on who came first (points that the runtime itself visits have one worker id each,
 * which has it all: netpoll/, gc/start, gc/sweep, gc/worker, gc/pacer, gc/gogc, gc/roots, gc/mark, gc/termination,
 * gc/sweep_start, stw/stopped, mem/limit, mem/os_release, mem/scavenge, os/, sched/steal, sched/thread, sched/starve).
 *
 * An operator may change a fault's numbers while it is loaded (gcs_fault_edit): what counts per worker
 * goes on where it was.
 *
 * Two faults on one point are asked in order of their index; the first that fires wins, and the
 * later ones do not see the visit.
 */
#pragma once

#include "faults/condition.h"
#include "faults/gate.h"

#include <stddef.h>

struct mrt_telemetry;

#define GCS_MATCH_TYPES_MAX	 4u
#define GCS_MATCH_GOROUTINES_MAX 8u
#define GCS_TYPE_BYTES		 32u /* of a type's name, with its end */

/* Fault worker ids, both ends included. */
struct gcs_worker_range {
	uint32_t first, last;
};

/* A firing by what it hangs on; of a fault's, no two are the same. */
struct gcs_fired {
	uint32_t worker, ordinal;
};
#define GCS_FIRED_MAX 262144u /* of one fault */

struct gcs_fault_spec {
	enum gcs_point point;
	enum gcs_action action;
	int err;		     /* FAIL: errno, positive; 0: the point's default */
	uint32_t p_ppb;		     /* probability in 1e-9; 0: not given */
	uint64_t nth, every, times;  /* 0: not given */
	uint64_t visit;		     /* of a sweep, in place of all other triggers: this eligible visit of the
				      * fault, counted over all workers from 1; 0: not given */
	bool visit_on;		     /* and every later one */
	bool stacks;		     /* keep the call stacks that eligible visits come from */
	bool replays;		     /* of a replay, in place of all other triggers, burst and times: these
				      * fire, no others */
	const struct gcs_fired *fired; /* nfired of them, by worker, then ordinal; not copied: they stay
					* until the faults are cleared */
	uint32_t nfired;
	uint64_t burst;		     /* 0, 1: a firing is single; each of a burst counts against times */
	uint64_t size_min, size_max; /* match on gcs_site.arg, both ends included; max 0: no upper end.
				      * Only at points whose site has a size. */
	uint32_t workloads;	     /* match on gcs_site.driver: bit i; 0: any */
	int64_t delay_ns, jitter_ns; /* DELAY: delay + [0, jitter] */
	uint64_t after;		     /* ordinals of a worker up to this one do not fire */
	int64_t delay_max_ns;	     /* DELAY: doubling up to this; 0: the delay stays the same */
	uint32_t by_milli;	     /* BIAS: multiply by this, in 10^-3; 1 to 100000 */
	uint32_t ntypes, ngoroutines;	     /* match on gcs_site.type and .goroutine: one of these; 0: any */
	char type[GCS_MATCH_TYPES_MAX][GCS_TYPE_BYTES];		  /* points whose site has a type */
	struct gcs_worker_range goroutine[GCS_MATCH_GOROUTINES_MAX]; /* points whose visits are about one */
	struct gcs_condition condition;	     /* n 0: none; it must hold at the visit */
	enum gcs_where where;	     /* gc/write */
	enum gcs_mode mode;	     /* gc/write */
};

struct gcs_faults_options {
	const struct gcs_fault_spec *spec;
	uint32_t nspecs; /* at most WATCH_FAULTS_MAX */
	uint64_t seed;
	const uint32_t *worker; /* ids that visit the points, for the split of `times` */
	uint32_t nworkers;
	struct mrt_telemetry *telemetry; /* NULL: counted inside, nothing logged */
};

/* Nothing is armed afterwards. -EINVAL: a point, action or number that cannot be, a size, type or goroutine at a point
 * without one, a condition that cannot be asked there, an errno that cannot be there (gcs_point_error_fits), a bias without by_milli, a place or mode at a point
 * without, firings out of order; -E2BIG; -ENOMEM; -ENOTSUP:
 * built with --disable-faults. No goroutine may be running. */
int gcs_faults_load(const struct gcs_faults_options *opt);
/* Take everything down, when no goroutine runs any more. */
void gcs_faults_clear(void);

/* Control thread only. Arming what is armed and disarming what is not is a no-op. A visit that
 * began before a disarm may still fire. */
void gcs_fault_arm(uint32_t fault, uint32_t occurrence, bool by_operator, int64_t now_ns);
/* Armed by an operator with a trigger of its own until it is disarmed: it fires with this
 * probability, 1000000000 at every eligible visit, 0 never. Replaces probability, nth, every and
 * after, not burst, match, condition, times, action. Arming what is armed only changes the trigger. */
void gcs_fault_arm_with(uint32_t fault, uint32_t occurrence, uint32_t p_ppb, int64_t now_ns);
/* Ends the occurrence that it was armed with, and the operator's trigger. */
void gcs_fault_disarm(uint32_t fault, bool by_operator, int64_t now_ns);
bool gcs_fault_armed(uint32_t fault);
/* In a process that decides for the target (os/): take over what the target's control thread said,
 * of which telemetry->fault[].armed tells. Nothing is logged, that is the target's. One thread
 * only, and no other call that arms. */
void gcs_fault_follow(uint32_t fault, bool armed);
/* The next eligible visit fires, whatever the triggers say and whether it is armed; it costs none
 * of `times` and begins no burst. */
void gcs_fault_fire_once(uint32_t fault);
/* From now on the fault has the numbers of `to`: err (0: the point's default), p_ppb, nth, every, after, burst, times,
 * delay_ns, jitter_ns, delay_max_ns, by_milli, size_min, size_max; what else stands in `to` is not
 * looked at. An operator's trigger (gcs_fault_arm_with) ends. Visits go on meanwhile, and each sees
 * the old numbers or the new ones. What is left of `times` (all that it says, less what has fired)
 * is split anew among the workers; so it stays a bound on the firings of the whole run, though not
 * on who had the most.
 * -ENOENT; -EINVAL: numbers that cannot be, as for gcs_faults_load, or the fault is a sweep's or a
 * replay's; -E2BIG: changed GCS_FAULT_EDITS_MAX times already; -ENOMEM. Nothing has changed then.
 * Where gcs_fault_arm may be called; in a process that follows (gcs_fault_follow), any one thread. */
#define GCS_FAULT_EDITS_MAX 256u
int gcs_fault_edit(uint32_t fault, const struct gcs_fault_spec *to);
/* Every fault off, pending fire-once too. */
void gcs_faults_disarm_all(bool by_operator, int64_t now_ns);

/* A fault with `stacks`, before it is cleared: of each call stack that its eligible visits came from
 * the first visit (counted over all workers from 1), in no order; how many. *ret_lost: visits from
 * stacks beyond the bound. 0 with *ret_lost 0: the fault keeps none, or stacks cannot be told. */
#define GCS_STACKS_MAX 3072u
uint32_t gcs_fault_stacks(uint32_t fault, uint64_t ret_first[GCS_STACKS_MAX], uint64_t *ret_lost);

/* Counters of a fault (in the telemetry, when there is one). */
struct watch_fault;
const struct watch_fault *gcs_fault_counters(uint32_t fault);
