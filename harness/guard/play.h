/*
 * play.h: the timeline of a plan: phases begin and end, windows open and close, the run ends. As in workloads/control.c, for a target that has no runtime of
 * ours in it.
 */
#pragma once

#include "workloads/plan.h"

struct guard_edge {
	int64_t at_ns; /* from t0 */
	enum guard_edge_kind { GUARD_DISARM, GUARD_PHASE_END, GUARD_PHASE_START, GUARD_ARM, GUARD_END } kind;
	uint32_t index, window;
};

struct guard_play {
	const struct plan *plan;
	struct mrt_telemetry *telemetry;
	struct guard_edge *edge; /* in the order of time */
	size_t nedges, next;
	int64_t t0_ns; /* 0: it has not begun */
	bool cancelled; /* no window opens any more */
	uint32_t acts[WATCH_FAULTS_MAX]; /* of an operator, by fault */
	/* Set behind _init; NULL: nobody asks. A window of a fault has come to its end. */
	void (*disarmed)(void *self, uint32_t fault, uint32_t window);
	void *self;
};

/* 0; -ENOMEM. */
int guard_play_init(struct guard_play *p, const struct plan *plan, struct mrt_telemetry *telemetry);
void guard_play_fini(struct guard_play *p);
/* t0 is now. */
void guard_play_begin(struct guard_play *p, int64_t now_ns);
/* All that is due. True: the end is among it. */
bool guard_play_due(struct guard_play *p, int64_t now_ns);
/* When the next edge comes; INT64_MAX: none does. */
int64_t guard_play_next_ns(const struct guard_play *p);
/* A moment of the steady state, from t0: a second before the first window opens, or half of the time up to it where that is short; without a
 * fault the middle of the run. */
int64_t guard_play_steady_ns(const struct plan *plan);
/* Everything is off, and nothing opens any more. */
void guard_play_cancel(struct guard_play *p, bool by_operator, int64_t now_ns);
/* An operator's arm or disarm of a fault. */
void guard_play_operator(struct guard_play *p, uint32_t fault, bool arm, int64_t now_ns);
