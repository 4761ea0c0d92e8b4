/* state.c: see state.h. */
#include "runtime/state.h"

#include "runtime/gc/gc.h"
#include "runtime/mrt.h"
#include "runtime/sched/sched.h"

/* Heap sizes that mean "never" are more than any heap. */
static int64_t state_whole(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t state_of_sched(enum gcs_rt_state state)
{
	struct sched_counts counts;

	sched_counts(&counts);
	return state == GCS_RT_goroutines ? counts.goroutines : counts.runnable;
}

static int64_t state_of_map(enum gcs_rt_state state, const struct mrt_map *map)
{
	struct mrt_map_info info;

	mrt_map_inspect(map, &info);
	switch (state) {
	case GCS_RT_map_growing:
		return info.growing;
	case GCS_RT_map_same_size:
		return info.growing && info.same_size;
	case GCS_RT_map_count:
		return state_whole(info.count);
	case GCS_RT_map_b:
		return info.b;
	case GCS_RT_map_overflow:
		return info.overflow;
	default: /* of Swiss maps: gcs_condition_holds does not ask for these */
		return 0;
	}
}

/* Relaxed loads all over; a map's fields are its goroutine's own. */
int64_t mrt_state(enum gcs_rt_state state, const struct gcs_site *site)
{
	switch (state) {
	case GCS_RT_gc_phase:
		return gc_phase();
	case GCS_RT_gc_cycle:
		return gc_cycle();
	case GCS_RT_gc_sweeping:
		return gc_sweeping();
	case GCS_RT_heap_live:
		return state_whole(gc_heap_live());
	case GCS_RT_heap_goal:
		return state_whole(gc_heap_goal());
	case GCS_RT_heap_trigger:
		return state_whole(gc_heap_trigger());
	case GCS_RT_heap_marked:
		return state_whole(gc_heap_marked());
	case GCS_RT_goroutines:
	case GCS_RT_runnable:
		return state_of_sched(state);
	default:
		return state_of_map(state, site->map);
	}
}
