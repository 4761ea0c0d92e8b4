/*
 * data.h: maps, slices, sync.Map and pools, as the rest of the runtime sees them.  Workloads use runtime/mrt.h.
 *
 * hash.h      the seeded hash and the generator behind seeds and iteration starts
 * map_key.h   keys: hashing and comparing, the constants that the bodies are inlined with
 * map_priv.h  layout and bucket accessors, shared by the map files
 * map_type.c  types: layouts, kinds of keys, shapes; looks at a map
 * map.c       make, look-up, assign
 * map_delete.c delete, clear
 * map_grow.c  bucket arrays, overflow buckets, growth, evacuation
 * map_iter.c  iteration
 * map_check.c invariants, for the heap check
 * slice.c     growslice, append, sub-slices, copy
 * sync_map.h  layout of a sync.Map, shared by its two files
 * sync_map.c  sync.Map: read, dirty, promotion
 * sync_map_check.c  its invariants, for the heap check
 * pool.c      sync.Pool: per-P caches, stealing, the victim cache
 * pool_queue.c  its queues (pool_priv.h)
 */
#pragma once

#include "runtime/mrt.h"

/* Once a run, after prim_init and before the first map: seeds the generator, registers the map
 * check, takes the rule of data_round_up. */
void data_init(enum mrt_rounding rounding);

/* The bytes that an array of at least `bytes` gets by Go's rule (roundupsize): slices and bucket arrays fill
 * them. By the rule given, or by that of this run. */
size_t data_round_up_by(enum mrt_rounding rounding, size_t bytes, bool noscan);
enum mrt_rounding data_rounding(void);
/* The generator begins anew: what follows depends on the seed alone. While nobody uses it. */
void data_random_restart(uint64_t seed);
