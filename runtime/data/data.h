/*
 * data.h: maps and slices, as the rest of the runtime sees them.  Workloads use runtime/mrt.h.
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
 */
#pragma once

#include <stdint.h>

/* Once a run, after prim_init and before the first map: seeds the generator and registers the map
 * check. */
void data_init(void);
/* The generator begins anew: what follows depends on the seed alone. While nobody uses it. */
void data_random_restart(uint64_t seed);
