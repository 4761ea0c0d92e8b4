/*
 * hash.h: the hash of map keys and the small generator of maps.
 *
 * Folded multiplication (the construction of wyhash and of Go's portable memhash): 64 x 64 -> 128
 * bits, halves xor-ed, twice.  No AES and no per-machine choice: the same key and seed give the
 * same hash everywhere, which the simulation needs.  Quality is measured in
 * tests/unit/test_map_hash.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DATA_HASH_A 0xa24baed4963ee407ull
#define DATA_HASH_B 0x9fb21c651e98df25ull
#define DATA_HASH_C 0xd6e8feb86659fd93ull

static inline uint64_t data_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* An integer key; `bytes` (4 or 8) keeps the two widths apart. */
static inline uint64_t data_hash_int(uint64_t key, unsigned bytes, uint64_t seed)
{
	uint64_t wide = (seed ^ ((uint64_t)bytes << 32)) * DATA_HASH_A;

	return data_fold(data_fold(key ^ wide, DATA_HASH_B) ^ wide, DATA_HASH_C);
}

/* n bytes, 1..8, as a number; different ones for different bytes of the same n. */
static inline uint64_t data_word_upto8(const unsigned char *p, size_t n)
{
	uint32_t low, high;

	if (n < 4)
		return (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
	memcpy(&low, p, 4);
	memcpy(&high, p + n - 4, 4);
	return (uint64_t)high << 32 | low;
}

/* Bytes: sixteen a round, then the last sixteen (which may overlap), then the length. */
static inline uint64_t data_hash_bytes(const void *key, size_t bytes, uint64_t seed)
{
	const unsigned char *p = key;
	uint64_t state = data_fold(seed ^ DATA_HASH_A, DATA_HASH_B), word[2] = {0, 0};
	size_t left = bytes;

	for (; left > 16; left -= 16, p += 16) {
		memcpy(word, p, 16);
		state = data_fold(word[0] ^ DATA_HASH_B, word[1] ^ state);
	}
	if (bytes > 16)
		memcpy(word, p + left - 16, 16);
	else if (left > 8)
		memcpy(&word[0], p, 8), memcpy(&word[1], p + left - 8, 8);
	else if (left > 0)
		word[0] = data_word_upto8(p, left);
	state = data_fold(word[0] ^ DATA_HASH_B, word[1] ^ state);
	return data_fold(state ^ DATA_HASH_A, (uint64_t)bytes ^ DATA_HASH_C);
}

/* Next value of the process-wide generator: hash seeds, iteration starts, noverflow's coin.  Seeded
 * by data_init. */
uint64_t data_random(void);
