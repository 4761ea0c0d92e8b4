/*
 * pacer_goal.c: goals and triggers as functions of figures alone (mgcpacer.go, 1.19 to 1.26).
 */
#include "runtime/gc/gc_priv.h"

#define GOAL_HEADROOM_MIN     ((uint64_t)1 << 20)
#define GOAL_HEADROOM_PERCENT 3 /* since 1.21 */

static uint64_t goal_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t gc_pacer_percent_goal(uint64_t marked, uint64_t root_bytes, int64_t gogc)
{
	uint64_t goal, floor;

	if (gogc < 0)
		return UINT64_MAX;
	goal = marked + (uint64_t)((unsigned __int128)(marked + root_bytes) * (uint64_t)gogc / 100);
	floor = GC_HEAP_MINIMUM * (uint64_t)gogc / 100;
	return goal_max(goal, floor);
}

uint64_t gc_pacer_limit_goal(const struct gc_limit_figures *f, enum mrt_pacer pacer)
{
	uint64_t over = f->mapped > f->limit ? f->mapped - f->limit : 0;
	uint64_t heap = f->heap_free + f->heap_alloc;
	uint64_t non_heap = f->mapped > heap ? f->mapped - heap : 0;
	uint64_t goal, headroom = GOAL_HEADROOM_MIN;

	if (f->limit == 0)
		return UINT64_MAX;
	if (non_heap + over >= f->limit)
		return f->marked;
	goal = f->limit - non_heap - over;
	if (pacer != MRT_PACER_1_19)
		headroom = goal_max(headroom, goal / 100 * GOAL_HEADROOM_PERCENT);
	goal = goal < 2 * headroom ? headroom : goal - headroom;
	return goal_max(goal, f->marked);
}

/* 45/64 and 61/64 of the way: about 0.7 and 0.95. */
uint64_t gc_pacer_trigger_of(uint64_t goal, uint64_t marked, uint64_t runway, uint64_t sweep_least)
{
	uint64_t low, high, trigger;

	if (goal == UINT64_MAX)
		return UINT64_MAX;
	if (marked >= goal)
		return goal;
	low = goal_max(marked + (goal - marked) / 64 * 45, sweep_least);
	high = marked + (goal - marked) / 64 * 61;
	if (goal > GC_HEAP_MINIMUM && goal - GC_HEAP_MINIMUM > high)
		high = goal - GC_HEAP_MINIMUM;
	high = goal_max(high, low);
	trigger = runway > goal ? low : goal - runway;
	return trigger < low ? low : trigger > high ? high : trigger;
}

uint64_t gc_pacer_stretched_goal(const struct gc_stretch *s)
{
	uint64_t hard = (uint64_t)((unsigned __int128)s->goal * (uint64_t)(100 + s->gogc) / 100);
	uint64_t behind = s->goal < s->triggered ? s->triggered - s->goal : 0;
	uint64_t ahead = s->goal > s->triggered ? s->goal - s->triggered : 0, by;

	/* Under a memory limit a cycle may begin beyond its goal: the way back is stretched, then. */
	by = gc_q32_mul(gc_q32_div(behind + ahead, s->expected), s->worst);
	if (behind != 0)
		return by < s->triggered ? s->triggered - by : 0;
	return by > hard || by + s->triggered > hard ? hard : by + s->triggered;
}
