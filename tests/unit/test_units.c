/* test_units.c: numbers as people write them: what is read, what is refused, and that showing and
 * reading agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *text;
	int e;
	int64_t ns;
} times[] = {
	{"5s", 0, 5000000000},
	{"2ms", 0, 2000000},
	{"2.5ms", 0, 2500000},
	{"1us", 0, 1000},
	{"7ns", 0, 7},
	{"1m", 0, 60000000000},
	{"2h", 0, 7200000000000},
	{"0s", 0, 0},
	{"0.5s", 0, 500000000},
	{"1.000000001s", 0, 1000000001},
	{"9223372036854775807ns", 0, INT64_MAX},
	{"9223372036854775808ns", -ERANGE, 0},
	{"99999999999999999999s", -ERANGE, 0},
	{"1.0000000001s", -ERANGE, 0},
	{"0.1ns", -ERANGE, 0},
	{"1e3s", -EINVAL, 0},
	{"5", -EINVAL, 0},
	{"5 s", -EINVAL, 0},
	{"5S", -EINVAL, 0},
	{"5sec", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{"", -EINVAL, 0},
	{"-5s", -EINVAL, 0},
	{"+5s", -EINVAL, 0},
	{".5s", -EINVAL, 0},
	{"5.s", -EINVAL, 0},
	{"05s", -EINVAL, 0},
	{"1,5s", -EINVAL, 0},
	{"0x5s", -EINVAL, 0},
	{"1.2.3s", -EINVAL, 0},
	{"nan", -EINVAL, 0},
	{"inf", -EINVAL, 0},
	{"5s ", -EINVAL, 0},
	{" 5s", -EINVAL, 0},
};

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t ns = -77;
		int e = gcs_parse_duration(times[i].text, &ns);
		if (e != times[i].e || (e == 0 && ns != times[i].ns))
			fail_msg("'%s': %d, %lld", times[i].text, e, (long long)ns);
		if (e)
			assert_int_equal(ns, -77); /* untouched on failure */
	}
}

typedef int parse_fn(const char *, uint64_t *);
static const struct {
	parse_fn *parse;
	const char *text;
	int e;
	uint64_t v;
} numbers[] = {
	{gcs_parse_bytes, "64B", 0, 64},
	{gcs_parse_bytes, "512MiB", 0, 512u << 20},
	{gcs_parse_bytes, "1.5KiB", 0, 1536},
	{gcs_parse_bytes, "1kB", 0, 1000},
	{gcs_parse_bytes, "2GB", 0, 2000000000},
	{gcs_parse_bytes, "1TiB", 0, UINT64_C(1) << 40},
	{gcs_parse_bytes, "512", -EINVAL, 0},
	{gcs_parse_bytes, "512M", -EINVAL, 0},
	{gcs_parse_bytes, "512Mb", -EINVAL, 0},
	{gcs_parse_bytes, "1KB", -EINVAL, 0},
	{gcs_parse_bytes, "0.5B", -ERANGE, 0},
	{gcs_parse_bytes, "16777216TiB", -ERANGE, 0},
	{gcs_parse_bytes, "16777215TiB", 0, UINT64_C(16777215) << 40},
	{gcs_parse_count, "0", 0, 0},
	{gcs_parse_count, "200k", 0, 200000},
	{gcs_parse_count, "1M", 0, 1000000},
	{gcs_parse_count, "1.5M", 0, 1500000},
	{gcs_parse_count, "1e6", -EINVAL, 0},
	{gcs_parse_count, "10_000", -EINVAL, 0},
	{gcs_parse_count, "1.5", -ERANGE, 0},
	{gcs_parse_count, "1K", -EINVAL, 0},
	{gcs_parse_count, "007", -EINVAL, 0},
	{gcs_parse_count, "2%", -EINVAL, 0},
	{gcs_parse_count, "18446744073709551615", 0, UINT64_MAX},
	{gcs_parse_count, "18446744073709551616", -ERANGE, 0},
	{gcs_parse_rate, "5k/s", 0, 5000},
	{gcs_parse_rate, "10/s", 0, 10},
	{gcs_parse_rate, "0.5/s", -ERANGE, 0},
	{gcs_parse_rate, "5k", -EINVAL, 0},
	{gcs_parse_rate, "5k/m", -EINVAL, 0},
	{gcs_parse_rate, "/s", -EINVAL, 0},
	{gcs_parse_number, "0x2481", 0, 0x2481},
	{gcs_parse_number, "0XfF", 0, 255},
	{gcs_parse_number, "17", 0, 17},
	{gcs_parse_number, "0xffffffffffffffff", 0, UINT64_MAX},
	{gcs_parse_number, "0x10000000000000000", -ERANGE, 0},
	{gcs_parse_number, "0x", -EINVAL, 0},
	{gcs_parse_number, "0xg", -EINVAL, 0},
	{gcs_parse_number, "017", -EINVAL, 0},
	{gcs_parse_number, "1.0", -EINVAL, 0},
	{gcs_parse_number, "-1", -EINVAL, 0},
	{gcs_parse_number, "1k", -EINVAL, 0},
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t v = 0;
		int e = numbers[i].parse(numbers[i].text, &v);
		if (e != numbers[i].e || v != numbers[i].v)
			fail_msg("row %zu, '%s': %d, %llu", i, numbers[i].text, e,
				 (unsigned long long)v);
	}
}

