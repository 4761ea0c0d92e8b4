/*
 * test_map_hash.c: the quality of the map hash on the keys that programs use: bucket index (low
 * bits) and tophash (high byte) spread evenly for runs, strides and multiples; seeds matter; the
 * values are the same on every machine.
 */
#include "runtime/data/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
	(void)state;
	assert_int_equal(data_hash_int(0, 8, 0), 0x7b4d884bfd3ab286ull);
	assert_int_equal(data_hash_int(1, 8, 0x2481), 0x7f14b388c48d09b1ull);
	assert_int_equal(data_hash_int(1, 4, 0x2481), 0x1c23f319ce4ab649ull);
	assert_int_equal(data_hash_int(UINT64_MAX, 8, UINT32_MAX), 0x4184f7910f7467d6ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_avalanche),
		cmocka_unit_test(test_portable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
