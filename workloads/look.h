/*
 * look.h: what a worker tells of the map that it works on (struct watch_map), every WORK_LOOK_NS at most.
 *
 * Only looks: no safepoint, no step of the simulation. The growths told are those that the worker has begun itself, all of them, and of
 * every map it has had since it was made: its goroutine counts them.
 */
#pragma once

#include "workloads/workload.h"

#define WORK_LOOK_NS INT64_C(10000000)

/* m is rooted by the caller's unit; g the goroutine that works on it. */
void work_look_map(mrt_g *g, const mrt_map *m, struct watch_map *ret);
/* growths: of all workers that share it, as far as they have told. */
void work_look_sync_map(mrt_sync_map *m, const struct mrt_map_growths *growths, struct watch_map *ret);
