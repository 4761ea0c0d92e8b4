/*
 * test_incident.c: incident I5, simulated, in each of its designs: the pulses stand in its latency
 * where the late wakes were played and nowhere else; collections alone make none; and values behind
 * a pointer cost the marker the same whether the map or the program put them there.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults/gate.h"
#include "harness/measure/stats.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS	 INT64_C(1000000)
#define S	 (1000 * MS)
#define DELAY	 (1950 * MS)
#define QUEUE	 (850 * MS)	      /* added to it, at most */
#define SETTLED	 (DELAY + QUEUE + 200 * MS) /* after a pulse's start: it is over, as sampled */
#define CALM	 (20 * MS)
#define NET	 1
#define MAPS	 0
#define PULSES	 32

static const char *const designs[] = {NULL, "ptr", "pooled"};

static char dir[64];
static sqlite3 *db[3];

/* A record of a shorter incident, in the finest windows. */
static void play(size_t design)
{
	const char *build = getenv("GCSTORM_BUILD"), *source = getenv("GCSTORM_SOURCE");
	const char *name = designs[design];
	char *command;
	assert_true(asprintf(&command,
			     "exec %s/gcstorm run --sim --plain %s%s -o %s/%zu.gcrun"
			     " --set phases.warmup.for=20s --set phases.calm.for=80s"
			     " --set phases.incident.for=480s --set recovery.window=2s"
			     " --set expect=[] %s/incidents/big-value-map.yaml >%s/out 2>%s/err",
			     build ? build : ".", name ? "--variant " : "", name ? name : "", dir,
			     design, source ? source : ".", dir, dir) > 0);
	int status = system(command);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 5))
		fail_msg("status %x: %s (its output is in %s)", status, command, dir);
	free(command);
	assert_true(asprintf(&command, "%s/%zu.gcrun", dir, design) > 0);
	assert_int_equal(sqlite3_open_v2(command, &db[design], SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	free(command);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_incident.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (size_t d = 0; d < 3 && GCS_FAULTS; d++)
		play(d);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	for (size_t d = 0; d < 3; d++)
		sqlite3_close(db[d]);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* One number; NULL is -1. */
static double ask(sqlite3 *from, const char *sql)
{
	sqlite3_stmt *q;
	assert_int_equal(sqlite3_prepare_v2(from, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	double v = sqlite3_column_type(q, 0) == SQLITE_NULL ? -1 : sqlite3_column_double(q, 0);
	sqlite3_finalize(q);
	return v;
}

/* The slowest operation of a workload in the intervals that lie in [from, to), or (touch) have a
 * part there. */
static int64_t slowest(sqlite3 *from, int workload, int64_t from_ns, int64_t to_ns, bool touch)
{
	const char *sql =
		touch ? "SELECT o.hist FROM interval_ops o JOIN intervals i ON i.idx=o.interval "
			"WHERE o.workload=?1 AND i.end_ns>?2 AND i.start_ns<?3"
		      : "SELECT o.hist FROM interval_ops o JOIN intervals i ON i.idx=o.interval "
			"WHERE o.workload=?1 AND i.start_ns>=?2 AND i.end_ns<=?3";
	sqlite3_stmt *q;
	uint64_t max = 0;
	assert_int_equal(sqlite3_prepare_v2(from, sql, -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_int(q, 1, workload);
	sqlite3_bind_int64(q, 2, from_ns);
	sqlite3_bind_int64(q, 3, to_ns);
	while (sqlite3_step(q) == SQLITE_ROW) {
		struct watch_hist_sum h;
		int n = sqlite3_column_bytes(q, 0);
		if (n && gcs_hist_decode(&h, sqlite3_column_blob(q, 0), (size_t)n) == 0 &&
		    h.max_ns > max)
			max = h.max_ns;
	}
	sqlite3_finalize(q);
	return (int64_t)max;
}

/* When the late wakes were played. */
static size_t pulses(sqlite3 *from, int64_t start[PULSES], int64_t end[PULSES])
{
	sqlite3_stmt *q;
	size_t n = 0;
	assert_int_equal(sqlite3_prepare_v2(from,
					    "SELECT start_ns,o.end_ns FROM occurrences o JOIN faults f "
					    "ON f.idx=o.fault WHERE f.id='script' ORDER BY start_ns",
					    -1, &q, NULL),
			 SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW && n < PULSES) {
		start[n] = sqlite3_column_int64(q, 0);
		end[n++] = sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
	return n;
}

static void need_faults(void)
{
	if (!GCS_FAULTS)
		skip();
}

static void check_pulses(sqlite3 *from)
{
	int64_t start[PULSES], end[PULSES], between = 0;
	size_t n = pulses(from, start, end);
	assert_in_range(n, 5, 7); /* 24 s, one in 4 s */
	for (size_t i = 0; i < n; i++) {
		int64_t peak = slowest(from, NET, start[i], end[i] + DELAY + QUEUE, true);
		int64_t next = i + 1 < n ? start[i + 1] : start[i] + 6 * S;
		assert_true(end[i] - start[i] == 600 * MS);
		assert_true(i == 0 || (start[i] - start[i - 1] >= 3 * S &&
				       start[i] - start[i - 1] <= 5 * S));
		if (peak < DELAY / 10 * 9 || peak > DELAY + QUEUE + 100 * MS)
			fail_msg("pulse %zu at %.3f s: the slowest request took %.3f s", i,
				 (double)start[i] / 1e9, (double)peak / 1e9);
		if (next - start[i] <= SETTLED + 200 * MS)
			continue; /* the next one follows on its heels */
		between += next - start[i] - SETTLED;
		int64_t calm = slowest(from, NET, start[i] + SETTLED, next, false);
		if (calm > CALM)
			fail_msg("after pulse %zu at %.3f s: a request took %.3f s", i,
				 (double)start[i] / 1e9, (double)calm / 1e9);
	}
	assert_true(between > 2 * S);
}

static void test_pulses_where_wakes_are_late(void **state)
{
	(void)state;
	need_faults();
	for (size_t d = 0; d < 3; d++)
		check_pulses(db[d]);
}

/* The map has no connections: nothing of it is late. */
static void test_the_map_goes_on(void **state)
{
	(void)state;
	need_faults();
	for (size_t d = 0; d < 3; d++) {
		/* whole windows: what is left after the last phase is none */
		assert_true(ask(db[d], "SELECT min(o.count) FROM interval_ops o JOIN intervals i ON i.idx=o.interval"
				       " WHERE o.workload=0 AND i.phase>=0 AND i.end_ns<=(SELECT max(end_ns) FROM phases)"
				       " AND i.end_ns-i.start_ns=(SELECT end_ns-start_ns FROM intervals WHERE idx=0)") > 0);
		assert_true(slowest(db[d], MAPS, 0, 60 * S, false) < CALM);
	}
}

static void test_collections_make_none(void **state)
{
	(void)state;
	need_faults();
	for (size_t d = 0; d < 3; d++) {
		int64_t from = (int64_t)ask(db[d], "SELECT start_ns FROM phases WHERE id='control'");
		int64_t to = (int64_t)ask(db[d], "SELECT end_ns FROM phases WHERE id='control'");
		assert_true(ask(db[d], "SELECT sum(gc_forced) FROM intervals JOIN phases p ON "
				       "p.idx=phase WHERE p.id='control'") > 20);
		assert_true(slowest(db[d], NET, from, to, false) < CALM);
		assert_true(slowest(db[d], NET, 1 * S, 5 * S, false) < CALM);
	}
}

static double told(sqlite3 *from, const char *what)
{
	char sql[160];
	snprintf(sql, sizeof sql, "SELECT value FROM reported WHERE what='%s'", what);
	return ask(from, sql);
}

/* Claims f and g: a value of 1 KiB lies in an object of its own, which is marked and not read. */
static void test_values_are_not_scanned(void **state)
{
	(void)state;
	need_faults();
	double indirect = told(db[0], "mark of 10,000 entries"), ptr = told(db[1], "mark of 10,000 entries");
	assert_true(indirect > 0 && ptr > 0);
	/* They tell of 8.5 times. How early the second worker comes makes some difference. */
	assert_true(indirect < 1.5 * ptr && ptr < 1.5 * indirect);
	indirect = told(db[0], "heap of 10,000 entries");
	ptr = told(db[1], "heap of 10,000 entries");
	assert_true(indirect > 10e6 && indirect < 1.1 * ptr && ptr < 1.1 * indirect);
}

static void test_figures(void **state)
{
	(void)state;
	need_faults();
	for (size_t d = 0; d < 3; d++) {
		double width = told(db[d], "length of a pulse");
		double period = told(db[d], "from pulse to pulse"), errors = told(db[d], "errors");
		assert_true(width > 2e9 && width < 3.1e9);
		assert_true(period > 3e9 && period < 5e9);
		assert_true(errors > 0.01 && errors < 0.3);
		assert_true(told(db[d], "P99 in it") > DELAY && told(db[d], "P99 before") < CALM);
		assert_true(told(db[d], "pulses with a stop or late wake") == 1);
		assert_true(told(db[d], "pulses while GCs are forced") == 0);
		assert_true(told(db[d], "rollout of the fix") == -1); /* a note, no figure */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pulses_where_wakes_are_late),
		cmocka_unit_test(test_the_map_goes_on),
		cmocka_unit_test(test_collections_make_none),
		cmocka_unit_test(test_values_are_not_scanned),
		cmocka_unit_test(test_figures),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