static void test_shares(void **state)
{
	static const struct {
		const char *text;
		int e;
		uint32_t ppb;
	} rows[] = {
		{"0.02", 0, 20000000},
		{"2%", 0, 20000000},
		{"100%", 0, 1000000000},
		{"1", 0, 1000000000},
		{"0", 0, 0},
		{"0.000000001", 0, 1},
		{"0.0000001%", 0, 1},
		{"0.0000000001", -ERANGE, 0},
		{"1.1", -ERANGE, 0},
		{"101%", -ERANGE, 0},
		{"2 %", -EINVAL, 0},
		{"%", -EINVAL, 0},
		{"2%%", -EINVAL, 0},
		{"1e-3", -EINVAL, 0},
	};
	uint32_t milli = 0;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t v = 0;
		int e = gcs_parse_share(rows[i].text, &v);
		if (e != rows[i].e || v != rows[i].ppb)
			fail_msg("'%s': %d, %u", rows[i].text, e, v);
	}
	assert_int_equal(gcs_parse_factor("1.25", &milli), 0);
	assert_int_equal(milli, 1250);
	assert_int_equal(gcs_parse_factor("1.2505", &milli), -ERANGE);
	assert_int_equal(gcs_parse_factor("125%", &milli), -EINVAL);
}

static void test_words(void **state)
{
	bool b = false;
	int e = 0;
	(void)state;
	assert_int_equal(gcs_parse_bool("true", &b), 0);
	assert_true(b);
	assert_int_equal(gcs_parse_bool("false", &b), 0);
	assert_false(b);
	static const char *const no[] = {"yes", "no", "on", "off", "True", "1", "0", "", "y"};
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_int_equal(gcs_parse_bool(no[i], &b), -EINVAL);
	assert_int_equal(gcs_parse_errno("ENOMEM", &e), 0);
	assert_int_equal(e, ENOMEM);
	assert_int_equal(gcs_parse_errno("enomem", &e), -EINVAL);
	assert_int_equal(gcs_parse_errno("12", &e), -EINVAL);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int e;
		struct gcs_size size;
	} rows[] = {
		{"4KiB", 0, {GCS_DIST_FIXED, 4096, 4096, 0}},
		{"uniform(64B, 4KiB)", 0, {GCS_DIST_UNIFORM, 64, 4096, 0}},
		{"uniform(64B,4KiB)", 0, {GCS_DIST_UNIFORM, 64, 4096, 0}},
		{"zipf(1.2, 64B, 8MiB)", 0, {GCS_DIST_ZIPF, 64, 8 << 20, 1200}},
		{"zipf( 1 , 64B , 64B )", 0, {GCS_DIST_ZIPF, 64, 64, 1000}},
		{"zipf(1.2, 64B)", -EINVAL, {0}},
		{"zipf(1.2, 64B, 8MiB", -EINVAL, {0}},
		{"zipf(1.2, 64B, 8MiB))", -EINVAL, {0}},
		{"zipf(1.2, 64B, 8MiB, 9MiB)", -EINVAL, {0}},
		{"zipf(0, 64B, 8MiB)", -ERANGE, {0}},
		{"zipf(64B, 8MiB)", -EINVAL, {0}},
		{"uniform(8KiB, 64B)", -ERANGE, {0}},
		{"uniform(8, 64)", -EINVAL, {0}},
		{"0B", -ERANGE, {0}},
		{"normal(1B, 2B)", -EINVAL, {0}},
		{"zipf()", -EINVAL, {0}},
		{"uniform(,)", -EINVAL, {0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gcs_size size = {0};
		int e = gcs_parse_size(rows[i].text, &size);
		if (e != rows[i].e || memcmp(&size, &rows[i].size, sizeof size) != 0)
			fail_msg("'%s': %d", rows[i].text, e);
	}
}

/* What is shown is read again as the same. */
static void test_round_trip(void **state)
{
	static const uint64_t values[] = {1,	   7,	    999,	1000,	       1024,
					  1500,	   1536,    4096,	65536,	       1000000,
					  1048576, 2500000, 3221225472, 86400000000000};
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		char text[GCS_UNIT_TEXT];
		int64_t ns = 0;
		uint64_t v = 0;
		assert_int_equal(
			gcs_parse_duration(gcs_show_duration(text, (int64_t)values[i]), &ns), 0);
		assert_int_equal(ns, values[i]);
		assert_int_equal(gcs_parse_bytes(gcs_show_bytes(text, values[i]), &v), 0);
		assert_int_equal(v, values[i]);
		assert_int_equal(gcs_parse_count(gcs_show_count(text, values[i]), &v), 0);
		assert_int_equal(v, values[i]);
	}
	char text[GCS_UNIT_TEXT];
	assert_string_equal(gcs_show_count(text, 2500), "2.5k");
	assert_string_equal(gcs_show_count(text, 4294967295), "4294967295");
}

