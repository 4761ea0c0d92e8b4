/*
 * look.h: what a worker tells of the map that it works on (struct watch_map), every WORK_LOOK_NS at most.
 *
 * Only looks: no safepoint, no step of the simulation. Growths are counted by the goroutine that begins them (mrt_map_growths): who operates
 * on a unit books its own to it, so none is missed, whatever maps the unit has had.
 */
#pragma once

#include "workloads/workload.h"

#define WORK_LOOK_NS INT64_C(10000000)

/* m is rooted by the caller's unit, which is being operated on by nobody else. */
void work_look_map(const mrt_map *m, const struct mrt_map_growths *growths, struct watch_map *ret);
/* growths: of all that share it, as far as they have told. */
void work_look_sync_map(mrt_sync_map *m, const struct mrt_map_growths *growths, struct watch_map *ret);
