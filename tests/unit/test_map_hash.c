/*
 * test_map_hash.c: the quality of the map hash on the keys that programs use: bucket index (low
 * bits) and tophash (high byte) spread evenly for runs, strides and multiples; seeds matter; the
 * values are the same on every machine.
 */
#include "runtime/data/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BINS 1024u
#define KEYS (BINS * 64u)

/* Chi square over BINS; expectation BINS - 1, deviation sqrt(2 * BINS) = 45. */
static double chi_square(const uint32_t *bin, uint32_t bins, uint32_t keys)
{
	double expect = (double)keys / bins, sum = 0;

	for (uint32_t i = 0; i < bins; i++)
		sum += (bin[i] - expect) * (bin[i] - expect) / expect;
	return sum;
}

static void spread_check(uint64_t first, uint64_t stride, unsigned bytes, uint32_t seed)
{
	static uint32_t low[BINS], top[256];

	memset(low, 0, sizeof(low));
	memset(top, 0, sizeof(top));
	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t key = first + i * stride;
		uint64_t hash = data_hash_int(bytes == 4 ? (uint32_t)key : key, bytes, seed);

		low[hash & (BINS - 1)]++;
		top[hash >> 56]++;
	}
	/* Six deviations. */
	assert_true(chi_square(low, BINS, KEYS) < 1023 + 6 * 45.2);
	assert_true(chi_square(top, 256, KEYS) < 255 + 6 * 22.6);
}

static void test_spread(void **state)
{
	static const uint64_t strides[] = {1, 2, 8, 64, 1000, 4096, 65536, 0x9e3779b97f4a7c15ull};

	(void)state;
	for (uint32_t seed = 0; seed < 40; seed++)
		for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
			spread_check(seed * 977u, strides[i], 8, seed * 0x01000193u);
			if (strides[i] < 65536)
				spread_check(seed * 977u, strides[i], 4, seed * 0x01000193u);
		}
	for (uint32_t seed = 0; seed < 10; seed++) { /* only high bits differ */
		spread_check(0, UINT64_C(1) << 32, 8, seed);
		spread_check(0, UINT64_C(1) << 47, 8, seed);
	}
}

/* Bytes as programs have them for keys: numbered names, records that differ in one place, runs of one byte. */
static size_t bytes_make(int kind, uint32_t i, unsigned char *out)
{
	switch (kind) {
	case 0:
		return (size_t)sprintf((char *)out, "key-%u", i);
	case 1: /* a path: what differs is in the middle */
		return (size_t)sprintf((char *)out, "/srv/data/%08u/index.html", i);
	case 2: /* 32 bytes, of which three say something */
		memset(out, 0, 32);
		memcpy(out + 13, &i, 3);
		return 32;
	case 3: /* the length alone */
		memset(out, 0, 1 + i);
		return 1 + i;
	default: /* 200 bytes, the last three differ */
		memset(out, 0xff, 200);
		memcpy(out + 197, &i, 3);
		return 200;
	}
}

static void test_spread_bytes(void **state)
{
	static uint32_t low[BINS], top[256];
	static unsigned char key[16384];

	(void)state;
	for (int kind = 0; kind < 5; kind++)
		for (uint32_t seed = 0; seed < 8; seed++) {
			uint32_t keys = kind == 3 ? BINS * 8 : KEYS;

			memset(low, 0, sizeof(low));
			memset(top, 0, sizeof(top));
			for (uint32_t i = 0; i < keys; i++) {
				size_t bytes = bytes_make(kind, i, key);
				uint64_t hash = data_hash_bytes(key, bytes, seed * 0x01000193u);

				low[hash & (BINS - 1)]++;
				top[hash >> 56]++;
			}
			assert_true(chi_square(low, BINS, keys) < 1023 + 6 * 45.2);
			assert_true(chi_square(top, 256, keys) < 255 + 6 * 22.6);
		}
}

/* Of every length: each bit of the key flips about half of the hash's, and no prefix of zeros hashes as
 * another. */
static void test_bits_of_bytes(void **state)
{
	unsigned char key[100] = {0};
	uint64_t before[101];

	(void)state;
	for (size_t bytes = 0; bytes <= sizeof(key); bytes++) {
		uint64_t flips = 0;

		before[bytes] = data_hash_bytes(key, bytes, 7);
		for (size_t other = 0; other < bytes; other++)
			assert_int_not_equal(before[bytes], before[other]);
		for (size_t bit = 0; bit < bytes * 8; bit++) {
			uint64_t differ;

			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
			differ = before[bytes] ^ data_hash_bytes(key, bytes, 7);
			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
			assert_in_range(__builtin_popcountll(differ), 10, 54);
			flips += (uint64_t)__builtin_popcountll(differ);
		}
		if (bytes > 3)
			assert_in_range(flips, bytes * 8 * 28, bytes * 8 * 36);
	}
}

/* Each bit of key or seed flips each bit of the hash about half the time. */
static void test_avalanche(void **state)
{
	enum { ROUNDS = 4096 };
	static uint32_t flips[96][64];

	(void)state;
	memset(flips, 0, sizeof(flips));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t key = i * 0x2545f4914f6cdd1dull;
		uint32_t seed = (uint32_t)(i * 2654435761u);
		uint64_t hash = data_hash_int(key, 8, seed);

		for (unsigned in = 0; in < 96; in++) {
			uint64_t other = in < 64 ? data_hash_int(key ^ (UINT64_C(1) << in), 8, seed)
						 : data_hash_int(key, 8, seed ^ (1u << (in - 64)));

			for (unsigned out = 0; out < 64; out++)
				flips[in][out] += (hash ^ other) >> out & 1;
		}
	}
	for (unsigned in = 0; in < 96; in++)
		for (unsigned out = 0; out < 64; out++)
			assert_in_range(flips[in][out], ROUNDS * 4 / 10, ROUNDS * 6 / 10);
}

/* Fixed values: a change here changes every simulated run. */
static void test_portable(void **state)
{
	static const uint64_t want[8] = {
		0x61c5262c60f04e24ull, 0x9737eef2b60ae98aull, 0x48eb3c60ef469e0aull,
		0x91e89f382de6062ull, 0xe6e06f7e4ece8990ull, 0x3a5518b7c9b50b4ull,
		0xa75aec5982e8fcfcull, 0xb3814cc044bc1937ull,
	};
	static const char text[128] = "The same key and seed give the same hash everywhere, "
				      "which the simulation needs; and so does this text.";

	(void)state;
	assert_int_equal(data_hash_int(0, 8, 0), 0x7b4d884bfd3ab286ull);
	assert_int_equal(data_hash_int(1, 8, 0x2481), 0x7f14b388c48d09b1ull);
	assert_int_equal(data_hash_int(1, 4, 0x2481), 0x1c23f319ce4ab649ull);
	assert_int_equal(data_hash_int(UINT64_MAX, 8, UINT32_MAX), 0x4184f7910f7467d6ull);
	for (size_t bytes = 0, i = 0; i < 8; bytes = bytes * 2 + 1, i++)
		assert_int_equal(data_hash_bytes(text, bytes, 0x2481), want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_bytes),
		cmocka_unit_test(test_bits_of_bytes),
		cmocka_unit_test(test_avalanche),
		cmocka_unit_test(test_portable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
