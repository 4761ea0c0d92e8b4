/*
 * test_moment.c: moments: what is read and what is not, against the C library's calendar, and shown
 * again.
 */
#define _GNU_SOURCE 1 /* timegm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/base/moment.h"
#include "tests/unit/test_draw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define S_NS  INT64_C(1000000000)
#define MS_NS INT64_C(1000000)
#define DRAWS 20000

static void test_read(void **state)
{
	static const struct {
		const char *text;
		int e;
		bool dated;
		int64_t ns;
	} rows[] = {
		{"03:12", 0, false, (3 * 3600 + 12 * 60) * S_NS},
		{"03:12:22", 0, false, (3 * 3600 + 12 * 60 + 22) * S_NS},
		{"03:12:22.25", 0, false, (3 * 3600 + 12 * 60 + 22) * S_NS + 250 * MS_NS},
		{"00:00:00.000000001", 0, false, 1},
		{"00:00:00.0000000019", 0, false, 1},
		{"1971-01-01T00:00:00Z", 0, true, 365 * GCS_DAY_NS},
		{"2000-02-29 12:00:00Z", 0, true, 951825600 * S_NS},
		{"2024-05-03T03:12:00+02:00", 0, true, 1714698720 * S_NS},
		{"2024-05-02t20:42:00-04:30", 0, true, 1714698720 * S_NS},
		{"2016-12-31T23:59:60Z", 0, true, 1483228800 * S_NS},
		{"24:00", -ERANGE, false, 0},
		{"23:60", -ERANGE, false, 0},
		{"23:59:60", -ERANGE, false, 0},
		{"12:00:60", -ERANGE, false, 0},
		{"2023-02-29T00:00:00Z", -ERANGE, false, 0},
		{"1900-01-01T00:00:00Z", -ERANGE, false, 0},
		{"2024-13-01T00:00:00Z", -ERANGE, false, 0},
		{"2024-04-31T00:00:00Z", -ERANGE, false, 0},
		{"2024-05-03T03:12:00+24:00", -ERANGE, false, 0},
		{"2024-05-03T03:12:00", -EINVAL, false, 0},
		{"2024-05-03T03:12Z", -EINVAL, false, 0},
		{"2024-05-03", -EINVAL, false, 0},
		{"2024-05-03T03:12:00+0200", -EINVAL, false, 0},
		{"2024-05-03T03:12:00Z ", -EINVAL, false, 0},
		{"3:12", -EINVAL, false, 0},
		{"03:12:", -EINVAL, false, 0},
		{"03:12:00.", -EINVAL, false, 0},
		{"03:12Z", -EINVAL, false, 0},
		{"0312", -EINVAL, false, 0},
		{"", -EINVAL, false, 0},
		{"yesterday", -EINVAL, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gcs_moment m = {.ns = -1};
		int e = gcs_parse_moment(rows[i].text, &m);
		bool read = m.given && m.dated == rows[i].dated && m.ns == rows[i].ns;
		bool same = e == rows[i].e && (e ? m.ns == -1 && !m.given : read);
		if (!same)
			fail_msg("'%s': %d, %lld", rows[i].text, e, (long long)m.ns);
	}
}

static void test_show(void **state)
{
	char text[GCS_MOMENT_TEXT];
	struct gcs_moment m;
	(void)state;
	assert_int_equal(gcs_parse_moment("23:59:59", &m), 0);
	assert_string_equal(gcs_show_moment(text, &m, 1250 * MS_NS), "00:00:00.25");
	assert_string_equal(gcs_show_moment(text, &m, -GCS_DAY_NS), "23:59:59");
	assert_int_equal(gcs_parse_moment("2024-02-28T23:30:00-04:30", &m), 0);
	assert_string_equal(gcs_show_moment(text, &m, 3600 * S_NS), "2024-02-29T00:30:00-04:30");
	assert_string_equal(gcs_show_moment_clock(text, &m, 3600 * S_NS), "00:30:00");
	assert_true(gcs_moment_day_ns(&m) == (23 * 3600 + 30 * 60) * S_NS);
	assert_int_equal(gcs_parse_moment("2024-12-31T23:59:59.999Z", &m), 0);
	assert_string_equal(gcs_show_moment(text, &m, MS_NS), "2025-01-01T00:00:00Z");
}

/* Any moment of those years, in any zone: as the C library has it, and back. */
static void test_calendar(void **state)
{
	const char *seed = getenv("GCS_TEST_SEED");
	(void)state;
	draw_state = seed ? strtoull(seed, NULL, 0) : 0x2481;
	print_message("GCS_TEST_SEED=%llu\n", (unsigned long long)draw_state);
	for (int i = 0; i < DRAWS; i++) {
		time_t t = 31536000 + 86400 + (time_t)draw(7200000000);
		int zone = (int)draw(2 * 1439 + 1) - 1439;
		time_t local = t + zone * 60;
		int64_t later_ns = (int64_t)draw(200 * 86400) * S_NS;
		char text[96], again[GCS_MOMENT_TEXT];
		struct gcs_moment m;
		struct tm tm;
		gmtime_r(&local, &tm);
		int n = (int)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		if (zone == 0)
			snprintf(text + n, sizeof text - (size_t)n, "Z");
		else
			snprintf(text + n, sizeof text - (size_t)n, "%c%02d:%02d",
				 zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
		assert_int_equal(gcs_parse_moment(text, &m), 0);
		assert_true(m.dated && m.ns == (int64_t)t * S_NS);
		assert_true(gcs_moment_day_ns(&m) == (local % 86400 + 86400) % 86400 * S_NS);
		assert_string_equal(gcs_show_moment(again, &m, 0), text);
		struct gcs_moment from = m;
		from.ns -= later_ns;
		assert_string_equal(gcs_show_moment(again, &from, later_ns), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_read),
					   cmocka_unit_test(test_show),
					   cmocka_unit_test(test_calendar)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
