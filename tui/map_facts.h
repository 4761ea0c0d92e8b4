/*
 * map_facts.h: what follows from the figures of one map: how far it is from its next growth, and what that means in words.
 *
 * Rules: runtime/map.go (classic maps, Go up to 1.23), internal/runtime/maps (Swiss, from 1.24 on), sync/map.go (read and dirty, up
 * to 1.23).
 */
#pragma once

#include "harness/snapshot.h"

/* Entries a bucket (Swiss: a group), times 1000, beyond which a new key makes it grow: 6.5, of the 8 slots of an only bucket all;
 * Swiss: 7 of 8, likewise. 0: it has none. */
uint64_t map_facts_load_limit_milli(const struct gcs_map_view *m);
/* Entries that its buckets take before it grows. 0: not known (Swiss: B is cut, and each table has a limit of its own). */
uint64_t map_facts_holds(const struct gcs_map_view *m);
/* Overflow buckets at which a new key makes it grow at the same size: 2^min(B,15). 0: never. */
uint64_t map_facts_overflow_limit(const struct gcs_map_view *m);
/* Buckets on an average chain, times 100. From B 16 on Go counts overflow buckets by chance, in units of 2^(B-15). */
uint64_t map_facts_chain_centi(const struct gcs_map_view *m);
/* Few entries for its buckets, which nothing takes back but the end of the map. Not told of a map that grows, or of one with few
 * buckets. */
bool map_facts_residue(const struct gcs_map_view *m);

/* In words, up to MAP_FACTS_COLS columns a line; how many lines. */
#define MAP_FACTS_LINES 5
#define MAP_FACTS_COLS	77
struct map_fact { char text[112]; bool notable; };
int map_facts_tell(const struct gcs_map_view *m, struct map_fact line[MAP_FACTS_LINES]);
/* What it is: "classic, B 13: 8,192 buckets of 8 slots". */
void map_facts_name(const struct gcs_map_view *m, char *ret, size_t cap);
