/*
 * hash.h: the hash of map keys and the small generator of maps.
 *
 * Folded multiplication (the construction of wyhash and of Go's portable memhash): 64 x 64 -> 128
 * bits, halves xor-ed, twice.  No AES and no per-machine choice: the same key and seed give the
 * same hash everywhere, which the simulation needs.  Quality is measured in
 * tests/unit/test_map_hash.c.
 */
#pragma once

#include <stdint.h>

#define DATA_HASH_A 0xa24baed4963ee407ull
#define DATA_HASH_B 0x9fb21c651e98df25ull
#define DATA_HASH_C 0xd6e8feb86659fd93ull

static inline uint64_t data_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* An integer key; `bytes` (4 or 8) keeps the two widths apart. */
static inline uint64_t data_hash_int(uint64_t key, unsigned bytes, uint32_t seed)
{
	uint64_t wide = (seed ^ ((uint64_t)bytes << 32)) * DATA_HASH_A;

	return data_fold(data_fold(key ^ wide, DATA_HASH_B) ^ wide, DATA_HASH_C);
}

/* Next value of the process-wide generator: hash seeds, iteration starts, noverflow's coin.  Seeded
 * by data_init. */
uint64_t data_random(void);