static void test_suggest(void **state)
{
	static const char *const words[] = {"workers", "rate",	      "keys",
					    "value",   "value_bytes", "mix"};
	static const struct {
		const char *word, *near;
	} rows[] = {
		{"worker", "workers"},
		{"wrokers", "workers"},
		{"Rate", "rate"},
		{"value-bytes", "value_bytes"},
		{"vaule", "value"},
		{"mx", "mix"},
		{"colour", NULL},
		{"", NULL},
		{"x", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "a",
		 NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *near = gcs_suggest(rows[i].word, words, sizeof words / sizeof words[0],
					       sizeof words[0]);
		if ((near == NULL) != (rows[i].near == NULL) ||
		    (near && strcmp(near, rows[i].near) != 0))
			fail_msg("'%s' gives '%s'", rows[i].word, near ? near : "(nothing)");
	}
}

static void test_flows(void **state)
{
	static const struct {
		const char *text;
		int e;
		uint64_t v;
	} rows[] = {
		{"5MiB/s", 0, 5 << 20},
		{"0B/s", 0, 0},
		{"1.5KiB/s", 0, 1536},
		{"5MiB", -EINVAL, 0},
		{"/s", -EINVAL, 0},
		{"5/s", -EINVAL, 0},
		{"5MiB /s", -EINVAL, 0},
		{"5MiB/s/s", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"0.3B/s", -ERANGE, 0},
		{"99999999TiB/s", -ERANGE, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 0;
		int e = gcs_parse_flow(rows[i].text, &v);
		if (e != rows[i].e || v != rows[i].v)
			fail_msg("'%s': %d, %llu", rows[i].text, e, (unsigned long long)v);
	}
}

static void test_ranges(void **state)
{
	static const struct {
		const char *text;
		int e;
		uint64_t min, max;
	} rows[] = {
		{"1KiB..8KiB", 0, 1024, 8192},	{"1KiB..", 0, 1024, 0},
		{"..8KiB", 0, 0, 8192},		{"64B", 0, 64, 64},
		{"64B..64B", 0, 64, 64},	{"1.5KiB..2KiB", 0, 1536, 2048},
		{"..", -EINVAL, 0, 0},		{"", -EINVAL, 0, 0},
		{"64..128", -EINVAL, 0, 0},	{"64B...128B", -EINVAL, 0, 0},
		{"64B .. 128B", -EINVAL, 0, 0}, {"64B-128B", -EINVAL, 0, 0},
		{"8KiB..1KiB", -ERANGE, 0, 0},	{"0B..8B", -ERANGE, 0, 0},
		{"..0B", -ERANGE, 0, 0},	{"0B", -ERANGE, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t min = 0, max = 0;
		int e = gcs_parse_range(rows[i].text, &min, &max);
		if (e != rows[i].e || min != rows[i].min || max != rows[i].max)
			fail_msg("'%s': %d, %llu..%llu", rows[i].text, e, (unsigned long long)min,
				 (unsigned long long)max);
	}
}

static void test_clocks(void **state)
{
	static const struct {
		const char *text;
		int e;
		int64_t seconds, rest_ns;
	} rows[] = {
		{"03:10:22", 0, 3 * 3600 + 10 * 60 + 22, 0},
		{"03:10:22.5", 0, 3 * 3600 + 10 * 60 + 22, 500000000},
		{"03:10:22.062500001", 0, 3 * 3600 + 10 * 60 + 22, 62500001},
		{"00:00:00", 0, 0, 0},
		{"23:59:59", 0, 24 * 3600 - 1, 0},
		{"24:00:00", -ERANGE, 0, 0},
		{"00:60:00", -ERANGE, 0, 0},
		{"00:00:60", -ERANGE, 0, 0},
		{"3:10:22", -EINVAL, 0, 0},
		{"03:10", -EINVAL, 0, 0},
		{"03:10:22Z", -EINVAL, 0, 0},
		{"03:10:22.", -EINVAL, 0, 0},
		{"03:10:22.1234567891", -EINVAL, 0, 0},
		{"03:10:22.5s", -EINVAL, 0, 0},
		{"23:60:22.5", -ERANGE, 0, 0},
		{"-3:10:22", -EINVAL, 0, 0},
		{"", -EINVAL, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ns = 0;
		int e = gcs_parse_clock(rows[i].text, &ns);
		if (e != rows[i].e || ns != rows[i].seconds * 1000000000 + rows[i].rest_ns)
			fail_msg("'%s': %d, %lld", rows[i].text, e, (long long)ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shares),	  cmocka_unit_test(test_words),
		cmocka_unit_test(test_sizes),	  cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_suggest),	  cmocka_unit_test(test_flows),
		cmocka_unit_test(test_ranges),	  cmocka_unit_test(test_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
